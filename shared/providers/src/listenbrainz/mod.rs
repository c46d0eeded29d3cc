//! `ListenBrainz`: sends listens and "playing now" for one user token, there or to a server that speaks its language.
//!
//! - Reference: <https://listenbrainz.readthedocs.io/en/latest/users/api/core.html>
//! - Authorization: a user token without an end date, `Authorization: Token …`; there is nothing to refresh.
//! - Limits: 1000 listens a request, of which we use [`MOST_LISTENS`]; 10,240 bytes a listen on average; 30 requests
//!   per 10 s and address, see `disposition`. One refused listen refuses its whole batch.
//! - Repeats: harmless, the same second with the same names is stored once. Compatible servers (Maloja, Koito) store
//!   at least once, may stop in the middle of a batch, and so get one listen a request. Feedback and deletions are the
//!   same however often they are told; few compatible servers know either.

pub mod address;
mod disposition;
mod reading;
mod statements;
mod undo;
mod wire;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::connection::Identity;
use hub_domain::live::Playing;
use hub_domain::{Disposition, LiveState, Outcome, Play, PlayId, Service};
use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use url::Url;

use crate::error::ProviderError;
use crate::http::{self, Answer, Effect};
use crate::music::{Song, listened_at};
use crate::seam::{
    Account, Authorize, Limit, LimitScope, Live, Preparation, Prepared, PreparedPlay, Tokens,
};

/// How many listens go into one request.
pub const MOST_LISTENS: usize = 100;
/// How many bytes a listen may take.
const LARGEST_LISTEN: usize = 10_240;
/// What the server takes nothing older than: 2002-10-01T00:00:00Z.
const OLDEST: i64 = 1_033_430_400;

const SUBMIT: &str = "take the listens";
const PLAYING_NOW: &str = "show what is playing";
const VALIDATE: &str = "say whose token it is";

/// Where `ListenBrainz` is.
#[derive(Debug, Clone)]
pub struct ListenBrainzApp {
    /// The root before `/1/`, such as `https://api.listenbrainz.org`.
    pub api_url: Url,
}

/// The client.
#[derive(Debug, Clone)]
pub struct ListenBrainz {
    root: Url,
    http: reqwest::Client,
}

impl ListenBrainz {
    /// 30 requests per 10 s and calling address.
    pub(crate) const LIMIT: Limit = Limit {
        scope: LimitScope::Host,
        calls: 30,
        per: TimeDelta::seconds(10),
    };

    /// A client that calls with the caller's HTTP client.
    pub fn new(app: ListenBrainzApp, http: reqwest::Client) -> Self {
        let root = address::normalise(app.api_url.as_str()).unwrap_or(app.api_url);
        Self { root, http }
    }

    pub(crate) fn prepare_plays(
        &self,
        plays: &[Play],
        account_url: Option<&str>,
        now: DateTime<Utc>,
    ) -> Preparation<PlayId> {
        let most = if self.is_compatible(account_url) {
            1
        } else {
            MOST_LISTENS
        };
        let mut preparation = Preparation::default();
        let (mut listens, mut prepared) = (Vec::new(), Vec::new());
        for play in plays {
            if listens.len() == most {
                preparation.left.push(play.id.clone());
                continue;
            }
            match listen_of(play, now) {
                Ok((listen, at)) => {
                    listens.push(listen);
                    prepared.push(PreparedPlay {
                        play: play.id.clone(),
                        watched_at: Some(at),
                    });
                }
                Err(outcome) => preparation.settled.push((play.id.clone(), outcome)),
            }
        }
        let listen_type = match listens.len() {
            0 => return preparation,
            1 => wire::ListenType::Single,
            _ => wire::ListenType::Import,
        };
        preparation.prepared = Some(Prepared::of_plays(
            "submit-listens",
            body(listen_type, &listens),
            prepared,
            now,
        ));
        preparation
    }

    pub(crate) async fn deliver(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        self.submit(account, SUBMIT, prepared.body.clone(), now)
            .await?;
        let taken = |play: &PreparedPlay| {
            let outcome = Outcome::Delivered {
                remote_id: None,
                detail: None,
            };
            (play.play.clone(), outcome)
        };
        Ok(prepared.plays.iter().map(taken).collect())
    }

    pub(crate) async fn live(
        &self,
        account: &Account<'_>,
        state: &LiveState,
        now: DateTime<Utc>,
    ) -> Result<Live, ProviderError> {
        // A pause and an end are not told: what is shown ends by itself with the track.
        if state.playing != Playing::Started {
            return Ok(Live::NothingToSend);
        }
        let Ok(song) = Song::of(&state.media, Service::ListenBrainz) else {
            return Ok(Live::NothingToSend);
        };
        let listen = wire::Listen::of(song, &state.media, None);
        let body = body(wire::ListenType::PlayingNow, &[listen]);
        self.submit(account, PLAYING_NOW, body, now).await?;
        Ok(Live::Sent)
    }

    pub(crate) async fn identify(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Identity, ProviderError> {
        let root = self.root_of(account.url, VALIDATE)?;
        let request = self
            .http
            .get(http::under(&root, "1/validate-token"))
            .header(AUTHORIZATION, authorization(account));
        let answer = self.send(VALIDATE, Effect::Reads, request, now).await?;
        let foreign = || {
            error(
                VALIDATE,
                Disposition::Permanent,
                "the server at this address does not speak ListenBrainz's language",
            )
        };
        let validation: wire::Validation = answer
            .json()
            .map_err(|cause| foreign().caused_by(Box::new(cause)))?;
        match (validation.valid, validation.user_name) {
            (Some(true), name) => {
                let name = name.filter(|name| !name.is_empty());
                let is_own = !self.is_compatible(account.url);
                // Multi-scrobbler finds every token valid and knows no users.
                let username = name.unwrap_or_else(|| http::host_of(&root));
                Ok(Identity {
                    profile_url: is_own.then(|| profile_of(&username)),
                    // The same name at another server is another person.
                    account_id: if is_own {
                        username.clone()
                    } else {
                        format!("{username}@{}", http::host_of(&root))
                    },
                    username,
                })
            }
            (Some(false), _) => Err(error(VALIDATE, Disposition::Auth, "the token is not valid")),
            (None, _) => Err(foreign()),
        }
    }

    pub(crate) fn host(&self, account_url: Option<&str>) -> String {
        match self.root_of(account_url, VALIDATE) {
            Ok(root) => http::host_of(&root),
            Err(_) => account_url.unwrap_or_default().to_owned(),
        }
    }

    pub(crate) fn authorize(&self, _: &Url, _: &str) -> Result<Authorize, ProviderError> {
        Err(self.has_only_tokens("offer a sign-in page"))
    }

    pub(crate) fn exchange(&self, token: &str) -> Result<Tokens, ProviderError> {
        let token = token.trim();
        let is_token = !token.is_empty() && token.chars().all(|c| c.is_ascii_graphic());
        if is_token {
            Ok(Tokens::lasting(token))
        } else {
            Err(error(
                "take the token",
                Disposition::Auth,
                "this is no token",
            ))
        }
    }

    pub(crate) fn has_only_tokens(&self, operation: &'static str) -> ProviderError {
        error(
            operation,
            Disposition::Permanent,
            "a user connects with the token from https://listenbrainz.org/settings/",
        )
    }

    /// Says whether a connection's server is another than the service itself.
    fn is_compatible(&self, account_url: Option<&str>) -> bool {
        account_url.is_some_and(|url| address::normalise(url).as_ref() != Ok(&self.root))
    }

    fn root_of(
        &self,
        account_url: Option<&str>,
        operation: &'static str,
    ) -> Result<Url, ProviderError> {
        match account_url {
            None => Ok(self.root.clone()),
            Some(text) => address::normalise(text).map_err(|cause| {
                error(operation, Disposition::Permanent, cause.to_string())
                    .caused_by(Box::new(cause))
            }),
        }
    }

    /// Submits a body, and reads from the answer that it was taken.
    async fn submit(
        &self,
        account: &Account<'_>,
        operation: &'static str,
        body: String,
        now: DateTime<Utc>,
    ) -> Result<(), ProviderError> {
        let request = self.post(account, operation, "1/submit-listens", body)?;
        let answer = self.send(operation, Effect::Writes, request, now).await?;
        let is_compatible = self.is_compatible(account.url);
        is_taken(&answer, is_compatible).map_err(|(next, why)| error(operation, next, why))
    }

    fn post(
        &self,
        account: &Account<'_>,
        operation: &'static str,
        path: &str,
        body: String,
    ) -> Result<RequestBuilder, ProviderError> {
        let root = self.root_of(account.url, operation)?;
        Ok(self
            .http
            .post(http::under(&root, path))
            .header(AUTHORIZATION, authorization(account))
            .header(CONTENT_TYPE, "application/json")
            .body(body))
    }

    /// Reads some listens of the user, newest first; `bounds` is the query.
    async fn listens(
        &self,
        account: &Account<'_>,
        operation: &'static str,
        bounds: &[(&str, String)],
        now: DateTime<Utc>,
    ) -> Result<Vec<wire::Listened>, ProviderError> {
        let mut address = self.root_of(account.url, operation)?;
        if let Ok(mut path) = address.path_segments_mut() {
            path.pop_if_empty();
            path.extend(["1", "user", account.username, "listens"]);
        }
        address.query_pairs_mut().extend_pairs(bounds);
        let request = self
            .http
            .get(address)
            .header(AUTHORIZATION, authorization(account));
        let answer = self.send(operation, Effect::Reads, request, now).await?;
        let read: wire::Listens = answer.json().map_err(|cause| {
            let why = "the answer could not be read";
            error(operation, Disposition::Retryable, why).caused_by(Box::new(cause))
        })?;
        Ok(read.payload.listens)
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
    let next = disposition::disposition(answer.status, &answer.headers, &answer.body, now);
    let why = http::text_of(&answer.body, &["error", "message", "status"])
        .unwrap_or_else(|| format!("answered {}", answer.status));
    Err(error(operation, effect.judge(next), why))
}

fn error(operation: &'static str, next: Disposition, why: impl AsRef<str>) -> ProviderError {
    ProviderError::new(Service::ListenBrainz, operation, next, why)
}

fn authorization(account: &Account<'_>) -> String {
    format!("Token {}", account.tokens.access.reveal())
}

/// Reads whether a 2xx is one: `status` says `ok` where the body is JSON that has it. A compatible server may say
/// nothing more than 2xx; a page is nobody's success.
fn is_taken(answer: &Answer, is_compatible: bool) -> Result<(), (Disposition, String)> {
    let doubt = |why: &str| Err((Disposition::InDoubt, why.to_owned()));
    match answer.json::<wire::Submitted>() {
        Ok(wire::Submitted {
            status: Some(status),
            ..
        }) if status == "ok" => Ok(()),
        Ok(wire::Submitted {
            error: Some(why), ..
        }) => Err((Disposition::Permanent, why)),
        Ok(wire::Submitted {
            status: Some(status),
            ..
        }) => doubt(&format!("answered {status:?}")),
        Ok(_) if is_compatible => Ok(()),
        Err(_) if is_compatible && !http::is_page(&answer.headers, &answer.body) => Ok(()),
        Ok(_) | Err(_) => doubt("answered something else than that it took them"),
    }
}

fn listen_of(play: &Play, now: DateTime<Utc>) -> Result<(wire::Listen, DateTime<Utc>), Outcome> {
    let song = Song::of(&play.media, Service::ListenBrainz)?;
    let at = listened_at(play, Service::ListenBrainz, now)?;
    if at.timestamp() < OLDEST {
        return Err(Outcome::Ignored {
            why: "ListenBrainz takes nothing from before October 2002".to_owned(),
        });
    }
    let listen = wire::Listen::of(song, &play.media, Some(at.timestamp()));
    if body(wire::ListenType::Single, std::slice::from_ref(&listen)).len() > LARGEST_LISTEN {
        return Err(Outcome::Refused {
            why: "its names are longer than ListenBrainz takes".to_owned(),
        });
    }
    Ok((listen, at))
}

fn body(listen_type: wire::ListenType, listens: &[wire::Listen]) -> String {
    let submission = wire::Submission {
        listen_type,
        payload: listens,
    };
    serde_json::to_string(&submission).expect("text and numbers are always JSON")
}

fn profile_of(username: &str) -> String {
    let mut profile = Url::parse("https://listenbrainz.org/user/").expect("a constant address");
    if let Ok(mut path) = profile.path_segments_mut() {
        path.pop_if_empty().push(username).push("");
    }
    profile.into()
}

#[cfg(test)]
mod tests;
