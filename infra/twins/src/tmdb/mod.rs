//! TMDB: which show an episode is of, and what a show is called elsewhere. Nothing can be written.
//!
//! - Every request carries the read access token of an application; there are no users.
//! - About 40 requests are taken in 10 seconds; then 429 with the wait.
//! - What is not there is a 404 with a number and a sentence, except in a search by foreign ids, which finds nothing.
//!
//! Sources: <https://developer.themoviedb.org/reference/find-by-id>,
//! <https://developer.themoviedb.org/reference/tv-series-external-ids>, <https://developer.themoviedb.org/docs/errors>.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{NaiveDate, TimeDelta};
use serde_json::{Value, json};

use crate::Now;
use crate::answer::{Answer, Call};
use crate::faults::Faults;
use crate::limits::{SlidingWindow, seconds_until};
use crate::log::{Log, SeenRequest};
use crate::page::page;
use crate::samples::{self, Format};
use crate::serve::{Desk, Door, Server};

/// The read access token that the twin knows.
pub const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.dGhlIHR3aW4.c2lnbmVk";

/// The simulated TMDB. Clones are the same service; it ends with the last of them.
#[derive(Clone)]
pub struct Tmdb {
    state: Arc<Mutex<State>>,
    faults: Faults,
    log: Log,
    url: String,
    _server: Arc<Server>,
}

/// An episode, as it is registered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Episode {
    /// TMDB's number of its show.
    pub show: u64,
    /// The season.
    pub season: u32,
    /// The number in it.
    pub number: u32,
    /// TheTVDB's number of the episode.
    pub tvdb: Option<u64>,
    /// IMDb's id of the episode.
    pub imdb: Option<String>,
    /// The day it was first shown.
    pub aired_on: Option<NaiveDate>,
}

#[derive(Debug)]
struct State {
    shows: BTreeMap<u64, Names>,
    films: BTreeMap<String, u64>,
    /// By TMDB's own number of the episode.
    episodes: BTreeMap<u64, Episode>,
    limit: SlidingWindow,
    is_limited: bool,
}

#[derive(Debug, Clone, Default)]
struct Names {
    tvdb: Option<u64>,
    imdb: Option<String>,
}

/// What a twin's own episodes are counted from.
const FIRST_EPISODE: u64 = 5_000_001;

impl Tmdb {
    /// Starts on a loopback port of its own. It knows the samples' films and shows, and no episodes.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start(now: Now) -> io::Result<Tmdb> {
        let door = Door::open().await?;
        let url = door.url.clone();
        let state = Arc::new(Mutex::new(State::new()));
        let (faults, log) = (Faults::default(), Log::default());
        let kept = Arc::clone(&state);
        let server = door.serve(Desk {
            now,
            faults: faults.clone(),
            log: log.clone(),
            rules: Arc::new(move |call| answer(&mut locked(&kept), call)),
            operation: |call| call.path.clone(),
        });
        Ok(Tmdb {
            state,
            faults,
            log,
            url,
            _server: Arc::new(server),
        })
    }

    /// The API's address, without the `/3` of its version.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What goes wrong on demand.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Every request since the start or the last [`Tmdb::forget_requests`].
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.log.all()
    }

    /// How many of those requests were for one path, such as `/3/find/349232`.
    #[must_use]
    pub fn calls(&self, path: &str) -> usize {
        self.log.count(path)
    }

    /// Starts counting requests anew.
    pub fn forget_requests(&self) {
        self.log.clear();
    }

    /// Switches the rate limit off or on; it is on at first.
    pub fn enforce_limits(&self, is_enforced: bool) {
        self.state().is_limited = is_enforced;
    }

    /// Registers a show by its numbers.
    pub fn add_show(&self, show: u64, tvdb: Option<u64>, imdb: Option<&str>) {
        let imdb = imdb.map(str::to_owned);
        self.state().shows.insert(show, Names { tvdb, imdb });
    }

    /// Registers an episode, and answers TMDB's own number of it.
    pub fn add_episode(&self, episode: Episode) -> u64 {
        let mut state = self.state();
        state.shows.entry(episode.show).or_default();
        let number = state
            .episodes
            .last_key_value()
            .map_or(FIRST_EPISODE, |(number, _)| number + 1);
        state.episodes.insert(number, episode);
        number
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl std::fmt::Debug for Tmdb {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Tmdb({})", self.url)
    }
}

impl State {
    fn new() -> State {
        let mut shows = BTreeMap::new();
        let mut films: BTreeMap<String, u64> = samples::FILMS
            .iter()
            .map(|film| (film.imdb.to_owned(), film.tmdb))
            .collect();
        for show in samples::SHOWS {
            let names = Names {
                tvdb: Some(show.tvdb),
                imdb: Some(show.imdb.to_owned()),
            };
            shows.insert(show.tmdb, names);
        }
        for anime in samples::anime() {
            let Some(tmdb) = anime.tmdb else { continue };
            if anime.format == Format::Movie {
                films.extend(anime.imdb.map(|imdb| (imdb, tmdb)));
            } else {
                let names = Names {
                    tvdb: anime.tvdb_show,
                    imdb: anime.imdb,
                };
                shows.insert(tmdb, names);
            }
        }
        State {
            shows,
            films,
            episodes: BTreeMap::new(),
            limit: SlidingWindow::new(40, TimeDelta::seconds(10)),
            is_limited: true,
        }
    }
}

fn answer(state: &mut State, call: &Call) -> Answer {
    if call.path == "/" {
        return page(200, "TMDB", "The simulated TMDB of this stack.");
    }
    if call.path == "/twin/state" {
        let episodes = state.episodes.len();
        return Answer::json(
            200,
            &json!({"shows": state.shows.len(), "episodes": episodes}),
        );
    }
    if state.is_limited
        && let Err(until) = state.limit.take("address", call.at)
    {
        let words = "Your request count (41) is over the allowed limit of (40).";
        return said(429, 25, words).header("retry-after", seconds_until(until, call.at));
    }
    let token = call.header("authorization").unwrap_or_default();
    if token.strip_prefix("Bearer ") != Some(TOKEN) {
        return said(401, 7, "Invalid API key: You must be granted a valid key.");
    }
    let segments = call.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (call.method.as_str(), path.as_slice()) {
        ("GET", ["3", "find", id]) => find(state, id, call.query("external_source")),
        ("GET", ["3", "tv", show, "external_ids"]) => external_ids(state, show),
        ("GET", _) => not_found(),
        _ => said(
            405,
            28,
            "This request method is not supported for this resource.",
        ),
    }
}

fn find(state: &State, id: &str, source: Option<&str>) -> Answer {
    let number = id.parse::<u64>().ok();
    let is_it = |tvdb: Option<u64>, imdb: Option<&str>| match source {
        Some("tvdb_id") => tvdb.is_some() && tvdb == number,
        Some("imdb_id") => imdb == Some(id),
        _ => false,
    };
    if !matches!(source, Some("tvdb_id" | "imdb_id")) {
        return said(
            422,
            5,
            "Invalid parameters: Your request parameters are incorrect.",
        );
    }
    let episodes: Vec<Value> = state
        .episodes
        .iter()
        .filter(|(_, episode)| is_it(episode.tvdb, episode.imdb.as_deref()))
        .map(|(number, episode)| {
            json!({"id": number, "name": format!("Episode {}", episode.number), "overview": "",
                "media_type": "tv_episode", "vote_average": 0.0, "vote_count": 0,
                "air_date": episode.aired_on.map(|day| day.to_string()).unwrap_or_default(),
                "episode_number": episode.number, "episode_type": "standard", "production_code": "", "runtime": 24,
                "season_number": episode.season, "show_id": episode.show, "still_path": null})
        })
        .collect();
    let shows: Vec<Value> = state
        .shows
        .iter()
        .filter(|(_, names)| is_it(names.tvdb, names.imdb.as_deref()))
        .map(|(number, _)| json!({"id": number, "media_type": "tv"}))
        .collect();
    let films: Vec<Value> = state
        .films
        .iter()
        .filter(|(imdb, _)| is_it(None, Some(imdb)))
        .map(|(_, number)| json!({"id": number, "media_type": "movie"}))
        .collect();
    let found = json!({"movie_results": films, "person_results": [], "tv_results": shows,
        "tv_episode_results": episodes, "tv_season_results": []});
    Answer::json(200, &found)
}

fn external_ids(state: &State, show: &str) -> Answer {
    let number = show.parse::<u64>().ok();
    let Some((number, names)) = number.and_then(|number| state.shows.get_key_value(&number)) else {
        return not_found();
    };
    let ids = json!({"id": number, "imdb_id": names.imdb, "freebase_mid": null, "freebase_id": null,
        "tvdb_id": names.tvdb, "tvrage_id": null, "wikidata_id": null, "facebook_id": null, "instagram_id": null,
        "twitter_id": null});
    Answer::json(200, &ids)
}

fn not_found() -> Answer {
    said(404, 34, "The resource you requested could not be found.")
}

fn said(status: u16, code: u32, words: &str) -> Answer {
    let body = json!({"success": false, "status_code": code, "status_message": words});
    Answer::json(status, &body)
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
