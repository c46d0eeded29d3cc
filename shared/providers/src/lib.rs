#![doc = include_str!("../README.md")]

mod error;
mod http;
pub mod lastfm;
pub mod listenbrainz;
mod music;
mod oauth;
mod provider;
mod seam;
pub mod simkl;
#[cfg(test)]
mod testing;
pub mod trakt;
mod video;

pub use error::ProviderError;
pub use lastfm::{LastFm, LastFmApp};
pub use listenbrainz::{ListenBrainz, ListenBrainzApp};
pub use oauth::OAuthApp;
pub use provider::Provider;
pub use seam::{
    Account, Authorize, DevicePoll, DeviceStart, IfLost, Limit, LimitScope, Live, Preparation,
    Prepared, PreparedPlay, Revoked, Tokens,
};
pub use simkl::Simkl;
pub use trakt::Trakt;
