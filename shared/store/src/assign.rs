//! Saying whose a source's account is: by a person, by a name's first stable id, and by an erasure.
//!
//! | write                       | key and condition                                                          |
//! | --------------------------- | -------------------------------------------------------------------------- |
//! | assign an account           | the account's and its users'; creates what is not there                    |
//! | bind a name to an id        | the name's; it is bound to no other id                                     |
//! | take a user off an account  | the account's; its users are those that were read                          |

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::ReturnValue;
use chrono::{DateTime, Utc};
use hub_domain::{Account, ServerRef, UserId};

use crate::account::{AccountOf, Binding, id_key, name_key};
use crate::error::{StoreError, is_condition_failed};
use crate::item::{ONLY_IF_NEW, ONLY_IF_THERE, decode, encode, encode_value, millis, text};
use crate::key::Key;
use crate::table::Table;

const ASSIGN: &str = "SET #users = :users, assigned_at = :now";
const REPLACE_USERS: &str = "SET #users = :users";
const ONLY_IF_USERS_UNCHANGED: &str = "attribute_exists(pk) AND #users = :users_read";
pub(crate) const BIND_NAME: &str = "SET bound_to = :id_key";
const ONLY_IF_NOT_BOUND_TO_ANOTHER: &str =
    "attribute_exists(pk) AND (attribute_not_exists(bound_to) OR bound_to = :id_key)";
const MOST_TRIES: usize = 5;

/// The account that a key names, as far as the key tells.
fn account_of_key(account_key: &str) -> Account {
    Account {
        id: account_key.strip_prefix("id:").map(str::to_owned),
        name: account_key.strip_prefix("name:").map(str::to_owned),
    }
}

impl Table {
    /// Binds an account's name to its stable id, and gives the id the name's users.
    ///
    /// `None` if the name is assigned to nobody, or was bound to another id before.
    ///
    /// # Errors
    ///
    /// Those of the table; a repeat completes what was cut short.
    pub async fn bind_id(
        &self,
        server: &ServerRef,
        account: &Account,
        now: DateTime<Utc>,
    ) -> Result<Option<Binding>, StoreError> {
        const OPERATION: &str = "bind a name to its account";
        let (Some(id_key), Some(name_key)) = (id_key(account), name_key(account)) else {
            return Ok(None);
        };
        let bound = self
            .update(&Key::account(server, &name_key))
            .update_expression(BIND_NAME)
            .condition_expression(ONLY_IF_NOT_BOUND_TO_ANOTHER)
            .expression_attribute_values(":id_key", text(&*id_key))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let item = match bound {
            Ok(answer) => answer.attributes.unwrap_or_default(),
            Err(error) if is_condition_failed(&error) => return Ok(None),
            Err(error) => return Err(StoreError::new(OPERATION, error)),
        };
        let mut binding: Binding = decode(OPERATION, item)?;
        if binding.users.is_empty() {
            return Ok(None);
        }
        self.assign_one(OPERATION, server, &id_key, account, &binding.users, now)
            .await?;
        binding.account_key = id_key;
        binding.account = account.clone();
        binding.bound_to = None;
        Ok(Some(binding))
    }

    /// Says whose an account is: these users, and nobody else. A name that was bound takes its id along.
    ///
    /// # Errors
    ///
    /// Those of the table (a repeat completes what was cut short), and [`StoreError::is_erased`] for an erased user.
    pub async fn assign_account(
        &self,
        server: &ServerRef,
        account_key: &str,
        users: &[UserId],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "assign a source's account";
        let users: Vec<UserId> = users
            .iter()
            .copied()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        for user in &users {
            if self.is_erased(*user, now).await? {
                return Err(StoreError::erased(OPERATION));
            }
        }
        let account = account_of_key(account_key);
        let before = self
            .assign_one(OPERATION, server, account_key, &account, &users, now)
            .await?;
        if let Some(id_key) = before.and_then(|binding| binding.bound_to) {
            let account = account_of_key(&id_key);
            self.assign_one(OPERATION, server, &id_key, &account, &users, now)
                .await?;
        }
        Ok(())
    }

    /// Assigns one key, and answers what stood there before.
    async fn assign_one(
        &self,
        operation: &'static str,
        server: &ServerRef,
        account_key: &str,
        account: &Account,
        users: &[UserId],
        now: DateTime<Utc>,
    ) -> Result<Option<Binding>, StoreError> {
        // The users' own keys come first and go last: an erasure finds a user's accounts through them.
        for user in users {
            let of_user = AccountOf {
                server: server.clone(),
                account_key: account_key.to_owned(),
            };
            let key = Key::account_of(*user, server, account_key);
            self.put(&key, encode(operation, &of_user)?)
                .send()
                .await
                .map_err(|error| StoreError::new(operation, error))?;
        }
        let key = Key::account(server, account_key);
        let new = Binding {
            server: server.clone(),
            account_key: account_key.to_owned(),
            account: account.clone(),
            users: users.to_vec(),
            aside_count: 0,
            last_seen_at: None,
            bound_to: None,
            assigned_at: Some(now),
        };
        for _ in 0..MOST_TRIES {
            let assigned = self
                .update(&key)
                .update_expression(ASSIGN)
                .condition_expression(ONLY_IF_THERE)
                .expression_attribute_names("#users", "users")
                .expression_attribute_values(":users", encode_value(operation, &users)?)
                .expression_attribute_values(":now", millis(now))
                .return_values(ReturnValue::AllOld)
                .send()
                .await;
            match assigned {
                Ok(answer) => {
                    let before: Binding = decode(operation, answer.attributes.unwrap_or_default())?;
                    let gone = before.users.iter().filter(|user| !users.contains(user));
                    let gone = gone.map(|user| Key::account_of(*user, server, account_key));
                    self.delete_many(operation, gone).await?;
                    return Ok(Some(before));
                }
                Err(error) if is_condition_failed(&error) => {}
                Err(error) => return Err(StoreError::new(operation, error)),
            }
            if self.create_account(operation, &new).await? {
                return Ok(None);
            }
        }
        Err(StoreError::crowded(operation))
    }

    /// Writes an account down that is not there yet, and its server.
    pub(crate) async fn create_account(
        &self,
        operation: &'static str,
        binding: &Binding,
    ) -> Result<bool, StoreError> {
        let server = &binding.server;
        self.put(&Key::server(server), encode(operation, server)?)
            .send()
            .await
            .map_err(|error| StoreError::new(operation, error))?;
        let item = encode(operation, binding)?;
        let created = self
            .put(&Key::account(server, &binding.account_key), item)
            .condition_expression(ONLY_IF_NEW)
            .send()
            .await;
        match created {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new(operation, error)),
        }
    }

    /// Takes one user off an account.
    pub(crate) async fn unbind(
        &self,
        operation: &'static str,
        account: &AccountOf,
        user: UserId,
    ) -> Result<(), StoreError> {
        let key = Key::account(&account.server, &account.account_key);
        for _ in 0..MOST_TRIES {
            let Some(item) = self.read(operation, &key).await? else {
                return Ok(());
            };
            let binding: Binding = decode(operation, item)?;
            if !binding.users.contains(&user) {
                return Ok(());
            }
            let left: Vec<_> = binding
                .users
                .iter()
                .filter(|other| **other != user)
                .collect();
            let replaced = self
                .update(&key)
                .update_expression(REPLACE_USERS)
                .condition_expression(ONLY_IF_USERS_UNCHANGED)
                .expression_attribute_names("#users", "users")
                .expression_attribute_values(":users", encode_value(operation, &left)?)
                .expression_attribute_values(
                    ":users_read",
                    encode_value(operation, &binding.users)?,
                )
                .send()
                .await;
            match replaced {
                Ok(_) => return Ok(()),
                Err(error) if is_condition_failed(&error) => {}
                Err(error) => return Err(StoreError::new(operation, error)),
            }
        }
        Err(StoreError::crowded(operation))
    }
}
