//! Adding to and removing from the history, with Trakt's traps: nothing is de-duplicated, seconds are cut, the epoch
//! means now, and a show without episodes means all of them.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::api::json_body;
use super::catalogue::Key;
use super::ids::{Kind, Wanted};
use super::scrobble::malformed;
use super::state::State;
use crate::answer::{Answer, Call};

/// What a body names: items with the time each was given, and the objects nobody knows.
#[derive(Default)]
struct Named {
    items: Vec<(Key, Option<String>)>,
    not_found: Map<String, Value>,
}

/// `POST /sync/history`.
pub(crate) fn add(state: &mut State, call: &Call, user: &str) -> Answer {
    try_add(state, call, user).unwrap_or_else(|answer| answer)
}

fn try_add(state: &mut State, call: &Call, user: &str) -> Result<Answer, Answer> {
    let named = named_items(state, &json_body(call)?)?;
    // All times are read before anything is written: a bad one refuses the request as a whole.
    let mut plays = Vec::with_capacity(named.items.len());
    for (key, watched_at) in &named.items {
        plays.push((*key, when(state, *key, watched_at.as_deref(), call.at)?));
    }
    let (mut movies, mut episodes) = (0, 0);
    for (key, watched_at) in plays {
        if state
            .add_play(user, key, watched_at, "watch", call.at)
            .is_some()
        {
            *(if key.kind == Kind::Movie {
                &mut movies
            } else {
                &mut episodes
            }) += 1;
        }
    }
    Ok(Answer::json(
        201,
        &json!({"added": {"movies": movies, "episodes": episodes}, "updated": {"movies": 0, "episodes": 0},
            "not_found": named.not_found}),
    ))
}

/// What a `watched_at` means; none is "unknown".
fn when(
    state: &State,
    key: Key,
    sent: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Answer> {
    match sent {
        None => Ok(Some(now)),
        Some("unknown") => Ok(None),
        Some("released") if key.kind == Kind::Episode => Ok(Some(state.catalogue.released(key))),
        Some(text) => match DateTime::parse_from_rfc3339(text) {
            Ok(time) if time.timestamp() == 0 => Ok(Some(now)),
            Ok(time) => Ok(Some(time.to_utc())),
            Err(_) => Err(Answer::json(
                422,
                &json!({"error": "watched_at is not a UTC datetime"}),
            )),
        },
    }
}

/// `POST /sync/history/remove`: single plays by id, or all plays of an item.
pub(crate) fn remove(state: &mut State, call: &Call, user: &str) -> Answer {
    try_remove(state, call, user).unwrap_or_else(|answer| answer)
}

fn try_remove(state: &mut State, call: &Call, user: &str) -> Result<Answer, Answer> {
    let body = json_body(call)?;
    let mut named = named_items(state, &body)?;
    let mut ids = Vec::new();
    for id in list(&body, "ids")? {
        ids.push(id.as_i64().ok_or_else(|| Answer::status(400))?);
    }
    let account = state.account(user);
    ids.retain(|id| {
        let is_known = account.history.iter().any(|entry| entry.id == *id);
        if !is_known
            && let Some(unknown) = named.not_found.get_mut("ids").and_then(Value::as_array_mut)
        {
            unknown.push((*id).into());
        }
        is_known
    });
    let (mut movies, mut episodes) = (0, 0);
    account.history.retain(|entry| {
        let is_kept =
            !ids.contains(&entry.id) && !named.items.iter().any(|(key, _)| *key == entry.key);
        if !is_kept {
            *(if entry.key.kind == Kind::Movie {
                &mut movies
            } else {
                &mut episodes
            }) += 1;
        }
        is_kept
    });
    if movies + episodes > 0 {
        account.history_changed_at = Some(call.at);
    }
    Ok(Answer::json(
        200,
        &json!({"deleted": {"movies": movies, "episodes": episodes}, "not_found": named.not_found}),
    ))
}

fn named_items(state: &mut State, body: &Value) -> Result<Named, Answer> {
    let mut named = Named::default();
    for name in ["movies", "shows", "seasons", "episodes", "ids"] {
        named.not_found.insert(name.to_owned(), json!([]));
    }
    for (name, kind) in [("movies", Kind::Movie), ("episodes", Kind::Episode)] {
        for object in list(body, name)? {
            let wanted = Wanted::read(object).map_err(malformed)?;
            match state.catalogue.resolve(kind, &wanted) {
                Some(key) => named.items.push((key, time_of(object, None)?)),
                None => named.miss(name, object.clone()),
            }
        }
    }
    for object in list(body, "shows")? {
        let wanted = Wanted::read(object).map_err(malformed)?;
        match state.catalogue.resolve(Kind::Show, &wanted) {
            Some(show) => add_show(state, &mut named, show.trakt, object)?,
            None => named.miss("shows", object.clone()),
        }
    }
    // Seasons have ids of their own, and the twin's catalogue has none.
    for object in list(body, "seasons")? {
        named.miss("seasons", object.clone());
    }
    Ok(named)
}

fn add_show(state: &mut State, named: &mut Named, show: u64, object: &Value) -> Result<(), Answer> {
    let of_show = time_of(object, None)?;
    if object.get("seasons").is_none_or(Value::is_null) {
        let all = state.catalogue.episodes(show, None);
        named
            .items
            .extend(all.into_iter().map(|key| (key, of_show.clone())));
        return Ok(());
    }
    for season in list(object, "seasons")? {
        let of_season = time_of(season, of_show.clone())?;
        let season_number = number(season)?;
        if season.get("episodes").is_none_or(Value::is_null) {
            let all = state.catalogue.episodes(show, Some(season_number));
            named
                .items
                .extend(all.into_iter().map(|key| (key, of_season.clone())));
            continue;
        }
        for episode in list(season, "episodes")? {
            let episode_number = number(episode)?;
            match state.catalogue.episode(show, season_number, episode_number) {
                Some(key) => named
                    .items
                    .push((key, time_of(episode, of_season.clone())?)),
                None => {
                    // The show is known, the place in it is not: echoed with that place alone.
                    let place = json!([{"number": season_number, "episodes": [{"number": episode_number}]}]);
                    named.miss("shows", json!({"ids": object.get("ids"), "seasons": place}));
                }
            }
        }
    }
    Ok(())
}

impl Named {
    fn miss(&mut self, name: &str, object: Value) {
        if let Some(list) = self.not_found.get_mut(name).and_then(Value::as_array_mut) {
            list.push(object);
        }
    }
}

pub(crate) fn list<'a>(body: &'a Value, name: &str) -> Result<&'a [Value], Answer> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(value) => value
            .as_array()
            .map(Vec::as_slice)
            .ok_or_else(|| Answer::status(400)),
    }
}

pub(crate) fn number(object: &Value) -> Result<u32, Answer> {
    let number = object
        .get("number")
        .and_then(Value::as_u64)
        .and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| Answer::status(400))
}

fn time_of(object: &Value, inherited: Option<String>) -> Result<Option<String>, Answer> {
    match object.get("watched_at") {
        None | Some(Value::Null) => Ok(inherited),
        Some(value) => value
            .as_str()
            .map(|text| Some(text.to_owned()))
            .ok_or_else(|| Answer::status(400)),
    }
}
