//! `GET /health` and `GET /api/v1/health`.

use hub_domain::Service;

use super::asking::{ask, get};
use crate::harness::World;

#[tokio::test]
async fn the_shallow_check_is_open_and_asks_nobody() {
    let world = World::new().await;
    let answer = ask(&world, get("/health")).await;
    assert_eq!(
        (answer.status, answer.body["status"].as_str()),
        (200, Some("ok"))
    );
    assert!(answer.body["version"].is_string());
    for service in Service::WRITABLE {
        assert!(world.requests(service).is_empty(), "{service}");
    }
}

#[tokio::test]
async fn the_deep_check_asks_each_service_who_the_user_is() {
    let world = World::new().await;
    let alice = world.person_at("alice", &Service::WRITABLE).await;
    let (status, report) = world
        .call("GET", "/api/v1/health", Some(&alice), None)
        .await;
    assert_eq!((status, &report["status"]), (200, &"ok".into()), "{report}");
    assert_eq!(
        (&report["table"]["ok"], &report["queue"]["ok"]),
        (&true.into(), &true.into())
    );
    let connections = report["connections"].as_array().expect("connections");
    assert_eq!(connections.len(), Service::WRITABLE.len());
    for connection in connections {
        assert_eq!(connection["ok"], true, "{connection}");
        assert_eq!(connection["username"], "alice", "{connection}");
        assert_eq!(connection["health"], "ok", "{connection}");
    }
    assert_eq!(
        world.twins.trakt.calls("/users/settings"),
        2,
        "signing in, and the check"
    );
    assert_eq!(world.twins.lastfm.calls("user.getInfo"), 1);
    assert_eq!(world.twins.listenbrainz.calls("/1/validate-token"), 1);
}

#[tokio::test]
async fn the_deep_check_says_honestly_which_service_lets_the_user_in_no_more() {
    for gone in Service::WRITABLE {
        let world = World::new().await;
        let alice = world.person_at("alice", &Service::WRITABLE).await;
        world.revoke(gone, "alice");
        let (status, report) = world
            .call("GET", "/api/v1/health", Some(&alice), None)
            .await;
        assert_eq!(
            (status, &report["status"]),
            (200, &"degraded".into()),
            "{report}"
        );
        for connection in report["connections"].as_array().expect("connections") {
            let is_gone = connection["service"] == gone.name();
            assert_eq!(connection["ok"], !is_gone, "{gone}: {connection}");
            assert_eq!(
                connection["detail"].is_string(),
                is_gone,
                "{gone}: {connection}"
            );
        }
    }
}

#[tokio::test]
async fn the_deep_check_tells_a_service_that_is_down_from_a_sign_in_that_is_over() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::LastFm]).await;
    world.twins.lastfm.faults().down(true);
    let (status, report) = world
        .call("GET", "/api/v1/health", Some(&alice), None)
        .await;
    assert_eq!(
        (status, &report["status"]),
        (200, &"degraded".into()),
        "{report}"
    );
    let detail = report["connections"][0]["detail"]
        .as_str()
        .unwrap_or_default();
    assert!(detail.contains("could not say who you are"), "{detail}");
    let (_, connections) = world
        .call("GET", "/api/v1/scrobble/connections", Some(&alice), None)
        .await;
    assert!(
        !connections.to_string().contains("reconnect_required"),
        "{connections}"
    );
}
