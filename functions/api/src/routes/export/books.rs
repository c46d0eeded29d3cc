//! Books, as Goodreads' importer takes them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeZone, Utc};
use hub_domain::media::Namespace;
use hub_domain::rating::Scale;
use hub_domain::{ItemKey, MediaItem, Play, Says, Statement};
use hub_files::goodreads::{Book, Shelf};

use super::gather::{Gathered, Span, day, first};

/// All that is known of one book.
#[derive(Default)]
struct Known<'a> {
    readings: Vec<&'a Play>,
    rating: Option<&'a Statement>,
    to_read: Option<&'a Statement>,
    reading: Option<&'a Statement>,
}

/// The rows, in the order in which the hub learned of the books, and how many books nothing names.
///
/// A book has one row however often it was read: Goodreads takes one date and a count.
pub(super) fn rows<Zone: TimeZone>(
    gathered: &Gathered,
    span: Span,
    zone: &Zone,
) -> (Vec<Book>, usize) {
    let mut books = BTreeMap::<&ItemKey, Known<'_>>::new();
    for play in &gathered.plays {
        books.entry(&play.item).or_default().readings.push(play);
    }
    for statement in &gathered.ratings {
        books.entry(&statement.id.item).or_default().rating = Some(statement);
    }
    for statement in &gathered.watchlist {
        books.entry(&statement.id.item).or_default().to_read = Some(statement);
    }
    for statement in &gathered.reading {
        books.entry(&statement.id.item).or_default().reading = Some(statement);
    }
    let meant: Vec<Known<'_>> = books
        .into_values()
        .filter(|known| known.learned().any(|at| span.is_new(at)))
        .collect();
    let count = meant.len();
    let mut rows: Vec<(Option<DateTime<Utc>>, Book)> = meant
        .into_iter()
        .filter_map(|known| Some((known.learned().min(), known.book(zone)?)))
        .collect();
    rows.sort_by_key(|(learned_at, _)| *learned_at);
    let left_out = count - rows.len();
    (rows.into_iter().map(|(_, book)| book).collect(), left_out)
}

impl Known<'_> {
    fn statements(&self) -> impl Iterator<Item = &Statement> {
        [self.rating, self.to_read, self.reading]
            .into_iter()
            .flatten()
    }

    /// When the hub learned of each thing.
    fn learned(&self) -> impl Iterator<Item = DateTime<Utc>> {
        let readings = self.readings.iter().map(|play| play.created_at);
        readings.chain(self.statements().map(|statement| statement.created_at))
    }

    /// The row; nothing if neither a title nor an ISBN names the book.
    fn book<Zone: TimeZone>(&self, zone: &Zone) -> Option<Book> {
        let told: Vec<&MediaItem> = self
            .readings
            .iter()
            .map(|play| &play.media)
            .chain(self.statements().map(|statement| &statement.media))
            .collect();
        let title = first(told.iter().map(|media| media.title.clone()));
        let isbn_13 =
            first(told.iter().map(|media| media.own_id(Namespace::Isbn))).map(str::to_owned);
        if title.is_none() && isbn_13.is_none() {
            return None;
        }
        let (rating, review) = match self.rating.and_then(|statement| statement.says.as_ref()) {
            Some(Says::Rated { rating, review }) => {
                (Some(Scale::WholeStars.show(*rating)), review.clone())
            }
            Some(Says::Felt(_) | Says::Listed) | None => (None, None),
        };
        let added_at = self
            .statements()
            .map(|statement| statement.since)
            .chain(self.readings.iter().map(|play| play.created_at))
            .min();
        Some(Book {
            title: title.unwrap_or_default(),
            author: first(told.iter().map(|media| media.author.clone())).unwrap_or_default(),
            isbn_13,
            rating,
            shelf: self.shelf(),
            read_on: self
                .readings
                .iter()
                .filter_map(|play| day(play, zone))
                .max(),
            added_on: added_at.map(|at| at.with_timezone(zone).date_naive()),
            read_count: u32::try_from(self.readings.len()).unwrap_or(u32::MAX),
            review,
            ..Book::default()
        })
    }

    /// The exclusive shelf. A book that was read and begun again is being read; what is rated was read.
    fn shelf(&self) -> Shelf {
        let read_last = self
            .readings
            .iter()
            .filter_map(|play| play.watched_at)
            .max();
        let is_begun = self.reading.is_some_and(|reading| {
            self.readings.is_empty() || read_last.is_some_and(|last| reading.since > last)
        });
        match (
            is_begun,
            self.readings.is_empty(),
            self.to_read,
            self.rating,
        ) {
            (true, ..) => Shelf::CurrentlyReading,
            (false, true, Some(_), None) => Shelf::ToRead,
            (false, ..) => Shelf::Read,
        }
    }
}

#[cfg(test)]
mod tests {
    use hub_domain::media::{ExternalId, Scope};
    use hub_domain::rating::{Rating, Shown};
    use hub_domain::{Aspect, ItemKind, Precision, UserSettings};
    use hub_files::goodreads::{Layout, read, write};
    use proptest::prelude::*;

    use super::*;
    use crate::routes::export::testing::{at, play, span, statement};

    fn emma() -> MediaItem {
        let mut media = MediaItem::new(ItemKind::Book);
        media.title = Some("Emma".to_owned());
        media.author = Some("Jane Austen".to_owned());
        media.ids = vec![ExternalId::new(Namespace::Isbn, Scope::Item, "0141439580").unwrap()];
        media
    }

    fn rated(points: f64, review: Option<&str>) -> Says {
        Says::Rated {
            rating: Rating::new(points).unwrap(),
            review: review.map(str::to_owned),
        }
    }

    fn zone() -> impl TimeZone {
        UserSettings::default().zone()
    }

    fn one(gathered: &Gathered) -> Book {
        let (mut rows, _) = rows(gathered, span(None), &zone());
        assert_eq!(rows.len(), 1);
        rows.remove(0)
    }

    #[test]
    fn a_book_that_was_read_twice_is_one_row_with_its_latest_day() {
        let mut gathered = Gathered {
            plays: vec![
                play("emma", emma(), at("2026-11-03T20:00:00Z")),
                play("emma", emma(), at("2026-01-02T20:00:00Z")),
            ],
            ratings: vec![statement(
                Aspect::Rating,
                "emma",
                emma(),
                rated(8.7, Some("Good,\n\"better\"")),
            )],
            ..Gathered::default()
        };
        let book = one(&gathered);
        assert_eq!(
            (book.title.as_str(), book.author.as_str()),
            ("Emma", "Jane Austen")
        );
        assert_eq!(book.isbn_13.as_deref(), Some("9780141439587"));
        assert_eq!(
            (
                book.rating.map(Shown::step),
                book.shelf.name(),
                book.read_count
            ),
            (Some(4), "read", 2)
        );
        assert_eq!(book.read_on.unwrap().to_string(), "2026-11-03");
        let back = read(&write(std::slice::from_ref(&book), Layout::Library).remove(0)).unwrap();
        assert_eq!(back.rows, [book]);
        for play in &mut gathered.plays {
            play.precision = Precision::Unknown;
        }
        assert_eq!(one(&gathered).read_on, None);
    }

    #[test]
    fn a_book_lies_on_the_shelf_where_it_is_now() {
        let read = || play("emma", emma(), at("2026-11-03T20:00:00Z"));
        let said = |aspect| statement(aspect, "emma", emma(), Says::Listed);
        let begun = |since| Statement {
            since: at(since),
            ..said(Aspect::Reading)
        };
        let shelf = |plays, watchlist, reading, ratings| {
            let gathered = Gathered {
                plays,
                ratings,
                watchlist,
                reading,
            };
            one(&gathered).shelf
        };
        let rating = || vec![statement(Aspect::Rating, "emma", emma(), rated(7.0, None))];
        assert_eq!(
            shelf(vec![], vec![said(Aspect::Watchlist)], vec![], vec![]),
            Shelf::ToRead
        );
        assert_eq!(
            shelf(
                vec![],
                vec![said(Aspect::Watchlist)],
                vec![begun("2026-11-01T00:00:00Z")],
                vec![]
            ),
            Shelf::CurrentlyReading
        );
        assert_eq!(
            shelf(
                vec![read()],
                vec![],
                vec![begun("2026-11-01T00:00:00Z")],
                vec![]
            ),
            Shelf::Read
        );
        assert_eq!(
            shelf(
                vec![read()],
                vec![],
                vec![begun("2026-11-05T00:00:00Z")],
                vec![]
            ),
            Shelf::CurrentlyReading
        );
        assert_eq!(
            shelf(vec![read()], vec![said(Aspect::Watchlist)], vec![], vec![]),
            Shelf::Read
        );
        assert_eq!(shelf(vec![], vec![], vec![], rating()), Shelf::Read);
    }

    #[test]
    fn only_books_of_which_something_is_new_are_told_and_the_nameless_are_counted() {
        let gathered = Gathered {
            plays: vec![play("emma", emma(), at("2026-11-03T20:00:00Z"))],
            ratings: vec![Statement {
                created_at: at("2026-11-12T00:00:00Z"),
                ..statement(Aspect::Rating, "emma", emma(), rated(7.0, None))
            }],
            watchlist: vec![statement(
                Aspect::Watchlist,
                "x",
                MediaItem::new(ItemKind::Book),
                Says::Listed,
            )],
            ..Gathered::default()
        };
        let told = |since: &str| {
            let (rows, left_out) = rows(&gathered, span(Some(since)), &zone());
            (rows.len(), left_out)
        };
        assert_eq!(told("2020-01-01T00:00:00Z"), (1, 1));
        assert_eq!(told("2026-11-10T00:00:00Z"), (1, 0));
        assert_eq!(told("2026-11-13T00:00:00Z"), (0, 0));
    }

    proptest! {
        #[test]
        fn whatever_was_read_comes_back_as_often_with_its_stars(times in 1u32..20, thousandths in 0u16..=10_000, review in r#"[a-z"\\, =\n]{0,30}"#) {
            let rating = Rating::from_thousandths(thousandths).unwrap();
            let says = Says::Rated { rating, review: Some(format!("x{review}x")) };
            let gathered = Gathered {
                plays: (1..=times).map(|day| play("emma", emma(), at(&format!("2026-10-{day:02}T12:00:00Z")))).collect(),
                ratings: vec![statement(Aspect::Rating, "emma", emma(), says)],
                ..Gathered::default()
            };
            let book = one(&gathered);
            let back = read(&write(std::slice::from_ref(&book), Layout::Library).remove(0)).unwrap().rows.remove(0);
            prop_assert_eq!(back.readings().len(), usize::try_from(times).unwrap());
            prop_assert_eq!(back.rating, Some(Scale::WholeStars.show(rating)));
            prop_assert_eq!(back, book);
        }
    }
}
