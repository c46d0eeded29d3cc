//! The whole hub, put together of the same handlers that run on AWS.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use hub_api::ApiState;
use hub_domain::Service;
use hub_progress::Progress;
use hub_runtime::aws::Aws;
use hub_runtime::queue::QueueUrls;
use hub_runtime::settings::Settings;
use hub_runtime::{Clock, HttpClient, Queues};
use hub_store::Table;
use hub_sync::Sync;
use hub_worker::Worker;
use tokio::task::JoinSet;

use crate::mapping;

/// How long a mapping waits for messages before it asks again.
const LONG_POLL: Duration = Duration::from_secs(20);
/// How long a mapping rests after the queue service failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// How many batches of one queue are handled at a time.
const AT_ONCE: usize = 2;

/// Why the hub could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// The HTTP clients could not be built.
    #[error(transparent)]
    Http(#[from] hub_runtime::http::HttpError),
    /// Settings are missing or wrong.
    #[error(transparent)]
    Settings(#[from] hub_runtime::settings::SettingsError),
    /// The table could not be made.
    #[error(transparent)]
    Table(#[from] hub_store::StoreError),
    /// The queues could not be made.
    #[error("the queues could not be made")]
    Queues(#[source] Box<aws_sdk_sqs::Error>),
}

impl From<aws_sdk_sqs::Error> for AssemblyError {
    fn from(error: aws_sdk_sqs::Error) -> Self {
        Self::Queues(Box::new(error))
    }
}

/// The functions, connected to one table and one set of queues.
#[derive(Clone)]
pub struct Hub {
    /// The HTTP function.
    pub api: ApiState,
    /// Events to plays.
    pub progress: Progress,
    /// One worker a service.
    pub workers: BTreeMap<Service, Worker>,
    /// The tick.
    pub sync: Sync,
    /// The table.
    pub table: Table,
    /// The queues' addresses.
    pub urls: QueueUrls,
    /// The time.
    pub clock: Clock,
    sqs: Client,
    tick: Duration,
}

impl Hub {
    /// Makes the table and the queues where they are missing, and connects the functions to them.
    ///
    /// # Errors
    ///
    /// Wrong settings, or stores that do not answer.
    pub async fn assemble(
        settings: &Settings,
        aws: &Aws,
        clock: Clock,
    ) -> Result<Self, AssemblyError> {
        let table = Table::new(aws.dynamodb.clone(), settings.table()?);
        table.create().await?;
        let services: Vec<Service> = settings.services_on().collect();
        let urls = crate::queues::make(&aws.sqs, &services).await?;
        Self::connect(settings, aws, table, urls, clock)
    }

    /// Connects the functions to a table and queues that are there.
    ///
    /// # Errors
    ///
    /// Wrong settings.
    pub fn connect(
        settings: &Settings,
        aws: &Aws,
        table: Table,
        urls: QueueUrls,
        clock: Clock,
    ) -> Result<Self, AssemblyError> {
        let http = HttpClient::for_services(settings)?;
        let users = HttpClient::for_users(settings)?;
        let queues = Queues::new(aws.sqs.clone(), urls.clone());
        let services: Vec<Service> = settings.services_on().collect();
        let mut workers = BTreeMap::new();
        for service in services {
            workers.insert(
                service,
                Worker::of(
                    settings,
                    service,
                    table.clone(),
                    queues.clone(),
                    &http,
                    &users,
                    clock.clone(),
                )?,
            );
        }
        Ok(Self {
            api: ApiState::new(
                settings.clone(),
                table.clone(),
                queues.clone(),
                http.clone(),
                users.clone(),
                clock.clone(),
            )?
            .asking_queues(aws.sqs.clone()),
            progress: Progress::of(settings, table.clone(), queues.clone(), clock.clone()),
            sync: Sync::of(settings, table.clone(), queues, clock.clone()),
            workers,
            table,
            urls,
            clock,
            sqs: aws.sqs.clone(),
            tick: settings.tick.to_std().unwrap_or(Duration::from_secs(60)),
        })
    }

    /// Handles one batch of the queue of events, if there is one within `wait`.
    ///
    /// # Errors
    ///
    /// The queue service's words.
    pub async fn handle_events(&self, wait: Duration) -> Result<usize, aws_sdk_sqs::Error> {
        let Some(queue) = &self.urls.events else {
            return Ok(0);
        };
        mapping::once(&self.sqs, queue, wait, |event| self.progress.handle(event)).await
    }

    /// Handles one batch of a service's wake-ups, if there is one within `wait`.
    ///
    /// # Errors
    ///
    /// The queue service's words.
    pub async fn handle_wakes(
        &self,
        service: Service,
        wait: Duration,
    ) -> Result<usize, aws_sdk_sqs::Error> {
        let (Some(worker), Some(queue)) =
            (self.workers.get(&service), self.urls.deliver.get(&service))
        else {
            return Ok(0);
        };
        mapping::once(&self.sqs, queue, wait, |event| worker.handle(event)).await
    }

    /// Handles what the queues hold at this moment, and what comes of it, until they are empty.
    ///
    /// Messages that are delayed stay: turn the clock, and call it again. Returns how many messages were handled.
    ///
    /// # Errors
    ///
    /// The queue service's words.
    pub async fn drain(&self) -> Result<usize, aws_sdk_sqs::Error> {
        let mut handled = 0;
        loop {
            let mut now = self.handle_events(Duration::ZERO).await?;
            for service in self.workers.keys() {
                now += self.handle_wakes(*service, Duration::ZERO).await?;
            }
            if now == 0 {
                return Ok(handled);
            }
            handled += now;
        }
    }

    /// Runs the mappings and the tick until the set is dropped or shut down.
    pub fn run(&self) -> JoinSet<()> {
        let mut running = JoinSet::new();
        for _ in 0..AT_ONCE {
            let hub = self.clone();
            running.spawn(async move {
                loop {
                    rest_after(hub.handle_events(LONG_POLL).await.map(|_| ())).await;
                }
            });
            for service in self.workers.keys().copied() {
                let hub = self.clone();
                running.spawn(async move {
                    loop {
                        rest_after(hub.handle_wakes(service, LONG_POLL).await.map(|_| ())).await;
                    }
                });
            }
        }
        let hub = self.clone();
        running.spawn(async move {
            loop {
                // Failures were logged where they happened; the next tick does what this one could not.
                let _ = hub.sync.tick().await;
                pause(hub.tick).await;
            }
        });
        running
    }
}

async fn rest_after(result: Result<(), aws_sdk_sqs::Error>) {
    if let Err(error) = result {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a queue did not answer"
        );
        pause(AFTER_FAILURE).await;
    }
}

async fn pause(length: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the loops of one machine stand in for AWS's own clocks"
    )]
    tokio::time::sleep(length).await;
}
