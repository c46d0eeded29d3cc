//! Sessions: what is or was just playing, until two days after the last event.
//!
//! | read or write                    | key                                                   |
//! | -------------------------------- | ----------------------------------------------------- |
//! | one session                      | `pk = USER#<id>`, `sk = SESSION#<session key>`        |
//! | all sessions of a user           | `pk = USER#<id>`, `sk` begins `SESSION#`              |
//! | sessions that may be silent      | index `due`, kind `session`                           |
//!
//! A session is one document under a version. Its entry in the index is written only where the caller asks, once a delivery
//! waits for the session's end; a moved index key costs three writes, so the sweep that finds a session active pushes it.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::UserId;
use hub_domain::session::{Session, SessionKey};
use serde::Deserialize;

use crate::batch::read_all;
use crate::due;
use crate::error::{StoreError, is_condition_failed};
use crate::item::{
    Item, ONLY_IF_NEW_OR_EXPIRED, decode, encode_value, expires_in, is_alive, number, seconds,
    text, text_of, version_of,
};
use crate::key::{Key, user_partition};
use crate::table::{Saved, Table};

/// How long a session is kept after its last event.
pub const SESSION_LASTS: TimeDelta = TimeDelta::days(2);

const REPLACE: &str = "SET document = :document, version = :next, expires_at = :expires_at, v = :v";
const REPLACE_AND_MOVE_DUE: &str = "SET document = :document, version = :next, \
     expires_at = :expires_at, v = :v, due_shard = :due_shard, due_at = :due_at";
const ONLY_IF_UNCHANGED: &str = "attribute_exists(pk) AND version = :version_read";
const ONLY_OPEN: &str = "document.closed = :false";
/// The fields of the document that the key holds: what follows the prefix in `sk`, and in `pk`.
const IN_THE_KEY: [&str; 2] = ["key", "user"];
const PREFIX: &str = "SESSION#";

#[derive(Deserialize)]
struct Stored {
    document: Session,
}

impl Key {
    /// A user's session.
    pub fn session(user: UserId, key: &SessionKey) -> Self {
        Self::of_user(user, format!("{PREFIX}{key}"))
    }
}

/// Leaves out what the key says already: it keeps a session longer within one write unit.
fn write(operation: &'static str, session: &Session) -> Result<AttributeValue, StoreError> {
    let mut document = encode_value(operation, session)?;
    if let AttributeValue::M(document) = &mut document {
        for name in IN_THE_KEY {
            document.remove(name);
        }
    }
    Ok(document)
}

/// Reads a session, its name and user out of the key.
fn read(operation: &'static str, mut item: Item) -> Result<(Session, u64), StoreError> {
    let version = version_of(&item);
    let from_key = [
        text_of(&item, "sk").and_then(|sk| sk.strip_prefix(PREFIX)),
        text_of(&item, "pk").and_then(|pk| pk.strip_prefix("USER#")),
    ]
    .map(|part| text(part.unwrap_or_default()));
    if let Some(AttributeValue::M(document)) = item.get_mut("document") {
        for (name, value) in std::iter::zip(IN_THE_KEY, from_key) {
            document.insert(name.to_owned(), value);
        }
    }
    let stored: Stored = decode(operation, item)?;
    Ok((stored.document, version))
}

impl Table {
    /// Reads a session as it is now, with the version to write it under.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn session(
        &self,
        user: UserId,
        key: &SessionKey,
        now: DateTime<Utc>,
    ) -> Result<Option<(Session, u64)>, StoreError> {
        const OPERATION: &str = "read a session";
        let item = self.read(OPERATION, &Key::session(user, key)).await?;
        item.filter(|item| is_alive(item, now))
            .map(|item| read(OPERATION, item))
            .transpose()
    }

    /// Writes a session under the version that was read, `None` for one that was not there.
    ///
    /// `due_at` is when it counts as silent; without it, an update leaves the entry as it is. A session that is closed
    /// keeps its entry, too: the sweep clears it.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn put_session(
        &self,
        session: &Session,
        version_read: Option<u64>,
        due_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Saved, StoreError> {
        const OPERATION: &str = "write a session";
        let next = version_read.unwrap_or(0) + 1;
        let key = Key::session(session.user, &session.key);
        let document = write(OPERATION, session)?;
        let failed = if let Some(version_read) = version_read {
            let mut update = self
                .update(&key)
                .update_expression(REPLACE)
                .condition_expression(ONLY_IF_UNCHANGED)
                .expression_attribute_values(":document", document)
                .expression_attribute_values(":version_read", number(version_read))
                .expression_attribute_values(":next", number(next))
                .expression_attribute_values(":v", number(crate::item::FORMAT))
                .expression_attribute_values(":expires_at", expires_in(SESSION_LASTS, now));
            if let Some(due_at) = due_at {
                let shard = due::shard_text(due::SESSION, due::shard_of(session.user));
                update = update
                    .update_expression(REPLACE_AND_MOVE_DUE)
                    .expression_attribute_values(":due_shard", crate::item::text(shard))
                    .expression_attribute_values(":due_at", crate::item::millis(due_at));
            }
            match update.send().await {
                Ok(_) => return Ok(Saved::Saved(next)),
                Err(error) if is_condition_failed(&error) => None,
                Err(error) => Some(StoreError::new(OPERATION, error)),
            }
        } else {
            let mut item = Item::from([
                ("document".to_owned(), document),
                ("version".to_owned(), number(next)),
                ("v".to_owned(), number(crate::item::FORMAT)),
                ("expires_at".to_owned(), expires_in(SESSION_LASTS, now)),
            ]);
            due::enter(&mut item, due::SESSION, session.user, due_at);
            let put = self
                .put(&key, item)
                .condition_expression(ONLY_IF_NEW_OR_EXPIRED)
                .expression_attribute_values(":now_seconds", seconds(now));
            match put.send().await {
                Ok(_) => return Ok(Saved::Saved(next)),
                Err(error) if is_condition_failed(&error) => None,
                Err(error) => Some(StoreError::new(OPERATION, error)),
            }
        };
        failed.map_or(Ok(Saved::Conflict), Err)
    }

    /// Deletes a session.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn delete_session(&self, user: UserId, key: &SessionKey) -> Result<(), StoreError> {
        self.delete(&Key::session(user, key))
            .send()
            .await
            .map_err(|error| StoreError::new("delete a session", error))?;
        Ok(())
    }

    /// Lists a user's sessions that are not closed, with their versions.
    ///
    /// Reads all sessions of the last two days: for a person who looks, not for each event.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn live_sessions(
        &self,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Vec<(Session, u64)>, StoreError> {
        const OPERATION: &str = "list a user's sessions";
        let query = self
            .query(&user_partition(user), PREFIX)
            .filter_expression(ONLY_OPEN)
            .expression_attribute_values(":false", AttributeValue::Bool(false));
        let items = read_all(OPERATION, query).await?.into_iter();
        items
            .filter(|item| is_alive(item, now))
            .map(|item| read(OPERATION, item))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use hub_domain::live::Playing;
    use hub_domain::session::{Live, Observation};
    use hub_domain::{Action, ItemKind, MediaItem, Player, ServerRef, Source};

    use super::*;
    use crate::testing::{second, table, user};

    fn session(key: &str) -> Session {
        Session {
            key: SessionKey(key.to_owned()),
            user: user(1),
            server: ServerRef::new(Source::Plex, "abc"),
            player: Player::default(),
            media: MediaItem::new(ItemKind::Movie),
            observations: vec![Observation {
                at: second(0),
                action: Action::Start,
                position: Some(TimeDelta::zero()),
                percent: Some(0.0),
                completed_hint: None,
            }],
            made: Vec::new(),
            live: Some(Live {
                sequence: 1,
                playing: Playing::Started,
                at: second(0),
                position: None,
            }),
            last_received_at: second(0),
            closed: false,
        }
    }

    #[test]
    fn the_key_keeps_its_stored_format() {
        assert_eq!(
            Key::session(user(1), &SessionKey("plex#abc#tv#42".to_owned())).to_string(),
            "USER#00000000-0000-0000-0000-000000000001 SESSION#plex#abc#tv#42"
        );
    }

    #[tokio::test]
    async fn a_session_is_written_under_the_version_read() {
        let table = table().await;
        let mut session = session("k");
        let saved = table
            .put_session(&session, None, None, second(0))
            .await
            .unwrap();
        assert_eq!(saved, Saved::Saved(1));
        let saved = table
            .put_session(&session, None, None, second(0))
            .await
            .unwrap();
        assert_eq!(saved, Saved::Conflict);
        session.live = None;
        let (one, two) = tokio::join!(
            table.put_session(&session, Some(1), None, second(1)),
            table.put_session(&session, Some(1), None, second(1)),
        );
        let mut saved = [one.unwrap(), two.unwrap()];
        saved.sort_by_key(|saved| *saved == Saved::Conflict);
        assert_eq!(saved, [Saved::Saved(2), Saved::Conflict]);
        let read = table
            .session(user(1), &session.key, second(2))
            .await
            .unwrap();
        assert_eq!(read, Some((session, 2)));
    }

    #[tokio::test]
    async fn an_update_brings_no_session_back() {
        let table = table().await;
        let session = session("k");
        table
            .put_session(&session, None, None, second(0))
            .await
            .unwrap();
        table.delete_session(user(1), &session.key).await.unwrap();
        let saved = table
            .put_session(&session, Some(1), None, second(1))
            .await
            .unwrap();
        assert_eq!(saved, Saved::Conflict);
        assert_eq!(
            table
                .session(user(1), &session.key, second(1))
                .await
                .unwrap(),
            None
        );
    }

    #[tokio::test]
    async fn events_leave_the_entry_of_an_active_session_alone() {
        let table = table().await;
        let session = session("k");
        let shard = due::shard_of(user(1));
        table
            .put_session(&session, None, Some(second(100)), second(0))
            .await
            .unwrap();
        table
            .put_session(&session, Some(1), None, second(1))
            .await
            .unwrap();
        let found = table
            .due(due::SESSION, shard, second(100), 9, None)
            .await
            .unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].session(), Some(session.key.clone()));
        table
            .put_session(&session, Some(2), Some(second(500)), second(2))
            .await
            .unwrap();
        assert!(
            table
                .due(due::SESSION, shard, second(100), 9, None)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            table
                .due(due::SESSION, shard, second(500), 9, None)
                .await
                .unwrap()
                .len(),
            1
        );
    }

    #[tokio::test]
    async fn a_session_is_forgotten_two_days_after_its_last_event() {
        let table = table().await;
        let session = session("k");
        table
            .put_session(&session, None, None, second(0))
            .await
            .unwrap();
        let later = second(0) + SESSION_LASTS;
        assert_eq!(
            table.session(user(1), &session.key, later).await.unwrap(),
            None
        );
        assert!(
            table
                .live_sessions(user(1), later)
                .await
                .unwrap()
                .is_empty()
        );
        let saved = table
            .put_session(&session, None, None, later)
            .await
            .unwrap();
        assert_eq!(saved, Saved::Saved(1));
    }

    #[tokio::test]
    async fn sessions_that_are_closed_are_not_live() {
        let table = table().await;
        let open = session("open");
        let mut closed = session("closed");
        closed.closed = true;
        for session in [&open, &closed] {
            table
                .put_session(session, None, None, second(0))
                .await
                .unwrap();
        }
        let live = table.live_sessions(user(1), second(1)).await.unwrap();
        assert_eq!(live, [(open, 1)]);
    }
}
