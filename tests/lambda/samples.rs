//! Every file of `events/` for a function, run through that function.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use chrono::TimeDelta;
use hub_domain::Service;
use hub_runtime::tokens::hash_token;
use hub_store::{ApiToken, TokenScope};
use serde_json::Value;

use super::{MIRA, NONE, OTHER, invoke, numbers, person, sample};
use crate::harness::World;

/// The token in the addresses of their webhooks.
const WEBHOOK_TOKEN: &str = "hubw_token-of-the-samples";

fn files(folder: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../events")
        .join(folder);
    let entries = fs::read_dir(path).expect("a folder");
    let name = |entry: std::io::Result<fs::DirEntry>| {
        let name = entry.expect("an entry").file_name();
        name.to_string_lossy().into_owned()
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

#[test]
fn every_function_and_every_source_has_samples() {
    for (folder, expected) in [
        (
            "api",
            &[
                "10-canonical-events.json",
                "20-jellyfin-webhook.json",
                "21-plex-webhook-multipart.json",
                "30-oauth-callback.json",
                "40-history.json",
                "50-health.json",
            ][..],
        ),
        (
            "progress",
            &[
                "10-two-listeners.json",
                "20-message-of-a-newer-release.json",
                "30-a-rating-and-a-list.json",
            ],
        ),
        (
            "worker",
            &[
                "10-deliver.json",
                "20-live.json",
                "30-message-of-a-newer-release.json",
                "40-deliver-a-rating-and-a-list.json",
            ],
        ),
        ("sync", &["10-schedule.json", "20-queue.json"]),
    ] {
        assert_eq!(files(folder), expected, "each is run by a test here");
    }
    for source in hub_domain::Source::WEBHOOKS {
        assert!(!files(&format!("webhooks/{source}")).is_empty(), "{source}");
    }
}

#[tokio::test]
async fn the_http_functions_samples_are_answered_as_api_gateway_hands_them_over() {
    let world = World::new().await;
    let mira = person(&world, MIRA, "mira", &[]).await;
    let token = ApiToken {
        id: "samples".to_owned(),
        user: mira.id,
        scope: TokenScope::Ingest,
        name: "samples".to_owned(),
        hash: hash_token(WEBHOOK_TOKEN),
        source: None,
        account: None,
        created_at: world.clock.now(),
        last_used_at: None,
    };
    let kept = world.hub.table.create_token(&token, world.clock.now());
    kept.await.expect("a token");
    world.clock.turn(TimeDelta::minutes(6));
    for (file, status, kind) in [
        ("10-canonical-events.json", 202, "application/json"),
        ("20-jellyfin-webhook.json", 202, "application/json"),
        ("21-plex-webhook-multipart.json", 202, "application/json"),
        // The word in it is nobody's: the page says to begin again.
        ("30-oauth-callback.json", 400, "text/html; charset=utf-8"),
        ("40-history.json", 200, "application/json"),
        ("50-health.json", 200, "application/json"),
    ] {
        let answer = invoke(&world.hub, &sample(&format!("api/{file}"))).await;
        assert_eq!(answer["statusCode"], status, "{file}: {answer}");
        assert_eq!(answer["headers"]["content-type"], kind, "{file}");
        assert_eq!(answer["isBase64Encoded"], false, "{file}");
    }
    world.settle().await;
    let history = invoke(&world.hub, &sample("api/40-history.json")).await;
    let history: Value = serde_json::from_str(history["body"].as_str().expect("a text")).unwrap();
    assert_eq!(history["items"][0]["title"], "Jóga", "{history}");
}

#[tokio::test]
async fn a_sign_in_comes_back_through_api_gateway() {
    let world = World::new().await;
    let mira = person(&world, MIRA, "mira", &[]).await;
    // Trakt knows her.
    world.twins.trakt.issue_tokens(&mira.name);
    let mut begin: Value = sample("api/10-canonical-events.json");
    begin["rawPath"] = "/api/v1/scrobble/connect/trakt".into();
    begin["requestContext"]["http"]["path"] = begin["rawPath"].clone();
    begin["body"] = "{}".into();
    begin["headers"]["content-length"] = "2".into();
    let begun = invoke(&world.hub, &begin).await;
    let begun: Value = serde_json::from_str(begun["body"].as_str().expect("a text")).unwrap();
    let page = begun["authorize_url"].as_str().expect("an address");
    let back = world.twins.trakt.authorize(page, &mira.name, true);
    let back = url::Url::parse(&back.expect("the service's consent")).expect("an address");
    let mut callback: Value = sample("api/30-oauth-callback.json");
    callback["rawPath"] = back.path().into();
    callback["rawQueryString"] = back.query().expect("a query").into();
    let answer = invoke(&world.hub, &callback).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let stored = world.hub.table.connection(mira.id, Service::Trakt).await;
    assert!(stored.expect("the table answers").is_some());
}

#[tokio::test]
async fn a_listen_goes_from_the_samples_of_progress_to_the_service_by_those_of_the_worker() {
    let world = World::new().await;
    let mira = person(&world, MIRA, "mira", &[Service::ListenBrainz]).await;
    person(&world, OTHER, "other", &[]).await;
    let worker = world.hub.workers[&Service::ListenBrainz].clone();

    world.clock.turn(TimeDelta::seconds(11));
    let live = worker.handle(sample("worker/20-live.json")).await;
    assert!(numbers(&live).is_empty(), "nothing plays yet");
    world.clock.turn(TimeDelta::seconds(300));
    let batch = sample("progress/10-two-listeners.json");
    let answer = world.hub.progress.handle(batch).await;
    assert_eq!(numbers(&answer), NONE);
    let play = &world.history(&mira).await["items"][0];
    let wake: BTreeMap<String, Value> = {
        let batch: Value = sample("worker/10-deliver.json");
        let body = batch["Records"][0]["body"].as_str().expect("a body");
        serde_json::from_str(body).expect("a wake-up")
    };
    assert_eq!(wake["plays"][0], play["id"]);

    let answer = worker.handle(sample("worker/10-deliver.json")).await;
    assert_eq!(numbers(&answer), NONE);
    assert_eq!(world.twins.listenbrainz.listens("mira").len(), 1);
}

#[tokio::test]
async fn a_rating_and_a_list_go_from_the_samples_to_the_service() {
    let world = World::new().await;
    let mira = person(&world, MIRA, "mira", &[Service::Trakt]).await;
    let worker = world.hub.workers[&Service::Trakt].clone();
    world.clock.turn(TimeDelta::minutes(12));
    let batch = sample("progress/30-a-rating-and-a-list.json");
    assert_eq!(numbers(&world.hub.progress.handle(batch).await), NONE);
    for path in ["/api/v1/ratings", "/api/v1/lists/watchlist"] {
        let (status, page) = world.call("GET", path, Some(&mira), None).await;
        assert_eq!(
            (status, &page["items"][0]["title"]),
            (200, &"Heat".into()),
            "{page}"
        );
    }

    // One kind of request a second: the other goes with the wake-up that the worker leaves itself.
    let wake = || sample("worker/40-deliver-a-rating-and-a-list.json");
    assert_eq!(numbers(&worker.handle(wake()).await), NONE);
    world.clock.turn(TimeDelta::seconds(2));
    assert_eq!(numbers(&worker.handle(wake()).await), NONE);
    let ratings = world.twins.trakt.ratings("mira");
    assert_eq!(ratings.len(), 1);
    assert_eq!(ratings[0].rating, Some(9), "8.7 in whole points");
    assert_eq!(world.twins.trakt.watchlist("mira").len(), 1);
}

#[tokio::test]
async fn a_schedules_event_is_a_tick_and_a_batch_that_nobody_understands_is_handed_back() {
    let world = World::new().await;
    let ticked = world.hub.sync.handle(sample("sync/10-schedule.json")).await;
    assert_eq!(ticked.expect("a tick")["lanes"], 0);
    let batch: Value = sample("sync/20-queue.json");
    let answer = world.hub.sync.handle(batch.clone()).await.expect("a batch");
    let failures = answer["batchItemFailures"].as_array().expect("failures");
    let expected = batch["Records"].as_array().expect("records");
    assert_eq!(failures.len(), 2);
    for (failure, record) in failures.iter().zip(expected) {
        assert_eq!(failure["itemIdentifier"], record["messageId"]);
    }
    let foreign = serde_json::json!({ "Records": [{ "eventSource": "aws:s3" }] });
    assert!(world.hub.sync.handle(foreign).await.is_err());
}
