//! A play that its user takes back: gone from the hub and from each service that allows it, whatever comes late.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::Service;
use serde_json::{Value, json};

use crate::harness::{Person, World, film, happened, track};

async fn watch(world: &World, person: &Person, end: DateTime<Utc>) -> Value {
    let start = end - TimeDelta::seconds(7_000);
    let events = json!([
        happened(&film(), "start", start, Some(0)),
        happened(&film(), "stop", end, Some(7_000)),
    ]);
    world.event(person, events.clone()).await;
    events
}

async fn listen(world: &World, person: &Person, end: DateTime<Utc>) -> Value {
    let start = end - TimeDelta::seconds(190);
    let events = json!([
        happened(&track(), "start", start, Some(0)),
        happened(&track(), "stop", end, Some(190)),
    ]);
    world.event(person, events.clone()).await;
    events
}

async fn only_play(world: &World, person: &Person) -> String {
    let history = world.history(person).await;
    let items = history["items"].as_array().expect("items");
    assert_eq!(items.len(), 1, "{history:#}");
    items[0]["id"].as_str().expect("an id").to_owned()
}

async fn take_back(world: &World, person: &Person, play: &str) -> Value {
    let path = format!("/api/v1/scrobble/plays/{play}");
    let (status, answer) = world.call("DELETE", &path, Some(person), None).await;
    assert_eq!(status, 202, "{answer}");
    answer
}

async fn show(world: &World, person: &Person, play: &str) -> Value {
    let path = format!("/api/v1/scrobble/plays/{play}");
    let (status, answer) = world.call("GET", &path, Some(person), None).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn state_at(play: &Value, service: Service) -> &str {
    let deliveries = play["deliveries"].as_array().expect("deliveries");
    let delivery = deliveries
        .iter()
        .find(|delivery| delivery["service"] == service.name());
    delivery.expect("a delivery")["state"]
        .as_str()
        .expect("a state")
}

#[tokio::test]
async fn one_play_of_two_is_removed_at_trakt_and_no_late_copy_brings_it_back() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let now = world.clock.now();
    let first = now - TimeDelta::hours(30);
    let events = watch(&world, &alice, first).await;
    world.pass(TimeDelta::minutes(5)).await;
    let play = only_play(&world, &alice).await;
    let second = now - TimeDelta::hours(3);
    watch(&world, &alice, second).await;
    world.pass(TimeDelta::minutes(5)).await;
    assert_eq!(world.held(Service::Trakt, "alice").len(), 2);

    let answer = take_back(&world, &alice, &play).await;
    assert_eq!(answer["removing_at"], json!(["trakt"]), "{answer}");
    assert_eq!(answer["stays_at"], json!([]));
    world.pass(TimeDelta::minutes(5)).await;
    let held = world.held(Service::Trakt, "alice");
    assert_eq!(held.len(), 1, "{held:?}");
    assert!((held[0] - second).abs() < TimeDelta::minutes(1), "{held:?}");
    let shown = show(&world, &alice, &play).await;
    assert_eq!(state_at(&shown, Service::Trakt), "removed", "{shown:#}");
    assert!(shown["removed_at"].is_string());

    world.event(&alice, events).await;
    world.pass(TimeDelta::minutes(30)).await;
    assert_eq!(world.held(Service::Trakt, "alice"), held);
    only_play(&world, &alice).await;
}

#[tokio::test]
async fn a_listen_is_removed_where_that_can_be_and_a_link_leads_to_the_rest() {
    let world = World::new().await;
    let services = [Service::LastFm, Service::ListenBrainz];
    let alice = world.person_at("alice", &services).await;
    listen(&world, &alice, world.clock.now() - TimeDelta::hours(2)).await;
    world.pass(TimeDelta::minutes(5)).await;
    let play = only_play(&world, &alice).await;
    let answer = take_back(&world, &alice, &play).await;
    assert_eq!(answer["removing_at"], json!(["listenbrainz"]), "{answer}");
    assert_eq!(answer["stays_at"][0]["service"], "lastfm", "{answer}");
    let link = answer["stays_at"][0]["link"].as_str().expect("a link");
    assert_eq!(link, "https://www.last.fm/user/alice/library");
    world
        .pass_with_ticks(
            TimeDelta::hours(2),
            TimeDelta::minutes(1),
            TimeDelta::minutes(5),
        )
        .await;
    assert!(world.held(Service::ListenBrainz, "alice").is_empty());
    assert_eq!(world.held(Service::LastFm, "alice").len(), 1);
    let shown = show(&world, &alice, &play).await;
    assert_eq!(state_at(&shown, Service::ListenBrainz), "removed");
    assert_eq!(state_at(&shown, Service::LastFm), "delivered");
}

#[tokio::test]
async fn what_is_taken_back_before_it_was_sent_is_never_sent() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    world.twins.trakt.faults().down(true);
    watch(&world, &alice, world.clock.now() - TimeDelta::hours(2)).await;
    world.pass(TimeDelta::minutes(1)).await;
    let play = only_play(&world, &alice).await;
    take_back(&world, &alice, &play).await;
    world.twins.trakt.faults().down(false);
    world
        .pass_with_ticks(
            TimeDelta::hours(2),
            TimeDelta::minutes(1),
            TimeDelta::minutes(5),
        )
        .await;
    assert!(world.held(Service::Trakt, "alice").is_empty());
    let shown = show(&world, &alice, &play).await;
    assert_eq!(state_at(&shown, Service::Trakt), "ignored", "{shown:#}");
}

#[tokio::test]
async fn a_removal_waits_for_a_service_that_is_down() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    watch(&world, &alice, world.clock.now() - TimeDelta::hours(2)).await;
    world.pass(TimeDelta::minutes(5)).await;
    let play = only_play(&world, &alice).await;
    world.twins.trakt.faults().down(true);
    take_back(&world, &alice, &play).await;
    world
        .pass_with_ticks(
            TimeDelta::minutes(20),
            TimeDelta::minutes(1),
            TimeDelta::minutes(5),
        )
        .await;
    assert_eq!(world.held(Service::Trakt, "alice").len(), 1);
    let shown = show(&world, &alice, &play).await;
    assert_eq!(state_at(&shown, Service::Trakt), "waiting", "{shown:#}");
    world.twins.trakt.faults().down(false);
    world
        .pass_with_ticks(
            TimeDelta::hours(3),
            TimeDelta::minutes(1),
            TimeDelta::minutes(5),
        )
        .await;
    assert!(world.held(Service::Trakt, "alice").is_empty());
    let shown = show(&world, &alice, &play).await;
    assert_eq!(state_at(&shown, Service::Trakt), "removed", "{shown:#}");
}
