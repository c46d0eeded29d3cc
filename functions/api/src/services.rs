//! The clients of the services, made of the settings.

use std::collections::BTreeMap;

use hub_domain::Service;
use hub_providers::Provider;
use hub_runtime::{HttpClient, Settings};

/// The client of every service that is on.
pub fn providers(settings: &Settings, http: &HttpClient) -> BTreeMap<Service, Provider> {
    settings
        .services_on()
        .filter_map(|service| {
            let app = settings.app(service).ok()?;
            Some((service, Provider::new(app, http.client())))
        })
        .collect()
}
