//! Tokens that end soon: their service's worker is woken to ask for the next pair.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hub_runtime::queue::{VERSION, Wake};

use crate::{A_SHARD, Failure, Sync, due_shards};

/// When a connection is looked at again whose wake-up was lost. New tokens bring an entry of their own.
const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(15);

impl Sync {
    /// Wakes the workers of the connections whose tokens are due to be refreshed.
    pub(crate) async fn refresh_tokens(&self, now: DateTime<Utc>) -> Result<usize, Failure> {
        let mut wakes = Vec::new();
        for shard in due_shards() {
            for key in self
                .table
                .due("connection", shard, now, A_SHARD, None)
                .await?
            {
                let (Some(user), Some(service)) = (key.user(), key.service()) else {
                    continue;
                };
                if self.behaviour.services.contains(&service)
                    && self
                        .table
                        .move_due(&key, key.due_at, now + LOOK_AGAIN)
                        .await?
                {
                    wakes.push((
                        Wake::Refresh {
                            v: VERSION,
                            user,
                            service,
                        },
                        Duration::ZERO,
                    ));
                }
            }
        }
        self.queues.send_wakes(&wakes).await?;
        Ok(wakes.len())
    }
}
