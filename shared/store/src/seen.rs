//! The last plays of an item, a day at a time: where any two reports of one play meet.
//!
//! | read or write                       | key                                                          |
//! | ----------------------------------- | ------------------------------------------------------------ |
//! | one day of one item                 | `pk = USER#<id>`, `sk = SEEN#<item>#<yyyy-mm-dd>`            |
//! | the last day on which it was played | the same `pk`, `sk` begins `SEEN#<item>#`, descending        |
//!
//! Read together with both neighbouring days, decided purely, written under the version read; a lost race reads again.
//! Kept for ever: an import may come years later.

use chrono::{Days, NaiveDate};
use hub_domain::{ItemKey, UserId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{StoreError, is_condition_failed};
use crate::item::{FORMAT, Item, ONLY_IF_NEW, decode, encode_value, number, text_of, version_of};
use crate::key::{Key, part, user_partition};
use crate::table::{Freshness, Saved, Table};

const REPLACE: &str = "SET seen = :seen, version = :next, v = :v";
const ONLY_IF_UNCHANGED: &str = "attribute_exists(pk) AND version = :version_read";

/// The plays of an item on a day and on both days around it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenDays<T> {
    /// The day before, the day, the day after: each with its plays and the version to write it under, `None` where
    /// nothing is stored yet.
    pub days: [(NaiveDate, Vec<T>, Option<u64>); 3],
}

#[derive(Deserialize)]
struct Stored<T> {
    seen: Vec<T>,
}

impl Key {
    /// The plays of an item on a day.
    pub fn seen(user: UserId, item: &ItemKey, day: NaiveDate) -> Self {
        Self::of_user(user, format!("{}{day}", prefix(item)))
    }
}

fn prefix(item: &ItemKey) -> String {
    format!("SEEN#{}#", part(item.as_str()))
}

impl Table {
    /// Reads the plays of an item around a day; the version of what is written afterwards says whether they were new.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn seen_around<T: DeserializeOwned>(
        &self,
        user: UserId,
        item: &ItemKey,
        day: NaiveDate,
        freshness: Freshness,
    ) -> Result<SeenDays<T>, StoreError> {
        const OPERATION: &str = "read the last plays of an item";
        let before = day.checked_sub_days(Days::new(1)).unwrap_or(day);
        let after = day.checked_add_days(Days::new(1)).unwrap_or(day);
        let days = [before, day, after];
        let keys = days.map(|day| Key::seen(user, item, day));
        let mut found = self
            .read_many_as(OPERATION, keys.clone(), freshness)
            .await?;
        let mut read = |index: usize| {
            let at = found
                .iter()
                .position(|item| text_of(item, "sk") == Some(keys[index].sk.as_str()));
            let Some(at) = at else {
                return Ok((days[index], Vec::new(), None));
            };
            let item = found.swap_remove(at);
            let version = version_of(&item);
            let stored: Stored<T> = decode(OPERATION, item)?;
            Ok((days[index], stored.seen, Some(version)))
        };
        Ok(SeenDays {
            days: [read(0)?, read(1)?, read(2)?],
        })
    }

    /// Writes the plays of an item on a day under the version that was read, `None` where nothing was stored.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn put_seen<T: Serialize>(
        &self,
        user: UserId,
        item: &ItemKey,
        day: NaiveDate,
        seen: &[T],
        version_read: Option<u64>,
    ) -> Result<Saved, StoreError> {
        const OPERATION: &str = "write the last plays of an item";
        let key = Key::seen(user, item, day);
        let next = version_read.unwrap_or(0) + 1;
        let seen = encode_value(OPERATION, &seen)?;
        let saved = match version_read {
            None => {
                let item = Item::from([
                    ("seen".to_owned(), seen),
                    ("version".to_owned(), number(next)),
                    ("v".to_owned(), number(FORMAT)),
                ]);
                let put = self
                    .put(&key, item)
                    .condition_expression(ONLY_IF_NEW)
                    .send()
                    .await;
                put.map(|_| ()).map_err(|error| {
                    (!is_condition_failed(&error)).then(|| StoreError::new(OPERATION, error))
                })
            }
            Some(version_read) => {
                let update = self
                    .update(&key)
                    .update_expression(REPLACE)
                    .condition_expression(ONLY_IF_UNCHANGED)
                    .expression_attribute_values(":seen", seen)
                    .expression_attribute_values(":version_read", number(version_read))
                    .expression_attribute_values(":next", number(next))
                    .expression_attribute_values(":v", number(FORMAT))
                    .send()
                    .await;
                update.map(|_| ()).map_err(|error| {
                    (!is_condition_failed(&error)).then(|| StoreError::new(OPERATION, error))
                })
            }
        };
        match saved {
            Ok(()) => Ok(Saved::Saved(next)),
            Err(None) => Ok(Saved::Conflict),
            Err(Some(error)) => Err(error),
        }
    }

    /// Reads the last day on which an item was played, and its plays.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn last_seen_day<T: DeserializeOwned>(
        &self,
        user: UserId,
        item: &ItemKey,
    ) -> Result<Option<(NaiveDate, Vec<T>)>, StoreError> {
        const OPERATION: &str = "read the last day of an item";
        let prefix = prefix(item);
        let page = self
            .query(&user_partition(user), &prefix)
            .scan_index_forward(false)
            .limit(1)
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::new(OPERATION, error))?;
        let Some(item) = page.items.unwrap_or_default().pop() else {
            return Ok(None);
        };
        let day = text_of(&item, "sk")
            .and_then(|sk| sk.strip_prefix(&prefix))
            .unwrap_or_default();
        let day = day
            .parse()
            .map_err(|error| StoreError::unreadable(OPERATION, error))?;
        let stored: Stored<T> = decode(OPERATION, item)?;
        Ok(Some((day, stored.seen)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{table, user};

    fn item() -> ItemKey {
        ItemKey::new("movie:imdb:tt0133093")
    }

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    async fn put(table: &Table, on: u32, seen: &[i64], version: Option<u64>) -> Saved {
        table
            .put_seen(user(1), &item(), day(on), seen, version)
            .await
            .unwrap()
    }

    #[test]
    fn the_key_keeps_its_stored_format() {
        let partition = "USER#00000000-0000-0000-0000-000000000001";
        assert_eq!(
            Key::seen(user(1), &item(), day(2)).to_string(),
            format!("{partition} SEEN#movie:imdb:tt0133093#2026-11-02")
        );
        assert_eq!(
            Key::seen(user(1), &ItemKey::new("a#b"), day(2)).to_string(),
            format!("{partition} SEEN#a%23b#2026-11-02")
        );
    }

    #[tokio::test]
    async fn a_day_is_read_with_both_its_neighbours() {
        let table = table().await;
        put(&table, 1, &[1], None).await;
        put(&table, 2, &[2, 3], None).await;
        put(&table, 2, &[2, 3, 4], Some(1)).await;
        put(&table, 4, &[5], None).await;
        let around = table
            .seen_around::<i64>(user(1), &item(), day(2), Freshness::Now)
            .await
            .unwrap();
        let expected = [
            (day(1), vec![1], Some(1)),
            (day(2), vec![2, 3, 4], Some(2)),
            (day(3), Vec::new(), None),
        ];
        assert_eq!(around.days, expected);
    }

    #[tokio::test]
    async fn a_lost_race_is_told() {
        let table = table().await;
        let (one, two) = tokio::join!(put(&table, 1, &[1], None), put(&table, 1, &[2], None));
        assert_ne!(one, two);
        assert!([one, two].contains(&Saved::Conflict));
        let (one, two) = tokio::join!(put(&table, 1, &[1], Some(1)), put(&table, 1, &[2], Some(1)));
        assert_ne!(one, two);
        assert!([one, two].contains(&Saved::Saved(2)));
        assert_eq!(put(&table, 9, &[1], Some(1)).await, Saved::Conflict);
    }

    #[tokio::test]
    async fn eight_times_twenty_additions_lose_none() {
        let table = table().await;
        let add = async |number: i64| loop {
            let around = table
                .seen_around::<i64>(user(1), &item(), day(1), Freshness::Now)
                .await
                .unwrap();
            let (_, mut seen, version) = around.days[1].clone();
            seen.push(number);
            if put(&table, 1, &seen, version).await != Saved::Conflict {
                break;
            }
        };
        let adders = (0..8).map(|adder| async move {
            for number in 0..20 {
                add(adder * 100 + number).await;
            }
        });
        futures_util::future::join_all(adders).await;
        let around = table
            .seen_around::<i64>(user(1), &item(), day(1), Freshness::Now)
            .await
            .unwrap();
        assert_eq!((around.days[1].1.len(), around.days[1].2), (160, Some(160)));
    }

    #[tokio::test]
    async fn the_last_day_of_an_item_is_found() {
        let table = table().await;
        let last = async || table.last_seen_day::<i64>(user(1), &item()).await.unwrap();
        assert_eq!(last().await, None);
        put(&table, 3, &[3], None).await;
        put(&table, 20, &[20], None).await;
        put(&table, 4, &[4], None).await;
        // An item whose key goes on where this one's ends.
        let longer = ItemKey::new("movie:imdb:tt0133093#2026-11-30");
        table
            .put_seen(user(1), &longer, day(30), &[9], None)
            .await
            .unwrap();
        assert_eq!(last().await, Some((day(20), vec![20])));
    }
}
