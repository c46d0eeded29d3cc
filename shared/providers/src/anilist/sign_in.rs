//! Signing in to AniList: an authorization code, exchanged with the application's secret. No PKCE, no scopes.
//!
//! The token lives a year, and nothing renews it: a `refresh_token` may come along, and AniList takes none. The token
//! endpoint reads JSON; the `oauth2` crate writes forms, so its HTTP closure re-encodes them. The code is some 700
//! characters long.
//!
//! Source: <https://docs.anilist.co/guide/auth/authorization-code>; that `state` comes back is not documented.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use hub_domain::{Disposition, Service};
use oauth2::{AuthorizationCode, CsrfToken, HttpRequest, HttpResponse, RedirectUrl};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::{AniList, disposition, encode, error};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::oauth::{Client, TokenCalls, TokenEndpoint, tokens_of};
use crate::seam::{Authorize, Tokens};

const AUTHORIZE: &str = "offer a sign-in page";
const EXCHANGE: &str = "exchange the code";

const TOKEN_PATH: &str = "api/v2/oauth/token";

impl AniList {
    pub(crate) fn authorize(
        &self,
        redirect: &Url,
        state: &str,
    ) -> Result<Authorize, ProviderError> {
        let client = self.client(AUTHORIZE)?;
        let state = CsrfToken::new(state.to_owned());
        let (url, _) = client
            .authorize_url(|| state)
            .set_redirect_uri(Cow::Owned(RedirectUrl::from_url(redirect.clone())))
            .url();
        Ok(Authorize {
            url,
            verifier: None,
        })
    }

    pub(crate) async fn exchange(
        &self,
        code: &str,
        redirect: &Url,
        now: DateTime<Utc>,
    ) -> Result<Tokens, ProviderError> {
        let client = self.client(EXCHANGE)?;
        let calls = TokenCalls {
            endpoint: self,
            operation: EXCHANGE,
            now,
        };
        let answer = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_redirect_uri(Cow::Owned(RedirectUrl::from_url(redirect.clone())))
            .request_async(&calls)
            .await;
        let tokens = tokens_of(Service::AniList, EXCHANGE, answer, None, now)?;
        Ok(Tokens {
            // Kept, it would be tried, and refused.
            refresh: None,
            ..tokens
        })
    }

    /// The application for the `oauth2` crate. Without a secret nobody could finish what they begin.
    fn client(&self, operation: &'static str) -> Result<Client, ProviderError> {
        if self.app.client_secret.is_none() {
            let why =
                "AniList wants the application's secret, and none is set (ANILIST_CLIENT_SECRET)";
            return Err(error(operation, Disposition::AppRefused, why));
        }
        let authorize = self.app.under_auth("api/v2/oauth/authorize");
        let token = self.app.under_auth(TOKEN_PATH);
        self.app
            .client(Service::AniList, operation, (&authorize, &token))
    }
}

impl TokenEndpoint for AniList {
    /// As JSON instead of a form.
    async fn token_call(
        &self,
        operation: &'static str,
        request: HttpRequest,
        now: DateTime<Utc>,
    ) -> Result<HttpResponse, ProviderError> {
        let pairs = form_urlencoded::parse(request.body()).into_owned();
        let body: Map<String, Value> = pairs.map(|(name, value)| (name, value.into())).collect();
        let request = self
            .http
            .post(self.app.under_auth(TOKEN_PATH))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(encode(&body));
        let answer = self.ask(operation, Effect::Reads, request).await?;
        if answer.status.is_success() {
            return Ok(HttpResponse::new(answer.body.into_bytes()));
        }
        let next = disposition::of_token(answer.status, &answer.headers, &answer.body, now);
        let why = disposition::words_of_token(answer.status, &answer.headers, &answer.body);
        Err(match &self.app.client_secret {
            Some(secret) => error(operation, next, why).hiding(secret),
            None => error(operation, next, why),
        })
    }
}
