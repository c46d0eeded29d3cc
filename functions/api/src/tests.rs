//! The router as a whole, without the stores: what is decided before any of them is asked.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Body;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hub_runtime::queue::QueueUrls;
use hub_runtime::{Aws, Clock, HttpClient, Queues, Settings};
use hub_store::Table;
use serde_json::Value;
use tower::ServiceExt as _;
use utoipa::openapi::path::PathItem;

use crate::{ApiState, openapi, router};

const SERVER_TOKEN: &str = "server-token";

/// A router whose table and queue nobody answers for.
fn unreachable() -> Router {
    let key = "a:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let settings = Settings::of([
        ("SEALING_KEYS", key),
        ("SERVER_TOKEN", SERVER_TOKEN),
        ("TABLE_NAME", "hub"),
        ("MAX_BODY_BYTES", "2048"),
        ("EVENTS_QUEUE_URL", "http://127.0.0.1:1/events.fifo"),
    ])
    .unwrap();
    let aws = Aws::on_loopback("http://127.0.0.1:1", "http://127.0.0.1:1");
    let state = ApiState::new(
        settings.clone(),
        Table::new(aws.dynamodb.clone(), "hub"),
        Queues::new(aws.sqs, QueueUrls::of(&settings)),
        HttpClient::for_services(&settings).unwrap(),
        HttpClient::for_users(&settings).unwrap(),
        Clock::system(),
    );
    router(state.unwrap())
}

async fn call(request: Request<Body>) -> (Response<()>, Value) {
    let response = unreachable().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (
        Response::from_parts(parts, ()),
        serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    )
}

fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path)
}

/// A path with a word in each of its places.
fn filled(path: &str, token: &str) -> String {
    let places = [
        ("{service}", "trakt"),
        ("{source}", "plex"),
        ("{token}", token),
        ("{id}", "x"),
    ];
    places
        .into_iter()
        .fold(path.to_owned(), |path, (place, word)| {
            path.replace(place, word)
        })
}

/// The methods that a path is documented with.
fn documented(item: &PathItem) -> BTreeSet<&'static str> {
    let operations = [
        ("GET", &item.get),
        ("PUT", &item.put),
        ("POST", &item.post),
        ("DELETE", &item.delete),
        ("PATCH", &item.patch),
    ];
    operations
        .into_iter()
        .filter(|(_, operation)| operation.is_some())
        .map(|(method, _)| method)
        .collect()
}

#[tokio::test]
async fn every_route_is_documented_and_every_documented_route_is_there() {
    for (path, item) in &openapi::whole().paths.paths {
        let path = filled(path, "hubw_x");
        // A method that no route has makes the router name those it has.
        let (response, problem) = call(request("TRACE", &path).body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(problem["status"], 405, "{path}");
        let allow = response.headers()[ALLOW].to_str().unwrap().to_owned();
        let served: BTreeSet<&str> = allow
            .split(',')
            .map(str::trim)
            .filter(|method| *method != "HEAD")
            .collect();
        assert_eq!(served, documented(item), "{path}");
    }
    // What is not registered through the documented way could not be seen above.
    let source = concat!(
        include_str!("routes/mod.rs"),
        include_str!("layers.rs"),
        include_str!("lib.rs")
    );
    for way in [
        ".route(",
        ".route_service(",
        ".nest(",
        ".nest_service(",
        ".merge(",
    ] {
        assert!(
            !source.contains(way),
            "{way} registers what no test compares"
        );
    }
}

#[test]
fn the_document_knows_every_address_of_the_design() {
    let paths = openapi::whole().paths.paths;
    for (method, path) in [
        ("GET", "/api/v1/scrobble/connections"),
        ("POST", "/api/v1/scrobble/connect/{service}"),
        ("GET", "/api/v1/scrobble/{service}/callback"),
        ("GET", "/api/v1/auth/callback/{service}"),
        ("PUT", "/api/v1/scrobble/connections/{id}"),
        ("DELETE", "/api/v1/scrobble/connections/{id}"),
        ("POST", "/api/v1/scrobble/queue"),
        ("GET", "/api/v1/scrobble/history"),
        ("POST", "/api/v1/scrobble/plays/{id}/retry"),
        ("DELETE", "/api/v1/scrobble/plays/{id}"),
        ("POST", "/api/v1/scrobble/events"),
        ("GET", "/api/v1/user/services"),
        ("GET", "/api/v1/user/services/{service}/connect"),
        ("POST", "/api/v1/user/services/{service}/connect"),
        ("POST", "/api/v1/user/services/{service}/disconnect"),
        ("PATCH", "/api/v1/user/services/{service}/settings"),
        ("GET", "/api/v1/user/settings"),
        ("PATCH", "/api/v1/user/settings"),
        ("POST", "/api/v1/user/tokens"),
        ("GET", "/api/v1/user/tokens"),
        ("DELETE", "/api/v1/user/tokens/{id}"),
        ("GET", "/api/v1/sources/accounts"),
        ("PUT", "/api/v1/sources/accounts/{id}"),
        ("GET", "/api/v1/sources/ignored"),
        ("POST", "/api/v1/webhooks/{source}/{token}"),
        ("POST", "/api/v1/users"),
        ("GET", "/api/v1/users"),
        ("DELETE", "/api/v1/users/{id}"),
        ("GET", "/health"),
        ("GET", "/api/v1/health"),
        ("GET", "/api/v1/openapi.json"),
    ] {
        let item = paths
            .get(path)
            .unwrap_or_else(|| panic!("{path} is not documented"));
        assert!(documented(item).contains(method), "{method} {path}");
    }
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    let (_, document) = call(
        request("GET", "/api/v1/openapi.json")
            .body(Body::empty())
            .unwrap(),
    )
    .await;
    let text = document.to_string();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for part in text.split("\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name}");
    }
    assert!(schemas.contains_key("Problem") && schemas.contains_key("Event"));
}

#[tokio::test]
async fn without_a_token_every_route_but_the_open_ones_answers_401() {
    let open = [
        "/health",
        "/api/v1/openapi.json",
        "/api/v1/scrobble/trakt/callback",
        "/api/v1/auth/callback/trakt",
    ];
    for (path, item) in &openapi::whole().paths.paths {
        // A word that no token can be is refused before the table is asked.
        let path = filled(path, "%20");
        for method in documented(item) {
            let asked = request(method, &path)
                .header(CONTENT_TYPE, "application/json")
                .body(Body::from("{}"));
            let (response, problem) = call(asked.unwrap()).await;
            if open.contains(&path.as_str()) {
                assert_ne!(
                    response.status(),
                    StatusCode::UNAUTHORIZED,
                    "{method} {path}"
                );
            } else {
                assert_eq!(
                    response.status(),
                    StatusCode::UNAUTHORIZED,
                    "{method} {path}"
                );
                assert_eq!(problem["status"], 401, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn the_health_check_is_open_and_shallow() {
    let (response, body) = call(request("GET", "/health").body(Body::empty()).unwrap()).await;
    assert_eq!(
        (response.status(), &body["status"]),
        (StatusCode::OK, &Value::from("ok"))
    );
    assert_eq!(response.headers()["x-request-id"].len(), 36);
    assert_eq!(response.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn nothing_is_said_to_be_accepted_while_the_table_does_not_answer() {
    let asked = request("GET", "/api/v1/scrobble/history").header(AUTHORIZATION, "Bearer hub_x");
    let (response, problem) = call(asked.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "2");
    assert!(!problem.to_string().contains("hub_x"), "{problem}");
}

#[tokio::test]
async fn wrong_addresses_and_callers_are_told_so_in_one_form() {
    let user = "00000000-0000-0000-0000-000000000001";
    let server = format!("Bearer {SERVER_TOKEN}");
    for (method, path, headers, status, field) in [
        ("GET", "/nowhere", vec![], 404, None),
        ("POST", "/health", vec![], 405, None),
        ("POST", "/api/v1/webhooks/netflix/hubw_x", vec![], 404, None),
        (
            "GET",
            "/api/v1/scrobble/netflix/callback",
            vec![],
            404,
            None,
        ),
        (
            "GET",
            "/api/v1/scrobble/history",
            vec![("authorization", "Basic x")],
            401,
            None,
        ),
        (
            "GET",
            "/api/v1/scrobble/history",
            vec![("authorization", server.as_str())],
            400,
            Some("X-User-Id"),
        ),
        (
            "GET",
            "/api/v1/scrobble/history",
            vec![("authorization", server.as_str()), ("x-user-id", "ada")],
            400,
            Some("X-User-Id"),
        ),
        (
            "GET",
            "/api/v1/users?limit=x",
            vec![("authorization", server.as_str()), ("x-user-id", user)],
            400,
            Some("limit"),
        ),
        ("GET", "/api/v1/scrobble/%ff/callback", vec![], 400, None),
    ] {
        let mut asked = request(method, path);
        for (name, value) in headers {
            asked = asked.header(name, value);
        }
        let (response, problem) = call(asked.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status().as_u16(), status, "{method} {path}");
        assert_eq!(
            response.headers()[CONTENT_TYPE],
            "application/problem+json",
            "{method} {path}"
        );
        assert_eq!(problem["field"].as_str(), field, "{method} {path}");
        assert_eq!(
            (problem["type"].as_str(), problem["status"].as_u64()),
            (Some("about:blank"), Some(status.into()))
        );
    }
}

#[tokio::test]
async fn bodies_are_bounded_and_have_to_be_json_where_json_is_expected() {
    let server = format!("Bearer {SERVER_TOKEN}");
    let post = |kind: &str, body: String| {
        let asked = request("POST", "/api/v1/users")
            .header(AUTHORIZATION, &server)
            .header(CONTENT_TYPE, kind);
        call(asked.body(Body::from(body)).unwrap())
    };
    for (kind, body, status, field) in [
        ("text/plain", r#"{"name":"ada"}"#.to_owned(), 415, None),
        ("application/json", "x".repeat(2049), 413, None),
        (
            "application/json",
            r#"{"name":1}"#.to_owned(),
            400,
            Some("name"),
        ),
        (
            "application/json",
            r#"{"id":"s3cret"}"#.to_owned(),
            400,
            Some("id"),
        ),
        (
            "application/json",
            r#"{"name":"s3cret"#.to_owned(),
            400,
            None,
        ),
    ] {
        let (response, problem) = post(kind, body.clone()).await;
        assert_eq!(
            (response.status().as_u16(), problem["field"].as_str()),
            (status, field),
            "{kind} {body:.40}"
        );
        assert!(!problem.to_string().contains("s3cret"), "{problem}");
    }
}

#[tokio::test]
async fn a_panic_is_answered_as_a_problem_and_not_repeated() {
    let router: Router<ApiState> =
        Router::new().fallback(async || -> StatusCode { panic!("s3cret") });
    let settings = Settings::of([(
        "SEALING_KEYS",
        "a:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    )])
    .unwrap();
    let aws = Aws::on_loopback("http://127.0.0.1:1", "http://127.0.0.1:1");
    let state = ApiState::new(
        settings.clone(),
        Table::new(aws.dynamodb.clone(), "hub"),
        Queues::new(aws.sqs, QueueUrls::default()),
        HttpClient::for_services(&settings).unwrap(),
        HttpClient::for_users(&settings).unwrap(),
        Clock::system(),
    );
    let panicking = router.route(
        "/panic",
        axum::routing::get(async || -> StatusCode { panic!("s3cret") }),
    );
    let router = crate::layers::around(panicking, state.unwrap());
    let asked = Request::builder()
        .method(Method::GET)
        .uri("/panic")
        .body(Body::empty())
        .unwrap();
    let response = router.oneshot(asked).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(!String::from_utf8_lossy(&body).contains("s3cret"));
}
