//! A scrobble queued by hand: a finished play, whatever was or was not seen of it.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Delivery, Precision, Service};
use hub_runtime::queue::QueuedScrobble;
use hub_store::User;

use crate::plays::Sighted;
use crate::wakes::Wakes;
use crate::{Failure, Progress};

/// The road's name among a play's sightings.
pub(crate) const ROAD: &str = "queue";

impl Progress {
    /// Records a queued play.
    pub(crate) async fn queued(
        &self,
        user: &User,
        scrobble: &QueuedScrobble,
        only: Option<&[Service]>,
        now: DateTime<Utc>,
        wakes: &mut Wakes,
    ) -> Result<(), Failure> {
        let media = &scrobble.media;
        let connections = self.connections_for(user.id, media.kind, only).await?;
        // Its times are those that were foreseen when it was queued, whatever length the library knows.
        let (started_at, watched_at) = scrobble.interval();
        let completed = self.completed(user.id, media, &scrobble.server).await?;
        let deliveries = connections
            .iter()
            .map(|stored| (stored.connection.service, Delivery::pending()))
            .collect();
        let sighted = Sighted {
            media: completed.unwrap_or_else(|| media.clone()),
            library_id: media.content_id.as_deref(),
            server: &scrobble.server,
            road: ROAD,
            started_at,
            watched_at,
            began_percent: None,
            progress_percent: scrobble.progress_percent,
            manual: false,
            precision: Precision::Second,
            suggested: scrobble.play.clone(),
        };
        debug_assert!(watched_at - started_at >= TimeDelta::zero());
        self.record_play(user, sighted, deliveries, now, wakes)
            .await?;
        Ok(())
    }
}
