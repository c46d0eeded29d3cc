//! What the services with OAuth share: the application, the page to agree on, and reading a pair of tokens.
//!
//! The `oauth2` crate writes and reads the requests; what it sends goes through each service's own call, so that a
//! refusal is judged by that service's rules.

use std::pin::Pin;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::app::OAuthClient;
use hub_domain::{Disposition, Secret, Service};
use oauth2::basic::{BasicClient, BasicTokenResponse};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, ClientId, ClientSecret, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, RequestTokenError, TokenResponse, TokenUrl,
};
use url::Url;

use crate::error::ProviderError;
use crate::http;
use crate::seam::Tokens;

/// An OAuth application, and where its service is.
#[derive(Debug, Clone)]
pub struct OAuthApp {
    /// The client id.
    pub client_id: String,
    /// The client secret, where the application has one.
    pub client_secret: Option<Secret>,
    /// The root of the API, such as `https://api.trakt.tv`.
    pub api_url: Url,
    /// The root of the sign-in, such as `https://auth.trakt.tv`.
    pub auth_url: Url,
}

impl OAuthApp {
    pub(crate) fn of(client: &OAuthClient, api_url: Url, auth_url: Url) -> Self {
        Self {
            client_id: client.id.clone(),
            client_secret: client.secret.clone(),
            api_url,
            auth_url,
        }
    }

    /// The application for the `oauth2` crate: it agrees at `authorize` and gets its tokens at `token`.
    pub(crate) fn client(
        &self,
        service: Service,
        operation: &'static str,
        (authorize, token): (&str, &str),
    ) -> Result<Client, ProviderError> {
        let address = |text: &str| {
            Url::parse(text).map_err(|cause| {
                let why = "the address of the sign-in is wrong";
                ProviderError::new(service, operation, Disposition::AppRefused, why)
                    .caused_by(Box::new(cause))
            })
        };
        let client = BasicClient::new(ClientId::new(self.client_id.clone()))
            .set_auth_uri(AuthUrl::from_url(address(authorize)?))
            .set_token_uri(TokenUrl::from_url(address(token)?))
            .set_auth_type(AuthType::RequestBody);
        // An application with PKCE may have none; one that has a secret has to send it.
        Ok(match &self.client_secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.reveal().to_owned())),
            None => client,
        })
    }

    /// An address under the root of the sign-in.
    pub(crate) fn under_auth(&self, path: &str) -> String {
        http::under(&self.auth_url, path)
    }
}

/// The `oauth2` crate's client with both of its addresses.
pub(crate) type Client =
    BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// A service whose tokens the `oauth2` crate asks for.
pub(crate) trait TokenEndpoint: Sync {
    /// Sends what the `oauth2` crate wrote, and hands back only a success.
    fn token_call(
        &self,
        operation: &'static str,
        request: HttpRequest,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<HttpResponse, ProviderError>> + Send;
}

/// The HTTP client that the `oauth2` crate is handed: the service's own call.
pub(crate) struct TokenCalls<'a, E> {
    pub(crate) endpoint: &'a E,
    pub(crate) operation: &'static str,
    pub(crate) now: DateTime<Utc>,
}

impl<'c, E: TokenEndpoint> AsyncHttpClient<'c> for TokenCalls<'_, E> {
    type Error = ProviderError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, ProviderError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.endpoint.token_call(self.operation, request, self.now))
    }
}

/// Reads a pair of tokens. They end so long after `now`, which is before the request: never later than the service
/// means it. The old refresh token stays where no new one came.
pub(crate) fn tokens_of<E: oauth2::ErrorResponse + 'static>(
    service: Service,
    operation: &'static str,
    answer: Result<BasicTokenResponse, RequestTokenError<ProviderError, E>>,
    old_refresh: Option<&Secret>,
    now: DateTime<Utc>,
) -> Result<Tokens, ProviderError> {
    let unread = || {
        let why = "the answer could not be read";
        ProviderError::new(service, operation, Disposition::Retryable, why)
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
