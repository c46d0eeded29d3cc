//! Progress that is dropped by what a process remembers, and what becomes of that once the token is revoked.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{Person, World, film, happened};
use crate::routes::asking::{ask, for_person, token, under};

const PATH: &str = "/api/v1/scrobble/events";

/// A film that a person watches and of which their player tells by a token.
struct Watching {
    world: World,
    alice: Person,
    id: String,
    word: String,
    position: i64,
}

impl Watching {
    /// From its start until progress is dropped by memory alone.
    async fn with(scope: &str) -> Self {
        let world = World::new().await;
        let alice = world.person("alice").await;
        let (id, word) = token(&world, &alice, scope).await;
        let mut watching = Self {
            world,
            alice,
            id,
            word,
            position: 0,
        };
        assert_eq!(watching.tells("start").await, (202, 1), "goes on");
        watching.plays(10);
        assert_eq!(
            watching.tells("progress").await,
            (202, 0),
            "read, and dropped"
        );
        watching
    }

    fn plays(&mut self, seconds: i64) {
        self.world.clock.turn(TimeDelta::seconds(seconds));
        self.position += seconds;
    }

    /// The status of the answer, and how many messages came of the event.
    async fn tells(&self, what: &str) -> (u16, usize) {
        let event = happened(&film(), what, self.world.clock.now(), Some(self.position));
        let status = self.posts(event).await;
        (status, self.world.settle().await)
    }

    async fn posts(&self, body: Value) -> u16 {
        let request = under(&self.word, "POST", PATH, Some(body));
        ask(&self.world, request).await.status
    }

    /// Revokes the token as another process does.
    async fn is_revoked_elsewhere(&self) {
        let table = &self.world.hub.table;
        let revoked = table.revoke_token(self.alice.id, &self.id).await;
        assert!(revoked.expect("the table answers"));
    }
}

#[tokio::test]
async fn a_token_revoked_elsewhere_can_only_have_progress_thrown_away_and_that_for_a_minute() {
    for scope in ["full", "ingest"] {
        let mut watching = Watching::with(scope).await;
        watching.is_revoked_elsewhere().await;
        watching.plays(10);
        assert_eq!(watching.tells("progress").await, (202, 0), "thrown away");
        for what in ["pause", "resume", "scrobble_point", "stop", "start"] {
            assert_eq!(watching.tells(what).await, (401, 0), "{what}");
        }
        assert_eq!(watching.posts(json!({ "event": "?" })).await, 401);
        assert_eq!(watching.posts(json!([])).await, 401);
        watching.plays(39);
        assert_eq!(watching.tells("progress").await, (202, 0), "59 seconds on");
        watching.plays(1);
        assert_eq!(watching.tells("progress").await, (401, 0), "a minute on");
    }
}

#[tokio::test]
async fn whoever_revokes_or_erases_in_this_process_is_heard_at_once() {
    let mut revoked = Watching::with("full").await;
    let path = format!("/api/v1/user/tokens/{}", revoked.id);
    let request = for_person("DELETE", &path, &revoked.alice, "");
    assert_eq!(ask(&revoked.world, request).await.status, 204);
    let mut erased = Watching::with("ingest").await;
    let path = format!("/api/v1/users/{}", erased.alice.id);
    let request = for_person("DELETE", &path, &erased.alice, "");
    assert_eq!(ask(&erased.world, request).await.status, 204);
    for watching in [&mut revoked, &mut erased] {
        watching.plays(10);
        assert_eq!(watching.tells("progress").await, (401, 0));
    }
}

#[tokio::test]
async fn what_the_memory_does_not_know_is_not_dropped_by_it() {
    let mut watching = Watching::with("ingest").await;
    watching.is_revoked_elsewhere().await;
    watching.plays(10);
    let at = watching.world.clock.now();
    let mut of_somebody = happened(&film(), "progress", at, Some(20));
    of_somebody["account"] = json!("bob");
    let mut elsewhere = happened(&film(), "progress", at, Some(20));
    elsewhere["player_id"] = json!("another");
    let seeked = happened(&film(), "progress", at, Some(3_000));
    let known = happened(&film(), "progress", at, Some(20));
    for (body, status) in [
        (of_somebody, 401),
        (elsewhere, 401),
        (json!([known, seeked]), 401),
        (json!([known, known]), 202),
        (known, 202),
    ] {
        assert_eq!(watching.posts(body.clone()).await, status, "{body}");
    }
    // The token acts for another user than the header names: that is not looked at by memory.
    let event = happened(&film(), "progress", at, Some(20));
    let mut request = under(&watching.word, "POST", PATH, Some(event));
    let bob = watching.world.person("bob").await.id.to_string();
    let name = bob.parse().expect("a header");
    request.headers_mut().insert("x-user-id", name);
    assert_eq!(ask(&watching.world, request).await.status, 401);
}

#[tokio::test]
async fn a_webhooks_progress_is_dropped_by_memory_under_its_own_address_alone() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let (id, word) = token(&world, &alice, "ingest").await;
    let posts = async |source: &str, seconds: i64, what: &str| {
        let at = world.clock.now();
        let body = json!({
            "NotificationType": what, "ServerId": "server", "ServerName": "home", "UtcTimestamp": at.to_rfc3339(),
            "NotificationUsername": "", "ItemType": "Movie", "ItemId": "film-1", "Name": "The Matrix", "Year": 1999,
            "RunTimeTicks": 72_000_000_000_i64, "PlaybackPositionTicks": seconds * 10_000_000,
            "IsPaused": false, "DeviceId": "tv", "DeviceName": "tv", "ClientName": "web",
        });
        let kind = "application/json";
        let bytes = body.to_string().into_bytes();
        let (status, body) = world.webhook(source, &word, kind, bytes).await;
        (status, body, world.settle().await)
    };
    let (status, taken, messages) = posts("jellyfin", 0, "PlaybackStart").await;
    assert_eq!((status, messages), (202, 1), "{taken}");
    for seconds in [10, 20] {
        world.clock.turn(TimeDelta::seconds(10));
        let (status, taken, messages) = posts("jellyfin", seconds, "PlaybackProgress").await;
        assert_eq!((status, messages), (202, 0), "{taken}");
        assert_eq!(taken, json!({ "accepted": 1 }));
    }
    let revoked = world.hub.table.revoke_token(alice.id, &id).await;
    assert!(revoked.expect("the table answers"));
    world.clock.turn(TimeDelta::seconds(10));
    let (status, taken, _) = posts("jellyfin", 30, "PlaybackProgress").await;
    assert_eq!((status, taken), (202, json!({ "accepted": 1 })));
    assert_eq!(posts("emby", 30, "PlaybackProgress").await.0, 401);
    assert_eq!(posts("jellyfin", 30, "PlaybackStop").await.0, 401);
    let garbage = world
        .webhook("jellyfin", &word, "application/json", b"{".to_vec())
        .await;
    assert_eq!(garbage.0, 401);
    world.clock.turn(TimeDelta::seconds(30));
    assert_eq!(posts("jellyfin", 60, "PlaybackProgress").await.0, 401);
}
