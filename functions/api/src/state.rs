//! What every handler stands on.

use std::ops::Deref;
use std::sync::Arc;

use hub_domain::{Service, UserId};
use hub_providers::{Provider, Tokens};
use hub_runtime::settings::{ServiceApp, SettingsError};
use hub_runtime::tokens::ServerToken;
use hub_runtime::{Clock, HttpClient, Queues, Sealing, Settings};
use hub_store::{StoredConnection, Table};

use crate::admitted::Admitted;
use crate::drop::Recent;
use crate::forward::KnownServers;
use crate::problem::Problem;

/// The HTTP function, connected; cheap to clone.
#[derive(Clone)]
pub struct ApiState(Arc<Inner>);

/// What [`ApiState`] leads to.
pub struct Inner {
    pub(crate) settings: Settings,
    pub(crate) table: Table,
    pub(crate) queues: Queues,
    pub(crate) clock: Clock,
    pub(crate) sealing: Sealing,
    pub(crate) server_token: Option<ServerToken>,
    pub(crate) admitted: Admitted,
    pub(crate) recent: Recent,
    pub(crate) known_servers: KnownServers,
    pub(crate) sqs: Option<aws_sdk_sqs::Client>,
    services_http: HttpClient,
    users_http: HttpClient,
}

impl Deref for ApiState {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl ApiState {
    /// Puts the function together. `services_http` calls the services, `users_http` the addresses that users entered.
    ///
    /// # Errors
    ///
    /// A setting that is missing: `SEALING_KEYS`.
    pub fn new(
        settings: Settings,
        table: Table,
        queues: Queues,
        services_http: HttpClient,
        users_http: HttpClient,
        clock: Clock,
    ) -> Result<Self, SettingsError> {
        Ok(Self(Arc::new(Inner {
            sealing: settings.sealing()?,
            server_token: settings.server_token.as_ref().map(ServerToken::new),
            admitted: Admitted::default(),
            recent: Recent::default(),
            known_servers: KnownServers::default(),
            sqs: None,
            settings,
            table,
            queues,
            clock,
            services_http,
            users_http,
        })))
    }

    /// The same, and the deep health check asks the events' queue whether it is there.
    ///
    /// Only for a state that was not cloned yet; any other is left as it is.
    #[must_use]
    pub fn asking_queues(mut self, sqs: aws_sdk_sqs::Client) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.sqs = Some(sqs);
        }
        self
    }
}

impl Inner {
    /// Our application at a service.
    ///
    /// # Errors
    ///
    /// 422 with the reason why the service is off.
    pub(crate) fn app(&self, service: Service) -> Result<&ServiceApp, Problem> {
        let title = service.title();
        let off =
            |why| Problem::impossible(format!("{title} is not available on this hub: {why}."));
        self.settings.app(service).map_err(off)
    }

    /// The client of a service; for a compatible server, the one that calls users' addresses.
    ///
    /// # Errors
    ///
    /// 422 with the reason why the service is off.
    pub(crate) fn provider(
        &self,
        service: Service,
        user_url: Option<&str>,
    ) -> Result<Provider, Problem> {
        let app = self.app(service)?;
        let http = if user_url.is_some() {
            &self.users_http
        } else {
            &self.services_http
        };
        Ok(Provider::new(app, http.client()))
    }

    /// Seals tokens for the table.
    pub(crate) fn seal_tokens(
        &self,
        user: UserId,
        service: Service,
        tokens: &Tokens,
    ) -> Result<String, Problem> {
        let words = serde_json::to_string(tokens).map_err(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "tokens could not be written"
            );
            Problem::internal()
        })?;
        Ok(self
            .sealing
            .seal(user, service, &hub_domain::Secret::new(words)))
    }

    /// Opens the tokens of a connection; `None`, and a line in the log, where no key opens them.
    pub(crate) fn open_tokens(&self, stored: &StoredConnection) -> Option<Tokens> {
        let (user, service) = (stored.connection.user, stored.connection.service);
        let opened = self.sealing.open(user, service, &stored.sealed_tokens);
        let tokens = opened.map(|words| serde_json::from_str(words.reveal()));
        match tokens {
            Ok(Ok(tokens)) => Some(tokens),
            Ok(Err(_)) => {
                tracing::error!(user.id = %user, service.name = %service, "sealed tokens are of another form");
                None
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(user.id = %user, service.name = %service, error, "sealed tokens cannot be opened");
                None
            }
        }
    }

    /// Closes connections that nobody uses, before a sandbox may be frozen.
    pub(crate) fn close_idle(&self) {
        self.services_http.close_idle();
        self.users_http.close_idle();
    }
}
