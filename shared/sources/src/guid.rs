//! Plex's guids: what its agents call an item, and whose id that is.
//!
//! | guid | id | scope |
//! | --- | --- | --- |
//! | `imdb://`, `tmdb://`, `tvdb://` (in `Guid[]`) | as named | the item's |
//! | `mbid://` (in `Guid[]`) | release track, release or artist by kind | the item's |
//! | `plex://episode/…` | Plex's own | the item's |
//! | `com.plexapp.agents.imdb`, `.themoviedb`, `.thetvdb`, `.thetvdbdvdorder` | as named | a film's own; else the show's, numbered by the path |
//! | `com.plexapp.agents.hama://<db>-<id>` | AniDB, TheTVDB, TMDB, IMDb | the same |
//! | `net.fribbtastic.coding.plex.myanimelist` | MyAnimeList | the same |
//! | `com.plexapp.agents.xbmcnfo`, bare `tt…` | IMDb or TMDB | a film's own |
//! | music agents, `local`, `none`, `iva`, `youtube`, EPG | none | |
//!
//! A path's numbering follows the order of that database, which may differ from Plex's own season and episode.

use hub_domain::media::Numbering;
use hub_domain::{ExternalId, ItemKind, Namespace, Scope};
use serde_json::Value;

use crate::making::add_id;
use crate::values::Fields;

/// The ids of a list of guids: objects with an `id`, plain text, or a relay's `{"Scheme", "Host"}`.
pub(crate) fn of_list(list: &Value, kind: ItemKind) -> Vec<ExternalId> {
    let mut ids = Vec::new();
    for entry in list.as_array().into_iter().flatten() {
        let guid = match entry {
            Value::String(text) => Some(text.clone()),
            Value::Object(_) => Fields::of(entry).and_then(|entry| {
                let entry = entry.folded();
                entry.text("id").or_else(|| {
                    Some(format!(
                        "{}://{}",
                        entry.text("Scheme")?,
                        entry.text("Host")?
                    ))
                })
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
        };
        add_id(&mut ids, guid.and_then(|guid| of_text(&guid, kind)));
    }
    ids
}

/// The id that one guid says, if it says one that is of use outside its agent.
pub(crate) fn of_text(guid: &str, kind: ItemKind) -> Option<ExternalId> {
    let guid = guid.trim();
    let guid = guid.split_once('?').map_or(guid, |(guid, _)| guid);
    let Some((scheme, rest)) = guid.split_once("://") else {
        // Very old agents: a film's bare IMDb id. A bare number could be anything.
        let is_film = guid.starts_with("tt") && kind == ItemKind::Movie;
        return is_film.then(|| own(Namespace::Imdb, guid)).flatten();
    };
    let scheme = scheme.to_ascii_lowercase();
    match scheme.strip_prefix("com.plexapp.agents.") {
        Some(agent) => of_agent(agent, rest, kind),
        None => of_scheme(&scheme, rest, kind),
    }
}

/// Season and episode of an old agent's path, `…/<season>/<episode>`, even where its id is empty or unknown.
pub(crate) fn numbering(guid: &str) -> Option<Numbering> {
    let guid = guid.split_once('?').map_or(guid, |(guid, _)| guid);
    let (scheme, path) = guid.split_once("://")?;
    let is_agent = scheme.starts_with("com.plexapp.agents.") || scheme.starts_with("net.");
    let mut parts = path.split('/').skip(1);
    let numbering = Numbering {
        season: parts.next()?.parse().ok()?,
        episode: parts.next()?.parse().ok()?,
    };
    (is_agent && parts.next().is_none()).then_some(numbering)
}

fn of_scheme(scheme: &str, rest: &str, kind: ItemKind) -> Option<ExternalId> {
    match scheme {
        "plex" => own(Namespace::PlexGuid, rest),
        "imdb" => own(Namespace::Imdb, rest),
        "tmdb" => own(Namespace::Tmdb, rest),
        "tvdb" => own(Namespace::Tvdb, rest),
        "mbid" => own(mbid_of(kind)?, rest),
        // Not Plex's own, but it says which entity it means.
        "musicbrainz" => match rest.split_once('/')? {
            ("recording", id) => own(Namespace::RecordingMbid, id),
            ("track", id) => own(Namespace::TrackMbid, id),
            ("release", id) => own(Namespace::ReleaseMbid, id),
            ("artist", id) => own(Namespace::ArtistMbid, id),
            _ => None,
        },
        "hama" => hama(rest, kind),
        "net.fribbtastic.coding.plex.myanimelist" => numbered(Namespace::Myanimelist, rest, kind),
        _ => None,
    }
}

fn of_agent(agent: &str, rest: &str, kind: ItemKind) -> Option<ExternalId> {
    match agent {
        "imdb" => numbered(Namespace::Imdb, rest, kind),
        "themoviedb" => numbered(Namespace::Tmdb, rest, kind),
        "thetvdb" | "thetvdbdvdorder" => numbered(Namespace::Tvdb, rest, kind),
        "hama" => hama(rest, kind),
        "xbmcnfo" if kind == ItemKind::Movie => {
            own(Namespace::Imdb, rest).or_else(|| own(Namespace::Tmdb, rest))
        }
        "mbid" => own(mbid_of(kind)?, rest),
        _ => None,
    }
}

/// HAMA names the database, and by a digit after it a mode of grouping; the id stays that database's.
fn hama(rest: &str, kind: ItemKind) -> Option<ExternalId> {
    let (database, rest) = rest.split_once('-')?;
    let namespace = match database {
        "anidb" | "anidb2" | "anidb3" | "anidb4" => Namespace::Anidb,
        "tvdb" | "tvdb2" | "tvdb3" | "tvdb4" | "tvdb5" | "tvdb6" => Namespace::Tvdb,
        "tmdb" | "tsdb" => Namespace::Tmdb,
        "imdb" => Namespace::Imdb,
        _ => return None,
    };
    numbered(namespace, rest, kind)
}

/// `<id>[/<season>[/<episode>]]`: a film's own id, or a show's with the numbering of the path.
fn numbered(namespace: Namespace, rest: &str, kind: ItemKind) -> Option<ExternalId> {
    let mut path = rest.split('/');
    let id = path.next()?;
    let scope = match kind {
        ItemKind::Episode | ItemKind::Season => Scope::Show,
        ItemKind::Movie
        | ItemKind::Track
        | ItemKind::PodcastEpisode
        | ItemKind::Book
        | ItemKind::Show
        | ItemKind::Album
        | ItemKind::Artist => Scope::Item,
    };
    let id = ExternalId::new(namespace, scope, id).ok()?;
    let mut number = || path.next()?.parse::<u32>().ok();
    match (kind, number(), number()) {
        (ItemKind::Episode, Some(season), Some(episode)) => Some(id.numbered(season, episode)),
        _ => Some(id),
    }
}

/// A track's MusicBrainz id in Plex is that of the *release track* in the file's tags, never the recording's.
fn mbid_of(kind: ItemKind) -> Option<Namespace> {
    match kind {
        ItemKind::Track => Some(Namespace::TrackMbid),
        ItemKind::Album => Some(Namespace::ReleaseMbid),
        ItemKind::Artist => Some(Namespace::ArtistMbid),
        ItemKind::Movie
        | ItemKind::Episode
        | ItemKind::PodcastEpisode
        | ItemKind::Book
        | ItemKind::Show
        | ItemKind::Season => None,
    }
}

fn own(namespace: Namespace, raw: &str) -> Option<ExternalId> {
    ExternalId::new(namespace, Scope::Item, raw).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `scope namespace value[@season/episode]`, or `-`.
    fn read(guid: &str, kind: ItemKind) -> String {
        let Some(id) = of_text(guid, kind) else {
            return "-".to_owned();
        };
        let scope = match id.scope {
            Scope::Item => "item",
            Scope::Season => "season",
            Scope::Show => "show",
        };
        let numbering = id
            .numbering
            .map(|numbering| format!("@{}/{}", numbering.season, numbering.episode))
            .unwrap_or_default();
        format!("{scope} {} {}{numbering}", id.namespace, id.value())
    }

    #[test]
    fn every_agents_guid_is_read_with_its_scope() {
        use ItemKind::{Album, Artist, Episode, Movie, Season, Show, Track};
        #[rustfmt::skip]
        let table = [
            ("plex://movie/5d7768313c3c2a001fbcd1f0", Movie, "item plex_guid movie/5d7768313c3c2a001fbcd1f0"),
            ("plex://episode/615580a9fa828e7f1a0caabd", Episode, "item plex_guid episode/615580a9fa828e7f1a0caabd"),
            ("imdb://tt0090728", Movie, "item imdb tt0090728"),
            ("tmdb://1515183", Episode, "item tmdb 1515183"),
            ("tvdb://8530933", Episode, "item tvdb 8530933"),
            ("mbid://3c2c1f40-b22e-360e-a29a-1b1610190a8c", Track, "item track_mbid 3c2c1f40-b22e-360e-a29a-1b1610190a8c"),
            ("mbid://7c10f8a5-669f-4ff6-bb88-de59846c0e0c", Album, "item release_mbid 7c10f8a5-669f-4ff6-bb88-de59846c0e0c"),
            ("mbid://6e659357-5963-4daf-a634-a3596893f3d7", Artist, "item artist_mbid 6e659357-5963-4daf-a634-a3596893f3d7"),
            ("musicbrainz://recording/00000000-1111-2222-3333-444444444444", Track, "item recording_mbid 00000000-1111-2222-3333-444444444444"),
            ("com.plexapp.agents.imdb://tt0072684?lang=en", Movie, "item imdb tt0072684"),
            ("com.plexapp.agents.imdb://?lang=en", Movie, "-"),
            ("com.plexapp.agents.themoviedb://603?lang=en", Movie, "item tmdb 603"),
            ("com.plexapp.agents.themoviedb://1396/5/14?lang=en", Episode, "show tmdb 1396@5/14"),
            ("com.plexapp.agents.thetvdb://73871/2/15?lang=en", Episode, "show tvdb 73871@2/15"),
            ("com.plexapp.agents.thetvdb://73871/0/3?lang=en", Episode, "show tvdb 73871@0/3"),
            ("com.plexapp.agents.thetvdb://73871?lang=en", Episode, "show tvdb 73871"),
            ("com.plexapp.agents.thetvdb://73871/2?lang=en", Season, "show tvdb 73871"),
            ("com.plexapp.agents.thetvdb://73871?lang=en", Show, "item tvdb 73871"),
            ("com.plexapp.agents.thetvdbdvdorder://78874/1/2?lang=en", Episode, "show tvdb 78874@1/2"),
            ("com.plexapp.agents.hama://anidb-3651/1/1?lang=en", Episode, "show anidb 3651@1/1"),
            ("com.plexapp.agents.hama://anidb4-3651/1/26", Episode, "show anidb 3651@1/26"),
            ("com.plexapp.agents.hama://anidb-7?lang=en", Movie, "item anidb 7"),
            ("com.plexapp.agents.hama://tvdb3-81797/0/900", Episode, "show tvdb 81797@0/900"),
            ("com.plexapp.agents.hama://tsdb-37854/21/892", Episode, "show tmdb 37854@21/892"),
            ("com.plexapp.agents.hama://imdb-tt0388629/1/1", Episode, "show imdb tt0388629@1/1"),
            ("com.plexapp.agents.hama://tvdb9-81797/1/1", Episode, "-"),
            ("net.fribbtastic.coding.plex.myanimelist://21/1/5?lang=en", Episode, "show myanimelist 21@1/5"),
            ("net.fribbtastic.coding.plex.myanimelist://32281", Movie, "item myanimelist 32281"),
            ("com.plexapp.agents.xbmcnfo://tt0133093?lang=en", Movie, "item imdb tt0133093"),
            ("com.plexapp.agents.xbmcnfo://603?lang=en", Movie, "item tmdb 603"),
            ("com.plexapp.agents.xbmcnfotv://1234/1/1?lang=en", Episode, "-"),
            ("com.plexapp.agents.none://0b7c?lang=en", Movie, "-"),
            ("com.plexapp.agents.plexmusic://gracenote/track/7572499?lang=en", Track, "-"),
            ("com.plexapp.agents.lastfm://Artist/Album/Title?lang=en", Track, "-"),
            ("local://1234", Movie, "-"),
            ("iva://api.internetvideoarchive.com/2.0/DataService/VideoAssets", Movie, "-"),
            ("tv.plex.xmltv://show/1", Episode, "-"),
            ("tt0133093", Movie, "item imdb tt0133093"),
            ("tt0133093", Episode, "-"),
            ("603", Movie, "-"),
            ("", Movie, "-"),
        ];
        for (guid, kind, expected) in table {
            assert_eq!(read(guid, kind), expected, "{guid} of a {kind}");
        }
    }

    #[test]
    fn a_path_numbers_an_episode_whose_id_is_missing() {
        let read = |guid| numbering(guid).map(|found| (found.season, found.episode));
        assert_eq!(
            read("com.plexapp.agents.thetvdb:///1/2?lang=en"),
            Some((1, 2))
        );
        assert_eq!(
            read("com.plexapp.agents.hama://anidb-3651/0/1"),
            Some((0, 1))
        );
        assert_eq!(read("com.plexapp.agents.thetvdb://73871/2"), None);
        assert_eq!(read("plex://episode/5/6"), None);
        assert_eq!(
            read("com.plexapp.agents.plexmusic://gracenote/track/1"),
            None
        );
    }

    #[test]
    fn lists_hold_objects_text_and_what_relays_make_of_them() {
        let list = json!([
            {"id": "imdb://tt0583459"}, {"id": "imdb://tt0583459"}, "tmdb://85987",
            {"Scheme": "tvdb", "Host": "303821"}, {"id": ""}, {}, 7, null,
            {"id": "com.plexapp.agents.thetvdb://79168/1/1"},
        ]);
        let ids: Vec<String> = of_list(&list, ItemKind::Episode)
            .iter()
            .map(|id| format!("{:?} {} {}", id.scope, id.namespace, id.value()))
            .collect();
        assert_eq!(
            ids,
            [
                "Item imdb tt0583459",
                "Item tmdb 85987",
                "Item tvdb 303821",
                "Show tvdb 79168"
            ]
        );
        assert!(of_list(&json!("text"), ItemKind::Movie).is_empty());
    }
}
