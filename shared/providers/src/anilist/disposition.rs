//! What a failed answer of AniList means. The status decides, the answer's own first; a 200 may carry `errors`.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::Disposition;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::http::{is_page, retry_after, seconds_from, text_of};

/// The pause after one request too many.
///
/// Source: <https://docs.anilist.co/guide/rate-limiting>
const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// The wait after a page kept us out.
const KEPT_OUT: TimeDelta = TimeDelta::minutes(15);

/// What an expired or revoked token is answered with, beside status 400.
const INVALID_TOKEN: &str = "Invalid token";

/// Says whether an answer is a refusal, whatever its status.
pub(super) fn carries_errors(body: &str) -> bool {
    refusal(body).is_some()
}

/// Says what to do next about an answer that is no success.
///
/// Source: <https://docs.anilist.co/guide/graphql/errors>; that a dead token is a 400 with "Invalid token" is what
/// clients see, the documents do not say it.
pub(super) fn disposition(
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    now: DateTime<Utc>,
) -> Disposition {
    let refusal = refusal(body).unwrap_or_default();
    let is_page = is_page(headers, body);
    match (
        status_of(status, &refusal),
        refusal.message.as_deref().unwrap_or_default(),
    ) {
        (400 | 401, INVALID_TOKEN) | (401, _) => Disposition::Auth,
        (403, _) if is_page => Disposition::AddressBlocked {
            until: retry_after(headers, now).unwrap_or(now + KEPT_OUT),
        },
        // Switched off for everyone ("temporarily disabled due to severe stability issues"): nobody's sign-in is over.
        // No other 403 is documented.
        (403, _) => Disposition::Retryable,
        (404, _) if is_page => Disposition::Retryable,
        (404, _) => Disposition::NotFound,
        (408, _) => Disposition::InDoubt,
        (429, _) => Disposition::RateLimited {
            until: retry_after(headers, now)
                .or_else(|| reset(headers, now))
                .unwrap_or(now + PAUSE),
        },
        (400..=499, _) => Disposition::Permanent,
        (500 | 502 | 504 | 520 | 524, _) => Disposition::InDoubt,
        // Overloaded (503), or the edge did not reach AniList (521 to 523). Redirects are not followed.
        _ => Disposition::Retryable,
    }
}

/// Says what to do next about a refusal of the token endpoint. Nothing there is ever in doubt: whoever asks again is told.
pub(super) fn of_token(
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    now: DateTime<Utc>,
) -> Disposition {
    match text_of(body, &["error"]).as_deref() {
        Some("invalid_grant") => return Disposition::Auth,
        // Laravel Passport's word for a code that it cannot read, or that is used up.
        Some("invalid_request") if is_about_the_code(body) => return Disposition::Auth,
        Some("invalid_client" | "unauthorized_client" | "unsupported_grant_type") => {
            return Disposition::AppRefused;
        }
        Some(_) | None => {}
    }
    match disposition(status, headers, body, now) {
        Disposition::InDoubt => Disposition::Retryable,
        // Without `invalid_grant` it is about the application; a page that is not there means a wrong address.
        Disposition::Auth | Disposition::NotFound => Disposition::AppRefused,
        next @ (Disposition::Retryable
        | Disposition::RateLimited { .. }
        | Disposition::Permanent
        | Disposition::AppRefused
        | Disposition::AccountPaused { .. }
        | Disposition::AddressBlocked { .. }) => next,
    }
}

fn is_about_the_code(body: &str) -> bool {
    let words = text_of(body, &["hint"]);
    words.is_some_and(|words| words.to_ascii_lowercase().contains("authorization code"))
}

/// The status that counts: the answer's, or that of the first error within a success.
fn status_of(status: StatusCode, refusal: &Refusal) -> u16 {
    if status.is_success() {
        refusal.status.unwrap_or(500)
    } else {
        status.as_u16()
    }
}

/// The moment that `X-RateLimit-Reset` names, in seconds since 1970.
fn reset(headers: &HeaderMap, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let at = headers.get("x-ratelimit-reset")?.to_str().ok()?;
    let wait = at
        .trim()
        .parse::<i64>()
        .ok()?
        .checked_sub(now.timestamp())?;
    seconds_from(&wait.to_string(), now)
}

/// Says for people what an answer means.
pub(super) fn words(status: StatusCode, headers: &HeaderMap, body: &str) -> String {
    let refusal = refusal(body).unwrap_or_default();
    match status_of(status, &refusal) {
        400 | 401 if refusal.message.as_deref() == Some(INVALID_TOKEN) => {
            return "the access was revoked or has ended".to_owned();
        }
        401 => return "the access was revoked or has ended".to_owned(),
        403 | 429 if is_page(headers, body) => {
            return "the edge in front of AniList blocks this address for the moment".to_owned();
        }
        _ => {}
    }
    if let Some(arguments) = refusal.arguments.filter(|it| !it.is_empty()) {
        return format!("AniList does not take what was sent: {arguments}");
    }
    refusal
        .message
        .filter(|message| !message.is_empty())
        .unwrap_or_else(|| format!("answered {status}"))
}

/// Says for people what a refusal of the token endpoint means.
pub(super) fn words_of_token(status: StatusCode, headers: &HeaderMap, body: &str) -> String {
    let error = text_of(body, &["error"]);
    if error.as_deref() == Some("invalid_client") {
        return "AniList does not know the application: its id, its secret or its redirect address is another one \
                there"
            .to_owned();
    }
    text_of(body, &["error_description", "message", "hint", "error"])
        .unwrap_or_else(|| words(status, headers, body))
}

/// One of the `errors` of an answer.
#[derive(Debug, Default)]
struct Refusal {
    /// What is wrong, in AniList's words.
    message: Option<String>,
    /// The status that goes with it, whatever the answer's own.
    status: Option<u16>,
    /// Which arguments are wrong: `progress: …; repeat: …`.
    arguments: Option<String>,
}

/// The first of the `errors` of an answer; any shape of them is an error.
fn refusal(body: &str) -> Option<Refusal> {
    let body: Value = serde_json::from_str(body).ok()?;
    let first = match body.get("errors")? {
        Value::Array(errors) => errors.first()?,
        Value::Null => return None,
        other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => other,
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let reasons = |value: &Value| match value {
        Value::Array(reasons) => {
            let reasons: Vec<&str> = reasons.iter().filter_map(Value::as_str).collect();
            reasons.join(", ")
        }
        Value::String(reason) => reason.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    };
    let arguments = first.get("validation").and_then(Value::as_object);
    Some(Refusal {
        message: first.get("message").and_then(text),
        status: first
            .get("status")
            .and_then(Value::as_u64)
            .and_then(|status| u16::try_from(status).ok()),
        arguments: arguments.map(|arguments| {
            let arguments: Vec<String> = arguments
                .iter()
                .map(|(name, why)| format!("{name}: {}", reasons(why)))
                .collect();
            arguments.join("; ")
        }),
    })
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::testing::{Row, at};

    const HTML: Option<(&str, &str)> = Some(("content-type", "text/html; charset=UTF-8"));

    fn headers(header: Option<(&str, &str)>) -> HeaderMap {
        header
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .into_iter()
            .collect()
    }

    fn refused(message: &str, status: u16) -> String {
        format!(r#"{{"data":null,"errors":[{{"message":"{message}","status":{status}}}]}}"#)
    }

    #[test]
    fn every_documented_refusal_has_its_disposition() {
        let limited = |seconds| Disposition::RateLimited { until: at(seconds) };
        let off = "The AniList API has been temporarily disabled due to severe stability issues.";
        let rows = [
            (400, None, "Invalid token", Disposition::Auth),
            (400, None, "validation", Disposition::Permanent),
            (
                400,
                None,
                "Cannot query field \\\"x\\\" on type \\\"Media\\\".",
                Disposition::Permanent,
            ),
            (401, None, "Unauthorized.", Disposition::Auth),
            (403, None, off, Disposition::Retryable),
            (404, None, "Not Found.", Disposition::NotFound),
            (429, None, "Too Many Requests.", limited(60)),
            (
                429,
                Some(("retry-after", "37")),
                "Too Many Requests.",
                limited(37),
            ),
            // 2025-11-20 12:00:45 UTC.
            (
                429,
                Some(("x-ratelimit-reset", "1763640045")),
                "Too Many Requests.",
                limited(45),
            ),
            (
                429,
                Some(("x-ratelimit-reset", "1763639000")),
                "Too Many Requests.",
                limited(60),
            ),
            (500, None, "Internal Server Error", Disposition::InDoubt),
            (503, None, "Service Unavailable", Disposition::Retryable),
        ];
        for (status, header, message, expected) in rows {
            let body = refused(message, status);
            let code = StatusCode::from_u16(status).unwrap();
            let next = disposition(code, &headers(header), &body, at(0));
            assert_eq!(next, expected, "{status} {message}");
            // The same within a success.
            let next = disposition(StatusCode::OK, &headers(header), &body, at(0));
            assert_eq!(next, expected, "200 with {status} {message}");
        }
    }

    #[test]
    fn an_answer_without_errors_goes_by_its_status() {
        let rows: [Row<'_>; 10] = [
            (400, None, "", Disposition::Permanent),
            (401, None, "", Disposition::Auth),
            (403, None, "", Disposition::Retryable),
            (
                403,
                HTML,
                "<html>",
                Disposition::AddressBlocked { until: at(900) },
            ),
            (404, HTML, "<html>", Disposition::Retryable),
            (413, None, "", Disposition::Permanent),
            (
                429,
                HTML,
                "error code: 1015",
                Disposition::RateLimited { until: at(60) },
            ),
            (502, HTML, "<html>", Disposition::InDoubt),
            (521, HTML, "<html>", Disposition::Retryable),
            (200, None, r#"{"errors":[{}]}"#, Disposition::InDoubt),
        ];
        for (status, header, body, expected) in rows {
            let status = StatusCode::from_u16(status).unwrap();
            let next = disposition(status, &headers(header), body, at(0));
            assert_eq!(next, expected, "{status} {body}");
        }
    }

    #[test]
    fn a_refused_code_is_told_from_a_refused_application() {
        let rows = [
            (400, r#"{"error":"invalid_grant"}"#, Disposition::Auth),
            (
                400,
                r#"{"error":"invalid_request","hint":"Cannot decrypt the authorization code"}"#,
                Disposition::Auth,
            ),
            (
                400,
                r#"{"error":"invalid_request","hint":"Check the `code` parameter"}"#,
                Disposition::Permanent,
            ),
            (
                401,
                r#"{"error":"invalid_client"}"#,
                Disposition::AppRefused,
            ),
            (401, "", Disposition::AppRefused),
            (404, "{}", Disposition::AppRefused),
            (
                400,
                r#"{"error":"unsupported_grant_type"}"#,
                Disposition::AppRefused,
            ),
            (500, "", Disposition::Retryable),
        ];
        for (status, body, expected) in rows {
            let status = StatusCode::from_u16(status).unwrap();
            let next = of_token(status, &HeaderMap::new(), body, at(0));
            assert_eq!(next, expected, "{status} {body}");
        }
    }

    #[test]
    fn a_wrong_argument_is_named() {
        let body = r#"{"errors":[{"message":"validation","status":400,"validation":{"progress":["must be at least 0."]}}]}"#;
        assert_eq!(
            words(StatusCode::BAD_REQUEST, &HeaderMap::new(), body),
            "AniList does not take what was sent: progress: must be at least 0."
        );
        let dead = refused("Invalid token", 400);
        assert_eq!(
            words(StatusCode::BAD_REQUEST, &HeaderMap::new(), &dead),
            "the access was revoked or has ended"
        );
    }

    #[test]
    fn an_answer_without_errors_refuses_nothing() {
        for body in [
            r#"{"data":{}}"#,
            r#"{"errors":[]}"#,
            r#"{"errors":null}"#,
            "<html>",
        ] {
            assert!(refusal(body).is_none(), "{body}");
        }
        let odd = refusal(r#"{"errors":"broken"}"#).unwrap();
        assert!(odd.message.is_none() && odd.status.is_none());
    }
}
