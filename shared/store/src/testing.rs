//! A table of its own for each test: the SDK's own client over a DynamoDB in memory, on loopback.

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Region};
use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{ItemKey, MediaItem, PlayId, Precision, UserId};
use hub_domain::{ItemKind, Play};

use crate::table::Table;

/// A DynamoDB without a table.
pub(crate) async fn server() -> Table {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    let database = dynoxide::Database::memory().unwrap();
    tokio::spawn(async move {
        dynoxide::server::serve_with_shutdown(listener, database, std::future::pending())
            .await
            .unwrap();
    });
    at(&address.to_string())
}

/// A table to work with.
pub(crate) async fn table() -> Table {
    let table = server().await;
    table.create().await.unwrap();
    table
}

/// A table where nobody listens.
pub(crate) fn unreachable_table() -> Table {
    at("127.0.0.1:1")
}

fn at(address: &str) -> Table {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{address}"))
        .region(Region::from_static("local"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Table::new(Client::from_conf(config), "hub")
}

/// A user with a readable id.
pub(crate) fn user(number: u128) -> UserId {
    UserId(uuid::Uuid::from_u128(number))
}

/// That many seconds after the tests' beginning of time.
pub(crate) fn second(seconds: i64) -> DateTime<Utc> {
    let start = DateTime::parse_from_rfc3339("2026-11-20T13:39:51.250Z").unwrap();
    start.to_utc() + TimeDelta::seconds(seconds)
}

/// A film that was played.
pub(crate) fn play(user: UserId, started_at: DateTime<Utc>) -> Play {
    let item = ItemKey::new("movie:imdb:tt0133093");
    Play {
        id: PlayId::new(user, &item, Some(started_at)),
        user,
        item,
        media: MediaItem::new(ItemKind::Movie),
        started_at: Some(started_at),
        watched_at: Some(started_at + TimeDelta::minutes(100)),
        precision: Precision::Second,
        progress_percent: Some(80.5),
        manual: false,
        sightings: Vec::new(),
        created_at: started_at,
        deliveries: std::collections::BTreeMap::new(),
        removed_at: None,
    }
}

/// Every item of the partition, as the table keeps it.
pub(crate) async fn items_of(table: &Table, pk: &str) -> Vec<crate::item::Item> {
    let query = table
        .client()
        .query()
        .table_name(table.name())
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", crate::item::text(pk));
    crate::batch::read_all("read a partition", query)
        .await
        .unwrap()
}

/// How many bytes the table counts for an item.
///
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
pub(crate) fn size_of(item: &crate::item::Item) -> usize {
    item.iter()
        .map(|(name, value)| name.len() + size_of_value(value))
        .sum()
}

fn size_of_value(value: &aws_sdk_dynamodb::types::AttributeValue) -> usize {
    if let Ok(text) = value.as_s() {
        text.len()
    } else if let Ok(number) = value.as_n() {
        number.len() / 2 + 2
    } else if let Ok(list) = value.as_l() {
        3 + list
            .iter()
            .map(|value| 1 + size_of_value(value))
            .sum::<usize>()
    } else if let Ok(map) = value.as_m() {
        3 + map.len() + size_of(map)
    } else {
        1
    }
}
