//! The meter counts as AWS bills: cases worked out by hand, against the embedded table and without it.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, PutRequest, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    WriteRequest,
};
use hub_local::aws::Embedded;
use hub_runtime::Clock;
use hub_runtime::aws::Aws;
use hub_store::Table;
use serde_json::json;
use std::sync::Arc;

use crate::harness::clock::evening;
use crate::harness::meter::{Meter, size_of_item};
use crate::harness::proxy::open_metered;

type Item = HashMap<String, AttributeValue>;

struct Metered {
    client: Client,
    meter: Arc<Meter>,
    _embedded: Embedded,
}

impl Metered {
    async fn new() -> Self {
        let embedded = Embedded::start(None, Clock::standing_at(evening()))
            .await
            .expect("stores start");
        let endpoints = embedded.endpoints();
        let meter = Arc::new(Meter::default());
        let door = open_metered(&endpoints.dynamodb, meter.clone()).await;
        let client = Aws::on_loopback(&door, &endpoints.sqs).dynamodb;
        Table::new(client.clone(), "hub")
            .create()
            .await
            .expect("a table");
        meter.take();
        Self {
            client,
            meter,
            _embedded: embedded,
        }
    }

    fn units(&self) -> f64 {
        self.meter.take().write_units()
    }

    async fn put(&self, item: Item) -> f64 {
        let put = self.client.put_item().table_name("hub");
        put.set_item(Some(item)).send().await.expect("a put");
        self.units()
    }

    async fn update(&self, expression: &str, values: &[(&str, AttributeValue)]) -> f64 {
        let mut update = self
            .client
            .update_item()
            .table_name("hub")
            .key("pk", text("P"))
            .key("sk", text("S"))
            .update_expression(expression)
            .condition_expression("attribute_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, value) in values {
            update = update.expression_attribute_values(*name, value.clone());
        }
        // A condition that fails is one of the cases.
        let _ = update.send().await;
        self.units()
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// An item of exactly so many bytes: `pk` and `sk` take three each with their letter, the name of the filling four.
fn item(bytes: usize) -> Item {
    HashMap::from([
        ("pk".to_owned(), text("P")),
        ("sk".to_owned(), text("S")),
        ("fill".to_owned(), text(&"x".repeat(bytes - 10))),
    ])
}

fn due(mut item: Item, at: i64) -> Item {
    item.insert("due_shard".to_owned(), text("play#00"));
    item.insert("due_at".to_owned(), number(at));
    item
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_started_kilobyte_is_a_unit_and_the_larger_image_counts() {
    let metered = Metered::new().await;
    assert_eq!(metered.put(item(1024)).await, 1.0);
    assert_eq!(metered.put(item(1025)).await, 2.0);
    assert_eq!(metered.put(item(2049)).await, 3.0);
    assert_eq!(
        metered.put(item(100)).await,
        3.0,
        "it shrinks, and costs what it was"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_entry_costs_to_enter_to_move_and_to_leave_and_nothing_to_stay() {
    let metered = Metered::new().await;
    assert_eq!(metered.put(due(item(500), 1)).await, 2.0, "entered");
    let note = [(":x", text("y"))];
    assert_eq!(metered.update("SET note = :x", &note).await, 1.0, "stays");
    let at = [(":at", number(2))];
    assert_eq!(metered.update("SET due_at = :at", &at).await, 3.0, "moved");
    assert_eq!(
        metered.update("SET due_at = :at", &at).await,
        1.0,
        "the same"
    );
    let leave = metered.update("REMOVE due_shard, due_at", &[]).await;
    assert_eq!(leave, 2.0, "left");
    let enter = [(":at", number(3)), (":shard", text("play#00"))];
    let expression = "SET due_at = :at, due_shard = :shard";
    assert_eq!(
        metered.update(expression, &enter).await,
        2.0,
        "entered again"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_condition_that_fails_costs_what_stands_there() {
    let metered = Metered::new().await;
    let note = [(":x", text("y"))];
    assert_eq!(metered.update("SET note = :x", &note).await, 1.0, "nothing");
    metered.put(item(2500)).await;
    let refused = metered
        .client
        .put_item()
        .table_name("hub")
        .set_item(Some(item(100)))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await;
    assert!(refused.is_err());
    assert_eq!(metered.units(), 3.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_costs_what_its_items_do_and_a_transaction_twice_that() {
    let metered = Metered::new().await;
    let write = |sk: &str, bytes: usize| {
        let mut item = item(bytes);
        item.insert("sk".to_owned(), text(sk));
        item
    };
    let requests = [write("A", 1024), write("B", 1500)].map(|item| {
        let put = PutRequest::builder().set_item(Some(item)).build();
        WriteRequest::builder()
            .put_request(put.expect("a request"))
            .build()
    });
    let batch = metered.client.batch_write_item();
    batch
        .request_items("hub", requests.to_vec())
        .send()
        .await
        .expect("a batch");
    assert_eq!(metered.units(), 3.0);
    let put = Put::builder()
        .table_name("hub")
        .set_item(Some(write("C", 1500)))
        .build()
        .expect("a put");
    let transaction = metered.client.transact_write_items();
    transaction
        .transact_items(TransactWriteItem::builder().put(put).build())
        .send()
        .await
        .expect("a transaction");
    assert_eq!(metered.units(), 4.0);
    let deletion = metered
        .client
        .delete_item()
        .table_name("hub")
        .key("pk", text("P"))
        .key("sk", text("nowhere"));
    deletion.send().await.expect("a deletion");
    assert_eq!(metered.units(), 1.0, "what is not there costs a unit");
}

#[test]
fn an_item_is_as_large_as_its_names_and_values() {
    // 2 + 3, and 5 + 3: ä takes two bytes.
    assert_eq!(
        size_of_item(&json!({"pk": {"S": "abc"}, "title": {"S": "äb"}})),
        13
    );
    // A digit takes half a byte, and the number one more: 3 + 3, 1 + 2.
    assert_eq!(
        size_of_item(&json!({"one": {"N": "1234"}, "b": {"N": "7"}})),
        9
    );
    // A map takes three, and one an entry: 1 + 3 + (1 + 1 + 1).
    assert_eq!(size_of_item(&json!({"m": {"M": {"a": {"BOOL": true}}}})), 7);
    // A list takes three, and one an entry: 1 + 3 + (1 + 1) + (1 + 2).
    assert_eq!(
        size_of_item(&json!({"l": {"L": [{"NULL": true}, {"S": "ab"}]}})),
        9
    );
}

#[test]
fn each_64_kilobytes_of_a_call_to_a_queue_are_a_request() {
    let meter = Meter::default();
    let call =
        |operation: &str, queue: &str, asked: serde_json::Value, answered: serde_json::Value| {
            let mut asked = asked;
            asked["QueueUrl"] = json!(format!("http://127.0.0.1/000000000000/{queue}"));
            let target = format!("AmazonSQS.{operation}");
            meter.note(
                &target,
                asked.to_string().as_bytes(),
                answered.to_string().as_bytes(),
                true,
            );
            meter.take()
        };
    let entries = |bytes: usize| json!({"Entries": [{"MessageBody": "x".repeat(bytes)}, {"MessageBody": "y"}]});
    let bill = call("SendMessageBatch", "deliver-trakt", entries(100), json!({}));
    assert_eq!(
        (bill.standard_requests(), bill.fifo_requests(), bill.wakes()),
        (1, 0, 2)
    );
    let bill = call(
        "SendMessageBatch",
        "events.fifo",
        entries(65_536),
        json!({}),
    );
    assert_eq!(
        (bill.standard_requests(), bill.fifo_requests(), bill.wakes()),
        (0, 2, 0)
    );
    let received = json!({"Messages": [{"Body": "x".repeat(65_537)}]});
    let bill = call("ReceiveMessage", "deliver-trakt", json!({}), received);
    assert_eq!(bill.standard_requests(), 2);
    let bill = call("ReceiveMessage", "deliver-trakt", json!({}), json!({}));
    assert_eq!(
        bill.standard_requests(),
        0,
        "an idle poll is counted by the month"
    );
    let bill = call(
        "DeleteMessageBatch",
        "events.fifo",
        json!({"Entries": [{"Id": "0"}]}),
        json!({}),
    );
    assert_eq!(bill.fifo_requests(), 1);
}
