use hub_domain::Disposition;
use serde_json::json;

use super::*;
use crate::listenbrainz::tests::{account, provider};
use crate::reading::Reading;
use crate::testing::{Give, Server, at, give, tokens};

const NOON: i64 = 1_763_640_000;

fn listen(second: i64, name: &str) -> Value {
    json!({"inserted_at": NOON, "listened_at": second, "recording_msid": format!("msid-{name}"), "user_name": "alice",
        "track_metadata": {"artist_name": "Low", "track_name": name, "release_name": null, "additional_info": {}}})
}

/// A page; the oldest listen of all is at `oldest`.
fn page(listens: &[Value], oldest: i64) -> Give {
    let payload = json!({"count": listens.len(), "user_id": "alice", "latest_listen_ts": NOON,
        "oldest_listen_ts": oldest, "listens": listens});
    give(200, json!({"payload": payload}).to_string())
}

async fn read(server: &Server, cursor: &HistoryCursor) -> Result<HistoryPage, ProviderError> {
    let tokens = tokens();
    provider(&server.url)
        .read_history(&account(&tokens, None), cursor, at(0))
        .await
}

fn begin() -> HistoryCursor {
    HistoryCursor::begin(Reading::default())
}

#[tokio::test]
async fn a_listen_is_read_with_what_its_player_said_and_what_was_found() {
    let mut joga = listen(NOON, "Jóga");
    joga["track_metadata"]["release_name"] = json!("Homogenic");
    joga["track_metadata"]["additional_info"] = json!({"duration_ms": 305_000, "tracknumber": "2",
        "isrc": "GBAAA9700001", "track_mbid": "11111111-b22e-360e-a29a-1b1610190a8c"});
    joga["track_metadata"]["mbid_mapping"] = json!({"recording_mbid": "3c2c1f40-b22e-360e-a29a-1b1610190a8c",
        "artist_mbids": ["87c5dedd-371d-4a53-9f7f-80522fb7f3cb"]});
    let server = Server::answering([page(&[joga], NOON)]).await;
    let read = read(&server, &begin()).await.unwrap();
    assert_eq!(server.got()[0].line, "GET /1/user/alice/listens?count=200");
    assert_eq!(
        server.got()[0].header("authorization"),
        "Token access-token"
    );
    let [record] = &read.records[..] else {
        panic!("{:?}", read.records)
    };
    assert!(read.next.is_none());
    assert_eq!(record.remote_id, "1763640000-msid-Jóga");
    assert_eq!(record.started_at, Some(at(0)));
    assert_eq!(
        (record.watched_at, record.precision),
        (None, Precision::Second)
    );
    let media = &record.media;
    assert_eq!(media.label(), "Low – Jóga");
    assert_eq!(
        media.own_id(Namespace::RecordingMbid),
        Some("3c2c1f40-b22e-360e-a29a-1b1610190a8c")
    );
    assert_eq!(media.own_id(Namespace::Isrc), Some("GBAAA9700001"));
    assert_eq!(media.duration.unwrap().num_seconds(), 305);
    assert_eq!(media.track_number, Some(2));
}

#[tokio::test]
async fn the_next_page_begins_with_the_second_at_which_the_last_one_ended() {
    let first = [
        listen(NOON, "a"),
        listen(NOON - 5, "b"),
        listen(NOON - 5, "c"),
    ];
    let second = [
        listen(NOON - 5, "b"),
        listen(NOON - 5, "c"),
        listen(NOON - 5, "d"),
        listen(NOON - 9, "e"),
    ];
    let server = Server::answering([page(&first, NOON - 9), page(&second, NOON - 9)]).await;
    let first = read(&server, &begin()).await.unwrap();
    let second = read(&server, &first.next.unwrap()).await.unwrap();
    assert_eq!(
        server.got()[1].line,
        format!("GET /1/user/alice/listens?count=200&max_ts={}", NOON - 4)
    );
    let ids: Vec<String> = first
        .records
        .into_iter()
        .chain(second.records)
        .map(|record| record.remote_id)
        .collect();
    assert_eq!(
        ids,
        [
            "1763640000-msid-a",
            "1763639995-msid-b",
            "1763639995-msid-c",
            "1763639995-msid-d",
            "1763639991-msid-e"
        ]
    );
    assert!(second.next.is_none());
}

#[tokio::test]
async fn a_part_of_the_history_is_read_until_a_page_brings_nothing_new() {
    let only = [listen(NOON, "a")];
    let server = Server::answering([page(&only, 5), page(&only, 5)]).await;
    let cursor = HistoryCursor::begin(Reading {
        since: Some(at(0)),
        expects_plays: true,
    });
    let first = read(&server, &cursor).await.unwrap();
    assert_eq!(
        server.got()[0].line,
        format!("GET /1/user/alice/listens?count=200&min_ts={}", NOON - 1)
    );
    let second = read(&server, &first.next.unwrap()).await.unwrap();
    assert!(second.records.is_empty() && second.next.is_none());
}

#[tokio::test]
async fn an_answer_that_contradicts_itself_ends_the_reading() {
    let miscounted =
        json!({"payload": {"count": 5, "oldest_listen_ts": 1, "listens": [listen(NOON, "a")]}});
    let other = json!({"payload": {"count": 0, "user_id": "bob", "listens": []}});
    let crowd: Vec<Value> = (0..200).map(|n| listen(NOON, &n.to_string())).collect();
    for (answer, words) in [
        (give(200, miscounted.to_string()), "counts 5"),
        (give(200, other.to_string()), "somebody else"),
        (page(&[], NOON - 9), "ends before"),
        (page(&crowd, 1), "of one second"),
        (give(200, r#"{"payload": {"count": 1, "lis"#), "cut short"),
        (
            give(200, r#"{"code": 200, "error": "Invalid Method"}"#),
            "cut short",
        ),
    ] {
        let server = Server::answering([answer]).await;
        let error = read(&server, &begin()).await.unwrap_err();
        assert_eq!(error.disposition, Disposition::Permanent, "{}", error.why);
        assert!(error.why.contains(words), "{}", error.why);
    }
}

#[tokio::test]
async fn a_history_that_stops_or_turns_around_in_the_middle_ends_the_reading() {
    let first = || page(&[listen(NOON, "a")], NOON - 9);
    for (answer, words) in [
        (page(&[listen(NOON, "a")], NOON - 9), "ends before"),
        (page(&[], 0), "ends before"),
        (page(&[listen(NOON + 1, "z")], NOON - 9), "another time"),
    ] {
        let server = Server::answering([first(), answer]).await;
        let next = read(&server, &begin()).await.unwrap().next.unwrap();
        let error = read(&server, &next).await.unwrap_err();
        assert_eq!(error.disposition, Disposition::Permanent);
        assert!(error.why.contains(words), "{}", error.why);
    }
}

#[tokio::test]
async fn an_empty_history_is_believed_only_where_the_count_says_so() {
    let server = Server::answering([page(&[], 0), page(&[], 0)]).await;
    assert!(read(&server, &begin()).await.unwrap().records.is_empty());
    let cursor = HistoryCursor::begin(Reading {
        since: None,
        expects_plays: true,
    });
    let error = read(&server, &cursor).await.unwrap_err();
    assert!(error.why.contains("no plays"), "{}", error.why);
}

#[tokio::test]
async fn what_changed_is_told_by_the_count_and_the_newest() {
    let count = give(200, r#"{"payload": {"count": 42}}"#);
    let server = Server::answering([count, page(&[listen(NOON, "a")], 5)]).await;
    let tokens = tokens();
    let activity = provider(&server.url)
        .activities(&account(&tokens, None), at(0))
        .await
        .unwrap();
    let lines = server.got().into_iter().map(|got| got.line);
    assert_eq!(
        lines.collect::<Vec<_>>(),
        [
            "GET /1/user/alice/listen-count",
            "GET /1/user/alice/listens?count=1"
        ]
    );
    assert_eq!(activity.mark, "42 1763640000");
    assert_eq!((activity.plays, activity.has_plays), (Some(42), true));
}

#[tokio::test]
async fn a_compatible_server_is_not_asked_for_what_none_of_them_has() {
    let server = Server::answering([]).await;
    let tokens = tokens();
    let url = Some("https://maloja.example/apis/listenbrainz");
    let error = provider(&server.url)
        .read_history(&account(&tokens, url), &begin(), at(0))
        .await
        .unwrap_err();
    assert_eq!(error.disposition, Disposition::Permanent);
    assert!(error.why.contains("cannot be read yet"), "{}", error.why);
    assert!(server.got().is_empty());
}
