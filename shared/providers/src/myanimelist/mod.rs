//! MyAnimeList: keeps, for each anime that a user lists, a status, how many episodes were seen, and a score.
//!
//! - Reference: <https://myanimelist.net/apiconfig/references/api/v2> (read 2026-02), which names no limits.
//! - Authorization: OAuth with PKCE, whose one method there is `plain`; both tokens live about a month, and each refresh
//!   gives a new pair, see `sign_in`.
//! - Limits: undocumented, and no header tells. Too fast, or from an address it dislikes, is a page with status 403, see
//!   [`MyAnimeList::LIMIT`] and `disposition`.
//! - Repeats: harmless. A request names the whole state that is to be reached, and a late repeat looks first whether the
//!   list has overtaken it.
//!
//! There is no history: a play becomes a state of its entry (`hub_domain::anime::progress`), and nothing is there to be
//! taken back. So a lane's work is: ask what stands at the entries ([`MyAnimeList::survey`]), decide, write one form to
//! one entry.
//!
//! What the reference leaves open: the status of an entry that is made by a score alone, and whether too high a number
//! of episodes is refused or cut. The first is read as not listed (`wire`); the second is never sent, and an answer that
//! shows less than was sent is called refused.

mod disposition;
mod plays;
mod reading;
mod sign_in;
mod statements;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::connection::Identity;
use hub_domain::{Disposition, LiveState, Service};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use url::Url;

use crate::error::ProviderError;
use crate::http::{self, Answer, Effect};
use crate::oauth::OAuthApp;
use crate::seam::{Account, Limit, LimitScope, Live, OnList, Prepared};

/// How many plays of one entry go into one request: they end in one state, so this bounds only what is settled at once.
pub const MOST_PLAYS: usize = 50;

/// How old a request may be and still rest on the survey before it. Whoever takes over from a holder that died waits for
/// its lease of two minutes, so an older one is a repeat.
const FRESH: TimeDelta = TimeDelta::minutes(1);

const IDENTIFY: &str = "say who the user is";
const SURVEY: &str = "say what is on the list";

/// The client.
#[derive(Debug, Clone)]
pub struct MyAnimeList {
    app: OAuthApp,
    http: reqwest::Client,
}

impl MyAnimeList {
    /// Eight turns a minute for the whole deployment, because a turn is up to six calls (five entries asked, one
    /// written) and about one call a second is what clients found to be safe; blocks are by address, not by account.
    ///
    /// Source: <https://github.com/jikan-me/jikan/issues/283> and the same project's issue 519; MyAnimeList says nothing.
    pub(crate) const LIMIT: Limit = Limit {
        scope: LimitScope::Host,
        calls: 8,
        per: TimeDelta::minutes(1),
    };

    /// A client that calls with the caller's HTTP client. The API's root is `https://api.myanimelist.net`, that of the
    /// sign-in `https://myanimelist.net`.
    pub fn new(app: OAuthApp, http: reqwest::Client) -> Self {
        Self { app, http }
    }

    pub(crate) fn host(&self) -> String {
        http::host_of(&self.app.api_url)
    }

    /// Asks what stands at each of these entries, one call after the other; one that is not known there is left out.
    ///
    /// All that are named are asked. The caller names at most five, and fewer are better: see [`MyAnimeList::LIMIT`].
    pub(crate) async fn survey(
        &self,
        account: &Account<'_>,
        entries: &BTreeSet<u32>,
        now: DateTime<Utc>,
    ) -> Result<BTreeMap<u32, OnList>, ProviderError> {
        let mut found = BTreeMap::new();
        for entry in entries {
            if let Some(stands) = self.look_at(account, *entry, now).await? {
                found.insert(*entry, stands);
            }
        }
        Ok(found)
    }

    /// Asks what stands at an entry; `None`: the service does not know it.
    async fn look_at(
        &self,
        account: &Account<'_>,
        entry: u32,
        now: DateTime<Utc>,
    ) -> Result<Option<OnList>, ProviderError> {
        let request = self.call(Method::GET, &wire::question(entry), account);
        let answer = match self.send(SURVEY, Effect::Reads, request, now).await {
            Err(error) if error.disposition == Disposition::NotFound => return Ok(None),
            answer => answer?,
        };
        let anime: wire::Anime = read(SURVEY, Effect::Reads, &answer)?;
        if anime.id != entry {
            let why = format!("asked for {entry}, it answered about {}", anime.id);
            return Err(error(SURVEY, Disposition::Retryable, why));
        }
        Ok(Some(anime.on_list()))
    }

    /// The service shows nothing that is playing now.
    pub(crate) async fn live(
        &self,
        _account: &Account<'_>,
        _state: &LiveState,
        _now: DateTime<Utc>,
    ) -> Result<Live, ProviderError> {
        Ok(Live::NothingToSend)
    }

    pub(crate) async fn identify(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Identity, ProviderError> {
        let request = self.call(Method::GET, "users/@me", account);
        let answer = self.send(IDENTIFY, Effect::Reads, request, now).await?;
        let user: wire::User = read(IDENTIFY, Effect::Reads, &answer)?;
        let mut profile =
            Url::parse("https://myanimelist.net/profile").expect("a constant address");
        if let Ok(mut path) = profile.path_segments_mut() {
            path.push(&user.name);
        }
        Ok(Identity {
            username: user.name,
            profile_url: Some(profile.into()),
            account_id: user.id.to_string(),
        })
    }

    fn call(&self, method: Method, path: &str, account: &Account<'_>) -> RequestBuilder {
        let address = http::under(&self.app.api_url, &format!("v2/{path}"));
        self.http
            .request(method, address)
            .header(ACCEPT, "application/json")
            .bearer_auth(account.tokens.access.reveal())
    }

    /// Changes an entry by the form that was written down, and reads what the list shows then.
    async fn change(
        &self,
        operation: &'static str,
        (account, prepared): (&Account<'_>, &Prepared),
        now: DateTime<Utc>,
    ) -> Result<wire::ListStatus, ProviderError> {
        let request = self
            .call(Method::PATCH, &prepared.call, account)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(prepared.body.clone());
        let answer = self.send(operation, Effect::Writes, request, now).await?;
        read(operation, Effect::Writes, &answer)
    }

    async fn ask(
        &self,
        operation: &'static str,
        effect: Effect,
        request: RequestBuilder,
    ) -> Result<Answer, ProviderError> {
        http::call(request).await.map_err(|lost| {
            error(operation, effect.judge(lost.disposition), lost.why).caused_by(lost.source)
        })
    }

    async fn send(
        &self,
        operation: &'static str,
        effect: Effect,
        request: RequestBuilder,
        now: DateTime<Utc>,
    ) -> Result<Answer, ProviderError> {
        let answer = self.ask(operation, effect, request).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let next = disposition::disposition(answer.status, &answer.headers, &answer.body, now);
        let why = disposition::words(answer.status, &answer.headers, &answer.body);
        Err(error(operation, effect.judge(next), why))
    }
}

/// Says whether a request was written down so long ago that the list may have changed since it was asked.
fn is_repeat(prepared: &Prepared, now: DateTime<Utc>) -> bool {
    now - prepared.prepared_at > FRESH
}

/// Where people find an entry.
fn page_of(entry: u32) -> String {
    format!("https://myanimelist.net/anime/{entry}")
}

fn error(operation: &'static str, next: Disposition, why: impl AsRef<str>) -> ProviderError {
    ProviderError::new(Service::MyAnimeList, operation, next, why)
}

/// What was written down is no request of ours: it can only be dropped.
fn not_ours(operation: &'static str, prepared: &Prepared) -> ProviderError {
    let why = format!("there is no such call: {}", prepared.call);
    error(operation, Disposition::Permanent, why)
}

/// Reads a success; what a write answered and cannot be read is in doubt. A page that says "maintenance" is no answer.
fn read<T: DeserializeOwned>(
    operation: &'static str,
    effect: Effect,
    answer: &Answer,
) -> Result<T, ProviderError> {
    answer.json().map_err(|cause| {
        let next = effect.judge(Disposition::InDoubt);
        error(operation, next, "the answer could not be read").caused_by(Box::new(cause))
    })
}

#[cfg(test)]
mod tests;
