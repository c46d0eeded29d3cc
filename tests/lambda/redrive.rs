//! Dead letters come back: each hour, a letter at most once a day.

use aws_sdk_sqs::types::QueueAttributeName;
use chrono::{TimeDelta, Timelike as _};
use hub_domain::Service;
use hub_runtime::Queues;
use hub_runtime::settings::DeadLetters;
use hub_sync::Sync;
use serde_json::Value;

use super::{MIRA, person, sample};
use crate::harness::World;

/// The queue of dead letters that belongs to another.
fn dead(url: &str) -> String {
    match url.strip_suffix(".fifo") {
        Some(stem) => format!("{stem}-dead.fifo"),
        None => format!("{url}-dead"),
    }
}

/// Sync, looking after the dead letters of one queue.
fn sync(world: &World, to: &str) -> Sync {
    let queues = Queues::new(world.aws.sqs.clone(), world.hub.urls.clone());
    let letters = DeadLetters {
        from: dead(to),
        to: to.to_owned(),
    };
    let clock = world.clock.clone();
    Sync::of(&world.settings, world.hub.table.clone(), queues, clock)
        .redriving(&world.aws.sqs, vec![letters])
}

/// How many messages a queue holds, in flight or not.
async fn count(world: &World, url: &str) -> usize {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let ask = world.aws.sqs.get_queue_attributes().queue_url(url);
    let told = ask.set_attribute_names(Some(names.to_vec())).send().await;
    let told = told.expect("the queue answers");
    let told = told.attributes.expect("numbers");
    let number = |name| told[name].parse::<usize>().expect("a number");
    names.iter().map(number).sum()
}

/// Turns the clock to the next full hour, and ticks.
async fn next_hour(world: &World, sync: &Sync) -> usize {
    let now = world.clock.now();
    let into = TimeDelta::seconds(i64::from(now.minute() * 60 + now.second()));
    world.clock.turn(TimeDelta::hours(1) - into);
    sync.tick().await.expect("a tick").redriven
}

#[tokio::test]
async fn an_event_among_the_dead_letters_comes_back_to_its_user_and_becomes_a_play() {
    let world = World::new().await;
    let mira = person(&world, MIRA, "mira", &[]).await;
    world.clock.turn(TimeDelta::minutes(6));
    let events = world.hub.urls.events.clone().expect("a queue");
    let batch: Value = sample("progress/10-two-listeners.json");
    for record in batch["Records"].as_array().expect("records") {
        let send = world.aws.sqs.send_message().queue_url(dead(&events));
        send.message_body(record["body"].as_str().expect("a body"))
            .message_group_id(record["attributes"]["MessageGroupId"].as_str().unwrap())
            .message_deduplication_id(record["messageId"].as_str().unwrap())
            .send()
            .await
            .expect("a dead letter");
    }
    let sync = sync(&world, &events);
    assert_eq!(
        sync.tick().await.unwrap().redriven,
        0,
        "not the hour's first"
    );
    assert_eq!(next_hour(&world, &sync).await, 3);
    assert_eq!(count(&world, &dead(&events)).await, 0);
    assert_eq!(world.settle().await, 3);
    let history = world.history(&mira).await;
    assert_eq!(history["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_letter_that_dies_again_stays_for_a_day() {
    let world = World::new().await;
    let queue = world.hub.urls.deliver[&Service::ListenBrainz].clone();
    let sync = sync(&world, &queue);
    let poison: Value = sample("worker/30-message-of-a-newer-release.json");
    let send = world.aws.sqs.send_message().queue_url(&queue);
    let body = poison["Records"][0]["body"].as_str().expect("a body");
    send.message_body(body).send().await.expect("a message");

    let dies = async || {
        for _ in 0..11 {
            let handled = world.hub.handle_wakes(Service::ListenBrainz).await;
            handled.expect("the queue answers");
            world.clock.turn(TimeDelta::seconds(541));
        }
        assert_eq!(count(&world, &queue).await, 0);
        assert_eq!(count(&world, &dead(&queue)).await, 1);
    };
    dies().await;
    assert_eq!(next_hour(&world, &sync).await, 1);
    assert_eq!(count(&world, &queue).await, 1);
    dies().await;
    for hour in 3..24 {
        assert_eq!(next_hour(&world, &sync).await, 0, "hour {hour}");
    }
    let brought_back = next_hour(&world, &sync).await + next_hour(&world, &sync).await;
    assert_eq!(brought_back, 1, "a day later, once");
}
