//! Services that are down for days.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::identity::item_key;
use hub_domain::{
    Delivery, ItemKind, MediaItem, Play, PlayId, Precision, ServerRef, Service, Sighting, Source,
};
use hub_runtime::queue::Wake;

use crate::harness::{Person, World};

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

/// A listen that was finished then, written down as the hub would have.
fn listen(person: &Person, number: usize, started_at: DateTime<Utc>, now: DateTime<Utc>) -> Play {
    let mut media = MediaItem::new(ItemKind::Track);
    media.title = Some(format!("Track {number}"));
    media.artist = Some("Björk".to_owned());
    media.duration = Some(TimeDelta::seconds(200));
    let item = item_key(&media, &ServerRef::unnamed(Source::Canonical));
    Play {
        id: PlayId::new(person.id, &item, Some(started_at)),
        user: person.id,
        item,
        media,
        started_at: Some(started_at),
        watched_at: Some(started_at + TimeDelta::seconds(100)),
        precision: Precision::Second,
        progress_percent: Some(95.0),
        manual: false,
        sightings: vec![Sighting {
            road: "canonical#-#-#x".to_owned(),
            at: started_at,
        }],
        created_at: now,
        deliveries: BTreeMap::from([(Service::LastFm, Delivery::pending())]),
    }
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
        let play = listen(&alice, number, start, start + TimeDelta::seconds(100));
        world
            .hub
            .table
            .put_play(&play, Some(start + TimeDelta::minutes(10)))
            .await
            .expect("a play");
        world
            .wake(vec![(
                Wake::deliver(alice.id, Service::LastFm, vec![play.id.clone()]),
                Duration::ZERO,
            )])
            .await;
        world
            .pass_in_steps(
                TimeDelta::minutes(28) + TimeDelta::seconds(48),
                TimeDelta::minutes(15),
            )
            .await;
    }
    assert!(world.clock.now() - began >= TimeDelta::days(10));
    assert!(world.twins.lastfm.scrobbles("alice").is_empty());
    world.twins.lastfm.faults().down(false);
    world
        .pass_in_steps(TimeDelta::hours(7), TimeDelta::minutes(1))
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
        for number in 0..plays {
            let start = began - TimeDelta::minutes(5) * i32::try_from(plays - number).unwrap_or(1);
            let play = listen(&person, number, start, began);
            world
                .hub
                .table
                .put_play(&play, Some(began + TimeDelta::minutes(10)))
                .await
                .expect("a play");
            world
                .wake(vec![(
                    Wake::deliver(person.id, Service::LastFm, vec![play.id.clone()]),
                    Duration::ZERO,
                )])
                .await;
        }
        people.push(person);
    }
    world
        .pass_in_steps(TimeDelta::days(10), TimeDelta::minutes(5))
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
