//! One play, once per service, with its true time.

use chrono::TimeDelta;
use hub_domain::{Secret, Service};
use hub_providers::Tokens;
use serde_json::{Value, json};

use crate::harness::receiver::Receiver;
use crate::harness::{World, episode, film, happened, track};

/// What Plex posts when a track counts as played: the payload of its own support article, with the event of a scrobble.
fn plex_scrobble(event: &str) -> Vec<u8> {
    let payload = json!({
        "event": event, "user": true, "owner": true,
        "Account": { "id": 1, "thumb": "https://plex.tv/users/1022b120ffbaa/avatar?c=1465525047", "title": "elan" },
        "Server": { "title": "Office", "uuid": "54664a3d8acc39983675640ec9ce00b70af9cc36" },
        "Player": { "local": true, "publicAddress": "200.200.200.200", "title": "Plex Web (Safari)", "uuid": "r6yfkdnfggbh2bdnvkffwbms" },
        "Metadata": {
            "librarySectionType": "artist", "ratingKey": "1936545", "key": "/library/metadata/1936545",
            "guid": "com.plexapp.agents.plexmusic://gracenote/track/7572499-91016293BE6BF7F1AB2F848F736E74E5",
            "librarySectionID": 1224, "type": "track", "title": "Love The One You're With",
            "grandparentTitle": "Stephen Stills", "parentTitle": "Stephen Stills", "index": 1, "parentIndex": 1
        }
    });
    let boundary = "------------------------5c3ad1c5ec0d41f0";
    format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"payload\"\r\nContent-Type: application/json\r\n\r\n{payload}\r\n--{boundary}--\r\n"
    )
    .into_bytes()
}

const MULTIPART: &str = "multipart/form-data; boundary=------------------------5c3ad1c5ec0d41f0";

#[tokio::test]
async fn a_plex_scrobble_posted_ten_times_is_one_listen_and_five_plays_are_five() {
    let world = World::new().await;
    let receiver = Receiver::start().await;
    let elan = world.person("elan").await;
    let tokens = Tokens {
        access: Secret::new("any"),
        refresh: None,
        expires_at: None,
    };
    world
        .link(
            &elan,
            Service::ListenBrainz,
            &tokens,
            Some(receiver.url.clone()),
        )
        .await;
    let token = world.webhook_token(&elan, "plex", "elan").await;

    for _ in 0..10 {
        let (status, body) = world
            .webhook("plex", &token, MULTIPART, plex_scrobble("media.scrobble"))
            .await;
        assert_eq!((status, &body["accepted"]), (202, &json!(1)), "{body}");
    }
    world.pass(TimeDelta::seconds(30)).await;
    assert_eq!(receiver.listens().len(), 1, "{:?}", receiver.listens());

    world.pass(TimeDelta::minutes(10)).await;
    let mut starts = Vec::new();
    for _ in 0..5 {
        starts.push(world.clock.now().timestamp());
        world
            .webhook("plex", &token, MULTIPART, plex_scrobble("media.play"))
            .await;
        world.pass(TimeDelta::seconds(100)).await;
        world
            .webhook("plex", &token, MULTIPART, plex_scrobble("media.scrobble"))
            .await;
        world.pass(TimeDelta::seconds(85)).await;
        world
            .webhook("plex", &token, MULTIPART, plex_scrobble("media.stop"))
            .await;
    }
    world.pass(TimeDelta::seconds(30)).await;
    let listens = receiver.listens();
    assert_eq!(listens.len(), 6);
    let times: Vec<i64> = listens[1..]
        .iter()
        .filter_map(|listen| listen["listened_at"].as_i64())
        .collect();
    assert_eq!(times, starts);
    assert_eq!(
        listens[5]["track_metadata"]["track_name"],
        "Love The One You're With"
    );
}

#[tokio::test]
async fn the_stop_after_the_threshold_was_met_is_one_history_entry_at_trakt() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let start = world.clock.now();
    world
        .event(&alice, happened(&film(), "start", start, Some(0)))
        .await;
    world.pass(TimeDelta::minutes(97)).await;
    world
        .event(
            &alice,
            happened(&film(), "progress", world.clock.now(), Some(97 * 60)),
        )
        .await;
    world.pass(TimeDelta::minutes(20)).await;
    world
        .event(
            &alice,
            happened(&film(), "stop", world.clock.now(), Some(117 * 60)),
        )
        .await;
    world.pass(TimeDelta::minutes(5)).await;
    assert_eq!(world.times_at(&alice, Service::Trakt, start), [97 * 60]);
    assert_eq!(world.states(&alice, Service::Trakt).await, ["delivered"]);
    // Met while it played, so it was Trakt's own stop that recorded it, and nothing followed.
    assert_eq!(world.twins.trakt.calls("/scrobble/stop"), 1);
    assert_eq!(world.twins.trakt.calls("/sync/history"), 0);
}

#[tokio::test]
async fn an_episode_watched_twice_within_the_hour_is_two_entries() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let since = world.clock.now();
    let mut ends = Vec::new();
    for _ in 0..2 {
        let start = world.clock.now();
        world
            .event(&alice, happened(&episode(), "start", start, Some(0)))
            .await;
        world.pass(TimeDelta::minutes(22)).await;
        ends.push((world.clock.now() - since).num_seconds() / 60 * 60);
        world
            .event(
                &alice,
                happened(&episode(), "stop", world.clock.now(), Some(1320)),
            )
            .await;
        world.pass(TimeDelta::minutes(4)).await;
    }
    world
        .pass_until_settled(&alice, TimeDelta::minutes(10))
        .await;
    assert_eq!(world.times_at(&alice, Service::Trakt, since), ends);
}

#[tokio::test]
async fn each_round_of_a_looped_forty_second_track_counts() {
    let world = World::new().await;
    let alice = world
        .person_at("alice", &[Service::LastFm, Service::ListenBrainz])
        .await;
    let since = world.clock.now();
    let mut short = track();
    short["duration_ms"] = json!(40_000);
    for _ in 0..4 {
        world
            .event(
                &alice,
                happened(&short, "start", world.clock.now(), Some(0)),
            )
            .await;
        world
            .pass_in_steps(TimeDelta::seconds(40), TimeDelta::seconds(10))
            .await;
    }
    world
        .event(
            &alice,
            happened(&short, "stop", world.clock.now(), Some(40)),
        )
        .await;
    world.pass(TimeDelta::minutes(2)).await;
    assert_eq!(
        world.times_at(&alice, Service::ListenBrainz, since),
        [0, 40, 80, 120]
    );
    assert_eq!(
        world.times_at(&alice, Service::LastFm, since),
        [0, 40, 80, 120]
    );
}

#[tokio::test]
async fn a_webhook_and_a_queued_scrobble_of_one_viewing_are_one_play_in_either_order() {
    for queued_first in [true, false] {
        let world = World::new().await;
        let alice = world.person_at("alice", &[Service::Trakt]).await;
        let start = world.clock.now() - TimeDelta::minutes(110);
        let end = world.clock.now();
        let queued = json!({
            "content_type": "movie", "content_id": "film-1", "title": "The Matrix", "year": 1999,
            "external_ids": { "imdb": "tt0133093" }, "watched_at": end.to_rfc3339(),
        });
        let seen = [
            happened(&film(), "start", start, Some(0)),
            happened(&film(), "stop", end, Some(110 * 60)),
        ];
        let queue = || {
            world.call(
                "POST",
                "/api/v1/scrobble/queue",
                Some(&alice),
                Some(queued.clone()),
            )
        };
        if queued_first {
            assert_eq!(queue().await.0, 202);
        }
        for event in seen {
            world.event(&alice, event).await;
        }
        if !queued_first {
            assert_eq!(queue().await.0, 202);
        }
        world.pass(TimeDelta::minutes(5)).await;
        let history = world.history(&alice).await;
        assert_eq!(
            history["items"].as_array().map(Vec::len),
            Some(1),
            "queued first: {queued_first}: {history:#}"
        );
        assert_eq!(world.twins.trakt.history("alice").len(), 1);
    }
}

#[tokio::test]
async fn a_409_caused_by_another_play_does_not_swallow_this_one() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    // Another application scrobbled the same episode a quarter of an hour before this viewing began.
    let stop = json!({ "episode": { "ids": { "tvdb": 303_821 } }, "progress": 95.0 });
    world.scrobble_elsewhere(&alice, stop).await;
    let start = world.clock.now() + TimeDelta::minutes(10);
    world.clock.turn(TimeDelta::minutes(10));
    world
        .event(&alice, happened(&episode(), "start", start, Some(0)))
        .await;
    world.pass(TimeDelta::minutes(21)).await;
    world
        .event(
            &alice,
            happened(&episode(), "stop", world.clock.now(), Some(21 * 60)),
        )
        .await;
    world
        .pass_until_settled(&alice, TimeDelta::minutes(15))
        .await;
    let times = world.times_at(&alice, Service::Trakt, start);
    assert_eq!(times, [-600, 21 * 60], "{:#}", world.history(&alice).await);
}

#[tokio::test]
async fn marking_a_season_twice_makes_each_episode_watched_once_in_one_batch() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let season: Vec<Value> = (1..=60)
        .map(|number| {
            let mut item = episode();
            item["item_id"] = json!(format!("episode-{number}"));
            item["episode"] = json!(number);
            item["external_ids"] = json!({ "tvdb": 900_000 + number });
            happened(&item, "mark_watched", world.clock.now(), None)
        })
        .collect();
    world.event(&alice, json!(season)).await;
    world.pass(TimeDelta::seconds(30)).await;
    assert_eq!(world.twins.trakt.calls("/sync/history"), 1, "one batch");
    world.pass(TimeDelta::hours(1)).await;
    world.event(&alice, json!(season)).await;
    world.pass(TimeDelta::minutes(5)).await;
    assert_eq!(world.twins.trakt.history("alice").len(), 60);
}
