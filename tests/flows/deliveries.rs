//! Deliveries under limits, without a sign-in, and after users are gone.

use chrono::TimeDelta;
use futures_util::future::join_all;
use hub_domain::Service;
use hub_twins::{Answer, Fault};
use serde_json::json;

use crate::harness::{Person, World, film, happened, track};

/// Films that a person finished one after the other before now, each two hours long.
async fn finish_films(world: &World, person: &Person, numbers: std::ops::Range<usize>) {
    let end = world.clock.now();
    let count = numbers.end;
    for number in numbers {
        let mut item = film();
        item["item_id"] = json!(format!("film-{number}"));
        item["title"] = json!(format!("Film {number}"));
        item["external_ids"] = json!({ "tmdb": 10_000 + number });
        let at = end - TimeDelta::hours(3) * i32::try_from(count - number).unwrap_or(0);
        world
            .event(person, happened(&item, "stop", at, Some(7100)))
            .await;
    }
}

#[tokio::test]
async fn forty_deliveries_at_once_with_an_expired_token_refresh_it_once() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    world.twins.trakt.expire_access("alice");
    finish_films(&world, &alice, 0..40).await;
    while world.hub.handle_events().await.expect("events") > 0 {}
    // Forty workers, each with a batch of its own.
    join_all((0..40).map(|_| world.hub.handle_wakes(Service::Trakt))).await;
    world
        .pass_until_settled(&alice, TimeDelta::minutes(10))
        .await;
    assert_eq!(world.twins.trakt.history("alice").len(), 40);
    let refreshes = world
        .twins
        .trakt
        .requests()
        .iter()
        .filter(|request| request.path == "/oauth/token")
        .count();
    assert_eq!(refreshes, 1);
}

#[tokio::test]
async fn a_revoked_connection_is_told_once_called_no_more_and_delivered_after_signing_in() {
    let world = World::new().await;
    let notices = crate::harness::notices::Notices::start().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let wish = json!({ "notification_url": notices.url });
    let (status, body) = world
        .call("PATCH", "/api/v1/user/settings", Some(&alice), Some(wish))
        .await;
    assert_eq!(status, 200, "{body}");
    world.twins.trakt.revoke("alice");
    finish_films(&world, &alice, 0..5).await;
    world.pass(TimeDelta::hours(2)).await;
    let calls = world.twins.trakt.requests().len();
    finish_films(&world, &alice, 5..15).await;
    world.pass(TimeDelta::days(2)).await;
    assert_eq!(
        world.twins.trakt.requests().len(),
        calls,
        "no further calls"
    );
    assert_eq!(notices.taken().len(), 1, "{:?}", notices.taken());
    let (_, connections) = world
        .call("GET", "/api/v1/scrobble/connections", Some(&alice), None)
        .await;
    assert!(
        connections.to_string().contains("reconnect_required"),
        "{connections}"
    );
    assert!(
        world
            .states(&alice, Service::Trakt)
            .await
            .iter()
            .all(|state| state == "waiting")
    );

    world.sign_in_at_trakt(&alice).await;
    world
        .pass_until_settled(&alice, TimeDelta::minutes(10))
        .await;
    assert_eq!(world.twins.trakt.history("alice").len(), 15);
    assert_eq!(notices.taken().len(), 1);
}

#[tokio::test]
async fn a_retry_after_of_2852_seconds_is_kept_to_while_others_go_on() {
    let world = World::new().await;
    let alice = world
        .person_at("alice", &[Service::Trakt, Service::ListenBrainz])
        .await;
    let bob = world.person_at("bob", &[Service::ListenBrainz]).await;
    let limited = Answer::json(429, &json!({})).header("Retry-After", 2852);
    world
        .twins
        .trakt
        .faults()
        .once("/sync/history", Fault::answer(limited));
    finish_films(&world, &alice, 0..1).await;
    let asked = world.clock.now();
    world.settle().await;
    assert_eq!(world.states(&alice, Service::Trakt).await, ["waiting"]);
    for person in [&alice, &bob] {
        let start = world.clock.now() - TimeDelta::seconds(190);
        world
            .event(person, happened(&track(), "start", start, Some(0)))
            .await;
        world
            .event(
                person,
                happened(&track(), "stop", world.clock.now(), Some(190)),
            )
            .await;
    }
    world.pass(TimeDelta::seconds(20)).await;
    assert_eq!(world.twins.listenbrainz.listens("alice").len(), 1);
    assert_eq!(world.twins.listenbrainz.listens("bob").len(), 1);
    world
        .pass_in_steps(
            asked + TimeDelta::seconds(2851) - world.clock.now(),
            TimeDelta::seconds(30),
        )
        .await;
    assert_eq!(
        world.twins.trakt.calls("/sync/history"),
        1,
        "nothing before its time"
    );
    world
        .pass_in_steps(TimeDelta::minutes(3), TimeDelta::seconds(5))
        .await;
    assert_eq!(world.twins.trakt.history("alice").len(), 1);
}

#[tokio::test]
async fn an_erased_user_with_messages_in_flight_leaves_nothing_behind() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    finish_films(&world, &alice, 0..3).await;
    world
        .hub
        .table
        .erase_user(alice.id, world.clock.now())
        .await
        .expect("erased");
    world.pass(TimeDelta::minutes(20)).await;
    assert!(world.twins.trakt.history("alice").is_empty());
    assert!(
        world
            .hub
            .table
            .user(alice.id)
            .await
            .expect("a read")
            .is_none()
    );
    let page = hub_store::Page {
        limit: 10,
        cursor: None,
    };
    let history = world
        .hub
        .table
        .history(alice.id, &page, &hub_store::Filter::default())
        .await
        .expect("a read");
    assert!(history.0.is_empty());
}

#[tokio::test]
async fn one_dead_compatible_server_delays_nobody_else() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let tokens = hub_providers::Tokens {
        access: hub_domain::Secret::new("any"),
        refresh: None,
        expires_at: None,
    };
    // Nobody listens on the discard port of this machine.
    world
        .link(
            &alice,
            Service::ListenBrainz,
            &tokens,
            Some("http://127.0.0.1:9".to_owned()),
        )
        .await;
    let mut others = Vec::new();
    for name in ["bob", "carol", "dave"] {
        others.push(world.person_at(name, &[Service::ListenBrainz]).await);
    }
    for person in std::iter::once(&alice).chain(&others) {
        let start = world.clock.now() - TimeDelta::seconds(190);
        world
            .event(person, happened(&track(), "start", start, Some(0)))
            .await;
        world
            .event(
                person,
                happened(&track(), "stop", world.clock.now(), Some(190)),
            )
            .await;
    }
    world.pass(TimeDelta::seconds(10)).await;
    for person in &others {
        assert_eq!(
            world.states(person, Service::ListenBrainz).await,
            ["delivered"],
            "{}",
            person.name
        );
    }
    assert_eq!(
        world.states(&alice, Service::ListenBrainz).await,
        ["waiting"]
    );
}

#[tokio::test]
async fn a_connection_switched_on_again_sends_what_waited_and_not_what_was_played_meanwhile() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::ListenBrainz]).await;
    let switch = |on: bool| {
        let wish = json!({ "enabled": on });
        world.call(
            "PATCH",
            "/api/v1/user/services/listenbrainz/settings",
            Some(&alice),
            Some(wish),
        )
    };
    let listen = |title: &str| {
        let mut item = track();
        item["item_id"] = json!(title);
        item["title"] = json!(title);
        let end = world.clock.now();
        json!([
            happened(&item, "start", end - TimeDelta::seconds(190), Some(0)),
            happened(&item, "stop", end, Some(190)),
        ])
    };
    world.twins.listenbrainz.faults().down(true);
    world.event(&alice, listen("before")).await;
    world.pass(TimeDelta::seconds(5)).await;
    assert_eq!(switch(false).await.0, 200);
    world.twins.listenbrainz.faults().down(false);
    world.event(&alice, listen("meanwhile")).await;
    world.pass(TimeDelta::hours(3)).await;
    assert!(world.twins.listenbrainz.listens("alice").is_empty());

    assert_eq!(switch(true).await.0, 200);
    world.pass(TimeDelta::minutes(1)).await;
    let listens = world.twins.listenbrainz.listens("alice");
    assert_eq!(
        listens
            .iter()
            .map(|listen| listen.track.as_str())
            .collect::<Vec<_>>(),
        ["before"]
    );
}
