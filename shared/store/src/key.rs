//! Keys: each entity's module adds its own constructors, and nothing else builds one.

use std::collections::HashMap;
use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use hub_domain::UserId;
use sha2::{Digest, Sha256};

/// The most bytes of a sort key, and so of any part that comes from outside.
///
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const LONGEST: usize = 1024;
/// How much of a text that is too long is kept readable, in bytes, before the hash that tells it from others.
const READABLE: usize = 256;

/// The primary key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The partition.
    pub pk: String,
    /// The place in it.
    pub sk: String,
}

impl Key {
    pub(crate) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self {
            pk: shortened(pk.into()),
            sk: shortened(sk.into()),
        }
    }

    /// A key that the table itself told.
    pub(crate) fn stored(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self {
            pk: pk.into(),
            sk: sk.into(),
        }
    }

    pub(crate) fn of_user(user: UserId, sk: impl Into<String>) -> Self {
        Self::new(user_partition(user), sk)
    }

    pub(crate) fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.pk.clone())),
            ("sk".to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pk, self.sk)
    }
}

/// The partition that holds what a user has.
pub(crate) fn user_partition(user: UserId) -> String {
    format!("USER#{user}")
}

/// A text from outside as one part of a key: it cannot pretend to be two parts, nor grow without end.
pub(crate) fn part(text: &str) -> String {
    let text = text.replace('%', "%25").replace('#', "%23");
    if text.len() > READABLE {
        hashed(&text)
    } else {
        text
    }
}

fn shortened(text: String) -> String {
    if text.len() > LONGEST {
        hashed(&text)
    } else {
        text
    }
}

fn hashed(text: &str) -> String {
    let readable = text
        .char_indices()
        .take_while(|(at, letter)| at + letter.len_utf8() <= READABLE)
        .map(|(_, letter)| letter)
        .collect::<String>();
    format!("{readable}~{}", hex::encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_keeps_its_ends_to_itself() {
        assert_eq!(part("movie:imdb:tt0133093"), "movie:imdb:tt0133093");
        assert_eq!(part("1#2%"), "1%232%25");
    }

    #[test]
    fn a_long_text_is_cut_and_told_apart_by_its_hash() {
        let long = "ä".repeat(600);
        let key = Key::new("USER#1", long.clone());
        assert!(key.sk.starts_with(&"ä".repeat(128)));
        assert_eq!(key.sk.len(), 256 + 1 + 64);
        assert_ne!(key, Key::new("USER#1", format!("{long}ä")));
        assert_eq!(Key::new("USER#1", key.sk.clone()), key);
        assert_eq!(part(&"a".repeat(257)).len(), 321);
    }

    #[test]
    fn a_key_as_long_as_the_table_takes_is_kept_as_it_is() {
        assert_eq!(Key::new("USER#1", "a".repeat(1024)).sk, "a".repeat(1024));
    }
}
