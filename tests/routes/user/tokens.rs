//! `/api/v1/user/tokens`.

use serde_json::{Value, json};

use crate::harness::World;
use crate::harness::world::PUBLIC_URL;
use crate::routes::asking::{ask, for_person, get, token, under};

const PATH: &str = "/api/v1/user/tokens";

#[tokio::test]
async fn a_full_token_is_shown_once_and_acts_for_its_user() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let wish = json!({ "name": " my client ", "scope": "full" });
    let (status, made) = world.call("POST", PATH, Some(&alice), Some(wish)).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(
        (&made["name"], &made["scope"]),
        (&json!("my client"), &json!("full"))
    );
    assert_eq!(made["webhook_url"], Value::Null);
    let word = made["token"].as_str().expect("a token").to_owned();
    assert!(word.starts_with("hub_"), "what it is for shows");

    let listed = ask(&world, under(&word, "GET", PATH, None)).await;
    assert_eq!(listed.status, 200);
    assert!(
        !listed.body.to_string().contains(&word),
        "never shown again"
    );
    assert_eq!(listed.body["items"][0]["id"], made["id"]);
    assert!(
        listed.body["items"][0]["last_used_at"].is_string(),
        "{}",
        listed.body
    );
}

#[tokio::test]
async fn an_ingest_token_comes_with_the_address_for_the_media_server() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    for (account, shown) in [
        (json!("mira"), json!({ "id": null, "name": "mira" })),
        (
            json!({ "id": "7", "name": "mira" }),
            json!({ "id": "7", "name": "mira" }),
        ),
        (json!({ "id": "7" }), json!({ "id": "7", "name": null })),
        (Value::Null, Value::Null),
    ] {
        let wish =
            json!({ "name": "Plex", "scope": "ingest", "source": "plex", "account": account });
        let (status, made) = world.call("POST", PATH, Some(&alice), Some(wish)).await;
        assert_eq!(status, 201, "{made}");
        let word = made["token"].as_str().expect("a token");
        assert_eq!(
            made["webhook_url"],
            format!("{PUBLIC_URL}/api/v1/webhooks/plex/{word}")
        );
        for part in ["id", "name"] {
            assert_eq!(made["account"][part], shown[part], "{made}");
        }
    }
    let wish = json!({ "name": "any", "scope": "ingest" });
    let (_, made) = world.call("POST", PATH, Some(&alice), Some(wish)).await;
    let word = made["token"].as_str().expect("a token");
    assert_eq!(
        made["webhook_url"],
        format!("{PUBLIC_URL}/api/v1/webhooks/{{source}}/{word}")
    );
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once_and_only_its_user_can_revoke_it() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let (id, word) = token(&world, &alice, "full").await;
    let path = format!("{PATH}/{id}");
    ask(&world, for_person("DELETE", &path, &bob, ""))
        .await
        .is_problem(404, None, "bob");
    assert_eq!(
        ask(&world, under(&word, "GET", PATH, None)).await.status,
        200
    );
    assert_eq!(
        ask(&world, under(&word, "DELETE", &path, None))
            .await
            .status,
        204,
        "by itself"
    );
    ask(&world, under(&word, "GET", PATH, None))
        .await
        .is_problem(401, None, "revoked");
    ask(&world, for_person("DELETE", &path, &alice, ""))
        .await
        .is_problem(404, None, "twice");
    let (_, list) = world.call("GET", PATH, Some(&alice), None).await;
    assert_eq!(list["items"], json!([]));
    // An address is no way around.
    ask(&world, get(&format!("/api/v1/webhooks/plex/{word}")))
        .await
        .is_problem(405, None, "an address");
}

#[tokio::test]
async fn bad_wishes_are_refused_with_their_field_and_make_no_token() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    for (body, field) in [
        (json!({ "scope": "full" }), "name"),
        (json!({ "name": "", "scope": "full" }), "name"),
        (json!({ "name": "x".repeat(101), "scope": "full" }), "name"),
        (json!({ "name": "x" }), "scope"),
        (json!({ "name": "x", "scope": "admin" }), "scope"),
        (
            json!({ "name": "x", "scope": "ingest", "source": "netflix" }),
            "source",
        ),
        (
            json!({ "name": "x", "scope": "full", "source": "plex" }),
            "source",
        ),
        (
            json!({ "name": "x", "scope": "full", "account": "mira" }),
            "account",
        ),
        (
            json!({ "name": "x", "scope": "ingest", "account": 7 }),
            "account",
        ),
    ] {
        ask(&world, for_person("POST", PATH, &alice, body.to_string()))
            .await
            .is_problem(400, Some(field), &body.to_string());
    }
    let (_, list) = world.call("GET", PATH, Some(&alice), None).await;
    assert_eq!(list["items"], json!([]));
}
