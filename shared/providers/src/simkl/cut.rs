//! One page cut out of the answer of `/sync/all-items`: its items are taken in, the rest is read over and counted.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::reading::Position;
use super::wire_items::{Brief, Item, List, records_of};
use crate::reading::Record;

/// What was cut out of an answer.
#[derive(Debug, Default)]
pub(super) struct Cut {
    pub(super) records: Vec<Record>,
    /// How many items of the page name nothing.
    pub(super) skipped: u32,
    /// Where the next page begins.
    pub(super) next: Option<Position>,
    /// How many items the answer holds.
    pub(super) items: usize,
    /// How many watches it holds, by its own counters.
    pub(super) plays: u64,
    /// What was watched and lists no episode.
    pub(super) contradiction: Option<String>,
    /// The item at which the reading stood is not where it was.
    pub(super) is_elsewhere: bool,
}

/// Cuts up to `page` records out of an answer, from a position on; reads it to its very end.
pub(super) fn cut(
    text: &str,
    from: Option<Position>,
    page: usize,
) -> Result<Cut, serde_json::Error> {
    let mut cutter = Cutter {
        from,
        page,
        cut: Cut::default(),
    };
    let mut json = serde_json::Deserializer::from_str(text);
    Lists(&mut cutter).deserialize(&mut json)?;
    json.end()?;
    let Cutter { mut cut, .. } = cutter;
    cut.is_elsewhere |= from.is_some_and(|from| from.item >= cut.items);
    Ok(cut)
}

struct Cutter {
    from: Option<Position>,
    page: usize,
    cut: Cut,
}

impl Cutter {
    /// Says whether the item that comes next is on the page.
    fn is_on_page(&self) -> bool {
        let from = self.from.map_or(0, |from| from.item);
        self.cut.items >= from && self.cut.records.len() < self.page && self.cut.next.is_none()
    }

    fn take(&mut self, item: Item, list: List) {
        let at = self.cut.items;
        let simkl = item.simkl();
        let mut given = 0;
        if let Some(from) = self.from.filter(|from| from.item == at) {
            self.cut.is_elsewhere = from.simkl != simkl.unwrap_or_default();
            given = from.given;
        }
        self.count(&item.brief);
        let Some(simkl) = simkl else {
            self.cut.skipped += 1;
            return;
        };
        let title = item.brief.title();
        let Some(records) = records_of(item, list, simkl) else {
            self.cut.contradiction.get_or_insert(title);
            return;
        };
        let room = self.page - self.cut.records.len();
        let left = records.len().saturating_sub(given);
        self.cut
            .records
            .extend(records.into_iter().skip(given).take(room));
        if left > room {
            self.cut.next = Some(Position {
                item: at,
                simkl,
                given: given + room,
            });
        }
    }

    fn pass(&mut self, item: &Brief) {
        if self.cut.records.len() >= self.page && self.cut.next.is_none() {
            self.cut.next = Some(Position {
                item: self.cut.items,
                simkl: item.simkl().unwrap_or_default(),
                given: 0,
            });
        }
        self.count(item);
    }

    fn count(&mut self, item: &Brief) {
        self.cut.items += 1;
        self.cut.plays = self.cut.plays.saturating_add(item.plays());
    }
}

/// The lists in their order; nothing is `null` or `{}`.
struct Lists<'c>(&'c mut Cutter);

impl<'de> DeserializeSeed<'de> for Lists<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Lists<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("lists of films, shows and anime")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut names, mut lists) = (0, 0);
        while let Some(name) = map.next_key::<String>()? {
            let list = match name.as_str() {
                "shows" => Some(List::Shows),
                "anime" => Some(List::Anime),
                "movies" => Some(List::Movies),
                _ => None,
            };
            names += 1;
            match list {
                Some(list) => {
                    lists += 1;
                    map.next_value_seed(Items(self.0, list))?;
                }
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        if names > 0 && lists == 0 {
            return Err(A::Error::custom("there is no list in it"));
        }
        Ok(())
    }
}

struct Items<'c>(&'c mut Cutter, List);

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of items")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        loop {
            if self.0.is_on_page() {
                match items.next_element::<Item>()? {
                    Some(item) => self.0.take(item, self.1),
                    None => return Ok(()),
                }
            } else {
                match items.next_element::<Brief>()? {
                    Some(item) => self.0.pass(&item),
                    None => return Ok(()),
                }
            }
        }
    }
}
