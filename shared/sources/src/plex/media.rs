//! Plex's `Metadata`: which item it is.

use hub_domain::{ExternalId, ItemKind, MediaItem, Namespace, Scope};

use crate::guid;
use crate::making::{add_id, show_title_and_year};
use crate::outcome::BodyError;
use crate::values::{Fields, MILLIS};

/// The subtypes of extras that Plex names.
const EXTRA_SUBTYPES: [&str; 10] = [
    "trailer",
    "deletedScene",
    "interview",
    "behindTheScenes",
    "sceneOrSample",
    "featurette",
    "short",
    "lyricMusicVideo",
    "liveMusicVideo",
    "concert",
];

/// The kind of the item; `None` for photos and what else no service takes.
pub(super) fn kind(metadata: &Fields<'_>) -> Option<ItemKind> {
    Some(match metadata.text("type")?.to_ascii_lowercase().as_str() {
        "movie" => ItemKind::Movie,
        "episode" => ItemKind::Episode,
        "track" => ItemKind::Track,
        "show" => ItemKind::Show,
        "season" => ItemKind::Season,
        "artist" => ItemKind::Artist,
        "album" => ItemKind::Album,
        _ => return None,
    })
}

/// Says whether it is a trailer, preroll or other extra.
///
/// `cinemaTrailer` alone proves nothing: a film may be queued as one.
pub(super) fn is_extra(metadata: &Fields<'_>) -> bool {
    let subtype = metadata.text("subtype");
    let is_subtype = subtype
        .as_deref()
        .is_some_and(|subtype| EXTRA_SUBTYPES.contains(&subtype));
    let is_guid = metadata
        .text("guid")
        .is_some_and(|guid| guid.starts_with("iva://") || guid.contains("preroll"));
    metadata.text("type").is_some_and(|kind| kind == "clip")
        || metadata.has("extraType")
        || (metadata.is_true("cinemaTrailer") && subtype.is_some())
        || is_subtype
        || is_guid
}

/// Says whether it is live television. A recording in a library is not, though it has a channel.
pub(super) fn is_live(metadata: &Fields<'_>) -> bool {
    let is_guide = |key: &str| {
        metadata.text(key).is_some_and(|guid| {
            guid.starts_with("tv.plex.xmltv") || guid.starts_with("tv.plex.epg")
        })
    };
    metadata.is_true("live")
        || metadata
            .text("librarySectionType")
            .is_some_and(|section| section == "livetv")
        || (metadata.value("librarySectionID").is_none()
            && (is_guide("guid") || is_guide("grandparentGuid")))
}

/// The item.
pub(super) fn item(metadata: &Fields<'_>, kind: ItemKind) -> Result<MediaItem, BodyError> {
    let mut item = MediaItem::new(kind);
    item.content_id = metadata.text("ratingKey");
    item.title = metadata.text("title");
    item.year = metadata.year("year")?;
    item.released_on = metadata.date("originallyAvailableAt");
    item.duration = metadata.duration("duration", MILLIS)?;
    item.ids = ids(metadata, kind);
    match kind {
        ItemKind::Episode => {
            (item.show_title, item.show_year) =
                show_title_and_year(metadata.text("grandparentTitle"));
            item.season = metadata.count("parentIndex")?;
            item.episode = metadata.count("index")?;
            number_by_path(metadata, &mut item);
        }
        ItemKind::Season => {
            (item.show_title, item.show_year) = show_title_and_year(metadata.text("parentTitle"));
            item.season = metadata.count("index")?;
        }
        ItemKind::Show => {
            let (title, year) = show_title_and_year(item.title.take());
            item.title = title;
            item.year = item.year.or(year);
        }
        ItemKind::Track => {
            let album_artist = metadata.text("grandparentTitle");
            item.artist = metadata
                .text("originalTitle")
                .or_else(|| album_artist.clone());
            item.album_artist = album_artist;
            item.album = metadata.text("parentTitle");
            item.track_number = metadata.count("index")?.filter(|number| *number > 0);
            item.disc_number = metadata.count("parentIndex")?.filter(|number| *number > 0);
            item.year = item.year.or(metadata.year("parentYear")?);
            music_ids(metadata, &mut item.ids);
        }
        ItemKind::Album => {
            item.artist = metadata.text("parentTitle");
            item.album_artist = item.artist.clone();
        }
        ItemKind::Movie | ItemKind::Artist | ItemKind::PodcastEpisode | ItemKind::Book => {}
    }
    Ok(item)
}

/// Takes season and episode from the path of an old agent's guid where the item itself has none.
fn number_by_path(metadata: &Fields<'_>, item: &mut MediaItem) {
    if item.season.is_none() && item.episode.is_none() {
        let numbering = metadata
            .text("guid")
            .and_then(|guid| guid::numbering(&guid));
        item.season = numbering.map(|numbering| numbering.season);
        item.episode = numbering.map(|numbering| numbering.episode);
    }
}

/// Every id of the item: the list of the new agents first, then the one of the old agent, then the show's.
///
/// `guid` and `Guid` are two keys. Some relays write the list under `guid`.
pub(crate) fn ids(metadata: &Fields<'_>, kind: ItemKind) -> Vec<ExternalId> {
    let mut ids = Vec::new();
    for key in ["Guid", "guid"] {
        for id in metadata
            .value(key)
            .map(|list| guid::of_list(list, kind))
            .unwrap_or_default()
        {
            add_id(&mut ids, Some(id));
        }
    }
    add_id(
        &mut ids,
        metadata
            .text("guid")
            .and_then(|text| guid::of_text(&text, kind)),
    );
    for (key, parent, scope) in parents(kind) {
        let id = metadata
            .text(key)
            .and_then(|text| guid::of_text(&text, *parent))
            .map(|mut id| {
                // An old agent's season is already known by its show's id.
                if id.scope == Scope::Item {
                    id.scope = *scope;
                }
                id
            });
        // A show's id that came with its own numbering is told already.
        let is_known = |id: &ExternalId| {
            ids.iter()
                .any(|known| known.namespace == id.namespace && known.scope == id.scope)
        };
        let id = id.filter(|id| !is_known(id));
        add_id(&mut ids, id);
    }
    ids
}

/// Where the ids of the things around an item stand, and whose they are.
fn parents(kind: ItemKind) -> &'static [(&'static str, ItemKind, Scope)] {
    match kind {
        ItemKind::Episode => &[
            ("parentGuid", ItemKind::Season, Scope::Season),
            ("grandparentGuid", ItemKind::Show, Scope::Show),
        ],
        ItemKind::Season => &[("parentGuid", ItemKind::Show, Scope::Show)],
        // An album's or artist's MusicBrainz id says what it is by its namespace.
        ItemKind::Track
        | ItemKind::Album
        | ItemKind::Movie
        | ItemKind::PodcastEpisode
        | ItemKind::Book
        | ItemKind::Show
        | ItemKind::Artist => &[],
    }
}

/// The ids of the album and the artist around a track, where they are MusicBrainz's.
fn music_ids(metadata: &Fields<'_>, ids: &mut Vec<ExternalId>) {
    for (key, kind) in [
        ("parentGuid", ItemKind::Album),
        ("grandparentGuid", ItemKind::Artist),
    ] {
        let id = metadata
            .text(key)
            .and_then(|text| guid::of_text(&text, kind));
        add_id(ids, id.filter(|id| id.namespace != Namespace::PlexGuid));
    }
}
