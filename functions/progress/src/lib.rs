#![doc = include_str!("../README.md")]

mod mark;
mod playback;
mod plays;
mod queued;
mod wakes;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use chrono::{DateTime, Utc};
use hub_domain::{Action, Service, Thresholds};
use hub_runtime::queue::{self, EventMessage, Incoming, Queues, SendError};
use hub_runtime::{Clock, Settings};
use hub_store::{StoreError, Table};

use wakes::Wakes;

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
}

impl Progress {
    /// Puts the function together as the settings say.
    pub fn of(settings: &Settings, table: Table, queues: Queues, clock: Clock) -> Self {
        let behaviour = Behaviour {
            thresholds: settings.thresholds,
            scrobble_enabled: settings.scrobble_enabled,
            services: settings.services_on().collect(),
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
        let mut failed_groups: Vec<Option<String>> = Vec::new();
        let mut failures = Vec::new();
        let mut wakes = Wakes::default();
        for record in event.records {
            let group = record.attributes.get("MessageGroupId").cloned();
            let id = record.message_id.clone().unwrap_or_default();
            if failed_groups.contains(&group) {
                failures.push(id);
                continue;
            }
            let handled = self
                .record(record.body.as_deref().unwrap_or_default(), &id, &mut wakes)
                .await;
            if let Err(failure) = handled {
                tracing::error!(message.id = %id, error = &failure as &dyn std::error::Error, "event kept for another try");
                failures.push(id);
                failed_groups.push(group);
            }
        }
        // Sent last and together: a record whose wake-up is lost comes again, and wakes again.
        let unsent = wakes.send(&self.queues).await;
        if let Err((failure, records)) = unsent {
            tracing::error!(
                error = &failure as &dyn std::error::Error,
                "wake-ups not sent, their events come again"
            );
            failures.extend(records);
        }
        failures.sort();
        failures.dedup();
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = failures
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
        match what {
            Incoming::Event(event) if event.action.is_playback() => {
                self.playback(&user, &event, services.as_deref(), now, wakes)
                    .await
            }
            Incoming::Event(event) => match event.action {
                Action::MarkWatched => self.mark(&user, &event, now, wakes).await,
                // Unmarking removes nothing; ratings and loves are kept from the day they can be delivered.
                Action::MarkUnwatched
                | Action::Rate
                | Action::Unrate
                | Action::Love
                | Action::Unlove => {
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
            Incoming::Scrobble(scrobble) => {
                self.queued(&user, &scrobble, services.as_deref(), now, wakes)
                    .await
            }
        }
    }
}

/// Says whether something received then is still worth showing live.
fn is_fresh(received_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - received_at <= hub_domain::live::FRESH
}
