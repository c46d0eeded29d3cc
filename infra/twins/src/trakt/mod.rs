//! Trakt: an API host and an OAuth host that keep plays and enforce the rules of 2026.
//!
//! - Signing in: authorization code with PKCE (S256), device codes; tokens of 7 days, refresh tokens that work once.
//! - Scrobbling: a stop at 80 % and more is a play of *now*; the same item within the hour is a 409.
//! - History: any time, cut to the minute, never de-duplicated; read back in pages.
//! - Ratings, watchlist, collection: of films, shows, seasons and episodes; what was watched leaves the watchlist.
//! - Limits: a write a second and 500 reads in 5 minutes, by user; 100 items a list, unless the account is VIP (420).

mod api;
mod catalogue;
mod device;
mod history;
mod hosts;
mod ids;
mod limits;
mod listed;
mod lists;
mod oauth;
mod read;
mod scrobble;
mod state;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::Value;

pub use self::api::{
    account_limit_exceeded, account_locked, blocked_at_the_edge, too_many_writes, vip_only,
};
pub use self::ids::{Ids, Kind};
pub use self::listed::Listed;
pub use self::oauth::ACCESS_TOKEN_LIFETIME;
pub use self::state::{HistoryEntry, Playback, Watching};

use self::catalogue::Place;
use self::ids::Wanted;
use self::state::{App, State};
use crate::Now;
use crate::answer::{Answer, Call};
use crate::faults::Faults;
use crate::log::{Log, SeenRequest};
use crate::serve::{Desk, Door, Server};

/// The client id of the app that every Trakt twin knows; it has no secret.
pub const CLIENT_ID: &str = "3c0f6a7e5d1b4f8a9e2c7d6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d9c8b7a6f";

/// The simulated Trakt. Clones are the same service; it ends with the last of them.
#[derive(Clone)]
pub struct Trakt {
    now: Now,
    state: Arc<Mutex<State>>,
    faults: Faults,
    log: Log,
    url: String,
    auth_url: String,
    _servers: Arc<[Server; 2]>,
}

/// The tokens of one sign-in, issued without the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// For `Authorization: Bearer`.
    pub access_token: String,
    /// Works once.
    pub refresh_token: String,
    /// When they were made.
    pub created_at: DateTime<Utc>,
    /// When the access token ends.
    pub expires_at: DateTime<Utc>,
}

impl Trakt {
    /// Starts both hosts, each on a loopback port of its own.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start(now: Now) -> io::Result<Trakt> {
        let (api, auth) = (Door::open().await?, Door::open().await?);
        let (url, auth_url) = (api.url.clone(), auth.url.clone());
        let mut state = State::new(&auth_url);
        state.apps.insert(
            CLIENT_ID.to_owned(),
            App {
                secret: None,
                redirect_uris: Vec::new(),
            },
        );
        let state = Arc::new(Mutex::new(state));
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
        let servers = [api.serve(desk(hosts::api)), auth.serve(desk(hosts::auth))];
        Ok(Trakt {
            now,
            state,
            faults,
            log,
            url,
            auth_url,
            _servers: Arc::new(servers),
        })
    }

    /// The API's address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The OAuth host's address: `/oauth/…` and `/activate`.
    #[must_use]
    pub fn auth_url(&self) -> &str {
        &self.auth_url
    }

    /// What goes wrong on demand, on both hosts.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Every request since the start or the last [`Trakt::forget_requests`], on both hosts.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.log.all()
    }

    /// How many of those requests were for one path, such as `/oauth/token`.
    #[must_use]
    pub fn calls(&self, path: &str) -> usize {
        self.log.count(path)
    }

    /// Starts counting requests anew.
    pub fn forget_requests(&self) {
        self.log.clear();
    }

    /// Switches the rate limits off or on; they are on at first.
    pub fn enforce_limits(&self, is_enforced: bool) {
        self.state().limits.is_enforced = is_enforced;
    }

    /// Registers an app; with redirect addresses, only those are taken.
    pub fn register_app(&self, client_id: &str, secret: Option<&str>, redirect_uris: &[&str]) {
        let redirect_uris = redirect_uris.iter().map(|uri| (*uri).to_owned()).collect();
        self.state().apps.insert(
            client_id.to_owned(),
            App {
                secret: secret.map(str::to_owned),
                redirect_uris,
            },
        );
    }

    /// Removes an app, as Trakt did with those of free accounts: its calls are answered 403.
    pub fn remove_app(&self, client_id: &str) {
        self.state().apps.remove(client_id);
    }

    /// Takes `http` redirect addresses with PKCE too; Trakt does not.
    pub fn allow_http_redirects(&self, is_allowed: bool) {
        self.state().allows_http_redirects = is_allowed;
    }

    /// Opens an account.
    pub fn add_user(&self, user: &str) {
        self.state().account(user);
    }

    /// Signs a user in through [`CLIENT_ID`], opening the account if needed.
    pub fn issue_tokens(&self, user: &str) -> Tokens {
        let now = (self.now)();
        let mut state = self.state();
        state.account(user);
        oauth::new_grant(&mut state, user, CLIENT_ID, now);
        let grant = state.grants.last();
        let (access_token, refresh_token) = grant
            .map(|grant| (grant.access_token.clone(), grant.refresh_token.clone()))
            .unwrap_or_default();
        Tokens {
            access_token,
            refresh_token,
            created_at: now,
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
        oauth::decide(&mut self.state(), &fields, user, is_allowed, (self.now)())
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
        self.state()
            .grants
            .iter_mut()
            .filter(|grant| grant.user == user)
            .for_each(|grant| grant.expires_at = now);
    }

    /// Ends every sign-in of a user, as removing the app on the website does.
    pub fn revoke(&self, user: &str) {
        self.state()
            .grants
            .iter_mut()
            .filter(|grant| grant.user == user)
            .for_each(|grant| grant.is_revoked = true);
    }

    /// Locks an account or opens it again: every call of it is answered 423.
    pub fn lock(&self, user: &str, is_locked: bool) {
        self.state().account(user).is_locked = is_locked;
    }

    /// Sets the account's `watch_only_once`: one play an item, further ones are dropped.
    pub fn watch_only_once(&self, user: &str, is_set: bool) {
        self.state().account(user).watches_only_once = is_set;
    }

    /// Registers a movie and answers its Trakt id.
    pub fn add_movie(&self, title: &str, year: i64, ids: Ids) -> u64 {
        self.register(Kind::Movie, title, Some(year), ids, None)
    }

    /// Registers a show and answers its Trakt id.
    pub fn add_show(&self, title: &str, year: i64, ids: Ids) -> u64 {
        self.register(Kind::Show, title, Some(year), ids, None)
    }

    /// Registers an episode and answers its Trakt id; its show then has no episodes but registered ones.
    pub fn add_episode(&self, show: u64, season: u32, number: u32, title: &str, ids: Ids) -> u64 {
        self.register(
            Kind::Episode,
            title,
            None,
            ids,
            Some(Place {
                show,
                season,
                number,
                absolute: None,
            }),
        )
    }

    /// Registers an episode that also has a number counted through all seasons.
    pub fn add_absolute_episode(
        &self,
        show: u64,
        place: (u32, u32),
        absolute: u32,
        title: &str,
        ids: Ids,
    ) -> u64 {
        let place = Place {
            show,
            season: place.0,
            number: place.1,
            absolute: Some(absolute),
        };
        self.register(Kind::Episode, title, None, ids, Some(place))
    }

    /// Makes an id unknown: `forget("imdb", "tt0000111")`.
    pub fn forget(&self, namespace: &str, value: &str) {
        self.state().catalogue.forget(namespace, value);
    }

    /// Knows only what was registered.
    pub fn know_only_registered(&self, is_set: bool) {
        self.state().catalogue.is_registered_only = is_set;
    }

    /// Puts a play into a user's history as another app would, and answers its id; the item is made if needed.
    pub fn add_history(
        &self,
        user: &str,
        kind: Kind,
        ids: Ids,
        watched_at: DateTime<Utc>,
    ) -> Option<i64> {
        let now = (self.now)();
        let mut state = self.state();
        let key = state.catalogue.resolve(
            kind,
            &Wanted {
                ids,
                ..Wanted::default()
            },
        )?;
        state.add_play(user, key, Some(watched_at), "watch", now)
    }

    /// Takes a play out of a user's history as another app would; says whether it was there.
    pub fn remove_history(&self, user: &str, id: i64) -> bool {
        let now = (self.now)();
        let mut state = self.state();
        let account = state.account(user);
        let before = account.history.len();
        account.history.retain(|entry| entry.id != id);
        let is_removed = account.history.len() < before;
        if is_removed {
            account.history_changed_at = Some(now);
        }
        is_removed
    }

    /// A user's plays, oldest first, those of unknown time before all.
    #[must_use]
    pub fn history(&self, user: &str) -> Vec<HistoryEntry> {
        self.state().history(user)
    }

    /// Makes an account VIP, or ends it: its lists are then as long as it likes.
    pub fn set_vip(&self, user: &str, is_vip: bool) {
        self.state().account(user).is_vip = is_vip;
    }

    /// Sets how many items the watchlist and the collection of an account may hold each; 100 at first.
    pub fn set_list_limit(&self, user: &str, items: usize) {
        self.state().account(user).list_limit = items;
    }

    /// What a user has rated.
    #[must_use]
    pub fn ratings(&self, user: &str) -> Vec<Listed> {
        self.state().ratings(user)
    }

    /// What a user wants to watch, in the order of adding.
    #[must_use]
    pub fn watchlist(&self, user: &str) -> Vec<Listed> {
        self.state().watchlist(user)
    }

    /// The films and episodes that a user owns.
    #[must_use]
    pub fn collection(&self, user: &str) -> Vec<Listed> {
        self.state().collection(user)
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

    fn register(
        &self,
        kind: Kind,
        title: &str,
        year: Option<i64>,
        ids: Ids,
        place: Option<Place>,
    ) -> u64 {
        let wanted = Wanted {
            ids,
            title: Some(title.to_owned()),
            year,
        };
        self.state().catalogue.register(kind, &wanted, place)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl std::fmt::Debug for Trakt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Trakt({}, {})", self.url, self.auth_url)
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
