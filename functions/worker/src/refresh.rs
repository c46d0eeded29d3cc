//! New tokens for old: one call, whoever asks; the new pair is stored before it is used.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Disposition, Health, Secret, Service, UserId};
use hub_providers::Tokens;
use hub_runtime::notices::NoticeKind;
use hub_store::{RefreshLease, StoredConnection};

use crate::{Failure, Worker};

/// How long one refresh may take.
const REFRESH_LEASE: TimeDelta = TimeDelta::seconds(90);
/// How long to wait after a refresh that the service did not answer.
const AFTER_FAILURE: TimeDelta = TimeDelta::minutes(1);

/// What came of asking for new tokens.
pub(crate) enum Refreshed {
    /// There are newer ones: ours, or another worker's.
    Tokens(Tokens),
    /// Another worker is asking.
    Busy,
    /// The service did not answer; that is no refusal.
    Later(DateTime<Utc>),
    /// The service refused: only the user can help.
    ReconnectRequired,
}

impl Worker {
    /// Refreshes tokens that end soon, ahead of the first call that would need it.
    pub(crate) async fn refresh_ahead(&self, user: UserId) -> Result<(), Failure> {
        let (now, service) = (self.clock.now(), self.service());
        let Some(stored) = self.table.connection(user, service).await? else {
            return Ok(());
        };
        let Some(end) = stored.connection.token_expires_at else {
            return Ok(());
        };
        if self.tokens(&stored)?.refresh.is_none() {
            return self.announce_end(&stored, end, now).await;
        }
        if end - now <= service.renews_ahead()
            && stored.connection.health != Health::ReconnectRequired
        {
            self.refresh(&stored, now).await?;
        }
        Ok(())
    }

    /// Tells the user of a sign-in that cannot be renewed that it ends within days; once it has, that it did.
    async fn announce_end(
        &self,
        stored: &StoredConnection,
        end: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let (user, service) = (stored.connection.user, self.service());
        if end <= now {
            self.table.set_connection_due(user, service, None).await?;
            return self
                .require_reconnect(stored, "the sign-in has ended, and cannot be renewed")
                .await;
        }
        self.table
            .set_connection_due(user, service, Some(end))
            .await?;
        let title = service.title();
        let why = format!(
            "the sign-in ends on {} and cannot be renewed: connect {title} again before",
            end.format("%-d %B %Y")
        );
        let is_news = stored.connection.health == Health::Ok
            && self
                .table
                .set_health(user, service, Health::ReconnectSoon, Some(&why))
                .await?;
        if is_news {
            let text = format!(
                "The hub's sign-in at {title} ends on {} and cannot be renewed. Connect it again before; nothing is \
                 lost if you do it later.",
                end.format("%-d %B %Y")
            );
            self.notify(user, NoticeKind::ReconnectSoon, text).await?;
        }
        Ok(())
    }

    /// Gets newer tokens than those of `stored`, which the service no longer takes.
    pub(crate) async fn refresh(
        &self,
        stored: &StoredConnection,
        now: DateTime<Utc>,
    ) -> Result<Refreshed, Failure> {
        let (user, service) = (stored.connection.user, self.service());
        let version = stored.connection.token_version;
        let tokens = self.tokens(stored)?;
        if tokens.refresh.is_none() {
            let why = "the service no longer accepts the sign-in, and has none to renew";
            self.require_reconnect(stored, why).await?;
            return Ok(Refreshed::ReconnectRequired);
        }
        // The answer holds the only pair that works from then on: it must find us alive.
        if !self.has_time() {
            return Ok(Refreshed::Busy);
        }
        let holder = match self
            .table
            .take_refresh_lease(user, service, version, now, REFRESH_LEASE)
            .await?
        {
            RefreshLease::Busy { .. } => return Ok(Refreshed::Busy),
            // A refusal under old tokens says nothing of the new ones: read again, never refresh.
            RefreshLease::Newer(newer) => return Ok(Refreshed::Tokens(self.tokens(&newer)?)),
            RefreshLease::Gone => return Ok(Refreshed::ReconnectRequired),
            RefreshLease::Taken { holder } => holder,
        };
        match self
            .provider()
            .refresh(&tokens, &self.behaviour.redirect, now)
            .await
        {
            Ok(fresh) => {
                let text = serde_json::to_string(&fresh)?;
                let sealed = self.sealing.seal(user, service, &Secret::new(text));
                // The refresh token works once, so the new pair is saved before it is used.
                self.table
                    .store_tokens(
                        user,
                        service,
                        version,
                        &sealed,
                        fresh.expires_at,
                        due_at(service, &fresh),
                    )
                    .await?;
                tracing::info!(user.id = %user, service.name = %service, "tokens refreshed");
                // Stored, so whoever has the time for a call finds them.
                Ok(if self.has_time() {
                    Refreshed::Tokens(fresh)
                } else {
                    Refreshed::Busy
                })
            }
            Err(error)
                if matches!(
                    error.disposition,
                    Disposition::Auth | Disposition::Permanent
                ) =>
            {
                // Somebody may have signed in again meanwhile: then those tokens are meant, not ours.
                if let Some(newer) = self.table.connection(user, service).await?
                    && newer.connection.token_version > version
                {
                    return Ok(Refreshed::Tokens(self.tokens(&newer)?));
                }
                self.require_reconnect(stored, &error.why).await?;
                self.table
                    .release_refresh_lease(user, service, &holder)
                    .await?;
                Ok(Refreshed::ReconnectRequired)
            }
            Err(error) => {
                tracing::warn!(
                    user.id = %user, service.name = %service,
                    error = &error as &dyn std::error::Error, "tokens not refreshed, tried again later"
                );
                self.table
                    .release_refresh_lease(user, service, &holder)
                    .await?;
                Ok(Refreshed::Later(match error.disposition {
                    Disposition::RateLimited { until } => until,
                    Disposition::Retryable
                    | Disposition::Auth
                    | Disposition::InDoubt
                    | Disposition::Permanent
                    | Disposition::NotFound
                    | Disposition::AppRefused
                    | Disposition::AccountPaused { .. }
                    | Disposition::AddressBlocked { .. } => now + AFTER_FAILURE,
                }))
            }
        }
    }
}

/// When the sweep refreshes these tokens, ahead of their end.
pub(crate) fn due_at(service: Service, tokens: &Tokens) -> Option<DateTime<Utc>> {
    tokens.refresh.as_ref()?;
    tokens.expires_at.map(|end| end - service.renews_ahead())
}
