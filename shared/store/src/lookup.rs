//! Looked-up ids: what an id service answered, for 30 days at most.
//!
//! | read or write | key                                                        |
//! | ------------- | ---------------------------------------------------------- |
//! | one answer    | `pk = LOOKUP#<namespace>#<value>`, `sk = LOOKUP`           |

use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::item::{FORMAT, Item, decode, encode_value, expires_in, is_alive, number};
use crate::key::{Key, part};
use crate::table::Table;

/// How long an answer is kept, unless the caller names a shorter time.
pub const LOOKUP_LASTS: TimeDelta = TimeDelta::days(30);

#[derive(Deserialize)]
struct Stored<T> {
    answer: T,
}

impl Key {
    /// What is known of an id.
    pub fn lookup(namespace: &str, value: &str) -> Self {
        Self::new(
            format!("LOOKUP#{}#{}", part(namespace), part(value)),
            "LOOKUP",
        )
    }
}

impl Table {
    /// Reads what an id service answered in the last 30 days.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn lookup<T: DeserializeOwned>(
        &self,
        namespace: &str,
        value: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<T>, StoreError> {
        const OPERATION: &str = "read a looked-up id";
        let item = self.read(OPERATION, &Key::lookup(namespace, value)).await?;
        let stored = item
            .filter(|item| is_alive(item, now))
            .map(|item| decode::<Stored<T>>(OPERATION, item))
            .transpose()?;
        Ok(stored.map(|stored| stored.answer))
    }

    /// Keeps what an id service answered, in place of what it answered before.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn put_lookup<T: Serialize>(
        &self,
        namespace: &str,
        value: &str,
        answer: &T,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.put_lookup_for(namespace, value, answer, LOOKUP_LASTS, now)
            .await
    }

    /// The same for so long, [`LOOKUP_LASTS`] at most: what a service does not know today it may know next week.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn put_lookup_for<T: Serialize>(
        &self,
        namespace: &str,
        value: &str,
        answer: &T,
        lasts: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "keep a looked-up id";
        let item = Item::from([
            ("answer".to_owned(), encode_value(OPERATION, answer)?),
            ("v".to_owned(), number(FORMAT)),
            (
                "expires_at".to_owned(),
                expires_in(lasts.min(LOOKUP_LASTS), now),
            ),
        ]);
        self.put(&Key::lookup(namespace, value), item)
            .send()
            .await
            .map_err(|error| StoreError::new(OPERATION, error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{second, table};

    #[test]
    fn the_key_keeps_its_stored_format() {
        assert_eq!(
            Key::lookup("tmdb", "movie/603").to_string(),
            "LOOKUP#tmdb#movie/603 LOOKUP"
        );
    }

    #[tokio::test]
    async fn an_answer_is_kept_for_thirty_days() {
        let table = table().await;
        let read = async |at| {
            table
                .lookup::<Vec<String>>("tmdb", "603", at)
                .await
                .unwrap()
        };
        assert_eq!(read(second(0)).await, None);
        for answer in [vec!["old".to_owned()], vec!["imdb:tt0133093".to_owned()]] {
            table
                .put_lookup("tmdb", "603", &answer, second(0))
                .await
                .unwrap();
        }
        assert_eq!(
            read(second(1)).await,
            Some(vec!["imdb:tt0133093".to_owned()])
        );
        assert_eq!(read(second(0) + LOOKUP_LASTS).await, None);
    }

    #[tokio::test]
    async fn an_answer_may_be_kept_for_less_and_never_for_more() {
        let table = table().await;
        for (lasts, stands) in [(1, 1), (90, 30)] {
            let lasts = TimeDelta::days(lasts);
            table
                .put_lookup_for("tvdb", "9", &None::<u32>, lasts, second(0))
                .await
                .unwrap();
            let end = second(0) + TimeDelta::days(stands);
            for (at, is_there) in [(end - TimeDelta::seconds(1), true), (end, false)] {
                let read = table.lookup::<Option<u32>>("tvdb", "9", at).await.unwrap();
                assert_eq!(read.is_some(), is_there);
            }
        }
    }
}
