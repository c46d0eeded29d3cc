//! What an event costs on AWS: the calls it causes, counted at the doors to the table and the queues.

use std::sync::Arc;

use hub_domain::Service;
use hub_local::aws::Embedded;
use hub_runtime::Clock;
use hub_runtime::aws::Aws;
use hub_twins::Twins;

use crate::harness::clock::evening;
use crate::harness::proxy::{Fate, open};
use crate::harness::world::settings;
use crate::harness::{Person, World, happened, track};

/// Calls that find nothing to do: a mapping polls whether or not there is anything.
const POLL: &str = "AmazonSQS.ReceiveMessage";

/// A hub whose calls to AWS are counted, and a person connected to both music services.
async fn counted() -> (World, Arc<Fate>, Person) {
    let clock = Clock::standing_at(evening());
    let embedded = Arc::new(
        Embedded::start(None, clock.clone())
            .await
            .expect("stores start"),
    );
    let now = clock.clone();
    let twins = Twins::start(Arc::new(move || now.now()))
        .await
        .expect("services start");
    let fate = Arc::new(Fate::default());
    let endpoints = embedded.endpoints();
    let dynamodb = open(&endpoints.dynamodb, fate.clone()).await;
    let sqs = open(&endpoints.sqs, fate.clone()).await;
    let aws = Aws::on_loopback(&dynamodb, &sqs);
    let settings = settings(&twins, &[]);
    let world = World::over(clock, embedded, twins, settings, aws).await;
    let person = world
        .person_at("alice", &[Service::LastFm, Service::ListenBrainz])
        .await;
    fate.take_log();
    (world, fate, person)
}

/// The calls since the last count, without polls; and how many of them write.
fn count(fate: &Fate) -> (usize, usize) {
    let calls: Vec<String> = fate
        .take_log()
        .into_iter()
        .filter(|call| call != POLL)
        .collect();
    let writes = calls
        .iter()
        .filter(|call| {
            ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"]
                .iter()
                .any(|write| call.ends_with(write))
        })
        .count();
    (calls.len(), writes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_calls_that_each_event_causes_are_bounded() {
    let (world, fate, alice) = counted().await;
    let start = world.clock.now();
    world
        .event(&alice, happened(&track(), "start", start, Some(0)))
        .await;
    world.settle().await;
    let (calls, writes) = count(&fate);
    assert!(
        calls <= 30 && writes <= 9,
        "a start shown at two services: {calls} calls, {writes} writes"
    );

    world.clock.turn(chrono::TimeDelta::seconds(65));
    world
        .event(
            &alice,
            happened(&track(), "progress", world.clock.now(), Some(65)),
        )
        .await;
    world.settle().await;
    let (calls, writes) = count(&fate);
    assert!(
        calls <= 8 && writes <= 1,
        "a progress that decides nothing: {calls} calls, {writes} writes"
    );

    world.clock.turn(chrono::TimeDelta::seconds(5));
    world
        .event(
            &alice,
            happened(&track(), "progress", world.clock.now(), Some(70)),
        )
        .await;
    world.settle().await;
    assert_eq!(
        count(&fate).1,
        0,
        "one that can decide nothing is dropped before the queue"
    );

    world.clock.turn(chrono::TimeDelta::seconds(100));
    world
        .event(
            &alice,
            happened(&track(), "stop", world.clock.now(), Some(170)),
        )
        .await;
    world.settle().await;
    let (calls, writes) = count(&fate);
    assert!(
        calls <= 40 && writes <= 16,
        "a play at two services: {calls} calls, {writes} writes"
    );
    assert_eq!(world.twins.lastfm.scrobbles("alice").len(), 1);
    assert_eq!(world.twins.listenbrainz.listens("alice").len(), 1);
}
