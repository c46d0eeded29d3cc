//! Tables as people upload them: columns by name, whatever their order; a bad row spoils only itself.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use csv::{ReaderBuilder, StringRecord, Writer, WriterBuilder};

/// The most bytes of a file that are read: many times what a library of a hundred thousand rows has.
const MOST_BYTES: usize = 64 << 20;
/// The most rows that are read.
const MOST_ROWS: usize = 500_000;

/// Why bytes are no table that could be read.
#[derive(Debug, thiserror::Error)]
pub enum NotATable {
    /// More bytes or rows than such a file has.
    #[error("the file is too large")]
    TooLarge,
    /// Not text in UTF-8.
    #[error("the file is not UTF-8 text")]
    NotUtf8,
    /// Another file: columns that it must have are not there.
    #[error("the column {column:?} is missing")]
    MissingColumn {
        /// The first one that is missing.
        column: &'static str,
    },
    /// Its first row cannot be read.
    #[error("the header cannot be read")]
    Header(#[source] csv::Error),
}

/// A row that could not be used; to be shown to the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The line of the file on which the row begins, from 1.
    pub line: u64,
    /// Why.
    pub why: String,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows<T> {
    /// The rows, in the order of the file.
    pub rows: Vec<T>,
    /// The rows that could not be used.
    pub skipped: Vec<Skipped>,
}

/// How quotes inside a quoted field are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quotes {
    /// Twice: `""`.
    Doubled,
    /// With a backslash: `\"`, and the backslash itself as `\\`.
    Backslash,
}

/// One row of a table.
pub(crate) struct Row<'a> {
    columns: &'a BTreeMap<String, usize>,
    record: &'a StringRecord,
}

impl Row<'_> {
    /// What stands in a column, without white space around it; nothing if it is empty or there is no such column.
    pub(crate) fn get(&self, column: &str) -> Option<&str> {
        let at = self.columns.get(column)?;
        let text = self.record.get(*at)?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// A column that may be empty; an error if something else than a `T` stands there.
    pub(crate) fn parse<T>(
        &self,
        column: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(text) = self.get(column) else {
            return Ok(None);
        };
        let refused = || {
            let text: String = text.chars().take(40).collect();
            format!("{column}: {text:?} is not understood")
        };
        read(text).map(Some).ok_or_else(refused)
    }

    /// Where a column stands in the file; later columns win over earlier ones at some services.
    pub(crate) fn place(&self, column: &str) -> Option<usize> {
        self.columns.get(column).copied()
    }
}

/// Reads a table: a byte order mark is skipped, columns are found by name, a row that `read` refuses is listed.
pub(crate) fn read<T>(
    bytes: &[u8],
    quotes: Quotes,
    needed: &[&'static str],
    read: impl Fn(&Row<'_>) -> Result<T, String>,
) -> Result<Rows<T>, NotATable> {
    if bytes.len() > MOST_BYTES {
        return Err(NotATable::TooLarge);
    }
    let text = str::from_utf8(bytes).map_err(|_| NotATable::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut table = ReaderBuilder::new()
        .flexible(true)
        .double_quote(quotes == Quotes::Doubled)
        .escape((quotes == Quotes::Backslash).then_some(b'\\'))
        .from_reader(text.as_bytes());
    let header = table.headers().map_err(NotATable::Header)?;
    let columns: BTreeMap<String, usize> = header
        .iter()
        .enumerate()
        .map(|(at, name)| (name.trim().to_owned(), at))
        .collect();
    if let Some(column) = needed.iter().find(|name| !columns.contains_key(**name)) {
        return Err(NotATable::MissingColumn { column });
    }
    let (mut rows, mut skipped) = (Vec::new(), Vec::new());
    for record in table.records() {
        if rows.len() + skipped.len() >= MOST_ROWS {
            return Err(NotATable::TooLarge);
        }
        let (line, row) = match &record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                let columns = &columns;
                (line, read(&Row { columns, record }))
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                (line, Err("the row cannot be read".to_owned()))
            }
        };
        match row {
            Ok(row) => rows.push(row),
            Err(why) => skipped.push(Skipped { line, why }),
        }
    }
    Ok(Rows { rows, skipped })
}

/// A day as these files write it, `2026-11-20` or `2026/11/20`, or as a spreadsheet left it, `11/20/2026`.
pub(crate) fn day(text: &str) -> Option<NaiveDate> {
    ["%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y"]
        .into_iter()
        .find_map(|form| NaiveDate::parse_from_str(text, form).ok())
        .filter(|day| (1000..=9999).contains(&chrono::Datelike::year(day)))
}

/// Names in one cell, as in `essays, favourites`.
pub(crate) fn names(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Writes tables of one header, none larger than a limit (but for a single row that is).
pub(crate) struct Sheets {
    header: Vec<u8>,
    quotes: Quotes,
    most_bytes: usize,
    most_rows: usize,
    done: Vec<Vec<u8>>,
    open: Vec<u8>,
    rows: usize,
}

impl Sheets {
    pub(crate) fn new(
        header: &[&str],
        quotes: Quotes,
        most_bytes: usize,
        most_rows: usize,
    ) -> Self {
        Self {
            header: line(header.iter().copied(), quotes),
            quotes,
            most_bytes,
            most_rows,
            done: Vec::new(),
            open: Vec::new(),
            rows: 0,
        }
    }

    pub(crate) fn push<'a>(&mut self, cells: impl Iterator<Item = &'a str>) {
        let row = line(cells, self.quotes);
        let is_full = self.rows >= self.most_rows || self.open.len() + row.len() > self.most_bytes;
        if self.rows > 0 && is_full {
            self.done.push(std::mem::take(&mut self.open));
            self.rows = 0;
        }
        if self.open.is_empty() {
            self.open.clone_from(&self.header);
        }
        self.open.extend(row);
        self.rows += 1;
    }

    /// The files; none if there was no row.
    pub(crate) fn finish(mut self) -> Vec<Vec<u8>> {
        if self.rows > 0 {
            self.done.push(self.open);
        }
        self.done
    }
}

fn line<'a>(cells: impl Iterator<Item = &'a str>, quotes: Quotes) -> Vec<u8> {
    let mut writer: Writer<Vec<u8>> = WriterBuilder::new()
        .double_quote(quotes == Quotes::Doubled)
        .escape(b'\\')
        .from_writer(Vec::new());
    // The writer escapes quotes; that the backslash needs it too, once it escapes, it leaves to its caller.
    let cells = cells.map(|cell| match quotes {
        Quotes::Backslash => cell.replace('\\', r"\\"),
        Quotes::Doubled => cell.to_owned(),
    });
    // Writing to memory cannot fail.
    let _ = writer.write_record(cells);
    writer.into_inner().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_in_every_form_that_was_seen_and_nothing_else() {
        let expected = NaiveDate::from_ymd_opt(2026, 3, 1);
        for text in ["2026-03-01", "2026/03/01", "2026/3/1", "3/1/2026"] {
            assert_eq!(day(text), expected, "{text}");
        }
        for text in ["", "2026", "2026/13/01", "13/1/2026", "46082", "0026/03/01"] {
            assert_eq!(day(text), None, "{text}");
        }
    }

    #[test]
    fn a_table_is_read_by_its_columns_names_behind_a_byte_order_mark() {
        let bytes = "\u{feff}b, a ,c\n2,\"1, \"\"one\"\"\",\n4\n".as_bytes();
        let read = read(bytes, Quotes::Doubled, &["a", "b"], |row| {
            let b = row.parse("b", |text| text.parse::<u8>().ok().filter(|b| *b < 4))?;
            Ok((row.get("a").map(str::to_owned), b))
        });
        let rows = read.unwrap();
        assert_eq!(rows.rows, [(Some(r#"1, "one""#.to_owned()), Some(2))]);
        assert_eq!(rows.skipped[0].line, 3);
        assert_eq!(rows.skipped[0].why, r#"b: "4" is not understood"#);
    }

    #[test]
    fn what_is_no_such_table_is_refused_as_a_whole() {
        let nothing = |bytes: &[u8]| read(bytes, Quotes::Doubled, &["a"], |_| Ok(())).map(|_| ());
        assert!(matches!(
            nothing(b""),
            Err(NotATable::MissingColumn { column: "a" })
        ));
        assert!(matches!(
            nothing(b"PK\x03\x04\xff\xfe"),
            Err(NotATable::NotUtf8)
        ));
        assert!(matches!(
            nothing(b"b,c\n1,2\n"),
            Err(NotATable::MissingColumn { .. })
        ));
        assert!(matches!(
            nothing(&vec![b'a'; MOST_BYTES + 1]),
            Err(NotATable::TooLarge)
        ));
    }
}
