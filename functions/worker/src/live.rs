//! What is on now: the session's present state, if it is newer than the last one shown.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::session::SessionKey;
use hub_domain::{Disposition, Health, UserId};
use hub_providers::LimitScope;
use hub_runtime::queue::{VERSION, Wake};
use hub_store::{Freshness, Frozen, LaneTaken, Release, StoredConnection};

use crate::lane::{Held, account, apart, next_holder};
use crate::refresh::Refreshed;
use crate::standing::Standing;
use crate::{BUSY, Failure, LEASE, Worker, wait_of};

impl Worker {
    /// Shows the present state of a session; late, repeated and reordered wake-ups cannot lie, and stale ones end here.
    pub(crate) async fn show(
        &self,
        user: UserId,
        session: &SessionKey,
        sequence: u64,
        at: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let now = self.clock.now();
        if now - at > hub_domain::live::FRESH || !self.behaviour.scrobble_enabled {
            return Ok(());
        }
        let service = self.service();
        let Some(stored) = self.table.connection(user, service).await? else {
            return Ok(());
        };
        let settings = &stored.connection.settings;
        if !settings.enabled
            || !settings.live_signals
            || stored.connection.health == Health::ReconnectRequired
        {
            return Ok(());
        }
        let url = stored.connection.url.as_deref();
        if self.is_open(&self.provider().host(url)).await? {
            return Ok(());
        }
        let Some((session_now, _)) = self.table.session(user, session, now).await? else {
            return Ok(());
        };
        let Some(profile) = self.table.user_as(user, Freshness::Lately).await? else {
            return Ok(());
        };
        let rules = self.behaviour.thresholds.with(&profile.settings.thresholds);
        let Some(rule) = rules.of(session_now.media.kind) else {
            return Ok(());
        };
        let rule = rule.at(settings.scrobble_threshold_percent.unwrap_or(rule.percent));
        let Some(present) = session_now.live.as_ref().map(|live| live.sequence) else {
            return Ok(());
        };
        let Some(state) = session_now
            .live_state(&rule, now)
            .filter(|state| !state.is_stale(now))
        else {
            return Ok(());
        };
        let lane = self.table.lane(user, service).await?;
        if lane.live_session.as_deref() == Some(session.0.as_str()) && lane.live_sequence >= present
        {
            return Ok(());
        }
        let again = Wake::Live {
            v: VERSION,
            user,
            service,
            session: session.clone(),
            sequence,
            at,
        };
        if lane.parked_until.is_some_and(|until| until > now) {
            return Ok(());
        }
        let (lane, standing) = self.standing(&stored, lane, now).await?;
        match standing {
            Standing::Free => {}
            // While an earlier request is under way or in doubt, nothing may follow it.
            Standing::Held if lane.frozen.is_some() => return Ok(()),
            Standing::Unfinished(..) => return Ok(()),
            Standing::Held => return self.show_later(again, BUSY).await,
        }
        let limit = self.provider().limit(url);
        match limit.scope {
            LimitScope::Account => {
                if let Some(next) = lane.next_call_at.filter(|next| *next > now) {
                    return self.show_later(again, next - now).await;
                }
            }
            LimitScope::Host => {
                let slot = self
                    .table
                    .reserve(&self.provider().host(url), "write", apart(&limit), now)
                    .await?;
                if slot > now {
                    // Plays come first; what is on now can be shown with the next change.
                    return Ok(());
                }
            }
        }
        let holder = next_holder();
        if let LaneTaken::Busy = self
            .table
            .take_lane(
                user,
                service,
                lane.version,
                &holder,
                now + LEASE,
                Frozen::Goes,
            )
            .await?
        {
            return self.show_later(again, BUSY).await;
        }
        let held = Held {
            user,
            stored: &stored,
            lane: &lane,
            holder: &holder,
            now,
        };
        self.show_held(&held, &state).await?;
        let live = Some((session.0.clone(), present));
        let release = Release {
            next_call_at: self.next_call_at(&held),
            live,
            // Plays that wait there are none of its business.
            due_at: lane.due_at,
            ..Release::default()
        };
        self.let_go(&held, release).await
    }

    async fn show_later(&self, wake: Wake, wait: TimeDelta) -> Result<(), Failure> {
        self.queues.send_wakes(&[(wake, wait_of(wait))]).await?;
        Ok(())
    }

    async fn show_held(
        &self,
        held: &Held<'_>,
        state: &hub_domain::LiveState,
    ) -> Result<(), Failure> {
        let tokens = self.tokens(held.stored)?;
        let mut answer = self
            .provider()
            .live(&account(held.stored, &tokens), state, held.now)
            .await;
        if answer
            .as_ref()
            .is_err_and(hub_providers::ProviderError::is_auth)
        {
            match self.refresh(held.stored, held.now).await? {
                Refreshed::Tokens(tokens) => {
                    answer = self
                        .provider()
                        .live(&account(held.stored, &tokens), state, held.now)
                        .await;
                }
                Refreshed::Busy | Refreshed::Later(_) | Refreshed::ReconnectRequired => {
                    return Ok(());
                }
            }
        }
        if let Err(error) = answer {
            self.note_limit(held.stored, &error.disposition).await?;
            // Never tried again: the next change says more than this one would by then.
            tracing::info!(
                service.name = %self.service(), user.id = %held.user,
                error = &error as &dyn std::error::Error, "live signal not sent"
            );
        }
        Ok(())
    }

    async fn note_limit(
        &self,
        stored: &StoredConnection,
        disposition: &Disposition,
    ) -> Result<(), Failure> {
        if let Disposition::RateLimited { until } | Disposition::AddressBlocked { until } =
            disposition
        {
            let host = self.provider().host(stored.connection.url.as_deref());
            self.table.push_back(&host, "write", *until).await?;
        }
        Ok(())
    }
}
