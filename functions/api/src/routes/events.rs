//! `POST /api/v1/scrobble/events`: what a media server says happened, in the hub's own words.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use hub_store::TokenScope;

use crate::ApiState;
use crate::body::JsonBytes;
use crate::caller::{EVENTS_ROAD, Poster};
use crate::forward::{Taken, hand_in, hand_in_for};
use crate::problem::Problem;
use crate::wire::event::{EventBody, read_events};

/// Hands in one event, or an array of at most 100. All are taken, or none.
///
/// Under an ingest token an event that names an account reaches the user only if the account is theirs.
#[utoipa::path(
    post, path = "/api/v1/scrobble/events", tag = "events", request_body = EventBody,
    responses((status = 202, description = "Taken", body = Taken))
)]
pub(crate) async fn events(
    State(state): State<ApiState>,
    poster: Poster,
    body: Result<JsonBytes, Problem>,
) -> Result<(StatusCode, Json<Taken>), Problem> {
    let events = body.and_then(|JsonBytes(bytes)| read_events(&bytes, state.clock.now()));
    if let (Some(posted), Ok(events)) = (poster.known(), &events)
        && state.is_all_dropped(posted, events)
    {
        tracing::debug!("progress that decides nothing was dropped");
        return Ok((StatusCode::ACCEPTED, Json(Taken::whole(events.len()))));
    }
    // Whoever is not known any more hears that first, whatever they sent.
    let (sender, posted) = poster.sender(&state).await?;
    let events = events?;
    let read = posted.as_ref().map(|(posted, at)| (posted, *at));
    let taken = match &sender.token {
        Some(token) if token.scope == TokenScope::Ingest => {
            hand_in_for(&state, token, events, EVENTS_ROAD, read).await?
        }
        Some(_) | None => hand_in(&state, sender.user, events, EVENTS_ROAD, read).await?,
    };
    Ok((StatusCode::ACCEPTED, Json(taken)))
}
