//! `GET /api/v1/openapi.json`.

use serde_json::json;

use super::asking::{Operation, ask, for_person, get, operations, token};
use crate::harness::{Person, World, film, happened};
use hub_domain::Service;

#[tokio::test]
async fn the_document_is_open_and_describes_errors_as_problems() {
    let world = World::new().await;
    let answer = ask(&world, get("/api/v1/openapi.json")).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/json")
    );
    assert!(
        answer.body["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3."))
    );
    for item in answer.body["paths"].as_object().expect("paths").values() {
        for operation in item.as_object().expect("operations").values() {
            let problem =
                operation.pointer("/responses/default/content/application~1problem+json/schema");
            assert!(problem.is_some(), "{operation}");
        }
    }
}

#[tokio::test]
async fn everything_the_document_describes_is_there() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    // What is removed is asked for last.
    let mut routes = operations(&world).await;
    routes.sort_by_key(|route| (route.method == "DELETE", route.path.contains("/users/")));
    for route in routes {
        let path = filled(&world, &alice, &bob, &route).await;
        let answer = ask(&world, for_person(&route.method, &path, &alice, "{}")).await;
        assert!(
            ![404, 405].contains(&answer.status) && answer.status < 500,
            "{} {path}: {} {}",
            route.method,
            answer.status,
            answer.body
        );
    }
}

/// The path of a route with things in its places that are there.
async fn filled(world: &World, alice: &Person, bob: &Person, route: &Operation) -> String {
    world.connect(alice, Service::Trakt).await;
    let id = match route.path.as_str() {
        "/api/v1/scrobble/plays/{id}/retry" | "/api/v1/scrobble/plays/{id}" => {
            play(world, alice).await
        }
        "/api/v1/user/tokens/{id}" => token(world, alice, "full").await.0,
        "/api/v1/sources/accounts/{id}" => account(world, alice).await,
        "/api/v1/users/{id}" => bob.id.to_string(),
        "/api/v1/anime/overrides/{id}" => rule(world, alice).await,
        _ => "trakt".to_owned(),
    };
    if route.path.starts_with("/api/v1/library") {
        let items = json!([film()]);
        let (status, kept) = world
            .call("PUT", "/api/v1/library/items", None, Some(items))
            .await;
        assert_eq!(status, 200, "{kept}");
    }
    let ingest = token(world, alice, "ingest").await.1;
    // Files are made for the services that take nothing else.
    let service = if route.path.starts_with("/api/v1/export") {
        "goodreads"
    } else {
        "trakt"
    };
    route.filled(&[
        ("service", service),
        ("source", "plex"),
        ("list", "watchlist"),
        ("item_id", "film-1"),
        ("id", &id),
        ("token", &ingest),
    ])
}

async fn play(world: &World, person: &Person) -> String {
    world
        .event(
            person,
            happened(&film(), "mark_watched", world.clock.now(), None),
        )
        .await;
    world.settle().await;
    world.history(person).await["items"][0]["id"]
        .as_str()
        .expect("a play")
        .to_owned()
}

async fn account(world: &World, person: &Person) -> String {
    let token = world.webhook_token(person, "emby", "alice").await;
    let body = json!({
        "Event": "playback.start", "User": { "Name": "stranger", "Id": "s1" }, "Server": { "Id": "server-1" },
        "Item": { "Name": "Heat", "Type": "Movie", "Id": "1" },
    });
    world
        .webhook(
            "emby",
            &token,
            "application/json",
            body.to_string().into_bytes(),
        )
        .await;
    let (_, accounts) = world
        .call("GET", "/api/v1/sources/accounts", Some(person), None)
        .await;
    let items = accounts["items"].as_array().cloned().unwrap_or_default();
    let stranger = items.iter().find(|item| item["account_name"] == "stranger");
    stranger
        .and_then(|item| item["id"].as_str())
        .expect("an account")
        .to_owned()
}

/// A rule of where a film lies in an anime list.
async fn rule(world: &World, person: &Person) -> String {
    let body = json!({ "item_type": "movie", "title": "x", "anilist": 1 });
    let path = "/api/v1/anime/overrides";
    let (status, kept) = world.call("PUT", path, Some(person), Some(body)).await;
    assert_eq!(status, 200, "{kept}");
    kept["items"][0]["id"].as_str().expect("an id").to_owned()
}
