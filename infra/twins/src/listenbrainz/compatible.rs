//! Servers that speak ListenBrainz' submissions and nothing else, each with its own manners.
//!
//! Maloja was measured (3.2.3, 2026-11-20), Koito read (f7dc41c, 2026-05). Neither has reads or rate limits.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::state::{State, Track, whole_number};
use crate::answer::{Answer, Call};

/// Where both put their ListenBrainz-like paths.
pub(crate) const PREFIX: &str = "/apis/listenbrainz";

/// Maloja's answers. Its paths end at submit-listens and validate-token; all others are a 200 that says "error".
pub(crate) fn maloja(state: &mut State, call: &Call) -> Answer {
    let invalid_method = || Answer::json(200, &json!({"code": 200, "error": "Invalid Method"}));
    let Some(path) = call.path.strip_prefix(PREFIX) else {
        return invalid_method();
    };
    let user = call
        .credential()
        .and_then(|token| state.owner(token))
        .map(str::to_owned);
    let unauthorized = || {
        Answer::json(
            401,
            &json!({"code": 401, "error": "Incorrect Authorization"}),
        )
    };
    match (call.method.as_str(), path) {
        ("GET", "/1/validate-token") => match user {
            Some(user) => {
                let body = json!({"code": 200, "message": "Token valid.", "valid": true, "user_name": user});
                Answer::json(200, &body).of_user(&user)
            }
            None => unauthorized(),
        },
        ("POST", "/1/submit-listens") => match user {
            Some(user) => maloja_submit(state, call, &user).of_user(&user),
            None => unauthorized(),
        },
        _ => invalid_method(),
    }
}

fn maloja_submit(state: &mut State, call: &Call, user: &str) -> Answer {
    let failed = || {
        Answer::json(
            500,
            &json!({"code": 500, "error": "Unspecified server error."}),
        )
    };
    if !call.has_content_type("application/json") {
        return Answer::json(
            400,
            &json!({"code": 400, "error": "Invalid JSON document submitted."}),
        );
    }
    let Ok(body) = call.json() else {
        return Answer::html(
            400,
            "<!DOCTYPE html>\n<html><body><h1>Error: 400 Bad Request</h1></body></html>\n",
        );
    };
    let Some(payload) = body.get("payload").and_then(Value::as_array) else {
        return failed();
    };
    let done = || Answer::json(200, &json!({"status": "ok"}));
    match body.get("listen_type").and_then(Value::as_str) {
        Some("playing_now") => return done(),
        Some("single" | "import") => {}
        _ => return failed(),
    }
    for listen in payload {
        // What came before the bad one is kept, what comes after it is lost.
        let Some(track) =
            read(listen).filter(|track| !track.artist.eq_ignore_ascii_case("unknown artist"))
        else {
            return failed();
        };
        let listened_at = second(listen, call.at);
        let account = state.account(user);
        let is_taken = |known: &super::state::Listen| {
            known.listened_at == listened_at
                && !(known.artist.eq_ignore_ascii_case(&track.artist)
                    && known.track.eq_ignore_ascii_case(&track.track))
        };
        if account.listens.iter().any(is_taken) {
            return failed();
        }
        // One second holds one track, so that the same names again change nothing.
        if !account
            .listens
            .iter()
            .any(|known| known.listened_at == listened_at)
        {
            account.insert(listened_at, track, call.at);
        }
    }
    done()
}

/// Koito's answers.
pub(crate) fn koito(state: &mut State, call: &Call) -> Answer {
    let Some(path) = call.path.strip_prefix(PREFIX) else {
        return Answer::status(404);
    };
    let unauthorized = || Answer::json(401, &json!({"error": "unauthorized"}));
    let Some(user) = call
        .credential()
        .and_then(|token| state.owner(token))
        .map(str::to_owned)
    else {
        return unauthorized();
    };
    match (call.method.as_str(), path) {
        ("GET", "/1/validate-token") => {
            let body =
                json!({"code": 200, "message": "Token valid.", "valid": true, "user_name": user});
            Answer::json(200, &body).of_user(&user)
        }
        ("POST", "/1/submit-listens") => koito_submit(state, call, &user).of_user(&user),
        _ => Answer::status(404),
    }
}

fn koito_submit(state: &mut State, call: &Call, user: &str) -> Answer {
    let bad = || Answer::json(400, &json!({"error": "failed to parse request body"}));
    let Ok(body) = call.json() else { return bad() };
    let Some(payload) = body.get("payload").and_then(Value::as_array) else {
        return bad();
    };
    let stops_at = state.stops_at.take();
    let account = state.account(user);
    for (index, listen) in payload.iter().enumerate() {
        if stops_at == Some(index) {
            return Answer::json(500, &json!({"status": "internal server error"}));
        }
        let Some(track) = read(listen) else {
            return bad();
        };
        // A missing listen type is a single.
        if body.get("listen_type").and_then(Value::as_str) == Some("playing_now") {
            account.play(track, call.at);
        } else {
            account.insert(second(listen, call.at), track, call.at);
        }
    }
    Answer::json(200, &json!({"status": "ok"}))
}

/// When it was; 0 and nothing mean now.
fn second(listen: &Value, now: DateTime<Utc>) -> DateTime<Utc> {
    let second = listen
        .get("listened_at")
        .and_then(whole_number)
        .filter(|second| *second != 0);
    let second = second.unwrap_or(now.timestamp());
    DateTime::from_timestamp(second, 0).unwrap_or(now)
}

/// Reads without checking; none is what breaks these servers.
fn read(listen: &Value) -> Option<Track> {
    let metadata = listen.get("track_metadata")?;
    let name = |key| metadata.get(key).and_then(Value::as_str).map(str::to_owned);
    let additional_info = match metadata.get("additional_info") {
        None => json!({}),
        Some(info) => info.as_object().cloned().map(Value::Object)?,
    };
    Some(Track {
        artist: name("artist_name").filter(|name| !name.is_empty())?,
        track: name("track_name").filter(|name| !name.is_empty())?,
        release: name("release_name"),
        additional_info,
    })
}
