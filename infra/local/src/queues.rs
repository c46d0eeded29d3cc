//! The queues of the hub, made with the attributes that the template gives them on AWS.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Name;
use hub_domain::Service;
use hub_runtime::queue::QueueUrls;

/// The name of the queue of events.
pub const EVENTS: &str = "events.fifo";
/// Fourteen days, in seconds: the longest that SQS keeps a message.
const RETENTION: &str = "1209600";
/// Six times what a function may run, in seconds.
const VISIBILITY: &str = "540";
/// How often an event comes again before it is set aside: failures of the infrastructure must never use this up.
const EVENT_TRIES: u32 = 1_000;
/// How often a wake-up comes again; what it names is in the table anyhow.
const WAKE_TRIES: u32 = 10;

/// Makes the queues that are missing, each with its dead letters, and says where they are.
///
/// # Errors
///
/// The queue service's words.
pub async fn make(client: &Client, services: &[Service]) -> Result<QueueUrls, aws_sdk_sqs::Error> {
    let events = queue(client, EVENTS, EVENT_TRIES, true).await?;
    let mut deliver = BTreeMap::new();
    for service in services {
        deliver.insert(
            *service,
            queue(client, &format!("deliver-{service}"), WAKE_TRIES, false).await?,
        );
    }
    Ok(QueueUrls {
        events: Some(events),
        deliver,
    })
}

async fn queue(
    client: &Client,
    name: &str,
    tries: u32,
    fifo: bool,
) -> Result<String, aws_sdk_sqs::Error> {
    let dead_name = match name.strip_suffix(".fifo") {
        Some(stem) => format!("{stem}-dead.fifo"),
        None => format!("{name}-dead"),
    };
    let dead = create(client, &dead_name, attributes(fifo)).await?;
    let arn = client
        .get_queue_attributes()
        .queue_url(&dead)
        .attribute_names(Name::QueueArn)
        .send()
        .await?;
    let arn = arn
        .attributes
        .unwrap_or_default()
        .remove(&Name::QueueArn)
        .unwrap_or_default();
    let mut attributes = attributes(fifo);
    let redrive = serde_json::json!({ "deadLetterTargetArn": arn, "maxReceiveCount": tries });
    attributes.insert(Name::RedrivePolicy, redrive.to_string());
    create(client, name, attributes).await
}

fn attributes(fifo: bool) -> HashMap<Name, String> {
    let mut attributes = HashMap::from([
        (Name::MessageRetentionPeriod, RETENTION.to_owned()),
        (Name::VisibilityTimeout, VISIBILITY.to_owned()),
    ]);
    if fifo {
        attributes.insert(Name::FifoQueue, "true".to_owned());
        attributes.insert(Name::DeduplicationScope, "messageGroup".to_owned());
        attributes.insert(Name::FifoThroughputLimit, "perMessageGroupId".to_owned());
    }
    attributes
}

async fn create(
    client: &Client,
    name: &str,
    attributes: HashMap<Name, String>,
) -> Result<String, aws_sdk_sqs::Error> {
    let made = client
        .create_queue()
        .queue_name(name)
        .set_attributes(Some(attributes))
        .send()
        .await?;
    Ok(made.queue_url.unwrap_or_default())
}
