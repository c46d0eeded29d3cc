//! Who is at work in a lane: somebody, nobody, or somebody who was not heard of again.

use chrono::{DateTime, Utc};
use hub_domain::{Outcome, Play, PlayId};
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
    /// Somebody was, and left these plays of a request unsettled.
    Unfinished(Box<Prepared>, Vec<Play>),
}

impl Worker {
    /// Says how a lane stands, and what of it the next holder has to know.
    ///
    /// A holder whose request went through writes nothing more than the settlements, so the plays decide: a request of
    /// which every play is settled is through, and its lane free, whatever its lease says. A holder that is still at
    /// it then can only be one whose plays others settled or erased meanwhile; what it settles late meets its match in
    /// the play, and the lane in the version.
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
        let ids: Vec<PlayId> = prepared
            .plays
            .iter()
            .map(|sent| sent.play.clone())
            .collect();
        let plays = self.table.plays(stored.connection.user, &ids).await?;
        let delivery = |play: &Play| play.deliveries.get(&self.service()).cloned();
        let answered_at = plays
            .iter()
            .filter_map(|play| delivery(play)?.settled_at)
            .max();
        let unsettled: Vec<Play> = plays
            .into_iter()
            .filter(|play| delivery(play).is_some_and(|delivery| !delivery.state.is_settled()))
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

/// Says whether the service has every play of a request.
pub(crate) fn is_taken(prepared: &Prepared, outcomes: &[(PlayId, Outcome)]) -> bool {
    prepared.plays.iter().all(|sent| {
        outcomes.iter().any(|(play, outcome)| {
            *play == sent.play
                && matches!(
                    outcome,
                    Outcome::Delivered { .. } | Outcome::AlreadyThere { .. }
                )
        })
    })
}
