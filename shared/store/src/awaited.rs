//! What waits until a library says what it is: events named an item by the media server's own id alone.
//!
//! | read or write                 | key                                                                        |
//! | ----------------------------- | -------------------------------------------------------------------------- |
//! | what of a user waits for it   | `pk = USER#<id>`, `sk = WAITS#<content id>#<play, statement or session>`   |
//! | who waits for an item         | `pk = LIBRARY#<server>`, `sk = WAITS#<content id>#<user>`                  |
//!
//! Who waits writes that down first and then looks into the library once more; who brings an item stores it first and
//! then looks who waits: one of them sees the other.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::session::SessionKey;
use hub_domain::{ParcelId, UserId};
use serde::{Deserialize, Serialize};

use crate::batch::read_all;
use crate::error::StoreError;
use crate::item::{FORMAT, Item, decode, encode, expires_in, is_alive, number, text_of};
use crate::key::{Key, part, user_partition};
use crate::library::Library;
use crate::session::SESSION_LASTS;
use crate::table::Table;

/// The most that is read of what waits for one item.
pub const MOST_WAITING: usize = 50;
const WAITS: &str = "WAITS#";

/// What waits for an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// A session: of what length it is has to be known to tell whether it was played.
    Session(SessionKey),
    /// A play or a statement with its deliveries.
    Parcel(ParcelId),
}

#[derive(Serialize, Deserialize)]
struct StoredWait {
    what: Waiting,
}

impl Key {
    /// The mark that a user waits for an item of the media server's library.
    pub fn waiting_user(content_id: &str, user: UserId) -> Self {
        Self::of_waiting(&part(content_id), user)
    }

    fn of_waiting(content_part: &str, user: UserId) -> Self {
        let pk = Library::Shared.partition();
        Self::new(pk, format!("{WAITS}{content_part}#{user}"))
    }

    /// What of a user waits for an item.
    pub fn waiting(user: UserId, content_id: &str, what: &Waiting) -> Self {
        let what = match what {
            Waiting::Session(key) => format!("session:{}", key.0),
            Waiting::Parcel(parcel) => parcel.to_string(),
        };
        Self::of_user(user, format!("{WAITS}{}#{}", part(content_id), part(&what)))
    }
}

/// The mark that leads from what of an erased user waits to that the user does, for the place of the former.
pub(crate) fn mark_of(user: UserId, sk: &str) -> Option<Key> {
    let (content_part, _) = sk.strip_prefix(WAITS)?.split_once('#')?;
    Some(Key::of_waiting(content_part, user))
}

impl Table {
    /// Writes down that something of a user waits for an item. Twice changes nothing.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn wait_for_library(
        &self,
        user: UserId,
        content_id: &str,
        what: &Waiting,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "wait for an item of a library";
        let stored = StoredWait { what: what.clone() };
        let mut own = encode(OPERATION, &stored)?;
        if let Waiting::Session(_) = what {
            // No longer than the session itself is kept.
            let lasts = SESSION_LASTS + TimeDelta::days(1);
            own.insert("expires_at".to_owned(), expires_in(lasts, now));
        }
        // What leads to the mark comes first: an erasure in between must find the mark.
        for (key, item) in [
            (Key::waiting(user, content_id, what), own),
            (
                Key::waiting_user(content_id, user),
                Item::from([("v".to_owned(), number(FORMAT))]),
            ),
        ] {
            self.put(&key, item)
                .send()
                .await
                .map_err(|error| StoreError::new(OPERATION, error))?;
        }
        Ok(())
    }

    /// The users who wait for an item that was just stored in a library.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn who_waits(
        &self,
        library: &Library,
        content_id: &str,
    ) -> Result<Vec<UserId>, StoreError> {
        const OPERATION: &str = "ask who waits for an item";
        let prefix = format!("{WAITS}{}#", part(content_id));
        match library {
            Library::Shared => {
                let query = self
                    .query(&library.partition(), &prefix)
                    .consistent_read(true);
                let found = read_all(OPERATION, query).await?;
                let users = found
                    .iter()
                    .filter_map(|item| text_of(item, "sk")?.strip_prefix(&prefix)?.parse().ok());
                Ok(users.collect())
            }
            Library::Of(user) => {
                let query = self.query(&user_partition(*user), &prefix);
                let page = query
                    .consistent_read(true)
                    .limit(1)
                    .send()
                    .await
                    .map_err(|error| StoreError::new(OPERATION, error))?;
                let is_waiting = page.items.is_some_and(|items| !items.is_empty());
                Ok(is_waiting.then_some(*user).into_iter().collect())
            }
        }
    }

    /// What of a user waits for an item, sessions first, at most [`MOST_WAITING`].
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn what_waits(
        &self,
        user: UserId,
        content_id: &str,
        now: DateTime<Utc>,
    ) -> Result<BTreeSet<Waiting>, StoreError> {
        const OPERATION: &str = "ask what waits for an item";
        let prefix = format!("{WAITS}{}#", part(content_id));
        let page = self
            .query(&user_partition(user), &prefix)
            .consistent_read(true)
            .limit(i32::try_from(MOST_WAITING).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| StoreError::new(OPERATION, error))?;
        let alive = page.items.unwrap_or_default().into_iter();
        let alive = alive.filter(|item| is_alive(item, now));
        alive
            .map(|item| Ok(decode::<StoredWait>(OPERATION, item)?.what))
            .collect()
    }

    /// Notes that these no longer wait; with `is_all`, that the user waits for nothing of it.
    ///
    /// # Errors
    ///
    /// Those of the table; a repeat completes what was cut short.
    pub async fn waits_no_longer(
        &self,
        user: UserId,
        content_id: &str,
        done: &BTreeSet<Waiting>,
        is_all: bool,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "note that nothing waits for an item";
        let mut keys: Vec<Key> = done
            .iter()
            .map(|what| Key::waiting(user, content_id, what))
            .collect();
        if is_all {
            keys.push(Key::waiting_user(content_id, user));
        }
        self.delete_many(OPERATION, keys).await
    }
}

#[cfg(test)]
mod tests {
    use hub_domain::{ItemKind, MediaItem};

    use super::*;
    use crate::table::Freshness;
    use crate::testing::{items_of, second, table, user};

    fn parcel() -> Waiting {
        Waiting::Parcel("20261120T133951250Z-fa27c9220fb55db2".parse().unwrap())
    }

    fn session() -> Waiting {
        Waiting::Session(SessionKey("canonical#-#tv#7".to_owned()))
    }

    #[test]
    fn the_keys_keep_their_stored_formats() {
        let id = "00000000-0000-0000-0000-000000000007";
        assert_eq!(
            Key::waiting_user("7#7", user(7)).to_string(),
            format!("LIBRARY#canonical:- WAITS#7%237#{id}")
        );
        let own = Key::waiting(user(7), "7#7", &parcel());
        assert_eq!(
            own.to_string(),
            format!("USER#{id} WAITS#7%237#20261120T133951250Z-fa27c9220fb55db2")
        );
        assert_eq!(
            mark_of(user(7), &own.sk),
            Some(Key::waiting_user("7#7", user(7)))
        );
        assert_eq!(
            Key::waiting(user(7), "7", &session()).to_string(),
            format!("USER#{id} WAITS#7#session:canonical%23-%23tv%237")
        );
    }

    #[tokio::test]
    async fn who_waits_is_found_until_nothing_waits_any_more() {
        let table = table().await;
        let (parcel, session) = (parcel(), session());
        for (id, what) in [
            (user(1), &parcel),
            (user(1), &session),
            (user(1), &session),
            (user(2), &parcel),
        ] {
            let wait = table.wait_for_library(id, "7", what, second(0));
            wait.await.unwrap();
        }
        let who = async |library: &Library, id: &str| table.who_waits(library, id).await.unwrap();
        assert_eq!(who(&Library::Shared, "7").await, [user(1), user(2)]);
        assert_eq!(who(&Library::Of(user(2)), "7").await, [user(2)]);
        assert!(who(&Library::Of(user(3)), "7").await.is_empty());
        assert!(who(&Library::Shared, "77").await.is_empty());
        let what = async |at| table.what_waits(user(1), "7", at).await.unwrap();
        let both = BTreeSet::from([session.clone(), parcel.clone()]);
        assert_eq!(what(second(0)).await, both);
        let later = second(0) + TimeDelta::days(4);
        assert_eq!(what(later).await, BTreeSet::from([parcel]));
        table
            .waits_no_longer(user(1), "7", &both, true)
            .await
            .unwrap();
        assert!(what(second(0)).await.is_empty());
        assert_eq!(who(&Library::Shared, "7").await, [user(2)]);
    }

    #[tokio::test]
    async fn an_erased_user_leaves_neither_a_library_nor_a_mark() {
        let table = table().await;
        table.ensure_user(user(1), None, second(0)).await.unwrap();
        let own = Library::Of(user(1));
        for library in [&own, &Library::Shared] {
            let mut film = MediaItem::new(ItemKind::Movie);
            film.content_id = Some("7".to_owned());
            film.title = Some("The Matrix".to_owned());
            let items = [film];
            table.put_library_items(library, &items).await.unwrap();
        }
        let parcel = parcel();
        for id in [user(1), user(2)] {
            let wait = table.wait_for_library(id, "8#8", &parcel, second(0));
            wait.await.unwrap();
        }
        table.erase_user(user(1), second(1)).await.unwrap();
        assert!(items_of(&table, &own.partition()).await.is_empty());
        assert!(items_of(&table, &user_partition(user(1))).await.is_empty());
        let waiting = table.who_waits(&Library::Shared, "8#8").await.unwrap();
        assert_eq!(waiting, [user(2)]);
        assert!(
            table
                .library_item(user(2), "7", Freshness::Now)
                .await
                .unwrap()
                .is_some()
        );
    }
}
