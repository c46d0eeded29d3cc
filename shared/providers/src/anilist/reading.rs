//! `MediaListCollection`: the whole list, chunk by chunk, in the order in which entries were added.
//!
//! AniList keeps no plays, so a record is an entry and its state. Only the day of its last episode may be known. A reading
//! of what changed reads all chunks as well (eleven thousand entries are the most that anybody has) and leaves out the
//! entries that did not.
//!
//! Source: <https://docs.anilist.co/guide/graphql/>, and the schema of 2026-08

use std::collections::HashSet;

use chrono::{DateTime, NaiveTime, Utc};
use hub_domain::media::{Namespace, Scope};
use hub_domain::{ItemKind, MediaItem, Precision, Service};
use serde::{Deserialize, Serialize};

use super::wire::{Answered, Saved};
use super::{AniList, request_of};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::reading::{
    Activity, HistoryCursor, HistoryPage, Place, Record, ids_of, parse, refused, words,
};
use crate::seam::Account;

/// How many entries a chunk holds; the most that AniList gives, since it counts requests.
const CHUNK: u32 = 500;
const HERE: Service = Service::AniList;
const HISTORY: &str = "show its list";
const ACTIVITIES: &str = "say what changed";

const NEWEST: &str = "query ($user: String) { Page(page: 1, perPage: 1) { \
    mediaList(userName: $user, type: ANIME, sort: UPDATED_TIME_DESC) { id updatedAt } } }";

const LIST: &str = "query ($user: String, $chunk: Int, $perChunk: Int) { \
    MediaListCollection(userName: $user, type: ANIME, chunk: $chunk, perChunk: $perChunk, sort: ADDED_TIME, \
    forceSingleCompletedList: true) { hasNextChunk user { name } lists { entries { \
    id mediaId status progress repeat score(format: POINT_100) updatedAt \
    startedAt { year month day } completedAt { year month day } \
    media { id idMal format title { romaji english } startDate { year } } } } } }";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wanted<'a> {
    user: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_chunk: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct Newest {
    #[serde(rename = "Page")]
    page: NewestPage,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewestPage {
    media_list: Vec<Changed>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Changed {
    id: u64,
    #[serde(default)]
    updated_at: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Collected {
    #[serde(rename = "MediaListCollection")]
    collection: Collection,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Collection {
    has_next_chunk: bool,
    user: User,
    lists: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct User {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Group {
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(flatten)]
    saved: Saved,
    /// In seconds since 1970; 0 where it is not known.
    #[serde(default)]
    updated_at: Option<i64>,
    /// `null` for an anime that was taken out of the catalogue.
    #[serde(default)]
    media: Option<Media>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Media {
    id: u32,
    #[serde(default)]
    id_mal: Option<u32>,
    #[serde(default)]
    format: Option<String>,
    #[serde(default)]
    title: Option<Title>,
    #[serde(default)]
    start_date: Option<Year>,
}

#[derive(Debug, Deserialize)]
struct Title {
    #[serde(default)]
    romaji: Option<String>,
    #[serde(default)]
    english: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Year {
    #[serde(default)]
    year: Option<i32>,
}

impl AniList {
    pub(crate) async fn activities(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Activity, ProviderError> {
        let wanted = Wanted {
            user: account.username,
            chunk: None,
            per_chunk: None,
        };
        let body = request_of(NEWEST, wanted);
        let answer = self
            .send(ACTIVITIES, Effect::Reads, (account, body), now)
            .await?;
        let read: Answered<Newest> = parse(HERE, &answer)?;
        let newest = read.data.page.media_list.into_iter().next();
        let second = newest.as_ref().and_then(|entry| entry.updated_at);
        let changed_at = second
            .filter(|second| *second > 0)
            .and_then(|second| DateTime::from_timestamp(second, 0));
        Ok(Activity {
            mark: newest.as_ref().map_or_else(String::new, |entry| {
                format!("{} {}", entry.id, second.unwrap_or_default())
            }),
            changed_at,
            plays: None,
            has_plays: newest.is_some(),
        })
    }

    pub(crate) async fn read_history(
        &self,
        account: &Account<'_>,
        cursor: &HistoryCursor,
        now: DateTime<Utc>,
    ) -> Result<HistoryPage, ProviderError> {
        let place: Place<u32> = cursor.place(HERE)?;
        let chunk = place.at.unwrap_or(1);
        let wanted = Wanted {
            user: account.username,
            chunk: Some(chunk),
            per_chunk: Some(CHUNK),
        };
        let body = request_of(LIST, wanted);
        let answer = self
            .send(HISTORY, Effect::Reads, (account, body), now)
            .await?;
        let read: Answered<Collected> = parse(HERE, &answer)?;
        let Collection {
            has_next_chunk,
            user,
            lists,
        } = read.data.collection;
        if user.name.to_lowercase() != account.username.to_lowercase() {
            return Err(refused(HERE, "it shows somebody else's list"));
        }
        // An entry is on the list of its status and on each of the user's own.
        let mut seen = HashSet::new();
        let entries: Vec<Entry> = lists
            .into_iter()
            .flat_map(|list| list.entries)
            .filter(|entry| seen.insert(entry.saved.id()))
            .collect();
        if has_next_chunk && entries.is_empty() {
            return Err(refused(HERE, "it shows nothing although there is more"));
        }
        place.refuse_emptiness_of(HERE, entries.len())?;
        let since = place.reading.since;
        let (mut records, mut skipped) = (Vec::new(), 0);
        for Entry {
            saved,
            media,
            updated_at,
        } in entries
        {
            let listed = saved.listed();
            let is_seen = listed.progress > 0 || listed.rewatches > 0;
            if !is_seen || !has_changed(updated_at, since) {
                continue;
            }
            match media {
                Some(media) => records.push(record_of(&saved, media)),
                None => skipped += 1,
            }
        }
        let next = has_next_chunk
            .then(|| place.next(HERE, chunk.saturating_add(1)))
            .transpose()?;
        Ok(HistoryPage {
            records,
            skipped,
            next,
            total: None,
            read_at: now,
            body: None,
        })
    }
}

fn has_changed(updated_at: Option<i64>, since: Option<DateTime<Utc>>) -> bool {
    let second = updated_at.filter(|second| *second > 0);
    match (second, since) {
        (Some(second), Some(since)) => second >= since.timestamp(),
        (None, _) | (_, None) => true,
    }
}

fn record_of(saved: &Saved, media: Media) -> Record {
    let watched_at = saved
        .completed_on()
        .map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let Media {
        id,
        id_mal,
        format,
        title,
        start_date,
    } = media;
    let kind = match format.as_deref() {
        Some("MOVIE") => ItemKind::Movie,
        Some(_) | None => ItemKind::Show,
    };
    let mut media = MediaItem::new(kind);
    let (id, id_mal) = (id.to_string(), id_mal.map(|id| id.to_string()));
    media.ids = ids_of(
        Scope::Item,
        [
            (Namespace::Anilist, Some(id.as_str())),
            (Namespace::Myanimelist, id_mal.as_deref()),
        ],
    );
    media.title = title.and_then(|title| words(title.english).or_else(|| words(title.romaji)));
    media.year = start_date.and_then(|date| date.year);
    Record {
        remote_id: saved.id().to_string(),
        media,
        started_at: None,
        watched_at,
        precision: watched_at.map_or(Precision::Unknown, |_| Precision::Day),
        entry: Some(saved.listed()),
    }
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
