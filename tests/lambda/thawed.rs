//! A sandbox that slept wakes with connections that died meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_sqs::config::timeout::TimeoutConfig;
use chrono::TimeDelta;
use hub_domain::Service;
use hub_local::aws::Embedded;
use hub_runtime::aws::{Aws, loopback_config};
use hub_runtime::{Clock, HttpClient, Queues};
use hub_twins::Twins;
use hub_worker::Worker;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::harness::clock::evening;
use crate::harness::world::settings;
use crate::harness::{Person, World, happened, track};

/// How a connection ends while nobody looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The other side closes it, and says so.
    Closed,
    /// Something between the two forgets it: what is sent is never answered.
    Forgotten,
}

/// A wire to a server, whose connections can be made to end.
struct Wire {
    url: String,
    ended: watch::Sender<Option<End>>,
    opened: Arc<AtomicUsize>,
}

impl Wire {
    async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let to = server.trim_start_matches("http://").to_owned();
        let (ended, _) = watch::channel(None);
        let opened = Arc::new(AtomicUsize::new(0));
        let wire = Self {
            url,
            ended: ended.clone(),
            opened: opened.clone(),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                opened.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(carry(stream, to.clone(), ended.subscribe()));
            }
        });
        wire
    }

    /// Ends the connections that are open now.
    fn end(&self, how: End) {
        self.ended.send_replace(Some(how));
    }
}

/// Carries bytes both ways until the connection is ended.
async fn carry(mut near: TcpStream, to: String, mut ended: watch::Receiver<Option<End>>) {
    ended.mark_unchanged();
    let Ok(mut far) = TcpStream::connect(to).await else {
        return;
    };
    let how = tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => return,
        _ = ended.changed() => *ended.borrow(),
    };
    match how {
        Some(End::Forgotten) => {
            let mut bytes = [0; 4096];
            while let Ok(1..) = near.read(&mut bytes).await {}
        }
        Some(End::Closed) | None => {
            near.shutdown().await.ok();
        }
    }
}

/// Wires to DynamoDB, SQS and the service, in this order, and a hub that calls over them.
async fn over_wires() -> (World, [Wire; 3]) {
    let clock = Clock::standing_at(evening());
    let embedded = Embedded::start(None, clock.clone()).await;
    let embedded = Arc::new(embedded.expect("stores start"));
    let now = clock.clone();
    let twins = Twins::start(Arc::new(move || now.now())).await;
    let twins = twins.expect("services start");
    let endpoints = embedded.endpoints();
    let wires = [
        Wire::to(&endpoints.dynamodb).await,
        Wire::to(&endpoints.sqs).await,
        Wire::to(twins.listenbrainz.url()).await,
    ];
    // As on AWS, where an attempt may take four seconds, but nobody wants to wait for them here.
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_millis(400))
        .operation_timeout(Duration::from_secs(10))
        .build();
    // A sandbox rarely has more than two connections open: it works through one batch at a time.
    let http = || {
        aws_smithy_http_client::Builder::new()
            .pool_max_idle_per_host(2)
            .build_http()
    };
    let config = loopback_config();
    let dynamodb = aws_sdk_dynamodb::config::Builder::from(&config)
        .timeout_config(timeouts.clone())
        .http_client(http())
        .endpoint_url(&wires[0].url);
    let sqs = aws_sdk_sqs::config::Builder::from(&config)
        .timeout_config(timeouts)
        .http_client(http())
        .endpoint_url(&wires[1].url);
    let aws = Aws {
        dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
        sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
    };
    let settings = settings(&twins, &[("LISTENBRAINZ_API_URL", &wires[2].url)]);
    let world = World::over(clock, embedded, twins, settings, aws).await;
    (world, wires)
}

/// One listen, from its events to the service, by a worker that is called as its `main` calls it.
async fn a_listen(world: &World, mira: &Person, worker: &Worker, clients: &[HttpClient; 2]) {
    let began = world.clock.now();
    world
        .event(mira, happened(&track(), "start", began, Some(0)))
        .await;
    world.clock.turn(TimeDelta::seconds(195));
    let stop = happened(&track(), "stop", world.clock.now(), Some(195));
    world.event(mira, stop).await;
    world.hub.handle_events().await.expect("a batch");
    let history = world.history(mira).await;
    let wake = json!({
        "wake": "deliver", "v": 1, "user": mira.id, "service": "listenbrainz", "plays": [history["items"][0]["id"]],
    });
    let batch = json!({ "Records": [{ "messageId": "1", "body": wake.to_string() }] });
    let [services, users] = clients;
    let answer = worker
        .reconnected(&world.settings, services, users)
        .expect("the service is on")
        .handle(serde_json::from_value(batch).expect("a batch"))
        .await;
    assert!(answer.batch_item_failures.is_empty());
    services.close_idle();
    users.close_idle();
}

async fn listens_after_sleeps(how: End) {
    let (world, wires) = over_wires().await;
    let mira = world.person_at("mira", &[Service::ListenBrainz]).await;
    let clients = [
        HttpClient::for_services(&world.settings).expect("a client"),
        HttpClient::for_users(&world.settings).expect("a client"),
    ];
    let worker = Worker::of(
        &world.settings,
        Service::ListenBrainz,
        world.hub.table.clone(),
        Queues::new(world.aws.sqs.clone(), world.hub.urls.clone()),
        &clients[0],
        &clients[1],
        world.clock.clone(),
    );
    let worker = worker.expect("the service is on");
    for listens in 1..=3 {
        a_listen(&world, &mira, &worker, &clients).await;
        assert_eq!(world.twins.listenbrainz.listens("mira").len(), listens);
        for wire in &wires {
            assert!(wire.opened.swap(0, Ordering::SeqCst) > 0, "opened anew");
            wire.end(how);
        }
        world.clock.turn(TimeDelta::minutes(20));
    }
    let history = world.history(&mira).await;
    for play in history["items"].as_array().expect("plays") {
        // One try each: nothing was in doubt.
        assert_eq!(play["deliveries"][0]["state"], "delivered", "{play}");
        assert_eq!(play["deliveries"][0]["attempts"], 0, "{play}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_whose_connections_were_closed_while_it_slept_goes_on() {
    listens_after_sleeps(End::Closed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_whose_connections_were_forgotten_while_it_slept_goes_on() {
    listens_after_sleeps(End::Forgotten).await;
}
