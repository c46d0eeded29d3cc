//! Goodreads and Letterboxd, of which the hub reads feeds: what its clients make of the documents of their twins.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use hub_domain::media::Namespace;
use hub_domain::rating::Shown;
use hub_domain::{Disposition, Secret};
use hub_providers::{Account, Goodreads, Letterboxd, Provider, Tokens};
use hub_twins::goodreads::{self, Shelved};
use hub_twins::letterboxd::{Log, Tmdb, WINDOW};
use hub_twins::{Fault, Faults};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).expect("a moment of 2026")
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent("ScrobbleHub/0 (+test)")
        .build()
        .expect("a client")
}

fn account(tokens: &Tokens) -> Account<'_> {
    Account {
        tokens,
        username: "",
        url: None,
    }
}

async fn sign_in(provider: &Provider, typed: &str) -> Tokens {
    let redirect = "https://hub.example/".parse().expect("an address");
    provider
        .exchange(typed, &redirect, None::<&Secret>, now())
        .await
        .expect("it names somebody")
}

/// What a sign-in comes to under a fault, and what a reading would.
async fn refused(provider: &Provider, tokens: &Tokens) -> Disposition {
    let account = account(tokens);
    let identified = provider
        .identify(&account, now())
        .await
        .expect_err("no feed came");
    let read = match provider {
        Provider::Goodreads(client) => client
            .read_feed(&account, Some("read"), 1, now())
            .await
            .expect_err("no feed came"),
        Provider::Letterboxd(client) => client
            .read_feed(&account, now())
            .await
            .expect_err("no feed came"),
        Provider::Trakt(_)
        | Provider::Simkl(_)
        | Provider::LastFm(_)
        | Provider::ListenBrainz(_)
        | Provider::AniList(_)
        | Provider::MyAnimeList(_) => panic!("{provider:?} is not read by a feed"),
    };
    assert_eq!(identified.disposition, read.disposition);
    assert!(!identified.why.contains("key="), "{}", identified.why);
    identified.disposition
}

async fn every_trouble_is_told(provider: &Provider, tokens: &Tokens, faults: &Faults) {
    for (fault, expected) in [
        (Fault::status(500), Disposition::Retryable),
        (Fault::drop_after(), Disposition::Retryable),
        (Fault::other_shape(), Disposition::Retryable),
    ] {
        faults.always("/", fault);
        assert_eq!(refused(provider, tokens).await, expected);
        faults.clear();
    }
}

#[tokio::test]
async fn a_library_at_goodreads_is_read_page_by_page_with_its_key() {
    let twin = hub_twins::Goodreads::start(Arc::new(now))
        .await
        .expect("a port");
    let number = twin.add_user("Jane");
    twin.make_private("Jane", true);
    for book in 1..=150 {
        let added_at = now() - TimeDelta::minutes(i64::from(book));
        let title = format!("Book {book} & more");
        twin.shelve(
            "Jane",
            Shelved::on(
                "to-read",
                u64::from(book as u32),
                &title,
                "Jane  Writer",
                added_at,
            ),
        );
    }
    let read = Shelved {
        isbn: Some("0141439513".to_owned()),
        rating: 4,
        read_on: Some(day("2026-03-01")),
        tags: vec!["favourites".to_owned()],
        text: Some("Good.<br/>Very.".to_owned()),
        ..Shelved::on("read", 1885, "Pride and Prejudice", "Jane Austen", now())
    };
    twin.shelve("Jane", read);

    let goodreads = Goodreads::new(twin.url().parse().expect("an address"), client());
    let provider = Provider::Goodreads(goodreads.clone());
    let tokens = sign_in(&provider, &twin.feed_url("Jane", "read")).await;
    let identity = provider
        .identify(&account(&tokens), now())
        .await
        .expect("a feed");
    assert_eq!(
        (identity.username, identity.account_id),
        ("Jane".to_owned(), number.to_string())
    );

    let (mut books, mut next) = (Vec::new(), Some(1));
    while let Some(number) = next {
        let page = goodreads
            .read_feed(&account(&tokens), None, number, now())
            .await
            .expect("a page");
        assert_eq!(page.skipped, []);
        next = page.next;
        books.extend(page.entries);
    }
    assert_eq!(books.len(), 151);
    assert!(books[1..].iter().all(|book| book.shelf == "to-read"));

    let page = goodreads
        .read_feed(&account(&tokens), Some("favourites"), 1, now())
        .await
        .expect("a shelf of one's own");
    let [austen] = &page.entries[..] else {
        panic!("one book: {page:?}");
    };
    assert_eq!(austen.media.own_id(Namespace::Isbn), Some("9780141439518"));
    assert_eq!(
        (austen.shelf.as_str(), austen.read_on),
        ("read", Some(day("2026-03-01")))
    );
    assert_eq!(austen.rating.map(Shown::step), Some(4));
    assert_eq!(austen.review.as_deref(), Some("Good.\nVery."));
    assert_eq!(austen.added_at, Some(now()));

    let absent = goodreads
        .read_feed(&account(&tokens), Some("Favourites"), 1, now())
        .await;
    assert_eq!(
        absent.expect_err("no such shelf").disposition,
        Disposition::NotFound
    );
}

#[tokio::test]
async fn goodreads_that_shows_pages_for_people_is_never_an_empty_library() {
    let twin = hub_twins::Goodreads::start(Arc::new(now))
        .await
        .expect("a port");
    let number = twin.add_user("Jane");
    let goodreads = Goodreads::new(twin.url().parse().expect("an address"), client());
    let provider = Provider::Goodreads(goodreads);
    let tokens = sign_in(&provider, &number.to_string()).await;
    let blocked = |found: &Disposition| matches!(found, Disposition::AddressBlocked { until } if *until > now());
    for page in [
        goodreads::blocked_by_address(),
        goodreads::access_denied(),
        goodreads::bot_check(),
    ] {
        twin.faults().always("/", Fault::answer(page));
        let found = refused(&provider, &tokens).await;
        assert!(blocked(&found), "{found:?}");
        twin.faults().clear();
    }
    twin.refuse_address(true);
    let found = refused(&provider, &tokens).await;
    assert!(blocked(&found), "{found:?}");
    twin.refuse_address(false);
    every_trouble_is_told(&provider, &tokens, twin.faults()).await;
    twin.make_private("Jane", true);
    assert_eq!(refused(&provider, &tokens).await, Disposition::Auth);
    let stranger = sign_in(&provider, "999999999").await;
    assert_eq!(refused(&provider, &stranger).await, Disposition::NotFound);
}

#[tokio::test]
async fn a_diary_at_letterboxd_is_read_as_far_as_its_window_reaches() {
    let twin = hub_twins::Letterboxd::start(Arc::new(now))
        .await
        .expect("a port");
    twin.add_user("Alice");
    for film in 0..60 {
        twin.log(
            "alice",
            Log::watched(
                &format!("Film {film}"),
                2000,
                1000 + film,
                day("2026-11-01"),
            ),
        );
    }
    twin.publish_list("alice", "Best of");
    let show = Log {
        tmdb: Some(Tmdb::Show(87108)),
        watched_on: None,
        ..Log::watched("Chernobyl", 2019, 1, day("2026-11-02"))
    };
    twin.log("alice", show);
    let review = Log {
        half_stars: Some(9),
        is_liked: true,
        is_rewatch: true,
        review: Some("Quiet & <b>good</b>.".to_owned()),
        has_spoilers: true,
        ..Log::watched("Ocean's Eleven, Again", 2023, 976_893, day("2026-11-03"))
    };
    let number = twin.log("alice", review);

    let letterboxd = Letterboxd::new(twin.url().parse().expect("an address"), client());
    let provider = Provider::Letterboxd(letterboxd.clone());
    let tokens = sign_in(&provider, &twin.feed_url("ALICE")).await;
    let identity = provider
        .identify(&account(&tokens), now())
        .await
        .expect("a feed");
    assert_eq!(
        (identity.username.as_str(), identity.account_id.as_str()),
        ("Alice", "alice")
    );
    let page = letterboxd
        .read_feed(&account(&tokens), now())
        .await
        .expect("a diary");
    assert_eq!((page.skipped.len(), page.next), (0, None));
    assert_eq!(page.entries.len(), WINDOW - 1, "all but the list");
    let (ocean, chernobyl) = (&page.entries[0], &page.entries[1]);
    assert_eq!(
        (ocean.number, ocean.rating.map(Shown::step)),
        (number, Some(9))
    );
    assert_eq!(ocean.media.label(), "Ocean's Eleven, Again (2023)");
    assert_eq!(ocean.media.own_id(Namespace::Tmdb), Some("976893"));
    assert_eq!(
        (ocean.watched_on, ocean.is_rewatch),
        (Some(day("2026-11-03")), true)
    );
    assert_eq!(
        (ocean.is_liked, ocean.has_spoilers, ocean.logged_at),
        (Some(true), true, Some(now()))
    );
    assert!(
        ocean
            .review
            .as_deref()
            .is_some_and(|text| text.contains("Quiet & <b>good</b>."))
    );
    assert_eq!(
        (
            chernobyl.watched_on,
            chernobyl.media.own_id(Namespace::Tmdb)
        ),
        (None, None)
    );
    assert_eq!(
        chernobyl.tmdb_show_id.as_ref().map(|id| id.value()),
        Some("87108")
    );
    assert_eq!(chernobyl.review, None);
}

#[tokio::test]
async fn letterboxd_that_shows_pages_for_people_is_never_an_empty_diary() {
    let twin = hub_twins::Letterboxd::start(Arc::new(now))
        .await
        .expect("a port");
    twin.add_user("alice");
    let letterboxd = Letterboxd::new(twin.url().parse().expect("an address"), client());
    let provider = Provider::Letterboxd(letterboxd);
    let tokens = sign_in(&provider, "alice").await;
    let identity = provider
        .identify(&account(&tokens), now())
        .await
        .expect("an empty diary is one");
    assert_eq!(identity.username, "alice");
    twin.refuse_address(true);
    let found = refused(&provider, &tokens).await;
    assert!(
        matches!(found, Disposition::AddressBlocked { until } if until > now()),
        "{found:?}"
    );
    twin.refuse_address(false);
    every_trouble_is_told(&provider, &tokens, twin.faults()).await;
    twin.make_private("alice", true);
    assert_eq!(refused(&provider, &tokens).await, Disposition::NotFound);
}
