//! DynamoDB for one machine: the crate dynoxide, on loopback and on a thread of its own.
//!
//! - Durability: each write is a SQLite commit in WAL mode, and dynoxide leaves `synchronous` at SQLite's default,
//!   FULL: what was answered survives `kill -9`, and a power loss as far as the disk keeps its word. (At NORMAL, which
//!   its `disable_bulk_loading` would set, only the first would hold, for about 140 times the commits a second.)
//! - Time: in memory, expiry and streams go by the clock that is handed in. On disk dynoxide takes no clock, so expiry
//!   goes by the machine's. Expired items stay readable until the next [`DynamoDb::sweep`], as at AWS for up to days.
//! - Not imitated: throttling, capacity, `TransactionConflictException`.

use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::thread::JoinHandle;

use dynoxide::Database;
use hub_runtime::Clock;
use tokio::sync::watch;
use tokio::time::timeout;

use super::loopback::{self, STOP_GRACE, Stopping};

/// The running table service.
pub struct DynamoDb {
    url: String,
    database: Database,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl DynamoDb {
    /// Serves the tables kept in the file `path`, or in memory without one, on a free loopback port.
    ///
    /// # Errors
    ///
    /// The file cannot be opened or is of a newer layout, or no port can be bound.
    pub async fn start(path: Option<&Path>, clock: Clock) -> io::Result<Self> {
        let database = match path {
            Some(path) => {
                let not_text = || {
                    io::Error::new(
                        io::ErrorKind::InvalidInput,
                        "the data folder's name is not UTF-8",
                    )
                };
                Database::new(path.to_str().ok_or_else(not_text)?)
            }
            None => Database::memory_with_clock(Arc::new(TurnedClock(clock))),
        };
        let database = database.map_err(io::Error::other)?;
        let (listener, url) = loopback::bind().await?;
        let listener = listener.into_std()?;
        let (stop, stopping) = Stopping::channel();
        let served = database.clone();
        // dynoxide commits on the thread that serves, which would hold up everything else there.
        let thread = std::thread::Builder::new()
            .name("dynamodb".to_owned())
            .spawn(move || {
                if let Err(error) = serve(listener, served, stopping) {
                    tracing::error!(%error, "the embedded DynamoDB stopped serving");
                }
            })?;
        Ok(Self {
            url,
            database,
            stop,
            thread,
        })
    }

    /// The URL to give to an SDK, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Deletes the items whose time to live is over, and says how many; to be called about once a minute.
    ///
    /// It goes page by page and lets waiting requests go first.
    ///
    /// # Errors
    ///
    /// The database refused; the next call begins anew.
    pub async fn sweep(&self) -> io::Result<usize> {
        let database = self.database.clone();
        let swept = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
        swept.map_err(io::Error::other)?.map_err(io::Error::other)
    }

    /// Answers what has begun, writes everything to the file and closes it.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        let thread = self.thread;
        if !matches!(
            tokio::task::spawn_blocking(|| thread.join()).await,
            Ok(Ok(()))
        ) {
            tracing::error!("the embedded DynamoDB's thread panicked");
        }
        // The last handle: closing it writes the log back into the file, which may take a while.
        let database = self.database;
        let _ = tokio::task::spawn_blocking(|| drop(database)).await;
    }
}

fn serve(
    listener: std::net::TcpListener,
    database: Database,
    stopping: Stopping,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let asked = stopping.clone().asked();
        let mut served = pin!(dynoxide::server::serve_with_shutdown(
            listener, database, asked
        ));
        let ended = tokio::select! {
            ended = &mut served => Some(ended),
            () = stopping.asked() => timeout(STOP_GRACE, served).await.ok(),
        };
        ended.unwrap_or(Ok(())).map_err(io::Error::other)
    })
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
