use hub_domain::rating::Feeling;
use hub_domain::{Agreed, Aspect, MediaItem};

use super::*;
use crate::lastfm::tests::{account, form, nowhere, provider};
use crate::seam::IfLost;
use crate::testing::{Server, at, context, give, play, statement, tokens, track};

const LOVED: Option<Says> = Some(Says::Felt(Feeling::Loved));
const HATED: Option<Says> = Some(Says::Felt(Feeling::Hated));

fn joga(says: Option<Says>) -> Statement {
    statement(track("Björk", "Jóga"), Aspect::Loved, says)
}

fn prepare(statements: &[Statement]) -> Preparation<StatementId> {
    nowhere().prepare_statements(statements, &context(None), at(0))
}

async fn send(server: &Server, prepared: &Prepared) -> Result<Outcome, ProviderError> {
    let tokens = tokens();
    let answered = provider(&server.url)
        .send(&account(&tokens), prepared, at(9))
        .await?;
    let [(id, outcome)] = answered.as_slice() else {
        panic!("{answered:?}")
    };
    assert_eq!(*id, joga(None).id.into());
    Ok(outcome.clone())
}

#[tokio::test]
async fn one_track_is_loved_or_unloved_signed_and_without_a_secret_written_down() {
    let server = Server::answering([give(200, "{}"), give(200, "{}")]).await;
    for (says, method) in [(LOVED, "track.love"), (None, "track.unlove")] {
        let prepared = prepare(&[joga(says)]).prepared.unwrap();
        assert_eq!(nowhere().if_lost(&prepared, None), IfLost::Repeat);
        assert_eq!(
            prepared.body,
            format!("method={method}&artist=Bj%C3%B6rk&track=J%C3%B3ga")
        );
        let outcome = send(&server, &prepared).await.unwrap();
        assert!(matches!(outcome, Outcome::Delivered { .. }));
    }
    let sent = form(&server.got()[0]);
    let names: Vec<&str> = sent.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "method", "artist", "track", "api_key", "sk", "api_sig", "format"
        ]
    );
}

#[test]
fn hate_takes_off_only_a_love_that_the_hub_has_told() {
    let untold = prepare(&[joga(HATED)]);
    assert!(matches!(untold.settled[0].1, Outcome::AlreadyThere { .. }));
    let after = |says: Option<Says>, agreed: Option<Says>| {
        let mut statement = joga(says);
        let agreed = Agreed {
            says: agreed,
            at: at(0),
        };
        statement.agreed.insert(Service::LastFm, agreed);
        prepare(&[statement])
    };
    let told = after(HATED, LOVED).prepared.unwrap();
    assert_eq!(told.call, UNLOVE);
    assert!(after(HATED, None).prepared.is_none());
    assert!(after(LOVED, LOVED).prepared.is_none());
    assert!(after(None, None).prepared.is_none());
    assert_eq!(after(LOVED, None).prepared.unwrap().call, LOVE);
}

#[test]
fn one_goes_out_and_the_others_are_left() {
    let mut nameless = joga(LOVED);
    nameless.media = MediaItem::new(hub_domain::ItemKind::Track);
    let other = statement(track("a", "b"), Aspect::Loved, LOVED);
    let preparation = prepare(&[nameless, joga(LOVED), other.clone()]);
    assert!(matches!(preparation.settled[0].1, Outcome::NotFound { .. }));
    assert_eq!(preparation.prepared.unwrap().statements.len(), 1);
    assert_eq!(preparation.left, [other.id]);
}

#[tokio::test]
async fn an_answer_is_read_from_its_body() {
    let prepared = prepare(&[joga(LOVED)]).prepared.unwrap();
    let unknown = r#"{"error":6,"message":"Track not found"}"#;
    let server = Server::answering([give(200, unknown)]).await;
    assert!(
        matches!(send(&server, &prepared).await.unwrap(), Outcome::NotFound { tried } if tried == "Björk – Jóga")
    );
    for (status, body, expected) in [
        (200, "<html>", Disposition::InDoubt),
        (
            400,
            r#"{"error":6,"message":"Invalid parameters"}"#,
            Disposition::Permanent,
        ),
        (
            200,
            r#"{"error":9,"message":"Invalid session key"}"#,
            Disposition::Auth,
        ),
        (503, "", Disposition::Retryable),
    ] {
        let server = Server::answering([give(status, body)]).await;
        let error = send(&server, &prepared).await.unwrap_err();
        assert_eq!(error.disposition, expected, "{status} {body}");
    }
}

#[test]
fn a_scrobble_is_taken_back_by_its_user_alone() {
    let plays = [play(track("Björk", "Jóga"), Some(at(0)), None)];
    let preparation = nowhere().prepare_undo(&plays, &context(None), at(9));
    assert!(preparation.prepared.is_none());
    assert!(
        matches!(&preparation.settled[0].1, Outcome::Ignored { why } if why.contains("https://www.last.fm/"))
    );
}
