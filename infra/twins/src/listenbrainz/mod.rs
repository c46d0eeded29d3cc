//! ListenBrainz, and two servers that only look like it (Maloja, Koito).
//!
//! - Authorization: a user token without an end date; at validate-token an invalid one is a 200.
//! - Writing: single, import (at most 1000) and `playing_now`; one bad listen refuses the batch.
//! - Kept once: the same second with the same names, number and length.
//! - Limits: 30 requests in each ten seconds, by address; every answer says where the caller stands.

mod api;
mod checks;
mod compatible;
mod state;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

pub use self::checks::{EARLIEST_LISTEN, MOST_LISTEN_BYTES, MOST_LISTENS};
pub use self::state::{Feedback, Listen, Playing};

use self::state::{Recording, State, Track};
use crate::Now;
use crate::answer::{Answer, Call};
use crate::faults::Faults;
use crate::log::{Log, SeenRequest};
use crate::page::{escaped, page, table};
use crate::serve::{Desk, Door, Server};

/// Whose manners a server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    /// The original: everything.
    ListenBrainz,
    /// Maloja: submissions alone; one track a second; bad requests are a 500, unknown paths a 200.
    Maloja,
    /// Koito: submissions alone; may stop in the middle of a batch.
    Koito,
}

impl Flavor {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Flavor::ListenBrainz => "listenbrainz",
            Flavor::Maloja => "maloja",
            Flavor::Koito => "koito",
        }
    }
}

/// The simulated ListenBrainz. Clones are the same service; it ends with the last of them.
#[derive(Clone)]
pub struct ListenBrainz {
    now: Now,
    state: Arc<Mutex<State>>,
    faults: Faults,
    log: Log,
    url: String,
    _server: Arc<Server>,
}

impl ListenBrainz {
    /// Starts ListenBrainz itself on a loopback port of its own.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start(now: Now) -> io::Result<ListenBrainz> {
        ListenBrainz::start_as(Flavor::ListenBrainz, now).await
    }

    /// Starts a server with Maloja's manners.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start_maloja(now: Now) -> io::Result<ListenBrainz> {
        ListenBrainz::start_as(Flavor::Maloja, now).await
    }

    /// Starts a server with Koito's manners.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start_koito(now: Now) -> io::Result<ListenBrainz> {
        ListenBrainz::start_as(Flavor::Koito, now).await
    }

    /// Starts a server of any flavor.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start_as(flavor: Flavor, now: Now) -> io::Result<ListenBrainz> {
        let door = Door::open().await?;
        let state = Arc::new(Mutex::new(State::new(flavor, &door.url)));
        let url = match flavor {
            Flavor::ListenBrainz => door.url.clone(),
            Flavor::Maloja | Flavor::Koito => format!("{}{}", door.url, compatible::PREFIX),
        };
        let (faults, log) = (Faults::default(), Log::default());
        let kept = Arc::clone(&state);
        let server = door.serve(Desk {
            now: now.clone(),
            faults: faults.clone(),
            log: log.clone(),
            rules: Arc::new(move |call| host(&mut locked(&kept), call)),
            operation: |call| call.path.clone(),
        });
        Ok(ListenBrainz {
            now,
            state,
            faults,
            log,
            url,
            _server: Arc::new(server),
        })
    }

    /// The address before `/1/…`; Maloja's and Koito's have a path.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What goes wrong on demand.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Every request since the start or the last [`ListenBrainz::forget_requests`].
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.log.all()
    }

    /// How many of those requests were for one path, such as `/1/submit-listens`.
    #[must_use]
    pub fn calls(&self, path: &str) -> usize {
        self.log.count(path)
    }

    /// Starts counting requests anew.
    pub fn forget_requests(&self) {
        self.log.clear();
    }

    /// Switches the rate limit off or on; it is on at first, and Maloja and Koito have none.
    pub fn enforce_limits(&self, is_enforced: bool) {
        self.state().enforces_limits = is_enforced;
    }

    /// Opens an account, if need be, and answers its token.
    pub fn issue_token(&self, user: &str) -> String {
        self.state().account(user).token.clone()
    }

    /// Opens an account.
    pub fn add_user(&self, user: &str) {
        self.state().account(user);
    }

    /// Replaces a user's token, as "reset token" on the website does: the old one ends.
    pub fn revoke(&self, user: &str) {
        let mut state = self.state();
        let token = crate::page::uuid_of(&state.mint.secret());
        state.account(user).token = token;
    }

    /// Pauses an account (or takes away its verified e-mail address): its submissions are answered 401.
    pub fn pause(&self, user: &str, is_paused: bool) {
        self.state().account(user).is_paused = is_paused;
    }

    /// Koito only: the next batch stops with a 500 at this listen, counted from 0; those before it are kept.
    pub fn stop_next_batch_at(&self, index: usize) {
        self.state().stops_at = Some(index);
    }

    /// Makes a recording known to the metadata lookup.
    pub fn add_recording(&self, artist: &str, name: &str, mbid: &str) {
        self.state().recordings.push(Recording {
            artist: artist.to_owned(),
            name: name.to_owned(),
            mbid: mbid.to_owned(),
        });
    }

    /// Puts a listen into a user's history, as an import does.
    pub fn add_listen(&self, user: &str, artist: &str, track: &str, at: DateTime<Utc>) {
        let now = (self.now)();
        let names = Track {
            artist: artist.to_owned(),
            track: track.to_owned(),
            release: None,
            additional_info: json!({}),
        };
        self.state().account(user).insert(at, names, now);
    }

    /// A user's listens, oldest first.
    #[must_use]
    pub fn listens(&self, user: &str) -> Vec<Listen> {
        let now = (self.now)();
        let mut state = self.state();
        let Some(account) = state.users.get_mut(user) else {
            return Vec::new();
        };
        account.delete_what_is_due(now);
        account.oldest_first()
    }

    /// What a user is listening to now.
    #[must_use]
    pub fn playing_now(&self, user: &str) -> Option<Playing> {
        let now = (self.now)();
        self.state()
            .users
            .get(user)
            .and_then(|account| account.playing(now))
            .cloned()
    }

    /// What a user loves and hates.
    #[must_use]
    pub fn feedback(&self, user: &str) -> Vec<Feedback> {
        self.state()
            .users
            .get(user)
            .map(|account| account.feedback.clone())
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

impl std::fmt::Debug for ListenBrainz {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ListenBrainz({})", self.url)
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A refusal in ListenBrainz' words.
pub(crate) fn refusal(status: u16, error: &str) -> Answer {
    Answer::json(status, &json!({"code": status, "error": error}))
}

fn host(state: &mut State, call: &Call) -> Answer {
    match (call.path.as_str(), state.flavor) {
        ("/", _) => overview(state, call.at),
        ("/twin/state", _) => Answer::json(200, &state.shown(call.at)),
        (_, Flavor::ListenBrainz) => api::answer(state, call),
        (_, Flavor::Maloja) => compatible::maloja(state, call),
        (_, Flavor::Koito) => compatible::koito(state, call),
    }
}

fn overview(state: &State, now: DateTime<Utc>) -> Answer {
    let mut body = String::new();
    for (user, account) in &state.users {
        body.push_str(&format!("<h2>{}</h2>\n", escaped(user)));
        if let Some(playing) = account.playing(now) {
            body.push_str(&format!(
                "<p>Playing now: {} – {}</p>\n",
                escaped(&playing.artist),
                escaped(&playing.track)
            ));
        }
        let rows: Vec<Vec<String>> = account
            .oldest_first()
            .into_iter()
            .map(|one| {
                vec![
                    one.listened_at.to_rfc3339(),
                    one.artist,
                    one.track,
                    one.release.unwrap_or_default(),
                ]
            })
            .collect();
        body.push_str(&table(
            &["listened at", "artist", "track", "release"],
            &rows,
        ));
    }
    page(200, &format!("{} (simulated)", state.flavor.name()), &body)
}
