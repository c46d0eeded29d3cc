//! Erasing a user: a tombstone first, then everything they had.
//!
//! | read or write        | key                                                       |
//! | -------------------- | --------------------------------------------------------- |
//! | who was erased       | `pk = ERASED#<id>`, `sk = TOMBSTONE`, kept for 30 days    |
//! | what they had        | `pk = USER#<id>`, page by page                            |
//! | their own library    | `pk = LIBRARY#<id>`, page by page                         |
//!
//! Messages may still be under way when a user is erased (14 days at most), so the tombstone stays for 30. It costs
//! nothing on the way of an event: it goes in one transaction with the user's profile, and whoever is about to write
//! for a user reads the profile anyway. What a handler writes that had read the profile just before is removed by the
//! sweep after 15 days, when every such message is gone; the tombstone's entry in the index `due` asks for it.

use std::collections::HashSet;

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem, Update};
use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::UserId;

use crate::account::AccountOf;
use crate::awaited::mark_of;
use crate::due;
use crate::error::{StoreError, is_condition_failed};
use crate::item::{ONLY_IF_THERE, decode, expires_in, is_alive, millis, number, text, text_of};
use crate::key::{Key, user_partition};
use crate::library::Library;
use crate::table::Table;

/// How long a tombstone stands.
pub const TOMBSTONE_STANDS: TimeDelta = TimeDelta::days(30);
/// When the partition is swept again: one day after the last message of before is gone.
pub const SWEEP_AGAIN_AFTER: TimeDelta = TimeDelta::days(15);

const RAISE: &str = "SET erased_at = if_not_exists(erased_at, :erased_at), v = :v, \
     expires_at = :expires_at, due_shard = :due_shard, due_at = :due_at";
const CLEAR_DUE: &str = "REMOVE due_shard, due_at";

impl Key {
    /// The mark of an erased user.
    pub fn tombstone(user: UserId) -> Self {
        Self::new(format!("ERASED#{user}"), "TOMBSTONE")
    }
}

impl Table {
    /// Says whether the user was erased in the last 30 days.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn is_erased(&self, user: UserId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let found = self
            .read("look for a tombstone", &Key::tombstone(user))
            .await?;
        Ok(found.is_some_and(|item| is_alive(&item, now)))
    }

    /// Erases a user: the tombstone and the profile at once, then their tokens, account bindings and every other item.
    ///
    /// A call that was cut short is completed by the next one.
    ///
    /// # Errors
    ///
    /// Those of the table; what is left is removed by a repeat.
    pub async fn erase_user(&self, user: UserId, now: DateTime<Utc>) -> Result<(), StoreError> {
        const OPERATION: &str = "erase a user";
        let unbuildable = |error| StoreError::unreadable(OPERATION, error);
        // No condition: the tombstone is the one item that a repeat has to bring back.
        let tombstone = Update::builder()
            .table_name(self.name())
            .set_key(Some(Key::tombstone(user).attributes()))
            .update_expression(RAISE)
            .expression_attribute_values(":erased_at", millis(now))
            .expression_attribute_values(":v", number(crate::item::FORMAT))
            .expression_attribute_values(":expires_at", expires_in(TOMBSTONE_STANDS, now))
            .expression_attribute_values(
                ":due_shard",
                text(due::shard_text(due::ERASED, due::shard_of(user))),
            )
            .expression_attribute_values(":due_at", millis(now + SWEEP_AGAIN_AFTER))
            .build()
            .map_err(unbuildable)?;
        let mut request = self
            .client()
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().update(tombstone).build());
        for key in [Key::profile(user), Key::listing(user)] {
            let delete = Delete::builder()
                .table_name(self.name())
                .set_key(Some(key.attributes()))
                .build()
                .map_err(unbuildable)?;
            request = request.transact_items(TransactWriteItem::builder().delete(delete).build());
        }
        request
            .send()
            .await
            .map_err(|error| StoreError::of_transaction(OPERATION, error))?;
        self.delete_partition(OPERATION, user).await
    }

    /// Sweeps the partition of an erased user once more, and takes the tombstone out of the index.
    ///
    /// # Errors
    ///
    /// Those of the table; the entry stays until all is gone.
    pub async fn sweep_erased(&self, user: UserId, now: DateTime<Utc>) -> Result<(), StoreError> {
        const OPERATION: &str = "sweep after an erased user";
        // Only while the tombstone stands: afterwards the user may have come back.
        if !self.is_erased(user, now).await? {
            return Ok(());
        }
        self.delete_partition(OPERATION, user).await?;
        let cleared = self
            .update(&Key::tombstone(user))
            .update_expression(CLEAR_DUE)
            .condition_expression(ONLY_IF_THERE)
            .send()
            .await;
        match cleared {
            Ok(_) => Ok(()),
            Err(error) if is_condition_failed(&error) => Ok(()),
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }

    async fn delete_partition(
        &self,
        operation: &'static str,
        user: UserId,
    ) -> Result<(), StoreError> {
        for pk in [user_partition(user), Library::Of(user).partition()] {
            self.delete_all_of(operation, user, &pk).await?;
        }
        Ok(())
    }

    async fn delete_all_of(
        &self,
        operation: &'static str,
        user: UserId,
        pk: &str,
    ) -> Result<(), StoreError> {
        let mut start = None;
        loop {
            let page = self
                .client()
                .query()
                .table_name(self.name())
                .key_condition_expression("pk = :pk")
                .projection_expression("pk, sk, #hash, server, account_key")
                .expression_attribute_names("#hash", "hash")
                .expression_attribute_values(":pk", text(pk))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| StoreError::new(operation, error))?;
            let mut keys = HashSet::new();
            for item in page.items() {
                let Some(sk) = text_of(item, "sk") else {
                    continue;
                };
                // What lies elsewhere goes before the reverse key that leads to it: a repeat must still find it.
                if let Some(hash) = text_of(item, "hash").filter(|_| sk.starts_with("TOKEN#")) {
                    self.delete_many(operation, [Key::token(hash)]).await?;
                }
                if sk.starts_with("ACCOUNT#") {
                    let account: AccountOf = decode(operation, item.clone())?;
                    self.unbind(operation, &account, user).await?;
                }
                if let Some(mark) = mark_of(user, sk) {
                    self.delete_many(operation, [mark]).await?;
                }
                keys.insert(Key::stored(pk, sk));
            }
            self.delete_many(operation, keys).await?;
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hub_domain::{Account, ServerRef, Service, Source};

    use super::*;
    use crate::connection::tests::connection;
    use crate::testing::{items_of, play, second, table, user};
    use crate::token::tests::token;

    #[test]
    fn the_key_keeps_its_stored_format() {
        assert_eq!(
            Key::tombstone(user(1)).to_string(),
            "ERASED#00000000-0000-0000-0000-000000000001 TOMBSTONE"
        );
    }

    #[tokio::test]
    async fn an_erased_user_leaves_nothing_behind() {
        let table = table().await;
        let (gone, stays) = (user(1), user(2));
        for id in [gone, stays] {
            table.ensure_user(id, None, second(0)).await.unwrap();
            table
                .create_token(&token(id, "11"), second(0))
                .await
                .unwrap();
        }
        for number in 0..60 {
            table
                .put_play(&play(gone, second(number)), None)
                .await
                .unwrap();
        }
        let server = ServerRef::new(Source::Plex, "abc");
        table
            .assign_account(&server, "id:7", &[gone, stays], second(0))
            .await
            .unwrap();

        table.erase_user(gone, second(1)).await.unwrap();

        assert!(table.is_erased(gone, second(2)).await.unwrap());
        assert!(!table.is_erased(stays, second(2)).await.unwrap());
        assert!(items_of(&table, &user_partition(gone)).await.is_empty());
        assert_eq!(
            table.token_by_hash(&token(gone, "11").hash).await.unwrap(),
            None
        );
        assert!(
            table
                .token_by_hash(&token(stays, "11").hash)
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(table.users(9, None).await.unwrap().len(), 1);
        let account = Account {
            id: Some("7".to_owned()),
            name: None,
        };
        let binding = table.binding(&server, &account).await.unwrap().unwrap();
        assert_eq!(binding.users, [stays]);
    }

    #[tokio::test]
    async fn an_erased_user_is_refused_until_the_tombstone_falls() {
        let table = table().await;
        table.ensure_user(user(1), None, second(0)).await.unwrap();
        table.erase_user(user(1), second(0)).await.unwrap();
        let refused = table
            .ensure_user(user(1), None, second(9))
            .await
            .unwrap_err();
        assert!(refused.is_erased());
        let refused = table
            .create_token(&token(user(1), "11"), second(9))
            .await
            .unwrap_err();
        assert!(refused.is_erased());
        let server = ServerRef::new(Source::Plex, "abc");
        let refused = table
            .assign_account(&server, "id:7", &[user(1)], second(9))
            .await;
        assert!(refused.unwrap_err().is_erased());
        let connection = connection(user(1), Service::Trakt);
        let refused = table.link(&connection, "sealed", None).await;
        assert!(refused.unwrap_err().is_erased());

        let later = second(0) + TOMBSTONE_STANDS;
        assert!(!table.is_erased(user(1), later).await.unwrap());
        table.ensure_user(user(1), None, later).await.unwrap();
    }

    #[tokio::test]
    async fn what_a_late_message_wrote_is_swept_after_fifteen_days() {
        let table = table().await;
        let id = user(1);
        table.ensure_user(id, None, second(0)).await.unwrap();
        table.erase_user(id, second(0)).await.unwrap();
        table.put_play(&play(id, second(5)), None).await.unwrap();
        let shard = due::shard_of(id);
        let early = second(0) + TimeDelta::days(14);
        assert!(
            table
                .due(due::ERASED, shard, early, 9, None)
                .await
                .unwrap()
                .is_empty()
        );
        let then = second(0) + SWEEP_AGAIN_AFTER;
        let found = table.due(due::ERASED, shard, then, 9, None).await.unwrap();
        assert_eq!(found[0].user(), Some(id));

        table.sweep_erased(id, then).await.unwrap();

        assert!(items_of(&table, &user_partition(id)).await.is_empty());
        assert!(
            table
                .due(due::ERASED, shard, then, 9, None)
                .await
                .unwrap()
                .is_empty()
        );
        assert!(table.is_erased(id, then).await.unwrap());
    }

    #[tokio::test]
    async fn a_user_who_came_back_is_not_swept() {
        let table = table().await;
        table.erase_user(user(1), second(0)).await.unwrap();
        let later = second(0) + TOMBSTONE_STANDS;
        table.ensure_user(user(1), None, later).await.unwrap();
        table.sweep_erased(user(1), later).await.unwrap();
        assert!(table.user(user(1)).await.unwrap().is_some());
    }
}
