//! The services behind one seam: an enum and a match, so that the compiler lists every place a new one belongs.

/// Calls the same method of whichever client it is.
macro_rules! each {
    ($provider:expr, $client:ident => $call:expr) => {
        match $provider {
            Provider::Trakt($client) => $call,
            Provider::Simkl($client) => $call,
            Provider::LastFm($client) => $call,
            Provider::ListenBrainz($client) => $call,
            Provider::AniList($client) => $call,
            Provider::MyAnimeList($client) => $call,
            Provider::Goodreads($client) => $call,
            Provider::Letterboxd($client) => $call,
        }
    };
}

mod reading;
mod sending;
mod sign_in;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use hub_domain::app::{Credentials, ServiceApp};
use hub_domain::connection::Identity;
use hub_domain::{LiveState, Service};

use crate::anilist::AniList;
use crate::error::ProviderError;
use crate::goodreads::Goodreads;
use crate::lastfm::{LastFm, LastFmApp};
use crate::letterboxd::Letterboxd;
use crate::listenbrainz::{ListenBrainz, ListenBrainzApp};
use crate::myanimelist::MyAnimeList;
use crate::oauth::OAuthApp;
use crate::seam::{Account, DayQuota, Limit, Live};
use crate::simkl::Simkl;
use crate::trakt::Trakt;

/// The client of one service. It never sleeps, never retries and keeps nothing.
#[derive(Debug, Clone)]
pub enum Provider {
    /// Films and episodes.
    Trakt(Trakt),
    /// Films and episodes.
    Simkl(Simkl),
    /// Tracks.
    LastFm(LastFm),
    /// Tracks, there or at a compatible server.
    ListenBrainz(ListenBrainz),
    /// Anime.
    AniList(AniList),
    /// Anime.
    MyAnimeList(MyAnimeList),
    /// Books, by feed alone.
    Goodreads(Goodreads),
    /// Films, by feed alone.
    Letterboxd(Letterboxd),
}

impl Provider {
    /// The client of one service. `http` follows no redirects; for services with compatible servers it is the one that
    /// guards addresses which users entered.
    pub fn new(app: &ServiceApp, http: reqwest::Client) -> Self {
        let (api_url, auth_url) = (app.api_url.clone(), app.auth_url.clone());
        match &app.credentials {
            Credentials::Trakt(client) => {
                Self::Trakt(Trakt::new(OAuthApp::of(client, api_url, auth_url), http))
            }
            Credentials::Simkl(client) => {
                Self::Simkl(Simkl::new(OAuthApp::of(client, api_url, auth_url), http))
            }
            Credentials::LastFm {
                api_key,
                api_secret,
            } => {
                let (api_key, api_secret) = (api_key.clone(), api_secret.clone());
                Self::LastFm(LastFm::new(
                    LastFmApp {
                        api_key,
                        api_secret,
                        api_url,
                        auth_url,
                    },
                    http,
                ))
            }
            Credentials::ListenBrainz => {
                Self::ListenBrainz(ListenBrainz::new(ListenBrainzApp { api_url }, http))
            }
            Credentials::AniList(client) => {
                Self::AniList(AniList::new(OAuthApp::of(client, api_url, auth_url), http))
            }
            Credentials::MyAnimeList(client) => Self::MyAnimeList(MyAnimeList::new(
                OAuthApp::of(client, api_url, auth_url),
                http,
            )),
            Credentials::Goodreads => Self::Goodreads(Goodreads::new(api_url, http)),
            Credentials::Letterboxd => Self::Letterboxd(Letterboxd::new(api_url, http)),
        }
    }

    /// The service it speaks to.
    pub const fn service(&self) -> Service {
        match self {
            Self::Trakt(_) => Service::Trakt,
            Self::Simkl(_) => Service::Simkl,
            Self::LastFm(_) => Service::LastFm,
            Self::ListenBrainz(_) => Service::ListenBrainz,
            Self::AniList(_) => Service::AniList,
            Self::MyAnimeList(_) => Service::MyAnimeList,
            Self::Goodreads(_) => Service::Goodreads,
            Self::Letterboxd(_) => Service::Letterboxd,
        }
    }

    /// Tells the service what is on at this moment. A state that is stale or that would count as a play is not sent.
    ///
    /// # Errors
    ///
    /// Nothing to do about it: a live signal is never retried.
    pub async fn live(
        &self,
        account: &Account<'_>,
        state: &LiveState,
        now: DateTime<Utc>,
    ) -> Result<Live, ProviderError> {
        let (service, kind) = (self.service(), state.media.kind);
        if state.is_stale(now) || !(service.takes(kind) || service.takes_on_request(kind)) {
            return Ok(Live::NothingToSend);
        }
        each!(self, client => client.live(account, state, now).await)
            .map_err(|error| error.hiding(&account.tokens.access))
    }

    /// Asks the service who the user is. `account.username` may be empty.
    ///
    /// # Errors
    ///
    /// [`hub_domain::Disposition::Auth`]: the tokens do not work.
    pub async fn identify(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Identity, ProviderError> {
        each!(self, client => client.identify(account, now).await)
            .map_err(|error| error.hiding(&account.tokens.access))
    }

    /// The host that is called, for its circuit and its limiter; with the port where one is named.
    pub fn host(&self, account_url: Option<&str>) -> String {
        match self {
            Self::Trakt(client) => client.host(),
            Self::Simkl(client) => client.host(),
            Self::LastFm(client) => client.host(),
            Self::ListenBrainz(client) => client.host(account_url),
            Self::AniList(client) => client.host(),
            Self::MyAnimeList(client) => client.host(),
            Self::Goodreads(client) => client.host(),
            Self::Letterboxd(client) => client.host(),
        }
    }

    /// How many writes the service takes. Compatible servers name no limit; `ListenBrainz`'s is kept to there as well.
    pub const fn limit(&self, _account_url: Option<&str>) -> Limit {
        match self {
            Self::Trakt(_) => Trakt::LIMIT,
            Self::Simkl(_) => Simkl::LIMIT,
            Self::LastFm(_) => LastFm::LIMIT,
            Self::ListenBrainz(_) => ListenBrainz::LIMIT,
            Self::AniList(_) => AniList::LIMIT,
            Self::MyAnimeList(_) => MyAnimeList::LIMIT,
            Self::Goodreads(_) => Goodreads::LIMIT,
            Self::Letterboxd(_) => Letterboxd::LIMIT,
        }
    }

    /// What it takes from one account in a day, where it counts that.
    pub const fn day_quota(&self) -> Option<DayQuota> {
        match self {
            Self::Simkl(_) => Some(Simkl::DAY_QUOTA),
            Self::LastFm(_) => Some(LastFm::DAY_QUOTA),
            Self::Trakt(_)
            | Self::ListenBrainz(_)
            | Self::AniList(_)
            | Self::MyAnimeList(_)
            | Self::Goodreads(_)
            | Self::Letterboxd(_) => None,
        }
    }
}
