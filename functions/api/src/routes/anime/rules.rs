//! What a request says: of which item, and where it lies; and the rules that this makes.

use std::collections::BTreeSet;

use hub_domain::anime::{Catalogue, Entry, Override, Reference, Says};
use hub_domain::{ItemKind, MediaItem};

use super::PlaceHead;
use crate::problem::Problem;
use crate::wire::item::ItemBody;

/// The highest number of an episode.
const LAST_EPISODE: u32 = 65_535;

/// The item of a body.
pub(super) fn of_body(item: ItemBody) -> Result<MediaItem, Problem> {
    let kind = item
        .kind()
        .ok_or_else(|| Problem::field("item_type", "This field is needed."))?;
    of_anime(kind)?;
    let mut media = item.into_media(kind, None)?;
    if kind == ItemKind::Season && media.season.is_none() {
        return Err(Problem::field("season", "A season needs its number."));
    }
    if kind == ItemKind::Episode && media.episode.is_none() {
        if media.season.is_none() {
            let why = "An episode needs its number, or the season's to mean all of it.";
            return Err(Problem::field("episode", why));
        }
        media.episode = Some(1);
    }
    Ok(media)
}

pub(super) fn of_anime(kind: ItemKind) -> Result<(), Problem> {
    if kind.is_of_video() {
        return Ok(());
    }
    Err(Problem::field(
        "item_type",
        "The anime lists have movie, episode, season and show.",
    ))
}

/// What was said of each reference.
pub(super) fn said(head: &PlaceHead, media: &MediaItem) -> Result<Vec<Says>, Problem> {
    let entries = [
        ("anilist", head.anilist, Catalogue::AniList),
        ("myanimelist", head.myanimelist, Catalogue::MyAnimeList),
    ];
    if head.exclude {
        let named = entries.iter().find(|(_, id, _)| id.is_some());
        return match named {
            None => Ok(vec![Says::IsNotSent]),
            Some((field, _, _)) => Err(Problem::field(
                *field,
                "What is excluded has no entry: leave this out, or `exclude`.",
            )),
        };
    }
    let is_whole = matches!(media.kind, ItemKind::Season | ItemKind::Show);
    let first = head.entry_episode.unwrap_or(1);
    if !(1..=LAST_EPISODE).contains(&first) || (is_whole && first != 1) {
        let why =
            format!("A number from 1 to {LAST_EPISODE} is expected, of an episode or a film.");
        return Err(Problem::field("entry_episode", why));
    }
    let mut said = Vec::new();
    for (field, id, catalogue) in entries {
        match id {
            Some(0) => return Err(Problem::field(field, "This is no entry.")),
            Some(id) => said.push(Says::Is {
                entry: Entry { catalogue, id },
                first,
            }),
            None => {}
        }
    }
    if said.is_empty() {
        return Err(Problem::field(
            "anilist",
            "An entry at `anilist` or `myanimelist` is needed, or `exclude`: true.",
        ));
    }
    Ok(said)
}

/// The rules that are made: what was said, of each reference.
pub(super) fn rules(
    references: &BTreeSet<Reference>,
    said: &[Says],
    media: &MediaItem,
) -> Vec<Override> {
    let mut rules: Vec<Override> = Vec::new();
    for reference in references {
        for says in said {
            let mut rule = match *says {
                Says::Is { entry, first } => Override::of_choice(*reference, entry, first),
                Says::IsNotSent => Override::of_refusal(*reference),
            };
            if let (ItemKind::Episode, Some(first), Some(last)) =
                (media.kind, media.episode, media.episode_end)
            {
                rule.to = Some(rule.from + last.saturating_sub(first));
            }
            // Two references may differ in nothing but whose number it is.
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
    }
    rules
}

/// What a rule is about, for people.
pub(super) fn about(media: &MediaItem) -> String {
    match media.kind {
        ItemKind::Season => {
            let show = media.show_title.as_deref().unwrap_or("?");
            format!("{show}, season {}", media.season.unwrap_or_default())
        }
        ItemKind::Movie
        | ItemKind::Episode
        | ItemKind::Track
        | ItemKind::PodcastEpisode
        | ItemKind::Book
        | ItemKind::Show
        | ItemKind::Album
        | ItemKind::Artist => media.label(),
    }
}

#[cfg(test)]
mod tests {
    use hub_domain::anime::Query;

    use super::*;
    use crate::body::{parse, parse_object};

    fn read(json: &str) -> Result<(MediaItem, Vec<Says>), Option<String>> {
        let read = || {
            let head: PlaceHead = parse_object(json.as_bytes())?;
            let media = of_body(parse(json.as_bytes())?)?;
            let said = said(&head, &media)?;
            Ok((media, said))
        };
        read().map_err(|problem: Problem| problem.field_name().map(str::to_owned))
    }

    fn ranges(json: &str) -> Vec<(&'static str, Option<u32>, u32, Option<u32>)> {
        let (media, said) = read(json).unwrap();
        let references = Query::of(&media).references().iter().copied().collect();
        rules(&references, &said, &media)
            .iter()
            .map(|rule| (rule.origin.name(), rule.season, rule.from, rule.to))
            .collect()
    }

    #[test]
    fn an_episode_is_meant_from_there_on_unless_its_end_is_named() {
        let show =
            r#""show":{"title":"x","external_ids":{"tvdb":267440,"tmdb":1429}},"anilist":131681"#;
        for (item, from, to) in [
            (r#""item_type":"episode","season":4,"episode":17"#, 17, None),
            (r#""item_type":"episode","season":4"#, 1, None),
            (
                r#""item_type":"episode","season":4,"episode":17,"episode_end":28"#,
                17,
                Some(28),
            ),
            (r#""item_type":"season","season":4"#, 0, Some(0)),
        ] {
            let ranges = ranges(&format!("{{{item},{show}}}"));
            let expected = ["tvdb_show", "tmdb_show"].map(|origin| (origin, Some(4), from, to));
            assert_eq!(ranges, expected, "{item}");
        }
    }

    #[test]
    fn what_is_excluded_is_excluded_with_its_episodes() {
        let show = r#""show":{"external_ids":{"tvdb":1}},"exclude":true"#;
        let season = format!(r#"{{"item_type":"season","season":2,{show}}}"#);
        assert_eq!(ranges(&season), [("tvdb_show", Some(2), 0, None)]);
        let whole = r#"{"item_type":"show","external_ids":{"tvdb":1},"exclude":true}"#;
        assert_eq!(ranges(whole), [("tvdb_show", None, 0, None)]);
        let film = r#"{"item_type":"movie","external_ids":{"tmdb":1},"exclude":true}"#;
        assert_eq!(ranges(film), [("tmdb_movie", None, 1, Some(1))]);
    }

    #[test]
    fn both_lists_may_be_named_at_once() {
        let (_, said) = read(
            r#"{"item_type":"movie","title":"x","anilist":5,"myanimelist":6,"entry_episode":2}"#,
        )
        .unwrap();
        let entries: Vec<_> = said
            .iter()
            .map(|says| match says {
                Says::Is { entry, first } => (entry.to_string(), *first),
                Says::IsNotSent => panic!("it is"),
            })
            .collect();
        let expected = [("AniList 5".to_owned(), 2), ("MyAnimeList 6".to_owned(), 2)];
        assert_eq!(entries, expected);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_field() {
        for (json, field) in [
            (r#"{"title":"x","anilist":1}"#, "item_type"),
            (
                r#"{"item_type":"track","title":"x","anilist":1}"#,
                "item_type",
            ),
            (r#"{"item_type":"movie","title":"x"}"#, "anilist"),
            (
                r#"{"item_type":"movie","title":"x","anilist":0}"#,
                "anilist",
            ),
            (
                r#"{"item_type":"movie","title":"x","myanimelist":1,"exclude":true}"#,
                "myanimelist",
            ),
            (
                r#"{"item_type":"movie","title":"x","anilist":1,"entry_episode":0}"#,
                "entry_episode",
            ),
            (
                r#"{"item_type":"show","title":"x","anilist":1,"entry_episode":2}"#,
                "entry_episode",
            ),
            (
                r#"{"item_type":"season","title":"x","anilist":1}"#,
                "season",
            ),
            (
                r#"{"item_type":"episode","title":"x","anilist":1}"#,
                "episode",
            ),
            (r#"{"item_type":"movie","anilist":1}"#, "title"),
        ] {
            assert_eq!(read(json).unwrap_err().as_deref(), Some(field), "{json}");
        }
    }
}
