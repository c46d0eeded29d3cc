//! The media server's library: an event that names only an id takes the rest from it, and waits for what it lacks.

use chrono::TimeDelta;
use hub_domain::identity::item_key;
use hub_domain::{Delivery, ItemKind, MediaItem, PlayId, ServerRef, Service, Source, State};
use serde_json::{Value, json};

use crate::harness::{Person, World, film, happened};

const ITEMS: &str = "/api/v1/library/items";

/// The film of the tests, by its id alone.
fn by_id() -> Value {
    json!({ "item_id": "film-1", "item_type": "movie", "player_id": "tv" })
}

async fn put(world: &World, items: &Value) -> Value {
    let (status, kept) = world.call("PUT", ITEMS, None, Some(items.clone())).await;
    assert_eq!(status, 200, "{kept}");
    kept
}

/// Two hours from start to end, told while it lasts, of which the item's length is no part.
async fn watch(world: &World, person: &Person, item: &Value) {
    let start = world.clock.now();
    for (event, minutes) in [("start", 0), ("progress", 60), ("stop", 118)] {
        let at = start + TimeDelta::minutes(minutes);
        world.clock.turn(at - world.clock.now());
        let event = happened(item, event, at, Some(minutes * 60));
        world.event(person, event).await;
        world.settle().await;
    }
    world.pass(TimeDelta::minutes(5)).await;
}

async fn only_play(world: &World, person: &Person) -> Value {
    let history = world.history(person).await;
    let items = history["items"].as_array().expect("plays");
    assert_eq!(items.len(), 1, "{history:#}");
    items[0].clone()
}

fn details(play: &Value) -> Vec<(&str, &str)> {
    let deliveries = play["deliveries"].as_array().expect("deliveries");
    deliveries
        .iter()
        .map(|delivery| {
            (
                delivery["state"].as_str().unwrap_or_default(),
                delivery["detail"].as_str().unwrap_or_default(),
            )
        })
        .collect()
}

#[tokio::test]
async fn an_event_that_names_only_its_id_takes_the_rest_from_the_library() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    assert_eq!(put(&world, &json!([film()])).await["stored"], 1);
    watch(&world, &alice, &by_id()).await;
    let play = only_play(&world, &alice).await;
    assert_eq!(play["title"], "The Matrix", "{play:#}");
    assert_eq!(play["external_ids"]["tmdb"], "603", "{play:#}");
    assert_eq!(world.states(&alice, Service::Trakt).await, ["delivered"]);
    // The same film by its ids, on another road, is the same item.
    let end = world.clock.now();
    world
        .event(&alice, happened(&film(), "mark_watched", end, None))
        .await;
    world.pass(TimeDelta::minutes(1)).await;
    only_play(&world, &alice).await;
}

#[tokio::test]
async fn a_play_of_what_nobody_knows_waits_and_goes_out_with_its_own_time_once_the_library_tells() {
    let world = World::new().await;
    let alice = world
        .person_at("alice", &[Service::Trakt, Service::Simkl])
        .await;
    let mut item = by_id();
    item["duration_ms"] = json!(7_200_000);
    let began = world.clock.now();
    watch(&world, &alice, &item).await;
    let play = only_play(&world, &alice).await;
    let why = "waits until your library says what this is";
    assert_eq!(
        details(&play),
        [("waiting", why), ("waiting", why)],
        "{play:#}"
    );
    world
        .pass_with_ticks(TimeDelta::days(3), TimeDelta::hours(1), TimeDelta::hours(1))
        .await;
    assert_eq!(
        details(&only_play(&world, &alice).await),
        [("waiting", why), ("waiting", why)]
    );
    assert!(world.times_at(&alice, Service::Trakt, began).is_empty());

    assert_eq!(
        put(&world, &json!([film()])).await,
        json!({ "stored": 1, "unchanged": 0 })
    );
    world
        .pass_until_settled(&alice, TimeDelta::minutes(30))
        .await;
    for service in [Service::Trakt, Service::Simkl] {
        assert_eq!(
            world.states(&alice, service).await,
            ["delivered"],
            "{service}"
        );
    }
    let times = world.times_at(&alice, Service::Trakt, began);
    let two_hours = 0..=7_200;
    assert!(
        times.len() == 1 && two_hours.contains(&times[0]),
        "{times:?}"
    );
    assert_eq!(only_play(&world, &alice).await["title"], "The Matrix");
    // Nothing waits any more, and telling it again wakes nobody.
    assert_eq!(
        put(&world, &json!([film()])).await,
        json!({ "stored": 0, "unchanged": 1 })
    );
    assert_eq!(world.settle().await, 0);
}

#[tokio::test]
async fn a_session_of_unknown_length_becomes_a_play_once_the_library_tells_how_long_it_is() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    watch(&world, &alice, &by_id()).await;
    let history = world.history(&alice).await;
    assert_eq!(history["items"], json!([]), "{history:#}");
    put(&world, &json!([film()])).await;
    world
        .pass_until_settled(&alice, TimeDelta::minutes(30))
        .await;
    assert_eq!(world.states(&alice, Service::Trakt).await, ["delivered"]);
}

#[tokio::test]
async fn a_waiting_play_that_came_on_another_road_too_is_one_play_once_it_is_named() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let mut item = by_id();
    item["duration_ms"] = json!(7_200_000);
    watch(&world, &alice, &item).await;
    // Another player's add-on told of the same evening, with names and no id of the server's.
    let mut named = film();
    let fields = named.as_object_mut().expect("an item");
    fields.remove("item_id");
    fields.insert("player_id".to_owned(), json!("add-on"));
    let end = world.clock.now() - TimeDelta::minutes(5);
    let start = end - TimeDelta::minutes(118);
    let events = json!([
        happened(&named, "start", start, Some(0)),
        happened(&named, "stop", end, Some(118 * 60)),
    ]);
    world.event(&alice, events).await;
    world.pass(TimeDelta::minutes(5)).await;
    assert_eq!(world.held(Service::Trakt, "alice").len(), 1);
    put(&world, &json!([film()])).await;
    world
        .pass_until_settled(&alice, TimeDelta::minutes(30))
        .await;
    only_play(&world, &alice).await;
    assert_eq!(world.held(Service::Trakt, "alice").len(), 1);
}

#[tokio::test]
async fn a_scrobble_queued_by_its_id_and_a_rating_wait_for_the_library_too() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let queue = "/api/v1/scrobble/queue";
    for id in ["film-1", "film-2"] {
        let body = json!({ "content_type": "movie", "content_id": id });
        let (status, answer) = world.call("POST", queue, Some(&alice), Some(body)).await;
        assert_eq!(status, 202, "{answer}");
    }
    let rating = json!({ "item_id": "film-1", "item_type": "movie", "rating": 9 });
    let (status, answer) = world
        .call("PUT", "/api/v1/ratings", Some(&alice), Some(rating))
        .await;
    assert_eq!(status, 202, "{answer}");
    world.pass(TimeDelta::hours(1)).await;
    assert_eq!(
        world.states(&alice, Service::Trakt).await,
        ["waiting", "waiting"]
    );
    assert_eq!(world.held(Service::Trakt, "alice").len(), 0);

    put(&world, &json!([film()])).await;
    world.pass(TimeDelta::minutes(30)).await;
    let mut states = world.states(&alice, Service::Trakt).await;
    states.sort();
    assert_eq!(states, ["delivered", "waiting"]);
    let (_, ratings) = world
        .call("GET", "/api/v1/ratings", Some(&alice), None)
        .await;
    let rated = &ratings["items"][0];
    assert_eq!(
        (rated["title"].as_str(), rated["rating"].as_f64()),
        (Some("The Matrix"), Some(9.0)),
        "{ratings:#}"
    );
    assert_eq!(rated["deliveries"][0]["state"], "delivered", "{ratings:#}");
}

#[tokio::test]
async fn a_play_that_was_not_found_for_want_of_a_name_is_named_when_it_is_tried_again() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let now = world.clock.now();
    let mut play = crate::harness::events::a_listen(&alice, Service::Trakt, 1, now, now);
    play.media = MediaItem::new(ItemKind::Movie);
    play.media.content_id = Some("film-1".to_owned());
    play.item = item_key(&play.media, &ServerRef::unnamed(Source::Canonical));
    play.id = PlayId::new(alice.id, &play.item, Some(now));
    let not_found = Delivery {
        state: State::NotFound,
        ..Delivery::pending()
    };
    play.deliveries.insert(Service::Trakt, not_found);
    world.hub.table.put_play(&play, None).await.expect("a play");
    let asked = world.requests(Service::Trakt).len();
    let retry = format!("/api/v1/scrobble/plays/{}/retry", play.id);
    let (status, answer) = world
        .call("POST", &retry, Some(&alice), Some(json!({})))
        .await;
    assert_eq!(status, 202, "{answer}");
    world.pass(TimeDelta::minutes(2)).await;
    let shown = only_play(&world, &alice).await;
    let why = "waits until your library says what this is";
    assert_eq!(details(&shown), [("waiting", why)], "{shown:#}");
    assert_eq!(world.requests(Service::Trakt).len(), asked);
    put(&world, &json!([film()])).await;
    world.pass(TimeDelta::minutes(30)).await;
    assert_eq!(world.states(&alice, Service::Trakt).await, ["delivered"]);
}

#[tokio::test]
async fn what_one_user_tells_with_a_token_of_their_own_names_nothing_of_anybody_else() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let bob = world.person_at("bob", &[Service::Trakt]).await;
    for person in [&alice, &bob] {
        let body = json!({ "content_type": "movie", "content_id": "film-1" });
        world
            .call("POST", "/api/v1/scrobble/queue", Some(person), Some(body))
            .await;
    }
    world.settle().await;
    let (_, token) = crate::routes::asking::token(&world, &alice, "full").await;
    let request = crate::routes::asking::under(&token, "PUT", ITEMS, Some(json!([film()])));
    let answer = crate::routes::asking::ask(&world, request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    world.pass(TimeDelta::minutes(30)).await;
    assert_eq!(world.states(&alice, Service::Trakt).await, ["delivered"]);
    assert_eq!(world.states(&bob, Service::Trakt).await, ["waiting"]);
    put(&world, &json!([film()])).await;
    world.pass(TimeDelta::minutes(30)).await;
    assert_eq!(world.states(&bob, Service::Trakt).await, ["delivered"]);
}

#[tokio::test]
async fn an_episode_that_names_its_own_ids_alone_is_placed_by_what_the_library_knows_of_its_show() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::AniList]).await;
    let mut item = crate::harness::anime();
    let show = item["show"].clone();
    let fields = item.as_object_mut().expect("an item");
    fields.insert("external_ids".to_owned(), json!({ "tvdb": 4_509_641 }));
    fields.insert("show".to_owned(), json!({ "title": "Attack on Titan" }));
    let mut whole = item.clone();
    whole["show"] = show;
    put(&world, &json!([whole])).await;
    let end = world.clock.now();
    let events = json!([
        happened(&item, "start", end - TimeDelta::minutes(23), Some(0)),
        happened(&item, "stop", end, Some(23 * 60)),
    ]);
    world.event(&alice, events).await;
    world.pass(TimeDelta::minutes(25)).await;
    assert_eq!(world.states(&alice, Service::AniList).await, ["delivered"]);
}
