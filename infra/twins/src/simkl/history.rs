//! Marking as watched and unmarking. Simkl keeps one time an episode: what is sent again changes nothing.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::catalogue::{Item, Kind};
use super::named::{Marked, Named, What, json_body, read};
use super::state::{Listed, State, Status, WHOLE};
use crate::answer::{Answer, Call};

/// `POST /sync/history`.
pub(crate) fn add(state: &mut State, call: &Call, user: &str) -> Result<Answer, Answer> {
    let body = json_body(call)?;
    let lists = ["movies", "shows", "anime", "episodes"];
    let named = read(&mut state.catalogue, &body, &lists)?;
    let keeps_status = call.query("skip_auto_watching") == Some("yes");
    let (mut movies, mut shows, mut episodes) = (0, 0, 0);
    let mut statuses = Vec::new();
    for item in &named {
        let status = item
            .request
            .get("status")
            .and_then(Value::as_str)
            .and_then(Status::read);
        let touched: Vec<u64> = match &item.what {
            What::Unknown => continue,
            What::Whole(all) => {
                shows += all.len();
                for simkl in all {
                    mark_whole(state, user, *simkl, status, &item.request, call.at);
                }
                all.clone()
            }
            What::Episodes(marked) => {
                let films = marked.iter().filter(|marked| marked.place == WHOLE);
                let films = films.count();
                movies += films;
                episodes += marked.len() - films;
                let kept = keeps_status.then(|| current(state, user, marked)).flatten();
                mark(state, user, marked, status.or(kept), call.at);
                let touched: BTreeSet<u64> = marked.iter().map(|marked| marked.simkl).collect();
                touched.into_iter().collect()
            }
        };
        for simkl in touched {
            rate_by_the_way(state, user, simkl, &item.request, call.at);
            statuses
                .push(json!({"request": item.request, "response": outcome(state, user, simkl)}));
        }
    }
    Ok(Answer::json(
        201,
        &json!({"added": {"movies": movies, "shows": shows, "episodes": episodes, "statuses": statuses},
            "not_found": not_found(&named, &["movies", "shows", "episodes"])}),
    ))
}

/// `POST /sync/history/remove`: single episodes, seasons, or the item with its rating.
pub(crate) fn remove(state: &mut State, call: &Call, user: &str) -> Result<Answer, Answer> {
    let body = json_body(call)?;
    let named = read(&mut state.catalogue, &body, &["movies", "shows"])?;
    let (mut movies, mut shows, mut episodes) = (0, 0, 0);
    for item in &named {
        match &item.what {
            What::Unknown => {}
            What::Whole(all) => {
                for simkl in all {
                    shows += usize::from(take_off(state, user, *simkl, call.at));
                }
            }
            What::Episodes(marked) => {
                for marked in marked {
                    if marked.place == WHOLE {
                        movies += usize::from(take_off(state, user, marked.simkl, call.at));
                    } else {
                        episodes += usize::from(unmark(state, user, marked, call.at));
                    }
                }
            }
        }
    }
    Ok(Answer::json(
        201,
        &json!({"deleted": {"movies": movies, "shows": shows, "episodes": episodes},
            "not_found": not_found(&named, &["movies", "shows"])}),
    ))
}

/// Marks episodes and films; the list follows from what is marked, unless the request names one.
pub(crate) fn mark(
    state: &mut State,
    user: &str,
    marked: &[Marked],
    status: Option<Status>,
    now: DateTime<Utc>,
) {
    let items: BTreeSet<u64> = marked.iter().map(|marked| marked.simkl).collect();
    for simkl in items {
        let Some(item) = state.catalogue.item(simkl).cloned() else {
            continue;
        };
        let of_item: Vec<&Marked> = marked
            .iter()
            .filter(|marked| marked.simkl == simkl)
            .collect();
        let mut watched: BTreeSet<_> = of_item.iter().map(|marked| marked.place).collect();
        if let Some(listed) = listed(state, user, simkl) {
            watched.extend(listed.watched.keys().copied());
        }
        let settled = State::settled_status(&item, watched.len());
        let status = allowed(&item, status.unwrap_or(settled));
        state.change(user, simkl, status, now, |listed| {
            for marked in of_item {
                listed
                    .watched
                    .entry(marked.place)
                    .or_insert(marked.watched_at.unwrap_or(now));
            }
        });
    }
}

/// A show without episodes: all of it, unless it only goes to a list where nothing is watched.
fn mark_whole(
    state: &mut State,
    user: &str,
    simkl: u64,
    status: Option<Status>,
    request: &Value,
    now: DateTime<Utc>,
) {
    let Some(item) = state.catalogue.item(simkl).cloned() else {
        return;
    };
    let is_watched = matches!(status, None | Some(Status::Completed));
    let watched_at = request
        .get("watched_at")
        .and_then(Value::as_str)
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
        .map_or(now, |time| time.to_utc());
    let episodes = if is_watched {
        item.episodes()
    } else {
        Vec::new()
    };
    let status = allowed(&item, status.unwrap_or(Status::Completed));
    state.change(user, simkl, status, now, |listed| {
        for place in episodes {
            listed.watched.entry(place).or_insert(watched_at);
        }
    });
}

/// The list that Simkl really takes: a film is not being watched, a show that goes on is not completed.
pub(crate) fn allowed(item: &Item, status: Status) -> Status {
    match status {
        Status::Watching | Status::Hold if item.kind == Kind::Movie => Status::Completed,
        Status::Completed if item.is_airing => Status::Watching,
        Status::Watching
        | Status::PlanToWatch
        | Status::Hold
        | Status::Completed
        | Status::Dropped => status,
    }
}

fn rate_by_the_way(state: &mut State, user: &str, simkl: u64, request: &Value, now: DateTime<Utc>) {
    let rating = super::lists::rating_of(request);
    let status = listed(state, user, simkl).map(|listed| listed.status);
    if let (Some(rating), Some(status)) = (rating, status) {
        state.change(user, simkl, status, now, |listed| {
            listed.rating = Some((rating, now));
        });
    }
}

fn take_off(state: &mut State, user: &str, simkl: u64, now: DateTime<Utc>) -> bool {
    let Some(kind) = state.catalogue.item(simkl).map(|item| item.kind) else {
        return false;
    };
    state.account(user).remove(simkl, kind, now).is_some()
}

fn unmark(state: &mut State, user: &str, marked: &Marked, now: DateTime<Utc>) -> bool {
    let Some(status) = listed(state, user, marked.simkl).map(|listed| listed.status) else {
        return false;
    };
    // What is no longer seen to the end is no longer completed.
    let status = if status == Status::Completed {
        Status::Watching
    } else {
        status
    };
    let mut is_removed = false;
    state.change(user, marked.simkl, status, now, |listed| {
        is_removed = listed.watched.remove(&marked.place).is_some();
    });
    is_removed
}

fn current(state: &State, user: &str, marked: &[Marked]) -> Option<Status> {
    let first = marked.first()?;
    listed(state, user, first.simkl).map(|listed| listed.status)
}

pub(crate) fn listed<'a>(state: &'a State, user: &str, simkl: u64) -> Option<&'a Listed> {
    state.users.get(user)?.items.get(&simkl)
}

/// What became of one item: its list and what Simkl takes it for.
pub(crate) fn outcome(state: &State, user: &str, simkl: u64) -> Value {
    let item = state.catalogue.item(simkl);
    json!({"status": listed(state, user, simkl).map(|listed| listed.status.word()),
        "simkl_type": item.map(|item| item.kind.word()),
        "anime_type": item.and_then(Item::anime_type)})
}

/// What was not found, as it was sent; an `anime` stands among the shows.
pub(crate) fn not_found(named: &[Named], lists: &[&str]) -> Value {
    let mut missing: Map<String, Value> = lists
        .iter()
        .map(|list| ((*list).to_owned(), Value::Array(Vec::new())))
        .collect();
    for item in named {
        let list = if item.list == "anime" {
            "shows"
        } else {
            item.list
        };
        if matches!(item.what, What::Unknown)
            && let Some(Value::Array(items)) = missing.get_mut(list)
        {
            items.push(item.request.clone());
        }
    }
    Value::Object(missing)
}
