//! `/api/v1/anime/overrides`: what a user says of where episodes, seasons and films lie in the anime lists.
//!
//! A delivery that found no place shows candidates, each an entry and an episode of it. The one that is right is put
//! here, with the play or its item, and holds from that episode on; then the delivery is tried again.

mod rules;

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use http::StatusCode;
use hub_domain::anime::{Catalogue, Entry, Override, Query, Reference, Says};
use hub_domain::media::{ExternalId, Scope};
use hub_domain::{MediaItem, PlayId, UserId};
use hub_providers::{Asked, EpisodeOf};
use hub_store::{Said, StoredOverride};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::body::{JsonBytes, parse, parse_object};
use crate::caller::ForUser;
use crate::problem::Problem;
use crate::wire::item::ItemBody;
use rules::{about, of_anime, of_body, rules, said};

/// What is said of an item, without the item.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = AnimePlace)]
pub(crate) struct PlaceHead {
    /// The play whose item it is, in place of the item: as its source named it.
    play_id: Option<String>,
    /// The entry at AniList; the same one at MyAnimeList follows, where the list of anime knows it.
    anilist: Option<u32>,
    /// The entry at MyAnimeList; both may be named.
    myanimelist: Option<u32>,
    /// Which episode of the entry it is, 1 if it is left out; the episodes behind it follow. A candidate's `episode`.
    #[schema(minimum = 1)]
    entry_episode: Option<u32>,
    /// None of it is to be sent to either list.
    #[serde(default)]
    exclude: bool,
}

/// What is said, and of which item, side by side.
///
/// An episode is meant from there on to its season's end, up to `episode_end` where that is named; without an `episode`
/// it is all of the season. A season or a show is meant as a whole, as it is rated and listed, and not its episodes;
/// excluded, its episodes are too.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewAnimeOverride)]
#[expect(
    dead_code,
    reason = "the form that is documented; it is read as its two halves"
)]
pub(crate) struct NewOverride {
    #[serde(flatten)]
    place: PlaceHead,
    #[serde(flatten)]
    item: ItemBody,
}

/// A rule: what it is about, and what it says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnimeOverride)]
pub(crate) struct OverrideView {
    /// Its name in addresses.
    id: String,
    /// What it was said of, for people.
    about: String,
    /// Whose id and numbering, such as `tvdb_show`; `title` where only that is known of the show.
    origin: &'static str,
    /// The show's, film's or entry's id there; for a title, a number that stands for it.
    of: u32,
    /// The season; absent for films, shows, and numbers over all seasons.
    #[serde(skip_serializing_if = "Option::is_none")]
    season: Option<u32>,
    /// The first episode; 0 for a season or show as a whole.
    from: u32,
    /// The last episode; absent for all that follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<u32>,
    /// The entry at AniList.
    #[serde(skip_serializing_if = "Option::is_none")]
    anilist: Option<u32>,
    /// The entry at MyAnimeList.
    #[serde(skip_serializing_if = "Option::is_none")]
    myanimelist: Option<u32>,
    /// Which episode of the entry `from` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry_episode: Option<u32>,
    /// None of it is sent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    exclude: bool,
    /// When it was said.
    said_at: DateTime<Utc>,
}

/// Rules, the one that was said last behind all others.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnimeOverrides)]
pub(crate) struct Overrides {
    items: Vec<OverrideView>,
}

impl OverrideView {
    fn of(stored: StoredOverride) -> Self {
        let Override {
            origin,
            id,
            season,
            from,
            to,
            says,
        } = stored.rule;
        let (entry, first) = match says {
            Says::Is { entry, first } => (Some(entry), Some(first)),
            Says::IsNotSent => (None, None),
        };
        let at = |catalogue| {
            let is_there = |entry: &Entry| entry.catalogue == catalogue;
            entry.filter(is_there).map(|entry| entry.id)
        };
        Self {
            id: stored.id,
            about: stored.about,
            origin: origin.name(),
            of: id,
            season,
            from,
            to,
            anilist: at(Catalogue::AniList),
            myanimelist: at(Catalogue::MyAnimeList),
            entry_episode: first,
            exclude: entry.is_none(),
            said_at: stored.said_at,
        }
    }
}

impl Overrides {
    fn of(stored: Vec<StoredOverride>) -> Json<Self> {
        let items = stored.into_iter().map(OverrideView::of).collect();
        Json(Self { items })
    }
}

/// Lists the user's rules.
#[utoipa::path(
    get, path = "/api/v1/anime/overrides", tag = "anime",
    responses((status = 200, description = "All rules, at most 1,000", body = Overrides))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: ForUser,
) -> Result<Json<Overrides>, Problem> {
    Ok(Overrides::of(state.table.overrides(caller.user).await?))
}

/// Says where an item lies in the anime lists, once and for all.
///
/// There is a rule for each id by which the item's show is known. What was said of the same before is replaced.
#[utoipa::path(
    put, path = "/api/v1/anime/overrides", tag = "anime", request_body = NewOverride,
    responses((status = 200, description = "Kept: the rules that it made", body = Overrides))
)]
pub(crate) async fn put(
    State(state): State<ApiState>,
    caller: ForUser,
    JsonBytes(bytes): JsonBytes,
) -> Result<Json<Overrides>, Problem> {
    let head: PlaceHead = parse_object(&bytes)?;
    let now = state.clock.now();
    let media = match &head.play_id {
        Some(id) => of_play(&state, caller.user, id).await?,
        None => of_body(parse(&bytes)?)?,
    };
    let said = said(&head, &media)?;
    let references = references(&state, &media, now).await?;
    let rules = rules(&references, &said, &media);
    match state
        .table
        .put_overrides(caller.user, &rules, &about(&media), now)
        .await?
    {
        Said::Kept(stored) => Ok(Overrides::of(stored)),
        Said::TooMany => Err(Problem::conflict(
            "There are as many rules as there may be; delete some first.",
        )),
    }
}

/// Forgets a rule. What was delivered by it stays.
#[utoipa::path(
    delete, path = "/api/v1/anime/overrides/{id}", tag = "anime",
    params(("id" = String, Path, description = "The rule's `id`")),
    responses((status = 204, description = "Forgotten"))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: ForUser,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    if state.table.delete_override(caller.user, &id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("There is no such rule."))
    }
}

async fn of_play(state: &ApiState, user: UserId, id: &str) -> Result<MediaItem, Problem> {
    let unknown = || Problem::field("play_id", "You have no such play.");
    let id: PlayId = id.parse().map_err(|_| unknown())?;
    let play = state.table.play(user, &id).await?;
    let media = play.map(|play| play.media).ok_or_else(unknown)?;
    of_anime(media.kind).map_err(|_| unknown())?;
    Ok(media)
}

/// What a rule is to be about: the ids of the item's show, or what was found out about it, or its title.
async fn references(
    state: &ApiState,
    media: &MediaItem,
    now: DateTime<Utc>,
) -> Result<BTreeSet<Reference>, Problem> {
    let query = Query::of(media);
    let mut references: BTreeSet<Reference> = query.references().iter().copied().collect();
    if references.is_empty() {
        for of in looked_up(state, media, now).await? {
            let query = Query::of(&of.applied_to(media));
            references.extend(query.references());
        }
        // Beside them: what was looked up may be forgotten, or doubted.
        references.extend(query.title());
    }
    if references.is_empty() {
        return Err(Problem::field(
            "show.external_ids",
            "Nothing is known of its show: an id of it is needed, or its title.",
        ));
    }
    Ok(references)
}

/// What Trakt and TMDB said of the item's own ids, where they were asked in the last days.
async fn looked_up(
    state: &ApiState,
    media: &MediaItem,
    now: DateTime<Utc>,
) -> Result<Vec<EpisodeOf>, Problem> {
    let mut found = Vec::new();
    let own = media.ids.iter().filter(|id| id.scope == Scope::Item);
    for id in own {
        for asked in Asked::ALL {
            if !asked.knows(id.namespace) {
                continue;
            }
            let (namespace, value) = asked.cache_key(id);
            let known: Option<Vec<EpisodeOf>> = state.table.lookup(&namespace, &value, now).await?;
            let Some([of]) = known.as_deref() else {
                continue;
            };
            let mut of = of.clone();
            if let Some(show) = of.tmdb_show() {
                let named: Option<Vec<ExternalId>> =
                    state.table.lookup("tmdb-show", show, now).await?;
                of.learn(named.unwrap_or_default());
            }
            found.push(of);
        }
    }
    Ok(found)
}
