//! What the tests of both files share: a play, a statement, a span.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hub_domain::statement::StatementId;
use hub_domain::{Aspect, ItemKey, MediaItem, Play, PlayId, Precision, Says, Statement, UserId};
use uuid::Uuid;

use super::gather::Span;

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// All that was learned by the end of 2026.
pub(super) fn span(since: Option<&str>) -> Span {
    Span {
        since: since.map(at),
        until: at("2026-12-31T00:00:00Z"),
    }
}

/// A play that the hub learned of when it ended.
pub(super) fn play(item: &str, media: MediaItem, watched_at: DateTime<Utc>) -> Play {
    let (user, item) = (UserId(Uuid::nil()), ItemKey::new(item));
    Play {
        id: PlayId::new(user, &item, Some(watched_at)),
        user,
        item,
        media,
        started_at: None,
        watched_at: Some(watched_at),
        precision: Precision::Second,
        progress_percent: None,
        manual: false,
        sightings: Vec::new(),
        created_at: watched_at,
        deliveries: BTreeMap::new(),
        removed_at: None,
    }
}

/// Something that was said on 2026-11-01.
pub(super) fn statement(aspect: Aspect, item: &str, media: MediaItem, says: Says) -> Statement {
    let since = at("2026-11-01T12:00:00Z");
    Statement {
        user: UserId(Uuid::nil()),
        id: StatementId {
            aspect,
            item: ItemKey::new(item),
        },
        media,
        says: Some(says),
        since,
        version: 1,
        created_at: since,
        deliveries: BTreeMap::new(),
        agreed: BTreeMap::new(),
    }
}
