//! Scores: kept in 100 points, shown and taken in the format that the user chose.
//!
//! The ranges are the documents'; where stars and smileys are cut is what clients agree on.

use serde::Serialize;

/// How a user scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScoreFormat {
    /// 0 to 100.
    #[serde(rename = "POINT_100")]
    Point100,
    /// 0.0 to 10.0.
    #[serde(rename = "POINT_10_DECIMAL")]
    Point10Decimal,
    /// 0 to 10.
    #[default]
    #[serde(rename = "POINT_10")]
    Point10,
    /// 0 to 5 stars.
    #[serde(rename = "POINT_5")]
    Point5,
    /// 0 to 3 smileys.
    #[serde(rename = "POINT_3")]
    Point3,
}

impl ScoreFormat {
    const ALL: [ScoreFormat; 5] = [
        ScoreFormat::Point100,
        ScoreFormat::Point10Decimal,
        ScoreFormat::Point10,
        ScoreFormat::Point5,
        ScoreFormat::Point3,
    ];

    /// The word on the wire, such as `POINT_10_DECIMAL`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            ScoreFormat::Point100 => "POINT_100",
            ScoreFormat::Point10Decimal => "POINT_10_DECIMAL",
            ScoreFormat::Point10 => "POINT_10",
            ScoreFormat::Point5 => "POINT_5",
            ScoreFormat::Point3 => "POINT_3",
        }
    }

    pub(crate) fn read(word: &str) -> Option<ScoreFormat> {
        ScoreFormat::ALL
            .into_iter()
            .find(|format| format.word() == word)
    }

    fn most(self) -> f64 {
        match self {
            ScoreFormat::Point100 => 100.0,
            ScoreFormat::Point10Decimal | ScoreFormat::Point10 => 10.0,
            ScoreFormat::Point5 => 5.0,
            ScoreFormat::Point3 => 3.0,
        }
    }

    /// A score of this format in 100 points; none if it is out of range.
    pub(crate) fn to_raw(self, score: f64) -> Option<u32> {
        if !(0.0..=self.most()).contains(&score) {
            return None;
        }
        let raw = match self {
            ScoreFormat::Point100 => score.round(),
            ScoreFormat::Point10Decimal => (score * 10.0).round(),
            ScoreFormat::Point10 => score.round() * 10.0,
            ScoreFormat::Point5 if score < 1.0 => 0.0,
            ScoreFormat::Point5 => score.round() * 20.0 - 10.0,
            ScoreFormat::Point3 if score < 1.0 => 0.0,
            ScoreFormat::Point3 => 10.0 + score.round() * 25.0,
        };
        // From 0 to 100, and whole.
        Some(raw as u32)
    }

    /// 100 points as this format shows them.
    pub(crate) fn of_raw(self, raw: u32) -> f64 {
        let raw = f64::from(raw);
        match self {
            ScoreFormat::Point100 => raw,
            ScoreFormat::Point10Decimal => raw / 10.0,
            ScoreFormat::Point10 => (raw / 10.0).round(),
            ScoreFormat::Point5 => stars(raw, &[0.0, 29.0, 49.0, 69.0, 89.0]),
            ScoreFormat::Point3 => stars(raw, &[0.0, 35.0, 60.0]),
        }
    }
}

/// How many of the bounds a score is above.
fn stars(raw: f64, bounds: &[f64]) -> f64 {
    bounds
        .iter()
        .filter(|bound| raw > **bound)
        .map(|_| 1.0)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_of_every_format_comes_back_from_100_points() {
        for format in ScoreFormat::ALL {
            let steps = if format == ScoreFormat::Point10Decimal {
                100
            } else {
                format.most() as u32
            };
            for step in 0..=steps {
                let score = f64::from(step) * format.most() / f64::from(steps);
                let raw = format.to_raw(score).unwrap();
                assert!(
                    (format.of_raw(raw) - score).abs() < 1e-9,
                    "{format:?} {score} is {raw}"
                );
            }
            assert_eq!(format.to_raw(format.most() + 1.0), None);
        }
        assert_eq!(ScoreFormat::Point5.to_raw(4.0), Some(70));
        assert_eq!(ScoreFormat::Point3.to_raw(3.0), Some(85));
        assert_eq!(ScoreFormat::Point5.of_raw(29), 1.0);
        assert_eq!(ScoreFormat::Point3.of_raw(36), 2.0);
    }
}
