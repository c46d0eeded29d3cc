//! Last.fm: sends scrobbles and "now playing" under a session key.
//!
//! - Reference: <https://www.last.fm/api>
//! - Authorization: a session key without an end date; every call is signed with the application's secret, see
//!   `signature`.
//! - Limits: 50 scrobbles a request; 5 requests a second and address, averaged over five minutes; an undisclosed number
//!   of scrobbles a day and account (600 always worked), told by code 5; nothing older than 14 days.
//! - Repeats: harmless, every client that retries relies on it: the same artist, track and second is stored once. Love
//!   and unlove may be repeated too. Nothing that was scrobbled can be removed by an application.

mod disposition;
mod reading;
mod sign_in;
mod signature;
mod statements;
mod undo;
mod wire;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::connection::Identity;
use hub_domain::live::Playing;
use hub_domain::{
    Disposition, LiveState, MediaItem, Namespace, Outcome, Play, PlayId, Secret, Service,
};
use reqwest::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use url::{Url, form_urlencoded};

use crate::error::ProviderError;
use crate::http::{self, Answer, Effect};
use crate::music::{Song, listened_at};
use crate::seam::{
    Account, Counted, DayQuota, Limit, LimitScope, Live, Preparation, Prepared, PreparedPlay,
};

/// How many scrobbles go into one request.
pub const MOST_SCROBBLES: usize = 50;
/// How old a scrobble may be when it is sent: 13.9 days. At 14 Last.fm drops it, and may still answer "accepted".
pub const OLDEST: TimeDelta = TimeDelta::seconds(1_200_960);
/// The shortest duration that is told; a shorter one makes Last.fm ignore the scrobble.
const SHORTEST: TimeDelta = TimeDelta::seconds(30);

const SCROBBLE: &str = "take the scrobbles";
const NOW_PLAYING: &str = "show what is playing";
const IDENTIFY: &str = "say who the user is";

type Parameters = Vec<(String, String)>;

/// The application as Last.fm knows it, and where Last.fm is.
#[derive(Debug, Clone)]
pub struct LastFmApp {
    /// The key.
    pub api_key: String,
    /// What signs.
    pub api_secret: Secret,
    /// The whole root, such as `https://ws.audioscrobbler.com/2.0/`.
    pub api_url: Url,
    /// The page of the sign-in, such as `https://www.last.fm/api/auth/`.
    pub auth_url: Url,
}

/// The client.
#[derive(Debug, Clone)]
pub struct LastFm {
    app: LastFmApp,
    http: reqwest::Client,
}

impl LastFm {
    /// 5 requests a second and calling address, averaged over five minutes.
    pub(crate) const LIMIT: Limit = Limit {
        scope: LimitScope::Host,
        calls: 1500,
        per: TimeDelta::minutes(5),
    };

    /// 600 scrobbles a day and account always went through; Last.fm publishes no number. Plays of the past get 500.
    pub(crate) const DAY_QUOTA: DayQuota = DayQuota {
        counts: Counted::Plays,
        for_the_past: 500,
        zone: chrono_tz::Tz::UTC,
    };

    /// A client that calls with the caller's HTTP client.
    pub fn new(app: LastFmApp, http: reqwest::Client) -> Self {
        Self { app, http }
    }

    pub(crate) fn prepare_plays(&self, plays: &[Play], now: DateTime<Utc>) -> Preparation<PlayId> {
        let mut preparation = Preparation::default();
        let mut prepared = Vec::new();
        let mut parameters = vec![("method".to_owned(), "track.scrobble".to_owned())];
        for play in plays {
            if prepared.len() == MOST_SCROBBLES {
                preparation.left.push(play.id.clone());
                continue;
            }
            match scrobble_of(play, now) {
                Ok((song, at)) => {
                    let index = prepared.len();
                    let mut fields = fields_of(&song, &play.media);
                    fields.push(("timestamp", at.timestamp().to_string()));
                    let named = |(name, value)| (format!("{name}[{index}]"), value);
                    parameters.extend(fields.into_iter().map(named));
                    prepared.push(PreparedPlay {
                        play: play.id.clone(),
                        watched_at: Some(at),
                    });
                }
                Err(outcome) => preparation.settled.push((play.id.clone(), outcome)),
            }
        }
        if !prepared.is_empty() {
            preparation.prepared = Some(Prepared::of_plays(
                "track.scrobble",
                encode(&parameters),
                prepared,
                now,
            ));
        }
        preparation
    }

    pub(crate) async fn deliver(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        let parameters = form_urlencoded::parse(prepared.body.as_bytes())
            .into_owned()
            .collect();
        let session = Some(&account.tokens.access);
        let answer = self
            .call(SCROBBLE, Effect::Writes, parameters, session, now)
            .await?;
        let doubt = |why: &str| error(SCROBBLE, Disposition::InDoubt, why);
        let read = wire::Scrobbles::read(&answer.body)
            .ok_or_else(|| doubt("the answer could not be read"))?;
        outcomes(&read, &prepared.plays, now)
            .ok_or_else(|| doubt("the answer does not say what became of each scrobble"))
    }

    pub(crate) async fn live(
        &self,
        account: &Account<'_>,
        state: &LiveState,
        now: DateTime<Utc>,
    ) -> Result<Live, ProviderError> {
        // Last.fm shows it for the length of the track, and knows no pause.
        if state.playing != Playing::Started {
            return Ok(Live::NothingToSend);
        }
        let Ok(song) = Song::of(&state.media, Service::LastFm) else {
            return Ok(Live::NothingToSend);
        };
        let mut parameters = vec![("method".to_owned(), "track.updateNowPlaying".to_owned())];
        let named = |(name, value): (&str, String)| (name.to_owned(), value);
        parameters.extend(fields_of(&song, &state.media).into_iter().map(named));
        let session = Some(&account.tokens.access);
        self.call(NOW_PLAYING, Effect::Reads, parameters, session, now)
            .await?;
        Ok(Live::Sent)
    }

    pub(crate) async fn identify(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Identity, ProviderError> {
        let session = Some(&account.tokens.access);
        let answer = self
            .call(
                IDENTIFY,
                Effect::Reads,
                method("user.getInfo"),
                session,
                now,
            )
            .await?;
        let wire::UserAnswer { user } = read(IDENTIFY, &answer)?;
        Ok(Identity {
            // There is no other stable id, and names differ from each other by more than case.
            account_id: user.name.to_lowercase(),
            username: user.name,
            profile_url: user.url.filter(|url| !url.is_empty()),
        })
    }

    pub(crate) fn host(&self) -> String {
        http::host_of(&self.app.api_url)
    }

    /// Signs and sends one call, and refuses an answer that holds an error.
    async fn call(
        &self,
        operation: &'static str,
        effect: Effect,
        parameters: Parameters,
        session: Option<&Secret>,
        now: DateTime<Utc>,
    ) -> Result<Answer, ProviderError> {
        let answer = self.ask(operation, effect, parameters, session).await?;
        accept(operation, effect, answer, now)
    }

    /// Signs and sends one call. Everything is in the body, since addresses end up in logs.
    async fn ask(
        &self,
        operation: &'static str,
        effect: Effect,
        mut parameters: Parameters,
        session: Option<&Secret>,
    ) -> Result<Answer, ProviderError> {
        parameters.push(("api_key".to_owned(), self.app.api_key.clone()));
        if let Some(session) = session {
            parameters.push(("sk".to_owned(), session.reveal().to_owned()));
        }
        let signature = signature::sign(&parameters, &self.app.api_secret);
        parameters.push(("api_sig".to_owned(), signature));
        parameters.push(("format".to_owned(), "json".to_owned()));
        let request = self
            .http
            .post(self.app.api_url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(encode(&parameters));
        http::call(request).await.map_err(|lost| {
            error(operation, effect.judge(lost.disposition), lost.why).caused_by(lost.source)
        })
    }
}

fn error(operation: &'static str, next: Disposition, why: impl AsRef<str>) -> ProviderError {
    ProviderError::new(Service::LastFm, operation, next, why)
}

/// Tells an answer from an error: a 200 may be one too.
fn accept(
    operation: &'static str,
    effect: Effect,
    answer: Answer,
    now: DateTime<Utc>,
) -> Result<Answer, ProviderError> {
    let failure = wire::Failure::read(&answer.body);
    if failure.is_none() && answer.status.is_success() {
        return Ok(answer);
    }
    let next = disposition::disposition(answer.status, &answer.headers, &answer.body, now);
    let why = match failure {
        Some(failure) if !failure.message.is_empty() => failure.message,
        Some(failure) => format!("error {}", failure.error),
        None => format!("answered {}", answer.status),
    };
    Err(error(operation, effect.judge(next), why))
}

fn read<T: DeserializeOwned>(operation: &'static str, answer: &Answer) -> Result<T, ProviderError> {
    answer.json().map_err(|cause| {
        error(
            operation,
            Disposition::Retryable,
            "the answer could not be read",
        )
        .caused_by(Box::new(cause))
    })
}

fn method(name: &str) -> Parameters {
    vec![("method".to_owned(), name.to_owned())]
}

fn encode(parameters: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish()
}

/// A play as a scrobble, or what becomes of it without a call.
fn scrobble_of(play: &Play, now: DateTime<Utc>) -> Result<(Song, DateTime<Utc>), Outcome> {
    let song = Song::of(&play.media, Service::LastFm)?;
    let at = listened_at(play, Service::LastFm, now)?;
    if now - at > OLDEST {
        return Err(Outcome::Ignored {
            why: "older than 14 days, which Last.fm does not keep".to_owned(),
        });
    }
    Ok((song, at))
}

fn fields_of(song: &Song, media: &MediaItem) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("artist", song.artist.clone()),
        ("track", song.title.clone()),
    ];
    fields.extend(song.album.clone().map(|album| ("album", album)));
    fields.extend(song.album_artist.clone().map(|name| ("albumArtist", name)));
    fields.extend(
        song.track_number
            .map(|number| ("trackNumber", number.to_string())),
    );
    fields.extend(
        song.duration
            .filter(|length| *length >= SHORTEST)
            .map(|length| ("duration", length.num_seconds().to_string())),
    );
    // What Last.fm calls a track's MBID is a position on a release, not a recording.
    fields.extend(
        media
            .own_id(Namespace::TrackMbid)
            .map(|id| ("mbid", id.to_owned())),
    );
    fields
}

/// What became of each scrobble; `None` if the answer leaves it open.
fn outcomes(
    read: &wire::Scrobbles,
    plays: &[PreparedPlay],
    now: DateTime<Utc>,
) -> Option<Vec<(PlayId, Outcome)>> {
    let outcome_of = |item: &wire::Ignored| disposition::ignored(item.code, &item.words, now);
    if read.items.len() == plays.len() {
        let pairs = plays.iter().zip(&read.items);
        return Some(
            pairs
                .map(|(play, item)| (play.play.clone(), outcome_of(item)))
                .collect(),
        );
    }
    // Compatible servers list no items: then the counters have to say that all were taken.
    let sent = i64::try_from(plays.len()).ok()?;
    let all_taken = read.ignored == Some(0) && read.accepted.is_none_or(|taken| taken == sent);
    let taken = |play: &PreparedPlay| {
        let outcome = Outcome::Delivered {
            remote_id: None,
            detail: None,
        };
        (play.play.clone(), outcome)
    };
    (read.items.is_empty() && all_taken).then(|| plays.iter().map(taken).collect())
}

#[cfg(test)]
mod tests;
