//! What is asked: an item by its references, each an id with the number that is meant in that id's own order.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::names::Origin;
use crate::media::{ExternalId, ItemKind, MediaItem, Namespace, Numbering, Scope};

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
    /// The whole of a season, or without one of a show: to be rated and listed, never watched at once.
    All {
        /// The season.
        season: Option<u32>,
    },
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
            Origin::Title => ("title", ""),
        };
        // IMDb writes at least seven digits.
        match tt {
            "" => write!(f, "{name} {}", self.id)?,
            _ => write!(f, "{name} {tt}{:07}", self.id)?,
        }
        match self.at {
            At::Season { season, episode } => write!(f, " season {season} episode {episode}"),
            At::Absolute { episode } => write!(f, " episode {episode} of all"),
            At::All {
                season: Some(season),
            } => write!(f, " season {season}"),
            At::Film | At::All { season: None } => Ok(()),
        }
    }
}

/// An item to be found in a catalogue, by all its references.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// The references, in the order of [`Origin::ALL`], each once.
    references: Vec<Reference>,
    /// Its title, for the user's rules alone: the list knows none.
    title: Option<Reference>,
}

impl Query {
    /// A query by these references.
    pub fn new(references: impl IntoIterator<Item = Reference>) -> Self {
        let mut references: Vec<_> = references.into_iter().collect();
        references.sort_unstable();
        references.dedup();
        Self {
            references,
            title: None,
        }
    }

    /// What is known of an item: the show's ids and numbers of an episode or a season, the own ids of a film or a show.
    ///
    /// An episode's *own* ids lead nowhere here, the list starts from shows: they are to be resolved before. The first
    /// episode of a file with several is meant; the others are [`MediaItem::part`]s.
    pub fn of(item: &MediaItem) -> Self {
        let query = Self::new(item.ids.iter().filter_map(|id| match item.kind {
            ItemKind::Episode => episode(item, id),
            ItemKind::Movie => film(id),
            ItemKind::Show => show(id),
            ItemKind::Season => season(item, id),
            ItemKind::Track
            | ItemKind::PodcastEpisode
            | ItemKind::Book
            | ItemKind::Album
            | ItemKind::Artist => None,
        }));
        Self {
            title: title(item),
            ..query
        }
    }

    /// The same query with what else became known of the item.
    #[must_use]
    pub fn with(self, references: impl IntoIterator<Item = Reference>) -> Self {
        let all = self.references.into_iter().chain(references);
        Self {
            title: self.title,
            ..Self::new(all)
        }
    }

    /// Its title, for a rule of the user where no id is known.
    pub const fn title(&self) -> Option<Reference> {
        self.title
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

fn season(item: &MediaItem, id: &ExternalId) -> Option<Reference> {
    let origin = origins(id.namespace)?.of_show;
    let own = id.numbering.map(|numbering| numbering.season);
    let season = match id.scope {
        // Catalogues have an entry where others have a season: its id is the season's own.
        Scope::Item | Scope::Season if origin.is_entry() => None,
        // The season's own id leads nowhere: the list starts from shows.
        Scope::Item | Scope::Season => return None,
        Scope::Show => Some(own.or(item.season)?),
    };
    if origin.is_entry() && season.is_some_and(|season| season > 1) {
        return None;
    }
    Some(Reference {
        origin,
        id: origin.id(id.value())?,
        at: At::All { season },
        is_own_number: season.is_none() || own.is_some(),
    })
}

fn show(id: &ExternalId) -> Option<Reference> {
    if id.scope == Scope::Season {
        return None;
    }
    let origin = origins(id.namespace)?.of_show;
    Some(Reference {
        origin,
        id: origin.id(id.value())?,
        at: At::All { season: None },
        is_own_number: true,
    })
}

/// What a rule by title is about: nothing where the item does not say of which show it is, or which part.
fn title(item: &MediaItem) -> Option<Reference> {
    let (title, year, at) = match item.kind {
        ItemKind::Episode => {
            let at = match item.numbering() {
                Some(Numbering { season, episode }) => At::Season { season, episode },
                None => At::Absolute {
                    episode: item.episode?,
                },
            };
            (item.show_title.as_ref()?, item.show_year, at)
        }
        ItemKind::Season => {
            let season = Some(item.season?);
            (
                item.show_title.as_ref()?,
                item.show_year,
                At::All { season },
            )
        }
        ItemKind::Show => (item.title.as_ref()?, item.year, At::All { season: None }),
        ItemKind::Movie => (item.title.as_ref()?, item.year, At::Film),
        ItemKind::Track
        | ItemKind::PodcastEpisode
        | ItemKind::Book
        | ItemKind::Album
        | ItemKind::Artist => return None,
    };
    Some(Reference {
        origin: Origin::Title,
        id: Origin::of_title(title, year)?,
        at,
        is_own_number: false,
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
