//! Ratings, and "plan to watch", which is Simkl's watchlist.
//!
//! Told twice it is the same. But Simkl's five lists are one: what is put on "plan to watch" leaves "completed", and what
//! is taken off it leaves every list, its rating with it. So it is looked where an item stands before it is put there or
//! taken off, and nothing that was watched or rated is moved.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::rating::Hearts;
use hub_domain::{Aspect, Disposition, ItemKind, Outcome, Says, Service, Statement, StatementId};
use serde_json::{Map, Value};

use super::history::{is_echo, items_of, tried, written};
use super::wire::{Lookup, Named, NotFound, Watched};
use super::wire_lists::{Deleted, Listed, Rated, Told, ToldItem};
use super::{Simkl, item, parse_time, read};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::said;
use crate::seam::{Account, Preparation, Prepared, PreparedStatement};

/// How many statements go into one request.
const MOST_STATEMENTS: usize = 100;
/// The list that stands for the watchlist.
const PLANNED: &str = "plantowatch";

const LOOK: &str = "sync/watched";
const RATE: &str = "sync/ratings";
const UNRATE: &str = "sync/ratings/remove";
const LIST: &str = "sync/add-to-list";
const UNLIST: &str = "sync/history/remove";

/// Why a statement waits a second after it was looked where its item stands, and how `errand_of` knows: a second write
/// within the second is over Simkl's limit.
const LISTED_NEXT: &str = "it is put on Simkl's \"plan to watch\" next";
const UNLISTED_NEXT: &str =
    "Simkl has it on \"plan to watch\", neither watched nor rated; it is taken off next";

const TELL: &str = "take what was said";

impl Simkl {
    /// The first statement that can be told decides the call; those after it with the same one go along.
    #[expect(clippy::unused_self, reason = "each client has this method")]
    pub(crate) fn prepare_statements(
        &self,
        statements: &[Statement],
        now: DateTime<Utc>,
    ) -> Preparation<StatementId> {
        let mut preparation = Preparation::default();
        let mut call = None;
        let mut batch: Vec<(&Statement, Named)> = Vec::new();
        for statement in statements {
            let (its_call, named) = match errand_of(statement) {
                Ok(next) => next,
                Err(outcome) => {
                    preparation.settled.push((statement.id.clone(), outcome));
                    continue;
                }
            };
            if *call.get_or_insert(its_call) == its_call && batch.len() < MOST_STATEMENTS {
                batch.push((statement, named));
            } else {
                preparation.left.push(statement.id.clone());
            }
        }
        preparation.prepared = call.map(|call| match call {
            LOOK => look_of(batch, now),
            _ => telling_of(call, batch, now),
        });
        preparation
    }

    pub(crate) async fn tell(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(StatementId, Outcome)>, ProviderError> {
        if prepared.call == LOOK {
            return self.look_where(account, prepared, now).await;
        }
        let sent = items_of(&prepared.body).filter(|sent| sent.len() == prepared.statements.len());
        let Some(sent) = sent else {
            let why = "what was written down does not fit its statements";
            return Err(super::error(TELL, Disposition::Permanent, why));
        };
        let answer = self
            .send_written(TELL, Effect::Writes, (account, prepared), now)
            .await?;
        let outcomes = match prepared.call.as_str() {
            RATE => {
                let answer: Rated = read(TELL, Effect::Writes, &answer)?;
                rated(&sent, &answer)
            }
            LIST => {
                let answer: Listed = read(TELL, Effect::Writes, &answer)?;
                listed(&sent, &answer)
                    .map_err(|why| super::error(TELL, Disposition::Permanent, why))?
            }
            _ => {
                let answer: Deleted = if answer.body.trim().is_empty() {
                    Deleted::default()
                } else {
                    read(TELL, Effect::Writes, &answer)?
                };
                deleted(&sent, &answer)
            }
        };
        let ids = prepared.statements.iter().map(|it| it.id.clone());
        Ok(ids.zip(outcomes).collect())
    }

    /// Looks where items stand that are to be put on the watchlist, or taken off it.
    async fn look_where(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(StatementId, Outcome)>, ProviderError> {
        let found = self.watched(account, prepared, now).await?;
        let steps: Vec<Step> = prepared
            .statements
            .iter()
            .zip(&found)
            .map(|(statement, (sent, found))| step(statement.says.is_some(), sent, found))
            .collect();
        let is_film = |sent: &Value| sent.get("type").and_then(Value::as_str) == Some("movie");
        let mut rated = Vec::new();
        // What is rated is asked only where something is to be taken off: each question is one of the day's.
        for are_films in [true, false] {
            let is_needed = steps
                .iter()
                .zip(&found)
                .any(|(step, (sent, _))| *step == Step::TakeOff && is_film(sent) == are_films);
            if is_needed {
                rated.extend(self.rated(account, are_films, now).await?);
            }
        }
        let next = |why: &str| Outcome::Wait {
            until: now + TimeDelta::seconds(1),
            why: why.to_owned(),
        };
        let outcomes = steps.into_iter().zip(&found).map(|(step, (sent, _))| match step {
            Step::Settled(outcome) => outcome,
            Step::PutOn => next(LISTED_NEXT),
            Step::TakeOff => {
                let asked = as_item(sent);
                if rated.iter().any(|rated| is_echo(rated, &asked)) {
                    Outcome::Ignored {
                        why: "Simkl would remove its rating as well; take it off \"plan to watch\" there: https://simkl.com".to_owned(),
                    }
                } else {
                    next(UNLISTED_NEXT)
                }
            }
        });
        let ids = prepared.statements.iter().map(|it| it.id.clone());
        Ok(ids.zip(outcomes).collect())
    }
}

/// Which call is next for a statement; the error is what becomes of it without one.
fn errand_of(statement: &Statement) -> Result<(&'static str, Named), Outcome> {
    if let Some(settled) = said::settled_at_once(statement, Service::Simkl, Hearts::Love) {
        return Err(settled);
    }
    let named = item::whole_of(&statement.media)?;
    let delivery = statement.deliveries.get(&Service::Simkl);
    let detail = delivery.and_then(|delivery| delivery.detail.as_deref());
    let call = match (statement.id.aspect, statement.says.is_some(), detail) {
        (Aspect::Rating, true, _) => RATE,
        (Aspect::Rating, false, _) => UNRATE,
        (_, true, Some(LISTED_NEXT)) => LIST,
        (_, false, Some(UNLISTED_NEXT)) => UNLIST,
        // After any trouble it is looked again.
        (_, _, _) => LOOK,
    };
    Ok((call, named))
}

fn is_film(statement: &Statement) -> bool {
    statement.media.kind == ItemKind::Movie
}

fn look_of(batch: Vec<(&Statement, Named)>, now: DateTime<Utc>) -> Prepared {
    let (statements, lookups): (Vec<_>, Vec<_>) = batch
        .into_iter()
        .map(|(statement, named)| {
            let r#type = Some(if is_film(statement) { "movie" } else { "show" });
            let lookup = Lookup {
                r#type,
                title: named.title,
                year: named.year,
                ids: named.ids,
                season: None,
                episode: None,
            };
            (PreparedStatement::of(statement), lookup)
        })
        .unzip();
    Prepared::of_statements(LOOK, super::encode(&lookups), statements, now)
}

/// Writes down what is told: films, then shows, as the body holds them.
fn telling_of(call: &'static str, batch: Vec<(&Statement, Named)>, now: DateTime<Utc>) -> Prepared {
    let mut body = Told::default();
    let (mut films, mut shows) = (Vec::new(), Vec::new());
    for (statement, named) in batch {
        let rating = statement.says.as_ref().and_then(Says::rating);
        let item = ToldItem {
            named,
            rating: rating.map(said::step_of),
            rated_at: rating.map(|_| written(statement.since)),
            to: (call == LIST).then_some(PLANNED),
        };
        if is_film(statement) {
            body.movies.push(item);
            films.push(PreparedStatement::of(statement));
        } else {
            body.shows.push(item);
            shows.push(PreparedStatement::of(statement));
        }
    }
    films.append(&mut shows);
    Prepared::of_statements(call, super::encode(&body), films, now)
}

/// What follows from where an item stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Settled(Outcome),
    PutOn,
    TakeOff,
}

fn step(is_said: bool, sent: &Value, found: &Watched) -> Step {
    let there = |detail: String| {
        Step::Settled(Outcome::AlreadyThere {
            remote_id: None,
            detail,
        })
    };
    if found.result.as_str() == Some("not_found") {
        let tried = tried(&as_item(sent));
        return Step::Settled(Outcome::NotFound { tried });
    }
    let is_watched = found
        .last_watched_at
        .as_deref()
        .is_some_and(|at| !at.is_empty());
    let watched = found.last_watched_at.as_deref().and_then(parse_time);
    let on = match watched {
        Some(at) => format!(", watched {}", at.format("%Y-%m-%d")),
        None => String::new(),
    };
    let list = found
        .list
        .as_deref()
        .filter(|_| found.result == Value::Bool(true));
    match (list, is_said) {
        (None, true) => Step::PutOn,
        (None, false) => there("Simkl has it on none of its lists".to_owned()),
        (Some(PLANNED), true) => there("Simkl has it on \"plan to watch\" already".to_owned()),
        (Some(PLANNED), false) if is_watched => Step::Settled(Outcome::Ignored {
            why: format!(
                "Simkl would remove what was watched of it as well{on}; take it off \"plan to watch\" there: https://simkl.com"
            ),
        }),
        (Some(PLANNED), false) => Step::TakeOff,
        // On hold or dropped, and nothing seen of it: its user thought again.
        (Some("hold" | "dropped"), true) if !is_watched => Step::PutOn,
        (Some(list), true) => Step::Settled(Outcome::Ignored {
            why: format!(
                "Simkl has it on its list \"{list}\"{on}, and \"plan to watch\" would take it off there"
            ),
        }),
        (Some(list), false) => there(format!(
            "Simkl has it on its list \"{list}\", not on \"plan to watch\""
        )),
    }
}

/// An item of the look, whose ids stand in the item itself, as other bodies hold it.
pub(super) fn as_item(sent: &Value) -> Value {
    let mut item = Map::new();
    let mut ids = Map::new();
    for (name, value) in sent.as_object().into_iter().flatten() {
        match name.as_str() {
            "title" | "year" => item.insert(name.clone(), value.clone()),
            "type" | "season" | "episode" => None,
            _ => ids.insert(name.clone(), value.clone()),
        };
    }
    item.insert("ids".to_owned(), Value::Object(ids));
    Value::Object(item)
}

/// Says whether an item is among those that were not found. What a lone one is answered is about it, however it is
/// echoed.
fn is_missing(
    sent: &[(&'static str, Value)],
    (list, item): &(&'static str, Value),
    missing: &NotFound,
) -> bool {
    let echoes = match *list {
        "movies" => &missing.movies,
        _ => &missing.shows,
    };
    match sent {
        [_] => !missing.is_empty(),
        _ => echoes.iter().any(|echo| is_echo(echo, item)),
    }
}

fn rated(sent: &[(&'static str, Value)], answer: &Rated) -> Vec<Outcome> {
    sent.iter()
        .map(|it| {
            let (_, item) = it;
            if is_missing(sent, it, &answer.not_found) {
                return Outcome::NotFound { tried: tried(item) };
            }
            if answer.added.counts.is_nothing() {
                return Outcome::AlreadyThere {
                    remote_id: None,
                    detail: "Simkl had this rating of it already".to_owned(),
                };
            }
            let is_its = |request: &Value| sent.len() == 1 || is_echo(request, item);
            let status = answer
                .added
                .statuses
                .iter()
                .find(|status| is_its(&status.request))
                .and_then(|status| status.response.status.as_deref());
            Outcome::Delivered {
                remote_id: None,
                detail: status.map(|list| format!("Simkl has it on its list \"{list}\"")),
            }
        })
        .collect()
}

/// What became of what was put on the watchlist: the echoed list is the one that it went to.
///
/// The error is for an answer that leaves open what became of one of several: each half will tell more.
fn listed(sent: &[(&'static str, Value)], answer: &Listed) -> Result<Vec<Outcome>, String> {
    let mut outcomes = Vec::with_capacity(sent.len());
    for it in sent {
        let (_, item) = it;
        if is_missing(sent, it, &answer.not_found) {
            outcomes.push(Outcome::NotFound { tried: tried(item) });
            continue;
        }
        let mut echoes = answer.added.movies.iter().chain(&answer.added.shows);
        let echo = echoes.find(|echo| sent.len() == 1 || is_echo(echo, item));
        let Some(echo) = echo else {
            if sent.len() > 1 {
                return Err("the answer does not say what became of each item".to_owned());
            }
            outcomes.push(Outcome::Ignored {
                why: "Simkl did not take it".to_owned(),
            });
            continue;
        };
        outcomes.push(match echo.get("to").and_then(Value::as_str) {
            Some(list) if list != PLANNED => Outcome::Ignored {
                why: format!("Simkl put it on its list \"{list}\" instead"),
            },
            Some(_) | None => Outcome::Delivered {
                remote_id: None,
                detail: None,
            },
        });
    }
    Ok(outcomes)
}

/// What became of what was removed: what was not found there is not there, which is what was asked for.
pub(super) fn deleted(sent: &[(&'static str, Value)], answer: &Deleted) -> Vec<Outcome> {
    let is_nothing = answer
        .deleted
        .as_ref()
        .is_some_and(super::wire::Counts::is_nothing);
    sent.iter()
        .map(|it| {
            if is_missing(sent, it, &answer.not_found) {
                Outcome::NotFound {
                    tried: tried(&it.1),
                }
            } else if is_nothing {
                Outcome::AlreadyThere {
                    remote_id: None,
                    detail: "Simkl did not have it".to_owned(),
                }
            } else {
                Outcome::Delivered {
                    remote_id: None,
                    detail: None,
                }
            }
        })
        .collect()
}

#[cfg(test)]
#[path = "statements_tests.rs"]
mod tests;
