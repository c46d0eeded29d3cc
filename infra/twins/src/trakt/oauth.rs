//! Sign-in on Trakt's OAuth host: authorization code with PKCE, single-use rotating refresh tokens, revocation.
//!
//! Source: the guides `pkce` and `authentication-oauth` of 2026-10-01.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::state::{Grant, State};
use crate::answer::{Answer, Call, value_of};
use crate::page::{consent_form, page};

/// How long an access token lives.
pub const ACCESS_TOKEN_LIFETIME: TimeDelta = TimeDelta::days(7);

/// How long an authorization code lives. Not documented; ten minutes are the longest that OAuth recommends.
const CODE_LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// An authorization code that was handed out.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    user: String,
    client_id: String,
    redirect_uri: String,
    challenge: Option<String>,
    expires_at: DateTime<Utc>,
}

/// A valid request to authorize.
struct Request {
    client_id: String,
    redirect_uri: Url,
    sent_redirect_uri: String,
    state: Option<String>,
    challenge: Option<String>,
}

/// The page that asks for consent.
pub(crate) fn authorize_page(state: &State, call: &Call) -> Answer {
    match read_request(state, &call.query) {
        Ok(_) => {
            let users: Vec<String> = state.users.keys().cloned().collect();
            page(
                200,
                "An app wants to use your Trakt account",
                &consent_form("/oauth/authorize", &users, &call.query),
            )
        }
        Err(reason) => page(
            400,
            "Not a valid request to authorize",
            &format!("<p>{reason}</p>"),
        ),
    }
}

/// The decision of the page, or of a test that posts the same fields.
pub(crate) fn authorize(state: &mut State, call: &Call) -> Answer {
    let fields = call.fields();
    let user = value_of(&fields, "user").unwrap_or_default().to_owned();
    let is_allowed = value_of(&fields, "decision").is_none_or(|decision| decision == "allow");
    match decide(state, &fields, &user, is_allowed, call.at) {
        Ok(callback) => Answer::redirect(&callback),
        Err(reason) => page(
            400,
            "Not a valid request to authorize",
            &format!("<p>{reason}</p>"),
        ),
    }
}

/// Where the browser is sent once the user decided.
pub(crate) fn decide(
    state: &mut State,
    fields: &[(String, String)],
    user: &str,
    is_allowed: bool,
    now: DateTime<Utc>,
) -> Result<String, &'static str> {
    let request = read_request(state, fields)?;
    if !state.users.contains_key(user) {
        return Err("no such account");
    }
    let mut callback = request.redirect_uri.clone();
    if is_allowed {
        let code = state.mint.secret();
        callback.query_pairs_mut().append_pair("code", &code);
        state.codes.insert(
            code,
            Code {
                user: user.to_owned(),
                client_id: request.client_id,
                redirect_uri: request.sent_redirect_uri,
                challenge: request.challenge,
                expires_at: now + CODE_LIFETIME,
            },
        );
    } else {
        callback
            .query_pairs_mut()
            .append_pair("error", "access_denied");
    }
    if let Some(state) = request.state {
        callback.query_pairs_mut().append_pair("state", &state);
    }
    Ok(callback.into())
}

fn read_request(state: &State, fields: &[(String, String)]) -> Result<Request, &'static str> {
    let field = |name| value_of(fields, name);
    if field("response_type") != Some("code") {
        return Err("response_type must be code");
    }
    let client_id = field("client_id").ok_or("client_id is missing")?;
    let app = state.apps.get(client_id).ok_or("no such app")?;
    let sent_redirect_uri = field("redirect_uri").ok_or("redirect_uri is missing")?;
    if !app.redirect_uris.is_empty()
        && !app
            .redirect_uris
            .iter()
            .any(|known| known == sent_redirect_uri)
    {
        return Err("redirect_uri is not the registered one");
    }
    let redirect_uri = Url::parse(sent_redirect_uri).map_err(|_| "redirect_uri is not a URL")?;
    let challenge = field("code_challenge").map(str::to_owned);
    match (&challenge, field("code_challenge_method")) {
        (Some(_), Some("S256")) => {
            if redirect_uri.scheme() != "https" && !state.allows_http_redirects {
                return Err("with PKCE the redirect_uri must be https");
            }
        }
        (Some(_), _) => return Err("only S256 is supported"),
        (None, _) if app.secret.is_none() => {
            return Err("an app without a secret needs code_challenge");
        }
        (None, _) => {}
    }
    Ok(Request {
        client_id: client_id.to_owned(),
        redirect_uri,
        sent_redirect_uri: sent_redirect_uri.to_owned(),
        state: field("state").map(str::to_owned),
        challenge,
    })
}

/// `POST /oauth/token`.
pub(crate) fn token(state: &mut State, call: &Call) -> Answer {
    let body = match json_body(call) {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let exchanged = match text(&body, "grant_type") {
        Some("authorization_code") => exchange_code(state, &body, call.at),
        Some("refresh_token") => refresh(state, &body, call.at),
        _ => Err(refusal(
            400,
            "unsupported_grant_type",
            "This grant type is not supported.",
        )),
    };
    exchanged.unwrap_or_else(|answer| answer)
}

fn exchange_code(state: &mut State, body: &Value, now: DateTime<Utc>) -> Result<Answer, Answer> {
    let client_id = check_app(state, body)?;
    // A code works once, whatever comes of it.
    let code = text(body, "code")
        .and_then(|code| state.codes.remove(code))
        .ok_or_else(invalid_grant)?;
    if code.expires_at <= now
        || code.client_id != client_id
        || text(body, "redirect_uri") != Some(&code.redirect_uri)
    {
        return Err(invalid_grant());
    }
    match (
        &code.challenge,
        text(body, "code_verifier"),
        text(body, "client_secret"),
    ) {
        (Some(_), Some(_), Some(_)) => {
            return Err(refusal(
                400,
                "invalid_request",
                "With PKCE client_secret is not sent.",
            ));
        }
        (Some(challenge), Some(verifier), None) if is_verifier_of(challenge, verifier) => {}
        (None, None, Some(_)) => {}
        _ => return Err(invalid_grant()),
    }
    Ok(new_grant(state, &code.user, &client_id, now))
}

fn refresh(state: &mut State, body: &Value, now: DateTime<Utc>) -> Result<Answer, Answer> {
    let client_id = check_app(state, body)?;
    let registered = state
        .apps
        .get(&client_id)
        .map(|app| app.redirect_uris.as_slice())
        .unwrap_or_default();
    // Required here too, although nothing is redirected; an empty list takes any address.
    let Some(redirect_uri) = text(body, "redirect_uri") else {
        return Err(refusal(400, "invalid_request", "redirect_uri is missing."));
    };
    if !registered.is_empty() && !registered.iter().any(|known| known == redirect_uri) {
        return Err(invalid_grant());
    }
    let sent = text(body, "refresh_token").unwrap_or_default();
    let (access_token, refresh_token) = (state.mint.secret(), state.mint.secret());
    let grant = state
        .grants
        .iter_mut()
        .find(|grant| {
            grant.refresh_token == sent && grant.client_id == client_id && !grant.is_revoked
        })
        .ok_or_else(invalid_grant)?;
    // Both old tokens die at once: "each refresh kills the other's token".
    grant.access_token = access_token;
    grant.refresh_token = refresh_token;
    grant.created_at = now;
    grant.expires_at = now + ACCESS_TOKEN_LIFETIME;
    Ok(token_answer(grant))
}

/// `POST /oauth/revoke`: 200 even for an unknown token.
pub(crate) fn revoke(state: &mut State, call: &Call) -> Answer {
    let body = match json_body(call) {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let token = text(&body, "token").unwrap_or_default();
    for grant in &mut state.grants {
        if grant.access_token == token || grant.refresh_token == token {
            grant.is_revoked = true;
        }
    }
    Answer::json(200, &json!({}))
}

/// Signs a user in and answers with the tokens.
pub(crate) fn new_grant(
    state: &mut State,
    user: &str,
    client_id: &str,
    now: DateTime<Utc>,
) -> Answer {
    let grant = Grant {
        user: user.to_owned(),
        client_id: client_id.to_owned(),
        access_token: state.mint.secret(),
        refresh_token: state.mint.secret(),
        created_at: now,
        expires_at: now + ACCESS_TOKEN_LIFETIME,
        is_revoked: false,
    };
    let answer = token_answer(&grant);
    state.grants.push(grant);
    answer
}

fn token_answer(grant: &Grant) -> Answer {
    Answer::json(
        200,
        &json!({
            "access_token": grant.access_token,
            "token_type": "bearer",
            "expires_in": (grant.expires_at - grant.created_at).num_seconds(),
            "refresh_token": grant.refresh_token,
            "scope": "public offline_access",
            "created_at": grant.created_at.timestamp(),
        }),
    )
    .of_user(&grant.user)
}

/// The body of a call to the OAuth host, which takes JSON alone.
pub(crate) fn json_body(call: &Call) -> Result<Value, Answer> {
    let body = call
        .json()
        .ok()
        .filter(Value::is_object)
        .filter(|_| call.has_content_type("application/json"));
    body.ok_or_else(|| {
        refusal(
            400,
            "invalid_request",
            "The body must be a JSON object, and say so.",
        )
    })
}

/// Checks that the app exists and that the secret, where one is sent, is its own.
pub(crate) fn check_app(state: &State, body: &Value) -> Result<String, Answer> {
    let client_id = text(body, "client_id").unwrap_or_default();
    let invalid = || refusal(401, "invalid_client", "Client authentication failed.");
    let app = state.apps.get(client_id).ok_or_else(invalid)?;
    match text(body, "client_secret") {
        Some(secret) if app.secret.as_deref() != Some(secret) => Err(invalid()),
        _ => Ok(client_id.to_owned()),
    }
}

pub(crate) fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

fn invalid_grant() -> Answer {
    refusal(
        400,
        "invalid_grant",
        "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in \
         the authorization request, or was issued to another client.",
    )
}

fn refusal(status: u16, error: &str, description: &str) -> Answer {
    Answer::json(
        status,
        &json!({"error": error, "error_description": description}),
    )
}

fn is_verifier_of(challenge: &str, verifier: &str) -> bool {
    let is_well_formed = (43..=128).contains(&verifier.len())
        && verifier
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    is_well_formed && URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) == challenge
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_of_the_standard_s_appendix_matches_its_challenge() {
        // RFC 7636, appendix B.
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(is_verifier_of(
            challenge,
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        ));
        assert!(!is_verifier_of(
            challenge,
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"
        ));
        assert!(!is_verifier_of(challenge, "short"));
    }
}
