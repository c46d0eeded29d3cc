//! `GET /sync/all-items`: everything in one answer, and `/sync/activities`: what changed.
//!
//! Simkl has no pages, and forbids to read everything again and again: one full read ever, then only what changed since
//! (`date_from`), each after a look at the activities. So the answer is kept ([`HistoryBody`]) and cut into pages without
//! a call. Whoever lost it asks again, once; the cursor names the item at which it stood, and if that is not where it was,
//! the answer is read from its beginning: nothing is lost, and every record has the name it had.
//!
//! Simkl keeps one watch of a film or episode, stamped with its end, to the second; the first second of 1970 is its word
//! for "unknown". It has no id, so one is made of the item's number and the episode's.

use chrono::{DateTime, Utc};
use hub_domain::Service;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::form_urlencoded;

use super::cut::{Cut, cut};
use super::{Simkl, accept};
use crate::error::ProviderError;
use crate::http::{self, Effect};
use crate::reading::{
    Activity, HistoryBody, HistoryCursor, HistoryPage, Place, parse, refused, unreadable,
};
use crate::seam::Account;

/// How many records a page holds. Each page reads over the whole text, so fewer pages are less work.
const PAGE: usize = 250;
/// The largest answer that is read, in bytes: some 300,000 episodes.
const LARGEST: usize = 32 * 1024 * 1024;
const HERE: Service = Service::Simkl;
const HISTORY: &str = "show its history";
const ACTIVITIES: &str = "say what changed";
/// What of the activities is about what was watched.
const FIELDS: [&str; 6] = [
    "watching",
    "completed",
    "hold",
    "dropped",
    "plantowatch",
    "removed_from_list",
];

/// Where a reading stands in the answer: at an item, by its place and number, and at one of its episodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// How many items lie before it.
    pub(super) item: usize,
    /// Simkl's number of it; 0 where there is none.
    pub(super) simkl: u64,
    /// How many of its records were given.
    pub(super) given: usize,
}

impl Simkl {
    pub(crate) async fn activities(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Activity, ProviderError> {
        let request = self.call(Method::GET, "sync/activities", account);
        let answer = self.send(ACTIVITIES, Effect::Reads, request, now).await;
        let read: Value = parse(HERE, &answer.map_err(super::of_listing)?)?;
        let lists = ["tv_shows", "anime", "movies"];
        if lists.iter().any(|list| !read[list].is_object()) {
            return Err(refused(HERE, "it does not say what changed"));
        }
        let times = |field: &str| lists.map(|list| read[list][field].as_str().unwrap_or_default());
        // As text: all of them are written alike, so that the later one is the greater.
        let newest = |fields: &[&str]| fields.iter().flat_map(|field| times(field)).max();
        let listed = newest(&["watching", "completed", "hold", "dropped"]).unwrap_or_default();
        let removed = newest(&["removed_from_list"]).unwrap_or_default();
        let changed_at = newest(&FIELDS).unwrap_or_default();
        let mark: Vec<&str> = FIELDS.iter().flat_map(|field| times(field)).collect();
        Ok(Activity {
            mark: mark.join(" "),
            changed_at: super::parse_time(changed_at),
            plays: None,
            // A list that was taken from may have been emptied.
            has_plays: !listed.is_empty() && listed > removed,
        })
    }

    /// Reads everything, and cuts the page at the cursor. To be asked after [`Simkl::activities`], as Simkl demands.
    pub(crate) async fn read_history(
        &self,
        account: &Account<'_>,
        cursor: &HistoryCursor,
        now: DateTime<Utc>,
    ) -> Result<HistoryPage, ProviderError> {
        let place: Place<Position> = cursor.place(HERE)?;
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("extended", "full_anime_seasons")
            .append_pair("episode_watched_at", "yes");
        if let Some(since) = place.reading.since {
            query.append_pair("date_from", &super::history::written(since));
        }
        let path = format!("sync/all-items/?{}", query.finish());
        let request = self.call(Method::GET, &path, account);
        let answer = http::call_for_much(request, LARGEST).await;
        let answer = answer.map_err(|lost| {
            let next = Effect::Reads.judge(lost.disposition);
            super::error(HISTORY, next, lost.why).caused_by(lost.source)
        })?;
        let answer = accept(HISTORY, Effect::Reads, answer, now).map_err(super::of_listing)?;
        HistoryBody::of(answer.body).page(cursor, now)
    }
}

/// Cuts the page at a cursor out of an answer.
pub(crate) fn page_of(
    body: &HistoryBody,
    cursor: &HistoryCursor,
    now: DateTime<Utc>,
) -> Result<HistoryPage, ProviderError> {
    let place: Place<Position> = cursor.place(HERE)?;
    let cut_at = |at| cut(body.as_str(), at, PAGE);
    let unreadable = |cause: serde_json::Error| unreadable(HERE, Box::new(cause));
    let found = cut_at(place.at).map_err(unreadable)?;
    let Cut {
        records,
        skipped,
        next,
        items,
        plays,
        contradiction,
        ..
    } = if found.is_elsewhere {
        cut_at(None).map_err(unreadable)?
    } else {
        found
    };
    if let Some(title) = contradiction {
        let why = format!("it lists no episodes of what was watched: {title}");
        return Err(refused(HERE, why));
    }
    place.refuse_emptiness_of(HERE, items)?;
    let next = next.map(|at| place.next(HERE, at)).transpose()?;
    Ok(HistoryPage {
        records,
        skipped,
        body: next.as_ref().map(|_| body.clone()),
        next,
        total: Some(plays),
        read_at: now,
    })
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
