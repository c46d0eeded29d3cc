//! `POST /sync/history`: plays with a time of ours.

use chrono::{DateTime, Utc};
use hub_domain::{Disposition, Outcome, PlayId};

use super::echoes::is_item_named;
use super::item;
use super::wire::{
    self, Added, EpisodeIds, EpisodeNumber, HistoryEpisode, HistoryMovie, HistoryNumber,
    HistorySeason, HistoryShow, Item,
};
use super::{Trakt, read};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::seam::{Account, Prepared, PreparedPlay};

/// The call, in [`Prepared::call`].
const ADD: &str = "sync/history";
/// What Trakt is told of a play whose time nobody knows.
const UNKNOWN: &str = "unknown";

const TAKE: &str = "take the plays";

/// The time as Trakt may be told it. At the first minute of 1970 it would take the present instead.
pub(super) fn time_to_tell(at: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    at.filter(|at| at.timestamp() >= 60)
}

/// Writes down the addition of some plays: films, then episodes by their ids, then episodes by number, as the body
/// holds them.
pub(super) fn addition_of(batch: Vec<(PreparedPlay, Item)>, now: DateTime<Utc>) -> Prepared {
    let mut body = wire::History::default();
    let (mut films, mut episodes, mut numbered) = (Vec::new(), Vec::new(), Vec::new());
    for (play, item) in batch {
        let watched_at = match play.watched_at {
            Some(at) => at.format("%Y-%m-%dT%H:%M:00.000Z").to_string(),
            None => UNKNOWN.to_owned(),
        };
        match item {
            Item::Movie { movie } => {
                body.movies.push(HistoryMovie { movie, watched_at });
                films.push(play);
            }
            Item::Episode {
                episode: EpisodeIds { ids },
            } => {
                body.episodes.push(HistoryEpisode { ids, watched_at });
                episodes.push(play);
            }
            Item::Numbered {
                show,
                episode: EpisodeNumber { season, number },
            } => {
                let episodes = [HistoryNumber { number, watched_at }];
                let seasons = [HistorySeason {
                    number: season,
                    episodes,
                }];
                body.shows.push(HistoryShow { show, seasons });
                numbered.push(play);
            }
        }
    }
    films.append(&mut episodes);
    films.append(&mut numbered);
    Prepared::of_plays(ADD, super::encode(&body), films, now)
}

impl Trakt {
    pub(super) async fn add(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        let sent = items_of(&prepared.body).filter(|sent| sent.len() == prepared.plays.len());
        let Some(sent) = sent else {
            let why = "what was written down does not fit its plays";
            return Err(super::error(TAKE, Disposition::Permanent, why));
        };
        let request = self.written(account, prepared);
        let answer = self.send(TAKE, Effect::Writes, request, now).await;
        let answer = answer.map_err(super::of_listing)?;
        let added: Added = read(TAKE, Effect::Writes, &answer)?;
        let outcomes =
            outcomes(&sent, &added, now).map_err(|(next, why)| super::error(TAKE, next, why))?;
        let plays = prepared.plays.iter().map(|play| play.play.clone());
        Ok(plays.zip(outcomes).collect())
    }
}

/// The items of a body, in its order.
fn items_of(body: &str) -> Option<Vec<Item>> {
    let body: wire::History = serde_json::from_str(body).ok()?;
    let films = body
        .movies
        .into_iter()
        .map(|film| Item::Movie { movie: film.movie });
    let episodes = body.episodes.into_iter().map(|episode| Item::Episode {
        episode: EpisodeIds { ids: episode.ids },
    });
    let numbered = body.shows.into_iter().map(|show| {
        let [season] = show.seasons;
        let [episode] = season.episodes;
        let episode = EpisodeNumber {
            season: season.number,
            number: episode.number,
        };
        Item::Numbered {
            show: show.show,
            episode,
        }
    });
    Some(films.chain(episodes).chain(numbered).collect())
}

/// What became of each item. Trakt counts what it took and lists what it did not find; what is in neither was dropped,
/// as `watch_only_once` does without a word.
///
/// The error is for an answer that does not tell which of several: look (some were taken), or send the halves (none).
fn outcomes(
    sent: &[Item],
    answer: &Added,
    now: DateTime<Utc>,
) -> Result<Vec<Outcome>, (Disposition, String)> {
    let is_unknown: Vec<bool> = match sent {
        [_] => vec![!answer.not_found.is_empty()],
        _ => sent
            .iter()
            .map(|item| is_item_named(&answer.not_found, item))
            .collect(),
    };
    let taken_of = |is_film: bool| {
        let counts = [answer.added, answer.updated];
        counts.iter().fold(0usize, |sum, count| {
            sum.saturating_add(if is_film {
                count.movies
            } else {
                count.episodes
            })
        })
    };
    let is_film = |item: &Item| matches!(item, Item::Movie { .. });
    let taken_at_all = taken_of(true).saturating_add(taken_of(false));
    let is_all_explained = is_unknown.iter().any(|unknown| *unknown) || answer.not_found.is_empty();
    let mut outcomes = Vec::new();
    for (item, unknown) in sent.iter().zip(&is_unknown) {
        if *unknown {
            outcomes.push(item::unknown(item, now));
            continue;
        }
        let known = sent.iter().zip(&is_unknown);
        let expected = known
            .filter(|(other, unknown)| !**unknown && is_film(other) == is_film(item))
            .count();
        let taken = taken_of(is_film(item));
        if taken >= expected {
            outcomes.push(Outcome::Delivered {
                remote_id: None,
                detail: None,
            });
        } else if taken == 0 && is_all_explained {
            outcomes.push(dropped(item));
        } else {
            let why = format!("took {taken} of {expected} and did not say which");
            let next = if taken_at_all == 0 {
                Disposition::Permanent
            } else {
                Disposition::InDoubt
            };
            return Err((next, why));
        }
    }
    Ok(outcomes)
}

fn dropped(item: &Item) -> Outcome {
    let or = match item {
        Item::Numbered { .. } => ", or it does not know this season and number",
        Item::Movie { .. } | Item::Episode { .. } => "",
    };
    Outcome::Ignored {
        why: format!("Trakt kept no further play of it: the account is set to watch only once{or}"),
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
