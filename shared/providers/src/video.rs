//! What the two services with live sessions share (Trakt, Simkl): a stop at 80 % or more writes history, dated with
//! the service's own present; below that, start and pause show what is being watched.
//!
//! So only a play that was finished just now takes the stop, and no live signal ever does.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::live::Playing;
use hub_domain::media::Numbering;
use hub_domain::{LiveState, MediaItem, Namespace, Outcome, Play, Scope, Service};

/// The call of a stop, in [`crate::Prepared::call`].
pub(crate) const STOP: &str = "scrobble/stop";
/// The call that shows that something plays.
const START: &str = "scrobble/start";
/// The call that shows that something is paused, or was left in the middle.
pub(crate) const PAUSE: &str = "scrobble/pause";

/// From how many percent on a stop counts as a play.
pub(crate) const COUNTS_FROM: f64 = 80.0;
/// The most that a live signal says.
pub(crate) const MOST_LIVE: f64 = 79.9;
/// Below this Trakt refuses a pause and a stop, and nothing worth keeping was seen.
const LEAST: f64 = 1.0;
/// How old a play may be that is stamped with the present.
pub(crate) const FRESH: TimeDelta = TimeDelta::minutes(2);
/// How far the service's clock, or its cutting of seconds, may put a play beside ours.
const SLACK: TimeDelta = TimeDelta::minutes(2);

/// Says whether a play may be delivered by a stop: watched, not marked, to 80 % or more, less than two minutes ago, and
/// by a connection that does not count it earlier.
pub(crate) fn may_stop(
    play: &Play,
    service: Service,
    watched_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> bool {
    let threshold = play
        .deliveries
        .get(&service)
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

/// The play waits until it is too old for a stop, and so takes the road that carries its own time.
pub(crate) fn by_history(watched_at: DateTime<Utc>, now: DateTime<Utc>, why: &str) -> Outcome {
    Outcome::Wait {
        until: now.max(watched_at + FRESH),
        why: format!("{why}; it goes by history, with its own time"),
    }
}

/// Says whether a play that the service has was made during this one, which was sent at `sent_at`.
///
/// Seconds may be cut (Trakt). What counts lies at the end of a viewing, so nothing is allowed before its beginning: a play
/// up to two minutes earlier may be the viewing before. Only if the beginning is not known before the end (the end is
/// the first we heard of it) is it taken to lie two minutes earlier.
pub(crate) fn is_within(
    known: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    watched_at: DateTime<Utc>,
    sent_at: DateTime<Utc>,
) -> bool {
    let earliest = watched_at - SLACK;
    let from = started_at.map_or(earliest, |started_at| started_at.min(earliest));
    let from = from - TimeDelta::seconds(from.timestamp().rem_euclid(60));
    (from..=watched_at.max(sent_at) + SLACK).contains(&known)
}

/// Which call tells a state, and with what progress; `None` where nothing is to be told: what would count as a play is
/// the delivery's matter.
pub(crate) fn signal_of(state: &LiveState) -> Option<(&'static str, f64)> {
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
            Some((START, two_decimals(percent).clamp(0.0, MOST_LIVE)))
        }
        Playing::Paused => Some((PAUSE, live(progress?))),
        // Trakt would refuse it; the "watching now" ends by itself.
        Playing::Stopped if progress? < LEAST => None,
        Playing::Stopped => Some((PAUSE, live(progress?))),
    }
}

fn live(percent: f64) -> f64 {
    two_decimals(percent).clamp(LEAST, MOST_LIVE)
}

pub(crate) fn two_decimals(percent: f64) -> f64 {
    (percent * 100.0).round() / 100.0
}

/// The title and year of a film or show, where both are known: of a bare title, a service takes the most current thing
/// of that name.
pub(crate) fn title_and_year(title: Option<&str>, year: Option<i32>) -> Option<(String, i32)> {
    let title = title.map(str::trim).filter(|title| !title.is_empty())?;
    let year = year.filter(|year| *year > 0)?;
    Some((title.to_owned(), year))
}

/// The value of an id of this namespace and scope, where the item has one.
pub(crate) fn id_of(media: &MediaItem, namespace: Namespace, scope: Scope) -> Option<&str> {
    media
        .ids
        .iter()
        .find(|id| id.namespace == namespace && id.scope == scope)
        .map(hub_domain::ExternalId::value)
}

/// The same as a number.
pub(crate) fn number_of(media: &MediaItem, namespace: Namespace, scope: Scope) -> Option<u64> {
    id_of(media, namespace, scope).and_then(|value| value.parse().ok())
}

/// Season and number as they came with the first of these ids of the show, else the item's own.
pub(crate) fn numbering_of(media: &MediaItem, order: &[Namespace]) -> Option<Numbering> {
    let with_id = |namespace: &Namespace| {
        let of_it =
            |id: &&hub_domain::ExternalId| id.scope == Scope::Show && id.namespace == *namespace;
        media.ids.iter().find(of_it).and_then(|id| id.numbering)
    };
    order.iter().find_map(with_id).or_else(|| media.numbering())
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
    fn no_live_signal_carries_what_a_service_would_count() {
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
        assert!(may_stop(&fresh, Service::Trakt, at(0), at(119)));
        assert!(!may_stop(&fresh, Service::Trakt, at(0), at(120)));
        assert!(!may_stop(&fresh, Service::Trakt, at(0), at(-120)));
        let mut early = fresh.clone();
        early.progress_percent = Some(79.9);
        assert!(!may_stop(&early, Service::Trakt, at(0), at(1)));
        let mut marked = fresh.clone();
        marked.manual = true;
        assert!(!may_stop(&marked, Service::Trakt, at(0), at(1)));
        let mut lower = fresh;
        let delivery = hub_domain::Delivery::held(70.0);
        lower.deliveries.insert(Service::Trakt, delivery);
        assert!(!may_stop(&lower, Service::Trakt, at(0), at(1)));
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
        assert!(!may_stop(&fresh, Service::Trakt, at(0), until));
    }
}
