//! `POST /sync/watched`: whether Simkl has a watch of an item, before anything is written.
//!
//! Simkl keeps one watch of a film or episode and answers a second one as it answers the first. So this is how a rewatch
//! is told from a watch, and how it shows after trouble that a play is there.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::media::Numbering;
use hub_domain::{Disposition, Outcome, PlayId};
use reqwest::Method;
use serde_json::Value;

use super::item::Item;
use super::wire::{Lookup, Watched};
use super::wire_lists::Ratings;
use super::{Simkl, parse_time, read};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::seam::{Account, Prepared, PreparedPlay};
use crate::video::is_within;

/// The call, in [`Prepared::call`].
pub(super) const LOOK: &str = "sync/watched?extended=episodes,specials";

/// Why a play waits a second after Simkl was found not to have it, and how `road_of` knows.
///
/// The write goes in a request of its own, since a second one within the second is over Simkl's limit.
pub(super) const SENT_NEXT: &str = "Simkl has no watch of it yet; it is sent next";
/// The same for a further watch, which this account may keep.
pub(super) const REWATCH_NEXT: &str = "Simkl has another watch of it; it is sent next as a rewatch";

/// How long after a request was sent Simkl may have dated its watch: it was fresh, waited for its turn, and arrived.
const DATED_WITHIN: TimeDelta = TimeDelta::minutes(3);
/// How far apart rewatches have to be.
const APART: TimeDelta = TimeDelta::days(2);

const ASK: &str = "say what was watched";

/// Writes down the question for some plays.
pub(super) fn look_of(batch: Vec<(PreparedPlay, Item)>, now: DateTime<Utc>) -> Prepared {
    let (plays, lookups): (Vec<_>, Vec<_>) = batch
        .into_iter()
        .filter_map(|(play, item)| Some((play, lookup_of(item)?)))
        .unzip();
    Prepared::of_plays(LOOK, super::encode(&lookups), plays, now)
}

fn lookup_of(item: Item) -> Option<Lookup> {
    let (named, r#type, numbering) = match item {
        Item::Film(film) => (film, Some("movie"), None),
        Item::Episode {
            place: Some(place), ..
        } => {
            let r#type = (!place.is_entry).then_some("show");
            (place.show, r#type, Some(place.numbering))
        }
        Item::Episode { place: None, .. } => return None,
    };
    Some(Lookup {
        r#type,
        title: named.title,
        year: named.year,
        ids: named.ids,
        season: numbering.map(|numbering| numbering.season),
        episode: numbering.map(|numbering| numbering.episode),
    })
}

/// What Simkl says of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It has no watch of it, or none with a time.
    No,
    /// It has one, of this time.
    At(DateTime<Utc>),
}

impl Simkl {
    pub(super) async fn look(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        let found = self.watched(account, prepared, now).await?;
        let judged: Vec<Judged> = prepared
            .plays
            .iter()
            .zip(&found)
            .map(|(play, (sent, found))| judge(play, seen(sent, found)))
            .collect();
        let has_rewatches = judged
            .iter()
            .any(|judged| matches!(judged, Judged::Rewatch(_)));
        // The account is asked only if it matters: each question is one of the day's.
        let keeps_rewatches = has_rewatches && { self.keeps_rewatches(account, now).await? };
        let plays = prepared.plays.iter();
        let outcomes = plays.zip(judged).map(|(play, judged)| {
            let outcome = outcome(judged, play.watched_at, keeps_rewatches, now);
            (play.play.clone(), outcome)
        });
        Ok(outcomes.collect())
    }

    /// Asks what was written down: each question with its answer.
    pub(super) async fn watched(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(Value, Watched)>, ProviderError> {
        let sent: Vec<Value> = serde_json::from_str(&prepared.body).unwrap_or_default();
        let answer = self
            .send_written(ASK, Effect::Reads, (account, prepared), now)
            .await?;
        let found: Vec<Watched> = read(ASK, Effect::Reads, &answer)?;
        if sent.len() != prepared.len() || found.len() != sent.len() {
            let why = "the answer is not about what was asked";
            return Err(super::error(ASK, Disposition::Retryable, why));
        }
        Ok(sent.into_iter().zip(found).collect())
    }

    /// Asks whether the account may keep more than one watch of an item.
    pub(super) async fn keeps_rewatches(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<bool, ProviderError> {
        let settings = self.settings(account, ASK, now).await?;
        Ok(matches!(
            settings.account.r#type.as_deref(),
            Some("pro" | "vip")
        ))
    }

    /// Asks which films, or which shows and anime, the user has rated: removing one of them as a whole would remove its
    /// rating as well.
    pub(super) async fn rated(
        &self,
        account: &Account<'_>,
        are_films: bool,
        now: DateTime<Utc>,
    ) -> Result<Vec<Value>, ProviderError> {
        let lists: &[&str] = if are_films {
            &["sync/ratings/movies"]
        } else {
            &["sync/ratings/shows", "sync/ratings/anime"]
        };
        let mut rated = Vec::new();
        for path in lists {
            let request = self.call(Method::GET, path, account);
            let answer = self.send(ASK, Effect::Reads, request, now).await;
            let answer = answer.map_err(super::of_listing)?;
            let ratings: Option<Ratings> = read(ASK, Effect::Reads, &answer)?;
            let Ratings {
                movies,
                shows,
                anime,
            } = ratings.unwrap_or_default();
            let all = movies.into_iter().chain(shows).chain(anime);
            rated.extend(
                all.filter(|item| item.user_rating.is_some())
                    .map(|item| item.movie),
            );
        }
        Ok(rated)
    }
}

/// Reads what is said of a film, or of the episode that was asked for.
fn seen(sent: &Value, found: &Watched) -> Seen {
    let number = |name: &str| {
        let number = sent.get(name).and_then(Value::as_u64);
        number.and_then(|number| u32::try_from(number).ok())
    };
    let time = match (number("season"), number("episode")) {
        (Some(season), Some(episode)) => time_of_episode(found, Numbering { season, episode }),
        _ => found.last_watched_at.as_deref(),
    };
    time.and_then(parse_time).map_or(Seen::No, Seen::At)
}

fn time_of_episode(found: &Watched, numbering: Numbering) -> Option<&str> {
    let season = found
        .seasons
        .iter()
        .find(|season| season.number == Some(numbering.season))?;
    let episode = season
        .episodes
        .iter()
        .find(|episode| episode.number == Some(numbering.episode))?;
    episode
        .last_watched_at
        .as_deref()
        .filter(|_| episode.watched != Some(false))
}

/// What a watch at Simkl means for a play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// There is none.
    New,
    /// It is this play's.
    There(DateTime<Utc>),
    /// It is another one's.
    Rewatch(DateTime<Utc>),
}

pub(super) fn judge(play: &PreparedPlay, seen: Seen) -> Judged {
    match (seen, play.watched_at) {
        (Seen::No, _) => Judged::New,
        // Of a play without a time it cannot be said that it is another.
        (Seen::At(known), None) => Judged::There(known),
        (Seen::At(known), Some(watched_at)) => {
            let started_at = play.play.first_started_at();
            if is_within(known, started_at, watched_at, watched_at + DATED_WITHIN) {
                Judged::There(known)
            } else {
                Judged::Rewatch(known)
            }
        }
    }
}

fn outcome(
    judged: Judged,
    watched_at: Option<DateTime<Utc>>,
    keeps_rewatches: bool,
    now: DateTime<Utc>,
) -> Outcome {
    let next = |why: &str| Outcome::Wait {
        until: now + TimeDelta::seconds(1),
        why: why.to_owned(),
    };
    match judged {
        Judged::New => next(SENT_NEXT),
        Judged::There(known) => Outcome::AlreadyThere {
            remote_id: None,
            detail: format!("Simkl has it from {}", known.format("%Y-%m-%d %H:%M UTC")),
        },
        Judged::Rewatch(known) => {
            let is_apart = watched_at.is_some_and(|at| (at - known).abs() >= APART);
            let day = known.format("%Y-%m-%d");
            if keeps_rewatches && is_apart {
                next(REWATCH_NEXT)
            } else {
                let rule = if keeps_rewatches {
                    "rewatches have to be two days apart"
                } else {
                    "further ones are kept for PRO and VIP members alone"
                };
                Outcome::Ignored {
                    why: format!("Simkl keeps one watch of it, from {day}; {rule}"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hub_domain::{ItemKey, PlayId, UserId};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::testing::at;

    fn told(started_at: i64, watched_at: Option<i64>) -> PreparedPlay {
        let user = UserId(Uuid::from_u128(7));
        PreparedPlay {
            play: PlayId::new(user, &ItemKey::new("x"), Some(at(started_at))),
            watched_at: watched_at.map(at),
        }
    }

    #[test]
    fn a_watch_during_the_play_is_the_plays_and_any_other_makes_it_a_rewatch() {
        let play = told(0, Some(5000));
        assert_eq!(judge(&play, Seen::No), Judged::New);
        for known in [0, 4999, 5000, 5300] {
            assert_eq!(judge(&play, Seen::At(at(known))), Judged::There(at(known)));
        }
        for known in [-61, 5301, 90_000] {
            assert_eq!(
                judge(&play, Seen::At(at(known))),
                Judged::Rewatch(at(known))
            );
        }
        let undated = told(0, None);
        assert_eq!(judge(&undated, Seen::At(at(9))), Judged::There(at(9)));
    }

    #[test]
    fn an_episode_is_looked_for_by_its_number_and_a_film_as_a_whole() {
        let found: Watched =
            serde_json::from_value(json!({"last_watched_at": "2025-01-29T15:01:08Z",
            "seasons": [{"number": 1, "episodes": [
                {"number": 1, "watched": true, "last_watched_at": "2025-01-29T15:01:03Z"},
                {"number": 2, "watched": true, "last_watched_at": "1970-01-01T00:00:01Z"},
                {"number": 7, "watched": false, "last_watched_at": null}]}]}))
            .unwrap();
        let episode = |number: u32| seen(&json!({"season": 1, "episode": number}), &found);
        assert_eq!(
            episode(1),
            Seen::At("2025-01-29T15:01:03Z".parse().unwrap())
        );
        assert_eq!(episode(2), Seen::No, "nobody knows when");
        assert_eq!((episode(7), episode(9)), (Seen::No, Seen::No));
        let film = seen(&json!({"type": "movie"}), &found);
        assert_eq!(film, Seen::At("2025-01-29T15:01:08Z".parse().unwrap()));
    }

    #[test]
    fn a_rewatch_is_ignored_unless_the_account_keeps_them_and_they_are_two_days_apart() {
        let ends = |days: i64, keeps| {
            let judged = Judged::Rewatch(at(0));
            outcome(judged, Some(at(days * 86_400)), keeps, at(900_000))
        };
        assert!(matches!(ends(9, false), Outcome::Ignored { why } if why.contains("PRO")));
        assert!(matches!(ends(1, true), Outcome::Ignored { why } if why.contains("two days")));
        assert!(matches!(ends(2, true), Outcome::Wait { why, .. } if why == REWATCH_NEXT));
    }
}
