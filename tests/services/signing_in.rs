//! A person with a browser: to the service's own page, and back to the hub.

use chrono::TimeDelta;
use http::header::AUTHORIZATION;
use hub_domain::Service;
use serde_json::{Value, json};
use url::Url;

use crate::harness::world::{PUBLIC_URL, SERVER_TOKEN};
use crate::harness::{Person, World, happened};
use crate::routes::asking::{Answered, ask, for_person, get};

/// The two addresses that every step of a sign-in has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `/api/v1/scrobble/connect/{service}`.
    Scrobble,
    /// `/api/v1/user/services/{service}/connect`.
    User,
}

impl Shape {
    pub(crate) const BOTH: [Self; 2] = [Self::Scrobble, Self::User];

    pub(crate) fn connect(self, service: Service) -> String {
        match self {
            Self::Scrobble => format!("/api/v1/scrobble/connect/{service}"),
            Self::User => format!("/api/v1/user/services/{service}/connect"),
        }
    }

    pub(crate) fn callback(self, service: Service) -> String {
        match self {
            Self::Scrobble => format!("/api/v1/scrobble/{service}/callback"),
            Self::User => format!("/api/v1/auth/callback/{service}"),
        }
    }

    pub(crate) fn disconnect(self, service: Service) -> (&'static str, String) {
        match self {
            Self::Scrobble => ("DELETE", format!("/api/v1/scrobble/connections/{service}")),
            Self::User => (
                "POST",
                format!("/api/v1/user/services/{service}/disconnect"),
            ),
        }
    }

    /// Begins a sign-in in the browser, or on another device.
    pub(crate) async fn start(
        self,
        world: &World,
        person: &Person,
        service: Service,
        is_device: bool,
    ) -> Value {
        let path = self.connect(service);
        let (status, started) = match self {
            Self::Scrobble => {
                world
                    .call(
                        "POST",
                        &path,
                        Some(person),
                        Some(json!({ "device": is_device })),
                    )
                    .await
            }
            Self::User => {
                world
                    .call(
                        "GET",
                        &format!("{path}?device={is_device}"),
                        Some(person),
                        None,
                    )
                    .await
            }
        };
        assert_eq!(status, 200, "{self:?}: {started}");
        assert!(
            started["state"]
                .as_str()
                .is_some_and(|state| state.len() >= 32),
            "{started}"
        );
        started
    }

    /// Posts what a sign-in goes on with.
    pub(crate) async fn post(
        self,
        world: &World,
        person: &Person,
        service: Service,
        body: Value,
    ) -> Answered {
        ask(
            world,
            for_person("POST", &self.connect(service), person, body.to_string()),
        )
        .await
    }
}

/// A browser that goes nowhere by itself.
fn browser() -> reqwest::Client {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    client.user_agent("a browser").build().expect("a client")
}

/// Decides on a service's page about an address that the hub sent the browser to; returns where it is sent then.
pub(crate) async fn decide(page: &str, user: &str, is_allowed: bool) -> Option<String> {
    let browser = browser();
    let shown = browser.get(page).send().await.expect("a page");
    assert_eq!(shown.status().as_u16(), 200, "{page}");
    let html = shown.text().await.expect("a page");
    let action = html
        .split("action=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a form");
    let page = Url::parse(page).expect("an address");
    let mut fields: Vec<(String, String)> = page.query_pairs().into_owned().collect();
    fields.push(("user".to_owned(), user.to_owned()));
    fields.push((
        "decision".to_owned(),
        if is_allowed { "allow" } else { "deny" }.to_owned(),
    ));
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let answer = browser
        .post(page.join(action).expect("an address"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .expect("an answer");
    assert!(
        answer.status().as_u16() < 400,
        "{}",
        answer.text().await.unwrap_or_default()
    );
    let location = answer.headers().get("location")?;
    Some(location.to_str().expect("an address").to_owned())
}

/// The query of the address that a service sent the browser back to, which has to be the hub's own.
pub(crate) fn query_of(back: &str) -> String {
    assert!(back.starts_with(PUBLIC_URL), "{back}");
    Url::parse(back)
        .expect("an address")
        .query()
        .unwrap_or_default()
        .to_owned()
}

/// A field of such a query.
pub(crate) fn field_of(back: &str, name: &str) -> String {
    let back = Url::parse(back).expect("an address");
    let found = back.query_pairs().find(|(field, _)| field == name);
    found
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// Comes back to the hub, as the browser does: without a token of ours.
pub(crate) async fn come_back(
    world: &World,
    shape: Shape,
    service: Service,
    query: &str,
) -> Answered {
    let answer = ask(world, get(&format!("{}?{query}", shape.callback(service)))).await;
    assert!(!format!("{:?}", answer.headers).contains(SERVER_TOKEN));
    answer
}

/// The connection as the hub's list tells it.
pub(crate) async fn connection(world: &World, person: &Person, service: Service) -> Value {
    let (status, list) = world
        .call("GET", "/api/v1/user/services", Some(person), None)
        .await;
    assert_eq!(status, 200, "{list}");
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items
        .into_iter()
        .find(|item| item["service"] == service.name())
        .unwrap_or(Value::Null)
}

/// Expects a person to be connected under their name, and not by what another says.
pub(crate) async fn is_connected(world: &World, person: &Person, service: Service) -> Value {
    let connection = connection(world, person, service).await;
    assert_eq!(connection["connected"], true, "{connection}");
    assert_eq!(connection["username"], person.name, "{connection}");
    assert_eq!(connection["health"], "ok", "{connection}");
    connection
}

/// Expects a person not to be connected.
pub(crate) async fn is_not_connected(world: &World, person: &Person, service: Service) {
    let connection = connection(world, person, service).await;
    assert_eq!(connection["connected"], false, "{connection}");
}

/// The stable id under which the service knows a connected person.
pub(crate) async fn account_id(world: &World, person: &Person, service: Service) -> String {
    let stored = world
        .hub
        .table
        .connection(person.id, service)
        .await
        .expect("the table");
    stored.expect("a connection").connection.identity.account_id
}

/// Finishes an item of so many seconds so long ago.
pub(crate) async fn finish(world: &World, person: &Person, item: &Value, ago: TimeDelta) {
    let seconds = item["duration_ms"].as_i64().unwrap_or_default() / 1_000;
    world
        .event(
            person,
            happened(item, "stop", world.clock.now() - ago, Some(seconds)),
        )
        .await;
    world.settle().await;
}

/// The newest play's delivery at a service.
pub(crate) async fn delivery(world: &World, person: &Person, service: Service) -> Value {
    let history = world.history(person).await;
    let deliveries = history["items"][0]["deliveries"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    deliveries
        .into_iter()
        .find(|delivery| delivery["service"] == service.name())
        .unwrap_or(Value::Null)
}

/// A request for the deep health check under the media server's token.
pub(crate) async fn deep(world: &World, person: &Person) -> Value {
    let request = http::Request::get("/api/v1/health")
        .header(AUTHORIZATION, format!("Bearer {SERVER_TOKEN}"))
        .header("x-user-id", person.id.to_string())
        .body("".into())
        .expect("a request");
    ask(world, request).await.body
}

/// Makes plays of all events that wait, before the first of them is sent.
pub(crate) async fn take_events(world: &World) {
    while world.hub.handle_events().await.expect("the queue answers") > 0 {}
}
