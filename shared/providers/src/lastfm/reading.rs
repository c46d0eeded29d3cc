//! `user.getRecentTracks`: the whole history, page by page.
//!
//! Every call is signed with the user's session: somebody who hides their listening hides it from themselves otherwise.
//! What plays now is put on top of the first page of every window; it is no scrobble. A scrobble has no id, so one is made
//! of its second and names. Last.fm stamps the start of a track, to the second.
//!
//! Source: <https://www.last.fm/api/show/user.getRecentTracks>

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::media::{Namespace, Scope};
use hub_domain::{ItemKind, MediaItem, Precision, Service};
use md5::{Digest, Md5};
use serde_json::Value;

use super::wire::number;
use super::{LastFm, Parameters, method};
use crate::error::ProviderError;
use crate::http::{Answer, Effect};
use crate::reading::pages::{Numbered, Says};
use crate::reading::{
    Activity, HistoryCursor, HistoryPage, Place, Record, ids_of, parse, refused, words,
};
use crate::seam::Account;

/// How many scrobbles a page holds: what the documents allow at most, though more has been seen to work.
const PAGE: u64 = 200;
/// Before 2002 there was nobody to scrobble to: a player whose clock was never set says 1970.
const EARLIEST: i64 = 1_009_843_200;
const HERE: Service = Service::LastFm;
const HISTORY: &str = "show its history";

/// The answer, as it is translated from XML: one track is an object, several are an array.
#[derive(Debug)]
struct Recent {
    says: Says,
    /// The scrobbles; what plays now is left out.
    tracks: Vec<Value>,
}

impl LastFm {
    pub(crate) async fn activities(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Activity, ProviderError> {
        // How many there are, and the newest of them, in one answer; a profile's counter may be hidden or late.
        let recent = self.recent(account, 1, &[("page", 1)], now).await?;
        let total = recent.says.total;
        let newest = recent.tracks.first().and_then(second_of);
        if newest.is_none() && total > 0 {
            let why = "it shows no scrobble although it counts some";
            return Err(refused(HERE, why));
        }
        Ok(Activity {
            mark: format!("{total} {}", newest.unwrap_or_default()),
            changed_at: None,
            plays: Some(total),
            has_plays: total > 0,
        })
    }

    pub(crate) async fn read_history(
        &self,
        account: &Account<'_>,
        cursor: &HistoryCursor,
        now: DateTime<Utc>,
    ) -> Result<HistoryPage, ProviderError> {
        let place: Place<Numbered> = cursor.place(HERE)?;
        // What is scrobbled while the pages are read stays out of them, so that they move as little as possible.
        let until = Some(now + TimeDelta::seconds(1));
        let at = place.at.clone().unwrap_or_else(|| Numbered::first(until));
        let mut window = vec![("page", i64::try_from(at.page).unwrap_or(i64::MAX))];
        window.extend(at.until.map(|until| ("to", until.timestamp())));
        let since = place.reading.since;
        window.extend(since.map(|since| ("from", since.timestamp().max(0))));
        let Recent { says, tracks } = self.recent(account, PAGE, &window, now).await?;
        let names = tracks.iter().map(fingerprint).collect();
        let taken = at.take(says, names).map_err(|why| refused(HERE, why))?;
        place.refuse_emptiness_of(HERE, tracks.len())?;
        let (mut records, mut skipped) = (Vec::new(), 0);
        let new = tracks.iter().zip(taken.is_new);
        for (track, _) in new.filter(|(_, is_new)| *is_new) {
            match record_of(track) {
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

    async fn recent(
        &self,
        account: &Account<'_>,
        size: u64,
        window: &[(&str, i64)],
        now: DateTime<Utc>,
    ) -> Result<Recent, ProviderError> {
        let mut parameters: Parameters = method("user.getRecentTracks");
        parameters.push(("user".to_owned(), account.username.to_owned()));
        parameters.push(("limit".to_owned(), size.to_string()));
        let window = window.iter();
        parameters.extend(window.map(|(name, value)| ((*name).to_owned(), value.to_string())));
        let session = Some(&account.tokens.access);
        let answer = self
            .call(HISTORY, Effect::Reads, parameters, session, now)
            .await?;
        recent_of(&answer, account.username)
    }
}

/// Reads the answer; its attributes stand under `@attr`, or beside the tracks in old ones.
fn recent_of(answer: &Answer, user: &str) -> Result<Recent, ProviderError> {
    let body: Value = parse(HERE, answer)?;
    let recent = body.get("recenttracks");
    let attribute = |name: &str| {
        let nested = recent?.get("@attr").and_then(|attr| attr.get(name));
        nested.or_else(|| recent?.get(name))
    };
    // It has happened that an answer was meant for somebody else.
    let whose = attribute("user").and_then(Value::as_str);
    if whose.is_some_and(|whose| whose.to_lowercase() != user.to_lowercase()) {
        return Err(refused(HERE, "it shows somebody else's history"));
    }
    let count = |name| attribute(name).and_then(number)?.try_into().ok();
    let counts = (count("perPage"), count("totalPages"), count("total"));
    let (Some(size), Some(pages), Some(total)) = counts else {
        return Err(refused(
            HERE,
            "it does not say how many scrobbles there are",
        ));
    };
    let mut tracks = match recent.and_then(|recent| recent.get("track")) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(tracks)) => tracks.clone(),
        Some(one) => vec![one.clone()],
    };
    tracks.retain(|track| !is_playing(track));
    let says = Says {
        page: count("page"),
        size,
        pages,
        total,
    };
    Ok(Recent { says, tracks })
}

fn is_playing(track: &Value) -> bool {
    let flag = track.get("@attr").and_then(|attr| attr.get("nowplaying"));
    flag.is_some_and(|flag| flag.as_bool().unwrap_or(flag.as_str() == Some("true")))
}

fn record_of(track: &Value) -> Option<Record> {
    let named = |name: &str| track.get(name).and_then(text_of);
    let mut media = MediaItem::new(ItemKind::Track);
    media.title = words(named("name"));
    media.artist = words(named("artist"));
    media.album = words(named("album"));
    if media.title.is_none() || media.artist.is_none() {
        return None;
    }
    let mbid = |of: &str| track.get(of)?.get("mbid")?.as_str();
    media.ids = ids_of(
        Scope::Item,
        [
            // A position on a release, not a recording.
            (
                Namespace::TrackMbid,
                track.get("mbid").and_then(Value::as_str),
            ),
            (Namespace::ReleaseMbid, mbid("album")),
            (Namespace::ArtistMbid, mbid("artist")),
        ],
    );
    let second = second_of(track)?;
    let started_at = DateTime::from_timestamp(second, 0).filter(|_| second >= EARLIEST);
    Some(Record {
        remote_id: format!("{second}-{:016x}", fingerprint(track)),
        media,
        started_at,
        watched_at: None,
        precision: started_at.map_or(Precision::Unknown, |_| Precision::Second),
        entry: None,
    })
}

/// Plain text, or an element's text beside its attributes, or (with `extended`) its name.
fn text_of(element: &Value) -> Option<String> {
    let text = element
        .as_str()
        .or_else(|| element.get("#text")?.as_str())
        .or_else(|| element.get("name")?.as_str());
    text.map(str::to_owned)
}

fn second_of(track: &Value) -> Option<i64> {
    number(track.get("date")?.get("uts")?)
}

/// A number of a scrobble's second, artist and track: by these three Last.fm tells scrobbles apart.
fn fingerprint(track: &Value) -> u64 {
    let text = |name: &str| track.get(name).and_then(text_of).unwrap_or_default();
    let mut digest = Md5::new();
    let second = second_of(track).unwrap_or_default();
    for part in [&second.to_string(), &text("artist"), &text("name")] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let digest = digest.finalize();
    digest
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
