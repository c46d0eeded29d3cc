//! `/api/v1/library/items`: what the media server owns, and by which ids the world knows it.
//!
//! Under the server's token it is the media server's library, which serves every user; under a user's own token it is a
//! library that serves that user alone, and goes before the other.

use std::collections::HashSet;

use axum::Json;
use axum::extract::{Path, State};
use futures_util::future::try_join_all;
use http::StatusCode;
use hub_domain::{MediaItem, UserId};
use hub_runtime::queue::{EventMessage, Incoming};
use hub_store::{Freshness, Library, Shelved};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::body::{JsonBytes, parse};
use crate::caller::ForLibrary;
use crate::problem::Problem;
use crate::wire::item::{ItemBody, ItemView};

/// The most items of one request.
const MOST_ITEMS: usize = hub_store::library::MOST_ITEMS;
/// How many items are asked at once whether somebody waits for them.
const AT_ONCE: usize = 20;
/// The road's name.
const ROAD: &str = "library";

/// What became of items that were told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LibraryKept)]
pub(crate) struct Kept {
    /// So many are new, or other than before.
    stored: usize,
    /// So many were known like that.
    unchanged: usize,
}

/// Tells of items, at most 100 at once. All are taken, or none.
///
/// Each with its `item_id` and `item_type`, and with a title or an id by which the world knows it. Telling the same again
/// changes nothing. What waits for one of them, since its event named nothing but the `item_id`, goes out.
#[utoipa::path(
    put, path = "/api/v1/library/items", tag = "library", request_body = Vec<ItemBody>,
    responses((status = 200, description = "Kept", body = Kept))
)]
pub(crate) async fn put(
    State(state): State<ApiState>,
    caller: ForLibrary,
    JsonBytes(bytes): JsonBytes,
) -> Result<Json<Kept>, Problem> {
    let items = read(&bytes)?;
    let Shelved { stored, unchanged } = state
        .table
        .put_library_items(&caller.library, &items)
        .await?;
    // Asked of those that were known, too: a call that was cut short is repeated, and wakes what it left asleep.
    wake(&state, &caller.library, &items).await?;
    Ok(Json(Kept { stored, unchanged }))
}

/// Tells one item.
#[utoipa::path(
    get, path = "/api/v1/library/items/{item_id}", tag = "library",
    params(("item_id" = String, Path, description = "The media server's own id of it")),
    responses((status = 200, description = "The item", body = ItemView))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: ForLibrary,
    Path(item_id): Path<String>,
) -> Result<Json<ItemView>, Problem> {
    let now = Freshness::Now;
    let found = match &caller.library {
        // Under a user's own token it is what serves that user.
        Library::Of(user) => state.table.library_item(*user, &item_id, now).await?,
        library @ Library::Shared => {
            let mut items = state
                .table
                .library_items(library, &[item_id.as_str()], now)
                .await?;
            items.remove(&item_id)
        }
    };
    found
        .map(|media| Json(ItemView::of(media)))
        .ok_or_else(no_such_item)
}

/// Forgets one item. What was played of it stays.
#[utoipa::path(
    delete, path = "/api/v1/library/items/{item_id}", tag = "library",
    params(("item_id" = String, Path, description = "The media server's own id of it")),
    responses((status = 204, description = "Forgotten"))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: ForLibrary,
    Path(item_id): Path<String>,
) -> Result<StatusCode, Problem> {
    let was_there = state
        .table
        .delete_library_item(&caller.library, &item_id)
        .await?;
    if was_there {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(no_such_item())
    }
}

fn no_such_item() -> Problem {
    Problem::not_found("The library has no such item.")
}

/// Reads the items, each complete enough to be found by.
fn read(bytes: &[u8]) -> Result<Vec<MediaItem>, Problem> {
    let bodies: Vec<ItemBody> = parse(bytes)?;
    if bodies.len() > MOST_ITEMS {
        return Err(Problem::bad_request(format!(
            "At most {MOST_ITEMS} items are taken at once."
        )));
    }
    let mut seen = HashSet::with_capacity(bodies.len());
    let items = bodies.into_iter().enumerate().map(|(place, body)| {
        let item = item(body).and_then(|item| {
            if seen.insert(item.content_id.clone()) {
                Ok(item)
            } else {
                Err(Problem::field("item_id", "This item is there twice."))
            }
        });
        item.map_err(|problem| problem.within(&format!("[{place}]")))
    });
    items.collect()
}

fn item(body: ItemBody) -> Result<MediaItem, Problem> {
    let needed = |field| Problem::field(field, "This field is needed.");
    let kind = body.kind().ok_or_else(|| needed("item_type"))?;
    let item = body.into_media(kind, None)?;
    if item.content_id.is_none() {
        return Err(needed("item_id"));
    }
    if item.is_nameless() {
        return Err(Problem::field(
            "title",
            "An item of the library needs a title or an external id to be known by.",
        ));
    }
    Ok(item)
}

/// Sends each user for whom something waits on its way to where it is carried on.
async fn wake(state: &ApiState, library: &Library, items: &[MediaItem]) -> Result<(), Problem> {
    let ids: Vec<&str> = items
        .iter()
        .filter_map(|item| item.content_id.as_deref())
        .collect();
    for some in ids.chunks(AT_ONCE) {
        let mut asked = Vec::with_capacity(some.len());
        for id in some {
            asked.push(state.table.who_waits(library, id));
        }
        let waiting: Vec<Vec<UserId>> = try_join_all(asked).await?;
        let messages: Vec<EventMessage> = some
            .iter()
            .zip(waiting)
            .flat_map(|(id, users)| users.into_iter().map(move |user| arrived(user, id)))
            .collect();
        state.queues.send_events(&messages).await?;
    }
    Ok(())
}

/// The message that a user's things wait for no longer.
pub(crate) fn arrived(user: UserId, content_id: &str) -> EventMessage {
    let content_id = content_id.to_owned();
    EventMessage::new(user, ROAD, Incoming::Arrived { content_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> Option<String> {
        let problem = read(json.as_bytes()).unwrap_err();
        assert_eq!(problem.status().as_u16(), 400);
        problem.field_name().map(str::to_owned)
    }

    #[test]
    fn an_item_needs_an_id_a_kind_and_something_to_be_known_by() {
        let fine = r#"{"item_id":"1","item_type":"movie","title":"x"}"#;
        for (json, field) in [
            (
                format!("[{fine},{{\"item_id\":\"2\",\"title\":\"x\"}}]"),
                Some("[1].item_type"),
            ),
            (
                format!(r#"[{fine},{{"item_type":"movie","title":"x"}}]"#),
                Some("[1].item_id"),
            ),
            (
                format!(r#"[{fine},{{"item_type":"movie","title":"x","item_id":" "}}]"#),
                Some("[1].item_id"),
            ),
            (
                format!(r#"[{fine},{{"item_type":"movie","item_id":"2"}}]"#),
                Some("[1].title"),
            ),
            (
                format!(
                    r#"[{fine},{{"item_type":"show","item_id":"2","external_ids":{{"imdb":"x"}}}}]"#
                ),
                Some("[1].external_ids.imdb"),
            ),
            (format!("[{fine},{fine}]"), Some("[1].item_id")),
            (format!("[{}]", vec![fine; 101].join(",")), None),
            (fine.to_owned(), None),
        ] {
            assert_eq!(refused(&json).as_deref(), field, "{json}");
        }
    }

    #[test]
    fn a_show_may_be_told_without_a_title() {
        let json = r#"[{"item_id":"1","item_type":"show","external_ids":{"tvdb":79168}}]"#;
        assert_eq!(read(json.as_bytes()).unwrap().len(), 1);
        assert!(read(b"[]").unwrap().is_empty());
    }
}
