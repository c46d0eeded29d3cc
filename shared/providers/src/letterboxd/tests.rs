use super::*;
use crate::Provider;
use crate::testing::{Give, Server, at, client, give, id};
use hub_domain::media::{Namespace, Scope};
use hub_domain::rating::Shown;

const DIARY: &str = include_str!("fixtures/diary.xml");
const CHALLENGE: &str = include_str!("fixtures/challenge-403.html");

fn xml(body: &str) -> Give {
    give(200, body).with("content-type", "application/rss+xml;charset=UTF-8")
}

fn page_for_people(status: u16, body: &str) -> Give {
    give(status, body).with("content-type", "text/html; charset=utf-8")
}

async fn reader(gives: impl IntoIterator<Item = Give>) -> (Server, Letterboxd, Tokens) {
    let server = Server::answering(gives).await;
    let letterboxd = Letterboxd::new(server.url.clone(), client());
    let tokens = letterboxd.exchange("@alice").unwrap();
    (server, letterboxd, tokens)
}

fn account(tokens: &Tokens) -> Account<'_> {
    Account {
        tokens,
        username: "",
        url: None,
    }
}

#[tokio::test]
async fn a_diary_is_read_as_letterboxd_spells_it() {
    let (server, letterboxd, tokens) = reader([xml(DIARY)]).await;
    let page = letterboxd
        .read_feed(&account(&tokens), at(0))
        .await
        .unwrap();
    assert_eq!(server.got()[0].line, "GET /alice/rss/");
    assert_eq!((page.owner.as_deref(), page.next), (Some("Alice"), None));
    let [days, ocean, chernobyl, ronin, heat] = &page.entries[..] else {
        panic!("five films: {:?}", page.skipped);
    };
    let mut media = hub_domain::MediaItem::new(hub_domain::ItemKind::Movie);
    media.title = Some("Perfect Days, Again".to_owned());
    media.year = Some(2023);
    media.ids = vec![id(Namespace::Tmdb, Scope::Item, "976893")];
    assert_eq!(
        days,
        &DiaryEntry {
            number: 123_456_789,
            media,
            tmdb_show_id: None,
            link: Some("https://letterboxd.com/alice/film/perfect-days-2023/1/".to_owned()),
            watched_on: "2026-01-04".parse().ok(),
            logged_at: "2026-01-05T05:22:40Z".parse().ok(),
            is_rewatch: true,
            rating: Shown::new(hub_domain::rating::Scale::HalfStars, 9).unwrap(),
            is_liked: Some(true),
            review: Some("<p>Quiet & <b>good</b>.</p>".to_owned()),
            has_spoilers: true,
        }
    );
    assert_eq!(ocean.media.label(), "Ocean's Eleven (2001)");
    assert_eq!(
        (ocean.rating, ocean.review.as_ref(), ocean.is_liked),
        (None, None, Some(false))
    );
    assert!(chernobyl.media.ids.is_empty());
    assert_eq!(
        chernobyl.tmdb_show_id,
        Some(id(Namespace::Tmdb, Scope::Show, "87108"))
    );
    assert_eq!(
        (ronin.watched_on, ronin.review.as_deref()),
        (None, Some("<p>A chase.</p>"))
    );
    assert_eq!(
        (heat.rating.map(Shown::step), heat.is_liked),
        (Some(7), None)
    );
    let skipped = feed::Skipped {
        at: 6,
        why: "letterboxd:watchedDate: \"31 March\" is not understood".to_owned(),
    };
    assert_eq!(page.skipped, [skipped]);
}

#[tokio::test]
async fn whose_diary_it_is_is_said_by_the_feed() {
    let (_server, letterboxd, _) = reader([xml(DIARY)]).await;
    let tokens = letterboxd
        .exchange("https://letterboxd.com/ALICE/films/")
        .unwrap();
    let identity = Provider::Letterboxd(letterboxd)
        .identify(&account(&tokens), at(0))
        .await
        .unwrap();
    assert_eq!(
        identity,
        Identity {
            username: "Alice".to_owned(),
            profile_url: Some("https://letterboxd.com/ALICE/".to_owned()),
            account_id: "alice".to_owned(),
        }
    );
}

#[tokio::test]
async fn what_is_no_feed_is_never_an_empty_diary() {
    let blocked = Disposition::AddressBlocked { until: at(3600) };
    let cut = &DIARY[..DIARY.len() - 20];
    let rows = [
        (page_for_people(403, CHALLENGE), blocked.clone()),
        (page_for_people(200, CHALLENGE), blocked.clone()),
        (page_for_people(202, ""), blocked.clone()),
        (
            page_for_people(503, CHALLENGE).with("cf-mitigated", "challenge"),
            blocked,
        ),
        (page_for_people(404, "<html>"), Disposition::NotFound),
        (xml(cut), Disposition::Retryable),
        (xml(""), Disposition::Retryable),
        (
            give(429, "").with("retry-after", "60"),
            Disposition::RateLimited { until: at(60) },
        ),
    ];
    for (give, expected) in rows {
        let shown = format!("{give:?}");
        let (_server, letterboxd, tokens) = reader([give.clone(), give]).await;
        let account = account(&tokens);
        let read = letterboxd.read_feed(&account, at(0)).await.unwrap_err();
        let identified = letterboxd.identify(&account, at(0)).await.unwrap_err();
        for error in [read, identified] {
            assert_eq!(error.disposition, expected, "{shown}");
            assert!(!error.why.is_empty());
        }
    }
}

#[tokio::test]
async fn a_kept_out_address_is_told_what_works_instead() {
    let (_server, letterboxd, tokens) = reader([page_for_people(403, CHALLENGE)]).await;
    let error = letterboxd
        .identify(&account(&tokens), at(0))
        .await
        .unwrap_err();
    assert!(
        error.why.ends_with("a hub that runs at home is let in"),
        "{}",
        error.why
    );
}

#[test]
fn a_name_is_kept_as_its_feeds_address_and_nobodys_is_refused() {
    let letterboxd = Letterboxd::new("http://127.0.0.1:9/".parse().unwrap(), client());
    let tokens = letterboxd.exchange("letterboxd.com/alice").unwrap();
    assert_eq!(tokens.access.reveal(), "http://127.0.0.1:9/alice/rss/");
    for nobody in ["alice bob", "https://trakt.tv/alice", ""] {
        assert!(
            letterboxd.exchange(nobody).unwrap_err().is_auth(),
            "{nobody}"
        );
    }
    assert!(
        name_of(&account(&Tokens::lasting("alice")), READ)
            .unwrap_err()
            .is_auth()
    );
}

#[tokio::test]
async fn nothing_is_written_there() {
    let letterboxd = Letterboxd::new("http://127.0.0.1:9/".parse().unwrap(), client());
    let provider = Provider::Letterboxd(letterboxd);
    let tokens = Tokens::lasting("http://127.0.0.1:9/alice/rss/");
    let prepared = Prepared::of_plays("x", String::new(), Vec::new(), at(0));
    let error = provider
        .send(&account(&tokens), &prepared, at(0))
        .await
        .unwrap_err();
    assert_eq!(error.disposition, Disposition::Permanent);
    let redirect = "https://hub.example/".parse().unwrap();
    assert!(provider.authorize(&redirect, "state").is_err());
}
