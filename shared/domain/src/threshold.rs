//! How much of an item has to be played before it is a play.
//!
//! | kind | default | least length |
//! | --- | --- | --- |
//! | track | 50 % or 4 minutes of listening, whichever comes first | longer than 30 s |
//! | podcast episode | 80 % | 5 minutes |
//! | film, episode | 80 % | 10 minutes |
//! | book | 80 % | none |
//!
//! Source of the track's rule: <https://www.last.fm/api/scrobbling>.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::media::ItemKind;
use crate::units::{millis, optional_millis};

/// The listening after which a track counts, whatever its length.
pub const ENOUGH_LISTENING: TimeDelta = TimeDelta::minutes(4);

/// The rule of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// The percentage that has to be played, 1–100.
    pub percent: f64,
    /// The item's least length; a track has to be *longer*, everything else at least as long.
    #[serde(with = "millis", rename = "least_length_ms")]
    pub least_length: TimeDelta,
}

/// The rule of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Films and episodes.
    pub video: Rule,
    /// Tracks.
    pub music: Rule,
    /// Podcast episodes.
    pub podcast: Rule,
    /// Books.
    pub book: Rule,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            video: Rule {
                percent: 80.0,
                least_length: TimeDelta::minutes(10),
            },
            music: Rule {
                percent: 50.0,
                least_length: TimeDelta::seconds(30),
            },
            podcast: Rule {
                percent: 80.0,
                least_length: TimeDelta::minutes(5),
            },
            book: Rule {
                percent: 80.0,
                least_length: TimeDelta::zero(),
            },
        }
    }
}

/// What a user (or a server) sets of one kind's rule; the rest comes from the next wider circle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuleSetting {
    /// The percentage, 1–100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    /// The least length.
    #[serde(
        with = "optional_millis",
        rename = "least_length_ms",
        skip_serializing_if = "Option::is_none"
    )]
    pub least_length: Option<TimeDelta>,
}

/// What a user sets of the rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ThresholdSettings {
    /// Films and episodes.
    pub video: RuleSetting,
    /// Tracks.
    pub music: RuleSetting,
    /// Podcast episodes.
    pub podcast: RuleSetting,
    /// Books.
    pub book: RuleSetting,
}

impl Thresholds {
    /// These rules with what a narrower circle (the user within the server) sets in their place.
    #[must_use]
    pub fn with(&self, settings: &ThresholdSettings) -> Self {
        let rule = |rule: Rule, setting: RuleSetting| Rule {
            percent: setting
                .percent
                .filter(|percent| (1.0..=100.0).contains(percent))
                .unwrap_or(rule.percent),
            least_length: setting
                .least_length
                .filter(|length| *length >= TimeDelta::zero())
                .unwrap_or(rule.least_length),
        };
        Self {
            video: rule(self.video, settings.video),
            music: rule(self.music, settings.music),
            podcast: rule(self.podcast, settings.podcast),
            book: rule(self.book, settings.book),
        }
    }

    /// The rule for an item; shows, albums and artists are never played, so they have none.
    pub const fn of(&self, kind: ItemKind) -> Option<Rule> {
        match kind {
            ItemKind::Movie | ItemKind::Episode => Some(self.video),
            ItemKind::Track => Some(self.music),
            ItemKind::PodcastEpisode => Some(self.podcast),
            ItemKind::Book => Some(self.book),
            ItemKind::Show | ItemKind::Season | ItemKind::Album | ItemKind::Artist => None,
        }
    }
}

impl Rule {
    /// The same rule with another percentage.
    #[must_use]
    pub const fn at(self, percent: f64) -> Self {
        Self { percent, ..self }
    }

    /// Says whether an item is long enough to be played at all; an unknown length (or 0) is not refused here.
    pub fn is_long_enough(&self, kind: ItemKind, length: Option<TimeDelta>) -> bool {
        match length.filter(|length| *length > TimeDelta::zero()) {
            None => true,
            Some(length) if matches!(kind, ItemKind::Track) => length > self.least_length,
            Some(length) => length >= self.least_length,
        }
    }

    /// What has to be played of an item of this length: of a track at most four minutes.
    pub fn needed(&self, kind: ItemKind, length: TimeDelta) -> TimeDelta {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "milliseconds of an item"
        )]
        let part = TimeDelta::milliseconds(
            (length.num_milliseconds() as f64 * self.percent / 100.0).ceil() as i64,
        );
        if matches!(kind, ItemKind::Track) {
            part.min(ENOUGH_LISTENING)
        } else {
            part
        }
    }

    /// Says whether enough of an item was played.
    pub fn is_met(&self, kind: ItemKind, length: TimeDelta, played: TimeDelta) -> bool {
        self.is_long_enough(kind, Some(length))
            && length > TimeDelta::zero()
            && played >= self.needed(kind, length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minimum_just_below_exactly_on_and_just_above() {
        use ItemKind::{Book, Episode, Movie, PodcastEpisode, Track};
        let rules = Thresholds::default();
        #[rustfmt::skip]
        let table: &[(ItemKind, i64, i64, bool)] = &[
            // kind, length in ms, played in ms, is a play
            (Track, 30_000, 30_000, false),          // exactly 30 s is not longer than 30 s
            (Track, 29_999, 29_999, false),
            (Track, 30_001, 15_001, true),
            (Track, 200_000, 99_999, false),         // half: just below, exactly on, just above
            (Track, 200_000, 100_000, true),
            (Track, 200_000, 100_001, true),
            (Track, 1_200_000, 239_999, false),      // four minutes: just below, exactly on, just above
            (Track, 1_200_000, 240_000, true),
            (Track, 1_200_000, 240_001, true),
            (PodcastEpisode, 299_999, 299_999, false),
            (PodcastEpisode, 300_000, 239_999, false),
            (PodcastEpisode, 300_000, 240_000, true),
            (PodcastEpisode, 300_001, 240_001, true),
            (PodcastEpisode, 3_600_000, 600_000, false), // four minutes are nothing to a podcast
            (Movie, 599_999, 599_999, false),
            (Movie, 600_000, 479_999, false),
            (Movie, 600_000, 480_000, true),
            (Movie, 600_001, 480_001, true),
            (Episode, 1_320_000, 1_055_999, false),
            (Episode, 1_320_000, 1_056_000, true),
            (Episode, 1_320_000, 1_056_001, true),
            (Book, 1_000, 799, false),
            (Book, 1_000, 800, true),
        ];
        for (kind, length, played, expected) in table {
            let rule = rules.of(*kind).unwrap();
            let is_met = rule.is_met(
                *kind,
                TimeDelta::milliseconds(*length),
                TimeDelta::milliseconds(*played),
            );
            assert_eq!(is_met, *expected, "{kind}: {played} of {length} ms");
        }
    }

    #[test]
    fn a_minimum_of_zero_lets_everything_pass_that_has_a_length() {
        let rule = Rule {
            percent: 80.0,
            least_length: TimeDelta::zero(),
        };
        assert!(rule.is_met(
            ItemKind::Movie,
            TimeDelta::seconds(10),
            TimeDelta::seconds(8)
        ));
        assert!(!rule.is_met(ItemKind::Movie, TimeDelta::zero(), TimeDelta::zero()));
    }

    #[test]
    fn the_narrower_circle_wins_and_nonsense_is_ignored() {
        let user = ThresholdSettings {
            video: RuleSetting {
                percent: Some(90.0),
                least_length: None,
            },
            music: RuleSetting {
                percent: Some(0.0),
                least_length: Some(TimeDelta::seconds(-1)),
            },
            ..ThresholdSettings::default()
        };
        let rules = Thresholds::default().with(&user);
        assert_eq!(
            rules.video,
            Rule {
                percent: 90.0,
                least_length: TimeDelta::minutes(10)
            }
        );
        assert_eq!(rules.music, Thresholds::default().music);
    }
}
