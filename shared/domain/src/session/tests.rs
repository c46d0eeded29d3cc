//! Sessions, told as stories; and what holds of every story.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::viewing::Viewing;
use super::{Made, Observed, Session};
use crate::event::{Action, Event};
use crate::identity::item_key;
use crate::live::Playing;
use crate::media::{ItemKind, MediaItem};
use crate::names::{PlayId, ServerRef, Source, UserId};
use crate::threshold::{Rule, Thresholds};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn item(kind: ItemKind, seconds: Option<i64>) -> MediaItem {
    let mut media = MediaItem::new(kind);
    media.content_id = Some("42".to_owned());
    media.duration = seconds.map(TimeDelta::seconds);
    media
}

fn rule(kind: ItemKind) -> Rule {
    Thresholds::default().of(kind).unwrap()
}

/// A moment of a story: when, what, where.
type Moment = (i64, Action, Option<i64>);

fn event(media: &MediaItem, (when, action, position): Moment) -> Event {
    let mut event = Event::new(
        ServerRef::unnamed(Source::Jellyfin),
        action,
        media.clone(),
        at(when),
    );
    event.position = position.map(TimeDelta::seconds);
    event
}

/// Tells a story to a session, and returns the plays that came of it, in the order in which they were made.
fn plays_of(events: &[Event]) -> Vec<Viewing> {
    let user = UserId(Uuid::from_u128(1));
    let mut session = Session::new(user, &events[0]);
    let rule = rule(events[0].media.kind);
    let mut plays = Vec::new();
    for event in events {
        session.observe(event);
        for viewing in session.due(&rule, 0) {
            let play = PlayId::new(
                user,
                &item_key(&session.media, &session.server),
                Some(viewing.started_at),
            );
            session.made.push(Made {
                play,
                part: 0,
                started_at: viewing.started_at,
                until: viewing.until,
            });
            plays.push(viewing);
        }
    }
    plays
}

fn story(media: &MediaItem, moments: &[Moment]) -> Vec<Viewing> {
    let events: Vec<Event> = moments.iter().map(|moment| event(media, *moment)).collect();
    plays_of(&events)
}

use Action::{Pause, Progress, Resume, ScrobblePoint, Start, Stop};

#[test]
fn a_film_watched_to_its_end_is_one_play_with_its_true_times() {
    let film = item(ItemKind::Movie, Some(7200));
    let plays = story(
        &film,
        &[
            (0, Start, Some(0)),
            (3600, Progress, Some(3600)),
            (7000, Stop, Some(7000)),
        ],
    );
    assert_eq!(plays.len(), 1);
    assert_eq!(
        (plays[0].started_at, plays[0].met_at),
        (at(0), Some(at(7000)))
    );
}

#[test]
fn a_film_stopped_just_below_eighty_percent_is_no_play_and_exactly_on_it_is_one() {
    let film = item(ItemKind::Movie, Some(1000));
    for (position, expected) in [(799, 0), (800, 1), (801, 1)] {
        assert_eq!(
            story(
                &film,
                &[(0, Start, Some(0)), (position, Stop, Some(position))]
            )
            .len(),
            expected,
            "{position}"
        );
    }
}

#[test]
fn the_stop_after_the_threshold_makes_no_second_play() {
    let film = item(ItemKind::Movie, Some(7200));
    let moments = [
        (0, Start, Some(0)),
        (5800, Progress, Some(5800)),
        (6480, ScrobblePoint, None),
        (7100, Stop, None),
        (7200, Stop, Some(0)),
    ];
    assert_eq!(story(&film, &moments).len(), 1);
}

#[test]
fn an_episode_watched_twice_within_the_hour_is_two_plays() {
    let episode = item(ItemKind::Episode, Some(1320));
    let plays = story(
        &episode,
        &[
            (0, Start, Some(0)),
            (1200, ScrobblePoint, None),
            (1320, Stop, None),
            (1400, Start, None),
            (2600, ScrobblePoint, None),
            (2700, Stop, None),
        ],
    );
    assert_eq!(
        plays.iter().map(|play| play.started_at).collect::<Vec<_>>(),
        [at(0), at(1400)]
    );
}

#[test]
fn the_post_play_screen_is_not_a_second_viewing() {
    let episode = item(ItemKind::Episode, Some(1320));
    let moments = [
        (0, Start, Some(0)),
        (1188, ScrobblePoint, None),
        (1200, Start, None),
        (1260, Stop, Some(1250)),
        (1261, ScrobblePoint, None),
    ];
    assert_eq!(story(&episode, &moments).len(), 1);
}

#[test]
fn one_scrobble_posted_ten_times_is_one_play() {
    let track = item(ItemKind::Track, None);
    let moments: Vec<Moment> = (0..10).map(|copy| (copy, ScrobblePoint, None)).collect();
    assert_eq!(story(&track, &moments).len(), 1);
}

#[test]
fn a_song_played_five_times_is_five_plays() {
    for length in [Some(200), None] {
        let track = item(ItemKind::Track, length);
        let moments: Vec<Moment> = (0..5)
            .flat_map(|n| {
                [
                    (n * 200, Start, None),
                    (n * 200 + 110, ScrobblePoint, None),
                    (n * 200 + 199, Stop, None),
                ]
            })
            .collect();
        let plays = story(&track, &moments);
        let starts: Vec<_> = plays.iter().map(|play| play.started_at).collect();
        assert_eq!(
            starts,
            [at(0), at(200), at(400), at(600), at(800)],
            "{length:?}"
        );
    }
}

#[test]
fn each_round_of_a_looped_forty_second_track_counts() {
    let track = item(ItemKind::Track, Some(40));
    let with_starts: Vec<Moment> = (0..4)
        .map(|n| (n * 40, Start, Some(0)))
        .chain([(160, Stop, Some(40))])
        .collect();
    assert_eq!(story(&track, &with_starts).len(), 4);
    let by_position: Vec<Moment> = [(0, Start, Some(0))]
        .into_iter()
        .chain((1..16).map(|n| (n * 10, Progress, Some((n * 10) % 40))))
        .collect();
    assert_eq!(story(&track, &by_position).len(), 4);
}

#[test]
fn a_seek_is_not_listening() {
    let track = item(ItemKind::Track, Some(200));
    assert!(
        story(
            &track,
            &[
                (0, Start, Some(0)),
                (10, Resume, Some(190)),
                (20, Stop, Some(200))
            ]
        )
        .is_empty()
    );
    let mut stop = event(&track, (20, Stop, Some(200)));
    stop.completed_hint = Some(true);
    assert!(plays_of(&[event(&track, (0, Start, Some(0))), stop]).is_empty());
}

#[test]
fn a_pause_is_not_listening() {
    let track = item(ItemKind::Track, Some(200));
    let moments = [
        (0, Start, Some(0)),
        (50, Pause, Some(50)),
        (500, Resume, Some(50)),
        (540, Stop, Some(90)),
    ];
    assert!(story(&track, &moments).is_empty());
}

#[test]
fn four_minutes_of_a_long_track_are_enough() {
    let track = item(ItemKind::Track, Some(1200));
    assert!(story(&track, &[(0, Start, Some(0)), (239, Stop, Some(239))]).is_empty());
    assert_eq!(
        story(&track, &[(0, Start, Some(0)), (240, Stop, Some(240))]).len(),
        1
    );
}

#[test]
fn progress_beyond_half_of_a_track_whose_start_was_lost_is_a_play_from_its_beginning() {
    let track = item(ItemKind::Track, Some(92));
    let plays = story(&track, &[(1000, Progress, Some(64))]);
    assert_eq!((plays.len(), plays[0].started_at), (1, at(936)));
}

#[test]
fn an_old_pause_that_overtakes_the_resume_changes_nothing() {
    let film = item(ItemKind::Movie, Some(7200));
    let user = UserId(Uuid::from_u128(1));
    let told = [
        (0, Start, Some(0)),
        (700, Resume, Some(600)),
        (600, Pause, Some(600)),
    ];
    let mut session = Session::new(user, &event(&film, told[0]));
    for moment in told {
        session.observe(&event(&film, moment));
    }
    let live = session.live.clone().unwrap();
    assert_eq!(
        (live.playing, live.at, live.position),
        (Playing::Started, at(700), Some(TimeDelta::seconds(600)))
    );
}

#[test]
fn a_late_progress_does_not_reopen_what_was_stopped() {
    let film = item(ItemKind::Movie, Some(7200));
    let mut session = Session::new(
        UserId(Uuid::from_u128(1)),
        &event(&film, (0, Start, Some(0))),
    );
    for moment in [
        (0, Start, Some(0)),
        (100, Stop, Some(100)),
        (104, Progress, Some(100)),
    ] {
        session.observe(&event(&film, moment));
    }
    assert_eq!(
        session.live.map(|live| live.playing),
        Some(Playing::Stopped)
    );
}

#[test]
fn a_skip_to_the_end_is_not_watching() {
    let film = item(ItemKind::Movie, Some(7200));
    assert!(
        story(
            &film,
            &[
                (0, Start, Some(0)),
                (600, Progress, Some(600)),
                (610, Stop, Some(7190))
            ]
        )
        .is_empty()
    );
    assert!(
        story(
            &film,
            &[
                (0, Start, Some(0)),
                (10, Progress, Some(7100)),
                (20, Progress, Some(7110))
            ]
        )
        .is_empty()
    );
    // Going on from where a long seek led is watching.
    assert_eq!(
        story(
            &film,
            &[
                (0, Start, Some(0)),
                (10, Progress, Some(5000)),
                (800, Stop, Some(5790))
            ]
        )
        .len(),
        1
    );
}

#[test]
fn completions_that_cannot_be_true_are_recognised() {
    let hinted = |length: Option<i64>, start: Option<i64>, stop: i64, position: Option<i64>| {
        let film = item(ItemKind::Movie, length);
        let mut stopped = event(&film, (stop, Stop, position));
        stopped.completed_hint = Some(true);
        let events: Vec<Event> = start
            .map(|when| event(&film, (when, Start, None)))
            .into_iter()
            .chain([stopped])
            .collect();
        plays_of(&events).len()
    };
    for (length, start, stop, position, expected, why) in [
        (
            None,
            Some(0),
            1,
            Some(0),
            0,
            "0.8 s after the start, position 0, no length: the playback failed",
        ),
        (
            None,
            Some(0),
            299,
            Some(0),
            0,
            "position 0 of an unknown length, less than five minutes on",
        ),
        (
            None,
            Some(0),
            300,
            Some(0),
            1,
            "position 0 of an unknown length, after five minutes",
        ),
        (
            None,
            None,
            0,
            Some(0),
            0,
            "position 0 of an unknown length, and no start seen",
        ),
        (
            None,
            None,
            0,
            None,
            1,
            "no position at all: the flag is all there is",
        ),
        (
            Some(7200),
            Some(0),
            29,
            Some(29),
            0,
            "less than 30 s after the start",
        ),
        (
            Some(7200),
            Some(0),
            30,
            Some(500),
            1,
            "the source's word, 30 s after the start",
        ),
        (
            Some(7200),
            None,
            0,
            Some(500),
            1,
            "the source's word, 7 % in",
        ),
        (
            Some(60),
            None,
            0,
            Some(60),
            0,
            "a film of one minute is a sample",
        ),
    ] {
        assert_eq!(hinted(length, start, stop, position), expected, "{why}");
    }
}

#[test]
fn a_scrobble_point_counts_as_its_known_percentage() {
    let film = item(ItemKind::Movie, Some(7200));
    let mut point = event(&film, (6480, ScrobblePoint, None));
    point.progress_percent = Some(90.0);
    let mut session = Session::new(UserId(Uuid::from_u128(1)), &point);
    session.observe(&point);
    assert_eq!(session.due(&rule(ItemKind::Movie).at(90.0), 0).len(), 1);
    assert_eq!(session.due(&rule(ItemKind::Movie).at(91.0), 0).len(), 0);
}

#[test]
fn live_television_and_extras_are_never_observed() {
    let film = item(ItemKind::Movie, Some(7200));
    let mut live = event(&film, (7000, ScrobblePoint, None));
    live.flags.live = true;
    let mut extra = event(&film, (7000, ScrobblePoint, None));
    extra.flags.extra = true;
    let mut session = Session::new(UserId(Uuid::from_u128(1)), &live);
    assert_eq!(session.observe(&live), Observed::Nothing);
    assert_eq!(session.observe(&extra), Observed::Nothing);
    assert!(session.observations.is_empty());
}

#[test]
fn two_episodes_in_one_file_are_two_plays_each_when_its_part_has_passed() {
    let mut file = item(ItemKind::Episode, Some(2640));
    (file.season, file.episode, file.episode_end) = (Some(1), Some(1), Some(2));
    let mut session = Session::new(
        UserId(Uuid::from_u128(1)),
        &event(&file, (0, Start, Some(0))),
    );
    let mut met = Vec::new();
    for moment in [
        (0, Start, Some(0)),
        (1000, Progress, Some(1000)),
        (1100, Progress, Some(1100)),
        (2300, Progress, Some(2300)),
        (2400, Stop, Some(2400)),
    ] {
        session.observe(&event(&file, moment));
        let rule = rule(ItemKind::Episode);
        met.push((session.due(&rule, 0).len(), session.due(&rule, 1).len()));
    }
    assert_eq!(met, [(0, 0), (0, 0), (1, 0), (1, 0), (1, 1)]);
    let second = session.due(&rule(ItemKind::Episode), 1).remove(0);
    assert!(second.started_at >= at(1320));
}

#[test]
fn watching_on_the_next_day_goes_on_with_the_same_viewing() {
    let film = item(ItemKind::Movie, Some(7200));
    let moments = [
        (0, Start, Some(0)),
        (3600, Stop, Some(3600)),
        (86_400, Start, Some(3590)),
        (90_000, Stop, Some(7190)),
    ];
    assert_eq!(story(&film, &moments).len(), 1);
    let after_the_end = [
        (0, Start, Some(0)),
        (6000, Stop, Some(6000)),
        (40_000, Start, Some(6000)),
        (41_200, Stop, Some(7200)),
    ];
    assert_eq!(story(&film, &after_the_end).len(), 1);
}

#[test]
fn a_session_is_silent_fifteen_minutes_beyond_its_end() {
    let film = item(ItemKind::Movie, Some(7200));
    let mut session = Session::new(
        UserId(Uuid::from_u128(1)),
        &event(&film, (0, Start, Some(0))),
    );
    session.observe(&event(&film, (0, Start, Some(0))));
    session.observe(&event(&film, (1200, Progress, Some(1200))));
    assert_eq!(session.silent_at(), at(7200 + 900));
    session.observe(&event(&film, (1300, Pause, Some(1300))));
    assert_eq!(session.silent_at(), at(1300 + 86_400));
}

#[test]
fn steady_progress_is_thinned_and_a_session_stays_small() {
    let film = item(ItemKind::Movie, Some(72_000));
    let mut session = Session::new(
        UserId(Uuid::from_u128(1)),
        &event(&film, (0, Start, Some(0))),
    );
    for n in 0..1000 {
        session.observe(&event(&film, (n * 10, Progress, Some(n * 10))));
    }
    assert!(
        session.observations.len() <= 3,
        "{}",
        session.observations.len()
    );
    for n in 0..1000 {
        session.observe(&event(
            &film,
            (20_000 + n * 10, Progress, Some((n * 37) % 9000)),
        ));
    }
    assert!(session.observations.len() <= super::MOST_OBSERVATIONS);
}

/// One viewing without seeks, as a source may report it, and whether a play is due.
fn one_viewing() -> impl Strategy<Value = (MediaItem, Vec<Event>, bool)> {
    let kind = prop_oneof![
        Just((ItemKind::Movie, 7200_i64)),
        Just((ItemKind::Episode, 1320)),
        Just((ItemKind::Track, 200))
    ];
    (
        kind,
        1u32..=100,
        proptest::option::of((1u32..100, 1i64..4000)),
        any::<bool>(),
        any::<bool>(),
        2i64..12,
    )
        .prop_map(
            |((kind, length), ended_at, paused, scrobbles, position_on_stop, reports)| {
                let media = item(kind, Some(length));
                let end = length * i64::from(ended_at) / 100;
                let pause_at =
                    paused.map(|(percent, lasts)| (length * i64::from(percent) / 100, lasts));
                let pause_at = pause_at.filter(|(position, _)| *position > 0 && *position < end);
                let wall = |position: i64| match pause_at {
                    Some((paused, lasts)) if position > paused => position + lasts,
                    Some(_) | None => position,
                };
                let mut moments = vec![(0, Start, Some(0))];
                for n in 1..reports {
                    let position = end * n / reports;
                    moments.push((wall(position), Progress, Some(position)));
                }
                if let Some((position, lasts)) = pause_at {
                    moments.push((position, Pause, Some(position)));
                    moments.push((position + lasts, Resume, Some(position)));
                }
                let point = length * 9 / 10;
                if scrobbles && end >= point {
                    moments.push((wall(point), ScrobblePoint, None));
                }
                moments.push((
                    wall(end),
                    Stop,
                    (position_on_stop || !scrobbles || end < point).then_some(end),
                ));
                let events = moments
                    .into_iter()
                    .map(|moment| {
                        let mut event = event(&media, moment);
                        if moment.1 == ScrobblePoint {
                            event.progress_percent = Some(90.0);
                        }
                        event
                    })
                    .collect();
                let is_due =
                    rule(kind).is_met(kind, TimeDelta::seconds(length), TimeDelta::seconds(end));
                (media, events, is_due)
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_order_or_repetition_gives_two_plays_or_none_where_one_is_due(
        (events, is_due) in one_viewing().prop_flat_map(|(_, events, is_due)| {
            let copies: Vec<Event> = events.iter().chain(events.iter()).cloned().collect();
            (Just(copies).prop_shuffle(), Just(is_due))
        })
    ) {
        let plays = plays_of(&events);
        prop_assert_eq!(plays.len(), usize::from(is_due), "{:?}", events.iter().map(|e| (e.occurred_at, e.action, e.position)).collect::<Vec<_>>());
        for play in plays {
            prop_assert!(Some(play.started_at) <= play.met_at, "time runs backwards: {:?}", play);
        }
    }

    #[test]
    fn any_event_in_any_state_is_handled(
        moments in proptest::collection::vec(
            (-100_000i64..100_000, 0usize..12, proptest::option::of(-10i64..20_000), proptest::option::of(-5.0f64..120.0), proptest::option::of(any::<bool>())),
            1..40,
        ),
        length in proptest::option::of(0i64..10_000),
        kind in 0usize..ItemKind::ALL.len(),
    ) {
        const ACTIONS: [Action; 12] = [
            Start, Resume, Progress, Pause, ScrobblePoint, Stop, Action::MarkWatched, Action::MarkUnwatched,
            Action::Rate, Action::Unrate, Action::Love, Action::Unlove,
        ];
        let media = item(ItemKind::ALL[kind], length);
        let rule = Thresholds::default().video;
        let first = event(&media, (moments[0].0, Start, None));
        let mut session = Session::new(UserId(Uuid::from_u128(1)), &first);
        for (when, action, position, percent, hint) in moments {
            let mut event = event(&media, (when, ACTIONS[action], position));
            event.progress_percent = percent;
            event.completed_hint = hint;
            session.observe(&event);
            for viewing in session.viewings(&rule, 0) {
                prop_assert!(viewing.started_at <= viewing.until);
                prop_assert!(viewing.met_at.is_none_or(|met| viewing.started_at <= met));
                prop_assert!(viewing.percent.is_none_or(|percent| (0.0..=100.0).contains(&percent)));
            }
            let _ = session.silent_at();
            let _ = session.live_state(&rule, at(when + 5));
        }
        prop_assert!(session.observations.len() <= super::MOST_OBSERVATIONS);
        prop_assert!(session.observations.is_sorted_by_key(super::order));
    }
}
