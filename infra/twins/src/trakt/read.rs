//! Reading: history in pages, saved positions, activity times, and items by their ids.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use super::catalogue::runtime;
use super::ids::{Ids, Kind, Wanted, is_well_formed};
use super::state::{Entry, State, spelled};
use crate::answer::{Answer, Call};

/// How many a page holds if the request does not say.
const DEFAULT_LIMIT: usize = 10;

/// A larger page is cut to this size, not refused.
const MOST_A_PAGE: usize = 250;

/// `GET /sync/history[/type[/id]]`: newest first, plays of unknown time last, and outside of every stretch of time.
pub(crate) fn history(state: &mut State, call: &Call, user: &str, filter: &[&str]) -> Answer {
    let (start, end) = match (time(call, "start_at"), time(call, "end_at")) {
        (Ok(start), Ok(end)) => (start, end),
        _ => return Answer::status(400),
    };
    let (kind, id) = match filter {
        [] => (None, None),
        [kind] => (Some(*kind), None),
        [kind, id] => match id.parse::<u64>() {
            Ok(id) => (Some(*kind), Some(id)),
            Err(_) => return Answer::status(404),
        },
        _ => return Answer::status(404),
    };
    if kind.is_some_and(|kind| !["movies", "shows", "seasons", "episodes"].contains(&kind)) {
        return Answer::status(404);
    }
    state.account(user);
    let is_full = call.query("extended") == Some("full");
    let entries = state
        .users
        .get(user)
        .map(|account| account.history.as_slice())
        .unwrap_or_default();
    let mut entries: Vec<&Entry> = entries
        .iter()
        .filter(|entry| is_of(state, entry, kind, id))
        .filter(|entry| {
            start.is_none_or(|start| {
                entry
                    .watched_at
                    .is_some_and(|watched_at| watched_at >= start)
            })
        })
        .filter(|entry| {
            end.is_none_or(|end| entry.watched_at.is_some_and(|watched_at| watched_at <= end))
        })
        .collect();
    entries.sort_by_key(|entry| std::cmp::Reverse((entry.watched_at, entry.id)));
    paged(call, Some(DEFAULT_LIMIT), &entries, |entry| {
        let mut body = state.catalogue.described(entry.key);
        body["id"] = entry.id.into();
        if is_full {
            body[entry.key.kind.word()]["runtime"] = runtime(entry.key.kind).num_minutes().into();
        }
        // What is shown for "unknown" is not documented, only that it is a text.
        body["watched_at"] = spelled(entry.watched_at.unwrap_or(DateTime::UNIX_EPOCH)).into();
        body["action"] = entry.action.into();
        body
    })
}

fn is_of(state: &State, entry: &Entry, kind: Option<&str>, id: Option<u64>) -> bool {
    let show = state
        .catalogue
        .item(entry.key)
        .and_then(|item| item.place)
        .map(|place| place.show);
    match kind {
        None => true,
        Some("movies") => {
            entry.key.kind == Kind::Movie && id.is_none_or(|id| id == entry.key.trakt)
        }
        Some("episodes") => {
            entry.key.kind == Kind::Episode && id.is_none_or(|id| id == entry.key.trakt)
        }
        Some("shows") => entry.key.kind == Kind::Episode && id.is_none_or(|id| Some(id) == show),
        // The twin's seasons have no ids to ask for.
        Some(_) => entry.key.kind == Kind::Episode && id.is_none(),
    }
}

/// `GET /sync/playback[/type]`: the whole list unless a page is asked for, newest first.
pub(crate) fn playback(state: &mut State, call: &Call, user: &str, kind: Option<&str>) -> Answer {
    let wanted = match kind {
        None => None,
        Some("movies") => Some(Kind::Movie),
        Some("episodes") => Some(Kind::Episode),
        Some(_) => return Answer::status(404),
    };
    let (start, end) = match (time(call, "start_at"), time(call, "end_at")) {
        (Ok(start), Ok(end)) => (start, end),
        _ => return Answer::status(400),
    };
    let kept: Vec<i64> = state
        .playback(user, call.at)
        .iter()
        .map(|playback| playback.id)
        .collect();
    let saved = state
        .users
        .get(user)
        .map(|account| account.playback.as_slice())
        .unwrap_or_default();
    let mut saved: Vec<_> = saved
        .iter()
        .filter(|saved| {
            kept.contains(&saved.id) && wanted.is_none_or(|kind| kind == saved.key.kind)
        })
        .filter(|saved| {
            start.is_none_or(|start| saved.paused_at >= start)
                && end.is_none_or(|end| saved.paused_at <= end)
        })
        .collect();
    saved.sort_by_key(|saved| std::cmp::Reverse((saved.paused_at, saved.id)));
    paged(call, None, &saved, |saved| {
        let mut body = state.catalogue.described(saved.key);
        body["id"] = saved.id.into();
        body["progress"] = saved.progress.into();
        body["paused_at"] = spelled(saved.paused_at).into();
        body
    })
}

/// `DELETE /sync/playback/{id}`.
pub(crate) fn delete_playback(state: &mut State, user: &str, id: &str) -> Answer {
    let playback = &mut state.account(user).playback;
    let before = playback.len();
    playback.retain(|saved| saved.id.to_string() != id);
    Answer::status(if playback.len() < before { 204 } else { 404 })
}

/// `GET /sync/last_activities`: when the history last changed, not when something was watched.
pub(crate) fn last_activities(state: &mut State, user: &str, now: DateTime<Utc>) -> Answer {
    let account = state.account(user);
    let never = DateTime::UNIX_EPOCH;
    let changes = account.list_changes.clone();
    let watched_at = spelled(account.history_changed_at.unwrap_or(never).min(now));
    let paused_at = spelled(
        account
            .playback
            .iter()
            .map(|saved| saved.paused_at)
            .max()
            .unwrap_or(never),
    );
    let lists = changes.values().max().copied().unwrap_or(never);
    let mut body = json!({"all": watched_at.clone().max(paused_at.clone()).max(spelled(lists)),
        "movies": {"watched_at": watched_at, "paused_at": paused_at},
        "episodes": {"watched_at": watched_at, "paused_at": paused_at},
        "shows": {}, "seasons": {}});
    for kind in ["movies", "shows", "seasons", "episodes"] {
        for field in ["rated_at", "watchlisted_at", "collected_at"] {
            // Shows and seasons are collected by their episodes.
            if field != "collected_at" || matches!(kind, "movies" | "episodes") {
                let changed_at = changes.get(&(kind, field)).copied().unwrap_or(never);
                body[kind][field] = spelled(changed_at).into();
            }
        }
    }
    Answer::json(200, &body)
}

/// `GET /search/{id_type}/{id}?type=`: an unknown id is an empty list.
pub(crate) fn search(state: &mut State, call: &Call, id_type: &str, id: &str) -> Answer {
    let number = id.parse::<u64>().ok();
    let ids = match id_type {
        "trakt" => Ids {
            trakt: number,
            ..Ids::default()
        },
        "imdb" => Ids {
            imdb: Some(id.to_owned()),
            ..Ids::default()
        },
        "tmdb" => Ids {
            tmdb: number,
            ..Ids::default()
        },
        "tvdb" => Ids {
            tvdb: number,
            ..Ids::default()
        },
        _ => return Answer::status(404),
    };
    let wanted = Wanted {
        ids,
        ..Wanted::default()
    };
    let mut kinds = Vec::new();
    for word in call
        .query("type")
        .unwrap_or("movie,show,episode")
        .split(',')
    {
        match word {
            "movie" => kinds.push(Kind::Movie),
            "show" => kinds.push(Kind::Show),
            "episode" => kinds.push(Kind::Episode),
            // People and lists exist at Trakt, not here.
            _ => {}
        }
    }
    let mut found = Vec::new();
    for kind in kinds {
        if let Some(key) = state.catalogue.resolve(kind, &wanted) {
            let mut body = state.catalogue.described(key);
            body["score"] = Value::Null;
            found.push(body);
        }
    }
    paged(call, Some(DEFAULT_LIMIT), &found, Value::clone)
}

/// `GET /movies/{id}` and `GET /shows/{id}`, by Trakt id, slug or IMDb id.
pub(crate) fn summary(state: &mut State, kind: Kind, id: &str) -> Answer {
    match state.catalogue.resolve(kind, &in_path(id)) {
        Some(key) => Answer::json(200, &state.catalogue.summary(key)),
        None => Answer::status(404),
    }
}

/// `GET /shows/{id}/seasons/{season}/episodes/{number}`: how a place in a show becomes an episode's ids.
pub(crate) fn episode(state: &mut State, id: &str, season: &str, number: &str) -> Answer {
    let place = season.parse().ok().zip(number.parse().ok());
    let show = state.catalogue.resolve(Kind::Show, &in_path(id));
    let found = show
        .zip(place)
        .and_then(|(show, (season, number))| state.catalogue.episode(show.trakt, season, number));
    match found {
        Some(key) => Answer::json(200, &state.catalogue.summary(key)),
        None => Answer::status(404),
    }
}

fn in_path(id: &str) -> Wanted {
    let text = Some(id.to_owned());
    let ids = match id.parse() {
        Ok(trakt) => Ids {
            trakt: Some(trakt),
            ..Ids::default()
        },
        Err(_) if is_well_formed("imdb", id) => Ids {
            imdb: text,
            ..Ids::default()
        },
        Err(_) => Ids {
            slug: text,
            ..Ids::default()
        },
    };
    Wanted {
        ids,
        ..Wanted::default()
    }
}

/// Cuts out the page that was asked for, with the four headers.
pub(crate) fn paged<T>(
    call: &Call,
    default_limit: Option<usize>,
    all: &[T],
    show: impl Fn(&T) -> Value,
) -> Answer {
    let number = |name| call.query(name).map(str::parse::<usize>);
    let (page, limit) = match (number("page").transpose(), number("limit").transpose()) {
        (Ok(page), Ok(limit)) => (
            page.unwrap_or(1).max(1),
            limit
                .map(|limit| limit.clamp(1, MOST_A_PAGE))
                .or(default_limit),
        ),
        _ => return Answer::status(400),
    };
    let Some(limit) = limit else {
        return Answer::json(200, &all.iter().map(&show).collect());
    };
    let shown: Value = all
        .iter()
        .skip((page - 1).saturating_mul(limit))
        .take(limit)
        .map(show)
        .collect();
    Answer::json(200, &shown)
        .header("x-pagination-page", page)
        .header("x-pagination-limit", limit)
        .header("x-pagination-page-count", all.len().div_ceil(limit))
        .header("x-pagination-item-count", all.len())
}

/// A time or a date of the query; a day begins at midnight.
fn time(call: &Call, name: &str) -> Result<Option<DateTime<Utc>>, chrono::ParseError> {
    let Some(text) = call.query(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => Ok(Some(time.to_utc())),
        Err(_) => text
            .parse::<NaiveDate>()
            .map(|day| Some(day.and_time(chrono::NaiveTime::MIN).and_utc())),
    }
}
