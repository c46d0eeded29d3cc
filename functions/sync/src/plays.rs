//! Plays that are still open long after their wake-up was sent: it was lost, or their lane waits.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::delivery::State;
use hub_domain::{Delivery, PlayId, Service, UserId};
use hub_runtime::queue::Wake;

use crate::{A_SHARD, Failure, Sync, due_shards};

/// How soon an open play is looked at again. Once woken it waits in its lane, which has an entry of its own.
const LOOK_AGAIN: TimeDelta = TimeDelta::hours(24);
/// The most plays that one wake-up names.
const MOST_PLAYS: usize = 100;

impl Sync {
    /// Wakes every lane at which a due play could be sent; each lane once, whatever number of its plays is due.
    pub(crate) async fn wake_plays(&self, now: DateTime<Utc>) -> Result<usize, Failure> {
        if !self.behaviour.scrobble_enabled {
            return Ok(0);
        }
        let mut lanes: BTreeMap<(UserId, Service), Vec<PlayId>> = BTreeMap::new();
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
                if !play.is_open() {
                    self.table.clear_due(&key).await?;
                    continue;
                }
                if self
                    .table
                    .move_due(&key, key.due_at, now + LOOK_AGAIN)
                    .await?
                {
                    for (service, _) in play
                        .deliveries
                        .iter()
                        .filter(|(_, delivery)| is_ready(delivery, now))
                    {
                        lanes.entry((user, *service)).or_default().push(id.clone());
                    }
                }
            }
        }
        let mut wakes = Vec::new();
        for ((user, service), plays) in &lanes {
            for plays in plays.chunks(MOST_PLAYS) {
                wakes.push((
                    Wake::deliver(*user, *service, plays.to_vec()),
                    Duration::ZERO,
                ));
            }
        }
        self.queues.send_wakes(&wakes).await?;
        Ok(lanes.values().map(Vec::len).sum())
    }
}

/// Says whether a delivery could be sent now.
fn is_ready(delivery: &Delivery, now: DateTime<Utc>) -> bool {
    match delivery.state {
        State::Pending => true,
        State::Waiting => delivery.next_attempt_at.is_some_and(|at| at <= now),
        State::Held
        | State::Sending
        | State::InDoubt
        | State::Delivered
        | State::AlreadyThere
        | State::Ignored
        | State::NotFound
        | State::Refused => false,
    }
}
