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
use serde_json::{Value, json};

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
    story: Story,
    /// How many of the events were answered 202.
    accepted: AtomicUsize,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    /// Something is played to its end.
    Play,
    /// Something is rated.
    Rating,
}

impl Doomed {
    async fn new(service: Service, story: Story) -> Self {
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
        let (variable, url) = services::api_url(&twins, service);
        let path = url.splitn(4, '/').nth(3).unwrap_or_default();
        let origin = url.strip_suffix(path).unwrap_or(&url);
        let behind = format!("{}/{path}", open(origin, fate.clone()).await);
        let mut own = off(service);
        own.push((variable.to_owned(), behind));
        let settings = settings(&twins, &pairs(&own));
        let world = World::over(clock, embedded, twins, settings, aws).await;
        let person = world.person_at("alice", &[service]).await;
        fate.take_log();
        Self {
            world,
            fate,
            person,
            service,
            story,
            accepted: AtomicUsize::new(0),
        }
    }

    /// What the media server posts.
    fn events(&self) -> Vec<Value> {
        let (item, length) = services::item(self.service);
        if self.story == Story::Rating {
            let mut event = happened(&item, "rate", evening(), None);
            event["rating"] = json!(8.7);
            return vec![event];
        }
        let start = evening() - TimeDelta::seconds(length);
        vec![
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
        let settings = settings(&world.twins, &pairs(&off(self.service)));
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
        let name = &self.person.name;
        match self.story {
            Story::Play => self.world.held(self.service, name).len(),
            Story::Rating => self.world.twins.trakt.ratings(name).len(),
        }
    }
}

/// Switches off all services but one: a tick looks after those that are on.
fn off(service: Service) -> Vec<(String, String)> {
    let others = Service::ALL.into_iter().filter(|other| *other != service);
    let name = |other: Service| format!("{}_ENABLED", other.name().to_ascii_uppercase());
    others
        .map(|other| (name(other), "false".to_owned()))
        .collect()
}

fn pairs(settings: &[(String, String)]) -> Vec<(&str, &str)> {
    settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// The awaits of the way, by name.
async fn awaits(service: Service, story: Story) -> Vec<String> {
    let doomed = Doomed::new(service, story).await;
    doomed.play().await;
    assert_eq!(doomed.at_the_service(), 1, "the way leads to the service");
    doomed.fate.take_log()
}

async fn survives(service: Service, story: Story) {
    let awaits = awaits(service, story).await;
    assert!(awaits.len() > 10, "{awaits:?}");
    let names = awaits.join(", ");
    eprintln!("{service}, {story:?}: {} awaits: {names}", awaits.len());
    let mut killed = 0;
    for (number, name) in awaits.iter().enumerate() {
        for side in [Side::Before, Side::After] {
            let doomed = Doomed::new(service, story).await;
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
    join_all(Service::WRITABLE.map(|service| survives(service, Story::Play))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_rating_is_lost_wherever_the_hub_dies() {
    survives(Service::Trakt, Story::Rating).await;
}
