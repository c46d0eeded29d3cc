//! How often a user may call: 10 reads and one write a second, and a number of requests a day by plan.
//!
//! Source: the documents of 2026. The day ends at midnight in New York; the headers speak of the day alone.

use std::collections::HashMap;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::America::New_York;

use super::answers::{rate_limit, user_limit_exceeded};
use super::state::Plan;
use crate::answer::Answer;
use crate::limits::{SlidingWindow, seconds_until};

pub(crate) struct Limits {
    pub(crate) is_enforced: bool,
    /// What a test set instead of the plan's number.
    pub(crate) daily: Option<u32>,
    reads: SlidingWindow,
    writes: SlidingWindow,
    days: HashMap<String, (NaiveDate, u32)>,
}

/// Where a user's day stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
}

impl Limits {
    pub(crate) fn new() -> Limits {
        Limits {
            is_enforced: true,
            daily: None,
            reads: SlidingWindow::new(10, TimeDelta::seconds(1)),
            writes: SlidingWindow::new(1, TimeDelta::seconds(1)),
            days: HashMap::new(),
        }
    }

    /// Counts one call of a user, or answers 429. A refused one does not count.
    pub(crate) fn take(
        &mut self,
        user: &str,
        plan: Plan,
        is_read: bool,
        now: DateTime<Utc>,
    ) -> Result<Quota, Answer> {
        let limit = self.daily.unwrap_or(plan.requests_a_day());
        let today = day_of(now);
        let (day, used) = self.days.entry(user.to_owned()).or_insert((today, 0));
        if *day != today {
            (*day, *used) = (today, 0);
        }
        let quota = |used: u32| Quota {
            limit,
            remaining: limit.saturating_sub(used),
        };
        if !self.is_enforced {
            return Ok(quota(*used));
        }
        if *used >= limit {
            let wait = seconds_until(end_of(today), now);
            return Err(with_headers(user_limit_exceeded(wait), quota(*used)));
        }
        let window = if is_read {
            &mut self.reads
        } else {
            &mut self.writes
        };
        if window.take(user, now).is_err() {
            return Err(with_headers(rate_limit(), quota(*used)));
        }
        *used += 1;
        Ok(quota(*used))
    }
}

pub(crate) fn with_headers(answer: Answer, quota: Quota) -> Answer {
    answer
        .header("x-ratelimit-limit", quota.limit)
        .header("x-ratelimit-remaining", quota.remaining)
}

fn day_of(now: DateTime<Utc>) -> NaiveDate {
    now.with_timezone(&New_York).date_naive()
}

/// The midnight that ends a day in New York.
fn end_of(day: NaiveDate) -> DateTime<Utc> {
    let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
    let midnight = next.and_time(NaiveTime::MIN);
    // New York changes its clocks at two in the morning: midnight always exists.
    New_York
        .from_local_datetime(&midnight)
        .earliest()
        .map_or_else(|| midnight.and_utc(), |midnight| midnight.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_ends_at_midnight_in_new_york_in_summer_and_in_winter() {
        for (day, end) in [
            ("2026-11-20", "2026-11-21T05:00:00Z"),
            ("2026-07-01", "2026-07-02T04:00:00Z"),
            ("2026-11-01", "2026-11-02T05:00:00Z"),
        ] {
            let end: DateTime<Utc> = end.parse().unwrap();
            assert_eq!(end_of(day.parse().unwrap()), end);
            assert_eq!(day_of(end - TimeDelta::seconds(1)), day.parse().unwrap());
        }
    }
}
