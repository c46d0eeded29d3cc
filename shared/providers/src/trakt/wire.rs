//! The bodies as Trakt spells them. Ids that are not known are left out: never `null`, `0` or `""`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The ids of a film, a show or an episode.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ids {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trakt: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) imdb: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tmdb: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tvdb: Option<u64>,
}

impl Ids {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Says whether both name the same thing: any id that both have is equal.
    pub(super) fn meets(&self, other: &Self) -> bool {
        fn same<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
            one.is_some() && one == other
        }
        same(&self.trakt, &other.trakt)
            || same(&self.imdb, &other.imdb)
            || same(&self.tmdb, &other.tmdb)
            || same(&self.tvdb, &other.tvdb)
    }
}

/// A film or a show: by its ids, and by title and year where both are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Named {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) year: Option<i32>,
    #[serde(default, skip_serializing_if = "Ids::is_empty")]
    pub(super) ids: Ids,
}

impl Named {
    /// Says whether both name the same thing: by an id, or by title and year where one has no id.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let by_name = || match (&self.title, &other.title) {
            (Some(one), Some(other_title)) => {
                one.to_lowercase() == other_title.to_lowercase()
                    && self.year.is_some()
                    && self.year == other.year
            }
            (None, _) | (_, None) => false,
        };
        self.ids.meets(&other.ids) || ((self.ids.is_empty() || other.ids.is_empty()) && by_name())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EpisodeIds {
    pub(super) ids: Ids,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EpisodeNumber {
    pub(super) season: u32,
    pub(super) number: u32,
}

/// What is watched, in the one of three shapes that names it best.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Item {
    Numbered { show: Named, episode: EpisodeNumber },
    Episode { episode: EpisodeIds },
    Movie { movie: Named },
}

/// The body of `/scrobble/…`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Scrobble {
    #[serde(flatten)]
    pub(super) item: Item,
    pub(super) progress: f64,
}

/// The answer of `/scrobble/…`.
#[derive(Debug, Deserialize)]
pub(super) struct Scrobbled {
    /// The history id of a scrobble; 0 for a start.
    #[serde(default)]
    pub(super) id: i64,
    /// `start`, `pause` or `scrobble`: what was done, whatever was asked for.
    pub(super) action: String,
}

/// What a counted scrobble is called in [`Scrobbled::action`].
pub(super) const COUNTED: &str = "scrobble";

/// The body of a 409.
#[derive(Debug, Deserialize)]
pub(super) struct Conflict {
    pub(super) watched_at: String,
}

/// The body of `POST /sync/history`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct History {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) movies: Vec<HistoryMovie>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) episodes: Vec<HistoryEpisode>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) shows: Vec<HistoryShow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HistoryMovie {
    #[serde(flatten)]
    pub(super) movie: Named,
    pub(super) watched_at: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HistoryEpisode {
    pub(super) ids: Ids,
    pub(super) watched_at: String,
}

/// A show with one episode in one season. Without these, Trakt would mark the whole show as watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HistoryShow {
    #[serde(flatten)]
    pub(super) show: Named,
    pub(super) seasons: [HistorySeason; 1],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HistorySeason {
    pub(super) number: u32,
    pub(super) episodes: [HistoryNumber; 1],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HistoryNumber {
    pub(super) number: u32,
    pub(super) watched_at: String,
}

/// The answer of `POST /sync/history`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Added {
    #[serde(default)]
    pub(super) added: Counts,
    #[serde(default)]
    pub(super) updated: Counts,
    #[serde(default)]
    pub(super) not_found: NotFound,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Counts {
    #[serde(default)]
    pub(super) movies: usize,
    #[serde(default)]
    pub(super) shows: usize,
    #[serde(default)]
    pub(super) seasons: usize,
    #[serde(default)]
    pub(super) episodes: usize,
}

/// The body of `POST /sync/ratings`, `/sync/watchlist` and `/sync/collection`, and of their removals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) movies: Vec<ToldMovie>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) episodes: Vec<ToldEpisode>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) shows: Vec<ToldShow>,
}

/// What is told of one of them; nothing where it is only put on a list, or taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Words {
    /// 1 to 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rating: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rated_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) collected_at: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ToldMovie {
    #[serde(flatten)]
    pub(super) movie: Named,
    #[serde(flatten)]
    pub(super) words: Words,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ToldEpisode {
    pub(super) ids: Ids,
    #[serde(flatten)]
    pub(super) words: Words,
}

/// A show, or one season of it, or one episode of that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ToldShow {
    #[serde(flatten)]
    pub(super) show: Named,
    #[serde(flatten)]
    pub(super) words: Words,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seasons: Option<[ToldSeason; 1]>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ToldSeason {
    pub(super) number: u32,
    #[serde(flatten)]
    pub(super) words: Words,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) episodes: Option<[ToldNumber; 1]>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ToldNumber {
    pub(super) number: u32,
    #[serde(flatten)]
    pub(super) words: Words,
}

/// The answer about what was told or taken back. Of a collected show, its episodes are counted.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Answered {
    /// There after something was told.
    pub(super) added: Option<Counts>,
    #[serde(default)]
    pub(super) updated: Counts,
    #[serde(default)]
    pub(super) existing: Counts,
    /// There after something was taken back.
    pub(super) deleted: Option<Counts>,
    #[serde(default)]
    pub(super) not_found: NotFound,
}

/// The body of `POST /sync/history/remove`, by the history's own ids: without them it would remove every play.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Removal {
    pub(super) ids: Vec<i64>,
}

/// Its answer.
#[derive(Debug, Deserialize)]
pub(super) struct Removed {
    pub(super) deleted: Counts,
    #[serde(default)]
    pub(super) not_found: UnknownIds,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct UnknownIds {
    #[serde(default)]
    pub(super) ids: Vec<i64>,
}

/// What Trakt did not find: what was sent, echoed, as far as it echoes it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct NotFound {
    #[serde(default)]
    pub(super) movies: Vec<Value>,
    #[serde(default)]
    pub(super) shows: Vec<Value>,
    #[serde(default)]
    pub(super) seasons: Vec<Value>,
    #[serde(default)]
    pub(super) episodes: Vec<Value>,
}

impl NotFound {
    pub(super) fn is_empty(&self) -> bool {
        let all = [&self.movies, &self.shows, &self.seasons, &self.episodes];
        all.iter().all(|list| list.is_empty())
    }
}

/// An entry of the history, as far as it tells what was watched and when.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Entry {
    pub(super) id: i64,
    #[serde(default)]
    pub(super) watched_at: Option<String>,
    #[serde(default)]
    pub(super) movie: Option<Named>,
    #[serde(default)]
    pub(super) episode: Option<EntryEpisode>,
    #[serde(default)]
    pub(super) show: Option<Named>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct EntryEpisode {
    #[serde(default)]
    pub(super) season: Option<u32>,
    #[serde(default)]
    pub(super) number: Option<u32>,
    #[serde(default)]
    pub(super) ids: Ids,
}

/// The answer of `/users/settings`.
#[derive(Debug, Deserialize)]
pub(super) struct Settings {
    pub(super) user: User,
    /// How much this account may keep; VIP accounts more.
    #[serde(default)]
    pub(super) limits: AccountLimits,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct AccountLimits {
    #[serde(default)]
    pub(super) watchlist: ItemLimit,
    #[serde(default)]
    pub(super) collection: ItemLimit,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ItemLimit {
    #[serde(default)]
    pub(super) item_count: Option<usize>,
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) username: String,
    #[serde(default)]
    pub(super) vip: bool,
    pub(super) ids: UserIds,
}

#[derive(Debug, Deserialize)]
pub(super) struct UserIds {
    pub(super) slug: String,
    /// Usernames change, this does not.
    pub(super) uuid: String,
}

/// The answer of `/oauth/device/code`.
#[derive(Deserialize)]
pub(super) struct DeviceCode {
    pub(super) device_code: String,
    pub(super) user_code: String,
    pub(super) verification_url: String,
    pub(super) expires_in: u32,
    pub(super) interval: u32,
}

/// Tokens, as `/oauth/device/token` answers them.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub(super) access_token: String,
    #[serde(default)]
    pub(super) refresh_token: Option<String>,
    #[serde(default)]
    pub(super) expires_in: Option<u32>,
}
