//! Two Kodi add-ons that post for a service of their own: movary's and ryot's.

use chrono::{DateTime, Utc};
use hub_domain::{Action, ExternalId, ItemKind, MediaItem, Namespace, Scope};

use super::server;
use crate::making;
use crate::outcome::{BodyError, Ignored, Translated};
use crate::values::Fields;

/// movary's add-on posts once, when a film was stopped at this percentage or later.
const MOVARY_PERCENT: f64 = 90.0;

/// movary's add-on: `{"title", "uniqueIds": {"tmdbId"}}`, films only, once each.
pub(crate) fn movary(
    root: &Fields<'_>,
    received_at: DateTime<Utc>,
) -> Result<Translated, BodyError> {
    let mut item = MediaItem::new(ItemKind::Movie);
    item.title = root.text("title");
    item.ids = id(root.object("uniqueIds").text("tmdbId"), Scope::Item);
    let mut event = making::event(server(), Action::ScrobblePoint, item, None, received_at);
    event.progress_percent = Some(MOVARY_PERCENT);
    Ok(making::answer(event))
}

/// ryot's add-on: `{"identifier", "lot", "progress", …}` every few seconds; the TMDB id of an episode is its show's.
pub(crate) fn ryot(root: &Fields<'_>, received_at: DateTime<Utc>) -> Result<Translated, BodyError> {
    let (kind, scope) = match root.text("lot").as_deref() {
        Some("movie") => (ItemKind::Movie, Scope::Item),
        Some("show") => (ItemKind::Episode, Scope::Show),
        Some(_) => return Ok(Translated::ignored(Ignored::UnsupportedKind)),
        None => return Ok(Translated::ignored(Ignored::NoItem)),
    };
    let mut item = MediaItem::new(kind);
    item.ids = id(root.text("identifier"), scope);
    if kind == ItemKind::Episode {
        item.season = root.count("show_season_number")?;
        item.episode = root.count("show_episode_number")?;
    }
    let percent = root.percent("progress")?;
    let mut event = making::event(server(), Action::Progress, item, None, received_at);
    event.progress_percent = percent;
    Ok(making::answer(event))
}

fn id(value: Option<String>, scope: Scope) -> Vec<ExternalId> {
    value
        .and_then(|value| ExternalId::new(Namespace::Tmdb, scope, &value).ok())
        .into_iter()
        .collect()
}
