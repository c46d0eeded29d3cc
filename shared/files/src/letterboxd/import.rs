//! The files that Letterboxd's importer takes.

use chrono::NaiveDate;
use hub_domain::rating::{Scale, Shown};

use super::{stars, year};
use crate::table::{NotATable, Quotes, Row, Rows, Sheets, day, names, read as read_table};

/// The most bytes of a file: Letterboxd takes 1 MB, and other clients stop well before it.
pub const MOST_BYTES: usize = 900_000;
/// The most rows of a file; no limit is published, other clients stop here.
pub const MOST_ROWS: usize = 1000;

const HEADER: [&str; 9] = [
    "tmdbID",
    "imdbID",
    "Title",
    "Year",
    "WatchedDate",
    "Rating10",
    "Rewatch",
    "Tags",
    "Review",
];

/// One row: a film, and with a day one entry of the diary.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// TMDB's number of the film.
    pub tmdb_id: Option<u32>,
    /// IMDb's id of the film, `tt…`.
    pub imdb_id: Option<String>,
    /// The film's title.
    pub title: Option<String>,
    /// Its year.
    pub year: Option<i32>,
    /// The day it was watched, where the user lives; without one the film is only marked as watched.
    pub watched_on: Option<NaiveDate>,
    /// The film's rating, on [`Scale::HalfStars`].
    pub rating: Option<Shown>,
    /// Whether it had been watched before that day.
    pub is_rewatch: bool,
    /// Tags; they hold no comma.
    pub tags: Vec<String>,
    /// The review: text or simple HTML.
    pub review: Option<String>,
}

/// Writes files for the importer, each with the header and below [`MOST_BYTES`] and [`MOST_ROWS`].
pub fn write(entries: &[Entry]) -> Vec<Vec<u8>> {
    let mut sheets = Sheets::new(&HEADER, Quotes::Backslash, MOST_BYTES, MOST_ROWS);
    for entry in entries {
        let cells = [
            entry.tmdb_id.map(|id| id.to_string()).unwrap_or_default(),
            entry.imdb_id.clone().unwrap_or_default(),
            entry.title.clone().unwrap_or_default(),
            entry.year.map(|year| year.to_string()).unwrap_or_default(),
            entry
                .watched_on
                .map(|day| day.to_string())
                .unwrap_or_default(),
            entry
                .rating
                .map(|rating| rating.step().to_string())
                .unwrap_or_default(),
            // It counts only together with a day.
            entry
                .watched_on
                .map(|_| entry.is_rewatch.to_string())
                .unwrap_or_default(),
            entry
                .tags
                .iter()
                .map(|tag| tag.replace(',', " "))
                .collect::<Vec<_>>()
                .join(", "),
            entry.review.clone().unwrap_or_default(),
        ];
        sheets.push(cells.iter().map(String::as_str));
    }
    sheets.finish()
}

/// Reads a file in the importer's format, our own or another client's.
///
/// # Errors
///
/// What is no such file. A row that names no film is listed.
pub fn read(bytes: &[u8]) -> Result<Rows<Entry>, NotATable> {
    read_table(bytes, Quotes::Backslash, &[], entry)
}

fn entry(row: &Row<'_>) -> Result<Entry, String> {
    let text = |column| row.get(column).map(str::to_owned);
    let out_of_ten = |text: &str| Shown::new(Scale::HalfStars, text.parse().ok()?).ok();
    let rating = row.parse("Rating", stars)?.flatten();
    let rating_10 = row.parse("Rating10", out_of_ten)?.flatten();
    // Of two columns the one further right wins.
    let rating = if row.place("Rating") > row.place("Rating10") {
        rating.or(rating_10)
    } else {
        rating_10.or(rating)
    };
    let watched_on = row.parse("WatchedDate", day)?;
    let entry = Entry {
        tmdb_id: row.parse("tmdbID", |text| text.parse().ok().filter(|id| *id > 0))?,
        imdb_id: text("imdbID"),
        title: text("Title"),
        year: row.parse("Year", year)?,
        watched_on,
        rating,
        is_rewatch: watched_on.is_some()
            && row
                .get("Rewatch")
                .is_some_and(|text| text.eq_ignore_ascii_case("true")),
        tags: row.get("Tags").map(names).unwrap_or_default(),
        review: text("Review"),
    };
    if is_named(&entry) || row.get("LetterboxdURI").is_some() {
        Ok(entry)
    } else {
        Err("nothing names the film".to_owned())
    }
}

pub(super) const fn is_named(entry: &Entry) -> bool {
    entry.tmdb_id.is_some() || entry.imdb_id.is_some() || entry.title.is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_file_is_written_as_the_importer_asks() {
        let entry = Entry {
            tmdb_id: Some(949),
            title: Some("Heat".to_owned()),
            year: Some(1995),
            watched_on: NaiveDate::from_ymd_opt(2026, 11, 3),
            rating: Shown::new(Scale::HalfStars, 9).unwrap(),
            tags: vec!["crime".to_owned(), "l.a.".to_owned()],
            review: Some("\"Great\",\nhe said \\ she said".to_owned()),
            ..Entry::default()
        };
        let file = String::from_utf8(write(&[entry]).remove(0)).unwrap();
        assert_eq!(
            file,
            "tmdbID,imdbID,Title,Year,WatchedDate,Rating10,Rewatch,Tags,Review\n\
             949,,Heat,1995,2026-11-03,9,false,\"crime, l.a.\",\"\\\"Great\\\",\nhe said \\\\ she said\"\n"
        );
    }

    #[test]
    fn of_two_rating_columns_the_one_further_right_wins() {
        let read = |file: &str| {
            read(file.as_bytes()).unwrap().rows[0]
                .rating
                .unwrap()
                .step()
        };
        assert_eq!(read("Title,Rating,Rating10\nHeat,4.5,3\n"), 3);
        assert_eq!(read("Title,Rating10,Rating\nHeat,3,4.5\n"), 9);
        assert_eq!(read("Title,Rating10,Rating\nHeat,3,\n"), 3);
    }

    #[test]
    fn a_row_that_cannot_be_used_is_listed_with_its_line() {
        let rows = read(b"Title,Rating\nHeat,4.75\n,4\nRonin,0\n").unwrap();
        assert_eq!(rows.rows.len(), 1);
        assert_eq!(rows.rows[0].rating, None);
        let skipped: Vec<_> = rows
            .skipped
            .iter()
            .map(|row| (row.line, row.why.as_str()))
            .collect();
        assert_eq!(
            skipped,
            [
                (2, "Rating: \"4.75\" is not understood"),
                (3, "nothing names the film")
            ]
        );
    }

    fn text() -> impl Strategy<Value = Option<String>> {
        let text = r#"[a-zA-Zäöü漢☕,;"'\\\n =<>&/-]{0,40}"#;
        prop::option::of(text).prop_map(|text| {
            text.map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty())
        })
    }

    prop_compose! {
        fn entry()(
            tmdb_id in 1u32.., title in text(), review in text(), tags in prop::collection::vec("[a-z\"\\\\]{1,8}", 0..3),
            year in prop::option::of(1888i32..2030), days in prop::option::of(0i64..20_000), step in 0u8..=10, rewatch: bool,
        ) -> Entry {
            let watched_on = days.and_then(|days| NaiveDate::from_ymd_opt(1990, 1, 1)?.checked_add_signed(chrono::TimeDelta::days(days)));
            let rating = Shown::new(Scale::HalfStars, step).unwrap();
            let is_rewatch = rewatch && watched_on.is_some();
            Entry { tmdb_id: Some(tmdb_id), imdb_id: Some("tt0113277".to_owned()), title, year, watched_on, rating, is_rewatch, tags, review }
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_the_same(entries in prop::collection::vec(entry(), 0..30)) {
            let mut back = Vec::new();
            for file in write(&entries) {
                let rows = read(&file).unwrap();
                prop_assert_eq!(&rows.skipped, &[]);
                back.extend(rows.rows);
            }
            prop_assert_eq!(back, entries);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }

    #[test]
    fn large_histories_are_split_below_both_limits_and_nothing_is_lost() {
        let long = Entry {
            title: Some("x".repeat(400)),
            review: Some("y".repeat(2_000)),
            ..Entry::default()
        };
        let files = write(&vec![long.clone(); 2_500]);
        assert!(files.iter().all(|file| file.len() <= MOST_BYTES));
        let rows: usize = files
            .iter()
            .map(|file| read(file).unwrap().rows.len())
            .sum();
        assert_eq!(rows, 2_500);
        let short = Entry {
            title: Some("x".to_owned()),
            ..Entry::default()
        };
        assert_eq!(write(&vec![short; MOST_ROWS + 1]).len(), 2);
        assert!(write(&[]).is_empty());
    }
}
