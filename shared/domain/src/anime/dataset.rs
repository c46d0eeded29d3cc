//! Reading the published list, which is anybody's text until it has been checked.
//!
//! The list is `AniBridge` mappings, version 3: <https://github.com/anibridge/anibridge-mappings> (MIT), built daily;
//! `mappings.min.json` of the rolling release `v3`. One object: source descriptor → target descriptor → source range →
//! target range, in both directions; the directions that nobody asks for are left out.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::index::{Census, Index, Row};
use super::names::Descriptor;
use super::span::Span;

/// The version of the list's format that is understood.
const SCHEMA: &str = "3.";

/// When a freshly fetched list is not to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of JSON that are looked at.
    pub most_bytes: usize,
    /// The most rows that are kept.
    pub most_rows: usize,
    /// Fewer rows than this are no list.
    pub fewest_rows: usize,
    /// How many percent of the rows may be broken.
    pub broken_percent: u8,
    /// How many percent of the last good copy's rows must still be there, in each direction that had any to speak of.
    pub kept_percent: u8,
}

impl Default for Limits {
    /// 64 MiB, a million rows, at least a thousand; 5 % may be broken, 80 % must still be there.
    fn default() -> Self {
        Self {
            most_bytes: 64 << 20,
            most_rows: 1_000_000,
            fewest_rows: 1_000,
            broken_percent: 5,
            kept_percent: 80,
        }
    }
}

/// What was found in a list that is good enough.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows kept.
    pub kept: usize,
    /// Rows that could not be read and were left out.
    pub broken: usize,
    /// Source descriptors of kinds that nobody asks for.
    pub foreign: usize,
}

/// Why a list is refused; the last good copy stays in use.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// More bytes than a list has.
    #[error("{bytes} bytes are more than the {most} a list may have")]
    TooLarge {
        /// How many there are.
        bytes: usize,
        /// How many there may be.
        most: usize,
    },
    /// Not the list's JSON, or only a part of it.
    #[error("it is not the list's JSON")]
    NotTheList(#[source] serde_json::Error),
    /// Another version of the format, or none.
    #[error("its format is {version:?}, not 3")]
    OtherFormat {
        /// What it says of itself.
        version: Option<String>,
    },
    /// More rows than a list has.
    #[error("more than {most} rows")]
    TooManyRows {
        /// How many there may be.
        most: usize,
    },
    /// So few rows that it cannot be the list.
    #[error("only {rows} rows")]
    TooFewRows {
        /// How many there are.
        rows: usize,
    },
    /// Too much of it cannot be read.
    #[error("{broken} of {rows} rows cannot be read")]
    TooMuchBroken {
        /// Rows that cannot be read.
        broken: usize,
        /// All rows.
        rows: usize,
    },
    /// Much of what the last good copy had is gone.
    #[error("{what} has {now} rows, after {before}")]
    Shrunk {
        /// Which direction.
        what: String,
        /// How many rows it had.
        before: usize,
        /// How many it has.
        now: usize,
    },
}

/// Reads a list, checks it, and makes the compact index of it.
///
/// The same bytes give the same index. A row that cannot be read is left out and counted; a list of which too much
/// cannot be read, or in which much of `last_good` is gone, is refused as a whole.
///
/// # Errors
///
/// Why the list is not to be used.
pub fn read(
    json: &[u8],
    last_good: Option<&Index>,
    limits: Limits,
) -> Result<(Index, Tally), Refused> {
    if json.len() > limits.most_bytes {
        return Err(Refused::TooLarge {
            bytes: json.len(),
            most: limits.most_bytes,
        });
    }
    let mut from = serde_json::Deserializer::from_slice(json);
    let whole = from
        .deserialize_map(Whole {
            most_rows: limits.most_rows,
        })
        .and_then(|whole| from.end().map(|()| whole))
        .map_err(Refused::NotTheList)?;
    if !whole
        .version
        .as_deref()
        .is_some_and(|version| version.starts_with(SCHEMA))
    {
        return Err(Refused::OtherFormat {
            version: whole.version,
        });
    }
    if whole.is_overfull {
        return Err(Refused::TooManyRows {
            most: limits.most_rows,
        });
    }
    let (broken, rows) = (whole.tally.broken, whole.tally.broken + whole.rows.len());
    if whole.rows.len() < limits.fewest_rows.max(1) {
        return Err(Refused::TooFewRows {
            rows: whole.rows.len(),
        });
    }
    if broken * 100 > rows * usize::from(limits.broken_percent) {
        return Err(Refused::TooMuchBroken { broken, rows });
    }
    let index = Index::of_rows(whole.generated_on, whole.rows);
    if let Some(last_good) = last_good {
        check_size(&last_good.census(), &index.census(), limits)?;
    }
    let tally = Tally {
        kept: index.len(),
        ..whole.tally
    };
    Ok((index, tally))
}

/// A direction with fewer rows than this may come and go.
const TO_SPEAK_OF: usize = 100;

fn check_size(before: &Census, now: &Census, limits: Limits) -> Result<(), Refused> {
    for (direction, before) in before {
        let now = now.get(direction).copied().unwrap_or(0);
        if *before >= TO_SPEAK_OF && now * 100 < before * usize::from(limits.kept_percent) {
            return Err(Refused::Shrunk {
                what: format!("{} to {}", direction.0.name(), direction.1),
                before: *before,
                now,
            });
        }
    }
    Ok(())
}

/// A value that may be something else than it should, which spoils only itself.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient<T> {
    Read(T),
    Odd(IgnoredAny),
}

type Ranges = BTreeMap<String, Lenient<Option<String>>>;
type Targets = BTreeMap<String, Lenient<Ranges>>;

#[derive(Deserialize)]
struct Meta {
    schema_version: Option<String>,
    generated_on: Option<String>,
}

/// The whole list, read row by row: only what is kept of it stays in memory.
struct Whole {
    most_rows: usize,
}

#[derive(Default)]
struct Read {
    version: Option<String>,
    generated_on: String,
    rows: Vec<Row>,
    tally: Tally,
    is_overfull: bool,
}

impl<'de> Visitor<'de> for Whole {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the list of mappings, an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
        let mut read = Read::default();
        while let Some(name) = map.next_key::<String>()? {
            if name == "$meta" {
                if let Lenient::Read(meta) = map.next_value::<Lenient<Meta>>()? {
                    read.version = meta.schema_version;
                    read.generated_on = meta.generated_on.unwrap_or_default();
                }
                continue;
            }
            let source = Descriptor::of(&name);
            match source {
                _ if name.starts_with('$') || read.is_overfull => {
                    map.next_value::<IgnoredAny>()?;
                }
                Descriptor::Foreign => {
                    map.next_value::<IgnoredAny>()?;
                    read.tally.foreign += 1;
                }
                Descriptor::Broken => {
                    map.next_value::<IgnoredAny>()?;
                    read.tally.broken += 1;
                }
                Descriptor::Key(_) => match map.next_value::<Lenient<Targets>>()? {
                    Lenient::Read(targets) => read.take(source, targets),
                    Lenient::Odd(_) => read.tally.broken += 1,
                },
            }
            read.is_overfull |= read.rows.len() > self.most_rows;
        }
        Ok(read)
    }
}

impl Read {
    fn take(&mut self, source: Descriptor, targets: Targets) {
        let Descriptor::Key(key) = source else { return };
        for (name, ranges) in targets {
            let target = Descriptor::of(&name);
            let Some(entry) = target.entry() else {
                self.tally.broken += usize::from(target == Descriptor::Broken);
                continue;
            };
            let Lenient::Read(ranges) = ranges else {
                self.tally.broken += 1;
                continue;
            };
            for (from, to) in ranges {
                let spans = match &to {
                    Lenient::Read(to) => Span::read(&from, to.as_deref()),
                    Lenient::Odd(_) => Err(super::span::Broken),
                };
                match spans {
                    Ok(spans) => {
                        self.rows
                            .extend(spans.into_iter().map(|span| Row { key, entry, span }))
                    }
                    Err(super::span::Broken) => self.tally.broken += 1,
                }
            }
        }
    }
}
