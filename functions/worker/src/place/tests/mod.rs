//! Placing items, over a table in memory, and services on loopback that answer from a list.

mod payloads;

use std::collections::BTreeMap;
use std::sync::Mutex;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Region};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use hub_domain::anime::dataset::{self, Limits};
use hub_domain::anime::{Entry, Index, Override};
use hub_domain::connection::{Connection, ConnectionSettings, Identity};
use hub_domain::media::{ExternalId, Namespace, Scope};
use hub_domain::{Health, Service};
use hub_runtime::{HttpClient, Settings};

use super::*;

/// A show in two cours that TMDB and TheTVDB number alike, one that TMDB does not have, and a film.
const LIST: &str = r#"{
  "$meta": {"schema_version": "3.0.0", "generated_on": "2026-11-20T02:00:00Z"},
  "tmdb_show:1429:s4": {"anilist:110277": {"1-16": "1-16"}, "anilist:131681": {"17-28": "1-12"}},
  "tvdb_show:267440:s4": {"anilist:110277": {"1-16": "1-16"}, "anilist:131681": {"17-28": "1-12"}},
  "tvdb_show:371310:s1": {"anilist:108465": {"1-11": "1-11"}, "anilist:127720": {"12-23": "1-12"}},
  "tmdb_movie:372058": {"anilist:21519": {"1": "1"}},
  "anilist:131681": {"mal:48583": {"1-12": "1-12"}}
}"#;

const TITAN: &str = r#"[{"type": "episode", "episode": {"season": 4, "number": 17, "ids": {"trakt": 5, "tvdb": 8960000,
  "tmdb": 2968000}}, "show": {"title": "Attack on Titan", "ids": {"trakt": 6, "tvdb": 267440, "tmdb": 1429}}}]"#;

pub(super) fn index(json: &[u8]) -> Index {
    let limits = Limits {
        fewest_rows: 1,
        ..Limits::default()
    };
    dataset::read(json, None, limits).unwrap().0
}

/// A moment, in seconds from 2026-11-20 12:00:00 UTC.
pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000 + seconds, 0).unwrap()
}

pub(super) fn user() -> UserId {
    UserId(uuid::Uuid::from_u128(7))
}

async fn table() -> Table {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let database = dynoxide::Database::memory().unwrap();
    tokio::spawn(async move {
        dynoxide::server::serve_with_shutdown(listener, database, std::future::pending())
            .await
            .unwrap();
    });
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{address}"))
        .region(Region::from_static("local"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let table = Table::new(Client::from_conf(config), "hub");
    table.create().await.unwrap();
    table
}

type Answers = Arc<Mutex<(BTreeMap<String, (u16, String)>, Vec<String>)>>;

/// A hub with a list, and Trakt and TMDB in one: what is not named is answered as unknown.
pub(super) struct World {
    pub(super) table: Table,
    pub(super) atlas: Atlas,
    answers: Answers,
}

impl World {
    pub(super) async fn with(list: &[u8]) -> Self {
        let world = Self::without_a_list("token").await;
        world.put_list(list).await;
        world
    }

    async fn without_a_list(tmdb_token: &str) -> Self {
        let answers = Answers::default();
        let app = axum::Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&answers));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let settings = Settings::of([
            ("TRAKT_CLIENT_ID", "client"),
            ("TRAKT_API_URL", &*url),
            ("TMDB_API_URL", &*url),
            ("TMDB_TOKEN", tmdb_token),
        ]);
        let settings = settings.unwrap();
        let table = table().await;
        let http = HttpClient::for_services(&settings).unwrap();
        Self {
            atlas: Atlas::of(&settings, table.clone(), &http),
            table,
            answers,
        }
    }

    async fn put_list(&self, list: &[u8]) {
        let index = index(list);
        let packed = index.pack();
        let put = self
            .table
            .put_anime_list(&packed, index.len(), None, None, at(0));
        put.await.unwrap();
    }

    pub(super) async fn connect_trakt(&self, health: Health) {
        let connection = Connection {
            user: user(),
            service: Service::Trakt,
            identity: Identity {
                username: "mira".to_owned(),
                profile_url: None,
                account_id: "1".to_owned(),
            },
            settings: ConnectionSettings::default(),
            health,
            health_detail: None,
            connected_at: at(0),
            deliver_from: at(0),
            token_expires_at: Some(at(1_000_000)),
            token_version: 1,
            url: None,
            last_sync_at: None,
            last_sync_status: None,
        };
        self.table.link(&connection, "sealed", None).await.unwrap();
        if health != Health::Ok {
            self.table
                .set_health(user(), Service::Trakt, health, None)
                .await
                .unwrap();
        }
    }

    /// Answers a path, as it begins, so from here on.
    pub(super) fn answer(&self, path: &str, status: u16, body: &str) {
        let mut answers = self.answers.lock().unwrap();
        answers.0.insert(path.to_owned(), (status, body.to_owned()));
    }

    /// The paths that were asked for since this was last called.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.answers.lock().unwrap().1)
    }

    pub(super) fn round(&self) -> Places {
        self.atlas
            .places(user(), Arc::new(|_| Some(Secret::new("access"))))
    }

    pub(super) async fn place_at(&self, media: &MediaItem, now: DateTime<Utc>) -> Placement {
        let places = self.round();
        let placed = places.place(user(), media, Catalogue::AniList, now);
        placed.await.unwrap()
    }

    pub(super) async fn say(&self, rule: Override) {
        let said = self
            .table
            .put_overrides(user(), &[rule], "a show", at(2))
            .await;
        assert!(matches!(said.unwrap(), hub_store::Said::Kept(_)));
    }

    pub(super) async fn place(&self, media: &MediaItem) -> Placement {
        self.place_at(media, at(1)).await
    }
}

async fn answer(State(answers): State<Answers>, uri: Uri) -> (StatusCode, String) {
    let mut answers = answers.lock().unwrap();
    answers.1.push(uri.path().to_owned());
    let known = answers.0.get(uri.path()).cloned();
    let (status, body) = known.unwrap_or_else(|| {
        let unknown = if uri.path().starts_with("/search") {
            "[]"
        } else {
            r#"{"tv_episode_results": []}"#
        };
        (200, unknown.to_owned())
    });
    (StatusCode::from_u16(status).unwrap(), body)
}

pub(super) fn id(namespace: Namespace, scope: Scope, raw: &str) -> ExternalId {
    ExternalId::new(namespace, scope, raw).unwrap()
}

/// An episode as Plex names it: by its own ids.
pub(super) fn by_own_ids(season: u32, episode: u32) -> MediaItem {
    let mut media = MediaItem::new(ItemKind::Episode);
    media.show_title = Some("Attack on Titan".to_owned());
    media.show_year = Some(2013);
    (media.season, media.episode) = (Some(season), Some(episode));
    media.ids = vec![
        id(Namespace::Tvdb, Scope::Item, "8960000"),
        id(Namespace::Tmdb, Scope::Item, "2968000"),
    ];
    media
}

/// The entry and the episode, where one was found.
pub(super) fn found(placement: &Placement) -> Option<(u32, u32)> {
    match placement {
        Placement::Found(place) => Some((place.entry.id, place.last)),
        Placement::Unclear { .. }
        | Placement::NotFound { .. }
        | Placement::Excluded
        | Placement::Later { .. } => None,
    }
}

#[tokio::test]
async fn without_a_list_everything_waits_and_the_list_is_taken_up_once_it_is_there() {
    let world = World::without_a_list("token").await;
    let mut film = MediaItem::new(ItemKind::Movie);
    film.ids = vec![id(Namespace::Tmdb, Scope::Item, "372058")];
    let Placement::Later { until, why } = world.place(&film).await else {
        panic!("there is no list");
    };
    assert_eq!(until, at(601));
    assert!(why.contains("has not been fetched"), "{why}");
    world.put_list(LIST.as_bytes()).await;
    assert!(matches!(
        world.place_at(&film, at(30)).await,
        Placement::Later { .. }
    ));
    assert_eq!(
        found(&world.place_at(&film, at(61)).await),
        Some((21519, 1))
    );
}

#[tokio::test]
async fn an_episode_that_carries_its_shows_id_needs_nobody() {
    let world = World::with(LIST.as_bytes()).await;
    let mut media = by_own_ids(4, 17);
    let show = id(Namespace::Tvdb, Scope::Show, "267440").numbered(4, 17);
    media.ids.push(show);
    assert_eq!(found(&world.place(&media).await), Some((131_681, 1)));
    assert!(world.asked().is_empty());
}

#[tokio::test]
async fn an_episode_known_by_its_own_ids_is_found_by_the_users_trakt_once_for_thirty_days() {
    let world = World::with(LIST.as_bytes()).await;
    world.connect_trakt(Health::Ok).await;
    world.answer("/search/tvdb/8960000", 200, TITAN);
    let media = by_own_ids(4, 17);
    assert_eq!(found(&world.place(&media).await), Some((131_681, 1)));
    assert_eq!(world.asked(), ["/search/tvdb/8960000"]);
    let later = at(29 * 86_400);
    assert_eq!(
        found(&world.place_at(&media, later).await),
        Some((131_681, 1))
    );
    assert!(world.asked().is_empty());
    let places = world.round();
    let other = places
        .place(user(), &media, Catalogue::MyAnimeList, at(5))
        .await;
    assert_eq!(found(&other.unwrap()), Some((48_583, 1)));
}

#[tokio::test]
async fn where_trakt_is_not_connected_tmdb_is_asked() {
    let world = World::with(LIST.as_bytes()).await;
    let episode = r#"{"tv_episode_results": [{"id": 2968000, "show_id": 1429, "season_number": 4,
        "episode_number": 17, "air_date": "2022-01-10"}]}"#;
    world.answer("/3/find/8960000", 200, episode);
    let media = by_own_ids(4, 17);
    assert_eq!(found(&world.place(&media).await), Some((131_681, 1)));
    assert_eq!(world.asked(), ["/3/find/8960000"]);
}

#[tokio::test]
async fn where_nobody_can_be_asked_it_says_what_would_help() {
    let world = World::without_a_list("").await;
    world.put_list(LIST.as_bytes()).await;
    let Placement::NotFound { tried } = world.place(&by_own_ids(4, 17)).await else {
        panic!("nobody was asked");
    };
    assert_eq!(
        tried,
        "Trakt: not connected; with it, episodes are found by their own ids; \
         TMDB: the operator of this hub has set no token"
    );
    world.connect_trakt(Health::ReconnectRequired).await;
    let Placement::NotFound { tried } = world.place(&by_own_ids(4, 17)).await else {
        panic!("nobody was asked");
    };
    assert!(
        tried.starts_with("Trakt: your connection to it does not work"),
        "{tried}"
    );
    assert!(world.asked().is_empty());
}

#[tokio::test]
async fn a_service_that_limits_or_does_not_answer_is_waited_for_and_not_asked_meanwhile() {
    let world = World::with(LIST.as_bytes()).await;
    world.connect_trakt(Health::Ok).await;
    world.answer("/search/tvdb/8960000", 503, "");
    let media = by_own_ids(4, 17);
    let Placement::Later { until, why } = world.place(&media).await else {
        panic!("Trakt is down, and TMDB does not know it");
    };
    assert_eq!(until, at(301));
    assert!(why.starts_with("Trakt: "), "{why}");
    assert_eq!(world.asked(), ["/search/tvdb/8960000", "/3/find/8960000"]);
    assert!(matches!(
        world.place_at(&media, at(200)).await,
        Placement::Later { .. }
    ));
    assert!(
        world.asked().is_empty(),
        "neither the one that is down nor what is known"
    );
    world.answer("/search/tvdb/8960000", 200, TITAN);
    assert_eq!(
        found(&world.place_at(&media, at(302)).await),
        Some((131_681, 1))
    );
}

#[tokio::test]
async fn a_refused_sign_in_is_not_waited_for_and_asked_once_a_round() {
    let world = World::with(LIST.as_bytes()).await;
    world.connect_trakt(Health::Ok).await;
    world.answer("/search/tvdb/8960000", 401, "");
    let Placement::NotFound { tried } = world.place(&by_own_ids(4, 17)).await else {
        panic!("a person has to act");
    };
    assert!(
        tried.contains("Trakt: it no longer accepts your sign-in"),
        "{tried}"
    );
    assert!(
        tried.contains("TMDB: no episode TheTVDB 8960000"),
        "{tried}"
    );
    assert_eq!(world.asked(), ["/search/tvdb/8960000", "/3/find/8960000"]);
}

#[tokio::test]
async fn what_nobody_knows_is_asked_again_after_three_days() {
    let world = World::with(LIST.as_bytes()).await;
    world.connect_trakt(Health::Ok).await;
    let media = by_own_ids(4, 17);
    assert!(matches!(
        world.place(&media).await,
        Placement::NotFound { .. }
    ));
    let first = world.asked();
    assert_eq!(
        first,
        [
            "/search/tvdb/8960000",
            "/search/tmdb/2968000",
            "/3/find/8960000"
        ]
    );
    assert!(matches!(
        world.place_at(&media, at(2 * 86_400)).await,
        Placement::NotFound { .. }
    ));
    assert!(world.asked().is_empty());
    world.place_at(&media, at(4 * 86_400)).await;
    assert_eq!(world.asked(), first);
}

#[tokio::test]
async fn a_show_that_is_no_anime_is_looked_up_by_its_first_episode_alone() {
    let world = World::with(LIST.as_bytes()).await;
    world.connect_trakt(Health::Ok).await;
    let friends = r#"[{"type": "episode", "episode": {"season": 1, "number": 1, "ids": {}},
        "show": {"title": "Friends", "ids": {"tvdb": 79168, "tmdb": 1668}}}]"#;
    world.answer("/search/tvdb/1001", 200, friends);
    let episode = |number: u32| {
        let mut media = by_own_ids(1, number);
        media.show_title = Some("Friends".to_owned());
        media.show_year = Some(1994);
        media.ids = vec![id(
            Namespace::Tvdb,
            Scope::Item,
            &(1000 + number).to_string(),
        )];
        media
    };
    let Placement::NotFound { tried } = world.place(&episode(1)).await else {
        panic!("it is no anime");
    };
    assert!(
        tried.contains("TMDB show 1668 season 1 episode 1: not in the list"),
        "{tried}"
    );
    assert_eq!(world.asked(), ["/search/tvdb/1001"]);
    for number in 2..12 {
        let Placement::NotFound { tried } = world.place(&episode(number)).await else {
            panic!("it is no anime");
        };
        assert!(
            tried.starts_with("known from an earlier episode of the show: "),
            "{tried}"
        );
    }
    assert!(world.asked().is_empty());
}

#[tokio::test]
async fn tmdbs_number_is_never_taken_for_thetvdbs_but_offered() {
    let world = World::with(LIST.as_bytes()).await;
    world.connect_trakt(Health::Ok).await;
    let jobless = r#"[{"type": "episode", "episode": {"season": 1, "number": 12, "ids": {"tvdb": 9}},
        "show": {"title": "Mushoku Tensei", "ids": {"tvdb": 371310, "tmdb": 94664}}}]"#;
    world.answer("/search/tvdb/9", 200, jobless);
    let mut media = by_own_ids(1, 12);
    media.show_title = Some("Mushoku Tensei".to_owned());
    media.ids = vec![id(Namespace::Tvdb, Scope::Item, "9")];
    let Placement::Unclear { tried, candidates } = world.place(&media).await else {
        panic!("whose number it is, nobody says");
    };
    assert!(
        tried.contains("TMDB show 94664 season 1 episode 12: not in the list"),
        "{tried}"
    );
    let offered: Vec<_> = candidates
        .iter()
        .map(|candidate| (candidate.entry.id, candidate.episode))
        .collect();
    assert_eq!(offered, [(127_720, Some(1))]);
    assert!(
        candidates[0]
            .why
            .contains("if the library's number is this database's")
    );

    // Chosen once, the rest of the season follows.
    let mut of_show = media.clone();
    of_show.ids = vec![id(Namespace::Tvdb, Scope::Show, "371310")];
    let reference = Query::of(&of_show).references()[0];
    let rule = Override::of_choice(reference, candidates[0].entry, 1);
    world.say(rule).await;
    assert_eq!(found(&world.place(&media).await), Some((127_720, 1)));
}

#[tokio::test]
async fn an_answer_that_may_be_about_another_item_is_only_offered() {
    let world = World::with(LIST.as_bytes()).await;
    world.connect_trakt(Health::Ok).await;
    world.answer("/search/tvdb/8960000", 200, TITAN);
    let mut media = by_own_ids(4, 17);
    media.ids = vec![id(Namespace::Tvdb, Scope::Item, "8960000")];
    media.show_title = Some("進撃の巨人".to_owned());
    let Placement::Unclear { tried, candidates } = world.place(&media).await else {
        panic!("nothing but the id says that it is this one");
    };
    assert!(
        tried.contains("Trakt has TheTVDB 8960000 as S04E17 of “Attack on Titan”"),
        "{tried}"
    );
    assert_eq!(
        (candidates[0].entry.id, candidates[0].episode),
        (131_681, Some(1))
    );
    media.episode = Some(2);
    let Placement::NotFound { tried } = world.place(&media).await else {
        panic!("another title and another number");
    };
    assert!(
        tried.contains("TheTVDB 8960000 is another item there"),
        "{tried}"
    );
}

#[tokio::test]
async fn another_source_that_named_the_show_is_remembered() {
    let world = World::with(LIST.as_bytes()).await;
    let entry = hub_store::AliasEntry {
        item: hub_domain::ItemKey::new("episode:tvdb_show#267440:4:17"),
        ids: Vec::new(),
    };
    let aliases = [("episode:tvdb#8960000".to_owned(), entry)];
    world.table.put_aliases(user(), &aliases).await.unwrap();
    assert_eq!(
        found(&world.place(&by_own_ids(4, 17)).await),
        Some((131_681, 1))
    );
    assert!(world.asked().is_empty());
}

#[tokio::test]
async fn what_does_not_fit_into_a_round_is_asked_for_in_the_next() {
    let world = World::with(LIST.as_bytes()).await;
    world.connect_trakt(Health::Ok).await;
    let places = world.round();
    let mut last = None;
    for number in 1..=7 {
        let mut media = by_own_ids(1, number);
        media.ids = vec![id(Namespace::Tvdb, Scope::Item, &number.to_string())];
        let placed = places
            .place(user(), &media, Catalogue::AniList, at(1))
            .await;
        last = Some(placed.unwrap());
    }
    assert_eq!(world.asked().len(), 12);
    let Some(Placement::Later { until, .. }) = last else {
        panic!("there were more than fit: {last:?}");
    };
    assert_eq!(until, at(6));
}

#[tokio::test]
async fn a_season_and_a_show_are_their_only_entry_or_offered() {
    let world = World::with(LIST.as_bytes()).await;
    let mut season = MediaItem::new(ItemKind::Season);
    season.season = Some(4);
    season.ids = vec![id(Namespace::Tvdb, Scope::Show, "267440")];
    let Placement::Unclear { candidates, .. } = world.place(&season).await else {
        panic!("it has two entries");
    };
    assert_eq!(candidates.len(), 2);
    assert!(
        candidates
            .iter()
            .all(|candidate| candidate.episode.is_none())
    );
    let rule = Override::of_choice(
        Query::of(&season).references()[0],
        Entry {
            catalogue: Catalogue::AniList,
            id: 131_681,
        },
        1,
    );
    world.say(rule).await;
    assert_eq!(found(&world.place(&season).await), Some((131_681, 1)));
    let refusal = Override::of_refusal(Query::of(&season).references()[0]);
    world.say(refusal).await;
    let mut episode = by_own_ids(4, 3);
    episode.ids = season.ids.clone();
    assert_eq!(world.place(&episode).await, Placement::Excluded);
}
