//! The HTTP function, behind API Gateway.

use hub_api::{ApiState, router};
use hub_runtime::queue::QueueUrls;
use hub_runtime::{Aws, Clock, HttpClient, Queues, aws, telemetry};
use hub_store::Table;
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config_from_environment().await;
    let settings = aws::load_settings(&config).await?;
    telemetry::start(&settings);
    let clients = Aws::new(&config);
    let table = Table::new(clients.dynamodb.clone(), settings.table()?);
    let queues = Queues::new(clients.sqs.clone(), QueueUrls::of(&settings));
    clients.warm(Some(settings.events_queue()?)).await;
    let (services, users) = (
        HttpClient::for_services(&settings)?,
        HttpClient::for_users(&settings)?,
    );
    let state = ApiState::new(settings, table, queues, services, users, Clock::system())?;
    lambda_http::run(router(state.asking_queues(clients.sqs))).await
}
