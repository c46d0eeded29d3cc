//! Signing in: a token that a person consents to, exchanged once for a session key without an end date.

use chrono::{DateTime, TimeDelta, Utc};

use super::api::{Ask, Refusal};
use super::reply::Element;
use super::state::State;
use crate::answer::{Answer, Call, value_of};
use crate::page::{consent_form, page};

/// How long a token lives.
const TOKEN_LIFETIME: TimeDelta = TimeDelta::minutes(60);

/// A request token, and who consented.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    api_key: String,
    user: Option<String>,
    expires_at: DateTime<Utc>,
}

/// A session key's owner.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) user: String,
    pub(crate) api_key: String,
}

/// `auth.getToken`.
pub(crate) fn get_token(state: &mut State, ask: &Ask) -> Element {
    Element::text("token", new_token(state, ask.api_key(), None, ask.now))
}

/// `auth.getSession`.
pub(crate) fn get_session(state: &mut State, ask: &Ask) -> Result<Element, Refusal> {
    let sent = ask.required("token")?;
    let never_issued = Refusal(4, "Unauthorized Token - This token has not been issued");
    let token = state
        .tokens
        .get(sent)
        .filter(|token| token.api_key == ask.api_key())
        .ok_or(never_issued)?;
    if token.expires_at <= ask.now {
        return Err(Refusal(15, "Unauthorized Token - This token has expired"));
    }
    let Some(user) = token.user.clone() else {
        return Err(Refusal(
            14,
            "Unauthorized Token - This token has not been authorized",
        ));
    };
    state.tokens.remove(sent);
    let key = new_session(state, &user, ask.api_key());
    Ok(Element::of(
        "session",
        vec![
            Element::text("name", user),
            Element::text("key", key),
            Element::text("subscriber", 0),
        ],
    ))
}

pub(crate) fn new_session(state: &mut State, user: &str, api_key: &str) -> String {
    let key = state.mint.short_secret();
    state.account(user);
    state.sessions.insert(
        key.clone(),
        Session {
            user: user.to_owned(),
            api_key: api_key.to_owned(),
        },
    );
    key
}

fn new_token(state: &mut State, api_key: &str, user: Option<String>, now: DateTime<Utc>) -> String {
    let token = state.mint.short_secret();
    let kept = Token {
        api_key: api_key.to_owned(),
        user,
        expires_at: now + TOKEN_LIFETIME,
    };
    state.tokens.insert(token.clone(), kept);
    token
}

/// `GET /api/auth/`: the page that asks for consent.
pub(crate) fn consent_page(state: &State, call: &Call) -> Answer {
    if call
        .query("api_key")
        .is_none_or(|key| !state.apps.contains_key(key))
    {
        return page(403, "Invalid API key", "");
    }
    let users: Vec<String> = state.users.keys().cloned().collect();
    page(
        200,
        "An application wants to use your Last.fm account",
        &consent_form("/api/auth/", &users, &call.query),
    )
}

/// `POST /api/auth/`: the decision of that page.
pub(crate) fn consent(state: &mut State, call: &Call) -> Answer {
    let fields = call.fields();
    let user = value_of(&fields, "user").unwrap_or_default().to_owned();
    let is_allowed = value_of(&fields, "decision") != Some("deny");
    match decide(state, &fields, &user, is_allowed, call.at) {
        Ok(Some(callback)) => Answer::redirect(&callback),
        Ok(None) => page(200, "Done", "<p>You can close this page.</p>"),
        Err(reason) => page(403, "That did not work", &format!("<p>{reason}</p>")),
    }
}

/// Where the browser is sent, if anywhere. What a denial does is not documented: here it sends nobody anywhere.
pub(crate) fn decide(
    state: &mut State,
    fields: &[(String, String)],
    user: &str,
    is_allowed: bool,
    now: DateTime<Utc>,
) -> Result<Option<String>, &'static str> {
    let api_key = value_of(fields, "api_key")
        .filter(|key| state.apps.contains_key(*key))
        .ok_or("invalid API key")?;
    if !state.users.contains_key(user) {
        return Err("no such account");
    }
    if !is_allowed {
        return Ok(None);
    }
    if let Some(token) = value_of(fields, "token") {
        let token = state
            .tokens
            .get_mut(token)
            .filter(|token| token.api_key == api_key && token.expires_at > now);
        token.ok_or("no such token")?.user = Some(user.to_owned());
        return Ok(None);
    }
    let callback = value_of(fields, "cb").ok_or("no callback address is registered")?;
    url::Url::parse(callback).map_err(|_| "cb is not a URL")?;
    let token = new_token(state, api_key, Some(user.to_owned()), now);
    let joint = if callback.contains('?') { '&' } else { '?' };
    Ok(Some(format!("{callback}{joint}token={token}")))
}
