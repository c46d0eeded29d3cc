//! Hearts: loved, hated, or neither. They are no ratings and are never turned into any.

use serde::{Deserialize, Serialize};

use super::agreement::{Known, Side, Whose, whose};

/// What a user feels about an item; "neither" is the absence of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feeling {
    /// Loved: Last.fm's loved tracks, ListenBrainz's score 1, Letterboxd's like.
    Loved,
    /// Hated: ListenBrainz's score −1; nobody else has it.
    Hated,
}

/// Which hearts a service knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hearts {
    /// Loved or not: Last.fm, Letterboxd.
    Love,
    /// Loved, hated or neither: ListenBrainz.
    LoveAndHate,
}

/// A heart as one service shows it; made by [`Hearts::show`], or of what a service answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Heart(Option<Feeling>);

impl Hearts {
    /// Shows a feeling as far as the service can: where hate is unknown it is no heart, never a love.
    pub const fn show(self, feeling: Option<Feeling>) -> Heart {
        match (self, feeling) {
            (_, Some(Feeling::Loved)) => Heart(Some(Feeling::Loved)),
            (Self::LoveAndHate, Some(Feeling::Hated)) => Heart(Some(Feeling::Hated)),
            (Self::Love, Some(Feeling::Hated)) | (_, None) => Heart(None),
        }
    }

    /// Says whether two feelings look the same at the service; where they do, nothing is written to either side.
    ///
    /// So a hated track is not "unhated" by a Last.fm that does not love it.
    pub fn is_same(self, one: Option<Feeling>, other: Option<Feeling>) -> bool {
        self.show(one) == self.show(other)
    }

    /// What the hub keeps after a service said `theirs`: its own where the service cannot tell the difference.
    pub fn take(self, ours: Option<Feeling>, theirs: Heart) -> Option<Feeling> {
        if self.show(ours) == theirs {
            ours
        } else {
            theirs.0
        }
    }
}

/// What to do next about a heart, and what both sides then agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeartStep {
    /// Both show the same: nothing is written to either side. Remember it as agreed.
    Same(Heart),
    /// The hub changed: the service is to show this.
    Send(Heart),
    /// The service changed: the hub keeps this, or nothing.
    Take(Option<Feeling>),
}

/// Decides what becomes of a feeling that the hub and a service both may hold, by the rules of [`super::merge`].
pub fn merge_hearts(
    hearts: Hearts,
    hub: Side<Feeling>,
    service: Side<Feeling>,
    known: Known<Feeling>,
) -> HeartStep {
    let (ours, theirs) = (hearts.show(hub.value), hearts.show(service.value));
    if ours == theirs {
        return HeartStep::Same(ours);
    }
    let agreed = match known {
        Known::Agreed(agreed) => Some(hearts.show(agreed).0),
        Known::Nothing => None,
    };
    match whose(ours.0, theirs.0, agreed, hub.changed_at, service.changed_at) {
        Whose::Hub => HeartStep::Send(ours),
        Whose::Service => HeartStep::Take(hearts.take(hub.value, theirs)),
    }
}

impl Heart {
    /// The feeling that the service shows.
    pub const fn feeling(self) -> Option<Feeling> {
        self.0
    }

    /// Last.fm's and Letterboxd's flag.
    pub const fn of_flag(is_loved: bool) -> Self {
        if is_loved {
            Self(Some(Feeling::Loved))
        } else {
            Self(None)
        }
    }

    /// ListenBrainz's score: 1, 0 or −1; anything else is none of it.
    pub const fn of_score(score: i8) -> Option<Self> {
        match score {
            1 => Some(Self(Some(Feeling::Loved))),
            0 => Some(Self(None)),
            -1 => Some(Self(Some(Feeling::Hated))),
            _ => None,
        }
    }

    /// Says whether it is to be loved there (`track.love`), else not (`track.unlove`).
    pub const fn is_loved(self) -> bool {
        matches!(self.0, Some(Feeling::Loved))
    }

    /// ListenBrainz's score for it.
    pub const fn score(self) -> i8 {
        match self.0 {
            Some(Feeling::Loved) => 1,
            Some(Feeling::Hated) => -1,
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEELINGS: [Option<Feeling>; 3] = [None, Some(Feeling::Loved), Some(Feeling::Hated)];

    #[test]
    fn hate_is_no_heart_where_only_love_is_known() {
        assert!(!Hearts::Love.show(Some(Feeling::Hated)).is_loved());
        assert_eq!(Hearts::LoveAndHate.show(Some(Feeling::Hated)).score(), -1);
    }

    #[test]
    fn a_hated_track_stays_hated_until_somebody_loves_it() {
        let hated = Some(Feeling::Hated);
        assert_eq!(Hearts::Love.take(hated, Heart::of_flag(false)), hated);
        assert_eq!(
            Hearts::Love.take(hated, Heart::of_flag(true)),
            Some(Feeling::Loved)
        );
        assert_eq!(Hearts::LoveAndHate.take(hated, Heart(None)), None);
    }

    #[test]
    fn an_unlove_goes_to_the_other_side_and_hate_does_not_come_back_as_indifference() {
        let side = |value| Side {
            value,
            changed_at: None,
        };
        let known = Known::Agreed(Some(Feeling::Loved));
        let loved = side(Some(Feeling::Loved));
        for (hub, service, step) in [
            (side(None), loved, HeartStep::Send(Heart(None))),
            (loved, side(None), HeartStep::Take(None)),
            (
                side(Some(Feeling::Hated)),
                loved,
                HeartStep::Send(Heart(None)),
            ),
            (
                side(Some(Feeling::Hated)),
                side(None),
                HeartStep::Same(Heart(None)),
            ),
        ] {
            assert_eq!(merge_hearts(Hearts::Love, hub, service, known), step);
        }
    }

    #[test]
    fn scores_come_back_and_others_are_refused() {
        for score in [-1, 0, 1] {
            assert_eq!(Heart::of_score(score).map(Heart::score), Some(score));
        }
        assert_eq!(Heart::of_score(2), None);
    }

    #[test]
    fn taking_what_was_shown_changes_nothing() {
        for hearts in [Hearts::Love, Hearts::LoveAndHate] {
            for feeling in FEELINGS {
                assert_eq!(hearts.take(feeling, hearts.show(feeling)), feeling);
                for other in FEELINGS {
                    let taken = hearts.take(feeling, hearts.show(other));
                    assert!(hearts.is_same(taken, other));
                }
            }
        }
    }
}
