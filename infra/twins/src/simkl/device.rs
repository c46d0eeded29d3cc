//! Sign-in without a browser on the same machine (AUTH V2): a code to type in at `/pin`, and a poll for its approval.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::oauth::{granted_scope, refusal, token_answer};
use super::state::State;
use crate::answer::{Answer, Call, value_of};
use crate::page::{consent_form, page};
use crate::sign_in::Refused;

/// How long a device code lives.
const CODE_LIFETIME: TimeDelta = TimeDelta::seconds(900);

/// The pause to keep between two polls, at first; each `slow_down` adds as much.
const INTERVAL: TimeDelta = TimeDelta::seconds(5);

/// One device that waits for its user.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    device_code: String,
    user_code: String,
    client_id: String,
    scope: String,
    expires_at: DateTime<Utc>,
    interval: TimeDelta,
    polled_at: Option<DateTime<Utc>>,
    progress: Progress,
}

#[derive(Debug, Clone)]
enum Progress {
    Pending,
    Approved(String),
    Denied,
    Used,
}

/// `POST /oauth2/device`.
pub(crate) fn start(state: &mut State, call: &Call) -> Answer {
    let fields = call.form();
    let client_id = value_of(&fields, "client_id").unwrap_or_default();
    if !state.sign_in.apps.contains_key(client_id) {
        return refusal(Refused::Client);
    }
    let device_code = state.sign_in.mint.secret();
    let user_code: String = state.sign_in.mint.secret().chars().take(5).collect();
    let user_code = user_code.to_uppercase();
    let verification_uri = format!("{}/pin", state.site_url);
    let answer = Answer::json(
        200,
        &json!({"device_code": device_code, "user_code": user_code, "verification_uri": verification_uri,
            "verification_uri_complete": format!("{verification_uri}/{user_code}"),
            "expires_in": CODE_LIFETIME.num_seconds(), "interval": INTERVAL.num_seconds()}),
    );
    state.devices.push(Device {
        device_code,
        user_code,
        client_id: client_id.to_owned(),
        scope: granted_scope(value_of(&fields, "scope")),
        expires_at: call.at + CODE_LIFETIME,
        interval: INTERVAL,
        polled_at: None,
        progress: Progress::Pending,
    });
    answer
}

/// One poll: `POST /oauth2/token` with the grant type of devices.
pub(crate) fn poll(state: &mut State, fields: &[(String, String)], now: DateTime<Utc>) -> Answer {
    let client_id = match state.sign_in.app(fields) {
        Ok(client_id) => client_id,
        Err(refused) => return refusal(refused),
    };
    let sent = value_of(fields, "device_code").unwrap_or_default();
    let wanted = |device: &&mut Device| device.device_code == sent && device.client_id == client_id;
    let Some(device) = state.devices.iter_mut().find(wanted) else {
        return refusal(Refused::Grant);
    };
    if device.expires_at <= now {
        return waiting("expired_token");
    }
    let is_too_fast = device
        .polled_at
        .is_some_and(|polled_at| now - polled_at < device.interval);
    device.polled_at = Some(now);
    if is_too_fast {
        device.interval += INTERVAL;
        return waiting("slow_down");
    }
    match device.progress.clone() {
        Progress::Pending => waiting("authorization_pending"),
        Progress::Denied => waiting("access_denied"),
        Progress::Used => refusal(Refused::Grant),
        Progress::Approved(user) => {
            device.progress = Progress::Used;
            let scope = device.scope.clone();
            let number = state.sign_in.grant(&user, &client_id, scope, now);
            token_answer(state, number)
        }
    }
}

/// `GET /pin[/CODE]`: where a person types the code in.
pub(crate) fn pin_page(state: &State, user_code: Option<&str>) -> Answer {
    match user_code {
        None => page(
            200,
            "Connect a device to Simkl",
            "<form method=\"get\" action=\"/pin\"><label>Code <input name=\"user_code\"></label> <button>Go on</button></form>",
        ),
        Some(code) => {
            let hidden = [("user_code".to_owned(), code.to_owned())];
            page(
                200,
                &format!("Connect {code}"),
                &consent_form("/pin", &state.sign_in.users(), &hidden),
            )
        }
    }
}

/// `POST /pin`.
pub(crate) fn decided(state: &mut State, call: &Call) -> Answer {
    let fields = call.fields();
    let field = |name| value_of(&fields, name).unwrap_or_default();
    let is_allowed = field("decision") != "deny";
    match decide(
        state,
        field("user_code"),
        field("user"),
        is_allowed,
        call.at,
    ) {
        Ok(()) => page(200, "Done", "<p>You can go back to your device.</p>"),
        Err(reason) => page(404, "That did not work", &format!("<p>{reason}</p>")),
    }
}

/// Approves or denies a code that a device shows.
pub(crate) fn decide(
    state: &mut State,
    user_code: &str,
    user: &str,
    is_allowed: bool,
    now: DateTime<Utc>,
) -> Result<(), &'static str> {
    if is_allowed && !state.sign_in.accounts.contains_key(user) {
        return Err("no such account");
    }
    let wanted = |device: &&mut Device| {
        device.user_code.eq_ignore_ascii_case(user_code)
            && device.expires_at > now
            && matches!(device.progress, Progress::Pending)
    };
    let device = state
        .devices
        .iter_mut()
        .find(wanted)
        .ok_or("no device waits with this code")?;
    device.progress = if is_allowed {
        Progress::Approved(user.to_owned())
    } else {
        Progress::Denied
    };
    Ok(())
}

fn waiting(error: &str) -> Answer {
    Answer::json(400, &json!({"error": error}))
}
