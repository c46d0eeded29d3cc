//! The address of the list of anime: the asset of a rolling release, which redirects to where it is stored.
//!
//! - The list holds the samples' anime in both directions, and made-up shows enough to be as long as a list is.
//! - The store answers with an `ETag`, and 304 to a request that names it.
//!
//! Source: <https://github.com/anibridge/anibridge-mappings> (its README and schema, version 3).

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use crate::Now;
use crate::answer::{Answer, Call};
use crate::faults::Faults;
use crate::log::{Log, SeenRequest};
use crate::page::page;
use crate::samples::{self, Anime, Format};
use crate::serve::{Desk, Door, Server};

/// Where the release has it.
const ASSET: &str = "/releases/download/v3/mappings.min.json";
/// Where it is stored.
const STORED: &str = "/storage/mappings.min.json";
/// How many made-up shows there are besides the samples.
const MADE_UP: u64 = 1_200;

/// The address of the list. Clones are the same; it ends with the last of them.
#[derive(Clone)]
pub struct AnimeMap {
    state: Arc<Mutex<State>>,
    faults: Faults,
    log: Log,
    url: String,
    _server: Arc<Server>,
}

struct State {
    url: String,
    list: String,
    version: u32,
}

impl AnimeMap {
    /// Starts on a loopback port of its own.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start(now: Now) -> io::Result<AnimeMap> {
        let door = Door::open().await?;
        let url = door.url.clone();
        let state = Arc::new(Mutex::new(State {
            url: url.clone(),
            list: list(&samples::anime()).to_string(),
            version: 1,
        }));
        let (faults, log) = (Faults::default(), Log::default());
        let kept = Arc::clone(&state);
        let server = door.serve(Desk {
            now,
            faults: faults.clone(),
            log: log.clone(),
            rules: Arc::new(move |call| answer(&locked(&kept), call)),
            operation: |call| call.path.clone(),
        });
        Ok(AnimeMap {
            state,
            faults,
            log,
            url,
            _server: Arc::new(server),
        })
    }

    /// The address that is published.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{ASSET}", self.url)
    }

    /// What goes wrong on demand.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Every request since the start.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.log.all()
    }

    /// Publishes another text under the same address.
    pub fn publish(&self, list: impl Into<String>) {
        let mut state = self.state();
        state.list = list.into();
        state.version += 1;
    }

    /// The text that is published now.
    #[must_use]
    pub fn list(&self) -> String {
        self.state().list.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl std::fmt::Debug for AnimeMap {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "AnimeMap({})", self.url)
    }
}

fn answer(state: &State, call: &Call) -> Answer {
    let etag = format!("\"v{}\"", state.version);
    match (call.method.as_str(), call.path.as_str()) {
        ("GET", ASSET) => Answer::status(302).header("location", format!("{}{STORED}", state.url)),
        ("GET", STORED) if call.header("if-none-match") == Some(&etag) => {
            Answer::status(304).header("etag", etag)
        }
        ("GET", STORED) => {
            Answer::body(200, "application/octet-stream", state.list.clone()).header("etag", etag)
        }
        _ => page(404, "Not Found", ""),
    }
}

/// The published list of some anime, and of made-up shows.
#[must_use]
pub fn list(anime: &[Anime]) -> Value {
    let mut rows: BTreeMap<String, BTreeMap<String, Map<String, Value>>> = BTreeMap::new();
    let mut link = |from: &str, to: &str, range: String, target: String| {
        rows.entry(from.to_owned())
            .or_default()
            .entry(to.to_owned())
            .or_default()
            .insert(range, json!(target));
    };
    for one in anime {
        let (anilist, mal) = (
            format!("anilist:{}", one.anilist),
            format!("mal:{}", one.mal),
        );
        let whole = match one.episodes {
            Some(1) => "1".to_owned(),
            Some(episodes) => format!("1-{episodes}"),
            None => "1-".to_owned(),
        };
        link(&anilist, &mal, whole.clone(), whole.clone());
        link(&mal, &anilist, whole.clone(), whole);
        for source in sources(one) {
            for entry in [&anilist, &mal] {
                for (name, theirs, own) in &source {
                    link(name, entry, theirs.clone(), own.clone());
                    link(entry, name, own.clone(), theirs.clone());
                }
            }
        }
    }
    for number in 0..MADE_UP {
        let (show, entry) = (9_000_000 + number, 8_000_000 + number);
        let (show, entry) = (format!("tvdb_show:{show}:s1"), format!("anilist:{entry}"));
        link(&show, &entry, "1-12".to_owned(), "1-12".to_owned());
        link(&entry, &show, "1-12".to_owned(), "1-12".to_owned());
    }
    let mut list = json!(rows);
    list["$meta"] = json!({"schema_version": "3.0.0", "generated_on": "2026-11-20T02:10:11Z"});
    list
}

/// What leads to an anime: a descriptor, its range, and the range of the entry.
fn sources(anime: &Anime) -> Vec<Vec<(String, String, String)>> {
    if anime.format == Format::Movie {
        let tmdb = anime.tmdb.map(|id| format!("tmdb_movie:{id}"));
        let imdb = anime.imdb.as_ref().map(|id| format!("imdb_movie:{id}"));
        let film = |name| vec![(name, "1".to_owned(), "1".to_owned())];
        return tmdb.into_iter().chain(imdb).map(film).collect();
    }
    let range = |first: u32, count: u32| match count {
        1 => first.to_string(),
        count if count > 100_000 => format!("{first}-"),
        count => format!("{first}-{}", first + count - 1),
    };
    let shows = [
        anime.tvdb_show.map(|id| format!("tvdb_show:{id}")),
        anime.tmdb.map(|id| format!("tmdb_show:{id}")),
    ];
    shows
        .into_iter()
        .flatten()
        .map(|show| {
            anime
                .parts
                .iter()
                .map(|part| {
                    (
                        format!("{show}:s{}", part.season),
                        range(part.first, part.episodes),
                        range(part.own_first, part.episodes),
                    )
                })
                .collect()
        })
        .collect()
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_leads_from_a_shows_season_to_its_entries_and_back() {
        let list = list(&samples::anime());
        let season = &list["tvdb_show:267440:s4"];
        assert_eq!(season["anilist:110277"], json!({"1-16": "1-16"}));
        assert_eq!(season["anilist:131681"], json!({"17-28": "1-12"}));
        assert_eq!(season["mal:48583"], json!({"17-28": "1-12"}));
        assert_eq!(
            list["anilist:131681"]["tvdb_show:267440:s4"],
            json!({"1-12": "17-28"})
        );
        assert_eq!(
            list["imdb_movie:tt5311514"]["anilist:21519"],
            json!({"1": "1"})
        );
        assert_eq!(list["$meta"]["schema_version"], "3.0.0");
    }
}
