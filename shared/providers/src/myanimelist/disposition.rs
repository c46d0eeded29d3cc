//! What a failed answer of MyAnimeList means: `{"error", "message"}`, or a page of whatever stands before it.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::Disposition;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::http::{is_page, retry_after, text_of};

/// The wait after a 429 that names none; they are rare.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// The wait after the address was kept out: clients report 10 to 60 minutes, and asking early prolongs it.
const KEPT_OUT: TimeDelta = TimeDelta::hours(1);

/// Says what to do next about an answer that is no success.
///
/// A 403 is two things: as JSON it is about the token or the application, which a refresh may mend; as anything else it
/// is about the address of this deployment, and says nothing of any account. A page is never about an account.
///
/// Source: <https://myanimelist.net/apiconfig/references/api/v2> (common status codes), and what clients report
pub(super) fn disposition(
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    now: DateTime<Utc>,
) -> Disposition {
    let is_page = is_page(headers, body);
    match status.as_u16() {
        401 | 404 if is_page => Disposition::Retryable,
        401 => Disposition::Auth,
        403 if !is_page && text_of(body, &["error"]).is_some() => Disposition::Auth,
        403 => Disposition::AddressBlocked {
            until: retry_after(headers, now).unwrap_or(now + KEPT_OUT),
        },
        404 => Disposition::NotFound,
        408 => Disposition::InDoubt,
        429 => Disposition::RateLimited {
            until: retry_after(headers, now)
                .unwrap_or(now + if is_page { KEPT_OUT } else { PAUSE }),
        },
        400..=499 => Disposition::Permanent,
        500 | 502 | 504 | 520 | 524 => Disposition::InDoubt,
        // Overloaded or under maintenance (503), or the edge did not reach it. Redirects are not followed.
        _ => Disposition::Retryable,
    }
}

/// Says what to do next about a refusal of the token endpoint. Nothing there is ever in doubt: whoever asks again is
/// told.
///
/// A refresh token that is refused comes as `invalid_request`, with its reason in the message alone, and with 401 as
/// well as 400. Any other 401 is about the application.
pub(super) fn of_token(
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    now: DateTime<Utc>,
) -> Disposition {
    let names_refresh_token = || {
        let words = text_of(body, &["message"]).unwrap_or_default();
        words.to_ascii_lowercase().contains("refresh token")
    };
    match (status.as_u16(), text_of(body, &["error"]).as_deref()) {
        (400 | 401, Some("invalid_grant")) => Disposition::Auth,
        (400 | 401, Some("invalid_request")) if names_refresh_token() => Disposition::Auth,
        (400 | 401, Some("invalid_client" | "unauthorized_client")) => Disposition::AppRefused,
        (401, Some("invalid_request")) => Disposition::Permanent,
        _ => match disposition(status, headers, body, now) {
            // A 403 never ends a connection here: what it is about is not said.
            Disposition::Auth if status.as_u16() == 403 => Disposition::Retryable,
            Disposition::Auth => Disposition::AppRefused,
            Disposition::InDoubt => Disposition::Retryable,
            // The page is not there: the address is wrong, and no user is to blame.
            Disposition::NotFound => Disposition::AppRefused,
            next @ (Disposition::Retryable
            | Disposition::RateLimited { .. }
            | Disposition::Permanent
            | Disposition::AppRefused
            | Disposition::AccountPaused { .. }
            | Disposition::AddressBlocked { .. }) => next,
        },
    }
}

/// Says for people what an answer means.
pub(super) fn words(status: StatusCode, headers: &HeaderMap, body: &str) -> String {
    let is_page = is_page(headers, body);
    let error = text_of(body, &["error"]);
    let known = match (status.as_u16(), error.as_deref()) {
        (403, None) => {
            "MyAnimeList keeps out the address of this hub, as it does those of cloud providers; a hub on one machine at \
             home gets through"
        }
        (401, Some("invalid_token")) => "the access was revoked or has ended",
        (403, Some("forbidden")) => "MyAnimeList does not allow this with this sign-in",
        (404, Some("not_found")) => "MyAnimeList does not know this anime",
        (400, Some("invalid_content")) => {
            "the anime waits for MyAnimeList's approval, and nobody can list it yet"
        }
        (_, None) if is_page => return format!("MyAnimeList answered {status} with a page"),
        _ => {
            return text_of(body, &["message", "error"])
                .unwrap_or_else(|| format!("MyAnimeList answered {status}"));
        }
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::testing::{Row, at};

    const HTML: Option<(&str, &str)> = Some(("content-type", "text/html; charset=utf-8"));
    const AFTER: Option<(&str, &str)> = Some(("retry-after", "600"));
    const BLOCKED: &str = include_str!("fixtures/blocked-403.html");
    const INVALID_TOKEN: &str = include_str!("fixtures/invalid-token-401.json");
    const REFUSED_REFRESH: &str = include_str!("fixtures/token-refused-401.json");
    const EXTRA: &str = include_str!("fixtures/extra-fields-400.json");

    fn headers(header: Option<(&str, &str)>) -> HeaderMap {
        header
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .into_iter()
            .collect()
    }

    fn check(
        rows: &[Row<'_>],
        judge: impl Fn(StatusCode, &HeaderMap, &str, DateTime<Utc>) -> Disposition,
    ) {
        for (status, header, body, expected) in rows {
            let status = StatusCode::from_u16(*status).unwrap();
            let next = judge(status, &headers(*header), body, at(0));
            assert_eq!(next, *expected, "{status} {body}");
        }
    }

    #[test]
    fn every_answer_has_its_disposition() {
        let an_hour = Disposition::AddressBlocked { until: at(3600) };
        let limited = |until| Disposition::RateLimited { until: at(until) };
        let rows: [Row<'_>; 24] = [
            (400, None, EXTRA, Disposition::Permanent),
            (
                400,
                None,
                r#"{"error":"invalid_content","message":""}"#,
                Disposition::Permanent,
            ),
            (401, None, INVALID_TOKEN, Disposition::Auth),
            (401, None, "", Disposition::Auth),
            (401, HTML, "<html>", Disposition::Retryable),
            (
                403,
                None,
                r#"{"error":"forbidden","message":""}"#,
                Disposition::Auth,
            ),
            (403, HTML, BLOCKED, an_hour.clone()),
            (403, None, "Request blocked", an_hour.clone()),
            (403, None, "", an_hour),
            (
                403,
                AFTER,
                BLOCKED,
                Disposition::AddressBlocked { until: at(600) },
            ),
            (
                404,
                None,
                r#"{"error":"not_found","message":""}"#,
                Disposition::NotFound,
            ),
            (404, None, "", Disposition::NotFound),
            (404, HTML, "<html>", Disposition::Retryable),
            (405, None, "", Disposition::Permanent),
            (408, None, "", Disposition::InDoubt),
            (429, None, "", limited(60)),
            (429, AFTER, "", limited(600)),
            (429, HTML, "<html>", limited(3600)),
            (500, HTML, "<html>", Disposition::InDoubt),
            (502, HTML, "<html>", Disposition::InDoubt),
            (503, HTML, "<html>", Disposition::Retryable),
            (504, HTML, "<html>", Disposition::InDoubt),
            (522, HTML, "<html>", Disposition::Retryable),
            (302, HTML, "", Disposition::Retryable),
        ];
        check(&rows, disposition);
    }

    #[test]
    fn only_a_refused_grant_ends_a_connection() {
        let refused = |error: &str| format!(r#"{{"error":"{error}","message":"Words."}}"#);
        let (grant, client) = (refused("invalid_grant"), refused("invalid_client"));
        let request = refused("invalid_request");
        let rows: [Row<'_>; 12] = [
            (401, None, REFUSED_REFRESH, Disposition::Auth),
            (400, None, REFUSED_REFRESH, Disposition::Auth),
            (400, None, &grant, Disposition::Auth),
            (401, None, &client, Disposition::AppRefused),
            (401, None, "", Disposition::AppRefused),
            (400, None, &request, Disposition::Permanent),
            (401, None, &request, Disposition::Permanent),
            (
                403,
                None,
                r#"{"error":"forbidden","message":""}"#,
                Disposition::Retryable,
            ),
            (
                403,
                HTML,
                BLOCKED,
                Disposition::AddressBlocked { until: at(3600) },
            ),
            (404, None, "", Disposition::AppRefused),
            (500, HTML, "<html>", Disposition::Retryable),
            (401, HTML, "<html>", Disposition::Retryable),
        ];
        check(&rows, of_token);
    }

    #[test]
    fn a_blocked_address_says_what_helps_and_a_refusal_what_it_said() {
        let words = |status, header, body| {
            words(
                StatusCode::from_u16(status).unwrap(),
                &headers(header),
                body,
            )
        };
        let blocked = words(403, HTML, BLOCKED);
        assert!(blocked.contains("one machine at home"), "{blocked}");
        assert!(blocked.chars().count() <= 200);
        assert_eq!(
            words(400, None, EXTRA),
            "This form should not contain extra fields."
        );
        assert_eq!(
            words(503, HTML, "<html>"),
            "MyAnimeList answered 503 Service Unavailable with a page"
        );
        assert_eq!(
            words(405, None, ""),
            "MyAnimeList answered 405 Method Not Allowed"
        );
        assert!(words(401, None, INVALID_TOKEN).contains("revoked"));
    }
}
