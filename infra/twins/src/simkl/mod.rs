//! Simkl: scrobbles, history, ratings and five lists, for films, shows and anime; the rules of AUTH V2.
//!
//! - Signing in: authorization code with PKCE (S256) or a device's code; tokens of 7 days, a refresh token that stays,
//!   whose use ends the access token before. Without the scope `media:write` a grant only reads.
//! - Every call carries `client_id`, `app-name` and `app-version` in its address, and a token.
//! - History keeps one time an episode: what is sent again changes nothing. What is not found is listed inside a 201.
//! - Anime are counted by AniDB: an episode of a season is found in the entry that holds it, and answered with both
//!   numberings.
//! - Limits: 10 reads and one write a second; 500 requests a day until midnight in New York, more with a plan.

mod answers;
mod api;
mod catalogue;
mod device;
mod history;
mod items;
mod limits;
mod lists;
mod named;
mod oauth;
mod read;
mod scrobble;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::Value;

pub use self::answers::{
    client_id_failed, premium_only, rate_limit, refused, scrobble_locked, user_limit_exceeded,
    user_token_failed,
};
pub use self::items::Kind;
pub use self::oauth::{ACCESS_TOKEN_LIFETIME, REFRESH_TOKEN_LIFETIME};
pub use self::state::{Entry, Plan, Play, Playback, Status, Watching};

use self::catalogue::Catalogue;
use self::limits::Limits;
use self::named::Marked;
use self::state::{State, WHOLE};
use crate::Now;
use crate::answer::{Answer, Call};
use crate::faults::Faults;
use crate::log::{Log, SeenRequest};
use crate::samples::Anime;
use crate::serve::{Desk, Door, Server};
use crate::sign_in::{SignIn, Tokens};

/// The client id of the app that every Simkl twin knows; it has no secret.
pub const CLIENT_ID: &str = "9d1f6a2c7b3e4f58a0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6a7b8c9d0e1f2a3";

/// The simulated Simkl. Clones are the same service; it ends with the last of them.
#[derive(Clone)]
pub struct Simkl {
    now: Now,
    state: Arc<Mutex<State>>,
    faults: Faults,
    log: Log,
    url: String,
    site_url: String,
    _servers: Arc<[Server; 2]>,
}

impl Simkl {
    /// Starts both hosts, each on a loopback port of its own.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start(now: Now) -> io::Result<Simkl> {
        let (api, site) = (Door::open().await?, Door::open().await?);
        let (url, site_url) = (api.url.clone(), site.url.clone());
        let mut sign_in = SignIn::new(oauth::manner(), &url);
        sign_in.register(CLIENT_ID, None, &[]);
        let state = Arc::new(Mutex::new(State {
            sign_in,
            site_url: site_url.clone(),
            devices: Vec::new(),
            users: BTreeMap::new(),
            catalogue: Catalogue::of_samples(),
            limits: Limits::new(),
            rules: read::Rules::default(),
            // Positions have 64-bit numbers.
            next_id: 10_000_000_001,
        }));
        let (faults, log) = (Faults::default(), Log::default());
        let desk = |rules: fn(&mut State, &Call) -> Answer| {
            let state = Arc::clone(&state);
            Desk {
                now: now.clone(),
                faults: faults.clone(),
                log: log.clone(),
                rules: Arc::new(move |call| rules(&mut locked(&state), call)),
                operation: |call| call.path.clone(),
            }
        };
        let servers = [api.serve(desk(api::api)), site.serve(desk(api::site))];
        Ok(Simkl {
            now,
            state,
            faults,
            log,
            url,
            site_url,
            _servers: Arc::new(servers),
        })
    }

    /// The API's address; tokens are asked for here, too.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The website's address: `/oauth2/authorize` and `/pin`.
    #[must_use]
    pub fn site_url(&self) -> &str {
        &self.site_url
    }

    /// What goes wrong on demand, on both hosts.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Every request since the start or the last [`Simkl::forget_requests`], on both hosts.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.log.all()
    }

    /// How many of those requests were for one path, such as `/sync/history`.
    #[must_use]
    pub fn calls(&self, path: &str) -> usize {
        self.log.count(path)
    }

    /// Starts counting requests anew.
    pub fn forget_requests(&self) {
        self.log.clear();
    }

    /// Switches all limits off or on; they are on at first.
    pub fn enforce_limits(&self, is_enforced: bool) {
        self.state().limits.is_enforced = is_enforced;
    }

    /// Sets how many requests any user has a day, whatever the plan says.
    pub fn set_daily_limit(&self, requests: u32) {
        self.state().limits.daily = Some(requests);
    }

    /// Registers an app; with redirect addresses, only those are taken.
    pub fn register_app(&self, client_id: &str, secret: Option<&str>, redirect_uris: &[&str]) {
        self.state()
            .sign_in
            .register(client_id, secret, redirect_uris);
    }

    /// Suspends an app, or takes it in again: its calls are answered 412.
    pub fn suspend_app(&self, client_id: &str, is_suspended: bool) {
        let suspended = &mut self.state().rules.suspended;
        if is_suspended {
            suspended.insert(client_id.to_owned());
        } else {
            suspended.remove(client_id);
        }
    }

    /// The reads that broke the rule of `/sync/all-items`; the third suspends the app.
    #[must_use]
    pub fn misuses(&self) -> Vec<String> {
        self.state().rules.misuses.clone()
    }

    /// Opens an account.
    pub fn add_user(&self, user: &str) {
        self.state().account(user);
    }

    /// Sets an account's plan; it is free at first.
    pub fn set_plan(&self, user: &str, plan: Plan) {
        self.state().account(user).plan = plan;
    }

    /// Signs a user in through [`CLIENT_ID`], with all scopes, opening the account if needed.
    pub fn issue_tokens(&self, user: &str) -> Tokens {
        let now = (self.now)();
        let mut state = self.state();
        state.account(user);
        let grant = state
            .sign_in
            .issue(user, CLIENT_ID, Some("media:read media:write"), now);
        Tokens {
            access_token: grant
                .map(|grant| grant.access_token.clone())
                .unwrap_or_default(),
            refresh_token: grant.map(|grant| grant.refresh_token.clone()),
            expires_at: now + ACCESS_TOKEN_LIFETIME,
        }
    }

    /// Decides about an authorize address as its page would, and answers where the browser is sent.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the address, or that there is no such account.
    pub fn authorize(
        &self,
        authorize_url: &str,
        user: &str,
        is_allowed: bool,
    ) -> Result<String, &'static str> {
        let address = url::Url::parse(authorize_url).map_err(|_| "not a URL")?;
        let fields: Vec<_> = address.query_pairs().into_owned().collect();
        let now = (self.now)();
        self.state().sign_in.decide(&fields, user, is_allowed, now)
    }

    /// Approves or denies the code that a device shows.
    ///
    /// # Errors
    ///
    /// When no device waits with that code, or there is no such account.
    pub fn activate(
        &self,
        user_code: &str,
        user: &str,
        is_allowed: bool,
    ) -> Result<(), &'static str> {
        device::decide(&mut self.state(), user_code, user, is_allowed, (self.now)())
    }

    /// Ends a user's access tokens now; the refresh tokens still work.
    pub fn expire_access(&self, user: &str) {
        let now = (self.now)();
        self.state().sign_in.expire_access(user, now);
    }

    /// Ends every sign-in of a user, as removing the app on the website does.
    pub fn revoke(&self, user: &str) {
        self.state().sign_in.revoke(user);
    }

    /// Registers a film and answers its number: `[("imdb", "tt0133093"), ("tmdb", "603")]`.
    pub fn add_movie(&self, title: &str, year: i64, ids: &[(&'static str, &str)]) -> u64 {
        let mut state = self.state();
        let ids = owned(ids);
        state
            .catalogue
            .add(Kind::Movie, title, Some(year), ids, None)
    }

    /// Registers a show that has ended, with the number of episodes of each season, and answers its number.
    pub fn add_show(
        &self,
        title: &str,
        year: i64,
        ids: &[(&'static str, &str)],
        seasons: &[u32],
    ) -> u64 {
        let seasons = (1..).zip(seasons.iter().copied()).collect();
        let mut state = self.state();
        let ids = owned(ids);
        state
            .catalogue
            .add(Kind::Tv, title, Some(year), ids, Some(seasons))
    }

    /// Registers an anime entry and answers its number.
    pub fn add_anime(&self, anime: Anime) -> u64 {
        self.state().catalogue.add_anime(anime)
    }

    /// Gives an episode a TheTVDB number of its own.
    pub fn add_episode_id(&self, tvdb: u64, simkl: u64, season: u32, number: u32) {
        self.state()
            .catalogue
            .add_episode_id(tvdb, simkl, season, number);
    }

    /// Says whether a show or anime goes on: it is then not completed, whatever is asked.
    pub fn set_airing(&self, simkl: u64, is_airing: bool) {
        self.state().catalogue.set_airing(simkl, is_airing);
    }

    /// Makes an id unknown: `forget("imdb", "tt0000111")`.
    pub fn forget(&self, namespace: &str, value: &str) {
        self.state().catalogue.forget(namespace, value);
    }

    /// Knows only the samples and what was registered.
    pub fn know_only_registered(&self, is_set: bool) {
        self.state().catalogue.is_registered_only = is_set;
    }

    /// Marks a film, or an episode by season and number, as another app would; one time is kept of each.
    pub fn add_watched(
        &self,
        user: &str,
        simkl: u64,
        episode: Option<(u32, u32)>,
        watched_at: DateTime<Utc>,
    ) {
        let now = (self.now)();
        let marked = Marked {
            simkl,
            place: episode.unwrap_or(WHOLE),
            watched_at: Some(watched_at),
        };
        history::mark(&mut self.state(), user, &[marked], None, now);
    }

    /// The films and episodes that a user has watched, oldest first.
    #[must_use]
    pub fn plays(&self, user: &str) -> Vec<Play> {
        self.state().plays(user)
    }

    /// A user's five lists in one.
    #[must_use]
    pub fn list(&self, user: &str) -> Vec<Entry> {
        self.state().list(user)
    }

    /// What of a user's lists is rated.
    #[must_use]
    pub fn ratings(&self, user: &str) -> Vec<Entry> {
        let mut rated = self.list(user);
        rated.retain(|entry| entry.rating.is_some());
        rated
    }

    /// What a user is watching now.
    #[must_use]
    pub fn watching(&self, user: &str) -> Option<Watching> {
        self.state().watching(user, (self.now)())
    }

    /// A user's saved positions.
    #[must_use]
    pub fn playback(&self, user: &str) -> Vec<Playback> {
        self.state().playback(user, (self.now)())
    }

    /// Everything it holds, as `GET /twin/state` shows it.
    #[must_use]
    pub fn shown(&self) -> Value {
        self.state().shown((self.now)())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl std::fmt::Debug for Simkl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Simkl({}, {})", self.url, self.site_url)
    }
}

fn owned(ids: &[(&'static str, &str)]) -> BTreeMap<&'static str, String> {
    ids.iter()
        .map(|(namespace, value)| (*namespace, (*value).to_owned()))
        .collect()
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
