//! Who is at work in a lane: somebody, nobody, or somebody who was not heard of again.

use chrono::{DateTime, Utc};
use hub_domain::{Outcome, Parcel, ParcelId};
use hub_providers::{LimitScope, Prepared};
use hub_store::{Lane, StoredConnection};

use crate::lane::{apart, this_process};
use crate::{Failure, Worker};

/// How a lane stands.
#[derive(Debug, PartialEq)]
pub(crate) enum Standing {
    /// Nobody is at work there.
    Free,
    /// Somebody is.
    Held,
    /// Somebody was, and left these parcels of a request unsettled.
    Unfinished(Box<Prepared>, Vec<Parcel>),
}

impl Worker {
    /// Says how a lane stands, and what of it the next holder has to know.
    ///
    /// A holder whose request went through writes nothing more than the settlements, so the parcels decide: a request of
    /// which every one is settled is through, and its lane free, whatever its lease says. A holder that is still at it
    /// then can only be one whose parcels others settled or erased meanwhile; what it settles late meets its match in
    /// the parcel, and the lane in the version. A statement of which something newer was said is as good as settled:
    /// the newer one follows.
    pub(crate) async fn standing(
        &self,
        stored: &StoredConnection,
        mut lane: Lane,
        now: DateTime<Utc>,
    ) -> Result<(Lane, Standing), Failure> {
        let is_held = self.is_held(&lane, now);
        let Some(frozen) = &lane.frozen else {
            let standing = if is_held {
                Standing::Held
            } else {
                Standing::Free
            };
            return Ok((lane, standing));
        };
        let prepared: Prepared = serde_json::from_str(frozen)?;
        let ids: Vec<ParcelId> = prepared.parcels().collect();
        let parcels = self.parcels(stored.connection.user, &ids).await?;
        let answered_at = parcels
            .iter()
            .filter_map(|parcel| parcel.delivery(self.service())?.settled_at)
            .max();
        let unsettled: Vec<Parcel> = parcels
            .into_iter()
            .filter(|parcel| {
                let delivery = parcel.delivery(self.service());
                let is_open = delivery.is_some_and(|delivery| {
                    !delivery.state.is_settled() && delivery.undo == prepared.undo
                });
                is_open && is_version_of(parcel, &prepared)
            })
            .collect();
        if !unsettled.is_empty() {
            let standing = if is_held {
                Standing::Held
            } else {
                Standing::Unfinished(Box::new(prepared), unsettled)
            };
            return Ok((lane, standing));
        }
        lane.frozen = None;
        lane.frozen_at = None;
        let limit = self.provider().limit(stored.connection.url.as_deref());
        if let LimitScope::Account = limit.scope {
            let next = answered_at.map(|at| at + apart(&limit));
            lane.next_call_at = lane.next_call_at.max(next);
        }
        Ok((lane, Standing::Free))
    }

    /// Says whether somebody is at work in a lane.
    ///
    /// Where there is but one process, a holder of another one died with it: its lease holds nobody up.
    fn is_held(&self, lane: &Lane, now: DateTime<Utc>) -> bool {
        let may_live = !self.behaviour.is_alone
            || lane
                .holder
                .as_ref()
                .is_some_and(|holder| holder.starts_with(this_process()));
        may_live && lane.lease_until.is_some_and(|until| until > now)
    }
}

/// Says whether a request tells a statement as it stands; a play is never told otherwise.
fn is_version_of(parcel: &Parcel, prepared: &Prepared) -> bool {
    parcel.statement().is_none_or(|statement| {
        prepared
            .statements
            .iter()
            .any(|sent| sent.id == statement.id && sent.version == statement.version)
    })
}

/// Says whether the service has every parcel of a request.
pub(crate) fn is_taken(prepared: &Prepared, outcomes: &[(ParcelId, Outcome)]) -> bool {
    prepared.parcels().all(|sent| {
        outcomes.iter().any(|(parcel, outcome)| {
            *parcel == sent
                && matches!(
                    outcome,
                    Outcome::Delivered { .. } | Outcome::AlreadyThere { .. }
                )
        })
    })
}
