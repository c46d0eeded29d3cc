use hub_domain::anime::progress::Status;
use serde_json::{Value, json};

use super::*;
use crate::myanimelist::tests::{account, nowhere, provider};
use crate::reading::Reading;
use crate::testing::{Give, Server, at, give, tokens};

fn item(id: u32, status: &str, episodes: u32) -> Value {
    json!({"node": {"id": id, "title": "One Piece", "main_picture": null, "media_type": "tv", "start_date": "1999-10-20"},
        "list_status": {"status": status, "score": 9, "num_episodes_watched": episodes, "is_rewatching": false,
            "updated_at": "2025-11-20T12:00:00+00:00", "start_date": "2015-01-02", "finish_date": "2022-12-28",
            "num_times_rewatched": 0, "tags": [], "comments": ""}})
}

fn listing(items: &[Value], next: Option<String>) -> Give {
    let mut paging = json!({});
    if let Some(next) = next {
        paging["next"] = next.into();
    }
    give(200, json!({"data": items, "paging": paging}).to_string())
}

async fn read(server: &Server, cursor: &HistoryCursor) -> Result<HistoryPage, ProviderError> {
    let tokens = tokens();
    provider(server)
        .read_history(&account(&tokens), cursor, at(0))
        .await
}

fn begin(since: Option<i64>) -> HistoryCursor {
    HistoryCursor::begin(Reading {
        since: since.map(at),
        expects_plays: true,
    })
}

#[tokio::test]
async fn an_entry_is_read_with_its_state_and_the_day_of_its_end() {
    let mut month = item(22, "watching", 5);
    month["list_status"]["finish_date"] = json!("2022-12");
    month["node"]["media_type"] = json!("movie");
    let items = [
        item(21, "completed", 12),
        month,
        item(23, "plan_to_watch", 0),
    ];
    let server = Server::answering([listing(&items, None)]).await;
    let read = read(&server, &begin(None)).await.unwrap();
    let line = &server.got()[0].line;
    assert!(
        line.starts_with("GET /v2/users/@me/animelist?fields=media_type"),
        "{line}"
    );
    assert!(
        line.ends_with("&sort=list_updated_at&nsfw=true&limit=250&offset=0"),
        "{line}"
    );
    let [completed, month] = &read.records[..] else {
        panic!("{:?}", read.records)
    };
    assert_eq!(completed.remote_id, "21");
    assert_eq!(completed.media.label(), "One Piece (1999)");
    assert_eq!(completed.media.own_id(Namespace::Myanimelist), Some("21"));
    assert_eq!(
        completed.watched_at.unwrap().to_rfc3339(),
        "2022-12-28T00:00:00+00:00"
    );
    assert_eq!(completed.precision, Precision::Day);
    let state = completed.entry.unwrap();
    assert_eq!((state.status, state.progress), (Status::Completed, 12));
    assert_eq!(
        (month.watched_at, month.precision),
        (None, Precision::Unknown)
    );
    assert_eq!(month.media.kind, ItemKind::Movie);
    assert!(read.next.is_none());
}

#[test]
fn the_next_page_is_taken_from_its_address_and_never_from_another_host() {
    let crate::Provider::MyAnimeList(client) = nowhere() else {
        panic!("another service")
    };
    let offset = |next: &str| client.offset_of(&next.parse().unwrap(), 250);
    let root = "https://api.myanimelist.net/v2/users/@me/animelist";
    assert_eq!(
        offset(&format!("{root}?offset=500&limit=250")).unwrap(),
        500
    );
    for next in [
        "https://evil.example/v2/users/@me/animelist?offset=500".to_owned(),
        format!("{root}?limit=250"),
        // It would go round in a circle.
        format!("{root}?offset=250"),
    ] {
        let error = offset(&next).unwrap_err();
        assert_eq!(error.disposition, Disposition::Permanent, "{next}");
    }
}

#[tokio::test]
async fn what_did_not_change_since_is_left_out() {
    let page = || listing(&[item(21, "watching", 5)], None);
    let server = Server::answering([page(), page()]).await;
    let count = async |since| {
        read(&server, &begin(Some(since)))
            .await
            .unwrap()
            .records
            .len()
    };
    assert_eq!((count(0).await, count(1).await), (1, 0));
}

#[tokio::test]
async fn an_answer_that_contradicts_itself_ends_the_reading() {
    for (answer, words) in [
        (listing(&[], None), "no plays"),
        (give(200, r#"{"data": []}"#), "cut short"),
        (give(200, r#"{"data": [{"node"#), "cut short"),
        (
            listing(
                &[],
                Some("https://api.myanimelist.net/v2/x?offset=250".to_owned()),
            ),
            "no plays",
        ),
    ] {
        let server = Server::answering([answer]).await;
        let error = read(&server, &begin(None)).await.unwrap_err();
        assert_eq!(error.disposition, Disposition::Permanent, "{}", error.why);
        assert!(error.why.contains(words), "{}", error.why);
    }
}

#[tokio::test]
async fn what_changed_is_told_by_the_entry_that_changed_last() {
    let server = Server::answering([
        listing(&[item(21, "watching", 5)], None),
        listing(&[], None),
    ])
    .await;
    let (tokens, provider) = (tokens(), provider(&server));
    let account = account(&tokens);
    let activity = provider.activities(&account, at(0)).await.unwrap();
    assert_eq!(activity.mark, "21 2025-11-20T12:00:00+00:00");
    assert_eq!(
        (activity.changed_at, activity.has_plays),
        (Some(at(0)), true)
    );
    assert!(server.got()[0].line.ends_with("limit=1&offset=0"));
    let none = provider.activities(&account, at(0)).await.unwrap();
    assert!(!none.has_plays);
}
