//! Long polls: what ends them.

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::Message;
use hub_runtime::Clock;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Bench;
use crate::aws::Embedded;

/// Long enough that a poll which does not wake fails the test, short of the poll's own end.
const SOON: Duration = Duration::from_secs(10);

fn poll(bench: &Bench) -> JoinHandle<Vec<Message>> {
    let poll = bench
        .client
        .receive_message()
        .queue_url(&bench.url)
        .wait_time_seconds(20);
    tokio::spawn(async move { poll.send().await.unwrap().messages.unwrap_or_default() })
}

/// Sees that the poll waits, then does what should end it, and returns what came.
async fn ended_by(mut poll: JoinHandle<Vec<Message>>, end: impl AsyncFnOnce()) -> Vec<String> {
    let too_early = timeout(Duration::from_millis(50), &mut poll).await;
    assert!(too_early.is_err(), "the poll did not wait");
    end().await;
    let messages = timeout(SOON, poll)
        .await
        .expect("the poll went on")
        .unwrap();
    messages
        .into_iter()
        .map(|message| message.body.unwrap())
        .collect()
}

#[tokio::test]
async fn a_poll_ends_when_a_message_arrives() {
    let bench = Bench::standard().await;
    let came = ended_by(poll(&bench), async || drop(bench.post("now").await)).await;
    assert_eq!(came, ["now"]);
}

#[tokio::test]
async fn a_poll_ends_when_the_clock_is_turned_past_a_delay() {
    let bench = Bench::standard().await;
    let send = bench
        .client
        .send_message()
        .queue_url(&bench.url)
        .message_body("delayed");
    send.delay_seconds(900).send().await.unwrap();
    let came = ended_by(poll(&bench), async || {
        bench.turn(899);
        bench.turn(1);
    });
    assert_eq!(came.await, ["delayed"]);
}

#[tokio::test]
async fn a_poll_ends_when_a_delay_does_by_the_machines_clock() {
    let bench = Bench::at(Clock::system(), "wake-ups", &[]).await;
    let poll = poll(&bench);
    let began = Instant::now();
    let send = bench
        .client
        .send_message()
        .queue_url(&bench.url)
        .message_body("delayed");
    send.delay_seconds(1).send().await.unwrap();
    let messages = timeout(SOON, poll).await.unwrap().unwrap();
    assert_eq!(messages[0].body(), Some("delayed"));
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_poll_ends_when_the_visibility_timeout_does() {
    let bench = Bench::fifo().await;
    bench.send("a", "one").await;
    bench.receive_one().await;
    assert_eq!(
        ended_by(poll(&bench), async || bench.turn(30)).await,
        ["one"]
    );
}

#[tokio::test]
async fn a_poll_ends_when_the_holder_of_its_group_is_done() {
    let bench = Bench::fifo().await;
    bench.send("a", "one").await;
    bench.send("a", "two").await;
    let held = bench.receive_one().await;
    assert_eq!(
        ended_by(poll(&bench), async || bench.delete(&held).await).await,
        ["two"]
    );
}

#[tokio::test]
async fn a_poll_ends_when_a_message_is_handed_back() {
    let bench = Bench::standard().await;
    bench.post("one").await;
    let held = bench.receive_one().await;
    assert_eq!(
        ended_by(poll(&bench), async || bench.hide(&held, 0).await).await,
        ["one"]
    );
}

#[tokio::test]
async fn a_poll_that_finds_nothing_ends_after_its_wait() {
    let bench = Bench::standard().await;
    let began = Instant::now();
    let poll = bench
        .client
        .receive_message()
        .queue_url(&bench.url)
        .wait_time_seconds(1);
    assert!(poll.send().await.unwrap().messages().is_empty());
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_shutdown_ends_polls_at_once() {
    let embedded = Embedded::start(None, Clock::system()).await.unwrap();
    let (_, client) = embedded.clients();
    let url = super::make_queue(&client, "wake-ups", &[]).await;
    let poll = client
        .receive_message()
        .queue_url(&url)
        .wait_time_seconds(20);
    let poll = tokio::spawn(async move { poll.send().await.unwrap().messages.unwrap_or_default() });
    let came = ended_by(poll, async || {
        timeout(SOON, embedded.shutdown()).await.unwrap()
    });
    assert!(came.await.is_empty());
}
