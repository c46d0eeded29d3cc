//! The hub's own words on the wire: events and items as clients write them.

pub(crate) mod event;
pub(crate) mod item;

use chrono::{DateTime, Utc};

use crate::problem::Problem;

/// The longest text of a field, in characters.
pub(crate) const LONGEST_TEXT: usize = 1_000;

/// A text without white space around it; empty is unknown.
pub(crate) fn text(field: &str, value: Option<String>) -> Result<Option<String>, Problem> {
    let Some(value) = value else { return Ok(None) };
    if value.chars().count() > LONGEST_TEXT {
        return Err(Problem::field(
            field,
            format!("At most {LONGEST_TEXT} characters are taken."),
        ));
    }
    let value = value.trim();
    Ok((!value.is_empty()).then(|| value.to_owned()))
}

/// A moment, which has to name its offset: without one it is three different moments in three places.
pub(crate) fn moment(field: &str, value: Option<&str>) -> Result<Option<DateTime<Utc>>, Problem> {
    let Some(value) = value else { return Ok(None) };
    match DateTime::parse_from_rfc3339(value.trim()) {
        Ok(moment) => Ok(Some(moment.to_utc())),
        Err(_) => Err(Problem::field(
            field,
            "A time with its offset is expected, such as 2026-11-20T13:39:51Z or 2026-11-20T14:39:51+01:00.",
        )),
    }
}

/// A number that has to lie in a range.
pub(crate) fn within(
    field: &str,
    value: Option<f64>,
    least: f64,
    most: f64,
) -> Result<Option<f64>, Problem> {
    match value {
        Some(number) if !(least..=most).contains(&number) => Err(Problem::field(
            field,
            format!("A number from {least} to {most} is expected."),
        )),
        value => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_its_offset_is_refused() {
        let of = |text| {
            moment("occurred_at", Some(text))
                .map_err(|problem| problem.field_name().map(str::to_owned))
        };
        let utc = of("2026-11-20T13:39:51.250Z").unwrap();
        assert_eq!(of("2026-11-20T14:39:51.250+01:00").unwrap(), utc);
        for text in ["2026-11-20T13:39:51", "2026-11-20", "1763645991", "now", ""] {
            assert_eq!(of(text), Err(Some("occurred_at".to_owned())), "{text}");
        }
    }

    #[test]
    fn an_empty_text_is_unknown_and_an_endless_one_is_refused() {
        assert_eq!(text("title", Some("  ".to_owned())).unwrap(), None);
        assert_eq!(
            text("title", Some(" Jóga ".to_owned())).unwrap().as_deref(),
            Some("Jóga")
        );
        assert!(text("title", Some("x".repeat(1_001))).is_err());
    }
}
