//! The queues of the hub, made with the attributes that the template gives them on AWS.

use std::collections::HashMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Name;
use hub_domain::Service;
use hub_runtime::queue::QueueUrls;
use hub_runtime::settings::DeadLetters;

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
    let queues = services.iter().map(async |service| {
        let name = format!("deliver-{service}");
        let url = queue(client, &name, WAKE_TRIES, false).await?;
        Ok::<_, aws_sdk_sqs::Error>((*service, url))
    });
    // Each waits for the disk; asked for together, they wait for it together.
    let (events, deliver) = futures_util::future::join(
        queue(client, EVENTS, EVENT_TRIES, true),
        futures_util::future::try_join_all(queues),
    )
    .await;
    let (events, deliver) = (events?, deliver?.into_iter().collect());
    Ok(QueueUrls {
        events: Some(events),
        deliver,
    })
}

/// Where each queue's messages end that came too often, by the names that [`make`] gives.
pub fn dead_letters(urls: &QueueUrls) -> Vec<DeadLetters> {
    let all = urls.events.iter().chain(urls.deliver.values());
    all.map(|url| DeadLetters {
        from: dead_of(url),
        to: url.clone(),
    })
    .collect()
}

/// The name, or the address, of a queue's dead letters: a FIFO queue's name has to end as it does.
fn dead_of(queue: &str) -> String {
    match queue.strip_suffix(".fifo") {
        Some(stem) => format!("{stem}-dead.fifo"),
        None => format!("{queue}-dead"),
    }
}

async fn queue(
    client: &Client,
    name: &str,
    tries: u32,
    fifo: bool,
) -> Result<String, aws_sdk_sqs::Error> {
    let dead = create(client, &dead_of(name), attributes(fifo)).await?;
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
