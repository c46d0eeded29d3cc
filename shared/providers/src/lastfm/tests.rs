use hub_domain::media::Scope;

use super::*;
use crate::Provider;
use crate::seam::{DevicePoll, Tokens};
use crate::testing::{Got, Server, at, client, context, give, id, play, tokens, track};

pub(super) fn provider(url: &Url) -> Provider {
    Provider::LastFm(LastFm::new(
        LastFmApp {
            api_key: "0123456789abcdef0123456789abcdef".to_owned(),
            api_secret: Secret::new("mysecret"),
            api_url: url.join("2.0/").unwrap(),
            auth_url: "https://www.last.fm/api/auth/".parse().unwrap(),
        },
        client(),
    ))
}

pub(super) fn nowhere() -> Provider {
    provider(&"https://ws.audioscrobbler.com/".parse().unwrap())
}

pub(super) fn account(tokens: &Tokens) -> Account<'_> {
    Account {
        tokens,
        username: "alice",
        url: None,
    }
}

pub(super) fn form(got: &Got) -> Vec<(String, String)> {
    form_urlencoded::parse(got.body.as_bytes())
        .into_owned()
        .collect()
}

fn joga() -> Play {
    let mut media = track("Björk", "Jóga");
    media.album = Some("Homogenic".to_owned());
    media.album_artist = Some("Björk".to_owned());
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
    ];
    play(media, Some(at(0)), Some(at(160)))
}

#[tokio::test]
async fn one_scrobble_is_sent_as_an_array_of_one_signed_and_with_its_start() {
    let server = Server::answering([give(200, include_str!("fixtures/scrobble-one.json"))]).await;
    let provider = provider(&server.url);
    let play = joga();
    let prepared = provider
        .prepare_plays(std::slice::from_ref(&play), &context(None), at(170))
        .prepared
        .unwrap();
    for secret in ["access-token", "api_sig", "0123456789abcdef", "mysecret"] {
        assert!(!prepared.body.contains(secret), "{secret}");
    }
    let tokens = tokens();
    let outcomes = provider
        .send(&account(&tokens), &prepared, at(170))
        .await
        .unwrap();
    let delivered = Outcome::Delivered {
        remote_id: None,
        detail: None,
    };
    assert_eq!(outcomes, [(play.id.into(), delivered)]);
    let got = server.got();
    assert_eq!(got[0].line, "POST /2.0/");
    assert_eq!(
        got[0].header("content-type"),
        "application/x-www-form-urlencoded"
    );
    let expected = [
        ("method", "track.scrobble"),
        ("artist[0]", "Björk"),
        ("track[0]", "Jóga"),
        ("album[0]", "Homogenic"),
        ("trackNumber[0]", "2"),
        ("duration[0]", "305"),
        ("mbid[0]", "11111111-b22e-360e-a29a-1b1610190a8c"),
        ("timestamp[0]", "1763640000"),
        ("api_key", "0123456789abcdef0123456789abcdef"),
        ("sk", "access-token"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let signature = signature::sign(&expected, &Secret::new("mysecret"));
    let form = form(&got[0]);
    assert_eq!(form[..10], expected);
    assert_eq!(form[10], ("api_sig".to_owned(), signature));
    assert_eq!(form[11], ("format".to_owned(), "json".to_owned()));
}

#[tokio::test]
async fn a_batch_is_read_item_by_item() {
    let body = include_str!("fixtures/scrobble-two-one-ignored.json");
    let server = Server::answering([give(200, body)]).await;
    let provider = provider(&server.url);
    let plays = [joga(), play(track("Unknown", "X"), Some(at(300)), None)];
    let prepared = provider
        .prepare_plays(&plays, &context(None), at(600))
        .prepared
        .unwrap();
    let tokens = tokens();
    let outcomes = provider
        .send(&account(&tokens), &prepared, at(600))
        .await
        .unwrap();
    assert_eq!(outcomes[0].0, plays[0].id.clone().into());
    assert!(matches!(outcomes[0].1, Outcome::Delivered { .. }));
    assert_eq!(outcomes[1].0, plays[1].id.clone().into());
    assert!(matches!(&outcomes[1].1, Outcome::Ignored { why } if why.contains("code 1")));
}

#[test]
fn fifty_go_into_one_request_and_the_rest_is_left() {
    let plays: Vec<Play> = (0..51)
        .map(|n| play(track("a", &format!("t{n}")), Some(at(n * 300)), None))
        .collect();
    let preparation = nowhere().prepare_plays(&plays, &context(None), at(51 * 300));
    let prepared = preparation.prepared.unwrap();
    assert_eq!(prepared.plays.len(), 50);
    assert!(prepared.body.contains("artist%5B49%5D=a"));
    assert_eq!(preparation.left, [plays[50].id.clone()]);
}

#[test]
fn what_is_older_than_fourteen_days_is_settled_without_a_call() {
    let day = 24 * 3600;
    for (age, is_sent) in [
        (OLDEST.num_seconds(), true),
        (OLDEST.num_seconds() + 1, false),
        (30 * day, false),
    ] {
        let preparation = nowhere().prepare_plays(&[joga()], &context(None), at(age));
        assert_eq!(preparation.prepared.is_some(), is_sent, "{age}");
        if !is_sent {
            let Outcome::Ignored { why } = &preparation.settled[0].1 else {
                panic!("not ignored")
            };
            assert!(why.contains("older than 14 days"), "{why}");
        }
    }
}

#[test]
fn a_duration_below_thirty_seconds_is_not_told() {
    let mut media = track("a", "b");
    media.duration = Some(TimeDelta::seconds(29));
    let prepared = nowhere()
        .prepare_plays(&[play(media, Some(at(0)), None)], &context(None), at(9))
        .prepared
        .unwrap();
    assert!(!prepared.body.contains("duration"), "{}", prepared.body);
}

#[test]
fn an_answer_without_items_counts_only_if_all_were_taken() {
    let plays: Vec<PreparedPlay> = [joga()]
        .iter()
        .map(|play| PreparedPlay {
            play: play.id.clone(),
            watched_at: play.started_at,
        })
        .collect();
    for (body, is_told) in [
        (
            r#"{"scrobbles":{"@attr":{"accepted":"1","ignored":"0"}}}"#,
            true,
        ),
        (r#"{"scrobbles":{"@attr":{"ignored":0}}}"#, true),
        (
            r#"{"scrobbles":{"@attr":{"accepted":0,"ignored":1}}}"#,
            false,
        ),
        (
            r#"{"scrobbles":{"@attr":{"accepted":2,"ignored":0}}}"#,
            false,
        ),
        (r#"{"scrobbles":{}}"#, false),
        (
            include_str!("fixtures/scrobble-two-one-ignored.json"),
            false,
        ),
    ] {
        let read = wire::Scrobbles::read(body).unwrap();
        assert_eq!(outcomes(&read, &plays, at(0)).is_some(), is_told, "{body}");
    }
}

#[tokio::test]
async fn an_error_is_one_with_any_status() {
    let server = Server::answering([
        give(200, include_str!("fixtures/error-9.json")),
        give(403, include_str!("fixtures/error-9.json")),
        give(200, "<html>"),
        give(503, "<html>"),
    ])
    .await;
    let provider = provider(&server.url);
    let prepared = provider
        .prepare_plays(&[joga()], &context(None), at(170))
        .prepared
        .unwrap();
    let tokens = tokens();
    for expected in [
        Disposition::Auth,
        Disposition::Auth,
        Disposition::InDoubt,
        Disposition::Retryable,
    ] {
        let error = provider
            .send(&account(&tokens), &prepared, at(170))
            .await
            .unwrap_err();
        assert_eq!(error.disposition, expected, "{error:?}");
        assert_eq!(error.to_string(), "lastfm did not take the scrobbles");
    }
}

#[tokio::test]
async fn now_playing_carries_no_time_and_a_pause_is_not_told() {
    let server = Server::answering([give(200, r#"{"nowplaying":{}}"#)]).await;
    let provider = provider(&server.url);
    let tokens = tokens();
    let mut state = LiveState {
        playing: Playing::Started,
        media: track("Björk", "Jóga"),
        position: None,
        progress_percent: None,
        threshold_percent: 50.0,
        at: at(0),
    };
    assert_eq!(
        provider
            .live(&account(&tokens), &state, at(1))
            .await
            .unwrap(),
        Live::Sent
    );
    state.playing = Playing::Paused;
    assert_eq!(
        provider
            .live(&account(&tokens), &state, at(1))
            .await
            .unwrap(),
        Live::NothingToSend
    );
    let got = server.got();
    assert_eq!(got.len(), 1);
    let names: Vec<String> = form(&got[0]).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "method", "artist", "track", "duration", "api_key", "sk", "api_sig", "format"
        ]
    );
}

#[tokio::test]
async fn the_web_sign_in_carries_the_state_in_the_callback_and_ends_in_a_session() {
    let server = Server::answering([
        give(200, include_str!("fixtures/get-session.json")),
        give(
            403,
            r#"{"error":4,"message":"Unauthorized Token - This token has not been issued"}"#,
        ),
        give(200, include_str!("fixtures/user-get-info.json")),
    ])
    .await;
    let provider = provider(&server.url);
    let redirect: Url = "https://hub.example/api/v1/scrobble/lastfm/callback"
        .parse()
        .unwrap();
    let authorize = provider.authorize(&redirect, "st/te").unwrap();
    assert_eq!(
        authorize.url.as_str(),
        "https://www.last.fm/api/auth/?api_key=0123456789abcdef0123456789abcdef&cb=https%3A%2F%2Fhub.example%2Fapi%2Fv1%2Fscrobble%2Flastfm%2Fcallback%3Fstate%3Dst%252Fte"
    );
    assert!(authorize.verifier.is_none());
    let tokens = provider
        .exchange("a-token", &redirect, None, at(0))
        .await
        .unwrap();
    assert_eq!(tokens.access.reveal(), "d580d57f32848f5dcf574d1ce18d78b2");
    assert!(tokens.refresh.is_none() && tokens.expires_at.is_none());
    let refused = provider
        .exchange("a-token", &redirect, None, at(0))
        .await
        .unwrap_err();
    assert_eq!(refused.disposition, Disposition::Auth);
    let identity = provider.identify(&account(&tokens), at(0)).await.unwrap();
    assert_eq!(
        (identity.username.as_str(), identity.account_id.as_str()),
        ("Alice", "alice")
    );
    assert_eq!(
        identity.profile_url.as_deref(),
        Some("https://www.last.fm/user/Alice")
    );
    assert_eq!(form(&server.got()[0])[0].1, "auth.getSession");
    assert_eq!(server.got()[0].line, "POST /2.0/");
}

#[tokio::test]
async fn a_sign_in_without_a_callback_is_polled_until_the_user_agrees() {
    let server = Server::answering([
        give(200, include_str!("fixtures/get-token.json")),
        give(403, include_str!("fixtures/error-14.json")),
        give(200, include_str!("fixtures/get-session.json")),
        give(403, r#"{"error":15,"message":"This token has expired"}"#),
        give(503, r#"{"error":11,"message":"Service Offline"}"#),
    ])
    .await;
    let provider = provider(&server.url);
    let start = provider.begin_device(at(0)).await.unwrap();
    assert!(start.verification_url.ends_with("&token=cc2aSy9aToken"));
    let poll = || provider.poll_device(&start.device_code, at(5));
    assert!(matches!(poll().await, Ok(DevicePoll::Pending)));
    assert!(matches!(poll().await, Ok(DevicePoll::Signed(_))));
    assert!(matches!(poll().await, Ok(DevicePoll::Expired)));
    assert_eq!(
        poll().await.unwrap_err().disposition,
        Disposition::Retryable
    );
}
