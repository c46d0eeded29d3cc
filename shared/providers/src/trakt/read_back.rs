//! `GET /sync/history`: looking whether plays are there whose answer was lost.
//!
//! An entry of the same item within two minutes is the play, whoever put it there.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Disposition, ItemKind, Outcome, Play, PlayId};
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
                    play,
                    from: at - SLACK,
                    to: at + slack,
                })
            })
            .collect();
        let mut pages_left = MOST_PAGES;
        let mut entries = Vec::new();
        for (kind, path) in [
            (ItemKind::Movie, "sync/history/movies"),
            (ItemKind::Episode, "sync/history/episodes"),
        ] {
            let mut times = Vec::with_capacity(sought.len());
            for sought in &sought {
                if sought.play.media.kind == kind {
                    times.push((sought.from, sought.to));
                }
            }
            for (from, to) in stretches(times) {
                let stretch = (path, from, to);
                entries.extend(self.entries(account, stretch, &mut pages_left, now).await?);
            }
        }
        Ok(found(&sought, &entries))
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
            let answer = answer.map_err(|mut error| {
                // A history that is not there is not an empty one.
                if error.disposition == Disposition::NotFound {
                    error.disposition = Disposition::Retryable;
                }
                error
            })?;
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
struct Sought<'a> {
    play: &'a Play,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

/// Finds each play its entry; one entry is no more than one play.
fn found(sought: &[Sought<'_>], entries: &[Entry]) -> Vec<(PlayId, Option<Outcome>)> {
    let mut used: Vec<i64> = Vec::new();
    let mut results = Vec::new();
    for sought in sought {
        let entry = entries.iter().find(|entry| {
            let watched_at = entry.watched_at.as_deref().and_then(parse_time);
            let is_then = watched_at
                .map(to_the_minute)
                .is_some_and(|at| (sought.from..=sought.to).contains(&at));
            is_then && !used.contains(&entry.id) && item::is_of(entry, &sought.play.media)
        });
        used.extend(entry.map(|entry| entry.id));
        let outcome = entry.map(|entry| Outcome::Delivered {
            remote_id: Some(entry.id.to_string()),
            detail: Some("found in the history".to_owned()),
        });
        results.push((sought.play.id.clone(), outcome));
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

fn to_the_minute(at: DateTime<Utc>) -> DateTime<Utc> {
    let seconds = at.timestamp() - at.timestamp().rem_euclid(60);
    DateTime::from_timestamp(seconds, 0).unwrap_or(at)
}

fn written(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

const _: () = assert!(
    STOP_SLACK.num_seconds() >= FRESH.num_seconds() + FINISHED_AFTER.num_seconds(),
    "a stop is sent while fresh, and Trakt finishes within three minutes"
);

#[cfg(test)]
#[path = "read_back_tests.rs"]
mod tests;
