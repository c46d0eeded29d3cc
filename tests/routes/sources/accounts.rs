//! `/api/v1/sources/accounts`: whose a media server's account is.

use chrono::TimeDelta;
use hub_domain::Service;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Person, World};
use crate::routes::asking::{ask, for_person, token, under};

const PATH: &str = "/api/v1/sources/accounts";

/// A film that an account of a media server finished now.
async fn finished(world: &World, address: &str, name: &str, id: &str) -> Value {
    let body = json!({
        "Event": "playback.stop", "Date": world.clock.now().to_rfc3339(),
        "User": { "Name": name, "Id": id }, "Server": { "Name": "home", "Id": "server-1" },
        "Item": {
            "Name": "The Matrix", "Type": "Movie", "Id": "4711", "ProductionYear": 1999,
            "RunTimeTicks": 81_600_000_000_i64, "ProviderIds": { "Imdb": "tt0133093" },
        },
        "PlaybackInfo": { "PositionTicks": 80_000_000_000_i64, "PlayedToCompletion": true },
    });
    let (status, taken) = world
        .webhook(
            "emby",
            address,
            "application/json",
            body.to_string().into_bytes(),
        )
        .await;
    assert_eq!(status, 202, "{taken}");
    taken
}

async fn account(world: &World, person: &Person, name: &str) -> Value {
    let (status, accounts) = world.call("GET", PATH, Some(person), None).await;
    assert_eq!(status, 200, "{accounts}");
    let items = accounts["items"].as_array().cloned().unwrap_or_default();
    items
        .into_iter()
        .find(|item| item["account_name"] == name)
        .unwrap_or(Value::Null)
}

fn path_of(account: &Value) -> String {
    format!(
        "{PATH}/{}",
        account["id"].as_str().expect("an account's id")
    )
}

#[tokio::test]
async fn a_strangers_events_are_counted_and_become_plays_of_whoever_claims_the_account() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let address = world.webhook_token(&alice, "emby", "alice").await;
    for _ in 0..2 {
        let taken = finished(&world, &address, "Kid", "k1d").await;
        assert_eq!(
            (&taken["accepted"], &taken["set_aside"]),
            (&json!(0), &json!(1)),
            "{taken}"
        );
        world.clock.turn(TimeDelta::hours(4));
    }
    let kid = account(&world, &alice, "Kid").await;
    assert_eq!(
        (&kid["source"], &kid["server"]),
        (&json!("emby"), &json!("server-1")),
        "{kid}"
    );
    assert_eq!(
        (&kid["user_ids"], &kid["set_aside"]),
        (&json!([]), &json!(2)),
        "{kid}"
    );

    let claim = json!({ "user_ids": [alice.id.to_string()] });
    let (status, assigned) = world
        .call("PUT", &path_of(&kid), Some(&alice), Some(claim))
        .await;
    assert_eq!(
        (status, &assigned["replayed"]),
        (200, &json!(2)),
        "{assigned}"
    );
    world
        .pass_until_settled(&alice, TimeDelta::minutes(5))
        .await;
    assert_eq!(world.twins.trakt.history("alice").len(), 2);
    let taken = finished(&world, &address, "Kid", "k1d").await;
    assert_eq!(taken["accepted"], 1, "theirs from now on");

    // Given up again, what comes is set aside again.
    let (status, _) = world
        .call(
            "PUT",
            &path_of(&kid),
            Some(&alice),
            Some(json!({ "user_ids": [] })),
        )
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        finished(&world, &address, "Kid", "k1d").await["set_aside"],
        1
    );
}

#[tokio::test]
async fn to_assign_an_account_to_others_takes_the_servers_token() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let address = world.webhook_token(&alice, "emby", "alice").await;
    finished(&world, &address, "Kid", "k1d").await;
    let path = path_of(&account(&world, &alice, "Kid").await);
    let (_, own) = token(&world, &alice, "full").await;
    let to_bob = json!({ "user_ids": [bob.id.to_string()] });
    let answer = ask(&world, under(&own, "PUT", &path, Some(to_bob.clone()))).await;
    answer.is_problem(403, Some("user_ids"), "alice alone");
    let to_her = json!({ "user_ids": [alice.id.to_string()] });
    assert_eq!(
        ask(&world, under(&own, "PUT", &path, Some(to_her)))
            .await
            .status,
        200
    );
    assert_eq!(
        world.call("PUT", &path, Some(&alice), Some(to_bob)).await.0,
        200
    );
    // Bob does not learn of addresses that are not his, and cannot change whose an account of theirs is.
    let (_, bobs) = token(&world, &bob, "full").await;
    let to_bob = json!({ "user_ids": [bob.id.to_string()] });
    ask(&world, under(&bobs, "PUT", &path, Some(to_bob)))
        .await
        .is_problem(404, None, "bob");
}

#[tokio::test]
async fn an_account_that_nobody_heard_of_and_users_that_are_not_there_are_refused() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let address = world.webhook_token(&alice, "emby", "alice").await;
    finished(&world, &address, "Kid", "k1d").await;
    let kid = account(&world, &alice, "Kid").await;
    for (body, field) in [
        (json!({ "user_ids": [Uuid::new_v4()] }), "user_ids"),
        (json!({ "user_ids": ["bob"] }), "user_ids[0]"),
        (
            json!({ "user_ids": (0..21).map(|_| Uuid::new_v4()).collect::<Vec<_>>() }),
            "user_ids",
        ),
        (json!({}), "user_ids"),
    ] {
        let answer = ask(
            &world,
            for_person("PUT", &path_of(&kid), &alice, body.to_string()),
        )
        .await;
        answer.is_problem(400, Some(field), &body.to_string());
    }
    let claim = json!({ "user_ids": [alice.id.to_string()] }).to_string();
    for id in ["x", "%00", "ZW1ieQ", &"A".repeat(3_000)] {
        let answer = ask(
            &world,
            for_person("PUT", &format!("{PATH}/{id}"), &alice, claim.clone()),
        )
        .await;
        answer.is_problem(404, None, id);
    }
    assert_eq!(account(&world, &alice, "Kid").await["user_ids"], json!([]));
}
