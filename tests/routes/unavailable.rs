//! While a store refuses, nothing is said to be accepted: 503, and when to come again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use chrono::TimeDelta;
use hub_domain::Service;
use hub_local::hub::Hub;
use hub_runtime::aws::Aws;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::asking::{Answered, ask_router, for_person, get, token};
use crate::harness::{Person, World, film, happened};

/// Where nobody answers.
const NOBODY: &str = "http://127.0.0.1:1";

/// A line to a store that can be cut.
struct Line {
    url: String,
    is_cut: Arc<AtomicBool>,
}

impl Line {
    async fn to(url: &str) -> Self {
        let to: SocketAddr = url
            .trim_start_matches("http://")
            .parse()
            .expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let is_cut = Arc::new(AtomicBool::new(true));
        let cut = is_cut.clone();
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                if cut.load(Ordering::SeqCst) {
                    continue;
                }
                let mut to = TcpStream::connect(to).await.expect("the store");
                tokio::spawn(
                    async move { tokio::io::copy_bidirectional(&mut from, &mut to).await },
                );
            }
        });
        Self { url, is_cut }
    }
}

/// The HTTP function of a world, with stores at other addresses.
fn router_over(world: &World, dynamodb: &str, sqs: &str) -> Router {
    let aws = Aws::on_loopback(dynamodb, sqs);
    let table = hub_store::Table::new(aws.dynamodb.clone(), "hub");
    let hub = Hub::connect(
        &world.settings,
        &aws,
        table,
        world.hub.urls.clone(),
        world.clock.clone(),
    );
    hub_api::router(hub.expect("the hub starts").api)
}

fn is_unavailable(answer: &Answered, about: &str) {
    answer.is_problem(503, None, about);
    let seconds: u64 = answer.header("retry-after").parse().unwrap_or(0);
    assert!(
        (1..=60).contains(&seconds),
        "{about}: {}",
        answer.header("retry-after")
    );
}

/// What hands something in, or changes something.
fn requests(person: &Person, ingest: &str) -> Vec<http::Request<axum::body::Body>> {
    let event = json!({ "event": "stop", "item_type": "movie", "title": "Heat", "year": 1995, "item_id": "1",
        "duration_ms": 7_200_000, "position_ms": 7_100_000 });
    let queued = json!({ "content_type": "movie", "title": "Heat", "year": 1995 });
    let plex = json!({ "event": "media.scrobble", "Account": { "title": "alice" }, "Server": { "uuid": "s" },
        "Metadata": { "type": "movie", "title": "Heat", "year": 1995, "duration": 7_200_000 } });
    let of = |path: &str, body: &Value| for_person("POST", path, person, body.to_string());
    vec![
        of("/api/v1/scrobble/events", &event),
        of("/api/v1/scrobble/queue", &queued),
        of(&format!("/api/v1/webhooks/plex/{ingest}"), &plex),
    ]
}

#[tokio::test]
async fn while_the_queue_refuses_nothing_is_accepted_and_nothing_kept() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let ingest = world.webhook_token(&alice, "plex", "alice").await;
    let router = router_over(&world, &world.embedded.endpoints().dynamodb, NOBODY);
    let answers = requests(&alice, &ingest).into_iter().map(|request| {
        let about = request.uri().to_string();
        let router = &router;
        async move { (ask_router(router, request).await, about) }
    });
    // A refusal takes its time, since the client of the queue tries again: all at once.
    let deep = for_person("GET", "/api/v1/health", &alice, "");
    let answers = futures_util::future::join_all(answers);
    let (answers, deep) = tokio::join!(answers, ask_router(&router, deep));
    for (answer, about) in answers {
        is_unavailable(&answer, &about);
        assert!(
            !answer.body.to_string().contains(&ingest),
            "{}",
            answer.body
        );
    }
    world.settle().await;
    assert_eq!(world.history(&alice).await["items"], json!([]));
    // What needs no queue goes on.
    let read = ask_router(
        &router,
        for_person("GET", "/api/v1/scrobble/history", &alice, ""),
    )
    .await;
    assert_eq!(read.status, 200);
    assert_eq!(
        (deep.status, &deep.body["status"]),
        (503, &json!("failing")),
        "{}",
        deep.body
    );
    assert_eq!(
        (&deep.body["queue"]["ok"], &deep.body["table"]["ok"]),
        (&json!(false), &json!(true))
    );
}

#[tokio::test]
async fn while_the_table_refuses_nothing_is_accepted_and_the_shallow_check_still_answers() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let ingest = world.webhook_token(&alice, "plex", "alice").await;
    let (_, full) = token(&world, &alice, "full").await;
    let router = router_over(&world, NOBODY, &world.embedded.endpoints().sqs);
    let mut asked = requests(&alice, &ingest);
    asked.push(for_person("GET", "/api/v1/scrobble/history", &alice, ""));
    asked.push(for_person(
        "POST",
        "/api/v1/user/tokens",
        &alice,
        r#"{"name":"x","scope":"full"}"#,
    ));
    // A token that cannot be looked up is not called wrong.
    asked.push(super::asking::under(
        &full,
        "GET",
        "/api/v1/user/settings",
        None,
    ));
    let answers = asked.into_iter().map(|request| {
        let about = request.uri().to_string();
        let router = &router;
        async move { (ask_router(router, request).await, about) }
    });
    for (answer, about) in futures_util::future::join_all(answers).await {
        is_unavailable(&answer, &about);
    }
    assert_eq!(ask_router(&router, get("/health")).await.status, 200);
    assert_eq!(world.settle().await, 0, "nothing came into the queue");
}

#[tokio::test]
async fn an_event_that_was_refused_is_not_taken_for_known_when_it_comes_again() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let endpoints = world.embedded.endpoints();
    let line = Line::to(&endpoints.sqs).await;
    let router = router_over(&world, &endpoints.dynamodb, &line.url);
    let at = world.clock.now() - TimeDelta::hours(2);
    let post = |event: &str, position| {
        let event = happened(&film(), event, at, Some(position));
        for_person("POST", "/api/v1/scrobble/events", &alice, event.to_string())
    };
    is_unavailable(
        &ask_router(&router, post("progress", 7_000)).await,
        "while the line is cut",
    );
    line.is_cut.store(false, Ordering::SeqCst);
    let answer = ask_router(&router, post("progress", 7_000)).await;
    assert_eq!(
        (answer.status, &answer.body["accepted"]),
        (202, &json!(1)),
        "{}",
        answer.body
    );
    world
        .pass_until_settled(&alice, TimeDelta::minutes(5))
        .await;
    assert_eq!(world.twins.trakt.history("alice").len(), 1);
}
