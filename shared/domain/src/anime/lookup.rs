//! The lookup: an item's references → its place in a catalogue. Nothing is guessed.
//!
//! 1. The user's own rules win.
//! 2. References whose number came with the id are asked; if there are none, those that carry the library's number. All
//!    that lead somewhere must agree on exactly one place.
//! 3. Where the list has no direct way into the wanted catalogue, the place in the other one is followed over.
//! 4. What stands for more than [`MOST_AT_ONCE`] episodes is never found, only offered.

use std::collections::BTreeSet;

use super::absolute::{self, Counted};
use super::answer::{Answer, By, Choice, MOST_CHOICES, Miss, Place, Tried, Why};
use super::index::Index;
use super::names::{Catalogue, Entry, Key};
use super::overrides::{Override, Ruling, ruling};
use super::query::{At, Query, Reference};
use super::span::Hit;
use super::whole;

/// How many episodes of an entry one item may stand for and still be marked by itself.
pub const MOST_AT_ONCE: u32 = 5;

/// A place that a reference leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) entry: Entry,
    pub(super) hit: Hit,
}

/// What one reference leads to.
struct Reading {
    reference: Reference,
    spots: BTreeSet<Spot>,
    by: By,
    miss: Miss,
}

/// Finds an item in a catalogue.
pub fn find(index: &Index, rules: &[Override], query: &Query, catalogue: Catalogue) -> Answer {
    match ruling(rules, query, catalogue) {
        Some(Ruling::IsNotSent) => return Answer::Excluded,
        Some(Ruling::Is(entry, episode)) if entry.catalogue == catalogue => {
            let hit = Hit {
                first: episode,
                last: episode,
                part: 1,
                parts: 1,
            };
            let place = place_of(index, Spot { entry, hit });
            return Answer::Found {
                place,
                by: By::Override,
            };
        }
        // One choice serves both catalogues, wherever the list knows which entries are one.
        Some(Ruling::Is(entry, episode)) => {
            let hit = Hit {
                first: episode,
                last: episode,
                part: 1,
                parts: 1,
            };
            let over = follow(index, Spot { entry, hit }, catalogue);
            if let Some(place) = only(&over) {
                let place = place_of(index, place);
                return Answer::Found {
                    place,
                    by: By::Override,
                };
            }
        }
        None => {}
    }
    let readings: Vec<_> = query
        .references()
        .iter()
        .map(|reference| {
            let mut reading = read(index, *reference, catalogue);
            let said = whole::said_of_parts(index, rules, *reference, catalogue);
            reading.spots.extend(said);
            reading
        })
        .collect();
    let leads = |own: bool| {
        let is_lead = move |reading: &&Reading| {
            reading.reference.is_own_number == own && !reading.spots.is_empty()
        };
        readings.iter().filter(is_lead).collect::<Vec<_>>()
    };
    let mut telling = leads(true);
    let mut why = Why::Several;
    let mut settled = settle(&telling);
    if telling.is_empty() {
        telling = leads(false);
        // A number that is known to be one database's is not tried as another's, only offered.
        if query
            .references()
            .iter()
            .any(|reference| reference.is_own_number)
        {
            why = Why::OtherNumbering;
        } else {
            settled = settle(&telling);
        }
    }
    match settled {
        Some((spot, by)) if episodes_at_once(spot) <= MOST_AT_ONCE => {
            let place = place_of(index, spot);
            Answer::Found { place, by }
        }
        Some(_) | None => offer(index, &readings, &telling, why, catalogue),
    }
}

/// The one place that all telling readings have in common.
fn settle(telling: &[&Reading]) -> Option<(Spot, By)> {
    let (first, others) = telling.split_first()?;
    let mut common = first.spots.clone();
    for other in others {
        common.retain(|spot| other.spots.contains(spot));
    }
    let spot = only(&common)?;
    let by = telling.iter().find(|reading| reading.spots.len() == 1);
    Some((spot, by.map_or(first.by, |reading| reading.by)))
}

fn only(spots: &BTreeSet<Spot>) -> Option<Spot> {
    match spots.len() {
        1 => spots.first().copied(),
        _ => None,
    }
}

const fn episodes_at_once(spot: Spot) -> u32 {
    spot.hit.last - spot.hit.first + 1
}

fn place_of(index: &Index, spot: Spot) -> Place {
    let Hit {
        first,
        last,
        part,
        parts,
    } = spot.hit;
    Place {
        entry: spot.entry,
        first,
        last,
        part,
        parts,
        episodes: episodes_of(index, spot.entry),
    }
}

/// How many episodes the list gives an entry, by its link to the other catalogue; none while that is open.
fn episodes_of(index: &Index, entry: Entry) -> Option<u32> {
    let ends = index.season(own_key(entry)).map(|row| row.span.to);
    let ends: Vec<u16> = ends.collect();
    let end = ends.iter().max().copied()?;
    (!ends.contains(&0)).then_some(u32::from(end))
}

const fn own_key(entry: Entry) -> Key {
    Key {
        origin: entry.catalogue.origin(),
        id: entry.id,
        season: 1,
    }
}

/// What one reference leads to in a catalogue.
fn read(index: &Index, reference: Reference, catalogue: Catalogue) -> Reading {
    let (direct, mut miss) = spots(index, reference, catalogue);
    let named = reference.origin == catalogue.origin();
    let mut by = if named {
        By::Named(reference)
    } else {
        By::List(reference)
    };
    let mut found = direct;
    if found.is_empty() && !named && miss != Miss::Unmapped {
        let (other, other_miss) = spots(index, reference, catalogue.other());
        found = other
            .into_iter()
            .flat_map(|spot| follow(index, spot, catalogue))
            .collect();
        by = By::OtherCatalogue(reference);
        miss = miss.max(other_miss);
    }
    if found.len() > 1 {
        miss = Miss::Several(found.len());
    }
    Reading {
        reference,
        spots: found,
        by,
        miss,
    }
}

/// The places of a reference that the list (or the source itself) names in a catalogue.
fn spots(index: &Index, reference: Reference, catalogue: Catalogue) -> (BTreeSet<Spot>, Miss) {
    let Reference { origin, id, at, .. } = reference;
    let (season, episode) = match at {
        At::All { season } => return whole::spots(index, reference, season, catalogue),
        At::Film => (1, 1),
        At::Season { season, episode } => (season, episode),
        At::Absolute { episode } if origin.is_entry() => (1, episode),
        At::Absolute { episode } => return counted_spots(index, reference, episode, catalogue),
    };
    let Ok(season) = u16::try_from(season) else {
        return (BTreeSet::new(), Miss::UnknownSeason);
    };
    let key = Key { origin, id, season };
    if origin == catalogue.origin() {
        return (
            named_spot(index, key, episode, catalogue),
            Miss::UnknownEpisode,
        );
    }
    let mut found = BTreeSet::new();
    let mut removed = BTreeSet::new();
    let mut miss = Miss::UnknownShow;
    for row in index
        .season(key)
        .filter(|row| row.entry.catalogue == catalogue)
    {
        miss = Miss::UnknownEpisode;
        if row.span.is_unmapped() && row.span.holds(episode) {
            removed.insert(row.entry);
        }
        let hit = row.span.place(episode);
        found.extend(hit.map(|hit| Spot {
            entry: row.entry,
            hit,
        }));
    }
    let is_removed = !removed.is_empty();
    found.retain(|spot| !removed.contains(&spot.entry));
    if is_removed && found.is_empty() {
        miss = Miss::Unmapped;
    } else if miss == Miss::UnknownShow && index.show(origin, id).next().is_some() {
        miss = Miss::UnknownSeason;
    }
    (found, miss)
}

/// The source named the entry itself; the list may still know that it has no such episode.
pub(super) fn named_spot(
    index: &Index,
    key: Key,
    episode: u32,
    catalogue: Catalogue,
) -> BTreeSet<Spot> {
    let entry = Entry {
        catalogue,
        id: key.id,
    };
    let is_there = key.season == 1
        && episode > 0
        && episodes_of(index, entry).is_none_or(|episodes| episode <= episodes);
    let hit = Hit {
        first: episode,
        last: episode,
        part: 1,
        parts: 1,
    };
    is_there
        .then_some(Spot { entry, hit })
        .into_iter()
        .collect()
}

/// Follows a place into the other catalogue, over the list's link between the two entries.
pub(super) fn follow(index: &Index, spot: Spot, catalogue: Catalogue) -> BTreeSet<Spot> {
    let rows = index.season(own_key(spot.entry));
    rows.filter(|row| row.entry.catalogue == catalogue)
        .filter_map(|row| {
            let (first, last) = (
                row.span.place(spot.hit.first)?,
                row.span.place(spot.hit.last)?,
            );
            // Parts of parts are beyond what can be counted.
            let is_plain = spot.hit.parts == 1 || (first.parts == 1 && first.first == first.last);
            let hit = Hit {
                first: first.first,
                last: last.last,
                part: spot.hit.part.max(last.part),
                parts: spot.hit.parts.max(last.parts),
            };
            is_plain.then_some(Spot {
                entry: row.entry,
                hit,
            })
        })
        .collect()
}

/// The places of a number over all seasons, as far as it is certain what it means.
fn counted_spots(
    index: &Index,
    reference: Reference,
    episode: u32,
    catalogue: Catalogue,
) -> (BTreeSet<Spot>, Miss) {
    match absolute::count(index, reference.origin, reference.id, episode, catalogue) {
        Counted::Certain { season, episode } => {
            spots(index, seasonal(reference, season, episode), catalogue)
        }
        Counted::Likely { .. } => (BTreeSet::new(), Miss::UnknownSeason),
        Counted::Unknown if index.show(reference.origin, reference.id).next().is_some() => {
            (BTreeSet::new(), Miss::UnknownSeason)
        }
        Counted::Unknown => (BTreeSet::new(), Miss::UnknownShow),
    }
}

fn seasonal(reference: Reference, season: u16, episode: u32) -> Reference {
    let season = u32::from(season);
    Reference {
        at: At::Season { season, episode },
        ..reference
    }
}

/// Nothing certain: what there is to choose from.
fn offer(
    index: &Index,
    readings: &[Reading],
    telling: &[&Reading],
    why: Why,
    catalogue: Catalogue,
) -> Answer {
    let tried: Vec<_> = readings
        .iter()
        .map(|reading| Tried {
            reference: reading.reference,
            catalogue,
            result: reading.miss,
        })
        .collect();
    let mut choices: Vec<Choice> = telling
        .iter()
        .flat_map(|reading| reading.spots.iter().map(|spot| (reading.reference, *spot)))
        .map(|(reference, spot)| choice(reference, spot, why))
        .collect();
    if choices.is_empty() {
        let shows = readings.iter().map(|reading| reading.reference);
        choices = shows
            .flat_map(|reference| guesses(index, reference, catalogue))
            .collect();
    }
    // The likeliest reason first; one entry and episode is offered once.
    choices.sort_by_key(|choice| choice.why);
    let mut seen = BTreeSet::new();
    choices.retain(|choice| seen.insert((choice.entry, choice.episode)));
    let placed: BTreeSet<_> = choices
        .iter()
        .filter(|choice| choice.episode.is_some())
        .map(|choice| choice.entry)
        .collect();
    choices.retain(|choice| choice.episode.is_some() || !placed.contains(&choice.entry));
    choices.truncate(MOST_CHOICES);
    if choices.is_empty() {
        Answer::NotFound { tried }
    } else {
        Answer::Candidates { choices, tried }
    }
}

fn choice(reference: Reference, spot: Spot, why: Why) -> Choice {
    let at_once = episodes_at_once(spot);
    Choice {
        why: if at_once > MOST_AT_ONCE {
            Why::Compilation(at_once)
        } else {
            why
        },
        entry: spot.entry,
        episode: (!matches!(reference.at, At::All { .. })).then_some(spot.hit.last),
        reference,
    }
}

/// What an episode may be that the list does not place: a number over all seasons, or another part of its show.
fn guesses(index: &Index, reference: Reference, catalogue: Catalogue) -> Vec<Choice> {
    let counted = match reference.at {
        At::Absolute { episode } => Some((episode, Why::Counted)),
        At::Season { season: 1, episode } => Some((episode, Why::PerhapsAbsolute)),
        At::Season { .. } | At::Film | At::All { .. } => None,
    };
    let Reference { origin, id, .. } = reference;
    let counted = counted.and_then(|(episode, why)| {
        match absolute::count(index, origin, id, episode, catalogue) {
            Counted::Certain { season, episode } | Counted::Likely { season, episode } => Some((
                spots(index, seasonal(reference, season, episode), catalogue).0,
                why,
            )),
            Counted::Unknown => None,
        }
    });
    let placed = counted.into_iter().flat_map(|(spots, why)| {
        spots
            .into_iter()
            .map(move |spot| choice(reference, spot, why))
    });
    let family = index
        .show(origin, id)
        .filter(|row| row.entry.catalogue == catalogue)
        .map(|row| row.entry)
        .collect::<BTreeSet<_>>();
    let family = family.into_iter().map(|entry| Choice {
        why: Why::SameShow,
        entry,
        episode: None,
        reference,
    });
    placed.chain(family).collect()
}
