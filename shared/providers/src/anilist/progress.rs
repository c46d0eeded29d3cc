//! Plays: how far their user is in an entry, written as a state to be reached.
//!
//! The plays of one entry go together, in the order in which they were watched, and make one state. It is frozen in the
//! request's name, since the body holds only what has to change.

use chrono::{DateTime, Utc};
use hub_domain::anime::progress::{Already, Listed, Rules, Step, Target, Watched, step};
use hub_domain::{Disposition, Outcome, ParcelId, Play, PlayId, Precision, Service};

use super::wire::{self, Change};
use super::{AniList, SAVE, encode, error, is_old, other_entry, read, request_of, words, written};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::seam::{
    Account, Context, OnList, Preparation, Prepared, PreparedPlay, Situation, time_told,
};

const DELIVER: &str = "take how far the user is";
const TAKE_BACK: &str = "take a play back";

/// How many plays one request stands for at most.
const MOST_PLAYS: usize = 50;

/// What happens to one play.
enum Next {
    /// It is settled without a call.
    Settled(Outcome),
    /// It goes along with the request.
    Sent,
    /// It is looked at again once the request was answered.
    Left,
}

/// The plays of one entry, and what they make of it.
struct Round {
    media: u32,
    stood: OnList,
    target: Target,
    plays: Vec<PreparedPlay>,
    /// A play that changes nothing once those before it are there was met. Those after it wait with it: judged by a
    /// later state it might begin a rewatch, or end one.
    is_closed: bool,
}

impl Round {
    fn next(&mut self, media: u32, watched: Watched, rules: Rules) -> Next {
        if media != self.media || self.is_closed || self.plays.len() >= MOST_PLAYS {
            return Next::Left;
        }
        match step(
            Some(self.target.state()),
            watched,
            self.stood.episodes,
            rules,
        ) {
            Step::Reach(target) => {
                self.target = target;
                Next::Sent
            }
            Step::Nothing(_) => {
                self.is_closed = true;
                Next::Left
            }
            Step::NoSuchEpisode { episode, episodes } => {
                Next::Settled(no_such_episode(media, episode, episodes))
            }
        }
    }

    fn prepared(self, now: DateTime<Utc>) -> Prepared {
        let after = self.target.state();
        let change = Change::between(self.media, self.stood.listed.as_ref(), after);
        let body = request_of(wire::SAVE, change);
        let call = format!("{SAVE} {}", encode(&self.target));
        Prepared::of_plays(call, body, self.plays, now)
    }
}

impl AniList {
    /// The first play that changes its entry decides which entry it is; further plays of the same entry go along.
    pub(crate) fn prepare_plays(
        &self,
        plays: &[Play],
        context: &Context<'_>,
        now: DateTime<Utc>,
    ) -> Preparation<PlayId> {
        let mut preparation = Preparation::default();
        let mut round: Option<Round> = None;
        for play in plays {
            let told = time_told(play, Service::AniList, play.watched_at, play.started_at);
            let next = match (watched_of(play, told, context), &mut round) {
                (Err(outcome), _) => Next::Settled(outcome),
                (Ok((media, _, watched)), Some(round)) => round.next(media, watched, context.rules),
                (Ok((media, stood, watched)), None) => {
                    match step(
                        stood.listed.as_ref(),
                        watched,
                        stood.episodes,
                        context.rules,
                    ) {
                        Step::Reach(target) => {
                            round = Some(Round {
                                media,
                                stood,
                                target,
                                plays: Vec::new(),
                                is_closed: false,
                            });
                            Next::Sent
                        }
                        Step::Nothing(already) => Next::Settled(Outcome::AlreadyThere {
                            remote_id: Some(media.to_string()),
                            detail: already_there(stood.listed.as_ref(), already, context.rules),
                        }),
                        Step::NoSuchEpisode { episode, episodes } => {
                            Next::Settled(no_such_episode(media, episode, episodes))
                        }
                    }
                }
            };
            match (next, &mut round) {
                (Next::Settled(outcome), _) => preparation.settled.push((play.id.clone(), outcome)),
                (Next::Sent, Some(round)) => round.plays.push(PreparedPlay {
                    play: play.id.clone(),
                    watched_at: told,
                }),
                (Next::Sent, None) | (Next::Left, _) => preparation.left.push(play.id.clone()),
            }
        }
        preparation.prepared = round.map(|round| round.prepared(now));
        preparation
    }

    pub(crate) async fn deliver(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        let change: Change = written(DELIVER, prepared)?;
        let target = target_of(prepared)?;
        let all = |outcome: Outcome| {
            let plays = prepared.plays.iter();
            plays
                .map(|sent| (sent.play.clone(), outcome.clone()))
                .collect()
        };
        if is_old(prepared, now) {
            let Some(standing) = self.standing(account, change.media_id, now).await? else {
                return Ok(all(unknown(change.media_id)));
            };
            let listed = standing.shown.listed;
            if let (None, Some(listed)) = (target.outstanding(listed.as_ref()), listed) {
                return Ok(all(Outcome::AlreadyThere {
                    remote_id: Some(change.media_id.to_string()),
                    detail: format!("your list is there already: {}", words::standing(&listed)),
                }));
            }
        }
        let body = prepared.body.clone();
        let answer = self
            .send(DELIVER, Effect::Writes, (account, body), now)
            .await?;
        let wire::SaveAnswer { saved } = read(DELIVER, Effect::Writes, &answer)?;
        Ok(all(outcome_of(&target, &change, &saved)))
    }

    /// AniList keeps no plays: how far their user is stays as it is.
    pub(crate) fn prepare_undo(
        &self,
        plays: &[Play],
        context: &Context<'_>,
    ) -> Preparation<PlayId> {
        let settled = plays.iter().map(|play| {
            let told = play
                .deliveries
                .get(&Service::AniList)
                .and_then(|delivery| delivery.remote_id.as_deref()?.parse().ok());
            let placed = context.placed.get(&ParcelId::from(play.id.clone()));
            let media = told.or(placed.map(|situation| situation.place.entry.id));
            let place = media.map_or_else(|| "there".to_owned(), words::link);
            let why = format!(
                "AniList keeps how far you are, not single plays: to go back, set it at {place} yourself"
            );
            (play.id.clone(), Outcome::Ignored { why })
        });
        Preparation {
            settled: settled.collect(),
            ..Preparation::default()
        }
    }

    /// Nothing of the kind is ever written down, see [`AniList::prepare_undo`].
    pub(crate) async fn take_back(
        &self,
        _account: &Account<'_>,
        _prepared: &Prepared,
        _now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        let why = "AniList keeps no plays that could be taken back";
        Err(error(TAKE_BACK, Disposition::Permanent, why))
    }
}

/// Which episodes of which entry a play is, and what stands there; or what becomes of the play without a call.
fn watched_of(
    play: &Play,
    told: Option<DateTime<Utc>>,
    context: &Context<'_>,
) -> Result<(u32, OnList, Watched), Outcome> {
    let Some(Situation { place, stands }) = context.placed.get(&ParcelId::from(play.id.clone()))
    else {
        return Err(no_place());
    };
    let stood = stands.ok_or_else(|| unknown(place.entry.id))?;
    let day = told
        .filter(|_| play.precision != Precision::Unknown)
        .map(|at| at.with_timezone(&context.time_zone).date_naive());
    let watched = Watched::of(place, day).ok_or_else(|| Outcome::Ignored {
        why: format!(
            "it is part {} of {} of episode {}, which counts with its last part",
            place.part, place.parts, place.last
        ),
    })?;
    Ok((place.entry.id, stood, watched))
}

/// The state that a request is to reach.
fn target_of(prepared: &Prepared) -> Result<Target, ProviderError> {
    let frozen = prepared
        .call
        .split_once(' ')
        .map_or("", |(_, frozen)| frozen);
    serde_json::from_str(frozen).map_err(|cause| {
        let why = "what was written down to be sent cannot be read";
        error(DELIVER, Disposition::Permanent, why).caused_by(Box::new(cause))
    })
}

/// What the answer says of a change: whether it was about the same entry, and whether it reads back.
fn outcome_of(target: &Target, sent: &Change, saved: &wire::Saved) -> Outcome {
    if saved.media_id != sent.media_id {
        let why = other_entry(sent.media_id, saved.media_id);
        return Outcome::Refused { why };
    }
    let listed = saved.listed();
    let shows = words::standing(&listed);
    let is_there = target.outstanding(Some(&listed)).is_none();
    match (saved.has(sent), is_there) {
        (true, _) => delivered(sent.media_id, None),
        (false, true) => delivered(
            sent.media_id,
            Some(format!("your list now shows more than was sent: {shows}")),
        ),
        (false, false) => Outcome::Refused {
            why: format!(
                "AniList answered without an error, and yet your list shows: {shows}; it was told: {}",
                words::standing(target.state())
            ),
        },
    }
}

pub(super) fn delivered(media: u32, detail: Option<String>) -> Outcome {
    Outcome::Delivered {
        remote_id: Some(media.to_string()),
        detail,
    }
}

pub(super) fn no_place() -> Outcome {
    Outcome::NotFound {
        tried: "it has no place in AniList's list".to_owned(),
    }
}

/// The entry is none that AniList knows: the place is wrong, or out of date.
pub(super) fn unknown(media: u32) -> Outcome {
    Outcome::NotFound {
        tried: format!("AniList does not know the entry {}", words::link(media)),
    }
}

/// The place is wrong; another one can be chosen.
fn no_such_episode(media: u32, episode: u32, episodes: u32) -> Outcome {
    Outcome::NotFound {
        tried: format!(
            "it would be episode {episode} of {}, which has {episodes}",
            words::link(media)
        ),
    }
}

fn already_there(listed: Option<&Listed>, already: Already, rules: Rules) -> String {
    match already {
        Already::Seen => {
            let episode = listed.map_or(0, |listed| listed.progress);
            format!("your list is at episode {episode} already")
        }
        Already::Completed if rules.rewatches => {
            "your list shows it as completed; a rewatch begins with an earlier episode".to_owned()
        }
        Already::Completed => {
            "your list shows it as completed, and rewatches are switched off".to_owned()
        }
    }
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
