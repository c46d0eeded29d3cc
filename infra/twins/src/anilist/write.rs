//! Changing the list: only what is sent changes, and nothing is filled in by itself.

use std::collections::BTreeSet;

use apollo_compiler::resolvers::FieldError;
use apollo_compiler::response::JsonValue;

use super::resolve::{Arguments, Desk, refusal};
use super::score::ScoreFormat;
use super::state::{Entry, FuzzyDate, State, Status};

/// Makes or changes the entry of one anime, named by the anime or by the entry.
pub(crate) fn save(
    desk: &Desk<'_>,
    user: &str,
    arguments: Arguments<'_>,
) -> Result<Entry, FieldError> {
    let change = Change::read(desk, user, arguments)?;
    let mut state = desk.state.borrow_mut();
    let media = match (arguments.id("id"), arguments.id("mediaId")) {
        (Some(id), _) => owned(&state, user, id)?,
        (None, Some(media)) => media,
        (None, None) => return Err(desk.invalid("mediaId", "The media id field is required.")),
    };
    if !state.catalogue.contains_key(&media) {
        return Err(refusal("Not Found."));
    }
    let id = state.next_id;
    let account = state.account(user);
    let is_new = !account.entries.contains_key(&media);
    let entry = account.entries.entry(media).or_insert_with(|| Entry {
        id,
        media,
        status: Status::Current,
        score_raw: 0,
        progress: 0,
        repeat: 0,
        priority: 0,
        private: false,
        hidden: false,
        notes: None,
        started_at: FuzzyDate::default(),
        completed_at: FuzzyDate::default(),
        custom_lists: BTreeSet::new(),
        created_at: desk.now,
        updated_at: desk.now,
    });
    change.apply(entry);
    entry.updated_at = desk.now;
    let saved = entry.clone();
    if is_new {
        state.next_id += 1;
    }
    Ok(saved)
}

/// Changes several entries to the same values.
pub(crate) fn update(
    desk: &Desk<'_>,
    user: &str,
    arguments: Arguments<'_>,
) -> Result<Vec<Entry>, FieldError> {
    let change = Change::read(desk, user, arguments)?;
    let ids = arguments
        .ids("ids")
        .ok_or_else(|| desk.invalid("ids", "The ids field is required."))?;
    let mut state = desk.state.borrow_mut();
    let mut media = Vec::with_capacity(ids.len());
    for id in ids {
        media.push(owned(&state, user, id)?);
    }
    let entries = &mut state.account(user).entries;
    Ok(media
        .into_iter()
        .filter_map(|media| {
            let entry = entries.get_mut(&media)?;
            change.apply(entry);
            entry.updated_at = desk.now;
            Some(entry.clone())
        })
        .collect())
}

/// Deletes one entry, named by its own number.
pub(crate) fn delete(
    desk: &Desk<'_>,
    user: &str,
    arguments: Arguments<'_>,
) -> Result<(), FieldError> {
    let id = arguments
        .id("id")
        .ok_or_else(|| desk.invalid("id", "The id field is required."))?;
    let mut state = desk.state.borrow_mut();
    let media = owned(&state, user, id)?;
    state.account(user).entries.remove(&media);
    Ok(())
}

/// The anime of an entry, if the entry is this user's.
fn owned(state: &State, user: &str, id: u64) -> Result<u64, FieldError> {
    state
        .entry(id)
        .filter(|(owner, _)| *owner == user)
        .map(|(_, entry)| entry.media)
        .ok_or_else(|| refusal("Not Found."))
}

/// What a mutation changes; what it does not name stays.
#[derive(Default)]
struct Change {
    status: Option<Status>,
    score_raw: Option<u32>,
    progress: Option<u32>,
    repeat: Option<u32>,
    priority: Option<u32>,
    private: Option<bool>,
    hidden: Option<bool>,
    notes: Option<String>,
    started_at: Option<FuzzyDate>,
    completed_at: Option<FuzzyDate>,
}

impl Change {
    fn read(desk: &Desk<'_>, user: &str, arguments: Arguments<'_>) -> Result<Change, FieldError> {
        // What an explicit null does is not documented; here it is refused.
        if let Some((name, _)) = arguments.0.iter().find(|(_, value)| value.is_null()) {
            return Err(desk.invalid(name.as_str(), "null means nothing here."));
        }
        let within = |name: &str, most: i64| match arguments.number(name) {
            None => Ok(None),
            Some(number) if (0..=most).contains(&number) => Ok(u32::try_from(number).ok()),
            Some(_) => Err(desk.invalid(name, &format!("must be from 0 to {most}."))),
        };
        let format = {
            let state = desk.state.borrow();
            let account = state.users.get(user);
            account.map_or_else(ScoreFormat::default, |account| account.score_format)
        };
        let scored = match arguments.get("score").and_then(JsonValue::as_f64) {
            None => None,
            Some(score) => Some(format.to_raw(score).ok_or_else(|| {
                desk.invalid(
                    "score",
                    &format!("is out of the range of {}.", format.word()),
                )
            })?),
        };
        let notes = arguments.text("notes").map(str::to_owned);
        if notes
            .as_ref()
            .is_some_and(|notes| notes.chars().count() > 6000)
        {
            return Err(desk.invalid("notes", "may have 6000 characters."));
        }
        Ok(Change {
            status: arguments.text("status").and_then(Status::read),
            score_raw: within("scoreRaw", 100)?.or(scored),
            progress: within("progress", i64::from(u32::MAX))?,
            repeat: within("repeat", 1000)?,
            priority: within("priority", 255)?,
            private: arguments.get("private").and_then(JsonValue::as_bool),
            hidden: arguments
                .get("hiddenFromStatusLists")
                .and_then(JsonValue::as_bool),
            notes,
            started_at: date(desk, arguments, "startedAt")?,
            completed_at: date(desk, arguments, "completedAt")?,
        })
    }

    fn apply(&self, entry: &mut Entry) {
        entry.status = self.status.unwrap_or(entry.status);
        entry.score_raw = self.score_raw.unwrap_or(entry.score_raw);
        entry.progress = self.progress.unwrap_or(entry.progress);
        entry.repeat = self.repeat.unwrap_or(entry.repeat);
        entry.priority = self.priority.unwrap_or(entry.priority);
        entry.private = self.private.unwrap_or(entry.private);
        entry.hidden = self.hidden.unwrap_or(entry.hidden);
        entry.started_at = self.started_at.unwrap_or(entry.started_at);
        entry.completed_at = self.completed_at.unwrap_or(entry.completed_at);
        if let Some(notes) = &self.notes {
            entry.notes = Some(notes.clone()).filter(|notes| !notes.is_empty());
        }
    }
}

/// A date of which parts may be left out.
fn date(
    desk: &Desk<'_>,
    arguments: Arguments<'_>,
    name: &str,
) -> Result<Option<FuzzyDate>, FieldError> {
    let Some(sent) = arguments.get(name).and_then(JsonValue::as_object) else {
        return Ok(None);
    };
    let part = |name: &str| sent.get(name).and_then(JsonValue::as_i64);
    let date = FuzzyDate {
        year: part("year"),
        month: part("month"),
        day: part("day"),
    };
    let is_possible = date.month.is_none_or(|month| (1..=12).contains(&month))
        && date.day.is_none_or(|day| (1..=31).contains(&day));
    if is_possible {
        Ok(Some(date))
    } else {
        Err(desk.invalid(name, "is no date."))
    }
}
