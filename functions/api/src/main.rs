//! The HTTP function, behind API Gateway.

use hub_api::{ApiState, router};
use hub_runtime::aws::{Aws, config_from_environment, load_settings};
use hub_runtime::queue::QueueUrls;
use hub_runtime::{Clock, HttpClient, Queues, telemetry};
use hub_store::Table;
use lambda_http::{Error, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = config_from_environment().await;
    let aws = Aws::new(&config);
    // The handshakes of all three go on side by side, as far as they can: the secret may name the queue.
    let start = async {
        let settings = load_settings(&config).await?;
        telemetry::start(&settings);
        aws.warm_queue(settings.events_queue()?).await;
        Ok::<_, Error>(settings)
    };
    let (settings, ()) = tokio::join!(start, aws.warm_table());
    let settings = settings?;
    let table = Table::new(aws.dynamodb.clone(), settings.table()?);
    let queues = Queues::new(aws.sqs.clone(), QueueUrls::of(&settings));
    let (services, users) = (
        HttpClient::for_services(&settings)?,
        HttpClient::for_users(&settings)?,
    );
    let state = ApiState::new(settings, table, queues, services, users, Clock::system())?;
    run(router(state.asking_queues(aws.sqs))).await
}
