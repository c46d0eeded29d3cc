//! Numbers over all seasons: what they mean, as far as the list's own ranges tell.

use std::collections::BTreeMap;

use super::index::Index;
use super::names::{Catalogue, Entry, Origin};
use super::span::Span;

/// What a number over all seasons means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// This episode, whatever the database has besides.
    Certain { season: u16, episode: u32 },
    /// This one, if the list knows all episodes of the seasons before.
    Likely { season: u16, episode: u32 },
    /// Nothing that the list could tell.
    Unknown,
}

struct Season {
    number: u16,
    spans: Vec<(Entry, Span)>,
}

impl Season {
    fn holds(&self, episode: u32) -> bool {
        self.spans.iter().any(|(_, span)| span.holds(episode))
    }

    fn first(&self) -> u32 {
        let firsts = self.spans.iter().map(|(_, span)| u32::from(span.from));
        firsts.min().unwrap_or(0)
    }

    /// The last episode, if the season has an end and no gap between its first one and that.
    fn last(&self) -> Option<u32> {
        if self.spans.iter().any(|(_, span)| span.is_open()) {
            return None;
        }
        let last = self
            .spans
            .iter()
            .map(|(_, span)| u32::from(span.to))
            .max()?;
        (self.first()..=last)
            .all(|episode| self.holds(episode))
            .then_some(last)
    }

    fn is_open(&self) -> bool {
        self.spans.iter().any(|(_, span)| span.is_open())
    }
}

/// Says which season's which episode a number over all seasons is. Specials are not counted.
///
/// Certain are three cases: it lies in the first season; the seasons of this show go on counting (TMDB's do for long
/// runners), without a gap from 1; all seasons are one entry, and the number is both its episode and what counting gives.
pub(super) fn count(
    index: &Index,
    origin: Origin,
    id: u32,
    episode: u32,
    catalogue: Catalogue,
) -> Counted {
    let seasons = seasons(index, origin, id, catalogue);
    let Some(first) = seasons.first().filter(|season| season.number == 1) else {
        return Counted::Unknown;
    };
    let in_first = first.holds(episode) && (seasons.len() == 1 || first.last().is_some());
    if in_first {
        return Counted::Certain { season: 1, episode };
    }
    if let Some(season) =
        going_on(&seasons).and_then(|()| seasons.iter().find(|season| season.holds(episode)))
    {
        return Counted::Certain {
            season: season.number,
            episode,
        };
    }
    let Some((season, rest)) = walk(&seasons, episode) else {
        return Counted::Unknown;
    };
    let number = season.number;
    if is_one_entry(&seasons, season, rest, episode) {
        Counted::Certain {
            season: number,
            episode: rest,
        }
    } else {
        Counted::Likely {
            season: number,
            episode: rest,
        }
    }
}

fn seasons(index: &Index, origin: Origin, id: u32, catalogue: Catalogue) -> Vec<Season> {
    let mut seasons = BTreeMap::<u16, Vec<(Entry, Span)>>::new();
    for row in index.show(origin, id) {
        if row.key.season > 0 && row.entry.catalogue == catalogue && !row.span.is_unmapped() {
            seasons
                .entry(row.key.season)
                .or_default()
                .push((row.entry, row.span));
        }
    }
    seasons
        .into_iter()
        .map(|(number, spans)| Season { number, spans })
        .collect()
}

/// Says whether each season begins right after the end of the one before, from 1.
fn going_on(seasons: &[Season]) -> Option<()> {
    let mut next = 1;
    for (place, season) in seasons.iter().enumerate() {
        if season.first() != next {
            return None;
        }
        match season.last() {
            Some(last) => next = last + 1,
            None => return (season.is_open() && place + 1 == seasons.len()).then_some(()),
        }
    }
    Some(())
}

/// Counts over the seasons, each from 1 to its end, none left out.
fn walk(seasons: &[Season], episode: u32) -> Option<(&Season, u32)> {
    let mut before = 0;
    for (place, season) in seasons.iter().enumerate() {
        if usize::from(season.number) != place + 1 || season.first() != 1 {
            return None;
        }
        let rest = episode.checked_sub(before)?;
        if season.holds(rest) {
            return Some((season, rest));
        }
        before += season.last()?;
    }
    None
}

fn is_one_entry(seasons: &[Season], season: &Season, rest: u32, episode: u32) -> bool {
    let mut entries = seasons
        .iter()
        .flat_map(|season| &season.spans)
        .map(|(entry, _)| entry);
    let Some(first) = entries.next() else {
        return false;
    };
    let hit = season.spans.iter().find_map(|(_, span)| span.place(rest));
    entries.all(|entry| entry == first)
        && hit.is_some_and(|hit| hit.parts == 1 && hit.first == episode && hit.last == episode)
}
