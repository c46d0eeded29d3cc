//! Plex Media Server's webhooks: one POST an event, from the plex.tv account that owns the webhook.
//!
//! - Everybody's plays on the account's server arrive here, and the account's own plays on others' servers: who it
//!   is stands in `Account`, and nowhere else.
//! - There is no progress event, and none for "unplayed".
//! - `media.scrobble` means that the server's own threshold was passed, 90 % unless its owner changed that.
//! - Reference: Plex support article 115002267687.

mod media;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::event::Library;
use hub_domain::{Action, Event, MediaItem, ServerRef, Source};

pub(crate) use media::ids;

use crate::making;
use crate::outcome::{BodyError, EventName, Ignored, Translated};
use crate::values::{Fields, MILLIS};

/// The server's "video played threshold", unless its owner changed it.
const SCROBBLE_PERCENT: f64 = 90.0;

/// What one of Plex's event names means.
enum Meaning {
    Playback(Action),
    Rating,
    Nothing(Ignored),
}

/// Translates what Plex posted.
pub(crate) fn translate(
    root: &Fields<'_>,
    received_at: DateTime<Utc>,
) -> Result<Translated, BodyError> {
    let Some(name) = root.text("event") else {
        return Ok(Translated::ignored(Ignored::NoEvent));
    };
    let meaning = meaning(&name);
    if let Meaning::Nothing(reason) = meaning {
        return Ok(Translated::ignored(reason));
    }
    let Some(metadata) = root.try_object("Metadata") else {
        return Ok(Translated::ignored(Ignored::NoItem));
    };
    if media::is_extra(&metadata) {
        return Ok(Translated::ignored(Ignored::Extra));
    }
    let Some(kind) = media::kind(&metadata) else {
        let is_typed = metadata.text("type").is_some();
        return Ok(Translated::ignored(match is_typed {
            true => Ignored::UnsupportedKind,
            false => Ignored::NoItem,
        }));
    };
    let item = media::item(&metadata, kind)?;
    let event = match meaning {
        Meaning::Playback(action) => playback(root, &metadata, action, item, received_at)?,
        Meaning::Rating => match rating(root, &metadata, item, received_at)? {
            Some(event) => event,
            None => return Ok(Translated::ignored(Ignored::NoValue)),
        },
        Meaning::Nothing(reason) => return Ok(Translated::ignored(reason)),
    };
    Ok(making::answer(whereabouts(root, &metadata, event)))
}

fn meaning(name: &str) -> Meaning {
    match name {
        "media.play" => Meaning::Playback(Action::Start),
        "media.resume" => Meaning::Playback(Action::Resume),
        "media.pause" => Meaning::Playback(Action::Pause),
        "media.stop" => Meaning::Playback(Action::Stop),
        "media.scrobble" => Meaning::Playback(Action::ScrobblePoint),
        "media.rate" => Meaning::Rating,
        // To the server's owner, when a shared user starts: the same start also comes as media.play.
        "playback.started" => Meaning::Nothing(Ignored::ReportedTwice),
        _ if ["library.", "device.", "admin."]
            .iter()
            .any(|prefix| name.starts_with(prefix)) =>
        {
            Meaning::Nothing(Ignored::NotPlayback(EventName::new(name)))
        }
        _ => Meaning::Nothing(Ignored::UnknownEvent(EventName::new(name))),
    }
}

fn playback(
    root: &Fields<'_>,
    metadata: &Fields<'_>,
    action: Action,
    item: MediaItem,
    received_at: DateTime<Utc>,
) -> Result<Event, BodyError> {
    let is_scrobble = action == Action::ScrobblePoint;
    // A real server that names no player: somebody marked it as played. What names neither is a relay or a
    // template that left both out, and its scrobble is a scrobble.
    let is_marked = is_scrobble && is_server(root) && root.try_object("Player").is_none();
    let action = if is_marked {
        Action::MarkWatched
    } else {
        action
    };
    // The other events carry the time of the viewing before this one.
    let claimed = is_scrobble
        .then(|| metadata.unix_time("lastViewedAt"))
        .flatten();
    let position = position(metadata, action, item.duration)?;
    let mut event = making::event(server(root), action, item, claimed, received_at);
    event.position = position;
    event.progress_percent = (action == Action::ScrobblePoint).then_some(SCROBBLE_PERCENT);
    event.flags.live = media::is_live(metadata);
    Ok(event)
}

/// How far it is, where the event's offset can be believed.
fn position(
    metadata: &Fields<'_>,
    action: Action,
    duration: Option<TimeDelta>,
) -> Result<Option<TimeDelta>, BodyError> {
    let offset = metadata.length("viewOffset", MILLIS)?;
    Ok(match action {
        // After the scrobble the server forgets the position, and says 0 or nothing at the stop.
        Action::Stop => offset.filter(|offset| *offset > TimeDelta::zero()),
        // A start at the very end is what was left of the last viewing, not where this one begins.
        Action::Start => {
            let is_over = |offset: TimeDelta| {
                duration.is_some_and(|duration| offset >= duration - duration / 100)
            };
            offset.filter(|offset| !is_over(*offset))
        }
        Action::Resume | Action::Progress | Action::Pause => offset,
        // Says "played", and where the viewer is is known better by the threshold than by an old offset.
        Action::ScrobblePoint
        | Action::MarkWatched
        | Action::MarkUnwatched
        | Action::Rate
        | Action::Unrate
        | Action::Love
        | Action::Unlove => None,
    })
}

/// A person's stars: never `Metadata.rating`, which is the critics'.
fn rating(
    root: &Fields<'_>,
    metadata: &Fields<'_>,
    item: MediaItem,
    received_at: DateTime<Utc>,
) -> Result<Option<Event>, BodyError> {
    let is_named = root.has("rating") || metadata.has("userRating");
    let value = match root.number("rating")? {
        Some(value) => Some((value, "rating")),
        None => metadata
            .number("userRating")?
            .map(|value| (value, "Metadata.userRating")),
    };
    let event = |action| making::event(server(root), action, item, None, received_at);
    match value {
        Some((value, field)) if value > 10.0 => {
            Err(BodyError::at(field, "a rating from 0 to 10 is expected"))
        }
        Some((value, _)) if value > 0.0 => {
            let mut event = event(Action::Rate);
            event.rating = Some(value);
            Ok(Some(event))
        }
        // Zero, negative or empty is a rating taken back. Nothing at all is that only from a real server; from a
        // template it is a value that was left out.
        Some(_) => Ok(Some(event(Action::Unrate))),
        None if is_named || is_server(root) => Ok(Some(event(Action::Unrate))),
        None => Ok(None),
    }
}

fn whereabouts(root: &Fields<'_>, metadata: &Fields<'_>, mut event: Event) -> Event {
    let account = root.object("Account");
    event.account = making::account(account.text("id"), account.text("title"));
    let player = root.object("Player");
    event.player = making::player(player.text("uuid"), player.text("title"));
    event.library = metadata.text("librarySectionID").map(|id| Library {
        id,
        title: metadata.text("librarySectionTitle"),
    });
    event
}

fn server(root: &Fields<'_>) -> ServerRef {
    let server = root.object("Server");
    making::server(Source::Plex, server.text("uuid"), server.text("title"))
}

fn is_server(root: &Fields<'_>) -> bool {
    root.object("Server").text("uuid").is_some()
}

#[cfg(test)]
mod tests;
