//! How often an account may call: 500 reads in 5 minutes, one write a second. Source: the guide of 2026-10-07.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::state::spelled;
use crate::answer::Answer;
use crate::limits::{SlidingWindow, seconds_until};

#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) is_enforced: bool,
    authorized_reads: SlidingWindow,
    other_reads: SlidingWindow,
    writes: SlidingWindow,
}

impl Limits {
    pub(crate) fn new() -> Limits {
        let reads = || SlidingWindow::new(500, TimeDelta::minutes(5));
        Limits {
            is_enforced: true,
            authorized_reads: reads(),
            other_reads: reads(),
            writes: SlidingWindow::new(1, TimeDelta::seconds(1)),
        }
    }

    /// Counts one call of a user, or of an app without one, or answers 429.
    pub(crate) fn take(
        &mut self,
        user: Option<&str>,
        client_id: &str,
        is_read: bool,
        now: DateTime<Utc>,
    ) -> Result<(), Answer> {
        if !self.is_enforced {
            return Ok(());
        }
        let (name, window, key) = match (user, is_read) {
            (Some(user), true) => ("AUTHED_API_GET_LIMIT", &mut self.authorized_reads, user),
            (Some(user), false) => ("AUTHED_API_POST_LIMIT", &mut self.writes, user),
            // All calls come from one address, so that the app alone is the scope.
            (None, _) => ("UNAUTHED_API_GET_LIMIT", &mut self.other_reads, client_id),
        };
        window
            .take(key, now)
            .map_err(|until| too_many(name, window, until, now))
    }
}

fn too_many(
    name: &str,
    window: &SlidingWindow,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Answer {
    let details = json!({"name": name, "period": window.period().num_seconds(), "limit": window.limit(),
        "remaining": 0, "until": spelled(until)});
    Answer::status(429)
        .header("retry-after", seconds_until(until, now))
        .header("x-ratelimit", details)
}
