//! The sockets: one loopback listener a host, each connection served by hyper, faults put between the two.
//!
//! A lost answer is a service function that fails: hyper then closes the socket without writing a byte, which is what a
//! client sees when a server dies.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::Now;
use crate::answer::{Answer, Call};
use crate::faults::{Effect, Faults, Reply};
use crate::log::Log;

/// The largest body read, in bytes; ListenBrainz takes the most, 10,240,000.
const MOST_BODY_BYTES: usize = 16 * 1024 * 1024;

/// The rules of one host, as a function.
pub(crate) type Rules = Arc<dyn Fn(&Call) -> Answer + Send + Sync>;

/// Everything that meets a request on one host.
pub(crate) struct Desk {
    pub(crate) now: Now,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    pub(crate) rules: Rules,
    /// What a request asks for, where its path does not say it.
    pub(crate) operation: fn(&Call) -> String,
}

/// A bound port that nobody serves yet.
pub(crate) struct Door {
    listener: TcpListener,
    pub(crate) url: String,
}

impl Door {
    pub(crate) async fn open() -> io::Result<Door> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        Ok(Door { listener, url })
    }

    /// Serves until the [`Server`] is dropped.
    pub(crate) fn serve(self, desk: Desk) -> Server {
        let accepting = tokio::spawn(accept(self.listener, Arc::new(desk)));
        Server { accepting }
    }
}

/// A host that is being served; dropping it closes the port and every connection.
#[derive(Debug)]
pub(crate) struct Server {
    accepting: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    // Dropped with this task, and with it every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _peer)) => {
                    connections.spawn(serve_connection(stream, Arc::clone(&desk)));
                }
                Err(error) => tracing::debug!(%error, "a connection could not be accepted"),
            },
            Some(_ended) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn serve_connection(stream: TcpStream, desk: Arc<Desk>) {
    let service = service_fn(move |request| answer(Arc::clone(&desk), request));
    if let Err(error) = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
    {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// The connection ends here, without an answer.
#[derive(Debug)]
struct Lost;

impl std::fmt::Display for Lost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the answer is lost on purpose, or the request was never complete")
    }
}

impl std::error::Error for Lost {}

async fn answer(
    desk: Arc<Desk>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Lost> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MOST_BODY_BYTES).collect().await else {
        return Err(Lost);
    };
    let call = Call {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect(),
        headers: head.headers,
        body: body.to_bytes(),
        at: (desk.now)(),
    };
    // What people look at is neither counted nor broken.
    let is_looked_at = call.method == http::Method::GET && call.path == "/";
    if is_looked_at || call.path.starts_with("/twin/") {
        return Ok(written((desk.rules)(&call)));
    }
    let operation = (desk.operation)(&call);
    let number = desk.log.arrived(&call, &operation);
    let answer = match desk.faults.strike(&call.path, &operation) {
        None => take(&desk, &call, number),
        Some(fault) => {
            let (before, effect, after, reply) = fault.into_parts();
            if let Some(gate) = before {
                gate.pass().await;
            }
            let own = match effect {
                Effect::None => None,
                Effect::Now => Some(take(&desk, &call, number)),
                Effect::Late => {
                    take_later(&desk, call, number);
                    None
                }
            };
            if let Some(gate) = after {
                gate.pass().await;
            }
            match reply {
                Reply::Own => own.ok_or(Lost)?,
                Reply::Lost => return Err(Lost),
                Reply::Instead(answer) => answer,
            }
        }
    };
    desk.log.answered(number, &answer);
    Ok(written(answer))
}

fn take(desk: &Desk, call: &Call, number: usize) -> Answer {
    let call = Call {
        at: (desk.now)(),
        ..call.clone()
    };
    let answer = (desk.rules)(&call);
    desk.log.taken(number, &answer);
    answer
}

fn take_later(desk: &Arc<Desk>, call: Call, number: usize) {
    let later = Arc::clone(desk);
    desk.faults.keep_for_later(Box::new(move || {
        take(&later, &call, number);
    }));
}

fn written(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = answer.status;
    response.headers_mut().extend(answer.headers);
    response
}
