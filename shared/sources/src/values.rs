//! Lenient readers of one JSON object: sources write numbers as text, booleans as `"True"`, nothing as `""` or `-1`.
//!
//! Text that is missing, of another type or blank is `None`. A number that is there and is no number is an error
//! that names its field: the sender's template is broken, and its user wants to know.

use std::sync::LazyLock;

use chrono::{DateTime, NaiveDate, SubsecRound, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::outcome::BodyError;

static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// Lengths and positions beyond 30 days are mistakes of the source (a clock time in the wrong field): unknown.
const LONGEST: f64 = 30.0 * 24.0 * 3600.0 * 1000.0;

/// The longest text that is kept, in characters: titles and ids end up in keys and items that have bounds.
const MOST_TEXT: usize = 500;

/// The most texts that are kept of a list.
const MOST_TEXTS: usize = 20;

/// One JSON object, and where in the body it lies.
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
    folded: bool,
}

impl<'a> Fields<'a> {
    /// Reads an object whose keys are case-sensitive: Plex sends both `guid` and `Guid`.
    pub(crate) fn of(value: &'a Value) -> Option<Self> {
        Some(Self {
            map: value.as_object()?,
            path: String::new(),
            folded: false,
        })
    }

    /// The same object, its keys and those of its objects found whatever their case.
    pub(crate) fn folded(&self) -> Fields<'a> {
        Fields {
            map: self.map,
            path: self.path.clone(),
            folded: true,
        }
    }

    /// The value of a key; `null` is none.
    pub(crate) fn value(&self, key: &str) -> Option<&'a Value> {
        let exact = self.map.get(key);
        let found = if exact.is_none() && self.folded {
            self.map
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(key))
                .map(|(_, value)| value)
        } else {
            exact
        };
        found.filter(|value| !value.is_null())
    }

    /// Says whether the key is there, `null` included.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.map.contains_key(key) || self.value(key).is_some()
    }

    /// Every key with its value.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.map.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The object under a key, if it is one.
    pub(crate) fn try_object(&self, key: &str) -> Option<Fields<'a>> {
        Some(Fields {
            map: self.value(key)?.as_object()?,
            path: self.path_of(key) + ".",
            folded: self.folded,
        })
    }

    /// The object under a key; an empty one where there is none.
    pub(crate) fn object(&self, key: &str) -> Fields<'a> {
        self.try_object(key).unwrap_or_else(|| Fields {
            map: &NOTHING,
            path: self.path_of(key) + ".",
            folded: self.folded,
        })
    }

    /// The text of a key, trimmed, at most [`MOST_TEXT`] characters of it; a number as it is written.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        match self.value(key)? {
            Value::String(text) => Some(text.trim())
                .filter(|text| !is_blank(text))
                .map(|text| text.chars().take(MOST_TEXT).collect()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// The text of the first key that has one.
    pub(crate) fn first_text(&self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|key| self.text(key))
    }

    /// The texts of an array, or of its objects' `Name`s: the first of them, and the beginning of each.
    pub(crate) fn texts(&self, key: &str) -> Vec<String> {
        let Some(Value::Array(values)) = self.value(key) else {
            return Vec::new();
        };
        values
            .iter()
            .filter_map(|value| match value {
                Value::String(text) => Some(text.trim().to_owned()),
                Value::Object(_) => Fields::of(value)?.folded().text("Name"),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
            })
            .filter(|text| !is_blank(text))
            .map(|text| text.chars().take(MOST_TEXT).collect())
            .take(MOST_TEXTS)
            .collect()
    }

    /// Whether a key is true: `true`, `1`, `"1"`, `"True"`.
    pub(crate) fn boolean(&self, key: &str) -> Option<bool> {
        match self.value(key)? {
            Value::Bool(value) => Some(*value),
            Value::Number(number) => number.as_f64().map(|number| number != 0.0),
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" => Some(true),
                "false" | "0" | "no" => Some(false),
                _ => None,
            },
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Says whether a key is there and true.
    pub(crate) fn is_true(&self, key: &str) -> bool {
        self.boolean(key) == Some(true)
    }

    /// The number of a key, written as a number or as text.
    pub(crate) fn number(&self, key: &str) -> Result<Option<f64>, BodyError> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) if is_blank(text.trim()) => return Ok(None),
            Value::String(text) => text.trim().parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        match number.filter(|number| number.is_finite()) {
            Some(number) => Ok(Some(number)),
            None => Err(BodyError::at(self.path_of(key), "a number is expected")),
        }
    }

    /// A season, episode, track or disc: 0 is a number, below 0 is none.
    pub(crate) fn count(&self, key: &str) -> Result<Option<u32>, BodyError> {
        Ok(self.number(key)?.and_then(whole_up_to_a_million))
    }

    /// A year from 1850 to 2200; all else is none.
    pub(crate) fn year(&self, key: &str) -> Result<Option<i32>, BodyError> {
        let year = self.count(key)?.and_then(|year| i32::try_from(year).ok());
        Ok(year.filter(|year| (1850..=2200).contains(year)))
    }

    /// A length in units of `millis` milliseconds: a position, where 0 is the very start.
    pub(crate) fn length(&self, key: &str, millis: f64) -> Result<Option<TimeDelta>, BodyError> {
        Ok(self.number(key)?.and_then(|number| length(number * millis)))
    }

    /// A length where 0 means that it is not known: an item's duration.
    pub(crate) fn duration(&self, key: &str, millis: f64) -> Result<Option<TimeDelta>, BodyError> {
        Ok(self
            .length(key, millis)?
            .filter(|length| *length > TimeDelta::zero()))
    }

    /// A percentage, 0–100; what lies outside is none.
    pub(crate) fn percent(&self, key: &str) -> Result<Option<f64>, BodyError> {
        Ok(self
            .number(key)?
            .filter(|percent| (0.0..=100.0).contains(percent)))
    }

    /// A point in time with its offset, to any fraction of a second; local times and year 1 are none.
    pub(crate) fn time(&self, key: &str) -> Option<DateTime<Utc>> {
        let text = self.text(key)?;
        let time = DateTime::parse_from_rfc3339(&text).ok()?.to_utc();
        // Whole milliseconds, as everything in the hub.
        (time.timestamp() > 0).then(|| time.trunc_subsecs(3))
    }

    /// The offset that a point in time is written with.
    pub(crate) fn offset(&self, key: &str) -> Option<TimeDelta> {
        let time = DateTime::parse_from_rfc3339(&self.text(key)?).ok()?;
        TimeDelta::try_seconds(i64::from(time.offset().local_minus_utc()))
    }

    /// A point in time in seconds since 1970; text that is no number is none.
    pub(crate) fn unix_time(&self, key: &str) -> Option<DateTime<Utc>> {
        let seconds = self.number(key).ok()??;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "checked to lie within 9999 years"
        )]
        (0.0..253_402_300_800.0)
            .contains(&seconds)
            .then(|| DateTime::from_timestamp(seconds as i64, 0))
            .flatten()
            .filter(|time| time.timestamp() > 0)
    }

    /// The day of a date or a point in time.
    pub(crate) fn date(&self, key: &str) -> Option<NaiveDate> {
        let text = self.text(key)?;
        let day: NaiveDate = text.get(..10)?.parse().ok()?;
        (day > NaiveDate::MIN && chrono::Datelike::year(&day) > 1).then_some(day)
    }

    fn path_of(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }
}

/// Milliseconds in one tick of .NET's clock, 100 ns.
pub(crate) const TICKS: f64 = 0.0001;
/// Milliseconds.
pub(crate) const MILLIS: f64 = 1.0;
/// Milliseconds in a second.
pub(crate) const SECONDS: f64 = 1000.0;
/// Milliseconds in a minute.
pub(crate) const MINUTES: f64 = 60_000.0;

/// A length of so many milliseconds, if one can be that long; below 0 is none.
pub(crate) fn length(millis: f64) -> Option<TimeDelta> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to lie within 30 days"
    )]
    (0.0..=LONGEST)
        .contains(&millis)
        .then(|| TimeDelta::milliseconds(millis.round() as i64))
}

/// A whole number from 0 to a million.
pub(crate) fn whole_up_to_a_million(number: f64) -> Option<u32> {
    if number.fract() != 0.0 || !(0.0..=1_000_000.0).contains(&number) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to lie between 0 and a million"
    )]
    Some(number as u32)
}

/// Text that stands for nothing: empty, a script's word for nothing, or a placeholder that nobody filled in.
pub(crate) fn is_blank(text: &str) -> bool {
    let is_placeholder = || {
        text.strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            .is_some_and(|name| {
                name.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'{' | b'}'))
            })
    };
    matches!(text, "" | "undefined" | "null") || is_placeholder()
}

/// A time on the clock, `hh:mm:ss`, as a length.
pub(crate) fn clock_length(text: &str) -> Option<TimeDelta> {
    let parts: Vec<f64> = text
        .split(':')
        .map(|part| part.trim().parse().ok())
        .collect::<Option<_>>()?;
    match parts.as_slice() {
        [hours, minutes, seconds] => length(((hours * 60.0 + minutes) * 60.0 + seconds) * SECONDS),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_are_read_as_number_or_text_and_nothing_is_none() {
        let value = json!({
            "number": 8, "text": "8", "half": "8.5", "minus": -1, "empty": "", "none": null,
            "template": "{season_num}", "undefined": "undefined", "season": 0, "True": "True",
        });
        let fields = Fields::of(&value).unwrap();
        for key in ["number", "text"] {
            assert_eq!(fields.count(key), Ok(Some(8)), "{key}");
            assert_eq!(fields.text(key).as_deref(), Some("8"), "{key}");
        }
        assert_eq!(fields.number("half"), Ok(Some(8.5)));
        for key in [
            "minus",
            "empty",
            "none",
            "template",
            "undefined",
            "missing",
            "half",
        ] {
            assert_eq!(fields.count(key), Ok(None), "{key}");
        }
        assert_eq!(fields.count("season"), Ok(Some(0)));
        assert_eq!(fields.boolean("True"), Some(true));
    }

    #[test]
    fn a_number_that_is_none_is_an_error_with_the_path_of_its_field() {
        let value = json!({"Metadata": {"viewOffset": "soon", "duration": [1], "index": "NaN"}});
        let metadata = Fields::of(&value).unwrap().object("Metadata");
        for key in ["viewOffset", "duration", "index"] {
            let error = metadata.length(key, MILLIS).unwrap_err();
            assert_eq!(error.field, Some(format!("Metadata.{key}")));
            assert!(!error.to_string().contains("soon"));
        }
    }

    #[test]
    fn zero_is_a_position_and_no_duration_and_absurd_lengths_are_unknown() {
        let value = json!({"zero": 0, "huge": 1e300, "ticks": 64_274_239_488_u64});
        let fields = Fields::of(&value).unwrap();
        assert_eq!(fields.length("zero", MILLIS), Ok(Some(TimeDelta::zero())));
        assert_eq!(fields.duration("zero", MILLIS), Ok(None));
        assert_eq!(fields.length("huge", MILLIS), Ok(None));
        assert_eq!(
            fields.duration("ticks", TICKS),
            Ok(Some(TimeDelta::milliseconds(6_427_424)))
        );
    }

    #[test]
    fn times_have_any_fraction_and_an_offset_and_year_one_is_none() {
        let value = json!({
            "none": "2025-08-15T21:19:42Z", "seven": "2025-08-15T23:19:42.3644778+02:00",
            "local": "2025-08-15T21:19:42", "never": "0001-01-01T00:00:00.0000000Z", "unix": "1755292782",
        });
        let fields = Fields::of(&value).unwrap();
        assert_eq!(fields.time("none").unwrap().timestamp(), 1_755_292_782);
        assert_eq!(fields.time("seven").unwrap().timestamp(), 1_755_292_782);
        assert_eq!(fields.unix_time("unix").unwrap().timestamp(), 1_755_292_782);
        assert_eq!(fields.time("local"), None);
        assert_eq!(fields.time("never"), None);
        assert_eq!(fields.date("never"), None);
        assert_eq!(fields.offset("seven"), Some(TimeDelta::hours(2)));
    }

    #[test]
    fn keys_are_folded_only_where_it_is_asked_for() {
        let value = json!({"Guid": [1], "guid": "text", "PROVIDER_imdb": "tt1"});
        let fields = Fields::of(&value).unwrap();
        assert_eq!(fields.text("guid").as_deref(), Some("text"));
        assert_eq!(fields.text("Provider_Imdb"), None);
        assert_eq!(
            fields.folded().text("Provider_Imdb").as_deref(),
            Some("tt1")
        );
    }

    #[test]
    fn a_time_on_the_clock_is_a_length() {
        assert_eq!(clock_length("00:07:34"), Some(TimeDelta::seconds(454)));
        assert_eq!(clock_length("7:34"), None);
        assert_eq!(clock_length("a:b:c"), None);
    }
}
