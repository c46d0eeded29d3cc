//! Last.fm: the 2.0 API with its signatures, its numbers for everything, and its silent refusals.
//!
//! - Signing in: a web page appends a token to the callback; `auth.getSession` takes it once, within the hour.
//! - Writing: signed, POST, at most 50 scrobbles; each is accepted or ignored with a code, the call is 200 either way.
//! - Kept once: the same artist, track and second. Never kept: older than 14 days.
//! - Limits: 5 requests a second averaged over 5 minutes, by address; a number of scrobbles a day, by account.

mod api;
mod auth;
mod read;
mod reply;
mod scrobble;
mod signature;
mod state;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::Value;

pub use self::reply::error;
pub use self::scrobble::{MOST_SCROBBLES, OldAnswer};
pub use self::state::{NowPlaying, Scrobble};

use self::state::State;
use crate::Now;
use crate::faults::Faults;
use crate::log::{Log, SeenRequest};
use crate::serve::{Desk, Door, Server};

/// The API key that every Last.fm twin knows.
pub const API_KEY: &str = "6f1d2c3b4a5968778695a4b3c2d1e0f9";

/// Its shared secret.
pub const API_SECRET: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";

/// The simulated Last.fm. Clones are the same service; it ends with the last of them.
#[derive(Clone)]
pub struct LastFm {
    now: Now,
    state: Arc<Mutex<State>>,
    faults: Faults,
    log: Log,
    url: String,
    _server: Arc<Server>,
}

impl LastFm {
    /// Starts on a loopback port of its own: `/2.0/` and `/api/auth/`.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start(now: Now) -> io::Result<LastFm> {
        let door = Door::open().await?;
        let url = door.url.clone();
        let mut state = State::new(&url);
        state.apps.insert(API_KEY.to_owned(), API_SECRET.to_owned());
        let state = Arc::new(Mutex::new(state));
        let (faults, log) = (Faults::default(), Log::default());
        let kept = Arc::clone(&state);
        let server = door.serve(Desk {
            now: now.clone(),
            faults: faults.clone(),
            log: log.clone(),
            rules: Arc::new(move |call| api::host(&mut locked(&kept), call)),
            operation: api::operation,
        });
        Ok(LastFm {
            now,
            state,
            faults,
            log,
            url,
            _server: Arc::new(server),
        })
    }

    /// The host's address, without a path.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The API's root, `…/2.0/`.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("{}/2.0/", self.url)
    }

    /// The page that asks for consent, `…/api/auth/`.
    #[must_use]
    pub fn auth_url(&self) -> String {
        format!("{}/api/auth/", self.url)
    }

    /// What goes wrong on demand; rules may name a method such as `track.scrobble`.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Every request since the start or the last [`LastFm::forget_requests`]; `operation` is the method.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.log.all()
    }

    /// How many of those requests were for one method, such as `track.scrobble`.
    #[must_use]
    pub fn calls(&self, method: &str) -> usize {
        self.log.count(method)
    }

    /// Starts counting requests anew.
    pub fn forget_requests(&self) {
        self.log.clear();
    }

    /// Switches the limit of requests off or on; it is on at first. The daily limit is [`LastFm::set_daily_limit`]'s.
    pub fn enforce_limits(&self, is_enforced: bool) {
        self.state().enforces_limits = is_enforced;
    }

    /// Sets how many scrobbles an account may store in any 24 hours; 700 at first.
    pub fn set_daily_limit(&self, scrobbles: usize) {
        self.state().daily_limit = scrobbles;
    }

    /// Sets how scrobbles older than 14 days are answered.
    pub fn answer_old_scrobbles(&self, answer: OldAnswer) {
        self.state().old_answer = answer;
    }

    /// Registers one more app.
    pub fn register_app(&self, api_key: &str, secret: &str) {
        self.state()
            .apps
            .insert(api_key.to_owned(), secret.to_owned());
    }

    /// Removes an app: its calls are answered with error 10.
    pub fn remove_app(&self, api_key: &str) {
        self.state().apps.remove(api_key);
    }

    /// Opens an account.
    pub fn add_user(&self, user: &str) {
        self.state().account(user);
    }

    /// Signs a user in through [`API_KEY`] without the page and answers the session key.
    pub fn issue_session(&self, user: &str) -> String {
        auth::new_session(&mut self.state(), user, API_KEY)
    }

    /// Decides about a consent address as its page would, and answers where the browser is sent, if anywhere.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the address, or that there is no such account.
    pub fn authorize(
        &self,
        auth_url: &str,
        user: &str,
        is_allowed: bool,
    ) -> Result<Option<String>, &'static str> {
        let address = url::Url::parse(auth_url).map_err(|_| "not a URL")?;
        let fields: Vec<_> = address.query_pairs().into_owned().collect();
        auth::decide(&mut self.state(), &fields, user, is_allowed, (self.now)())
    }

    /// Ends every session of a user, as removing the app on the website does.
    pub fn revoke(&self, user: &str) {
        self.state()
            .sessions
            .retain(|_, session| session.user != user);
    }

    /// Sets "hide recent listening information".
    pub fn hide_recent(&self, user: &str, is_hidden: bool) {
        self.state().account(user).hides_recent = is_hidden;
    }

    /// Puts a scrobble into a user's history, however old it is: what years of listening leave there.
    pub fn add_scrobble(&self, user: &str, artist: &str, track: &str, at: DateTime<Utc>) {
        let received_at = (self.now)();
        let mut state = self.state();
        let account = state.account(user);
        let key = (at.timestamp(), artist.to_owned(), track.to_owned());
        if account.known.insert(key) {
            account.scrobbles.push(Scrobble {
                artist: artist.to_owned(),
                track: track.to_owned(),
                album: None,
                album_artist: None,
                timestamp: at,
                duration: None,
                track_number: None,
                mbid: None,
                chosen_by_user: true,
                received_at,
            });
        }
    }

    /// A user's scrobbles, oldest first.
    #[must_use]
    pub fn scrobbles(&self, user: &str) -> Vec<Scrobble> {
        self.state()
            .users
            .get(user)
            .map(state::Account::oldest_first)
            .unwrap_or_default()
    }

    /// What a user is listening to now.
    #[must_use]
    pub fn now_playing(&self, user: &str) -> Option<NowPlaying> {
        let now = (self.now)();
        self.state()
            .users
            .get(user)
            .and_then(|account| account.playing(now))
            .cloned()
    }

    /// The artists and tracks a user loves.
    #[must_use]
    pub fn loved(&self, user: &str) -> Vec<(String, String)> {
        let state = self.state();
        state
            .users
            .get(user)
            .map(|account| account.loved.keys().cloned().collect())
            .unwrap_or_default()
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

impl std::fmt::Debug for LastFm {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "LastFm({})", self.url)
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
