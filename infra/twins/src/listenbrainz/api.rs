//! ListenBrainz' own paths, each answer with where the caller stands in its window.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::checks::{self, ListenType};
use super::refusal;
use super::state::{Deletion, Feedback, Listen, State, hour_of_deletion};
use crate::answer::{Answer, Call};
use crate::page::is_uuid;

/// How many listens a read gives if the request does not say.
const DEFAULT_COUNT: usize = 25;

/// How many characters the names of a metadata lookup may have together.
const MOST_NAMES: usize = 250;

/// How many recordings one lookup by POST may name.
const MOST_LOOKUPS: usize = 50;

/// More are cut, not refused.
const MOST_COUNT: usize = 1000;

pub(crate) fn answer(state: &mut State, call: &Call) -> Answer {
    let window = state.requests.take(call.at);
    let answer = if window.is_over && state.enforces_limits {
        refusal(
            429,
            "You have exceeded your rate limit. See the X-RateLimit-* response headers for more information on your current rate limit.",
        )
    } else {
        route(state, call).unwrap_or_else(|answer| answer)
    };
    answer
        .header("x-ratelimit-limit", window.limit)
        .header("x-ratelimit-remaining", window.remaining)
        .header("x-ratelimit-reset-in", window.reset_in_seconds)
        .header("x-ratelimit-reset", window.reset_at)
        .header("access-control-allow-origin", "*")
}

fn route(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let segments = call.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    for account in state.users.values_mut() {
        account.delete_what_is_due(call.at);
    }
    match (call.method.as_str(), path.as_slice()) {
        ("GET", ["1", "validate-token"]) => Ok(validate_token(state, call)),
        ("POST", ["1", "submit-listens"]) => submit(state, call),
        ("POST", ["1", "delete-listen"]) => delete(state, call),
        ("GET", ["1", "user", user, "listens"]) => listens(state, call, user),
        ("GET", ["1", "user", user, "listen-count"]) => {
            let count = account(state, user)?.listens.len();
            Ok(Answer::json(200, &json!({"payload": {"count": count}})))
        }
        ("GET", ["1", "user", user, "playing-now"]) => playing_now(state, user, call.at),
        ("POST", ["1", "feedback", "recording-feedback"]) => give_feedback(state, call),
        ("GET", ["1", "feedback", "user", user, "get-feedback"]) => feedback(state, call, user),
        ("GET", ["1", "metadata", "lookup"]) => {
            let user = authorized(state, call)?;
            Ok(metadata_lookup(state, call)?.of_user(&user))
        }
        ("POST", ["1", "metadata", "lookup"]) => {
            let user = authorized(state, call)?;
            Ok(metadata_lookups(state, call)?.of_user(&user))
        }
        _ => Err(refusal(404, "Not Found")),
    }
}

/// Here alone an invalid token is a 200.
fn validate_token(state: &State, call: &Call) -> Answer {
    let header = call.header("authorization").and_then(|header| {
        let (scheme, token) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("token").then(|| token.trim())
    });
    let Some(token) = header.or_else(|| call.query("token")) else {
        return refusal(400, "You need to provide an Authorization token.");
    };
    match state.owner(token) {
        Some(user) => {
            let body =
                json!({"code": 200, "message": "Token valid.", "valid": true, "user_name": user});
            Answer::json(200, &body).of_user(user)
        }
        None => Answer::json(
            200,
            &json!({"code": 200, "message": "Token invalid.", "valid": false}),
        ),
    }
}

fn authorized(state: &State, call: &Call) -> Result<String, Answer> {
    if call.header("authorization").is_none() {
        return Err(refusal(401, "You need to provide an Authorization header."));
    }
    let user = call.credential().and_then(|token| state.owner(token));
    user.map(str::to_owned)
        .ok_or_else(|| refusal(401, "Invalid authorization token."))
}

fn submit(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let user = authorized(state, call)?;
    let account = state.account(&user);
    if account.is_paused {
        let refused = refusal(
            401,
            "The user account is paused, or has no verified email address.",
        );
        return Err(refused.of_user(&user));
    }
    let submission = checks::judge(&call.body, call.at).map_err(|answer| answer.of_user(&user))?;
    let mut body = json!({"status": "ok"});
    for (listened_at, track) in submission.listens {
        if submission.listen_type == ListenType::PlayingNow
            && call.query("return_msid") == Some("true")
        {
            body["recording_msid"] = track.recording_msid().into();
        }
        match listened_at {
            // A listen of the same second and the same names is stored already: that is fine, and nobody is told.
            Some(listened_at) => _ = account.insert(listened_at, track, call.at),
            None => account.play(track, call.at),
        }
    }
    Ok(Answer::json(200, &body).of_user(&user))
}

fn account<'a>(state: &'a State, user: &str) -> Result<&'a super::state::Account, Answer> {
    let found = state
        .users
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(user))
        .map(|(_, account)| account);
    found.ok_or_else(|| refusal(404, &format!("Cannot find user: {user}")))
}

/// Newest first, both bounds exclusive.
fn listens(state: &State, call: &Call, user: &str) -> Result<Answer, Answer> {
    let account = account(state, user)?;
    let number = |name| match call.query(name) {
        None => Ok(None),
        Some(text) => text
            .parse::<i64>()
            .map(Some)
            .map_err(|_| refusal(400, &format!("Invalid {name} argument: {text}"))),
    };
    let (max, min, count) = (number("max_ts")?, number("min_ts")?, number("count")?);
    if max.zip(min).is_some_and(|(max, min)| max <= min) {
        return Err(refusal(400, "max_ts should be greater than min_ts"));
    }
    let count = match count {
        None => DEFAULT_COUNT,
        Some(count) => usize::try_from(count)
            .map_err(|_| refusal(400, "'count' should be a non-negative number"))?,
    };
    let all = account.oldest_first();
    let shown: Vec<Value> = all
        .iter()
        .rev()
        .filter(|listen| max.is_none_or(|max| listen.listened_at.timestamp() < max))
        .filter(|listen| min.is_none_or(|min| listen.listened_at.timestamp() > min))
        .take(count.min(MOST_COUNT))
        .map(|listen| shown_listen(state, listen, user))
        .collect();
    let second =
        |listen: Option<&Listen>| listen.map_or(0, |listen| listen.listened_at.timestamp());
    Ok(Answer::json(
        200,
        &json!({"payload": {"count": shown.len(), "user_id": user, "latest_listen_ts": second(all.last()),
            "oldest_listen_ts": second(all.first()), "listens": shown}}),
    ))
}

/// A listen with what the server found by its names; nothing of that where nothing fits.
fn shown_listen(state: &State, listen: &Listen, user: &str) -> Value {
    let mut metadata = metadata(
        &listen.artist,
        &listen.track,
        listen.release.as_deref(),
        &listen.additional_info,
        &listen.recording_msid,
    );
    let mut known = state.recordings.iter();
    if let Some(found) = known.find(|one| one.fits(&listen.artist, &listen.track, false)) {
        metadata["mbid_mapping"] =
            json!({"recording_mbid": found.mbid, "recording_name": found.name});
    }
    json!({"inserted_at": listen.inserted_at.timestamp(), "listened_at": listen.listened_at.timestamp(),
        "recording_msid": listen.recording_msid, "user_name": user, "track_metadata": metadata})
}

fn metadata(artist: &str, track: &str, release: Option<&str>, info: &Value, msid: &str) -> Value {
    let mut info = info.clone();
    info["recording_msid"] = msid.into();
    json!({"artist_name": artist, "track_name": track, "release_name": release, "additional_info": info})
}

fn playing_now(state: &State, user: &str, now: DateTime<Utc>) -> Result<Answer, Answer> {
    let playing = account(state, user)?.playing(now);
    let listens: Vec<Value> = playing
        .map(|playing| {
            let release = playing.release.as_deref();
            let metadata = metadata(
                &playing.artist,
                &playing.track,
                release,
                &playing.additional_info,
                &playing.recording_msid,
            );
            json!({"playing_now": true, "track_metadata": metadata})
        })
        .into_iter()
        .collect();
    let payload =
        json!({"count": listens.len(), "user_id": user, "playing_now": true, "listens": listens});
    Ok(Answer::json(200, &json!({"payload": payload})))
}

/// Accepted at once, carried out after the hour; an unknown pair is accepted as well.
fn delete(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let user = authorized(state, call)?;
    let body = declared_json(call)?;
    let listened_at = body.get("listened_at").and_then(Value::as_i64);
    let listened_at =
        listened_at.ok_or_else(|| refusal(400, "Listen timestamp missing or not an integer."))?;
    let msid = body
        .get("recording_msid")
        .and_then(Value::as_str)
        .filter(|msid| is_uuid(msid));
    let recording_msid = msid
        .ok_or_else(|| refusal(400, "Recording MSID missing or its format invalid."))?
        .to_owned();
    let due_at = hour_of_deletion(call.at);
    state.account(&user).deletions.push(Deletion {
        listened_at,
        recording_msid,
        due_at,
    });
    Ok(Answer::json(200, &json!({"status": "ok"})).of_user(&user))
}

fn give_feedback(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let user = authorized(state, call)?;
    let body = declared_json(call)?;
    let object = body
        .as_object()
        .ok_or_else(|| refusal(400, "JSON document must be an object."))?;
    if object
        .keys()
        .any(|key| !["recording_mbid", "recording_msid", "score"].contains(&key.as_str()))
    {
        return Err(refusal(
            400,
            "JSON document must only contain recording_msid, recording_mbid and score.",
        ));
    }
    let id = |name| match object.get(name).filter(|id| !id.is_null()) {
        None => Ok(None),
        Some(id) => {
            let id = id
                .as_str()
                .filter(|id| is_uuid(id))
                .ok_or_else(|| refusal(400, &format!("{name} is not a UUID")))?;
            Ok(Some(id.to_owned()))
        }
    };
    let (recording_mbid, recording_msid) = (id("recording_mbid")?, id("recording_msid")?);
    if recording_mbid.is_none() && recording_msid.is_none() {
        return Err(refusal(
            400,
            "JSON document must contain either recording_msid or recording_mbid, and score.",
        ));
    }
    let score = object
        .get("score")
        .and_then(Value::as_i64)
        .filter(|score| (-1..=1).contains(score));
    let score = score.ok_or_else(|| refusal(400, "score must be 1, 0 or -1"))?;
    let feedback = &mut state.account(&user).feedback;
    feedback.retain(|known| {
        let is_same =
            |known: &Option<String>, sent: &Option<String>| sent.is_some() && known == sent;
        !is_same(&known.recording_mbid, &recording_mbid)
            && !is_same(&known.recording_msid, &recording_msid)
    });
    if score != 0 {
        feedback.push(Feedback {
            recording_mbid,
            recording_msid,
            score,
            created: call.at,
        });
    }
    Ok(Answer::json(200, &json!({"status": "ok"})).of_user(&user))
}

fn feedback(state: &State, call: &Call, user: &str) -> Result<Answer, Answer> {
    let account = account(state, user)?;
    let number = |name, default| match call.query(name) {
        None => Ok(default),
        Some(text) => text
            .parse::<usize>()
            .map_err(|_| refusal(400, &format!("Invalid {name} argument: {text}"))),
    };
    let (count, offset) = (
        number("count", DEFAULT_COUNT)?.min(MOST_COUNT),
        number("offset", 0)?,
    );
    let score = call
        .query("score")
        .and_then(|score| score.parse::<i64>().ok());
    let all: Vec<&Feedback> = account
        .feedback
        .iter()
        .rev()
        .filter(|feedback| score.is_none_or(|score| score == feedback.score))
        .collect();
    let shown: Vec<Value> = all
        .iter()
        .skip(offset)
        .take(count)
        .map(|feedback| {
            json!({"created": feedback.created.timestamp(), "recording_mbid": feedback.recording_mbid,
                "recording_msid": feedback.recording_msid, "score": feedback.score, "user_id": user,
                "track_metadata": null})
        })
        .collect();
    let body = json!({"count": shown.len(), "total_count": all.len(), "offset": offset, "feedback": shown});
    Ok(Answer::json(200, &body))
}

/// One recording by its names: exactly, or by what comes close, which may be another one. No match is an empty object.
fn metadata_lookup(state: &State, call: &Call) -> Result<Answer, Answer> {
    let named = |name| call.query(name).filter(|text| !text.is_empty());
    let required = |name| {
        named(name).ok_or_else(|| refusal(400, &format!("{name} is required and cannot be empty")))
    };
    let (artist, name) = (required("artist_name")?, required("recording_name")?);
    let release = named("release_name").unwrap_or_default();
    let length: usize = [artist, name, release]
        .iter()
        .map(|text| text.chars().count())
        .sum();
    if length > MOST_NAMES {
        return Err(refusal(
            400,
            "artist_name, recording_name and release_name may have 250 characters together",
        ));
    }
    Ok(Answer::json(200, &matched(state, artist, name)))
}

/// The same for up to 50; each answer says what it was asked.
fn metadata_lookups(state: &State, call: &Call) -> Result<Answer, Answer> {
    let body = declared_json(call)?;
    let recordings = body.get("recordings").and_then(Value::as_array);
    let recordings = recordings.ok_or_else(|| refusal(400, "recordings is missing"))?;
    if recordings.len() > MOST_LOOKUPS {
        return Err(refusal(
            400,
            "At most 50 recordings can be looked up at once",
        ));
    }
    let mut answers = Vec::with_capacity(recordings.len());
    for (index, recording) in recordings.iter().enumerate() {
        let text = |name: &str| recording.get(name).and_then(Value::as_str);
        let (artist, name) = text("artist_name")
            .zip(text("recording_name"))
            .ok_or_else(|| refusal(400, "artist_name and recording_name are required"))?;
        let mut answer = matched(state, artist, name);
        answer["index"] = index.into();
        answer["artist_name_arg"] = artist.into();
        answer["recording_name_arg"] = name.into();
        answers.push(answer);
    }
    Ok(Answer::json(200, &Value::Array(answers)))
}

fn matched(state: &State, artist: &str, name: &str) -> Value {
    let find = |is_fuzzy| {
        let mut known = state.recordings.iter();
        known.find(|recording| recording.fits(artist, name, is_fuzzy))
    };
    match find(false).or_else(|| find(true)) {
        None => json!({}),
        Some(found) => json!({"recording_mbid": found.mbid, "recording_name": found.name,
            "artist_credit_name": found.artist, "artist_mbids": [], "release_mbid": null, "release_name": null}),
    }
}

/// These two paths look at the content type; submit-listens does not.
fn declared_json(call: &Call) -> Result<Value, Answer> {
    if !call.has_content_type("application/json") {
        return Err(refusal(
            415,
            "Did not attempt to load JSON data because the request Content-Type was not 'application/json'.",
        ));
    }
    call.json()
        .map_err(|_| refusal(400, "Cannot parse JSON document."))
}
