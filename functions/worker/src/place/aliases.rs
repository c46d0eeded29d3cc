//! Other names of an item that the user's history knows: one source tells the show's ids where another tells the
//! episode's.

use std::collections::BTreeSet;

use hub_domain::anime::{At, Origin, Reference};
use hub_domain::identity::aliases;
use hub_domain::names::{ServerRef, Source};
use hub_domain::{MediaItem, Namespace, UserId};
use hub_store::{StoreError, Table};

/// The references that lead from the item's other names; their numbers are the libraries'.
pub(crate) async fn references(
    table: &Table,
    user: UserId,
    media: &MediaItem,
) -> Result<BTreeSet<Reference>, StoreError> {
    // No server's own ids: those of this item are not known here.
    let nobody = ServerRef::new(Source::Queue, "-");
    let own: Vec<String> = aliases(media, &nobody)
        .into_iter()
        .filter(|alias| alias.is_id && !alias.is_local)
        .map(|alias| alias.key)
        .collect();
    if own.is_empty() {
        return Ok(BTreeSet::new());
    }
    let found = table.aliases(user, &own).await?;
    let names = found.values().flat_map(|entry| {
        let ids = entry.ids.iter().map(String::as_str);
        ids.chain([entry.item.as_str()])
    });
    Ok(names.filter_map(reference).collect())
}

/// Reads `episode:tvdb_show#267440:4:17`, the name of an episode by its show.
fn reference(name: &str) -> Option<Reference> {
    let (namespace, rest) = name.strip_prefix("episode:")?.split_once("_show#")?;
    let origin = match namespace.parse::<Namespace>().ok()? {
        Namespace::Anilist => Origin::AniList,
        Namespace::Myanimelist => Origin::MyAnimeList,
        Namespace::Anidb => Origin::AniDb,
        Namespace::Tvdb => Origin::TvdbShow,
        Namespace::Tmdb => Origin::TmdbShow,
        Namespace::Imdb => Origin::ImdbShow,
        Namespace::Trakt
        | Namespace::Tvmaze
        | Namespace::RecordingMbid
        | Namespace::TrackMbid
        | Namespace::ReleaseMbid
        | Namespace::ReleaseGroupMbid
        | Namespace::ArtistMbid
        | Namespace::Isrc
        | Namespace::Isbn
        | Namespace::PlexGuid => return None,
    };
    let mut parts = rest.split(':');
    let id = origin.id(parts.next()?)?;
    let season: u32 = parts.next()?.parse().ok()?;
    let episode = parts.next()?.parse().ok()?;
    let is_of_entry = !origin.is_entry() || season <= 1;
    (is_of_entry && parts.next().is_none()).then_some(Reference {
        origin,
        id,
        at: At::Season { season, episode },
        is_own_number: false,
    })
}

#[cfg(test)]
mod tests {
    use hub_domain::{ExternalId, ItemKind, Scope};

    use super::*;

    #[test]
    fn the_name_of_an_episode_by_its_show_is_read_as_it_is_written() {
        let mut media = MediaItem::new(ItemKind::Episode);
        (media.season, media.episode) = (Some(4), Some(17));
        let show = ExternalId::new(Namespace::Tvdb, Scope::Show, "267440").unwrap();
        let own = ExternalId::new(Namespace::Tvdb, Scope::Item, "8960000").unwrap();
        media.ids = vec![show, own];
        let server = ServerRef::new(Source::Queue, "-");
        let read: Vec<_> = aliases(&media, &server)
            .iter()
            .filter_map(|alias| reference(&alias.key))
            .map(|reference| reference.to_string())
            .collect();
        assert_eq!(read, ["TheTVDB show 267440 season 4 episode 17"]);
        for other in [
            "episode:tvdb#8960000",
            "episode:trakt_show#1:1:1",
            "episode:anilist_show#16498:2:1",
            "episode:tvdb_show#267440:4",
            "movie:tmdb#603",
        ] {
            assert_eq!(reference(other), None, "{other}");
        }
    }
}
