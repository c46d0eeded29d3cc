//! `/api/v1/scrobble/plays/{id}`: trying again, and undoing.

use axum::Json;
use axum::extract::{Path, State};
use chrono::TimeDelta;
use http::StatusCode;
use hub_domain::identity::awaits_library;
use hub_domain::{Play, PlayId, Service, State as Delivered};
use hub_runtime::queue::Wake;
use hub_store::{Retried, Waiting};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::body::OptionalJson;
use crate::caller::ForUser;
use crate::problem::Problem;
use crate::routes::history::PlayView;

/// When the sweep looks after a delivery whose wake-up was lost.
const LOOK_AFTER: TimeDelta = TimeDelta::minutes(1);

/// What to try again.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct Retry {
    /// At this service alone; else at every one that did not take it.
    #[schema(value_type = Option<String>)]
    service: Option<Service>,
}

/// What is tried again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetryStarted {
    /// The play.
    play_id: String,
    /// Where it is tried again.
    #[schema(value_type = Vec<String>)]
    retried: Vec<Service>,
}

/// What undoing comes to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Undone {
    /// The play.
    play_id: String,
    /// The services that have it, or may have it, and let it be removed: they are told now.
    #[schema(value_type = Vec<String>)]
    removing_at: Vec<Service>,
    /// The services that have it and let only their users remove it.
    stays_at: Vec<Stays>,
    /// The same for people.
    detail: String,
}

/// A service that keeps what its user took back in the hub.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stays {
    #[schema(value_type = String)]
    service: Service,
    /// Where to remove it.
    link: String,
}

fn play_id(text: &str) -> Result<PlayId, Problem> {
    text.parse().map_err(|_| no_such_play())
}

fn no_such_play() -> Problem {
    Problem::not_found("There is no such play.")
}

/// Tries again to deliver a play where that ended without the service taking it.
#[utoipa::path(
    post, path = "/api/v1/scrobble/plays/{id}/retry", tag = "history", request_body = Option<Retry>,
    params(("id" = String, Path, description = "The play's id")),
    responses((status = 202, description = "It is tried again", body = RetryStarted))
)]
pub(crate) async fn retry(
    State(state): State<ApiState>,
    caller: ForUser,
    Path(id): Path<String>,
    OptionalJson(retry): OptionalJson<Retry>,
) -> Result<(StatusCode, Json<RetryStarted>), Problem> {
    let id = play_id(&id)?;
    let play = state
        .table
        .play(caller.user, &id)
        .await?
        .ok_or_else(no_such_play)?;
    let candidates = retryable(&play, retry.service);
    look_into_library(&state, &play).await?;
    let due_at = state.clock.now() + LOOK_AFTER;
    let mut retried = Vec::new();
    for service in candidates {
        match state
            .table
            .retry_delivery(caller.user, &id, service, Some(due_at))
            .await?
        {
            Retried::Pending => retried.push(service),
            Retried::NotNeeded | Retried::Gone => {}
        }
    }
    if retried.is_empty() {
        return Err(Problem::conflict(
            "Nothing of this play can be tried again: it is still open, or was taken.",
        ));
    }
    let wakes: Vec<_> = retried
        .iter()
        .map(|service| {
            let wake = Wake::deliver(caller.user, *service, vec![id.clone().into()]);
            (wake, std::time::Duration::ZERO)
        })
        .collect();
    // The play is due in a minute as well, so that a lost wake-up costs no more than that.
    if let Err(error) = state.queues.send_wakes(&wakes).await {
        tracing::warn!(user.id = %caller.user, error = &error as &dyn std::error::Error, "a retry was not woken at once");
    }
    Ok((
        StatusCode::ACCEPTED,
        Json(RetryStarted {
            play_id: id.to_string(),
            retried,
        }),
    ))
}

/// Lets a play of which nothing is known but the media server's id wait for the library, or be named by it.
async fn look_into_library(state: &ApiState, play: &Play) -> Result<(), Problem> {
    let content_id = play.media.content_id.as_deref();
    let Some(id) = content_id.filter(|_| awaits_library(&play.item, &play.media)) else {
        return Ok(());
    };
    let what = Waiting::Parcel(play.id.clone().into());
    state
        .table
        .wait_for_library(play.user, id, &what, state.clock.now())
        .await?;
    let look = super::library::arrived(play.user, id);
    state.queues.send_events(&[look]).await?;
    Ok(())
}

/// Tells one play, one that was taken back included.
#[utoipa::path(
    get, path = "/api/v1/scrobble/plays/{id}", tag = "history",
    params(("id" = String, Path, description = "The play's id")),
    responses((status = 200, description = "The play", body = PlayView))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: ForUser,
    Path(id): Path<String>,
) -> Result<Json<PlayView>, Problem> {
    let play = state.table.play(caller.user, &play_id(&id)?).await?;
    Ok(Json(PlayView::of(play.ok_or_else(no_such_play)?)))
}

/// Takes a play back: it leaves the history, what was not delivered yet will not be, and each service that allows it is
/// told to remove this one play.
///
/// The hub remembers that it was taken back, so that no late copy of an event brings it back.
#[utoipa::path(
    delete, path = "/api/v1/scrobble/plays/{id}", tag = "history",
    params(("id" = String, Path, description = "The play's id")),
    responses((status = 202, description = "Taken back; the services are being told", body = Undone))
)]
pub(crate) async fn undo(
    State(state): State<ApiState>,
    caller: ForUser,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Undone>), Problem> {
    let id = play_id(&id)?;
    let now = state.clock.now();
    let play = state
        .table
        .remove_play(caller.user, &id, now, now + LOOK_AFTER)
        .await?
        .ok_or_else(no_such_play)?;
    tracing::info!(user.id = %caller.user, play.id = %id, "a play was taken back");
    let wakes: Vec<_> = play
        .deliveries
        .keys()
        .filter(|service| play.is_open_at(**service))
        .map(|service| {
            let wake = Wake::deliver(caller.user, *service, vec![id.clone().into()]);
            (wake, std::time::Duration::ZERO)
        })
        .collect();
    // The play is due in a minute as well, so that a lost wake-up costs no more than that.
    if let Err(error) = state.queues.send_wakes(&wakes).await {
        tracing::warn!(user.id = %caller.user, error = &error as &dyn std::error::Error, "an undo was not woken at once");
    }
    let (removing_at, left): (Vec<Service>, Vec<Service>) = holding(&play)
        .into_iter()
        .partition(|service| service.takes_back());
    let mut stays_at = Vec::with_capacity(left.len());
    for service in left {
        let stored = state.table.connection(caller.user, service).await?;
        let username = stored.map(|stored| stored.connection.identity.username);
        let link = service.history_page(&username.unwrap_or_default());
        stays_at.push(Stays { service, link });
    }
    let detail = told(&removing_at, &stays_at);
    Ok((
        StatusCode::ACCEPTED,
        Json(Undone {
            play_id: id.to_string(),
            removing_at,
            stays_at,
            detail,
        }),
    ))
}

fn told(removing_at: &[Service], stays_at: &[Stays]) -> String {
    let names = |services: &mut dyn Iterator<Item = Service>| {
        let titles: Vec<&str> = services.map(Service::title).collect();
        titles.join(", ")
    };
    let mut words = "The play is gone from the hub.".to_owned();
    if !removing_at.is_empty() {
        let names = names(&mut removing_at.iter().copied());
        words.push_str(&format!(" It is being removed at {names}."));
    }
    if !stays_at.is_empty() {
        let names = names(&mut stays_at.iter().map(|stays| stays.service));
        words.push_str(&format!(
            " It stays at {names}, which let only you remove it."
        ));
    }
    words
}

/// Where a play ended without the service taking it.
fn retryable(play: &Play, only: Option<Service>) -> Vec<Service> {
    let ended = |state| {
        matches!(
            state,
            Delivered::Refused | Delivered::NotFound | Delivered::Ignored | Delivered::InDoubt
        )
    };
    play.deliveries
        .iter()
        .filter(|(service, delivery)| {
            ended(delivery.state) && only.is_none_or(|only| only == **service)
        })
        .map(|(service, _)| *service)
        .collect()
}

/// The services that hold a play, or may: one that is being sent, or in doubt, may have arrived.
fn holding(play: &Play) -> Vec<Service> {
    let holds = |state| match state {
        Delivered::Delivered
        | Delivered::AlreadyThere
        | Delivered::InDoubt
        | Delivered::Sending => true,
        Delivered::Held
        | Delivered::Pending
        | Delivered::Waiting
        | Delivered::Ignored
        | Delivered::NotFound
        | Delivered::Refused
        | Delivered::Removed => false,
    };
    play.deliveries
        .iter()
        .filter(|(_, delivery)| holds(delivery.state))
        .map(|(service, _)| *service)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::DateTime;
    use hub_domain::{Delivery, ItemKey, ItemKind, MediaItem, Precision, UserId};
    use uuid::Uuid;

    use super::*;

    fn play(states: &[(Service, Delivered)]) -> Play {
        let (user, item) = (UserId(Uuid::from_u128(1)), ItemKey::new("x"));
        let deliveries = states.iter().map(|(service, state)| {
            let mut delivery = Delivery::pending();
            delivery.state = *state;
            (*service, delivery)
        });
        Play {
            id: PlayId::new(user, &item, Some(DateTime::UNIX_EPOCH)),
            user,
            item,
            media: MediaItem::new(ItemKind::Track),
            started_at: None,
            watched_at: None,
            precision: Precision::Second,
            progress_percent: None,
            manual: false,
            sightings: Vec::new(),
            created_at: DateTime::UNIX_EPOCH,
            deliveries: deliveries.collect::<BTreeMap<_, _>>(),
            removed_at: None,
        }
    }

    #[test]
    fn only_what_ended_without_being_taken_is_tried_again() {
        let play = play(&[
            (Service::Trakt, Delivered::Refused),
            (Service::LastFm, Delivered::Delivered),
            (Service::ListenBrainz, Delivered::InDoubt),
        ]);
        assert_eq!(
            retryable(&play, None),
            [Service::Trakt, Service::ListenBrainz]
        );
        assert_eq!(
            retryable(&play, Some(Service::ListenBrainz)),
            [Service::ListenBrainz]
        );
        assert!(retryable(&play, Some(Service::LastFm)).is_empty());
    }

    #[test]
    fn what_may_have_arrived_is_said_to_stay() {
        let play = play(&[
            (Service::Trakt, Delivered::Sending),
            (Service::LastFm, Delivered::AlreadyThere),
            (Service::ListenBrainz, Delivered::Waiting),
        ]);
        assert_eq!(holding(&play), [Service::Trakt, Service::LastFm]);
    }
}
