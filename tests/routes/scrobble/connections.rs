//! `/api/v1/scrobble/connections`, and the same under `/api/v1/user/services`.

use hub_domain::Service;
use serde_json::{Value, json};

use crate::harness::World;
use crate::routes::asking::{ask, for_person};

const LISTS: [&str; 2] = ["/api/v1/scrobble/connections", "/api/v1/user/services"];

#[tokio::test]
async fn every_service_is_listed_connected_or_not() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::LastFm]).await;
    for path in LISTS {
        let (status, list) = world.call("GET", path, Some(&alice), None).await;
        assert_eq!(status, 200, "{list}");
        let items = list["items"].as_array().expect("services");
        let named: Vec<&str> = items
            .iter()
            .filter_map(|item| item["service"].as_str())
            .collect();
        let all: Vec<&str> = Service::ALL.iter().map(|service| service.name()).collect();
        assert_eq!(named, all, "{path}");
        for item in items {
            let is_connected = item["service"] == "lastfm";
            assert_eq!(item["connected"], is_connected, "{item}");
            assert_eq!(item["available"], true, "{item}");
            assert_eq!(
                item["username"].as_str(),
                is_connected.then_some("alice"),
                "{item}"
            );
            assert_eq!(
                item["health"].as_str(),
                is_connected.then_some("ok"),
                "{item}"
            );
            assert_eq!(item["user_id"], alice.id.to_string(), "{item}");
        }
        // Whatever is listed, no token is.
        assert!(!list.to_string().contains("token\":"), "{list}");
    }
}

#[tokio::test]
async fn a_service_that_is_off_says_which_setting_is_missing() {
    let world = World::with([("LASTFM_ENABLED", "false"), ("TRAKT_ENABLED", "false")]).await;
    let alice = world.person("alice").await;
    let (_, list) = world.call("GET", LISTS[0], Some(&alice), None).await;
    let of = |name: &str| {
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items
            .into_iter()
            .find(|item| item["service"] == name)
            .unwrap_or(Value::Null)
    };
    for (name, setting) in [("lastfm", "LASTFM_ENABLED"), ("trakt", "TRAKT_ENABLED")] {
        assert_eq!(of(name)["available"], false);
        let why = of(name)["why_unavailable"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(why.contains(setting), "{why}");
        let answer = ask(
            &world,
            for_person(
                "POST",
                &format!("/api/v1/scrobble/connect/{name}"),
                &alice,
                "{}",
            ),
        )
        .await;
        answer.is_problem(422, None, name);
    }
    assert_eq!(of("listenbrainz")["available"], true);
}

#[tokio::test]
async fn what_is_wanted_of_a_connection_is_changed_under_both_addresses_and_the_rest_stays() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let put = "/api/v1/scrobble/connections/trakt";
    let patch = "/api/v1/user/services/trakt/settings";
    let wish = json!({ "live_signals": false, "scrobble_threshold_percent": 95.5 });
    let (status, changed) = world.call("PUT", put, Some(&alice), Some(wish)).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(
        (&changed["live_signals"], &changed["enabled"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(changed["scrobble_threshold_percent"], 95.5);

    let (status, changed) = world
        .call(
            "PATCH",
            patch,
            Some(&alice),
            Some(json!({ "enabled": false })),
        )
        .await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(
        (&changed["live_signals"], &changed["enabled"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(
        changed["scrobble_threshold_percent"], 95.5,
        "what is left out stays"
    );

    let wish = json!({ "scrobble_threshold_percent": null });
    let (_, changed) = world.call("PATCH", patch, Some(&alice), Some(wish)).await;
    assert_eq!(
        changed["scrobble_threshold_percent"],
        Value::Null,
        "null takes the user's"
    );
}

#[tokio::test]
async fn a_change_that_cannot_be_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let path = "/api/v1/scrobble/connections/trakt";
    for (body, field) in [
        (
            r#"{"enabled":false,"scrobble_threshold_percent":0}"#,
            "scrobble_threshold_percent",
        ),
        (
            r#"{"enabled":false,"scrobble_threshold_percent":100.1}"#,
            "scrobble_threshold_percent",
        ),
        (
            r#"{"enabled":false,"scrobble_threshold_percent":"x"}"#,
            "scrobble_threshold_percent",
        ),
        (r#"{"enabled":"no"}"#, "enabled"),
    ] {
        ask(&world, for_person("PUT", path, &alice, body))
            .await
            .is_problem(400, Some(field), body);
    }
    let (_, list) = world.call("GET", LISTS[0], Some(&alice), None).await;
    let trakt = list["items"]
        .as_array()
        .and_then(|items| items.iter().find(|item| item["service"] == "trakt"));
    assert_eq!(
        trakt.map(|item| &item["enabled"]),
        Some(&json!(true)),
        "{list}"
    );
    // One that is not connected has nothing to change, and nothing to end.
    for (method, path) in [
        ("PUT", "/api/v1/scrobble/connections/lastfm"),
        ("PATCH", "/api/v1/user/services/lastfm/settings"),
        ("DELETE", "/api/v1/scrobble/connections/lastfm"),
        ("POST", "/api/v1/user/services/lastfm/disconnect"),
    ] {
        ask(&world, for_person(method, path, &alice, "{}"))
            .await
            .is_problem(404, None, path);
    }
}
