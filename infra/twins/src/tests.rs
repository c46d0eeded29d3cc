//! What is true of every twin.

use chrono::{DateTime, Utc};

use crate::testing::{Clock, client};
use crate::{Fault, Gate, Twins};

#[tokio::test]
async fn all_services_start_on_ports_of_their_own_and_show_what_they_hold() {
    let twins = Twins::start(Clock::standing().handle()).await.unwrap();
    let urls = [
        twins.trakt.url(),
        twins.trakt.auth_url(),
        twins.lastfm.url(),
        twins.listenbrainz.url(),
        twins.simkl.url(),
        twins.simkl.site_url(),
        twins.anilist.url(),
        twins.anilist.site_url(),
        twins.myanimelist.url(),
        twins.myanimelist.site_url(),
        twins.letterboxd.url(),
        twins.goodreads.url(),
    ];
    for (index, url) in urls.iter().enumerate() {
        assert!(url.starts_with("http://127.0.0.1:"));
        assert!(!urls[..index].contains(url));
        let page = client().get(*url).send().await.unwrap();
        assert_eq!(page.status(), 200);
        assert!(page.text().await.unwrap().contains("(simulated)"));
    }
    for (url, service) in [
        (twins.trakt.url(), "trakt"),
        (twins.lastfm.url(), "lastfm"),
        (twins.listenbrainz.url(), "listenbrainz"),
        (twins.simkl.url(), "simkl"),
        (twins.anilist.url(), "anilist"),
        (twins.myanimelist.url(), "myanimelist"),
        (twins.letterboxd.url(), "letterboxd"),
        (twins.goodreads.url(), "goodreads"),
    ] {
        let shown = client().get(format!("{url}/twin/state"));
        let shown = shown.send().await.unwrap();
        assert_eq!(
            shown.json::<serde_json::Value>().await.unwrap()["service"],
            service
        );
    }
}

#[tokio::test]
async fn the_clock_is_the_one_that_was_handed_in() {
    let clock = Clock::standing();
    let twins = Twins::start(clock.handle()).await.unwrap();
    clock.turn(chrono::TimeDelta::days(10));
    client()
        .get(format!("{}/1/validate-token", twins.listenbrainz.url()))
        .send()
        .await
        .unwrap();
    let expected: DateTime<Utc> = "2026-11-30T12:00:00Z".parse().unwrap();
    assert_eq!(twins.listenbrainz.requests()[0].at, expected);
}

#[tokio::test]
async fn a_fault_of_one_service_is_no_fault_of_another() {
    let twins = Twins::start(Clock::standing().handle()).await.unwrap();
    twins.trakt.faults().down(true);
    let status =
        |url: String| async move { client().get(url).send().await.unwrap().status().as_u16() };
    assert_eq!(
        status(format!("{}/users/settings", twins.trakt.url())).await,
        503
    );
    assert_eq!(
        status(format!("{}/oauth/authorize", twins.trakt.auth_url())).await,
        503
    );
    assert_eq!(
        status(format!(
            "{}/1/validate-token?token=x",
            twins.listenbrainz.url()
        ))
        .await,
        200
    );
}

#[tokio::test]
async fn an_answer_that_is_held_comes_after_its_effect() {
    let twins = Twins::start(Clock::standing().handle()).await.unwrap();
    let token = twins.listenbrainz.issue_token("alice");
    let gate = Gate::shut();
    twins
        .listenbrainz
        .faults()
        .once("/1/submit-listens", Fault::answer_held(&gate));
    let second = Clock::standing().now().timestamp() - 60;
    let body = serde_json::json!({"listen_type": "single", "payload": [
        {"listened_at": second, "track_metadata": {"artist_name": "Low", "track_name": "Fly"}}]});
    let call = client().post(format!("{}/1/submit-listens", twins.listenbrainz.url()));
    let call = call
        .header("authorization", format!("Token {token}"))
        .json(&body);
    let waiting = tokio::spawn(async move { call.send().await.unwrap().status().as_u16() });
    gate.reached(1).await;
    assert_eq!(twins.listenbrainz.listens("alice").len(), 1);
    assert_eq!(twins.listenbrainz.requests()[0].status, None);
    gate.open();
    assert_eq!(waiting.await.unwrap(), 200);
    assert_eq!(twins.listenbrainz.calls("/1/submit-listens"), 1);
}
