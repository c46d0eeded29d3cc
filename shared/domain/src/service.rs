//! The services that plays go to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::media::ItemKind;
use crate::names::NotAName;

/// A service that the hub delivers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// <https://trakt.tv>: films and episodes.
    Trakt,
    /// <https://simkl.com>: films and episodes.
    Simkl,
    /// <https://www.last.fm>: tracks.
    LastFm,
    /// <https://listenbrainz.org> and servers that speak its language: tracks.
    ListenBrainz,
}

/// How a user signs in at a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// OAuth: the browser comes back with a code. There is a device flow too.
    OAuth,
    /// Last.fm's web authentication: the browser comes back with a token. There is a device flow too.
    WebAuth,
    /// The user copies a token from the service's settings.
    Token,
}

impl Service {
    /// Every service, in the order in which people see them.
    pub const ALL: [Service; 4] = [Self::Trakt, Self::Simkl, Self::LastFm, Self::ListenBrainz];

    /// The name in addresses, keys and settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trakt => "trakt",
            Self::Simkl => "simkl",
            Self::LastFm => "lastfm",
            Self::ListenBrainz => "listenbrainz",
        }
    }

    /// The name as the service itself writes it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Trakt => "Trakt",
            Self::Simkl => "Simkl",
            Self::LastFm => "Last.fm",
            Self::ListenBrainz => "ListenBrainz",
        }
    }

    /// How a user signs in there.
    pub const fn sign_in(self) -> SignIn {
        match self {
            Self::Trakt | Self::Simkl => SignIn::OAuth,
            Self::LastFm => SignIn::WebAuth,
            Self::ListenBrainz => SignIn::Token,
        }
    }

    /// What the browser that comes back from the sign-in names as its issuer, if it names one (RFC 9207); none where the
    /// service documents no such thing.
    pub const fn issuer(self) -> Option<&'static str> {
        match self {
            Self::Simkl => Some("https://simkl.com"),
            Self::Trakt | Self::LastFm | Self::ListenBrainz => None,
        }
    }

    /// Says whether a user may name another server that speaks the service's language.
    pub const fn has_compatible_servers(self) -> bool {
        match self {
            Self::ListenBrainz => true,
            Self::Trakt | Self::Simkl | Self::LastFm => false,
        }
    }

    /// Says whether plays of this kind go to the service without being asked for.
    pub const fn takes(self, kind: ItemKind) -> bool {
        match self {
            Self::Trakt | Self::Simkl => matches!(kind, ItemKind::Movie | ItemKind::Episode),
            Self::LastFm | Self::ListenBrainz => matches!(kind, ItemKind::Track),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Service {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        Self::ALL
            .into_iter()
            .find(|service| service.name() == text)
            .ok_or_else(|| NotAName::new("service", text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_is_found_by_its_name_and_written_the_same_in_json() {
        for service in Service::ALL {
            assert_eq!(service.name().parse(), Ok(service));
            assert_eq!(serde_json::to_value(service).unwrap(), service.name());
        }
        assert!("myspace".parse::<Service>().is_err());
    }
}
