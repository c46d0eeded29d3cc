//! What is on now: shown while it is fresh, and never as history.

use chrono::TimeDelta;
use hub_domain::Service;
use serde_json::json;

use crate::harness::services::WITH_HISTORY;
use crate::harness::{World, film, happened, track};

#[tokio::test]
async fn what_plays_is_shown_everywhere_and_makes_no_history() {
    let world = World::new().await;
    let alice = world.person_at("alice", &WITH_HISTORY).await;
    world
        .event(
            &alice,
            happened(&film(), "start", world.clock.now(), Some(0)),
        )
        .await;
    world
        .event(
            &alice,
            happened(&track(), "start", world.clock.now(), Some(0)),
        )
        .await;
    world.pass(TimeDelta::seconds(5)).await;
    for service in WITH_HISTORY {
        assert!(world.is_shown(service, "alice"), "{service}");
        assert!(world.held(service, "alice").is_empty(), "{service}");
    }
}

#[tokio::test]
async fn an_old_pause_that_overtakes_the_resume_does_not_pause_what_plays() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let start = world.clock.now();
    world
        .event(&alice, happened(&film(), "start", start, Some(0)))
        .await;
    world.pass(TimeDelta::minutes(10)).await;
    let paused = happened(&film(), "pause", world.clock.now(), Some(600));
    world.pass(TimeDelta::minutes(1)).await;
    world
        .event(
            &alice,
            happened(&film(), "resume", world.clock.now(), Some(600)),
        )
        .await;
    world.event(&alice, paused).await;
    world.pass(TimeDelta::seconds(20)).await;
    assert_eq!(world.twins.trakt.calls("/scrobble/pause"), 0);
    assert!(world.twins.trakt.watching("alice").is_some());
}

#[tokio::test]
async fn a_pause_of_a_moment_is_told_to_nobody() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    world
        .event(
            &alice,
            happened(&film(), "start", world.clock.now(), Some(0)),
        )
        .await;
    world.pass(TimeDelta::minutes(5)).await;
    world
        .event(
            &alice,
            happened(&film(), "pause", world.clock.now(), Some(300)),
        )
        .await;
    world.clock.turn(TimeDelta::seconds(3));
    world
        .event(
            &alice,
            happened(&film(), "resume", world.clock.now(), Some(300)),
        )
        .await;
    world.pass(TimeDelta::seconds(30)).await;
    assert_eq!(world.twins.trakt.calls("/scrobble/pause"), 0);
}

#[tokio::test]
async fn a_stop_in_the_middle_is_shown_as_a_pause_with_its_position() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    world
        .event(
            &alice,
            happened(&film(), "start", world.clock.now(), Some(0)),
        )
        .await;
    world.pass(TimeDelta::minutes(60)).await;
    world
        .event(
            &alice,
            happened(&film(), "stop", world.clock.now(), Some(3600)),
        )
        .await;
    world.pass(TimeDelta::seconds(20)).await;
    let saved = world.twins.trakt.playback("alice");
    assert_eq!(saved.len(), 1);
    assert!((saved[0].progress_percent - 50.0).abs() < 0.5, "{saved:?}");
    assert!(world.twins.trakt.history("alice").is_empty());
}

#[tokio::test]
async fn what_is_two_minutes_old_is_no_longer_shown() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    world
        .event(
            &alice,
            happened(&film(), "start", world.clock.now(), Some(0)),
        )
        .await;
    world.clock.turn(TimeDelta::seconds(121));
    world.settle().await;
    assert_eq!(world.twins.trakt.calls("/scrobble/start"), 0);
}

#[tokio::test]
async fn live_signals_can_be_switched_off() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let (status, body) = world
        .call(
            "PATCH",
            "/api/v1/user/services/trakt/settings",
            Some(&alice),
            Some(json!({ "live_signals": false })),
        )
        .await;
    assert_eq!(status, 200, "{body}");
    world
        .event(
            &alice,
            happened(&film(), "start", world.clock.now(), Some(0)),
        )
        .await;
    world.pass(TimeDelta::seconds(20)).await;
    assert_eq!(world.twins.trakt.calls("/scrobble/start"), 0);
}
