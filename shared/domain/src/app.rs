//! Our application at a service: where the service is reached, and what identifies us there.

use url::Url;

use crate::secret::Secret;

/// Our application at one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceApp {
    /// The root of its API (`<SERVICE>_API_URL`), as it was written.
    pub api_url: Url,
    /// The root of its sign-in (`<SERVICE>_AUTH_URL`), as it was written.
    pub auth_url: Url,
    /// What identifies the application there.
    pub credentials: Credentials,
}

/// An application as OAuth knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthClient {
    /// `<SERVICE>_CLIENT_ID`; not secret, sent with every call.
    pub id: String,
    /// `<SERVICE>_CLIENT_SECRET`; an application without one signs in by PKCE alone.
    pub secret: Option<Secret>,
}

/// What identifies our application at a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// An OAuth application of Trakt.
    Trakt(OAuthClient),
    /// An OAuth application of Simkl.
    Simkl(OAuthClient),
    /// An API account of Last.fm.
    LastFm {
        /// `LASTFM_API_KEY`; not secret, part of the sign-in address.
        api_key: String,
        /// `LASTFM_API_SECRET`; signs the calls, is never sent.
        api_secret: Secret,
    },
    /// `ListenBrainz` knows no applications: each user brings a token.
    ListenBrainz,
    /// An API client of AniList; without a secret nobody can sign in.
    AniList(OAuthClient),
    /// An API client of MyAnimeList.
    MyAnimeList(OAuthClient),
    /// Goodreads has no API that is open: its feeds are public.
    Goodreads,
    /// Letterboxd has no API that is open: its feeds are public.
    Letterboxd,
}
