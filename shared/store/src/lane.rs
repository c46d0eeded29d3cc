//! Lanes: one user's open deliveries at one service, worked by one holder at a time.
//!
//! | read or write            | key                                                                                  |
//! | ------------------------ | ------------------------------------------------------------------------------------ |
//! | one lane                 | `pk = USER#<id>`, `sk = LANE#<service>`                                              |
//! | lanes that have work     | index `due`, kind = the service's name                                               |
//!
//! Taking and settling each raise the version, so that whoever read the lane before them takes nothing: not with an old
//! idea of what is being sent, nor with one that was settled meanwhile. Only the present holder settles. A lane that is
//! not there is a lane nobody has used yet: version 0.
//!
//! A holder whose request went through need not settle the lane: it is free once every play that the request names is
//! settled at the service, which the next holder sees in the plays. So a lane that goes well is written once a request.

use chrono::{DateTime, NaiveDate, Utc};
use hub_domain::{Service, UserId};
use serde::{Deserialize, Serialize};

use crate::due;
use crate::error::{StoreError, is_condition_failed};
use crate::item::{
    Item, ONLY_IF_NEW, decode, encode, encode_value, millis, number, optional_millis,
    optional_text, refused_by, text, text_of, version_of,
};
use crate::key::Key;
use crate::table::Table;

const TAKE: &str = "SET lease_until = :lease_until, holder = :holder, version = :next";
const AND_SPEND: &str = ", spent = :spent";
const AND_WRITE_DOWN: &str = ", frozen = :frozen, frozen_at = :frozen_at";
const ONLY_IF_UNCHANGED: &str = "attribute_exists(pk) AND version = :version_read";
const ONLY_IF_HELD: &str = "attribute_exists(pk) AND holder = :holder";
const RELEASE: &str = "SET lease_until = :nothing, holder = :nothing, \
     next_call_at = :next_call_at, parked_until = :parked_until, parked_why = :parked_why, \
     version = version + :one";
const AND_THAW: &str = ", frozen = :nothing, frozen_at = :nothing";
const AND_NOTE_LIVE: &str = ", live_session = :live_session, live_sequence = :live_sequence";
const ENTER_INDEX: &str = "SET due_shard = :due_shard, due_at = :due_at";
const LEAVE_INDEX: &str = "REMOVE due_shard, due_at";
const ONLY_IF_DUE_THEN: &str = "attribute_exists(pk) AND due_at = :due_at";
const ONLY_IF_DUE_LATER: &str =
    "attribute_exists(pk) AND (attribute_not_exists(due_at) OR due_at > :due_at)";

/// A lane, as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lane {
    /// When the holder's lease ends, where there is one.
    #[serde(with = "chrono::serde::ts_milliseconds_option")]
    pub lease_until: Option<DateTime<Utc>>,
    /// Who holds it.
    pub holder: Option<String>,
    /// What is being sent, or was when its holder fell over: to be repeated byte for byte, or looked up.
    pub frozen: Option<String>,
    /// When that was written down.
    #[serde(with = "chrono::serde::ts_milliseconds_option")]
    pub frozen_at: Option<DateTime<Utc>>,
    /// Nothing goes out before.
    #[serde(with = "chrono::serde::ts_milliseconds_option")]
    pub next_call_at: Option<DateTime<Utc>>,
    /// The lane rests until then.
    #[serde(with = "chrono::serde::ts_milliseconds_option")]
    pub parked_until: Option<DateTime<Utc>>,
    /// Why it rests, for people.
    pub parked_why: Option<String>,
    /// The session whose state was last shown there.
    pub live_session: Option<String>,
    /// Which of its states.
    pub live_sequence: u64,
    /// What its user's account spent of a day's quota, where the service counts one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
    /// When the sweep looks at it, where it is in the index.
    #[serde(
        with = "chrono::serde::ts_milliseconds_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub due_at: Option<DateTime<Utc>>,
    /// Counts the changes; 0 for a lane that nobody has used yet.
    pub version: u64,
}

/// What was spent of a day's quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// The service's day.
    pub day: NaiveDate,
    /// How much of it: requests, or records, as the service counts.
    pub units: u32,
}

/// What taking a lane does to what is written down there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frozen<'a> {
    /// It stays: the new holder has read it, and finishes what it names.
    Stays,
    /// It goes: all that it names is settled, and nothing that counts is about to be sent.
    Goes,
    /// This is about to be sent, written down then.
    Is(&'a str, DateTime<Utc>),
}

impl Lane {
    /// Says whether nobody holds it now.
    pub fn is_free(&self, now: DateTime<Utc>) -> bool {
        self.lease_until.is_none_or(|until| until <= now)
    }
}

/// What became of taking a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneTaken {
    /// The caller holds it; it has this version now.
    Taken(u64),
    /// Somebody else changed it since it was read.
    Busy,
}

/// How a holder leaves a lane.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Release {
    /// Nothing goes out before.
    pub next_call_at: Option<DateTime<Utc>>,
    /// The lane rests until then.
    pub parked_until: Option<DateTime<Utc>>,
    /// Why it rests, for people.
    pub parked_why: Option<String>,
    /// The session whose state was shown, and which of its states; `None` leaves what stands.
    pub live: Option<(String, u64)>,
    /// When the lane should be looked at again; `None` takes it out of the index, also where somebody else has entered it
    /// meanwhile: what they wait for is still found, through their wake-up or the play's own entry.
    pub due_at: Option<DateTime<Utc>>,
    /// What was being sent may be there: it stays written down for the next holder.
    pub keep_frozen: bool,
    /// What the day's quota comes to after all: what failed has spent nothing. `None` leaves what stands.
    pub spent: Option<Spent>,
}

impl Key {
    /// A user's lane at a service.
    pub fn lane(user: UserId, service: Service) -> Self {
        Self::of_user(user, format!("LANE#{service}"))
    }
}

impl Table {
    /// Reads a lane as it is now.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn lane(&self, user: UserId, service: Service) -> Result<Lane, StoreError> {
        const OPERATION: &str = "read a lane";
        let item = self.read(OPERATION, &Key::lane(user, service)).await?;
        item.map_or_else(|| Ok(Lane::default()), |item| decode(OPERATION, item))
    }

    /// Takes a lane, if it is still as it was read: the caller has seen that it is free then.
    ///
    /// What is about to be sent is written down in the same step.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn take_lane(
        &self,
        user: UserId,
        service: Service,
        version_read: u64,
        holder: &str,
        lease_until: DateTime<Utc>,
        frozen: Frozen<'_>,
    ) -> Result<LaneTaken, StoreError> {
        let spent = None;
        self.take_lane_spending(
            user,
            service,
            version_read,
            holder,
            lease_until,
            frozen,
            spent,
        )
        .await
    }

    /// The same; `spent` is what the day's quota comes to with what is about to be sent.
    ///
    /// # Errors
    ///
    /// Those of the table.
    #[expect(clippy::too_many_arguments, reason = "all that taking a lane writes")]
    pub async fn take_lane_spending(
        &self,
        user: UserId,
        service: Service,
        version_read: u64,
        holder: &str,
        lease_until: DateTime<Utc>,
        frozen: Frozen<'_>,
        spent: Option<Spent>,
    ) -> Result<LaneTaken, StoreError> {
        const OPERATION: &str = "take a lane";
        let key = Key::lane(user, service);
        let next = version_read + 1;
        let written = match frozen {
            Frozen::Stays => None,
            Frozen::Goes => Some((None, None)),
            Frozen::Is(words, at) => Some((Some(words), Some(at))),
        };
        if version_read == 0 {
            let (words, at) = written.unwrap_or_default();
            let lane = Lane {
                lease_until: Some(lease_until),
                holder: Some(holder.to_owned()),
                frozen: words.map(str::to_owned),
                frozen_at: at,
                spent,
                version: next,
                ..Lane::default()
            };
            let put = self
                .put(&key, encode(OPERATION, &lane)?)
                .condition_expression(ONLY_IF_NEW);
            match put.send().await {
                Ok(_) => return Ok(LaneTaken::Taken(next)),
                // It may have been made only to be due: then it still has version 0.
                Err(error) if is_condition_failed(&error) => {
                    if let Some(taken) = judge(refused_by(&error), holder, version_read) {
                        return Ok(taken);
                    }
                }
                Err(error) => return Err(StoreError::new(OPERATION, error)),
            }
        }
        let mut update = self
            .update(&key)
            .condition_expression(ONLY_IF_UNCHANGED)
            .expression_attribute_values(":version_read", number(version_read))
            .expression_attribute_values(":next", number(next))
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":lease_until", millis(lease_until));
        let mut expression = TAKE.to_owned();
        if let Some((words, at)) = written {
            expression.push_str(AND_WRITE_DOWN);
            update = update
                .expression_attribute_values(":frozen", optional_text(words))
                .expression_attribute_values(":frozen_at", optional_millis(at));
        }
        if let Some(spent) = spent {
            expression.push_str(AND_SPEND);
            update = update.expression_attribute_values(":spent", encode_value(OPERATION, &spent)?);
        }
        update = update.update_expression(expression);
        match update.send().await {
            Ok(_) => Ok(LaneTaken::Taken(next)),
            Err(error) if is_condition_failed(&error) => {
                let taken = judge(refused_by(&error), holder, version_read);
                Ok(taken.unwrap_or(LaneTaken::Busy))
            }
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }

    /// Leaves a lane; `false` if it is somebody else's by now.
    ///
    /// # Errors
    ///
    /// Those of the table; the lease then ends by itself.
    pub async fn settle_lane(
        &self,
        user: UserId,
        service: Service,
        holder: &str,
        release: &Release,
    ) -> Result<bool, StoreError> {
        let nothing = optional_text(None);
        let mut expression = RELEASE.to_owned();
        let mut update = self
            .update(&Key::lane(user, service))
            .condition_expression(ONLY_IF_HELD)
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":nothing", nothing)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":next_call_at", optional_millis(release.next_call_at))
            .expression_attribute_values(":parked_until", optional_millis(release.parked_until))
            .expression_attribute_values(
                ":parked_why",
                optional_text(release.parked_why.as_deref()),
            );
        if !release.keep_frozen {
            expression.push_str(AND_THAW);
        }
        if let Some((session, sequence)) = &release.live {
            expression.push_str(AND_NOTE_LIVE);
            update = update
                .expression_attribute_values(":live_session", text(&**session))
                .expression_attribute_values(":live_sequence", number(sequence));
        }
        if let Some(spent) = release.spent {
            expression.push_str(AND_SPEND);
            update =
                update.expression_attribute_values(":spent", encode_value("leave a lane", &spent)?);
        }
        let kind = service.name();
        let released = due::write(update, &expression, kind, user, release.due_at)
            .send()
            .await;
        match released {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new("leave a lane", error)),
        }
    }

    /// Enters a lane into the index, unless it is due earlier already; `true` if it was written.
    ///
    /// A lane that is not there is made, with version 0: callers have made sure that its user is.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn set_lane_due(
        &self,
        user: UserId,
        service: Service,
        due_at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "make a lane due";
        let key = Key::lane(user, service);
        let shard = due::shard_text(service.name(), due::shard_of(user));
        for _ in 0..2 {
            let entered = self
                .update(&key)
                .update_expression(ENTER_INDEX)
                .condition_expression(ONLY_IF_DUE_LATER)
                .expression_attribute_values(":due_shard", text(&*shard))
                .expression_attribute_values(":due_at", millis(due_at))
                .send()
                .await;
            match entered {
                Ok(_) => return Ok(true),
                Err(error) if is_condition_failed(&error) => {
                    if refused_by(&error).is_some() {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(StoreError::new(OPERATION, error)),
            }
            let mut item = encode(OPERATION, &Lane::default())?;
            due::enter(&mut item, service.name(), user, Some(due_at));
            match self
                .put(&key, item)
                .condition_expression(ONLY_IF_NEW)
                .send()
                .await
            {
                Ok(_) => return Ok(true),
                Err(error) if is_condition_failed(&error) => {}
                Err(error) => return Err(StoreError::new(OPERATION, error)),
            }
        }
        Err(StoreError::crowded(OPERATION))
    }

    /// Takes a lane out of the index that was found to have nothing to do, unless its entry was moved since it was read.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn clear_lane_due(
        &self,
        user: UserId,
        service: Service,
        due_at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let cleared = self
            .update(&Key::lane(user, service))
            .update_expression(LEAVE_INDEX)
            .condition_expression(ONLY_IF_DUE_THEN)
            .expression_attribute_values(":due_at", millis(due_at))
            .send()
            .await;
        match cleared {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new("take a lane out of the index", error)),
        }
    }
}

/// Reads out of what stands there whether the lane was taken, and by whom; `None` if it is as it was read.
fn judge(stands: Option<&Item>, holder: &str, version_read: u64) -> Option<LaneTaken> {
    let stands = stands?;
    let version = version_of(stands);
    if version == version_read {
        return None;
    }
    // The client repeats a write whose answer was lost: it then meets itself.
    if version == version_read + 1 && text_of(stands, "holder") == Some(holder) {
        return Some(LaneTaken::Taken(version));
    }
    Some(LaneTaken::Busy)
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
