//! Servers that speak ListenBrainz' language: found however their address is written, and handled with care.

use std::sync::Arc;

use chrono::TimeDelta;
use hub_domain::Service;
use hub_twins::ListenBrainz;
use serde_json::{Value, json};

use crate::harness::{World, happened, track};
use crate::services::signing_in::{
    Shape, account_id, connection, delivery, finish, is_connected, is_not_connected, take_events,
};

const LISTENBRAINZ: Service = Service::ListenBrainz;

/// A Maloja with the world's clock.
async fn maloja(world: &World) -> ListenBrainz {
    let now = world.clock.clone();
    ListenBrainz::start_maloja(Arc::new(move || now.now()))
        .await
        .expect("a server")
}

#[tokio::test]
async fn a_server_is_found_however_its_address_was_copied() {
    for end in [
        "",
        "/",
        "/1",
        "/1/",
        "/1/submit-listens",
        "/1/submit-listens/",
        "/1/validate-token",
    ] {
        let world = World::new().await;
        let maloja = maloja(&world).await;
        let alice = world.person("alice").await;
        let token = maloja.issue_token("alice");
        let url = format!(" {}{end} ", maloja.url());
        let answer = Shape::User
            .post(
                &world,
                &alice,
                LISTENBRAINZ,
                json!({ "token": token, "url": url }),
            )
            .await;
        assert_eq!(answer.status, 200, "{end}: {}", answer.body);
        let connection = is_connected(&world, &alice, LISTENBRAINZ).await;
        assert_eq!(connection["url"], maloja.url(), "{end}");
        assert!(connection["profile_url"].is_null(), "{connection}");
        // The same name at another server is another person.
        assert!(
            account_id(&world, &alice, LISTENBRAINZ)
                .await
                .starts_with("alice@127.0.0.1")
        );
        finish(&world, &alice, &track(), TimeDelta::hours(1)).await;
        assert_eq!(
            maloja.listens("alice").len(),
            1,
            "{end}: {:#}",
            world.history(&alice).await
        );
        assert!(world.twins.listenbrainz.requests().is_empty());
    }
}

#[tokio::test]
async fn the_services_own_address_is_no_compatible_server() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let token = world.twins.listenbrainz.issue_token("alice");
    let url = format!("{}/1/", world.twins.listenbrainz.url());
    let answer = Shape::Scrobble
        .post(
            &world,
            &alice,
            LISTENBRAINZ,
            json!({ "token": token, "url": url }),
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(connection(&world, &alice, LISTENBRAINZ).await["url"].is_null());
}

#[tokio::test]
async fn private_and_plain_addresses_are_refused_unless_the_operator_allows_them() {
    let world = World::with([("ALLOW_PRIVATE_ADDRESSES", "false")]).await;
    let maloja = maloja(&world).await;
    let alice = world.person("alice").await;
    let https = maloja.url().replace("http://", "https://");
    for url in [
        maloja.url(),
        &https,
        "http://music.example",
        "https://localhost:42010",
        "https://nas.local/apis/listenbrainz",
        "https://10.0.0.2",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://0x7f.1/",
        "https://2130706433/",
        "ftp://music.example",
        "music.example",
        "https://user:word@music.example",
        "https://music.example/?token=x",
    ] {
        for shape in Shape::BOTH {
            let body = json!({ "token": maloja.issue_token("alice"), "url": url });
            let answer = shape.post(&world, &alice, LISTENBRAINZ, body).await;
            answer.is_problem(400, Some("url"), url);
        }
    }
    assert!(maloja.requests().is_empty(), "nobody was called");
    is_not_connected(&world, &alice, LISTENBRAINZ).await;
    let answer = Shape::User
        .post(
            &world,
            &alice,
            LISTENBRAINZ,
            json!({ "url": "https://music.example" }),
        )
        .await;
    answer.is_problem(400, Some("token"), "an address without a token");
}

#[tokio::test]
async fn a_wrong_token_and_a_server_of_another_kind_are_told_apart() {
    let world = World::new().await;
    let maloja = maloja(&world).await;
    let alice = world.person("alice").await;
    let root = maloja.url().trim_end_matches("/apis/listenbrainz");
    for (url, token, words) in [
        (maloja.url(), "wrong".to_owned(), "Incorrect Authorization"),
        (
            root,
            maloja.issue_token("alice"),
            "does not speak ListenBrainz",
        ),
        (world.twins.trakt.url(), "x".to_owned(), ""),
    ] {
        let answer = Shape::User
            .post(
                &world,
                &alice,
                LISTENBRAINZ,
                json!({ "token": token, "url": url }),
            )
            .await;
        answer.is_problem(422, None, url);
        assert!(
            answer.body["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains(words)),
            "{}",
            answer.body
        );
    }
    let answer = Shape::User
        .post(
            &world,
            &alice,
            LISTENBRAINZ,
            json!({ "token": "x", "url": "http://127.0.0.1:1" }),
        )
        .await;
    answer.is_problem(503, None, "nobody there");
    is_not_connected(&world, &alice, LISTENBRAINZ).await;
}

#[tokio::test]
async fn maloja_gets_one_listen_a_request_and_a_refused_one_holds_nobody_up() {
    let world = World::new().await;
    let maloja = maloja(&world).await;
    let alice = world.person("alice").await;
    let body = json!({ "token": maloja.issue_token("alice"), "url": maloja.url() });
    assert_eq!(
        Shape::User
            .post(&world, &alice, LISTENBRAINZ, body)
            .await
            .status,
        200
    );
    let events: Vec<Value> = (0..6)
        .map(|number| {
            let mut item = track();
            item["item_id"] = json!(format!("track-{number}"));
            item["title"] = json!(format!("Track {number}"));
            let at = world.clock.now() - TimeDelta::hours(1) + TimeDelta::seconds(200) * number;
            happened(&item, "stop", at, Some(200))
        })
        .collect();
    world.event(&alice, json!(events)).await;
    take_events(&world).await;
    world
        .pass_until_settled(&alice, TimeDelta::minutes(2))
        .await;
    assert_eq!(maloja.listens("alice").len(), 6);
    let submissions: Vec<Value> = maloja
        .requests()
        .into_iter()
        .filter(|request| request.path.ends_with("/1/submit-listens"))
        .map(|request| request.body)
        .collect();
    assert_eq!(submissions.len(), 6);
    for body in submissions {
        assert_eq!(body["listen_type"], "single", "{body}");
        assert_eq!(body["payload"].as_array().map(Vec::len), Some(1), "{body}");
    }
    assert_eq!(
        delivery(&world, &alice, LISTENBRAINZ).await["state"],
        "delivered"
    );
}
