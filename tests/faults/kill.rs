//! The hub of one machine, killed for good: the real binary, its data on disk, and no chance to say goodbye.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use hub_runtime::Clock;
use hub_twins::Twins;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::harness::world::SERVER_TOKEN;
use crate::harness::{happened, track};

/// The user of these stories.
const USER: &str = "6f3d2a52-3c1e-4a44-9a6e-5b1d1f0c0a01";
/// How long anything may take before the test gives up.
const DEADLINE: Duration = Duration::from_secs(120);

/// A hub that runs as a process of its own.
struct Running {
    process: Child,
    url: String,
    client: reqwest::Client,
}

impl Running {
    async fn start(data: &Path, twins: &Twins) -> Self {
        let mut process = Command::new(hub_binary())
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .env("SERVER_TOKEN", SERVER_TOKEN)
            .env("LISTENBRAINZ_API_URL", twins.listenbrainz.url())
            .env("QUEUE_PROCESS_INTERVAL", "1s")
            .env("RUST_LOG", "warn,dynoxide=error")
            .env_remove("LISTENBRAINZ_TOKEN")
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("the hub starts");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let url = loop {
            let line = tokio::time::timeout(DEADLINE, lines.next_line())
                .await
                .expect("in time")
                .expect("a line");
            let line = line.expect("the hub says where it listens before it ends");
            if let Some(url) = line
                .split_whitespace()
                .find(|word| word.starts_with("http://127.0.0.1:"))
            {
                break url.trim_end_matches(['.', ',', '/']).to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        Self {
            process,
            url,
            client,
        }
    }

    async fn call(&self, method: reqwest::Method, path: &str, body: &Value) -> Option<u16> {
        let request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(SERVER_TOKEN)
            .header("x-user-id", USER)
            .timeout(DEADLINE)
            .json(body);
        Some(request.send().await.ok()?.status().as_u16())
    }

    async fn kill(mut self) {
        self.process.kill().await.expect("killed");
    }
}

/// The binary that was built with these tests.
fn hub_binary() -> std::path::PathBuf {
    let tests = std::env::current_exe().expect("this test's path");
    let target = tests
        .parent()
        .and_then(Path::parent)
        .expect("the folder of what was built");
    let hub = target.join("hub");
    assert!(
        hub.exists(),
        "{} is built by `cargo build -p hub-local`",
        hub.display()
    );
    hub
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listens_that_were_accepted_survive_kill_9_at_any_moment() {
    let clock = Clock::system();
    let now = clock.clone();
    let twins = Twins::start(Arc::new(move || now.now()))
        .await
        .expect("services start");
    let token = twins.listenbrainz.issue_token("alice");
    let data = tempfile::tempdir().expect("a folder");
    let mut hub = Running::start(data.path(), &twins).await;
    let connect = json!({ "token": token });
    let path = "/api/v1/scrobble/connect/listenbrainz";
    assert_eq!(
        hub.call(reqwest::Method::POST, path, &connect).await,
        Some(200)
    );

    let mut accepted = Vec::new();
    for round in 0..6_u64 {
        for number in 0..5_u64 {
            let nth = i64::try_from(round * 5 + number).expect("a small number");
            let start = clock.now() - TimeDelta::hours(12)
                + TimeDelta::minutes(5) * i32::try_from(nth).expect("small");
            let mut item = track();
            item["item_id"] = json!(format!("track-{nth}"));
            item["title"] = json!(format!("Track {nth}"));
            let events = json!([
                happened(&item, "start", start, Some(0)),
                happened(&item, "stop", start + TimeDelta::seconds(190), Some(190)),
            ]);
            if hub
                .call(reqwest::Method::POST, "/api/v1/scrobble/events", &events)
                .await
                == Some(202)
            {
                accepted.push(start.timestamp());
            }
        }
        // Somewhere on the way from the queue to the service, at another place each time.
        #[expect(
            clippy::disallowed_methods,
            reason = "the moment of the kill is what this test varies"
        )]
        tokio::time::sleep(Duration::from_millis(round * 23)).await;
        hub.kill().await;
        hub = Running::start(data.path(), &twins).await;
    }
    assert_eq!(accepted.len(), 30);
    let deadline = tokio::time::Instant::now() + DEADLINE;
    loop {
        let mut held: Vec<i64> = twins
            .listenbrainz
            .listens("alice")
            .iter()
            .map(|listen| listen.listened_at.timestamp())
            .collect();
        held.sort_unstable();
        if held == accepted {
            break;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{} of {} arrived: {held:?}",
            held.len(),
            accepted.len()
        );
        assert!(held.len() <= accepted.len(), "some arrived twice");
        #[expect(clippy::disallowed_methods, reason = "polls with a deadline")]
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    hub.kill().await;
}
