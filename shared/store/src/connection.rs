//! Connections: one account of one user at one service, with its sealed tokens.
//!
//! | read or write             | key                                                                              |
//! | ------------------------- | -------------------------------------------------------------------------------- |
//! | one connection            | `pk = USER#<id>`, `sk = CONNECTION#<service>`                                    |
//! | all connections of a user | `pk = USER#<id>`, `sk` begins `CONNECTION#`                                      |
//! | tokens that end soon      | index `due`, kind `connection`, at the time that the caller gives                |
//!
//! How tokens are refreshed, one caller at a time, is [`crate::refresh`].

use std::fmt;

use aws_sdk_dynamodb::types::ReturnValue;
use chrono::{DateTime, Utc};
use hub_domain::{Connection, ConnectionSettings, Health, Service, UserId};

use crate::batch::read_all;
use crate::due;
use crate::error::{StoreError, is_condition_failed};
use crate::item::{
    FORMAT, Item, ONLY_IF_NEW, ONLY_IF_THERE, decode, encode, encode_value, number, number_of,
    optional_text, text, text_of,
};
use crate::key::{Key, user_partition};
use crate::table::{Freshness, Table};

/// Changes nothing but the entry of the index beside it.
const SAME: &str = "SET v = :v";
const ONLY_IF_SAME_TOKENS: &str = "attribute_exists(pk) AND token_version = :token_version";
const REPLACE_SETTINGS: &str = "SET settings = :settings";
const REPLACE_HEALTH: &str = "SET health = :health, health_detail = :health_detail";
const ONLY_IF_HEALTH_DIFFERS: &str = "attribute_exists(pk) AND health <> :health";
const ONLY_IF_HEALTH_DIFFERS_UNDER_THESE_TOKENS: &str =
    "attribute_exists(pk) AND health <> :health AND token_version = :token_version";
const MOST_TRIES: usize = 3;

/// A connection and its tokens, which only the runtime can open.
#[derive(Clone, PartialEq)]
pub struct StoredConnection {
    /// The connection.
    pub connection: Connection,
    /// Its tokens, sealed for this user and service.
    pub sealed_tokens: String,
    /// Until when somebody is refreshing them, where somebody is or was.
    pub refresh_lease_until: Option<DateTime<Utc>>,
}

impl fmt::Debug for StoredConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredConnection")
            .field("connection", &self.connection)
            .field("refresh_lease_until", &self.refresh_lease_until)
            .finish_non_exhaustive()
    }
}

impl StoredConnection {
    pub(crate) fn of(operation: &'static str, item: Item) -> Result<Self, StoreError> {
        let sealed_tokens = text_of(&item, "sealed_tokens")
            .unwrap_or_default()
            .to_owned();
        let refresh_lease_until = number_of(&item, "refresh_lease_until")
            .filter(|until| *until > 0)
            .and_then(DateTime::from_timestamp_millis);
        Ok(Self {
            connection: decode(operation, item)?,
            sealed_tokens,
            refresh_lease_until,
        })
    }
}

impl Key {
    /// A user's connection to a service.
    pub fn connection(user: UserId, service: Service) -> Self {
        Self::of_user(user, format!("CONNECTION#{service}"))
    }
}

/// What a connection is after it was linked again: the user's settings stay, and so does the time from which plays go
/// out if it is the same account, so that what waited for the sign-in is sent.
fn relinked(before: Connection, again: &Connection) -> Connection {
    // The same name at another server is another account.
    let is_same_account =
        before.identity.account_id == again.identity.account_id && before.url == again.url;
    let mut next = again.clone();
    next.settings = before.settings;
    next.token_version = before.token_version + 1;
    if is_same_account {
        next.connected_at = before.connected_at;
        next.deliver_from = before.deliver_from;
        next.last_sync_at = before.last_sync_at;
        next.last_sync_status = before.last_sync_status;
    }
    next
}

impl Table {
    /// Links an account, in place of the one before if there is one; answers what is stored.
    ///
    /// Health is good and the token version one higher than before (1 for a new connection), whatever `connection` says.
    /// `due_at` is when its tokens should be refreshed, where they should.
    ///
    /// # Errors
    ///
    /// Those of the table, and [`StoreError::is_erased`] for a user who was erased before `connected_at`.
    pub async fn link(
        &self,
        connection: &Connection,
        sealed_tokens: &str,
        due_at: Option<DateTime<Utc>>,
    ) -> Result<StoredConnection, StoreError> {
        const OPERATION: &str = "link a connection";
        let (user, service) = (connection.user, connection.service);
        // A sign-in may come back after its user was erased; it is rare enough to ask for the tombstone itself.
        if self.is_erased(user, connection.connected_at).await? {
            return Err(StoreError::erased(OPERATION));
        }
        let key = Key::connection(user, service);
        for _ in 0..MOST_TRIES {
            let before = self
                .connection(user, service)
                .await?
                .map(|stored| stored.connection);
            let version_read = before.as_ref().map(|before| before.token_version);
            let mut next = match before {
                Some(before) => relinked(before, connection),
                None => Connection {
                    token_version: 1,
                    ..connection.clone()
                },
            };
            next.health = Health::Ok;
            next.health_detail = None;
            let mut item = encode(OPERATION, &next)?;
            item.insert("sealed_tokens".to_owned(), text(sealed_tokens));
            due::enter(&mut item, due::CONNECTION, user, due_at);
            let put = self.put(&key, item);
            let put = match version_read {
                None => put.condition_expression(ONLY_IF_NEW),
                Some(version) => put
                    .condition_expression(ONLY_IF_SAME_TOKENS)
                    .expression_attribute_values(":token_version", number(version)),
            };
            match put.send().await {
                Ok(_) => {
                    return Ok(StoredConnection {
                        connection: next,
                        sealed_tokens: sealed_tokens.to_owned(),
                        refresh_lease_until: None,
                    });
                }
                Err(error) if is_condition_failed(&error) => {}
                Err(error) => return Err(StoreError::new(OPERATION, error)),
            }
        }
        Err(StoreError::crowded(OPERATION))
    }

    /// Reads a user's connection to a service as it is now.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn connection(
        &self,
        user: UserId,
        service: Service,
    ) -> Result<Option<StoredConnection>, StoreError> {
        const OPERATION: &str = "read a connection";
        let item = self
            .read(OPERATION, &Key::connection(user, service))
            .await?;
        item.map(|item| StoredConnection::of(OPERATION, item))
            .transpose()
    }

    /// Lists a user's connections as they are now, by the service's name.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn connections(&self, user: UserId) -> Result<Vec<StoredConnection>, StoreError> {
        self.connections_as(user, Freshness::Now).await
    }

    /// The same, as new as it has to be.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn connections_as(
        &self,
        user: UserId,
        freshness: Freshness,
    ) -> Result<Vec<StoredConnection>, StoreError> {
        const OPERATION: &str = "list a user's connections";
        let query = self
            .query(&user_partition(user), "CONNECTION#")
            .consistent_read(freshness.is_consistent());
        let items = read_all(OPERATION, query).await?;
        items
            .into_iter()
            .map(|item| StoredConnection::of(OPERATION, item))
            .collect()
    }

    /// Replaces what the user wants of a connection; `false` if there is none.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn update_connection_settings(
        &self,
        user: UserId,
        service: Service,
        settings: &ConnectionSettings,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "change a connection's settings";
        let changed = self
            .update(&Key::connection(user, service))
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

    /// Says how a connection is doing; `true` to the one caller who changed it, so that a notice is sent once.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn set_health(
        &self,
        user: UserId,
        service: Service,
        health: Health,
        detail: Option<&str>,
    ) -> Result<bool, StoreError> {
        self.write_health(user, service, None, health, detail).await
    }

    /// The same, for what an answer to tokens of that version told: tokens that are newer are not judged by it.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn set_health_under(
        &self,
        user: UserId,
        service: Service,
        token_version: u64,
        health: Health,
        detail: Option<&str>,
    ) -> Result<bool, StoreError> {
        self.write_health(user, service, Some(token_version), health, detail)
            .await
    }

    /// Says when somebody should look after a connection's tokens next; `None`: never.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn set_connection_due(
        &self,
        user: UserId,
        service: Service,
        due_at: Option<DateTime<Utc>>,
    ) -> Result<bool, StoreError> {
        let update = self
            .update(&Key::connection(user, service))
            .condition_expression(ONLY_IF_THERE)
            .expression_attribute_values(":v", number(FORMAT));
        let set = due::write(update, SAME, due::CONNECTION, user, due_at)
            .send()
            .await;
        match set {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new("say when a connection is due", error)),
        }
    }

    async fn write_health(
        &self,
        user: UserId,
        service: Service,
        token_version: Option<u64>,
        health: Health,
        detail: Option<&str>,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "note how a connection is doing";
        let update = self
            .update(&Key::connection(user, service))
            .update_expression(REPLACE_HEALTH)
            .expression_attribute_values(":health", encode_value(OPERATION, &health)?)
            .expression_attribute_values(":health_detail", optional_text(detail));
        let update = match token_version {
            None => update.condition_expression(ONLY_IF_HEALTH_DIFFERS),
            Some(version) => update
                .condition_expression(ONLY_IF_HEALTH_DIFFERS_UNDER_THESE_TOKENS)
                .expression_attribute_values(":token_version", number(version)),
        };
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }

    /// Unlinks a connection, and answers what it was, for whoever revokes its tokens at the service.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn unlink(
        &self,
        user: UserId,
        service: Service,
    ) -> Result<Option<StoredConnection>, StoreError> {
        const OPERATION: &str = "unlink a connection";
        let answer = self
            .delete(&Key::connection(user, service))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| StoreError::new(OPERATION, error))?;
        answer
            .attributes
            .map(|item| StoredConnection::of(OPERATION, item))
            .transpose()
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
pub(crate) mod tests;
