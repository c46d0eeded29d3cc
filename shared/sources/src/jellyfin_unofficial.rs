//! Jellyfin's unofficial plugin, `shemanaev/jellyfin-plugin-webhooks`: its "Default" format here, its "Plex" format
//! in [`as_plex`]. Its "Get" format names no item.
//!
//! - `Series.ProviderIds` are the show's ids: the only shape of Jellyfin or Emby that has them.
//! - It has no clock: events happen when they are received.
//! - `Scrobble` comes once per item until the server restarts, so a stop has to say completion as well.

pub(crate) mod as_plex;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Action, Event, ItemKind, MediaItem, Scope, Source};

use crate::base_item::{self, plain_guid};
use crate::making::{self, add_id, show_title_and_year};
use crate::outcome::{BodyError, EventName, Ignored, Translated};
use crate::values::{Fields, TICKS};

/// Translates the "Default" format, and templates of the official plugin that imitate it.
pub(crate) fn translate(
    root: &Fields<'_>,
    received_at: DateTime<Utc>,
) -> Result<Translated, BodyError> {
    let Some(name) = root.text("Event") else {
        return Ok(Translated::ignored(Ignored::NoEvent));
    };
    let Some(action) = action(&name) else {
        let is_library = name.to_ascii_lowercase().starts_with("item");
        let name = EventName::new(&name);
        return Ok(Translated::ignored(match is_library {
            true => Ignored::NotPlayback(name),
            false => Ignored::UnknownEvent(name),
        }));
    };
    let Some(dto) = root.try_object("Item") else {
        return Ok(Translated::ignored(Ignored::NoItem));
    };
    let Some(item_type) = dto.text("Type") else {
        return Ok(Translated::ignored(Ignored::NoItem));
    };
    let kind = match base_item::kind(&item_type) {
        Ok(_) if dto.text("ExtraType").is_some() => return Ok(Translated::ignored(Ignored::Extra)),
        Ok(kind) => kind,
        Err(reason) => return Ok(Translated::ignored(reason)),
    };
    let item = item(root, &dto, kind)?;
    match opinion(action, &dto)? {
        Some((action, rating)) => {
            let mut event = event(root, &dto, action, item, received_at)?;
            event.rating = rating;
            Ok(making::answer(event))
        }
        None => Ok(Translated::ignored(Ignored::NoValue)),
    }
}

fn action(name: &str) -> Option<Action> {
    Some(match name.to_ascii_lowercase().as_str() {
        "play" | "playbackstart" => Action::Start,
        "progress" | "playbackprogress" => Action::Progress,
        "pause" => Action::Pause,
        "resume" => Action::Resume,
        "stop" | "playbackstop" => Action::Stop,
        "scrobble" => Action::ScrobblePoint,
        "markplayed" => Action::MarkWatched,
        "markunplayed" => Action::MarkUnwatched,
        "rate" => Action::Rate,
        _ => return None,
    })
}

/// What a rating event says: stars, else the favourite; every other event is what it is.
fn opinion(action: Action, dto: &Fields<'_>) -> Result<Option<(Action, Option<f64>)>, BodyError> {
    if action != Action::Rate {
        return Ok(Some((action, None)));
    }
    let data = dto.object("UserData");
    match data.number("Rating")? {
        Some(rating) if rating > 10.0 => Err(BodyError::at(
            "Item.UserData.Rating",
            "a rating from 0 to 10 is expected",
        )),
        Some(rating) if rating > 0.0 => Ok(Some((Action::Rate, Some(rating)))),
        Some(_) | None => Ok(data.boolean("IsFavorite").map(|is_favourite| {
            let action = if is_favourite {
                Action::Love
            } else {
                Action::Unlove
            };
            (action, None)
        })),
    }
}

fn item(root: &Fields<'_>, dto: &Fields<'_>, kind: ItemKind) -> Result<MediaItem, BodyError> {
    let mut item = base_item::item(dto, kind)?;
    if let Some(series) = root.try_object("Series") {
        for mut id in base_item::provider_ids(&series, ItemKind::Show) {
            id.scope = Scope::Show;
            add_id(&mut item.ids, Some(id));
        }
        let (title, title_year) = show_title_and_year(series.text("Name"));
        item.show_title = item.show_title.or(title);
        item.show_year = series
            .year("ProductionYear")?
            .or(item.show_year)
            .or(title_year);
    }
    Ok(item)
}

fn event(
    root: &Fields<'_>,
    dto: &Fields<'_>,
    action: Action,
    item: MediaItem,
    received_at: DateTime<Utc>,
) -> Result<Event, BodyError> {
    let position = position(root, dto, action)?;
    let server = root.object("Server");
    let server = making::server(
        Source::Jellyfin,
        plain_guid(server.text("Id").or_else(|| dto.text("ServerId"))),
        server.text("Name"),
    );
    let user = root.object("User");
    let session = root.object("Session");
    let mut event = making::event(server, action, item, None, received_at);
    event.account = making::account(plain_guid(user.text("Id")), user.text("Name"));
    event.player = making::player(
        session.text("DeviceId"),
        session.first_text(&["DeviceName", "Client"]),
    );
    event.position = position;
    if action == Action::Stop {
        event.completed_hint = dto.object("UserData").boolean("Played");
    }
    Ok(event)
}

/// The player's position; at a stop it is gone, and the item's own is 0 once it was completed.
fn position(
    root: &Fields<'_>,
    dto: &Fields<'_>,
    action: Action,
) -> Result<Option<TimeDelta>, BodyError> {
    if !action.is_playback() || action == Action::ScrobblePoint {
        return Ok(None);
    }
    let state = root.object("Session").object("PlayState");
    if let Some(position) = state.length("PositionTicks", TICKS)? {
        return Ok(Some(position));
    }
    if action == Action::Stop {
        return dto
            .object("UserData")
            .duration("PlaybackPositionTicks", TICKS);
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
