use hub_domain::{Action, Event, ItemKind, MediaItem, ServerRef, Source, UserId};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::*;
use crate::aws::Aws;

/// A queue on loopback that takes every message, except those whose body holds "poison"; a queue named `down` answers
/// 400. It tells each call's request.
struct Twin {
    url: String,
    told: mpsc::UnboundedReceiver<Value>,
}

impl Twin {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, told) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, tell.clone()));
            }
        });
        Self { url, told }
    }

    fn queues(&self) -> Queues {
        let queue = |name: &str| format!("{}/1/{name}", self.url);
        let urls = QueueUrls {
            events: Some(queue("events.fifo")),
            deliver: BTreeMap::from([
                (Service::Trakt, queue("down")),
                (Service::ListenBrainz, queue("deliver-listenbrainz")),
            ]),
        };
        Queues::new(Aws::on_loopback(&self.url, &self.url).sqs, urls)
    }

    fn calls(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.told.try_recv().ok()).collect()
    }
}

async fn serve(mut stream: TcpStream, tell: mpsc::UnboundedSender<Value>) {
    let (mut received, mut bytes) = (Vec::new(), vec![0; 65_536]);
    while let Ok(length @ 1..) = stream.read(&mut bytes).await {
        received.extend_from_slice(&bytes[..length]);
        let Some(head) = received.windows(4).position(|end| end == b"\r\n\r\n") else {
            continue;
        };
        let Ok(call) = serde_json::from_slice::<Value>(&received[head + 4..]) else {
            continue;
        };
        received.clear();
        let (status, body) = answer(&call);
        tell.send(call).ok();
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(answer.as_bytes()).await.ok();
    }
}

fn answer(call: &Value) -> (&'static str, String) {
    if call["QueueUrl"].as_str().unwrap().ends_with("/down") {
        let body = json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "gone"});
        return ("400 Bad Request", body.to_string());
    }
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in call["Entries"].as_array().unwrap() {
        if entry["MessageBody"].as_str().unwrap().contains("poison") {
            failed.push(json!({"Id": entry["Id"], "Code": "InternalError", "SenderFault": false}));
        } else {
            successful.push(
                json!({"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody":
                "00000000000000000000000000000000"}),
            );
        }
    }
    (
        "200 OK",
        json!({"Successful": successful, "Failed": failed}).to_string(),
    )
}

fn event(user: u128, title: &str) -> EventMessage {
    let mut media = MediaItem::new(ItemKind::Track);
    media.title = Some(title.to_owned());
    let at = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let event = Event::new(ServerRef::unnamed(Source::Plex), Action::Stop, media, at);
    let user = UserId(Uuid::from_u128(user));
    EventMessage::new(user, "webhook:plex", Incoming::Event(Box::new(event)))
}

fn wake(service: Service) -> Wake {
    Wake::deliver(UserId(Uuid::from_u128(7)), service, Vec::new())
}

#[tokio::test]
async fn events_go_out_ten_at_once_in_order_under_their_user_and_their_own_id() {
    let mut twin = Twin::start().await;
    let events: Vec<EventMessage> = (0..23).map(|at| event(at % 2, &at.to_string())).collect();
    twin.queues().send_events(&events).await.unwrap();
    let calls = twin.calls();
    let sizes: Vec<usize> = calls
        .iter()
        .map(|call| call["Entries"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [10, 10, 3]);
    let entries = calls
        .iter()
        .flat_map(|call| call["Entries"].as_array().unwrap());
    for (entry, event) in entries.zip(&events) {
        assert_eq!(entry["MessageGroupId"], event.user.to_string());
        assert_eq!(entry["MessageDeduplicationId"], event.id.to_string());
        assert!(
            entry.get("DelaySeconds").is_none(),
            "a FIFO queue refuses it"
        );
        let body = entry["MessageBody"].as_str().unwrap();
        assert_eq!(&read_event(body).unwrap(), event);
    }
}

#[tokio::test]
async fn large_events_share_a_call_only_while_they_fit() {
    let mut twin = Twin::start().await;
    let events: Vec<EventMessage> = (0..3).map(|_| event(1, &"x".repeat(100_000))).collect();
    twin.queues().send_events(&events).await.unwrap();
    assert_eq!(twin.calls().len(), 2);
}

#[tokio::test]
async fn an_event_too_large_for_any_queue_is_refused_before_anything_is_sent() {
    let mut twin = Twin::start().await;
    let events = [event(1, "small"), event(1, &"x".repeat(MOST_BYTES))];
    let error = twin.queues().send_events(&events).await.unwrap_err();
    assert!(
        error.is_for_good() && matches!(error, SendError::TooLarge { .. }),
        "{error}"
    );
    assert!(twin.calls().is_empty());
}

#[tokio::test]
async fn a_partly_failed_batch_is_an_error_and_ends_the_sending() {
    let mut twin = Twin::start().await;
    let mut events: Vec<EventMessage> = (0..15).map(|at| event(1, &at.to_string())).collect();
    events[4] = event(1, "poison");
    let error = twin.queues().send_events(&events).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "events.fifo left out 1 of 10 messages: InternalError"
    );
    assert!(!error.is_for_good());
    assert_eq!(twin.calls().len(), 1);
}

#[tokio::test]
async fn wake_ups_carry_their_user_and_a_delay_that_is_never_too_short_or_too_long() {
    let mut twin = Twin::start().await;
    let delays = [
        (Duration::ZERO, 0),
        (Duration::from_millis(1_001), 2),
        (Duration::from_secs(900), 900),
        (Duration::from_secs(2_852), 900),
    ];
    let wakes: Vec<(Wake, Duration)> = delays
        .iter()
        .map(|(delay, _)| (wake(Service::ListenBrainz), *delay))
        .collect();
    twin.queues().send_wakes(&wakes).await.unwrap();
    let calls = twin.calls();
    assert_eq!(calls.len(), 1);
    for ((_, seconds), entry) in delays.iter().zip(calls[0]["Entries"].as_array().unwrap()) {
        assert_eq!(entry["DelaySeconds"], *seconds);
        assert_eq!(
            entry["MessageGroupId"],
            "00000000-0000-0000-0000-000000000007"
        );
        assert!(entry.get("MessageDeduplicationId").is_none());
    }
}

#[tokio::test]
async fn one_queue_in_trouble_does_not_hold_up_another() {
    let mut twin = Twin::start().await;
    let wakes =
        [Service::Trakt, Service::ListenBrainz].map(|service| (wake(service), Duration::ZERO));
    let error = twin.queues().send_wakes(&wakes).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("down did not take the messages"),
        "{error}"
    );
    let urls: Vec<String> = twin
        .calls()
        .iter()
        .map(|call| call["QueueUrl"].to_string())
        .collect();
    assert_eq!(urls.len(), 2);
    assert!(urls[1].contains("deliver-listenbrainz"));
}

#[tokio::test]
async fn a_service_without_a_queue_is_off_and_not_woken() {
    let mut twin = Twin::start().await;
    let wakes = [(wake(Service::LastFm), Duration::ZERO)];
    assert!(twin.queues().send_wakes(&wakes).await.is_ok());
    assert!(twin.calls().is_empty());
}

#[tokio::test]
async fn without_an_address_or_a_server_events_are_not_taken() {
    let aws = Aws::on_loopback("http://127.0.0.1:1", "http://127.0.0.1:1");
    let nowhere = Queues::new(aws.sqs.clone(), QueueUrls::default());
    assert!(nowhere.send_events(&[event(1, "a")]).await.is_err());
    assert!(nowhere.send_events(&[]).await.is_ok());
    let events = Some("http://127.0.0.1:1/1/events.fifo".to_owned());
    let closed = Queues::new(
        aws.sqs,
        QueueUrls {
            events,
            ..QueueUrls::default()
        },
    );
    let error = closed.send_events(&[event(1, "a")]).await.unwrap_err();
    assert!(matches!(error, SendError::Refused { .. }), "{error}");
}
