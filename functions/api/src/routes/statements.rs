//! `/api/v1/ratings` and `/api/v1/lists/{list}`: what a user says of items, and who has been told.
//!
//! Saying something, and taking it back, is accepted and told to the services by the same road as a play. An item that
//! nobody knows yet is no mistake: it waits for its ids.

use axum::Json;
use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use http::StatusCode;
use hub_domain::rating::{Feeling, Rating};
use hub_domain::{Aspect, Says, ServerRef, Service, Source, Statement, UserId};
use hub_runtime::queue::{EventMessage, Incoming, Said};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::history::DeliveryView;
use crate::ApiState;
use crate::body::{JsonBytes, Query, parse, parse_object};
use crate::caller::ForUser;
use crate::forward::Taken;
use crate::problem::Problem;
use crate::wire::event::{MOST_EVENTS, occurred_at, review};
use crate::wire::item::{ItemBody, ItemView};

/// The most statements of one page.
const MOST: i32 = 200;
/// The statements of a page unless the caller says otherwise.
const USUAL: i32 = 50;
/// The road's name.
const ROAD: &str = "statement";

/// Which statements.
#[derive(Debug, Default, Deserialize, IntoParams)]
pub(crate) struct StatementsQuery {
    /// Where the page before ended.
    cursor: Option<String>,
    /// The most of a page, 1 to 200; 50 if it is left out.
    limit: Option<i32>,
    /// Those with a delivery to this service.
    service: Option<String>,
    /// Those with a delivery in this state, such as `refused`: what a service's limit has no room for.
    state: Option<String>,
}

/// A page of what a user says, in the order of the items' names; may be short, even empty, while there is a next one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Statements {
    items: Vec<StatementView>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// What a user says of an item.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Statement)]
pub(crate) struct StatementView {
    #[serde(flatten)]
    item: ItemView,
    /// The rating, 0 to 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    rating: Option<f64>,
    /// What was written about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    review: Option<String>,
    /// `loved` or `hated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    feeling: Option<Feeling>,
    /// It was taken back; shown while that has to be told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    taken_back: bool,
    /// Since when.
    since: DateTime<Utc>,
    deliveries: Vec<DeliveryView>,
}

impl StatementView {
    fn of(statement: Statement) -> Self {
        let (rating, review, feeling) = match &statement.says {
            Some(Says::Rated { rating, review }) => (Some(rating.points()), review.clone(), None),
            Some(Says::Felt(feeling)) => (None, None, Some(*feeling)),
            Some(Says::Listed) | None => (None, None, None),
        };
        Self {
            item: ItemView::of(statement.media),
            rating,
            review,
            feeling,
            taken_back: statement.says.is_none(),
            since: statement.since,
            deliveries: statement
                .deliveries
                .into_iter()
                .map(|(service, delivery)| DeliveryView::of(service, delivery))
                .collect(),
        }
    }
}

/// What is said, without the item.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = WhatIsSaid)]
pub(crate) struct StatementHead {
    /// The rating, decimals kept.
    #[schema(minimum = 0, maximum = 10)]
    rating: Option<f64>,
    /// What was written about it, with a rating: at most 20,000 characters.
    review: Option<String>,
    /// `loved`, or `hated`, for the list `loved`; loved if it is left out.
    #[schema(value_type = Option<String>)]
    feeling: Option<Feeling>,
    /// Since when, with its offset; now if it is left out.
    #[serde(alias = "since", alias = "rated_at", alias = "listed_at")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    occurred_at: Option<String>,
}

/// What is said and the item it is said of, side by side; also an array of up to 100.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Say)]
#[expect(
    dead_code,
    reason = "the form that is documented; it is read as its two halves"
)]
pub(crate) struct SayBody {
    #[serde(flatten)]
    what: StatementHead,
    #[serde(flatten)]
    item: ItemBody,
}

/// Lists the user's ratings.
#[utoipa::path(
    get, path = "/api/v1/ratings", tag = "lists", params(StatementsQuery),
    responses((status = 200, description = "A page of ratings", body = Statements))
)]
pub(crate) async fn ratings(
    State(state): State<ApiState>,
    caller: ForUser,
    Query(query): Query<StatementsQuery>,
) -> Result<Json<Statements>, Problem> {
    page(&state, caller.user, Aspect::Rating, &query).await
}

/// Rates items.
#[utoipa::path(
    put, path = "/api/v1/ratings", tag = "lists", request_body = SayBody,
    responses((status = 202, description = "Kept, and told to the services", body = Taken))
)]
pub(crate) async fn rate(
    State(state): State<ApiState>,
    caller: ForUser,
    JsonBytes(bytes): JsonBytes,
) -> Result<(StatusCode, Json<Taken>), Problem> {
    say(&state, caller.user, Aspect::Rating, &bytes, true).await
}

/// Takes ratings back.
#[utoipa::path(
    delete, path = "/api/v1/ratings", tag = "lists", request_body = SayBody,
    responses((status = 202, description = "Taken back, and told to the services", body = Taken))
)]
pub(crate) async fn unrate(
    State(state): State<ApiState>,
    caller: ForUser,
    JsonBytes(bytes): JsonBytes,
) -> Result<(StatusCode, Json<Taken>), Problem> {
    say(&state, caller.user, Aspect::Rating, &bytes, false).await
}

/// Lists what is on one of the user's lists.
#[utoipa::path(
    get, path = "/api/v1/lists/{list}", tag = "lists",
    params(("list" = String, Path, description = "`watchlist`, `collection` or `loved`"), StatementsQuery),
    responses((status = 200, description = "A page of the list", body = Statements))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: ForUser,
    Path(list): Path<String>,
    Query(query): Query<StatementsQuery>,
) -> Result<Json<Statements>, Problem> {
    page(&state, caller.user, aspect(&list)?, &query).await
}

/// Puts items on a list.
#[utoipa::path(
    put, path = "/api/v1/lists/{list}", tag = "lists", request_body = SayBody,
    params(("list" = String, Path, description = "`watchlist`, `collection` or `loved`")),
    responses((status = 202, description = "Kept, and told to the services", body = Taken))
)]
pub(crate) async fn put(
    State(state): State<ApiState>,
    caller: ForUser,
    Path(list): Path<String>,
    JsonBytes(bytes): JsonBytes,
) -> Result<(StatusCode, Json<Taken>), Problem> {
    say(&state, caller.user, aspect(&list)?, &bytes, true).await
}

/// Takes items from a list.
#[utoipa::path(
    delete, path = "/api/v1/lists/{list}", tag = "lists", request_body = SayBody,
    params(("list" = String, Path, description = "`watchlist`, `collection` or `loved`")),
    responses((status = 202, description = "Taken from it, and told to the services", body = Taken))
)]
pub(crate) async fn take(
    State(state): State<ApiState>,
    caller: ForUser,
    Path(list): Path<String>,
    JsonBytes(bytes): JsonBytes,
) -> Result<(StatusCode, Json<Taken>), Problem> {
    say(&state, caller.user, aspect(&list)?, &bytes, false).await
}

/// The list that an address names; what is being read follows from what is played.
fn aspect(list: &str) -> Result<Aspect, Problem> {
    match list.parse() {
        Ok(aspect @ (Aspect::Watchlist | Aspect::Collection | Aspect::Loved)) => Ok(aspect),
        Ok(Aspect::Rating | Aspect::Reading) | Err(_) => Err(Problem::not_found(
            "The lists: watchlist, collection, loved.",
        )),
    }
}

async fn page(
    state: &ApiState,
    user: UserId,
    aspect: Aspect,
    query: &StatementsQuery,
) -> Result<Json<Statements>, Problem> {
    let limit = query.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::field(
            "limit",
            format!("A number from 1 to {MOST} is expected."),
        ));
    }
    let service = query.service.as_deref().map(super::service).transpose();
    let service = service.map_err(|_| {
        Problem::field(
            "service",
            format!("The services: {}.", super::service_names()),
        )
    })?;
    let (statements, next_cursor) = state
        .table
        .statement_page(user, aspect, limit, query.cursor.as_deref())
        .await?;
    let items = statements
        .into_iter()
        .filter(|statement| is_asked_for(statement, service, query.state.as_deref()))
        .map(StatementView::of)
        .collect();
    Ok(Json(Statements { items, next_cursor }))
}

/// What was taken back is shown while it has to be told, or when a state is asked for.
fn is_asked_for(statement: &Statement, service: Option<Service>, state: Option<&str>) -> bool {
    let delivers = statement.deliveries.iter().any(|(at, delivery)| {
        service.is_none_or(|service| service == *at)
            && state.is_none_or(|state| state == delivery.state.name())
    });
    match (service, state) {
        (None, None) => statement.says.is_some() || statement.is_open(),
        (Some(_), None) => delivers && (statement.says.is_some() || statement.is_open()),
        (_, Some(_)) => delivers,
    }
}

async fn say(
    state: &ApiState,
    user: UserId,
    aspect: Aspect,
    bytes: &[u8],
    is_said: bool,
) -> Result<(StatusCode, Json<Taken>), Problem> {
    let now = state.clock.now();
    let said = read(aspect, bytes, is_said, now)?;
    let messages: Vec<EventMessage> = said
        .into_iter()
        .map(|said| EventMessage::new(user, ROAD, Incoming::Statement(Box::new(said))))
        .collect();
    state.queues.send_events(&messages).await?;
    Ok((StatusCode::ACCEPTED, Json(Taken::whole(messages.len()))))
}

/// Reads one statement, or an array of at most [`MOST_EVENTS`].
fn read(
    aspect: Aspect,
    bytes: &[u8],
    is_said: bool,
    now: DateTime<Utc>,
) -> Result<Vec<Said>, Problem> {
    let is_array = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let (heads, items): (Vec<StatementHead>, Vec<ItemBody>) = if is_array {
        (parse(bytes)?, parse(bytes)?)
    } else {
        (vec![parse_object(bytes)?], vec![parse(bytes)?])
    };
    if heads.len() > MOST_EVENTS {
        return Err(Problem::bad_request(format!(
            "At most {MOST_EVENTS} items are taken at once."
        )));
    }
    let read_one = |(place, (head, item)): (usize, (StatementHead, ItemBody))| {
        let outer = if is_array {
            format!("[{place}]")
        } else {
            String::new()
        };
        said(aspect, head, item, is_said, now).map_err(|problem| problem.within(&outer))
    };
    heads
        .into_iter()
        .zip(items)
        .enumerate()
        .map(read_one)
        .collect()
}

fn said(
    aspect: Aspect,
    head: StatementHead,
    item: ItemBody,
    is_said: bool,
    now: DateTime<Utc>,
) -> Result<Said, Problem> {
    let kind = item
        .kind()
        .ok_or_else(|| Problem::field("item_type", "This field is needed."))?;
    let says = match aspect {
        _ if !is_said => None,
        Aspect::Rating => Some(Says::Rated {
            rating: rating(head.rating)?,
            review: review(head.review)?,
        }),
        Aspect::Loved => Some(Says::Felt(head.feeling.unwrap_or(Feeling::Loved))),
        Aspect::Watchlist | Aspect::Collection | Aspect::Reading => Some(Says::Listed),
    };
    Ok(Said {
        aspect,
        media: item.into_media(kind, None)?,
        server: ServerRef::unnamed(Source::Canonical),
        says,
        since: occurred_at(head.occurred_at.as_deref(), now)?,
    })
}

/// A rating that has to be there.
pub(crate) fn rating(points: Option<f64>) -> Result<Rating, Problem> {
    let wrong = || Problem::field("rating", "A rating needs a number from 0 to 10.");
    Rating::new(points.ok_or_else(wrong)?).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn read_one(aspect: Aspect, json: &str, is_said: bool) -> Result<Said, Option<String>> {
        read(aspect, json.as_bytes(), is_said, now())
            .map(|mut said| said.remove(0))
            .map_err(|problem| problem.field_name().map(str::to_owned))
    }

    #[test]
    fn a_rating_keeps_its_decimals_its_review_and_its_day() {
        let said = read_one(
            Aspect::Rating,
            r#"{"item_type":"book","title":"Dune","author":"Frank Herbert","rating":8.7,"review":" Sand. ",
                "rated_at":"2027-01-14T08:00:00Z"}"#,
            true,
        )
        .unwrap();
        let review = Some("Sand.".to_owned());
        let rating = Rating::new(8.7).unwrap();
        assert_eq!(said.says, Some(Says::Rated { rating, review }));
        assert_eq!(said.since, now() - chrono::TimeDelta::days(1));
    }

    #[test]
    fn hate_is_said_with_a_word_and_taking_back_says_nothing() {
        let hated = r#"{"item_type":"track","title":"x","artist":"y","feeling":"hated"}"#;
        let said = read_one(Aspect::Loved, hated, true).unwrap();
        assert_eq!(said.says, Some(Says::Felt(Feeling::Hated)));
        assert_eq!(read_one(Aspect::Loved, hated, false).unwrap().says, None);
    }

    #[test]
    fn what_cannot_be_said_is_refused_with_its_field() {
        for (aspect, json, field) in [
            (Aspect::Rating, r#"{"title":"x"}"#, "item_type"),
            (
                Aspect::Rating,
                r#"{"item_type":"movie","title":"x"}"#,
                "rating",
            ),
            (
                Aspect::Rating,
                r#"[{"item_type":"movie","title":"x","rating":10.1}]"#,
                "[0].rating",
            ),
            (Aspect::Watchlist, r#"{"item_type":"movie"}"#, "title"),
            (
                Aspect::Loved,
                r#"{"item_type":"track","title":"x","feeling":"meh"}"#,
                "feeling",
            ),
            (
                Aspect::Watchlist,
                r#"{"item_type":"show","title":"x","occurred_at":"2028-01-01T00:00:00Z"}"#,
                "occurred_at",
            ),
        ] {
            let refused = read_one(aspect, json, true).unwrap_err();
            assert_eq!(refused.as_deref(), Some(field), "{json}");
        }
        assert!(aspect("rating").is_err() && aspect("reading").is_err());
    }
}
