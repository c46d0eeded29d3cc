//! The history: adding, reading, removing, and finding items.

use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn history_is_cut_to_the_minute_and_never_de_duplicated() {
    let stage = Stage::new().await;
    let body = json!({"movies": [{"ids": {"imdb": "tt2015381"}, "watched_at": "2026-11-19T20:15:42.000Z"}],
        "episodes": [{"ids": {"tvdb": 1_555_111}, "watched_at": "unknown"}]});
    for _ in 0..2 {
        let answer = stage.post("/sync/history", &body).await;
        assert_eq!(answer.status(), 201);
        let added: Value = answer.json().await.unwrap();
        assert_eq!(added["added"], json!({"movies": 1, "episodes": 1}));
    }
    let history = stage.trakt.history("alice");
    assert_eq!(history.len(), 4);
    assert_eq!(history[0].watched_at, None);
    assert_eq!(
        history[3].watched_at.unwrap().to_rfc3339(),
        "2026-11-19T20:15:00+00:00"
    );
    assert_eq!(history[3].action, "watch");
}

#[tokio::test]
async fn a_play_of_the_epoch_or_without_a_time_is_a_play_of_now() {
    let stage = Stage::new().await;
    let body = json!({"movies": [{"ids": {"trakt": 1}, "watched_at": "1970-01-01T00:00:00.000Z"}, {"ids": {"trakt": 2}}],
        "episodes": [{"ids": {"trakt": 3}, "watched_at": "released"}]});
    stage.post("/sync/history", &body).await;
    let times: Vec<_> = stage
        .trakt
        .history("alice")
        .iter()
        .map(|play| play.watched_at.unwrap().to_rfc3339())
        .collect();
    assert_eq!(
        times[1..],
        ["2026-11-20T12:00:00+00:00", "2026-11-20T12:00:00+00:00"]
    );
    assert!(
        times[0].starts_with("2019"),
        "an episode's release is its own"
    );
    let bad = json!({"movies": [{"ids": {"trakt": 1}, "watched_at": "yesterday"}]});
    assert_eq!(stage.post("/sync/history", &bad).await.status(), 422);
}

#[tokio::test]
async fn a_show_without_episodes_marks_all_of_them() {
    let stage = Stage::new().await;
    let all = json!({"shows": [{"ids": {"tvdb": 80337}}]});
    let added: Value = stage
        .post("/sync/history", &all)
        .await
        .json()
        .await
        .unwrap();
    assert!(added["added"]["episodes"].as_i64().unwrap() > 1);
    let one = json!({"shows": [{"ids": {"tvdb": 80338}, "seasons": [{"number": 1, "episodes": [
        {"number": 2, "watched_at": "2026-11-01T10:00:00.000Z"}]}]}]});
    let added: Value = stage
        .post("/sync/history", &one)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(added["added"], json!({"movies": 0, "episodes": 1}));
}

#[tokio::test]
async fn what_is_not_found_is_echoed() {
    let stage = Stage::new().await;
    stage.trakt.forget("imdb", "tt0000111");
    let show = stage.trakt.add_show(
        "Mad Men",
        2007,
        Ids {
            tvdb: Some(80337),
            ..Ids::default()
        },
    );
    stage.trakt.add_episode(show, 1, 1, "Smoke", Ids::default());
    let body = json!({"movies": [{"ids": {"imdb": "tt0000111"}}],
        "shows": [{"ids": {"tvdb": 80337}, "seasons": [{"number": 1, "episodes": [{"number": 1}, {"number": 99}]}]}]});
    let answer: Value = stage
        .post("/sync/history", &body)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(answer["added"], json!({"movies": 0, "episodes": 1}));
    assert_eq!(
        answer["not_found"]["movies"],
        json!([{"ids": {"imdb": "tt0000111"}}])
    );
    assert_eq!(
        answer["not_found"]["shows"][0]["seasons"][0]["episodes"],
        json!([{"number": 99}])
    );
}

#[tokio::test]
async fn an_account_that_watches_only_once_drops_further_plays() {
    let stage = Stage::new().await;
    stage.trakt.watch_only_once("alice", true);
    assert_eq!(
        stage.get_json("/users/settings").await["browsing"]["watch_only_once"],
        true
    );
    let body = json!({"movies": [{"ids": {"trakt": 1}}]});
    stage.post("/sync/history", &body).await;
    let again: Value = stage
        .post("/sync/history", &body)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(again["added"]["movies"], 0);
    assert_eq!(stage.trakt.history("alice").len(), 1);
}

#[tokio::test]
async fn history_is_read_newest_first_in_pages_and_between_two_times() {
    let stage = Stage::new().await;
    for day in 1..=12 {
        let watched_at = format!("2026-10-{day:02}T10:00:30.000Z").parse().unwrap();
        stage
            .trakt
            .add_history("alice", Kind::Movie, ids_of_movie(), watched_at);
    }
    stage.trakt.add_history(
        "alice",
        Kind::Episode,
        Ids {
            tvdb: Some(9),
            ..Ids::default()
        },
        stage.clock.now(),
    );
    let first = stage.get("/sync/history").await;
    let header = |name| first.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("x-pagination-item-count"), "13");
    assert_eq!(
        (
            header("x-pagination-page-count"),
            header("x-pagination-limit")
        ),
        ("2".to_owned(), "10".to_owned())
    );
    let trakt = stage.trakt.history("alice")[0].ids.trakt.unwrap();
    let range = "start_at=2026-10-05T10:00:00Z&end_at=2026-10-07T10:00:00Z&page=1&limit=1000";
    let answer = stage
        .get(&format!("/sync/history/movies/{trakt}?{range}"))
        .await;
    assert_eq!(
        answer.headers()["x-pagination-limit"],
        "250",
        "a larger page is cut, not refused"
    );
    let plays: Value = answer.json().await.unwrap();
    let times: Vec<_> = plays
        .as_array()
        .unwrap()
        .iter()
        .map(|play| play["watched_at"].as_str().unwrap())
        .collect();
    assert_eq!(
        times,
        [
            "2026-10-07T10:00:00.000Z",
            "2026-10-06T10:00:00.000Z",
            "2026-10-05T10:00:00.000Z"
        ]
    );
    assert_eq!(plays[0]["movie"]["ids"]["imdb"], "tt2015381");
    assert_eq!(
        stage.get_json("/sync/history/movies?page=3&limit=6").await,
        json!([])
    );
    assert_eq!(
        stage
            .get_json("/sync/history/episodes")
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn single_plays_are_removed_by_id_and_all_of_an_item_by_its_object() {
    let stage = Stage::new().await;
    for day in 1..=3 {
        let watched_at = format!("2026-10-0{day}T10:00:00Z").parse().unwrap();
        stage
            .trakt
            .add_history("alice", Kind::Movie, ids_of_movie(), watched_at);
    }
    let id = stage.trakt.history("alice")[1].id;
    let one: Value = stage
        .post("/sync/history/remove", &json!({"ids": [id, 23]}))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(one["deleted"]["movies"], 1);
    assert_eq!(one["not_found"]["ids"], json!([23]));
    let all = json!({"movies": [{"ids": {"imdb": "tt2015381"}}]});
    let all: Value = stage
        .post("/sync/history/remove", &all)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(all["deleted"]["movies"], 2);
    assert!(stage.trakt.history("alice").is_empty());
}

#[tokio::test]
async fn a_lookup_needs_no_token_and_an_unknown_id_is_an_empty_list() {
    let stage = Stage::new().await;
    let trakt = stage
        .trakt
        .add_movie("Guardians of the Galaxy", 2014, ids_of_movie());
    stage.trakt.forget("imdb", "tt0000111");
    let look = |path: &str| {
        let call = stage.http.get(format!("{}{path}", stage.trakt.url()));
        call.header("trakt-api-version", "2")
            .header("trakt-api-key", CLIENT_ID)
            .send()
    };
    let found: Value = look("/search/imdb/tt2015381?type=movie")
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(found[0]["movie"]["ids"]["trakt"], trakt);
    assert_eq!(found[0]["score"], Value::Null);
    let none: Value = look("/search/imdb/tt0000111?type=movie")
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(none, json!([]));
}

#[tokio::test]
async fn a_place_in_a_show_is_looked_up_and_read_back_as_an_episode() {
    let stage = Stage::new().await;
    let show = stage.trakt.add_show(
        "Mad Men",
        2007,
        Ids {
            imdb: Some("tt0804503".to_owned()),
            ..Ids::default()
        },
    );
    let smoke = stage.trakt.add_episode(show, 1, 1, "Smoke", Ids::default());
    for id in [show.to_string().as_str(), "mad-men-2007", "tt0804503"] {
        let found = stage
            .get_json(&format!("/shows/{id}/seasons/1/episodes/1"))
            .await;
        assert_eq!(found["ids"]["trakt"], smoke, "{id}");
    }
    assert_eq!(
        stage
            .get("/shows/mad-men-2007/seasons/1/episodes/2")
            .await
            .status(),
        404
    );
    let body = json!({"shows": [{"ids": {"imdb": "tt0804503"}, "seasons": [{"number": 1, "episodes": [
        {"number": 1, "watched_at": "2026-11-01T10:00:00.000Z"}]}]}]});
    stage.post("/sync/history", &body).await;
    let plays = stage
        .get_json(&format!("/sync/history/episodes/{smoke}"))
        .await;
    assert_eq!(
        (plays.as_array().unwrap().len(), &plays[0]["show"]["title"]),
        (1, &json!("Mad Men"))
    );
    assert_eq!(
        stage.get_json(&format!("/sync/history/shows/{show}")).await,
        plays
    );
    assert_eq!(stage.get_json("/shows/mad-men-2007").await["year"], 2007);
}
