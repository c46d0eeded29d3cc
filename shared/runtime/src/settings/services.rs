//! Which services are on, with whose credentials, and where they are reached.

use std::collections::BTreeMap;

use hub_domain::Service;
pub use hub_domain::app::{Credentials, OAuthClient, ServiceApp};
use url::Url;

use super::reader::{Reader, SettingsError};

/// Whether a service can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each service, made once"
)]
pub enum ServiceSetting {
    /// It can.
    On(ServiceApp),
    /// It cannot.
    Off {
        /// Why, for people: names the variable to change, never a value.
        why: String,
    },
}

impl ServiceSetting {
    /// The application, where the service is on.
    pub const fn app(&self) -> Option<&ServiceApp> {
        match self {
            Self::On(app) => Some(app),
            Self::Off { .. } => None,
        }
    }
}

/// The root of a service's API, unless the operator names another.
///
/// Sources: <https://docs.trakt.tv>, <https://api.simkl.org>, <https://www.last.fm/api/intro>,
/// <https://listenbrainz.readthedocs.io/en/latest/users/api/index.html>, <https://docs.anilist.co>,
/// <https://myanimelist.net/apiconfig/references/api/v2>; Goodreads and Letterboxd have feeds alone.
pub const fn default_api_url(service: Service) -> &'static str {
    match service {
        Service::Trakt => "https://api.trakt.tv",
        Service::Simkl => "https://api.simkl.com",
        Service::LastFm => "https://ws.audioscrobbler.com/2.0/",
        Service::ListenBrainz => "https://api.listenbrainz.org",
        Service::AniList => "https://graphql.anilist.co",
        Service::MyAnimeList => "https://api.myanimelist.net",
        Service::Goodreads => "https://www.goodreads.com",
        Service::Letterboxd => "https://letterboxd.com",
    }
}

/// The root of a service's sign-in, unless the operator names another; for `ListenBrainz` the page that shows the
/// user's token.
pub const fn default_auth_url(service: Service) -> &'static str {
    match service {
        Service::Trakt => "https://auth.trakt.tv",
        Service::Simkl => "https://simkl.com",
        Service::LastFm => "https://www.last.fm/api/auth/",
        Service::ListenBrainz => "https://listenbrainz.org/settings/",
        Service::AniList => "https://anilist.co",
        Service::MyAnimeList => "https://myanimelist.net",
        Service::Goodreads => "https://www.goodreads.com",
        Service::Letterboxd => "https://letterboxd.com",
    }
}

/// The variable of one service: `TRAKT_` and `ENABLED` are `TRAKT_ENABLED`.
pub(super) fn variable(service: Service, ending: &str) -> String {
    format!("{}_{ending}", service.name().to_ascii_uppercase())
}

pub(super) fn read(
    reader: &Reader<'_>,
) -> Result<BTreeMap<Service, ServiceSetting>, SettingsError> {
    Service::ALL
        .into_iter()
        .map(|service| Ok((service, read_one(reader, service)?)))
        .collect()
}

/// Reads everything first, so that a wrong variable is told even where the service is off.
fn read_one(reader: &Reader<'_>, service: Service) -> Result<ServiceSetting, SettingsError> {
    let enabled = variable(service, "ENABLED");
    let is_enabled = reader.flag(&enabled, true)?;
    let api_url = address(
        reader,
        &variable(service, "API_URL"),
        default_api_url(service),
    )?;
    let auth_url = address(
        reader,
        &variable(service, "AUTH_URL"),
        default_auth_url(service),
    )?;
    let credentials = read_credentials(reader, service)?;
    if !is_enabled {
        return Ok(ServiceSetting::Off {
            why: format!("{enabled} is false"),
        });
    }
    Ok(match credentials {
        Ok(credentials) => ServiceSetting::On(ServiceApp {
            api_url,
            auth_url,
            credentials,
        }),
        Err(missing) => ServiceSetting::Off {
            why: format!("{missing} is not set"),
        },
    })
}

/// The credentials, or else the name of the first variable that is missing.
fn read_credentials(
    reader: &Reader<'_>,
    service: Service,
) -> Result<Result<Credentials, String>, SettingsError> {
    Ok(match service {
        Service::Trakt => oauth_client(reader, service)?.map(Credentials::Trakt),
        Service::Simkl => oauth_client(reader, service)?.map(Credentials::Simkl),
        Service::LastFm => {
            let (api_key, api_secret) = (
                reader.word("LASTFM_API_KEY")?,
                reader.secret("LASTFM_API_SECRET")?,
            );
            match (api_key, api_secret) {
                (Some(api_key), Some(api_secret)) => Ok(Credentials::LastFm {
                    api_key,
                    api_secret,
                }),
                (None, _) => Err("LASTFM_API_KEY".to_owned()),
                (Some(_), None) => Err("LASTFM_API_SECRET".to_owned()),
            }
        }
        Service::ListenBrainz => Ok(Credentials::ListenBrainz),
        Service::AniList => match oauth_client(reader, service)? {
            // AniList knows no PKCE: nobody signs in without the secret.
            Ok(client) if client.secret.is_none() => Err("ANILIST_CLIENT_SECRET".to_owned()),
            client => client.map(Credentials::AniList),
        },
        Service::MyAnimeList => oauth_client(reader, service)?.map(Credentials::MyAnimeList),
        Service::Goodreads => Ok(Credentials::Goodreads),
        Service::Letterboxd => Ok(Credentials::Letterboxd),
    })
}

/// An OAuth application: the id alone has to be there.
fn oauth_client(
    reader: &Reader<'_>,
    service: Service,
) -> Result<Result<OAuthClient, String>, SettingsError> {
    let secret = reader.secret(&variable(service, "CLIENT_SECRET"))?;
    let name = variable(service, "CLIENT_ID");
    let id = reader.word(&name)?;
    Ok(id.ok_or(name).map(|id| OAuthClient { id, secret }))
}

fn address(reader: &Reader<'_>, variable: &str, default: &str) -> Result<Url, SettingsError> {
    match reader.url(variable)? {
        Some(url) => Ok(url),
        // A test parses every default, so this names a mistake of ours, not of the operator.
        None => Url::parse(default).map_err(|_| SettingsError::wrong(variable, "a web address")),
    }
}
