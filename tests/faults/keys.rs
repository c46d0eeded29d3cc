//! Sealing keys that were lost or mixed up, as by a deploy with the wrong secret.

use chrono::TimeDelta;
use hub_domain::Service;
use hub_local::hub::Hub;
use serde_json::json;

use crate::harness::world::settings;
use crate::harness::{World, happened, track};

/// A key that opens nothing that was sealed here.
const WRONG_KEYS: &str = "wrong:HxAeDhwdGhsYGRYXFBUSExAREg4PDA0KCwgJBgcEBQI=";

#[tokio::test]
async fn tokens_that_cannot_be_opened_fail_the_message_and_hold_no_lane() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::ListenBrainz]).await;
    let wrong = settings(&world.twins, &[("SEALING_KEYS", WRONG_KEYS)]);
    let locked_out = Hub::assemble(&wrong, &world.aws, world.clock.clone())
        .await
        .expect("the hub starts: no key is tried before there is something to open");

    let start = world.clock.now();
    world
        .event(&alice, happened(&track(), "stop", start, Some(170)))
        .await;
    locked_out.drain().await.expect("the queues answer");
    assert_eq!(world.twins.listenbrainz.listens("alice").len(), 0);
    assert_eq!(
        world.states(&alice, Service::ListenBrainz).await,
        ["pending"]
    );
    let lane = world
        .hub
        .table
        .lane(alice.id, Service::ListenBrainz)
        .await
        .expect("the table answers");
    assert_eq!(
        (lane.lease_until, lane.frozen),
        (None, None),
        "a lane that nobody can work in is free"
    );

    // Repaired: the message comes again once its visibility timeout is over, and is the only one.
    world
        .pass_until_settled(&alice, TimeDelta::minutes(12))
        .await;
    assert_eq!(
        world.times_at(&alice, Service::ListenBrainz, start).len(),
        1
    );
    assert_eq!(
        world.history(&alice).await["items"][0]["deliveries"][0]["state"],
        json!("delivered")
    );
}
