//! `/api/v1/scrobble/plays/{id}`: trying again, and undoing.

use chrono::TimeDelta;
use hub_domain::Service;
use hub_twins::{Answer, Fault};
use serde_json::json;

use crate::harness::{Person, World, film, happened};
use crate::routes::asking::{ask, for_person};

/// A film that was finished an hour ago; returns its play's id.
async fn finished(world: &World, person: &Person) -> String {
    let at = world.clock.now() - TimeDelta::hours(1);
    world
        .event(person, happened(&film(), "stop", at, Some(7_100)))
        .await;
    world.settle().await;
    world.history(person).await["items"][0]["id"]
        .as_str()
        .expect("a play")
        .to_owned()
}

#[tokio::test]
async fn a_refused_play_is_delivered_once_somebody_tries_it_again() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let refusal = Answer::json(422, &json!({ "error": "watched_at is not a UTC datetime" }));
    world
        .twins
        .trakt
        .faults()
        .once("/sync/history", Fault::answer(refusal));
    let id = finished(&world, &alice).await;
    assert_eq!(world.states(&alice, Service::Trakt).await, ["refused"]);
    let detail = world.history(&alice).await["items"][0]["deliveries"][0]["detail"].clone();
    assert!(
        detail
            .as_str()
            .is_some_and(|detail| detail.contains("watched_at")),
        "{detail}"
    );

    let path = format!("/api/v1/scrobble/plays/{id}/retry");
    // Another user's play is nobody's.
    let bob = world.person("bob").await;
    ask(&world, for_person("POST", &path, &bob, ""))
        .await
        .is_problem(404, None, "bob's");
    let (status, retried) = world.call("POST", &path, Some(&alice), None).await;
    assert_eq!(
        (status, &retried["retried"]),
        (202, &json!(["trakt"])),
        "{retried}"
    );
    world.pass(TimeDelta::seconds(20)).await;
    assert_eq!(world.states(&alice, Service::Trakt).await, ["delivered"]);
    assert_eq!(world.twins.trakt.history("alice").len(), 1);
    // Now there is nothing left to try.
    ask(&world, for_person("POST", &path, &alice, ""))
        .await
        .is_problem(409, None, "again");
    assert_eq!(world.twins.trakt.history("alice").len(), 1);
}

#[tokio::test]
async fn trying_again_can_be_asked_of_one_service() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    world
        .twins
        .trakt
        .faults()
        .once("/sync/history", Fault::status(422));
    let id = finished(&world, &alice).await;
    let path = format!("/api/v1/scrobble/plays/{id}/retry");
    for (body, status, field) in [
        (r#"{"service":"lastfm"}"#, 409, None),
        (r#"{"service":"netflix"}"#, 400, Some("service")),
        (r#"{"service":7}"#, 400, Some("service")),
    ] {
        ask(&world, for_person("POST", &path, &alice, body))
            .await
            .is_problem(status, field, body);
    }
    let (status, _) = world
        .call(
            "POST",
            &path,
            Some(&alice),
            Some(json!({ "service": "trakt" })),
        )
        .await;
    assert_eq!(status, 202);
}

#[tokio::test]
async fn an_undone_play_leaves_the_history_and_the_answer_says_where_it_is_removed() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let id = finished(&world, &alice).await;
    let path = format!("/api/v1/scrobble/plays/{id}");
    let bob = world.person("bob").await;
    ask(&world, for_person("DELETE", &path, &bob, ""))
        .await
        .is_problem(404, None, "bob's");
    let (status, undone) = world.call("DELETE", &path, Some(&alice), None).await;
    assert_eq!(
        (status, &undone["removing_at"]),
        (202, &json!(["trakt"])),
        "{undone}"
    );
    assert_eq!(world.history(&alice).await["items"], json!([]));
    world.pass(TimeDelta::minutes(1)).await;
    assert!(world.twins.trakt.history("alice").is_empty());
    assert_eq!(world.twins.trakt.calls("/sync/history/remove"), 1);
    // Said twice it is the same, and nobody is told twice.
    let (status, again) = world.call("DELETE", &path, Some(&alice), None).await;
    assert_eq!(
        (status, &again["removing_at"]),
        (202, &json!([])),
        "{again}"
    );
    world.pass(TimeDelta::minutes(1)).await;
    assert_eq!(world.twins.trakt.calls("/sync/history/remove"), 1);
}

#[tokio::test]
async fn a_play_that_is_undone_while_it_waits_is_never_sent() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    world.twins.trakt.faults().down(true);
    let id = finished(&world, &alice).await;
    assert_eq!(world.states(&alice, Service::Trakt).await, ["waiting"]);
    let (status, undone) = world
        .call(
            "DELETE",
            &format!("/api/v1/scrobble/plays/{id}"),
            Some(&alice),
            None,
        )
        .await;
    assert_eq!((status, &undone["stays_at"]), (202, &json!([])), "{undone}");
    world.twins.trakt.faults().down(false);
    world
        .pass_with_ticks(
            TimeDelta::hours(1),
            TimeDelta::minutes(10),
            TimeDelta::minutes(10),
        )
        .await;
    assert!(world.twins.trakt.history("alice").is_empty());
    assert_eq!(world.history(&alice).await["items"], json!([]));
}

#[tokio::test]
async fn a_play_that_never_was_is_not_found_however_it_is_spelled() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    for id in [
        "x",
        "0",
        "%00",
        "..%2f..",
        "20261120T190000Z-0123456789abcdef",
        &"a".repeat(500),
    ] {
        for (method, end) in [("POST", "/retry"), ("DELETE", "")] {
            let path = format!("/api/v1/scrobble/plays/{id}{end}");
            ask(&world, for_person(method, &path, &alice, ""))
                .await
                .is_problem(404, None, &path);
        }
    }
}
