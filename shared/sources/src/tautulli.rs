//! Tautulli's webhook agent: the body is whatever its user wrote, mostly in the words of Plex's webhooks.
//!
//! - Every value is text; a parameter that Tautulli cannot fill is `""`.
//! - `{imdb_id}`, `{thetvdb_id}` and `{themoviedb_id}` of an episode are its *show's*, even where a template dresses
//!   them up as Plex's `Guid[]`.
//! - `watched` comes once a session, at 85 % unless set otherwise; after it there may be no stop.
//! - Values are looked for in `Metadata`, and else on the top level under Tautulli's own parameter names.
//! - Reference: Tautulli's `notification_handler.py`.

mod media;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::event::Library;
use hub_domain::{Action, Event, Source};

use crate::making;
use crate::outcome::{BodyError, EventName, Ignored, Translated};
use crate::values::{Fields, MILLIS, MINUTES, SECONDS};

/// Where "watched" is sent, unless the user set another percentage.
const WATCHED_PERCENT: f64 = 85.0;

/// Translates what Tautulli posted.
pub(crate) fn translate(
    root: &Fields<'_>,
    received_at: DateTime<Utc>,
) -> Result<Translated, BodyError> {
    let Some(name) = root.first_text(&["event", "action"]) else {
        return Ok(Translated::ignored(Ignored::NoEvent));
    };
    let metadata = root.object("Metadata");
    let word = name
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let action = match word.as_str() {
        "play" => Action::Start,
        "pause" => Action::Pause,
        "resume" => Action::Resume,
        "stop" => Action::Stop,
        "watched" | "scrobble" => Action::ScrobblePoint,
        "rate" => match rating(root, &metadata)? {
            Some(_) => Action::Rate,
            None => return Ok(Translated::ignored(Ignored::NoValue)),
        },
        "change" | "intro" | "commercial" | "credits" | "buffer" | "error" | "created"
        | "on_change" | "concurrent" | "newdevice" | "intdown" | "intup" | "extdown" | "extup"
        | "pmsupdate" | "plexpyupdate" | "plexpydbcorrupt" | "tokenexpired" => {
            return Ok(Translated::ignored(Ignored::NotPlayback(EventName::new(
                &name,
            ))));
        }
        _ => {
            return Ok(Translated::ignored(Ignored::UnknownEvent(EventName::new(
                &name,
            ))));
        }
    };
    let source = media::Place {
        root,
        metadata: &metadata,
    };
    let item = match source.item()? {
        Ok(item) => item,
        Err(reason) => return Ok(Translated::ignored(reason)),
    };
    let position = position(root, &metadata, action)?;
    let percent = percent(root, &metadata, action)?;
    let (id, name) = server(root);
    let server = making::server(Source::Tautulli, id, name);
    let mut event = making::event(server, action, item, claimed(&source), received_at);
    event.position = position;
    event.progress_percent = percent;
    if action == Action::Rate {
        event.rating = rating(root, &metadata)?;
    }
    event.flags.live = source.is_true("live")
        || metadata.object("stream").is_true("live")
        || source.text("librarySectionType").as_deref() == Some("livetv");
    Ok(making::answer(whereabouts(&source, event)))
}

/// Tautulli's clock; `lastViewedAt` and the time stamps are local text in a format of the user's.
fn claimed(source: &media::Place<'_>) -> Option<DateTime<Utc>> {
    let both = [source.metadata, source.root];
    let unix = both.iter().find_map(|fields| fields.unix_time("unixtime"));
    unix.or_else(|| both.iter().find_map(|fields| fields.time("utctime")))
}

fn position(
    root: &Fields<'_>,
    metadata: &Fields<'_>,
    action: Action,
) -> Result<Option<TimeDelta>, BodyError> {
    let mut position = None;
    for (fields, key, unit) in [
        (metadata, "viewOffset", MILLIS),
        (metadata, "view_offset", MILLIS),
        (root, "view_offset", MILLIS),
        (metadata, "progress_duration", MINUTES),
        (root, "progress_duration", MINUTES),
    ] {
        position = match position {
            None => fields.length(key, unit)?,
            known => known,
        };
    }
    Ok(match action {
        // The offset of an item that is over is 0, or gone.
        Action::Stop | Action::ScrobblePoint => {
            position.filter(|position| *position > TimeDelta::zero())
        }
        Action::Start | Action::Resume | Action::Progress | Action::Pause => position,
        Action::MarkWatched
        | Action::MarkUnwatched
        | Action::Rate
        | Action::Unrate
        | Action::Love
        | Action::Unlove => None,
    })
}

fn percent(
    root: &Fields<'_>,
    metadata: &Fields<'_>,
    action: Action,
) -> Result<Option<f64>, BodyError> {
    let told = match metadata.percent("progress_percent")? {
        Some(percent) => Some(percent),
        None => match root.percent("progress_percent")? {
            Some(percent) => Some(percent),
            None => metadata.object("stream").percent("progress_percent")?,
        },
    };
    let told = told.filter(|percent| *percent > 0.0);
    Ok(match action {
        Action::ScrobblePoint => told.or(Some(WATCHED_PERCENT)),
        Action::Start | Action::Resume | Action::Progress | Action::Pause | Action::Stop => told,
        Action::MarkWatched
        | Action::MarkUnwatched
        | Action::Rate
        | Action::Unrate
        | Action::Love
        | Action::Unlove => None,
    })
}

/// A person's rating; without a value the template left it out.
fn rating(root: &Fields<'_>, metadata: &Fields<'_>) -> Result<Option<f64>, BodyError> {
    let value = match metadata.number("userRating")? {
        Some(value) => Some(value),
        None => root.number("user_rating")?,
    };
    Ok(value.filter(|value| *value > 0.0 && *value <= 10.0))
}

fn server(root: &Fields<'_>) -> (Option<String>, Option<String>) {
    let server = root.object("Server");
    (
        server
            .text("uuid")
            .or_else(|| root.text("server_machine_id")),
        server.text("title").or_else(|| root.text("server_name")),
    )
}

fn whereabouts(source: &media::Place<'_>, mut event: Event) -> Event {
    let root = source.root;
    let account = root.object("Account");
    event.account = making::account(
        account
            .first_text(&["id", "userId"])
            .or_else(|| root.text("user_id")),
        account
            .text("title")
            .or_else(|| root.first_text(&["username", "user"])),
    );
    let player = root.object("Player");
    event.player = making::player(
        player.text("uuid").or_else(|| root.text("machine_id")),
        player.text("title").or_else(|| root.text("player")),
    );
    event.library = source
        .text("librarySectionID")
        .or_else(|| root.text("section_id"))
        .map(|id| Library {
            id,
            title: source
                .text("librarySectionTitle")
                .or_else(|| root.text("library_name")),
        });
    event
}

/// A length that is named only `duration`: Tautulli's `{duration}` is minutes, `{duration_ms}` milliseconds.
///
/// Up to 1,000 it can only be minutes, from 10,000 on only milliseconds; between the two it is not known.
fn bare_duration(fields: &Fields<'_>) -> Result<Option<TimeDelta>, BodyError> {
    let Some(number) = fields.number("duration")? else {
        return Ok(None);
    };
    if number <= 1_000.0 {
        fields.duration("duration", MINUTES)
    } else if number >= 10_000.0 {
        fields.duration("duration", MILLIS)
    } else {
        Ok(None)
    }
}

fn duration(root: &Fields<'_>, metadata: &Fields<'_>) -> Result<Option<TimeDelta>, BodyError> {
    for fields in [metadata, root] {
        for (key, unit) in [("duration_ms", MILLIS), ("duration_sec", SECONDS)] {
            if let Some(duration) = fields.duration(key, unit)? {
                return Ok(Some(duration));
            }
        }
        if let Some(duration) = bare_duration(fields)? {
            return Ok(Some(duration));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
