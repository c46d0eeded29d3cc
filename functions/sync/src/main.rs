//! The only clock of the hub: ticked by a schedule, and fed by its own queue.

use hub_runtime::aws::{Aws, config_from_environment, load_settings};
use hub_runtime::queue::QueueUrls;
use hub_runtime::{Clock, HttpClient, Queues, telemetry};
use hub_store::Table;
use hub_sync::Sync;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = config_from_environment().await;
    let aws = Aws::new(&config);
    // The handshakes of both go on side by side.
    let (settings, ()) = tokio::join!(load_settings(&config), aws.warm_table());
    let settings = settings?;
    telemetry::start(&settings);
    let table = Table::new(aws.dynamodb.clone(), settings.table()?);
    let queues = Queues::new(aws.sqs.clone(), QueueUrls::of(&settings));
    let sync = Sync::of(&settings, table, queues, Clock::system())
        .redriving(&aws.sqs, settings.dead_letters()?)
        .fetching(&settings, &HttpClient::for_services(&settings)?);
    run(service_fn(|event: LambdaEvent<_>| async {
        Ok::<_, Error>(sync.handle(event.payload).await?)
    }))
    .await
}
