//! `POST /api/v1/scrobble/queue`: one scrobble by hand.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use hub_domain::event::MOST_CLOCK_DIFFERENCE;
use hub_domain::rating::Feeling;
use hub_domain::{
    Action, Aspect, Event, ItemKind, PlayId, Says, ServerRef, Service, Source, UserId,
};
use hub_runtime::queue::{EventMessage, Incoming, QueuedAction, QueuedScrobble, Said};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::body::{JsonBytes, parse, parse_object};
use crate::caller::ForUser;
use crate::foresee::foresee;
use crate::forward::send;
use crate::problem::Problem;
use crate::wire::event::{occurred_at, position, review};
use crate::wire::item::ItemBody;
use crate::wire::{moment, text, within};

/// The road's name, the same that `progress` gives it among a play's sightings.
const ROAD: &str = "queue";

/// What is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum QueueAction {
    /// A finished play.
    #[default]
    Scrobble,
    /// It plays now.
    Start,
    /// It is paused now.
    Pause,
    /// It has stopped now.
    Stop,
    /// Rates it, as `rating` says.
    Rate,
    /// Loves it.
    Love,
}

/// What is asked for, without the item.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = QueueRequest)]
pub(crate) struct QueueHead {
    /// The one service it goes to; left out, every connected one that takes the kind.
    service: Option<String>,
    /// The same, by the connection's id.
    connection_id: Option<String>,
    /// What it is: `movie`, `episode`, `track`, `podcast_episode` or `book` (also read from `item_type`).
    #[schema(value_type = Option<String>)]
    content_type: Option<ItemKind>,
    /// The media server's own id of it.
    content_id: Option<String>,
    /// `scrobble` if it is left out.
    #[serde(default)]
    action: QueueAction,
    /// When it was finished, with the offset; now if it is left out.
    #[schema(value_type = Option<DateTime<Utc>>)]
    watched_at: Option<String>,
    /// When it began, with the offset; its own length before the end if it is left out.
    #[schema(value_type = Option<DateTime<Utc>>)]
    started_at: Option<String>,
    /// How far it was played.
    #[schema(minimum = 0, maximum = 100)]
    progress_percent: Option<f64>,
    /// How far into the item, in milliseconds.
    #[schema(minimum = 0)]
    position_ms: Option<i64>,
    /// The rating, for `rate`.
    #[schema(minimum = 0, maximum = 10)]
    rating: Option<f64>,
    /// What was written about it, for `rate`.
    review: Option<String>,
    /// The player's id, for `start`, `pause` and `stop`.
    player_id: Option<String>,
}

/// A scrobble to be queued: what is asked for and the item side by side.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Queue)]
#[expect(
    dead_code,
    reason = "the form that is documented; it is read as its two halves"
)]
pub(crate) struct QueueBody {
    #[serde(flatten)]
    what: QueueHead,
    #[serde(flatten)]
    item: ItemBody,
}

/// What was queued.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Queued {
    /// The play that the history will show; absent for live signals.
    #[serde(skip_serializing_if = "Option::is_none")]
    play_id: Option<String>,
}

/// Queues one scrobble by hand.
#[utoipa::path(
    post, path = "/api/v1/scrobble/queue", tag = "events", request_body = QueueBody,
    responses((status = 202, description = "Queued", body = Queued))
)]
pub(crate) async fn queue(
    State(state): State<ApiState>,
    caller: ForUser,
    JsonBytes(bytes): JsonBytes,
) -> Result<(StatusCode, Json<Queued>), Problem> {
    let (head, item): (QueueHead, ItemBody) = (parse_object(&bytes)?, parse(&bytes)?);
    let now = state.clock.now();
    let only = only_service(&head)?;
    let action = head.action;
    if let Some(says) = says(&head)? {
        let said = said(head, item, says, now)?;
        if let Some(service) = only {
            check_told(&state, caller.user, service, &said).await?;
        }
        let mut message = EventMessage::new(caller.user, ROAD, Incoming::Statement(Box::new(said)));
        message.services = only.map(|service| vec![service]);
        state.queues.send_events(&[message]).await?;
        return Ok((StatusCode::ACCEPTED, Json(Queued { play_id: None })));
    }
    let scrobble = scrobble(head, item, now)?;
    if let Some(service) = only {
        check_service(&state, caller.user, service, scrobble.scrobble.media.kind).await?;
    }
    let services = only.map(|service| vec![service]);
    let Some(live) = live_action(action) else {
        let play_id = queue_play(&state, caller.user, scrobble.scrobble, services).await?;
        return Ok((
            StatusCode::ACCEPTED,
            Json(Queued {
                play_id: Some(play_id.to_string()),
            }),
        ));
    };
    let event = live_event(live, scrobble, now);
    send(
        &state,
        vec![(caller.user, event)],
        ROAD,
        services.as_deref(),
    )
    .await?;
    Ok((StatusCode::ACCEPTED, Json(Queued { play_id: None })))
}

/// A scrobble as it was asked for, and the player that a live signal is of.
#[derive(Debug)]
struct Asked {
    scrobble: QueuedScrobble,
    player: Option<String>,
}

/// The event that a live signal is, or none for a finished play.
const fn live_action(action: QueueAction) -> Option<Action> {
    match action {
        QueueAction::Scrobble | QueueAction::Rate | QueueAction::Love => None,
        QueueAction::Start => Some(Action::Start),
        QueueAction::Pause => Some(Action::Pause),
        QueueAction::Stop => Some(Action::Stop),
    }
}

/// What is said of the item, if anything is.
fn says(head: &QueueHead) -> Result<Option<(Aspect, Says)>, Problem> {
    match head.action {
        QueueAction::Rate => {
            let rating = super::statements::rating(head.rating)?;
            let review = review(head.review.clone())?;
            Ok(Some((Aspect::Rating, Says::Rated { rating, review })))
        }
        QueueAction::Love => Ok(Some((Aspect::Loved, Says::Felt(Feeling::Loved)))),
        QueueAction::Scrobble | QueueAction::Start | QueueAction::Pause | QueueAction::Stop => {
            Ok(None)
        }
    }
}

fn said(
    head: QueueHead,
    item: ItemBody,
    (aspect, says): (Aspect, Says),
    now: DateTime<Utc>,
) -> Result<Said, Problem> {
    let kind = head.content_type.or(item.kind());
    let kind = kind.ok_or_else(|| Problem::field("content_type", "This field is needed."))?;
    let content_id = text("content_id", head.content_id)?;
    Ok(Said {
        aspect,
        media: item.into_media(kind, content_id)?,
        server: ServerRef::unnamed(Source::Queue),
        says: Some(says),
        since: occurred_at(head.watched_at.as_deref(), now)?,
    })
}

/// Makes sure that a service that was named can be told.
async fn check_told(
    state: &ApiState,
    user: UserId,
    service: Service,
    said: &Said,
) -> Result<(), Problem> {
    let Some(stored) = state.table.connection(user, service).await? else {
        return Err(
            Problem::impossible(format!("{} is not connected.", service.title())).at("service"),
        );
    };
    let (aspect, kind) = (said.aspect, said.media.kind);
    if stored
        .connection
        .settings
        .takes_statement(service, aspect, kind)
    {
        return Ok(());
    }
    let why = if service.takes_statement(aspect, kind) {
        format!(
            "The connection to {} is switched off for this.",
            service.title()
        )
    } else {
        format!("{} keeps no such thing of a {kind}.", service.title())
    };
    Err(Problem::impossible(why).at("service"))
}

fn only_service(head: &QueueHead) -> Result<Option<Service>, Problem> {
    let named = |field: &'static str, name: &Option<String>| {
        let service = name.as_deref().map(str::parse::<Service>).transpose();
        service.map_err(|_| {
            Problem::field(field, format!("The services: {}.", super::service_names()))
        })
    };
    let (service, connection) = (
        named("service", &head.service)?,
        named("connection_id", &head.connection_id)?,
    );
    match (service, connection) {
        (Some(service), Some(connection)) if service != connection => Err(Problem::field(
            "connection_id",
            "This connection is not of the service that is named.",
        )),
        (service, connection) => Ok(service.or(connection)),
    }
}

fn scrobble(head: QueueHead, item: ItemBody, now: DateTime<Utc>) -> Result<Asked, Problem> {
    let kind = head.content_type.or(item.kind());
    let kind = kind.ok_or_else(|| Problem::field("content_type", "This field is needed."))?;
    if !kind.is_playable() {
        return Err(Problem::field(
            "content_type",
            "A show, season, album or artist cannot be played.",
        ));
    }
    let past = |field: &str, at: Option<&str>| {
        let at = moment(field, at)?;
        if at.is_some_and(|at| at > now + MOST_CLOCK_DIFFERENCE) {
            return Err(Problem::field(field, "This lies in the future."));
        }
        Ok(at.map(|at| at.min(now)))
    };
    let watched_at = past("watched_at", head.watched_at.as_deref())?;
    let started_at = past("started_at", head.started_at.as_deref())?;
    if let (Some(started_at), Some(watched_at)) = (started_at, watched_at)
        && started_at > watched_at
    {
        return Err(Problem::field(
            "started_at",
            "It cannot begin after it was finished.",
        ));
    }
    let content_id = text("content_id", head.content_id)?;
    let scrobble = QueuedScrobble {
        media: item.into_media(kind, content_id)?,
        server: ServerRef::unnamed(Source::Queue),
        watched_at,
        started_at,
        progress_percent: within("progress_percent", head.progress_percent, 0.0, 100.0)?,
        received_at: now,
        action: QueuedAction::Scrobble,
        position: position(head.position_ms)?,
        play: None,
    };
    Ok(Asked {
        scrobble,
        player: text("player_id", head.player_id)?,
    })
}

fn live_event(action: Action, asked: Asked, now: DateTime<Utc>) -> Event {
    let scrobble = asked.scrobble;
    let at = scrobble.watched_at.unwrap_or(now);
    let mut event = Event::new(scrobble.server, action, scrobble.media, at);
    event.received_at = now;
    event.position = scrobble.position;
    event.progress_percent = scrobble.progress_percent;
    event.player.id = asked.player;
    event.flags.offline = now - at > MOST_CLOCK_DIFFERENCE;
    event
}

/// Makes sure that a service that was named can get the play.
async fn check_service(
    state: &ApiState,
    user: UserId,
    service: Service,
    kind: ItemKind,
) -> Result<(), Problem> {
    if !service.takes(kind) && !service.takes_on_request(kind) {
        return Err(
            Problem::impossible(format!("{} takes no {kind}.", service.title())).at("service"),
        );
    }
    let connection = state.table.connection(user, service).await?;
    match connection {
        None => {
            Err(Problem::impossible(format!("{} is not connected.", service.title())).at("service"))
        }
        Some(stored) if !stored.connection.settings.enabled => Err(Problem::impossible(format!(
            "The connection to {} is switched off.",
            service.title()
        ))
        .at("service")),
        Some(stored) if !stored.connection.settings.takes(service, kind) => {
            Err(Problem::impossible(format!(
                "The connection to {} takes a {kind} only once you switch that on.",
                service.title()
            ))
            .at("service"))
        }
        Some(_) => Ok(()),
    }
}

/// Queues a finished play, and says which play it is.
async fn queue_play(
    state: &ApiState,
    user: UserId,
    mut scrobble: QueuedScrobble,
    services: Option<Vec<Service>>,
) -> Result<PlayId, Problem> {
    let play_id = foresee(state, user, &scrobble, ROAD).await?;
    scrobble.play = Some(play_id.clone());
    let mut message = EventMessage::new(user, ROAD, Incoming::Scrobble(Box::new(scrobble)));
    message.services = services;
    state.queues.send_events(&[message]).await?;
    tracing::info!(user.id = %user, play.id = %play_id, "a scrobble was queued");
    Ok(play_id)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn asked(json: &str) -> Result<Asked, Option<String>> {
        let (head, item): (QueueHead, ItemBody) = (
            parse(json.as_bytes()).unwrap(),
            parse(json.as_bytes()).unwrap(),
        );
        let checked = only_service(&head).and_then(|_| match says(&head)? {
            Some(says) => said(head, item, says, now()).map(|_| None),
            None => scrobble(head, item, now()).map(Some),
        });
        let checked = checked.map(|asked| asked.expect("a scrobble"));
        checked.map_err(|problem| problem.field_name().map(str::to_owned))
    }

    #[test]
    fn a_scrobble_is_a_finished_play_with_its_true_time() {
        let asked = asked(
            r#"{"content_type":"movie","content_id":"77","title":"The Matrix","year":1999,"duration_ms":8160000,
                "watched_at":"2027-01-15T09:00:00+01:00","external_ids":{"imdb":"tt0133093"},"service":"trakt"}"#,
        )
        .unwrap();
        assert_eq!(asked.scrobble.watched_at, Some(now()));
        assert_eq!(asked.scrobble.media.content_id.as_deref(), Some("77"));
        assert_eq!(
            asked.scrobble.interval(),
            (now() - TimeDelta::minutes(136), now())
        );
    }

    #[test]
    fn a_live_signal_is_an_event() {
        let asked = asked(r#"{"action":"pause","item_type":"track","title":"Jóga","artist":"Björk","position_ms":5}"#).unwrap();
        let event = live_event(Action::Pause, asked, now());
        assert_eq!(
            (event.server.source, event.action, event.occurred_at),
            (Source::Queue, Action::Pause, now())
        );
        assert_eq!(event.position, Some(TimeDelta::milliseconds(5)));
    }

    #[test]
    fn what_cannot_be_queued_is_refused_with_its_field() {
        for (json, field) in [
            (r#"{"title":"x"}"#, "content_type"),
            (r#"{"content_type":"show","title":"x"}"#, "content_type"),
            (r#"{"content_type":"movie"}"#, "title"),
            (
                r#"{"content_type":"movie","title":"x","service":"netflix"}"#,
                "service",
            ),
            (
                r#"{"content_type":"movie","title":"x","service":"trakt","connection_id":"lastfm"}"#,
                "connection_id",
            ),
            (
                r#"{"content_type":"movie","title":"x","watched_at":"2027-01-15"}"#,
                "watched_at",
            ),
            (
                r#"{"content_type":"movie","title":"x","watched_at":"2028-01-15T00:00:00Z"}"#,
                "watched_at",
            ),
            (
                r#"{"content_type":"movie","title":"x","watched_at":"2026-01-15T00:00:00Z","started_at":"2026-01-16T00:00:00Z"}"#,
                "started_at",
            ),
            (
                r#"{"content_type":"movie","title":"x","action":"rate"}"#,
                "rating",
            ),
            (
                r#"{"content_type":"movie","title":"x","action":"rate","rating":11}"#,
                "rating",
            ),
            (r#"{"title":"x","action":"love"}"#, "content_type"),
        ] {
            assert_eq!(asked(json).unwrap_err().as_deref(), Some(field), "{json}");
        }
    }
}
