use hub_domain::Delivery;
use hub_domain::anime::progress::Status;
use serde_json::{Value, json};

use super::super::tests::{
    account, context, entry, listed, nowhere, on_list, placed, provider, refusal_answer,
    save_answer, situation, survey_answer, unknown_answer, watched,
};
use super::*;
use crate::seam::Placed;
use crate::testing::{Server, at, give, tokens};

/// Episodes watched one after the other, each an hour later, all of one entry.
fn series(numbers: &[u32], stands: OnList) -> (Vec<Play>, Placed) {
    let plays: Vec<Play> = numbers
        .iter()
        .zip(0..)
        .map(|(number, hours)| watched(*number, hours))
        .collect();
    let places = plays
        .iter()
        .zip(numbers)
        .map(|(play, number)| (play.id.clone(), situation(21, *number, Some(stands))));
    let placed = placed(places);
    (plays, placed)
}

fn prepare(plays: &[Play], placed: &Placed, rewatches: bool) -> Preparation<PlayId> {
    nowhere().prepare_plays(plays, &context(placed, rewatches), at(100_000))
}

fn variables(prepared: &Prepared) -> Value {
    let body: Value = serde_json::from_str(&prepared.body).unwrap();
    assert_eq!(body["query"], wire::SAVE);
    body["variables"].clone()
}

fn names(prepared: &Prepared) -> Vec<PlayId> {
    let plays = prepared.plays.iter();
    plays.map(|sent| sent.play.clone()).collect()
}

fn ids(plays: &[Play]) -> Vec<PlayId> {
    plays.iter().map(|play| play.id.clone()).collect()
}

#[test]
fn the_episodes_of_an_entry_make_one_state_with_the_users_own_days() {
    let stands = on_list(None, Some(12));
    // The last one ends at 03:20 in Tokyo, on the next day.
    let (plays, placed) = series(&[1, 2, 3, 4, 5, 6, 7], stands);
    let preparation = prepare(&plays, &placed, false);
    let prepared = preparation.prepared.unwrap();
    assert_eq!(
        variables(&prepared),
        json!({"mediaId": 21, "status": "CURRENT", "progress": 7,
            "startedAt": {"year": 2025, "month": 11, "day": 20}})
    );
    assert_eq!(names(&prepared), ids(&plays));
    assert_eq!(prepared.plays[2].watched_at, plays[2].watched_at);
    assert!(preparation.settled.is_empty() && preparation.left.is_empty());

    let (plays, placed) = series(&[12], on_list(Some(listed(Status::Watching, 11)), Some(12)));
    let mut late = plays;
    late[0].watched_at = Some(at(4 * 3600));
    let prepared = prepare(&late, &placed, false).prepared.unwrap();
    assert_eq!(
        variables(&prepared),
        json!({"mediaId": 21, "status": "COMPLETED", "progress": 12,
            "completedAt": {"year": 2025, "month": 11, "day": 21}})
    );
}

#[test]
fn a_play_of_unknown_time_writes_no_day() {
    let (mut plays, placed) = series(&[1], on_list(None, Some(1)));
    plays[0].precision = Precision::Unknown;
    let prepared = prepare(&plays, &placed, false).prepared.unwrap();
    assert_eq!(
        variables(&prepared),
        json!({"mediaId": 21, "status": "COMPLETED", "progress": 1})
    );
    assert_eq!(prepared.plays[0].watched_at, None);
}

#[test]
fn fifty_plays_of_one_entry_go_along_and_other_entries_wait() {
    let numbers: Vec<u32> = (1..=52).collect();
    let (mut plays, mut places) = series(&numbers, on_list(None, None));
    let other = watched(1, 60);
    let stands = Some(on_list(None, Some(12)));
    places.insert(other.id.clone().into(), situation(22, 1, stands));
    plays.insert(0, watched(1, 70));
    plays.insert(2, other.clone());
    let preparation = prepare(&plays, &places, false);
    let prepared = preparation.prepared.unwrap();
    assert_eq!(
        variables(&prepared)["progress"],
        50,
        "the one without a place is settled"
    );
    assert_eq!(preparation.settled[0].0, plays[0].id);
    let mut left = vec![other.id];
    left.extend(ids(&plays[plays.len() - 2..]));
    assert_eq!(preparation.left, left);
}

#[test]
fn what_the_list_shows_already_is_settled_with_what_it_shows() {
    let there = |stands, rewatches| {
        let (plays, placed) = series(&[12], stands);
        let preparation = prepare(&plays, &placed, rewatches);
        assert!(preparation.prepared.is_none());
        preparation.settled[0].1.clone()
    };
    let expected = |detail: &str| Outcome::AlreadyThere {
        remote_id: Some("21".to_owned()),
        detail: detail.to_owned(),
    };
    assert_eq!(
        there(on_list(Some(listed(Status::Watching, 12)), Some(25)), false),
        expected("your list is at episode 12 already")
    );
    let completed = on_list(Some(listed(Status::Completed, 25)), Some(25));
    assert_eq!(
        there(completed, false),
        expected("your list shows it as completed, and rewatches are switched off")
    );
    let last = on_list(Some(listed(Status::Completed, 12)), Some(12));
    assert_eq!(
        there(last, true),
        expected("your list shows it as completed; a rewatch begins with an earlier episode")
    );
}

#[test]
fn what_has_no_place_at_anilist_is_settled_with_a_plain_sentence() {
    let (plays, mut places) = series(&[1, 13, 2, 3], on_list(None, Some(12)));
    let place = |places: &mut Placed, play: &Play, change: &dyn Fn(&mut Situation)| {
        change(places.get_mut(&ParcelId::from(play.id.clone())).unwrap());
    };
    places.remove(&ParcelId::from(plays[0].id.clone()));
    place(&mut places, &plays[2], &|situation| situation.stands = None);
    place(&mut places, &plays[3], &|situation| {
        situation.place.parts = 2;
    });
    let settled = prepare(&plays, &places, false).settled;
    let not_found = |tried: &str| Outcome::NotFound {
        tried: tried.to_owned(),
    };
    let outcomes: Vec<Outcome> = settled.into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(
        outcomes,
        [
            not_found("it has no place in AniList's list"),
            not_found("it would be episode 13 of https://anilist.co/anime/21, which has 12"),
            not_found("AniList does not know the entry https://anilist.co/anime/21"),
            Outcome::Ignored {
                why: "it is part 1 of 2 of episode 3, which counts with its last part".to_owned()
            },
        ]
    );
}

#[test]
fn a_play_that_changes_nothing_after_those_before_it_waits_for_their_answer() {
    let stands = on_list(Some(listed(Status::Watching, 10)), Some(12));
    let (plays, placed) = series(&[11, 12, 12, 1], stands);
    let preparation = prepare(&plays, &placed, true);
    let prepared = preparation.prepared.unwrap();
    assert_eq!(names(&prepared), ids(&plays[..2]));
    assert_eq!(
        preparation.left,
        ids(&plays[2..]),
        "the second twelfth must not end the rewatch that the first begins"
    );
    // Without it, the first episode begins the rewatch within the same request.
    let (plays, placed) = series(&[11, 12, 1], stands);
    let prepared = prepare(&plays, &placed, true).prepared.unwrap();
    assert_eq!(names(&prepared), ids(&plays));
    assert_eq!(
        variables(&prepared),
        json!({"mediaId": 21, "status": "REPEATING", "progress": 1,
            "completedAt": {"year": 2025, "month": 11, "day": 20}})
    );
}

#[test]
fn what_is_written_down_keeps_its_stored_format() {
    let stands = on_list(Some(listed(Status::Watching, 4)), Some(12));
    let (plays, placed) = series(&[5], stands);
    let prepared = prepare(&plays, &placed, false).prepared.unwrap();
    assert_eq!(
        prepared.call,
        r#"SaveMediaListEntry {"status":"watching","progress":5,"rewatches":0,"started_on":"2025-11-01"}"#
    );
    assert_eq!(
        prepared.body,
        r#"{"query":"mutation ($mediaId: Int, $status: MediaListStatus, $progress: Int, $repeat: Int, $scoreRaw: Int, $startedAt: FuzzyDateInput, $completedAt: FuzzyDateInput) { SaveMediaListEntry(mediaId: $mediaId, status: $status, progress: $progress, repeat: $repeat, scoreRaw: $scoreRaw, startedAt: $startedAt, completedAt: $completedAt) { id mediaId status progress repeat score(format: POINT_100) startedAt { year month day } completedAt { year month day } } }","variables":{"mediaId":21,"progress":5}}"#
    );
    assert_eq!(
        target_of(&prepared).unwrap().state(),
        &listed(Status::Watching, 5)
    );
}

/// Episode 5, prepared at 0, sent so many seconds later to a server that answers so.
async fn delivered_at(
    seconds: i64,
    gives: impl IntoIterator<Item = crate::testing::Give>,
) -> (Result<Outcome, ProviderError>, Vec<Value>) {
    let server = Server::answering(gives).await;
    let stands = on_list(Some(listed(Status::Watching, 4)), Some(12));
    let (plays, placed) = series(&[5], stands);
    let provider = provider(&server);
    let prepared = provider.prepare_plays(&plays, &context(&placed, false), at(0));
    let prepared = prepared.prepared.unwrap();
    let answered = provider
        .send(&account(&tokens()), &prepared, at(seconds))
        .await;
    let got = server.got();
    if let Some(last) = got
        .last()
        .filter(|_| got.len() == 1 + usize::from(seconds > 60))
    {
        assert_eq!(last.body, prepared.body, "byte for byte");
    }
    let outcome = answered.map(|mut outcomes| {
        assert_eq!(outcomes.len(), 1);
        assert_eq!(outcomes[0].0, plays[0].id.clone().into());
        outcomes.remove(0).1
    });
    (outcome, got.iter().map(crate::testing::Got::json).collect())
}

fn now_at(status: &str, progress: u32) -> String {
    survey_answer(21, Some(12), &entry(21, status, progress, 0))
}

fn saved(status: &str, progress: u32) -> String {
    save_answer(&entry(21, status, progress, 0))
}

#[tokio::test]
async fn a_state_is_sent_at_once_and_the_answer_names_the_entry() {
    let (outcome, got) = delivered_at(5, [give(200, saved("CURRENT", 5))]).await;
    assert_eq!(outcome.unwrap(), delivered(21, None));
    assert_eq!(got.len(), 1);
    assert_eq!(got[0]["variables"], json!({"mediaId": 21, "progress": 5}));
}

#[tokio::test]
async fn an_old_request_looks_first_and_takes_nothing_back() {
    let repeated = [
        give(200, now_at("CURRENT", 4)),
        give(200, saved("CURRENT", 5)),
    ];
    let (outcome, got) = delivered_at(61, repeated).await;
    assert_eq!(outcome.unwrap(), delivered(21, None));
    assert_eq!(
        got[0],
        json!({"query": wire::SURVEY, "variables": {"ids": [21]}})
    );
    assert_eq!(got.len(), 2);

    for (status, progress, words) in [
        ("CURRENT", 7, "watching, at episode 7"),
        ("CURRENT", 5, "watching, at episode 5"),
        ("COMPLETED", 12, "completed"),
        ("PAUSED", 9, "paused, at episode 9"),
    ] {
        let (outcome, got) = delivered_at(61, [give(200, now_at(status, progress))]).await;
        let expected = Outcome::AlreadyThere {
            remote_id: Some("21".to_owned()),
            detail: format!("your list is there already: {words}"),
        };
        assert_eq!((outcome.unwrap(), got.len()), (expected, 1), "{status}");
    }
    let (outcome, _) = delivered_at(61, [give(200, unknown_answer())]).await;
    assert_eq!(outcome.unwrap(), unknown(21));
}

#[tokio::test]
async fn a_rewatch_that_was_counted_is_not_begun_again_by_a_repeat() {
    let stands = on_list(Some(listed(Status::Completed, 12)), Some(12));
    let (plays, placed) = series(&[1], stands);
    let done = {
        let mut entry = entry(21, "COMPLETED", 12, 0);
        entry["repeat"] = 1.into();
        survey_answer(21, Some(12), &entry)
    };
    let server = Server::answering([give(200, done)]).await;
    let provider = provider(&server);
    let prepared = provider.prepare_plays(&plays, &context(&placed, true), at(0));
    let outcomes = provider
        .send(&account(&tokens()), &prepared.prepared.unwrap(), at(100))
        .await
        .unwrap();
    assert!(matches!(outcomes[0].1, Outcome::AlreadyThere { .. }));
}

#[tokio::test]
async fn an_answer_that_differs_from_what_was_sent_is_shown() {
    let other = save_answer(&entry(22, "CURRENT", 5, 0));
    let (outcome, _) = delivered_at(5, [give(200, other)]).await;
    assert_eq!(
        outcome.unwrap(),
        Outcome::Refused {
            why: "AniList answered for https://anilist.co/anime/22 instead of https://anilist.co/anime/21"
                .to_owned()
        }
    );
    let (outcome, _) = delivered_at(5, [give(200, saved("CURRENT", 4))]).await;
    let Outcome::Refused { why } = outcome.unwrap() else {
        panic!("it is not there");
    };
    assert_eq!(
        why,
        "AniList answered without an error, and yet your list shows: watching, at episode 4; it was told: watching, at episode 5"
    );
    let (outcome, _) = delivered_at(5, [give(200, saved("COMPLETED", 12))]).await;
    let more = "your list now shows more than was sent: completed".to_owned();
    assert_eq!(outcome.unwrap(), delivered(21, Some(more)));
}

#[tokio::test]
async fn a_refused_write_says_what_to_do_next() {
    let rows = [
        (400, "Invalid token", Disposition::Auth),
        (400, "validation", Disposition::Permanent),
        (404, "Not Found.", Disposition::NotFound),
        (500, "Internal Server Error", Disposition::InDoubt),
        (503, "Service Unavailable", Disposition::Retryable),
        (
            403,
            "The AniList API has been temporarily disabled due to severe stability issues.",
            Disposition::Retryable,
        ),
    ];
    for (status, message, expected) in rows {
        let answer = refusal_answer(message, status);
        for status in [status, 200] {
            let (outcome, _) = delivered_at(5, [give(status, answer.clone())]).await;
            assert_eq!(outcome.unwrap_err().disposition, expected, "{message}");
        }
    }
    let nothing = r#"{"data":{"SaveMediaListEntry":null}}"#;
    let (outcome, _) = delivered_at(5, [give(200, nothing)]).await;
    assert_eq!(outcome.unwrap_err().disposition, Disposition::InDoubt);
    // The look before a repeat writes nothing, so nothing is in doubt.
    let (outcome, _) = delivered_at(61, [give(500, "")]).await;
    assert_eq!(outcome.unwrap_err().disposition, Disposition::Retryable);
}

#[tokio::test]
async fn plays_are_not_taken_back_and_the_user_is_told_where_they_can() {
    let (mut plays, placed) = series(&[5, 6], on_list(None, None));
    let mut delivery = Delivery::pending();
    delivery.remote_id = Some("16498".to_owned());
    plays[0]
        .deliveries
        .insert(Service::AniList, delivery.undone());
    let undone = nowhere().prepare_undo(&plays, &context(&placed, false), at(0));
    let whys: Vec<Outcome> = undone.settled.into_iter().map(|(_, why)| why).collect();
    let why = |media: u32| Outcome::Ignored {
        why: format!(
            "AniList keeps how far you are, not single plays: to go back, set it at https://anilist.co/anime/{media} yourself"
        ),
    };
    assert_eq!(whys, [why(16498), why(21)]);
    assert!(undone.prepared.is_none());

    let server = Server::answering([]).await;
    let prepared = Prepared::of_undo(SAVE, String::new(), Vec::new(), at(0));
    let error = provider(&server)
        .send(&account(&tokens()), &prepared, at(0))
        .await
        .unwrap_err();
    assert_eq!(error.disposition, Disposition::Permanent);
    assert!(server.got().is_empty());
}
