//! The hub's own tokens: made here, shown once, kept only as hashes.

use std::fmt;

use hub_domain::Secret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::random::random_word;

/// Longer words are no tokens of ours; nothing longer is hashed.
const LONGEST: usize = 512;

/// What a token is for, told by how it begins: people see which one they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// `hub_…`: calls the API for its user.
    Api,
    /// `hubw_…`: stands in a webhook's address and only takes events in.
    Ingest,
}

impl TokenKind {
    /// How its tokens begin.
    pub const fn beginning(self) -> &'static str {
        match self {
            Self::Api => "hub_",
            Self::Ingest => "hubw_",
        }
    }

    /// Makes a new token of 32 random bytes. It is shown once; only its [`hash_token`] is kept.
    pub fn mint(self) -> Secret {
        Secret::new(format!("{}{}", self.beginning(), random_word()))
    }
}

/// The hash under which a token is kept: SHA-256 in lower-case hex.
///
/// Finding a token by its hash takes a time that tells nothing about the token: whoever guesses does not choose the
/// hash. Tokens are random words of 256 bits, so a slow hash would protect nothing more.
pub fn hash_token(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

/// Says whether a word could be a token of ours at all, before anything is asked of the table.
pub fn is_well_formed(token: &str) -> bool {
    !token.is_empty() && token.len() <= LONGEST && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The media server's token, compared in constant time.
#[derive(Clone)]
pub struct ServerToken([u8; 32]);

impl ServerToken {
    /// Keeps the token's hash.
    pub fn new(token: &Secret) -> Self {
        Self(Sha256::digest(token.reveal()).into())
    }

    /// Says whether a word is the token. The time this takes depends on neither's letters; hashing first hides the
    /// length too.
    pub fn is(&self, word: &str) -> bool {
        is_well_formed(word) && bool::from(self.0.ct_eq(Sha256::digest(word).as_slice()))
    }
}

impl fmt::Debug for ServerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_its_kind_and_is_never_made_twice() {
        let (api, ingest) = (TokenKind::Api.mint(), TokenKind::Ingest.mint());
        assert!(api.reveal().starts_with("hub_") && api.reveal().len() == 47);
        assert!(ingest.reveal().starts_with("hubw_") && ingest.reveal().len() == 48);
        assert_ne!(TokenKind::Api.mint(), api);
        assert!(is_well_formed(api.reveal()) && is_well_formed(ingest.reveal()));
    }

    #[test]
    fn a_hash_keeps_its_stored_format() {
        assert_eq!(
            hash_token("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn the_server_token_is_itself_and_nothing_near_it() {
        let token = ServerToken::new(&Secret::new("correct-horse"));
        assert!(token.is("correct-horse"));
        for word in [
            "",
            "correct-hors",
            "correct-horse ",
            "Correct-horse",
            "correct-horsf",
        ] {
            assert!(!token.is(word), "{word:?}");
        }
        assert_eq!(format!("{token:?}"), "ServerToken(…)");
    }

    #[test]
    fn overlong_and_strange_words_are_no_tokens() {
        assert!(!is_well_formed(&"a".repeat(513)));
        assert!(!is_well_formed("hub_\n") && !is_well_formed("hüb"));
    }
}
