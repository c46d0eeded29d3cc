//! The history in pages, and the times of its changes.

use super::*;

fn film(imdb: u64) -> Ids {
    Ids {
        imdb: Some(format!("tt{imdb:07}")),
        ..Ids::default()
    }
}

#[tokio::test]
async fn pages_count_themselves_and_end_with_plays_of_unknown_time() {
    let stage = Stage::new().await;
    let now = stage.clock.now();
    for number in 1..=5 {
        let at = now - TimeDelta::days(i64::try_from(number).unwrap());
        stage
            .trakt
            .add_history("alice", Kind::Movie, film(number), at);
    }
    let undated = json!({"movies": [{"ids": {"imdb": "tt0000009"}, "watched_at": "unknown"}]});
    stage.post("/sync/history", &undated).await;
    let answer = stage
        .get("/sync/history?page=2&limit=4&extended=full")
        .await;
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let counts = ["page", "limit", "page-count", "item-count"]
        .map(|name| header(&format!("x-pagination-{name}")));
    assert_eq!(counts, ["2", "4", "2", "6"]);
    let page: Value = answer.json().await.unwrap();
    assert_eq!(page[0]["movie"]["ids"]["imdb"], "tt0000005");
    assert_eq!(page[0]["movie"]["runtime"], 120);
    assert_eq!(page[1]["watched_at"], "1970-01-01T00:00:00.000Z");
    let from = (now - TimeDelta::days(3)).to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let part = stage
        .get_json(&format!("/sync/history?start_at={from}&limit=100"))
        .await;
    assert_eq!(part.as_array().unwrap().len(), 3);
    assert!(part[0]["movie"].get("runtime").is_none());
}

#[tokio::test]
async fn the_activities_move_with_what_is_added_late_and_with_what_is_removed() {
    let stage = Stage::new().await;
    let changed = async || {
        let activities = stage.get_json("/sync/last_activities").await;
        activities["movies"]["watched_at"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(changed().await, "1970-01-01T00:00:00.000Z");
    let long_ago = stage.clock.now() - TimeDelta::days(900);
    let id = stage
        .trakt
        .add_history("alice", Kind::Movie, film(1), long_ago)
        .unwrap();
    let added = changed().await;
    assert_eq!(added, "2026-11-20T12:00:00.000Z");
    stage.clock.turn(TimeDelta::minutes(1));
    assert!(stage.trakt.remove_history("alice", id));
    assert_eq!(changed().await, "2026-11-20T12:01:00.000Z");
    assert!(!stage.trakt.remove_history("alice", id));
}
