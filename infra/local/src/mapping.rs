//! An event source mapping of one machine: receives a batch, hands it to the function, deletes what it did not fail.
//!
//! On AWS a mapping gathers a batch of many receives, and runs many batches of a queue at once, but no two of one FIFO
//! group. So does this one, with a difference that no function can see: what belongs to one user is one batch, and
//! while it is worked on, what comes for the same user gathers for the next.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use tokio::task::JoinSet;

/// How long a function may run; the lease of a lane and the visibility of a message are longer.
pub const FUNCTION_TIMEOUT: Duration = Duration::from_secs(90);

/// The most messages of a delete call.
const MOST_DELETED: usize = 10;
/// The most batches of one queue that are worked on at a time.
const AT_ONCE: usize = 64;
/// The most messages that wait for the batch of their user before them; their visibility ends long after it does.
const MOST_WAITING: usize = 1000;
/// The most messages of a batch.
const MOST_OF_A_BATCH: usize = 100;

/// How much longer than it may wait a receive call may take.
const RECEIVE_SLACK: Duration = Duration::from_secs(5);

/// Receives up to ten messages, waiting up to `wait` for the first.
///
/// # Errors
///
/// The queue service's words.
pub async fn receive(
    client: &Client,
    queue: &str,
    wait: Duration,
) -> Result<Vec<Message>, aws_sdk_sqs::Error> {
    // The clients' own timeout is shorter than a long poll, and a call given up may have been handed messages.
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(wait + RECEIVE_SLACK)
        .operation_timeout(wait + RECEIVE_SLACK)
        .build();
    let received = client
        .receive_message()
        .queue_url(queue)
        .max_number_of_messages(10)
        .wait_time_seconds(i32::try_from(wait.as_secs()).unwrap_or(20))
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .customize()
        .config_override(aws_sdk_sqs::Config::builder().timeout_config(timeouts))
        .send()
        .await?;
    Ok(received.messages.unwrap_or_default())
}

/// Receives and works off, until `stopped`; what is being worked on then is worked on to its end.
///
/// `work` is given what belongs to one user. The first failure to receive ends it, behind what is being worked on.
///
/// # Errors
///
/// The queue service's words.
pub async fn run<Fut>(
    client: &Client,
    queue: &str,
    wait: Duration,
    stopped: impl Future<Output = ()>,
    work: impl Fn(Vec<Message>) -> Fut,
) -> Result<(), aws_sdk_sqs::Error>
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let mut stopped = pin!(stopped);
    let mut running: JoinSet<Option<String>> = JoinSet::new();
    let (mut busy, mut waiting) = (HashSet::new(), Waiting::default());
    let start = |running: &mut JoinSet<_>, group: Option<String>, messages| {
        let worked = work(messages);
        running.spawn(async move {
            worked.await;
            group
        });
    };
    let outcome = 'ended: loop {
        // Never given up half way: it may have been handed messages, which nobody else would get for a while.
        let mut received = pin!(receive(client, queue, wait));
        let received = loop {
            let has_room = running.len() < AT_ONCE && waiting.count < MOST_WAITING;
            tokio::select! {
                received = &mut received, if has_room => break received,
                Some(ended) = running.join_next() => {
                    // A panic is logged by whoever hears of it; its messages come again when their time is over.
                    let Ok(group) = ended else { continue };
                    busy.remove(&group);
                    if let Some(messages) = waiting.take(&group) {
                        busy.insert(group.clone());
                        start(&mut running, group, messages);
                    }
                }
                () = &mut stopped => break 'ended Ok(()),
            }
        };
        let messages = match received {
            Ok(messages) => messages,
            Err(error) => break Err(error),
        };
        for message in messages {
            waiting.put(message);
        }
        for group in waiting.groups() {
            if !busy.contains(&group)
                && let Some(messages) = waiting.take(&group)
            {
                busy.insert(group.clone());
                start(&mut running, group, messages);
            }
        }
    };
    while running.join_next().await.is_some() {}
    outcome
}

/// Messages that are received and not worked on yet, by user.
#[derive(Default)]
struct Waiting {
    by_group: HashMap<Option<String>, Vec<Message>>,
    count: usize,
}

impl Waiting {
    fn put(&mut self, message: Message) {
        let group = message
            .attributes
            .as_ref()
            .and_then(|attributes| attributes.get(&MessageSystemAttributeName::MessageGroupId));
        let group = group.cloned();
        self.by_group.entry(group).or_default().push(message);
        self.count += 1;
    }

    fn groups(&self) -> Vec<Option<String>> {
        self.by_group.keys().cloned().collect()
    }

    /// The oldest of a user's messages, as many as a batch holds.
    fn take(&mut self, group: &Option<String>) -> Option<Vec<Message>> {
        let mut messages = self.by_group.remove(group)?;
        if messages.len() > MOST_OF_A_BATCH {
            let rest = messages.split_off(MOST_OF_A_BATCH);
            self.by_group.insert(group.clone(), rest);
        }
        self.count -= messages.len();
        Some(messages)
    }
}

/// Hands messages to a function, and deletes those that it did not fail; returns how many there were.
///
/// A function that runs out of time has failed the whole batch, and so it has where `before_delete` fails.
///
/// # Errors
///
/// The queue service's words.
pub async fn hand_over<F, Fut>(
    client: &Client,
    queue: &str,
    messages: Vec<Message>,
    handle: F,
    before_delete: impl Future<Output = std::io::Result<()>>,
) -> Result<usize, aws_sdk_sqs::Error>
where
    F: FnOnce(SqsEvent) -> Fut,
    Fut: Future<Output = SqsBatchResponse>,
{
    if messages.is_empty() {
        return Ok(0);
    }
    let mut event = SqsEvent::default();
    event.records = messages.iter().map(record).collect();
    let count = event.records.len();
    let Ok(response) = tokio::time::timeout(FUNCTION_TIMEOUT, handle(event)).await else {
        tracing::error!(
            queue,
            "the function ran out of time, its messages come again"
        );
        return Ok(count);
    };
    let failed: Vec<String> = response
        .batch_item_failures
        .into_iter()
        .map(|failure| failure.item_identifier)
        .collect();
    if let Err(error) = before_delete.await {
        tracing::error!(%error, queue, "what came of the messages may not last, they come again");
        return Ok(count);
    }
    let done: Vec<DeleteMessageBatchRequestEntry> = messages
        .iter()
        .filter(|message| {
            message
                .message_id
                .as_ref()
                .is_none_or(|id| !failed.contains(id))
        })
        .enumerate()
        .filter_map(|(at, message)| {
            let receipt = message.receipt_handle.clone()?;
            DeleteMessageBatchRequestEntry::builder()
                .id(at.to_string())
                .receipt_handle(receipt)
                .build()
                .ok()
        })
        .collect();
    for done in done.chunks(MOST_DELETED) {
        client
            .delete_message_batch()
            .queue_url(queue)
            .set_entries(Some(done.to_vec()))
            .send()
            .await?;
    }
    Ok(count)
}

fn record(message: &Message) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id.clone_from(&message.message_id);
    record.receipt_handle.clone_from(&message.receipt_handle);
    record.body.clone_from(&message.body);
    record.event_source = Some("aws:sqs".to_owned());
    record.attributes = message
        .attributes
        .iter()
        .flatten()
        .map(|(name, value)| (name.as_str().to_owned(), value.clone()))
        .collect::<HashMap<_, _>>();
    record
}
