#![doc = include_str!("../README.md")]

mod anime;
mod assemble;
mod budget;
mod circuit;
mod gather;
mod lane;
mod live;
mod place;
mod recover;
mod refresh;
mod settle;
mod standing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use hub_domain::session::SessionKey;
use hub_domain::{ParcelId, Service, Thresholds, UserId, retry};
use hub_providers::Provider;
use hub_runtime::queue::{self, Deadline, NotUnderstood, Panicked, Queues, SendError, Wake};
use hub_runtime::{Clock, HttpClient, Sealing};
use hub_store::{StoreError, Table};
use url::Url;

/// How long a holder may keep a lane: longer than the function may run.
pub const LEASE: TimeDelta = TimeDelta::seconds(120);
/// How long a wake-up that finds its lane held waits before it looks again.
const BUSY: TimeDelta = TimeDelta::seconds(2);
/// How long a call to a service and what follows from its answer may take: nothing that would outlive the function is
/// begun.
const A_CALL: TimeDelta = TimeDelta::seconds(70);
/// The longest delay of a message; longer waits are the table's.
const LONGEST_DELAY: TimeDelta = TimeDelta::minutes(15);

/// What the function decides by.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// Whether anything is sent at all.
    pub scrobble_enabled: bool,
    /// When a failed delivery is tried again.
    pub retry: retry::Policy,
    /// How much has to be played, where neither user nor connection says otherwise.
    pub thresholds: Thresholds,
    /// Whether this process is the only one over its table, as on one machine.
    pub is_alone: bool,
    /// The address that refreshing tokens has to name.
    pub redirect: Url,
}

/// The function, connected to its one service.
#[derive(Clone)]
pub struct Worker {
    table: Table,
    queues: Queues,
    clock: Clock,
    provider: Arc<Provider>,
    sealing: Sealing,
    notices: HttpClient,
    behaviour: Behaviour,
    failures: Arc<circuit::Failures>,
    atlas: place::Atlas,
    deadline: Option<Deadline>,
}

/// Why a wake-up could not be handled now, and has to come again.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The table did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A wake-up was not taken.
    #[error(transparent)]
    Send(#[from] SendError),
    /// What was written down cannot be read.
    #[error("what was written down to be sent cannot be read")]
    Frozen(#[from] serde_json::Error),
    /// The tokens cannot be opened with any key there is.
    #[error("the tokens cannot be opened")]
    Sealed(#[from] hub_runtime::sealing::OpenError),
    /// A release newer than this one wrote it.
    #[error(transparent)]
    Newer(#[from] NotUnderstood),
    /// The code panicked over it.
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

/// What the wake-ups of one batch say of one user's lane.
#[derive(Debug, Default)]
struct Call {
    records: Vec<String>,
    parcels: Vec<ParcelId>,
    slot: Option<DateTime<Utc>>,
    most: Option<u32>,
    hops: u32,
    wakes_lane: bool,
    refreshes: bool,
    live: BTreeMap<SessionKey, (u64, DateTime<Utc>)>,
}

impl Worker {
    fn service(&self) -> Service {
        self.provider.service()
    }

    /// Handles a batch of wake-ups: each lane once, whatever number of them named it.
    pub async fn handle(&self, event: SqsEvent) -> SqsBatchResponse {
        self.handle_until(event, Deadline::from(self.clock.now()))
            .await
    }

    /// The same in an invocation that ends then: no call is begun that may outlive it.
    pub async fn handle_until(&self, event: SqsEvent, deadline: Deadline) -> SqsBatchResponse {
        let worker = Self {
            deadline: Some(deadline),
            ..self.clone()
        };
        worker.handle_batch(event).await
    }

    /// Says whether a call to the service can still be begun in this invocation.
    fn has_time(&self) -> bool {
        self.deadline
            .is_none_or(|deadline| deadline.leaves(A_CALL, self.clock.now()))
    }

    async fn handle_batch(&self, event: SqsEvent) -> SqsBatchResponse {
        let mut newer = Vec::new();
        let mut calls: BTreeMap<UserId, Call> = BTreeMap::new();
        let mut probes: BTreeMap<String, (UserId, Vec<String>)> = BTreeMap::new();
        for record in event.records {
            let id = record.message_id.unwrap_or_default();
            match queue::read_wake(record.body.as_deref().unwrap_or_default()) {
                Ok(Wake::Deliver {
                    user,
                    parcels,
                    slot,
                    most,
                    hops,
                    ..
                }) => {
                    let call = calls.entry(user).or_default();
                    call.records.push(id);
                    call.parcels.extend(parcels);
                    call.slot = call.slot.max(slot);
                    call.most = call.most.or(most);
                    call.hops = call.hops.max(hops);
                    call.wakes_lane = true;
                }
                Ok(Wake::Live {
                    user,
                    session,
                    sequence,
                    at,
                    ..
                }) => {
                    let call = calls.entry(user).or_default();
                    call.records.push(id);
                    let newest = call.live.entry(session).or_insert((sequence, at));
                    *newest = (*newest).max((sequence, at));
                }
                Ok(Wake::Refresh { user, .. }) => {
                    let call = calls.entry(user).or_default();
                    call.records.push(id);
                    call.refreshes = true;
                }
                Ok(Wake::Probe { host, user, .. }) => {
                    probes
                        .entry(host)
                        .or_insert_with(|| (user, Vec::new()))
                        .1
                        .push(id);
                }
                // A release that was rolled back may be here again tomorrow, and finds it.
                Err(error) if error.waits_for_a_newer_release() => {
                    newer.push((Err(error.into()), vec![id]));
                }
                // The truth is in the table, and the sweep finds it; this message will never be understood.
                Err(error) => {
                    tracing::error!(message.id = %id, error = &error as &dyn std::error::Error, "wake-up not understood, dropped");
                }
            }
        }
        let mut lanes = Vec::with_capacity(calls.len());
        for (user, call) in calls {
            lanes.push(self.call_of(user, call));
        }
        let mut looks = Vec::with_capacity(probes.len());
        for (host, (user, records)) in probes {
            looks.push(self.probe_of(host, user, records));
        }
        let (lanes, probes) = futures_util::future::join(join_all(lanes), join_all(looks)).await;
        let mut response = SqsBatchResponse::default();
        for (result, records) in lanes.into_iter().chain(probes).chain(newer) {
            if let Err(failure) = result {
                tracing::error!(error = &failure as &dyn std::error::Error, service.name = %self.service(), "wake-up kept for another try");
                response
                    .batch_item_failures
                    .extend(records.into_iter().map(|record| {
                        let mut failure = BatchItemFailure::default();
                        failure.item_identifier = record;
                        failure
                    }));
            }
        }
        response
    }

    async fn call_of(&self, user: UserId, call: Call) -> (Result<(), Failure>, Vec<String>) {
        let records = call.records.clone();
        // Boxed: what it awaits would otherwise lie, level by level, on the stack of whoever calls.
        let called = queue::caught(Box::pin(self.call(user, call))).await;
        (called.map_err(Failure::from).flatten(), records)
    }

    async fn probe_of(
        &self,
        host: String,
        user: UserId,
        records: Vec<String>,
    ) -> (Result<(), Failure>, Vec<String>) {
        let probed = queue::caught(self.probe(&host, user)).await;
        (probed.map_err(Failure::from).flatten(), records)
    }

    async fn call(&self, user: UserId, call: Call) -> Result<(), Failure> {
        if call.refreshes {
            self.refresh_ahead(user).await?;
        }
        // Parcels first: a signal of what is on now must not overtake what it would follow.
        if call.wakes_lane {
            self.work(user, call.parcels, call.slot, call.most, call.hops)
                .await?;
        }
        for (session, (sequence, at)) in call.live {
            if !self.has_time() {
                // Never told late: the next change says more than this one would by then.
                break;
            }
            self.show(user, &session, sequence, at).await?;
        }
        Ok(())
    }

    /// Wakes a lane again after a while; waits longer than a message can are left to the lane's due entry.
    async fn wake_later(&self, later: Later, at: DateTime<Utc>) -> Result<(), Failure> {
        let Later {
            user,
            parcels,
            slot,
            most,
            hops,
        } = later;
        let service = self.service();
        let wait = at - self.clock.now();
        if wait > LONGEST_DELAY {
            self.table.put_open_many(user, service, &parcels).await?;
            self.table.set_lane_due(user, service, at).await?;
            return Ok(());
        }
        let wake = Wake::Deliver {
            v: queue::VERSION,
            user,
            service,
            parcels,
            slot,
            most,
            hops: hops + 1,
        };
        self.queues.send_wakes(&[(wake, wait_of(wait))]).await?;
        Ok(())
    }
}

/// What a wake-up passes on to the next.
#[derive(Debug)]
struct Later {
    user: UserId,
    parcels: Vec<ParcelId>,
    slot: Option<DateTime<Utc>>,
    most: Option<u32>,
    hops: u32,
}

/// A wait as messages know it; what lies in the past is no wait.
fn wait_of(wait: TimeDelta) -> Duration {
    wait.to_std().unwrap_or(Duration::ZERO)
}
