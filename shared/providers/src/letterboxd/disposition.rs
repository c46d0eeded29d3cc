//! What an answer of Letterboxd that is no feed means.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::Disposition;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::feed::{is_challenge, kept_out_until};
use crate::http::retry_after;

/// The wait after a 429 that names none.
const PAUSE: TimeDelta = TimeDelta::hours(1);
const KEPT_OUT: &str = "Cloudflare, which stands in front of it, keeps out the address that this hub calls from, as it \
                        does with those of data centres; a hub that runs at home is let in";
const NOBODY: &str =
    "there is no profile of this name, or it is private: only public ones have a feed";

/// Says what to do next about an answer that is no feed, and why, for people.
///
/// 403 is always what stands in front of Letterboxd: a profile that is private is not found.
pub(super) fn disposition(
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    now: DateTime<Utc>,
) -> (Disposition, &'static str) {
    if status.as_u16() == 403 || is_challenge(status.as_u16(), headers, body) {
        return (
            Disposition::AddressBlocked {
                until: kept_out_until(headers, now),
            },
            KEPT_OUT,
        );
    }
    match status.as_u16() {
        404 | 410 => (Disposition::NotFound, NOBODY),
        429 => {
            let until = retry_after(headers, now).unwrap_or(now + PAUSE);
            (Disposition::RateLimited { until }, "it was asked too often")
        }
        408 | 425 => (Disposition::Retryable, "no answer in time"),
        400..=499 => (Disposition::Permanent, "it refused the request"),
        _ => (Disposition::Retryable, "it is in trouble"),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::testing::{Row, at};

    #[test]
    fn every_answer_that_was_seen_has_its_disposition() {
        let html = ("content-type", "text/html");
        let challenge = include_str!("fixtures/challenge-403.html");
        let blocked = || Disposition::AddressBlocked { until: at(3600) };
        let rows: [Row<'_>; 12] = [
            (403, Some(html), challenge, blocked()),
            (403, None, "error code: 1010", blocked()),
            (
                503,
                Some(("cf-mitigated", "challenge")),
                challenge,
                blocked(),
            ),
            (200, Some(html), challenge, blocked()),
            (202, Some(html), "", blocked()),
            (404, Some(html), "<html>", Disposition::NotFound),
            (
                429,
                Some(("retry-after", "120")),
                "",
                Disposition::RateLimited { until: at(120) },
            ),
            (429, None, "", Disposition::RateLimited { until: at(3600) }),
            (301, None, "", Disposition::Retryable),
            (400, None, "", Disposition::Permanent),
            (502, Some(html), "<html>", Disposition::Retryable),
            (503, Some(html), "<html>", Disposition::Retryable),
        ];
        for (status, header, body, expected) in rows {
            let headers = header
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
                .into_iter()
                .collect();
            let status = StatusCode::from_u16(status).unwrap();
            let (found, why) = disposition(status, &headers, body, at(0));
            assert_eq!(found, expected, "{status} {header:?} {why}");
        }
    }
}
