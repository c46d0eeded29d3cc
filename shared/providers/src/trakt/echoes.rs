//! `not_found`: which of the things that were sent Trakt does not know. It echoes them, as far as it echoes them.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::item::Subject;
use super::wire::{EpisodeIds, EpisodeNumber, Item, Named, NotFound};

/// Says whether something that was said is about what was not found.
pub(super) fn is_subject_named(not_found: &NotFound, subject: &Subject) -> bool {
    let shows = || echoes::<Named>(&not_found.shows);
    match subject {
        Subject::Item(item) => is_item_named(not_found, item),
        // An echo with seasons is about these alone.
        Subject::Show(show) => {
            shows().any(|(echo, whole)| echo.meets(show) && seasons_of(whole).is_none())
        }
        Subject::Season { show, number } => shows().any(|(echo, whole)| {
            let names_it = |seasons: &Vec<Value>| {
                seasons
                    .iter()
                    .any(|season| is_number(season, *number) && season.get("episodes").is_none())
            };
            echo.meets(show) && seasons_of(whole).is_none_or(names_it)
        }),
    }
}

/// Says whether an item is among those that were not found.
pub(super) fn is_item_named(not_found: &NotFound, item: &Item) -> bool {
    match item {
        Item::Movie { movie } => {
            echoes::<Named>(&not_found.movies).any(|(echo, _)| echo.meets(movie))
        }
        Item::Episode { episode } => {
            echoes::<EpisodeIds>(&not_found.episodes).any(|(echo, _)| echo.ids.meets(&episode.ids))
        }
        Item::Numbered { show, episode } => echoes::<Named>(&not_found.shows)
            .any(|(echo, whole)| echo.meets(show) && is_number_named(whole, episode)),
    }
}

fn echoes<T: DeserializeOwned>(list: &[Value]) -> impl Iterator<Item = (T, &Value)> {
    list.iter()
        .filter_map(|echo| Some((serde_json::from_value(echo.clone()).ok()?, echo)))
}

/// Says whether a show that was not found stands for this episode: all of it, or with this very number.
fn is_number_named(show: &Value, episode: &EpisodeNumber) -> bool {
    let Some(seasons) = seasons_of(show) else {
        return true;
    };
    seasons.iter().any(|season| {
        is_number(season, episode.season)
            && season
                .get("episodes")
                .and_then(Value::as_array)
                .is_none_or(|all| all.iter().any(|one| is_number(one, episode.number)))
    })
}

fn seasons_of(show: &Value) -> Option<&Vec<Value>> {
    show.get("seasons").and_then(Value::as_array)
}

fn is_number(value: &Value, number: u32) -> bool {
    value.get("number") == Some(&Value::from(number))
}
