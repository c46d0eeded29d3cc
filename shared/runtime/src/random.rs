//! Randomness, from the operating system.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// Fills an array with random bytes.
///
/// # Panics
///
/// Where the operating system has no randomness to give; nothing could be kept secret then.
pub fn random_bytes<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// A random word of 32 bytes, as 43 characters that need no escaping in an address: an OAuth state, a token's heart.
pub fn random_word() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<32>())
}

/// A new random id.
pub fn new_id() -> Uuid {
    uuid::Builder::from_random_bytes(random_bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_words_and_no_two_ids_are_equal() {
        assert_ne!(random_word(), random_word());
        assert_ne!(new_id(), new_id());
    }

    #[test]
    fn a_word_has_43_characters_that_need_no_escaping() {
        let word = random_word();
        assert_eq!(word.len(), 43);
        assert!(
            word.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        );
    }

    #[test]
    fn an_id_is_a_uuid_of_version_4() {
        assert_eq!(new_id().get_version_num(), 4);
    }
}
