//! Start, pause and stop.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn a_stop_at_eighty_is_a_play_of_now_and_at_seventy_nine_a_pause() {
    let stage = Stage::new().await;
    let paused: Value = stage
        .post("/scrobble/stop", &movie(79.9))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(paused["action"], "pause");
    assert!(stage.trakt.history("alice").is_empty());
    assert_eq!(stage.trakt.playback("alice")[0].progress_percent, 79.9);

    stage.clock.turn(TimeDelta::seconds(42));
    let answer = stage.post("/scrobble/stop", &movie(80.0)).await;
    assert_eq!(answer.status(), 201);
    let scrobbled: Value = answer.json().await.unwrap();
    assert_eq!(scrobbled["action"], "scrobble");
    assert!(
        scrobbled["id"].as_i64().unwrap() > i64::from(u32::MAX),
        "history ids are 64-bit"
    );
    let history = stage.trakt.history("alice");
    assert_eq!(history.len(), 1);
    assert_eq!(
        history[0].watched_at.unwrap().to_rfc3339(),
        "2026-11-20T12:00:00+00:00"
    );
    assert_eq!(history[0].action, "scrobble");
    assert!(stage.trakt.playback("alice").is_empty());
}

#[tokio::test]
async fn the_same_item_within_the_hour_is_a_conflict_that_names_both_times() {
    let stage = Stage::new().await;
    stage.post("/scrobble/stop", &movie(90.0)).await;
    stage.clock.turn(TimeDelta::minutes(58));
    let again = stage.post("/scrobble/stop", &movie(90.0)).await;
    assert_eq!(again.status(), 409);
    let times: Value = again.json().await.unwrap();
    assert_eq!(
        times,
        json!({"watched_at": "2026-11-20T12:00:00.000Z", "expires_at": "2026-11-20T13:00:00.000Z"})
    );
    let other = json!({"movie": {"ids": {"imdb": "tt0372784"}}, "progress": 90.0});
    assert_eq!(stage.post("/scrobble/stop", &other).await.status(), 201);
    stage.clock.turn(TimeDelta::minutes(2));
    assert_eq!(
        stage.post("/scrobble/stop", &movie(90.0)).await.status(),
        201
    );
    assert_eq!(stage.trakt.history("alice").len(), 3);
}

#[tokio::test]
async fn a_start_shows_what_is_watched_for_the_rest_of_its_runtime() {
    let stage = Stage::new().await;
    stage.post("/scrobble/pause", &movie(50.0)).await;
    let started: Value = stage
        .post("/scrobble/start", &movie(50.0))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        (started["id"].as_i64(), started["action"].as_str()),
        (Some(0), Some("start"))
    );
    assert!(
        stage.trakt.playback("alice").is_empty(),
        "a start removes the saved position"
    );
    assert_eq!(
        stage.trakt.watching("alice").unwrap().ids.imdb.as_deref(),
        Some("tt2015381")
    );
    stage.clock.turn(TimeDelta::minutes(61));
    assert!(stage.trakt.watching("alice").is_none());
}

#[tokio::test]
async fn bad_scrobbles_are_refused_each_with_its_status() {
    let stage = Stage::new().await;
    assert_eq!(
        stage.post("/scrobble/pause", &movie(0.9)).await.status(),
        422
    );
    assert_eq!(
        stage.post("/scrobble/stop", &movie(0.0)).await.status(),
        422
    );
    assert_eq!(
        stage.post("/scrobble/start", &movie(0.0)).await.status(),
        201
    );
    assert_eq!(
        stage.post("/scrobble/start", &movie(100.5)).await.status(),
        422
    );
    let both =
        json!({"movie": {"ids": {"trakt": 1}}, "episode": {"ids": {"trakt": 1}}, "progress": 90});
    assert_eq!(stage.post("/scrobble/stop", &both).await.status(), 400);
    stage.trakt.forget("imdb", "tt2015381");
    let unknown = stage.post("/scrobble/stop", &movie(90.0)).await;
    assert_eq!(unknown.status(), 404);
    assert_eq!(unknown.text().await.unwrap(), "");
}

#[tokio::test]
async fn an_episode_is_found_by_its_id_its_place_and_its_absolute_number() {
    let stage = Stage::new().await;
    let show = stage.trakt.add_show(
        "One Piece",
        1999,
        Ids {
            tvdb: Some(81797),
            ..Ids::default()
        },
    );
    let ids = Ids {
        tvdb: Some(361_885),
        ..Ids::default()
    };
    let episode = stage
        .trakt
        .add_absolute_episode(show, (5, 7), 164, "A Thing", ids);
    for body in [
        json!({"episode": {"ids": {"tvdb": 361_885}}, "progress": 10.0}),
        json!({"show": {"ids": {"tvdb": 81797}}, "episode": {"season": 5, "number": 7}, "progress": 10.0}),
        json!({"show": {"title": "One Piece", "year": 1999}, "episode": {"number_abs": 164}, "progress": 10.0}),
    ] {
        let found: Value = stage
            .post("/scrobble/start", &body)
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(found["episode"]["ids"]["trakt"], episode, "{body}");
        assert_eq!(
            (
                found["episode"]["season"].as_i64(),
                found["episode"]["number"].as_i64()
            ),
            (Some(5), Some(7))
        );
        assert_eq!(found["show"]["ids"]["tvdb"], 81797);
    }
    let missing = json!({"show": {"ids": {"tvdb": 81797}}, "episode": {"season": 5, "number": 8}, "progress": 10.0});
    assert_eq!(stage.post("/scrobble/start", &missing).await.status(), 404);
}

#[tokio::test]
async fn a_saved_position_is_read_and_deleted_once() {
    let stage = Stage::new().await;
    let paused: Value = stage
        .post("/scrobble/pause", &movie(33.0))
        .await
        .json()
        .await
        .unwrap();
    let saved = stage.get_json("/sync/playback/movies").await;
    assert_eq!(
        (&saved[0]["id"], &saved[0]["progress"]),
        (&paused["id"], &json!(33.0))
    );
    let path = format!("/sync/playback/{}", paused["id"]);
    for status in [204, 404] {
        stage.clock.turn(TimeDelta::seconds(1));
        assert_eq!(
            stage
                .call(reqwest::Method::DELETE, &path)
                .send()
                .await
                .unwrap()
                .status(),
            status
        );
    }
}
