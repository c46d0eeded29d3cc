use std::collections::BTreeMap;

use chrono::NaiveDate;
use hub_domain::anime::progress::{Listed, Rules, Status};
use hub_domain::anime::{Catalogue, Entry, Place};
use hub_domain::live::Playing;
use hub_domain::rating::{Scale, Shown};
use hub_domain::{ParcelId, Play, PlayId, Secret};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::*;
use crate::Provider;
use crate::seam::{Context, IfLost, Placed, Situation, Tokens};
use crate::testing::{Server, at, client, episode, give, play, tokens};

const SURVEYED: &str = include_str!("fixtures/survey-200.json");
const TOKEN: &str = include_str!("fixtures/token-200.json");

fn anilist(url: &Url, client_secret: Option<&str>) -> Provider {
    Provider::AniList(AniList::new(
        OAuthApp {
            client_id: "20261".to_owned(),
            client_secret: client_secret.map(Secret::new),
            api_url: url.clone(),
            auth_url: url.clone(),
        },
        client(),
    ))
}

pub(super) fn provider(server: &Server) -> Provider {
    anilist(&server.url, Some("the-secret"))
}

pub(super) fn nowhere() -> Provider {
    anilist(&"https://graphql.anilist.co".parse().unwrap(), None)
}

pub(super) fn account(tokens: &Tokens) -> Account<'_> {
    Account {
        tokens,
        username: "alice",
        url: None,
    }
}

fn redirect() -> Url {
    "https://hub.example/api/v1/scrobble/anilist/callback"
        .parse()
        .unwrap()
}

/// A play of an episode, begun and finished so many hours after the tests' noon.
pub(super) fn watched(number: u32, hours: i64) -> Play {
    let started_at = Some(at(hours * 3600));
    let mut play = play(
        episode(number, None),
        started_at,
        Some(at(hours * 3600 + 1200)),
    );
    play.id = PlayId::new(play.user, &play.item, started_at);
    play
}

pub(super) fn listed(status: Status, progress: u32) -> Listed {
    Listed {
        status,
        progress,
        rewatches: 0,
        started_on: NaiveDate::from_ymd_opt(2025, 11, 1),
        completed_on: None,
    }
}

pub(super) fn on_list(listed: Option<Listed>, episodes: Option<u32>) -> OnList {
    OnList {
        listed,
        episodes,
        score: None,
        scale: Scale::Point10,
    }
}

/// Episode `number` of entry `media`, of which the list shows this.
pub(super) fn situation(media: u32, number: u32, stands: Option<OnList>) -> Situation {
    Situation {
        place: Place {
            entry: Entry {
                catalogue: Catalogue::AniList,
                id: media,
            },
            first: number,
            last: number,
            part: 1,
            parts: 1,
            episodes: None,
        },
        stands,
    }
}

pub(super) fn placed<Id: Into<ParcelId>>(
    places: impl IntoIterator<Item = (Id, Situation)>,
) -> Placed {
    places
        .into_iter()
        .map(|(id, situation)| (id.into(), situation))
        .collect()
}

pub(super) fn context(placed: &Placed, rewatches: bool) -> Context<'_> {
    Context {
        account_url: None,
        placed,
        rules: Rules { rewatches },
        time_zone: chrono_tz::Asia::Tokyo,
    }
}

/// The answer to a survey of one entry.
pub(super) fn survey_answer(media: u32, episodes: Option<u32>, entry: &Value) -> String {
    json!({"data": {
        "Viewer": {"mediaListOptions": {"scoreFormat": "POINT_10"}},
        "Page": {"media": [{"id": media, "episodes": episodes, "mediaListEntry": entry}]},
    }})
    .to_string()
}

/// The answer to a survey of an entry that AniList does not know.
pub(super) fn unknown_answer() -> String {
    json!({"data": {"Viewer": {"mediaListOptions": null}, "Page": {"media": []}}}).to_string()
}

pub(super) fn entry(media: u32, status: &str, progress: u32, score: u32) -> Value {
    let none = json!({"year": null, "month": null, "day": null});
    json!({"id": 500_000_001, "mediaId": media, "status": status, "progress": progress, "repeat": 0,
        "score": score, "startedAt": none, "completedAt": none})
}

/// The answer to a change.
pub(super) fn save_answer(entry: &Value) -> String {
    json!({"data": {"SaveMediaListEntry": entry}}).to_string()
}

pub(super) fn refusal_answer(message: &str, status: u16) -> String {
    json!({"errors": [{"message": message, "status": status}], "data": null}).to_string()
}

#[tokio::test]
async fn a_survey_says_what_stands_and_how_the_user_rates() {
    let server = Server::answering([give(200, SURVEYED)]).await;
    let surveyed = provider(&server)
        .survey(
            &account(&tokens()),
            &BTreeSet::from([21, 16498, 999_999]),
            at(0),
        )
        .await
        .unwrap();
    let listed = Listed {
        status: Status::Rewatching,
        progress: 12,
        rewatches: 1,
        started_on: NaiveDate::from_ymd_opt(2019, 4, 7),
        completed_on: NaiveDate::from_ymd_opt(2019, 1, 1),
    };
    let (scale, not_listed) = (Scale::Point10Decimal, None);
    assert_eq!(
        surveyed,
        BTreeMap::from([
            (
                21,
                OnList {
                    listed: not_listed,
                    episodes: None,
                    score: None,
                    scale
                }
            ),
            (
                16498,
                OnList {
                    listed: Some(listed),
                    episodes: Some(25),
                    score: Shown::new(scale, 87).unwrap(),
                    scale
                }
            ),
        ])
    );
    let got = &server.got()[0];
    assert_eq!(got.line, "POST /");
    assert_eq!(got.header("authorization"), "Bearer access-token");
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(
        got.json(),
        json!({"query": wire::SURVEY, "variables": {"ids": [21, 16498, 999_999]}})
    );
}

#[tokio::test]
async fn fifty_entries_are_asked_for_at_once_and_impossible_ones_not_at_all() {
    let empty = || give(200, unknown_answer());
    let server = Server::answering([empty(), empty()]).await;
    let mut entries: BTreeSet<u32> = (0..=51).collect();
    entries.insert(u32::MAX);
    let surveyed = provider(&server)
        .survey(&account(&tokens()), &entries, at(0))
        .await
        .unwrap();
    assert_eq!(surveyed, BTreeMap::new());
    let asked: Vec<Value> = server
        .got()
        .iter()
        .map(|got| got.json()["variables"]["ids"].clone())
        .collect();
    assert_eq!(asked, [json!((1..=50).collect::<Vec<_>>()), json!([51])]);
    let nothing = provider(&server)
        .survey(&account(&tokens()), &BTreeSet::new(), at(0))
        .await;
    assert_eq!(nothing.unwrap(), BTreeMap::new());
    assert_eq!(server.got().len(), 2, "nothing is asked for nothing");
}

#[tokio::test]
async fn a_failed_survey_says_what_to_do_next() {
    let invalid = include_str!("fixtures/invalid-token-400.json");
    let server = Server::answering([
        give(400, invalid),
        give(404, refusal_answer("Not Found.", 404)),
        give(502, "<html>").with("content-type", "text/html"),
        give(200, "<html>").with("content-type", "text/html"),
        give(429, refusal_answer("Too Many Requests.", 429)).with("retry-after", "37"),
    ])
    .await;
    let mut next = Vec::new();
    for _ in 0..5 {
        let tokens = tokens();
        let survey = provider(&server)
            .survey(&account(&tokens), &BTreeSet::from([21]), at(0))
            .await;
        next.push(survey.unwrap_err().disposition);
    }
    assert_eq!(
        next,
        [
            Disposition::Auth,
            Disposition::Retryable,
            Disposition::Retryable,
            Disposition::Retryable,
            Disposition::RateLimited { until: at(37) },
        ]
    );
}

#[tokio::test]
async fn the_user_is_known_by_number() {
    let server = Server::answering([give(200, include_str!("fixtures/viewer-200.json"))]).await;
    let identity = provider(&server)
        .identify(&account(&tokens()), at(0))
        .await
        .unwrap();
    assert_eq!(
        identity,
        Identity {
            username: "alice".to_owned(),
            profile_url: Some("https://anilist.co/user/alice".to_owned()),
            account_id: "5812345".to_owned(),
        }
    );
    assert_eq!(
        server.got()[0].json(),
        json!({"query": "query { Viewer { id name siteUrl } }", "variables": {}})
    );
}

#[tokio::test]
async fn a_code_is_exchanged_in_json_and_no_refresh_token_is_kept() {
    let server = Server::answering([give(200, TOKEN)]).await;
    let authorize = provider(&server)
        .authorize(&redirect(), "the-state")
        .unwrap();
    assert!(authorize.verifier.is_none());
    assert_eq!(authorize.url.path(), "/api/v2/oauth/authorize");
    let query: BTreeMap<String, String> =
        form_urlencoded::parse(authorize.url.query().unwrap().as_bytes())
            .into_owned()
            .collect();
    let expected = [
        ("client_id", "20261"),
        ("redirect_uri", redirect().as_str()),
        ("response_type", "code"),
        ("state", "the-state"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(query, BTreeMap::from(expected));

    let tokens = provider(&server)
        .exchange("the-code", &redirect(), None, at(0))
        .await
        .unwrap();
    assert!(tokens.access.reveal().starts_with("eyJ0eXAi"));
    assert!(tokens.refresh.is_none());
    assert_eq!(tokens.expires_at, Some(at(31_536_000)));
    let got = &server.got()[0];
    assert_eq!(got.line, "POST /api/v2/oauth/token");
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(
        got.json(),
        json!({"grant_type": "authorization_code", "client_id": "20261", "client_secret": "the-secret",
            "redirect_uri": redirect().as_str(), "code": "the-code"})
    );
}

#[tokio::test]
async fn a_refused_exchange_says_who_is_at_fault() {
    let server = Server::answering([
        give(400, include_str!("fixtures/token-400-invalid-grant.json")),
        give(
            401,
            r#"{"error":"invalid_client","message":"Client authentication failed"}"#,
        ),
    ])
    .await;
    for expected in [Disposition::Auth, Disposition::AppRefused] {
        let error = provider(&server)
            .exchange("the-code", &redirect(), None, at(0))
            .await
            .unwrap_err();
        assert_eq!(error.disposition, expected, "{}", error.why);
    }
}

#[tokio::test]
async fn an_application_without_a_secret_signs_nobody_in() {
    let errors = [
        nowhere().authorize(&redirect(), "the-state").unwrap_err(),
        nowhere()
            .exchange("the-code", &redirect(), None, at(0))
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.disposition, Disposition::AppRefused);
        assert!(error.why.contains("secret"), "{}", error.why);
    }
}

#[tokio::test]
async fn nothing_is_told_of_what_is_on() {
    let server = Server::answering([]).await;
    let state = LiveState {
        playing: Playing::Started,
        media: episode(1, None),
        position: Some(TimeDelta::minutes(5)),
        progress_percent: Some(10.0),
        threshold_percent: 80.0,
        at: at(0),
    };
    let live = provider(&server)
        .live(&account(&tokens()), &state, at(1))
        .await;
    assert_eq!(live.unwrap(), Live::NothingToSend);
    assert!(server.got().is_empty());
}

#[test]
fn a_lost_answer_means_the_same_again_within_ten_turns_a_minute() {
    let prepared = Prepared::of_plays(SAVE, String::new(), Vec::new(), at(0));
    assert_eq!(nowhere().if_lost(&prepared, None), IfLost::Repeat);
    assert_eq!(nowhere().host(None), "graphql.anilist.co");
    let limit = nowhere().limit(None);
    assert_eq!((limit.scope, limit.calls), (LimitScope::Host, 10));
}
