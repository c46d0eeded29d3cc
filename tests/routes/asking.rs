//! Requests of every shape, and answers with their headers.

use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::world::SERVER_TOKEN;
use crate::harness::{Person, World};

/// An answer of the hub.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The body as JSON, or as text where it is none.
    pub(crate) body: Value,
}

impl Answered {
    /// A header as text; empty where it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Expects a problem as RFC 9457 has it, with the field that is to blame.
    pub(crate) fn is_problem(&self, status: u16, field: Option<&str>, about: &str) {
        assert_eq!(self.status, status, "{about}: {}", self.body);
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{about}"
        );
        assert_eq!(self.body["type"], "about:blank", "{about}");
        assert_eq!(self.body["status"], status, "{about}");
        assert!(
            self.body["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty()),
            "{about}"
        );
        assert!(
            self.body["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty()),
            "{about}"
        );
        assert_eq!(self.body["field"].as_str(), field, "{about}: {}", self.body);
        assert_eq!(self.header("cache-control"), "no-store", "{about}");
        assert!(!self.header("x-request-id").is_empty(), "{about}");
    }
}

/// Asks the hub of a world.
pub(crate) async fn ask(world: &World, request: Request<Body>) -> Answered {
    read(world.send(request).await).await
}

/// Asks a router of its own.
pub(crate) async fn ask_router(router: &axum::Router, request: Request<Body>) -> Answered {
    read(
        router
            .clone()
            .oneshot(request)
            .await
            .expect("the router answers"),
    )
    .await
}

async fn read(response: http::Response<Body>) -> Answered {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    let body = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    Answered {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
    }
}

/// A request without a body.
pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a request")
}

/// A request of the media server for a person, with a body that is said to be JSON.
pub(crate) fn for_person(
    method: &str,
    path: &str,
    person: &Person,
    body: impl Into<Body>,
) -> Request<Body> {
    typed(method, path, person, "application/json", body)
}

/// A request of the media server for a person, with a body of any type.
pub(crate) fn typed(
    method: &str,
    path: &str,
    person: &Person,
    content_type: &str,
    body: impl Into<Body>,
) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(AUTHORIZATION, format!("Bearer {SERVER_TOKEN}"))
        .header("x-user-id", person.id.to_string())
        .header(CONTENT_TYPE, content_type)
        .body(body.into())
        .expect("a request")
}

/// A request under a user's token.
pub(crate) fn under(token: &str, method: &str, path: &str, body: Option<Value>) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .header(CONTENT_TYPE, "application/json")
        .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
        .expect("a request")
}

/// Makes a token of a person's own; returns its id and the word.
pub(crate) async fn token(world: &World, person: &Person, scope: &str) -> (String, String) {
    let wish = json!({ "name": "of a test", "scope": scope });
    let (status, made) = world
        .call("POST", "/api/v1/user/tokens", Some(person), Some(wish))
        .await;
    assert_eq!(status, 201, "{made}");
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    (text("id"), text("token"))
}

/// One operation of the OpenAPI document.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Anybody may call it.
    pub(crate) is_open: bool,
    /// It takes a JSON body.
    pub(crate) takes_json: bool,
}

impl Operation {
    /// Its path with words in the places of it.
    pub(crate) fn filled(&self, words: &[(&str, &str)]) -> String {
        words.iter().fold(self.path.clone(), |path, (place, word)| {
            path.replace(&format!("{{{place}}}"), word)
        })
    }
}

/// Every operation that the served document tells of.
pub(crate) async fn operations(world: &World) -> Vec<Operation> {
    let document = ask(world, get("/api/v1/openapi.json")).await;
    assert_eq!(document.status, 200);
    let mut operations = Vec::new();
    for (path, item) in document.body["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            if !["get", "put", "post", "delete", "patch"].contains(&method.as_str()) {
                continue;
            }
            let is_open = operation["security"] == json!([{}]) && !path.contains("{token}");
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                is_open,
                takes_json: operation
                    .pointer("/requestBody/content/application~1json")
                    .is_some(),
            });
        }
    }
    assert!(operations.len() > 25, "{operations:?}");
    operations
}
