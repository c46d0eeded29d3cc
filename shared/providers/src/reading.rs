//! The words of reading history back from a service, and what no reading believes.
//!
//! A reading goes page by page. [`Reading`] says what is wanted, [`HistoryCursor`] where it stands; whoever reads keeps
//! the cursor with the page, so that a page that was lost is asked again and nothing else. Pages go from the newest play
//! to the oldest where a service dates its plays. Plays that are added meanwhile are found by the next reading; what was
//! there when the reading began comes once, and where two pages had to overlap, a record that comes again has the same
//! [`Record::remote_id`].
//!
//! A reading fails closed. An answer that is cut short, that holds fewer entries than it counts, that counts fewer than
//! the page before, or that is empty although the service says that there is something, is an error of
//! [`Disposition::Permanent`]: it ends the run, and is never taken for a short or empty history.

pub(crate) mod pages;

use std::error::Error;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::anime::progress::Listed;
use hub_domain::media::{ExternalId, Namespace, Scope};
use hub_domain::{Disposition, MediaItem, Precision, Service};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::ProviderError;
use crate::http::Answer;
use crate::simkl;

/// How many records a page holds at most.
pub const MOST_RECORDS: usize = 500;
/// How long a cursor may be, in bytes.
pub const LONGEST_CURSOR: usize = 8 * 1024;

const READ: &str = "show its history";

/// What is to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Only plays of this moment and later; `None` reads everything. Services that say what changed (Simkl, the anime
    /// lists) take it for what changed since, whatever its own date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// The account has plays, by [`Activity::has_plays`]: a reading of everything that finds none is then refused.
    #[serde(default)]
    pub expects_plays: bool,
}

/// Where a reading stands: opaque, at most [`LONGEST_CURSOR`] bytes, and only for the service that gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HistoryCursor(String);

impl HistoryCursor {
    /// The beginning of a reading, at any service.
    pub fn begin(reading: Reading) -> Self {
        let text = serde_json::to_string(&Place::<()> { reading, at: None });
        Self(text.expect("a time and a truth are always JSON"))
    }

    /// The text that it is kept as.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a client wrote into it.
    pub(crate) fn place<P: DeserializeOwned>(
        &self,
        service: Service,
    ) -> Result<Place<P>, ProviderError> {
        serde_json::from_str(&self.0).map_err(|cause| {
            let why = "where the reading stood cannot be read";
            refused(service, why).caused_by(Box::new(cause))
        })
    }
}

/// Why a text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cursor has at most {LONGEST_CURSOR} bytes")]
pub struct NotACursor;

impl TryFrom<String> for HistoryCursor {
    type Error = NotACursor;

    fn try_from(text: String) -> Result<Self, NotACursor> {
        if text.len() > LONGEST_CURSOR {
            return Err(NotACursor);
        }
        Ok(Self(text))
    }
}

impl From<HistoryCursor> for String {
    fn from(cursor: HistoryCursor) -> Self {
        cursor.0
    }
}

/// What a cursor holds: what is read, and where; at its beginning nowhere yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Place<P> {
    pub(crate) reading: Reading,
    pub(crate) at: Option<P>,
}

impl<P: Serialize> Place<P> {
    /// The cursor of what is read next.
    pub(crate) fn next(self, service: Service, at: P) -> Result<HistoryCursor, ProviderError> {
        let place = Place {
            at: Some(at),
            ..self
        };
        let text = serde_json::to_string(&place).expect("text and whole numbers are always JSON");
        HistoryCursor::try_from(text).map_err(|why| refused(service, why.to_string()))
    }
}

impl<P> Place<P> {
    /// Refuses a history of so many entries that is empty although there should be something.
    pub(crate) fn refuse_emptiness_of(
        &self,
        service: Service,
        entries: usize,
    ) -> Result<(), ProviderError> {
        let is_whole = self.reading.since.is_none() && self.at.is_none();
        if is_whole && self.reading.expects_plays && entries == 0 {
            let why = "it shows no plays although it says that there are some";
            return Err(refused(service, why));
        }
        Ok(())
    }
}

/// One page of a history.
#[derive(Debug, Clone)]
pub struct HistoryPage {
    /// What was read, in the service's order; at most [`MOST_RECORDS`].
    pub records: Vec<Record>,
    /// How many entries of the page name nothing that can be played or listed.
    pub skipped: u32,
    /// Where the next page is; `None` after the last.
    pub next: Option<HistoryCursor>,
    /// How many plays (at the anime lists: entries) the reading has in all by the service's own count, where it counts.
    pub total: Option<u64>,
    /// When the service was asked.
    pub read_at: DateTime<Utc>,
    /// The body that the next pages are cut from without a call, where the service answers with everything at once.
    pub body: Option<HistoryBody>,
}

/// An answer that holds a whole history: Simkl's, which may be asked for once.
///
/// As large as the answer, 32 MiB at most; a page of it takes little more than its records. Cutting a page reads the whole
/// text again, so that an answer that is cut short is refused before its first record is given.
#[derive(Debug, Clone)]
pub struct HistoryBody(Arc<str>);

impl HistoryBody {
    /// A body that was put aside ([`HistoryBody::as_str`]).
    pub fn of(text: String) -> Self {
        Self(text.into())
    }

    /// The text, to be put aside until the next page is wanted.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Cuts the page at a cursor of this reading.
    ///
    /// # Errors
    ///
    /// The body is no whole answer, or the cursor is of another reading.
    pub fn page(
        &self,
        cursor: &HistoryCursor,
        now: DateTime<Utc>,
    ) -> Result<HistoryPage, ProviderError> {
        simkl::page_of(self, cursor, now)
    }
}

/// What a service keeps of one play; at an anime list: of one entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The service's id of it, or one made of what tells it from others there; the same whenever it is read.
    pub remote_id: String,
    /// What was played: ids, titles, numbers. Of an entry in an anime list, the entry: a show or a film.
    pub media: MediaItem,
    /// When it began, where the service stamps the beginning (Last.fm, `ListenBrainz`).
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended, where the service stamps the end (Trakt, Simkl). Of a day, its first moment in UTC.
    pub watched_at: Option<DateTime<Utc>>,
    /// How exactly that is known; without any time, [`Precision::Unknown`].
    pub precision: Precision,
    /// The state of an entry in an anime list, which keeps no plays; the record's day is that of its last episode.
    pub entry: Option<Listed>,
}

/// What a service says of its history without showing it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// As long as this text is the same, nothing changed that [`crate::Provider::read_history`] would show.
    pub mark: String,
    /// When something last changed, where the service says so; to be the next [`Reading::since`] where it takes changes.
    pub changed_at: Option<DateTime<Utc>>,
    /// How many plays there are by the service's own count, where it counts.
    pub plays: Option<u64>,
    /// There are plays, as far as the service lets on.
    pub has_plays: bool,
}

/// Refuses an answer for good: it ends the reading, and changes nothing.
pub(crate) fn refused(service: Service, why: impl AsRef<str>) -> ProviderError {
    ProviderError::new(service, READ, Disposition::Permanent, why)
}

/// Reads an answer of a history; one that is cut short or of another shape is refused.
pub(crate) fn parse<T: DeserializeOwned>(
    service: Service,
    answer: &Answer,
) -> Result<T, ProviderError> {
    answer
        .json()
        .map_err(|cause| unreadable(service, Box::new(cause)))
}

pub(crate) fn unreadable(service: Service, cause: Box<dyn Error + Send + Sync>) -> ProviderError {
    refused(service, "its history is cut short or cannot be read").caused_by(cause)
}

/// What a service that cannot be read answers.
pub(crate) fn cannot_be_read(service: Service, why: &str) -> ProviderError {
    refused(service, format!("it cannot be read yet: {why}"))
}

/// The ids of those texts that are ids.
pub(crate) fn ids_of<'a>(
    scope: Scope,
    known: impl IntoIterator<Item = (Namespace, Option<&'a str>)>,
) -> Vec<ExternalId> {
    let known = known.into_iter();
    known
        .filter_map(|(namespace, text)| ExternalId::new(namespace, scope, text?).ok())
        .collect()
}

/// A length that says something.
pub(crate) fn length_of(milliseconds: Option<i64>) -> Option<TimeDelta> {
    milliseconds
        .filter(|length| *length > 0)
        .and_then(TimeDelta::try_milliseconds)
}

/// Text that says something.
pub(crate) fn words(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    #[test]
    fn a_cursor_keeps_its_stored_format_and_its_bound() {
        let cursor = HistoryCursor::begin(Reading {
            since: Some(at(0)),
            expects_plays: true,
        });
        let stored = r#""{\"reading\":{\"since\":\"2025-11-20T12:00:00Z\",\"expects_plays\":true},\"at\":null}""#;
        assert_eq!(serde_json::to_string(&cursor).unwrap(), stored);
        assert_eq!(
            serde_json::from_str::<HistoryCursor>(stored).unwrap(),
            cursor
        );
        let long = "x".repeat(LONGEST_CURSOR + 1);
        assert_eq!(HistoryCursor::try_from(long), Err(NotACursor));
    }

    #[test]
    fn a_cursor_of_another_service_ends_the_reading() {
        let begin: Place<u32> = HistoryCursor::begin(Reading::default())
            .place(Service::Trakt)
            .unwrap();
        let other = begin.next(Service::Trakt, 7).unwrap();
        let error = other.place::<Vec<u8>>(Service::LastFm).unwrap_err();
        assert_eq!(error.disposition, Disposition::Permanent);
    }

    #[tokio::test]
    async fn what_is_read_by_its_feed_says_so() {
        let url: url::Url = "https://www.goodreads.com".parse().unwrap();
        let http = crate::testing::client;
        let tokens = crate::testing::tokens();
        let account = crate::Account {
            tokens: &tokens,
            username: "alice",
            url: None,
        };
        let begin = HistoryCursor::begin(Reading::default());
        for provider in [
            crate::Provider::Goodreads(crate::Goodreads::new(url.clone(), http())),
            crate::Provider::Letterboxd(crate::Letterboxd::new(url.clone(), http())),
        ] {
            let page = provider.read_history(&account, &begin, at(0)).await;
            let activity = provider.activities(&account, at(0)).await;
            for error in [page.unwrap_err(), activity.unwrap_err()] {
                assert_eq!(error.disposition, Disposition::Permanent);
                assert!(error.why.contains("cannot be read yet"), "{}", error.why);
            }
        }
    }
}
