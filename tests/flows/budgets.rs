//! A day's quota: today's plays first, older ones as far as there is room, and the rest tomorrow.

use std::time::Duration;

use chrono::TimeDelta;
use hub_domain::Service;
use hub_runtime::queue::Wake;
use serde_json::json;

use crate::harness::{World, a_listen, happened, track};

#[tokio::test]
async fn a_backlog_leaves_room_for_today_and_goes_on_tomorrow() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::LastFm]).await;
    let began = world.clock.now();
    let mut ids = Vec::new();
    for number in 0..520_i32 {
        let start = began - TimeDelta::days(4) + TimeDelta::minutes(5) * number;
        let play = a_listen(
            &alice,
            Service::LastFm,
            usize::try_from(number).unwrap(),
            start,
            began,
        );
        let due = Some(began + TimeDelta::minutes(10));
        world.hub.table.put_play(&play, due).await.unwrap();
        ids.push(play.id.into());
    }
    for some in ids.chunks(100) {
        let wake = Wake::deliver(alice.id, Service::LastFm, some.to_vec());
        world.wake(vec![(wake, Duration::ZERO)]).await;
    }
    world
        .pass_with_ticks(
            TimeDelta::minutes(30),
            TimeDelta::seconds(30),
            TimeDelta::minutes(1),
        )
        .await;
    assert_eq!(world.held(Service::LastFm, "alice").len(), 500);
    let path = "/api/v1/scrobble/history?limit=200&service=lastfm";
    let (_, page) = world.call("GET", path, Some(&alice), None).await;
    let waiting = page["items"].as_array().unwrap().iter().find_map(|play| {
        let delivery = &play["deliveries"][0];
        (delivery["state"] == "waiting").then(|| delivery["detail"].as_str().unwrap().to_owned())
    });
    let detail = waiting.expect("a play that waits");
    assert!(detail.contains("goes tomorrow"), "{detail}");

    // What is heard today does not wait behind it.
    let end = world.clock.now();
    let start = end - TimeDelta::seconds(190);
    let events = json!([
        happened(&track(), "start", start, Some(0)),
        happened(&track(), "stop", end, Some(190)),
    ]);
    world.event(&alice, events).await;
    world.pass(TimeDelta::minutes(1)).await;
    assert_eq!(world.held(Service::LastFm, "alice").len(), 501);

    world
        .pass_with_ticks(
            TimeDelta::hours(26),
            TimeDelta::minutes(10),
            TimeDelta::minutes(10),
        )
        .await;
    assert_eq!(world.held(Service::LastFm, "alice").len(), 521);
}

#[tokio::test]
async fn a_podcast_goes_to_the_music_services_only_where_its_user_wants_that() {
    let world = World::new().await;
    let services = [Service::LastFm, Service::ListenBrainz];
    let alice = world.person_at("alice", &services).await;
    let path = "/api/v1/user/services/lastfm/settings";
    let on = Some(json!({"podcasts": true}));
    let (status, connection) = world.call("PATCH", path, Some(&alice), on).await;
    assert_eq!((status, &connection["podcasts"]), (200, &json!(true)));
    let episode = json!({
        "item_id": "p1", "item_type": "podcast_episode", "title": "Episode 12", "show": {"title": "The Daily"},
        "duration_ms": 1_800_000, "player_id": "phone",
    });
    let end = world.clock.now() - TimeDelta::minutes(5);
    let start = end - TimeDelta::seconds(1_750);
    let events = json!([
        happened(&episode, "start", start, Some(0)),
        happened(&episode, "stop", end, Some(1_750)),
    ]);
    world.event(&alice, events).await;
    world.pass(TimeDelta::minutes(1)).await;
    let scrobbles = world.twins.lastfm.scrobbles("alice");
    assert_eq!(scrobbles.len(), 1);
    assert_eq!(
        (&*scrobbles[0].artist, &*scrobbles[0].track),
        ("The Daily", "Episode 12")
    );
    assert!(world.held(Service::ListenBrainz, "alice").is_empty());
    assert_eq!(world.states(&alice, Service::LastFm).await, ["delivered"]);
}
