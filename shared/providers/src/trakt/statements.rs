//! `/sync/ratings`, `/sync/watchlist`, `/sync/collection`: what a user says of films, shows, seasons and episodes.
//!
//! Told twice it is the same, so that a lost answer means telling it again. A request holds one thing: ratings, or their
//! removals; a collected show goes alone, since Trakt counts the episodes that it took of it, not the show.

use chrono::{DateTime, Utc};
use hub_domain::rating::Hearts;
use hub_domain::{Aspect, Disposition, Outcome, Says, Service, Statement, StatementId};

use super::echoes::is_subject_named;
use super::item::{self, Subject};
use super::wire::{
    Answered, Counts, EpisodeIds, EpisodeNumber, Item, Told, ToldEpisode, ToldMovie, ToldNumber,
    ToldSeason, ToldShow, Words,
};
use super::{Trakt, disposition, read};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::said;
use crate::seam::{Account, Preparation, Prepared, PreparedStatement};

/// How many statements go into one request.
const MOST_STATEMENTS: usize = 100;

const TELL: &str = "take what was said";

/// What is told by one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Errand {
    call: &'static str,
    is_alone: bool,
}

impl Trakt {
    /// The first statement that can be told decides the errand; those after it with the same one go along.
    #[expect(clippy::unused_self, reason = "each client has this method")]
    pub(crate) fn prepare_statements(
        &self,
        statements: &[Statement],
        now: DateTime<Utc>,
    ) -> Preparation<StatementId> {
        let mut preparation = Preparation::default();
        let mut errand = None;
        let mut batch: Vec<(&Statement, Subject)> = Vec::new();
        for statement in statements {
            let (its_errand, subject) = match errand_of(statement) {
                Ok(next) => next,
                Err(outcome) => {
                    preparation.settled.push((statement.id.clone(), outcome));
                    continue;
                }
            };
            let most = if its_errand.is_alone {
                1
            } else {
                MOST_STATEMENTS
            };
            if *errand.get_or_insert(its_errand) == its_errand && batch.len() < most {
                batch.push((statement, subject));
            } else {
                preparation.left.push(statement.id.clone());
            }
        }
        preparation.prepared = errand.map(|errand| telling_of(errand.call, batch, now));
        preparation
    }

    pub(crate) async fn tell(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(StatementId, Outcome)>, ProviderError> {
        let sent = subjects_of(&prepared.body).filter(|it| it.len() == prepared.statements.len());
        let Some(sent) = sent else {
            let why = "what was written down does not fit its statements";
            return Err(super::error(TELL, Disposition::Permanent, why));
        };
        let request = self.written(account, prepared);
        let answer = self.ask(TELL, Effect::Writes, request).await?;
        if disposition::is_account_limit(answer.status) {
            return self
                .at_the_limit(account, prepared, &answer.headers, now)
                .await;
        }
        let answer = super::accept(TELL, Effect::Writes, answer, now).map_err(super::of_listing)?;
        let answered: Answered = read(TELL, Effect::Writes, &answer)?;
        let outcomes = match (call_of(&prepared.call), answered.added, answered.deleted) {
            (Some((_, true)), Some(added), _) => told(&sent, &answered, added, now)
                .map_err(|why| super::error(TELL, Disposition::Permanent, why))?,
            (Some((aspect, false)), _, Some(deleted)) => {
                taken_back(&sent, &answered, deleted, aspect, now)
            }
            _ => {
                let why = "the answer does not say what was taken";
                return Err(super::error(TELL, Disposition::InDoubt, why));
            }
        };
        let ids = prepared.statements.iter().map(|it| it.id.clone());
        Ok(ids.zip(outcomes).collect())
    }
}

/// The calls: which aspect, and whether it is said or taken back.
const CALLS: [(&str, Aspect, bool); 6] = [
    ("sync/ratings", Aspect::Rating, true),
    ("sync/ratings/remove", Aspect::Rating, false),
    ("sync/watchlist", Aspect::Watchlist, true),
    ("sync/watchlist/remove", Aspect::Watchlist, false),
    ("sync/collection", Aspect::Collection, true),
    ("sync/collection/remove", Aspect::Collection, false),
];

fn call_of(call: &str) -> Option<(Aspect, bool)> {
    let known = CALLS.iter().find(|(known, _, _)| *known == call);
    known.map(|(_, aspect, is_said)| (*aspect, *is_said))
}

/// What is told next of a statement; the error is what becomes of it without a call.
fn errand_of(statement: &Statement) -> Result<(Errand, Subject), Outcome> {
    if let Some(settled) = said::settled_at_once(statement, Service::Trakt, Hearts::Love) {
        return Err(settled);
    }
    let by_number = item::is_known_by_number_only(&statement.deliveries);
    let subject = item::subject_of(&statement.media, by_number)?;
    let (aspect, is_said) = (statement.id.aspect, statement.says.is_some());
    let call = CALLS
        .iter()
        .find(|(_, known, said)| *known == aspect && *said == is_said)
        .map(|(call, _, _)| *call)
        .ok_or_else(|| Outcome::Ignored {
            why: format!("Trakt keeps no {}", said::noun(aspect)),
        })?;
    let is_whole = matches!(subject, Subject::Show(_) | Subject::Season { .. });
    let is_alone = aspect == Aspect::Collection && is_whole;
    Ok((Errand { call, is_alone }, subject))
}

/// Writes down what is told: films, then episodes by their ids, then shows with what is told of them, as the body holds
/// them.
fn telling_of(
    call: &'static str,
    batch: Vec<(&Statement, Subject)>,
    now: DateTime<Utc>,
) -> Prepared {
    let mut body = Told::default();
    let (mut films, mut episodes, mut shows) = (Vec::new(), Vec::new(), Vec::new());
    for (statement, subject) in batch {
        let (prepared, words) = (PreparedStatement::of(statement), words_of(statement));
        match subject {
            Subject::Item(Item::Movie { movie }) => {
                body.movies.push(ToldMovie { movie, words });
                films.push(prepared);
            }
            Subject::Item(Item::Episode {
                episode: EpisodeIds { ids },
            }) => {
                body.episodes.push(ToldEpisode { ids, words });
                episodes.push(prepared);
            }
            Subject::Item(Item::Numbered { show, episode }) => {
                let number = episode.number;
                let season = ToldSeason {
                    number: episode.season,
                    words: Words::default(),
                    episodes: Some([ToldNumber { number, words }]),
                };
                body.shows.push(ToldShow {
                    show,
                    words: Words::default(),
                    seasons: Some([season]),
                });
                shows.push(prepared);
            }
            Subject::Season { show, number } => {
                let season = ToldSeason {
                    number,
                    words,
                    episodes: None,
                };
                body.shows.push(ToldShow {
                    show,
                    words: Words::default(),
                    seasons: Some([season]),
                });
                shows.push(prepared);
            }
            Subject::Show(show) => {
                body.shows.push(ToldShow {
                    show,
                    words,
                    seasons: None,
                });
                shows.push(prepared);
            }
        }
    }
    films.append(&mut episodes);
    films.append(&mut shows);
    Prepared::of_statements(call, super::encode(&body), films, now)
}

fn words_of(statement: &Statement) -> Words {
    let since = || Some(statement.since.format("%Y-%m-%dT%H:%M:%S.000Z").to_string());
    match (&statement.says, statement.id.aspect) {
        (Some(Says::Rated { rating, .. }), _) => Words {
            rating: Some(said::step_of(*rating)),
            rated_at: since(),
            collected_at: None,
        },
        (Some(Says::Listed), Aspect::Collection) => Words {
            collected_at: since(),
            ..Words::default()
        },
        (Some(Says::Listed | Says::Felt(_)) | None, _) => Words::default(),
    }
}

/// The subjects of a body, in its order.
fn subjects_of(body: &str) -> Option<Vec<Subject>> {
    let body: Told = serde_json::from_str(body).ok()?;
    let films = body
        .movies
        .into_iter()
        .map(|film| Subject::Item(Item::Movie { movie: film.movie }));
    let episodes = body.episodes.into_iter().map(|episode| {
        let episode = EpisodeIds { ids: episode.ids };
        Subject::Item(Item::Episode { episode })
    });
    let shows = body.shows.into_iter().map(|told| {
        let show = told.show;
        let Some([season]) = told.seasons else {
            return Subject::Show(show);
        };
        match season.episodes {
            Some([episode]) => {
                let episode = EpisodeNumber {
                    season: season.number,
                    number: episode.number,
                };
                Subject::Item(Item::Numbered { show, episode })
            }
            None => Subject::Season {
                show,
                number: season.number,
            },
        }
    });
    Some(films.chain(episodes).chain(shows).collect())
}

/// What Trakt counts a subject among.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Movie,
    Show,
    Season,
    Episode,
}

impl Counted {
    const fn of(subject: &Subject) -> Self {
        match subject {
            Subject::Item(Item::Movie { .. }) => Self::Movie,
            Subject::Item(Item::Episode { .. } | Item::Numbered { .. }) => Self::Episode,
            Subject::Show(_) => Self::Show,
            Subject::Season { .. } => Self::Season,
        }
    }

    const fn among(self, counts: Counts) -> usize {
        match self {
            Self::Movie => counts.movies,
            Self::Show => counts.shows,
            Self::Season => counts.seasons,
            Self::Episode => counts.episodes,
        }
    }
}

fn sum(counts: Counts) -> usize {
    [counts.movies, counts.shows, counts.seasons, counts.episodes]
        .into_iter()
        .fold(0, usize::saturating_add)
}

/// Which of them Trakt does not know. What a lone one is answered is about it, however it is echoed.
fn unknown_of(sent: &[Subject], answer: &Answered) -> Vec<bool> {
    match sent {
        [_] => vec![!answer.not_found.is_empty()],
        _ => sent
            .iter()
            .map(|subject| is_subject_named(&answer.not_found, subject))
            .collect(),
    }
}

/// What became of each thing that was said: Trakt counts what it took and what it had, and lists what it did not find.
///
/// The error is for an answer that leaves open which of several it dropped: each half will tell more.
fn told(
    sent: &[Subject],
    answer: &Answered,
    added: Counts,
    now: DateTime<Utc>,
) -> Result<Vec<Outcome>, String> {
    let is_unknown = unknown_of(sent, answer);
    let mut outcomes = Vec::with_capacity(sent.len());
    for (subject, unknown) in sent.iter().zip(&is_unknown) {
        if *unknown {
            outcomes.push(item::unknown_subject(subject, now));
            continue;
        }
        let kind = Counted::of(subject);
        let among = |counts: Counts| match sent {
            // Of a lone show whose episodes are counted, all that is counted is about it.
            [_] => sum(counts),
            _ => kind.among(counts),
        };
        let new = among(added).saturating_add(among(answer.updated));
        let taken = new.saturating_add(among(answer.existing));
        let known = sent.iter().zip(&is_unknown);
        let expected = known
            .filter(|(other, unknown)| !**unknown && Counted::of(other) == kind)
            .count();
        if taken >= expected && new > 0 {
            outcomes.push(Outcome::Delivered {
                remote_id: None,
                detail: None,
            });
        } else if taken >= expected {
            outcomes.push(Outcome::AlreadyThere {
                remote_id: None,
                detail: "Trakt had it there already".to_owned(),
            });
        } else if sent.len() == 1 {
            outcomes.push(item::unknown_subject(subject, now));
        } else {
            return Err(format!("took {taken} of {expected} and did not say which"));
        }
    }
    Ok(outcomes)
}

/// What became of each thing that was taken back: what was not found there is not there, which is what was asked for.
fn taken_back(
    sent: &[Subject],
    answer: &Answered,
    deleted: Counts,
    aspect: Aspect,
    now: DateTime<Utc>,
) -> Vec<Outcome> {
    let is_unknown = unknown_of(sent, answer);
    sent.iter()
        .zip(is_unknown)
        .map(|(subject, unknown)| {
            if unknown {
                item::unknown_subject(subject, now)
            } else if sum(deleted) > 0 {
                Outcome::Delivered {
                    remote_id: None,
                    detail: None,
                }
            } else {
                Outcome::AlreadyThere {
                    remote_id: None,
                    detail: format!("Trakt had no {} of it", said::noun(aspect)),
                }
            }
        })
        .collect()
}

#[cfg(test)]
#[path = "statements_tests.rs"]
mod tests;
