//! Letterboxd: the diary feed of a public profile. There is no API to write to.
//!
//! - The feed has the 50 newest entries, by the time of logging; what is older is gone from it.
//! - A request without a user agent, or with one of a script, is refused; so is an address that it does not like.
//! - An unknown and a private profile are both not found.

mod feed;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

pub use self::feed::{Content, Item, Log, Tmdb, WINDOW};

use crate::Now;
use crate::answer::{Answer, Call};
use crate::faults::Faults;
use crate::log::{Log as Requests, SeenRequest};
use crate::page::{escaped, page, table};
use crate::serve::{Desk, Door, Server};

/// The simulated Letterboxd. Clones are the same service; it ends with the last of them.
#[derive(Clone)]
pub struct Letterboxd {
    now: Now,
    state: Arc<Mutex<State>>,
    faults: Faults,
    log: Requests,
    url: String,
    _server: Arc<Server>,
}

#[derive(Default)]
struct State {
    /// By name in small letters.
    profiles: BTreeMap<String, Profile>,
    refuses_address: bool,
    next_number: u64,
}

#[derive(Default)]
struct Profile {
    name: String,
    is_private: bool,
    /// Oldest first.
    items: Vec<Item>,
}

impl Letterboxd {
    /// Starts on a loopback port of its own: `/{user}/rss/`.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start(now: Now) -> io::Result<Letterboxd> {
        let door = Door::open().await?;
        let url = door.url.clone();
        let state = Arc::new(Mutex::new(State {
            next_number: 900_000_001,
            ..State::default()
        }));
        let (faults, log) = (Faults::default(), Requests::default());
        let kept = Arc::clone(&state);
        let server = door.serve(Desk {
            now: now.clone(),
            faults: faults.clone(),
            log: log.clone(),
            rules: Arc::new(move |call| answer(&locked(&kept), call)),
            operation: |call| call.path.clone(),
        });
        Ok(Letterboxd {
            now,
            state,
            faults,
            log,
            url,
            _server: Arc::new(server),
        })
    }

    /// The website's address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of a person's feed.
    #[must_use]
    pub fn feed_url(&self, user: &str) -> String {
        format!("{}/{user}/rss/", self.url)
    }

    /// What goes wrong on demand.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Every request since the start or the last [`Letterboxd::forget_requests`].
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.log.all()
    }

    /// How many of those requests were for one path, such as `/alice/rss/`.
    #[must_use]
    pub fn calls(&self, path: &str) -> usize {
        self.log.count(path)
    }

    /// Starts counting requests anew.
    pub fn forget_requests(&self) {
        self.log.clear();
    }

    /// Refuses the address that all calls come from: 403 and HTML.
    pub fn refuse_address(&self, is_refused: bool) {
        self.state().refuses_address = is_refused;
    }

    /// Opens a profile; its name has 2 to 15 letters, digits and underscores.
    pub fn add_user(&self, user: &str) {
        self.state().profile(user);
    }

    /// Makes a profile private or public again.
    pub fn make_private(&self, user: &str, is_private: bool) {
        self.state().profile(user).is_private = is_private;
    }

    /// Logs a film now, and answers the number of the entry.
    pub fn log(&self, user: &str, log: Log) -> u64 {
        self.add(user, Content::Log(log))
    }

    /// Publishes a list now, and answers its number; feeds have lists among the films.
    pub fn publish_list(&self, user: &str, title: &str) -> u64 {
        self.add(user, Content::List(title.to_owned()))
    }

    /// Changes an entry in its place: an edit does not move it.
    pub fn edit(&self, user: &str, number: u64, edit: impl FnOnce(&mut Log)) {
        let mut state = self.state();
        let items = &mut state.profile(user).items;
        if let Some(item) = items.iter_mut().find(|item| item.number == number)
            && let Content::Log(log) = &mut item.content
        {
            edit(log);
        }
    }

    /// Removes an entry: it just vanishes.
    pub fn remove(&self, user: &str, number: u64) {
        let mut state = self.state();
        let items = &mut state.profile(user).items;
        items.retain(|item| item.number != number);
    }

    /// What a person logged, oldest first.
    #[must_use]
    pub fn items(&self, user: &str) -> Vec<Item> {
        self.state().profile(user).items.clone()
    }

    /// Everything it holds, as `GET /twin/state` shows it.
    #[must_use]
    pub fn shown(&self) -> Value {
        self.state().shown()
    }

    fn add(&self, user: &str, content: Content) -> u64 {
        let mut state = self.state();
        let number = state.next_number;
        state.next_number += 1;
        let item = Item {
            number,
            logged_at: (self.now)(),
            content,
        };
        state.profile(user).items.push(item);
        number
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl std::fmt::Debug for Letterboxd {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Letterboxd({})", self.url)
    }
}

impl State {
    fn profile(&mut self, user: &str) -> &mut Profile {
        let profile = self.profiles.entry(user.to_lowercase()).or_default();
        if profile.name.is_empty() {
            user.clone_into(&mut profile.name);
        }
        profile
    }

    fn shown(&self) -> Value {
        let users: serde_json::Map<String, Value> = self
            .profiles
            .values()
            .map(|profile| (profile.name.clone(), json!({"items": profile.items})))
            .collect();
        json!({"service": "letterboxd", "users": users})
    }
}

/// The page of Cloudflare, which stands in front of Letterboxd.
#[must_use]
pub fn blocked_by_address() -> Answer {
    Answer::html(
        403,
        "<!DOCTYPE html><html lang=\"en-US\"><head><title>Just a moment...</title></head><body>\
         <noscript>Enable JavaScript and cookies to continue</noscript></body></html>",
    )
    .header("server", "cloudflare")
    .header("cf-mitigated", "challenge")
}

fn answer(state: &State, call: &Call) -> Answer {
    match call.path.as_str() {
        "/" => return overview(state),
        "/twin/state" => return Answer::json(200, &state.shown()),
        _ => {}
    }
    if state.refuses_address || !has_fit_user_agent(call) {
        return blocked_by_address();
    }
    let segments = call.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let profile = match (call.method.as_str(), path.as_slice()) {
        ("GET", [user, "rss"]) => state.profiles.get(&user.to_lowercase()),
        _ => None,
    };
    match profile {
        Some(profile) if !profile.is_private => Answer::body(
            200,
            "application/rss+xml;charset=UTF-8",
            feed::feed(&profile.name, &profile.items),
        ),
        Some(_) | None => page(404, "Sorry, we can't find the page you've requested.", ""),
    }
}

/// "Empty, python-requests and similar get 403."
pub(crate) fn has_fit_user_agent(call: &Call) -> bool {
    let agent = call.header("user-agent").unwrap_or_default().to_lowercase();
    let scripts = [
        "python",
        "curl/",
        "wget/",
        "go-http-client",
        "java/",
        "libwww",
    ];
    !agent.is_empty() && !scripts.iter().any(|script| agent.starts_with(script))
}

fn overview(state: &State) -> Answer {
    let mut body = String::new();
    for profile in state.profiles.values() {
        let rows: Vec<Vec<String>> = profile
            .items
            .iter()
            .map(|item| match &item.content {
                Content::Log(log) => vec![
                    log.title.clone(),
                    log.watched_on
                        .map(|day| day.to_string())
                        .unwrap_or_default(),
                    log.half_stars
                        .map(|half_stars| (f64::from(half_stars) / 2.0).to_string())
                        .unwrap_or_default(),
                ],
                Content::List(title) => vec![title.clone(), "a list".to_owned(), String::new()],
            })
            .collect();
        body.push_str(&format!("<h2>{}</h2>\n", escaped(&profile.name)));
        body.push_str(&table(&["film", "watched on", "stars"], &rows));
    }
    page(200, "Letterboxd (simulated)", &body)
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
