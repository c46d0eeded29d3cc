//! Makes canonical events, the same way for every source.

use chrono::{DateTime, Utc};
use hub_domain::event::settle_time;
use hub_domain::{Account, Action, Event, ExternalId, MediaItem, Player, ServerRef, Source};

use crate::outcome::{Ignored, Translated};

/// An event with its time settled: `claimed` is what the source's clock says of it.
pub(crate) fn event(
    server: ServerRef,
    action: Action,
    media: MediaItem,
    claimed: Option<DateTime<Utc>>,
    received_at: DateTime<Utc>,
) -> Event {
    let (occurred_at, is_offline) = settle_time(action, claimed, received_at);
    let mut event = Event::new(server, action, media, occurred_at);
    event.received_at = received_at;
    event.flags.offline = is_offline;
    event.flags.manual = matches!(action, Action::MarkWatched | Action::MarkUnwatched);
    event
}

/// The event as an answer, unless its item cannot be played or cannot be known.
pub(crate) fn answer(event: Event) -> Translated {
    let is_play = event.action.is_playback()
        || matches!(event.action, Action::MarkWatched | Action::MarkUnwatched);
    if is_play && !event.media.kind.is_playable() {
        return Translated::ignored(Ignored::Container);
    }
    let media = &event.media;
    let is_known = !media.ids.is_empty()
        || media.content_id.is_some()
        || media.title.is_some()
        || media.show_title.is_some();
    if is_known {
        Translated::Events(vec![event])
    } else {
        Translated::ignored(Ignored::NoItem)
    }
}

/// A server by its id, or unnamed, with its name for people.
pub(crate) fn server(source: Source, id: Option<String>, name: Option<String>) -> ServerRef {
    let mut server = id.map_or_else(
        || ServerRef::unnamed(source),
        |id| ServerRef::new(source, id),
    );
    server.name = name;
    server
}

/// An account by its id and its name.
pub(crate) fn account(id: Option<String>, name: Option<String>) -> Account {
    Account { id, name }
}

/// A player by its id and its name.
pub(crate) fn player(id: Option<String>, name: Option<String>) -> Player {
    Player { id, name }
}

/// The most ids that are kept of one item.
const MOST_IDS: usize = 32;

/// Adds an id, unless it is no id, or there already, or one too many.
pub(crate) fn add_id(ids: &mut Vec<ExternalId>, id: Option<ExternalId>) {
    if let Some(id) = id
        && ids.len() < MOST_IDS
        && !ids.contains(&id)
    {
        ids.push(id);
    }
}

/// Takes the year off a show's title: `Yellowstone (2018)` began in 2018.
pub(crate) fn show_title_and_year(title: Option<String>) -> (Option<String>, Option<i32>) {
    let Some(title) = title else {
        return (None, None);
    };
    let split = title
        .strip_suffix(')')
        .and_then(|rest| rest.rsplit_once(" ("))
        .filter(|(name, year)| !name.trim().is_empty() && year.len() == 4)
        .and_then(|(name, year)| Some((name.trim().to_owned(), year.parse::<i32>().ok()?)))
        .filter(|(_, year)| (1900..=2200).contains(year));
    match split {
        Some((name, year)) => (Some(name), Some(year)),
        None => (Some(title), None),
    }
}

/// Says whether a file is a sample: a real film's name, a minute's length, often matched to a wrong film.
pub(crate) fn is_sample_path(path: &str) -> bool {
    let path = path.to_lowercase();
    let mut parts = path.rsplit(['/', '\\']);
    let file = parts.next().unwrap_or_default();
    let folder = parts.next().unwrap_or_default();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let marks = [".sample", "-sample", "_sample"];
    matches!(folder, "sample" | "samples")
        || stem == "sample"
        || stem.starts_with("sample-")
        || marks.iter().any(|mark| stem.ends_with(mark))
        || file.contains(".sample.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_is_taken_off_a_shows_title_and_nothing_else_is() {
        for (title, expected) in [
            ("Yellowstone (2018)", ("Yellowstone", Some(2018))),
            ("Yellowstone", ("Yellowstone", None)),
            ("House (US)", ("House (US)", None)),
            ("(2018)", ("(2018)", None)),
            ("1923", ("1923", None)),
            ("Show (9999)", ("Show (9999)", None)),
        ] {
            let (name, year) = show_title_and_year(Some(title.to_owned()));
            assert_eq!((name.as_deref(), year), (Some(expected.0), expected.1));
        }
    }

    #[test]
    fn samples_are_known_by_their_path_and_films_about_samples_are_not() {
        for path in [
            "/films/Heat (1995)/heat.sample.mkv",
            "/films/Heat (1995)/heat-sample.mkv",
            "\\\\nas\\films\\Heat\\Sample\\heat.mkv",
            "/films/sample.mkv",
            "Heat.1995.Sample.x264.mkv",
        ] {
            assert!(is_sample_path(path), "{path}");
        }
        for path in [
            "/films/Free Samples (2012)/Free Samples (2012).mkv",
            "/films/The Sampler/film.mkv",
        ] {
            assert!(!is_sample_path(path), "{path}");
        }
    }
}
