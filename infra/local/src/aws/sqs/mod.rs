//! SQS for one machine: standard and FIFO queues over SQLite, for the real SDK.
//!
//! - Reference: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html>
//! - Authorization: none; whoever reaches the loopback port may do everything.
//! - Time: delays, visibility, retention and deduplication go by the clock that is handed in. A long poll waits in
//!   real time, and looks again when something arrives, when a message is due and when the clock is turned.
//! - Durability: whatever was answered survives `kill -9`. A power loss survive, as far as the disk keeps its word,
//!   queues and their attributes, and what was sent to a FIFO queue or by a client that asks for it ([`Sent`]); not what
//!   was sent to a standard queue else, received or deleted at last: the hub's standard queues hold wake-up calls, and
//!   what is handed out twice is recognised. A new start hands back at once what was in flight.
//! - Left out: permissions, tags, encryption, deletion of queues, message timers' and visibility's limits on the
//!   number in flight, AWS's trace header, the 60 s between purges, and the pace of a redrive, which is done at once.
//!   Nothing here was compared with AWS itself, only with its documentation.

mod bells;
mod queue;
mod receive;
mod refusal;
mod store;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use http::{HeaderMap, Response, StatusCode};
use hub_runtime::Clock;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use super::loopback::{self, Reply, Serving, Stopping};
use super::writer::{NotKept, Promise, Writer};
use bells::Bells;
use queue::{MOST_BYTES, Millis, Queue};
use refusal::Refusal;
use store::Store;
use wire::{Batch, BatchOutcome, FailedEntry};

/// A megabyte of text may take six as JSON, where each character is escaped.
const MOST_REQUEST_BYTES: usize = 8 * MOST_BYTES;

/// The most entries of a batch, and the most messages of a receive.
const MOST_ENTRIES: usize = 10;

/// The running queue service.
pub struct Sqs {
    server: Arc<Server>,
    serving: OnceLock<Serving>,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Sqs {
    /// Opens the queues kept in the file `path`, or in memory without one.
    ///
    /// # Errors
    ///
    /// The file cannot be opened.
    pub fn start(path: Option<&Path>, clock: Clock) -> io::Result<Self> {
        let bells = Arc::new(Bells::default());
        let store = Store::open(path, clock.now().timestamp_millis(), Arc::clone(&bells));
        let store = store.map_err(io::Error::other)?;
        let (writer, thread) = Writer::start("sqs", store, path)?;
        let (stop, stopping) = Stopping::channel();
        let server = Arc::new(Server {
            writer,
            bells,
            clock,
            stopping,
        });
        Ok(Self {
            server,
            serving: OnceLock::new(),
            stop,
            thread,
        })
    }

    /// What answers the SDK's requests inside this process.
    pub(super) fn server(&self) -> Arc<Server> {
        Arc::clone(&self.server)
    }

    /// The URL to give to an SDK of another process, without a slash at the end; listening begins with the first call.
    ///
    /// # Errors
    ///
    /// No loopback port can be bound.
    pub fn url(&self) -> io::Result<&str> {
        let serve = |_: &str, _| {
            Router::new()
                .fallback(handle)
                .layer(DefaultBodyLimit::max(MOST_REQUEST_BYTES))
                .with_state(self.server())
        };
        loopback::url_of(&self.serving, serve)
    }

    /// How often the queues' log was synced to the disk so far.
    pub fn syncs(&self) -> u64 {
        self.server.writer.syncs()
    }

    /// Ends long polls, answers what has begun, writes everything to the file and closes it.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        if let Some(serving) = self.serving.into_inner() {
            serving.stop().await;
        }
        self.server.writer.stop();
        let thread = self.thread;
        if !matches!(
            tokio::task::spawn_blocking(|| thread.join()).await,
            Ok(Ok(()))
        ) {
            tracing::error!("the embedded queue's thread panicked");
        }
    }
}

/// What answers requests, wherever they come from.
pub(super) struct Server {
    writer: Writer<Store>,
    bells: Arc<Bells>,
    clock: Clock,
    stopping: Stopping,
}

async fn handle(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let target = headers.get("x-amz-target");
    let target = target.and_then(|target| target.to_str().ok());
    let reply = server
        .answer(target.unwrap_or_default(), &body, Sent::All)
        .await;
    reply.into_response("1.0")
}

fn refused(refusal: &Refusal) -> Reply {
    let fault = if refusal.is_senders_fault {
        "Sender"
    } else {
        "Receiver"
    };
    let body = json!({ "__type": format!("com.amazonaws.sqs#{}", refusal.code), "message": refusal.message });
    Reply {
        query_error: Some(format!("{};{fault}", refusal.query_code)),
        ..Reply::json(refusal.status(), &body)
    }
}

impl From<NotKept> for Refusal {
    fn from(NotKept: NotKept) -> Self {
        Self::internal()
    }
}

/// A queue's URL. A client knows where to call, and here a queue is known by the last segment alone: any host will do.
fn url_of(name: &str) -> String {
    format!("http://sqs.localhost/{}/{name}", queue::ACCOUNT)
}

/// Which messages are on the disk when they are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// All that this client sends.
    All,
    /// Those to FIFO queues; a standard queue's messages are wake-up calls.
    ToFifo,
}

impl Sent {
    fn promise(self, queue_url: &str) -> Promise {
        match self {
            Self::ToFifo if !queue_url.ends_with(".fifo") => Promise::Kept,
            Self::All | Self::ToFifo => Promise::Durable,
        }
    }
}

impl Server {
    /// Answers a request: the operation that `X-Amz-Target` names, and its body.
    pub(super) async fn answer(&self, target: &str, body: &[u8], sent: Sent) -> Reply {
        let operation = loopback::operation(target, "AmazonSQS").unwrap_or_default();
        match self.carry_out(operation, body, sent).await {
            Ok(answer) => Reply::json(StatusCode::OK, &answer),
            Err(refusal) => refused(&refusal),
        }
    }

    async fn carry_out(&self, operation: &str, body: &[u8], sent: Sent) -> Result<Value, Refusal> {
        match operation {
            "CreateQueue" => self.create_queue(read(body)?).await,
            "SetQueueAttributes" => self.set_attributes(read(body)?).await,
            "GetQueueUrl" => self.queue_url(read(body)?).await,
            "GetQueueAttributes" => self.attributes(read(body)?).await,
            "ListQueues" => self.list(read(body)?).await,
            "PurgeQueue" => self.purge(read(body)?).await,
            "SendMessage" => self.send(read(body)?, sent).await,
            "SendMessageBatch" => self.send_batch(read(body)?, sent).await,
            "ReceiveMessage" => self.receive(read(body)?).await,
            "DeleteMessage" => self.delete(read(body)?).await,
            "DeleteMessageBatch" => self.delete_batch(read(body)?).await,
            "ChangeMessageVisibility" => self.change_visibility(read(body)?).await,
            "ChangeMessageVisibilityBatch" => self.change_visibility_batch(read(body)?).await,
            "StartMessageMoveTask" => self.redrive(read(body)?).await,
            unknown => Err(Refusal::unsupported(format!(
                "The embedded queue has no operation {unknown:?}."
            ))),
        }
    }

    /// Does something on the database's thread: all of it or, where it is refused, nothing. It is given the time.
    async fn run<T: Send + 'static>(
        &self,
        promise: Promise,
        work: impl FnOnce(&Store, Millis) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let clock = self.clock.clone();
        let work = move |store: &Store| {
            let now = clock.now().timestamp_millis();
            store.all_or_nothing(|| work(store, now))
        };
        self.writer.run(promise, work).await?
    }

    /// The same with the queue that a URL names.
    async fn with_queue<T: Send + 'static>(
        &self,
        promise: Promise,
        queue_url: &str,
        work: impl FnOnce(&Store, &Queue, Millis) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let name = queue::name_of_url(queue_url).to_owned();
        self.run(promise, move |store, now| {
            work(store, &store.queue(&name)?, now)
        })
        .await
    }

    async fn create_queue(&self, request: wire::QueueAttributes) -> Result<Value, Refusal> {
        let name = request.queue_name.clone();
        if !queue::is_name(&name) {
            let reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
            return Err(Refusal::invalid_parameter("QueueName", name, reason));
        }
        let create = move |store: &Store, now| {
            store.create_queue(&request.queue_name, &request.attributes, now)
        };
        self.run(Promise::Durable, create).await?;
        Ok(json!({ "QueueUrl": url_of(&name) }))
    }

    async fn set_attributes(&self, request: wire::QueueAttributes) -> Result<Value, Refusal> {
        let attributes = request.attributes;
        let set =
            move |store: &Store, queue: &Queue, now| store.set_attributes(queue, &attributes, now);
        self.with_queue(Promise::Durable, &request.queue_url, set)
            .await?;
        Ok(json!({}))
    }

    async fn queue_url(&self, request: wire::NamedQueue) -> Result<Value, Refusal> {
        let queue = self
            .with_queue(Promise::Kept, &request.queue_name, |_, queue, _| {
                Ok(queue.clone())
            })
            .await?;
        Ok(json!({ "QueueUrl": url_of(&queue.name) }))
    }

    async fn attributes(&self, request: wire::NamedQueue) -> Result<Value, Refusal> {
        let look =
            |store: &Store, queue: &Queue, now| Ok((queue.clone(), store.counts(queue, now)?));
        let (queue, counts) = self
            .with_queue(Promise::Kept, &request.queue_url, look)
            .await?;
        let seconds = |millis: Millis| (millis / 1000).to_string();
        let mut all = queue.all_attributes();
        all.extend([
            ("QueueArn".to_owned(), queue::arn(&queue.name)),
            ("CreatedTimestamp".to_owned(), seconds(queue.created_at)),
            (
                "LastModifiedTimestamp".to_owned(),
                seconds(queue.modified_at),
            ),
            (
                "ApproximateNumberOfMessages".to_owned(),
                counts.visible.to_string(),
            ),
            (
                "ApproximateNumberOfMessagesNotVisible".to_owned(),
                counts.in_flight.to_string(),
            ),
            (
                "ApproximateNumberOfMessagesDelayed".to_owned(),
                counts.delayed.to_string(),
            ),
        ]);
        let asked = &request.attribute_names;
        all.retain(|name, _| asked.iter().any(|asked| asked == "All" || asked == name));
        Ok(json!({ "Attributes": all }))
    }

    async fn list(&self, request: wire::NamedQueue) -> Result<Value, Refusal> {
        let look = move |store: &Store, _| store.queue_names(&request.queue_name_prefix);
        let names = self.run(Promise::Kept, look).await?;
        let urls: Vec<String> = names.iter().map(|name| url_of(name)).collect();
        Ok(json!({ "QueueUrls": urls }))
    }

    async fn purge(&self, request: wire::NamedQueue) -> Result<Value, Refusal> {
        let purge = |store: &Store, queue: &Queue, _| store.purge(queue);
        self.with_queue(Promise::Durable, &request.queue_url, purge)
            .await?;
        Ok(json!({}))
    }

    async fn send(&self, request: wire::SendMessage, sent: Sent) -> Result<Value, Refusal> {
        let message = request.message;
        let send = move |store: &Store, queue: &Queue, now| store.send(queue, &message, now);
        let promise = sent.promise(&request.queue_url);
        let sent = self.with_queue(promise, &request.queue_url, send).await?;
        Ok(value(&sent.answer(None)))
    }

    async fn send_batch(
        &self,
        request: Batch<wire::Outgoing>,
        sent: Sent,
    ) -> Result<Value, Refusal> {
        let bytes = request
            .entries
            .iter()
            .map(|entry| entry.entry.bytes())
            .sum();
        if bytes > MOST_BYTES {
            return Err(Refusal::batch_too_long(MOST_BYTES, bytes));
        }
        let promise = sent.promise(&request.queue_url);
        self.batch(promise, request, |store, queue, id, message, now| {
            let sent = store.send(queue, message, now)?;
            Ok(value(&sent.answer(Some(id.to_owned()))))
        })
        .await
    }

    async fn delete(&self, request: wire::DeleteMessage) -> Result<Value, Refusal> {
        let handle = request.held.receipt_handle;
        let delete = move |store: &Store, queue: &Queue, now| store.delete(queue, &handle, now);
        self.with_queue(Promise::Kept, &request.queue_url, delete)
            .await?;
        Ok(json!({}))
    }

    async fn delete_batch(&self, request: Batch<wire::Held>) -> Result<Value, Refusal> {
        self.batch(Promise::Kept, request, |store, queue, id, held, now| {
            store.delete(queue, &held.receipt_handle, now)?;
            Ok(json!({ "Id": id }))
        })
        .await
    }

    async fn change_visibility(&self, request: wire::ChangeVisibility) -> Result<Value, Refusal> {
        let wire::VisibilityChange {
            receipt_handle,
            visibility_timeout,
        } = request.change;
        let change = move |store: &Store, queue: &Queue, now| {
            store.change_visibility(queue, &receipt_handle, visibility_timeout, now)
        };
        self.with_queue(Promise::Kept, &request.queue_url, change)
            .await?;
        Ok(json!({}))
    }

    async fn change_visibility_batch(
        &self,
        request: Batch<wire::VisibilityChange>,
    ) -> Result<Value, Refusal> {
        self.batch(Promise::Kept, request, |store, queue, id, change, now| {
            store.change_visibility(
                queue,
                &change.receipt_handle,
                change.visibility_timeout,
                now,
            )?;
            Ok(json!({ "Id": id }))
        })
        .await
    }

    async fn redrive(&self, request: wire::StartMessageMoveTask) -> Result<Value, Refusal> {
        let wire::StartMessageMoveTask {
            source_arn,
            destination_arn,
        } = request;
        let redrive =
            move |store: &Store, now| store.redrive(&source_arn, destination_arn.as_deref(), now);
        let moved = self.run(Promise::Durable, redrive).await?;
        tracing::info!(moved, "dead letters were sent back");
        Ok(json!({ "TaskHandle": Uuid::new_v4().to_string() }))
    }

    /// Does each entry of a batch, in order and in one commit; a refused one does not keep the others.
    async fn batch<Entry: Send + 'static>(
        &self,
        promise: Promise,
        request: Batch<Entry>,
        each: impl Fn(&Store, &Queue, &str, &Entry, Millis) -> Result<Value, Refusal> + Send + 'static,
    ) -> Result<Value, Refusal> {
        check_batch(&request)?;
        let entries = request.entries;
        let work = move |store: &Store, queue: &Queue, now| {
            let mut outcome = BatchOutcome {
                successful: Vec::new(),
                failed: Vec::new(),
            };
            for entry in entries {
                match each(store, queue, &entry.id, &entry.entry, now) {
                    Ok(answer) => outcome.successful.push(answer),
                    Err(refusal) if refusal.is_senders_fault => outcome.failed.push(FailedEntry {
                        id: entry.id,
                        code: refusal.query_code,
                        message: refusal.message,
                        sender_fault: true,
                    }),
                    Err(refusal) => return Err(refusal),
                }
            }
            Ok(outcome)
        };
        let outcome = self.with_queue(promise, &request.queue_url, work).await?;
        Ok(value(&outcome))
    }
}

/// Between one and ten entries, each with an id of its own.
fn check_batch<Entry>(request: &Batch<Entry>) -> Result<(), Refusal> {
    let entries = &request.entries;
    if entries.is_empty() {
        return Err(Refusal::empty_batch());
    }
    if entries.len() > MOST_ENTRIES {
        return Err(Refusal::too_many_entries(entries.len()));
    }
    let mut ids = HashSet::new();
    for entry in entries {
        if entry.id.len() > 80 || !queue::is_word(&entry.id) {
            return Err(Refusal::invalid_entry_id());
        }
        if !ids.insert(&entry.id) {
            return Err(Refusal::repeated_entry(&entry.id));
        }
    }
    Ok(())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::malformed(&error))
}

fn value(answer: &impl Serialize) -> Value {
    serde_json::to_value(answer).expect("an answer is a map from text to JSON")
}
