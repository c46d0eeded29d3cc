//! What is answered: one place, several to choose from, or nothing, each with how it came about.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::names::{Catalogue, Entry};
use super::query::Reference;
use crate::delivery::Candidate;

/// Where an episode lies in a catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The entry.
    pub entry: Entry,
    /// The first of the entry's episodes that it shows.
    pub first: u32,
    /// The last of them: what the entry's progress becomes.
    pub last: u32,
    /// Which part of that episode it is, from 1; the episode counts as watched with the last part only.
    pub part: u32,
    /// How many parts that episode has; 1 for nearly all.
    pub parts: u32,
    /// How many episodes the entry has, as far as the list tells. Whether the entry is completed, the service's own
    /// count decides.
    pub episodes: Option<u32>,
}

impl Place {
    /// Says whether the episode is over after this part.
    pub const fn is_last_part(&self) -> bool {
        self.part == self.parts
    }
}

/// What is known of an item in a catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Exactly one place.
    Found {
        /// It.
        place: Place,
        /// How it was found.
        by: By,
    },
    /// It may be one of these; nothing is sent until the user has chosen, which makes an override.
    Candidates {
        /// What to choose from, the likeliest first, at most [`MOST_CHOICES`].
        choices: Vec<Choice>,
        /// What was tried.
        tried: Vec<Tried>,
    },
    /// The list does not know the show: it is no anime, or too new.
    NotFound {
        /// What was tried; empty if nothing that could be tried is known of the item.
        tried: Vec<Tried>,
    },
    /// The user said that it is not to be sent.
    Excluded,
}

/// How many candidates are offered.
pub const MOST_CHOICES: usize = 20;

/// How a place was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The user said so.
    Override,
    /// The list says so of this reference.
    List(Reference),
    /// The list says so of this reference in the other catalogue, and which entries of both are one.
    OtherCatalogue(Reference),
    /// The source named the entry itself.
    Named(Reference),
}

/// One place to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Choice {
    /// Why it may be this one.
    pub why: Why,
    /// The entry.
    pub entry: Entry,
    /// The episode in it, where one is meant.
    pub episode: Option<u32>,
    /// Which reference led here.
    pub reference: Reference,
}

impl Choice {
    /// The choice as a delivery keeps it, in words for people.
    pub fn candidate(&self) -> Candidate {
        Candidate {
            entry: self.entry,
            episode: self.episode,
            why: format!("{}: {}", self.reference, self.why),
        }
    }
}

/// Why a place is only a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The list, or two references of the item, name several places.
    Several,
    /// The number is the library's, which follows another database: the one whose own number led nowhere.
    OtherNumbering,
    /// The list lets this one item stand for so many episodes: a compilation.
    Compilation(u32),
    /// The number was counted over the seasons that the list knows; the database may have episodes that it does not.
    Counted,
    /// The number is beyond the season's end, and may be one over all seasons.
    PerhapsAbsolute,
    /// Another episode or season of the same show lies there.
    SameShow,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Several => f.write_str("several places are named for it"),
            Self::OtherNumbering => f.write_str("if the library's number is this database's"),
            Self::Compilation(episodes) => {
                write!(f, "it would stand for {episodes} episodes at once")
            }
            Self::Counted => f.write_str("counted over the seasons that the list knows"),
            Self::PerhapsAbsolute => f.write_str("if the number counts over all seasons"),
            Self::SameShow => f.write_str("another part of the same show"),
        }
    }
}

/// What became of one reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// It.
    pub reference: Reference,
    /// In which catalogue it was looked for.
    pub catalogue: Catalogue,
    /// What became of it.
    pub result: Miss,
}

/// Why a reference did not lead to one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Miss {
    /// The list does not have the show, film or entry.
    UnknownShow,
    /// It has the show, but not this season (or not its numbers over all seasons).
    UnknownSeason,
    /// It has the season, but not this episode.
    UnknownEpisode,
    /// It says that this episode stands for nothing in the catalogue.
    Unmapped,
    /// It names so many places.
    Several(usize),
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            reference,
            catalogue,
            result,
        } = self;
        match result {
            Miss::UnknownShow => write!(f, "{reference}: not in the list for {catalogue}"),
            Miss::UnknownSeason => write!(
                f,
                "{reference}: the list has the show, not this season, for {catalogue}"
            ),
            Miss::UnknownEpisode => write!(
                f,
                "{reference}: the list has the season, not this episode, for {catalogue}"
            ),
            Miss::Unmapped => write!(f, "{reference}: by the list nothing in {catalogue}"),
            Miss::Several(places) => write!(f, "{reference}: {places} places in {catalogue}"),
        }
    }
}
