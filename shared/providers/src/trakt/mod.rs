//! Trakt: sends plays of films and episodes, and what is being watched, for one user's access token.
//!
//! - Reference: <https://docs.trakt.tv>
//! - Authorization: OAuth with PKCE or a device code; access tokens live days, refresh tokens work once, see `sign_in`.
//! - Limits: one write a second and account; no more than 100 plays a request, as every client keeps it.
//! - Repeats: `/scrobble/stop` answers 409 for about an hour after it counted. `/sync/history` takes the same play
//!   twice, so it is read back before anything is sent again. Times are stored to the minute. Ratings, lists and
//!   removals are the same however often they are told.

mod account_limit;
mod disposition;
mod echoes;
mod history;
mod item;
mod read_back;
mod reading;
mod scrobble;
mod sign_in;
mod statements;
mod undo;
mod wire;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::connection::Identity;
use hub_domain::{Disposition, Outcome, Play, PlayId, Service};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::error::ProviderError;
use crate::http::{self, Answer, Effect};
use crate::oauth::OAuthApp;
use crate::seam::{
    Account, IfLost, Limit, LimitScope, Preparation, Prepared, PreparedPlay, time_told,
};
use crate::video;
use wire::Item;

/// How many plays with a time go into one request to the history.
pub const MOST_PLAYS: usize = 100;
/// How long after a request was sent Trakt must have finished with it.
const FINISHED_AFTER: TimeDelta = TimeDelta::minutes(3);

const IDENTIFY: &str = "say who the user is";

/// The client.
#[derive(Debug, Clone)]
pub struct Trakt {
    app: OAuthApp,
    http: reqwest::Client,
}

/// How a play gets into the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Road {
    /// By the end of a viewing: Trakt stamps it with its own present.
    Stop,
    /// With a time of ours.
    Dated,
    /// Without a time. Apart from the dated ones, since it cannot be read back.
    Undated,
}

impl Road {
    const fn most_plays(self) -> usize {
        match self {
            Self::Stop => 1,
            Self::Dated | Self::Undated => MOST_PLAYS,
        }
    }
}

impl Trakt {
    /// One write a second and account.
    pub(crate) const LIMIT: Limit = Limit {
        scope: LimitScope::Account,
        calls: 1,
        per: TimeDelta::seconds(1),
    };

    /// A client that calls with the caller's HTTP client.
    pub fn new(app: OAuthApp, http: reqwest::Client) -> Self {
        Self { app, http }
    }

    /// The first play that can be sent decides the road; those after it that take the same one go along.
    pub(crate) fn prepare_plays(&self, plays: &[Play], now: DateTime<Utc>) -> Preparation<PlayId> {
        let mut preparation = Preparation::default();
        let mut road = None;
        let mut batch: Vec<(PreparedPlay, Item, &Play)> = Vec::new();
        for play in plays {
            let item =
                match item::item_of(&play.media, item::is_known_by_number_only(&play.deliveries)) {
                    Ok(item) => item,
                    Err(outcome) => {
                        preparation.settled.push((play.id.clone(), outcome));
                        continue;
                    }
                };
            let told = history::time_to_tell(time_told(
                play,
                Service::Trakt,
                play.watched_at,
                play.started_at,
            ));
            let its_road = match told {
                Some(at) if video::may_stop(play, Service::Trakt, at, now) => Road::Stop,
                Some(_) => Road::Dated,
                None => Road::Undated,
            };
            let fits =
                *road.get_or_insert(its_road) == its_road && batch.len() < its_road.most_plays();
            if fits {
                let prepared = PreparedPlay {
                    play: play.id.clone(),
                    watched_at: told,
                };
                batch.push((prepared, item, play));
            } else {
                preparation.left.push(play.id.clone());
            }
        }
        preparation.prepared = match road {
            Some(Road::Stop) => batch
                .pop()
                .map(|(prepared, item, play)| scrobble::stop_of(prepared, item, play, now)),
            Some(Road::Dated | Road::Undated) => {
                let batch = batch
                    .into_iter()
                    .map(|(prepared, item, _)| (prepared, item));
                Some(history::addition_of(batch.collect(), now))
            }
            None => None,
        };
        preparation
    }

    pub(crate) async fn deliver(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        match prepared.call.as_str() {
            video::STOP => self.stop(account, prepared, now).await,
            _ => self.add(account, prepared, now).await,
        }
    }

    pub(crate) fn if_lost(&self, prepared: &Prepared) -> IfLost {
        if prepared.plays.iter().all(|play| play.watched_at.is_some()) {
            IfLost::LookAfter(FINISHED_AFTER)
        } else {
            // How Trakt shows a play without a time is not documented, so it cannot be told from an older one.
            IfLost::StaysInDoubt
        }
    }

    pub(crate) async fn identify(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Identity, ProviderError> {
        let request = self.call(Method::GET, "users/settings", account);
        let answer = self.send(IDENTIFY, Effect::Reads, request, now).await?;
        let wire::Settings { user, .. } = read(IDENTIFY, Effect::Reads, &answer)?;
        let mut profile = Url::parse("https://trakt.tv/users").expect("a constant address");
        if let Ok(mut path) = profile.path_segments_mut() {
            path.push(&user.ids.slug);
        }
        Ok(Identity {
            username: user.username,
            profile_url: Some(profile.into()),
            account_id: user.ids.uuid,
        })
    }

    pub(crate) fn host(&self) -> String {
        http::host_of(&self.app.api_url)
    }

    fn call(&self, method: Method, path: &str, account: &Account<'_>) -> RequestBuilder {
        self.http
            .request(method, http::under(&self.app.api_url, path))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .header("trakt-api-version", "2")
            .header("trakt-api-key", &self.app.client_id)
            .bearer_auth(account.tokens.access.reveal())
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
        accept(operation, effect, answer, now)
    }

    /// The request that was written down.
    fn written(&self, account: &Account<'_>, prepared: &Prepared) -> RequestBuilder {
        self.call(Method::POST, &prepared.call, account)
            .body(prepared.body.clone())
    }
}

/// An error of an endpoint that lists what it does not know: there a 404 is about the address, not about an item.
fn of_listing(mut error: ProviderError) -> ProviderError {
    if error.disposition == Disposition::NotFound {
        error.disposition = Disposition::Retryable;
    }
    error
}

fn error(operation: &'static str, next: Disposition, why: impl AsRef<str>) -> ProviderError {
    ProviderError::new(Service::Trakt, operation, next, why)
}

fn accept(
    operation: &'static str,
    effect: Effect,
    answer: Answer,
    now: DateTime<Utc>,
) -> Result<Answer, ProviderError> {
    if answer.status.is_success() {
        return Ok(answer);
    }
    let (next, why) = refusal(answer.status, &answer.headers, &answer.body, now);
    Err(error(operation, effect.judge(next), why))
}

/// What a refusal says: what to do next, and why, for people.
pub(crate) fn refusal(
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    now: DateTime<Utc>,
) -> (Disposition, String) {
    let next = disposition::disposition(status, headers, body, now);
    (next, disposition::words(status, headers, body))
}

/// Reads a success; what a write answered and cannot be read is in doubt.
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

fn encode(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("text and finite numbers are always JSON")
}

/// A moment as Trakt writes it.
fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|at| at.to_utc())
}

#[cfg(test)]
mod tests;
