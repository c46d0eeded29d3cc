//! What a holder does with its message: delete it, or change how long it stays hidden.

use std::fmt;
use std::str::FromStr;

use rusqlite::{OptionalExtension as _, params};
use uuid::Uuid;

use super::super::queue::{Millis, Queue};
use super::super::refusal::Refusal;
use super::Store;

/// The longest that a message can be hidden: twelve hours.
const LONGEST_VISIBILITY: i64 = 43_200;

/// What a receive gives out with a message; the next receive of the same message makes it stale.
pub(super) struct Receipt {
    pub(super) sequence: i64,
    pub(super) nonce: Uuid,
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequence, self.nonce)
    }
}

impl FromStr for Receipt {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let read = || {
            let (sequence, nonce) = text.split_once(':')?;
            Some(Self {
                sequence: sequence.parse().ok()?,
                nonce: nonce.parse().ok()?,
            })
        };
        read().ok_or_else(Refusal::not_a_receipt)
    }
}

/// How a receipt stands to the message it was given out for.
enum Standing {
    /// Its holder has the message.
    Held,
    /// The newest receipt, but the message is visible again.
    Lapsed,
    /// Another receive has taken the message since.
    Replaced,
    /// The message is not in this queue any more.
    Gone,
}

impl Store {
    fn standing(&self, queue: &Queue, receipt: &Receipt, now: Millis) -> Result<Standing, Refusal> {
        let select = "SELECT receipt, visible_at FROM messages WHERE sequence = ?1 AND queue = ?2";
        let mut statement = self.connection.prepare_cached(select)?;
        let row = statement
            .query_row([receipt.sequence, queue.id], |row| {
                Ok((row.get::<_, Option<String>>(0)?, row.get::<_, Millis>(1)?))
            })
            .optional()?;
        Ok(match row {
            None => Standing::Gone,
            Some((newest, _)) if newest.as_deref() != Some(&receipt.nonce.to_string()) => {
                Standing::Replaced
            }
            Some((_, visible_at)) if visible_at <= now => Standing::Lapsed,
            Some(_) => Standing::Held,
        })
    }

    /// Deletes the message that a receipt stands for; one that is gone already is no error.
    ///
    /// A stale receipt deletes nothing: on a FIFO queue it is refused, on a standard queue it is passed over, where a
    /// receipt whose time has run out still holds until the message is received again.
    pub(in super::super) fn delete(
        &self,
        queue: &Queue,
        handle: &str,
        now: Millis,
    ) -> Result<(), Refusal> {
        let receipt: Receipt = handle.parse()?;
        let is_fifo = queue.settings.is_fifo;
        match self.standing(queue, &receipt, now)? {
            Standing::Gone => Ok(()),
            Standing::Lapsed | Standing::Replaced if is_fifo => {
                Err(Refusal::expired_receipt(handle))
            }
            Standing::Replaced => Ok(()),
            Standing::Held | Standing::Lapsed => {
                let delete = "DELETE FROM messages WHERE sequence = ?1";
                self.connection
                    .prepare_cached(delete)?
                    .execute([receipt.sequence])?;
                if is_fifo {
                    self.ring(queue);
                }
                Ok(())
            }
        }
    }

    /// Hides a held message for that many seconds from now; 0 hands it back.
    pub(in super::super) fn change_visibility(
        &self,
        queue: &Queue,
        handle: &str,
        seconds: Option<i64>,
        now: Millis,
    ) -> Result<(), Refusal> {
        let seconds = seconds.ok_or_else(|| Refusal::missing_parameter("VisibilityTimeout"))?;
        check_visibility(seconds)?;
        let receipt: Receipt = handle.parse()?;
        match self.standing(queue, &receipt, now)? {
            Standing::Held => {
                let update = "UPDATE messages SET visible_at = ?2 WHERE sequence = ?1";
                let visible_at = now + seconds * 1000;
                self.connection
                    .prepare_cached(update)?
                    .execute(params![receipt.sequence, visible_at])?;
                // Whoever waits learns when it becomes visible, be it at once or later.
                self.ring(queue);
                Ok(())
            }
            Standing::Lapsed => Err(Refusal::not_in_flight()),
            Standing::Replaced | Standing::Gone => {
                let reason =
                    "Message does not exist or is not available for visibility timeout change";
                Err(Refusal::invalid_parameter("ReceiptHandle", handle, reason))
            }
        }
    }

    /// Deletes all messages of a queue; the deduplication ids stay known.
    pub(in super::super) fn purge(&self, queue: &Queue) -> Result<(), Refusal> {
        self.connection
            .execute("DELETE FROM messages WHERE queue = ?1", [queue.id])?;
        Ok(())
    }
}

/// Refuses seconds that no message can be hidden for.
pub(in super::super) fn check_visibility(seconds: i64) -> Result<(), Refusal> {
    if (0..=LONGEST_VISIBILITY).contains(&seconds) {
        return Ok(());
    }
    let reason = "VisibilityTimeout must be >= 0 and <= 43200";
    Err(Refusal::invalid_parameter(
        "VisibilityTimeout",
        seconds,
        reason,
    ))
}
