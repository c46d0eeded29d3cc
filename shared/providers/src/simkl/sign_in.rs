//! Signing in to Simkl (AUTH V2): an authorization code with PKCE, or a code typed in at `/pin`; refreshing; revoking.
//!
//! The page to agree on is on Simkl's website, everything else on its API, in forms. A refresh ends the access token
//! before it at once; the refresh token stays good for 180 days from its last use, and whatever comes back is stored.
//!
//! Source: <https://api.simkl.org> (authentication, 2026-09-18)

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Disposition, Secret, Service};
use oauth2::basic::BasicTokenResponse;
use oauth2::{
    AuthorizationCode, CsrfToken, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RefreshToken, Scope, TokenResponse,
};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use url::{Url, form_urlencoded};

use super::{Simkl, disposition, error, wire};
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

/// What is asked for.
const SCOPES: [&str; 2] = ["media:read", MAY_WRITE];
/// Without this a grant only reads, and Simkl gives such a one without a word if the scope was misspelled.
const MAY_WRITE: &str = "media:write";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

impl Simkl {
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
            .add_scopes(SCOPES.map(|scope| Scope::new(scope.to_owned())))
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
        if let Ok(answer) = &answer {
            check_scope(EXCHANGE, scope_of(answer).as_deref())?;
        }
        tokens_of(Service::Simkl, EXCHANGE, answer, None, now)
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
        tokens_of(Service::Simkl, REFRESH, answer, Some(refresh), now)
            .map_err(|error| error.hiding(refresh).hiding(&tokens.access))
    }

    /// Simkl answers 200 whatever the token is, so an answer is all there is to know.
    pub(crate) async fn revoke(
        &self,
        tokens: &Tokens,
        now: DateTime<Utc>,
    ) -> Result<(), ProviderError> {
        // The refresh token ends the whole grant.
        let token = tokens.refresh.as_ref().unwrap_or(&tokens.access);
        let form = self.form(&[("token", token.reveal())]);
        let answer = self.post(REVOKE, "oauth2/revoke", form).await?;
        accept(REVOKE, answer, now)
            .map(drop)
            .map_err(|error| error.hiding(token))
    }

    pub(crate) async fn begin_device(
        &self,
        now: DateTime<Utc>,
    ) -> Result<DeviceStart, ProviderError> {
        let form = self.form(&[("scope", &SCOPES.join(" "))]);
        let answer = self.post(DEVICE, "oauth2/device", form).await?;
        let answer = accept(DEVICE, answer, now)?;
        let code: wire::DeviceCode = super::read(DEVICE, Effect::Reads, &answer)?;
        Ok(DeviceStart {
            device_code: Secret::new(code.device_code),
            user_code: Some(code.user_code),
            verification_url: code.verification_uri,
            interval: TimeDelta::seconds(i64::from(code.interval.clamp(1, 300))),
            expires_at: now + TimeDelta::seconds(i64::from(code.expires_in)),
        })
    }

    pub(crate) async fn poll_device(
        &self,
        device_code: &Secret,
        now: DateTime<Utc>,
    ) -> Result<DevicePoll, ProviderError> {
        let form = self.form(&[
            ("grant_type", DEVICE_GRANT),
            ("device_code", device_code.reveal()),
        ]);
        let answer = self.post(POLL, "oauth2/token", form).await?;
        if let Some(poll) = disposition::device_poll(answer.status, &answer.body) {
            return Ok(poll);
        }
        let answer = accept(POLL, answer, now)?;
        let tokens: wire::TokenAnswer = super::read(POLL, Effect::Reads, &answer)?;
        check_scope(POLL, tokens.scope.as_deref())?;
        Ok(DevicePoll::Signed(Tokens {
            access: Secret::new(tokens.access_token),
            refresh: tokens.refresh_token.map(Secret::new),
            expires_at: tokens
                .expires_in
                .map(|seconds| now + TimeDelta::seconds(i64::from(seconds))),
        }))
    }

    fn client(&self, operation: &'static str) -> Result<Client, ProviderError> {
        let authorize = self.app.under_auth("oauth2/authorize");
        let token = self.address("oauth2/token");
        self.app
            .client(Service::Simkl, operation, (&authorize, &token))
    }

    fn calls(&self, operation: &'static str, now: DateTime<Utc>) -> TokenCalls<'_, Self> {
        TokenCalls {
            endpoint: self,
            operation,
            now,
        }
    }

    /// A form with the application's id, and its secret where it has one.
    fn form(&self, members: &[(&str, &str)]) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(members)
            .append_pair("client_id", &self.app.client_id);
        if let Some(secret) = &self.app.client_secret {
            form.append_pair("client_secret", secret.reveal());
        }
        form.finish()
    }

    async fn post(
        &self,
        operation: &'static str,
        path: &str,
        form: String,
    ) -> Result<Answer, ProviderError> {
        let request = self
            .http
            .post(self.address(path))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(form);
        self.ask(operation, Effect::Reads, request).await
    }
}

impl TokenEndpoint for Simkl {
    async fn token_call(
        &self,
        operation: &'static str,
        request: HttpRequest,
        now: DateTime<Utc>,
    ) -> Result<HttpResponse, ProviderError> {
        let form = String::from_utf8_lossy(request.body()).into_owned();
        let answer = self.post(operation, "oauth2/token", form).await?;
        let answer = accept(operation, answer, now)?;
        Ok(HttpResponse::new(answer.body.into_bytes()))
    }
}

fn accept(
    operation: &'static str,
    answer: Answer,
    now: DateTime<Utc>,
) -> Result<Answer, ProviderError> {
    if answer.status.is_success() && !disposition::carries_error(&answer.body) {
        return Ok(answer);
    }
    let next = disposition::of_token(answer.status, &answer.headers, &answer.body, now);
    let why = disposition::words(answer.status, &answer.headers, &answer.body, now);
    Err(error(operation, next, why))
}

fn scope_of(answer: &BasicTokenResponse) -> Option<String> {
    let scopes = answer.scopes()?;
    let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    Some(words.join(" "))
}

/// Refuses a grant that only reads. One that names no scope has what was asked for.
fn check_scope(operation: &'static str, scope: Option<&str>) -> Result<(), ProviderError> {
    let may_write =
        scope.is_none_or(|scope| scope.split_whitespace().any(|word| word == MAY_WRITE));
    if may_write {
        Ok(())
    } else {
        let why = "Simkl gave access for reading alone; begin again and allow changes";
        Err(error(operation, Disposition::Permanent, why))
    }
}

#[cfg(test)]
#[path = "sign_in_tests.rs"]
mod tests;
