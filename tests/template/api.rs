//! The HTTP API: its routes, how often they may be called, and what is logged of a call.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use serde_json::Value;

use super::read::{Resource, template, text};
use crate::harness::World;

fn stage() -> Resource {
    template("template.yaml").resource("Stage")
}

fn routes() -> BTreeSet<String> {
    let routes = template("template.yaml").of_type("AWS::ApiGatewayV2::Route");
    routes
        .iter()
        .map(|route| text(&route.properties["RouteKey"]))
        .collect()
}

/// Requests a second, and at once.
fn limits(of: &Value) -> (u64, u64) {
    let limit = |name: &str| of[name].as_u64().expect("a number, as text is none here");
    (limit("ThrottlingRateLimit"), limit("ThrottlingBurstLimit"))
}

#[test]
fn webhooks_are_refused_last_and_sign_ins_first() {
    let stage = stage().properties;
    let default = limits(&stage["DefaultRouteSettings"]);
    let settings = stage["RouteSettings"]
        .as_object()
        .expect("settings")
        .clone();
    let named: BTreeSet<String> = settings.keys().cloned().collect();
    let mut routes = routes();
    assert!(routes.remove("$default"));
    assert_eq!(
        named, routes,
        "each route has its limits and each limit its route"
    );
    for (route, settings) in &settings {
        let takes_events = route.contains("/webhooks/") || route.ends_with("/events");
        let (rate, burst) = limits(settings);
        assert_eq!(
            takes_events,
            rate > default.0 && burst > default.1,
            "{route}"
        );
        assert_eq!(
            !takes_events,
            rate < default.0 && burst < default.1,
            "{route}"
        );
    }
}

#[test]
fn settings_name_routes_only_once_they_are_there() {
    let template = template("template.yaml");
    let waits: BTreeSet<String> = stage().whole["DependsOn"]
        .as_array()
        .into_iter()
        .flatten()
        .map(text)
        .collect();
    let routes = template.of_type("AWS::ApiGatewayV2::Route");
    assert_eq!(waits, routes.into_iter().map(|route| route.id).collect());
}

#[tokio::test]
async fn every_route_with_limits_of_its_own_is_one_of_the_apis() {
    let world = World::new().await;
    let asked = Request::get("/api/v1/openapi.json")
        .body(Body::empty())
        .unwrap();
    let answer = world.send(asked).await;
    let body = http_body_util::BodyExt::collect(answer.into_body())
        .await
        .unwrap()
        .to_bytes();
    let document: Value = serde_json::from_slice(&body).unwrap();
    for route in routes() {
        let Some((_, path)) = route.split_once(' ') else {
            continue;
        };
        assert!(document["paths"][path].is_object(), "{path} is nowhere");
    }
}

#[test]
fn no_path_no_query_and_no_address_is_logged() {
    let settings = &stage().properties["AccessLogSettings"]["Fn::If"][1];
    let format = text(&settings["Format"]);
    let variables: BTreeSet<&str> = format
        .split("$context.")
        .skip(1)
        .map(|rest| {
            rest.split(|letter: char| !letter.is_alphanumeric() && letter != '.')
                .next()
                .unwrap_or_default()
        })
        .collect();
    assert_eq!(
        variables,
        ["requestId", "responseLatency", "routeKey", "status"].into()
    );
    let line: Value = serde_json::from_str(&format).expect("a line is JSON");
    assert!(line.as_object().is_some_and(|line| line.len() == 4));
}

#[test]
fn the_payload_is_of_the_format_that_the_function_reads() {
    let integration = template("template.yaml")
        .resource("ApiIntegration")
        .properties;
    assert_eq!(integration["PayloadFormatVersion"], "2.0");
    assert_eq!(integration["IntegrationType"], "AWS_PROXY");
}
