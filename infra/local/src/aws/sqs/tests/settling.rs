//! Receipts: deletion and visibility.

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    QueueAttributeName,
};

use super::{Bench, bodies, receive_counts};

/// The same on both kinds: a bench with one message in its queue.
async fn both_kinds() -> [Bench; 2] {
    let fifo = Bench::fifo().await;
    fifo.send("a", "one").await;
    let standard = Bench::standard().await;
    standard.post("one").await;
    [fifo, standard]
}

#[tokio::test]
async fn a_message_handed_back_comes_again_at_once() {
    for bench in both_kinds().await {
        let first = bench.receive_one().await;
        assert!(bench.receive().await.is_empty());
        bench.hide(&first, 0).await;
        let again = bench.receive().await;
        assert_eq!(bodies(&again), ["one"]);
        assert_eq!(receive_counts(&again), ["2"]);
    }
}

#[tokio::test]
async fn a_message_can_be_held_for_longer() {
    for bench in both_kinds().await {
        let first = bench.receive_one().await;
        bench.turn(29);
        bench.hide(&first, 60).await;
        bench.turn(59);
        assert!(bench.receive().await.is_empty());
        bench.turn(1);
        assert_eq!(bodies(&bench.receive().await), ["one"]);
    }
}

#[tokio::test]
async fn a_receive_can_name_its_own_visibility() {
    for bench in both_kinds().await {
        let receive = bench
            .client
            .receive_message()
            .queue_url(&bench.url)
            .visibility_timeout(5);
        assert_eq!(receive.send().await.unwrap().messages().len(), 1);
        bench.turn(5);
        assert_eq!(bodies(&bench.receive().await), ["one"]);
    }
}

#[tokio::test]
async fn a_stale_receipt_deletes_nothing() {
    for bench in both_kinds().await {
        let stale = bench.receive_one().await;
        bench.turn(30);
        let fresh = bench.receive_one().await;
        let delete = bench.client.delete_message().queue_url(&bench.url);
        let deleted = delete
            .receipt_handle(stale.receipt_handle().unwrap())
            .send()
            .await;
        assert_eq!(deleted.is_err(), bench.url.ends_with(".fifo"));
        let hide = bench
            .client
            .change_message_visibility()
            .queue_url(&bench.url)
            .visibility_timeout(0);
        assert!(
            hide.receipt_handle(stale.receipt_handle().unwrap())
                .send()
                .await
                .is_err()
        );
        bench.turn(30);
        let again = bench.receive().await;
        assert_eq!(bodies(&again), ["one"]);
        // And neither does that of the receive in between, once it is stale too.
        assert_ne!(again[0].receipt_handle(), fresh.receipt_handle());
    }
}

#[tokio::test]
async fn a_message_deleted_twice_is_no_error() {
    for bench in both_kinds().await {
        let message = bench.receive_one().await;
        bench.delete(&message).await;
        bench.delete(&message).await;
    }
}

#[tokio::test]
async fn a_receipt_that_nobody_gave_out_is_refused() {
    let bench = Bench::standard().await;
    let delete = bench
        .client
        .delete_message()
        .queue_url(&bench.url)
        .receipt_handle("made up");
    let refusal = delete.send().await.unwrap_err().into_service_error();
    assert!(refusal.is_receipt_handle_is_invalid(), "{refusal:?}");
}

#[tokio::test]
async fn a_message_that_nobody_holds_cannot_be_hidden() {
    let bench = Bench::standard().await;
    bench.post("one").await;
    let message = bench.receive_one().await;
    bench.turn(30);
    let hide = bench
        .client
        .change_message_visibility()
        .queue_url(&bench.url)
        .visibility_timeout(60);
    let hidden = hide
        .receipt_handle(message.receipt_handle().unwrap())
        .send()
        .await;
    let refusal = hidden.unwrap_err().into_service_error();
    assert!(refusal.is_message_not_inflight(), "{refusal:?}");
}

#[tokio::test]
async fn batches_settle_each_entry_by_itself() {
    let bench = Bench::with("batch", &[(QueueAttributeName::VisibilityTimeout, "60")]).await;
    for body in ["one", "two", "three"] {
        bench.post(body).await;
    }
    let received = bench.receive().await;
    let handle = |message: &Message| message.receipt_handle().unwrap().to_owned();
    let deletion = |id: &str, handle: String| {
        DeleteMessageBatchRequestEntry::builder()
            .id(id)
            .receipt_handle(handle)
            .build()
            .unwrap()
    };
    let delete = bench.client.delete_message_batch().queue_url(&bench.url);
    let deleted = delete
        .entries(deletion("first", handle(&received[0])))
        .entries(deletion("bad", "made up".to_owned()))
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.successful()[0].id(), "first");
    assert_eq!(
        (deleted.failed()[0].id(), deleted.failed()[0].code()),
        ("bad", "ReceiptHandleIsInvalid")
    );

    let mut hide = bench
        .client
        .change_message_visibility_batch()
        .queue_url(&bench.url);
    for (id, message) in [("second", &received[1]), ("third", &received[2])] {
        let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(id)
            .visibility_timeout(0);
        hide = hide.entries(entry.receipt_handle(handle(message)).build().unwrap());
    }
    assert!(hide.send().await.unwrap().failed().is_empty());
    assert_eq!(bodies(&bench.receive().await), ["two", "three"]);
}
