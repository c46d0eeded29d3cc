//! A statement: what a user says of an item, as it stands: a rating, a heart, an entry of a list.
//!
//! A play is something that happened, a statement something that holds: the newest replaces the one before, and taking
//! it back is a statement too. It is delivered like a play. What a service was last told is kept beside the delivery
//! ([`Agreed`]), so that nothing is written there that it shows already, and nothing is removed that nobody took back.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::delivery::Delivery;
use crate::media::MediaItem;
use crate::names::{ItemKey, NotAName, UserId};
use crate::rating::{Feeling, Rating};
use crate::service::Service;

/// What is said about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// How good it is, and why.
    Rating,
    /// Loved, or hated.
    Loved,
    /// It is to be watched, heard or read.
    Watchlist,
    /// It is owned.
    Collection,
    /// It is being read: a book that was begun and is not finished.
    Reading,
}

impl Aspect {
    /// Every aspect.
    pub const ALL: [Aspect; 5] = [
        Self::Rating,
        Self::Loved,
        Self::Watchlist,
        Self::Collection,
        Self::Reading,
    ];

    /// The name in addresses, keys and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rating => "rating",
            Self::Loved => "loved",
            Self::Watchlist => "watchlist",
            Self::Collection => "collection",
            Self::Reading => "reading",
        }
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Aspect {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        Self::ALL
            .into_iter()
            .find(|aspect| aspect.name() == text)
            .ok_or_else(|| NotAName::new("aspect", text))
    }
}

/// The name of a statement: what is said about which item. A user has one of each.
///
/// `~rating#movie:imdb:tt0133093`: it begins with a `~`, so that statements lie behind plays in a lane.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StatementId {
    /// What is said.
    pub aspect: Aspect,
    /// About which item.
    pub item: ItemKey,
}

/// What the name of every statement begins with.
const MARK: char = '~';

impl fmt::Display for StatementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}{}#{}", self.aspect, self.item)
    }
}

impl From<StatementId> for String {
    fn from(id: StatementId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for StatementId {
    type Error = NotAName;
    fn try_from(text: String) -> Result<Self, NotAName> {
        text.parse()
    }
}

impl FromStr for StatementId {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        let wrong = || NotAName::new("name of a statement", text);
        let (aspect, item) = text
            .strip_prefix(MARK)
            .and_then(|rest| rest.split_once('#'))
            .ok_or_else(wrong)?;
        Ok(Self {
            aspect: aspect.parse().map_err(|_| wrong())?,
            item: ItemKey::new(item),
        })
    }
}

/// What is said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// The rating, and what was written about it.
    Rated {
        /// On the hub's scale.
        rating: Rating,
        /// In the user's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        review: Option<String>,
    },
    /// Loved, or hated.
    Felt(Feeling),
    /// It is on the list.
    Listed,
}

impl Says {
    /// The rating, where it is one.
    pub const fn rating(&self) -> Option<Rating> {
        match self {
            Self::Rated { rating, .. } => Some(*rating),
            Self::Felt(_) | Self::Listed => None,
        }
    }

    /// The feeling, where it is one.
    pub const fn feeling(&self) -> Option<Feeling> {
        match self {
            Self::Felt(feeling) => Some(*feeling),
            Self::Rated { .. } | Self::Listed => None,
        }
    }
}

/// What a service and the hub last agreed on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agreed {
    /// What was said then; `None`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<Says>,
    /// When the service took it.
    pub at: DateTime<Utc>,
}

/// What a user says of an item, as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// Whose it is.
    pub user: UserId,
    /// What it is called.
    pub id: StatementId,
    /// The item.
    pub media: MediaItem,
    /// What is said; `None`: it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<Says>,
    /// Since when, as its user's clock has it.
    pub since: DateTime<Utc>,
    /// Counts what was said in turn, from 1: a service's answer to one says nothing of the next.
    pub version: u64,
    /// When the hub learned of this version.
    pub created_at: DateTime<Utc>,
    /// Its deliveries, of this version.
    #[serde(default)]
    pub deliveries: BTreeMap<Service, Delivery>,
    /// What was last agreed on, service by service.
    #[serde(default)]
    pub agreed: BTreeMap<Service, Agreed>,
}

impl Statement {
    /// Says whether anything is still to be done.
    pub fn is_open(&self) -> bool {
        self.deliveries
            .values()
            .any(|delivery| !delivery.state.is_settled())
    }

    /// Says whether a service has taken what is said now.
    pub fn is_agreed(&self, service: Service) -> bool {
        self.agreed
            .get(&service)
            .is_some_and(|agreed| agreed.says == self.says)
    }

    /// What becomes of the statement when its user says something: nothing if it stands so already, or if what stands
    /// was said later.
    ///
    /// Of two things said at one moment the one that came last stands.
    pub fn is_changed_by(&self, says: Option<&Says>, since: DateTime<Utc>) -> bool {
        since >= self.since && self.says.as_ref() != says
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statements_name_says_what_it_is_about_and_lies_behind_plays() {
        for aspect in Aspect::ALL {
            let id = StatementId {
                aspect,
                item: ItemKey::new("track:recording_mbid#b1a9c0e9"),
            };
            let text = id.to_string();
            assert_eq!(text.parse(), Ok(id.clone()));
            assert_eq!(serde_json::to_value(&id).unwrap(), text.as_str());
            assert!(text.as_str() > "99991231T235959999Z-ffffffffffffffff");
            assert_eq!(aspect.name().parse(), Ok(aspect));
        }
        for text in ["rating#x", "~rating", "~opinion#x", ""] {
            assert!(text.parse::<StatementId>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_said_keeps_its_stored_format() {
        for (says, text) in [
            (
                Says::Rated {
                    rating: Rating::new(8.7).unwrap(),
                    review: None,
                },
                r#"{"rated":{"rating":8.7}}"#,
            ),
            (Says::Felt(Feeling::Loved), r#"{"felt":"loved"}"#),
            (Says::Listed, r#""listed""#),
        ] {
            assert_eq!(serde_json::to_string(&says).unwrap(), text);
            assert_eq!(serde_json::from_str::<Says>(text).unwrap(), says);
        }
    }

    #[test]
    fn the_newest_stands_and_a_repeat_changes_nothing() {
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        let statement = Statement {
            user: UserId(uuid::Uuid::nil()),
            id: StatementId {
                aspect: Aspect::Watchlist,
                item: ItemKey::new("movie:imdb:tt0133093"),
            },
            media: MediaItem::new(crate::ItemKind::Movie),
            says: Some(Says::Listed),
            since: at(10),
            version: 1,
            created_at: at(10),
            deliveries: BTreeMap::new(),
            agreed: BTreeMap::new(),
        };
        assert!(!statement.is_changed_by(Some(&Says::Listed), at(11)));
        assert!(!statement.is_changed_by(None, at(9)));
        assert!(statement.is_changed_by(None, at(10)));
    }
}
