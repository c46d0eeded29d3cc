//! The bodies of ratings, lists and removals, as Simkl spells them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wire::{Counts, Named, NotFound, is_false};

/// The body of the writes about films and shows as a whole: ratings, lists, and their removals.
#[derive(Debug, Default, Serialize)]
pub(super) struct Told {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) movies: Vec<ToldItem>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) shows: Vec<ToldItem>,
}

#[derive(Debug, Serialize)]
pub(super) struct ToldItem {
    #[serde(flatten)]
    pub(super) named: Named,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rating: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rated_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<&'static str>,
}

/// The answer of `POST /sync/ratings`.
#[derive(Debug, Deserialize)]
pub(super) struct Rated {
    pub(super) added: RatedCounts,
    #[serde(default)]
    pub(super) not_found: NotFound,
}

#[derive(Debug, Deserialize)]
pub(super) struct RatedCounts {
    #[serde(flatten)]
    pub(super) counts: Counts,
    /// On which list each item is now: a rating puts what was on none on one.
    #[serde(default)]
    pub(super) statuses: Vec<Status>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Status {
    #[serde(default)]
    pub(super) request: Value,
    pub(super) response: StatusNow,
}

#[derive(Debug, Deserialize)]
pub(super) struct StatusNow {
    #[serde(default)]
    pub(super) status: Option<String>,
}

/// The answer of `POST /sync/add-to-list`: what it took, echoed, each with the list that it really went to.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    pub(super) added: ListedItems,
    #[serde(default)]
    pub(super) not_found: NotFound,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ListedItems {
    #[serde(default)]
    pub(super) movies: Vec<Value>,
    #[serde(default)]
    pub(super) shows: Vec<Value>,
}

/// The answer of `/sync/ratings/remove` and `/sync/history/remove`; the documents leave it empty in places.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Deleted {
    #[serde(default)]
    pub(super) deleted: Option<Counts>,
    #[serde(default)]
    pub(super) not_found: NotFound,
}

/// The answer of `GET /sync/ratings/{list}`: nothing is `null`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Ratings {
    #[serde(default)]
    pub(super) movies: Vec<RatedItem>,
    #[serde(default)]
    pub(super) shows: Vec<RatedItem>,
    #[serde(default)]
    pub(super) anime: Vec<RatedItem>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RatedItem {
    #[serde(default)]
    pub(super) user_rating: Option<f64>,
    /// The film; of a show and of an anime, the show.
    #[serde(default, alias = "show")]
    pub(super) movie: Value,
}

/// The body of `POST /sync/history/remove`: a film as a whole, of a show one episode.
#[derive(Debug, Default, Serialize)]
pub(super) struct Removal {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) movies: Vec<Named>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) shows: Vec<RemovedShow>,
}

/// A show with one episode. Without it, Simkl would take the show off every list, and its rating with it.
#[derive(Debug, Serialize)]
pub(super) struct RemovedShow {
    #[serde(flatten)]
    pub(super) show: Named,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) use_tvdb_anime_seasons: bool,
    pub(super) seasons: [RemovedSeason; 1],
}

#[derive(Debug, Serialize)]
pub(super) struct RemovedSeason {
    pub(super) number: u32,
    pub(super) episodes: [RemovedNumber; 1],
}

#[derive(Debug, Serialize)]
pub(super) struct RemovedNumber {
    pub(super) number: u32,
}
