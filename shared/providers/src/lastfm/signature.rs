//! `api_sig`: what proves to Last.fm that a request comes from the application.

use hub_domain::Secret;
use md5::{Digest, Md5};

/// The names that are sent but never signed.
const UNSIGNED: [&str; 3] = ["format", "callback", "api_sig"];

/// Signs a request: the MD5 of every name and value, sorted by name as bytes, and the secret.
///
/// Names and values are the raw text, not as the body encodes them. By bytes, `track[10]` comes before `track[1]`;
/// sorted as numbers, every batch of more than ten would be refused.
///
/// Source: <https://www.last.fm/api/authspec>, section 8
pub(super) fn sign(parameters: &[(String, String)], secret: &Secret) -> String {
    let mut signed: Vec<&(String, String)> = parameters
        .iter()
        .filter(|(name, _)| !UNSIGNED.contains(&name.as_str()))
        .collect();
    signed.sort_by(|one, other| one.0.as_bytes().cmp(other.0.as_bytes()));
    let mut digest = Md5::new();
    for (name, value) in signed {
        digest.update(name);
        digest.update(value);
    }
    digest.update(secret.reveal());
    hex::encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(parameters: &[(&str, &str)], secret: &str) -> String {
        let parameters: Vec<(String, String)> = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        sign(&parameters, &Secret::new(secret))
    }

    #[test]
    fn the_published_signatures_come_out() {
        let session = signature(
            &[
                ("token", "YOUR_REQUESTED_TOKEN"),
                ("api_key", "YOUR_API_KEY"),
                ("method", "auth.getSession"),
                ("format", "json"),
            ],
            "YOUR_SECRET",
        );
        assert_eq!(session, "94539006de89b3c6b3c030bb1e52b9c4");
        let love = signature(
            &[
                ("api_key", "YOUR_API_KEY"),
                ("artist", "KITANO REM"),
                ("method", "track.love"),
                ("sk", "YOUR_SESSION_KEY"),
                ("track", "RAINSICK"),
            ],
            "YOUR_SECRET",
        );
        assert_eq!(love, "800b8884b00c9343d1d425ed271e0f42");
    }

    #[test]
    fn words_of_any_script_are_signed_as_they_are() {
        let playing = signature(
            &[
                ("track", "Ágætis byrjun & 100% + é"),
                ("album", "Ágætis byrjun"),
                ("albumArtist", "Sigur Rós"),
                ("api_key", "0123456789abcdef0123456789abcdef"),
                ("artist", "Sigur Rós"),
                ("method", "track.updateNowPlaying"),
                ("sk", "sessionkey"),
                ("format", "json"),
            ],
            "mysecret",
        );
        assert_eq!(playing, "83f905b59621f6219c9c1b15b4d117b8");
    }

    #[test]
    fn a_batch_of_more_than_ten_is_sorted_by_bytes() {
        let mut parameters = vec![
            ("method".to_owned(), "track.scrobble".to_owned()),
            ("sk".to_owned(), "sessionkey".to_owned()),
            (
                "api_key".to_owned(),
                "0123456789abcdef0123456789abcdef".to_owned(),
            ),
        ];
        for index in [0, 1, 2, 10] {
            parameters.push((format!("artist[{index}]"), format!("A{index}")));
            parameters.push((format!("track[{index}]"), format!("T{index}")));
            parameters.push((
                format!("timestamp[{index}]"),
                (1_700_000_000 + index).to_string(),
            ));
        }
        let batch = sign(&parameters, &Secret::new("mysecret"));
        assert_eq!(batch, "45cd98654e92ea0af4e2e2aa0411b9e3");
    }
}
