//! What the client says to people: what their list shows, and where to find it.

use hub_domain::anime::progress::{Listed, Status};
use hub_domain::rating::{Scale, Shown};

/// Where an entry is shown.
pub(super) fn link(media: u32) -> String {
    format!("https://anilist.co/anime/{media}")
}

/// What a list shows of an entry: `watching, at episode 5`.
pub(super) fn standing(listed: &Listed) -> String {
    let status = match listed.status {
        Status::Planning => "planned",
        Status::Watching => "watching",
        Status::Rewatching => "watching again",
        Status::Completed => return "completed".to_owned(),
        Status::Paused => "paused",
        Status::Dropped => "dropped",
    };
    match listed.progress {
        0 => status.to_owned(),
        episode => format!("{status}, at episode {episode}"),
    }
}

/// A score as the user's format shows it: `8.7 of 10`, `4 of 5 stars`.
pub(super) fn score(shown: Shown) -> String {
    let step = shown.step();
    match shown.scale() {
        Scale::Point10Decimal => format!("{}.{} of 10", step / 10, step % 10),
        Scale::Point5 => format!("{step} of 5 stars"),
        scale @ (Scale::Ten
        | Scale::HalfStars
        | Scale::WholeStars
        | Scale::Point100
        | Scale::Point10
        | Scale::Point3) => format!("{step} of {}", scale.steps()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_said_as_their_format_shows_them() {
        for (scale, step, words) in [
            (Scale::Point100, 87, "87 of 100"),
            (Scale::Point10Decimal, 87, "8.7 of 10"),
            (Scale::Point10Decimal, 100, "10.0 of 10"),
            (Scale::Point10, 9, "9 of 10"),
            (Scale::Point5, 4, "4 of 5 stars"),
            (Scale::Point3, 3, "3 of 3"),
        ] {
            let shown = Shown::new(scale, step).unwrap().unwrap();
            assert_eq!(score(shown), words);
        }
    }
}
