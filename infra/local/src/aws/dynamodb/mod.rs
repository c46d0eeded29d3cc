//! DynamoDB for one machine: the crate dynoxide, on a thread of its own.
//!
//! - Durability: whatever was answered survives `kill -9`. What survives a power loss as well, as far as the disk keeps
//!   its word, is the caller's choice; see [`Durable`].
//! - Time: expiry and streams go by the clock that is handed in. Expired items stay readable until the next
//!   [`DynamoDb::sweep`], as at AWS for up to days.
//! - Not imitated: throttling, capacity, `TransactionConflictException`, and the ten minutes for which DynamoDB knows a
//!   transaction's token: here nothing repeats a request whose answer was lost.

mod engine;
mod operation;
mod sweep;

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use http::{HeaderMap, Response, StatusCode};
use hub_runtime::Clock;
use serde_json::json;

use super::loopback::{self, Reply, Serving};
use super::writer::{NotKept, Promise, Writer};
use engine::Engine;
use operation::Operation;

/// DynamoDB accepts bodies up to 16 MB.
const MOST_REQUEST_BYTES: usize = 16 * 1024 * 1024;

/// Which of a client's writes are on the disk when they are answered.
///
/// The log is written in order: once a write is on the disk, so is every one before it, whoever made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    /// Each.
    Each,
    /// Those whose request holds one of these texts; the others at the next write that has to be, or at
    /// [`DynamoDb::sync`].
    Naming(&'static [&'static str]),
}

/// The running table service.
pub struct DynamoDb {
    server: Arc<Server>,
    serving: OnceLock<Serving>,
    thread: JoinHandle<()>,
}

impl DynamoDb {
    /// Opens the tables kept in the file `path`, or in memory without one.
    ///
    /// # Errors
    ///
    /// The file cannot be opened or is of a newer layout.
    pub fn start(path: Option<&Path>, clock: Clock) -> io::Result<Self> {
        let engine = Engine::open(path, clock)?;
        let (writer, thread) = Writer::start("dynamodb", engine, path)?;
        Ok(Self {
            server: Arc::new(Server { writer }),
            serving: OnceLock::new(),
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

    /// Deletes the items whose time to live is over, and says how many; to be called about once a minute.
    ///
    /// It goes page by page and lets waiting requests go first.
    ///
    /// # Errors
    ///
    /// The database refused; the next call begins anew.
    pub async fn sweep(&self) -> io::Result<usize> {
        sweep::sweep(&self.server.writer).await
    }

    /// Returns once all that was answered before is on the disk.
    ///
    /// # Errors
    ///
    /// It may not be.
    pub async fn sync(&self) -> io::Result<()> {
        self.server.sync().await
    }

    /// How often the tables' log was synced to the disk so far.
    pub fn syncs(&self) -> u64 {
        self.server.writer.syncs()
    }

    /// Answers what has begun, writes everything to the file and closes it.
    pub async fn shutdown(self) {
        if let Some(serving) = self.serving.into_inner() {
            serving.stop().await;
        }
        self.server.writer.stop();
        let thread = self.thread;
        if !matches!(
            tokio::task::spawn_blocking(|| thread.join()).await,
            Ok(Ok(()))
        ) {
            tracing::error!("the embedded DynamoDB's thread panicked");
        }
    }
}

/// What answers requests, wherever they come from.
pub(super) struct Server {
    writer: Writer<Engine>,
}

async fn handle(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let target = headers.get("x-amz-target");
    let target = target.and_then(|target| target.to_str().ok());
    let reply = server
        .answer(target.unwrap_or_default(), &body, Durable::Each)
        .await;
    reply.into_response("1.0")
}

impl Server {
    /// Answers a request: the operation that `X-Amz-Target` names, and its body.
    ///
    /// What is read of a request, and what is written of an answer, is done here and not on the one thread.
    pub(super) async fn answer(&self, target: &str, body: &[u8], durable: Durable) -> Reply {
        let name = loopback::operation(target, "DynamoDB_20120810").unwrap_or_default();
        let operation = match Operation::read(name, body) {
            Ok(operation) => operation,
            Err(refusal) => return refusal,
        };
        let promise = if operation.writes && durable.is_asked_for(body) {
            Promise::Durable
        } else {
            Promise::Kept
        };
        let done = self
            .writer
            .run(promise, move |engine| engine.carry_out(operation));
        match done.await {
            Ok(answer) => answer(),
            Err(NotKept) => Reply::json(
                StatusCode::INTERNAL_SERVER_ERROR,
                &json!({ "__type": "com.amazonaws.dynamodb.v20120810#InternalServerError",
                         "message": "The write could not be kept." }),
            ),
        }
    }

    /// Returns once all that was answered before is on the disk.
    pub(super) async fn sync(&self) -> io::Result<()> {
        let synced = self.writer.sync().await;
        synced.map_err(|NotKept| io::Error::other("the disk did not take the table's log"))
    }
}

impl Durable {
    fn is_asked_for(self, body: &[u8]) -> bool {
        let holds = |text: &str| body.windows(text.len()).any(|part| part == text.as_bytes());
        match self {
            Self::Each => true,
            Self::Naming(texts) => texts.iter().any(|text| holds(text)),
        }
    }
}

/// Our clock, as dynoxide reads one.
struct TurnedClock(Clock);

impl dynoxide::storage_backend::Clock for TurnedClock {
    fn now_unix_secs(&self) -> u64 {
        self.0.now().timestamp().unsigned_abs()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        std::time::Duration::from_micros(self.0.now().timestamp_micros().unsigned_abs())
            .as_secs_f64()
    }
}
