//! What an event costs on AWS: the units and requests it causes, metered at the doors to the table and the queues, and
//! what they come to at AWS's prices. `infra/COSTS.md` is written from here.

mod document;
mod metering;
mod prices;

use std::io::Write;
use std::ops::{Add, Mul, Sub};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta};
use hub_domain::Service;
use hub_local::aws::Embedded;
use hub_runtime::Clock;
use hub_runtime::aws::Aws;
use hub_twins::Twins;
use serde_json::{Value, json};

use crate::harness::clock::evening;
use crate::harness::meter::{Bill, Meter};
use crate::harness::proxy::open_metered;
use crate::harness::world::settings;
use crate::harness::{Person, World, episode, film, happened, track};

const MUSIC: [Service; 2] = [Service::ListenBrainz, Service::LastFm];
/// Longer than a session is kept, so that the next event begins a new one.
const LONG_AFTER: TimeDelta = TimeDelta::days(3);

/// What something came to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Measured {
    write_units: f64,
    read_units: f64,
    fifo_requests: f64,
    standard_requests: f64,
    wakes: f64,
    http_requests: f64,
    invocations: f64,
    /// Calls that the functions make; receiving and deleting messages is the mapping's.
    functions_calls: f64,
    service_calls: f64,
    log_lines: f64,
    log_bytes: f64,
}

macro_rules! by_field {
    ($($field:ident),*) => {
        impl Add for Measured {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self { $($field: self.$field + other.$field),* }
            }
        }
        impl Sub for Measured {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self { $($field: self.$field - other.$field),* }
            }
        }
        impl Mul<f64> for Measured {
            type Output = Self;
            fn mul(self, times: f64) -> Self {
                Self { $($field: self.$field * times),* }
            }
        }
    };
}
by_field!(
    write_units,
    read_units,
    fifo_requests,
    standard_requests,
    wakes,
    http_requests,
    invocations,
    functions_calls,
    service_calls,
    log_lines,
    log_bytes
);

/// What the functions log, as on AWS.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("a lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Logged {
    /// Takes the logs of this thread from now on, on which the functions of a test run.
    fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        let logged = Self::default();
        let writer = logged.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(
                "hub_api=info,hub_progress=info,hub_worker=info,hub_providers=info,hub_store=info",
            )
            .with_writer(move || writer.clone())
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .finish();
        (logged, tracing::subscriber::set_default(subscriber))
    }

    /// The lines and bytes since the last time; bytes to the next fifty, since clocks and names differ from run to run.
    fn take(&self) -> (f64, f64) {
        let bytes = std::mem::take(&mut *self.0.lock().expect("a lock"));
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        let rounded = bytes.len().div_ceil(50) * 50;
        let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        (number(lines), number(rounded))
    }
}

/// A hub whose calls to AWS are metered and whose logs are kept.
struct Costed {
    world: World,
    meter: Arc<Meter>,
    logged: Logged,
    person: Person,
    _listening: tracing::subscriber::DefaultGuard,
}

impl Costed {
    async fn at(services: &[Service]) -> Self {
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
        let meter = Arc::new(Meter::default());
        let endpoints = embedded.endpoints();
        let dynamodb = open_metered(&endpoints.dynamodb, meter.clone()).await;
        let sqs = open_metered(&endpoints.sqs, meter.clone()).await;
        let aws = Aws::on_loopback(&dynamodb, &sqs);
        let settings = settings(&twins, &[]);
        let world = World::over(clock, embedded, twins, settings, aws).await;
        let person = world.person_at("alice", services).await;
        let (logged, listening) = Logged::listen();
        Self {
            world,
            meter,
            logged,
            person,
            _listening: listening,
        }
    }

    /// Posts an event, lets the hub do all that follows at once, and says what that came to.
    async fn event(&self, body: Value) -> (Measured, Bill) {
        self.meter.take();
        self.logged.take();
        self.world.event(&self.person, body).await;
        self.world.settle().await;
        self.taken(1.0)
    }

    fn taken(&self, http_requests: f64) -> (Measured, Bill) {
        let bill = self.meter.take();
        let (log_lines, log_bytes) = self.logged.take();
        let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let fed = number(bill.count("ReceiveMessage"));
        let mappings = fed + number(bill.count("DeleteMessageBatch"));
        let measured = Measured {
            // A sum of nothing is a negative zero, which would show.
            write_units: 0.0 + bill.write_units(),
            read_units: 0.0 + bill.read_units(),
            fifo_requests: number(bill.fifo_requests()),
            standard_requests: number(bill.standard_requests()),
            wakes: number(bill.wakes()),
            http_requests,
            invocations: http_requests + fed,
            functions_calls: number(bill.calls.len()) - mappings,
            service_calls: number(bill.wakes()),
            log_lines,
            log_bytes,
        };
        (measured, bill)
    }

    /// A finished play told by one event, of an item never seen before, and then of one that was.
    async fn one_event_plays(&self, item: &Value, position: i64) -> (Measured, Measured, Bill) {
        let point = || {
            happened(
                item,
                "scrobble_point",
                self.world.clock.now(),
                Some(position),
            )
        };
        let (first, bill) = self.event(point()).await;
        self.world.clock.turn(LONG_AFTER);
        let (known, _) = self.event(point()).await;
        (first, known, bill)
    }

    /// Start, scrobble point and stop, each on its own.
    async fn three_events(&self, item: &Value, length: i64) -> [(Measured, Bill); 3] {
        self.world.clock.turn(LONG_AFTER);
        let start = self
            .event(happened(item, "start", self.world.clock.now(), Some(0)))
            .await;
        self.world.clock.turn(TimeDelta::seconds(length - 5));
        let now = self.world.clock.now();
        let point = self
            .event(happened(item, "scrobble_point", now, Some(length - 5)))
            .await;
        self.world.clock.turn(TimeDelta::seconds(5));
        let now = self.world.clock.now();
        let stop = self.event(happened(item, "stop", now, Some(length))).await;
        [start, point, stop]
    }

    fn is_delivered(&self, service: Service) -> usize {
        self.world
            .times_at(&self.person, service, DateTime::UNIX_EPOCH)
            .len()
    }
}

/// Another track, with an id such as Plex and Jellyfin tell.
fn track_with_id() -> Value {
    let mut track = track();
    track["item_id"] = json!("track-2");
    track["title"] = json!("Hyperballad");
    track["external_ids"] = json!({ "recording_mbid": "d5bd6f1a-1e6d-4d0d-9a3a-0a4d1a5f6c11" });
    track
}

/// Three services cost what two do, and once more what the second did.
fn three(one: Measured, two: Measured) -> Measured {
    two + (two - one)
}

#[tokio::test]
async fn a_play_at_three_services_costs_at_most_15_units_and_3_wake_ups() {
    let mut plays = Vec::new();
    for services in [&MUSIC[..1], &MUSIC[..]] {
        let hub = Costed::at(services).await;
        let (first, known, bill) = hub.one_event_plays(&track(), 190).await;
        assert!(
            services
                .iter()
                .all(|service| hub.is_delivered(*service) == 2),
            "{bill}"
        );
        plays.push((first, known, bill));
    }
    let [
        (first_at_one, known_at_one, _),
        (first_at_two, known_at_two, bill),
    ] = &plays[..]
    else {
        unreachable!("two hubs")
    };
    for (one, two) in [(first_at_one, first_at_two), (known_at_one, known_at_two)] {
        let play = three(*one, *two);
        assert!(play.write_units <= 15.0, "{play:?}, at two: {bill}");
        assert!(play.wakes <= 3.0 && play.service_calls <= 3.0, "{play:?}");
    }
    // Of the services that take films only one is there: what its lane and its settlement cost is counted twice more.
    let hub = Costed::at(&[Service::Trakt]).await;
    let (first, known, bill) = hub.one_event_plays(&film(), 7000).await;
    assert_eq!(hub.is_delivered(Service::Trakt), 2);
    let a_service = bill.write_units_on("LANE") + bill.write_units_on("LIMIT") + 1.0;
    for play in [first, known] {
        assert!(
            play.write_units + 2.0 * a_service <= 15.0,
            "{play:?}, {bill}"
        );
    }
}

#[tokio::test]
async fn progress_that_decides_nothing_costs_a_unit_and_what_is_dropped_nothing() {
    let hub = Costed::at(&MUSIC).await;
    let at = |seconds| happened(&track(), "progress", hub.world.clock.now(), Some(seconds));
    let start = happened(&track(), "start", hub.world.clock.now(), Some(0));
    let (start, bill) = hub.event(start).await;
    assert!(
        start.write_units <= 7.0 && start.wakes == 2.0,
        "a start shown at two services: {bill}"
    );
    hub.world.clock.turn(TimeDelta::seconds(65));
    let (progress, bill) = hub.event(at(65)).await;
    assert_eq!(progress.write_units, 1.0, "{bill}");
    assert!(
        progress.functions_calls <= 6.0 && progress.wakes == 0.0,
        "{bill}"
    );
    hub.world.clock.turn(TimeDelta::seconds(5));
    let (dropped, bill) = hub.event(at(70)).await;
    assert_eq!(
        (dropped.write_units, dropped.fifo_requests),
        (0.0, 0.0),
        "{bill}"
    );
    assert!(
        dropped.functions_calls <= 3.0,
        "who it is, and their thresholds: {bill}"
    );
    for seconds in [75, 80, 85, 90] {
        hub.world.clock.turn(TimeDelta::seconds(5));
        let (dropped, bill) = hub.event(at(seconds)).await;
        assert_eq!(dropped.functions_calls, 0.0, "by memory alone: {bill}");
    }
}

#[tokio::test]
async fn a_session_stays_within_a_unit_from_its_start_to_its_end() {
    let hub = Costed::at(&[]).await;
    for (_, bill) in hub.three_events(&film(), 7200).await {
        assert_eq!(bill.write_units_on("SESSION"), 1.0, "{bill}");
    }
}

#[tokio::test]
async fn a_lane_that_goes_well_is_written_once_a_request() {
    let hub = Costed::at(&MUSIC).await;
    let (_, _, bill) = hub.one_event_plays(&track(), 190).await;
    assert_eq!(bill.write_units_on("LANE"), 2.0, "{bill}");
    assert_eq!(bill.write_units_on("LIMIT"), 2.0, "{bill}");
}

#[tokio::test]
async fn the_next_play_waits_for_the_accounts_limit_and_not_for_the_lease_of_the_last() {
    for (services, item, length) in [
        (&MUSIC[..], track(), 190),
        (&[Service::Trakt][..], film(), 7000),
    ] {
        let hub = Costed::at(services).await;
        let finished = |name: &str| {
            let mut item = item.clone();
            item["item_id"] = json!(name);
            item["title"] = json!(name);
            item["external_ids"] = json!({ "tmdb": name.len() + 600 });
            happened(&item, "scrobble_point", hub.world.clock.now(), Some(length))
        };
        hub.event(finished("one")).await;
        hub.event(finished("three")).await;
        // The lane was not let go, and an account's limit still counts from the answer before.
        let at_once = usize::from(services.len() > 1);
        let expected = |service: &Service| hub.is_delivered(*service) == 1 + at_once;
        let is_limited = services == [Service::Trakt];
        assert!(
            !is_limited || services.iter().all(expected),
            "a second apart"
        );
        for _ in 0..12 {
            hub.world.clock.turn(TimeDelta::seconds(1));
            hub.world.settle().await;
        }
        assert!(
            services
                .iter()
                .all(|service| hub.is_delivered(*service) == 2)
        );
    }
}

/// Sixty episodes, each with an id of its own.
fn season() -> Value {
    let at = evening().to_rfc3339();
    let marks = (1..=60).map(|number| {
        let mut mark = episode();
        mark["event"] = json!("mark_watched");
        mark["occurred_at"] = json!(at);
        mark["item_id"] = json!(format!("episode-{number}"));
        mark["episode"] = json!(number);
        mark["external_ids"] = json!({ "tvdb": 303_000 + number });
        mark
    });
    marks.collect()
}

async fn sixty_marks() -> (Measured, Bill) {
    let hub = Costed::at(&[Service::Trakt]).await;
    hub.world.clock.turn(TimeDelta::hours(1));
    hub.meter.take();
    hub.world.event(&hub.person, season()).await;
    hub.world.settle().await;
    hub.world.clock.turn(TimeDelta::seconds(5));
    hub.world.settle().await;
    assert_eq!(hub.is_delivered(Service::Trakt), 60);
    hub.taken(1.0)
}

#[tokio::test]
async fn sixty_marks_go_out_in_one_request_and_cost_no_more_than_counted() {
    let (marks, bill) = sixty_marks().await;
    assert_eq!(bill.write_units_on("LIMIT"), 0.0);
    let requests = bill
        .calls
        .iter()
        .filter(|call| call.what == "LANE" && call.write_units > 0.0);
    assert_eq!(requests.count(), 1, "one batch a service");
    assert!(
        marks.write_units <= document::SIXTY_MARKS,
        "{}",
        marks.write_units
    );
}

#[tokio::test]
async fn a_page_of_history_is_one_query() {
    let hub = Costed::at(&[]).await;
    hub.one_event_plays(&track(), 190).await;
    hub.meter.take();
    let history = hub.world.history(&hub.person).await;
    assert_eq!(history["items"].as_array().map(Vec::len), Some(2));
    let (_, bill) = hub.taken(1.0);
    assert_eq!(bill.count("Query"), 1, "{bill}");
    assert!(bill.calls.len() <= 2, "the caller and the page: {bill}");
}
