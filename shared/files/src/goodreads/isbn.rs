//! ISBN cells: formulas that keep a spreadsheet from making numbers of them.

use hub_domain::{ExternalId, Namespace, Scope};

/// The 13 digits in a cell: `="0141439513"`, `0-14-143951-3`, `9780141439518`.
///
/// Nothing for an empty formula, a wrong check digit, or what a spreadsheet made of it (`9.78006E+12`).
pub(super) fn thirteen(cell: &str) -> Option<String> {
    let digits: String = cell.chars().filter(|c| !matches!(c, '=' | '"')).collect();
    let id = ExternalId::new(Namespace::Isbn, Scope::Item, &digits).ok()?;
    Some(id.value().to_owned())
}

/// The ten digits of an ISBN that has any: those that begin with 978.
pub(super) fn ten(thirteen: &str) -> Option<String> {
    let nine = thirteen.strip_prefix("978")?.get(..9)?;
    let values = nine
        .chars()
        .map(|c| c.to_digit(10))
        .collect::<Option<Vec<_>>>()?;
    let sum: u32 = values
        .iter()
        .zip((2..=10).rev())
        .map(|(value, weight)| value * weight)
        .sum();
    let check = (11 - sum % 11) % 11;
    let check = char::from_digit(check, 10).unwrap_or('X');
    Some(format!("{nine}{check}"))
}

/// The formula for a cell; an empty one for none.
pub(super) fn formula(isbn: Option<&str>) -> String {
    format!("=\"{}\"", isbn.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn isbn_cells_are_read_in_every_form_that_was_seen() {
        let expected = Some("9780141439518".to_owned());
        for cell in [
            "=\"0141439513\"",
            "=\"9780141439518\"",
            "0141439513",
            "978-0-14-143951-8",
        ] {
            assert_eq!(thirteen(cell), expected, "{cell}");
        }
        for cell in ["=\"\"", "", "9.78006E+12", "0141439514", "=\"B00ABCDEFG\""] {
            assert_eq!(thirteen(cell), None, "{cell}");
        }
    }

    #[test]
    fn ten_digits_come_back_out_of_thirteen_with_their_own_check_digit() {
        assert_eq!(ten("9780141439518").as_deref(), Some("0141439513"));
        assert_eq!(ten("9780306406157").as_deref(), Some("0306406152"));
        assert_eq!(ten("9780804429573").as_deref(), Some("080442957X"));
        assert_eq!(ten("9791032305690"), None);
    }
}
