//! What plays now, recent and loved tracks.

use chrono::TimeDelta;
use serde_json::json;

use super::*;

#[tokio::test]
async fn what_plays_now_ends_with_the_track_and_tops_page_one_of_every_window() {
    let stage = Stage::new().await;
    stage
        .scrobble_at("Low", "Quorum", &stage.second(TimeDelta::minutes(9)))
        .await;
    let playing = [("artist", "Low"), ("track", "Fly"), ("duration", "240")];
    let (_, answer) = stage.write("track.updatenowplaying", &playing).await;
    assert_eq!(
        answer["nowplaying"]["ignoredMessage"],
        json!({"code": "0", "#text": ""})
    );
    let (_, recent) = stage
        .read("method=user.getRecentTracks&user=alice&from=1&to=2")
        .await;
    assert_eq!(
        recent["recenttracks"]["track"]["@attr"],
        json!({"nowplaying": "true"}),
        "one track is an object"
    );
    let (_, recent) = stage
        .read("method=user.getRecentTracks&user=alice&limit=1")
        .await;
    assert_eq!(
        recent["recenttracks"]["track"].as_array().unwrap().len(),
        2,
        "in addition to the limit"
    );
    stage.clock.turn(TimeDelta::seconds(240));
    assert_eq!(stage.lastfm.now_playing("alice"), None);
}

#[tokio::test]
async fn recent_tracks_come_newest_first_in_pages_from_inclusive_to_exclusive() {
    let stage = Stage::new().await;
    stage.batch(5).await;
    let begin = stage.clock.now().timestamp() - 10_000;
    let (_, page) = stage
        .read("method=user.getRecentTracks&user=alice&limit=2&page=2")
        .await;
    let attributes = &page["recenttracks"]["@attr"];
    assert_eq!(
        attributes,
        &json!({"user": "alice", "page": "2", "perPage": "2", "totalPages": "3", "total": "5"})
    );
    assert_eq!(page["recenttracks"]["track"][0]["name"], "T2");
    let window = format!(
        "method=user.getRecentTracks&user=alice&from={}&to={}",
        begin + 1,
        begin + 3
    );
    let (_, window) = stage.read(&window).await;
    let names: Vec<_> = window["recenttracks"]["track"]
        .as_array()
        .unwrap()
        .iter()
        .map(|track| &track["name"])
        .collect();
    assert_eq!(names, ["T2", "T1"]);
    assert_eq!(
        window["recenttracks"]["track"][0]["date"]["uts"],
        (begin + 2).to_string()
    );
    for query in ["limit=1001", "page=1000001", "page=0"] {
        let (status, body) = stage
            .read(&format!("method=user.getRecentTracks&user=alice&{query}"))
            .await;
        assert_eq!((status, body["error"].as_i64()), (400, Some(6)));
    }
}

#[tokio::test]
async fn a_hidden_history_is_shown_to_a_signed_session_of_its_owner_alone() {
    let stage = Stage::new().await;
    stage.lastfm.hide_recent("alice", true);
    let (status, body) = stage.read("method=user.getRecentTracks&user=alice").await;
    assert_eq!((status, body["error"].as_i64()), (403, Some(17)));
    let (status, _) = stage
        .write("user.getRecentTracks", &[("user", "alice")])
        .await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn love_is_idempotent_and_its_answer_is_empty() {
    let stage = Stage::new().await;
    for _ in 0..2 {
        assert_eq!(
            stage
                .write("track.love", &[("artist", "Low"), ("track", "Fly")])
                .await,
            (200, json!({}))
        );
    }
    assert_eq!(
        stage.lastfm.loved("alice"),
        [("Low".to_owned(), "Fly".to_owned())]
    );
    let (_, loved) = stage.read("method=user.getLovedTracks&user=alice").await;
    assert_eq!(loved["lovedtracks"]["track"]["artist"]["name"], "Low");
    stage
        .write("track.unlove", &[("artist", "Low"), ("track", "Fly")])
        .await;
    assert!(stage.lastfm.loved("alice").is_empty());
}
