//! The one HTTP client: honest about who calls, bounded in time, without redirects.
//!
//! There are two kinds. The services' own addresses come from the operator and are called as they are. Addresses that
//! users entered go through a client that refuses to connect to anything private, whatever the name resolves to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_platform_verifier::BuilderVerifierExt as _;
use url::Url;

use crate::addresses::is_public;
use crate::settings::Settings;
use crate::trust::compiled_roots;

/// How long opening a connection may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a call may take, its answer's body included.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a connection is kept that nobody uses.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// How many unused connections are kept for one host.
const MOST_IDLE: usize = 4;
/// How long warming up may take: less than what it saves.
const WARM_TIMEOUT: Duration = Duration::from_secs(3);

/// Whose addresses a client calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    /// The operator's: the services.
    Services,
    /// A user's: compatible servers, notification addresses. Private ones are refused unless they are allowed.
    Users {
        /// `ALLOW_PRIVATE_ADDRESSES`.
        allow_private: bool,
    },
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// TLS cannot be used: no root certificates were found, for one.
    #[error("TLS cannot be used")]
    Tls(#[source] rustls::Error),
    /// The client could not be built.
    #[error("no HTTP client could be built")]
    Client(#[source] reqwest::Error),
}

/// Hands out the client, and replaces it to close its connections.
#[derive(Clone)]
pub struct HttpClient(Arc<Inner>);

struct Inner {
    kind: ClientKind,
    user_agent: String,
    client: RwLock<reqwest::Client>,
    was_used: AtomicBool,
    /// When a connection was opened ahead of its use, in seconds since 1970; 0 if none is.
    warmed_at: AtomicI64,
}

impl HttpClient {
    /// Builds the client of one kind.
    ///
    /// # Errors
    ///
    /// Where the TLS library cannot start.
    pub fn new(kind: ClientKind, user_agent: String) -> Result<Self, HttpError> {
        let client = build(kind, &user_agent)?;
        Ok(Self(Arc::new(Inner {
            kind,
            user_agent,
            client: RwLock::new(client),
            was_used: AtomicBool::new(false),
            warmed_at: AtomicI64::new(0),
        })))
    }

    /// The client for the services.
    ///
    /// # Errors
    ///
    /// Where the TLS library cannot start.
    pub fn for_services(settings: &Settings) -> Result<Self, HttpError> {
        Self::new(
            ClientKind::Services,
            user_agent(settings.public_url.as_ref()),
        )
    }

    /// The client for addresses that users entered. It sees names only: a literal IP address never reaches a resolver,
    /// so check each address with [`crate::addresses::check_user_url`] before it is called.
    ///
    /// # Errors
    ///
    /// Where the TLS library cannot start.
    pub fn for_users(settings: &Settings) -> Result<Self, HttpError> {
        let allow_private = settings.allow_private_addresses;
        let user_agent = user_agent(settings.public_url.as_ref());
        Self::new(ClientKind::Users { allow_private }, user_agent)
    }

    /// The client of this moment; cheap. Ask again for each message, and let go of it afterwards: one that is kept
    /// keeps its connections through [`Self::close_idle`].
    pub fn client(&self) -> reqwest::Client {
        self.0.was_used.store(true, Ordering::Relaxed);
        let client = self.0.client.read();
        client.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes the connections that nobody uses; call it before a handler returns.
    ///
    /// A sandbox may be frozen for minutes after that, and would wake with connections that died in the meantime: the
    /// first call then fails after its body may have been sent, which is a delivery in doubt.
    pub fn close_idle(&self) {
        if !self.0.was_used.swap(false, Ordering::Relaxed) {
            return;
        }
        // A client was built in this process before; should it fail now, the old connections are the lesser evil.
        if let Ok(fresh) = build(self.0.kind, &self.0.user_agent) {
            let client = self.0.client.write();
            *client.unwrap_or_else(PoisonError::into_inner) = fresh;
        }
    }

    /// Closes the connection that start-up opened if it was long ago; call it before a handler begins.
    ///
    /// Lambda may start a sandbox minutes before it has anything for it. How long that was only the wall clock says:
    /// the one that the pool goes by may have stood still meanwhile.
    pub fn close_stale(&self, now: DateTime<Utc>) {
        let warmed_at = self.0.warmed_at.swap(0, Ordering::Relaxed);
        let kept = i64::try_from(IDLE_TIMEOUT.as_secs()).unwrap_or(0);
        if warmed_at != 0 && !(0..kept).contains(&(now.timestamp() - warmed_at)) {
            self.close_idle();
        }
    }

    /// Opens a connection to a service during start-up, where time costs nothing. Whatever is answered is ignored.
    pub async fn warm(&self, url: &Url, now: DateTime<Utc>) {
        self.0.warmed_at.store(now.timestamp(), Ordering::Relaxed);
        let head = self.client().head(url.clone()).timeout(WARM_TIMEOUT);
        let outcome = head.send().await;
        tracing::debug!(
            host = url.host_str(),
            is_open = outcome.is_ok(),
            "warmed a connection"
        );
    }
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HttpClient({:?})", self.0.kind)
    }
}

/// Who calls: `ScrobbleHub/0.1.0 (+https://hub.example/)`. Services ban those who hide or pretend (Trakt answers 403).
pub fn user_agent(public_url: Option<&Url>) -> String {
    let about = public_url.map_or("+self-hosted scrobble hub", Url::as_str);
    let plus = if public_url.is_some() { "+" } else { "" };
    format!("ScrobbleHub/{} ({plus}{about})", env!("CARGO_PKG_VERSION"))
}

fn build(kind: ClientKind, user_agent: &str) -> Result<reqwest::Client, HttpError> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        .user_agent(user_agent)
        .redirect(reqwest::redirect::Policy::none())
        // What may be repeated is decided by the delivery, never by a client.
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(MOST_IDLE);
    let builder = match kind {
        ClientKind::Services => builder,
        // A proxy would resolve the name itself, behind the resolver that refuses private addresses.
        ClientKind::Users {
            allow_private: false,
        } => builder.no_proxy().dns_resolver(Arc::new(PublicOnly)),
        ClientKind::Users {
            allow_private: true,
        } => builder.no_proxy(),
    };
    builder.build().map_err(HttpError::Client)
}

/// The TLS configuration of the whole process.
///
/// Reading this machine's root certificates is most of what a client costs (16 ms of a debug build), and a new
/// connection to a host known before is resumed with what is remembered here.
fn tls() -> Result<ClientConfig, HttpError> {
    static TLS: OnceLock<ClientConfig> = OnceLock::new();
    if let Some(tls) = TLS.get() {
        return Ok(tls.clone());
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(HttpError::Tls)?;
    let builder = match compiled_roots() {
        Some(roots) => builder.with_root_certificates(roots),
        None => builder.with_platform_verifier().map_err(HttpError::Tls)?,
    };
    let tls = builder.with_no_client_auth();
    Ok(TLS.get_or_init(|| tls).clone())
}

/// Resolves names to public addresses alone.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port is set by the caller.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|found| is_public(found.ip())).collect();
            if public.is_empty() {
                return Err("the name has no public address".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    use super::*;

    /// Answers every request on loopback with the same bytes, and tells what was asked, connection by connection.
    async fn server(answer: &'static str) -> (u16, mpsc::UnboundedReceiver<(usize, String)>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, told) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            for connection in 1.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let tell = tell.clone();
                tokio::spawn(async move {
                    let mut bytes = vec![0; 4096];
                    while let Ok(length @ 1..) = stream.read(&mut bytes).await {
                        let asked = String::from_utf8_lossy(&bytes[..length]).into_owned();
                        tell.send((connection, asked)).ok();
                        stream.write_all(answer.as_bytes()).await.ok();
                    }
                });
            }
        });
        (port, told)
    }

    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

    fn client(kind: ClientKind) -> HttpClient {
        HttpClient::new(kind, user_agent(None)).unwrap()
    }

    #[test]
    fn the_user_agent_names_the_hub_its_version_and_its_address() {
        let version = env!("CARGO_PKG_VERSION");
        let url = Url::parse("https://hub.example").unwrap();
        assert_eq!(
            user_agent(Some(&url)),
            format!("ScrobbleHub/{version} (+https://hub.example/)")
        );
        assert_eq!(
            user_agent(None),
            format!("ScrobbleHub/{version} (+self-hosted scrobble hub)")
        );
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let (port, mut told) = server(
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        )
        .await;
        let client = client(ClientKind::Services).client();
        let answer = client.get(format!("http://127.0.0.1:{port}/")).send().await;
        assert_eq!(answer.unwrap().status(), 302);
        let (_, asked) = told.recv().await.unwrap();
        assert!(
            asked.to_lowercase().contains("user-agent: scrobblehub/"),
            "{asked}"
        );
        assert!(told.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_users_name_that_resolves_to_this_machine_is_not_called_unless_allowed() {
        let (port, mut told) = server(OK).await;
        let url = format!("http://localhost:{port}/");
        let guarded = client(ClientKind::Users {
            allow_private: false,
        });
        let error = guarded.client().get(&url).send().await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
        assert!(told.try_recv().is_err());

        let open = client(ClientKind::Users {
            allow_private: true,
        });
        assert_eq!(open.client().get(&url).send().await.unwrap().status(), 200);
        let services = client(ClientKind::Services);
        assert_eq!(
            services.client().get(&url).send().await.unwrap().status(),
            200
        );
    }

    #[tokio::test]
    async fn connections_are_reused_until_the_idle_ones_are_closed() {
        let (port, mut told) = server(OK).await;
        let url = Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
        let http = client(ClientKind::Services);
        http.warm(&url, DateTime::UNIX_EPOCH).await;
        for _ in 0..2 {
            http.client().get(url.clone()).send().await.unwrap();
        }
        http.close_idle();
        http.close_idle();
        http.client().get(url.clone()).send().await.unwrap();
        let mut connections = Vec::new();
        while let Ok((connection, _)) = told.try_recv() {
            connections.push(connection);
        }
        assert_eq!(connections, [1, 1, 1, 2]);
    }

    #[tokio::test]
    async fn what_start_up_opened_long_ago_is_closed_and_what_it_opened_just_now_is_used() {
        let (port, mut told) = server(OK).await;
        let url = Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
        let opened = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let http = client(ClientKind::Services);
        for (seconds, expected) in [(0, [1, 1]), (19, [2, 2]), (20, [3, 4]), (-1, [5, 6])] {
            http.warm(&url, opened).await;
            http.close_stale(opened + chrono::TimeDelta::seconds(seconds));
            http.client().get(url.clone()).send().await.unwrap();
            http.close_idle();
            let connections = std::iter::from_fn(|| told.try_recv().ok().map(|(number, _)| number));
            assert!(connections.eq(expected), "{seconds} seconds");
        }
    }

    #[tokio::test]
    async fn warming_a_connection_to_nobody_does_no_harm() {
        let url = Url::parse("http://127.0.0.1:1/").unwrap();
        let client = client(ClientKind::Services);
        client.warm(&url, DateTime::UNIX_EPOCH).await;
    }
}
