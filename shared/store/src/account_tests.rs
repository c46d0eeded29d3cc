use hub_domain::Source;

use super::*;
use crate::assign::BIND_NAME;
use crate::item::text;
use crate::testing::{second, table, user};

fn server() -> ServerRef {
    ServerRef::new(Source::Plex, "abc")
}

fn account(id: Option<&str>, name: Option<&str>) -> Account {
    Account {
        id: id.map(str::to_owned),
        name: name.map(str::to_owned),
    }
}

async fn users_of(table: &Table, id: Option<&str>, name: Option<&str>) -> Vec<UserId> {
    let found = table.binding(&server(), &account(id, name)).await.unwrap();
    found.map(|binding| binding.users).unwrap_or_default()
}

#[test]
fn the_keys_keep_their_stored_format() {
    assert_eq!(
        Key::account(&server(), "id:7").to_string(),
        "SOURCE#plex#abc ACCOUNT#id:7"
    );
    assert_eq!(
        Key::server(&server()).to_string(),
        "SOURCES SERVER#plex#abc"
    );
    assert_eq!(
        Key::account_of(user(1), &server(), "name:ada").to_string(),
        "USER#00000000-0000-0000-0000-000000000001 ACCOUNT#plex#abc#name:ada"
    );
}

#[tokio::test]
async fn an_account_is_found_by_its_id_and_stands_for_several_people() {
    let table = table().await;
    let both = [user(1), user(2)];
    table
        .assign_account(&server(), "id:7", &both, second(0))
        .await
        .unwrap();
    assert_eq!(users_of(&table, Some("7"), Some("Ada")).await, both);
    assert!(users_of(&table, Some("8"), Some("Ada")).await.is_empty());
    assert!(users_of(&table, None, None).await.is_empty());
    let other = ServerRef::new(Source::Plex, "xyz");
    assert_eq!(
        table
            .binding(&other, &account(Some("7"), None))
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn a_name_is_bound_to_the_first_id_seen_with_it() {
    let table = table().await;
    table
        .assign_account(&server(), "name:ada", &[user(1)], second(0))
        .await
        .unwrap();
    let seen = account(Some("7"), Some(" Ada "));
    let by_name = table.binding(&server(), &seen).await.unwrap().unwrap();
    assert_eq!(by_name.account_key, "name:ada");

    let bound = table
        .bind_id(&server(), &seen, second(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (bound.account_key.as_str(), bound.users),
        ("id:7", vec![user(1)])
    );

    assert_eq!(
        users_of(&table, Some("7"), Some("Countess")).await,
        [user(1)]
    );
    assert_eq!(users_of(&table, None, Some("ADA")).await, [user(1)]);
    let impostor = account(Some("8"), Some("Ada"));
    assert!(users_of(&table, Some("8"), Some("Ada")).await.is_empty());
    assert_eq!(
        table
            .bind_id(&server(), &impostor, second(2))
            .await
            .unwrap(),
        None
    );
    assert!(users_of(&table, Some("8"), Some("Ada")).await.is_empty());
}

#[tokio::test]
async fn a_binding_that_was_cut_short_is_completed() {
    let table = table().await;
    table
        .assign_account(&server(), "name:ada", &[user(1)], second(0))
        .await
        .unwrap();
    table
        .update(&Key::account(&server(), "name:ada"))
        .update_expression(BIND_NAME)
        .expression_attribute_values(":id_key", text("id:7"))
        .send()
        .await
        .unwrap();
    let seen = account(Some("7"), Some("Ada"));
    assert_eq!(users_of(&table, Some("7"), Some("Ada")).await, [user(1)]);
    table
        .bind_id(&server(), &seen, second(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(users_of(&table, Some("7"), None).await, [user(1)]);
}

#[tokio::test]
async fn reassigning_a_bound_name_takes_its_id_along() {
    let table = table().await;
    table
        .assign_account(&server(), "name:ada", &[user(1)], second(0))
        .await
        .unwrap();
    let seen = account(Some("7"), Some("Ada"));
    table.bind_id(&server(), &seen, second(1)).await.unwrap();
    table
        .assign_account(&server(), "name:ada", &[user(2)], second(2))
        .await
        .unwrap();
    assert_eq!(users_of(&table, Some("7"), Some("Ada")).await, [user(2)]);
    assert!(table.accounts_of(user(1)).await.unwrap().is_empty());
    assert_eq!(table.accounts_of(user(2)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_account_given_to_nobody_is_nobodys_whatever_its_name() {
    let table = table().await;
    table
        .assign_account(&server(), "name:ada", &[user(1)], second(0))
        .await
        .unwrap();
    table
        .assign_account(&server(), "id:7", &[], second(1))
        .await
        .unwrap();
    assert!(users_of(&table, Some("7"), Some("Ada")).await.is_empty());
    assert_eq!(users_of(&table, None, Some("Ada")).await, [user(1)]);
}

#[tokio::test]
async fn accounts_are_listed_for_their_server_and_their_users() {
    let table = table().await;
    table
        .assign_account(&server(), "id:7", &[user(1), user(2)], second(0))
        .await
        .unwrap();
    table
        .assign_account(&server(), "id:8", &[user(2)], second(0))
        .await
        .unwrap();
    let of_server = table.bindings(&server()).await.unwrap();
    let keys: Vec<_> = of_server
        .iter()
        .map(|binding| binding.account_key.as_str())
        .collect();
    assert_eq!(keys, ["id:7", "id:8"]);
    assert_eq!(table.servers().await.unwrap(), [server()]);
    assert_eq!(table.accounts_of(user(1)).await.unwrap().len(), 1);
    assert_eq!(table.accounts_of(user(2)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn two_who_assign_at_once_leave_one_answer() {
    let table = table().await;
    let server = server();
    let (first, other) = ([user(1)], [user(2)]);
    let (one, two) = tokio::join!(
        table.assign_account(&server, "id:7", &first, second(0)),
        table.assign_account(&server, "id:7", &other, second(0)),
    );
    one.unwrap();
    two.unwrap();
    let users = users_of(&table, Some("7"), None).await;
    assert_eq!(users.len(), 1);
    assert_eq!(table.accounts_of(users[0]).await.unwrap().len(), 1);
    let other = if users[0] == user(1) {
        user(2)
    } else {
        user(1)
    };
    assert!(table.accounts_of(other).await.unwrap().is_empty());
}
