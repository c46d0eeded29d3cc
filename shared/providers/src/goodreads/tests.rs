use super::*;
use crate::Provider;
use crate::testing::{Give, Server, at, client, give};
use hub_domain::Secret;
use hub_domain::media::{ExternalId, Namespace, Scope};
use hub_domain::rating::Shown;

const FEED: &str = "https://www.goodreads.com/review/list_rss/12345?key=s3cret&shelf=%23ALL%23";

fn xml(body: &str) -> Give {
    give(200, body).with("content-type", "application/xml; charset=utf-8")
}

fn page_for_people(status: u16, body: &str) -> Give {
    give(status, body).with("content-type", "text/html; charset=utf-8")
}

/// A client of a server that gives these answers, and what it makes of a feed's address.
async fn reader(gives: impl IntoIterator<Item = Give>) -> (Server, Goodreads, Tokens) {
    let server = Server::answering(gives).await;
    let goodreads = Goodreads::new(server.url.clone(), client());
    let tokens = goodreads.exchange(FEED).unwrap();
    (server, goodreads, tokens)
}

fn account(tokens: &Tokens) -> Account<'_> {
    Account {
        tokens,
        username: "",
        url: None,
    }
}

#[tokio::test]
async fn a_shelf_is_read_as_goodreads_spells_it() {
    let (server, goodreads, tokens) = reader([xml(include_str!("fixtures/shelf-read.xml"))]).await;
    let page = goodreads
        .read_feed(&account(&tokens), Some("read"), 1, at(0))
        .await
        .unwrap();
    assert_eq!(
        server.got()[0].line,
        "GET /review/list_rss/12345?key=s3cret&shelf=read&sort=date_read&order=d&page=1"
    );
    assert_eq!((page.owner.as_deref(), page.next), (Some("Jane"), Some(2)));
    let [tolkien, obrien] = &page.entries[..] else {
        panic!("two books: {:?}", page.skipped);
    };
    let mut media = hub_domain::MediaItem::new(hub_domain::ItemKind::Book);
    media.title = Some("The Two Towers (The Lord of the Rings, #2)".to_owned());
    media.author = Some("J.R.R. Tolkien".to_owned());
    media.year = Some(2003);
    media.ids = vec![ExternalId::new(Namespace::Isbn, Scope::Item, "9780618346264").unwrap()];
    assert_eq!(
        tolkien,
        &ShelvedBook {
            review_id: Some(7_000_000_001),
            book_id: 15241,
            media,
            rating: Shown::new(hub_domain::rating::Scale::WholeStars, 4).unwrap(),
            shelf: "read".to_owned(),
            tags: vec!["favourites".to_owned(), "fantasy".to_owned()],
            read_on: "2026-03-01".parse().ok(),
            added_at: "2026-03-02T14:11:52Z".parse().ok(),
            review: Some("Walking,\nand <b>more</b> walking & talking.".to_owned()),
        }
    );
    assert_eq!(
        obrien.media.label(),
        "What We Talk About When We Talk About \"Love\" & Loss by Zülfü O'Brien"
    );
    assert_eq!(
        obrien.read_on,
        "2017-02-05".parse().ok(),
        "the day as it is written"
    );
    assert_eq!(
        (obrien.rating, obrien.review.as_ref(), obrien.media.year),
        (None, None, None)
    );
    assert!(obrien.media.ids.is_empty() && obrien.tags.is_empty());
    let skipped = feed::Skipped {
        at: 3,
        why: "user_rating: \"4.5\" is not understood".to_owned(),
    };
    assert_eq!(page.skipped, [skipped]);
}

#[tokio::test]
async fn a_whole_library_tells_each_books_shelf() {
    let (server, goodreads, tokens) = reader([
        xml(include_str!("fixtures/all.xml")),
        xml(include_str!("fixtures/shelf-empty.xml")),
    ])
    .await;
    let read = async |page| {
        goodreads
            .read_feed(&account(&tokens), None, page, at(0))
            .await
            .unwrap()
    };
    let page = read(1).await;
    let shelves: Vec<(&str, &[String])> = page
        .entries
        .iter()
        .map(|book| (book.shelf.as_str(), &book.tags[..]))
        .collect();
    assert_eq!(
        shelves,
        [
            ("to-read", &["classics".to_owned()][..]),
            ("read", &["essays".to_owned(), "favourites".to_owned()]),
            ("did-not-finish", &[]),
        ]
    );
    let empty = read(2).await;
    assert_eq!((empty.entries.len(), empty.next), (0, None));
    assert!(
        server.got()[1]
            .line
            .ends_with("&shelf=%23ALL%23&sort=date_added&order=d&page=2")
    );
}

#[tokio::test]
async fn a_shelf_that_does_not_exist_is_not_the_whole_library() {
    let (_server, goodreads, tokens) =
        reader([xml(include_str!("fixtures/shelf-unknown.xml"))]).await;
    let error = goodreads
        .read_feed(&account(&tokens), Some("cookbooks"), 1, at(0))
        .await
        .unwrap_err();
    assert_eq!(error.disposition, Disposition::NotFound);
    assert_eq!(error.why, "there is no shelf \"cookbooks\"");
}

#[tokio::test]
async fn whose_shelves_they_are_is_said_by_the_feed() {
    let (server, goodreads, tokens) = reader([xml(include_str!("fixtures/all.xml"))]).await;
    let identity = Provider::Goodreads(goodreads)
        .identify(&account(&tokens), at(0))
        .await
        .unwrap();
    assert_eq!(
        identity,
        Identity {
            username: "Jane".to_owned(),
            profile_url: Some("https://www.goodreads.com/user/show/12345".to_owned()),
            account_id: "12345".to_owned(),
        }
    );
    assert_eq!(server.got().len(), 1);
}

#[tokio::test]
async fn what_is_no_feed_is_never_an_empty_shelf() {
    let blocked = Disposition::AddressBlocked { until: at(3600) };
    let cut = &include_str!("fixtures/shelf-read.xml")[..900];
    let rows = [
        (
            page_for_people(200, include_str!("fixtures/robot-check-200.html")),
            blocked.clone(),
        ),
        (page_for_people(202, ""), blocked.clone()),
        (
            page_for_people(403, include_str!("fixtures/access-denied-403.html")),
            blocked.clone(),
        ),
        (
            page_for_people(503, include_str!("fixtures/too-long-503.html")),
            blocked,
        ),
        (
            page_for_people(403, include_str!("fixtures/private-403.html")),
            Disposition::Auth,
        ),
        (page_for_people(404, "<html>"), Disposition::NotFound),
        (xml(cut), Disposition::Retryable),
        (xml(""), Disposition::Retryable),
        (give(200, "{}"), Disposition::Retryable),
        (give(500, ""), Disposition::Retryable),
    ];
    for (give, expected) in rows {
        let shown = format!("{give:?}");
        let (_server, goodreads, tokens) = reader([give.clone(), give]).await;
        let account = account(&tokens);
        let read = goodreads
            .read_feed(&account, Some("read"), 1, at(0))
            .await
            .unwrap_err();
        let identified = goodreads.identify(&account, at(0)).await.unwrap_err();
        for error in [read, identified] {
            assert_eq!(error.disposition, expected, "{shown}");
            assert!(
                !error.why.is_empty() && !error.why.contains("s3cret"),
                "{}",
                error.why
            );
        }
    }
}

#[tokio::test]
async fn a_kept_out_address_is_told_what_works_instead() {
    let (_server, goodreads, tokens) = reader([page_for_people(503, "<html>")]).await;
    let error = goodreads
        .identify(&account(&tokens), at(0))
        .await
        .unwrap_err();
    assert!(
        error.why.ends_with("a hub that runs at home is let in"),
        "{}",
        error.why
    );
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_asked_again() {
    for url in [Server::hanging_up().await, Server::nobody().await] {
        let goodreads = Goodreads::new(url, client());
        let tokens = goodreads.exchange("12345").unwrap();
        let error = goodreads
            .identify(&account(&tokens), at(0))
            .await
            .unwrap_err();
        assert_eq!(error.disposition, Disposition::Retryable);
    }
}

#[test]
fn a_feeds_address_is_kept_as_a_secret_and_calls_go_where_the_settings_say() {
    let root: Url = "http://127.0.0.1:9/".parse().unwrap();
    let goodreads = Goodreads::new(root, client());
    let tokens = goodreads.exchange(FEED).unwrap();
    assert_eq!(
        tokens.access.reveal(),
        "http://127.0.0.1:9/review/list_rss/12345?key=s3cret"
    );
    assert!(!format!("{tokens:?}").contains("s3cret"));
    assert!(tokens.refresh.is_none() && tokens.expires_at.is_none());
    let elsewhere = Tokens::lasting("https://evil.example/review/list_rss/7?key=k");
    let feeds = feeds_of(&account(&elsewhere), READ).unwrap();
    assert_eq!(feeds.address(&goodreads.root).host_str(), Some("127.0.0.1"));
    for nobody in ["jane", "https://evil.example/user/show/12345", ""] {
        assert!(
            goodreads.exchange(nobody).unwrap_err().is_auth(),
            "{nobody}"
        );
    }
    let other = Tokens {
        access: Secret::new("rubbish"),
        ..elsewhere
    };
    assert!(feeds_of(&account(&other), READ).unwrap_err().is_auth());
}

#[tokio::test]
async fn nothing_is_written_there() {
    let goodreads = Goodreads::new("http://127.0.0.1:9/".parse().unwrap(), client());
    let provider = Provider::Goodreads(goodreads);
    let tokens = Tokens::lasting(FEED);
    let prepared = Prepared::of_plays("x", String::new(), Vec::new(), at(0));
    let error = provider
        .send(&account(&tokens), &prepared, at(0))
        .await
        .unwrap_err();
    assert_eq!(error.disposition, Disposition::Permanent);
    let redirect = "https://hub.example/".parse().unwrap();
    assert!(provider.authorize(&redirect, "state").is_err());
}
