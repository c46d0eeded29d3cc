//! Goodreads: books, whole stars, one date a book.
//!
//! - There is no interface: an export file comes in, an import file goes out by the user's own hand.
//! - Import: <https://www.goodreads.com/review/import>; it matches by ISBN, else by title and author.
//! - The 24 columns of its export are what `StoryGraph`, Hardcover and others read too.

mod isbn;
mod library;

use chrono::NaiveDate;
use hub_domain::rating::Shown;

pub use library::{Layout, MOST_BYTES, MOST_ROWS, read, write};

/// A book of a library.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    /// Goodreads' number of the edition.
    pub book_id: Option<u64>,
    /// The title, a series in brackets behind it.
    pub title: String,
    /// The first author.
    pub author: String,
    /// The others.
    pub additional_authors: Vec<String>,
    /// The ISBN in its 13 digits; only where its check digit is right.
    pub isbn_13: Option<String>,
    /// The rating, on [`Scale::WholeStars`](hub_domain::rating::Scale::WholeStars).
    pub rating: Option<Shown>,
    /// The exclusive shelf.
    pub shelf: Shelf,
    /// The other shelves: tags. A name holds no comma.
    pub tags: Vec<String>,
    /// The day the last reading ended; often empty although the book was read.
    pub read_on: Option<NaiveDate>,
    /// The day it was put on a shelf.
    pub added_on: Option<NaiveDate>,
    /// How often it was read, as the file says; see [`Book::readings`].
    pub read_count: u32,
    /// The review: text with Goodreads' simple HTML; its line breaks are line breaks here.
    pub review: Option<String>,
    /// Whether the review tells the end.
    pub is_spoiler: bool,
    /// Notes for nobody else.
    pub private_notes: Option<String>,
}

impl Book {
    /// The readings that the file tells of, the dated one last: it has one date however often a book was read.
    pub fn readings(&self) -> Vec<Option<NaiveDate>> {
        let is_read = self.shelf == Shelf::Read || self.read_on.is_some();
        let count = self.read_count.max(u32::from(is_read)).min(MOST_READINGS);
        (1..=count)
            .map(|nth| self.read_on.filter(|_| nth == count))
            .collect()
    }
}

/// Nobody read a book more often.
const MOST_READINGS: u32 = 1000;

/// The shelf of which a book is on exactly one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Shelf {
    /// `read`.
    #[default]
    Read,
    /// `currently-reading`.
    CurrentlyReading,
    /// `to-read`.
    ToRead,
    /// `did-not-finish`, Goodreads' own since 2026.
    DidNotFinish,
    /// `paused`.
    Paused,
    /// One that the user made: what it means, only they know.
    Other(String),
}

impl Shelf {
    const KNOWN: [Self; 5] = [
        Self::CurrentlyReading,
        Self::ToRead,
        Self::DidNotFinish,
        Self::Paused,
        Self::Read,
    ];

    /// The name in files and feeds.
    pub fn name(&self) -> &str {
        match self {
            Self::Read => "read",
            Self::CurrentlyReading => "currently-reading",
            Self::ToRead => "to-read",
            Self::DidNotFinish => "did-not-finish",
            Self::Paused => "paused",
            Self::Other(name) => name,
        }
    }

    /// The shelf of that name.
    pub fn named(name: &str) -> Self {
        let known = Self::KNOWN.into_iter().find(|shelf| shelf.name() == name);
        known.unwrap_or_else(|| Self::Other(name.to_owned()))
    }

    /// The exclusive one among a book's shelves, where the file does not say which it is; `read` where none is named.
    fn among(names: &[String]) -> Self {
        let is_named = |shelf: &Self| names.iter().any(|name| name == shelf.name());
        Self::KNOWN.into_iter().find(is_named).unwrap_or_default()
    }
}
