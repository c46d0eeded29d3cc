//! What went wrong, as RFC 9457 has it: `application/problem+json`, in sentences for people.
//!
//! A problem never repeats what the caller sent, apart from the name of a field.

use std::error::Error;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use hub_domain::Disposition;
use hub_providers::ProviderError;
use hub_runtime::queue::SendError;
use hub_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

/// The type of every problem's body.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";
/// When to come again after the table or a queue refused, in seconds.
const COME_AGAIN: u64 = 2;
/// The longest field name that is repeated, in characters.
const LONGEST_FIELD: usize = 80;

/// Why a request was not carried out.
#[derive(Debug)]
pub(crate) struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    detail: String,
    field: Option<String>,
    retry_after: Option<u64>,
}

/// A problem's body.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// Always `about:blank`: the status tells the kind.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'a str,
    /// The status.
    status: u16,
    /// What is wrong, for people.
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    /// The field that is to blame, as a path such as `[3].position_ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            detail: detail.into(),
            field: None,
            retry_after: None,
        }))
    }

    /// 400: a field holds what it must not.
    pub(crate) fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail).at(field)
    }

    /// 400 without a field to blame.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 401: the same words whatever is wrong with the token.
    pub(crate) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "A valid token is needed: `Authorization: Bearer …`.",
        )
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 422: understood, and impossible.
    pub(crate) fn impossible(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    /// 500: our own mistake; what it was is in the log.
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something went wrong here. The request's id in x-request-id finds it in the log.",
        )
    }

    /// 503 with the time to come again.
    pub(crate) fn unavailable(detail: impl Into<String>, retry_after: u64) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        problem.0.retry_after = Some(retry_after);
        problem
    }

    /// The same problem with the field that is to blame.
    #[must_use]
    pub(crate) fn at(mut self, field: impl Into<String>) -> Self {
        let field: String = field.into();
        let harmless = field.chars().filter(|letter| !letter.is_control());
        self.0.field = Some(harmless.take(LONGEST_FIELD).collect());
        self
    }

    /// The same problem with the field inside of `outer`, as in `[3].position_ms`.
    #[must_use]
    pub(crate) fn within(self, outer: &str) -> Self {
        let field = match (&self.0.field, outer.is_empty()) {
            (_, true) => return self,
            (Some(inner), false) if inner.starts_with('[') => format!("{outer}{inner}"),
            (Some(inner), false) => format!("{outer}.{inner}"),
            (None, false) => outer.to_owned(),
        };
        self.at(field)
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    #[cfg(test)]
    pub(crate) fn field_name(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// What a service's refusal means for whoever is signing in there.
    pub(crate) fn of_sign_in(error: &ProviderError) -> Self {
        log(error, "a sign-in did not succeed");
        let title = error.service.title();
        match error.disposition {
            Disposition::Auth | Disposition::Permanent | Disposition::NotFound => Self::impossible(
                format!("{title} did not accept the sign-in: {}.", error.why),
            ),
            Disposition::AppRefused => Self::new(
                StatusCode::BAD_GATEWAY,
                format!(
                    "{title} refuses this hub's application; its operator has to act: {}.",
                    error.why
                ),
            ),
            Disposition::RateLimited { .. }
            | Disposition::AccountPaused { .. }
            | Disposition::AddressBlocked { .. } => Self::unavailable(
                format!("{title} asks to come again later: {}.", error.why),
                60,
            ),
            Disposition::Retryable | Disposition::InDoubt => Self::unavailable(
                format!("{title} could not be asked just now: {}.", error.why),
                10,
            ),
        }
    }
}

/// Logs a failure once, where it is handled, with its causes.
fn log(error: &(dyn Error + 'static), message: &str) {
    tracing::warn!(error, "{message}");
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_erased() {
            return Self::new(StatusCode::GONE, "This user was erased from the hub.");
        }
        tracing::error!(
            error = &error as &dyn Error,
            "the table did not serve a request"
        );
        Self::unavailable(
            "The hub's table does not answer just now; nothing was accepted.",
            COME_AGAIN,
        )
    }
}

impl From<SendError> for Problem {
    fn from(error: SendError) -> Self {
        if error.is_for_good() {
            return Self::too_large("An event is larger than a queue takes (256 KiB).");
        }
        tracing::error!(
            error = &error as &dyn Error,
            "the events' queue did not take a request"
        );
        Self::unavailable(
            "The hub's queue does not answer just now; send the request again.",
            COME_AGAIN,
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let parts = *self.0;
        let body = ProblemBody {
            kind: "about:blank",
            title: parts.status.canonical_reason().unwrap_or("Error"),
            status: parts.status.as_u16(),
            detail: &parts.detail,
            field: parts.field.as_deref(),
        };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = parts.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = parts.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if parts.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};

    use super::*;

    async fn body_of(problem: Problem) -> (Response, Value) {
        let (parts, body) = problem.into_response().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (
            Response::from_parts(parts, Body::empty()),
            serde_json::from_slice(&bytes).unwrap(),
        )
    }

    #[tokio::test]
    async fn a_problem_has_the_form_of_rfc_9457() {
        let problem = Problem::field("position_ms", "A whole number is expected.").within("[3]");
        let (response, body) = body_of(problem).await;
        assert_eq!(response.headers()[CONTENT_TYPE], PROBLEM_JSON);
        assert_eq!(
            body,
            json!({"type": "about:blank", "title": "Bad Request", "status": 400,
                   "detail": "A whole number is expected.", "field": "[3].position_ms"})
        );
    }

    #[tokio::test]
    async fn what_may_help_later_says_when() {
        let (response, body) = body_of(Problem::unavailable("Not now.", 2)).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()[RETRY_AFTER]),
            (503, &HeaderValue::from(2))
        );
        assert_eq!(body["detail"], "Not now.");
    }

    #[tokio::test]
    async fn a_refused_token_is_asked_for_in_the_standard_way() {
        let (response, _) = body_of(Problem::unauthorized()).await;
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
    }

    #[test]
    fn a_message_too_large_is_the_callers_and_a_silent_queue_is_ours() {
        let too_large = Problem::from(SendError::TooLarge { bytes: 300_000 });
        assert_eq!(too_large.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let refused = Problem::from(SendError::Refused {
            queue: "events".into(),
            why: "no".into(),
        });
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    }

    #[test]
    fn a_field_of_the_callers_making_is_cut_short() {
        let problem = Problem::field(format!("external_ids.{}\n", "x".repeat(500)), "");
        assert_eq!(problem.field_name().unwrap().len(), LONGEST_FIELD);
    }
}
