//! A plain HTTP receiver that takes whatever is sent to it as listens: the simplest server one could name.

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use serde_json::{Value, json};

type Listens = Arc<Mutex<Vec<Value>>>;

/// What was sent so far.
pub(crate) struct Receiver {
    pub(crate) url: String,
    listens: Listens,
}

impl Receiver {
    /// Starts one on a port of its own.
    pub(crate) async fn start() -> Self {
        let listens = Listens::default();
        let router = Router::new()
            .route("/1/submit-listens", post(submit))
            .route("/1/validate-token", get(validate))
            .with_state(listens.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, listens }
    }

    /// The listens, in the order in which they came; what is on now is none.
    pub(crate) fn listens(&self) -> Vec<Value> {
        self.listens.lock().expect("a lock").clone()
    }
}

async fn submit(State(listens): State<Listens>, Json(body): Json<Value>) -> Json<Value> {
    if body["listen_type"] != "playing_now" {
        let payload = body["payload"].as_array().cloned().unwrap_or_default();
        listens.lock().expect("a lock").extend(payload);
    }
    Json(json!({ "status": "ok" }))
}

async fn validate() -> Json<Value> {
    Json(json!({ "code": 200, "message": "Token valid.", "valid": true, "user_name": "elan" }))
}
