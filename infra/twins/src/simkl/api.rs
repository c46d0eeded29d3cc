//! Simkl's two hosts: what a request has to carry, what lives where, and the page that shows what is held.

use serde_json::json;

use super::answers::{client_id_failed, empty_field, refused, user_token_failed};
use super::limits::with_headers;
use super::state::{State, spelled};
use super::{device, history, lists, oauth, read, scrobble};
use crate::answer::{Answer, Call, value_of};
use crate::page::{escaped, page, table};
use crate::sign_in::Bearer;

/// Answers on `api.simkl.com`.
pub(crate) fn api(state: &mut State, call: &Call) -> Answer {
    let segments = call.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (call.method.as_str(), path.as_slice()) {
        (_, []) => overview(state, call),
        (_, ["twin", "state"]) => Answer::json(200, &state.shown(call.at)),
        ("POST", ["oauth2", "token"]) => oauth::token(state, call),
        ("POST", ["oauth2", "device"]) => device::start(state, call),
        ("POST", ["oauth2", "revoke"]) => oauth::revoke(state, call),
        (_, ["oauth2", ..]) => refused(404, "url_failed", "No such address."),
        (_, ["oauth", ..]) => oauth::first_version(),
        _ => admitted(state, call, &path).unwrap_or_else(|answer| answer),
    }
}

/// Answers on `simkl.com`.
pub(crate) fn site(state: &mut State, call: &Call) -> Answer {
    let segments = call.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (call.method.as_str(), path.as_slice()) {
        (_, []) => overview(state, call),
        ("GET", ["oauth2", "authorize"]) => state.sign_in.page(call),
        ("POST", ["oauth2", "authorize"]) => state.sign_in.decided(call),
        ("GET", ["pin"]) => device::pin_page(state, call.query("user_code")),
        ("GET", ["pin", user_code]) => device::pin_page(state, Some(user_code)),
        ("POST", ["pin"]) => device::decided(state, call),
        _ => page(404, "Not found", ""),
    }
}

fn admitted(state: &mut State, call: &Call, path: &[&str]) -> Result<Answer, Answer> {
    let client_id = call
        .query("client_id")
        .or_else(|| call.header("simkl-api-key"))
        .unwrap_or_default();
    if !state.sign_in.apps.contains_key(client_id) || state.rules.suspended.contains(client_id) {
        return Err(client_id_failed());
    }
    for name in ["client_id", "app-name", "app-version"] {
        if value_of(&call.query, name).is_none_or(str::is_empty) {
            return Err(empty_field(name));
        }
    }
    if call.header("user-agent").is_none_or(str::is_empty) {
        return Err(empty_field("User-Agent"));
    }
    let grant = match state.sign_in.bearer(call) {
        Bearer::Of(grant) => grant,
        // Named, although refused: the log then shows whose call it was.
        Bearer::Ended(user) => return Err(user_token_failed().of_user(&user)),
        Bearer::Unknown => return Err(user_token_failed()),
        Bearer::Missing => {
            return Err(refused(
                401,
                "user_token_required",
                "A user token is required.",
            ));
        }
    };
    let Some((user, owner, may_write)) = state.sign_in.grants.get(grant).map(|grant| {
        let may_write = grant.scope.contains("media:write");
        (grant.user.clone(), grant.client_id.clone(), may_write)
    }) else {
        return Err(user_token_failed());
    };
    if owner != client_id {
        return Err(user_token_failed().of_user(&user));
    }
    let plan = state.account(&user).plan;
    let quota = state
        .limits
        .take(&user, plan, call.method == "GET", call.at)
        .map_err(|answer| answer.of_user(&user))?;
    if is_write(call, path) && !may_write {
        return Err(refused(403, "forbidden", "The token may only read.").of_user(&user));
    }
    let answer = route(state, call, &user, grant, path).unwrap_or_else(|answer| answer);
    Ok(with_headers(answer.of_user(&user), quota))
}

fn is_write(call: &Call, path: &[&str]) -> bool {
    let is_read_by_post = matches!(
        path,
        ["sync", "activities" | "watched"] | ["users", "settings"]
    ) || (matches!(path, ["sync", "ratings", ..])
        && path.len() > 2
        && path.get(2) != Some(&"remove"));
    call.method != "GET" && !is_read_by_post
}

fn route(
    state: &mut State,
    call: &Call,
    user: &str,
    grant: usize,
    path: &[&str],
) -> Result<Answer, Answer> {
    match (call.method.as_str(), path) {
        ("POST", ["scrobble", action @ ("start" | "pause" | "stop")]) => {
            scrobble::answer(state, call, user, action)
        }
        ("POST", ["sync", "history"]) => history::add(state, call, user),
        ("POST", ["sync", "history", "remove"]) => history::remove(state, call, user),
        ("POST", ["sync", "ratings"]) => lists::rate(state, call, user),
        ("POST", ["sync", "ratings", "remove"]) => lists::unrate(state, call, user),
        ("POST", ["sync", "add-to-list"]) => lists::add_to_list(state, call, user),
        ("POST", ["sync", "watched"]) => read::watched(state, call, user),
        ("GET" | "POST", ["sync", "activities"]) => Ok(read::activities(state, user, grant)),
        ("GET", ["sync", "all-items", filter @ ..]) => {
            read::all_items(state, call, user, grant, filter)
        }
        ("GET" | "POST", ["sync", "ratings", filter @ ..]) => {
            read::ratings(state, call, user, filter)
        }
        ("GET", ["sync", "playback"]) => Ok(read::playback(state, user, call, None)),
        ("GET", ["sync", "playback", kind]) => Ok(read::playback(state, user, call, Some(kind))),
        ("DELETE", ["sync", "playback", id]) => read::delete_playback(state, user, id),
        ("GET", ["search", "id"]) => Ok(read::search(state, call)),
        ("GET" | "POST", ["users", "settings"]) => Ok(settings(state, user)),
        _ => Err(refused(404, "url_failed", "No such address.")),
    }
}

fn settings(state: &mut State, user: &str) -> Answer {
    let plan = state.account(user).plan;
    let id = state.sign_in.open_account(user);
    Answer::json(
        200,
        &json!({"user": {"name": user, "joined_at": "2007-11-04T22:04:46Z", "gender": "", "avatar": "", "bio": "",
                "loc": "", "age": ""},
            "account": {"id": id, "timezone": "Europe/Berlin", "type": plan.word()},
            "connections": {"facebook": false}}),
    )
}

fn overview(state: &State, call: &Call) -> Answer {
    let mut body = String::new();
    for user in state.users.keys() {
        body.push_str(&format!("<h2>{}</h2>\n", escaped(user)));
        if let Some(watching) = state.watching(user, call.at) {
            let title = escaped(&watching.title);
            body.push_str(&format!("<p>Watching now: {title}</p>\n"));
        }
        let plays: Vec<Vec<String>> = state
            .plays(user)
            .into_iter()
            .map(|play| {
                let place = play.season.zip(play.number);
                let place = place.map(|(season, number)| format!("{season}x{number:02}"));
                vec![
                    spelled(play.watched_at),
                    play.kind.word().to_owned(),
                    play.title,
                    place.unwrap_or_default(),
                ]
            })
            .collect();
        body.push_str(&table(&["watched at", "kind", "title", "episode"], &plays));
        let list: Vec<Vec<String>> = state
            .list(user)
            .into_iter()
            .map(|entry| {
                let rating = entry.rating.map(|rating| rating.to_string());
                vec![
                    entry.title,
                    entry.status.word().to_owned(),
                    rating.unwrap_or_default(),
                ]
            })
            .collect();
        body.push_str(&table(&["title", "list", "rating"], &list));
    }
    page(200, "Simkl (simulated)", &body)
}
