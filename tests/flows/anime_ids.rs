//! Anime whose episodes come by their own ids, as Plex, Jellyfin and Emby name them: found by the user's Trakt or by
//! TMDB, else told what was tried, and placed by the user once and for all.

use chrono::{NaiveDate, TimeDelta};
use hub_domain::Service;
use hub_twins::tmdb::{Episode, TOKEN};
use hub_twins::trakt::Ids;
use serde_json::{Value, json};

use crate::harness::{Person, World, happened};

const OVERRIDES: &str = "/api/v1/anime/overrides";

/// The first episode of the second half of a season, by nothing but its own ids.
fn titan(number: u32) -> Value {
    json!({
        "item_id": format!("titan-{number}"), "item_type": "episode", "title": "An episode", "season": 4,
        "episode": number, "external_ids": { "tvdb": 8_960_000 + u64::from(number) },
        "show": { "title": "Attack on Titan", "year": 2013 }, "duration_ms": 1_440_000, "player_id": "tv",
    })
}

async fn watch(world: &World, person: &Person, item: &Value) {
    let end = world.clock.now();
    let events = json!([
        happened(item, "start", end - TimeDelta::minutes(23), Some(0)),
        happened(item, "stop", end, Some(23 * 60)),
    ]);
    world.event(person, events).await;
    world.pass(TimeDelta::minutes(25)).await;
}

/// The newest play's delivery to AniList, and the play's id.
async fn newest(world: &World, person: &Person) -> (Value, String) {
    let play = world.history(person).await["items"][0].clone();
    let deliveries = play["deliveries"].as_array().expect("deliveries");
    let found = deliveries.iter().find(|it| it["service"] == "anilist");
    let id = play["id"].as_str().expect("an id").to_owned();
    (found.expect("one to AniList").clone(), id)
}

fn progress(world: &World, entry: u64) -> Option<u32> {
    let entry = world.twins.anilist.entry("alice", entry);
    entry.map(|entry| entry.progress)
}

async fn retry(world: &World, person: &Person, play: &str) {
    let path = format!("/api/v1/scrobble/plays/{play}/retry");
    let (status, _) = world
        .call("POST", &path, Some(person), Some(json!({})))
        .await;
    assert_eq!(status, 202);
    world.pass(TimeDelta::minutes(5)).await;
}

#[tokio::test]
async fn an_episode_known_by_its_own_id_is_found_by_the_users_trakt_once_for_both_lists() {
    let world = World::new().await;
    let trakt = &world.twins.trakt;
    trakt.know_only_registered(true);
    let ids = Ids {
        tvdb: Some(267_440),
        tmdb: Some(1429),
        ..Ids::default()
    };
    let show = trakt.add_show("Attack on Titan", 2013, ids);
    let ids = Ids {
        tvdb: Some(8_960_017),
        ..Ids::default()
    };
    trakt.add_episode(show, 4, 17, "Judgment", ids);
    let services = [Service::Trakt, Service::AniList, Service::MyAnimeList];
    let alice = world.person_at("alice", &services).await;
    watch(&world, &alice, &titan(17)).await;
    assert_eq!(
        progress(&world, 131_681),
        Some(1),
        "{:#}",
        newest(&world, &alice).await.0
    );
    let mal = world.twins.myanimelist.entry("alice", 48_583);
    assert_eq!(mal.map(|entry| entry.episodes_watched), Some(1));
    // Two workers that ask at the same moment ask twice; whoever comes later asks nobody.
    let asked = trakt.calls("/search/tvdb/8960017");
    assert!((1..=2).contains(&asked), "{asked}");
    watch(&world, &alice, &titan(17)).await;
    assert_eq!(trakt.calls("/search/tvdb/8960017"), asked);
}

#[tokio::test]
async fn without_trakt_tmdb_tells_and_while_it_limits_the_play_waits() {
    let world = World::with([("TMDB_TOKEN", TOKEN)]).await;
    let tmdb = &world.twins.tmdb;
    tmdb.add_episode(Episode {
        show: 1429,
        season: 4,
        number: 18,
        tvdb: Some(8_960_018),
        imdb: None,
        aired_on: NaiveDate::from_ymd_opt(2022, 1, 17),
    });
    let limited = hub_twins::Answer::status(429).header("retry-after", 90);
    tmdb.faults()
        .once("/3/find/8960018", hub_twins::Fault::answer(limited));
    let alice = world.person_at("alice", &[Service::AniList]).await;
    let mut item = titan(18);
    item["external_ids"]["imdb"] = Value::Null;
    let end = world.clock.now();
    let events = json!([
        happened(&item, "start", end - TimeDelta::minutes(23), Some(0)),
        happened(&item, "stop", end, Some(23 * 60)),
    ]);
    world.event(&alice, events).await;
    world.pass(TimeDelta::seconds(20)).await;
    let (delivery, _) = newest(&world, &alice).await;
    assert_eq!(delivery["state"], "waiting", "{delivery:#}");
    let detail = delivery["detail"].as_str().expect("a reason");
    assert!(detail.starts_with("TMDB: "), "{detail}");
    world.pass(TimeDelta::minutes(5)).await;
    assert_eq!(tmdb.calls("/3/find/8960018"), 2);
    // The id alone does not say that it is this one, and TMDB tells no title along with it: it is offered.
    let (delivery, play) = newest(&world, &alice).await;
    assert_eq!(delivery["state"], "not_found", "{delivery:#}");
    let candidate = &delivery["candidates"][0];
    assert_eq!(
        (&candidate["anilist"], &candidate["episode"]),
        (&json!(131_681), &json!(2))
    );
    assert_eq!(progress(&world, 131_681), None);

    let choice = json!({
        "play_id": play, "anilist": candidate["anilist"], "entry_episode": candidate["episode"],
    });
    let (status, kept) = world
        .call("PUT", OVERRIDES, Some(&alice), Some(choice))
        .await;
    assert_eq!(status, 200, "{kept:#}");
    retry(&world, &alice, &play).await;
    assert_eq!(progress(&world, 131_681), Some(2));
    // The episodes behind it follow, and nobody is asked for them.
    tmdb.forget_requests();
    watch(&world, &alice, &titan(19)).await;
    assert_eq!(progress(&world, 131_681), Some(3));
    assert!(tmdb.requests().is_empty());
}

#[tokio::test]
async fn what_nobody_knows_says_what_was_tried_and_is_placed_by_the_shows_title() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::AniList]).await;
    let mut item = titan(1);
    item["external_ids"] = json!({ "anidb": 238_801 });
    item["season"] = json!(1);
    watch(&world, &alice, &item).await;
    let (delivery, play) = newest(&world, &alice).await;
    assert_eq!(delivery["state"], "not_found", "{delivery:#}");
    let detail = delivery["detail"].as_str().expect("what was tried");
    assert!(
        detail.contains("it cannot be asked for AniDB 238801"),
        "{detail}"
    );

    let rule = json!({ "play_id": play, "anilist": 16_498 });
    let (status, kept) = world.call("PUT", OVERRIDES, Some(&alice), Some(rule)).await;
    assert_eq!(status, 200, "{kept:#}");
    let rule = &kept["items"][0];
    assert_eq!(
        (&rule["origin"], &rule["from"], &rule["anilist"]),
        (&json!("title"), &json!(1), &json!(16_498))
    );
    retry(&world, &alice, &play).await;
    assert_eq!(progress(&world, 16_498), Some(1));

    let (_, listed) = world.call("GET", OVERRIDES, Some(&alice), None).await;
    assert_eq!(listed["items"], kept["items"]);
    let path = format!("{OVERRIDES}/{}", rule["id"].as_str().expect("an id"));
    for status in [204, 404] {
        assert_eq!(
            world.call("DELETE", &path, Some(&alice), None).await.0,
            status
        );
    }
    let (_, listed) = world.call("GET", OVERRIDES, Some(&alice), None).await;
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test]
async fn what_is_excluded_is_sent_to_neither_list() {
    let world = World::new().await;
    let lists = [Service::AniList, Service::MyAnimeList];
    let alice = world.person_at("alice", &lists).await;
    let show = json!({ "title": "Attack on Titan", "external_ids": { "tvdb": 267_440 } });
    let rule = json!({ "item_type": "show", "title": "Attack on Titan", "external_ids": { "tvdb": 267_440 },
        "exclude": true });
    let (status, kept) = world.call("PUT", OVERRIDES, Some(&alice), Some(rule)).await;
    assert_eq!(status, 200, "{kept:#}");
    let mut item = titan(17);
    item["show"] = show;
    watch(&world, &alice, &item).await;
    for service in lists {
        assert_eq!(
            world.states(&alice, service).await,
            ["ignored"],
            "{service}"
        );
    }
    assert_eq!(progress(&world, 131_681), None);
    let bob = world.person_at("bob", &[]).await;
    let (_, listed) = world.call("GET", OVERRIDES, Some(&bob), None).await;
    assert_eq!(listed["items"], json!([]), "nobody else's rules");
}

#[tokio::test]
async fn a_refused_rule_names_its_field_and_keeps_nothing() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    for (body, field) in [
        (json!({ "play_id": "nonsense", "anilist": 1 }), "play_id"),
        (json!({ "item_type": "movie", "title": "x" }), "anilist"),
        (
            json!({ "item_type": "episode", "title": "x", "season": 1, "episode": 1, "anilist": 1 }),
            "show.external_ids",
        ),
    ] {
        let (status, problem) = world.call("PUT", OVERRIDES, Some(&alice), Some(body)).await;
        assert_eq!(
            (status, &problem["field"]),
            (400, &json!(field)),
            "{problem:#}"
        );
    }
    let (_, listed) = world.call("GET", OVERRIDES, Some(&alice), None).await;
    assert_eq!(listed["items"], json!([]));
}
