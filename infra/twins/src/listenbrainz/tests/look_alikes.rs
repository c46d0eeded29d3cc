//! Maloja and Koito.

use serde_json::json;

use super::*;

#[tokio::test]
async fn maloja_holds_one_track_a_second_and_answers_500_to_another() {
    let stage = Stage::new(Flavor::Maloja).await;
    assert!(stage.service.url().ends_with("/apis/listenbrainz"));
    let mut later = stage.listen("Low", "Later");
    later["listened_at"] = json!(stage.clock.now().timestamp());
    let first = stage.listen("Low", "Fly");
    assert_eq!(stage.submit("single", json!([first])).await.0, 200);
    assert_eq!(stage.submit("single", json!([first])).await.0, 200);
    assert_eq!(
        stage
            .submit("import", json!([first, stage.listen("Low", "Two"), later]))
            .await
            .0,
        500
    );
    assert_eq!(
        stage.service.listens("alice").len(),
        1,
        "the rest of the batch is lost"
    );
    assert_eq!(stage.submit("single", json!([later])).await.0, 200);
    assert_eq!(stage.submit("import", json!([])).await.0, 200);
    assert_eq!(stage.submit("double", json!([first])).await.0, 500);
    assert_eq!(
        stage
            .submit("single", json!([stage.listen("Unknown Artist", "Fly")]))
            .await
            .0,
        500
    );
}

#[tokio::test]
async fn maloja_refuses_a_bad_token_everywhere_and_calls_unknown_paths_a_200() {
    let stage = Stage::new(Flavor::Maloja).await;
    assert_eq!(
        stage.get("/1/user/alice/listens").await,
        (200, json!({"code": 200, "error": "Invalid Method"}))
    );
    assert_eq!(stage.get("/1/validate-token").await.1["valid"], true);
    stage.service.revoke("alice");
    assert_eq!(stage.get("/1/validate-token").await.0, 401);
    assert_eq!(stage.submit("single", json!([])).await.0, 401);
    let token = stage.service.issue_token("alice");
    let undeclared = stage
        .http
        .post(format!("{}/1/submit-listens", stage.service.url()));
    let undeclared = undeclared
        .header("authorization", format!("Token {token}"))
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(undeclared.status(), 400);
    assert!(undeclared.headers().get("x-ratelimit-limit").is_none());
}

#[tokio::test]
async fn koito_may_stop_in_the_middle_of_a_batch_and_keeps_what_came_before() {
    let stage = Stage::new(Flavor::Koito).await;
    let batch = json!([
        stage.listen("Low", "One"),
        stage.listen("Low", "Two"),
        stage.listen("Low", "Three")
    ]);
    stage.service.stop_next_batch_at(2);
    assert_eq!(
        stage.submit("import", batch.clone()).await,
        (500, json!({"status": "internal server error"}))
    );
    assert_eq!(stage.service.listens("alice").len(), 2);
    assert_eq!(stage.submit("import", batch).await.0, 200);
    assert_eq!(stage.service.listens("alice").len(), 3);
    let mut timeless = stage.listen("Low", "Now");
    timeless["listened_at"] = json!(0);
    stage.submit("single", json!([timeless])).await;
    assert_eq!(
        stage.service.listens("alice")[3].listened_at,
        stage.clock.now()
    );
    stage.service.revoke("alice");
    assert_eq!(
        stage.get("/1/validate-token").await,
        (401, json!({"error": "unauthorized"}))
    );
}
