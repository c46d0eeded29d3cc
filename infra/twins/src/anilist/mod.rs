//! AniList: one entry a series with a counter of episodes, read and written by GraphQL.
//!
//! - Signing in: authorization code with the app's secret; no PKCE, no scopes, no refresh. A token lives a year.
//! - Every document is parsed and checked against AniList's schema before it is carried out.
//! - Limits: 30 requests a minute, by address (the documents' 90 are "degraded" to that); one too many means a pause
//!   of a minute for everyone.
//! - A dead token is a 400 with "Invalid token"; what is refused within a document stands beside the data.

mod api;
mod graphql;
mod lists;
mod objects;
mod resolve;
mod score;
mod state;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use serde_json::Value;

pub use self::api::{ACCESS_TOKEN_LIFETIME, invalid_token, temporarily_disabled};
pub use self::score::ScoreFormat;
pub use self::state::{Entry, FuzzyDate, Status};

use self::state::State;
use crate::Now;
use crate::answer::{Answer, Call};
use crate::faults::Faults;
use crate::limits::SlidingWindow;
use crate::log::{Log, SeenRequest};
use crate::samples::{self, Anime};
use crate::serve::{Desk, Door, Server};
use crate::sign_in::{SignIn, Tokens};

/// The client id of the app that every AniList twin knows.
pub const CLIENT_ID: &str = "20261";

/// Its secret.
pub const CLIENT_SECRET: &str = "Zx3kQ9pLr7TnVb2Wm5Yc8Hd1Jf4Gs6Ae0UiOoPq2";

/// How many requests a minute the real service takes while its limit is degraded, as it has been for years.
const REQUESTS_A_MINUTE: usize = 30;

/// The simulated AniList. Clones are the same service; it ends with the last of them.
#[derive(Clone)]
pub struct AniList {
    now: Now,
    state: Arc<Mutex<State>>,
    faults: Faults,
    log: Log,
    url: String,
    site_url: String,
    _servers: Arc<[Server; 2]>,
}

impl AniList {
    /// Starts both hosts, each on a loopback port of its own.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start(now: Now) -> io::Result<AniList> {
        let (api, site) = (Door::open().await?, Door::open().await?);
        let (url, site_url) = (api.url.clone(), site.url.clone());
        let mut sign_in = SignIn::new(api::manner(), &url);
        sign_in.register(CLIENT_ID, Some(CLIENT_SECRET), &[]);
        let catalogue = samples::anime().into_iter();
        let state = Arc::new(Mutex::new(State {
            sign_in,
            users: BTreeMap::new(),
            catalogue: catalogue.map(|anime| (anime.anilist, anime)).collect(),
            requests: requests(REQUESTS_A_MINUTE),
            enforces_limits: true,
            paused_until: None,
            next_id: 500_000_001,
        }));
        let (faults, log) = (Faults::default(), Log::default());
        let desk = |rules: fn(&mut State, &Call) -> Answer| {
            let state = Arc::clone(&state);
            Desk {
                now: now.clone(),
                faults: faults.clone(),
                log: log.clone(),
                rules: Arc::new(move |call| rules(&mut locked(&state), call)),
                operation: graphql::operation,
            }
        };
        let servers = [api.serve(desk(api::api)), site.serve(desk(api::site))];
        Ok(AniList {
            now,
            state,
            faults,
            log,
            url,
            site_url,
            _servers: Arc::new(servers),
        })
    }

    /// The address that takes GraphQL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The website's address: `/api/v2/oauth/authorize` and `/api/v2/oauth/token`.
    #[must_use]
    pub fn site_url(&self) -> &str {
        &self.site_url
    }

    /// What goes wrong on demand, on both hosts; rules may name a root field such as `SaveMediaListEntry`.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Every request since the start or the last [`AniList::forget_requests`]; `operation` names the root fields.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.log.all()
    }

    /// How many of those requests were for one root field, such as `SaveMediaListEntry`, or one path.
    #[must_use]
    pub fn calls(&self, operation: &str) -> usize {
        self.log.count(operation)
    }

    /// Starts counting requests anew.
    pub fn forget_requests(&self) {
        self.log.clear();
    }

    /// Switches the rate limit off or on; it is on at first.
    pub fn enforce_limits(&self, is_enforced: bool) {
        self.state().enforces_limits = is_enforced;
    }

    /// Sets how many requests a minute are taken: 30 at first, 90 once the service is well again.
    pub fn set_requests_a_minute(&self, count: usize) {
        self.state().requests = requests(count);
    }

    /// Registers an app; with redirect addresses, only those are taken.
    pub fn register_app(&self, client_id: &str, secret: &str, redirect_uris: &[&str]) {
        self.state()
            .sign_in
            .register(client_id, Some(secret), redirect_uris);
    }

    /// Opens an account.
    pub fn add_user(&self, user: &str) {
        self.state().account(user);
    }

    /// Sets how a user scores; `POINT_10` at first.
    pub fn set_score_format(&self, user: &str, format: ScoreFormat) {
        self.state().account(user).score_format = format;
    }

    /// Hides a user's lists from everyone else.
    pub fn hide_lists(&self, user: &str, is_hidden: bool) {
        self.state().account(user).is_hidden = is_hidden;
    }

    /// Signs a user in through [`CLIENT_ID`], opening the account if needed. There is no refresh.
    pub fn issue_tokens(&self, user: &str) -> Tokens {
        let now = (self.now)();
        let mut state = self.state();
        state.account(user);
        let grant = state.sign_in.issue(user, CLIENT_ID, None, now);
        Tokens {
            access_token: grant
                .map(|grant| grant.access_token.clone())
                .unwrap_or_default(),
            refresh_token: None,
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

    /// Ends every sign-in of a user, as removing the app on the website does.
    pub fn revoke(&self, user: &str) {
        self.state().sign_in.revoke(user);
    }

    /// Ends a user's access tokens now, as a year does.
    pub fn expire_access(&self, user: &str) {
        let now = (self.now)();
        self.state().sign_in.expire_access(user, now);
    }

    /// Registers an anime.
    pub fn add_anime(&self, anime: Anime) {
        self.state().catalogue.insert(anime.anilist, anime);
    }

    /// Makes an anime unknown.
    pub fn forget(&self, media: u64) {
        self.state().catalogue.remove(&media);
    }

    /// Puts an entry into a user's list as another app would.
    pub fn put_entry(&self, user: &str, entry: Entry) {
        self.state()
            .account(user)
            .entries
            .insert(entry.media, entry);
    }

    /// A user's anime list.
    #[must_use]
    pub fn list(&self, user: &str) -> Vec<Entry> {
        self.state().list(user)
    }

    /// A user's entry of one anime.
    #[must_use]
    pub fn entry(&self, user: &str, media: u64) -> Option<Entry> {
        self.state().users.get(user)?.entries.get(&media).cloned()
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

impl std::fmt::Debug for AniList {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "AniList({}, {})", self.url, self.site_url)
    }
}

fn requests(a_minute: usize) -> SlidingWindow {
    SlidingWindow::new(a_minute, TimeDelta::minutes(1))
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
