//! Plays: those of one entry become one state that it is to reach.

use chrono::{DateTime, Utc};
use hub_domain::anime::Catalogue;
use hub_domain::anime::progress::{Already, Listed, Rules, Status, Step, Target, Watched, step};
use hub_domain::{Disposition, Outcome, Play, PlayId, Service};

use super::{MOST_PLAYS, MyAnimeList, error, is_repeat, not_ours, page_of, wire};
use crate::error::ProviderError;
use crate::seam::{
    Account, Context, OnList, Preparation, Prepared, PreparedPlay, Situation, time_told,
};

const DELIVER: &str = "take the plays";
const TAKE_BACK: &str = "take the plays back";

/// What an item is said to be that the list of numbers places nowhere.
pub(super) const NO_PLACE: &str = "it has no place in MyAnimeList's list";

/// The plays of one entry that go into one request.
struct Round<'a> {
    entry: u32,
    before: Option<&'a Listed>,
    reached: Target,
    plays: Vec<PreparedPlay>,
}

impl MyAnimeList {
    /// The first play that changes its entry decides which entry it is; the others of that entry go along, up to
    /// [`MOST_PLAYS`].
    ///
    /// A play that the list shows already is settled at once, unless it is seen only through another play of the same
    /// request: then it shares that one's end.
    pub(crate) fn prepare_plays(
        &self,
        plays: &[Play],
        context: &Context<'_>,
        now: DateTime<Utc>,
    ) -> Preparation<PlayId> {
        let mut preparation = Preparation::default();
        let mut round: Option<Round<'_>> = None;
        for play in plays {
            let told = time_told(play, Service::MyAnimeList, play.watched_at, play.started_at);
            let (entry, stands, watched) = match watched_of(play, told, context) {
                Ok(watched) => watched,
                Err(outcome) => {
                    preparation.settled.push((play.id.clone(), outcome));
                    continue;
                }
            };
            let is_full =
                |round: &Round<'_>| round.entry != entry || round.plays.len() >= MOST_PLAYS;
            if round.as_ref().is_some_and(is_full) {
                preparation.left.push(play.id.clone());
                continue;
            }
            let before = stands.listed.as_ref();
            let so_far = round
                .as_ref()
                .map_or(before, |round| Some(round.reached.state()));
            let next = |listed| step(listed, watched, stands.episodes, context.rules);
            let reached = match (next(so_far), &round) {
                (Step::Reach(target), _) => target,
                (Step::Nothing(_), Some(round)) if matches!(next(before), Step::Reach(_)) => {
                    round.reached
                }
                (Step::Nothing(already), _) => {
                    let outcome = already_there(entry, before, already, context.rules);
                    preparation.settled.push((play.id.clone(), outcome));
                    continue;
                }
                (Step::NoSuchEpisode { episode, episodes }, _) => {
                    let tried = format!(
                        "episode {episode} of {}, which has {episodes}: the place is wrong",
                        page_of(entry)
                    );
                    let outcome = Outcome::NotFound { tried };
                    preparation.settled.push((play.id.clone(), outcome));
                    continue;
                }
            };
            let round = round.get_or_insert_with(|| Round {
                entry,
                before,
                reached,
                plays: Vec::new(),
            });
            round.reached = reached;
            round.plays.push(PreparedPlay {
                play: play.id.clone(),
                watched_at: told,
            });
        }
        preparation.prepared = round.map(|round| {
            let form = wire::form_of(round.reached.state(), round.before);
            Prepared::of_plays(wire::status_path(round.entry), form, round.plays, now)
        });
        preparation
    }

    /// A repeat looks first: progress that the user has made meanwhile is not undone.
    pub(crate) async fn deliver(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        let call = wire::Call::of(&prepared.call).filter(|call| !call.removes);
        let (Some(call), Some(state)) = (call, wire::target_of(&prepared.body)) else {
            return Err(not_ours(DELIVER, prepared));
        };
        // The one way to make a target of a state; this state was a target already when it was written down.
        let target = Target::asked_for(state, None);
        if is_repeat(prepared, now) {
            let Some(stands) = self.look_at(account, call.entry, now).await? else {
                let tried = format!("{}, which is no longer there", page_of(call.entry));
                return Ok(all(prepared, &Outcome::NotFound { tried }));
            };
            let listed = stands.listed.as_ref();
            if let (None, Some(listed)) = (target.outstanding(listed), listed) {
                let outcome = Outcome::AlreadyThere {
                    remote_id: Some(call.entry.to_string()),
                    detail: format!("{} already", words(listed)),
                };
                return Ok(all(prepared, &outcome));
            }
        }
        let shown = self.change(DELIVER, (account, prepared), now).await?;
        let shown = shown.listed();
        Ok(all(prepared, &outcome(call.entry, &target, shown.as_ref())))
    }

    /// MyAnimeList keeps states, not plays: what one play made of an entry cannot be told from what others made of it.
    pub(crate) fn prepare_undo(
        &self,
        plays: &[Play],
        _context: &Context<'_>,
    ) -> Preparation<PlayId> {
        let settled = plays.iter().map(|play| {
            let delivery = play.deliveries.get(&Service::MyAnimeList);
            let entry = delivery.and_then(|delivery| delivery.remote_id.as_deref()?.parse().ok());
            let place = entry.map_or_else(|| "https://myanimelist.net".to_owned(), page_of);
            let why = format!("MyAnimeList keeps a count, not plays: change it at {place}");
            (play.id.clone(), Outcome::Ignored { why })
        });
        Preparation {
            settled: settled.collect(),
            ..Preparation::default()
        }
    }

    /// Never asked for by [`MyAnimeList::prepare_undo`].
    pub(crate) async fn take_back(
        &self,
        _account: &Account<'_>,
        _prepared: &Prepared,
        _now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        let why = "MyAnimeList keeps a count, not plays";
        Err(error(TAKE_BACK, Disposition::Permanent, why))
    }
}

/// What was watched, in the numbers of its entry; else what becomes of a play that has no such numbers.
fn watched_of<'a>(
    play: &Play,
    told: Option<DateTime<Utc>>,
    context: &Context<'a>,
) -> Result<(u32, &'a OnList, Watched), Outcome> {
    let (entry, situation) = situated(&play.id.clone().into(), context)?;
    let stands = known(entry, situation)?;
    // The list keeps days, and they are the user's.
    let on = told.map(|at| at.with_timezone(&context.time_zone).date_naive());
    let place = &situation.place;
    let watched = Watched::of(place, on).ok_or_else(|| Outcome::Ignored {
        why: format!(
            "part {} of {}: the episode counts with its last part",
            place.part, place.parts
        ),
    })?;
    Ok((entry, stands, watched))
}

/// The entry of what goes to the list.
pub(super) fn situated<'a>(
    id: &hub_domain::ParcelId,
    context: &Context<'a>,
) -> Result<(u32, &'a Situation), Outcome> {
    let situation = context.placed.get(id);
    let ours = situation.filter(|it| it.place.entry.catalogue == Catalogue::MyAnimeList);
    let situation = ours.ok_or_else(|| Outcome::NotFound {
        tried: NO_PLACE.to_owned(),
    })?;
    Ok((situation.place.entry.id, situation))
}

/// What stands at an entry, if the service knows it.
pub(super) fn known(entry: u32, situation: &Situation) -> Result<&OnList, Outcome> {
    situation.stands.as_ref().ok_or_else(|| Outcome::NotFound {
        tried: format!("{}, which MyAnimeList does not know", page_of(entry)),
    })
}

fn already_there(entry: u32, before: Option<&Listed>, already: Already, rules: Rules) -> Outcome {
    let shown = before.map_or_else(|| "your list has it".to_owned(), words);
    let detail = match already {
        Already::Completed if !rules.rewatches => {
            format!("{shown} already, and rewatches are switched off")
        }
        Already::Completed | Already::Seen => format!("{shown} already"),
    };
    Outcome::AlreadyThere {
        remote_id: Some(entry.to_string()),
        detail,
    }
}

/// Reads from what the list shows now what became of a target.
fn outcome(entry: u32, target: &Target, shown: Option<&Listed>) -> Outcome {
    let sent = target.state();
    let is_as_sent = shown.is_some_and(|shown| {
        (shown.status, shown.progress, shown.rewatches)
            == (sent.status, sent.progress, sent.rewatches)
    });
    let detail = match shown {
        Some(shown) => format!("MyAnimeList answered that {}", words(shown)),
        None => "MyAnimeList answered that it is not on your list".to_owned(),
    };
    if target.outstanding(shown).is_some() {
        return Outcome::Refused { why: detail };
    }
    Outcome::Delivered {
        remote_id: Some(entry.to_string()),
        detail: (!is_as_sent).then_some(detail),
    }
}

/// Says for people where an entry stands.
pub(super) fn words(listed: &Listed) -> String {
    let progress = listed.progress;
    match listed.status {
        Status::Completed => "your list has it as completed".to_owned(),
        Status::Watching => format!("your list is at episode {progress}"),
        Status::Rewatching => format!("your list is at episode {progress} of a rewatch"),
        Status::Planning => format!("your list has it as planned, at episode {progress}"),
        Status::Paused => format!("your list has it on hold, at episode {progress}"),
        Status::Dropped => format!("your list has it as dropped, at episode {progress}"),
    }
}

fn all(prepared: &Prepared, outcome: &Outcome) -> Vec<(PlayId, Outcome)> {
    let plays = prepared.plays.iter();
    plays
        .map(|sent| (sent.play.clone(), outcome.clone()))
        .collect()
}

#[cfg(test)]
#[path = "plays_tests.rs"]
mod tests;
