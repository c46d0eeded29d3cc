//! Statements: a score, and the watchlist, which is the entries that are planned. Reviews are not taken from apps.

use chrono::{DateTime, Utc};
use hub_domain::anime::progress::{Listed, Status};
use hub_domain::rating::Scale;
use hub_domain::{Aspect, Disposition, Outcome, Says, Service, Statement, StatementId};
use reqwest::Method;

use super::plays::{known, situated, words};
use super::{MyAnimeList, is_repeat, not_ours, page_of, wire};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::seam::{Account, Context, OnList, Preparation, Prepared, PreparedStatement};

const TELL: &str = "take what is said";

/// What is to be written about a statement.
#[derive(Debug, PartialEq, Eq)]
enum Write {
    /// The entry is changed by this form.
    Change(String),
    /// The entry goes off the list.
    Remove,
}

impl MyAnimeList {
    /// One statement goes into a request: the first about which the list shows something else.
    pub(crate) fn prepare_statements(
        &self,
        statements: &[Statement],
        context: &Context<'_>,
        now: DateTime<Utc>,
    ) -> Preparation<StatementId> {
        let mut preparation = Preparation::default();
        let mut chosen = None;
        for statement in statements {
            let id = statement.id.clone();
            let (entry, stands) = match stands_of(statement, context) {
                Ok(found) => found,
                Err(outcome) => {
                    preparation.settled.push((id, outcome));
                    continue;
                }
            };
            // What stands at an entry says nothing any more once it is about to be changed.
            if chosen == Some(entry) {
                preparation.left.push(id);
                continue;
            }
            match write_of(statement.id.aspect, statement.says.as_ref(), entry, stands) {
                Err(outcome) => preparation.settled.push((id, outcome)),
                Ok(_) if chosen.is_some() => preparation.left.push(id),
                Ok(write) => {
                    let (call, form) = match write {
                        Write::Change(form) => (wire::status_path(entry), form),
                        Write::Remove => (wire::removal_of(entry), String::new()),
                    };
                    let told = vec![PreparedStatement::of(statement)];
                    preparation.prepared = Some(Prepared::of_statements(call, form, told, now));
                    chosen = Some(entry);
                }
            }
        }
        preparation
    }

    /// A repeat about the watchlist looks first: an entry that its user has begun meanwhile is neither made a planned one
    /// again nor removed.
    pub(crate) async fn tell(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(StatementId, Outcome)>, ProviderError> {
        let [told] = prepared.statements.as_slice() else {
            return Err(not_ours(TELL, prepared));
        };
        let Some(call) = wire::Call::of(&prepared.call) else {
            return Err(not_ours(TELL, prepared));
        };
        let answer = |outcome| Ok(vec![(told.id.clone(), outcome)]);
        if told.id.aspect == Aspect::Watchlist && is_repeat(prepared, now) {
            let Some(stands) = self.look_at(account, call.entry, now).await? else {
                let tried = format!("{}, which is no longer there", page_of(call.entry));
                return answer(Outcome::NotFound { tried });
            };
            if let Err(outcome) = plan_of(told.says.as_ref(), call.entry, &stands) {
                return answer(outcome);
            }
        }
        if call.removes {
            return answer(self.remove(account, (prepared, call.entry), now).await?);
        }
        let shown = self.change(TELL, (account, prepared), now).await?;
        answer(match told.id.aspect {
            Aspect::Rating => score_outcome(call.entry, told, &shown),
            Aspect::Watchlist | Aspect::Loved | Aspect::Collection | Aspect::Reading => {
                planned_outcome(call.entry, shown.listed().as_ref())
            }
        })
    }

    /// Takes an entry off the list; one that is not on it is gone already.
    async fn remove(
        &self,
        account: &Account<'_>,
        (prepared, entry): (&Prepared, u32),
        now: DateTime<Utc>,
    ) -> Result<Outcome, ProviderError> {
        let Some((_, path)) = prepared.call.split_once(' ') else {
            return Err(not_ours(TELL, prepared));
        };
        let request = self.call(Method::DELETE, path, account);
        match self.send(TELL, Effect::Writes, request, now).await {
            Ok(_) => Ok(delivered(entry, None)),
            Err(error) if error.disposition == Disposition::NotFound => {
                Ok(there(entry, "it was off your list already"))
            }
            Err(error) => Err(error),
        }
    }
}

/// What stands at the entry that a statement is about.
fn stands_of<'a>(
    statement: &Statement,
    context: &Context<'a>,
) -> Result<(u32, &'a OnList), Outcome> {
    let aspect = statement.id.aspect;
    if !Service::MyAnimeList.takes_statement(aspect, statement.media.kind) {
        let why = "MyAnimeList has scores and a watchlist, of whole entries".to_owned();
        return Err(Outcome::Ignored { why });
    }
    let (entry, situation) = situated(&statement.id.clone().into(), context)?;
    Ok((entry, known(entry, situation)?))
}

/// What is to be written so that the list shows what is said; an outcome where there is nothing to write.
fn write_of(
    aspect: Aspect,
    says: Option<&Says>,
    entry: u32,
    stands: &OnList,
) -> Result<Write, Outcome> {
    match aspect {
        Aspect::Rating => score_of(says, entry, stands),
        Aspect::Watchlist => plan_of(says, entry, stands),
        Aspect::Loved | Aspect::Collection | Aspect::Reading => Err(Outcome::Ignored {
            why: "MyAnimeList has scores and a watchlist".to_owned(),
        }),
    }
}

/// The step of MyAnimeList's scale that a rating is shown as; 0 is its "not rated".
fn step_of(says: Option<&Says>) -> u8 {
    says.and_then(Says::rating)
        .map_or(0, |rating| Scale::Ten.show(rating).step())
}

fn score_of(says: Option<&Says>, entry: u32, stands: &OnList) -> Result<Write, Outcome> {
    let score = step_of(says);
    let shown = stands.score.map_or(0, |shown| shown.step());
    match (shown == score, score) {
        (true, 0) => Err(there(entry, "your list has no score of it")),
        (true, _) => Err(there(entry, &format!("your list has it at {score} of 10"))),
        (false, _) => Ok(Write::Change(wire::score_form(score))),
    }
}

/// An entry is planned only if it is not listed at all, and only a planned one is removed, with nothing of its user's in
/// it.
fn plan_of(says: Option<&Says>, entry: u32, stands: &OnList) -> Result<Write, Outcome> {
    let is_wanted = says.is_some();
    match &stands.listed {
        None if is_wanted => Ok(Write::Change(wire::planning_form())),
        None => Err(there(entry, "it is not on your list")),
        Some(listed) if is_wanted => Err(there(entry, &words(listed))),
        Some(listed) if !is_planned(listed) => Err(there(
            entry,
            &format!("it is planned no more: {}", words(listed)),
        )),
        Some(_) if stands.score.is_some() => {
            let why = format!(
                "it stays planned, since your score is kept with it; remove it at {}",
                page_of(entry)
            );
            Err(Outcome::Ignored { why })
        }
        Some(_) => Ok(Write::Remove),
    }
}

fn is_planned(listed: &Listed) -> bool {
    listed.status == Status::Planning && listed.progress == 0
}

fn score_outcome(entry: u32, told: &PreparedStatement, shown: &wire::ListStatus) -> Outcome {
    let score = shown.score().map_or(0, |shown| shown.step());
    if score != step_of(told.says.as_ref()) {
        let why = format!("MyAnimeList answered that the score is {score}");
        return Outcome::Refused { why };
    }
    let has_review = matches!(
        &told.says,
        Some(Says::Rated {
            review: Some(_),
            ..
        })
    );
    let detail =
        has_review.then(|| "without the review: MyAnimeList takes none from apps".to_owned());
    delivered(entry, detail)
}

fn planned_outcome(entry: u32, shown: Option<&Listed>) -> Outcome {
    match shown {
        Some(listed) if listed.status == Status::Planning => delivered(entry, None),
        Some(listed) => Outcome::Refused {
            why: format!("MyAnimeList answered that {}", words(listed)),
        },
        None => Outcome::Refused {
            why: "MyAnimeList answered that it is not on your list".to_owned(),
        },
    }
}

fn delivered(entry: u32, detail: Option<String>) -> Outcome {
    Outcome::Delivered {
        remote_id: Some(entry.to_string()),
        detail,
    }
}

fn there(entry: u32, detail: &str) -> Outcome {
    Outcome::AlreadyThere {
        remote_id: Some(entry.to_string()),
        detail: detail.to_owned(),
    }
}

#[cfg(test)]
#[path = "statements_tests.rs"]
mod tests;
