//! `GET /1/user/{name}/listens`: the whole history, from the newest listen to the oldest.
//!
//! There are no page numbers: the next page begins with the second at which this one ended, and what was seen of that
//! second is left out. So nothing that is added or removed meanwhile moves the rest. The server may give fewer listens than
//! were asked for although there are more; a reading ends where a page brings nothing new, which has to be at the oldest
//! listen that the server knows. The start of a track is stamped, to the second.

use chrono::{DateTime, Utc};
use hub_domain::media::{Namespace, Scope};
use hub_domain::{ItemKind, MediaItem, Precision, Service};
use reqwest::header::AUTHORIZATION;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ListenBrainz, authorization};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::reading::{
    Activity, HistoryCursor, HistoryPage, Place, Record, cannot_be_read, ids_of, length_of, parse,
    refused, words,
};
use crate::seam::Account;

/// How many listens a page holds. A full answer is about half a megabyte; the server would give up to 1000.
const PAGE: usize = 200;
const HERE: Service = Service::ListenBrainz;
const HISTORY: &str = "show its history";

/// Where a reading stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    /// The second at which the page before ended.
    second: i64,
    /// What was seen of it, by the server's own ids of names.
    seen: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Answered<T> {
    payload: T,
}

#[derive(Debug, Deserialize)]
struct Count {
    count: u64,
}

#[derive(Debug, Deserialize)]
struct Listens {
    count: usize,
    #[serde(default)]
    user_id: Option<String>,
    /// 0 where there are no listens at all.
    #[serde(default)]
    latest_listen_ts: i64,
    #[serde(default)]
    oldest_listen_ts: i64,
    listens: Vec<Listen>,
}

#[derive(Debug, Deserialize)]
struct Listen {
    listened_at: i64,
    recording_msid: String,
    track_metadata: Track,
}

#[derive(Debug, Deserialize)]
struct Track {
    artist_name: String,
    track_name: String,
    #[serde(default)]
    release_name: Option<String>,
    /// What was submitted: of any shape.
    #[serde(default)]
    additional_info: Value,
    /// What the server found by the names; absent without a match.
    #[serde(default)]
    mbid_mapping: Value,
}

impl ListenBrainz {
    pub(crate) async fn activities(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Activity, ProviderError> {
        let count: Count = self.look(account, "listen-count", &[], now).await?;
        let newest = [("count", "1".to_owned())];
        let newest: Listens = self.look(account, "listens", &newest, now).await?;
        Ok(Activity {
            mark: format!("{} {}", count.count, newest.latest_listen_ts),
            changed_at: None,
            plays: Some(count.count),
            has_plays: count.count > 0,
        })
    }

    pub(crate) async fn read_history(
        &self,
        account: &Account<'_>,
        cursor: &HistoryCursor,
        now: DateTime<Utc>,
    ) -> Result<HistoryPage, ProviderError> {
        let place: Place<Position> = cursor.place(HERE)?;
        let mut query = vec![("count", PAGE.to_string())];
        // Both bounds are exclusive.
        let most = place.at.as_ref().map(|at| at.second.saturating_add(1));
        let least = place
            .reading
            .since
            .map(|since| since.timestamp().saturating_sub(1));
        query.extend(most.map(|most| ("max_ts", most.to_string())));
        query.extend(least.map(|least| ("min_ts", least.to_string())));
        let page: Listens = self.look(account, "listens", &query, now).await?;
        let within = |second: i64| {
            most.is_none_or(|most| second < most) && least.is_none_or(|least| second > least)
        };
        let is_other = |name: &String| name.to_lowercase() != account.username.to_lowercase();
        if page.user_id.as_ref().is_some_and(is_other) {
            return Err(refused(HERE, "it shows somebody else's history"));
        }
        let seen = place.at.clone().unwrap_or_default();
        // Of a part of the history it is not known where it ends.
        let oldest = place
            .reading
            .since
            .is_none()
            .then_some(page.oldest_listen_ts);
        let next = step(&seen, &page, oldest, within).map_err(|why| refused(HERE, why))?;
        if let (None, Some(oldest)) = (&next, oldest) {
            place.refuse_emptiness_of(HERE, page.listens.len())?;
            let end = end_of(&page).or(place.at.as_ref().map(|at| at.second));
            let goes_on = end.map_or(oldest > 0, |end| oldest < end);
            if goes_on {
                let why = "its history ends before the oldest listen that it knows";
                return Err(refused(HERE, why));
            }
        }
        let is_new = |listen: &Listen| !seen.has(listen);
        let (mut records, mut skipped) = (Vec::new(), 0);
        for listen in page.listens.into_iter().filter(is_new) {
            match record_of(listen) {
                Some(record) => records.push(record),
                None => skipped += 1,
            }
        }
        let next = next.map(|at| place.next(HERE, at)).transpose()?;
        Ok(HistoryPage {
            records,
            skipped,
            next,
            total: None,
            read_at: now,
            body: None,
        })
    }

    /// Reads something of the user.
    async fn look<T: DeserializeOwned>(
        &self,
        account: &Account<'_>,
        what: &str,
        query: &[(&str, String)],
        now: DateTime<Utc>,
    ) -> Result<T, ProviderError> {
        if self.is_compatible(account.url) {
            let why = "only ListenBrainz itself shows its history to applications";
            return Err(cannot_be_read(HERE, why));
        }
        let mut address = self.root_of(account.url, HISTORY)?;
        if let Ok(mut path) = address.path_segments_mut() {
            path.pop_if_empty();
            path.extend(["1", "user", account.username, what]);
        }
        if !query.is_empty() {
            address.query_pairs_mut().extend_pairs(query);
        }
        let request = self
            .http
            .get(address)
            .header(AUTHORIZATION, authorization(account));
        let answer = self.send(HISTORY, Effect::Reads, request, now).await?;
        let read: Answered<T> = parse(HERE, &answer)?;
        Ok(read.payload)
    }
}

impl Position {
    fn has(&self, listen: &Listen) -> bool {
        listen.listened_at == self.second && self.seen.contains(&listen.recording_msid)
    }
}

/// Where the reading goes on after a page; nowhere if it brought nothing new, or ends with the oldest listen. The error is what the page contradicts.
fn step(
    at: &Position,
    page: &Listens,
    oldest: Option<i64>,
    within: impl Fn(i64) -> bool,
) -> Result<Option<Position>, String> {
    let listens = &page.listens;
    if page.count != listens.len() {
        return Err(format!(
            "it counts {} listens on a page that holds {}",
            page.count,
            listens.len()
        ));
    }
    if !listens.iter().all(|listen| within(listen.listened_at)) {
        return Err("it shows listens of another time than was asked for".to_owned());
    }
    let is_new = listens.iter().any(|listen| !at.has(listen));
    let Some(end) = end_of(page) else {
        return Ok(None);
    };
    if listens.len() >= PAGE && listens.iter().all(|listen| listen.listened_at == end) {
        return Err(format!("it holds {PAGE} listens of one second ({end})"));
    }
    let is_last = listens.len() < PAGE && oldest.is_some_and(|oldest| end <= oldest);
    let of_the_end = listens.iter().filter(|listen| listen.listened_at == end);
    Ok((is_new && !is_last).then(|| Position {
        second: end,
        seen: of_the_end
            .map(|listen| listen.recording_msid.clone())
            .collect(),
    }))
}

/// The second at which a page ends.
fn end_of(page: &Listens) -> Option<i64> {
    page.listens.iter().map(|listen| listen.listened_at).min()
}

fn record_of(listen: Listen) -> Option<Record> {
    let Track {
        artist_name,
        track_name,
        release_name,
        additional_info: info,
        mbid_mapping: found,
    } = listen.track_metadata;
    let mut media = MediaItem::new(ItemKind::Track);
    media.artist = Some(words(Some(artist_name))?);
    media.title = Some(words(Some(track_name))?);
    media.album = words(release_name);
    let text = |of: &'_ Value, name: &str| of.get(name)?.as_str().map(str::to_owned);
    let first = |of: &'_ Value, name: &str| of.get(name)?.get(0)?.as_str().map(str::to_owned);
    // What the player said goes before what the server found by the names.
    let either = |name: &str| text(&info, name).or_else(|| text(&found, name));
    let artist = first(&info, "artist_mbids").or_else(|| first(&found, "artist_mbids"));
    let ids = [
        (Namespace::RecordingMbid, either("recording_mbid")),
        (Namespace::Isrc, text(&info, "isrc")),
        (Namespace::TrackMbid, text(&info, "track_mbid")),
        (Namespace::ReleaseMbid, either("release_mbid")),
        (Namespace::ReleaseGroupMbid, either("release_group_mbid")),
        (Namespace::ArtistMbid, artist),
    ];
    let known = ids
        .iter()
        .map(|(namespace, id)| (*namespace, id.as_deref()));
    media.ids = ids_of(Scope::Item, known);
    let number = |name: &str| {
        let value = info.get(name)?;
        value
            .as_i64()
            .or_else(|| value.as_str()?.trim().parse().ok())
    };
    let seconds = || number("duration")?.checked_mul(1000);
    media.duration = length_of(number("duration_ms").or_else(seconds));
    media.track_number = number("tracknumber")
        .and_then(|number| u32::try_from(number).ok())
        .filter(|number| *number > 0);
    let started_at = DateTime::from_timestamp(listen.listened_at, 0)?;
    Some(Record {
        remote_id: format!("{}-{}", listen.listened_at, listen.recording_msid),
        media,
        started_at: Some(started_at),
        watched_at: None,
        precision: Precision::Second,
        entry: None,
    })
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
