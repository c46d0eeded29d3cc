//! What holds at every service of what a user says: one suite, which a new service gets by its rows here.

use chrono::TimeDelta;
use hub_domain::Service;
use hub_twins::{Answer, Fault};
use serde_json::{Value, json};

use crate::harness::{Person, World, film, services, track};
use crate::services::every::sign_in;

/// What is said of which item, by which address.
fn said(service: Service) -> (&'static str, Value) {
    match service {
        Service::Trakt | Service::Simkl => {
            let mut body = film();
            body["rating"] = json!(8.7);
            ("/api/v1/ratings", body)
        }
        Service::LastFm | Service::ListenBrainz => {
            let mut body = track();
            body["external_ids"] =
                json!({"recording_mbid": "b1a9c0e9-d987-4042-ae91-78d6a3267d69"});
            ("/api/v1/lists/loved", body)
        }
        Service::AniList | Service::MyAnimeList => {
            let body = json!({
                "item_type": "season", "season": 1, "rating": 8.7,
                "show": { "title": "Attack on Titan", "external_ids": { "tvdb": 267_440 } },
            });
            ("/api/v1/ratings", body)
        }
        Service::Goodreads | Service::Letterboxd => unreachable!("nothing is told there"),
    }
}

/// The call that takes it, as faults name it.
fn write(service: Service) -> &'static str {
    match service {
        Service::Trakt | Service::Simkl => "/sync/ratings",
        Service::LastFm => "track.love",
        Service::ListenBrainz => "/1/feedback/recording-feedback",
        Service::AniList | Service::MyAnimeList | Service::Goodreads | Service::Letterboxd => {
            services::late_write(service)
        }
    }
}

/// What the service shows of it.
fn shown(world: &World, service: Service) -> Vec<u32> {
    let twins = &world.twins;
    match service {
        Service::Trakt => twins
            .trakt
            .ratings("alice")
            .iter()
            .filter_map(|entry| entry.rating.map(u32::from))
            .collect(),
        Service::Simkl => twins
            .simkl
            .ratings("alice")
            .iter()
            .filter_map(|entry| entry.rating.map(u32::from))
            .collect(),
        Service::LastFm => twins.lastfm.loved("alice").iter().map(|_| 1).collect(),
        Service::ListenBrainz => twins
            .listenbrainz
            .feedback("alice")
            .iter()
            .filter(|feedback| feedback.score == 1)
            .map(|_| 1)
            .collect(),
        Service::AniList => {
            let list = twins.anilist.list("alice").into_iter();
            list.map(|entry| entry.score_raw / 10)
                .filter(|score| *score > 0)
                .collect()
        }
        Service::MyAnimeList => {
            let list = twins.myanimelist.list("alice").into_iter();
            list.map(|entry| entry.score)
                .filter(|score| *score > 0)
                .collect()
        }
        Service::Goodreads | Service::Letterboxd => Vec::new(),
    }
}

/// What a service is expected to show.
const fn expected(service: Service) -> u32 {
    match service {
        Service::LastFm | Service::ListenBrainz => 1,
        Service::Trakt
        | Service::Simkl
        | Service::AniList
        | Service::MyAnimeList
        | Service::Goodreads
        | Service::Letterboxd => 9,
    }
}

async fn at(service: Service) -> (World, Person) {
    let world = World::new().await;
    let alice = world.person_at("alice", &[service]).await;
    world.clock.turn(TimeDelta::seconds(5));
    (world, alice)
}

async fn say(world: &World, person: &Person, method: &str, service: Service) {
    let (path, body) = said(service);
    let (status, answer) = world.call(method, path, Some(person), Some(body)).await;
    assert_eq!(status, 202, "{answer}");
    world.settle().await;
}

/// The state of its one delivery, and all of it for a message.
async fn delivery(world: &World, person: &Person, service: Service) -> (String, Value) {
    let (path, _) = said(service);
    let path = format!("{path}?service={service}");
    let (_, page) = world.call("GET", &path, Some(person), None).await;
    let delivery = page["items"][0]["deliveries"][0].clone();
    let state = delivery["state"].as_str().unwrap_or_default().to_owned();
    (state, delivery)
}

async fn pass(world: &World, time: TimeDelta) {
    world
        .pass_with_ticks(time, TimeDelta::minutes(1), TimeDelta::minutes(5))
        .await;
}

async fn survives(service: Service, times: u32, fault: Fault) {
    let (world, alice) = at(service).await;
    world.faults(service).times(times, write(service), fault);
    say(&world, &alice, "PUT", service).await;
    pass(&world, TimeDelta::minutes(12)).await;
    let (state, delivery) = delivery(&world, &alice, service).await;
    assert!(
        ["delivered", "already_there"].contains(&state.as_str()),
        "{service}: {delivery}"
    );
    assert_eq!(shown(&world, service), [expected(service)], "{service}");
    assert_eq!(world.faults(service).outstanding(), 0, "{service}");
}

#[tokio::test]
async fn what_is_said_arrives_whatever_happens_to_its_first_tries() {
    for service in Service::WRITABLE {
        for fault in [
            Fault::html_page(503),
            Fault::drop_before(),
            Fault::drop_after(),
            Fault::not_json(),
        ] {
            survives(service, 1, fault).await;
        }
    }
}

#[tokio::test]
async fn a_limit_is_waited_for_and_costs_no_try() {
    for service in Service::WRITABLE {
        let (world, alice) = at(service).await;
        let limited = Answer::json(429, &json!({})).header("Retry-After", 600);
        world
            .faults(service)
            .once(write(service), Fault::answer(limited));
        say(&world, &alice, "PUT", service).await;
        pass(&world, TimeDelta::minutes(8)).await;
        let (state, waits) = delivery(&world, &alice, service).await;
        assert_eq!(
            (state.as_str(), &waits["attempts"]),
            ("waiting", &json!(0)),
            "{service}: {waits}"
        );
        pass(&world, TimeDelta::minutes(10)).await;
        assert_eq!(shown(&world, service), [expected(service)], "{service}");
    }
}

#[tokio::test]
async fn what_is_said_again_is_told_once_and_what_is_taken_back_goes() {
    for service in Service::WRITABLE {
        let (world, alice) = at(service).await;
        say(&world, &alice, "PUT", service).await;
        pass(&world, TimeDelta::minutes(1)).await;
        assert_eq!(shown(&world, service), [expected(service)], "{service}");
        let requests = world.requests(service).len();
        say(&world, &alice, "PUT", service).await;
        pass(&world, TimeDelta::minutes(1)).await;
        assert_eq!(world.requests(service).len(), requests, "{service}");
        say(&world, &alice, "DELETE", service).await;
        pass(&world, TimeDelta::minutes(2)).await;
        assert!(shown(&world, service).is_empty(), "{service}");
    }
}

#[tokio::test]
async fn a_sign_in_that_is_withdrawn_keeps_what_was_said_for_the_next_one() {
    for service in Service::WRITABLE {
        let (world, alice) = at(service).await;
        world.revoke(service, &alice.name);
        say(&world, &alice, "PUT", service).await;
        pass(&world, TimeDelta::minutes(20)).await;
        let (state, kept) = delivery(&world, &alice, service).await;
        assert_eq!(state, "waiting", "{service}: {kept}");
        assert!(shown(&world, service).is_empty(), "{service}");
        sign_in(&world, &alice, service).await;
        pass(&world, TimeDelta::minutes(20)).await;
        assert_eq!(shown(&world, service), [expected(service)], "{service}");
    }
}
