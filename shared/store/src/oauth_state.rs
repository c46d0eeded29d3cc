//! OAuth state: who is signing in where, for ten minutes, once.
//!
//! | read or write | key                                              |
//! | ------------- | ------------------------------------------------ |
//! | one state     | `pk = STATE#<state>`, `sk = STATE`               |

use std::fmt;

use aws_sdk_dynamodb::types::ReturnValue;
use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Service, UserId};
use serde::{Deserialize, Serialize};

use crate::error::{StoreError, is_condition_failed};
use crate::item::{ONLY_IF_NEW, ONLY_IF_THERE, decode, encode, expires_in, is_alive};
use crate::key::Key;
use crate::table::Table;

/// How long a sign-in may take.
pub const STATE_LASTS: TimeDelta = TimeDelta::minutes(10);

/// A sign-in under way.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct OAuthState {
    /// The word that comes back with the browser; unguessable.
    pub state: String,
    /// Who signs in.
    pub user: UserId,
    /// Where.
    pub service: Service,
    /// The PKCE verifier, sealed, where the service has PKCE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verifier_sealed: Option<String>,
    /// The address that the service was told to send the browser to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<String>,
    /// Where the browser goes in the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_to: Option<String>,
    /// The device's code (or the request token of Last.fm), sealed, where a person confirms at another screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_sealed: Option<String>,
}

impl fmt::Debug for OAuthState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthState")
            .field("user", &self.user)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl Key {
    /// A sign-in under way.
    pub fn oauth_state(state: &str) -> Self {
        Self::new(format!("STATE#{state}"), "STATE")
    }
}

impl Table {
    /// Keeps a state for ten minutes.
    ///
    /// # Errors
    ///
    /// Those of the table, and a state that is taken.
    pub async fn put_state(
        &self,
        state: &OAuthState,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "keep an OAuth state";
        let mut item = encode(OPERATION, state)?;
        item.insert("expires_at".to_owned(), expires_in(STATE_LASTS, now));
        self.put(&Key::oauth_state(&state.state), item)
            .condition_expression(ONLY_IF_NEW)
            .send()
            .await
            .map_err(|error| StoreError::new(OPERATION, error))?;
        Ok(())
    }

    /// Reads a state and leaves it: for a device that is asked again and again until a person has confirmed.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn peek_state(
        &self,
        state: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<OAuthState>, StoreError> {
        const OPERATION: &str = "read an OAuth state";
        let item = self.read(OPERATION, &Key::oauth_state(state)).await?;
        item.filter(|item| is_alive(item, now))
            .map(|item| decode(OPERATION, item))
            .transpose()
    }

    /// Takes a state: of all who say the same word, one gets it.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn take_state(
        &self,
        state: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<OAuthState>, StoreError> {
        const OPERATION: &str = "take an OAuth state";
        let taken = self
            .delete(&Key::oauth_state(state))
            .condition_expression(ONLY_IF_THERE)
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        let item = match taken {
            Ok(answer) => answer.attributes,
            Err(error) if is_condition_failed(&error) => None,
            Err(error) => return Err(StoreError::new(OPERATION, error)),
        };
        item.filter(|item| is_alive(item, now))
            .map(|item| decode(OPERATION, item))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{second, table, user};

    fn state() -> OAuthState {
        OAuthState {
            state: "s3cret".to_owned(),
            user: user(1),
            service: Service::Trakt,
            verifier_sealed: Some("sealed".to_owned()),
            redirect: Some("https://hub.example/callback".to_owned()),
            return_to: None,
            device_sealed: None,
        }
    }

    #[test]
    fn the_key_keeps_its_stored_format() {
        assert_eq!(Key::oauth_state("s3cret").to_string(), "STATE#s3cret STATE");
        assert!(!format!("{:?}", state()).contains("s3cret"));
    }

    #[tokio::test]
    async fn a_state_is_used_once() {
        let table = table().await;
        table.put_state(&state(), second(0)).await.unwrap();
        assert_eq!(
            table.peek_state("s3cret", second(1)).await.unwrap(),
            Some(state())
        );
        let (one, two) = tokio::join!(
            table.take_state("s3cret", second(1)),
            table.take_state("s3cret", second(1)),
        );
        let mut taken = [one.unwrap(), two.unwrap()];
        taken.sort_by_key(Option::is_none);
        assert_eq!(taken, [Some(state()), None]);
        assert_eq!(table.peek_state("s3cret", second(1)).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_state_lasts_ten_minutes() {
        let table = table().await;
        table.put_state(&state(), second(0)).await.unwrap();
        assert!(
            table
                .peek_state("s3cret", second(599))
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(table.peek_state("s3cret", second(600)).await.unwrap(), None);
        assert_eq!(table.take_state("s3cret", second(600)).await.unwrap(), None);
    }

    #[tokio::test]
    async fn nobody_takes_the_place_of_a_state() {
        let table = table().await;
        table.put_state(&state(), second(0)).await.unwrap();
        let mut other = state();
        other.user = user(2);
        assert!(table.put_state(&other, second(1)).await.is_err());
        let kept = table
            .take_state("s3cret", second(2))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(kept.user, user(1));
    }
}
