//! Signing in to Trakt: an authorization code with PKCE, or a device code; refreshing; revoking.
//!
//! All of it is on the sign-in's own host, and all bodies are JSON. The `oauth2` crate writes forms, so its HTTP
//! closure re-encodes them.
//!
//! Source: <https://docs.trakt.tv> (guides "PKCE" and "Authentication", 2026-10-01)

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Disposition, Secret, Service};
use oauth2::{
    AuthorizationCode, CsrfToken, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RefreshToken,
};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::{Trakt, disposition, error, wire};
use crate::error::ProviderError;
use crate::http::{Answer, Effect};
use crate::oauth::{Client, TokenCalls, TokenEndpoint, tokens_of};
use crate::seam::{Authorize, DevicePoll, DeviceStart, Tokens};

const AUTHORIZE: &str = "offer a sign-in page";
const EXCHANGE: &str = "exchange the code";
const REFRESH: &str = "refresh the tokens";
const REVOKE: &str = "revoke the tokens";
const DEVICE: &str = "begin a device sign-in";
const POLL: &str = "say what became of the sign-in";

impl Trakt {
    pub(crate) fn authorize(
        &self,
        redirect: &Url,
        state: &str,
    ) -> Result<Authorize, ProviderError> {
        let client = self.client(AUTHORIZE)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let state = CsrfToken::new(state.to_owned());
        let (url, _) = client
            .authorize_url(|| state)
            .set_redirect_uri(Cow::Owned(RedirectUrl::from_url(redirect.clone())))
            .set_pkce_challenge(challenge)
            .url();
        Ok(Authorize {
            url,
            verifier: Some(Secret::new(verifier.into_secret())),
        })
    }

    pub(crate) async fn exchange(
        &self,
        code: &str,
        redirect: &Url,
        verifier: Option<&Secret>,
        now: DateTime<Utc>,
    ) -> Result<Tokens, ProviderError> {
        let client = self.client(EXCHANGE)?;
        let redirect = RedirectUrl::from_url(redirect.clone());
        let mut request = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_redirect_uri(Cow::Owned(redirect));
        if let Some(verifier) = verifier {
            let verifier = PkceCodeVerifier::new(verifier.reveal().to_owned());
            request = request.set_pkce_verifier(verifier);
        }
        let answer = request.request_async(&self.calls(EXCHANGE, now)).await;
        tokens_of(Service::Trakt, EXCHANGE, answer, None, now)
    }

    pub(crate) async fn refresh(
        &self,
        tokens: &Tokens,
        redirect: &Url,
        now: DateTime<Utc>,
    ) -> Result<Tokens, ProviderError> {
        let Some(refresh) = &tokens.refresh else {
            let why = "there is no refresh token";
            return Err(error(REFRESH, Disposition::Auth, why));
        };
        let client = self.client(REFRESH)?;
        let token = RefreshToken::new(refresh.reveal().to_owned());
        let answer = client
            .exchange_refresh_token(&token)
            .add_extra_param("redirect_uri", redirect.as_str())
            .request_async(&self.calls(REFRESH, now))
            .await;
        tokens_of(Service::Trakt, REFRESH, answer, Some(refresh), now)
            .map_err(|error| error.hiding(refresh).hiding(&tokens.access))
    }

    /// Trakt answers 200 whatever the token is, so an answer is all there is to know.
    pub(crate) async fn revoke(
        &self,
        tokens: &Tokens,
        now: DateTime<Utc>,
    ) -> Result<(), ProviderError> {
        let body = self.with_client([("token", tokens.access.reveal())]);
        let answer = self.post(REVOKE, "oauth/revoke", body).await?;
        accept(REVOKE, answer, now)
            .map(drop)
            .map_err(|error| error.hiding(&tokens.access))
    }

    pub(crate) async fn begin_device(
        &self,
        now: DateTime<Utc>,
    ) -> Result<DeviceStart, ProviderError> {
        let body = Map::from_iter([("client_id".to_owned(), self.app.client_id.clone().into())]);
        let answer = self.post(DEVICE, "oauth/device/code", body).await?;
        let answer = accept(DEVICE, answer, now)?;
        let code: wire::DeviceCode = super::read(DEVICE, Effect::Reads, &answer)?;
        Ok(DeviceStart {
            device_code: Secret::new(code.device_code),
            user_code: Some(code.user_code),
            verification_url: code.verification_url,
            interval: TimeDelta::seconds(i64::from(code.interval.clamp(1, 300))),
            expires_at: now + TimeDelta::seconds(i64::from(code.expires_in)),
        })
    }

    pub(crate) async fn poll_device(
        &self,
        device_code: &Secret,
        now: DateTime<Utc>,
    ) -> Result<DevicePoll, ProviderError> {
        let body = self.with_client([("code", device_code.reveal())]);
        let answer = self.post(POLL, "oauth/device/token", body).await?;
        let waiting = disposition::device_poll(answer.status, &answer.headers, &answer.body);
        if let Some(poll) = waiting {
            return Ok(poll);
        }
        let answer = accept(POLL, answer, now)?;
        let tokens: wire::TokenAnswer = super::read(POLL, Effect::Reads, &answer)?;
        Ok(DevicePoll::Signed(Tokens {
            access: Secret::new(tokens.access_token),
            refresh: tokens.refresh_token.map(Secret::new),
            expires_at: tokens
                .expires_in
                .map(|seconds| now + TimeDelta::seconds(i64::from(seconds))),
        }))
    }

    fn client(&self, operation: &'static str) -> Result<Client, ProviderError> {
        let [authorize, token] =
            ["oauth/authorize", "oauth/token"].map(|path| self.app.under_auth(path));
        self.app
            .client(Service::Trakt, operation, (&authorize, &token))
    }

    fn calls(&self, operation: &'static str, now: DateTime<Utc>) -> TokenCalls<'_, Self> {
        TokenCalls {
            endpoint: self,
            operation,
            now,
        }
    }

    /// A body with the application's id, and its secret where it has one.
    fn with_client<'a>(
        &self,
        members: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Map<String, Value> {
        let mut body: Map<String, Value> = members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        body.insert("client_id".to_owned(), self.app.client_id.clone().into());
        if let Some(secret) = &self.app.client_secret {
            body.insert("client_secret".to_owned(), secret.reveal().into());
        }
        body
    }

    async fn post(
        &self,
        operation: &'static str,
        path: &str,
        body: Map<String, Value>,
    ) -> Result<Answer, ProviderError> {
        let request = self
            .http
            .post(self.app.under_auth(path))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(super::encode(&body));
        self.ask(operation, Effect::Reads, request).await
    }
}

impl TokenEndpoint for Trakt {
    /// As JSON instead of a form.
    async fn token_call(
        &self,
        operation: &'static str,
        request: HttpRequest,
        now: DateTime<Utc>,
    ) -> Result<HttpResponse, ProviderError> {
        let pairs = form_urlencoded::parse(request.body()).into_owned();
        let body = pairs.map(|(name, value)| (name, value.into())).collect();
        let answer = self.post(operation, "oauth/token", body).await?;
        let answer = accept(operation, answer, now)?;
        Ok(HttpResponse::new(answer.body.into_bytes()))
    }
}

fn accept(
    operation: &'static str,
    answer: Answer,
    now: DateTime<Utc>,
) -> Result<Answer, ProviderError> {
    if answer.status.is_success() {
        return Ok(answer);
    }
    let next = disposition::of_token(answer.status, &answer.headers, &answer.body, now);
    let why = disposition::words(answer.status, &answer.headers, &answer.body);
    Err(error(operation, next, why))
}

#[cfg(test)]
#[path = "sign_in_tests.rs"]
mod tests;
