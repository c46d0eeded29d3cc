//! `GET /sync/history`: the whole history, page by page, and `GET /sync/last_activities`: whether it changed.
//!
//! Trakt stamps the end of a play, to the minute. How it shows a play of which nobody knows the time is not documented
//! beyond being a text; other clients see the first moment of 1970, which here is read as what it is.

use chrono::{DateTime, Utc};
use hub_domain::media::{Namespace, Scope};
use hub_domain::{ItemKind, MediaItem, Precision, Service};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use url::form_urlencoded;

use super::read_back::{to_the_minute, written};
use super::wire::Ids;
use super::{Trakt, parse_time};
use crate::error::ProviderError;
use crate::http::{Answer, Effect};
use crate::reading::pages::{Numbered, Says};
use crate::reading::{
    Activity, HistoryCursor, HistoryPage, Place, Record, ids_of, length_of, parse, refused, words,
};
use crate::seam::Account;

/// How many plays a page holds.
const PAGE: u64 = 100;
const HERE: Service = Service::Trakt;
const HISTORY: &str = "show its history";
const ACTIVITIES: &str = "say what changed";

/// The answer of `/sync/last_activities`, as far as it is about what was watched. It moves with removals too.
#[derive(Debug, Deserialize)]
struct Activities {
    #[serde(default)]
    movies: Watched,
    #[serde(default)]
    episodes: Watched,
}

#[derive(Debug, Default, Deserialize)]
struct Watched {
    #[serde(default)]
    watched_at: Option<String>,
}

/// An entry of the history.
#[derive(Debug, Deserialize)]
struct Entry {
    id: i64,
    #[serde(default)]
    watched_at: Option<String>,
    #[serde(default)]
    movie: Option<Titled>,
    #[serde(default)]
    episode: Option<Episode>,
    #[serde(default)]
    show: Option<Titled>,
}

#[derive(Debug, Default, Deserialize)]
struct Titled {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    year: Option<i32>,
    #[serde(default)]
    ids: Ids,
    /// In minutes.
    #[serde(default)]
    runtime: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Episode {
    #[serde(default)]
    season: Option<u32>,
    #[serde(default)]
    number: Option<u32>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    ids: Ids,
    /// In minutes.
    #[serde(default)]
    runtime: Option<i64>,
}

impl Trakt {
    pub(crate) async fn activities(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Activity, ProviderError> {
        let request = self.call(Method::GET, "sync/last_activities", account);
        let answer = self.send(ACTIVITIES, Effect::Reads, request, now).await;
        let read: Activities = parse(HERE, &answer.map_err(super::of_listing)?)?;
        let (movies, episodes) = (read.movies.watched_at, read.episodes.watched_at);
        let moments = [&movies, &episodes].map(|text| text.as_deref().and_then(moment));
        let mark = [movies, episodes].map(Option::unwrap_or_default);
        let changed_at = moments.into_iter().flatten().max();
        Ok(Activity {
            mark: mark.join(" "),
            changed_at,
            plays: None,
            has_plays: changed_at.is_some(),
        })
    }

    pub(crate) async fn read_history(
        &self,
        account: &Account<'_>,
        cursor: &HistoryCursor,
        now: DateTime<Utc>,
    ) -> Result<HistoryPage, ProviderError> {
        let place: Place<Numbered> = cursor.place(HERE)?;
        let at = place.at.clone().unwrap_or_else(|| Numbered::first(None));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("page", &at.page.to_string())
            .append_pair("limit", &PAGE.to_string())
            .append_pair("extended", "full");
        // No end is named: with one, plays of unknown time would be left out.
        if let Some(since) = place.reading.since {
            // A play of that minute may be of a later second.
            query.append_pair("start_at", &written(to_the_minute(since)));
        }
        let path = format!("sync/history?{}", query.finish());
        let request = self.call(Method::GET, &path, account);
        let answer = self.send(HISTORY, Effect::Reads, request, now).await;
        // A history that is not there is not an empty one.
        let answer = answer.map_err(super::of_listing)?;
        let entries: Vec<Entry> = parse(HERE, &answer)?;
        let says = says_of(&answer)?;
        let names = entries.iter().map(|entry| entry.id.unsigned_abs());
        let taken = at
            .take(says, names.collect())
            .map_err(|why| refused(HERE, why))?;
        place.refuse_emptiness_of(HERE, entries.len())?;
        let (mut records, mut skipped) = (Vec::new(), 0);
        let new = entries.into_iter().zip(taken.is_new);
        for (entry, _) in new.filter(|(_, is_new)| *is_new) {
            match record_of(entry) {
                Some(record) => records.push(record),
                None => skipped += 1,
            }
        }
        let next = taken.next.map(|at| place.next(HERE, at)).transpose()?;
        Ok(HistoryPage {
            records,
            skipped,
            next,
            total: Some(says.total),
            read_at: now,
            body: None,
        })
    }
}

/// What the four headers say; without them nothing tells a page from a truncated history.
fn says_of(answer: &Answer) -> Result<Says, ProviderError> {
    let number = |name| number_of(&answer.headers, name);
    let counts = (
        number("x-pagination-limit"),
        number("x-pagination-page-count"),
        number("x-pagination-item-count"),
    );
    let (Some(size), Some(pages), Some(total)) = counts else {
        return Err(refused(HERE, "it does not say how many plays there are"));
    };
    Ok(Says {
        page: number("x-pagination-page"),
        size,
        pages,
        total,
    })
}

fn number_of(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

fn record_of(entry: Entry) -> Option<Record> {
    let watched_at = entry.watched_at.as_deref().and_then(moment);
    let media = match (entry.movie, entry.episode) {
        (Some(movie), None) => {
            let mut media = MediaItem::new(ItemKind::Movie);
            media.ids = ids(&movie.ids, Scope::Item);
            media.title = words(movie.title);
            media.year = movie.year;
            media.duration = length_of(movie.runtime.and_then(in_milliseconds));
            media
        }
        (None, Some(episode)) => {
            let show = entry.show.unwrap_or_default();
            let mut media = MediaItem::new(ItemKind::Episode);
            media.ids = ids(&episode.ids, Scope::Item);
            media.ids.extend(ids(&show.ids, Scope::Show));
            media.title = words(episode.title);
            (media.season, media.episode) = (episode.season, episode.number);
            media.show_title = words(show.title);
            media.show_year = show.year;
            media.duration = length_of(episode.runtime.and_then(in_milliseconds));
            media
        }
        (Some(_), Some(_)) | (None, None) => return None,
    };
    Some(Record {
        remote_id: entry.id.to_string(),
        media,
        started_at: None,
        watched_at,
        precision: watched_at.map_or(Precision::Unknown, |_| Precision::Minute),
        entry: None,
    })
}

fn ids(ids: &Ids, scope: Scope) -> Vec<hub_domain::ExternalId> {
    let number = |id: Option<u64>| id.map(|id| id.to_string());
    let (tmdb, tvdb, trakt) = (number(ids.tmdb), number(ids.tvdb), number(ids.trakt));
    ids_of(
        scope,
        [
            (Namespace::Tmdb, tmdb.as_deref()),
            (Namespace::Imdb, ids.imdb.as_deref()),
            (Namespace::Tvdb, tvdb.as_deref()),
            (Namespace::Trakt, trakt.as_deref()),
        ],
    )
}

const fn in_milliseconds(minutes: i64) -> Option<i64> {
    minutes.checked_mul(60_000)
}

/// A moment that is one; the first of 1970 stands for "unknown", and for "never".
fn moment(text: &str) -> Option<DateTime<Utc>> {
    parse_time(text).filter(|at| at.timestamp() > 0)
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
