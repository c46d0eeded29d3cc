//! The files for the importers of Goodreads and Letterboxd, read as these read them: by the names of their columns.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use crate::failure::Failure;

/// The rows of a file, each with its cells by the names of the columns; empty cells are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rows(pub(super) Vec<Row>);

/// One row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Row(BTreeMap<String, String>);

/// What the hub has for the two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Files {
    /// Books.
    pub(super) goodreads: Rows,
    /// Films that were watched or rated.
    pub(super) letterboxd: Rows,
    /// Films to be watched: a file of its own, for an importer of its own.
    pub(super) letterboxd_watchlist: Rows,
}

impl Rows {
    /// Reads a file.
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        let wrong = |error: csv::Error| Failure::because("A file for an importer is none", &error);
        let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let header = reader.headers().map_err(wrong)?.clone();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(wrong)?;
            let cells = header.iter().zip(record.iter());
            let cells = cells.filter(|(_, cell)| !cell.is_empty());
            rows.push(Row(cells
                .map(|(name, cell)| (name.to_owned(), cell.to_owned()))
                .collect()));
        }
        Ok(Self(rows))
    }
}

impl Row {
    /// A cell that is not empty.
    pub(super) fn cell(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The day in a cell, as its first moment in UTC; Goodreads writes it with slashes.
    pub(super) fn day(&self, name: &str) -> Option<DateTime<Utc>> {
        let day: NaiveDate = self.cell(name)?.replace('/', "-").parse().ok()?;
        Some(day.and_time(NaiveTime::MIN).and_utc())
    }

    /// The names of a film or a book: its ids and its title.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        let id = |name: &str, cell: &str| {
            // Goodreads writes an ISBN as a formula, so that no spreadsheet makes a number of it.
            let id = self.cell(cell)?.trim_matches(['=', '"']);
            (!id.is_empty()).then(|| format!("{name}:{id}"))
        };
        let title = self.cell("Title").map(str::to_owned);
        [
            id("imdb", "imdbID"),
            id("tmdb", "tmdbID"),
            id("isbn", "ISBN13"),
            title,
        ]
        .into_iter()
        .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_known_by_its_ids_and_says_its_day() {
        let books = Rows::read(
            "Title,ISBN,ISBN13,Date Read,My Review\n\
             Dune,\"=\"\"\"\"\",\"=\"\"9780441172719\"\"\",2026/11/19,\"Sand,\nspice\"\n",
        );
        let [dune] = &books.unwrap().0[..] else {
            panic!("one book");
        };
        let names: Vec<String> = dune.names().collect();
        assert_eq!(names, ["isbn:9780441172719", "Dune"]);
        let day = dune.day("Date Read").unwrap().to_rfc3339();
        assert_eq!(day, "2026-11-19T00:00:00+00:00");
        assert_eq!(dune.cell("My Review"), Some("Sand,\nspice"));
        let films = Rows::read("tmdbID,imdbID,Title,WatchedDate\n949,,Heat,\n").unwrap();
        let names: Vec<String> = films.0[0].names().collect();
        assert_eq!(names, ["tmdb:949", "Heat"]);
        assert_eq!(films.0[0].day("WatchedDate"), None);
        assert_eq!(Rows::read("").unwrap(), Rows::default());
    }
}
