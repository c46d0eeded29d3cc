//! Set-aside events: what an account did that nobody has claimed yet, for 30 days.
//!
//! | read or write               | key                                                                          |
//! | --------------------------- | ---------------------------------------------------------------------------- |
//! | one account's, oldest first | `pk = SOURCE#<source>#<server>`, `sk = ASIDE#<account key>#<time>#<hash>`    |
//! | how many there are          | `aside_count` of the account's own item                                      |
//!
//! An account holds at most [`MOST_ASIDE`]; past that the oldest make room. The hash tells events of one millisecond
//! apart, and lets a repeated message fall on its own item.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Account, Event, ServerRef};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::account::{Binding, source_partition};
use crate::batch::read_all;
use crate::error::{StoreError, is_condition_failed};
use crate::item::{
    Item, decode, encode, encode_value, expires_in, is_alive, millis, number, text_of,
};
use crate::key::{Key, part};
use crate::table::Table;

/// The most events that are set aside for one account.
pub const MOST_ASIDE: usize = 1000;
/// How long they are kept.
pub const KEPT_ASIDE: TimeDelta = TimeDelta::days(30);
/// How many are dropped at once where there are too many, so that they are counted once in so many events.
const ROOM: usize = 100;
const MOST_TRIES: usize = 3;

const COUNT_ONE: &str = "SET last_seen_at = :now, account = :account ADD aside_count :one";
const ONLY_WITH_ROOM: &str = "attribute_exists(pk) AND aside_count < :most";
const COUNT_LEFT: &str = "SET aside_count = :left";
const COUNT_DROPPED: &str = "ADD aside_count :dropped";
const ONLY_IF_AS_MANY: &str = "attribute_exists(pk) AND aside_count >= :count";

#[derive(Serialize, Deserialize)]
struct Aside {
    event: Event,
}

impl Key {
    /// A set-aside event.
    pub fn aside(server: &ServerRef, account_key: &str, event: &Event) -> Self {
        let stamp = event.occurred_at.format("%Y%m%dT%H%M%S%3fZ");
        let told = serde_json::to_vec(event).unwrap_or_default();
        let hash = hex::encode(&Sha256::digest(told)[..8]);
        let prefix = prefix(account_key);
        Self::new(source_partition(server), format!("{prefix}{stamp}#{hash}"))
    }
}

fn prefix(account_key: &str) -> String {
    format!("ASIDE#{}#", part(account_key))
}

impl Table {
    /// Sets an event aside until somebody says whose its account is.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn set_aside(
        &self,
        server: &ServerRef,
        account_key: &str,
        event: &Event,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "set an event aside";
        self.count_aside(OPERATION, server, account_key, &event.account, now)
            .await?;
        let aside = Aside {
            event: event.clone(),
        };
        let mut item = encode(OPERATION, &aside)?;
        item.insert("expires_at".to_owned(), expires_in(KEPT_ASIDE, now));
        self.put(&Key::aside(server, account_key, event), item)
            .send()
            .await
            .map_err(|error| StoreError::new(OPERATION, error))?;
        Ok(())
    }

    /// Counts before the event is written: a crash in between leaves the count too high, which the next clearing mends.
    async fn count_aside(
        &self,
        operation: &'static str,
        server: &ServerRef,
        account_key: &str,
        account: &Account,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let key = Key::account(server, account_key);
        for _ in 0..MOST_TRIES {
            let counted = self
                .update(&key)
                .update_expression(COUNT_ONE)
                .condition_expression(ONLY_WITH_ROOM)
                .expression_attribute_values(":now", millis(now))
                .expression_attribute_values(":account", encode_value(operation, account)?)
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":most", number(MOST_ASIDE))
                .send()
                .await;
            let error = match counted {
                Ok(_) => return Ok(()),
                Err(error) if is_condition_failed(&error) => error,
                Err(error) => return Err(StoreError::new(operation, error)),
            };
            if crate::item::refused_by(&error).is_some() {
                self.make_room(operation, server, account_key, now).await?;
                continue;
            }
            let new = Binding {
                server: server.clone(),
                account_key: account_key.to_owned(),
                account: account.clone(),
                users: Vec::new(),
                aside_count: 1,
                last_seen_at: Some(now),
                bound_to: None,
                assigned_at: None,
            };
            if self.create_account(operation, &new).await? {
                return Ok(());
            }
        }
        Err(StoreError::crowded(operation))
    }

    /// Drops the oldest, and counts what is left: the table's own sweep does not count.
    async fn make_room(
        &self,
        operation: &'static str,
        server: &ServerRef,
        account_key: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let pk = source_partition(server);
        let query = self
            .query(&pk, &prefix(account_key))
            .projection_expression("sk, expires_at")
            .consistent_read(true);
        let stored = read_all(operation, query).await?;
        let (alive, expired): (Vec<Item>, Vec<Item>) =
            stored.into_iter().partition(|item| is_alive(item, now));
        let too_many = alive.len().saturating_sub(MOST_ASIDE - ROOM);
        let dropped = expired.iter().chain(&alive[..too_many]);
        let keys = dropped.filter_map(|item| Some(Key::stored(&*pk, text_of(item, "sk")?)));
        self.delete_many(operation, keys).await?;
        let counted = self
            .update(&Key::account(server, account_key))
            .update_expression(COUNT_LEFT)
            .condition_expression(crate::item::ONLY_IF_THERE)
            .expression_attribute_values(":left", number(alive.len() - too_many))
            .send()
            .await;
        match counted {
            Ok(_) => Ok(()),
            Err(error) if is_condition_failed(&error) => Ok(()),
            Err(error) => Err(StoreError::new(operation, error)),
        }
    }

    /// Reads an account's set-aside events, oldest first, at most `limit`, those after the place `after`.
    ///
    /// Each comes with its place, which [`Table::drop_aside`] takes.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn aside_page(
        &self,
        server: &ServerRef,
        account_key: &str,
        limit: i32,
        after: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, Event)>, StoreError> {
        const OPERATION: &str = "read set-aside events";
        let pk = source_partition(server);
        let mut start = after.map(|sk| Key::stored(&*pk, sk).attributes());
        let mut found = Vec::new();
        loop {
            let page = self
                .query(&pk, &prefix(account_key))
                .limit(limit.clamp(1, 1000))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| StoreError::new(OPERATION, error))?;
            for item in page.items.unwrap_or_default() {
                let place = text_of(&item, "sk").map(str::to_owned);
                if let Some(place) = place.filter(|_| is_alive(&item, now)) {
                    let aside: Aside = decode(OPERATION, item)?;
                    found.push((place, aside.event));
                }
            }
            start = page.last_evaluated_key;
            // A page of nothing but expired events is not the end.
            if start.is_none() || !found.is_empty() {
                return Ok(found);
            }
        }
    }

    /// Drops set-aside events by their places, once they are on their way.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn drop_aside(
        &self,
        server: &ServerRef,
        account_key: &str,
        places: &[String],
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "drop set-aside events";
        if places.is_empty() {
            return Ok(());
        }
        let pk = source_partition(server);
        let keys = places.iter().map(|sk| Key::stored(&*pk, &**sk));
        self.delete_many(OPERATION, keys).await?;
        let counted = self
            .update(&Key::account(server, account_key))
            .update_expression(COUNT_DROPPED)
            .condition_expression(ONLY_IF_AS_MANY)
            .expression_attribute_values(":dropped", number(format!("-{}", places.len())))
            .expression_attribute_values(":count", number(places.len()))
            .send()
            .await;
        match counted {
            Ok(_) => Ok(()),
            Err(error) if is_condition_failed(&error) => Ok(()),
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }

    /// Lists a server's accounts that nobody has claimed, with about how many events wait and when one last came.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn unknown_accounts(&self, server: &ServerRef) -> Result<Vec<Binding>, StoreError> {
        let mut accounts = self.bindings(server).await?;
        accounts.retain(|account| account.users.is_empty());
        Ok(accounts)
    }
}

#[cfg(test)]
mod tests {
    use hub_domain::{Action, ItemKind, MediaItem, Source};

    use super::*;
    use crate::testing::{items_of, second, table, user};

    fn event(at: i64) -> Event {
        let server = ServerRef::new(Source::Plex, "abc");
        let mut event = Event::new(
            server,
            Action::Start,
            MediaItem::new(ItemKind::Movie),
            second(at),
        );
        event.account.id = Some("7".to_owned());
        event.progress_percent = Some(12.5);
        event
    }

    #[test]
    fn the_key_keeps_its_stored_format() {
        let event = event(0);
        let key = Key::aside(&event.server, "id:7#", &event);
        assert_eq!(key.pk, "SOURCE#plex#abc");
        assert!(
            key.sk.starts_with("ASIDE#id:7%23#20261120T133951250Z#"),
            "{key}"
        );
        assert_eq!(
            key.sk.len(),
            "ASIDE#id:7%23#20261120T133951250Z#".len() + 16
        );
    }

    #[tokio::test]
    async fn events_come_back_oldest_first_with_their_own_times() {
        let table = table().await;
        let server = event(0).server;
        for at in [5, 1, 3] {
            table
                .set_aside(&server, "id:7", &event(at), second(9))
                .await
                .unwrap();
        }
        // Another account whose key begins the same.
        table
            .set_aside(&server, "id:7#x", &event(2), second(9))
            .await
            .unwrap();
        let now = second(10);
        let first = table
            .aside_page(&server, "id:7", 2, None, now)
            .await
            .unwrap();
        let events: Vec<_> = first.iter().map(|(_, event)| event.clone()).collect();
        assert_eq!(events, [event(1), event(3)]);
        let after = Some(first[1].0.as_str());
        let rest = table
            .aside_page(&server, "id:7", 2, after, now)
            .await
            .unwrap();
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0].1, event(5));
        let later = second(9) + KEPT_ASIDE;
        assert!(
            table
                .aside_page(&server, "id:7", 2, None, later)
                .await
                .unwrap()
                .is_empty()
        );
    }

    #[tokio::test]
    async fn an_unknown_account_is_listed_until_it_is_assigned() {
        let table = table().await;
        let server = event(0).server;
        table
            .set_aside(&server, "id:7", &event(0), second(0))
            .await
            .unwrap();
        table
            .set_aside(&server, "id:7", &event(1), second(1))
            .await
            .unwrap();
        let unknown = table.unknown_accounts(&server).await.unwrap();
        assert_eq!(
            (unknown[0].aside_count, unknown[0].last_seen_at),
            (2, Some(second(1)))
        );
        assert_eq!(table.servers().await.unwrap().len(), 1);
        assert_eq!(
            table.binding(&server, &event(0).account).await.unwrap(),
            None
        );

        table
            .assign_account(&server, "id:7", &[user(1)], second(2))
            .await
            .unwrap();

        assert!(table.unknown_accounts(&server).await.unwrap().is_empty());
        let page = table
            .aside_page(&server, "id:7", 9, None, second(3))
            .await
            .unwrap();
        let places: Vec<_> = page.into_iter().map(|(place, _)| place).collect();
        table.drop_aside(&server, "id:7", &places).await.unwrap();
        assert!(
            table
                .aside_page(&server, "id:7", 9, None, second(3))
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(table.bindings(&server).await.unwrap()[0].aside_count, 0);
    }

    #[tokio::test]
    async fn an_account_holds_a_thousand_and_the_oldest_make_room() {
        let table = table().await;
        let server = event(0).server;
        for at in 0..1001 {
            table
                .set_aside(&server, "id:7", &event(at), second(at))
                .await
                .unwrap();
        }
        let stored = items_of(&table, "SOURCE#plex#abc").await;
        assert_eq!(stored.len(), 1 + 901);
        let page = table
            .aside_page(&server, "id:7", 1, None, second(1001))
            .await
            .unwrap();
        assert_eq!(page[0].1, event(100));
        assert_eq!(table.bindings(&server).await.unwrap()[0].aside_count, 901);
    }
}
