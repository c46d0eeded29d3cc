//! What a person says through the hub's own API: a book that is read, ratings, hearts, a film to be watched.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;

const SAID: &str = include_str!("../../../../events/said.json");

/// One call of the API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    /// When.
    pub(super) at: DateTime<Utc>,
    /// What it says, for people: `rates Arrival 8.7`.
    pub(super) what: String,
    /// How the address is called.
    pub(super) method: Method,
    /// The address.
    pub(super) path: String,
    /// The body.
    pub(super) body: Value,
}

/// The methods that say something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Method {
    Post,
    Put,
}

impl From<Method> for http::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
        }
    }
}

/// Everything that is said, in the order of time.
pub(super) fn all() -> Result<Vec<Said>, Failure> {
    serde_json::from_str(SAID).map_err(|error| {
        Failure::because(
            "The list of what is said in the API is not understood",
            &error,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_in_the_order_of_time() {
        let said = all().unwrap();
        assert!(said.is_sorted_by_key(|one| one.at) && !said.is_empty());
    }
}
