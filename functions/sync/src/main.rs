//! The only clock of the hub: ticked by a schedule.

use hub_runtime::aws::{Aws, config_from_environment, load_settings};
use hub_runtime::queue::QueueUrls;
use hub_runtime::{Clock, Queues, telemetry};
use hub_store::Table;
use hub_sync::Sync;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = config_from_environment().await;
    let settings = load_settings(&config).await?;
    telemetry::start(&settings);
    let aws = Aws::new(&config);
    aws.warm(None).await;
    let table = Table::new(aws.dynamodb.clone(), settings.table()?);
    let queues = Queues::new(aws.sqs.clone(), QueueUrls::of(&settings));
    let sync = Sync::of(&settings, table, queues, Clock::system());
    run(service_fn(|_: LambdaEvent<Value>| async {
        let ticked = sync.tick().await?;
        Ok::<_, Error>(
            json!({ "lanes": ticked.lanes, "plays": ticked.plays, "sessions": ticked.sessions }),
        )
    }))
    .await
}
