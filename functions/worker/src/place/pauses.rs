//! Services that are left alone for a while, since they said so or did not answer: remembered by each process.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use hub_domain::UserId;
use hub_providers::Asked;

/// A service, and of Trakt the user: it counts by account, TMDB by address.
pub(crate) type Counted = (Asked, Option<UserId>);
/// Until when, and why.
pub(crate) type Until = (DateTime<Utc>, String);

/// Until when each service is left alone.
#[derive(Debug, Default)]
pub(crate) struct Pauses(Mutex<BTreeMap<Counted, Until>>);

/// The most pauses that are remembered.
const MOST_PAUSES: usize = 1_000;

impl Pauses {
    pub(crate) fn of(&self, key: Counted, now: DateTime<Utc>) -> Option<Until> {
        let pauses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pauses.get(&key).filter(|(until, _)| *until > now).cloned()
    }

    pub(crate) fn keep(&self, key: Counted, until: DateTime<Utc>, why: String, now: DateTime<Utc>) {
        let mut pauses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pauses.len() >= MOST_PAUSES {
            pauses.retain(|_, (until, _)| *until > now);
        }
        if pauses.len() < MOST_PAUSES {
            pauses.insert(key, (until, why));
        }
    }
}
