//! Which items are the same item: by their ids, and failing those by their names.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::media::{ItemKind, MediaItem, Namespace, Scope};
use crate::names::{ItemKey, ServerRef, Source};

/// A name under which an item is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Alias {
    /// The namespace and the value, as the table keeps them: `imdb#tt0133093`.
    pub key: String,
    /// It is an id, which names one item; a title may name several.
    pub is_id: bool,
    /// It is an id of the media server's own, which nobody else knows.
    pub is_local: bool,
}

/// Every name of an item, the most telling first.
pub fn aliases(media: &MediaItem, server: &ServerRef) -> Vec<Alias> {
    let mut found = Vec::new();
    let mut add = |key: String, is_id: bool, is_local: bool| {
        if !found.iter().any(|alias: &Alias| alias.key == key) {
            found.push(Alias {
                key,
                is_id,
                is_local,
            });
        }
    };
    for namespace in Namespace::ALL
        .into_iter()
        .filter(|namespace| namespace.names_one_item())
    {
        for id in media.ids.iter().filter(|id| id.namespace == namespace) {
            match (id.scope, id.numbering.or_else(|| media.numbering())) {
                (Scope::Item, _) => add(
                    format!("{}:{namespace}#{}", media.kind, id.value()),
                    true,
                    false,
                ),
                (Scope::Show, Some(at)) => {
                    add(
                        format!(
                            "{}:{namespace}_show#{}:{}:{}",
                            media.kind,
                            id.value(),
                            at.season,
                            at.episode
                        ),
                        true,
                        false,
                    );
                }
                (Scope::Show | Scope::Season, _) => {}
            }
        }
    }
    if let Some(content_id) = media
        .content_id
        .as_ref()
        .filter(|_| server.source != Source::Queue)
    {
        add(
            format!("{}:{}#{content_id}", server.source, server.id),
            true,
            true,
        );
    }
    if let Some(name) = name_of(media) {
        add(
            format!(
                "{}:name#{}",
                media.kind,
                hex::encode(&Sha256::digest(name)[..12])
            ),
            false,
            false,
        );
    }
    if let (true, Some(content_id)) = (found.is_empty(), &media.content_id)
        && server.source == Source::Queue
    {
        // Nothing else tells what was queued: the id is the media server's, as in its events.
        found.push(Alias {
            key: format!("{}:-#{content_id}", Source::Canonical),
            is_id: true,
            is_local: true,
        });
    }
    found
}

/// Says whether an item of a user's history waits for the media server's library to say what it is.
///
/// The item of a server of which the hub never learns a library does not.
pub fn awaits_library(item: &ItemKey, media: &MediaItem) -> bool {
    let has_library = Source::WEBHOOKS.iter().all(|source| {
        let rest = item.as_str().strip_prefix(source.name());
        !rest.is_some_and(|rest| rest.starts_with(':'))
    });
    media.is_nameless() && has_library
}

/// The hub's own name for an item that was never seen before: its first alias.
pub fn item_key(media: &MediaItem, server: &ServerRef) -> ItemKey {
    match aliases(media, server).first() {
        Some(alias) => ItemKey::new(alias.key.clone()),
        None => ItemKey::new(format!("{}:unnamed", media.kind)),
    }
}

/// Which item a sighting is of, as its aliases tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The item.
    pub item: ItemKey,
    /// The aliases that lead nowhere yet and that it takes to find the item again.
    pub missing: Vec<Alias>,
}

/// Chooses the item that a sighting is of: by the first id that is known, else by its name unless an id contradicts.
///
/// `known` tells, of the aliases that the user's history holds, the item and the ids it was first seen with.
pub fn choose_item(
    aliases: &[Alias],
    known: &HashMap<String, (ItemKey, Vec<String>)>,
    new: ItemKey,
) -> Choice {
    let by_id = aliases
        .iter()
        .filter(|alias| alias.is_id)
        .find_map(|alias| known.get(&alias.key));
    let by_name = || {
        let named = aliases
            .iter()
            .filter(|alias| !alias.is_id)
            .find_map(|alias| known.get(&alias.key));
        named.filter(|(_, ids)| !contradict(ids, aliases))
    };
    let item = by_id.or_else(by_name).map_or(new, |(item, _)| item.clone());
    // A server tells an item's name with its own id. Where the name leads here, the id need not: it stands among those
    // that the name was first seen with, and so speaks against an item of the same name that is another.
    let is_found_by_name = aliases
        .iter()
        .filter(|alias| !alias.is_id)
        .any(|alias| known.get(&alias.key).is_none_or(|(to, _)| *to == item));
    let missing = aliases
        .iter()
        .filter(|alias| !known.contains_key(&alias.key))
        .filter(|alias| !(alias.is_local && is_found_by_name))
        .cloned()
        .collect();
    Choice { item, missing }
}

/// Says whether two items that share a name contradict each other by an id.
pub fn contradict(known: &[String], told: &[Alias]) -> bool {
    let namespace = |key: &str| key.split('#').next().unwrap_or_default().to_owned();
    told.iter().filter(|alias| alias.is_id).any(|alias| {
        let own = namespace(&alias.key);
        let same: Vec<&String> = known.iter().filter(|key| namespace(key) == own).collect();
        !same.is_empty() && !same.iter().any(|key| **key == alias.key)
    })
}

/// The names of an item, folded so that spelling does not matter: none where they are too few to tell it by.
fn name_of(media: &MediaItem) -> Option<String> {
    let title = || {
        media
            .title
            .as_deref()
            .map(fold)
            .filter(|title| !title.is_empty())
    };
    let names = match media.kind {
        ItemKind::Movie => vec![title()?, media.year?.to_string()],
        ItemKind::Episode => {
            let numbering = media.numbering()?;
            let show = fold(media.show_title.as_deref()?);
            vec![
                show,
                numbering.season.to_string(),
                numbering.episode.to_string(),
            ]
        }
        ItemKind::Track => {
            let artist = fold(media.artist.as_deref().or(media.album_artist.as_deref())?);
            vec![artist, title()?]
        }
        ItemKind::PodcastEpisode => vec![fold(media.show_title.as_deref()?), title()?],
        ItemKind::Book => vec![fold(media.author.as_deref()?), title()?],
        ItemKind::Show | ItemKind::Season | ItemKind::Album | ItemKind::Artist => return None,
    };
    names
        .iter()
        .all(|name| !name.is_empty())
        .then(|| names.join("\n"))
}

/// A text without case, punctuation and surplus white space.
pub fn fold(text: &str) -> String {
    let letters = text
        .chars()
        .filter(|c| !matches!(c, '\'' | '’' | '.'))
        .flat_map(char::to_lowercase);
    let kept: String = letters
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::ExternalId;

    #[test]
    fn an_item_has_its_ids_and_its_folded_name_and_a_shows_id_needs_a_number() {
        let mut episode = MediaItem::new(ItemKind::Episode);
        episode.show_title = Some("Marvel’s  Agents of S.H.I.E.L.D.".to_owned());
        (episode.season, episode.episode) = (Some(0), Some(3));
        episode.content_id = Some("77".to_owned());
        episode.ids = vec![
            ExternalId::new(Namespace::Tvdb, Scope::Item, "303821").unwrap(),
            ExternalId::new(Namespace::Tvdb, Scope::Show, "79168")
                .unwrap()
                .numbered(1, 4),
            ExternalId::new(Namespace::Imdb, Scope::Show, "tt0108778").unwrap(),
        ];
        let server = ServerRef::new(Source::Plex, "abc");
        let found = aliases(&episode, &server);
        let keys: Vec<&str> = found.iter().map(|alias| alias.key.as_str()).collect();
        assert_eq!(
            keys[..4],
            [
                "episode:imdb_show#tt0108778:0:3",
                "episode:tvdb#303821",
                "episode:tvdb_show#79168:1:4",
                "plex:abc#77"
            ]
        );
        assert!(keys[4].starts_with("episode:name#") && !found[4].is_id);
        episode.show_title = Some("MARVELS: agents of shield".to_owned());
        assert_eq!(aliases(&episode, &server)[4], found[4]);
    }

    #[test]
    fn what_is_queued_by_its_id_alone_is_the_item_of_the_servers_events() {
        let mut queued = MediaItem::new(ItemKind::Movie);
        queued.content_id = Some("77".to_owned());
        let events = ServerRef::unnamed(Source::Canonical);
        let queue = ServerRef::unnamed(Source::Queue);
        assert_eq!(aliases(&queued, &queue), aliases(&queued, &events));
        let item = item_key(&queued, &queue);
        assert!(awaits_library(&item, &queued));
        let plex = item_key(&queued, &ServerRef::new(Source::Plex, "abc"));
        assert!(!awaits_library(&plex, &queued));
        queued.title = Some("The Matrix".to_owned());
        assert!(!awaits_library(&item, &queued));
    }

    #[test]
    fn the_same_name_with_another_id_is_another_item() {
        let known = ["movie:imdb#tt0133093".to_owned()];
        let told = |key: &str| {
            [Alias {
                key: key.to_owned(),
                is_id: true,
                is_local: false,
            }]
        };
        assert!(contradict(&known, &told("movie:imdb#tt0234215")));
        assert!(!contradict(&known, &told("movie:imdb#tt0133093")));
        assert!(!contradict(&known, &told("movie:tmdb#603")));
    }

    #[test]
    fn an_item_is_chosen_by_its_ids_before_its_name() {
        let id = |key: &str| Alias {
            key: key.to_owned(),
            is_id: true,
            is_local: false,
        };
        let name = Alias {
            key: "movie:name#1".to_owned(),
            is_id: false,
            is_local: false,
        };
        let entry = |item: &str, ids: &[&str]| {
            (
                ItemKey::new(item),
                ids.iter().map(|id| (*id).to_owned()).collect(),
            )
        };
        let known = HashMap::from([
            ("movie:imdb#tt1".to_owned(), entry("a", &["movie:imdb#tt1"])),
            ("movie:name#1".to_owned(), entry("b", &["movie:tmdb#2"])),
        ]);
        let choose = |aliases: &[Alias]| {
            choose_item(aliases, &known, ItemKey::new("new"))
                .item
                .to_string()
        };
        assert_eq!(
            choose(&[id("movie:tmdb#9"), id("movie:imdb#tt1"), name.clone()]),
            "a"
        );
        assert_eq!(choose(&[id("movie:imdb#tt5"), name.clone()]), "b");
        assert_eq!(choose(&[id("movie:tmdb#9"), name.clone()]), "new");
        assert_eq!(choose(&[id("movie:tmdb#2"), name]), "b");
        assert_eq!(choose(&[]), "new");
    }

    /// What a history knows after sightings, each resolved and written down as `progress` does it.
    fn history(sightings: &[(&MediaItem, &ServerRef)]) -> (Vec<ItemKey>, usize) {
        let mut known = HashMap::new();
        let items = sightings.iter().map(|(media, server)| {
            let names = aliases(media, server);
            let choice = choose_item(&names, &known, item_key(media, server));
            let ids: Vec<String> = names
                .iter()
                .filter(|alias| alias.is_id)
                .map(|alias| alias.key.clone())
                .collect();
            for alias in choice.missing {
                known.insert(alias.key, (choice.item.clone(), ids.clone()));
            }
            choice.item
        });
        let items = items.collect();
        (items, known.len())
    }

    fn song(content_id: &str) -> MediaItem {
        let mut track = MediaItem::new(ItemKind::Track);
        (track.title, track.artist) = (Some("Jóga".to_owned()), Some("Björk".to_owned()));
        track.content_id = Some(content_id.to_owned());
        track
    }

    #[test]
    fn a_servers_own_id_takes_no_alias_where_the_name_leads_to_the_item() {
        let (plex, other) = (
            ServerRef::new(Source::Plex, "abc"),
            ServerRef::new(Source::Jellyfin, "xyz"),
        );
        let (items, entries) = history(&[(&song("1"), &plex), (&song("1"), &plex)]);
        assert_eq!((items[0] == items[1], entries), (true, 1));
        // Another server knows it by an id of its own, and by the same name.
        let (items, entries) = history(&[(&song("1"), &plex), (&song("9"), &other)]);
        assert_eq!((items[0] == items[1], entries), (true, 1));
    }

    #[test]
    fn a_second_item_of_the_same_name_on_a_server_is_found_again_by_its_id() {
        let plex = ServerRef::new(Source::Plex, "abc");
        let (first, second) = (song("1"), song("2"));
        let seen = [&first, &second, &first, &second].map(|song| (song, &plex));
        let (items, entries) = history(&seen);
        assert_eq!((&items[0], &items[1]), (&items[2], &items[3]));
        assert_ne!(items[0], items[1]);
        assert_eq!(entries, 2);
    }

    #[test]
    fn an_item_without_a_name_is_found_again_by_the_servers_id() {
        let plex = ServerRef::new(Source::Plex, "abc");
        let mut nameless = song("1");
        nameless.title = None;
        let (items, entries) = history(&[(&nameless, &plex), (&nameless, &plex)]);
        assert_eq!((items[0] == items[1], entries), (true, 1));
    }
}
