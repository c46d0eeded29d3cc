//! What the embedded services share: a loopback server that can be stopped, and AWS's JSON protocol.
//!
//! Source of the protocol: <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>: a POST to `/`, the
//! operation in `X-Amz-Target`, refusals as a 4xx with `__type` and `message`.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Response, StatusCode, header};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a stop waits for requests that have begun; a client that sent half of one would hold it forever.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(5);

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
    pub(super) async fn start(make: impl FnOnce(&str, Stopping) -> Router) -> io::Result<Self> {
        let (listener, url) = bind().await?;
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

/// Binds a free port on 127.0.0.1 and names its URL.
pub(super) async fn bind() -> io::Result<(TcpListener, String)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    Ok((listener, url))
}

/// The operation that a request names for `service`, such as `SendMessage` in `AmazonSQS.SendMessage`.
pub(super) fn operation<'a>(headers: &'a HeaderMap, service: &str) -> Option<&'a str> {
    let target = headers.get("x-amz-target")?.to_str().ok()?;
    target.strip_prefix(service)?.strip_prefix('.')
}

/// An answer in AWS's JSON protocol of that version, `1.0` or `1.1`.
pub(super) fn answer(version: &str, status: StatusCode, body: &impl Serialize) -> Response<Body> {
    let (status, body) = match serde_json::to_vec(body) {
        Ok(bytes) => (status, Body::from(bytes)),
        // Only a map with keys that are no text could fail, and there is none; a 500 is tried again by the SDK.
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, Body::empty()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if let Ok(media_type) = format!("application/x-amz-json-{version}").parse() {
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, media_type);
    }
    response
}
