//! Reading: what changed, the lists, ratings, positions, and the rule against reading everything again and again.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::answers::{not_found, wrong_parameter};
use super::items::{Item, Kind, Said};
use super::scrobble::{described_episode, shown_progress, word};
use super::state::{Listed, Place, State, Status, episode, spelled};
use crate::answer::{Answer, Call};

/// How many reads against the rule an app gets away with; the documents threaten without a number.
const MOST_MISUSES: usize = 3;

type Part = (Kind, Option<Status>);

/// "Do not use without fetching the Activity endpoint first. Always use `date_from`."
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// What each sign-in has read since it last asked for activities; absent: it never asked.
    since_activities: HashMap<usize, HashSet<Part>>,
    /// What each sign-in has read in full.
    in_full: HashSet<(usize, Part)>,
    pub(crate) misuses: Vec<String>,
    pub(crate) suspended: HashSet<String>,
}

impl Rules {
    fn read(&mut self, grant: usize, client_id: &str, parts: &[Part], is_full: bool, path: &str) {
        let mut misuse = None;
        for part in parts {
            let is_new = self
                .since_activities
                .get_mut(&grant)
                .map(|read| read.insert(*part));
            match is_new {
                None => misuse = Some("read without asking for activities first"),
                Some(false) => misuse = Some("read twice without asking for activities in between"),
                Some(true) => {}
            }
            let covers = (part.0, None);
            let is_again = is_full
                && (self.in_full.contains(&(grant, covers))
                    || !self.in_full.insert((grant, *part)));
            if is_again {
                misuse = Some("read in full again");
            }
        }
        if let Some(misuse) = misuse {
            self.misuses.push(format!("{path}: {misuse}"));
            if self.misuses.len() >= MOST_MISUSES {
                self.suspended.insert(client_id.to_owned());
            }
        }
    }
}

const KINDS: [Kind; 3] = [Kind::Tv, Kind::Anime, Kind::Movie];

/// `GET` and `POST /sync/activities`.
pub(crate) fn activities(state: &mut State, user: &str, grant: usize) -> Answer {
    state.rules.since_activities.insert(grant, HashSet::new());
    let activity = &state.account(user).activity;
    let mut body = Map::new();
    let newest = activity.values().max();
    body.insert("all".to_owned(), newest.map(|time| spelled(*time)).into());
    body.insert("settings".to_owned(), json!({"all": null}));
    for kind in KINDS {
        let fields: &[&str] = match kind {
            Kind::Movie => &[
                "rated_at",
                "playback",
                "plantowatch",
                "completed",
                "dropped",
                "removed_from_list",
            ],
            Kind::Tv | Kind::Anime => &[
                "rated_at",
                "playback",
                "plantowatch",
                "watching",
                "completed",
                "hold",
                "dropped",
                "removed_from_list",
            ],
        };
        let at = |field: &&str| activity.get(&(kind, *field)).copied();
        let mut part = Map::new();
        let newest = fields.iter().filter_map(at).max();
        part.insert("all".to_owned(), newest.map(spelled).into());
        for field in fields {
            part.insert((*field).to_owned(), at(field).map(spelled).into());
        }
        body.insert(kind.activity().to_owned(), Value::Object(part));
    }
    Answer::json(200, &Value::Object(body))
}

/// `GET /sync/all-items/{type}/{status}`: no pages; nothing to answer is `null`.
pub(crate) fn all_items(
    state: &mut State,
    call: &Call,
    user: &str,
    grant: usize,
    filter: &[&str],
) -> Result<Answer, Answer> {
    let (kinds, status) = filtered(filter)?;
    let date_from = time(call.query("date_from"))?;
    let extended = call.query("extended").unwrap_or_default();
    if extended != "simkl_ids_only" && extended != "ids_only" {
        let parts: Vec<Part> = kinds.iter().map(|kind| (*kind, status)).collect();
        let client_id = state
            .sign_in
            .grants
            .get(grant)
            .map(|grant| grant.client_id.clone())
            .unwrap_or_default();
        let is_full = date_from.is_none();
        state
            .rules
            .read(grant, &client_id, &parts, is_full, &call.path);
    }
    let mut body = Map::new();
    for kind in kinds {
        let items: Vec<Value> = state
            .listed(user)
            .filter(|(item, listed)| {
                item.kind == kind
                    && status.is_none_or(|status| status == listed.status)
                    && date_from.is_none_or(|date_from| listed.changed_at > date_from)
            })
            .map(|(item, listed)| entry(item, listed, call, extended))
            .collect();
        if !items.is_empty() {
            body.insert(kind.list().to_owned(), Value::Array(items));
        }
    }
    let body = if body.is_empty() {
        Value::Null
    } else {
        Value::Object(body)
    };
    Ok(Answer::json(200, &body))
}

fn entry(item: &Item, listed: &Listed, call: &Call, extended: &str) -> Value {
    let name = if item.kind == Kind::Movie {
        "movie"
    } else {
        "show"
    };
    if extended == "simkl_ids_only" {
        return json!({name: {"ids": {"simkl": item.simkl}}});
    }
    if extended == "ids_only" {
        return json!({name: {"ids": item.ids()}});
    }
    let mut described = item.described();
    described["runtime"] = item.runtime_minutes().into();
    let mut shown = json!({
        "added_to_watchlist_at": spelled(listed.added_at),
        "last_watched_at": listed.watched.values().max().map(|time| spelled(*time)),
        "user_rated_at": listed.rating.map(|(_, rated_at)| spelled(rated_at)),
        "user_rating": listed.rating.map(|(rating, _)| rating),
        "status": listed.status.word(),
    });
    shown[name] = described;
    if item.kind == Kind::Movie {
        return shown;
    }
    if let Some(anime_type) = item.anime_type() {
        shown["anime_type"] = anime_type.into();
    }
    let number = |(season, number): (u32, u32)| match item.kind {
        Kind::Anime => format!("E{number:02}"),
        Kind::Movie | Kind::Tv => format!("S{season:02}E{number:02}"),
    };
    let last = listed.watched.keys().next_back().copied();
    let next = item
        .episodes()
        .into_iter()
        .find(|place| !listed.watched.contains_key(place));
    shown["last_watched"] = last.filter(|place| place.1 > 0).map(number).into();
    shown["next_to_watch"] = next.map(number).into();
    shown["watched_episodes_count"] = listed.watched.len().into();
    shown["total_episodes_count"] = item.total_episodes().into();
    shown["not_aired_episodes_count"] = item
        .total_episodes()
        .saturating_sub(item.episodes().len())
        .into();
    if extended.starts_with("full") {
        shown["seasons"] = seasons(item, listed, call, extended == "full_anime_seasons");
    }
    shown
}

fn seasons(item: &Item, listed: &Listed, call: &Call, with_places: bool) -> Value {
    let with_times = call.query("episode_watched_at") == Some("yes");
    let mut seasons: BTreeMap<u32, Vec<Value>> = BTreeMap::new();
    for ((season, number), watched_at) in &listed.watched {
        let mut episode = json!({"number": number});
        if with_times {
            episode["watched_at"] = spelled(*watched_at).into();
        }
        let place = item.anime.as_ref().and_then(|anime| anime.place(*number));
        if let Some((season, number)) = place.filter(|_| with_places) {
            episode["tvdb"] = json!({"season": season, "episode": number});
        }
        seasons.entry(*season).or_default().push(episode);
    }
    seasons
        .into_iter()
        .map(|(number, episodes)| json!({"number": number, "episodes": episodes}))
        .collect()
}

/// `GET` and `POST /sync/ratings/{type}/{1,2,…}`.
pub(crate) fn ratings(
    state: &State,
    call: &Call,
    user: &str,
    filter: &[&str],
) -> Result<Answer, Answer> {
    let (kinds, _) = filtered(filter.get(..1).unwrap_or_default())?;
    let wanted: Option<Vec<u8>> = filter.get(1).map(|wanted| {
        wanted
            .split(',')
            .filter_map(|rating| rating.parse().ok())
            .collect()
    });
    let date_from = time(call.query("date_from"))?;
    let mut body = Map::new();
    for kind in kinds {
        let items: Vec<Value> = state
            .listed(user)
            .filter(|(item, listed)| {
                item.kind == kind
                    && listed.rating.is_some_and(|(rating, rated_at)| {
                        wanted
                            .as_ref()
                            .is_none_or(|wanted| wanted.contains(&rating))
                            && date_from.is_none_or(|date_from| rated_at > date_from)
                    })
            })
            .map(|(item, listed)| entry(item, listed, call, ""))
            .collect();
        if !items.is_empty() {
            body.insert(kind.list().to_owned(), Value::Array(items));
        }
    }
    let body = if body.is_empty() {
        Value::Null
    } else {
        Value::Object(body)
    };
    Ok(Answer::json(200, &body))
}

/// `GET /sync/playback/{movies|episodes}`; here the number of an episode is called `episode`.
pub(crate) fn playback(state: &State, user: &str, call: &Call, kind: Option<&str>) -> Answer {
    let mut sessions = state.playback(user, call.at);
    sessions.sort_by_key(|saved| std::cmp::Reverse(saved.paused_at));
    let sessions: Vec<Value> = sessions
        .into_iter()
        .filter(|saved| match kind {
            Some("movies") => saved.episode.is_none(),
            Some("episodes") => saved.episode.is_some(),
            _ => true,
        })
        .filter_map(|saved| {
            let item = state.catalogue.item(saved.simkl)?;
            let mut shown = json!({"id": saved.id, "progress": shown_progress(saved.progress_percent),
                "paused_at": saved.paused_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
                "type": if saved.episode.is_some() { "episode" } else { "movie" }});
            let place = saved.episode.unwrap_or_default();
            if let Some(episode) = described_episode(item, place, "episode") {
                shown["episode"] = episode;
            }
            shown[word(item)] = item.described();
            Some(shown)
        })
        .collect();
    Answer::json(200, &Value::Array(sessions))
}

/// `DELETE /sync/playback/{id}`.
pub(crate) fn delete_playback(state: &mut State, user: &str, id: &str) -> Result<Answer, Answer> {
    let playback = &mut state.account(user).playback;
    let before = playback.len();
    playback.retain(|saved| saved.id.to_string() != id);
    if playback.len() == before {
        return Err(not_found());
    }
    Ok(Answer::status(204))
}

/// `POST /sync/watched`, without `extended`: whether each item is on a list.
pub(crate) fn watched(state: &mut State, call: &Call, user: &str) -> Result<Answer, Answer> {
    let body = call.json().ok();
    let items = body.as_ref().and_then(Value::as_array);
    let items = items.ok_or_else(|| wrong_parameter("The body must be an array."))?;
    let extended = call.query("extended").unwrap_or_default();
    let has_episodes = extended.split(',').any(|part| part == "episodes");
    let mut answers = Vec::with_capacity(items.len());
    for item in items {
        // The ids stand in the item itself here.
        let wanted = json!({"ids": item, "title": item.get("title"), "year": item.get("year")});
        let said = match item.get("type").and_then(Value::as_str) {
            Some("movie") => Said::Movie,
            _ => Said::Show,
        };
        let found = state.catalogue.resolve(said, &wanted);
        let listed = found.and_then(|simkl| super::history::listed(state, user, simkl));
        let mut answer = item.clone();
        answer["result"] = match (found, listed) {
            (None, _) => "not_found".into(),
            (Some(_), listed) => listed.is_some().into(),
        };
        if let Some(listed) = listed {
            answer["list"] = listed.status.word().into();
            answer["last_watched_at"] = listed
                .watched
                .values()
                .max()
                .map(|time| spelled(*time))
                .into();
        }
        let item = found.and_then(|simkl| state.catalogue.item(simkl));
        if let Some(item) = item.filter(|item| has_episodes && !item.is_film()) {
            answer["seasons"] = watched_seasons(item, listed);
        }
        answers.push(answer);
    }
    Ok(Answer::json(201, &Value::Array(answers)))
}

/// The episodes of a show by season, each with whether and when it was watched.
fn watched_seasons(item: &Item, listed: Option<&Listed>) -> Value {
    let watched = listed.map(|listed| &listed.watched);
    let mut places: BTreeSet<Place> = item.episodes().into_iter().collect();
    places.extend(
        watched
            .into_iter()
            .flat_map(|watched| watched.keys().copied()),
    );
    let mut seasons: BTreeMap<u32, Vec<Value>> = BTreeMap::new();
    for place in places {
        let Some((season, number)) = episode(place) else {
            continue;
        };
        let at = watched.and_then(|watched| watched.get(&place));
        seasons.entry(season).or_default().push(
            json!({"number": number, "watched": at.is_some(), "aired": true,
                "last_watched_at": at.map(|at| spelled(*at))}),
        );
    }
    seasons
        .into_iter()
        .map(|(season, episodes)| json!({"number": season, "episodes": episodes}))
        .collect()
}

/// `GET /search/id`: unknown is an empty list.
pub(crate) fn search(state: &State, call: &Call) -> Answer {
    let said = match call.query("type") {
        Some("movie") => Some(Said::Movie),
        Some("show") => Some(Said::Show),
        // TMDB counts films and shows apart; without a type the films are meant.
        _ if call.query("tmdb").is_some() => Some(Said::Movie),
        _ => None,
    };
    let names = ["simkl", "imdb", "tvdb", "tmdb", "mal", "anilist", "anidb"];
    let wanted = names
        .into_iter()
        .find_map(|name| Some((name, call.query(name)?)));
    let found: Vec<Value> = wanted
        .map(|(namespace, value)| state.catalogue.search(namespace, value, said))
        .unwrap_or_default()
        .into_iter()
        .map(|item| {
            json!({"type": item.kind.word(), "title": item.title, "year": item.year, "poster": null,
                "status": if item.kind == Kind::Movie { "released" } else if item.is_airing { "airing" } else { "ended" },
                "ids": {"simkl": item.simkl, "slug": item.ids().get("slug")}})
        })
        .collect();
    Answer::json(200, &Value::Array(found))
}

fn filtered(filter: &[&str]) -> Result<(Vec<Kind>, Option<Status>), Answer> {
    let unknown = || wrong_parameter("No such type or status.");
    let kinds = match filter.first() {
        None => KINDS.to_vec(),
        Some(word) => {
            let kind = KINDS.into_iter().find(|kind| kind.list() == *word);
            vec![kind.ok_or_else(unknown)?]
        }
    };
    let status = filter
        .get(1)
        .map(|word| Status::read(word).ok_or_else(unknown))
        .transpose()?;
    Ok((kinds, status))
}

fn time(text: Option<&str>) -> Result<Option<DateTime<Utc>>, Answer> {
    text.map(|text| {
        DateTime::parse_from_rfc3339(text)
            .map(|time| time.to_utc())
            .map_err(|_| wrong_parameter("date_from must be a UTC datetime."))
    })
    .transpose()
}
