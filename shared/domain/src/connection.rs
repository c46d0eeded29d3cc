//! A connection: one account of one user at one service.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::media::ItemKind;
use crate::names::UserId;
use crate::service::Service;
use crate::statement::Aspect;

/// How a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// The service takes what it is sent.
    Ok,
    /// The service takes what it is sent; the sign-in ends within days and cannot be renewed.
    ReconnectSoon,
    /// The tokens no longer work: the user has to connect again; plays are kept until then.
    ReconnectRequired,
    /// The service has paused the account.
    AccountPaused,
    /// The service refuses the application itself; the operator has to act.
    AppRefused,
    /// The service blocks this deployment's address.
    AddressBlocked,
    /// The service is down, or does not answer.
    ServiceDown,
}

/// What the user wants of a connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConnectionSettings {
    /// Plays go there.
    pub enabled: bool,
    /// What is playing now is shown there.
    pub live_signals: bool,
    /// The connection's own threshold, 1–100; `None` takes the user's.
    pub scrobble_threshold_percent: Option<f64>,
    /// Watched state and list status, both ways.
    pub sync_watch_status: bool,
    /// History comes in.
    pub sync_history: bool,
    /// Ratings, both ways.
    pub sync_ratings: bool,
    /// The watchlist, both ways.
    pub sync_watchlist: bool,
    /// The collection goes out.
    pub sync_collection: bool,
    /// Podcast episodes go there too, where the service keeps none of its own: the artist is the show.
    pub podcasts: bool,
    /// An episode of an anime that is completed there begins a rewatch.
    pub rewatches: bool,
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            live_signals: true,
            scrobble_threshold_percent: None,
            sync_watch_status: true,
            sync_history: true,
            sync_ratings: true,
            sync_watchlist: true,
            sync_collection: false,
            podcasts: false,
            rewatches: false,
        }
    }
}

impl ConnectionSettings {
    /// Says whether plays of a kind go to the service, whatever else holds them back.
    pub const fn takes(&self, service: Service, kind: ItemKind) -> bool {
        service.takes(kind) || (self.podcasts && service.takes_on_request(kind))
    }

    /// Says whether what users say of an item of this kind goes to the service.
    pub const fn takes_statement(&self, service: Service, aspect: Aspect, kind: ItemKind) -> bool {
        let is_wanted = match aspect {
            Aspect::Rating | Aspect::Loved => self.sync_ratings,
            Aspect::Watchlist => self.sync_watchlist,
            Aspect::Collection => self.sync_collection,
            Aspect::Reading => false,
        };
        self.enabled && is_wanted && service.takes_statement(aspect, kind)
    }
}

/// Who the service says the user is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name shown there; may change.
    pub username: String,
    /// The address of the profile, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_url: Option<String>,
    /// The account's stable id at the service.
    pub account_id: String,
}

/// One account of one user at one service, without its tokens: those are sealed beside it in the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// Whose it is.
    pub user: UserId,
    /// Where.
    pub service: Service,
    /// Who the user is there.
    pub identity: Identity,
    /// What the user wants of it.
    #[serde(default)]
    pub settings: ConnectionSettings,
    /// How it is doing.
    pub health: Health,
    /// Why, for people, where it is not doing well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_detail: Option<String>,
    /// When it was connected.
    pub connected_at: DateTime<Utc>,
    /// Plays that the hub learned of before this go there only by an export.
    pub deliver_from: DateTime<Utc>,
    /// When the access token ends, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_expires_at: Option<DateTime<Utc>>,
    /// Counts the pairs of tokens it has had, from 1.
    pub token_version: u64,
    /// The root of a compatible server, where it is not the service's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When history was last synced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_at: Option<DateTime<Utc>>,
    /// How that went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_status: Option<String>,
}
