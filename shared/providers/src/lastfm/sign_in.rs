//! Signing in to Last.fm: in the browser, which comes back with a token, or by a token that is asked about.
//!
//! A token lives an hour and opens one session; the session has no end.
//!
//! Source: <https://www.last.fm/api/webauth>, <https://www.last.fm/api/desktopauth>

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::Secret;
use url::Url;

use super::{LastFm, accept, disposition, method, read, wire};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::seam::{Authorize, DevicePoll, DeviceStart, Tokens};

/// How long a token of the sign-in lives.
const TOKEN_LIFE: TimeDelta = TimeDelta::minutes(60);
/// How often a token may be asked about; Last.fm names no interval.
const POLL_INTERVAL: TimeDelta = TimeDelta::seconds(5);
const SIGN_IN: &str = "open a session";
const DEVICE: &str = "begin a sign-in";

impl LastFm {
    pub(crate) fn authorize(
        &self,
        redirect: &Url,
        state: &str,
    ) -> Result<Authorize, ProviderError> {
        // Last.fm brings back a token and nothing else: the state travels in our own callback address.
        let mut callback = redirect.clone();
        callback.query_pairs_mut().append_pair("state", state);
        let mut url = self.app.auth_url.clone();
        url.query_pairs_mut()
            .append_pair("api_key", &self.app.api_key)
            .append_pair("cb", callback.as_str());
        Ok(Authorize {
            url,
            verifier: None,
        })
    }

    pub(crate) async fn exchange(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Tokens, ProviderError> {
        let mut parameters = method("auth.getSession");
        parameters.push(("token".to_owned(), token.to_owned()));
        // A lost answer is asked for again: the token then says whether it was used up.
        let answer = self
            .call(SIGN_IN, Effect::Reads, parameters, None, now)
            .await?;
        let wire::SessionAnswer { session } = read(SIGN_IN, &answer)?;
        Ok(Tokens::lasting(session.key))
    }

    pub(crate) async fn begin_device(
        &self,
        now: DateTime<Utc>,
    ) -> Result<DeviceStart, ProviderError> {
        let answer = self
            .call(DEVICE, Effect::Reads, method("auth.getToken"), None, now)
            .await?;
        let wire::TokenAnswer { token } = read(DEVICE, &answer)?;
        let mut url = self.app.auth_url.clone();
        url.query_pairs_mut()
            .append_pair("api_key", &self.app.api_key)
            .append_pair("token", &token);
        Ok(DeviceStart {
            device_code: Secret::new(token),
            user_code: None,
            verification_url: url.into(),
            interval: POLL_INTERVAL,
            expires_at: now + TOKEN_LIFE,
        })
    }

    pub(crate) async fn poll_device(
        &self,
        token: &Secret,
        now: DateTime<Utc>,
    ) -> Result<DevicePoll, ProviderError> {
        let mut parameters = method("auth.getSession");
        parameters.push(("token".to_owned(), token.reveal().to_owned()));
        let answer = self.ask(SIGN_IN, Effect::Reads, parameters, None).await?;
        let waiting = wire::Failure::read(&answer.body)
            .as_ref()
            .and_then(disposition::device_poll);
        if let Some(poll) = waiting {
            return Ok(poll);
        }
        let answer = accept(SIGN_IN, Effect::Reads, answer, now)?;
        let wire::SessionAnswer { session } = read(SIGN_IN, &answer)?;
        Ok(DevicePoll::Signed(Tokens::lasting(session.key)))
    }
}
