//! ListenBrainz' rules and its look-alikes' manners, each through real HTTP.

mod look_alikes;
mod reading;
mod submitting;

use reqwest::Response;
use serde_json::{Value, json};

use super::*;
use crate::testing::{Clock, client};

struct Stage {
    clock: Clock,
    service: ListenBrainz,
    http: reqwest::Client,
    token: String,
}

impl Stage {
    async fn new(flavor: Flavor) -> Stage {
        let clock = Clock::standing();
        let service = ListenBrainz::start_as(flavor, clock.handle())
            .await
            .unwrap();
        service.enforce_limits(false);
        let token = service.issue_token("alice");
        Stage {
            clock,
            service,
            http: client(),
            token,
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Response {
        let call = self.http.post(format!("{}{path}", self.service.url()));
        call.header("authorization", format!("Token {}", self.token))
            .json(body)
            .send()
            .await
            .unwrap()
    }

    async fn submit(&self, listen_type: &str, listens: Value) -> (u16, Value) {
        let body = json!({"listen_type": listen_type, "payload": listens});
        let answer = self.post("/1/submit-listens", &body).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let call = self.http.get(format!("{}{path}", self.service.url()));
        let answer = call
            .header("authorization", format!("Token {}", self.token))
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    fn listen(&self, artist: &str, track: &str) -> Value {
        let second = self.clock.now().timestamp() - 300;
        json!({"listened_at": second, "track_metadata": {"artist_name": artist, "track_name": track}})
    }

    /// A listen with one thing changed.
    fn listen_with(&self, pointer: &str, value: Value) -> Value {
        let mut listen = self.listen("Low", "Fly");
        listen["track_metadata"]["additional_info"] = json!({});
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        listen.pointer_mut(parent).unwrap()[key] = value;
        listen
    }
}
