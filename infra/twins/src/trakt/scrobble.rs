//! Start, pause and stop. Source: the blueprint of 2026-03-03 and the contract of 2026-07-30.
//!
//! A stop has no time of its own: at 80 % and more it writes a play stamped with the twin's now.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::api::json_body;
use super::catalogue::Key;
use super::ids::{Kind, Malformed, Wanted};
use super::state::{DUPLICATE_GUARD, OnNow, Saved, State, end_of_watching, spelled, to_the_minute};
use crate::answer::{Answer, Call};

/// From here on a stop counts, in percent.
const COUNTS_FROM: f64 = 80.0;

/// Below this, a pause or stop is refused, in percent.
const LEAST_PROGRESS: f64 = 1.0;

pub(crate) fn answer(state: &mut State, call: &Call, user: &str, action: &str) -> Answer {
    scrobble(state, call, user, action).unwrap_or_else(|answer| answer)
}

fn scrobble(state: &mut State, call: &Call, user: &str, action: &str) -> Result<Answer, Answer> {
    let body = json_body(call)?;
    let progress = body
        .get("progress")
        .and_then(Value::as_f64)
        .filter(|progress| (0.0..=100.0).contains(progress));
    let progress = progress.ok_or_else(|| invalid("progress must be a number from 0 to 100"))?;
    let key = named_item(state, &body)?.ok_or_else(|| Answer::status(404))?;
    if action != "start" && progress < LEAST_PROGRESS {
        return Err(invalid("progress must be at least 1"));
    }
    match action {
        "start" => Ok(start(state, user, key, progress, call.at)),
        "stop" if progress >= COUNTS_FROM => stop(state, user, key, progress, call.at),
        _ => Ok(pause(state, user, key, progress, call.at)),
    }
}

/// Finds the item of a body that has exactly one of the documented shapes.
fn named_item(state: &mut State, body: &Value) -> Result<Option<Key>, Answer> {
    let part = |name| body.get(name).filter(|part| !part.is_null());
    match (part("movie"), part("show"), part("episode")) {
        (Some(movie), None, None) => find(state, Kind::Movie, movie),
        (None, None, Some(episode)) if episode.get("ids").is_some() => {
            find(state, Kind::Episode, episode)
        }
        (None, Some(show), Some(episode)) if episode.get("ids").is_none() => {
            let number = |name| match episode.get(name) {
                None | Some(Value::Null) => Ok(None),
                Some(value) => {
                    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
                    number.map(Some).ok_or_else(|| invalid(name))
                }
            };
            let (season, number, absolute) =
                (number("season")?, number("number")?, number("number_abs")?);
            let Some(show) = find(state, Kind::Show, show)? else {
                return Ok(None);
            };
            match (season, number, absolute) {
                (Some(season), Some(number), None) => {
                    Ok(state.catalogue.episode(show.trakt, season, number))
                }
                (None, None, Some(absolute)) => {
                    Ok(state.catalogue.absolute_episode(show.trakt, absolute))
                }
                _ => Err(invalid("episode needs season and number, or number_abs")),
            }
        }
        _ => Err(Answer::json(
            400,
            &json!({"error": "exactly one of movie, episode with ids, show with episode"}),
        )),
    }
}

fn find(state: &mut State, kind: Kind, named: &Value) -> Result<Option<Key>, Answer> {
    let wanted = Wanted::read(named).map_err(malformed)?;
    Ok(state.catalogue.resolve(kind, &wanted))
}

/// 400 for a field of the wrong type.
pub(crate) fn malformed(Malformed(field): Malformed) -> Answer {
    Answer::json(
        400,
        &json!({"error": format!("{field} has the wrong type")}),
    )
}

fn start(state: &mut State, user: &str, key: Key, progress: f64, now: DateTime<Utc>) -> Answer {
    let account = state.account(user);
    account.playback.retain(|saved| saved.key != key);
    let expires_at = end_of_watching(key.kind, progress, now);
    account.watching = Some(OnNow {
        key,
        progress,
        started_at: now,
        expires_at,
    });
    created(state, key, 0, "start", progress)
}

fn pause(state: &mut State, user: &str, key: Key, progress: f64, now: DateTime<Utc>) -> Answer {
    let id = state.new_id();
    let account = state.account(user);
    account.watching = None;
    account.playback.retain(|saved| saved.key != key);
    account.playback.push(Saved {
        id,
        key,
        progress,
        paused_at: now,
    });
    created(state, key, id, "pause", progress)
}

fn stop(
    state: &mut State,
    user: &str,
    key: Key,
    progress: f64,
    now: DateTime<Utc>,
) -> Result<Answer, Answer> {
    let account = state.account(user);
    if let Some(watched_at) = account.scrobbled.get(&key) {
        let expires_at = *watched_at + DUPLICATE_GUARD;
        if now < expires_at {
            let times =
                json!({"watched_at": spelled(*watched_at), "expires_at": spelled(expires_at)});
            return Err(Answer::json(409, &times));
        }
    }
    account.watching = None;
    account.playback.retain(|saved| saved.key != key);
    account.scrobbled.insert(key, to_the_minute(now));
    // Not documented: what a stop answers on an account that keeps one play an item. Here, the play it has.
    let kept = account
        .history
        .iter()
        .find(|entry| entry.key == key)
        .map(|entry| entry.id);
    let id = state
        .add_play(user, key, Some(now), "scrobble", now)
        .or(kept)
        .unwrap_or_default();
    Ok(created(state, key, id, "scrobble", progress))
}

fn created(state: &State, key: Key, id: i64, action: &str, progress: f64) -> Answer {
    let mut body = json!({"id": id, "action": action, "progress": progress,
        "sharing": {"twitter": false, "mastodon": false, "tumblr": false}});
    let described = state.catalogue.described(key);
    for part in ["movie", "episode", "show"] {
        if let Some(object) = described.get(part) {
            body[part] = object.clone();
        }
    }
    Answer::json(201, &body)
}

fn invalid(reason: &str) -> Answer {
    Answer::json(422, &json!({"error": reason}))
}
