//! The list of anime, which says where a show's episodes lie in the anime lists: fetched once a day, checked, and kept.
//!
//! A fetch that fails, or brings what is no list, changes nothing: the last good copy stays in use, and the next look is
//! later the more looks failed.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::Service;
use hub_domain::anime::Index;
use hub_domain::anime::dataset::{self, Limits, Refused, Tally};
use hub_runtime::HttpClient;
use hub_store::StoreError;
use hub_store::dataset::{AnimeList, InUse};
use reqwest::header::{ETAG, HeaderMap, IF_NONE_MATCH, LOCATION};
use reqwest::{Response, StatusCode};
use url::Url;

use crate::Sync;

/// How old a copy grows before its address is asked again: the list is built once a day.
const GROWS_OLD: TimeDelta = TimeDelta::hours(24);
/// The first pause after a failed look; it doubles with each one, up to [`GROWS_OLD`].
const PAUSE: TimeDelta = TimeDelta::minutes(15);
/// How often one process asks the table whether it is time.
const ASK_EACH: TimeDelta = TimeDelta::minutes(15);
/// How long the whole answer may take.
const TIMEOUT: Duration = Duration::from_secs(40);
/// A release's asset redirects once, to where it is stored.
const MOST_REDIRECTS: usize = 3;

/// Where the list is, and when this process asks the table next.
pub(crate) struct AnimeMap {
    url: Url,
    http: HttpClient,
    next: Mutex<Option<DateTime<Utc>>>,
}

/// Why there is no newer copy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotFetched {
    /// The address did not answer.
    #[error("the list of anime was not fetched")]
    Http(#[from] reqwest::Error),
    /// It answered something else.
    #[error("the list's address answered {0}")]
    Status(u16),
    /// It sent us from one place to the next.
    #[error("the list's address leads nowhere")]
    Redirects,
    /// What came is not to be used.
    #[error("what came is no list")]
    Refused(#[from] Refused),
    /// The table did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The check was cut short.
    #[error("the check of the list was cut short")]
    Cut(#[from] tokio::task::JoinError),
}

/// The copy that is in use; without an index where it cannot be read.
struct Kept {
    list: AnimeList,
    index: Option<Index>,
}

impl AnimeMap {
    pub(crate) fn new(url: Url, http: HttpClient) -> Self {
        Self {
            url,
            http,
            next: Mutex::new(None),
        }
    }

    /// Says whether it is time to ask the table, at most every fifteen minutes.
    fn is_time(&self, now: DateTime<Utc>) -> bool {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if next.is_some_and(|next| next > now) {
            return false;
        }
        *next = Some(now + ASK_EACH);
        true
    }
}

impl Sync {
    /// Fetches the list of anime where a service needs it and the copy has grown old; says how many copies were kept.
    pub(crate) async fn refresh_anime_map(&self, now: DateTime<Utc>) -> Result<usize, NotFetched> {
        let Some(map) = &self.anime_map else {
            return Ok(0);
        };
        let is_needed = self
            .behaviour
            .services
            .iter()
            .any(|service: &Service| service.catalogue().is_some());
        if !is_needed || !map.is_time(now) || !self.table.take_anime_check(pause, now).await? {
            return Ok(0);
        }
        let kept = self.kept().await?;
        if let Some(Kept {
            list,
            index: Some(_),
        }) = &kept
            && now - list.fetched_at < GROWS_OLD
        {
            self.table
                .anime_checked(list.fetched_at + GROWS_OLD)
                .await?;
            return Ok(0);
        }
        let changed = self.fetch(map, kept, now).await;
        // No task outlives the handler, and no connection a sandbox that sleeps.
        map.http.close_idle();
        let changed = changed?;
        self.table.anime_checked(now + GROWS_OLD).await?;
        Ok(usize::from(changed))
    }

    /// The copy that is kept, and what it holds.
    async fn kept(&self) -> Result<Option<Kept>, NotFetched> {
        let Some(list) = self.table.anime_list().await? else {
            return Ok(None);
        };
        let index = self.table.read_anime_list().await?;
        let index = index.map(|(_, bytes)| Index::unpack(&bytes)).transpose();
        let index = index.unwrap_or_else(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the list of anime that is kept cannot be read, it is fetched anew"
            );
            None
        });
        Ok(Some(Kept { list, index }))
    }

    async fn fetch(
        &self,
        map: &AnimeMap,
        kept: Option<Kept>,
        now: DateTime<Utc>,
    ) -> Result<bool, NotFetched> {
        let (kept, last_good) = match kept {
            Some(Kept { list, index }) => (Some(list), index),
            None => (None, None),
        };
        // Of a copy that cannot be read, "unchanged" would be no help.
        let readable = kept.as_ref().filter(|_| last_good.is_some());
        let etag = readable.and_then(|list| list.etag.as_deref());
        let answer = ask(&map.http.client(), &map.url, etag).await?;
        if let (StatusCode::NOT_MODIFIED, Some(list)) = (answer.status(), readable) {
            self.table.touch_anime_list(list, now).await?;
            return Ok(false);
        }
        if answer.status() != StatusCode::OK {
            return Err(NotFetched::Status(answer.status().as_u16()));
        }
        let etag = text_of(answer.headers(), ETAG.as_str());
        let json = body_of(answer, Limits::default().most_bytes).await?;
        let (packed, tally) =
            tokio::task::spawn_blocking(move || check(&json, last_good.as_ref())).await??;
        let in_use = self
            .table
            .put_anime_list(&packed, tally.kept, etag, kept.as_ref(), now)
            .await?;
        let Tally {
            kept,
            broken,
            foreign,
        } = tally;
        let bytes = packed.len();
        tracing::info!(
            kept,
            broken,
            foreign,
            bytes,
            "a newer list of anime is kept"
        );
        Ok(matches!(in_use, InUse::This(_)))
    }
}

/// Reads and checks a list against the last good copy, and packs it: pure, a second or two of work.
fn check(json: &[u8], last_good: Option<&Index>) -> Result<(Vec<u8>, Tally), NotFetched> {
    let (index, tally) = dataset::read(json, last_good, Limits::default())?;
    Ok((index.pack(), tally))
}

/// How long to wait after so many looks that failed.
fn pause(failed: u32) -> TimeDelta {
    let doubled = PAUSE.checked_mul(1 << failed.min(16)).unwrap_or(GROWS_OLD);
    doubled.min(GROWS_OLD)
}

/// Asks an address, and goes where it sends us.
async fn ask(
    client: &reqwest::Client,
    url: &Url,
    etag: Option<&str>,
) -> Result<Response, NotFetched> {
    let mut url = url.clone();
    for _ in 0..=MOST_REDIRECTS {
        let mut request = client.get(url.clone()).timeout(TIMEOUT);
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let answer = request.send().await.map_err(reqwest::Error::without_url)?;
        if !answer.status().is_redirection() || answer.status() == StatusCode::NOT_MODIFIED {
            return Ok(answer);
        }
        let place = text_of(answer.headers(), LOCATION.as_str());
        let next = place.and_then(|place| url.join(&place).ok());
        let is_safe = |next: &Url| next.scheme() == "https" || next.scheme() == url.scheme();
        url = next.filter(is_safe).ok_or(NotFetched::Redirects)?;
    }
    Err(NotFetched::Redirects)
}

/// Reads a body up to a bound.
async fn body_of(mut answer: Response, most: usize) -> Result<Vec<u8>, NotFetched> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        if body.len() + piece.len() > most {
            let bytes = body.len() + piece.len();
            return Err(NotFetched::Refused(Refused::TooLarge { bytes, most }));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_with_each_failure_up_to_a_day() {
        let minutes: Vec<i64> = [0, 1, 2, 6, 7, 60]
            .map(|failed| pause(failed).num_minutes())
            .to_vec();
        assert_eq!(minutes, [15, 30, 60, 960, 1440, 1440]);
    }

    #[test]
    fn what_is_no_list_is_refused_and_never_kept() {
        let page = b"<html>rate limited</html>";
        assert!(matches!(check(page, None), Err(NotFetched::Refused(_))));
        let few = br#"{"$meta": {"schema_version": "3.0.0"}}"#;
        assert!(matches!(check(few, None), Err(NotFetched::Refused(_))));
    }
}
