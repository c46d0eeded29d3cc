//! Films, as Letterboxd's importer takes them.

use std::collections::BTreeMap;

use chrono::TimeZone;
use hub_domain::media::Namespace;
use hub_domain::{ItemKey, MediaItem, Says, Statement};
use hub_files::letterboxd::import::Entry;
use hub_files::letterboxd::{Extent, Film, Viewing, entries};

use super::gather::{Gathered, Span, day, first};

/// The rows, and how many films nothing names.
pub(super) fn rows<Zone: TimeZone>(
    gathered: &Gathered,
    span: Span,
    zone: &Zone,
) -> (Vec<Entry>, usize) {
    let mut known = BTreeMap::<&ItemKey, Film>::new();
    let mut told = BTreeMap::<&ItemKey, Vec<&MediaItem>>::new();
    for play in &gathered.plays {
        told.entry(&play.item).or_default().push(&play.media);
        known.entry(&play.item).or_default().viewings.push(Viewing {
            on: day(play, zone),
            is_new: span.is_new(play.created_at),
            ..Viewing::default()
        });
    }
    for statement in &gathered.ratings {
        let Some(Says::Rated { rating, review }) = &statement.says else {
            continue;
        };
        told.entry(&statement.id.item)
            .or_default()
            .push(&statement.media);
        let film = known.entry(&statement.id.item).or_default();
        film.rating = Some(*rating);
        film.review.clone_from(review);
        film.is_rating_new = span.is_new(statement.created_at);
    }
    let films: Vec<Film> = known
        .into_iter()
        .map(|(item, film)| {
            let told = told.remove(item).unwrap_or_default();
            named(film, &told)
        })
        .collect();
    let extent = if span.since.is_some() {
        Extent::New
    } else {
        Extent::All
    };
    let left_out = films.iter().filter(|film| !is_named(film)).count();
    (entries(&films, extent), left_out)
}

/// The rows of the watchlist: films without a day, which the importer of that list takes for what is to be watched.
pub(super) fn to_watch(watchlist: &[Statement]) -> (Vec<Entry>, usize) {
    let films = watchlist
        .iter()
        .map(|statement| named(Film::default(), &[&statement.media]));
    let (named, nameless): (Vec<Film>, Vec<Film>) = films.partition(is_named);
    let entry = |film: Film| Entry {
        tmdb_id: film.tmdb_id,
        imdb_id: film.imdb_id,
        title: film.title,
        year: film.year,
        ..Entry::default()
    };
    (named.into_iter().map(entry).collect(), nameless.len())
}

fn named(film: Film, told: &[&MediaItem]) -> Film {
    let id = |namespace| first(told.iter().map(|media| media.own_id(namespace)));
    Film {
        tmdb_id: id(Namespace::Tmdb).and_then(|id| id.parse().ok()),
        imdb_id: id(Namespace::Imdb).map(str::to_owned),
        title: first(told.iter().map(|media| media.title.clone())),
        year: first(told.iter().map(|media| media.year)),
        ..film
    }
}

const fn is_named(film: &Film) -> bool {
    film.tmdb_id.is_some() || film.imdb_id.is_some() || film.title.is_some()
}

#[cfg(test)]
mod tests {
    use hub_domain::rating::{Rating, Shown};
    use hub_domain::{Aspect, ItemKind, Precision, UserSettings};
    use hub_files::letterboxd::import::{read, write};
    use proptest::prelude::*;

    use super::*;
    use crate::routes::export::testing::{at, play, span, statement};

    fn heat() -> MediaItem {
        let mut media = MediaItem::new(ItemKind::Movie);
        media.title = Some("Heat".to_owned());
        media.year = Some(1995);
        media.ids = vec![
            hub_domain::media::ExternalId::new(
                Namespace::Tmdb,
                hub_domain::media::Scope::Item,
                "949",
            )
            .unwrap(),
        ];
        media
    }

    fn rated(points: f64, review: Option<&str>) -> Says {
        Says::Rated {
            rating: Rating::new(points).unwrap(),
            review: review.map(str::to_owned),
        }
    }

    fn berlin() -> impl TimeZone {
        let settings = UserSettings {
            time_zone: Some("Europe/Berlin".to_owned()),
            ..UserSettings::default()
        };
        settings.zone()
    }

    #[test]
    fn a_film_is_told_with_its_days_where_its_user_lives_its_rating_and_its_review() {
        // 23:30 in Greenwich is the next day in Berlin.
        let mut gathered = Gathered {
            plays: vec![
                play("heat", heat(), at("2026-11-03T23:30:00Z")),
                play("heat", heat(), at("2026-11-20T20:00:00Z")),
            ],
            ratings: vec![statement(
                Aspect::Rating,
                "heat",
                heat(),
                rated(8.7, Some("Great.")),
            )],
            ..Gathered::default()
        };
        let (rows, left_out) = rows(&gathered, span(None), &berlin());
        let told: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.watched_on.unwrap().to_string(),
                    row.is_rewatch,
                    row.rating.and_then(Shown::stars),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("2026-11-04".to_owned(), false, None),
                ("2026-11-20".to_owned(), true, Some(4.5))
            ]
        );
        assert_eq!(
            (rows[1].tmdb_id, rows[1].title.as_deref(), rows[1].year),
            (Some(949), Some("Heat"), Some(1995))
        );
        assert_eq!((rows[1].review.as_deref(), left_out), (Some("Great."), 0));
        gathered.plays[0].precision = Precision::Unknown;
        let (rows, _) = super::rows(&gathered, span(None), &berlin());
        assert_eq!((rows[0].watched_on, rows[1].is_rewatch), (None, true));
    }

    #[test]
    fn only_what_is_new_is_told_and_the_old_says_whether_it_is_a_rewatch() {
        let gathered = Gathered {
            plays: vec![
                play("heat", heat(), at("2026-11-03T20:00:00Z")),
                play("heat", heat(), at("2026-11-20T20:00:00Z")),
            ],
            ..Gathered::default()
        };
        let (rows, _) = super::rows(&gathered, span(Some("2026-11-10T00:00:00Z")), &berlin());
        assert_eq!(rows.len(), 1);
        assert!(rows[0].is_rewatch && rows[0].rating.is_none());
        let (none, _) = super::rows(&gathered, span(Some("2026-11-21T00:00:00Z")), &berlin());
        assert_eq!(none, []);
    }

    #[test]
    fn what_nothing_names_is_counted_and_the_watchlist_has_no_days() {
        let nameless = MediaItem::new(ItemKind::Movie);
        let gathered = Gathered {
            plays: vec![play("x", nameless.clone(), at("2026-11-03T20:00:00Z"))],
            ..Gathered::default()
        };
        assert_eq!(super::rows(&gathered, span(None), &berlin()), (vec![], 1));
        let list = [
            statement(Aspect::Watchlist, "heat", heat(), Says::Listed),
            statement(Aspect::Watchlist, "x", nameless, Says::Listed),
        ];
        let (rows, left_out) = to_watch(&list);
        assert_eq!((rows.len(), left_out, rows[0].watched_on), (1, 1, None));
    }

    proptest! {
        #[test]
        fn every_rating_and_every_day_survives_the_file(days in prop::collection::btree_set(1u32..=28, 1..6), thousandths in 0u16..=10_000) {
            let rating = Rating::from_thousandths(thousandths).unwrap();
            let says = Says::Rated { rating, review: Some("\"A\",\nb\\".to_owned()) };
            let gathered = Gathered {
                plays: days.iter().map(|day| play("heat", heat(), at(&format!("2026-11-{day:02}T12:00:00Z")))).collect(),
                ratings: vec![statement(Aspect::Rating, "heat", heat(), says)],
                ..Gathered::default()
            };
            let (rows, _) = super::rows(&gathered, span(None), &berlin());
            let back = read(&write(&rows).remove(0)).unwrap();
            prop_assert_eq!(&back.rows, &rows);
            prop_assert_eq!(rows.len(), days.len());
            prop_assert_eq!(rows.iter().filter(|row| row.is_rewatch).count(), days.len() - 1);
            let shown = hub_domain::rating::Scale::HalfStars.show(rating);
            prop_assert_eq!(rows.last().unwrap().rating, Some(shown));
        }
    }
}
