//! `hub serve`: the hub on this machine until it is interrupted.

#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use hub_domain::{Secret, Service};
use hub_runtime::settings::ServiceSetting;
use hub_runtime::{Clock, Settings, telemetry};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

use crate::access::Access;
use crate::failure::Failure;
use crate::folder::{DataFolder, Running};
use crate::local::Local;
use crate::output::Output;
use crate::users;
use crate::variables::{ServerTokenWasMade, Variables, local_url};

/// How often items are deleted whose time is over.
const SWEEP: Duration = Duration::from_secs(60);
/// How long open requests may take to end once the hub is asked to stop.
const GRACE: Duration = Duration::from_secs(10);

/// A hub that serves.
pub struct Serving {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where this machine reaches it.
    pub url: Url,
    /// The token that the media server and the other commands call with.
    pub server_token: Secret,
    /// Whether this start made that token.
    pub token_was_made: bool,
    /// What the operator set.
    pub settings: Settings,
    /// What `LISTENBRAINZ_TOKEN` came to, where it did not connect.
    pub warning: Option<Failure>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), Failure>>,
}

impl Serving {
    /// Opens the hub of a folder and serves it.
    ///
    /// # Errors
    ///
    /// The port or the folder is in use, or a setting is wrong.
    pub async fn start(
        folder: &DataFolder,
        variables: Variables,
        listen: SocketAddr,
    ) -> Result<Self, Failure> {
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|error| not_bound(listen, &error))?;
        let address = listener.local_addr()?;
        let opened = Local::open(Some(folder), variables, address, Clock::system()).await;
        let local = opened.map_err(|error| error.into_failure(Some(folder)))?;
        let no_token = || Failure::new("The hub has no server token.");
        let server_token = local.settings.server_token.clone().ok_or_else(no_token)?;
        let url = Url::parse(&local_url(address))
            .map_err(|error| Failure::because("No address", &error))?;
        let warning = connect_listenbrainz(&local, &server_token).await.err();
        let running = Running {
            url: url.clone(),
            server_token: server_token.clone(),
        };
        folder.write_running(&running)?;
        let (stop, stopping) = oneshot::channel();
        let settings = local.settings.clone();
        let token_was_made = local.token_was_made == ServerTokenWasMade(true);
        let ended = tokio::spawn(serve(local, listener, stopping, folder.clone()));
        Ok(Self {
            address,
            url,
            server_token,
            token_was_made,
            settings,
            warning,
            stop,
            ended,
        })
    }

    /// Takes no more requests, answers what has begun, and closes the stores.
    ///
    /// # Errors
    ///
    /// It had ended before, and why.
    pub async fn stop(self) -> Result<(), Failure> {
        // Where nobody listens it has ended already, and says why below.
        let _ = self.stop.send(());
        joined(self.ended.await)
    }
}

/// Runs `hub serve`.
///
/// # Errors
///
/// One sentence about why the hub did not start or had to end.
pub async fn run<W: Write>(
    folder: &DataFolder,
    listen: SocketAddr,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let variables = Variables::read(folder)?;
    start_logging(&variables)?;
    let mut serving = Serving::start(folder, variables, listen).await?;
    announce(&serving, folder, output)?;
    tokio::select! {
        asked = interrupted() => asked?,
        ended = &mut serving.ended => return joined(ended),
    }
    if !output.is_json() {
        output.line("Ending; what was accepted is kept.")?;
    }
    serving.stop().await
}

/// Logs as the settings say. A wrong one is told by whoever reads the settings next.
fn start_logging(variables: &Variables) -> Result<(), Failure> {
    // People read the terminal, so that only what needs them is logged unless they ask for more. That a table is there
    // already, which dynoxide warns of, is as it should be.
    let quiet = |name: &str| {
        variables
            .get(name)
            .or_else(|| (name == "RUST_LOG").then(|| "warn,dynoxide=error".to_owned()))
    };
    let settings =
        Settings::read(&quiet).map_err(|error| Failure::because("A setting is wrong", &error))?;
    telemetry::start(&settings);
    Ok(())
}

async fn serve(
    local: Local,
    listener: TcpListener,
    stopping: oneshot::Receiver<()>,
    folder: DataFolder,
) -> Result<(), Failure> {
    // Its first tick comes at once and wakes what was open when the last hub ended.
    let (asked, mut was_asked) = tokio::sync::watch::channel(false);
    let mut running = local.hub.run(&was_asked);
    let server = axum::serve(listener, local.router()).with_graceful_shutdown(async move {
        // An error means that whoever could ask is gone, which asks as well.
        let _ = stopping.await;
        asked.send_replace(true);
    });
    let overdue = async {
        // The sender lives in the server, which ends later than it sends.
        let _ = was_asked.wait_for(|is_asked| *is_asked).await;
        pause(GRACE).await;
    };
    let sweeps = async {
        loop {
            pause(SWEEP).await;
            if let Err(error) = local.embedded.dynamodb().sweep().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "expired items were not deleted"
                );
            }
        }
    };
    let ended = tokio::select! {
        ended = server => ended,
        () = overdue => Ok(()),
        () = sweeps => Ok(()),
    };
    folder.forget_running();
    // What is being handled is handled to its end; should it take too long, a cut is repaired at the next start, since
    // each step is written down before the next begins.
    let handled = async { while running.join_next().await.is_some() {} };
    tokio::select! {
        () = handled => {}
        () = pause(GRACE) => {}
    }
    running.shutdown().await;
    local.close().await;
    ended.map_err(|error| Failure::because("The hub can no longer listen", &error))
}

/// Connects the first user as `LISTENBRAINZ_TOKEN` says, unless their connection works.
async fn connect_listenbrainz(local: &Local, server_token: &Secret) -> Result<(), Failure> {
    let Some(token) = &local.settings.listenbrainz_token else {
        return Ok(());
    };
    let access = Access::through(local.router(), server_token.clone());
    let user = users::find(&access, None).await?.id;
    let connections = access
        .get(Some(user), "/api/v1/scrobble/connections")
        .await?;
    if users::is_connected(&connections, Service::ListenBrainz) {
        return Ok(());
    }
    let path = format!("/api/v1/user/services/{}/connect", Service::ListenBrainz);
    let connected = access
        .post(Some(user), &path, &json!({ "token": token.reveal() }))
        .await;
    connected.map(|_| ()).map_err(|failure| {
        Failure::new(format!(
            "LISTENBRAINZ_TOKEN did not connect your account: {failure}"
        ))
    })
}

fn announce<W: Write>(
    serving: &Serving,
    folder: &DataFolder,
    output: &mut Output<W>,
) -> io::Result<()> {
    let Serving { url, settings, .. } = serving;
    let url = url.as_str().trim_end_matches('/');
    let token = serving
        .token_was_made
        .then(|| serving.server_token.reveal());
    if output.is_json() {
        let mut value = json!({ "url": url, "data": folder.path() });
        if let Some(token) = token {
            value["server_token"] = json!(token);
        }
        return output.json(&value);
    }
    output.line(format!("{} {url}", output.strong("The hub listens at")))?;
    output.line(format!("  {:<12} {}", "data", folder.path().display()))?;
    for (service, setting) in &settings.services {
        let state = match setting {
            ServiceSetting::On(_) => "can be connected".to_owned(),
            ServiceSetting::Off { why } => format!("off: {why}"),
        };
        output.line(format!("  {:<12} {state}", service.title()))?;
    }
    if let Some(warning) = &serving.warning {
        output.line(format!("\n{warning}"))?;
    }
    if let Some(token) = token {
        output.line(
            "\nThe token of your media server, shown this once (SERVER_TOKEN sets your own):",
        )?;
        output.line(format!("  {token}"))?;
    }
    output.line("\nIn another terminal:")?;
    let option = folder.option();
    for (command, what) in [
        ("connect listenbrainz", "connect a first service"),
        (
            "token webhook plex --account NAME",
            "make the address to enter at Plex",
        ),
        ("history", "see what was played, and where it went"),
    ] {
        output.line(format!("  {:<40} {what}", format!("hub {command}{option}")))?;
    }
    output.line("\nCtrl-C ends it; nothing is lost.")
}

/// Resolves when the process is asked to end.
///
/// # Errors
///
/// The system lets nobody wait for its signals.
pub async fn interrupted() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            asked = tokio::signal::ctrl_c() => asked,
            _ = terminated.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

fn not_bound(listen: SocketAddr, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::AddrInUse {
        let (ip, port) = (listen.ip(), listen.port());
        return Failure::new(format!(
            "Port {port} of {ip} is in use: end what uses it, or name another with --listen."
        ));
    }
    Failure::because(&format!("The hub cannot listen at {listen}"), error)
}

fn joined(ended: Result<Result<(), Failure>, tokio::task::JoinError>) -> Result<(), Failure> {
    ended.unwrap_or_else(|error| Err(Failure::because("The hub broke off", &error)))
}

async fn pause(length: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the loops of one machine stand in for AWS's own clocks"
    )]
    tokio::time::sleep(length).await;
}
