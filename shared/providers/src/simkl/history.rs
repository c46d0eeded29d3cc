//! `POST /sync/history`: watches with a time of ours.

use chrono::{DateTime, SecondsFormat, Utc};
use hub_domain::media::Numbering;
use hub_domain::{Disposition, Outcome, PlayId};
use serde_json::Value;

use super::item::{Item, Place};
use super::wire::{
    self, Added, EpisodeIds, HistoryEpisode, HistoryFilm, HistoryNumber, HistorySeason,
    HistoryShow, Ids, InShow,
};
use super::{Simkl, read};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::seam::{Account, Prepared, PreparedPlay};

/// The call, in [`Prepared::call`].
const ADD: &str = "sync/history";
/// The same for further watches, which PRO and VIP members may keep.
const ADD_AGAIN: &str = "sync/history?allow_rewatch=yes";
/// What Simkl is told of a play whose time nobody knows.
const UNKNOWN: &str = "1970-01-01T00:00:01Z";

const TAKE: &str = "take the plays";

/// Writes down the addition of some plays: films, then episodes by their shows, then episodes by their own ids, as the
/// body holds them.
pub(super) fn addition_of(
    batch: Vec<(PreparedPlay, Item)>,
    is_rewatch: bool,
    now: DateTime<Utc>,
) -> Prepared {
    let mut body = wire::History::default();
    let (mut films, mut in_shows, mut episodes) = (Vec::new(), Vec::new(), Vec::new());
    for (play, item) in batch {
        let watched_at = play.watched_at.map_or_else(|| UNKNOWN.to_owned(), written);
        match item {
            Item::Film(film) => {
                body.movies.push(HistoryFilm {
                    film,
                    watched_at,
                    is_rewatch,
                });
                films.push(play);
            }
            Item::Episode {
                place: Some(place),
                own,
            } => {
                body.shows.push(in_show(place, own, watched_at, is_rewatch));
                in_shows.push(play);
            }
            Item::Episode { place: None, own } => {
                body.episodes.push(HistoryEpisode {
                    ids: own,
                    watched_at,
                    is_rewatch,
                });
                episodes.push(play);
            }
        }
    }
    films.append(&mut in_shows);
    films.append(&mut episodes);
    let call = if is_rewatch { ADD_AGAIN } else { ADD };
    Prepared::of_plays(call, super::encode(&body), films, now)
}

fn in_show(place: Place, ids: EpisodeIds, watched_at: String, is_rewatch: bool) -> HistoryShow {
    let Place {
        show,
        is_entry,
        numbering: Numbering { season, episode },
    } = place;
    let episodes = [HistoryNumber {
        number: episode,
        watched_at,
        ids,
    }];
    HistoryShow {
        use_tvdb_anime_seasons: !is_entry && show.ids != Ids::default(),
        show,
        episode: if is_entry {
            InShow::Episodes(episodes)
        } else {
            InShow::Seasons([HistorySeason {
                number: season,
                episodes,
            }])
        },
        is_rewatch,
    }
}

impl Simkl {
    pub(super) async fn add(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        let sent = items_of(&prepared.body).filter(|sent| sent.len() == prepared.plays.len());
        let Some(sent) = sent else {
            let why = "what was written down does not fit its plays";
            return Err(super::error(TAKE, Disposition::Permanent, why));
        };
        let answer = self
            .send_written(TAKE, Effect::Writes, (account, prepared), now)
            .await?;
        let added: Added = read(TAKE, Effect::Writes, &answer)?;
        let outcomes = outcomes(&sent, &added, prepared.call == ADD_AGAIN);
        let plays = prepared.plays.iter().map(|play| play.play.clone());
        Ok(plays.zip(outcomes).collect())
    }
}

/// The items of a body, each with its list, in its order.
pub(super) fn items_of(body: &str) -> Option<Vec<(&'static str, Value)>> {
    let mut body: Value = serde_json::from_str(body).ok()?;
    let mut items = Vec::new();
    for list in ["movies", "shows", "episodes"] {
        if let Some(Value::Array(all)) = body.get_mut(list).map(Value::take) {
            items.extend(all.into_iter().map(|item| (list, item)));
        }
    }
    Some(items)
}

/// What became of each item. Simkl lists what it did not find, and took the rest; that it counted nothing at all means
/// that all of it was there.
fn outcomes(sent: &[(&str, Value)], answer: &Added, is_rewatch: bool) -> Vec<Outcome> {
    let missing = &answer.not_found;
    sent.iter()
        .map(|(list, item)| {
            let echoes = match *list {
                "movies" => &missing.movies,
                "shows" => &missing.shows,
                _ => &missing.episodes,
            };
            // What a lone item is answered is about that item, however it is echoed.
            let is_unknown = match sent {
                [_] => !missing.is_empty(),
                _ => echoes.iter().any(|echo| is_echo(echo, item)),
            };
            if is_unknown {
                Outcome::NotFound { tried: tried(item) }
            } else if !answer.added.is_nothing() {
                Outcome::Delivered {
                    remote_id: None,
                    detail: None,
                }
            } else if is_rewatch {
                Outcome::Ignored {
                    why: "Simkl kept no further watch of it".to_owned(),
                }
            } else {
                Outcome::AlreadyThere {
                    remote_id: None,
                    detail: "Simkl had it already".to_owned(),
                }
            }
        })
        .collect()
}

/// Says whether an echo is of this item. Numbers may come back as text, and members may be missing.
pub(super) fn is_echo(echo: &Value, sent: &Value) -> bool {
    let same = |name: &str| {
        let (one, other) = (text(echo.get(name)), text(sent.get(name)));
        one.is_some() && one == other
    };
    let ids = |value: &Value| value.get("ids").and_then(Value::as_object).cloned();
    let (echoed, ours) = (ids(echo).unwrap_or_default(), ids(sent).unwrap_or_default());
    let shares_id = ours
        .iter()
        .any(|(name, id)| text(echoed.get(name)) == text(Some(id)));
    let is_by_name = echoed.is_empty() || ours.is_empty();
    (shares_id || (is_by_name && same("title") && same("year")))
        && numbers_of(echo)
            .is_none_or(|echoed| numbers_of(sent).is_none_or(|ours| echoed.contains(&ours[0])))
}

/// The seasons and numbers of an item; none if it is the whole of it.
fn numbers_of(item: &Value) -> Option<Vec<(Option<String>, Option<String>)>> {
    let list = |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned();
    let mut numbers = Vec::new();
    for episode in list(item, "episodes").unwrap_or_default() {
        numbers.push((None, text(episode.get("number"))));
    }
    for season in list(item, "seasons").unwrap_or_default() {
        for episode in list(&season, "episodes").unwrap_or_default() {
            numbers.push((text(season.get("number")), text(episode.get("number"))));
        }
    }
    (!numbers.is_empty()).then_some(numbers)
}

fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.to_lowercase()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What an item was asked for by, for people.
pub(super) fn tried(item: &Value) -> String {
    let mut words: Vec<String> = Vec::new();
    let ids = item.get("ids").and_then(Value::as_object);
    for (name, id) in ids.into_iter().flatten() {
        words.extend(text(Some(id)).map(|id| format!("{name} {id}")));
    }
    if words.is_empty() {
        words.push("title and year".to_owned());
    }
    if let Some((season, number)) = numbers_of(item).and_then(|numbers| numbers.into_iter().next())
    {
        words.extend(season.map(|season| format!("season {season}")));
        words.extend(number.map(|number| format!("episode {number}")));
    }
    let episode = "/seasons/0/episodes/0/ids/tvdb";
    words.extend(text(item.pointer(episode)).map(|id| format!("the episode's tvdb {id}")));
    words.join(", ")
}

pub(super) fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(body: Value) -> Added {
        serde_json::from_value(body).unwrap()
    }

    fn show(tvdb: u64, season: u32, number: u32) -> (&'static str, Value) {
        let item = json!({"title": "Breaking Bad", "year": 2008, "ids": {"tvdb": tvdb},
            "seasons": [{"number": season, "episodes": [{"number": number, "watched_at": "x"}]}]});
        ("shows", item)
    }

    #[test]
    fn what_is_listed_is_not_found_and_the_rest_was_taken() {
        let film = ("movies", json!({"ids": {"imdb": "tt0133093", "tmdb": 603}}));
        let sent = [film, show(81189, 1, 1), show(81189, 1, 2)];
        let added = answer(
            json!({"added": {"movies": 1, "shows": 0, "episodes": 1}, "not_found": {
            "movies": [], "episodes": [], "shows": [{"title": "Breaking Bad", "year": "2008", "ids": {"tvdb": "81189"},
                "seasons": [{"number": "1", "episodes": [{"number": 2}]}]}]}}),
        );
        let outcomes = outcomes(&sent, &added, false);
        assert!(matches!(outcomes[0], Outcome::Delivered { .. }));
        assert!(matches!(outcomes[1], Outcome::Delivered { .. }));
        assert!(
            matches!(&outcomes[2], Outcome::NotFound { tried } if tried == "tvdb 81189, season 1, episode 2"),
            "{outcomes:?}"
        );
    }

    #[test]
    fn a_show_that_is_not_found_stands_for_all_of_its_episodes() {
        let echo = json!({"ids": {"tvdb": 81189}});
        assert!(is_echo(&echo, &show(81189, 1, 2).1));
        assert!(!is_echo(&echo, &show(81190, 1, 2).1));
        let by_name = json!({"title": "BREAKING BAD", "year": "2008"});
        assert!(is_echo(&by_name, &show(81189, 1, 2).1));
    }

    #[test]
    fn nothing_counted_and_nothing_missing_means_that_it_was_there() {
        let nothing = json!({"added": {"movies": 0, "shows": 0, "episodes": 0}, "not_found": {}});
        let sent = [show(81189, 1, 1)];
        let once = outcomes(&sent, &answer(nothing.clone()), false);
        assert!(matches!(once[0], Outcome::AlreadyThere { .. }));
        let again = outcomes(&sent, &answer(nothing), true);
        assert!(matches!(again[0], Outcome::Ignored { .. }));
    }
}
