//! A bad request leaves nothing behind: not in the table, not in a queue, not at a service.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use hub_domain::Service;
use serde_json::json;

use super::asking::{ask, for_person, token, typed, under};
use crate::harness::World;

/// Everything the table holds, in an order of its own.
async fn table(world: &World) -> Vec<String> {
    let scan = world
        .aws
        .dynamodb
        .scan()
        .table_name("hub")
        .send()
        .await
        .expect("a scan");
    let mut items: Vec<String> = scan
        .items
        .unwrap_or_default()
        .into_iter()
        .map(|item| shown(&AttributeValue::M(item)))
        .collect();
    items.sort();
    items
}

/// A value as text, the fields of a map in the order of their names.
fn shown(value: &AttributeValue) -> String {
    if let AttributeValue::M(fields) = value {
        let mut fields: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", shown(value)))
            .collect();
        fields.sort();
        format!("{{{}}}", fields.join(" "))
    } else {
        format!("{value:?}")
    }
}

/// How many messages wait in the queue of events.
async fn waiting(world: &World) -> String {
    let name = QueueAttributeName::ApproximateNumberOfMessages;
    let url = world.hub.urls.events.clone().expect("the queue of events");
    let asked = world
        .aws
        .sqs
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(name.clone());
    let answer = asked.send().await.expect("an answer");
    answer
        .attributes
        .unwrap_or_default()
        .remove(&name)
        .unwrap_or_default()
}

#[tokio::test]
async fn nothing_is_stored_by_a_request_that_was_refused() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    let (_, ingest) = token(&world, &alice, "ingest").await;
    let post = |path: &str, body: &str| for_person("POST", path, &alice, body.to_owned());
    // A first use of the token is noted, an hour apart at the most.
    assert_eq!(
        ask(&world, under(&ingest, "GET", "/api/v1/user/tokens", None))
            .await
            .status,
        403
    );
    let (before, requests) = (table(&world).await, world.twins.trakt.requests().len());
    let good = r#"{"event":"stop","item_type":"movie","title":"Heat","position_ms":1}"#;
    let webhook = format!("/api/v1/webhooks/plex/{ingest}");
    for request in [
        post(
            "/api/v1/scrobble/events",
            r#"{"event":"stop","item_type":"movie","title":"Heat","position_ms":-1}"#,
        ),
        post("/api/v1/scrobble/events", &format!(r"[{good},{good},{{}}]")),
        post(
            "/api/v1/scrobble/events",
            &format!("[{}]", vec![good; 101].join(",")),
        ),
        post("/api/v1/scrobble/events", "{"),
        typed(
            "POST",
            "/api/v1/scrobble/events",
            &alice,
            "text/plain",
            good,
        ),
        post("/api/v1/scrobble/queue", r#"{"content_type":"movie"}"#),
        post(
            "/api/v1/scrobble/queue",
            r#"{"content_type":"movie","title":"Heat","service":"lastfm"}"#,
        ),
        post(
            "/api/v1/scrobble/queue",
            r#"{"content_type":"movie","title":"Heat","watched_at":"yesterday"}"#,
        ),
        post(
            "/api/v1/scrobble/connect/listenbrainz",
            r#"{"token":"wrong"}"#,
        ),
        post(
            "/api/v1/scrobble/connect/trakt",
            r#"{"code":"c","state":"never"}"#,
        ),
        post(
            "/api/v1/scrobble/connect/trakt",
            r#"{"return_to":"https://evil.example"}"#,
        ),
        post("/api/v1/user/tokens", r#"{"name":"x","scope":"admin"}"#),
        post("/api/v1/users", r#"{"id":"x"}"#),
        for_person(
            "PATCH",
            "/api/v1/user/settings",
            &alice,
            r#"{"time_zone":"Berlin"}"#,
        ),
        for_person(
            "PUT",
            "/api/v1/scrobble/connections/trakt",
            &alice,
            r#"{"scrobble_threshold_percent":0}"#,
        ),
        for_person(
            "PUT",
            "/api/v1/sources/accounts/x",
            &alice,
            r#"{"user_ids":[]}"#,
        ),
        post(&webhook, "{"),
        post(&webhook, "s3cret"),
        post("/api/v1/webhooks/plex/hubw_nobody", good),
        under(
            "hub_nobody",
            "POST",
            "/api/v1/scrobble/events",
            Some(json!({})),
        ),
        under(
            &ingest,
            "DELETE",
            "/api/v1/scrobble/connections/trakt",
            None,
        ),
    ] {
        let about = format!("{} {}", request.method(), request.uri());
        let answer = ask(&world, request).await;
        assert!(
            (400..500).contains(&answer.status),
            "{about}: {} {}",
            answer.status,
            answer.body
        );
    }
    assert_eq!(table(&world).await, before);
    assert_eq!(waiting(&world).await, "0");
    assert_eq!(world.twins.trakt.requests().len(), requests);
    assert_eq!(world.settle().await, 0);
}

#[tokio::test]
async fn no_answer_of_any_kind_repeats_a_secret() {
    let world = World::new().await;
    let alice = world.person_at("alice", &Service::WRITABLE).await;
    let (_, full) = token(&world, &alice, "full").await;
    let secret = "s3cretS3CRET";
    for request in [
        under(secret, "GET", "/api/v1/user/tokens", None),
        for_person(
            "GET",
            &format!("/api/v1/scrobble/history?cursor={secret}"),
            &alice,
            "",
        ),
        for_person(
            "GET",
            &format!("/api/v1/scrobble/history?kind={secret}"),
            &alice,
            "",
        ),
        for_person(
            "GET",
            &format!("/api/v1/scrobble/history?service={secret}"),
            &alice,
            "",
        ),
        for_person(
            "DELETE",
            &format!("/api/v1/user/tokens/{secret}"),
            &alice,
            "",
        ),
        for_person(
            "POST",
            &format!("/api/v1/webhooks/plex/{secret}"),
            &alice,
            "{}",
        ),
        for_person(
            "POST",
            "/api/v1/scrobble/connect/listenbrainz",
            &alice,
            json!({ "token": secret }).to_string(),
        ),
        for_person(
            "POST",
            "/api/v1/scrobble/connect/trakt",
            &alice,
            json!({ "code": secret, "state": secret }).to_string(),
        ),
        for_person(
            "POST",
            "/api/v1/scrobble/connect/trakt",
            &alice,
            json!({ "token": secret }).to_string(),
        ),
        for_person(
            "GET",
            &format!("/api/v1/scrobble/trakt/callback?code={secret}&state={secret}"),
            &alice,
            "",
        ),
        for_person(
            "GET",
            &format!("/api/v1/scrobble/trakt/callback?error={secret}"),
            &alice,
            "",
        ),
        for_person(
            "POST",
            "/api/v1/scrobble/events",
            &alice,
            json!({ "event": secret }).to_string(),
        ),
        for_person(
            "POST",
            "/api/v1/scrobble/events",
            &alice,
            format!("{{{secret}"),
        ),
        under(&full, "GET", "/api/v1/health", None),
        under(&full, "GET", "/api/v1/user/tokens", None),
        under(&full, "GET", "/api/v1/user/services", None),
    ] {
        let about = format!("{} {}", request.method(), request.uri());
        let answer = ask(&world, request).await;
        let whole = format!("{} {:?}", answer.body, answer.headers);
        assert!(!whole.contains(secret), "{about}: {whole}");
        assert!(!whole.contains(&full), "{about}: {whole}");
    }
}
