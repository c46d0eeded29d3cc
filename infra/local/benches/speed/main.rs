//! How fast the hub of one machine is: `cargo bench -p hub-local --bench speed`.
//!
//! The real `hub serve`, a load generator and a simulated Trakt share the machine. Beside each figure stand the
//! machine's own limits: an fsync of the disk that the data lie on, and an HTTP echo with the same client and server.
//!
//! Trakt, because its limit (one write a second *and user*, at most 100 plays in one) is the only one of the services
//! that lets fifty users deliver so much: `ListenBrainz` takes 300 listens a second of all users together, Last.fm 250.
//! The hub keeps to that limit here as everywhere; nothing is switched off.
//!
//! | argument | what is measured |
//! | --- | --- |
//! | none | all of it |
//! | `throughput`, `latency`, `start` | that alone |
//!
//! `SPEED_PLAYS` (default 15,000), `SPEED_USERS` (50), `SPEED_CONNECTIONS` (64) and `SPEED_DATA` (a folder on the disk
//! that is meant; else the system's for temporary files) change the load.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a measurement prints, fails as a whole, and waits for what it measures"
)]

mod client;
mod hub;
mod machine;
mod service;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use client::Client;
use hub::Hub;
use service::TraktLike;

/// What the measurements share.
struct Load {
    plays: usize,
    users: usize,
    connections: usize,
    /// Where the hubs' data lie.
    place: tempfile::TempDir,
}

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let load = Load {
        plays: machine::number("SPEED_PLAYS", 15_000),
        users: machine::number("SPEED_USERS", 50),
        connections: machine::number("SPEED_CONNECTIONS", 64),
        place: machine::folder("SPEED_DATA"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let fsync = machine::limits(load.place.path()).await;
        if is_wanted("start") {
            start(&load).await;
        }
        if is_wanted("latency") {
            latency(&load, fsync).await;
        }
        if is_wanted("throughput") {
            throughput(&load).await;
        }
    });
}

/// From the start of the process until `/health` is answered: on a fresh folder, and on one with data.
async fn start(load: &Load) {
    let service = TraktLike::start(0).await;
    let mut fresh = Vec::new();
    for nth in 0..9 {
        let folder = load.place.path().join(format!("fresh-{nth}"));
        let hub = Hub::start(&folder, &service).await;
        fresh.push(hub.ready_after);
        hub.stop().await;
    }
    let mut again = Vec::new();
    let folder = load.place.path().join("fresh-0");
    let mut idle = 0;
    for _ in 0..9 {
        let hub = Hub::start(&folder, &service).await;
        again.push(hub.ready_after);
        tokio::time::sleep(Duration::from_millis(500)).await;
        idle = hub.memory();
        hub.stop().await;
    }
    println!(
        "ready after start     {:>7.1} ms on a fresh folder, {:.1} ms on one with data (medians of 9)",
        millis(median(&mut fresh)),
        millis(median(&mut again)),
    );
    println!("memory when idle      {idle:>7} kB");
}

/// One play at a time: from the first byte of the POST to its arrival at the service.
async fn latency(load: &Load, fsync: Duration) {
    const PLAYS: usize = 300;
    // Each user finishes less than one play a second, or their own limit at Trakt would be measured.
    const PAUSE: Duration = Duration::from_millis(25);
    let service = TraktLike::start(PLAYS).await;
    let hub = Hub::start(&load.place.path().join("latency"), &service).await;
    let users = hub.users(&service, load.users.max(50)).await;
    let mut client = Client::connect(hub.address).await;
    let (mut accepted, mut posted) = (Vec::new(), Vec::new());
    for (number, user) in (0..PLAYS).zip(users.iter().cycle()) {
        let body = film(number, Utc::now());
        let began = Instant::now();
        let status = client
            .post("/api/v1/scrobble/events", &hub.headers(user), &body)
            .await;
        assert_eq!(status.0, 202, "{}", status.1);
        accepted.push(began.elapsed());
        posted.push(began);
        tokio::time::sleep(PAUSE).await;
    }
    service.all_arrived(PLAYS, Duration::from_secs(30)).await;
    let mut delivered: Vec<Duration> = (0..PLAYS)
        .map(|number| service.arrived_at(number).unwrap() - posted[number])
        .collect();
    let aim = Duration::from_millis(4) + 2 * fsync;
    println!(
        "one play at a time    {:>7.2} ms from POST to the service at the median (aim: 4 ms + 2 fsyncs = {:.2} ms), \
         {:.2} ms to the 202; 95th {:.2} and {:.2} ms",
        millis(median(&mut delivered)),
        millis(aim),
        millis(median(&mut accepted)),
        millis(delivered[delivered.len() * 95 / 100]),
        millis(accepted[accepted.len() * 95 / 100]),
    );
    hub.stop().await;
}

/// Many plays at once, each its own POST, over keep-alive connections.
async fn throughput(load: &Load) {
    let Load {
        plays,
        users,
        connections,
        ..
    } = *load;
    let service = TraktLike::start(plays).await;
    let hub = Hub::start(&load.place.path().join("throughput"), &service).await;
    let names = Arc::new(hub.users(&service, users).await);
    let idle = hub.memory();
    let (cpu, own) = (hub.cpu(), machine::own_cpu());
    let began = Instant::now();
    let mut posting = tokio::task::JoinSet::new();
    for nth in 0..connections {
        let (names, headers) = (Arc::clone(&names), hub.server_headers());
        let address = hub.address;
        posting.spawn(async move {
            let mut client = Client::connect(address).await;
            for number in (nth..plays).step_by(connections) {
                let body = film(number, long_ago(number, names.len()));
                let headers = format!("{headers}x-user-id: {}\r\n", names[number % names.len()]);
                let status = client
                    .post("/api/v1/scrobble/events", &headers, &body)
                    .await;
                assert_eq!(status.0, 202, "{}", status.1);
            }
        });
    }
    while let Some(posted) = posting.join_next().await {
        posted.unwrap();
    }
    let accepted = began.elapsed();
    service.all_arrived(plays, Duration::from_secs(300)).await;
    let delivered = service.last_arrival() - began;
    // The last settlements belong to the price of a play.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (cpu, own) = (hub.cpu() - cpu, machine::own_cpu() - own);
    let count = plays as f64;
    println!(
        "{plays} plays of {users} users, one a POST, {connections} connections, load average {}:",
        machine::load_average()
    );
    println!(
        "  accepted            {:>7.0} a second ({:.2} s)",
        count / accepted.as_secs_f64(),
        accepted.as_secs_f64()
    );
    println!(
        "  delivered           {:>7.0} a second ({:.2} s, {} requests, each play once)",
        count / delivered.as_secs_f64(),
        delivered.as_secs_f64(),
        service.requests()
    );
    println!(
        "  CPU                 {:>7.3} ms a play in the hub, {:.3} ms in load generator and service",
        millis(cpu) / count,
        millis(own) / count
    );
    println!(
        "  memory              {idle:>7} kB before, {} kB after",
        hub.memory()
    );
    hub.stop().await;
}

/// A film that was watched to nine tenths at that moment; no other play is of it.
fn film(number: usize, at: DateTime<Utc>) -> String {
    let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!(
        r#"{{"event":"scrobble_point","occurred_at":"{at}","progress_percent":90,"position_ms":6480000,"player_id":"tv","item_id":"film-{number}","item_type":"movie","title":"Film {number}","year":1999,"duration_ms":7200000,"external_ids":{{"tmdb":{}}}}}"#,
        service::FIRST_ID + number
    )
}

/// Long enough ago to be delivered with its time, and never two at once of one user.
fn long_ago(number: usize, users: usize) -> DateTime<Utc> {
    let nth = i32::try_from(number / users).unwrap();
    Utc::now() - TimeDelta::hours(1) - TimeDelta::hours(3) * nth
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
