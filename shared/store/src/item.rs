//! Items: documents with the attributes that the table itself works with.
//!
//! | attribute             | meaning                                                                        |
//! | --------------------- | ------------------------------------------------------------------------------ |
//! | `pk`, `sk`            | the key, see [`crate::Key`]                                                    |
//! | `v`                   | the version of the item's format, now 1                                        |
//! | `expires_at`          | when the table may delete it, in seconds since 1970; readers leave it out then |
//! | `due_shard`, `due_at` | the entry in the index `due`, see [`crate::due`]                               |

use std::collections::HashMap;
use std::fmt::Display;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;

/// One item as the table keeps it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The version of the format of items that this release writes.
pub(crate) const FORMAT: u8 = 1;

/// Holds for an item that is not there yet.
pub(crate) const ONLY_IF_NEW: &str = "attribute_not_exists(pk)";
/// Holds for an item that is not there, or that the table has yet to sweep away.
pub(crate) const ONLY_IF_NEW_OR_EXPIRED: &str =
    "attribute_not_exists(pk) OR expires_at <= :now_seconds";
/// Holds for an item that is there: nothing rises from the dead.
pub(crate) const ONLY_IF_THERE: &str = "attribute_exists(pk)";

pub(crate) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn number(number: impl Display) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A time that expressions compare: milliseconds since 1970.
pub(crate) fn millis(at: DateTime<Utc>) -> AttributeValue {
    number(at.timestamp_millis())
}

/// The same, or nothing. The attribute stays, so that one expression serves both.
pub(crate) fn optional_millis(at: Option<DateTime<Utc>>) -> AttributeValue {
    at.map_or(AttributeValue::Null(true), millis)
}

pub(crate) fn optional_text(words: Option<&str>) -> AttributeValue {
    words.map_or(AttributeValue::Null(true), text)
}

/// A time as the TTL attribute has it: whole seconds since 1970.
pub(crate) fn seconds(at: DateTime<Utc>) -> AttributeValue {
    number(at.timestamp())
}

/// The value of `expires_at` for an item that lives for `length` from now.
pub(crate) fn expires_in(length: TimeDelta, now: DateTime<Utc>) -> AttributeValue {
    seconds(now + length)
}

/// Turns a document into an item, with its format's version.
pub(crate) fn encode<T: Serialize>(
    operation: &'static str,
    document: &T,
) -> Result<Item, StoreError> {
    let mut item: Item = serde_dynamo::aws_sdk_dynamodb_1::to_item(document)
        .map_err(|error| StoreError::unreadable(operation, error))?;
    item.insert("v".to_owned(), number(FORMAT));
    Ok(item)
}

/// Turns a part of a document into an attribute.
pub(crate) fn encode_value<T: Serialize>(
    operation: &'static str,
    part: &T,
) -> Result<AttributeValue, StoreError> {
    serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value(part)
        .map_err(|error| StoreError::unreadable(operation, error))
}

/// Reads a document out of an item; what the document does not name is left out.
pub(crate) fn decode<T: DeserializeOwned>(
    operation: &'static str,
    item: Item,
) -> Result<T, StoreError> {
    serde_dynamo::aws_sdk_dynamodb_1::from_item(item)
        .map_err(|error| StoreError::unreadable(operation, error))
}

/// Says whether the item's time has not run out. The table sweeps late, up to days, so every reader asks.
pub(crate) fn is_alive(item: &Item, now: DateTime<Utc>) -> bool {
    number_of(item, "expires_at").is_none_or(|expires_at| now.timestamp() < expires_at)
}

pub(crate) fn number_of(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// The version of an item that is written under one; 0 for an item without.
pub(crate) fn version_of(item: &Item) -> u64 {
    number_of(item, "version").map_or(0, |version| u64::try_from(version).unwrap_or(0))
}

pub(crate) fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// What stood in the table where a write's condition failed: nothing, or the item.
pub(crate) fn refused_by<E: Refused>(error: &SdkError<E>) -> Option<&Item> {
    error.as_service_error().and_then(E::item)
}

/// An error of a conditional write that tells what stood there.
pub(crate) trait Refused {
    fn item(&self) -> Option<&Item>;
}

impl Refused for PutItemError {
    fn item(&self) -> Option<&Item> {
        if let Self::ConditionalCheckFailedException(failed) = self {
            failed.item()
        } else {
            None
        }
    }
}

impl Refused for UpdateItemError {
    fn item(&self) -> Option<&Item> {
        if let Self::ConditionalCheckFailedException(failed) = self {
            failed.item()
        } else {
            None
        }
    }
}
