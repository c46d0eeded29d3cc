//! Ratings, the watchlist and the collection.

use serde_json::{Value, json};

use super::*;

impl Stage {
    async fn told(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.post(path, body).await;
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }
}

fn film(number: u32) -> Value {
    json!({"ids": {"imdb": format!("tt{number:07}")}})
}

#[tokio::test]
async fn films_shows_seasons_and_episodes_are_rated_and_rated_again() {
    let stage = Stage::new().await;
    let body = json!({
        "movies": [{"ids": {"imdb": "tt2015381"}, "rating": 5, "rated_at": "2026-11-01T10:00:00.000Z"}],
        "shows": [
            {"ids": {"tvdb": 81189}, "rating": 9},
            {"ids": {"tvdb": 81189}, "seasons": [{"number": 2, "rating": 8}]},
            {"ids": {"tvdb": 81189}, "seasons": [{"number": 1, "episodes": [{"number": 3, "rating": 10}]}]}],
        "episodes": [{"ids": {"tvdb": 349_232}, "rating": 7}]});
    for _ in 0..2 {
        let (status, answer) = stage.told("/sync/ratings", &body).await;
        assert_eq!(status, 201);
        assert_eq!(
            answer["added"],
            json!({"movies": 1, "shows": 1, "seasons": 1, "episodes": 2})
        );
    }
    let rated: Vec<(&str, Option<u8>)> = stage
        .trakt
        .ratings("alice")
        .iter()
        .map(|entry| (entry.kind, entry.rating))
        .collect();
    assert_eq!(rated.len(), 5);
    for expected in [
        ("movie", Some(5)),
        ("show", Some(9)),
        ("season", Some(8)),
        ("episode", Some(10)),
        ("episode", Some(7)),
    ] {
        assert!(rated.contains(&expected), "{expected:?} in {rated:?}");
    }
    let film = &stage.get_json("/sync/ratings/movies").await[0];
    assert_eq!(
        (
            &film["rated_at"],
            &film["rating"],
            &film["movie"]["ids"]["imdb"]
        ),
        (
            &json!("2026-11-01T10:00:00.000Z"),
            &json!(5),
            &json!("tt2015381")
        )
    );
    let good = stage.get_json("/sync/ratings/all/9,10").await;
    assert_eq!(good.as_array().unwrap().len(), 2);
    let activities = stage.get_json("/sync/last_activities").await;
    assert_eq!(
        activities["seasons"]["rated_at"],
        "2026-11-20T12:00:02.000Z"
    );

    let (status, answer) = stage
        .told(
            "/sync/ratings/remove",
            &json!({
        "shows": [{"ids": {"tvdb": 81189}}], "movies": [{"ids": {"imdb": "tt9999999"}}]}),
        )
        .await;
    assert_eq!((status, &answer["deleted"]["shows"]), (200, &json!(1)));
    assert_eq!(
        stage.trakt.ratings("alice").len(),
        4,
        "its season and its episodes keep theirs"
    );
}

#[tokio::test]
async fn a_rating_that_is_none_refuses_the_request_as_a_whole() {
    let stage = Stage::new().await;
    for rating in [json!(0), json!(11), json!(7.5), Value::Null] {
        let body = json!({"movies": [{"ids": {"imdb": "tt2015381"}, "rating": 5},
            {"ids": {"imdb": "tt0133093"}, "rating": rating}]});
        assert_eq!(stage.told("/sync/ratings", &body).await.0, 422);
    }
    assert!(stage.trakt.ratings("alice").is_empty());
}

#[tokio::test]
async fn what_nobody_knows_is_echoed_with_its_place() {
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
    stage
        .trakt
        .add_episode(show, 1, 1, "Smoke Gets in Your Eyes", Ids::default());
    let body = json!({"movies": [{"ids": {"imdb": "tt0000111"}}],
        "seasons": [{"ids": {"trakt": 140_912}}],
        "shows": [{"ids": {"tvdb": 80337}, "seasons": [{"number": 9}]},
            {"ids": {"tvdb": 80337}, "seasons": [{"number": 1, "episodes": [{"number": 99}, {"number": 1}]}]}]});
    let (status, answer) = stage.told("/sync/watchlist", &body).await;
    assert_eq!(status, 201);
    assert_eq!(answer["added"]["episodes"], 1);
    assert_eq!(
        answer["not_found"],
        json!({"movies": [{"ids": {"imdb": "tt0000111"}}], "seasons": [{"ids": {"trakt": 140_912}}], "episodes": [],
            "shows": [{"ids": {"tvdb": 80337}, "seasons": [{"number": 9}]},
                {"ids": {"tvdb": 80337}, "seasons": [{"number": 1, "episodes": [{"number": 99}]}]}]})
    );
}

#[tokio::test]
async fn what_is_watched_leaves_the_watchlist_and_an_episode_takes_its_show_along() {
    let stage = Stage::new().await;
    let body = json!({"movies": [{"ids": {"imdb": "tt2015381"}}, {"ids": {"imdb": "tt0133093"}}],
        "shows": [{"ids": {"tvdb": 81189}}, {"ids": {"tvdb": 81189}, "seasons": [{"number": 2}]}]});
    let (_, first) = stage.told("/sync/watchlist", &body).await;
    assert_eq!(first["added"]["movies"], 2);
    assert_eq!(first["list"]["item_count"], 4);
    let (_, again) = stage.told("/sync/watchlist", &body).await;
    assert_eq!(
        (&again["added"]["movies"], &again["existing"]["shows"]),
        (&json!(0), &json!(1))
    );
    stage.post("/scrobble/stop", &movie(90.0)).await;
    let pilot = json!({"shows": [{"ids": {"tvdb": 81189}, "seasons": [{"number": 1, "episodes": [{"number": 1}]}]}]});
    stage.post("/sync/history", &pilot).await;
    let left: Vec<&str> = stage
        .trakt
        .watchlist("alice")
        .iter()
        .map(|entry| entry.kind)
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.contains(&"season") && left.contains(&"movie"));
    let (_, gone) = stage.told("/sync/watchlist/remove", &body).await;
    assert_eq!(
        gone["deleted"],
        json!({"movies": 1, "shows": 0, "seasons": 1, "episodes": 0})
    );
    assert_eq!(gone["list"]["item_count"], 0);
}

#[tokio::test]
async fn a_collected_show_is_its_episodes_and_another_date_is_an_update() {
    let stage = Stage::new().await;
    let show =
        json!({"shows": [{"ids": {"tvdb": 81189}, "collected_at": "2026-11-01T10:00:00.000Z"}]});
    let (status, answer) = stage.told("/sync/collection", &show).await;
    assert_eq!(
        (status, &answer["added"]),
        (201, &json!({"movies": 0, "episodes": 10}))
    );
    let (_, again) = stage.told("/sync/collection", &show).await;
    assert_eq!(again["existing"]["episodes"], 10);
    let one = json!({"shows": [{"ids": {"tvdb": 81189}, "seasons": [{"number": 1, "episodes": [{"number": 1}]}]}]});
    let (_, dated) = stage.told("/sync/collection", &one).await;
    assert_eq!(
        (&dated["updated"]["episodes"], &dated["added"]["episodes"]),
        (&json!(1), &json!(0))
    );
    let page = stage.get("/sync/collection/media?page=1&limit=1").await;
    assert_eq!(page.headers()["x-pagination-item-count"], "10");
    let (_, gone) = stage.told("/sync/collection/remove", &one).await;
    assert_eq!(gone["deleted"], json!({"movies": 0, "episodes": 1}));
    assert_eq!(stage.trakt.collection("alice").len(), 9);
}

#[tokio::test]
async fn one_item_more_than_the_account_may_keep_is_a_420_and_vip_lifts_it() {
    let stage = Stage::new().await;
    stage.trakt.set_list_limit("alice", 2);
    let films = |numbers: std::ops::Range<u32>| {
        let movies: Vec<Value> = numbers.map(film).collect();
        json!({"movies": movies})
    };
    let over = stage.post("/sync/watchlist", &films(1..4)).await;
    assert_eq!(over.status(), 420);
    assert_eq!(over.headers()["x-account-limit"], "2");
    assert_eq!(over.headers()["x-vip-user"], "false");
    assert!(stage.trakt.watchlist("alice").is_empty());
    for _ in 0..2 {
        let (status, _) = stage.told("/sync/watchlist", &films(1..3)).await;
        assert_eq!(status, 201, "what is there already takes no room");
    }
    assert_eq!(stage.told("/sync/watchlist", &films(3..4)).await.0, 420);
    let settings = stage.get_json("/users/settings").await;
    assert_eq!(settings["limits"]["watchlist"]["item_count"], 2);
    assert_eq!(settings["user"]["vip"], false);
    let count = stage
        .get("/sync/watchlist/all/rank/asc?page=1&limit=1")
        .await;
    assert_eq!(count.headers()["x-pagination-item-count"], "2");
    stage.trakt.set_vip("alice", true);
    assert_eq!(stage.told("/sync/watchlist", &films(3..4)).await.0, 201);
}
