//! Changing the list by a form: only the fields that are sent change.

use chrono::{DateTime, NaiveDate, Utc};

use super::answers::{bad_request, invalid_content, not_found};
use super::read::whole_status;
use super::state::{Entry, State, Status};
use crate::answer::{Answer, Call};
use crate::samples::Anime;

/// `PATCH` and `PUT /anime/{id}/my_list_status`.
pub(crate) fn update(
    state: &mut State,
    call: &Call,
    user: &str,
    id: &str,
) -> Result<Answer, Answer> {
    if !call.has_content_type("application/x-www-form-urlencoded") {
        return Err(bad_request("The body must be a form."));
    }
    let id: u64 = id.parse().map_err(|_| not_found())?;
    let anime = state.catalogue.get(&id).ok_or_else(not_found)?.clone();
    if state.unapproved.contains(&id) {
        return Err(invalid_content());
    }
    let known = state.entry(user, id).cloned();
    let mut entry = known.unwrap_or_else(|| empty(id, call.at));
    for (name, value) in call.form() {
        change(&mut entry, &anime, &name, &value)?;
    }
    entry.updated_at = call.at;
    let answer = Answer::json(200, &whole_status(&entry));
    state.open_account(user).insert(id, entry);
    Ok(answer)
}

/// `DELETE /anime/{id}/my_list_status`.
pub(crate) fn delete(state: &mut State, user: &str, id: &str) -> Result<Answer, Answer> {
    let id: u64 = id.parse().map_err(|_| not_found())?;
    let removed = state.open_account(user).remove(&id);
    removed.ok_or_else(not_found)?;
    Ok(Answer::body(200, "application/json", "[]"))
}

fn empty(anime: u64, now: DateTime<Utc>) -> Entry {
    Entry {
        anime,
        // Not documented: the status of an entry that is made without one.
        status: Status::Watching,
        score: 0,
        episodes_watched: 0,
        is_rewatching: false,
        times_rewatched: 0,
        priority: 0,
        rewatch_value: 0,
        tags: Vec::new(),
        comments: String::new(),
        start_date: None,
        finish_date: None,
        updated_at: now,
    }
}

fn change(entry: &mut Entry, anime: &Anime, name: &str, value: &str) -> Result<(), Answer> {
    let number = |most: u32| {
        let number = value.parse().ok().filter(|number| *number <= most);
        number.ok_or_else(|| invalid(name))
    };
    match name {
        "status" => entry.status = Status::read(value).ok_or_else(|| invalid(name))?,
        "is_rewatching" => entry.is_rewatching = value.parse().map_err(|_| invalid(name))?,
        "score" => entry.score = number(10)?,
        "num_watched_episodes" => {
            // Reports differ on too many: refused or cut. Here they are refused.
            entry.episodes_watched = number(anime.episodes.unwrap_or(u32::MAX))?;
        }
        "priority" => entry.priority = number(2)?,
        "num_times_rewatched" => entry.times_rewatched = number(u32::MAX)?,
        "rewatch_value" => entry.rewatch_value = number(5)?,
        "tags" => {
            let tags = value
                .split(',')
                .map(str::trim)
                .filter(|tag| !tag.is_empty());
            entry.tags = tags.map(str::to_owned).collect();
        }
        "comments" => value.clone_into(&mut entry.comments),
        "start_date" => entry.start_date = date(name, value)?,
        "finish_date" => entry.finish_date = date(name, value)?,
        _ => return Err(bad_request("This form should not contain extra fields.")),
    }
    Ok(())
}

/// A date, or nothing to clear it.
fn date(name: &str, value: &str) -> Result<Option<NaiveDate>, Answer> {
    if value.is_empty() {
        return Ok(None);
    }
    NaiveDate::parse_from_str(value, "%Y-%m-%d")
        .map(Some)
        .map_err(|_| invalid(name))
}

fn invalid(name: &str) -> Answer {
    bad_request(&format!("invalid {name}"))
}
