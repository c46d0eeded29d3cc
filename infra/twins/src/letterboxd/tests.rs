//! The diary feed, through real HTTP.

use chrono::{NaiveDate, TimeDelta};

use super::*;
use crate::testing::{Clock, client};

struct Stage {
    clock: Clock,
    letterboxd: Letterboxd,
}

impl Stage {
    async fn new() -> Stage {
        let clock = Clock::standing();
        let letterboxd = Letterboxd::start(clock.handle()).await.unwrap();
        letterboxd.add_user("Alice");
        Stage { clock, letterboxd }
    }

    async fn feed(&self) -> String {
        let answer = client()
            .get(self.letterboxd.feed_url("alice"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_logged_film_stands_in_the_feed_as_the_real_one_has_it() {
    let stage = Stage::new().await;
    let log = Log {
        half_stars: Some(9),
        is_liked: true,
        review: Some("Quiet & <b>good</b>.".to_owned()),
        ..Log::watched("Ocean's Eleven, Again", 2023, 976_893, day("2026-01-04"))
    };
    let number = stage.letterboxd.log("alice", log);
    let feed = stage.feed().await;
    let item = feed
        .split("<item>\n")
        .nth(1)
        .unwrap()
        .split("\n</item>")
        .next()
        .unwrap();
    assert_eq!(
        item,
        format!(
            "<title>Ocean&#039;s Eleven, Again, 2023 - ★★★★½</title>\n\
             <link>https://letterboxd.com/Alice/film/ocean-s-eleven-again-2023/</link>\n\
             <guid isPermaLink=\"false\">letterboxd-review-{number}</guid>\n\
             <pubDate>Sat, 21 Nov 2026 01:00:00 +1300</pubDate>\n\
             <letterboxd:watchedDate>2026-01-04</letterboxd:watchedDate>\n\
             <letterboxd:rewatch>No</letterboxd:rewatch>\n\
             <letterboxd:filmTitle>Ocean&#039;s Eleven, Again</letterboxd:filmTitle>\n\
             <letterboxd:filmYear>2023</letterboxd:filmYear>\n\
             <letterboxd:memberRating>4.5</letterboxd:memberRating>\n\
             <letterboxd:memberLike>Yes</letterboxd:memberLike>\n\
             <tmdb:movieId>976893</tmdb:movieId>\n\
             <description><![CDATA[ <p><img src=\"https://a.ltrbxd.com/resized/ocean-s-eleven-again-2023.jpg\"/></p> \
             <p>Quiet & <b>good</b>.</p> ]]></description>\n\
             <dc:creator>Alice</dc:creator>"
        )
    );
}

#[tokio::test]
async fn the_window_has_fifty_entries_newest_first_lists_among_them() {
    let stage = Stage::new().await;
    for number in 0..60 {
        stage.clock.turn(TimeDelta::minutes(1));
        let title = format!("Film {number}");
        stage.letterboxd.log(
            "alice",
            Log::watched(&title, 2000, 1000 + number, day("2026-11-01")),
        );
    }
    let list = stage.letterboxd.publish_list("alice", "Best of");
    let feed = stage.feed().await;
    assert_eq!(feed.matches("<item>").count(), WINDOW);
    assert!(
        feed.split("<item>")
            .nth(1)
            .unwrap()
            .contains(&format!("letterboxd-list-{list}"))
    );
    assert!(
        feed.contains("<letterboxd:filmTitle>Film 11<")
            && !feed.contains("<letterboxd:filmTitle>Film 10<")
    );
}

#[tokio::test]
async fn what_is_not_known_is_not_there_and_a_second_log_has_a_number() {
    let stage = Stage::new().await;
    let bare = Log {
        tmdb: None,
        watched_on: None,
        ..Log::watched("Heat", 1995, 949, day("2026-11-01"))
    };
    stage.letterboxd.log("alice", bare);
    let feed = stage.feed().await;
    for absent in ["watchedDate>", "memberRating>", "tmdb:movieId>"] {
        assert!(!feed.contains(absent), "{absent}");
    }
    let show = Log {
        tmdb: Some(Tmdb::Show(87108)),
        is_rewatch: true,
        ..Log::watched("Heat", 1995, 949, day("2026-11-02"))
    };
    let number = stage.letterboxd.log("alice", show);
    let feed = stage.feed().await;
    assert!(feed.contains("/film/heat-1995/1/") && feed.contains("<tmdb:tvId>87108<"));
    assert!(feed.contains("<p>Watched on Monday November 2, 2026.</p>"));
    stage
        .letterboxd
        .edit("alice", number, |log| log.half_stars = Some(6));
    assert!(stage.feed().await.contains("<letterboxd:memberRating>3.0<"));
    stage.letterboxd.remove("alice", number);
    assert_eq!(stage.letterboxd.items("alice").len(), 1);
}

#[tokio::test]
async fn strangers_scripts_and_blocked_addresses_see_pages() {
    let stage = Stage::new().await;
    let url = stage.letterboxd.feed_url("ALICE");
    let status = async |url: &str| client().get(url).send().await.unwrap().status().as_u16();
    assert_eq!(status(&url).await, 200, "names are the same in any case");
    assert_eq!(status(&stage.letterboxd.feed_url("bob")).await, 404);
    stage.letterboxd.make_private("alice", true);
    assert_eq!(status(&url).await, 404);
    stage.letterboxd.make_private("alice", false);
    let script = client()
        .get(&url)
        .header("user-agent", "python-requests/2.32");
    assert_eq!(script.send().await.unwrap().status(), 403);
    stage.letterboxd.refuse_address(true);
    let blocked = client().get(&url).send().await.unwrap();
    assert_eq!(
        (blocked.status().as_u16(), &blocked.headers()["server"]),
        (403, &"cloudflare".parse().unwrap())
    );
    assert!(blocked.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    stage.letterboxd.refuse_address(false);
    assert_eq!(stage.letterboxd.calls("/ALICE/rss/"), 4);
}
