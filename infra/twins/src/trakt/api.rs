//! The door of the API host: headers, tokens, limits and routes, in the order Trakt checks them.

use serde_json::{Value, json};

use super::ids::Kind;
use super::state::{Account, State, spelled};
use super::{history, lists, read, scrobble};
use crate::answer::{Answer, Call};
use crate::page::{digest, uuid_of};

/// The page that stands in front of Trakt and answers before it does; it carries none of Trakt's own headers.
#[must_use]
pub fn blocked_at_the_edge() -> Answer {
    Answer::html(
        403,
        "<!DOCTYPE html>\n<html><head><title>Access denied</title></head><body>error code: 1010</body></html>\n",
    )
}

/// Answers a call to the API host.
pub(crate) fn answer(state: &mut State, call: &Call) -> Answer {
    if call.header("user-agent").is_none_or(str::is_empty) {
        return blocked_at_the_edge();
    }
    let request_id = uuid_of(&state.mint.secret());
    let answer = admitted(state, call).unwrap_or_else(|answer| answer);
    answer
        .header("x-request-id", request_id)
        .header("x-runtime", "0.012")
}

fn admitted(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let segments = call.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    // Signing in lives on a host of its own; this one knows nothing of it.
    if path.first() == Some(&"oauth") {
        return Err(Answer::status(404));
    }
    if call.header("trakt-api-version") != Some("2") {
        return Err(Answer::status(400));
    }
    let client_id = call.header("trakt-api-key").unwrap_or_default().to_owned();
    if !state.apps.contains_key(&client_id) {
        return Err(Answer::status(403));
    }
    let is_read = call.method == "GET";
    let carries_a_body = call.method == "POST" || call.method == "PUT";
    if carries_a_body && !call.has_content_type("application/json") {
        return Err(Answer::status(412));
    }
    let needs_user = !matches!(path.first(), Some(&("search" | "movies" | "shows")));
    let user = user_of(state, call, &client_id, needs_user)?;
    let named = |answer: Answer| match &user {
        Some(user) => answer.of_user(user),
        None => answer,
    };
    if user
        .as_ref()
        .and_then(|user| state.users.get(user))
        .is_some_and(|account| account.is_locked)
    {
        return Err(named(account_locked()));
    }
    state
        .limits
        .take(user.as_deref(), &client_id, is_read, call.at)
        .map_err(named)?;
    Ok(named(route(
        state,
        call,
        user.as_deref().unwrap_or_default(),
        &path,
    )))
}

fn user_of(
    state: &State,
    call: &Call,
    client_id: &str,
    needs_user: bool,
) -> Result<Option<String>, Answer> {
    let Some(header) = call.header("authorization") else {
        return if needs_user {
            Err(unauthorized())
        } else {
            Ok(None)
        };
    };
    let token = header
        .strip_prefix("Bearer ")
        .or_else(|| header.strip_prefix("bearer "))
        .unwrap_or_default();
    let grant = state
        .grants
        .iter()
        .find(|grant| grant.access_token == token);
    match grant {
        Some(grant)
            if !grant.is_revoked && grant.expires_at > call.at && grant.client_id == client_id =>
        {
            Ok(Some(grant.user.clone()))
        }
        // Named, although refused: the log then shows whose call it was.
        Some(grant) => Err(unauthorized().of_user(&grant.user)),
        None => Err(unauthorized()),
    }
}

fn route(state: &mut State, call: &Call, user: &str, path: &[&str]) -> Answer {
    match (call.method.as_str(), path) {
        ("POST", ["scrobble", action @ ("start" | "pause" | "stop")]) => {
            scrobble::answer(state, call, user, action)
        }
        ("POST", ["sync", "history"]) => history::add(state, call, user),
        ("POST", ["sync", "history", "remove"]) => history::remove(state, call, user),
        ("POST", ["sync", "ratings"]) => whole(lists::rate(state, call, user)),
        ("POST", ["sync", "watchlist"]) => whole(lists::watchlist(state, call, user)),
        ("POST", ["sync", "collection"]) => whole(lists::collect(state, call, user)),
        (
            "POST",
            [
                "sync",
                name @ ("ratings" | "watchlist" | "collection"),
                "remove",
            ],
        ) => whole(lists::remove(state, call, user, name)),
        ("GET", ["sync", "ratings", filter @ ..]) => lists::ratings(state, call, user, filter),
        ("GET", ["sync", "watchlist", filter @ ..]) => {
            lists::watchlisted(state, call, user, filter)
        }
        ("GET", ["sync", "collection", kind]) => lists::collected(state, call, user, kind),
        ("GET", ["sync", "history", filter @ ..]) => read::history(state, call, user, filter),
        ("GET", ["sync", "playback"]) => read::playback(state, call, user, None),
        ("GET", ["sync", "playback", kind]) => read::playback(state, call, user, Some(kind)),
        ("DELETE", ["sync", "playback", id]) => read::delete_playback(state, user, id),
        ("GET", ["sync", "last_activities"]) => read::last_activities(state, user, call.at),
        ("GET", ["search", id_type, id]) => read::search(state, call, id_type, id),
        ("GET", ["movies", id]) => read::summary(state, Kind::Movie, id),
        ("GET", ["shows", id]) => read::summary(state, Kind::Show, id),
        ("GET", ["shows", id, "seasons", season, "episodes", number]) => {
            read::episode(state, id, season, number)
        }
        ("GET", ["users", "settings"]) => settings(state, user),
        (
            _,
            ["scrobble", _]
            | [
                "sync",
                "history" | "playback" | "last_activities" | "ratings" | "watchlist" | "collection",
                ..,
            ]
            | ["users", "settings"],
        ) => Answer::status(405),
        _ => Answer::status(404),
    }
}

fn whole(answer: Result<Answer, Answer>) -> Answer {
    answer.unwrap_or_else(|answer| answer)
}

fn settings(state: &mut State, user: &str) -> Answer {
    let Account {
        watches_only_once,
        is_vip,
        list_limit,
        ..
    } = state.account(user);
    let (watches_only_once, is_vip, items) = (*watches_only_once, *is_vip, *list_limit);
    Answer::json(
        200,
        &json!({
            "user": {"username": user, "private": false, "name": user, "vip": is_vip, "vip_ep": false,
                "ids": {"slug": user.to_lowercase(), "uuid": uuid_of_user(user)},
                "joined_at": "2010-09-25T17:49:25.000Z", "location": null, "about": null},
            "account": {"timezone": "Europe/Berlin", "date_format": "dmy", "time_24hr": true, "cover_image": null},
            "connections": {"facebook": false, "twitter": false, "mastodon": false, "google": false, "tumblr": false,
                "medium": false, "slack": false, "apple": false, "dropbox": false, "microsoft": false},
            "sharing_text": {"watching": "I'm watching [item]", "watched": "I just watched [item]",
                "rated": "[item] [stars]"},
            "limits": {"list": {"count": 2, "item_count": 100}, "watchlist": {"item_count": items},
                "favorites": {"item_count": 100}, "search": {"recent_count": 5}, "collection": {"item_count": items},
                "notes": {"item_count": 100}},
            "permissions": {"commenting": true, "liking": true, "following": true},
            "browsing": {"watch_only_once": watches_only_once},
        }),
    )
}

/// The stable account id: 40 hexadecimal digits in the documents' example.
fn uuid_of_user(user: &str) -> String {
    digest(&format!("trakt account {user}"))
        .chars()
        .take(40)
        .collect()
}

/// The body of a write, or 400.
pub(crate) fn json_body(call: &Call) -> Result<Value, Answer> {
    call.json()
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| Answer::status(400))
}

/// 401, as the API answers it: no body.
pub(crate) fn unauthorized() -> Answer {
    Answer::status(401).header("www-authenticate", "Bearer error=\"invalid_token\"")
}

/// 423: the account is locked; its owner has to write to Trakt.
#[must_use]
pub fn account_locked() -> Answer {
    Answer::status(423)
        .header("x-account-locked", "true")
        .header("x-account-deactivated", "false")
}

/// 420: the account's limit (of list items, for example) is exceeded.
#[must_use]
pub fn account_limit_exceeded() -> Answer {
    account_limit(100)
}

pub(crate) fn account_limit(items: usize) -> Answer {
    Answer::status(420)
        .header("x-upgrade-url", "https://trakt.tv/vip")
        .header("x-vip-user", "false")
        .header("x-account-limit", items)
}

/// 426: only VIP accounts may do that.
#[must_use]
pub fn vip_only() -> Answer {
    Answer::status(426).header("x-upgrade-url", "https://trakt.tv/vip")
}

/// 429 with the headers of the limit of writes.
#[must_use]
pub fn too_many_writes(retry_after_seconds: i64, until: chrono::DateTime<chrono::Utc>) -> Answer {
    let details = json!({"name": "AUTHED_API_POST_LIMIT", "period": 1, "limit": 1, "remaining": 0,
        "until": spelled(until)});
    Answer::status(429)
        .header("retry-after", retry_after_seconds)
        .header("x-ratelimit", details)
}
