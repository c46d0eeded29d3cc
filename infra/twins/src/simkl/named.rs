//! What the body of a write names: films, shows and anime entries, whole or by their episodes.
//!
//! An anime is found by an id of its own (then episodes have its own numbers) or by an id of its show (then they have
//! a season and a number in it). Without `use_tvdb_anime_seasons`, an id of the show means its first entry alone:
//! "anime seasons on Simkl are treated as separate series".

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::answers::{refused, wrong_parameter};
use super::catalogue::{Catalogue, Said, id, number};
use super::state::{Place, WHOLE};
use crate::answer::{Answer, Call};

/// How many items one write may have.
const MOST_ITEMS: usize = 100;

/// One item of a write.
#[derive(Debug)]
pub(crate) struct Named {
    /// Where it stood: `movies`, `shows`, `anime`, `episodes`.
    pub(crate) list: &'static str,
    pub(crate) request: Value,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// The items themselves; several where an anime is taken with all its seasons.
    Whole(Vec<u64>),
    Episodes(Vec<Marked>),
    Unknown,
}

/// One episode, or one film as a whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Marked {
    pub(crate) simkl: u64,
    pub(crate) place: Place,
    pub(crate) watched_at: Option<DateTime<Utc>>,
}

/// The body of a write, or 400.
pub(crate) fn json_body(call: &Call) -> Result<Value, Answer> {
    if !call.has_content_type("application/json") {
        return Err(wrong_parameter("The body must be JSON, and say so."));
    }
    call.json()
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| wrong_parameter("The body must be a JSON object."))
}

/// Reads the lists of a body; what cannot be found is part of the answer, not an error.
pub(crate) fn read(
    catalogue: &mut Catalogue,
    body: &Value,
    lists: &[&'static str],
) -> Result<Vec<Named>, Answer> {
    let mut named = Vec::new();
    for list in lists.iter().copied() {
        let items = match body.get(list) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(items)) => items,
            Some(_) => return Err(wrong_parameter(&format!("{list} must be an array."))),
        };
        for item in items {
            named.extend(read_item(catalogue, list, item)?);
        }
    }
    if named.len() > MOST_ITEMS {
        return Err(refused(400, "max_items", "At most 100 items a request."));
    }
    Ok(named)
}

fn read_item(
    catalogue: &mut Catalogue,
    list: &'static str,
    item: &Value,
) -> Result<Vec<Named>, Answer> {
    if !item.is_object() {
        return Err(wrong_parameter("An item must be an object."));
    }
    let of = |request: Value, what| Named {
        list,
        request,
        what,
    };
    if list == "episodes" {
        let found = id(item, "tvdb").and_then(|tvdb| catalogue.episode(&tvdb));
        let what = match found {
            None => What::Unknown,
            Some((simkl, season, number)) => What::Episodes(vec![Marked {
                simkl,
                place: (season, number),
                watched_at: time(item)?,
            }]),
        };
        return Ok(vec![of(item.clone(), what)]);
    }
    let said = match list {
        "movies" => Said::Movie,
        "anime" => Said::Anime,
        _ => Said::Show,
    };
    let Some(simkl) = catalogue.resolve(said, item) else {
        return Ok(vec![of(item.clone(), What::Unknown)]);
    };
    let (mut marked, unknown) = episodes(catalogue, simkl, item)?;
    if catalogue
        .item(simkl)
        .is_some_and(super::catalogue::Item::is_film)
    {
        marked = vec![Marked {
            simkl,
            place: WHOLE,
            watched_at: time(item)?,
        }];
        return Ok(vec![of(item.clone(), What::Episodes(marked))]);
    }
    if marked.is_empty() && unknown.is_empty() {
        return Ok(vec![of(
            item.clone(),
            What::Whole(all_of(catalogue, simkl, item)),
        )]);
    }
    let mut named = Vec::new();
    if !marked.is_empty() {
        named.push(of(item.clone(), What::Episodes(marked)));
    }
    if !unknown.is_empty() {
        let mut narrowed = item.clone();
        if let Some(object) = narrowed.as_object_mut() {
            object.remove("episodes");
            object.insert("seasons".to_owned(), Value::Array(unknown));
        }
        named.push(of(narrowed, What::Unknown));
    }
    Ok(named)
}

fn all_of(catalogue: &Catalogue, simkl: u64, item: &Value) -> Vec<u64> {
    if item.get("use_tvdb_anime_seasons") == Some(&Value::Bool(true)) {
        let entries: Vec<u64> = catalogue
            .entries(item)
            .iter()
            .map(|entry| entry.simkl)
            .collect();
        if !entries.is_empty() {
            return entries;
        }
    }
    vec![simkl]
}

/// The episodes that an item lists, and the seasons with those that nobody knows.
fn episodes(
    catalogue: &Catalogue,
    simkl: u64,
    item: &Value,
) -> Result<(Vec<Marked>, Vec<Value>), Answer> {
    let (mut marked, mut unknown) = (Vec::new(), Vec::new());
    let fallback = time(item)?;
    // Listed directly, episodes have the item's own numbers, as if it had one season.
    let own = json!({"number": 1, "episodes": item.get("episodes").cloned().unwrap_or_default()});
    let mut seasons: Vec<(&Value, bool)> = Vec::new();
    if item.get("episodes").is_some_and(Value::is_array) {
        seasons.push((&own, true));
    }
    let listed = item.get("seasons").and_then(Value::as_array);
    seasons.extend(listed.into_iter().flatten().map(|season| (season, false)));
    for (season, is_own) in seasons {
        let number_of_season = count(season.get("number"))?;
        let fallback = time(season)?.or(fallback);
        let Some(wanted) = season.get("episodes").and_then(Value::as_array) else {
            // A season without episodes is all of it.
            let of_season = season_of(catalogue, simkl, item, number_of_season);
            if of_season.is_empty() {
                unknown.push(season.clone());
            }
            marked.extend(of_season.into_iter().map(|(simkl, place)| Marked {
                simkl,
                place,
                watched_at: fallback,
            }));
            continue;
        };
        let mut missing = Vec::new();
        for episode in wanted {
            let number = count(episode.get("number"))?;
            let by_id = id(episode, "tvdb").and_then(|tvdb| catalogue.episode(&tvdb));
            let place = match by_id {
                Some((simkl, season, number)) => Some((simkl, (season, number))),
                None if is_own => own_place(catalogue, simkl, number_of_season, number),
                None => place_of(catalogue, simkl, item, number_of_season, number),
            };
            match place {
                Some((simkl, place)) => marked.push(Marked {
                    simkl,
                    place,
                    watched_at: time(episode)?.or(fallback),
                }),
                None => missing.push(episode.clone()),
            }
        }
        if !missing.is_empty() {
            let mut narrowed = Map::new();
            narrowed.insert("number".to_owned(), number_of_season.into());
            narrowed.insert("episodes".to_owned(), Value::Array(missing));
            unknown.push(Value::Object(narrowed));
        }
    }
    Ok((marked, unknown))
}

fn season_of(catalogue: &Catalogue, simkl: u64, item: &Value, season: u32) -> Vec<(u64, Place)> {
    /// More than any season of the samples; an endless one ends here.
    const MOST_EPISODES: u32 = 2_000;
    (1..=MOST_EPISODES)
        .map_while(|number| place_of(catalogue, simkl, item, season, number))
        .collect()
}

fn own_place(catalogue: &Catalogue, simkl: u64, season: u32, number: u32) -> Option<(u64, Place)> {
    let known = catalogue.item(simkl)?.has_episode(season, number);
    known.then_some((simkl, (season, number)))
}

/// The entry and its own place of an episode that is named by season and number.
fn place_of(
    catalogue: &Catalogue,
    simkl: u64,
    item: &Value,
    season: u32,
    number: u32,
) -> Option<(u64, Place)> {
    let is_spread = item.get("use_tvdb_anime_seasons") == Some(&Value::Bool(true));
    if has_own_id(item) && !is_spread {
        return own_place(catalogue, simkl, season, number);
    }
    let entries = catalogue.entries(item);
    if entries.is_empty() {
        return own_place(catalogue, simkl, season, number);
    }
    entries
        .into_iter()
        .filter(|entry| is_spread || entry.simkl == simkl)
        .find_map(|entry| {
            let own = entry.anime.as_ref()?.own_number(season, number)?;
            entry.has_episode(1, own).then_some((entry.simkl, (1, own)))
        })
}

/// The place of a scrobbled episode: Simkl maps it over all entries of the show without being asked.
pub(crate) fn scrobbled_place(
    catalogue: &Catalogue,
    simkl: u64,
    item: &Value,
    season: u32,
    number: u32,
) -> Option<(u64, Place)> {
    let mut spread = item.clone();
    if let Some(object) = spread.as_object_mut().filter(|_| !has_own_id(item)) {
        object.insert("use_tvdb_anime_seasons".to_owned(), true.into());
    }
    place_of(catalogue, simkl, &spread, season, number)
}

/// Whether an item is named by an id that belongs to one anime entry alone.
fn has_own_id(item: &Value) -> bool {
    ["simkl", "mal", "anilist", "anidb"]
        .into_iter()
        .any(|namespace| id(item, namespace).is_some())
}

fn count(value: Option<&Value>) -> Result<u32, Answer> {
    value
        .and_then(number)
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| wrong_parameter("number must be a whole number."))
}

/// The `watched_at` of an item, season or episode.
fn time(item: &Value) -> Result<Option<DateTime<Utc>>, Answer> {
    match item.get("watched_at") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_str()
            .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
            .map(|time| Some(time.to_utc()))
            .ok_or_else(|| wrong_parameter("watched_at must be a UTC datetime.")),
    }
}
