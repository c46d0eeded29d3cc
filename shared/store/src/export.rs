//! Exports: up to when a user has carried files to a service that takes files alone.
//!
//! | read or write  | key                                           |
//! | -------------- | --------------------------------------------- |
//! | the last one   | `pk = USER#<id>`, `sk = EXPORT#<service>`     |

use chrono::{DateTime, Utc};
use hub_domain::{Service, UserId};
use serde::{Deserialize, Serialize};

use crate::error::{StoreError, is_condition_failed};
use crate::item::{decode, encode, millis};
use crate::key::Key;
use crate::table::Table;

const ONLY_FORWARD: &str = "attribute_not_exists(pk) OR until_ms < :until_ms";

/// The last file that was made, or the last part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastExport {
    /// What the hub had learned by then was in it, or in a file before it: the next one begins here.
    #[serde(rename = "until_ms", with = "chrono::serde::ts_milliseconds")]
    pub until: DateTime<Utc>,
    /// When it was handed out.
    pub made_at: DateTime<Utc>,
    /// How many rows it had, all parts together.
    pub rows: usize,
}

impl Key {
    /// A user's last file for a service.
    pub fn export(user: UserId, service: Service) -> Self {
        Self::of_user(user, format!("EXPORT#{service}"))
    }
}

impl Table {
    /// Reads up to when a user has files for a service.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn last_export(
        &self,
        user: UserId,
        service: Service,
    ) -> Result<Option<LastExport>, StoreError> {
        const OPERATION: &str = "read the last export";
        let item = self.read(OPERATION, &Key::export(user, service)).await?;
        item.map(|item| decode(OPERATION, item)).transpose()
    }

    /// Notes a file that was made, once all of it was; one that reaches less far than the last leaves that.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn note_export(
        &self,
        user: UserId,
        service: Service,
        export: &LastExport,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "note an export";
        let written = self
            .put(&Key::export(user, service), encode(OPERATION, export)?)
            .condition_expression(ONLY_FORWARD)
            .expression_attribute_values(":until_ms", millis(export.until))
            .send()
            .await;
        match written {
            Ok(_) => Ok(()),
            Err(error) if is_condition_failed(&error) => Ok(()),
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{second, table, user};

    fn export(seconds: i64, rows: usize) -> LastExport {
        LastExport {
            until: second(seconds),
            made_at: second(seconds + 1),
            rows,
        }
    }

    #[test]
    fn the_key_keeps_its_stored_format() {
        assert_eq!(
            Key::export(user(7), Service::Letterboxd).to_string(),
            "USER#00000000-0000-0000-0000-000000000007 EXPORT#letterboxd"
        );
    }

    #[tokio::test]
    async fn the_mark_moves_forward_alone_and_each_service_has_its_own() {
        let table = table().await;
        let read = async |service| table.last_export(user(7), service).await.unwrap();
        assert_eq!(read(Service::Letterboxd).await, None);
        for (written, expected) in [
            (export(10, 3), export(10, 3)),
            (export(20, 5), export(20, 5)),
            (export(15, 9), export(20, 5)),
            (export(20, 8), export(20, 5)),
        ] {
            table
                .note_export(user(7), Service::Letterboxd, &written)
                .await
                .unwrap();
            assert_eq!(read(Service::Letterboxd).await, Some(expected));
        }
        assert_eq!(read(Service::Goodreads).await, None);
        assert_eq!(
            table
                .last_export(user(8), Service::Letterboxd)
                .await
                .unwrap(),
            None
        );
    }
}
