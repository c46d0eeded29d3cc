//! Where a user's notices go.

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use serde_json::Value;

type Taken = Arc<Mutex<Vec<Value>>>;

/// A notification address that keeps what it is told.
pub(crate) struct Notices {
    pub(crate) url: String,
    taken: Taken,
}

impl Notices {
    /// Starts one on a port of its own.
    pub(crate) async fn start() -> Self {
        let taken = Taken::default();
        let keep = |State(taken): State<Taken>, Json(notice): Json<Value>| async move {
            taken.lock().expect("a lock").push(notice);
        };
        let router = Router::new()
            .route("/notices", post(keep))
            .with_state(taken.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!(
            "http://{}/notices",
            listener.local_addr().expect("an address")
        );
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, taken }
    }

    /// What it was told so far.
    pub(crate) fn taken(&self) -> Vec<Value> {
        self.taken.lock().expect("a lock").clone()
    }
}
