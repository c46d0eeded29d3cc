//! What a failed answer of Last.fm means, and what its codes of ignored scrobbles mean.
//!
//! An error may come with HTTP 200 and with different statuses for the same number, so the number in the body counts
//! first and the status only where there is none.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Disposition, Outcome};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::http::{is_page, retry_after};
use crate::seam::DevicePoll;

use super::wire::Failure;

/// The wait after error 29: no wait is ever named. The limit is an average over five minutes.
const RATE_PAUSE: TimeDelta = TimeDelta::seconds(60);
/// The wait of an account whose limit of a day is reached; the window is not published.
const DAILY_PAUSE: TimeDelta = TimeDelta::hours(6);
/// The wait after a page of a web front that keeps us out.
const KEPT_OUT: TimeDelta = TimeDelta::minutes(10);

/// Says what to do next about an answer that is no success.
///
/// Server errors are [`Disposition::Retryable`]: a scrobble is stored once however often it is sent.
pub(super) fn disposition(
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    now: DateTime<Utc>,
) -> Disposition {
    if let Some(failure) = Failure::read(body) {
        return of_error(&failure, headers, now);
    }
    match status.as_u16() {
        429 => Disposition::RateLimited {
            until: retry_after(headers, now).unwrap_or(now + RATE_PAUSE),
        },
        403 if is_page(headers, body) => Disposition::AddressBlocked {
            until: retry_after(headers, now).unwrap_or(now + KEPT_OUT),
        },
        // Last.fm refuses with a number. Without one the answer is not of the application.
        _ => Disposition::Retryable,
    }
}

/// Source: <https://www.last.fm/api/errorcodes>, and the recorded answers of its clients.
fn of_error(failure: &Failure, headers: &HeaderMap, now: DateTime<Utc>) -> Disposition {
    match failure.error {
        // 17 is "login required": the session does not open the user's own private profile.
        4 | 9 | 14 | 15 | 17 => Disposition::Auth,
        8 | 11 | 16 => Disposition::Retryable,
        // A key that is unknown or suspended, and a signature that does not fit: the operator's matter.
        10 | 13 | 26 => Disposition::AppRefused,
        // "Too many scrobbles in a short period": the account's limit, not the address's.
        29 if failure
            .message
            .to_ascii_lowercase()
            .contains("too many scrobbles") =>
        {
            Disposition::AccountPaused {
                until: now + DAILY_PAUSE,
            }
        }
        29 => Disposition::RateLimited {
            until: retry_after(headers, now).unwrap_or(now + RATE_PAUSE),
        },
        _ => Disposition::Permanent,
    }
}

/// What a failed `auth.getSession` says of a token that waits for its user; `None` is an error like any other.
pub(super) fn device_poll(failure: &Failure) -> Option<DevicePoll> {
    match failure.error {
        14 => Some(DevicePoll::Pending),
        15 => Some(DevicePoll::Expired),
        4 => Some(DevicePoll::Unknown),
        _ => None,
    }
}

/// Says whether a heart was refused since Last.fm knows no such track.
///
/// The same number stands for parameters that are missing or wrong.
pub(super) fn is_unknown_track(failure: &Failure) -> bool {
    failure.error == 6 && failure.message.to_ascii_lowercase().contains("not found")
}

/// What a scrobble's `ignoredMessage` means.
///
/// Source: <https://www.last.fm/api/show/track.scrobble>
pub(super) fn ignored(code: i64, words: &str, now: DateTime<Utc>) -> Outcome {
    let why = match code {
        0 => {
            return Outcome::Delivered {
                remote_id: None,
                detail: None,
            };
        }
        5 => {
            return Outcome::Wait {
                until: now + DAILY_PAUSE,
                why: "Last.fm's daily limit of scrobbles is reached".to_owned(),
            };
        }
        // Too old a time has been answered with 1 as well.
        1 => "Last.fm ignores this artist's name",
        2 => "Last.fm ignores this track's name",
        3 => "too old for Last.fm",
        4 => "in the future for Last.fm",
        _ => "Last.fm ignored it",
    };
    Outcome::Ignored {
        why: match words.trim() {
            "" => format!("{why} (code {code})"),
            words => format!("{why} (code {code}: {})", crate::error::short(words)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    #[test]
    fn every_error_number_has_its_disposition_whatever_the_status() {
        let paused = Disposition::RateLimited { until: at(60) };
        let rows = [
            (2, Disposition::Permanent),
            (3, Disposition::Permanent),
            (4, Disposition::Auth),
            (5, Disposition::Permanent),
            (6, Disposition::Permanent),
            (7, Disposition::Permanent),
            (8, Disposition::Retryable),
            (9, Disposition::Auth),
            (10, Disposition::AppRefused),
            (11, Disposition::Retryable),
            (12, Disposition::Permanent),
            (13, Disposition::AppRefused),
            (14, Disposition::Auth),
            (15, Disposition::Auth),
            (16, Disposition::Retryable),
            (17, Disposition::Auth),
            (26, Disposition::AppRefused),
            (27, Disposition::Permanent),
            (29, paused),
        ];
        for (error, expected) in rows {
            for status in [200, 400, 403, 500, 503] {
                let body = format!(r#"{{"error":{error},"message":"words"}}"#);
                let status = StatusCode::from_u16(status).unwrap();
                assert_eq!(
                    disposition(status, &HeaderMap::new(), &body, at(0)),
                    expected,
                    "{error} {status}"
                );
            }
        }
    }

    #[test]
    fn without_a_number_the_status_decides() {
        let rows = [
            (429, "", Disposition::RateLimited { until: at(60) }),
            (
                403,
                "<html>",
                Disposition::AddressBlocked { until: at(600) },
            ),
            (403, "", Disposition::Retryable),
            (400, "Bad Request", Disposition::Retryable),
            (500, "<html>", Disposition::Retryable),
            (503, "", Disposition::Retryable),
        ];
        for (status, body, expected) in rows {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                disposition(status, &HeaderMap::new(), body, at(0)),
                expected,
                "{status} {body}"
            );
        }
    }

    #[test]
    fn the_scrobbles_of_an_account_are_counted_apart_from_the_requests_of_an_address() {
        let body = include_str!("fixtures/error-29-too-many-scrobbles.json");
        let next = disposition(StatusCode::OK, &HeaderMap::new(), body, at(0));
        assert_eq!(
            next,
            Disposition::AccountPaused {
                until: at(6 * 3600)
            }
        );
    }

    #[test]
    fn every_ignored_code_has_its_outcome() {
        assert!(matches!(ignored(0, "", at(0)), Outcome::Delivered { .. }));
        for code in [1, 2, 3, 4, 77] {
            assert!(
                matches!(ignored(code, "", at(0)), Outcome::Ignored { .. }),
                "{code}"
            );
        }
        assert!(matches!(
            ignored(5, "", at(0)),
            Outcome::Wait { until, .. } if until == at(6 * 3600)
        ));
        assert_eq!(
            ignored(1, "Artist name failed filter: VA", at(0)),
            Outcome::Ignored {
                why: "Last.fm ignores this artist's name (code 1: Artist name failed filter: VA)"
                    .to_owned()
            }
        );
    }
}
