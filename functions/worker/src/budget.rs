//! The day's quota of an account: today's plays draw on it first, and what does not fit today goes tomorrow.
//!
//! The services tell when a quota is used up, and then the lane waits. So that a backlog never brings it that far, plays
//! of the past get a part of it only, counted in the lane with each request.

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use hub_domain::{Outcome, Parcel, UserId};
use hub_providers::{Counted, DayQuota};
use hub_store::{Lane, Spent};

use crate::{Failure, Worker};

/// A play that was over so long ago is of the past.
const PAST: TimeDelta = TimeDelta::hours(24);

impl Worker {
    /// Puts plays of the past back to tomorrow that would take today's room, and says when that is.
    pub(crate) async fn leave_room_for_today(
        &self,
        user: UserId,
        lane: &Lane,
        ready: &mut Vec<Parcel>,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Failure> {
        let Some(quota) = self.provider().day_quota() else {
            return Ok(None);
        };
        let mut room = room_of(&quota, lane.spent, now);
        let (kept, late): (Vec<Parcel>, Vec<Parcel>) =
            std::mem::take(ready).into_iter().partition(|parcel| {
                let is_past = parcel
                    .play()
                    .is_some_and(|play| play.watched_at.is_none_or(|at| now - at >= PAST));
                if !is_past {
                    return true;
                }
                let fits = room > 0;
                if quota.counts == Counted::Plays {
                    room = room.saturating_sub(1);
                }
                fits
            });
        *ready = kept;
        if late.is_empty() {
            return Ok(None);
        }
        let until = tomorrow(quota.zone, now);
        let why = format!(
            "today's share of {}'s daily limit is used up by older plays; the rest goes tomorrow",
            self.service().title()
        );
        let wait = Outcome::Wait { until, why };
        let outcomes: Vec<_> = late
            .iter()
            .map(|parcel| (parcel.id(), wait.clone()))
            .collect();
        self.settle_all(user, &late, &outcomes, None, now).await
    }

    /// What the day's quota came to before a request that failed.
    pub(crate) fn unspent(&self, lane: &Lane, now: DateTime<Utc>) -> Option<Spent> {
        let quota = self.provider().day_quota()?;
        let day = now.with_timezone(&quota.zone).date_naive();
        let before = lane.spent.filter(|spent| spent.day == day);
        Some(before.unwrap_or(Spent { day, units: 0 }))
    }

    /// What the day's quota comes to with a request of so many plays.
    pub(crate) fn spending(&self, lane: &Lane, plays: usize, now: DateTime<Utc>) -> Option<Spent> {
        let quota = self.provider().day_quota()?;
        let cost = match quota.counts {
            Counted::Requests => 1,
            Counted::Plays => u32::try_from(plays).unwrap_or(u32::MAX),
        };
        let day = now.with_timezone(&quota.zone).date_naive();
        let before = lane.spent.filter(|spent| spent.day == day);
        let units = before.map_or(0, |spent| spent.units);
        Some(Spent {
            day,
            units: units.saturating_add(cost),
        })
    }
}

/// What is left of today's share for plays of the past.
fn room_of(quota: &DayQuota, spent: Option<Spent>, now: DateTime<Utc>) -> u32 {
    let today = now.with_timezone(&quota.zone).date_naive();
    let spent = spent.filter(|spent| spent.day == today);
    quota
        .for_the_past
        .saturating_sub(spent.map_or(0, |spent| spent.units))
}

/// The next midnight there.
fn tomorrow(zone: Tz, now: DateTime<Utc>) -> DateTime<Utc> {
    let day = now.with_timezone(&zone).date_naive();
    let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
    let midnight = next.and_time(NaiveTime::MIN).and_local_timezone(zone);
    // Where the clocks are put forward at midnight, the day begins an hour later.
    midnight
        .earliest()
        .map_or(now + TimeDelta::days(1), |midnight| midnight.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    const QUOTA: DayQuota = DayQuota {
        counts: Counted::Requests,
        for_the_past: 400,
        zone: chrono_tz::America::New_York,
    };

    #[test]
    fn a_new_day_begins_at_the_services_own_midnight() {
        let evening = at("2026-11-21T04:30:00Z");
        assert_eq!(tomorrow(QUOTA.zone, evening), at("2026-11-21T05:00:00Z"));
        let spent = Some(Spent {
            day: "2026-11-20".parse().unwrap(),
            units: 390,
        });
        assert_eq!(room_of(&QUOTA, spent, evening), 10);
        assert_eq!(room_of(&QUOTA, spent, evening + TimeDelta::hours(1)), 400);
        let more = spent.map(|spent| Spent {
            units: 900,
            ..spent
        });
        assert_eq!(room_of(&QUOTA, more, evening), 0);
    }
}
