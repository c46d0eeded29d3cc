//! Services that are down for days.

use std::time::Duration;

use chrono::TimeDelta;
use hub_domain::Service;
use hub_runtime::queue::Wake;

use crate::harness::{World, a_listen};

/// How many users, and how many plays each: the full size takes minutes, so it is asked for by name.
fn crowd() -> (usize, usize) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test asks how large it should be"
    )]
    let size = std::env::var("HUB_CROWD").unwrap_or_default();
    let asked = size
        .split_once('x')
        .and_then(|(users, plays)| Some((users.parse().ok()?, plays.parse().ok()?)));
    asked.unwrap_or((100, 10))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_plays_of_ten_days_without_the_service_all_arrive_once_with_true_times() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::LastFm]).await;
    world.twins.lastfm.faults().down(true);
    let began = world.clock.now();
    let mut expected = Vec::new();
    for number in 0..500 {
        let start = world.clock.now();
        expected.push((start - began).num_seconds());
        let play = a_listen(
            &alice,
            Service::LastFm,
            number,
            start,
            start + TimeDelta::seconds(100),
        );
        world
            .hub
            .table
            .put_play(&play, Some(start + TimeDelta::minutes(10)))
            .await
            .expect("a play");
        world
            .wake(vec![(
                Wake::deliver(alice.id, Service::LastFm, vec![play.id.clone().into()]),
                Duration::ZERO,
            )])
            .await;
        world
            .clock
            .turn(TimeDelta::minutes(28) + TimeDelta::seconds(48));
        world.settle().await;
        if number % 5 == 0 {
            world.hub.sync.tick().await.expect("a tick");
        }
    }
    assert!(world.clock.now() - began >= TimeDelta::days(10));
    assert!(world.twins.lastfm.scrobbles("alice").is_empty());
    world.twins.lastfm.faults().down(false);
    world
        .pass_in_steps(TimeDelta::hours(7), TimeDelta::minutes(5))
        .await;
    assert_eq!(world.times_at(&alice, Service::LastFm, began), expected);
    let calls = world
        .twins
        .lastfm
        .requests()
        .iter()
        .filter(|r| r.status == Some(200) && r.operation == "track.scrobble")
        .count();
    assert!(
        calls <= 20,
        "{calls} calls for 500 plays: fifty fit into one"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_is_served_in_turn_and_without_a_stampede_when_the_service_returns() {
    let (users, plays) = crowd();
    let world = World::new().await;
    world.twins.lastfm.faults().down(true);
    let began = world.clock.now();
    let mut people = Vec::new();
    for user in 0..users {
        let person = world
            .person_at(&format!("p{user}"), &[Service::LastFm])
            .await;
        let mut made = Vec::with_capacity(plays);
        for number in 0..plays {
            let start = began - TimeDelta::minutes(5) * i32::try_from(plays - number).unwrap_or(1);
            let play = a_listen(&person, Service::LastFm, number, start, began);
            world
                .hub
                .table
                .put_play(&play, Some(began + TimeDelta::minutes(10)))
                .await
                .expect("a play");
            made.push(play.id);
        }
        world
            .wake(vec![(
                Wake::deliver(
                    person.id,
                    Service::LastFm,
                    made.into_iter().map(Into::into).collect(),
                ),
                Duration::ZERO,
            )])
            .await;
        people.push(person);
    }
    world
        .pass_in_steps(TimeDelta::days(10), TimeDelta::hours(6))
        .await;
    world.twins.lastfm.forget_requests();
    world.twins.lastfm.faults().down(false);
    let back = world.clock.now();
    let calls = users * plays.div_ceil(50);
    let allowed = TimeDelta::milliseconds(i64::try_from(calls).unwrap_or(0) * 200);
    // The probe looks every fifteen seconds; after that the limit alone decides.
    let most = TimeDelta::seconds(20) + allowed * 12 / 10;
    while world.clock.now() - back < most {
        world.clock.turn(TimeDelta::milliseconds(500));
        world.settle().await;
    }
    let late: Vec<_> = people
        .iter()
        .filter(|p| world.twins.lastfm.scrobbles(&p.name).len() != plays)
        .map(|p| p.name.clone())
        .collect();
    assert!(
        late.is_empty(),
        "{} of {users} users were not served within {most}",
        late.len()
    );
    let requests = world.twins.lastfm.requests();
    assert!(requests.iter().all(|request| request.status != Some(429)));
    for person in &people {
        let first = world.times_at(person, Service::LastFm, began)[0];
        assert_eq!(
            first,
            -300 * i64::try_from(plays).unwrap_or(0),
            "true times"
        );
    }
}
