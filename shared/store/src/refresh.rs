//! One refresh at a time: the lease on a connection's tokens, and the new pair that is stored before it is used.
//!
//! | write                      | key and condition                                                               |
//! | -------------------------- | ------------------------------------------------------------------------------- |
//! | take the lease             | the connection's; the token version is the one read, and no lease runs          |
//! | store the new pair         | the connection's; the token version is the one read, and a lease was taken      |
//! | give the lease back        | the connection's; the holder is the one who took it                             |
//!
//! Refresh tokens work once. A pair is stored even if its lease has run out meanwhile: nobody else can have a newer one
//! while the version stands.

use aws_sdk_dynamodb::types::ReturnValue;
use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Service, UserId};
use uuid::Uuid;

use crate::connection::StoredConnection;
use crate::due;
use crate::error::{StoreError, is_condition_failed};
use crate::item::{encode_value, millis, number, number_of, refused_by, text, text_of};
use crate::key::Key;
use crate::table::Table;

const TAKE_LEASE: &str = "SET refresh_lease_until = :until, refresh_holder = :holder";
const ONLY_IF_FREE_UNDER_THESE_TOKENS: &str = "attribute_exists(pk) AND token_version = :token_version \
     AND (attribute_not_exists(refresh_lease_until) OR refresh_lease_until <= :now)";
const STORE_PAIR: &str = "SET sealed_tokens = :sealed, token_version = :next, \
     token_expires_at = :expires_at, refresh_lease_until = :none";
// A connection that was linked anew has had no holder yet: a pair of the account before is not written over it.
const ONLY_IF_LEASED_UNDER_THESE_TOKENS: &str =
    "attribute_exists(refresh_holder) AND token_version = :token_version";
const END_LEASE: &str = "SET refresh_lease_until = :none";
const ONLY_IF_HELD: &str = "refresh_holder = :holder";

/// Who may refresh.
#[derive(Debug, Clone, PartialEq)]
pub enum RefreshLease {
    /// The caller, until the lease ends.
    Taken {
        /// What [`Table::release_refresh_lease`] takes.
        holder: String,
    },
    /// Somebody else is at it: come back when they are done.
    Busy {
        /// When their lease ends.
        until: DateTime<Utc>,
    },
    /// Nobody needs to: the tokens are newer than those the caller read.
    Newer(Box<StoredConnection>),
    /// The connection is gone.
    Gone,
}

/// What became of a new pair of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokensStored {
    /// It is stored, under this version, and may be used.
    Stored(u64),
    /// The connection was linked anew, refreshed or removed meanwhile: read it again.
    Superseded,
}

impl Table {
    /// Takes the lease on refreshing the tokens of that version.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn take_refresh_lease(
        &self,
        user: UserId,
        service: Service,
        token_version: u64,
        now: DateTime<Utc>,
        length: TimeDelta,
    ) -> Result<RefreshLease, StoreError> {
        const OPERATION: &str = "take the lease on a refresh";
        let holder = Uuid::new_v4().to_string();
        let taken = self
            .update(&Key::connection(user, service))
            .update_expression(TAKE_LEASE)
            .condition_expression(ONLY_IF_FREE_UNDER_THESE_TOKENS)
            .expression_attribute_values(":token_version", number(token_version))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":until", millis(now + length))
            .expression_attribute_values(":holder", text(&*holder))
            .send()
            .await;
        let error = match taken {
            Ok(_) => return Ok(RefreshLease::Taken { holder }),
            Err(error) if is_condition_failed(&error) => error,
            Err(error) => return Err(StoreError::new(OPERATION, error)),
        };
        let Some(stands) = refused_by(&error) else {
            return Ok(RefreshLease::Gone);
        };
        // The client repeats a write whose answer was lost: it then meets its own lease.
        if text_of(stands, "refresh_holder") == Some(&holder) {
            return Ok(RefreshLease::Taken { holder });
        }
        let stored = StoredConnection::of(OPERATION, stands.clone())?;
        if stored.connection.token_version == token_version {
            let until = stored.refresh_lease_until.unwrap_or(now);
            return Ok(RefreshLease::Busy { until });
        }
        Ok(RefreshLease::Newer(Box::new(stored)))
    }

    /// Stores a new pair in place of the one of `token_version_read`, and ends the lease: before the pair is used.
    ///
    /// `due_at` is when it should be refreshed in turn, where it should.
    ///
    /// # Errors
    ///
    /// Those of the table: the pair is then not to be lost, so the caller tries again.
    pub async fn store_tokens(
        &self,
        user: UserId,
        service: Service,
        token_version_read: u64,
        sealed_tokens: &str,
        expires_at: Option<DateTime<Utc>>,
        due_at: Option<DateTime<Utc>>,
    ) -> Result<TokensStored, StoreError> {
        const OPERATION: &str = "store refreshed tokens";
        let next = token_version_read + 1;
        let update = self
            .update(&Key::connection(user, service))
            .condition_expression(ONLY_IF_LEASED_UNDER_THESE_TOKENS)
            .expression_attribute_values(":token_version", number(token_version_read))
            .expression_attribute_values(":sealed", text(sealed_tokens))
            .expression_attribute_values(":next", number(next))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":expires_at", encode_value(OPERATION, &expires_at)?);
        let stored = due::write(update, STORE_PAIR, due::CONNECTION, user, due_at)
            .send()
            .await;
        match stored {
            Ok(_) => Ok(TokensStored::Stored(next)),
            Err(error) if is_condition_failed(&error) => {
                // A repeat of a write whose answer was lost meets its own pair.
                let is_ours = refused_by(&error).is_some_and(|stands| {
                    text_of(stands, "sealed_tokens") == Some(sealed_tokens)
                        && number_of(stands, "token_version").and_then(|v| u64::try_from(v).ok())
                            == Some(next)
                });
                Ok(if is_ours {
                    TokensStored::Stored(next)
                } else {
                    TokensStored::Superseded
                })
            }
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }

    /// Gives the lease back without new tokens; `false` if somebody else has it by now.
    ///
    /// # Errors
    ///
    /// Those of the table; the lease then ends by itself.
    pub async fn release_refresh_lease(
        &self,
        user: UserId,
        service: Service,
        holder: &str,
    ) -> Result<bool, StoreError> {
        let released = self
            .update(&Key::connection(user, service))
            .update_expression(END_LEASE)
            .condition_expression(ONLY_IF_HELD)
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":holder", text(holder))
            .return_values(ReturnValue::None)
            .send()
            .await;
        match released {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new("give back the lease on a refresh", error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::tests::connection;
    use crate::testing::{second, table, user};

    const SERVICE: Service = Service::Trakt;
    const MINUTE: TimeDelta = TimeDelta::minutes(1);

    async fn linked() -> Table {
        let table = table().await;
        table
            .link(&connection(user(1), SERVICE), "first", None)
            .await
            .unwrap();
        table
    }

    async fn take(table: &Table, version: u64, at: i64) -> RefreshLease {
        table
            .take_refresh_lease(user(1), SERVICE, version, second(at), MINUTE)
            .await
            .unwrap()
    }

    async fn store(table: &Table, version: u64, sealed: &str) -> TokensStored {
        let expires_at = Some(second(86_400));
        table
            .store_tokens(user(1), SERVICE, version, sealed, expires_at, None)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn of_forty_workers_one_refreshes() {
        let table = linked().await;
        let takers = (0..40).map(|_| take(&table, 1, 0));
        let leases = futures_util::future::join_all(takers).await;
        let taken = leases
            .iter()
            .filter(|lease| matches!(lease, RefreshLease::Taken { .. }));
        assert_eq!(taken.count(), 1);
        let busy = RefreshLease::Busy { until: second(60) };
        assert_eq!(leases.iter().filter(|lease| **lease == busy).count(), 39);
    }

    #[tokio::test]
    async fn the_new_pair_is_found_by_whoever_knew_the_old_one() {
        let table = linked().await;
        take(&table, 1, 0).await;
        assert_eq!(store(&table, 1, "second").await, TokensStored::Stored(2));
        let RefreshLease::Newer(stored) = take(&table, 1, 1).await else {
            panic!("the version read was an old one");
        };
        assert_eq!(stored.sealed_tokens, "second");
        assert_eq!(stored.connection.token_version, 2);
        assert_eq!(stored.connection.token_expires_at, Some(second(86_400)));
        assert!(matches!(
            take(&table, 2, 2).await,
            RefreshLease::Taken { .. }
        ));
    }

    #[tokio::test]
    async fn a_pair_is_stored_once_and_its_repeat_says_so() {
        let table = linked().await;
        take(&table, 1, 0).await;
        assert_eq!(store(&table, 1, "second").await, TokensStored::Stored(2));
        assert_eq!(store(&table, 1, "second").await, TokensStored::Stored(2));
        assert_eq!(store(&table, 1, "other").await, TokensStored::Superseded);
    }

    #[tokio::test]
    async fn a_lease_that_ran_out_is_taken_again_and_the_late_pair_still_counts() {
        let table = linked().await;
        let RefreshLease::Taken { holder: late } = take(&table, 1, 0).await else {
            panic!("nobody else was there");
        };
        assert!(matches!(
            take(&table, 1, 60).await,
            RefreshLease::Taken { .. }
        ));
        assert!(
            !table
                .release_refresh_lease(user(1), SERVICE, &late)
                .await
                .unwrap()
        );
        assert_eq!(store(&table, 1, "late").await, TokensStored::Stored(2));
        assert_eq!(store(&table, 1, "other").await, TokensStored::Superseded);
    }

    #[tokio::test]
    async fn a_lease_that_was_given_back_is_free() {
        let table = linked().await;
        let RefreshLease::Taken { holder } = take(&table, 1, 0).await else {
            panic!("nobody else was there");
        };
        assert!(
            table
                .release_refresh_lease(user(1), SERVICE, &holder)
                .await
                .unwrap()
        );
        let stored = table.connection(user(1), SERVICE).await.unwrap().unwrap();
        assert_eq!(stored.refresh_lease_until, None);
        assert!(matches!(
            take(&table, 1, 1).await,
            RefreshLease::Taken { .. }
        ));
    }

    #[tokio::test]
    async fn a_pair_of_the_account_before_is_not_written_over_the_new_one() {
        let table = linked().await;
        take(&table, 1, 0).await;
        table.unlink(user(1), SERVICE).await.unwrap();
        assert_eq!(take(&table, 1, 1).await, RefreshLease::Gone);
        assert_eq!(store(&table, 1, "stale").await, TokensStored::Superseded);
        table
            .link(&connection(user(1), SERVICE), "new", None)
            .await
            .unwrap();
        assert_eq!(store(&table, 1, "stale").await, TokensStored::Superseded);
        let stored = table.connection(user(1), SERVICE).await.unwrap().unwrap();
        assert_eq!(stored.sealed_tokens, "new");
    }

    #[tokio::test]
    async fn the_next_refresh_is_due_when_the_caller_says() {
        let table = linked().await;
        take(&table, 1, 0).await;
        let due_at = Some(second(80_000));
        table
            .store_tokens(user(1), SERVICE, 1, "second", None, due_at)
            .await
            .unwrap();
        let shard = due::shard_of(user(1));
        let found = table
            .due(due::CONNECTION, shard, second(80_000), 9, None)
            .await
            .unwrap();
        assert_eq!(found.len(), 1);
        take(&table, 2, 0).await;
        table
            .store_tokens(user(1), SERVICE, 2, "third", None, None)
            .await
            .unwrap();
        let found = table
            .due(due::CONNECTION, shard, second(80_000), 9, None)
            .await
            .unwrap();
        assert!(found.is_empty());
    }
}
