//! The door of the API: parameters, keys, signatures, sessions, and then the method.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::reply::{Element, error, success};
use super::state::State;
use super::{auth, read, scrobble, signature};
use crate::answer::{Answer, Call, value_of};
use crate::page::{escaped, page, table};

/// One call of the API: all its parameters, wherever they were sent.
pub(crate) struct Ask {
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) is_post: bool,
    pub(crate) is_json: bool,
    pub(crate) now: DateTime<Utc>,
}

/// An error's number and message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refusal(pub(crate) u16, pub(crate) &'static str);

impl Ask {
    fn read(call: &Call) -> Ask {
        let parameters: BTreeMap<String, String> =
            call.query.iter().cloned().chain(call.form()).collect();
        let is_json = parameters
            .get("format")
            .is_some_and(|format| format == "json");
        Ask {
            parameters,
            is_post: call.method == "POST",
            is_json,
            now: call.at,
        }
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.value(name).ok_or(Refusal(
            6,
            "Invalid parameters - Your request is missing a required parameter",
        ))
    }

    pub(crate) fn api_key(&self) -> &str {
        self.value("api_key").unwrap_or_default()
    }
}

/// The method that is called.
pub(crate) fn operation(call: &Call) -> String {
    let method = value_of(&call.query, "method").map(str::to_owned);
    method
        .or_else(|| value_of(&call.form(), "method").map(str::to_owned))
        .unwrap_or_else(|| call.path.clone())
}

/// Answers on the host: the API, the consent pages, and what it holds.
pub(crate) fn host(state: &mut State, call: &Call) -> Answer {
    match (call.method.as_str(), call.path.trim_end_matches('/')) {
        (_, "") => overview(state, call.at),
        (_, "/twin/state") => Answer::json(200, &state.shown(call.at)),
        ("GET" | "POST", "/2.0") => call_method(state, call),
        ("GET", "/api/auth") => auth::consent_page(state, call),
        ("POST", "/api/auth") => auth::consent(state, call),
        _ => page(404, "Not found", ""),
    }
}

fn call_method(state: &mut State, call: &Call) -> Answer {
    let ask = Ask::read(call);
    if state.enforces_limits && state.requests.take("address", ask.now).is_err() {
        return error(
            29,
            "Rate Limit Exceeded - Your IP has made too many requests in a short period",
            ask.is_json,
        );
    }
    let mut user = None;
    let answer = match answered(state, &ask, &mut user) {
        Ok(element) => success(element.as_ref(), ask.is_json),
        Err(Refusal(number, message)) => error(number, message, ask.is_json),
    };
    match user {
        Some(user) => answer.of_user(&user),
        None => answer,
    }
}

fn answered(
    state: &mut State,
    ask: &Ask,
    caller: &mut Option<String>,
) -> Result<Option<Element>, Refusal> {
    if ask
        .value("format")
        .is_some_and(|format| format != "json" && format != "xml")
    {
        return Err(Refusal(
            5,
            "Invalid format - This service doesn't exist in that format",
        ));
    }
    let no_such_key = Refusal(
        10,
        "Invalid API key - You must be granted a valid key by last.fm",
    );
    let secret = state.apps.get(ask.api_key()).cloned().ok_or(no_such_key)?;
    let method = ask.value("method").unwrap_or_default().to_ascii_lowercase();
    let is_write = [
        "track.updatenowplaying",
        "track.scrobble",
        "track.love",
        "track.unlove",
    ]
    .contains(&method.as_str());
    let is_signed = is_write || method.starts_with("auth.") || ask.value("sk").is_some();
    if is_write && !ask.is_post {
        return Err(Refusal(
            6,
            "Invalid parameters - This method requires a POST",
        ));
    }
    if is_signed {
        let sent = ask
            .value("api_sig")
            .unwrap_or_default()
            .to_ascii_lowercase();
        if sent != signature::signature(&ask.parameters, &secret) {
            return Err(Refusal(13, "Invalid method signature supplied"));
        }
    }
    if is_write || ask.value("sk").is_some() {
        let session = ask.value("sk").and_then(|key| state.sessions.get(key));
        let session = session.filter(|session| session.api_key == ask.api_key());
        let session = session.ok_or(Refusal(9, "Invalid session key - Please re-authenticate"))?;
        *caller = Some(session.user.clone());
    }
    let user = caller.as_deref();
    let own = user.unwrap_or_default();
    match method.as_str() {
        "auth.gettoken" => Ok(Some(auth::get_token(state, ask))),
        "auth.getsession" => auth::get_session(state, ask).map(Some),
        "track.updatenowplaying" => scrobble::update_now_playing(state, ask, own).map(Some),
        "track.scrobble" => scrobble::scrobble(state, ask, own).map(Some),
        "track.love" => scrobble::love(state, ask, own, true).map(|()| None),
        "track.unlove" => scrobble::love(state, ask, own, false).map(|()| None),
        "user.getinfo" => read::info(state, ask, user).map(Some),
        "user.getrecenttracks" => read::recent_tracks(state, ask, user).map(Some),
        "user.getlovedtracks" => read::loved_tracks(state, ask).map(Some),
        _ => Err(Refusal(
            3,
            "Invalid Method - No method with that name in this package",
        )),
    }
}

fn overview(state: &State, now: DateTime<Utc>) -> Answer {
    let mut body = String::new();
    for (user, account) in &state.users {
        body.push_str(&format!("<h2>{}</h2>\n", escaped(user)));
        if let Some(playing) = account.playing(now) {
            body.push_str(&format!(
                "<p>Now playing: {} – {}</p>\n",
                escaped(&playing.artist),
                escaped(&playing.track)
            ));
        }
        let rows: Vec<Vec<String>> = account
            .oldest_first()
            .into_iter()
            .map(|one| {
                vec![
                    one.timestamp.to_rfc3339(),
                    one.artist,
                    one.track,
                    one.album.unwrap_or_default(),
                ]
            })
            .collect();
        body.push_str(&table(&["began at", "artist", "track", "album"], &rows));
    }
    page(200, "Last.fm (simulated)", &body)
}
