//! What comes back from a service: what changed, and its history, page by page.

use chrono::{DateTime, Utc};

use super::Provider;
use crate::error::ProviderError;
use crate::reading::{Activity, HistoryCursor, HistoryPage, cannot_be_read};
use crate::seam::Account;

impl Provider {
    /// Asks what changed, without reading it. To be asked before each reading, and kept with it: what changes while the
    /// reading goes on is then found by the next.
    ///
    /// # Errors
    ///
    /// As for [`Provider::read_history`].
    pub async fn activities(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Activity, ProviderError> {
        match self {
            Self::Trakt(client) => client.activities(account, now).await,
            Self::Simkl(client) => client.activities(account, now).await,
            Self::LastFm(client) => client.activities(account, now).await,
            Self::ListenBrainz(client) => client.activities(account, now).await,
            Self::AniList(client) => client.activities(account, now).await,
            Self::MyAnimeList(client) => client.activities(account, now).await,
            Self::Goodreads(_) | Self::Letterboxd(_) => Err(self.is_read_by_feed()),
        }
        .map_err(|error| error.hiding(&account.tokens.access))
    }

    /// Reads one page of a history, see [`crate::reading`]. Where the page has a body, the next ones are cut from that.
    ///
    /// # Errors
    ///
    /// [`hub_domain::Disposition::Permanent`]: the answer is cut short or contradicts itself, and the reading ends
    /// without having changed anything. Any other: ask for the same page again, as the disposition says.
    pub async fn read_history(
        &self,
        account: &Account<'_>,
        cursor: &HistoryCursor,
        now: DateTime<Utc>,
    ) -> Result<HistoryPage, ProviderError> {
        match self {
            Self::Trakt(client) => client.read_history(account, cursor, now).await,
            Self::Simkl(client) => client.read_history(account, cursor, now).await,
            Self::LastFm(client) => client.read_history(account, cursor, now).await,
            Self::ListenBrainz(client) => client.read_history(account, cursor, now).await,
            Self::AniList(client) => client.read_history(account, cursor, now).await,
            Self::MyAnimeList(client) => client.read_history(account, cursor, now).await,
            Self::Goodreads(_) | Self::Letterboxd(_) => Err(self.is_read_by_feed()),
        }
        .map_err(|error| error.hiding(&account.tokens.access))
    }

    fn is_read_by_feed(&self) -> ProviderError {
        cannot_be_read(self.service(), "its feed is what it shows")
    }
}
