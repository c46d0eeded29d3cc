//! Messages that change their queue: to the dead letters, and back.

use rusqlite::params;
use uuid::Uuid;

use super::super::queue::{self, Millis, Queue};
use super::super::refusal::Refusal;
use super::Store;

impl Store {
    /// Moves a message that was received too often to the dead letters, at their end, with the receives forgotten.
    ///
    /// On a standard queue its age goes on counting; on a FIFO queue it begins anew.
    ///
    /// Source:
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>
    pub(super) fn set_aside(
        &self,
        sequence: i64,
        from: &Queue,
        to: &Queue,
        now: Millis,
    ) -> Result<(), Refusal> {
        let insert = "INSERT INTO messages (queue, visible_at, sent_at, message_id, group_id, deduplication_id,
                                            dead_letter_source, attributes, body)
                      SELECT ?2, ?3, iif(?4, ?3, sent_at), message_id, group_id, deduplication_id,
                             ?5, attributes, body
                      FROM messages WHERE sequence = ?1";
        let values = params![
            sequence,
            to.id,
            now,
            to.settings.is_fifo,
            queue::arn(&from.name)
        ];
        self.connection.prepare_cached(insert)?.execute(values)?;
        self.remove(sequence)?;
        self.ring(to);
        // The next of its group may go on.
        self.ring(from);
        Ok(())
    }

    /// Moves all dead letters that nobody holds to the queue named, or each to the queue it came from.
    ///
    /// At once, and in order. They are new messages there: with a new id, a new age and no receives. One that no
    /// queue sent here stays where no destination is named. Returns how many were moved.
    ///
    /// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html>
    pub(in super::super) fn redrive(
        &self,
        source_arn: &str,
        destination_arn: Option<&str>,
        now: Millis,
    ) -> Result<usize, Refusal> {
        let source = self
            .queue_of_arn(source_arn)?
            .ok_or_else(Refusal::no_such_resource)?;
        let is_target = |queue: &Queue| {
            queue
                .settings
                .dead_letters
                .as_ref()
                .is_some_and(|policy| policy.queue == source.name)
        };
        if !self.all_queues()?.iter().any(is_target) {
            return Err(Refusal::unsupported(
                "Source queue must be configured as a Dead Letter Queue.",
            ));
        }
        let named = match destination_arn {
            Some(arn) => Some(
                self.queue_of_arn(arn)?
                    .ok_or_else(Refusal::no_such_resource)?,
            ),
            None => None,
        };
        if named.as_ref().is_some_and(|named| {
            named.id == source.id || named.settings.is_fifo != source.settings.is_fifo
        }) {
            return Err(Refusal::unsupported(
                "The destination must be another queue of the same type as the source.",
            ));
        }
        let select =
            "SELECT sequence, dead_letter_source FROM messages INDEXED BY messages_in_order
                      WHERE queue = ?1 AND (visible_at <= ?2 OR receipt IS NULL) ORDER BY sequence";
        let mut statement = self.connection.prepare_cached(select)?;
        let letters = statement
            .query_map([source.id, now], |row| {
                Ok((row.get(0)?, row.get::<_, Option<String>>(1)?))
            })?
            .collect::<Result<Vec<(i64, _)>, _>>()?;
        let mut moved = 0;
        for (sequence, came_from) in letters {
            let target = match (&named, came_from) {
                (Some(named), _) => Some(named.clone()),
                (None, Some(arn)) => self.queue_of_arn(&arn)?,
                (None, None) => None,
            };
            if let Some(target) = target {
                self.bring_back(sequence, &target, now)?;
                moved += 1;
            }
        }
        Ok(moved)
    }

    fn bring_back(&self, sequence: i64, to: &Queue, now: Millis) -> Result<(), Refusal> {
        let insert = "INSERT INTO messages (queue, visible_at, sent_at, message_id, group_id, deduplication_id,
                                            attributes, body)
                      SELECT ?2, ?3, ?3, ?4, group_id, deduplication_id, attributes, body
                      FROM messages WHERE sequence = ?1";
        let values = params![sequence, to.id, now, Uuid::new_v4().to_string()];
        self.connection.prepare_cached(insert)?.execute(values)?;
        self.remove(sequence)?;
        self.ring(to);
        Ok(())
    }

    fn remove(&self, sequence: i64) -> Result<(), Refusal> {
        let delete = "DELETE FROM messages WHERE sequence = ?1";
        self.connection
            .prepare_cached(delete)?
            .execute([sequence])?;
        Ok(())
    }

    fn queue_of_arn(&self, arn: &str) -> Result<Option<Queue>, Refusal> {
        queue::name_of_arn(arn).map_or(Ok(None), |name| self.find_queue(name))
    }
}
