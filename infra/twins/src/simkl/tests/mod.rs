//! Simkl's rules, each through real HTTP.

mod anime;
mod contract;
mod door;
mod lists;
mod plays;
mod sign_in;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;
use crate::faults::Fault;
use crate::testing::{Clock, client};

const CALLBACK: &str = "https://hub.example/callback/simkl";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters";

struct Stage {
    clock: Clock,
    simkl: Simkl,
    http: reqwest::Client,
    tokens: Tokens,
}

impl Stage {
    async fn new() -> Stage {
        let clock = Clock::standing();
        let simkl = Simkl::start(clock.handle()).await.unwrap();
        let tokens = simkl.issue_tokens("alice");
        Stage {
            clock,
            simkl,
            http: client(),
            tokens,
        }
    }

    fn address(&self, path: &str) -> String {
        let separator = if path.contains('?') { '&' } else { '?' };
        format!(
            "{}{path}{separator}client_id={CLIENT_ID}&app-name=hub&app-version=1",
            self.simkl.url()
        )
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        // One write a second is allowed, so that a second passes before each call.
        self.clock.turn(TimeDelta::seconds(1));
        self.http
            .request(method, self.address(path))
            .bearer_auth(&self.tokens.access_token)
    }

    async fn post(&self, path: &str, body: &Value) -> Response {
        let call = self.call(Method::POST, path).json(body);
        call.send().await.unwrap()
    }

    async fn posted(&self, path: &str, body: &Value) -> Value {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status(), 201, "{path}");
        answer.json().await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.call(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    async fn token(&self, fields: &[(&str, &str)]) -> Response {
        let url = format!("{}/oauth2/token", self.simkl.url());
        self.http.post(url).form(fields).send().await.unwrap()
    }
}

fn matrix() -> Value {
    json!({"title": "The Matrix", "year": 1999, "ids": {"imdb": "tt0133093", "tmdb": 603}})
}

fn titan(season: u32, number: u32) -> Value {
    json!({"ids": {"tvdb": 267_440}, "seasons": [{"number": season, "episodes": [{"number": number}]}]})
}
