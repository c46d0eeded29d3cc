//! MyAnimeList's rules, each through real HTTP.

use chrono::TimeDelta;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::*;
use crate::testing::{Clock, client, reference};

const CALLBACK: &str = "https://hub.example/callback/myanimelist";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters";

struct Stage {
    clock: Clock,
    mal: MyAnimeList,
    http: reqwest::Client,
    tokens: Tokens,
}

impl Stage {
    async fn new() -> Stage {
        let clock = Clock::standing();
        let mal = MyAnimeList::start(clock.handle()).await.unwrap();
        let tokens = mal.issue_tokens("alice");
        Stage {
            clock,
            mal,
            http: client(),
            tokens,
        }
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        // Clients keep to one request a second, so that a second passes before each.
        self.clock.turn(TimeDelta::seconds(1));
        self.http
            .request(method, format!("{}/v2{path}", self.mal.url()))
            .bearer_auth(&self.tokens.access_token)
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.call(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    async fn patch(&self, anime: u64, fields: &[(&str, &str)]) -> Response {
        let path = format!("/anime/{anime}/my_list_status");
        let call = self.call(Method::PATCH, &path).form(fields);
        call.send().await.unwrap()
    }

    async fn token(&self, fields: &[(&str, &str)]) -> Response {
        let url = format!("{}/v1/oauth2/token", self.mal.site_url());
        self.http.post(url).form(fields).send().await.unwrap()
    }
}

#[tokio::test]
async fn the_verifier_is_its_own_challenge() {
    let stage = Stage::new().await;
    let url = |method: &str| {
        format!(
            "{}/v1/oauth2/authorize?response_type=code&client_id={CLIENT_ID}&state=s1&redirect_uri={CALLBACK}\
             &code_challenge={VERIFIER}&code_challenge_method={method}",
            stage.mal.site_url()
        )
    };
    assert!(stage.mal.authorize(&url("S256"), "alice", true).is_err());
    let code = || {
        let to = stage.mal.authorize(&url("plain"), "alice", true).unwrap();
        let to = url::Url::parse(&to).unwrap();
        to.query_pairs().next().unwrap().1.into_owned()
    };
    let exchange = async |code: &str, verifier: &str| {
        let fields = [
            ("client_id", CLIENT_ID),
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", verifier),
            ("redirect_uri", CALLBACK),
        ];
        stage.token(&fields).await
    };
    let wrong = exchange(
        &code(),
        "another-verifier-of-at-least-forty-three-characters",
    )
    .await;
    assert_eq!(wrong.status(), 400);
    let tokens: Value = exchange(&code(), VERIFIER).await.json().await.unwrap();
    assert_eq!(tokens["expires_in"], 2_678_400);
    assert!(tokens["access_token"].as_str().unwrap().len() > 1000);
    assert!(tokens["refresh_token"].as_str().unwrap().len() >= 700);
}

#[tokio::test]
async fn a_refresh_token_works_once_and_for_a_month() {
    let stage = Stage::new().await;
    let refresh = async |token: &str| {
        let fields = [
            ("client_id", CLIENT_ID),
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
        ];
        stage.token(&fields).await
    };
    let first = stage.tokens.refresh_token.clone().unwrap();
    let next: Value = refresh(&first).await.json().await.unwrap();
    let again = refresh(&first).await;
    assert_eq!(again.status(), 401);
    let body: Value = again.json().await.unwrap();
    assert_eq!(body["message"], "The refresh token is invalid.");
    let old = stage.call(Method::GET, "/users/@me").send().await.unwrap();
    assert_eq!(old.status(), 401);
    assert!(
        old.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .contains("expired")
    );
    stage.clock.turn(TimeDelta::days(31));
    let late = refresh(next["refresh_token"].as_str().unwrap()).await;
    assert_eq!(late.status(), 401);
}

#[tokio::test]
async fn a_field_is_named_differently_in_and_out() {
    let stage = Stage::new().await;
    let fields = [
        ("status", "watching"),
        ("num_watched_episodes", "5"),
        ("start_date", "2026-11-20"),
    ];
    let answer = stage.patch(16498, &fields).await;
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        body,
        json!({"status": "watching", "score": 0, "num_episodes_watched": 5, "is_rewatching": false,
            "updated_at": "2026-11-20T12:00:01+00:00", "priority": 0, "num_times_rewatched": 0, "rewatch_value": 0,
            "tags": [], "comments": "", "start_date": "2026-11-20"})
    );
    let mistaken = stage.patch(16498, &[("num_episodes_watched", "6")]).await;
    assert_eq!(mistaken.status(), 400);
    let body: Value = mistaken.json().await.unwrap();
    assert_eq!(
        body["message"],
        "This form should not contain extra fields."
    );
    assert_eq!(stage.mal.entry("alice", 16498).unwrap().episodes_watched, 5);
}

#[tokio::test]
async fn completing_sets_nothing_else_and_only_what_is_sent_changes() {
    let stage = Stage::new().await;
    stage
        .patch(
            38524,
            &[
                ("num_watched_episodes", "3"),
                ("score", "8"),
                ("start_date", "2026-11-01"),
            ],
        )
        .await;
    stage
        .patch(38524, &[("status", "completed"), ("is_rewatching", "true")])
        .await;
    let entry = stage.mal.entry("alice", 38524).unwrap();
    assert_eq!(
        (entry.status, entry.episodes_watched, entry.score),
        (Status::Completed, 3, 8)
    );
    assert!(entry.is_rewatching && entry.finish_date.is_none());
    stage.patch(38524, &[("start_date", "")]).await;
    assert!(
        stage
            .mal
            .entry("alice", 38524)
            .unwrap()
            .start_date
            .is_none()
    );
}

#[tokio::test]
async fn bad_values_are_refused_and_change_nothing() {
    let stage = Stage::new().await;
    for (name, value) in [
        ("status", "seen"),
        ("score", "11"),
        ("num_watched_episodes", "11"),
        ("num_watched_episodes", "-1"),
        ("is_rewatching", "yes"),
        ("finish_date", "20.11.2026"),
    ] {
        assert_eq!(
            stage
                .patch(38524, &[("status", "watching"), (name, value)])
                .await
                .status(),
            400,
            "{name}"
        );
    }
    let json = stage
        .call(Method::PATCH, "/anime/38524/my_list_status")
        .json(&json!({"status": "watching"}));
    assert_eq!(json.send().await.unwrap().status(), 400);
    assert_eq!(
        stage
            .patch(999_999, &[("status", "watching")])
            .await
            .status(),
        404
    );
    stage.mal.mark_unapproved(38524);
    let waiting = stage.patch(38524, &[("status", "watching")]).await;
    assert_eq!(
        waiting.json::<Value>().await.unwrap()["error"],
        "invalid_content"
    );
    assert!(stage.mal.list("alice").is_empty());
    assert_eq!(
        stage
            .patch(21, &[("num_watched_episodes", "1150")])
            .await
            .status(),
        200,
        "nobody knows how many there will be"
    );
}

#[tokio::test]
async fn an_anime_shows_the_user_s_entry_only_if_there_is_one() {
    let stage = Stage::new().await;
    let path = "/anime/48583?fields=id,title,media_type,status,num_episodes,my_list_status%7Bnum_times_rewatched%7D";
    let before = stage.get(path).await;
    assert_eq!(
        (&before["num_episodes"], &before["media_type"]),
        (&json!(12), &json!("tv"))
    );
    assert!(before.get("my_list_status").is_none());
    stage.patch(48583, &[("num_watched_episodes", "1")]).await;
    let after = stage.get(path).await;
    assert_eq!(after["my_list_status"]["num_episodes_watched"], 1);
    assert_eq!(after["my_list_status"]["num_times_rewatched"], 0);
    assert!(
        after["my_list_status"].get("tags").is_none(),
        "nobody asked for tags"
    );
    assert_eq!(
        stage.get("/anime/21?fields=num_episodes").await["num_episodes"],
        0,
        "unknown is 0"
    );
    let unknown = stage
        .call(Method::GET, "/anime/999999")
        .send()
        .await
        .unwrap();
    assert_eq!(unknown.status(), 404);
}

#[tokio::test]
async fn a_list_is_followed_by_its_next_links_and_hides_what_is_for_adults() {
    let stage = Stage::new().await;
    for anime in [16498, 25777, 35760] {
        stage.patch(anime, &[("status", "completed")]).await;
    }
    let mut next = format!(
        "{}/v2/users/@me/animelist?limit=2&fields=list_status%7Bcomments%7D&sort=list_updated_at&nsfw=true",
        stage.mal.url()
    );
    let mut seen = Vec::new();
    loop {
        stage.clock.turn(TimeDelta::seconds(1));
        let call = stage
            .http
            .get(&next)
            .bearer_auth(&stage.tokens.access_token);
        let page: Value = call.send().await.unwrap().json().await.unwrap();
        for item in page["data"].as_array().unwrap() {
            assert_eq!(item["list_status"]["comments"], "");
            seen.push(item["node"]["id"].as_u64().unwrap());
        }
        match page["paging"]["next"].as_str() {
            Some(link) => next = link.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, [35760, 25777, 16498]);
    stage.mal.mark_adult(25777);
    let shown = stage.get("/users/@me/animelist?status=completed").await;
    assert_eq!(shown["data"].as_array().unwrap().len(), 2);
    assert!(
        shown["data"][0].get("list_status").is_none(),
        "nobody asked for it"
    );
    let too_many = stage.call(Method::GET, "/users/@me/animelist?limit=1001");
    assert_eq!(too_many.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn an_entry_is_deleted_once() {
    let stage = Stage::new().await;
    stage.patch(21, &[("status", "watching")]).await;
    for expected in [200, 404] {
        let call = stage.call(Method::DELETE, "/anime/21/my_list_status");
        assert_eq!(call.send().await.unwrap().status(), expected);
    }
}

#[tokio::test]
async fn who_is_too_fast_or_comes_from_a_cloud_sees_a_page() {
    let stage = Stage::new().await;
    stage.get("/users/@me").await;
    let url = format!("{}/v2/users/@me", stage.mal.url());
    let again = || {
        let call = stage.http.get(&url).bearer_auth(&stage.tokens.access_token);
        call.send()
    };
    assert_eq!(again().await.unwrap().status(), 200);
    let refused = again().await.unwrap();
    assert_eq!(refused.status(), 403);
    assert!(refused.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    stage.mal.refuse_address(true);
    let refused = stage.call(Method::GET, "/users/@me").send().await.unwrap();
    assert_eq!(refused.status(), 403);
    assert_eq!(stage.token(&[]).await.status(), 403);
    stage.mal.refuse_address(false);
    stage
        .get("/users/@me?fields=anime_statistics,time_zone")
        .await;
}

#[tokio::test]
async fn a_search_needs_three_letters_and_an_app() {
    let stage = Stage::new().await;
    let url = format!("{}/v2/anime?q=shingeki&limit=3", stage.mal.url());
    let nobody = stage.http.get(&url).send().await.unwrap();
    assert_eq!(nobody.status(), 403);
    stage.clock.turn(TimeDelta::seconds(1));
    let app = stage.http.get(&url).header("x-mal-client-id", CLIENT_ID);
    let found: Value = app.send().await.unwrap().json().await.unwrap();
    assert_eq!(found["data"].as_array().unwrap().len(), 3);
    let short = stage.call(Method::GET, "/anime?q=sh").send().await.unwrap();
    assert_eq!(short.json::<Value>().await.unwrap()["message"], "invalid q");
}

#[tokio::test]
async fn every_field_of_the_contract_s_form_is_taken() {
    let Some(contract) = reference("contracts/myanimelist-openapi.yaml") else {
        return;
    };
    let form = contract.split("    ListStatusUpdate:").nth(1).unwrap();
    let properties = form.split("      properties:\n").nth(1).unwrap();
    let fields: Vec<&str> = properties
        .lines()
        .take_while(|line| line.starts_with("        "))
        .filter_map(|line| line.trim().split(':').next())
        .collect();
    assert!(fields.len() > 10);
    let stage = Stage::new().await;
    for field in fields {
        let value = match field {
            "status" => "watching",
            "is_rewatching" => "true",
            "start_date" | "finish_date" => "2026-11-20",
            _ => "1",
        };
        let taken = stage.patch(16498, &[(field, value)]).await;
        assert_eq!(taken.status(), 200, "{field}");
    }
}
