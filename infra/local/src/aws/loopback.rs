//! What the embedded services share: AWS's JSON protocol, and a loopback server that can be stopped.
//!
//! Inside this process nobody calls the server (see `in_process`); it listens once its address is asked for.
//!
//! Source of the protocol: <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>: a POST to `/`, the
//! operation in `X-Amz-Target`, refusals as a 4xx with `__type` and `message`.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Response, StatusCode, header};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a stop waits for requests that have begun; a client that sent half of one would hold it forever.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(5);

/// The header in which SQS says how a refusal is called in its older protocol.
pub(super) const QUERY_ERROR: &str = "x-amzn-query-error";

/// Says when a server has been asked to stop.
#[derive(Clone)]
pub(super) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// A pair: what asks for the stop, and what hears it.
    pub(super) fn channel() -> (watch::Sender<bool>, Self) {
        let (stop, stopping) = watch::channel(false);
        (stop, Self(stopping))
    }

    /// Says whether the stop was asked for.
    pub(super) fn is_stopping(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves once the stop is asked for, or whoever could ask is gone.
    pub(super) async fn asked(mut self) {
        // An error says that the sender was dropped: nobody is left to serve.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// One server on a port of its own on 127.0.0.1, running on the caller's runtime.
pub(super) struct Serving {
    url: String,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Serving {
    /// Binds a free port and serves the router that `make` builds from the server's own URL.
    fn start(make: impl FnOnce(&str, Stopping) -> Router) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let (stop, stopping) = Stopping::channel();
        let router = make(&url, stopping.clone());
        let served = axum::serve(listener, router).with_graceful_shutdown(stopping.clone().asked());
        let task = tokio::spawn(async move {
            let mut served = std::pin::pin!(served.into_future());
            let ended = tokio::select! {
                ended = &mut served => Some(ended),
                () = stopping.asked() => timeout(STOP_GRACE, served).await.ok(),
            };
            if let Some(Err(error)) = ended {
                tracing::error!(%error, "an embedded AWS service stopped serving");
            }
        });
        Ok(Self { url, stop, task })
    }

    /// The server's URL, without a slash at the end.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Takes no more requests and returns once those that had begun are answered.
    pub(super) async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "an embedded AWS service panicked");
        }
    }
}

/// The URL of a server that is started when this is asked first, on the caller's runtime.
///
/// # Errors
///
/// No loopback port can be bound.
pub(super) fn url_of(
    serving: &OnceLock<Serving>,
    make: impl FnOnce(&str, Stopping) -> Router,
) -> io::Result<&str> {
    if serving.get().is_none() {
        // Where two ask at once, one of the two servers ends at once, since nobody keeps it.
        let _ = serving.set(Serving::start(make)?);
    }
    let serving = serving.get();
    let missing = || io::Error::other("the server is gone");
    serving.map(Serving::url).ok_or_else(missing)
}

/// The operation that a target names for `service`, such as `SendMessage` in `AmazonSQS.SendMessage`.
pub(super) fn operation<'a>(target: &'a str, service: &str) -> Option<&'a str> {
    target.strip_prefix(service)?.strip_prefix('.')
}

/// An answer in AWS's JSON protocol.
#[derive(Debug)]
pub(super) struct Reply {
    /// 200, or what the refusal goes by.
    pub(super) status: StatusCode,
    /// JSON.
    pub(super) body: Vec<u8>,
    /// The refusal's name in the older query protocol, which SQS adds.
    pub(super) query_error: Option<String>,
}

impl Reply {
    /// An answer, or a refusal with its `__type`.
    pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let (status, body) = match serde_json::to_vec(body) {
            Ok(bytes) => (status, bytes),
            // Only a map with keys that are no text could fail, and there is none; a 500 is tried again by the SDK.
            Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, Vec::new()),
        };
        Self {
            status,
            body,
            query_error: None,
        }
    }

    /// The same over HTTP, in the protocol's version `1.0` or `1.1`.
    pub(super) fn into_response(self, version: &str) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Ok(media_type) = format!("application/x-amz-json-{version}").parse() {
            headers.insert(header::CONTENT_TYPE, media_type);
        }
        if let Some(Ok(code)) = self.query_error.map(|code| code.parse()) {
            headers.insert(QUERY_ERROR, code);
        }
        response
    }
}
