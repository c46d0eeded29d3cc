//! The circuit of each host: when a service is down, its lanes rest, one probe looks, and its return does not stampede.
//!
//! Failures are counted in memory and written only to open or close. One user's failures never open it: they may be
//! the user's (a dead compatible server, a body that breaks the service).

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{UserId, retry};
use hub_providers::ProviderError;
use hub_runtime::queue::{VERSION, Wake};
use hub_store::StoredConnection;

use crate::lane::Held;
use crate::{Failure, Worker, wait_of};

/// How many failures in a row, of how many users, open a circuit.
const FAILURES: usize = 4;
const USERS: usize = 2;
/// How often an open circuit is probed.
pub(crate) const PROBE_EVERY: TimeDelta = TimeDelta::seconds(15);
/// A probe that is this late was lost: whoever notices looks instead.
const PROBE_LOST: TimeDelta = TimeDelta::minutes(2);
/// While the circuit is open a lane is due once, this far ahead; its closing brings it forward.
const RESTS: TimeDelta = TimeDelta::hours(24);
/// The lanes that one closing (or one step of it) wakes at most.
const MOST_LANES: i32 = 2_000;
/// How far ahead lanes are woken by message; what lies further is the sweep's.
const AHEAD: TimeDelta = TimeDelta::minutes(3);

/// The failures in a row of each host.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<HashMap<String, Row>>);

#[derive(Debug, Default)]
struct Row {
    failures: usize,
    users: HashSet<UserId>,
}

impl Failures {
    /// The host answered, whatever it said.
    pub(crate) fn answered(&self, host: &str) {
        if let Ok(mut rows) = self.0.lock() {
            rows.remove(host);
        }
    }

    /// The host failed; returns when to come back if that opened its circuit.
    pub(crate) async fn failed(
        &self,
        worker: &Worker,
        held: &Held<'_>,
        host: &str,
        error: &ProviderError,
    ) -> Result<Option<DateTime<Utc>>, Failure> {
        let opens = self.0.lock().is_ok_and(|mut rows| {
            let row = rows.entry(host.to_owned()).or_default();
            row.failures += 1;
            if row.users.len() < USERS {
                row.users.insert(held.user);
            }
            row.failures >= FAILURES && row.users.len() >= USERS
        });
        if !opens {
            return Ok(None);
        }
        self.answered(host);
        worker.open(host, held, &error.why).await.map(Some)
    }
}

impl Worker {
    /// Says whether nothing is to be sent to a host.
    pub(crate) async fn is_open(&self, host: &str) -> Result<bool, Failure> {
        Ok(self.table.circuit(host).await?.is_some())
    }

    /// When to come back, if the circuit of the connection's host is open.
    pub(crate) async fn closed_circuit_or_later(
        &self,
        stored: &StoredConnection,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Failure> {
        let host = self.provider().host(stored.connection.url.as_deref());
        let Some(circuit) = self.table.circuit(&host).await? else {
            return Ok(None);
        };
        if circuit.next_probe_at + PROBE_LOST < now {
            self.send_probe(&host, stored.connection.user, TimeDelta::zero())
                .await?;
        }
        Ok(Some(rests_until(stored.connection.user, now)))
    }

    async fn open(&self, host: &str, held: &Held<'_>, why: &str) -> Result<DateTime<Utc>, Failure> {
        let is_news = self
            .table
            .open_circuit(host, why, held.now + PROBE_EVERY, held.now)
            .await?;
        if is_news {
            tracing::error!(service.name = %self.service(), host, "the service is down: its deliveries rest until it answers");
            self.send_probe(host, held.user, PROBE_EVERY).await?;
        }
        Ok(rests_until(held.user, held.now))
    }

    async fn send_probe(&self, host: &str, user: UserId, wait: TimeDelta) -> Result<(), Failure> {
        let wake = Wake::Probe {
            v: VERSION,
            service: self.service(),
            host: host.to_owned(),
            user,
        };
        self.queues.send_wakes(&[(wake, wait_of(wait))]).await?;
        Ok(())
    }

    /// Looks whether a host answers again; if it does, wakes its lanes at the pace that its limit allows.
    pub(crate) async fn probe(&self, host: &str, user: UserId) -> Result<(), Failure> {
        let now = self.clock.now();
        let Some(circuit) = self.table.circuit(host).await? else {
            return self.release(host, user, now).await;
        };
        if !self
            .table
            .move_probe(host, circuit.next_probe_at, now + PROBE_EVERY)
            .await?
        {
            // Another prober is at it.
            return Ok(());
        }
        let answers = match self.table.connection(user, self.service()).await? {
            Some(stored) => {
                let tokens = self.tokens(&stored)?;
                let account = crate::lane::account(&stored, &tokens);
                match self.provider().identify(&account, now).await {
                    Ok(_) => true,
                    Err(error) => !error.is_failure_of_the_service(),
                }
            }
            // Its user is gone: let the next delivery find out.
            None => true,
        };
        if !answers {
            return self.send_probe(host, user, PROBE_EVERY).await;
        }
        self.table.close_circuit(host).await?;
        tracing::info!(service.name = %self.service(), host, "the service answers again");
        self.release(host, user, now).await
    }

    /// Brings the lanes that rest forward, oldest first, one after the other at the pace that the limit allows.
    async fn release(&self, host: &str, user: UserId, now: DateTime<Utc>) -> Result<(), Failure> {
        let limit = self.provider().limit(None);
        let pace = match limit.scope {
            hub_providers::LimitScope::Host => {
                limit.per / i32::try_from(limit.calls.max(1)).unwrap_or(i32::MAX)
            }
            // Accounts do not share a limit: only our own functions want to be spared.
            hub_providers::LimitScope::Account => TimeDelta::milliseconds(20),
        };
        let kind = self.service().name();
        // All of them: whichever waits for a reason of its own finds that out, and goes on waiting.
        let far = now + RESTS * 2;
        let mut resting = Vec::new();
        for shard in 0..hub_store::due::SHARDS {
            resting.extend(
                self.table
                    .due(kind, shard, far, MOST_LANES / 16, None)
                    .await?,
            );
        }
        resting.sort_by_key(|key| key.due_at);
        let mut wakes = Vec::new();
        let mut at = now;
        for key in &resting {
            let Some(lane) = key.user() else { continue };
            let by_message = at - now <= AHEAD;
            // Moved before it is woken, so that a lost message costs one sweep and no lane.
            let due_at = if by_message { at + AHEAD * 2 } else { at };
            if self.table.move_due(key, key.due_at, due_at).await? && by_message {
                let wake = Wake::deliver(lane, self.service(), Vec::new());
                wakes.push((wake, wait_of(at - now)));
            }
            at += pace;
        }
        self.queues.send_wakes(&wakes).await?;
        if resting.len() >= usize::try_from(MOST_LANES / 2).unwrap_or(usize::MAX) {
            self.send_probe(host, user, at - now).await?;
        }
        Ok(())
    }
}

/// When a lane whose service is down is looked at again, if nothing is heard before: spread, so that no crowd gathers.
fn rests_until(user: UserId, now: DateTime<Utc>) -> DateTime<Utc> {
    #[expect(clippy::cast_possible_truncation, reason = "seconds of an hour")]
    let spread = (retry::chance_of(&user.to_string()) * 3600.0) as i64;
    now + RESTS + TimeDelta::seconds(spread)
}
