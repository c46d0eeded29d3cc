//! What is refused, and with which code.

use aws_sdk_sqs::error::ProvideErrorMetadata as _;
use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};

use super::Bench;

async fn code(send: SendMessageFluentBuilder) -> String {
    let refusal = send.send().await.unwrap_err().into_service_error();
    refusal.code().unwrap_or_default().to_owned()
}

fn entry(id: &str, body: &str) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder()
        .id(id)
        .message_body(body)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_fifo_queue_wants_a_group_and_a_deduplication_id_and_no_delay() {
    let bench = Bench::fifo().await;
    let send = || {
        bench
            .client
            .send_message()
            .queue_url(&bench.url)
            .message_body("body")
    };
    assert_eq!(
        code(send().message_deduplication_id("id")).await,
        "MissingParameter"
    );
    assert_eq!(
        code(send().message_group_id("a")).await,
        "InvalidParameterValue"
    );
    let complete = || send().message_group_id("a").message_deduplication_id("id");
    assert_eq!(
        code(complete().delay_seconds(5)).await,
        "InvalidParameterValue"
    );
    assert_eq!(
        code(complete().message_group_id("with space")).await,
        "InvalidParameterValue"
    );
    assert!(bench.receive().await.is_empty());
    complete().send().await.unwrap();
}

#[tokio::test]
async fn a_standard_queue_takes_no_deduplication_id_and_a_quarter_of_an_hours_delay() {
    let bench = Bench::standard().await;
    let send = || {
        bench
            .client
            .send_message()
            .queue_url(&bench.url)
            .message_body("body")
    };
    assert_eq!(
        code(send().message_deduplication_id("id")).await,
        "InvalidParameterValue"
    );
    assert_eq!(
        code(send().delay_seconds(901)).await,
        "InvalidParameterValue"
    );
    send().delay_seconds(900).send().await.unwrap();
}

#[tokio::test]
async fn eleven_entries_are_refused_and_so_are_none_and_two_of_one_id() {
    let bench = Bench::standard().await;
    let batch = |ids: Vec<String>| {
        let entries = ids.iter().map(|id| entry(id, "body")).collect();
        bench
            .client
            .send_message_batch()
            .queue_url(&bench.url)
            .set_entries(Some(entries))
            .send()
    };
    let eleven = (0..11).map(|number| format!("e{number}")).collect();
    let refusal = batch(eleven).await.unwrap_err().into_service_error();
    assert!(
        refusal.is_too_many_entries_in_batch_request(),
        "{refusal:?}"
    );
    let refusal = batch(Vec::new()).await.unwrap_err().into_service_error();
    assert!(refusal.is_empty_batch_request(), "{refusal:?}");
    let refusal = batch(vec!["same".to_owned(), "same".to_owned()])
        .await
        .unwrap_err()
        .into_service_error();
    assert!(refusal.is_batch_entry_ids_not_distinct(), "{refusal:?}");
    let refusal = batch(vec!["a b".to_owned()])
        .await
        .unwrap_err()
        .into_service_error();
    assert!(refusal.is_invalid_batch_entry_id(), "{refusal:?}");
    assert!(bench.receive().await.is_empty());
}

#[tokio::test]
async fn a_batch_takes_what_is_sound_and_names_what_is_not() {
    let bench = Bench::standard().await;
    let batch = bench.client.send_message_batch().queue_url(&bench.url);
    let sent = batch
        .entries(entry("good", "body"))
        .entries(entry("bad", "bell \u{7}"))
        .send()
        .await
        .unwrap();
    assert_eq!(sent.successful()[0].id(), "good");
    let failed = &sent.failed()[0];
    assert_eq!(
        (failed.id(), failed.code(), failed.sender_fault()),
        ("bad", "InvalidMessageContents", true)
    );
    assert_eq!(bench.receive().await.len(), 1);
}

#[tokio::test]
async fn a_byte_above_a_mebibyte_is_refused_in_a_message_and_in_a_batch() {
    let bench = Bench::standard().await;
    let send = |bytes| {
        bench
            .client
            .send_message()
            .queue_url(&bench.url)
            .message_body("x".repeat(bytes))
    };
    assert_eq!(code(send(1_048_577)).await, "InvalidParameterValue");
    send(1_048_576).send().await.unwrap();
    let batch = |bytes| {
        let half = "x".repeat(524_288);
        let batch = bench.client.send_message_batch().queue_url(&bench.url);
        batch
            .entries(entry("one", &half))
            .entries(entry("two", &"x".repeat(bytes)))
            .send()
    };
    let refusal = batch(524_289).await.unwrap_err().into_service_error();
    assert!(refusal.is_batch_request_too_long(), "{refusal:?}");
    assert_eq!(batch(524_288).await.unwrap().successful().len(), 2);
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_named_so_by_every_operation() {
    let bench = Bench::standard().await;
    let url = format!("{}-missing", bench.url);
    let client = &bench.client;
    let refusal = client
        .send_message()
        .queue_url(&url)
        .message_body("body")
        .send()
        .await
        .unwrap_err();
    assert!(refusal.into_service_error().is_queue_does_not_exist());
    let refusal = client
        .receive_message()
        .queue_url(&url)
        .wait_time_seconds(20)
        .send()
        .await
        .unwrap_err();
    assert!(refusal.into_service_error().is_queue_does_not_exist());
    let refusal = client
        .get_queue_url()
        .queue_name("missing")
        .send()
        .await
        .unwrap_err();
    assert!(refusal.into_service_error().is_queue_does_not_exist());
}

#[tokio::test]
async fn a_receive_out_of_bounds_is_refused() {
    let bench = Bench::standard().await;
    let receive = || bench.client.receive_message().queue_url(&bench.url);
    for receive in [
        receive().max_number_of_messages(0),
        receive().max_number_of_messages(11),
        receive().wait_time_seconds(21),
        receive().visibility_timeout(43_201),
        receive().visibility_timeout(-1),
    ] {
        let refusal = receive.send().await.unwrap_err().into_service_error();
        assert_eq!(refusal.code(), Some("InvalidParameterValue"), "{refusal:?}");
    }
}

#[tokio::test]
async fn a_queue_with_impossible_attributes_is_not_made() {
    let bench = Bench::standard().await;
    let create = |name: &str, attribute, value: &str| {
        bench
            .client
            .create_queue()
            .queue_name(name)
            .attributes(attribute, value)
            .send()
    };
    assert!(
        create("a/b", QueueAttributeName::VisibilityTimeout, "30")
            .await
            .is_err()
    );
    assert!(
        create("events.fifo", QueueAttributeName::FifoQueue, "false")
            .await
            .is_err()
    );
    assert!(
        create(
            "long",
            QueueAttributeName::MessageRetentionPeriod,
            "1209601"
        )
        .await
        .is_err()
    );
    let policy = super::redrive_policy("nowhere", 5);
    assert!(
        create("dead-end", QueueAttributeName::RedrivePolicy, &policy)
            .await
            .is_err()
    );
    let policy = super::redrive_policy("wake-ups", 5);
    assert!(
        create("mixed.fifo", QueueAttributeName::RedrivePolicy, &policy)
            .await
            .is_err()
    );
}
