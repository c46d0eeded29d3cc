//! Trakt's two hosts: what lives where, and the page that shows what is held.

use chrono::{DateTime, Utc};

use super::state::{State, spelled};
use super::{api, device, oauth};
use crate::answer::{Answer, Call};
use crate::page::{escaped, page, table};

/// Answers on the API host.
pub(crate) fn api(state: &mut State, call: &Call) -> Answer {
    match call.path.as_str() {
        "/" => overview(state, call.at),
        "/twin/state" => Answer::json(200, &state.shown(call.at)),
        _ => api::answer(state, call),
    }
}

/// Answers on the OAuth host.
pub(crate) fn auth(state: &mut State, call: &Call) -> Answer {
    if call.path == "/" {
        return overview(state, call.at);
    }
    if call.header("user-agent").is_none_or(str::is_empty) {
        return api::blocked_at_the_edge();
    }
    let segments = call.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (call.method.as_str(), path.as_slice()) {
        ("GET", ["oauth", "authorize"]) => oauth::authorize_page(state, call),
        ("POST", ["oauth", "authorize"]) => oauth::authorize(state, call),
        ("POST", ["oauth", "token"]) => oauth::token(state, call),
        ("POST", ["oauth", "revoke"]) => oauth::revoke(state, call),
        ("POST", ["oauth", "device", "code"]) => device::code(state, call),
        ("POST", ["oauth", "device", "token"]) => device::token(state, call),
        ("GET", ["activate"]) => device::activation_page(state, call.query("user_code")),
        ("GET", ["activate", user_code]) => device::activation_page(state, Some(user_code)),
        ("POST", ["activate"]) => device::activate(state, call),
        (_, ["oauth", ..] | ["activate"]) => Answer::status(405),
        _ => Answer::status(404),
    }
}

fn overview(state: &State, now: DateTime<Utc>) -> Answer {
    let mut body = String::new();
    for user in state.users.keys() {
        let rows: Vec<Vec<String>> = state
            .history(user)
            .into_iter()
            .map(|entry| {
                let place = entry
                    .season
                    .zip(entry.number)
                    .map(|(season, number)| format!("{season}x{number:02}"));
                vec![
                    entry
                        .watched_at
                        .map_or_else(|| "unknown".to_owned(), spelled),
                    entry.kind.word().to_owned(),
                    entry.title.unwrap_or_default(),
                    place.unwrap_or_default(),
                    entry.action.to_owned(),
                ]
            })
            .collect();
        body.push_str(&format!("<h2>{}</h2>\n", escaped(user)));
        if let Some(watching) = state.watching(user, now) {
            let title = escaped(&watching.title.unwrap_or_default());
            body.push_str(&format!("<p>Watching now: {title}</p>\n"));
        }
        body.push_str(&table(
            &["watched at", "kind", "title", "episode", "how"],
            &rows,
        ));
    }
    page(200, "Trakt (simulated)", &body)
}
