//! What Simkl answers to a play, and what becomes of it then.

use chrono::TimeDelta;
use hub_domain::Service;
use hub_twins::{Fault, simkl};
use serde_json::{Value, json};

use crate::harness::{Person, World, film, happened};
use crate::services::signing_in::{connection, delivery, finish};

const SIMKL: Service = Service::Simkl;

/// The first episode of Breaking Bad, as the samples of every service know it.
fn pilot() -> Value {
    json!({
        "item_id": "episode-9", "item_type": "episode", "title": "Pilot", "season": 1, "episode": 1,
        "show": { "title": "Breaking Bad", "year": 2008, "external_ids": { "tvdb": 81189 } },
        "duration_ms": 2_820_000, "player_id": "tv",
    })
}

async fn settle(world: &World, person: &Person) {
    world
        .pass_until_settled(person, TimeDelta::minutes(5))
        .await;
}

#[tokio::test]
async fn a_film_and_an_episode_are_told_once_to_the_second() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[SIMKL]).await;
    let since = world.clock.now() - TimeDelta::seconds(7_201);
    finish(&world, &alice, &film(), TimeDelta::seconds(7_201)).await;
    finish(&world, &alice, &pilot(), TimeDelta::seconds(3_599)).await;
    settle(&world, &alice).await;
    assert_eq!(world.times_at(&alice, SIMKL, since), [0, 3_602]);
    assert_eq!(
        world.states(&alice, SIMKL).await,
        ["delivered", "delivered"]
    );
    let plays = world.twins.simkl.plays("alice");
    assert_eq!((plays[1].season, plays[1].number), (Some(1), Some(1)));
}

#[tokio::test]
async fn a_viewing_is_shown_and_then_told_by_its_end() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[SIMKL]).await;
    let start = world.clock.now();
    world
        .event(&alice, happened(&film(), "start", start, Some(0)))
        .await;
    world.pass(TimeDelta::minutes(110)).await;
    let stop = happened(&film(), "stop", world.clock.now(), Some(6_600));
    world.event(&alice, stop).await;
    settle(&world, &alice).await;
    assert_eq!(world.states(&alice, SIMKL).await, ["delivered"]);
    assert_eq!(world.twins.simkl.calls("/scrobble/stop"), 1);
    assert_eq!(world.twins.simkl.calls("/sync/history"), 0);
    assert_eq!(world.held(SIMKL, "alice").len(), 1);
    assert!(!world.is_shown(SIMKL, "alice"));
}

#[tokio::test]
async fn a_rewatch_is_ignored_and_says_so() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[SIMKL]).await;
    finish(&world, &alice, &film(), TimeDelta::hours(9)).await;
    settle(&world, &alice).await;
    finish(&world, &alice, &film(), TimeDelta::hours(1)).await;
    settle(&world, &alice).await;
    let second = delivery(&world, &alice, SIMKL).await;
    assert_eq!(second["state"], "ignored", "{second}");
    let detail = second["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("keeps one watch"), "{detail}");
    assert_eq!(world.held(SIMKL, "alice").len(), 1);
    assert_eq!(world.twins.simkl.calls("/sync/history"), 1);
}

#[tokio::test]
async fn what_simkl_does_not_know_shows_by_what_it_was_asked_for() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[SIMKL]).await;
    world.twins.simkl.forget("imdb", "tt0133093");
    world.twins.simkl.forget("tmdb", "603");
    world.twins.simkl.know_only_registered(true);
    let mut unknown = film();
    unknown["title"] = json!("Nobody's Film");
    finish(&world, &alice, &unknown, TimeDelta::hours(1)).await;
    settle(&world, &alice).await;
    let delivery = delivery(&world, &alice, SIMKL).await;
    assert_eq!(delivery["state"], "not_found", "{delivery}");
    let detail = delivery["detail"].as_str().unwrap_or_default();
    assert!(
        detail.contains("tt0133093") && detail.contains("603"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_day_that_is_used_up_says_so_and_goes_on_after_midnight_in_new_york() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[SIMKL]).await;
    // One question was who she is.
    world.twins.simkl.set_daily_limit(2);
    finish(&world, &alice, &film(), TimeDelta::hours(1)).await;
    world.pass(TimeDelta::seconds(10)).await;
    let waits = delivery(&world, &alice, SIMKL).await;
    assert_eq!(
        (&waits["state"], &waits["attempts"]),
        (&json!("waiting"), &json!(0)),
        "{waits}"
    );
    let paused = connection(&world, &alice, SIMKL).await;
    assert_eq!(paused["health"], "account_paused", "{paused}");
    for told in [&waits["detail"], &paused["health_detail"]] {
        let told = told.as_str().unwrap_or_default();
        assert!(
            told.contains("requests to Simkl are used up") && told.contains("New York"),
            "{told}"
        );
    }
    let requests = world.twins.simkl.requests().len();
    let midnight = waits["next_attempt_at"].as_str().unwrap_or_default();
    let midnight: chrono::DateTime<chrono::Utc> = midnight.parse().expect("a time");
    let left = midnight - world.clock.now() - TimeDelta::minutes(1);
    world
        .pass_with_ticks(left, TimeDelta::minutes(30), TimeDelta::minutes(30))
        .await;
    assert_eq!(world.twins.simkl.requests().len(), requests, "left alone");
    world
        .pass_in_steps(TimeDelta::minutes(15), TimeDelta::seconds(30))
        .await;
    assert_eq!(world.states(&alice, SIMKL).await, ["delivered"]);
    assert_eq!(connection(&world, &alice, SIMKL).await["health"], "ok");
}

#[tokio::test]
async fn a_scrobble_that_waited_too_long_for_another_is_no_failure() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[SIMKL]).await;
    world
        .twins
        .simkl
        .faults()
        .once("/scrobble/stop", Fault::answer(simkl::scrobble_locked()));
    finish(&world, &alice, &film(), TimeDelta::zero()).await;
    world.pass(TimeDelta::seconds(5)).await;
    let waits = delivery(&world, &alice, SIMKL).await;
    assert_eq!(
        (&waits["state"], &waits["attempts"]),
        (&json!("waiting"), &json!(0)),
        "{waits}"
    );
    settle(&world, &alice).await;
    assert_eq!(world.held(SIMKL, "alice").len(), 1);
}

#[tokio::test]
async fn an_application_that_simkl_suspends_is_the_operators_matter() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[SIMKL]).await;
    world.twins.simkl.suspend_app(simkl::CLIENT_ID, true);
    finish(&world, &alice, &film(), TimeDelta::hours(1)).await;
    let refused = connection(&world, &alice, SIMKL).await;
    assert_eq!(refused["health"], "app_refused", "{refused}");
    world.twins.simkl.suspend_app(simkl::CLIENT_ID, false);
    world
        .pass_with_ticks(
            TimeDelta::hours(2),
            TimeDelta::minutes(30),
            TimeDelta::minutes(30),
        )
        .await;
    assert_eq!(world.states(&alice, SIMKL).await, ["delivered"]);
}
