use hub_domain::Disposition;
use serde_json::{Value, json};

use super::*;
use crate::reading::Reading;
use crate::testing::{Give, Server, at, give, tokens};
use crate::trakt::tests::{account, provider};

fn begin(reading: Reading) -> HistoryCursor {
    HistoryCursor::begin(reading)
}

fn film(id: i64) -> Value {
    json!({"id": id, "watched_at": "2026-11-19T20:15:00.000Z", "action": "scrobble", "type": "movie",
        "movie": {"title": "The Matrix", "year": 1999, "runtime": 136,
            "ids": {"trakt": 481, "slug": "the-matrix-1999", "imdb": "tt0133093", "tmdb": 603}}})
}

/// A page as Trakt counts it.
fn page(entries: &[Value], page: &'static str, pages: &'static str, total: &'static str) -> Give {
    give(200, Value::from(entries.to_vec()).to_string())
        .with("x-pagination-page", page)
        .with("x-pagination-limit", "100")
        .with("x-pagination-page-count", pages)
        .with("x-pagination-item-count", total)
}

fn films(ids: std::ops::Range<i64>) -> Vec<Value> {
    ids.map(film).collect()
}

async fn read(server: &Server, cursor: &HistoryCursor) -> Result<HistoryPage, ProviderError> {
    let tokens = tokens();
    provider(server)
        .read_history(&account(&tokens), cursor, at(0))
        .await
}

#[tokio::test]
async fn a_history_is_read_with_ids_numbers_and_minutes() {
    let pawnee = json!({"id": 1_982_347, "watched_at": "2014-02-27T09:28:00.000Z", "action": "checkin", "type": "episode",
        "episode": {"season": 2, "number": 1, "title": "Pawnee Zoo", "runtime": 22,
            "ids": {"trakt": 251, "tvdb": 797_571, "imdb": null, "tmdb": 397_629}},
        "show": {"title": "Parks and Recreation", "year": 2009,
            "ids": {"trakt": 4, "slug": "parks-and-recreation", "tvdb": 84_912, "imdb": "tt1266020", "tmdb": 8592}}});
    let mut undated = film(3);
    undated["watched_at"] = json!("1970-01-01T00:00:00.000Z");
    let nothing = json!({"id": 4, "watched_at": "2014-02-27T09:28:00.000Z", "type": "person"});
    let entries = [film(2), pawnee, undated, nothing];
    let server = Server::answering([page(&entries, "1", "1", "4")]).await;
    let since = Some(at(59));
    let cursor = begin(Reading {
        since,
        expects_plays: true,
    });
    let read = read(&server, &cursor).await.unwrap();
    assert_eq!(
        server.got()[0].line,
        "GET /sync/history?page=1&limit=100&extended=full&start_at=2025-11-20T12%3A00%3A00.000Z"
    );
    assert_eq!(
        (read.total, read.skipped, read.read_at),
        (Some(4), 1, at(0))
    );
    assert!(read.next.is_none() && read.body.is_none());

    let [matrix, pawnee, undated] = &read.records[..] else {
        panic!("{:?}", read.records)
    };
    assert_eq!(matrix.remote_id, "2");
    assert_eq!(matrix.media.label(), "The Matrix (1999)");
    assert_eq!(matrix.media.own_id(Namespace::Tmdb), Some("603"));
    assert_eq!(matrix.media.duration.unwrap().num_minutes(), 136);
    assert_eq!(
        matrix.watched_at.unwrap().to_rfc3339(),
        "2026-11-19T20:15:00+00:00"
    );
    assert_eq!(
        (matrix.started_at, matrix.precision),
        (None, Precision::Minute)
    );
    assert_eq!(pawnee.media.label(), "Parks and Recreation S02E01");
    assert_eq!(pawnee.media.own_id(Namespace::Tvdb), Some("797571"));
    assert_eq!(pawnee.media.own_id(Namespace::Imdb), None);
    assert_eq!(pawnee.media.show_id(Namespace::Imdb), Some("tt1266020"));
    assert_eq!(
        (undated.watched_at, undated.precision),
        (None, Precision::Unknown)
    );
}

#[tokio::test]
async fn pages_follow_each_other_and_what_was_moved_down_comes_once() {
    let all = films(0..250);
    let (first, mut second) = (&all[..100], vec![all[99].clone()]);
    // One play was added before the second page was read.
    second.extend_from_slice(&all[100..199]);
    let server = Server::answering([
        page(first, "1", "3", "250"),
        page(&second, "2", "3", "251"),
        page(&all[199..], "3", "3", "251"),
    ])
    .await;
    let (mut cursor, mut ids) = (Some(begin(Reading::default())), Vec::new());
    while let Some(here) = cursor {
        // What is kept between two pages is its text.
        let kept = serde_json::from_str(&serde_json::to_string(&here).unwrap()).unwrap();
        let page = read(&server, &kept).await.unwrap();
        ids.extend(page.records.into_iter().map(|record| record.remote_id));
        cursor = page.next;
    }
    let expected: Vec<String> = (0..250).map(|id: i64| id.to_string()).collect();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn a_page_that_contradicts_itself_ends_the_reading() {
    let short = page(&films(0..60), "1", "2", "160");
    let uncounted = give(200, Value::from(films(0..10)).to_string());
    let cut = give(200, r#"[{"id": 1, "watched_at": "2014"#)
        .with("x-pagination-limit", "100")
        .with("x-pagination-page-count", "1")
        .with("x-pagination-item-count", "1");
    let other = page(&films(0..60), "2", "1", "60");
    for (answer, words) in [
        (short, "should hold 100"),
        (uncounted, "how many"),
        (cut, "cut short"),
        (other, "another"),
    ] {
        let server = Server::answering([answer]).await;
        let error = read(&server, &begin(Reading::default())).await.unwrap_err();
        assert_eq!(error.disposition, Disposition::Permanent, "{}", error.why);
        assert!(error.why.contains(words), "{}", error.why);
    }
}

#[tokio::test]
async fn an_empty_history_is_believed_only_where_nothing_was_watched() {
    let empty = || page(&[], "1", "0", "0");
    let server = Server::answering([empty(), empty(), empty()]).await;
    let reading = |since, expects_plays| {
        begin(Reading {
            since,
            expects_plays,
        })
    };
    assert!(
        read(&server, &reading(None, false))
            .await
            .unwrap()
            .records
            .is_empty()
    );
    assert!(read(&server, &reading(Some(at(0)), true)).await.is_ok());
    let error = read(&server, &reading(None, true)).await.unwrap_err();
    assert_eq!(error.disposition, Disposition::Permanent);
    assert!(error.why.contains("no plays"), "{}", error.why);
}

#[tokio::test]
async fn a_history_that_shrinks_while_it_is_read_ends_the_reading() {
    let server = Server::answering([
        page(&films(0..100), "1", "2", "150"),
        page(&films(101..150), "2", "2", "149"),
    ])
    .await;
    let first = read(&server, &begin(Reading::default())).await.unwrap();
    let error = read(&server, &first.next.unwrap()).await.unwrap_err();
    assert!(error.why.contains("counts 149"), "{}", error.why);
}

#[tokio::test]
async fn a_refusal_keeps_its_own_meaning() {
    let server = Server::answering([
        give(429, "").with("retry-after", "30"),
        give(401, ""),
        give(404, ""),
    ])
    .await;
    let cursor = begin(Reading::default());
    for expected in [
        Disposition::RateLimited { until: at(30) },
        Disposition::Auth,
        Disposition::Retryable,
    ] {
        let error = read(&server, &cursor).await.unwrap_err();
        assert_eq!(error.disposition, expected);
    }
}

#[tokio::test]
async fn what_changed_is_told_by_the_times_of_both_kinds() {
    let server = Server::answering([
        give(
            200,
            r#"{"all": "2026-11-19T20:16:00.000Z",
                "movies": {"watched_at": "2026-11-19T20:15:00.000Z", "rated_at": "2026-11-20T20:15:00.000Z"},
                "episodes": {"watched_at": "2026-11-18T20:15:00.000Z"}}"#,
        ),
        give(200, r#"{"movies": {"watched_at": "1970-01-01T00:00:00.000Z"}, "episodes": {}}"#),
        give(200, r#"{"movies": "#),
    ])
    .await;
    let (tokens, provider) = (tokens(), provider(&server));
    let account = account(&tokens);
    let activity = provider.activities(&account, at(0)).await.unwrap();
    assert_eq!(server.got()[0].line, "GET /sync/last_activities");
    assert_eq!(
        activity.mark,
        "2026-11-19T20:15:00.000Z 2026-11-18T20:15:00.000Z"
    );
    assert_eq!(
        activity.changed_at.unwrap().to_rfc3339(),
        "2026-11-19T20:15:00+00:00"
    );
    assert!(activity.has_plays);
    let never = provider.activities(&account, at(0)).await.unwrap();
    assert!(!never.has_plays && never.changed_at.is_none());
    let error = provider.activities(&account, at(0)).await.unwrap_err();
    assert_eq!(error.disposition, Disposition::Permanent);
}
