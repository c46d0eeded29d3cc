//! What every call needs, limits, refusals and the rule against full reads.

use super::*;

#[tokio::test]
async fn the_address_names_the_app_and_the_header_the_user() {
    let stage = Stage::new().await;
    let url = format!("{}/sync/activities", stage.simkl.url());
    let bare = stage.http.get(&url).bearer_auth(&stage.tokens.access_token);
    let refused = bare.send().await.unwrap();
    assert_eq!(refused.status(), 412);
    assert_eq!(
        refused.json::<Value>().await.unwrap()["error"],
        "client_id_failed"
    );
    let no_name = stage
        .http
        .get(format!("{url}?client_id={CLIENT_ID}"))
        .bearer_auth(&stage.tokens.access_token);
    let refused: Value = no_name.send().await.unwrap().json().await.unwrap();
    assert_eq!(refused["error"], "empty_field");
    let no_token = stage.http.get(stage.address("/search/id?imdb=tt0133093"));
    let refused: Value = no_token.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        refused["error"], "user_token_required",
        "even a search needs a user"
    );
}

#[tokio::test]
async fn a_second_write_within_the_second_and_an_eleventh_read_are_refused() {
    let stage = Stage::new().await;
    stage
        .posted("/sync/history", &json!({"movies": [matrix()]}))
        .await;
    let again = stage
        .http
        .post(stage.address("/sync/history"))
        .bearer_auth(&stage.tokens.access_token)
        .json(&json!({}));
    let refused = again.send().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(
        refused.json::<Value>().await.unwrap()["error"],
        "rate_limit"
    );
    stage.clock.turn(TimeDelta::seconds(1));
    for read in 1..=11 {
        let call = stage
            .http
            .get(stage.address("/sync/activities"))
            .bearer_auth(&stage.tokens.access_token);
        let expected = if read <= 10 { 200 } else { 429 };
        assert_eq!(call.send().await.unwrap().status(), expected);
    }
}

#[tokio::test]
async fn the_daily_quota_ends_at_midnight_in_new_york_and_its_headers_say_what_is_left() {
    let stage = Stage::new().await;
    stage.simkl.set_daily_limit(2);
    let call = || stage.call(Method::GET, "/sync/activities").send();
    let first = call().await.unwrap();
    assert_eq!(first.headers()["x-ratelimit-limit"], "2");
    assert_eq!(first.headers()["x-ratelimit-remaining"], "1");
    assert_eq!(call().await.unwrap().status(), 200);
    let refused = call().await.unwrap();
    assert_eq!(refused.status(), 429);
    // 12:00:03 UTC is 07:00:03 in New York.
    assert_eq!(
        refused.headers()["retry-after"],
        (17 * 3600 - 3).to_string()
    );
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"], "user_limit_exceeded");
    stage.clock.turn(TimeDelta::hours(17));
    assert_eq!(call().await.unwrap().status(), 200);
}

#[tokio::test]
async fn reading_everything_again_and_again_suspends_the_app() {
    let stage = Stage::new().await;
    stage.get("/sync/activities").await;
    stage.get("/sync/all-items/").await;
    assert!(stage.simkl.misuses().is_empty());
    stage.get("/sync/activities").await;
    stage
        .get("/sync/all-items/movies?date_from=2026-11-20T12:00:00Z")
        .await;
    stage
        .get("/sync/all-items/movies?extended=simkl_ids_only")
        .await;
    assert!(
        stage.simkl.misuses().is_empty(),
        "changes and bare ids may be read"
    );
    stage
        .get("/sync/all-items/movies?date_from=2026-11-20T12:00:00Z")
        .await;
    stage.get("/sync/activities").await;
    stage.get("/sync/all-items/movies").await;
    assert_eq!(
        stage.simkl.misuses(),
        [
            "/sync/all-items/movies: read twice without asking for activities in between",
            "/sync/all-items/movies: read in full again"
        ]
    );
    stage.get("/sync/all-items/movies").await;
    let call = stage.call(Method::GET, "/sync/activities");
    assert_eq!(call.send().await.unwrap().status(), 412);
    stage.simkl.suspend_app(CLIENT_ID, false);
    stage.get("/sync/activities").await;
}

#[tokio::test]
async fn a_refusal_can_come_inside_a_200() {
    let stage = Stage::new().await;
    stage
        .simkl
        .faults()
        .once("/sync/all-items", Fault::answer(premium_only()));
    let body = stage.get("/sync/all-items/movies").await;
    assert_eq!(body["error"], "premium_only");
    stage
        .simkl
        .faults()
        .once("/scrobble", Fault::answer(scrobble_locked()));
    let body = json!({"movie": matrix(), "progress": 90});
    let locked = stage.post("/scrobble/stop", &body).await;
    assert_eq!(locked.status(), 400);
    assert_eq!(locked.json::<Value>().await.unwrap()["error"], "RATE_LIMIT");
    assert!(stage.simkl.plays("alice").is_empty());
}

#[tokio::test]
async fn the_account_has_a_number_and_a_plan() {
    let stage = Stage::new().await;
    stage.simkl.set_plan("alice", Plan::Vip);
    let answer = stage.post("/users/settings", &json!({})).await;
    assert_eq!(answer.headers()["x-ratelimit-limit"], "10000");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["account"]["type"], "vip");
    assert!(body["account"]["id"].is_u64());
}

#[tokio::test]
async fn an_item_is_looked_up_by_its_ids() {
    let stage = Stage::new().await;
    let found = stage.get("/search/id?imdb=tt0133093").await;
    assert_eq!(
        (&found[0]["type"], &found[0]["title"]),
        (&json!("movie"), &json!("The Matrix"))
    );
    let found = stage.get("/search/id?mal=48583").await;
    assert_eq!(found[0]["type"], "anime");
    assert_eq!(
        stage.get("/search/id?tmdb=1396").await,
        json!([]),
        "without a type TMDb's films are meant"
    );
    assert_eq!(
        stage.get("/search/id?tmdb=1396&type=show").await[0]["title"],
        "Breaking Bad"
    );
    assert_eq!(stage.get("/search/id?imdb=tt9999999").await, json!([]));
}

#[tokio::test]
async fn the_page_shows_what_is_held_and_no_token() {
    let stage = Stage::new().await;
    stage
        .posted("/sync/history", &json!({"movies": [matrix()]}))
        .await;
    for path in ["", "/twin/state"] {
        let url = format!("{}{path}", stage.simkl.url());
        let shown = stage
            .http
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert!(shown.contains("The Matrix"));
        assert!(!shown.contains(&stage.tokens.access_token));
    }
    assert_eq!(stage.simkl.calls("/sync/history"), 1);
}
