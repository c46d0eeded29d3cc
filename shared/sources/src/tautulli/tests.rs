//! What Tautulli's notifications mean, beyond the samples.

use chrono::{DateTime, Utc};
use hub_domain::{Action, Event, Scope};
use serde_json::{Value, json};

use super::translate;
use crate::outcome::Translated;
use crate::testing;
use crate::values::Fields;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).unwrap()
}

fn read(body: &Value) -> Translated {
    translate(&Fields::of(body).unwrap(), now()).unwrap()
}

fn event(body: &Value) -> Event {
    testing::one(read(body))
}

fn ignored(body: &Value) -> &'static str {
    testing::code(&read(body))
}

fn body(event: &str, metadata: Value) -> Value {
    let mut body = json!({
        "event": event, "Account": {"id": "7", "title": "mira"},
        "Metadata": {"type": "movie", "title": "Heat", "ratingKey": "1"},
    });
    for (key, value) in metadata.as_object().unwrap() {
        body["Metadata"][key] = value.clone();
    }
    body
}

#[test]
fn every_action_is_what_it_says_under_every_prefix() {
    for prefix in ["", "media.", "tautulli."] {
        for (name, expected) in [
            ("play", Action::Start),
            ("pause", Action::Pause),
            ("resume", Action::Resume),
            ("stop", Action::Stop),
            ("watched", Action::ScrobblePoint),
            ("scrobble", Action::ScrobblePoint),
        ] {
            let event = event(&body(&format!("{prefix}{name}"), json!({})));
            assert_eq!(event.action, expected, "{prefix}{name}");
        }
        for name in [
            "change",
            "intro",
            "commercial",
            "credits",
            "buffer",
            "error",
            "created",
        ] {
            assert_eq!(
                ignored(&body(&format!("{prefix}{name}"), json!({}))),
                "not_playback"
            );
        }
    }
    assert_eq!(
        ignored(&body("tautulli.{action}", json!({}))),
        "unknown_event"
    );
}

#[test]
fn watched_is_at_85_percent_unless_it_says_more() {
    let percent = |with: Value| event(&body("tautulli.watched", with)).progress_percent;
    assert_eq!(percent(json!({})), Some(85.0));
    assert_eq!(percent(json!({"progress_percent": ""})), Some(85.0));
    assert_eq!(percent(json!({"progress_percent": "0"})), Some(85.0));
    assert_eq!(percent(json!({"progress_percent": "92"})), Some(92.0));
}

#[test]
fn a_bare_duration_is_minutes_or_milliseconds_by_its_size() {
    let seconds = |with: Value| {
        let duration = event(&body("tautulli.play", with)).media.duration;
        duration.map(|duration| duration.num_seconds())
    };
    assert_eq!(seconds(json!({"duration": "170"})), Some(10_200));
    assert_eq!(seconds(json!({"duration": "10200000"})), Some(10_200));
    assert_eq!(seconds(json!({"duration": "5000"})), None);
    assert_eq!(seconds(json!({"duration": "0"})), None);
    assert_eq!(
        seconds(json!({"duration_sec": "305", "duration": "5"})),
        Some(305)
    );
}

#[test]
fn the_clock_is_the_unix_time_and_local_text_is_none() {
    let mut watched = body(
        "tautulli.watched",
        json!({"lastViewedAt": "2026-11-20 13:00", "unixtime": "1795175990"}),
    );
    assert_eq!(event(&watched).occurred_at.timestamp(), 1_795_175_990);
    watched["Metadata"]["unixtime"] = json!("");
    watched["utctime"] = json!("2026-11-20T11:59:50Z");
    assert_eq!(event(&watched).occurred_at.timestamp(), 1_795_175_990);
    watched["utctime"] = json!("2026-11-20 11:59");
    assert_eq!(event(&watched).occurred_at, now());
}

#[test]
fn prerolls_clips_samples_and_groups_are_ignored_and_live_is_flagged() {
    for (with, code) in [
        (json!({"type": "clip"}), "extra"),
        (json!({"preroll": "1"}), "extra"),
        (json!({"type": "photo"}), "unsupported_kind"),
        (json!({"type": ""}), "no_item"),
        (json!({"file": "/films/heat.sample.mkv"}), "sample"),
        (json!({"type": "episode", "index": "6-10"}), "grouped"),
        (json!({"type": "season"}), "container"),
    ] {
        assert_eq!(
            ignored(&body("tautulli.play", with.clone())),
            code,
            "{with}"
        );
    }
    let mut live = body("tautulli.play", json!({}));
    live["live"] = json!("1");
    assert!(event(&live).flags.live);
}

#[test]
fn the_ids_of_an_episode_are_its_shows_and_the_guid_keeps_its_own_scope() {
    let episode = json!({
        "type": "episode", "guid": "plex://episode/5d9c", "parentIndex": "0", "index": "1",
        "Guids": {"imdb": "tt0903747", "tvdb": "81189", "tmdb": "", "tvmaze": "169"},
        "Guid": [{"id": "tvdb://81189"}],
    });
    let media = event(&body("tautulli.play", episode)).media;
    let scopes: Vec<String> = media
        .ids
        .iter()
        .map(|id| {
            format!(
                "{} {}",
                id.namespace,
                if id.scope == Scope::Show {
                    "show"
                } else {
                    "item"
                }
            )
        })
        .collect();
    assert_eq!(
        scopes,
        ["tvdb show", "plex_guid item", "imdb show", "tvmaze show"]
    );
    assert_eq!((media.season, media.episode), (Some(0), Some(1)));
}

#[test]
fn parameters_on_the_top_level_are_enough() {
    let flat = json!({
        "action": "watched", "username": "mira", "user_id": "7", "media_type": "track", "track_artist": "Dick Dale",
        "artist_name": "Various Artists", "title": "Dick Dale - Misirlou", "album_name": "Pulp Fiction",
        "duration_ms": "147000", "musicbrainz_id": "3c2c1f40-b22e-360e-a29a-1b1610190a8c", "machine_id": "tv", "player": "TV",
    });
    let event = event(&flat);
    assert_eq!(event.media.artist.as_deref(), Some("Dick Dale"));
    assert_eq!(event.media.title.as_deref(), Some("Misirlou"));
    assert_eq!(event.media.album.as_deref(), Some("Pulp Fiction"));
    assert_eq!(event.media.ids.len(), 1);
    assert_eq!(event.account.id.as_deref(), Some("7"));
    assert_eq!(event.player.name.as_deref(), Some("TV"));
}
