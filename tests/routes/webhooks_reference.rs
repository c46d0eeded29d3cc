//! Payloads that media servers really sent, posted as they post them, through the whole HTTP function.
//!
//! They are not part of this project: `HUB_REFERENCE` names the folder that holds `events/`; without it, nothing is
//! tested here.

use std::fs;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta};
use hub_domain::Service;
use serde_json::json;

use crate::harness::World;

const BOUNDARY: &str = "------------------------5c3ad1c5ec0d41f0";

/// Files that are no payloads but the frames around them.
const FRAMES: [&str; 2] = ["plex/wire-example.http", "emby/wire-example.http"];

#[expect(
    clippy::disallowed_methods,
    reason = "the reference is no setting of the hub; it exists for this test alone"
)]
fn reference() -> Option<PathBuf> {
    let folder = std::env::var("HUB_REFERENCE").ok();
    if folder.is_none() {
        eprintln!("skipped: HUB_REFERENCE does not name the folder of the reference payloads");
    }
    folder.map(|folder| PathBuf::from(folder).join("events"))
}

/// A body as the source of a folder sends its JSON, with the type it says.
fn as_its_source_does(folder: &str, text: &str) -> Vec<(String, Vec<u8>)> {
    let plain = |kind: &str| (kind.to_owned(), text.as_bytes().to_vec());
    match folder {
        "plex" => vec![in_a_form("payload", text)],
        "emby" => {
            let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let form = (
                "application/x-www-form-urlencoded".to_owned(),
                format!("data={escaped}").into_bytes(),
            );
            vec![in_a_form("data", text), plain("application/json"), form]
        }
        "jellyfin" => vec![plain("text/plain; charset=utf-8")],
        _ => vec![plain("application/json")],
    }
}

/// A multipart form of one text field and a poster.
fn in_a_form(field: &str, text: &str) -> (String, Vec<u8>) {
    let mut body = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"\r\nContent-Type: application/json\r\n\r\n{text}\r\n\
         --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"thumb\"; filename=\"thumb.jpg\"\r\n\
         Content-Type: image/jpeg\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(b"\xff\xd8\xff\xe0\r\n\x00\xff\xd9\r\n");
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

#[tokio::test]
async fn every_reference_payload_is_accepted_as_its_source_posts_it() {
    let Some(events) = reference() else { return };
    let world = World::new().await;
    let alice = world.person_at("alice", &Service::WRITABLE).await;
    let mut posted = 0;
    for (folder, source) in [
        ("plex", "plex"),
        ("jellyfin", "jellyfin"),
        ("jellyfin-unofficial", "jellyfin"),
        ("emby", "emby"),
        ("tautulli", "tautulli"),
        ("kodi", "kodi"),
    ] {
        let wish = json!({ "name": folder, "scope": "ingest", "source": source });
        let (status, made) = world
            .call("POST", "/api/v1/user/tokens", Some(&alice), Some(wish))
            .await;
        assert_eq!(status, 201, "{made}");
        let address = made["token"].as_str().expect("a token").to_owned();
        let mut files: Vec<PathBuf> = fs::read_dir(events.join(folder))
            .expect("the folder is there")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        for file in files {
            let name = file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let about = format!("{folder}/{name}");
            if FRAMES.contains(&about.as_str()) {
                continue;
            }
            let text = fs::read_to_string(&file).expect("a text");
            for (kind, body) in as_its_source_does(folder, &text) {
                let (status, answer) = world.webhook(source, &address, &kind, body).await;
                posted += 1;
                if name.ends_with(".txt") {
                    // A template that nobody filled in: the answer helps whoever tries it out.
                    assert!(
                        status == 400 || (200..300).contains(&status),
                        "{about}: {status} {answer}"
                    );
                    let hint = if status == 400 {
                        &answer["detail"]
                    } else {
                        &answer["reason"]
                    };
                    assert!(
                        hint.as_str().is_some_and(|hint| hint.len() > 10),
                        "{about}: {answer}"
                    );
                } else {
                    assert_eq!(status, 202, "{about} as {kind}: {answer}");
                    let sum: u64 = ["accepted", "ignored", "set_aside", "dropped"]
                        .iter()
                        .filter_map(|word| answer[*word].as_u64())
                        .sum();
                    assert!(sum >= 1, "{about}: {answer}");
                }
            }
            world.clock.turn(TimeDelta::seconds(1));
        }
    }
    assert!(posted > 40, "{posted}");
    // What was accepted is handled without a failure, and nothing stays in a queue.
    world.settle().await;
    assert_eq!(world.settle().await, 0);
}

#[tokio::test]
async fn a_captured_scrobble_through_the_address_of_its_account_reaches_trakt_with_its_own_time() {
    let Some(events) = reference() else { return };
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let text = fs::read_to_string(events.join("plex/movie-scrobble-guid-array-full.json"))
        .expect("a text");
    let payload: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let account = payload["Account"]["title"].as_str().expect("an account");
    let address = world.webhook_token(&alice, "plex", account).await;
    let (kind, body) = in_a_form("payload", &text);
    let (status, taken) = world.webhook("plex", &address, &kind, body).await;
    assert_eq!((status, &taken["accepted"]), (202, &json!(1)), "{taken}");
    world.pass(TimeDelta::minutes(1)).await;
    let history = world.twins.trakt.history("alice");
    assert_eq!(history.len(), 1, "{:#}", world.history(&alice).await);
    assert_eq!(history[0].ids.imdb.as_deref(), Some("tt0090728"));
    let seen: DateTime<chrono::Utc> = "2022-06-11T19:31:00Z".parse().expect("a time");
    assert_eq!(
        history[0].watched_at,
        Some(seen),
        "to the minute, as Trakt keeps it"
    );
}
