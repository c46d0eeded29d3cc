//! Order, groups and deduplication.

use aws_sdk_sqs::types::{
    MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
};

use super::{Bench, attribute, bodies, receive, receive_counts};

#[tokio::test]
async fn a_batch_of_ten_of_one_group_comes_in_the_order_sent() {
    let bench = Bench::fifo().await;
    let sent: Vec<String> = (0..12).map(|number| format!("m{number}")).collect();
    for body in &sent {
        bench.send("a", body).await;
    }
    let first = bench.receive().await;
    assert_eq!(bodies(&first), sent[..10]);
    assert_eq!(bench.receive().await.len(), 0);
    for message in &first {
        bench.delete(message).await;
    }
    assert_eq!(bodies(&bench.receive().await), sent[10..]);
}

#[tokio::test]
async fn a_group_waits_for_its_message_in_flight_while_others_flow() {
    let bench = Bench::fifo().await;
    for (group, body) in [("a", "a1"), ("a", "a2"), ("b", "b1"), ("c", "c1")] {
        bench.send(group, body).await;
    }
    let held = bench.receive_one().await;
    assert_eq!(held.body(), Some("a1"));
    let others = bench.receive().await;
    assert_eq!(bodies(&others), ["b1", "c1"]);
    assert!(bench.receive().await.is_empty());
    bench.delete(&held).await;
    assert_eq!(bodies(&bench.receive().await), ["a2"]);
}

#[tokio::test]
async fn one_receive_takes_all_of_a_group_before_the_next_group() {
    let bench = Bench::fifo().await;
    for (group, body) in [
        ("a", "a1"),
        ("b", "b1"),
        ("a", "a2"),
        ("b", "b2"),
        ("a", "a3"),
    ] {
        bench.send(group, body).await;
    }
    let taken = receive(&bench.client, &bench.url, 4).await;
    assert_eq!(bodies(&taken), ["a1", "a2", "a3", "b1"]);
    // b2 must not overtake b1.
    assert!(bench.receive().await.is_empty());
}

#[tokio::test]
async fn a_group_stays_blocked_while_any_of_a_batch_is_held() {
    let bench = Bench::fifo().await;
    for body in ["a1", "a2", "a3"] {
        bench.send("a", body).await;
    }
    let held = receive(&bench.client, &bench.url, 2).await;
    bench.delete(&held[0]).await;
    assert!(bench.receive().await.is_empty());
    bench.hide(&held[1], 0).await;
    assert_eq!(bodies(&bench.receive().await), ["a2", "a3"]);
}

#[tokio::test]
async fn after_the_visibility_timeout_a_group_comes_again_in_order_and_counted() {
    let bench = Bench::fifo().await;
    for body in ["a1", "a2", "a3"] {
        bench.send("a", body).await;
    }
    let first = bench.receive().await;
    assert_eq!(receive_counts(&first), ["1", "1", "1"]);
    bench.turn(29);
    assert!(bench.receive().await.is_empty());
    bench.turn(1);
    let again = bench.receive().await;
    assert_eq!(bodies(&again), ["a1", "a2", "a3"]);
    assert_eq!(receive_counts(&again), ["2", "2", "2"]);
}

#[tokio::test]
async fn a_deduplication_id_counts_for_five_minutes_across_groups_and_after_the_delete() {
    let bench = Bench::fifo().await;
    let first = bench.send_as("a", "id", "one").await;
    let in_another_group = bench.send_as("b", "id", "two").await;
    assert_eq!(in_another_group.message_id(), first.message_id());
    assert_eq!(in_another_group.sequence_number(), first.sequence_number());

    let received = bench.receive().await;
    assert_eq!(bodies(&received), ["one"]);
    bench.delete(&received[0]).await;
    bench.turn(299);
    assert_eq!(
        bench.send_as("a", "id", "three").await.message_id(),
        first.message_id()
    );
    assert!(bench.receive().await.is_empty());

    bench.turn(1);
    assert_ne!(
        bench.send_as("a", "id", "four").await.message_id(),
        first.message_id()
    );
    assert_eq!(bodies(&bench.receive().await), ["four"]);
}

#[tokio::test]
async fn equal_bodies_are_one_message_where_content_is_deduplicated() {
    let bench = Bench::with(
        "content.fifo",
        &[(QueueAttributeName::ContentBasedDeduplication, "true")],
    )
    .await;
    for body in ["same", "same", "other"] {
        let send = bench
            .client
            .send_message()
            .queue_url(&bench.url)
            .message_body(body);
        send.message_group_id("a").send().await.unwrap();
    }
    // An explicit id goes before the content.
    bench.send_as("a", "explicit", "same").await;
    assert_eq!(bodies(&bench.receive().await), ["same", "other", "same"]);
}

#[tokio::test]
async fn deduplication_by_group_keeps_equal_ids_of_other_groups() {
    let scope = [
        (QueueAttributeName::DeduplicationScope, "messageGroup"),
        (QueueAttributeName::FifoThroughputLimit, "perMessageGroupId"),
    ];
    let bench = Bench::with("scoped.fifo", &scope).await;
    let first = bench.send_as("a", "id", "a1").await;
    assert_eq!(
        bench.send_as("a", "id", "a2").await.message_id(),
        first.message_id()
    );
    bench.send_as("b", "id", "b1").await;
    assert_eq!(bodies(&bench.receive().await), ["a1", "b1"]);
}

#[tokio::test]
async fn a_batch_keeps_its_order_and_its_sequence_numbers_grow() {
    let bench = Bench::fifo().await;
    let mut batch = bench.client.send_message_batch().queue_url(&bench.url);
    for number in 0..10 {
        let entry = SendMessageBatchRequestEntry::builder()
            .id(format!("e{number}"))
            .message_body(format!("m{number}"))
            .message_group_id("a")
            .message_deduplication_id(format!("d{number}"));
        batch = batch.entries(entry.build().unwrap());
    }
    let sent = batch.send().await.unwrap();
    assert!(sent.failed().is_empty());
    let ids: Vec<&str> = sent.successful().iter().map(|entry| entry.id()).collect();
    assert_eq!(
        ids,
        ["e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7", "e8", "e9"]
    );
    let numbers: Vec<&str> = sent
        .successful()
        .iter()
        .map(|entry| entry.sequence_number().unwrap())
        .collect();
    assert!(
        numbers.is_sorted_by(|one, next| one.len() == next.len() && one < next),
        "{numbers:?}"
    );

    let received = bench.receive().await;
    assert_eq!(
        bodies(&received),
        ["m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9"]
    );
    let first = &received[0];
    assert_eq!(
        attribute(first, MessageSystemAttributeName::SequenceNumber),
        Some(numbers[0])
    );
    assert_eq!(
        attribute(first, MessageSystemAttributeName::MessageGroupId),
        Some("a")
    );
    assert_eq!(
        attribute(first, MessageSystemAttributeName::MessageDeduplicationId),
        Some("d0")
    );
    assert_eq!(
        attribute(first, MessageSystemAttributeName::SentTimestamp),
        Some("1700000000000")
    );
}

#[tokio::test]
async fn after_its_last_receive_a_message_is_set_aside_and_the_next_of_its_group_comes() {
    let (bench, dead_letters) = Bench::with_dead_letters("events.fifo", 2).await;
    bench.send("a", "poison").await;
    bench.send("a", "next").await;
    for count in ["1", "2"] {
        let received = bench.receive_one().await;
        assert_eq!(received.body(), Some("poison"));
        assert_eq!(
            attribute(
                &received,
                MessageSystemAttributeName::ApproximateReceiveCount
            ),
            Some(count)
        );
        bench.turn(30);
    }
    assert_eq!(bodies(&bench.receive().await), ["next"]);
    let dead = receive(&bench.client, &dead_letters, 10).await;
    assert_eq!(bodies(&dead), ["poison"]);
    assert_eq!(
        attribute(&dead[0], MessageSystemAttributeName::MessageGroupId),
        Some("a")
    );
    let source = attribute(
        &dead[0],
        MessageSystemAttributeName::DeadLetterQueueSourceArn,
    );
    assert_eq!(
        source,
        Some("arn:aws:sqs:us-east-1:000000000000:events.fifo")
    );
}

#[tokio::test]
async fn twenty_senders_at_once_lose_nothing_and_keep_their_own_order() {
    let bench = Bench::fifo().await;
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..20 {
        let (client, url) = (bench.client.clone(), bench.url.clone());
        senders.spawn(async move {
            for number in 0..10 {
                let send = client
                    .send_message()
                    .queue_url(&url)
                    .message_body(number.to_string());
                let group = format!("g{sender}");
                let id = format!("{sender}-{number}");
                send.message_group_id(group)
                    .message_deduplication_id(id)
                    .send()
                    .await
                    .unwrap();
            }
        });
    }
    senders.join_all().await;
    for _ in 0..20 {
        let received = bench.receive().await;
        assert_eq!(
            bodies(&received),
            ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
        );
    }
    assert!(bench.receive().await.is_empty());
}
