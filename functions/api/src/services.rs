//! The clients of the services, made of the settings.

use std::collections::BTreeMap;

use hub_domain::Service;
use hub_providers::{LastFm, LastFmApp, ListenBrainz, ListenBrainzApp, Provider, Trakt, TraktApp};
use hub_runtime::settings::{Credentials, ServiceApp};
use hub_runtime::{HttpClient, Settings};

/// The client of every service that is on.
pub fn providers(settings: &Settings, http: &HttpClient) -> BTreeMap<Service, Provider> {
    settings
        .services_on()
        .filter_map(|service| {
            let app = settings.app(service).ok()?;
            Some((service, provider(app, http.client())))
        })
        .collect()
}

/// The client of one service; cheap, it shares its connections with all others of the same `http`.
///
/// Where the address to call is a user's own (a compatible server), `http` has to be the users' client.
pub fn provider(app: &ServiceApp, http: reqwest::Client) -> Provider {
    match app.credentials.clone() {
        Credentials::Trakt {
            client_id,
            client_secret,
        } => {
            let app = TraktApp {
                client_id,
                client_secret,
                api_url: app.api_url.clone(),
                auth_url: app.auth_url.clone(),
            };
            Provider::Trakt(Trakt::new(app, http))
        }
        Credentials::LastFm {
            api_key,
            api_secret,
        } => {
            let app = LastFmApp {
                api_key,
                api_secret,
                api_url: app.api_url.clone(),
                auth_url: app.auth_url.clone(),
            };
            Provider::LastFm(LastFm::new(app, http))
        }
        Credentials::ListenBrainz => Provider::ListenBrainz(ListenBrainz::new(
            ListenBrainzApp {
                api_url: app.api_url.clone(),
            },
            http,
        )),
    }
}
