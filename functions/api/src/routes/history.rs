//! `GET /api/v1/scrobble/history`: the user's plays, each with what became of it at every service.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use hub_domain::anime::Catalogue;
use hub_domain::delivery::Candidate;
use hub_domain::{Delivery, ItemKind, Play, Precision, Service};
use hub_store::{Cursor, Filter, Page};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ApiState;
use crate::body::Query;
use crate::caller::ForUser;
use crate::problem::Problem;
use crate::wire::item::ItemView;
use crate::wire::moment;

/// The most plays of one page.
const MOST_PLAYS: i32 = 200;
/// The plays of a page unless the caller says otherwise.
const PLAYS: i32 = 50;

/// Which plays.
#[derive(Debug, Default, Deserialize, IntoParams)]
pub(crate) struct HistoryQuery {
    /// Where the page before ended.
    cursor: Option<String>,
    /// The most plays of a page, 1 to 200; 50 if it is left out.
    limit: Option<i32>,
    /// Those with a delivery to this service.
    service: Option<String>,
    /// Those of a kind: `movie`, `episode`, `track`, `podcast_episode` or `book`.
    kind: Option<String>,
    /// Those that began then or later, with the offset.
    from: Option<String>,
    /// Those that began then or earlier, with the offset.
    to: Option<String>,
}

/// A page of plays, newest first; may be short, even empty, while there is a next one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct History {
    items: Vec<PlayView>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A play.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Play)]
pub(crate) struct PlayView {
    id: String,
    #[serde(flatten)]
    item: ItemView,
    /// When it began, as well as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<DateTime<Utc>>,
    /// When it counted as played.
    #[serde(skip_serializing_if = "Option::is_none")]
    watched_at: Option<DateTime<Utc>>,
    /// How exactly its time is known: `second`, `minute`, `day` or `unknown`.
    #[schema(value_type = String)]
    precision: Precision,
    /// A person marked it by hand.
    manual: bool,
    /// Its user took it back then.
    #[serde(skip_serializing_if = "Option::is_none")]
    removed_at: Option<DateTime<Utc>>,
    /// Who reported it.
    reported_by: Vec<String>,
    deliveries: Vec<DeliveryView>,
}

/// What became of a play at one service.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryView {
    #[schema(value_type = String)]
    service: Service,
    /// `held`, `pending`, `sending`, `waiting`, `in_doubt`, `delivered`, `already_there`, `ignored`, `not_found`,
    /// `refused` or `removed`.
    state: &'static str,
    /// How many tries failed.
    attempts: u32,
    /// Why it stands there, in the service's own words where it has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<DateTime<Utc>>,
    /// The service's id of the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_id: Option<String>,
    /// It is being taken back there, because its user removed the play.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    undo: bool,
    /// What it may be at an anime list: `PUT /api/v1/anime/overrides` takes the one that is right, and a retry follows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<CandidateView>,
}

/// What an item may be at an anime list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Candidate)]
pub(crate) struct CandidateView {
    /// The entry at AniList.
    #[serde(skip_serializing_if = "Option::is_none")]
    anilist: Option<u32>,
    /// The entry at MyAnimeList.
    #[serde(skip_serializing_if = "Option::is_none")]
    myanimelist: Option<u32>,
    /// The episode of it, where one is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    episode: Option<u32>,
    /// Its page.
    url: String,
    /// Why it may be this one.
    why: String,
}

impl CandidateView {
    fn of(candidate: Candidate) -> Self {
        let id = candidate.entry.id;
        let (anilist, myanimelist, url) = match candidate.entry.catalogue {
            Catalogue::AniList => (Some(id), None, format!("https://anilist.co/anime/{id}")),
            Catalogue::MyAnimeList => (
                None,
                Some(id),
                format!("https://myanimelist.net/anime/{id}"),
            ),
        };
        Self {
            anilist,
            myanimelist,
            episode: candidate.episode,
            url,
            why: candidate.why,
        }
    }
}

impl DeliveryView {
    pub(crate) fn of(service: Service, delivery: Delivery) -> Self {
        Self {
            service,
            state: delivery.state.name(),
            attempts: delivery.attempts,
            detail: delivery.detail,
            next_attempt_at: delivery.next_attempt_at,
            settled_at: delivery.settled_at,
            remote_id: delivery.remote_id,
            undo: delivery.undo,
            candidates: delivery
                .candidates
                .into_iter()
                .map(CandidateView::of)
                .collect(),
        }
    }
}

impl PlayView {
    pub(crate) fn of(play: Play) -> Self {
        let mut reported_by: Vec<String> = Vec::new();
        for sighting in play.sightings {
            // A session's key begins with its source; the rest of it is nobody's business.
            let road = sighting
                .road
                .split('#')
                .next()
                .unwrap_or_default()
                .to_owned();
            if !reported_by.contains(&road) {
                reported_by.push(road);
            }
        }
        Self {
            id: play.id.to_string(),
            item: ItemView::of(play.media),
            started_at: play.started_at,
            watched_at: play.watched_at,
            precision: play.precision,
            manual: play.manual,
            removed_at: play.removed_at,
            reported_by,
            deliveries: play
                .deliveries
                .into_iter()
                .map(|(service, delivery)| DeliveryView::of(service, delivery))
                .collect(),
        }
    }
}

/// Lists the user's plays, newest first.
#[utoipa::path(
    get, path = "/api/v1/scrobble/history", tag = "history", params(HistoryQuery),
    responses((status = 200, description = "A page of plays", body = History))
)]
pub(crate) async fn history(
    State(state): State<ApiState>,
    caller: ForUser,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<History>, Problem> {
    let (page, filter) = read(&query)?;
    let (plays, next) = state.table.history(caller.user, &page, &filter).await?;
    let items = plays.into_iter().map(PlayView::of).collect();
    Ok(Json(History {
        items,
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}

fn read(query: &HistoryQuery) -> Result<(Page, Filter), Problem> {
    let limit = query.limit.unwrap_or(PLAYS);
    if !(1..=MOST_PLAYS).contains(&limit) {
        return Err(Problem::field(
            "limit",
            format!("A number from 1 to {MOST_PLAYS} is expected."),
        ));
    }
    let cursor = query
        .cursor
        .as_deref()
        .map(str::parse::<Cursor>)
        .transpose();
    let cursor =
        cursor.map_err(|_| Problem::field("cursor", "This is no cursor that the hub gave."))?;
    let service = query.service.as_deref().map(super::service).transpose()?;
    let kind = query
        .kind
        .as_deref()
        .map(str::parse::<ItemKind>)
        .transpose();
    let kind = kind.map_err(|_| {
        Problem::field(
            "kind",
            "Expected here: movie, episode, track, podcast_episode or book.",
        )
    })?;
    let filter = Filter {
        service,
        kind,
        from: moment("from", query.from.as_deref())?,
        to: moment("to", query.to.as_deref())?,
    };
    Ok((Page { limit, cursor }, filter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(query: &HistoryQuery) -> (u16, Option<String>) {
        let problem = read(query).unwrap_err();
        (
            problem.status().as_u16(),
            problem.field_name().map(str::to_owned),
        )
    }

    #[test]
    fn a_page_is_asked_for_in_words_that_are_checked() {
        let (page, filter) = read(&HistoryQuery::default()).unwrap();
        assert_eq!(
            (page, filter),
            (
                Page {
                    limit: PLAYS,
                    cursor: None
                },
                Filter::default()
            )
        );
        let some = |text: &str| Some(text.to_owned());
        let query = HistoryQuery {
            service: some("trakt"),
            kind: some("movie"),
            from: some("2026-11-20T00:00:00+01:00"),
            ..HistoryQuery::default()
        };
        let (_, filter) = read(&query).unwrap();
        assert_eq!(
            (filter.service, filter.kind),
            (Some(Service::Trakt), Some(ItemKind::Movie))
        );
        let field = |name: &str| (400, some(name));
        assert_eq!(
            refused(&HistoryQuery {
                limit: Some(0),
                ..Default::default()
            }),
            field("limit")
        );
        assert_eq!(
            refused(&HistoryQuery {
                limit: Some(201),
                ..Default::default()
            }),
            field("limit")
        );
        assert_eq!(
            refused(&HistoryQuery {
                cursor: some("x"),
                ..Default::default()
            }),
            field("cursor")
        );
        assert_eq!(
            refused(&HistoryQuery {
                kind: some("film"),
                ..Default::default()
            }),
            field("kind")
        );
        assert_eq!(
            refused(&HistoryQuery {
                to: some("2026-11-20"),
                ..Default::default()
            }),
            field("to")
        );
        assert_eq!(
            refused(&HistoryQuery {
                service: some("x"),
                ..Default::default()
            })
            .0,
            404
        );
    }
}
