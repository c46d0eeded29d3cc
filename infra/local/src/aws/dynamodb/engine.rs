//! dynoxide's storage, with many requests in one transaction.
//!
//! dynoxide begins and commits a transaction for each write. Here the transaction is the group's (see `writer`): while
//! requests are carried out, SQLite's authorizer leaves dynoxide's own BEGIN, COMMIT and ROLLBACK out, and each write
//! stands in a savepoint of its own, which is undone if it is refused. What a group reads of writes that are not
//! committed yet is answered together with them, or not at all.
//!
//! Source: <https://www.sqlite.org/c3ref/set_authorizer.html>

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dynoxide::DynoxideError;
use dynoxide::actions::vector_lifecycle::VectorIndexLifecycle;
use dynoxide::storage::Storage;
use hub_runtime::Clock;
use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::super::writer::Database;
use super::TurnedClock;
use super::operation::{FromRefusal as _, Operation, Written};

/// The statements that SQLite keeps prepared for one connection.
const PREPARED: usize = 128;

/// The storage, on its thread.
pub(super) struct Engine {
    pub(super) storage: Storage,
    pub(super) lifecycle: VectorIndexLifecycle,
    clock: Clock,
    /// Whether a transaction of the group is open, so that no other one begins or ends.
    in_group: Arc<AtomicBool>,
}

impl Engine {
    /// Opens the file, or a database in memory without one.
    pub(super) fn open(path: Option<&Path>, clock: Clock) -> io::Result<Self> {
        let not_text = || {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "the data folder's name is not UTF-8",
            )
        };
        let storage = match path {
            Some(path) => Storage::new(path.to_str().ok_or_else(not_text)?),
            None => Storage::memory(),
        };
        let storage = storage
            .map_err(io::Error::other)?
            .with_clock(Arc::new(TurnedClock(clock.clone())));
        let in_group = Arc::new(AtomicBool::new(false));
        prepare(storage.conn(), Arc::clone(&in_group)).map_err(io::Error::other)?;
        Ok(Self {
            storage,
            lifecycle: VectorIndexLifecycle::new(),
            clock,
            in_group,
        })
    }

    /// The time in whole seconds since 1970, as an item's time to live is written.
    pub(super) fn now(&self) -> i64 {
        self.clock.now().timestamp()
    }

    /// Carries an operation out: all of it or, where it is refused, nothing.
    pub(super) fn carry_out(&self, operation: Operation) -> Written {
        let Operation { writes, work } = operation;
        if !writes {
            return work(self).unwrap_or_else(Written::from_refusal);
        }
        let outcome = self
            .run("SAVEPOINT request")
            .and_then(|()| work(self))
            .and_then(|written| self.run("RELEASE request").map(|()| written));
        outcome.unwrap_or_else(|refusal| {
            // Should this fail, the transaction is lost, and its commit says so.
            let undone = self.run("ROLLBACK TO request");
            if let Err(error) = undone.and_then(|()| self.run("RELEASE request")) {
                tracing::error!(%error, "the embedded DynamoDB could not undo a refused write");
            }
            Written::from_refusal(refusal)
        })
    }

    fn run(&self, statement: &str) -> Result<(), DynoxideError> {
        let mut prepared = self.storage.conn().prepare_cached(statement)?;
        prepared.execute([])?;
        Ok(())
    }
}

/// Settings of the connection, and the authorizer.
fn prepare(connection: &Connection, in_group: Arc<AtomicBool>) -> rusqlite::Result<()> {
    // The thread's owner syncs the log itself, for all who wait for that; see `writer`.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    connection.authorizer(Some(move |asked: AuthContext<'_>| {
        let is_transaction = matches!(asked.action, AuthAction::Transaction { .. });
        if is_transaction && in_group.load(Ordering::Relaxed) {
            Authorization::Ignore
        } else {
            Authorization::Allow
        }
    }));
    Ok(())
}

impl Database for Engine {
    fn committed(&self, work: impl FnOnce()) -> bool {
        let connection = self.storage.conn();
        let committed = connection.execute_batch("BEGIN").and_then(|()| {
            self.in_group.store(true, Ordering::Relaxed);
            work();
            self.in_group.store(false, Ordering::Relaxed);
            connection.execute_batch("COMMIT")
        });
        if let Err(error) = &committed {
            tracing::error!(%error, "the embedded DynamoDB could not commit");
            if !connection.is_autocommit() {
                // If even this fails, the next BEGIN says so.
                let _ = connection.execute_batch("ROLLBACK");
            }
        }
        committed.is_ok()
    }

    fn flush(&self) {
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        let connection = self.storage.conn();
        if let Err(error) = connection.query_row(checkpoint, [], |_| Ok(())) {
            tracing::warn!(%error, "the embedded DynamoDB's log stays for the next start");
        }
    }
}
