//! Trakt's rules, each through real HTTP.

mod door;
mod lists;
mod plays;
mod reading;
mod scrobbling;
mod sign_in;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;
use crate::faults::{Fault, Gate};
use crate::testing::{Clock, client};

const CALLBACK: &str = "https://hub.example/callback/trakt";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters";

struct Stage {
    clock: Clock,
    trakt: Trakt,
    http: reqwest::Client,
    token: String,
}

impl Stage {
    async fn new() -> Stage {
        let clock = Clock::standing();
        let trakt = Trakt::start(clock.handle()).await.unwrap();
        let token = trakt.issue_tokens("alice").access_token;
        Stage {
            clock,
            trakt,
            http: client(),
            token,
        }
    }

    fn call(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.trakt.url()))
            .header("trakt-api-version", "2")
            .header("trakt-api-key", CLIENT_ID)
            .bearer_auth(&self.token)
    }

    async fn post(&self, path: &str, body: &Value) -> Response {
        // One write a second is allowed, so that a second passes before each.
        self.clock.turn(TimeDelta::seconds(1));
        self.call(reqwest::Method::POST, path)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.call(reqwest::Method::GET, path).send().await.unwrap()
    }

    async fn get_json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    async fn auth(&self, path: &str, body: &Value) -> Response {
        self.http
            .post(format!("{}{path}", self.trakt.auth_url()))
            .json(body)
            .send()
            .await
            .unwrap()
    }

    fn authorize_url(&self) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        format!(
            "{}/oauth/authorize?response_type=code&client_id={CLIENT_ID}&redirect_uri={CALLBACK}&state=s%2B1\
             &code_challenge={challenge}&code_challenge_method=S256",
            self.trakt.auth_url()
        )
    }

    async fn code(&self) -> String {
        let url = format!("{}&user=alice", self.authorize_url());
        let answer = self.http.post(url).send().await.unwrap();
        assert_eq!(answer.status(), 302);
        let to = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        assert!(to.as_str().starts_with(CALLBACK));
        let pairs: Vec<_> = to.query_pairs().into_owned().collect();
        assert_eq!(pairs[1], ("state".to_owned(), "s+1".to_owned()));
        pairs[0].1.clone()
    }
}

fn exchange(code: &str, verifier: &str, redirect_uri: &str) -> Value {
    json!({"grant_type": "authorization_code", "code": code, "client_id": CLIENT_ID,
        "redirect_uri": redirect_uri, "code_verifier": verifier})
}

fn refresh(token: &str) -> Value {
    json!({"grant_type": "refresh_token", "refresh_token": token, "client_id": CLIENT_ID, "redirect_uri": CALLBACK})
}

fn movie(progress: f64) -> Value {
    json!({"movie": {"ids": {"imdb": "tt2015381"}}, "progress": progress})
}

fn ids_of_movie() -> Ids {
    Ids {
        imdb: Some("tt2015381".to_owned()),
        ..Ids::default()
    }
}
