//! The long poll: looks, waits until there may be something, and looks again.

use std::pin::pin;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::timeout;

use super::super::writer::Promise;
use super::refusal::Refusal;
use super::store::{Look, Store, check_visibility};
use super::wire::{Message, ReceiveMessage};
use super::{MOST_ENTRIES, Server, queue};

impl Server {
    /// Answers with messages as soon as there are any, or with none when the wait is over.
    pub(super) async fn receive(&self, request: ReceiveMessage) -> Result<Value, Refusal> {
        let most = request.max_number_of_messages.unwrap_or(1);
        let most = usize::try_from(most)
            .ok()
            .filter(|most| (1..=MOST_ENTRIES).contains(most));
        let most = most.ok_or_else(|| {
            let asked = request.max_number_of_messages.unwrap_or_default();
            Refusal::invalid_parameter(
                "MaxNumberOfMessages",
                asked,
                "Must be between 1 and 10, if provided",
            )
        })?;
        let wait = request.wait_time_seconds.map(wait).transpose()?;
        request
            .visibility_timeout
            .map_or(Ok(()), check_visibility)?;
        let messages = self.poll(&request, most, wait).await?;
        let messages: Vec<Message> = messages
            .into_iter()
            .map(|message| message.with_only(&request))
            .collect();
        Ok(if messages.is_empty() {
            json!({})
        } else {
            json!({ "Messages": messages })
        })
    }

    async fn poll(
        &self,
        request: &ReceiveMessage,
        most: usize,
        wait: Option<Duration>,
    ) -> Result<Vec<Message>, Refusal> {
        let began = Instant::now();
        let name = queue::name_of_url(&request.queue_url);
        let visibility = request.visibility_timeout.map(|seconds| seconds * 1000);
        // A clock that is turned by hand makes a message due by its turning, not by our waiting.
        let mut is_standing = false;
        loop {
            // Both listen from before the look, so that nothing in between goes unheard.
            let mut bell = self.bells.listen(name);
            let mut turned = pin!(self.clock.turned());
            tokio::select! {
                biased;
                () = &mut turned => continue,
                () = std::future::ready(()) => {}
            }
            let look = move |store: &Store, queue: &queue::Queue, now| {
                store.receive(queue, most, visibility, now)
            };
            // Whatever is lost of this is handed out again.
            let look: Look = self.with_queue(Promise::Kept, name, look).await?;
            let left = wait.unwrap_or(look.wait).saturating_sub(began.elapsed());
            if !look.messages.is_empty() || left.is_zero() || self.stopping.is_stopping() {
                return Ok(look.messages);
            }
            let pause = match look.next_due {
                Some(due) if !is_standing => {
                    left.min(Duration::from_millis((due - look.looked_at).unsigned_abs()))
                }
                _ => left,
            };
            let heard = timeout(pause, async {
                tokio::select! {
                    // The sender lives in the server.
                    _ = bell.changed() => {}
                    () = &mut turned => {}
                    () = self.stopping.clone().asked() => {}
                }
            });
            let is_over = heard.await.is_err();
            if self.stopping.is_stopping() {
                return Ok(Vec::new());
            }
            is_standing |= is_over && self.clock.now().timestamp_millis() <= look.looked_at;
        }
    }
}

fn wait(seconds: i64) -> Result<Duration, Refusal> {
    let read = u64::try_from(seconds).ok().filter(|seconds| *seconds <= 20);
    let reason = "Must be >= 0 and <= 20, if provided";
    read.map(Duration::from_secs)
        .ok_or_else(|| Refusal::invalid_parameter("WaitTimeSeconds", seconds, reason))
}
