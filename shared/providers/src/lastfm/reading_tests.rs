use hub_domain::Disposition;
use serde_json::{Value, json};

use super::*;
use crate::lastfm::tests::{account, form, provider};
use crate::reading::Reading;
use crate::testing::{Give, Server, at, give, tokens};

fn track(number: i64) -> Value {
    json!({"artist": {"#text": "Low", "mbid": ""}, "album": {"#text": "Double Negative", "mbid": ""},
        "name": format!("T{number}"), "mbid": "", "streamable": "0",
        "date": {"uts": (1_763_600_000 - number).to_string(), "#text": "20 Nov 2025, 00:53"}})
}

fn tracks(numbers: std::ops::Range<i64>) -> Value {
    numbers.map(track).collect()
}

fn playing() -> Value {
    json!({"@attr": {"nowplaying": "true"}, "artist": {"#text": "Low", "mbid": ""}, "album": {"#text": ""},
        "name": "Fly", "mbid": ""})
}

/// A page of the history, as it is translated from XML.
fn page(tracks: Value, page: u64, total: u64) -> Give {
    let (page, pages) = (page.to_string(), total.div_ceil(PAGE).to_string());
    let attributes = json!({"user": "Alice", "page": page, "perPage": "200", "totalPages": pages,
        "total": total.to_string()});
    let body = json!({"recenttracks": {"@attr": attributes, "track": tracks}});
    give(200, body.to_string())
}

async fn read(server: &Server, cursor: &HistoryCursor) -> Result<HistoryPage, ProviderError> {
    let tokens = tokens();
    provider(&server.url)
        .read_history(&account(&tokens), cursor, at(0))
        .await
}

fn begin() -> HistoryCursor {
    HistoryCursor::begin(Reading::default())
}

#[tokio::test]
async fn scrobbles_are_read_with_their_start_and_what_plays_now_is_none() {
    let mut tagged = track(1);
    tagged["mbid"] = json!("11111111-b22e-360e-a29a-1b1610190a8c");
    tagged["artist"] =
        json!({"name": "Björk", "mbid": "87c5dedd-371d-4a53-9f7f-80522fb7f3cb", "url": ""});
    let mut unset = track(2);
    unset["date"]["uts"] = json!("0");
    let mut nameless = track(3);
    nameless["artist"]["#text"] = json!(" ");
    let shown = json!([playing(), tagged, unset, nameless]);
    let server = Server::answering([page(shown, 1, 3)]).await;
    let cursor = HistoryCursor::begin(Reading {
        since: Some(at(-60)),
        expects_plays: true,
    });
    let read = read(&server, &cursor).await.unwrap();
    let got = form(&server.got()[0]);
    let value = |name: &str| {
        let pair = got.iter().find(|(known, _)| known == name);
        pair.map(|(_, value)| value.as_str())
    };
    assert_eq!(value("method"), Some("user.getRecentTracks"));
    assert_eq!(
        (value("user"), value("sk")),
        (Some("alice"), Some("access-token"))
    );
    assert_eq!((value("limit"), value("page")), (Some("200"), Some("1")));
    assert_eq!(
        (value("from"), value("to")),
        (Some("1763639940"), Some("1763640001"))
    );
    assert!(value("api_sig").is_some());

    assert_eq!((read.total, read.skipped), (Some(3), 1));
    assert!(read.next.is_none());
    let [tagged, unset] = &read.records[..] else {
        panic!("{:?}", read.records)
    };
    assert_eq!(tagged.media.label(), "Björk – T1");
    assert_eq!(tagged.media.album.as_deref(), Some("Double Negative"));
    assert_eq!(
        tagged.media.own_id(Namespace::TrackMbid),
        Some("11111111-b22e-360e-a29a-1b1610190a8c")
    );
    assert_eq!(tagged.media.own_id(Namespace::RecordingMbid), None);
    assert_eq!(tagged.started_at.unwrap().timestamp(), 1_763_599_999);
    assert_eq!(
        (tagged.watched_at, tagged.precision),
        (None, Precision::Second)
    );
    assert_eq!(tagged.remote_id, "1763599999-81c346d205f1f969");
    assert_eq!(
        (unset.started_at, unset.precision),
        (None, Precision::Unknown)
    );
}

#[tokio::test]
async fn one_track_is_an_object_and_none_may_be_missing() {
    let server = Server::answering([
        page(track(1), 1, 1),
        page(json!([]), 1, 0),
        give(
            200,
            r##"{"recenttracks":{"#text":"\n","user":"alice","page":"1","perPage":"200","totalPages":"0","total":"0"}}"##,
        ),
    ])
    .await;
    assert_eq!(read(&server, &begin()).await.unwrap().records.len(), 1);
    for _ in 0..2 {
        let page = read(&server, &begin()).await.unwrap();
        assert!(page.records.is_empty() && page.next.is_none());
    }
}

#[tokio::test]
async fn the_window_stays_while_its_pages_are_read() {
    let mut moved = vec![track(199)];
    moved.extend((200..299).map(track));
    let server =
        Server::answering([page(tracks(0..200), 1, 299), page(moved.into(), 2, 300)]).await;
    let first = read(&server, &begin()).await.unwrap();
    let second = first.next.unwrap();
    assert!(second.as_str().len() < crate::reading::LONGEST_CURSOR);
    let tokens = tokens();
    let second = provider(&server.url)
        .read_history(&account(&tokens), &second, at(500))
        .await
        .unwrap();
    let got = form(&server.got()[1]);
    assert!(got.contains(&("to".to_owned(), "1763640001".to_owned())));
    assert!(got.contains(&("page".to_owned(), "2".to_owned())));
    // The last of the first page came down.
    assert_eq!((first.records.len(), second.records.len()), (200, 99));
    assert!(second.next.is_none());
}

#[tokio::test]
async fn an_answer_that_contradicts_itself_or_is_somebody_elses_ends_the_reading() {
    let uncounted = json!({"recenttracks": {"track": tracks(0..5)}});
    let other = json!({"recenttracks": {"@attr": {"user": "bob", "page": "1", "perPage": "200", "totalPages": "1",
        "total": "1"}, "track": track(1)}});
    for (answer, words) in [
        (page(tracks(0..150), 1, 300), "should hold 200"),
        (page(json!([]), 1, 300), "should hold 200"),
        (page(tracks(0..4), 1, 5), "should hold 5"),
        (page(tracks(0..5), 2, 5), "another"),
        (give(200, uncounted.to_string()), "how many"),
        (give(200, other.to_string()), "somebody else"),
        (give(200, r#"{"recenttracks":{"track":[{"na"#), "cut short"),
        (give(200, "{}"), "how many"),
    ] {
        let server = Server::answering([answer]).await;
        let error = read(&server, &begin()).await.unwrap_err();
        assert_eq!(error.disposition, Disposition::Permanent, "{}", error.why);
        assert!(error.why.contains(words), "{}", error.why);
    }
}

#[tokio::test]
async fn a_hidden_history_that_its_session_does_not_open_asks_to_connect_again() {
    let refused = r#"{"error":17,"message":"Login: User required to be logged in"}"#;
    let server = Server::answering([give(403, refused)]).await;
    let error = read(&server, &begin()).await.unwrap_err();
    assert_eq!(error.disposition, Disposition::Auth);
}

#[tokio::test]
async fn what_changed_is_told_by_the_count_and_the_newest() {
    let attributes = |total: u64| {
        json!({"user": "alice", "page": "1", "perPage": "1",
        "totalPages": total.to_string(), "total": total.to_string()})
    };
    let some = json!({"recenttracks": {"@attr": attributes(2301), "track": [playing(), track(0)]}});
    let none = json!({"recenttracks": {"@attr": attributes(0), "track": playing()}});
    let odd = json!({"recenttracks": {"@attr": attributes(7), "track": playing()}});
    let bodies = [some, none, odd].map(|body| give(200, body.to_string()));
    let server = Server::answering(bodies).await;
    let (tokens, provider) = (tokens(), provider(&server.url));
    let account = account(&tokens);
    let activity = provider.activities(&account, at(0)).await.unwrap();
    assert_eq!(activity.mark, "2301 1763600000");
    assert_eq!((activity.plays, activity.has_plays), (Some(2301), true));
    let none = provider.activities(&account, at(0)).await.unwrap();
    assert_eq!((none.plays, none.has_plays), (Some(0), false));
    let error = provider.activities(&account, at(0)).await.unwrap_err();
    assert_eq!(error.disposition, Disposition::Permanent);
}
