use hub_domain::State;
use serde_json::{Value, json};

use super::*;
use crate::listenbrainz::tests::{OK, account, nowhere, provider};
use crate::seam::IfLost;
use crate::testing::{Server, at, context, give, play, tokens, track};

fn undone(detail: Option<&str>) -> Play {
    let mut play = play(track("Björk", "Jóga"), Some(at(0)), Some(at(160)));
    let delivered = Delivery {
        state: State::Delivered,
        sent_watched_at: Some(at(0)),
        ..Delivery::pending()
    };
    let mut undone = delivered.undone();
    undone.detail = detail.map(str::to_owned);
    play.deliveries.insert(Service::ListenBrainz, undone);
    play
}

fn listen(second: i64, artist: &str, msid: &str, client: &str) -> Value {
    json!({"listened_at": at(second).timestamp(), "recording_msid": msid, "inserted_at": 1, "user_name": "alice",
        "track_metadata": {"artist_name": artist, "track_name": "Jóga", "release_name": null,
            "additional_info": {"submission_client": client}}})
}

fn listens(all: &[Value]) -> String {
    json!({"payload": {"count": all.len(), "listens": all}}).to_string()
}

async fn send(server: &Server, play: &Play) -> Result<Outcome, ProviderError> {
    let prepared = provider(&server.url)
        .prepare_undo(std::slice::from_ref(play), &context(None), at(9))
        .prepared
        .unwrap();
    let tokens = tokens();
    let answered = provider(&server.url)
        .send(&account(&tokens, None), &prepared, at(9))
        .await?;
    Ok(answered.into_iter().next().unwrap().1)
}

#[tokio::test]
async fn the_listen_of_that_second_and_those_names_is_removed_the_hubs_own_first() {
    let all = [
        listen(1, "Björk", "next-second", "Scrobble Hub"),
        listen(0, "Low", "other-names", "Scrobble Hub"),
        listen(0, "Björk", "other-program", "navidrome"),
        listen(0, "BJÖRK", "ours", "Scrobble Hub"),
    ];
    let server = Server::answering([give(200, listens(&all)), give(200, OK)]).await;
    let outcome = send(&server, &undone(None)).await.unwrap();
    assert!(
        matches!(&outcome, Outcome::Delivered { detail: Some(detail), .. } if detail.contains("after the full hour"))
    );
    let got = server.got();
    assert_eq!(
        got[0].line,
        "GET /1/user/alice/listens?min_ts=1763639999&max_ts=1763640001&count=100"
    );
    assert_eq!(got[1].line, "POST /1/delete-listen");
    assert_eq!(
        got[1].json(),
        json!({"listened_at": 1_763_640_000, "recording_msid": "ours"})
    );
    let prepared = nowhere()
        .prepare_undo(&[undone(None)], &context(None), at(9))
        .prepared
        .unwrap();
    assert!(prepared.undo);
    assert_eq!(nowhere().if_lost(&prepared, None), IfLost::Repeat);
}

#[tokio::test]
async fn one_that_is_not_shown_is_looked_for_once_more_and_then_gone() {
    let server = Server::answering([give(200, listens(&[])), give(200, listens(&[]))]).await;
    let first = send(&server, &undone(None)).await.unwrap();
    let Outcome::Wait { until, why } = first else {
        panic!("{first:?}")
    };
    assert_eq!(until, at(9) + SHOWN_WITHIN);
    let second = send(&server, &undone(Some(&why))).await.unwrap();
    assert!(matches!(second, Outcome::AlreadyThere { .. }));
}

#[tokio::test]
async fn a_look_that_failed_removes_nothing() {
    for answer in [give(200, "<html>"), give(200, "{}"), give(503, "")] {
        let server = Server::answering([answer]).await;
        let error = send(&server, &undone(None)).await.unwrap_err();
        assert_eq!(error.disposition, Disposition::Retryable);
        assert_eq!(server.got().len(), 1);
    }
}

#[test]
fn a_compatible_server_keeps_its_listens_and_one_goes_at_a_time() {
    let url = "https://maloja.example/apis/listenbrainz";
    let plays = [undone(None), undone(None)];
    let preparation = nowhere().prepare_undo(&plays, &context(Some(url)), at(9));
    assert_eq!(preparation.settled.len(), 2);
    assert!(matches!(&preparation.settled[0].1, Outcome::Ignored { why } if why.contains(url)));
    let preparation = nowhere().prepare_undo(&plays, &context(None), at(9));
    assert_eq!(preparation.prepared.unwrap().plays.len(), 1);
    assert_eq!(preparation.left.len(), 1);
    let mut untold = undone(None);
    untold
        .deliveries
        .insert(Service::ListenBrainz, Delivery::pending().undone());
    let preparation = nowhere().prepare_undo(&[untold], &context(None), at(9));
    assert!(matches!(preparation.settled[0].1, Outcome::Ignored { .. }));
}
