//! Signing in at a service: where to send the browser, or what to type elsewhere; and the end of it.
//!
//! | the body | does |
//! | --- | --- |
//! | none, or `return_to` | begins: answers where to send the browser |
//! | `device` | begins on another device: answers what to type there, and a `state` to ask again with |
//! | `state` | asks whether the other device is done: 202 while it is not |
//! | `code` and `state` | ends what the browser began |
//! | `token`, `url` | connects by a token that the user copied |
//! | `username` | connects by the user's name there, or the address of a public feed |

pub(super) mod browser;
mod device;
mod feed;
mod token;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use hub_domain::{Secret, Service, UserId};
use hub_providers::Tokens;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::connections::ConnectionView;
use super::service;
use crate::ApiState;
use crate::body::{OptionalJson, Query};
use crate::caller::ForUser;
use crate::problem::Problem;
use crate::sign_in::keep;

/// The longest code or token, in bytes.
const LONGEST: usize = 2_048;

/// What signing in is to do.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct Connect {
    /// Begin on another device.
    #[serde(default)]
    device: bool,
    /// Where the browser goes in the end: an address under `PUBLIC_URL`, or its path.
    return_to: Option<String>,
    /// The code that the browser came back with (at Last.fm the token).
    code: Option<String>,
    /// The state that the beginning answered.
    state: Option<String>,
    /// The same as `state`, for a sign-in on another device.
    device_code: Option<String>,
    /// The token that the user copied from the service's settings.
    token: Option<String>,
    /// The address of a compatible server.
    url: Option<String>,
    /// The user's name there, their profile's address, or that of their public feed.
    username: Option<String>,
}

/// How to begin.
#[derive(Debug, Default, Deserialize, IntoParams)]
pub(crate) struct StartQuery {
    /// Begin on another device.
    #[serde(default)]
    device: bool,
    /// Where the browser goes in the end: an address under `PUBLIC_URL`, or its path.
    return_to: Option<String>,
}

/// How a sign-in goes on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Started {
    /// In the browser.
    Browser {
        /// Where to send it.
        authorize_url: String,
        /// What it comes back with.
        state: String,
        expires_at: DateTime<Utc>,
    },
    /// On another device.
    Device {
        /// What to type there; absent where opening the address is enough.
        #[serde(skip_serializing_if = "Option::is_none")]
        user_code: Option<String>,
        /// Where to go.
        verification_url: String,
        /// How often to ask, in seconds.
        interval: i64,
        expires_at: DateTime<Utc>,
        /// What to ask with.
        state: String,
    },
}

/// The other device is not done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pending {
    /// Always `pending`.
    status: &'static str,
    /// When to ask again, in seconds.
    retry_after: i64,
}

/// What a body asks for.
enum Wish {
    Start {
        device: bool,
        return_to: Option<String>,
    },
    Finish {
        code: Secret,
        state: String,
    },
    Poll {
        state: String,
    },
    Token {
        token: Secret,
        url: Option<String>,
    },
    Feed {
        name: Secret,
    },
}

/// Begins or ends a sign-in, as the body says.
#[utoipa::path(
    post, path = "/api/v1/scrobble/connect/{service}", tag = "connections", request_body = Option<Connect>,
    params(("service" = String, Path, description = "The service's name")),
    responses(
        (status = 200, description = "Begun: where to sign in; or ended: the connection", body = Started),
        (status = 202, description = "The other device is not done", body = Pending),
    )
)]
pub(crate) async fn connect(
    State(state): State<ApiState>,
    caller: ForUser,
    Path(name): Path<String>,
    OptionalJson(body): OptionalJson<Connect>,
) -> Result<Response, Problem> {
    let service = service(&name)?;
    // One that is off says so before anything else.
    state.app(service)?;
    match wish(body)? {
        Wish::Start {
            device: false,
            return_to,
        } => Ok(
            Json(browser::start(&state, caller.user, service, return_to).await?).into_response(),
        ),
        Wish::Start { device: true, .. } => {
            Ok(Json(device::start_device(&state, caller.user, service).await?).into_response())
        }
        Wish::Poll { state: word } => device::poll(&state, caller.user, service, &word).await,
        Wish::Finish { code, state: word } => {
            let taken = state.table.take_state(&word, state.clock.now()).await?;
            let taken = taken.filter(|taken| taken.user == caller.user && taken.service == service);
            let taken = taken.ok_or_else(unknown_state)?;
            let tokens = browser::exchange(&state, &taken, &code).await?;
            finish(&state, caller.user, service, &tokens, None).await
        }
        Wish::Feed { name } => {
            let tokens = feed::read(&state, service, &name).await?;
            finish(&state, caller.user, service, &tokens, None).await
        }
        Wish::Token { token, url } => {
            let (tokens, url) = token::read(&state, service, &token, url).await?;
            finish(&state, caller.user, service, &tokens, url).await
        }
    }
}

/// Begins a sign-in.
#[utoipa::path(
    get, path = "/api/v1/user/services/{service}/connect", tag = "connections",
    params(("service" = String, Path, description = "The service's name"), StartQuery),
    responses((status = 200, description = "Where to sign in", body = Started))
)]
pub(crate) async fn start_service(
    state: State<ApiState>,
    caller: ForUser,
    path: Path<String>,
    Query(query): Query<StartQuery>,
) -> Result<Response, Problem> {
    let body = Connect {
        device: query.device,
        return_to: query.return_to,
        ..Connect::default()
    };
    connect(state, caller, path, OptionalJson(body)).await
}

/// Begins or ends a sign-in, as the body says.
#[utoipa::path(
    post, path = "/api/v1/user/services/{service}/connect", tag = "connections", request_body = Option<Connect>,
    params(("service" = String, Path, description = "The service's name")),
    responses(
        (status = 200, description = "The connection", body = ConnectionView),
        (status = 202, description = "The other device is not done", body = Pending),
    )
)]
pub(crate) async fn connect_service(
    state: State<ApiState>,
    caller: ForUser,
    path: Path<String>,
    body: OptionalJson<Connect>,
) -> Result<Response, Problem> {
    connect(state, caller, path, body).await
}

fn unknown_state() -> Problem {
    Problem::field(
        "state",
        "This sign-in is unknown, was used already, or took longer than ten minutes. Begin again.",
    )
}

/// Decides what a body asks for.
fn wish(body: Connect) -> Result<Wish, Problem> {
    let bounded = |field: &str, word: Option<String>| {
        let word = word
            .map(|word| word.trim().to_owned())
            .filter(|word| !word.is_empty());
        let is_fit = |word: &String| {
            word.len() <= LONGEST && word.bytes().all(|byte| byte.is_ascii_graphic())
        };
        match word {
            Some(word) if !is_fit(&word) => Err(Problem::field(
                field,
                "This is no word that a sign-in brings.",
            )),
            word => Ok(word),
        }
    };
    let (code, token) = (bounded("code", body.code)?, bounded("token", body.token)?);
    let state = bounded("state", body.state)?.or(bounded("device_code", body.device_code)?);
    if let Some(name) = bounded("username", body.username)? {
        if code.is_some() || state.is_some() || token.is_some() {
            return Err(Problem::field(
                "username",
                "A name comes alone, without code, state and token.",
            ));
        }
        return Ok(Wish::Feed {
            name: Secret::new(name),
        });
    }
    match (code, state, token) {
        (Some(code), Some(state), None) => Ok(Wish::Finish {
            code: Secret::new(code),
            state,
        }),
        (Some(_), None, None) => Err(Problem::field(
            "state",
            "A code comes with the state it was asked for with.",
        )),
        (None, Some(state), None) => Ok(Wish::Poll { state }),
        (None, None, Some(token)) => Ok(Wish::Token {
            token: Secret::new(token),
            url: body.url,
        }),
        (None, None, None) if body.url.is_some() => Err(Problem::field(
            "token",
            "A compatible server is connected by a token of its user.",
        )),
        (None, None, None) => Ok(Wish::Start {
            device: body.device,
            return_to: body.return_to,
        }),
        (_, _, Some(_)) => Err(Problem::field(
            "token",
            "A token comes alone, without code and state.",
        )),
    }
}

async fn finish(
    state: &ApiState,
    user: UserId,
    service: Service,
    tokens: &Tokens,
    url: Option<String>,
) -> Result<Response, Problem> {
    let stored = keep(state, user, service, tokens, url).await?;
    Ok(Json(ConnectionView::of(state, user.0, service, Some(stored))).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::parse;

    fn wished(json: &str) -> Result<&'static str, Option<String>> {
        match wish(parse(json.as_bytes()).unwrap()) {
            Ok(Wish::Start { device: false, .. }) => Ok("start"),
            Ok(Wish::Start { device: true, .. }) => Ok("device"),
            Ok(Wish::Finish { .. }) => Ok("finish"),
            Ok(Wish::Poll { .. }) => Ok("poll"),
            Ok(Wish::Token { .. }) => Ok("token"),
            Ok(Wish::Feed { .. }) => Ok("feed"),
            Err(problem) => Err(problem.field_name().map(str::to_owned)),
        }
    }

    #[test]
    fn a_body_says_what_is_to_be_done() {
        for (json, expected) in [
            ("{}", Ok("start")),
            (r#"{"return_to":"/x"}"#, Ok("start")),
            (r#"{"device":true}"#, Ok("device")),
            (r#"{"state":"s"}"#, Ok("poll")),
            (r#"{"device_code":"s"}"#, Ok("poll")),
            (r#"{"code":"c","state":"s"}"#, Ok("finish")),
            (r#"{"token":"t","url":"https://x.example"}"#, Ok("token")),
            (r#"{"username":"ada"}"#, Ok("feed")),
            (r#"{"username":"ada","token":"t"}"#, Err("username")),
            (r#"{"code":"c"}"#, Err("state")),
            (r#"{"url":"https://x.example"}"#, Err("token")),
            (r#"{"token":"t","state":"s"}"#, Err("token")),
            (r#"{"token":"a b"}"#, Err("token")),
        ] {
            assert_eq!(
                wished(json),
                expected.map_err(|field| Some(field.to_owned())),
                "{json}"
            );
        }
        assert_eq!(
            wished(&format!(r#"{{"code":"{}","state":"s"}}"#, "x".repeat(3000))),
            Err(Some("code".to_owned()))
        );
    }
}
