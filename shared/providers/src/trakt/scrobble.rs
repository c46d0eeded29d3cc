//! `/scrobble/…`: what is being watched, and the stop, which writes history.
//!
//! A stop at 80 % or more is stamped with Trakt's own present, so only a play that was finished just now takes it, and
//! no live signal ever does.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::live::Playing;
use hub_domain::{Disposition, LiveState, Outcome, Play, PlayId, Service};
use reqwest::Method;

use super::wire::{self, Item};
use super::{Trakt, disposition, item, parse_time, read};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::seam::{Account, Live, Prepared, PreparedPlay};

/// The call of a stop, in [`Prepared::call`].
pub(super) const STOP: &str = "scrobble/stop";

/// From how many percent on Trakt counts a stop as a play.
const COUNTS_FROM: f64 = 80.0;
/// The most that a live signal says.
const MOST_LIVE: f64 = 79.9;
/// Below this Trakt refuses a pause and a stop.
const LEAST: f64 = 1.0;
/// How old a play may be that is stamped with the present.
pub(super) const FRESH: TimeDelta = TimeDelta::minutes(2);
/// How far Trakt's clock, or its cutting of seconds, may put a play beside ours.
const SLACK: TimeDelta = TimeDelta::minutes(2);

const TAKE: &str = "take the play";
const SHOW: &str = "show what is being watched";

/// Says whether a play may be delivered by a stop: watched, not marked, to 80 % or more, less than two minutes ago, and
/// by a connection that does not count it earlier.
pub(super) fn may_stop(play: &Play, watched_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let threshold = play
        .deliveries
        .get(&Service::Trakt)
        .and_then(|delivery| delivery.threshold_percent);
    let age = now - watched_at;
    !play.manual
        && play
            .progress_percent
            .is_some_and(|progress| progress >= COUNTS_FROM)
        && threshold.is_none_or(|percent| percent >= COUNTS_FROM)
        && age < FRESH
        && age > -FRESH
}

/// Writes down the stop of one play.
pub(super) fn stop_of(
    prepared: PreparedPlay,
    item: Item,
    play: &Play,
    now: DateTime<Utc>,
) -> Prepared {
    let progress = play.progress_percent.unwrap_or(100.0);
    let progress = two_decimals(progress).clamp(COUNTS_FROM, 100.0);
    Prepared {
        call: STOP.to_owned(),
        body: super::encode(&wire::Scrobble { item, progress }),
        // The play's own beginning is not in the body; it is found again in its id when a 409 has to be judged.
        plays: vec![prepared],
        prepared_at: now,
    }
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

/// The play waits until it is too old for a stop, and so takes the road that carries its own time.
fn by_history(watched_at: DateTime<Utc>, now: DateTime<Utc>, why: &str) -> Outcome {
    Outcome::Wait {
        until: now.max(watched_at + FRESH),
        why: format!("{why}; it goes by history, with its own time"),
    }
}

/// Says whether a play that Trakt has was made during this one.
///
/// Trakt cuts the seconds. What counts lies at the end of a viewing, so nothing is allowed before its beginning: a play
/// up to two minutes earlier may be the viewing before. Only if the beginning is not known before the end (the end is
/// the first we heard of it) is it taken to lie two minutes earlier.
fn is_within(
    known: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    watched_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> bool {
    let earliest = watched_at - SLACK;
    let from = started_at.map_or(earliest, |started_at| started_at.min(earliest));
    let from = from - TimeDelta::seconds(from.timestamp().rem_euclid(60));
    (from..=watched_at.max(now) + SLACK).contains(&known)
}

/// Which call tells a state, and with what progress; `None` where nothing is to be told: what would count as a play is
/// the delivery's matter.
fn signal_of(state: &LiveState) -> Option<(&'static str, f64)> {
    let progress = state.progress_percent.or_else(|| {
        let position = state.position?.num_milliseconds();
        let duration = state.media.duration?.num_milliseconds();
        (duration > 0).then(|| position as f64 * 100.0 / duration as f64)
    });
    let counts_from = state.threshold_percent.min(COUNTS_FROM);
    // What is no number is not below the threshold either.
    if progress.is_some_and(|percent| percent.is_nan() || percent >= counts_from) {
        return None;
    }
    match state.playing {
        Playing::Started => {
            let percent = progress.unwrap_or(0.0);
            Some((
                "scrobble/start",
                two_decimals(percent).clamp(0.0, MOST_LIVE),
            ))
        }
        Playing::Paused => Some(("scrobble/pause", live(progress?))),
        // Trakt would refuse it; its "watching now" ends by itself.
        Playing::Stopped if progress? < LEAST => None,
        Playing::Stopped => Some(("scrobble/pause", live(progress?))),
    }
}

fn live(percent: f64) -> f64 {
    two_decimals(percent).clamp(LEAST, MOST_LIVE)
}

fn two_decimals(percent: f64) -> f64 {
    (percent * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, movie, play};

    fn state(playing: Playing, progress: Option<f64>, threshold: f64) -> LiveState {
        LiveState {
            playing,
            media: movie("tt0133093"),
            position: None,
            progress_percent: progress,
            threshold_percent: threshold,
            at: at(0),
        }
    }

    #[test]
    fn no_live_signal_carries_what_trakt_would_count() {
        let start = "scrobble/start";
        let pause = "scrobble/pause";
        let rows = [
            (Playing::Started, None, 80.0, Some((start, 0.0))),
            (Playing::Started, Some(0.2), 80.0, Some((start, 0.2))),
            (Playing::Started, Some(12.345), 80.0, Some((start, 12.35))),
            (Playing::Started, Some(79.99), 80.0, Some((start, 79.9))),
            (Playing::Started, Some(80.0), 80.0, None),
            (Playing::Started, Some(85.0), 95.0, None),
            (Playing::Started, Some(60.0), 50.0, None),
            (Playing::Started, Some(f64::NAN), 80.0, None),
            (Playing::Paused, None, 80.0, None),
            (Playing::Paused, Some(0.2), 80.0, Some((pause, 1.0))),
            (Playing::Paused, Some(42.0), 80.0, Some((pause, 42.0))),
            (Playing::Stopped, Some(0.9), 80.0, None),
            (Playing::Stopped, Some(42.0), 80.0, Some((pause, 42.0))),
            (Playing::Stopped, Some(79.95), 90.0, Some((pause, 79.9))),
            (Playing::Stopped, Some(80.0), 90.0, None),
            (Playing::Stopped, Some(50.0), 50.0, None),
            (Playing::Stopped, None, 80.0, None),
        ];
        for (playing, progress, threshold, expected) in rows {
            let signal = signal_of(&state(playing, progress, threshold));
            assert_eq!(signal, expected, "{playing:?} {progress:?} {threshold}");
        }
    }

    #[test]
    fn progress_follows_from_the_position_where_no_percentage_is_known() {
        let mut half = state(Playing::Started, None, 80.0);
        half.position = Some(TimeDelta::minutes(68));
        assert_eq!(signal_of(&half), Some(("scrobble/start", 50.0)));
    }

    #[test]
    fn only_a_fresh_viewing_past_eighty_percent_takes_the_stop() {
        let fresh = play(movie("tt0133093"), Some(at(-7000)), Some(at(0)));
        assert!(may_stop(&fresh, at(0), at(119)));
        assert!(!may_stop(&fresh, at(0), at(120)));
        assert!(!may_stop(&fresh, at(0), at(-120)));
        let mut early = fresh.clone();
        early.progress_percent = Some(79.9);
        assert!(!may_stop(&early, at(0), at(1)));
        let mut marked = fresh.clone();
        marked.manual = true;
        assert!(!may_stop(&marked, at(0), at(1)));
        let mut lower = fresh;
        let delivery = hub_domain::Delivery::held(70.0);
        lower.deliveries.insert(Service::Trakt, delivery);
        assert!(!may_stop(&lower, at(0), at(1)));
    }

    #[test]
    fn a_409_counts_only_from_inside_this_play() {
        // Begun at 0, threshold met at 1,000 s, sent at 1,010 s.
        let within = |known| is_within(at(known), Some(at(30)), at(1000), at(1010));
        assert!(!within(-1));
        assert!(within(0), "the minute of its beginning");
        assert!(within(960));
        assert!(within(1130));
        assert!(!within(1131));
        // Nothing is known of the beginning: another app's record of this viewing lies just before.
        assert!(is_within(at(940), Some(at(1000)), at(1000), at(1010)));
        assert!(is_within(at(940), None, at(1000), at(1010)));
        assert!(!is_within(at(800), None, at(1000), at(1010)));
    }

    #[test]
    fn what_goes_by_history_waits_until_it_is_too_old_for_a_stop() {
        let Outcome::Wait { until, .. } = by_history(at(0), at(5), "x") else {
            panic!("does not wait")
        };
        assert_eq!(until, at(120));
        let fresh = play(movie("tt0133093"), Some(at(-7000)), Some(at(0)));
        assert!(!may_stop(&fresh, at(0), until));
    }
}
