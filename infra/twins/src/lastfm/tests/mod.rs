//! Last.fm's rules, each through real HTTP.

mod door;
mod reading;
mod scrobbling;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use reqwest::Response;
use serde_json::Value;

use super::*;
use crate::faults::Fault;
use crate::testing::{Clock, client};

struct Stage {
    clock: Clock,
    lastfm: LastFm,
    http: reqwest::Client,
    session: String,
}

type Fields = Vec<(String, String)>;

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

impl Stage {
    async fn new() -> Stage {
        let clock = Clock::standing();
        let lastfm = LastFm::start(clock.handle()).await.unwrap();
        let session = lastfm.issue_session("alice");
        Stage {
            clock,
            lastfm,
            http: client(),
            session,
        }
    }

    fn signed(&self, method: &str, more: Fields) -> Fields {
        let mut all = fields(&[("method", method), ("api_key", API_KEY), ("format", "json")]);
        all.extend(more);
        let sorted: BTreeMap<String, String> = all.iter().cloned().collect();
        all.push((
            "api_sig".to_owned(),
            signature::signature(&sorted, API_SECRET),
        ));
        all
    }

    async fn post(&self, fields: &Fields) -> Response {
        self.http
            .post(self.lastfm.api_url())
            .form(fields)
            .send()
            .await
            .unwrap()
    }

    async fn write(&self, method: &str, more: &[(&str, &str)]) -> (u16, Value) {
        let mut more = fields(more);
        more.push(("sk".to_owned(), self.session.clone()));
        let answer = self.post(&self.signed(method, more)).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn read(&self, query: &str) -> (u16, Value) {
        let url = format!(
            "{}?api_key={API_KEY}&format=json&{query}",
            self.lastfm.api_url()
        );
        let answer = self.http.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    fn second(&self, before: TimeDelta) -> String {
        (self.clock.now() - before).timestamp().to_string()
    }

    async fn scrobble_at(&self, artist: &str, track: &str, second: &str) -> Value {
        let (status, body) = self
            .write(
                "track.scrobble",
                &[("artist", artist), ("track", track), ("timestamp", second)],
            )
            .await;
        assert_eq!(status, 200);
        body["scrobbles"].clone()
    }

    async fn batch(&self, size: usize) -> (u16, Value) {
        let mut more = vec![("sk".to_owned(), self.session.clone())];
        let begin = self.clock.now().timestamp() - 10_000;
        for index in 0..size {
            more.push((format!("artist[{index}]"), format!("A{index}")));
            more.push((format!("track[{index}]"), format!("T{index}")));
            more.push((
                format!("timestamp[{index}]"),
                (begin + i64::try_from(index).unwrap()).to_string(),
            ));
        }
        let answer = self.post(&self.signed("track.scrobble", more)).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

fn code(scrobbles: &Value) -> &str {
    scrobbles["scrobble"]["ignoredMessage"]["code"]
        .as_str()
        .unwrap()
}
