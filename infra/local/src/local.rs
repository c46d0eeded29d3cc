//! A hub on one machine that does not listen yet: the stores, and the functions over them.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use hub_runtime::{Clock, Settings};

use crate::aws::Embedded;
use crate::failure::Failure;
use crate::folder::DataFolder;
use crate::hub::Hub;
use crate::variables::{ServerTokenWasMade, Variables};

/// The stores and the functions.
pub struct Local {
    /// DynamoDB, SQS and the secrets.
    pub embedded: Embedded,
    /// The functions.
    pub hub: Hub,
    /// What the operator set.
    pub settings: Settings,
    /// Whether this start made the server's token.
    pub token_was_made: ServerTokenWasMade,
}

/// Why a hub did not come about.
#[derive(Debug)]
pub enum StartError {
    /// Another hub uses the data folder.
    FolderInUse,
    /// Anything else.
    Failed(Failure),
}

impl StartError {
    /// The sentence for the person at the terminal.
    pub fn into_failure(self, folder: Option<&DataFolder>) -> Failure {
        match self {
            Self::FolderInUse => {
                let place = folder.map_or_else(String::new, |folder| {
                    format!(" {}", folder.path().display())
                });
                Failure::new(format!(
                    "Another hub uses the data folder{place}: end it, or name another with --data."
                ))
            }
            Self::Failed(failure) => failure,
        }
    }
}

impl From<Failure> for StartError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Local {
    /// Opens the hub that is kept in a folder, or one in memory that ends with the process.
    ///
    /// `listens_at` is where it will be reached, for the addresses it gives out.
    ///
    /// # Errors
    ///
    /// The folder is in use, a setting is wrong, or a store cannot be opened.
    pub async fn open(
        folder: Option<&DataFolder>,
        mut variables: Variables,
        listens_at: SocketAddr,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let embedded = Embedded::start(folder.map(DataFolder::path), clock.clone()).await;
        let embedded = embedded.map_err(|error| match (error.kind(), folder) {
            (io::ErrorKind::ResourceBusy, _) => StartError::FolderInUse,
            (_, Some(folder)) => {
                let what = format!("The data folder {} cannot be used", folder.path().display());
                Failure::because(&what, &error).into()
            }
            (_, None) => Failure::because("The embedded stores did not start", &error).into(),
        })?;
        // Dropped on an error below, the stores end by themselves, and what they hold is kept.
        let token_was_made = variables.with_local_defaults(embedded.secrets(), listens_at)?;
        let settings = Settings::read(&|name| variables.get(name))
            .map_err(|error| Failure::because("A setting is wrong", &error))?;
        let hub = Hub::assemble(&settings, embedded.stores(), clock).await;
        let hub =
            hub.map_err(|error| Failure::because("The hub could not be put together", &error))?;
        Ok(Self {
            embedded,
            hub,
            settings,
            token_was_made,
        })
    }

    /// The HTTP function's router, the one that Lambda serves.
    pub fn router(&self) -> Router {
        hub_api::router(self.hub.api.clone())
    }

    /// Ends the stores; everything is in their files.
    pub async fn close(self) {
        drop(self.hub);
        self.embedded.shutdown().await;
    }
}
