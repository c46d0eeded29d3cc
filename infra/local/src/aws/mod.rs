//! The AWS of one machine: DynamoDB, SQS and Secrets Manager on loopback, for the real SDKs.
//!
//! The code that uses them does not know: it reads `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL_SQS` and
//! `AWS_ENDPOINT_URL_SECRETS_MANAGER` from its environment, where [`Endpoints`] belong.

pub mod dynamodb;
mod loopback;
pub mod secrets;
pub mod sqs;

#[cfg(test)]
mod tests;

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use hub_runtime::Clock;

pub use dynamodb::DynamoDb;
pub use secrets::Secrets;
pub use sqs::Sqs;

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
    /// The files are `table.sqlite` and `queues.sqlite`, with SQLite's own beside them, and `secrets.json`. See [`dynamodb`] for where `clock` reaches.
    ///
    /// # Errors
    ///
    /// The folder or a file in it cannot be made, read or understood, another process uses the folder, or no loopback
    /// port can be bound.
    pub async fn start(data: Option<&Path>, clock: Clock) -> io::Result<Self> {
        let lock = data.map(take_folder).transpose()?;
        let file = |name: &str| data.map(|folder| folder.join(name));
        Ok(Self {
            dynamodb: DynamoDb::start(file("table.sqlite").as_deref(), clock.clone()).await?,
            sqs: Sqs::start(file("queues.sqlite").as_deref(), clock).await?,
            secrets: Secrets::start(file("secrets.json").as_deref()).await?,
            _lock: lock,
        })
    }

    /// Where the services listen.
    pub fn endpoints(&self) -> Endpoints {
        Endpoints {
            dynamodb: self.dynamodb.url().to_owned(),
            sqs: self.sqs.url().to_owned(),
            secrets: self.secrets.url().to_owned(),
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

    /// Real SDK clients of the first two services, without TLS and with made-up credentials.
    ///
    /// For tests and for setting up; the hub's functions make theirs from the environment.
    pub fn clients(&self) -> (aws_sdk_dynamodb::Client, aws_sdk_sqs::Client) {
        let credentials = || Credentials::new("embedded", "embedded", None, None, "hub-local");
        // Loading the machine's root certificates, which the default client does, takes longer than a test.
        let plain_http = aws_smithy_http_client::Builder::new().build_http();
        let dynamodb = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(credentials())
            .http_client(plain_http.clone())
            .endpoint_url(self.dynamodb.url())
            .build();
        let sqs = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(credentials())
            .http_client(plain_http)
            .endpoint_url(self.sqs.url())
            .build();
        (
            aws_sdk_dynamodb::Client::from_conf(dynamodb),
            aws_sdk_sqs::Client::from_conf(sqs),
        )
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
