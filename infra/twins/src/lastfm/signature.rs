//! The signature of a call: the MD5 of all parameters in the order of their names' bytes, then the secret.

use std::collections::BTreeMap;

use md5::{Digest, Md5};

/// Parameters that are never signed.
const UNSIGNED: [&str; 3] = ["format", "callback", "api_sig"];

/// What `api_sig` has to be, in lower-case hexadecimal digits. A `BTreeMap` of strings sorts by bytes.
pub(crate) fn signature(parameters: &BTreeMap<String, String>, secret: &str) -> String {
    let mut digest = Md5::new();
    for (name, value) in parameters {
        if !UNSIGNED.contains(&name.as_str()) {
            digest.update(name.as_bytes());
            digest.update(value.as_bytes());
        }
    }
    digest.update(secret.as_bytes());
    hex::encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(parameters: &[(&str, &str)], secret: &str) -> String {
        let parameters = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        signature(&parameters, secret)
    }

    #[test]
    fn the_published_examples_come_out() {
        let session = [
            ("api_key", "YOUR_API_KEY"),
            ("method", "auth.getSession"),
            ("token", "YOUR_REQUESTED_TOKEN"),
            ("format", "json"),
        ];
        assert_eq!(
            signed(&session, "YOUR_SECRET"),
            "94539006de89b3c6b3c030bb1e52b9c4"
        );
        let love = [
            ("api_key", "YOUR_API_KEY"),
            ("artist", "KITANO REM"),
            ("method", "track.love"),
            ("sk", "YOUR_SESSION_KEY"),
            ("track", "RAINSICK"),
        ];
        assert_eq!(
            signed(&love, "YOUR_SECRET"),
            "800b8884b00c9343d1d425ed271e0f42"
        );
    }

    #[test]
    fn capitals_and_letters_beyond_ascii_are_signed_as_their_bytes() {
        let now_playing = [
            ("album", "Ágætis byrjun"),
            ("albumArtist", "Sigur Rós"),
            ("api_key", "0123456789abcdef0123456789abcdef"),
            ("artist", "Sigur Rós"),
            ("method", "track.updateNowPlaying"),
            ("sk", "sessionkey"),
            ("track", "Ágætis byrjun & 100% + é"),
            ("format", "json"),
        ];
        assert_eq!(
            signed(&now_playing, "mysecret"),
            "83f905b59621f6219c9c1b15b4d117b8"
        );
    }

    #[test]
    fn the_tenth_of_a_batch_is_signed_before_the_first() {
        let mut batch: BTreeMap<String, String> = [
            ("api_key", "0123456789abcdef0123456789abcdef"),
            ("method", "track.scrobble"),
            ("sk", "sessionkey"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        for index in [0, 1, 2, 10] {
            batch.insert(format!("artist[{index}]"), format!("A{index}"));
            batch.insert(format!("track[{index}]"), format!("T{index}"));
            batch.insert(
                format!("timestamp[{index}]"),
                (1_700_000_000 + index).to_string(),
            );
        }
        assert_eq!(
            signature(&batch, "mysecret"),
            "45cd98654e92ea0af4e2e2aa0411b9e3"
        );
    }
}
