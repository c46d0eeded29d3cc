//! Plays that are still open long after their wake-up was sent: it was lost, or their lane waits.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::delivery::State;
use hub_runtime::queue::Wake;

use crate::{A_SHARD, Failure, Sync, due_shards};

/// How soon a play whose wake-up was lost once is looked at again.
const SOON: TimeDelta = TimeDelta::hours(1);
/// How soon a play is that waits in a lane, which has an entry of its own.
const LATER: TimeDelta = TimeDelta::hours(24);

impl Sync {
    /// Wakes every lane at which a due play is still pending.
    pub(crate) async fn wake_plays(&self, now: DateTime<Utc>) -> Result<usize, Failure> {
        if !self.behaviour.scrobble_enabled {
            return Ok(0);
        }
        let mut woken = 0;
        let mut wakes = Vec::new();
        for shard in due_shards() {
            for key in self
                .table
                .due(hub_store::due::PLAY, shard, now, A_SHARD, None)
                .await?
            {
                let (Some(user), Some(id)) = (key.user(), key.play()) else {
                    continue;
                };
                let Some(play) = self.table.play(user, &id).await? else {
                    continue;
                };
                let pending: Vec<_> = play
                    .deliveries
                    .iter()
                    .filter(|(_, delivery)| match delivery.state {
                        State::Pending => true,
                        State::Waiting => delivery.next_attempt_at.is_some_and(|at| at <= now),
                        State::Held | State::Sending => false,
                        State::InDoubt
                        | State::Delivered
                        | State::AlreadyThere
                        | State::Ignored
                        | State::NotFound
                        | State::Refused => false,
                    })
                    .map(|(service, _)| *service)
                    .collect();
                if !play.is_open() {
                    self.table.clear_due(&key).await?;
                    continue;
                }
                let again = if pending.is_empty() { LATER } else { SOON };
                if self.table.move_due(&key, key.due_at, now + again).await? {
                    woken += usize::from(!pending.is_empty());
                    wakes.extend(pending.into_iter().map(|service| {
                        (
                            Wake::deliver(user, service, vec![id.clone()]),
                            Duration::ZERO,
                        )
                    }));
                }
            }
        }
        self.queues.send_wakes(&wakes).await?;
        Ok(woken)
    }
}
