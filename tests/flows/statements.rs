//! What a user says of an item: told once to every service that keeps it, and taken back there.

use chrono::TimeDelta;
use hub_domain::Service;
use hub_twins::{Answer, Fault};
use serde_json::{Value, json};

use crate::harness::{Person, World, film, happened, track};

const VIDEO: [Service; 2] = [Service::Trakt, Service::Simkl];
const MUSIC: [Service; 2] = [Service::LastFm, Service::ListenBrainz];

fn with(item: &Value, more: &Value) -> Value {
    let mut body = item.clone();
    if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
        body.extend(more.clone());
        // The player is a matter of events.
        body.remove("player_id");
    }
    body
}

/// Says something, and lets the hub do what follows.
async fn say(world: &World, person: &Person, method: &str, path: &str, body: Value) {
    // Two things said at one moment are told apart by nobody.
    world.clock.turn(TimeDelta::seconds(1));
    let (status, answer) = world.call(method, path, Some(person), Some(body)).await;
    assert_eq!((status, &answer["accepted"]), (202, &json!(1)), "{answer}");
    world
        .pass_in_steps(TimeDelta::seconds(20), TimeDelta::seconds(1))
        .await;
}

async fn listed(world: &World, person: &Person, path: &str) -> Vec<Value> {
    let (status, page) = world.call("GET", path, Some(person), None).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().expect("items").clone()
}

fn state_at(item: &Value, service: Service) -> (String, String) {
    let deliveries = item["deliveries"].as_array().expect("deliveries");
    let delivery = deliveries
        .iter()
        .find(|delivery| delivery["service"] == service.name())
        .unwrap_or_else(|| panic!("no delivery to {service}: {item}"));
    let word = |name: &str| delivery[name].as_str().unwrap_or_default().to_owned();
    (word("state"), word("detail"))
}

/// The ratings that Trakt and Simkl hold, each in its own tenths.
fn rated(world: &World, name: &str) -> (Vec<u8>, Vec<u8>) {
    let simkl = world.twins.simkl.ratings(name);
    (
        world
            .twins
            .trakt
            .ratings(name)
            .iter()
            .filter_map(|entry| entry.rating)
            .collect(),
        simkl.iter().filter_map(|entry| entry.rating).collect(),
    )
}

#[tokio::test]
async fn a_rating_is_told_to_every_service_and_follows_its_user() {
    let world = World::new().await;
    let alice = world.person_at("alice", &VIDEO).await;
    let now = world.clock.now();
    let mut event = happened(&film(), "rate", now, None);
    event["rating"] = json!(8.7);
    world.event(&alice, event).await;
    world
        .pass_in_steps(TimeDelta::seconds(20), TimeDelta::seconds(1))
        .await;
    assert_eq!(rated(&world, "alice"), (vec![9], vec![9]));

    let items = listed(&world, &alice, "/api/v1/ratings").await;
    assert_eq!((items.len(), &items[0]["rating"]), (1, &json!(8.7)));
    for service in VIDEO {
        assert_eq!(state_at(&items[0], service).0, "delivered", "{items:?}");
    }

    let seven = with(&film(), &json!({"rating": 7}));
    say(&world, &alice, "PUT", "/api/v1/ratings", seven).await;
    assert_eq!(rated(&world, "alice"), (vec![7], vec![7]));

    let nothing = with(&film(), &json!({}));
    say(&world, &alice, "DELETE", "/api/v1/ratings", nothing).await;
    assert_eq!(rated(&world, "alice"), (vec![], vec![]));
    let items = listed(&world, &alice, "/api/v1/ratings").await;
    assert!(items.is_empty(), "{items:?}");
}

#[tokio::test]
async fn a_rating_that_rounds_to_what_a_service_shows_is_not_written_again() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let rate = |points: f64| with(&film(), &json!({ "rating": points }));
    say(&world, &alice, "PUT", "/api/v1/ratings", rate(8.7)).await;
    let calls = world.twins.trakt.calls("/sync/ratings");
    assert_eq!(calls, 1);
    say(&world, &alice, "PUT", "/api/v1/ratings", rate(9.2)).await;
    assert_eq!(world.twins.trakt.calls("/sync/ratings"), calls);
    let items = listed(&world, &alice, "/api/v1/ratings").await;
    assert_eq!(items[0]["rating"], 9.2);
    assert_eq!(state_at(&items[0], Service::Trakt).0, "already_there");
    assert_eq!(rated(&world, "alice").0, [9]);
}

#[tokio::test]
async fn a_loved_track_is_loved_at_both_music_services_until_it_is_not() {
    let world = World::new().await;
    let alice = world.person_at("alice", &MUSIC).await;
    let mut joga = track();
    joga["external_ids"] = json!({"recording_mbid": "b1a9c0e9-d987-4042-ae91-78d6a3267d69"});
    let loved = |world: &World| {
        (
            world.twins.lastfm.loved("alice").len(),
            world
                .twins
                .listenbrainz
                .feedback("alice")
                .iter()
                .filter(|feedback| feedback.score == 1)
                .count(),
        )
    };
    let at = world.clock.now();
    world.event(&alice, happened(&joga, "love", at, None)).await;
    world.pass(TimeDelta::seconds(10)).await;
    assert_eq!(loved(&world), (1, 1));
    let items = listed(&world, &alice, "/api/v1/lists/loved").await;
    assert_eq!(items[0]["feeling"], "loved", "{items:?}");

    say(
        &world,
        &alice,
        "DELETE",
        "/api/v1/lists/loved",
        with(&joga, &json!({})),
    )
    .await;
    assert_eq!(loved(&world), (0, 0));
}

#[tokio::test]
async fn a_heart_that_was_never_there_is_not_taken_away_by_a_media_server() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::LastFm]).await;
    let token = world.webhook_token(&alice, "jellyfin", "alice").await;
    let body = json!({
        "NotificationType": "UserDataSaved", "SaveReason": "UpdateUserRating", "Favorite": false, "Rating": 0,
        "ServerId": "s", "UserId": "alice", "NotificationUsername": "alice", "ItemType": "Audio", "ItemId": "i",
        "Name": "Jóga", "Artist": "Björk", "Album": "Homogenic",
    });
    world
        .webhook(
            "jellyfin",
            &token,
            "application/json",
            body.to_string().into_bytes(),
        )
        .await;
    world.pass(TimeDelta::seconds(10)).await;
    assert_eq!(world.twins.lastfm.calls("track.unlove"), 0);
}

#[tokio::test]
async fn what_is_watched_leaves_the_watchlist_where_its_user_wants_that() {
    let world = World::new().await;
    let alice = world.person_at("alice", &VIDEO).await;
    let (status, _) = world
        .call(
            "PATCH",
            "/api/v1/user/settings",
            Some(&alice),
            Some(json!({"unlist_watched": true})),
        )
        .await;
    assert_eq!(status, 200);
    say(
        &world,
        &alice,
        "PUT",
        "/api/v1/lists/watchlist",
        with(&film(), &json!({})),
    )
    .await;
    assert_eq!(world.twins.trakt.watchlist("alice").len(), 1);
    assert_eq!(world.twins.simkl.list("alice").len(), 1);

    let start = world.clock.now();
    world
        .event(&alice, happened(&film(), "start", start, Some(0)))
        .await;
    world.pass(TimeDelta::minutes(117)).await;
    let end = world.clock.now();
    world
        .event(&alice, happened(&film(), "stop", end, Some(7_000)))
        .await;
    world.pass(TimeDelta::minutes(1)).await;
    assert!(world.twins.trakt.watchlist("alice").is_empty());
    let items = listed(&world, &alice, "/api/v1/lists/watchlist").await;
    assert!(items.is_empty(), "{items:?}");
    // What Simkl counts as watched by now is nothing that a list entry's end takes away.
    assert_eq!(world.held(Service::Simkl, "alice").len(), 1);
}

#[tokio::test]
async fn of_what_was_said_while_a_service_was_down_only_the_last_arrives() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    world.twins.trakt.faults().down(true);
    for points in [3, 5, 8] {
        let body = with(&film(), &json!({ "rating": points }));
        say(&world, &alice, "PUT", "/api/v1/ratings", body).await;
    }
    let items = listed(&world, &alice, "/api/v1/ratings?state=waiting").await;
    assert_eq!(items.len(), 1, "{items:?}");
    world.twins.trakt.faults().down(false);
    world.twins.trakt.forget_requests();
    world
        .pass_with_ticks(
            TimeDelta::minutes(30),
            TimeDelta::seconds(15),
            TimeDelta::minutes(1),
        )
        .await;
    assert_eq!(rated(&world, "alice").0, [8]);
    assert_eq!(world.twins.trakt.calls("/sync/ratings"), 1);
}

#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again_and_the_value_stands() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    world
        .twins
        .trakt
        .faults()
        .once("/sync/ratings", Fault::drop_after());
    say(
        &world,
        &alice,
        "PUT",
        "/api/v1/ratings",
        with(&film(), &json!({"rating": 6})),
    )
    .await;
    world
        .pass_with_ticks(
            TimeDelta::minutes(20),
            TimeDelta::seconds(15),
            TimeDelta::minutes(1),
        )
        .await;
    assert_eq!(rated(&world, "alice").0, [6]);
    let items = listed(&world, &alice, "/api/v1/ratings").await;
    assert_ne!(state_at(&items[0], Service::Trakt).0, "waiting");
}

#[tokio::test]
async fn what_an_account_has_no_room_for_is_listed_with_the_reason() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let full = Answer::json(420, &json!({}))
        .header("X-Upgrade-URL", "https://trakt.tv/vip")
        .header("X-VIP-User", "false")
        .header("X-Account-Limit", 100);
    world
        .twins
        .trakt
        .faults()
        .always("/sync/watchlist", Fault::answer(full));
    say(
        &world,
        &alice,
        "PUT",
        "/api/v1/lists/watchlist",
        with(&film(), &json!({})),
    )
    .await;
    let path = "/api/v1/lists/watchlist?service=trakt&state=refused";
    let items = listed(&world, &alice, path).await;
    assert_eq!(items.len(), 1, "{items:?}");
    let (_, detail) = state_at(&items[0], Service::Trakt);
    assert!(
        detail.contains("limit") || detail.contains("room"),
        "{detail}"
    );
    // Saying it again tries again.
    world.twins.trakt.faults().clear();
    say(
        &world,
        &alice,
        "PUT",
        "/api/v1/lists/watchlist",
        with(&film(), &json!({})),
    )
    .await;
    assert_eq!(world.twins.trakt.watchlist("alice").len(), 1);
}

#[tokio::test]
async fn a_switched_off_list_is_kept_and_told_to_nobody() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    say(
        &world,
        &alice,
        "PUT",
        "/api/v1/lists/collection",
        with(&film(), &json!({})),
    )
    .await;
    let items = listed(&world, &alice, "/api/v1/lists/collection").await;
    assert_eq!(
        items[0]["deliveries"],
        json!([]),
        "the collection is off at first"
    );
    let path = "/api/v1/user/services/trakt/settings";
    let on = Some(json!({"sync_collection": true}));
    world.call("PATCH", path, Some(&alice), on).await;
    say(
        &world,
        &alice,
        "PUT",
        "/api/v1/lists/collection",
        with(&film(), &json!({})),
    )
    .await;
    assert_eq!(world.twins.trakt.collection("alice").len(), 1);
}
