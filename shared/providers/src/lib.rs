#![doc = include_str!("../README.md")]

pub mod anilist;
pub mod episode_ids;
mod error;
pub mod feed;
pub mod goodreads;
mod http;
pub mod lastfm;
pub mod letterboxd;
pub mod listenbrainz;
mod music;
pub mod myanimelist;
mod oauth;
mod provider;
pub mod reading;
mod said;
mod seam;
pub mod simkl;
#[cfg(test)]
mod testing;
pub mod tmdb;
pub mod trakt;
mod video;

pub use anilist::AniList;
pub use episode_ids::{Asked, EpisodeOf, LookupError, TraktEpisodes};
pub use error::ProviderError;
pub use goodreads::Goodreads;
pub use lastfm::{LastFm, LastFmApp};
pub use letterboxd::Letterboxd;
pub use listenbrainz::{ListenBrainz, ListenBrainzApp};
pub use myanimelist::MyAnimeList;
pub use oauth::OAuthApp;
pub use provider::Provider;
pub use reading::{Activity, HistoryBody, HistoryCursor, HistoryPage, Reading, Record};
pub use seam::{
    Account, Authorize, Context, Counted, DayQuota, DevicePoll, DeviceStart, IfLost, Limit,
    LimitScope, Live, OnList, Placed, Preparation, Prepared, PreparedPlay, PreparedStatement,
    Revoked, Situation, Tokens,
};
pub use simkl::Simkl;
pub use tmdb::Tmdb;
pub use trakt::Trakt;
