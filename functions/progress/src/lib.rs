#![doc = include_str!("../README.md")]

mod library;
mod mark;
mod playback;
mod plays;
mod queued;
mod statements;
mod wakes;

use std::collections::HashSet;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Action, Service, Thresholds};
use hub_runtime::queue::{
    self, Deadline, EventMessage, Incoming, NotUnderstood, Panicked, Queues, SendError,
};
use hub_runtime::{Clock, Settings};
use hub_store::{StoreError, Table};

use statements::Told;
use wakes::Wakes;

/// How long an event may take: a few calls to the table, and after the last one the wake-ups.
const AN_EVENT: TimeDelta = TimeDelta::seconds(30);

/// What the function decides by.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// How much has to be played, where neither user nor connection says otherwise.
    pub thresholds: Thresholds,
    /// Whether anything is sent; while it is not, plays are kept.
    pub scrobble_enabled: bool,
    /// The services that are on.
    pub services: Vec<Service>,
}

/// The function, connected.
#[derive(Clone)]
pub struct Progress {
    table: Table,
    queues: Queues,
    clock: Clock,
    behaviour: Behaviour,
}

/// Why a message could not be handled now, and has to come again.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The table did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The wake-ups were not all taken.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Another writer was faster, too often in a row.
    #[error("the {0} kept changing under us")]
    Contended(&'static str),
    /// There is more than one message may carry out.
    #[error("more waits for an item of the library than is carried on at once")]
    Unfinished,
    /// A release newer than this one wrote it.
    #[error(transparent)]
    Newer(#[from] NotUnderstood),
    /// The code panicked over it.
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

impl Progress {
    /// Puts the function together as the settings say.
    pub fn of(settings: &Settings, table: Table, queues: Queues, clock: Clock) -> Self {
        let behaviour = Behaviour {
            thresholds: settings.thresholds,
            scrobble_enabled: settings.scrobble_enabled,
            services: settings.writable_services_on().collect(),
        };
        Self {
            table,
            queues,
            clock,
            behaviour,
        }
    }

    /// Handles a batch; what it could not write down comes again, with the rest of its user's messages behind it.
    pub async fn handle(&self, event: SqsEvent) -> SqsBatchResponse {
        self.handle_until(event, Deadline::from(self.clock.now()))
            .await
    }

    /// The same in an invocation that ends then; what it has no time for comes again.
    pub async fn handle_until(&self, event: SqsEvent, deadline: Deadline) -> SqsBatchResponse {
        let mut failed: HashSet<String> = HashSet::new();
        let mut failed_groups: HashSet<String> = HashSet::new();
        let mut order = Vec::with_capacity(event.records.len());
        let mut wakes = Wakes::default();
        for record in event.records {
            let group = record.attributes.get("MessageGroupId").cloned();
            let group = group.unwrap_or_default();
            let id = record.message_id.unwrap_or_default();
            order.push((id.clone(), group.clone()));
            if failed_groups.contains(&group) {
                continue;
            }
            if !deadline.leaves(AN_EVENT, self.clock.now()) {
                tracing::warn!(message.id = %id, "no time left for an event, it comes again");
                failed.insert(id);
                failed_groups.insert(group);
                continue;
            }
            let body = record.body.as_deref().unwrap_or_default();
            // Boxed: what it awaits would otherwise lie, level by level, on the stack of whoever calls.
            let handled = queue::caught(Box::pin(self.record(body, &id, &mut wakes))).await;
            if let Err(failure) = handled.map_err(Failure::from).flatten() {
                tracing::error!(message.id = %id, error = &failure as &dyn std::error::Error, "event kept for another try");
                failed.insert(id);
                failed_groups.insert(group);
            }
        }
        // Sent last and together: a record whose wake-up is lost comes again, and wakes again.
        let unsent = wakes.send(&self.queues).await;
        if let Err((failure, records)) = unsent {
            tracing::error!(
                error = &failure as &dyn std::error::Error,
                "wake-ups not sent, their events come again"
            );
            failed.extend(records);
        }
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = with_the_rest_of_their_groups(order, &failed)
            .into_iter()
            .map(|id| {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = id;
                failure
            })
            .collect();
        response
    }

    async fn record(&self, body: &str, record: &str, wakes: &mut Wakes) -> Result<(), Failure> {
        let message = match queue::read_event(body) {
            Ok(message) => message,
            Err(error) if error.waits_for_a_newer_release() => return Err(error.into()),
            Err(error) => {
                // No other try would understand it; in the dead letters it would only block its user.
                tracing::error!(message.id = %record, error = &error as &dyn std::error::Error, "event not understood, dropped");
                return Ok(());
            }
        };
        let now = self.clock.now();
        let Some(user) = self.table.user(message.user).await? else {
            // Erased while the message was in flight: nothing of it may rise again.
            tracing::info!(user.id = %message.user, "event of an unknown or erased user, dropped");
            return Ok(());
        };
        wakes.for_record(record);
        let EventMessage {
            what,
            services,
            road,
            ..
        } = message;
        let handled = match what {
            Incoming::Event(event) if event.action.is_playback() => {
                self.playback(&user, &event, services.as_deref(), now, wakes)
                    .await
            }
            Incoming::Event(event) => match event.action {
                Action::MarkWatched => self.mark(&user, &event, now, wakes).await,
                Action::Rate | Action::Unrate | Action::Love | Action::Unlove => {
                    self.opinion(&user, &event, services.as_deref(), now, wakes)
                        .await
                }
                // Unmarking removes nothing.
                Action::MarkUnwatched => {
                    tracing::info!(user.id = %user.id, road, action = ?event.action, "event noted, nothing to do");
                    Ok(())
                }
                Action::Start
                | Action::Resume
                | Action::Progress
                | Action::Pause
                | Action::ScrobblePoint
                | Action::Stop => Ok(()),
            },
            Incoming::Statement(said) => {
                let said = Told {
                    aspect: said.aspect,
                    media: &said.media,
                    server: &said.server,
                    says: said.says,
                    since: said.since,
                    is_explicit: true,
                };
                self.state(&user, said, services.as_deref(), now, wakes)
                    .await
            }
            Incoming::Scrobble(scrobble) => {
                self.queued(&user, &scrobble, services.as_deref(), now, wakes)
                    .await
            }
            Incoming::Arrived { content_id } => self.arrived(&user, &content_id, now).await,
        };
        // Whoever began to wait wrote that down before; whoever brings the item looks for that after it is stored.
        let waited_for = wakes.take_looks();
        handled?;
        for content_id in waited_for {
            self.arrived(&user, &content_id, now).await?;
        }
        Ok(())
    }
}

/// The messages that failed, and those of the same group behind them: a FIFO queue hands out a group's in order.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>
fn with_the_rest_of_their_groups(
    order: Vec<(String, String)>,
    failed: &HashSet<String>,
) -> Vec<String> {
    let mut groups: HashSet<String> = HashSet::new();
    let mut returned = Vec::new();
    for (id, group) in order {
        if failed.contains(&id) || groups.contains(&group) {
            groups.insert(group);
            returned.push(id);
        }
    }
    returned
}

/// Says whether something received then is still worth showing live.
fn is_fresh(received_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - received_at <= hub_domain::live::FRESH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_fails_takes_the_rest_of_the_group_along_and_nobody_before_it() {
        let order = |pairs: &[(&str, &str)]| {
            let owned = |(id, group): &(&str, &str)| ((*id).to_owned(), (*group).to_owned());
            pairs.iter().map(owned).collect::<Vec<_>>()
        };
        let batch = order(&[("1", "a"), ("2", "b"), ("3", "a"), ("4", "b"), ("5", "a")]);
        let returned = |failed: &[&str]| {
            let failed = failed.iter().map(|id| (*id).to_owned()).collect();
            with_the_rest_of_their_groups(batch.clone(), &failed)
        };
        assert_eq!(returned(&[]), [""; 0]);
        assert_eq!(returned(&["3"]), ["3", "5"]);
        assert_eq!(returned(&["1", "4"]), ["1", "3", "4", "5"]);
    }
}
