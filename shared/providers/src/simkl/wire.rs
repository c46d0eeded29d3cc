//! The bodies as Simkl spells them. Ids that are not known are left out: never `null`, `0` or `""`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The ids of a film, a show or an anime entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Ids {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) imdb: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tmdb: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tvdb: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mal: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) anidb: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) anilist: Option<u64>,
}

/// What Simkl takes of an episode's own ids; they go before season and number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct EpisodeIds {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tvdb: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) anidb: Option<u64>,
}

/// A film or a show: by its ids, and by title and year where both are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Named {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) year: Option<i32>,
    pub(super) ids: Ids,
}

/// The body of `/scrobble/…`: exactly one of `movie`, `show` and `anime`.
#[derive(Debug, Serialize)]
pub(super) struct Scrobble<'a> {
    #[serde(flatten)]
    pub(super) item: ScrobbleItem<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) episode: Option<EpisodeNumber>,
    pub(super) progress: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ScrobbleItem<'a> {
    Movie(&'a Named),
    Show(&'a Named),
    Anime(&'a Named),
}

#[derive(Debug, Serialize)]
pub(super) struct EpisodeNumber {
    pub(super) season: u32,
    pub(super) number: u32,
}

/// The answer of `/scrobble/…`.
#[derive(Debug, Deserialize)]
pub(super) struct Scrobbled {
    /// 0 for a start.
    #[serde(default)]
    pub(super) id: i64,
    /// `start`, `pause` or `scrobble`: what was done, whatever was asked for.
    pub(super) action: String,
    /// The anime entry that Simkl found, where it found one.
    #[serde(default)]
    pub(super) anime: Option<Recognised>,
    #[serde(default)]
    pub(super) episode: Option<RecognisedEpisode>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Recognised {
    #[serde(default)]
    pub(super) title: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RecognisedEpisode {
    #[serde(default)]
    pub(super) number: Option<u32>,
}

/// What a counted scrobble is called in [`Scrobbled::action`].
pub(super) const COUNTED: &str = "scrobble";

/// The body of a 409.
#[derive(Debug, Deserialize)]
pub(super) struct Conflict {
    pub(super) watched_at: String,
}

/// The body of `POST /sync/history`.
#[derive(Debug, Default, Serialize)]
pub(super) struct History {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) movies: Vec<HistoryFilm>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) shows: Vec<HistoryShow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) episodes: Vec<HistoryEpisode>,
}

#[derive(Debug, Serialize)]
pub(super) struct HistoryFilm {
    #[serde(flatten)]
    pub(super) film: Named,
    pub(super) watched_at: String,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) is_rewatch: bool,
}

/// A show with one episode. Without it, Simkl would mark the whole show as watched.
#[derive(Debug, Serialize)]
pub(super) struct HistoryShow {
    #[serde(flatten)]
    pub(super) show: Named,
    /// The seasons are the show's: an anime is looked for in all of its entries.
    #[serde(skip_serializing_if = "is_false")]
    pub(super) use_tvdb_anime_seasons: bool,
    #[serde(flatten)]
    pub(super) episode: InShow,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) is_rewatch: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum InShow {
    /// By season and number.
    Seasons([HistorySeason; 1]),
    /// By an anime entry's own count.
    Episodes([HistoryNumber; 1]),
}

#[derive(Debug, Serialize)]
pub(super) struct HistorySeason {
    pub(super) number: u32,
    pub(super) episodes: [HistoryNumber; 1],
}

#[derive(Debug, Serialize)]
pub(super) struct HistoryNumber {
    pub(super) number: u32,
    pub(super) watched_at: String,
    #[serde(skip_serializing_if = "EpisodeIds::is_empty")]
    pub(super) ids: EpisodeIds,
}

#[derive(Debug, Serialize)]
pub(super) struct HistoryEpisode {
    pub(super) ids: EpisodeIds,
    pub(super) watched_at: String,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) is_rewatch: bool,
}

impl EpisodeIds {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
pub(super) fn is_false(value: &bool) -> bool {
    !*value
}

/// The answer of `POST /sync/history`.
#[derive(Debug, Deserialize)]
pub(super) struct Added {
    pub(super) added: Counts,
    #[serde(default)]
    pub(super) not_found: NotFound,
}

#[derive(Debug, Deserialize)]
pub(super) struct Counts {
    #[serde(default)]
    pub(super) movies: u64,
    #[serde(default)]
    pub(super) shows: u64,
    #[serde(default)]
    pub(super) episodes: u64,
}

impl Counts {
    pub(super) const fn is_nothing(&self) -> bool {
        self.movies == 0 && self.shows == 0 && self.episodes == 0
    }
}

/// What Simkl did not find: what was sent, echoed, as far as it echoes it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct NotFound {
    #[serde(default)]
    pub(super) movies: Vec<Value>,
    #[serde(default)]
    pub(super) shows: Vec<Value>,
    #[serde(default)]
    pub(super) episodes: Vec<Value>,
}

impl NotFound {
    pub(super) fn is_empty(&self) -> bool {
        self.movies.is_empty() && self.shows.is_empty() && self.episodes.is_empty()
    }
}

/// One item of the body of `POST /sync/watched`: its ids stand in the item itself.
#[derive(Debug, Serialize)]
pub(super) struct Lookup {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) r#type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) year: Option<i32>,
    #[serde(flatten)]
    pub(super) ids: Ids,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) season: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) episode: Option<u32>,
}

/// One item of its answer.
#[derive(Debug, Deserialize)]
pub(super) struct Watched {
    /// `true`, `false` (known, and on none of the user's lists) or `"not_found"`.
    #[serde(default)]
    pub(super) result: Value,
    /// Which of the five lists.
    #[serde(default)]
    pub(super) list: Option<String>,
    #[serde(default)]
    pub(super) last_watched_at: Option<String>,
    #[serde(default)]
    pub(super) seasons: Vec<WatchedSeason>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WatchedSeason {
    #[serde(default)]
    pub(super) number: Option<u32>,
    #[serde(default)]
    pub(super) episodes: Vec<WatchedEpisode>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WatchedEpisode {
    #[serde(default)]
    pub(super) number: Option<u32>,
    #[serde(default)]
    pub(super) watched: Option<bool>,
    #[serde(default)]
    pub(super) last_watched_at: Option<String>,
}

/// The answer of `/users/settings`.
#[derive(Debug, Deserialize)]
pub(super) struct Settings {
    pub(super) user: User,
    pub(super) account: AccountSettings,
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct AccountSettings {
    /// Names change, this does not.
    pub(super) id: u64,
    /// `free`, `pro` or `vip`.
    #[serde(default)]
    pub(super) r#type: Option<String>,
}

/// The answer of `/oauth2/device`.
#[derive(Deserialize)]
pub(super) struct DeviceCode {
    pub(super) device_code: String,
    pub(super) user_code: String,
    pub(super) verification_uri: String,
    pub(super) expires_in: u32,
    pub(super) interval: u32,
}

/// Tokens, as a poll answers them.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub(super) access_token: String,
    #[serde(default)]
    pub(super) refresh_token: Option<String>,
    #[serde(default)]
    pub(super) expires_in: Option<u32>,
    #[serde(default)]
    pub(super) scope: Option<String>,
}
