//! How a film or an episode is named to Simkl.
//!
//! A show is named by the ids that count its episodes by season and number (`TheTVDB`, TMDB, IMDb); Simkl finds the anime
//! entry behind them by itself. Only where none is known is an anime named by an id of its entry, whose episodes count
//! from 1. The two are never mixed: an entry's id would turn season 2 of the show into season 2 of the entry.

use hub_domain::media::Numbering;
use hub_domain::{ItemKind, MediaItem, Namespace, Outcome, Scope, Service};

use super::wire::{EpisodeIds, Ids, Named};
use crate::music::not_taken;
use crate::video;

/// What is watched, named as well as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Film(Named),
    Episode {
        /// Its show with its number; none where only the episode's own id is known.
        place: Option<Place>,
        /// What Simkl takes of the episode's own ids.
        own: EpisodeIds,
    },
}

/// An episode by its show or anime entry, and its number there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) show: Named,
    /// The show is an anime entry, whose episodes count from 1 without seasons.
    pub(super) is_entry: bool,
    pub(super) numbering: Numbering,
}

impl Item {
    pub(super) fn has_own_id(&self) -> bool {
        match self {
            Self::Film(_) => false,
            Self::Episode { own, .. } => *own != EpisodeIds::default(),
        }
    }

    /// Says whether `/scrobble/…` and the look can name it: they know no ids of episodes.
    pub(super) fn can_be_scrobbled(&self) -> bool {
        match self {
            Self::Film(_) => true,
            Self::Episode { place, .. } => place.is_some(),
        }
    }

    /// What becomes of an item that Simkl said it does not know.
    pub(super) fn unknown(&self) -> Outcome {
        Outcome::NotFound {
            tried: match self {
                Self::Film(film) => format!("the film by {}", list(film)),
                Self::Episode { place, own } => {
                    let own = own_list(own);
                    let place = place.as_ref().map(|place| {
                        let Numbering { season, episode } = place.numbering;
                        format!(
                            "the show by {}, season {season}, episode {episode}",
                            list(&place.show)
                        )
                    });
                    [place, own]
                        .into_iter()
                        .flatten()
                        .collect::<Vec<_>>()
                        .join("; ")
                }
            },
        }
    }
}

/// Names an item. The error is what becomes of a play that cannot be named.
pub(super) fn item_of(media: &MediaItem) -> Result<Item, Outcome> {
    match media.kind {
        ItemKind::Movie => {
            let ids = Ids {
                imdb: video::id_of(media, Namespace::Imdb, Scope::Item).map(str::to_owned),
                tmdb: video::number_of(media, Namespace::Tmdb, Scope::Item),
                tvdb: None, // TheTVDB counts films and shows apart, and Simkl's documents know no ids of its films.
                ..entry_ids(media, Scope::Item)
            };
            let film = named(media.title.as_deref(), media.year, ids);
            if film == Named::default() {
                return Err(nameless(
                    "no id of the film that Simkl knows, and no title with a year",
                ));
            }
            Ok(Item::Film(film))
        }
        ItemKind::Episode => {
            let own = EpisodeIds {
                tvdb: video::number_of(media, Namespace::Tvdb, Scope::Item),
                anidb: video::number_of(media, Namespace::Anidb, Scope::Item),
            };
            let place = place_by_season(media).or_else(|| place_in_entry(media));
            if place.is_none() && own == EpisodeIds::default() {
                return Err(nameless(
                    "no id of the episode that Simkl knows, and no show with season and number",
                ));
            }
            Ok(Item::Episode { place, own })
        }
        ItemKind::Track
        | ItemKind::PodcastEpisode
        | ItemKind::Book
        | ItemKind::Show
        | ItemKind::Season
        | ItemKind::Album
        | ItemKind::Artist => Err(not_taken(media.kind, Service::Simkl)),
    }
}

/// Names a film or a show as a whole, by its own ids; the error is what becomes of a statement about what has no name.
pub(super) fn whole_of(media: &MediaItem) -> Result<Named, Outcome> {
    match media.kind {
        ItemKind::Movie => match item_of(media)? {
            Item::Film(film) => Ok(film),
            Item::Episode { .. } => Err(not_taken(media.kind, Service::Simkl)),
        },
        ItemKind::Show => {
            let own = Ids {
                imdb: video::id_of(media, Namespace::Imdb, Scope::Item).map(str::to_owned),
                tmdb: video::number_of(media, Namespace::Tmdb, Scope::Item),
                tvdb: video::number_of(media, Namespace::Tvdb, Scope::Item),
                ..Ids::default()
            };
            // As of an episode's show: an entry's id beside the show's would name another thing.
            let ids = if own == Ids::default() {
                entry_ids(media, Scope::Item)
            } else {
                own
            };
            let show = named(media.title.as_deref(), media.year, ids);
            if show == Named::default() {
                return Err(nameless(
                    "no id of the show that Simkl knows, and no title with a year",
                ));
            }
            Ok(show)
        }
        ItemKind::Episode
        | ItemKind::Season
        | ItemKind::Track
        | ItemKind::PodcastEpisode
        | ItemKind::Book
        | ItemKind::Album
        | ItemKind::Artist => Err(not_taken(media.kind, Service::Simkl)),
    }
}

fn place_by_season(media: &MediaItem) -> Option<Place> {
    let ids = Ids {
        imdb: video::id_of(media, Namespace::Imdb, Scope::Show).map(str::to_owned),
        tmdb: video::number_of(media, Namespace::Tmdb, Scope::Show),
        tvdb: video::number_of(media, Namespace::Tvdb, Scope::Show),
        ..Ids::default()
    };
    // With an entry's id at hand the title is the entry's as often as the show's.
    if ids == Ids::default() && entry_ids(media, Scope::Show) != Ids::default() {
        return None;
    }
    let show = named(media.show_title.as_deref(), media.show_year, ids);
    let order = [Namespace::Tvdb, Namespace::Tmdb, Namespace::Imdb];
    let numbering = video::numbering_of(media, &order)?;
    (show != Named::default()).then_some(Place {
        show,
        is_entry: false,
        numbering,
    })
}

fn place_in_entry(media: &MediaItem) -> Option<Place> {
    let ids = entry_ids(media, Scope::Show);
    let order = [Namespace::Anidb, Namespace::Myanimelist, Namespace::Anilist];
    let numbering = video::numbering_of(media, &order)?;
    // An entry has no seasons: its season 0 would be another entry's episode.
    (ids != Ids::default() && numbering.season == 1).then_some(Place {
        show: Named {
            ids,
            ..Named::default()
        },
        is_entry: true,
        numbering,
    })
}

fn entry_ids(media: &MediaItem, scope: Scope) -> Ids {
    let number = |namespace| video::number_of(media, namespace, scope);
    Ids {
        mal: number(Namespace::Myanimelist),
        anidb: number(Namespace::Anidb),
        anilist: number(Namespace::Anilist),
        ..Ids::default()
    }
}

fn named(title: Option<&str>, year: Option<i32>, ids: Ids) -> Named {
    let (title, year) = video::title_and_year(title, year).unzip();
    Named { title, year, ids }
}

fn nameless(tried: &str) -> Outcome {
    Outcome::NotFound {
        tried: tried.to_owned(),
    }
}

fn list(named: &Named) -> String {
    let ids = &named.ids;
    let numbers = [
        ("tmdb", ids.tmdb),
        ("tvdb", ids.tvdb),
        ("mal", ids.mal),
        ("anidb", ids.anidb),
        ("anilist", ids.anilist),
    ];
    let numbers = numbers
        .into_iter()
        .filter_map(|(name, id)| Some(format!("{name} {}", id?)));
    let imdb = ids.imdb.iter().map(|id| format!("imdb {id}"));
    let known: Vec<String> = imdb.chain(numbers).collect();
    if known.is_empty() {
        "title and year".to_owned()
    } else {
        known.join(", ")
    }
}

fn own_list(own: &EpisodeIds) -> Option<String> {
    let tvdb = own.tvdb.map(|id| format!("tvdb {id}"));
    let anidb = own.anidb.map(|id| format!("anidb {id}"));
    let known: Vec<String> = tvdb.into_iter().chain(anidb).collect();
    (!known.is_empty()).then(|| format!("the episode's {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{episode, id, movie};

    fn place(media: &MediaItem) -> Place {
        match item_of(media) {
            Ok(Item::Episode {
                place: Some(place), ..
            }) => place,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_film_goes_by_every_id_that_names_it() {
        let mut film = movie("tt0133093");
        film.ids.push(id(Namespace::Tmdb, Scope::Item, "603"));
        film.ids.push(id(Namespace::Tvdb, Scope::Item, "169"));
        film.ids.push(id(Namespace::Myanimelist, Scope::Item, "7"));
        let Ok(Item::Film(named)) = item_of(&film) else {
            panic!("no film")
        };
        assert_eq!(named.title.as_deref(), Some("The Matrix"));
        assert_eq!((named.ids.tmdb, named.ids.mal), (Some(603), Some(7)));
        assert_eq!(named.ids.tvdb, None);
        film.ids.clear();
        film.year = None;
        assert!(matches!(item_of(&film), Err(Outcome::NotFound { .. })));
    }

    #[test]
    fn an_episode_goes_by_its_show_and_takes_its_own_id_along() {
        let pilot = item_of(&episode(1, Some("349232"))).unwrap();
        assert!(pilot.has_own_id() && pilot.can_be_scrobbled());
        let Outcome::NotFound { tried } = pilot.unknown() else {
            panic!("not unknown")
        };
        assert_eq!(
            tried,
            "the show by tvdb 81189, season 1, episode 1; the episode's tvdb 349232"
        );
        let mut orphan = episode(1, Some("349232"));
        orphan.season = None;
        let orphan = item_of(&orphan).unwrap();
        assert!(orphan.has_own_id() && !orphan.can_be_scrobbled());
    }

    #[test]
    fn the_shows_ids_and_an_entrys_ids_are_never_mixed() {
        let mut both = episode(4, None);
        both.season = Some(2);
        both.ids
            .push(id(Namespace::Anidb, Scope::Show, "10944").numbered(1, 4));
        let by_season = place(&both);
        assert!(!by_season.is_entry && by_season.show.ids.anidb.is_none());
        assert_eq!(
            by_season.numbering,
            Numbering {
                season: 2,
                episode: 4
            }
        );

        both.ids.retain(|id| id.namespace == Namespace::Anidb);
        let in_entry = place(&both);
        assert!(in_entry.is_entry && in_entry.show.title.is_none());
        assert_eq!(in_entry.show.ids.anidb, Some(10944));
        assert_eq!(
            in_entry.numbering,
            Numbering {
                season: 1,
                episode: 4
            }
        );

        let mut special = episode(1, None);
        special.season = Some(0);
        special.ids = vec![id(Namespace::Anidb, Scope::Show, "10944")];
        assert!(item_of(&special).is_err(), "nothing is guessed");
    }
}
