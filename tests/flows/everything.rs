//! One of each kind through the whole hub, to everybody who takes it.

use chrono::TimeDelta;
use hub_domain::Service;
use serde_json::{Value, json};

use crate::harness::{Person, World, anime, episode, film, happened, track};

async fn finish(world: &World, person: &Person, item: &Value, seconds: i64) {
    let end = world.clock.now();
    let start = end - TimeDelta::seconds(seconds);
    let events = json!([
        happened(item, "start", start, Some(0)),
        happened(item, "stop", end, Some(seconds)),
    ]);
    world.event(person, events).await;
    world.pass(TimeDelta::minutes(25)).await;
}

#[tokio::test]
async fn one_film_one_episode_one_anime_one_track_and_one_book_are_where_they_belong() {
    let world = World::new().await;
    let simkl = &world.twins.simkl;
    simkl.add_show("Friends", 1994, &[("tvdb", "79168")], &[24]);
    let alice = world.person_at("alice", &Service::WRITABLE).await;
    finish(&world, &alice, &film(), 7_000).await;
    finish(&world, &alice, &episode(), 1_300).await;
    finish(&world, &alice, &anime(), 1_400).await;
    finish(&world, &alice, &track(), 190).await;
    let book = json!({
        "item_id": "b", "item_type": "book", "title": "Dune", "author": "Frank Herbert",
        "external_ids": { "isbn": "9780441172719" },
    });
    let began = world.clock.now();
    world
        .event(&alice, happened(&book, "start", began, None))
        .await;
    world.pass(TimeDelta::hours(5)).await;
    let ended = world.clock.now();
    let mut rated = happened(&book, "rate", ended, None);
    rated["rating"] = json!(8);
    rated["review"] = json!("Sand.");
    let finished = happened(&book, "mark_watched", ended, None);
    world.event(&alice, json!([finished, rated])).await;
    world.pass(TimeDelta::minutes(25)).await;

    let held = |service: Service| world.held(service, "alice").len();
    assert_eq!(held(Service::Trakt), 3, "{:#}", world.history(&alice).await);
    assert_eq!(held(Service::Simkl), 3);
    assert_eq!((held(Service::LastFm), held(Service::ListenBrainz)), (1, 1));
    assert_eq!((held(Service::AniList), held(Service::MyAnimeList)), (1, 1));

    let export = async |service: &str| {
        let path = format!("/api/v1/export/{service}?since=all");
        let (status, file) = world.call("GET", &path, Some(&alice), None).await;
        assert_eq!(status, 200, "{file}");
        file.as_str().expect("a file").to_owned()
    };
    let books = export("goodreads").await;
    assert!(books.contains("Dune") && books.contains("Sand."), "{books}");
    assert_eq!(books.lines().count(), 2, "{books}");
    let films = export("letterboxd").await;
    assert!(films.contains("The Matrix"), "{films}");
    assert_eq!(films.lines().count(), 2, "{films}");
}
