use hub_domain::{ParcelId, State};
use serde_json::json;

use super::*;
use crate::seam::IfLost;
use crate::testing::{Server, at, context, episode, give, movie, play};
use crate::trakt::tests::{nowhere, send};

/// A play that was delivered with this id of the record and this time, and taken back.
fn undone(mut play: Play, remote_id: Option<&str>, told: Option<DateTime<Utc>>) -> Play {
    let delivered = Delivery {
        state: State::Delivered,
        remote_id: remote_id.map(str::to_owned),
        sent_watched_at: told,
        ..Delivery::pending()
    };
    play.deliveries.insert(Service::Trakt, delivered.undone());
    play
}

fn pilot() -> Play {
    play(episode(1, Some("349232")), Some(at(0)), Some(at(2256)))
}

fn film() -> Play {
    play(movie("tt0133093"), Some(at(3000)), Some(at(9517)))
}

fn prepare(plays: &[Play]) -> Preparation<PlayId> {
    nowhere().prepare_undo(plays, &context(None), at(0))
}

fn answered(play: &mut Play, outcome: &Outcome) {
    let delivery = play.deliveries.get_mut(&Service::Trakt).unwrap();
    *delivery = delivery.answered(outcome, at(20_000));
}

#[tokio::test]
async fn a_record_that_is_known_is_removed_by_its_id_alone() {
    let plays = [
        undone(pilot(), Some("3373536623"), Some(at(2256))),
        undone(film(), Some("42"), Some(at(9517))),
    ];
    let prepared = prepare(&plays).prepared.unwrap();
    assert!(prepared.undo);
    assert_eq!(prepared.body, r#"{"ids":[3373536623,42]}"#);
    assert_eq!(nowhere().if_lost(&prepared, None), IfLost::Repeat);
    let some =
        json!({"deleted": {"movies": 0, "episodes": 1}, "not_found": {"movies": [], "ids": [42]}});
    let none = json!({"deleted": {"movies": 0, "episodes": 0}, "not_found": {"ids": [42, 3_373_536_623_i64]}});
    let short = json!({"deleted": {"movies": 0, "episodes": 1}, "not_found": {"ids": []}});
    let server = Server::answering([
        give(200, some.to_string()),
        give(200, none.to_string()),
        give(200, short.to_string()),
        give(200, "<html>"),
    ])
    .await;
    let outcomes = send(&server, &prepared, at(20_000)).await.unwrap();
    assert!(matches!(outcomes[0].1, Outcome::Delivered { .. }));
    assert!(matches!(outcomes[1].1, Outcome::AlreadyThere { .. }));
    let again = send(&server, &prepared, at(20_000)).await.unwrap();
    for (_, outcome) in again {
        let mut play = plays[0].clone();
        answered(&mut play, &outcome);
        assert_eq!(play.deliveries[&Service::Trakt].state, State::Removed);
    }
    for expected in [Disposition::Permanent, Disposition::InDoubt] {
        let error = send(&server, &prepared, at(20_000)).await.unwrap_err();
        assert_eq!(error.disposition, expected);
    }
    let got = server.got();
    assert_eq!(got[0].line, "POST /sync/history/remove");
    assert_eq!(got[0].json(), json!({"ids": [3_373_536_623_i64, 42]}));
}

#[tokio::test]
async fn a_record_that_is_not_known_is_looked_for_and_removed_in_a_second_request() {
    let page = include_str!("fixtures/history-episodes-200.json");
    let gone = json!({"deleted": {"movies": 0, "episodes": 1}, "not_found": {"ids": []}});
    let server = Server::answering([
        give(200, "[]"),
        give(200, page).with("x-pagination-page-count", "1"),
        give(200, gone.to_string()),
    ])
    .await;
    let mut plays = [
        undone(pilot(), None, Some(at(2256))),
        undone(film(), None, Some(at(9517))),
    ];
    let look = prepare(&plays).prepared.unwrap();
    let outcomes = send(&server, &look, at(20_000)).await.unwrap();
    assert!(matches!(&outcomes[0].1, Outcome::Wait { until, .. } if *until == at(20_001)));
    assert!(
        matches!(&outcomes[1].1, Outcome::AlreadyThere { .. }),
        "the film is not there"
    );
    let ids: Vec<ParcelId> = plays.iter().map(|play| play.id.clone().into()).collect();
    assert_eq!(ids, [outcomes[0].0.clone(), outcomes[1].0.clone()]);

    answered(&mut plays[0], &outcomes[0].1);
    let removal = prepare(&plays[..1]).prepared.unwrap();
    assert_eq!(removal.body, r#"{"ids":[1982347]}"#);
    let outcomes = send(&server, &removal, at(20_002)).await.unwrap();
    assert!(matches!(outcomes[0].1, Outcome::Delivered { .. }));
    let lines: Vec<String> = server.got().into_iter().map(|got| got.line).collect();
    assert!(lines[0].starts_with("GET /sync/history/movies?start_at=2025-11-20T14%3A36"));
    assert!(lines[1].starts_with("GET /sync/history/episodes?start_at=2025-11-20T12%3A35"));
    assert_eq!(lines[2], "POST /sync/history/remove");
}

#[tokio::test]
async fn a_look_that_failed_removes_nothing() {
    let look = prepare(&[undone(pilot(), None, Some(at(2256)))])
        .prepared
        .unwrap();
    for answer in [give(404, ""), give(200, "<html>"), give(500, "")] {
        let server = Server::answering([answer]).await;
        let error = send(&server, &look, at(20_000)).await.unwrap_err();
        assert_eq!(error.disposition, Disposition::Retryable);
        assert_eq!(server.got().len(), 1);
    }
}

#[test]
fn what_is_removed_and_what_is_looked_for_go_apart_and_an_undated_play_stays() {
    let known = undone(pilot(), Some("7"), Some(at(2256)));
    let unknown = undone(film(), None, Some(at(9517)));
    let undated = undone(play(movie("tt0000001"), None, None), None, None);
    let plays = [known.clone(), unknown.clone(), undated.clone()];
    let preparation = prepare(&plays);
    assert_eq!(preparation.prepared.unwrap().call, REMOVE);
    assert_eq!(preparation.left, std::slice::from_ref(&unknown.id));
    assert!(
        matches!(&preparation.settled[0], (id, Outcome::Ignored { why })
            if *id == undated.id && why.contains("https://trakt.tv"))
    );
    let preparation = prepare(&[unknown, known.clone()]);
    assert_eq!(preparation.prepared.unwrap().call, LOOK);
    assert_eq!(preparation.left, [known.id]);
}
