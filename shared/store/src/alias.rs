//! Aliases: every name that an item of a user's history is known by, each leading to the item.
//!
//! | read or write | key                                                        |
//! | ------------- | ---------------------------------------------------------- |
//! | one alias     | `pk = USER#<id>`, `sk = ALIAS#<namespace>:<value>`         |
//!
//! An alias is written once and never changes: whoever comes second learns what the first wrote.

use std::collections::HashMap;

use hub_domain::{ItemKey, UserId};
use serde::{Deserialize, Serialize};

use crate::error::{StoreError, is_condition_failed};
use crate::item::{ONLY_IF_NEW, decode, encode, refused_by, text_of};
use crate::key::Key;
use crate::table::Table;

/// What an alias leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasEntry {
    /// The item.
    pub item: ItemKey,
    /// The strong ids that were known of the item when the alias was written.
    #[serde(default)]
    pub ids: Vec<String>,
}

impl Key {
    /// An alias of an item of a user.
    pub fn alias(user: UserId, alias: &str) -> Self {
        Self::of_user(user, format!("ALIAS#{alias}"))
    }
}

impl Table {
    /// Looks aliases up as they are now; those that lead nowhere yet are left out.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn aliases(
        &self,
        user: UserId,
        aliases: &[String],
    ) -> Result<HashMap<String, AliasEntry>, StoreError> {
        const OPERATION: &str = "look up an item's aliases";
        let names: HashMap<String, &String> = aliases
            .iter()
            .map(|alias| (Key::alias(user, alias).sk, alias))
            .collect();
        let keys = aliases.iter().map(|alias| Key::alias(user, alias));
        let mut found = HashMap::new();
        for item in self.read_many(OPERATION, keys).await? {
            let alias = text_of(&item, "sk").and_then(|sk| names.get(sk));
            if let Some(alias) = alias {
                found.insert((*alias).clone(), decode(OPERATION, item)?);
            }
        }
        Ok(found)
    }

    /// Writes aliases that are new, and answers where each leads now: a lost race answers what the other wrote.
    ///
    /// # Errors
    ///
    /// Those of the table; some may be written then, and a repeat writes the rest.
    pub async fn put_aliases(
        &self,
        user: UserId,
        aliases: &[(String, AliasEntry)],
    ) -> Result<HashMap<String, AliasEntry>, StoreError> {
        const OPERATION: &str = "write an item's aliases";
        let mut leads = HashMap::new();
        for (alias, entry) in aliases {
            let put = self
                .put(&Key::alias(user, alias), encode(OPERATION, entry)?)
                .condition_expression(ONLY_IF_NEW)
                .send()
                .await;
            let stands = match put {
                Ok(_) => entry.clone(),
                Err(error) if is_condition_failed(&error) => {
                    decode(OPERATION, refused_by(&error).cloned().unwrap_or_default())?
                }
                Err(error) => return Err(StoreError::new(OPERATION, error)),
            };
            leads.insert(alias.clone(), stands);
        }
        Ok(leads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{table, user};

    fn entry(item: &str) -> AliasEntry {
        AliasEntry {
            item: ItemKey::new(item),
            ids: vec!["imdb:tt1".to_owned()],
        }
    }

    #[test]
    fn the_key_keeps_its_stored_format() {
        assert_eq!(
            Key::alias(user(1), "movie:tmdb:603").to_string(),
            "USER#00000000-0000-0000-0000-000000000001 ALIAS#movie:tmdb:603"
        );
    }

    #[tokio::test]
    async fn an_alias_leads_where_it_first_led() {
        let table = table().await;
        let first = [
            ("a".to_owned(), entry("one")),
            ("b".to_owned(), entry("one")),
        ];
        table.put_aliases(user(1), &first).await.unwrap();
        let second = [
            ("b".to_owned(), entry("two")),
            ("c".to_owned(), entry("two")),
        ];
        let leads = table.put_aliases(user(1), &second).await.unwrap();
        assert_eq!((&leads["b"], &leads["c"]), (&entry("one"), &entry("two")));
        let asked = ["a", "b", "b", "nowhere"].map(str::to_owned);
        let found = table.aliases(user(1), &asked).await.unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found["b"], entry("one"));
        assert!(table.aliases(user(2), &asked).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn two_who_write_an_alias_agree_on_it() {
        let table = table().await;
        let (one, two) = (
            [("a".to_owned(), entry("1"))],
            [("a".to_owned(), entry("2"))],
        );
        let (one, two) = tokio::join!(
            table.put_aliases(user(1), &one),
            table.put_aliases(user(1), &two)
        );
        assert_eq!(one.unwrap(), two.unwrap());
    }

    #[tokio::test]
    async fn an_alias_of_any_length_is_found_again() {
        let table = table().await;
        let long = format!("title:{}", "ü".repeat(2000));
        let written = [(long.clone(), entry("one"))];
        table.put_aliases(user(1), &written).await.unwrap();
        let found = table
            .aliases(user(1), std::slice::from_ref(&long))
            .await
            .unwrap();
        assert_eq!(found[&long], entry("one"));
    }
}
