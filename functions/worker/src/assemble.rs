//! Puts the function together as the settings say.

use std::sync::Arc;

use hub_domain::Service;
use hub_providers::Provider;
use hub_runtime::settings::{Settings, SettingsError};
use hub_runtime::{Clock, HttpClient, Queues};
use hub_store::Table;
use url::Url;

use crate::place::Atlas;
use crate::{Behaviour, Worker};

/// What a function without an address of its own says that sign-ins come back to.
const NO_ADDRESS: &str = "https://localhost/";

impl Worker {
    /// The worker of one service; `services` calls the services, `users` addresses that users entered.
    ///
    /// # Errors
    ///
    /// The service is off, or a setting is missing.
    pub fn of(
        settings: &Settings,
        service: Service,
        table: Table,
        queues: Queues,
        services: &HttpClient,
        users: &HttpClient,
        clock: Clock,
    ) -> Result<Self, SettingsError> {
        let redirect = settings
            .redirect_uri(service)
            .and_then(|text| Url::parse(&text).ok());
        // Services that refresh want to hear an address, even of a hub that has none: then it is this.
        let redirect =
            redirect.unwrap_or_else(|| Url::parse(NO_ADDRESS).expect("a well-formed constant"));
        let behaviour = Behaviour {
            scrobble_enabled: settings.scrobble_enabled,
            retry: settings.retries,
            thresholds: settings.thresholds,
            is_alone: !settings.is_on_aws,
            redirect,
        };
        let provider = Arc::new(provider(settings, service, services, users)?);
        let sealing = settings.sealing()?;
        let atlas = Atlas::of(settings, table.clone(), services);
        Ok(Self {
            table,
            queues,
            clock,
            provider,
            sealing,
            notices: users.clone(),
            behaviour,
            failures: Arc::default(),
            atlas,
            deadline: None,
        })
    }

    /// The same worker over fresh connections: those of a sandbox that slept are dead.
    ///
    /// # Errors
    ///
    /// As for [`Worker::of`].
    pub fn reconnected(
        &self,
        settings: &Settings,
        services: &HttpClient,
        users: &HttpClient,
    ) -> Result<Self, SettingsError> {
        let provider = Arc::new(provider(
            settings,
            self.provider.service(),
            services,
            users,
        )?);
        Ok(Self {
            provider,
            ..self.clone()
        })
    }
}

fn provider(
    settings: &Settings,
    service: Service,
    services: &HttpClient,
    users: &HttpClient,
) -> Result<Provider, SettingsError> {
    let app = settings.app_of(service)?;
    let client = if service.has_compatible_servers() {
        users.client()
    } else {
        services.client()
    };
    Ok(Provider::new(app, client))
}
