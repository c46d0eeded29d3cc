use hub_domain::media::{Namespace, Scope};
use serde_json::json;

use super::*;
use crate::Provider;
use crate::seam::IfLost;
use crate::testing::{Server, at, client, context, give, id, play, tokens, track};

pub(super) const OK: &str = include_str!("fixtures/submit-listens-200.json");

pub(super) fn provider(url: &Url) -> Provider {
    let app = ListenBrainzApp {
        api_url: url.clone(),
    };
    Provider::ListenBrainz(ListenBrainz::new(app, client()))
}

pub(super) fn account<'a>(tokens: &'a Tokens, url: Option<&'a str>) -> Account<'a> {
    Account {
        tokens,
        username: "alice",
        url,
    }
}

pub(super) fn nowhere() -> Provider {
    provider(&"https://api.listenbrainz.org".parse().unwrap())
}

fn joga() -> Play {
    let mut media = track("Björk", "Jóga");
    media.album = Some("Homogenic".to_owned());
    media.track_number = Some(2);
    media.ids = vec![
        id(
            Namespace::RecordingMbid,
            Scope::Item,
            "3c2c1f40-b22e-360e-a29a-1b1610190a8c",
        ),
        id(
            Namespace::TrackMbid,
            Scope::Item,
            "11111111-b22e-360e-a29a-1b1610190a8c",
        ),
        id(
            Namespace::ReleaseMbid,
            Scope::Item,
            "22222222-b22e-360e-a29a-1b1610190a8c",
        ),
        id(
            Namespace::ArtistMbid,
            Scope::Item,
            "87c5dedd-371d-4a53-9f7f-80522fb7f3cb",
        ),
        id(Namespace::Isrc, Scope::Item, "GBAAA9700001"),
    ];
    play(media, Some(at(0)), Some(at(160)))
}

#[tokio::test]
async fn one_listen_goes_out_as_single_with_the_second_it_began() {
    let server = Server::answering([give(200, OK)]).await;
    let provider = provider(&server.url);
    let play = joga();
    let prepared = provider
        .prepare_plays(std::slice::from_ref(&play), &context(None), at(170))
        .prepared
        .unwrap();
    let tokens = tokens();
    let outcomes = provider
        .send(&account(&tokens, None), &prepared, at(170))
        .await
        .unwrap();
    let delivered = Outcome::Delivered {
        remote_id: None,
        detail: None,
    };
    assert_eq!(outcomes, [(play.id.into(), delivered)]);
    let got = server.got();
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].line, "POST /1/submit-listens");
    assert_eq!(got[0].header("authorization"), "Token access-token");
    assert_eq!(got[0].header("content-type"), "application/json");
    assert_eq!(
        got[0].json(),
        json!({"listen_type": "single", "payload": [{"listened_at": 1_763_640_000, "track_metadata": {
            "artist_name": "Björk", "track_name": "Jóga", "release_name": "Homogenic",
            "additional_info": {
                "submission_client": "Scrobble Hub", "submission_client_version": env!("CARGO_PKG_VERSION"),
                "duration_ms": 305_000, "tracknumber": 2,
                "recording_mbid": "3c2c1f40-b22e-360e-a29a-1b1610190a8c",
                "track_mbid": "11111111-b22e-360e-a29a-1b1610190a8c",
                "release_mbid": "22222222-b22e-360e-a29a-1b1610190a8c",
                "artist_mbids": ["87c5dedd-371d-4a53-9f7f-80522fb7f3cb"],
                "isrc": "GBAAA9700001"}}}]})
    );
}

#[test]
fn what_is_unknown_is_left_out_and_never_null() {
    let mut media = track("a", "b");
    media.duration = None;
    let prepared = nowhere()
        .prepare_plays(&[play(media, Some(at(0)), None)], &context(None), at(9))
        .prepared;
    assert_eq!(
        prepared.unwrap().body,
        format!(
            r#"{{"listen_type":"single","payload":[{{"listened_at":1763640000,"track_metadata":{{"artist_name":"a","track_name":"b","additional_info":{{"submission_client":"Scrobble Hub","submission_client_version":"{}"}}}}}}]}}"#,
            env!("CARGO_PKG_VERSION")
        )
    );
}

#[test]
fn a_hundred_go_into_one_import_and_one_to_a_compatible_server() {
    let plays: Vec<Play> = (0..130)
        .map(|n| play(track("a", &format!("t{n}")), Some(at(n * 300)), None))
        .collect();
    let now = at(130 * 300);
    let preparation = nowhere().prepare_plays(&plays, &context(None), now);
    let prepared = preparation.prepared.unwrap();
    assert_eq!(prepared.plays.len(), MOST_LISTENS);
    assert!(prepared.body.starts_with(r#"{"listen_type":"import""#));
    assert_eq!(preparation.left.len(), 30);
    assert_eq!(preparation.left[0], plays[100].id);

    let compatible = nowhere().prepare_plays(
        &plays,
        &context(Some("https://maloja.example/apis/listenbrainz/1")),
        now,
    );
    assert_eq!(compatible.prepared.unwrap().plays.len(), 1);
    let own = nowhere().prepare_plays(
        &plays,
        &context(Some("https://api.listenbrainz.org/1/")),
        now,
    );
    assert_eq!(own.prepared.unwrap().plays.len(), MOST_LISTENS);
}

#[test]
fn preparing_twice_gives_the_same_bytes() {
    let plays = [joga()];
    assert_eq!(
        nowhere().prepare_plays(&plays, &context(None), at(170)),
        nowhere().prepare_plays(&plays, &context(None), at(170))
    );
}

#[test]
fn what_the_service_would_refuse_does_not_block_the_rest() {
    let mut huge = track(&"x".repeat(11_000), "b");
    huge.album = None;
    let plays = [
        play(huge, Some(at(0)), None),
        play(
            track("a", "old"),
            DateTime::from_timestamp(OLDEST - 1, 0),
            None,
        ),
        play(track("a", "b"), Some(at(0)), None),
    ];
    let preparation = nowhere().prepare_plays(&plays, &context(None), at(9));
    assert_eq!(preparation.prepared.unwrap().plays.len(), 1);
    assert!(matches!(preparation.settled[0].1, Outcome::Refused { .. }));
    assert!(matches!(preparation.settled[1].1, Outcome::Ignored { .. }));
}

#[tokio::test]
async fn a_compatible_server_is_called_under_its_prefix() {
    let server = Server::answering([give(200, r#"{"status":"ok"}"#), give(201, "")]).await;
    let url = format!("{}apis/listenbrainz/1/submit-listens", server.url);
    let provider = nowhere();
    let prepared = provider
        .prepare_plays(&[joga()], &context(Some(&url)), at(170))
        .prepared
        .unwrap();
    let tokens = tokens();
    for _ in 0..2 {
        let outcomes = provider
            .send(&account(&tokens, Some(&url)), &prepared, at(170))
            .await
            .unwrap();
        assert!(matches!(outcomes[0].1, Outcome::Delivered { .. }));
    }
    assert_eq!(
        server.got()[0].line,
        "POST /apis/listenbrainz/1/submit-listens"
    );
    assert_eq!(provider.host(Some(&url)), http::host_of(&server.url));
    assert_eq!(provider.host(None), "api.listenbrainz.org");
    assert_eq!(provider.if_lost(&prepared, Some(&url)), IfLost::Repeat);
}

#[tokio::test]
async fn a_success_is_read_from_the_body() {
    let maloja = include_str!("fixtures/maloja-invalid-method.json");
    for (body, own, compatible) in [
        (OK, None, None),
        (
            maloja,
            Some(Disposition::Permanent),
            Some(Disposition::Permanent),
        ),
        ("", Some(Disposition::InDoubt), None),
        ("{}", Some(Disposition::InDoubt), None),
        (
            "<html>login</html>",
            Some(Disposition::InDoubt),
            Some(Disposition::InDoubt),
        ),
        (
            r#"{"status":"error"}"#,
            Some(Disposition::InDoubt),
            Some(Disposition::InDoubt),
        ),
    ] {
        let answer = Answer {
            status: reqwest::StatusCode::OK,
            headers: Default::default(),
            body: body.to_owned(),
        };
        assert_eq!(
            is_taken(&answer, false).err().map(|(next, _)| next),
            own,
            "{body}"
        );
        assert_eq!(
            is_taken(&answer, true).err().map(|(next, _)| next),
            compatible,
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_429_lets_the_listens_wait_until_the_named_second() {
    let body = include_str!("fixtures/submit-listens-429.json");
    let server = Server::answering([give(429, body).with("x-ratelimit-reset-in", "7")]).await;
    let provider = provider(&server.url);
    let prepared = provider
        .prepare_plays(&[joga()], &context(None), at(170))
        .prepared
        .unwrap();
    let tokens = tokens();
    let error = provider
        .send(&account(&tokens, None), &prepared, at(170))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "listenbrainz did not take the listens");
    assert_eq!(
        error.disposition,
        Disposition::RateLimited { until: at(177) }
    );
    assert!(
        error.why.starts_with("You have exceeded your rate limit."),
        "{}",
        error.why
    );
}

#[tokio::test]
async fn nothing_sent_is_retryable_and_an_answer_lost_is_in_doubt() {
    let tokens = tokens();
    for (url, expected) in [
        (Server::nobody().await, Disposition::Retryable),
        (Server::hanging_up().await, Disposition::InDoubt),
    ] {
        let provider = provider(&url);
        let prepared = provider
            .prepare_plays(&[joga()], &context(None), at(170))
            .prepared
            .unwrap();
        let error = provider
            .send(&account(&tokens, None), &prepared, at(170))
            .await
            .unwrap_err();
        assert_eq!(error.disposition, expected, "{error:?}");
        assert!(!format!("{error:?}").contains("access-token"));
    }
}

#[tokio::test]
async fn an_invalid_token_is_told_by_the_body_of_a_200() {
    let server = Server::answering([
        give(200, include_str!("fixtures/validate-token-valid.json")),
        give(200, include_str!("fixtures/validate-token-invalid.json")),
        give(200, include_str!("fixtures/maloja-invalid-method.json")),
        give(401, "{}"),
    ])
    .await;
    let provider = provider(&server.url);
    let tokens = tokens();
    let account = account(&tokens, None);
    let identity = provider.identify(&account, at(0)).await.unwrap();
    assert_eq!(identity.username, "alice");
    assert_eq!(
        identity.profile_url.as_deref(),
        Some("https://listenbrainz.org/user/alice/")
    );
    for expected in [Disposition::Auth, Disposition::Permanent, Disposition::Auth] {
        let error = provider.identify(&account, at(0)).await.unwrap_err();
        assert_eq!(error.disposition, expected);
    }
    assert_eq!(server.got()[0].line, "GET /1/validate-token");
    assert_eq!(
        server.got()[0].header("authorization"),
        "Token access-token"
    );
}

#[tokio::test]
async fn playing_now_is_told_while_it_plays_and_carries_no_time() {
    let server = Server::answering([give(200, OK)]).await;
    let provider = provider(&server.url);
    let tokens = tokens();
    let account = account(&tokens, None);
    let mut state = LiveState {
        playing: Playing::Started,
        media: track("Björk", "Jóga"),
        position: None,
        progress_percent: Some(3.0),
        threshold_percent: 50.0,
        at: at(0),
    };
    assert_eq!(
        provider.live(&account, &state, at(5)).await.unwrap(),
        Live::Sent
    );
    let body = server.got()[0].json();
    assert_eq!(body["listen_type"], "playing_now");
    assert_eq!(body["payload"][0].as_object().unwrap().len(), 1);
    assert_eq!(
        provider.live(&account, &state, at(500)).await.unwrap(),
        Live::NothingToSend
    );
    state.playing = Playing::Paused;
    assert_eq!(
        provider.live(&account, &state, at(5)).await.unwrap(),
        Live::NothingToSend
    );
    assert_eq!(server.got().len(), 1);
}

#[test]
fn a_token_is_taken_as_it_is_written_without_white_space() {
    let client = ListenBrainz::new(
        ListenBrainzApp {
            api_url: "https://api.listenbrainz.org/1/".parse().unwrap(),
        },
        client(),
    );
    assert_eq!(client.exchange(" abc\n").unwrap().access.reveal(), "abc");
    for text in ["", "  ", "a b", "ä"] {
        assert_eq!(
            client.exchange(text).unwrap_err().disposition,
            Disposition::Auth,
            "{text}"
        );
    }
}
