//! `POST /api/v1/webhooks/{source}/{token}`: what media servers really post.
//!
//! The bytes are judged, whatever their type is said to be. The answer is 2xx for everything that can be read, since a
//! media server does nothing better about an error than to stop sending.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use hub_domain::{Source, UserId};
use hub_sources::{Ignored, Translated, translate};
use hub_store::{ApiToken, TokenScope};

use crate::ApiState;
use crate::admitted::Posted;
use crate::caller::token_of;
use crate::forward::{Taken, hand_in_for};
use crate::problem::Problem;

/// Takes what a media server posts: Plex, Jellyfin, Emby, Tautulli or Kodi.
///
/// The token in the address is one of scope ingest. Events of accounts that nobody has claimed are set aside for 30
/// days; what is not about playback is ignored, with the reason.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{source}/{token}", tag = "events",
    params(
        ("source" = String, Path, description = "plex, jellyfin, emby, tautulli or kodi"),
        ("token" = String, Path, description = "An ingest token"),
    ),
    request_body(content = Vec<u8>, content_type = "*/*", description = "What the media server posts"),
    responses((status = 202, description = "Taken, set aside or ignored", body = Taken)),
    security(())
)]
pub(crate) async fn webhook(
    State(state): State<ApiState>,
    Path((source, word)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Taken>), Problem> {
    let source = webhook_source(&source)?;
    let now = state.clock.now();
    let road = format!("webhook:{source}");
    let posted = Posted::with_token(&word, road.as_str());
    let known = posted
        .as_ref()
        .filter(|posted| state.admitted.is_known(posted, now));
    let mut token = None;
    if known.is_none() {
        token = Some((token_for(&state, &word, source).await?, now));
    }
    let bytes = crate::body::read(&headers, body, state.settings.max_body_bytes).await;
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let translated = bytes.map(|bytes| translate(source, content_type, &bytes, now));
    if let (Some(posted), Ok(Ok(Translated::Events(events)))) = (known, &translated)
        && state.is_all_dropped(posted, events)
    {
        tracing::debug!(road, "progress that decides nothing was dropped");
        return Ok((StatusCode::ACCEPTED, Json(Taken::whole(events.len()))));
    }
    // Whoever is not known any more hears that first, whatever they sent.
    let (token, read_at) = match token {
        Some(read) => read,
        None => {
            let now = state.clock.now();
            (token_for(&state, &word, source).await?, now)
        }
    };
    let read = posted.as_ref().map(|posted| (posted, read_at));
    let translated = translated?.map_err(|error| {
        tracing::info!(user.id = %token.user, %source, field = error.field, "a webhook's body could not be read");
        let problem = Problem::bad_request(sentence(&error.message));
        error.field.into_iter().fold(problem, Problem::at)
    })?;
    let taken = match translated {
        Translated::Events(events) => hand_in_for(&state, &token, events, &road, read).await?,
        Translated::Ignored { reason } => {
            note_ignored(&state, token.user, source, &reason).await;
            Taken {
                ignored: 1,
                reason: Some(reason.to_string()),
                ..Taken::default()
            }
        }
    };
    Ok((StatusCode::ACCEPTED, Json(taken)))
}

/// The token of a source's address, read now.
async fn token_for(state: &ApiState, word: &str, source: Source) -> Result<ApiToken, Problem> {
    let token = token_of(state, word)
        .await?
        .ok_or_else(Problem::unauthorized)?;
    check(&token, source)?;
    Ok(token)
}

/// A message as a sentence.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(char::to_uppercase);
    first
        .into_iter()
        .flatten()
        .chain(letters)
        .chain(['.'])
        .collect()
}

/// The source that an address names.
pub(crate) fn webhook_source(name: &str) -> Result<Source, Problem> {
    let found = Source::WEBHOOKS
        .into_iter()
        .find(|source| source.name() == name);
    found.ok_or_else(|| {
        let known: Vec<&str> = Source::WEBHOOKS
            .iter()
            .map(|source| source.name())
            .collect();
        Problem::not_found(format!("There are webhooks for {}.", known.join(", ")))
    })
}

/// Says whether a token may stand in the address of a source.
fn check(token: &ApiToken, source: Source) -> Result<(), Problem> {
    match token.scope {
        // Addresses end up in logs and settings pages: a token that may do everything has no place there.
        TokenScope::Full => Err(Problem::forbidden(
            "A webhook's address takes a token of scope ingest; make one with POST /api/v1/user/tokens.",
        )),
        TokenScope::Ingest => match token.source {
            Some(own) if own != source => Err(Problem::forbidden(format!(
                "This address was made for {own}."
            ))),
            Some(_) | None => Ok(()),
        },
    }
}

/// Counts an ignored event. Nothing hangs on it, so that it could not be written is no reason to ask for it again.
async fn note_ignored(state: &ApiState, user: UserId, source: Source, reason: &Ignored) {
    tracing::info!(user.id = %user, %source, reason = reason.code(), "an event was ignored");
    let noted = state
        .table
        .note_ignored(
            user,
            source,
            reason.code(),
            &reason.to_string(),
            state.clock.now(),
        )
        .await;
    if let Err(error) = noted {
        tracing::warn!(user.id = %user, %source, error = &error as &dyn std::error::Error, "an ignored event was not noted");
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;

    fn token(scope: TokenScope, source: Option<Source>) -> ApiToken {
        ApiToken {
            id: "1".to_owned(),
            user: UserId(Uuid::from_u128(1)),
            scope,
            name: String::new(),
            hash: String::new(),
            source,
            account: None,
            created_at: DateTime::UNIX_EPOCH,
            last_used_at: None,
        }
    }

    #[test]
    fn an_address_takes_an_ingest_token_of_its_source() {
        for (scope, source, expected) in [
            (TokenScope::Ingest, None, true),
            (TokenScope::Ingest, Some(Source::Plex), true),
            (TokenScope::Ingest, Some(Source::Emby), false),
            (TokenScope::Full, None, false),
            (TokenScope::Full, Some(Source::Plex), false),
        ] {
            assert_eq!(
                check(&token(scope, source), Source::Plex).is_ok(),
                expected,
                "{scope:?} {source:?}"
            );
        }
    }

    #[test]
    fn only_sources_that_post_have_webhooks() {
        assert_eq!(webhook_source("plex").unwrap(), Source::Plex);
        for name in ["canonical", "queue", "Plex", "", "audiobookshelf"] {
            assert_eq!(
                webhook_source(name).unwrap_err().status(),
                StatusCode::NOT_FOUND,
                "{name}"
            );
        }
    }
}
