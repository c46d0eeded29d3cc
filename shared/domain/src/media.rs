//! What is played: items, and the ids that the world knows them by.
//!
//! An id keeps its scope: the ids on an episode's event may be the episode's or its show's, and a number alone never
//! tells which (TMDB and TheTVDB count both from 1).

use std::fmt;
use std::str::FromStr;

use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::names::NotAName;
use crate::units::optional_millis;

/// The kind of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// A film.
    Movie,
    /// An episode of a show.
    Episode,
    /// A track of music.
    Track,
    /// An episode of a podcast.
    PodcastEpisode,
    /// A book.
    Book,
    /// A show: rated, loved and listed, never played.
    Show,
    /// A season of a show: rated and listed, never played.
    Season,
    /// An album: rated and loved, never played.
    Album,
    /// An artist: rated and loved, never played.
    Artist,
}

impl ItemKind {
    /// Every kind.
    pub const ALL: [ItemKind; 9] = [
        Self::Movie,
        Self::Episode,
        Self::Track,
        Self::PodcastEpisode,
        Self::Book,
        Self::Show,
        Self::Season,
        Self::Album,
        Self::Artist,
    ];

    /// The name in JSON and keys.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Movie => "movie",
            Self::Episode => "episode",
            Self::Track => "track",
            Self::PodcastEpisode => "podcast_episode",
            Self::Book => "book",
            Self::Show => "show",
            Self::Season => "season",
            Self::Album => "album",
            Self::Artist => "artist",
        }
    }

    /// Says whether an item of this kind can be played to its end.
    pub const fn is_playable(self) -> bool {
        match self {
            Self::Movie | Self::Episode | Self::Track | Self::PodcastEpisode | Self::Book => true,
            Self::Show | Self::Season | Self::Album | Self::Artist => false,
        }
    }

    /// Says whether it is watched: a film or an episode.
    pub const fn is_video(self) -> bool {
        matches!(self, Self::Movie | Self::Episode)
    }
}

impl fmt::Display for ItemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ItemKind {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| NotAName::new("item type", text))
    }
}

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

/// One item, as far as its source describes it. What a source does not say is `None`, never 0 or "".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MediaItem {
    /// Its kind.
    pub kind: ItemKind,
    /// The media server's own id of it (rating key, item id).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_id: Option<String>,
    /// The ids the world knows it by, each with its scope.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<ExternalId>,
    /// Its title; for an episode the episode's, for a track the track's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its year; never the show's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year: Option<i32>,
    /// The day it was first shown; sources are off by a day at times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_on: Option<NaiveDate>,
    /// The show's title, for an episode (and a podcast's, for its episode).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show_title: Option<String>,
    /// The year the show began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show_year: Option<i32>,
    /// The season; 0 holds the specials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<u32>,
    /// The episode, or the first of the range in one file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub episode: Option<u32>,
    /// The last episode of the range in one file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub episode_end: Option<u32>,
    /// The track's artist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artist: Option<String>,
    /// The album's artist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub album_artist: Option<String>,
    /// The album.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub album: Option<String>,
    /// The track's number on its disc.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track_number: Option<u32>,
    /// The disc.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disc_number: Option<u32>,
    /// The author of a book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// How long it is.
    #[serde(
        default,
        with = "optional_millis",
        rename = "duration_ms",
        skip_serializing_if = "Option::is_none"
    )]
    pub duration: Option<TimeDelta>,
}

impl MediaItem {
    /// An item of which nothing but the kind is known.
    pub fn new(kind: ItemKind) -> Self {
        Self {
            kind,
            content_id: None,
            ids: Vec::new(),
            title: None,
            year: None,
            released_on: None,
            show_title: None,
            show_year: None,
            season: None,
            episode: None,
            episode_end: None,
            artist: None,
            album_artist: None,
            album: None,
            track_number: None,
            disc_number: None,
            author: None,
            duration: None,
        }
    }

    /// The value of its own id in a namespace.
    pub fn own_id(&self, namespace: Namespace) -> Option<&str> {
        self.id(namespace, Scope::Item)
    }

    /// The value of its show's id in a namespace.
    pub fn show_id(&self, namespace: Namespace) -> Option<&str> {
        self.id(namespace, Scope::Show)
    }

    fn id(&self, namespace: Namespace, scope: Scope) -> Option<&str> {
        self.ids
            .iter()
            .find(|id| id.namespace == namespace && id.scope == scope)
            .map(ExternalId::value)
    }

    /// Season and episode, where both are known.
    pub fn numbering(&self) -> Option<Numbering> {
        Some(Numbering {
            season: self.season?,
            episode: self.episode?,
        })
    }

    /// How many episodes lie in this one file; 1 for everything that names no range, at most 20.
    pub fn parts(&self) -> u32 {
        match (self.kind, self.episode, self.episode_end) {
            (ItemKind::Episode, Some(first), Some(last)) if last > first => {
                (last - first + 1).min(20)
            }
            _ => 1,
        }
    }

    /// The `index`th part of a file that holds several episodes, as an item of its own.
    ///
    /// The file's own ids name its first episode; the others are known by the show's ids and their number.
    #[must_use]
    pub fn part(&self, index: u32) -> Self {
        let parts = self.parts();
        if parts == 1 {
            return self.clone();
        }
        let mut part = self.clone();
        part.episode = self.episode.map(|first| first + index);
        part.episode_end = None;
        part.duration = self
            .duration
            .map(|whole| whole / i32::try_from(parts).unwrap_or(1));
        if index > 0 {
            part.ids.retain(|id| id.scope != Scope::Item);
            for id in &mut part.ids {
                if let Some(numbering) = &mut id.numbering {
                    numbering.episode += index;
                }
            }
            part.title = None;
            part.released_on = None;
            part.content_id = self.content_id.as_ref().map(|id| format!("{id}+{index}"));
        }
        part
    }

    /// A short description for people: `Friends S01E02`, `Björk – Jóga`, `The Matrix (1999)`.
    pub fn label(&self) -> String {
        let title = self.title.as_deref().unwrap_or("?");
        match self.kind {
            ItemKind::Episode => {
                let show = self.show_title.as_deref().unwrap_or(title);
                match self.numbering() {
                    Some(Numbering { season, episode }) => {
                        format!("{show} S{season:02}E{episode:02}")
                    }
                    None => format!("{show} – {title}"),
                }
            }
            ItemKind::Track | ItemKind::Album => {
                format!(
                    "{} – {title}",
                    self.artist
                        .as_deref()
                        .or(self.album_artist.as_deref())
                        .unwrap_or("?")
                )
            }
            ItemKind::PodcastEpisode => {
                format!("{} – {title}", self.show_title.as_deref().unwrap_or("?"))
            }
            ItemKind::Book => format!("{title} by {}", self.author.as_deref().unwrap_or("?")),
            ItemKind::Movie | ItemKind::Show | ItemKind::Season | ItemKind::Artist => {
                match self.year {
                    Some(year) => format!("{title} ({year})"),
                    None => title.to_owned(),
                }
            }
        }
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

    #[test]
    fn the_second_episode_of_a_file_keeps_the_shows_ids_and_loses_the_files() {
        let mut file = MediaItem::new(ItemKind::Episode);
        (file.season, file.episode, file.episode_end) = (Some(1), Some(1), Some(2));
        file.duration = Some(TimeDelta::minutes(44));
        file.ids = vec![
            ExternalId::new(Namespace::Tvdb, Scope::Item, "303821").unwrap(),
            ExternalId::new(Namespace::Tvdb, Scope::Show, "79168")
                .unwrap()
                .numbered(1, 1),
        ];
        assert_eq!(file.parts(), 2);
        let second = file.part(1);
        assert_eq!(
            second.numbering(),
            Some(Numbering {
                season: 1,
                episode: 2
            })
        );
        assert_eq!(second.duration, Some(TimeDelta::minutes(22)));
        assert_eq!(second.own_id(Namespace::Tvdb), None);
        assert_eq!(
            second.ids[0].numbering,
            Some(Numbering {
                season: 1,
                episode: 2
            })
        );
    }
}
