//! Statements: what a user says of items, as it stands: ratings, hearts, lists.
//!
//! | read or write                     | key                                                                  |
//! | --------------------------------- | -------------------------------------------------------------------- |
//! | one rating                        | `pk = USER#<id>`, `sk = RATING#<item>`                               |
//! | one entry of a list, one heart    | `pk = USER#<id>`, `sk = LIST#<watchlist, collection, loved …>#<item>` |
//! | all of one aspect                 | the same `pk`, `sk` begins `RATING#`, or `LIST#<list>#`              |
//! | statements with an open delivery  | index `due`, kind `play`                                             |
//!
//! What is said replaces what was said, under its version; what was taken back stays, as such, so that the services can
//! be told. A delivery's end is written only for the version that it delivered.

use chrono::{DateTime, Utc};
use hub_domain::{Agreed, Aspect, Delivery, Service, State, Statement, StatementId, UserId};

use crate::delivery::Settlement;
use crate::due::{self, DueKey};
use crate::error::{StoreError, is_condition_failed};
use crate::item::{
    Item, ONLY_IF_NEW, decode, encode, encode_value, number, refused_by, text, text_of, version_of,
};
use crate::key::{Key, part, user_partition};
use crate::table::{Saved, Table};

/// The most statements of one page.
pub const MOST_STATEMENTS: i32 = 200;

const ONLY_IF_UNCHANGED: &str = "attribute_exists(pk) AND version = :version_read";
const REPLACE_ENTRY: &str = "SET deliveries.#service = :delivery";
const AND_AGREE: &str = ", agreed.#service = :agreed";
const AND_CLEAR_DUE: &str = " REMOVE due_shard, due_at";
const ONLY_IF_OPEN: &str = "attribute_exists(pk) AND version = :version \
     AND deliveries.#service.#state IN (:held, :pending, :sending, :waiting)";
const AGREE: &str = "SET agreed.#service = :agreed";
const ONLY_IF_OVERTAKEN: &str = "attribute_exists(pk) AND version > :version";

/// One page of statements, and where it ended, if there are more: opaque, for the next page.
pub type StatementPage = (Vec<Statement>, Option<String>);

impl Key {
    /// What a user says of an item.
    pub fn statement(user: UserId, id: &StatementId) -> Self {
        Self::of_user(
            user,
            format!("{}{}", prefix(id.aspect), part(id.item.as_str())),
        )
    }
}

fn prefix(aspect: Aspect) -> String {
    match aspect {
        Aspect::Rating => "RATING#".to_owned(),
        Aspect::Loved | Aspect::Watchlist | Aspect::Collection | Aspect::Reading => {
            format!("LIST#{aspect}#")
        }
    }
}

impl Table {
    /// Stores what a user says, if nothing else was said since `version_read` (0: nothing was said before).
    ///
    /// `due_at` is when somebody should look whether its deliveries got on; `None` if none is open.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn put_statement(
        &self,
        statement: &Statement,
        version_read: u64,
        due_at: Option<DateTime<Utc>>,
    ) -> Result<Saved, StoreError> {
        const OPERATION: &str = "store what a user says";
        let mut item = encode(OPERATION, statement)?;
        due::enter(&mut item, due::PLAY, statement.user, due_at);
        let put = self.put(&Key::statement(statement.user, &statement.id), item);
        let put = if version_read == 0 {
            put.condition_expression(ONLY_IF_NEW)
        } else {
            put.condition_expression(ONLY_IF_UNCHANGED)
                .expression_attribute_values(":version_read", number(version_read))
        };
        match put.send().await {
            Ok(_) => Ok(Saved::Saved(statement.version)),
            Err(error) if is_condition_failed(&error) => {
                let stands = refused_by(&error)
                    .filter(|item| version_of(item) == statement.version)
                    .map(|item| decode::<Statement>(OPERATION, item.clone()))
                    .transpose()?;
                // A repeat of a write whose answer was lost meets its own words.
                Ok(match stands {
                    Some(stands) if stands == *statement => Saved::Saved(statement.version),
                    Some(_) | None => Saved::Conflict,
                })
            }
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }

    /// Reads what a user says of an item, as it is now.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn statement(
        &self,
        user: UserId,
        id: &StatementId,
    ) -> Result<Option<Statement>, StoreError> {
        const OPERATION: &str = "read what a user says";
        let item = self.read(OPERATION, &Key::statement(user, id)).await?;
        item.map(|item| decode(OPERATION, item)).transpose()
    }

    /// Reads the statement that an entry of the index is of.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn due_statement(&self, key: &DueKey) -> Result<Option<Statement>, StoreError> {
        const OPERATION: &str = "read what a user says";
        let item = self.read(OPERATION, &key.key()).await?;
        item.map(|item| decode(OPERATION, item)).transpose()
    }

    /// Reads statements as they are now; those that are not there are left out.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn statements(
        &self,
        user: UserId,
        ids: &[StatementId],
    ) -> Result<Vec<Statement>, StoreError> {
        const OPERATION: &str = "read what a user says";
        let keys = ids.iter().map(|id| Key::statement(user, id));
        let mut statements = self
            .read_many(OPERATION, keys)
            .await?
            .into_iter()
            .map(|item| decode(OPERATION, item))
            .collect::<Result<Vec<Statement>, _>>()?;
        statements.sort_by(|one, two| (one.since, &one.id).cmp(&(two.since, &two.id)));
        Ok(statements)
    }

    /// Reads a page of what a user says, in the order of the items' names; what was taken back is among it.
    ///
    /// `after` is where the page before ended.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn statement_page(
        &self,
        user: UserId,
        aspect: Aspect,
        limit: i32,
        after: Option<&str>,
    ) -> Result<StatementPage, StoreError> {
        const OPERATION: &str = "read what a user says";
        let prefix = prefix(aspect);
        let start = after.map(|after| Key::of_user(user, format!("{prefix}{after}")).attributes());
        let page = self
            .query(&user_partition(user), &prefix)
            .limit(limit.clamp(1, MOST_STATEMENTS))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| StoreError::new(OPERATION, error))?;
        let ended_at = page
            .last_evaluated_key
            .as_ref()
            .and_then(|key| Some(text_of(key, "sk")?.strip_prefix(&prefix)?.to_owned()));
        let statements = page
            .items
            .unwrap_or_default()
            .into_iter()
            .map(|item: Item| decode(OPERATION, item))
            .collect::<Result<Vec<_>, _>>()?;
        Ok((statements, ended_at))
    }

    /// Writes down what became of a statement's delivery, unless it has ended, or something newer was said.
    ///
    /// `agreed` is what the service took, if it took it; that is noted even where something newer was said meanwhile.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn settle_statement(
        &self,
        statement: &Statement,
        service: Service,
        delivery: &Delivery,
        agreed: Option<&Agreed>,
        still_open: bool,
    ) -> Result<Settlement, StoreError> {
        const OPERATION: &str = "write down what became of a statement";
        let key = Key::statement(statement.user, &statement.id);
        let mut expression = REPLACE_ENTRY.to_owned();
        if agreed.is_some() {
            expression.push_str(AND_AGREE);
        }
        if !still_open {
            expression.push_str(AND_CLEAR_DUE);
        }
        let mut update = self
            .update(&key)
            .update_expression(expression)
            .condition_expression(ONLY_IF_OPEN)
            .expression_attribute_names("#service", service.name())
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":version", number(statement.version))
            .expression_attribute_values(":delivery", encode_value(OPERATION, delivery)?);
        if let Some(agreed) = agreed {
            update =
                update.expression_attribute_values(":agreed", encode_value(OPERATION, agreed)?);
        }
        for state in [State::Held, State::Pending, State::Sending, State::Waiting] {
            let name = format!(":{}", state.name());
            update = update.expression_attribute_values(name, text(state.name()));
        }
        let refused = match update.send().await {
            Ok(_) => return Ok(Settlement::Updated),
            Err(error) if is_condition_failed(&error) => refused_by(&error).cloned(),
            Err(error) => return Err(StoreError::new(OPERATION, error)),
        };
        let Some(stands) = refused else {
            return Ok(Settlement::Gone);
        };
        let stands: Statement = decode(OPERATION, stands)?;
        if stands.version == statement.version {
            return Ok(match stands.deliveries.get(&service) {
                Some(entry) if entry == delivery => Settlement::Updated,
                Some(_) => Settlement::AlreadySettled,
                None => Settlement::Gone,
            });
        }
        if let Some(agreed) = agreed {
            let noted = self
                .update(&key)
                .update_expression(AGREE)
                .condition_expression(ONLY_IF_OVERTAKEN)
                .expression_attribute_names("#service", service.name())
                .expression_attribute_values(":version", number(statement.version))
                .expression_attribute_values(":agreed", encode_value(OPERATION, agreed)?)
                .send()
                .await;
            match noted {
                Ok(_) => {}
                Err(error) if is_condition_failed(&error) => {}
                Err(error) => return Err(StoreError::new(OPERATION, error)),
            }
        }
        Ok(Settlement::AlreadySettled)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hub_domain::rating::Rating;
    use hub_domain::{ItemKey, ItemKind, MediaItem, Says};

    use super::*;
    use crate::due::{PLAY, shard_of};
    use crate::testing::{second, table, user};

    fn rated(item: &str, points: f64, version: u64) -> Statement {
        Statement {
            user: user(1),
            id: StatementId {
                aspect: Aspect::Rating,
                item: ItemKey::new(item),
            },
            media: MediaItem::new(ItemKind::Movie),
            says: Some(Says::Rated {
                rating: Rating::new(points).unwrap(),
                review: None,
            }),
            since: second(i64::try_from(version).unwrap()),
            version,
            created_at: second(0),
            deliveries: BTreeMap::from([(Service::Trakt, Delivery::pending())]),
            agreed: BTreeMap::new(),
        }
    }

    fn delivered() -> Delivery {
        Delivery {
            state: State::Delivered,
            settled_at: Some(second(9)),
            ..Delivery::pending()
        }
    }

    fn agreed(statement: &Statement) -> Agreed {
        Agreed {
            says: statement.says.clone(),
            at: second(9),
        }
    }

    #[test]
    fn the_key_keeps_its_stored_format() {
        let partition = "USER#00000000-0000-0000-0000-000000000007";
        for (aspect, sk) in [
            (Aspect::Rating, "RATING#track:recording_mbid%23b1a9"),
            (
                Aspect::Watchlist,
                "LIST#watchlist#track:recording_mbid%23b1a9",
            ),
        ] {
            let id = StatementId {
                aspect,
                item: ItemKey::new("track:recording_mbid#b1a9"),
            };
            assert_eq!(
                Key::statement(user(7), &id).to_string(),
                format!("{partition} {sk}")
            );
        }
    }

    #[tokio::test]
    async fn the_newest_replaces_what_was_read_and_nothing_else() {
        let table = table().await;
        let first = rated("a", 8.0, 1);
        let put = |statement: Statement, read| {
            let table = table.clone();
            async move { table.put_statement(&statement, read, None).await.unwrap() }
        };
        assert_eq!(put(first.clone(), 0).await, Saved::Saved(1));
        // The answer to the first was lost.
        assert_eq!(put(first.clone(), 0).await, Saved::Saved(1));
        assert_eq!(put(rated("a", 9.0, 1), 0).await, Saved::Conflict);
        let second = rated("a", 9.0, 2);
        assert_eq!(put(second.clone(), 1).await, Saved::Saved(2));
        assert_eq!(put(rated("a", 3.0, 2), 1).await, Saved::Conflict);
        let read = table.statement(user(1), &first.id).await.unwrap();
        assert_eq!(read, Some(second));
    }

    #[tokio::test]
    async fn an_answer_to_what_was_said_before_settles_nothing_and_is_remembered() {
        let table = table().await;
        let first = rated("a", 8.0, 1);
        table.put_statement(&first, 0, None).await.unwrap();
        let second = rated("a", 9.0, 2);
        table.put_statement(&second, 1, None).await.unwrap();
        let settle = async |statement: &Statement| {
            let agreed = agreed(statement);
            table
                .settle_statement(
                    statement,
                    Service::Trakt,
                    &delivered(),
                    Some(&agreed),
                    false,
                )
                .await
                .unwrap()
        };
        assert_eq!(settle(&first).await, Settlement::AlreadySettled);
        let read = async || table.statement(user(1), &first.id).await.unwrap().unwrap();
        assert_eq!(read().await.deliveries, second.deliveries);
        assert_eq!(read().await.agreed[&Service::Trakt], agreed(&first));
        assert!(!read().await.is_agreed(Service::Trakt));
        assert_eq!(settle(&second).await, Settlement::Updated);
        assert_eq!(settle(&second).await, Settlement::Updated);
        assert!(read().await.is_agreed(Service::Trakt) && !read().await.is_open());
        assert_eq!(settle(&rated("b", 1.0, 1)).await, Settlement::Gone);
    }

    #[tokio::test]
    async fn an_open_statement_is_due_until_it_is_settled() {
        let table = table().await;
        let statement = rated("a", 8.0, 1);
        let due_at = Some(second(60));
        table.put_statement(&statement, 0, due_at).await.unwrap();
        let due = async || {
            table
                .due(PLAY, shard_of(user(1)), second(60), 9, None)
                .await
                .unwrap()
        };
        let found = due().await;
        assert!(found[0].is_statement() && found[0].play().is_none());
        let read = table.due_statement(&found[0]).await.unwrap();
        assert_eq!(read.as_ref(), Some(&statement));
        table
            .settle_statement(&statement, Service::Trakt, &delivered(), None, false)
            .await
            .unwrap();
        assert!(due().await.is_empty());
    }

    #[tokio::test]
    async fn statements_are_read_by_name_and_page_by_page() {
        let table = table().await;
        let items = ["a", "b", "c", "d", "e"];
        for item in items {
            let statement = rated(item, 8.0, 1);
            table.put_statement(&statement, 0, None).await.unwrap();
        }
        let ids: Vec<StatementId> = ["e", "a", "missing"]
            .iter()
            .map(|item| rated(item, 8.0, 1).id)
            .collect();
        let read = table.statements(user(1), &ids).await.unwrap();
        assert_eq!(read.len(), 2);
        let mut seen = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let (page, next) = table
                .statement_page(user(1), Aspect::Rating, 2, after.as_deref())
                .await
                .unwrap();
            assert!(page.len() <= 2);
            seen.extend(page.into_iter().map(|it| it.id.item.as_str().to_owned()));
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, items);
        let (none, _) = table
            .statement_page(user(1), Aspect::Watchlist, 9, None)
            .await
            .unwrap();
        assert!(none.is_empty());
    }
}
