//! Start, pause and stop. Source: the blueprint of 2026-03-19.
//!
//! A stop has no time of its own: at 80 % and more it marks as watched now.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::answers::{not_found, wrong_parameter};
use super::catalogue::{Item, Kind, Said, number};
use super::history::mark;
use super::named::{Marked, json_body, scrobbled_place};
use super::state::{OnNow, Place, Saved, State, WHOLE, episode};
use crate::answer::{Answer, Call};

/// From here on a stop counts, in percent.
const COUNTS_FROM: f64 = 80.0;

/// How long the same item is not scrobbled again.
const DUPLICATE_GUARD: TimeDelta = TimeDelta::hours(1);

pub(crate) fn answer(
    state: &mut State,
    call: &Call,
    user: &str,
    action: &str,
) -> Result<Answer, Answer> {
    let body = json_body(call)?;
    let progress = body
        .get("progress")
        .and_then(Value::as_f64)
        .filter(|progress| (0.0..=100.0).contains(progress));
    let progress = progress.ok_or_else(|| wrong_parameter("progress must be from 0 to 100."))?;
    let (simkl, place) = named_item(state, &body)?;
    let now = call.at;
    finish_the_one_before(state, user, simkl, place, action, now);
    if action == "start" {
        return Ok(start(state, user, (simkl, place), progress, now));
    }
    if progress < COUNTS_FROM {
        return Ok(pause(state, user, (simkl, place), progress, now));
    }
    let account = state.account(user);
    if let Some(finished_at) = account.finished.get(&(simkl, place)) {
        let expires_at = *finished_at + DUPLICATE_GUARD;
        if now < expires_at {
            let times = json!({"watched_at": to_the_millisecond(*finished_at),
                "expires_at": to_the_millisecond(expires_at)});
            return Err(Answer::json(409, &times));
        }
    }
    account.finished.insert((simkl, place), now);
    if action == "pause" {
        return Ok(pause(state, user, (simkl, place), progress, now));
    }
    let id = state.new_id();
    let account = state.account(user);
    account.watching = None;
    account.playback.retain(|saved| saved.simkl != simkl);
    let marked = Marked {
        simkl,
        place,
        watched_at: Some(now),
    };
    mark(state, user, &[marked], None, now);
    Ok(created(state, (simkl, place), id, "scrobble", progress))
}

/// Finds the item of a body that has exactly one of the documented shapes.
fn named_item(state: &mut State, body: &Value) -> Result<(u64, Place), Answer> {
    let part = |name| body.get(name).filter(|part: &&Value| part.is_object());
    let (said, item) = match (part("movie"), part("show"), part("anime")) {
        (Some(movie), None, None) => (Said::Movie, movie),
        (None, Some(show), None) => (Said::Show, show),
        (None, None, Some(anime)) => (Said::Anime, anime),
        _ => return Err(wrong_parameter("Exactly one of movie, show and anime.")),
    };
    let simkl = state.catalogue.resolve(said, item).ok_or_else(not_found)?;
    if state.catalogue.item(simkl).is_some_and(Item::is_film) {
        return Ok((simkl, WHOLE));
    }
    let wanted = part("episode").ok_or_else(|| wrong_parameter("episode is missing."))?;
    let count = |name| {
        wanted
            .get(name)
            .and_then(number)
            .and_then(|number| u32::try_from(number).ok())
    };
    // An anime entry has one season in its own count.
    let season = count("season").or_else(|| (said == Said::Anime).then_some(1));
    let (Some(season), Some(number)) = (season, count("number")) else {
        return Err(wrong_parameter("episode needs season and number."));
    };
    scrobbled_place(&state.catalogue, simkl, item, season, number).ok_or_else(not_found)
}

/// A start of another title counts the one before, if that had run long enough by now.
fn finish_the_one_before(
    state: &mut State,
    user: &str,
    simkl: u64,
    place: Place,
    action: &str,
    now: DateTime<Utc>,
) {
    let Some(before) = state.account(user).watching.clone() else {
        return;
    };
    if action != "start" || (before.simkl, before.place) == (simkl, place) {
        return;
    }
    let left = (before.expires_at - before.started_at).num_milliseconds() as f64;
    let run = (now - before.started_at).num_milliseconds() as f64;
    let reached = before.progress + (100.0 - before.progress) * (run / left.max(1.0)).min(1.0);
    // "Expires … without marking watched": only one that is still on counts.
    if reached < COUNTS_FROM || now >= before.expires_at {
        return;
    }
    let account = state.account(user);
    let guarded = account
        .finished
        .get(&(before.simkl, before.place))
        .is_some_and(|finished_at| now < *finished_at + DUPLICATE_GUARD);
    if !guarded {
        account.finished.insert((before.simkl, before.place), now);
        let marked = Marked {
            simkl: before.simkl,
            place: before.place,
            watched_at: Some(now),
        };
        mark(state, user, &[marked], None, now);
    }
}

fn start(
    state: &mut State,
    user: &str,
    (simkl, place): (u64, Place),
    progress: f64,
    now: DateTime<Utc>,
) -> Answer {
    let minutes = state.catalogue.item(simkl).map_or(0, Item::runtime_minutes);
    let left = (100.0 - progress) / 100.0;
    // A runtime in milliseconds is far below what a float holds exactly.
    let rest = (TimeDelta::minutes(minutes).num_milliseconds() as f64 * left) as i64;
    let account = state.account(user);
    account.playback.retain(|saved| saved.simkl != simkl);
    account.watching = Some(OnNow {
        simkl,
        place,
        progress,
        started_at: now,
        expires_at: now + TimeDelta::milliseconds(rest),
    });
    created(state, (simkl, place), 0, "start", progress)
}

fn pause(
    state: &mut State,
    user: &str,
    (simkl, place): (u64, Place),
    progress: f64,
    now: DateTime<Utc>,
) -> Answer {
    let id = state.new_id();
    let kind = state.catalogue.item(simkl).map(|item| item.kind);
    let account = state.account(user);
    account.watching = None;
    // One session a title.
    account.playback.retain(|saved| saved.simkl != simkl);
    account.playback.push(Saved {
        id,
        simkl,
        place,
        progress,
        paused_at: now,
    });
    if let Some(kind) = kind {
        account.touched(kind, "playback", now);
    }
    created(state, (simkl, place), id, "pause", progress)
}

fn created(
    state: &State,
    (simkl, place): (u64, Place),
    id: i64,
    action: &str,
    progress: f64,
) -> Answer {
    let mut body = json!({"id": id, "action": action, "progress": shown_progress(progress)});
    if let Some(item) = state.catalogue.item(simkl) {
        if let Some(described) = described_episode(item, place, "number") {
            body["episode"] = described;
        }
        let mut described = item.described();
        if let Some(anime_type) = item.anime_type() {
            described["anime_type"] = anime_type.into();
        }
        body[word(item)] = described;
    }
    Answer::json(201, &body)
}

/// Under which name an item stands in answers to scrobbles and in saved positions.
pub(crate) fn word(item: &Item) -> &'static str {
    match item.kind {
        Kind::Movie => "movie",
        Kind::Tv => "show",
        Kind::Anime => "anime",
    }
}

/// An episode with both numberings; the name of its number differs between answers.
pub(crate) fn described_episode(item: &Item, place: Place, name_of_number: &str) -> Option<Value> {
    let (season, number) = episode(place)?;
    let mut described = json!({"season": season, "title": format!("Episode {number}")});
    described[name_of_number] = number.into();
    let there = match &item.anime {
        Some(anime) => anime.place(number),
        None => Some((season, number)),
    };
    if let Some((season, number)) =
        there.filter(|_| item.anime.is_some() || name_of_number == "episode")
    {
        described["tvdb_season"] = season.into();
        described["tvdb_number"] = number.into();
    }
    Some(described)
}

/// 75.00 is answered as 75.
pub(crate) fn shown_progress(progress: f64) -> Value {
    if progress.fract() == 0.0 {
        // From 0 to 100, and whole.
        (progress as i64).into()
    } else {
        progress.into()
    }
}

fn to_the_millisecond(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
