//! Anime: cours are entries of their own, and Simkl finds the one that is meant.

use super::*;

#[tokio::test]
async fn an_episode_of_a_later_cour_is_scrobbled_in_its_own_entry() {
    let stage = Stage::new().await;
    let body = json!({"progress": 90, "show": {"ids": {"tvdb": 267_440}}, "episode": {"season": 4, "number": 17}});
    let scrobbled = stage.posted("/scrobble/stop", &body).await;
    assert_eq!(
        scrobbled["anime"]["ids"]["mal"], "48583",
        "a show comes back as an anime"
    );
    let episode = &scrobbled["episode"];
    assert_eq!(
        (&episode["season"], &episode["number"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&episode["tvdb_season"], &episode["tvdb_number"]),
        (&json!(4), &json!(17))
    );
    let plays = stage.simkl.plays("alice");
    assert_eq!(
        (plays[0].kind, plays[0].season, plays[0].number),
        (Kind::Anime, Some(1), Some(1))
    );
}

#[tokio::test]
async fn history_needs_to_be_told_to_spread_a_show_over_its_entries() {
    let stage = Stage::new().await;
    let plain = stage
        .posted("/sync/history", &json!({"shows": [titan(3, 13)]}))
        .await;
    assert_eq!(plain["added"]["episodes"], 0);
    assert_eq!(plain["not_found"]["shows"].as_array().unwrap().len(), 1);
    let mut spread = titan(3, 13);
    spread["use_tvdb_anime_seasons"] = true.into();
    let added = stage
        .posted("/sync/history", &json!({"shows": [spread]}))
        .await;
    assert_eq!(added["added"]["episodes"], 1);
    assert_eq!(
        added["added"]["statuses"][0]["response"]["simkl_type"],
        "anime"
    );
    assert_eq!(stage.simkl.plays("alice")[0].ids["anilist"], "104578");
}

#[tokio::test]
async fn an_entry_s_own_id_goes_with_its_own_numbers_and_the_last_one_completes_it() {
    let stage = Stage::new().await;
    for number in 1..=10 {
        let body = json!({"anime": [{"ids": {"mal": 38524}, "episodes": [{"number": number}]}]});
        stage.posted("/sync/history", &body).await;
        let status = if number == 10 {
            Status::Completed
        } else {
            Status::Watching
        };
        assert_eq!(stage.simkl.list("alice")[0].status, status);
    }
    let beyond = json!({"shows": [{"ids": {"mal": 38524}, "episodes": [{"number": 11}]}]});
    let added = stage.posted("/sync/history", &beyond).await;
    assert_eq!(added["not_found"]["shows"].as_array().unwrap().len(), 1);
    stage.get("/sync/activities").await;
    let items = stage
        .get("/sync/all-items/anime?extended=full_anime_seasons")
        .await;
    let item = &items["anime"][0];
    assert_eq!(
        item["show"]["ids"]["mal"], "38524",
        "the entry stands under show"
    );
    assert_eq!(
        (&item["last_watched"], &item["next_to_watch"]),
        (&json!("E10"), &Value::Null)
    );
    assert_eq!(
        item["seasons"][0]["episodes"][0]["tvdb"],
        json!({"season": 3, "episode": 13})
    );
}

#[tokio::test]
async fn an_anime_film_is_watched_whole() {
    let stage = Stage::new().await;
    let body = json!({"progress": 95.5, "anime": {"ids": {"mal": 32281}}});
    let scrobbled = stage.posted("/scrobble/stop", &body).await;
    assert_eq!(scrobbled["anime"]["anime_type"], "movie");
    assert!(scrobbled.get("episode").is_none());
    let as_movie = json!({"movies": [{"ids": {"imdb": "tt5311514"}}]});
    stage.posted("/sync/history", &as_movie).await;
    assert_eq!(stage.simkl.plays("alice").len(), 1, "it is the same film");
}
