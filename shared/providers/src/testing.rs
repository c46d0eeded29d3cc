//! What the tests of this crate share: plays, and a server on loopback that answers from a list and keeps what it got.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::IntoResponse;
use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::anime::progress::Rules;
use hub_domain::media::{ExternalId, Namespace, Scope};
use hub_domain::{
    Aspect, Disposition, ItemKey, ItemKind, MediaItem, Play, PlayId, Precision, Says, Secret,
    Statement, StatementId, UserId,
};
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use crate::seam::{Context, Placed, Tokens};

/// A status, a header, a body, and what they mean.
pub(crate) type Row<'a> = (u16, Option<(&'a str, &'a str)>, &'a str, Disposition);

/// A moment, in seconds from 2025-11-20 12:00:00 UTC.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_763_640_000 + seconds, 0).unwrap()
}

pub(crate) fn play(
    media: MediaItem,
    started_at: Option<DateTime<Utc>>,
    watched_at: Option<DateTime<Utc>>,
) -> Play {
    let user = UserId(Uuid::from_u128(7));
    let item = ItemKey::new(media.label());
    Play {
        id: PlayId::new(user, &item, started_at),
        user,
        item,
        media,
        started_at,
        watched_at,
        precision: Precision::Second,
        progress_percent: Some(85.0),
        manual: false,
        sightings: Vec::new(),
        created_at: watched_at.or(started_at).unwrap_or(at(0)),
        deliveries: std::collections::BTreeMap::new(),
        removed_at: None,
    }
}

/// What a user says of an item, for the first time.
pub(crate) fn statement(media: MediaItem, aspect: Aspect, says: Option<Says>) -> Statement {
    Statement {
        user: UserId(Uuid::from_u128(7)),
        id: StatementId {
            aspect,
            item: ItemKey::new(media.label()),
        },
        media,
        says,
        since: at(0),
        version: 1,
        created_at: at(0),
        deliveries: std::collections::BTreeMap::new(),
        agreed: std::collections::BTreeMap::new(),
    }
}

/// What deciding takes where nothing is special: no anime, nobody far away.
pub(crate) fn context(account_url: Option<&str>) -> Context<'_> {
    static NOTHING: Placed = Placed::new();
    Context {
        account_url,
        placed: &NOTHING,
        rules: Rules::default(),
        time_zone: chrono_tz::Tz::UTC,
    }
}

pub(crate) fn track(artist: &str, title: &str) -> MediaItem {
    let mut media = MediaItem::new(ItemKind::Track);
    media.artist = Some(artist.to_owned());
    media.title = Some(title.to_owned());
    media.duration = Some(TimeDelta::seconds(305));
    media
}

pub(crate) fn movie(imdb: &str) -> MediaItem {
    let mut media = MediaItem::new(ItemKind::Movie);
    media.title = Some("The Matrix".to_owned());
    media.year = Some(1999);
    media.ids = vec![id(Namespace::Imdb, Scope::Item, imdb)];
    media.duration = Some(TimeDelta::minutes(136));
    media
}

/// Breaking Bad, season 1, with the show's ids; an episode id where one is given.
pub(crate) fn episode(number: u32, tvdb: Option<&str>) -> MediaItem {
    let mut media = MediaItem::new(ItemKind::Episode);
    media.title = Some("Pilot".to_owned());
    media.show_title = Some("Breaking Bad".to_owned());
    media.show_year = Some(2008);
    (media.season, media.episode) = (Some(1), Some(number));
    media.duration = Some(TimeDelta::minutes(47));
    media.ids = vec![id(Namespace::Tvdb, Scope::Show, "81189")];
    media
        .ids
        .extend(tvdb.map(|tvdb| id(Namespace::Tvdb, Scope::Item, tvdb)));
    media
}

pub(crate) fn id(namespace: Namespace, scope: Scope, value: &str) -> ExternalId {
    ExternalId::new(namespace, scope, value).unwrap()
}

pub(crate) fn tokens() -> Tokens {
    Tokens {
        access: Secret::new("access-token"),
        refresh: Some(Secret::new("refresh-token")),
        expires_at: None,
    }
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

/// One request, as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// One answer to give.
#[derive(Debug, Clone)]
pub(crate) struct Give {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
}

pub(crate) fn give(status: u16, body: impl Into<String>) -> Give {
    Give {
        status,
        headers: vec![("content-type", "application/json")],
        body: body.into(),
    }
}

impl Give {
    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value));
        self
    }
}

#[derive(Default)]
struct Script {
    gives: VecDeque<Give>,
    got: Vec<Got>,
}

/// A server on loopback: answers in the order given, 599 once the list is used up.
pub(crate) struct Server {
    pub(crate) url: Url,
    script: Arc<Mutex<Script>>,
}

impl Server {
    pub(crate) async fn answering(gives: impl IntoIterator<Item = Give>) -> Self {
        let script = Arc::new(Mutex::new(Script {
            gives: gives.into_iter().collect(),
            got: Vec::new(),
        }));
        let app = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&script));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            url: url.parse().unwrap(),
            script,
        }
    }

    /// A server that takes a request and closes the connection without an answer, each time.
    pub(crate) async fn hanging_up() -> Url {
        use tokio::io::AsyncReadExt;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let _ = socket.read(&mut [0; 1024]).await;
            }
        });
        url.parse().unwrap()
    }

    /// An address where nobody listens.
    pub(crate) async fn nobody() -> Url {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
            .parse()
            .unwrap()
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.script.lock().unwrap().got.clone()
    }
}

async fn handle(
    State(script): State<Arc<Mutex<Script>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let mut script = script.lock().unwrap();
    script.got.push(Got {
        line: format!("{method} {uri}"),
        headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let give = script
        .gives
        .pop_front()
        .unwrap_or_else(|| give(599, "unexpected"));
    let mut headers = HeaderMap::new();
    for (name, value) in give.headers {
        headers.insert(name, value.parse().unwrap());
    }
    (
        StatusCode::from_u16(give.status).unwrap(),
        headers,
        give.body,
    )
}
