//! The machine's own limits, and what the system knows of a process.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::service::TraktLike;
use crate::{median, millis};

/// Clock ticks a second in `/proc`; the same on every Linux that there is.
const TICKS: u64 = 100;

/// Prints the limits, and returns an fsync's median.
pub(crate) async fn limits(place: &Path) -> Duration {
    let mut file = File::create(place.join("fsync")).unwrap();
    let mut syncs = Vec::new();
    for _ in 0..200 {
        file.write_all(&[7; 4096]).unwrap();
        let began = Instant::now();
        file.sync_data().unwrap();
        syncs.push(began.elapsed());
    }
    let fsync = median(&mut syncs);
    let service = TraktLike::start(0).await;
    let mut client = Client::connect(service.address).await;
    let mut echoes = Vec::new();
    for _ in 0..2000 {
        let began = Instant::now();
        assert_eq!(client.get("/echo", "").await.0, 200);
        echoes.push(began.elapsed());
    }
    const EACH: usize = 1000;
    const CONNECTIONS: usize = 64;
    let began = Instant::now();
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let address = service.address;
        asking.spawn(async move {
            let mut client = Client::connect(address).await;
            for _ in 0..EACH {
                client.post("/echo", "", "{}").await;
            }
        });
    }
    while asking.join_next().await.is_some() {}
    let rate = (EACH * CONNECTIONS) as f64 / began.elapsed().as_secs_f64();
    let cores = std::thread::available_parallelism().unwrap();
    println!(
        "this machine          {cores} cores, load average {}; fsync of 4 KiB {:.2} ms (median of 200), \
         HTTP echo {:.3} ms, {rate:.0} a second over {CONNECTIONS} connections",
        load_average(),
        millis(fsync),
        millis(median(&mut echoes)),
    );
    fsync
}

pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

pub(crate) fn own_cpu() -> Duration {
    cpu("self")
}

/// User and system time of a process, in all threads.
pub(crate) fn cpu(process: &str) -> Duration {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name may hold anything, and ends with the last bracket.
    let after = text.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 1000 / TICKS)
}

/// Resident memory in kB.
pub(crate) fn memory(process: &str) -> usize {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    kilobytes.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A number from the environment.
pub(crate) fn number(name: &str, default: usize) -> usize {
    let text = std::env::var(name).ok();
    text.map_or(default, |text| text.parse().unwrap())
}

/// A folder that goes away with the measurement.
pub(crate) fn folder(name: &str) -> tempfile::TempDir {
    match std::env::var_os(name) {
        Some(place) => tempfile::tempdir_in(place).unwrap(),
        None => tempfile::tempdir().unwrap(),
    }
}
