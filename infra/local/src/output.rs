//! What is written to the terminal: lines, aligned tables, or JSON for scripts.

use std::io::{self, IsTerminal as _, Write};

use chrono::{DateTime, Utc};
use comfy_table::{ContentArrangement, Table, presets};
use hub_domain::State;
use serde_json::Value;

/// Where a command writes, and how.
pub struct Output<W> {
    writer: W,
    is_json: bool,
    has_color: bool,
}

impl Output<io::Stdout> {
    /// The standard output, with colours where people read it.
    pub fn standard(is_json: bool) -> Self {
        let writer = io::stdout();
        let has_color = writer.is_terminal();
        Self {
            writer,
            is_json,
            has_color,
        }
    }
}

impl<W: Write> Output<W> {
    /// Writes to anything, without colours.
    pub fn plain(writer: W, is_json: bool) -> Self {
        Self {
            writer,
            is_json,
            has_color: false,
        }
    }

    /// Says whether a script reads it.
    pub const fn is_json(&self) -> bool {
        self.is_json
    }

    /// Writes one line.
    ///
    /// # Errors
    ///
    /// Whatever the writer says.
    pub fn line(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        writeln!(self.writer, "{}", text.as_ref())?;
        // Whoever watches wants to see it now, through a pipe as well.
        self.writer.flush()
    }

    /// Writes text that stays on its line, such as a question.
    ///
    /// # Errors
    ///
    /// Whatever the writer says.
    pub fn ask(&mut self, text: &str) -> io::Result<()> {
        write!(self.writer, "{text}")?;
        self.writer.flush()
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    ///
    /// Whatever the writer says.
    pub fn json(&mut self, value: &Value) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.writer, value)?;
        self.line("")
    }

    /// Writes rows in aligned columns under their names.
    ///
    /// # Errors
    ///
    /// Whatever the writer says.
    pub fn table(&mut self, columns: &[&str], rows: Vec<Vec<String>>) -> io::Result<()> {
        self.line(aligned(columns, rows))
    }

    /// A delivery's state, in a colour that says whether there is anything to worry about.
    pub fn state(&self, state: &str) -> String {
        let color = match state {
            "delivered" | "already_there" => "32",
            "held" | "pending" | "sending" | "waiting" => "33",
            "ignored" => "2",
            _ => "31",
        };
        self.painted(&state.replace('_', " "), color)
    }

    /// A text that stands out.
    pub fn strong(&self, text: &str) -> String {
        self.painted(text, "1")
    }

    /// A text that stays in the background.
    pub fn faint(&self, text: &str) -> String {
        self.painted(text, "2")
    }

    fn painted(&self, text: &str, color: &str) -> String {
        if self.has_color {
            format!("\u{1b}[{color}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Rows in columns as wide as their widest cell; no lines, nothing behind the last column.
fn aligned(columns: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|name| name.to_uppercase()));
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n")
}

/// A time for people: to the second, in UTC, and said so.
pub fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Says whether a state is one of those that nothing more will happen to, by its name on the wire.
pub fn is_settled(state: &str) -> bool {
    const OPEN: [State; 4] = [State::Held, State::Pending, State::Sending, State::Waiting];
    OPEN.iter().all(|open| open.name() != state)
}

/// The text of a JSON value for a cell: nothing for what is not there.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// A time on the wire, as people read it.
pub fn time_cell(value: &Value) -> String {
    let text = cell(value);
    text.parse::<DateTime<Utc>>().map_or(text, time)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(write: impl FnOnce(&mut Output<&mut Vec<u8>>) -> io::Result<()>) -> String {
        let mut bytes = Vec::new();
        write(&mut Output::plain(&mut bytes, false)).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn columns_are_aligned_and_nothing_stands_behind_the_last() {
        let rows = vec![
            vec!["trakt".to_owned(), "anna".to_owned()],
            vec!["listenbrainz".to_owned(), String::new()],
        ];
        let text = written(|output| output.table(&["service", "account"], rows));
        assert_eq!(
            text,
            "SERVICE       ACCOUNT\ntrakt         anna\nlistenbrainz\n"
        );
    }

    #[test]
    fn wide_letters_keep_the_columns() {
        let rows = vec![
            vec!["日本".to_owned(), "x".to_owned()],
            vec!["abcd".to_owned(), "y".to_owned()],
        ];
        let text = written(|output| output.table(&["a", "b"], rows));
        assert_eq!(text, "A     B\n日本  x\nabcd  y\n");
    }

    #[test]
    fn colours_are_for_terminals_alone() {
        let output = Output::plain(Vec::new(), false);
        assert_eq!(output.state("already_there"), "already there");
        let output = Output {
            writer: Vec::new(),
            is_json: false,
            has_color: true,
        };
        assert_eq!(output.state("delivered"), "\u{1b}[32mdelivered\u{1b}[0m");
    }

    #[test]
    fn every_state_of_a_delivery_is_known_as_open_or_settled() {
        use State::*;
        for state in [
            Held,
            Pending,
            Sending,
            Waiting,
            InDoubt,
            Delivered,
            AlreadyThere,
            Ignored,
            NotFound,
            Refused,
        ] {
            assert_eq!(is_settled(state.name()), state.is_settled(), "{state:?}");
        }
    }

    #[test]
    fn times_say_their_zone_and_other_words_stay() {
        assert_eq!(
            time_cell(&json!("2026-11-14T19:07:30.5Z")),
            "2026-11-14 19:07:30 UTC"
        );
        assert_eq!(time_cell(&json!("unknown")), "unknown");
        assert_eq!(time_cell(&Value::Null), "");
    }
}
