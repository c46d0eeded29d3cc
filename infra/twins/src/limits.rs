//! Counting requests: a window that slides and one that is fixed. Both are told the time.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

/// At most so many in any stretch of that length, for each key.
///
/// The strictest reading of "500 per 5 minutes": who passes it passes every other.
#[derive(Debug)]
pub(crate) struct SlidingWindow {
    limit: usize,
    period: TimeDelta,
    taken: HashMap<String, VecDeque<DateTime<Utc>>>,
}

impl SlidingWindow {
    pub(crate) fn new(limit: usize, period: TimeDelta) -> SlidingWindow {
        SlidingWindow {
            limit,
            period,
            taken: HashMap::new(),
        }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn period(&self) -> TimeDelta {
        self.period
    }

    /// How many more are taken now.
    pub(crate) fn remaining(&self, key: &str, now: DateTime<Utc>) -> usize {
        let taken = self.taken.get(key).map_or(0, |taken| {
            let is_counted = |at: &&DateTime<Utc>| now - **at < self.period;
            taken.iter().filter(is_counted).count()
        });
        self.limit.saturating_sub(taken)
    }

    /// Counts one, or says from when on one more is taken. A refused one does not count.
    pub(crate) fn take(&mut self, key: &str, now: DateTime<Utc>) -> Result<(), DateTime<Utc>> {
        let (limit, period) = (self.limit, self.period);
        let taken = self.taken.entry(key.to_owned()).or_default();
        while taken.front().is_some_and(|oldest| now - *oldest >= period) {
            taken.pop_front();
        }
        match taken.front() {
            Some(oldest) if taken.len() >= limit => Err(*oldest + period),
            _ => {
                taken.push_back(now);
                Ok(())
            }
        }
    }
}

/// At most so many in each window; windows begin at multiples of their length since 1970.
#[derive(Debug)]
pub(crate) struct FixedWindow {
    limit: u32,
    seconds: i64,
    window: i64,
    taken: u32,
}

/// Where a fixed window stands after one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WindowState {
    pub(crate) is_over: bool,
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    pub(crate) reset_in_seconds: i64,
    /// Seconds since 1970.
    pub(crate) reset_at: i64,
}

impl FixedWindow {
    pub(crate) fn new(limit: u32, seconds: i64) -> FixedWindow {
        FixedWindow {
            limit,
            seconds,
            window: i64::MIN,
            taken: 0,
        }
    }

    pub(crate) fn take(&mut self, now: DateTime<Utc>) -> WindowState {
        let window = now.timestamp().div_euclid(self.seconds);
        if window != self.window {
            self.window = window;
            self.taken = 0;
        }
        self.taken = self.taken.saturating_add(1);
        let reset_at = (window + 1) * self.seconds;
        WindowState {
            is_over: self.taken > self.limit,
            limit: self.limit,
            remaining: self.limit.saturating_sub(self.taken),
            reset_in_seconds: reset_at - now.timestamp(),
            reset_at,
        }
    }
}

/// Whole seconds until a time, at least one: what `Retry-After` says.
pub(crate) fn seconds_until(until: DateTime<Utc>, now: DateTime<Utc>) -> i64 {
    let milliseconds = (until - now).num_milliseconds();
    (milliseconds + 999).div_euclid(1000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn a_sliding_window_takes_the_next_one_exactly_when_the_oldest_leaves_it() {
        let mut window = SlidingWindow::new(2, TimeDelta::seconds(1));
        assert_eq!(window.take("alice", at(0)), Ok(()));
        assert_eq!(window.take("alice", at(400)), Ok(()));
        assert_eq!(window.take("alice", at(999)), Err(at(1000)));
        assert_eq!(
            (
                window.remaining("alice", at(999)),
                window.remaining("alice", at(1000))
            ),
            (0, 1)
        );
        assert_eq!(window.take("bob", at(999)), Ok(()));
        assert_eq!(window.take("alice", at(1000)), Ok(()));
        assert_eq!(window.take("alice", at(1001)), Err(at(1400)));
    }

    #[test]
    fn a_fixed_window_starts_again_at_a_multiple_of_its_length() {
        let mut window = FixedWindow::new(2, 10);
        assert_eq!(window.take(at(8_000)).remaining, 1);
        assert_eq!(window.take(at(9_000)).reset_in_seconds, 1);
        assert!(window.take(at(9_999)).is_over);
        assert!(!window.take(at(10_000)).is_over);
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        assert_eq!(seconds_until(at(1_001), at(0)), 2);
        assert_eq!(seconds_until(at(1_000), at(0)), 1);
        assert_eq!(seconds_until(at(0), at(0)), 1);
    }
}
