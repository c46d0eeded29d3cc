//! What is played: items, and the ids that the world knows them by.
//!
//! An id keeps its scope: the ids on an episode's event may be the episode's or its show's, and a number alone never
//! tells which (TMDB and TheTVDB count both from 1).

mod ids;
mod library;

use std::fmt;
use std::str::FromStr;

use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::names::NotAName;
use crate::units::optional_millis;

pub use ids::{ExternalId, Namespace, Numbering, Scope};

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

    /// Says whether it is watched, or consists of what is watched.
    pub const fn is_of_video(self) -> bool {
        matches!(
            self,
            Self::Movie | Self::Episode | Self::Season | Self::Show
        )
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
