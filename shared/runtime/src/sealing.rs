//! Seals tokens at rest: AES-256-GCM, bound to the user and the service they belong to.
//!
//! The stored text is `v1.<key id>.<base64url of nonce and ciphertext>`. The key's id lets keys be changed: the new
//! one is put first and seals from then on, the old ones still open.

use std::fmt;
use std::sync::Arc;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use hub_domain::{Secret, Service, UserId};

use crate::random::random_bytes;

const VERSION: &str = "v1";
const NONCE_BYTES: usize = 12;
const MOST_KEYS: usize = 16;

/// Keys are taken with padding or without: tools that make them differ.
const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// A key and its id. Its `Debug` prints the id alone.
#[derive(Clone, PartialEq, Eq)]
pub struct SealingKey {
    id: String,
    key: [u8; 32],
}

impl SealingKey {
    /// A key with its id: 1 to 32 letters, digits, `-` and `_`.
    pub fn new(id: &str, key: [u8; 32]) -> Option<Self> {
        let is_id = (1..=32).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        is_id.then(|| Self {
            id: id.to_owned(),
            key,
        })
    }

    /// A new random key.
    pub fn random(id: &str) -> Option<Self> {
        Self::new(id, random_bytes())
    }

    /// Reads `id:base64,id:base64`, at most 16; `None` where that is not what stands there, or an id comes twice.
    pub fn read_all(text: &str) -> Option<Vec<Self>> {
        let keys: Vec<Self> = text
            .split(',')
            .map(|part| Self::read(part.trim()))
            .collect::<Option<_>>()?;
        let are_distinct = keys
            .iter()
            .enumerate()
            .all(|(at, key)| keys[..at].iter().all(|earlier| earlier.id != key.id));
        (are_distinct && keys.len() <= MOST_KEYS).then_some(keys)
    }

    /// The key as the settings spell it: `id:base64`.
    pub fn spelled(&self) -> Secret {
        let key = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING).encode(self.key);
        Secret::new(format!("{}:{key}", self.id))
    }

    fn read(text: &str) -> Option<Self> {
        let (id, key) = text.split_once(':')?;
        let key = [alphabet::STANDARD, alphabet::URL_SAFE]
            .iter()
            .find_map(|alphabet| GeneralPurpose::new(alphabet, ANY_PADDING).decode(key).ok())?;
        Self::new(id, key.try_into().ok()?)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({}: …)", self.id)
    }
}

/// Why sealed words could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The text is not of the form that [`Sealing::seal`] writes.
    #[error("the sealed words are not of a known form")]
    Form,
    /// The key that sealed them is not among the settings' keys.
    #[error("the key {id} that sealed the words is not among SEALING_KEYS")]
    UnknownKey {
        /// The key's id.
        id: String,
    },
    /// The words were changed, or belong to another user or service.
    #[error("the sealed words were changed, or belong to another user or service")]
    Refused,
}

/// Seals with one key, opens with several.
#[derive(Clone)]
pub struct Sealing {
    keys: Arc<[(String, Aes256Gcm)]>,
}

impl Sealing {
    /// Seals with the first key and opens with all; `None` without any.
    pub fn new(keys: Vec<SealingKey>) -> Option<Self> {
        let keys: Arc<[_]> = keys
            .into_iter()
            .map(|key| (key.id, Aes256Gcm::new(&key.key.into())))
            .collect();
        (!keys.is_empty()).then_some(Self { keys })
    }

    /// Seals the words for one user at one service. The same words never look the same twice.
    ///
    /// # Panics
    ///
    /// Where the words are longer than 64 GiB, or the operating system has no randomness.
    pub fn seal(&self, user: UserId, service: Service, words: &Secret) -> String {
        let (id, cipher) = &self.keys[0];
        let nonce: [u8; NONCE_BYTES] = random_bytes();
        let bound_to = bound_to(user, service);
        let payload = Payload {
            msg: words.reveal().as_bytes(),
            aad: bound_to.as_bytes(),
        };
        let sealed = cipher
            .encrypt(Nonce::from_slice(&nonce), payload)
            .expect("tokens are shorter than 64 GiB");
        let text = URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat());
        format!("{VERSION}.{id}.{text}")
    }

    /// Opens what [`Self::seal`] wrote for the same user and service.
    ///
    /// # Errors
    ///
    /// Says which of form, key and content does not fit; never a part of the words.
    pub fn open(&self, user: UserId, service: Service, sealed: &str) -> Result<Secret, OpenError> {
        let mut parts = sealed.splitn(3, '.');
        let (Some(VERSION), Some(id), Some(text)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(OpenError::Form);
        };
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| OpenError::Form)?;
        let (nonce, ciphertext) = bytes.split_at_checked(NONCE_BYTES).ok_or(OpenError::Form)?;
        let (_, cipher) = self
            .keys
            .iter()
            .find(|(key, _)| key == id)
            .ok_or_else(|| OpenError::UnknownKey { id: id.to_owned() })?;
        let bound_to = bound_to(user, service);
        let payload = Payload {
            msg: ciphertext,
            aad: bound_to.as_bytes(),
        };
        let words = cipher
            .decrypt(Nonce::from_slice(nonce), payload)
            .map_err(|_| OpenError::Refused)?;
        String::from_utf8(words)
            .map(Secret::new)
            .map_err(|_| OpenError::Refused)
    }

    /// Says whether the words were sealed with an older key, and should be sealed again when they are next written.
    pub fn is_outdated(&self, sealed: &str) -> bool {
        sealed.split('.').nth(1) != Some(self.keys[0].0.as_str())
    }
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealing({} keys)", self.keys.len())
    }
}

/// The associated data: sealed words moved to another user or service do not open.
fn bound_to(user: UserId, service: Service) -> String {
    format!("{user}/{service}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const USER: UserId = UserId(Uuid::from_u128(1));
    const OTHER: UserId = UserId(Uuid::from_u128(2));

    fn sealing(keys: &[(&str, u8)]) -> Sealing {
        let keys = keys
            .iter()
            .map(|(id, byte)| SealingKey::new(id, [*byte; 32]).unwrap())
            .collect();
        Sealing::new(keys).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_for_the_same_user_and_service_alone() {
        let sealing = sealing(&[("a", 1)]);
        let words = Secret::new("{\"access_token\":\"ünïcode\"}");
        let sealed = sealing.seal(USER, Service::Trakt, &words);
        assert!(sealed.starts_with("v1.a.") && !sealed.contains("token"));
        assert_eq!(sealing.open(USER, Service::Trakt, &sealed), Ok(words));
        for (user, service) in [(OTHER, Service::Trakt), (USER, Service::LastFm)] {
            assert_eq!(
                sealing.open(user, service, &sealed),
                Err(OpenError::Refused)
            );
        }
    }

    #[test]
    fn the_same_words_never_look_the_same_twice() {
        let sealing = sealing(&[("a", 1)]);
        let seal = || sealing.seal(USER, Service::Trakt, &Secret::new("word"));
        assert_ne!(seal(), seal());
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let sealing = sealing(&[("a", 1)]);
        let sealed = sealing.seal(USER, Service::Trakt, &Secret::new("word"));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(
                sealing.open(USER, Service::Trakt, &changed).is_err(),
                "{changed}"
            );
        }
        for end in 0..sealed.len() {
            assert!(sealing.open(USER, Service::Trakt, &sealed[..end]).is_err());
        }
    }

    #[test]
    fn the_stored_form_is_kept_to() {
        // Made by another implementation (Python's cryptography).
        let sealed = "v1.a.AAAAAAAAAAAAAAAAyFrquLAOH9WpzpaFWEvzStaHKDQ";
        let open = sealing(&[("a", 1)]).open(USER, Service::Trakt, sealed);
        assert_eq!(open, Ok(Secret::new("word")));
    }

    #[test]
    fn after_a_change_of_keys_the_new_one_seals_and_the_old_one_still_opens() {
        let sealed = sealing(&[("old", 1)]).seal(USER, Service::Trakt, &Secret::new("word"));
        let both = sealing(&[("new", 2), ("old", 1)]);
        assert_eq!(
            both.open(USER, Service::Trakt, &sealed),
            Ok(Secret::new("word"))
        );
        assert!(both.is_outdated(&sealed));
        let resealed = both.seal(USER, Service::Trakt, &Secret::new("word"));
        assert!(resealed.starts_with("v1.new.") && !both.is_outdated(&resealed));
        assert_eq!(
            sealing(&[("new", 2)]).open(USER, Service::Trakt, &sealed),
            Err(OpenError::UnknownKey {
                id: "old".to_owned()
            })
        );
    }

    #[test]
    fn another_key_under_the_same_id_does_not_open() {
        let sealed = sealing(&[("a", 1)]).seal(USER, Service::Trakt, &Secret::new("word"));
        let open = sealing(&[("a", 2)]).open(USER, Service::Trakt, &sealed);
        assert_eq!(open, Err(OpenError::Refused));
    }

    #[test]
    fn keys_are_read_with_any_padding_and_either_alphabet() {
        let key = SealingKey::new("a", [0xfb; 32]).unwrap();
        let spelled = key.spelled();
        let plain = spelled.reveal();
        for text in [
            plain.to_owned(),
            plain.trim_end_matches('=').to_owned(),
            plain.replace('+', "-").replace('/', "_"),
        ] {
            assert_eq!(
                SealingKey::read_all(&text),
                Some(vec![key.clone()]),
                "{text}"
            );
        }
    }

    #[test]
    fn keys_that_cannot_be_told_apart_or_used_are_refused() {
        let key = SealingKey::new("a", [1; 32]).unwrap().spelled();
        let key = key.reveal();
        for text in [
            "",
            "a",
            "a:",
            ":c2hvcnQ=",
            "a:c2hvcnQ=",
            "a:not base64",
            &format!("{key},{key}"),
            &format!("{key},"),
            &format!("x.y{key}"),
        ] {
            assert_eq!(SealingKey::read_all(text), None, "{text}");
        }
    }

    #[test]
    fn keys_are_not_printed() {
        let key = SealingKey::new("a", [7; 32]).unwrap();
        assert_eq!(format!("{key:?}"), "SealingKey(a: …)");
        assert_eq!(format!("{:?}", sealing(&[("a", 7)])), "Sealing(1 keys)");
    }
}
