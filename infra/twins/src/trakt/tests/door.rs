//! Headers, limits, refusals, faults and pages.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn the_required_headers_are_required() {
    let stage = Stage::new().await;
    let bare = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/users/settings", stage.trakt.url());
    let blocked = bare.get(&url).send().await.unwrap();
    assert_eq!(blocked.status(), 403);
    assert!(
        blocked.headers().get("x-request-id").is_none(),
        "an edge block carries none of Trakt's headers"
    );
    assert!(blocked.text().await.unwrap().contains("1010"));

    let no_version = stage
        .http
        .get(&url)
        .header("trakt-api-key", CLIENT_ID)
        .send()
        .await
        .unwrap();
    assert_eq!(no_version.status(), 400);
    let wrong_key = stage
        .http
        .get(&url)
        .header("trakt-api-version", "2")
        .header("trakt-api-key", "unknown");
    let wrong_key = wrong_key.send().await.unwrap();
    assert_eq!(wrong_key.status(), 403);
    assert!(wrong_key.headers().contains_key("x-request-id"));
    let form = stage
        .call(reqwest::Method::POST, "/scrobble/stop")
        .form(&[("progress", "90")])
        .send()
        .await
        .unwrap();
    assert_eq!(form.status(), 412);
    assert_eq!(stage.get("/scrobble/stop").await.status(), 405);
    assert_eq!(stage.get("/no/such/path").await.status(), 404);
}

#[tokio::test]
async fn a_second_write_within_the_second_is_told_when_to_come_back() {
    let stage = Stage::new().await;
    stage.post("/scrobble/start", &movie(1.0)).await;
    stage.clock.turn(TimeDelta::milliseconds(999));
    let refused = stage
        .call(reqwest::Method::POST, "/scrobble/start")
        .json(&movie(1.0))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    let limit: Value =
        serde_json::from_str(refused.headers()["x-ratelimit"].to_str().unwrap()).unwrap();
    assert_eq!(
        (limit["name"].as_str(), limit["limit"].as_i64()),
        (Some("AUTHED_API_POST_LIMIT"), Some(1))
    );
    stage.trakt.enforce_limits(false);
    let taken = stage
        .call(reqwest::Method::POST, "/scrobble/start")
        .json(&movie(1.0))
        .send()
        .await
        .unwrap();
    assert_eq!(taken.status(), 201);
}

#[tokio::test]
async fn the_five_hundred_and_first_read_in_five_minutes_is_refused() {
    let stage = Stage::new().await;
    for _ in 0..500 {
        assert_eq!(stage.get("/sync/last_activities").await.status(), 200);
    }
    stage.clock.turn(TimeDelta::seconds(100));
    let refused = stage.get("/sync/last_activities").await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (429, &"200".parse().unwrap())
    );
    stage.clock.turn(TimeDelta::seconds(200));
    assert_eq!(stage.get("/sync/last_activities").await.status(), 200);
}

#[tokio::test]
async fn a_locked_account_and_the_other_refusals_carry_their_headers() {
    let stage = Stage::new().await;
    stage.trakt.lock("alice", true);
    let locked = stage.get("/users/settings").await;
    assert_eq!(
        (
            locked.status().as_u16(),
            &locked.headers()["x-account-locked"]
        ),
        (423, &"true".parse().unwrap())
    );
    stage.trakt.lock("alice", false);
    stage
        .trakt
        .faults()
        .once("/users", Fault::answer(vip_only()));
    stage
        .trakt
        .faults()
        .once("/users", Fault::answer(account_limit_exceeded()));
    assert_eq!(stage.get("/users/settings").await.status(), 426);
    assert_eq!(stage.get("/users/settings").await.status(), 420);
    assert_eq!(stage.get("/users/settings").await.status(), 200);
}

#[tokio::test]
async fn a_dropped_connection_has_or_has_not_had_its_effect_as_asked() {
    let stage = Stage::new().await;
    let send = || {
        stage
            .call(reqwest::Method::POST, "/scrobble/stop")
            .json(&movie(90.0))
            .send()
    };
    stage.trakt.faults().once("/scrobble", Fault::drop_before());
    assert!(send().await.is_err());
    assert!(stage.trakt.history("alice").is_empty());
    stage.trakt.faults().once("/scrobble", Fault::drop_after());
    assert!(send().await.is_err());
    assert_eq!(stage.trakt.history("alice").len(), 1);
    let seen: Vec<_> = stage
        .trakt
        .requests()
        .iter()
        .map(|seen| (seen.status, seen.is_taken))
        .collect();
    assert_eq!(seen, [(None, false), (None, true)]);
}

#[tokio::test]
async fn a_late_effect_comes_when_the_test_says_so() {
    let stage = Stage::new().await;
    stage.trakt.faults().once("/sync/history", Fault::late());
    let body = json!({"movies": [{"ids": {"trakt": 1}, "watched_at": "2026-11-20T11:00:00Z"}]});
    assert!(
        stage
            .call(reqwest::Method::POST, "/sync/history")
            .json(&body)
            .send()
            .await
            .is_err()
    );
    assert_eq!(stage.get_json("/sync/history").await, json!([]));
    assert_eq!(stage.trakt.faults().apply_late(), 1);
    assert_eq!(
        stage
            .get_json("/sync/history")
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_held_request_waits_at_its_gate_without_a_clock() {
    let stage = Stage::new().await;
    let gate = Gate::shut();
    stage.trakt.faults().once("/scrobble", Fault::held(&gate));
    let request = stage
        .call(reqwest::Method::POST, "/scrobble/stop")
        .json(&movie(90.0));
    let waiting = tokio::spawn(async move { request.send().await.unwrap().status() });
    gate.reached(1).await;
    assert!(stage.trakt.history("alice").is_empty());
    gate.open();
    assert_eq!(waiting.await.unwrap(), 201);
}

#[tokio::test]
async fn a_service_that_is_down_answers_html_and_comes_back() {
    let stage = Stage::new().await;
    stage.trakt.faults().down(true);
    let down = stage.get("/users/settings").await;
    assert_eq!(down.status(), 503);
    assert!(down.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    stage.trakt.faults().down(false);
    assert_eq!(stage.get("/users/settings").await.status(), 200);
    stage.trakt.faults().once("", Fault::not_json());
    assert!(
        stage
            .get("/users/settings")
            .await
            .json::<Value>()
            .await
            .is_err()
    );
}

#[tokio::test]
async fn the_pages_show_what_is_held_and_no_token() {
    let stage = Stage::new().await;
    stage.post("/scrobble/stop", &movie(90.0)).await;
    let page = stage
        .http
        .get(stage.trakt.url())
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("2026-11-20T12:00:00.000Z"));
    let shown = stage
        .http
        .get(format!("{}/twin/state", stage.trakt.url()))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(shown.contains("tt2015381") && !shown.contains(&stage.token));
    assert_eq!(stage.trakt.requests().len(), 1, "looking is not counted");
}

#[tokio::test]
async fn a_dropped_twin_closes_its_ports() {
    let stage = Stage::new().await;
    let url = stage.trakt.url().to_owned();
    assert!(stage.http.get(&url).send().await.is_ok());
    drop(stage.trakt);
    while stage.http.get(&url).send().await.is_ok() {
        tokio::task::yield_now().await;
    }
}
