//! `/api/v1/user/settings`.

use chrono::TimeDelta;
use hub_domain::Service;
use serde_json::{Value, json};

use crate::harness::{World, film, happened};
use crate::routes::asking::{ask, for_person};

const PATH: &str = "/api/v1/user/settings";

#[tokio::test]
async fn what_is_left_out_stays_and_null_goes_back_to_the_servers() {
    let world = World::with([("VIDEO_THRESHOLD", "85")]).await;
    let alice = world.person("alice").await;
    let (status, settings) = world.call("GET", PATH, Some(&alice), None).await;
    assert_eq!(status, 200, "{settings}");
    assert_eq!(settings["time_zone"], "UTC");
    assert_eq!(settings["manual_marks"], "now");
    assert_eq!(settings["notification_url"], Value::Null);
    assert_eq!(
        settings["effective_thresholds"]["video"]["percent"], 85.0,
        "{settings}"
    );

    let wish = json!({
        "thresholds": { "video": { "percent": 70 }, "music": { "least_length_ms": 45_000 } },
        "time_zone": "Europe/Berlin", "manual_marks": "release_date", "notification_url": "https://notify.example/x",
    });
    let (status, changed) = world.call("PATCH", PATH, Some(&alice), Some(wish)).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["effective_thresholds"]["video"]["percent"], 70.0);
    let (_, read) = world.call("GET", PATH, Some(&alice), None).await;
    assert_eq!(read, changed, "kept");

    let wish = json!({ "thresholds": { "video": { "percent": null } }, "notification_url": null });
    let (_, changed) = world.call("PATCH", PATH, Some(&alice), Some(wish)).await;
    assert_eq!(changed["effective_thresholds"]["video"]["percent"], 85.0);
    assert_eq!(
        (&changed["time_zone"], &changed["manual_marks"]),
        (&json!("Europe/Berlin"), &json!("release_date"))
    );
    assert_eq!(changed["notification_url"], Value::Null);
    // Nobody else's changed.
    let bob = world.person("bob").await;
    let (_, others) = world.call("GET", PATH, Some(&bob), None).await;
    assert_eq!(others["time_zone"], "UTC");
}

#[tokio::test]
async fn a_lower_threshold_makes_a_play_of_what_was_stopped_earlier() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let stop = |id: &str| {
        let mut item = film();
        item["item_id"] = json!(id);
        item["external_ids"] = json!({ "tmdb": if id == "first" { 1 } else { 2 } });
        item["title"] = json!(id);
        happened(
            &item,
            "stop",
            world.clock.now() - TimeDelta::hours(1),
            Some(5_400),
        )
    };
    world.event(&alice, stop("first")).await;
    world.settle().await;
    assert_eq!(
        world.history(&alice).await["items"],
        json!([]),
        "75 % of a film"
    );
    let wish = json!({ "thresholds": { "video": { "percent": 70 } } });
    assert_eq!(
        world.call("PATCH", PATH, Some(&alice), Some(wish)).await.0,
        200
    );
    world.event(&alice, stop("second")).await;
    world.settle().await;
    assert_eq!(
        world.history(&alice).await["items"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn bad_settings_are_refused_with_their_field_and_none_of_them_is_kept() {
    let world = World::with([("ALLOW_PRIVATE_ADDRESSES", "false")]).await;
    let alice = world.person("alice").await;
    let (_, before) = world.call("GET", PATH, Some(&alice), None).await;
    for (wish, field) in [
        (
            json!({ "thresholds": { "video": { "percent": 0 } } }),
            "thresholds.video.percent",
        ),
        (
            json!({ "thresholds": { "music": { "percent": 101 } } }),
            "thresholds.music.percent",
        ),
        (
            json!({ "thresholds": { "podcast": { "percent": "x" } } }),
            "thresholds.podcast.percent",
        ),
        (
            json!({ "thresholds": { "book": { "least_length_ms": -1 } } }),
            "thresholds.book.least_length_ms",
        ),
        (json!({ "time_zone": "Berlin" }), "time_zone"),
        (json!({ "time_zone": 1 }), "time_zone"),
        (json!({ "manual_marks": "never" }), "manual_marks"),
        (json!({ "notification_url": "nowhere" }), "notification_url"),
        (
            json!({ "notification_url": "http://notify.example" }),
            "notification_url",
        ),
        (
            json!({ "notification_url": "https://169.254.169.254/" }),
            "notification_url",
        ),
    ] {
        let mut both = wish.clone();
        if field != "time_zone" {
            both["time_zone"] = json!("Europe/Berlin");
        }
        ask(&world, for_person("PATCH", PATH, &alice, both.to_string()))
            .await
            .is_problem(400, Some(field), &wish.to_string());
    }
    let (_, after) = world.call("GET", PATH, Some(&alice), None).await;
    assert_eq!(after, before);
}
