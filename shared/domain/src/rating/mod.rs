//! Ratings and love: the hub's own scale, each service's scale, and when a difference is none.
//!
//! The hub keeps a rating from 0 to 10 with three decimals. A service shows it on its own scale: ten whole points, five
//! stars, three smileys. Between the two lies a rounding, and roundings drift: 7 of 10 is 4 of 5 stars is 8 of 10. So a
//! rating that comes back is compared on the *service's* scale ([`is_same_on`]); where both sides show the same there,
//! nothing is written, on either side, and the finer value stays.
//!
//! Love is no number. A heart is kept as a heart ([`Feeling`]) and never becomes a rating, nor the other way round:
//! a loved track that turned into 10 of 10 would be an opinion that nobody gave. Letterboxd's like, Last.fm's loved
//! tracks and ListenBrainz's feedback are feelings; a service without hearts gets none.

mod agreement;
mod feeling;
mod scale;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use agreement::{Known, Side, Step, merge};
pub use feeling::{Feeling, Heart, HeartStep, Hearts, merge_hearts};
pub use scale::{Scale, Shown, is_same_on};

/// How many parts one point of the hub's scale has.
const PARTS: u16 = 1000;

/// A rating on the hub's scale: 0 (the worst) to 10 (the best), in thousandths.
///
/// 0 is an opinion; "not rated" is the absence of a rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Rating(u16);

/// Why a number is no rating.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a rating lies between 0 and 10, not at {0}")]
pub struct NotARating(f64);

impl Rating {
    /// The best.
    pub const BEST: Self = Self(10 * PARTS);

    /// Keeps a number between 0 and 10, to the nearest thousandth.
    ///
    /// # Errors
    ///
    /// What lies outside, and what is no number.
    pub fn new(points: f64) -> Result<Self, NotARating> {
        if !(0.0..=10.0).contains(&points) {
            return Err(NotARating(points));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 10,000, checked above"
        )]
        Ok(Self((points * f64::from(PARTS)).round() as u16))
    }

    /// The rating as a number from 0 to 10.
    pub fn points(self) -> f64 {
        f64::from(self.0) / f64::from(PARTS)
    }

    /// Thousandths of a point, 0–10,000: exact, for comparing and storing.
    pub const fn thousandths(self) -> u16 {
        self.0
    }

    /// A rating of so many thousandths, if there are at most 10,000.
    pub const fn from_thousandths(thousandths: u16) -> Option<Self> {
        if thousandths <= Self::BEST.0 {
            Some(Self(thousandths))
        } else {
            None
        }
    }
}

impl fmt::Display for Rating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.points())
    }
}

impl From<Rating> for f64 {
    fn from(rating: Rating) -> Self {
        rating.points()
    }
}

impl TryFrom<f64> for Rating {
    type Error = NotARating;
    fn try_from(points: f64) -> Result<Self, NotARating> {
        Self::new(points)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_lies_outside_is_refused_and_zero_is_an_opinion() {
        for points in [-0.1, 10.000_1, f64::NAN, f64::INFINITY] {
            assert!(Rating::new(points).is_err(), "{points}");
        }
        assert_eq!(Rating::new(0.0).map(Rating::thousandths), Ok(0));
        assert_eq!(Rating::new(10.0), Ok(Rating::BEST));
    }

    #[test]
    fn decimals_are_kept_in_json() {
        for text in ["8.7", "0.0", "10.0", "7.333"] {
            let rating: Rating = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&rating).unwrap(), text);
        }
        assert!(serde_json::from_str::<Rating>("11").is_err());
        assert_eq!(Rating::new(8.7).unwrap().to_string(), "8.7");
    }

    proptest! {
        #[test]
        fn every_stored_rating_comes_back(thousandths in 0u16..=10_000) {
            let rating = Rating::from_thousandths(thousandths).unwrap();
            prop_assert_eq!(Rating::new(rating.points()).unwrap(), rating);
        }
    }
}
