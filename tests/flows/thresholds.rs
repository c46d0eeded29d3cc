//! Thresholds of server, user and connection, through the whole hub.

use chrono::TimeDelta;
use hub_domain::Service;
use serde_json::json;

use crate::harness::{World, film, happened, track};

#[tokio::test]
async fn each_connection_waits_for_its_own_threshold() {
    let world = World::new().await;
    let alice = world
        .person_at("alice", &[Service::LastFm, Service::ListenBrainz])
        .await;
    let wish = json!({ "scrobble_threshold_percent": 90 });
    let (status, body) = world
        .call(
            "PATCH",
            "/api/v1/user/services/lastfm/settings",
            Some(&alice),
            Some(wish),
        )
        .await;
    assert_eq!(status, 200, "{body}");
    let start = world.clock.now();
    world
        .event(&alice, happened(&track(), "start", start, Some(0)))
        .await;
    world.pass(TimeDelta::seconds(110)).await;
    world
        .event(
            &alice,
            happened(&track(), "progress", world.clock.now(), Some(110)),
        )
        .await;
    world.pass(TimeDelta::seconds(5)).await;
    assert_eq!(
        world.states(&alice, Service::ListenBrainz).await,
        ["delivered"]
    );
    assert_eq!(world.states(&alice, Service::LastFm).await, ["held"]);
    world.pass(TimeDelta::seconds(75)).await;
    world
        .event(
            &alice,
            happened(&track(), "stop", world.clock.now(), Some(190)),
        )
        .await;
    world.pass(TimeDelta::seconds(10)).await;
    assert_eq!(world.states(&alice, Service::LastFm).await, ["delivered"]);
    assert_eq!(world.times_at(&alice, Service::LastFm, start), [0]);
}

#[tokio::test]
async fn a_session_that_ends_below_a_connections_threshold_says_so() {
    let world = World::new().await;
    let alice = world
        .person_at("alice", &[Service::LastFm, Service::ListenBrainz])
        .await;
    let wish = json!({ "scrobble_threshold_percent": 90 });
    world
        .call(
            "PATCH",
            "/api/v1/user/services/lastfm/settings",
            Some(&alice),
            Some(wish),
        )
        .await;
    world
        .event(
            &alice,
            happened(&track(), "start", world.clock.now(), Some(0)),
        )
        .await;
    world.pass(TimeDelta::seconds(110)).await;
    world
        .event(
            &alice,
            happened(&track(), "stop", world.clock.now(), Some(110)),
        )
        .await;
    world.pass(TimeDelta::minutes(30)).await;
    assert_eq!(world.states(&alice, Service::LastFm).await, ["ignored"]);
    let history = world.history(&alice).await;
    assert!(
        history.to_string().contains("below your threshold"),
        "{history:#}"
    );
}

#[tokio::test]
async fn a_users_threshold_below_eighty_goes_to_trakt_by_history() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let wish = json!({ "thresholds": { "video": { "percent": 60 } } });
    let (status, body) = world
        .call("PATCH", "/api/v1/user/settings", Some(&alice), Some(wish))
        .await;
    assert_eq!(status, 200, "{body}");
    let start = world.clock.now();
    world
        .event(&alice, happened(&film(), "start", start, Some(0)))
        .await;
    world.pass(TimeDelta::minutes(75)).await;
    world
        .event(
            &alice,
            happened(&film(), "stop", world.clock.now(), Some(75 * 60)),
        )
        .await;
    world.pass(TimeDelta::minutes(2)).await;
    assert_eq!(world.times_at(&alice, Service::Trakt, start), [75 * 60]);
    assert_eq!(world.twins.trakt.calls("/scrobble/stop"), 0);
}

#[tokio::test]
async fn two_episodes_in_one_file_are_two_plays_each_when_its_own_part_passed() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let file = json!({
        "item_id": "double", "item_type": "episode", "season": 1, "episode": 1, "episode_end": 2,
        "show": { "title": "Friends", "year": 1994, "external_ids": { "tvdb": 79_168 } },
        "duration_ms": 2_640_000, "player_id": "tv",
    });
    let start = world.clock.now();
    world
        .event(&alice, happened(&file, "start", start, Some(0)))
        .await;
    world.pass(TimeDelta::minutes(20)).await;
    world
        .event(
            &alice,
            happened(&file, "progress", world.clock.now(), Some(1200)),
        )
        .await;
    world.pass(TimeDelta::minutes(2)).await;
    assert_eq!(world.twins.trakt.history("alice").len(), 1);
    world.pass(TimeDelta::minutes(20)).await;
    world
        .event(
            &alice,
            happened(&file, "stop", world.clock.now(), Some(42 * 60)),
        )
        .await;
    world.pass(TimeDelta::minutes(5)).await;
    let mut episodes: Vec<_> = world
        .twins
        .trakt
        .history("alice")
        .iter()
        .map(|entry| entry.number)
        .collect();
    episodes.sort();
    assert_eq!(episodes, [Some(1), Some(2)]);
}

#[tokio::test]
async fn trailers_live_television_and_short_clips_never_become_plays() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    for (field, value) in [
        ("live", json!(true)),
        ("extra", json!(true)),
        ("duration_ms", json!(599_000)),
    ] {
        let mut item = film();
        item["item_id"] = json!(format!("film-{field}"));
        item[field] = value;
        world
            .event(
                &alice,
                happened(&item, "scrobble_point", world.clock.now(), Some(590)),
            )
            .await;
    }
    world.pass(TimeDelta::minutes(1)).await;
    assert_eq!(world.history(&alice).await["items"], json!([]));
}
