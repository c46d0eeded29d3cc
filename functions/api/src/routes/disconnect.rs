//! Ending a connection: the tokens go, here and at the service; the plays stay.

use axum::Json;
use axum::extract::{Path, State};
use hub_domain::Service;
use hub_providers::Revoked;
use hub_store::StoredConnection;
use serde::Serialize;
use utoipa::ToSchema;

use super::service;
use crate::ApiState;
use crate::caller::ForUser;
use crate::problem::Problem;

/// What disconnecting came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Disconnected {
    #[schema(value_type = String)]
    service: Service,
    /// The service was told, too.
    revoked: bool,
    /// What is left to do, for people.
    detail: String,
}

/// Ends a connection: removes its tokens, here and where the service lets us, and keeps the plays.
#[utoipa::path(
    delete, path = "/api/v1/scrobble/connections/{id}", tag = "connections",
    params(("id" = String, Path, description = "The connection's id")),
    responses((status = 200, description = "Disconnected", body = Disconnected))
)]
pub(crate) async fn disconnect(
    State(state): State<ApiState>,
    caller: ForUser,
    Path(id): Path<String>,
) -> Result<Json<Disconnected>, Problem> {
    let service = service(&id)?;
    let title = service.title();
    // Ours first: whatever the service answers, nothing goes there any more.
    let gone = state.table.unlink(caller.user, service).await?;
    let stored = gone.ok_or_else(|| Problem::not_found(format!("{title} is not connected.")))?;
    tracing::info!(user.id = %caller.user, service.name = %service, "a connection was ended");
    let revoked = revoke_at_service(&state, &stored).await;
    let detail = if revoked {
        format!("{title} is disconnected. Your history stays, here and there.")
    } else {
        format!(
            "{title} is disconnected here. To end the access there as well, remove the hub in {title}'s settings."
        )
    };
    Ok(Json(Disconnected {
        service,
        revoked,
        detail,
    }))
}

/// Ends a connection: removes its tokens, here and where the service lets us, and keeps the plays.
#[utoipa::path(
    post, path = "/api/v1/user/services/{service}/disconnect", tag = "connections",
    params(("service" = String, Path, description = "The service's name")),
    responses((status = 200, description = "Disconnected", body = Disconnected))
)]
pub(crate) async fn disconnect_service(
    state: State<ApiState>,
    caller: ForUser,
    path: Path<String>,
) -> Result<Json<Disconnected>, Problem> {
    disconnect(state, caller, path).await
}

/// Ends tokens at their service; says whether it was told. A failure is logged, and the user can do it there.
pub(crate) async fn revoke_at_service(state: &ApiState, stored: &StoredConnection) -> bool {
    let connection = &stored.connection;
    let (Ok(provider), Some(tokens)) = (
        state.provider(connection.service, connection.url.as_deref()),
        state.open_tokens(stored),
    ) else {
        return false;
    };
    match provider.revoke(&tokens, state.clock.now()).await {
        Ok(revoked) => revoked == Revoked::AtTheService,
        Err(error) => {
            let (user, service) = (connection.user, connection.service);
            let error = &error as &dyn std::error::Error;
            tracing::warn!(user.id = %user, service.name = %service, error, "tokens were not ended at the service");
            false
        }
    }
}
