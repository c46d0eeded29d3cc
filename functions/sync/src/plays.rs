//! Plays and statements that are still open long after their wake-up was sent: it was lost, or their lane waits.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::delivery::State;
use hub_domain::{Delivery, Parcel, ParcelId, Service, UserId};
use hub_runtime::queue::Wake;
use hub_store::DueKey;

use crate::{A_SHARD, Failure, Sync, due_shards};

/// How soon an open parcel is looked at again. Once woken it waits in its lane, which has an entry of its own.
const LOOK_AGAIN: TimeDelta = TimeDelta::hours(24);
/// The most parcels that one wake-up names.
const MOST_PARCELS: usize = 100;

impl Sync {
    /// Wakes every lane at which a due parcel could be sent; each lane once, whatever number of its parcels is due.
    pub(crate) async fn wake_plays(&self, now: DateTime<Utc>) -> Result<usize, Failure> {
        if !self.behaviour.scrobble_enabled {
            return Ok(0);
        }
        let mut lanes: BTreeMap<(UserId, Service), Vec<ParcelId>> = BTreeMap::new();
        for shard in due_shards() {
            for key in self
                .table
                .due(hub_store::due::PLAY, shard, now, A_SHARD, None)
                .await?
            {
                let Some(user) = key.user() else { continue };
                let Some(parcel) = self.due_parcel(user, &key).await? else {
                    continue;
                };
                let ready: Vec<Service> = parcel
                    .deliveries()
                    .iter()
                    .filter(|(service, delivery)| {
                        is_ready(delivery, now)
                            || (delivery.state.is_settled() && parcel.is_open_at(**service))
                    })
                    .map(|(service, _)| *service)
                    .collect();
                let is_open = parcel
                    .deliveries()
                    .keys()
                    .any(|service| parcel.is_open_at(*service));
                if !is_open {
                    self.table.clear_due(&key).await?;
                    continue;
                }
                if self
                    .table
                    .move_due(&key, key.due_at, now + LOOK_AGAIN)
                    .await?
                {
                    for service in ready {
                        lanes.entry((user, service)).or_default().push(parcel.id());
                    }
                }
            }
        }
        let mut wakes = Vec::new();
        for ((user, service), parcels) in &lanes {
            for parcels in parcels.chunks(MOST_PARCELS) {
                wakes.push((
                    Wake::deliver(*user, *service, parcels.to_vec()),
                    Duration::ZERO,
                ));
            }
        }
        self.queues.send_wakes(&wakes).await?;
        Ok(lanes.values().map(Vec::len).sum())
    }

    /// The play, or what its user says, that an entry of the index is of.
    async fn due_parcel(&self, user: UserId, key: &DueKey) -> Result<Option<Parcel>, Failure> {
        if let Some(id) = key.play() {
            let play = self.table.play(user, &id).await?;
            return Ok(play.map(|play| Parcel::Play(Box::new(play))));
        }
        if key.is_statement() {
            let statement = self.table.due_statement(key).await?;
            return Ok(statement.map(|statement| Parcel::Statement(Box::new(statement))));
        }
        Ok(None)
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
        | State::Refused
        | State::Removed => false,
    }
}
