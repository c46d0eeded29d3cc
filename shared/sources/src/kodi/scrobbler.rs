//! Kodi's HTTP Scrobbler add-on: `{"event", "mediaType", "title", …, "uniqueIds", "duration", "progress"}`.
//!
//! Times are seconds; an episode's `uniqueIds` are its own. Known through those who receive it.

use chrono::{DateTime, Utc};
use hub_domain::{Action, ItemKind, MediaItem, Scope};

use super::{kind, server, unique_ids};
use crate::making;
use crate::outcome::{BodyError, EventName, Ignored, Translated};
use crate::values::{Fields, SECONDS};

/// Translates what the add-on posted.
pub(crate) fn translate(
    root: &Fields<'_>,
    received_at: DateTime<Utc>,
) -> Result<Translated, BodyError> {
    let Some(name) = root.text("event") else {
        return Ok(Translated::ignored(Ignored::NoEvent));
    };
    let action = match name.to_ascii_lowercase().as_str() {
        "start" => Action::Start,
        "pause" => Action::Pause,
        "resume" => Action::Resume,
        "progress" | "interval" | "seek" => Action::Progress,
        // "end" ran to the end; "stop" was stopped.
        "stop" | "end" => Action::Stop,
        _ => {
            return Ok(Translated::ignored(Ignored::UnknownEvent(EventName::new(
                &name,
            ))));
        }
    };
    let Some(media_type) = root.text("mediaType") else {
        return Ok(Translated::ignored(Ignored::NoItem));
    };
    let Some(kind) = kind(&media_type) else {
        return Ok(Translated::ignored(Ignored::UnsupportedKind));
    };
    let item = item(root, kind)?;
    let progress = root.object("progress");
    let position = progress.length("time", SECONDS)?;
    let percent = progress.percent("percent")?;
    let mut event = making::event(server(), action, item, None, received_at);
    event.position = position;
    if position.is_none() || event.media.duration.is_none() {
        event.progress_percent = percent;
    }
    if name.eq_ignore_ascii_case("end") {
        event.completed_hint = Some(true);
    }
    Ok(making::answer(event))
}

fn item(root: &Fields<'_>, kind: ItemKind) -> Result<MediaItem, BodyError> {
    let mut item = MediaItem::new(kind);
    item.title = root.text("title");
    item.duration = root.duration("duration", SECONDS)?;
    item.ids = unique_ids(&root.object("uniqueIds"), Scope::Item);
    if kind == ItemKind::Episode {
        // Whose year it is, the add-on does not say; the show's title may.
        let show = root.text("tvShowTitle");
        (item.show_title, item.show_year) = making::show_title_and_year(show);
        item.season = root.count("season")?;
        item.episode = root.count("episode")?;
    } else {
        item.year = root.year("year")?;
    }
    Ok(item)
}
