//! What reaches the function: the schedule's tick, or a batch of its own queue.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use serde_json::{Value, json};

use crate::{Failure, Sync};

/// What an invocation brings.
enum Incoming {
    /// Messages of the queue.
    Batch(SqsEvent),
    /// The schedule's event, or that of a person who wants a tick now.
    Tick,
}

impl Sync {
    /// Handles what Lambda hands over; returns what it is to be answered.
    ///
    /// # Errors
    ///
    /// A batch that is none of SQS's, or what a tick could not do: Lambda and the scheduler log it, and the next tick
    /// is a minute away.
    pub async fn handle(&self, event: Value) -> Result<Value, Failure> {
        Ok(match Incoming::read(event)? {
            Incoming::Batch(batch) => serde_json::to_value(self.batch(batch))?,
            Incoming::Tick => {
                let ticked = self.tick().await?;
                json!({
                    "lanes": ticked.lanes, "plays": ticked.plays, "sessions": ticked.sessions,
                    "tokens": ticked.tokens, "erased": ticked.erased, "redriven": ticked.redriven,
                    "anime_maps": ticked.anime_maps,
                })
            }
        })
    }

    /// Handles a batch of the queue of runs.
    ///
    /// This release sends nothing to it and knows no message of it. So each one is a newer release's, and waits for it,
    /// or nobody's: both are handed back, and after its tries a message lies among the dead letters, where people are
    /// told of it and from where it is brought back once a day.
    pub fn batch(&self, event: SqsEvent) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        for record in event.records {
            let id = record.message_id.unwrap_or_default();
            tracing::error!(message.id = %id, "message of the sync queue not understood, kept for another try");
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            response.batch_item_failures.push(failure);
        }
        response
    }
}

impl Incoming {
    /// A batch has records, and says that they are SQS's. Everything else is a tick: the schedule's event is the
    /// template's to word, and a tick too many does no harm.
    fn read(event: Value) -> Result<Self, Failure> {
        let Some(records) = event.get("Records") else {
            return Ok(Self::Tick);
        };
        let of_sqs = |record: &Value| record["eventSource"] == "aws:sqs";
        if !records
            .as_array()
            .is_some_and(|records| records.iter().all(of_sqs))
        {
            return Err(Failure::Foreign);
        }
        Ok(Self::Batch(serde_json::from_value(event)?))
    }
}
