//! Source accounts: which users an account of a media server stands for.
//!
//! | read or write              | key                                                                         |
//! | -------------------------- | --------------------------------------------------------------------------- |
//! | one account                | `pk = SOURCE#<source>#<server>`, `sk = ACCOUNT#<account key>`               |
//! | all accounts of a server   | the same `pk`, `sk` begins `ACCOUNT#`                                       |
//! | all accounts of a user     | `pk = USER#<id>`, `sk = ACCOUNT#<source>#<server>#<account key>`            |
//! | all servers ever seen      | `pk = SOURCES`, `sk = SERVER#<source>#<server>`                             |
//!
//! An account's key is `id:<stable id>`, or `name:<folded name>` where only a name is known. A name given once is bound
//! to the first stable id that is seen with it ([`Table::bind_id`]); from then on it stands for that id alone, so that
//! somebody who takes the name later does not get its plays.

use chrono::{DateTime, Utc};
use hub_domain::names::fold_account_name;
use hub_domain::{Account, ServerRef, UserId};
use serde::{Deserialize, Serialize};

use crate::batch::read_all;
use crate::error::StoreError;
use crate::item::decode;
use crate::key::{Key, part, user_partition};
use crate::table::Table;

const SERVERS: &str = "SOURCES";

/// One account of one media server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// The server.
    pub server: ServerRef,
    /// The account's key at that server.
    pub account_key: String,
    /// The account, as last seen.
    pub account: Account,
    /// The users it stands for; none while nobody has assigned it.
    #[serde(default)]
    pub users: Vec<UserId>,
    /// About how many of its events are set aside.
    #[serde(default)]
    pub aside_count: u64,
    /// When an event of it was last set aside.
    #[serde(
        default,
        with = "chrono::serde::ts_milliseconds_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_seen_at: Option<DateTime<Utc>>,
    /// The key of the stable id that this name was bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound_to: Option<String>,
    /// When a person last said whose it is; nobody is an answer, too.
    #[serde(
        default,
        with = "chrono::serde::ts_milliseconds_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub assigned_at: Option<DateTime<Utc>>,
}

/// An account among those of a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AccountOf {
    pub(crate) server: ServerRef,
    pub(crate) account_key: String,
}

impl Key {
    /// An account of a server.
    pub fn account(server: &ServerRef, account_key: &str) -> Self {
        Self::new(source_partition(server), format!("ACCOUNT#{account_key}"))
    }

    /// An account among those of a user.
    pub fn account_of(user: UserId, server: &ServerRef, account_key: &str) -> Self {
        let (source, id) = (server.source, part(&server.id));
        Self::of_user(user, format!("ACCOUNT#{source}#{id}#{account_key}"))
    }

    /// A server among all that were seen.
    pub fn server(server: &ServerRef) -> Self {
        let (source, id) = (server.source, part(&server.id));
        Self::new(SERVERS, format!("SERVER#{source}#{id}"))
    }
}

pub(crate) fn source_partition(server: &ServerRef) -> String {
    format!("SOURCE#{}#{}", server.source, part(&server.id))
}

pub(crate) fn id_key(account: &Account) -> Option<String> {
    account.id.as_ref().map(|id| format!("id:{id}"))
}

pub(crate) fn name_key(account: &Account) -> Option<String> {
    let name = account.name.as_ref()?;
    Some(format!("name:{}", fold_account_name(name)))
}

#[derive(Debug, PartialEq)]
enum Choice {
    Found(Box<Binding>),
    /// A name alone, which stands for a stable id.
    Follow(String),
    Nobody,
}

/// Decides whose events an account's are, of what is kept under its id and under its name.
fn choose(by_id: Option<Binding>, by_name: Option<Binding>, account: &Account) -> Choice {
    match by_id {
        Some(binding) if !binding.users.is_empty() => return Choice::Found(Box::new(binding)),
        // A person said that this id is nobody's; a name does not change that.
        Some(binding) if binding.assigned_at.is_some() => return Choice::Nobody,
        Some(_) | None => {}
    }
    let Some(binding) = by_name.filter(|binding| !binding.users.is_empty()) else {
        return Choice::Nobody;
    };
    match (&binding.bound_to, id_key(account)) {
        (None, _) => Choice::Found(Box::new(binding)),
        (Some(bound_to), None) => Choice::Follow(bound_to.clone()),
        // Bound to this id, but a crash came before its users were copied: the caller binds again.
        (Some(bound_to), Some(id)) if *bound_to == id => Choice::Found(Box::new(binding)),
        (Some(_), Some(_)) => Choice::Nobody,
    }
}

impl Table {
    /// Finds the users that an account of a server stands for: by its stable id, else by its folded name.
    ///
    /// Never answers a binding without users. Where the answer's key is a name's and the account has an id, the caller
    /// binds the name to it ([`Table::bind_id`]).
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn binding(
        &self,
        server: &ServerRef,
        account: &Account,
    ) -> Result<Option<Binding>, StoreError> {
        const OPERATION: &str = "look up a source's account";
        let keys = [id_key(account), name_key(account)];
        let keys = keys.iter().flatten().map(|key| Key::account(server, key));
        let mut found = self
            .read_many(OPERATION, keys)
            .await?
            .into_iter()
            .map(|item| decode::<Binding>(OPERATION, item))
            .collect::<Result<Vec<_>, _>>()?;
        let mut take = |key: Option<String>| {
            let at = found
                .iter()
                .position(|binding| Some(&binding.account_key) == key.as_ref())?;
            Some(found.swap_remove(at))
        };
        let (by_id, by_name) = (take(id_key(account)), take(name_key(account)));
        match choose(by_id, by_name, account) {
            Choice::Found(binding) => Ok(Some(*binding)),
            Choice::Nobody => Ok(None),
            Choice::Follow(key) => {
                let item = self.read(OPERATION, &Key::account(server, &key)).await?;
                let binding = item
                    .map(|item| decode::<Binding>(OPERATION, item))
                    .transpose()?;
                Ok(binding.filter(|binding| !binding.users.is_empty()))
            }
        }
    }

    /// Lists every account of a server that was assigned or seen: those without users are unknown.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn bindings(&self, server: &ServerRef) -> Result<Vec<Binding>, StoreError> {
        const OPERATION: &str = "list a server's accounts";
        let query = self.query(&source_partition(server), "ACCOUNT#");
        let items = read_all(OPERATION, query).await?;
        items
            .into_iter()
            .map(|item| decode(OPERATION, item))
            .collect()
    }

    /// Lists every server of which an account was assigned or seen.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn servers(&self) -> Result<Vec<ServerRef>, StoreError> {
        const OPERATION: &str = "list the servers";
        let items = read_all(OPERATION, self.query(SERVERS, "SERVER#")).await?;
        items
            .into_iter()
            .map(|item| decode(OPERATION, item))
            .collect()
    }

    /// Lists the accounts that stand for a user, alone or with others.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn accounts_of(&self, user: UserId) -> Result<Vec<Binding>, StoreError> {
        const OPERATION: &str = "list a user's accounts";
        let query = self
            .query(&user_partition(user), "ACCOUNT#")
            .consistent_read(true);
        let keys = read_all(OPERATION, query)
            .await?
            .into_iter()
            .map(|item| {
                let of_user: AccountOf = decode(OPERATION, item)?;
                Ok(Key::account(&of_user.server, &of_user.account_key))
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        let mut bindings = self
            .read_many(OPERATION, keys)
            .await?
            .into_iter()
            .map(|item| decode::<Binding>(OPERATION, item))
            .collect::<Result<Vec<_>, _>>()?;
        bindings.retain(|binding| binding.users.contains(&user));
        bindings.sort_by(|one, two| {
            (&one.server, &one.account_key).cmp(&(&two.server, &two.account_key))
        });
        Ok(bindings)
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
