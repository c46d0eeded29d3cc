//! The one thread that touches the queue's database, and how many share a commit.
//!
//! A commit that reaches the disk costs milliseconds whatever is in it, so whoever waits when one begins is carried by
//! it, and nobody is answered before it is done.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use hub_runtime::Clock;
use tokio::sync::{oneshot, watch};

use super::queue::Millis;
use super::refusal::Refusal;
use super::store::Store;

/// The most pieces of work in one commit, so that the first of them does not wait for ever.
const MOST_WORK_A_COMMIT: usize = 256;

/// Answers whoever asked for a piece of work; the argument says whether it was committed.
type Answer = Box<dyn FnOnce(bool) + Send>;
type Work = Box<dyn FnOnce(&Store, Millis) -> Option<Answer> + Send>;

enum Order {
    Do(Work),
    Stop,
}

/// Hands work to the database's thread.
pub(super) struct Writer {
    orders: mpsc::Sender<Order>,
    bells: Arc<Bells>,
}

impl Writer {
    /// Opens the database, in memory without a path, and starts its thread; the handle is for waiting on its end.
    pub(super) fn start(path: Option<&Path>, clock: Clock) -> io::Result<(Self, JoinHandle<()>)> {
        let store = Store::open(path, clock.now().timestamp_millis()).map_err(io::Error::other)?;
        let bells = Arc::new(Bells::default());
        let (orders, incoming) = mpsc::channel();
        let ring = Arc::clone(&bells);
        let thread = std::thread::Builder::new()
            .name("sqs".to_owned())
            .spawn(move || work_off(&store, &clock, &incoming, &ring))?;
        Ok((Self { orders, bells }, thread))
    }

    /// Does a piece of work and returns once it is on the disk.
    ///
    /// The work is all or nothing, is given the time, and is left out where nobody waits for it any more.
    ///
    /// # Errors
    ///
    /// What the work refused, or that it could not be kept.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store, Millis) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let order = Order::Do(Box::new(move |store, now| {
            if reply.is_closed() {
                return None;
            }
            let outcome = store.all_or_nothing(|| work(store, now));
            let answer: Answer = Box::new(move |committed| {
                let outcome = if committed {
                    outcome
                } else {
                    Err(Refusal::internal())
                };
                // Whoever asked may have gone; what was done stays done, as at AWS.
                let _ = reply.send(outcome);
            });
            Some(answer)
        }));
        self.orders.send(order).map_err(|_| Refusal::internal())?;
        answer.await.map_err(|_| Refusal::internal())?
    }

    /// Hears each change of that queue from now on that may let a receive find something.
    pub(super) fn listen(&self, queue: &str) -> watch::Receiver<()> {
        self.bells.listen(queue)
    }

    /// Ends the thread after what was ordered before; work ordered later is refused.
    pub(super) fn stop(&self) {
        // An error says that it has ended already.
        let _ = self.orders.send(Order::Stop);
    }
}

fn work_off(store: &Store, clock: &Clock, orders: &mpsc::Receiver<Order>, bells: &Bells) {
    let mut is_stopping = false;
    while !is_stopping && let Ok(Order::Do(first)) = orders.recv() {
        let mut answers = Vec::new();
        let committed = store.committed(|| {
            answers.extend(first(store, clock.now().timestamp_millis()));
            while answers.len() < MOST_WORK_A_COMMIT {
                match orders.try_recv() {
                    Ok(Order::Do(next)) => {
                        answers.extend(next(store, clock.now().timestamp_millis()))
                    }
                    Ok(Order::Stop) => {
                        is_stopping = true;
                        break;
                    }
                    Err(_) => break,
                }
            }
        });
        let rung = store.take_rung();
        answers.into_iter().for_each(|answer| answer(committed));
        if committed {
            bells.ring(rung);
        }
    }
    store.flush();
}

/// A bell a queue, for those who wait for its messages.
#[derive(Default)]
struct Bells(Mutex<HashMap<String, watch::Sender<()>>>);

impl Bells {
    fn listen(&self, queue: &str) -> watch::Receiver<()> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bells
            .entry(queue.to_owned())
            .or_insert_with(|| watch::channel(()).0)
            .subscribe()
    }

    fn ring(&self, queues: BTreeSet<String>) {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for queue in queues {
            // One that nobody hears any more is forgotten.
            if bells.get(&queue).is_some_and(|bell| bell.send(()).is_err()) {
                bells.remove(&queue);
            }
        }
    }
}
