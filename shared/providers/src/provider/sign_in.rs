//! Signing in at a service, in the browser or on another device; renewing that, and ending it.

use chrono::{DateTime, Utc};
use hub_domain::{Secret, SignIn};
use url::Url;

use super::Provider;
use crate::error::ProviderError;
use crate::seam::{Authorize, DevicePoll, DeviceStart, Revoked, Tokens};

impl Provider {
    /// Where the browser goes to sign in; it comes back to `redirect` with `state`.
    ///
    /// # Errors
    ///
    /// The service has no such page.
    pub fn authorize(&self, redirect: &Url, state: &str) -> Result<Authorize, ProviderError> {
        each!(self, client => client.authorize(redirect, state))
    }

    /// Turns what the sign-in brought back (a code, a token) into tokens.
    ///
    /// # Errors
    ///
    /// [`hub_domain::Disposition::Auth`]: the code is not, or no longer, good.
    pub async fn exchange(
        &self,
        code_or_token: &str,
        redirect: &Url,
        verifier: Option<&Secret>,
        now: DateTime<Utc>,
    ) -> Result<Tokens, ProviderError> {
        match self {
            Self::Trakt(client) => {
                client
                    .exchange(code_or_token, redirect, verifier, now)
                    .await
            }
            Self::Simkl(client) => {
                client
                    .exchange(code_or_token, redirect, verifier, now)
                    .await
            }
            Self::LastFm(client) => client.exchange(code_or_token, now).await,
            Self::ListenBrainz(client) => client.exchange(code_or_token),
            Self::AniList(client) => client.exchange(code_or_token, redirect, now).await,
            Self::MyAnimeList(client) => {
                client
                    .exchange(code_or_token, redirect, verifier, now)
                    .await
            }
            Self::Goodreads(client) => client.exchange(code_or_token),
            Self::Letterboxd(client) => client.exchange(code_or_token),
        }
        .map_err(|error| match self.service().sign_in() {
            // A name is no secret, and a short one would garble the sentence.
            SignIn::Feed => error,
            SignIn::OAuth | SignIn::WebAuth | SignIn::Token => {
                error.hiding(&Secret::new(code_or_token))
            }
        })
    }

    /// Gets the next pair of tokens. The old access token is dead once this succeeds, and where refresh tokens work once
    /// (Trakt) the old refresh token too.
    ///
    /// # Errors
    ///
    /// [`hub_domain::Disposition::Auth`]: the refresh token is refused, or the service has none.
    /// [`hub_domain::Disposition::Retryable`]: the service or the network is in trouble; the connection is not lost.
    pub async fn refresh(
        &self,
        tokens: &Tokens,
        redirect: &Url,
        now: DateTime<Utc>,
    ) -> Result<Tokens, ProviderError> {
        match self {
            Self::Trakt(client) => client.refresh(tokens, redirect, now).await,
            Self::Simkl(client) => client.refresh(tokens, now).await,
            Self::MyAnimeList(client) => client.refresh(tokens, now).await,
            Self::LastFm(_)
            | Self::ListenBrainz(_)
            | Self::AniList(_)
            | Self::Goodreads(_)
            | Self::Letterboxd(_) => Err(ProviderError::new(
                self.service(),
                "refresh the tokens",
                hub_domain::Disposition::Auth,
                "its tokens cannot be refreshed",
            )),
        }
    }

    /// Ends the tokens at the service, where it lets us.
    ///
    /// # Errors
    ///
    /// The service was not told; the user can revoke the access in its settings.
    pub async fn revoke(
        &self,
        tokens: &Tokens,
        now: DateTime<Utc>,
    ) -> Result<Revoked, ProviderError> {
        match self {
            Self::Trakt(client) => client.revoke(tokens, now).await,
            Self::Simkl(client) => client.revoke(tokens, now).await,
            Self::LastFm(_)
            | Self::ListenBrainz(_)
            | Self::AniList(_)
            | Self::MyAnimeList(_)
            | Self::Goodreads(_)
            | Self::Letterboxd(_) => return Ok(Revoked::ByTheUserAlone),
        }?;
        Ok(Revoked::AtTheService)
    }

    /// Begins a sign-in on another device.
    ///
    /// # Errors
    ///
    /// The service refused, or has no such sign-in.
    pub async fn begin_device(&self, now: DateTime<Utc>) -> Result<DeviceStart, ProviderError> {
        match self {
            Self::Trakt(client) => client.begin_device(now).await,
            Self::Simkl(client) => client.begin_device(now).await,
            Self::LastFm(client) => client.begin_device(now).await,
            Self::ListenBrainz(client) => Err(client.has_only_tokens("begin a device sign-in")),
            Self::AniList(_) | Self::MyAnimeList(_) | Self::Goodreads(_) | Self::Letterboxd(_) => {
                Err(self.has_no_device_flow())
            }
        }
    }

    /// Asks what became of a device sign-in.
    ///
    /// # Errors
    ///
    /// Nothing is known; ask again after the interval.
    pub async fn poll_device(
        &self,
        device_code: &Secret,
        now: DateTime<Utc>,
    ) -> Result<DevicePoll, ProviderError> {
        match self {
            Self::Trakt(client) => client.poll_device(device_code, now).await,
            Self::Simkl(client) => client.poll_device(device_code, now).await,
            Self::LastFm(client) => client.poll_device(device_code, now).await,
            Self::ListenBrainz(client) => Err(client.has_only_tokens("poll a device sign-in")),
            Self::AniList(_) | Self::MyAnimeList(_) | Self::Goodreads(_) | Self::Letterboxd(_) => {
                Err(self.has_no_device_flow())
            }
        }
        .map_err(|error| error.hiding(device_code))
    }

    fn has_no_device_flow(&self) -> ProviderError {
        ProviderError::new(
            self.service(),
            "begin a sign-in on another device",
            hub_domain::Disposition::Permanent,
            "it knows no sign-in on another device",
        )
    }
}
