//! Sends the deliveries of one service; `SERVICE` names it.

use hub_runtime::aws::{Aws, config_from_environment, load_settings};
use hub_runtime::queue::QueueUrls;
use hub_runtime::{Clock, HttpClient, Queues, telemetry};
use hub_store::Table;
use hub_worker::Worker;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = config_from_environment().await;
    let settings = load_settings(&config).await?;
    telemetry::start(&settings);
    let aws = Aws::new(&config);
    let (services, users) = (
        HttpClient::for_services(&settings)?,
        HttpClient::for_users(&settings)?,
    );
    let table = Table::new(aws.dynamodb.clone(), settings.table()?);
    let queues = Queues::new(aws.sqs.clone(), QueueUrls::of(&settings));
    let service = settings.service()?;
    let worker = Worker::of(
        &settings,
        service,
        table,
        queues,
        &services,
        &users,
        Clock::system(),
    )?;
    // A first TLS handshake takes most of a second in a small sandbox: here it costs nobody's play.
    services.warm(&settings.app_of(service)?.api_url).await;
    aws.warm(None).await;
    run(service_fn(|event: LambdaEvent<_>| async {
        let response = worker
            .reconnected(&settings, &services, &users)?
            .handle(event.payload)
            .await;
        services.close_idle();
        users.close_idle();
        Ok::<_, Error>(response)
    }))
    .await
}
