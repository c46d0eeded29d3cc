//! The hub as a process of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::machine;
use crate::service::TraktLike;

const SERVER_TOKEN: &str = "server-token-of-the-measurement-0123456789";

/// A running `hub serve`.
pub(crate) struct Hub {
    process: Child,
    pub(crate) address: SocketAddr,
    /// From the start of the process until it answered.
    pub(crate) ready_after: Duration,
}

impl Hub {
    pub(crate) async fn start(data: &Path, service: &TraktLike) -> Self {
        let root = format!("http://{}", service.address);
        // The port is free a moment ago; who takes it in between ends the measurement.
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let binary =
            std::env::var_os("SPEED_HUB").unwrap_or_else(|| env!("CARGO_BIN_EXE_hub").into());
        let began = Instant::now();
        let process = Command::new(binary)
            .args(["serve", "--listen", &address.to_string(), "--data"])
            .arg(data)
            .env("SERVER_TOKEN", SERVER_TOKEN)
            .env("TRAKT_CLIENT_ID", "measurement")
            .env("TRAKT_API_URL", &root)
            .env("TRAKT_AUTH_URL", &root)
            .env_remove("LISTENBRAINZ_TOKEN")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        loop {
            if let Ok(mut client) = Client::try_connect(address).await
                && client.get("/health", "").await.0 == 200
            {
                break;
            }
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "the hub does not start"
            );
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        let ready_after = began.elapsed();
        Self {
            process,
            address,
            ready_after,
        }
    }

    /// Makes users who are signed in at the service, and names them.
    pub(crate) async fn users(&self, service: &TraktLike, count: usize) -> Vec<String> {
        let mut client = Client::connect(self.address).await;
        let mut users = Vec::new();
        for nth in 0..count {
            let user = format!("6f3d2a52-3c1e-4a44-9a6e-{nth:012x}");
            let headers = self.headers(&user);
            let path = "/api/v1/scrobble/connect/trakt";
            let (status, body) = client.post(path, &headers, "{}").await;
            assert_eq!(status, 200, "{body}");
            let state = body.split("state=").nth(1).unwrap();
            let state = state.split(['&', '"']).next().unwrap();
            let back = format!("/api/v1/scrobble/trakt/callback?code=code&state={state}");
            let (status, body) = client.get(&back, "").await;
            assert_eq!(status, 200, "{body} from {}", service.address);
            users.push(user);
        }
        users
    }

    pub(crate) fn server_headers(&self) -> String {
        format!("authorization: Bearer {SERVER_TOKEN}\r\n")
    }

    pub(crate) fn headers(&self, user: &str) -> String {
        format!("{}x-user-id: {user}\r\n", self.server_headers())
    }

    /// What it has computed so far, in all threads.
    pub(crate) fn cpu(&self) -> Duration {
        machine::cpu(&self.process.id().to_string())
    }

    /// The resident memory, in kB.
    pub(crate) fn memory(&self) -> usize {
        machine::memory(&self.process.id().to_string())
    }

    /// Asks it to end, and waits for that.
    pub(crate) async fn stop(mut self) {
        let pid = self.process.id().to_string();
        Command::new("kill").arg(pid).status().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // Only where the measurement failed is it still running.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
