//! An event source mapping of one machine: receives a batch, hands it to the function, deletes what it did not fail.

use std::collections::HashMap;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};

/// How long a function may run; the lease of a lane and the visibility of a message are longer.
pub const FUNCTION_TIMEOUT: Duration = Duration::from_secs(90);

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

/// Hands messages to a function, and deletes those that it did not fail; returns how many there were.
///
/// A function that runs out of time has failed the whole batch.
///
/// # Errors
///
/// The queue service's words.
pub async fn hand_over<F, Fut>(
    client: &Client,
    queue: &str,
    messages: Vec<Message>,
    handle: F,
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
    if !done.is_empty() {
        client
            .delete_message_batch()
            .queue_url(queue)
            .set_entries(Some(done))
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
