//! Is it there, and does it work?

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::future::join_all;
use http::StatusCode;
use hub_domain::{Disposition, Health, Service};
use hub_providers::Account;
use hub_store::StoredConnection;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::caller::ForUser;
use crate::problem::Problem;

/// How long a service may take to say who the user is, before the check goes on without it.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);

/// It is there.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Alive {
    /// Always `ok`.
    status: &'static str,
    version: &'static str,
}

/// What works, and what does not.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Report {
    /// `ok`, `degraded` (a connection does not work) or `failing` (the hub itself does not).
    status: &'static str,
    version: &'static str,
    /// The table answers.
    table: Check,
    /// The events' queue answers.
    queue: Check,
    /// Each of the caller's connections, asked who the user is.
    connections: Vec<ConnectionCheck>,
}

/// Whether something works.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Check {
    ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// Whether a connection works.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionCheck {
    #[schema(value_type = String)]
    service: Service,
    ok: bool,
    /// The user's name there, as the service says now.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_url: Option<String>,
    /// How the connection is doing, as the hub last knew.
    #[schema(value_type = String)]
    health: Health,
    /// Why it does not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl Check {
    fn of(outcome: Result<(), &str>) -> Self {
        Self {
            ok: outcome.is_ok(),
            detail: outcome.err().map(str::to_owned),
        }
    }
}

/// Says that the hub is there; asks nothing.
#[utoipa::path(
    get, path = "/health", tag = "health",
    responses((status = 200, description = "It is there", body = Alive)), security(())
)]
pub(crate) async fn shallow() -> Json<Alive> {
    Json(Alive {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// Asks the table, the queue, and each connected service who the user is.
#[utoipa::path(
    get, path = "/api/v1/health", tag = "health",
    responses(
        (status = 200, description = "The hub works; `degraded` if a connection does not", body = Report),
        (status = 503, description = "The hub itself does not work", body = Report),
    )
)]
pub(crate) async fn deep(
    State(state): State<ApiState>,
    caller: ForUser,
) -> Result<Response, Problem> {
    let connections = async {
        let stored = state.table.connections(caller.user).await;
        match stored {
            Ok(stored) => Ok(join_all(stored.iter().map(|stored| ask(&state, stored))).await),
            Err(error) => Err(error),
        }
    };
    let (connections, queue) = tokio::join!(connections, ask_queue(&state));
    let table = connections.as_ref().map(|_| ()).map_err(|error| {
        tracing::error!(
            error = error as &dyn std::error::Error,
            "the table failed a health check"
        );
        "The table does not answer."
    });
    let (table, queue) = (Check::of(table), Check::of(queue));
    let connections = connections.unwrap_or_default();
    let is_failing = !table.ok || !queue.ok;
    let status = match () {
        () if is_failing => "failing",
        () if connections.iter().any(|connection| !connection.ok) => "degraded",
        () => "ok",
    };
    let report = Report {
        status,
        version: env!("CARGO_PKG_VERSION"),
        table,
        queue,
        connections,
    };
    let code = if is_failing {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    Ok((code, Json(report)).into_response())
}

async fn ask_queue(state: &ApiState) -> Result<(), &'static str> {
    let Some(url) = &state.queues.urls().events else {
        return Err("EVENTS_QUEUE_URL is not set.");
    };
    let Some(sqs) = &state.sqs else { return Ok(()) };
    match sqs.get_queue_attributes().queue_url(url).send().await {
        Ok(_) => Ok(()),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the events' queue failed a health check"
            );
            Err("The events' queue does not answer.")
        }
    }
}

async fn ask(state: &ApiState, stored: &StoredConnection) -> ConnectionCheck {
    let connection = &stored.connection;
    let mut check = ConnectionCheck {
        service: connection.service,
        ok: false,
        username: None,
        profile_url: None,
        health: connection.health,
        detail: connection.health_detail.clone(),
    };
    let title = connection.service.title();
    let provider = match state.provider(connection.service, connection.url.as_deref()) {
        Ok(provider) => provider,
        Err(problem) => {
            check.detail = Some(problem.detail().to_owned());
            return check;
        }
    };
    let Some(tokens) = state.open_tokens(stored) else {
        check.detail = Some(format!(
            "The hub cannot read its sign-in at {title}; connect it again."
        ));
        return check;
    };
    let account = Account {
        tokens: &tokens,
        username: &connection.identity.username,
        url: connection.url.as_deref(),
    };
    let asked = provider.identify(&account, state.clock.now());
    match tokio::time::timeout(ASK_TIMEOUT, asked).await {
        Ok(Ok(identity)) => {
            check.ok = identity.account_id == connection.identity.account_id
                && connection.health == Health::Ok;
            if identity.account_id != connection.identity.account_id {
                check.detail = Some(format!(
                    "{title} says that this sign-in is of another account."
                ));
            }
            check.username = Some(identity.username);
            check.profile_url = identity.profile_url;
        }
        Ok(Err(error)) => {
            check.detail = Some(match error.disposition {
                // An access token that has just ended looks the same; only a refused refresh says that it is over.
                Disposition::Auth => format!(
                    "{title} does not accept the sign-in as it is now: {}.",
                    error.why
                ),
                Disposition::Retryable
                | Disposition::RateLimited { .. }
                | Disposition::InDoubt
                | Disposition::Permanent
                | Disposition::NotFound
                | Disposition::AppRefused
                | Disposition::AccountPaused { .. }
                | Disposition::AddressBlocked { .. } => {
                    format!("{title} could not say who you are: {}.", error.why)
                }
            });
        }
        Err(_) => check.detail = Some(format!("{title} did not answer within 10 seconds.")),
    }
    check
}
