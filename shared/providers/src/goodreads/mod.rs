//! Goodreads: reads the feeds of a person's shelves. Nothing can be written there.
//!
//! - Its API is closed since December 2020 (no new keys); what it still lets everybody read are the shelves' feeds,
//!   `/review/list_rss/{user}`. The other ways in and out are files, see `hub_files`.
//! - Authorization: none for a public profile; a private one needs the key that its owner's own feed addresses hold. It
//!   has no end and cannot be revoked.
//! - Limits: none documented. The feeds say that they hold for an hour; no more than [`Goodreads::LIMIT`] in all.
//! - Surprises: a shelf that does not exist is answered with the whole library (only the title tells), the latest
//!   reading's day alone is known, and addresses of data centres are shown a page instead of a feed.

mod address;
mod disposition;
mod shelf;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::connection::Identity;
use hub_domain::{Disposition, LiveState, Outcome, PlayId, Service, StatementId};
use url::Url;

use crate::error::ProviderError;
use crate::feed::{self, Document, Page};
use crate::http;
use crate::seam::{Account, Authorize, Limit, LimitScope, Live, Prepared, Tokens};

use address::Feeds;
pub use shelf::{LAST_PAGE, ShelvedBook};

const READ: &str = "show the shelf";
const IDENTIFY: &str = "say whose shelves they are";
/// The name of all shelves together.
const ALL: &str = "#ALL#";

/// The client.
#[derive(Debug, Clone)]
pub struct Goodreads {
    root: Url,
    http: reqwest::Client,
}

impl Goodreads {
    /// Nothing is documented; slower than the one request a second that its API asked for, and for all users together.
    pub(crate) const LIMIT: Limit = Limit {
        scope: LimitScope::Host,
        calls: 12,
        per: TimeDelta::minutes(1),
    };

    /// A client that calls with the caller's HTTP client, which has to name a user agent: none at all is kept out.
    pub fn new(root: Url, http: reqwest::Client) -> Self {
        Self { root, http }
    }

    /// Reads one page of a shelf, or of all of them (`None`); pages count from 1.
    ///
    /// `read` begins with the latest reading, every other shelf with what was added last. Books are told as long as
    /// pages hold any: stop as well at one that brings no book which was not there before.
    ///
    /// # Errors
    ///
    /// Says what to do next. [`Disposition::NotFound`]: there is no such profile or no such shelf.
    /// [`Disposition::AddressBlocked`]: a page for people came instead, which says nothing of the shelf.
    pub async fn read_feed(
        &self,
        account: &Account<'_>,
        shelf: Option<&str>,
        page: u32,
        now: DateTime<Utc>,
    ) -> Result<Page<ShelvedBook>, ProviderError> {
        let document = self.fetch(READ, account, shelf, page, now).await?;
        let told = shelf::shelf_of_title(&document.title);
        if let (Some(asked), Some(told)) = (shelf, told)
            && asked != told
        {
            return Err(error(
                READ,
                Disposition::NotFound,
                format!("there is no shelf {asked:?}"),
            ));
        }
        Ok(shelf::page(&document, shelf, page))
    }

    pub(crate) async fn identify(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Identity, ProviderError> {
        let feeds = feeds_of(account, IDENTIFY)?;
        let document = self.fetch(IDENTIFY, account, None, 1, now).await?;
        let number = feeds.user.to_string();
        Ok(Identity {
            username: shelf::owner_of(&document).unwrap_or_else(|| number.clone()),
            profile_url: Some(format!("https://www.goodreads.com/user/show/{number}")),
            account_id: number,
        })
    }

    /// Takes what names somebody's shelves: a number, the address of a profile, or that of a feed with its key.
    pub(crate) fn exchange(&self, typed: &str) -> Result<Tokens, ProviderError> {
        let feeds = Feeds::typed(typed, &self.root)
            .map_err(|nobodys| error("find the shelves", Disposition::Auth, nobodys.to_string()))?;
        Ok(Tokens::lasting(feeds.address(&self.root)))
    }

    pub(crate) fn authorize(&self, _: &Url, _: &str) -> Result<Authorize, ProviderError> {
        Err(takes_files_alone("offer a sign-in page"))
    }

    pub(crate) fn host(&self) -> String {
        http::host_of(&self.root)
    }

    pub(crate) async fn deliver(
        &self,
        _: &Account<'_>,
        _: &Prepared,
        _: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        Err(takes_files_alone("take the books"))
    }

    pub(crate) async fn take_back(
        &self,
        _: &Account<'_>,
        _: &Prepared,
        _: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        Err(takes_files_alone("remove the books"))
    }

    pub(crate) async fn tell(
        &self,
        _: &Account<'_>,
        _: &Prepared,
        _: DateTime<Utc>,
    ) -> Result<Vec<(StatementId, Outcome)>, ProviderError> {
        Err(takes_files_alone("take the ratings"))
    }

    pub(crate) async fn live(
        &self,
        _: &Account<'_>,
        _: &LiveState,
        _: DateTime<Utc>,
    ) -> Result<Live, ProviderError> {
        Ok(Live::NothingToSend)
    }

    async fn fetch(
        &self,
        operation: &'static str,
        account: &Account<'_>,
        shelf: Option<&str>,
        page: u32,
        now: DateTime<Utc>,
    ) -> Result<Document, ProviderError> {
        // The address that was kept says who is meant; which server is called, the settings say.
        let mut address = feeds_of(account, operation)?.address(&self.root);
        let sort = if shelf == Some("read") {
            "date_read"
        } else {
            "date_added"
        };
        address
            .query_pairs_mut()
            .append_pair("shelf", shelf.unwrap_or(ALL))
            .append_pair("sort", sort)
            .append_pair("order", "d")
            .append_pair("page", &page.max(1).to_string());
        let lost = |lost: http::Lost| {
            let next = http::Effect::Reads.judge(lost.disposition);
            error(operation, next, lost.why).caused_by(lost.source)
        };
        let answer = http::call(self.http.get(address)).await.map_err(lost)?;
        let (status, headers) = (answer.status, &answer.headers);
        if !status.is_success() || feed::is_challenge(status.as_u16(), headers, &answer.body) {
            let (next, why) = disposition::disposition(status, headers, &answer.body, now);
            return Err(error(operation, next, why));
        }
        feed::read(&answer.body).map_err(|cause| {
            error(operation, Disposition::Retryable, cause.to_string()).caused_by(Box::new(cause))
        })
    }
}

fn feeds_of(account: &Account<'_>, operation: &'static str) -> Result<Feeds, ProviderError> {
    Feeds::kept(account.tokens.access.reveal()).ok_or_else(|| {
        error(
            operation,
            Disposition::Auth,
            "the address that was kept names nobody's shelves",
        )
    })
}

fn takes_files_alone(operation: &'static str) -> ProviderError {
    error(
        operation,
        Disposition::Permanent,
        "its API is closed; it takes files alone: export one",
    )
}

fn error(operation: &'static str, next: Disposition, why: impl AsRef<str>) -> ProviderError {
    ProviderError::new(Service::Goodreads, operation, next, why)
}

#[cfg(test)]
mod tests;
