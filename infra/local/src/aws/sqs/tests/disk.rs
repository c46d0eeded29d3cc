//! What is on the disk, and when.

use std::fs;
use std::path::Path;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use chrono::{DateTime, TimeDelta};
use hub_runtime::Clock;

use super::{bodies, make_queue, receive, receive_counts};
use crate::aws::Embedded;

async fn start(folder: &Path, clock: &Clock) -> (Embedded, Client, String) {
    let embedded = Embedded::start(Some(folder), clock.clone()).await.unwrap();
    let (_, client) = embedded.clients();
    let url = make_queue(
        &client,
        "events.fifo",
        &[(QueueAttributeName::VisibilityTimeout, "900")],
    )
    .await;
    (embedded, client, url)
}

async fn send(client: &Client, url: &str, number: usize) {
    let send = client
        .send_message()
        .queue_url(url)
        .message_body(number.to_string());
    let send = send
        .message_group_id("a")
        .message_deduplication_id(number.to_string());
    send.send().await.unwrap();
}

/// Receives and deletes until nothing comes.
async fn drain(client: &Client, url: &str) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let batch = receive(client, url, 10).await;
        if batch.is_empty() {
            return all;
        }
        for message in &batch {
            let delete = client.delete_message().queue_url(url);
            delete
                .receipt_handle(message.receipt_handle().unwrap())
                .send()
                .await
                .unwrap();
        }
        all.extend(bodies(&batch).into_iter().map(str::to_owned));
    }
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn what_was_answered_is_there_after_an_end_without_a_shutdown() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let (embedded, client, url) = start(folder.path(), &clock).await;
    for number in 0..200 {
        send(&client, &url, number).await;
    }
    drop((embedded, client));
    let (_embedded, client, url) = start(folder.path(), &clock).await;
    assert_eq!(drain(&client, &url).await, numbers(200));
}

#[tokio::test]
async fn what_was_answered_is_in_the_files_at_that_moment() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let (_embedded, client, url) = start(folder.path(), &clock).await;
    for number in 0..50 {
        send(&client, &url, number).await;
    }
    // A copy of the files while all runs is what a killed process leaves behind.
    let killed = tempfile::tempdir().unwrap();
    for file in ["queues.sqlite", "queues.sqlite-wal"] {
        fs::copy(folder.path().join(file), killed.path().join(file)).unwrap();
    }
    let (_second, client, url) = start(killed.path(), &clock).await;
    assert_eq!(drain(&client, &url).await, numbers(50));
}

#[tokio::test]
async fn a_new_start_hands_back_what_was_in_flight_and_keeps_delays_counts_and_ids() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::standing_at(DateTime::UNIX_EPOCH + TimeDelta::days(20_000));
    let (embedded, client, url) = start(folder.path(), &clock).await;
    send(&client, &url, 0).await;
    assert_eq!(receive(&client, &url, 1).await.len(), 1);
    let wake_ups = make_queue(&client, "wake-ups", &[]).await;
    let delayed = client
        .send_message()
        .queue_url(&wake_ups)
        .message_body("later")
        .delay_seconds(60);
    delayed.send().await.unwrap();
    embedded.shutdown().await;

    let (_embedded, client, url) = start(folder.path(), &clock).await;
    let wake_ups = make_queue(&client, "wake-ups", &[]).await;
    let again = receive(&client, &url, 10).await;
    assert_eq!(bodies(&again), ["0"]);
    assert_eq!(receive_counts(&again), ["2"]);
    // Known from before the end.
    send(&client, &url, 0).await;
    let delete = client.delete_message().queue_url(&url);
    delete
        .receipt_handle(again[0].receipt_handle().unwrap())
        .send()
        .await
        .unwrap();
    assert!(receive(&client, &url, 10).await.is_empty());
    assert!(receive(&client, &wake_ups, 10).await.is_empty());
    clock.turn(TimeDelta::seconds(60));
    assert_eq!(bodies(&receive(&client, &wake_ups, 10).await), ["later"]);
}

#[tokio::test]
async fn a_shutdown_leaves_no_log_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (embedded, client, url) = start(folder.path(), &Clock::system()).await;
    send(&client, &url, 0).await;
    embedded.shutdown().await;
    for file in ["queues.sqlite", "table.sqlite"] {
        let log = folder.path().join(format!("{file}-wal"));
        assert!(
            fs::metadata(&log).map_or(true, |log| log.len() == 0),
            "{}",
            log.display()
        );
    }
}

#[tokio::test]
async fn an_accepted_event_is_on_the_disk_and_a_workers_wake_up_waits_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (embedded, front, url) = start(folder.path(), &Clock::system()).await;
    let worker = embedded.stores().workers.sqs;
    let wake_ups = make_queue(&front, "wake-ups", &[]).await;
    let before = embedded.sqs().syncs();
    send(&worker, &url, 0).await;
    assert_eq!(embedded.sqs().syncs() - before, 1, "an event");
    let wake = async |client: &Client| {
        let wake_up = client.send_message().queue_url(&wake_ups);
        wake_up.message_body("wake up").send().await.unwrap();
    };
    wake(&worker).await;
    assert_eq!(drain(&worker, &wake_ups).await, ["wake up"]);
    assert_eq!(drain(&worker, &url).await, ["0"]);
    assert_eq!(
        embedded.sqs().syncs() - before,
        1,
        "wake-ups, receives, deletes"
    );
    // The sweep has moved what it looks at on before it wakes, so its wake-ups have to last.
    wake(&front).await;
    assert_eq!(embedded.sqs().syncs() - before, 2, "the sweep's wake-up");
    // What the queue remembers of the first may not be on the disk: the answer to the repeat waits all the same.
    send(&front, &url, 0).await;
    assert_eq!(embedded.sqs().syncs() - before, 3, "a repeated event");
}
