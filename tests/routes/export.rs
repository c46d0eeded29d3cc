//! `GET /api/v1/export/{goodreads|letterboxd}`: files for services whose API is closed.

use axum::body::Body;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::asking::{Answered, ask, for_person};
use crate::harness::{Person, World, film, happened};

const FILMS: &str = "/api/v1/export/letterboxd";
const BOOKS: &str = "/api/v1/export/goodreads";
/// Long enough that everything before is in no later file.
const LATER: TimeDelta = TimeDelta::minutes(5);

async fn get(world: &World, person: &Person, path: &str) -> Answered {
    let request = for_person("GET", path, person, Body::empty());
    ask(world, request).await
}

/// The lines of a file, without the header.
async fn lines(world: &World, person: &Person, path: &str) -> Vec<String> {
    let answer = get(world, person, path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let file = answer.body.as_str().expect("text");
    file.lines().skip(1).map(str::to_owned).collect()
}

/// Lets time pass, and does what has become due.
async fn turn(world: &World, time: TimeDelta) {
    world.clock.turn(time);
    world.hub.sync.tick().await.expect("a tick");
    world.settle().await;
}

/// A film that ended now.
async fn watch(world: &World, person: &Person, item: &Value) {
    let length = item["duration_ms"].as_i64().unwrap_or_default() / 1_000;
    world
        .event(
            person,
            happened(item, "stop", world.clock.now(), Some(length)),
        )
        .await;
    world.settle().await;
}

async fn say(world: &World, person: &Person, method: &str, path: &str, body: Value) {
    let (status, answer) = world.call(method, path, Some(person), Some(body)).await;
    assert_eq!(status, 202, "{path}: {answer}");
    world.settle().await;
}

#[tokio::test]
async fn films_are_handed_out_once_with_their_days_at_home_and_rewatches_marked() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let zone = json!({ "time_zone": "Pacific/Auckland" });
    world
        .call("PATCH", "/api/v1/user/settings", Some(&alice), Some(zone))
        .await;
    let day = |world: &World| {
        let there = world
            .clock
            .now()
            .with_timezone(&chrono_tz::Pacific::Auckland);
        there.date_naive()
    };
    assert_eq!(
        get(&world, &alice, FILMS).await.status,
        204,
        "nothing was watched"
    );

    watch(&world, &alice, &film()).await;
    let mut rating = film();
    rating["rating"] = json!(8.7);
    rating["review"] = json!("So \"real\",\nor is it?");
    say(&world, &alice, "PUT", "/api/v1/ratings", rating).await;
    let first = day(&world);
    turn(&world, LATER).await;
    let row = format!("603,tt0133093,The Matrix,1999,{first},9,false,,\"So \\\"real\\\",");
    let file = lines(&world, &alice, FILMS).await;
    assert_eq!(file, [row.as_str(), "or is it?\""]);
    assert_eq!(
        get(&world, &alice, FILMS).await.status,
        204,
        "nothing is new"
    );

    turn(&world, TimeDelta::days(2)).await;
    watch(&world, &alice, &film()).await;
    let second = day(&world);
    turn(&world, LATER).await;
    let rewatch = format!("603,tt0133093,The Matrix,1999,{second},,true,,");
    let head = for_person("HEAD", FILMS, &alice, Body::empty());
    assert_eq!(ask(&world, head).await.status, 200);
    assert_eq!(
        lines(&world, &alice, FILMS).await,
        [rewatch],
        "a look at the headers handed nothing out"
    );

    let whole = get(&world, &alice, &format!("{FILMS}?since=all")).await;
    assert_eq!(
        (whole.header("x-exported-rows"), whole.header("x-left-out")),
        ("2", "0")
    );
    let name = format!("attachment; filename=\"letterboxd-{}.csv\"", day(&world));
    assert_eq!(whole.header("content-disposition"), name);
    // A file that was lost is made again.
    let lost = (world.clock.now() - TimeDelta::hours(1)).format("%Y-%m-%dT%H:%M:%SZ");
    assert_eq!(
        lines(&world, &alice, &format!("{FILMS}?since={lost}"))
            .await
            .len(),
        1
    );
    // Nobody else's.
    let bob = world.person("bob").await;
    assert_eq!(get(&world, &bob, FILMS).await.status, 204);
}

#[tokio::test]
async fn what_is_to_be_watched_has_a_file_of_its_own() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    say(&world, &alice, "PUT", "/api/v1/lists/watchlist", film()).await;
    assert_eq!(
        get(&world, &alice, FILMS).await.status,
        204,
        "it was not watched"
    );
    let path = format!("{FILMS}?list=watchlist");
    let row = "603,tt0133093,The Matrix,1999,,,,,";
    for _ in 0..2 {
        assert_eq!(lines(&world, &alice, &path).await, [row]);
    }
    say(&world, &alice, "DELETE", "/api/v1/lists/watchlist", film()).await;
    assert_eq!(get(&world, &alice, &path).await.status, 204);
}

#[tokio::test]
async fn books_are_handed_out_with_their_shelf_their_stars_and_their_count() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let emma = json!({
        "item_id": "book-1", "item_type": "book", "title": "Emma", "author": "Jane Austen",
        "external_ids": { "isbn": "0141439580" },
    });
    let dune = json!({ "item_id": "book-2", "item_type": "book", "title": "Dune", "author": "Frank Herbert" });
    for _ in 0..2 {
        let read = happened(&emma, "scrobble_point", world.clock.now(), None);
        world.event(&alice, read).await;
        world.settle().await;
        turn(&world, TimeDelta::days(1)).await;
    }
    let read_on = (world.clock.now() - TimeDelta::days(1))
        .format("%Y/%m/%d")
        .to_string();
    let mut rating = emma.clone();
    (rating["rating"], rating["review"]) = (json!(7.0), json!("Good,\n\"better\""));
    say(&world, &alice, "PUT", "/api/v1/ratings", rating).await;
    say(&world, &alice, "PUT", "/api/v1/lists/watchlist", dune).await;
    turn(&world, LATER).await;
    let file = lines(&world, &alice, BOOKS).await;
    assert_eq!(file.len(), 2, "{file:?}");
    let begins = ",Emma,Jane Austen,,,\"=\"\"0141439580\"\"\",\"=\"\"9780141439587\"\"\",4,";
    assert!(file[0].starts_with(begins), "{}", file[0]);
    let ends = ",read,\"Good,<br/>\"\"better\"\"\",,,2,0";
    assert!(
        file[0].contains(&read_on) && file[0].ends_with(ends),
        "{}",
        file[0]
    );
    assert!(
        file[1].starts_with(",Dune,Frank Herbert,") && file[1].contains(",to-read,"),
        "{}",
        file[1]
    );
    assert_eq!(
        get(&world, &alice, BOOKS).await.status,
        204,
        "nothing is new"
    );
    let importer = lines(
        &world,
        &alice,
        &format!("{BOOKS}?since=all&layout=importer"),
    )
    .await;
    assert!(
        importer[0].starts_with("Emma,Jane Austen,9780141439587,4,"),
        "{importer:?}"
    );
}

#[tokio::test]
async fn what_cannot_be_handed_out_is_refused_with_what_can() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    for (path, status, field) in [
        ("/api/v1/export/trakt".to_owned(), 404, None),
        ("/api/v1/export/myspace".to_owned(), 404, None),
        (format!("{FILMS}?since=yesterday"), 400, Some("since")),
        (format!("{FILMS}?until=tomorrow"), 400, Some("until")),
        (format!("{FILMS}?layout=importer"), 400, Some("layout")),
        (format!("{BOOKS}?list=watchlist"), 400, Some("list")),
    ] {
        get(&world, &alice, &path)
            .await
            .is_problem(status, field, &path);
    }
}
