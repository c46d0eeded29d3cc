//! Signing in to Trakt on another device: without an address that Trakt could send a browser to.

use chrono::TimeDelta;
use hub_domain::Service;
use serde_json::{Value, json};

use crate::harness::{Person, World, film};
use crate::services::signing_in::{Shape, finish, is_connected, is_not_connected};

const TRAKT: Service = Service::Trakt;

async fn person(world: &World, name: &str) -> Person {
    world.twins.trakt.add_user(name);
    world.person(name).await
}

/// Types the code in on Trakt's page.
async fn type_in(started: &Value, user: &str, is_allowed: bool) {
    let code = started["user_code"].as_str().expect("a code to type in");
    let page = format!(
        "{}/{code}",
        started["verification_url"].as_str().expect("an address")
    );
    crate::services::signing_in::decide(&with_code(&page, code), user, is_allowed).await;
}

/// The page's form holds the code; a browser sends it along.
fn with_code(page: &str, code: &str) -> String {
    format!("{page}?user_code={code}")
}

#[tokio::test]
async fn the_hub_asks_until_the_code_was_typed_in_and_is_connected_then() {
    for shape in Shape::BOTH {
        let world = World::new().await;
        let alice = person(&world, "alice").await;
        let started = shape.start(&world, &alice, TRAKT, true).await;
        assert_eq!(started["interval"], 5, "{started}");
        assert!(
            started["authorize_url"].is_null() && started["expires_at"].is_string(),
            "{started}"
        );
        assert!(
            !started.to_string().contains("device_code"),
            "the device's own code stays here"
        );
        let poll = || shape.post(&world, &alice, TRAKT, json!({ "state": started["state"] }));
        let pending = poll().await;
        assert_eq!(
            (pending.status, &pending.body["status"]),
            (202, &json!("pending")),
            "{}",
            pending.body
        );
        assert_eq!(pending.header("retry-after"), "5");
        // Too fast is no failure: the pause is longer then.
        let slower = poll().await;
        assert_eq!((slower.status, slower.header("retry-after")), (202, "10"));
        is_not_connected(&world, &alice, TRAKT).await;

        type_in(&started, "alice", true).await;
        world.clock.turn(TimeDelta::seconds(10));
        let done = poll().await;
        assert_eq!(
            (done.status, &done.body["username"]),
            (200, &json!("alice")),
            "{}",
            done.body
        );
        is_connected(&world, &alice, TRAKT).await;
        poll().await.is_problem(400, Some("state"), "once");
        finish(&world, &alice, &film(), TimeDelta::hours(1)).await;
        assert_eq!(world.twins.trakt.history("alice").len(), 1);
    }
}

#[tokio::test]
async fn a_code_that_was_denied_or_forgotten_ends_the_sign_in() {
    let world = World::new().await;
    let alice = person(&world, "alice").await;
    let bob = person(&world, "bob").await;
    let started = Shape::User.start(&world, &alice, TRAKT, true).await;
    let poll = |person, started: &Value| {
        let body = json!({ "state": started["state"] });
        let world = &world;
        async move { Shape::User.post(world, person, TRAKT, body).await }
    };
    // Somebody else's state opens nothing.
    poll(&bob, &started)
        .await
        .is_problem(400, Some("state"), "bob");
    type_in(&started, "alice", false).await;
    poll(&alice, &started).await.is_problem(403, None, "denied");
    poll(&alice, &started)
        .await
        .is_problem(400, Some("state"), "used up");

    let forgotten = Shape::User.start(&world, &alice, TRAKT, true).await;
    world.clock.turn(TimeDelta::seconds(601));
    poll(&alice, &forgotten)
        .await
        .is_problem(400, Some("state"), "after ten minutes");
    is_not_connected(&world, &alice, TRAKT).await;
    is_not_connected(&world, &bob, TRAKT).await;
}

#[tokio::test]
async fn a_device_needs_no_public_address_and_a_browser_says_that_it_does() {
    let world = World::with([("PUBLIC_URL", "")]).await;
    let alice = person(&world, "alice").await;
    let started = Shape::Scrobble.start(&world, &alice, TRAKT, true).await;
    type_in(&started, "alice", true).await;
    let done = Shape::Scrobble
        .post(&world, &alice, TRAKT, json!({ "state": started["state"] }))
        .await;
    assert_eq!(done.status, 200, "{}", done.body);
    let refused = Shape::Scrobble.post(&world, &alice, TRAKT, json!({})).await;
    refused.is_problem(422, None, "a browser");
    assert!(
        refused.body["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("PUBLIC_URL")),
        "{}",
        refused.body
    );
}
