//! The compact index: sorted rows of fixed width, searched where they lie.
//!
//! A row takes 21 bytes: 7 of the key (origin, id, season), 5 of the entry (catalogue, id), 9 of the span. A lookup is a
//! binary search in those bytes, so an index in memory is as large as its rows and nothing is built from it. Stored it
//! is deflated, with a version, a digest and its own size in front.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use sha2::{Digest, Sha256};

use super::names::{Catalogue, Entry, Key, Origin};
use super::span::Span;

const ROW: usize = 21;
const KEY: usize = 7;
const ENTRY: usize = KEY + 5;

/// What the stored form begins with; the digits are its version.
const MAGIC: &[u8; 8] = b"ANIMAP01";
/// The longest date that is kept of a list.
const LONGEST_DATE: usize = 40;
/// The most rows that are read from a stored index: 42 MB in memory, many times what the whole list has.
const MOST_ROWS: usize = 2_000_000;

/// How many rows lead from an origin to a catalogue.
pub(super) type Census = BTreeMap<(Origin, Catalogue), usize>;

/// One row of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) key: Key,
    pub(super) entry: Entry,
    pub(super) span: Span,
}

impl Key {
    fn bytes(self) -> [u8; KEY] {
        let [a, b, c, d] = self.id.to_be_bytes();
        let [e, f] = self.season.to_be_bytes();
        [self.origin.code(), a, b, c, d, e, f]
    }
}

impl Row {
    /// Big-endian throughout, so that the bytes sort as the rows do.
    fn bytes(self) -> [u8; ROW] {
        let mut bytes = [0; ROW];
        bytes[..KEY].copy_from_slice(&self.key.bytes());
        bytes[KEY] = self.entry.catalogue.code();
        bytes[KEY + 1..ENTRY].copy_from_slice(&self.entry.id.to_be_bytes());
        let Span {
            from,
            to,
            first,
            last,
            pace,
        } = self.span;
        for (at, number) in [from, to, first, last].into_iter().enumerate() {
            bytes[ENTRY + 2 * at..ENTRY + 2 * at + 2].copy_from_slice(&number.to_be_bytes());
        }
        bytes[ROW - 1..].copy_from_slice(&pace.to_be_bytes());
        bytes
    }

    fn of_bytes(bytes: &[u8; ROW]) -> Option<Self> {
        let [origin, a, b, c, d, e, f, catalogue, g, h, i, j, rest @ ..] = *bytes;
        let [k, l, m, n, o, p, q, r, pace] = rest;
        Some(Self {
            key: Key {
                origin: Origin::ALL.get(usize::from(origin)).copied()?,
                id: u32::from_be_bytes([a, b, c, d]),
                season: u16::from_be_bytes([e, f]),
            },
            entry: Entry {
                catalogue: Catalogue::of_code(catalogue)?,
                id: u32::from_be_bytes([g, h, i, j]),
            },
            span: Span {
                from: u16::from_be_bytes([k, l]),
                to: u16::from_be_bytes([m, n]),
                first: u16::from_be_bytes([o, p]),
                last: u16::from_be_bytes([q, r]),
                pace: i8::from_be_bytes([pace]),
            },
        })
    }
}

/// The list, checked and compact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    generated_on: String,
    rows: Vec<u8>,
}

/// Why stored bytes are no index.
#[derive(Debug, thiserror::Error)]
pub enum NotAnIndex {
    /// Of another version, or something else altogether: make it anew from the list.
    #[error("it does not begin as an index of this version does")]
    OtherVersion,
    /// Cut off, changed or not sorted.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// The compressed part cannot be read.
    #[error("it cannot be unpacked")]
    Unpacked(#[source] std::io::Error),
}

impl Index {
    pub(super) fn of_rows(generated_on: String, mut rows: Vec<Row>) -> Self {
        rows.sort_unstable_by_key(|row| row.bytes());
        rows.dedup();
        let mut bytes = Vec::with_capacity(rows.len() * ROW);
        rows.iter().for_each(|row| bytes.extend(row.bytes()));
        let is_date = generated_on.len() <= LONGEST_DATE && generated_on.is_ascii();
        Self {
            generated_on: if is_date { generated_on } else { String::new() },
            rows: bytes,
        }
    }

    /// When the list was generated, as it says itself; empty if it does not say.
    pub fn generated_on(&self) -> &str {
        &self.generated_on
    }

    /// How many rows there are; each takes 21 bytes of memory.
    pub fn len(&self) -> usize {
        self.rows.len() / ROW
    }

    /// Says whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn at(&self, place: usize) -> Option<&[u8; ROW]> {
        self.rows.as_chunks::<ROW>().0.get(place)
    }

    /// The rows whose keys begin with `prefix`, in order.
    fn beginning<'a>(&'a self, prefix: &[u8]) -> impl Iterator<Item = Row> + use<'a> {
        let rows = self.rows.as_chunks::<ROW>().0;
        let start = rows.partition_point(|row| row[..prefix.len()] < *prefix);
        let found = rows.get(start..).unwrap_or_default();
        let end = found.partition_point(|row| row[..prefix.len()] == *prefix);
        found.iter().take(end).filter_map(Row::of_bytes)
    }

    /// The rows of one season.
    pub(super) fn season(&self, key: Key) -> impl Iterator<Item = Row> + use<'_> {
        self.beginning(&key.bytes())
    }

    /// The rows of all seasons of a show, the specials first.
    pub(super) fn show(&self, origin: Origin, id: u32) -> impl Iterator<Item = Row> + use<'_> {
        let key = Key {
            origin,
            id,
            season: 0,
        }
        .bytes();
        self.beginning(&key[..KEY - 2])
    }

    pub(super) fn census(&self) -> Census {
        let mut census = Census::new();
        for row in self.rows.as_chunks().0.iter().filter_map(Row::of_bytes) {
            *census
                .entry((row.key.origin, row.entry.catalogue))
                .or_default() += 1;
        }
        census
    }

    /// The digest of what is in it: equal digests need no second write.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(&self.generated_on);
        hash.update([0]);
        hash.update(&self.rows);
        hash.finalize().into()
    }

    /// The form to store: magic and version (8 bytes), digest (32), the date's length (1) and the date, the number of
    /// rows (4), the rows deflated.
    pub fn pack(&self) -> Vec<u8> {
        let date = self.generated_on.as_bytes();
        let count = u32::try_from(self.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(64 + self.rows.len() / 3);
        bytes.extend(MAGIC);
        bytes.extend(self.digest());
        bytes.push(u8::try_from(date.len()).unwrap_or(0));
        bytes.extend(date);
        bytes.extend(count.to_be_bytes());
        let mut packed = ZlibEncoder::new(bytes, Compression::best());
        // Writing to memory cannot fail; were it to, the digest would tell at the next reading.
        let _ = packed.write_all(&self.transposed());
        packed.finish().unwrap_or_default()
    }

    /// Reads the stored form and checks all of it: a stored index may be cut off, old, or somebody else's.
    ///
    /// At most the rows' own size is unpacked, whatever the bytes claim.
    ///
    /// # Errors
    ///
    /// Why it is no index.
    pub fn unpack(bytes: &[u8]) -> Result<Self, NotAnIndex> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(NotAnIndex::OtherVersion)?;
        let cut_off = || NotAnIndex::Damaged("it is cut off");
        let (digest, rest) = rest.split_first_chunk::<32>().ok_or_else(cut_off)?;
        let (length, rest) = rest.split_first().ok_or_else(cut_off)?;
        let (date, rest) = rest
            .split_at_checked(usize::from(*length))
            .ok_or_else(cut_off)?;
        let (count, packed) = rest.split_first_chunk::<4>().ok_or_else(cut_off)?;
        let count = usize::try_from(u32::from_be_bytes(*count)).unwrap_or(usize::MAX);
        if count > MOST_ROWS {
            return Err(NotAnIndex::Damaged("it claims too many rows"));
        }
        let mut columns = Vec::with_capacity(count * ROW);
        let most = u64::try_from(count * ROW).unwrap_or(u64::MAX);
        ZlibDecoder::new(packed)
            .take(most.saturating_add(1))
            .read_to_end(&mut columns)
            .map_err(NotAnIndex::Unpacked)?;
        if columns.len() != count * ROW {
            return Err(NotAnIndex::Damaged(
                "it has another number of rows than it says",
            ));
        }
        let index = Self {
            generated_on: String::from_utf8(date.to_vec())
                .map_err(|_| NotAnIndex::Damaged("its date is no text"))?,
            rows: rows_of(&columns, count),
        };
        if index.digest() != *digest {
            return Err(NotAnIndex::Damaged("its digest is another"));
        }
        let is_sorted = (1..index.len()).all(|place| index.at(place - 1) < index.at(place));
        if !is_sorted {
            return Err(NotAnIndex::Damaged("it is not sorted"));
        }
        Ok(index)
    }

    /// The rows' first bytes, then their second bytes, …: sorted columns deflate to half of what rows do.
    fn transposed(&self) -> Vec<u8> {
        let rows = self.rows.as_chunks::<ROW>().0;
        (0..ROW)
            .flat_map(|column| rows.iter().map(move |row| row[column]))
            .collect()
    }
}

fn rows_of(columns: &[u8], count: usize) -> Vec<u8> {
    (0..count)
        .flat_map(|row| {
            (0..ROW).filter_map(move |column| columns.get(column * count + row).copied())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_out_of_order_are_refused_although_their_digest_is_right() {
        let row = |id| {
            let key = Key {
                origin: Origin::TvdbShow,
                id,
                season: 1,
            };
            let entry = Entry {
                catalogue: Catalogue::AniList,
                id: 1,
            };
            let span = Span {
                from: 1,
                to: 1,
                first: 1,
                last: 1,
                pace: 1,
            };
            Row { key, entry, span }.bytes()
        };
        let index = |rows: [[u8; ROW]; 2]| Index {
            generated_on: String::new(),
            rows: rows.concat(),
        };
        assert!(Index::unpack(&index([row(1), row(256)]).pack()).is_ok());
        for rows in [[row(256), row(1)], [row(1), row(1)]] {
            assert!(Index::unpack(&index(rows).pack()).is_err());
        }
    }
}
