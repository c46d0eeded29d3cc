//! AniList's rules, each through real HTTP.

mod door;
mod reading;
mod schema;
mod sign_in;
mod writing;

use chrono::TimeDelta;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use super::*;
use crate::faults::Fault;
use crate::testing::{Clock, client};

const SAVE: &str = "mutation ($mediaId: Int, $status: MediaListStatus, $progress: Int, $repeat: Int, $scoreRaw: Int, \
    $startedAt: FuzzyDateInput, $completedAt: FuzzyDateInput) { SaveMediaListEntry(mediaId: $mediaId, status: $status, \
    progress: $progress, repeat: $repeat, scoreRaw: $scoreRaw, startedAt: $startedAt, completedAt: $completedAt) { \
    id mediaId status progress repeat score(format: POINT_100) startedAt { year month day } \
    completedAt { year month day } updatedAt } }";

struct Stage {
    clock: Clock,
    anilist: AniList,
    http: reqwest::Client,
    token: String,
}

impl Stage {
    async fn new() -> Stage {
        let clock = Clock::standing();
        let anilist = AniList::start(clock.handle()).await.unwrap();
        let token = anilist.issue_tokens("alice").access_token;
        Stage {
            clock,
            anilist,
            http: client(),
            token,
        }
    }

    fn call(&self, query: &str, variables: Value) -> RequestBuilder {
        let body = json!({"query": query, "variables": variables});
        self.http.post(self.anilist.url()).json(&body)
    }

    async fn send(&self, query: &str, variables: Value) -> Response {
        let call = self.call(query, variables).bearer_auth(&self.token);
        call.send().await.unwrap()
    }

    async fn data(&self, query: &str, variables: Value) -> Value {
        let answer = self.send(query, variables).await;
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(status, 200, "{body}");
        assert!(body.get("errors").is_none(), "{body}");
        body["data"].clone()
    }

    async fn refused(&self, query: &str, variables: Value) -> (u16, Value) {
        let answer = self.send(query, variables).await;
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap())
    }
}
