//! The feeds of shelves, through real HTTP.

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::testing::{Clock, client};

struct Stage {
    goodreads: Goodreads,
    now: DateTime<Utc>,
}

impl Stage {
    async fn new() -> Stage {
        let clock = Clock::standing();
        let goodreads = Goodreads::start(clock.handle()).await.unwrap();
        goodreads.add_user("Jane");
        Stage {
            goodreads,
            now: clock.now(),
        }
    }

    fn shelve(&self, shelf: &str, book: u64) -> Shelved {
        let added_at = self.now - TimeDelta::minutes(i64::try_from(book).unwrap());
        let book = Shelved::on(
            shelf,
            book,
            &format!("Book {book}"),
            "Jane  Writer",
            added_at,
        );
        self.goodreads.shelve("Jane", book.clone());
        book
    }

    async fn feed(&self, shelf: &str, more: &str) -> String {
        let url = format!("{}{more}", self.goodreads.feed_url("Jane", shelf));
        let answer = client().get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    }
}

fn books(feed: &str) -> usize {
    feed.matches("<item>").count()
}

#[tokio::test]
async fn a_book_stands_in_the_feed_as_the_real_one_has_it() {
    let stage = Stage::new().await;
    let book = Shelved {
        isbn: Some("0141439513".to_owned()),
        rating: 4,
        read_on: "2026-03-01".parse().ok(),
        tags: vec!["favourites".to_owned()],
        text: Some("Good.<br/>Very.".to_owned()),
        ..stage.shelve("read", 1885)
    };
    let number = stage.goodreads.shelve("Jane", book);
    let feed = stage.feed("read", "").await;
    assert!(feed.starts_with("\n<?xml"), "a blank line comes first");
    assert!(feed.contains("<title>Jane 's bookshelf: read</title>"));
    assert!(feed.contains(&format!(
        "/review/show/{number}?utm_medium=api&utm_source=rss"
    )));
    for part in [
        "<user_read_at><![CDATA[Sun, 1 Mar 2026 00:00:00 +0000]]>",
        "<isbn>0141439513</isbn>",
        "<user_rating>4</user_rating>",
        "<user_shelves>favourites</user_shelves>",
        "<author_name>Jane  Writer</author_name>",
        "<user_review><![CDATA[Good.<br/>Very.]]>",
        "<ttl>60</ttl>",
        "-0800]]></user_date_added>",
    ] {
        assert!(feed.contains(part), "{part}");
    }
    assert_eq!(books(&feed), 1, "shelved again it is the same book");
}

#[tokio::test]
async fn an_unknown_shelf_is_the_whole_library_under_a_title_with_a_blank() {
    let stage = Stage::new().await;
    stage.shelve("read", 1);
    stage.shelve("to-read", 2);
    let missing = stage.feed("cookbooks", "").await;
    assert!(missing.contains("<title>Jane 's bookshelf: read </title>"));
    assert_eq!(books(&missing), 2);
    let again = stage.feed("cookbooks", "&page=2").await;
    assert_eq!(books(&again), 2);
    let upper = stage.feed("To-Read", "").await;
    assert!(
        upper.contains("bookshelf: read </title>"),
        "shelves are written exactly so"
    );
    let empty = stage.feed("did-not-finish", "").await;
    assert!(empty.contains("bookshelf: did-not-finish</title>") && books(&empty) == 0);
    let all = stage.feed("", "").await;
    assert!(all.contains("bookshelf: all</title>") && books(&all) == 2);
    assert!(
        stage
            .feed("read", "")
            .await
            .contains("<user_shelves></user_shelves>")
    );
}

#[tokio::test]
async fn pages_have_a_hundred_books_and_one_for_who_asks_for_more() {
    let stage = Stage::new().await;
    for book in 1..=130 {
        stage.shelve("to-read", book);
    }
    assert_eq!(books(&stage.feed("to-read", "").await), 100);
    assert_eq!(books(&stage.feed("to-read", "&page=2").await), 30);
    assert_eq!(books(&stage.feed("to-read", "&page=3").await), 0);
    assert_eq!(
        books(&stage.feed("to-read", "&per_page=40&page=4").await),
        10
    );
    assert_eq!(books(&stage.feed("to-read", "&per_page=200").await), 1);
    let newest = stage
        .feed("to-read", "&sort=date_added&order=d&per_page=1")
        .await;
    assert!(newest.contains("<book_id>1</book_id>"));
    let oldest = stage
        .feed("to-read", "&sort=date_added&order=a&per_page=1")
        .await;
    assert!(oldest.contains("<book_id>130</book_id>"));
}

#[tokio::test]
async fn private_profiles_need_their_key_and_blocked_addresses_see_pages() {
    let stage = Stage::new().await;
    let id = stage.goodreads.add_user("Jane");
    let bare = format!("{}/review/list_rss/{id}?shelf=read", stage.goodreads.url());
    let status = async |url: &str| client().get(url).send().await.unwrap().status().as_u16();
    assert_eq!(status(&bare).await, 200);
    stage.goodreads.make_private("Jane", true);
    assert_eq!(status(&bare).await, 403);
    assert_eq!(status(&stage.goodreads.feed_url("Jane", "read")).await, 200);
    let nobody = format!("{}/review/list_rss/1", stage.goodreads.url());
    assert_eq!(status(&nobody).await, 404);
    stage.goodreads.refuse_address(true);
    assert_eq!(status(&bare).await, 503);
    stage.goodreads.refuse_address(false);
    stage
        .goodreads
        .faults()
        .once("/review", crate::Fault::answer(bot_check()));
    let checked = client().get(&bare).send().await.unwrap();
    assert_eq!(checked.status(), 200);
    assert!(checked.text().await.unwrap().starts_with("<!DOCTYPE html>"));
}
