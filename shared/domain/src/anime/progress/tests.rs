//! The rules of progress, one by one, and what holds for any order and repetition.

use proptest::prelude::*;

use super::*;

const ON: Rules = Rules { rewatches: true };
const OFF: Rules = Rules { rewatches: false };

fn day(day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(2026, 11, day)
}

fn watched(episode: u32) -> Watched {
    Watched {
        first: episode,
        last: episode,
        on: day(20),
    }
}

fn listed(status: Status, progress: u32, rewatches: u32) -> Listed {
    Listed {
        status,
        progress,
        rewatches,
        started_on: day(1),
        completed_on: None,
    }
}

/// Status, progress and rewatches after a step; what they were if there is nothing to do.
fn after(listed: Option<Listed>, episode: u32, episodes: u32, rules: Rules) -> Option<Listed> {
    match step(listed.as_ref(), watched(episode), Some(episodes), rules) {
        Step::Reach(target) => Some(*target.state()),
        Step::Nothing(_) | Step::NoSuchEpisode { .. } => listed,
    }
}

#[test]
fn the_first_episode_begins_and_the_last_one_completes_the_entry() {
    let begun = after(None, 1, 12, OFF).unwrap();
    assert_eq!(
        (begun.status, begun.progress, begun.started_on),
        (Status::Watching, 1, day(20))
    );
    let done = after(Some(listed(Status::Watching, 11, 0)), 12, 12, OFF).unwrap();
    assert_eq!(
        (done.status, done.progress, done.rewatches),
        (Status::Completed, 12, 0)
    );
    assert_eq!((done.started_on, done.completed_on), (day(1), day(20)));
}

#[test]
fn a_film_is_completed_at_once() {
    let done = after(None, 1, 1, OFF).unwrap();
    assert_eq!((done.status, done.progress), (Status::Completed, 1));
    assert_eq!((done.started_on, done.completed_on), (day(20), day(20)));
}

#[test]
fn an_unknown_count_completes_nothing() {
    for episodes in [None, Some(0)] {
        let Step::Reach(target) = step(None, watched(12), episodes, OFF) else {
            panic!("it goes on");
        };
        assert_eq!(target.state().status, Status::Watching);
    }
}

#[test]
fn more_episodes_than_there_are_is_a_wrong_place() {
    assert_eq!(
        step(None, watched(13), Some(12), OFF),
        Step::NoSuchEpisode {
            episode: 13,
            episodes: 12
        }
    );
}

#[test]
fn dropped_and_paused_entries_are_taken_up_only_by_a_further_episode() {
    for status in [Status::Planning, Status::Paused, Status::Dropped] {
        let before = Some(listed(status, 5, 0));
        assert_eq!(after(before, 5, 12, OFF), before);
        assert_eq!(after(before, 6, 12, OFF).unwrap().status, Status::Watching);
    }
}

#[test]
fn all_episodes_seen_but_not_completed_is_completed_by_the_last() {
    let before = Some(listed(Status::Watching, 12, 0));
    assert_eq!(
        after(before, 12, 12, OFF).unwrap().status,
        Status::Completed
    );
}

#[test]
fn a_completed_entry_stays_as_it_is_while_rewatches_are_off() {
    for progress in [12, 0] {
        let done = Some(listed(Status::Completed, progress, 2));
        for episode in 1..=12 {
            assert_eq!(after(done, episode, 12, OFF), done);
        }
    }
}

#[test]
fn a_rewatch_is_repeating_until_its_last_episode_and_then_counted_as_one() {
    let mut entry = Some(listed(Status::Completed, 12, 0));
    for episode in 1..12 {
        entry = after(entry, episode, 12, ON);
        let now = entry.unwrap();
        assert_eq!(
            (now.status, now.progress, now.rewatches),
            (Status::Rewatching, episode, 0)
        );
    }
    entry = after(entry, 12, 12, ON);
    let done = entry.unwrap();
    assert_eq!(
        (done.status, done.progress, done.rewatches),
        (Status::Completed, 12, 1)
    );
    assert_eq!(
        after(entry, 12, 12, ON),
        entry,
        "the last episode alone is no rewatch"
    );
}

#[test]
fn a_rewatch_begun_at_the_service_goes_on_although_the_hub_begins_none() {
    let entry = Some(listed(Status::Rewatching, 3, 1));
    assert_eq!(after(entry, 4, 12, OFF).unwrap().progress, 4);
    let done = after(entry, 12, 12, OFF).unwrap();
    assert_eq!((done.status, done.rewatches), (Status::Completed, 2));
}

#[test]
fn a_film_seen_again_is_counted_once_however_often_its_target_is_sent() {
    let before = listed(Status::Completed, 1, 0);
    let Step::Reach(target) = step(Some(&before), watched(1), Some(1), ON) else {
        panic!("it is a rewatch");
    };
    let now = *target.outstanding(Some(&before)).unwrap();
    assert_eq!(now.rewatches, 1);
    assert_eq!(target.outstanding(Some(&now)), None);
}

#[test]
fn the_first_part_of_an_episode_is_nothing_yet() {
    let entry = crate::anime::Entry {
        catalogue: crate::anime::Catalogue::AniList,
        id: 1,
    };
    let place = Place {
        entry,
        first: 2,
        last: 2,
        part: 1,
        parts: 2,
        episodes: None,
    };
    assert_eq!(Watched::of(&place, None), None);
    let place = Place { part: 2, ..place };
    assert_eq!(
        Watched::of(&place, None),
        Some(Watched {
            first: 2,
            last: 2,
            on: None
        })
    );
}

#[test]
fn a_frozen_target_keeps_its_stored_form() {
    let Step::Reach(target) = step(None, watched(1), Some(12), OFF) else {
        panic!("it begins");
    };
    let text = serde_json::to_string(&target).unwrap();
    assert_eq!(
        text,
        r#"{"status":"watching","progress":1,"rewatches":0,"started_on":"2026-11-20"}"#
    );
    assert_eq!(serde_json::from_str::<Target>(&text).unwrap(), target);
}

#[test]
fn only_the_user_lowers_progress() {
    let asked = Target::asked_for(listed(Status::Watching, 40, 0), Some(12));
    assert_eq!(asked.state().progress, 12);
}

fn entry() -> impl Strategy<Value = Option<Listed>> {
    let status = prop::sample::select(vec![
        Status::Planning,
        Status::Watching,
        Status::Rewatching,
        Status::Completed,
        Status::Paused,
        Status::Dropped,
    ]);
    prop::option::of(
        (status, 0u32..=12, 0u32..3)
            .prop_map(|(status, progress, rewatches)| listed(status, progress, rewatches)),
    )
}

fn far(entry: Option<Listed>) -> (u32, u32) {
    entry.as_ref().map_or((0, 0), reached)
}

proptest! {
    #[test]
    fn nothing_is_ever_lowered(entry in entry(), episode in 1u32..=14, episodes in 0u32..=12, rewatches: bool) {
        let now = after(entry, episode, episodes, Rules { rewatches });
        prop_assert!(far(now) >= far(entry));
        if let (Some(before), Some(now)) = (entry, now) && before.rewatches == now.rewatches && now.status != Status::Rewatching {
            prop_assert!(now.progress >= before.progress);
        }
    }

    #[test]
    fn the_same_episode_twice_is_once(entry in entry(), episode in 1u32..=12, episodes in 2u32..=12, rewatches: bool) {
        let rules = Rules { rewatches };
        let once = after(entry, episode, episodes, rules);
        prop_assert_eq!(after(once, episode, episodes, rules), once);
    }

    #[test]
    fn a_frozen_target_sent_twice_or_late_changes_nothing_more(
        entry in entry(), first in 1u32..=12, meanwhile in prop::collection::vec(1u32..=12, 0..6), rewatches: bool,
    ) {
        let rules = Rules { rewatches };
        if let Step::Reach(target) = step(entry.as_ref(), watched(first), Some(12), rules) {
            let sent = Some(*target.state());
            prop_assert_eq!(target.outstanding(sent.as_ref()), None);
            let later = meanwhile.into_iter().fold(sent, |entry, episode| after(entry, episode, 12, rules));
            prop_assert_eq!(target.outstanding(later.as_ref()), None);
        }
    }

    #[test]
    fn the_order_of_episodes_does_not_matter(
        entry in entry().prop_filter("a first round", |entry| entry.is_none_or(|entry| entry.status != Status::Rewatching)),
        mut watched in prop::collection::vec(1u32..=12, 1..12), seed in any::<prop::sample::Index>(),
    ) {
        let all = |order: &[u32]| order.iter().fold(entry, |entry, episode| after(entry, *episode, 12, OFF));
        let state = |entry: Option<Listed>| entry.map(|entry| (entry.status, entry.progress, entry.rewatches));
        let one = all(&watched);
        let turn = seed.index(watched.len());
        watched.rotate_left(turn);
        prop_assert_eq!(state(all(&watched)), state(one));
        watched.reverse();
        prop_assert_eq!(state(all(&watched)), state(one));
        watched.sort_unstable();
        prop_assert_eq!(state(all(&watched)), state(one));
    }
}
