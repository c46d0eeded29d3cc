//! Reads and writes of many items: in the table's own sizes, and again for what it kept back.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest};

use crate::error::StoreError;
use crate::item::Item;
use crate::key::Key;
use crate::table::{Freshness, Table, keyed};

/// The most keys of one batch read.
///
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>
const MOST_READS: usize = 100;
/// The most items of one batch write.
///
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>
const MOST_WRITES: usize = 25;
/// How often in a row the table may keep a whole batch back before it counts as too much for it.
const MOST_IDLE_TRIES: usize = 3;

impl Table {
    /// Reads the items of all keys as they are now, in no order; those that are not there are left out.
    pub(crate) async fn read_many(
        &self,
        operation: &'static str,
        keys: impl IntoIterator<Item = Key>,
    ) -> Result<Vec<Item>, StoreError> {
        self.read_many_as(operation, keys, Freshness::Now).await
    }

    /// The same, as new as it has to be.
    pub(crate) async fn read_many_as(
        &self,
        operation: &'static str,
        keys: impl IntoIterator<Item = Key>,
        freshness: Freshness,
    ) -> Result<Vec<Item>, StoreError> {
        // A batch that names a key twice is refused as a whole.
        let keys: HashSet<Key> = keys.into_iter().collect();
        let mut waiting: Vec<Item> = keys.iter().map(Key::attributes).collect();
        let mut found = Vec::new();
        let mut idle_tries = 0;
        while !waiting.is_empty() {
            let chunk = waiting.split_off(waiting.len().saturating_sub(MOST_READS));
            let asked = chunk.len();
            let request = KeysAndAttributes::builder()
                .set_keys(Some(chunk))
                .consistent_read(freshness.is_consistent())
                .build()
                .map_err(|error| StoreError::unreadable(operation, error))?;
            let answer = self
                .client()
                .batch_get_item()
                .request_items(self.name(), request)
                .send()
                .await
                .map_err(|error| StoreError::new(operation, error))?;
            found.extend(
                answer
                    .responses
                    .into_iter()
                    .flatten()
                    .flat_map(|(_, items)| items),
            );
            let kept_back: Vec<Item> = answer
                .unprocessed_keys
                .into_iter()
                .flatten()
                .flat_map(|(_, keys)| keys.keys)
                .collect();
            count_idle(operation, &mut idle_tries, asked, kept_back.len())?;
            waiting.extend(kept_back);
        }
        Ok(found)
    }

    /// Writes all, in no order and without conditions: only for items whose repetition changes nothing.
    pub(crate) async fn write_many(
        &self,
        operation: &'static str,
        writes: impl IntoIterator<Item = WriteRequest>,
    ) -> Result<(), StoreError> {
        let mut waiting: Vec<WriteRequest> = writes.into_iter().collect();
        let mut idle_tries = 0;
        while !waiting.is_empty() {
            let chunk = waiting.split_off(waiting.len().saturating_sub(MOST_WRITES));
            let asked = chunk.len();
            let answer = self
                .client()
                .batch_write_item()
                .request_items(self.name(), chunk)
                .send()
                .await
                .map_err(|error| StoreError::new(operation, error))?;
            let kept_back: Vec<WriteRequest> = answer
                .unprocessed_items
                .unwrap_or_default()
                .into_values()
                .flatten()
                .collect();
            count_idle(operation, &mut idle_tries, asked, kept_back.len())?;
            waiting.extend(kept_back);
        }
        Ok(())
    }

    /// Deletes the items of all keys; those that are not there are left out.
    pub(crate) async fn delete_many(
        &self,
        operation: &'static str,
        keys: impl IntoIterator<Item = Key>,
    ) -> Result<(), StoreError> {
        let keys: HashSet<Key> = keys.into_iter().collect();
        let writes = keys
            .iter()
            .map(|key| deletion(operation, key))
            .collect::<Result<Vec<_>, _>>()?;
        self.write_many(operation, writes).await
    }
}

fn count_idle(
    operation: &'static str,
    idle_tries: &mut usize,
    asked: usize,
    kept_back: usize,
) -> Result<(), StoreError> {
    *idle_tries = if kept_back == asked {
        *idle_tries + 1
    } else {
        0
    };
    if *idle_tries == MOST_IDLE_TRIES {
        Err(StoreError::crowded(operation))
    } else {
        Ok(())
    }
}

/// Writes the item, whatever stands there.
pub(crate) fn put_request(
    operation: &'static str,
    key: &Key,
    item: Item,
) -> Result<WriteRequest, StoreError> {
    let put = PutRequest::builder()
        .set_item(Some(keyed(key, item)))
        .build()
        .map_err(|error| StoreError::unreadable(operation, error))?;
    Ok(WriteRequest::builder().put_request(put).build())
}

fn deletion(operation: &'static str, key: &Key) -> Result<WriteRequest, StoreError> {
    let delete = DeleteRequest::builder()
        .set_key(Some(key.attributes()))
        .build()
        .map_err(|error| StoreError::unreadable(operation, error))?;
    Ok(WriteRequest::builder().delete_request(delete).build())
}

/// Reads a list page by page until there is no next key.
pub(crate) async fn read_all(
    operation: &'static str,
    query: QueryFluentBuilder,
) -> Result<Vec<Item>, StoreError> {
    let mut found = Vec::new();
    let mut start: Option<HashMap<_, _>> = None;
    loop {
        let page = query
            .clone()
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| StoreError::new(operation, error))?;
        found.extend(page.items.unwrap_or_default());
        start = page.last_evaluated_key;
        if start.is_none() {
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::text;
    use crate::testing::table;

    /// More than one answer of the table holds: 16 MB of a batch, 1 MB of a query.
    #[tokio::test]
    async fn what_the_table_keeps_back_is_asked_for_again() {
        let table = table().await;
        let keys: Vec<_> = (0..50)
            .map(|at| Key::new("P", format!("{at:02}")))
            .collect();
        for key in &keys {
            let item = Item::from([("body".to_owned(), text("x".repeat(390_000)))]);
            table.put(key, item).send().await.unwrap();
        }
        let found = table.read_many("read", keys.clone()).await.unwrap();
        assert_eq!(found.len(), 50);
        let found = read_all("read", table.query("P", "")).await.unwrap();
        assert_eq!(found.len(), 50);
        table.delete_many("delete", keys.clone()).await.unwrap();
        assert!(table.read_many("read", keys).await.unwrap().is_empty());
    }

    #[test]
    fn a_table_that_takes_nothing_is_given_up_after_three_tries() {
        let mut idle_tries = 0;
        let mut count = |kept_back| count_idle("write", &mut idle_tries, 25, kept_back);
        assert!(count(25).is_ok() && count(25).is_ok());
        assert!(count(24).is_ok(), "something was taken");
        assert!(count(25).is_ok() && count(25).is_ok());
        let error = count(25).unwrap_err();
        assert!(error.is_throttle() && error.is_retryable());
    }
}
