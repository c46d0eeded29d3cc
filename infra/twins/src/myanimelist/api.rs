//! MyAnimeList's two hosts: the API under `/v2`, signing in under `/v1/oauth2`, and the page that shows what is held.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use serde_json::json;

use super::answers::{blocked_by_address, invalid_token, refused};
use super::state::State;
use super::{read, write};
use crate::answer::{Answer, Call, value_of};
use crate::page::{escaped, page, table};
use crate::sign_in::{Bearer, Manner, Pkce, Refused, json_web_token, long};

/// How long an access token lives; the documents say an hour, the service says this.
pub const ACCESS_TOKEN_LIFETIME: TimeDelta = TimeDelta::days(31);

/// How long a refresh token lives; each works once.
pub const REFRESH_TOKEN_LIFETIME: TimeDelta = TimeDelta::days(31);

/// The limit is one of the address, and all calls come from one.
const ADDRESS: &str = "address";

/// What MyAnimeList's sign-in is like: PKCE without a hash, and refresh tokens that turn over.
pub(crate) fn manner() -> Manner {
    Manner {
        service: "MyAnimeList",
        page: "/v1/oauth2/authorize",
        pkce: Pkce::Plain,
        issuer: None,
        access_lifetime: ACCESS_TOKEN_LIFETIME,
        refresh_lifetime: REFRESH_TOKEN_LIFETIME,
        is_rotating: true,
        scope: |_| "write:users".to_owned(),
        code: |secret| long(&secret),
        access_token: json_web_token,
        refresh_token: |secret| long(&secret),
    }
}

/// Answers on `api.myanimelist.net`.
pub(crate) fn api(state: &mut State, call: &Call) -> Answer {
    match call.path.as_str() {
        "/" => return overview(state),
        "/twin/state" => return Answer::json(200, &state.shown()),
        _ => {}
    }
    let is_too_fast = state.enforces_limits && state.requests.take(ADDRESS, call.at).is_err();
    if state.refuses_address || is_too_fast {
        return blocked_by_address();
    }
    admitted(state, call).unwrap_or_else(|answer| answer)
}

fn admitted(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let user = match state.sign_in.bearer(call) {
        Bearer::Of(grant) => state
            .sign_in
            .grants
            .get(grant)
            .map(|grant| grant.user.clone()),
        // Named, although refused: the log then shows whose call it was.
        Bearer::Ended(user) => return Err(invalid_token().of_user(&user)),
        Bearer::Unknown => return Err(invalid_token()),
        Bearer::Missing => {
            let app = call.header("x-mal-client-id").unwrap_or_default();
            if !state.sign_in.apps.contains_key(app) {
                return Err(refused(403, "forbidden", ""));
            }
            None
        }
    };
    let answer = route(state, call, user.as_deref()).unwrap_or_else(|answer| answer);
    Ok(match user {
        Some(user) => answer.of_user(&user),
        None => answer,
    })
}

fn route(state: &mut State, call: &Call, user: Option<&str>) -> Result<Answer, Answer> {
    let segments = call.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let signed_in = || user.ok_or_else(invalid_token);
    match (call.method.as_str(), path.as_slice()) {
        ("GET", ["v2", "users", "@me"]) => Ok(read::user(state, call, signed_in()?)),
        ("GET", ["v2", "users", "@me", "animelist"]) => {
            read::list(state, call, signed_in()?, "@me")
        }
        ("GET", ["v2", "users", name, "animelist"]) => read::list(state, call, name, name),
        ("GET", ["v2", "anime"]) => read::search(state, call),
        ("GET", ["v2", "anime", id]) => read::anime(state, call, user, id),
        ("PATCH" | "PUT", ["v2", "anime", id, "my_list_status"]) => {
            write::update(state, call, signed_in()?, id)
        }
        ("DELETE", ["v2", "anime", id, "my_list_status"]) => write::delete(state, signed_in()?, id),
        (_, ["v2", "anime", _, "my_list_status"] | ["v2", "users", ..] | ["v2", "anime", ..]) => {
            Err(refused(405, "method_not_allowed", ""))
        }
        _ => Err(refused(404, "not_found", "")),
    }
}

/// Answers on `myanimelist.net`.
pub(crate) fn site(state: &mut State, call: &Call) -> Answer {
    match (call.method.as_str(), call.path.as_str()) {
        ("GET", "/") => overview(state),
        _ if state.refuses_address => blocked_by_address(),
        ("GET", "/v1/oauth2/authorize") => state.sign_in.page(call),
        ("POST", "/v1/oauth2/authorize") => state.sign_in.decided(call),
        ("POST", "/v1/oauth2/token") => token(state, call),
        _ => page(404, "Not found", ""),
    }
}

fn token(state: &mut State, call: &Call) -> Answer {
    let mut fields = call.form();
    // The app may also name itself by the header of old.
    if let Some((client_id, secret)) = basic(call) {
        fields.push(("client_id".to_owned(), client_id));
        fields.push(("client_secret".to_owned(), secret));
    }
    let taken = match value_of(&fields, "grant_type") {
        Some("authorization_code") => state.sign_in.redeem(&fields, call.at),
        Some("refresh_token") => match state.sign_in.refresh(&fields, call.at) {
            Err(Refused::Grant) => {
                return Answer::json(
                    401,
                    &json!({"error": "invalid_request", "message": "The refresh token is invalid.",
                        "hint": "Token has been revoked"}),
                );
            }
            taken => taken,
        },
        _ => Err(Refused::Request("grant_type")),
    };
    match taken.map(|number| state.sign_in.grants.get(number)) {
        Ok(Some(grant)) => Answer::json(
            200,
            &json!({"token_type": "Bearer", "expires_in": ACCESS_TOKEN_LIFETIME.num_seconds(),
                "access_token": grant.access_token, "refresh_token": grant.refresh_token}),
        )
        .of_user(&grant.user),
        Ok(None) | Err(Refused::Grant) => refused(
            400,
            "invalid_grant",
            "The provided authorization grant is invalid.",
        ),
        Err(Refused::Client) => refused(401, "invalid_client", "Client authentication failed"),
        Err(Refused::Request(field)) => refused(
            400,
            "invalid_request",
            &format!("Check the `{field}` parameter"),
        ),
    }
}

fn basic(call: &Call) -> Option<(String, String)> {
    let encoded = call.header("authorization")?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (client_id, secret) = decoded.split_once(':')?;
    Some((client_id.to_owned(), secret.to_owned()))
}

fn overview(state: &State) -> Answer {
    let mut body = String::new();
    for (user, list) in &state.users {
        let rows: Vec<Vec<String>> = list
            .values()
            .map(|entry| {
                let anime = state.catalogue.get(&entry.anime);
                let title = anime.map(|anime| anime.title.clone());
                vec![
                    title.unwrap_or_default(),
                    entry.status.word().to_owned(),
                    entry.episodes_watched.to_string(),
                    entry.score.to_string(),
                ]
            })
            .collect();
        body.push_str(&format!("<h2>{}</h2>\n", escaped(user)));
        body.push_str(&table(&["anime", "status", "episodes", "score"], &rows));
    }
    page(200, "MyAnimeList (simulated)", &body)
}
