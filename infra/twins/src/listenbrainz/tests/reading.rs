//! What plays now, listens, deletions, love, and the window of requests.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn what_plays_now_is_shown_for_its_length_and_never_stored() {
    let stage = Stage::new(Flavor::ListenBrainz).await;
    let playing = json!([{"track_metadata": {"artist_name": "Low", "track_name": "Fly",
        "additional_info": {"duration_ms": 240_000}}}]);
    let body = json!({"listen_type": "playing_now", "payload": playing});
    let answer: Value = stage
        .post("/1/submit-listens?return_msid=true", &body)
        .await
        .json()
        .await
        .unwrap();
    assert!(crate::page::is_uuid(
        answer["recording_msid"].as_str().unwrap()
    ));
    let (_, shown) = stage.get("/1/user/alice/playing-now").await;
    assert_eq!(
        shown["payload"]["listens"][0]["track_metadata"]["track_name"],
        "Fly"
    );
    assert!(shown["payload"]["listens"][0].get("listened_at").is_none());
    stage.clock.turn(TimeDelta::seconds(240));
    let (_, shown) = stage.get("/1/user/alice/playing-now").await;
    assert_eq!(shown["payload"]["count"], 0);
    assert!(stage.service.listens("alice").is_empty());
}

#[tokio::test]
async fn listens_are_read_newest_first_between_exclusive_bounds() {
    let stage = Stage::new(Flavor::ListenBrainz).await;
    let base = stage.clock.now().timestamp() - 1000;
    let listens: Vec<Value> = (0..30)
        .map(|index| json!({"listened_at": base + index, "track_metadata": {"artist_name": "A", "track_name": format!("T{index}")}}))
        .collect();
    stage.submit("import", json!(listens)).await;
    let (_, page) = stage.get("/1/user/alice/listens").await;
    assert_eq!(
        (
            &page["payload"]["count"],
            &page["payload"]["latest_listen_ts"]
        ),
        (&json!(25), &json!(base + 29))
    );
    let path = format!(
        "/1/user/alice/listens?max_ts={}&min_ts={}&count=100",
        base + 5,
        base + 2
    );
    let (_, page) = stage.get(&path).await;
    let seconds: Vec<_> = page["payload"]["listens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|listen| listen["listened_at"].as_i64().unwrap() - base)
        .collect();
    assert_eq!(seconds, [4, 3]);
    assert_eq!(
        stage.get("/1/user/alice/listens?max_ts=1&min_ts=2").await.0,
        400
    );
    assert_eq!(stage.get("/1/user/nobody/listens").await.0, 404);
    assert_eq!(
        stage.get("/1/user/alice/listen-count").await.1["payload"]["count"],
        30
    );
}

#[tokio::test]
async fn a_deletion_is_carried_out_after_the_hour() {
    let stage = Stage::new(Flavor::ListenBrainz).await;
    stage
        .submit("single", json!([stage.listen("Low", "Fly")]))
        .await;
    let listen = stage.service.listens("alice").remove(0);
    let body = json!({"listened_at": listen.listened_at.timestamp(), "recording_msid": listen.recording_msid});
    assert_eq!(stage.post("/1/delete-listen", &body).await.status(), 200);
    assert_eq!(stage.service.listens("alice").len(), 1);
    stage.clock.turn(TimeDelta::minutes(65));
    assert!(stage.service.listens("alice").is_empty());
    let undeclared = stage
        .http
        .post(format!("{}/1/delete-listen", stage.service.url()));
    let undeclared = undeclared
        .header("authorization", format!("Token {}", stage.token))
        .body(body.to_string());
    assert_eq!(undeclared.send().await.unwrap().status(), 415);
}

#[tokio::test]
async fn love_is_kept_by_recording_and_zero_removes_it() {
    let stage = Stage::new(Flavor::ListenBrainz).await;
    let mbid = crate::page::uuid_of("fly");
    let give = async |body: Value| {
        stage
            .post("/1/feedback/recording-feedback", &body)
            .await
            .status()
            .as_u16()
    };
    assert_eq!(give(json!({"recording_mbid": mbid, "score": 1})).await, 200);
    assert_eq!(give(json!({"recording_mbid": mbid, "score": 1})).await, 200);
    assert_eq!(stage.service.feedback("alice").len(), 1);
    assert_eq!(
        stage
            .get("/1/feedback/user/alice/get-feedback?score=1")
            .await
            .1["total_count"],
        1
    );
    for bad in [
        json!({"recording_mbid": mbid, "score": 2}),
        json!({"score": 1}),
        json!({"recording_mbid": mbid, "score": 1, "why": ""}),
    ] {
        assert_eq!(give(bad).await, 400);
    }
    assert_eq!(give(json!({"recording_mbid": mbid, "score": 0})).await, 200);
    assert!(stage.service.feedback("alice").is_empty());
}

#[tokio::test]
async fn every_answer_counts_the_window_and_the_thirty_first_is_refused() {
    let stage = Stage::new(Flavor::ListenBrainz).await;
    stage.service.enforce_limits(true);
    stage.clock.turn(TimeDelta::seconds(3));
    let call = || {
        stage
            .http
            .get(format!("{}/1/validate-token?token=x", stage.service.url()))
            .send()
    };
    for left in (0..30).rev() {
        let answer = call().await.unwrap();
        assert_eq!(
            (
                answer.status().as_u16(),
                &answer.headers()["x-ratelimit-remaining"]
            ),
            (200, &left.to_string().parse().unwrap())
        );
    }
    let refused = call().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["x-ratelimit-reset-in"], "7");
    stage.clock.turn(TimeDelta::seconds(7));
    assert_eq!(call().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_recording_is_looked_up_by_its_names_and_what_comes_close_may_be_another() {
    let stage = Stage::new(Flavor::ListenBrainz).await;
    let (fly, live) = (
        "3c2c1f40-b22e-360e-a29a-1b1610190a8c",
        "4d3d2f51-c33f-471f-b3ab-2c2721201b9d",
    );
    stage.service.add_recording("Low", "Fly", fly);
    stage.service.add_recording("Low", "Quorum (live)", live);
    let lookup = |artist: &str, name: &str| {
        format!("/1/metadata/lookup/?artist_name={artist}&recording_name={name}")
    };
    let (status, found) = stage.get(&lookup("low", "FLY")).await;
    assert_eq!((status, &found["recording_mbid"]), (200, &json!(fly)));
    let (_, close) = stage.get(&lookup("Low", "Quorum")).await;
    assert_eq!(close["recording_name"], "Quorum (live)");
    let nothing = stage.get(&lookup("Low", "Poor+Sucker")).await;
    assert_eq!(nothing, (200, json!({})));
    let several = json!({"recordings": [{"artist_name": "Low", "recording_name": "Poor Sucker"},
        {"artist_name": "Low", "recording_name": "Fly"}]});
    let answers: Value = stage
        .post("/1/metadata/lookup/", &several)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(answers[0].get("recording_mbid"), None);
    assert_eq!(
        (&answers[1]["index"], &answers[1]["recording_mbid"]),
        (&json!(1), &json!(fly))
    );
    let (status, _) = stage.get("/1/metadata/lookup/?artist_name=Low").await;
    assert_eq!(status, 400);
    let (status, _) = stage.get(&lookup("Low", &"x".repeat(248))).await;
    assert_eq!(status, 400);
    let bare = stage
        .http
        .get(format!("{}{}", stage.service.url(), lookup("Low", "Fly")));
    assert_eq!(bare.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_listen_is_shown_with_what_its_names_were_found_to_be() {
    let stage = Stage::new(Flavor::ListenBrainz).await;
    let fly = "3c2c1f40-b22e-360e-a29a-1b1610190a8c";
    stage.service.add_recording("Low", "Fly", fly);
    let now = stage.clock.now();
    stage.service.add_listen("alice", "Low", "Fly", now);
    stage
        .service
        .add_listen("alice", "Low", "Quorum", now - TimeDelta::days(9000));
    let (_, page) = stage.get("/1/user/alice/listens").await;
    let listens = &page["payload"]["listens"];
    assert_eq!(
        listens[0]["track_metadata"]["mbid_mapping"]["recording_mbid"],
        fly
    );
    assert!(listens[1]["track_metadata"].get("mbid_mapping").is_none());
    assert_eq!(
        page["payload"]["oldest_listen_ts"],
        (now - TimeDelta::days(9000)).timestamp()
    );
}
