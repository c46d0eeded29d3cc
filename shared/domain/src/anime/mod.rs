//! Anime: a numbering of episodes and films.
//!
//! Media servers number by TheTVDB, TMDB or IMDb: a show, a season, an episode. AniList and MyAnimeList keep one entry a
//! cour, season, film or special, and count its episodes from 1. Between the two lies a list that people maintain
//! ([`dataset`] reads and checks it, [`Index`] keeps it small), the rules of the user, which win over it
//! ([`Override`]), and [`find`], which answers with one place, with candidates to choose from, or with what was tried.
//! [`progress`] then decides what the entry becomes.

mod absolute;
mod answer;
pub mod dataset;
mod index;
mod lookup;
mod names;
mod overrides;
pub mod progress;
mod query;
mod span;
#[cfg(test)]
mod tests;
mod whole;

pub use answer::{Answer, By, Choice, MOST_CHOICES, Miss, Place, Tried, Why};
pub use index::{Index, NotAnIndex};
pub use lookup::{MOST_AT_ONCE, find};
pub use names::{Catalogue, Entry, Origin};
pub use overrides::{Override, Says};
pub use query::{At, Query, Reference};
