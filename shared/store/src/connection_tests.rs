use hub_domain::connection::Identity;

use super::*;
use crate::testing::{second, table, user};

pub(crate) fn connection(user: UserId, service: Service) -> Connection {
    Connection {
        user,
        service,
        identity: Identity {
            username: "ada".to_owned(),
            profile_url: None,
            account_id: "7".to_owned(),
        },
        settings: ConnectionSettings::default(),
        health: Health::Ok,
        health_detail: None,
        connected_at: second(0),
        deliver_from: second(0),
        token_expires_at: Some(second(7200)),
        token_version: 1,
        url: None,
        last_sync_at: None,
        last_sync_status: None,
    }
}

#[test]
fn the_key_keeps_its_stored_format() {
    assert_eq!(
        Key::connection(user(1), Service::LastFm).to_string(),
        "USER#00000000-0000-0000-0000-000000000001 CONNECTION#lastfm"
    );
}

#[test]
fn sealed_tokens_are_not_printed() {
    let stored = StoredConnection {
        connection: connection(user(1), Service::Trakt),
        sealed_tokens: "c2VhbGVk".to_owned(),
        refresh_lease_until: None,
    };
    assert!(!format!("{stored:?}").contains("c2VhbGVk"));
}

#[tokio::test]
async fn a_linked_account_is_read_back_and_listed() {
    let table = table().await;
    for service in [Service::Trakt, Service::LastFm] {
        table
            .link(&connection(user(1), service), "sealed", None)
            .await
            .unwrap();
    }
    let stored = table
        .connection(user(1), Service::Trakt)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.connection, connection(user(1), Service::Trakt));
    assert_eq!(stored.sealed_tokens, "sealed");
    assert_eq!(stored.refresh_lease_until, None);
    let listed = table.connections(user(1)).await.unwrap();
    let services: Vec<_> = listed
        .iter()
        .map(|stored| stored.connection.service)
        .collect();
    assert_eq!(services, [Service::LastFm, Service::Trakt]);
    assert!(table.connections(user(2)).await.unwrap().is_empty());
}

#[tokio::test]
async fn signing_in_again_keeps_the_settings_and_what_waits() {
    let table = table().await;
    let first = connection(user(1), Service::Trakt);
    table.link(&first, "old", None).await.unwrap();
    let settings = ConnectionSettings {
        scrobble_threshold_percent: Some(90.5),
        ..ConnectionSettings::default()
    };
    assert!(
        table
            .update_connection_settings(user(1), Service::Trakt, &settings)
            .await
            .unwrap()
    );
    table
        .set_health(
            user(1),
            Service::Trakt,
            Health::ReconnectRequired,
            Some("revoked"),
        )
        .await
        .unwrap();

    let mut again = first.clone();
    again.connected_at = second(99);
    again.deliver_from = second(99);
    let stored = table.link(&again, "new", None).await.unwrap();

    assert_eq!(
        table.connection(user(1), Service::Trakt).await.unwrap(),
        Some(stored.clone())
    );
    assert_eq!(stored.connection.settings, settings);
    assert_eq!(stored.connection.health, Health::Ok);
    assert_eq!(
        (
            stored.connection.token_version,
            stored.sealed_tokens.as_str()
        ),
        (2, "new")
    );
    assert_eq!(stored.connection.deliver_from, second(0));

    let mut other = again;
    other.identity.account_id = "8".to_owned();
    let stored = table.link(&other, "other", None).await.unwrap();
    assert_eq!(
        (
            stored.connection.token_version,
            stored.connection.deliver_from
        ),
        (3, second(99))
    );
}

#[tokio::test]
async fn two_who_link_at_once_give_two_versions() {
    let table = table().await;
    let connection = connection(user(1), Service::Trakt);
    let (one, two) = tokio::join!(
        table.link(&connection, "a", None),
        table.link(&connection, "b", None)
    );
    let mut versions = [
        one.unwrap().connection.token_version,
        two.unwrap().connection.token_version,
    ];
    versions.sort_unstable();
    assert_eq!(versions, [1, 2]);
}

#[tokio::test]
async fn a_change_of_health_is_told_to_one_caller() {
    let table = table().await;
    table
        .link(&connection(user(1), Service::Trakt), "sealed", None)
        .await
        .unwrap();
    let park = || table.set_health(user(1), Service::Trakt, Health::ReconnectRequired, None);
    let (one, two) = tokio::join!(park(), park());
    assert_ne!(one.unwrap(), two.unwrap());
    assert!(
        table
            .set_health(user(1), Service::Trakt, Health::Ok, None)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn an_answer_to_old_tokens_does_not_judge_the_new_ones() {
    let table = table().await;
    let linked = connection(user(1), Service::Trakt);
    table.link(&linked, "old", None).await.unwrap();
    table.link(&linked, "new", None).await.unwrap();
    let park = async |version| {
        let health = Health::ReconnectRequired;
        table
            .set_health_under(user(1), Service::Trakt, version, health, None)
            .await
            .unwrap()
    };
    assert!(!park(1).await);
    assert!(park(2).await);
}

#[tokio::test]
async fn nothing_is_written_on_a_connection_that_is_gone() {
    let table = table().await;
    table
        .link(&connection(user(1), Service::Trakt), "sealed", None)
        .await
        .unwrap();
    let gone = table
        .unlink(user(1), Service::Trakt)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(gone.sealed_tokens, "sealed");
    assert_eq!(table.unlink(user(1), Service::Trakt).await.unwrap(), None);
    let settings = ConnectionSettings::default();
    assert!(
        !table
            .update_connection_settings(user(1), Service::Trakt, &settings)
            .await
            .unwrap()
    );
    assert!(
        !table
            .set_health(user(1), Service::Trakt, Health::Ok, None)
            .await
            .unwrap()
    );
    assert_eq!(
        table.connection(user(1), Service::Trakt).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn a_connection_is_due_when_its_tokens_are_to_be_refreshed() {
    let table = table().await;
    let linked = connection(user(1), Service::Trakt);
    table
        .link(&linked, "sealed", Some(second(6600)))
        .await
        .unwrap();
    let shard = due::shard_of(user(1));
    let found = table
        .due(due::CONNECTION, shard, second(6600), 9, None)
        .await
        .unwrap();
    assert_eq!(found[0].service(), Some(Service::Trakt));
    assert_eq!(found[0].user(), Some(user(1)));
}
