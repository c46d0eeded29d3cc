//! The stage: the simulated services, a hub in memory before them, and one user signed in everywhere.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::CONTENT_TYPE;
use hub_domain::{Secret, Service, Source, UserId};
use hub_runtime::http::{ClientKind, user_agent};
use hub_runtime::{Clock, HttpClient};
use hub_twins::Twins;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use super::files::{Files, Rows};
use super::said::Said;
use super::samples::Sample;
use super::world;
use crate::access::Access;
use crate::failure::Failure;
use crate::hub::Hub;
use crate::local::Local;
use crate::users;
use crate::variables::local_url;

/// Who plays: the account that the samples name, and the name at every service.
pub(super) const PERSON: &str = "mira";

/// Everything that the demonstration runs on.
pub(super) struct Stage {
    pub(super) clock: Clock,
    pub(super) twins: Twins,
    pub(super) hub: Hub,
    pub(super) access: Access,
    pub(super) user: UserId,
    /// Where the hub listens.
    pub(super) url: Url,
    pub(super) server_token: Secret,
    /// The address that each source posts to.
    pub(super) webhooks: Vec<(Source, Url)>,
    /// Calls what is neither the hub's API nor a service: webhooks and sign-in pages.
    pub(super) browser: HttpClient,
    /// Keeps the stores alive and the router served.
    _local: Local,
    _server: JoinHandle<()>,
}

impl Stage {
    /// Builds it, with every door open: from here on all goes through HTTP.
    pub(super) async fn build(listen: SocketAddr, clock: Clock) -> Result<Self, Failure> {
        let told = clock.clone();
        let twins = Twins::start(Arc::new(move || told.now())).await;
        let twins = twins
            .map_err(|error| Failure::because("The simulated services did not start", &error))?;
        world::furnish(&twins);
        let listener = TcpListener::bind(listen).await;
        let listener = listener.map_err(|error| {
            Failure::because(&format!("{listen} cannot be listened at"), &error)
        })?;
        let address = listener.local_addr()?;
        let opened = Local::open(None, world::variables(&twins), address, clock.clone()).await;
        let local = opened.map_err(|error| error.into_failure(None))?;
        let router = local.router();
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the demonstration no longer listens"
                );
            }
        });
        let url = Url::parse(&local_url(address))
            .map_err(|error| Failure::because("No address", &error))?;
        let server_token = local.settings.server_token.clone();
        let server_token =
            server_token.ok_or_else(|| Failure::new("The hub has no server token."))?;
        let access = Access::running(url.clone(), server_token.clone())?;
        let user = users::add(&access, PERSON).await?.id;
        let browser = HttpClient::new(ClientKind::Services, user_agent(None))
            .map_err(|error| Failure::because("The demonstration cannot call the hub", &error))?;
        let hub = local.hub.clone();
        let mut stage = Self {
            clock,
            twins,
            hub,
            access,
            user,
            url,
            server_token,
            webhooks: Vec::new(),
            browser,
            _local: local,
            _server: server,
        };
        stage.sign_in_everywhere().await?;
        stage.make_webhooks().await?;
        // A tick fetches the list that says which episode of which anime is meant.
        let ticked = stage.hub.sync.tick().await;
        ticked.map_err(|error| Failure::because("The hub's first tick failed", &error))?;
        Ok(stage)
    }

    /// Posts a sample as its source does, and answers with the status.
    pub(super) async fn post(&self, sample: &Sample) -> Result<http::StatusCode, Failure> {
        let address = self
            .webhooks
            .iter()
            .find(|(source, _)| *source == sample.source)
            .map(|(_, url)| url.clone());
        let address = address
            .ok_or_else(|| Failure::new(format!("{} has no webhook address.", sample.source)))?;
        let request = self
            .browser
            .client()
            .post(address)
            .header(CONTENT_TYPE, &sample.content_type);
        let answer = request.body(sample.body.clone()).send().await;
        let answer = answer.map_err(|error| {
            Failure::because(
                &format!("{} was not taken", sample.file),
                &error.without_url(),
            )
        })?;
        Ok(answer.status())
    }

    async fn make_webhooks(&mut self) -> Result<(), Failure> {
        for source in Source::WEBHOOKS {
            // Kodi names no account; whoever has its address is meant.
            let account = (source != Source::Kodi).then_some(PERSON);
            let made = users::make_webhook(&self.access, self.user, source, account, source.name())
                .await?;
            self.webhooks.push((source, made.url));
        }
        Ok(())
    }

    /// What a person says through the API, and the status that it is answered with.
    pub(super) async fn say(&self, said: &Said) -> Result<http::StatusCode, Failure> {
        let (method, body) = (said.method.into(), Some(&said.body));
        let answer = self.access.ask(method, Some(self.user), &said.path, body);
        Ok(answer.await?.status)
    }

    /// The files for the importers of Goodreads and Letterboxd.
    pub(super) async fn files(&self) -> Result<Files, Failure> {
        Ok(Files {
            goodreads: self.file("goodreads?since=all").await?,
            letterboxd: self.file("letterboxd?since=all").await?,
            letterboxd_watchlist: self.file("letterboxd?list=watchlist").await?,
        })
    }

    async fn file(&self, query: &str) -> Result<Rows, Failure> {
        let url = self.url.as_str().trim_end_matches('/');
        let request = self
            .browser
            .client()
            .get(format!("{url}/api/v1/export/{query}"))
            .bearer_auth(self.server_token.reveal())
            .header("x-user-id", self.user.to_string());
        let not_there =
            |error: reqwest::Error| Failure::because("A file did not come", &error.without_url());
        let answer = request.send().await.map_err(not_there)?;
        let answer = answer.error_for_status().map_err(not_there)?;
        Rows::read(&answer.text().await.map_err(not_there)?)
    }

    /// What the simulated services hold, as they themselves say it.
    pub(super) fn pages(&self) -> impl Iterator<Item = (Service, &str)> {
        let page = |service| (service, world::page(&self.twins, service));
        Service::ALL.into_iter().map(page)
    }
}
