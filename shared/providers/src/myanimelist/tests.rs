use hub_domain::anime::progress::{Listed, Rules, Status};
use hub_domain::anime::{Entry, Place};
use hub_domain::live::Playing;
use hub_domain::rating::{Scale, Shown};
use hub_domain::{Outcome, ParcelId, Secret};

use super::*;
use crate::Provider;
use crate::seam::{Context, IfLost, Placed, Revoked, Situation, Tokens};
use crate::testing::{Server, at, client, give, movie, tokens};

pub(super) const LISTED: &str = include_str!("fixtures/anime-listed-200.json");
const UNLISTED: &str = include_str!("fixtures/anime-unlisted-200.json");
const UNKNOWN: &str = r#"{"error":"not_found","message":""}"#;
const BLOCKED: &str = include_str!("fixtures/blocked-403.html");
const ASKED: &str = "?fields=num_episodes%2Cmy_list_status%7Bstatus%2Cscore%2Cnum_episodes_watched%2Cis_rewatching\
                     %2Cnum_times_rewatched%2Cstart_date%2Cfinish_date%7D";

pub(super) fn myanimelist(url: &Url, client_secret: Option<&str>) -> Provider {
    Provider::MyAnimeList(MyAnimeList::new(
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
    myanimelist(&server.url, None)
}

pub(super) fn nowhere() -> Provider {
    myanimelist(&"https://api.myanimelist.net".parse().unwrap(), None)
}

pub(super) fn redirect() -> Url {
    "https://hub.example/api/v1/scrobble/myanimelist/callback"
        .parse()
        .unwrap()
}

pub(super) fn account(tokens: &Tokens) -> Account<'_> {
    Account {
        tokens,
        username: "alice_mal",
        url: None,
    }
}

/// Episodes of one entry.
pub(super) fn place(entry: u32, first: u32, last: u32) -> Place {
    Place {
        entry: Entry {
            catalogue: hub_domain::anime::Catalogue::MyAnimeList,
            id: entry,
        },
        first,
        last,
        part: 1,
        parts: 1,
        episodes: None,
    }
}

/// An entry of so many episodes, as far as the user is with it, not rated.
pub(super) fn stands(listed: Option<(Status, u32)>, episodes: u32) -> OnList {
    OnList {
        listed: listed.map(|(status, progress)| Listed {
            status,
            progress,
            rewatches: 0,
            started_on: None,
            completed_on: None,
        }),
        episodes: Some(episodes),
        score: None,
        scale: Scale::Ten,
    }
}

pub(super) fn placed<Id: Clone + Into<ParcelId>>(
    id: &Id,
    place: Place,
    stands: Option<OnList>,
) -> (ParcelId, Situation) {
    (id.clone().into(), Situation { place, stands })
}

pub(super) fn in_tokyo(placed: &Placed, rewatches: bool) -> Context<'_> {
    Context {
        account_url: None,
        placed,
        rules: Rules { rewatches },
        time_zone: chrono_tz::Asia::Tokyo,
    }
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

#[tokio::test]
async fn a_survey_asks_entry_by_entry_and_leaves_out_what_is_unknown() {
    let server =
        Server::answering([give(200, UNLISTED), give(404, UNKNOWN), give(200, LISTED)]).await;
    let entries = BTreeSet::from([21, 999, 16_498]);
    let found = provider(&server)
        .survey(&account(&tokens()), &entries, at(0))
        .await
        .unwrap();
    let unlisted = OnList {
        listed: None,
        episodes: None,
        score: None,
        scale: Scale::Ten,
    };
    let listed = OnList {
        listed: Some(Listed {
            status: Status::Watching,
            progress: 4,
            rewatches: 0,
            started_on: chrono::NaiveDate::from_ymd_opt(2025, 11, 1),
            completed_on: None,
        }),
        episodes: Some(25),
        score: Shown::new(Scale::Ten, 8).unwrap(),
        scale: Scale::Ten,
    };
    assert_eq!(found, BTreeMap::from([(21, unlisted), (16_498, listed)]));
    let got = server.got();
    assert_eq!(got[0].line, format!("GET /v2/anime/21{ASKED}"));
    assert_eq!(got[2].line, format!("GET /v2/anime/16498{ASKED}"));
    for got in got {
        assert_eq!(got.header("authorization"), "Bearer access-token");
        assert_eq!(got.header("accept"), "application/json");
    }
}

#[tokio::test]
async fn a_survey_that_fails_knows_nothing_of_any_entry() {
    for (answers, expected) in [
        (
            vec![give(200, UNLISTED), give(401, "{}")],
            Disposition::Auth,
        ),
        (vec![give(200, LISTED)], Disposition::Retryable),
        (vec![give(200, "<html>maintenance")], Disposition::Retryable),
        (vec![give(200, "{}")], Disposition::Retryable),
        (vec![give(500, "<html>")], Disposition::Retryable),
        (
            vec![give(403, BLOCKED).with("content-type", "text/html")],
            Disposition::AddressBlocked { until: at(3600) },
        ),
        (
            vec![give(404, "<html>").with("content-type", "text/html")],
            Disposition::Retryable,
        ),
    ] {
        let server = Server::answering(answers).await;
        let error = provider(&server)
            .survey(&account(&tokens()), &BTreeSet::from([21, 22]), at(0))
            .await
            .unwrap_err();
        assert_eq!(error.disposition, expected, "{error:?}");
    }
}

#[tokio::test]
async fn the_user_is_known_by_what_does_not_change() {
    let revoked = include_str!("fixtures/invalid-token-401.json");
    let server = Server::answering([
        give(200, include_str!("fixtures/user-200.json")),
        give(401, revoked),
    ])
    .await;
    let tokens = tokens();
    let identity = provider(&server)
        .identify(&account(&tokens), at(0))
        .await
        .unwrap();
    assert_eq!(identity.username, "alice_mal");
    assert_eq!(identity.account_id, "12345");
    assert_eq!(
        identity.profile_url.as_deref(),
        Some("https://myanimelist.net/profile/alice_mal")
    );
    assert_eq!(server.got()[0].line, "GET /v2/users/@me");
    let error = provider(&server)
        .identify(&account(&tokens), at(0))
        .await
        .unwrap_err();
    assert_eq!(error.disposition, Disposition::Auth);
}

#[tokio::test]
async fn nothing_is_live_and_nothing_can_be_revoked_or_signed_in_elsewhere() {
    let provider = nowhere();
    let tokens = tokens();
    let state = LiveState {
        playing: Playing::Started,
        media: movie("tt0133093"),
        position: None,
        progress_percent: Some(12.0),
        threshold_percent: 80.0,
        at: at(0),
    };
    let told = provider.live(&account(&tokens), &state, at(1)).await;
    assert_eq!(told.unwrap(), Live::NothingToSend);
    let revoked = provider.revoke(&tokens, at(0)).await.unwrap();
    assert_eq!(revoked, Revoked::ByTheUserAlone);
    let device = provider.begin_device(at(0)).await.unwrap_err();
    assert_eq!(device.disposition, Disposition::Permanent);
}

#[tokio::test]
async fn what_was_never_written_down_is_not_sent() {
    let server = Server::answering([]).await;
    let play = crate::seam::PreparedPlay {
        play: crate::testing::play(movie("tt0133093"), None, None).id,
        watched_at: None,
    };
    for (call, body) in [
        (
            "anime/1",
            "status=watching&is_rewatching=false&num_watched_episodes=1",
        ),
        ("anime/1/my_list_status", "score=8"),
        ("DELETE anime/1/my_list_status", ""),
    ] {
        let prepared = Prepared::of_plays(call, body.to_owned(), vec![play.clone()], at(0));
        assert_eq!(nowhere().if_lost(&prepared, None), IfLost::Repeat);
        let error = send(&server, &prepared, at(0)).await.unwrap_err();
        assert_eq!(error.disposition, Disposition::Permanent, "{call}");
    }
    assert!(server.got().is_empty());
}
