//! The world of one test: a clock, stores, services, and a hub between them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use chrono::{DateTime, TimeDelta, Utc};
use http_body_util::BodyExt;
use hub_domain::connection::Identity;
use hub_domain::{Connection, ConnectionSettings, Health, Secret, Service, SignIn, UserId};
use hub_local::aws::Embedded;
use hub_local::hub::Hub;
use hub_providers::{Account, Provider, Tokens};
use hub_runtime::aws::Aws;
use hub_runtime::queue::Wake;
use hub_runtime::settings::Settings;
use hub_runtime::{Clock, HttpClient, Queues, Sealing};
use hub_twins::Twins;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use super::clock::evening;
use super::services;

/// The token that acts for everybody.
pub(crate) const SERVER_TOKEN: &str = "server-token-of-the-tests-0123456789";
/// The key that seals tokens.
const SEALING_KEYS: &str = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Where the hub says it is.
pub(crate) const PUBLIC_URL: &str = "https://hub.example";

/// One test's world.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) embedded: Arc<Embedded>,
    pub(crate) twins: Twins,
    pub(crate) settings: Settings,
    pub(crate) aws: Aws,
    pub(crate) hub: Hub,
    router: axum::Router,
}

/// A user of the hub, known at each service by the same name.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) name: String,
}

impl World {
    /// A hub with everything switched on.
    pub(crate) async fn new() -> Self {
        Self::with([]).await
    }

    /// A hub with some settings of its own.
    pub(crate) async fn with<const N: usize>(own: [(&str, &str); N]) -> Self {
        let clock = Clock::standing_at(evening());
        let embedded = Arc::new(
            Embedded::start(None, clock.clone())
                .await
                .expect("stores start"),
        );
        let now = clock.clone();
        let twins = Twins::start(Arc::new(move || now.now()))
            .await
            .expect("services start");
        services::register(&twins);
        let settings = settings(&twins, &own);
        let (dynamodb, sqs) = embedded.clients();
        let aws = Aws { dynamodb, sqs };
        Self::over(clock, embedded, twins, settings, aws).await
    }

    /// A hub over stores and services that are there: a restart, or one behind a proxy.
    pub(crate) async fn over(
        clock: Clock,
        embedded: Arc<Embedded>,
        twins: Twins,
        settings: Settings,
        aws: Aws,
    ) -> Self {
        let hub = Hub::assemble(&settings, &aws, clock.clone())
            .await
            .expect("the hub starts");
        let router = hub_api::router(hub.api.clone());
        Self {
            clock,
            embedded,
            twins,
            settings,
            aws,
            hub,
            router,
        }
    }

    /// Sends a request to the HTTP function.
    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router
            .clone()
            .oneshot(request)
            .await
            .expect("the router answers")
    }

    /// Sends JSON as the media server does, for a person; returns status and body.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        person: Option<&Person>,
        body: Option<Value>,
    ) -> (u16, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {SERVER_TOKEN}"));
        if let Some(person) = person {
            request = request.header("x-user-id", person.id.to_string());
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        read(self.send(request.body(body).expect("a request")).await).await
    }

    /// Posts an event for a person and expects it to be accepted.
    pub(crate) async fn event(&self, person: &Person, event: Value) {
        let (status, body) = self
            .call("POST", "/api/v1/scrobble/events", Some(person), Some(event))
            .await;
        assert_eq!(status, 202, "{body}");
    }

    /// Posts a webhook as its source does.
    pub(crate) async fn webhook(
        &self,
        source: &str,
        token: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> (u16, Value) {
        let request = Request::post(format!("/api/v1/webhooks/{source}/{token}"))
            .header("content-type", content_type)
            .body(Body::from(body))
            .expect("a request");
        read(self.send(request).await).await
    }

    /// An address for webhooks that takes one account's events as a person's.
    pub(crate) async fn webhook_token(
        &self,
        person: &Person,
        source: &str,
        account: &str,
    ) -> String {
        let wish =
            json!({ "name": source, "scope": "ingest", "source": source, "account": account });
        let (status, body) = self
            .call("POST", "/api/v1/user/tokens", Some(person), Some(wish))
            .await;
        assert_eq!(status, 201, "{body}");
        body["token"].as_str().expect("a token").to_owned()
    }

    /// A new user, connected nowhere.
    pub(crate) async fn person(&self, name: &str) -> Person {
        let id = UserId(Uuid::new_v4());
        self.hub
            .table
            .ensure_user(id, Some(name), self.clock.now())
            .await
            .expect("a user");
        Person {
            id,
            name: name.to_owned(),
        }
    }

    /// A new user who is connected to some services.
    pub(crate) async fn person_at(&self, name: &str, services: &[Service]) -> Person {
        let person = self.person(name).await;
        for service in services {
            self.connect(&person, *service).await;
        }
        person
    }

    /// Connects a person, as if they had just signed in.
    pub(crate) async fn connect(&self, person: &Person, service: Service) {
        if service.catalogue().is_some() {
            // Where its episodes lie, the hub fetches with a tick.
            self.hub.sync.tick().await.expect("a tick");
        }
        let tokens = self.issue(service, &person.name);
        // The stable id is not always the name, and whoever signs in again has to be the same.
        let account_id = if service.sign_in() == SignIn::OAuth {
            let app = self.settings.app(service).expect("the service is on");
            let http = HttpClient::for_services(&self.settings).expect("a client");
            let account = Account {
                tokens: &tokens,
                username: &person.name,
                url: None,
            };
            let provider = Provider::new(app, http.client());
            provider
                .identify(&account, self.clock.now())
                .await
                .expect("who they are")
                .account_id
        } else {
            person.name.clone()
        };
        self.link_as(person, service, &tokens, None, account_id)
            .await;
        if service == Service::MyAnimeList {
            // It takes two calls a second, and who signs in does not finish an episode in the same one.
            self.clock.turn(TimeDelta::seconds(2));
        }
    }

    /// Signs in at Trakt as a person in a browser does: to its page, and back with a code.
    pub(crate) async fn sign_in_at_trakt(&self, person: &Person) {
        let (status, start) = self
            .call(
                "POST",
                "/api/v1/scrobble/connect/trakt",
                Some(person),
                Some(json!({})),
            )
            .await;
        assert_eq!(status, 200, "{start}");
        let page = start["authorize_url"]
            .as_str()
            .expect("an address to sign in at");
        let back = self
            .twins
            .trakt
            .authorize(page, &person.name, true)
            .expect("the service's consent");
        let path = back
            .strip_prefix(PUBLIC_URL)
            .expect("our own address")
            .to_owned();
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let (status, page) = read(self.send(request).await).await;
        assert!((200..400).contains(&status), "{status} {page}");
    }

    /// Scrobbles something at Trakt with another application, as of now.
    pub(crate) async fn scrobble_elsewhere(&self, person: &Person, body: Value) {
        let other = format!("{}-elsewhere", person.name);
        let access = self.twins.trakt.issue_tokens(&person.name).access_token;
        let client = reqwest::Client::builder()
            .user_agent(other)
            .build()
            .expect("a client");
        let answer = client
            .post(format!("{}/scrobble/stop", self.twins.trakt.url()))
            .header("trakt-api-version", "2")
            .header("trakt-api-key", hub_twins::trakt::CLIENT_ID)
            .bearer_auth(access)
            .json(&body)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), 201);
    }

    /// Stores a connection with these tokens.
    pub(crate) async fn link(
        &self,
        person: &Person,
        service: Service,
        tokens: &Tokens,
        url: Option<String>,
    ) {
        self.link_as(person, service, tokens, url, person.name.clone())
            .await;
    }

    async fn link_as(
        &self,
        person: &Person,
        service: Service,
        tokens: &Tokens,
        url: Option<String>,
        account_id: String,
    ) {
        let now = self.clock.now();
        let connection = Connection {
            user: person.id,
            service,
            identity: Identity {
                username: person.name.clone(),
                profile_url: None,
                account_id,
            },
            settings: ConnectionSettings::default(),
            health: Health::Ok,
            health_detail: None,
            connected_at: now,
            deliver_from: now,
            token_expires_at: tokens.expires_at,
            token_version: 1,
            url,
            last_sync_at: None,
            last_sync_status: None,
        };
        let text = serde_json::to_string(tokens).expect("tokens are JSON");
        let sealed = self.sealing().seal(person.id, service, &Secret::new(text));
        let due = tokens.expires_at.map(|end| end - TimeDelta::hours(1));
        self.hub
            .table
            .link(&connection, &sealed, due)
            .await
            .expect("a connection");
    }

    pub(crate) fn sealing(&self) -> Sealing {
        self.settings.sealing().expect("keys to seal with")
    }

    /// Wakes workers, as the functions do.
    pub(crate) async fn wake(&self, wakes: Vec<(Wake, std::time::Duration)>) {
        let queues = Queues::new(self.aws.sqs.clone(), self.hub.urls.clone());
        queues.send_wakes(&wakes).await.expect("the queues answer");
    }

    /// Handles everything there is to do at this moment.
    pub(crate) async fn settle(&self) -> usize {
        self.hub.drain().await.expect("the queues answer")
    }

    /// Lets time pass: turned in steps of `step`, with what becomes due done after each, and a tick each minute.
    pub(crate) async fn pass_in_steps(&self, time: TimeDelta, step: TimeDelta) {
        self.pass_with_ticks(time, step, TimeDelta::minutes(1))
            .await;
    }

    /// The same with a tick only every so often, for the sake of the test's own time.
    pub(crate) async fn pass_with_ticks(&self, time: TimeDelta, step: TimeDelta, tick: TimeDelta) {
        let end = self.clock.now() + time;
        let mut next_tick = self.clock.now() + tick;
        self.settle().await;
        while self.clock.now() < end {
            self.clock.turn(step.min(end - self.clock.now()));
            if self.clock.now() >= next_tick {
                self.hub.sync.tick().await.expect("a tick");
                next_tick = self.clock.now() + tick;
            }
            self.settle().await;
        }
    }

    /// Lets time pass, looking ever less often: each second of the first half minute, then each half minute of the
    /// first half hour, each ten minutes of the first day, and each hour after that.
    pub(crate) async fn pass(&self, time: TimeDelta) {
        let mut left = time;
        for (until, step) in [
            (TimeDelta::seconds(30), TimeDelta::seconds(1)),
            (TimeDelta::minutes(30), TimeDelta::seconds(30)),
            (TimeDelta::days(1), TimeDelta::minutes(10)),
            (TimeDelta::MAX, TimeDelta::hours(1)),
        ] {
            let part = left.min(until);
            self.pass_in_steps(part, step).await;
            left -= part;
        }
    }

    /// Lets time pass until nothing is open for a person any more, at most `most`.
    pub(crate) async fn pass_until_settled(&self, person: &Person, most: TimeDelta) {
        let end = self.clock.now() + most;
        self.settle().await;
        while self.clock.now() < end && !self.is_settled(person).await {
            self.pass_in_steps(TimeDelta::seconds(30), TimeDelta::seconds(1))
                .await;
        }
        assert!(
            self.is_settled(person).await,
            "still open after {most}: {:#}",
            self.history(person).await
        );
    }

    /// Says whether every delivery of a person has ended.
    pub(crate) async fn is_settled(&self, person: &Person) -> bool {
        let history = self.history(person).await;
        let plays = history["items"].as_array().cloned().unwrap_or_default();
        plays
            .iter()
            .flat_map(|play| play["deliveries"].as_array().cloned().unwrap_or_default())
            .all(|delivery| {
                !matches!(
                    delivery["state"].as_str(),
                    Some("held" | "pending" | "sending" | "waiting") | None
                )
            })
    }

    /// The person's history, newest first.
    pub(crate) async fn history(&self, person: &Person) -> Value {
        let (status, body) = self
            .call(
                "GET",
                "/api/v1/scrobble/history?limit=100",
                Some(person),
                None,
            )
            .await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The states of a person's deliveries at a service, newest play first.
    pub(crate) async fn states(&self, person: &Person, service: Service) -> Vec<String> {
        let history = self.history(person).await;
        let plays = history["items"].as_array().cloned().unwrap_or_default();
        plays
            .iter()
            .flat_map(|play| play["deliveries"].as_array().cloned().unwrap_or_default())
            .filter(|delivery| delivery["service"] == service.name())
            .filter_map(|delivery| delivery["state"].as_str().map(str::to_owned))
            .collect()
    }

    /// When a person's plays are known at a service to have been, oldest first, in seconds after `since`.
    pub(crate) fn times_at(
        &self,
        person: &Person,
        service: Service,
        since: DateTime<Utc>,
    ) -> Vec<i64> {
        let held = self.held(service, &person.name);
        let mut times: Vec<i64> = held.iter().map(DateTime::timestamp).collect();
        times.sort_unstable();
        times.iter().map(|time| time - since.timestamp()).collect()
    }
}

/// Settings that reach the services of this world.
pub(crate) fn settings(twins: &Twins, own: &[(&str, &str)]) -> Settings {
    let mut pairs: BTreeMap<&str, String> = BTreeMap::from([
        ("TABLE_NAME", "hub".to_owned()),
        ("SERVER_TOKEN", SERVER_TOKEN.to_owned()),
        ("SEALING_KEYS", SEALING_KEYS.to_owned()),
        ("PUBLIC_URL", PUBLIC_URL.to_owned()),
        ("ALLOW_PRIVATE_ADDRESSES", "true".to_owned()),
    ]);
    let of_services = services::variables(twins);
    pairs.extend(
        of_services
            .iter()
            .map(|(name, value)| (*name, value.clone())),
    );
    for (name, value) in own {
        pairs.insert(name, (*value).to_owned());
    }
    Settings::of(pairs.iter().map(|(name, value)| (*name, value.as_str()))).expect("right settings")
}

/// Reads an answer: its status, and its body as JSON (or as text, where it is none).
pub(crate) async fn read(response: Response<Body>) -> (u16, Value) {
    let status = response.status().as_u16();
    let bytes = response
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    (
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    )
}
