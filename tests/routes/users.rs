//! `/api/v1/users`.

use chrono::TimeDelta;
use hub_domain::{Service, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::asking::{ask, for_person, token, under};
use crate::harness::{Person, World, film, happened};

async fn names(world: &World) -> Vec<String> {
    let (status, users) = world
        .call("GET", "/api/v1/users?limit=200", None, None)
        .await;
    assert_eq!(status, 200, "{users}");
    let items = users["items"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<String> = items
        .iter()
        .filter_map(|user| user["name"].as_str().map(str::to_owned))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_user_is_written_down_under_the_media_servers_id_and_renamed_by_saying_it_again() {
    let world = World::new().await;
    let id = Uuid::new_v4();
    for name in ["Ada", "Ada Lovelace"] {
        let wish = json!({ "id": id, "name": name });
        let (status, user) = world.call("POST", "/api/v1/users", None, Some(wish)).await;
        assert_eq!(status, 201, "{user}");
        assert_eq!((&user["id"], &user["name"]), (&json!(id), &json!(name)));
    }
    assert_eq!(names(&world).await, ["Ada Lovelace"]);
    let (status, unnamed) = world.call("POST", "/api/v1/users", None, None).await;
    assert_eq!(status, 201, "{unnamed}");
    assert!(
        unnamed["id"]
            .as_str()
            .is_some_and(|id| id.parse::<Uuid>().is_ok()),
        "{unnamed}"
    );
}

#[tokio::test]
async fn users_are_listed_page_by_page_each_once() {
    let world = World::new().await;
    for number in 0..5 {
        world.person(&format!("user {number}")).await;
    }
    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let (status, page) = world
            .call("GET", &format!("/api/v1/users?limit=2{cursor}"), None, None)
            .await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().cloned().unwrap_or_default();
        assert!(items.len() <= 2);
        seen.extend(
            items
                .iter()
                .map(|user| user["id"].clone())
                .collect::<Vec<Value>>(),
        );
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let count = seen.len();
    seen.sort_by_key(Value::to_string);
    seen.dedup();
    assert_eq!((count, seen.len(), pages), (5, 5, 3));
}

#[tokio::test]
async fn bad_wishes_are_refused_with_their_field() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    for (body, field) in [(r#"{"id":"ada"}"#, "id"), (r#"{"name":7}"#, "name")] {
        let answer = ask(&world, for_person("POST", "/api/v1/users", &alice, body)).await;
        answer.is_problem(400, Some(field), body);
    }
    let long = json!({ "name": "x".repeat(1_001) });
    let answer = ask(
        &world,
        for_person("POST", "/api/v1/users", &alice, long.to_string()),
    )
    .await;
    answer.is_problem(400, Some("name"), "a long name");
    for (query, field) in [("limit=x", "limit"), ("cursor=x", "cursor")] {
        let answer = ask(
            &world,
            for_person("GET", &format!("/api/v1/users?{query}"), &alice, ""),
        )
        .await;
        answer.is_problem(400, Some(field), query);
    }
    assert_eq!(names(&world).await, ["alice"]);
}

#[tokio::test]
async fn an_erased_user_is_gone_with_tokens_and_history_and_does_not_rise_again() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let (_, full) = token(&world, &alice, "full").await;
    world
        .event(
            &alice,
            happened(&film(), "mark_watched", world.clock.now(), None),
        )
        .await;
    world.pass(TimeDelta::seconds(30)).await;
    let path = format!("/api/v1/users/{}", alice.id);
    assert_eq!(world.call("DELETE", &path, None, None).await.0, 204);

    assert!(names(&world).await.is_empty());
    ask(
        &world,
        under(&full, "GET", "/api/v1/scrobble/history", None),
    )
    .await
    .is_problem(401, None, "the token");
    // Trakt was told that the access is over; what it holds stays.
    assert_eq!(world.twins.trakt.calls("/oauth/revoke"), 1);
    assert_eq!(world.twins.trakt.history("alice").len(), 1);
    // The media server may go on naming the user for a while.
    let event = happened(&film(), "mark_watched", world.clock.now(), None);
    ask(
        &world,
        for_person("POST", "/api/v1/scrobble/events", &alice, event.to_string()),
    )
    .await
    .is_problem(410, None, "an event");
    // Erasing twice is not an error; nobody is.
    assert_eq!(world.call("DELETE", &path, None, None).await.0, 204);
    let stranger = Person {
        id: UserId(Uuid::new_v4()),
        name: "nobody".to_owned(),
    };
    for id in [stranger.id.to_string(), "nobody".to_owned()] {
        assert_eq!(
            world
                .call("DELETE", &format!("/api/v1/users/{id}"), None, None)
                .await
                .0,
            404
        );
    }
}
