use hub_domain::ItemKind;
use hub_domain::media::{ExternalId, Namespace, Scope};

use super::*;
use crate::testing::{items_of, table, user};

fn film(content_id: &str, tmdb: u32) -> MediaItem {
    let mut film = MediaItem::new(ItemKind::Movie);
    film.content_id = Some(content_id.to_owned());
    film.title = Some(format!("Film {content_id}"));
    film.ids =
        vec![ExternalId::new(Namespace::Tmdb, Scope::Item, &tmdb.to_string()).expect("an id")];
    film
}

fn shelved(stored: usize, unchanged: usize) -> Shelved {
    Shelved { stored, unchanged }
}

#[test]
fn the_keys_keep_their_stored_formats() {
    let mut episode = MediaItem::new(ItemKind::Episode);
    (episode.season, episode.episode) = (Some(1), Some(2));
    let id = |namespace, scope, raw| ExternalId::new(namespace, scope, raw).unwrap();
    episode.ids = vec![
        id(Namespace::Tvdb, Scope::Item, "303821"),
        id(Namespace::Tvdb, Scope::Show, "79168"),
    ];
    episode.content_id = Some("7#7".to_owned());
    let ids = library_ids(&episode);
    assert_eq!(ids, ["episode:tvdb#303821", "episode:tvdb_show#79168:1:2"]);
    let own = Library::Of(user(7));
    let id_of_user = "00000000-0000-0000-0000-000000000007";
    for (key, expected) in [
        (
            Key::library_item(&Library::Shared, "7#7"),
            "LIBRARY#canonical:- ITEM#7%237".to_owned(),
        ),
        (
            Key::library_id(&own, &ids[0]),
            format!("LIBRARY#{id_of_user} ID#episode:tvdb#303821"),
        ),
    ] {
        assert_eq!(key.to_string(), expected);
    }
}

#[tokio::test]
async fn what_stands_there_unchanged_is_not_written_again() {
    let table = table().await;
    let items: Vec<_> = (1..=100)
        .map(|number| film(&number.to_string(), number))
        .collect();
    let put = async |items: &[MediaItem]| {
        let put = table.put_library_items(&Library::Shared, items);
        put.await.unwrap()
    };
    assert_eq!(put(&items).await, shelved(100, 0));
    assert_eq!(put(&items).await, shelved(0, 100));
    let mut changed = items.clone();
    changed[3].title = Some("Another".to_owned());
    assert_eq!(put(&changed).await, shelved(1, 99));
    let lately = Freshness::Lately;
    let read = table.library_item(user(1), "4", lately).await.unwrap();
    assert_eq!(read.as_ref(), Some(&changed[3]));
}

#[tokio::test]
async fn an_item_is_found_by_its_ids_and_by_those_alone() {
    let table = table().await;
    let library = Library::Shared;
    let found = async |tmdb: u32| {
        let ids = library_ids(&film("-", tmdb));
        let item = table.library_item_by_ids(user(1), &ids).await.unwrap();
        item.and_then(|item| item.content_id)
    };
    let put = async |item: MediaItem| {
        table.put_library_items(&library, &[item]).await.unwrap();
    };
    put(film("a", 603)).await;
    assert_eq!(found(603).await.as_deref(), Some("a"));
    put(film("a", 604)).await;
    assert_eq!(found(603).await, None);
    assert_eq!(found(604).await.as_deref(), Some("a"));
    // A second copy takes the id over; what is said of the first one takes nothing of that.
    put(film("b", 604)).await;
    assert_eq!(found(604).await.as_deref(), Some("b"));
    assert!(table.delete_library_item(&library, "a").await.unwrap());
    assert!(!table.delete_library_item(&library, "a").await.unwrap());
    assert_eq!(found(604).await.as_deref(), Some("b"));
    assert!(table.delete_library_item(&library, "b").await.unwrap());
    let left = items_of(&table, &library.partition()).await;
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_users_own_library_goes_before_the_shared_one_and_serves_nobody_else() {
    let table = table().await;
    let own = Library::Of(user(1));
    for (library, tmdb) in [(&Library::Shared, 1), (&own, 2)] {
        let items = [film("7", tmdb)];
        table.put_library_items(library, &items).await.unwrap();
    }
    let item = async |of| {
        let item = table.library_item(of, "7", Freshness::Now).await.unwrap();
        item.and_then(|item| item.own_id(Namespace::Tmdb).map(str::to_owned))
    };
    assert_eq!(item(user(1)).await.as_deref(), Some("2"));
    assert_eq!(item(user(2)).await.as_deref(), Some("1"));
    let ids = library_ids(&film("-", 2));
    let found = table.library_item_by_ids(user(2), &ids).await.unwrap();
    assert_eq!(found, None);
    let found = table.library_item_by_ids(user(1), &ids).await.unwrap();
    assert!(found.is_some());
}
