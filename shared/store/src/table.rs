//! The table: one name, one client, and the shapes of every read and write.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ReturnValuesOnConditionCheckFailure, ScalarAttributeType,
    TimeToLiveSpecification, TimeToLiveStatus,
};

use crate::error::{StoreError, code_of};
use crate::item::{Item, text};
use crate::key::Key;
use crate::limiter::Taken;

/// The index of what has to happen later.
pub(crate) const DUE_INDEX: &str = "due";

const OF_ONE_PARTITION: &str = "pk = :pk AND begins_with(sk, :sk_prefix)";
const IN_A_RANGE: &str = "pk = :pk AND sk BETWEEN :sk_first AND :sk_last";

/// The one table.
#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    name: Arc<str>,
    taken: Arc<Taken>,
}

/// How new what is read has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// As it is now.
    Now,
    /// As it was a moment ago, usually less than a second: half the price. Only for what is checked again where it
    /// counts, by the version of a write or by a second look.
    Lately,
}

impl Freshness {
    pub(crate) fn is_consistent(self) -> bool {
        self == Self::Now
    }
}

/// What became of a write under a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It is stored, under this version.
    Saved(u64),
    /// Somebody else wrote since it was read: read again.
    Conflict,
}

impl Table {
    /// The table of that name, through that client.
    pub fn new(client: Client, name: impl Into<Arc<str>>) -> Self {
        Self {
            client,
            name: name.into(),
            taken: Arc::default(),
        }
    }

    /// Creates the table with its index and its TTL attribute, unless it is there: for one machine and for tests.
    /// On AWS the template does it.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn create(&self) -> Result<(), StoreError> {
        const OPERATION: &str = "create the table";
        match self.create_table(OPERATION).await {
            Ok(()) => {}
            Err(Creation::Exists) => {}
            Err(Creation::Failed(error)) => return Err(error),
        }
        let described = self
            .client
            .describe_time_to_live()
            .table_name(&*self.name)
            .send()
            .await
            .map_err(|error| StoreError::new(OPERATION, error))?;
        let status = described
            .time_to_live_description
            .and_then(|described| described.time_to_live_status);
        if status == Some(TimeToLiveStatus::Enabled) {
            return Ok(());
        }
        let specification = TimeToLiveSpecification::builder()
            .attribute_name("expires_at")
            .enabled(true)
            .build()
            .map_err(|error| StoreError::unreadable(OPERATION, error))?;
        self.client
            .update_time_to_live()
            .table_name(&*self.name)
            .time_to_live_specification(specification)
            .send()
            .await
            .map_err(|error| StoreError::new(OPERATION, error))?;
        Ok(())
    }

    async fn create_table(&self, operation: &'static str) -> Result<(), Creation> {
        let unbuildable = |error| Creation::Failed(StoreError::unreadable(operation, error));
        let attribute = |name: &str, kind: ScalarAttributeType| {
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(kind)
                .build()
        };
        let key = |name: &str, kind: KeyType| {
            KeySchemaElement::builder()
                .attribute_name(name)
                .key_type(kind)
                .build()
        };
        let due = GlobalSecondaryIndex::builder()
            .index_name(DUE_INDEX)
            .key_schema(key("due_shard", KeyType::Hash).map_err(unbuildable)?)
            .key_schema(key("due_at", KeyType::Range).map_err(unbuildable)?)
            .projection(
                Projection::builder()
                    .projection_type(ProjectionType::KeysOnly)
                    .build(),
            )
            .build()
            .map_err(unbuildable)?;
        self.client
            .create_table()
            .table_name(&*self.name)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute("pk", ScalarAttributeType::S).map_err(unbuildable)?)
            .attribute_definitions(attribute("sk", ScalarAttributeType::S).map_err(unbuildable)?)
            .attribute_definitions(
                attribute("due_shard", ScalarAttributeType::S).map_err(unbuildable)?,
            )
            .attribute_definitions(
                attribute("due_at", ScalarAttributeType::N).map_err(unbuildable)?,
            )
            .key_schema(key("pk", KeyType::Hash).map_err(unbuildable)?)
            .key_schema(key("sk", KeyType::Range).map_err(unbuildable)?)
            .global_secondary_indexes(due)
            .send()
            .await
            .map_err(|error| Creation::of(operation, error))?;
        Ok(())
    }

    /// Asks the table for one item that is not there: for the health check, and to open the connection ahead of use.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.read("reach the table", &Key::new("CHECK", "CHECK"))
            .await?;
        Ok(())
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn taken(&self) -> &Taken {
        &self.taken
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Reads one item as it is now.
    pub(crate) async fn read(
        &self,
        operation: &'static str,
        key: &Key,
    ) -> Result<Option<Item>, StoreError> {
        self.read_as(operation, key, Freshness::Now).await
    }

    /// Reads one item as new as it has to be.
    pub(crate) async fn read_as(
        &self,
        operation: &'static str,
        key: &Key,
        freshness: Freshness,
    ) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&*self.name)
            .set_key(Some(key.attributes()))
            .consistent_read(freshness.is_consistent())
            .send()
            .await
            .map_err(|error| StoreError::new(operation, error))?;
        Ok(answer.item)
    }

    /// Begins a put of the whole item; a condition that fails tells what stands there.
    pub(crate) fn put(&self, key: &Key, item: Item) -> PutItemFluentBuilder {
        self.client
            .put_item()
            .table_name(&*self.name)
            .set_item(Some(keyed(key, item)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// Begins an update; a condition that fails tells what stands there.
    pub(crate) fn update(&self, key: &Key) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&*self.name)
            .set_key(Some(key.attributes()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// Begins a deletion.
    pub(crate) fn delete(&self, key: &Key) -> DeleteItemFluentBuilder {
        self.client
            .delete_item()
            .table_name(&*self.name)
            .set_key(Some(key.attributes()))
    }

    /// Begins a query of those items of a partition whose place begins with `sk_prefix`.
    pub(crate) fn query(&self, pk: &str, sk_prefix: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&*self.name)
            .key_condition_expression(OF_ONE_PARTITION)
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":sk_prefix", text(sk_prefix))
    }

    /// Begins a query of those items of a partition that lie between two places, both included.
    pub(crate) fn query_between(
        &self,
        pk: &str,
        sk_first: &str,
        sk_last: &str,
    ) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&*self.name)
            .key_condition_expression(IN_A_RANGE)
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":sk_first", text(sk_first))
            .expression_attribute_values(":sk_last", text(sk_last))
    }
}

/// Adds its key to an item.
pub(crate) fn keyed(key: &Key, mut item: Item) -> Item {
    item.extend(key.attributes());
    item
}

enum Creation {
    Exists,
    Failed(StoreError),
}

impl Creation {
    fn of(operation: &'static str, error: SdkError<CreateTableError>) -> Self {
        if code_of(&error) == Some("ResourceInUseException") {
            Self::Exists
        } else {
            Self::Failed(StoreError::new(operation, error))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing;

    #[tokio::test]
    async fn creating_the_table_twice_changes_nothing() {
        let table = testing::server().await;
        assert!(table.check().await.is_err());
        table.create().await.unwrap();
        table.create().await.unwrap();
        let described = table
            .client()
            .describe_table()
            .table_name(table.name())
            .send()
            .await
            .unwrap();
        let described = described.table.unwrap();
        let index = &described.global_secondary_indexes()[0];
        assert_eq!(index.index_name(), Some("due"));
        assert_eq!(described.item_count(), Some(0));
        table.check().await.unwrap();
    }
}
