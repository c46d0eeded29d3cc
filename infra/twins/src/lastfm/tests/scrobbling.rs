//! What is stored, what is ignored, and why.

use chrono::TimeDelta;
use serde_json::json;

use super::*;

#[tokio::test]
async fn one_scrobble_is_answered_as_an_object_and_several_as_an_array() {
    let stage = Stage::new().await;
    let one = stage
        .scrobble_at("Björk", "Jóga", &stage.second(TimeDelta::minutes(5)))
        .await;
    assert_eq!(one["@attr"], json!({"accepted": 1, "ignored": 0}));
    assert_eq!(
        one["scrobble"]["artist"],
        json!({"corrected": "0", "#text": "Björk"})
    );
    assert_eq!(one["scrobble"]["album"], json!({"corrected": "0"}));
    let (status, many) = stage.batch(50).await;
    assert_eq!(
        (
            status,
            many["scrobbles"]["scrobble"].as_array().unwrap().len()
        ),
        (200, 50)
    );
    assert_eq!(
        many["scrobbles"]["scrobble"][10]["track"]["#text"], "T10",
        "in the order of the indices"
    );
    assert_eq!(stage.lastfm.scrobbles("alice").len(), 51);
}

#[tokio::test]
async fn fifty_one_scrobbles_are_refused_as_a_whole() {
    let stage = Stage::new().await;
    let (status, body) = stage.batch(51).await;
    assert_eq!((status, body["error"].as_i64()), (400, Some(6)));
    assert!(stage.lastfm.scrobbles("alice").is_empty());
}

#[tokio::test]
async fn the_same_names_and_second_are_accepted_again_and_stored_once() {
    let stage = Stage::new().await;
    let second = stage.second(TimeDelta::minutes(5));
    for _ in 0..2 {
        assert_eq!(
            stage.scrobble_at("Low", "Fly", &second).await["@attr"]["accepted"],
            1
        );
    }
    stage.scrobble_at("Low", "Quorum", &second).await;
    assert_eq!(stage.lastfm.scrobbles("alice").len(), 2);
}

#[tokio::test]
async fn ignored_scrobbles_say_why_and_the_call_is_a_200() {
    let stage = Stage::new().await;
    let fresh = stage.second(TimeDelta::minutes(5));
    let (edge, old) = (
        stage.second(TimeDelta::days(14)),
        stage.second(TimeDelta::days(14) + TimeDelta::seconds(1)),
    );
    let milliseconds = stage.clock.now().timestamp_millis().to_string();
    for (artist, track, second, expected) in [
        ("Unknown Artist", "Fly", &fresh, "1"),
        ("[unknown]", "Fly", &fresh, "1"),
        ("VA", "Fly", &fresh, "1"),
        ("Low", "[unknown]", &fresh, "2"),
        ("Low", "Old", &old, "3"),
        ("Low", "Edge", &edge, "0"),
        ("Low", "Ahead", &milliseconds, "4"),
    ] {
        let answer = stage.scrobble_at(artist, track, second).await;
        assert_eq!(code(&answer), expected, "{artist} {track}");
    }
    assert_eq!(stage.lastfm.scrobbles("alice").len(), 1);
    stage.lastfm.answer_old_scrobbles(OldAnswer::Accepted);
    assert_eq!(code(&stage.scrobble_at("Low", "Old", &old).await), "0");
    assert_eq!(
        stage.lastfm.scrobbles("alice").len(),
        1,
        "accepted does not mean stored"
    );
}

#[tokio::test]
async fn the_daily_limit_ignores_with_5_until_the_oldest_is_a_day_ago() {
    let stage = Stage::new().await;
    stage.lastfm.set_daily_limit(2);
    let second = |index: i64| stage.second(TimeDelta::minutes(10 - index));
    for (index, expected) in [(0, "0"), (1, "0"), (2, "5"), (1, "0")] {
        assert_eq!(
            code(&stage.scrobble_at("Low", "Fly", &second(index)).await),
            expected
        );
    }
    let late = second(2);
    stage.clock.turn(TimeDelta::hours(24));
    assert_eq!(code(&stage.scrobble_at("Low", "Fly", &late).await), "0");
}
