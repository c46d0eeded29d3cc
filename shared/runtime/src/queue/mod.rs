//! Sending to the queues: in batches, and an error if a single message was not taken.
//!
//! Queues are wake-up calls, never the truth. Whoever gets an error here sends everything again: a second copy of an
//! event is dropped by its id or recognised by the table, a second wake-up finds nothing to do.

mod batch;
mod messages;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use hub_domain::Service;
use serde::Serialize;

pub use batch::{Deadline, FUNCTION_TIMEOUT, Panicked, caught};
pub use messages::{
    EventMessage, Incoming, NotUnderstood, QueuedAction, QueuedScrobble, Said, VERSION, Wake,
    read_event, read_wake,
};

use crate::aws::chain;
use crate::settings::Settings;

/// The most messages that SQS takes at once.
pub const MOST_MESSAGES: usize = 10;
/// The most bytes in one call, and so in one message: a quarter of what SQS takes today, and all that it took before
/// August 2025, which queues made then still have as their limit.
pub const MOST_BYTES: usize = 256 * 1024;
/// The longest delay of a message.
pub const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// Why messages were not sent. The caller sends all of them again.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// One message is too large for any queue; sending it again does not help.
    #[error("a message of {bytes} bytes is larger than the {MOST_BYTES} that a queue takes")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The queue could not be reached or refused the call.
    #[error("{queue} did not take the messages: {why}")]
    Refused {
        /// The queue's name.
        queue: String,
        /// The SDK's words.
        why: String,
    },
    /// The queue took a part of them.
    #[error("{queue} left out {left_out} of {of} messages: {why}")]
    Partly {
        /// The queue's name.
        queue: String,
        /// How many were left out.
        left_out: usize,
        /// Of how many.
        of: usize,
        /// The first one's reason.
        why: String,
    },
    /// A message could not be written as JSON.
    #[error("a message could not be written")]
    Form(#[source] serde_json::Error),
}

impl SendError {
    /// Says whether the same messages would be refused again, whenever they are sent.
    pub const fn is_for_good(&self) -> bool {
        match self {
            Self::TooLarge { .. } | Self::Form(_) => true,
            Self::Refused { .. } | Self::Partly { .. } => false,
        }
    }
}

/// Where each kind of message goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueUrls {
    /// The events' FIFO queue; a function that sends no events has none.
    pub events: Option<String>,
    /// The workers' queues; only services that are on have one.
    pub deliver: BTreeMap<Service, String>,
}

impl QueueUrls {
    /// The addresses that the settings name.
    pub fn of(settings: &Settings) -> Self {
        Self {
            events: settings.events_queue().ok().map(str::to_owned),
            deliver: settings.deliver_queues().clone(),
        }
    }
}

/// Sends messages.
#[derive(Debug, Clone)]
pub struct Queues {
    client: Client,
    urls: QueueUrls,
}

/// One message as the queue gets it.
struct Outgoing {
    body: String,
    group: Option<String>,
    duplicate_id: Option<String>,
    delay_seconds: Option<i32>,
}

impl Queues {
    /// Sends through `client` to these queues.
    pub const fn new(client: Client, urls: QueueUrls) -> Self {
        Self { client, urls }
    }

    /// Where messages go.
    pub const fn urls(&self) -> &QueueUrls {
        &self.urls
    }

    /// Sends events to `progress`, in order, one user's one after the other.
    ///
    /// # Errors
    ///
    /// Where a single one was not taken; send all of them again, under the same ids.
    pub async fn send_events(&self, messages: &[EventMessage]) -> Result<(), SendError> {
        if messages.is_empty() {
            return Ok(());
        }
        let Some(url) = &self.urls.events else {
            return Err(SendError::Refused {
                queue: "events".to_owned(),
                why: "EVENTS_QUEUE_URL is not set".to_owned(),
            });
        };
        let mut outgoing = Vec::with_capacity(messages.len());
        for message in messages {
            outgoing.push(Outgoing {
                body: written(message)?,
                group: Some(message.user.to_string()),
                duplicate_id: Some(message.id.to_string()),
                // Refused by FIFO queues, even as 0.
                delay_seconds: None,
            });
        }
        self.send(url, outgoing).await
    }

    /// Wakes workers, each after its delay of at most [`LONGEST_DELAY`].
    ///
    /// Every queue is tried, so that one in trouble holds up no other service. A service that has no queue is switched
    /// off and has no worker to wake; its deliveries wait in the table.
    ///
    /// # Errors
    ///
    /// The first error, where a single one was not taken; send all of them again.
    pub async fn send_wakes(&self, wakes: &[(Wake, Duration)]) -> Result<(), SendError> {
        let mut by_service: BTreeMap<Service, Vec<Outgoing>> = BTreeMap::new();
        for (wake, delay) in wakes {
            let seconds = whole_seconds((*delay).min(LONGEST_DELAY));
            by_service
                .entry(wake.service())
                .or_default()
                .push(Outgoing {
                    body: written(wake)?,
                    // On a standard queue the group is no order, only fairness among users.
                    group: wake.user().map(|user| user.to_string()),
                    duplicate_id: None,
                    delay_seconds: Some(seconds),
                });
        }
        let mut outcome = Ok(());
        for (service, outgoing) in by_service {
            let Some(url) = self.urls.deliver.get(&service) else {
                tracing::debug!(
                    service.name = service.name(),
                    "no queue: the service is off"
                );
                continue;
            };
            outcome = outcome.and(self.send(url, outgoing).await);
        }
        outcome
    }

    /// Sends batch after batch; stops at the first that was not taken whole, so that order is kept.
    async fn send(&self, url: &str, outgoing: Vec<Outgoing>) -> Result<(), SendError> {
        for batch in batches(outgoing) {
            let entries = batch
                .into_iter()
                .enumerate()
                .map(|(place, message)| entry(place, message))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|why| refused(url, &why))?;
            let of = entries.len();
            let call = self.client.send_message_batch().queue_url(url);
            let answer = call.set_entries(Some(entries)).send().await;
            let answer = answer.map_err(|error| refused(url, &error))?;
            let left_out = of - answer.successful().len().min(of);
            if left_out > 0 {
                let why = answer.failed().first().map_or("", |failed| failed.code());
                return Err(SendError::Partly {
                    queue: name_of(url),
                    left_out,
                    of,
                    why: why.to_owned(),
                });
            }
        }
        Ok(())
    }
}

fn entry(
    place: usize,
    message: Outgoing,
) -> Result<SendMessageBatchRequestEntry, aws_smithy_types::error::operation::BuildError> {
    SendMessageBatchRequestEntry::builder()
        .id(place.to_string())
        .message_body(message.body)
        .set_message_group_id(message.group)
        .set_message_deduplication_id(message.duplicate_id)
        .set_delay_seconds(message.delay_seconds)
        .build()
}

fn refused(url: &str, error: &dyn std::error::Error) -> SendError {
    SendError::Refused {
        queue: name_of(url),
        why: chain(error),
    }
}

fn written(message: &impl Serialize) -> Result<String, SendError> {
    let body = messages::write(message).map_err(SendError::Form)?;
    match body.len() {
        0..=MOST_BYTES => Ok(body),
        bytes => Err(SendError::TooLarge { bytes }),
    }
}

/// Rounds up, so that nothing wakes before its time.
fn whole_seconds(delay: Duration) -> i32 {
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

/// The queue's name, without the account's number before it.
fn name_of(url: &str) -> String {
    url.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Cuts messages into calls of at most [`MOST_MESSAGES`] and [`MOST_BYTES`], in order.
fn batches(outgoing: Vec<Outgoing>) -> Vec<Vec<Outgoing>> {
    let mut batches: Vec<Vec<Outgoing>> = Vec::new();
    let mut bytes = 0;
    for message in outgoing {
        let length = message.body.len();
        match batches.last_mut() {
            Some(batch) if batch.len() < MOST_MESSAGES && bytes + length <= MOST_BYTES => {
                bytes += length;
                batch.push(message);
            }
            Some(_) | None => {
                bytes = length;
                batches.push(vec![message]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests;
