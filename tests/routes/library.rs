//! `/api/v1/library/items`.

use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use super::asking::{ask, for_person, token, under};
use crate::harness::world::SERVER_TOKEN;
use crate::harness::{World, episode, film, track};

const ITEMS: &str = "/api/v1/library/items";

/// The library is the media server's, so it need not say for whom it tells.
fn of_the_server(method: &str, path: &str, body: &Value) -> Request<axum::body::Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(AUTHORIZATION, format!("Bearer {SERVER_TOKEN}"))
        .header(CONTENT_TYPE, "application/json")
        .body(body.to_string().into())
        .expect("a request")
}

#[tokio::test]
async fn items_are_told_again_without_a_write_and_read_as_they_were_told() {
    let world = World::new().await;
    let items = json!([film(), episode(), track()]);
    for (stored, unchanged) in [(3, 0), (0, 3)] {
        let answer = ask(&world, of_the_server("PUT", ITEMS, &items)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let expected = json!({ "stored": stored, "unchanged": unchanged });
        assert_eq!(answer.body, expected);
    }
    let path = format!("{ITEMS}/film-1");
    let read = ask(&world, of_the_server("GET", &path, &Value::Null)).await;
    assert_eq!(read.status, 200, "{}", read.body);
    assert_eq!(read.body["title"], "The Matrix");
    assert_eq!(read.body["external_ids"]["imdb"], "tt0133093");
    for status in [204, 404] {
        let answer = ask(&world, of_the_server("DELETE", &path, &Value::Null)).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    ask(&world, of_the_server("GET", &path, &Value::Null))
        .await
        .is_problem(404, None, "it is forgotten");
}

#[tokio::test]
async fn what_is_wrong_is_named_by_its_place_and_nothing_is_kept_then() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    for (wrong, field) in [
        (
            json!({ "item_id": "2", "item_type": "movie", "external_ids": { "imdb": "x" } }),
            "[1].external_ids.imdb",
        ),
        (
            json!({ "item_id": "2", "item_type": "film", "title": "x" }),
            "[1].item_type",
        ),
        (json!({ "item_id": "2", "title": "x" }), "[1].item_type"),
        (json!({ "item_type": "movie", "title": "x" }), "[1].item_id"),
        (json!({ "item_id": "2", "item_type": "movie" }), "[1].title"),
        (
            json!({ "item_id": 2, "item_type": "movie", "title": "x" }),
            "[1].item_id",
        ),
        (film(), "[1].item_id"),
    ] {
        let body = json!([film(), wrong]).to_string();
        let answer = ask(&world, for_person("PUT", ITEMS, &alice, body)).await;
        answer.is_problem(400, Some(field), &wrong.to_string());
    }
    let path = format!("{ITEMS}/film-1");
    ask(&world, for_person("GET", &path, &alice, ""))
        .await
        .is_problem(404, None, "nothing was kept");
    let many: Vec<Value> = (0..101)
        .map(|id| json!({ "item_id": id.to_string(), "item_type": "movie", "title": "x" }))
        .collect();
    let body = json!(many).to_string();
    ask(&world, for_person("PUT", ITEMS, &alice, body))
        .await
        .is_problem(400, None, "one too many");
}

#[tokio::test]
async fn a_users_token_fills_a_library_of_its_own_and_changes_nothing_of_the_servers() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let (_, full) = token(&world, &alice, "full").await;
    ask(&world, of_the_server("PUT", ITEMS, &json!([film()]))).await;
    let path = format!("{ITEMS}/film-1");
    let shared = ask(&world, under(&full, "GET", &path, None)).await;
    assert_eq!(shared.body["title"], "The Matrix", "{}", shared.body);
    let mut own = film();
    own["title"] = json!("Own");
    let kept = ask(&world, under(&full, "PUT", ITEMS, Some(json!([own])))).await;
    assert_eq!(kept.body["stored"], 1, "{}", kept.body);
    let read = ask(&world, under(&full, "GET", &path, None)).await;
    assert_eq!(read.body["title"], "Own", "{}", read.body);
    let read = ask(&world, of_the_server("GET", &path, &Value::Null)).await;
    assert_eq!(read.body["title"], "The Matrix", "{}", read.body);
    for status in [204, 404] {
        let answer = ask(&world, under(&full, "DELETE", &path, None)).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    let read = ask(&world, under(&full, "GET", &path, None)).await;
    assert_eq!(read.body["title"], "The Matrix", "{}", read.body);
}
