//! Goodreads: the feeds of a person's shelves. Its API is closed; there is nothing to write to.
//!
//! - A page has at most 100 books; who asks for more gets one, as happened in 2026.
//! - A shelf that does not exist is answered with the first 100 books of the whole library: only the title tells.
//! - A private profile needs the key of its owner's own feed address.
//! - Bot protection is a page, with status 503, 403 or even 200.

mod feed;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

pub use self::feed::Shelved;

use crate::Now;
use crate::answer::{Answer, Call};
use crate::faults::Faults;
use crate::letterboxd::has_fit_user_agent;
use crate::log::{Log, SeenRequest};
use crate::page::{digest, escaped, page, table};
use crate::serve::{Desk, Door, Server};

/// How many books a page has at most.
pub const MOST_BOOKS: usize = 100;

/// Shelves that everybody has, however empty.
const SHELVES: [&str; 4] = ["read", "currently-reading", "to-read", "did-not-finish"];

/// The simulated Goodreads. Clones are the same service; it ends with the last of them.
#[derive(Clone)]
pub struct Goodreads {
    state: Arc<Mutex<State>>,
    faults: Faults,
    log: Log,
    url: String,
    _server: Arc<Server>,
}

#[derive(Default)]
struct State {
    readers: BTreeMap<u64, Reader>,
    refuses_address: bool,
    reviews: u64,
}

#[derive(Default)]
struct Reader {
    name: String,
    is_private: bool,
    books: Vec<Shelved>,
}

impl Goodreads {
    /// Starts on a loopback port of its own: `/review/list_rss/{user id}`.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start(now: Now) -> io::Result<Goodreads> {
        let door = Door::open().await?;
        let url = door.url.clone();
        let state = Arc::new(Mutex::new(State::default()));
        let (faults, log) = (Faults::default(), Log::default());
        let kept = Arc::clone(&state);
        let server = door.serve(Desk {
            now,
            faults: faults.clone(),
            log: log.clone(),
            rules: Arc::new(move |call| answer(&locked(&kept), call)),
            operation: |call| call.path.clone(),
        });
        Ok(Goodreads {
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

    /// The address of a shelf's feed, as its owner copies it: with the key.
    #[must_use]
    pub fn feed_url(&self, user: &str, shelf: &str) -> String {
        let id = number_of(user);
        let shelf: String = url::form_urlencoded::byte_serialize(shelf.as_bytes()).collect();
        format!(
            "{}/review/list_rss/{id}?key={}&shelf={shelf}",
            self.url,
            key_of(id)
        )
    }

    /// What goes wrong on demand.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Every request since the start or the last [`Goodreads::forget_requests`].
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.log.all()
    }

    /// How many of those requests were for one path, such as `/review/list_rss/12345`.
    #[must_use]
    pub fn calls(&self, path: &str) -> usize {
        self.log.count(path)
    }

    /// Starts counting requests anew.
    pub fn forget_requests(&self) {
        self.log.clear();
    }

    /// Refuses the address that all calls come from, as it does those of clouds: 503 and HTML.
    pub fn refuse_address(&self, is_refused: bool) {
        self.state().refuses_address = is_refused;
    }

    /// Opens a profile and answers its number.
    pub fn add_user(&self, user: &str) -> u64 {
        self.state().reader(user);
        number_of(user)
    }

    /// Makes a profile private or public again.
    pub fn make_private(&self, user: &str, is_private: bool) {
        self.state().reader(user).is_private = is_private;
    }

    /// Puts a book on somebody's shelves, in place of what was there of it, and answers the number of the shelving.
    pub fn shelve(&self, user: &str, mut book: Shelved) -> u64 {
        let mut state = self.state();
        state.reviews += 1;
        let number = 7_000_000_000 + state.reviews;
        let books = &mut state.reader(user).books;
        let known = books.iter().find(|known| known.book == book.book);
        if book.review == 0 {
            book.review = known.map_or(number, |known| known.review);
        }
        books.retain(|known| known.book != book.book);
        let review = book.review;
        books.push(book);
        review
    }

    /// Takes a book off all shelves.
    pub fn remove(&self, user: &str, book: u64) {
        let mut state = self.state();
        state
            .reader(user)
            .books
            .retain(|shelved| shelved.book != book);
    }

    /// What is on somebody's shelves.
    #[must_use]
    pub fn books(&self, user: &str) -> Vec<Shelved> {
        self.state().reader(user).books.clone()
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

impl std::fmt::Debug for Goodreads {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Goodreads({})", self.url)
    }
}

impl State {
    fn reader(&mut self, user: &str) -> &mut Reader {
        let reader = self.readers.entry(number_of(user)).or_default();
        user.clone_into(&mut reader.name);
        reader
    }

    fn shown(&self) -> Value {
        let users: serde_json::Map<String, Value> = self
            .readers
            .values()
            .map(|reader| (reader.name.clone(), json!({"books": reader.books})))
            .collect();
        json!({"service": "goodreads", "users": users})
    }
}

/// 503 and HTML: what an address that looks like a machine's gets.
#[must_use]
pub fn blocked_by_address() -> Answer {
    page(
        503,
        "Goodreads request took too long.",
        "<p>Please try again.</p>",
    )
}

/// 403 and HTML: the page of what stands in front of it.
#[must_use]
pub fn access_denied() -> Answer {
    page(
        403,
        "Access Denied",
        "<p>You don't have permission to access this server.</p>",
    )
}

/// 200 and HTML: a check whether a person sits there, where a feed was asked for.
#[must_use]
pub fn bot_check() -> Answer {
    page(200, "Robot or human?", "<p>Press and hold to continue.</p>")
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
    let id = match (call.method.as_str(), path.as_slice()) {
        // `12345` or `12345-jane-doe`.
        ("GET", ["review", "list_rss", id]) => id.split('-').next().and_then(|id| id.parse().ok()),
        _ => None,
    };
    match id.and_then(|id: u64| Some((id, state.readers.get(&id)?))) {
        None => page(404, "Page not found", ""),
        Some((id, reader)) if reader.is_private && call.query("key") != Some(&key_of(id)) => {
            page(403, "This profile is private", "")
        }
        Some((id, reader)) => Answer::body(
            200,
            "application/xml; charset=utf-8",
            shelf_page(id, reader, call),
        ),
    }
}

fn shelf_page(id: u64, reader: &Reader, call: &Call) -> String {
    let asked = call.query("shelf").unwrap_or_default();
    let is_everything = asked.is_empty() || asked == "#ALL#";
    let is_known = SHELVES.contains(&asked) || reader.books.iter().any(|book| book.is_on(asked));
    let mut books: Vec<&Shelved> = reader
        .books
        .iter()
        .filter(|book| is_everything || !is_known || book.is_on(asked))
        .collect();
    let name = match (is_everything, is_known) {
        (true, _) => "all",
        (false, true) => asked,
        // Only this blank tells that there is no such shelf.
        (false, false) => "read ",
    };
    if call.query("sort") == Some("date_read") {
        books.sort_by_key(|book| Reverse((book.read_on, book.review)));
    } else {
        books.sort_by_key(|book| Reverse((book.added_at, book.review)));
    }
    if call.query("order") == Some("a") {
        books.reverse();
    }
    let number = |name| call.query(name).and_then(|text| text.parse::<usize>().ok());
    let per_page = match number("per_page") {
        None | Some(0) => MOST_BOOKS,
        Some(per_page) if per_page <= MOST_BOOKS => per_page,
        Some(_) => 1,
    };
    // An unknown shelf has the one page.
    let page = if is_known || is_everything {
        number("page").unwrap_or(1).max(1)
    } else {
        1
    };
    let books: Vec<&Shelved> = books
        .into_iter()
        .skip((page - 1).saturating_mul(per_page))
        .take(per_page)
        .collect();
    feed::feed(&reader.name, id, name, &books)
}

/// The number of a profile follows from its name.
fn number_of(user: &str) -> u64 {
    let digits = digest(&format!("goodreads account {user}"));
    let number = digits
        .get(..7)
        .map(|digits| u64::from_str_radix(digits, 16));
    number.and_then(Result::ok).unwrap_or_default() + 1
}

fn key_of(id: u64) -> String {
    digest(&format!("goodreads feed {id}"))
        .chars()
        .take(40)
        .collect()
}

fn overview(state: &State) -> Answer {
    let mut body = String::new();
    for reader in state.readers.values() {
        let rows: Vec<Vec<String>> = reader
            .books
            .iter()
            .map(|book| {
                let read_on = book.read_on.map(|day| day.to_string());
                vec![
                    book.title.clone(),
                    book.author.clone(),
                    book.shelf.clone(),
                    read_on.unwrap_or_default(),
                    book.rating.to_string(),
                ]
            })
            .collect();
        body.push_str(&format!("<h2>{}</h2>\n", escaped(&reader.name)));
        body.push_str(&table(
            &["book", "author", "shelf", "read on", "stars"],
            &rows,
        ));
    }
    page(200, "Goodreads (simulated)", &body)
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
