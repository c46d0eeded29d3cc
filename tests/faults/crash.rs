//! The hub is killed at every await of the way from the post to the settlement: once before it, and once after.
//!
//! Every await on that way that can change anything is a request to the table, a queue or a service, and all of them
//! go through doors which count them. A run without a kill lists them; then each is the last thing the hub does, before
//! it arrives and after it took effect, and a new hub starts over the same stores.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use futures_util::future::join_all;
use hub_domain::Service;
use hub_local::aws::Embedded;
use hub_runtime::Clock;
use hub_runtime::aws::Aws;
use hub_twins::Twins;
use serde_json::Value;

use crate::harness::clock::evening;
use crate::harness::proxy::{Fate, Side, open};
use crate::harness::services;
use crate::harness::world::settings;
use crate::harness::{Person, World, happened};

/// A hub behind doors, and what it needs to be started again.
struct Doomed {
    world: World,
    fate: Arc<Fate>,
    person: Person,
    service: Service,
    /// How many of the events were answered 202.
    accepted: AtomicUsize,
}

impl Doomed {
    async fn new(service: Service) -> Self {
        let clock = Clock::standing_at(evening());
        let embedded = Arc::new(
            Embedded::start(None, clock.clone())
                .await
                .expect("stores start"),
        );
        let now = clock.clone();
        let twins = Twins::start(Arc::new(move || now.now()))
            .await
            .expect("services start");
        let fate = Arc::new(Fate::default());
        let endpoints = embedded.endpoints();
        let aws = Aws::on_loopback(
            &open(&endpoints.dynamodb, fate.clone()).await,
            &open(&endpoints.sqs, fate.clone()).await,
        );
        let mut own = Vec::new();
        for service in Service::ALL {
            let (variable, url) = services::api_url(&twins, service);
            let path = url.splitn(4, '/').nth(3).unwrap_or_default();
            let origin = url.strip_suffix(path).unwrap_or(&url);
            own.push((
                variable,
                format!("{}/{path}", open(origin, fate.clone()).await),
            ));
        }
        let own: Vec<(&str, &str)> = own
            .iter()
            .map(|(variable, url)| (*variable, url.as_str()))
            .collect();
        let settings = settings(&twins, &own);
        let world = World::over(clock, embedded, twins, settings, aws).await;
        let person = world.person_at("alice", &[service]).await;
        fate.take_log();
        Self {
            world,
            fate,
            person,
            service,
            accepted: AtomicUsize::new(0),
        }
    }

    /// What the media server posts.
    fn events(&self) -> [Value; 2] {
        let (item, length) = services::item(self.service);
        let start = evening() - TimeDelta::seconds(length);
        [
            happened(&item, "start", start, Some(0)),
            happened(&item, "stop", evening(), Some(length)),
        ]
    }

    /// The way of one play, from its post to its settlement.
    async fn play(&self) {
        self.post_the_rest(&self.world).await;
        self.world.settle().await;
        // Some services are asked first and told in a second request, a second later.
        for _ in 0..3 {
            if self.at_the_service() == 0 {
                self.world.clock.turn(TimeDelta::seconds(1));
                self.world.settle().await;
            }
        }
    }

    /// Posts what was not answered yet. What the hub said it has accepted is never sent a second time: from then on it
    /// is the hub's alone to lose.
    async fn post_the_rest(&self, world: &World) {
        for event in self
            .events()
            .into_iter()
            .skip(self.accepted.load(Ordering::SeqCst))
        {
            let path = "/api/v1/scrobble/events";
            let (status, body) = world
                .call("POST", path, Some(&self.person), Some(event))
                .await;
            assert_eq!(status, 202, "{body}");
            self.accepted.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// The hub after its death: the same stores and services, without doors, and nothing else.
    async fn again(&self) -> World {
        self.fate.spare();
        let world = &self.world;
        let (dynamodb, sqs) = world.embedded.clients();
        let settings = settings(&world.twins, &[]);
        let twins = world.twins.clone();
        World::over(
            world.clock.clone(),
            world.embedded.clone(),
            twins,
            settings,
            Aws { dynamodb, sqs },
        )
        .await
    }

    fn at_the_service(&self) -> usize {
        self.world.held(self.service, &self.person.name).len()
    }
}

/// The awaits of the way, by name.
async fn awaits(service: Service) -> Vec<String> {
    let doomed = Doomed::new(service).await;
    doomed.play().await;
    assert_eq!(doomed.at_the_service(), 1, "the way leads to the service");
    doomed.fate.take_log()
}

async fn survives(service: Service) {
    let awaits = awaits(service).await;
    assert!(awaits.len() > 12, "{awaits:?}");
    eprintln!("{service}: {} awaits: {}", awaits.len(), awaits.join(", "));
    let mut killed = 0;
    for (number, name) in awaits.iter().enumerate() {
        for side in [Side::Before, Side::After] {
            let doomed = Doomed::new(service).await;
            doomed.fate.kill_at(number, side);
            let was_killed = tokio::select! {
                () = doomed.fate.killed.notified() => true,
                () = doomed.play() => false,
            };
            killed += usize::from(was_killed);
            let world = doomed.again().await;
            doomed.post_the_rest(&world).await;
            world
                .pass_with_ticks(
                    TimeDelta::minutes(45),
                    TimeDelta::minutes(5),
                    TimeDelta::minutes(15),
                )
                .await;
            let there = doomed.at_the_service();
            assert_eq!(
                there,
                1,
                "{service}: killed {side:?} await {number}, {name}: {:#}",
                world.history(&doomed.person).await
            );
        }
    }
    assert!(
        killed >= awaits.len() * 2 - 4,
        "{killed} of {} kills were reached",
        awaits.len() * 2
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_play_is_lost_or_doubled_at_any_service_wherever_the_hub_dies() {
    join_all(Service::ALL.map(survives)).await;
}
