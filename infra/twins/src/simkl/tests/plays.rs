//! Scrobbles and history.

use super::*;

#[tokio::test]
async fn a_stop_at_eighty_is_watched_now_and_again_within_the_hour_a_conflict() {
    let stage = Stage::new().await;
    let body = |progress: f64| json!({"progress": progress, "movie": matrix()});
    let paused = stage.posted("/scrobble/stop", &body(79.99)).await;
    assert_eq!(paused["action"], "pause");
    assert!(stage.simkl.plays("alice").is_empty());
    assert_eq!(stage.simkl.playback("alice").len(), 1);
    let stopped = stage.posted("/scrobble/stop", &body(80.0)).await;
    assert_eq!(
        (&stopped["action"], &stopped["progress"]),
        (&json!("scrobble"), &json!(80))
    );
    assert_eq!(
        stopped["movie"]["ids"]["tmdb"], "603",
        "ids are answered as strings"
    );
    assert!(stage.simkl.playback("alice").is_empty());
    let again = stage.post("/scrobble/stop", &body(90.0)).await;
    assert_eq!(again.status(), 409);
    let times: Value = again.json().await.unwrap();
    assert_eq!(
        times,
        json!({"watched_at": "2026-11-20T12:00:02.000Z", "expires_at": "2026-11-20T13:00:02.000Z"})
    );
    let plays = stage.simkl.plays("alice");
    assert_eq!(plays.len(), 1);
    assert_eq!(
        plays[0].watched_at.to_rfc3339(),
        "2026-11-20T12:00:02+00:00"
    );
}

#[tokio::test]
async fn a_start_of_another_title_counts_the_one_that_had_run_long_enough() {
    let stage = Stage::new().await;
    stage
        .posted(
            "/scrobble/start",
            &json!({"progress": 0, "movie": matrix()}),
        )
        .await;
    assert_eq!(stage.simkl.watching("alice").unwrap().title, "The Matrix");
    stage.clock.turn(TimeDelta::minutes(75));
    let heat = json!({"progress": 1, "movie": {"ids": {"imdb": "tt0113277"}}});
    let started = stage.posted("/scrobble/start", &heat).await;
    assert_eq!(
        (&started["id"], &started["action"]),
        (&json!(0), &json!("start"))
    );
    assert_eq!(stage.simkl.plays("alice")[0].title, "The Matrix");
    stage.clock.turn(TimeDelta::minutes(100));
    assert!(stage.simkl.watching("alice").is_none(), "it ends by itself");
    assert_eq!(
        stage.simkl.plays("alice").len(),
        1,
        "and is not watched by that"
    );
}

#[tokio::test]
async fn bad_scrobbles_are_refused() {
    let stage = Stage::new().await;
    let both = json!({"progress": 90, "movie": matrix(), "show": {"ids": {"tvdb": 81189}}});
    assert_eq!(stage.post("/scrobble/stop", &both).await.status(), 400);
    let no_progress = json!({"movie": matrix()});
    assert_eq!(
        stage.post("/scrobble/stop", &no_progress).await.status(),
        400
    );
    let beyond = json!({"progress": 90, "show": {"ids": {"tvdb": 81189}}, "episode": {"season": 1, "number": 8}});
    assert_eq!(stage.post("/scrobble/stop", &beyond).await.status(), 404);
    stage.simkl.forget("imdb", "tt0133093");
    stage.simkl.forget("tmdb", "603");
    let unknown = json!({"progress": 90, "movie": {"ids": {"imdb": "tt0133093", "tmdb": 603}}});
    assert_eq!(stage.post("/scrobble/stop", &unknown).await.status(), 404);
}

#[tokio::test]
async fn history_keeps_one_time_an_episode_and_lists_what_it_does_not_know() {
    let stage = Stage::new().await;
    let body = json!({
        "movies": [{"ids": {"imdb": "tt0133093"}, "watched_at": "2026-11-14T22:33:44Z"}, {"title": "Nobody knows"}],
        "shows": [{"ids": {"tvdb": "81189"}, "seasons": [{"number": 1, "episodes": [
            {"number": 1, "watched_at": "2026-11-15T20:00:00Z"}, {"number": 9}]}]}],
    });
    let added = stage.posted("/sync/history", &body).await;
    assert_eq!(added["added"]["movies"], 1);
    assert_eq!(added["added"]["episodes"], 1);
    assert_eq!(
        added["not_found"]["movies"],
        json!([{"title": "Nobody knows"}])
    );
    assert_eq!(
        added["not_found"]["shows"][0]["seasons"][0]["episodes"],
        json!([{"number": 9}])
    );
    let statuses = added["added"]["statuses"].as_array().unwrap();
    assert_eq!(
        statuses[0]["response"],
        json!({"status": "completed", "simkl_type": "movie", "anime_type": null})
    );
    assert_eq!(statuses[1]["response"]["status"], "watching");

    let mut again = body.clone();
    again["movies"][0]["watched_at"] = "2026-11-16T00:00:00Z".into();
    stage.posted("/sync/history", &again).await;
    let plays = stage.simkl.plays("alice");
    assert_eq!(plays.len(), 2);
    assert_eq!(
        plays[0].watched_at.to_rfc3339(),
        "2026-11-14T22:33:44+00:00"
    );
    assert_eq!((plays[1].season, plays[1].number), (Some(1), Some(1)));
}

#[tokio::test]
async fn a_show_without_episodes_is_watched_whole() {
    let stage = Stage::new().await;
    let body = json!({"shows": [{"ids": {"tvdb": 360_893}}]});
    let added = stage.posted("/sync/history", &body).await;
    assert_eq!(
        (&added["added"]["shows"], &added["added"]["episodes"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(stage.simkl.plays("alice").len(), 5);
    assert_eq!(stage.simkl.list("alice")[0].status, Status::Completed);
}

#[tokio::test]
async fn removing_takes_an_episode_or_the_item_with_its_rating() {
    let stage = Stage::new().await;
    let whole = json!({"shows": [{"ids": {"tvdb": 360_893}, "rating": 9}]});
    stage.posted("/sync/history", &whole).await;
    assert_eq!(stage.simkl.ratings("alice")[0].rating, Some(9));
    let one = json!({"shows": [{"ids": {"tvdb": 360_893}, "seasons": [{"number": 1, "episodes": [{"number": 5}]}]}]});
    let removed = stage.posted("/sync/history/remove", &one).await;
    assert_eq!(
        removed["deleted"],
        json!({"movies": 0, "shows": 0, "episodes": 1})
    );
    assert_eq!(stage.simkl.plays("alice").len(), 4);
    let all = json!({"shows": [{"ids": {"tvdb": 360_893}}]});
    let removed = stage.posted("/sync/history/remove", &all).await;
    assert_eq!(removed["deleted"]["shows"], 1);
    assert!(stage.simkl.list("alice").is_empty());
    assert!(!stage.get("/sync/activities").await["tv_shows"]["removed_from_list"].is_null());
}

#[tokio::test]
async fn too_many_items_and_bad_times_are_refused_whole() {
    let stage = Stage::new().await;
    let many: Vec<Value> = (0..101).map(|_| matrix()).collect();
    let refused = stage.post("/sync/history", &json!({"movies": many})).await;
    assert_eq!(refused.status(), 400);
    assert_eq!(refused.json::<Value>().await.unwrap()["error"], "max_items");
    let bad =
        json!({"movies": [matrix(), {"ids": {"imdb": "tt0113277"}, "watched_at": "yesterday"}]});
    assert_eq!(stage.post("/sync/history", &bad).await.status(), 400);
    assert!(stage.simkl.plays("alice").is_empty());
}

#[tokio::test]
async fn a_saved_position_is_read_under_another_name_and_deleted_once() {
    let stage = Stage::new().await;
    let body = json!({"progress": 45.5, "show": {"ids": {"tvdb": 81189}}, "episode": {"season": 1, "number": 5}});
    let paused = stage.posted("/scrobble/pause", &body).await;
    let saved = stage.get("/sync/playback/episodes").await;
    assert_eq!(saved[0]["episode"]["episode"], 5);
    assert_eq!(saved[0]["progress"], 45.5);
    let path = format!("/sync/playback/{}", paused["id"]);
    for expected in [204, 404] {
        let call = stage.call(Method::DELETE, &path);
        assert_eq!(call.send().await.unwrap().status(), expected);
    }
}

#[tokio::test]
async fn everything_is_read_in_one_answer_with_the_time_of_each_episode() {
    let stage = Stage::new().await;
    let show = stage
        .simkl
        .add_show("Mad Men", 2007, &[("tvdb", "80337")], &[13]);
    let film = stage
        .simkl
        .add_movie("Heat", 1995, &[("imdb", "tt0113277")]);
    let at = stage.clock.now() - TimeDelta::days(400);
    stage.simkl.add_watched("alice", show, Some((1, 2)), at);
    stage.simkl.add_watched("alice", film, None, at);
    let activities = stage.get("/sync/activities").await;
    let all = stage
        .get("/sync/all-items/?extended=full_anime_seasons&episode_watched_at=yes")
        .await;
    let episode = &all["shows"][0]["seasons"][0]["episodes"][0];
    assert_eq!(
        episode,
        &json!({"number": 2, "watched_at": "2025-10-16T12:00:00Z"})
    );
    assert_eq!(all["shows"][0]["watched_episodes_count"], 1);
    assert_eq!(all["movies"][0]["last_watched_at"], "2025-10-16T12:00:00Z");
    stage.get("/sync/activities").await;
    let since = activities["all"].as_str().unwrap();
    let path = format!("/sync/all-items/?date_from={since}&extended=full_anime_seasons");
    assert_eq!(stage.get(&path).await, Value::Null);
    assert!(stage.simkl.misuses().is_empty());
}
