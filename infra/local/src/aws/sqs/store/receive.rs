//! Handing messages out: in order within a group, and one holder a group at a time.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use rusqlite::{Row, params};
use uuid::Uuid;

use super::super::queue::{self, DeadLetters, Millis, Queue};
use super::super::refusal::Refusal;
use super::super::wire::{self, Message};
use super::settle::Receipt;
use super::{Store, from_json};

/// What a receive found.
pub(in super::super) struct Look {
    /// The messages, now in flight.
    pub(in super::super) messages: Vec<Message>,
    /// Where there are none: when the next delayed or held one becomes visible.
    pub(in super::super) next_due: Option<Millis>,
    /// When it looked.
    pub(in super::super) looked_at: Millis,
    /// How long this queue lets a receive wait that does not say.
    pub(in super::super) wait: Duration,
}

/// Which messages a receive takes and which it sets aside instead.
struct Choice<'a> {
    most: usize,
    dead_letters: Option<&'a DeadLetters>,
    taken: Vec<i64>,
    dead: Vec<i64>,
}

impl Choice<'_> {
    fn is_full(&self) -> bool {
        self.taken.len() >= self.most
    }

    /// Decides about the next message, by how often it was received.
    fn consider(&mut self, sequence: i64, receive_count: i64) {
        if self
            .dead_letters
            .is_some_and(|policy| receive_count >= policy.most_receives)
        {
            self.dead.push(sequence);
        } else {
            self.taken.push(sequence);
        }
    }
}

impl Store {
    /// Hands out up to `most` messages and hides them for `visibility`, or as long as the queue says.
    ///
    /// A message that was received as often as the redrive policy allows goes to the dead letters, and the next one
    /// takes its place.
    pub(in super::super) fn receive(
        &self,
        queue: &Queue,
        most: usize,
        visibility: Option<Millis>,
        now: Millis,
    ) -> Result<Look, Refusal> {
        self.forget_expired(queue, now)?;
        let dead_letter_queue = match &queue.settings.dead_letters {
            Some(policy) => self.find_queue(&policy.queue)?,
            None => None,
        };
        // Without the queue they would go to, messages are handed out again and again, as at AWS.
        let dead_letters = queue
            .settings
            .dead_letters
            .as_ref()
            .filter(|_| dead_letter_queue.is_some());
        let mut choice = Choice {
            most,
            dead_letters,
            taken: Vec::new(),
            dead: Vec::new(),
        };
        if queue.settings.is_fifo {
            self.choose_by_group(queue, now, &mut choice)?;
        } else {
            self.choose_visible(queue, now, &mut choice)?;
        }
        if let Some(target) = &dead_letter_queue {
            for sequence in &choice.dead {
                self.set_aside(*sequence, queue, target, now)?;
            }
        }
        let visible_at = now + visibility.unwrap_or(queue.settings.visibility);
        let taken = choice
            .taken
            .iter()
            .map(|sequence| self.take(queue, *sequence, visible_at, now));
        let messages = taken.collect::<Result<Vec<_>, _>>()?;
        let next_due = if messages.is_empty() {
            self.next_due(queue, now)?
        } else {
            None
        };
        Ok(Look {
            messages,
            next_due,
            looked_at: now,
            wait: queue.settings.wait,
        })
    }

    /// A standard queue: whatever has been visible for longest.
    fn choose_visible(
        &self,
        queue: &Queue,
        now: Millis,
        choice: &mut Choice<'_>,
    ) -> Result<(), Refusal> {
        let select =
            "SELECT sequence, receive_count FROM messages INDEXED BY messages_by_visibility
                      WHERE queue = ?1 AND visible_at <= ?2 ORDER BY visible_at, sequence";
        let mut statement = self.connection.prepare_cached(select)?;
        let mut rows = statement.query([queue.id, now])?;
        while !choice.is_full()
            && let Some(row) = rows.next()?
        {
            choice.consider(row.get(0)?, row.get(1)?);
        }
        Ok(())
    }

    /// A FIFO queue: the oldest message whose group nobody holds, then as many of that group as fit, then the next.
    fn choose_by_group(
        &self,
        queue: &Queue,
        now: Millis,
        choice: &mut Choice<'_>,
    ) -> Result<(), Refusal> {
        // Answered from the index alone: a held group with a long backlog is passed without touching its messages.
        let groups = "SELECT group_id FROM messages INDEXED BY messages_in_order
                      WHERE queue = ?1 ORDER BY sequence";
        let members =
            "SELECT sequence, receive_count, visible_at FROM messages INDEXED BY messages_of_group
                       WHERE queue = ?1 AND group_id = ?2 ORDER BY sequence";
        let mut groups = self.connection.prepare_cached(groups)?;
        let mut members = self.connection.prepare_cached(members)?;
        let mut passed = self.held_groups(queue, now)?;
        let mut rows = groups.query([queue.id])?;
        while !choice.is_full()
            && let Some(row) = rows.next()?
        {
            let group = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            if passed.contains(group) {
                continue;
            }
            let mut members = members.query(params![queue.id, group])?;
            while !choice.is_full()
                && let Some(member) = members.next()?
            {
                // Nothing overtakes a delayed one of its group.
                if member.get::<_, Millis>(2)? > now {
                    break;
                }
                choice.consider(member.get(0)?, member.get(1)?);
            }
            passed.insert(group.to_owned());
        }
        Ok(())
    }

    /// The groups with a message in flight, whose next ones have to wait for it.
    fn held_groups(&self, queue: &Queue, now: Millis) -> Result<HashSet<String>, Refusal> {
        let select = "SELECT DISTINCT group_id FROM messages INDEXED BY messages_held
                      WHERE queue = ?1 AND visible_at > ?2 AND receipt IS NOT NULL";
        let mut statement = self.connection.prepare_cached(select)?;
        let groups = statement.query_map([queue.id, now], |row| row.get(0))?;
        Ok(groups.collect::<Result<_, _>>()?)
    }

    /// Marks one message as received and reads it.
    fn take(
        &self,
        queue: &Queue,
        sequence: i64,
        visible_at: Millis,
        now: Millis,
    ) -> Result<Message, Refusal> {
        let update = "UPDATE messages SET visible_at = ?2, receipt = ?3, receive_count = receive_count + 1,
                             first_received_at = coalesce(first_received_at, ?4)
                      WHERE sequence = ?1
                      RETURNING message_id, body, attributes, sent_at, receive_count, first_received_at,
                                group_id, deduplication_id, dead_letter_source";
        let receipt = Receipt {
            sequence,
            nonce: Uuid::new_v4(),
        };
        let mut statement = self.connection.prepare_cached(update)?;
        let values = params![sequence, visible_at, receipt.nonce.to_string(), now];
        let (message, attributes) =
            statement.query_row(values, |row| read(queue, &receipt, row))?;
        Ok(Message {
            message_attributes: from_json(&attributes)?,
            ..message
        })
    }

    fn next_due(&self, queue: &Queue, now: Millis) -> Result<Option<Millis>, Refusal> {
        let select = "SELECT min(visible_at) FROM messages WHERE queue = ?1 AND visible_at > ?2";
        let mut statement = self.connection.prepare_cached(select)?;
        Ok(statement.query_row([queue.id, now], |row| row.get(0))?)
    }
}

/// A message with its user's attributes still as JSON.
fn read(queue: &Queue, receipt: &Receipt, row: &Row<'_>) -> rusqlite::Result<(Message, String)> {
    let body: String = row.get(1)?;
    let millis = |column| {
        row.get::<_, Millis>(column)
            .map(|millis| millis.to_string())
    };
    let mut attributes = BTreeMap::from([
        ("SenderId", queue::ACCOUNT.to_owned()),
        ("SentTimestamp", millis(3)?),
        ("ApproximateReceiveCount", millis(4)?),
        ("ApproximateFirstReceiveTimestamp", millis(5)?),
    ]);
    let optional = [
        ("MessageGroupId", 6),
        ("MessageDeduplicationId", 7),
        ("DeadLetterQueueSourceArn", 8),
    ];
    for (name, column) in optional {
        if let Some(value) = row.get::<_, Option<String>>(column)? {
            attributes.insert(name, value);
        }
    }
    if queue.settings.is_fifo {
        attributes.insert("SequenceNumber", wire::sequence_number(receipt.sequence));
    }
    let message = Message {
        message_id: row.get(0)?,
        receipt_handle: receipt.to_string(),
        body_md5: wire::body_md5(&body),
        body,
        attributes,
        attributes_md5: None,
        message_attributes: BTreeMap::new(),
    };
    Ok((message, row.get(2)?))
}
