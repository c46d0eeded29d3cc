//! API tokens: who calls, known only by the hash of what they say.
//!
//! | read or write         | key                                                       |
//! | --------------------- | --------------------------------------------------------- |
//! | one token by its hash | `pk = TOKEN#<sha256>`, `sk = TOKEN`                       |
//! | all tokens of a user  | `pk = USER#<id>`, `sk = TOKEN#<token id>`, naming the hash |

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Account, Source, UserId};
use serde::{Deserialize, Serialize};

use crate::batch::read_all;
use crate::error::{StoreError, is_condition_failed, is_condition_of_failed};
use crate::item::{Item, ONLY_IF_NEW, decode, encode, millis, number, text, text_of};
use crate::key::{Key, part, user_partition};
use crate::table::{Table, keyed};

/// How exactly the last use is known: one write an hour at most.
pub const USE_IS_NOTED_EVERY: TimeDelta = TimeDelta::hours(1);

const NOTE_USE: &str = "SET last_used_at = :now";
const ONLY_IF_LAST_USED_EARLIER: &str =
    "attribute_exists(pk) AND (attribute_not_exists(last_used_at) OR last_used_at <= :earlier)";

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenScope {
    /// All that its user may.
    Full,
    /// Hand in events, nothing else: it stands in webhook addresses.
    Ingest,
}

/// A token, as the table keeps it: without the token itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiToken {
    /// Its name in addresses; not secret.
    pub id: String,
    /// Whose it is.
    pub user: UserId,
    /// What it may do.
    pub scope: TokenScope,
    /// What its user calls it.
    pub name: String,
    /// The SHA-256 of the token, in hex.
    pub hash: String,
    /// The source whose webhook it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The source's account that it stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to the hour.
    #[serde(
        default,
        with = "chrono::serde::ts_milliseconds_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_used_at: Option<DateTime<Utc>>,
}

impl ApiToken {
    /// Says whether its use is worth noting: asking first saves the write that the condition would refuse.
    pub fn is_use_worth_noting(&self, now: DateTime<Utc>) -> bool {
        self.last_used_at
            .is_none_or(|last| last <= now - USE_IS_NOTED_EVERY)
    }
}

impl Key {
    /// A token, by its hash.
    pub fn token(hash: &str) -> Self {
        Self::new(format!("TOKEN#{hash}"), "TOKEN")
    }

    /// A token among those of its user.
    pub fn token_of(user: UserId, id: &str) -> Self {
        Self::of_user(user, format!("TOKEN#{}", part(id)))
    }
}

impl Table {
    /// Keeps a new token.
    ///
    /// # Errors
    ///
    /// Those of the table, a hash or id that is taken, and [`StoreError::is_erased`] for a user who was erased.
    pub async fn create_token(
        &self,
        token: &ApiToken,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "keep a token";
        let reverse = Item::from([
            ("hash".to_owned(), text(&*token.hash)),
            ("v".to_owned(), number(crate::item::FORMAT)),
        ]);
        let puts = [
            keyed(&Key::token(&token.hash), encode(OPERATION, token)?),
            keyed(&Key::token_of(token.user, &token.id), reverse),
        ];
        // One transaction: a token that its user cannot list could never be revoked.
        let mut request = self
            .client()
            .transact_write_items()
            .transact_items(self.unless_erased(OPERATION, token.user, now)?);
        for item in puts {
            let put = Put::builder()
                .table_name(self.name())
                .set_item(Some(item))
                .condition_expression(ONLY_IF_NEW)
                .build()
                .map_err(|error| StoreError::unreadable(OPERATION, error))?;
            request = request.transact_items(TransactWriteItem::builder().put(put).build());
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_condition_of_failed(&error, 0) => Err(StoreError::erased(OPERATION)),
            Err(error) => Err(StoreError::of_transaction(OPERATION, error)),
        }
    }

    /// Finds a token by the hash of what the caller said.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn token_by_hash(&self, hash: &str) -> Result<Option<ApiToken>, StoreError> {
        const OPERATION: &str = "look up a token";
        let item = self.read(OPERATION, &Key::token(hash)).await?;
        item.map(|item| decode(OPERATION, item)).transpose()
    }

    /// Lists a user's tokens, oldest first.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn tokens_of(&self, user: UserId) -> Result<Vec<ApiToken>, StoreError> {
        const OPERATION: &str = "list a user's tokens";
        let query = self
            .query(&user_partition(user), "TOKEN#")
            .consistent_read(true);
        let reverse = read_all(OPERATION, query).await?;
        let keys = reverse
            .iter()
            .filter_map(|item| text_of(item, "hash"))
            .map(Key::token);
        let mut tokens = self
            .read_many(OPERATION, keys)
            .await?
            .into_iter()
            .map(|item| decode(OPERATION, item))
            .collect::<Result<Vec<ApiToken>, _>>()?;
        tokens.sort_by(|one, two| (one.created_at, &one.id).cmp(&(two.created_at, &two.id)));
        Ok(tokens)
    }

    /// Revokes one of a user's tokens; `false` if the user has no such token.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn revoke_token(&self, user: UserId, id: &str) -> Result<bool, StoreError> {
        const OPERATION: &str = "revoke a token";
        let reverse = Key::token_of(user, id);
        let Some(item) = self.read(OPERATION, &reverse).await? else {
            return Ok(false);
        };
        // The token goes before the way to it, so that a repeat still finds what is left.
        if let Some(hash) = text_of(&item, "hash") {
            self.delete_many(OPERATION, [Key::token(hash)]).await?;
        }
        self.delete_many(OPERATION, [reverse]).await?;
        Ok(true)
    }

    /// Notes that a token was used, at most once an hour; `false` if that was noted already, or it is revoked.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn token_used(&self, hash: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let noted = self
            .update(&Key::token(hash))
            .update_expression(NOTE_USE)
            .condition_expression(ONLY_IF_LAST_USED_EARLIER)
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":earlier", millis(now - USE_IS_NOTED_EVERY))
            .send()
            .await;
        match noted {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new("note the use of a token", error)),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::testing::{second, table, user};

    pub(crate) fn token(user: UserId, id: &str) -> ApiToken {
        ApiToken {
            id: id.to_owned(),
            user,
            scope: TokenScope::Ingest,
            name: "living room".to_owned(),
            hash: format!("{user}-{id}-hash"),
            source: Some(Source::Plex),
            account: Some(Account {
                id: None,
                name: Some("Ada".to_owned()),
            }),
            created_at: second(0),
            last_used_at: None,
        }
    }

    #[test]
    fn the_keys_keep_their_stored_format() {
        assert_eq!(Key::token("ab12").to_string(), "TOKEN#ab12 TOKEN");
        assert_eq!(
            Key::token_of(user(1), "t1").to_string(),
            "USER#00000000-0000-0000-0000-000000000001 TOKEN#t1"
        );
    }

    #[tokio::test]
    async fn a_token_is_found_by_its_hash_and_listed_for_its_user() {
        let table = table().await;
        for id in ["a", "b"] {
            table
                .create_token(&token(user(1), id), second(0))
                .await
                .unwrap();
        }
        let kept = token(user(1), "a");
        assert_eq!(
            table.token_by_hash(&kept.hash).await.unwrap(),
            Some(kept.clone())
        );
        assert_eq!(
            table.tokens_of(user(1)).await.unwrap(),
            [kept, token(user(1), "b")]
        );
        assert!(table.tokens_of(user(2)).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_token_is_never_written_over() {
        let table = table().await;
        table
            .create_token(&token(user(1), "a"), second(0))
            .await
            .unwrap();
        let mut stolen = token(user(1), "a");
        stolen.user = user(2);
        let refused = table.create_token(&stolen, second(0)).await.unwrap_err();
        assert!(!refused.is_erased() && !refused.is_retryable());
        assert!(table.tokens_of(user(2)).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_revoked_token_is_gone_and_only_its_user_revokes_it() {
        let table = table().await;
        let kept = token(user(1), "a");
        table.create_token(&kept, second(0)).await.unwrap();
        assert!(!table.revoke_token(user(2), "a").await.unwrap());
        assert!(table.token_by_hash(&kept.hash).await.unwrap().is_some());
        assert!(table.revoke_token(user(1), "a").await.unwrap());
        assert!(!table.revoke_token(user(1), "a").await.unwrap());
        assert_eq!(table.token_by_hash(&kept.hash).await.unwrap(), None);
        assert!(!table.token_used(&kept.hash, second(1)).await.unwrap());
        assert_eq!(table.token_by_hash(&kept.hash).await.unwrap(), None);
    }

    #[tokio::test]
    async fn its_use_is_noted_once_an_hour() {
        let table = table().await;
        let kept = token(user(1), "a");
        table.create_token(&kept, second(0)).await.unwrap();
        assert!(table.token_used(&kept.hash, second(0)).await.unwrap());
        assert!(!table.token_used(&kept.hash, second(3599)).await.unwrap());
        assert!(table.token_used(&kept.hash, second(3600)).await.unwrap());
        let used = table.token_by_hash(&kept.hash).await.unwrap().unwrap();
        assert_eq!(used.last_used_at, Some(second(3600)));
        assert!(!used.is_use_worth_noting(second(7199)));
        assert!(used.is_use_worth_noting(second(7200)));
    }
}
