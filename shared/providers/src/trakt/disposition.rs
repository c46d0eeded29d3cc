//! What a failed answer of Trakt means.
//!
//! Answers of Cloudflare, which stands before Trakt, are pages or one line of text; they say nothing of an account.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::Disposition;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use crate::http::{is_page, retry_after, text_of};
use crate::seam::DevicePoll;

/// The wait after a 429 that names none.
const PAUSE: TimeDelta = TimeDelta::seconds(30);
/// The wait after Cloudflare kept us out.
const KEPT_OUT: TimeDelta = TimeDelta::minutes(10);
/// The wait of a locked account.
const LOCKED: TimeDelta = TimeDelta::days(1);

/// Says what to do next about an answer that is no success.
///
/// The history takes the same play twice, so an error after which it may have been written is
/// [`Disposition::InDoubt`]: 500, and what a gateway says that lost its patience.
///
/// Source: <https://docs.trakt.tv> (status codes, rate limiting 2026-10-07)
pub(super) fn disposition(
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    now: DateTime<Utc>,
) -> Disposition {
    let is_page = is_page(headers, body);
    match status.as_u16() {
        401 => Disposition::Auth,
        403 if is_page => Disposition::AddressBlocked {
            until: retry_after(headers, now).unwrap_or(now + KEPT_OUT),
        },
        // The key is bad, the app is not approved, or (426) it needs a VIP account.
        403 | 426 => Disposition::AppRefused,
        404 if is_page => Disposition::Retryable,
        404 => Disposition::NotFound,
        408 => Disposition::InDoubt,
        423 => Disposition::AccountPaused {
            until: now + LOCKED,
        },
        429 => Disposition::RateLimited {
            until: retry_after(headers, now)
                .or_else(|| limited_until(headers, now))
                .unwrap_or(now + if is_page { KEPT_OUT } else { PAUSE }),
        },
        400..=499 => Disposition::Permanent,
        500 | 502 | 504 | 520 | 524 => Disposition::InDoubt,
        // Overloaded (503), or Cloudflare did not reach Trakt (521, 522). Redirects are not followed.
        _ => Disposition::Retryable,
    }
}

/// Says what to do next about a refusal of the token endpoint.
///
/// `invalid_grant` has been seen with 400 and with 401. Nothing there is ever in doubt: whoever asks again is told.
pub(super) fn of_token(
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    now: DateTime<Utc>,
) -> Disposition {
    match (status.as_u16(), text_of(body, &["error"]).as_deref()) {
        (400 | 401, Some("invalid_grant")) => Disposition::Auth,
        (400 | 401, Some("invalid_client" | "unauthorized_client")) | (401, _) => {
            Disposition::AppRefused
        }
        _ => match disposition(status, headers, body, now) {
            Disposition::InDoubt => Disposition::Retryable,
            // The page is not there: the address is wrong, and no user is to blame.
            Disposition::NotFound => Disposition::AppRefused,
            next @ (Disposition::Retryable
            | Disposition::RateLimited { .. }
            | Disposition::Auth
            | Disposition::Permanent
            | Disposition::AppRefused
            | Disposition::AccountPaused { .. }
            | Disposition::AddressBlocked { .. }) => next,
        },
    }
}

/// What a refused poll of the device sign-in says; `None` is a failure like any other.
pub(super) fn device_poll(
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
) -> Option<DevicePoll> {
    if is_page(headers, body) {
        return None;
    }
    match status.as_u16() {
        400 => Some(DevicePoll::Pending),
        404 => Some(DevicePoll::Unknown),
        409 => Some(DevicePoll::Used),
        410 => Some(DevicePoll::Expired),
        418 => Some(DevicePoll::Denied),
        429 => Some(DevicePoll::SlowDown),
        _ => None,
    }
}

/// Says whether a stop was refused because the same item was scrobbled within about the last hour.
pub(super) fn is_conflict(status: StatusCode) -> bool {
    status.as_u16() == 409
}

/// Says whether an account is at the limit of what it may keep on a list.
pub(super) fn is_account_limit(status: StatusCode) -> bool {
    status.as_u16() == 420
}

/// The end of the limit as the optional header `X-Ratelimit` tells it, which is JSON.
fn limited_until(headers: &HeaderMap, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    #[derive(Deserialize)]
    struct RateLimit {
        until: DateTime<Utc>,
    }
    let text = headers.get("x-ratelimit")?.to_str().ok()?;
    let limit: RateLimit = serde_json::from_str(text).ok()?;
    Some(limit.until.clamp(now, now + LOCKED))
}

/// Says for people what an answer without words means.
pub(super) fn words(status: StatusCode, headers: &HeaderMap, body: &str) -> String {
    if let Some(words) = text_of(body, &["error_description", "error", "message"]) {
        return words;
    }
    match status.as_u16() {
        401 => "the access was revoked or has ended".to_owned(),
        403 | 429 if is_page(headers, body) => {
            "Cloudflare, in front of Trakt, blocks this address for the moment".to_owned()
        }
        403 => "the application is not approved, or its key is wrong".to_owned(),
        420 => "a limit of the account is reached".to_owned(),
        423 => "the account is locked or deactivated; write to support@trakt.tv".to_owned(),
        426 => "Trakt wants a VIP account for this application".to_owned(),
        _ => format!("answered {status}"),
    }
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

    #[test]
    fn every_documented_answer_has_its_disposition() {
        let ratelimit = r#"{"name":"AUTHED_API_POST_LIMIT","period":1,"limit":1,"remaining":0,"until":"2025-11-20T12:00:09Z"}"#;
        let rows: [Row<'_>; 25] = [
            (400, None, "", Disposition::Permanent),
            (401, None, "", Disposition::Auth),
            (403, None, "", Disposition::AppRefused),
            (403, None, "{}", Disposition::AppRefused),
            (
                403,
                HTML,
                "<html>",
                Disposition::AddressBlocked { until: at(600) },
            ),
            (
                403,
                None,
                "error code: 1010",
                Disposition::AddressBlocked { until: at(600) },
            ),
            (404, None, "", Disposition::NotFound),
            (404, HTML, "<html>", Disposition::Retryable),
            (405, None, "", Disposition::Permanent),
            (412, None, "", Disposition::Permanent),
            (420, None, "", Disposition::Permanent),
            (422, None, "{}", Disposition::Permanent),
            (
                423,
                None,
                "",
                Disposition::AccountPaused { until: at(86_400) },
            ),
            (426, None, "", Disposition::AppRefused),
            (
                429,
                Some(("retry-after", "2852")),
                "",
                Disposition::RateLimited { until: at(2852) },
            ),
            (
                429,
                Some(("x-ratelimit", ratelimit)),
                "",
                Disposition::RateLimited { until: at(9) },
            ),
            (429, None, "", Disposition::RateLimited { until: at(30) }),
            (
                429,
                HTML,
                "error code: 1015",
                Disposition::RateLimited { until: at(600) },
            ),
            (500, None, "", Disposition::InDoubt),
            (502, HTML, "<html>", Disposition::InDoubt),
            (503, HTML, "<html>", Disposition::Retryable),
            (504, HTML, "<html>", Disposition::InDoubt),
            (520, HTML, "<html>", Disposition::InDoubt),
            (521, HTML, "<html>", Disposition::Retryable),
            (522, HTML, "<html>", Disposition::Retryable),
        ];
        for (status, header, body, expected) in rows {
            let status = StatusCode::from_u16(status).unwrap();
            let next = disposition(status, &headers(header), body, at(0));
            assert_eq!(next, expected, "{status} {header:?} {body}");
        }
    }

    #[test]
    fn a_refused_grant_is_told_from_trouble_at_the_token_endpoint() {
        let grant = include_str!("fixtures/token-invalid-grant.json");
        let rows: [Row<'_>; 9] = [
            (400, None, grant, Disposition::Auth),
            (401, None, grant, Disposition::Auth),
            (
                401,
                None,
                r#"{"error":"invalid_client"}"#,
                Disposition::AppRefused,
            ),
            (
                400,
                None,
                r#"{"error":"invalid_request"}"#,
                Disposition::Permanent,
            ),
            (
                403,
                HTML,
                "<html>",
                Disposition::AddressBlocked { until: at(600) },
            ),
            (429, None, "", Disposition::RateLimited { until: at(30) }),
            (500, None, "", Disposition::Retryable),
            (502, HTML, "<html>", Disposition::Retryable),
            (503, None, "", Disposition::Retryable),
        ];
        for (status, header, body, expected) in rows {
            let status = StatusCode::from_u16(status).unwrap();
            let next = of_token(status, &headers(header), body, at(0));
            assert_eq!(next, expected, "{status} {body}");
        }
    }

    #[test]
    fn a_poll_reads_the_documented_codes_and_no_page() {
        let poll = |status, header| {
            device_poll(StatusCode::from_u16(status).unwrap(), &headers(header), "")
        };
        assert!(matches!(poll(400, None), Some(DevicePoll::Pending)));
        assert!(matches!(poll(404, None), Some(DevicePoll::Unknown)));
        assert!(matches!(poll(409, None), Some(DevicePoll::Used)));
        assert!(matches!(poll(410, None), Some(DevicePoll::Expired)));
        assert!(matches!(poll(418, None), Some(DevicePoll::Denied)));
        assert!(matches!(poll(429, None), Some(DevicePoll::SlowDown)));
        assert!(poll(429, HTML).is_none());
        assert!(poll(503, None).is_none());
    }
}
