//! Signing in to Simkl in the browser and on another device, and out again.

use chrono::TimeDelta;
use hub_domain::Service;
use serde_json::json;

use crate::harness::{Person, World, film};
use crate::services::signing_in::{
    Shape, account_id, come_back, decide, field_of, finish, is_connected, is_not_connected,
    query_of,
};

const SIMKL: Service = Service::Simkl;

async fn person(world: &World, name: &str) -> Person {
    world.twins.simkl.add_user(name);
    world.person(name).await
}

async fn back(world: &World, person: &Person) -> String {
    let started = Shape::User.start(world, person, SIMKL, false).await;
    let page = started["authorize_url"].as_str().expect("an address");
    assert!(page.starts_with(world.twins.simkl.site_url()), "{page}");
    assert_eq!(field_of(page, "code_challenge_method"), "S256");
    decide(page, &person.name, true).await.expect("a way back")
}

#[tokio::test]
async fn simkls_page_leads_to_a_connection_that_may_write_and_delivers() {
    let world = World::new().await;
    let alice = person(&world, "alice").await;
    let back = back(&world, &alice).await;
    let page = come_back(&world, Shape::User, SIMKL, &query_of(&back)).await;
    assert_eq!(page.status, 200, "{}", page.body);
    is_connected(&world, &alice, SIMKL).await;
    let id = account_id(&world, &alice, SIMKL).await;
    assert!(
        id.parse::<u64>().is_ok(),
        "what stays when the name changes: {id}"
    );
    finish(&world, &alice, &film(), TimeDelta::hours(1)).await;
    world.pass(TimeDelta::seconds(3)).await;
    assert_eq!(world.held(SIMKL, "alice").len(), 1);
}

#[tokio::test]
async fn a_browser_that_comes_back_from_elsewhere_brings_nothing() {
    let world = World::new().await;
    let alice = person(&world, "alice").await;
    let back = back(&world, &alice).await;
    assert_eq!(field_of(&back, "iss"), "https://simkl.com");
    let (code, state) = (field_of(&back, "code"), field_of(&back, "state"));
    let query = format!("code={code}&state={state}&iss=https%3A%2F%2Fevil.example");
    let page = come_back(&world, Shape::User, SIMKL, &query).await;
    assert_eq!(page.status, 400, "{}", page.body);
    assert_eq!(world.twins.simkl.calls("/oauth2/token"), 0);
    is_not_connected(&world, &alice, SIMKL).await;
}

#[tokio::test]
async fn a_code_typed_in_on_another_device_connects() {
    let world = World::new().await;
    let alice = person(&world, "alice").await;
    let started = Shape::Scrobble.start(&world, &alice, SIMKL, true).await;
    let poll = || Shape::Scrobble.post(&world, &alice, SIMKL, json!({ "state": started["state"] }));
    assert_eq!(poll().await.status, 202);
    let code = started["user_code"].as_str().expect("a code");
    world
        .twins
        .simkl
        .activate(code, "alice", true)
        .expect("a device that waits");
    world.clock.turn(TimeDelta::seconds(5));
    let done = poll().await;
    assert_eq!(done.status, 200, "{}", done.body);
    is_connected(&world, &alice, SIMKL).await;
}

#[tokio::test]
async fn disconnecting_revokes_at_simkl() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[SIMKL]).await;
    let (method, path) = Shape::User.disconnect(SIMKL);
    let (status, gone) = world.call(method, &path, Some(&alice), None).await;
    assert_eq!((status, &gone["revoked"]), (200, &json!(true)), "{gone}");
    assert_eq!(world.twins.simkl.calls("/oauth2/revoke"), 1);
    is_not_connected(&world, &alice, SIMKL).await;
}
