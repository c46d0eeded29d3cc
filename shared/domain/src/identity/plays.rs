//! Which sightings are the same play: by the time that they share.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::media::ItemKind;
use crate::names::PlayId;
use crate::play::Sighting;
use crate::units::optional_millis;

/// How far apart the clocks of two roads may be for a film, an episode or a book.
const SLACK: TimeDelta = TimeDelta::minutes(2);
/// The same for a track.
const TRACK_SLACK: TimeDelta = TimeDelta::seconds(30);
/// How much of the shorter of two intervals has to lie in the other.
const LEAST_SHARED: f64 = 0.5;
/// A viewing that begins in the second half goes on with an earlier one.
const SECOND_HALF: f64 = 50.0;

/// A play as the list of an item's last plays keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The play.
    pub play: PlayId,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was finished.
    pub watched_at: DateTime<Utc>,
    /// How long the item is, where that is known.
    #[serde(
        default,
        with = "optional_millis",
        rename = "duration_ms",
        skip_serializing_if = "Option::is_none"
    )]
    pub duration: Option<TimeDelta>,
    /// Who reported it.
    pub sightings: Vec<Sighting>,
    /// A person marked it by hand.
    #[serde(default)]
    pub manual: bool,
}

/// A sighting of a play, to be compared with those that are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate<'a> {
    /// What was played.
    pub kind: ItemKind,
    /// The road it came by.
    pub road: &'a str,
    /// When it began; equal to `watched_at` where only one moment is known.
    pub started_at: DateTime<Utc>,
    /// When it was finished.
    pub watched_at: DateTime<Utc>,
    /// How long the item is, where that is known.
    pub duration: Option<TimeDelta>,
    /// Where in the item it began, 0–100, where that is known.
    pub began_percent: Option<f64>,
}

/// Finds the known play that a sighting is of; the one that shares most of its time, if there are several.
pub fn find_same<'a>(known: &'a [Seen], candidate: &Candidate<'_>) -> Option<&'a Seen> {
    known
        .iter()
        .filter_map(|seen| shared(seen, candidate).map(|shared| (shared, seen)))
        .max_by_key(|(shared, seen)| {
            (
                *shared,
                -(seen.started_at - candidate.started_at)
                    .num_milliseconds()
                    .abs(),
            )
        })
        .map(|(_, seen)| seen)
}

/// The time that a known play and a sighting share, or `None` where they are two plays.
fn shared(seen: &Seen, candidate: &Candidate<'_>) -> Option<TimeDelta> {
    let slack = if candidate.kind == ItemKind::Track {
        TRACK_SLACK
    } else {
        SLACK
    };
    let same_road = seen
        .sightings
        .iter()
        .any(|sighting| sighting.road == candidate.road);
    if same_road {
        // One road tells one viewing's times alike, and two viewings' apart.
        let told: Vec<_> = seen
            .sightings
            .iter()
            .filter(|sighting| sighting.road == candidate.road)
            .collect();
        let is_same = told
            .iter()
            .any(|sighting| sighting.at == candidate.started_at)
            || seen.started_at == candidate.started_at
            || (candidate.started_at <= seen.started_at && seen.started_at < candidate.watched_at)
            || (seen.started_at <= candidate.started_at && candidate.started_at < seen.watched_at);
        return is_same.then(|| overlap(seen, candidate, TimeDelta::zero()).max(TimeDelta::zero()));
    }
    if candidate
        .began_percent
        .is_some_and(|began| began >= SECOND_HALF)
        && seen.watched_at <= candidate.watched_at
    {
        return Some(TimeDelta::zero());
    }
    let shared = overlap(seen, candidate, slack);
    let shorter = expected_length(
        candidate.started_at,
        candidate.watched_at,
        candidate.duration,
    )
    .min(expected_length(
        seen.started_at,
        seen.watched_at,
        seen.duration,
    ));
    let is_moment =
        candidate.started_at == candidate.watched_at || seen.started_at == seen.watched_at;
    let enough = if is_moment {
        shared >= TimeDelta::zero()
    } else {
        ratio(shared - slack, shorter) >= LEAST_SHARED
    };
    enough.then_some(shared)
}

/// How long the known interval, widened by `slack` on both sides, and the sighting overlap.
fn overlap(seen: &Seen, candidate: &Candidate<'_>, slack: TimeDelta) -> TimeDelta {
    let seen_end =
        seen.started_at + expected_length(seen.started_at, seen.watched_at, seen.duration);
    let own_end = candidate.started_at
        + expected_length(
            candidate.started_at,
            candidate.watched_at,
            candidate.duration,
        );
    (seen_end + slack).min(own_end) - (seen.started_at - slack).max(candidate.started_at)
}

/// How long a viewing lasts to the item's end; a single moment has no length, since it may be either end.
fn expected_length(
    started_at: DateTime<Utc>,
    watched_at: DateTime<Utc>,
    duration: Option<TimeDelta>,
) -> TimeDelta {
    let known = watched_at - started_at;
    if known <= TimeDelta::zero() {
        return TimeDelta::zero();
    }
    duration.map_or(known, |duration| duration.max(known))
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of an item")]
fn ratio(part: TimeDelta, whole: TimeDelta) -> f64 {
    if whole <= TimeDelta::zero() {
        return if part >= TimeDelta::zero() { 1.0 } else { 0.0 };
    }
    part.num_milliseconds() as f64 / whole.num_milliseconds() as f64
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::names::{ItemKey, UserId};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn seen(road: &str, start: i64, end: i64, duration: Option<i64>) -> Seen {
        Seen {
            play: PlayId::new(
                UserId(Uuid::from_u128(1)),
                &ItemKey::new("item"),
                Some(at(start)),
            ),
            started_at: at(start),
            watched_at: at(end),
            duration: duration.map(TimeDelta::seconds),
            sightings: vec![Sighting {
                road: road.to_owned(),
                at: at(start),
            }],
            manual: false,
        }
    }

    fn candidate<'a>(
        kind: ItemKind,
        road: &'a str,
        start: i64,
        end: i64,
        duration: Option<i64>,
    ) -> Candidate<'a> {
        Candidate {
            kind,
            road,
            started_at: at(start),
            watched_at: at(end),
            duration: duration.map(TimeDelta::seconds),
            began_percent: None,
        }
    }

    #[test]
    fn sightings_that_share_their_time_are_one_play() {
        use ItemKind::{Episode, Movie, Track};
        #[rustfmt::skip]
        let table = [
            // kind, length, known from road a, told by road b, the same?
            (Movie, Some(7200), (0, 5760), (7200, 7200), true),   // queued at its end
            (Movie, Some(7200), (0, 5760), (0, 0), true),         // queued at its start
            (Movie, Some(7200), (0, 5760), (7321, 7321), false),  // beyond the slack of two minutes
            (Movie, Some(7200), (0, 5760), (-121, -121), false),
            (Movie, Some(7200), (0, 5760), (360, 6120), true),    // another server's threshold
            (Episode, Some(1320), (0, 1100), (1400, 2500), false), // watched twice within the hour
            (Episode, None, (0, 0), (100, 100), true),            // two moments of unknown length
            (Episode, None, (0, 0), (121, 121), false),
            (Track, Some(200), (0, 100), (0, 0), true),           // stamped at the start
            (Track, Some(200), (0, 100), (200, 200), true),       // stamped at the end
            (Track, Some(200), (0, 100), (231, 231), false),
            (Track, Some(200), (0, 100), (200, 300), false),      // the next round of a loop
            (Track, Some(200), (0, 100), (5, 110), true),         // two streams of one playing
        ];
        for (kind, length, (start, end), (told_start, told_end), expected) in table {
            let known = [seen("a", start, end, length)];
            let told = candidate(kind, "b", told_start, told_end, length);
            assert_eq!(
                find_same(&known, &told).is_some(),
                expected,
                "{kind} {start}..{end} and {told_start}..{told_end}"
            );
            // Whichever of the two came first, the answer is the same.
            let known = [seen("b", told_start, told_end, length)];
            let told = candidate(kind, "a", start, end, length);
            assert_eq!(
                find_same(&known, &told).is_some(),
                expected,
                "the other way round: {told_start}..{told_end}"
            );
        }
    }

    #[test]
    fn a_road_that_tells_two_times_tells_of_two_plays() {
        let known = [seen("queue", 0, 0, Some(200))];
        assert!(
            find_same(
                &known,
                &candidate(ItemKind::Track, "queue", 0, 0, Some(200))
            )
            .is_some()
        );
        assert!(
            find_same(
                &known,
                &candidate(ItemKind::Track, "queue", 20, 20, Some(200))
            )
            .is_none()
        );
    }

    #[test]
    fn of_several_plays_the_one_that_shares_most_is_meant() {
        let known: Vec<Seen> = (0..5)
            .map(|n| seen("plex", n * 200, n * 200 + 100, Some(200)))
            .collect();
        let told = candidate(ItemKind::Track, "phone", 403, 510, Some(200));
        assert_eq!(
            find_same(&known, &told).map(|seen| seen.started_at),
            Some(at(400))
        );
    }

    #[test]
    fn a_viewing_that_begins_in_the_second_half_goes_on_with_the_last_one() {
        let known = [seen("tv", 0, 6000, Some(7200))];
        let mut told = candidate(ItemKind::Movie, "phone", 40_000, 41_000, Some(7200));
        told.began_percent = Some(83.0);
        assert!(find_same(&known, &told).is_some());
        told.began_percent = Some(0.0);
        assert!(find_same(&known, &told).is_none());
    }
}
