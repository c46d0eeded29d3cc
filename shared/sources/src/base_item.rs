//! What Emby and Jellyfin have in common: kinds, provider ids, and the item object that Emby and the unofficial
//! Jellyfin plugin send (`BaseItemDto`).

use hub_domain::{ExternalId, ItemKind, MediaItem, Namespace, Scope};

use crate::making::{add_id, show_title_and_year};
use crate::outcome::{BodyError, Ignored};
use crate::values::{Fields, TICKS};

/// The kind of an item by its type's name.
///
/// # Errors
///
/// Why an item of this type is not for the hub.
pub(crate) fn kind(item_type: &str) -> Result<ItemKind, Ignored> {
    match item_type.to_ascii_lowercase().as_str() {
        "movie" => Ok(ItemKind::Movie),
        "episode" => Ok(ItemKind::Episode),
        "audio" => Ok(ItemKind::Track),
        "series" => Ok(ItemKind::Show),
        "season" => Ok(ItemKind::Season),
        "musicalbum" => Ok(ItemKind::Album),
        "musicartist" => Ok(ItemKind::Artist),
        "trailer" => Err(Ignored::Extra),
        "tvchannel" | "livetvchannel" | "program" | "livetvprogram" | "tvprogram" => {
            Err(Ignored::LiveChannel)
        }
        _ => Err(Ignored::UnsupportedKind),
    }
}

/// Adds the item's own ids from one entry of its providers: several in one text are taken apart.
///
/// Names come in any case; those that name no catalogue (`Official Website`, `Facebook`, `EIDR`) are left out.
pub(crate) fn add_provider_ids(
    ids: &mut Vec<ExternalId>,
    provider: &str,
    value: &str,
    kind: ItemKind,
) {
    let Some(namespace) = namespace(provider, kind) else {
        return;
    };
    // These two count anime entries, not their episodes.
    let is_entry = matches!(namespace, Namespace::Myanimelist | Namespace::Anilist);
    let scope = if is_entry && kind == ItemKind::Episode {
        Scope::Show
    } else {
        Scope::Item
    };
    for value in value.split([';', '/']) {
        add_id(ids, ExternalId::new(namespace, scope, value).ok());
    }
}

fn namespace(provider: &str, kind: ItemKind) -> Option<Namespace> {
    Some(match provider.to_ascii_lowercase().as_str() {
        "imdb" => Namespace::Imdb,
        "tmdb" => Namespace::Tmdb,
        "tvdb" => Namespace::Tvdb,
        "trakt" => Namespace::Trakt,
        "tvmaze" => Namespace::Tvmaze,
        "anidb" => Namespace::Anidb,
        "anilist" => Namespace::Anilist,
        "myanimelist" | "mal" => Namespace::Myanimelist,
        // The id of the position on a release, as the file's tags call it; not the recording's.
        "musicbrainztrack" => Namespace::TrackMbid,
        "musicbrainzrecording" => Namespace::RecordingMbid,
        "musicbrainzalbum" => Namespace::ReleaseMbid,
        "musicbrainzreleasegroup" => Namespace::ReleaseGroupMbid,
        "musicbrainzartist" => Namespace::ArtistMbid,
        // On a track it may be "Various Artists", who did not play it.
        "musicbrainzalbumartist" if kind == ItemKind::Album => Namespace::ArtistMbid,
        "isrc" => Namespace::Isrc,
        _ => return None,
    })
}

/// The ids of a `ProviderIds` object.
pub(crate) fn provider_ids(item: &Fields<'_>, kind: ItemKind) -> Vec<ExternalId> {
    let providers = item.object("ProviderIds");
    let mut ids = Vec::new();
    for (provider, _) in providers.entries() {
        if let Some(value) = providers.text(provider) {
            add_provider_ids(&mut ids, provider, &value, kind);
        }
    }
    ids
}

/// An id of a .NET server: without dashes, in small letters, so that every spelling is the same id.
pub(crate) fn plain_guid(id: Option<String>) -> Option<String> {
    id.map(|id| {
        let digits: String = id.chars().filter(|c| *c != '-').collect();
        let is_guid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_guid {
            digits.to_ascii_lowercase()
        } else {
            id
        }
    })
}

/// The item of a `BaseItemDto`.
///
/// # Errors
///
/// A number that is none.
pub(crate) fn item(dto: &Fields<'_>, kind: ItemKind) -> Result<MediaItem, BodyError> {
    let mut item = MediaItem::new(kind);
    item.content_id = plain_guid(dto.text("Id"));
    item.title = dto.text("Name");
    item.year = dto.year("ProductionYear")?;
    item.released_on = dto.date("PremiereDate");
    item.duration = dto.duration("RunTimeTicks", TICKS)?;
    item.ids = provider_ids(dto, kind);
    match kind {
        ItemKind::Episode => {
            (item.show_title, item.show_year) = show_title_and_year(dto.text("SeriesName"));
            item.season = dto.count("ParentIndexNumber")?;
            item.episode = dto.count("IndexNumber")?;
            let end = dto.count("IndexNumberEnd")?;
            item.episode_end = end.filter(|end| Some(*end) > item.episode);
            if item.episode.is_none() {
                number_by_file_name(dto, &mut item);
            }
        }
        ItemKind::Season => {
            (item.show_title, item.show_year) = show_title_and_year(dto.text("SeriesName"));
            item.season = dto.count("IndexNumber")?;
        }
        ItemKind::Track => {
            let artists = dto.texts("Artists");
            item.album_artist = dto
                .text("AlbumArtist")
                .or_else(|| dto.texts("AlbumArtists").into_iter().next());
            item.artist = match artists.is_empty() {
                true => item.album_artist.clone(),
                false => Some(artists.join(", ")),
            };
            item.album = dto.text("Album");
            item.track_number = dto.count("IndexNumber")?.filter(|number| *number > 0);
            item.disc_number = dto.count("ParentIndexNumber")?.filter(|number| *number > 0);
        }
        ItemKind::Album => {
            item.album_artist = dto.text("AlbumArtist");
            item.artist = item.album_artist.clone();
        }
        ItemKind::Movie
        | ItemKind::Show
        | ItemKind::Artist
        | ItemKind::PodcastEpisode
        | ItemKind::Book => {}
    }
    Ok(item)
}

/// Reads `S01E02` or `S01E02-E03` from the file's name: a fresh episode is played before the server identifies it.
fn number_by_file_name(dto: &Fields<'_>, item: &mut MediaItem) {
    let name = dto.text("FileName").or_else(|| {
        let path = dto.text("Path")?;
        path.rsplit(['/', '\\']).next().map(str::to_owned)
    });
    if let Some((season, episode, end)) = name.as_deref().and_then(season_and_episode) {
        item.season = Some(season);
        item.episode = Some(episode);
        item.episode_end = end;
    }
}

fn season_and_episode(name: &str) -> Option<(u32, u32, Option<u32>)> {
    let name = name.to_ascii_lowercase();
    name.match_indices('s').find_map(|(at, _)| {
        let before = name.get(..at)?.chars().next_back();
        if before.is_some_and(char::is_alphanumeric) {
            return None;
        }
        let (season, rest) = leading_number(name.get(at + 1..)?)?;
        let (episode, rest) = leading_number(rest.strip_prefix('e')?)?;
        let rest = rest.strip_prefix('-').unwrap_or(rest);
        let end = rest.strip_prefix('e').and_then(leading_number);
        Some((
            season,
            episode,
            end.map(|(end, _)| end).filter(|end| *end > episode),
        ))
    })
}

fn leading_number(text: &str) -> Option<(u32, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let number = text.get(..end).filter(|digits| digits.len() <= 4)?;
    Some((number.parse().ok()?, text.get(end..)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn provider_ids_are_the_items_own_whatever_their_case_and_junk_is_left_out() {
        let value = json!({"ProviderIds": {
            "IMDB": "tt0583459", "tmdb": 85987, "Tvdb": "", "Official Website": "http://x", "EIDR": "10.5240/x",
            "AniList": "21", "Anidb": "238801",
        }});
        let ids: Vec<String> =
            provider_ids(&Fields::of(&value).unwrap().folded(), ItemKind::Episode)
                .iter()
                .map(|id| format!("{:?} {} {}", id.scope, id.namespace, id.value()))
                .collect();
        let mut expected = [
            "Item imdb tt0583459",
            "Item tmdb 85987",
            "Show anilist 21",
            "Item anidb 238801",
        ];
        let mut ids = ids;
        ids.sort();
        expected.sort_unstable();
        assert_eq!(ids, expected);
    }

    #[test]
    fn several_artists_ids_are_taken_apart_and_the_albums_is_not_the_tracks() {
        let mut ids = Vec::new();
        let two = "6e659357-5963-4daf-a634-a3596893f3d7;7c10f8a5-669f-4ff6-bb88-de59846c0e0c";
        add_provider_ids(&mut ids, "MusicBrainzArtist", two, ItemKind::Track);
        add_provider_ids(&mut ids, "MusicBrainzAlbumArtist", two, ItemKind::Track);
        assert_eq!(ids.len(), 2);
    }

    #[test]
    fn a_file_name_numbers_an_episode() {
        assert_eq!(
            season_and_episode("Show - S01E02 - x.mkv"),
            Some((1, 2, None))
        );
        assert_eq!(
            season_and_episode("show.s01e02-e03.mkv"),
            Some((1, 2, Some(3)))
        );
        assert_eq!(
            season_and_episode("Show S00E10E11.mkv"),
            Some((0, 10, Some(11)))
        );
        assert_eq!(
            season_and_episode("长风渡 - S01E11 - 第 11 集.mp4"),
            Some((1, 11, None))
        );
        assert_eq!(season_and_episode("bus12e4.mkv"), None);
        assert_eq!(season_and_episode("Movie 2003.mkv"), None);
    }

    #[test]
    fn a_guid_is_the_same_with_and_without_dashes() {
        let plain = Some("9783d2432b0d40a8a716b6aa46c0ffee".to_owned());
        let dashed = Some("9783D243-2B0D-40A8-A716-B6AA46C0FFEE".to_owned());
        assert_eq!(plain_guid(dashed), plain);
        assert_eq!(
            plain_guid(Some("240-252".to_owned())).as_deref(),
            Some("240-252")
        );
    }
}
