//! The items of `/sync/all-items` as Simkl spells them, and the watches in them.
//!
//! Ids are strings in most places and numbers in some, the years too; an anime stands under `show`.

use hub_domain::media::{ExternalId, Namespace, Scope};
use hub_domain::{ItemKind, MediaItem, Precision};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::parse_time;
use crate::reading::{Record, ids_of, length_of, words};

/// One of the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Shows,
    Anime,
    Movies,
}

/// An item without its episodes.
#[derive(Debug, Deserialize)]
pub(super) struct Brief {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    last_watched_at: Option<String>,
    #[serde(default)]
    watched_episodes_count: Option<u64>,
    /// The film; of a show and of an anime, the show.
    #[serde(default, alias = "show")]
    movie: Option<Titled>,
}

/// An item with its episodes.
#[derive(Debug, Deserialize)]
pub(super) struct Item {
    #[serde(flatten)]
    pub(super) brief: Brief,
    #[serde(default)]
    anime_type: Option<String>,
    #[serde(default)]
    seasons: Option<Vec<Season>>,
}

#[derive(Debug, Default, Deserialize)]
struct Titled {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    year: Text,
    /// In minutes.
    #[serde(default)]
    runtime: Option<i64>,
    #[serde(default)]
    ids: Ids,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Ids {
    #[serde(alias = "simkl_id")]
    simkl: Text,
    imdb: Text,
    tmdb: Text,
    tvdb: Text,
    mal: Text,
    anidb: Text,
    anilist: Text,
}

#[derive(Debug, Deserialize)]
struct Season {
    number: u32,
    #[serde(default)]
    episodes: Vec<Episode>,
}

#[derive(Debug, Deserialize)]
struct Episode {
    number: u32,
    #[serde(default)]
    watched_at: Option<String>,
    /// Of an anime: which episode it is by TheTVDB.
    #[serde(default)]
    tvdb: Option<TvdbPlace>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct TvdbPlace {
    season: u32,
    episode: u32,
}

/// A text, or a number as one; anything else is nothing.
#[derive(Debug, Default)]
struct Text(Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        Ok(Self(match Value::deserialize(json)? {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }))
    }
}

impl Text {
    fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    fn number<T: std::str::FromStr>(&self) -> Option<T> {
        self.text()?.parse().ok()
    }
}

impl Brief {
    pub(super) fn simkl(&self) -> Option<u64> {
        self.movie.as_ref()?.ids.simkl.number()
    }

    /// The counter of episodes; a film has none.
    pub(super) fn plays(&self) -> u64 {
        let film = || u64::from(self.is_watched());
        self.watched_episodes_count.unwrap_or_else(film)
    }

    fn is_watched(&self) -> bool {
        self.last_watched_at.is_some() || self.status.as_deref() == Some("completed")
    }

    pub(super) fn title(&self) -> String {
        let title = self.movie.as_ref().and_then(|movie| movie.title.clone());
        title.unwrap_or_default()
    }
}

impl Item {
    pub(super) fn simkl(&self) -> Option<u64> {
        self.brief.simkl()
    }
}

/// The watches of an item; `None` if there are some of which it says nothing.
pub(super) fn records_of(item: Item, list: List, simkl: u64) -> Option<Vec<Record>> {
    let is_film = list == List::Movies
        || (list == List::Anime && item.anime_type.as_deref() == Some("movie"));
    let is_watched = item.brief.is_watched();
    let named = item.brief.movie.unwrap_or_default();
    if is_film {
        let watched_at = item.brief.last_watched_at;
        let film = || record(simkl.to_string(), film_of(named), watched_at.as_deref());
        return Some(is_watched.then(film).into_iter().collect());
    }
    let seasons = item.seasons.unwrap_or_default();
    let mut records = Vec::new();
    for season in &seasons {
        for episode in &season.episodes {
            let media = if list == List::Anime {
                anime_episode_of(&named, episode)
            } else {
                episode_of(&named, season.number, episode.number)
            };
            let remote_id = format!("{simkl}/{}/{}", season.number, episode.number);
            records.push(record(remote_id, media, episode.watched_at.as_deref()));
        }
    }
    let counted = item.brief.watched_episodes_count.unwrap_or_default();
    (counted == 0 || !records.is_empty()).then_some(records)
}

fn record(remote_id: String, media: MediaItem, watched_at: Option<&str>) -> Record {
    let watched_at = watched_at.and_then(parse_time);
    Record {
        remote_id,
        media,
        started_at: None,
        watched_at,
        precision: watched_at.map_or(Precision::Unknown, |_| Precision::Second),
        entry: None,
    }
}

fn film_of(film: Titled) -> MediaItem {
    let mut media = MediaItem::new(ItemKind::Movie);
    media.ids = world_ids(&film.ids, Scope::Item, false);
    media.ids.extend(entry_ids(&film.ids, Scope::Item));
    media.year = film.year.number();
    media.duration = length_of(film.runtime.and_then(in_milliseconds));
    media.title = words(film.title);
    media
}

fn episode_of(show: &Titled, season: u32, number: u32) -> MediaItem {
    let mut media = an_episode_of(show);
    media.ids = world_ids(&show.ids, Scope::Show, true);
    (media.season, media.episode) = (Some(season), Some(number));
    media
}

/// An episode of an anime entry. The entry counts its own from 1; where Simkl says which episode of the show it is, the
/// show's ids go along with that number, and without it they would name another episode.
fn anime_episode_of(entry: &Titled, episode: &Episode) -> MediaItem {
    let mut media = an_episode_of(entry);
    let own = entry_ids(&entry.ids, Scope::Show).into_iter();
    media.ids = own.map(|id| id.numbered(1, episode.number)).collect();
    (media.season, media.episode) = (Some(1), Some(episode.number));
    if let Some(place) = episode.tvdb {
        let ids = world_ids(&entry.ids, Scope::Show, true).into_iter();
        let tvdb = ids.filter(|id| id.namespace == Namespace::Tvdb);
        media
            .ids
            .extend(tvdb.map(|id| id.numbered(place.season, place.episode)));
        (media.season, media.episode) = (Some(place.season), Some(place.episode));
    }
    media
}

fn an_episode_of(show: &Titled) -> MediaItem {
    let mut media = MediaItem::new(ItemKind::Episode);
    media.show_title = words(show.title.clone());
    media.show_year = show.year.number();
    media.duration = length_of(show.runtime.and_then(in_milliseconds));
    media
}

/// The ids that film and television are known by. A film has none of TheTVDB.
fn world_ids(ids: &Ids, scope: Scope, with_tvdb: bool) -> Vec<ExternalId> {
    let tvdb = ids.tvdb.text().filter(|_| with_tvdb);
    ids_of(
        scope,
        [
            (Namespace::Tmdb, ids.tmdb.text()),
            (Namespace::Imdb, ids.imdb.text()),
            (Namespace::Tvdb, tvdb),
        ],
    )
}

/// The ids of an entry of the anime lists.
fn entry_ids(ids: &Ids, scope: Scope) -> Vec<ExternalId> {
    ids_of(
        scope,
        [
            (Namespace::Anidb, ids.anidb.text()),
            (Namespace::Myanimelist, ids.mal.text()),
            (Namespace::Anilist, ids.anilist.text()),
        ],
    )
}

const fn in_milliseconds(minutes: i64) -> Option<i64> {
    minutes.checked_mul(60_000)
}
