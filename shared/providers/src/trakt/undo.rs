//! `POST /sync/history/remove`: taking back one play, by the history's own id of it.
//!
//! Named by its item, every play of it would go. So where the id is not known (the history's `POST` tells none), the
//! record is looked for first, and removed in a request of its own a second later: then its id is written down, and a
//! repeat finds nothing more to remove.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Delivery, Disposition, MediaItem, Outcome, Play, PlayId, Service};

use super::read_back::{Sought, found};
use super::wire::{Removal, Removed};
use super::{MOST_PLAYS, Trakt, read};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::seam::{Account, Preparation, Prepared, PreparedPlay};

/// The call that removes, in [`Prepared::call`].
const REMOVE: &str = "sync/history/remove";
/// The call that only looks which records these are; its body holds the items that are looked for.
const LOOK: &str = "sync/history?look";

/// Why a play waits a second after its record was found, and how `record_of` knows it; the id follows.
const REMOVED_NEXT: &str = "it is removed next: Trakt's record ";

const TAKE_BACK: &str = "remove the plays";

impl Trakt {
    /// The first play decides whether records are removed or looked for; those after it that take the same go along.
    #[expect(clippy::unused_self, reason = "each client has this method")]
    pub(crate) fn prepare_undo(&self, plays: &[Play], now: DateTime<Utc>) -> Preparation<PlayId> {
        let mut preparation = Preparation::default();
        let (mut records, mut media, mut prepared) = (Vec::new(), Vec::new(), Vec::new());
        for play in plays {
            let delivery = play.deliveries.get(&Service::Trakt);
            let record = delivery.and_then(record_of);
            let told = delivery.and_then(|delivery| delivery.sent_watched_at);
            if record.is_none() && told.is_none() {
                let why = "Trakt does not tell which of its plays without a date this is; remove it there: https://trakt.tv";
                let outcome = Outcome::Ignored {
                    why: why.to_owned(),
                };
                preparation.settled.push((play.id.clone(), outcome));
                continue;
            }
            let is_first = prepared.is_empty();
            let is_same_kind = match record {
                Some(_) => media.is_empty(),
                None => records.is_empty(),
            };
            if !is_first && (!is_same_kind || prepared.len() == MOST_PLAYS) {
                preparation.left.push(play.id.clone());
                continue;
            }
            match record {
                Some(record) => records.push(record),
                None => media.push(&play.media),
            }
            prepared.push(PreparedPlay {
                play: play.id.clone(),
                watched_at: told,
            });
        }
        if !records.is_empty() {
            let body = super::encode(&Removal { ids: records });
            preparation.prepared = Some(Prepared::of_undo(REMOVE, body, prepared, now));
        } else if !media.is_empty() {
            let body = super::encode(&media);
            preparation.prepared = Some(Prepared::of_undo(LOOK, body, prepared, now));
        }
        preparation
    }

    pub(crate) async fn take_back(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        match prepared.call.as_str() {
            LOOK => self.look_for_records(account, prepared, now).await,
            _ => self.remove_records(account, prepared, now).await,
        }
    }

    async fn look_for_records(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        let media: Vec<MediaItem> = serde_json::from_str(&prepared.body).unwrap_or_default();
        if media.len() != prepared.plays.len() {
            return Err(misfit());
        }
        let sought: Vec<Sought<'_>> = prepared
            .plays
            .iter()
            .zip(&media)
            .filter_map(|(told, media)| Some(Sought::around(&told.play, media, told.watched_at?)))
            .collect();
        let entries = self.entries_around(account, &sought, now).await?;
        let outcomes = found(&sought, &entries).into_iter();
        Ok(outcomes
            .map(|(play, entry)| {
                let outcome = match entry {
                    Some(entry) => Outcome::Wait {
                        until: now + TimeDelta::seconds(1),
                        why: format!("{REMOVED_NEXT}{}", entry.id),
                    },
                    None => Outcome::AlreadyThere {
                        remote_id: None,
                        detail: "Trakt has no play of it from that time".to_owned(),
                    },
                };
                (play, outcome)
            })
            .collect())
    }

    async fn remove_records(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        let sent: Option<Removal> = serde_json::from_str(&prepared.body).ok();
        let sent = sent.filter(|sent| sent.ids.len() == prepared.plays.len());
        let Removal { ids } = sent.ok_or_else(misfit)?;
        let request = self.written(account, prepared);
        let answer = self.send(TAKE_BACK, Effect::Writes, request, now).await;
        let answer = answer.map_err(super::of_listing)?;
        let removed: Removed = read(TAKE_BACK, Effect::Writes, &answer)?;
        let outcomes = removals(&ids, &removed).map_err(|why| {
            // Another try would be answered the same; a smaller one tells which it is about.
            super::error(TAKE_BACK, Disposition::Permanent, why)
        })?;
        let plays = prepared.plays.iter().map(|play| play.play.clone());
        Ok(plays.zip(outcomes).collect())
    }
}

fn misfit() -> ProviderError {
    let why = "what was written down does not fit its plays";
    super::error(TAKE_BACK, Disposition::Permanent, why)
}

/// The history's id of a play: told when it was delivered, or found since.
fn record_of(delivery: &Delivery) -> Option<i64> {
    let found = delivery
        .detail
        .as_deref()
        .and_then(|detail| detail.strip_prefix(REMOVED_NEXT));
    delivery.remote_id.as_deref().or(found)?.parse().ok()
}

/// What became of each record: gone, or gone before. The error is an answer that removed less than it says.
fn removals(ids: &[i64], removed: &Removed) -> Result<Vec<Outcome>, String> {
    let is_unknown = |id: &i64| removed.not_found.ids.contains(id);
    let expected = ids.iter().filter(|id| !is_unknown(id)).count();
    let deleted = removed
        .deleted
        .movies
        .saturating_add(removed.deleted.episodes);
    if deleted < expected {
        return Err(format!("removed {deleted} of {expected} plays"));
    }
    let outcome = |id: &i64| {
        if is_unknown(id) {
            Outcome::AlreadyThere {
                remote_id: None,
                detail: "Trakt no longer had it".to_owned(),
            }
        } else {
            Outcome::Delivered {
                remote_id: None,
                detail: None,
            }
        }
    };
    Ok(ids.iter().map(outcome).collect())
}

#[cfg(test)]
#[path = "undo_tests.rs"]
mod tests;
