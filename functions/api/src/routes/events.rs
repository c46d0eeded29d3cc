//! `POST /api/v1/scrobble/events`: what a media server says happened, in the hub's own words.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use hub_store::TokenScope;

use crate::ApiState;
use crate::body::JsonBytes;
use crate::caller::Sender;
use crate::forward::{Taken, hand_in, hand_in_for};
use crate::problem::Problem;
use crate::wire::event::{EventBody, read_events};

const ROAD: &str = "events";

/// Hands in one event, or an array of at most 100. All are taken, or none.
///
/// Under an ingest token an event that names an account reaches the user only if the account is theirs.
#[utoipa::path(
    post, path = "/api/v1/scrobble/events", tag = "events", request_body = EventBody,
    responses((status = 202, description = "Taken", body = Taken))
)]
pub(crate) async fn events(
    State(state): State<ApiState>,
    sender: Sender,
    JsonBytes(bytes): JsonBytes,
) -> Result<(StatusCode, Json<Taken>), Problem> {
    let events = read_events(&bytes, state.clock.now())?;
    let taken = match &sender.token {
        Some(token) if token.scope == TokenScope::Ingest => {
            hand_in_for(&state, token, events, ROAD).await?
        }
        Some(_) | None => hand_in(&state, sender.user, events, ROAD).await?,
    };
    Ok((StatusCode::ACCEPTED, Json(taken)))
}
