//! The scales that services show, and the way there and back.

use serde::{Deserialize, Serialize};

use super::Rating;

/// How a service shows a rating.
///
/// | service | scale | "not rated" |
/// | --- | --- | --- |
/// | Trakt, Simkl | [`Scale::Ten`] | no rating at all; 0 is refused |
/// | MyAnimeList | [`Scale::Ten`] | score 0 |
/// | Letterboxd | [`Scale::HalfStars`], or `Rating10` in its import file | an empty cell |
/// | Goodreads | [`Scale::WholeStars`] | 0 |
/// | AniList | the format the user chose, read and written as a raw score of 0–100 | raw score 0 |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Scale {
    /// 1 to 10, whole: Trakt, Simkl, MyAnimeList.
    Ten,
    /// Half a star to five stars: Letterboxd.
    HalfStars,
    /// One to five whole stars: Goodreads.
    WholeStars,
    /// AniList, 1 to 100.
    #[serde(rename = "POINT_100")]
    Point100,
    /// AniList, 0.1 to 10.0.
    #[serde(rename = "POINT_10_DECIMAL")]
    Point10Decimal,
    /// AniList, 1 to 10.
    #[serde(rename = "POINT_10")]
    Point10,
    /// AniList, one to five stars.
    #[serde(rename = "POINT_5")]
    Point5,
    /// AniList, three smileys.
    #[serde(rename = "POINT_3")]
    Point3,
}

/// A rating as one service shows it: a step of its scale, the lowest is 1. "Not rated" is the absence of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "(Scale, u8)", into = "(Scale, u8)")]
pub struct Shown {
    scale: Scale,
    step: u8,
}

/// Why a number is no step of a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{scale:?} has no step {step}")]
pub struct NotAStep {
    scale: Scale,
    step: u8,
}

/// The raw scores that AniList's clients write for stars.
///
/// AniList documents only the ranges of its formats; these values, and the limits below, are those of its clients
/// Taiga and `MALSync`.
const STARS_RAW: [u16; 5] = [10, 30, 50, 70, 90];
/// The raw scores for smileys: sad, neutral, happy.
const SMILEYS_RAW: [u16; 3] = [35, 60, 85];

impl Scale {
    /// Every scale.
    pub const ALL: [Self; 8] = [
        Self::Ten,
        Self::HalfStars,
        Self::WholeStars,
        Self::Point100,
        Self::Point10Decimal,
        Self::Point10,
        Self::Point5,
        Self::Point3,
    ];

    /// The format that AniList names so (`ScoreFormat`), if it is one of those known in 2026.
    pub fn of_anilist(score_format: &str) -> Option<Self> {
        match score_format {
            "POINT_100" => Some(Self::Point100),
            "POINT_10_DECIMAL" => Some(Self::Point10Decimal),
            "POINT_10" => Some(Self::Point10),
            "POINT_5" => Some(Self::Point5),
            "POINT_3" => Some(Self::Point3),
            _ => None,
        }
    }

    /// The highest step; the lowest is 1.
    pub const fn steps(self) -> u8 {
        match self {
            Self::Ten | Self::HalfStars | Self::Point10 => 10,
            Self::WholeStars | Self::Point5 => 5,
            Self::Point100 | Self::Point10Decimal => 100,
            Self::Point3 => 3,
        }
    }

    /// Shows a rating on this scale: the nearest step, halves upwards, and never less than the lowest.
    ///
    /// A rating is never turned into "not rated", however low it is.
    pub fn show(self, rating: Rating) -> Shown {
        let raw = rounded(rating.thousandths(), 100);
        let step = match self {
            Self::Ten | Self::HalfStars | Self::Point10 => rounded(rating.thousandths(), 1000),
            Self::WholeStars => rounded(rating.thousandths(), 2000),
            Self::Point100 | Self::Point10Decimal => raw,
            Self::Point5 => step_below([30, 50, 70, 90], raw),
            Self::Point3 => step_below([36, 61], raw),
        };
        let step = u8::try_from(step).unwrap_or(u8::MAX);
        Shown {
            scale: self,
            step: step.clamp(1, self.steps()),
        }
    }
}

/// `thousandths / unit`, the half upwards.
const fn rounded(thousandths: u16, unit: u16) -> u16 {
    (thousandths + unit / 2) / unit
}

/// The step that a raw score falls into, by the limits between the steps.
fn step_below<const N: usize>(limits: [u16; N], raw: u16) -> u16 {
    let passed = limits.iter().filter(|limit| raw >= **limit).count();
    u16::try_from(passed).unwrap_or(u16::MAX).saturating_add(1)
}

impl Shown {
    /// A step of a scale, from 1. `Ok(None)` for 0, which every service with whole numbers reads as "not rated".
    ///
    /// # Errors
    ///
    /// A step beyond the scale's highest.
    pub fn new(scale: Scale, step: u8) -> Result<Option<Self>, NotAStep> {
        if step > scale.steps() {
            return Err(NotAStep { scale, step });
        }
        Ok((step > 0).then_some(Self { scale, step }))
    }

    /// A rating in stars as Letterboxd and Goodreads write them: `4.5`, `4`; `Ok(None)` for 0.
    ///
    /// # Errors
    ///
    /// What is no step of that scale: `4.5` on whole stars, `5.5`, a scale without stars.
    pub fn of_stars(scale: Scale, stars: f64) -> Result<Option<Self>, NotAStep> {
        let a_star = scale.steps() / 5;
        let steps = stars * f64::from(a_star);
        let has_stars = matches!(scale, Scale::HalfStars | Scale::WholeStars | Scale::Point5);
        if !has_stars || !(0.0..=10.0).contains(&steps) || steps.fract() != 0.0 {
            return Err(NotAStep {
                scale,
                step: u8::MAX,
            });
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole, and between 0 and 10"
        )]
        Self::new(scale, steps as u8)
    }

    /// What AniList shows for a raw score of 0–100 in the user's format; `None` for 0, which is "no score".
    ///
    /// More than 100 does not occur and counts as 100.
    pub fn of_raw(scale: Scale, raw: u8) -> Option<Self> {
        let rating = Rating::from_thousandths(u16::from(raw.min(100)) * 100)?;
        (raw > 0).then(|| scale.show(rating))
    }

    /// The scale it is on.
    pub const fn scale(self) -> Scale {
        self.scale
    }

    /// The step, 1 to [`Scale::steps`]: what Trakt, Simkl, MyAnimeList and Goodreads write.
    pub const fn step(self) -> u8 {
        self.step
    }

    /// In stars, 0.5 to 5, where the scale has any.
    pub fn stars(self) -> Option<f64> {
        match self.scale {
            Scale::HalfStars => Some(f64::from(self.step) / 2.0),
            Scale::WholeStars | Scale::Point5 => Some(f64::from(self.step)),
            Scale::Ten
            | Scale::Point100
            | Scale::Point10Decimal
            | Scale::Point10
            | Scale::Point3 => None,
        }
    }

    /// The rating that this step stands for on the hub's scale.
    pub fn rating(self) -> Rating {
        let at = usize::from(self.step.saturating_sub(1));
        let thousandths = match self.scale {
            Scale::Ten | Scale::HalfStars | Scale::Point10 => u16::from(self.step) * 1000,
            Scale::WholeStars => u16::from(self.step) * 2000,
            Scale::Point100 | Scale::Point10Decimal => u16::from(self.step) * 100,
            Scale::Point5 => STARS_RAW.get(at).copied().unwrap_or(100) * 100,
            Scale::Point3 => SMILEYS_RAW.get(at).copied().unwrap_or(100) * 100,
        };
        Rating(thousandths)
    }

    /// The raw score, 1–100, that makes AniList show this step (`scoreRaw`).
    pub fn raw(self) -> u8 {
        u8::try_from(self.rating().thousandths() / 100).unwrap_or(100)
    }
}

impl From<Shown> for (Scale, u8) {
    fn from(shown: Shown) -> Self {
        (shown.scale, shown.step)
    }
}

impl TryFrom<(Scale, u8)> for Shown {
    type Error = NotAStep;
    fn try_from((scale, step): (Scale, u8)) -> Result<Self, NotAStep> {
        Self::new(scale, step)?.ok_or(NotAStep { scale, step })
    }
}

/// Says whether two ratings look the same on a scale, "not rated" being equal only to itself.
///
/// Where they do, nothing is written to either side.
pub fn is_same_on(scale: Scale, one: Option<Rating>, other: Option<Rating>) -> bool {
    one.map(|rating| scale.show(rating)) == other.map(|rating| scale.show(rating))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rating() -> impl Strategy<Value = Rating> {
        (0u16..=10_000).prop_map(Rating)
    }

    fn scale() -> impl Strategy<Value = Scale> {
        prop::sample::select(&Scale::ALL[..])
    }

    fn shown(scale: Scale, points: f64) -> u8 {
        scale.show(Rating::new(points).unwrap()).step()
    }

    #[test]
    fn the_scales_are_those_of_the_services() {
        for (scale, points, step) in [
            (Scale::Ten, 8.7, 9),
            (Scale::Ten, 8.499, 8),
            (Scale::Ten, 0.2, 1),
            (Scale::HalfStars, 7.0, 7),
            (Scale::HalfStars, 6.5, 7),
            (Scale::WholeStars, 7.0, 4),
            (Scale::WholeStars, 9.0, 5),
            (Scale::WholeStars, 0.0, 1),
            (Scale::Point100, 8.75, 88),
            (Scale::Point10Decimal, 8.74, 87),
            (Scale::Point10, 8.5, 9),
            (Scale::Point5, 9.0, 5),
            (Scale::Point5, 8.9, 4),
            (Scale::Point5, 2.9, 1),
            (Scale::Point3, 3.5, 1),
            (Scale::Point3, 6.0, 2),
            (Scale::Point3, 6.1, 3),
        ] {
            assert_eq!(shown(scale, points), step, "{points} on {scale:?}");
        }
    }

    #[test]
    fn zero_means_not_rated_wherever_a_service_writes_a_number() {
        for scale in Scale::ALL {
            assert_eq!(Shown::new(scale, 0), Ok(None));
            assert_eq!(Shown::of_raw(scale, 0), None);
            assert!(Shown::new(scale, scale.steps() + 1).is_err());
        }
        assert_eq!(Shown::of_stars(Scale::HalfStars, 0.0), Ok(None));
    }

    #[test]
    fn stars_and_halves_are_exact() {
        let shown = Shown::of_stars(Scale::HalfStars, 4.5).unwrap().unwrap();
        assert_eq!((shown.step(), shown.stars()), (9, Some(4.5)));
        assert_eq!(shown.rating(), Rating::new(9.0).unwrap());
        for (scale, stars) in [
            (Scale::WholeStars, 4.5),
            (Scale::HalfStars, 5.5),
            (Scale::HalfStars, -0.5),
            (Scale::HalfStars, f64::NAN),
            (Scale::Ten, 4.0),
        ] {
            assert!(Shown::of_stars(scale, stars).is_err(), "{stars}");
        }
    }

    #[test]
    fn a_raw_score_is_read_in_the_users_format() {
        assert_eq!(Shown::of_raw(Scale::Point100, 87).unwrap().step(), 87);
        assert_eq!(Shown::of_raw(Scale::Point10, 87).unwrap().step(), 9);
        assert_eq!(Shown::of_raw(Scale::Point10, 87).unwrap().raw(), 90);
        assert_eq!(Shown::of_raw(Scale::Point3, 85).unwrap().step(), 3);
        assert_eq!(Shown::of_raw(Scale::Point10, 3).unwrap().step(), 1);
    }

    #[test]
    fn what_is_stored_of_a_step_keeps_its_form_and_is_checked() {
        let shown = Scale::Point10Decimal.show(Rating::new(8.7).unwrap());
        let text = serde_json::to_string(&shown).unwrap();
        assert_eq!(text, r#"["POINT_10_DECIMAL",87]"#);
        assert_eq!(serde_json::from_str::<Shown>(&text).unwrap(), shown);
        assert!(serde_json::from_str::<Shown>(r#"["TEN",0]"#).is_err());
        assert!(serde_json::from_str::<Shown>(r#"["TEN",11]"#).is_err());
    }

    #[test]
    fn anilists_names_of_its_formats_are_understood() {
        for name in [
            "POINT_100",
            "POINT_10_DECIMAL",
            "POINT_10",
            "POINT_5",
            "POINT_3",
        ] {
            let scale = Scale::of_anilist(name).unwrap();
            assert_eq!(serde_json::to_value(scale).unwrap(), name);
        }
        assert_eq!(Scale::of_anilist("TEN"), None);
    }

    #[test]
    fn every_step_of_every_scale_shows_as_itself() {
        for scale in Scale::ALL {
            for step in 1..=scale.steps() {
                let shown = Shown::new(scale, step).unwrap().unwrap();
                assert_eq!(scale.show(shown.rating()), shown);
                assert_eq!(Shown::of_raw(scale, shown.raw()), Some(shown));
            }
        }
    }

    proptest! {
        #[test]
        fn showing_what_is_shown_changes_nothing(scale in scale(), rating in rating()) {
            let shown = scale.show(rating);
            prop_assert_eq!(scale.show(shown.rating()), shown);
            prop_assert!(is_same_on(scale, Some(rating), Some(shown.rating())));
        }

        #[test]
        fn a_higher_rating_never_shows_lower(scale in scale(), one in rating(), other in rating()) {
            let (low, high) = (one.min(other), one.max(other));
            prop_assert!(scale.show(low) <= scale.show(high));
            prop_assert!(scale.show(low).rating() <= scale.show(high).rating());
        }

        #[test]
        fn a_rating_never_becomes_not_rated(scale in scale(), rating in rating()) {
            prop_assert!((1..=scale.steps()).contains(&scale.show(rating).step()));
            prop_assert!(!is_same_on(scale, Some(rating), None));
        }
    }
}
