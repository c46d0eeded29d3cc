//! Deleting what has expired: page by page, so that requests come between.

use std::io;

use serde_json::{Value, json};

use super::super::writer::{NotKept, Promise, Writer};
use super::engine::Engine;
use super::operation::Operation;

/// The items that are looked at before others get their turn: about a millisecond's work.
const A_PAGE: u32 = 50;

/// Deletes what has expired in every table that has a time to live, and says how much it was.
pub(super) async fn sweep(writer: &Writer<Engine>) -> io::Result<usize> {
    let mut deleted = 0;
    let tables = ask(writer, "ListTables", json!({})).await?;
    for table in tables["TableNames"].as_array().into_iter().flatten() {
        let told = ask(writer, "DescribeTimeToLive", json!({ "TableName": table })).await?;
        let described = &told["TimeToLiveDescription"];
        if let Some(attribute) = described["AttributeName"].as_str()
            && described["TimeToLiveStatus"] == "ENABLED"
        {
            deleted += sweep_table(writer, table, attribute).await?;
        }
    }
    Ok(deleted)
}

async fn sweep_table(writer: &Writer<Engine>, table: &Value, attribute: &str) -> io::Result<usize> {
    let keys = ask(writer, "DescribeTable", json!({ "TableName": table })).await?;
    let keys: Vec<&str> = keys["Table"]["KeySchema"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|key| key["AttributeName"].as_str())
        .collect();
    let names = json!({ "#time": attribute });
    let mut deleted = 0;
    let mut from = Value::Null;
    loop {
        let now = writer.run(Promise::Kept, Engine::now).await;
        let now = json!({ ":now": { "N": now.map_err(not_kept)?.to_string() } });
        let mut scan = json!({
            "TableName": table, "Limit": A_PAGE, "FilterExpression": "#time <= :now",
            "ExpressionAttributeNames": names, "ExpressionAttributeValues": now,
        });
        if !from.is_null() {
            scan["ExclusiveStartKey"] = from;
        }
        let mut page = ask(writer, "Scan", scan).await?;
        for item in page["Items"].as_array().into_iter().flatten() {
            let key: Value = keys
                .iter()
                .map(|key| ((*key).to_owned(), item[*key].clone()))
                .collect();
            // Only if nobody has prolonged it since.
            let delete = json!({
                "TableName": table, "Key": key, "ConditionExpression": "#time <= :now",
                "ExpressionAttributeNames": names, "ExpressionAttributeValues": now,
            });
            deleted += usize::from(ask(writer, "DeleteItem", delete).await.is_ok());
        }
        from = page["LastEvaluatedKey"].take();
        if from.is_null() {
            return Ok(deleted);
        }
    }
}

async fn ask(writer: &Writer<Engine>, name: &str, request: Value) -> io::Result<Value> {
    let refused =
        |reply: super::Reply| io::Error::other(String::from_utf8_lossy(&reply.body).into_owned());
    let operation = Operation::read(name, request.to_string().as_bytes()).map_err(refused)?;
    // What is deleted and comes back after a power loss is deleted again.
    let carried_out = writer.run(Promise::Kept, |engine| engine.carry_out(operation));
    let reply = carried_out.await.map_err(not_kept)?();
    if !reply.status.is_success() {
        return Err(refused(reply));
    }
    serde_json::from_slice(&reply.body).map_err(io::Error::other)
}

fn not_kept(NotKept: NotKept) -> io::Error {
    io::Error::other("the table's thread has ended")
}
