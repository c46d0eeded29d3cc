//! Nobody else's play: accounts, and what is kept until somebody says whose it is.

use chrono::TimeDelta;
use hub_domain::Service;
use serde_json::{Value, json};

use crate::harness::World;

fn emby(user: &str, id: &str, event: &str, at: &str, position_ticks: i64) -> Vec<u8> {
    json!({
        "Title": "somebody did something", "Date": at, "Event": event,
        "User": { "Name": user, "Id": id },
        "Item": {
            "Name": "The Matrix", "Type": "Movie", "Id": "4711", "ProductionYear": 1999,
            "RunTimeTicks": 81_600_000_000_i64, "ProviderIds": { "Imdb": "tt0133093", "Tmdb": "603" }
        },
        "Server": { "Name": "home", "Id": "server-1", "Version": "4.9.3.0" },
        "Session": { "DeviceName": "TV", "DeviceId": "tv-1", "Id": "s-1", "Client": "Emby Web" },
        "PlaybackInfo": { "PositionTicks": position_ticks, "PlayedToCompletion": true }
    })
    .to_string()
    .into_bytes()
}

#[tokio::test]
async fn a_newcomers_first_play_arrives_through_an_address_that_knows_the_account() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let token = world.webhook_token(&alice, "emby", "Alice").await;
    let at = world.clock.now();
    let body = emby(
        "alice",
        "e6a9",
        "playback.stop",
        &at.to_rfc3339(),
        80_000_000_000,
    );
    let (status, answer) = world
        .webhook("emby", &token, "application/json", body)
        .await;
    assert_eq!((status, &answer["accepted"]), (202, &json!(1)), "{answer}");
    world.pass(TimeDelta::minutes(1)).await;
    assert_eq!(world.twins.trakt.history("alice").len(), 1);
}

#[tokio::test]
async fn another_accounts_play_is_set_aside_and_given_to_its_user_with_its_own_time() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let bob = world.person_at("bob", &[Service::Trakt]).await;
    let token = world.webhook_token(&alice, "emby", "alice").await;
    let at = world.clock.now();
    let body = emby(
        "Bob",
        "b0b",
        "playback.stop",
        &at.to_rfc3339(),
        80_000_000_000,
    );
    let (status, answer) = world
        .webhook("emby", &token, "application/json", body)
        .await;
    assert_eq!((status, &answer["set_aside"]), (202, &json!(1)), "{answer}");
    world.pass(TimeDelta::days(3)).await;
    assert!(
        world.twins.trakt.history("alice").is_empty()
            && world.twins.trakt.history("bob").is_empty()
    );

    let (status, accounts) = world
        .call("GET", "/api/v1/sources/accounts", Some(&alice), None)
        .await;
    assert_eq!(status, 200, "{accounts}");
    let account = accounts["items"]
        .as_array()
        .and_then(|items| items.iter().find(|item| item["account_name"] == "Bob"))
        .cloned()
        .unwrap_or(Value::Null);
    let path = format!(
        "/api/v1/sources/accounts/{}",
        account["id"].as_str().unwrap_or_default()
    );
    let (status, answer) = world
        .call(
            "PUT",
            &path,
            Some(&alice),
            Some(json!({ "user_ids": [bob.id.to_string()] })),
        )
        .await;
    assert_eq!(status, 200, "{answer} {accounts}");
    world.pass(TimeDelta::minutes(5)).await;
    let minute = at.timestamp() / 60 * 60 - at.timestamp();
    assert_eq!(world.times_at(&bob, Service::Trakt, at), [minute]);
    assert!(world.twins.trakt.history("alice").is_empty());
}

#[tokio::test]
async fn one_account_may_stand_for_two_people_each_with_a_play_of_their_own() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let bob = world.person_at("bob", &[Service::Trakt]).await;
    let token = world.webhook_token(&alice, "emby", "alice").await;
    let at = world.clock.now().to_rfc3339();
    let body = || emby("Family", "fam", "playback.stop", &at, 80_000_000_000);
    world
        .webhook("emby", &token, "application/json", body())
        .await;
    let (_, accounts) = world
        .call("GET", "/api/v1/sources/accounts", Some(&alice), None)
        .await;
    let id = accounts["items"][0]["id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let both = json!({ "user_ids": [alice.id.to_string(), bob.id.to_string()] });
    let (status, answer) = world
        .call(
            "PUT",
            &format!("/api/v1/sources/accounts/{id}"),
            Some(&alice),
            Some(both),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
    world.pass(TimeDelta::minutes(1)).await;
    assert_eq!(
        (
            world.twins.trakt.history("alice").len(),
            world.twins.trakt.history("bob").len()
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn what_is_no_playback_is_ignored_with_a_reason_that_can_be_read() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let token = world.webhook_token(&alice, "plex", "alice").await;
    let body = br#"{"event":"library.new","Account":{"title":"alice"},"Server":{"uuid":"s","title":"home"},"Metadata":{"type":"movie","title":"Secret"}}"#;
    let (status, answer) = world
        .webhook("plex", &token, "application/json", body.to_vec())
        .await;
    assert!((200..300).contains(&status), "{answer}");
    let (status, ignored) = world
        .call(
            "GET",
            "/api/v1/sources/ignored?source=plex",
            Some(&alice),
            None,
        )
        .await;
    assert_eq!(status, 200, "{ignored}");
    assert_eq!(
        ignored["items"].as_array().map(Vec::len),
        Some(1),
        "{ignored}"
    );
    assert!(!ignored.to_string().contains("Secret"));
}
