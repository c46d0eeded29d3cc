//! Answers that were lost after the service may have taken the request.

use chrono::TimeDelta;
use hub_domain::Service;
use hub_twins::Fault;
use serde_json::json;

use crate::harness::services::WITH_HISTORY;
use crate::harness::{Person, World, film, happened, services, track};

async fn watch_yesterday(world: &World, person: &Person) -> i64 {
    let at = world.clock.now() - TimeDelta::days(1);
    world
        .event(person, happened(&film(), "stop", at, Some(7100)))
        .await;
    at.timestamp() / 60 * 60
}

#[tokio::test]
async fn an_answer_that_trakt_lost_is_looked_for_before_anything_is_sent_again() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    world
        .twins
        .trakt
        .faults()
        .once("/sync/history", Fault::drop_after());
    watch_yesterday(&world, &alice).await;
    world
        .pass_until_settled(&alice, TimeDelta::minutes(20))
        .await;
    assert_eq!(world.twins.trakt.history("alice").len(), 1);
    let writes = world
        .twins
        .trakt
        .requests()
        .iter()
        .filter(|r| r.method == "POST" && r.path == "/sync/history")
        .count();
    assert_eq!(writes, 1);
}

#[tokio::test]
async fn a_request_that_trakt_never_took_is_sent_again_after_looking() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    world
        .twins
        .trakt
        .faults()
        .once("/sync/history", Fault::drop_before());
    watch_yesterday(&world, &alice).await;
    world
        .pass_until_settled(&alice, TimeDelta::minutes(20))
        .await;
    assert_eq!(world.twins.trakt.history("alice").len(), 1);
}

#[tokio::test]
async fn a_request_that_trakt_finishes_late_is_seen_by_the_look_that_follows() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::Trakt]).await;
    world
        .twins
        .trakt
        .faults()
        .once("/sync/history", Fault::late());
    watch_yesterday(&world, &alice).await;
    world
        .pass_in_steps(TimeDelta::minutes(2), TimeDelta::seconds(5))
        .await;
    // It lands while the hub still waits; a look before this moment would have found nothing.
    assert_eq!(world.twins.trakt.faults().apply_late(), 1);
    world
        .pass_until_settled(&alice, TimeDelta::minutes(20))
        .await;
    assert_eq!(world.twins.trakt.history("alice").len(), 1);
}

#[tokio::test]
async fn a_lost_answer_of_a_music_service_is_repeated_byte_for_byte() {
    let world = World::new().await;
    let alice = world
        .person_at("alice", &[Service::LastFm, Service::ListenBrainz])
        .await;
    world
        .twins
        .lastfm
        .faults()
        .once("track.scrobble", Fault::drop_after());
    world
        .twins
        .listenbrainz
        .faults()
        .once("/1/submit-listens", Fault::drop_after());
    let start = world.clock.now() - TimeDelta::seconds(500);
    world
        .event(&alice, happened(&track(), "start", start, Some(0)))
        .await;
    world
        .event(
            &alice,
            happened(&track(), "stop", start + TimeDelta::seconds(190), Some(190)),
        )
        .await;
    world
        .pass_until_settled(&alice, TimeDelta::minutes(20))
        .await;
    assert_eq!(world.times_at(&alice, Service::LastFm, start), [0]);
    assert_eq!(world.times_at(&alice, Service::ListenBrainz, start), [0]);
    let sent: Vec<_> = world
        .twins
        .listenbrainz
        .requests()
        .into_iter()
        .filter(|r| r.path.ends_with("submit-listens"))
        .map(|r| r.body)
        .collect();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0], sent[1]);
}

#[tokio::test]
async fn one_bad_listen_does_not_hold_up_the_batch() {
    let world = World::new().await;
    let alice = world.person_at("alice", &[Service::ListenBrainz]).await;
    world.twins.listenbrainz.faults().down(true);
    for number in 0..20_i32 {
        let mut item = track();
        item["item_id"] = json!(format!("track-{number}"));
        item["title"] = json!(if number == 7 {
            "bad\u{0}name".to_owned()
        } else {
            format!("Track {number}")
        });
        let start = world.clock.now() - TimeDelta::minutes(4) * (20 - number);
        world
            .event(&alice, happened(&item, "start", start, Some(0)))
            .await;
        world
            .event(
                &alice,
                happened(&item, "stop", start + TimeDelta::seconds(190), Some(190)),
            )
            .await;
    }
    world.pass(TimeDelta::minutes(1)).await;
    world.twins.listenbrainz.faults().down(false);
    world.pass_until_settled(&alice, TimeDelta::hours(3)).await;
    assert!(world.twins.listenbrainz.listens("alice").len() >= 19);
}

#[tokio::test]
async fn a_page_of_html_is_a_failure_and_never_a_delivery() {
    let world = World::new().await;
    let alice = world.person_at("alice", &WITH_HISTORY).await;
    for (service, fault) in WITH_HISTORY.into_iter().zip(
        [
            Fault::html_page(503),
            Fault::not_json(),
            Fault::html_page(502),
        ]
        .into_iter()
        .cycle(),
    ) {
        world
            .faults(service)
            .once(services::late_write(service), fault);
    }
    watch_yesterday(&world, &alice).await;
    let start = world.clock.now() - TimeDelta::seconds(500);
    world
        .event(&alice, happened(&track(), "start", start, Some(0)))
        .await;
    world
        .event(
            &alice,
            happened(&track(), "stop", start + TimeDelta::seconds(190), Some(190)),
        )
        .await;
    world.settle().await;
    for service in WITH_HISTORY {
        assert!(
            !world
                .states(&alice, service)
                .await
                .contains(&"delivered".to_owned()),
            "{service}"
        );
    }
    world
        .pass_until_settled(&alice, TimeDelta::minutes(30))
        .await;
    for service in WITH_HISTORY {
        assert_eq!(
            world.states(&alice, service).await,
            ["delivered"],
            "{service}"
        );
    }
}
