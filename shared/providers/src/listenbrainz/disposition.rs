//! What a failed answer of `ListenBrainz`, or of a server that speaks its language, means.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::Disposition;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::http::{is_page, retry_after, seconds_from, text_of};

/// The wait after a 429 that names none: one window of the limit.
const WINDOW: TimeDelta = TimeDelta::seconds(10);
/// The wait after a page of a web front that keeps us out.
const KEPT_OUT: TimeDelta = TimeDelta::minutes(10);

/// Says what to do next about an answer that is no success.
///
/// A server error is [`Disposition::Retryable`]: the same listen is stored once, so what became of the first does not
/// matter. A 404 or 405 that comes as a page is somebody's proxy without the server behind it, not a refusal.
pub(super) fn disposition(
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    now: DateTime<Utc>,
) -> Disposition {
    let is_page = is_page(headers, body);
    match status.as_u16() {
        429 => Disposition::RateLimited {
            until: reset_in(headers, now)
                .or_else(|| retry_after(headers, now))
                .unwrap_or(now + WINDOW),
        },
        403 if is_page => Disposition::AddressBlocked {
            until: retry_after(headers, now).unwrap_or(now + KEPT_OUT),
        },
        401 | 403 => Disposition::Auth,
        404 | 405 if is_page => Disposition::Retryable,
        408 | 425 => Disposition::Retryable,
        400..=499 => Disposition::Permanent,
        // Redirects are not followed: nothing was taken there.
        _ => Disposition::Retryable,
    }
}

/// Says whether a compatible server has no such path. Maloja says so with 200, others with a page.
///
/// To be asked about what not every such server has; what becomes of listens is decided by [`disposition`].
pub(super) fn is_unknown_path(status: StatusCode, body: &str) -> bool {
    matches!(status.as_u16(), 404 | 405 | 501)
        || text_of(body, &["error"]).is_some_and(|words| words == "Invalid Method")
}

fn reset_in(headers: &HeaderMap, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    seconds_from(headers.get("x-ratelimit-reset-in")?.to_str().ok()?, now)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::testing::{Row, at};

    #[test]
    fn every_documented_answer_has_its_disposition() {
        let html: (&str, &str) = ("content-type", "text/html");
        let rows: [Row<'_>; 17] = [
            (
                400,
                None,
                include_str!("fixtures/submit-listens-400.json"),
                Disposition::Permanent,
            ),
            (
                401,
                None,
                include_str!("fixtures/submit-listens-401.json"),
                Disposition::Auth,
            ),
            (401, None, r#"{"error":"unauthorized"}"#, Disposition::Auth),
            (403, None, "{}", Disposition::Auth),
            (
                403,
                Some(html),
                "",
                Disposition::AddressBlocked { until: at(600) },
            ),
            (404, None, "{}", Disposition::Permanent),
            (404, Some(html), "", Disposition::Retryable),
            (409, None, "{}", Disposition::Permanent),
            (413, Some(html), "", Disposition::Permanent),
            (
                429,
                Some(("x-ratelimit-reset-in", "7")),
                include_str!("fixtures/submit-listens-429.json"),
                Disposition::RateLimited { until: at(7) },
            ),
            (
                429,
                Some(("retry-after", "2852")),
                "",
                Disposition::RateLimited { until: at(2852) },
            ),
            (429, None, "", Disposition::RateLimited { until: at(10) }),
            (
                500,
                None,
                r#"{"status":"internal server error"}"#,
                Disposition::Retryable,
            ),
            (502, Some(html), "<html>", Disposition::Retryable),
            (
                503,
                None,
                include_str!("fixtures/submit-listens-503.json"),
                Disposition::Retryable,
            ),
            (504, None, "", Disposition::Retryable),
            (301, None, "", Disposition::Retryable),
        ];
        for (status, header, body, expected) in rows {
            let headers = header
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
                .into_iter()
                .collect();
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                disposition(status, &headers, body, at(0)),
                expected,
                "{status} {header:?}"
            );
        }
    }
}
