//! Ratings, the five lists and what changed.

use super::*;

#[tokio::test]
async fn a_rating_puts_an_item_on_a_list_and_one_out_of_range_is_not_found() {
    let stage = Stage::new().await;
    let body = json!({
        "movies": [{"ids": {"imdb": "tt0133093"}, "rating": 8, "rated_at": "2026-11-01T00:00:00Z"}],
        "shows": [{"ids": {"tvdb": 81189}, "rating": 11}, {"ids": {"mal": 16498}, "rating": 10}],
    });
    let added = stage.posted("/sync/ratings", &body).await;
    assert_eq!(
        (&added["added"]["movies"], &added["added"]["shows"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(added["not_found"]["shows"][0]["rating"], 11);
    let rated = stage.simkl.ratings("alice");
    let shown: Vec<_> = rated
        .iter()
        .map(|entry| (entry.title.as_str(), entry.status, entry.rating))
        .collect();
    assert!(shown.contains(&("The Matrix", Status::Completed, Some(8))));
    assert!(shown.contains(&("Shingeki no Kyojin", Status::Watching, Some(10))));
    assert!(stage.simkl.plays("alice").is_empty());
    let read = stage.get("/sync/ratings/movies/8,9").await;
    assert_eq!(read["movies"][0]["user_rated_at"], "2026-11-01T00:00:00Z");
    assert_eq!(stage.get("/sync/ratings/movies/7").await, Value::Null);
    let body = json!({"movies": [matrix()], "shows": [{"ids": {"mal": 1}}]});
    let removed = stage.posted("/sync/ratings/remove", &body).await;
    assert_eq!(removed["deleted"], json!({"movies": 1, "shows": 0}));
    assert_eq!(stage.simkl.ratings("alice").len(), 1);
}

#[tokio::test]
async fn the_echoed_list_is_the_one_that_simkl_took() {
    let stage = Stage::new().await;
    let titan = stage
        .simkl
        .add_show("Severance", 2022, &[("tvdb", "371980")], &[9, 10]);
    stage.simkl.set_airing(titan, true);
    let body = json!({
        "movies": [{"ids": {"imdb": "tt0133093"}, "to": "watching"}, {"ids": {"imdb": "tt0113277"}, "to": "plantowatch"}],
        "shows": [{"ids": {"tvdb": 371_980}, "to": "completed"}, {"ids": {"tvdb": 81189}, "to": "hold"}],
    });
    let added = stage.posted("/sync/add-to-list", &body).await;
    let lists = |name: &str| -> Vec<String> {
        let items = added["added"][name].as_array().unwrap();
        items
            .iter()
            .map(|item| item["to"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(lists("movies"), ["completed", "plantowatch"]);
    assert_eq!(lists("shows"), ["watching", "hold"]);
    let bad = json!({"movies": [{"ids": {"imdb": "tt0137523"}, "to": "dropped"}, {"ids": {"imdb": "tt0133093"}, "to": "favourites"}]});
    assert_eq!(stage.post("/sync/add-to-list", &bad).await.status(), 400);
    assert_eq!(
        stage.simkl.list("alice").len(),
        4,
        "nothing of it was taken"
    );
}

#[tokio::test]
async fn activities_say_which_part_to_read_from_when() {
    let stage = Stage::new().await;
    let before = stage.get("/sync/activities").await;
    assert_eq!(before["all"], Value::Null);
    assert_eq!(
        stage.get("/sync/all-items/").await,
        Value::Null,
        "nothing is null"
    );
    stage
        .posted("/sync/history", &json!({"movies": [matrix()]}))
        .await;
    let after = stage.get("/sync/activities").await;
    assert_eq!(after["movies"]["completed"], "2026-11-20T12:00:03Z");
    assert_eq!(after["tv_shows"]["all"], Value::Null);
    assert!(after["movies"].get("watching").is_none());
    let newer = stage
        .get("/sync/all-items/movies?date_from=2026-11-20T12:00:02Z")
        .await;
    assert_eq!(newer["movies"].as_array().unwrap().len(), 1);
    stage.get("/sync/activities").await;
    let none = stage
        .get("/sync/all-items/movies?date_from=2026-11-20T12:00:03Z")
        .await;
    assert_eq!(none, Value::Null);
    assert!(stage.simkl.misuses().is_empty());
}

#[tokio::test]
async fn being_watched_is_true_false_or_a_word() {
    let stage = Stage::new().await;
    stage
        .posted("/sync/history", &json!({"movies": [matrix()]}))
        .await;
    let asked = json!([{"imdb": "tt0133093", "type": "movie"}, {"tvdb": 81189}, {"mal": 999_999}]);
    let answers = stage.posted("/sync/watched", &asked).await;
    assert_eq!(
        (&answers[0]["result"], &answers[0]["list"]),
        (&json!(true), &json!("completed"))
    );
    assert_eq!(answers[1]["result"], false);
    assert_eq!(answers[2]["result"], "not_found");
}
