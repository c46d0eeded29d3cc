//! Statements: scores, and what is planned. Reviews are not sent.
//!
//! A score belongs to an entry of the user's list. What is not on it yet is put there as planned when it is rated:
//! AniList has no scores without a status, and every other status would say that it was watched.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::anime::progress::Status;
use hub_domain::{Aspect, Disposition, Outcome, ParcelId, Says, Service, Statement, StatementId};

use super::progress::{delivered, no_place, unknown};
use super::wire::{self, Change};
use super::{
    AniList, SAVE, error, is_old, other_entry, read, request_of, survey_of, words, written,
};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::seam::{Account, Context, OnList, Preparation, Prepared, PreparedStatement, Situation};

const TELL: &str = "take what the user says";

/// The call that takes an entry off the list.
const DELETE: &str = "DeleteMediaListEntry";

/// What a statement comes to at the service.
#[derive(Debug, PartialEq, Eq)]
enum Write {
    Save(Change),
    /// The user's own entry of this anime goes. Its number is read right before.
    Delete(u32),
}

impl Write {
    fn call(&self) -> &'static str {
        match self {
            Self::Save(_) => SAVE,
            Self::Delete(_) => DELETE,
        }
    }

    /// The body; of a removal it is the question that comes before it.
    fn body(&self) -> String {
        match self {
            Self::Save(change) => request_of(wire::SAVE, change),
            Self::Delete(media) => survey_of(&[*media]),
        }
    }

    /// What was written down.
    fn written(prepared: &Prepared) -> Result<Self, ProviderError> {
        if prepared.call != DELETE {
            return written(TELL, prepared).map(Self::Save);
        }
        let wire::Ids { ids } = written(TELL, prepared)?;
        let media = ids.first().copied();
        media.map(Self::Delete).ok_or_else(|| {
            let why = "what was written down to be sent names no entry";
            error(TELL, Disposition::Permanent, why)
        })
    }

    const fn media(&self) -> u32 {
        match self {
            Self::Save(change) => change.media_id,
            Self::Delete(media) => *media,
        }
    }
}

impl AniList {
    /// One statement a request: each changes an entry of its own.
    pub(crate) fn prepare_statements(
        &self,
        statements: &[Statement],
        context: &Context<'_>,
        now: DateTime<Utc>,
    ) -> Preparation<StatementId> {
        let mut preparation = Preparation::default();
        for statement in statements {
            match write_of(statement, context) {
                Err(outcome) => preparation.settled.push((statement.id.clone(), outcome)),
                Ok(_) if preparation.prepared.is_some() => {
                    preparation.left.push(statement.id.clone());
                }
                Ok(write) => {
                    let told = vec![PreparedStatement::of(statement)];
                    preparation.prepared = Some(Prepared::of_statements(
                        write.call(),
                        write.body(),
                        told,
                        now,
                    ));
                }
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
        let Some(told) = prepared.statements.first() else {
            return Ok(Vec::new());
        };
        let write = Write::written(prepared)?;
        let outcome = match &write {
            Write::Save(change) if !is_old(prepared, now) => {
                self.save(account, change, prepared, now).await?
            }
            Write::Save(_) | Write::Delete(_) => {
                self.tell_as_it_stands(account, &write, (prepared, told), now)
                    .await?
            }
        };
        let statements = prepared.statements.iter();
        Ok(statements
            .map(|told| (told.id.clone(), outcome.clone()))
            .collect())
    }

    /// Looks what stands now, and goes on if that still asks for the same.
    async fn tell_as_it_stands(
        &self,
        account: &Account<'_>,
        write: &Write,
        (prepared, told): (&Prepared, &PreparedStatement),
        now: DateTime<Utc>,
    ) -> Result<Outcome, ProviderError> {
        let media = write.media();
        let Some(standing) = self.standing(account, media, now).await? else {
            return Ok(unknown(media));
        };
        match (
            decide(told.id.aspect, told.says.as_ref(), media, &standing.shown),
            standing.entry_id,
        ) {
            (Err(outcome), _) => Ok(outcome),
            (Ok(next), _) if next != *write => Ok(Outcome::Wait {
                until: now + TimeDelta::seconds(1),
                why: "your list has changed meanwhile".to_owned(),
            }),
            (Ok(Write::Save(change)), _) => self.save(account, &change, prepared, now).await,
            (Ok(Write::Delete(_)), Some(id)) => self.delete(account, (media, id), now).await,
            (Ok(Write::Delete(_)), None) => Ok(not_listed(media)),
        }
    }

    async fn save(
        &self,
        account: &Account<'_>,
        change: &Change,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Outcome, ProviderError> {
        let body = prepared.body.clone();
        let answer = self
            .send(TELL, Effect::Writes, (account, body), now)
            .await?;
        let wire::SaveAnswer { saved } = read(TELL, Effect::Writes, &answer)?;
        Ok(outcome_of(change, &saved))
    }

    async fn delete(
        &self,
        account: &Account<'_>,
        (media, id): (u32, u64),
        now: DateTime<Utc>,
    ) -> Result<Outcome, ProviderError> {
        let body = request_of(wire::DELETE, wire::EntryId { id });
        let answer = match self.send(TELL, Effect::Writes, (account, body), now).await {
            // It went between the question and the removal.
            Err(error) if error.disposition == Disposition::NotFound => {
                return Ok(not_listed(media));
            }
            answer => answer?,
        };
        let answer: wire::DeleteAnswer = read(TELL, Effect::Writes, &answer)?;
        Ok(if answer.is_deleted() {
            delivered(media, None)
        } else {
            let why = format!("AniList did not take {} off your list", words::link(media));
            Outcome::Refused { why }
        })
    }
}

/// What a statement comes to, or what becomes of it without a call.
fn write_of(statement: &Statement, context: &Context<'_>) -> Result<Write, Outcome> {
    let aspect = statement.id.aspect;
    if !Service::AniList.takes_statement(aspect, statement.media.kind) {
        let why = "AniList keeps ratings and plans of whole entries alone".to_owned();
        return Err(Outcome::Ignored { why });
    }
    let id = ParcelId::from(statement.id.clone());
    let Some(Situation { place, stands }) = context.placed.get(&id) else {
        return Err(no_place());
    };
    let media = place.entry.id;
    let stands = stands.ok_or_else(|| unknown(media))?;
    decide(aspect, statement.says.as_ref(), media, &stands)
}

/// Decides what has to be written for an entry to show what is said; nothing where it does.
fn decide(
    aspect: Aspect,
    says: Option<&Says>,
    media: u32,
    stands: &OnList,
) -> Result<Write, Outcome> {
    let there = |detail: String| {
        Err(Outcome::AlreadyThere {
            remote_id: Some(media.to_string()),
            detail,
        })
    };
    let change = Change {
        media_id: media,
        ..Change::default()
    };
    match (aspect, says) {
        (Aspect::Rating, Some(Says::Rated { rating, .. })) => {
            let shown = stands.scale.show(*rating);
            if stands.score == Some(shown) {
                return there(format!("your list shows {} already", words::score(shown)));
            }
            let planned = wire::word(Status::Planning).to_owned();
            Ok(Write::Save(Change {
                status: stands.listed.is_none().then_some(planned),
                score_raw: Some(shown.raw()),
                ..change
            }))
        }
        (Aspect::Rating, None) if stands.listed.is_none() || stands.score.is_none() => {
            there("your list shows no rating".to_owned())
        }
        (Aspect::Rating, None) => Ok(Write::Save(Change {
            score_raw: Some(0),
            ..change
        })),
        (Aspect::Watchlist, Some(_)) => match &stands.listed {
            Some(listed) => there(format!(
                "it is on your list already: {}",
                words::standing(listed)
            )),
            None => Ok(Write::Save(Change {
                status: Some(wire::word(Status::Planning).to_owned()),
                ..change
            })),
        },
        (Aspect::Watchlist, None) => match &stands.listed {
            None => Err(not_listed(media)),
            Some(listed) if listed.status != Status::Planning => there(format!(
                "your list does not show it as planned: {}",
                words::standing(listed)
            )),
            // With the entry its score would go, and how far the user is.
            Some(listed) if listed.progress > 0 || stands.score.is_some() => {
                Err(Outcome::Ignored {
                    why: format!(
                        "it is planned, and rated or begun: to take it off your list, use {}",
                        words::link(media)
                    ),
                })
            }
            Some(_) => Ok(Write::Delete(media)),
        },
        (Aspect::Rating, Some(Says::Felt(_) | Says::Listed))
        | (Aspect::Loved | Aspect::Collection | Aspect::Reading, _) => Err(Outcome::Ignored {
            why: "AniList has no place for it".to_owned(),
        }),
    }
}

/// What the answer says of a change.
fn outcome_of(sent: &Change, saved: &wire::Saved) -> Outcome {
    if saved.media_id != sent.media_id {
        let why = other_entry(sent.media_id, saved.media_id);
        return Outcome::Refused { why };
    }
    let shows = saved.raw_score();
    let listed = saved.listed();
    match sent.score_raw {
        Some(score) if (score == 0) != (shows == 0) => Outcome::Refused {
            why: format!(
                "AniList answered without an error, and yet its score is {shows} of 100, not {score}"
            ),
        },
        // It may round to a step of the user's format in its own way.
        Some(score) if score != shows => delivered(
            sent.media_id,
            Some(format!("AniList made {shows} of 100 of {score}")),
        ),
        Some(_) | None if saved.has(sent) => delivered(sent.media_id, None),
        Some(_) | None => Outcome::Refused {
            why: format!(
                "AniList answered without an error, and yet your list shows: {}",
                words::standing(&listed)
            ),
        },
    }
}

fn not_listed(media: u32) -> Outcome {
    Outcome::AlreadyThere {
        remote_id: Some(media.to_string()),
        detail: "it is not on your list".to_owned(),
    }
}

#[cfg(test)]
#[path = "statements_tests.rs"]
mod tests;
