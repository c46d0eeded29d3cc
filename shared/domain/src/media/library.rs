//! What a media server's library adds to an item that an event names: the event's own words win.

use crate::identity::fold;
use crate::media::{ExternalId, MediaItem, Scope};

impl MediaItem {
    /// Says whether nothing tells what it is, but the media server's own id.
    pub fn is_nameless(&self) -> bool {
        self.content_id.is_some()
            && self.ids.is_empty()
            && self.title.is_none()
            && self.show_title.is_none()
    }

    /// Says whether it is worth a look into the library: it came without ids, or without titles.
    pub fn is_wanting(&self) -> bool {
        let is_untitled = self.title.is_none() && self.show_title.is_none();
        self.content_id.is_some() && (self.ids.is_empty() || is_untitled)
    }

    /// The item with what the library knows of it besides.
    ///
    /// What the item says itself stays, and the ids of both are united. `None` where the library means something else
    /// by it: an item of another kind, or one of which a database has another id.
    pub fn completed_by(&self, library: &Self) -> Option<Self> {
        if self.kind != library.kind || self.contradicts(library) {
            return None;
        }
        let mut whole = self.clone();
        // A show's id names an episode together with its number: where the two count differently, it would name
        // another one.
        let is_counted_alike = self
            .numbering()
            .is_none_or(|own| Some(own) == library.numbering());
        for id in &library.ids {
            let is_known = self.ids.iter().any(|own| is_of_the_same(own, id));
            let is_of_other_number =
                id.scope != Scope::Item && id.numbering.is_none() && !is_counted_alike;
            if !is_known && !is_of_other_number {
                whole.ids.push(id.clone());
            }
        }
        macro_rules! fill {
            ($($field:ident),*) => {
                $( if whole.$field.is_none() { whole.$field.clone_from(&library.$field); } )*
            };
        }
        fill!(title, year, released_on, show_title, show_year, duration);
        fill!(
            artist,
            album_artist,
            album,
            track_number,
            disc_number,
            author
        );
        if self.season.is_none() && self.episode.is_none() {
            (whole.season, whole.episode) = (library.season, library.episode);
            whole.episode_end = library.episode_end;
        } else {
            fill!(season, episode);
            if is_counted_alike {
                fill!(episode_end);
            }
        }
        Some(whole)
    }

    /// Says whether something besides the media server's own id tells that the library means this item: another server
    /// may give the same id to another one.
    pub fn is_confirmed_by(&self, library: &Self) -> bool {
        let shares_an_id = self.ids.iter().any(|own| {
            own.namespace.names_one_item()
                && own.scope == Scope::Item
                && library.ids.iter().any(|id| is_same(own, id))
        });
        let shows = self
            .show_title
            .as_deref()
            .zip(library.show_title.as_deref());
        let is_of_the_same_show = shows.is_some_and(|(own, other)| fold(own) == fold(other))
            && self.numbering() == library.numbering();
        shares_an_id || is_of_the_same_show
    }

    /// Says whether a database that names one item by an id has another id of the other.
    fn contradicts(&self, other: &Self) -> bool {
        self.ids
            .iter()
            .filter(|own| own.namespace.names_one_item())
            .any(|own| {
                let mut theirs = other
                    .ids
                    .iter()
                    .filter(|id| is_of_the_same(own, id))
                    .peekable();
                theirs.peek().is_some() && !theirs.any(|id| is_same(own, id))
            })
    }
}

/// Says whether two ids answer the same question.
fn is_of_the_same(one: &ExternalId, other: &ExternalId) -> bool {
    (one.namespace, one.scope) == (other.namespace, other.scope)
}

fn is_same(one: &ExternalId, other: &ExternalId) -> bool {
    is_of_the_same(one, other) && one.value() == other.value()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;
    use crate::media::{ItemKind, Namespace};

    fn id(namespace: Namespace, scope: Scope, raw: &str) -> ExternalId {
        ExternalId::new(namespace, scope, raw).unwrap()
    }

    fn own(namespace: Namespace, raw: &str) -> ExternalId {
        id(namespace, Scope::Item, raw)
    }

    fn bare(kind: ItemKind) -> MediaItem {
        let mut media = MediaItem::new(kind);
        media.content_id = Some("77".to_owned());
        media
    }

    fn film() -> MediaItem {
        let mut film = bare(ItemKind::Movie);
        film.title = Some("The Matrix".to_owned());
        film.year = Some(1999);
        film.duration = Some(TimeDelta::minutes(136));
        film.ids = vec![
            own(Namespace::Tmdb, "603"),
            own(Namespace::Imdb, "tt0133093"),
        ];
        film
    }

    fn episode(season: u32, number: u32) -> MediaItem {
        let mut episode = bare(ItemKind::Episode);
        episode.show_title = Some("Titan".to_owned());
        (episode.season, episode.episode) = (Some(season), Some(number));
        episode.ids = vec![
            own(Namespace::Tvdb, "8960000"),
            id(Namespace::Tvdb, Scope::Show, "267440"),
        ];
        episode
    }

    #[test]
    fn what_came_with_nothing_takes_all_that_the_library_knows() {
        let nameless = bare(ItemKind::Movie);
        assert!(nameless.is_nameless() && nameless.is_wanting());
        assert_eq!(nameless.completed_by(&film()), Some(film()));
        assert!(!film().is_nameless() && !film().is_wanting());
        assert!(!MediaItem::new(ItemKind::Movie).is_nameless());
    }

    #[test]
    fn an_events_own_words_win_and_ids_are_united() {
        let mut told = bare(ItemKind::Movie);
        told.title = Some("Matrix".to_owned());
        assert!(told.is_wanting() && !told.is_nameless());
        told.ids = vec![own(Namespace::Tmdb, "603"), own(Namespace::Trakt, "481")];
        let whole = told.completed_by(&film()).unwrap();
        assert_eq!(
            (whole.title.as_deref(), whole.year),
            (Some("Matrix"), Some(1999))
        );
        let ids: Vec<_> = whole.ids.iter().map(ExternalId::value).collect();
        assert_eq!(ids, ["603", "481", "tt0133093"]);
    }

    #[test]
    fn a_library_that_means_something_else_adds_nothing() {
        let mut other = bare(ItemKind::Movie);
        other.ids = vec![own(Namespace::Imdb, "tt0234215")];
        assert_eq!(other.completed_by(&film()), None);
        assert_eq!(bare(ItemKind::Episode).completed_by(&film()), None);
        // A release has many tracks and a track many releases.
        let (mut told, mut library) = (bare(ItemKind::Track), bare(ItemKind::Track));
        let mbid = |last: char| format!("b1a9c0e9-d987-4042-ae91-78d6a3267d6{last}");
        told.ids = vec![own(Namespace::ReleaseMbid, &mbid('1'))];
        library.ids = vec![own(Namespace::ReleaseMbid, &mbid('2'))];
        library.title = Some("Jóga".to_owned());
        let whole = told.completed_by(&library).unwrap();
        assert_eq!(
            (whole.ids, whole.title.as_deref()),
            (told.ids, Some("Jóga"))
        );
    }

    #[test]
    fn a_shows_id_is_taken_only_with_the_number_that_it_is_counted_by() {
        let mut told = episode(1, 76);
        told.ids.truncate(1);
        let whole = told.completed_by(&episode(4, 17)).unwrap();
        assert_eq!((whole.season, whole.episode), (Some(1), Some(76)));
        assert_eq!(whole.ids, told.ids);
        let mut numbered = episode(4, 17);
        numbered.ids[1] = numbered.ids[1].clone().numbered(4, 17);
        let whole = told.completed_by(&numbered).unwrap();
        assert_eq!(whole.ids, numbered.ids);
        let alike = told.completed_by(&episode(1, 76)).unwrap();
        assert_eq!(alike.ids.len(), 2);
    }

    #[test]
    fn an_item_is_confirmed_by_an_own_id_or_by_show_and_number() {
        let mut told = episode(4, 17);
        assert!(told.is_confirmed_by(&episode(4, 18)));
        told.ids = vec![own(Namespace::Imdb, "tt1")];
        assert!(told.is_confirmed_by(&episode(4, 17)));
        assert!(!told.is_confirmed_by(&episode(4, 18)));
        told.show_title = None;
        assert!(!told.is_confirmed_by(&episode(4, 17)));
    }

    proptest! {
        #[test]
        fn completing_twice_changes_nothing_and_no_word_of_the_item_is_lost(
            own_tmdb in prop::option::of(1_u32..4), own_imdb in prop::option::of(1_u32..4), title in prop::option::of("[a-c]"),
            tmdb in prop::option::of(1_u32..4), imdb in prop::option::of(1_u32..4), name in prop::option::of("[a-c]"),
        ) {
            let made = |tmdb: Option<u32>, imdb: Option<u32>, title: Option<String>| {
                let mut media = bare(ItemKind::Movie);
                media.title = title;
                let tmdb = tmdb.map(|id| own(Namespace::Tmdb, &id.to_string()));
                let imdb = imdb.map(|id| own(Namespace::Imdb, &format!("tt{id}")));
                media.ids = tmdb.into_iter().chain(imdb).collect();
                media
            };
            let (told, library) = (made(own_tmdb, own_imdb, title), made(tmdb, imdb, name));
            if let Some(whole) = told.completed_by(&library) {
                prop_assert_eq!(whole.completed_by(&library), Some(whole.clone()));
                prop_assert!(told.ids.iter().all(|id| whole.ids.contains(id)));
                prop_assert!(library.ids.iter().all(|id| whole.ids.contains(id)));
                prop_assert!(told.title.is_none() || told.title == whole.title);
            } else {
                prop_assert!(own_tmdb.zip(tmdb).is_some_and(|(a, b)| a != b)
                    || own_imdb.zip(imdb).is_some_and(|(a, b)| a != b));
            }
        }
    }
}
