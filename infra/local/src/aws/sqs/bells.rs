//! A bell a queue, for those who wait for its messages.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// The bells.
#[derive(Default)]
pub(super) struct Bells(Mutex<HashMap<String, watch::Sender<()>>>);

impl Bells {
    /// Hears each change of that queue from now on that may let a receive find something.
    pub(super) fn listen(&self, queue: &str) -> watch::Receiver<()> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bells
            .entry(queue.to_owned())
            .or_insert_with(|| watch::channel(()).0)
            .subscribe()
    }

    /// Rings for those queues.
    pub(super) fn ring(&self, queues: BTreeSet<String>) {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for queue in queues {
            // One that nobody hears any more is forgotten.
            if bells.get(&queue).is_some_and(|bell| bell.send(()).is_err()) {
                bells.remove(&queue);
            }
        }
    }
}
