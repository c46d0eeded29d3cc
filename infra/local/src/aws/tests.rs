//! The three services under the real SDK clients.

use std::fs;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ReturnValuesOnConditionCheckFailure, ScalarAttributeType, TimeToLiveSpecification,
};
use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
use chrono::{DateTime, TimeDelta};
use hub_runtime::Clock;

use super::{Embedded, REGION};

const TABLE: &str = "hub";

async fn make_table(client: &Client) {
    let key = KeySchemaElement::builder()
        .attribute_name("pk")
        .key_type(KeyType::Hash)
        .build()
        .unwrap();
    let attribute = AttributeDefinition::builder()
        .attribute_name("pk")
        .attribute_type(ScalarAttributeType::S);
    let create = client.create_table().table_name(TABLE).key_schema(key);
    let create = create.attribute_definitions(attribute.build().unwrap());
    create
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
}

async fn put(client: &Client, key: &str, expires_at: i64) {
    let put = client
        .put_item()
        .table_name(TABLE)
        .item("pk", AttributeValue::S(key.to_owned()));
    put.item("expires_at", AttributeValue::N(expires_at.to_string()))
        .send()
        .await
        .unwrap();
}

async fn keys(client: &Client) -> Vec<String> {
    let scanned = client.scan().table_name(TABLE).send().await.unwrap();
    let keys = scanned
        .items()
        .iter()
        .map(|item| item["pk"].as_s().unwrap().clone());
    let mut keys: Vec<String> = keys.collect();
    keys.sort();
    keys
}

async fn secret(embedded: &Embedded, id: &str) -> Result<String, aws_sdk_secretsmanager::Error> {
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new("embedded", "embedded", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(embedded.endpoints().secrets)
        .build();
    let client = aws_sdk_secretsmanager::Client::from_conf(config);
    Ok(client
        .get_secret_value()
        .secret_id(id)
        .send()
        .await?
        .secret_string
        .unwrap_or_default())
}

#[tokio::test]
async fn the_table_takes_a_conditional_write_once_and_returns_what_was_there() {
    let embedded = Embedded::start(None, Clock::system()).await.unwrap();
    let (client, _) = embedded.clients();
    make_table(&client).await;
    let put = || {
        let put = client
            .put_item()
            .table_name(TABLE)
            .item("pk", AttributeValue::S("one".to_owned()));
        put.condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
    };
    put().await.unwrap();
    let refusal = put().await.unwrap_err().into_service_error();
    assert!(
        refusal.is_conditional_check_failed_exception(),
        "{refusal:?}"
    );
    embedded.shutdown().await;
}

#[tokio::test]
async fn what_the_table_answered_is_in_its_files_at_that_moment() {
    let folder = tempfile::tempdir().unwrap();
    let embedded = Embedded::start(Some(folder.path()), Clock::system())
        .await
        .unwrap();
    let (client, _) = embedded.clients();
    make_table(&client).await;
    for number in 0..50 {
        put(&client, &format!("{number:02}"), 0).await;
    }
    // A copy of the files while all runs is what a killed process leaves behind.
    let killed = tempfile::tempdir().unwrap();
    for file in ["table.sqlite", "table.sqlite-wal"] {
        fs::copy(folder.path().join(file), killed.path().join(file)).unwrap();
    }
    let second = Embedded::start(Some(killed.path()), Clock::system())
        .await
        .unwrap();
    assert_eq!(keys(&second.clients().0).await.len(), 50);
}

#[tokio::test]
async fn a_sweep_deletes_what_has_expired_by_the_clock_handed_in() {
    const START: i64 = 1_700_000_000;
    let clock = Clock::standing_at(DateTime::from_timestamp(START, 0).unwrap());
    let embedded = Embedded::start(None, clock.clone()).await.unwrap();
    let (client, _) = embedded.clients();
    make_table(&client).await;
    let expiry = TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name("expires_at")
        .build()
        .unwrap();
    client
        .update_time_to_live()
        .table_name(TABLE)
        .time_to_live_specification(expiry)
        .send()
        .await
        .unwrap();
    put(&client, "soon", START + 60).await;
    put(&client, "later", START + 7200).await;
    assert_eq!(embedded.dynamodb().sweep().await.unwrap(), 0);
    clock.turn(TimeDelta::hours(1));
    assert_eq!(embedded.dynamodb().sweep().await.unwrap(), 1);
    assert_eq!(keys(&client).await, ["later"]);
}

#[tokio::test]
async fn a_secret_is_read_by_name_and_by_arn() {
    let embedded = Embedded::start(None, Clock::system()).await.unwrap();
    assert!(secret(&embedded, "hub").await.is_err());
    embedded
        .secrets()
        .put("hub", "{\"key\":\"value\"}")
        .unwrap();
    assert_eq!(
        secret(&embedded, "hub").await.unwrap(),
        "{\"key\":\"value\"}"
    );
    let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:hub";
    assert_eq!(secret(&embedded, arn).await.unwrap(), "{\"key\":\"value\"}");
    let refusal = secret(&embedded, "other").await.unwrap_err();
    assert!(
        matches!(
            refusal,
            aws_sdk_secretsmanager::Error::ResourceNotFoundException(_)
        ),
        "{refusal:?}"
    );
}

#[tokio::test]
async fn a_secret_outlives_its_process_in_a_file_of_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("new").join("data");
    let embedded = Embedded::start(Some(&data), Clock::system()).await.unwrap();
    embedded.secrets().put("hub", "kept").unwrap();
    embedded.shutdown().await;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(data.join("secrets.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let embedded = Embedded::start(Some(&data), Clock::system()).await.unwrap();
    assert_eq!(embedded.secrets().get("hub").as_deref(), Some("kept"));
    assert_eq!(
        fs::read_dir(&data)
            .unwrap()
            .filter(|entry| {
                entry
                    .as_ref()
                    .is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("secrets"))
            })
            .count(),
        1
    );
}

#[tokio::test]
async fn a_damaged_file_of_secrets_stops_the_start_without_showing_them() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secrets.json"), "{\"hub\": 12345, hush}").unwrap();
    let error = Embedded::start(Some(folder.path()), Clock::system())
        .await
        .err()
        .unwrap();
    let shown = error.to_string();
    assert!(
        shown.contains("secrets.json") && !shown.contains("12345"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_folder_in_use_is_left_to_the_process_that_uses_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = Embedded::start(Some(folder.path()), Clock::system())
        .await
        .unwrap();
    let refused = Embedded::start(Some(folder.path()), Clock::system())
        .await
        .err()
        .unwrap();
    assert_eq!(refused.kind(), std::io::ErrorKind::ResourceBusy);
    first.shutdown().await;
    Embedded::start(Some(folder.path()), Clock::system())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_refused_write_takes_none_of_those_around_it_along() {
    let folder = tempfile::tempdir().unwrap();
    let embedded = Embedded::start(Some(folder.path()), Clock::system())
        .await
        .unwrap();
    let (client, _) = embedded.clients();
    make_table(&client).await;
    let put_once = |key: usize| {
        let put = client
            .put_item()
            .table_name(TABLE)
            .item("pk", AttributeValue::S(format!("{key:02}")));
        put.condition_expression("attribute_not_exists(pk)").send()
    };
    // Asked for at once, so that they share commits: of each key two, of which one is refused.
    let all = futures_util::future::join_all((0..40).map(|nth| put_once(nth % 20))).await;
    assert_eq!(all.iter().filter(|put| put.is_ok()).count(), 20);
    assert_eq!(keys(&client).await.len(), 20);
    embedded.shutdown().await;
}

#[tokio::test]
async fn each_function_waits_for_the_disk_where_its_promise_needs_it_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let embedded = Embedded::start(Some(folder.path()), Clock::system())
        .await
        .unwrap();
    let stores = embedded.stores();
    make_table(&stores.front.dynamodb).await;
    let synced = async |work: std::pin::Pin<Box<dyn Future<Output = ()> + '_>>| {
        let before = embedded.dynamodb().syncs();
        work.await;
        embedded.dynamodb().syncs() - before
    };
    for (client, key, syncs, about) in [
        (&stores.front, "PLAY#1", 1, "what the api answers stays"),
        (&stores.progress, "PLAY#2", 0, "the event is still there"),
        (&stores.workers, "PLAY#3", 0, "what was sent is looked for"),
        (&stores.workers, "LANE#trakt", 1, "what is about to be sent"),
        (&stores.workers, "CONNECTION#trakt", 1, "tokens work once"),
    ] {
        let writes = Box::pin(put(&client.dynamodb, key, 0));
        assert_eq!(synced(writes).await, syncs, "{key}: {about}");
    }
    let reads = Box::pin(async { drop(keys(&stores.front.dynamodb).await) });
    assert_eq!(synced(reads).await, 0, "a read writes nothing");
    let deletes = Box::pin(async { stores.before_delete.done().await.unwrap() });
    assert_eq!(synced(deletes).await, 1, "before an event is deleted");
    embedded.shutdown().await;
}
