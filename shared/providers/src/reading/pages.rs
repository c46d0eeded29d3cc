//! Numbered pages, the newest entry first, as Trakt and Last.fm have them.
//!
//! An entry that is added while they are read moves every older one down: the next page repeats the end of the one before,
//! and nothing is lost. One that is removed moves them up, past the reader: the count shrinks, and the reading is refused.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Where a reading of numbered pages stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Numbered {
    /// The page that is read next, from 1.
    pub(crate) page: u64,
    /// Before which moment, where the service is told that at each page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<DateTime<Utc>>,
    /// How many entries a page holds.
    size: u64,
    /// How many entries there were in all when the page before was read.
    total: u64,
    /// The page before, each of its entries by a number that is its own.
    last: Vec<u64>,
}

/// What a page says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Says {
    /// Which page it is, where it says so.
    pub(crate) page: Option<u64>,
    /// How many entries a page holds.
    pub(crate) size: u64,
    /// How many pages there are.
    pub(crate) pages: u64,
    /// How many entries there are.
    pub(crate) total: u64,
}

/// A page that contradicts neither itself nor the one before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// For each entry: it was not on the page before.
    pub(crate) is_new: Vec<bool>,
    /// What is read next; `None` after the last page.
    pub(crate) next: Option<Numbered>,
}

impl Numbered {
    /// The first page.
    pub(crate) fn first(until: Option<DateTime<Utc>>) -> Self {
        Self {
            page: 1,
            until,
            size: 0,
            total: 0,
            last: Vec::new(),
        }
    }

    /// Takes a page of these entries; the error is what it contradicts.
    pub(crate) fn take(&self, says: Says, entries: Vec<u64>) -> Result<Taken, String> {
        let Says { size, total, .. } = says;
        let is_first = self.page == 1;
        if says.page.is_some_and(|page| page != self.page) {
            return Err(format!("asked for page {}, it shows another", self.page));
        }
        if size == 0 || (!is_first && size != self.size) {
            return Err("the size of its pages changes while they are read".to_owned());
        }
        if says.pages != total.div_ceil(size) {
            return Err(format!(
                "{total} plays do not make the {} pages that it counts",
                says.pages
            ));
        }
        if total < self.total {
            return Err(format!(
                "it counted {} plays, and counts {total} while they are read",
                self.total
            ));
        }
        let before = (self.page - 1).saturating_mul(size);
        let expected = total.saturating_sub(before).min(size);
        if entries.len() as u64 != expected {
            return Err(format!(
                "page {} should hold {expected} plays by its own count, and holds {}",
                self.page,
                entries.len()
            ));
        }
        let known: HashSet<u64> = if is_first || total == self.total {
            HashSet::new()
        } else {
            self.last.iter().copied().collect()
        };
        let is_new = entries.iter().map(|entry| !known.contains(entry)).collect();
        let next = (self.page < says.pages).then(|| Self {
            page: self.page + 1,
            until: self.until,
            size,
            total,
            last: entries,
        });
        Ok(Taken { is_new, next })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn says(all: &[u64], size: u64) -> Says {
        let total = all.len() as u64;
        Says {
            page: None,
            size,
            pages: total.div_ceil(size),
            total,
        }
    }

    fn page(all: &[u64], page: u64, size: u64) -> Vec<u64> {
        let skipped = usize::try_from((page - 1) * size).unwrap();
        let newest_first = all.iter().rev().copied();
        newest_first
            .skip(skipped)
            .take(usize::try_from(size).unwrap())
            .collect()
    }

    proptest! {
        #[test]
        fn what_was_there_comes_once_whatever_is_added_meanwhile(
            count in 0_usize..60,
            size in 1_u64..12,
            added in proptest::collection::vec((0_usize..12, 0_usize..100), 0..60),
        ) {
            let mut all: Vec<u64> = (0..count as u64).collect();
            let (mut got, mut at) = (Vec::new(), Some(Numbered::first(None)));
            let mut added = added.into_iter();
            let mut fresh = 1_000..;
            while let Some(here) = at {
                let entries = page(&all, here.page, size);
                let taken = here.take(says(&all, size), entries.clone()).unwrap();
                got.extend(entries.iter().zip(taken.is_new).filter(|(_, new)| *new).map(|(entry, _)| *entry));
                at = taken.next;
                // No more than a page between two readings.
                let (several, position) = added.next().unwrap_or_default();
                for number in fresh.by_ref().take(several.min(usize::try_from(size).unwrap())) {
                    all.insert(position.min(all.len()), number);
                }
            }
            let mut once = got.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), got.len());
            prop_assert!((0..count as u64).all(|entry| got.contains(&entry)));
        }
    }

    #[test]
    fn a_page_that_contradicts_itself_or_the_one_before_is_refused() {
        let all: Vec<u64> = (0..25).collect();
        let first = Numbered::first(None);
        let good = says(&all, 10);
        let why =
            |at: &Numbered, says: Says, entries: Vec<u64>| at.take(says, entries).unwrap_err();
        assert!(why(&first, good, page(&all[1..], 3, 10)).contains("should hold 10"));
        assert!(why(&first, good, Vec::new()).contains("should hold 10"));
        assert!(why(&first, Says { pages: 1, ..good }, page(&all, 1, 10)).contains("the 1 pages"));
        assert!(why(&first, Says { size: 0, ..good }, Vec::new()).contains("size"));
        let other = Says {
            page: Some(2),
            ..good
        };
        assert!(why(&first, other, page(&all, 1, 10)).contains("another"));

        let second = first.take(good, page(&all, 1, 10)).unwrap().next.unwrap();
        let fewer = &all[..24];
        assert!(why(&second, says(fewer, 10), page(fewer, 2, 10)).contains("counted 25"));
        assert!(why(&second, says(&all, 5), page(&all, 2, 5)).contains("size"));
        let third = second.take(good, page(&all, 2, 10)).unwrap().next.unwrap();
        assert!(why(&third, good, page(&all[1..], 3, 10)).contains("should hold 5"));
        assert_eq!(third.take(good, page(&all, 3, 10)).unwrap().next, None);
    }
}
