//! Working a lane: gather, reserve a turn, write down, send, settle, let go.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::anime::progress::Rules;
use hub_domain::{Health, Outcome, Parcel, ParcelId, UserId};
use hub_providers::{
    Account, Context, Limit, LimitScope, Placed, Prepared, Provider, ProviderError, Tokens,
};
use hub_store::{Freshness, Frozen, Lane, LaneTaken, Release, StoredConnection};

use crate::anime::Surveyed;
use crate::refresh::Refreshed;
use crate::standing::{Standing, is_taken};
use crate::{BUSY, Failure, LEASE, Later, Worker};

/// The most requests that one wake-up sends before it lets others have the function.
const MOST_ROUNDS: usize = 4;
/// A window of the service's may begin in the middle of one of our seconds, since messages wait whole seconds.
const QUANTUM: TimeDelta = TimeDelta::seconds(1);

/// What is to be done with a lane after a round.
pub(crate) enum Next {
    /// Nothing more.
    Done,
    /// Another round.
    Again,
    /// Another round, with at most so many parcels in a request: a larger one was refused.
    Smaller(usize),
    /// Come back then.
    At(DateTime<Utc>),
}

/// The lane, while it is held.
pub(crate) struct Held<'a> {
    pub(crate) user: UserId,
    pub(crate) stored: &'a StoredConnection,
    /// As it was before it was taken.
    pub(crate) lane: &'a Lane,
    pub(crate) holder: &'a str,
    pub(crate) now: DateTime<Utc>,
}

impl Worker {
    /// Works the lane of a user.
    pub(crate) async fn work(
        &self,
        user: UserId,
        fresh: Vec<ParcelId>,
        mut slot: Option<DateTime<Utc>>,
        most: Option<u32>,
        hops: u32,
    ) -> Result<(), Failure> {
        if !self.behaviour.scrobble_enabled {
            // What they carry is in the table, and the sweep wakes their lanes once sending is switched on again.
            return Ok(());
        }
        let mut most = most;
        for _ in 0..MOST_ROUNDS {
            if !self.has_time() {
                break;
            }
            // Boxed: with all that a round awaits it is too large for the stack of whoever calls.
            let round = Box::pin(self.round(user, &fresh, slot.take(), most, hops));
            match round.await? {
                Next::Done => return Ok(()),
                Next::Again => most = None,
                Next::Smaller(parcels) => most = u32::try_from(parcels).ok(),
                Next::At(at) => {
                    // Whoever only found the lane or its tokens busy wrote nothing down: its parcels come along.
                    let is_soon = at - self.clock.now() <= BUSY;
                    let parcels = if is_soon { fresh } else { Vec::new() };
                    return self
                        .wake_later(
                            Later {
                                user,
                                parcels,
                                slot: None,
                                most,
                                hops,
                            },
                            at,
                        )
                        .await;
                }
            }
        }
        self.wake_later(
            Later {
                user,
                parcels: fresh,
                slot: None,
                most,
                hops,
            },
            self.clock.now(),
        )
        .await
    }

    async fn round(
        &self,
        user: UserId,
        fresh: &[ParcelId],
        slot: Option<DateTime<Utc>>,
        most: Option<u32>,
        hops: u32,
    ) -> Result<Next, Failure> {
        let now = self.clock.now();
        let service = self.service();
        let Some(stored) = self.table.connection(user, service).await? else {
            self.settle_disconnected(user, fresh, now).await?;
            return Ok(Next::Done);
        };
        if !stored.connection.settings.enabled
            || stored.connection.health == Health::ReconnectRequired
        {
            self.keep(user, fresh, &stored, now).await?;
            return Ok(Next::Done);
        }
        // Before the lane is taken: what cannot be opened would leave it held, each wake-up behind it would come back
        // as a new message every two seconds, and none would ever get to the dead letters.
        self.tokens(&stored)?;
        if let Some(later) = self.closed_circuit_or_later(&stored, now).await? {
            self.table.put_open_many(user, service, fresh).await?;
            self.table.set_lane_due(user, service, later).await?;
            return Ok(Next::Done);
        }
        let read = self.table.lane(user, service).await?;
        let (lane, standing) = self.standing(&stored, read, now).await?;
        if standing == Standing::Held {
            self.wake_later(
                Later {
                    user,
                    parcels: fresh.to_vec(),
                    slot,
                    most,
                    hops,
                },
                now + BUSY,
            )
            .await?;
            return Ok(Next::Done);
        }
        if lane.parked_until.is_some_and(|until| until > now) {
            // Whoever parked it left an entry for the sweep with it, so the lane is looked at when it may go on.
            self.table.put_open_many(user, service, fresh).await?;
            return Ok(Next::Done);
        }
        if let Standing::Unfinished(prepared, parcels) = standing {
            return self
                .recover(user, &stored, &lane, *prepared, parcels, now)
                .await;
        }
        // A wake-up that names parcels comes for these, and nothing else is expected in a lane that is not due: should an
        // entry of this moment be missed, the wake-up that is its own finds it.
        let freshness = if fresh.is_empty() || lane.due_at.is_some() {
            Freshness::Now
        } else {
            Freshness::Lately
        };
        let mut gathered = self.gather(user, fresh, freshness, now).await?;
        let is_older = self
            .settle_older(user, &stored, &mut gathered.ready, now)
            .await?;
        let unnamed = self.put_off_unnamed(user, &mut gathered.ready, now).await?;
        gathered.next_at = earlier(gathered.next_at, unnamed);
        if let Some(most) = most.and_then(|most| usize::try_from(most).ok()) {
            gathered.more |= gathered.ready.len() > most;
            gathered.ready.truncate(most.max(1));
        }
        let put_back = self
            .leave_room_for_today(user, &lane, &mut gathered.ready, now)
            .await?;
        gathered.next_at = earlier(gathered.next_at, put_back);
        if gathered.ready.is_empty() {
            if let Some(due_at) = lane.due_at
                && gathered.next_at.is_none()
                && !gathered.more
            {
                // A holder that died behind its last settlement left the entry, and nobody else takes it out.
                self.table.clear_lane_due(user, service, due_at).await?;
            }
            let more = if is_older && gathered.more {
                Next::Again
            } else {
                Next::Done
            };
            return Ok(gathered.next_at.map_or(more, Next::At));
        }
        let url = stored.connection.url.as_deref();
        let mut slot = slot;
        let mut placed = Placed::new();
        let mut put_off = None;
        let mut time_zone = chrono_tz::Tz::UTC;
        if self.service().catalogue().is_some() {
            let placing = self.place_all(&stored, &mut gathered.ready, now).await?;
            put_off = placing.put_off;
            if gathered.ready.is_empty() {
                let later = earlier(gathered.next_at, put_off).map_or(Next::Done, Next::At);
                return Ok(if gathered.more { Next::Again } else { later });
            }
            if !placing.found.is_empty() {
                // Asking what stands there and telling what is new are one turn.
                if let Some(at) = self.turn(&lane, url, slot.take(), now).await? {
                    let later = Later {
                        user,
                        parcels: fresh.to_vec(),
                        slot: Some(at),
                        most,
                        hops,
                    };
                    self.wake_later(later, at).await?;
                    return Ok(Next::Done);
                }
                slot = Some(now);
                let surveyed = self
                    .survey(&stored, &lane, &gathered.ready, placing.found, now)
                    .await?;
                placed = match surveyed {
                    Surveyed::Placed(placed) => placed,
                    Surveyed::Failed(next) => return Ok(next),
                };
            }
            time_zone = self.time_zone(user).await?;
        }
        let context = Context {
            account_url: url,
            placed: &placed,
            rules: Rules {
                rewatches: stored.connection.settings.rewatches,
            },
            time_zone,
        };
        let preparation = self.provider.prepare(&gathered.ready, &context, now);
        let settled_at_once = self
            .settle_all(user, &gathered.ready, &preparation.settled, None, now)
            .await?;
        put_off = earlier(put_off, settled_at_once);
        let Some(prepared) = preparation.prepared else {
            let later = earlier(gathered.next_at, put_off).map_or(Next::Done, Next::At);
            return Ok(if preparation.left.is_empty() {
                later
            } else {
                Next::Again
            });
        };
        if let Some(at) = self.turn(&lane, url, slot, now).await? {
            self.wake_later(
                Later {
                    user,
                    parcels: fresh.to_vec(),
                    slot: Some(at),
                    most,
                    hops,
                },
                at,
            )
            .await?;
            return Ok(Next::Done);
        }
        if !self.has_time() {
            // The turn was reserved for this moment: whoever comes next uses it.
            let slot = Some(self.clock.now());
            self.wake_later(
                Later {
                    user,
                    parcels: fresh.to_vec(),
                    slot,
                    most,
                    hops,
                },
                now,
            )
            .await?;
            return Ok(Next::Done);
        }
        let more = !preparation.left.is_empty() || gathered.more;
        let next = self
            .send_held(user, &stored, &lane, &gathered.ready, prepared, now)
            .await?;
        Ok(match next {
            Next::Done if more => Next::Again,
            Next::Done => earlier(gathered.next_at, put_off).map_or(Next::Done, Next::At),
            other @ (Next::Again | Next::Smaller(_) | Next::At(_)) => other,
        })
    }

    /// The moment at which the limit lets this lane send, if that is not now. A turn once reserved is kept.
    async fn turn(
        &self,
        lane: &Lane,
        url: Option<&str>,
        slot: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Failure> {
        let limit = self.provider.limit(url);
        match limit.scope {
            // One holder works a lane at a time, so an account's limit needs no item of its own.
            LimitScope::Account => Ok(lane.next_call_at.filter(|next| *next > now)),
            LimitScope::Host => {
                if let Some(slot) = slot {
                    return Ok(Some(slot).filter(|slot| *slot > now));
                }
                let cost =
                    (limit.per + QUANTUM) / i32::try_from(limit.calls.max(1)).unwrap_or(i32::MAX);
                let slot = self
                    .table
                    .reserve(&self.provider.host(url), "write", cost, now)
                    .await?;
                Ok(Some(slot).filter(|slot| *slot > now))
            }
        }
    }

    /// Takes the lane with what is to be sent written down, sends it, settles it, and lets the lane go.
    pub(crate) async fn send_held(
        &self,
        user: UserId,
        stored: &StoredConnection,
        lane: &Lane,
        parcels: &[Parcel],
        prepared: Prepared,
        now: DateTime<Utc>,
    ) -> Result<Next, Failure> {
        let holder = next_holder();
        let frozen = serde_json::to_string(&prepared)?;
        let lease_until = now + LEASE;
        let frozen = Frozen::Is(&frozen, now);
        let taken = self
            .table
            .take_lane_spending(
                user,
                self.service(),
                lane.version,
                &holder,
                lease_until,
                frozen,
                self.spending(lane, prepared.plays.len(), now),
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
        self.send(&held, parcels, prepared).await
    }

    /// Sends what is written down in a lane that is held.
    pub(crate) async fn send(
        &self,
        held: &Held<'_>,
        parcels: &[Parcel],
        prepared: Prepared,
    ) -> Result<Next, Failure> {
        let tokens = self.tokens(held.stored)?;
        let mut answer = self.ask(held, &tokens, &prepared).await;
        if answer.as_ref().is_err_and(ProviderError::is_auth) {
            match self.refresh(held.stored, held.now).await? {
                Refreshed::Tokens(fresh) => answer = self.ask(held, &fresh, &prepared).await,
                // Nothing was carried out, and no try is used up.
                Refreshed::Busy => {
                    self.let_go(held, Release::default()).await?;
                    return Ok(Next::At(held.now + BUSY));
                }
                Refreshed::Later(at) => {
                    let why = "the service did not renew the sign-in, it is asked again".to_owned();
                    let wait = Outcome::Wait { until: at, why };
                    let outcomes: Vec<_> =
                        prepared.parcels().map(|id| (id, wait.clone())).collect();
                    self.settle_all(held.user, parcels, &outcomes, Some(&prepared), held.now)
                        .await?;
                    self.let_go(held, Release::default()).await?;
                    return Ok(Next::At(at));
                }
                Refreshed::ReconnectRequired => {}
            }
        }
        match answer {
            Ok(outcomes) => self.answered(held, parcels, &prepared, &outcomes).await,
            Err(error) => self.failed(held, parcels, prepared, &error).await,
        }
    }

    async fn ask(
        &self,
        held: &Held<'_>,
        tokens: &Tokens,
        prepared: &Prepared,
    ) -> Result<Vec<(ParcelId, Outcome)>, ProviderError> {
        let account = account(held.stored, tokens);
        let started = self.clock.now();
        let answer = self.provider.send(&account, prepared, held.now).await;
        let duration_ms = (self.clock.now() - started).num_milliseconds();
        let parcels = prepared.len();
        match &answer {
            Ok(_) => {
                tracing::info!(service.name = %self.service(), user.id = %held.user, parcels, duration_ms, "sent")
            }
            Err(error) => tracing::warn!(
                service.name = %self.service(), user.id = %held.user, parcels, duration_ms,
                error = error as &dyn std::error::Error, disposition = ?error.disposition, "not sent"
            ),
        }
        answer
    }

    async fn answered(
        &self,
        held: &Held<'_>,
        parcels: &[Parcel],
        prepared: &Prepared,
        outcomes: &[(ParcelId, Outcome)],
    ) -> Result<Next, Failure> {
        self.failures
            .answered(&self.provider.host(held.stored.connection.url.as_deref()));
        // Settled at the moment of the answer: an account's next call counts from there.
        let now = self.clock.now();
        let waits = self
            .settle_all(held.user, parcels, outcomes, Some(prepared), now)
            .await?;
        if held.stored.connection.health != Health::ReconnectSoon {
            self.set_health(held, Health::Ok, None).await?;
        }
        // What the service took is settled for good, so that the parcels themselves let the lane go. What it did not
        // take a person may send again, and then it must not look as if it were still under way.
        let is_through = waits.is_none() && is_taken(prepared, outcomes);
        let leaves_nothing = held.lane.due_at.is_none() && held.lane.parked_until.is_none();
        if !(is_through && leaves_nothing) {
            self.let_go(
                held,
                Release {
                    next_call_at: self.next_call_at(held),
                    ..Release::default()
                },
            )
            .await?;
        }
        Ok(waits.map_or(Next::Done, Next::At))
    }

    /// When an account's limit lets the next call go out.
    pub(crate) fn next_call_at(&self, held: &Held<'_>) -> Option<DateTime<Utc>> {
        let limit = self.provider.limit(held.stored.connection.url.as_deref());
        match limit.scope {
            LimitScope::Account => Some(self.clock.now() + apart(&limit)),
            LimitScope::Host => None,
        }
    }

    pub(crate) async fn let_go(&self, held: &Held<'_>, release: Release) -> Result<(), Failure> {
        self.table
            .settle_lane(held.user, self.service(), held.holder, &release)
            .await?;
        Ok(())
    }

    /// The connection's tokens, opened.
    pub(crate) fn tokens(&self, stored: &StoredConnection) -> Result<Tokens, Failure> {
        let connection = &stored.connection;
        let opened =
            self.sealing
                .open(connection.user, connection.service, &stored.sealed_tokens)?;
        Ok(serde_json::from_str(opened.reveal())?)
    }

    /// The provider's client.
    pub(crate) fn provider(&self) -> &Provider {
        &self.provider
    }
}

/// What a call needs of a connection.
pub(crate) fn account<'a>(stored: &'a StoredConnection, tokens: &'a Tokens) -> Account<'a> {
    Account {
        tokens,
        username: &stored.connection.identity.username,
        url: stored.connection.url.as_deref(),
    }
}

/// How far apart a limit wants calls to be.
pub(crate) fn apart(limit: &Limit) -> TimeDelta {
    limit.per / i32::try_from(limit.calls.max(1)).unwrap_or(i32::MAX)
}

/// The earlier of two moments, where there are any.
fn earlier(a: Option<DateTime<Utc>>, b: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    a.into_iter().chain(b).min()
}

/// A name that no other holder of a lane has; it begins with that of this process.
pub(crate) fn next_holder() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!(
        "{}{}",
        this_process(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}

/// What the names of all holders in this process begin with.
pub(crate) fn this_process() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| format!("{}-", hub_runtime::random::new_id()))
}
