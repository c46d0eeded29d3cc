//! Simkl's AUTH V2 of 2026-09-18: PKCE by S256, form-encoded token requests, a refresh token that stays.
//!
//! The endpoints of V1 answer apps of V2 with `unauthorized_client`.

use chrono::TimeDelta;
use serde_json::json;

use super::device;
use super::state::State;
use crate::answer::{Answer, Call, value_of};
use crate::sign_in::{Manner, Pkce, Refused};

/// How long an access token lives.
pub const ACCESS_TOKEN_LIFETIME: TimeDelta = TimeDelta::days(7);

/// How long a refresh token lives since its last use.
pub const REFRESH_TOKEN_LIFETIME: TimeDelta = TimeDelta::days(180);

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What Simkl's sign-in is like.
pub(crate) fn manner() -> Manner {
    Manner {
        service: "Simkl",
        page: "/oauth2/authorize",
        pkce: Pkce::S256,
        issuer: Some("https://simkl.com"),
        access_lifetime: ACCESS_TOKEN_LIFETIME,
        refresh_lifetime: REFRESH_TOKEN_LIFETIME,
        is_rotating: false,
        scope: granted_scope,
        code: |secret| secret,
        access_token: |claims| format!("simkl_at_{}", claims.secret),
        refresh_token: |secret| format!("simkl_rt_{secret}"),
    }
}

/// A missing or misspelled scope silently gives a grant that only reads.
pub(crate) fn granted_scope(asked: Option<&str>) -> String {
    let asked: Vec<&str> = asked.unwrap_or_default().split(' ').collect();
    if asked.contains(&"media:write") {
        "media:read media:write".to_owned()
    } else {
        "media:read".to_owned()
    }
}

/// `POST /oauth2/token`.
pub(crate) fn token(state: &mut State, call: &Call) -> Answer {
    let fields = call.form();
    let taken = match value_of(&fields, "grant_type") {
        Some("authorization_code") => state.sign_in.redeem(&fields, call.at),
        Some("refresh_token") => state.sign_in.refresh(&fields, call.at),
        Some(DEVICE_GRANT) => return device::poll(state, &fields, call.at),
        _ => Err(Refused::Request("grant_type")),
    };
    match taken {
        Ok(number) => token_answer(state, number),
        Err(refused) => refusal(refused),
    }
}

/// `POST /oauth2/revoke`: 200 even for an unknown token.
pub(crate) fn revoke(state: &mut State, call: &Call) -> Answer {
    let fields = call.form();
    let token = value_of(&fields, "token").unwrap_or_default();
    for grant in &mut state.sign_in.grants {
        if grant.access_token == token || grant.refresh_token == token {
            grant.is_revoked = true;
        }
    }
    Answer::json(200, &json!({}))
}

/// The endpoints of V1, `/oauth/…`.
pub(crate) fn first_version() -> Answer {
    Answer::json(400, &json!({"error": "unauthorized_client"}))
}

pub(crate) fn token_answer(state: &State, number: usize) -> Answer {
    let Some(grant) = state.sign_in.grants.get(number) else {
        return refusal(Refused::Grant);
    };
    Answer::json(
        200,
        &json!({"access_token": grant.access_token, "token_type": "Bearer",
            "expires_in": (grant.expires_at - grant.made_at).num_seconds(),
            "refresh_token": grant.refresh_token, "scope": grant.scope}),
    )
    .of_user(&grant.user)
}

pub(crate) fn refusal(refused: Refused) -> Answer {
    let (status, error, description) = match refused {
        Refused::Client => (
            401,
            "invalid_client",
            "Client authentication failed.".to_owned(),
        ),
        Refused::Grant => (
            400,
            "invalid_grant",
            "The code or refresh token is invalid, expired, used or revoked.".to_owned(),
        ),
        Refused::Request(field) => (
            400,
            "invalid_request",
            format!("{field} is missing or unknown."),
        ),
    };
    Answer::json(
        status,
        &json!({"error": error, "error_description": description}),
    )
}
