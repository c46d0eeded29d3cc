//! Seasons and shows as a whole: rated and listed, never watched at once. One entry, or several to choose from.
//!
//! A whole has no episodes: of its spots only the entry is meant.

use std::collections::BTreeSet;

use super::answer::Miss;
use super::index::Index;
use super::lookup::{Spot, follow, named_spot};
use super::names::{Catalogue, Entry, Key};
use super::overrides::{Override, entries_of_parts};
use super::query::Reference;
use super::span::Hit;

const fn spot(entry: Entry) -> Spot {
    let hit = Hit {
        first: 1,
        last: 1,
        part: 1,
        parts: 1,
    };
    Spot { entry, hit }
}

/// The entries that a season consists of, or without one a show's seasons; its specials are not asked for.
pub(super) fn spots(
    index: &Index,
    reference: Reference,
    season: Option<u32>,
    catalogue: Catalogue,
) -> (BTreeSet<Spot>, Miss) {
    let Reference { origin, id, .. } = reference;
    if origin == catalogue.origin() {
        let key = Key {
            origin,
            id,
            season: 1,
        };
        return (named_spot(index, key, 1, catalogue), Miss::UnknownShow);
    }
    let is_meant = |number: u16| match season {
        Some(season) => u32::from(number) == season,
        None => number > 0,
    };
    let mut miss = Miss::UnknownShow;
    let mut found = BTreeSet::new();
    for row in index.show(origin, id) {
        miss = Miss::UnknownSeason;
        let is_placed = row.entry.catalogue == catalogue && !row.span.is_unmapped();
        if is_placed && is_meant(row.key.season) {
            found.insert(spot(row.entry));
        }
    }
    (found, miss)
}

/// Where the user's rules put parts of a season or show that is asked for as a whole: what the list alone would call
/// one entry may be several by them.
pub(super) fn said_of_parts(
    index: &Index,
    rules: &[Override],
    reference: Reference,
    catalogue: Catalogue,
) -> BTreeSet<Spot> {
    entries_of_parts(rules, reference)
        .flat_map(|entry| {
            let spot = spot(entry);
            if entry.catalogue == catalogue {
                BTreeSet::from([spot])
            } else {
                follow(index, spot, catalogue)
            }
        })
        .collect()
}
