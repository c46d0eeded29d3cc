//! What a service answered, and what to do next about an answer that failed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::delivery::Candidate;

/// What became of one play at one service, read from the answer's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// The service took it.
    Delivered {
        /// The service's id of the record, where it tells one.
        remote_id: Option<String>,
        /// The service's own words, where there are any.
        detail: Option<String>,
    },
    /// The service had it already.
    AlreadyThere {
        /// The service's id of the record, where it tells one.
        remote_id: Option<String>,
        /// How we know.
        detail: String,
    },
    /// The service understood and will not keep it.
    Ignored {
        /// Why, for people.
        why: String,
    },
    /// The service does not know the item.
    NotFound {
        /// What was tried.
        tried: String,
    },
    /// It may be one of several items there: a person has to choose.
    Unclear {
        /// What was tried.
        tried: String,
        /// What to choose from, the likeliest first.
        candidates: Vec<Candidate>,
    },
    /// The service refused it for good.
    Refused {
        /// Why, for people.
        why: String,
    },
    /// This one play has to wait; no try is used up.
    Wait {
        /// Until when.
        until: DateTime<Utc>,
        /// Why, for people.
        why: String,
    },
}

/// What to do next about a request that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// It was not carried out: send it again later. The service itself is in trouble.
    Retryable,
    /// Nothing goes out in the limit's scope before `until`.
    RateLimited {
        /// When the limit opens again.
        until: DateTime<Utc>,
    },
    /// The access token no longer works: refresh it, or ask the user to connect again.
    Auth,
    /// It may have been carried out: look before sending again.
    InDoubt,
    /// Understood and refused: it will be refused again.
    Permanent,
    /// The service does not know what was asked for.
    NotFound,
    /// The application itself was refused (its key, its approval): stop the service, tell the operator.
    AppRefused,
    /// This account is paused at the service (locked, the day's quota used up).
    AccountPaused {
        /// When to look again.
        until: DateTime<Utc>,
    },
    /// The service blocks this deployment's address: says so, and never disconnects anyone.
    AddressBlocked {
        /// When to look again.
        until: DateTime<Utc>,
    },
}

impl Disposition {
    /// Says whether a failure uses up one of a delivery's tries. Waiting is not failing.
    pub const fn uses_a_try(&self) -> bool {
        matches!(self, Self::Retryable | Self::InDoubt)
    }
}
