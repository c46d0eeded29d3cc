//! Simkl's refusals, each in its envelope: `{"error", "code", "message"}`.

use serde_json::json;

use crate::answer::Answer;

/// Any refusal.
#[must_use]
pub fn refused(status: u16, error: &str, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({"error": error, "code": status, "message": message}),
    )
}

/// 429 for the moment: more than one write or ten reads in a second.
#[must_use]
pub fn rate_limit() -> Answer {
    refused(429, "rate_limit", "Too many requests, slow down.")
}

/// 429 for the rest of the day in New York.
#[must_use]
pub fn user_limit_exceeded(retry_after_seconds: i64) -> Answer {
    refused(
        429,
        "user_limit_exceeded",
        "The daily limit of requests of this user is exceeded.",
    )
    .header("retry-after", retry_after_seconds)
}

/// 400 for a scrobble that waited longer than 20 seconds for another one of its user.
#[must_use]
pub fn scrobble_locked() -> Answer {
    refused(
        400,
        "RATE_LIMIT",
        "Another scrobble of this user is being processed.",
    )
}

/// 412: the client id is wrong, its total limit is used up, or it was suspended.
#[must_use]
pub fn client_id_failed() -> Answer {
    refused(
        412,
        "client_id_failed",
        "Wrong client_id or total requests limit exceeded.",
    )
}

/// 200 with a refusal inside: a feature of paid plans.
#[must_use]
pub fn premium_only() -> Answer {
    Answer::json(
        200,
        &json!({"error": "premium_only", "code": 200, "message": "This feature is for PRO and VIP members.",
            "title": "Become a PRO member", "poster": "00/premium"}),
    )
}

/// 401 for a token that is expired, revoked or unknown.
#[must_use]
pub fn user_token_failed() -> Answer {
    refused(401, "user_token_failed", "The user token is not valid.")
}

pub(crate) fn wrong_parameter(message: &str) -> Answer {
    refused(400, "wrong_parameter", message)
}

pub(crate) fn empty_field(name: &str) -> Answer {
    refused(400, "empty_field", &format!("{name} is missing."))
}

pub(crate) fn not_found() -> Answer {
    refused(404, "id_err", "The item was not found.")
}
