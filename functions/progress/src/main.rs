//! Turns events into plays: fed by the queue of events.

use hub_progress::Progress;
use hub_runtime::aws::{Aws, config_from_environment, load_settings};
use hub_runtime::queue::{Deadline, QueueUrls};
use hub_runtime::{Clock, Queues, telemetry};
use hub_store::Table;
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
    let progress = Progress::of(&settings, table, queues, Clock::system());
    run(service_fn(|event: LambdaEvent<_>| async {
        let LambdaEvent { payload, context } = event;
        let deadline = Deadline::of_invocation(context.deadline);
        Ok::<_, Error>(progress.handle_until(payload, deadline).await)
    }))
    .await
}
