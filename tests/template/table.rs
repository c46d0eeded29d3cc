//! The table, the same on AWS as on one machine.

use serde_json::{Value, json};

use super::read::template;
use crate::harness::World;

#[tokio::test]
async fn the_templates_table_is_the_one_that_a_machine_makes_for_itself() {
    let world = World::new().await;
    let name = world
        .aws
        .dynamodb
        .list_tables()
        .send()
        .await
        .unwrap()
        .table_names
        .unwrap()
        .remove(0);
    let made = world
        .aws
        .dynamodb
        .describe_table()
        .table_name(&name)
        .send()
        .await
        .unwrap()
        .table
        .unwrap();
    let expires = world
        .aws
        .dynamodb
        .describe_time_to_live()
        .table_name(&name)
        .send()
        .await
        .unwrap();
    let expires = expires.time_to_live_description.unwrap();

    let key = |keys: &[aws_sdk_dynamodb::types::KeySchemaElement]| -> Value {
        let one = |key: &aws_sdk_dynamodb::types::KeySchemaElement| json!({ "AttributeName": key.attribute_name(), "KeyType": key.key_type().as_str() });
        keys.iter().map(one).collect()
    };
    let mut attributes: Vec<Value> = made
        .attribute_definitions()
        .iter()
        .map(|it| json!({ "AttributeName": it.attribute_name(), "AttributeType": it.attribute_type().as_str() }))
        .collect();
    let indexes: Vec<Value> = made
        .global_secondary_indexes()
        .iter()
        .map(|index| {
            let projection = index
                .projection()
                .and_then(|it| it.projection_type())
                .map(|it| it.as_str());
            json!({
                "IndexName": index.index_name(),
                "KeySchema": key(index.key_schema()),
                "Projection": { "ProjectionType": projection },
            })
        })
        .collect();

    let properties = template("template.yaml").resource("Table").properties;
    let mut written = properties["AttributeDefinitions"]
        .as_array()
        .unwrap()
        .clone();
    for attributes in [&mut attributes, &mut written] {
        attributes.sort_by_key(|attribute| attribute["AttributeName"].to_string());
    }
    assert_eq!(written, attributes);
    assert_eq!(properties["KeySchema"], key(made.key_schema()));
    assert_eq!(properties["GlobalSecondaryIndexes"], json!(indexes));
    let expiry = json!({ "AttributeName": expires.attribute_name(), "Enabled": true });
    assert_eq!(properties["TimeToLiveSpecification"], expiry);
}

#[test]
fn the_table_is_paid_by_use_can_be_turned_back_and_not_be_deleted() {
    let template = template("template.yaml");
    let properties = template.resource("Table").properties;
    assert_eq!(properties["BillingMode"], "PAY_PER_REQUEST");
    let turned_back = &properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
    assert_eq!(*turned_back, true);
    assert_eq!(
        properties["DeletionProtectionEnabled"],
        json!({ "Ref": "DeletionProtection" })
    );
    assert_eq!(
        template.body["Parameters"]["DeletionProtection"]["Default"],
        "true"
    );
}
