//! Anime: an episode as a media server numbers it becomes an entry's own, and the entry a state that was reached.

use chrono::TimeDelta;
use hub_domain::Service;
use hub_twins::Fault;
use hub_twins::anilist::Status as AniListStatus;
use hub_twins::myanimelist::Status as MalStatus;
use serde_json::{Value, json};

use crate::harness::notices::Notices;
use crate::harness::{Person, World, happened};

const BOTH: [Service; 2] = [Service::AniList, Service::MyAnimeList];

/// An episode of a show that is named by its id at TheTVDB.
fn episode(show: u64, season: u32, number: u32) -> Value {
    json!({
        "item_id": format!("{show}-{season}-{number}"), "item_type": "episode", "title": "An episode",
        "season": season, "episode": number, "show": { "title": "A show", "external_ids": { "tvdb": show } },
        "duration_ms": 1_440_000, "player_id": "tv",
    })
}

fn titan(season: u32, number: u32) -> Value {
    episode(267_440, season, number)
}

async fn watch(world: &World, person: &Person, item: &Value) {
    let end = world.clock.now();
    let start = end - TimeDelta::minutes(23);
    let events = json!([
        happened(item, "start", start, Some(0)),
        happened(item, "stop", end, Some(23 * 60)),
    ]);
    world.event(person, events).await;
    world.pass(TimeDelta::minutes(25)).await;
}

/// The deliveries of the newest play.
async fn newest(world: &World, person: &Person) -> Value {
    world.history(person).await["items"][0]["deliveries"].clone()
}

fn at(deliveries: &Value, service: Service) -> &Value {
    let found = deliveries
        .as_array()
        .expect("deliveries")
        .iter()
        .find(|delivery| delivery["service"] == service.name());
    found.unwrap_or_else(|| panic!("no delivery to {service}: {deliveries:#}"))
}

/// Where an entry stands at AniList: status and progress.
fn at_anilist(world: &World, entry: u64) -> Option<(AniListStatus, u32)> {
    let entry = world.twins.anilist.entry("alice", entry)?;
    Some((entry.status, entry.progress))
}

/// Where an entry stands at MyAnimeList: status and progress.
fn at_mal(world: &World, entry: u64) -> Option<(MalStatus, u32)> {
    let entry = world.twins.myanimelist.entry("alice", entry)?;
    Some((entry.status, entry.episodes_watched))
}

#[tokio::test]
async fn an_episode_over_a_split_cour_completes_its_own_entry_at_both_lists() {
    let world = World::new().await;
    let alice = world.person_at("alice", &BOTH).await;
    watch(&world, &alice, &titan(4, 17)).await;
    assert_eq!(
        at_anilist(&world, 131_681),
        Some((AniListStatus::Current, 1))
    );
    assert_eq!(at_mal(&world, 48_583), Some((MalStatus::Watching, 1)));
    watch(&world, &alice, &titan(4, 28)).await;
    let (anilist, mal) = (at_anilist(&world, 131_681), at_mal(&world, 48_583));
    assert_eq!(anilist, Some((AniListStatus::Completed, 12)));
    assert_eq!(mal, Some((MalStatus::Completed, 12)));
    assert_eq!(at_anilist(&world, 110_277), None);
    assert_eq!(at_mal(&world, 40_028), None);
    let entry = world
        .twins
        .anilist
        .entry("alice", 131_681)
        .expect("an entry");
    let today = world.clock.now().date_naive();
    let day = entry.completed_at;
    assert_eq!(
        (day.year, day.month, day.day),
        (
            Some(i64::from(chrono::Datelike::year(&today))),
            Some(i64::from(chrono::Datelike::month(&today))),
            Some(i64::from(chrono::Datelike::day(&today)))
        )
    );
}

#[tokio::test]
async fn a_film_of_one_entry_is_completed_by_being_watched() {
    let world = World::new().await;
    let alice = world.person_at("alice", &BOTH).await;
    let film = json!({
        "item_id": "f", "item_type": "movie", "title": "Your Name.", "year": 2016, "duration_ms": 6_400_000,
        "external_ids": { "imdb": "tt5311514" }, "player_id": "tv",
    });
    let end = world.clock.now();
    let events = json!([
        happened(&film, "start", end - TimeDelta::minutes(104), Some(0)),
        happened(&film, "stop", end, Some(104 * 60)),
    ]);
    world.event(&alice, events).await;
    world.pass(TimeDelta::minutes(25)).await;
    let completed = (AniListStatus::Completed, 1);
    assert_eq!(at_anilist(&world, 21_519), Some(completed));
    assert_eq!(at_mal(&world, 32_281), Some((MalStatus::Completed, 1)));
}

#[tokio::test]
async fn progress_never_goes_down_and_what_the_list_has_already_is_said() {
    let world = World::new().await;
    let alice = world.person_at("alice", &BOTH).await;
    watch(&world, &alice, &titan(1, 5)).await;
    watch(&world, &alice, &titan(1, 3)).await;
    let (anilist, mal) = (at_anilist(&world, 16_498), at_mal(&world, 16_498));
    assert_eq!(anilist, Some((AniListStatus::Current, 5)));
    assert_eq!(mal, Some((MalStatus::Watching, 5)));
    let deliveries = newest(&world, &alice).await;
    for service in BOTH {
        let delivery = at(&deliveries, service);
        assert_eq!(delivery["state"], "already_there", "{delivery}");
        let detail = delivery["detail"].as_str().expect("a reason");
        assert!(detail.contains('5'), "{detail}");
    }
}

#[tokio::test]
async fn a_season_that_is_marked_at_once_is_a_write_or_two_a_list() {
    let world = World::new().await;
    let alice = world.person_at("alice", &BOTH).await;
    let now = world.clock.now();
    let marks: Vec<Value> = (1..=12)
        .map(|number| happened(&titan(2, number), "mark_watched", now, None))
        .collect();
    world.event(&alice, json!(marks)).await;
    world
        .pass_with_ticks(
            TimeDelta::minutes(30),
            TimeDelta::seconds(10),
            TimeDelta::minutes(1),
        )
        .await;
    let (anilist, mal) = (at_anilist(&world, 20_958), at_mal(&world, 25_777));
    assert_eq!(anilist, Some((AniListStatus::Completed, 12)));
    assert_eq!(mal, Some((MalStatus::Completed, 12)));
    // Ten events are handled at once, so two wake-ups name the season.
    let writes = world.twins.anilist.calls("SaveMediaListEntry");
    assert!((1..=2).contains(&writes), "{writes}");
}

#[tokio::test]
async fn what_is_no_anime_is_not_found_with_what_was_tried() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::AniList]).await;
    watch(&world, &alice, &episode(79_168, 1, 1)).await;
    let deliveries = newest(&world, &alice).await;
    let delivery = at(&deliveries, Service::AniList);
    assert_eq!(delivery["state"], "not_found", "{delivery}");
    let detail = delivery["detail"].as_str().expect("what was tried");
    assert!(detail.contains("79168"), "{detail}");
    assert_eq!(world.twins.anilist.calls("SaveMediaListEntry"), 0);
}

#[tokio::test]
async fn a_choice_among_candidates_is_made_once_and_for_all() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::AniList]).await;
    // The list has the fourth season's first 28 episodes only.
    watch(&world, &alice, &titan(4, 29)).await;
    let deliveries = newest(&world, &alice).await;
    let delivery = at(&deliveries, Service::AniList);
    assert_eq!(delivery["state"], "not_found", "{delivery:#}");
    let candidates = delivery["candidates"].as_array().expect("candidates");
    assert!(!candidates.is_empty(), "{delivery:#}");

    let rule = json!({
        "item_type": "episode", "season": 4, "episode": 29, "show": { "title": "A show", "external_ids": { "tvdb": 267_440 } },
        "anilist": 131_681, "entry_episode": 12,
    });
    let path = "/api/v1/anime/overrides";
    let (status, kept) = world.call("PUT", path, Some(&alice), Some(rule)).await;
    assert!((200..=201).contains(&status), "{status} {kept}");
    let id = world.history(&alice).await["items"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let retry = format!("/api/v1/scrobble/plays/{id}/retry");
    let (status, _) = world
        .call("POST", &retry, Some(&alice), Some(json!({})))
        .await;
    assert_eq!(status, 202);
    world.pass(TimeDelta::minutes(5)).await;
    let entry = world
        .twins
        .anilist
        .entry("alice", 131_681)
        .expect("an entry");
    assert_eq!(entry.progress, 12);
}

#[tokio::test]
async fn a_rating_is_told_in_the_format_that_its_user_chose() {
    let world = World::new().await;
    let alice = world.person_at("alice", &BOTH).await;
    let format = hub_twins::anilist::ScoreFormat::Point100;
    world.twins.anilist.set_score_format("alice", format);
    watch(&world, &alice, &titan(1, 1)).await;
    let body = json!({
        "item_type": "season", "season": 1, "show": { "title": "A show", "external_ids": { "tvdb": 267_440 } }, "rating": 8.7,
    });
    let (status, answer) = world
        .call("PUT", "/api/v1/ratings", Some(&alice), Some(body))
        .await;
    assert_eq!(status, 202, "{answer}");
    world.pass(TimeDelta::minutes(25)).await;
    let (_, page) = world
        .call("GET", "/api/v1/ratings", Some(&alice), None)
        .await;
    let anilist = world
        .twins
        .anilist
        .entry("alice", 16_498)
        .expect("an entry");
    assert_eq!((anilist.score_raw, anilist.progress), (87, 1), "{page:#}");
    let mal = world
        .twins
        .myanimelist
        .entry("alice", 16_498)
        .expect("an entry");
    assert_eq!((mal.score, mal.episodes_watched), (9, 1), "{page:#}");
}

#[tokio::test]
async fn a_refused_address_is_a_state_of_its_own_and_nothing_is_lost() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::MyAnimeList]).await;
    world.twins.myanimelist.refuse_address(true);
    watch(&world, &alice, &titan(1, 1)).await;
    let path = "/api/v1/scrobble/connections";
    let health = async || {
        let (_, page) = world.call("GET", path, Some(&alice), None).await;
        let connections = page["items"].as_array().expect("connections").clone();
        let found = connections
            .into_iter()
            .find(|connection| connection["service"] == "myanimelist");
        found.expect("a connection")
    };
    let blocked = health().await;
    assert_eq!(blocked["health"], "address_blocked", "{blocked:#}");
    let detail = blocked["health_detail"].as_str().expect("a sentence");
    assert!(detail.contains("home"), "{detail}");
    assert_eq!(
        world.states(&alice, Service::MyAnimeList).await,
        ["waiting"]
    );
    world.twins.myanimelist.refuse_address(false);
    world
        .pass_with_ticks(
            TimeDelta::hours(3),
            TimeDelta::minutes(1),
            TimeDelta::minutes(5),
        )
        .await;
    assert_eq!(
        world.states(&alice, Service::MyAnimeList).await,
        ["delivered"]
    );
    assert_eq!(health().await["health"], "ok");
}

#[tokio::test]
async fn a_list_that_cannot_be_fetched_or_is_none_leaves_the_last_good_copy_in_use() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::AniList]).await;
    let fetched = world.twins.anime_map.requests().len();
    assert_eq!(fetched, 2, "the release, and where it is stored");
    world.twins.anime_map.publish("<html>down</html>");
    world
        .pass_with_ticks(
            TimeDelta::hours(26),
            TimeDelta::minutes(10),
            TimeDelta::minutes(10),
        )
        .await;
    let asked = world.twins.anime_map.requests().len() - fetched;
    assert!((2..=20).contains(&asked), "{asked}");
    watch(&world, &alice, &titan(1, 1)).await;
    assert_eq!(world.states(&alice, Service::AniList).await, ["delivered"]);

    world
        .twins
        .anime_map
        .faults()
        .always("/storage/mappings.min.json", Fault::html_page(503));
    world
        .pass_with_ticks(
            TimeDelta::hours(30),
            TimeDelta::minutes(30),
            TimeDelta::minutes(30),
        )
        .await;
    watch(&world, &alice, &titan(1, 2)).await;
    let entry = world
        .twins
        .anilist
        .entry("alice", 16_498)
        .expect("an entry");
    assert_eq!(entry.progress, 2);
}

#[tokio::test]
async fn the_user_of_a_sign_in_without_renewal_is_told_a_week_before_it_ends() {
    let world = World::with([("ALLOW_PRIVATE_ADDRESSES", "true")]).await;
    let notices = Notices::start().await;
    let alice = world.person("alice").await;
    let (status, answer) = world
        .call(
            "PATCH",
            "/api/v1/user/settings",
            Some(&alice),
            Some(json!({ "notification_url": notices.url })),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
    let mut tokens = world.issue(Service::AniList, "alice");
    tokens.expires_at = Some(world.clock.now() + TimeDelta::days(8));
    world.link(&alice, Service::AniList, &tokens, None).await;
    let due = world.clock.now() + TimeDelta::days(1);
    world
        .hub
        .table
        .set_connection_due(alice.id, Service::AniList, Some(due))
        .await
        .expect("a connection");
    world
        .pass_with_ticks(TimeDelta::days(2), TimeDelta::hours(1), TimeDelta::hours(1))
        .await;
    let taken = notices.taken();
    assert_eq!(taken.len(), 1, "{taken:?}");
    assert_eq!(taken[0]["kind"], "reconnect_soon");
    assert_eq!(taken[0]["service"], "anilist");
    world
        .pass_with_ticks(TimeDelta::days(7), TimeDelta::hours(1), TimeDelta::hours(1))
        .await;
    let kinds: Vec<Value> = notices
        .taken()
        .iter()
        .map(|it| it["kind"].clone())
        .collect();
    assert_eq!(
        kinds,
        [json!("reconnect_soon"), json!("reconnect_required")]
    );
}
