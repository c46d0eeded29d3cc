//! Letterboxd: films, day by day.
//!
//! - Import format: <https://letterboxd.com/about/importing-data/>; the user uploads the file and confirms each match.
//! - Repeats: a row of the same film and day updates the entry that is there.
//! - Export: CSV files in a zip; they name films by title and year only.

pub mod export;
mod films;
pub mod import;

use hub_domain::rating::{Scale, Shown};

pub use films::{Extent, Film, Viewing, entries};

/// A rating in stars, `0.5` to `5`; `None` inside for "not rated".
fn stars(text: &str) -> Option<Option<Shown>> {
    let stars = text.parse::<f64>().ok()?;
    Shown::of_stars(Scale::HalfStars, stars).ok()
}

/// A year as these files write it.
fn year(text: &str) -> Option<i32> {
    let year = text.parse::<i32>().ok()?;
    (1800..=2200).contains(&year).then_some(year)
}
