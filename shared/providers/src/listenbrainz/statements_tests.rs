use hub_domain::media::Scope;
use hub_domain::rating::Feeling;
use hub_domain::{Agreed, Aspect};
use serde_json::{Value, json};

use super::*;
use crate::listenbrainz::tests::{OK, account, nowhere, provider};
use crate::seam::IfLost;
use crate::testing::{Give, Server, at, context, give, id, statement, tokens, track};

const MBID: &str = "3c2c1f40-b22e-360e-a29a-1b1610190a8c";
const LOVED: Option<Says> = Some(Says::Felt(Feeling::Loved));
const HATED: Option<Says> = Some(Says::Felt(Feeling::Hated));

fn by_name(says: Option<Says>) -> Statement {
    let mut media = track("Björk", "Jóga");
    media.album = Some("Homogenic".to_owned());
    statement(media, Aspect::Loved, says)
}

fn joga(says: Option<Says>) -> Statement {
    let mut statement = by_name(says);
    statement.media.ids = vec![id(Namespace::RecordingMbid, Scope::Item, MBID)];
    statement
}

fn prepare(statements: &[Statement]) -> Preparation<StatementId> {
    nowhere().prepare_statements(statements, &context(None), at(0))
}

async fn send(
    statement: &Statement,
    server: &Server,
    url: Option<&str>,
) -> Result<Outcome, ProviderError> {
    let prepared = prepare(std::slice::from_ref(statement)).prepared.unwrap();
    let tokens = tokens();
    let answered = provider(&server.url)
        .send(&account(&tokens, url), &prepared, at(9))
        .await?;
    Ok(answered.into_iter().next().unwrap().1)
}

#[tokio::test]
async fn a_recording_is_loved_hated_or_neither_by_its_mbid() {
    let server = Server::answering([give(200, OK), give(200, OK), give(200, OK)]).await;
    for says in [LOVED, HATED, None] {
        let outcome = send(&joga(says), &server, None).await.unwrap();
        assert!(matches!(outcome, Outcome::Delivered { .. }));
    }
    let got = server.got();
    assert_eq!(got[0].line, "POST /1/feedback/recording-feedback");
    assert_eq!(got[0].header("content-type"), "application/json");
    let bodies: Vec<Value> = got.iter().map(crate::testing::Got::json).collect();
    let body = |score: i8| json!({"recording_mbid": MBID, "score": score});
    assert_eq!(bodies, [body(1), body(-1), body(0)]);
    let prepared = prepare(&[joga(LOVED)]).prepared.unwrap();
    assert_eq!(nowhere().if_lost(&prepared, None), IfLost::Repeat);
}

#[test]
fn one_goes_out_and_what_is_shown_already_does_not() {
    let mut known = joga(HATED);
    let says = HATED;
    known
        .agreed
        .insert(Service::ListenBrainz, Agreed { says, at: at(0) });
    let mut nameless = by_name(LOVED);
    nameless.media.title = None;
    let preparation = prepare(&[known, nameless, joga(LOVED), by_name(LOVED)]);
    let settled: Vec<Outcome> = preparation.settled.into_iter().map(|(_, it)| it).collect();
    assert!(
        matches!(&settled[0], Outcome::AlreadyThere { detail, .. } if detail == "ListenBrainz shows it as hated already")
    );
    assert!(matches!(settled[1], Outcome::NotFound { .. }));
    assert_eq!(preparation.left.len(), 1);
}

fn matched(artist: &str, title: &str) -> Give {
    let found =
        json!({"recording_mbid": MBID, "recording_name": title, "artist_credit_name": artist});
    give(200, found.to_string())
}

#[tokio::test]
async fn a_track_without_an_mbid_is_looked_up_by_its_names() {
    let found = || matched("Björk feat. X", "jóga");
    let server = Server::answering([found(), give(503, ""), give(200, OK)]).await;
    let outcome = send(&by_name(LOVED), &server, None).await.unwrap();
    assert!(matches!(outcome, Outcome::Delivered { .. }));
    let got = server.got();
    assert_eq!(
        got[0].line,
        "GET /1/metadata/lookup/?artist_name=Bj%C3%B6rk&recording_name=J%C3%B3ga&release_name=Homogenic"
    );
    assert_eq!(got[0].header("authorization"), "Token access-token");
    assert_eq!(got[2].json(), json!({"recording_mbid": MBID, "score": 1}));
    let listens = json!({"payload": {"listens": [
        {"listened_at": 1, "recording_msid": "b", "track_metadata": {"artist_name": "Björk", "track_name": "Jóga"}}]}});
    let server = Server::answering([found(), give(200, listens.to_string()), give(200, OK)]).await;
    send(&by_name(None), &server, None).await.unwrap();
    assert_eq!(
        server.got()[2].json(),
        json!({"recording_mbid": MBID, "recording_msid": "b", "score": 0}),
        "whichever of them it was told by"
    );
}

#[tokio::test]
async fn what_no_lookup_knows_goes_by_the_newest_listen_of_it() {
    let listens = json!({"payload": {"listens": [
        {"listened_at": 2, "recording_msid": "a", "track_metadata": {"artist_name": "Low", "track_name": "Fly"}},
        {"listened_at": 1, "recording_msid": "b", "track_metadata": {"artist_name": "BJÖRK", "track_name": "Jóga"}}]}});
    let server = Server::answering([
        give(200, "{}"),
        give(200, listens.to_string()),
        give(200, OK),
    ])
    .await;
    send(&by_name(HATED), &server, None).await.unwrap();
    let got = server.got();
    assert_eq!(got[1].line, "GET /1/user/alice/listens?count=100");
    assert_eq!(got[2].json(), json!({"recording_msid": "b", "score": -1}));

    let nobody = json!({"payload": {"listens": []}}).to_string();
    let server = Server::answering([matched("Low", "Fly"), give(200, nobody)]).await;
    let outcome = send(&by_name(LOVED), &server, None).await.unwrap();
    assert!(
        matches!(&outcome, Outcome::NotFound { tried }
            if tried == "Björk – Jóga, by ListenBrainz's lookup, which offered Low – Fly instead, by the newest 100 listens"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_server_without_feedback_says_so_in_its_own_way() {
    let maloja = include_str!("fixtures/maloja-invalid-method.json");
    for answer in [
        give(200, maloja),
        give(404, ""),
        give(404, "<html>").with("content-type", "text/html"),
        give(405, "{}"),
    ] {
        for statement in [joga(LOVED), by_name(LOVED)] {
            let server = Server::answering([answer.clone()]).await;
            let own = server.url.join("apis/listenbrainz").unwrap();
            let outcome = send(&statement, &server, Some(own.as_str())).await.unwrap();
            assert!(
                matches!(&outcome, Outcome::Ignored { why } if why == "this server keeps no feedback")
            );
        }
    }
    // ListenBrainz itself has it: a path that is not there is no word about the feedback.
    let server = Server::answering([give(404, "<html>").with("content-type", "text/html")]).await;
    let error = send(&joga(LOVED), &server, None).await.unwrap_err();
    assert_eq!(error.disposition, Disposition::Retryable);
    let server = Server::answering([give(200, "<html>")]).await;
    let error = send(&joga(LOVED), &server, None).await.unwrap_err();
    assert_eq!(error.disposition, Disposition::InDoubt);
}

#[test]
fn a_match_with_other_names_is_none() {
    let names = |artist: &str, title: &str| ByNames {
        artist_name: artist.to_owned(),
        recording_name: title.to_owned(),
        release_name: None,
        score: 1,
    };
    let found = |artist: &str, title: &str| Match {
        recording_mbid: Some(MBID.to_owned()),
        recording_name: Some(title.to_owned()),
        artist_credit_name: Some(artist.to_owned()),
    };
    let is_found = |names: &ByNames, found| matches!(judge(names, found), LookedUp::Found(_));
    assert!(is_found(&names("A", "B (live)"), found("a", "B [Live]")));
    assert!(is_found(&names("!!!", "+/-"), found("!!!", "+/-")));
    assert!(!is_found(&names("!!!", "+/-"), found("Low", "+/-")));
    assert!(!is_found(&names("A", "B"), found("A", "B (live)")));
    assert!(!is_found(&names("A", "B"), found("", "B")));
    assert_eq!(judge(&names("A", "B"), Match::default()), LookedUp::Nothing);
}
