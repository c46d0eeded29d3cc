//! Hubs that are started, asked and ended in this process.

use std::path::Path;

use super::*;

fn folder(place: &Path) -> DataFolder {
    DataFolder::choose(Some(place), &|_| None).unwrap()
}

fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

async fn serving(place: &Path) -> Result<Serving, Failure> {
    Serving::start(&folder(place), Variables::given([]), anywhere()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_starts_answers_its_health_is_found_and_ends() {
    let place = tempfile::tempdir().unwrap();
    let hub = serving(place.path()).await.unwrap();
    assert!(hub.token_was_made && hub.warning.is_none());
    let running = folder(place.path()).running().unwrap();
    assert_eq!(
        (&running.url, &running.server_token),
        (&hub.url, &hub.server_token)
    );
    let access = Access::running(running.url, running.server_token).unwrap();
    access.get(None, "/health").await.unwrap();
    assert_eq!(
        users::find(&access, None).await.unwrap().name.as_deref(),
        Some("me")
    );
    hub.stop().await.unwrap();
    assert_eq!(folder(place.path()).running(), None);
    access.get(None, "/health").await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_users_and_the_token() {
    let place = tempfile::tempdir().unwrap();
    let mut tokens = Vec::new();
    for is_first in [true, false] {
        let hub = serving(place.path()).await.unwrap();
        assert_eq!(hub.token_was_made, is_first);
        let access = Access::running(hub.url.clone(), hub.server_token.clone()).unwrap();
        users::find(&access, None).await.unwrap();
        assert_eq!(users::list(&access).await.unwrap().len(), 1);
        tokens.push(hub.server_token.clone());
        hub.stop().await.unwrap();
    }
    assert_eq!(tokens[0], tokens[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_hub_from_starting_is_one_plain_sentence() {
    let place = tempfile::tempdir().unwrap();
    let hub = serving(place.path()).await.unwrap();
    let sentence = |result: Result<Serving, Failure>| result.err().unwrap().to_string();
    let in_use = sentence(serving(place.path()).await);
    assert!(
        in_use.starts_with("Another hub uses the data folder ") && in_use.contains("--data"),
        "{in_use}"
    );
    let other = tempfile::tempdir().unwrap();
    let port = Serving::start(&folder(other.path()), Variables::given([]), hub.address).await;
    let port = sentence(port);
    assert!(
        port.starts_with(&format!(
            "Port {} of 127.0.0.1 is in use",
            hub.address.port()
        )),
        "{port}"
    );
    let variables = Variables::given([("VIDEO_THRESHOLD", "hunter2")]);
    let wrong = sentence(Serving::start(&folder(other.path()), variables, anywhere()).await);
    assert!(
        wrong.contains("VIDEO_THRESHOLD") && !wrong.contains("hunter2"),
        "{wrong}"
    );
    hub.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listenbrainz_token_connects_the_first_user_at_the_start() {
    let twin = hub_twins::ListenBrainz::start(std::sync::Arc::new(chrono::DateTime::default))
        .await
        .unwrap();
    let token = twin.issue_token("anna");
    let place = tempfile::tempdir().unwrap();
    let variables = Variables::given([
        ("LISTENBRAINZ_TOKEN", token.as_str()),
        ("LISTENBRAINZ_API_URL", twin.url()),
    ]);
    let hub = Serving::start(&folder(place.path()), variables.clone(), anywhere())
        .await
        .unwrap();
    assert_eq!(hub.warning, None);
    let access = Access::running(hub.url.clone(), hub.server_token.clone()).unwrap();
    let user = users::find(&access, None).await.unwrap().id;
    let connections = access
        .get(Some(user), "/api/v1/scrobble/connections")
        .await
        .unwrap();
    assert!(
        users::is_connected(&connections, Service::ListenBrainz),
        "{connections}"
    );
    hub.stop().await.unwrap();
    twin.revoke("anna");
    let other = tempfile::tempdir().unwrap();
    let hub = Serving::start(&folder(other.path()), variables, anywhere())
        .await
        .unwrap();
    let warning = hub.warning.clone().unwrap().to_string();
    assert!(
        warning.starts_with("LISTENBRAINZ_TOKEN did not connect") && !warning.contains(&token),
        "{warning}"
    );
    hub.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_is_announced_with_where_and_how() {
    let place = tempfile::tempdir().unwrap();
    let hub = serving(place.path()).await.unwrap();
    let mut written = Vec::new();
    announce(
        &hub,
        &folder(place.path()),
        &mut Output::plain(&mut written, false),
    )
    .unwrap();
    let text = String::from_utf8(written).unwrap();
    let url = hub.url.as_str().trim_end_matches('/');
    assert!(
        text.starts_with(&format!("The hub listens at {url}\n")),
        "{text}"
    );
    assert!(
        text.contains("Trakt        off: TRAKT_CLIENT_ID is not set")
            && text.contains("hub connect"),
        "{text}"
    );
    assert_eq!(text.matches(hub.server_token.reveal()).count(), 1);
    hub.stop().await.unwrap();
}
