//! `POST /api/v1/scrobble/events`.

use chrono::TimeDelta;
use hub_domain::Service;
use serde_json::{Value, json};

use crate::harness::{World, happened, track};
use crate::routes::asking::{ask, for_person, token, under};

const PATH: &str = "/api/v1/scrobble/events";

/// So many tracks, each heard to its end, one after the other until now.
fn heard(world: &World, count: i32) -> Vec<Value> {
    (0..count)
        .map(|number| {
            let mut item = track();
            item["item_id"] = json!(format!("track-{number}"));
            item["title"] = json!(format!("Track {number}"));
            let at = world.clock.now() - TimeDelta::seconds(200) * (count - number);
            happened(&item, "stop", at, Some(200))
        })
        .collect()
}

#[tokio::test]
async fn a_hundred_events_are_taken_at_once_and_one_more_is_refused_whole() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::ListenBrainz]).await;
    let answer = ask(
        &world,
        for_person("POST", PATH, &alice, json!(heard(&world, 101)).to_string()),
    )
    .await;
    answer.is_problem(400, None, "101 events");
    world.settle().await;
    assert_eq!(world.history(&alice).await["items"], json!([]));

    let (status, taken) = world
        .call("POST", PATH, Some(&alice), Some(json!(heard(&world, 100))))
        .await;
    assert_eq!((status, &taken["accepted"]), (202, &json!(100)), "{taken}");
    world.pass(TimeDelta::seconds(5)).await;
    assert_eq!(world.twins.listenbrainz.listens("alice").len(), 100);
}

#[tokio::test]
async fn what_is_wrong_is_named_by_its_field_and_place() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let event = |change: &dyn Fn(&mut Value)| {
        let mut event = happened(&track(), "stop", world.clock.now(), Some(200));
        change(&mut event);
        event
    };
    let with = |name: &'static str, value: Value| event(&move |event| event[name] = value.clone());
    let future = (world.clock.now() + TimeDelta::hours(1)).to_rfc3339();
    for (event, field) in [
        (
            with("occurred_at", json!("2026-11-20T13:39:51")),
            "occurred_at",
        ),
        (with("occurred_at", json!("2026-11-20")), "occurred_at"),
        (with("occurred_at", json!(1_795_201_200)), "occurred_at"),
        (with("occurred_at", json!(future)), "occurred_at"),
        (
            with("occurred_at", json!("1970-01-01T00:00:00Z")),
            "occurred_at",
        ),
        (with("event", json!("watched")), "event"),
        (with("item_type", json!("film")), "item_type"),
        (with("item_type", json!("show")), "item_type"),
        (with("position_ms", json!(-1)), "position_ms"),
        (with("position_ms", json!(1.5)), "position_ms"),
        (with("position_ms", json!("x")), "position_ms"),
        (
            with("position_ms", json!(9_223_372_036_854_775_807_i64)),
            "position_ms",
        ),
        (with("duration_ms", json!(-1)), "duration_ms"),
        (with("progress_percent", json!(100.01)), "progress_percent"),
        (
            with("external_ids", json!({ "imdb": "nm0000206" })),
            "external_ids.imdb",
        ),
        (
            with("external_ids", json!({ "tmdb": 1.5 })),
            "external_ids.tmdb",
        ),
        (with("title", json!("x".repeat(1_001))), "title"),
        (with("event", json!("rate")), "rating"),
        (
            event(&|event| {
                drop(
                    event
                        .as_object_mut()
                        .and_then(|event| event.remove("event")),
                )
            }),
            "event",
        ),
        (
            event(&|event| {
                drop(
                    event
                        .as_object_mut()
                        .and_then(|event| event.remove("item_type")),
                )
            }),
            "item_type",
        ),
    ] {
        let answer = ask(&world, for_person("POST", PATH, &alice, event.to_string())).await;
        answer.is_problem(400, Some(field), &event.to_string());
        // In an array the place is named too, and none of the others is taken.
        let fine = happened(&track(), "stop", world.clock.now(), Some(200));
        let answer = ask(
            &world,
            for_person("POST", PATH, &alice, json!([fine, event]).to_string()),
        )
        .await;
        answer.is_problem(400, Some(&format!("[1].{field}")), &event.to_string());
    }
    world.settle().await;
    assert_eq!(world.history(&alice).await["items"], json!([]));
}

#[tokio::test]
async fn a_time_is_read_with_its_offset_and_is_the_time_of_receipt_where_it_is_left_out() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::ListenBrainz]).await;
    let mut with_offset = happened(&track(), "stop", world.clock.now(), Some(200));
    with_offset["occurred_at"] = json!("2026-11-20T21:00:00+05:00");
    world.event(&alice, with_offset).await;
    let mut without = happened(&track(), "stop", world.clock.now(), Some(200));
    without["item_id"] = json!("track-2");
    without["title"] = json!("Bachelorette");
    without
        .as_object_mut()
        .expect("an event")
        .remove("occurred_at");
    world.event(&alice, without).await;
    world.pass(TimeDelta::seconds(10)).await;
    let four = TimeDelta::hours(3);
    let since = world.clock.now() - TimeDelta::seconds(10);
    assert_eq!(
        world.times_at(&alice, Service::ListenBrainz, since),
        [-four.num_seconds() - 200, -200]
    );
}

#[tokio::test]
async fn an_ingest_token_hands_in_events_of_its_user() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::ListenBrainz]).await;
    let (_, ingest) = token(&world, &alice, "ingest").await;
    let event = happened(&track(), "stop", world.clock.now(), Some(200));
    let answer = ask(&world, under(&ingest, "POST", PATH, Some(event))).await;
    assert_eq!(
        (answer.status, &answer.body["accepted"]),
        (202, &json!(1)),
        "{}",
        answer.body
    );
    world.pass(TimeDelta::seconds(10)).await;
    assert_eq!(world.twins.listenbrainz.listens("alice").len(), 1);
}
