//! A door in front of a server, through which every request of the hub goes: it counts them, and at the one that a
//! test chose it kills the hub, before the request got through or after it took effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http_body_util::BodyExt;
use tokio::sync::Notify;

use super::meter::Meter;

/// On which side of a request the hub dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The request never arrives.
    Before,
    /// It takes effect, and its answer never arrives.
    After,
}

/// Counts the requests through all doors, and knows at which the hub dies.
#[derive(Default)]
pub(crate) struct Fate {
    passed: AtomicUsize,
    log: std::sync::Mutex<Vec<String>>,
    at: std::sync::Mutex<Option<(usize, Side)>>,
    /// Told when the hub has to die.
    pub(crate) killed: Notify,
}

impl Fate {
    /// Kills at the `number`th request from now, counted from 0.
    pub(crate) fn kill_at(&self, number: usize, side: Side) {
        self.passed.store(0, Ordering::SeqCst);
        *self.at.lock().expect("a lock") = Some((number, side));
    }

    /// Lets everything through from now on.
    pub(crate) fn spare(&self) {
        *self.at.lock().expect("a lock") = None;
    }

    /// What went through so far, by name.
    pub(crate) fn take_log(&self) -> Vec<String> {
        self.passed.store(0, Ordering::SeqCst);
        std::mem::take(&mut *self.log.lock().expect("a lock"))
    }

    fn decide(&self, name: String) -> Option<Side> {
        let number = self.passed.fetch_add(1, Ordering::SeqCst);
        self.log.lock().expect("a lock").push(name);
        self.at
            .lock()
            .expect("a lock")
            .filter(|(at, _)| *at == number)
            .map(|(_, side)| side)
    }
}

#[derive(Clone)]
struct Door {
    to: String,
    fate: Arc<Fate>,
    meter: Option<Arc<Meter>>,
    client: reqwest::Client,
}

/// Opens a door to a server; returns its address.
pub(crate) async fn open(to: &str, fate: Arc<Fate>) -> String {
    serve(to, fate, None).await
}

/// Opens a door to a server of AWS at which every call is metered; returns its address.
pub(crate) async fn open_metered(to: &str, meter: Arc<Meter>) -> String {
    serve(to, Arc::default(), Some(meter)).await
}

async fn serve(to: &str, fate: Arc<Fate>, meter: Option<Arc<Meter>>) -> String {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    let door = Door {
        to: to.trim_end_matches('/').to_owned(),
        fate,
        meter,
        client,
    };
    let router = Router::new().fallback(through).with_state(door);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn through(State(door): State<Door>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let path = parts
        .uri
        .path_and_query()
        .map(ToString::to_string)
        .unwrap_or_default();
    let operation = parts
        .headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    let name = operation.map_or_else(
        || format!("{} {}", parts.method, parts.uri.path()),
        str::to_owned,
    );
    let target = operation.unwrap_or_default().to_owned();
    let side = door.fate.decide(name);
    if side == Some(Side::Before) {
        return die(&door.fate).await;
    }
    let metered = door.meter.as_ref();
    let asked = metered
        .and_then(|_| Meter::asking(&target, &body))
        .map_or_else(|| body.clone(), Bytes::from);
    let mut forwarded = door
        .client
        .request(parts.method, format!("{}{path}", door.to))
        .body(asked);
    for (name, value) in &parts.headers {
        if name != "host" && name != "content-length" {
            forwarded = forwarded.header(name, value);
        }
    }
    let answer = forwarded.send().await;
    if side == Some(Side::After) {
        return die(&door.fate).await;
    }
    let Ok(answer) = answer else {
        return Response::builder()
            .status(502)
            .body(Body::empty())
            .expect("a response");
    };
    let is_success = answer.status().is_success();
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        if name != "transfer-encoding" && name != "content-length" && name != "connection" {
            response = response.header(name, value);
        }
    }
    let bytes: Bytes = answer.bytes().await.unwrap_or_default();
    if let Some(meter) = metered {
        meter.note(&target, &body, &bytes, is_success);
    }
    response.body(Body::from(bytes)).expect("a response")
}

/// Tells the test to kill the hub, and never answers.
async fn die(fate: &Fate) -> Response {
    fate.killed.notify_one();
    std::future::pending().await
}
