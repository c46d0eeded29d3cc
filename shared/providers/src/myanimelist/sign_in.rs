//! Signing in to MyAnimeList: an authorization code with PKCE, and refreshing.
//!
//! All of it is on the website, in forms. PKCE is required and knows the method `plain` alone, so the challenge is the
//! verifier. Nothing is asked for by name: there is one scope. Tokens live about 31 days (the documents say an hour; the
//! answer says which), and so does the refresh token, which works once: whoever refreshes only when an access token has
//! ended comes too late. There is no sign-in on another device, and only its user ends an access, in the settings.
//!
//! Source: <https://myanimelist.net/apiconfig/references/authorization> (read 2026-02)

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use hub_domain::{Disposition, Secret, Service};
use oauth2::{
    AuthorizationCode, CsrfToken, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RefreshToken,
};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use url::Url;

use super::{MyAnimeList, disposition, error};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::oauth::{Client, TokenCalls, TokenEndpoint, tokens_of};
use crate::seam::{Authorize, Tokens};

const AUTHORIZE: &str = "offer a sign-in page";
const EXCHANGE: &str = "exchange the code";
const REFRESH: &str = "refresh the tokens";

const PAGE: &str = "v1/oauth2/authorize";
const TOKEN: &str = "v1/oauth2/token";

impl MyAnimeList {
    pub(crate) fn authorize(
        &self,
        redirect: &Url,
        state: &str,
    ) -> Result<Authorize, ProviderError> {
        let client = self.client(AUTHORIZE)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_plain();
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
        tokens_of(Service::MyAnimeList, EXCHANGE, answer, None, now)
    }

    pub(crate) async fn refresh(
        &self,
        tokens: &Tokens,
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
            .request_async(&self.calls(REFRESH, now))
            .await;
        tokens_of(Service::MyAnimeList, REFRESH, answer, Some(refresh), now)
            .map_err(|error| error.hiding(refresh).hiding(&tokens.access))
    }

    fn client(&self, operation: &'static str) -> Result<Client, ProviderError> {
        let (authorize, token) = (self.app.under_auth(PAGE), self.app.under_auth(TOKEN));
        self.app
            .client(Service::MyAnimeList, operation, (&authorize, &token))
    }

    fn calls(&self, operation: &'static str, now: DateTime<Utc>) -> TokenCalls<'_, Self> {
        TokenCalls {
            endpoint: self,
            operation,
            now,
        }
    }
}

impl TokenEndpoint for MyAnimeList {
    async fn token_call(
        &self,
        operation: &'static str,
        request: HttpRequest,
        now: DateTime<Utc>,
    ) -> Result<HttpResponse, ProviderError> {
        let request = self
            .http
            .post(self.app.under_auth(TOKEN))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(request.into_body());
        let answer = self.ask(operation, Effect::Reads, request).await?;
        if answer.status.is_success() {
            return Ok(HttpResponse::new(answer.body.into_bytes()));
        }
        let next = disposition::of_token(answer.status, &answer.headers, &answer.body, now);
        let why = disposition::words(answer.status, &answer.headers, &answer.body);
        Err(error(operation, next, why))
    }
}

#[cfg(test)]
#[path = "sign_in_tests.rs"]
mod tests;
