//! The end of a sign-in: the service says who the user is, and the connection is kept.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::connection::Identity;
use hub_domain::{Connection, ConnectionSettings, Disposition, Health, Service, UserId};
use hub_providers::{Account, Tokens};
use hub_runtime::queue::Wake;
use hub_runtime::random::random_word;
use hub_store::{Frozen, LaneTaken, Release, StoreError, StoredConnection};

use crate::ApiState;
use crate::problem::Problem;

/// The user of a sign-in that cannot be renewed is told this long before it ends.
const NOTICE_AHEAD: TimeDelta = TimeDelta::days(7);
/// How long a lane that takes two calls waits after the one of a sign-in.
const AFTER_SIGN_IN: Duration = Duration::from_secs(2);
/// How long loosening a lane may take before it is anybody's again.
const LOOSENING: TimeDelta = TimeDelta::seconds(10);

/// Keeps tokens that a sign-in brought, once the service has said whose they are.
///
/// `url` is the root of a compatible server, checked and normalised.
pub(crate) async fn keep(
    state: &ApiState,
    user: UserId,
    service: Service,
    tokens: &Tokens,
    url: Option<String>,
) -> Result<StoredConnection, Problem> {
    let now = state.clock.now();
    let provider = state.provider(service, url.as_deref())?;
    let account = Account {
        tokens,
        username: "",
        url: url.as_deref(),
    };
    let (identity, health, health_detail) = match provider.identify(&account, now).await {
        Ok(identity) => (identity, Health::Ok, None),
        // The sign-in is good; it is this deployment that the service does not answer. Nothing the user could do again.
        Err(error) if matches!(error.disposition, Disposition::AddressBlocked { .. }) => {
            (unknown(), Health::AddressBlocked, Some(error.why))
        }
        Err(error) => return Err(Problem::of_sign_in(&error)),
    };
    // The user may have been erased while they were signing in; nothing of them may rise again.
    if state.table.user(user).await?.is_none() {
        return Err(Problem::new(
            http::StatusCode::GONE,
            "This user was erased from the hub.",
        ));
    }
    let connection = Connection {
        user,
        service,
        identity,
        settings: ConnectionSettings::default(),
        health,
        health_detail,
        connected_at: now,
        deliver_from: now,
        token_expires_at: tokens.expires_at,
        token_version: 1,
        url,
        last_sync_at: None,
        last_sync_status: None,
    };
    let sealed = state.seal_tokens(user, service, tokens)?;
    let mut stored = state
        .table
        .link(&connection, &sealed, refresh_due_at(service, tokens))
        .await?;
    if connection.health != Health::Ok {
        // Linking takes a connection to be well.
        let detail = connection.health_detail.as_deref();
        state
            .table
            .set_health(user, service, connection.health, detail)
            .await?;
        stored.connection.health = connection.health;
        stored.connection.health_detail = connection.health_detail;
    }
    tracing::info!(user.id = %user, service.name = %service, "a service was connected");
    if service.is_writable() {
        send_what_waited(state, user, service, now).await;
    }
    Ok(stored)
}

/// Somebody whose service does not answer this deployment.
const fn unknown() -> Identity {
    Identity {
        username: String::new(),
        profile_url: None,
        account_id: String::new(),
    }
}

/// When the tokens should be refreshed, or their user told that they end; never for those that have no end.
fn refresh_due_at(service: Service, tokens: &Tokens) -> Option<DateTime<Utc>> {
    let ahead = match tokens.refresh {
        Some(_) => service.renews_ahead(),
        None => NOTICE_AHEAD,
    };
    tokens.expires_at.map(|end| end - ahead)
}

/// Sends the plays that were kept while the user was signed out, or the connection off, oldest first.
///
/// The connection stands by now: what fails here is logged, and the lane's entry in the index or the next play's
/// wake-up makes up for it.
pub(crate) async fn send_what_waited(
    state: &ApiState,
    user: UserId,
    service: Service,
    now: DateTime<Utc>,
) {
    if let Err(error) = loosen_lane(state, user, service, now).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(user.id = %user, service.name = %service, error, "a lane was not loosened");
    }
    let wake = Wake::deliver(user, service, Vec::new());
    // An anime list was asked just now who the user is, and is asked again before it is told anything.
    let wait = match service.catalogue() {
        Some(_) => AFTER_SIGN_IN,
        None => Duration::ZERO,
    };
    if let Err(error) = state.queues.send_wakes(&[(wake, wait)]).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(user.id = %user, service.name = %service, error, "a lane was not woken");
    }
}

/// Makes a lane due now, and ends its rest; a lane that nobody has used yet has neither.
async fn loosen_lane(
    state: &ApiState,
    user: UserId,
    service: Service,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let lane = state.table.lane(user, service).await?;
    if lane.version == 0 {
        return Ok(());
    }
    // First of all, so that a crash below costs a minute and not the plays.
    state.table.set_lane_due(user, service, now).await?;
    let is_parked = lane.parked_until.is_some_and(|until| until > now);
    if !is_parked || !lane.is_free(now) {
        return Ok(());
    }
    let holder = format!("sign-in {}", random_word());
    let taken = state
        .table
        .take_lane(
            user,
            service,
            lane.version,
            &holder,
            now + LOOSENING,
            Frozen::Stays,
        )
        .await?;
    if let LaneTaken::Taken(_) = taken {
        let release = Release {
            next_call_at: lane.next_call_at,
            due_at: Some(now),
            // What may be at the service already is looked up by the next holder.
            keep_frozen: true,
            ..Release::default()
        };
        state
            .table
            .settle_lane(user, service, &holder, &release)
            .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use hub_domain::Secret;

    use super::*;

    #[test]
    fn tokens_with_an_end_are_refreshed_an_hour_ahead_and_their_user_told_a_week_ahead() {
        let end = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let tokens = |refresh: Option<&str>, expires_at| Tokens {
            access: Secret::new("a"),
            refresh: refresh.map(Secret::new),
            expires_at,
        };
        assert_eq!(
            refresh_due_at(Service::AniList, &tokens(Some("r"), Some(end))),
            Some(end - TimeDelta::hours(1))
        );
        assert_eq!(
            refresh_due_at(Service::AniList, &tokens(None, Some(end))),
            Some(end - TimeDelta::days(7))
        );
        assert_eq!(
            refresh_due_at(Service::AniList, &tokens(Some("r"), None)),
            None
        );
    }
}
