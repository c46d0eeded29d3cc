//! Events as a media server of our own posts them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::identity::item_key;
use hub_domain::names::ServerRef;
use hub_domain::{
    Delivery, ItemKind, MediaItem, Play, PlayId, Precision, Service, Sighting, Source,
};
use serde_json::{Value, json};

use super::Person;

/// A track of three minutes and twenty seconds.
pub(crate) fn track() -> Value {
    json!({
        "item_id": "track-1", "item_type": "track", "title": "Jóga", "artist": "Björk", "album": "Homogenic",
        "duration_ms": 200_000, "player_id": "phone",
    })
}

/// A film of two hours.
pub(crate) fn film() -> Value {
    json!({
        "item_id": "film-1", "item_type": "movie", "title": "The Matrix", "year": 1999, "duration_ms": 7_200_000,
        "external_ids": { "imdb": "tt0133093", "tmdb": 603 }, "player_id": "tv",
    })
}

/// An episode of twenty-two minutes.
pub(crate) fn episode() -> Value {
    json!({
        "item_id": "episode-1", "item_type": "episode", "title": "The Pilot", "season": 1, "episode": 1,
        "show": { "title": "Friends", "year": 1994 }, "duration_ms": 1_320_000,
        "external_ids": { "tvdb": 303_821 }, "player_id": "tv",
    })
}

/// The first episode of an anime, of twenty-four minutes, as a server names it by its show.
pub(crate) fn anime() -> Value {
    json!({
        "item_id": "anime-1", "item_type": "episode", "title": "To You, in 2000 Years", "season": 1, "episode": 1,
        "show": { "title": "Attack on Titan", "year": 2013, "external_ids": { "tvdb": 267_440 } },
        "duration_ms": 1_440_000, "player_id": "tv",
    })
}

/// Something that happened to an item, so many seconds into it.
pub(crate) fn happened(
    item: &Value,
    event: &str,
    at: DateTime<Utc>,
    position: Option<i64>,
) -> Value {
    let mut event = json!({ "event": event, "occurred_at": at.to_rfc3339(), "position_ms": position.map(|s| s * 1000) });
    if let (Some(event), Some(item)) = (event.as_object_mut(), item.as_object()) {
        event.extend(item.clone());
        event.retain(|_, value| !value.is_null());
    }
    event
}

/// A listen that was finished then, written down as the hub would have.
pub(crate) fn a_listen(
    person: &Person,
    service: Service,
    number: usize,
    started_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Play {
    let mut media = MediaItem::new(ItemKind::Track);
    media.title = Some(format!("Track {number}"));
    media.artist = Some("Björk".to_owned());
    media.duration = Some(TimeDelta::seconds(200));
    let item = item_key(&media, &ServerRef::unnamed(Source::Canonical));
    Play {
        id: PlayId::new(person.id, &item, Some(started_at)),
        user: person.id,
        item,
        media,
        started_at: Some(started_at),
        watched_at: Some(started_at + TimeDelta::seconds(100)),
        precision: Precision::Second,
        progress_percent: Some(95.0),
        manual: false,
        sightings: vec![Sighting {
            road: "canonical#-#-#x".to_owned(),
            at: started_at,
        }],
        created_at: now,
        deliveries: BTreeMap::from([(service, Delivery::pending())]),
        removed_at: None,
    }
}
