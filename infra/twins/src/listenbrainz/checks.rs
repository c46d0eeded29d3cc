//! The checks of submit-listens, in the server's order. One bad listen refuses the whole batch.
//!
//! Source: metabrainz/listenbrainz-server @0a11984 (2026-08-21), `webserver/views/api_tools.py`.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::refusal;
use super::state::{Track, whole_number};
use crate::answer::Answer;
use crate::page::is_uuid;

/// The most listens of one call.
pub const MOST_LISTENS: usize = 1000;

/// The most bytes a listen may have on average.
pub const MOST_LISTEN_BYTES: usize = 10_240;

/// The most bytes of one call.
const MOST_BYTES: usize = MOST_LISTENS * MOST_LISTEN_BYTES;

/// 2002-10-01T00:00:00Z: nobody listened before.
pub const EARLIEST_LISTEN: i64 = 1_033_430_400;

/// From so many seconds ahead of the server's clock on, a listen lies in the future.
const FURTHEST_AHEAD: i64 = 3600;

/// The longest track, in seconds.
const LONGEST: i64 = 2_073_600;

/// What a submission is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListenType {
    Single,
    PlayingNow,
    Import,
}

/// A submission that passed.
pub(crate) struct Submission {
    pub(crate) listen_type: ListenType,
    /// With their seconds; none for what plays now.
    pub(crate) listens: Vec<(Option<DateTime<Utc>>, Track)>,
}

/// Judges a whole body.
pub(crate) fn judge(body: &[u8], now: DateTime<Utc>) -> Result<Submission, Answer> {
    if body.len() > MOST_BYTES {
        return Err(refusal(400, "Payload too large."));
    }
    let parsed: Value =
        serde_json::from_slice(body).map_err(|_| refusal(400, "Cannot parse JSON document."))?;
    let document = parsed
        .as_object()
        .ok_or_else(|| refusal(400, "JSON document must be an object."))?;
    let payload = document.get("payload").and_then(Value::as_array);
    let payload = payload.ok_or_else(|| {
        refusal(
            400,
            "The payload in the JSON document should be a list of listens.",
        )
    })?;
    if payload.is_empty() {
        return Err(refusal(400, "JSON document does not contain any listens"));
    }
    if payload.len() > MOST_LISTENS {
        return Err(refusal(
            400,
            "Too many listens. You may not submit more than 1000 listens at once.",
        ));
    }
    if body.len() > payload.len() * MOST_LISTEN_BYTES {
        return Err(refusal(
            400,
            "JSON document is too large. Average listen size must not exceed 10240 bytes.",
        ));
    }
    let listen_type = match document.get("listen_type").and_then(Value::as_str) {
        Some("single") => ListenType::Single,
        Some("playing_now") => ListenType::PlayingNow,
        Some("import") => ListenType::Import,
        _ => {
            return Err(refusal(
                400,
                "JSON document requires a valid listen_type key.",
            ));
        }
    };
    if listen_type != ListenType::Import && payload.len() > 1 {
        return Err(refusal(
            400,
            "JSON document contains more than listen for a single or playing_now submission.",
        ));
    }
    let listens = payload
        .iter()
        .map(|listen| judge_listen(listen, listen_type, now))
        .collect::<Result<_, _>>()?;
    Ok(Submission {
        listen_type,
        listens,
    })
}

fn judge_listen(
    listen: &Value,
    listen_type: ListenType,
    now: DateTime<Utc>,
) -> Result<(Option<DateTime<Utc>>, Track), Answer> {
    let bad = |reason: &str| refused_listen(listen, reason);
    if has_null_character(listen) {
        return Err(bad("listen contains a unicode null"));
    }
    let object = listen
        .as_object()
        .ok_or_else(|| bad("listen must be an object."))?;
    let is_playing_now = listen_type == ListenType::PlayingNow;
    let allowed: &[&str] = if is_playing_now {
        &["track_metadata"]
    } else {
        &["listened_at", "track_metadata"]
    };
    if is_playing_now && object.contains_key("listened_at") {
        return Err(bad(
            "JSON document should not contain listened_at key for playing_now.",
        ));
    }
    if object.keys().any(|key| !allowed.contains(&key.as_str())) {
        return Err(bad(
            "JSON document may only contain listened_at and track_metadata top level keys",
        ));
    }
    let listened_at = if is_playing_now {
        None
    } else {
        Some(second(object, now).map_err(bad)?)
    };
    let metadata = object.get("track_metadata").and_then(Value::as_object);
    let metadata =
        metadata.ok_or_else(|| bad("JSON document must contain the key track_metadata."))?;
    let track = judge_track(metadata).map_err(|reason| match reason {
        // A null where an object is expected breaks the server itself.
        Flaw::BreaksTheServer => refusal(500, "Internal Server Error"),
        Flaw::Bad(reason) => bad(reason),
    })?;
    Ok((listened_at, track))
}

fn second(listen: &Map<String, Value>, now: DateTime<Utc>) -> Result<DateTime<Utc>, &'static str> {
    let value = listen
        .get("listened_at")
        .ok_or("JSON document must contain the key listened_at at the top level.")?;
    let second =
        whole_number(value).ok_or("JSON document must contain an int value for listened_at.")?;
    if second < EARLIEST_LISTEN {
        return Err(
            "Value for key listened_at is too low. listened_at timestamp should be greater than 1033410600 \
                    (2002-10-01 00:00:00 UTC).",
        );
    }
    if second >= now.timestamp() + FURTHEST_AHEAD {
        return Err("Value for key listened_at is too high.");
    }
    DateTime::from_timestamp(second, 0).ok_or("Value for key listened_at is too high.")
}

enum Flaw {
    BreaksTheServer,
    Bad(&'static str),
}

fn judge_track(metadata: &Map<String, Value>) -> Result<Track, Flaw> {
    let name = |key, missing, blank| {
        let name = metadata
            .get(key)
            .and_then(Value::as_str)
            .ok_or(Flaw::Bad(missing))?
            .trim()
            .to_owned();
        if name.is_empty() {
            Err(Flaw::Bad(blank))
        } else {
            Ok(name)
        }
    };
    let artist = name(
        "artist_name",
        "artist_name must be a single string.",
        "required field artist_name is empty.",
    )?;
    let track = name(
        "track_name",
        "track_name must be a single string.",
        "required field track_name is empty.",
    )?;
    let release = match metadata.get("release_name") {
        None => None,
        Some(release) => {
            let release = release
                .as_str()
                .ok_or(Flaw::Bad("release_name must be a single string."))?
                .trim();
            Some(release.to_owned()).filter(|release| !release.is_empty())
        }
    };
    let mut info = match metadata.get("additional_info") {
        None => Map::new(),
        Some(Value::Null) => return Err(Flaw::BreaksTheServer),
        Some(info) => info
            .as_object()
            .cloned()
            .ok_or(Flaw::Bad("additional_info must be an object."))?,
    };
    judge_info(&mut info).map_err(Flaw::Bad)?;
    Ok(Track {
        artist,
        track,
        release,
        additional_info: Value::Object(info),
    })
}

fn judge_info(info: &mut Map<String, Value>) -> Result<(), &'static str> {
    if let Some(tags) = info.get("tags").and_then(Value::as_array) {
        if tags.len() > 50 {
            return Err(
                "JSON document may not contain more than 50 items in additional_info.tags.",
            );
        }
        if tags
            .iter()
            .any(|tag| tag.as_str().is_none_or(|tag| tag.chars().count() > 64))
        {
            return Err("JSON document may not contain track tags longer than 64 characters.");
        }
    }
    if info.contains_key("duration") && info.contains_key("duration_ms") {
        return Err("JSON document should not contain both duration and duration_ms.");
    }
    for (key, most) in [("duration", LONGEST), ("duration_ms", LONGEST * 1000)] {
        let Some(value) = info.get(key) else { continue };
        if whole_number(value).is_none_or(|length| !(1..=most).contains(&length)) {
            return Err(
                "Value for duration is invalid, must be a positive integer of at most 24 days.",
            );
        }
    }
    for key in [
        "release_mbid",
        "recording_mbid",
        "release_group_mbid",
        "track_mbid",
    ] {
        match info.get(key) {
            None => {}
            Some(value) if is_nothing(value) => {
                info.remove(key);
            }
            Some(value) if value.as_str().is_some_and(is_uuid) => {}
            Some(_) => return Err("MBID format invalid."),
        }
    }
    for key in ["artist_mbids", "work_mbids"] {
        match info.get_mut(key) {
            None => {}
            Some(Value::Null) => {
                info.remove(key);
            }
            Some(value) => {
                let mbids = value.as_array_mut().ok_or("MBID lists must be lists.")?;
                mbids.retain(|mbid| !is_nothing(mbid));
                if mbids.iter().any(|mbid| !mbid.as_str().is_some_and(is_uuid)) {
                    return Err("MBID format invalid.");
                }
            }
        }
    }
    Ok(())
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

fn has_null_character(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_null_character),
        Value::Object(object) => object.values().any(has_null_character),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A refusal that carries the listen's own keys, so that the sender can find it.
fn refused_listen(listen: &Value, reason: &str) -> Answer {
    let mut body = listen.as_object().cloned().unwrap_or_default();
    body.insert("code".to_owned(), 400.into());
    body.insert("error".to_owned(), reason.into());
    Answer::json(400, &Value::Object(body))
}
