//! `/api/v1/sources`: the media servers' accounts, whose they are, and what was ignored.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, State};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use futures_util::future::try_join_all;
use hub_domain::{ServerRef, Source, UserId};
use hub_store::Binding;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::webhooks::webhook_source;
use crate::ApiState;
use crate::body::{Json as JsonBody, Query};
use crate::caller::ForUser;
use crate::forward::replay_aside;
use crate::owner::{ADDRESS, is_own_server, shown_server};
use crate::problem::Problem;

/// The most users that one account stands for.
const MOST_USERS: usize = 20;

/// An account of a media server.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SourceAccount)]
pub(crate) struct AccountView {
    /// Its name in addresses.
    id: String,
    #[schema(value_type = String)]
    source: Source,
    /// The server's own id; `-` where it names none.
    server: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<String>,
    /// The account's stable id there.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    /// Its name there.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_name: Option<String>,
    /// The users it stands for: none while nobody has claimed it.
    user_ids: Vec<Uuid>,
    /// About how many of its events are set aside, for 30 days each.
    set_aside: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen_at: Option<DateTime<Utc>>,
}

/// The accounts that the user's webhook addresses hear of.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Accounts {
    items: Vec<AccountView>,
}

/// Whose an account is.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Assignment {
    /// The users it stands for, more than one for those who watch together; none sets its events aside.
    user_ids: Vec<Uuid>,
}

/// An account, and what was sent on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Assigned {
    id: String,
    user_ids: Vec<Uuid>,
    /// How many set-aside events are on their way now, with their original times.
    replayed: usize,
}

/// Which ignored events.
#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct IgnoredQuery {
    /// Of one source alone.
    source: Option<String>,
}

/// An event that made nothing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IgnoredEvent {
    #[schema(value_type = String)]
    source: Source,
    at: DateTime<Utc>,
    /// Why, for programs.
    reason: String,
    /// Why, for people.
    detail: String,
}

/// The last hundred a source, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IgnoredEvents {
    items: Vec<IgnoredEvent>,
}

impl AccountView {
    fn of(binding: &Binding) -> Self {
        let server = &binding.server;
        Self {
            id: encode_id(server, &binding.account_key),
            source: server.source,
            server: shown_server(server).0.to_owned(),
            server_name: server.name.clone(),
            account_id: binding.account.id.clone(),
            account_name: binding.account.name.clone(),
            user_ids: binding.users.iter().map(|user| user.0).collect(),
            set_aside: binding.aside_count,
            last_seen_at: binding.last_seen_at,
        }
    }
}

/// Lists the accounts that the user's webhook addresses hear of, those that nobody has claimed among them.
#[utoipa::path(
    get, path = "/api/v1/sources/accounts", tag = "sources",
    responses((status = 200, description = "The accounts", body = Accounts))
)]
pub(crate) async fn accounts(
    State(state): State<ApiState>,
    caller: ForUser,
) -> Result<Json<Accounts>, Problem> {
    let of_user = state.table.accounts_of(caller.user).await?;
    let mut seen = BTreeSet::new();
    let servers: Vec<&ServerRef> = of_user
        .iter()
        .map(|binding| &binding.server)
        .filter(|server| {
            is_own_server(server, caller.user) && seen.insert((server.source, &server.id))
        })
        .collect();
    let heard_of = try_join_all(
        servers
            .into_iter()
            .map(|server| state.table.bindings(server)),
    )
    .await?;
    // What the operator assigned to the user for a whole server is shown beside it.
    let by_operator = of_user
        .iter()
        .filter(|binding| shown_server(&binding.server).1.is_none());
    let items = heard_of
        .iter()
        .flatten()
        .chain(by_operator)
        .filter(|binding| binding.account_key != ADDRESS)
        // A name that was bound to its id is shown as that id.
        .filter(|binding| binding.bound_to.is_none())
        .map(AccountView::of)
        .collect();
    Ok(Json(Accounts { items }))
}

/// Says whose an account is. Its set-aside events are sent to them, with their original times.
///
/// A user may claim an account for themselves or give it up; to assign it to others takes the server's token.
#[utoipa::path(
    put, path = "/api/v1/sources/accounts/{id}", tag = "sources", request_body = Assignment,
    params(("id" = String, Path, description = "The account's id, as the list tells it")),
    responses((status = 200, description = "Assigned", body = Assigned))
)]
pub(crate) async fn assign(
    State(state): State<ApiState>,
    caller: ForUser,
    Path(id): Path<String>,
    JsonBody(assignment): JsonBody<Assignment>,
) -> Result<Json<Assigned>, Problem> {
    let not_found = || {
        Problem::not_found(
            "There is no such account among those that the user's addresses hear of.",
        )
    };
    let (server, account_key) = decode_id(&id)
        .filter(|(_, key)| key != ADDRESS)
        .ok_or_else(not_found)?;
    if !may_assign(&caller, &server) {
        return Err(not_found());
    }
    let users: BTreeSet<UserId> = assignment.user_ids.into_iter().map(UserId).collect();
    if users.len() > MOST_USERS {
        return Err(Problem::field(
            "user_ids",
            format!("An account stands for at most {MOST_USERS} users."),
        ));
    }
    let is_for_others = users.iter().any(|user| *user != caller.user);
    if is_for_others && !caller.is_server {
        return Err(Problem::forbidden(
            "To assign an account to other users takes the server's token.",
        )
        .at("user_ids"));
    }
    let known = state.table.bindings(&server).await?;
    if !known
        .iter()
        .any(|binding| binding.account_key == account_key)
    {
        return Err(not_found());
    }
    let users: Vec<UserId> = users.into_iter().collect();
    for user in &users {
        if state.table.user(*user).await?.is_none() {
            return Err(Problem::field("user_ids", "There is no such user."));
        }
    }
    state
        .table
        .assign_account(&server, &account_key, &users, state.clock.now())
        .await?;
    state.forget_what_was_read();
    let replayed = replay_aside(&state, &server, &account_key, &users).await?;
    tracing::info!(user.id = %caller.user, source = %server.source, users = users.len(), replayed, "an account was assigned");
    Ok(Json(Assigned {
        id,
        user_ids: users.into_iter().map(|user| user.0).collect(),
        replayed,
    }))
}

/// Lists what was ignored of the user's webhooks: why, and no titles.
#[utoipa::path(
    get, path = "/api/v1/sources/ignored", tag = "sources", params(IgnoredQuery),
    responses((status = 200, description = "The last hundred a source", body = IgnoredEvents))
)]
pub(crate) async fn ignored(
    State(state): State<ApiState>,
    caller: ForUser,
    Query(query): Query<IgnoredQuery>,
) -> Result<Json<IgnoredEvents>, Problem> {
    let sources = match query.source {
        None => Source::WEBHOOKS.to_vec(),
        Some(source) => vec![webhook_source(&source)?],
    };
    let now = state.clock.now();
    let lists = sources.into_iter().map(|source| {
        let state = &state;
        async move {
            let events = state.table.ignored(caller.user, source, now).await?;
            let events = events.into_iter().map(move |event| IgnoredEvent {
                source,
                at: event.at,
                reason: event.reason,
                detail: event.sentence,
            });
            Ok::<_, Problem>(events.collect::<Vec<_>>())
        }
    });
    let items = try_join_all(lists).await?.into_iter().flatten().collect();
    Ok(Json(IgnoredEvents { items }))
}

/// Says whether a caller may say whose an account of this server is: the operator of all, a user of their own addresses'.
fn may_assign(caller: &ForUser, server: &ServerRef) -> bool {
    is_own_server(server, caller.user) || (caller.is_server && shown_server(server).1.is_none())
}

/// An account's name in addresses: its server and key, so that nothing has to be looked up.
fn encode_id(server: &ServerRef, account_key: &str) -> String {
    let parts = (server.source.name(), &server.id, account_key);
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&parts).unwrap_or_default())
}

fn decode_id(id: &str) -> Option<(ServerRef, String)> {
    let bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
    let (source, server, account_key): (String, String, String) =
        serde_json::from_slice(&bytes).ok()?;
    Some((ServerRef::new(source.parse().ok()?, server), account_key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owner::own_server;

    #[test]
    fn an_accounts_id_leads_back_to_it() {
        let server = ServerRef::new(Source::Plex, "abc@1|#");
        let id = encode_id(&server, "name:ada");
        assert!(
            id.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
            "{id}"
        );
        assert_eq!(decode_id(&id), Some((server, "name:ada".to_owned())));
        for wrong in ["", "x", "ä", "eyJ4Ijox", "WyJ4IiwiYSIsImIiXQ"] {
            assert_eq!(decode_id(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_user_assigns_only_what_their_own_addresses_hear_of() {
        let user = |number| UserId(Uuid::from_u128(number));
        let server = ServerRef::new(Source::Plex, "abc");
        let caller = |is_server| ForUser {
            user: user(1),
            is_server,
        };
        for (server, is_server, expected) in [
            (own_server(&server, user(1)), false, true),
            (own_server(&server, user(1)), true, true),
            (own_server(&server, user(2)), false, false),
            (own_server(&server, user(2)), true, false),
            (server.clone(), false, false),
            (server.clone(), true, true),
        ] {
            assert_eq!(
                may_assign(&caller(is_server), &server),
                expected,
                "{server:?} {is_server}"
            );
        }
    }
}
