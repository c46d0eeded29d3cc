//! `feedback/recording-feedback`: love, hate, or neither, one recording a request.
//!
//! A recording is known by its MBID. Where the media server names none it is looked up by its names, and the user's newest
//! listens tell the server's own id of it. Nothing is guessed: a match with other names is none.

use chrono::{DateTime, Utc};
use hub_domain::rating::Hearts;
use hub_domain::{Disposition, Namespace, Outcome, Says, Service, Statement, StatementId};
use reqwest::header::AUTHORIZATION;
use serde::{Deserialize, Serialize};

use super::wire::{Feedback, Match};
use super::{ListenBrainz, accept, authorization, disposition, error, is_taken};
use crate::error::{ProviderError, short};
use crate::http::Effect;
use crate::music::Song;
use crate::said;
use crate::seam::{Account, Preparation, Prepared, PreparedStatement};

/// The call by a known recording, in [`Prepared::call`].
const GIVE: &str = "feedback/recording-feedback";
/// The call that looks the recording up first; its body is [`ByNames`].
const LOOK_UP: &str = "metadata/lookup";
/// How many characters the names of a lookup may have together.
const LONGEST_NAMES: usize = 250;
/// How many of the newest listens are read for the server's own id of a recording.
const NEWEST_LISTENS: usize = 100;

const TELL: &str = "take what was said";

/// What is written down of a track without an MBID.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ByNames {
    artist_name: String,
    recording_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    release_name: Option<String>,
    score: i8,
}

impl ListenBrainz {
    /// The first statement that can be told is told; the others wait for their turn.
    #[expect(clippy::unused_self, reason = "each client has this method")]
    pub(crate) fn prepare_statements(
        &self,
        statements: &[Statement],
        _account_url: Option<&str>,
        now: DateTime<Utc>,
    ) -> Preparation<StatementId> {
        let mut preparation = Preparation::default();
        for statement in statements {
            if preparation.prepared.is_some() {
                preparation.left.push(statement.id.clone());
                continue;
            }
            match call_of(statement) {
                Ok((call, body)) => {
                    let told = vec![PreparedStatement::of(statement)];
                    preparation.prepared = Some(Prepared::of_statements(call, body, told, now));
                }
                Err(outcome) => preparation.settled.push((statement.id.clone(), outcome)),
            }
        }
        preparation
    }

    pub(crate) async fn tell(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(StatementId, Outcome)>, ProviderError> {
        let [told] = prepared.statements.as_slice() else {
            let why = "feedback is about one recording";
            return Err(error(TELL, Disposition::Permanent, why));
        };
        let feedback = match prepared.call.as_str() {
            GIVE => Ok(prepared.body.clone()),
            _ => self.by_names(account, &prepared.body, now).await?,
        };
        let outcome = match feedback {
            Ok(feedback) => self.give(account, feedback, now).await?,
            Err(outcome) => outcome,
        };
        Ok(vec![(told.id.clone(), outcome)])
    }

    async fn give(
        &self,
        account: &Account<'_>,
        feedback: String,
        now: DateTime<Utc>,
    ) -> Result<Outcome, ProviderError> {
        let request = self.post(account, TELL, "1/feedback/recording-feedback", feedback)?;
        let answer = self.ask(TELL, Effect::Writes, request).await?;
        let is_compatible = self.is_compatible(account.url);
        if is_compatible && disposition::is_unknown_path(answer.status, &answer.body) {
            return Ok(keeps_none());
        }
        let answer = accept(TELL, Effect::Writes, answer, now)?;
        is_taken(&answer, is_compatible).map_err(|(next, why)| error(TELL, next, why))?;
        Ok(Outcome::Delivered {
            remote_id: None,
            detail: None,
        })
    }

    /// Finds the recording of a name and writes the feedback about it; the inner error is what becomes of it without one.
    async fn by_names(
        &self,
        account: &Account<'_>,
        body: &str,
        now: DateTime<Utc>,
    ) -> Result<Result<String, Outcome>, ProviderError> {
        let names: ByNames = serde_json::from_str(body).map_err(|_| {
            let why = "what was written down does not name a track";
            error(TELL, Disposition::Permanent, why)
        })?;
        let mut feedback = Feedback {
            recording_mbid: None,
            recording_msid: None,
            score: names.score,
        };
        let mut tried = vec![format!(
            "{} – {}, by ListenBrainz's lookup",
            names.artist_name, names.recording_name
        )];
        match self.look_up(account, &names, now).await? {
            LookedUp::Unsupported => return Ok(Err(keeps_none())),
            LookedUp::Found(mbid) => feedback.recording_mbid = Some(mbid),
            LookedUp::Other(other) => tried.push(format!("which offered {other} instead")),
            LookedUp::Nothing => {}
        }
        if !account.username.is_empty() {
            // Both ids go along where both are known: what was told by one is not taken back by the other.
            tried.push(format!("by the newest {NEWEST_LISTENS} listens"));
            let count = [("count", NEWEST_LISTENS.to_string())];
            let listens = match self.listens(account, TELL, &count, now).await {
                Ok(listens) => listens,
                Err(_) if feedback.recording_mbid.is_some() => Vec::new(),
                Err(error) => return Err(error),
            };
            let newest = listens
                .into_iter()
                .find(|listen| listen.is_of(&names.artist_name, &names.recording_name));
            feedback.recording_msid = newest.map(|listen| listen.recording_msid);
        }
        if feedback.recording_mbid.is_none() && feedback.recording_msid.is_none() {
            let tried = short(&tried.join(", "));
            return Ok(Err(Outcome::NotFound { tried }));
        }
        Ok(Ok(encode(&feedback)))
    }

    async fn look_up(
        &self,
        account: &Account<'_>,
        names: &ByNames,
        now: DateTime<Utc>,
    ) -> Result<LookedUp, ProviderError> {
        let length = |text: &str| text.chars().count();
        let needed = length(&names.artist_name) + length(&names.recording_name);
        if needed > LONGEST_NAMES {
            return Ok(LookedUp::Nothing);
        }
        let mut address = self.root_of(account.url, TELL)?;
        if let Ok(mut path) = address.path_segments_mut() {
            path.pop_if_empty();
            path.extend(["1", "metadata", "lookup", ""]);
        }
        address
            .query_pairs_mut()
            .append_pair("artist_name", &names.artist_name)
            .append_pair("recording_name", &names.recording_name);
        let release = names.release_name.as_deref();
        if let Some(release) = release.filter(|name| needed + length(name) <= LONGEST_NAMES) {
            address
                .query_pairs_mut()
                .append_pair("release_name", release);
        }
        let request = self
            .http
            .get(address)
            .header(AUTHORIZATION, authorization(account));
        let answer = self.ask(TELL, Effect::Reads, request).await?;
        let is_compatible = self.is_compatible(account.url);
        if is_compatible && disposition::is_unknown_path(answer.status, &answer.body) {
            return Ok(LookedUp::Unsupported);
        }
        let answer = accept(TELL, Effect::Reads, answer, now)?;
        let found: Match = answer.json().map_err(|cause| {
            let why = "the answer could not be read";
            error(TELL, Disposition::Retryable, why).caused_by(Box::new(cause))
        })?;
        Ok(judge(names, found))
    }
}

/// What a lookup came to.
#[derive(Debug, PartialEq, Eq)]
enum LookedUp {
    /// The recording's MBID.
    Found(String),
    /// A recording with other names.
    Other(String),
    Nothing,
    /// A compatible server that knows no lookup, and so no feedback.
    Unsupported,
}

fn judge(names: &ByNames, found: Match) -> LookedUp {
    let Some(mbid) = found.recording_mbid.filter(|mbid| !mbid.is_empty()) else {
        return LookedUp::Nothing;
    };
    let title = found.recording_name.unwrap_or_default();
    let artist = found.artist_credit_name.unwrap_or_default();
    let (ours, theirs) = (bare(&names.artist_name), bare(&artist));
    // A credit names guests too, or the media server does.
    let is_artist = ours.starts_with(&theirs) || theirs.starts_with(&ours);
    let is_named = !theirs.is_empty() && !ours.is_empty();
    if is_named && is_artist && bare(&names.recording_name) == bare(&title) {
        LookedUp::Found(mbid)
    } else {
        LookedUp::Other(format!("{artist} – {title}"))
    }
}

/// A name without case, spaces and marks; as it is where it consists of nothing else.
fn bare(name: &str) -> String {
    let lower = name.to_lowercase();
    let letters: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    if letters.is_empty() {
        lower.trim().to_owned()
    } else {
        letters
    }
}

/// What is told of a track; the error is what becomes of the statement without a call.
fn call_of(statement: &Statement) -> Result<(&'static str, String), Outcome> {
    let hearts = Hearts::LoveAndHate;
    if let Some(settled) = said::settled_at_once(statement, Service::ListenBrainz, hearts) {
        return Err(settled);
    }
    let feeling = statement.says.as_ref().and_then(Says::feeling);
    let score = hearts.show(feeling).score();
    if let Some(mbid) = statement.media.own_id(Namespace::RecordingMbid) {
        let feedback = Feedback {
            recording_mbid: Some(mbid.to_owned()),
            recording_msid: None,
            score,
        };
        return Ok((GIVE, encode(&feedback)));
    }
    let song =
        Song::of(&statement.media, Service::ListenBrainz).map_err(|_| Outcome::NotFound {
            tried: "no MBID of the recording, and no artist and title".to_owned(),
        })?;
    let names = ByNames {
        artist_name: song.artist,
        recording_name: song.title,
        release_name: song.album,
        score,
    };
    Ok((LOOK_UP, encode(&names)))
}

fn keeps_none() -> Outcome {
    Outcome::Ignored {
        why: "this server keeps no feedback".to_owned(),
    }
}

fn encode(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("text and numbers are always JSON")
}

#[cfg(test)]
#[path = "statements_tests.rs"]
mod tests;
