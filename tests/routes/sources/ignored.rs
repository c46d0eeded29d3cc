//! `GET /api/v1/sources/ignored`.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{Person, World};
use crate::routes::asking::{ask, for_person};

const PATH: &str = "/api/v1/sources/ignored";

async fn ignored(world: &World, person: &Person, query: &str) -> Vec<Value> {
    let (status, list) = world
        .call("GET", &format!("{PATH}{query}"), Some(person), None)
        .await;
    assert_eq!(status, 200, "{list}");
    list["items"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn the_last_hundred_a_source_are_told_newest_first_with_the_reason_and_no_title() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let address = world.webhook_token(&alice, "plex", "alice").await;
    for number in 0..103 {
        let body = json!({
            "event": "library.new", "Account": { "title": "alice" }, "Server": { "uuid": "s", "title": "home" },
            "Metadata": { "type": "movie", "title": format!("Secret {number}") },
        });
        let (status, taken) = world
            .webhook(
                "plex",
                &address,
                "application/json",
                body.to_string().into_bytes(),
            )
            .await;
        assert_eq!((status, &taken["ignored"]), (202, &json!(1)), "{taken}");
        assert!(
            taken["reason"]
                .as_str()
                .is_some_and(|reason| !reason.is_empty()),
            "{taken}"
        );
        world.clock.turn(TimeDelta::seconds(1));
    }
    let items = ignored(&world, &alice, "?source=plex").await;
    assert_eq!(items.len(), 100);
    let times: Vec<&str> = items
        .iter()
        .filter_map(|item| item["at"].as_str())
        .collect();
    assert!(
        times.is_sorted_by(|newer, older| newer > older),
        "{times:?}"
    );
    for item in &items {
        assert_eq!(item["source"], "plex");
        assert_eq!(item["reason"], "not_playback");
        assert!(
            item["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty())
        );
        assert!(!item.to_string().contains("Secret"), "{item}");
    }
    assert_eq!(ignored(&world, &alice, "").await.len(), 100, "all sources");
    assert!(ignored(&world, &alice, "?source=emby").await.is_empty());
    let bob = world.person("bob").await;
    assert!(ignored(&world, &bob, "").await.is_empty());
}

#[tokio::test]
async fn a_source_that_posts_nothing_is_not_found() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    for source in ["netflix", "queue", "canonical", ""] {
        let answer = ask(
            &world,
            for_person("GET", &format!("{PATH}?source={source}"), &alice, ""),
        )
        .await;
        answer.is_problem(404, None, source);
    }
}
