//! `POST /api/v1/webhooks/{source}/{token}`: the bytes are judged, whatever they are said to be.

use chrono::TimeDelta;
use hub_domain::Service;
use serde_json::{Value, json};

use super::asking::{ask, get, token};
use crate::harness::{Person, World};

const BOUNDARY: &str = "------------------------5c3ad1c5ec0d41f0";

/// A film that Plex says was played to its scrobble point.
fn scrobble() -> String {
    json!({
        "event": "media.scrobble", "user": true, "owner": true, "Account": { "id": 1, "title": "alice" },
        "Server": { "title": "home", "uuid": "s1" }, "Player": { "title": "TV", "uuid": "tv" },
        "Metadata": {
            "type": "movie", "title": "The Matrix & {more}", "year": 1999, "ratingKey": "1", "duration": 8_160_000,
            "Guid": [{ "id": "imdb://tt0133093" }],
        },
    })
    .to_string()
}

/// A multipart body of a form's field and a poster.
fn multipart(field: &str, text: &str, poster_first: bool) -> Vec<u8> {
    let part = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"\r\nContent-Type: application/json\r\n\r\n{text}\r\n"
    )
    .into_bytes();
    let mut poster = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"thumb\"; filename=\"thumb.jpg\"\r\n\
         Content-Type: image/jpeg\r\n\r\n"
    )
    .into_bytes();
    poster.extend_from_slice(b"\xff\xd8\r\n--\x00{\xff\xd9\r\n");
    let mut body = if poster_first {
        [poster, part]
    } else {
        [part, poster]
    }
    .concat();
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

async fn viewer(world: &World) -> (Person, String) {
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let address = world.webhook_token(&alice, "plex", "alice").await;
    (alice, address)
}

#[tokio::test]
async fn the_same_play_in_every_envelope_is_one_play() {
    let world = World::new().await;
    let (alice, address) = viewer(&world).await;
    let json = scrobble();
    let form: String = json.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let quoted = format!("multipart/form-data; boundary=\"{BOUNDARY}\"");
    let unquoted = format!("multipart/form-data; boundary={BOUNDARY}");
    for (kind, body) in [
        (unquoted.as_str(), multipart("payload", &json, false)),
        (quoted.as_str(), multipart("payload", &json, true)),
        (
            "application/octet-stream",
            multipart("payload", &json, true),
        ),
        ("application/json", json.clone().into_bytes()),
        ("text/plain; charset=utf-8", json.clone().into_bytes()),
        (
            "application/x-www-form-urlencoded",
            format!("payload={form}").into_bytes(),
        ),
        (
            "application/x-www-form-urlencoded",
            json.clone().into_bytes(),
        ),
        ("multipart/form-data", json.clone().into_bytes()),
        ("nonsense", json.clone().into_bytes()),
    ] {
        let (status, taken) = world.webhook("plex", &address, kind, body).await;
        assert_eq!(
            (status, &taken["accepted"]),
            (202, &json!(1)),
            "{kind}: {taken}"
        );
    }
    world.pass(TimeDelta::minutes(1)).await;
    assert_eq!(
        world.history(&alice).await["items"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(world.twins.trakt.history("alice").len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_400_and_leaves_nothing() {
    let world = World::new().await;
    let (alice, address) = viewer(&world).await;
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let mut cut = multipart("payload", &scrobble(), true);
    cut.truncate(cut.len() / 3);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body: Value = serde_json::from_str(&scrobble()).expect("JSON");
        body["event"] = json!("media.stop");
        change(&mut body);
        body.to_string().into_bytes()
    };
    for (kind, body, field) in [
        ("application/json", b"{\"event\":\"s3cret".to_vec(), None),
        ("application/json", b"".to_vec(), None),
        ("application/json", b"[1,2]".to_vec(), None),
        ("application/json", b"null".to_vec(), None),
        ("application/json", b"\x00\xff\xfe".to_vec(), None),
        ("application/json", "[".repeat(100_000).into_bytes(), None),
        (
            kind.as_str(),
            multipart("payload", "{\"event\":s3cret}", false),
            Some("payload"),
        ),
        (
            kind.as_str(),
            multipart("payload", "", false),
            Some("payload"),
        ),
        (kind.as_str(), cut, None),
        (
            kind.as_str(),
            format!("--{BOUNDARY}--\r\n").into_bytes(),
            None,
        ),
        (
            "application/x-www-form-urlencoded",
            b"payload=%7Bs3cret".to_vec(),
            Some("payload"),
        ),
        (
            "application/json",
            with(&|body| body["Metadata"]["viewOffset"] = json!("s3cret")),
            Some("Metadata.viewOffset"),
        ),
        (
            "application/json",
            with(&|body| body["Metadata"]["duration"] = json!([1])),
            Some("Metadata.duration"),
        ),
    ] {
        let request = http::Request::post(format!("/api/v1/webhooks/plex/{address}"))
            .header("content-type", kind)
            .body(body.clone().into())
            .expect("a request");
        let answer = ask(&world, request).await;
        let shown = String::from_utf8_lossy(&body)
            .chars()
            .take(60)
            .collect::<String>();
        answer.is_problem(400, field, &format!("{kind}: {shown}"));
        assert!(
            !answer.body.to_string().contains("s3cret")
                && !answer.body.to_string().contains(&address),
            "{}",
            answer.body
        );
    }
    world.settle().await;
    assert_eq!(world.history(&alice).await["items"], json!([]));
}

#[tokio::test]
async fn an_address_takes_its_own_source_and_no_token_that_may_do_more() {
    let world = World::new().await;
    let (alice, plex) = viewer(&world).await;
    let (_, full) = token(&world, &alice, "full").await;
    let (_, any) = token(&world, &alice, "ingest").await;
    for (source, word, status) in [
        ("plex", plex.as_str(), 202),
        ("plex", any.as_str(), 202),
        ("emby", plex.as_str(), 403),
        ("plex", full.as_str(), 403),
        ("plex", crate::harness::world::SERVER_TOKEN, 401),
        ("plex", "hubw_nobody", 401),
        ("netflix", plex.as_str(), 404),
        ("Plex", plex.as_str(), 404),
    ] {
        let (answered, body) = world
            .webhook(source, word, "application/json", scrobble().into_bytes())
            .await;
        assert_eq!(answered, status, "{source}: {body}");
        assert!(!body.to_string().contains(word), "{body}");
    }
    ask(&world, get(&format!("/api/v1/webhooks/plex/{plex}")))
        .await
        .is_problem(405, None, "GET");
}

#[tokio::test]
async fn a_source_that_names_no_account_means_the_addresss_user() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let address = world.webhook_token(&alice, "kodi", "").await;
    let body = json!({
        "event": "end", "mediaType": "movie", "title": "The Matrix", "year": 1999, "uniqueIds": { "imdb": "tt0133093" },
        "duration": 8_160, "progress": { "time": 8_160, "percent": 100 },
    });
    let (status, taken) = world
        .webhook(
            "kodi",
            &address,
            "application/json",
            body.to_string().into_bytes(),
        )
        .await;
    assert_eq!((status, taken), (202, json!({ "accepted": 1 })));
    world.pass(TimeDelta::minutes(1)).await;
    assert_eq!(world.twins.trakt.history("alice").len(), 1);
}
