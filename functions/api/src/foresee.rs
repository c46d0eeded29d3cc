//! Which play a scrobble will be, before `progress` has seen it.

use std::collections::HashMap;

use hub_domain::identity::{Candidate, Seen, aliases, choose_item, find_same, item_key};
use hub_domain::{MediaItem, PlayId, UserId};
use hub_runtime::queue::QueuedScrobble;
use hub_store::Freshness;

use crate::ApiState;
use crate::problem::Problem;

/// Foresees which play this is, as `progress` will find it: one that is known, or the new one it will be.
///
/// Read only. Should another sighting of the same play overtake it, that one's play is found instead, and has another
/// name than the one answered here.
pub(crate) async fn foresee(
    state: &ApiState,
    user: UserId,
    scrobble: &QueuedScrobble,
    road: &str,
) -> Result<PlayId, Problem> {
    let (media, server) = (&scrobble.media, &scrobble.server);
    let completed = completed(state, user, media).await?;
    let media = completed.as_ref().unwrap_or(media);
    let names = aliases(media, server);
    let keys: Vec<String> = names.iter().map(|alias| alias.key.clone()).collect();
    let known = state.table.aliases(user, &keys).await?;
    let known: HashMap<_, _> = known
        .into_iter()
        .map(|(key, entry)| (key, (entry.item, entry.ids)))
        .collect();
    let item = choose_item(&names, &known, item_key(media, server)).item;
    let (started_at, watched_at) = scrobble.interval();
    let days = state
        .table
        .seen_around::<Seen>(user, &item, started_at.date_naive(), Freshness::Now)
        .await?;
    let seen: Vec<Seen> = days
        .days
        .into_iter()
        .flat_map(|(_, plays, _)| plays)
        .collect();
    let candidate = Candidate {
        kind: media.kind,
        road,
        started_at,
        watched_at,
        duration: media.duration,
        began_percent: None,
    };
    Ok(find_same(&seen, &candidate).map_or_else(
        || PlayId::new(user, &item, Some(started_at)),
        |same| same.play.clone(),
    ))
}

/// What the library knows of an item besides, if it came without ids or without titles.
async fn completed(
    state: &ApiState,
    user: UserId,
    media: &MediaItem,
) -> Result<Option<MediaItem>, Problem> {
    let Some(id) = media.content_id.as_deref().filter(|_| media.is_wanting()) else {
        return Ok(None);
    };
    let library = state
        .table
        .library_item(user, id, Freshness::Lately)
        .await?;
    Ok(library.and_then(|library| media.completed_by(&library)))
}
