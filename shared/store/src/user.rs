//! Users: who they are and what they set.
//!
//! | read or write    | key                                          |
//! | ---------------- | -------------------------------------------- |
//! | one user         | `pk = USER#<id>`, `sk = PROFILE`             |
//! | all users        | `pk = USERS`, `sk = USER#<id>`               |
//!
//! The second item is the operator's directory, so that no list needs a scan.

use aws_sdk_dynamodb::types::{ConditionCheck, Put, TransactWriteItem};
use chrono::{DateTime, Utc};
use hub_domain::{UserId, UserSettings};
use serde::{Deserialize, Serialize};

use crate::error::{StoreError, is_condition_failed, is_condition_of_failed};
use crate::item::{
    ONLY_IF_NEW, ONLY_IF_NEW_OR_EXPIRED, ONLY_IF_THERE, decode, encode, encode_value, seconds, text,
};
use crate::key::Key;
use crate::table::{Freshness, Table, keyed};

const DIRECTORY: &str = "USERS";
const RENAME: &str = "SET #name = :name";
const REPLACE_SETTINGS: &str = "SET settings = :settings";
const MOST_TRIES: usize = 3;

/// A user of the hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// The name that the server gave, for people.
    #[serde(default)]
    pub name: Option<String>,
    /// What the user set.
    #[serde(default)]
    pub settings: UserSettings,
    /// When the hub first heard of them.
    pub created_at: DateTime<Utc>,
}

/// A user as the operator's list has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserListing {
    /// Who.
    pub id: UserId,
    /// The name that the server gave, for people.
    #[serde(default)]
    pub name: Option<String>,
    /// When the hub first heard of them.
    pub created_at: DateTime<Utc>,
}

impl Key {
    /// A user's own item.
    pub fn profile(user: UserId) -> Self {
        Self::of_user(user, "PROFILE")
    }

    /// A user in the operator's list.
    pub fn listing(user: UserId) -> Self {
        Self::new(DIRECTORY, format!("USER#{user}"))
    }
}

impl Table {
    /// Reads a user as they are now. An erased user is not there: whoever is about to write for a user asks this first.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn user(&self, user: UserId) -> Result<Option<User>, StoreError> {
        self.user_as(user, Freshness::Now).await
    }

    /// Reads a user as new as it has to be; lately is enough for what they set, never to say whether they are there.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn user_as(
        &self,
        user: UserId,
        freshness: Freshness,
    ) -> Result<Option<User>, StoreError> {
        const OPERATION: &str = "read a user";
        let key = Key::profile(user);
        let item = self.read_as(OPERATION, &key, freshness).await?;
        item.map(|item| decode(OPERATION, item)).transpose()
    }

    /// Reads a user, or writes them down at first sight; a new name replaces the old one.
    ///
    /// # Errors
    ///
    /// Those of the table, and [`StoreError::is_erased`] for a user who was erased.
    pub async fn ensure_user(
        &self,
        user: UserId,
        name: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<User, StoreError> {
        const OPERATION: &str = "write down a user";
        for _ in 0..MOST_TRIES {
            if let Some(mut found) = self.user(user).await? {
                if let Some(name) = name.filter(|name| found.name.as_deref() != Some(*name)) {
                    self.rename_user(user, name).await?;
                    found.name = Some(name.to_owned());
                }
                return Ok(found);
            }
            let new = User {
                id: user,
                name: name.map(str::to_owned),
                settings: UserSettings::default(),
                created_at: now,
            };
            if self.create_user(OPERATION, &new, now).await? {
                return Ok(new);
            }
        }
        Err(StoreError::crowded(OPERATION))
    }

    /// One transaction, so that an erasure that runs at the same time leaves neither half.
    async fn create_user(
        &self,
        operation: &'static str,
        user: &User,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let listing = UserListing {
            id: user.id,
            name: user.name.clone(),
            created_at: user.created_at,
        };
        let profile = Put::builder()
            .table_name(self.name())
            .set_item(Some(keyed(
                &Key::profile(user.id),
                encode(operation, user)?,
            )))
            .condition_expression(ONLY_IF_NEW)
            .build()
            .map_err(|error| StoreError::unreadable(operation, error))?;
        let listing = Put::builder()
            .table_name(self.name())
            .set_item(Some(keyed(
                &Key::listing(user.id),
                encode(operation, &listing)?,
            )))
            .build()
            .map_err(|error| StoreError::unreadable(operation, error))?;
        let written = self
            .client()
            .transact_write_items()
            .transact_items(self.unless_erased(operation, user.id, now)?)
            .transact_items(TransactWriteItem::builder().put(profile).build())
            .transact_items(TransactWriteItem::builder().put(listing).build())
            .send()
            .await;
        match written {
            Ok(_) => Ok(true),
            Err(error) if is_condition_of_failed(&error, 0) => Err(StoreError::erased(operation)),
            Err(error) if is_condition_of_failed(&error, 1) => Ok(false),
            Err(error) => Err(StoreError::of_transaction(operation, error)),
        }
    }

    /// The part of a transaction that fails for an erased user.
    pub(crate) fn unless_erased(
        &self,
        operation: &'static str,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(self.name())
            .set_key(Some(Key::tombstone(user).attributes()))
            .condition_expression(ONLY_IF_NEW_OR_EXPIRED)
            .expression_attribute_values(":now_seconds", seconds(now))
            .build()
            .map_err(|error| StoreError::unreadable(operation, error))?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    async fn rename_user(&self, user: UserId, name: &str) -> Result<(), StoreError> {
        // Two writes that a repeat completes: the profile last, since its old name is what asks for the repeat.
        for key in [Key::listing(user), Key::profile(user)] {
            let renamed = self
                .update(&key)
                .update_expression(RENAME)
                .condition_expression(ONLY_IF_THERE)
                .expression_attribute_names("#name", "name")
                .expression_attribute_values(":name", text(name))
                .send()
                .await;
            match renamed {
                Ok(_) => {}
                Err(error) if is_condition_failed(&error) => {}
                Err(error) => return Err(StoreError::new("rename a user", error)),
            }
        }
        Ok(())
    }

    /// Replaces a user's settings; `false` if there is no such user.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn update_user_settings(
        &self,
        user: UserId,
        settings: &UserSettings,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "change a user's settings";
        let changed = self
            .update(&Key::profile(user))
            .update_expression(REPLACE_SETTINGS)
            .condition_expression(ONLY_IF_THERE)
            .expression_attribute_values(":settings", encode_value(OPERATION, settings)?)
            .send()
            .await;
        match changed {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }

    /// Lists users by their id, at most `limit`, those after `after`: for the operator.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn users(
        &self,
        limit: i32,
        after: Option<UserId>,
    ) -> Result<Vec<UserListing>, StoreError> {
        const OPERATION: &str = "list the users";
        let page = self
            .query(DIRECTORY, "USER#")
            .limit(limit.clamp(1, 1000))
            .set_exclusive_start_key(after.map(|user| Key::listing(user).attributes()))
            .send()
            .await
            .map_err(|error| StoreError::new(OPERATION, error))?;
        page.items
            .unwrap_or_default()
            .into_iter()
            .map(|item| decode(OPERATION, item))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use hub_domain::user::ManualMarks;

    use super::*;
    use crate::testing::{second, table, user};

    #[test]
    fn the_keys_keep_their_stored_format() {
        let id = "00000000-0000-0000-0000-000000000001";
        assert_eq!(
            Key::profile(user(1)).to_string(),
            format!("USER#{id} PROFILE")
        );
        assert_eq!(
            Key::listing(user(1)).to_string(),
            format!("USERS USER#{id}")
        );
    }

    #[tokio::test]
    async fn a_user_exists_from_the_first_time_they_are_named() {
        let table = table().await;
        assert_eq!(table.user(user(1)).await.unwrap(), None);
        let new = table
            .ensure_user(user(1), Some("Ada"), second(0))
            .await
            .unwrap();
        assert_eq!(new.created_at, second(0));
        let again = table.ensure_user(user(1), None, second(60)).await.unwrap();
        assert_eq!(again, new);
    }

    #[tokio::test]
    async fn two_who_see_a_user_first_write_one() {
        let table = table().await;
        let (one, two) = tokio::join!(
            table.ensure_user(user(1), None, second(0)),
            table.ensure_user(user(1), None, second(1)),
        );
        assert_eq!(one.unwrap(), two.unwrap());
        assert_eq!(table.users(10, None).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_new_name_replaces_the_old_one_in_the_list_too() {
        let table = table().await;
        table
            .ensure_user(user(1), Some("Ada"), second(0))
            .await
            .unwrap();
        table
            .ensure_user(user(1), Some("Countess"), second(1))
            .await
            .unwrap();
        let name = Some("Countess".to_owned());
        assert_eq!(table.user(user(1)).await.unwrap().unwrap().name, name);
        assert_eq!(table.users(10, None).await.unwrap()[0].name, name);
    }

    #[tokio::test]
    async fn settings_are_kept_for_a_user_who_is_there() {
        let table = table().await;
        let settings = UserSettings {
            time_zone: Some("Europe/Berlin".to_owned()),
            manual_marks: ManualMarks::ReleaseDate,
            ..UserSettings::default()
        };
        assert!(
            !table
                .update_user_settings(user(1), &settings)
                .await
                .unwrap()
        );
        assert_eq!(table.user(user(1)).await.unwrap(), None);
        table.ensure_user(user(1), None, second(0)).await.unwrap();
        assert!(
            table
                .update_user_settings(user(1), &settings)
                .await
                .unwrap()
        );
        assert_eq!(
            table.user(user(1)).await.unwrap().unwrap().settings,
            settings
        );
    }

    #[tokio::test]
    async fn the_list_goes_on_after_its_last_user() {
        let table = table().await;
        for number in 1..=5 {
            table
                .ensure_user(user(number), None, second(0))
                .await
                .unwrap();
        }
        let first = table.users(3, None).await.unwrap();
        let rest = table.users(3, Some(first[2].id)).await.unwrap();
        let ids: Vec<_> = first.iter().chain(&rest).map(|user| user.id).collect();
        assert_eq!(ids, (1..=5).map(user).collect::<Vec<_>>());
    }
}
