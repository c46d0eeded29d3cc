//! What the unofficial plugin's events mean, beyond the samples.

use chrono::{DateTime, Utc};
use hub_domain::{Action, Source};
use serde_json::{Value, json};

use super::{as_plex, translate};
use crate::outcome::Translated;
use crate::testing::one as event;
use crate::values::Fields;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).unwrap()
}

fn read(body: &Value) -> Translated {
    translate(&Fields::of(body).unwrap().folded(), now()).unwrap()
}

#[test]
fn every_name_of_an_event_is_what_it_says() {
    for (name, expected) in [
        ("Play", Action::Start),
        ("Progress", Action::Progress),
        ("Pause", Action::Pause),
        ("Resume", Action::Resume),
        ("Stop", Action::Stop),
        ("Scrobble", Action::ScrobblePoint),
        ("MarkPlayed", Action::MarkWatched),
        ("MarkUnplayed", Action::MarkUnwatched),
        ("PlaybackStop", Action::Stop),
    ] {
        let body = json!({"Event": name, "Item": {"Type": "Movie", "Name": "Heat"}});
        assert_eq!(event(read(&body)).action, expected, "{name}");
    }
    for (name, code) in [("ItemAdded", "not_playback"), ("Dance", "unknown_event")] {
        let body = json!({"Event": name, "Item": {"Type": "Movie", "Name": "Heat"}});
        assert!(matches!(read(&body), Translated::Ignored { reason } if reason.code() == code));
    }
}

#[test]
fn a_rating_is_stars_or_a_favourite_or_nothing() {
    let rated = |data: Value| {
        let body =
            json!({"Event": "Rate", "Item": {"Type": "Movie", "Name": "Heat", "UserData": data}});
        match read(&body) {
            Translated::Events(events) => events.first().map(|event| (event.action, event.rating)),
            Translated::Ignored { .. } => None,
        }
    };
    assert_eq!(
        rated(json!({"Rating": 7.5, "IsFavorite": true})),
        Some((Action::Rate, Some(7.5)))
    );
    assert_eq!(
        rated(json!({"IsFavorite": true})),
        Some((Action::Love, None))
    );
    assert_eq!(
        rated(json!({"Rating": 0, "IsFavorite": false})),
        Some((Action::Unlove, None))
    );
    assert_eq!(rated(json!({})), None);
}

#[test]
fn the_plex_format_is_jellyfin_with_a_duration_ten_times_too_large() {
    let body = |event: &str, player: Value| {
        json!({
            "event": event, "user": true, "Account": {"id": "B3D1F8A0-7C4E-4BD2-A9E6-510C27F3D845", "title": "mira"},
            "Server": {"title": "attic", "uuid": "4d1f0a6c"}, "Player": player,
            "Metadata": {
                "type": "episode", "title": "Pilot", "grandparentTitle": "Show", "duration": 13_200_000,
                "guid": "com.plexapp.agents.thetvdb:///0/4?lang=en",
            },
        })
    };
    let read = |body: &Value| event(as_plex::translate(&Fields::of(body).unwrap(), now()).unwrap());
    let stop = read(&body("media.stop", json!({"title": "TV", "uuid": "x"})));
    assert_eq!(
        stop.media.duration.map(|duration| duration.num_seconds()),
        Some(1320)
    );
    assert_eq!((stop.media.season, stop.media.episode), (Some(0), Some(4)));
    assert_eq!(
        stop.account.id.as_deref(),
        Some("b3d1f8a07c4e4bd2a9e6510c27f3d845")
    );
    assert_eq!(stop.server.source, Source::Jellyfin);
    assert!(stop.media.ids.is_empty(), "an empty id is none");
    let marked = read(&body(
        "media.scrobble",
        json!({"title": null, "uuid": null, "local": true}),
    ));
    assert_eq!(marked.action, Action::MarkWatched);
    let scrobble = read(&body("media.scrobble", json!({"title": "TV", "uuid": "x"})));
    assert_eq!(scrobble.action, Action::ScrobblePoint);
}
