//! `GET /users/@me/animelist`: the whole list, page by page, what changed last first.
//!
//! MyAnimeList keeps no plays, so a record is an entry and its state. Only the day of its last episode may be known. An
//! entry that is changed while the pages are read moves to their front, past the reader: the next reading, of what changed
//! since this one, finds it there. Without `nsfw` a part of the list would be missing.
//!
//! Source: <https://myanimelist.net/apiconfig/references/api/v2#operation/users_user_id_animelist_get>

use chrono::{DateTime, NaiveTime, Utc};
use hub_domain::media::{Namespace, Scope};
use hub_domain::{Disposition, ItemKind, MediaItem, Precision, Service};
use reqwest::Method;
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::MyAnimeList;
use super::wire::ListStatus;
use crate::error::ProviderError;
use crate::http::Effect;
use crate::reading::{
    Activity, HistoryCursor, HistoryPage, Place, Record, ids_of, parse, refused, words,
};
use crate::seam::Account;

/// How many entries a page holds; up to 1000 are given.
const PAGE: u64 = 250;
const HERE: Service = Service::MyAnimeList;
const HISTORY: &str = "show its list";
const FIELDS: &str = "media_type,start_date,list_status{status,score,num_episodes_watched,is_rewatching,\
                      num_times_rewatched,start_date,finish_date,updated_at}";

#[derive(Debug, Deserialize)]
struct Listing {
    data: Vec<Item>,
    paging: Paging,
}

#[derive(Debug, Deserialize)]
struct Paging {
    #[serde(default)]
    next: Option<Url>,
}

#[derive(Debug, Deserialize)]
struct Item {
    node: Node,
    list_status: Entry,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: u32,
    title: String,
    #[serde(default)]
    media_type: Option<String>,
    /// `YYYY-MM-DD`, or less of it.
    #[serde(default)]
    start_date: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(flatten)]
    status: ListStatus,
    #[serde(default)]
    updated_at: Option<DateTime<Utc>>,
}

impl MyAnimeList {
    pub(crate) async fn activities(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Activity, ProviderError> {
        let listing = self.listing(account, 0, 1, now).await?;
        let newest = listing.data.first();
        let changed_at = newest.and_then(|item| item.list_status.updated_at);
        let moment = changed_at.map(|at| at.to_rfc3339()).unwrap_or_default();
        Ok(Activity {
            mark: newest.map_or_else(String::new, |item| format!("{} {moment}", item.node.id)),
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
        let place: Place<u64> = cursor.place(HERE)?;
        let offset = place.at.unwrap_or(0);
        let Listing { data, paging } = self.listing(account, offset, PAGE, now).await?;
        place.refuse_emptiness_of(HERE, data.len())?;
        if data.is_empty() && paging.next.is_some() {
            return Err(refused(HERE, "it shows nothing although there is more"));
        }
        let next = paging
            .next
            .map(|next| self.offset_of(&next, offset))
            .transpose()?;
        let since = place.reading.since;
        let is_older = |item: &Item| {
            let changed_at = item.list_status.updated_at;
            changed_at
                .zip(since)
                .is_some_and(|(changed_at, since)| changed_at < since)
        };
        // What changed last comes first, so nothing after an older one is wanted.
        let is_end = data.iter().any(is_older);
        let records = data
            .into_iter()
            .filter(|item| !is_older(item))
            .filter_map(record_of)
            .collect();
        let next = next
            .filter(|_| !is_end)
            .map(|offset| place.next(HERE, offset))
            .transpose()?;
        Ok(HistoryPage {
            records,
            skipped: 0,
            next,
            total: None,
            read_at: now,
            body: None,
        })
    }

    async fn listing(
        &self,
        account: &Account<'_>,
        offset: u64,
        limit: u64,
        now: DateTime<Utc>,
    ) -> Result<Listing, ProviderError> {
        let query = Serializer::new(String::new())
            .append_pair("fields", FIELDS)
            .append_pair("sort", "list_updated_at")
            .append_pair("nsfw", "true")
            .append_pair("limit", &limit.to_string())
            .append_pair("offset", &offset.to_string())
            .finish();
        let path = format!("users/@me/animelist?{query}");
        let request = self.call(Method::GET, &path, account);
        let answer = self.send(HISTORY, Effect::Reads, request, now).await;
        // A list that is not there is not an empty one.
        let answer = answer.map_err(|mut error| {
            if error.disposition == Disposition::NotFound {
                error.disposition = Disposition::Retryable;
            }
            error
        })?;
        parse(HERE, &answer)
    }

    /// Where the next page begins. Its address is not called as it is: what it names besides is ours to say.
    fn offset_of(&self, next: &Url, offset: u64) -> Result<u64, ProviderError> {
        if next.origin() != self.app.api_url.origin() {
            return Err(refused(HERE, "it sends the reader to another host"));
        }
        let named = next.query_pairs().find(|(name, _)| name == "offset");
        let named = named.and_then(|(_, value)| value.parse().ok());
        named
            .filter(|named| *named > offset)
            .ok_or_else(|| refused(HERE, "it does not say where its list goes on"))
    }
}

/// The entry, unless nothing of it was ever seen.
fn record_of(item: Item) -> Option<Record> {
    let Item { node, list_status } = item;
    let listed = list_status.status.listed()?;
    if listed.progress == 0 && listed.rewatches == 0 {
        return None;
    }
    let day = list_status.status.finished_on();
    let watched_at = day.map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let kind = match node.media_type.as_deref() {
        Some("movie") => ItemKind::Movie,
        Some(_) | None => ItemKind::Show,
    };
    let mut media = MediaItem::new(kind);
    let id = node.id.to_string();
    media.ids = ids_of(Scope::Item, [(Namespace::Myanimelist, Some(id.as_str()))]);
    media.title = words(Some(node.title));
    let year = node.start_date.as_deref().and_then(|day| day.get(..4));
    media.year = year.and_then(|year| year.parse().ok());
    Some(Record {
        remote_id: id,
        media,
        started_at: None,
        watched_at,
        precision: watched_at.map_or(Precision::Unknown, |_| Precision::Day),
        entry: Some(listed),
    })
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
