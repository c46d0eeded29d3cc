//! What API Gateway does to a request on its way.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use hub_domain::Service;
use hub_runtime::settings::{DEFAULT_MAX_BODY_BYTES, MOST_BODY_BYTES};
use serde_json::{Value, json};

use super::{MIRA, invoke, person, sample};
use crate::harness::{World, a_listen};

/// What Lambda takes and gives at once.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const PAYLOAD: usize = 6 * 1024 * 1024;

#[tokio::test]
async fn a_path_that_the_gateway_decoded_is_no_harm() {
    let world = World::new().await;
    // An HTTP API hands over the path decoded, and ends it at a decoded question mark; what the hub puts into paths
    // reads the same both ways.
    for path in [
        "/api/v1/scrobble/plays/ü ?/retry",
        "/api/v1/scrobble/plays/50%/retry",
        "/api/v1/webhooks/plex/a/b",
        "/api//v1/../health",
        "//evil.example/health",
        "",
    ] {
        let mut event: Value = sample("api/50-health.json");
        event["rawPath"] = path.into();
        let answer = invoke(&world.hub, &event).await;
        assert!(
            matches!(answer["statusCode"].as_u64(), Some(400..=405)),
            "{path}: {answer}"
        );
    }
}

#[tokio::test]
async fn headers_that_came_twice_are_joined_and_refused_where_one_is_expected() {
    let world = World::new().await;
    person(&world, MIRA, "mira", &[]).await;
    let mut event: Value = sample("api/40-history.json");
    event["headers"]["x-user-id"] = format!("{MIRA},{MIRA}").into();
    let answer = invoke(&world.hub, &event).await;
    assert_eq!(answer["statusCode"], 400, "{answer}");
    let mut event: Value = sample("api/40-history.json");
    event["headers"]["authorization"] = "Bearer a,Bearer b".into();
    let answer = invoke(&world.hub, &event).await;
    assert_eq!(answer["statusCode"], 401, "{answer}");
}

#[tokio::test]
async fn a_body_over_the_bound_is_refused_before_and_after_it_was_decoded() {
    // What is larger than Lambda takes never gets here: API Gateway answers 413 itself.
    let encoded = MOST_BODY_BYTES.div_ceil(3) * 4;
    assert!(encoded + 64 * 1024 <= PAYLOAD, "with its envelope");
    let world = World::new().await;
    for over in [0, 1] {
        let mut event: Value = sample("api/10-canonical-events.json");
        let body = vec![b' '; DEFAULT_MAX_BODY_BYTES + over];
        event["headers"]["content-length"] = body.len().to_string().into();
        event["body"] = STANDARD.encode(body).into();
        event["isBase64Encoded"] = true.into();
        let answer = invoke(&world.hub, &event).await;
        let expected = if over == 0 { 400 } else { 413 };
        assert_eq!(answer["statusCode"], expected, "{answer}");
    }
}

#[tokio::test]
async fn the_largest_page_of_history_fits_what_lambda_gives() {
    let world = World::new().await;
    let mira = person(&world, MIRA, "mira", &[]).await;
    let now = world.clock.now();
    // A quotation mark is written as two characters in the page, and as four in Lambda's answer around it.
    let long = "\"".repeat(1000);
    for number in 0..250 {
        let began = now - TimeDelta::minutes(10 * i64::from(number) + 10);
        let mut play = a_listen(&mira, Service::LastFm, 0, began, now);
        play.deliveries = BTreeMap::new();
        let media = &mut play.media;
        for text in [
            &mut media.title,
            &mut media.artist,
            &mut media.album_artist,
            &mut media.album,
            &mut media.content_id,
        ] {
            *text = Some(long.clone());
        }
        let put = world.hub.table.put_play(&play, None);
        put.await.expect("a play");
    }
    let mut event: Value = sample("api/40-history.json");
    event["rawQueryString"] = "limit=200".into();
    let answer = invoke(&world.hub, &event).await;
    assert_eq!(answer["statusCode"], 200);
    let bytes = answer.to_string().len();
    assert!((2_000_000..PAYLOAD).contains(&bytes), "{bytes} bytes");
    let page: Value = serde_json::from_str(answer["body"].as_str().expect("a text")).unwrap();
    assert!(page["next_cursor"].is_string());
    assert_eq!(json!(page["items"][0]["title"]), json!(long));
}
