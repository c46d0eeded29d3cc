//! AniList's two hosts: GraphQL at one address, signing in at the other, and the page that shows what is held.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::graphql::{self, refused};
use super::resolve::Desk;
use super::state::State;
use crate::answer::{Answer, Call};
use crate::limits::seconds_until;
use crate::page::{escaped, page, table};
use crate::sign_in::{Bearer, Manner, Pkce, Refused, json_web_token, long};

/// How long an access token lives; there is no refresh.
pub const ACCESS_TOKEN_LIFETIME: TimeDelta = TimeDelta::days(365);

/// The pause after one request too many.
const TIMEOUT: TimeDelta = TimeDelta::minutes(1);

/// The limit is one of the address, and all calls come from one.
const ADDRESS: &str = "address";

/// What AniList's sign-in is like: no PKCE, no scopes, no refresh.
pub(crate) fn manner() -> Manner {
    Manner {
        service: "AniList",
        page: "/api/v2/oauth/authorize",
        pkce: Pkce::Unknown,
        issuer: None,
        access_lifetime: ACCESS_TOKEN_LIFETIME,
        refresh_lifetime: TimeDelta::zero(),
        is_rotating: false,
        scope: |_| String::new(),
        code: |secret| long(&secret),
        access_token: json_web_token,
        refresh_token: |secret| long(&secret),
    }
}

/// 403 for everyone: the API is switched off, no connection is over.
#[must_use]
pub fn temporarily_disabled() -> Answer {
    refused(
        403,
        &[
            json!({"message": "The AniList API has been temporarily disabled due to severe stability issues."}),
        ],
    )
}

/// 400 for a token that is expired, revoked or unknown.
#[must_use]
pub fn invalid_token() -> Answer {
    refused(400, &[json!({"message": "Invalid token"})])
}

/// Answers on `graphql.anilist.co`.
pub(crate) fn api(state: &mut State, call: &Call) -> Answer {
    match (call.method.as_str(), call.path.as_str()) {
        ("GET", "/") => overview(state),
        (_, "/twin/state") => Answer::json(200, &state.shown()),
        ("POST", "/") => match limited(state, call) {
            Err(answer) => answer,
            Ok(remaining) => admitted(state, call)
                .header("x-ratelimit-limit", state.requests.limit())
                .header("x-ratelimit-remaining", remaining),
        },
        _ => refused(404, &[json!({"message": "Not Found."})]),
    }
}

fn limited(state: &mut State, call: &Call) -> Result<usize, Answer> {
    if !state.enforces_limits {
        return Ok(state.requests.limit());
    }
    let paused_until = state.paused_until.filter(|until| *until > call.at);
    if paused_until.is_none() && state.requests.take(ADDRESS, call.at).is_ok() {
        return Ok(state.requests.remaining(ADDRESS, call.at));
    }
    let until = paused_until.unwrap_or(call.at + TIMEOUT);
    state.paused_until = Some(until);
    Err(refused(429, &[json!({"message": "Too Many Requests."})])
        .header("retry-after", seconds_until(until, call.at))
        .header("x-ratelimit-limit", state.requests.limit())
        .header("x-ratelimit-remaining", 0)
        .header("x-ratelimit-reset", until.timestamp()))
}

fn admitted(state: &mut State, call: &Call) -> Answer {
    let viewer = match state.sign_in.bearer(call) {
        Bearer::Missing => None,
        Bearer::Of(grant) => state
            .sign_in
            .grants
            .get(grant)
            .map(|grant| grant.user.clone()),
        // Named, although refused: the log then shows whose call it was.
        Bearer::Ended(user) => return invalid_token().of_user(&user),
        Bearer::Unknown => return invalid_token(),
    };
    let body = call
        .json()
        .ok()
        .filter(|_| call.has_content_type("application/json"));
    let Some(body) = body else {
        return refused(
            400,
            &[json!({"message": "The body must be JSON, and say so."})],
        );
    };
    let desk = Desk::new(state, viewer.clone(), call.at);
    let answer = graphql::answer(&desk, &body);
    match viewer {
        Some(viewer) => answer.of_user(&viewer),
        None => answer,
    }
}

/// Answers on `anilist.co`.
pub(crate) fn site(state: &mut State, call: &Call) -> Answer {
    match (call.method.as_str(), call.path.as_str()) {
        (_, "/") => overview(state),
        ("GET", "/api/v2/oauth/authorize") => state.sign_in.page(call),
        ("POST", "/api/v2/oauth/authorize") => state.sign_in.decided(call),
        ("POST", "/api/v2/oauth/token") => token(state, call),
        _ => page(404, "Not found", ""),
    }
}

fn token(state: &mut State, call: &Call) -> Answer {
    let body = call
        .json()
        .ok()
        .filter(|_| call.has_content_type("application/json"));
    let Some(Value::Object(body)) = body else {
        return refusal(Refused::Request("JSON body"));
    };
    let fields: Vec<(String, String)> = body
        .into_iter()
        .map(|(name, value)| {
            // A client id is a number; clients send it as either.
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            (name, text)
        })
        .collect();
    let grant_type = crate::answer::value_of(&fields, "grant_type");
    if grant_type != Some("authorization_code") {
        let body = json!({"error": "unsupported_grant_type",
            "message": "The authorization grant type is not supported by the authorization server."});
        return Answer::json(400, &body);
    }
    match state.sign_in.redeem(&fields, call.at) {
        Err(refused) => refusal(refused),
        Ok(number) => {
            let Some(grant) = state.sign_in.grants.get(number) else {
                return refusal(Refused::Grant);
            };
            let body = json!({"token_type": "Bearer", "expires_in": ACCESS_TOKEN_LIFETIME.num_seconds(),
                "access_token": grant.access_token, "refresh_token": grant.refresh_token});
            Answer::json(200, &body).of_user(&grant.user)
        }
    }
}

fn refusal(refused: Refused) -> Answer {
    let (status, error, message) = match refused {
        Refused::Client => (401, "invalid_client", "Client authentication failed"),
        Refused::Grant => (
            400,
            "invalid_grant",
            "The provided authorization grant is invalid.",
        ),
        Refused::Request(_) => (
            400,
            "invalid_request",
            "The request is missing a required parameter.",
        ),
    };
    Answer::json(
        status,
        &json!({"error": error, "error_description": message, "message": message, "hint": null}),
    )
}

fn overview(state: &State) -> Answer {
    let mut body = String::new();
    for user in state.users.keys() {
        let rows: Vec<Vec<String>> = state
            .list(user)
            .into_iter()
            .map(|entry| {
                let anime = state.catalogue.get(&entry.media);
                let title = anime.map(|anime| anime.title.clone());
                vec![
                    title.unwrap_or_default(),
                    entry.status.word().to_owned(),
                    entry.progress.to_string(),
                    entry.score_raw.to_string(),
                ]
            })
            .collect();
        body.push_str(&format!("<h2>{}</h2>\n", escaped(user)));
        body.push_str(&table(
            &["anime", "status", "progress", "score of 100"],
            &rows,
        ));
    }
    page(200, "AniList (simulated)", &body)
}
