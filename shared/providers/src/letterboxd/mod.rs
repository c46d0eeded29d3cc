//! Letterboxd: reads the feed of a person's diary. Nothing can be written there.
//!
//! - Its API is given to few and to none for personal use; what it lets everybody read is the feed of a public profile,
//!   `/{name}/rss/`: the 50 newest entries, no pages. The other ways in and out are files, see `hub_files`.
//! - Authorization: none. There is no feed of a private profile.
//! - Limits: none documented; no more than [`Letterboxd::LIMIT`] in all, and nobody's feed more than once an hour.
//! - Surprises: the feed is in the order of logging, not of watching; what is not in it may be older or removed, so its
//!   absence says nothing; Cloudflare keeps out addresses of data centres, and callers without a user agent.

mod address;
mod diary;
mod disposition;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::connection::Identity;
use hub_domain::{Disposition, LiveState, Outcome, PlayId, Service, StatementId};
use url::Url;

use crate::error::ProviderError;
use crate::feed::{self, Document, Page};
use crate::http;
use crate::seam::{Account, Authorize, Limit, LimitScope, Live, Prepared, Tokens};

pub use diary::DiaryEntry;

const READ: &str = "show the diary";
const IDENTIFY: &str = "say whose diary it is";

/// The client.
#[derive(Debug, Clone)]
pub struct Letterboxd {
    root: Url,
    http: reqwest::Client,
}

impl Letterboxd {
    /// Nothing is documented; few, and for all users together.
    pub(crate) const LIMIT: Limit = Limit {
        scope: LimitScope::Host,
        calls: 12,
        per: TimeDelta::minutes(1),
    };

    /// A client that calls with the caller's HTTP client, which has to name a user agent: none at all is kept out.
    pub fn new(root: Url, http: reqwest::Client) -> Self {
        Self { root, http }
    }

    /// Reads the diary's newest entries, the one logged last first: at most 50, and there are no more pages.
    ///
    /// # Errors
    ///
    /// Says what to do next. [`Disposition::NotFound`]: there is no such profile, or it is private.
    /// [`Disposition::AddressBlocked`]: a page for people came instead, which says nothing of the diary.
    pub async fn read_feed(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Page<DiaryEntry>, ProviderError> {
        let name = name_of(account, READ)?;
        Ok(diary::page(&self.fetch(READ, &name, now).await?))
    }

    pub(crate) async fn identify(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Identity, ProviderError> {
        let name = name_of(account, IDENTIFY)?;
        let document = self.fetch(IDENTIFY, &name, now).await?;
        Ok(Identity {
            profile_url: Some(format!("https://letterboxd.com/{name}/")),
            // Names are the same in any case, and there is no other id.
            account_id: name.to_ascii_lowercase(),
            username: diary::owner_of(&document).unwrap_or(name),
        })
    }

    /// Takes what names somebody's diary: a user name, or the address of a profile or its feed.
    pub(crate) fn exchange(&self, typed: &str) -> Result<Tokens, ProviderError> {
        let name = address::typed(typed, &self.root)
            .map_err(|nobody| error("find the diary", Disposition::Auth, nobody.to_string()))?;
        Ok(Tokens::lasting(address::feed(&name, &self.root)))
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
        Err(takes_files_alone("take the films"))
    }

    pub(crate) async fn take_back(
        &self,
        _: &Account<'_>,
        _: &Prepared,
        _: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        Err(takes_files_alone("remove the films"))
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
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<Document, ProviderError> {
        let lost = |lost: http::Lost| {
            let next = http::Effect::Reads.judge(lost.disposition);
            error(operation, next, lost.why).caused_by(lost.source)
        };
        let request = self.http.get(address::feed(name, &self.root));
        let answer = http::call(request).await.map_err(lost)?;
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

/// Who is meant, by the address that was kept; which server is called, the settings say.
fn name_of(account: &Account<'_>, operation: &'static str) -> Result<String, ProviderError> {
    address::kept(account.tokens.access.reveal()).ok_or_else(|| {
        error(
            operation,
            Disposition::Auth,
            "the address that was kept names nobody's diary",
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
    ProviderError::new(Service::Letterboxd, operation, next, why)
}

#[cfg(test)]
mod tests;
