use hub_domain::live::Playing;
use hub_domain::{LiveState, ParcelId, Precision, Secret};
use serde_json::json;

use super::*;
use crate::Provider;
use crate::seam::{Live, Tokens};
use crate::testing::{Server, at, client, context, episode, give, movie, play, tokens};

const STOPPED: &str = include_str!("fixtures/scrobble-stop-201.json");
const CONFLICT: &str = include_str!("fixtures/scrobble-stop-409.json");
const ADDED: &str = include_str!("fixtures/history-201.json");

pub(super) fn trakt(url: &Url, client_secret: Option<&str>) -> Provider {
    Provider::Trakt(Trakt::new(
        OAuthApp {
            client_id: "the-client".to_owned(),
            client_secret: client_secret.map(Secret::new),
            api_url: url.clone(),
            auth_url: url.clone(),
        },
        client(),
    ))
}

pub(super) fn provider(server: &Server) -> Provider {
    trakt(&server.url, None)
}

pub(super) fn nowhere() -> Provider {
    trakt(&"https://api.trakt.tv".parse().unwrap(), None)
}

pub(super) fn account(tokens: &Tokens) -> Account<'_> {
    Account {
        tokens,
        username: "alice",
        url: None,
    }
}

pub(super) fn redirect() -> Url {
    "https://hub.example/api/v1/scrobble/trakt/callback"
        .parse()
        .unwrap()
}

/// Breaking Bad's first episode, begun at 0 and finished (at 80 %) at 2,256 s.
fn watched() -> Play {
    play(episode(1, Some("349232")), Some(at(0)), Some(at(2256)))
}

pub(super) async fn send(
    server: &Server,
    prepared: &Prepared,
    now: DateTime<Utc>,
) -> Result<Vec<(ParcelId, Outcome)>, ProviderError> {
    provider(server)
        .send(&account(&tokens()), prepared, now)
        .await
}

fn prepare(plays: &[Play], now: DateTime<Utc>) -> Prepared {
    nowhere()
        .prepare_plays(plays, &context(None), now)
        .prepared
        .unwrap()
}

#[tokio::test]
async fn a_fresh_play_is_delivered_by_one_stop() {
    let server = Server::answering([give(201, STOPPED)]).await;
    let prepared = prepare(&[watched()], at(2260));
    assert_eq!(prepared.call, "scrobble/stop");
    let outcomes = send(&server, &prepared, at(2260)).await.unwrap();
    let remote_id = Some("3373536623".to_owned());
    assert_eq!(
        outcomes,
        [(
            watched().id.into(),
            Outcome::Delivered {
                remote_id,
                detail: None
            }
        )]
    );
    let got = server.got();
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].line, "POST /scrobble/stop");
    assert_eq!(
        got[0].json(),
        json!({"episode": {"ids": {"tvdb": 349_232}}, "progress": 85.0})
    );
    let expected = [
        ("authorization", "Bearer access-token"),
        ("content-type", "application/json"),
        ("trakt-api-version", "2"),
        ("trakt-api-key", "the-client"),
    ];
    for (name, value) in expected {
        assert_eq!(got[0].header(name), value);
    }
}

#[test]
fn the_road_follows_from_age_progress_and_kind_of_time() {
    let stop = prepare(&[watched()], at(2256 + 119));
    assert_eq!(stop.call, "scrobble/stop");
    let late = prepare(&[watched()], at(2256 + 120));
    assert_eq!(late.call, "sync/history");
    assert_eq!(late.plays[0].watched_at, Some(at(2256)));
    let mut marked = watched();
    marked.manual = true;
    assert_eq!(prepare(&[marked.clone()], at(2260)).call, "sync/history");
    marked.precision = Precision::Unknown;
    let undated = prepare(&[marked], at(2260));
    assert_eq!(undated.plays[0].watched_at, None);
    assert!(undated.body.contains(r#""watched_at":"unknown""#));
    assert_eq!(nowhere().if_lost(&undated, None), IfLost::StaysInDoubt);
    assert_eq!(
        nowhere().if_lost(&late, None),
        IfLost::LookAfter(TimeDelta::minutes(3))
    );
}

#[test]
fn older_plays_go_first_and_a_fresh_one_does_not_ride_along() {
    let mut plays: Vec<Play> = (0..120)
        .map(|n| {
            play(
                episode(n, None),
                Some(at(-90_000 + i64::from(n) * 60)),
                Some(at(-80_000)),
            )
        })
        .collect();
    plays.push(watched());
    let preparation = nowhere().prepare_plays(&plays, &context(None), at(2260));
    assert_eq!(preparation.prepared.unwrap().plays.len(), MOST_PLAYS);
    assert_eq!(preparation.left.len(), 21);
    let rest: Vec<Play> = plays.split_off(100);
    let preparation = nowhere().prepare_plays(&rest, &context(None), at(2260));
    assert_eq!(preparation.prepared.unwrap().plays.len(), 20);
    assert_eq!(preparation.left, [watched().id]);
}

#[test]
fn a_repeat_tells_the_time_of_the_first_claim() {
    let mut play = watched();
    let mut delivery = hub_domain::Delivery::pending();
    delivery.sent_watched_at = Some(at(2256));
    play.deliveries.insert(Service::Trakt, delivery);
    play.watched_at = Some(at(2900));
    assert_eq!(
        prepare(&[play], at(2950)).plays[0].watched_at,
        Some(at(2256))
    );
}

#[tokio::test]
async fn a_stop_that_has_become_late_is_not_sent() {
    let server = Server::answering([]).await;
    let prepared = prepare(&[watched()], at(2260));
    let outcomes = send(&server, &prepared, at(2256 + 120)).await.unwrap();
    assert!(matches!(outcomes[0].1, Outcome::Wait { until, .. } if until == at(2256 + 120)));
    assert!(server.got().is_empty());
}

#[tokio::test]
async fn a_409_of_this_viewing_is_success_and_of_another_play_it_is_not() {
    // The fixture's play is from 12:36:00, which is 2,160 s.
    let server =
        Server::answering([give(409, CONFLICT), give(409, CONFLICT), give(409, "{}")]).await;
    let prepared = prepare(&[watched()], at(2260));
    let outcomes = send(&server, &prepared, at(2260)).await.unwrap();
    assert!(matches!(outcomes[0].1, Outcome::AlreadyThere { .. }));

    let again = play(episode(1, Some("349232")), Some(at(2400)), Some(at(4656)));
    let prepared = prepare(&[again], at(4660));
    for _ in 0..2 {
        let outcomes = send(&server, &prepared, at(4660)).await.unwrap();
        assert!(matches!(outcomes[0].1, Outcome::Wait { until, .. } if until == at(4656 + 120)));
    }
}

#[tokio::test]
async fn a_stop_that_trakt_takes_for_a_pause_goes_by_history() {
    let paused = STOPPED.replace(r#""action":"scrobble""#, r#""action":"pause""#);
    assert_ne!(paused, STOPPED);
    let server = Server::answering([give(201, paused), give(201, "<html>")]).await;
    let prepared = prepare(&[watched()], at(2260));
    let outcomes = send(&server, &prepared, at(2260)).await.unwrap();
    assert!(matches!(outcomes[0].1, Outcome::Wait { until, .. } if until == at(2256 + 120)));
    let error = send(&server, &prepared, at(2260)).await.unwrap_err();
    assert_eq!(error.disposition, Disposition::InDoubt);
}

#[tokio::test]
async fn an_episode_unknown_by_its_ids_is_tried_by_its_number_once() {
    let server = Server::answering([give(404, ""), give(404, "")]).await;
    let mut play = watched();
    let first = prepare(&[play.clone()], at(2260));
    let outcomes = send(&server, &first, at(2260)).await.unwrap();
    assert!(matches!(outcomes[0].1, Outcome::Wait { until, .. } if until == at(2261)));

    let delivery = hub_domain::Delivery::pending().answered(&outcomes[0].1, at(2260));
    play.deliveries.insert(Service::Trakt, delivery);
    let second = prepare(&[play], at(2262));
    let outcomes = send(&server, &second, at(2262)).await.unwrap();
    assert!(
        matches!(&outcomes[0].1, Outcome::NotFound { tried } if tried == "the show by tvdb 81189, season 1, episode 1")
    );
    assert_eq!(
        server.got()[1].json(),
        json!({"show": {"title": "Breaking Bad", "year": 2008, "ids": {"tvdb": 81189}},
               "episode": {"season": 1, "number": 1}, "progress": 85.0})
    );
}

#[tokio::test]
async fn late_plays_go_to_the_history_with_their_minute() {
    let server = Server::answering([give(201, ADDED)]).await;
    let plays = [
        watched(),
        play(movie("tt0133093"), Some(at(3000)), Some(at(9517))),
    ];
    let prepared = prepare(&plays, at(20_000));
    let outcomes = send(&server, &prepared, at(20_000)).await.unwrap();
    let delivered = Outcome::Delivered {
        remote_id: None,
        detail: None,
    };
    assert_eq!(
        outcomes,
        [
            (plays[1].id.clone().into(), delivered.clone()),
            (plays[0].id.clone().into(), delivered)
        ]
    );
    assert_eq!(server.got()[0].line, "POST /sync/history");
    assert_eq!(
        server.got()[0].json(),
        json!({
            "movies": [{"title": "The Matrix", "year": 1999, "ids": {"imdb": "tt0133093"}, "watched_at": "2025-11-20T14:38:00.000Z"}],
            "episodes": [{"ids": {"tvdb": 349_232}, "watched_at": "2025-11-20T12:37:00.000Z"}]
        })
    );
}

#[tokio::test]
async fn an_unclear_end_of_a_write_is_in_doubt_and_a_clear_one_is_not() {
    let prepared = prepare(&[watched()], at(20_000));
    for (status, expected) in [
        (500, Disposition::InDoubt),
        (503, Disposition::Retryable),
        (404, Disposition::Retryable),
        (401, Disposition::Auth),
    ] {
        let server = Server::answering([give(status, "")]).await;
        let error = send(&server, &prepared, at(20_000)).await.unwrap_err();
        assert_eq!(error.disposition, expected, "{status}");
    }
    let tokens = tokens();
    for (url, expected) in [
        (Server::nobody().await, Disposition::Retryable),
        (Server::hanging_up().await, Disposition::InDoubt),
    ] {
        let provider = trakt(&url, None);
        let error = provider
            .send(&account(&tokens), &prepared, at(20_000))
            .await
            .unwrap_err();
        assert_eq!(error.disposition, expected);
        let error = provider
            .read_back(&account(&tokens), &prepared, &[watched()], at(20_000))
            .await
            .unwrap_err();
        assert_eq!(
            error.disposition,
            Disposition::Retryable,
            "a read changes nothing"
        );
    }
}

#[tokio::test]
async fn a_lost_play_is_looked_for_page_by_page() {
    let page = include_str!("fixtures/history-episodes-200.json");
    let server = Server::answering([
        give(200, "[]").with("x-pagination-page-count", "0"),
        give(200, include_str!("fixtures/history-episodes-other.json"))
            .with("x-pagination-page-count", "2"),
        give(200, page).with("x-pagination-page-count", "2"),
    ])
    .await;
    let plays = [
        watched(),
        play(movie("tt0133093"), Some(at(3000)), Some(at(9517))),
    ];
    let prepared = prepare(&plays, at(20_000));
    let tokens = tokens();
    let results = provider(&server)
        .read_back(&account(&tokens), &prepared, &plays, at(20_200))
        .await
        .unwrap();
    assert_eq!(results[0], (plays[1].id.clone(), None));
    assert!(
        matches!(&results[1].1, Some(Outcome::Delivered { remote_id: Some(id), .. }) if id == "1982347")
    );
    let lines: Vec<String> = server.got().into_iter().map(|got| got.line).collect();
    assert_eq!(
        lines,
        [
            "GET /sync/history/movies?start_at=2025-11-20T14%3A36%3A00.000Z&end_at=2025-11-20T14%3A40%3A00.000Z&page=1&limit=100",
            "GET /sync/history/episodes?start_at=2025-11-20T12%3A35%3A00.000Z&end_at=2025-11-20T12%3A39%3A00.000Z&page=1&limit=100",
            "GET /sync/history/episodes?start_at=2025-11-20T12%3A35%3A00.000Z&end_at=2025-11-20T12%3A39%3A00.000Z&page=2&limit=100",
        ]
    );
    let forgotten = provider(&server)
        .read_back(&account(&tokens), &prepared, &[], at(20_200))
        .await
        .unwrap();
    assert!(forgotten.is_empty());
}

#[tokio::test]
async fn a_failed_look_is_never_an_empty_history() {
    let prepared = prepare(&[watched()], at(20_000));
    let tokens = tokens();
    for body in [
        give(404, ""),
        give(200, "<html>"),
        give(200, "{}"),
        give(500, ""),
        give(403, "error code: 1010"),
    ] {
        let server = Server::answering([body]).await;
        let provider = provider(&server);
        assert!(
            provider
                .read_back(&account(&tokens), &prepared, &[watched()], at(20_000))
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn live_signals_are_start_and_pause_and_nothing_once_it_counts() {
    let server = Server::answering([
        give(201, r#"{"id":0,"action":"start","progress":12.0}"#),
        give(404, ""),
    ])
    .await;
    let provider = provider(&server);
    let tokens = tokens();
    let mut state = LiveState {
        playing: Playing::Started,
        media: movie("tt0133093"),
        position: None,
        progress_percent: Some(12.0),
        threshold_percent: 80.0,
        at: at(0),
    };
    assert_eq!(
        provider
            .live(&account(&tokens), &state, at(1))
            .await
            .unwrap(),
        Live::Sent
    );
    state.playing = Playing::Stopped;
    assert_eq!(
        provider
            .live(&account(&tokens), &state, at(1))
            .await
            .unwrap(),
        Live::NothingToSend,
        "unknown there"
    );
    state.progress_percent = Some(90.0);
    assert_eq!(
        provider
            .live(&account(&tokens), &state, at(1))
            .await
            .unwrap(),
        Live::NothingToSend
    );
    state.progress_percent = Some(12.0);
    assert_eq!(
        provider
            .live(&account(&tokens), &state, at(121))
            .await
            .unwrap(),
        Live::NothingToSend,
        "stale"
    );
    let got = server.got();
    let film = json!({"title": "The Matrix", "year": 1999, "ids": {"imdb": "tt0133093"}});
    assert_eq!(
        (got[0].line.as_str(), got[0].json()),
        (
            "POST /scrobble/start",
            json!({"movie": film, "progress": 12.0})
        )
    );
    assert_eq!(
        (got[1].line.as_str(), got[1].json()),
        (
            "POST /scrobble/pause",
            json!({"movie": film, "progress": 12.0})
        )
    );
    assert_eq!(got.len(), 2);
}

#[tokio::test]
async fn the_user_is_known_by_what_does_not_change() {
    let server = Server::answering([
        give(200, include_str!("fixtures/users-settings-200.json")),
        give(401, ""),
    ])
    .await;
    let tokens = tokens();
    let identity = provider(&server)
        .identify(&account(&tokens), at(0))
        .await
        .unwrap();
    assert_eq!(identity.username, "justin");
    assert_eq!(
        identity.account_id,
        "b6589fc6ab0dc82cf12099d1c2d40ab994e8410c"
    );
    assert_eq!(
        identity.profile_url.as_deref(),
        Some("https://trakt.tv/users/justin")
    );
    let error = provider(&server)
        .identify(&account(&tokens), at(0))
        .await
        .unwrap_err();
    assert_eq!(error.disposition, Disposition::Auth);
}
