//! Lanes that wait for a time further off than a message can.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hub_runtime::queue::Wake;

use crate::{A_SHARD, Failure, Sync, due_shards};

/// When a lane is looked at again whose wake-up was lost. Letting the lane go clears it.
const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(10);

impl Sync {
    /// Wakes the lanes that are due before the next tick, each at its own second; users in turn.
    pub(crate) async fn wake_lanes(&self, now: DateTime<Utc>) -> Result<usize, Failure> {
        if !self.behaviour.scrobble_enabled {
            return Ok(0);
        }
        let mut woken = 0;
        for service in &self.behaviour.services {
            let mut wakes = Vec::new();
            for shard in due_shards() {
                for key in self
                    .table
                    .due(
                        service.name(),
                        shard,
                        now + self.behaviour.tick,
                        A_SHARD,
                        None,
                    )
                    .await?
                {
                    let Some(user) = key.user() else { continue };
                    if self
                        .table
                        .move_due(&key, key.due_at, now + LOOK_AGAIN)
                        .await?
                    {
                        let wait = (key.due_at - now).to_std().unwrap_or(Duration::ZERO);
                        wakes.push((Wake::deliver(user, *service, Vec::new()), wait));
                    }
                }
            }
            woken += wakes.len();
            self.queues.send_wakes(&wakes).await?;
        }
        Ok(woken)
    }
}
