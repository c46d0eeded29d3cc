//! `/scrobble/…`: what is being watched, and the stop, which writes history; see [`crate::video`].

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::live::Playing;
use hub_domain::{Disposition, LiveState, Outcome, Play, PlayId};
use reqwest::Method;

use super::item::{self, Item};
use super::wire::{self, EpisodeNumber, ScrobbleItem};
use super::{Simkl, disposition, parse_time, read};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::seam::{Account, Live, Prepared, PreparedPlay};
use crate::video::{
    COUNTS_FROM, FRESH, MOST_LIVE, PAUSE, STOP, by_history, is_within, signal_of, two_decimals,
};

/// Why a play waits a second after Simkl did not know its show or number, and how `road_of` knows: the history takes an
/// episode's own id, which a stop does not.
pub(super) const BY_ID_NEXT: &str =
    "Simkl does not know this show and number; the episode's own id is tried next";

const TAKE: &str = "take the play";
const SHOW: &str = "show what is being watched";

/// Writes down the stop of one play; none for an item that a stop cannot name.
pub(super) fn stop_of(
    prepared: PreparedPlay,
    item: &Item,
    play: &Play,
    now: DateTime<Utc>,
) -> Option<Prepared> {
    let progress = play.progress_percent.unwrap_or(100.0);
    let progress = two_decimals(progress).clamp(COUNTS_FROM, 100.0);
    let body = body_of(item, progress)?;
    Some(Prepared::of_plays(STOP, body, vec![prepared], now))
}

fn body_of(item: &Item, progress: f64) -> Option<String> {
    let (item, episode) = match item {
        Item::Film(film) => (ScrobbleItem::Movie(film), None),
        Item::Episode { place, .. } => {
            let place = place.as_ref()?;
            let episode = EpisodeNumber {
                season: place.numbering.season,
                number: place.numbering.episode,
            };
            let item = if place.is_entry {
                ScrobbleItem::Anime(&place.show)
            } else {
                ScrobbleItem::Show(&place.show)
            };
            (item, Some(episode))
        }
    };
    Some(super::encode(&wire::Scrobble {
        item,
        episode,
        progress,
    }))
}

impl Simkl {
    pub(super) async fn stop(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        let [play] = prepared.plays.as_slice() else {
            let why = "a stop is of one play";
            return Err(super::error(TAKE, Disposition::Permanent, why));
        };
        let watched_at = play.watched_at.unwrap_or(prepared.prepared_at);
        let outcome = self.outcome_of_stop(account, prepared, play, watched_at, now);
        Ok(vec![(play.play.clone(), outcome.await?)])
    }

    async fn outcome_of_stop(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        play: &PreparedPlay,
        watched_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Outcome, ProviderError> {
        // However late it comes to this, history never gets the present for the past. Whether an earlier try of it
        // counted, the look that follows says.
        if now - watched_at >= FRESH {
            return Ok(by_history(watched_at, now, "it is no longer fresh"));
        }
        let request = self
            .call(Method::POST, STOP, account)
            .body(prepared.body.clone());
        let answer = self.ask(TAKE, Effect::Writes, request).await?;
        if disposition::is_conflict(answer.status) {
            let conflict = answer.json::<wire::Conflict>().ok();
            let known = conflict.and_then(|conflict| parse_time(&conflict.watched_at));
            let started_at = play.play.first_started_at();
            return Ok(match known {
                Some(at) if is_within(at, started_at, watched_at, now) => Outcome::AlreadyThere {
                    remote_id: None,
                    detail: format!("Simkl has it from {}", at.format("%H:%M UTC")),
                },
                Some(_) | None => by_history(watched_at, now, "Simkl has another play of it"),
            });
        }
        match super::accept(TAKE, Effect::Writes, answer, now) {
            Ok(answer) => {
                let scrobbled: wire::Scrobbled = read(TAKE, Effect::Writes, &answer)?;
                Ok(if scrobbled.action == wire::COUNTED {
                    Outcome::Delivered {
                        remote_id: (scrobbled.id > 0).then(|| scrobbled.id.to_string()),
                        detail: taken_as(&scrobbled),
                    }
                } else {
                    by_history(watched_at, now, "Simkl did not count the stop")
                })
            }
            Err(error) if error.disposition == Disposition::NotFound => Ok(Outcome::Wait {
                until: now + TimeDelta::seconds(1),
                why: BY_ID_NEXT.to_owned(),
            }),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn live(
        &self,
        account: &Account<'_>,
        state: &LiveState,
        now: DateTime<Utc>,
    ) -> Result<Live, ProviderError> {
        let signal = signal_of(state).or_else(|| ended_without_counting(state));
        let Some((path, progress)) = signal else {
            return Ok(Live::NothingToSend);
        };
        let body = item::item_of(&state.media)
            .ok()
            .and_then(|item| body_of(&item, progress));
        let Some(body) = body else {
            return Ok(Live::NothingToSend);
        };
        let request = self.call(Method::POST, path, account).body(body);
        match self.send(SHOW, Effect::Writes, request, now).await {
            Ok(_) => Ok(Live::Sent),
            Err(error) if error.disposition == Disposition::NotFound => Ok(Live::NothingToSend),
            Err(error) => Err(error),
        }
    }
}

/// A viewing that ended past 80 % and below its connection's own threshold: its session is closed by a pause, since one
/// that stands past 80 % would be counted when the next title starts.
fn ended_without_counting(state: &LiveState) -> Option<(&'static str, f64)> {
    let progress = state.progress_percent?;
    let is_short = progress >= COUNTS_FROM && progress < state.threshold_percent;
    match state.playing {
        Playing::Paused | Playing::Stopped if is_short => Some((PAUSE, MOST_LIVE)),
        Playing::Started | Playing::Paused | Playing::Stopped => None,
    }
}

/// What Simkl took the item for, where that is an anime entry with a count of its own.
fn taken_as(scrobbled: &wire::Scrobbled) -> Option<String> {
    let title = scrobbled.anime.as_ref()?.title.as_deref()?;
    let number = scrobbled
        .episode
        .as_ref()
        .and_then(|episode| episode.number);
    Some(match number {
        Some(number) => format!("Simkl took it as {title}, episode {number}"),
        None => format!("Simkl took it as {title}"),
    })
}
