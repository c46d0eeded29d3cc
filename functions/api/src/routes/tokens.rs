//! `/api/v1/user/tokens`: the user's own tokens, and the webhook addresses they stand in.

use axum::Json;
use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use http::StatusCode;
use hub_domain::{Account, Secret, Source};
use hub_runtime::random::new_id;
use hub_runtime::tokens::{TokenKind, hash_token};
use hub_store::{ApiToken, TokenScope};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::webhooks::webhook_source;
use crate::ApiState;
use crate::caller::ForUser;
use crate::problem::Problem;
use crate::wire::text;

/// The most tokens of one user.
const MOST_TOKENS: usize = 100;

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewToken {
    /// What its user calls it.
    name: String,
    /// `full` may do all that the user may, `ingest` only hands in events.
    #[schema(value_type = String)]
    scope: TokenScope,
    /// The media server in whose webhook it stands (ingest): plex, jellyfin, emby, tautulli or kodi.
    source: Option<String>,
    /// The account there whose events are the user's: its name or its id.
    account: Option<AccountBody>,
}

/// An account of a media server: its name, or its name and its stable id.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = AccountOf)]
pub(crate) enum AccountBody {
    /// The name (or the id, which is recognised as well).
    Name(String),
    /// Both, as far as they are known.
    Both {
        /// The source's stable id.
        id: Option<String>,
        /// The name shown to people.
        name: Option<String>,
    },
}

/// A token, without the word itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub(crate) struct TokenView {
    /// Its name in addresses; not secret.
    id: String,
    name: String,
    #[schema(value_type = String)]
    scope: TokenScope,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    source: Option<Source>,
    /// The account whose events are the user's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    account: Option<Account>,
    created_at: DateTime<Utc>,
    /// When it was last used, to the hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<DateTime<Utc>>,
}

/// A new token: the one time that the word is shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeToken {
    #[serde(flatten)]
    token_view: TokenView,
    /// The token. It is not kept; only its hash is.
    token: String,
    /// The address to put into the media server's settings; without a `source` `{source}` stands for its name, and
    /// without `PUBLIC_URL` the address begins at its path.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_url: Option<String>,
}

/// The user's tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tokens {
    items: Vec<TokenView>,
}

impl TokenView {
    fn of(token: ApiToken) -> Self {
        Self {
            id: token.id,
            name: token.name,
            scope: token.scope,
            source: token.source,
            account: token.account,
            created_at: token.created_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// Makes a token. It is shown this once.
#[utoipa::path(
    post, path = "/api/v1/user/tokens", tag = "user", request_body = NewToken,
    responses((status = 201, description = "Made", body = MadeToken))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: ForUser,
    crate::body::Json(new): crate::body::Json<NewToken>,
) -> Result<(StatusCode, Json<MadeToken>), Problem> {
    let now = state.clock.now();
    let (mut token, word) = make(new, caller.user, now)?;
    if state.table.tokens_of(caller.user).await?.len() >= MOST_TOKENS {
        return Err(Problem::conflict(format!(
            "There are {MOST_TOKENS} tokens already; revoke one first."
        )));
    }
    token.hash = hash_token(word.reveal());
    state.table.create_token(&token, now).await?;
    tracing::info!(user.id = %caller.user, token.id = %token.id, scope = ?token.scope, "a token was made");
    let is_ingest = token.scope == TokenScope::Ingest;
    let url = webhook_url(state.settings.public_url.as_ref(), token.source, &word);
    let made = MadeToken {
        token: word.reveal().to_owned(),
        webhook_url: is_ingest.then_some(url),
        token_view: TokenView::of(token),
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Lists the user's tokens, oldest first.
#[utoipa::path(
    get, path = "/api/v1/user/tokens", tag = "user",
    responses((status = 200, description = "The tokens, without their words", body = Tokens))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: ForUser,
) -> Result<Json<Tokens>, Problem> {
    let tokens = state.table.tokens_of(caller.user).await?;
    Ok(Json(Tokens {
        items: tokens.into_iter().map(TokenView::of).collect(),
    }))
}

/// Revokes a token; it is refused from then on.
#[utoipa::path(
    delete, path = "/api/v1/user/tokens/{id}", tag = "user",
    params(("id" = String, Path, description = "The token's id")),
    responses((status = 204, description = "Revoked"))
)]
pub(crate) async fn revoke(
    State(state): State<ApiState>,
    caller: ForUser,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let revoked = state.table.revoke_token(caller.user, &id).await;
    state.forget_what_was_read();
    if revoked? {
        tracing::info!(user.id = %caller.user, "a token was revoked");
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("The user has no such token."))
    }
}

/// Makes a token of what is asked for, without its hash.
fn make(
    new: NewToken,
    user: hub_domain::UserId,
    now: DateTime<Utc>,
) -> Result<(ApiToken, Secret), Problem> {
    let name = text("name", Some(new.name))?.filter(|name| name.chars().count() <= 100);
    let name =
        name.ok_or_else(|| Problem::field("name", "A name of 1 to 100 characters is expected."))?;
    let source = match new.source {
        None => None,
        Some(source) => {
            let source = webhook_source(source.trim());
            Some(source.map_err(|problem| Problem::field("source", problem.detail()))?)
        }
    };
    let account = match new.account {
        None => None,
        Some(AccountBody::Name(name)) => Some(Account {
            id: None,
            name: text("account", Some(name))?,
        }),
        Some(AccountBody::Both { id, name }) => Some(Account {
            id: text("account.id", id)?,
            name: text("account.name", name)?,
        }),
    };
    let account = account.filter(|account| !account.is_unnamed());
    let kind = match new.scope {
        TokenScope::Full if source.is_some() => {
            return Err(Problem::field(
                "source",
                "Only a token of scope ingest stands in a webhook's address.",
            ));
        }
        TokenScope::Full if account.is_some() => {
            return Err(Problem::field(
                "account",
                "Only a token of scope ingest is for one account.",
            ));
        }
        TokenScope::Full => TokenKind::Api,
        TokenScope::Ingest => TokenKind::Ingest,
    };
    let token = ApiToken {
        id: new_id().to_string(),
        user,
        scope: new.scope,
        name,
        hash: String::new(),
        source,
        account,
        created_at: now,
        last_used_at: None,
    };
    Ok((token, kind.mint()))
}

/// The address that a media server posts to.
fn webhook_url(public_url: Option<&Url>, source: Option<Source>, token: &Secret) -> String {
    let root = public_url.map_or("", Url::as_str).trim_end_matches('/');
    let source = source.map_or("{source}", Source::name);
    format!("{root}/api/v1/webhooks/{source}/{}", token.reveal())
}

#[cfg(test)]
mod tests {
    use hub_domain::UserId;
    use uuid::Uuid;

    use super::*;

    fn made(json: &str) -> Result<(ApiToken, Secret), Option<String>> {
        let new = crate::body::parse(json.as_bytes()).unwrap();
        let made = make(new, UserId(Uuid::from_u128(1)), DateTime::UNIX_EPOCH);
        made.map_err(|problem| problem.field_name().map(str::to_owned))
    }

    #[test]
    fn an_ingest_token_may_know_its_source_and_its_account() {
        let (token, word) =
            made(r#"{"name":"plex","scope":"ingest","source":"plex","account":" ada "}"#).unwrap();
        assert_eq!(
            (token.source, token.scope),
            (Some(Source::Plex), TokenScope::Ingest)
        );
        assert_eq!(
            token.account,
            Some(Account {
                id: None,
                name: Some("ada".to_owned())
            })
        );
        assert!(word.reveal().starts_with("hubw_"));
        let (token, _) = made(r#"{"name":"plex","scope":"ingest","account":{"id":"1"}}"#).unwrap();
        assert_eq!(token.account.unwrap().id.as_deref(), Some("1"));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_field() {
        for (json, field) in [
            (r#"{"name":" ","scope":"full"}"#, "name"),
            (
                r#"{"name":"x","scope":"ingest","source":"canonical"}"#,
                "source",
            ),
            (r#"{"name":"x","scope":"full","source":"plex"}"#, "source"),
            (r#"{"name":"x","scope":"full","account":"ada"}"#, "account"),
        ] {
            assert_eq!(made(json).unwrap_err().as_deref(), Some(field), "{json}");
        }
    }

    #[test]
    fn a_webhooks_address_is_built_from_the_public_one() {
        let (word, public) = (
            Secret::new("hubw_x"),
            Url::parse("https://hub.example/base/").unwrap(),
        );
        assert_eq!(
            webhook_url(Some(&public), Some(Source::Plex), &word),
            "https://hub.example/base/api/v1/webhooks/plex/hubw_x"
        );
        assert_eq!(
            webhook_url(None, None, &word),
            "/api/v1/webhooks/{source}/hubw_x"
        );
    }
}
