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
use tokio::sync::watch;
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

    /// Handles one batch of the queue of events, if there is one now.
    ///
    /// # Errors
    ///
    /// The queue service's words.
    pub async fn handle_events(&self) -> Result<usize, aws_sdk_sqs::Error> {
        self.map(Fed::Progress, Duration::ZERO, std::future::pending())
            .await
    }

    /// Handles one batch of a service's wake-ups, if there is one now.
    ///
    /// # Errors
    ///
    /// The queue service's words.
    pub async fn handle_wakes(&self, service: Service) -> Result<usize, aws_sdk_sqs::Error> {
        self.map(Fed::Worker(service), Duration::ZERO, std::future::pending())
            .await
    }

    /// Waits for a batch, unless `stopped` comes first, and handles it to its end.
    async fn map(
        &self,
        fed: Fed,
        wait: Duration,
        stopped: impl Future<Output = ()>,
    ) -> Result<usize, aws_sdk_sqs::Error> {
        let queue = match fed {
            Fed::Progress => self.urls.events.as_ref(),
            Fed::Worker(service) => self.urls.deliver.get(&service),
        };
        let Some(queue) = queue else { return Ok(0) };
        let messages = tokio::select! {
            messages = mapping::receive(&self.sqs, queue, wait) => messages?,
            () = stopped => return Ok(0),
        };
        match fed {
            Fed::Progress => {
                mapping::hand_over(&self.sqs, queue, messages, |event| {
                    self.progress.handle(event)
                })
                .await
            }
            Fed::Worker(service) => match self.workers.get(&service) {
                Some(worker) => {
                    mapping::hand_over(&self.sqs, queue, messages, |event| worker.handle(event))
                        .await
                }
                None => Ok(0),
            },
        }
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
            let mut now = self.handle_events().await?;
            for service in self.workers.keys() {
                now += self.handle_wakes(*service).await?;
            }
            if now == 0 {
                return Ok(handled);
            }
            handled += now;
        }
    }

    /// Runs the mappings and the tick until `stopping` turns true; what is being handled then is handled to its end.
    pub fn run(&self, stopping: &watch::Receiver<bool>) -> JoinSet<()> {
        let mut running = JoinSet::new();
        let fed =
            std::iter::once(Fed::Progress).chain(self.workers.keys().copied().map(Fed::Worker));
        for fed in fed.flat_map(|fed| std::iter::repeat_n(fed, AT_ONCE)) {
            let (hub, stopping) = (self.clone(), stopping.clone());
            running.spawn(async move {
                while !*stopping.borrow() {
                    let handled = hub.map(fed, LONG_POLL, is_true(stopping.clone())).await;
                    rest_after(handled.map(|_| ())).await;
                }
            });
        }
        let (hub, stopping) = (self.clone(), stopping.clone());
        running.spawn(async move {
            while !*stopping.borrow() {
                // Failures were logged where they happened; the next tick does what this one could not.
                let _ = hub.sync.tick().await;
                tokio::select! {
                    () = pause(hub.tick) => {}
                    () = is_true(stopping.clone()) => {}
                }
            }
        });
        running
    }
}

/// A function that is fed by a queue.
#[derive(Debug, Clone, Copy)]
enum Fed {
    Progress,
    Worker(Service),
}

/// Resolves once the word is given, or whoever could give it is gone.
async fn is_true(mut word: watch::Receiver<bool>) {
    let _ = word.wait_for(|given| *given).await;
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
