//! Circuits: hosts that do not answer, and who looks whether they do again.
//!
//! | read or write | key                                        |
//! | ------------- | ------------------------------------------ |
//! | one host      | `pk = CIRCUIT#<host>`, `sk = STATE`        |
//!
//! An item is an open circuit. Failures are counted in memory, so a host that works is never written. An open circuit
//! that nobody probes any more is deleted after 30 days; until the table has swept it away it is probed like any other,
//! so readers need not tell.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::error::{StoreError, is_condition_failed};
use crate::item::{ONLY_IF_NEW, ONLY_IF_THERE, decode, encode, expires_in, millis};
use crate::key::{Key, part};
use crate::table::{Freshness, Table};

const CIRCUIT_LASTS: TimeDelta = TimeDelta::days(30);
const MOVE_PROBE: &str = "SET next_probe_at = :to, expires_at = :expires_at";
const ONLY_IF_PROBE_UNMOVED: &str = "attribute_exists(pk) AND next_probe_at = :from";

/// An open circuit: nothing is sent to the host but one probe at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circuit {
    /// When the next probe may be sent, to the millisecond.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub next_probe_at: DateTime<Utc>,
    /// Since when it is open.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub since: DateTime<Utc>,
    /// Why, for people.
    pub why: String,
}

impl Key {
    /// The circuit of a host.
    pub fn circuit(host: &str) -> Self {
        Self::new(format!("CIRCUIT#{}", part(host)), "STATE")
    }
}

impl Table {
    /// Reads a host's circuit; `None` if it is closed.
    ///
    /// One that was closed a moment ago is taken to be closed: that sends one more request to a host that is down. One
    /// that was open is read again as it is now, since whoever rests behind a circuit has to be seen by its closing.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn circuit(&self, host: &str) -> Result<Option<Circuit>, StoreError> {
        const OPERATION: &str = "read a circuit";
        let key = Key::circuit(host);
        let lately = self.read_as(OPERATION, &key, Freshness::Lately).await?;
        if lately.is_none() {
            return Ok(None);
        }
        let item = self.read(OPERATION, &key).await?;
        item.map(|item| decode(OPERATION, item)).transpose()
    }

    /// Opens a host's circuit; `false` if it is open already.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn open_circuit(
        &self,
        host: &str,
        why: &str,
        next_probe_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "open a circuit";
        let circuit = Circuit {
            next_probe_at,
            since: now,
            why: why.to_owned(),
        };
        let mut item = encode(OPERATION, &circuit)?;
        item.insert("expires_at".to_owned(), expires_in(CIRCUIT_LASTS, now));
        let put = self
            .put(&Key::circuit(host), item)
            .condition_expression(ONLY_IF_NEW);
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }

    /// Moves the next probe from the time that was read: of all who try, one may probe now.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn move_probe(
        &self,
        host: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let moved = self
            .update(&Key::circuit(host))
            .update_expression(MOVE_PROBE)
            .condition_expression(ONLY_IF_PROBE_UNMOVED)
            .expression_attribute_values(":from", millis(from))
            .expression_attribute_values(":to", millis(to))
            .expression_attribute_values(":expires_at", expires_in(CIRCUIT_LASTS, to))
            .send()
            .await;
        match moved {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new("move a circuit's probe", error)),
        }
    }

    /// Closes a host's circuit; `true` to the one caller who closed it, and who wakes what waited.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn close_circuit(&self, host: &str) -> Result<bool, StoreError> {
        let closed = self
            .delete(&Key::circuit(host))
            .condition_expression(ONLY_IF_THERE)
            .send()
            .await;
        match closed {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new("close a circuit", error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{second, table};

    const HOST: &str = "maloja.example:42010";

    #[test]
    fn the_key_keeps_its_stored_format() {
        assert_eq!(
            Key::circuit(HOST).to_string(),
            "CIRCUIT#maloja.example:42010 STATE"
        );
    }

    #[tokio::test]
    async fn a_circuit_opens_once_and_closes_once() {
        let table = table().await;
        assert_eq!(table.circuit(HOST).await.unwrap(), None);
        let open = || table.open_circuit(HOST, "it does not answer", second(15), second(0));
        let (one, two) = tokio::join!(open(), open());
        assert_ne!(one.unwrap(), two.unwrap());
        let circuit = table.circuit(HOST).await.unwrap().unwrap();
        assert_eq!(
            (circuit.since, circuit.next_probe_at),
            (second(0), second(15))
        );
        assert_eq!(circuit.why, "it does not answer");
        assert_eq!(table.circuit("api.trakt.tv").await.unwrap(), None);
        let (one, two) = tokio::join!(table.close_circuit(HOST), table.close_circuit(HOST));
        assert_ne!(one.unwrap(), two.unwrap());
        assert_eq!(table.circuit(HOST).await.unwrap(), None);
    }

    #[tokio::test]
    async fn one_of_many_probes() {
        let table = table().await;
        table
            .open_circuit(HOST, "down", second(15), second(0))
            .await
            .unwrap();
        let probers = (0..10).map(|_| table.move_probe(HOST, second(15), second(30)));
        let moved = futures_util::future::join_all(probers).await;
        assert_eq!(
            moved
                .into_iter()
                .filter(|moved| *moved.as_ref().unwrap())
                .count(),
            1
        );
        let circuit = table.circuit(HOST).await.unwrap().unwrap();
        assert_eq!(circuit.next_probe_at, second(30));
        table.close_circuit(HOST).await.unwrap();
        assert!(
            !table
                .move_probe(HOST, second(30), second(45))
                .await
                .unwrap()
        );
        assert_eq!(table.circuit(HOST).await.unwrap(), None);
    }
}
