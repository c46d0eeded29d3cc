//! A history of films, and the rows that Letterboxd is told of it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use hub_domain::rating::{Rating, Scale};

use super::import::{Entry, is_named};

/// A film with everything that the hub knows of it: the whole history, not only what is new.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Film {
    /// TMDB's number.
    pub tmdb_id: Option<u32>,
    /// IMDb's id, `tt…`.
    pub imdb_id: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Its year.
    pub year: Option<i32>,
    /// The hub's rating.
    pub rating: Option<Rating>,
    /// What was written about the film; not about one of its viewings.
    pub review: Option<String>,
    /// Whether rating and review were not exported yet.
    pub is_rating_new: bool,
    /// All its viewings, in any order.
    pub viewings: Vec<Viewing>,
}

/// One viewing of a film.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Viewing {
    /// The day, where the user lives; `None` if it is not known.
    pub on: Option<NaiveDate>,
    /// The review written for it.
    pub review: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether it was not exported yet.
    pub is_new: bool,
}

/// Which part of the history goes into the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    All,
    /// What was not exported yet.
    New,
}

/// The rows for a history, by day, those without one first.
///
/// One row a film and day: Letterboxd keeps no second one. A row is a rewatch if the complete history has an earlier
/// day, or a viewing of which no day is known. Rating and review stand once a film, on its newest row; without a row to
/// stand on they get one of their own. A film that nothing names is left out.
pub fn entries(films: &[Film], extent: Extent) -> Vec<Entry> {
    let mut entries: Vec<Entry> = films
        .iter()
        .flat_map(|film| of_film(film, extent))
        .collect();
    entries.sort_by_key(|entry| entry.watched_on);
    entries
}

fn of_film(film: &Film, extent: Extent) -> Vec<Entry> {
    let film_itself = Entry {
        tmdb_id: film.tmdb_id,
        imdb_id: film.imdb_id.clone(),
        title: film.title.clone(),
        year: film.year,
        ..Entry::default()
    };
    if !is_named(&film_itself) {
        return Vec::new();
    }
    let is_meant = |is_new| extent == Extent::All || is_new;
    let mut days = BTreeMap::<Option<NaiveDate>, Vec<&Viewing>>::new();
    for viewing in &film.viewings {
        days.entry(viewing.on).or_default().push(viewing);
    }
    let has_undated = days.contains_key(&None);
    let first_day = days.keys().flatten().next().copied();
    let mut entries: Vec<Entry> = days
        .iter()
        .filter(|(_, viewings)| viewings.iter().any(|viewing| is_meant(viewing.is_new)))
        .map(|(on, viewings)| {
            let tags: BTreeSet<_> = viewings
                .iter()
                .flat_map(|viewing| viewing.tags.clone())
                .collect();
            let mut reviews = viewings
                .iter()
                .rev()
                .filter_map(|viewing| viewing.review.clone());
            Entry {
                watched_on: *on,
                is_rewatch: on.is_some() && (has_undated || *on != first_day),
                tags: tags.into_iter().collect(),
                review: reviews.next(),
                ..film_itself.clone()
            }
        })
        .collect();
    let rating = film.rating.map(|rating| Scale::HalfStars.show(rating));
    let has_opinion = rating.is_some() || film.review.is_some();
    if has_opinion && is_meant(film.is_rating_new) {
        if entries.is_empty() {
            entries.push(film_itself);
        }
        if let Some(newest) = entries.last_mut() {
            newest.rating = rating;
            // What was written about a viewing stands in its place.
            newest.review = newest.review.take().or_else(|| film.review.clone());
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use hub_domain::rating::Shown;
    use proptest::prelude::*;

    use super::*;
    use crate::letterboxd::import;

    fn on(day: u32) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(2026, 11, day)
    }

    fn viewing(on: Option<NaiveDate>, is_new: bool) -> Viewing {
        Viewing {
            on,
            is_new,
            ..Viewing::default()
        }
    }

    fn heat(viewings: Vec<Viewing>) -> Film {
        Film {
            tmdb_id: Some(949),
            title: Some("Heat".to_owned()),
            year: Some(1995),
            rating: Rating::new(8.7).ok(),
            is_rating_new: true,
            viewings,
            ..Film::default()
        }
    }

    fn told(entries: &[Entry]) -> Vec<(Option<NaiveDate>, bool, Option<f64>)> {
        let stars = |entry: &Entry| entry.rating.and_then(Shown::stars);
        entries
            .iter()
            .map(|entry| (entry.watched_on, entry.is_rewatch, stars(entry)))
            .collect()
    }

    #[test]
    fn a_rewatch_is_one_by_the_whole_history_and_the_rating_stands_once() {
        let film = heat(vec![
            viewing(on(20), true),
            viewing(on(3), false),
            viewing(on(20), true),
        ]);
        let all = entries(std::slice::from_ref(&film), Extent::All);
        assert_eq!(
            told(&all),
            [(on(3), false, None), (on(20), true, Some(4.5))]
        );
        let new = entries(&[film], Extent::New);
        assert_eq!(told(&new), [(on(20), true, Some(4.5))]);
    }

    #[test]
    fn a_viewing_without_a_day_makes_every_dated_one_a_rewatch() {
        let film = heat(vec![viewing(None, false), viewing(on(3), true)]);
        assert_eq!(
            told(&entries(&[film], Extent::New)),
            [(on(3), true, Some(4.5))]
        );
    }

    #[test]
    fn a_new_rating_of_an_old_viewing_stands_alone() {
        let film = heat(vec![viewing(on(3), false)]);
        assert_eq!(
            told(&entries(&[film], Extent::New)),
            [(None, false, Some(4.5))]
        );
    }

    #[test]
    fn a_review_stands_beside_the_rating_and_never_over_that_of_a_viewing() {
        let mut film = heat(vec![viewing(on(3), false), viewing(on(20), true)]);
        film.review = Some("Of the film.".to_owned());
        let review = |film: &Film| {
            let mut entries = entries(std::slice::from_ref(film), Extent::New);
            assert_eq!(entries.len(), 1);
            entries.remove(0).review
        };
        assert_eq!(review(&film).as_deref(), Some("Of the film."));
        film.viewings[1].review = Some("Of the evening.".to_owned());
        assert_eq!(review(&film).as_deref(), Some("Of the evening."));
        film.viewings.clear();
        film.rating = None;
        assert_eq!(review(&film).as_deref(), Some("Of the film."));
    }

    #[test]
    fn a_film_that_nothing_names_is_left_out() {
        let nameless = Film {
            viewings: vec![viewing(on(3), true)],
            year: Some(1995),
            ..Film::default()
        };
        assert_eq!(entries(&[nameless], Extent::All), []);
    }

    prop_compose! {
        fn film()(
            id in 1u32..5, days in prop::collection::vec((prop::option::of(1u32..=30), any::<bool>()), 0..8),
            thousandths in prop::option::of(0u16..=10_000), is_rating_new: bool,
        ) -> Film {
            let viewings = days.into_iter().map(|(day, is_new)| viewing(day.and_then(on), is_new)).collect();
            Film {
                tmdb_id: Some(id), rating: thousandths.and_then(Rating::from_thousandths), is_rating_new, viewings, ..Film::default()
            }
        }
    }

    /// What Letterboxd keeps of a film once it has taken some rows: its days, and which of them are rewatches.
    fn kept(rows: &[Entry]) -> BTreeMap<Option<NaiveDate>, bool> {
        rows.iter()
            .map(|row| (row.watched_on, row.is_rewatch))
            .collect()
    }

    proptest! {
        #[test]
        fn every_day_comes_back_out_of_the_file_and_all_but_the_first_viewing_as_a_rewatch(film in film()) {
            let file = import::write(&entries(std::slice::from_ref(&film), Extent::All));
            let rows: Vec<Entry> = file.iter().flat_map(|file| import::read(file).unwrap().rows).collect();
            let days: BTreeSet<_> = film.viewings.iter().map(|viewing| viewing.on).collect();
            let told: BTreeSet<_> = rows.iter().map(|row| row.watched_on).collect();
            let has_opinion = film.rating.is_some();
            if days.is_empty() {
                prop_assert_eq!(rows.len(), usize::from(has_opinion));
            } else {
                prop_assert_eq!(&told, &days);
                prop_assert_eq!(rows.len(), days.len(), "one row a day");
            }
            let firsts = rows.iter().filter(|row| !row.is_rewatch && row.watched_on.is_some()).count();
            let has_dated = days.iter().any(Option::is_some);
            prop_assert_eq!(firsts, usize::from(has_dated && !days.contains(&None)));
            let ratings: Vec<Shown> = rows.iter().filter_map(|row| row.rating).collect();
            prop_assert_eq!(ratings, Vec::from_iter(film.rating.map(|rating| Scale::HalfStars.show(rating))));
        }

        #[test]
        fn what_is_exported_bit_by_bit_comes_to_the_same_as_all_at_once(days in prop::collection::vec(prop::option::of(1u32..=30), 1..8)) {
            // Days arrive as they were lived: what is not dated was before.
            let mut days: Vec<Option<NaiveDate>> = days.into_iter().map(|day| day.and_then(on)).collect();
            days.sort();
            let mut told = BTreeMap::new();
            for count in 1..=days.len() {
                let viewings = days[..count].iter().enumerate().map(|(at, day)| viewing(*day, at + 1 == count)).collect();
                told.extend(kept(&entries(&[heat(viewings)], Extent::New)));
            }
            let viewings = days.iter().map(|day| viewing(*day, true)).collect();
            prop_assert_eq!(told, kept(&entries(&[heat(viewings)], Extent::All)));
        }
    }
}
