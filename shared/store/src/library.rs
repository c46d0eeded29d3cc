//! The library: what the media server owns, each item by its content id and by the ids that the world knows it by.
//!
//! | read or write                 | key                                                                              |
//! | ----------------------------- | -------------------------------------------------------------------------------- |
//! | one item                      | `pk = LIBRARY#<whose>`, `sk = ITEM#<content id>`                                 |
//! | the item of an external id    | the same `pk`, `sk = ID#<kind>:<namespace>#<value>`; of a show `#<value>:<season>:<episode>` |
//!
//! The media server's library serves every user; a user's own token fills one that serves its user alone, and goes
//! before it. An item's ids are written before the item, so that an item which stands there unchanged has its ids, and
//! costs nothing to tell again. Of two items with one id the last told is found by it.

use std::collections::HashMap;

use hub_domain::identity::aliases;
use hub_domain::names::{ServerRef, Source};
use hub_domain::{MediaItem, UserId};
use serde::{Deserialize, Serialize};

use crate::batch::put_request;
use crate::error::{StoreError, is_condition_failed};
use crate::item::{Item, ONLY_IF_THERE, decode, encode, text, text_of};
use crate::key::{Key, part};
use crate::table::{Freshness, Table};

/// The most items of one call.
pub const MOST_ITEMS: usize = 100;
const ITEM: &str = "ITEM#";
const ONLY_IF_ITS: &str = "content_id = :content_id";

/// Whose library.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Library {
    /// The media server's: it serves everybody.
    Shared,
    /// What one user told of with a token of their own: it serves that user alone.
    Of(UserId),
}

impl Library {
    /// The libraries that serve a user, the one that goes before the other first.
    pub const fn serving(user: UserId) -> [Self; 2] {
        [Self::Of(user), Self::Shared]
    }

    pub(crate) fn partition(&self) -> String {
        match self {
            Self::Shared => {
                let server = ServerRef::unnamed(Source::Canonical);
                format!("LIBRARY#{}:{}", server.source, server.id)
            }
            Self::Of(user) => format!("LIBRARY#{user}"),
        }
    }
}

/// What became of items that were told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shelved {
    /// So many are new, or other than before.
    pub stored: usize,
    /// So many stood there already.
    pub unchanged: usize,
}

#[derive(Serialize, Deserialize)]
struct StoredItem {
    media: MediaItem,
}

#[derive(Serialize, Deserialize)]
struct StoredId {
    content_id: String,
}

impl Key {
    /// An item of a library.
    pub fn library_item(library: &Library, content_id: &str) -> Self {
        Self::new(library.partition(), format!("{ITEM}{}", part(content_id)))
    }

    /// The item of a library that has an id, as [`library_ids`] writes it.
    pub fn library_id(library: &Library, id: &str) -> Self {
        Self::new(library.partition(), format!("ID#{id}"))
    }
}

/// The names by which an item is found: its own ids, and its show's with its number.
pub fn library_ids(media: &MediaItem) -> Vec<String> {
    let nobody = ServerRef::unnamed(Source::Queue);
    aliases(media, &nobody)
        .into_iter()
        .filter(|alias| alias.is_id && !alias.is_local)
        .map(|alias| alias.key)
        .collect()
}

impl Table {
    /// Stores items of a library, each with a content id and none twice, at most [`MOST_ITEMS`]; what stands there
    /// unchanged is left.
    ///
    /// # Errors
    ///
    /// Those of the table; a repeat completes what was cut short.
    pub async fn put_library_items(
        &self,
        library: &Library,
        items: &[MediaItem],
    ) -> Result<Shelved, StoreError> {
        const OPERATION: &str = "store items of a library";
        let told: HashMap<&str, &MediaItem> = items
            .iter()
            .filter_map(|item| Some((item.content_id.as_deref()?, item)))
            .collect();
        let content_ids: Vec<&str> = told.keys().copied().collect();
        let known = self
            .library_items(library, &content_ids, Freshness::Now)
            .await?;
        let news: Vec<(&str, &MediaItem)> = told
            .iter()
            .filter(|(id, item)| known.get(**id) != Some(**item))
            .map(|(id, item)| (*id, *item))
            .collect();
        let mut ids: HashMap<String, &str> = HashMap::new();
        let mut gone: Vec<(String, &str)> = Vec::new();
        for (content_id, item) in &news {
            let before = known.get(*content_id).map(library_ids).unwrap_or_default();
            let now = library_ids(item);
            gone.extend(
                before
                    .iter()
                    .filter(|id| !now.contains(id))
                    .map(|id| (id.clone(), *content_id)),
            );
            ids.extend(now.into_iter().map(|id| (id, *content_id)));
        }
        let mut writes = Vec::with_capacity(ids.len());
        for (id, content_id) in &ids {
            let content_id = (*content_id).to_owned();
            let stored = encode(OPERATION, &StoredId { content_id })?;
            writes.push(put_request(
                OPERATION,
                &Key::library_id(library, id),
                stored,
            )?);
        }
        self.write_many(OPERATION, writes).await?;
        for (id, content_id) in &gone {
            self.forget_library_id(OPERATION, library, id, content_id)
                .await?;
        }
        let mut writes = Vec::with_capacity(news.len());
        for (content_id, item) in &news {
            let media = (*item).clone();
            let stored = encode(OPERATION, &StoredItem { media })?;
            let key = Key::library_item(library, content_id);
            writes.push(put_request(OPERATION, &key, stored)?);
        }
        self.write_many(OPERATION, writes).await?;
        Ok(Shelved {
            stored: news.len(),
            unchanged: told.len() - news.len(),
        })
    }

    /// Reads items of one library by their content ids; those that are not there are left out.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn library_items(
        &self,
        library: &Library,
        content_ids: &[&str],
        freshness: Freshness,
    ) -> Result<HashMap<String, MediaItem>, StoreError> {
        const OPERATION: &str = "read items of a library";
        let keys: Vec<Key> = content_ids
            .iter()
            .map(|id| Key::library_item(library, id))
            .collect();
        let found = self.read_many_as(OPERATION, keys, freshness).await?;
        let mut items = HashMap::with_capacity(found.len());
        for item in found {
            let StoredItem { media } = decode(OPERATION, item)?;
            if let Some(id) = media.content_id.clone() {
                items.insert(id, media);
            }
        }
        Ok(items)
    }

    /// Reads what the libraries that serve a user know of a content id: their own first.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn library_item(
        &self,
        user: UserId,
        content_id: &str,
        freshness: Freshness,
    ) -> Result<Option<MediaItem>, StoreError> {
        const OPERATION: &str = "read an item of a library";
        let libraries = Library::serving(user);
        let keys: Vec<Key> = libraries
            .iter()
            .map(|library| Key::library_item(library, content_id))
            .collect();
        let found = self.read_many_as(OPERATION, keys, freshness).await?;
        first_of(&libraries, found)
            .map(|item| decode::<StoredItem>(OPERATION, item).map(|stored| stored.media))
            .transpose()
    }

    /// Finds an item by the first of its ids that a library knows, as [`library_ids`] writes them; as it was a moment
    /// ago.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn library_item_by_ids(
        &self,
        user: UserId,
        ids: &[String],
    ) -> Result<Option<MediaItem>, StoreError> {
        const OPERATION: &str = "find an item of a library";
        let libraries = Library::serving(user);
        let mut keys = Vec::with_capacity(libraries.len() * ids.len());
        for library in &libraries {
            keys.extend(ids.iter().map(|id| Key::library_id(library, id)));
        }
        let mut found: HashMap<Key, Item> = self
            .read_many_as(OPERATION, keys, Freshness::Lately)
            .await?
            .into_iter()
            .filter_map(|item| Some((key_of(&item)?, item)))
            .collect();
        for library in &libraries {
            for id in ids {
                let Some(item) = found.remove(&Key::library_id(library, id)) else {
                    continue;
                };
                let StoredId { content_id } = decode(OPERATION, item)?;
                let lately = Freshness::Lately;
                let mut items = self
                    .library_items(library, &[content_id.as_str()], lately)
                    .await?;
                if let Some(media) = items.remove(&content_id) {
                    return Ok(Some(media));
                }
            }
        }
        Ok(None)
    }

    /// Forgets an item of a library; answers whether it was there.
    ///
    /// # Errors
    ///
    /// Those of the table; a repeat completes what was cut short.
    pub async fn delete_library_item(
        &self,
        library: &Library,
        content_id: &str,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "forget an item of a library";
        let mut items = self
            .library_items(library, &[content_id], Freshness::Now)
            .await?;
        let Some(item) = items.remove(content_id) else {
            return Ok(false);
        };
        for id in library_ids(&item) {
            self.forget_library_id(OPERATION, library, &id, content_id)
                .await?;
        }
        let deleted = self
            .delete(&Key::library_item(library, content_id))
            .condition_expression(ONLY_IF_THERE)
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }

    /// Forgets that an id leads to an item, unless it leads to another by now.
    async fn forget_library_id(
        &self,
        operation: &'static str,
        library: &Library,
        id: &str,
        content_id: &str,
    ) -> Result<(), StoreError> {
        let deleted = self
            .delete(&Key::library_id(library, id))
            .condition_expression(ONLY_IF_ITS)
            .expression_attribute_values(":content_id", text(content_id))
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(()),
            Err(error) if is_condition_failed(&error) => Ok(()),
            Err(error) => Err(StoreError::new(operation, error)),
        }
    }
}

fn key_of(item: &Item) -> Option<Key> {
    Some(Key::stored(text_of(item, "pk")?, text_of(item, "sk")?))
}

/// The item of the library that goes before the others.
fn first_of(libraries: &[Library], mut found: Vec<Item>) -> Option<Item> {
    libraries.iter().find_map(|library| {
        let pk = library.partition();
        let at = found
            .iter()
            .position(|item| text_of(item, "pk") == Some(&*pk))?;
        Some(found.swap_remove(at))
    })
}

#[cfg(test)]
#[path = "library_tests.rs"]
mod tests;
