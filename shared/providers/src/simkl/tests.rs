use hub_domain::live::Playing;
use hub_domain::{LiveState, ParcelId, Precision, Secret};
use serde_json::json;
use url::Url;

use super::*;
use crate::Provider;
use crate::seam::{IfLost, Live, Tokens};
use crate::testing::{Server, at, client, context, episode, give, movie, play, tokens};

const STOPPED: &str = include_str!("fixtures/scrobble-stop-201.json");
const ADDED: &str = include_str!("fixtures/history-201.json");
const NOT_WATCHED: &str = r#"[{"result": false}]"#;
pub(super) const APP: &str = "client_id=the-client&app-name=ScrobbleHub&app-version=0.1.0";

pub(super) fn simkl(url: &Url, client_secret: Option<&str>) -> Provider {
    Provider::Simkl(Simkl::new(
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
    simkl(&server.url, None)
}

pub(super) fn nowhere() -> Provider {
    simkl(&"https://api.simkl.com".parse().unwrap(), None)
}

fn account(tokens: &Tokens) -> Account<'_> {
    Account {
        tokens,
        username: "alice",
        url: None,
    }
}

pub(super) fn redirect() -> Url {
    "https://hub.example/api/v1/scrobble/simkl/callback"
        .parse()
        .unwrap()
}

/// Breaking Bad's first episode, begun at 0 and finished (at 80 %) at 2,256 s.
fn watched() -> Play {
    play(episode(1, Some("349232")), Some(at(0)), Some(at(2256)))
}

/// The same play, of which the service has said this.
fn after(mut play: Play, outcome: &Outcome) -> Play {
    let delivery = hub_domain::Delivery::pending().answered(outcome, at(0));
    play.deliveries.insert(Service::Simkl, delivery);
    play
}

/// The same play, looked for and not found.
fn looked_for(play: Play) -> Play {
    let until = at(0);
    let why = look::SENT_NEXT.to_owned();
    after(play, &Outcome::Wait { until, why })
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
async fn a_fresh_play_is_looked_for_and_then_delivered_by_one_stop() {
    let server = Server::answering([give(201, NOT_WATCHED), give(201, STOPPED)]).await;
    let prepared = prepare(&[watched()], at(2260));
    let outcomes = send(&server, &prepared, at(2260)).await.unwrap();
    assert!(
        matches!(&outcomes[0].1, Outcome::Wait { until, why } if *until == at(2261) && why == look::SENT_NEXT)
    );
    let play = after(watched(), &outcomes[0].1);
    let outcomes = send(&server, &prepare(&[play], at(2262)), at(2262))
        .await
        .unwrap();
    let delivered = Outcome::Delivered {
        remote_id: Some("1123123124120".to_owned()),
        detail: None,
    };
    assert_eq!(outcomes, [(watched().id.into(), delivered)]);
    let got = server.got();
    assert_eq!(
        got[0].line,
        format!("POST /sync/watched?extended=episodes,specials&{APP}")
    );
    assert_eq!(
        got[0].json(),
        json!([{"type": "show", "title": "Breaking Bad", "year": 2008, "tvdb": 81189, "season": 1, "episode": 1}])
    );
    assert_eq!(got[1].line, format!("POST /scrobble/stop?{APP}"));
    assert_eq!(
        got[1].json(),
        json!({"show": {"title": "Breaking Bad", "year": 2008, "ids": {"tvdb": 81189}},
               "episode": {"season": 1, "number": 1}, "progress": 85.0})
    );
    for got in got {
        assert_eq!(got.header("authorization"), "Bearer access-token");
        assert_eq!(got.header("content-type"), "application/json");
    }
}

#[test]
fn the_road_follows_from_what_is_known_from_age_and_from_progress() {
    let call = |play: &Play, now| prepare(std::slice::from_ref(play), at(now)).call;
    assert_eq!(call(&watched(), 2260), look::LOOK);
    let known = looked_for(watched());
    assert_eq!(call(&known, 2256 + 119), "scrobble/stop");
    assert_eq!(call(&known, 2256 + 120), "sync/history");
    let mut marked = known.clone();
    marked.manual = true;
    assert_eq!(call(&marked, 2260), "sync/history");
    marked.precision = Precision::Unknown;
    let undated = prepare(&[marked], at(2260));
    assert_eq!(undated.plays[0].watched_at, None);
    assert!(
        undated
            .body
            .contains(r#""watched_at":"1970-01-01T00:00:01Z""#)
    );
    let mut orphan = watched();
    orphan.media.season = None;
    let orphan = prepare(&[orphan], at(2260));
    assert_eq!(orphan.call, "sync/history", "it cannot be asked for");
    assert!(
        orphan
            .body
            .contains(r#""episodes":[{"ids":{"tvdb":349232}"#)
    );
    for prepared in [undated, orphan, prepare(&[known], at(2260))] {
        assert_eq!(nowhere().if_lost(&prepared, None), IfLost::Repeat);
    }
}

#[test]
fn after_trouble_it_is_looked_for_again() {
    let mut play = looked_for(watched());
    let delivery = play.deliveries.get_mut(&Service::Simkl).unwrap();
    delivery.detail = Some("no answer in time".to_owned());
    assert_eq!(prepare(&[play], at(2300)).call, look::LOOK);
}

#[test]
fn an_item_goes_into_a_request_once() {
    let mut again = watched();
    again.id = PlayId::new(again.user, &again.item, Some(at(9000)));
    let preparation =
        nowhere().prepare_plays(&[watched(), again.clone()], &context(None), at(20_000));
    assert_eq!(preparation.prepared.unwrap().plays.len(), 1);
    assert_eq!(preparation.left, [again.id]);
}

#[tokio::test]
async fn late_plays_go_to_the_history_with_their_second() {
    let server = Server::answering([give(201, ADDED)]).await;
    let plays = [
        looked_for(watched()),
        looked_for(play(movie("tt0133093"), Some(at(3000)), Some(at(9517)))),
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
    let got = server.got();
    assert_eq!(got[0].line, format!("POST /sync/history?{APP}"));
    assert_eq!(
        got[0].json(),
        json!({
            "movies": [{"title": "The Matrix", "year": 1999, "ids": {"imdb": "tt0133093"}, "watched_at": "2025-11-20T14:38:37Z"}],
            "shows": [{"title": "Breaking Bad", "year": 2008, "ids": {"tvdb": 81189}, "use_tvdb_anime_seasons": true,
                "seasons": [{"number": 1, "episodes": [
                    {"number": 1, "watched_at": "2025-11-20T12:37:36Z", "ids": {"tvdb": 349_232}}]}]}]
        })
    );
}

#[tokio::test]
async fn what_simkl_has_is_there_already_or_a_rewatch() {
    let found = include_str!("fixtures/watched-201.json");
    let settings = include_str!("fixtures/users-settings-200.json");
    let pro = settings.replace("free", "pro");
    let server = Server::answering([
        give(201, found),
        give(200, settings),
        give(201, found),
        give(200, pro),
        give(201, ADDED),
    ])
    .await;
    let plays = [
        play(movie("tt0133093"), Some(at(3000)), Some(at(9517))),
        play(episode(1, None), Some(at(0)), Some(at(2256))),
        play(episode(2, None), Some(at(2300)), Some(at(4600))),
    ];
    let prepared = prepare(&plays, at(20_000));
    let free = send(&server, &prepared, at(20_000)).await.unwrap();
    assert!(
        matches!(&free[0].1, Outcome::AlreadyThere { detail, .. } if detail == "Simkl has it from 2025-11-20 14:30 UTC")
    );
    assert!(
        matches!(&free[1].1, Outcome::Ignored { why } if why.contains("2025-10-29") && why.contains("PRO"))
    );
    assert!(matches!(&free[2].1, Outcome::Wait { why, .. } if why == look::SENT_NEXT));

    let pro = send(&server, &prepared, at(20_000)).await.unwrap();
    assert!(matches!(&pro[1].1, Outcome::Wait { why, .. } if why == look::REWATCH_NEXT));
    let again = prepare(&[after(plays[1].clone(), &pro[1].1)], at(20_002));
    send(&server, &again, at(20_002)).await.unwrap();
    let got = server.got();
    assert_eq!(got[1].line, format!("GET /users/settings?{APP}"));
    assert_eq!(
        got[4].line,
        format!("POST /sync/history?allow_rewatch=yes&{APP}")
    );
    assert_eq!(got[4].json()["shows"][0]["is_rewatch"], true);
}

#[tokio::test]
async fn a_409_is_this_play_or_makes_it_look_and_go_by_history() {
    let conflict = include_str!("fixtures/scrobble-stop-409.json");
    let other = conflict.replace("12:36", "11:36");
    let server = Server::answering([give(409, conflict), give(409, other), give(409, "{}")]).await;
    let prepared = prepare(&[looked_for(watched())], at(2260));
    let outcomes = send(&server, &prepared, at(2260)).await.unwrap();
    assert!(
        matches!(&outcomes[0].1, Outcome::AlreadyThere { detail, .. } if detail.contains("12:36"))
    );
    for _ in 0..2 {
        let outcomes = send(&server, &prepared, at(2260)).await.unwrap();
        let Outcome::Wait { until, .. } = &outcomes[0].1 else {
            panic!("{outcomes:?}")
        };
        assert_eq!(*until, at(2256 + 120));
        let play = after(watched(), &outcomes[0].1);
        assert_eq!(prepare(&[play], *until).call, look::LOOK);
    }
}

#[tokio::test]
async fn a_stop_that_has_become_late_is_not_sent() {
    let server = Server::answering([]).await;
    let prepared = prepare(&[looked_for(watched())], at(2260));
    let outcomes = send(&server, &prepared, at(2376)).await.unwrap();
    assert!(matches!(outcomes[0].1, Outcome::Wait { .. }));
    assert!(server.got().is_empty());
}

#[tokio::test]
async fn a_number_that_simkl_does_not_know_is_tried_by_the_episodes_own_id_once() {
    let unknown = r#"{"error":"id_err","code":404,"message":"Nothing found."}"#;
    let missing = r#"{"added":{"movies":0,"shows":0,"episodes":0},
        "not_found":{"shows":[{"ids":{"tvdb":"81189"}}]}}"#;
    let server = Server::answering([give(404, unknown), give(201, missing)]).await;
    let first = prepare(&[looked_for(watched())], at(2260));
    let outcomes = send(&server, &first, at(2260)).await.unwrap();
    let waits = &outcomes[0].1;
    assert!(matches!(waits, Outcome::Wait { until, .. } if *until == at(2261)));
    let second = prepare(&[after(watched(), waits)], at(2262));
    assert_eq!(second.call, "sync/history");
    let outcomes = send(&server, &second, at(2262)).await.unwrap();
    assert!(
        matches!(&outcomes[0].1, Outcome::NotFound { tried } if tried == "tvdb 81189, season 1, episode 1, the episode's tvdb 349232"),
        "{outcomes:?}"
    );
    let nameless = play(episode(1, None), Some(at(0)), Some(at(2256)));
    let settled = nowhere().prepare_plays(&[after(nameless, waits)], &context(None), at(2262));
    assert!(matches!(settled.settled[0].1, Outcome::NotFound { .. }));
}

#[tokio::test]
async fn an_anime_that_simkl_counts_its_own_way_is_shown_as_it_took_it() {
    let server = Server::answering([give(
        201,
        include_str!("fixtures/scrobble-stop-anime-201.json"),
    )])
    .await;
    let prepared = prepare(&[looked_for(watched())], at(2260));
    let outcomes = send(&server, &prepared, at(2260)).await.unwrap();
    assert!(
        matches!(&outcomes[0].1, Outcome::Delivered { detail: Some(detail), .. }
            if detail == "Simkl took it as Shingeki no Kyojin Season 2, episode 4")
    );
}

#[tokio::test]
async fn a_refusal_inside_a_200_is_none_the_less_a_refusal() {
    let premium = r#"{"error":"premium_only","code":200,"message":"For PRO members.","title":"Become a PRO member"}"#;
    let server =
        Server::answering([give(200, premium), give(201, "<html>"), give(201, "{}")]).await;
    let prepared = prepare(&[looked_for(watched())], at(20_000));
    for expected in [
        Disposition::Permanent,
        Disposition::InDoubt,
        Disposition::InDoubt,
    ] {
        let error = send(&server, &prepared, at(20_000)).await.unwrap_err();
        assert_eq!(error.disposition, expected, "{error:?}");
    }
}

#[tokio::test]
async fn an_unclear_end_of_a_write_is_in_doubt_and_one_of_a_look_is_not() {
    let write = prepare(&[looked_for(watched())], at(20_000));
    let look = prepare(&[watched()], at(20_000));
    for (status, of_write, of_look) in [
        (500, Disposition::InDoubt, Disposition::Retryable),
        (503, Disposition::Retryable, Disposition::Retryable),
        (404, Disposition::Retryable, Disposition::Retryable),
        (401, Disposition::Auth, Disposition::Auth),
    ] {
        let server = Server::answering([give(status, ""), give(status, "")]).await;
        let error = send(&server, &write, at(20_000)).await.unwrap_err();
        assert_eq!(error.disposition, of_write, "{status}");
        let error = send(&server, &look, at(20_000)).await.unwrap_err();
        assert_eq!(error.disposition, of_look, "{status}");
    }
    let tokens = tokens();
    let lost = simkl(&Server::hanging_up().await, None);
    let error = lost.send(&account(&tokens), &write, at(20_000)).await;
    assert_eq!(error.unwrap_err().disposition, Disposition::InDoubt);
}

#[tokio::test]
async fn an_answer_about_something_else_is_no_answer() {
    let server = Server::answering([give(201, "[]"), give(201, "{}")]).await;
    let look = prepare(&[watched()], at(20_000));
    for _ in 0..2 {
        let error = send(&server, &look, at(20_000)).await.unwrap_err();
        assert_eq!(error.disposition, Disposition::Retryable);
    }
}

#[tokio::test]
async fn live_signals_are_start_and_pause_and_end_what_would_be_counted() {
    let started = r#"{"id":0,"action":"start","progress":12}"#;
    let unknown = r#"{"error":"id_err","code":404,"message":"Nothing found."}"#;
    let paused = r#"{"id":9,"action":"pause","progress":79.9}"#;
    let server =
        Server::answering([give(201, started), give(404, unknown), give(201, paused)]).await;
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
    let account = account(&tokens);
    let mut told = Vec::new();
    for (playing, progress, threshold, now) in [
        (Playing::Started, 12.0, 80.0, 1),
        (Playing::Stopped, 12.0, 80.0, 1),
        (Playing::Stopped, 90.0, 80.0, 1),
        (Playing::Started, 12.0, 80.0, 121),
        (Playing::Started, 90.0, 95.0, 1),
        (Playing::Stopped, 90.0, 95.0, 1),
    ] {
        state.playing = playing;
        (state.progress_percent, state.threshold_percent) = (Some(progress), threshold);
        told.push(provider.live(&account, &state, at(now)).await.unwrap());
    }
    let nothing = Live::NothingToSend;
    assert_eq!(
        told,
        [Live::Sent, nothing, nothing, nothing, nothing, Live::Sent]
    );
    let film = json!({"title": "The Matrix", "year": 1999, "ids": {"imdb": "tt0133093"}});
    let got = server.got();
    let sent: Vec<_> = got
        .iter()
        .map(|got| (got.line.as_str(), got.json()))
        .collect();
    assert_eq!(
        sent,
        [
            (
                format!("POST /scrobble/start?{APP}").as_str(),
                json!({"movie": film, "progress": 12.0})
            ),
            (
                format!("POST /scrobble/pause?{APP}").as_str(),
                json!({"movie": film, "progress": 12.0})
            ),
            (
                format!("POST /scrobble/pause?{APP}").as_str(),
                json!({"movie": film, "progress": 79.9})
            ),
        ]
    );
}

#[tokio::test]
async fn the_user_is_known_by_what_does_not_change() {
    let refused = r#"{"error":"user_token_failed","code":401,"message":"No."}"#;
    let server = Server::answering([
        give(200, include_str!("fixtures/users-settings-200.json")),
        give(401, refused),
    ])
    .await;
    let tokens = tokens();
    let identity = provider(&server)
        .identify(&account(&tokens), at(0))
        .await
        .unwrap();
    assert_eq!(identity.username, "Andrew Masyk");
    assert_eq!(identity.account_id, "51");
    let error = provider(&server)
        .identify(&account(&tokens), at(0))
        .await
        .unwrap_err();
    assert_eq!(error.disposition, Disposition::Auth);
}
