#![doc = include_str!("../README.md")]

mod answer;
pub mod faults;
pub mod lastfm;
mod limits;
pub mod listenbrainz;
mod log;
mod page;
#[cfg(test)]
mod reference;
pub mod samples;
mod serve;
#[allow(
    dead_code,
    reason = "each service that signs in by OAuth takes a part of it, and not all of them are here yet"
)]
mod sign_in;
pub mod simkl;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod trakt;

use std::io;
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use self::answer::Answer;
pub use self::faults::{Fault, Faults, Gate};
pub use self::lastfm::LastFm;
pub use self::listenbrainz::ListenBrainz;
pub use self::log::{MOST_REQUESTS, SeenRequest};
pub use self::sign_in::Tokens;
pub use self::simkl::Simkl;
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
            simkl: Simkl::start(now).await?,
        })
    }
}
