//! Jellyfin's official webhook plugin: the flat object of "Send All Properties", and the templates people write.
//!
//! - The plugin calls its JSON `text/plain`, and posts one event per user of a session.
//! - There is no pause and no resume: `IsPaused` on the progress events says it.
//! - `Year` of an episode is its *series'* year; its `Provider_*` ids are its own.
//! - Reference: jellyfin-plugin-webhook, v21.

mod media;
mod saved;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Action, Event, MediaItem, Source};

use crate::base_item::plain_guid;
use crate::making;
use crate::outcome::{BodyError, EventName, Ignored, Translated};
use crate::values::{Fields, TICKS, clock_length};

/// The plugin's other notifications: nobody plays anything.
const NOT_PLAYBACK: [&str; 6] = [
    "item",
    "session",
    "authentication",
    "task",
    "plugin",
    "user",
];

/// Translates what the plugin posted. Keys are found whatever their case.
pub(crate) fn translate(
    root: &Fields<'_>,
    received_at: DateTime<Utc>,
) -> Result<Translated, BodyError> {
    let Some(name) = root.text("NotificationType") else {
        return Ok(Translated::ignored(Ignored::NoEvent));
    };
    let folded = name.to_ascii_lowercase();
    let action = match folded.as_str() {
        "playbackstart" => Some(Action::Start),
        "playbackprogress" if root.is_true("IsPaused") => Some(Action::Pause),
        "playbackprogress" => Some(Action::Progress),
        "playbackstop" => Some(Action::Stop),
        "userdatasaved" => None,
        _ => {
            let name = EventName::new(&name);
            let is_known = NOT_PLAYBACK.iter().any(|prefix| folded.starts_with(prefix));
            return Ok(Translated::ignored(
                match is_known || folded == "pendingrestart" {
                    true => Ignored::NotPlayback(name),
                    false => Ignored::UnknownEvent(name),
                },
            ));
        }
    };
    let item = match media::item(root)? {
        Ok(item) => item,
        Err(reason) => return Ok(Translated::ignored(reason)),
    };
    match action {
        Some(action) => Ok(making::answer(playback(root, action, item, received_at)?)),
        None => saved::translate(root, item, received_at),
    }
}

fn playback(
    root: &Fields<'_>,
    action: Action,
    item: MediaItem,
    received_at: DateTime<Utc>,
) -> Result<Event, BodyError> {
    let position = position(root)?;
    let mut event = event(root, action, item, received_at);
    // The plugin writes 0 for "unknown". A start at 0 is plausible, and a stop at 0 is what tells a failed playback
    // from a completed one; while it goes on, 0 says nothing.
    event.position = position.filter(|position| {
        matches!(action, Action::Start | Action::Stop) || *position > TimeDelta::zero()
    });
    if action == Action::Stop {
        event.completed_hint = root
            .boolean("PlayedToCompletion")
            .or_else(|| root.boolean("Played"));
    }
    Ok(event)
}

/// An event of this body: its server, account, player and time.
fn event(root: &Fields<'_>, action: Action, item: MediaItem, received_at: DateTime<Utc>) -> Event {
    let server = making::server(
        Source::Jellyfin,
        plain_guid(root.text("ServerId")),
        root.text("ServerName"),
    );
    let mut event = making::event(server, action, item, clock(root), received_at);
    event.account = making::account(
        plain_guid(root.text("UserId")),
        root.first_text(&["NotificationUsername", "user_name", "Username"]),
    );
    event.player = making::player(
        root.text("DeviceId"),
        root.first_text(&["DeviceName", "ClientName", "Client"]),
    );
    event
}

/// The server's clock: UTC first, else its local time, which has an offset.
fn clock(root: &Fields<'_>) -> Option<DateTime<Utc>> {
    root.time("UtcTimestamp").or_else(|| root.time("Timestamp"))
}

fn position(root: &Fields<'_>) -> Result<Option<TimeDelta>, BodyError> {
    let ticks = root.length("PlaybackPositionTicks", TICKS)?;
    Ok(ticks.or_else(|| clock_length(&root.text("PlaybackPosition")?)))
}

#[cfg(test)]
mod tests;
