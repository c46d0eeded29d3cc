//! ListenBrainz itself: its token, and batches of which one listen is refused.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::TimeDelta;
use hub_domain::Service;
use serde_json::{Value, json};

use crate::harness::{World, happened, track};
use crate::services::signing_in::{
    Shape, account_id, delivery, finish, is_connected, is_not_connected, take_events,
};

const LISTENBRAINZ: Service = Service::ListenBrainz;

#[tokio::test]
async fn a_token_that_is_valid_connects_under_both_addresses() {
    for shape in Shape::BOTH {
        let world = World::new().await;
        let alice = world.person("alice").await;
        let token = world.twins.listenbrainz.issue_token("alice");
        let answer = shape
            .post(
                &world,
                &alice,
                LISTENBRAINZ,
                json!({ "token": format!(" {token} ") }),
            )
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(!answer.body.to_string().contains(&token));
        let connection = is_connected(&world, &alice, LISTENBRAINZ).await;
        assert_eq!(
            connection["profile_url"],
            "https://listenbrainz.org/user/alice/"
        );
        assert!(connection["url"].is_null(), "{connection}");
        assert_eq!(account_id(&world, &alice, LISTENBRAINZ).await, "alice");
        finish(&world, &alice, &track(), TimeDelta::hours(1)).await;
        assert_eq!(world.twins.listenbrainz.listens("alice").len(), 1);
    }
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_told_so_although_the_answer_is_a_200() {
    for shape in Shape::BOTH {
        let world = World::new().await;
        let alice = world.person("alice").await;
        let answer = shape
            .post(&world, &alice, LISTENBRAINZ, json!({ "token": "s3cret" }))
            .await;
        answer.is_problem(422, None, "an invalid token");
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("the token is not valid"), "{detail}");
        assert!(!answer.body.to_string().contains("s3cret"));
        assert_eq!(world.twins.listenbrainz.requests()[0].status, Some(200));
        is_not_connected(&world, &alice, LISTENBRAINZ).await;
    }
}

#[tokio::test]
async fn there_is_no_page_to_send_a_browser_to() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    for shape in Shape::BOTH {
        let answer = shape.post(&world, &alice, LISTENBRAINZ, json!({})).await;
        answer.is_problem(422, Some("token"), "a browser");
        let answer = shape
            .post(&world, &alice, LISTENBRAINZ, json!({ "device": true }))
            .await;
        answer.is_problem(422, None, "a device");
        let answer = shape
            .post(&world, &alice, Service::Trakt, json!({ "token": "x" }))
            .await;
        answer.is_problem(400, Some("token"), "a token for Trakt");
    }
}

#[tokio::test]
async fn disconnecting_keeps_the_plays_and_sends_no_more() {
    for shape in Shape::BOTH {
        let world = World::new().await;
        let alice = world.person_at("alice", &[LISTENBRAINZ]).await;
        finish(&world, &alice, &track(), TimeDelta::hours(1)).await;
        let (method, path) = shape.disconnect(LISTENBRAINZ);
        let (status, gone) = world.call(method, &path, Some(&alice), None).await;
        assert_eq!(status, 200, "{gone}");
        is_not_connected(&world, &alice, LISTENBRAINZ).await;
        finish(&world, &alice, &track(), TimeDelta::zero()).await;
        world
            .pass_with_ticks(
                TimeDelta::minutes(5),
                TimeDelta::minutes(5),
                TimeDelta::minutes(5),
            )
            .await;
        assert_eq!(world.twins.listenbrainz.listens("alice").len(), 1);
        let plays = world.history(&alice).await;
        assert_eq!(plays["items"].as_array().map(Vec::len), Some(2), "{plays}");
    }
}

#[tokio::test]
async fn a_token_that_was_revoked_asks_for_another_and_the_play_is_sent_then() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[LISTENBRAINZ]).await;
    world.twins.listenbrainz.revoke("alice");
    finish(&world, &alice, &track(), TimeDelta::hours(1)).await;
    assert_eq!(
        delivery(&world, &alice, LISTENBRAINZ).await["state"],
        "waiting"
    );
    let token = world.twins.listenbrainz.issue_token("alice");
    let answer = Shape::User
        .post(&world, &alice, LISTENBRAINZ, json!({ "token": token }))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    world
        .pass_until_settled(&alice, TimeDelta::minutes(5))
        .await;
    assert_eq!(world.twins.listenbrainz.listens("alice").len(), 1);
}

/// A ListenBrainz that refuses every batch in which a certain track is.
struct Strict {
    url: String,
    taken: Arc<Mutex<Vec<Value>>>,
    batches: Arc<Mutex<Vec<usize>>>,
}

impl Strict {
    async fn start() -> Self {
        let (taken, batches) = (Arc::default(), Arc::default());
        let router = Router::new()
            .route("/1/submit-listens", post(submit))
            .route(
                "/1/validate-token",
                get(async || Json(json!({ "code": 200, "valid": true, "user_name": "alice" }))),
            )
            .with_state((Arc::clone(&taken), Arc::clone(&batches)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            taken,
            batches,
        }
    }
}

type Kept = (Arc<Mutex<Vec<Value>>>, Arc<Mutex<Vec<usize>>>);

async fn submit(
    State((taken, batches)): State<Kept>,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let listens = body["payload"].as_array().cloned().unwrap_or_default();
    batches.lock().expect("a lock").push(listens.len());
    let is_refused = |listen: &Value| listen["track_metadata"]["track_name"] == "Track 6";
    if listens.iter().any(is_refused) {
        let why =
            json!({ "code": 400, "error": "JSON document contains a listen that nobody likes" });
        return (StatusCode::BAD_REQUEST, Json(why));
    }
    taken.lock().expect("a lock").extend(listens);
    (StatusCode::OK, Json(json!({ "status": "ok" })))
}

#[tokio::test]
async fn one_refused_listen_of_a_batch_ends_alone_and_the_others_are_delivered_once() {
    let strict = Strict::start().await;
    let world = World::with([("LISTENBRAINZ_API_URL", strict.url.as_str())]).await;
    let alice = world.person("alice").await;
    let answer = Shape::User
        .post(&world, &alice, LISTENBRAINZ, json!({ "token": "a-token" }))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let events: Vec<Value> = (0..10)
        .map(|number| {
            let mut item = track();
            item["item_id"] = json!(format!("track-{number}"));
            item["title"] = json!(format!("Track {number}"));
            let at = world.clock.now() - TimeDelta::hours(1) + TimeDelta::seconds(200) * number;
            happened(&item, "stop", at, Some(200))
        })
        .collect();
    world.event(&alice, json!(events)).await;
    take_events(&world).await;
    world.settle().await;
    assert_eq!(strict.batches.lock().expect("a lock").first(), Some(&10));
    world
        .pass_until_settled(&alice, TimeDelta::minutes(2))
        .await;
    let mut names: Vec<String> = strict
        .taken
        .lock()
        .expect("a lock")
        .iter()
        .filter_map(|listen| {
            listen["track_metadata"]["track_name"]
                .as_str()
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    let wanted: Vec<String> = (0..10)
        .filter(|number| *number != 6)
        .map(|number| format!("Track {number}"))
        .collect();
    assert_eq!(names, wanted);
    let history = world.history(&alice).await;
    for play in history["items"].as_array().expect("plays") {
        let delivery = &play["deliveries"][0];
        let is_refused = play["title"] == "Track 6";
        assert_eq!(
            delivery["state"],
            if is_refused { "refused" } else { "delivered" },
            "{play}"
        );
        if is_refused {
            assert!(
                delivery["detail"]
                    .as_str()
                    .is_some_and(|why| why.contains("nobody likes")),
                "{delivery}"
            );
        }
    }
}
