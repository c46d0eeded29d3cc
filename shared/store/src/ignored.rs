//! Ignored events: the last hundred of each of a user's sources, why, and no titles.
//!
//! | read or write                | key                                                             |
//! | ---------------------------- | --------------------------------------------------------------- |
//! | one source's, newest first   | `pk = USER#<id>`, `sk = IGNORED#<source>#<time>#<random>`       |
//!
//! One write in 32 also deletes what lies beyond the hundred; all expire after 30 days.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Source, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::batch::read_all;
use crate::error::StoreError;
use crate::item::{decode, encode, expires_in, is_alive, text_of};
use crate::key::{Key, user_partition};
use crate::table::Table;

/// The most that are shown of one source.
pub const MOST_IGNORED: usize = 100;
const KEPT_IGNORED: TimeDelta = TimeDelta::days(30);
const TRIM_ONE_IN: u8 = 32;

/// An event that made nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored {
    /// When it came.
    pub at: DateTime<Utc>,
    /// Why, for programs.
    pub reason: String,
    /// Why, for people: a sentence without titles.
    pub sentence: String,
}

impl Key {
    /// An ignored event; `random` tells those of one millisecond apart.
    pub fn ignored(user: UserId, source: Source, at: DateTime<Utc>, random: Uuid) -> Self {
        let stamp = at.format("%Y%m%dT%H%M%S%3fZ");
        let random = hex::encode(&random.as_bytes()[..4]);
        Self::of_user(user, format!("IGNORED#{source}#{stamp}#{random}"))
    }
}

impl Table {
    /// Notes that an event was ignored, and why.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn note_ignored(
        &self,
        user: UserId,
        source: Source,
        reason_code: &str,
        sentence: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "note an ignored event";
        let random = Uuid::new_v4();
        let ignored = Ignored {
            at: now,
            reason: reason_code.to_owned(),
            sentence: sentence.to_owned(),
        };
        let mut item = encode(OPERATION, &ignored)?;
        item.insert("expires_at".to_owned(), expires_in(KEPT_IGNORED, now));
        self.put(&Key::ignored(user, source, now, random), item)
            .send()
            .await
            .map_err(|error| StoreError::new(OPERATION, error))?;
        if random.as_bytes()[0].is_multiple_of(TRIM_ONE_IN) {
            self.trim_ignored(user, source).await?;
        }
        Ok(())
    }

    async fn trim_ignored(&self, user: UserId, source: Source) -> Result<(), StoreError> {
        const OPERATION: &str = "trim the ignored events";
        let pk = user_partition(user);
        let query = self
            .query(&pk, &format!("IGNORED#{source}#"))
            .projection_expression("sk")
            .scan_index_forward(false);
        let stored = read_all(OPERATION, query).await?;
        let beyond = stored.iter().skip(MOST_IGNORED);
        let keys = beyond.filter_map(|item| Some(Key::stored(&*pk, text_of(item, "sk")?)));
        self.delete_many(OPERATION, keys).await
    }

    /// Lists the last hundred ignored events of a user's source, newest first.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn ignored(
        &self,
        user: UserId,
        source: Source,
        now: DateTime<Utc>,
    ) -> Result<Vec<Ignored>, StoreError> {
        const OPERATION: &str = "list the ignored events";
        let page = self
            .query(&user_partition(user), &format!("IGNORED#{source}#"))
            .scan_index_forward(false)
            .limit(100)
            .send()
            .await
            .map_err(|error| StoreError::new(OPERATION, error))?;
        let items = page.items.unwrap_or_default().into_iter();
        items
            .filter(|item| is_alive(item, now))
            .map(|item| decode(OPERATION, item))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{items_of, second, table, user};

    #[test]
    fn the_key_keeps_its_stored_format() {
        let key = Key::ignored(user(1), Source::Plex, second(0), Uuid::from_u128(1 << 96));
        assert_eq!(
            key.to_string(),
            "USER#00000000-0000-0000-0000-000000000001 IGNORED#plex#20261120T133951250Z#00000001"
        );
    }

    #[tokio::test]
    async fn the_last_hundred_of_a_source_are_shown_newest_first() {
        let table = table().await;
        for at in 0..150 {
            table
                .note_ignored(
                    user(1),
                    Source::Plex,
                    "trailer",
                    "It is a trailer.",
                    second(at),
                )
                .await
                .unwrap();
        }
        let now = second(200);
        let shown = table.ignored(user(1), Source::Plex, now).await.unwrap();
        assert_eq!(
            (shown.len(), shown[0].at, shown[99].at),
            (100, second(149), second(50))
        );
        assert_eq!(shown[0].reason, "trailer");
        assert!(
            table
                .ignored(user(1), Source::Emby, now)
                .await
                .unwrap()
                .is_empty()
        );
        table.trim_ignored(user(1), Source::Plex).await.unwrap();
        assert_eq!(items_of(&table, &user_partition(user(1))).await.len(), 100);
        let later = second(149) + KEPT_IGNORED;
        assert!(
            table
                .ignored(user(1), Source::Plex, later)
                .await
                .unwrap()
                .is_empty()
        );
    }
}
