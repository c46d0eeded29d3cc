//! Kodi in the words of its JSON-RPC notifications (`Player.OnPlay` …), and `CrossWatch`'s version of them
//! (`playback_started` …).
//!
//! - Kodi's `item.uniqueid` of an episode is the episode's; `CrossWatch`'s is the *show's*. It is known by its
//!   `position_seconds`, where Kodi has `player.time`.
//! - `end: false` is said even in the credits, so it is no word on completion; `end: true` is one.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Action, ExternalId, ItemKind, MediaItem, Namespace, Scope};

use super::{kind, server, unique_ids};
use crate::making::{self, add_id};
use crate::outcome::{BodyError, EventName, Ignored, Translated};
use crate::values::{Fields, SECONDS, length};

/// Translates what the add-on posted.
pub(crate) fn translate(
    root: &Fields<'_>,
    received_at: DateTime<Utc>,
) -> Result<Translated, BodyError> {
    let Some(name) = root.first_text(&["method", "event"]) else {
        return Ok(Translated::ignored(Ignored::NoEvent));
    };
    let action = match name.as_str() {
        "Player.OnPlay" | "Player.OnAVStart" | "playback_started" => Action::Start,
        "Player.OnPause" | "playback_paused" => Action::Pause,
        "Player.OnResume" | "playback_resumed" => Action::Resume,
        "Player.OnStop" | "playback_stopped" => Action::Stop,
        "Player.OnAVChange" | "Player.OnSeek" | "playback_seeked" | "playback_progress" => {
            Action::Progress
        }
        _ => {
            return Ok(Translated::ignored(Ignored::UnknownEvent(EventName::new(
                &name,
            ))));
        }
    };
    let data = root.object("params").object("data");
    let Some(item) = root.try_object("item").or_else(|| data.try_object("item")) else {
        return Ok(Translated::ignored(Ignored::NoItem));
    };
    let Some(item_type) = item.text("type") else {
        return Ok(Translated::ignored(Ignored::NoItem));
    };
    let Some(kind) = kind(&item_type) else {
        return Ok(Translated::ignored(Ignored::UnsupportedKind));
    };
    let is_cross_watch = root.has("position_seconds") && !root.has("method");
    let is_at_end = action == Action::Stop && data.is_true("end");
    let player = root
        .try_object("player")
        .unwrap_or_else(|| data.object("player"));
    let media = media(root, &item, &player, kind, is_cross_watch)?;
    let position = match root.length("position_seconds", SECONDS)? {
        Some(position) => Some(position),
        None => clock(&player.object("time"))?,
    };
    let mut event = making::event(server(), action, media, None, received_at);
    // At its end the player has already gone back to 0.
    event.position = position.filter(|position| !is_at_end || *position > TimeDelta::zero());
    // "Mark as watched" comes as a stop at exactly the end, from nowhere.
    let is_whole = action == Action::Stop
        && event.position.is_some()
        && event.position == event.media.duration;
    event.completed_hint = (is_at_end || is_whole).then_some(true);
    Ok(making::answer(event))
}

fn media(
    root: &Fields<'_>,
    item: &Fields<'_>,
    player: &Fields<'_>,
    kind: ItemKind,
    is_cross_watch: bool,
) -> Result<MediaItem, BodyError> {
    let mut media = MediaItem::new(kind);
    let scope = if kind == ItemKind::Episode && is_cross_watch {
        Scope::Show
    } else {
        Scope::Item
    };
    // A library id; -1 is an item that is in no library.
    media.content_id = item
        .count("id")?
        .filter(|id| *id > 0)
        .map(|id| id.to_string());
    media.title = item.first_text(&["title", "label"]);
    media.ids = unique_ids(&item.object("uniqueid"), scope);
    media.duration = match root.duration("total_seconds", SECONDS)? {
        Some(duration) => Some(duration),
        None => match clock(&player.object("totaltime"))? {
            Some(duration) if duration > TimeDelta::zero() => Some(duration),
            Some(_) | None => item.duration("runtime", SECONDS)?,
        },
    };
    if kind == ItemKind::Episode {
        let show = item.text("showtitle");
        (media.show_title, media.show_year) = making::show_title_and_year(show);
        media.season = item.count("season")?;
        media.episode = item.count("episode")?;
    } else {
        media.year = item.year("year")?;
        let imdb = item
            .text("imdbnumber")
            .and_then(|id| ExternalId::new(Namespace::Imdb, Scope::Item, &id).ok());
        add_id(&mut media.ids, imdb);
    }
    Ok(media)
}

/// `{"hours", "minutes", "seconds", "milliseconds"}`, as a length.
fn clock(time: &Fields<'_>) -> Result<Option<TimeDelta>, BodyError> {
    let mut total = None;
    for (key, seconds) in [
        ("hours", 3600.0),
        ("minutes", 60.0),
        ("seconds", 1.0),
        ("milliseconds", 0.001),
    ] {
        if let Some(number) = time.number(key)? {
            total = Some(total.unwrap_or(0.0) + number * seconds);
        }
    }
    Ok(total.and_then(|seconds| length(seconds * SECONDS)))
}
