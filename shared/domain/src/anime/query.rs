//! What is asked: an item by its references, each an id with the number that is meant in that id's own order.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::names::Origin;
use crate::media::{ExternalId, ItemKind, MediaItem, Namespace, Scope};

/// The number of an episode, as a source gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// An episode of a season; season 0 holds the specials.
    Season {
        /// The season.
        season: u32,
        /// The episode in it, from 1.
        episode: u32,
    },
    /// An episode counted over all seasons.
    Absolute {
        /// Its number, from 1.
        episode: u32,
    },
    /// The whole of a film.
    Film,
}

/// One way in which the item is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reference {
    /// Whose id and numbering.
    pub origin: Origin,
    /// The show's (or film's, or entry's) id there.
    pub id: u32,
    /// Which episode.
    pub at: At,
    /// Whether the number came with this very id. If not, it is the library's number, which may follow another database.
    pub is_own_number: bool,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, tt) = match self.origin {
            Origin::AniList => ("AniList", ""),
            Origin::MyAnimeList => ("MyAnimeList", ""),
            Origin::AniDb => ("AniDB", ""),
            Origin::TvdbShow => ("TheTVDB show", ""),
            Origin::TmdbShow => ("TMDB show", ""),
            Origin::ImdbShow => ("IMDb show", "tt"),
            Origin::TmdbMovie => ("TMDB film", ""),
            Origin::ImdbMovie => ("IMDb film", "tt"),
            Origin::TvdbMovie => ("TheTVDB film", ""),
        };
        // IMDb writes at least seven digits.
        match tt {
            "" => write!(f, "{name} {}", self.id)?,
            _ => write!(f, "{name} {tt}{:07}", self.id)?,
        }
        match self.at {
            At::Season { season, episode } => write!(f, " season {season} episode {episode}"),
            At::Absolute { episode } => write!(f, " episode {episode} of all"),
            At::Film => Ok(()),
        }
    }
}

/// An item to be found in a catalogue, by all its references.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// The references, in the order of [`Origin::ALL`], each once.
    references: Vec<Reference>,
}

impl Query {
    /// A query by these references.
    pub fn new(references: impl IntoIterator<Item = Reference>) -> Self {
        let mut references: Vec<_> = references.into_iter().collect();
        references.sort_unstable();
        references.dedup();
        Self { references }
    }

    /// What is known of an item: the show's ids and numbers of an episode, the own ids of a film.
    ///
    /// An episode's *own* ids lead nowhere here, the list starts from shows: they are to be resolved before. The first
    /// episode of a file with several is meant; the others are [`MediaItem::part`]s.
    pub fn of(item: &MediaItem) -> Self {
        Self::new(item.ids.iter().filter_map(|id| match item.kind {
            ItemKind::Episode => episode(item, id),
            ItemKind::Movie => film(id),
            ItemKind::Track
            | ItemKind::PodcastEpisode
            | ItemKind::Book
            | ItemKind::Show
            | ItemKind::Season
            | ItemKind::Album
            | ItemKind::Artist => None,
        }))
    }

    /// The references, the most exact origin first.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }
}

struct Origins {
    of_show: Origin,
    of_film: Origin,
}

/// Whose numbers the ids of a namespace are, if the list has any of them.
const fn origins(namespace: Namespace) -> Option<Origins> {
    let (of_show, of_film) = match namespace {
        Namespace::Anilist => (Origin::AniList, Origin::AniList),
        Namespace::Myanimelist => (Origin::MyAnimeList, Origin::MyAnimeList),
        Namespace::Anidb => (Origin::AniDb, Origin::AniDb),
        Namespace::Tvdb => (Origin::TvdbShow, Origin::TvdbMovie),
        Namespace::Tmdb => (Origin::TmdbShow, Origin::TmdbMovie),
        Namespace::Imdb => (Origin::ImdbShow, Origin::ImdbMovie),
        Namespace::Trakt
        | Namespace::Tvmaze
        | Namespace::RecordingMbid
        | Namespace::TrackMbid
        | Namespace::ReleaseMbid
        | Namespace::ReleaseGroupMbid
        | Namespace::ArtistMbid
        | Namespace::Isrc
        | Namespace::Isbn
        | Namespace::PlexGuid => return None,
    };
    Some(Origins { of_show, of_film })
}

fn episode(item: &MediaItem, id: &ExternalId) -> Option<Reference> {
    if id.scope != Scope::Show {
        return None;
    }
    let origin = origins(id.namespace)?.of_show;
    let at = match (id.numbering.or(item.numbering()), item.episode) {
        (Some(numbering), _) => At::Season {
            season: numbering.season,
            episode: numbering.episode,
        },
        (None, Some(episode)) => At::Absolute { episode },
        (None, None) => return None,
    };
    let is_own_number = id.numbering.is_some();
    // A library's third season is not the third season of an entry: entries have one.
    let is_of_entry = matches!(at, At::Season { season, .. } if season > 1);
    if origin.is_entry() && is_of_entry {
        return None;
    }
    Some(Reference {
        origin,
        id: origin.id(id.value())?,
        at,
        is_own_number,
    })
}

fn film(id: &ExternalId) -> Option<Reference> {
    if id.scope == Scope::Season {
        return None;
    }
    let origin = origins(id.namespace)?.of_film;
    Some(Reference {
        origin,
        id: origin.id(id.value())?,
        at: At::Film,
        is_own_number: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(namespace: Namespace, scope: Scope, raw: &str) -> ExternalId {
        ExternalId::new(namespace, scope, raw).unwrap()
    }

    #[test]
    fn an_episode_is_asked_for_by_its_shows_ids_and_a_film_by_its_own() {
        let mut item = MediaItem::new(ItemKind::Episode);
        (item.season, item.episode) = (Some(4), Some(20));
        item.ids = vec![
            id(Namespace::Tmdb, Scope::Show, "1429"),
            id(Namespace::Tvdb, Scope::Show, "267440").numbered(4, 20),
            id(Namespace::Tvdb, Scope::Item, "9000001"),
            id(Namespace::Imdb, Scope::Show, "tt2560140"),
            id(Namespace::Anilist, Scope::Show, "16498"),
        ];
        let texts: Vec<_> = Query::of(&item)
            .references()
            .iter()
            .map(|reference| (reference.to_string(), reference.is_own_number))
            .collect();
        assert_eq!(
            texts,
            [
                ("TheTVDB show 267440 season 4 episode 20".to_owned(), true),
                ("TMDB show 1429 season 4 episode 20".to_owned(), false),
                ("IMDb show tt2560140 season 4 episode 20".to_owned(), false),
            ]
        );

        let mut film = MediaItem::new(ItemKind::Movie);
        film.ids = vec![id(Namespace::Imdb, Scope::Item, "tt0096283")];
        let query = Query::of(&film);
        assert_eq!(query.references()[0].to_string(), "IMDb film tt0096283");
    }

    #[test]
    fn an_episode_without_a_season_is_counted_over_all() {
        let mut item = MediaItem::new(ItemKind::Episode);
        item.episode = Some(137);
        item.ids = vec![id(Namespace::Tvdb, Scope::Show, "81797")];
        let query = Query::of(&item);
        assert_eq!(query.references()[0].at, At::Absolute { episode: 137 });
        item.episode = None;
        assert!(Query::of(&item).references().is_empty());
    }
}
