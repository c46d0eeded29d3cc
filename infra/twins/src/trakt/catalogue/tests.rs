//! Finding items by their ids, places and titles.

use super::*;

fn imdb(id: &str) -> Wanted {
    Wanted {
        ids: Ids {
            imdb: Some(id.to_owned()),
            ..Ids::default()
        },
        ..Wanted::default()
    }
}

fn tmdb(id: u64) -> Wanted {
    Wanted {
        ids: Ids {
            tmdb: Some(id),
            ..Ids::default()
        },
        ..Wanted::default()
    }
}

#[test]
fn all_ids_of_a_registered_item_find_it() {
    let mut catalogue = Catalogue::default();
    let ids = Ids {
        imdb: Some("tt1".into()),
        tmdb: Some(7),
        ..Ids::default()
    };
    let trakt = catalogue.register(
        Kind::Movie,
        &Wanted {
            ids,
            ..Wanted::default()
        },
        None,
    );
    assert_eq!(
        catalogue.resolve(Kind::Movie, &imdb("tt1")).unwrap().trakt,
        trakt
    );
    assert_eq!(
        catalogue.resolve(Kind::Movie, &tmdb(7)).unwrap().trakt,
        trakt
    );
    assert_ne!(
        catalogue.resolve(Kind::Show, &tmdb(7)).unwrap().trakt,
        trakt,
        "numbers are counted per kind"
    );
    assert!(
        catalogue.resolve(Kind::Episode, &imdb("tt1")).is_none(),
        "an IMDb id names one thing"
    );
}

#[test]
fn an_unregistered_item_learns_the_ids_that_come_with_it() {
    let mut catalogue = Catalogue::default();
    let mut both = imdb("tt2");
    both.ids.tmdb = Some(8);
    let first = catalogue.resolve(Kind::Movie, &both).unwrap();
    assert_eq!(catalogue.resolve(Kind::Movie, &tmdb(8)), Some(first));
    assert_eq!(catalogue.resolve(Kind::Movie, &imdb("tt2")), Some(first));
}

#[test]
fn a_forgotten_id_and_a_malformed_one_find_nothing() {
    let mut catalogue = Catalogue::default();
    catalogue.forget("imdb", "tt3");
    assert!(catalogue.resolve(Kind::Movie, &imdb("tt3")).is_none());
    assert!(catalogue.resolve(Kind::Movie, &imdb("nm3")).is_none());
    let movie_by_tvdb = Wanted {
        ids: Ids {
            tvdb: Some(5),
            ..Ids::default()
        },
        ..Wanted::default()
    };
    assert!(catalogue.resolve(Kind::Movie, &movie_by_tvdb).is_none());
}

#[test]
fn a_title_finds_the_newest_of_its_name_and_only_with_a_year_something_new() {
    let mut catalogue = Catalogue::default();
    let titled = |title: &str, year| Wanted {
        title: Some(title.to_owned()),
        year,
        ..Wanted::default()
    };
    catalogue.register(Kind::Movie, &titled("Dune", Some(1984)), None);
    let newest = catalogue.register(Kind::Movie, &titled("Dune", Some(2021)), None);
    assert_eq!(
        catalogue
            .resolve(Kind::Movie, &titled("dune", None))
            .unwrap()
            .trakt,
        newest
    );
    assert!(
        catalogue
            .resolve(Kind::Movie, &titled("Unheard Of", None))
            .is_none()
    );
    assert!(
        catalogue
            .resolve(Kind::Movie, &titled("Unheard Of", Some(2026)))
            .is_some()
    );
    catalogue.forget("imdb", "tt5");
    let mut forgotten = titled("Dune", Some(1984));
    forgotten.ids.imdb = Some("tt5".to_owned());
    assert!(
        catalogue.resolve(Kind::Movie, &forgotten).is_some(),
        "the title is asked after the ids"
    );
}

#[test]
fn a_show_whose_episodes_are_registered_has_no_others() {
    let mut catalogue = Catalogue::default();
    let show = catalogue.register(Kind::Show, &tmdb(1396), None);
    let place = Place {
        show,
        season: 1,
        number: 1,
        absolute: Some(1),
    };
    let pilot = catalogue.register(Kind::Episode, &tmdb(62085), Some(place));
    assert_eq!(catalogue.episode(show, 1, 1).unwrap().trakt, pilot);
    assert_eq!(catalogue.absolute_episode(show, 1).unwrap().trakt, pilot);
    assert!(catalogue.episode(show, 1, 2).is_none());
    assert_eq!(catalogue.episodes(show, None).len(), 1);
}
