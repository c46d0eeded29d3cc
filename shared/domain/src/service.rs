//! The services that plays go to.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::anime::Catalogue;
use crate::media::ItemKind;
use crate::names::NotAName;
use crate::statement::Aspect;

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
    /// <https://anilist.co>: anime.
    AniList,
    /// <https://myanimelist.net>: anime.
    MyAnimeList,
    /// <https://www.goodreads.com>: books. Its API is closed: in by feed and file, out by file.
    Goodreads,
    /// <https://letterboxd.com>: films. Its API is closed: in by feed and file, out by file.
    Letterboxd,
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
    /// Nothing is signed: the user names their public feed, by its address or by their name there.
    Feed,
}

impl Service {
    /// Every service, in the order in which people see them.
    pub const ALL: [Service; 8] = [
        Self::Trakt,
        Self::Simkl,
        Self::LastFm,
        Self::ListenBrainz,
        Self::AniList,
        Self::MyAnimeList,
        Self::Goodreads,
        Self::Letterboxd,
    ];

    /// The services that can be written to: each has a queue and a worker where it is on, and each user a lane.
    pub const WRITABLE: [Service; 6] = [
        Self::Trakt,
        Self::Simkl,
        Self::LastFm,
        Self::ListenBrainz,
        Self::AniList,
        Self::MyAnimeList,
    ];

    /// Says whether the service can be written to. The others have no API that is open: they take files.
    pub const fn is_writable(self) -> bool {
        match self {
            Self::Trakt
            | Self::Simkl
            | Self::LastFm
            | Self::ListenBrainz
            | Self::AniList
            | Self::MyAnimeList => true,
            Self::Goodreads | Self::Letterboxd => false,
        }
    }

    /// The name in addresses, keys and settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trakt => "trakt",
            Self::Simkl => "simkl",
            Self::LastFm => "lastfm",
            Self::ListenBrainz => "listenbrainz",
            Self::AniList => "anilist",
            Self::MyAnimeList => "myanimelist",
            Self::Goodreads => "goodreads",
            Self::Letterboxd => "letterboxd",
        }
    }

    /// The name as the service itself writes it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Trakt => "Trakt",
            Self::Simkl => "Simkl",
            Self::LastFm => "Last.fm",
            Self::ListenBrainz => "ListenBrainz",
            Self::AniList => "AniList",
            Self::MyAnimeList => "MyAnimeList",
            Self::Goodreads => "Goodreads",
            Self::Letterboxd => "Letterboxd",
        }
    }

    /// How a user signs in there.
    pub const fn sign_in(self) -> SignIn {
        match self {
            Self::Trakt | Self::Simkl | Self::AniList | Self::MyAnimeList => SignIn::OAuth,
            Self::LastFm => SignIn::WebAuth,
            Self::ListenBrainz => SignIn::Token,
            Self::Goodreads | Self::Letterboxd => SignIn::Feed,
        }
    }

    /// What the browser that comes back from the sign-in names as its issuer, if it names one (RFC 9207); none where the
    /// service documents no such thing.
    pub const fn issuer(self) -> Option<&'static str> {
        match self {
            Self::Simkl => Some("https://simkl.com"),
            Self::Trakt
            | Self::LastFm
            | Self::ListenBrainz
            | Self::AniList
            | Self::MyAnimeList
            | Self::Goodreads
            | Self::Letterboxd => None,
        }
    }

    /// Says whether its users may sign in on another device than the one that the hub runs on.
    pub const fn has_device_flow(self) -> bool {
        match self {
            Self::Trakt | Self::Simkl | Self::LastFm => true,
            Self::ListenBrainz
            | Self::AniList
            | Self::MyAnimeList
            | Self::Goodreads
            | Self::Letterboxd => false,
        }
    }

    /// How long before their end its tokens are renewed.
    ///
    /// MyAnimeList's refresh tokens end with the access tokens, after a month: a hub that is off for some days must not
    /// come too late.
    pub const fn renews_ahead(self) -> TimeDelta {
        match self {
            Self::MyAnimeList => TimeDelta::days(7),
            Self::Trakt
            | Self::Simkl
            | Self::LastFm
            | Self::ListenBrainz
            | Self::AniList
            | Self::Goodreads
            | Self::Letterboxd => TimeDelta::hours(1),
        }
    }

    /// Says whether a user may name another server that speaks the service's language.
    pub const fn has_compatible_servers(self) -> bool {
        match self {
            Self::ListenBrainz => true,
            Self::Trakt
            | Self::Simkl
            | Self::LastFm
            | Self::AniList
            | Self::MyAnimeList
            | Self::Goodreads
            | Self::Letterboxd => false,
        }
    }

    /// Says whether plays of this kind are delivered to the service without being asked for.
    ///
    /// Of films and episodes the anime lists keep those that are anime; which these are, the mapping says.
    pub const fn takes(self, kind: ItemKind) -> bool {
        match self {
            Self::Trakt | Self::Simkl | Self::AniList | Self::MyAnimeList => {
                matches!(kind, ItemKind::Movie | ItemKind::Episode)
            }
            Self::LastFm | Self::ListenBrainz => matches!(kind, ItemKind::Track),
            Self::Goodreads | Self::Letterboxd => false,
        }
    }

    /// Says whether plays of this kind are delivered to the service once the user asks for it.
    pub const fn takes_on_request(self, kind: ItemKind) -> bool {
        match self {
            Self::LastFm | Self::ListenBrainz => matches!(kind, ItemKind::PodcastEpisode),
            Self::Trakt
            | Self::Simkl
            | Self::AniList
            | Self::MyAnimeList
            | Self::Goodreads
            | Self::Letterboxd => false,
        }
    }

    /// Says whether what users say of items of this kind is delivered to the service.
    ///
    /// Ratings of an anime list are its entries': a film's, a season's, or a show's that is one entry.
    pub const fn takes_statement(self, aspect: Aspect, kind: ItemKind) -> bool {
        match self {
            Self::Trakt => match aspect {
                Aspect::Rating | Aspect::Watchlist | Aspect::Collection => kind.is_of_video(),
                Aspect::Loved | Aspect::Reading => false,
            },
            Self::Simkl => match aspect {
                Aspect::Rating | Aspect::Watchlist => {
                    matches!(kind, ItemKind::Movie | ItemKind::Show)
                }
                Aspect::Collection | Aspect::Loved | Aspect::Reading => false,
            },
            Self::AniList | Self::MyAnimeList => match aspect {
                Aspect::Rating | Aspect::Watchlist => {
                    matches!(kind, ItemKind::Movie | ItemKind::Show | ItemKind::Season)
                }
                Aspect::Collection | Aspect::Loved | Aspect::Reading => false,
            },
            Self::LastFm | Self::ListenBrainz => {
                matches!(aspect, Aspect::Loved) && matches!(kind, ItemKind::Track)
            }
            Self::Goodreads | Self::Letterboxd => false,
        }
    }

    /// Says whether a play that its user removed can be taken back there, alone and by its date.
    pub const fn takes_back(self) -> bool {
        match self {
            Self::Trakt | Self::Simkl | Self::ListenBrainz => true,
            Self::LastFm
            | Self::AniList
            | Self::MyAnimeList
            | Self::Goodreads
            | Self::Letterboxd => false,
        }
    }

    /// What users should know before they connect it, where it is not what they would expect.
    pub const fn note(self) -> Option<&'static str> {
        match self {
            Self::Goodreads => Some(
                "Goodreads has closed its API: nothing can be sent there directly. Name your public profile or the \
                 address of your shelf's feed, and what you read there comes in; what you read elsewhere is exported \
                 as a file for Goodreads' importer.",
            ),
            Self::Letterboxd => Some(
                "Letterboxd opens its API to few: nothing can be sent there directly. Name your public profile, and \
                 your diary comes in; what you watch elsewhere is exported as files for Letterboxd's importer.",
            ),
            Self::AniList => Some(
                "AniList's sign-in lasts a year and cannot be renewed: the hub tells you a week before it ends.",
            ),
            Self::MyAnimeList => Some(
                "MyAnimeList refuses many cloud addresses: if it refuses this hub, run the hub at home.",
            ),
            Self::Trakt | Self::Simkl | Self::LastFm | Self::ListenBrainz => None,
        }
    }

    /// Where its users find, and can remove, what they played.
    pub fn history_page(self, username: &str) -> String {
        match self {
            Self::Trakt => format!("https://app.trakt.tv/users/{username}/history"),
            Self::Simkl => "https://simkl.com/settings/history/".to_owned(),
            Self::LastFm => format!("https://www.last.fm/user/{username}/library"),
            Self::ListenBrainz => format!("https://listenbrainz.org/user/{username}/"),
            Self::AniList => format!("https://anilist.co/user/{username}/animelist"),
            Self::MyAnimeList => format!("https://myanimelist.net/animelist/{username}"),
            Self::Goodreads => "https://www.goodreads.com/review/list".to_owned(),
            Self::Letterboxd => format!("https://letterboxd.com/{username}/diary/"),
        }
    }

    /// The catalogue in whose numbers the service keeps episodes, where it keeps entries of anime.
    pub const fn catalogue(self) -> Option<Catalogue> {
        match self {
            Self::AniList => Some(Catalogue::AniList),
            Self::MyAnimeList => Some(Catalogue::MyAnimeList),
            Self::Trakt
            | Self::Simkl
            | Self::LastFm
            | Self::ListenBrainz
            | Self::Goodreads
            | Self::Letterboxd => None,
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
