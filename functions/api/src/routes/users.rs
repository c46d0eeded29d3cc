//! `/api/v1/users`: the operator's list of users.

use axum::Json;
use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use http::StatusCode;
use hub_domain::UserId;
use hub_runtime::random::new_id;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::disconnect::revoke_at_service;
use crate::ApiState;
use crate::body::{OptionalJson, Query};
use crate::caller::Operator;
use crate::problem::Problem;
use crate::wire::text;

/// The most users of one page.
const MOST_USERS: usize = 200;

/// A user to be written down.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct NewUser {
    /// The media server's id of the user; a new one if it is left out.
    id: Option<Uuid>,
    /// A name for people.
    name: Option<String>,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserView {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    created_at: DateTime<Utc>,
}

/// A page of users.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Users {
    items: Vec<UserView>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Which page of users.
#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct UsersQuery {
    /// The most users on it, 1 to 200; 50 if it is left out.
    limit: Option<usize>,
    /// Where the page before ended.
    cursor: Option<Uuid>,
}

/// Writes a user down, or renames one.
#[utoipa::path(
    post, path = "/api/v1/users", tag = "users", request_body = Option<NewUser>,
    responses((status = 201, description = "The user", body = UserView))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    _: Operator,
    OptionalJson(new): OptionalJson<NewUser>,
) -> Result<(StatusCode, Json<UserView>), Problem> {
    let name = text("name", new.name)?;
    let id = UserId(new.id.unwrap_or_else(new_id));
    let user = state
        .table
        .ensure_user(id, name.as_deref(), state.clock.now())
        .await?;
    Ok((
        StatusCode::CREATED,
        Json(UserView {
            id: user.id.0,
            name: user.name,
            created_at: user.created_at,
        }),
    ))
}

/// Lists the users.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "users", params(UsersQuery),
    responses((status = 200, description = "A page of users", body = Users))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    _: Operator,
    Query(query): Query<UsersQuery>,
) -> Result<Json<Users>, Problem> {
    let limit = query.limit.unwrap_or(50).clamp(1, MOST_USERS);
    let asked = i32::try_from(limit).unwrap_or(50);
    let users = state.table.users(asked, query.cursor.map(UserId)).await?;
    let next_cursor = (users.len() == limit)
        .then(|| users.last().map(|user| user.id.to_string()))
        .flatten();
    let items = users
        .into_iter()
        .map(|user| UserView {
            id: user.id.0,
            name: user.name,
            created_at: user.created_at,
        })
        .collect();
    Ok(Json(Users { items, next_cursor }))
}

/// Erases a user: connections, tokens, history and settings. What the services hold stays there.
#[utoipa::path(
    delete, path = "/api/v1/users/{id}", tag = "users",
    params(("id" = Uuid, Path, description = "The user")),
    responses((status = 204, description = "Erased"))
)]
pub(crate) async fn erase(
    State(state): State<ApiState>,
    _: Operator,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let not_found = || Problem::not_found("There is no such user.");
    let user: UserId = id.parse().map_err(|_| not_found())?;
    let now = state.clock.now();
    if state.table.user(user).await?.is_none() && !state.table.is_erased(user, now).await? {
        return Err(not_found());
    }
    // Read before they are gone; ended at the services only once the hub can no longer use them.
    let connections = state.table.connections(user).await?;
    let erased = state.table.erase_user(user, now).await;
    state.forget_what_was_read();
    erased?;
    tracing::info!(user.id = %user, "a user was erased");
    join_all(
        connections
            .iter()
            .map(|stored| revoke_at_service(&state, stored)),
    )
    .await;
    Ok(StatusCode::NO_CONTENT)
}
