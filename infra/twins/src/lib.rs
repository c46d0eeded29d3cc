#![doc = include_str!("../README.md")]

pub mod anilist;
pub mod anime_map;
mod answer;
pub mod faults;
pub mod goodreads;
pub mod lastfm;
pub mod letterboxd;
mod limits;
pub mod listenbrainz;
mod log;
pub mod myanimelist;
mod page;
mod reference;
pub mod samples;
mod serve;
mod sign_in;
pub mod simkl;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod tmdb;
pub mod trakt;

use std::io;
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use self::anilist::AniList;
pub use self::anime_map::AnimeMap;
pub use self::answer::Answer;
pub use self::faults::{Fault, Faults, Gate};
pub use self::goodreads::Goodreads;
pub use self::lastfm::LastFm;
pub use self::letterboxd::Letterboxd;
pub use self::listenbrainz::ListenBrainz;
pub use self::log::{MOST_REQUESTS, SeenRequest};
pub use self::myanimelist::MyAnimeList;
pub use self::sign_in::Tokens;
pub use self::simkl::Simkl;
pub use self::tmdb::Tmdb;
pub use self::trakt::Trakt;

/// The clock of the twins, handed in: turning it forward is all the waiting a test does.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// One of each service, on one clock.
#[derive(Debug, Clone)]
pub struct Twins {
    /// Movies and episodes.
    pub trakt: Trakt,
    /// Music, with signatures.
    pub lastfm: LastFm,
    /// Music, with tokens.
    pub listenbrainz: ListenBrainz,
    /// Films, shows and anime: scrobbles, ratings, lists.
    pub simkl: Simkl,
    /// Anime, by GraphQL.
    pub anilist: AniList,
    /// Anime, by forms.
    pub myanimelist: MyAnimeList,
    /// Films: the feed of a diary.
    pub letterboxd: Letterboxd,
    /// Books: the feeds of shelves.
    pub goodreads: Goodreads,
    /// The list that says where episodes lie in the anime lists.
    pub anime_map: AnimeMap,
    /// Says which show an episode is of.
    pub tmdb: Tmdb,
}

impl Twins {
    /// Starts all of them, each on loopback ports of its own; a service ends when its last clone is dropped.
    ///
    /// # Errors
    ///
    /// When a port cannot be bound.
    pub async fn start(now: Now) -> io::Result<Twins> {
        Ok(Twins {
            trakt: Trakt::start(Arc::clone(&now)).await?,
            lastfm: LastFm::start(Arc::clone(&now)).await?,
            listenbrainz: ListenBrainz::start(Arc::clone(&now)).await?,
            simkl: Simkl::start(Arc::clone(&now)).await?,
            anilist: AniList::start(Arc::clone(&now)).await?,
            myanimelist: MyAnimeList::start(Arc::clone(&now)).await?,
            letterboxd: Letterboxd::start(Arc::clone(&now)).await?,
            goodreads: Goodreads::start(Arc::clone(&now)).await?,
            anime_map: AnimeMap::start(Arc::clone(&now)).await?,
            tmdb: Tmdb::start(now).await?,
        })
    }
}
