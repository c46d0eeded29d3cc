//! Ratings and the five lists. Both answer 201 whatever they made of an item: the answer's body tells.

use chrono::DateTime;
use serde_json::{Value, json};

use super::answers::wrong_parameter;
use super::catalogue::Kind;
use super::history::{allowed, listed, not_found, outcome};
use super::named::{Marked, Named, What, json_body, read};
use super::state::{State, Status, WHOLE};
use crate::answer::{Answer, Call};

/// The rating of an item, if it is one of 1 to 10.
pub(crate) fn rating_of(request: &Value) -> Option<u8> {
    let rating = request.get("rating").and_then(super::catalogue::number)?;
    u8::try_from(rating)
        .ok()
        .filter(|rating| (1..=10).contains(rating))
}

/// `POST /sync/ratings`: an item that is on no list goes to one.
pub(crate) fn rate(state: &mut State, call: &Call, user: &str) -> Result<Answer, Answer> {
    let body = json_body(call)?;
    let mut named = read(&mut state.catalogue, &body, &["movies", "shows"])?;
    for item in &mut named {
        if rating_of(&item.request).is_none() {
            item.what = What::Unknown;
        }
    }
    let (mut movies, mut shows) = (0, 0);
    let mut statuses = Vec::new();
    for item in &named {
        let Some((simkl, rating)) = whole(item).zip(rating_of(&item.request)) else {
            continue;
        };
        let rated_at = item
            .request
            .get("rated_at")
            .and_then(Value::as_str)
            .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
            .map_or(call.at, |time| time.to_utc());
        let is_film = state
            .catalogue
            .item(simkl)
            .is_some_and(super::catalogue::Item::is_film);
        let status = match listed(state, user, simkl).map(|listed| listed.status) {
            Some(status) => status,
            None if is_film => Status::Completed,
            None => Status::Watching,
        };
        state.change(user, simkl, status, call.at, |listed| {
            listed.rating = Some((rating, rated_at));
        });
        *(if item.list == "movies" {
            &mut movies
        } else {
            &mut shows
        }) += 1;
        statuses.push(json!({"request": item.request, "response": outcome(state, user, simkl)}));
    }
    Ok(Answer::json(
        201,
        &json!({"added": {"movies": movies, "shows": shows, "statuses": statuses},
            "not_found": not_found(&named, &["movies", "shows"])}),
    ))
}

/// `POST /sync/ratings/remove`.
pub(crate) fn unrate(state: &mut State, call: &Call, user: &str) -> Result<Answer, Answer> {
    let body = json_body(call)?;
    let named = read(&mut state.catalogue, &body, &["movies", "shows"])?;
    let (mut movies, mut shows) = (0, 0);
    for item in &named {
        let Some(simkl) = whole(item) else {
            continue;
        };
        let rated = listed(state, user, simkl).filter(|listed| listed.rating.is_some());
        let Some(status) = rated.map(|listed| listed.status) else {
            continue;
        };
        state.change(user, simkl, status, call.at, |listed| listed.rating = None);
        *(if item.list == "movies" {
            &mut movies
        } else {
            &mut shows
        }) += 1;
    }
    Ok(Answer::json(
        201,
        &json!({"deleted": {"movies": movies, "shows": shows},
            "not_found": not_found(&named, &["movies", "shows"])}),
    ))
}

/// `POST /sync/add-to-list`: the echoed `to` is the list that Simkl took.
pub(crate) fn add_to_list(state: &mut State, call: &Call, user: &str) -> Result<Answer, Answer> {
    let body = json_body(call)?;
    let named = read(&mut state.catalogue, &body, &["movies", "shows", "anime"])?;
    let wanted = |item: &Named| {
        let to = item.request.get("to").and_then(Value::as_str);
        to.and_then(Status::read)
    };
    // All of them are read before anything is written: a bad one refuses the request as a whole.
    let mut lists = Vec::with_capacity(named.len());
    for item in &named {
        let to =
            wanted(item).ok_or_else(|| wrong_parameter("to must be one of the five lists."))?;
        lists.push(to);
    }
    let (mut movies, mut shows) = (Vec::new(), Vec::new());
    for (item, to) in named.iter().zip(lists) {
        let Some(simkl) = whole(item) else {
            continue;
        };
        let Some(known) = state.catalogue.item(simkl).cloned() else {
            continue;
        };
        let status = allowed(&known, to);
        let is_seen_film = known.is_film() && status == Status::Completed;
        let watched_at = marked_time(item).unwrap_or(call.at);
        let seen = if status == Status::Completed {
            known.episodes()
        } else {
            Vec::new()
        };
        state.change(user, simkl, status, call.at, |listed| {
            if is_seen_film {
                listed.watched.entry(WHOLE).or_insert(watched_at);
            } else {
                for place in seen {
                    listed.watched.entry(place).or_insert(watched_at);
                }
            }
        });
        let mut echo = item.request.clone();
        echo["to"] = status.word().into();
        if known.kind == Kind::Movie {
            movies.push(echo);
        } else {
            shows.push(echo);
        }
    }
    Ok(Answer::json(
        201,
        &json!({"added": {"movies": movies, "shows": shows},
            "not_found": not_found(&named, &["movies", "shows"])}),
    ))
}

/// The item itself; ratings and lists know no episodes.
fn whole(item: &Named) -> Option<u64> {
    match &item.what {
        What::Unknown => None,
        What::Whole(all) => all.first().copied(),
        What::Episodes(marked) => marked.first().map(|marked| marked.simkl),
    }
}

fn marked_time(item: &Named) -> Option<DateTime<chrono::Utc>> {
    match &item.what {
        What::Episodes(marked) => marked
            .first()
            .and_then(|Marked { watched_at, .. }| *watched_at),
        What::Whole(_) | What::Unknown => None,
    }
}
