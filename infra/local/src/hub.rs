//! The whole hub, put together of the same handlers that run on AWS.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::Message;
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

/// What each function calls: the same stores, with different promises; see `Embedded::stores`.
#[derive(Debug, Clone)]
pub struct Stores {
    /// For the functions that answer people, and for the tick.
    pub front: Aws,
    /// For `progress`.
    pub progress: Aws,
    /// For the workers.
    pub workers: Aws,
    /// What has to be done before an event that was worked off is deleted.
    pub before_delete: BeforeDelete,
}

/// Where every answer is on the disk, all functions call the same.
impl From<&Aws> for Stores {
    fn from(aws: &Aws) -> Self {
        Self {
            front: aws.clone(),
            progress: aws.clone(),
            workers: aws.clone(),
            before_delete: BeforeDelete::of(|| Box::pin(std::future::ready(Ok(())))),
        }
    }
}

type Done = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// What has to be done before an event that was worked off is deleted: what came of it has to be on the disk.
#[derive(Clone)]
pub struct BeforeDelete(Arc<dyn Fn() -> Done + Send + std::marker::Sync>);

impl BeforeDelete {
    /// Does this.
    pub fn of(work: impl Fn() -> Done + Send + std::marker::Sync + 'static) -> Self {
        Self(Arc::new(work))
    }

    /// Returns once it is done.
    ///
    /// # Errors
    ///
    /// It could not be done, and nothing may be deleted.
    pub async fn done(&self) -> io::Result<()> {
        (self.0)().await
    }
}

impl std::fmt::Debug for BeforeDelete {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BeforeDelete")
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
    before_delete: BeforeDelete,
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
        stores: impl Into<Stores>,
        clock: Clock,
    ) -> Result<Self, AssemblyError> {
        let stores = stores.into();
        let table = Table::new(stores.front.dynamodb.clone(), settings.table()?);
        table.create().await?;
        let services: Vec<Service> = settings.writable_services_on().collect();
        let urls = crate::queues::make(&stores.front.sqs, &services).await?;
        Self::connect(settings, stores, table, urls, clock)
    }

    /// Connects the functions to a table and queues that are there.
    ///
    /// # Errors
    ///
    /// Wrong settings.
    pub fn connect(
        settings: &Settings,
        stores: impl Into<Stores>,
        table: Table,
        urls: QueueUrls,
        clock: Clock,
    ) -> Result<Self, AssemblyError> {
        let Stores {
            front,
            progress,
            workers: working,
            before_delete,
        } = stores.into();
        let http = HttpClient::for_services(settings)?;
        let users = HttpClient::for_users(settings)?;
        let table_of = |aws: &Aws| {
            let name = settings.table()?;
            Ok::<_, AssemblyError>(Table::new(aws.dynamodb.clone(), name))
        };
        let queues_of = |aws: &Aws| Queues::new(aws.sqs.clone(), urls.clone());
        let services: Vec<Service> = settings.writable_services_on().collect();
        let mut workers = BTreeMap::new();
        for service in services {
            workers.insert(
                service,
                Worker::of(
                    settings,
                    service,
                    table_of(&working)?,
                    queues_of(&working),
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
                queues_of(&front),
                http.clone(),
                users.clone(),
                clock.clone(),
            )?
            .asking_queues(front.sqs.clone()),
            progress: Progress::of(
                settings,
                table_of(&progress)?,
                queues_of(&progress),
                clock.clone(),
            ),
            sync: Sync::of(settings, table.clone(), queues_of(&front), clock.clone())
                .redriving(&front.sqs, crate::queues::dead_letters(&urls))
                .fetching(settings, &http),
            workers,
            before_delete,
            table,
            urls,
            clock,
            sqs: front.sqs.clone(),
            tick: settings.tick.to_std().unwrap_or(Duration::from_secs(60)),
        })
    }

    /// Handles one batch of the queue of events, if there is one now.
    ///
    /// # Errors
    ///
    /// The queue service's words.
    pub async fn handle_events(&self) -> Result<usize, aws_sdk_sqs::Error> {
        self.handle(Fed::Progress).await
    }

    /// Handles one batch of a service's wake-ups, if there is one now.
    ///
    /// # Errors
    ///
    /// The queue service's words.
    pub async fn handle_wakes(&self, service: Service) -> Result<usize, aws_sdk_sqs::Error> {
        self.handle(Fed::Worker(service)).await
    }

    async fn handle(&self, fed: Fed) -> Result<usize, aws_sdk_sqs::Error> {
        let Some(queue) = self.queue_of(fed) else {
            return Ok(0);
        };
        let messages = mapping::receive(&self.sqs, queue, Duration::ZERO).await?;
        self.work_off(fed, messages).await
    }

    fn queue_of(&self, fed: Fed) -> Option<&String> {
        match fed {
            Fed::Progress => self.urls.events.as_ref(),
            Fed::Worker(service) => self.urls.deliver.get(&service),
        }
    }

    /// Hands messages to their function, and deletes those that it did not fail.
    async fn work_off(
        &self,
        fed: Fed,
        messages: Vec<Message>,
    ) -> Result<usize, aws_sdk_sqs::Error> {
        let Some(queue) = self.queue_of(fed) else {
            return Ok(0);
        };
        let sqs = &self.sqs;
        match fed {
            Fed::Progress => {
                let handle = |event| self.progress.handle(event);
                mapping::hand_over(sqs, queue, messages, handle, self.before_delete.done()).await
            }
            Fed::Worker(service) => {
                let Some(worker) = self.workers.get(&service) else {
                    return Ok(0);
                };
                let handle = |event| worker.handle(event);
                // A wake-up that is lost costs a look by the sweep, and nothing else.
                let before_delete = std::future::ready(Ok(()));
                mapping::hand_over(sqs, queue, messages, handle, before_delete).await
            }
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
        for fed in fed {
            let (hub, stopping) = (self.clone(), stopping.clone());
            running.spawn(async move {
                let Some(queue) = hub.queue_of(fed) else {
                    return;
                };
                while !*stopping.borrow() {
                    let stopped = is_true(stopping.clone());
                    let work = |messages| hub.clone().work_off_or_say_why(fed, messages);
                    let ended = mapping::run(&hub.sqs, queue, LONG_POLL, stopped, work).await;
                    rest_after(ended).await;
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

impl Hub {
    async fn work_off_or_say_why(self, fed: Fed, messages: Vec<Message>) {
        if let Err(error) = self.work_off(fed, messages).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "messages that were worked off were not deleted, they come again"
            );
        }
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
