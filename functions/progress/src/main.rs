//! Turns events into plays: fed by the queue of events.

use hub_progress::Progress;
use hub_runtime::aws::{Aws, config_from_environment, load_settings};
use hub_runtime::queue::QueueUrls;
use hub_runtime::{Clock, Queues, telemetry};
use hub_store::Table;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = config_from_environment().await;
    let settings = load_settings(&config).await?;
    telemetry::start(&settings);
    let aws = Aws::new(&config);
    aws.warm(None).await;
    let table = Table::new(aws.dynamodb.clone(), settings.table()?);
    let queues = Queues::new(aws.sqs.clone(), QueueUrls::of(&settings));
    let progress = Progress::of(&settings, table, queues, Clock::system());
    run(service_fn(|event: LambdaEvent<_>| async {
        Ok::<_, Error>(progress.handle(event.payload).await)
    }))
    .await
}
