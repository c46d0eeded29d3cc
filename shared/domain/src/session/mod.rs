//! A session: one person playing one item on one player, from a start to its end.
//!
//! A session keeps what was seen, thinned to what the rules need; [`viewing`] says what that amounts to.

#[cfg(test)]
mod tests;
pub mod viewing;

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::event::{Action, Event};
use crate::identity;
use crate::live::{LiveState, Playing};
use crate::media::MediaItem;
use crate::names::{PlayId, Player, ServerRef, UserId};
use crate::threshold::Rule;
use crate::units::optional_millis;
use viewing::{Viewing, viewings};

/// How long after the expected end a playing session is taken to have ended unheard.
pub const SILENCE: TimeDelta = TimeDelta::minutes(15);
/// How long a paused session may stay silent.
pub const PAUSED_SILENCE: TimeDelta = TimeDelta::hours(24);
/// How long a session of unknown length may stay silent.
pub const UNKNOWN_LENGTH_SILENCE: TimeDelta = TimeDelta::hours(4);
/// The most observations that a session keeps.
pub const MOST_OBSERVATIONS: usize = 60;
/// A position that differs this much from playing on is a seek.
const SEEK: TimeDelta = TimeDelta::seconds(5);

/// Names a session among those of its user: source, server, player and item.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionKey(pub String);

impl SessionKey {
    /// The session that an event belongs to.
    pub fn of(event: &Event) -> Self {
        let player = event
            .player
            .id
            .as_deref()
            .or(event.player.name.as_deref())
            .unwrap_or("-");
        let item = event
            .media
            .content_id
            .clone()
            .unwrap_or_else(|| identity::item_key(&event.media, &event.server).to_string());
        let short = |text: &str| {
            text.chars()
                .filter(|c| *c != '#')
                .take(120)
                .collect::<String>()
        };
        let server = &event.server;
        Self(format!(
            "{}#{}#{}#{}",
            server.source,
            short(&server.id),
            short(player),
            short(&item)
        ))
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one event told about the playback: all that the rules need of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What happened.
    pub action: Action,
    /// How far into the item, where that is known.
    #[serde(
        default,
        with = "optional_millis",
        rename = "position_ms",
        skip_serializing_if = "Option::is_none"
    )]
    pub position: Option<TimeDelta>,
    /// How far into the item, 0–100, where only that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    /// The source's own word on whether it was played to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_hint: Option<bool>,
}

/// A play that came of this session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// The play.
    pub play: PlayId,
    /// Which part of a file that holds several episodes; 0 for all else.
    pub part: u32,
    /// When the viewing that made it began.
    pub started_at: DateTime<Utc>,
    /// When that viewing had last been heard of.
    pub until: DateTime<Utc>,
}

impl Made {
    /// Says whether a viewing is the one that made this play.
    ///
    /// Viewings of one session lie one after the other, so those that share a moment are the same, however much of
    /// it was known at the time.
    pub fn is_of(&self, viewing: &Viewing) -> bool {
        (viewing.started_at <= self.started_at && self.started_at <= viewing.until)
            || (self.started_at <= viewing.started_at && viewing.started_at < self.until)
    }
}

/// What is shown of the session while it lasts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Counts the changes, from 1: a signal is sent only if it is newer than the last one sent.
    pub sequence: u64,
    /// What the player is doing.
    pub playing: Playing,
    /// When that was seen.
    pub at: DateTime<Utc>,
    /// How far it was then.
    #[serde(
        default,
        with = "optional_millis",
        rename = "position_ms",
        skip_serializing_if = "Option::is_none"
    )]
    pub position: Option<TimeDelta>,
}

/// One person playing one item on one player.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Its name among its user's sessions.
    pub key: SessionKey,
    /// Whose it is.
    pub user: UserId,
    /// On which server.
    pub server: ServerRef,
    /// On which player.
    pub player: Player,
    /// What is played.
    pub media: MediaItem,
    /// What was seen of it, in the order in which it happened, thinned to what the rules need.
    pub observations: Vec<Observation>,
    /// The plays that came of it.
    #[serde(default)]
    pub made: Vec<Made>,
    /// What is shown of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    /// The last it was heard of, by the hub's clock.
    pub last_received_at: DateTime<Utc>,
    /// It ended, or fell silent and was closed.
    #[serde(default)]
    pub closed: bool,
}

/// What an event changed in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// It tells something new.
    New,
    /// The session has it already.
    Repeated,
    /// It says nothing about a playback (a mark, a rating), or lies too far back.
    Nothing,
}

impl Session {
    /// A session of which nothing was seen yet.
    pub fn new(user: UserId, event: &Event) -> Self {
        Self {
            key: SessionKey::of(event),
            user,
            server: event.server.clone(),
            player: event.player.clone(),
            media: event.media.clone(),
            observations: Vec::new(),
            made: Vec::new(),
            live: None,
            last_received_at: event.received_at,
            closed: false,
        }
    }

    /// Takes an event in, wherever in time it belongs. Any event may come in any state.
    pub fn observe(&mut self, event: &Event) -> Observed {
        if !event.action.is_playback() || event.flags.live || event.flags.extra {
            return Observed::Nothing;
        }
        self.last_received_at = self.last_received_at.max(event.received_at);
        merge_media(&mut self.media, &event.media);
        let observation = Observation {
            at: event.occurred_at,
            action: event.action,
            // The length may have come with an earlier event, so the position is checked against what is known now.
            position: event.position.and_then(|_| {
                let mut with_length = event.clone();
                with_length.media.duration = self.media.duration;
                with_length.known_position()
            }),
            percent: event
                .progress_percent
                .filter(|percent| (0.0..=100.0).contains(percent)),
            completed_hint: event.completed_hint,
        };
        if self.observations.contains(&observation) {
            return Observed::Repeated;
        }
        let place = self
            .observations
            .partition_point(|seen| order(seen) <= order(&observation));
        self.observations.insert(place, observation);
        self.thin();
        self.closed = false;
        self.follow();
        Observed::New
    }

    /// The viewings of one part of the item, judged by a rule.
    pub fn viewings(&self, rule: &Rule, part: u32) -> Vec<Viewing> {
        viewings(&self.observations, &self.media, rule, part)
    }

    /// The viewings that met the rule and have no play yet.
    pub fn due(&self, rule: &Rule, part: u32) -> Vec<Viewing> {
        let mut viewings = self.viewings(rule, part);
        viewings.retain(|viewing| {
            viewing.met_at.is_some()
                && !self
                    .made
                    .iter()
                    .any(|made| made.part == part && made.is_of(viewing))
        });
        viewings
    }

    /// When the session, if nothing more comes, is taken to have ended.
    pub fn silent_at(&self) -> DateTime<Utc> {
        let last = self.last_received_at;
        let Some(live) = &self.live else {
            return last + UNKNOWN_LENGTH_SILENCE;
        };
        match (live.playing, self.media.duration, live.position) {
            (Playing::Stopped, _, _) => last + SILENCE,
            (Playing::Paused, _, _) => last + PAUSED_SILENCE,
            (Playing::Started, Some(duration), position) => {
                last + (duration - position.unwrap_or_default()).max(TimeDelta::zero()) + SILENCE
            }
            (Playing::Started, None, _) => last + UNKNOWN_LENGTH_SILENCE,
        }
    }

    /// What a service is shown of the session now, if its last viewing has not become a play yet.
    ///
    /// The position runs on while playing, and never past the item's end: for display only.
    pub fn live_state(&self, rule: &Rule, now: DateTime<Utc>) -> Option<LiveState> {
        let live = self.live.as_ref()?;
        let last = self.viewings(rule, 0).pop()?;
        if self.made.iter().any(|made| made.is_of(&last)) {
            return None;
        }
        let position = live.position.map(|position| match live.playing {
            Playing::Started => {
                let run_on = position + (now - live.at).max(TimeDelta::zero());
                self.media
                    .duration
                    .map_or(run_on, |duration| run_on.min(duration))
            }
            Playing::Paused | Playing::Stopped => position,
        });
        let progress_percent = position
            .zip(self.media.duration)
            .map(|(position, duration)| percent(position, duration));
        Some(LiveState {
            playing: live.playing,
            media: self.media.part(0),
            position,
            progress_percent,
            threshold_percent: rule.percent,
            at: live.at,
        })
    }

    /// Brings what is shown up to what was last seen.
    fn follow(&mut self) {
        let (Some(last), Some(newest)) = (
            // What is shown does not hang on a threshold, so any rule will do.
            self.viewings(
                &Rule {
                    percent: 100.0,
                    least_length: TimeDelta::zero(),
                },
                0,
            )
            .pop(),
            self.observations.last().map(|seen| seen.at),
        ) else {
            return;
        };
        let sequence = match &self.live {
            None => 1,
            Some(live) if newest < live.at => return,
            Some(live) => {
                let expected = live.position.map(|position| match live.playing {
                    Playing::Started => position + (newest - live.at),
                    Playing::Paused | Playing::Stopped => position,
                });
                let sought = expected
                    .zip(last.position)
                    .is_some_and(|(expected, is)| (expected - is).abs() > SEEK);
                live.sequence + u64::from(live.playing != last.playing || sought)
            }
        };
        self.live = Some(Live {
            sequence,
            playing: last.playing,
            at: newest,
            position: last.position,
        });
    }

    /// Drops progress between two others that it agrees with, and, past the bound, the oldest progress there is.
    fn thin(&mut self) {
        let mut at = 1;
        while at + 1 < self.observations.len() {
            if is_steady(
                &self.observations[at - 1],
                &self.observations[at],
                &self.observations[at + 1],
            ) {
                self.observations.remove(at);
            } else {
                at += 1;
            }
        }
        while self.observations.len() > MOST_OBSERVATIONS {
            let oldest = self
                .observations
                .iter()
                .position(|seen| seen.action == Action::Progress)
                .unwrap_or(1);
            self.observations.remove(oldest);
        }
    }
}

/// The order in which things happened: by time, and at the same moment a start first and a stop last.
pub fn order(seen: &Observation) -> (DateTime<Utc>, u8) {
    let rank = match seen.action {
        Action::Start => 0,
        Action::Resume => 1,
        Action::Progress => 2,
        Action::Pause => 3,
        Action::ScrobblePoint => 4,
        Action::Stop => 5,
        Action::MarkWatched
        | Action::MarkUnwatched
        | Action::Rate
        | Action::Unrate
        | Action::Love
        | Action::Unlove => 6,
    };
    (seen.at, rank)
}

/// Says whether the middle one of three tells nothing that the other two do not.
fn is_steady(before: &Observation, middle: &Observation, after: &Observation) -> bool {
    let steady = |a: &Observation, b: &Observation| {
        a.position
            .zip(b.position)
            .is_some_and(|(from, to)| ((to - from) - (b.at - a.at)).abs() <= TimeDelta::seconds(2))
    };
    let goes_on = |seen: &Observation| {
        matches!(
            seen.action,
            Action::Start | Action::Resume | Action::Progress
        )
    };
    middle.action == Action::Progress
        && goes_on(before)
        && steady(before, middle)
        && steady(middle, after)
}

/// Adds what a later event knows of the item; what is known already stays.
fn merge_media(known: &mut MediaItem, told: &MediaItem) {
    let has_length =
        |length: Option<TimeDelta>| length.is_some_and(|length| length > TimeDelta::zero());
    if !has_length(known.duration) {
        known.duration = told.duration.filter(|length| has_length(Some(*length)));
    }
    for id in &told.ids {
        if !known
            .ids
            .iter()
            .any(|have| have.namespace == id.namespace && have.scope == id.scope)
        {
            known.ids.push(id.clone());
        }
    }
    macro_rules! fill {
        ($($field:ident),*) => { $( if known.$field.is_none() { known.$field.clone_from(&told.$field); } )* };
    }
    fill!(
        content_id,
        title,
        year,
        released_on,
        show_title,
        show_year,
        season,
        episode,
        episode_end,
        artist,
        album_artist,
        album,
        track_number,
        disc_number,
        author
    );
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of an item")]
fn percent(position: TimeDelta, duration: TimeDelta) -> f64 {
    (position.num_milliseconds() as f64 * 100.0 / duration.num_milliseconds().max(1) as f64)
        .clamp(0.0, 100.0)
}
