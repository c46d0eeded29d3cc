//! What an episode's number is relative to: the databases that number seasons, and the catalogues that number entries.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::identity::fold;
use crate::names::NotAName;

/// A catalogue of anime: one entry a cour, season, film or special, its episodes counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Catalogue {
    /// <https://anilist.co>
    AniList,
    /// <https://myanimelist.net>
    MyAnimeList,
}

impl Catalogue {
    /// Both.
    pub const ALL: [Self; 2] = [Self::AniList, Self::MyAnimeList];

    /// The name in the list of numbers, and in the stored index its number.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::AniList => 0,
            Self::MyAnimeList => 1,
        }
    }

    pub(super) const fn of_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::AniList),
            1 => Some(Self::MyAnimeList),
            _ => None,
        }
    }

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::AniList => Self::MyAnimeList,
            Self::MyAnimeList => Self::AniList,
        }
    }

    /// The catalogue as an origin: its own entries, numbered by itself.
    pub(super) const fn origin(self) -> Origin {
        match self {
            Self::AniList => Origin::AniList,
            Self::MyAnimeList => Origin::MyAnimeList,
        }
    }
}

impl fmt::Display for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AniList => "AniList",
            Self::MyAnimeList => "MyAnimeList",
        })
    }
}

/// One entry of a catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// Which catalogue.
    pub catalogue: Catalogue,
    /// Its number there.
    pub id: u32,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.catalogue, self.id)
    }
}

/// Whose id and whose numbering it is. TheTVDB's seasons are not TMDB's: an origin is never swapped for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// An AniList entry: season 1 is the entry.
    AniList,
    /// A MyAnimeList entry: season 1 is the entry.
    MyAnimeList,
    /// An AniDB anime: season 1 is its regular episodes, season 0 its specials.
    AniDb,
    /// A show of TheTVDB.
    TvdbShow,
    /// A show of TMDB.
    TmdbShow,
    /// A show of IMDb.
    ImdbShow,
    /// A film of TMDB.
    TmdbMovie,
    /// A film of IMDb.
    ImdbMovie,
    /// A film of TheTVDB.
    TvdbMovie,
    /// A show or film by its title: only the user's own rules know it, for libraries that tell no id of the show.
    Title,
}

impl Origin {
    /// Every origin, the most exact first: the order in which references are tried and stored.
    pub const ALL: [Self; 10] = [
        Self::AniList,
        Self::MyAnimeList,
        Self::AniDb,
        Self::TvdbShow,
        Self::TmdbShow,
        Self::ImdbShow,
        Self::TmdbMovie,
        Self::ImdbMovie,
        Self::TvdbMovie,
        Self::Title,
    ];

    /// The name in the list of numbers, and in stored overrides.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AniList => "anilist",
            Self::MyAnimeList => "mal",
            Self::AniDb => "anidb",
            Self::TvdbShow => "tvdb_show",
            Self::TmdbShow => "tmdb_show",
            Self::ImdbShow => "imdb_show",
            Self::TmdbMovie => "tmdb_movie",
            Self::ImdbMovie => "imdb_movie",
            Self::TvdbMovie => "tvdb_movie",
            Self::Title => "title",
        }
    }

    /// Its number in the stored index: a format, never to be changed.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::AniList => 0,
            Self::MyAnimeList => 1,
            Self::AniDb => 2,
            Self::TvdbShow => 3,
            Self::TmdbShow => 4,
            Self::ImdbShow => 5,
            Self::TmdbMovie => 6,
            Self::ImdbMovie => 7,
            Self::TvdbMovie => 8,
            Self::Title => 9,
        }
    }

    /// Says whether its ids are films, which have no seasons.
    pub const fn is_movie(self) -> bool {
        matches!(self, Self::TmdbMovie | Self::ImdbMovie | Self::TvdbMovie)
    }

    /// Says whether an id of it is one entry whose episodes count from 1, so that a library's season 2 is not its.
    pub const fn is_entry(self) -> bool {
        matches!(self, Self::AniList | Self::MyAnimeList | Self::AniDb)
    }

    const fn writes_tt(self) -> bool {
        matches!(self, Self::ImdbShow | Self::ImdbMovie)
    }

    /// The number that stands for a title: the same for every spelling that differs in case and punctuation alone.
    ///
    /// It is one of 4,294,967,295 and is compared with a single user's rules, so that two of their shows meet by chance
    /// once in a million libraries.
    pub fn of_title(title: &str, year: Option<i32>) -> Option<u32> {
        let folded = fold(title);
        if folded.is_empty() {
            return None;
        }
        let year = year.map_or_else(String::new, |year| year.to_string());
        let digest = Sha256::digest(format!("{folded}\n{year}"));
        let number = digest.first_chunk::<4>().copied()?;
        Some(u32::from_be_bytes(number).max(1))
    }

    /// Reads an id as the origin writes it: a number from 1, with `tt` in front at IMDb.
    pub fn id(self, text: &str) -> Option<u32> {
        let digits = if self.writes_tt() {
            text.strip_prefix("tt")?
        } else {
            text
        };
        let is_number =
            (1..=10).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        is_number
            .then(|| digits.parse().ok())
            .flatten()
            .filter(|id| *id > 0)
    }
}

impl FromStr for Origin {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        Self::ALL
            .into_iter()
            .find(|origin| origin.name() == text)
            .ok_or_else(|| NotAName::new("origin of numbers", text))
    }
}

/// One season (or film, or entry) of one origin: what the list's ranges are ranges of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) origin: Origin,
    pub(super) id: u32,
    /// Films and entries have season 1; the specials are season 0.
    pub(super) season: u16,
}

/// What a descriptor of the list is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Descriptor {
    /// A key of ours.
    Key(Key),
    /// Well formed, of an origin or scope that nobody asks for.
    Foreign,
    /// Not well formed.
    Broken,
}

impl Descriptor {
    /// Reads `provider:id[:scope]`.
    pub(super) fn of(text: &str) -> Self {
        let mut parts = text.split(':');
        let (Some(provider), Some(id), scope, None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Self::Broken;
        };
        let Ok(origin) = provider.parse::<Origin>() else {
            return Self::Foreign;
        };
        // What users call their shows is no matter of the list's.
        if origin == Origin::Title {
            return Self::Foreign;
        }
        let Some(id) = origin.id(id) else {
            return Self::Broken;
        };
        let season = match (origin, scope) {
            (Origin::AniDb, Some("R")) => Some(1),
            (Origin::AniDb, Some("S")) => Some(0),
            (Origin::AniDb, Some(_)) => return Self::Foreign,
            (Origin::TvdbShow | Origin::TmdbShow | Origin::ImdbShow, Some(scope)) => scope
                .strip_prefix('s')
                .and_then(|season| season.parse().ok()),
            (
                Origin::AniList
                | Origin::MyAnimeList
                | Origin::TmdbMovie
                | Origin::ImdbMovie
                | Origin::TvdbMovie,
                None,
            ) => Some(1),
            (_, _) => None,
        };
        season.map_or(Self::Broken, |season| Self::Key(Key { origin, id, season }))
    }

    /// The entry that it names, if it names one.
    pub(super) fn entry(self) -> Option<Entry> {
        let Self::Key(key) = self else { return None };
        Catalogue::ALL
            .into_iter()
            .find(|catalogue| catalogue.origin() == key.origin)
            .map(|catalogue| Entry {
                catalogue,
                id: key.id,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_read_as_the_list_writes_them() {
        let key = |origin, id, season| Descriptor::Key(Key { origin, id, season });
        for (text, read) in [
            ("tvdb_show:267440:s4", key(Origin::TvdbShow, 267_440, 4)),
            ("tmdb_show:86031:s0", key(Origin::TmdbShow, 86_031, 0)),
            ("imdb_show:tt0388629:s1", key(Origin::ImdbShow, 388_629, 1)),
            ("imdb_movie:tt5311514", key(Origin::ImdbMovie, 5_311_514, 1)),
            ("anidb:69:R", key(Origin::AniDb, 69, 1)),
            ("anidb:69:S", key(Origin::AniDb, 69, 0)),
            ("anidb:69:O", Descriptor::Foreign),
            ("kitsu:12", Descriptor::Foreign),
            ("tvdb_show:267440", Descriptor::Broken),
            ("tvdb_show:267440:s-1", Descriptor::Broken),
            ("tvdb_show:267440:s70000", Descriptor::Broken),
            ("tvdb_show:0:s1", Descriptor::Broken),
            ("imdb_movie:5311514", Descriptor::Broken),
            ("anilist:21:s1", Descriptor::Broken),
            ("anilist:99999999999", Descriptor::Broken),
            ("anilist:+21", Descriptor::Broken),
            ("anilist", Descriptor::Broken),
            ("tvdb_show:1:s1:x", Descriptor::Broken),
            ("", Descriptor::Broken),
        ] {
            assert_eq!(Descriptor::of(text), read, "{text}");
        }
    }

    #[test]
    fn the_codes_of_the_stored_index_are_the_places_in_the_list_of_all() {
        for (place, origin) in Origin::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(origin.code()), place);
            assert_eq!(origin.name().parse(), Ok(origin));
        }
        for catalogue in Catalogue::ALL {
            assert_eq!(Catalogue::of_code(catalogue.code()), Some(catalogue));
            assert_eq!(catalogue.other().other(), catalogue);
        }
    }
}
