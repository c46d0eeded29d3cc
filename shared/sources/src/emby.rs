//! Emby's webhooks (4.7.9 and later, with Premiere): `{"Title", "Date", "Event", "User", "Item", "Server", …}`.
//!
//! - `Title` is a sentence in the server's language that says "finished" even of an aborted play: it is not read.
//! - `Session.Id` is one per device login, not per playback, and is not read either.
//! - A `PlayedToCompletion` at position 0 of an unknown length is a false one; both facts are passed on as they are.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Action, Event, ItemKind, Source};

use crate::outcome::{BodyError, EventName, Ignored, Translated};
use crate::values::{Fields, TICKS};
use crate::{base_item, making};

/// What one of Emby's event names means.
enum Meaning {
    Playback(Action),
    Favourite(Option<Action>),
    Nothing(Ignored),
}

/// Translates what Emby posted.
pub(crate) fn translate(
    root: &Fields<'_>,
    received_at: DateTime<Utc>,
) -> Result<Translated, BodyError> {
    let Some(name) = root.text("Event") else {
        return Ok(Translated::ignored(Ignored::NoEvent));
    };
    let meaning = meaning(&name);
    if let Meaning::Nothing(reason) = meaning {
        return Ok(Translated::ignored(reason));
    }
    let Some(dto) = root.try_object("Item") else {
        return Ok(Translated::ignored(Ignored::NoItem));
    };
    let kind = match kind_of(&dto) {
        Ok(kind) => kind,
        Err(reason) => return Ok(Translated::ignored(reason)),
    };
    let action = match meaning {
        Meaning::Playback(action) => action,
        // 4.7 sends no value with `item.rate`; 4.9 tells the favourite, and never the stars.
        Meaning::Favourite(told) => {
            let is_favourite = dto.object("UserData").boolean("IsFavorite");
            let read = is_favourite.map(|is| if is { Action::Love } else { Action::Unlove });
            match told.or(read) {
                Some(action) => action,
                None => return Ok(Translated::ignored(Ignored::NoValue)),
            }
        }
        Meaning::Nothing(reason) => return Ok(Translated::ignored(reason)),
    };
    let event = event(root, &dto, kind, action, received_at)?;
    Ok(making::answer(event))
}

fn meaning(name: &str) -> Meaning {
    match name.to_ascii_lowercase().as_str() {
        "playback.start" => Meaning::Playback(Action::Start),
        "playback.pause" => Meaning::Playback(Action::Pause),
        "playback.unpause" => Meaning::Playback(Action::Resume),
        "playback.progress" => Meaning::Playback(Action::Progress),
        "playback.scrobble" => Meaning::Playback(Action::ScrobblePoint),
        "playback.stop" => Meaning::Playback(Action::Stop),
        "item.markplayed" => Meaning::Playback(Action::MarkWatched),
        "item.markunplayed" => Meaning::Playback(Action::MarkUnwatched),
        "item.rate" => Meaning::Favourite(None),
        "item.markfavorite" | "item.favorited" | "item.addedtofavorites" => {
            Meaning::Favourite(Some(Action::Love))
        }
        "item.markunfavorite" | "item.unfavorited" | "item.removedfromfavorites" => {
            Meaning::Favourite(Some(Action::Unlove))
        }
        name if [
            "library.",
            "system.",
            "user.",
            "plugins.",
            "scheduledtasks.",
            "device.",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix)) =>
        {
            Meaning::Nothing(Ignored::NotPlayback(EventName::new(name)))
        }
        name => Meaning::Nothing(Ignored::UnknownEvent(EventName::new(name))),
    }
}

fn kind_of(dto: &Fields<'_>) -> Result<ItemKind, Ignored> {
    let kind = base_item::kind(&dto.text("Type").ok_or(Ignored::NoItem)?)?;
    if dto.text("ExtraType").is_some() {
        return Err(Ignored::Extra);
    }
    if dto
        .first_text(&["Path", "FileName"])
        .is_some_and(|path| making::is_sample_path(&path))
    {
        return Err(Ignored::Sample);
    }
    Ok(kind)
}

fn event(
    root: &Fields<'_>,
    dto: &Fields<'_>,
    kind: ItemKind,
    action: Action,
    received_at: DateTime<Utc>,
) -> Result<Event, BodyError> {
    let item = base_item::item(dto, kind)?;
    let position = if action.is_playback() {
        position(root)?
    } else {
        None
    };
    let session = root.object("Session");
    let user = root.object("User");
    let server = root.object("Server");
    let server = making::server(
        Source::Emby,
        server.text("Id").or_else(|| dto.text("ServerId")),
        server.text("Name"),
    );
    let mut event = making::event(server, action, item, root.time("Date"), received_at);
    event.account = making::account(
        base_item::plain_guid(user.text("Id").or_else(|| session.text("UserId"))),
        user.text("Name").or_else(|| session.text("UserName")),
    );
    event.player = making::player(
        session.text("DeviceId"),
        session.first_text(&["DeviceName", "Client"]),
    );
    event.position = position;
    if action == Action::Stop {
        event.completed_hint = root.object("PlaybackInfo").boolean("PlayedToCompletion");
    }
    event.path = dto.text("Path");
    Ok(event)
}

/// The position of `PlaybackInfo`: by the stop of an item, the session's state may be that of the next one.
fn position(root: &Fields<'_>) -> Result<Option<TimeDelta>, BodyError> {
    match root.try_object("PlaybackInfo") {
        Some(info) => info.length("PositionTicks", TICKS),
        None => root
            .object("Session")
            .object("PlayState")
            .length("PositionTicks", TICKS),
    }
}

#[cfg(test)]
mod tests;
