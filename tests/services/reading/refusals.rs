//! What no reading believes: answers that are cut short, of another shape, or suddenly empty.

use hub_domain::{Disposition, Service};
use hub_providers::{HistoryCursor, Reading};
use hub_twins::{Answer, Fault};
use serde_json::json;

use super::Reader;
use crate::harness::World;

/// What a history is asked with, as faults name it.
fn question(service: Service) -> &'static str {
    match service {
        Service::Trakt => "/sync/history",
        Service::Simkl => "/sync/all-items",
        Service::LastFm => "user.getRecentTracks",
        Service::ListenBrainz => "/1/user/alice/listens",
        Service::AniList => "MediaListCollection",
        Service::MyAnimeList => "/v2/users/@me/animelist",
        Service::Goodreads | Service::Letterboxd => unreachable!("read by their feeds"),
    }
}

/// An answer that shows nothing at all.
fn nothing(service: Service) -> Answer {
    match service {
        Service::Trakt => Answer::json(200, &json!([]))
            .header("x-pagination-page", 1)
            .header("x-pagination-limit", 100)
            .header("x-pagination-page-count", 0)
            .header("x-pagination-item-count", 0),
        Service::Simkl => Answer::json(200, &json!(null)),
        Service::LastFm => Answer::json(
            200,
            &json!({"recenttracks": {"track": [], "@attr": {"user": "alice", "page": "1", "perPage": "200",
                "totalPages": "0", "total": "0"}}}),
        ),
        Service::ListenBrainz => Answer::json(
            200,
            &json!({"payload": {"count": 0, "user_id": "alice", "latest_listen_ts": 0, "oldest_listen_ts": 0,
                "listens": []}}),
        ),
        Service::AniList => Answer::json(
            200,
            &json!({"data": {"MediaListCollection": {"hasNextChunk": false, "user": {"name": "alice"}, "lists": []}}}),
        ),
        Service::MyAnimeList => Answer::json(200, &json!({"data": [], "paging": {}})),
        Service::Goodreads | Service::Letterboxd => unreachable!("read by their feeds"),
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_short_or_suddenly_empty_is_never_a_history() {
    let world = World::new().await;
    for service in Service::WRITABLE {
        let reader = Reader::new(&world, service);
        let begin = HistoryCursor::begin(Reading {
            since: None,
            expects_plays: true,
        });
        for fault in [
            Fault::not_json(),
            Fault::other_shape(),
            Fault::answer(nothing(service)),
        ] {
            world.faults(service).once(question(service), fault);
            let error = reader.page(&begin).await.expect_err("a refusal");
            assert_eq!(
                error.disposition,
                Disposition::Permanent,
                "{service}: {}",
                error.why
            );
            assert_eq!(world.faults(service).outstanding(), 0, "{service}");
        }
        // Trouble on the way is not a word about the history.
        let faults = world.faults(service);
        faults.once(question(service), Fault::drop_before());
        let error = reader.page(&begin).await.expect_err("a failure");
        assert_eq!(error.disposition, Disposition::Retryable, "{service}");
    }
}
