//! Taking messages in, each once within five minutes on a FIFO queue.

use rusqlite::{OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::super::queue::{Millis, Queue, Settings};
use super::super::refusal::Refusal;
use super::super::wire::{self, Outgoing, Sent};
use super::{Store, to_json};

/// How long a FIFO queue knows a deduplication id again: five minutes.
///
/// Source:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html>
const DEDUPLICATION_INTERVAL: Millis = 5 * 60 * 1000;

impl Store {
    /// Takes a message in, unless the queue has seen it in the last five minutes: then it says what it said before.
    pub(in super::super) fn send(
        &self,
        queue: &Queue,
        message: &Outgoing,
        now: Millis,
    ) -> Result<Sent, Refusal> {
        message.check()?;
        let deduplication_id = check(&queue.settings, message)?;
        let sent = Sent {
            message_id: Uuid::new_v4().to_string(),
            sequence: None,
            body_md5: wire::body_md5(&message.message_body),
            attributes_md5: wire::attributes_md5(&message.message_attributes),
        };
        let group = message.message_group_id.as_deref();
        let scope = group
            .filter(|_| queue.settings.deduplicates_by_group)
            .unwrap_or("");
        if let Some(id) = &deduplication_id
            && let Some((message_id, sequence)) = self.known(queue, scope, id, now)?
        {
            return Ok(Sent {
                message_id,
                sequence: Some(sequence),
                ..sent
            });
        }
        let delay = message
            .delay_seconds
            .map_or(queue.settings.delay, |seconds| seconds * 1000);
        let insert = "INSERT INTO messages
                      (queue, visible_at, sent_at, message_id, group_id, deduplication_id, attributes, body)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.connection.prepare_cached(insert)?.execute(params![
            queue.id,
            now + delay,
            now,
            sent.message_id,
            group,
            deduplication_id,
            to_json(&message.message_attributes),
            message.message_body,
        ])?;
        let sequence = self.connection.last_insert_rowid();
        if let Some(id) = &deduplication_id {
            let insert =
                "INSERT INTO deduplications (queue, scope, id, until, message_id, sequence)
                          VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let until = now + DEDUPLICATION_INTERVAL;
            let values = params![queue.id, scope, id, until, sent.message_id, sequence];
            self.connection.prepare_cached(insert)?.execute(values)?;
        }
        // Even a delayed one: whoever waits has to learn when the delay ends.
        self.ring(queue);
        Ok(Sent {
            sequence: queue.settings.is_fifo.then_some(sequence),
            ..sent
        })
    }

    /// What was answered to a message of that deduplication id in the last five minutes.
    fn known(
        &self,
        queue: &Queue,
        scope: &str,
        id: &str,
        now: Millis,
    ) -> Result<Option<(String, i64)>, Refusal> {
        self.connection
            .prepare_cached("DELETE FROM deduplications WHERE until <= ?1")?
            .execute([now])?;
        let select = "SELECT message_id, sequence FROM deduplications WHERE queue = ?1 AND scope = ?2 AND id = ?3";
        let mut statement = self.connection.prepare_cached(select)?;
        let found = statement.query_row(params![queue.id, scope, id], |row| {
            Ok((row.get(0)?, row.get(1)?))
        });
        Ok(found.optional()?)
    }
}

/// Checks a message against its queue, and says which deduplication id it goes by; on a standard queue, none.
fn check(settings: &Settings, message: &Outgoing) -> Result<Option<String>, Refusal> {
    const NOT_OF_THIS_KIND: &str =
        "The request include parameter that is not valid for this queue type";
    let bytes = message.bytes();
    if bytes > settings.most_bytes {
        let reason = format!("Message must be shorter than {} bytes", settings.most_bytes);
        return Err(Refusal::invalid_parameter(
            "MessageBody",
            format!("of {bytes} bytes"),
            &reason,
        ));
    }
    if let Some(delay) = message.delay_seconds {
        if settings.is_fifo {
            return Err(Refusal::invalid_parameter(
                "DelaySeconds",
                delay,
                NOT_OF_THIS_KIND,
            ));
        }
        if !(0..=900).contains(&delay) {
            return Err(Refusal::invalid_parameter(
                "DelaySeconds",
                delay,
                "DelaySeconds must be >= 0 and <= 900",
            ));
        }
    }
    if let Some(group) = &message.message_group_id {
        check_id("MessageGroupId", group)?;
    }
    if let Some(id) = &message.message_deduplication_id {
        check_id("MessageDeduplicationId", id)?;
    }
    match (settings.is_fifo, &message.message_deduplication_id) {
        (false, Some(id)) => Err(Refusal::invalid_parameter(
            "MessageDeduplicationId",
            id,
            NOT_OF_THIS_KIND,
        )),
        (false, None) => Ok(None),
        (true, _) if message.message_group_id.is_none() => {
            Err(Refusal::missing_parameter("MessageGroupId"))
        }
        (true, Some(id)) => Ok(Some(id.clone())),
        // The body only: attributes do not count.
        (true, None) if settings.deduplicates_content => {
            Ok(Some(hex::encode(Sha256::digest(&message.message_body))))
        }
        (true, None) => {
            let reason = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId \
                          provided explicitly";
            Err(Refusal::invalid_parameter(
                "MessageDeduplicationId",
                "null",
                reason,
            ))
        }
    }
}

/// Up to 128 letters, digits and punctuation.
fn check_id(parameter: &str, id: &str) -> Result<(), Refusal> {
    if (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let reason = format!(
        "{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length"
    );
    Err(Refusal::invalid_parameter(parameter, id, &reason))
}
