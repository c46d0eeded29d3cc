//! Signing in to Trakt in the browser, with PKCE, and out again.

use chrono::TimeDelta;
use hub_domain::Service;
use serde_json::json;

use crate::harness::{Person, World, film, track};
use crate::routes::asking::{ask, for_person};
use crate::services::signing_in::{
    Shape, account_id, come_back, connection, decide, deep, field_of, finish, is_connected,
    is_not_connected, query_of,
};

const TRAKT: Service = Service::Trakt;

/// Somebody of the hub with an account at Trakt.
async fn person(world: &World, name: &str) -> Person {
    world.twins.trakt.add_user(name);
    world.person(name).await
}

/// The address that Trakt sends the browser back to, once somebody decided on its page.
async fn back(world: &World, shape: Shape, person: &Person, is_allowed: bool) -> String {
    let started = shape.start(world, person, TRAKT, false).await;
    let page = started["authorize_url"].as_str().expect("an address");
    assert!(page.starts_with(world.twins.trakt.auth_url()), "{page}");
    decide(page, &person.name, is_allowed)
        .await
        .expect("a way back")
}

#[tokio::test]
async fn both_addresses_lead_over_trakts_page_to_a_connection_that_delivers() {
    for shape in Shape::BOTH {
        let world = World::new().await;
        let alice = person(&world, "alice").await;
        let back = back(&world, shape, &alice, true).await;
        let page = come_back(&world, shape, TRAKT, &query_of(&back)).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(
            page.body
                .as_str()
                .is_some_and(|page| page.contains("connected as alice")),
            "{}",
            page.body
        );
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        let connection = is_connected(&world, &alice, TRAKT).await;
        assert!(
            connection["profile_url"]
                .as_str()
                .is_some_and(|url| url.contains("alice")),
            "{connection}"
        );
        assert_eq!(
            account_id(&world, &alice, TRAKT).await.len(),
            40,
            "what stays when the name changes"
        );
        finish(&world, &alice, &film(), TimeDelta::hours(1)).await;
        assert_eq!(world.twins.trakt.history("alice").len(), 1);
    }
}

#[tokio::test]
async fn the_code_may_also_be_brought_by_the_application_that_began() {
    for shape in Shape::BOTH {
        let world = World::new().await;
        let alice = person(&world, "alice").await;
        let back = back(&world, shape, &alice, true).await;
        let body = json!({ "code": field_of(&back, "code"), "state": field_of(&back, "state") });
        let answer = shape.post(&world, &alice, TRAKT, body).await;
        assert_eq!(
            (answer.status, &answer.body["username"]),
            (200, &json!("alice")),
            "{}",
            answer.body
        );
        is_connected(&world, &alice, TRAKT).await;
    }
}

#[tokio::test]
async fn the_code_is_exchanged_with_its_verifier_and_without_a_secret() {
    let world = World::new().await;
    let alice = person(&world, "alice").await;
    let started = Shape::User.start(&world, &alice, TRAKT, false).await;
    let page = started["authorize_url"].as_str().expect("an address");
    assert_eq!(field_of(page, "code_challenge_method"), "S256");
    assert_eq!(field_of(page, "code_challenge").len(), 43);
    assert_eq!(
        field_of(page, "state"),
        started["state"].as_str().unwrap_or_default()
    );
    let back = decide(page, "alice", true).await.expect("a way back");
    come_back(&world, Shape::User, TRAKT, &query_of(&back)).await;
    let requests = world.twins.trakt.requests();
    let exchange = requests
        .iter()
        .find(|request| request.path == "/oauth/token")
        .expect("an exchange");
    assert!(exchange.body["code_verifier"].is_string(), "{exchange:?}");
    assert!(exchange.body["client_secret"].is_null(), "{exchange:?}");
}

#[tokio::test]
async fn somebody_who_denies_is_told_so_and_nothing_is_connected() {
    for shape in Shape::BOTH {
        let world = World::new().await;
        let alice = person(&world, "alice").await;
        let back = back(&world, shape, &alice, false).await;
        let page = come_back(&world, shape, TRAKT, &query_of(&back)).await;
        assert_eq!(page.status, 400);
        let text = page.body.as_str().unwrap_or_default().to_owned();
        assert!(
            text.contains("You did not let the hub into your Trakt account"),
            "{text}"
        );
        is_not_connected(&world, &alice, TRAKT).await;
        assert_eq!(world.twins.trakt.calls("/oauth/token"), 0);
        // The state is used up even so.
        let state = field_of(&back, "state");
        let again = come_back(&world, shape, TRAKT, &format!("state={state}&code=abc")).await;
        assert!(
            again
                .body
                .as_str()
                .is_some_and(|page| page.contains("used already")),
            "{}",
            again.body
        );
    }
}

#[tokio::test]
async fn a_state_works_once() {
    let world = World::new().await;
    let alice = person(&world, "alice").await;
    let back = back(&world, Shape::Scrobble, &alice, true).await;
    let query = query_of(&back);
    assert_eq!(
        come_back(&world, Shape::Scrobble, TRAKT, &query)
            .await
            .status,
        200
    );
    let again = come_back(&world, Shape::Scrobble, TRAKT, &query).await;
    assert_eq!(again.status, 400, "{}", again.body);
    let body = json!({ "code": field_of(&back, "code"), "state": field_of(&back, "state") });
    Shape::User
        .post(&world, &alice, TRAKT, body)
        .await
        .is_problem(400, Some("state"), "a third time");
    assert_eq!(world.twins.trakt.calls("/oauth/token"), 1);
    is_connected(&world, &alice, TRAKT).await;
}

#[tokio::test]
async fn a_state_belongs_to_its_user_and_its_service() {
    let world = World::new().await;
    let alice = person(&world, "alice").await;
    let bob = person(&world, "bob").await;
    for shape in Shape::BOTH {
        let back = back(&world, shape, &alice, true).await;
        let body = json!({ "code": field_of(&back, "code"), "state": field_of(&back, "state") });
        let answer = shape.post(&world, &bob, TRAKT, body).await;
        answer.is_problem(400, Some("state"), "bob with alice's");
    }
    let back = back(&world, Shape::Scrobble, &alice, true).await;
    let query = format!("{}&token=abc", query_of(&back));
    let page = come_back(&world, Shape::Scrobble, Service::LastFm, &query).await;
    assert_eq!(page.status, 400, "{}", page.body);
    is_not_connected(&world, &alice, TRAKT).await;
    is_not_connected(&world, &alice, Service::LastFm).await;
    is_not_connected(&world, &bob, TRAKT).await;
}

#[tokio::test]
async fn a_state_that_is_older_than_ten_minutes_or_unknown_is_refused() {
    let world = World::new().await;
    let alice = person(&world, "alice").await;
    let back = back(&world, Shape::Scrobble, &alice, true).await;
    world.clock.turn(TimeDelta::seconds(601));
    for query in [
        query_of(&back),
        "state=never&code=abc".to_owned(),
        "code=abc".to_owned(),
        String::new(),
    ] {
        let page = come_back(&world, Shape::Scrobble, TRAKT, &query).await;
        assert_eq!(page.status, 400, "{query}");
        assert!(
            page.body
                .as_str()
                .is_some_and(|page| page.contains("Begin again")),
            "{}",
            page.body
        );
    }
    assert_eq!(world.twins.trakt.calls("/oauth/token"), 0);
    is_not_connected(&world, &alice, TRAKT).await;
}

#[tokio::test]
async fn the_browser_goes_on_to_where_the_application_wants_it_and_nowhere_else() {
    let world = World::new().await;
    let alice = person(&world, "alice").await;
    for (is_allowed, status) in [(false, "failed"), (true, "connected")] {
        let path = "/api/v1/scrobble/connect/trakt";
        let wish = json!({ "return_to": "/settings?tab=services" });
        let (_, started) = world.call("POST", path, Some(&alice), Some(wish)).await;
        let page = started["authorize_url"].as_str().expect("an address");
        let back = decide(page, "alice", is_allowed).await.expect("a way back");
        let answer = come_back(&world, Shape::Scrobble, TRAKT, &query_of(&back)).await;
        assert_eq!(answer.status, 303);
        let wanted =
            format!("https://hub.example/settings?tab=services&service=trakt&status={status}");
        assert_eq!(answer.header("location"), wanted);
    }
    let wish = json!({ "return_to": "https://evil.example/" }).to_string();
    ask(
        &world,
        for_person("POST", "/api/v1/scrobble/connect/trakt", &alice, wish),
    )
    .await
    .is_problem(400, Some("return_to"), "elsewhere");
}

#[tokio::test]
async fn a_refused_code_and_a_service_that_is_down_are_told_apart() {
    let world = World::new().await;
    let alice = person(&world, "alice").await;
    for (is_down, status) in [(false, 422), (true, 503)] {
        let started = Shape::User.start(&world, &alice, TRAKT, false).await;
        world.twins.trakt.faults().down(is_down);
        let body = json!({ "code": "made-up", "state": started["state"] });
        let answer = Shape::User.post(&world, &alice, TRAKT, body).await;
        answer.is_problem(status, None, "made up");
        assert!(!answer.body.to_string().contains("made-up"));
    }
    is_not_connected(&world, &alice, TRAKT).await;
}

#[tokio::test]
async fn disconnecting_revokes_at_trakt_removes_the_tokens_and_keeps_the_plays() {
    for shape in Shape::BOTH {
        let world = World::new().await;
        let alice = world.person_at("alice", &[TRAKT]).await;
        finish(&world, &alice, &film(), TimeDelta::hours(1)).await;
        let (method, path) = shape.disconnect(TRAKT);
        let (status, gone) = world.call(method, &path, Some(&alice), None).await;
        assert_eq!((status, &gone["revoked"]), (200, &json!(true)), "{gone}");
        assert_eq!(world.twins.trakt.calls("/oauth/revoke"), 1);
        is_not_connected(&world, &alice, TRAKT).await;
        let stored = world
            .hub
            .table
            .connection(alice.id, TRAKT)
            .await
            .expect("the table");
        assert!(stored.is_none());
        assert_eq!(world.states(&alice, TRAKT).await, ["delivered"]);
        assert_eq!(world.twins.trakt.history("alice").len(), 1);
        // What comes now goes nowhere, and nothing fails over it.
        let requests = world.twins.trakt.requests().len();
        finish(&world, &alice, &track(), TimeDelta::hours(1)).await;
        world
            .pass_with_ticks(
                TimeDelta::hours(1),
                TimeDelta::minutes(20),
                TimeDelta::minutes(20),
            )
            .await;
        assert_eq!(world.twins.trakt.requests().len(), requests);
    }
}

#[tokio::test]
async fn disconnecting_succeeds_here_even_if_trakt_does_not_answer() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[TRAKT]).await;
    world.twins.trakt.faults().down(true);
    let (method, path) = Shape::User.disconnect(TRAKT);
    let (status, gone) = world.call(method, &path, Some(&alice), None).await;
    assert_eq!((status, &gone["revoked"]), (200, &json!(false)), "{gone}");
    assert!(
        gone["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("Trakt's settings")),
        "{gone}"
    );
    is_not_connected(&world, &alice, TRAKT).await;
}

#[tokio::test]
async fn the_deep_check_tells_the_name_that_the_service_says_now() {
    let world = World::new().await;
    let alice = person(&world, "alice").await;
    let back = back(&world, Shape::User, &alice, true).await;
    come_back(&world, Shape::User, TRAKT, &query_of(&back)).await;
    let asked = world.twins.trakt.calls("/users/settings");
    let report = deep(&world, &alice).await;
    assert_eq!(world.twins.trakt.calls("/users/settings"), asked + 1);
    assert_eq!(
        (&report["connections"][0]["username"], &report["status"]),
        (&json!("alice"), &json!("ok")),
        "{report}"
    );
    let listed = connection(&world, &alice, TRAKT).await;
    assert_eq!(
        report["connections"][0]["profile_url"],
        listed["profile_url"]
    );
}
