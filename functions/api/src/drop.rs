//! Progress that can decide nothing, and is not passed on.
//!
//! An event is dropped if one of the same playback was passed on by this process less than a minute ago, the player
//! still does the same, the position is where it has to be by now, and no threshold lies in between. A process that
//! forgot only passes more on. What is dropped was never needed: the next event, at most a minute later, tells the same.
//! The thresholds are read once a minute; [`admitted`](crate::admitted) drops the rest without asking the table at all.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::session::SessionKey;
use hub_domain::{Action, Event, MediaItem, Thresholds, UserId};

/// How long after an event was passed on others may be dropped.
const FRESH: TimeDelta = TimeDelta::seconds(60);
/// How far from the expected position a player may be: more is a seek.
const NEAR: TimeDelta = TimeDelta::seconds(5);
/// How long a user's thresholds are believed.
const RULES_LAST: TimeDelta = TimeDelta::seconds(60);
/// The most playbacks, users and words that are remembered, each.
pub(crate) const MOST: usize = 10_000;

/// What was last passed on of one playback.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Forwarded {
    /// When it was passed on, by our clock.
    at: DateTime<Utc>,
    /// When it happened.
    occurred_at: DateTime<Utc>,
    /// Where the player was.
    position: Option<TimeDelta>,
    /// It was paused.
    is_paused: bool,
    /// Where the player was in the first event that is remembered: what was heard is counted from there.
    first_position: Option<TimeDelta>,
}

/// A user's thresholds: those of the user, and the percentages of their connections.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rules {
    /// The user's, within the server's.
    pub(crate) thresholds: Thresholds,
    /// Those that connections have of their own, 1–100.
    pub(crate) own_percents: Vec<f64>,
}

/// What this process passed on lately; bounded.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    playbacks: Mutex<HashMap<(UserId, SessionKey), Forwarded>>,
    rules: Mutex<HashMap<UserId, (DateTime<Utc>, Rules)>>,
}

impl Recent {
    /// Says whether something of the event's playback was passed on lately, so that it may be worth asking for rules.
    pub(crate) fn last(
        &self,
        user: UserId,
        event: &Event,
        now: DateTime<Utc>,
    ) -> Option<Forwarded> {
        if !matches!(event.action, Action::Progress | Action::Pause) {
            return None;
        }
        let playbacks = self
            .playbacks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let last = playbacks.get(&(user, SessionKey::of(event)))?;
        (now - last.at < FRESH).then(|| last.clone())
    }

    /// The user's rules, if they were asked for lately.
    pub(crate) fn rules(&self, user: UserId, now: DateTime<Utc>) -> Option<Rules> {
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, rules) = rules.get(&user)?;
        (now - *at < RULES_LAST).then(|| rules.clone())
    }

    /// Remembers a user's rules.
    pub(crate) fn learn(&self, user: UserId, rules: &Rules, now: DateTime<Utc>) {
        let mut known = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut known, |(at, _)| now - *at < RULES_LAST);
        known.insert(user, (now, rules.clone()));
    }

    /// Forgets every user's rules, since some were changed.
    pub(crate) fn forget_rules(&self) {
        let mut known = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        known.clear();
    }

    /// Remembers that an event was passed on.
    pub(crate) fn passed_on(&self, user: UserId, event: &Event, now: DateTime<Utc>) {
        if !event.action.is_playback() {
            return;
        }
        let key = (user, SessionKey::of(event));
        let mut playbacks = self
            .playbacks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if matches!(event.action, Action::Stop) {
            playbacks.remove(&key);
            return;
        }
        make_room(&mut playbacks, |last| now - last.at < FRESH);
        let position = event.known_position();
        let first_position = match playbacks.get(&key) {
            Some(before) if !matches!(event.action, Action::Start) => {
                before.first_position.or(position)
            }
            Some(_) | None => position,
        };
        let forwarded = Forwarded {
            at: now,
            occurred_at: event.occurred_at,
            position,
            is_paused: matches!(event.action, Action::Pause),
            first_position,
        };
        playbacks.insert(key, forwarded);
    }
}

/// Forgets what is no longer of use once there is too much; if that does not help, everything.
pub(crate) fn make_room<K, V>(known: &mut HashMap<K, V>, is_of_use: impl Fn(&V) -> bool) {
    if known.len() < MOST {
        return;
    }
    known.retain(|_, value| is_of_use(value));
    if known.len() >= MOST {
        known.clear();
    }
}

/// Says whether an event can decide nothing, after what was passed on less than a minute ago.
pub(crate) fn decides_nothing(last: &Forwarded, event: &Event, rules: &Rules) -> bool {
    let is_paused = match event.action {
        Action::Progress => false,
        Action::Pause => true,
        Action::Start
        | Action::Resume
        | Action::ScrobblePoint
        | Action::Stop
        | Action::MarkWatched
        | Action::MarkUnwatched
        | Action::Rate
        | Action::Unrate
        | Action::Love
        | Action::Unlove => return false,
    };
    let (Some(before), Some(position)) = (last.position, event.known_position()) else {
        return false;
    };
    let since = event.occurred_at - last.occurred_at;
    if is_paused != last.is_paused || since < TimeDelta::zero() {
        return false;
    }
    let expected = if is_paused { before } else { before + since };
    if (position - expected).abs() > NEAR {
        return false;
    }
    let crossed = |from: TimeDelta, to: TimeDelta| {
        marks(&event.media, rules)
            .into_iter()
            .any(|mark| from < mark && mark <= to)
    };
    let heard_from = last.first_position.unwrap_or_default();
    !crossed(before, position) && !crossed(before - heard_from, position - heard_from)
}

/// The positions at which something is decided: each part's thresholds, and the end of each part.
fn marks(media: &MediaItem, rules: &Rules) -> Vec<TimeDelta> {
    let Some(whole) = media.duration.filter(|length| *length > TimeDelta::zero()) else {
        return Vec::new();
    };
    let Some(rule) = rules.thresholds.of(media.kind) else {
        return Vec::new();
    };
    let parts = i32::try_from(media.parts()).unwrap_or(1).max(1);
    let length = whole / parts;
    let percents = rules.own_percents.iter().copied().chain([rule.percent]);
    let needed: Vec<TimeDelta> = percents
        .map(|percent| rule.at(percent).needed(media.kind, length))
        .collect();
    (0..parts)
        .flat_map(|part| {
            let start = length * part;
            needed
                .iter()
                .map(move |needed| start + *needed)
                .chain([start + length])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use hub_domain::{ItemKind, ServerRef, Source};
    use uuid::Uuid;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn event(kind: ItemKind, action: Action, seconds: i64, position: Option<i64>) -> Event {
        let mut media = MediaItem::new(kind);
        media.content_id = Some("77".to_owned());
        media.duration = Some(TimeDelta::seconds(1000));
        let mut event = Event::new(ServerRef::unnamed(Source::Emby), action, media, at(seconds));
        event.position = position.map(TimeDelta::seconds);
        event
    }

    fn rules() -> Rules {
        Rules {
            thresholds: Thresholds::default(),
            own_percents: vec![60.0],
        }
    }

    fn user() -> UserId {
        UserId(Uuid::from_u128(1))
    }

    /// Whether the second event is dropped after the first was passed on.
    fn dropped(first: &Event, second: &Event) -> bool {
        let recent = Recent::default();
        recent.passed_on(user(), first, first.received_at);
        recent
            .last(user(), second, second.received_at)
            .is_some_and(|last| decides_nothing(&last, second, &rules()))
    }

    #[test]
    fn what_may_be_dropped() {
        use Action::{Pause, Progress, Resume, ScrobblePoint, Start, Stop};
        #[rustfmt::skip]
        let table = [
            // first (action, second, position), then (action, second, position), dropped
            ((Start, 0, Some(0)), (Progress, 10, Some(10)), true),
            ((Progress, 0, Some(100)), (Progress, 10, Some(110)), true),
            ((Resume, 0, Some(100)), (Progress, 10, Some(115)), true),      // five seconds off, and just beyond
            ((Resume, 0, Some(100)), (Progress, 10, Some(116)), false),
            ((Resume, 0, Some(100)), (Progress, 10, Some(105)), true),
            ((Resume, 0, Some(100)), (Progress, 10, Some(104)), false),
            ((Progress, 0, Some(100)), (Progress, 59, Some(159)), true),    // a minute, and just before
            ((Progress, 0, Some(100)), (Progress, 60, Some(160)), false),
            ((Progress, 0, Some(100)), (Pause, 10, Some(110)), false),      // another state
            ((Pause, 0, Some(100)), (Progress, 10, Some(100)), false),
            ((Pause, 0, Some(100)), (Pause, 10, Some(100)), true),
            ((Pause, 0, Some(100)), (Pause, 10, Some(110)), false),
            ((Progress, 0, Some(100)), (Stop, 10, Some(110)), false),       // other events
            ((Progress, 0, Some(100)), (ScrobblePoint, 10, Some(110)), false),
            ((Progress, 0, Some(100)), (Start, 10, Some(110)), false),
            ((Stop, 0, Some(100)), (Progress, 10, Some(110)), false),
            ((Progress, 0, None), (Progress, 10, Some(110)), false),        // unknown is not near
            ((Progress, 0, Some(100)), (Progress, 10, None), false),
            ((Progress, 0, Some(100)), (Progress, -1, Some(99)), false),    // it came too late
            ((Progress, 0, Some(590)), (Progress, 9, Some(599)), true),     // the connection's 60 %
            ((Progress, 0, Some(590)), (Progress, 10, Some(600)), false),
            ((Progress, 0, Some(600)), (Progress, 10, Some(610)), true),
            ((Progress, 0, Some(795)), (Progress, 10, Some(805)), false),   // the user's 80 %
            ((Progress, 0, Some(992)), (Progress, 10, Some(1000)), false),  // the end
        ];
        for (first, second, expected) in table {
            let make =
                |(action, seconds, position)| event(ItemKind::Movie, action, seconds, position);
            assert_eq!(
                dropped(&make(first), &make(second)),
                expected,
                "{first:?} {second:?}"
            );
        }
    }

    #[test]
    fn what_was_heard_of_a_track_counts_from_where_it_began() {
        let recent = Recent::default();
        let first = event(ItemKind::Track, Action::Start, 0, Some(500));
        recent.passed_on(user(), &first, at(0));
        recent.passed_on(
            user(),
            &event(ItemKind::Track, Action::Progress, 235, Some(735)),
            at(235),
        );
        // Four minutes of listening are reached at position 740.
        let later = event(ItemKind::Track, Action::Progress, 245, Some(745));
        let last = recent.last(user(), &later, at(245)).unwrap();
        assert!(!decides_nothing(&last, &later, &rules()));
    }

    #[test]
    fn the_second_episode_of_a_file_has_a_threshold_of_its_own() {
        let mut file = event(ItemKind::Episode, Action::Progress, 0, None).media;
        (file.season, file.episode, file.episode_end) = (Some(1), Some(1), Some(2));
        let marks: Vec<i64> = marks(&file, &rules())
            .iter()
            .map(TimeDelta::num_seconds)
            .collect();
        assert_eq!(marks, [300, 400, 500, 800, 900, 1000]);
    }

    #[test]
    fn another_user_another_player_and_another_item_are_other_playbacks() {
        let recent = Recent::default();
        let first = event(ItemKind::Movie, Action::Progress, 0, Some(100));
        recent.passed_on(user(), &first, at(0));
        let mut other = event(ItemKind::Movie, Action::Progress, 10, Some(110));
        assert!(recent.last(user(), &other, at(10)).is_some());
        assert!(
            recent
                .last(UserId(Uuid::from_u128(2)), &other, at(10))
                .is_none()
        );
        other.player.id = Some("tv".to_owned());
        assert!(recent.last(user(), &other, at(10)).is_none());
    }

    #[test]
    fn memory_is_bounded_and_forgetting_only_passes_more_on() {
        let recent = Recent::default();
        let mut first = event(ItemKind::Movie, Action::Progress, 0, Some(100));
        for number in 0..MOST + 1 {
            first.media.content_id = Some(number.to_string());
            recent.passed_on(user(), &first, at(0));
        }
        assert_eq!(recent.playbacks.lock().unwrap().len(), 1);
    }
}
