//! What lies around every route: the request's id, panics caught, and errors in one form.

use std::any::Any;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, StatusCode};
use hub_runtime::random::new_id;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;

use crate::ApiState;
use crate::problem::{PROBLEM_JSON, Problem};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id that is taken from the caller.
const LONGEST_ID: usize = 128;

/// Puts the layers around the routes.
pub(crate) fn around(router: Router<ApiState>, state: ApiState) -> Router {
    router
        .fallback(async || Problem::not_found("There is nothing at this address."))
        // Each route reads its body itself, up to the bound that the settings name.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(as_problem))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(state.clone(), identified))
        .with_state(state)
}

/// Turns every error that is not a problem yet into one: the framework's own are plain text.
async fn as_problem(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let is_ours = response.headers().get(CONTENT_TYPE).is_some_and(|kind| {
        [PROBLEM_JSON, "application/json", "text/html; charset=utf-8"]
            .iter()
            .any(|ours| kind == ours)
    });
    if !is_error || is_ours {
        return response;
    }
    let detail = if status == StatusCode::METHOD_NOT_ALLOWED {
        "This method is not for this address."
    } else {
        "The request cannot be read."
    };
    let allow = response.headers().get(ALLOW).cloned();
    let mut problem = Problem::new(status, detail).into_response();
    if let Some(allow) = allow {
        problem.headers_mut().insert(ALLOW, allow);
    }
    problem
}

fn panicked(_: Box<dyn Any + Send + 'static>) -> http::Response<Body> {
    // The panic's own words may hold what the caller sent, so they are not repeated here.
    tracing::error!("a request panicked");
    Problem::internal().into_response()
}

/// Gives the request an id, which stands in every line of its log and in the answer.
async fn identified(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let span = tracing::info_span!("request", request.id = %id, http.method = %request.method());
    let mut response = next.run(request).instrument(span).await;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    // Answers hold tokens, names and history: nothing on the way keeps them.
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if state.settings.is_on_aws {
        state.close_idle();
    }
    response
}

/// The caller's id of the request, if it is harmless; else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let told = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let is_harmless = |id: &&str| {
        (1..=LONGEST_ID).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:=".contains(&byte))
    };
    told.filter(is_harmless)
        .map_or_else(|| new_id().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harmless_id_of_the_caller_is_kept_and_any_other_replaced() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_static(value));
            request_id(&headers)
        };
        assert_eq!(of("Root=1-67891233-abc"), "Root=1-67891233-abc");
        for value in ["", "a b", "<x>", "{\"a\":1}"] {
            assert_eq!(of(value).len(), 36, "{value}");
        }
        assert_eq!(request_id(&HeaderMap::new()).len(), 36);
    }
}
