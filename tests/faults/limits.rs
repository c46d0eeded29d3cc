//! A service that enforces its limit, under many workers at once.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use hub_domain::Service;
use serde_json::json;

use crate::harness::{World, happened, track};

/// Enough listens to keep ListenBrainz busy for more than ten minutes at its full rate: 30 requests in 10 seconds.
const PEOPLE: usize = 1_900;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_workers_use_nine_tenths_of_the_limit_for_ten_minutes_and_are_never_refused() {
    let world = World::new().await;
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(
            world
                .person_at(&format!("p{number}"), &[Service::ListenBrainz])
                .await,
        );
    }
    let start = world.clock.now() - TimeDelta::seconds(190);
    for person in &people {
        let events = json!([happened(
            &track(),
            "stop",
            start + TimeDelta::seconds(190),
            Some(190)
        )]);
        world.event(person, events).await;
    }
    while world
        .hub
        .handle_events(Duration::ZERO)
        .await
        .expect("events")
        > 0
    {}
    let began = world.clock.now();
    while world.clock.now() - began < TimeDelta::minutes(10) {
        loop {
            let handled = join_all((0..50).map(|_| {
                world
                    .hub
                    .handle_wakes(Service::ListenBrainz, Duration::ZERO)
            }))
            .await;
            if handled
                .into_iter()
                .map(|count| count.expect("wakes"))
                .sum::<usize>()
                == 0
            {
                break;
            }
        }
        world.clock.turn(TimeDelta::milliseconds(500));
    }
    let requests = world.twins.listenbrainz.requests();
    let refused = requests
        .iter()
        .filter(|request| request.status == Some(429))
        .count();
    let taken = requests
        .iter()
        .filter(|request| request.status == Some(200))
        .count();
    assert_eq!(refused, 0, "of {taken}");
    assert!(
        taken >= 1_620,
        "{taken} of 1,800 that the limit allows in ten minutes"
    );
}
