//! A delivery: one play on its way to one service, and everything that happened to it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::anime::Entry;
use crate::answer::{Disposition, Outcome};
use crate::retry;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The play exists, but this connection's own, higher threshold is not met yet.
    Held,
    /// Ready to be sent.
    Pending,
    /// Written down as being sent by the holder of the lane.
    Sending,
    /// Waits until `next_attempt_at`, for the reason in `detail`.
    Waiting,
    /// May be at the service; nobody can tell, so it is not sent again by itself.
    InDoubt,
    /// The service took it.
    Delivered,
    /// The service had it already.
    AlreadyThere,
    /// Will not be kept, for the reason in `detail`.
    Ignored,
    /// The service does not know the item.
    NotFound,
    /// Refused for good, for the reason in `detail`; a person can try again.
    Refused,
    /// A person took it back, and the service no longer has it.
    Removed,
}

impl State {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Waiting => "waiting",
            Self::InDoubt => "in_doubt",
            Self::Delivered => "delivered",
            Self::AlreadyThere => "already_there",
            Self::Ignored => "ignored",
            Self::NotFound => "not_found",
            Self::Refused => "refused",
            Self::Removed => "removed",
        }
    }

    /// Says whether nothing more will happen by itself.
    pub const fn is_settled(self) -> bool {
        match self {
            Self::Held | Self::Pending | Self::Sending | Self::Waiting => false,
            Self::InDoubt
            | Self::Delivered
            | Self::AlreadyThere
            | Self::Ignored
            | Self::NotFound
            | Self::Refused
            | Self::Removed => true,
        }
    }
}

/// Why a delivery waits whose item nobody but the media server knows.
pub const AWAITS_LIBRARY: &str = "waits until your library says what this is";

/// What an item that was not found may be at a service: for a person to choose from, once and for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The entry of the anime list.
    pub entry: Entry,
    /// The episode in it, where one is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub episode: Option<u32>,
    /// Why it may be this one, for people.
    pub why: String,
}

/// One play, or one statement, at one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Where it stands.
    pub state: State,
    /// How many tries failed.
    #[serde(default)]
    pub attempts: u32,
    /// Why it stands there, in the service's own words where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// When it is tried next, where it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<DateTime<Utc>>,
    /// The service's id of the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// The percentage that this connection waits for, while [`State::Held`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold_percent: Option<f64>,
    /// The `watched_at` that the service is told, fixed when the delivery was first written down to be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_watched_at: Option<DateTime<Utc>>,
    /// A person took the play back: what is delivered is its removal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undo: bool,
    /// What the item may be there, where it was not found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
}

impl Delivery {
    /// A delivery that can be sent.
    pub const fn pending() -> Self {
        Self {
            state: State::Pending,
            attempts: 0,
            detail: None,
            next_attempt_at: None,
            settled_at: None,
            remote_id: None,
            threshold_percent: None,
            sent_watched_at: None,
            undo: false,
            candidates: Vec::new(),
        }
    }

    /// The removal of what was delivered: the record's id, and the time it was told with, stay.
    #[must_use]
    pub fn undone(&self) -> Self {
        Self {
            remote_id: self.remote_id.clone(),
            sent_watched_at: self.sent_watched_at,
            undo: true,
            ..Self::pending()
        }
    }

    /// A delivery that waits for its connection's own threshold.
    pub const fn held(threshold_percent: f64) -> Self {
        let mut delivery = Self::pending();
        delivery.state = State::Held;
        delivery.threshold_percent = Some(threshold_percent);
        delivery
    }

    /// A delivery that waits until the library says what is to be delivered.
    pub fn awaiting_library() -> Self {
        Self {
            state: State::Waiting,
            detail: Some(AWAITS_LIBRARY.to_owned()),
            ..Self::pending()
        }
    }

    /// Says whether it waits for the library to say what it is.
    pub fn awaits_library(&self) -> bool {
        self.state == State::Waiting && self.detail.as_deref() == Some(AWAITS_LIBRARY)
    }

    /// What the delivery is after the service answered for this play.
    #[must_use]
    pub fn answered(&self, outcome: &Outcome, now: DateTime<Utc>) -> Self {
        let mut next = self.clone();
        next.next_attempt_at = None;
        next.settled_at = Some(now);
        next.candidates.clear();
        if self.undo {
            return next.removed(outcome);
        }
        match outcome {
            Outcome::Delivered { remote_id, detail } => {
                next.state = State::Delivered;
                next.remote_id.clone_from(remote_id);
                next.detail.clone_from(detail);
            }
            Outcome::AlreadyThere { remote_id, detail } => {
                next.state = State::AlreadyThere;
                next.remote_id.clone_from(remote_id);
                next.detail = Some(detail.clone());
            }
            Outcome::Ignored { why } => {
                next.state = State::Ignored;
                next.detail = Some(why.clone());
            }
            Outcome::NotFound { tried } => {
                next.state = State::NotFound;
                next.detail = Some(tried.clone());
            }
            Outcome::Unclear { tried, candidates } => {
                next.state = State::NotFound;
                next.detail = Some(tried.clone());
                next.candidates.clone_from(candidates);
            }
            Outcome::Refused { why } => {
                next.state = State::Refused;
                next.detail = Some(why.clone());
            }
            Outcome::Wait { until, why } => {
                next.state = State::Waiting;
                next.settled_at = None;
                // The service answered, so the failures before it are over.
                next.attempts = 0;
                next.next_attempt_at = Some(*until);
                next.detail = Some(why.clone());
            }
        }
        next
    }

    /// What the removal of a record came to: what the service does not remove is still there.
    fn removed(mut self, outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Delivered { detail, .. } => {
                self.state = State::Removed;
                self.detail.clone_from(detail);
            }
            Outcome::AlreadyThere { detail, .. } => {
                self.state = State::Removed;
                self.detail = Some(detail.clone());
            }
            Outcome::NotFound { tried: detail } | Outcome::Unclear { tried: detail, .. } => {
                self.state = State::Removed;
                self.detail = Some(detail.clone());
            }
            Outcome::Ignored { why } | Outcome::Refused { why } => {
                self.state = State::Delivered;
                self.detail = Some(why.clone());
            }
            Outcome::Wait { until, why } => {
                self.state = State::Waiting;
                self.settled_at = None;
                self.attempts = 0;
                self.next_attempt_at = Some(*until);
                self.detail = Some(why.clone());
            }
        }
        self
    }

    /// What the delivery is after the whole request failed.
    ///
    /// `first_tried_at` is when the play became deliverable; `chance` in 0..1 spreads the retries. A permanent failure
    /// of a request that held several plays is not settled here: the caller sends its halves, to find the one at fault.
    #[must_use]
    pub fn failed(
        &self,
        disposition: &Disposition,
        why: &str,
        policy: &retry::Policy,
        first_tried_at: DateTime<Utc>,
        now: DateTime<Utc>,
        chance: f64,
    ) -> Self {
        let mut next = self.clone();
        next.detail = Some(why.to_owned());
        next.attempts += u32::from(disposition.uses_a_try());
        let wait = |next: &mut Self, until| {
            next.state = State::Waiting;
            next.next_attempt_at = Some(until);
            next.settled_at = None;
        };
        match disposition {
            Disposition::Retryable | Disposition::InDoubt => {
                match policy.next(next.attempts, first_tried_at, now, chance) {
                    Some(at) => wait(&mut next, at),
                    None => {
                        next.state = next.given_up();
                        next.detail = Some(format!("gave up: {why}"));
                        next.next_attempt_at = None;
                        next.settled_at = Some(now);
                    }
                }
            }
            Disposition::RateLimited { until }
            | Disposition::AccountPaused { until }
            | Disposition::AddressBlocked { until } => wait(&mut next, *until),
            Disposition::Auth => {
                next.state = State::Waiting;
                next.next_attempt_at = None;
                next.detail = Some("waits until you connect the account again".to_owned());
            }
            Disposition::AppRefused => {
                next.state = State::Waiting;
                next.next_attempt_at = None;
                next.detail = Some(format!("waits for the operator: {why}"));
            }
            Disposition::Permanent => {
                next.state = next.given_up();
                next.next_attempt_at = None;
                next.settled_at = Some(now);
            }
            Disposition::NotFound => {
                next.state = if next.undo {
                    State::Removed
                } else {
                    State::NotFound
                };
                next.next_attempt_at = None;
                next.settled_at = Some(now);
            }
        }
        next
    }

    /// What a delivery is that no further try will move: a record whose removal failed is still there.
    const fn given_up(&self) -> State {
        if self.undo {
            State::Delivered
        } else {
            State::Refused
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn failed(disposition: &Disposition) -> Delivery {
        Delivery::pending().failed(
            disposition,
            "no answer",
            &retry::Policy::default(),
            at(0),
            at(1),
            0.0,
        )
    }

    #[test]
    fn waiting_uses_no_try() {
        for disposition in [
            Disposition::RateLimited { until: at(60) },
            Disposition::AccountPaused { until: at(60) },
            Disposition::AddressBlocked { until: at(60) },
            Disposition::Auth,
            Disposition::AppRefused,
        ] {
            let after = failed(&disposition);
            assert_eq!(
                (after.state, after.attempts),
                (State::Waiting, 0),
                "{disposition:?}"
            );
        }
    }

    #[test]
    fn a_rate_limit_waits_until_the_named_second() {
        assert_eq!(
            failed(&Disposition::RateLimited { until: at(2852) }).next_attempt_at,
            Some(at(2852))
        );
    }

    #[test]
    fn a_failure_uses_a_try_and_waits_for_the_next() {
        let after = failed(&Disposition::Retryable);
        assert_eq!((after.state, after.attempts), (State::Waiting, 1));
        assert!(after.next_attempt_at > Some(at(1)));
    }

    #[test]
    fn after_fourteen_days_the_hub_gives_up_and_says_so() {
        let delivery = Delivery {
            attempts: 80,
            ..Delivery::pending()
        };
        let late = at(0) + TimeDelta::days(14) + TimeDelta::seconds(1);
        let after = delivery.failed(
            &Disposition::Retryable,
            "503",
            &retry::Policy::default(),
            at(0),
            late,
            0.5,
        );
        assert_eq!(
            (after.state, after.detail.as_deref()),
            (State::Refused, Some("gave up: 503"))
        );
        assert_eq!(after.settled_at, Some(late));
    }

    #[test]
    fn what_a_person_took_back_is_removed_or_still_there() {
        let delivered = Delivery {
            state: State::Delivered,
            remote_id: Some("7".to_owned()),
            sent_watched_at: Some(at(0)),
            ..Delivery::pending()
        };
        let undo = delivered.undone();
        assert_eq!((undo.state, undo.undo), (State::Pending, true));
        assert_eq!(undo.remote_id, delivered.remote_id);
        let text = || "x".to_owned();
        for (outcome, state) in [
            (
                Outcome::Delivered {
                    remote_id: None,
                    detail: None,
                },
                State::Removed,
            ),
            (Outcome::NotFound { tried: text() }, State::Removed),
            (Outcome::Ignored { why: text() }, State::Delivered),
            (Outcome::Refused { why: text() }, State::Delivered),
        ] {
            let after = undo.answered(&outcome, at(1));
            assert_eq!((after.state, after.settled_at), (state, Some(at(1))));
        }
        let policy = retry::Policy::default();
        for (disposition, state) in [
            (Disposition::Permanent, State::Delivered),
            (Disposition::NotFound, State::Removed),
            (Disposition::Retryable, State::Waiting),
        ] {
            let after = undo.failed(&disposition, "x", &policy, at(0), at(1), 0.0);
            assert_eq!((after.state, after.undo), (state, true));
        }
    }

    #[test]
    fn every_answer_has_its_state() {
        let text = || "x".to_owned();
        for (outcome, state) in [
            (
                Outcome::Delivered {
                    remote_id: None,
                    detail: None,
                },
                State::Delivered,
            ),
            (
                Outcome::AlreadyThere {
                    remote_id: None,
                    detail: text(),
                },
                State::AlreadyThere,
            ),
            (Outcome::Ignored { why: text() }, State::Ignored),
            (Outcome::NotFound { tried: text() }, State::NotFound),
            (
                Outcome::Unclear {
                    tried: text(),
                    candidates: Vec::new(),
                },
                State::NotFound,
            ),
            (Outcome::Refused { why: text() }, State::Refused),
            (
                Outcome::Wait {
                    until: at(9),
                    why: text(),
                },
                State::Waiting,
            ),
        ] {
            let after = Delivery::pending().answered(&outcome, at(1));
            assert_eq!(after.state, state);
            assert_eq!(after.settled_at.is_some(), state.is_settled());
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }
}
