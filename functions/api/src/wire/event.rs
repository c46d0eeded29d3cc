//! An event as clients write it.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::event::{Library, MOST_CLOCK_DIFFERENCE};
use hub_domain::{Account, Action, Event, Flags, Player, ServerRef, Source};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::item::ItemBody;
use super::{moment, text, within};
use crate::body::parse;
use crate::problem::Problem;

/// The most events of one request.
pub(crate) const MOST_EVENTS: usize = 100;
/// The longest review, in characters.
const LONGEST_REVIEW: usize = 20_000;
/// Nothing was played before: 2005-01-01.
const EARLIEST: i64 = 1_104_537_600;
/// The furthest position: a week.
const FURTHEST: TimeDelta = TimeDelta::days(7);

/// What happened, without the item it happened to.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = WhatHappened)]
pub(crate) struct EventHead {
    /// `start`, `progress`, `pause`, `resume`, `stop`, `scrobble_point`, `mark_watched`, `mark_unwatched`, `rate`,
    /// `unrate`, `love` or `unlove`.
    #[schema(value_type = String)]
    event: Action,
    /// When it happened, with its offset; the time of receipt if it is left out.
    #[schema(value_type = Option<DateTime<Utc>>)]
    occurred_at: Option<String>,
    /// How far into the item, in milliseconds.
    #[schema(minimum = 0)]
    position_ms: Option<i64>,
    /// How far into the item, where only that is known.
    #[schema(minimum = 0, maximum = 100)]
    progress_percent: Option<f64>,
    /// The id of the player.
    player_id: Option<String>,
    /// The player's name, for people.
    device: Option<String>,
    /// The media server's own account. Under an ingest token only its own account's events reach its user.
    account: Option<String>,
    /// The library the item lies in.
    library: Option<LibraryBody>,
    /// Live television or radio; makes no play.
    #[serde(default)]
    live: bool,
    /// A trailer, extra or sample; makes no play.
    #[serde(default)]
    extra: bool,
    /// A rating, decimals kept; needed for `rate`.
    #[schema(minimum = 0, maximum = 10)]
    rating: Option<f64>,
    /// What was written about it, with `rate`: at most 20,000 characters.
    review: Option<String>,
}

/// A library.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Library)]
pub(crate) struct LibraryBody {
    id: String,
    title: Option<String>,
}

/// One event. In a file, what happened and to which item lie side by side.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Event)]
#[expect(
    dead_code,
    reason = "the form that is documented; events are read as their two halves"
)]
pub(crate) struct EventBody {
    #[serde(flatten)]
    what: EventHead,
    #[serde(flatten)]
    item: ItemBody,
}

/// Reads one event, or an array of at most [`MOST_EVENTS`].
///
/// Each is read twice from the same bytes, as what happened and as the item: one merged reading could not name the
/// field that is wrong.
pub(crate) fn read_events(bytes: &[u8], received_at: DateTime<Utc>) -> Result<Vec<Event>, Problem> {
    let is_array = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let (heads, items) = (
        read::<EventHead>(bytes, is_array)?,
        read::<ItemBody>(bytes, is_array)?,
    );
    if heads.len() > MOST_EVENTS {
        return Err(Problem::bad_request(format!(
            "At most {MOST_EVENTS} events are taken at once."
        )));
    }
    heads
        .into_iter()
        .zip(items)
        .enumerate()
        .map(|(place, (head, item))| {
            let outer = if is_array {
                format!("[{place}]")
            } else {
                String::new()
            };
            event(head, item, received_at).map_err(|problem| problem.within(&outer))
        })
        .collect()
}

fn read<T: DeserializeOwned>(bytes: &[u8], is_array: bool) -> Result<Vec<T>, Problem> {
    if is_array {
        parse(bytes)
    } else {
        Ok(vec![parse(bytes)?])
    }
}

fn event(head: EventHead, item: ItemBody, received_at: DateTime<Utc>) -> Result<Event, Problem> {
    let action = head.event;
    let kind = item
        .kind()
        .ok_or_else(|| Problem::field("item_type", "This field is needed."))?;
    let is_about_playing =
        action.is_playback() || matches!(action, Action::MarkWatched | Action::MarkUnwatched);
    if is_about_playing && !kind.is_playable() {
        return Err(Problem::field(
            "item_type",
            "A show, season, album or artist can be rated and loved, not played.",
        ));
    }
    if matches!(action, Action::Rate) && head.rating.is_none() {
        return Err(Problem::field(
            "rating",
            "A rating needs a number from 0 to 10.",
        ));
    }
    let occurred_at = occurred_at(head.occurred_at.as_deref(), received_at)?;
    let mut event = Event::new(
        ServerRef::unnamed(Source::Canonical),
        action,
        item.into_media(kind, None)?,
        occurred_at,
    );
    event.received_at = received_at;
    event.position = position(head.position_ms)?;
    event.progress_percent = within("progress_percent", head.progress_percent, 0.0, 100.0)?;
    event.rating = within("rating", head.rating, 0.0, 10.0)?;
    event.review = review(head.review)?;
    event.player = Player {
        id: text("player_id", head.player_id)?,
        name: text("device", head.device)?,
    };
    // A client of ours names an account by one word, which is as stable as it makes it.
    let account = text("account", head.account)?;
    event.account = Account {
        id: account.clone(),
        name: account,
    };
    if let Some(library) = head.library {
        let id = text("library.id", Some(library.id))?;
        let title = text("library.title", library.title)?;
        event.library = id.map(|id| Library { id, title });
    }
    event.flags = Flags {
        live: head.live,
        extra: head.extra,
        manual: matches!(action, Action::MarkWatched | Action::MarkUnwatched),
        offline: received_at - occurred_at > MOST_CLOCK_DIFFERENCE,
        derived: false,
    };
    Ok(event)
}

/// When it happened. A clock that runs a little ahead is forgiven; a time that cannot be is not.
pub(crate) fn occurred_at(
    written: Option<&str>,
    received_at: DateTime<Utc>,
) -> Result<DateTime<Utc>, Problem> {
    let Some(at) = moment("occurred_at", written)? else {
        return Ok(received_at);
    };
    if at > received_at + MOST_CLOCK_DIFFERENCE {
        return Err(Problem::field("occurred_at", "This lies in the future."));
    }
    if at.timestamp() < EARLIEST {
        return Err(Problem::field(
            "occurred_at",
            "This lies before 2005, when nothing was scrobbled.",
        ));
    }
    Ok(at.min(received_at))
}

/// A review, as long as a person may write one.
pub(crate) fn review(written: Option<String>) -> Result<Option<String>, Problem> {
    let words = written.map(|words| words.trim().to_owned());
    match words.filter(|words| !words.is_empty()) {
        Some(words) if words.chars().count() > LONGEST_REVIEW => Err(Problem::field(
            "review",
            format!("At most {LONGEST_REVIEW} characters are taken."),
        )),
        words => Ok(words),
    }
}

/// A position, for a field named `position_ms`.
pub(crate) fn position(millis: Option<i64>) -> Result<Option<TimeDelta>, Problem> {
    let Some(millis) = millis else {
        return Ok(None);
    };
    let position = TimeDelta::try_milliseconds(millis)
        .filter(|at| (TimeDelta::zero()..=FURTHEST).contains(at));
    position
        .map(Some)
        .ok_or_else(|| Problem::field("position_ms", "Milliseconds from 0 to a week are expected."))
}

#[cfg(test)]
mod tests {
    use hub_domain::{ItemKind, Namespace};

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn read_one(json: &str) -> Result<Event, (u16, Option<String>)> {
        let events = read_events(json.as_bytes(), now());
        let events = events.map_err(|problem| {
            (
                problem.status().as_u16(),
                problem.field_name().map(str::to_owned),
            )
        });
        events.map(|mut events| events.remove(0))
    }

    #[test]
    fn an_event_is_read_whole() {
        let event = read_one(
            r#"{"event":"progress","occurred_at":"2027-01-15T08:59:00+01:00","item_id":"77","item_type":"movie",
                "position_ms":60000,"duration_ms":8160000,"player_id":"tv","device":"Living room","account":"ada",
                "library":{"id":"1","title":"Films"},"external_ids":{"imdb":"tt0133093"},"title":"The Matrix","year":1999}"#,
        )
        .unwrap();
        assert_eq!(event.server, ServerRef::unnamed(Source::Canonical));
        assert_eq!(
            (event.action, event.media.kind),
            (Action::Progress, ItemKind::Movie)
        );
        assert_eq!(event.occurred_at, now() - TimeDelta::minutes(1));
        assert_eq!(event.received_at, now());
        assert_eq!(event.known_position(), Some(TimeDelta::minutes(1)));
        assert_eq!(event.media.own_id(Namespace::Imdb), Some("tt0133093"));
        assert_eq!(
            (event.player.id.as_deref(), event.account.id.as_deref()),
            (Some("tv"), Some("ada"))
        );
        assert_eq!(event.library.unwrap().id, "1");
        assert_eq!(event.flags, Flags::default());
    }

    #[test]
    fn without_a_time_it_happened_on_receipt_and_an_old_one_was_offline() {
        let event = read_one(r#"{"event":"stop","item_type":"track","title":"x"}"#).unwrap();
        assert_eq!((event.occurred_at, event.flags.offline), (now(), false));
        let event = read_one(
            r#"{"event":"stop","item_type":"track","title":"x","occurred_at":"2027-01-14T08:00:00Z"}"#,
        );
        let event = event.unwrap();
        assert_eq!(
            (event.occurred_at, event.flags.offline),
            (now() - TimeDelta::days(1), true)
        );
        let event = read_one(
            r#"{"event":"stop","item_type":"track","title":"x","occurred_at":"2027-01-15T08:04:00Z"}"#,
        );
        assert_eq!(event.unwrap().occurred_at, now());
    }

    #[test]
    fn a_wrong_event_is_refused_with_its_field() {
        for (json, field) in [
            (r#"{"item_type":"movie","title":"x"}"#, "event"),
            (
                r#"{"event":"scrobble","item_type":"movie","title":"x"}"#,
                "event",
            ),
            (r#"{"event":"start","title":"x"}"#, "item_type"),
            (
                r#"{"event":"start","item_type":"film","title":"x"}"#,
                "item_type",
            ),
            (
                r#"{"event":"start","item_type":"show","title":"x"}"#,
                "item_type",
            ),
            (
                r#"{"event":"start","item_type":"movie","title":"x","occurred_at":"2027-01-15T08:00:00"}"#,
                "occurred_at",
            ),
            (
                r#"{"event":"start","item_type":"movie","title":"x","occurred_at":"2027-01-15T08:06:00Z"}"#,
                "occurred_at",
            ),
            (
                r#"{"event":"start","item_type":"movie","title":"x","occurred_at":"1999-01-15T08:06:00Z"}"#,
                "occurred_at",
            ),
            (
                r#"{"event":"start","item_type":"movie","title":"x","position_ms":-1}"#,
                "position_ms",
            ),
            (
                r#"{"event":"start","item_type":"movie","title":"x","position_ms":"1"}"#,
                "position_ms",
            ),
            (
                r#"{"event":"start","item_type":"movie","title":"x","progress_percent":101}"#,
                "progress_percent",
            ),
            (
                r#"{"event":"rate","item_type":"show","title":"x"}"#,
                "rating",
            ),
            (
                r#"{"event":"rate","item_type":"show","title":"x","rating":11}"#,
                "rating",
            ),
            (
                r#"[{"event":"start","item_type":"movie","title":"x"},{"event":"start","item_type":"movie"}]"#,
                "[1].title",
            ),
            (
                r#"[{"event":"start","item_type":"movie","title":"x","season":-1}]"#,
                "[0].season",
            ),
        ] {
            assert_eq!(
                read_one(json).unwrap_err(),
                (400, Some(field.to_owned())),
                "{json}"
            );
        }
    }

    #[test]
    fn at_most_a_hundred_events_are_taken() {
        let many = |count| {
            format!(
                "[{}]",
                vec![r#"{"event":"love","item_type":"artist","title":"x"}"#; count].join(",")
            )
        };
        assert_eq!(read_events(many(100).as_bytes(), now()).unwrap().len(), 100);
        assert_eq!(
            read_events(many(101).as_bytes(), now())
                .unwrap_err()
                .status(),
            400
        );
        assert!(read_events(b"[]", now()).unwrap().is_empty());
    }
}
