//! A lane whose holder wrote down what it was about to send, and was not heard of again.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Parcel, ParcelId, Play, UserId};
use hub_providers::{IfLost, Prepared};
use hub_store::{Frozen, Lane, LaneTaken, Release, StoredConnection};

use crate::lane::{Held, Next, account, next_holder};
use crate::refresh::Refreshed;
use crate::{BUSY, Failure, LEASE, Worker};

/// How long to wait before a failed read-back is tried again.
const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(1);

impl Worker {
    /// Finishes what an earlier holder began: repeats it byte for byte, looks whether it arrived, or leaves it visible.
    pub(crate) async fn recover(
        &self,
        user: UserId,
        stored: &StoredConnection,
        lane: &Lane,
        prepared: Prepared,
        unsettled: Vec<Parcel>,
        now: DateTime<Utc>,
    ) -> Result<Next, Failure> {
        let url = stored.connection.url.as_deref();
        let if_lost = self.provider().if_lost(&prepared, url);
        if let IfLost::LookAfter(wait) = if_lost {
            // The service may still be at it: only what it has finished can be seen.
            let finished = lane.frozen_at.unwrap_or(prepared.prepared_at) + wait;
            if finished > now {
                return Ok(Next::At(finished));
            }
        }
        if let IfLost::Repeat = if_lost
            && let Some(at) = self.earliest(&unsettled, now)
        {
            return Ok(Next::At(at));
        }
        let holder = next_holder();
        // What is written down stays as it is, its time included.
        let taken = self
            .table
            .take_lane(
                user,
                self.service(),
                lane.version,
                &holder,
                now + LEASE,
                Frozen::Stays,
            )
            .await?;
        if let LaneTaken::Busy = taken {
            return Ok(Next::At(now + BUSY));
        }
        let held = Held {
            user,
            stored,
            lane,
            holder: &holder,
            now,
        };
        match if_lost {
            IfLost::Repeat => self.send(&held, &unsettled, prepared).await,
            IfLost::StaysInDoubt => {
                let doubtful = self.doubtful(&unsettled, &prepared, now);
                self.write(user, doubtful).await?;
                self.let_go(&held, Release::default()).await?;
                Ok(Next::Again)
            }
            IfLost::LookAfter(_) => self.look(&held, &unsettled, &prepared).await,
        }
    }

    /// Asks the service which of the plays arrived; the others are open again, and are sent anew.
    async fn look(
        &self,
        held: &Held<'_>,
        parcels: &[Parcel],
        prepared: &Prepared,
    ) -> Result<Next, Failure> {
        let plays: Vec<Play> = parcels.iter().filter_map(Parcel::play).cloned().collect();
        let mut tokens = self.tokens(held.stored)?;
        let mut found = self
            .provider()
            .read_back(&account(held.stored, &tokens), prepared, &plays, held.now)
            .await;
        if found
            .as_ref()
            .is_err_and(hub_providers::ProviderError::is_auth)
        {
            match self.refresh(held.stored, held.now).await? {
                Refreshed::Tokens(fresh) => {
                    tokens = fresh;
                    found = self
                        .provider()
                        .read_back(&account(held.stored, &tokens), prepared, &plays, held.now)
                        .await;
                }
                Refreshed::Busy => return self.look_later(held, held.now + BUSY).await,
                Refreshed::Later(at) => return self.look_later(held, at).await,
                Refreshed::ReconnectRequired => {
                    self.let_go(
                        held,
                        Release {
                            keep_frozen: true,
                            ..Release::default()
                        },
                    )
                    .await?;
                    return Ok(Next::Done);
                }
            }
        }
        match found {
            Ok(found) => {
                let arrived: Vec<_> = found
                    .into_iter()
                    .filter_map(|(play, outcome)| Some((ParcelId::from(play), outcome?)))
                    .collect();
                self.settle_all(held.user, parcels, &arrived, Some(prepared), held.now)
                    .await?;
                // What did not arrive has waited long enough, and is sent as soon as the lane is free.
                let mut ready = Vec::new();
                for parcel in parcels {
                    let Some(delivery) = parcel.delivery(self.service()) else {
                        continue;
                    };
                    if !arrived.iter().any(|(id, _)| *id == parcel.id()) {
                        let mut delivery = delivery.clone();
                        delivery.next_attempt_at = Some(held.now);
                        ready.push((parcel, delivery));
                    }
                }
                self.write(held.user, ready).await?;
                self.let_go(
                    held,
                    Release {
                        next_call_at: self.next_call_at(held),
                        ..Release::default()
                    },
                )
                .await?;
                Ok(Next::Again)
            }
            Err(error) => {
                tracing::warn!(
                    service.name = %self.service(), user.id = %held.user,
                    error = &error as &dyn std::error::Error, "could not look whether plays arrived"
                );
                let at = match error.disposition {
                    hub_domain::Disposition::RateLimited { until }
                    | hub_domain::Disposition::AccountPaused { until }
                    | hub_domain::Disposition::AddressBlocked { until } => until,
                    hub_domain::Disposition::Retryable
                    | hub_domain::Disposition::InDoubt
                    | hub_domain::Disposition::Auth
                    | hub_domain::Disposition::Permanent
                    | hub_domain::Disposition::NotFound
                    | hub_domain::Disposition::AppRefused => held.now + LOOK_AGAIN,
                };
                self.look_later(held, at).await
            }
        }
    }

    async fn look_later(&self, held: &Held<'_>, at: DateTime<Utc>) -> Result<Next, Failure> {
        let release = Release {
            keep_frozen: true,
            parked_until: Some(at),
            parked_why: Some("looks whether it arrived".to_owned()),
            due_at: Some(at),
            ..Release::default()
        };
        self.let_go(held, release).await?;
        Ok(Next::At(at))
    }

    /// When the first of the plays may be tried again, if none may now.
    fn earliest(&self, parcels: &[Parcel], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = parcels
            .iter()
            .filter_map(|parcel| parcel.delivery(self.service())?.next_attempt_at)
            .min()?;
        (next > now).then_some(next)
    }
}
