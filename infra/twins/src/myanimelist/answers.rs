//! MyAnimeList's refusals: `{"error", "message"}`, or the page of what stands in front of it.

use serde_json::json;

use crate::answer::Answer;

/// Any refusal.
#[must_use]
pub fn refused(status: u16, error: &str, message: &str) -> Answer {
    Answer::json(status, &json!({"error": error, "message": message}))
}

/// 403 and HTML: too fast, or an address of a cloud provider. No connection is over.
#[must_use]
pub fn blocked_by_address() -> Answer {
    Answer::html(
        403,
        "<!DOCTYPE html>\n<html><head><title>ERROR: The request could not be satisfied</title></head><body>\
         <h1>403 ERROR</h1><p>Request blocked. We can't connect to the server for this app or website at this time.</p>\
         </body></html>\n",
    )
}

/// 401 for a token that is expired, revoked or unknown.
#[must_use]
pub fn invalid_token() -> Answer {
    refused(401, "invalid_token", "").header(
        "www-authenticate",
        "Bearer error=\"invalid_token\",error_description=\"The access token expired\"",
    )
}

/// 400 for an anime that waits for its approval.
#[must_use]
pub fn invalid_content() -> Answer {
    refused(400, "invalid_content", "")
}

pub(crate) fn bad_request(message: &str) -> Answer {
    refused(400, "bad_request", message)
}

pub(crate) fn not_found() -> Answer {
    refused(404, "not_found", "")
}
