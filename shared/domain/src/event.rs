//! The canonical event: what a media server says happened.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::media::MediaItem;
use crate::names::{Account, Player, ServerRef};
use crate::units::optional_millis;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Playback began.
    Start,
    /// Playback went on after a pause, or after a seek.
    Resume,
    /// Playback is going on.
    Progress,
    /// Playback was paused.
    Pause,
    /// The source's own rule says that it counts as played now.
    ScrobblePoint,
    /// Playback ended.
    Stop,
    /// A person marked it as played.
    MarkWatched,
    /// A person marked it as not played.
    MarkUnwatched,
    /// A person rated it.
    Rate,
    /// A person took the rating back.
    Unrate,
    /// A person loved it.
    Love,
    /// A person loves it no longer.
    Unlove,
}

impl Action {
    /// Says whether it is a moment of a playback (and no mark, rating or love).
    pub const fn is_playback(self) -> bool {
        match self {
            Self::Start
            | Self::Resume
            | Self::Progress
            | Self::Pause
            | Self::ScrobblePoint
            | Self::Stop => true,
            Self::MarkWatched
            | Self::MarkUnwatched
            | Self::Rate
            | Self::Unrate
            | Self::Love
            | Self::Unlove => false,
        }
    }
}

/// What else the source said about the event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Flags {
    /// Live television or radio: the position is not the programme's.
    pub live: bool,
    /// A trailer, extra, preroll, theme or sample.
    pub extra: bool,
    /// A person did it by hand.
    pub manual: bool,
    /// It happened earlier, away from the server, and is reported now.
    pub offline: bool,
    /// The time or position was worked out, not reported.
    pub derived: bool,
}

/// The library an item lies in, where the source names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Library {
    /// The source's id of the library.
    pub id: String,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// One event of one account on one player.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The server it came from.
    pub server: ServerRef,
    /// Whose playback it is.
    #[serde(default)]
    pub account: Account,
    /// On which player.
    #[serde(default)]
    pub player: Player,
    /// What happened.
    pub action: Action,
    /// When it happened, by the best clock there is.
    pub occurred_at: DateTime<Utc>,
    /// When the hub received it.
    pub received_at: DateTime<Utc>,
    /// What is played; its length is `media.duration`.
    pub media: MediaItem,
    /// How far into the item; unknown is `None`, the very start is 0.
    #[serde(
        default,
        with = "optional_millis",
        rename = "position_ms",
        skip_serializing_if = "Option::is_none"
    )]
    pub position: Option<TimeDelta>,
    /// How far into the item, 0–100, where the source says only that, or the known percentage of its scrobble point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_percent: Option<f64>,
    /// The source says that it was played to its end, or that it was not; `None` where it is silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_hint: Option<bool>,
    /// A rating, 0–10, decimals kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<f64>,
    /// What was written about it, with a rating.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<String>,
    /// What else the source said.
    #[serde(default)]
    pub flags: Flags,
    /// The library, where the source names it (Plex).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<Library>,
    /// The file, where the source names it (Emby).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl Event {
    /// An event of which only the necessary is known.
    pub fn new(server: ServerRef, action: Action, media: MediaItem, at: DateTime<Utc>) -> Self {
        Self {
            server,
            account: Account::default(),
            player: Player::default(),
            action,
            occurred_at: at,
            received_at: at,
            media,
            position: None,
            progress_percent: None,
            completed_hint: None,
            rating: None,
            review: None,
            flags: Flags::default(),
            library: None,
            path: None,
        }
    }

    /// How far into the item, from the position or else from the percentage; never past the item's end.
    ///
    /// A length of 0 is unknown, and a position more than 2 % past the end is a mistake of the source.
    pub fn known_position(&self) -> Option<TimeDelta> {
        let duration = self
            .media
            .duration
            .filter(|duration| *duration > TimeDelta::zero());
        match (self.position, duration) {
            (Some(position), Some(duration)) => (position >= TimeDelta::zero()
                && position <= duration + duration / 50)
                .then(|| position.min(duration)),
            (Some(position), None) => (position >= TimeDelta::zero()).then_some(position),
            (None, Some(duration)) => {
                let percent = self
                    .progress_percent
                    .filter(|percent| (0.0..=100.0).contains(percent))?;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_precision_loss,
                    reason = "milliseconds of a film"
                )]
                let millis = (duration.num_milliseconds() as f64 * percent / 100.0).round() as i64;
                Some(TimeDelta::milliseconds(millis))
            }
            (None, None) => None,
        }
    }
}

/// How far a live event's own clock may be from ours before the time of receipt is taken instead.
pub const MOST_CLOCK_DIFFERENCE: TimeDelta = TimeDelta::minutes(5);

/// Decides when an event happened, of what its source's clock says and when it was received.
///
/// A clock that is off by more than [`MOST_CLOCK_DIFFERENCE`] is wrong for live events; a completion that old is an
/// offline play, reported late, whose time is kept. Nothing happens in the future, or before 2005.
/// Returns the time, and whether the event is an offline one.
pub fn settle_time(
    action: Action,
    claimed: Option<DateTime<Utc>>,
    received_at: DateTime<Utc>,
) -> (DateTime<Utc>, bool) {
    let Some(claimed) = claimed else {
        return (received_at, false);
    };
    let is_completion = matches!(
        action,
        Action::ScrobblePoint | Action::Stop | Action::MarkWatched
    );
    if claimed > received_at || claimed.timestamp() < 1_104_537_600 {
        return (received_at, false);
    }
    if received_at - claimed <= MOST_CLOCK_DIFFERENCE {
        return (claimed, false);
    }
    if is_completion {
        (claimed, true)
    } else {
        (received_at, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::ItemKind;
    use crate::names::Source;

    fn event(position: Option<i64>, percent: Option<f64>, duration: Option<i64>) -> Option<i64> {
        let mut media = MediaItem::new(ItemKind::Movie);
        media.duration = duration.map(TimeDelta::seconds);
        let mut event = Event::new(
            ServerRef::unnamed(Source::Kodi),
            Action::Progress,
            media,
            DateTime::UNIX_EPOCH,
        );
        event.position = position.map(TimeDelta::seconds);
        event.progress_percent = percent;
        event
            .known_position()
            .map(|position| position.num_seconds())
    }

    #[test]
    fn a_position_is_read_from_what_is_there_and_never_invented() {
        for (position, percent, duration, expected) in [
            (Some(0), None, Some(100), Some(0)),
            (Some(50), None, None, Some(50)),
            (Some(50), None, Some(0), Some(50)),
            (None, Some(42.0), Some(100), Some(42)),
            (None, Some(42.0), None, None),
            (None, Some(142.0), Some(100), None),
            (Some(101), None, Some(100), Some(100)),
            (Some(103), None, Some(100), None),
            (Some(-5), None, Some(100), None),
            (None, None, Some(100), None),
        ] {
            assert_eq!(
                event(position, percent, duration),
                expected,
                "{position:?} {percent:?} {duration:?}"
            );
        }
    }

    #[test]
    fn a_wrong_clock_is_not_believed_for_live_events_and_an_old_completion_is_offline() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let ago = |minutes| Some(now - TimeDelta::minutes(minutes));
        assert_eq!(
            settle_time(Action::Pause, ago(4), now),
            (ago(4).unwrap(), false)
        );
        assert_eq!(settle_time(Action::Pause, ago(6), now), (now, false));
        assert_eq!(
            settle_time(Action::Stop, ago(600), now),
            (ago(600).unwrap(), true)
        );
        assert_eq!(
            settle_time(Action::ScrobblePoint, ago(-1), now),
            (now, false)
        );
        assert_eq!(
            settle_time(Action::Stop, Some(DateTime::UNIX_EPOCH), now),
            (now, false)
        );
        assert_eq!(settle_time(Action::Stop, None, now), (now, false));
    }
}
