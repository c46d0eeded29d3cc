//! The queues and their messages in one SQLite database.
//!
//! Everything here is called from the one thread that owns the connection, inside a transaction that it commits. What
//! is committed survives `kill -9`; what survives a power loss as well, the thread's owner says (`writer`).
//!
//! | question                           | index                                                |
//! | ---------------------------------- | ---------------------------------------------------- |
//! | groups of a FIFO queue, in order   | `messages_in_order (queue, sequence, group_id)`      |
//! | next of one group                  | `messages_of_group (queue, group_id, sequence)`      |
//! | groups that are held               | `messages_held (queue, visible_at, group_id)`        |
//! | next of a standard queue; next due | `messages_by_visibility (queue, visible_at)`         |
//! | too old                            | `messages_by_age (queue, sent_at)`                   |

mod dead_letters;
mod receive;
mod send;
mod settle;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::super::writer::Database;
use super::bells::Bells;
use super::queue::{Millis, Queue, Settings};
use super::refusal::Refusal;

pub(super) use receive::Look;
pub(super) use settle::check_visibility;

/// The layout below; a file of a later one is left alone.
const VERSION: i64 = 1;

const LAYOUT: &str = "
    CREATE TABLE queues (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        attributes TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        modified_at INTEGER NOT NULL
    );
    CREATE TABLE messages (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        queue INTEGER NOT NULL REFERENCES queues (id),
        visible_at INTEGER NOT NULL,
        receipt TEXT,
        receive_count INTEGER NOT NULL DEFAULT 0,
        sent_at INTEGER NOT NULL,
        first_received_at INTEGER,
        message_id TEXT NOT NULL,
        group_id TEXT,
        deduplication_id TEXT,
        dead_letter_source TEXT,
        attributes TEXT NOT NULL,
        body TEXT NOT NULL
    );
    CREATE INDEX messages_in_order ON messages (queue, sequence, group_id);
    CREATE INDEX messages_by_visibility ON messages (queue, visible_at);
    CREATE INDEX messages_by_age ON messages (queue, sent_at);
    CREATE INDEX messages_of_group ON messages (queue, group_id, sequence) WHERE group_id IS NOT NULL;
    CREATE INDEX messages_held ON messages (queue, visible_at, group_id) WHERE receipt IS NOT NULL;
    CREATE TABLE deduplications (
        queue INTEGER NOT NULL REFERENCES queues (id),
        scope TEXT NOT NULL,
        id TEXT NOT NULL,
        until INTEGER NOT NULL,
        message_id TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        PRIMARY KEY (queue, scope, id)
    ) WITHOUT ROWID;
    CREATE INDEX deduplications_by_end ON deduplications (until);
";

/// The database, on its thread.
pub(super) struct Store {
    connection: Connection,
    /// The queues where something may have become receivable since the last commit.
    rung: RefCell<BTreeSet<String>>,
    bells: Arc<Bells>,
}

/// How many messages a queue holds, by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    /// Ready to be received.
    pub(super) visible: i64,
    /// Received, and neither deleted nor visible again.
    pub(super) in_flight: i64,
    /// Sent with a delay that has not ended.
    pub(super) delayed: i64,
}

impl Store {
    /// Opens the database and lays it out.
    ///
    /// Whoever held a message when the process ended is gone with it, so at once all of them can be received again,
    /// with the receives before counted; a delay that was asked for is kept.
    pub(super) fn open(
        path: Option<&Path>,
        now: Millis,
        bells: Arc<Bells>,
    ) -> rusqlite::Result<Self> {
        let connection = match path {
            Some(path) => Connection::open(path)?,
            None => Connection::open_in_memory()?,
        };
        // The process before may still be closing its connection.
        connection.busy_timeout(Duration::from_secs(5))?;
        // In memory there is no log and the answer is "memory"; nothing has to be durable there.
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        // The thread's owner syncs the log itself, for all who wait for that; see `writer`.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version > VERSION {
            return Err(rusqlite::Error::InvalidPath(
                path.unwrap_or(Path::new("")).to_path_buf(),
            ));
        }
        if version < VERSION {
            connection.execute_batch(&format!(
                "BEGIN; {LAYOUT} PRAGMA user_version = {VERSION}; COMMIT;"
            ))?;
        }
        let hand_back =
            "UPDATE messages SET visible_at = ?1 WHERE receipt IS NOT NULL AND visible_at > ?1";
        connection.execute(hand_back, [now])?;
        Ok(Self {
            connection,
            rung: RefCell::default(),
            bells,
        })
    }

    /// Runs one piece of work of a transaction; if it is refused, nothing of it stays, and the others do.
    pub(super) fn all_or_nothing<T>(
        &self,
        work: impl FnOnce() -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.connection.execute_batch("SAVEPOINT work")?;
        let outcome = work();
        let end = if outcome.is_ok() {
            "RELEASE work"
        } else {
            "ROLLBACK TO work; RELEASE work"
        };
        self.connection.execute_batch(end)?;
        outcome
    }

    /// Remembers that a receive on that queue may find something after the commit.
    fn ring(&self, queue: &Queue) {
        self.rung.borrow_mut().insert(queue.name.clone());
    }

    /// The queue of that name.
    pub(super) fn queue(&self, name: &str) -> Result<Queue, Refusal> {
        self.find_queue(name)?.ok_or_else(Refusal::no_such_queue)
    }

    fn find_queue(&self, name: &str) -> Result<Option<Queue>, Refusal> {
        let select =
            "SELECT id, name, attributes, created_at, modified_at FROM queues WHERE name = ?1";
        let row = self
            .connection
            .prepare_cached(select)?
            .query_row([name], read_queue)
            .optional()?;
        row.map(RawQueue::read).transpose()
    }

    fn all_queues(&self) -> Result<Vec<Queue>, Refusal> {
        let select =
            "SELECT id, name, attributes, created_at, modified_at FROM queues ORDER BY name";
        let mut statement = self.connection.prepare_cached(select)?;
        let rows = statement.query_map([], read_queue)?;
        rows.map(|row| row?.read()).collect()
    }

    /// The names of the queues that begin so, in order.
    pub(super) fn queue_names(&self, prefix: &str) -> Result<Vec<String>, Refusal> {
        let names = self.all_queues()?.into_iter().map(|queue| queue.name);
        Ok(names.filter(|name| name.starts_with(prefix)).collect())
    }

    /// Makes a queue, or finds the one of that name where it has the given attributes.
    pub(super) fn create_queue(
        &self,
        name: &str,
        attributes: &BTreeMap<String, String>,
        now: Millis,
    ) -> Result<(), Refusal> {
        let settings = Settings::read(name, attributes)?;
        if let Some(existing) = self.find_queue(name)? {
            let has = existing.all_attributes();
            let is_same = attributes
                .iter()
                .all(|(attribute, value)| has.get(attribute) == Some(value));
            return if is_same {
                Ok(())
            } else {
                Err(Refusal::queue_exists(name))
            };
        }
        self.check_dead_letters(&settings)?;
        let insert = "INSERT INTO queues (name, attributes, created_at, modified_at) VALUES (?1, ?2, ?3, ?3)";
        self.connection
            .execute(insert, params![name, to_json(attributes), now])?;
        Ok(())
    }

    /// Sets attributes of a queue; those not named stay.
    pub(super) fn set_attributes(
        &self,
        queue: &Queue,
        attributes: &BTreeMap<String, String>,
        now: Millis,
    ) -> Result<(), Refusal> {
        if attributes
            .get("FifoQueue")
            .is_some_and(|value| value != &queue.settings.is_fifo.to_string())
        {
            return Err(Refusal::invalid_attribute("FifoQueue"));
        }
        let mut all = queue.attributes.clone();
        all.extend(attributes.clone());
        self.check_dead_letters(&Settings::read(&queue.name, &all)?)?;
        let update = "UPDATE queues SET attributes = ?2, modified_at = ?3 WHERE id = ?1";
        self.connection
            .execute(update, params![queue.id, to_json(&all), now])?;
        // Where the dead letters go may be what kept a message from being received.
        self.ring(queue);
        Ok(())
    }

    /// A queue's dead letters go to a queue that exists and is of the same kind.
    fn check_dead_letters(&self, settings: &Settings) -> Result<(), Refusal> {
        let Some(dead_letters) = &settings.dead_letters else {
            return Ok(());
        };
        let name = &dead_letters.queue;
        match self.find_queue(name)? {
            Some(target) if target.settings.is_fifo == settings.is_fifo => Ok(()),
            Some(_) => {
                let reason = "Dead letter queue must be of the same type of queue as the source";
                Err(Refusal::invalid_parameter("RedrivePolicy", name, reason))
            }
            None => {
                let reason = "Dead letter target does not exist";
                Err(Refusal::invalid_parameter("RedrivePolicy", name, reason))
            }
        }
    }

    /// Counts a queue's messages by state.
    pub(super) fn counts(&self, queue: &Queue, now: Millis) -> Result<Counts, Refusal> {
        self.forget_expired(queue, now)?;
        let select = "SELECT count(*) FILTER (WHERE visible_at <= ?2),
                             count(*) FILTER (WHERE visible_at > ?2 AND receipt IS NOT NULL),
                             count(*) FILTER (WHERE visible_at > ?2 AND receipt IS NULL)
                      FROM messages WHERE queue = ?1";
        let read = |row: &Row<'_>| {
            Ok(Counts {
                visible: row.get(0)?,
                in_flight: row.get(1)?,
                delayed: row.get(2)?,
            })
        };
        Ok(self.connection.query_row(select, [queue.id, now], read)?)
    }

    /// Drops what a queue has kept for longer than it keeps messages.
    fn forget_expired(&self, queue: &Queue, now: Millis) -> Result<(), Refusal> {
        let delete =
            "DELETE FROM messages INDEXED BY messages_by_age WHERE queue = ?1 AND sent_at <= ?2";
        let mut statement = self.connection.prepare_cached(delete)?;
        statement.execute([queue.id, now - queue.settings.retention])?;
        Ok(())
    }
}

impl Database for Store {
    fn committed(&self, work: impl FnOnce()) -> bool {
        let committed = self.connection.execute_batch("BEGIN").and_then(|()| {
            work();
            self.connection.execute_batch("COMMIT")
        });
        if let Err(error) = &committed {
            tracing::error!(%error, "the embedded queue could not commit");
            if !self.connection.is_autocommit() {
                // If even this fails, the next BEGIN says so.
                let _ = self.connection.execute_batch("ROLLBACK");
            }
        }
        committed.is_ok()
    }

    fn after_commit(&self) {
        self.bells.ring(self.rung.take());
    }

    fn flush(&self) {
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        if let Err(error) = self.connection.query_row(checkpoint, [], |_| Ok(())) {
            tracing::warn!(%error, "the embedded queue's log stays for the next start");
        }
    }
}

struct RawQueue {
    id: i64,
    name: String,
    attributes: String,
    created_at: Millis,
    modified_at: Millis,
}

fn read_queue(row: &Row<'_>) -> rusqlite::Result<RawQueue> {
    Ok(RawQueue {
        id: row.get(0)?,
        name: row.get(1)?,
        attributes: row.get(2)?,
        created_at: row.get(3)?,
        modified_at: row.get(4)?,
    })
}

impl RawQueue {
    fn read(self) -> Result<Queue, Refusal> {
        let attributes = from_json(&self.attributes)?;
        Ok(Queue {
            id: self.id,
            settings: Settings::read(&self.name, &attributes)?,
            name: self.name,
            attributes,
            created_at: self.created_at,
            modified_at: self.modified_at,
        })
    }
}

fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("a map from text to text or plain fields has JSON")
}

fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Refusal> {
    serde_json::from_str(text).map_err(|error| {
        tracing::error!(%error, "the embedded queue's database holds something else than it wrote");
        Refusal::internal()
    })
}
