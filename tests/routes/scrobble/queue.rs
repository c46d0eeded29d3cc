//! `POST /api/v1/scrobble/queue`.

use chrono::TimeDelta;
use hub_domain::Service;
use serde_json::{Value, json};

use crate::harness::World;
use crate::routes::asking::{ask, for_person};

const PATH: &str = "/api/v1/scrobble/queue";

fn matrix() -> Value {
    json!({
        "content_type": "movie", "content_id": "film-1", "title": "The Matrix", "year": 1999,
        "external_ids": { "imdb": "tt0133093" }, "watched_at": "2026-11-20T18:30:40Z",
    })
}

#[tokio::test]
async fn the_play_that_is_named_is_the_one_the_history_shows_and_the_service_holds() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let (status, queued) = world.call("POST", PATH, Some(&alice), Some(matrix())).await;
    assert_eq!(status, 202, "{queued}");
    world.pass(TimeDelta::seconds(10)).await;
    let history = world.history(&alice).await;
    assert_eq!(history["items"].as_array().map(Vec::len), Some(1));
    let play = &history["items"][0];
    assert_eq!(play["id"], queued["play_id"], "{play}");
    assert_eq!(play["watched_at"], "2026-11-20T18:30:40Z");
    assert_eq!(play["reported_by"], json!(["queue"]));
    assert_eq!(play["deliveries"][0]["state"], "delivered", "{play}");
    let held = world.twins.trakt.history("alice");
    assert_eq!(held[0].ids.imdb.as_deref(), Some("tt0133093"));
    assert_eq!(
        held[0].watched_at.map(|at| at.to_rfc3339()).as_deref(),
        Some("2026-11-20T18:30:00+00:00")
    );

    // The same again is the same play, and stays one.
    let (_, again) = world.call("POST", PATH, Some(&alice), Some(matrix())).await;
    assert_eq!(again["play_id"], queued["play_id"]);
    world.pass(TimeDelta::seconds(10)).await;
    assert_eq!(
        world.history(&alice).await["items"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(world.twins.trakt.history("alice").len(), 1);
}

#[tokio::test]
async fn a_scrobble_for_one_service_goes_to_that_one_alone() {
    let world = World::new().await;
    let alice = world
        .person_at("alice", &[Service::LastFm, Service::ListenBrainz])
        .await;
    for (field, number) in [("service", 1), ("connection_id", 2)] {
        let wish = json!({
            "content_type": "track", "title": format!("Song {number}"), "artist": "Björk", "duration_ms": 200_000,
            field: "lastfm",
        });
        let (status, queued) = world.call("POST", PATH, Some(&alice), Some(wish)).await;
        assert_eq!(status, 202, "{queued}");
    }
    world.pass(TimeDelta::seconds(10)).await;
    assert_eq!(world.twins.lastfm.scrobbles("alice").len(), 2);
    assert!(world.twins.listenbrainz.listens("alice").is_empty());
}

#[tokio::test]
async fn live_signals_by_hand_show_what_is_on_and_make_no_play() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let mut wish = matrix();
    wish["action"] = json!("start");
    wish["progress_percent"] = json!(5);
    wish.as_object_mut().expect("a wish").remove("watched_at");
    let (status, queued) = world.call("POST", PATH, Some(&alice), Some(wish)).await;
    assert_eq!(
        (status, &queued["play_id"]),
        (202, &Value::Null),
        "{queued}"
    );
    world.pass(TimeDelta::seconds(5)).await;
    assert!(world.twins.trakt.watching("alice").is_some());
    assert!(world.twins.trakt.history("alice").is_empty());
    assert_eq!(world.history(&alice).await["items"], json!([]));
}

#[tokio::test]
async fn bad_wishes_are_refused_with_their_field_and_leave_no_play() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let with = |name: &str, value: Value| {
        let mut wish = matrix();
        wish[name] = value;
        wish
    };
    let future = (world.clock.now() + TimeDelta::hours(1)).to_rfc3339();
    for (wish, field) in [
        (with("service", json!("netflix")), "service"),
        (with("connection_id", json!("netflix")), "connection_id"),
        (with("content_type", json!("film")), "content_type"),
        (with("content_type", json!("show")), "content_type"),
        (with("content_type", Value::Null), "content_type"),
        (
            with("watched_at", json!("2026-11-20T18:30:40")),
            "watched_at",
        ),
        (with("watched_at", json!(future)), "watched_at"),
        (
            with("started_at", json!("2026-11-20T18:31:00Z")),
            "started_at",
        ),
        (with("progress_percent", json!(-1)), "progress_percent"),
        (with("position_ms", json!(-1)), "position_ms"),
        (with("action", json!("watch")), "action"),
        (
            with("external_ids", json!({ "imdb": "133093x" })),
            "external_ids.imdb",
        ),
        (json!({ "content_type": "movie" }), "title"),
        (with("action", json!("rate")), "rating"),
    ] {
        let answer = ask(&world, for_person("POST", PATH, &alice, wish.to_string())).await;
        answer.is_problem(400, Some(field), &wish.to_string());
    }
    // What is understood and cannot be done is told apart from what cannot be read.
    for (wish, field) in [
        (with("service", json!("lastfm")), "service"),
        (with("service", json!("listenbrainz")), "service"),
    ] {
        let answer = ask(&world, for_person("POST", PATH, &alice, wish.to_string())).await;
        answer.is_problem(422, Some(field), &wish.to_string());
    }
    world.settle().await;
    assert_eq!(world.history(&alice).await["items"], json!([]));
}
