//! What a failed answer of Simkl means. The envelope's `error` decides; it may come with any status, 200 included.

use chrono::{DateTime, Days, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::America::New_York;
use hub_domain::Disposition;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::http::{is_page, retry_after, text_of};
use crate::seam::DevicePoll;

/// The wait after a short limit that names none: the longest of the pauses that Simkl's documents ask for.
const PAUSE: TimeDelta = TimeDelta::seconds(16);
/// The wait after a scrobble waited longer than 20 seconds for another one of its user.
const LOCKED: TimeDelta = TimeDelta::seconds(20);
/// The wait after a page kept us out.
const KEPT_OUT: TimeDelta = TimeDelta::minutes(10);

/// Says whether a body is a refusal, whatever its status.
pub(super) fn carries_error(body: &str) -> bool {
    text_of(body, &["error"]).is_some()
}

/// Says what to do next about an answer that is no success.
///
/// Source: <https://api.simkl.org> (errors, rate limits; 2026-10)
pub(super) fn disposition(
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    now: DateTime<Utc>,
) -> Disposition {
    let wait = |otherwise: TimeDelta| Disposition::RateLimited {
        until: retry_after(headers, now).unwrap_or(now + otherwise),
    };
    let is_page = is_page(headers, body);
    match (status.as_u16(), text_of(body, &["error"]).as_deref()) {
        (_, Some("user_limit_exceeded")) => Disposition::AccountPaused {
            until: retry_after(headers, now).unwrap_or_else(|| next_day(now)),
        },
        (_, Some("rate_limit")) => wait(PAUSE),
        // Comes with 400, and is no fault of the request.
        (_, Some("RATE_LIMIT")) => wait(LOCKED),
        (_, Some("user_token_failed" | "user_token_required" | "invalid_grant")) => {
            Disposition::Auth
        }
        (
            _,
            Some(
                "client_id_failed"
                | "secret_error"
                | "grant_error"
                | "invalid_client"
                | "unauthorized_client",
            ),
        ) => Disposition::AppRefused,
        (200..=299, _) => Disposition::Permanent,
        (401, _) => Disposition::Auth,
        (403, _) if is_page => Disposition::AddressBlocked {
            until: retry_after(headers, now).unwrap_or(now + KEPT_OUT),
        },
        (404, _) if is_page => Disposition::Retryable,
        (404, _) => Disposition::NotFound,
        (408, _) => Disposition::InDoubt,
        (412, _) => Disposition::AppRefused,
        (429, _) => wait(if is_page { KEPT_OUT } else { PAUSE }),
        (400..=499, _) => Disposition::Permanent,
        (500 | 502 | 504 | 520 | 524, _) => Disposition::InDoubt,
        // Overloaded or upgraded (503), or the edge did not reach Simkl (521, 522). Redirects are not followed.
        _ => Disposition::Retryable,
    }
}

/// Says what to do next about a refusal of the token endpoint. Nothing there is ever in doubt: whoever asks again is
/// told, and the refresh token stays.
pub(super) fn of_token(
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    now: DateTime<Utc>,
) -> Disposition {
    match disposition(status, headers, body, now) {
        Disposition::InDoubt => Disposition::Retryable,
        // The page is not there: the address is wrong, and no user is to blame.
        Disposition::NotFound => Disposition::AppRefused,
        // A 401 without `invalid_grant` is about the application.
        Disposition::Auth if text_of(body, &["error"]).as_deref() != Some("invalid_grant") => {
            Disposition::AppRefused
        }
        next @ (Disposition::Retryable
        | Disposition::RateLimited { .. }
        | Disposition::Auth
        | Disposition::Permanent
        | Disposition::AppRefused
        | Disposition::AccountPaused { .. }
        | Disposition::AddressBlocked { .. }) => next,
    }
}

/// What a refused poll of the device sign-in says; `None` is a failure like any other.
pub(super) fn device_poll(status: StatusCode, body: &str) -> Option<DevicePoll> {
    if status.as_u16() != 400 {
        return None;
    }
    match text_of(body, &["error"])?.as_str() {
        "authorization_pending" => Some(DevicePoll::Pending),
        "slow_down" => Some(DevicePoll::SlowDown),
        "expired_token" => Some(DevicePoll::Expired),
        "access_denied" => Some(DevicePoll::Denied),
        "invalid_grant" => Some(DevicePoll::Unknown),
        _ => None,
    }
}

/// Says whether a stop was refused because the same item was scrobbled within the last hour.
pub(super) fn is_conflict(status: StatusCode) -> bool {
    status.as_u16() == 409
}

/// The end of Simkl's day: midnight in New York.
fn next_day(now: DateTime<Utc>) -> DateTime<Utc> {
    let today = now.with_timezone(&New_York).date_naive();
    let midnight = today
        .checked_add_days(Days::new(1))
        .unwrap_or(today)
        .and_time(NaiveTime::MIN);
    // Clocks are changed at two in the morning there, so midnight always exists once.
    New_York
        .from_local_datetime(&midnight)
        .earliest()
        .map_or(now + TimeDelta::days(1), |midnight| midnight.to_utc())
}

/// Says for people what an answer means.
pub(super) fn words(
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    now: DateTime<Utc>,
) -> String {
    match text_of(body, &["error"]).as_deref() {
        Some("user_limit_exceeded") => {
            let limit = headers
                .get("x-ratelimit-limit")
                .and_then(|limit| limit.to_str().ok());
            let requests = limit.map_or_else(String::new, |limit| format!("{limit} "));
            let until = next_day(now).format("%Y-%m-%d %H:%M UTC");
            return format!(
                "the day's {requests}requests to Simkl are used up; it goes on after midnight in New York ({until})"
            );
        }
        Some("user_token_failed") => return "the access was revoked or has ended".to_owned(),
        Some("client_id_failed") => {
            return "the application's id is wrong, it was suspended, or its limit is used up"
                .to_owned();
        }
        Some(_) | None => {}
    }
    if let Some(words) = text_of(body, &["message", "error_description", "error"]) {
        return words;
    }
    match status.as_u16() {
        401 => "the access was revoked or has ended".to_owned(),
        403 | 429 if is_page(headers, body) => {
            "the edge in front of Simkl blocks this address for the moment".to_owned()
        }
        412 => {
            "the application's id is wrong, it was suspended, or its limit is used up".to_owned()
        }
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

    fn refused(error: &str) -> String {
        format!(r#"{{"error":"{error}","code":0,"message":"Words."}}"#)
    }

    #[test]
    fn every_documented_answer_has_its_disposition() {
        let after = Some(("retry-after", "2852"));
        // 2025-11-20 12:00 UTC is 07:00 in New York.
        let midnight = at(17 * 3600);
        let rows = [
            (200, None, "premium_only", Disposition::Permanent),
            (400, None, "empty_field", Disposition::Permanent),
            (400, None, "wrong_parameter", Disposition::Permanent),
            (400, None, "max_items", Disposition::Permanent),
            (
                400,
                None,
                "RATE_LIMIT",
                Disposition::RateLimited { until: at(20) },
            ),
            (401, None, "user_token_failed", Disposition::Auth),
            (401, None, "user_token_required", Disposition::Auth),
            (401, None, "secret_error", Disposition::AppRefused),
            (401, None, "grant_error", Disposition::AppRefused),
            (403, None, "forbidden", Disposition::Permanent),
            (404, None, "id_err", Disposition::NotFound),
            (409, None, "already_watched", Disposition::Permanent),
            (412, None, "client_id_failed", Disposition::AppRefused),
            (
                429,
                None,
                "rate_limit",
                Disposition::RateLimited { until: at(16) },
            ),
            (
                429,
                after,
                "rate_limit",
                Disposition::RateLimited { until: at(2852) },
            ),
            (
                429,
                None,
                "user_limit_exceeded",
                Disposition::AccountPaused { until: midnight },
            ),
            (
                429,
                after,
                "user_limit_exceeded",
                Disposition::AccountPaused { until: at(2852) },
            ),
            (500, None, "internal", Disposition::InDoubt),
            (503, None, "overload", Disposition::Retryable),
        ];
        for (status, header, error, expected) in rows {
            let status = StatusCode::from_u16(status).unwrap();
            let next = disposition(status, &headers(header), &refused(error), at(0));
            assert_eq!(next, expected, "{status} {error}");
        }
    }

    #[test]
    fn an_answer_without_an_envelope_goes_by_its_status() {
        let rows: [Row<'_>; 10] = [
            (401, None, "", Disposition::Auth),
            (403, None, "", Disposition::Permanent),
            (
                403,
                HTML,
                "<html>",
                Disposition::AddressBlocked { until: at(600) },
            ),
            (404, HTML, "<html>", Disposition::Retryable),
            (412, None, "", Disposition::AppRefused),
            (429, None, "", Disposition::RateLimited { until: at(16) }),
            (
                429,
                HTML,
                "error code: 1015",
                Disposition::RateLimited { until: at(600) },
            ),
            (502, HTML, "<html>", Disposition::InDoubt),
            (503, HTML, "<html>", Disposition::Retryable),
            (521, HTML, "<html>", Disposition::Retryable),
        ];
        for (status, header, body, expected) in rows {
            let status = StatusCode::from_u16(status).unwrap();
            let next = disposition(status, &headers(header), body, at(0));
            assert_eq!(next, expected, "{status} {body}");
        }
    }

    #[test]
    fn a_refused_grant_is_told_from_a_refused_application() {
        let rows = [
            (400, "invalid_grant", Disposition::Auth),
            (401, "invalid_client", Disposition::AppRefused),
            (400, "unauthorized_client", Disposition::AppRefused),
            (400, "invalid_request", Disposition::Permanent),
            (500, "internal", Disposition::Retryable),
        ];
        for (status, error, expected) in rows {
            let status = StatusCode::from_u16(status).unwrap();
            let next = of_token(status, &HeaderMap::new(), &refused(error), at(0));
            assert_eq!(next, expected, "{status} {error}");
        }
        let bare = of_token(StatusCode::UNAUTHORIZED, &HeaderMap::new(), "", at(0));
        assert_eq!(bare, Disposition::AppRefused);
    }

    #[test]
    fn the_day_ends_at_midnight_in_new_york_in_summer_and_in_winter() {
        for (now, end) in [
            ("2026-11-20T17:00:00Z", "2026-11-21T05:00:00Z"),
            ("2026-11-21T04:59:59Z", "2026-11-21T05:00:00Z"),
            ("2026-07-01T12:00:00Z", "2026-07-02T04:00:00Z"),
            ("2026-11-01T12:00:00Z", "2026-11-02T05:00:00Z"),
        ] {
            let now: DateTime<Utc> = now.parse().unwrap();
            assert_eq!(next_day(now), end.parse::<DateTime<Utc>>().unwrap());
        }
    }

    #[test]
    fn a_used_up_day_says_so_and_when_it_goes_on() {
        let limit = headers(Some(("x-ratelimit-limit", "500")));
        let status = StatusCode::TOO_MANY_REQUESTS;
        assert_eq!(
            words(status, &limit, &refused("user_limit_exceeded"), at(0)),
            "the day's 500 requests to Simkl are used up; it goes on after midnight in New York (2025-11-21 05:00 UTC)"
        );
    }

    #[test]
    fn a_poll_reads_the_documented_words() {
        let poll = |error: &str| device_poll(StatusCode::BAD_REQUEST, &refused(error));
        assert!(matches!(
            poll("authorization_pending"),
            Some(DevicePoll::Pending)
        ));
        assert!(matches!(poll("slow_down"), Some(DevicePoll::SlowDown)));
        assert!(matches!(poll("expired_token"), Some(DevicePoll::Expired)));
        assert!(matches!(poll("access_denied"), Some(DevicePoll::Denied)));
        assert!(matches!(poll("invalid_grant"), Some(DevicePoll::Unknown)));
        assert!(poll("wrong_parameter").is_none());
        assert!(device_poll(StatusCode::SERVICE_UNAVAILABLE, "<html>").is_none());
    }
}
