//! The ids that the world knows items by, each with who gave it and whose it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::names::NotAName;

/// Who gave an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Namespace {
    /// `tt…` of IMDb.
    Imdb,
    /// A number of The Movie Database.
    Tmdb,
    /// A number of TheTVDB.
    Tvdb,
    /// A number of Trakt.
    Trakt,
    /// A number of TVmaze.
    Tvmaze,
    /// A number of AniDB: an anime, or with item scope one of its episodes.
    Anidb,
    /// A number of MyAnimeList: an anime entry, with its own numbering of episodes from 1.
    Myanimelist,
    /// A number of AniList.
    Anilist,
    /// A MusicBrainz recording.
    RecordingMbid,
    /// A MusicBrainz *release track*: a position on a release, which is what file tags and Plex call the track id.
    TrackMbid,
    /// A MusicBrainz release.
    ReleaseMbid,
    /// A MusicBrainz release group.
    ReleaseGroupMbid,
    /// A MusicBrainz artist.
    ArtistMbid,
    /// An International Standard Recording Code.
    Isrc,
    /// An International Standard Book Number, 10 or 13 digits.
    Isbn,
    /// Plex's own global id, `movie/5d77…`; not convertible without asking Plex.
    PlexGuid,
}

impl Namespace {
    /// Every namespace, the most telling first: the order in which aliases of an item are tried.
    pub const ALL: [Namespace; 16] = [
        Self::Tmdb,
        Self::Imdb,
        Self::Tvdb,
        Self::Trakt,
        Self::Tvmaze,
        Self::Anidb,
        Self::Myanimelist,
        Self::Anilist,
        Self::RecordingMbid,
        Self::Isrc,
        Self::TrackMbid,
        Self::Isbn,
        Self::PlexGuid,
        Self::ReleaseMbid,
        Self::ReleaseGroupMbid,
        Self::ArtistMbid,
    ];

    /// The name in JSON and keys.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Imdb => "imdb",
            Self::Tmdb => "tmdb",
            Self::Tvdb => "tvdb",
            Self::Trakt => "trakt",
            Self::Tvmaze => "tvmaze",
            Self::Anidb => "anidb",
            Self::Myanimelist => "myanimelist",
            Self::Anilist => "anilist",
            Self::RecordingMbid => "recording_mbid",
            Self::TrackMbid => "track_mbid",
            Self::ReleaseMbid => "release_mbid",
            Self::ReleaseGroupMbid => "release_group_mbid",
            Self::ArtistMbid => "artist_mbid",
            Self::Isrc => "isrc",
            Self::Isbn => "isbn",
            Self::PlexGuid => "plex_guid",
        }
    }

    /// Says whether an id of this namespace names one item (an album's or artist's id names many tracks).
    pub const fn names_one_item(self) -> bool {
        !matches!(
            self,
            Self::ReleaseMbid | Self::ReleaseGroupMbid | Self::ArtistMbid
        )
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Namespace {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        Self::ALL
            .into_iter()
            .find(|namespace| namespace.name() == text)
            .ok_or_else(|| NotAName::new("kind of id", text))
    }
}

/// Whose id it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The item's own.
    Item,
    /// Its season's.
    Season,
    /// Its show's (or the anime entry's), which names an episode only together with a numbering.
    Show,
}

/// A season and an episode. 0 is a number: season 0 holds the specials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Numbering {
    /// The season.
    pub season: u32,
    /// The episode in it.
    pub episode: u32,
}

/// An id from outside, checked when it was made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ExternalId {
    /// Who gave it.
    pub namespace: Namespace,
    /// Whose it is.
    pub scope: Scope,
    value: String,
    /// The numbering that came with a show's id, in that namespace's own order; else the item's season and episode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbering: Option<Numbering>,
}

impl ExternalId {
    /// Makes an id of what a source wrote, or refuses it. Unknown is not zero: `0`, `""` and `-1` are no ids.
    ///
    /// # Errors
    ///
    /// What the namespace does not look like.
    pub fn new(namespace: Namespace, scope: Scope, raw: &str) -> Result<Self, NotAName> {
        let refused = || NotAName::new(namespace.name(), raw);
        let text = raw.trim();
        let value = match namespace {
            Namespace::Imdb => {
                let digits = text
                    .strip_prefix("tt")
                    .filter(|rest| is_number(rest))
                    .ok_or_else(refused)?;
                format!("tt{digits}")
            }
            Namespace::Tmdb
            | Namespace::Tvdb
            | Namespace::Trakt
            | Namespace::Tvmaze
            | Namespace::Anidb
            | Namespace::Myanimelist
            | Namespace::Anilist => text
                .parse::<u64>()
                .ok()
                .filter(|id| *id > 0)
                .ok_or_else(refused)?
                .to_string(),
            Namespace::RecordingMbid
            | Namespace::TrackMbid
            | Namespace::ReleaseMbid
            | Namespace::ReleaseGroupMbid
            | Namespace::ArtistMbid => Uuid::parse_str(text)
                .ok()
                .filter(|id| !id.is_nil())
                .ok_or_else(refused)?
                .to_string(),
            Namespace::Isrc => {
                let code: String = text
                    .chars()
                    .filter(|c| *c != '-')
                    .collect::<String>()
                    .to_ascii_uppercase();
                let is_code =
                    code.len() == 12 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
                if is_code { code } else { return Err(refused()) }
            }
            Namespace::Isbn => {
                let digits: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
                isbn_13(&digits.to_ascii_uppercase()).ok_or_else(refused)?
            }
            Namespace::PlexGuid => {
                let is_guid = (3..=80).contains(&text.len())
                    && text
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-'));
                if is_guid {
                    text.to_owned()
                } else {
                    return Err(refused());
                }
            }
        };
        Ok(Self {
            namespace,
            scope,
            value,
            numbering: None,
        })
    }

    /// The same id with the numbering that came with it.
    #[must_use]
    pub fn numbered(mut self, season: u32, episode: u32) -> Self {
        self.numbering = Some(Numbering { season, episode });
        self
    }

    /// The id as the namespace writes it.
    pub fn value(&self) -> &str {
        &self.value
    }
}

fn is_number(text: &str) -> bool {
    (1..=12).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && text.bytes().any(|b| b != b'0')
}

/// An ISBN in its 13-digit form, if its check digit is right.
fn isbn_13(digits: &str) -> Option<String> {
    let values: Vec<u32> = digits
        .chars()
        .enumerate()
        .map(|(at, c)| {
            if c == 'X' && at == 9 && digits.len() == 10 {
                Some(10)
            } else {
                c.to_digit(10)
            }
        })
        .collect::<Option<_>>()?;
    match values.len() {
        13 => {
            let sum: u32 = values
                .iter()
                .enumerate()
                .map(|(at, value)| value * if at % 2 == 0 { 1 } else { 3 })
                .sum();
            sum.is_multiple_of(10).then(|| digits.to_owned())
        }
        10 => {
            let sum: u32 = values
                .iter()
                .zip((1..=10).rev())
                .map(|(value, weight)| value * weight)
                .sum();
            if !sum.is_multiple_of(11) {
                return None;
            }
            let twelve = format!("978{}", &digits[..9]);
            let sum: u32 = twelve
                .chars()
                .filter_map(|c| c.to_digit(10))
                .enumerate()
                .map(|(at, value)| value * if at % 2 == 0 { 1 } else { 3 })
                .sum();
            Some(format!("{twelve}{}", (10 - sum % 10) % 10))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(namespace: Namespace, raw: &str) -> Option<String> {
        ExternalId::new(namespace, Scope::Item, raw)
            .ok()
            .map(|id| id.value().to_owned())
    }

    #[test]
    fn unknown_is_not_zero() {
        for raw in ["", "0", "-1", " ", "null", "0.5"] {
            assert_eq!(id(Namespace::Tmdb, raw), None, "{raw:?}");
        }
        assert_eq!(id(Namespace::Imdb, "tt"), None);
        assert_eq!(id(Namespace::Imdb, "tt0000000"), None);
        assert_eq!(
            id(
                Namespace::RecordingMbid,
                "00000000-0000-0000-0000-000000000000"
            ),
            None
        );
    }

    #[test]
    fn ids_are_written_as_their_namespace_writes_them() {
        assert_eq!(id(Namespace::Tmdb, " 0603 ").as_deref(), Some("603"));
        assert_eq!(
            id(Namespace::Imdb, "tt0133093").as_deref(),
            Some("tt0133093")
        );
        assert_eq!(
            id(Namespace::Isrc, "us-rc1-76-07839").as_deref(),
            Some("USRC17607839")
        );
        assert_eq!(
            id(Namespace::RecordingMbid, "3C2C1F40B22E360EA29A1B1610190A8C").as_deref(),
            Some("3c2c1f40-b22e-360e-a29a-1b1610190a8c")
        );
    }

    #[test]
    fn an_isbn_with_a_wrong_check_digit_is_refused_and_ten_digits_become_thirteen() {
        assert_eq!(
            id(Namespace::Isbn, "0-261-10357-1").as_deref(),
            Some("9780261103573")
        );
        assert_eq!(
            id(Namespace::Isbn, "978-0-261-10357-3").as_deref(),
            Some("9780261103573")
        );
        assert_eq!(id(Namespace::Isbn, "978-0-261-10357-4"), None);
    }
}
