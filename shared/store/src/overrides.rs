//! Overrides: what a user says of where episodes, seasons and films lie in the anime lists.
//!
//! | read or write          | key                                                                                  |
//! | ---------------------- | ------------------------------------------------------------------------------------ |
//! | one rule               | `pk = USER#<id>`, `sk = ANIME#<origin>:<id>:<season>:<from>-<to>:<catalogue>`        |
//! | all rules of a user    | `pk = USER#<id>`, `sk` begins `ANIME#`                                               |
//!
//! The place of a rule says what it is about, so that saying something else about the same replaces it.

use chrono::{DateTime, Utc};
use hub_domain::UserId;
use hub_domain::anime::{Catalogue, Override, Says};
use serde::{Deserialize, Serialize};

use crate::batch::read_all;
use crate::error::{StoreError, is_condition_failed};
use crate::item::{ONLY_IF_THERE, decode, encode, text_of};
use crate::key::{Key, user_partition};
use crate::table::{Freshness, Table};

/// The most rules of a user.
pub const MOST_OVERRIDES: usize = 1_000;
const PREFIX: &str = "ANIME#";
/// The longest name of a rule; the table's own are far shorter.
const LONGEST_ID: usize = 120;

/// A rule as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredOverride {
    /// Its name.
    #[serde(skip)]
    pub id: String,
    /// What it says.
    #[serde(flatten)]
    pub rule: Override,
    /// What it is about, for people.
    pub about: String,
    /// When the user said so.
    pub said_at: DateTime<Utc>,
}

/// What became of rules that a user said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// They are kept, under these names.
    Kept(Vec<StoredOverride>),
    /// The user has as many as there may be.
    TooMany,
}

impl Key {
    /// A rule of a user.
    pub fn anime_override(user: UserId, id: &str) -> Self {
        Self::of_user(user, format!("{PREFIX}{id}"))
    }
}

/// The name of a rule: what it is about, and for which catalogue.
pub fn override_id(rule: &Override) -> String {
    let for_catalogue = match rule.says {
        Says::Is { entry, .. } => word(entry.catalogue),
        Says::IsNotSent => "none",
    };
    id_for(rule, for_catalogue)
}

fn id_for(rule: &Override, for_catalogue: &str) -> String {
    let part = |number: Option<u32>| number.map_or_else(String::new, |number| number.to_string());
    format!(
        "{}:{}:{}:{}-{}:{for_catalogue}",
        rule.origin.name(),
        rule.id,
        part(rule.season),
        rule.from,
        part(rule.to)
    )
}

const fn word(catalogue: Catalogue) -> &'static str {
    match catalogue {
        Catalogue::AniList => "anilist",
        Catalogue::MyAnimeList => "mal",
    }
}

/// The names of the rules that a new one speaks against.
fn contradicted(rule: &Override) -> Vec<String> {
    match rule.says {
        Says::Is { .. } => vec![id_for(rule, "none")],
        Says::IsNotSent => Catalogue::ALL
            .map(|catalogue| id_for(rule, word(catalogue)))
            .to_vec(),
    }
}

impl Table {
    /// Keeps what a user says, in place of what they said about the same before.
    ///
    /// # Errors
    ///
    /// Those of the table; a repeat completes what was cut short.
    pub async fn put_overrides(
        &self,
        user: UserId,
        rules: &[Override],
        about: &str,
        now: DateTime<Utc>,
    ) -> Result<Said, StoreError> {
        const OPERATION: &str = "keep an override";
        let known = self.overrides(user).await?;
        let stored: Vec<StoredOverride> = rules
            .iter()
            .map(|rule| StoredOverride {
                id: override_id(rule),
                rule: *rule,
                about: about.to_owned(),
                said_at: now,
            })
            .collect();
        let is_new = |rule: &&StoredOverride| known.iter().all(|other| other.id != rule.id);
        if known.len() + stored.iter().filter(is_new).count() > MOST_OVERRIDES {
            return Ok(Said::TooMany);
        }
        for rule in &stored {
            self.put(
                &Key::anime_override(user, &rule.id),
                encode(OPERATION, rule)?,
            )
            .send()
            .await
            .map_err(|error| StoreError::new(OPERATION, error))?;
        }
        let contradicted = rules
            .iter()
            .flat_map(contradicted)
            .map(|id| Key::anime_override(user, &id));
        self.delete_many(OPERATION, contradicted).await?;
        Ok(Said::Kept(stored))
    }

    /// The rules of a user, the one that was said last behind all others; at most [`MOST_OVERRIDES`].
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn overrides(&self, user: UserId) -> Result<Vec<StoredOverride>, StoreError> {
        self.overrides_as(user, Freshness::Now).await
    }

    /// The same, as new as it has to be.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn overrides_as(
        &self,
        user: UserId,
        freshness: Freshness,
    ) -> Result<Vec<StoredOverride>, StoreError> {
        const OPERATION: &str = "list a user's overrides";
        let query = self
            .query(&user_partition(user), PREFIX)
            .consistent_read(freshness.is_consistent());
        let mut rules = read_all(OPERATION, query)
            .await?
            .into_iter()
            .map(|item| {
                let id = text_of(&item, "sk")
                    .and_then(|sk| sk.strip_prefix(PREFIX))
                    .unwrap_or_default()
                    .to_owned();
                let rule: StoredOverride = decode(OPERATION, item)?;
                Ok(StoredOverride { id, ..rule })
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        rules.sort_by(|one, other| (one.said_at, &one.id).cmp(&(other.said_at, &other.id)));
        rules.truncate(MOST_OVERRIDES);
        Ok(rules)
    }

    /// Forgets a rule; answers whether there was one of that name.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn delete_override(&self, user: UserId, id: &str) -> Result<bool, StoreError> {
        const OPERATION: &str = "forget an override";
        if id.is_empty() || id.len() > LONGEST_ID {
            return Ok(false);
        }
        let deleted = self
            .delete(&Key::anime_override(user, id))
            .condition_expression(ONLY_IF_THERE)
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use hub_domain::anime::{Entry, Origin};

    use super::*;
    use crate::testing::{items_of, second, table, user};

    fn rule(says: Says) -> Override {
        Override {
            origin: Origin::TvdbShow,
            id: 267_440,
            season: Some(4),
            from: 17,
            to: None,
            says,
        }
    }

    fn is(catalogue: Catalogue, id: u32) -> Says {
        Says::Is {
            entry: Entry { catalogue, id },
            first: 1,
        }
    }

    async fn say(table: &Table, says: Says, at: i64) -> Said {
        let rules = [rule(says)];
        let said = table.put_overrides(user(1), &rules, "Titan S04E17", second(at));
        said.await.unwrap()
    }

    async fn says(table: &Table) -> Vec<Says> {
        let rules = table.overrides(user(1)).await.unwrap();
        rules.iter().map(|stored| stored.rule.says).collect()
    }

    #[test]
    fn the_key_keeps_its_stored_format() {
        let id = override_id(&rule(is(Catalogue::MyAnimeList, 1)));
        assert_eq!(
            Key::anime_override(user(1), &id).to_string(),
            "USER#00000000-0000-0000-0000-000000000001 ANIME#tvdb_show:267440:4:17-:mal"
        );
        let film = Override {
            origin: Origin::TmdbMovie,
            season: None,
            from: 1,
            to: Some(1),
            ..rule(Says::IsNotSent)
        };
        assert_eq!(override_id(&film), "tmdb_movie:267440::1-1:none");
    }

    #[tokio::test]
    async fn a_rule_replaces_what_was_said_of_the_same_and_the_last_one_stands_last() {
        let table = table().await;
        assert_eq!(says(&table).await, []);
        let (mine, other, newer) = (
            is(Catalogue::MyAnimeList, 1),
            is(Catalogue::AniList, 2),
            is(Catalogue::AniList, 3),
        );
        say(&table, other, 0).await;
        say(&table, newer, 1).await;
        say(&table, mine, 2).await;
        assert_eq!(says(&table).await, [newer, mine]);
        say(&table, newer, 3).await;
        assert_eq!(says(&table).await, [mine, newer]);
        say(&table, Says::IsNotSent, 4).await;
        assert_eq!(says(&table).await, [Says::IsNotSent]);
        let Said::Kept(kept) = say(&table, mine, 5).await else {
            panic!("there is room");
        };
        assert_eq!(says(&table).await, [mine]);
        assert_eq!(table.overrides(user(1)).await.unwrap(), kept);
        assert_eq!(table.overrides(user(2)).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_rule_is_forgotten_by_its_name() {
        let table = table().await;
        say(&table, Says::IsNotSent, 0).await;
        let id = override_id(&rule(Says::IsNotSent));
        for (id, was_there) in [("", false), (&*id, true), (&*id, false)] {
            let deleted = table.delete_override(user(1), id).await.unwrap();
            assert_eq!(deleted, was_there, "{id}");
        }
        assert_eq!(says(&table).await, []);
    }

    #[tokio::test]
    async fn rules_go_with_their_user_and_nothing_else_is_listed_among_them() {
        let table = table().await;
        table.ensure_user(user(1), None, second(0)).await.unwrap();
        say(&table, Says::IsNotSent, 0).await;
        assert_eq!(says(&table).await, [Says::IsNotSent]);
        table.erase_user(user(1), second(1)).await.unwrap();
        assert!(items_of(&table, &user_partition(user(1))).await.is_empty());
    }

    #[tokio::test]
    async fn there_are_at_most_a_thousand_and_those_can_be_changed() {
        let table = table().await;
        let all: Vec<Override> = (1..=1_000)
            .map(|id| Override {
                id,
                ..rule(Says::IsNotSent)
            })
            .collect();
        let put = async |rules: &[Override]| {
            let put = table.put_overrides(user(1), rules, "?", second(0));
            put.await.unwrap()
        };
        assert!(matches!(put(&all).await, Said::Kept(_)));
        assert_eq!(put(&[rule(Says::IsNotSent)]).await, Said::TooMany);
        assert!(matches!(put(&all[..1]).await, Said::Kept(_)));
    }
}
