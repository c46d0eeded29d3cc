//! `GET /api/v1/scrobble/history`.

use chrono::{SecondsFormat, TimeDelta};
use hub_domain::Service;
use serde_json::{Value, json};

use crate::harness::{Person, World, film, happened, track};
use crate::routes::asking::{ask, for_person};

/// Somebody who played five films and two tracks, an hour apart, the last one just now.
async fn viewer(world: &World) -> Person {
    let alice = world
        .person_at("alice", &[Service::Trakt, Service::LastFm])
        .await;
    for number in 0..7 {
        let mut item = if number % 3 == 1 { track() } else { film() };
        item["item_id"] = json!(format!("item-{number}"));
        item["title"] = json!(format!("Title {number}"));
        if number % 3 != 1 {
            item["external_ids"] = json!({ "tmdb": 10_000 + number });
        }
        let length = item["duration_ms"].as_i64().unwrap_or_default() / 1_000;
        let at = world.clock.now() - TimeDelta::hours(3) * (6 - number);
        world
            .event(&alice, happened(&item, "stop", at, Some(length)))
            .await;
    }
    world.pass(TimeDelta::seconds(20)).await;
    alice
}

async fn items(world: &World, person: &Person, query: &str) -> (Vec<Value>, Option<String>) {
    let path = format!("/api/v1/scrobble/history?{query}");
    let (status, page) = world.call("GET", &path, Some(person), None).await;
    assert_eq!(status, 200, "{query}: {page}");
    let items = page["items"].as_array().cloned().unwrap_or_default();
    (items, page["next_cursor"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn pages_of_three_hold_every_play_once_newest_first() {
    let world = World::new().await;
    let alice = viewer(&world).await;
    let (whole, none) = items(&world, &alice, "").await;
    assert_eq!((whole.len(), none), (7, None));
    let started: Vec<&str> = whole
        .iter()
        .filter_map(|play| play["started_at"].as_str())
        .collect();
    assert!(
        started.is_sorted_by(|newer, older| newer > older),
        "{started:?}"
    );
    let (mut paged, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let (page, next) = items(&world, &alice, &format!("limit=3{cursor}")).await;
        assert!(page.len() <= 3);
        paged.extend(page);
        pages += 1;
        let Some(next) = next else { break };
        cursor = format!("&cursor={next}");
        assert!(pages < 6, "the pages end");
    }
    assert_eq!(paged, whole);
    assert!(pages >= 3);
}

#[tokio::test]
async fn filters_keep_a_service_a_kind_and_a_time_also_across_pages() {
    let world = World::new().await;
    let alice = viewer(&world).await;
    let titles = |plays: Vec<Value>| -> Vec<String> {
        plays
            .iter()
            .filter_map(|play| play["title"].as_str().map(str::to_owned))
            .collect()
    };
    for query in ["service=lastfm", "kind=track"] {
        assert_eq!(
            titles(items(&world, &alice, query).await.0),
            ["Title 4", "Title 1"],
            "{query}"
        );
    }
    assert_eq!(
        titles(items(&world, &alice, "service=trakt&kind=track").await.0),
        Vec::<String>::new()
    );
    let (mut films, mut cursor) = (Vec::new(), String::new());
    loop {
        let (page, next) = items(&world, &alice, &format!("kind=movie&limit=2{cursor}")).await;
        films.extend(page);
        let Some(next) = next else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(
        titles(films),
        ["Title 6", "Title 5", "Title 3", "Title 2", "Title 0"]
    );
    let at = |hours: i64| {
        let at = world.clock.now() - TimeDelta::hours(hours);
        at.to_rfc3339_opts(SecondsFormat::Secs, true)
    };
    let query = format!("from={}&to={}", at(10), at(4));
    assert_eq!(
        titles(items(&world, &alice, &query).await.0),
        ["Title 5", "Title 4"]
    );
    // The same moment in another offset.
    let elsewhere = (world.clock.now() - TimeDelta::hours(4))
        .with_timezone(&chrono::FixedOffset::east_opt(3_600).expect("an offset"));
    let query = format!(
        "from={}&to={}",
        at(10),
        elsewhere
            .to_rfc3339_opts(SecondsFormat::Secs, true)
            .replace('+', "%2B")
    );
    assert_eq!(
        titles(items(&world, &alice, &query).await.0),
        ["Title 5", "Title 4"]
    );
}

#[tokio::test]
async fn each_delivery_is_told_with_its_state() {
    let world = World::new().await;
    let alice = viewer(&world).await;
    let (plays, _) = items(&world, &alice, "").await;
    for play in plays {
        let deliveries = play["deliveries"].as_array().expect("deliveries");
        let service = if play["item_type"] == "track" {
            "lastfm"
        } else {
            "trakt"
        };
        assert_eq!(deliveries.len(), 1, "{play}");
        assert_eq!(deliveries[0]["service"], service, "{play}");
        assert_eq!(
            (&deliveries[0]["state"], &deliveries[0]["attempts"]),
            (&json!("delivered"), &json!(0)),
            "{play}"
        );
        assert!(deliveries[0]["settled_at"].is_string(), "{play}");
    }
}

#[tokio::test]
async fn nobody_sees_the_plays_of_somebody_else() {
    let world = World::new().await;
    let alice = viewer(&world).await;
    let bob = world.person("bob").await;
    assert_eq!(items(&world, &bob, "").await.0, Vec::<Value>::new());
    // A cursor of another user's page leads nowhere either.
    let (_, cursor) = items(&world, &alice, "limit=2").await;
    let path = format!(
        "/api/v1/scrobble/history?cursor={}",
        cursor.expect("a next page")
    );
    let answer = ask(&world, for_person("GET", &path, &bob, "")).await;
    assert!(
        answer.status == 400 || answer.body["items"] == json!([]),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn a_question_that_cannot_be_read_is_refused_with_its_field() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    for (query, field) in [
        ("limit=0", Some("limit")),
        ("limit=201", Some("limit")),
        ("limit=x", Some("limit")),
        ("limit=99999999999999999999", Some("limit")),
        ("cursor=x", Some("cursor")),
        ("cursor=%ff%00", Some("cursor")),
        ("kind=film", Some("kind")),
        ("from=2026-11-20", Some("from")),
        ("to=yesterday", Some("to")),
    ] {
        let answer = ask(
            &world,
            for_person(
                "GET",
                &format!("/api/v1/scrobble/history?{query}"),
                &alice,
                "",
            ),
        )
        .await;
        answer.is_problem(400, field, query);
    }
    ask(
        &world,
        for_person(
            "GET",
            "/api/v1/scrobble/history?service=netflix",
            &alice,
            "",
        ),
    )
    .await
    .is_problem(404, None, "a service");
}
