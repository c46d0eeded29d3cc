//! Viewings: what a session's observations, put in the order in which they happened, amount to.
//!
//! The whole is worked out anew with each event, from the observations sorted by time. So a late, repeated or
//! overtaken event cannot make a second play, and none can hide one: the order of arrival does not enter.

use chrono::{DateTime, TimeDelta, Utc};

use crate::event::Action;
use crate::live::Playing;
use crate::media::{ItemKind, MediaItem};
use crate::session::Observation;
use crate::threshold::Rule;

/// A start this close to the beginning is a start from the beginning.
const NEAR_START: f64 = 0.05;
/// A track that falls back this far has begun again.
const NEAR_START_OF_TRACK: f64 = 0.20;
/// What was played this far can be played *again*: before it, going back is only going back.
const NEARLY_DONE: f64 = 0.80;
/// A start in the first half, after a finished viewing, begins another.
const FIRST_HALF: f64 = 0.50;
/// Copies of one completion, reported by a source that names no length, lie this close together.
const SAME_COMPLETION: TimeDelta = TimeDelta::minutes(5);
/// A playing that is over sooner than this was a client's probing.
const PROBING: TimeDelta = TimeDelta::seconds(15);
/// A completion claimed sooner than this after the start is a failed playback.
const LEAST_BEFORE_COMPLETION: TimeDelta = TimeDelta::seconds(30);
/// A completion claimed at position 0 of an unknown length needs this much time since the start.
const LEAST_BEFORE_BLIND_COMPLETION: TimeDelta = TimeDelta::minutes(5);
/// Progress reported this soon after a stop belongs to what was stopped.
const AFTERMATH: TimeDelta = TimeDelta::seconds(10);
/// Playing again what was just finished takes at least this part of the time that playing it takes.
const LEAST_SHARE_OF_REPEAT: f64 = 0.4;

/// One viewing (or listening) within a session, judged by one rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Viewing {
    /// When it began, as well as it is known.
    pub started_at: DateTime<Utc>,
    /// The last that was heard of it.
    pub until: DateTime<Utc>,
    /// When the rule was met, or the end where that is the first we heard of it.
    pub met_at: Option<DateTime<Utc>>,
    /// How much of the item was played, 0–100: the furthest position, of a track the time heard.
    pub percent: Option<f64>,
    /// Where in the item it began, 0–100, where that is known.
    pub began_percent: Option<f64>,
    /// What the player does at the end of it.
    pub playing: Playing,
    /// Since when.
    pub playing_since: DateTime<Utc>,
    /// The last known position.
    pub position: Option<TimeDelta>,
}

/// Works out the viewings of one part of an item (part 0 of 1 for everything but files of several episodes).
///
/// `observations` have to be sorted by [`order`](super::order).
pub fn viewings(
    observations: &[Observation],
    media: &MediaItem,
    rule: &Rule,
    part: u32,
) -> Vec<Viewing> {
    let mut fold = Fold::new(media, rule, part);
    for observation in observations {
        fold.take(observation);
    }
    fold.finish()
}

struct Fold<'a> {
    kind: ItemKind,
    duration: Option<TimeDelta>,
    rule: &'a Rule,
    part: u32,
    parts: u32,
    current: Option<Current>,
    done: Vec<Viewing>,
    /// A viewing before the current one met the rule: the current one repeats it.
    met_before: bool,
}

struct Current {
    viewing: Viewing,
    /// The furthest position that counts, and when it was reached.
    credited: Option<(TimeDelta, DateTime<Utc>)>,
    furthest: TimeDelta,
    heard: TimeDelta,
    /// Says that the first we heard of it was a start.
    began_with_start: bool,
    scrobbled_at: Option<DateTime<Utc>>,
    completed: bool,
    ended: bool,
    /// When the position first lay in the part that is judged.
    part_entered_at: Option<DateTime<Utc>>,
    is_repeat: bool,
}

impl<'a> Fold<'a> {
    fn new(media: &MediaItem, rule: &'a Rule, part: u32) -> Self {
        let duration = media
            .duration
            .filter(|duration| *duration > TimeDelta::zero());
        Self {
            kind: media.kind,
            duration,
            rule,
            part,
            parts: media.parts(),
            current: None,
            done: Vec::new(),
            met_before: false,
        }
    }

    fn is_music(&self) -> bool {
        matches!(self.kind, ItemKind::Track)
    }

    fn share(&self, position: TimeDelta) -> Option<f64> {
        self.duration.map(|duration| share(position, duration))
    }

    fn take(&mut self, seen: &Observation) {
        let Some(current) = &self.current else {
            return self.begin(seen, None);
        };
        if current.ended
            && seen.action == Action::Progress
            && seen.at - current.viewing.until <= AFTERMATH
        {
            return;
        }
        if self.begins_anew(current, seen) {
            let last = self.end_before(seen);
            self.begin(seen, Some(last));
        } else {
            self.go_on(seen);
        }
    }

    /// Says whether an observation belongs to another viewing than the current one.
    fn begins_anew(&self, current: &Current, seen: &Observation) -> bool {
        let position = self.position(seen);
        let share = position.and_then(|position| self.share(position));
        let furthest = self.share(current.furthest).unwrap_or(0.0);
        let is_finished =
            current.completed || current.scrobbled_at.is_some() || furthest >= NEARLY_DONE;
        let wall = seen.at - current.viewing.started_at;
        match seen.action {
            Action::Start if self.is_music() => {
                let from_the_start = share.is_none_or(|share| share < NEAR_START);
                from_the_start && (current.ended || is_finished || wall >= PROBING)
            }
            Action::Start => match share {
                Some(share) if share < NEAR_START => {
                    is_finished || furthest >= NEAR_START && current.ended
                }
                Some(share) => is_finished && share < FIRST_HALF,
                None => is_finished,
            },
            Action::Resume | Action::Progress | Action::Pause => {
                let near = if self.is_music() {
                    NEAR_START_OF_TRACK
                } else {
                    NEAR_START
                };
                // A position that fell back while the end came near began again; a resume alone only lost its pause.
                let fell_back = position
                    .zip(current.viewing.position)
                    .is_some_and(|(now, before)| now < before);
                let ran_to = self
                    .ran_to(current, seen.at)
                    .filter(|_| fell_back)
                    .unwrap_or(0.0);
                (is_finished || ran_to >= NEARLY_DONE) && share.is_some_and(|share| share < near)
            }
            Action::ScrobblePoint => match current.scrobbled_at {
                Some(before) => seen.at - before >= self.least_between(),
                None => {
                    current.ended
                        && is_finished
                        && seen.at - current.viewing.until >= self.least_between()
                }
            },
            Action::Stop => {
                current.ended
                    && is_finished
                    && seen.at - current.viewing.until >= self.least_between()
            }
            Action::MarkWatched
            | Action::MarkUnwatched
            | Action::Rate
            | Action::Unrate
            | Action::Love
            | Action::Unlove => false,
        }
    }

    /// Where a playback that was going on has come to by itself, as a share of the item.
    fn ran_to(&self, current: &Current, at: DateTime<Utc>) -> Option<f64> {
        let is_going_on = current.viewing.playing == Playing::Started && !current.ended;
        let position = current.viewing.position.filter(|_| is_going_on)?;
        self.share(position + (at - current.viewing.until))
    }

    /// The least time between two completions of the same item, where nothing between them tells them apart.
    fn least_between(&self) -> TimeDelta {
        self.duration
            .map_or(SAME_COMPLETION, |duration| scale(duration, NEARLY_DONE))
    }

    fn position(&self, seen: &Observation) -> Option<TimeDelta> {
        match (seen.position, seen.percent, self.duration) {
            (Some(position), _, Some(duration)) => Some(position.min(duration)),
            (Some(position), _, None) => Some(position),
            (None, Some(percent), Some(duration)) => Some(scale(duration, percent / 100.0)),
            (None, _, _) => None,
        }
    }

    fn begin(&mut self, seen: &Observation, not_before: Option<DateTime<Utc>>) {
        let position = self.position(seen);
        let is_start = seen.action == Action::Start;
        // What was not seen to start is taken to have been played from its beginning, in its own time.
        let began_at = match position {
            Some(position) if !is_start => seen.at - position,
            Some(_) | None => seen.at,
        };
        let started_at = not_before
            .map_or(began_at, |earliest| began_at.max(earliest))
            .min(seen.at);
        let began_percent = if is_start {
            position
                .and_then(|p| self.share(p))
                .map(|share| share * 100.0)
        } else {
            None
        };
        self.current = Some(Current {
            viewing: Viewing {
                started_at,
                until: seen.at,
                met_at: None,
                percent: None,
                began_percent,
                playing: Playing::Started,
                playing_since: seen.at,
                position: if is_start {
                    Some(position.unwrap_or_default())
                } else {
                    position
                },
            },
            credited: is_start.then(|| (position.unwrap_or_default(), seen.at)),
            furthest: if is_start {
                position.unwrap_or_default()
            } else {
                TimeDelta::zero()
            },
            heard: if is_start {
                TimeDelta::zero()
            } else {
                position.unwrap_or_default()
            },
            began_with_start: is_start,
            scrobbled_at: None,
            completed: false,
            ended: false,
            part_entered_at: None,
            is_repeat: self.met_before,
        });
        self.judge(seen, position);
    }

    fn go_on(&mut self, seen: &Observation) {
        let position = self.position(seen);
        let duration = self.duration;
        let is_music = self.is_music();
        if let Some(current) = &mut self.current {
            let wall = seen.at - current.viewing.until;
            // A point that only says "90 % is passed" tells nothing of where the player is.
            let told = seen.position.and(position);
            if is_music {
                current.heard += heard(current, wall, told, seen.action, duration);
            }
            current.viewing.until = seen.at;
            if let Some(position) = told {
                current.viewing.position = Some(position);
            } else if current.viewing.playing == Playing::Started && !current.ended {
                let interpolated = current.viewing.position.map(|position| position + wall);
                current.viewing.position =
                    interpolated.map(|position| duration.map_or(position, |end| position.min(end)));
            }
            if matches!(
                seen.action,
                Action::Start | Action::Resume | Action::Progress
            ) {
                current.ended = false;
            }
        }
        self.judge(seen, position);
    }

    /// Closes the current viewing because `next` belongs to another, and says when it ended at the latest.
    fn end_before(&mut self, next: &Observation) -> DateTime<Utc> {
        let duration = self.duration;
        let is_music = self.is_music();
        let mut last = next.at;
        if let Some(mut current) = self.current.take() {
            let begins_again = !matches!(next.action, Action::ScrobblePoint | Action::Stop);
            if is_music && !current.ended && begins_again {
                // It played on until the next began, at most to its own end.
                let wall = next.at - current.viewing.until;
                let credit = heard(&current, wall, None, next.action, duration);
                current.heard += credit;
                current.viewing.until += credit;
                self.current = Some(current);
                self.judge_amount(next.at);
                if let Some(current) = self.current.take() {
                    last = current.viewing.until;
                    self.close(current);
                }
            } else {
                last = current.viewing.until;
                self.close(current);
            }
        }
        last
    }

    fn close(&mut self, mut current: Current) {
        self.met_before |= current.viewing.met_at.is_some();
        if self.part > 0
            && let Some(entered) = current.part_entered_at
        {
            current.viewing.started_at = entered;
        }
        self.done.push(current.viewing);
    }

    fn finish(mut self) -> Vec<Viewing> {
        if let Some(current) = self.current.take() {
            self.close(current);
        }
        self.done
    }

    /// Takes up what an observation proves, and decides whether the rule is met with it.
    fn judge(&mut self, seen: &Observation, position: Option<TimeDelta>) {
        let is_music = self.is_music();
        let believable = seen.action == Action::Stop
            && seen.completed_hint == Some(true)
            && self.is_believable(seen);
        let point = (seen.action == Action::ScrobblePoint).then(|| seen.percent.unwrap_or(100.0));
        let Some(current) = &mut self.current else {
            return;
        };
        if let Some(position) = position
            && seen.action != Action::Start
        {
            let counts = seen.action == Action::ScrobblePoint
                || is_no_jump(current, position, seen.at, self.duration)
                || self.duration.is_none();
            if counts {
                current.credited = Some((position, seen.at));
                current.furthest = current.furthest.max(position);
            }
            if is_music && seen.action == Action::ScrobblePoint {
                current.heard = current.heard.max(position);
            }
        }
        if let Some(duration) = self.duration {
            let begin = duration * i32::try_from(self.part).unwrap_or(0)
                / i32::try_from(self.parts).unwrap_or(1);
            if current.part_entered_at.is_none() && current.furthest >= begin {
                current.part_entered_at = Some(seen.at);
            }
        }
        if point.is_some() {
            current.scrobbled_at = Some(seen.at);
        }
        current.completed |= believable;
        let (playing, ended) = match seen.action {
            Action::Start | Action::Resume | Action::Progress => (Playing::Started, false),
            Action::Pause => (Playing::Paused, current.ended),
            Action::Stop => (Playing::Stopped, true),
            Action::ScrobblePoint
            | Action::MarkWatched
            | Action::MarkUnwatched
            | Action::Rate
            | Action::Unrate
            | Action::Love
            | Action::Unlove => (current.viewing.playing, current.ended),
        };
        if playing != current.viewing.playing {
            current.viewing.playing = playing;
            current.viewing.playing_since = seen.at;
        }
        current.ended = ended;
        if seen.action != Action::Start {
            // A point whose percentage nobody knows counts as met; with a length, a known one is judged as a position.
            let is_met_by_point = match (point, seen.percent, self.duration) {
                (Some(_), None, _) => true,
                (Some(percent), Some(_), None) => percent >= self.rule.percent,
                (Some(_), Some(_), Some(_)) | (None, _, _) => false,
            };
            if believable || is_met_by_point {
                self.meet(seen.at);
            }
            self.judge_amount(seen.at);
        }
    }

    /// Decides by the amount that was played.
    fn judge_amount(&mut self, at: DateTime<Utc>) {
        let is_music = self.is_music();
        let (Some(current), Some(duration)) = (&mut self.current, self.duration) else {
            return;
        };
        let played = if is_music {
            current.heard.min(duration)
        } else {
            current.furthest
        };
        current.viewing.percent = Some(share(played, duration) * 100.0);
        let parts = i32::try_from(self.parts).unwrap_or(1);
        let length = duration / parts;
        let within =
            (played - length * i32::try_from(self.part).unwrap_or(0)).max(TimeDelta::zero());
        // What began beyond the point that counts was played before, elsewhere: only its source can say it is a play.
        let began_beyond = !is_music
            && current.scrobbled_at.is_none()
            && current
                .viewing
                .began_percent
                .is_some_and(|began| began >= self.rule.percent && self.parts == 1);
        if !began_beyond && self.rule.is_met(self.kind, length, within) {
            self.meet(at);
        }
    }

    fn meet(&mut self, at: DateTime<Utc>) {
        let (kind, duration, rule, parts) = (self.kind, self.duration, self.rule, self.parts);
        let Some(current) = &mut self.current else {
            return;
        };
        let length = duration.map(|duration| duration / i32::try_from(parts).unwrap_or(1));
        if current.viewing.met_at.is_some() || !rule.is_long_enough(kind, length) {
            return;
        }
        if current.is_repeat && current.began_with_start {
            // The post-play screen and a relay's late copy also look like a start after the end.
            let took = at - current.viewing.started_at;
            let needed = duration.map_or(PROBING, |whole| {
                scale(rule.needed(kind, whole), LEAST_SHARE_OF_REPEAT)
            });
            if took < needed.max(PROBING) {
                return;
            }
        }
        current.viewing.met_at = Some(at);
        current.viewing.percent = current.viewing.percent.or(Some(100.0));
    }

    /// Says whether a source's claim of completion can be true.
    ///
    /// Servers claim it for a playback that failed at once, and whenever they do not know the length.
    fn is_believable(&self, seen: &Observation) -> bool {
        let Some(current) = &self.current else {
            return false;
        };
        let started = current
            .began_with_start
            .then_some(current.viewing.started_at);
        let wall = started.map(|started| seen.at - started);
        if seen
            .position
            .is_some_and(|position| position <= TimeDelta::zero())
            && self.duration.is_none()
        {
            return wall.is_some_and(|wall| wall >= LEAST_BEFORE_BLIND_COMPLETION);
        }
        match (wall, self.duration) {
            (Some(wall), _) if wall < LEAST_BEFORE_COMPLETION => false,
            // Skipping to the end of a track is not listening to it.
            (Some(wall), Some(duration)) if self.is_music() => {
                wall >= self.rule.needed(self.kind, duration)
            }
            (Some(_) | None, _) => true,
        }
    }
}

/// The time heard between the last observation and one `wall` later: never more than passed, or than was gained.
fn heard(
    current: &Current,
    wall: TimeDelta,
    told: Option<TimeDelta>,
    action: Action,
    duration: Option<TimeDelta>,
) -> TimeDelta {
    let wall = wall.max(TimeDelta::zero());
    if current.ended
        || (current.viewing.playing == Playing::Paused
            && (action == Action::Resume || told.is_none()))
    {
        return TimeDelta::zero();
    }
    let gain = match (current.viewing.position, told) {
        (Some(before), Some(now)) => now - before,
        (Some(before), None) => duration.map_or(wall, |duration| duration - before),
        (None, Some(_) | None) => wall,
    };
    wall.min(gain).max(TimeDelta::zero())
}

/// Says whether a position was come by through playing or an ordinary seek.
///
/// A jump of 30 points or more to 98 % and beyond is a client's mistake or a skip to the end. What the time since the
/// last position explains, at up to twice the speed, is no jump.
fn is_no_jump(
    current: &Current,
    position: TimeDelta,
    at: DateTime<Utc>,
    duration: Option<TimeDelta>,
) -> bool {
    let (Some((before, then)), Some(duration)) = (current.credited, duration) else {
        return true;
    };
    let unexplained = position - before - (at - then) * 2;
    share(position, duration) < 0.98 || share(unexplained, duration) < 0.30
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of an item")]
fn share(position: TimeDelta, duration: TimeDelta) -> f64 {
    position.num_milliseconds() as f64 / duration.num_milliseconds().max(1) as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "milliseconds of an item"
)]
fn scale(length: TimeDelta, factor: f64) -> TimeDelta {
    TimeDelta::milliseconds((length.num_milliseconds() as f64 * factor).round() as i64)
}
