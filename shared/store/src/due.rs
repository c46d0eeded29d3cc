//! What has to happen later: one sparse index over all items that carry `due_shard` and `due_at`.
//!
//! | read or write             | key                                                                     |
//! | ------------------------- | ----------------------------------------------------------------------- |
//! | what is due, oldest first | index `due`: `due_shard = <kind>#<00..15>`, `due_at` in milliseconds    |
//! | move or clear an entry    | the item's own key, under the time that was read                        |
//!
//! The index is a hint, never a decision: it lags behind the table, so whoever finds an entry reads the item again, and
//! moves the entry before acting on it. The kind is [`SESSION`], [`CONNECTION`], [`PLAY`], [`ERASED`] or, for a lane, its
//! service's name; the shard is a hash of the user, so that one busy user fills one shard only.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use chrono::{DateTime, Utc};
use hub_domain::session::SessionKey;
use hub_domain::{PlayId, Service, UserId};
use sha2::{Digest, Sha256};

use crate::error::{StoreError, is_condition_failed};
use crate::item::{Item, millis, number_of, text, text_of};
use crate::key::Key;
use crate::table::{DUE_INDEX, Table};

/// The kind of a session that may have fallen silent.
pub const SESSION: &str = "session";
/// The kind of a connection whose tokens are to be refreshed.
pub const CONNECTION: &str = "connection";
/// The kind of a play, or a statement, with an open delivery.
pub const PLAY: &str = "play";
/// The kind of an erased user whose partition is to be swept once more.
pub const ERASED: &str = "erased";

/// How many shards each kind has.
pub const SHARDS: u8 = 16;
/// The most entries of one read.
pub const MOST_ENTRIES: i32 = 1000;

const AND_ENTER_IT: &str = ", due_shard = :due_shard, due_at = :due_at";
const AND_TAKE_IT_OUT: &str = " REMOVE due_shard, due_at";
const MOVE_DUE: &str = "SET due_at = :to";
const CLEAR_DUE: &str = "REMOVE due_shard, due_at";
const ONLY_IF_STILL_THEN: &str = "attribute_exists(pk) AND due_at = :from";
const DUE_BY_NOW: &str = "due_shard = :due_shard AND due_at <= :now";

/// An entry of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueKey {
    /// The item's partition.
    pub pk: String,
    /// The item's place in it.
    pub sk: String,
    /// When it is due, to the millisecond.
    pub due_at: DateTime<Utc>,
    due_shard: String,
}

impl DueKey {
    /// Whose item it is.
    pub fn user(&self) -> Option<UserId> {
        let id = self
            .pk
            .strip_prefix("USER#")
            .or_else(|| self.pk.strip_prefix("ERASED#"))?;
        id.parse().ok()
    }

    /// Which session it is.
    pub fn session(&self) -> Option<SessionKey> {
        let key = self.sk.strip_prefix("SESSION#")?;
        Some(SessionKey(key.to_owned()))
    }

    /// Which play it is.
    pub fn play(&self) -> Option<PlayId> {
        let (_, id) = self.sk.strip_prefix("PLAY#")?.split_once('#')?;
        id.parse().ok()
    }

    /// Says whether it is a statement; what it says of which item, the item itself tells.
    pub fn is_statement(&self) -> bool {
        self.sk.starts_with("RATING#") || self.sk.starts_with("LIST#")
    }

    /// Which service's lane or connection it is.
    pub fn service(&self) -> Option<Service> {
        let lane = self.sk.strip_prefix("LANE#");
        lane.or_else(|| self.sk.strip_prefix("CONNECTION#"))?
            .parse()
            .ok()
    }

    pub(crate) fn key(&self) -> Key {
        Key::stored(&*self.pk, &*self.sk)
    }

    fn of(item: &Item) -> Option<Self> {
        Some(Self {
            pk: text_of(item, "pk")?.to_owned(),
            sk: text_of(item, "sk")?.to_owned(),
            due_at: DateTime::from_timestamp_millis(number_of(item, "due_at")?)?,
            due_shard: text_of(item, "due_shard")?.to_owned(),
        })
    }
}

/// The shard of a user, 0–15.
pub fn shard_of(user: UserId) -> u8 {
    Sha256::digest(user.0.as_bytes())[0] % SHARDS
}

/// The value of `due_shard`.
pub(crate) fn shard_text(kind: &str, shard: u8) -> String {
    format!("{kind}#{shard:02}")
}

/// Adds an entry of the index to an item that is put as a whole.
pub(crate) fn enter(item: &mut Item, kind: &str, user: UserId, due_at: Option<DateTime<Utc>>) {
    if let Some(due_at) = due_at {
        let shard = shard_text(kind, shard_of(user));
        item.insert("due_shard".to_owned(), text(shard));
        item.insert("due_at".to_owned(), millis(due_at));
    }
}

/// Completes an update whose expression so far is a `SET`: the item enters the index, or leaves it.
pub(crate) fn write(
    update: UpdateItemFluentBuilder,
    expression: &str,
    kind: &str,
    user: UserId,
    due_at: Option<DateTime<Utc>>,
) -> UpdateItemFluentBuilder {
    match due_at {
        None => update.update_expression(format!("{expression}{AND_TAKE_IT_OUT}")),
        Some(due_at) => update
            .update_expression(format!("{expression}{AND_ENTER_IT}"))
            .expression_attribute_values(":due_shard", text(shard_text(kind, shard_of(user))))
            .expression_attribute_values(":due_at", millis(due_at)),
    }
}

impl Table {
    /// Finds what is due by now, oldest first: at most `limit` entries (never more than [`MOST_ENTRIES`]).
    ///
    /// `start` is the last entry of the page before.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn due(
        &self,
        kind: &str,
        shard: u8,
        now: DateTime<Utc>,
        limit: i32,
        start: Option<&DueKey>,
    ) -> Result<Vec<DueKey>, StoreError> {
        let mut query = self
            .client()
            .query()
            .table_name(self.name())
            .index_name(DUE_INDEX)
            .key_condition_expression(DUE_BY_NOW)
            .expression_attribute_values(":due_shard", text(shard_text(kind, shard)))
            .expression_attribute_values(":now", millis(now))
            .limit(limit.clamp(1, MOST_ENTRIES));
        if let Some(start) = start {
            query = query
                .exclusive_start_key("pk", text(&*start.pk))
                .exclusive_start_key("sk", text(&*start.sk))
                .exclusive_start_key("due_shard", text(&*start.due_shard))
                .exclusive_start_key("due_at", millis(start.due_at));
        }
        let page = query
            .send()
            .await
            .map_err(|error| StoreError::new("find what is due", error))?;
        Ok(page.items().iter().filter_map(DueKey::of).collect())
    }

    /// Moves an entry to another time, unless somebody has moved or cleared it since it was read.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn move_due(
        &self,
        key: &DueKey,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let moved = self
            .update(&key.key())
            .update_expression(MOVE_DUE)
            .condition_expression(ONLY_IF_STILL_THEN)
            .expression_attribute_values(":from", millis(from))
            .expression_attribute_values(":to", millis(to))
            .send()
            .await;
        match moved {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new("move what is due", error)),
        }
    }

    /// Takes an entry out of the index, unless somebody has moved or cleared it since it was read.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn clear_due(&self, key: &DueKey) -> Result<bool, StoreError> {
        let cleared = self
            .update(&key.key())
            .update_expression(CLEAR_DUE)
            .condition_expression(ONLY_IF_STILL_THEN)
            .expression_attribute_values(":from", millis(key.due_at))
            .send()
            .await;
        match cleared {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new("clear what is due", error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{play, second, table, user};

    #[test]
    fn a_shard_keeps_its_stored_format() {
        assert_eq!(shard_text(SESSION, 7), "session#07");
        assert_eq!(shard_text(Service::LastFm.name(), 15), "lastfm#15");
        assert_eq!((shard_of(user(1)), shard_of(user(2))), (12, 9));
    }

    #[tokio::test]
    async fn what_is_due_is_found_oldest_first_and_page_by_page() {
        let table = table().await;
        let id = user(1);
        for minute in [3, 1, 2, 9] {
            let at = second(minute * 60);
            table.put_play(&play(id, at), Some(at)).await.unwrap();
        }
        let now = second(180);
        let first = table.due(PLAY, shard_of(id), now, 2, None).await.unwrap();
        let times: Vec<_> = first.iter().map(|entry| entry.due_at).collect();
        assert_eq!(times, [second(60), second(120)]);
        let next = table
            .due(PLAY, shard_of(id), now, 2, first.last())
            .await
            .unwrap();
        assert_eq!(next.len(), 1);
        assert_eq!(next[0].due_at, second(180));
        assert_eq!(next[0].user(), Some(id));
        assert_eq!(next[0].play(), Some(play(id, second(180)).id));
        let other = (shard_of(id) + 1) % SHARDS;
        assert!(
            table
                .due(PLAY, other, now, 2, None)
                .await
                .unwrap()
                .is_empty()
        );
    }

    #[tokio::test]
    async fn only_one_of_two_sweeps_moves_an_entry() {
        let table = table().await;
        let id = user(1);
        table
            .put_play(&play(id, second(0)), Some(second(0)))
            .await
            .unwrap();
        let found = table
            .due(PLAY, shard_of(id), second(1), 9, None)
            .await
            .unwrap();
        let (one, two) = tokio::join!(
            table.move_due(&found[0], second(0), second(60)),
            table.move_due(&found[0], second(0), second(60)),
        );
        assert_ne!(one.unwrap(), two.unwrap());
        assert!(!table.clear_due(&found[0]).await.unwrap());
        let found = table
            .due(PLAY, shard_of(id), second(60), 9, None)
            .await
            .unwrap();
        assert!(table.clear_due(&found[0]).await.unwrap());
        assert!(!table.clear_due(&found[0]).await.unwrap());
        assert!(
            table
                .due(PLAY, shard_of(id), second(999), 9, None)
                .await
                .unwrap()
                .is_empty()
        );
    }

    #[tokio::test]
    async fn an_entry_of_a_deleted_item_does_not_bring_it_back() {
        let table = table().await;
        let id = user(1);
        let play = play(id, second(0));
        table.put_play(&play, Some(second(0))).await.unwrap();
        let found = table
            .due(PLAY, shard_of(id), second(1), 9, None)
            .await
            .unwrap();
        table.delete_play(id, &play.id).await.unwrap();
        assert!(
            !table
                .move_due(&found[0], second(0), second(60))
                .await
                .unwrap()
        );
        assert_eq!(table.play(id, &play.id).await.unwrap(), None);
    }
}
