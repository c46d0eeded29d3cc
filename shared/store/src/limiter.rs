//! The shared limiter: every caller of a service's host gets a slot of their own.
//!
//! | write           | key                                                    |
//! | --------------- | ------------------------------------------------------ |
//! | one bucket      | `pk = LIMIT#<host>#<scope>`, `sk = BUCKET`             |
//!
//! GCRA: the bucket holds the theoretical arrival time of the next call (`tat`, in microseconds since 1970). Taking a
//! slot moves it by the call's cost; nobody waits and nobody is refused, a caller is told when its turn is. Slots are
//! spaced by the costs, so no window holds more calls than its length divided by the cost, plus one. A caller that may
//! burst goes ahead of its slot by the burst that it allows itself.
//!
//! A write whose condition fails costs as much as one that succeeds, and which of the two will hold depends on whether
//! others wait. So each process remembers until when it knows the bucket to be taken: a guess, which costs a write where
//! it is wrong, and decides nothing.

use std::collections::HashMap;
use std::sync::Mutex;

use aws_sdk_dynamodb::types::ReturnValue;
use chrono::{DateTime, TimeDelta, Utc};

use crate::error::{StoreError, is_condition_failed};
use crate::item::{FORMAT, expires_in, number, number_of};
use crate::key::{Key, part};
use crate::table::Table;

/// How long an unused bucket is kept; longer than any service's window.
const BUCKET_LASTS: TimeDelta = TimeDelta::days(35);
/// Five writes in a row mean that others came in between four times.
const MOST_TRIES: usize = 5;
/// The most buckets that a process remembers; users may enter addresses of their own.
const MOST_REMEMBERED: usize = 1000;

const QUEUE_UP: &str = "SET tat = tat + :cost, expires_at = :expires_at";
const ONLY_IF_OTHERS_WAIT: &str = "attribute_exists(pk) AND tat >= :now";
const GO_FIRST: &str = "SET tat = :now_and_cost, expires_at = :expires_at, v = :v";
const ONLY_IF_NOBODY_WAITS: &str = "attribute_not_exists(tat) OR tat < :now";
const PUSH_BACK: &str = "SET tat = :until, expires_at = :expires_at, v = :v";
const ONLY_IF_EARLIER: &str = "attribute_not_exists(tat) OR tat < :until";

/// Until when each bucket is known to be taken, in microseconds since 1970.
#[derive(Debug, Default)]
pub(crate) struct Taken(Mutex<HashMap<Key, i64>>);

impl Taken {
    fn lies_ahead(&self, key: &Key, now_micros: i64) -> bool {
        let taken = self.0.lock().map(|taken| taken.get(key).copied());
        taken.is_ok_and(|until| until.is_some_and(|until| until >= now_micros))
    }

    fn remember(&self, key: &Key, until: i64) {
        if let Ok(mut taken) = self.0.lock() {
            if taken.len() >= MOST_REMEMBERED && !taken.contains_key(key) {
                taken.clear();
            }
            taken.insert(key.clone(), until);
        }
    }
}

impl Key {
    /// The bucket of one limit of a host.
    pub fn limit(host: &str, scope: &str) -> Self {
        Self::new(format!("LIMIT#{}#{}", part(host), part(scope)), "BUCKET")
    }
}

impl Table {
    /// Takes the next slot for calls that cost `cost`, and says when it is; `now` or earlier means at once.
    ///
    /// One write, and one more each time that this process knew less than the table.
    ///
    /// # Errors
    ///
    /// Those of the table. A slot may be lost then, never given twice.
    pub async fn reserve(
        &self,
        host: &str,
        scope: &str,
        cost: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, StoreError> {
        const OPERATION: &str = "reserve a slot";
        let key = Key::limit(host, scope);
        let cost_micros = cost.num_microseconds().unwrap_or(i64::MAX / 4).max(0);
        let now_micros = now.timestamp_micros();
        let mut others_wait = self.taken().lies_ahead(&key, now_micros);
        for _ in 0..MOST_TRIES {
            let update = self
                .update(&key)
                .expression_attribute_values(":now", number(now_micros))
                .expression_attribute_values(":expires_at", expires_in(BUCKET_LASTS, now))
                .return_values(ReturnValue::UpdatedNew);
            let update = if others_wait {
                update
                    .update_expression(QUEUE_UP)
                    .condition_expression(ONLY_IF_OTHERS_WAIT)
                    .expression_attribute_values(":cost", number(cost_micros))
            } else {
                update
                    .update_expression(GO_FIRST)
                    .condition_expression(ONLY_IF_NOBODY_WAITS)
                    .expression_attribute_values(":now_and_cost", number(now_micros + cost_micros))
                    .expression_attribute_values(":v", number(FORMAT))
            };
            match update.send().await {
                Ok(answer) => {
                    let updated = answer.attributes.unwrap_or_default();
                    let tat = number_of(&updated, "tat").unwrap_or(now_micros + cost_micros);
                    self.taken().remember(&key, tat);
                    return Ok(DateTime::from_timestamp_micros(tat - cost_micros).unwrap_or(now));
                }
                Err(error) if is_condition_failed(&error) => others_wait = !others_wait,
                Err(error) => return Err(StoreError::new(OPERATION, error)),
            }
        }
        Err(StoreError::crowded(OPERATION))
    }

    /// Gives nobody a slot before `until`, because the service said so; `false` if none was to be had anyway.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn push_back(
        &self,
        host: &str,
        scope: &str,
        until: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let pushed = self
            .update(&Key::limit(host, scope))
            .update_expression(PUSH_BACK)
            .condition_expression(ONLY_IF_EARLIER)
            .expression_attribute_values(":until", number(until.timestamp_micros()))
            .expression_attribute_values(":expires_at", expires_in(BUCKET_LASTS, until))
            .expression_attribute_values(":v", number(FORMAT))
            .send()
            .await;
        match pushed {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new("push a limit back", error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{second, table};

    const HOST: &str = "api.trakt.tv";

    #[test]
    fn the_key_keeps_its_stored_format() {
        assert_eq!(
            Key::limit(HOST, "app:write").to_string(),
            "LIMIT#api.trakt.tv#app:write BUCKET"
        );
    }

    #[tokio::test]
    async fn whoever_comes_alone_goes_at_once() {
        let table = table().await;
        let cost = TimeDelta::seconds(1);
        for at in [0, 5, 6, 100] {
            let slot = table.reserve(HOST, "a", cost, second(at)).await.unwrap();
            assert_eq!(slot, second(at));
        }
        let slot = table.reserve(HOST, "a", cost, second(100)).await.unwrap();
        assert_eq!(slot, second(101));
        let other = table.reserve(HOST, "b", cost, second(100)).await.unwrap();
        assert_eq!(other, second(100));
    }

    #[tokio::test]
    async fn two_processes_that_know_nothing_of_each_other_share_the_slots() {
        let one = table().await;
        let two = Table::new(one.client().clone(), one.name());
        let cost = TimeDelta::seconds(1);
        let mut slots = Vec::new();
        // Each is wrong about the bucket whenever the other was there last, or when what it remembers has passed.
        for (table, at) in [
            (&one, 0),
            (&two, 0),
            (&one, 0),
            (&two, 1),
            (&one, 9),
            (&two, 9),
        ] {
            slots.push(table.reserve(HOST, "a", cost, second(at)).await.unwrap());
        }
        assert_eq!(slots, [0, 1, 2, 3, 9, 10].map(second));
    }

    #[tokio::test]
    async fn eight_times_twenty_callers_get_distinct_slots() {
        let table = table().await;
        let cost = TimeDelta::milliseconds(333);
        let callers = (0..8).map(|_| async {
            let mut slots = Vec::new();
            for _ in 0..20 {
                slots.push(table.reserve(HOST, "a", cost, second(0)).await.unwrap());
            }
            slots
        });
        let mut slots: Vec<_> = futures_util::future::join_all(callers)
            .await
            .into_iter()
            .flatten()
            .collect();
        slots.sort_unstable();
        let expected: Vec<_> = (0..160).map(|number| second(0) + cost * number).collect();
        assert_eq!(slots, expected);
    }

    #[tokio::test]
    async fn nobody_goes_before_the_time_that_the_service_named() {
        let table = table().await;
        let cost = TimeDelta::seconds(1);
        assert!(table.push_back(HOST, "a", second(2852)).await.unwrap());
        assert!(!table.push_back(HOST, "a", second(60)).await.unwrap());
        let first = table.reserve(HOST, "a", cost, second(1)).await.unwrap();
        let next = table.reserve(HOST, "a", cost, second(1)).await.unwrap();
        assert_eq!((first, next), (second(2852), second(2853)));
        let later = table.reserve(HOST, "a", cost, second(9000)).await.unwrap();
        assert_eq!(later, second(9000));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn no_window_holds_more_slots_than_the_rate_allows(
            gaps in prop::collection::vec(0i64..3_000, 1..40), cost in 1i64..2_000, pushed in prop::option::of(0usize..40),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let table = table().await;
                let cost = TimeDelta::milliseconds(cost);
                let mut now = second(0);
                let mut last: Option<DateTime<Utc>> = None;
                for (index, gap) in gaps.into_iter().enumerate() {
                    now += TimeDelta::milliseconds(gap);
                    if pushed == Some(index) {
                        table.push_back(HOST, "a", now + cost * 3).await.unwrap();
                    }
                    let slot = table.reserve(HOST, "a", cost, now).await.unwrap();
                    prop_assert!(slot >= now);
                    if let Some(last) = last {
                        prop_assert!(slot - last >= cost);
                    }
                    last = Some(slot);
                }
                Ok(())
            })?;
        }
    }
}
