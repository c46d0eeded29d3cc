//! Writing down what became of each delivery.

use chrono::{DateTime, Utc};
use futures_util::future::try_join_all;
use hub_domain::delivery::{AWAITS_LIBRARY, State};
use hub_domain::{Agreed, Delivery, Disposition, Health, Outcome, Parcel, ParcelId, UserId, retry};
use hub_providers::{IfLost, Prepared, ProviderError};
use hub_runtime::notices::{Notice, NoticeKind};
use hub_store::{Freshness, Release, StoredConnection};

use crate::lane::{Held, Next};
use crate::{Failure, Worker};

/// How many parcels are written at once.
const AT_ONCE: usize = 16;
/// How long the hub waits before it asks again whether a service has let the application in again.
const OPERATOR: chrono::TimeDelta = chrono::TimeDelta::hours(1);
/// How long the hub waits before it looks again whether somebody has named an item; naming it wakes its lane anyway.
const LIBRARY: chrono::TimeDelta = chrono::TimeDelta::hours(6);

impl Worker {
    /// Settles what was answered for each parcel, and says when the first of those that wait is ready.
    pub(crate) async fn settle_all(
        &self,
        user: UserId,
        parcels: &[Parcel],
        outcomes: &[(ParcelId, Outcome)],
        prepared: Option<&Prepared>,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Failure> {
        let mut settled = Vec::with_capacity(outcomes.len());
        for (id, outcome) in outcomes {
            let Some(parcel) = parcels.iter().find(|parcel| parcel.id() == *id) else {
                continue;
            };
            let Some(before) = parcel.delivery(self.service()) else {
                continue;
            };
            let mut after = before.answered(outcome, now);
            after.sent_watched_at = told(prepared, id).or(before.sent_watched_at);
            settled.push((parcel, after));
        }
        self.write(user, settled).await
    }

    /// Writes deliveries as they are now; returns when the first of those that wait is ready.
    pub(crate) async fn write(
        &self,
        user: UserId,
        deliveries: Vec<(&Parcel, Delivery)>,
    ) -> Result<Option<DateTime<Utc>>, Failure> {
        let service = self.service();
        let waits = deliveries
            .iter()
            .filter_map(|(_, delivery)| delivery.next_attempt_at)
            .min();
        let (closed, open): (Vec<_>, Vec<_>) = deliveries
            .iter()
            .partition(|(_, delivery)| delivery.state.is_settled());
        // Written as open before the parcel says that it waits: the lane's holder looks there.
        let open: Vec<ParcelId> = open.into_iter().map(|(parcel, _)| parcel.id()).collect();
        if !open.is_empty() {
            self.table.put_open_many(user, service, &open).await?;
        }
        for some in deliveries.chunks(AT_ONCE) {
            let mut writes = Vec::with_capacity(some.len());
            for (parcel, delivery) in some {
                writes.push(self.write_one(user, parcel, delivery));
            }
            try_join_all(writes).await?;
        }
        // Only what was tried before, or is taken back, has an entry; deleting what is not there would cost a write for
        // nothing.
        let was_open = |parcel: &Parcel| {
            parcel.delivery(service).is_some_and(|delivery| {
                delivery.state != State::Pending || delivery.attempts > 0 || delivery.undo
            })
        };
        let closed: Vec<ParcelId> = closed
            .into_iter()
            .filter(|(parcel, _)| was_open(parcel))
            .map(|(parcel, _)| parcel.id())
            .collect();
        if !closed.is_empty() {
            self.table.delete_open_many(user, service, &closed).await?;
        }
        Ok(waits)
    }

    async fn write_one(
        &self,
        user: UserId,
        parcel: &Parcel,
        delivery: &Delivery,
    ) -> Result<(), Failure> {
        let service = self.service();
        let others_open = parcel
            .deliveries()
            .keys()
            .any(|other| *other != service && parcel.is_open_at(*other));
        let still_open = others_open || !delivery.state.is_settled();
        match parcel {
            Parcel::Play(play) => {
                self.table
                    .update_delivery(user, &play.id, service, delivery, still_open)
                    .await?
            }
            Parcel::Statement(statement) => {
                let is_taken = matches!(delivery.state, State::Delivered | State::AlreadyThere);
                let agreed = is_taken.then(|| Agreed {
                    says: statement.says.clone(),
                    at: delivery.settled_at.unwrap_or_else(|| self.clock.now()),
                });
                self.table
                    .settle_statement(statement, service, delivery, agreed.as_ref(), still_open)
                    .await?
            }
        };
        Ok(())
    }

    /// Decides what a failed request means for the parcels in it, for the lane, and for the connection.
    pub(crate) async fn failed(
        &self,
        held: &Held<'_>,
        parcels: &[Parcel],
        prepared: Prepared,
        error: &ProviderError,
    ) -> Result<Next, Failure> {
        let url = held.stored.connection.url.as_deref();
        let host = self.provider().host(url);
        let next_call_at = self.next_call_at(held);
        let release = |parked_until: Option<DateTime<Utc>>, why: &str| Release {
            next_call_at,
            parked_until,
            parked_why: parked_until.map(|_| why.to_owned()),
            // Should the wake-up that follows be lost, the sweep finds the lane.
            due_at: parked_until,
            spent: self.unspent(held.lane, held.now),
            ..Release::default()
        };
        match &error.disposition {
            Disposition::Retryable => {
                let opened = self.failures.failed(self, held, &host, error).await?;
                let waits = self.fail_each(held, parcels, &prepared, error).await?;
                // What is finished meanwhile joins the others: the lane is tried as one. Behind an open circuit it is
                // not parked as well, so that its closing can wake it.
                let parked = if opened.is_some() { None } else { waits };
                let mut leave = release(parked, "the service is in trouble");
                leave.due_at = opened.or(waits);
                self.let_go(held, leave).await?;
                Ok(match (opened, waits) {
                    (Some(_), _) => Next::Done,
                    (None, Some(at)) => Next::At(at),
                    (None, None) => Next::Again,
                })
            }
            Disposition::InDoubt => self.lost(held, parcels, prepared, error).await,
            Disposition::Permanent | Disposition::NotFound if prepared.len() > 1 => {
                // One of them is at fault, and a smaller batch finds it; under the limit, like every request.
                self.let_go(held, release(None, "")).await?;
                Ok(Next::Smaller(prepared.len() / 2))
            }
            Disposition::Permanent | Disposition::NotFound => {
                self.failures.answered(&host);
                self.fail_each(held, parcels, &prepared, error).await?;
                self.let_go(held, release(None, "")).await?;
                Ok(Next::Again)
            }
            Disposition::RateLimited { until } => {
                self.table.push_back(&host, "write", *until).await?;
                self.fail_each(held, parcels, &prepared, error).await?;
                self.let_go(held, release(Some(*until), "rate limit"))
                    .await?;
                Ok(Next::At(*until))
            }
            Disposition::AccountPaused { until } => {
                self.set_health(held, Health::AccountPaused, Some(&error.why))
                    .await?;
                self.fail_each(held, parcels, &prepared, error).await?;
                self.let_go(held, release(Some(*until), "account paused"))
                    .await?;
                Ok(Next::At(*until))
            }
            Disposition::AddressBlocked { until } => {
                self.set_health(held, Health::AddressBlocked, Some(&error.why))
                    .await?;
                self.table.push_back(&host, "write", *until).await?;
                self.fail_each(held, parcels, &prepared, error).await?;
                self.let_go(held, release(Some(*until), "address blocked"))
                    .await?;
                Ok(Next::At(*until))
            }
            Disposition::AppRefused => {
                self.set_health(held, Health::AppRefused, Some(&error.why))
                    .await?;
                self.fail_each(held, parcels, &prepared, error).await?;
                let until = held.now + OPERATOR;
                self.let_go(held, release(Some(until), "application refused"))
                    .await?;
                Ok(Next::At(until))
            }
            Disposition::Auth => {
                self.require_reconnect(held.stored, &error.why).await?;
                self.fail_each(held, parcels, &prepared, error).await?;
                self.let_go(held, release(None, "")).await?;
                Ok(Next::Done)
            }
        }
    }

    /// An answer was lost after the service may have taken the request.
    async fn lost(
        &self,
        held: &Held<'_>,
        parcels: &[Parcel],
        prepared: Prepared,
        error: &ProviderError,
    ) -> Result<Next, Failure> {
        let url = held.stored.connection.url.as_deref();
        self.failures
            .failed(self, held, &self.provider().host(url), error)
            .await?;
        match self.provider().if_lost(&prepared, url) {
            IfLost::StaysInDoubt => {
                let doubtful = self.doubtful(parcels, &prepared, held.now);
                self.write(held.user, doubtful).await?;
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
            // Both keep what was written down: to be repeated byte for byte, or to be looked for.
            IfLost::Repeat => {
                let waits = self.fail_each(held, parcels, &prepared, error).await?;
                let keep_frozen = waits.is_some();
                let until = waits;
                self.let_go(
                    held,
                    Release {
                        keep_frozen,
                        parked_until: until,
                        parked_why: until.map(|_| "the answer was lost".to_owned()),
                        due_at: until,
                        ..Release::default()
                    },
                )
                .await?;
                Ok(until.map_or(Next::Again, Next::At))
            }
            IfLost::LookAfter(wait) => {
                self.fail_each(held, parcels, &prepared, error).await?;
                let at = held.now + wait;
                let until = Some(at);
                self.let_go(
                    held,
                    Release {
                        keep_frozen: true,
                        parked_until: until,
                        parked_why: Some("looks whether it arrived".to_owned()),
                        due_at: until,
                        ..Release::default()
                    },
                )
                .await?;
                Ok(Next::At(at))
            }
        }
    }

    /// Parcels that may be at the service and cannot be read back: visible, and not sent again by themselves.
    pub(crate) fn doubtful<'p>(
        &self,
        parcels: &'p [Parcel],
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Vec<(&'p Parcel, Delivery)> {
        prepared
            .parcels()
            .filter_map(|sent| parcels.iter().find(|parcel| parcel.id() == sent))
            .filter_map(|parcel| {
                let mut delivery = parcel.delivery(self.service())?.clone();
                delivery.state = State::InDoubt;
                delivery.next_attempt_at = None;
                delivery.settled_at = Some(now);
                delivery.detail = Some(
                    "the answer was lost, and it cannot be seen whether the play arrived"
                        .to_owned(),
                );
                Some((parcel, delivery))
            })
            .collect()
    }

    /// Applies a failure of the whole request to each parcel in it.
    async fn fail_each(
        &self,
        held: &Held<'_>,
        parcels: &[Parcel],
        prepared: &Prepared,
        error: &ProviderError,
    ) -> Result<Option<DateTime<Utc>>, Failure> {
        let service = self.service();
        let mut failed = Vec::with_capacity(prepared.len());
        for sent in prepared.parcels() {
            let Some(parcel) = parcels.iter().find(|parcel| parcel.id() == sent) else {
                continue;
            };
            let Some(before) = parcel.delivery(service) else {
                continue;
            };
            // The lane is tried as one, so its parcels wait as one: the jitter is the lane's.
            let chance = retry::chance_of(&format!("{}{}{}", held.user, service, before.attempts));
            let policy = &self.behaviour.retry;
            let mut after = before.failed(
                &error.disposition,
                &error.why,
                policy,
                first_tried_at(parcel),
                held.now,
                chance,
            );
            after.sent_watched_at = told(Some(prepared), &sent).or(before.sent_watched_at);
            failed.push((parcel, after));
        }
        self.write(held.user, failed).await
    }

    /// Keeps parcels that cannot be sent now for when they can.
    pub(crate) async fn keep(
        &self,
        user: UserId,
        fresh: &[ParcelId],
        stored: &StoredConnection,
        _now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        if fresh.is_empty() {
            return Ok(());
        }
        let parcels = self.parcels(user, fresh).await?;
        let why = if stored.connection.settings.enabled {
            "waits until you connect the account again"
        } else {
            "waits until you switch the connection on again"
        };
        let service = self.service();
        let mut waiting = Vec::with_capacity(parcels.len());
        for parcel in &parcels {
            let Some(delivery) = parcel.delivery(service) else {
                continue;
            };
            if delivery.state.is_settled() || delivery.state == State::Held {
                continue;
            }
            let mut delivery = delivery.clone();
            delivery.state = State::Waiting;
            delivery.next_attempt_at = None;
            delivery.detail = Some(why.to_owned());
            waiting.push((parcel, delivery));
        }
        self.write(user, waiting).await?;
        Ok(())
    }

    /// Settles what the hub learned of before this account was connected, and takes them out of `ready`.
    ///
    /// It was meant for another account, or for none: only an export sends it here. Says whether there was any.
    pub(crate) async fn settle_older(
        &self,
        user: UserId,
        stored: &StoredConnection,
        ready: &mut Vec<Parcel>,
        now: DateTime<Utc>,
    ) -> Result<bool, Failure> {
        let from = stored.connection.deliver_from;
        if ready.iter().all(|parcel| parcel.created_at() >= from) {
            return Ok(false);
        }
        let (older, newer): (Vec<Parcel>, Vec<Parcel>) = std::mem::take(ready)
            .into_iter()
            .partition(|parcel| parcel.created_at() < from);
        *ready = newer;
        let why = Outcome::Ignored {
            why: "from before this account was connected".to_owned(),
        };
        let outcomes: Vec<_> = older
            .iter()
            .map(|parcel| (parcel.id(), why.clone()))
            .collect();
        self.settle_all(user, &older, &outcomes, None, now).await?;
        Ok(true)
    }

    /// Puts off parcels of which nothing is known but the media server's own id, and takes them out of `ready`.
    ///
    /// They wait from the moment they are made, and their lanes are woken once the library names them; here come only
    /// those that a person tries again. Says when the first of them is looked at again.
    pub(crate) async fn put_off_unnamed(
        &self,
        user: UserId,
        ready: &mut Vec<Parcel>,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Failure> {
        let service = self.service();
        let is_unnamed = |parcel: &Parcel| {
            let is_undone = parcel.delivery(service).is_some_and(|it| it.undo);
            !is_undone && parcel.awaits_library()
        };
        if !ready.iter().any(is_unnamed) {
            return Ok(None);
        }
        let (unnamed, named): (Vec<Parcel>, Vec<Parcel>) =
            std::mem::take(ready).into_iter().partition(is_unnamed);
        *ready = named;
        let wait = Outcome::Wait {
            until: now + LIBRARY,
            why: AWAITS_LIBRARY.to_owned(),
        };
        let outcomes: Vec<_> = unnamed
            .iter()
            .map(|parcel| (parcel.id(), wait.clone()))
            .collect();
        self.settle_all(user, &unnamed, &outcomes, None, now).await
    }

    /// Settles parcels whose connection is gone.
    pub(crate) async fn settle_disconnected(
        &self,
        user: UserId,
        fresh: &[ParcelId],
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let gathered = self.gather(user, fresh, Freshness::Now, now).await?;
        let why = Outcome::Ignored {
            why: "the account was disconnected".to_owned(),
        };
        let outcomes: Vec<_> = gathered
            .ready
            .iter()
            .map(|parcel| (parcel.id(), why.clone()))
            .collect();
        self.settle_all(user, &gathered.ready, &outcomes, None, now)
            .await?;
        Ok(())
    }

    /// Writes down how the connection is doing, if that has changed.
    pub(crate) async fn set_health(
        &self,
        held: &Held<'_>,
        health: Health,
        why: Option<&str>,
    ) -> Result<(), Failure> {
        if held.stored.connection.health != health {
            self.table
                .set_health(held.user, self.service(), health, why)
                .await?;
        }
        Ok(())
    }

    /// Parks a connection until its user signs in again, and tells them once.
    pub(crate) async fn require_reconnect(
        &self,
        stored: &StoredConnection,
        why: &str,
    ) -> Result<(), Failure> {
        let (user, service) = (stored.connection.user, self.service());
        // A late refusal of old tokens must not park a sign-in that was made meanwhile.
        let is_news = self
            .table
            .set_health(user, service, Health::ReconnectRequired, Some(why))
            .await?;
        if !is_news {
            return Ok(());
        }
        tracing::warn!(user.id = %user, service.name = %service, "the connection needs signing in again");
        let text = format!(
            "{} no longer accepts the hub's sign-in. Connect it again; your plays are kept and will be sent then.",
            service.title()
        );
        self.notify(user, NoticeKind::ReconnectRequired, text).await
    }

    /// Posts a notice to the address that the user named, if they named one.
    pub(crate) async fn notify(
        &self,
        user: UserId,
        kind: NoticeKind,
        text: String,
    ) -> Result<(), Failure> {
        let address = self
            .table
            .user(user)
            .await?
            .and_then(|user| user.settings.notification_url);
        if let Some(address) = address {
            let notice = Notice {
                kind,
                service: self.service(),
                text,
                at: self.clock.now(),
            };
            hub_runtime::notices::post_notice(&self.notices.client(), &address, &notice).await;
        }
        Ok(())
    }
}

/// The time that a play was told with, if it was in the request.
fn told(prepared: Option<&Prepared>, id: &ParcelId) -> Option<DateTime<Utc>> {
    let id = id.play()?;
    prepared?
        .plays
        .iter()
        .find(|sent| sent.play == *id)?
        .watched_at
}

/// From when on a parcel is tried: a play that was taken back begins anew.
fn first_tried_at(parcel: &Parcel) -> DateTime<Utc> {
    parcel
        .play()
        .and_then(|play| play.removed_at)
        .unwrap_or_else(|| parcel.created_at())
}
