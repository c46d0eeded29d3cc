//! What an entry of a list becomes when an episode of it was watched: the same rules for AniList and MyAnimeList.
//!
//! Both services keep a state, not plays: a status, how many episodes were seen, how often it was seen again. So a play
//! is turned into a [`Target`], a state to be reached, once; the target is frozen with the delivery and is what a repeat
//! of the delivery sends, so that a rewatch is counted once whatever is lost on the way. Before each sending
//! [`Target::outstanding`] compares it with what the service has *now*: what the user has overtaken is left alone.
//!
//! | here | AniList | MyAnimeList |
//! | --- | --- | --- |
//! | [`Status::Planning`] | `PLANNING` | `plan_to_watch` |
//! | [`Status::Watching`] | `CURRENT` | `watching` |
//! | [`Status::Rewatching`] | `REPEATING` | `completed` with `is_rewatching=true` |
//! | [`Status::Completed`] | `COMPLETED` | `completed` with `is_rewatching=false` |
//! | [`Status::Paused`] | `PAUSED` | `on_hold` |
//! | [`Status::Dropped`] | `DROPPED` | `dropped` |
//! | `progress` | `progress` | `num_watched_episodes` (read as `num_episodes_watched`) |
//! | `rewatches` | `repeat` | `num_times_rewatched` |

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::answer::Place;

/// The status of an entry on a user's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// To be watched some day.
    Planning,
    /// Being watched for the first time.
    Watching,
    /// Being watched again.
    Rewatching,
    /// Seen to the end.
    Completed,
    /// Interrupted.
    Paused,
    /// Given up.
    Dropped,
}

/// An entry of a user's list as the service shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Listed {
    /// Its status.
    pub status: Status,
    /// How many episodes were seen, in this round.
    pub progress: u32,
    /// How often it was seen again to the end.
    pub rewatches: u32,
    /// The day of the first episode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_on: Option<NaiveDate>,
    /// The day of the last episode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_on: Option<NaiveDate>,
}

/// What was watched, in the entry's own numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watched {
    /// The first episode it showed, from 1.
    pub first: u32,
    /// The last one; usually the same.
    pub last: u32,
    /// The day on which it was watched, where the user lives; `None` if unknown, and then no date is written.
    pub on: Option<NaiveDate>,
}

impl Watched {
    /// What a play of the item at `place` is; nothing before the last part of an episode that has several.
    pub fn of(place: &Place, on: Option<NaiveDate>) -> Option<Self> {
        place.is_last_part().then_some(Self {
            first: place.first,
            last: place.last,
            on,
        })
    }
}

/// What the user allows. Nothing of it is on by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// An episode of a completed entry begins a rewatch. Off, it changes nothing.
    pub rewatches: bool,
}

/// A state to be reached at the service. Written twice it is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target(Listed);

/// What to do about a watched episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing: the service has it already, or the user does not want it.
    Nothing(Already),
    /// The entry is to become this.
    Reach(Target),
    /// The entry has not so many episodes: the place is wrong, and nothing is sent.
    NoSuchEpisode {
        /// The episode in the entry.
        episode: u32,
        /// How many the entry has.
        episodes: u32,
    },
}

/// Why there is nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Already {
    /// The entry's progress is there or further.
    Seen,
    /// The entry is completed, and rewatches are switched off (or this was only its last episode).
    Completed,
}

/// Decides what an entry becomes; `listed` is what the service has now, `episodes` how many the service says there are.
///
/// - Progress never goes down, and a completed entry is never watched "for the first time" again.
/// - The last episode completes the entry. A count that is not known yet completes nothing.
/// - Planned, paused and dropped entries are taken up by a further episode, not by one already seen.
/// - With rewatches on, any but the last episode of a completed entry begins a rewatch; an entry of one episode is seen
///   again by that one. A rewatch that the user began at the service goes on in any case; its last episode counts it.
///
/// `episodes` of 0 is MyAnimeList's "not known".
pub fn step(
    listed: Option<&Listed>,
    watched: Watched,
    episodes: Option<u32>,
    rules: Rules,
) -> Step {
    let episodes = episodes.filter(|episodes| *episodes > 0);
    if let Some(episodes) = episodes.filter(|episodes| watched.last > *episodes) {
        return Step::NoSuchEpisode {
            episode: watched.last,
            episodes,
        };
    }
    let is_last = episodes == Some(watched.last);
    let Some(listed) = listed else {
        return reach(first_round(None, watched, is_last));
    };
    match listed.status {
        Status::Planning | Status::Watching | Status::Paused | Status::Dropped => {
            // All seen, and yet not completed: the last episode still completes it.
            if watched.last < listed.progress || (watched.last == listed.progress && !is_last) {
                return Step::Nothing(Already::Seen);
            }
            reach(first_round(Some(listed), watched, is_last))
        }
        Status::Rewatching => {
            if watched.last < listed.progress || (watched.last == listed.progress && !is_last) {
                return Step::Nothing(Already::Seen);
            }
            reach(next_round(listed, watched, is_last))
        }
        Status::Completed => {
            let is_new = episodes.is_none() && watched.last > listed.progress;
            if is_new {
                return reach(Listed {
                    progress: watched.last,
                    ..*listed
                });
            }
            let begins = rules.rewatches && (!is_last || episodes == Some(1));
            if begins {
                reach(next_round(listed, watched, is_last))
            } else {
                Step::Nothing(Already::Completed)
            }
        }
    }
}

const fn reach(listed: Listed) -> Step {
    Step::Reach(Target(listed))
}

fn first_round(listed: Option<&Listed>, watched: Watched, is_last: bool) -> Listed {
    let begins = watched.first == 1;
    Listed {
        status: if is_last {
            Status::Completed
        } else {
            Status::Watching
        },
        progress: watched.last,
        rewatches: listed.map_or(0, |listed| listed.rewatches),
        started_on: listed
            .and_then(|listed| listed.started_on)
            .or(watched.on.filter(|_| begins)),
        completed_on: listed
            .and_then(|listed| listed.completed_on)
            .or(watched.on.filter(|_| is_last)),
    }
}

/// The days stay those of the first time.
fn next_round(listed: &Listed, watched: Watched, is_last: bool) -> Listed {
    Listed {
        status: if is_last {
            Status::Completed
        } else {
            Status::Rewatching
        },
        progress: watched.last,
        rewatches: listed.rewatches.saturating_add(u32::from(is_last)),
        ..*listed
    }
}

impl Target {
    /// The state itself.
    pub const fn state(&self) -> &Listed {
        &self.0
    }

    /// The state that the user themselves asks for: the one way in which progress goes down.
    pub fn asked_for(listed: Listed, episodes: Option<u32>) -> Self {
        let most = episodes
            .filter(|episodes| *episodes > 0)
            .unwrap_or(u32::MAX);
        Self(Listed {
            progress: listed.progress.min(most),
            ..listed
        })
    }

    /// What of the target is still to be sent, the service having `listed` now: nothing once it is there or further.
    ///
    /// To be asked before each sending of a play's target, the first one included. It is also the answer to "was it
    /// carried out?" after a lost answer. Not for what the user [asked for](Self::asked_for).
    pub fn outstanding(&self, listed: Option<&Listed>) -> Option<&Listed> {
        match listed {
            Some(listed) if reached(listed) >= reached(&self.0) => None,
            Some(_) | None => Some(&self.0),
        }
    }
}

/// How far an entry is, comparable over all rounds: the round, then how far in it, completed being the furthest.
fn reached(listed: &Listed) -> (u32, u32) {
    match listed.status {
        Status::Completed => (listed.rewatches, u32::MAX),
        Status::Rewatching => (listed.rewatches.saturating_add(1), listed.progress),
        // A taken-up entry counts as further than a planned one at the same episode: both numbers are then equal, and
        // nothing was watched that would have to be told.
        Status::Planning | Status::Watching | Status::Paused | Status::Dropped => {
            (listed.rewatches, listed.progress)
        }
    }
}

#[cfg(test)]
mod tests;
