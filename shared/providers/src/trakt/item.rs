//! How a film or an episode is named to Trakt, and when two names mean the same.

use std::collections::BTreeMap;

use hub_domain::media::Numbering;
use hub_domain::{Delivery, ItemKind, MediaItem, Namespace, Outcome, Scope, Service};

use super::wire::{Entry, EpisodeIds, EpisodeNumber, Ids, Item, Named};
use crate::music::not_taken;
use crate::video;

/// Why an episode waits a second after Trakt did not know its own ids, and how [`is_known_by_number_only`] knows.
///
/// The second name goes in a request of its own, since a second write within the second is over Trakt's limit.
pub(super) const BY_NUMBER_NEXT: &str =
    "Trakt does not know this episode's own ids; its show and number are tried next";

/// What something is said of: a thing that is played, or one that consists of such. Apart from [`Item`], since a show
/// among plays would mark all of its episodes as watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    Item(Item),
    Show(Named),
    Season { show: Named, number: u32 },
}

/// Names what something is said of: a film or an episode as [`item_of`] does, a show by its ids, a season by its show's
/// and its number.
///
/// The error is what becomes of a statement whose subject cannot be named.
pub(super) fn subject_of(media: &MediaItem, by_number: bool) -> Result<Subject, Outcome> {
    match media.kind {
        ItemKind::Show => {
            let show = Named {
                ids: ids_of(media, Scope::Item),
                ..named(media.title.as_deref(), media.year)
            };
            if show == Named::default() {
                return Err(nameless(
                    "no id of the show that Trakt knows, and no title with a year",
                ));
            }
            Ok(Subject::Show(show))
        }
        ItemKind::Season => {
            let show = Named {
                ids: ids_of(media, Scope::Show),
                ..named(media.show_title.as_deref(), media.show_year)
            };
            match media.season {
                Some(number) if show != Named::default() => Ok(Subject::Season { show, number }),
                Some(_) | None => Err(nameless(
                    "no id of the season's show that Trakt knows, or no number of the season",
                )),
            }
        }
        ItemKind::Movie
        | ItemKind::Episode
        | ItemKind::Track
        | ItemKind::PodcastEpisode
        | ItemKind::Book
        | ItemKind::Album
        | ItemKind::Artist => item_of(media, by_number).map(Subject::Item),
    }
}

/// What becomes of a subject that Trakt said it does not know.
pub(super) fn unknown_subject(subject: &Subject, now: chrono::DateTime<chrono::Utc>) -> Outcome {
    match subject {
        Subject::Item(item) => unknown(item, now),
        Subject::Show(show) => nameless(&format!("the show by {}", list(&show.ids))),
        Subject::Season { show, number } => {
            nameless(&format!("the show by {}, season {number}", list(&show.ids)))
        }
    }
}

/// Says whether Trakt was asked for this episode's own ids and did not know them.
pub(super) fn is_known_by_number_only(deliveries: &BTreeMap<Service, Delivery>) -> bool {
    deliveries
        .get(&Service::Trakt)
        .and_then(|delivery| delivery.detail.as_deref())
        == Some(BY_NUMBER_NEXT)
}

/// Names an item: a film by its ids, an episode by its own or else by its show and number.
///
/// Title and year go along only together: of a bare title, Trakt takes the most current thing of that name.
/// The error is what becomes of a play that cannot be named.
pub(super) fn item_of(media: &MediaItem, by_number: bool) -> Result<Item, Outcome> {
    match media.kind {
        ItemKind::Movie => {
            let movie = Named {
                ids: Ids {
                    tvdb: None, // Trakt knows no TheTVDB ids of films.
                    ..ids_of(media, Scope::Item)
                },
                ..named(media.title.as_deref(), media.year)
            };
            if movie == Named::default() {
                return Err(nameless(
                    "no id of the film that Trakt knows, and no title with a year",
                ));
            }
            Ok(Item::Movie { movie })
        }
        ItemKind::Episode => {
            let ids = ids_of(media, Scope::Item);
            if !ids.is_empty() && !by_number {
                return Ok(Item::Episode {
                    episode: EpisodeIds { ids },
                });
            }
            let show = Named {
                ids: ids_of(media, Scope::Show),
                ..named(media.show_title.as_deref(), media.show_year)
            };
            match numbering_of(media) {
                Some(Numbering { season, episode }) if show != Named::default() => {
                    let episode = EpisodeNumber {
                        season,
                        number: episode,
                    };
                    Ok(Item::Numbered { show, episode })
                }
                Some(_) | None if by_number => {
                    Err(nameless(&format!("the episode's {}", list(&ids))))
                }
                Some(_) | None => Err(nameless(
                    "no id of the episode that Trakt knows, and no show with season and number",
                )),
            }
        }
        ItemKind::Track
        | ItemKind::PodcastEpisode
        | ItemKind::Book
        | ItemKind::Show
        | ItemKind::Season
        | ItemKind::Album
        | ItemKind::Artist => Err(not_taken(media.kind, Service::Trakt)),
    }
}

/// What becomes of an item that Trakt said it does not know.
pub(super) fn unknown(item: &Item, now: chrono::DateTime<chrono::Utc>) -> Outcome {
    match item {
        Item::Movie { movie } => nameless(&format!("the film by {}", list(&movie.ids))),
        Item::Episode { .. } => Outcome::Wait {
            until: now + chrono::TimeDelta::seconds(1),
            why: BY_NUMBER_NEXT.to_owned(),
        },
        Item::Numbered { show, episode } => nameless(&format!(
            "the show by {}, season {}, episode {}",
            list(&show.ids),
            episode.season,
            episode.number
        )),
    }
}

/// Says whether an entry of the history is of this item, by whichever of its names.
pub(super) fn is_of(entry: &Entry, media: &MediaItem) -> bool {
    let own = ids_of(media, Scope::Item);
    if media.kind == ItemKind::Movie {
        let ours = Named {
            ids: own,
            ..named(media.title.as_deref(), media.year)
        };
        return entry.movie.as_ref().is_some_and(|movie| ours.meets(movie));
    }
    let Some(episode) = &entry.episode else {
        return false;
    };
    if own.meets(&episode.ids) {
        return true;
    }
    let ours = Named {
        ids: ids_of(media, Scope::Show),
        ..named(media.show_title.as_deref(), media.show_year)
    };
    let is_number = numbering_of(media).is_some_and(|numbering| {
        episode.season == Some(numbering.season) && episode.number == Some(numbering.episode)
    });
    is_number && entry.show.as_ref().is_some_and(|show| ours.meets(show))
}

fn nameless(tried: &str) -> Outcome {
    Outcome::NotFound {
        tried: tried.to_owned(),
    }
}

fn named(title: Option<&str>, year: Option<i32>) -> Named {
    match video::title_and_year(title, year) {
        Some((title, year)) => Named {
            title: Some(title),
            year: Some(year),
            ids: Ids::default(),
        },
        None => Named::default(),
    }
}

fn ids_of(media: &MediaItem, scope: Scope) -> Ids {
    let number = |namespace| video::number_of(media, namespace, scope);
    Ids {
        trakt: number(Namespace::Trakt),
        imdb: video::id_of(media, Namespace::Imdb, scope).map(str::to_owned),
        tmdb: number(Namespace::Tmdb),
        tvdb: number(Namespace::Tvdb),
    }
}

/// Season and number in Trakt's order, which is TMDB's: the numbering of the closest id that came with one, else the
/// item's own.
fn numbering_of(media: &MediaItem) -> Option<Numbering> {
    video::numbering_of(
        media,
        &[
            Namespace::Trakt,
            Namespace::Tmdb,
            Namespace::Imdb,
            Namespace::Tvdb,
        ],
    )
}

fn list(ids: &Ids) -> String {
    let mut known: Vec<String> = Vec::new();
    known.extend(ids.trakt.map(|id| format!("trakt {id}")));
    known.extend(ids.imdb.as_ref().map(|id| format!("imdb {id}")));
    known.extend(ids.tmdb.map(|id| format!("tmdb {id}")));
    known.extend(ids.tvdb.map(|id| format!("tvdb {id}")));
    if known.is_empty() {
        "title and year".to_owned()
    } else {
        known.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{at, episode, id, movie, play};

    fn named(media: &MediaItem, by_number: bool) -> serde_json::Value {
        serde_json::to_value(item_of(media, by_number).unwrap()).unwrap()
    }

    #[test]
    fn every_known_id_goes_along_and_no_unknown_one() {
        let mut film = movie("tt0133093");
        film.ids.push(id(Namespace::Tvdb, Scope::Item, "169"));
        film.ids.push(id(Namespace::Tmdb, Scope::Item, "603"));
        assert_eq!(
            named(&film, false),
            json!({"movie": {"title": "The Matrix", "year": 1999, "ids": {"imdb": "tt0133093", "tmdb": 603}}})
        );
    }

    #[test]
    fn a_title_is_sent_only_with_its_year() {
        let mut film = movie("tt0133093");
        film.year = None;
        assert_eq!(
            named(&film, false),
            json!({"movie": {"ids": {"imdb": "tt0133093"}}})
        );
        film.ids.clear();
        assert!(matches!(
            item_of(&film, false),
            Err(Outcome::NotFound { .. })
        ));
        film.year = Some(1999);
        assert_eq!(
            named(&film, false),
            json!({"movie": {"title": "The Matrix", "year": 1999}})
        );
    }

    #[test]
    fn an_episode_goes_by_its_own_ids_and_then_by_its_show_and_number() {
        let pilot = episode(1, Some("349232"));
        assert_eq!(
            named(&pilot, false),
            json!({"episode": {"ids": {"tvdb": 349_232}}})
        );
        let by_number = json!({
            "show": {"title": "Breaking Bad", "year": 2008, "ids": {"tvdb": 81189}},
            "episode": {"season": 1, "number": 1}
        });
        assert_eq!(named(&pilot, true), by_number);
        assert_eq!(named(&episode(1, None), false), by_number);
        let mut orphan = pilot;
        orphan.season = None;
        assert!(matches!(
            item_of(&orphan, true),
            Err(Outcome::NotFound { tried }) if tried == "the episode's tvdb 349232"
        ));
    }

    #[test]
    fn a_special_is_in_season_zero_and_the_ids_numbering_goes_before_the_items() {
        let mut special = episode(3, None);
        special.season = Some(0);
        assert_eq!(
            named(&special, false)["episode"],
            json!({"season": 0, "number": 3})
        );
        special
            .ids
            .push(id(Namespace::Tmdb, Scope::Show, "1396").numbered(2, 7));
        assert_eq!(
            named(&special, false)["episode"],
            json!({"season": 2, "number": 7})
        );
    }

    #[test]
    fn what_trakt_does_not_know_by_id_is_tried_by_number_once() {
        let media = episode(1, Some("349232"));
        let first = item_of(&media, false).unwrap();
        let waits = unknown(&first, at(0));
        assert!(matches!(&waits, Outcome::Wait { until, .. } if *until == at(1)));
        let mut play = play(media.clone(), Some(at(-1800)), Some(at(0)));
        assert!(!is_known_by_number_only(&play.deliveries));
        let delivery = hub_domain::Delivery::pending().answered(&waits, at(0));
        play.deliveries.insert(Service::Trakt, delivery);
        assert!(is_known_by_number_only(&play.deliveries));
        let second = item_of(&media, true).unwrap();
        assert!(matches!(unknown(&second, at(2)), Outcome::NotFound { .. }));
    }

    #[test]
    fn an_entry_is_known_by_any_id_or_by_show_and_number() {
        let entry: Entry = serde_json::from_value(json!({
            "id": 1, "watched_at": "2025-11-20T12:00:00.000Z",
            "episode": {"season": 1, "number": 1, "ids": {"trakt": 16, "tvdb": 349_232, "imdb": null}},
            "show": {"title": "Breaking Bad", "year": 2008, "ids": {"trakt": 1, "tvdb": 81189}}
        }))
        .unwrap();
        assert!(is_of(&entry, &episode(1, Some("349232"))));
        assert!(is_of(&entry, &episode(1, None)));
        assert!(!is_of(&entry, &episode(2, None)));
        assert!(!is_of(&entry, &movie("tt0133093")));
        let mut by_name = episode(1, None);
        by_name.ids.clear();
        assert!(!is_of(&entry, &{
            let mut other = by_name.clone();
            other.show_year = Some(1999);
            other
        }));
    }
}
