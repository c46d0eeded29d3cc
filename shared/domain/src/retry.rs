//! When a failed delivery is tried again: three quick tries, then growing, jittered pauses, for 14 days.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::units::millis;

/// How long the hub keeps trying.
pub const LONGEST: TimeDelta = TimeDelta::days(14);
/// The longest pause between two tries.
pub const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(6);
/// The pauses after the first failures.
pub const QUICK: [TimeDelta; 3] = [
    TimeDelta::seconds(1),
    TimeDelta::seconds(5),
    TimeDelta::seconds(20),
];

/// The operator's settings of the retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How many quick tries there are, 0–3 (`MAX_RETRIES`).
    pub quick_tries: u32,
    /// The first slow pause (`RETRY_BACKOFF`).
    #[serde(with = "millis")]
    pub backoff: TimeDelta,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            quick_tries: 3,
            backoff: TimeDelta::minutes(5),
        }
    }
}

impl Policy {
    /// When to try again after `attempts` failures (at least 1); `None` once [`LONGEST`] has passed since the first try.
    ///
    /// Quick pauses are never longer than the backoff; slow ones double from it up to [`LONGEST_PAUSE`] and are drawn
    /// with full jitter: `chance` in 0..1 picks the moment, but never earlier than a second from now.
    pub fn next(
        &self,
        attempts: u32,
        first_tried_at: DateTime<Utc>,
        now: DateTime<Utc>,
        chance: f64,
    ) -> Option<DateTime<Utc>> {
        let last = first_tried_at + LONGEST;
        if now >= last {
            return None;
        }
        let failures = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let quick = QUICK
            .iter()
            .take(usize::try_from(self.quick_tries).unwrap_or(0))
            .nth(failures);
        let pause = match quick {
            Some(pause) => (*pause).min(self.backoff),
            None => self.slow(attempts.saturating_sub(1 + self.quick_tries.min(3)), chance),
        };
        // The last try is made at the end of the fourteen days, not skipped for lying just beyond it.
        Some((now + pause.max(TimeDelta::seconds(1))).min(last))
    }

    fn slow(&self, doublings: u32, chance: f64) -> TimeDelta {
        let factor = 1_i32.checked_shl(doublings.min(20)).unwrap_or(i32::MAX);
        let longest = self
            .backoff
            .checked_mul(factor)
            .unwrap_or(LONGEST_PAUSE)
            .min(LONGEST_PAUSE);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "at most six hours of milliseconds"
        )]
        let millis = (longest.num_milliseconds() as f64 * chance.clamp(0.0, 1.0)) as i64;
        TimeDelta::milliseconds(millis)
    }
}

/// A number in 0..1 from a text, the same for the same text: jitter that a test can foresee and a crowd cannot share.
pub fn chance_of(text: &str) -> f64 {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(text);
    f64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn three_quick_tries_then_five_minutes_doubling_to_six_hours() {
        let policy = Policy::default();
        for (attempts, seconds) in [
            (1, 1),
            (2, 5),
            (3, 20),
            (4, 300),
            (5, 600),
            (6, 1200),
            (10, 19_200),
            (11, 21_600),
            (60, 21_600),
        ] {
            assert_eq!(
                policy.next(attempts, at(0), at(0), 1.0),
                Some(at(seconds)),
                "after {attempts}"
            );
        }
    }

    #[test]
    fn quick_tries_are_never_longer_than_the_backoff() {
        let policy = Policy {
            backoff: TimeDelta::seconds(2),
            ..Policy::default()
        };
        assert_eq!(policy.next(3, at(0), at(0), 1.0), Some(at(2)));
    }

    #[test]
    fn without_quick_tries_the_first_pause_is_slow() {
        let policy = Policy {
            quick_tries: 0,
            ..Policy::default()
        };
        assert_eq!(policy.next(1, at(0), at(0), 1.0), Some(at(300)));
    }

    #[test]
    fn the_last_try_is_on_the_fourteenth_day() {
        let policy = Policy::default();
        let end = at(0) + LONGEST;
        assert_eq!(
            policy.next(90, at(0), end - TimeDelta::hours(1), 1.0),
            Some(end)
        );
        assert_eq!(policy.next(91, at(0), end, 1.0), None);
    }

    proptest! {
        #[test]
        fn the_next_try_lies_ahead_and_within_fourteen_days(
            attempts in 0u32..200, since in 0i64..1_300_000, chance in 0.0f64..1.0, quick in 0u32..4, backoff in 1i64..100_000,
        ) {
            let policy = Policy { quick_tries: quick, backoff: TimeDelta::seconds(backoff) };
            match policy.next(attempts, at(0), at(since), chance) {
                Some(next) => {
                    prop_assert!(next > at(since) && next <= at(0) + LONGEST);
                    prop_assert!(next - at(since) <= LONGEST_PAUSE);
                }
                None => prop_assert!(at(since) >= at(0) + LONGEST),
            }
        }
    }
}
