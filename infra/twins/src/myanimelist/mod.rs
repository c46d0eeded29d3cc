//! MyAnimeList: one entry a series with a counter of episodes, changed by forms.
//!
//! - Signing in: authorization code with PKCE, required and `plain`; tokens of 31 days, refresh tokens that work once.
//! - The number of episodes is called `num_watched_episodes` in a request and `num_episodes_watched` in an answer.
//! - An unknown field refuses the form; too many episodes, too. Completing does not set the counter.
//! - Limits are not documented and no header tells: too fast, or from a cloud's address, is a page with status 403.

mod answers;
mod api;
mod read;
mod state;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use serde_json::Value;

pub use self::answers::{blocked_by_address, invalid_content, invalid_token, refused};
pub use self::api::{ACCESS_TOKEN_LIFETIME, REFRESH_TOKEN_LIFETIME};
pub use self::state::{Entry, Status};

use self::state::State;
use crate::Now;
use crate::answer::{Answer, Call};
use crate::faults::Faults;
use crate::limits::SlidingWindow;
use crate::log::{Log, SeenRequest};
use crate::samples::{self, Anime};
use crate::serve::{Desk, Door, Server};
use crate::sign_in::{SignIn, Tokens};

/// The client id of the app that every MyAnimeList twin knows; it has no secret.
pub const CLIENT_ID: &str = "1f0e2d3c4b5a69788796a5b4c3d2e1f0";

/// How many requests a second are not yet too fast. Not documented: clients keep to one, and have room here.
const REQUESTS_A_SECOND: usize = 2;

/// The simulated MyAnimeList. Clones are the same service; it ends with the last of them.
#[derive(Clone)]
pub struct MyAnimeList {
    now: Now,
    state: Arc<Mutex<State>>,
    faults: Faults,
    log: Log,
    url: String,
    site_url: String,
    _servers: Arc<[Server; 2]>,
}

impl MyAnimeList {
    /// Starts both hosts, each on a loopback port of its own.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start(now: Now) -> io::Result<MyAnimeList> {
        let (api, site) = (Door::open().await?, Door::open().await?);
        let (url, site_url) = (api.url.clone(), site.url.clone());
        let mut sign_in = SignIn::new(api::manner(), &url);
        sign_in.register(CLIENT_ID, None, &[]);
        let catalogue = samples::anime().into_iter();
        let state = Arc::new(Mutex::new(State {
            api_url: url.clone(),
            sign_in,
            users: BTreeMap::new(),
            catalogue: catalogue.map(|anime| (anime.mal, anime)).collect(),
            adult: Vec::new(),
            unapproved: Vec::new(),
            requests: SlidingWindow::new(REQUESTS_A_SECOND, TimeDelta::seconds(1)),
            enforces_limits: true,
            refuses_address: false,
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
        Ok(MyAnimeList {
            now,
            state,
            faults,
            log,
            url,
            site_url,
            _servers: Arc::new(servers),
        })
    }

    /// The API host's address; the API itself is under `/v2`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The website's address: `/v1/oauth2/authorize` and `/v1/oauth2/token`.
    #[must_use]
    pub fn site_url(&self) -> &str {
        &self.site_url
    }

    /// What goes wrong on demand, on both hosts.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Every request since the start or the last [`MyAnimeList::forget_requests`], on both hosts.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.log.all()
    }

    /// How many of those requests were for one path, such as `/v2/anime/21/my_list_status`.
    #[must_use]
    pub fn calls(&self, path: &str) -> usize {
        self.log.count(path)
    }

    /// Starts counting requests anew.
    pub fn forget_requests(&self) {
        self.log.clear();
    }

    /// Switches the limit of two requests a second off or on; it is on at first.
    pub fn enforce_limits(&self, is_enforced: bool) {
        self.state().enforces_limits = is_enforced;
    }

    /// Refuses the address that all calls come from, as it does those of clouds: 403 and HTML, on both hosts.
    pub fn refuse_address(&self, is_refused: bool) {
        self.state().refuses_address = is_refused;
    }

    /// Registers an app; with redirect addresses, only those are taken.
    pub fn register_app(&self, client_id: &str, secret: Option<&str>, redirect_uris: &[&str]) {
        self.state()
            .sign_in
            .register(client_id, secret, redirect_uris);
    }

    /// Opens an account.
    pub fn add_user(&self, user: &str) {
        self.state().open_account(user);
    }

    /// Signs a user in through [`CLIENT_ID`], opening the account if needed.
    pub fn issue_tokens(&self, user: &str) -> Tokens {
        let now = (self.now)();
        let mut state = self.state();
        state.open_account(user);
        let grant = state.sign_in.issue(user, CLIENT_ID, None, now);
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

    /// Ends a user's access tokens now; the refresh tokens still work.
    pub fn expire_access(&self, user: &str) {
        let now = (self.now)();
        self.state().sign_in.expire_access(user, now);
    }

    /// Ends every sign-in of a user, as removing the app on the website does.
    pub fn revoke(&self, user: &str) {
        self.state().sign_in.revoke(user);
    }

    /// Registers an anime.
    pub fn add_anime(&self, anime: Anime) {
        self.state().catalogue.insert(anime.mal, anime);
    }

    /// Makes an anime unknown.
    pub fn forget(&self, anime: u64) {
        self.state().catalogue.remove(&anime);
    }

    /// Marks an anime as one that lists show only with `nsfw=true`.
    pub fn mark_adult(&self, anime: u64) {
        self.state().adult.push(anime);
    }

    /// Marks an anime as one that waits for its approval: it cannot be listed.
    pub fn mark_unapproved(&self, anime: u64) {
        self.state().unapproved.push(anime);
    }

    /// Puts an entry into a user's list as another app would.
    pub fn put_entry(&self, user: &str, entry: Entry) {
        self.state().open_account(user).insert(entry.anime, entry);
    }

    /// A user's anime list.
    #[must_use]
    pub fn list(&self, user: &str) -> Vec<Entry> {
        let state = self.state();
        let list = state.users.get(user);
        list.map(|list| list.values().cloned().collect())
            .unwrap_or_default()
    }

    /// A user's entry of one anime.
    #[must_use]
    pub fn entry(&self, user: &str, anime: u64) -> Option<Entry> {
        self.state().entry(user, anime).cloned()
    }

    /// Everything it holds, as `GET /twin/state` shows it.
    #[must_use]
    pub fn shown(&self) -> Value {
        self.state().shown()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl std::fmt::Debug for MyAnimeList {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "MyAnimeList({}, {})", self.url, self.site_url)
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
