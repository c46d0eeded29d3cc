//! Standard queues, and what both kinds share.

use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName};

use super::{Bench, attribute, bodies, make_queue, receive, redrive_policy};

#[tokio::test]
async fn a_standard_queue_sets_aside_what_was_received_too_often() {
    let (bench, dead_letters) = Bench::with_dead_letters("wake-ups", 1).await;
    bench.post("poison").await;
    assert_eq!(bodies(&bench.receive().await), ["poison"]);
    bench.turn(30);
    bench.post("sound").await;
    assert_eq!(bodies(&bench.receive().await), ["sound"]);
    assert_eq!(
        bodies(&receive(&bench.client, &dead_letters, 10).await),
        ["poison"]
    );
}

#[tokio::test]
async fn dead_letters_can_be_sent_back_to_where_they_came_from() {
    for name in ["wake-ups", "events.fifo"] {
        let (bench, dead_letters) = Bench::with_dead_letters(name, 1).await;
        let is_fifo = name.ends_with(".fifo");
        for body in ["one", "two"] {
            let send = bench
                .client
                .send_message()
                .queue_url(&bench.url)
                .message_body(body);
            let send = send.set_message_group_id(is_fifo.then(|| "a".to_owned()));
            send.set_message_deduplication_id(is_fifo.then(|| body.to_owned()))
                .send()
                .await
                .unwrap();
        }
        assert_eq!(bench.receive().await.len(), 2);
        bench.turn(30);
        assert!(bench.receive().await.is_empty());

        let source = format!("arn:aws:sqs:us-east-1:000000000000:dead-{name}");
        let task = bench
            .client
            .start_message_move_task()
            .source_arn(source)
            .send()
            .await
            .unwrap();
        assert!(task.task_handle().is_some());
        let back = bench.receive().await;
        assert_eq!(bodies(&back), ["one", "two"]);
        assert_eq!(
            attribute(
                &back[0],
                MessageSystemAttributeName::ApproximateReceiveCount
            ),
            Some("1")
        );
        assert!(receive(&bench.client, &dead_letters, 10).await.is_empty());
    }
}

#[tokio::test]
async fn dead_letters_are_only_sent_on_to_a_queue_of_their_kind() {
    let (bench, _) = Bench::with_dead_letters("events.fifo", 1).await;
    make_queue(&bench.client, "wake-ups", &[]).await;
    let arn = |name: &str| format!("arn:aws:sqs:us-east-1:000000000000:{name}");
    let redrive = |from: &str, to: &str| {
        bench
            .client
            .start_message_move_task()
            .source_arn(arn(from))
            .destination_arn(arn(to))
            .send()
    };
    assert!(redrive("dead-events.fifo", "wake-ups").await.is_err());
    assert!(
        redrive("dead-events.fifo", "dead-events.fifo")
            .await
            .is_err()
    );
    let refusal = redrive("no-such-queue", "events.fifo")
        .await
        .unwrap_err()
        .into_service_error();
    assert!(refusal.is_resource_not_found_exception(), "{refusal:?}");
    // Nothing names it as its dead letters.
    let refusal = redrive("wake-ups", "dead-events.fifo")
        .await
        .unwrap_err()
        .into_service_error();
    assert!(refusal.is_unsupported_operation(), "{refusal:?}");
}

#[tokio::test]
async fn a_standard_queue_keeps_the_group_of_a_message_and_blocks_nothing() {
    let bench = Bench::standard().await;
    for body in ["one", "two"] {
        let send = bench
            .client
            .send_message()
            .queue_url(&bench.url)
            .message_body(body);
        send.message_group_id("user").send().await.unwrap();
    }
    let first = bench.receive_one().await;
    assert_eq!(
        attribute(&first, MessageSystemAttributeName::MessageGroupId),
        Some("user")
    );
    assert_eq!(
        attribute(&first, MessageSystemAttributeName::SequenceNumber),
        None
    );
    assert_eq!(bodies(&bench.receive().await), ["two"]);
}

#[tokio::test]
async fn a_message_of_a_mebibyte_passes_whole() {
    let bench = Bench::standard().await;
    // Quotes take two bytes in JSON, control characters six.
    let body = "\"\t".repeat(524_288);
    let sent = bench.post(&body).await;
    let received = bench.receive().await;
    assert_eq!(received[0].body(), Some(body.as_str()));
    assert_eq!(received[0].md5_of_body(), sent.md5_of_message_body());
}

#[tokio::test]
async fn a_message_is_kept_for_fourteen_days_where_the_queue_says_so() {
    const DAY: i64 = 86_400;
    let bench = Bench::with(
        "kept",
        &[(QueueAttributeName::MessageRetentionPeriod, "1209600")],
    )
    .await;
    bench.post("old").await;
    bench.turn(14 * DAY - 1);
    let received = bench.receive().await;
    assert_eq!(bodies(&received), ["old"]);
    bench.hide(&received[0], 0).await;
    bench.turn(1);
    assert!(bench.receive().await.is_empty());
}

#[tokio::test]
async fn attributes_of_a_message_come_back_with_their_digest() {
    let bench = Bench::standard().await;
    let text = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("one")
        .build()
        .unwrap();
    let bytes = MessageAttributeValue::builder()
        .data_type("Binary")
        .binary_value(Blob::new([0, 255]))
        .build()
        .unwrap();
    let send = bench
        .client
        .send_message()
        .queue_url(&bench.url)
        .message_body("body");
    let sent = send
        .message_attributes("text", text.clone())
        .message_attributes("bytes", bytes.clone());
    let sent = sent.send().await.unwrap();
    let received = bench.receive_one().await;
    let attributes = received.message_attributes().unwrap();
    assert_eq!((&attributes["text"], &attributes["bytes"]), (&text, &bytes));
    assert!(sent.md5_of_message_attributes().is_some());
    assert_eq!(
        received.md5_of_message_attributes(),
        sent.md5_of_message_attributes()
    );
}

#[tokio::test]
async fn a_queue_counts_what_is_visible_in_flight_and_delayed() {
    let bench = Bench::standard().await;
    for body in ["one", "two", "three"] {
        bench.post(body).await;
    }
    let delayed = bench
        .client
        .send_message()
        .queue_url(&bench.url)
        .message_body("later");
    delayed.delay_seconds(60).send().await.unwrap();
    bench.receive_one().await;
    let get = bench.client.get_queue_attributes().queue_url(&bench.url);
    let attributes = get
        .attribute_names(QueueAttributeName::All)
        .send()
        .await
        .unwrap()
        .attributes
        .unwrap();
    let expected = [
        (QueueAttributeName::ApproximateNumberOfMessages, "2"),
        (
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            "1",
        ),
        (QueueAttributeName::ApproximateNumberOfMessagesDelayed, "1"),
        (
            QueueAttributeName::QueueArn,
            "arn:aws:sqs:us-east-1:000000000000:wake-ups",
        ),
        (QueueAttributeName::VisibilityTimeout, "30"),
    ];
    for (name, value) in expected {
        assert_eq!(attributes[&name], value, "{name}");
    }
}

#[tokio::test]
async fn a_purged_queue_is_empty() {
    let bench = Bench::standard().await;
    bench.post("one").await;
    bench
        .client
        .purge_queue()
        .queue_url(&bench.url)
        .send()
        .await
        .unwrap();
    assert!(bench.receive().await.is_empty());
}

#[tokio::test]
async fn queues_are_listed_by_their_beginning_and_found_by_their_name() {
    let bench = Bench::standard().await;
    let trakt = make_queue(&bench.client, "deliver-trakt", &[]).await;
    let lastfm = make_queue(&bench.client, "deliver-lastfm", &[]).await;
    let listed = bench
        .client
        .list_queues()
        .queue_name_prefix("deliver-")
        .send()
        .await
        .unwrap();
    assert_eq!(listed.queue_urls(), [lastfm, trakt.clone()]);
    let found = bench
        .client
        .get_queue_url()
        .queue_name("deliver-trakt")
        .send()
        .await
        .unwrap();
    assert_eq!(found.queue_url(), Some(trakt.as_str()));
}

#[tokio::test]
async fn a_queue_can_be_made_again_as_it_is_and_changed_afterwards() {
    let bench = Bench::standard().await;
    let create = |seconds: &str| {
        let create = bench.client.create_queue().queue_name("wake-ups");
        create
            .attributes(QueueAttributeName::VisibilityTimeout, seconds)
            .send()
    };
    assert_eq!(
        create("30").await.unwrap().queue_url(),
        Some(bench.url.as_str())
    );
    assert!(
        create("60")
            .await
            .unwrap_err()
            .into_service_error()
            .is_queue_name_exists()
    );
    make_queue(&bench.client, "dead", &[]).await;
    let set = bench.client.set_queue_attributes().queue_url(&bench.url);
    let set = set.attributes(QueueAttributeName::VisibilityTimeout, "60");
    set.attributes(QueueAttributeName::RedrivePolicy, redrive_policy("dead", 5))
        .send()
        .await
        .unwrap();
    assert_eq!(
        create("60").await.unwrap().queue_url(),
        Some(bench.url.as_str())
    );
}
