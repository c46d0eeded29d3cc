use super::*;
use crate::testing::{second, table, user};

const SERVICE: Service = Service::Trakt;

async fn take(table: &Table, version: u64, holder: &str) -> LaneTaken {
    table
        .take_lane(
            user(1),
            SERVICE,
            version,
            holder,
            second(120),
            Frozen::Stays,
        )
        .await
        .unwrap()
}

async fn settle(table: &Table, holder: &str, release: &Release) -> bool {
    table
        .settle_lane(user(1), SERVICE, holder, release)
        .await
        .unwrap()
}

async fn is_due(table: &Table, at: i64) -> bool {
    let shard = due::shard_of(user(1));
    !table
        .due(SERVICE.name(), shard, second(at), 9, None)
        .await
        .unwrap()
        .is_empty()
}

#[test]
fn the_key_keeps_its_stored_format() {
    assert_eq!(
        Key::lane(user(1), Service::ListenBrainz).to_string(),
        "USER#00000000-0000-0000-0000-000000000001 LANE#listenbrainz"
    );
}

#[tokio::test]
async fn a_lane_that_nobody_has_used_is_free() {
    let table = table().await;
    let lane = table.lane(user(1), SERVICE).await.unwrap();
    assert_eq!(lane, Lane::default());
    assert!(lane.is_free(second(0)));
}

#[tokio::test]
async fn of_twenty_who_take_a_lane_one_holds_it() {
    let table = table().await;
    for version in [0, 2] {
        let holders: Vec<_> = (0..20).map(|number| format!("holder-{number}")).collect();
        let takers = holders.iter().map(|holder| take(&table, version, holder));
        let taken = futures_util::future::join_all(takers).await;
        let winners: Vec<_> = std::iter::zip(&holders, taken)
            .filter(|(_, taken)| *taken == LaneTaken::Taken(version + 1))
            .collect();
        assert_eq!(winners.len(), 1);
        let lane = table.lane(user(1), SERVICE).await.unwrap();
        assert_eq!(lane.holder.as_ref(), Some(winners[0].0));
        assert!(!lane.is_free(second(119)) && lane.is_free(second(120)));
        assert!(settle(&table, winners[0].0, &Release::default()).await);
    }
}

#[tokio::test]
async fn a_repeat_of_a_take_meets_itself() {
    let table = table().await;
    assert_eq!(take(&table, 0, "a").await, LaneTaken::Taken(1));
    assert_eq!(take(&table, 0, "a").await, LaneTaken::Taken(1));
    assert_eq!(take(&table, 0, "b").await, LaneTaken::Busy);
    assert_eq!(take(&table, 1, "b").await, LaneTaken::Taken(2));
    assert_eq!(take(&table, 1, "b").await, LaneTaken::Taken(2));
    assert_eq!(take(&table, 1, "a").await, LaneTaken::Busy);
}

async fn write_down(table: &Table, version: u64, holder: &str, words: &str) -> LaneTaken {
    let frozen = Frozen::Is(words, second(5));
    table
        .take_lane(user(1), SERVICE, version, holder, second(120), frozen)
        .await
        .unwrap()
}

#[tokio::test]
async fn only_the_holder_settles() {
    let table = table().await;
    take(&table, 0, "late").await;
    take(&table, 1, "next").await;
    assert!(!settle(&table, "late", &Release::default()).await);
    assert!(settle(&table, "next", &Release::default()).await);
    assert!(!settle(&table, "next", &Release::default()).await);
}

#[tokio::test]
async fn nobody_takes_a_lane_with_an_old_idea_of_what_is_being_sent() {
    let table = table().await;
    take(&table, 0, "a").await;
    let read = table.lane(user(1), SERVICE).await.unwrap();
    write_down(&table, 1, "b", "[1]").await;
    assert_eq!(take(&table, read.version, "c").await, LaneTaken::Busy);

    let read = table.lane(user(1), SERVICE).await.unwrap();
    assert_eq!(
        (read.frozen.as_deref(), read.frozen_at),
        (Some("[1]"), Some(second(5)))
    );
    settle(&table, "b", &Release::default()).await;
    assert_eq!(take(&table, read.version, "c").await, LaneTaken::Busy);
    let lane = table.lane(user(1), SERVICE).await.unwrap();
    assert_eq!(
        (lane.frozen, lane.frozen_at, lane.holder),
        (None, None, None)
    );
}

#[tokio::test]
async fn of_two_who_take_over_a_lane_that_is_through_one_holds_it() {
    let table = table().await;
    write_down(&table, 0, "a", "[1]").await;
    let (one, two) = tokio::join!(
        write_down(&table, 1, "b", "[2]"),
        write_down(&table, 1, "c", "[3]")
    );
    assert!([one, two].contains(&LaneTaken::Taken(2)));
    assert!([one, two].contains(&LaneTaken::Busy));
    let lane = table.lane(user(1), SERVICE).await.unwrap();
    let words = if one == LaneTaken::Busy { "[3]" } else { "[2]" };
    assert_eq!(lane.frozen.as_deref(), Some(words));
    assert!(!settle(&table, "a", &Release::default()).await);
}

#[tokio::test]
async fn what_is_through_goes_with_a_take_that_sends_nothing() {
    let table = table().await;
    write_down(&table, 0, "a", "[1]").await;
    let taken = table
        .take_lane(user(1), SERVICE, 1, "b", second(130), Frozen::Goes)
        .await
        .unwrap();
    assert_eq!(taken, LaneTaken::Taken(2));
    let lane = table.lane(user(1), SERVICE).await.unwrap();
    assert_eq!((lane.frozen, lane.frozen_at), (None, None));
    assert_eq!(lane.lease_until, Some(second(130)));
}

#[tokio::test]
async fn a_lane_with_nothing_to_do_leaves_the_index_unless_its_entry_was_moved() {
    let table = table().await;
    let clear = async |at| {
        table
            .clear_lane_due(user(1), SERVICE, second(at))
            .await
            .unwrap()
    };
    table
        .set_lane_due(user(1), SERVICE, second(100))
        .await
        .unwrap();
    assert!(!clear(99).await);
    assert!(is_due(&table, 100).await);
    assert!(clear(100).await);
    assert!(!is_due(&table, 999).await);
    assert!(!clear(100).await);
    let other = table.clear_lane_due(user(2), SERVICE, second(1)).await;
    assert!(!other.unwrap(), "nothing rises from the dead");
}

#[tokio::test]
async fn what_is_sent_is_written_down_with_the_take() {
    let table = table().await;
    for (version, words) in [(0, "[1]"), (1, "[2]")] {
        let frozen = Frozen::Is(words, second(7));
        table
            .take_lane(user(1), SERVICE, version, "a", second(9), frozen)
            .await
            .unwrap();
        let lane = table.lane(user(1), SERVICE).await.unwrap();
        assert_eq!(
            (lane.frozen.as_deref(), lane.frozen_at),
            (Some(words), Some(second(7)))
        );
    }
    // Taken without new words, the old ones stay for the next holder.
    take(&table, 2, "b").await;
    let lane = table.lane(user(1), SERVICE).await.unwrap();
    assert_eq!(lane.frozen.as_deref(), Some("[2]"));
}

#[tokio::test]
async fn a_holder_leaves_word_for_the_next() {
    let table = table().await;
    table
        .take_lane(
            user(1),
            SERVICE,
            0,
            "a",
            second(120),
            Frozen::Is("[1]", second(1)),
        )
        .await
        .unwrap();
    let release = Release {
        next_call_at: Some(second(2)),
        parked_until: Some(second(300)),
        parked_why: Some("the service says to wait".to_owned()),
        live: Some(("plex#tv".to_owned(), 4)),
        due_at: Some(second(300)),
        keep_frozen: true,
        spent: None,
    };
    assert!(settle(&table, "a", &release).await);
    let lane = table.lane(user(1), SERVICE).await.unwrap();
    let expected = Lane {
        frozen: Some("[1]".to_owned()),
        frozen_at: Some(second(1)),
        next_call_at: Some(second(2)),
        parked_until: Some(second(300)),
        parked_why: Some("the service says to wait".to_owned()),
        live_session: Some("plex#tv".to_owned()),
        live_sequence: 4,
        due_at: Some(second(300)),
        version: 2,
        ..Lane::default()
    };
    assert_eq!(lane, expected);
    assert!(is_due(&table, 300).await);

    take(&table, 2, "b").await;
    assert!(settle(&table, "b", &Release::default()).await);
    let lane = table.lane(user(1), SERVICE).await.unwrap();
    assert_eq!(
        (lane.frozen, lane.parked_until, lane.parked_why),
        (None, None, None)
    );
    assert_eq!(
        (lane.live_session.as_deref(), lane.live_sequence),
        (Some("plex#tv"), 4)
    );
    assert!(!is_due(&table, 999).await);
}

#[tokio::test]
async fn a_lane_becomes_due_earlier_but_not_later() {
    let table = table().await;
    let set = async |at| {
        table
            .set_lane_due(user(1), SERVICE, second(at))
            .await
            .unwrap()
    };
    assert!(set(100).await);
    assert!(!set(200).await);
    assert!(is_due(&table, 100).await);
    assert!(set(50).await);
    assert!(is_due(&table, 50).await);
    // The lane was made only to be due, and is taken like any that nobody has used.
    let only_due = Lane {
        due_at: Some(second(50)),
        ..Lane::default()
    };
    assert_eq!(table.lane(user(1), SERVICE).await.unwrap(), only_due);
    assert_eq!(take(&table, 0, "a").await, LaneTaken::Taken(1));
    assert!(is_due(&table, 50).await);
}
