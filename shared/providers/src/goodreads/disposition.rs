//! What an answer of Goodreads that is no feed means.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::Disposition;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};

use crate::feed::{is_challenge, is_web_page, kept_out_until};
use crate::http::retry_after;

/// The wait after a 429 that names none: feeds say themselves that they hold for an hour.
const PAUSE: TimeDelta = TimeDelta::hours(1);
const KEPT_OUT: &str = "it shows a page for people instead of the feed, as it does to addresses of data centres; \
                        a hub that runs at home is let in";
const PRIVATE: &str = "the profile is private: paste the address of one of your shelves' feeds, which holds a key, \
                       or make the profile public";
const NOBODY: &str = "there is no profile of this number";

/// Says what to do next about an answer that is no feed, and why, for people.
///
/// A page with 403 is either a private profile's or that of what stands in front of Goodreads. Only one that says so is
/// taken for the former: a connection is never given up for an address that is kept out. 503 with a page is how Goodreads
/// itself keeps addresses out; without one it is trouble.
pub(super) fn disposition(
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    now: DateTime<Utc>,
) -> (Disposition, &'static str) {
    let kept_out = || {
        (
            Disposition::AddressBlocked {
                until: kept_out_until(headers, now),
            },
            KEPT_OUT,
        )
    };
    if is_challenge(status.as_u16(), headers, body) {
        return kept_out();
    }
    let is_page = is_web_page(headers, body);
    match status.as_u16() {
        401 => (Disposition::Auth, PRIVATE),
        403 if !is_page || says_private(body) => (Disposition::Auth, PRIVATE),
        404 | 410 => (Disposition::NotFound, NOBODY),
        429 => {
            let until = retry_after(headers, now).unwrap_or(now + PAUSE);
            (Disposition::RateLimited { until }, "it was asked too often")
        }
        300..=399 if leads_to_sign_in(headers) => (Disposition::Auth, PRIVATE),
        403 | 405 | 503 if is_page => kept_out(),
        408 | 425 => (Disposition::Retryable, "no answer in time"),
        400..=499 => (Disposition::Permanent, "it refused the request"),
        _ => (Disposition::Retryable, "it is in trouble"),
    }
}

/// The words of the pages that Goodreads shows for profiles which are not for everybody.
fn says_private(body: &str) -> bool {
    let body = body.to_ascii_lowercase();
    [
        "profile is private",
        "profile is restricted",
        "sign in to goodreads",
    ]
    .iter()
    .any(|words| body.contains(words))
}

fn leads_to_sign_in(headers: &HeaderMap) -> bool {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    location.is_some_and(|location| location.contains("sign_in") || location.contains("signin"))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::testing::{Row, at};

    #[test]
    fn every_answer_that_was_seen_has_its_disposition() {
        let html = ("content-type", "text/html");
        let blocked = || Disposition::AddressBlocked { until: at(3600) };
        let rows: [Row<'_>; 19] = [
            (
                200,
                Some(html),
                include_str!("fixtures/robot-check-200.html"),
                blocked(),
            ),
            (
                200,
                Some(("content-type", "application/xml")),
                "<!DOCTYPE html>",
                blocked(),
            ),
            (202, Some(html), "", blocked()),
            (202, Some(("x-amzn-waf-action", "challenge")), "", blocked()),
            (405, Some(("x-amzn-waf-action", "captcha")), "", blocked()),
            (
                403,
                Some(html),
                include_str!("fixtures/access-denied-403.html"),
                blocked(),
            ),
            (
                403,
                Some(html),
                include_str!("fixtures/private-403.html"),
                Disposition::Auth,
            ),
            (403, None, "", Disposition::Auth),
            (401, None, "Invalid API key.", Disposition::Auth),
            (
                302,
                Some(("location", "https://www.goodreads.com/user/sign_in")),
                "",
                Disposition::Auth,
            ),
            (
                301,
                Some(("location", "https://www.goodreads.com/x")),
                "",
                Disposition::Retryable,
            ),
            (404, Some(html), "<html>", Disposition::NotFound),
            (
                503,
                Some(html),
                include_str!("fixtures/too-long-503.html"),
                blocked(),
            ),
            (
                503,
                Some(("retry-after", "60")),
                "<html>",
                Disposition::AddressBlocked { until: at(60) },
            ),
            (503, None, "", Disposition::Retryable),
            (500, Some(html), "<html>", Disposition::Retryable),
            (
                429,
                Some(("retry-after", "120")),
                "",
                Disposition::RateLimited { until: at(120) },
            ),
            (429, None, "", Disposition::RateLimited { until: at(3600) }),
            (400, None, "", Disposition::Permanent),
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
