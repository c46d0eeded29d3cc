//! `/scrobble/…`: what is being watched, and the stop, which writes history; see [`crate::video`].

use chrono::{DateTime, Utc};
use hub_domain::{Disposition, LiveState, Outcome, Play, PlayId};
use reqwest::Method;

use super::wire::{self, Item};
use super::{Trakt, disposition, item, parse_time, read};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::seam::{Account, Live, Prepared, PreparedPlay};
use crate::video::{COUNTS_FROM, FRESH, STOP, by_history, is_within, signal_of, two_decimals};

const TAKE: &str = "take the play";
const SHOW: &str = "show what is being watched";

/// Writes down the stop of one play.
pub(super) fn stop_of(
    prepared: PreparedPlay,
    item: Item,
    play: &Play,
    now: DateTime<Utc>,
) -> Prepared {
    let progress = play.progress_percent.unwrap_or(100.0);
    let progress = two_decimals(progress).clamp(COUNTS_FROM, 100.0);
    let body = super::encode(&wire::Scrobble { item, progress });
    // The play's own beginning is not in the body; it is found again in its id when a 409 has to be judged.
    Prepared::of_plays(STOP, body, vec![prepared], now)
}

impl Trakt {
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
        // However late it comes to this, history never gets the present for the past.
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
                    detail: format!("Trakt has a play of it from {}", at.format("%H:%M UTC")),
                },
                Some(_) | None => by_history(watched_at, now, "Trakt has another play of it"),
            });
        }
        match super::accept(TAKE, Effect::Writes, answer, now) {
            Ok(answer) => {
                let scrobbled: wire::Scrobbled = read(TAKE, Effect::Writes, &answer)?;
                Ok(if scrobbled.action == wire::COUNTED {
                    Outcome::Delivered {
                        remote_id: (scrobbled.id > 0).then(|| scrobbled.id.to_string()),
                        detail: None,
                    }
                } else {
                    // Taken as a pause, say: Trakt says itself that it is not in the history.
                    by_history(watched_at, now, "Trakt did not count the stop")
                })
            }
            Err(error) if error.disposition == Disposition::NotFound => {
                let sent: wire::Scrobble =
                    serde_json::from_str(&prepared.body).map_err(|_| error)?;
                Ok(item::unknown(&sent.item, now))
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn live(
        &self,
        account: &Account<'_>,
        state: &LiveState,
        now: DateTime<Utc>,
    ) -> Result<Live, ProviderError> {
        let Some((path, progress)) = signal_of(state) else {
            return Ok(Live::NothingToSend);
        };
        let Ok(item) = item::item_of(&state.media, false) else {
            return Ok(Live::NothingToSend);
        };
        let body = super::encode(&wire::Scrobble { item, progress });
        let request = self.call(Method::POST, path, account).body(body);
        match self.send(SHOW, Effect::Writes, request, now).await {
            Ok(_) => Ok(Live::Sent),
            Err(error) if error.disposition == Disposition::NotFound => Ok(Live::NothingToSend),
            Err(error) => Err(error),
        }
    }
}
