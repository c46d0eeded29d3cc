//! The AWS of one machine: DynamoDB, SQS and Secrets Manager, for the real SDKs.
//!
//! The code that uses them does not know. In this process it is given clients that hand their requests straight to the
//! services ([`Embedded::clients`]). Another process reads `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL_SQS` and
//! `AWS_ENDPOINT_URL_SECRETS_MANAGER` from its environment, where [`Endpoints`] belong: the services listen on loopback
//! once those are asked for.

pub mod dynamodb;
mod in_process;
mod loopback;
pub mod secrets;
pub mod sqs;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

use hub_runtime::Clock;
use hub_runtime::aws::{Aws, in_process_config};

pub use dynamodb::{Durable, DynamoDb};
use in_process::InProcess;
pub use secrets::Secrets;
pub use sqs::Sqs;

use crate::hub::{BeforeDelete, Stores};

/// The region that the embedded services say they are in.
pub const REGION: &str = "us-east-1";

/// Where the services listen; URLs without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// For `AWS_ENDPOINT_URL_DYNAMODB`.
    pub dynamodb: String,
    /// For `AWS_ENDPOINT_URL_SQS`.
    pub sqs: String,
    /// For `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
    pub secrets: String,
}

/// The three services, running.
///
/// Dropped without [`Embedded::shutdown`] they end by themselves soon after; what they answered to is kept all the
/// same.
pub struct Embedded {
    dynamodb: DynamoDb,
    sqs: Sqs,
    secrets: Secrets,
    /// Held for as long as the folder is in use; the system lets go of it however the process ends.
    _lock: Option<File>,
}

impl Embedded {
    /// Starts the services over the files in the folder `data`, which is made if it is not there, or in memory.
    ///
    /// The files are `table.sqlite` and `queues.sqlite`, with SQLite's own beside them, and `secrets.json`.
    ///
    /// # Errors
    ///
    /// The folder or a file in it cannot be made, read or understood, or another process uses the folder.
    pub async fn start(data: Option<&Path>, clock: Clock) -> io::Result<Self> {
        let lock = data.map(take_folder).transpose()?;
        let file = |name: &str| data.map(|folder| folder.join(name));
        let (table, queues) = (file("table.sqlite"), file("queues.sqlite"));
        let tables_clock = clock.clone();
        // Either waits for the disk: both at the same time.
        let dynamodb =
            tokio::task::spawn_blocking(move || DynamoDb::start(table.as_deref(), tables_clock));
        let sqs = tokio::task::spawn_blocking(move || Sqs::start(queues.as_deref(), clock));
        let (dynamodb, sqs) = tokio::join!(dynamodb, sqs);
        Ok(Self {
            dynamodb: dynamodb.map_err(io::Error::other)??,
            sqs: sqs.map_err(io::Error::other)??,
            secrets: Secrets::open(file("secrets.json").as_deref())?,
            _lock: lock,
        })
    }

    /// Where the services listen, from the first call on.
    ///
    /// # Panics
    ///
    /// Where no loopback port can be bound, or outside of a runtime.
    pub fn endpoints(&self) -> Endpoints {
        let listens = |url: io::Result<&str>| url.expect("a free loopback port").to_owned();
        Endpoints {
            dynamodb: listens(self.dynamodb.url()),
            sqs: listens(self.sqs.url()),
            secrets: listens(self.secrets.url()),
        }
    }

    /// The table service, for its sweeps.
    pub fn dynamodb(&self) -> &DynamoDb {
        &self.dynamodb
    }

    /// The secrets, to be set by the operator's side.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The queue service.
    pub fn sqs(&self) -> &Sqs {
        &self.sqs
    }

    /// Real SDK clients of the first two services, whose requests stay in this process; what the tables answered them
    /// is on the disk.
    pub fn clients(&self) -> (aws_sdk_dynamodb::Client, aws_sdk_sqs::Client) {
        let Aws { dynamodb, sqs } = self.aws(Durable::Each);
        (dynamodb, sqs)
    }

    /// What each function of the hub calls, with as little waiting for the disk as its promises allow.
    ///
    /// | function | is on the disk when it is answered | so |
    /// | --- | --- | --- |
    /// | api, sync | each write and message | what was answered 2xx stays |
    /// | progress | nothing | the event is deleted once all of it is ([`Stores::before_delete`]) |
    /// | worker | what it writes of lanes and connections | what is about to be sent is, before it is sent |
    ///
    /// The log is written in order, so a lane that is on the disk has the plays before it there as well.
    pub fn stores(&self) -> Stores {
        let dynamodb = self.dynamodb.server();
        Stores {
            front: self.aws(Durable::Each),
            progress: self.aws(Durable::Naming(&[])),
            workers: self.aws(Durable::Naming(&["\"LANE#", "\"CONNECTION#"])),
            before_delete: BeforeDelete::of(move || {
                let dynamodb = Arc::clone(&dynamodb);
                Box::pin(async move { dynamodb.sync().await })
            }),
        }
    }

    fn aws(&self, durable: Durable) -> Aws {
        let tables = InProcess::DynamoDb(self.dynamodb.server(), durable);
        let sent = match durable {
            Durable::Each => sqs::Sent::All,
            Durable::Naming(_) => sqs::Sent::ToFifo,
        };
        let queues = InProcess::Sqs(self.sqs.server(), sent);
        Aws {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(
                aws_sdk_dynamodb::config::Builder::from(&in_process_config(tables.client()))
                    .allow_no_auth()
                    .build(),
            ),
            sqs: aws_sdk_sqs::Client::from_conf(
                aws_sdk_sqs::config::Builder::from(&in_process_config(queues.client()))
                    .allow_no_auth()
                    .build(),
            ),
        }
    }

    /// Takes no more requests, answers what has begun, and writes everything to the files.
    pub async fn shutdown(self) {
        // The queues first: what they hand out is worked on with the table.
        self.sqs.shutdown().await;
        self.dynamodb.shutdown().await;
        self.secrets.shutdown().await;
    }
}

/// Makes the folder where it is missing, for its owner only, and keeps other processes out for as long as the file lives.
///
/// Two at once would each take what the other holds in flight for left behind.
fn take_folder(folder: &Path) -> io::Result<File> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let lock = File::create(folder.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            let used = format!("another process uses the data folder {}", folder.display());
            Err(io::Error::new(io::ErrorKind::ResourceBusy, used))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}
