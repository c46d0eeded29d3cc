//! What a failed answer of TMDB means.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::Disposition;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::http::{is_page, retry_after, text_of};

/// The wait after a 429 that names none: the length of the window.
const PAUSE: TimeDelta = TimeDelta::seconds(10);
/// The wait after the edge kept us out.
const KEPT_OUT: TimeDelta = TimeDelta::minutes(10);

/// Says what to do next about an answer that is no success.
///
/// Source: <https://developer.themoviedb.org/docs/errors>,
/// <https://developer.themoviedb.org/docs/rate-limiting>
pub(super) fn disposition(
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    now: DateTime<Utc>,
) -> Disposition {
    let is_page = is_page(headers, body);
    match status.as_u16() {
        403 if is_page => Disposition::AddressBlocked {
            until: retry_after(headers, now).unwrap_or(now + KEPT_OUT),
        },
        // The token is the operator's: no user is to blame.
        401 | 403 => Disposition::AppRefused,
        404 if is_page => Disposition::Retryable,
        404 => Disposition::NotFound,
        429 => Disposition::RateLimited {
            until: retry_after(headers, now).unwrap_or(now + PAUSE),
        },
        400..=499 => Disposition::Permanent,
        // Its own trouble, or its edge's. Redirects are not followed.
        _ => Disposition::Retryable,
    }
}

/// Says for people what an answer means.
pub(super) fn words(status: StatusCode, headers: &HeaderMap, body: &str) -> String {
    match text_of(body, &["status_message"]) {
        Some(words) if !is_page(headers, body) => words,
        Some(_) | None => format!("answered {status}"),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::testing::{Row, at};

    #[test]
    fn every_documented_answer_has_its_disposition() {
        let html = Some(("content-type", "text/html"));
        let rows: [Row<'_>; 10] = [
            (400, None, "{}", Disposition::Permanent),
            (
                401,
                None,
                include_str!("fixtures/invalid-key.json"),
                Disposition::AppRefused,
            ),
            (403, None, "{}", Disposition::AppRefused),
            (
                403,
                html,
                "<html>",
                Disposition::AddressBlocked { until: at(600) },
            ),
            (
                404,
                None,
                include_str!("fixtures/not-found.json"),
                Disposition::NotFound,
            ),
            (404, html, "<html>", Disposition::Retryable),
            (
                429,
                Some(("retry-after", "7")),
                "{}",
                Disposition::RateLimited { until: at(7) },
            ),
            (429, None, "{}", Disposition::RateLimited { until: at(10) }),
            (500, None, "{}", Disposition::Retryable),
            (503, html, "<html>", Disposition::Retryable),
        ];
        for (status, header, body, expected) in rows {
            let status = StatusCode::from_u16(status).unwrap();
            let headers = header
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
                .into_iter()
                .collect();
            assert_eq!(
                disposition(status, &headers, body, at(0)),
                expected,
                "{status}"
            );
        }
        let why = words(
            StatusCode::UNAUTHORIZED,
            &HeaderMap::new(),
            include_str!("fixtures/invalid-key.json"),
        );
        assert_eq!(why, "Invalid API key: You must be granted a valid key.");
    }
}
