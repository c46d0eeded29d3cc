//! What holds at every address, read from the document that the hub serves.

use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::json;

use super::asking::{Operation, ask, for_person, get, operations, token, typed, under};
use crate::harness::World;
use crate::harness::world::SERVER_TOKEN;

/// Words for the places of a path.
const WORDS: [(&str, &str); 6] = [
    ("service", "trakt"),
    ("source", "plex"),
    ("id", "trakt"),
    ("list", "watchlist"),
    ("item_id", "film-1"),
    ("token", "hubw_wrong"),
];

#[tokio::test]
async fn a_token_that_is_missing_wrong_or_revoked_is_answered_401_in_the_same_words_everywhere() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let (full_id, full) = token(&world, &alice, "full").await;
    let (ingest_id, ingest) = token(&world, &alice, "ingest").await;
    for (id, word) in [(&full_id, &full), (&ingest_id, &ingest)] {
        let path = format!("/api/v1/user/tokens/{id}");
        assert_eq!(
            world.call("DELETE", &path, Some(&alice), None).await.0,
            204,
            "{word}"
        );
    }
    let mut said = Vec::new();
    for operation in operations(&world)
        .await
        .iter()
        .filter(|operation| !operation.is_open)
    {
        let words = [
            None,
            Some("hub_wrong-s3cret"),
            Some(full.as_str()),
            Some(ingest.as_str()),
            Some("s3cret s3cret"),
        ];
        for word in words {
            let in_path = word.unwrap_or("%20").replace(' ', "%20");
            let path = operation.filled(&[("token", &in_path)]);
            let path = Operation {
                path,
                ..operation.clone()
            }
            .filled(&WORDS);
            let mut request = Request::builder()
                .method(operation.method.as_str())
                .uri(path)
                .header("x-user-id", alice.id.to_string())
                .header(CONTENT_TYPE, "application/json");
            if let Some(word) = word {
                request = request.header(AUTHORIZATION, format!("Bearer {word}"));
            }
            let answer = ask(&world, request.body("{}".into()).expect("a request")).await;
            let about = format!("{} {} {word:?}", operation.method, operation.path);
            answer.is_problem(401, None, &about);
            assert!(
                answer.header("www-authenticate").starts_with("Bearer"),
                "{about}"
            );
            assert!(!answer.body.to_string().contains("s3cret"), "{about}");
            said.push(answer.body["detail"].clone());
        }
    }
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");
}

#[tokio::test]
async fn a_token_that_only_hands_in_events_opens_nothing_else() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let (_, ingest) = token(&world, &alice, "ingest").await;
    let (_, full) = token(&world, &alice, "full").await;
    for operation in operations(&world).await {
        if operation.is_open
            || operation.path.contains("{token}")
            || operation.path.ends_with("/events")
        {
            continue;
        }
        let path = operation.filled(&WORDS);
        let answer = ask(
            &world,
            under(&ingest, &operation.method, &path, Some(json!({}))),
        )
        .await;
        answer.is_problem(403, None, &format!("{} {path}", operation.method));
        // Of the whole hub's users a user knows nothing.
        if operation.path.starts_with("/api/v1/users") {
            let answer = ask(
                &world,
                under(&full, &operation.method, &path, Some(json!({}))),
            )
            .await;
            answer.is_problem(403, None, &format!("{} {path}", operation.method));
        }
    }
}

#[tokio::test]
async fn a_user_token_acts_for_nobody_but_its_user() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let (_, full) = token(&world, &alice, "full").await;
    let as_bob = |path: &str| {
        Request::get(path)
            .header(AUTHORIZATION, format!("Bearer {full}"))
            .header("x-user-id", bob.id.to_string())
            .body("".into())
            .expect("a request")
    };
    for path in [
        "/api/v1/scrobble/history",
        "/api/v1/user/settings",
        "/api/v1/sources/accounts",
    ] {
        ask(&world, as_bob(path)).await.is_problem(403, None, path);
    }
    let own = ask(
        &world,
        under(&full, "GET", "/api/v1/scrobble/history", None),
    )
    .await;
    assert_eq!(own.status, 200, "{}", own.body);
}

#[tokio::test]
async fn the_server_token_needs_to_be_told_for_whom() {
    let world = World::new().await;
    for (user, field) in [
        (None, "X-User-Id"),
        (Some("alice"), "X-User-Id"),
        (Some(""), "X-User-Id"),
    ] {
        let mut request = Request::get("/api/v1/scrobble/history")
            .header(AUTHORIZATION, format!("Bearer {SERVER_TOKEN}"));
        if let Some(user) = user {
            request = request.header("x-user-id", user);
        }
        let answer = ask(&world, request.body("".into()).expect("a request")).await;
        answer.is_problem(400, Some(field), &format!("{user:?}"));
    }
}

#[tokio::test]
async fn a_service_or_source_that_nobody_knows_is_not_found() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let (_, ingest) = token(&world, &alice, "ingest").await;
    for operation in operations(&world).await {
        let names_one = ["{service}", "{source}", "connections/{id}"]
            .iter()
            .any(|place| operation.path.contains(place));
        if !names_one {
            continue;
        }
        let words = [
            ("service", "netflix"),
            ("source", "netflix"),
            ("id", "netflix"),
            ("token", &ingest),
        ];
        let path = operation.filled(&words);
        let answer = ask(&world, for_person(&operation.method, &path, &alice, "{}")).await;
        answer.is_problem(404, None, &format!("{} {path}", operation.method));
    }
    ask(&world, get("/api/v1/nowhere"))
        .await
        .is_problem(404, None, "nowhere");
}

#[tokio::test]
async fn a_method_that_an_address_has_not_is_answered_405_with_those_it_has() {
    let world = World::new().await;
    for operation in operations(&world).await {
        let path = operation.filled(&WORDS);
        let request = Request::builder()
            .method("TRACE")
            .uri(&path)
            .body("".into())
            .expect("a request");
        let answer = ask(&world, request).await;
        answer.is_problem(405, None, &path);
        assert!(
            answer.header("allow").contains(&operation.method),
            "{path}: {}",
            answer.header("allow")
        );
    }
}

#[tokio::test]
async fn json_is_asked_for_wherever_json_is_read() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let routes: Vec<Operation> = operations(&world)
        .await
        .into_iter()
        .filter(|route| route.takes_json)
        .collect();
    assert!(routes.len() > 8, "{routes:?}");
    for operation in &routes {
        let path = operation.filled(&WORDS);
        let about = format!("{} {path}", operation.method);
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/xml",
        ] {
            let answer = ask(
                &world,
                typed(
                    &operation.method,
                    &path,
                    &alice,
                    kind,
                    r#"{"name":"s3cret"}"#,
                ),
            )
            .await;
            answer.is_problem(415, None, &format!("{about} {kind}"));
        }
        for body in [
            r#"{"name":"s3cret"#,
            r#"{"name":s3cret}"#,
            "s3cret",
            r#"{"name":"#,
            "\u{0}",
        ] {
            let answer = ask(
                &world,
                for_person(&operation.method, &path, &alice, body.to_owned()),
            )
            .await;
            answer.is_problem(400, None, &format!("{about} {body}"));
            assert!(
                !answer.body.to_string().contains("s3cret"),
                "{about}: {}",
                answer.body
            );
        }
        // An array means several events, or several things said, and nothing else; no other JSON is an object.
        for body in [r#"["s3cret",true]"#, r#""s3cret""#, "7", "null"] {
            let takes_several = ["/events", "/ratings", "/lists/{list}", "/library/items"];
            if takes_several
                .iter()
                .any(|end| operation.path.ends_with(end))
            {
                continue;
            }
            let request = for_person(&operation.method, &path, &alice, body);
            let answer = ask(&world, request).await;
            answer.is_problem(400, None, &format!("{about} {body}"));
            assert!(
                answer.body["detail"]
                    .as_str()
                    .is_some_and(|detail| detail.contains("object")),
                "{about}"
            );
        }
        let nest = "[".repeat(50_000);
        let answer = ask(&world, for_person(&operation.method, &path, &alice, nest)).await;
        answer.is_problem(400, answer.body["field"].as_str(), &about);
    }
}

#[tokio::test]
async fn a_body_above_the_bound_is_answered_413_also_where_a_media_server_posts() {
    let world = World::with([("MAX_BODY_BYTES", "2048")]).await;
    let alice = world.person("alice").await;
    let (_, ingest) = token(&world, &alice, "ingest").await;
    for operation in operations(&world).await {
        if !operation.takes_json && !operation.path.contains("{source}") {
            continue;
        }
        let path = operation.filled(&[
            ("token", &ingest),
            ("service", "trakt"),
            ("source", "plex"),
            ("id", "trakt"),
        ]);
        let body = format!("{{\"name\":\"{}\"}}", "x".repeat(2_048));
        let answer = ask(&world, for_person(&operation.method, &path, &alice, body)).await;
        answer.is_problem(413, None, &format!("{} {path}", operation.method));
    }
}

#[tokio::test]
async fn the_bound_of_a_body_is_four_mebibytes_unless_it_is_set() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let path = "/api/v1/scrobble/events";
    let of = |length: usize| {
        let padding = " ".repeat(length - 2);
        for_person("POST", path, &alice, format!("[{padding}]"))
    };
    let taken = ask(&world, of(4 * 1024 * 1024)).await;
    assert_eq!(taken.status, 202, "{}", taken.body);
    ask(&world, of(4 * 1024 * 1024 + 1))
        .await
        .is_problem(413, None, "one more");
}
