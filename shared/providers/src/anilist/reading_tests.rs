use hub_domain::Disposition;
use hub_domain::anime::progress::Status;
use serde_json::{Value, json};

use super::*;
use crate::anilist::tests::{account, provider};
use crate::reading::Reading;
use crate::testing::{Give, Server, at, give, tokens};

fn entry(id: u64, status: &str, progress: u32) -> Value {
    json!({"id": id, "mediaId": 16_498, "status": status, "progress": progress, "repeat": 0, "score": 0,
        "updatedAt": 1_763_640_000, "startedAt": {"year": 2013, "month": 4, "day": 7},
        "completedAt": {"year": 2013, "month": 9, "day": 29},
        "media": {"id": 16_498, "idMal": 16_498, "format": "TV", "title": {"romaji": "Shingeki no Kyojin",
            "english": "Attack on Titan"}, "startDate": {"year": 2013}}})
}

fn chunk(lists: Value, has_next: bool) -> Give {
    let collection = json!({"hasNextChunk": has_next, "user": {"name": "Alice"}, "lists": lists});
    let body = json!({"data": {"MediaListCollection": collection}});
    give(200, body.to_string())
}

async fn read(server: &Server, cursor: &HistoryCursor) -> Result<HistoryPage, ProviderError> {
    let tokens = tokens();
    provider(server)
        .read_history(&account(&tokens), cursor, at(0))
        .await
}

fn begin(since: Option<i64>, expects_plays: bool) -> HistoryCursor {
    HistoryCursor::begin(Reading {
        since: since.map(at),
        expects_plays,
    })
}

#[tokio::test]
async fn an_entry_is_read_once_with_its_state_and_the_day_of_its_end() {
    let mut partial = entry(2, "CURRENT", 5);
    partial["completedAt"] = json!({"year": 2013, "month": null, "day": null});
    partial["media"]["format"] = json!("MOVIE");
    let planned = entry(3, "PLANNING", 0);
    let completed = json!([{"entries": [entry(1, "COMPLETED", 25)]},
        {"entries": [partial, planned]}, {"entries": [entry(1, "COMPLETED", 25)]}]);
    let server = Server::answering([chunk(completed, true), chunk(json!([]), false)]).await;
    let first = read(&server, &begin(None, true)).await.unwrap();
    let sent = server.got()[0].json();
    assert_eq!(
        sent["variables"],
        json!({"user": "alice", "chunk": 1, "perChunk": 500})
    );
    let [completed, partial] = &first.records[..] else {
        panic!("{:?}", first.records)
    };
    assert_eq!(completed.remote_id, "1");
    assert_eq!(completed.media.label(), "Attack on Titan (2013)");
    assert_eq!(
        completed.media.own_id(Namespace::Myanimelist),
        Some("16498")
    );
    assert_eq!(
        completed.watched_at.unwrap().to_rfc3339(),
        "2013-09-29T00:00:00+00:00"
    );
    assert_eq!(completed.precision, Precision::Day);
    let state = completed.entry.unwrap();
    assert_eq!((state.status, state.progress), (Status::Completed, 25));
    assert_eq!(
        (partial.watched_at, partial.precision),
        (None, Precision::Unknown)
    );
    assert_eq!(partial.media.kind, ItemKind::Movie);

    let second = read(&server, &first.next.unwrap()).await.unwrap();
    assert_eq!(server.got()[1].json()["variables"]["chunk"], 2);
    assert!(second.records.is_empty() && second.next.is_none());
}

#[tokio::test]
async fn what_did_not_change_since_is_left_out() {
    let mut undated = entry(2, "CURRENT", 5);
    undated["updatedAt"] = json!(0);
    let lists = || {
        chunk(
            json!([{"entries": [entry(1, "CURRENT", 4), undated]}]),
            false,
        )
    };
    let server = Server::answering([lists(), lists()]).await;
    let count = async |since| {
        read(&server, &begin(Some(since), true))
            .await
            .unwrap()
            .records
            .len()
    };
    assert_eq!(count(0).await, 2);
    assert_eq!(count(1).await, 1, "of one without a time nothing is known");
}

#[tokio::test]
async fn an_answer_that_contradicts_itself_ends_the_reading() {
    let mut other = json!({"data": {"MediaListCollection": {"hasNextChunk": false, "lists": []}}});
    other["data"]["MediaListCollection"]["user"] = json!({"name": "bob"});
    for (answer, words) in [
        (chunk(json!([]), true), "there is more"),
        (chunk(json!([]), false), "no plays"),
        (give(200, other.to_string()), "somebody else"),
        (
            give(200, r#"{"data": {"MediaListCollection": null}}"#),
            "cut short",
        ),
        (give(200, r#"{"data": {"Media"#), "cut short"),
    ] {
        let server = Server::answering([answer]).await;
        let error = read(&server, &begin(None, true)).await.unwrap_err();
        assert_eq!(error.disposition, Disposition::Permanent, "{}", error.why);
        assert!(error.why.contains(words), "{}", error.why);
    }
}

#[tokio::test]
async fn what_changed_is_told_by_the_entry_that_changed_last() {
    let page = |list: Value| {
        give(
            200,
            json!({"data": {"Page": {"mediaList": list}}}).to_string(),
        )
    };
    let newest = json!([{"id": 7, "updatedAt": 1_763_640_000}]);
    let server = Server::answering([page(newest), page(json!([]))]).await;
    let (tokens, provider) = (tokens(), provider(&server));
    let account = account(&tokens);
    let activity = provider.activities(&account, at(0)).await.unwrap();
    assert_eq!(activity.mark, "7 1763640000");
    assert_eq!(
        (activity.changed_at, activity.has_plays),
        (Some(at(0)), true)
    );
    let none = provider.activities(&account, at(0)).await.unwrap();
    assert!(!none.has_plays);
}

#[tokio::test]
async fn an_entry_of_an_anime_that_is_gone_is_counted_and_the_rest_goes_in() {
    let mut gone = entry(2, "CURRENT", 5);
    gone["media"] = Value::Null;
    let lists = json!([{"entries": [gone, entry(1, "COMPLETED", 25)]}]);
    let server = Server::answering([chunk(lists, false)]).await;
    let page = read(&server, &begin(None, true)).await.unwrap();
    assert_eq!((page.records.len(), page.skipped), (1, 1));
}
