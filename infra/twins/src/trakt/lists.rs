//! Ratings, the watchlist and the collection. Source: the blueprint of 2026-03-03, the guides of 2026-09.
//!
//! A show is rated and listed as itself; collected, it stands for all of its episodes. What is sent again is `existing` or
//! overwritten. An account that is not VIP keeps so many items on a list: one more is a 420, and nothing of the request
//! is taken (which the documents leave open).

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::api::{account_limit, json_body};
use super::catalogue::Key;
use super::history::{list, number};
use super::ids::{Kind, Wanted};
use super::listed::{Listed, Thing};
use super::read::paged;
use super::scrobble::malformed;
use super::state::{Account, State, spelled};
use crate::answer::{Answer, Call};

/// How many a page holds if the request does not say.
const DEFAULT_LIMIT: usize = 100;

/// A thing of a body with the object that says something of it.
type Named<'b> = (Thing, &'b Value);

/// What a body names, and the objects nobody knows.
struct Body<'b> {
    things: Vec<Named<'b>>,
    not_found: Map<String, Value>,
}

/// `POST /sync/ratings`: a rating overwrites the one before.
pub(crate) fn rate(state: &mut State, call: &Call, user: &str) -> Result<Answer, Answer> {
    let sent = json_body(call)?;
    let body = read(state, &sent)?;
    // All of them are read before anything is written: a bad one refuses the request as a whole.
    let mut ratings = Vec::with_capacity(body.things.len());
    for (thing, object) in &body.things {
        let rating = object
            .get("rating")
            .and_then(Value::as_u64)
            .and_then(|rating| u8::try_from(rating).ok())
            .filter(|rating| (1..=10).contains(rating));
        let rating = rating.ok_or_else(|| invalid("rating must be a number from 1 to 10"))?;
        ratings.push((*thing, rating, time(object, "rated_at", call.at)?));
    }
    let account = state.account(user);
    for (thing, rating, rated_at) in &ratings {
        account.ratings.insert(*thing, (*rating, *rated_at));
        account
            .list_changes
            .insert((thing.plural(), "rated_at"), call.at);
    }
    let added = counts(ratings.iter().map(|(thing, _, _)| *thing));
    Ok(Answer::json(
        201,
        &json!({"added": added, "not_found": body.not_found}),
    ))
}

/// `POST /sync/watchlist`: what is on it already is counted apart.
pub(crate) fn watchlist(state: &mut State, call: &Call, user: &str) -> Result<Answer, Answer> {
    let sent = json_body(call)?;
    let body = read(state, &sent)?;
    let account = state.account(user);
    let things: BTreeSet<Thing> = body.things.iter().map(|(thing, _)| *thing).collect();
    let (existing, new): (Vec<Thing>, Vec<Thing>) = things
        .into_iter()
        .partition(|thing| account.watchlist.contains_key(thing));
    room_for(account, account.watchlist.len(), new.len())?;
    for thing in &new {
        account.watchlist.insert(*thing, call.at);
        account
            .list_changes
            .insert((thing.plural(), "watchlisted_at"), call.at);
    }
    let count = account.watchlist.len();
    Ok(Answer::json(
        201,
        &json!({"added": counts(new.into_iter()), "existing": counts(existing.into_iter()),
            "not_found": body.not_found, "list": {"updated_at": spelled(call.at), "item_count": count}}),
    ))
}

/// `POST /sync/collection`: shows and seasons are their episodes; another date is an update.
pub(crate) fn collect(state: &mut State, call: &Call, user: &str) -> Result<Answer, Answer> {
    let sent = json_body(call)?;
    let body = read(state, &sent)?;
    let mut items = Vec::new();
    for (thing, object) in &body.things {
        let collected_at = time(object, "collected_at", call.at)?;
        for key in playable(state, *thing) {
            items.push((key, collected_at));
        }
    }
    let account = state.account(user);
    let new: BTreeSet<Key> = items
        .iter()
        .map(|(key, _)| *key)
        .filter(|key| !account.collection.contains_key(key))
        .collect();
    room_for(account, account.collection.len(), new.len())?;
    let (mut added, mut updated, mut existing) = (Vec::new(), Vec::new(), Vec::new());
    for (key, collected_at) in items {
        let thing = Thing { key, season: None };
        match account.collection.insert(key, collected_at) {
            None => added.push(thing),
            Some(before) if before == collected_at => existing.push(thing),
            Some(_) => updated.push(thing),
        }
        account
            .list_changes
            .insert((thing.plural(), "collected_at"), call.at);
    }
    let of = |things: Vec<Thing>| played(&counts(things.into_iter()));
    Ok(Answer::json(
        201,
        &json!({"added": of(added), "updated": of(updated), "existing": of(existing),
            "not_found": body.not_found}),
    ))
}

/// `POST /sync/{ratings|watchlist|collection}/remove`.
pub(crate) fn remove(
    state: &mut State,
    call: &Call,
    user: &str,
    name: &str,
) -> Result<Answer, Answer> {
    let sent = json_body(call)?;
    let body = read(state, &sent)?;
    let things: BTreeSet<Thing> = body.things.iter().map(|(thing, _)| *thing).collect();
    let mut deleted = Vec::new();
    let mut collected = Vec::new();
    if name == "collection" {
        for thing in &things {
            collected.extend(playable(state, *thing));
        }
    }
    let account = state.account(user);
    for key in collected {
        if account.collection.remove(&key).is_some() {
            deleted.push(Thing { key, season: None });
        }
    }
    for thing in things {
        let is_removed = match name {
            "ratings" => account.ratings.remove(&thing).is_some(),
            "watchlist" => account.watchlist.remove(&thing).is_some(),
            _ => false,
        };
        deleted.extend(is_removed.then_some(thing));
    }
    let field = match name {
        "ratings" => "rated_at",
        "watchlist" => "watchlisted_at",
        _ => "collected_at",
    };
    for thing in &deleted {
        account
            .list_changes
            .insert((thing.plural(), field), call.at);
    }
    let mut deleted = counts(deleted.into_iter());
    if name == "collection" {
        deleted = played(&deleted);
    }
    let mut answer = json!({"deleted": deleted, "not_found": body.not_found});
    if name == "watchlist" {
        answer["list"] =
            json!({"updated_at": spelled(call.at), "item_count": account.watchlist.len()});
    }
    Ok(Answer::json(200, &answer))
}

/// `GET /sync/ratings[/type[/ratings]]`, newest first.
pub(crate) fn ratings(state: &mut State, call: &Call, user: &str, filter: &[&str]) -> Answer {
    let (kind, wanted) = match filter {
        [] => ("all", None),
        [kind] => (*kind, None),
        [kind, wanted] => (*kind, Some(*wanted)),
        _ => return Answer::status(404),
    };
    let Some(is_of) = filter_of(kind) else {
        return Answer::status(404);
    };
    state.account(user);
    let wanted: Option<Vec<&str>> = wanted.map(|wanted| wanted.split(',').collect());
    let mut rated = state.ratings(user);
    rated.retain(|entry| {
        let rating = entry.rating.map(|rating| rating.to_string());
        is_of(entry.kind)
            && wanted
                .as_ref()
                .is_none_or(|wanted| rating.is_some_and(|rating| wanted.contains(&rating.as_str())))
    });
    rated.sort_by_key(|entry| std::cmp::Reverse(entry.at));
    let state = &*state;
    paged(call, Some(DEFAULT_LIMIT), &rated, |entry| {
        let mut body = state.described(entry.thing);
        body["rating"] = entry.rating.into();
        body["rated_at"] = spelled(entry.at).into();
        body
    })
}

/// `GET /sync/watchlist[/type[/sort_by[/sort_how]]]`; the twin knows one order, that of adding.
pub(crate) fn watchlisted(state: &mut State, call: &Call, user: &str, filter: &[&str]) -> Answer {
    let kind = match filter {
        [] => "all",
        [kind] | [kind, _] | [kind, _, "asc" | "desc"] => kind,
        _ => return Answer::status(404),
    };
    let Some(is_of) = filter_of(kind) else {
        return Answer::status(404);
    };
    state.account(user);
    let mut listed = state.watchlist(user);
    listed.retain(|entry| is_of(entry.kind));
    let ranked: Vec<(usize, Listed)> = (1..).zip(listed).collect();
    let state = &*state;
    paged(call, Some(DEFAULT_LIMIT), &ranked, |(rank, entry)| {
        let mut body = state.described(entry.thing);
        body["rank"] = (*rank).into();
        body["listed_at"] = spelled(entry.at).into();
        body["notes"] = Value::Null;
        body
    })
}

/// `GET /sync/collection/{movies|episodes|media}`.
pub(crate) fn collected(state: &mut State, call: &Call, user: &str, kind: &str) -> Answer {
    let is_wanted = |entry: &Listed| match kind {
        "movies" => entry.kind == "movie",
        "episodes" => entry.kind == "episode",
        _ => true,
    };
    if !["movies", "episodes", "media"].contains(&kind) {
        return Answer::status(404);
    }
    state.account(user);
    let mut collected = state.collection(user);
    collected.retain(is_wanted);
    let state = &*state;
    paged(call, Some(DEFAULT_LIMIT), &collected, |entry| {
        let mut body = state.described(entry.thing);
        body["collected_at"] = spelled(entry.at).into();
        body["updated_at"] = spelled(entry.at).into();
        body
    })
}

fn filter_of(kind: &str) -> Option<fn(&str) -> bool> {
    match kind {
        "all" => Some(|_| true),
        "movies" => Some(|kind| kind == "movie"),
        "shows" => Some(|kind| kind == "show"),
        "seasons" => Some(|kind| kind == "season"),
        "episodes" => Some(|kind| kind == "episode"),
        _ => None,
    }
}

/// The films and episodes that a thing stands for.
fn playable(state: &mut State, thing: Thing) -> Vec<Key> {
    match thing.key.kind {
        Kind::Movie | Kind::Episode => vec![thing.key],
        Kind::Show => state.catalogue.episodes(thing.key.trakt, thing.season),
    }
}

fn room_for(account: &Account, count: usize, new: usize) -> Result<(), Answer> {
    if !account.is_vip && new > 0 && count + new > account.list_limit {
        return Err(account_limit(account.list_limit));
    }
    Ok(())
}

fn read<'b>(state: &mut State, body: &'b Value) -> Result<Body<'b>, Answer> {
    let mut named = Body {
        things: Vec::new(),
        not_found: ["movies", "shows", "seasons", "episodes"]
            .into_iter()
            .map(|name| (name.to_owned(), json!([])))
            .collect(),
    };
    for (name, kind) in [("movies", Kind::Movie), ("episodes", Kind::Episode)] {
        for object in list(body, name)? {
            let wanted = Wanted::read(object).map_err(malformed)?;
            match state.catalogue.resolve(kind, &wanted) {
                Some(key) => named.things.push((Thing { key, season: None }, object)),
                None => named.miss(name, object.clone()),
            }
        }
    }
    for object in list(body, "shows")? {
        let wanted = Wanted::read(object).map_err(malformed)?;
        match state.catalogue.resolve(Kind::Show, &wanted) {
            Some(show) => named.read_show(state, show, object)?,
            None => named.miss("shows", object.clone()),
        }
    }
    // Seasons have ids of their own, and the twin's catalogue has none.
    for object in list(body, "seasons")? {
        named.miss("seasons", object.clone());
    }
    Ok(named)
}

impl<'b> Body<'b> {
    fn read_show(&mut self, state: &mut State, show: Key, object: &'b Value) -> Result<(), Answer> {
        if object.get("seasons").is_none_or(Value::is_null) {
            let thing = Thing {
                key: show,
                season: None,
            };
            self.things.push((thing, object));
            return Ok(());
        }
        for season in list(object, "seasons")? {
            let of_season = number(season)?;
            if season.get("episodes").is_none_or(Value::is_null) {
                let is_known = !state
                    .catalogue
                    .episodes(show.trakt, Some(of_season))
                    .is_empty();
                if is_known {
                    let thing = Thing {
                        key: show,
                        season: Some(of_season),
                    };
                    self.things.push((thing, season));
                } else {
                    let place = json!([{"number": of_season}]);
                    self.miss("shows", json!({"ids": object.get("ids"), "seasons": place}));
                }
                continue;
            }
            for episode in list(season, "episodes")? {
                let place = number(episode)?;
                match state.catalogue.episode(show.trakt, of_season, place) {
                    Some(key) => self.things.push((Thing { key, season: None }, episode)),
                    None => {
                        let place = json!([{"number": of_season, "episodes": [{"number": place}]}]);
                        self.miss("shows", json!({"ids": object.get("ids"), "seasons": place}));
                    }
                }
            }
        }
        Ok(())
    }

    fn miss(&mut self, name: &str, object: Value) {
        if let Some(list) = self.not_found.get_mut(name).and_then(Value::as_array_mut) {
            list.push(object);
        }
    }
}

fn counts(things: impl Iterator<Item = Thing>) -> Value {
    let mut counts = json!({"movies": 0, "shows": 0, "seasons": 0, "episodes": 0});
    for thing in things {
        let count = &mut counts[thing.plural()];
        *count = (count.as_u64().unwrap_or_default() + 1).into();
    }
    counts
}

/// The counts of a collection, which holds films and episodes alone.
fn played(counts: &Value) -> Value {
    json!({"movies": counts["movies"], "episodes": counts["episodes"]})
}

fn time(object: &Value, name: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Answer> {
    match object.get(name).and_then(Value::as_str) {
        None => Ok(now),
        Some(text) => DateTime::parse_from_rfc3339(text)
            .map(|time| time.to_utc())
            .map_err(|_| invalid(&format!("{name} is not a UTC datetime"))),
    }
}

fn invalid(error: &str) -> Answer {
    Answer::json(422, &json!({"error": error}))
}
