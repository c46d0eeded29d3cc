//! Signing in to Trakt: an authorization code with PKCE, or a device code; refreshing; revoking.
//!
//! All of it is on the sign-in's own host, and all bodies are JSON. The `oauth2` crate writes forms, so its HTTP
//! closure re-encodes them.
//!
//! Source: <https://docs.trakt.tv> (guides "PKCE" and "Authentication", 2026-10-01)

use std::borrow::Cow;
use std::pin::Pin;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Disposition, Secret};
use oauth2::basic::{BasicClient, BasicTokenResponse};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RefreshToken, RequestTokenError, TokenResponse, TokenUrl,
};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::{Trakt, disposition, error, wire};
use crate::error::ProviderError;
use crate::http::{self, Answer, Effect};
use crate::seam::{Authorize, DevicePoll, DeviceStart, Tokens};

const AUTHORIZE: &str = "offer a sign-in page";
const EXCHANGE: &str = "exchange the code";
const REFRESH: &str = "refresh the tokens";
const REVOKE: &str = "revoke the tokens";
const DEVICE: &str = "begin a device sign-in";
const POLL: &str = "say what became of the sign-in";

/// The HTTP client that the `oauth2` crate is handed: ours, with JSON bodies.
struct TokenCalls<'a> {
    trakt: &'a Trakt,
    operation: &'static str,
    now: DateTime<Utc>,
}

impl<'c> AsyncHttpClient<'c> for TokenCalls<'_> {
    type Error = ProviderError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, ProviderError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.trakt.token_call(self.operation, request, self.now))
    }
}

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

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
        let answer = request
            .request_async(&TokenCalls {
                trakt: self,
                operation: EXCHANGE,
                now,
            })
            .await;
        tokens_of(EXCHANGE, answer, None, now)
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
            .request_async(&TokenCalls {
                trakt: self,
                operation: REFRESH,
                now,
            })
            .await;
        tokens_of(REFRESH, answer, Some(refresh), now)
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
        let address = |path| {
            Url::parse(&http::under(&self.app.auth_url, path)).map_err(|cause| {
                error(
                    operation,
                    Disposition::AppRefused,
                    "the address of the sign-in is wrong",
                )
                .caused_by(Box::new(cause))
            })
        };
        let client = BasicClient::new(ClientId::new(self.app.client_id.clone()))
            .set_auth_uri(AuthUrl::from_url(address("oauth/authorize")?))
            .set_token_uri(TokenUrl::from_url(address("oauth/token")?))
            .set_auth_type(AuthType::RequestBody);
        // An application with PKCE has none; one made earlier may still have one, and then has to send it.
        Ok(match &self.app.client_secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.reveal().to_owned())),
            None => client,
        })
    }

    /// Sends what the `oauth2` crate wrote, as JSON instead of a form, and hands back only a success.
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
            .post(http::under(&self.app.auth_url, path))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(super::encode(&body));
        self.ask(operation, Effect::Reads, request).await
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

/// Reads a pair of tokens. They end so long after `now`, which is before the request: never later than Trakt means it.
fn tokens_of<E: oauth2::ErrorResponse + 'static>(
    operation: &'static str,
    answer: Result<BasicTokenResponse, RequestTokenError<ProviderError, E>>,
    old_refresh: Option<&Secret>,
    now: DateTime<Utc>,
) -> Result<Tokens, ProviderError> {
    let unread = || {
        error(
            operation,
            Disposition::Retryable,
            "the answer could not be read",
        )
    };
    let answer = answer.map_err(|failure| match failure {
        RequestTokenError::Request(error) => error,
        // Its other half is the body, tokens included, so only the words go on.
        RequestTokenError::Parse(cause, _) => unread().caused_by(cause.to_string().into()),
        RequestTokenError::ServerResponse(_) | RequestTokenError::Other(_) => unread(),
    })?;
    Ok(Tokens {
        access: Secret::new(answer.access_token().secret().as_str()),
        refresh: answer
            .refresh_token()
            .map(|token| Secret::new(token.secret().as_str()))
            .or_else(|| old_refresh.cloned()),
        expires_at: answer
            .expires_in()
            .and_then(|life| TimeDelta::from_std(life).ok())
            .and_then(|life| now.checked_add_signed(life)),
    })
}

#[cfg(test)]
#[path = "sign_in_tests.rs"]
mod tests;
