//! The lookup over the invented list in `fixtures/`, the reading and storing of lists, and the sample of the real one.

mod list;
mod lookup;
mod sample;
mod whole;

use super::dataset::{self, Limits};
use super::*;

const SMALL: &str = include_str!("../fixtures/mappings.json");

/// As the defaults, for lists of a few rows.
const SMALL_LIMITS: Limits = Limits {
    most_bytes: 1 << 20,
    most_rows: 1_000,
    fewest_rows: 1,
    broken_percent: 5,
    kept_percent: 80,
};

fn small() -> Index {
    let (index, tally) = dataset::read(SMALL.as_bytes(), None, SMALL_LIMITS).unwrap();
    assert_eq!(tally.broken, 0);
    index
}

fn reference(origin: Origin, id: u32, at: At) -> Reference {
    Reference {
        origin,
        id,
        at,
        is_own_number: true,
    }
}

fn numbered(origin: Origin, id: u32, season: u32, episode: u32) -> Reference {
    reference(origin, id, At::Season { season, episode })
}

fn ask(index: &Index, references: &[Reference], catalogue: Catalogue) -> Answer {
    find(
        index,
        &[],
        &Query::new(references.iter().copied()),
        catalogue,
    )
}

/// Entry, first and last episode, if exactly one place was found.
fn place(index: &Index, reference: Reference, catalogue: Catalogue) -> Option<(u32, u32, u32)> {
    match ask(index, &[reference], catalogue) {
        Answer::Found { place, .. } => {
            assert_eq!(place.entry.catalogue, catalogue);
            Some((place.entry.id, place.first, place.last))
        }
        Answer::Candidates { .. } | Answer::NotFound { .. } | Answer::Excluded => None,
    }
}

/// The entries and episodes to choose from, with why, if there is a choice.
fn choices(answer: Answer) -> Vec<(Why, u32, Option<u32>)> {
    match answer {
        Answer::Candidates { choices, tried } => {
            assert!(!tried.is_empty());
            choices
                .iter()
                .map(|choice| (choice.why, choice.entry.id, choice.episode))
                .collect()
        }
        Answer::Found { .. } | Answer::NotFound { .. } | Answer::Excluded => Vec::new(),
    }
}
