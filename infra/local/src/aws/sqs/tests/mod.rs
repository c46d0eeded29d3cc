//! The queue under the real SDK client: what SQS promises, one test a promise.

mod disk;
mod fifo;
mod polls;
mod refusals;
mod settling;
mod standard;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::send_message::SendMessageOutput;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use chrono::{DateTime, TimeDelta};
use hub_runtime::Clock;

use super::super::Embedded;

/// The embedded services in memory, at a clock that stands still, and one queue.
struct Bench {
    clock: Clock,
    client: Client,
    url: String,
    /// Kept, since dropping them ends them.
    _embedded: Embedded,
}

impl Bench {
    async fn fifo() -> Self {
        Self::with("events.fifo", &[]).await
    }

    async fn standard() -> Self {
        Self::with("wake-ups", &[]).await
    }

    async fn with(name: &str, attributes: &[(QueueAttributeName, &str)]) -> Self {
        let clock = Clock::standing_at(DateTime::from_timestamp(1_700_000_000, 0).unwrap());
        Self::at(clock, name, attributes).await
    }

    async fn at(clock: Clock, name: &str, attributes: &[(QueueAttributeName, &str)]) -> Self {
        let embedded = Embedded::start(None, clock.clone()).await.unwrap();
        let (_, client) = embedded.clients();
        let url = make_queue(&client, name, attributes).await;
        Self {
            clock,
            client,
            url,
            _embedded: embedded,
        }
    }

    /// A bench whose queue gives up a message after that many receives; and the URL of its dead letters.
    async fn with_dead_letters(name: &str, most_receives: u32) -> (Self, String) {
        let bench = Self::with(&format!("dead-{name}"), &[]).await;
        let policy = redrive_policy(&format!("dead-{name}"), most_receives);
        let url = make_queue(
            &bench.client,
            name,
            &[(QueueAttributeName::RedrivePolicy, &policy)],
        )
        .await;
        let dead_letters = bench.url.clone();
        (Self { url, ..bench }, dead_letters)
    }

    fn turn(&self, seconds: i64) {
        self.clock.turn(TimeDelta::seconds(seconds));
    }

    /// Sends to a FIFO queue; the body is its own deduplication id.
    async fn send(&self, group: &str, body: &str) -> SendMessageOutput {
        self.send_as(group, body, body).await
    }

    async fn send_as(&self, group: &str, id: &str, body: &str) -> SendMessageOutput {
        let send = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(body);
        send.message_group_id(group)
            .message_deduplication_id(id)
            .send()
            .await
            .unwrap()
    }

    /// Sends to a standard queue.
    async fn post(&self, body: &str) -> SendMessageOutput {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .send()
            .await
            .unwrap()
    }

    /// Receives up to ten messages with all their attributes, without waiting.
    async fn receive(&self) -> Vec<Message> {
        receive(&self.client, &self.url, 10).await
    }

    async fn receive_one(&self) -> Message {
        receive(&self.client, &self.url, 1).await.remove(0)
    }

    async fn delete(&self, message: &Message) {
        let delete = self.client.delete_message().queue_url(&self.url);
        delete
            .receipt_handle(message.receipt_handle().unwrap())
            .send()
            .await
            .unwrap();
    }

    async fn hide(&self, message: &Message, seconds: i32) {
        let change = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .visibility_timeout(seconds);
        change
            .receipt_handle(message.receipt_handle().unwrap())
            .send()
            .await
            .unwrap();
    }
}

async fn make_queue(
    client: &Client,
    name: &str,
    attributes: &[(QueueAttributeName, &str)],
) -> String {
    let mut create = client.create_queue().queue_name(name);
    if name.ends_with(".fifo") {
        create = create.attributes(QueueAttributeName::FifoQueue, "true");
    }
    for (attribute, value) in attributes {
        create = create.attributes(attribute.clone(), *value);
    }
    create.send().await.unwrap().queue_url.unwrap()
}

fn redrive_policy(dead_letters: &str, most_receives: u32) -> String {
    let arn = super::queue::arn(dead_letters);
    format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"{most_receives}"}}"#)
}

async fn receive(client: &Client, url: &str, most: i32) -> Vec<Message> {
    let receive = client
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(most);
    let all = receive
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .message_attribute_names("All");
    all.send().await.unwrap().messages.unwrap_or_default()
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message.body().unwrap())
        .collect()
}

fn attribute(message: &Message, name: MessageSystemAttributeName) -> Option<&str> {
    message.attributes()?.get(&name).map(String::as_str)
}

fn receive_counts(messages: &[Message]) -> Vec<&str> {
    let count = MessageSystemAttributeName::ApproximateReceiveCount;
    messages
        .iter()
        .map(|message| attribute(message, count.clone()).unwrap())
        .collect()
}
