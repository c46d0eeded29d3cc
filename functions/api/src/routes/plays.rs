//! `/api/v1/scrobble/plays/{id}`: trying again, and undoing.

use axum::Json;
use axum::extract::{Path, State};
use chrono::TimeDelta;
use http::StatusCode;
use hub_domain::{Play, PlayId, Service, State as Delivered};
use hub_runtime::queue::Wake;
use hub_store::Retried;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::body::OptionalJson;
use crate::caller::ForUser;
use crate::problem::Problem;

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

/// What undoing came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Undone {
    /// The play.
    play_id: String,
    /// The services that hold it still, or may hold it.
    #[schema(value_type = Vec<String>)]
    stays_at: Vec<Service>,
    /// The same for people.
    detail: String,
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
            let wake = Wake::deliver(caller.user, *service, vec![id.clone()]);
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

/// Undoes a play in the hub: it leaves the history, and what was not delivered yet will not be.
///
/// What a service took stays there; it is removed in the service itself.
#[utoipa::path(
    delete, path = "/api/v1/scrobble/plays/{id}", tag = "history",
    params(("id" = String, Path, description = "The play's id")),
    responses((status = 200, description = "Undone in the hub", body = Undone))
)]
pub(crate) async fn undo(
    State(state): State<ApiState>,
    caller: ForUser,
    Path(id): Path<String>,
) -> Result<Json<Undone>, Problem> {
    let id = play_id(&id)?;
    let play = state
        .table
        .delete_play(caller.user, &id)
        .await?
        .ok_or_else(no_such_play)?;
    for service in play.deliveries.keys() {
        state.table.delete_open(caller.user, *service, &id).await?;
    }
    tracing::info!(user.id = %caller.user, play.id = %id, "a play was undone");
    let stays_at = holding(&play);
    let detail = match stays_at.as_slice() {
        [] => "The play is gone; no service had taken it.".to_owned(),
        services => {
            let titles: Vec<&str> = services.iter().map(|service| service.title()).collect();
            format!(
                "The play is gone from the hub. It stays at {}; remove it there.",
                titles.join(", ")
            )
        }
    };
    Ok(Json(Undone {
        play_id: id.to_string(),
        stays_at,
        detail,
    }))
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
        | Delivered::Refused => false,
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
