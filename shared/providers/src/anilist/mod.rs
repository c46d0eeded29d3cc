//! AniList: keeps how far a user is in each anime; sends that, ratings and what is planned.
//!
//! - Reference: <https://docs.anilist.co> (2026-03) and the schema that its endpoint describes (2026-08).
//! - Authorization: OAuth with the application's secret; a token lives a year and cannot be renewed, see `sign_in`.
//! - All of it is GraphQL at one address: `{"query": …, "variables": …}`. A refusal may come with any status.
//! - Limits: 30 requests a minute and address ("degraded" from 90 for years), see [`AniList::LIMIT`].
//! - Repeats: harmless. What is written is a state, and the same state twice is one.
//!
//! AniList keeps no plays. What was watched is turned into a state to be reached (`progress`), which is written down
//! whole; only what has to change is sent. A request that was written down a while ago is preceded by a look at what
//! stands now, so that nothing that the user did meanwhile goes back.
//!
//! What the documents leave open: what else a change of an entry changes by itself (so everything that is meant is
//! sent), and the status of an entry that is made without one (so none is).

mod disposition;
mod progress;
mod reading;
mod sign_in;
mod statements;
mod wire;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::connection::Identity;
use hub_domain::{Disposition, LiveState, Service};
use reqwest::RequestBuilder;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ProviderError;
use crate::http::{self, Answer, Effect};
use crate::oauth::OAuthApp;
use crate::seam::{Account, Limit, LimitScope, Live, OnList, Prepared};
use wire::Standing;

const IDENTIFY: &str = "say who the user is";
const SURVEY: &str = "say what is on the list";

/// The call that makes or changes an entry.
const SAVE: &str = "SaveMediaListEntry";

/// For so long what was seen when a request was written down is taken to stand.
const STANDS_FOR: TimeDelta = TimeDelta::minutes(1);

/// The highest number that GraphQL's `Int` can be; a higher one would have the whole survey refused.
const HIGHEST_ID: u32 = i32::MAX.unsigned_abs();

/// The client.
#[derive(Debug, Clone)]
pub struct AniList {
    app: OAuthApp,
    http: reqwest::Client,
}

impl AniList {
    /// One turn is a look at the list and a write, and another look where the request is an old one or takes an entry
    /// off the list. So ten turns are 20 requests a minute, 30 at the very most: AniList's limit, of which sign-ins and
    /// whatever else reads there want a share. One request too many stops everyone for a minute.
    ///
    /// Source: <https://docs.anilist.co/guide/rate-limiting>, and `X-RateLimit-Limit: 30` in answers of 2026
    pub(crate) const LIMIT: Limit = Limit {
        scope: LimitScope::Host,
        calls: 10,
        per: TimeDelta::minutes(1),
    };

    /// A client that calls with the caller's HTTP client.
    pub fn new(app: OAuthApp, http: reqwest::Client) -> Self {
        Self { app, http }
    }

    pub(crate) fn host(&self) -> String {
        http::host_of(&self.app.api_url)
    }

    pub(crate) async fn identify(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Identity, ProviderError> {
        let body = request_of(wire::VIEWER, wire::Nothing {});
        let wire::Viewed { viewer } = self.look(IDENTIFY, account, body, now).await?;
        Ok(Identity {
            username: viewer.name,
            profile_url: viewer.site_url,
            account_id: viewer.id.to_string(),
        })
    }

    pub(crate) async fn survey(
        &self,
        account: &Account<'_>,
        entries: &BTreeSet<u32>,
        now: DateTime<Utc>,
    ) -> Result<BTreeMap<u32, OnList>, ProviderError> {
        let entries: Vec<u32> = entries.iter().copied().collect();
        let standings = self.standings(account, &entries, now).await?;
        let shown = standings
            .into_iter()
            .map(|(media, standing)| (media, standing.shown));
        Ok(shown.collect())
    }

    /// AniList shows nobody what is on at this moment.
    pub(crate) async fn live(
        &self,
        _account: &Account<'_>,
        _state: &LiveState,
        _now: DateTime<Utc>,
    ) -> Result<Live, ProviderError> {
        Ok(Live::NothingToSend)
    }

    /// What stands at each of some entries, a page after the other; one that AniList does not know is left out.
    async fn standings(
        &self,
        account: &Account<'_>,
        entries: &[u32],
        now: DateTime<Utc>,
    ) -> Result<BTreeMap<u32, Standing>, ProviderError> {
        let mut standings = BTreeMap::new();
        let possible: Vec<u32> = entries
            .iter()
            .copied()
            .filter(|id| (1..=HIGHEST_ID).contains(id))
            .collect();
        for page in possible.chunks(wire::PAGE) {
            let surveyed: wire::Surveyed = self.look(SURVEY, account, survey_of(page), now).await?;
            standings.extend(surveyed.standings());
        }
        Ok(standings)
    }

    /// What stands at one entry now.
    async fn standing(
        &self,
        account: &Account<'_>,
        media: u32,
        now: DateTime<Utc>,
    ) -> Result<Option<Standing>, ProviderError> {
        let mut standings = self.standings(account, &[media], now).await?;
        Ok(standings.remove(&media))
    }

    /// Reads something. What is asked for here is there for everyone, so a 404 is about the address.
    async fn look<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        account: &Account<'_>,
        body: String,
        now: DateTime<Utc>,
    ) -> Result<T, ProviderError> {
        let answer = self.send(operation, Effect::Reads, (account, body), now);
        let answer = answer.await.map_err(|mut error| {
            if error.disposition == Disposition::NotFound {
                error.disposition = Disposition::Retryable;
            }
            error
        })?;
        read(operation, Effect::Reads, &answer)
    }

    async fn send(
        &self,
        operation: &'static str,
        effect: Effect,
        (account, body): (&Account<'_>, String),
        now: DateTime<Utc>,
    ) -> Result<Answer, ProviderError> {
        let request = self
            .http
            .post(self.app.api_url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .bearer_auth(account.tokens.access.reveal())
            .body(body);
        let answer = self.ask(operation, effect, request).await?;
        if answer.status.is_success() && !disposition::carries_errors(&answer.body) {
            return Ok(answer);
        }
        let next = disposition::disposition(answer.status, &answer.headers, &answer.body, now);
        let why = disposition::words(answer.status, &answer.headers, &answer.body);
        Err(error(operation, effect.judge(next), why))
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
}

/// Says whether so much time has passed that the list may show something else than when the request was written down.
fn is_old(prepared: &Prepared, now: DateTime<Utc>) -> bool {
    now - prepared.prepared_at > STANDS_FOR
}

/// The variables of a request that was written down.
fn written<T: DeserializeOwned>(
    operation: &'static str,
    prepared: &Prepared,
) -> Result<T, ProviderError> {
    let written: Result<wire::Written<T>, _> = serde_json::from_str(&prepared.body);
    written.map(|written| written.variables).map_err(|cause| {
        let why = "what was written down to be sent cannot be read";
        error(operation, Disposition::Permanent, why).caused_by(Box::new(cause))
    })
}

/// Says that the answer was about another entry than the request.
fn other_entry(sent: u32, answered: u32) -> String {
    format!(
        "AniList answered for {} instead of {}",
        words::link(answered),
        words::link(sent)
    )
}

fn survey_of(entries: &[u32]) -> String {
    let ids = entries.to_vec();
    request_of(wire::SURVEY, wire::Ids { ids })
}

fn request_of(query: &str, variables: impl Serialize) -> String {
    encode(&wire::Request { query, variables })
}

fn encode(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("text and whole numbers are always JSON")
}

fn error(operation: &'static str, next: Disposition, why: impl AsRef<str>) -> ProviderError {
    ProviderError::new(Service::AniList, operation, next, why)
}

/// Reads a success; what a write answered and cannot be read is in doubt.
fn read<T: DeserializeOwned>(
    operation: &'static str,
    effect: Effect,
    answer: &Answer,
) -> Result<T, ProviderError> {
    let answered: Result<wire::Answered<T>, _> = answer.json();
    answered.map(|answered| answered.data).map_err(|cause| {
        let next = effect.judge(Disposition::InDoubt);
        error(operation, next, "the answer could not be read").caused_by(Box::new(cause))
    })
}

#[cfg(test)]
mod tests;
