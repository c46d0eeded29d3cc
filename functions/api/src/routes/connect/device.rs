//! A sign-in on another device: what to type there, and asking whether it is done.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use hub_domain::{Secret, Service, SignIn, UserId};
use hub_providers::DevicePoll;
use hub_runtime::random::random_word;
use hub_store::OAuthState;
use hub_store::oauth_state::STATE_LASTS;
use serde::{Deserialize, Serialize};

use super::{Pending, Started, finish, unknown_state};
use crate::ApiState;
use crate::problem::Problem;

/// What is sealed of a sign-in on another device.
#[derive(Serialize, Deserialize)]
struct Device {
    code: Secret,
    interval_seconds: i64,
}

/// Begins a sign-in on another device.
pub(super) async fn start_device(
    state: &ApiState,
    user: UserId,
    service: Service,
) -> Result<Started, Problem> {
    let provider = state.provider(service, None)?;
    let instead = match service.sign_in() {
        SignIn::Token => Some("by a token, not by a device"),
        SignIn::Feed => Some("by your name there, not by a device"),
        SignIn::OAuth | SignIn::WebAuth => None,
    };
    if let Some(instead) = instead {
        let why = format!("{} is connected {instead}.", service.title());
        return Err(Problem::impossible(why));
    }
    let now = state.clock.now();
    let begun = provider
        .begin_device(now)
        .await
        .map_err(|error| Problem::of_sign_in(&error))?;
    let interval = begun.interval.num_seconds().max(1);
    let device = Device {
        code: begun.device_code,
        interval_seconds: interval,
    };
    let words = serde_json::to_string(&device).map_err(|_| Problem::internal())?;
    let kept = OAuthState {
        state: random_word(),
        user,
        service,
        verifier_sealed: None,
        redirect: None,
        return_to: None,
        device_sealed: Some(state.sealing.seal(user, service, &Secret::new(words))),
    };
    state.table.put_state(&kept, now).await?;
    Ok(Started::Device {
        user_code: begun.user_code,
        verification_url: begun.verification_url,
        interval,
        expires_at: begun.expires_at.min(now + STATE_LASTS),
        state: kept.state,
    })
}

/// Asks whether the other device is done. The state is used up by every answer but "not yet".
pub(super) async fn poll(
    state: &ApiState,
    user: UserId,
    service: Service,
    word: &str,
) -> Result<Response, Problem> {
    let now = state.clock.now();
    let kept = state.table.peek_state(word, now).await?;
    let kept = kept
        .filter(|kept| kept.user == user && kept.service == service)
        .ok_or_else(unknown_state)?;
    let Some(sealed) = &kept.device_sealed else {
        return Err(Problem::field(
            "code",
            "A sign-in in the browser ends with the code that it brings.",
        ));
    };
    let opened = state.sealing.open(user, service, sealed).ok();
    let device: Option<Device> = opened.and_then(|words| serde_json::from_str(words.reveal()).ok());
    let device = device.ok_or_else(unknown_state)?;
    let provider = state.provider(service, None)?;
    let polled = provider
        .poll_device(&device.code, now)
        .await
        .map_err(|error| Problem::of_sign_in(&error))?;
    let title = service.title();
    let problem = match polled {
        DevicePoll::Pending => return Ok(pending(device.interval_seconds)),
        DevicePoll::SlowDown => return Ok(pending(device.interval_seconds * 2)),
        DevicePoll::Signed(tokens) => {
            state.table.take_state(word, now).await?;
            return finish(state, user, service, &tokens, None).await;
        }
        DevicePoll::Denied => Problem::forbidden(format!("The sign-in was refused at {title}.")),
        DevicePoll::Expired => Problem::new(StatusCode::GONE, "The code has ended. Begin again."),
        DevicePoll::Used => Problem::conflict("The code was used already. Begin again."),
        DevicePoll::Unknown => Problem::not_found(format!(
            "{title} does not know the code any more. Begin again."
        )),
    };
    state.table.take_state(word, now).await?;
    Err(problem)
}

fn pending(seconds: i64) -> Response {
    let body = Json(Pending {
        status: "pending",
        retry_after: seconds,
    });
    let mut response = (StatusCode::ACCEPTED, body).into_response();
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}
