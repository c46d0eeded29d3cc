use std::collections::{BTreeMap, BTreeSet};

use hub_domain::{Delivery, ItemKind, MediaItem, ParcelId, Precision};

use super::super::tests::{LISTED, account, in_tokyo, nowhere, place, placed, send, stands};
use super::*;
use crate::seam::Placed;
use crate::testing::{Server, at, context, give, play, tokens};

const CHANGED: &str = include_str!("fixtures/change-200.json");
const TITAN: u32 = 16_498;

/// A play of the item that has this number, an hour after the one before; the first ends at 14:00 UTC, which in Tokyo is
/// 23:00 of the same day.
fn nth(number: u32) -> Play {
    let mut media = MediaItem::new(ItemKind::Episode);
    media.show_title = Some("Shingeki no Kyojin".to_owned());
    (media.season, media.episode) = (Some(1), Some(number));
    let end = at(3600 * (i64::from(number) + 1));
    play(media, Some(end - chrono::TimeDelta::minutes(24)), Some(end))
}

/// Each play at an episode of the same entry.
fn at_episodes(plays: &[Play], entry: u32, stands: OnList, episodes: &[u32]) -> Placed {
    let pairs = plays.iter().zip(episodes);
    pairs
        .map(|(play, episode)| placed(&play.id, place(entry, *episode, *episode), Some(stands)))
        .collect()
}

fn plays(count: u32) -> Vec<Play> {
    (1..=count).map(nth).collect()
}

fn settled(preparation: &Preparation<PlayId>) -> Vec<(&PlayId, &Outcome)> {
    let settled = preparation.settled.iter();
    settled.map(|(id, outcome)| (id, outcome)).collect()
}

fn detail(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::AlreadyThere { detail, .. } => detail,
        Outcome::Ignored { why } | Outcome::Refused { why } => why,
        Outcome::NotFound { tried } => tried,
        other @ (Outcome::Delivered { .. } | Outcome::Unclear { .. } | Outcome::Wait { .. }) => {
            panic!("{other:?}")
        }
    }
}

/// The request for one play of one episode of an entry of 25.
fn prepared(listed: Option<(Status, u32)>, episode: u32) -> Prepared {
    let plays = plays(1);
    let placed = at_episodes(&plays, TITAN, stands(listed, 25), &[episode]);
    let preparation = nowhere().prepare_plays(&plays, &in_tokyo(&placed, true), at(9000));
    preparation.prepared.unwrap()
}

#[test]
fn the_first_episode_begins_an_entry_on_the_users_day() {
    let written = prepared(None, 1);
    assert_eq!(written.call, "anime/16498/my_list_status");
    assert_eq!(
        written.body,
        "status=watching&is_rewatching=false&num_watched_episodes=1&start_date=2025-11-20"
    );
    assert_eq!(written.plays[0].watched_at, Some(at(7200)));
    let mut late = nth(1);
    late.watched_at = Some(at(3 * 3600));
    let placed = at_episodes(&[late.clone()], TITAN, stands(None, 25), &[1]);
    let next_day = nowhere().prepare_plays(&[late.clone()], &in_tokyo(&placed, false), at(20_000));
    let body = next_day.prepared.unwrap().body;
    assert!(body.ends_with("start_date=2025-11-21"), "{body}");
    late.precision = Precision::Unknown;
    let undated = nowhere().prepare_plays(&[late], &in_tokyo(&placed, false), at(20_000));
    let undated = undated.prepared.unwrap();
    assert_eq!(undated.plays[0].watched_at, None);
    assert!(!undated.body.contains("date="), "{}", undated.body);
}

#[test]
fn the_last_episode_completes_and_names_the_count_and_a_known_day_is_kept() {
    let plays = plays(1);
    let mut before = stands(Some((Status::Paused, 24)), 25);
    before.listed.as_mut().unwrap().started_on = chrono::NaiveDate::from_ymd_opt(2020, 1, 1);
    let placed = at_episodes(&plays, TITAN, before, &[25]);
    let preparation = nowhere().prepare_plays(&plays, &in_tokyo(&placed, false), at(9000));
    assert_eq!(
        preparation.prepared.unwrap().body,
        "status=completed&is_rewatching=false&num_watched_episodes=25&finish_date=2025-11-20"
    );
}

#[test]
fn a_rewatch_keeps_the_entry_completed_and_is_counted_with_its_last_episode() {
    assert_eq!(
        prepared(Some((Status::Completed, 25)), 1).body,
        "status=completed&is_rewatching=true&num_watched_episodes=1"
    );
    assert_eq!(
        prepared(Some((Status::Rewatching, 24)), 25).body,
        "status=completed&is_rewatching=false&num_watched_episodes=25&num_times_rewatched=1"
    );
}

#[test]
fn all_plays_of_an_entry_become_one_state_and_the_others_wait() {
    let plays = plays(5);
    let mut placed = at_episodes(
        &plays[..4],
        TITAN,
        stands(Some((Status::Watching, 4)), 25),
        &[3, 5, 4, 6],
    );
    placed.extend(at_episodes(&plays[4..], 21, stands(None, 12), &[1]));
    let preparation = nowhere().prepare_plays(&plays, &in_tokyo(&placed, false), at(50_000));
    let written = preparation.prepared.clone().unwrap();
    assert_eq!(
        written.body,
        "status=watching&is_rewatching=false&num_watched_episodes=6"
    );
    let sent: Vec<&PlayId> = written.plays.iter().map(|it| &it.play).collect();
    assert_eq!(sent, [&plays[1].id, &plays[3].id]);
    let there: Vec<_> = settled(&preparation)
        .into_iter()
        .map(|(id, outcome)| (id, detail(outcome)))
        .collect();
    let words = "your list is at episode 4 already";
    assert_eq!(there, [(&plays[0].id, words), (&plays[2].id, words)]);
    assert_eq!(preparation.left, [plays[4].id.clone()]);
}

#[test]
fn what_is_seen_only_through_another_play_of_the_request_shares_its_end() {
    let plays = plays(2);
    let placed = at_episodes(&plays, TITAN, stands(None, 25), &[6, 6]);
    let preparation = nowhere().prepare_plays(&plays, &in_tokyo(&placed, false), at(50_000));
    assert!(preparation.settled.is_empty());
    let written = preparation.prepared.unwrap();
    assert_eq!(written.plays.len(), 2);
    assert!(written.body.contains("num_watched_episodes=6"));
}

#[test]
fn a_round_that_begins_and_ends_in_one_request_is_counted_once() {
    let plays = plays(3);
    let placed = at_episodes(
        &plays,
        TITAN,
        stands(Some((Status::Completed, 3)), 3),
        &[1, 2, 3],
    );
    let prepare =
        |rewatches| nowhere().prepare_plays(&plays, &in_tokyo(&placed, rewatches), at(50_000));
    assert_eq!(
        prepare(true).prepared.unwrap().body,
        "status=completed&is_rewatching=false&num_watched_episodes=3&num_times_rewatched=1"
    );
    let off = prepare(false);
    assert!(off.prepared.is_none());
    for (_, outcome) in settled(&off) {
        assert_eq!(
            detail(outcome),
            "your list has it as completed already, and rewatches are switched off"
        );
    }
}

#[test]
fn no_more_than_fifty_plays_go_into_a_request() {
    let plays = plays(60);
    let episodes: Vec<u32> = (1..=60).collect();
    let placed = at_episodes(&plays, TITAN, stands(None, 100), &episodes);
    let preparation = nowhere().prepare_plays(&plays, &in_tokyo(&placed, false), at(900_000));
    let written = preparation.prepared.unwrap();
    assert_eq!(written.plays.len(), MOST_PLAYS);
    assert!(written.body.contains("num_watched_episodes=50"));
    assert_eq!(preparation.left.len(), 10);
}

#[test]
fn each_play_is_settled_prepared_or_left_and_the_rounds_come_to_an_end() {
    let plays = plays(120);
    let mut lists: BTreeMap<u32, OnList> = [1, 2, 3]
        .map(|entry| (entry, stands(None, 15 * entry)))
        .into();
    let mut open = plays.clone();
    let mut rounds = 0;
    while !open.is_empty() {
        let placed: Placed = open
            .iter()
            .map(|play| {
                let at = plays.iter().position(|other| other.id == play.id).unwrap();
                let at = u32::try_from(at).unwrap();
                let (entry, episode) = (at % 3 + 1, at / 3 % 20 + 1);
                let stands = lists.get(&entry).copied();
                placed(&play.id, place(entry, episode, episode), stands)
            })
            .collect();
        let preparation = nowhere().prepare_plays(&open, &in_tokyo(&placed, false), at(900_000));
        let mut gone: Vec<PlayId> = preparation.settled.into_iter().map(|it| it.0).collect();
        if let Some(written) = preparation.prepared {
            let call = wire::Call::of(&written.call).unwrap();
            let listed = lists.get_mut(&call.entry).map(|it| &mut it.listed).unwrap();
            *listed = wire::target_of(&written.body);
            gone.extend(written.plays.into_iter().map(|it| it.play));
        }
        let parts: BTreeSet<&PlayId> = gone.iter().chain(&preparation.left).collect();
        assert!(!gone.is_empty());
        assert_eq!(parts.len(), gone.len() + preparation.left.len());
        assert_eq!(parts, open.iter().map(|play| &play.id).collect());
        open.retain(|play| preparation.left.contains(&play.id));
        rounds += 1;
    }
    assert_eq!(rounds, 3, "one request an entry");
    let ends = lists.values().map(|it| it.listed.unwrap());
    let ends: Vec<_> = ends.map(|it| (it.status, it.progress)).collect();
    let watching = (Status::Watching, 20);
    assert_eq!(ends, [(Status::Completed, 15), watching, watching]);
}

#[test]
fn what_has_no_place_is_settled_with_the_reason() {
    let plays = plays(5);
    let mut first_part = place(TITAN, 2, 2);
    first_part.parts = 2;
    let mut elsewhere = place(TITAN, 1, 1);
    elsewhere.entry.catalogue = Catalogue::AniList;
    let known = Some(stands(None, 12));
    let placed = Placed::from([
        placed(&plays[1].id, place(999, 1, 1), None),
        placed(&plays[2].id, first_part, known),
        placed(&plays[3].id, place(TITAN, 13, 13), known),
        placed(&plays[4].id, elsewhere, known),
    ]);
    let preparation = nowhere().prepare_plays(&plays, &in_tokyo(&placed, false), at(50_000));
    assert!(preparation.prepared.is_none() && preparation.left.is_empty());
    let reasons: Vec<&str> = settled(&preparation)
        .into_iter()
        .map(|(_, outcome)| detail(outcome))
        .collect();
    assert_eq!(
        reasons,
        [
            NO_PLACE,
            "https://myanimelist.net/anime/999, which MyAnimeList does not know",
            "part 1 of 2: the episode counts with its last part",
            "episode 13 of https://myanimelist.net/anime/16498, which has 12: the place is wrong",
            NO_PLACE,
        ]
    );
    assert!(matches!(preparation.settled[2].1, Outcome::Ignored { .. }));
}

#[tokio::test]
async fn a_fresh_request_is_one_call_and_what_the_list_shows_decides() {
    let server = Server::answering([give(200, CHANGED)]).await;
    let written = prepared(Some((Status::Watching, 4)), 5);
    let outcomes = send(&server, &written, at(9000)).await.unwrap();
    let delivered = Outcome::Delivered {
        remote_id: Some("16498".to_owned()),
        detail: None,
    };
    assert_eq!(outcomes, [(ParcelId::from(nth(1).id), delivered)]);
    let got = server.got();
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].line, "PATCH /v2/anime/16498/my_list_status");
    assert_eq!(
        got[0].header("content-type"),
        "application/x-www-form-urlencoded"
    );
    assert_eq!(got[0].header("authorization"), "Bearer access-token");
    assert_eq!(got[0].body, written.body);
}

#[tokio::test]
async fn an_answer_that_shows_less_is_a_refusal_and_one_that_shows_more_is_said() {
    let further = CHANGED.replace(
        r#""num_episodes_watched": 5"#,
        r#""num_episodes_watched": 7"#,
    );
    let less = CHANGED.replace(
        r#""num_episodes_watched": 5"#,
        r#""num_episodes_watched": 4"#,
    );
    let server = Server::answering([give(200, less), give(200, further)]).await;
    let written = prepared(Some((Status::Watching, 4)), 5);
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        outcomes.extend(send(&server, &written, at(9000)).await.unwrap());
    }
    assert_eq!(
        detail(&outcomes[0].1),
        "MyAnimeList answered that your list is at episode 4"
    );
    assert!(matches!(&outcomes[0].1, Outcome::Refused { .. }));
    assert!(
        matches!(&outcomes[1].1, Outcome::Delivered { detail: Some(detail), .. }
            if detail == "MyAnimeList answered that your list is at episode 7")
    );
}

#[tokio::test]
async fn a_repeat_looks_first_and_never_takes_progress_back() {
    let overtaken = LISTED.replace(
        r#""num_episodes_watched": 4"#,
        r#""num_episodes_watched": 9"#,
    );
    let gone = r#"{"error":"not_found","message":""}"#;
    let server = Server::answering([
        give(200, overtaken),
        give(200, LISTED),
        give(200, CHANGED),
        give(404, gone),
        give(503, "<html>"),
    ])
    .await;
    let written = prepared(Some((Status::Watching, 4)), 5);
    let later = at(9000 + 120);
    let outcomes = send(&server, &written, later).await.unwrap();
    assert!(matches!(&outcomes[0].1, Outcome::AlreadyThere { .. }));
    assert_eq!(detail(&outcomes[0].1), "your list is at episode 9 already");

    let outcomes = send(&server, &written, later).await.unwrap();
    assert!(matches!(&outcomes[0].1, Outcome::Delivered { .. }));
    let outcomes = send(&server, &written, later).await.unwrap();
    assert!(matches!(&outcomes[0].1, Outcome::NotFound { .. }));
    let error = send(&server, &written, later).await.unwrap_err();
    assert_eq!(
        error.disposition,
        Disposition::Retryable,
        "nothing was written"
    );
    let lines: Vec<String> = server.got().into_iter().map(|got| got.line).collect();
    let is_read: Vec<bool> = lines.iter().map(|line| line.starts_with("GET ")).collect();
    assert_eq!(is_read, [true, true, false, true, true]);
    assert_eq!(server.got()[2].body, written.body, "byte for byte");
}

#[tokio::test]
async fn a_lost_answer_is_in_doubt_and_a_refusal_is_final() {
    let written = prepared(None, 1);
    let extra = include_str!("fixtures/extra-fields-400.json");
    let server = Server::answering([
        give(504, "<html>"),
        give(503, "<html>"),
        give(200, "<html>"),
        give(400, extra),
        give(404, r#"{"error":"not_found","message":""}"#),
        give(429, "").with("retry-after", "600"),
    ])
    .await;
    for expected in [
        Disposition::InDoubt,
        Disposition::Retryable,
        Disposition::InDoubt,
        Disposition::Permanent,
        Disposition::NotFound,
        Disposition::RateLimited { until: at(9600) },
    ] {
        let error = send(&server, &written, at(9000)).await.unwrap_err();
        assert_eq!(error.disposition, expected, "{error:?}");
    }
}

#[tokio::test]
async fn nothing_is_taken_back_and_the_user_is_told_where_to() {
    let (mut known, unknown) = (nth(1), nth(2));
    let mut delivery = Delivery::pending();
    delivery.remote_id = Some("16498".to_owned());
    known
        .deliveries
        .insert(Service::MyAnimeList, delivery.undone());
    let undone = [known, unknown];
    let preparation = nowhere().prepare_undo(&undone, &context(None), at(9000));
    let reasons: Vec<&str> = settled(&preparation)
        .into_iter()
        .map(|(_, outcome)| detail(outcome))
        .collect();
    assert_eq!(
        reasons,
        [
            "MyAnimeList keeps a count, not plays: change it at https://myanimelist.net/anime/16498",
            "MyAnimeList keeps a count, not plays: change it at https://myanimelist.net",
        ]
    );
    let plays = prepared(None, 1).plays;
    let undo = Prepared::of_undo(wire::status_path(TITAN), String::new(), plays, at(0));
    let sent = nowhere().send(&account(&tokens()), &undo, at(0)).await;
    assert_eq!(sent.unwrap_err().disposition, Disposition::Permanent);
}
