//! An item that a person marked as watched.

use chrono::{DateTime, Utc};
use hub_domain::identity::Seen;
use hub_domain::user::ManualMarks;
use hub_domain::{Delivery, Event, Precision};
use hub_store::User;

use crate::plays::Sighted;
use crate::wakes::Wakes;
use crate::{Failure, Progress};

impl Progress {
    /// Makes a play of a mark, as the user's switch says: no second one of what is watched already.
    ///
    /// Sources send a mark for every episode of a season, and all of them again when the season is marked again.
    pub(crate) async fn mark(
        &self,
        user: &User,
        event: &Event,
        now: DateTime<Utc>,
        wakes: &mut Wakes,
    ) -> Result<(), Failure> {
        if !event.media.kind.is_playable() {
            return Ok(());
        }
        let completed = self.completed(user.id, &event.media, &event.server).await?;
        let whole = completed.as_ref().unwrap_or(&event.media);
        let released = whole
            .released_on
            .and_then(|day| day.and_hms_opt(12, 0, 0))
            .map(|noon| noon.and_utc());
        let (watched_at, precision) = match user.settings.manual_marks {
            ManualMarks::Now => (event.occurred_at, Precision::Second),
            ManualMarks::ReleaseDate => match released {
                Some(noon) if noon <= now => (noon, Precision::Day),
                Some(_) | None => (event.occurred_at, Precision::Second),
            },
            ManualMarks::Ignore => return Ok(()),
        };
        let connections = self.connections_for(user.id, whole.kind, None).await?;
        for part in 0..whole.parts() {
            let media = whole.part(part);
            let item = self.resolve_item(user, &media, &event.server).await?;
            let last = self.table.last_seen_day::<Seen>(user.id, &item).await?;
            if let Some(last) = last.and_then(|(_, plays)| plays.into_iter().last()) {
                let is_this_mark = last.manual && last.watched_at == watched_at;
                if !is_this_mark {
                    continue;
                }
            }
            let deliveries = connections
                .iter()
                .map(|stored| (stored.connection.service, Delivery::pending()))
                .collect();
            let sighted = Sighted {
                media,
                library_id: whole.content_id.as_deref(),
                server: &event.server,
                road: "mark",
                started_at: watched_at,
                watched_at,
                began_percent: None,
                progress_percent: None,
                manual: true,
                precision,
                suggested: None,
            };
            self.record_play(user, sighted, deliveries, now, wakes)
                .await?;
        }
        Ok(())
    }
}
