//! What Trakt answers to a play, and what becomes of it then.

use chrono::{SecondsFormat, TimeDelta};
use hub_domain::Service;
use hub_twins::Fault;
use hub_twins::trakt;
use serde_json::{Value, json};

use crate::harness::{Person, World, episode, film};
use crate::services::signing_in::{connection, deep, delivery, finish};

const TRAKT: Service = Service::Trakt;

#[tokio::test]
async fn trakt_is_told_the_minute_and_the_hub_keeps_the_second() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[TRAKT]).await;
    let end = world.clock.now() - TimeDelta::seconds(3_601);
    finish(&world, &alice, &film(), TimeDelta::seconds(3_601)).await;
    let held = world.twins.trakt.history("alice");
    let minute = end.timestamp() / 60 * 60;
    assert_eq!(held[0].watched_at.map(|at| at.timestamp()), Some(minute));
    let play = world.history(&alice).await["items"][0].clone();
    assert_eq!(
        play["watched_at"],
        end.to_rfc3339_opts(SecondsFormat::Secs, true),
        "{play}"
    );
    let sent = world
        .twins
        .trakt
        .requests()
        .into_iter()
        .find(|request| request.path == "/sync/history");
    let body = sent.expect("an addition").body;
    let told = body["movies"][0]["watched_at"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(told.ends_with(":00.000Z"), "{body}");
}

#[tokio::test]
async fn a_film_that_trakt_does_not_know_shows_by_what_it_was_asked_for() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[TRAKT]).await;
    world.twins.trakt.know_only_registered(true);
    finish(&world, &alice, &film(), TimeDelta::hours(1)).await;
    let delivery = delivery(&world, &alice, TRAKT).await;
    assert_eq!(delivery["state"], "not_found", "{delivery}");
    let detail = delivery["detail"].as_str().unwrap_or_default();
    assert!(
        detail.contains("tt0133093") && detail.contains("603"),
        "{detail}"
    );
}

#[tokio::test]
async fn an_episode_is_asked_for_by_its_own_ids_and_then_by_its_show_and_number() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[TRAKT]).await;
    world.twins.trakt.know_only_registered(true);
    let mut item = episode();
    item["show"]["external_ids"] = json!({ "tvdb": 79_168 });
    finish(&world, &alice, &item, TimeDelta::hours(1)).await;
    world.pass(TimeDelta::seconds(20)).await;
    let delivery = delivery(&world, &alice, TRAKT).await;
    assert_eq!(delivery["state"], "not_found", "{delivery}");
    let detail = delivery["detail"].as_str().unwrap_or_default();
    assert!(
        detail.contains("79168") && detail.contains("season 1, episode 1"),
        "{detail}"
    );
    let bodies: Vec<Value> = world
        .twins
        .trakt
        .requests()
        .into_iter()
        .filter(|request| request.path == "/sync/history")
        .map(|request| request.body)
        .collect();
    assert_eq!(bodies.len(), 2, "{bodies:?}");
    assert_eq!(bodies[0]["episodes"][0]["ids"]["tvdb"], 303_821);
    assert_eq!(bodies[1]["shows"][0]["ids"]["tvdb"], 79_168);
}

#[tokio::test]
async fn what_an_account_keeps_only_once_is_ignored_and_says_so() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[TRAKT]).await;
    world.twins.trakt.watch_only_once("alice", true);
    finish(&world, &alice, &film(), TimeDelta::hours(9)).await;
    assert_eq!(delivery(&world, &alice, TRAKT).await["state"], "delivered");
    world.pass(TimeDelta::seconds(10)).await;
    finish(&world, &alice, &film(), TimeDelta::hours(1)).await;
    world.pass(TimeDelta::seconds(10)).await;
    let second = delivery(&world, &alice, TRAKT).await;
    assert_eq!(second["state"], "ignored", "{second}");
    assert!(
        second["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("watch only once")),
        "{second}"
    );
    assert_eq!(world.twins.trakt.history("alice").len(), 1);
}

/// Expects a play to wait without a try, and the connection to say how it is doing.
async fn waits(world: &World, alice: &Person, health: &str, words: &str) {
    let delivery = delivery(world, alice, TRAKT).await;
    assert_eq!(
        (&delivery["state"], &delivery["attempts"]),
        (&json!("waiting"), &json!(0)),
        "{delivery}"
    );
    assert!(
        delivery["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains(words)),
        "{delivery}"
    );
    let connection = connection(world, alice, TRAKT).await;
    assert_eq!(connection["health"], health, "{connection}");
    let detail = connection["health_detail"].as_str().unwrap_or_default();
    assert!(detail.contains(words), "{detail}");
}

#[tokio::test]
async fn a_locked_account_is_paused_and_the_play_arrives_once_it_is_open_again() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[TRAKT]).await;
    world.twins.trakt.lock("alice", true);
    finish(&world, &alice, &film(), TimeDelta::hours(1)).await;
    waits(&world, &alice, "account_paused", "locked").await;
    let report = deep(&world, &alice).await;
    assert_eq!(report["connections"][0]["ok"], false, "{report}");
    let calls = world.twins.trakt.calls("/sync/history");
    world
        .pass_with_ticks(
            TimeDelta::hours(20),
            TimeDelta::hours(10),
            TimeDelta::hours(10),
        )
        .await;
    assert_eq!(
        world.twins.trakt.calls("/sync/history"),
        calls,
        "it is left alone for a day"
    );
    world.twins.trakt.lock("alice", false);
    world
        .pass_with_ticks(
            TimeDelta::hours(6),
            TimeDelta::hours(2),
            TimeDelta::hours(2),
        )
        .await;
    assert_eq!(world.states(&alice, TRAKT).await, ["delivered"]);
    assert_eq!(connection(&world, &alice, TRAKT).await["health"], "ok");
}

#[tokio::test]
async fn an_application_that_trakt_refuses_is_the_operators_matter_and_costs_no_try() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[TRAKT]).await;
    world
        .twins
        .trakt
        .faults()
        .always("/sync/history", Fault::answer(trakt::vip_only()));
    finish(&world, &alice, &film(), TimeDelta::hours(1)).await;
    waits(&world, &alice, "app_refused", "VIP").await;
    world
        .pass_with_ticks(
            TimeDelta::hours(2),
            TimeDelta::minutes(61),
            TimeDelta::minutes(61),
        )
        .await;
    waits(&world, &alice, "app_refused", "VIP").await;
    world.twins.trakt.faults().clear();
    world
        .pass_with_ticks(
            TimeDelta::hours(3),
            TimeDelta::hours(1),
            TimeDelta::hours(1),
        )
        .await;
    assert_eq!(world.states(&alice, TRAKT).await, ["delivered"]);
    assert_eq!(connection(&world, &alice, TRAKT).await["health"], "ok");
}

#[tokio::test]
async fn a_page_that_keeps_the_address_out_never_asks_the_user_to_sign_in_again() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[TRAKT]).await;
    world
        .twins
        .trakt
        .faults()
        .always("", Fault::answer(trakt::blocked_at_the_edge()));
    finish(&world, &alice, &film(), TimeDelta::hours(1)).await;
    waits(&world, &alice, "address_blocked", "Cloudflare").await;
    world
        .pass_with_ticks(
            TimeDelta::hours(2),
            TimeDelta::minutes(40),
            TimeDelta::minutes(40),
        )
        .await;
    waits(&world, &alice, "address_blocked", "Cloudflare").await;
    world.twins.trakt.faults().clear();
    world
        .pass_with_ticks(
            TimeDelta::hours(1),
            TimeDelta::minutes(20),
            TimeDelta::minutes(20),
        )
        .await;
    assert_eq!(world.states(&alice, TRAKT).await, ["delivered"]);
    assert_eq!(world.twins.trakt.history("alice").len(), 1);
    assert_eq!(connection(&world, &alice, TRAKT).await["health"], "ok");
}

#[tokio::test]
async fn a_blocked_address_is_no_reason_to_call_a_token_refused_either() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[TRAKT]).await;
    world.twins.trakt.expire_access("alice");
    world
        .twins
        .trakt
        .faults()
        .always("/oauth/token", Fault::answer(trakt::blocked_at_the_edge()));
    finish(&world, &alice, &film(), TimeDelta::hours(1)).await;
    world
        .pass_with_ticks(
            TimeDelta::hours(2),
            TimeDelta::minutes(40),
            TimeDelta::minutes(40),
        )
        .await;
    assert_ne!(
        connection(&world, &alice, TRAKT).await["health"],
        "reconnect_required"
    );
    assert!(
        !world.is_settled(&alice).await,
        "{:#}",
        world.history(&alice).await
    );
    world.twins.trakt.faults().clear();
    world
        .pass_with_ticks(
            TimeDelta::hours(3),
            TimeDelta::hours(1),
            TimeDelta::hours(1),
        )
        .await;
    assert_eq!(world.states(&alice, TRAKT).await, ["delivered"]);
}
