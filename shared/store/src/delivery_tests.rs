use super::*;
use crate::testing::{play, second, table, user};

const SERVICE: Service = Service::Trakt;

async fn stored() -> (Table, PlayId) {
    let table = table().await;
    let mut play = play(user(1), second(0));
    play.deliveries.insert(SERVICE, Delivery::pending());
    play.deliveries.insert(Service::LastFm, Delivery::pending());
    table.put_play(&play, Some(second(60))).await.unwrap();
    (table, play.id)
}

fn ended(state: State) -> Delivery {
    Delivery {
        state,
        attempts: 2,
        detail: Some("in its own words".to_owned()),
        settled_at: Some(second(9)),
        sent_watched_at: Some(second(5)),
        ..Delivery::pending()
    }
}

async fn read_entry(table: &Table, id: &PlayId, service: Service) -> Delivery {
    let play = table.play(user(1), id).await.unwrap().unwrap();
    play.deliveries[&service].clone()
}

async fn is_due(table: &Table) -> bool {
    let shard = due::shard_of(user(1));
    !table
        .due(due::PLAY, shard, second(999), 9, None)
        .await
        .unwrap()
        .is_empty()
}

#[tokio::test]
async fn one_entry_changes_and_the_others_stay() {
    let (table, id) = stored().await;
    let delivered = ended(State::Delivered);
    let settlement = table
        .update_delivery(user(1), &id, SERVICE, &delivered, true)
        .await;
    assert_eq!(settlement.unwrap(), Settlement::Updated);
    assert_eq!(read_entry(&table, &id, SERVICE).await, delivered);
    assert_eq!(
        read_entry(&table, &id, Service::LastFm).await,
        Delivery::pending()
    );
    assert!(is_due(&table).await);
    table
        .update_delivery(user(1), &id, Service::LastFm, &delivered, false)
        .await
        .unwrap();
    assert!(!is_due(&table).await);
}

#[tokio::test]
async fn a_delivery_ends_once() {
    for state in [
        State::Delivered,
        State::AlreadyThere,
        State::Ignored,
        State::NotFound,
        State::Refused,
        State::InDoubt,
    ] {
        let (table, id) = stored().await;
        let first = ended(state);
        let settle = async |delivery: &Delivery| {
            table
                .update_delivery(user(1), &id, SERVICE, delivery, true)
                .await
                .unwrap()
        };
        assert_eq!(settle(&first).await, Settlement::Updated);
        assert_eq!(
            settle(&first).await,
            Settlement::Updated,
            "a repeat of the same"
        );
        assert_eq!(
            settle(&Delivery::pending()).await,
            Settlement::AlreadySettled
        );
        assert_eq!(read_entry(&table, &id, SERVICE).await, first);
    }
}

#[tokio::test]
async fn an_open_delivery_goes_through_its_states() {
    let (table, id) = stored().await;
    for state in [
        State::Sending,
        State::Waiting,
        State::Pending,
        State::Held,
        State::Sending,
    ] {
        let delivery = Delivery {
            state,
            ..Delivery::pending()
        };
        let settlement = table
            .update_delivery(user(1), &id, SERVICE, &delivery, true)
            .await;
        assert_eq!(settlement.unwrap(), Settlement::Updated);
    }
}

#[tokio::test]
async fn two_who_settle_at_once_leave_one_answer() {
    let (table, id) = stored().await;
    let (delivered, refused) = (ended(State::Delivered), ended(State::Refused));
    let (one, two) = tokio::join!(
        table.update_delivery(user(1), &id, SERVICE, &delivered, true),
        table.update_delivery(user(1), &id, SERVICE, &refused, true),
    );
    let settlements = [one.unwrap(), two.unwrap()];
    assert!(settlements.contains(&Settlement::Updated));
    assert!(settlements.contains(&Settlement::AlreadySettled));
}

#[tokio::test]
async fn nothing_is_written_on_a_play_that_is_gone() {
    let (table, id) = stored().await;
    let delivered = ended(State::Delivered);
    let missing = table
        .update_delivery(user(1), &id, Service::ListenBrainz, &delivered, true)
        .await;
    assert_eq!(missing.unwrap(), Settlement::Gone);
    table.delete_play(user(1), &id).await.unwrap();
    let settlement = table
        .update_delivery(user(1), &id, SERVICE, &delivered, false)
        .await;
    assert_eq!(settlement.unwrap(), Settlement::Gone);
    let retried = table
        .retry_delivery(user(1), &id, SERVICE, None)
        .await
        .unwrap();
    assert_eq!(retried, Retried::Gone);
    assert!(
        !table
            .add_delivery(user(1), &id, SERVICE, &delivered, second(1))
            .await
            .unwrap()
    );
    assert_eq!(table.play(user(1), &id).await.unwrap(), None);
}

#[tokio::test]
async fn a_person_tries_again_what_the_service_did_not_take() {
    for (state, expected) in [
        (State::Refused, Retried::Pending),
        (State::NotFound, Retried::Pending),
        (State::Ignored, Retried::Pending),
        (State::InDoubt, Retried::Pending),
        (State::Delivered, Retried::NotNeeded),
        (State::AlreadyThere, Retried::NotNeeded),
        (State::Waiting, Retried::NotNeeded),
    ] {
        let (table, id) = stored().await;
        let before = ended(state);
        table
            .update_delivery(user(1), &id, SERVICE, &before, false)
            .await
            .unwrap();
        let due_at = Some(second(60));
        let retried = table
            .retry_delivery(user(1), &id, SERVICE, due_at)
            .await
            .unwrap();
        assert_eq!(retried, expected, "{}", state.name());
        let after = read_entry(&table, &id, SERVICE).await;
        if expected == Retried::Pending {
            let sent_watched_at = before.sent_watched_at;
            assert_eq!(
                after,
                Delivery {
                    sent_watched_at,
                    ..Delivery::pending()
                }
            );
            assert!(is_due(&table).await);
        } else {
            assert_eq!(after, before);
            assert!(!is_due(&table).await);
        }
    }
}

#[tokio::test]
async fn a_delivery_is_added_once() {
    let (table, id) = stored().await;
    let add = async |service| {
        table
            .add_delivery(user(1), &id, service, &Delivery::pending(), second(60))
            .await
            .unwrap()
    };
    assert!(!add(SERVICE).await);
    assert!(add(Service::ListenBrainz).await);
    assert!(!add(Service::ListenBrainz).await);
    assert_eq!(
        read_entry(&table, &id, Service::ListenBrainz).await,
        Delivery::pending()
    );
}
