//! What the clients share about HTTP: one request, one bounded answer, and whether anything went out.

use std::error::Error;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::Disposition;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

/// How long one call may take; the function, the lease and the queue's visibility are nested around it.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// The largest answer that is read, in bytes; a history page of 100 entries takes about 100 kB.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;
/// The longest wait that a service can impose; a longer one is no wait but a mistake.
const LONGEST_WAIT: TimeDelta = TimeDelta::days(30);

/// What a request does at the service, which decides what a lost answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It changes nothing, or asking again tells what became of it: a lost answer means asking again.
    Reads,
    /// It may have been carried out although its answer was lost.
    Writes,
}

impl Effect {
    /// What a disposition comes to for a request with this effect.
    pub(crate) fn judge(self, disposition: Disposition) -> Disposition {
        match self {
            Self::Reads if disposition == Disposition::InDoubt => Disposition::Retryable,
            Self::Reads | Self::Writes => disposition,
        }
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// Says whether it is a page for people, see [`is_page`].
    pub(crate) fn is_page(&self) -> bool {
        is_page(&self.headers, &self.body)
    }

    /// The body as the JSON that is expected.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.body)
    }
}

/// A request without an answer.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(crate) disposition: Disposition,
    pub(crate) why: &'static str,
    pub(crate) source: Box<dyn Error + Send + Sync>,
}

impl Lost {
    fn of(error: reqwest::Error) -> Self {
        let (disposition, why) = if error.is_builder() {
            (Disposition::Permanent, "the request could not be written")
        } else if error.is_connect() {
            (Disposition::Retryable, "no connection")
        } else if error.is_timeout() {
            (Disposition::InDoubt, "no answer in time")
        } else {
            (Disposition::InDoubt, "the connection broke")
        };
        // The address may hold what only the service should see.
        let source = Box::new(error.without_url());
        Self {
            disposition,
            why,
            source,
        }
    }
}

/// Sends one request and reads its answer, both within [`CALL_TIMEOUT`].
pub(crate) async fn call(request: RequestBuilder) -> Result<Answer, Lost> {
    call_within(request, CALL_TIMEOUT).await
}

/// The same within so long.
pub(crate) async fn call_within(
    request: RequestBuilder,
    patience: Duration,
) -> Result<Answer, Lost> {
    call_bounded(request, patience, LARGEST_ANSWER).await
}

/// The same for an answer of up to so many bytes: that of a service that gives everything at once.
pub(crate) async fn call_for_much(request: RequestBuilder, largest: usize) -> Result<Answer, Lost> {
    call_bounded(request, CALL_TIMEOUT, largest).await
}

async fn call_bounded(
    request: RequestBuilder,
    patience: Duration,
    largest: usize,
) -> Result<Answer, Lost> {
    let mut response = request.timeout(patience).send().await.map_err(Lost::of)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= largest => {
                body.extend_from_slice(&chunk);
            }
            Ok(Some(_)) => {
                return Err(Lost {
                    disposition: Disposition::InDoubt,
                    why: "the answer is too large",
                    source: format!("more than {largest} bytes").into(),
                });
            }
            Ok(None) => break,
            // A refusal is told by its status; its words may be cut short.
            Err(_) if !status.is_success() => break,
            Err(error) => return Err(Lost::of(error)),
        }
    }
    Ok(Answer {
        status,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// Says whether an answer is a page for people, or the line of text that Cloudflare sends instead of one.
pub(crate) fn is_page(headers: &HeaderMap, body: &str) -> bool {
    let is_html = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.to_ascii_lowercase().contains("html"));
    let body = body.trim_start();
    is_html || body.starts_with('<') || body.starts_with("error code:")
}

/// The moment that `Retry-After` names, in seconds from now or as a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    seconds_from(text, now).or_else(|| {
        let date = DateTime::parse_from_rfc2822(text).ok()?.to_utc();
        Some(date.clamp(now, now + LONGEST_WAIT))
    })
}

/// The moment so many seconds from now: whole or not, rounded up, at most 30 days away.
pub(crate) fn seconds_from(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let seconds: f64 = text.trim().parse().ok().filter(|s: &f64| *s >= 0.0)?;
    let wait = Duration::try_from_secs_f64(seconds.ceil()).ok()?;
    let wait = TimeDelta::from_std(wait).unwrap_or(LONGEST_WAIT);
    Some(now + wait.min(LONGEST_WAIT))
}

/// The first of these members of a JSON object that holds text.
pub(crate) fn text_of(body: &str, members: &[&str]) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    members
        .iter()
        .find_map(|member| body.get(member)?.as_str())
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// An address under a root; a path prefix of the root stays.
pub(crate) fn under(root: &Url, path: &str) -> String {
    format!("{}/{path}", root.as_str().trim_end_matches('/'))
}

/// The host of an address, with its port where one is named, so that two servers of one machine are two.
pub(crate) fn host_of(address: &Url) -> String {
    let host = address.host_str().unwrap_or("-");
    match address.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::testing::{Server, client, give};

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_763_640_000, 0).unwrap()
    }

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))])
    }

    #[test]
    fn a_wait_is_kept_to_in_full_and_read_in_seconds_or_as_a_date() {
        let after = |text| retry_after(&headers("retry-after", text), now());
        assert_eq!(after("2852"), Some(now() + TimeDelta::seconds(2852)));
        assert_eq!(after("0.5"), Some(now() + TimeDelta::seconds(1)));
        assert_eq!(
            after("Thu, 20 Nov 2025 12:10:00 GMT"),
            Some(now() + TimeDelta::minutes(10))
        );
        assert_eq!(after("Thu, 20 Nov 2025 11:00:00 GMT"), Some(now()));
        for nonsense in ["soon", "-5", "NaN", ""] {
            assert_eq!(after(nonsense), None, "{nonsense}");
        }
        assert_eq!(after("1e300"), None);
        assert_eq!(after("9999999999"), Some(now() + LONGEST_WAIT));
    }

    #[test]
    fn pages_are_told_from_answers() {
        assert!(is_page(
            &headers("content-type", "text/html; charset=UTF-8"),
            ""
        ));
        assert!(is_page(&HeaderMap::new(), "\n<!DOCTYPE html>"));
        assert!(is_page(&HeaderMap::new(), "error code: 1010"));
        assert!(!is_page(&headers("content-type", "application/json"), "{}"));
        assert!(!is_page(&HeaderMap::new(), ""));
    }

    #[test]
    fn a_prefix_stays_under_its_root() {
        let root = Url::parse("https://host.example/apis/listenbrainz").unwrap();
        assert_eq!(
            under(&root, "1/submit-listens"),
            "https://host.example/apis/listenbrainz/1/submit-listens"
        );
        assert_eq!(
            host_of(&Url::parse("http://127.0.0.1:9/x").unwrap()),
            "127.0.0.1:9"
        );
    }

    #[tokio::test]
    async fn an_answer_is_read_up_to_its_bound() {
        let large = "x".repeat(LARGEST_ANSWER + 1);
        let server = Server::answering([give(200, &large[1..]), give(200, large)]).await;
        let get = || call(client().get(server.url.clone()));
        assert_eq!(get().await.unwrap().body.len(), LARGEST_ANSWER);
        assert_eq!(get().await.unwrap_err().disposition, Disposition::InDoubt);
    }

    #[test]
    fn a_lost_read_is_only_asked_again() {
        assert_eq!(
            Effect::Reads.judge(Disposition::InDoubt),
            Disposition::Retryable
        );
        assert_eq!(
            Effect::Writes.judge(Disposition::InDoubt),
            Disposition::InDoubt
        );
        assert_eq!(Effect::Reads.judge(Disposition::Auth), Disposition::Auth);
    }
}
