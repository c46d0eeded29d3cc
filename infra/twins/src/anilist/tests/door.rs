//! Limits, faults, pages.

use super::*;

const VIEWER: &str = "query { Viewer { id name } }";

#[tokio::test]
async fn the_thirty_first_request_in_a_minute_stops_everyone_for_a_minute() {
    let stage = Stage::new().await;
    for request in 1..=30 {
        let answer = stage.send(VIEWER, json!({})).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["x-ratelimit-limit"], "30");
        assert_eq!(
            answer.headers()["x-ratelimit-remaining"],
            (30 - request).to_string()
        );
    }
    let bob = stage.anilist.issue_tokens("bob").access_token;
    let refused = stage
        .call(VIEWER, json!({}))
        .bearer_auth(&bob)
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 429, "the limit is the address's");
    assert_eq!(refused.headers()["retry-after"], "60");
    assert_eq!(refused.headers()["x-ratelimit-reset"], "1795176060");
    let body: Value = refused.json().await.unwrap();
    assert_eq!(
        body["errors"][0],
        json!({"message": "Too Many Requests.", "status": 429})
    );
    stage.clock.turn(TimeDelta::seconds(59));
    assert_eq!(stage.send(VIEWER, json!({})).await.status(), 429);
    stage.clock.turn(TimeDelta::seconds(1));
    assert_eq!(stage.send(VIEWER, json!({})).await.status(), 200);
}

#[tokio::test]
async fn faults_and_counts_name_the_root_field() {
    let stage = Stage::new().await;
    stage
        .anilist
        .faults()
        .once("SaveMediaListEntry", Fault::drop_after());
    assert_eq!(stage.send(VIEWER, json!({})).await.status(), 200);
    let call = stage.call(SAVE, json!({"mediaId": 21, "progress": 5}));
    assert!(call.bearer_auth(&stage.token).send().await.is_err());
    assert_eq!(stage.anilist.entry("alice", 21).unwrap().progress, 5);
    assert_eq!(
        (
            stage.anilist.calls("Viewer"),
            stage.anilist.calls("SaveMediaListEntry")
        ),
        (1, 1)
    );
    stage
        .anilist
        .faults()
        .once("", Fault::answer(temporarily_disabled()));
    assert_eq!(stage.send(VIEWER, json!({})).await.status(), 403);
}

#[tokio::test]
async fn the_page_is_looked_at_without_being_counted() {
    let stage = Stage::new().await;
    stage
        .data(SAVE, json!({"mediaId": 21, "progress": 5}))
        .await;
    for path in ["", "/twin/state"] {
        let url = format!("{}{path}", stage.anilist.url());
        let shown = stage
            .http
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert!(shown.contains("alice") && shown.contains("CURRENT"));
        assert!(!shown.contains(&stage.token));
    }
    assert_eq!(stage.anilist.requests().len(), 1);
}
