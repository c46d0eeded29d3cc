//! `GET /sync/history`: looking whether plays are there whose answer was lost.
//!
//! An entry of the same item within two minutes is the play, whoever put it there.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Disposition, ItemKind, MediaItem, Outcome, Play, PlayId};
use reqwest::Method;
use reqwest::header::HeaderMap;
use url::form_urlencoded;

use super::wire::Entry;
use super::{FINISHED_AFTER, Trakt, item, parse_time, read};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::seam::{Account, Prepared};
use crate::video::{FRESH, STOP};

/// How far an entry may lie from the time that was told, both cut to the minute.
const SLACK: TimeDelta = TimeDelta::minutes(2);
/// How long after a play's time its stop may have been counted: it was fresh when it was sent, and Trakt finished it.
const STOP_SLACK: TimeDelta = TimeDelta::minutes(5);
/// How many entries of the history are read at once.
const PAGE: usize = 100;
/// How many pages one look may read.
const MOST_PAGES: usize = 60;
/// Into how many stretches of time one look is divided at most.
const MOST_STRETCHES: usize = 20;
const LOOK: &str = "show its history";

impl Trakt {
    pub(crate) async fn read_back(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        plays: &[Play],
        now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Option<Outcome>)>, ProviderError> {
        let slack = if prepared.call == STOP {
            STOP_SLACK
        } else {
            SLACK
        };
        let sought: Vec<Sought<'_>> = prepared
            .plays
            .iter()
            .filter_map(|told| {
                let play = plays.iter().find(|play| play.id == told.play)?;
                let at = to_the_minute(told.watched_at?);
                Some(Sought {
                    play: &play.id,
                    media: &play.media,
                    at,
                    from: at - SLACK,
                    to: at + slack,
                })
            })
            .collect();
        let entries = self.entries_around(account, &sought, now).await?;
        Ok(found(&sought, &entries)
            .into_iter()
            .map(|(play, entry)| {
                let outcome = entry.map(|entry| Outcome::Delivered {
                    remote_id: Some(entry.id.to_string()),
                    detail: Some("found in the history".to_owned()),
                });
                (play, outcome)
            })
            .collect())
    }

    /// Reads the history around what is sought.
    pub(super) async fn entries_around(
        &self,
        account: &Account<'_>,
        sought: &[Sought<'_>],
        now: DateTime<Utc>,
    ) -> Result<Vec<Entry>, ProviderError> {
        let mut pages_left = MOST_PAGES;
        let mut entries = Vec::new();
        for (kind, path) in [
            (ItemKind::Movie, "sync/history/movies"),
            (ItemKind::Episode, "sync/history/episodes"),
        ] {
            let mut times = Vec::with_capacity(sought.len());
            for sought in sought {
                if sought.media.kind == kind {
                    times.push((sought.from, sought.to));
                }
            }
            for (from, to) in stretches(times) {
                let stretch = (path, from, to);
                entries.extend(self.entries(account, stretch, &mut pages_left, now).await?);
            }
        }
        Ok(entries)
    }

    async fn entries(
        &self,
        account: &Account<'_>,
        (path, from, to): (&str, DateTime<Utc>, DateTime<Utc>),
        pages_left: &mut usize,
        now: DateTime<Utc>,
    ) -> Result<Vec<Entry>, ProviderError> {
        let mut entries = Vec::new();
        for page in 1.. {
            *pages_left = pages_left.checked_sub(1).ok_or_else(|| {
                let why = "there is more history around these plays than one look may read";
                super::error(LOOK, Disposition::Retryable, why)
            })?;
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("start_at", &written(from))
                .append_pair("end_at", &written(to))
                .append_pair("page", &page.to_string())
                .append_pair("limit", &PAGE.to_string())
                .finish();
            let request = self.call(Method::GET, &format!("{path}?{query}"), account);
            let answer = self.send(LOOK, Effect::Reads, request, now).await;
            // A history that is not there is not an empty one.
            let answer = answer.map_err(super::of_listing)?;
            let mut read: Vec<Entry> = read(LOOK, Effect::Reads, &answer)?;
            let count = read.len();
            entries.append(&mut read);
            // The page count has been wrong; an empty page is the end whatever it says.
            let is_last = match page_count(&answer.headers) {
                Some(pages) => page >= pages,
                None => count < PAGE,
            };
            if count == 0 || is_last {
                break;
            }
        }
        Ok(entries)
    }
}

/// A play that is looked for, and where.
pub(super) struct Sought<'a> {
    pub(super) play: &'a PlayId,
    pub(super) media: &'a MediaItem,
    /// The time that was told, cut to the minute.
    at: DateTime<Utc>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl<'a> Sought<'a> {
    /// A play that was told with this time, as far beside it as clocks and the cutting of seconds may have put it.
    pub(super) fn around(play: &'a PlayId, media: &'a MediaItem, told: DateTime<Utc>) -> Self {
        let at = to_the_minute(told);
        Self {
            play,
            media,
            at,
            from: at - SLACK,
            to: at + SLACK,
        }
    }
}

/// Finds each play its entry, the nearest in time; one entry is no more than one play.
pub(super) fn found<'e>(
    sought: &[Sought<'_>],
    entries: &'e [Entry],
) -> Vec<(PlayId, Option<&'e Entry>)> {
    let mut used: Vec<i64> = Vec::new();
    let mut results = Vec::new();
    for sought in sought {
        let distance = |entry: &Entry| {
            let watched_at = to_the_minute(parse_time(entry.watched_at.as_deref()?)?);
            let is_then = (sought.from..=sought.to).contains(&watched_at);
            is_then.then(|| (watched_at - sought.at).abs())
        };
        let entry = entries
            .iter()
            .filter(|entry| !used.contains(&entry.id) && item::is_of(entry, sought.media))
            .filter_map(|entry| Some((distance(entry)?, entry)))
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, entry)| entry);
        used.extend(entry.map(|entry| entry.id));
        results.push((sought.play.clone(), entry));
    }
    results
}

/// Joins stretches of time that lie close together, so that few are read: one list is cheaper than many.
fn stretches(mut all: Vec<(DateTime<Utc>, DateTime<Utc>)>) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    all.sort_unstable();
    let mut gap = TimeDelta::hours(6);
    loop {
        let mut joined: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
        for (from, to) in &all {
            match joined.last_mut() {
                Some(last) if *from - last.1 <= gap => last.1 = last.1.max(*to),
                Some(_) | None => joined.push((*from, *to)),
            }
        }
        if joined.len() <= MOST_STRETCHES {
            return joined;
        }
        gap = gap * 2;
    }
}

fn page_count(headers: &HeaderMap) -> Option<u32> {
    headers
        .get("x-pagination-page-count")?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// The minute in which a moment lies, as Trakt keeps it.
pub(super) fn to_the_minute(at: DateTime<Utc>) -> DateTime<Utc> {
    let seconds = at.timestamp() - at.timestamp().rem_euclid(60);
    DateTime::from_timestamp(seconds, 0).unwrap_or(at)
}

/// A moment as it is written in a query.
pub(super) fn written(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

const _: () = assert!(
    STOP_SLACK.num_seconds() >= FRESH.num_seconds() + FINISHED_AFTER.num_seconds(),
    "a stop is sent while fresh, and Trakt finishes within three minutes"
);

#[cfg(test)]
#[path = "read_back_tests.rs"]
mod tests;
