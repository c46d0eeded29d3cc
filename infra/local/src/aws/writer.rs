//! The one thread that touches a database, how many share a commit, and how many share a write to the disk.
//!
//! Two promises are told apart:
//!
//! - [`Promise::Kept`]: the answer comes once the system has the commit. It survives `kill -9`, not a power loss.
//! - [`Promise::Durable`]: the answer comes once the disk has it, and with it every commit before it.
//!
//! A commit costs the same whatever is in it, and so does a write to the disk. So whoever waits when a commit begins is
//! carried by it, and whoever waits when the log is synced is carried by that. The database goes on with the next
//! commits meanwhile: the log is synced by a thread of its own.
//!
//! That is what SQLite's `synchronous = FULL` does for each single commit: it syncs the log behind the commit's frames.
//! Under `NORMAL` SQLite leaves out that one sync alone; those around a checkpoint, and the one behind the log's header
//! when it begins anew, stay.
//!
//! Source: <https://www.sqlite.org/pragma.html#pragma_synchronous>, <https://www.sqlite.org/wal.html>

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

/// The most pieces of work in one commit, so that the first of them does not wait for ever.
const MOST_WORK_A_COMMIT: usize = 256;

/// A database that a writer owns.
pub(super) trait Database: Send + 'static {
    /// Runs `work` inside one transaction and says whether that was committed.
    fn committed(&self, work: impl FnOnce()) -> bool;

    /// Called behind each commit, before anybody is answered.
    fn after_commit(&self) {}

    /// Writes the log back into the file; called before the end.
    fn flush(&self);
}

/// What an answer promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// It survives the end of this process.
    Kept,
    /// It survives the end of the machine's power, as far as the disk keeps its word.
    Durable,
}

/// The work was not carried out, or could not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotKept;

/// Answers whoever asked for a piece of work; the argument says whether its promise is kept.
type Answer = Box<dyn FnOnce(bool) + Send>;
type Work<D> = Box<dyn FnOnce(&D) -> Option<Answer> + Send>;

enum Order<D> {
    Do(Work<D>, Promise),
    Stop,
}

/// Hands work to a database's thread.
pub(super) struct Writer<D> {
    orders: mpsc::Sender<Order<D>>,
    syncs: Arc<AtomicU64>,
}

impl<D: Database> Writer<D> {
    /// Starts the threads of a database: `path` is its file, or none for one in memory, where nothing is synced.
    ///
    /// The handle is for waiting on the end.
    ///
    /// # Errors
    ///
    /// The log, which is there once the database was written to, cannot be opened, or there are no threads.
    pub(super) fn start(
        name: &str,
        database: D,
        path: Option<&Path>,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let syncs = Arc::new(AtomicU64::new(0));
        let log = path.map(|path| Log::open(path, &syncs)).transpose()?;
        let (orders, incoming) = mpsc::channel();
        let syncing = match log {
            Some(log) => {
                let (waiting, those) = mpsc::channel();
                let thread = std::thread::Builder::new()
                    .name(format!("{name}-disk"))
                    .spawn(move || sync_off(&log, &those))?;
                Some((waiting, thread))
            }
            None => None,
        };
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let (waiting, syncing) = syncing.unzip();
                work_off(&database, &incoming, waiting.as_ref());
                // Those who wait for the disk are answered before the log is written back.
                drop(waiting);
                if syncing.is_some_and(|thread| thread.join().is_err()) {
                    tracing::error!("a thread that syncs panicked");
                }
                database.flush();
            })?;
        Ok((Self { orders, syncs }, thread))
    }

    /// Does a piece of work and returns once its promise is kept.
    ///
    /// It is left out where nobody waits for it any more.
    ///
    /// # Errors
    ///
    /// The promise cannot be kept: what was done may be there nevertheless.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        promise: Promise,
        work: impl FnOnce(&D) -> T + Send + 'static,
    ) -> Result<T, NotKept> {
        let (reply, answer) = oneshot::channel();
        let work: Work<D> = Box::new(move |database| {
            if reply.is_closed() {
                return None;
            }
            let outcome = work(database);
            let answer: Answer = Box::new(move |is_kept| {
                // Whoever asked may have gone; what was done stays done, as at AWS.
                let _ = reply.send(if is_kept { Ok(outcome) } else { Err(NotKept) });
            });
            Some(answer)
        });
        self.orders
            .send(Order::Do(work, promise))
            .map_err(|_| NotKept)?;
        answer.await.map_err(|_| NotKept)?
    }

    /// Returns once everything that was answered before is on the disk.
    ///
    /// # Errors
    ///
    /// It may not be.
    pub(super) async fn sync(&self) -> Result<(), NotKept> {
        self.run(Promise::Durable, |_| ()).await
    }

    /// How often the log was synced so far.
    pub(super) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Ends the threads after what was ordered before; work ordered later is refused.
    pub(super) fn stop(&self) {
        // An error says that it has ended already.
        let _ = self.orders.send(Order::Stop);
    }
}

fn work_off<D: Database>(
    database: &D,
    orders: &mpsc::Receiver<Order<D>>,
    waiting: Option<&mpsc::Sender<Vec<Answer>>>,
) {
    let mut is_stopping = false;
    while !is_stopping && let Ok(Order::Do(first, promise)) = orders.recv() {
        let (mut kept, mut durable) = (Vec::new(), Vec::new());
        let is_committed = database.committed(|| {
            let mut next = Some((first, promise));
            while let Some((work, promise)) = next.take() {
                match promise {
                    Promise::Kept => kept.extend(work(database)),
                    Promise::Durable => durable.extend(work(database)),
                }
                if kept.len() + durable.len() >= MOST_WORK_A_COMMIT {
                    return;
                }
                match orders.try_recv() {
                    Ok(Order::Do(work, promise)) => next = Some((work, promise)),
                    Ok(Order::Stop) => is_stopping = true,
                    Err(_) => {}
                }
            }
        });
        if is_committed {
            database.after_commit();
        }
        kept.into_iter().for_each(|answer| answer(is_committed));
        match waiting {
            Some(waiting) if is_committed && !durable.is_empty() => {
                if let Err(mpsc::SendError(durable)) = waiting.send(durable) {
                    durable.into_iter().for_each(|answer| answer(false));
                }
            }
            Some(_) | None => durable.into_iter().for_each(|answer| answer(is_committed)),
        }
    }
}

/// Answers those who wait, each after a sync that began when their commit was in the log.
fn sync_off(log: &Log, those: &mpsc::Receiver<Vec<Answer>>) {
    // After a sync that failed, the system may take for written what is not: nothing is promised any more.
    // Source: <https://wiki.postgresql.org/wiki/Fsync_Errors>
    let mut has_failed = false;
    while let Ok(mut waiting) = those.recv() {
        waiting.extend(those.try_iter().flatten());
        if !has_failed && let Err(error) = log.sync() {
            has_failed = true;
            tracing::error!(
                %error, log = %log.path.display(),
                "the disk did not take the log; nothing is accepted until the hub is started again"
            );
        }
        waiting.into_iter().for_each(|answer| answer(!has_failed));
    }
}

/// The log beside a database in WAL mode.
struct Log {
    path: PathBuf,
    file: File,
    syncs: Arc<AtomicU64>,
}

impl Log {
    /// Opens the log of a database that is open and stays so: until then SQLite neither replaces nor removes it.
    fn open(database: &Path, syncs: &Arc<AtomicU64>) -> io::Result<Self> {
        let mut name = database.as_os_str().to_owned();
        name.push("-wal");
        let path = PathBuf::from(name);
        let file = File::open(&path)?;
        file.sync_all()?;
        // Its name has to be on the disk as well.
        let folder = database.parent();
        if let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        Ok(Self {
            path,
            file,
            syncs: Arc::clone(syncs),
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Counts its commits, and logs nothing.
    #[derive(Default)]
    struct Counting(Arc<AtomicU64>);

    impl Database for Counting {
        fn committed(&self, work: impl FnOnce()) -> bool {
            work();
            self.0.fetch_add(1, Ordering::SeqCst);
            true
        }

        fn flush(&self) {}
    }

    #[tokio::test]
    async fn all_who_wait_share_one_commit_and_one_write_to_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("any");
        fs::write(folder.path().join("any-wal"), "").unwrap();
        let commits = Arc::new(AtomicU64::new(0));
        let database = Counting(Arc::clone(&commits));
        let (writer, thread) = Writer::start("test", database, Some(&path)).unwrap();
        let (go_on, held) = mpsc::channel();
        let first = writer.run(Promise::Durable, move |_| held.recv().is_ok());
        let others = (0..20).map(|nth| {
            let promise = if nth % 2 == 0 {
                Promise::Kept
            } else {
                Promise::Durable
            };
            writer.run(promise, move |_| nth)
        });
        let others = futures_util::future::join_all(others);
        // All of them are in line before the first is done.
        let release = async { go_on.send(()).is_ok() };
        let (first, others, _) = tokio::join!(first, others, release);
        assert_eq!(first, Ok(true));
        assert_eq!(others, (0..20).map(Ok).collect::<Vec<_>>());
        assert_eq!((commits.load(Ordering::SeqCst), writer.syncs()), (1, 1));
        writer.stop();
        thread.join().unwrap();
        assert_eq!(writer.sync().await, Err(NotKept), "it has ended");
    }
}
