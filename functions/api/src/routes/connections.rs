//! The user's connections: one account at each service.

use axum::Json;
use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use hub_domain::{ConnectionSettings, Health, ItemKind, Service, SignIn};
use hub_store::StoredConnection;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::service;
use crate::ApiState;
use crate::caller::ForUser;
use crate::problem::Problem;
use crate::sign_in::send_what_waited;
use crate::wire::within;

/// A service, and the user's connection to it where there is one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Connection)]
pub(crate) struct ConnectionView {
    /// The connection's id: the service's name.
    id: &'static str,
    user_id: Uuid,
    #[schema(value_type = String)]
    service: Service,
    /// The service's name as it writes it itself.
    title: &'static str,
    /// The kinds that go there.
    #[schema(value_type = Vec<String>)]
    takes: Vec<ItemKind>,
    /// The user has connected it.
    connected: bool,
    /// The hub can speak to it.
    available: bool,
    /// Why it cannot: the setting that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    why_unavailable: Option<String>,
    /// What its users should know: that a service is closed, and what works instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
    /// How to sign in: `oauth`, `web`, `token`, or `feed`: by the name, or the address of the public feed.
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_in: Option<&'static str>,
    /// The user's name there.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_url: Option<String>,
    /// The address of a compatible server.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(flatten)]
    settings: Option<ConnectionSettingsView>,
    /// `ok`, `reconnect_soon`, `reconnect_required`, `account_paused`, `app_refused`, `address_blocked` or `service_down`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    health: Option<Health>,
    /// Why it is not doing well, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    health_detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sync_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sync_status: Option<String>,
}

/// What the user wants of a connection.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectionSettings)]
pub(crate) struct ConnectionSettingsView {
    /// Plays go there.
    enabled: bool,
    /// What is playing now is shown there.
    live_signals: bool,
    /// The connection's own threshold, 1 to 100; `null` takes the user's.
    scrobble_threshold_percent: Option<f64>,
    /// Watched state and list status, both ways.
    sync_watch_status: bool,
    /// History comes in.
    sync_history: bool,
    /// Ratings, both ways.
    sync_ratings: bool,
    /// The watchlist, both ways.
    sync_watchlist: bool,
    /// The collection goes out.
    sync_collection: bool,
    /// Podcast episodes go there too: the artist is the show, the track the episode.
    podcasts: bool,
    /// An episode of an anime that is completed there begins a rewatch.
    rewatches: bool,
}

/// What is to be changed; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct ConnectionPatch {
    /// Plays go there.
    enabled: Option<bool>,
    /// What is playing now is shown there.
    live_signals: Option<bool>,
    /// The connection's own threshold, 1 to 100; `null` takes the user's.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<f64>)]
    scrobble_threshold_percent: Option<Option<f64>>,
    /// Watched state and list status, both ways.
    sync_watch_status: Option<bool>,
    /// History comes in.
    sync_history: Option<bool>,
    /// Ratings, both ways.
    sync_ratings: Option<bool>,
    /// The watchlist, both ways.
    sync_watchlist: Option<bool>,
    /// The collection goes out.
    sync_collection: Option<bool>,
    /// Podcast episodes go there too: the artist is the show, the track the episode.
    podcasts: Option<bool>,
    /// An episode of an anime that is completed there begins a rewatch.
    rewatches: Option<bool>,
}

/// Reads a field that may be `null`, so that it is told from one that is left out.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::<f64>::deserialize(from).map(Some)
}

/// Every service, connected or not.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Connections {
    items: Vec<ConnectionView>,
}

impl ConnectionView {
    /// A service, and the user's connection to it where there is one.
    pub(crate) fn of(
        state: &ApiState,
        user: Uuid,
        service: Service,
        stored: Option<StoredConnection>,
    ) -> Self {
        let why_unavailable = state.settings.app(service).err().map(str::to_owned);
        let mut view = Self {
            id: service.name(),
            user_id: user,
            service,
            title: service.title(),
            takes: ItemKind::ALL
                .into_iter()
                .filter(|kind| service.takes(*kind))
                .collect(),
            connected: stored.is_some(),
            available: why_unavailable.is_none(),
            why_unavailable,
            note: service.note(),
            sign_in: state
                .provider(service, None)
                .is_ok()
                .then(|| sign_in(service.sign_in())),
            username: None,
            profile_url: None,
            url: None,
            settings: None,
            health: None,
            health_detail: None,
            connected_at: None,
            last_sync_at: None,
            last_sync_status: None,
        };
        if let Some(stored) = stored {
            let connection = stored.connection;
            view.username = Some(connection.identity.username);
            view.profile_url = connection.identity.profile_url;
            view.url = connection.url;
            view.settings = Some(ConnectionSettingsView::of(&connection.settings));
            view.health = Some(connection.health);
            view.health_detail = connection.health_detail;
            view.connected_at = Some(connection.connected_at);
            view.last_sync_at = connection.last_sync_at;
            view.last_sync_status = connection.last_sync_status;
        }
        view
    }
}

impl ConnectionSettingsView {
    fn of(settings: &ConnectionSettings) -> Self {
        Self {
            enabled: settings.enabled,
            live_signals: settings.live_signals,
            scrobble_threshold_percent: settings.scrobble_threshold_percent,
            sync_watch_status: settings.sync_watch_status,
            sync_history: settings.sync_history,
            sync_ratings: settings.sync_ratings,
            sync_watchlist: settings.sync_watchlist,
            sync_collection: settings.sync_collection,
            podcasts: settings.podcasts,
            rewatches: settings.rewatches,
        }
    }
}

const fn sign_in(kind: SignIn) -> &'static str {
    match kind {
        SignIn::OAuth => "oauth",
        SignIn::WebAuth => "web",
        SignIn::Token => "token",
        SignIn::Feed => "feed",
    }
}

/// Lists every service, connected or not, and why one is off.
#[utoipa::path(
    get, path = "/api/v1/scrobble/connections", tag = "connections",
    responses((status = 200, description = "Every service", body = Connections))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: ForUser,
) -> Result<Json<Connections>, Problem> {
    let mut stored = state.table.connections(caller.user).await?;
    let items = Service::ALL
        .into_iter()
        .map(|service| {
            let at = stored
                .iter()
                .position(|stored| stored.connection.service == service);
            ConnectionView::of(
                &state,
                caller.user.0,
                service,
                at.map(|at| stored.swap_remove(at)),
            )
        })
        .collect();
    Ok(Json(Connections { items }))
}

/// Lists every service, connected or not, and why one is off.
#[utoipa::path(
    get, path = "/api/v1/user/services", tag = "connections",
    responses((status = 200, description = "Every service", body = Connections))
)]
pub(crate) async fn list_services(
    state: State<ApiState>,
    caller: ForUser,
) -> Result<Json<Connections>, Problem> {
    list(state, caller).await
}

/// Changes what the user wants of a connection; what is left out stays.
#[utoipa::path(
    put, path = "/api/v1/scrobble/connections/{id}", tag = "connections", request_body = ConnectionPatch,
    params(("id" = String, Path, description = "The connection's id")),
    responses((status = 200, description = "The connection as it is now", body = ConnectionView))
)]
pub(crate) async fn change(
    State(state): State<ApiState>,
    caller: ForUser,
    Path(id): Path<String>,
    crate::body::Json(patch): crate::body::Json<ConnectionPatch>,
) -> Result<Json<ConnectionView>, Problem> {
    let service = service(&id)?;
    let not_connected = || Problem::not_found(format!("{} is not connected.", service.title()));
    let mut stored = state
        .table
        .connection(caller.user, service)
        .await?
        .ok_or_else(not_connected)?;
    let was_enabled = stored.connection.settings.enabled;
    let settings = apply(stored.connection.settings, patch)?;
    if !state
        .table
        .update_connection_settings(caller.user, service, &settings)
        .await?
    {
        return Err(not_connected());
    }
    state.forget_what_was_read();
    if settings.enabled && !was_enabled {
        send_what_waited(&state, caller.user, service, state.clock.now()).await;
    }
    stored.connection.settings = settings;
    Ok(Json(ConnectionView::of(
        &state,
        caller.user.0,
        service,
        Some(stored),
    )))
}

/// Changes what the user wants of a connection; what is left out stays.
#[utoipa::path(
    patch, path = "/api/v1/user/services/{service}/settings", tag = "connections", request_body = ConnectionPatch,
    params(("service" = String, Path, description = "The service's name")),
    responses((status = 200, description = "The connection as it is now", body = ConnectionView))
)]
pub(crate) async fn change_service(
    state: State<ApiState>,
    caller: ForUser,
    path: Path<String>,
    patch: crate::body::Json<ConnectionPatch>,
) -> Result<Json<ConnectionView>, Problem> {
    change(state, caller, path, patch).await
}

fn apply(
    mut settings: ConnectionSettings,
    patch: ConnectionPatch,
) -> Result<ConnectionSettings, Problem> {
    if let Some(percent) = patch.scrobble_threshold_percent {
        settings.scrobble_threshold_percent =
            within("scrobble_threshold_percent", percent, 1.0, 100.0)?;
    }
    let set = |held: &mut bool, wanted: Option<bool>| *held = wanted.unwrap_or(*held);
    set(&mut settings.enabled, patch.enabled);
    set(&mut settings.live_signals, patch.live_signals);
    set(&mut settings.sync_watch_status, patch.sync_watch_status);
    set(&mut settings.sync_history, patch.sync_history);
    set(&mut settings.sync_ratings, patch.sync_ratings);
    set(&mut settings.sync_watchlist, patch.sync_watchlist);
    set(&mut settings.sync_collection, patch.sync_collection);
    set(&mut settings.podcasts, patch.podcasts);
    set(&mut settings.rewatches, patch.rewatches);
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::parse;

    #[test]
    fn what_is_left_out_stays_and_null_takes_the_users_threshold() {
        let patch = |json: &str| parse::<ConnectionPatch>(json.as_bytes()).unwrap();
        let changed = apply(
            ConnectionSettings::default(),
            patch(r#"{"live_signals":false,"scrobble_threshold_percent":90.5,"sync_collection":true}"#),
        )
        .unwrap();
        let expected = ConnectionSettings {
            live_signals: false,
            scrobble_threshold_percent: Some(90.5),
            sync_collection: true,
            ..ConnectionSettings::default()
        };
        assert_eq!(changed, expected);
        assert_eq!(apply(changed.clone(), patch("{}")).unwrap(), changed);
        let reset = apply(changed, patch(r#"{"scrobble_threshold_percent":null}"#)).unwrap();
        assert_eq!(
            (reset.scrobble_threshold_percent, reset.live_signals),
            (None, false)
        );
        let refused = apply(
            ConnectionSettings::default(),
            patch(r#"{"scrobble_threshold_percent":0}"#),
        );
        assert_eq!(
            refused.unwrap_err().field_name(),
            Some("scrobble_threshold_percent")
        );
    }
}
