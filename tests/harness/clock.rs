//! The moment at which every story begins.

use chrono::{DateTime, Utc};

/// Friday, 20 November 2026, 19:00 UTC.
pub(crate) fn evening() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_201_200, 0).expect("a moment of 2026")
}
