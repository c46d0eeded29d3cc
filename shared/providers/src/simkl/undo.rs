//! `POST /sync/history/remove`: taking back a watch.
//!
//! Simkl removes no single date: an episode is unmarked as a whole, and a film leaves every list, its rating with it. So
//! it is looked first whether the one watch that Simkl keeps is this play's; where it may keep several (PRO and VIP), or
//! where a rating would go as well, nothing is removed.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Disposition, Outcome, Play, PlayId, Service};
use serde_json::Value;

use super::history::{is_echo, items_of};
use super::item::{Item, item_of};
use super::look::{self, Judged, judge};
use super::statements::{as_item, deleted};
use super::wire::{Ids, Watched};
use super::wire_lists::{Deleted, Removal, RemovedNumber, RemovedSeason, RemovedShow};
use super::{MOST_PLAYS, Simkl, parse_time, read, time_to_tell};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::seam::{Account, Preparation, Prepared, PreparedPlay};

/// The call that removes, in [`Prepared::call`].
const REMOVE: &str = "sync/history/remove";
/// Why a play waits a second after its watch was found, and how `prepare_undo` knows.
const REMOVED_NEXT: &str = "Simkl has this one watch of it; it is removed next";

const TAKE_BACK: &str = "remove the plays";

impl Simkl {
    /// The first play decides whether it is looked or removed; those after it that take the same go along, each item once.
    #[expect(clippy::unused_self, reason = "each client has this method")]
    pub(crate) fn prepare_undo(&self, plays: &[Play], now: DateTime<Utc>) -> Preparation<PlayId> {
        let mut preparation = Preparation::default();
        let mut is_removal = None;
        let mut batch: Vec<(PreparedPlay, Item, &Play)> = Vec::new();
        for play in plays {
            let told = time_to_tell(play);
            let item = match nameable(play, told) {
                Ok(item) => item,
                Err(outcome) => {
                    preparation.settled.push((play.id.clone(), outcome));
                    continue;
                }
            };
            let delivery = play.deliveries.get(&Service::Simkl);
            let detail = delivery.and_then(|delivery| delivery.detail.as_deref());
            let is_found = detail == Some(REMOVED_NEXT);
            let fits = *is_removal.get_or_insert(is_found) == is_found
                && batch.len() < MOST_PLAYS
                && batch.iter().all(|(_, _, other)| other.item != play.item);
            if fits {
                let prepared = PreparedPlay {
                    play: play.id.clone(),
                    watched_at: told,
                };
                batch.push((prepared, item, play));
            } else {
                preparation.left.push(play.id.clone());
            }
        }
        let batch: Vec<(PreparedPlay, Item)> = batch
            .into_iter()
            .map(|(prepared, item, _)| (prepared, item))
            .collect();
        preparation.prepared = is_removal.map(|is_removal| {
            if is_removal {
                removal_of(batch, now)
            } else {
                Prepared {
                    undo: true,
                    ..look::look_of(batch, now)
                }
            }
        });
        preparation
    }

    pub(crate) async fn take_back(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        if prepared.call == look::LOOK {
            return self.look_for_watches(account, prepared, now).await;
        }
        let sent = items_of(&prepared.body).filter(|sent| sent.len() == prepared.plays.len());
        let Some(sent) = sent else {
            let why = "what was written down does not fit its plays";
            return Err(super::error(TAKE_BACK, Disposition::Permanent, why));
        };
        let answer = self
            .send_written(TAKE_BACK, Effect::Writes, (account, prepared), now)
            .await?;
        let answer: Deleted = read(TAKE_BACK, Effect::Writes, &answer)?;
        let plays = prepared.plays.iter().map(|play| play.play.clone());
        Ok(plays.zip(deleted(&sent, &answer)).collect())
    }

    async fn look_for_watches(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        let found = self.watched(account, prepared, now).await?;
        let stands: Vec<Stands> = prepared
            .plays
            .iter()
            .zip(&found)
            .map(|(play, (sent, found))| stands(play, sent, found))
            .collect();
        let is_any = |wanted: fn(&Stands) -> bool| stands.iter().any(wanted);
        // The account and its ratings are asked only if it matters: each question is one of the day's.
        let keeps_several = is_any(|it| matches!(it, Stands::Its | Stands::Another(_)))
            && self.keeps_rewatches(account, now).await?;
        let is_film = |sent: &Value| sent.get("episode").is_none();
        let has_film = stands
            .iter()
            .zip(&found)
            .any(|(stands, (sent, _))| *stands == Stands::Its && is_film(sent));
        let rated = if has_film && !keeps_several {
            self.rated(account, true, now).await?
        } else {
            Vec::new()
        };
        let plays = prepared.plays.iter().map(|play| play.play.clone());
        let outcomes = stands.into_iter().zip(&found).map(|(stands, (sent, _))| {
            let asked = as_item(sent);
            let is_rated = is_film(sent) && rated.iter().any(|rated| is_echo(rated, &asked));
            outcome(&stands, keeps_several, is_rated, now)
        });
        Ok(plays.zip(outcomes).collect())
    }
}

/// Names what can be removed, and looked for; the error is what becomes of the rest.
fn nameable(play: &Play, told: Option<DateTime<Utc>>) -> Result<Item, Outcome> {
    let item = item_of(&play.media)?;
    if told.is_none() {
        return Err(kept("Simkl does not tell whose a watch without a date is"));
    }
    if item.can_be_scrobbled() {
        Ok(item)
    } else {
        Err(kept("Simkl removes no episode by its own id alone"))
    }
}

fn kept(why: &str) -> Outcome {
    Outcome::Ignored {
        why: format!("{why}; remove it there: https://simkl.com"),
    }
}

/// Writes down the removal of some watches: films, then episodes by their shows, as the body holds them.
fn removal_of(batch: Vec<(PreparedPlay, Item)>, now: DateTime<Utc>) -> Prepared {
    let mut body = Removal::default();
    let (mut films, mut in_shows) = (Vec::new(), Vec::new());
    for (play, item) in batch {
        match item {
            Item::Film(film) => {
                body.movies.push(film);
                films.push(play);
            }
            Item::Episode {
                place: Some(place), ..
            } => {
                // An entry's episodes are those of its season 1; listed directly under it they are documented for
                // additions alone, and an item without seasons would go as a whole.
                let season = RemovedSeason {
                    number: place.numbering.season,
                    episodes: [RemovedNumber {
                        number: place.numbering.episode,
                    }],
                };
                body.shows.push(RemovedShow {
                    use_tvdb_anime_seasons: !place.is_entry && place.show.ids != Ids::default(),
                    show: place.show,
                    seasons: [season],
                });
                in_shows.push(play);
            }
            Item::Episode { place: None, .. } => {}
        }
    }
    films.append(&mut in_shows);
    Prepared::of_undo(REMOVE, super::encode(&body), films, now)
}

/// What Simkl has of a play that was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// No watch of the item.
    Not,
    /// A watch during this play.
    Its,
    /// A watch of another time, or of none.
    Another(Option<DateTime<Utc>>),
    /// It knows the show, and shows no episode with this number.
    Unclear,
}

fn stands(play: &PreparedPlay, sent: &Value, found: &Watched) -> Stands {
    if found.result != Value::Bool(true) {
        return Stands::Not;
    }
    let number = |name: &str| {
        let number = sent.get(name).and_then(Value::as_u64);
        number.and_then(|number| u32::try_from(number).ok())
    };
    let time = match (number("season"), number("episode")) {
        (Some(season), Some(episode)) => {
            let seasons = found.seasons.iter();
            let mut of_season = seasons.filter(|known| known.number == Some(season));
            let known = of_season
                .find_map(|known| known.episodes.iter().find(|it| it.number == Some(episode)));
            match known {
                None => return Stands::Unclear,
                Some(known) if known.watched == Some(false) => return Stands::Not,
                Some(known) => known.last_watched_at.as_deref(),
            }
        }
        _ => found.last_watched_at.as_deref(),
    };
    match time.map(parse_time) {
        None => Stands::Not,
        Some(None) => Stands::Another(None),
        Some(Some(known)) => match judge(play, look::Seen::At(known)) {
            Judged::There(_) => Stands::Its,
            Judged::New | Judged::Rewatch(_) => Stands::Another(Some(known)),
        },
    }
}

fn outcome(stands: &Stands, keeps_several: bool, is_rated: bool, now: DateTime<Utc>) -> Outcome {
    let gone = |detail: String| Outcome::AlreadyThere {
        remote_id: None,
        detail,
    };
    match stands {
        Stands::Not => gone("Simkl has no watch of it".to_owned()),
        Stands::Unclear => kept("Simkl shows no episode with this number"),
        Stands::Its | Stands::Another(_) if keeps_several => kept(
            "Simkl removes all watches of an item at once, and keeps several for PRO and VIP members",
        ),
        Stands::Its if is_rated => kept("Simkl would remove the film's rating as well"),
        Stands::Its => Outcome::Wait {
            until: now + TimeDelta::seconds(1),
            why: REMOVED_NEXT.to_owned(),
        },
        Stands::Another(known) => {
            let from = known.map_or_else(
                || "without a date".to_owned(),
                |at| format!("from {}", at.format("%Y-%m-%d %H:%M UTC")),
            );
            gone(format!(
                "Simkl keeps one watch of it, and that is another one, {from}"
            ))
        }
    }
}

#[cfg(test)]
#[path = "undo_tests.rs"]
mod tests;
