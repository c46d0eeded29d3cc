//! A release is rolled back while messages and items of the next are there.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use hub_domain::Service;
use serde_json::{Value, json};

use super::{MIRA, person};
use crate::harness::{World, happened, track};

/// Writes into every item what the next release adds to it, and its version.
async fn as_the_next_release_left_it(world: &World) -> usize {
    let (client, table) = (&world.aws.dynamodb, world.settings.table().expect("a name"));
    let found = client.scan().table_name(table).send().await;
    let items = found.expect("the table answers").items.unwrap_or_default();
    for item in &items {
        let key = ["pk", "sk"].map(|name| (name.to_owned(), item[name].clone()));
        let update = client.update_item().table_name(table);
        update
            .set_key(Some(key.into()))
            .update_expression("SET v = :v, #new = :new")
            .expression_attribute_names("#new", "added_by_the_next_release")
            .expression_attribute_values(":v", AttributeValue::N("2".to_owned()))
            .expression_attribute_values(":new", AttributeValue::S("something".to_owned()))
            .send()
            .await
            .expect("an item of the next release");
    }
    items.len()
}

#[tokio::test]
async fn items_of_the_next_release_are_read_and_worked_on() {
    let world = World::new().await;
    let mira = person(&world, MIRA, "mira", &[Service::ListenBrainz]).await;
    let began = world.clock.now();
    world
        .event(&mira, happened(&track(), "start", began, Some(0)))
        .await;
    world.hub.handle_events().await.expect("an event");
    assert!(as_the_next_release_left_it(&world).await >= 3);
    world.clock.turn(TimeDelta::seconds(190));
    let stop = happened(&track(), "stop", world.clock.now(), Some(190));
    world.event(&mira, stop).await;
    world.hub.handle_events().await.expect("an event");
    as_the_next_release_left_it(&world).await;
    world.settle().await;
    assert_eq!(world.twins.listenbrainz.listens("mira").len(), 1);
    as_the_next_release_left_it(&world).await;
    let history = world.history(&mira).await;
    assert_eq!(history["items"][0]["deliveries"][0]["state"], "delivered");
}

#[tokio::test]
async fn an_event_of_a_newer_release_waits_in_its_queue_until_that_release_is_back() {
    let world = World::new().await;
    let mira = person(&world, MIRA, "mira", &[]).await;
    let events = world.hub.urls.events.clone().expect("a queue");
    let began = world.clock.now();
    let newer = json!({ "v": 3, "id": "5a1d0000-0000-4000-8000-000000000009", "user": MIRA });
    let send = world.aws.sqs.send_message().queue_url(&events);
    send.message_body(newer.to_string())
        .message_group_id(MIRA)
        .message_deduplication_id("newer")
        .send()
        .await
        .expect("a message");
    for _ in 0..3 {
        assert_eq!(world.hub.handle_events().await.expect("a batch"), 1);
        world.clock.turn(TimeDelta::seconds(541));
    }
    // It is there for the release that understands it: here, whoever takes it off the queue.
    let received = world.aws.sqs.receive_message().queue_url(&events);
    let received = received.send().await.expect("the queue answers");
    let message = &received.messages()[0];
    let body: Value = serde_json::from_str(message.body().expect("a body")).unwrap();
    assert_eq!(body, newer);
    let delete = world.aws.sqs.delete_message().queue_url(&events);
    let delete = delete.set_receipt_handle(message.receipt_handle.clone());
    delete.send().await.expect("deleted");
    for (event, second) in [("start", 0), ("stop", 190)] {
        let at = began + TimeDelta::seconds(second);
        world
            .event(&mira, happened(&track(), event, at, Some(second)))
            .await;
    }
    world.settle().await;
    let history = world.history(&mira).await;
    assert_eq!(history["items"].as_array().map(Vec::len), Some(1));
}
