//! Simkl: sends plays of films and episodes, and what is being watched, for one user's access token.
//!
//! - Reference: <https://api.simkl.org> and its OpenAPI document (2026); the blueprint of 2026-03-19 where it is silent.
//! - Authorization: OAuth (AUTH V2) with PKCE, or a code typed in at `/pin`; access tokens live 7 days, a refresh ends
//!   the one before at once, the refresh token stays, see `sign_in`.
//! - Every call names the application in its address: `client_id`, `app-name`, `app-version`.
//! - Limits: one `POST` a second and account; 500 requests a day and account (1,000 with PRO, 10,000 with VIP), until
//!   midnight in New York.
//! - Repeats: harmless. Simkl keeps one watch of a film or episode; the stop answers 409 for an hour after it counted.
//!
//! One watch is all that Simkl keeps, and its answer to a second one is the same as to the first. So it is looked
//! whether there is one already before anything is written (`look`), and a rewatch is called what it is: ignored, or
//! with PRO and VIP sent as one.
//!
//! What the documents leave open: whether a time changes when a watch is sent again (none is, except byte for byte),
//! and whether a session that ran past 80 % by the clock counts when another title starts. A live session that ends
//! without counting is therefore closed by a pause.

mod cut;
mod disposition;
mod history;
mod item;
mod look;
mod reading;
mod scrobble;
mod sign_in;
mod statements;
mod undo;
mod wire;
mod wire_items;
mod wire_lists;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::connection::Identity;
use hub_domain::{Disposition, Outcome, Play, PlayId, Service};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use crate::error::ProviderError;
use crate::http::{self, Answer, Effect};
use crate::oauth::OAuthApp;
use crate::seam::{
    Account, Counted, DayQuota, Limit, LimitScope, Preparation, Prepared, PreparedPlay, time_told,
};
use crate::video;
use item::Item;
pub(crate) use reading::page_of;

/// How many plays go into one request, except a stop.
pub const MOST_PLAYS: usize = 100;
/// Our name in every address; the user agent begins with the same.
const APP_NAME: &str = "ScrobbleHub";

const IDENTIFY: &str = "say who the user is";

/// The client.
#[derive(Debug, Clone)]
pub struct Simkl {
    app: OAuthApp,
    http: reqwest::Client,
}

/// What is done next about a play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Road {
    /// Ask whether Simkl has a watch of it.
    Look,
    /// End the viewing: Simkl stamps the watch with its own present.
    Stop,
    /// Tell the watch with a time of ours.
    History,
    /// Tell a further watch, as PRO and VIP members may.
    Rewatch,
}

impl Road {
    const fn most_plays(self) -> usize {
        match self {
            Self::Stop => 1,
            Self::Look | Self::History | Self::Rewatch => MOST_PLAYS,
        }
    }
}

impl Simkl {
    /// One write a second and account. The day's quota is told by an answer, not kept to from here.
    pub(crate) const LIMIT: Limit = Limit {
        scope: LimitScope::Account,
        calls: 1,
        per: TimeDelta::seconds(1),
    };

    /// 500 requests a day and account, until midnight in New York; plays of the past get four fifths of them.
    ///
    /// PRO and VIP members have more; theirs go to what is watched today.
    pub(crate) const DAY_QUOTA: DayQuota = DayQuota {
        counts: Counted::Requests,
        for_the_past: 400,
        zone: chrono_tz::America::New_York,
    };

    /// A client that calls with the caller's HTTP client.
    pub fn new(app: OAuthApp, http: reqwest::Client) -> Self {
        Self { app, http }
    }

    /// The first play that can be sent decides the road; those after it that take the same one go along, each item once:
    /// whether the second is a rewatch shows only when the first is there.
    pub(crate) fn prepare_plays(&self, plays: &[Play], now: DateTime<Utc>) -> Preparation<PlayId> {
        let mut preparation = Preparation::default();
        let mut road = None;
        let mut batch: Vec<(PreparedPlay, Item, &Play)> = Vec::new();
        for play in plays {
            let told = time_to_tell(play);
            let next = item::item_of(&play.media)
                .and_then(|item| Ok((road_of(play, &item, told, now)?, item)));
            let (its_road, item) = match next {
                Ok(next) => next,
                Err(outcome) => {
                    preparation.settled.push((play.id.clone(), outcome));
                    continue;
                }
            };
            let fits = *road.get_or_insert(its_road) == its_road
                && batch.len() < its_road.most_plays()
                && batch.iter().all(|(_, _, other)| other.item != play.item);
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
                .and_then(|(prepared, item, play)| scrobble::stop_of(prepared, &item, play, now)),
            Some(road @ (Road::Look | Road::History | Road::Rewatch)) => {
                let batch = batch
                    .into_iter()
                    .map(|(prepared, item, _)| (prepared, item))
                    .collect();
                Some(match road {
                    Road::Look => look::look_of(batch, now),
                    Road::Stop | Road::History | Road::Rewatch => {
                        history::addition_of(batch, road == Road::Rewatch, now)
                    }
                })
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
            look::LOOK => self.look(account, prepared, now).await,
            _ => self.add(account, prepared, now).await,
        }
    }

    pub(crate) async fn identify(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Identity, ProviderError> {
        let wire::Settings { user, account } = self.settings(account, IDENTIFY, now).await?;
        Ok(Identity {
            username: user.name,
            // No document says where a profile is.
            profile_url: None,
            account_id: account.id.to_string(),
        })
    }

    async fn settings(
        &self,
        account: &Account<'_>,
        operation: &'static str,
        now: DateTime<Utc>,
    ) -> Result<wire::Settings, ProviderError> {
        let request = self.call(Method::GET, "users/settings", account);
        let answer = self.send(operation, Effect::Reads, request, now).await?;
        read(operation, Effect::Reads, &answer)
    }

    pub(crate) fn host(&self) -> String {
        http::host_of(&self.app.api_url)
    }

    /// An address of the API with what names the application.
    fn address(&self, path: &str) -> String {
        let app = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &self.app.client_id)
            .append_pair("app-name", APP_NAME)
            .append_pair("app-version", env!("CARGO_PKG_VERSION"))
            .finish();
        let joint = if path.contains('?') { '&' } else { '?' };
        format!("{}{joint}{app}", http::under(&self.app.api_url, path))
    }

    fn call(&self, method: Method, path: &str, account: &Account<'_>) -> RequestBuilder {
        self.http
            .request(method, self.address(path))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
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

    /// Sends what was written down.
    async fn send_written(
        &self,
        operation: &'static str,
        effect: Effect,
        (account, prepared): (&Account<'_>, &Prepared),
        now: DateTime<Utc>,
    ) -> Result<Answer, ProviderError> {
        let request = self
            .call(Method::POST, &prepared.call, account)
            .body(prepared.body.clone());
        let answer = self.send(operation, effect, request, now).await;
        answer.map_err(of_listing)
    }
}

/// An error of an endpoint that lists what it does not know: there a 404 is about the address, not about an item.
fn of_listing(mut error: ProviderError) -> ProviderError {
    if error.disposition == Disposition::NotFound {
        error.disposition = Disposition::Retryable;
    }
    error
}

/// The time that Simkl may be told; the first second of 1970 is its word for "unknown".
fn time_to_tell(play: &Play) -> Option<DateTime<Utc>> {
    let told = time_told(play, Service::Simkl, play.watched_at, play.started_at);
    told.filter(|at| at.timestamp() > 1)
}

/// Decides what is done next; what was done before is in the delivery's own words.
fn road_of(
    play: &Play,
    item: &Item,
    told: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<Road, Outcome> {
    let delivery = play.deliveries.get(&Service::Simkl);
    match delivery.and_then(|delivery| delivery.detail.as_deref()) {
        Some(look::REWATCH_NEXT) => Ok(Road::Rewatch),
        Some(scrobble::BY_ID_NEXT) if item.has_own_id() => Ok(Road::History),
        Some(scrobble::BY_ID_NEXT) => Err(item.unknown()),
        Some(look::SENT_NEXT) => {
            let may_stop = told.is_some_and(|at| video::may_stop(play, Service::Simkl, at, now));
            Ok(if may_stop && item.can_be_scrobbled() {
                Road::Stop
            } else {
                Road::History
            })
        }
        // An episode known by its own id alone cannot be asked for.
        Some(_) | None if !item.can_be_scrobbled() => Ok(Road::History),
        Some(_) | None => Ok(Road::Look),
    }
}

fn error(operation: &'static str, next: Disposition, why: impl AsRef<str>) -> ProviderError {
    ProviderError::new(Service::Simkl, operation, next, why)
}

/// Takes a success; one that carries an `error` is none, whatever its status.
fn accept(
    operation: &'static str,
    effect: Effect,
    answer: Answer,
    now: DateTime<Utc>,
) -> Result<Answer, ProviderError> {
    if answer.status.is_success() && !disposition::carries_error(&answer.body) {
        return Ok(answer);
    }
    let next = disposition::disposition(answer.status, &answer.headers, &answer.body, now);
    let why = disposition::words(answer.status, &answer.headers, &answer.body, now);
    Err(error(operation, effect.judge(next), why))
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

/// A moment as Simkl writes it; none for its word of an unknown time.
fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    (at.timestamp() > 1).then_some(at)
}

#[cfg(test)]
mod tests;
