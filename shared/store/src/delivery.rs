//! Deliveries: the entries of a play, each moved by one conditional update of its own.
//!
//! | write                          | key and condition                                                                |
//! | ------------------------------ | -------------------------------------------------------------------------------- |
//! | what became of a delivery      | the play's; the entry is there and not settled                                   |
//! | a new delivery                 | the play's; there is no entry for the service                                    |
//! | a person tries again           | the play's; the entry ended without the service taking it                        |

use chrono::{DateTime, Utc};
use hub_domain::{Delivery, Play, PlayId, Service, State, UserId};

use crate::due;
use crate::error::{StoreError, is_condition_failed};
use crate::item::{Item, encode_value, number, refused_by, text};
use crate::key::Key;
use crate::play::read;
use crate::table::Table;

const REPLACE_ENTRY: &str = "SET deliveries.#service = :delivery";
const REPLACE_ENTRY_AND_CLEAR_DUE: &str =
    "SET deliveries.#service = :delivery REMOVE due_shard, due_at";
const ONLY_IF_NOT_SETTLED: &str = "attribute_exists(pk) \
     AND deliveries.#service.#state IN (:held, :pending, :sending, :waiting)";
const ONLY_IF_NO_ENTRY: &str = "attribute_exists(pk) AND attribute_not_exists(deliveries.#service)";
const AND_NOT_REMOVED: &str = " AND attribute_not_exists(removed_at)";
const ONLY_IF_TO_BE_UNDONE: &str = "attribute_exists(pk) AND attribute_exists(removed_at) \
     AND deliveries.#service.#state IN (:delivered, :already_there)";
const MAKE_PENDING: &str = "SET deliveries.#service.#state = :pending, \
     deliveries.#service.attempts = :none REMOVE deliveries.#service.detail, \
     deliveries.#service.settled_at, deliveries.#service.next_attempt_at";
const MAKE_PENDING_AND_DUE: &str = "SET deliveries.#service.#state = :pending, \
     deliveries.#service.attempts = :none, due_shard = :due_shard, due_at = :due_at \
     REMOVE deliveries.#service.detail, deliveries.#service.settled_at, \
     deliveries.#service.next_attempt_at";
const ONLY_IF_NOT_TAKEN: &str = "attribute_exists(pk) \
     AND deliveries.#service.#state IN (:refused, :not_found, :ignored, :in_doubt)";

/// What became of writing down what became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// It is written.
    Updated,
    /// The delivery had ended before, and stays as it was; or something newer was said.
    AlreadySettled,
    /// The play is gone, or has no such delivery.
    Gone,
}

/// What became of a person's wish to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// The delivery can be sent again.
    Pending,
    /// The delivery is still open, or the service has it.
    NotNeeded,
    /// The play is gone, or has no such delivery.
    Gone,
}

impl Table {
    /// Writes down what became of a delivery, unless it has ended before.
    ///
    /// `still_open` says whether any delivery of the play is open after it: if none is, the play leaves the index.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn update_delivery(
        &self,
        user: UserId,
        id: &PlayId,
        service: Service,
        delivery: &Delivery,
        still_open: bool,
    ) -> Result<Settlement, StoreError> {
        let is_removed = delivery.undo;
        match self
            .replace_delivery(user, id, service, delivery, still_open, is_removed)
            .await?
        {
            Replaced::Is(settlement) => Ok(settlement),
            // Its user took it back meanwhile: it has to be found again, to be taken back there.
            Replaced::IsRemoved => {
                let replaced = self
                    .replace_delivery(user, id, service, delivery, true, true)
                    .await?;
                Ok(match replaced {
                    Replaced::Is(settlement) => settlement,
                    Replaced::IsRemoved => Settlement::Gone,
                })
            }
        }
    }

    async fn replace_delivery(
        &self,
        user: UserId,
        id: &PlayId,
        service: Service,
        delivery: &Delivery,
        still_open: bool,
        may_be_removed: bool,
    ) -> Result<Replaced, StoreError> {
        const OPERATION: &str = "write down what became of a delivery";
        let expression = if still_open {
            REPLACE_ENTRY
        } else {
            REPLACE_ENTRY_AND_CLEAR_DUE
        };
        let mut condition = ONLY_IF_NOT_SETTLED.to_owned();
        let looks = !still_open && !may_be_removed;
        if looks {
            condition.push_str(AND_NOT_REMOVED);
        }
        let mut update = self
            .update(&Key::play(user, id))
            .update_expression(expression)
            .condition_expression(condition)
            .expression_attribute_names("#service", service.name())
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":delivery", encode_value(OPERATION, delivery)?);
        for state in [State::Held, State::Pending, State::Sending, State::Waiting] {
            let name = format!(":{}", state.name());
            update = update.expression_attribute_values(name, text(state.name()));
        }
        match update.send().await {
            Ok(_) => Ok(Replaced::Is(Settlement::Updated)),
            Err(error) if is_condition_failed(&error) => {
                let stands = refused_by(&error);
                let is_removed = stands.is_some_and(|item| item.contains_key("removed_at"));
                Ok(match entry(OPERATION, stands, service)? {
                    None => Replaced::Is(Settlement::Gone),
                    // A repeat of a write whose answer was lost meets its own words.
                    Some(stands) if stands == *delivery => Replaced::Is(Settlement::Updated),
                    Some(stands) if looks && is_removed && !stands.state.is_settled() => {
                        Replaced::IsRemoved
                    }
                    Some(_) => Replaced::Is(Settlement::AlreadySettled),
                })
            }
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }

    /// Begins to take back at a service what it has; `false` if it has nothing that is to be taken back.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn undo_delivery(
        &self,
        user: UserId,
        id: &PlayId,
        service: Service,
        undone: &Delivery,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "begin to take a play back";
        let mut update = self
            .update(&Key::play(user, id))
            .update_expression(REPLACE_ENTRY)
            .condition_expression(ONLY_IF_TO_BE_UNDONE)
            .expression_attribute_names("#service", service.name())
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":delivery", encode_value(OPERATION, undone)?);
        for state in [State::Delivered, State::AlreadyThere] {
            let name = format!(":{}", state.name());
            update = update.expression_attribute_values(name, text(state.name()));
        }
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }

    /// Adds a delivery to a play that has none at that service; `false` if it has one, or is gone.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn add_delivery(
        &self,
        user: UserId,
        id: &PlayId,
        service: Service,
        delivery: &Delivery,
        due_at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "add a delivery to a play";
        let update = self
            .update(&Key::play(user, id))
            .condition_expression(ONLY_IF_NO_ENTRY)
            .expression_attribute_names("#service", service.name())
            .expression_attribute_values(":delivery", encode_value(OPERATION, delivery)?);
        let added = due::write(update, REPLACE_ENTRY, due::PLAY, user, Some(due_at))
            .send()
            .await;
        match added {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }

    /// Makes a delivery that ended without the service taking it ready to be sent again, because a person asked.
    ///
    /// The time that the service was told before is kept, so that a repeat stays the same record there. `due_at` enters
    /// the play into the index again; `None` leaves its entry as it is.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn retry_delivery(
        &self,
        user: UserId,
        id: &PlayId,
        service: Service,
        due_at: Option<DateTime<Utc>>,
    ) -> Result<Retried, StoreError> {
        const OPERATION: &str = "try a delivery again";
        let mut update = self
            .update(&Key::play(user, id))
            .update_expression(MAKE_PENDING)
            .condition_expression(ONLY_IF_NOT_TAKEN)
            .expression_attribute_names("#service", service.name())
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":pending", text(State::Pending.name()))
            .expression_attribute_values(":none", number(0));
        for state in [
            State::Refused,
            State::NotFound,
            State::Ignored,
            State::InDoubt,
        ] {
            let name = format!(":{}", state.name());
            update = update.expression_attribute_values(name, text(state.name()));
        }
        if let Some(due_at) = due_at {
            let shard = due::shard_text(due::PLAY, due::shard_of(user));
            update = update
                .update_expression(MAKE_PENDING_AND_DUE)
                .expression_attribute_values(":due_shard", text(shard))
                .expression_attribute_values(":due_at", crate::item::millis(due_at));
        }
        match update.send().await {
            Ok(_) => Ok(Retried::Pending),
            Err(error) if is_condition_failed(&error) => {
                let stands = entry(OPERATION, refused_by(&error), service)?;
                Ok(stands.map_or(Retried::Gone, |_| Retried::NotNeeded))
            }
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }
}

/// What became of replacing an entry.
enum Replaced {
    Is(Settlement),
    IsRemoved,
}

fn entry(
    operation: &'static str,
    stands: Option<&Item>,
    service: Service,
) -> Result<Option<Delivery>, StoreError> {
    let Some(item) = stands else { return Ok(None) };
    let mut play: Play = read(operation, item.clone())?;
    Ok(play.deliveries.remove(&service))
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
