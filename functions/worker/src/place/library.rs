//! What the media server's library knows of an episode that came with its own ids alone: its show's, most of all.
//!
//! The item of the same content id, if something besides that id says that it is the episode: another server may give
//! the same one to another item. Else the item that has one of its ids.

use hub_domain::{MediaItem, UserId};
use hub_store::library::library_ids;
use hub_store::{Freshness, StoreError, Table};

/// The item with what the library knows of it besides; `None` where it knows nothing more.
pub(crate) async fn completed(
    table: &Table,
    user: UserId,
    media: &MediaItem,
) -> Result<Option<MediaItem>, StoreError> {
    let by_content_id = match media.content_id.as_deref() {
        Some(id) => table.library_item(user, id, Freshness::Lately).await?,
        None => None,
    };
    let confirmed = by_content_id.filter(|library| media.is_confirmed_by(library));
    let library = match confirmed {
        Some(library) => Some(library),
        None => table.library_item_by_ids(user, &library_ids(media)).await?,
    };
    let whole = library.and_then(|library| media.completed_by(&library));
    Ok(whole.filter(|whole| whole != media))
}

#[cfg(test)]
mod tests {
    use hub_domain::media::{Namespace, Scope};
    use hub_store::Library;

    use crate::place::tests::{World, by_own_ids, found, id};

    const LIST: &str = r#"{
      "$meta": {"schema_version": "3.0.0", "generated_on": "2026-11-20T02:00:00Z"},
      "tvdb_show:267440:s4": {"anilist:131681": {"17-28": "1-12"}}
    }"#;

    #[tokio::test]
    async fn an_episode_is_placed_by_the_show_that_the_library_knows_it_to_be_of() {
        let world = World::with(LIST.as_bytes()).await;
        let mut library = by_own_ids(4, 17);
        library.content_id = Some("77".to_owned());
        library.ids.push(id(Namespace::Tvdb, Scope::Show, "267440"));
        let put = async |library| {
            let items = [library];
            let put = world.table.put_library_items(&Library::Shared, &items);
            put.await.unwrap();
        };
        put(library.clone()).await;
        // By its content id, by one of its ids, and never by a content id that is another's.
        let mut by_content_id = by_own_ids(4, 17);
        by_content_id.ids = vec![id(Namespace::Imdb, Scope::Item, "tt15317142")];
        by_content_id.content_id = Some("77".to_owned());
        for media in [by_content_id.clone(), by_own_ids(4, 17)] {
            assert_eq!(found(&world.place(&media).await), Some((131_681, 1)));
            assert!(world.asked().is_empty());
        }
        by_content_id.show_title = Some("Friends".to_owned());
        assert_eq!(found(&world.place(&by_content_id).await), None);
    }
}
