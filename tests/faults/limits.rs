//! A service that enforces its limit, under many workers at once.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use hub_domain::Service;
use hub_runtime::queue::Wake;

use crate::harness::{World, a_listen};

/// Enough listens to keep ListenBrainz busy for more than ten minutes at its full rate: 30 requests in 10 seconds.
const PEOPLE: usize = 1_850;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_workers_use_nine_tenths_of_the_limit_for_ten_minutes_and_are_never_refused() {
    let world = World::new().await;
    let began = world.clock.now();
    let mut wakes = Vec::new();
    for number in 0..PEOPLE {
        let person = world
            .person_at(&format!("p{number}"), &[Service::ListenBrainz])
            .await;
        let play = a_listen(
            &person,
            Service::ListenBrainz,
            0,
            began - TimeDelta::minutes(5),
            began,
        );
        world.hub.table.put_play(&play, None).await.expect("a play");
        wakes.push((
            Wake::deliver(person.id, Service::ListenBrainz, vec![play.id.into()]),
            Duration::ZERO,
        ));
    }
    world.wake(wakes).await;
    while world.clock.now() - began < TimeDelta::minutes(10) {
        while world
            .hub
            .handle_wakes(Service::ListenBrainz)
            .await
            .expect("wakes")
            > 0
        {
            let others =
                join_all((0..49).map(|_| world.hub.handle_wakes(Service::ListenBrainz))).await;
            if others
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
