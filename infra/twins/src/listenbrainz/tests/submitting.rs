//! Tokens and submissions.

use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn an_invalid_token_is_a_200_that_says_so_and_none_is_a_400() {
    let stage = Stage::new(Flavor::ListenBrainz).await;
    let (status, body) = stage.get("/1/validate-token").await;
    assert_eq!(
        (status, &body["valid"], &body["user_name"]),
        (200, &json!(true), &json!("alice"))
    );
    stage.service.revoke("alice");
    let (status, body) = stage.get("/1/validate-token").await;
    assert_eq!(
        (status, body),
        (
            200,
            json!({"code": 200, "message": "Token invalid.", "valid": false})
        )
    );
    let none = stage
        .http
        .get(format!("{}/1/validate-token", stage.service.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(none.status(), 400);
}

#[tokio::test]
async fn a_bad_token_and_a_paused_account_are_401_at_submission() {
    let stage = Stage::new(Flavor::ListenBrainz).await;
    stage.service.pause("alice", true);
    assert_eq!(
        stage
            .submit("single", json!([stage.listen("Low", "Fly")]))
            .await
            .0,
        401
    );
    stage.service.pause("alice", false);
    assert_eq!(
        stage
            .submit("single", json!([stage.listen("Low", "Fly")]))
            .await,
        (200, json!({"status": "ok"}))
    );
    stage.service.revoke("alice");
    assert_eq!(
        stage
            .submit("single", json!([stage.listen("Low", "Two")]))
            .await
            .0,
        401
    );
    assert_eq!(stage.service.listens("alice").len(), 1);
}

#[tokio::test]
async fn the_same_second_and_names_are_stored_once_in_any_case() {
    let stage = Stage::new(Flavor::ListenBrainz).await;
    for (artist, track) in [
        ("Low", "Fly"),
        ("Low", "Fly"),
        ("LOW", "fly"),
        ("Low", "Fly (Live)"),
    ] {
        assert_eq!(
            stage
                .submit("single", json!([stage.listen(artist, track)]))
                .await
                .0,
            200
        );
    }
    stage
        .submit(
            "single",
            json!([stage.listen_with("/track_metadata/additional_info/duration_ms", json!(1000))]),
        )
        .await;
    assert_eq!(
        stage.service.listens("alice").len(),
        3,
        "another spelling or length is another recording"
    );
}

#[tokio::test]
async fn one_bad_listen_refuses_the_batch_and_is_shown() {
    let stage = Stage::new(Flavor::ListenBrainz).await;
    let bad = stage.listen_with("/track_metadata/artist_name", json!("  "));
    let (status, body) = stage
        .submit("import", json!([stage.listen("Low", "Fly"), bad]))
        .await;
    assert_eq!((status, &body["listened_at"]), (400, &bad["listened_at"]));
    assert_eq!(body["track_metadata"]["track_name"], "Fly");
    assert!(stage.service.listens("alice").is_empty());
}

#[tokio::test]
async fn each_documented_check_refuses() {
    let stage = Stage::new(Flavor::ListenBrainz).await;
    let now = stage.clock.now().timestamp();
    let info = "/track_metadata/additional_info/";
    let both = json!({"duration": 10, "duration_ms": 10_000});
    for (pointer, value) in [
        ("/listened_at", json!(now + 3600)),
        ("/listened_at", json!(EARLIEST_LISTEN - 1)),
        ("/listened_at", json!("soon")),
        ("/listened_at", Value::Null),
        ("/inserted_at", json!(now)),
        ("/track_metadata/track_name", json!(["Fly"])),
        ("/track_metadata/release_name", Value::Null),
        ("/track_metadata/additional_info", both),
        (&format!("{info}recording_mbid"), json!("not-a-uuid")),
        (&format!("{info}artist_mbids"), json!(["not-a-uuid"])),
        (&format!("{info}duration"), json!(0)),
        (&format!("{info}duration"), json!(2_073_601)),
        (&format!("{info}tags"), json!(vec!["x"; 51])),
        (&format!("{info}tags"), json!(["x".repeat(65)])),
        (&format!("{info}deep"), json!({"er": ["a\u{0}b"]})),
    ] {
        let (status, body) = stage
            .submit("single", json!([stage.listen_with(pointer, value.clone())]))
            .await;
        assert_eq!(status, 400, "{pointer} {value} {body}");
    }
    let broken = stage.listen_with("/track_metadata/additional_info", Value::Null);
    assert_eq!(stage.submit("single", json!([broken])).await.0, 500);
    for (listen_type, listens) in [
        ("single", json!([])),
        (
            "single",
            json!([stage.listen("Low", "Fly"), stage.listen("Low", "Two")]),
        ),
        ("playing_now", json!([stage.listen("Low", "Fly")])),
        ("double", json!([stage.listen("Low", "Fly")])),
        (
            "import",
            json!(vec![stage.listen("Low", "Fly"); MOST_LISTENS + 1]),
        ),
        (
            "import",
            json!(
                [stage.listen_with(&format!("{info}long"), json!("x".repeat(MOST_LISTEN_BYTES)))]
            ),
        ),
    ] {
        assert_eq!(
            stage.submit(listen_type, listens).await.0,
            400,
            "{listen_type}"
        );
    }
    assert!(stage.service.listens("alice").is_empty());
}

#[tokio::test]
async fn what_is_unusual_but_allowed_is_taken() {
    let stage = Stage::new(Flavor::ListenBrainz).await;
    let now = stage.clock.now().timestamp();
    let info = "/track_metadata/additional_info/";
    for (pointer, value) in [
        ("/listened_at", json!(now + 3599)),
        ("/listened_at", json!(EARLIEST_LISTEN.to_string())),
        ("/track_metadata/release_name", json!("")),
        ("/track_metadata/anything", json!({"at": "all"})),
        (&format!("{info}recording_mbid"), json!("")),
        (&format!("{info}artist_mbids"), json!([""])),
        (&format!("{info}duration"), json!("300")),
    ] {
        let (status, body) = stage
            .submit("single", json!([stage.listen_with(pointer, value.clone())]))
            .await;
        assert_eq!(status, 200, "{pointer} {value} {body}");
    }
    let listens = stage.service.listens("alice");
    assert_eq!(listens[0].listened_at.timestamp(), EARLIEST_LISTEN);
    assert!(
        listens
            .iter()
            .all(|listen| listen.additional_info.get("recording_mbid").is_none())
    );
}
