//! The bodies as MyAnimeList spells them: JSON in its answers, forms in its requests, and not the same names in both.
//! The count of episodes is read as `num_episodes_watched` and written as `num_watched_episodes`.

use chrono::NaiveDate;
use hub_domain::anime::progress::{Listed, Status};
use hub_domain::rating::{Scale, Shown};
use serde::Deserialize;
use url::form_urlencoded::{self, Serializer};

use crate::seam::OnList;

/// What is asked of an entry: an answer holds little that was not asked for.
const FIELDS: &str = "num_episodes,my_list_status{status,score,num_episodes_watched,is_rewatching,\
                      num_times_rewatched,start_date,finish_date}";

/// What the address of a removal begins with in what is written down; a change is at the same address.
const REMOVAL: &str = "DELETE ";

/// The path and query that ask what stands at an entry.
pub(super) fn question(entry: u32) -> String {
    let query = Serializer::new(String::new())
        .append_pair("fields", FIELDS)
        .finish();
    format!("anime/{entry}?{query}")
}

/// The path at which a user's entry is changed.
pub(super) fn status_path(entry: u32) -> String {
    format!("anime/{entry}/my_list_status")
}

/// The call that takes an entry off the list, as it is written down.
pub(super) fn removal_of(entry: u32) -> String {
    format!("{REMOVAL}{}", status_path(entry))
}

/// What was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    /// About which entry.
    pub(super) entry: u32,
    /// It takes the entry off the list; else it changes it.
    pub(super) removes: bool,
}

impl Call {
    /// Reads what was written down.
    pub(super) fn of(call: &str) -> Option<Self> {
        let path = call.strip_prefix(REMOVAL);
        let removes = path.is_some();
        let entry = path
            .unwrap_or(call)
            .strip_prefix("anime/")?
            .strip_suffix("/my_list_status")?;
        Some(Self {
            entry: entry.parse().ok()?,
            removes,
        })
    }
}

/// The answer about an anime.
#[derive(Debug, Deserialize)]
pub(super) struct Anime {
    /// Always there; without it, it is no answer.
    pub(super) id: u32,
    /// 0 while nobody knows.
    #[serde(default)]
    num_episodes: u32,
    /// Absent when the anime is not on the list.
    #[serde(default)]
    my_list_status: Option<ListStatus>,
}

impl Anime {
    pub(super) fn on_list(&self) -> OnList {
        let entry = self.my_list_status.as_ref();
        OnList {
            listed: entry.and_then(ListStatus::listed),
            episodes: Some(self.num_episodes).filter(|episodes| *episodes > 0),
            score: entry.and_then(ListStatus::score),
            scale: Scale::Ten,
        }
    }
}

/// A user's entry, in the answer about an anime and to a change.
#[derive(Debug, Deserialize)]
pub(super) struct ListStatus {
    /// `null`, or absent, for an entry that only has a score.
    #[serde(default)]
    status: Option<Word>,
    #[serde(default)]
    score: u8,
    /// Not guessed: an answer without it would look like an entry without progress.
    num_episodes_watched: u32,
    #[serde(default)]
    is_rewatching: bool,
    #[serde(default)]
    num_times_rewatched: u32,
    #[serde(default)]
    start_date: Option<String>,
    #[serde(default)]
    finish_date: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Watching,
    Completed,
    OnHold,
    Dropped,
    PlanToWatch,
}

impl ListStatus {
    /// The entry in the words of the anime lists; nothing if it holds a score alone.
    pub(super) fn listed(&self) -> Option<Listed> {
        let status = match self.status {
            // MyAnimeList has no status for a further round: it is a flag, which finishing does not take away. On a
            // paused, dropped or planned entry it says nothing.
            Some(Word::Completed | Word::Watching) if self.is_rewatching => Status::Rewatching,
            Some(Word::Watching) => Status::Watching,
            Some(Word::Completed) => Status::Completed,
            Some(Word::OnHold) => Status::Paused,
            Some(Word::Dropped) => Status::Dropped,
            Some(Word::PlanToWatch) => Status::Planning,
            None if self.num_episodes_watched > 0 => Status::Watching,
            None => return None,
        };
        Some(Listed {
            status,
            progress: self.num_episodes_watched,
            rewatches: self.num_times_rewatched,
            started_on: self.start_date.as_deref().and_then(day_of),
            completed_on: self.finish_date.as_deref().and_then(day_of),
        })
    }

    /// The day on which it was finished, where all of it is known.
    pub(super) fn finished_on(&self) -> Option<NaiveDate> {
        NaiveDate::parse_from_str(self.finish_date.as_deref()?, "%Y-%m-%d").ok()
    }

    pub(super) fn score(&self) -> Option<Shown> {
        Shown::new(Scale::Ten, self.score).ok().flatten()
    }
}

/// A day; of a year or a month alone its first one, since a day that is there is only kept, never written.
fn day_of(text: &str) -> Option<NaiveDate> {
    let whole = match text.split('-').count() {
        1 => format!("{text}-01-01"),
        2 => format!("{text}-01"),
        _ => text.to_owned(),
    };
    NaiveDate::parse_from_str(&whole, "%Y-%m-%d").ok()
}

/// The answer of `/users/@me`.
#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) name: String,
}

/// The status and the flag that stand for a status of the anime lists.
const fn words(status: Status) -> (&'static str, bool) {
    match status {
        Status::Planning => (PLANNED, false),
        Status::Watching => ("watching", false),
        Status::Rewatching => ("completed", true),
        Status::Completed => ("completed", false),
        Status::Paused => ("on_hold", false),
        Status::Dropped => ("dropped", false),
    }
}

/// The status of the watchlist.
const PLANNED: &str = "plan_to_watch";

const STATUS: &str = "status";
const IS_REWATCHING: &str = "is_rewatching";
const EPISODES: &str = "num_watched_episodes";
const REWATCHES: &str = "num_times_rewatched";

/// The form that makes an entry what it is to become, `before` being what it is.
///
/// Status, flag and counters are always named, changed or not: a repeat reads from them what was to be reached
/// ([`target_of`]), and a flag left over from an earlier round would turn this one into another. Days are named only where
/// there were none. Everything else of the entry is left alone.
pub(super) fn form_of(target: &Listed, before: Option<&Listed>) -> String {
    let (status, is_rewatching) = words(target.status);
    let mut form = Serializer::new(String::new());
    form.append_pair(STATUS, status)
        .append_pair(IS_REWATCHING, if is_rewatching { "true" } else { "false" })
        .append_pair(EPISODES, &target.progress.to_string());
    if target.rewatches > 0 {
        form.append_pair(REWATCHES, &target.rewatches.to_string());
    }
    let days = [
        // Not in the reference, and taken: MALSync, MoeList and jellyfin-ani-sync write both.
        (
            "start_date",
            target.started_on,
            before.and_then(|it| it.started_on),
        ),
        (
            "finish_date",
            target.completed_on,
            before.and_then(|it| it.completed_on),
        ),
    ];
    for (name, day, known) in days {
        if let (Some(day), None) = (day, known) {
            form.append_pair(name, &day.to_string());
        }
    }
    form.finish()
}

/// What a form of ours was to reach, without its days.
pub(super) fn target_of(form: &str) -> Option<Listed> {
    let value = |name: &str| {
        let mut pairs = form_urlencoded::parse(form.as_bytes());
        pairs.find_map(|(known, value)| (known == name).then_some(value))
    };
    let (status, flag) = (value(STATUS)?, value(IS_REWATCHING)? == "true");
    let every = [
        Status::Planning,
        Status::Watching,
        Status::Rewatching,
        Status::Completed,
        Status::Paused,
        Status::Dropped,
    ];
    Some(Listed {
        status: every
            .into_iter()
            .find(|known| words(*known) == (status.as_ref(), flag))?,
        progress: value(EPISODES)?.parse().ok()?,
        rewatches: value(REWATCHES).map_or(Some(0), |number| number.parse().ok())?,
        started_on: None,
        completed_on: None,
    })
}

/// The form that gives a score of 1–10; 0 takes it back.
pub(super) fn score_form(score: u8) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("score", &score.to_string()).finish()
}

/// The form that puts an anime on the watchlist.
pub(super) fn planning_form() -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair(STATUS, PLANNED).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entry: &str) -> Option<Listed> {
        serde_json::from_str::<ListStatus>(entry).unwrap().listed()
    }

    #[test]
    fn a_further_round_is_a_flag_and_a_score_alone_is_no_entry() {
        for (status, flag, episodes, expected) in [
            (r#""watching""#, false, 5, Some(Status::Watching)),
            (r#""watching""#, true, 5, Some(Status::Rewatching)),
            (r#""completed""#, true, 5, Some(Status::Rewatching)),
            (r#""completed""#, false, 12, Some(Status::Completed)),
            (r#""on_hold""#, true, 5, Some(Status::Paused)),
            (r#""dropped""#, false, 5, Some(Status::Dropped)),
            (r#""plan_to_watch""#, false, 0, Some(Status::Planning)),
            ("null", false, 0, None),
            ("null", false, 5, Some(Status::Watching)),
        ] {
            let entry = format!(
                r#"{{"status":{status},"is_rewatching":{flag},"num_episodes_watched":{episodes},"score":8}}"#
            );
            assert_eq!(read(&entry).map(|it| it.status), expected, "{entry}");
        }
    }

    #[test]
    fn an_answer_without_progress_or_with_an_unknown_status_is_no_answer() {
        for entry in [
            "{}",
            r#"{"status":"watching"}"#,
            r#"{"status":"re_watching","num_episodes_watched":1}"#,
        ] {
            assert!(
                serde_json::from_str::<ListStatus>(entry).is_err(),
                "{entry}"
            );
        }
        assert!(serde_json::from_str::<Anime>("{}").is_err());
    }

    #[test]
    fn a_day_that_is_known_in_part_is_still_there() {
        let day = |text| day_of(text).map(|day| day.to_string());
        assert_eq!(day("2015-03-02").as_deref(), Some("2015-03-02"));
        assert_eq!(day("2015-03").as_deref(), Some("2015-03-01"));
        assert_eq!(day("2015").as_deref(), Some("2015-01-01"));
        assert_eq!(day(""), None);
    }

    #[test]
    fn a_form_names_the_state_and_can_be_read_again() {
        for status in [
            Status::Planning,
            Status::Watching,
            Status::Rewatching,
            Status::Completed,
            Status::Paused,
            Status::Dropped,
        ] {
            for rewatches in [0, 3] {
                let target = Listed {
                    status,
                    progress: 7,
                    rewatches,
                    started_on: None,
                    completed_on: None,
                };
                assert_eq!(target_of(&form_of(&target, None)), Some(target));
            }
        }
        for form in ["", "score=8", "status=watching&num_watched_episodes=5"] {
            assert_eq!(target_of(form), None, "{form}");
        }
    }

    #[test]
    fn a_call_is_a_change_or_a_removal_of_one_entry() {
        let call = |entry, removes| Some(Call { entry, removes });
        assert_eq!(Call::of(&status_path(16_498)), call(16_498, false));
        assert_eq!(Call::of(&removal_of(16_498)), call(16_498, true));
        for text in ["anime/x/my_list_status", "anime/1", "", "DELETE "] {
            assert_eq!(Call::of(text), None, "{text}");
        }
    }
}
