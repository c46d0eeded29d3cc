//! Batches of which a part fails, or for which too little time is left.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::Service;
use hub_runtime::queue::Deadline;

use super::{MIRA, NONE, OTHER, numbers, person, sample};
use crate::harness::World;

fn deadline(at: DateTime<Utc>) -> Deadline {
    Deadline::of_invocation(u64::try_from(at.timestamp_millis()).expect("a time after 1970"))
}

#[tokio::test]
async fn a_failed_event_comes_again_with_the_rest_of_its_user_and_nobody_elses() {
    let world = World::new().await;
    let mira = person(&world, MIRA, "mira", &[]).await;
    let other = person(&world, OTHER, "other", &[]).await;
    world.clock.turn(TimeDelta::minutes(12));
    let progress = &world.hub.progress;
    let first = progress
        .handle(sample("progress/10-two-listeners.json"))
        .await;
    assert_eq!(numbers(&first), NONE);
    let second = progress
        .handle(sample("progress/20-message-of-a-newer-release.json"))
        .await;
    assert_eq!(numbers(&second), [4, 6], "mira's, in order");
    for (person, plays) in [(&mira, 1), (&other, 1)] {
        let history = world.history(person).await;
        assert_eq!(history["items"].as_array().map(Vec::len), Some(plays));
    }
}

#[tokio::test]
async fn events_that_an_invocation_has_no_time_for_come_again() {
    let world = World::new().await;
    let mira = person(&world, MIRA, "mira", &[]).await;
    world.clock.turn(TimeDelta::minutes(6));
    let batch = || sample("progress/10-two-listeners.json");
    let soon = deadline(world.clock.now() + TimeDelta::seconds(5));
    let answer = world.hub.progress.handle_until(batch(), soon).await;
    assert_eq!(numbers(&answer), [1, 2, 3]);
    let history = world.history(&mira).await;
    assert_eq!(history["items"].as_array().map(Vec::len), Some(0));
    let enough = deadline(world.clock.now() + TimeDelta::seconds(90));
    let answer = world.hub.progress.handle_until(batch(), enough).await;
    assert_eq!(numbers(&answer), NONE);
}

#[tokio::test]
async fn no_call_is_begun_that_could_outlive_the_invocation_and_the_next_one_makes_it() {
    let world = World::new().await;
    person(&world, MIRA, "mira", &[Service::ListenBrainz]).await;
    person(&world, OTHER, "other", &[]).await;
    world.clock.turn(TimeDelta::minutes(6));
    let events = sample("progress/10-two-listeners.json");
    assert_eq!(numbers(&world.hub.progress.handle(events).await), NONE);
    let worker = &world.hub.workers[&Service::ListenBrainz];
    // A call may take a minute, and what it was answered has to be written down.
    let soon = deadline(world.clock.now() + TimeDelta::seconds(65));
    let answer = worker
        .handle_until(sample("worker/10-deliver.json"), soon)
        .await;
    assert_eq!(numbers(&answer), NONE, "its lane is woken anew");
    assert!(world.twins.listenbrainz.listens("mira").is_empty());
    world.settle().await;
    assert_eq!(world.twins.listenbrainz.listens("mira").len(), 1);
}

#[tokio::test]
async fn a_wake_up_of_a_newer_release_waits_and_one_that_nobody_understands_is_done_with() {
    let world = World::new().await;
    let worker = &world.hub.workers[&Service::ListenBrainz];
    let answer = worker
        .handle(sample("worker/30-message-of-a-newer-release.json"))
        .await;
    assert_eq!(numbers(&answer), [13]);
}
