//! What a function that is fed in batches keeps to: it begins nothing that it cannot end, and a panic costs one message.
//!
//! Lambda kills a function at its timeout, wherever it stands: a request that a service took a moment before stays
//! without its answer. A panic that nobody catches fails the whole batch, with it messages of other users.

use std::panic::AssertUnwindSafe;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;

/// How long a function that is fed by a queue may run; the template gives the functions the same.
pub const FUNCTION_TIMEOUT: TimeDelta = TimeDelta::seconds(90);

/// When an invocation is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(DateTime<Utc>);

impl Deadline {
    /// The one that Lambda names with each invocation, in milliseconds since 1970.
    pub fn of_invocation(millis: u64) -> Self {
        let at = i64::try_from(millis).ok();
        // A number beyond all times is none that we could miss.
        Self(
            at.and_then(DateTime::from_timestamp_millis)
                .unwrap_or(DateTime::<Utc>::MAX_UTC),
        )
    }

    /// That of an invocation which begins now and may run for [`FUNCTION_TIMEOUT`].
    pub fn from(now: DateTime<Utc>) -> Self {
        Self(now + FUNCTION_TIMEOUT)
    }

    /// Says whether something that may take so long can be begun now.
    pub fn leaves(self, time: TimeDelta, now: DateTime<Utc>) -> bool {
        self.0.signed_duration_since(now) >= time
    }
}

/// A message could not be handled because the code panicked over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the code panicked over it")]
pub struct Panicked;

/// Runs the work on one message; a panic is its failure alone.
///
/// The panic's own words went to the standard error stream with its place; they are not repeated as the error's.
///
/// # Errors
///
/// Where it panicked.
pub async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    // What the work held is dropped; the table, whose writes are each complete, says where it stands.
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .map_err(|_| Panicked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_outlive_its_invocation_is_not_begun() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let deadline = Deadline::of_invocation(1_800_000_090_000);
        assert_eq!(deadline, Deadline::from(now));
        assert!(deadline.leaves(TimeDelta::seconds(90), now));
        assert!(!deadline.leaves(TimeDelta::seconds(70), now + TimeDelta::seconds(21)));
        assert!(!deadline.leaves(TimeDelta::zero(), now + TimeDelta::seconds(91)));
        assert!(Deadline::of_invocation(u64::MAX).leaves(TimeDelta::days(1), now));
    }

    #[tokio::test]
    async fn a_panic_is_an_error_of_its_message() {
        assert_eq!(caught(async { 1 }).await, Ok(1));
        let panicked: Result<(), Panicked> = caught(async {
            tokio::task::yield_now().await;
            panic!("a test of panics")
        })
        .await;
        assert_eq!(panicked, Err(Panicked));
    }
}
