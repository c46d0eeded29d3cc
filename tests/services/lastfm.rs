//! Last.fm: its web sign-in, its batches, and the codes of what it ignores.

use chrono::TimeDelta;
use hub_domain::Service;
use serde_json::{Value, json};

use crate::harness::{Person, World, happened, track};
use crate::services::signing_in::{
    Shape, account_id, come_back, connection, decide, delivery, field_of, finish, is_connected,
    is_not_connected, query_of, take_events,
};

const LASTFM: Service = Service::LastFm;

/// Somebody of the hub with an account at Last.fm.
async fn person(world: &World, name: &str) -> Person {
    world.twins.lastfm.add_user(name);
    world.person(name).await
}

/// So many tracks, heard one after the other until so long ago.
async fn listen(world: &World, person: &Person, count: i32, ago: TimeDelta) {
    let events: Vec<Value> = (0..count)
        .map(|number| {
            let mut item = track();
            item["item_id"] = json!(format!("track-{number}"));
            item["title"] = json!(format!("Track {number}"));
            let at = world.clock.now() - ago - TimeDelta::seconds(200) * (count - 1 - number);
            happened(&item, "stop", at, Some(200))
        })
        .collect();
    world.event(person, json!(events)).await;
    // All of the plays are there before the first is sent.
    take_events(world).await;
    world.settle().await;
}

#[tokio::test]
async fn both_addresses_lead_over_the_page_of_lastfm_to_a_connection() {
    for shape in Shape::BOTH {
        let world = World::new().await;
        let alice = person(&world, "Alice").await;
        let started = shape.start(&world, &alice, LASTFM, false).await;
        let page = started["authorize_url"].as_str().expect("an address");
        let back = decide(page, "Alice", true).await.expect("a way back");
        assert_eq!(
            field_of(&back, "state"),
            started["state"].as_str().unwrap_or_default()
        );
        let page = come_back(&world, shape, LASTFM, &query_of(&back)).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let connection = is_connected(&world, &alice, LASTFM).await;
        assert!(
            connection["profile_url"]
                .as_str()
                .is_some_and(|url| url.contains("Alice")),
            "{connection}"
        );
        assert_eq!(account_id(&world, &alice, LASTFM).await, "alice");
        assert_eq!(
            come_back(&world, shape, LASTFM, &query_of(&back))
                .await
                .status,
            400,
            "once"
        );
        finish(&world, &alice, &track(), TimeDelta::hours(1)).await;
        assert_eq!(world.twins.lastfm.scrobbles("Alice").len(), 1);
    }
}

#[tokio::test]
async fn the_token_may_also_be_brought_by_the_application_that_began() {
    let world = World::new().await;
    let alice = person(&world, "alice").await;
    let bob = person(&world, "bob").await;
    let started = Shape::User.start(&world, &alice, LASTFM, false).await;
    let page = started["authorize_url"].as_str().expect("an address");
    let back = decide(page, "alice", true).await.expect("a way back");
    let body = json!({ "code": field_of(&back, "token"), "state": started["state"] });
    let answer = Shape::User.post(&world, &bob, LASTFM, body.clone()).await;
    answer.is_problem(400, Some("state"), "bob");
    // Even that used the state up.
    Shape::User
        .post(&world, &alice, LASTFM, body)
        .await
        .is_problem(400, Some("state"), "alice");
    is_not_connected(&world, &alice, LASTFM).await;

    let started = Shape::User.start(&world, &alice, LASTFM, false).await;
    let back = decide(
        started["authorize_url"].as_str().expect("an address"),
        "alice",
        true,
    )
    .await;
    let back = back.expect("a way back");
    let body = json!({ "code": field_of(&back, "token"), "state": started["state"] });
    let answer = Shape::User.post(&world, &alice, LASTFM, body).await;
    assert_eq!(
        (answer.status, &answer.body["username"]),
        (200, &json!("alice")),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn somebody_who_denies_or_comes_back_with_nothing_is_not_connected() {
    let world = World::new().await;
    let alice = person(&world, "alice").await;
    let started = Shape::User.start(&world, &alice, LASTFM, false).await;
    let page = started["authorize_url"].as_str().expect("an address");
    assert_eq!(
        decide(page, "alice", false).await,
        None,
        "Last.fm sends nobody anywhere"
    );
    let state = started["state"].as_str().expect("a state");
    let page = come_back(&world, Shape::User, LASTFM, &format!("state={state}")).await;
    assert_eq!(page.status, 400, "{}", page.body);
    let started = Shape::User.start(&world, &alice, LASTFM, false).await;
    let state = started["state"].as_str().expect("a state");
    let page = come_back(
        &world,
        Shape::User,
        LASTFM,
        &format!("state={state}&token=made-up"),
    )
    .await;
    assert_eq!(page.status, 422, "{}", page.body);
    assert!(!page.body.to_string().contains("made-up"));
    is_not_connected(&world, &alice, LASTFM).await;
}

#[tokio::test]
async fn on_another_device_it_is_enough_to_open_the_address() {
    for shape in Shape::BOTH {
        let world = World::new().await;
        let alice = person(&world, "alice").await;
        let started = shape.start(&world, &alice, LASTFM, true).await;
        assert!(started["user_code"].is_null(), "{started}");
        let poll = || {
            shape.post(
                &world,
                &alice,
                LASTFM,
                json!({ "device_code": started["state"] }),
            )
        };
        assert_eq!(poll().await.status, 202);
        decide(
            started["verification_url"].as_str().expect("an address"),
            "alice",
            true,
        )
        .await;
        let done = poll().await;
        assert_eq!(
            (done.status, &done.body["username"]),
            (200, &json!("alice")),
            "{}",
            done.body
        );
        is_connected(&world, &alice, LASTFM).await;
        poll().await.is_problem(400, Some("state"), "once");
    }
}

#[tokio::test]
async fn disconnecting_removes_the_session_here_and_says_what_is_left_to_do_there() {
    for shape in Shape::BOTH {
        let world = World::new().await;
        let alice = world.person_at("alice", &[LASTFM]).await;
        finish(&world, &alice, &track(), TimeDelta::hours(1)).await;
        let (method, path) = shape.disconnect(LASTFM);
        let (status, gone) = world.call(method, &path, Some(&alice), None).await;
        assert_eq!((status, &gone["revoked"]), (200, &json!(false)), "{gone}");
        assert!(
            gone["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains("Last.fm's settings")),
            "{gone}"
        );
        is_not_connected(&world, &alice, LASTFM).await;
        assert_eq!(world.states(&alice, LASTFM).await, ["delivered"]);
    }
}

#[tokio::test]
async fn sixty_listens_go_as_fifty_and_ten_oldest_first() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[LASTFM]).await;
    listen(&world, &alice, 60, TimeDelta::hours(1)).await;
    world.pass(TimeDelta::seconds(20)).await;
    assert_eq!(world.twins.lastfm.scrobbles("alice").len(), 60);
    let requests = world.twins.lastfm.requests();
    let batches: Vec<usize> = requests
        .iter()
        .filter(|request| request.operation == "track.scrobble")
        .map(|request| {
            let fields = request.body.as_object().expect("a form");
            fields
                .keys()
                .filter(|name| name.starts_with("timestamp["))
                .count()
        })
        .collect();
    assert_eq!(batches, [50, 10]);
    let first = requests
        .iter()
        .find(|request| request.operation == "track.scrobble");
    assert_eq!(
        first.map(|request| &request.body["track[0]"]),
        Some(&json!("Track 0"))
    );
}

#[tokio::test]
async fn what_lastfm_ignores_ends_there_with_its_reason_and_the_rest_of_the_batch_is_kept() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[LASTFM]).await;
    let at = world.clock.now() - TimeDelta::hours(1);
    let of = |number: i32, artist: &str, title: &str| {
        let mut item = track();
        item["item_id"] = json!(format!("track-{number}"));
        (item["artist"], item["title"]) = (json!(artist), json!(title));
        happened(
            &item,
            "stop",
            at + TimeDelta::seconds(200) * number,
            Some(200),
        )
    };
    let events = json!([
        of(0, "Various", "Jóga"),
        of(1, "Björk", "[unknown]"),
        of(2, "Björk", "Jóga")
    ]);
    world.event(&alice, events).await;
    take_events(&world).await;
    world.settle().await;
    assert_eq!(world.twins.lastfm.calls("track.scrobble"), 1, "one batch");
    let history = world.history(&alice).await;
    let told: Vec<(String, String)> = history["items"]
        .as_array()
        .expect("plays")
        .iter()
        .map(|play| {
            let text = |name: &str| {
                play["deliveries"][0][name]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            };
            (text("state"), text("detail"))
        })
        .collect();
    let states: Vec<&str> = told.iter().map(|(state, _)| state.as_str()).collect();
    assert_eq!(states, ["delivered", "ignored", "ignored"], "{history:#}");
    assert!(
        told[1].1.contains("track's name (code 2") && told[2].1.contains("artist's name (code 1"),
        "{told:?}"
    );
    assert_eq!(world.twins.lastfm.scrobbles("alice").len(), 1);
    // Ignored is an end: it is not tried again.
    world
        .pass_with_ticks(
            TimeDelta::hours(1),
            TimeDelta::minutes(20),
            TimeDelta::minutes(20),
        )
        .await;
    assert_eq!(world.twins.lastfm.calls("track.scrobble"), 1);
}

#[tokio::test]
async fn what_is_older_than_fourteen_days_is_settled_without_a_call() {
    let world = World::new().await;
    let alice = world
        .person_at("alice", &[LASTFM, Service::ListenBrainz])
        .await;
    finish(&world, &alice, &track(), TimeDelta::days(14)).await;
    world.pass(TimeDelta::seconds(5)).await;
    let delivery = delivery(&world, &alice, LASTFM).await;
    assert_eq!(delivery["state"], "ignored", "{delivery}");
    assert!(
        delivery["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("14 days")),
        "{delivery}"
    );
    assert_eq!(world.twins.lastfm.calls("track.scrobble"), 0);
    // Others keep what is older.
    assert_eq!(world.twins.listenbrainz.listens("alice").len(), 1);
}

#[tokio::test]
async fn the_limit_of_a_day_lets_the_rest_wait_without_a_try() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[LASTFM]).await;
    world.twins.lastfm.set_daily_limit(2);
    listen(&world, &alice, 5, TimeDelta::hours(1)).await;
    assert_eq!(world.twins.lastfm.scrobbles("alice").len(), 2);
    let history = world.history(&alice).await;
    let waiting: Vec<&Value> = history["items"]
        .as_array()
        .expect("plays")
        .iter()
        .map(|play| &play["deliveries"][0])
        .filter(|delivery| delivery["state"] == "waiting")
        .collect();
    assert_eq!(waiting.len(), 3, "{history:#}");
    for delivery in waiting {
        assert_eq!(delivery["attempts"], 0, "{delivery}");
        assert!(delivery["next_attempt_at"].is_string(), "{delivery}");
        assert!(
            delivery["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains("daily limit")),
            "{delivery}"
        );
    }
    let calls = world.twins.lastfm.calls("track.scrobble");
    world
        .pass_with_ticks(
            TimeDelta::hours(5),
            TimeDelta::minutes(150),
            TimeDelta::minutes(150),
        )
        .await;
    assert_eq!(
        world.twins.lastfm.calls("track.scrobble"),
        calls,
        "it is left alone meanwhile"
    );
    world
        .pass_with_ticks(
            TimeDelta::hours(60),
            TimeDelta::hours(12),
            TimeDelta::hours(12),
        )
        .await;
    assert_eq!(world.twins.lastfm.scrobbles("alice").len(), 5);
    assert_eq!(world.states(&alice, LASTFM).await, ["delivered"; 5]);
}

#[tokio::test]
async fn a_session_that_was_revoked_asks_for_signing_in_again_and_keeps_the_play() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[LASTFM]).await;
    world.twins.lastfm.revoke("alice");
    finish(&world, &alice, &track(), TimeDelta::hours(1)).await;
    assert_eq!(
        connection(&world, &alice, LASTFM).await["health"],
        "reconnect_required"
    );
    assert_eq!(world.states(&alice, LASTFM).await, ["waiting"]);
    let started = Shape::Scrobble.start(&world, &alice, LASTFM, false).await;
    let back = decide(
        started["authorize_url"].as_str().expect("an address"),
        "alice",
        true,
    )
    .await;
    come_back(
        &world,
        Shape::Scrobble,
        LASTFM,
        &query_of(&back.expect("a way back")),
    )
    .await;
    world
        .pass_until_settled(&alice, TimeDelta::minutes(5))
        .await;
    assert_eq!(world.twins.lastfm.scrobbles("alice").len(), 1);
}
