//! Sends the deliveries of one service; `SERVICE` names it.

use hub_runtime::aws::{Aws, config_from_environment, load_settings};
use hub_runtime::queue::{Deadline, QueueUrls};
use hub_runtime::{Clock, HttpClient, Queues, telemetry};
use hub_store::Table;
use hub_worker::Worker;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = config_from_environment().await;
    let (aws, clock) = (Aws::new(&config), Clock::system());
    // A first TLS handshake takes most of a second in a small sandbox: here it costs nobody's play. The table's goes
    // on beside the secret and the service's.
    let start = async {
        let settings = load_settings(&config).await?;
        telemetry::start(&settings);
        let services = HttpClient::for_services(&settings)?;
        let api_url = &settings.app_of(settings.service()?)?.api_url;
        services.warm(api_url, clock.now()).await;
        Ok::<_, Error>((settings, services))
    };
    let (started, ()) = tokio::join!(start, aws.warm_table());
    let (settings, services) = started?;
    let users = HttpClient::for_users(&settings)?;
    let worker = Worker::of(
        &settings,
        settings.service()?,
        Table::new(aws.dynamodb.clone(), settings.table()?),
        Queues::new(aws.sqs.clone(), QueueUrls::of(&settings)),
        &services,
        &users,
        clock.clone(),
    )?;
    run(service_fn(|event: LambdaEvent<_>| async {
        services.close_stale(clock.now());
        let LambdaEvent { payload, context } = event;
        let deadline = Deadline::of_invocation(context.deadline);
        let response = worker
            .reconnected(&settings, &services, &users)?
            .handle_until(payload, deadline)
            .await;
        services.close_idle();
        users.close_idle();
        Ok::<_, Error>(response)
    }))
    .await
}
