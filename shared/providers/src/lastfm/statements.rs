//! `track.love` and `track.unlove`: one track a request, by its artist and title. Both may be repeated.

use chrono::{DateTime, Utc};
use hub_domain::rating::Hearts;
use hub_domain::{Disposition, Outcome, Says, Service, Statement, StatementId};
use serde_json::Value;
use url::form_urlencoded;

use super::{LastFm, accept, disposition, encode, error, wire};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::music::Song;
use crate::said;
use crate::seam::{Account, Preparation, Prepared, PreparedStatement};

const LOVE: &str = "track.love";
const UNLOVE: &str = "track.unlove";

const TELL: &str = "take what was said";

impl LastFm {
    /// The first statement that can be told is told; the others wait for their turn.
    #[expect(clippy::unused_self, reason = "each client has this method")]
    pub(crate) fn prepare_statements(
        &self,
        statements: &[Statement],
        now: DateTime<Utc>,
    ) -> Preparation<StatementId> {
        let mut preparation = Preparation::default();
        for statement in statements {
            if preparation.prepared.is_some() {
                preparation.left.push(statement.id.clone());
                continue;
            }
            match call_of(statement) {
                Ok((method, song)) => {
                    let body = encode(&[
                        ("method".to_owned(), method.to_owned()),
                        ("artist".to_owned(), song.artist),
                        ("track".to_owned(), song.title),
                    ]);
                    let told = vec![PreparedStatement::of(statement)];
                    preparation.prepared = Some(Prepared::of_statements(method, body, told, now));
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
            let why = "a heart is of one track";
            return Err(error(TELL, Disposition::Permanent, why));
        };
        let parameters: super::Parameters = form_urlencoded::parse(prepared.body.as_bytes())
            .into_owned()
            .collect();
        let name_of = |name: &str| {
            let found = parameters.iter().find(|(known, _)| known == name);
            found.map_or_else(String::new, |(_, value)| value.clone())
        };
        let tried = format!("{} – {}", name_of("artist"), name_of("track"));
        let session = Some(&account.tokens.access);
        let answer = self.ask(TELL, Effect::Writes, parameters, session).await?;
        let failure = wire::Failure::read(&answer.body);
        if failure.as_ref().is_some_and(disposition::is_unknown_track) {
            return Ok(vec![(told.id.clone(), Outcome::NotFound { tried })]);
        }
        let answer = accept(TELL, Effect::Writes, answer, now)?;
        // `{}` is all that a success says; a page says nothing.
        if !answer.json::<Value>().is_ok_and(|body| body.is_object()) {
            let why = "the answer could not be read";
            return Err(error(TELL, Disposition::InDoubt, why));
        }
        let outcome = Outcome::Delivered {
            remote_id: None,
            detail: None,
        };
        Ok(vec![(told.id.clone(), outcome)])
    }
}

/// What is told of a track; the error is what becomes of the statement without a call.
fn call_of(statement: &Statement) -> Result<(&'static str, Song), Outcome> {
    if let Some(settled) = said::settled_at_once(statement, Service::LastFm, Hearts::Love) {
        return Err(settled);
    }
    let feeling = statement.says.as_ref().and_then(Says::feeling);
    let heart = Hearts::Love.show(feeling);
    let is_told_before = statement.agreed.contains_key(&Service::LastFm);
    if feeling.is_some() && !heart.is_loved() && !is_told_before {
        // Nobody asked to take a heart off: Last.fm has no word for what is said.
        return Err(Outcome::AlreadyThere {
            remote_id: None,
            detail: "Last.fm knows no hate, and was told of no love".to_owned(),
        });
    }
    let song = Song::of(&statement.media, Service::LastFm).map_err(|_| Outcome::NotFound {
        tried: "no artist and title".to_owned(),
    })?;
    Ok((if heart.is_loved() { LOVE } else { UNLOVE }, song))
}

#[cfg(test)]
#[path = "statements_tests.rs"]
mod tests;
