use hub_domain::media::{Namespace, Numbering};
use hub_domain::{Disposition, ItemKind, Precision};
use serde_json::{Value, json};

use super::*;
use crate::reading::{Reading, Record};
use crate::seam::Account;
use crate::simkl::tests::{APP, provider};
use crate::testing::{Server, at, give, tokens};

fn show(simkl: u64, seasons: Value, watched: usize) -> Value {
    json!({"added_to_watchlist_at": "2010-01-20T20:09:04Z", "last_watched_at": "2014-08-09T07:25:55Z",
        "user_rating": null, "status": "watching", "last_watched": "S01E02", "watched_episodes_count": watched,
        "show": {"title": "Breaking Bad", "year": 2008, "runtime": 47,
            "ids": {"simkl": simkl, "slug": "breaking-bad", "imdb": "tt0903747", "tmdb": "1396", "tvdb": "81189"}},
        "seasons": seasons})
}

fn episodes(count: u32) -> Value {
    let episodes: Vec<Value> = (1..=count)
        .map(|number| json!({"number": number, "watched_at": "2014-08-09T07:25:55Z"}))
        .collect();
    json!([{"number": 1, "episodes": episodes}])
}

fn film(simkl: u64) -> Value {
    json!({"last_watched_at": "2014-08-09T07:25:55Z", "status": "completed", "user_rating": null,
        "movie": {"title": "Captain America", "year": "2011", "runtime": 120,
            "ids": {"simkl": simkl, "imdb": "tt0458339", "tmdb": "1771"}}})
}

fn body(body: &Value) -> HistoryBody {
    HistoryBody::of(body.to_string())
}

fn begin() -> HistoryCursor {
    HistoryCursor::begin(Reading::default())
}

fn expecting() -> HistoryCursor {
    HistoryCursor::begin(Reading {
        since: None,
        expects_plays: true,
    })
}

/// Every record of a body, page by page.
fn all_of(body: &HistoryBody) -> Vec<Record> {
    let (mut cursor, mut records) = (Some(begin()), Vec::new());
    while let Some(here) = cursor {
        let page = body.page(&here, at(0)).unwrap();
        assert!(page.records.len() <= PAGE);
        records.extend(page.records);
        cursor = page.next;
    }
    records
}

#[tokio::test]
async fn everything_is_asked_for_once_and_cut_into_pages_without_a_call() {
    let shows = json!([show(1, episodes(400), 400), show(2, episodes(170), 170)]);
    let all = json!({"shows": shows, "movies": [film(3)]});
    let server = Server::answering([give(200, all.to_string())]).await;
    let tokens = tokens();
    let account = Account {
        tokens: &tokens,
        username: "alice",
        url: None,
    };
    let cursor = HistoryCursor::begin(Reading {
        since: Some(at(0)),
        expects_plays: true,
    });
    let first = provider(&server)
        .read_history(&account, &cursor, at(0))
        .await;
    let first = first.unwrap();
    assert_eq!(
        server.got()[0].line,
        format!(
            "GET /sync/all-items/?extended=full_anime_seasons&episode_watched_at=yes\
             &date_from=2025-11-20T12%3A00%3A00Z&{APP}"
        )
    );
    assert_eq!((first.records.len(), first.total), (250, Some(571)));
    let body = first.body.clone().unwrap();
    let second = body.page(first.next.as_ref().unwrap(), at(1)).unwrap();
    let third = body.page(second.next.as_ref().unwrap(), at(2)).unwrap();
    assert_eq!((second.records.len(), third.records.len()), (250, 71));
    assert!(third.next.is_none() && third.body.is_none());
    let id = |page: &HistoryPage, index: usize| page.records[index].remote_id.clone();
    assert_eq!((id(&first, 0), id(&first, 1)), ("3".into(), "1/1/1".into()));
    assert_eq!(
        (id(&second, 150), id(&second, 151)),
        ("1/1/400".into(), "2/1/1".into())
    );
    assert_eq!(id(&third, 70), "2/1/170");
    assert_eq!(server.got().len(), 1);
}

#[test]
fn a_show_and_a_film_are_read_with_their_ids_and_ends() {
    let mut undated = show(1, json!([{"number": 0, "episodes": [{"number": 4}]}]), 1);
    undated["seasons"][0]["episodes"][0]["watched_at"] = json!("1970-01-01T00:00:01Z");
    let mut planned = film(4);
    planned["status"] = json!("plantowatch");
    planned["last_watched_at"] = Value::Null;
    let all = json!({"movies": [film(3), planned], "shows": [undated]});
    let records = all_of(&body(&all));
    let [film, special] = &records[..] else {
        panic!("{records:?}")
    };
    assert_eq!(film.media.label(), "Captain America (2011)");
    assert_eq!(film.media.own_id(Namespace::Tmdb), Some("1771"));
    assert_eq!(film.media.duration.unwrap().num_minutes(), 120);
    assert_eq!(
        film.watched_at.unwrap().to_rfc3339(),
        "2014-08-09T07:25:55+00:00"
    );
    assert_eq!((film.started_at, film.precision), (None, Precision::Second));
    assert_eq!(special.media.label(), "Breaking Bad S00E04");
    assert_eq!(special.media.show_id(Namespace::Tvdb), Some("81189"));
    assert_eq!(
        (special.watched_at, special.precision),
        (None, Precision::Unknown)
    );
}

#[test]
fn an_episode_of_an_anime_keeps_the_number_of_each_of_its_catalogues() {
    let entry = |anime_type: &str, seasons: Value| {
        json!({"anime_type": anime_type, "status": "completed", "last_watched_at": "2014-08-09T07:25:55Z",
            "watched_episodes_count": 1, "seasons": seasons,
            "show": {"title": "Attack on Titan Season 2", "year": 2017,
                "ids": {"simkl": 439_744, "mal": "25777", "anidb": "10944", "tvdb": "267440", "tmdb": "1429"}}})
    };
    let placed =
        json!([{"number": 1, "episodes": [{"number": 4, "tvdb": {"season": 2, "episode": 4}}]}]);
    let bare = json!([{"number": 1, "episodes": [{"number": 4}]}]);
    let film = json!([{"number": 0, "episodes": [{"number": 0}]}]);
    let all = json!({"anime": [entry("tv", placed), entry("tv", bare), entry("movie", film)]});
    let records = all_of(&body(&all));
    let [placed, bare, film] = &records[..] else {
        panic!("{records:?}")
    };
    let number = |record: &Record, namespace| {
        let id = record.media.ids.iter().find(|id| id.namespace == namespace);
        id.and_then(|id| id.numbering)
    };
    let entrys = Some(Numbering {
        season: 1,
        episode: 4,
    });
    let shows = Some(Numbering {
        season: 2,
        episode: 4,
    });
    assert_eq!(number(placed, Namespace::Myanimelist), entrys);
    assert_eq!(number(placed, Namespace::Tvdb), shows);
    assert_eq!(placed.media.numbering(), shows);
    assert_eq!(
        bare.media.show_id(Namespace::Tvdb),
        None,
        "nothing is guessed"
    );
    assert_eq!(bare.media.numbering(), entrys);
    assert_eq!(film.media.kind, ItemKind::Movie);
    assert_eq!(film.media.own_id(Namespace::Anidb), Some("10944"));
}

#[test]
fn a_reading_whose_answer_was_lost_goes_on_in_another_one_or_begins_again() {
    let items: Vec<Value> = (1..=300).map(film).collect();
    let whole = body(&json!({"movies": items}));
    let first = whole.page(&begin(), at(0)).unwrap();
    let next = first.next.unwrap();
    let again = body(&json!({"movies": items}));
    assert_eq!(
        again.page(&next, at(0)).unwrap().records[0].remote_id,
        "251"
    );
    let moved = body(&json!({"movies": &items[1..]}));
    assert_eq!(moved.page(&next, at(0)).unwrap().records[0].remote_id, "2");
    let shorter = body(&json!({"movies": &items[..20]}));
    assert_eq!(
        shorter.page(&next, at(0)).unwrap().records[0].remote_id,
        "1"
    );
}

#[test]
fn nothing_is_null_or_an_empty_object_and_nothing_else() {
    for empty in ["null", "{}", r#"{"movies": null}"#, r#"{"shows": []}"#] {
        let empty = HistoryBody::of(empty.to_owned());
        let page = empty.page(&begin(), at(0)).unwrap();
        assert!(page.records.is_empty() && page.next.is_none());
        let error = empty.page(&expecting(), at(0)).unwrap_err();
        assert!(error.why.contains("no plays"), "{}", error.why);
    }
    let cut = json!({"movies": [film(1), film(2)]}).to_string();
    let cut = &cut[..cut.len() - 40];
    for other in [
        cut,
        "[]",
        "",
        r#"{"unexpected": ["shape", 1, null]}"#,
        "{} {}",
    ] {
        let error = HistoryBody::of(other.to_owned())
            .page(&begin(), at(0))
            .unwrap_err();
        assert_eq!(error.disposition, Disposition::Permanent, "{other}");
        assert!(error.why.contains("cut short"), "{}", error.why);
    }
}

#[test]
fn a_show_that_was_watched_and_lists_nothing_ends_the_reading() {
    let error = body(&json!({"shows": [show(1, Value::Null, 3)]}))
        .page(&begin(), at(0))
        .unwrap_err();
    assert_eq!(error.disposition, Disposition::Permanent);
    assert!(error.why.contains("Breaking Bad"), "{}", error.why);
}

#[test]
fn what_comes_after_the_page_is_read_to_its_end_before_a_record_is_given() {
    let items: Vec<Value> = (1..=500).map(film).collect();
    let whole = json!({"movies": items}).to_string();
    let cut = HistoryBody::of(whole[..whole.len() - 2].to_owned());
    assert!(cut.page(&begin(), at(0)).is_err());
}

#[tokio::test]
async fn what_changed_is_told_by_the_times_of_the_lists() {
    let activities = |removed: Value| {
        let list = json!({"all": "2016-10-29T09:03:45Z", "rated_at": "2026-10-29T09:03:45Z", "playback": null,
            "plantowatch": null, "watching": "2016-10-28T09:03:45Z", "completed": null, "hold": null, "dropped": null,
            "removed_from_list": removed});
        give(
            200,
            json!({"all": "2016-10-29T09:03:45Z", "tv_shows": list, "anime": {"completed": null},
            "movies": {"completed": "2016-10-27T09:03:45Z"}})
            .to_string(),
        )
    };
    let server = Server::answering([
        activities(Value::Null),
        activities(json!("2017-01-01T00:00:00Z")),
        give(200, "{}"),
    ])
    .await;
    let tokens = tokens();
    let account = Account {
        tokens: &tokens,
        username: "alice",
        url: None,
    };
    let provider = provider(&server);
    let activity = provider.activities(&account, at(0)).await.unwrap();
    assert_eq!(server.got()[0].line, format!("GET /sync/activities?{APP}"));
    assert_eq!(
        activity.changed_at.unwrap().to_rfc3339(),
        "2016-10-28T09:03:45+00:00"
    );
    assert!(activity.has_plays);
    let emptied = provider.activities(&account, at(0)).await.unwrap();
    assert_ne!(emptied.mark, activity.mark);
    assert!(!emptied.has_plays, "all of it may have been removed");
    let error = provider.activities(&account, at(0)).await.unwrap_err();
    assert_eq!(error.disposition, Disposition::Permanent);
}

#[test]
fn a_page_may_begin_with_an_item_that_names_nothing() {
    let mut items: Vec<Value> = (1..=300).map(film).collect();
    items[250] = json!({"status": "completed", "movie": {"title": "Only for members"}});
    let whole = body(&json!({"movies": items}));
    let first = whole.page(&begin(), at(0)).unwrap();
    let second = whole.page(&first.next.unwrap(), at(0)).unwrap();
    assert_eq!((second.records.len(), second.skipped), (49, 1));
    assert!(second.next.is_none());
}
