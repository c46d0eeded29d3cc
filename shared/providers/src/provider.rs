//! The services behind one seam: an enum and a match, so that the compiler lists every place a new one belongs.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use hub_domain::app::{Credentials, ServiceApp};
use hub_domain::connection::Identity;
use hub_domain::{
    LiveState, Outcome, Parcel, ParcelId, Play, PlayId, Secret, Service, SignIn, Statement,
    StatementId,
};
use url::Url;

use crate::anilist::AniList;
use crate::error::ProviderError;
use crate::goodreads::Goodreads;
use crate::lastfm::{LastFm, LastFmApp};
use crate::letterboxd::Letterboxd;
use crate::listenbrainz::{ListenBrainz, ListenBrainzApp};
use crate::myanimelist::MyAnimeList;
use crate::oauth::OAuthApp;
use crate::reading::{Activity, HistoryCursor, HistoryPage, cannot_be_read};
use crate::seam::{
    Account, Authorize, Context, DayQuota, DevicePoll, DeviceStart, IfLost, Limit, Live, OnList,
    Preparation, Prepared, Revoked, Tokens, named,
};
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

    /// Decides what is sent next of a lane's parcels, oldest first: pure, and the same for the same arguments.
    ///
    /// A request holds plays, or plays to be taken back, or statements: the first kind that there is, in this order.
    /// Each parcel is in exactly one of the three parts of the answer.
    pub fn prepare(
        &self,
        parcels: &[Parcel],
        context: &Context<'_>,
        now: DateTime<Utc>,
    ) -> Preparation {
        let is_undo = |play: &Play| {
            let delivery = play.deliveries.get(&self.service());
            delivery.is_some_and(|delivery| delivery.undo)
        };
        let (undone, plays): (Vec<Play>, Vec<Play>) = parcels
            .iter()
            .filter_map(Parcel::play)
            .cloned()
            .partition(is_undo);
        let statements: Vec<Statement> = parcels
            .iter()
            .filter_map(Parcel::statement)
            .cloned()
            .collect();
        let ids = |plays: &[Play]| -> Vec<ParcelId> {
            plays.iter().map(|play| play.id.clone().into()).collect()
        };
        let said = || {
            statements
                .iter()
                .map(|statement| statement.id.clone().into())
        };
        let mut later: Vec<ParcelId> = Vec::new();
        let mut preparation = if !plays.is_empty() {
            later.extend(ids(&undone));
            later.extend(said());
            self.prepare_plays(&plays, context, now).named()
        } else if !undone.is_empty() {
            later.extend(said());
            self.prepare_undo(&undone, context, now).named()
        } else {
            self.prepare_statements(&statements, context, now).named()
        };
        preparation.left.append(&mut later);
        preparation
    }

    /// Decides what is sent next of some plays.
    ///
    /// At most 50 plays go into one request to Last.fm, 100 to ListenBrainz and to Trakt's and Simkl's history; one to
    /// their stop and to a compatible server; those of one entry to an anime list.
    pub(crate) fn prepare_plays(
        &self,
        plays: &[Play],
        context: &Context<'_>,
        now: DateTime<Utc>,
    ) -> Preparation<PlayId> {
        match self {
            Self::Trakt(client) => client.prepare_plays(plays, now),
            Self::Simkl(client) => client.prepare_plays(plays, now),
            Self::LastFm(client) => client.prepare_plays(plays, now),
            Self::ListenBrainz(client) => client.prepare_plays(plays, context.account_url, now),
            Self::AniList(client) => client.prepare_plays(plays, context, now),
            Self::MyAnimeList(client) => client.prepare_plays(plays, context, now),
            Self::Goodreads(_) | Self::Letterboxd(_) => {
                self.takes_files_alone(plays.iter().map(|play| play.id.clone()))
            }
        }
    }

    /// Decides what is taken back next of some plays that their user removed.
    pub(crate) fn prepare_undo(
        &self,
        plays: &[Play],
        context: &Context<'_>,
        now: DateTime<Utc>,
    ) -> Preparation<PlayId> {
        match self {
            Self::Trakt(client) => client.prepare_undo(plays, now),
            Self::Simkl(client) => client.prepare_undo(plays, now),
            Self::LastFm(client) => client.prepare_undo(plays),
            Self::ListenBrainz(client) => client.prepare_undo(plays, context.account_url, now),
            Self::AniList(client) => client.prepare_undo(plays, context),
            Self::MyAnimeList(client) => client.prepare_undo(plays, context),
            Self::Goodreads(_) | Self::Letterboxd(_) => {
                self.takes_files_alone(plays.iter().map(|play| play.id.clone()))
            }
        }
    }

    /// Decides what is told next of some statements.
    pub(crate) fn prepare_statements(
        &self,
        statements: &[Statement],
        context: &Context<'_>,
        now: DateTime<Utc>,
    ) -> Preparation<StatementId> {
        match self {
            Self::Trakt(client) => client.prepare_statements(statements, now),
            Self::Simkl(client) => client.prepare_statements(statements, now),
            Self::LastFm(client) => client.prepare_statements(statements, now),
            Self::ListenBrainz(client) => {
                client.prepare_statements(statements, context.account_url, now)
            }
            Self::AniList(client) => client.prepare_statements(statements, context, now),
            Self::MyAnimeList(client) => client.prepare_statements(statements, context, now),
            Self::Goodreads(_) | Self::Letterboxd(_) => {
                self.takes_files_alone(statements.iter().map(|statement| statement.id.clone()))
            }
        }
    }

    fn takes_files_alone<Id>(&self, ids: impl Iterator<Item = Id>) -> Preparation<Id> {
        let why = format!("{} takes files alone: export one", self.service().title());
        Preparation::all(ids, &Outcome::Ignored { why })
    }

    /// Asks an anime list what stands at some of its entries; one that it does not know is left out of the answer.
    ///
    /// To be asked right before [`Provider::prepare`]; together with the request that follows it counts as one against
    /// [`Provider::limit`]. Other services have no entries, and answer with none.
    ///
    /// # Errors
    ///
    /// As for [`Provider::send`]; nothing was written.
    pub async fn survey(
        &self,
        account: &Account<'_>,
        entries: &BTreeSet<u32>,
        now: DateTime<Utc>,
    ) -> Result<BTreeMap<u32, OnList>, ProviderError> {
        match self {
            Self::AniList(client) => client.survey(account, entries, now).await,
            Self::MyAnimeList(client) => client.survey(account, entries, now).await,
            Self::Trakt(_)
            | Self::Simkl(_)
            | Self::LastFm(_)
            | Self::ListenBrainz(_)
            | Self::Goodreads(_)
            | Self::Letterboxd(_) => Ok(BTreeMap::new()),
        }
        .map_err(|error| error.hiding(&account.tokens.access))
    }

    /// Sends what was prepared, and reads from the answer's body what became of each parcel in it.
    ///
    /// # Errors
    ///
    /// Says what to do next about all of them. [`hub_domain::Disposition::Permanent`] about several parcels means that
    /// one of them may be at fault: send the halves.
    pub async fn send(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(ParcelId, Outcome)>, ProviderError> {
        let answered = if prepared.undo {
            each!(self, client => client.take_back(account, prepared, now).await).map(named)
        } else if prepared.plays.is_empty() {
            each!(self, client => client.tell(account, prepared, now).await).map(named)
        } else {
            each!(self, client => client.deliver(account, prepared, now).await).map(named)
        };
        answered.map_err(|error| error.hiding(&account.tokens.access))
    }

    /// What to do if the answer to a prepared request is lost.
    pub fn if_lost(&self, prepared: &Prepared, _account_url: Option<&str>) -> IfLost {
        if prepared.undo || prepared.plays.is_empty() {
            // What is said or taken back is so, however often it is told.
            return IfLost::Repeat;
        }
        match self {
            Self::Trakt(client) => client.if_lost(prepared),
            // The anime lists are told a state to be reached. Simkl keeps one watch of an item; ListenBrainz and Last.fm store the same second with the same names once.
            // Compatible servers get every listen at least once; there is nothing to read back.
            Self::Simkl(_)
            | Self::LastFm(_)
            | Self::ListenBrainz(_)
            | Self::AniList(_)
            | Self::MyAnimeList(_)
            | Self::Goodreads(_)
            | Self::Letterboxd(_) => IfLost::Repeat,
        }
    }

    /// Looks which of the plays of a prepared request are at the service; `None` beside a play: it is not there.
    ///
    /// A play that is not in `plays`, or that cannot be looked for, is left out of the answer: nothing is known of it.
    ///
    /// # Errors
    ///
    /// The reading failed: nothing is known, look again later. Never [`hub_domain::Disposition::InDoubt`].
    pub async fn read_back(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        plays: &[Play],
        now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Option<Outcome>)>, ProviderError> {
        match self {
            Self::Trakt(client) => client
                .read_back(account, prepared, plays, now)
                .await
                .map_err(|error| error.hiding(&account.tokens.access)),
            // A repeat is harmless there, so nothing is read.
            Self::Simkl(_)
            | Self::LastFm(_)
            | Self::ListenBrainz(_)
            | Self::AniList(_)
            | Self::MyAnimeList(_)
            | Self::Goodreads(_)
            | Self::Letterboxd(_) => Ok(Vec::new()),
        }
    }

    /// Asks what changed, without reading it. To be asked before each reading, and kept with it: what changes while the
    /// reading goes on is then found by the next.
    ///
    /// # Errors
    ///
    /// As for [`Provider::read_history`].
    pub async fn activities(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Activity, ProviderError> {
        match self {
            Self::Trakt(client) => client.activities(account, now).await,
            Self::Simkl(client) => client.activities(account, now).await,
            Self::LastFm(client) => client.activities(account, now).await,
            Self::ListenBrainz(client) => client.activities(account, now).await,
            Self::AniList(client) => client.activities(account, now).await,
            Self::MyAnimeList(client) => client.activities(account, now).await,
            Self::Goodreads(_) | Self::Letterboxd(_) => Err(self.is_read_by_feed()),
        }
        .map_err(|error| error.hiding(&account.tokens.access))
    }

    /// Reads one page of a history, see [`crate::reading`]. Where the page has a body, the next ones are cut from that.
    ///
    /// # Errors
    ///
    /// [`hub_domain::Disposition::Permanent`]: the answer is cut short or contradicts itself, and the reading ends
    /// without having changed anything. Any other: ask for the same page again, as the disposition says.
    pub async fn read_history(
        &self,
        account: &Account<'_>,
        cursor: &HistoryCursor,
        now: DateTime<Utc>,
    ) -> Result<HistoryPage, ProviderError> {
        match self {
            Self::Trakt(client) => client.read_history(account, cursor, now).await,
            Self::Simkl(client) => client.read_history(account, cursor, now).await,
            Self::LastFm(client) => client.read_history(account, cursor, now).await,
            Self::ListenBrainz(client) => client.read_history(account, cursor, now).await,
            Self::AniList(client) => client.read_history(account, cursor, now).await,
            Self::MyAnimeList(client) => client.read_history(account, cursor, now).await,
            Self::Goodreads(_) | Self::Letterboxd(_) => Err(self.is_read_by_feed()),
        }
        .map_err(|error| error.hiding(&account.tokens.access))
    }

    fn is_read_by_feed(&self) -> ProviderError {
        cannot_be_read(self.service(), "its feed is what it shows")
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

    /// Where the browser goes to sign in; it comes back to `redirect` with `state`.
    ///
    /// # Errors
    ///
    /// The service has no such page.
    pub fn authorize(&self, redirect: &Url, state: &str) -> Result<Authorize, ProviderError> {
        each!(self, client => client.authorize(redirect, state))
    }

    /// Turns what the sign-in brought back (a code, a token) into tokens.
    ///
    /// # Errors
    ///
    /// [`hub_domain::Disposition::Auth`]: the code is not, or no longer, good.
    pub async fn exchange(
        &self,
        code_or_token: &str,
        redirect: &Url,
        verifier: Option<&Secret>,
        now: DateTime<Utc>,
    ) -> Result<Tokens, ProviderError> {
        match self {
            Self::Trakt(client) => {
                client
                    .exchange(code_or_token, redirect, verifier, now)
                    .await
            }
            Self::Simkl(client) => {
                client
                    .exchange(code_or_token, redirect, verifier, now)
                    .await
            }
            Self::LastFm(client) => client.exchange(code_or_token, now).await,
            Self::ListenBrainz(client) => client.exchange(code_or_token),
            Self::AniList(client) => client.exchange(code_or_token, redirect, now).await,
            Self::MyAnimeList(client) => {
                client
                    .exchange(code_or_token, redirect, verifier, now)
                    .await
            }
            Self::Goodreads(client) => client.exchange(code_or_token),
            Self::Letterboxd(client) => client.exchange(code_or_token),
        }
        .map_err(|error| match self.service().sign_in() {
            // A name is no secret, and a short one would garble the sentence.
            SignIn::Feed => error,
            SignIn::OAuth | SignIn::WebAuth | SignIn::Token => {
                error.hiding(&Secret::new(code_or_token))
            }
        })
    }

    /// Gets the next pair of tokens. The old access token is dead once this succeeds, and where refresh tokens work once
    /// (Trakt) the old refresh token too.
    ///
    /// # Errors
    ///
    /// [`hub_domain::Disposition::Auth`]: the refresh token is refused, or the service has none.
    /// [`hub_domain::Disposition::Retryable`]: the service or the network is in trouble; the connection is not lost.
    pub async fn refresh(
        &self,
        tokens: &Tokens,
        redirect: &Url,
        now: DateTime<Utc>,
    ) -> Result<Tokens, ProviderError> {
        match self {
            Self::Trakt(client) => client.refresh(tokens, redirect, now).await,
            Self::Simkl(client) => client.refresh(tokens, now).await,
            Self::MyAnimeList(client) => client.refresh(tokens, now).await,
            Self::LastFm(_)
            | Self::ListenBrainz(_)
            | Self::AniList(_)
            | Self::Goodreads(_)
            | Self::Letterboxd(_) => Err(ProviderError::new(
                self.service(),
                "refresh the tokens",
                hub_domain::Disposition::Auth,
                "its tokens cannot be refreshed",
            )),
        }
    }

    /// Ends the tokens at the service, where it lets us.
    ///
    /// # Errors
    ///
    /// The service was not told; the user can revoke the access in its settings.
    pub async fn revoke(
        &self,
        tokens: &Tokens,
        now: DateTime<Utc>,
    ) -> Result<Revoked, ProviderError> {
        match self {
            Self::Trakt(client) => client.revoke(tokens, now).await,
            Self::Simkl(client) => client.revoke(tokens, now).await,
            Self::LastFm(_)
            | Self::ListenBrainz(_)
            | Self::AniList(_)
            | Self::MyAnimeList(_)
            | Self::Goodreads(_)
            | Self::Letterboxd(_) => return Ok(Revoked::ByTheUserAlone),
        }?;
        Ok(Revoked::AtTheService)
    }

    /// Begins a sign-in on another device.
    ///
    /// # Errors
    ///
    /// The service refused, or has no such sign-in.
    pub async fn begin_device(&self, now: DateTime<Utc>) -> Result<DeviceStart, ProviderError> {
        match self {
            Self::Trakt(client) => client.begin_device(now).await,
            Self::Simkl(client) => client.begin_device(now).await,
            Self::LastFm(client) => client.begin_device(now).await,
            Self::ListenBrainz(client) => Err(client.has_only_tokens("begin a device sign-in")),
            Self::AniList(_) | Self::MyAnimeList(_) | Self::Goodreads(_) | Self::Letterboxd(_) => {
                Err(self.has_no_device_flow())
            }
        }
    }

    /// Asks what became of a device sign-in.
    ///
    /// # Errors
    ///
    /// Nothing is known; ask again after the interval.
    pub async fn poll_device(
        &self,
        device_code: &Secret,
        now: DateTime<Utc>,
    ) -> Result<DevicePoll, ProviderError> {
        match self {
            Self::Trakt(client) => client.poll_device(device_code, now).await,
            Self::Simkl(client) => client.poll_device(device_code, now).await,
            Self::LastFm(client) => client.poll_device(device_code, now).await,
            Self::ListenBrainz(client) => Err(client.has_only_tokens("poll a device sign-in")),
            Self::AniList(_) | Self::MyAnimeList(_) | Self::Goodreads(_) | Self::Letterboxd(_) => {
                Err(self.has_no_device_flow())
            }
        }
        .map_err(|error| error.hiding(device_code))
    }

    fn has_no_device_flow(&self) -> ProviderError {
        ProviderError::new(
            self.service(),
            "begin a sign-in on another device",
            hub_domain::Disposition::Permanent,
            "it knows no sign-in on another device",
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hub_domain::{ItemKind, MediaItem};

    use super::*;
    use crate::testing::{at, client, context, episode, movie, play, track};
    use crate::{LastFmApp, ListenBrainzApp};

    fn all() -> [Provider; 4] {
        let url = |text: &str| text.parse::<Url>().unwrap();
        let trakt = OAuthApp {
            client_id: "id".to_owned(),
            client_secret: None,
            api_url: url("https://api.trakt.tv"),
            auth_url: url("https://auth.trakt.tv"),
        };
        let simkl = OAuthApp {
            api_url: url("https://api.simkl.com"),
            auth_url: url("https://simkl.com"),
            ..trakt.clone()
        };
        let lastfm = LastFmApp {
            api_key: "key".to_owned(),
            api_secret: Secret::new("secret"),
            api_url: url("https://ws.audioscrobbler.com/2.0/"),
            auth_url: url("https://www.last.fm/api/auth/"),
        };
        let listenbrainz = ListenBrainzApp {
            api_url: url("https://api.listenbrainz.org"),
        };
        [
            Provider::Trakt(Trakt::new(trakt, client())),
            Provider::Simkl(Simkl::new(simkl, client())),
            Provider::LastFm(LastFm::new(lastfm, client())),
            Provider::ListenBrainz(ListenBrainz::new(listenbrainz, client())),
        ]
    }

    #[test]
    fn each_play_is_settled_prepared_or_left_and_the_rounds_come_to_an_end() {
        let mut plays: Vec<Play> = (0..260)
            .map(|n| {
                let media = match n % 5 {
                    0 => movie("tt0133093"),
                    1 => episode(u32::try_from(n).unwrap(), None),
                    2 => MediaItem::new(ItemKind::PodcastEpisode),
                    3 => MediaItem::new(ItemKind::Track),
                    _ => track("a", &format!("t{n}")),
                };
                let times = (n % 7 != 0).then(|| at(n * 60));
                let mut play = play(media, times, times);
                play.item = hub_domain::ItemKey::new(n.to_string());
                play.id = PlayId::new(play.user, &play.item, times);
                play
            })
            .collect();
        plays.push(play(movie("tt0000001"), Some(at(10_000)), Some(at(16_000))));
        for provider in all() {
            for url in [None, Some("https://maloja.example/apis/listenbrainz")] {
                let mut open = plays.clone();
                while !open.is_empty() {
                    let preparation = provider.prepare_plays(&open, &context(url), at(16_010));
                    assert_eq!(
                        preparation,
                        provider.prepare_plays(&open, &context(url), at(16_010))
                    );
                    let prepared = preparation.prepared.map(|it| it.plays).unwrap_or_default();
                    let settled = preparation.settled.into_iter().map(|(id, _)| id);
                    let gone: Vec<PlayId> = settled
                        .chain(prepared.into_iter().map(|it| it.play))
                        .collect();
                    assert!(!gone.is_empty());
                    let given: BTreeSet<PlayId> = open.iter().map(|it| it.id.clone()).collect();
                    let parts = gone.iter().chain(&preparation.left);
                    assert_eq!(parts.clone().count(), given.len());
                    assert_eq!(parts.cloned().collect::<BTreeSet<_>>(), given);
                    open.retain(|it| preparation.left.contains(&it.id));
                }
            }
        }
    }

    #[test]
    fn what_is_written_down_keeps_its_stored_format() {
        let film = play(movie("tt0133093"), Some(at(0)), Some(at(7000)));
        let prepared = all()[0]
            .prepare_plays(&[film], &context(None), at(7001))
            .prepared
            .unwrap();
        let stored = r#"{"call":"scrobble/stop","body":"{\"movie\":{\"title\":\"The Matrix\",\"year\":1999,\"ids\":{\"imdb\":\"tt0133093\"}},\"progress\":85.0}","plays":[{"play":"20251120T120000000Z-610c9e76838efd24","watched_at":"2025-11-20T13:56:40Z"}],"prepared_at":"2025-11-20T13:56:41Z"}"#;
        assert_eq!(serde_json::to_string(&prepared).unwrap(), stored);
        assert_eq!(serde_json::from_str::<Prepared>(stored).unwrap(), prepared);
    }

    #[test]
    fn each_service_is_called_at_its_own_host_within_its_own_limit() {
        let hosts = all().map(|provider| provider.host(None));
        let expected = [
            "api.trakt.tv",
            "api.simkl.com",
            "ws.audioscrobbler.com",
            "api.listenbrainz.org",
        ];
        assert_eq!(hosts, expected);
        for provider in all() {
            assert!(provider.limit(None).calls > 0);
            assert_eq!(provider.service().to_string(), provider.service().name());
        }
    }

    #[tokio::test]
    async fn tokens_without_an_end_are_never_refreshed() {
        let redirect: Url = "https://hub.example/callback".parse().unwrap();
        for provider in &all()[2..] {
            let tokens = Tokens::lasting("token");
            let error = provider
                .refresh(&tokens, &redirect, at(0))
                .await
                .unwrap_err();
            assert_eq!(error.disposition, hub_domain::Disposition::Auth);
            let revoked = provider.revoke(&tokens, at(0)).await.unwrap();
            assert_eq!(revoked, Revoked::ByTheUserAlone);
        }
    }
}
