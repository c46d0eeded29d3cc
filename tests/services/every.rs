//! What holds at every service, whichever it is: one suite, which a new service gets by its rows in
//! `harness::services`.
//!
//! A play of two hours ago is what goes wrong here: its moment is past, so a record that is dated with the service's own
//! present shows as a wrong time.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use hub_domain::{Service, SignIn};
use hub_twins::{Answer, Fault};
use serde_json::{Value, json};

use crate::harness::{Person, World, happened, services};
use crate::services::signing_in::{
    Shape, come_back, connection, decide, delivery, query_of, take_events,
};

/// A world in which somebody is connected to one service.
async fn at(service: Service) -> (World, Person) {
    let world = World::new().await;
    let alice = world.person_at("alice", &[service]).await;
    (world, alice)
}

/// What a media server posts of something that was finished two hours ago, and the time that a service is told.
fn finished(world: &World, service: Service) -> (Value, DateTime<Utc>) {
    let (item, length) = services::item(service);
    let end = world.clock.now() - TimeDelta::hours(2);
    let start = end - TimeDelta::seconds(length);
    let events = json!([
        happened(&item, "start", start, Some(0)),
        happened(&item, "stop", end, Some(length)),
    ]);
    let is_told_its_beginning = item["item_type"] == "track";
    (events, if is_told_its_beginning { start } else { end })
}

async fn play(world: &World, person: &Person, service: Service) -> DateTime<Utc> {
    let (events, told) = finished(world, service);
    world.event(person, events).await;
    told
}

/// Expects the play to be there once, with its true time.
async fn is_there_once(world: &World, person: &Person, service: Service, told: DateTime<Utc>) {
    let held = world.held(service, &person.name);
    let history = || async { format!("{service}: {held:?} {:#}", world.history(person).await) };
    assert_eq!(held.len(), 1, "{}", history().await);
    let is_true = (held[0] - told).abs() <= World::exactness(service);
    assert!(is_true, "{told} {}", history().await);
    assert_eq!(world.states(person, service).await.len(), 1, "{service}");
}

/// Lets time pass until the play is settled, and expects it to be there once.
async fn arrives(world: &World, person: &Person, service: Service, told: DateTime<Utc>) {
    world
        .pass_until_settled(person, TimeDelta::minutes(30))
        .await;
    is_there_once(world, person, service, told).await;
}

async fn faulty(service: Service, times: u32, fault: Fault) {
    let (world, alice) = at(service).await;
    world
        .faults(service)
        .times(times, services::late_write(service), fault);
    let told = play(&world, &alice, service).await;
    arrives(&world, &alice, service, told).await;
    assert_eq!(world.faults(service).outstanding(), 0, "{service}");
}

#[tokio::test]
async fn copies_of_an_event_are_one_record_everywhere() {
    for service in Service::WRITABLE {
        let (world, alice) = at(service).await;
        let (events, told) = finished(&world, service);
        for _ in 0..3 {
            world.event(&alice, events.clone()).await;
        }
        take_events(&world).await;
        // As many workers as there are copies, at once.
        join_all((0..3).map(|_| world.hub.handle_wakes(service))).await;
        world.event(&alice, events).await;
        arrives(&world, &alice, service, told).await;
    }
}

#[tokio::test]
async fn a_service_that_is_down_for_a_while_gets_the_play_once_with_its_true_time() {
    for service in Service::WRITABLE {
        faulty(service, 2, Fault::html_page(503)).await;
    }
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_service_took_the_play_loses_nothing() {
    for service in Service::WRITABLE {
        faulty(service, 1, Fault::drop_before()).await;
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_doubles_nothing() {
    for service in Service::WRITABLE {
        faulty(service, 1, Fault::drop_after()).await;
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_doubles_nothing() {
    for service in Service::WRITABLE {
        faulty(service, 1, Fault::not_json()).await;
    }
}

#[tokio::test]
async fn a_request_that_a_service_finishes_late_doubles_nothing() {
    for service in Service::WRITABLE {
        let (world, alice) = at(service).await;
        let write = services::late_write(service);
        world.faults(service).once(write, Fault::late());
        let told = play(&world, &alice, service).await;
        world
            .pass_in_steps(TimeDelta::minutes(2), TimeDelta::seconds(5))
            .await;
        assert_eq!(world.faults(service).apply_late(), 1, "{service}");
        arrives(&world, &alice, service, told).await;
    }
}

#[tokio::test]
async fn a_limit_is_waited_for_and_costs_no_try() {
    for service in Service::WRITABLE {
        let (world, alice) = at(service).await;
        let limited = Answer::json(429, &json!({})).header("Retry-After", 600);
        let write = services::late_write(service);
        world.faults(service).once(write, Fault::answer(limited));
        let told = play(&world, &alice, service).await;
        world
            .pass_in_steps(TimeDelta::minutes(9), TimeDelta::seconds(30))
            .await;
        let waits = delivery(&world, &alice, service).await;
        assert_eq!(
            (&waits["state"], &waits["attempts"]),
            (&json!("waiting"), &json!(0)),
            "{service}: {waits}"
        );
        assert!(world.held(service, &alice.name).is_empty(), "{service}");
        arrives(&world, &alice, service, told).await;
    }
}

#[tokio::test]
async fn what_is_refused_says_why_and_is_not_sent_again() {
    for service in Service::WRITABLE {
        let (world, alice) = at(service).await;
        let refusal = Fault::answer(services::refusal(service));
        let write = services::late_write(service);
        world.faults(service).always(write, refusal);
        play(&world, &alice, service).await;
        world
            .pass_until_settled(&alice, TimeDelta::minutes(5))
            .await;
        let refused = delivery(&world, &alice, service).await;
        assert_eq!(refused["state"], "refused", "{service}: {refused}");
        assert!(refused["detail"].is_string(), "{service}: {refused}");
        world.faults(service).clear();
        let requests = world.requests(service).len();
        world
            .pass_with_ticks(
                TimeDelta::hours(9),
                TimeDelta::hours(3),
                TimeDelta::hours(3),
            )
            .await;
        assert_eq!(world.requests(service).len(), requests, "{service}");
    }
}

#[tokio::test]
async fn access_that_has_ended_is_renewed_where_it_can_be() {
    for service in Service::WRITABLE {
        let (world, alice) = at(service).await;
        if !world.expire_access(service, &alice.name) {
            continue;
        }
        let told = play(&world, &alice, service).await;
        arrives(&world, &alice, service, told).await;
        assert_eq!(connection(&world, &alice, service).await["health"], "ok");
    }
}

/// Signs in as a person does.
pub(super) async fn sign_in(world: &World, person: &Person, service: Service) {
    if service.sign_in() == SignIn::Token {
        let token = world.issue(service, &person.name).access;
        let body = json!({ "token": token.reveal() });
        let answer = Shape::User.post(world, person, service, body).await;
        assert_eq!(answer.status, 200, "{service}: {}", answer.body);
        return;
    }
    let started = Shape::User.start(world, person, service, false).await;
    let page = started["authorize_url"].as_str().expect("an address");
    let back = decide(page, &person.name, true).await.expect("a way back");
    let answer = come_back(world, Shape::User, service, &query_of(&back)).await;
    assert_eq!(answer.status, 200, "{service}: {}", answer.body);
}

#[tokio::test]
async fn a_sign_in_that_is_withdrawn_parks_the_plays_until_the_next_one() {
    for service in Service::WRITABLE {
        let (world, alice) = at(service).await;
        world.revoke(service, &alice.name);
        let told = play(&world, &alice, service).await;
        world
            .pass_with_ticks(
                TimeDelta::hours(1),
                TimeDelta::minutes(10),
                TimeDelta::minutes(10),
            )
            .await;
        let parked = connection(&world, &alice, service).await;
        assert_eq!(parked["health"], "reconnect_required", "{service}");
        assert_eq!(
            world.states(&alice, service).await,
            ["waiting"],
            "{service}"
        );
        let requests = world.requests(service).len();
        world
            .pass_with_ticks(
                TimeDelta::hours(9),
                TimeDelta::hours(3),
                TimeDelta::hours(3),
            )
            .await;
        assert_eq!(world.requests(service).len(), requests, "{service}");
        sign_in(&world, &alice, service).await;
        arrives(&world, &alice, service, told).await;
    }
}
