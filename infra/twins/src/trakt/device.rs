//! Sign-in without a browser on the same machine: a code to type in at another place, and a poll for its approval.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::oauth::{check_app, json_body, new_grant, text};
use super::state::State;
use crate::answer::{Answer, Call, value_of};
use crate::page::{consent_form, page};

/// How long a device code lives.
const CODE_LIFETIME: TimeDelta = TimeDelta::seconds(600);

/// The pause to keep between two polls.
const INTERVAL: TimeDelta = TimeDelta::seconds(5);

/// One device that waits for its user.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    device_code: String,
    user_code: String,
    client_id: String,
    expires_at: DateTime<Utc>,
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

/// `POST /oauth/device/code`.
pub(crate) fn code(state: &mut State, call: &Call) -> Answer {
    let client_id = match json_body(call).and_then(|body| check_app(state, &body)) {
        Ok(client_id) => client_id,
        Err(answer) => return answer,
    };
    let device_code = state.mint.secret();
    let user_code = state
        .mint
        .secret()
        .get(..8)
        .unwrap_or_default()
        .to_uppercase();
    let verification_url = format!("{}/activate", state.auth_url);
    let answer = Answer::json(
        200,
        &json!({"device_code": device_code, "user_code": user_code, "verification_url": verification_url,
            "expires_in": CODE_LIFETIME.num_seconds(), "interval": INTERVAL.num_seconds()}),
    );
    state.devices.push(Device {
        device_code,
        user_code,
        client_id,
        expires_at: call.at + CODE_LIFETIME,
        polled_at: None,
        progress: Progress::Pending,
    });
    answer
}

/// `POST /oauth/device/token`: the status alone says what to do, refusals have no body.
pub(crate) fn token(state: &mut State, call: &Call) -> Answer {
    let body = match json_body(call) {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let client_id = match check_app(state, &body) {
        Ok(client_id) => client_id,
        Err(answer) => return answer,
    };
    let sent = text(&body, "code").unwrap_or_default();
    let wanted = |device: &&mut Device| device.device_code == sent && device.client_id == client_id;
    let Some(device) = state.devices.iter_mut().find(wanted) else {
        return Answer::status(404);
    };
    if matches!(device.progress, Progress::Used) {
        return Answer::status(409);
    }
    if device.expires_at <= call.at {
        return Answer::status(410);
    }
    if matches!(device.progress, Progress::Denied) {
        return Answer::status(418);
    }
    let is_too_fast = device
        .polled_at
        .is_some_and(|polled_at| call.at - polled_at < INTERVAL);
    device.polled_at = Some(call.at);
    if is_too_fast {
        return Answer::status(429);
    }
    let Progress::Approved(user) = device.progress.clone() else {
        return Answer::status(400);
    };
    device.progress = Progress::Used;
    new_grant(state, &user, &client_id, call.at)
}

/// `GET /activate[/CODE]`: where a person types the code in.
pub(crate) fn activation_page(state: &State, user_code: Option<&str>) -> Answer {
    let users: Vec<String> = state.users.keys().cloned().collect();
    match user_code {
        None => page(
            200,
            "Activate your device",
            "<form method=\"get\" action=\"/activate\"><label>Code <input name=\"user_code\"></label> <button>Go on</button></form>",
        ),
        Some(code) => {
            let hidden = [("user_code".to_owned(), code.to_owned())];
            page(
                200,
                &format!("Activate {code}"),
                &consent_form("/activate", &users, &hidden),
            )
        }
    }
}

/// `POST /activate`.
pub(crate) fn activate(state: &mut State, call: &Call) -> Answer {
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
    if is_allowed && !state.users.contains_key(user) {
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
