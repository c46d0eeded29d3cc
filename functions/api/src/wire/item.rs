//! An item as clients write it: its titles, its ids, its place in a show or on an album.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use hub_domain::{ExternalId, ItemKind, MediaItem, Namespace, Scope};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::text;
use crate::problem::Problem;

/// The longest item: a week.
const LONGEST_ITEM: TimeDelta = TimeDelta::days(7);
/// The most ids of one item.
const MOST_IDS: usize = 32;

/// What is known of an item. What is left out is unknown; so are `0`, `""` and `null` among the ids.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = Item)]
pub(crate) struct ItemBody {
    /// The media server's own id of it.
    item_id: Option<String>,
    /// `movie`, `episode`, `track`, `podcast_episode` or `book`; to rate or love also `show`, `season`, `album`, `artist`.
    #[schema(value_type = Option<String>)]
    item_type: Option<ItemKind>,
    /// How long it is, in milliseconds.
    #[schema(minimum = 0)]
    duration_ms: Option<i64>,
    /// The ids the world knows it by, such as `{"imdb": "tt0133093", "tmdb": 603}`; numbers may be written as texts.
    #[schema(value_type = Option<BTreeMap<String, Object>>)]
    external_ids: Option<BTreeMap<String, Value>>,
    /// Its title; of an episode the episode's, of a track the track's.
    title: Option<String>,
    /// Its year; never the show's.
    year: Option<i32>,
    /// The show (or podcast) of an episode.
    show: Option<ShowBody>,
    /// The season; 0 holds the specials.
    season: Option<u32>,
    /// The episode, or the first of those in one file.
    episode: Option<u32>,
    /// The last of the episodes in one file.
    episode_end: Option<u32>,
    /// The track's artist.
    artist: Option<String>,
    /// The album's artist.
    album_artist: Option<String>,
    /// The album.
    album: Option<String>,
    /// The track's number on its disc.
    track_number: Option<u32>,
    /// The disc.
    disc_number: Option<u32>,
    /// The author of a book.
    author: Option<String>,
}

/// The show of an episode.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = Show)]
pub(crate) struct ShowBody {
    title: Option<String>,
    /// The year it began.
    year: Option<i32>,
    /// The show's own ids.
    #[schema(value_type = Option<BTreeMap<String, Object>>)]
    external_ids: Option<BTreeMap<String, Value>>,
}

impl ItemBody {
    /// What the client says it is.
    pub(crate) fn kind(&self) -> Option<ItemKind> {
        self.item_type
    }

    /// The item in the hub's words; `content_id` is another field's word for `item_id`.
    pub(crate) fn into_media(
        self,
        kind: ItemKind,
        content_id: Option<String>,
    ) -> Result<MediaItem, Problem> {
        let mut media = MediaItem::new(kind);
        media.content_id = text("item_id", content_id.or(self.item_id))?;
        media.title = text("title", self.title)?;
        media.year = self.year.filter(|year| *year != 0);
        media.artist = text("artist", self.artist)?;
        media.album_artist = text("album_artist", self.album_artist)?;
        media.album = text("album", self.album)?;
        media.author = text("author", self.author)?;
        (media.season, media.episode, media.episode_end) =
            (self.season, self.episode, self.episode_end);
        (media.track_number, media.disc_number) = (self.track_number, self.disc_number);
        media.duration = duration(self.duration_ms)?;
        media.ids = ids("external_ids", self.external_ids, Scope::Item)?;
        if let Some(show) = self.show {
            media.show_title = text("show.title", show.title)?;
            media.show_year = show.year.filter(|year| *year != 0);
            media
                .ids
                .extend(ids("show.external_ids", show.external_ids, Scope::Show)?);
        }
        if media
            .episode_end
            .is_some_and(|end| media.episode.is_none_or(|first| end < first))
        {
            return Err(Problem::field(
                "episode_end",
                "The last episode cannot come before the first.",
            ));
        }
        if media.ids.is_empty()
            && media.title.is_none()
            && media.content_id.is_none()
            && media.show_title.is_none()
        {
            return Err(Problem::field(
                "title",
                "An item needs a title, an external id or an item_id to be known by.",
            ));
        }
        Ok(media)
    }
}

/// A length of 0 is unknown.
fn duration(millis: Option<i64>) -> Result<Option<TimeDelta>, Problem> {
    let Some(millis) = millis else {
        return Ok(None);
    };
    let length = TimeDelta::try_milliseconds(millis)
        .filter(|length| (TimeDelta::zero()..=LONGEST_ITEM).contains(length));
    let length = length.ok_or_else(|| {
        Problem::field("duration_ms", "Milliseconds from 0 to a week are expected.")
    })?;
    Ok(Some(length).filter(|length| *length > TimeDelta::zero()))
}

fn ids(
    field: &str,
    written: Option<BTreeMap<String, Value>>,
    scope: Scope,
) -> Result<Vec<ExternalId>, Problem> {
    let written = written.unwrap_or_default();
    if written.len() > MOST_IDS {
        return Err(Problem::field(
            field,
            format!("At most {MOST_IDS} ids are taken."),
        ));
    }
    let mut ids = Vec::new();
    for (name, value) in written {
        let here = || format!("{field}.{name}");
        let namespace: Namespace = name.parse().map_err(|_| {
            let known: Vec<&str> = Namespace::ALL
                .iter()
                .map(|namespace| namespace.name())
                .collect();
            Problem::field(
                here(),
                format!("The ids that are known: {}.", known.join(", ")),
            )
        })?;
        let raw = match value {
            Value::Null => continue,
            Value::String(raw) => raw,
            Value::Number(number) => number.to_string(),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                return Err(Problem::field(here(), "A text or a number is expected."));
            }
        };
        // Unknown is written in many ways; none of them is an id.
        if matches!(raw.trim(), "" | "0") {
            continue;
        }
        let id = ExternalId::new(namespace, scope, &raw);
        ids.push(id.map_err(|_| Problem::field(here(), format!("This is no id of {namespace}.")))?);
    }
    Ok(ids)
}

/// An item as the hub tells it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ItemOut)]
pub(crate) struct ItemView {
    /// Its kind.
    #[schema(value_type = String)]
    item_type: ItemKind,
    /// The media server's own id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    item_id: Option<String>,
    /// A short description for people: `Friends S01E02`.
    label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    year: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    show: Option<ShowView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    season: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    episode: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    artist: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    album_artist: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    album: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    track_number: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disc_number: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<i64>,
    /// Its own ids, by who gave them.
    external_ids: BTreeMap<&'static str, String>,
}

/// The show of an episode, as the hub tells it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShowOut)]
pub(crate) struct ShowView {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    year: Option<i32>,
    external_ids: BTreeMap<&'static str, String>,
}

impl ItemView {
    pub(crate) fn of(media: MediaItem) -> Self {
        let ids = |scope| {
            let of_scope = media.ids.iter().filter(move |id| id.scope == scope);
            of_scope
                .map(|id| (id.namespace.name(), id.value().to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        let (own, shows) = (ids(Scope::Item), ids(Scope::Show));
        let has_show = media.show_title.is_some() || media.show_year.is_some() || !shows.is_empty();
        let label = media.label();
        Self {
            item_type: media.kind,
            item_id: media.content_id,
            label,
            title: media.title,
            year: media.year,
            show: has_show.then_some(ShowView {
                title: media.show_title,
                year: media.show_year,
                external_ids: shows,
            }),
            season: media.season,
            episode: media.episode,
            artist: media.artist,
            album_artist: media.album_artist,
            album: media.album,
            track_number: media.track_number,
            disc_number: media.disc_number,
            author: media.author,
            duration_ms: media.duration.map(|length| length.num_milliseconds()),
            external_ids: own,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::parse;

    fn media(json: &str) -> Result<MediaItem, Option<String>> {
        let body: ItemBody = parse(json.as_bytes()).unwrap();
        let kind = body.kind().unwrap();
        body.into_media(kind, None)
            .map_err(|problem| problem.field_name().map(str::to_owned))
    }

    #[test]
    fn an_episode_keeps_its_own_ids_and_its_shows_apart() {
        let media = media(
            r#"{"item_type":"episode","title":"The One","season":1,"episode":2,"duration_ms":1320000,
                "external_ids":{"tvdb":303821,"imdb":"","tmdb":0,"trakt":null},
                "show":{"title":"Friends","year":1994,"external_ids":{"tvdb":"79168"}}}"#,
        )
        .unwrap();
        assert_eq!(media.ids.len(), 2);
        assert_eq!(media.own_id(Namespace::Tvdb), Some("303821"));
        assert_eq!(media.show_id(Namespace::Tvdb), Some("79168"));
        assert_eq!(media.label(), "Friends S01E02");
        assert_eq!(media.duration, Some(TimeDelta::minutes(22)));
    }

    #[test]
    fn what_an_item_cannot_be_is_refused_with_its_field() {
        for (json, field) in [
            (r#"{"item_type":"movie"}"#, "title"),
            (
                r#"{"item_type":"movie","title":"x","external_ids":{"imbd":"tt1"}}"#,
                "external_ids.imbd",
            ),
            (
                r#"{"item_type":"movie","title":"x","external_ids":{"tmdb":"abc"}}"#,
                "external_ids.tmdb",
            ),
            (
                r#"{"item_type":"movie","title":"x","external_ids":{"tmdb":-1}}"#,
                "external_ids.tmdb",
            ),
            (
                r#"{"item_type":"movie","title":"x","external_ids":{"tmdb":[1]}}"#,
                "external_ids.tmdb",
            ),
            (
                r#"{"item_type":"episode","show":{"external_ids":{"tvdb":"x"}}}"#,
                "show.external_ids.tvdb",
            ),
            (
                r#"{"item_type":"movie","title":"x","duration_ms":-1}"#,
                "duration_ms",
            ),
            (
                r#"{"item_type":"movie","title":"x","duration_ms":9223372036854775807}"#,
                "duration_ms",
            ),
            (
                r#"{"item_type":"episode","title":"x","episode":3,"episode_end":2}"#,
                "episode_end",
            ),
        ] {
            assert_eq!(media(json).unwrap_err().as_deref(), Some(field), "{json}");
        }
    }

    #[test]
    fn a_length_of_zero_is_unknown() {
        assert_eq!(
            media(r#"{"item_type":"movie","title":"x","duration_ms":0,"year":0}"#)
                .unwrap()
                .duration,
            None
        );
    }
}
