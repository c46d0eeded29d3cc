//! Which sightings are the same play, and which items are the same item.
//!
//! An item is known by aliases: every id that names it, its own media server's id, and its names. A play is known by
//! its interval: two sightings of the same item by the same user that share their time are one play, whatever road
//! they came by; a road that tells two times tells of two plays.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::media::{ItemKind, MediaItem, Scope};
use crate::names::{ItemKey, PlayId, ServerRef, Source};
use crate::play::Sighting;
use crate::units::optional_millis;

/// How far apart the clocks of two roads may be for a film, an episode or a book.
const SLACK: TimeDelta = TimeDelta::minutes(2);
/// The same for a track.
const TRACK_SLACK: TimeDelta = TimeDelta::seconds(30);
/// How much of the shorter of two intervals has to lie in the other.
const LEAST_SHARED: f64 = 0.5;
/// A viewing that begins in the second half goes on with an earlier one.
const SECOND_HALF: f64 = 50.0;

/// A name under which an item is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Alias {
    /// The namespace and the value, as the table keeps them: `imdb#tt0133093`.
    pub key: String,
    /// It is an id, which names one item; a title may name several.
    pub is_id: bool,
}

/// Every name of an item, the most telling first.
pub fn aliases(media: &MediaItem, server: &ServerRef) -> Vec<Alias> {
    let mut found = Vec::new();
    let mut add = |key: String, is_id: bool| {
        if !found.iter().any(|alias: &Alias| alias.key == key) {
            found.push(Alias { key, is_id });
        }
    };
    for namespace in crate::media::Namespace::ALL
        .into_iter()
        .filter(|namespace| namespace.names_one_item())
    {
        for id in media.ids.iter().filter(|id| id.namespace == namespace) {
            match (id.scope, id.numbering.or_else(|| media.numbering())) {
                (Scope::Item, _) => add(format!("{}:{namespace}#{}", media.kind, id.value()), true),
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
        );
    }
    found
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
    /// The aliases that the item is not known by yet.
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
    let missing = aliases
        .iter()
        .filter(|alias| !known.contains_key(&alias.key))
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

/// A play as the list of an item's last plays keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The play.
    pub play: PlayId,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was finished.
    pub watched_at: DateTime<Utc>,
    /// How long the item is, where that is known.
    #[serde(
        default,
        with = "optional_millis",
        rename = "duration_ms",
        skip_serializing_if = "Option::is_none"
    )]
    pub duration: Option<TimeDelta>,
    /// Who reported it.
    pub sightings: Vec<Sighting>,
    /// A person marked it by hand.
    #[serde(default)]
    pub manual: bool,
}

/// A sighting of a play, to be compared with those that are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate<'a> {
    /// What was played.
    pub kind: ItemKind,
    /// The road it came by.
    pub road: &'a str,
    /// When it began; equal to `watched_at` where only one moment is known.
    pub started_at: DateTime<Utc>,
    /// When it was finished.
    pub watched_at: DateTime<Utc>,
    /// How long the item is, where that is known.
    pub duration: Option<TimeDelta>,
    /// Where in the item it began, 0–100, where that is known.
    pub began_percent: Option<f64>,
}

/// Finds the known play that a sighting is of; the one that shares most of its time, if there are several.
pub fn find_same<'a>(known: &'a [Seen], candidate: &Candidate<'_>) -> Option<&'a Seen> {
    known
        .iter()
        .filter_map(|seen| shared(seen, candidate).map(|shared| (shared, seen)))
        .max_by_key(|(shared, seen)| {
            (
                *shared,
                -(seen.started_at - candidate.started_at)
                    .num_milliseconds()
                    .abs(),
            )
        })
        .map(|(_, seen)| seen)
}

/// The time that a known play and a sighting share, or `None` where they are two plays.
fn shared(seen: &Seen, candidate: &Candidate<'_>) -> Option<TimeDelta> {
    let slack = if candidate.kind == ItemKind::Track {
        TRACK_SLACK
    } else {
        SLACK
    };
    let same_road = seen
        .sightings
        .iter()
        .any(|sighting| sighting.road == candidate.road);
    if same_road {
        // One road tells one viewing's times alike, and two viewings' apart.
        let told: Vec<_> = seen
            .sightings
            .iter()
            .filter(|sighting| sighting.road == candidate.road)
            .collect();
        let is_same = told
            .iter()
            .any(|sighting| sighting.at == candidate.started_at)
            || seen.started_at == candidate.started_at
            || (candidate.started_at <= seen.started_at && seen.started_at < candidate.watched_at)
            || (seen.started_at <= candidate.started_at && candidate.started_at < seen.watched_at);
        return is_same.then(|| overlap(seen, candidate, TimeDelta::zero()).max(TimeDelta::zero()));
    }
    if candidate
        .began_percent
        .is_some_and(|began| began >= SECOND_HALF)
        && seen.watched_at <= candidate.watched_at
    {
        return Some(TimeDelta::zero());
    }
    let shared = overlap(seen, candidate, slack);
    let shorter = expected_length(
        candidate.started_at,
        candidate.watched_at,
        candidate.duration,
    )
    .min(expected_length(
        seen.started_at,
        seen.watched_at,
        seen.duration,
    ));
    let is_moment =
        candidate.started_at == candidate.watched_at || seen.started_at == seen.watched_at;
    let enough = if is_moment {
        shared >= TimeDelta::zero()
    } else {
        ratio(shared - slack, shorter) >= LEAST_SHARED
    };
    enough.then_some(shared)
}

/// How long the known interval, widened by `slack` on both sides, and the sighting overlap.
fn overlap(seen: &Seen, candidate: &Candidate<'_>, slack: TimeDelta) -> TimeDelta {
    let seen_end =
        seen.started_at + expected_length(seen.started_at, seen.watched_at, seen.duration);
    let own_end = candidate.started_at
        + expected_length(
            candidate.started_at,
            candidate.watched_at,
            candidate.duration,
        );
    (seen_end + slack).min(own_end) - (seen.started_at - slack).max(candidate.started_at)
}

/// How long a viewing lasts to the item's end; a single moment has no length, since it may be either end.
fn expected_length(
    started_at: DateTime<Utc>,
    watched_at: DateTime<Utc>,
    duration: Option<TimeDelta>,
) -> TimeDelta {
    let known = watched_at - started_at;
    if known <= TimeDelta::zero() {
        return TimeDelta::zero();
    }
    duration.map_or(known, |duration| duration.max(known))
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of an item")]
fn ratio(part: TimeDelta, whole: TimeDelta) -> f64 {
    if whole <= TimeDelta::zero() {
        return if part >= TimeDelta::zero() { 1.0 } else { 0.0 };
    }
    part.num_milliseconds() as f64 / whole.num_milliseconds() as f64
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::media::{ExternalId, Namespace};
    use crate::names::UserId;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn seen(road: &str, start: i64, end: i64, duration: Option<i64>) -> Seen {
        Seen {
            play: PlayId::new(
                UserId(Uuid::from_u128(1)),
                &ItemKey::new("item"),
                Some(at(start)),
            ),
            started_at: at(start),
            watched_at: at(end),
            duration: duration.map(TimeDelta::seconds),
            sightings: vec![Sighting {
                road: road.to_owned(),
                at: at(start),
            }],
            manual: false,
        }
    }

    fn candidate<'a>(
        kind: ItemKind,
        road: &'a str,
        start: i64,
        end: i64,
        duration: Option<i64>,
    ) -> Candidate<'a> {
        Candidate {
            kind,
            road,
            started_at: at(start),
            watched_at: at(end),
            duration: duration.map(TimeDelta::seconds),
            began_percent: None,
        }
    }

    #[test]
    fn sightings_that_share_their_time_are_one_play() {
        use ItemKind::{Episode, Movie, Track};
        #[rustfmt::skip]
        let table = [
            // kind, length, known from road a, told by road b, the same?
            (Movie, Some(7200), (0, 5760), (7200, 7200), true),   // queued at its end
            (Movie, Some(7200), (0, 5760), (0, 0), true),         // queued at its start
            (Movie, Some(7200), (0, 5760), (7321, 7321), false),  // beyond the slack of two minutes
            (Movie, Some(7200), (0, 5760), (-121, -121), false),
            (Movie, Some(7200), (0, 5760), (360, 6120), true),    // another server's threshold
            (Episode, Some(1320), (0, 1100), (1400, 2500), false), // watched twice within the hour
            (Episode, None, (0, 0), (100, 100), true),            // two moments of unknown length
            (Episode, None, (0, 0), (121, 121), false),
            (Track, Some(200), (0, 100), (0, 0), true),           // stamped at the start
            (Track, Some(200), (0, 100), (200, 200), true),       // stamped at the end
            (Track, Some(200), (0, 100), (231, 231), false),
            (Track, Some(200), (0, 100), (200, 300), false),      // the next round of a loop
            (Track, Some(200), (0, 100), (5, 110), true),         // two streams of one playing
        ];
        for (kind, length, (start, end), (told_start, told_end), expected) in table {
            let known = [seen("a", start, end, length)];
            let told = candidate(kind, "b", told_start, told_end, length);
            assert_eq!(
                find_same(&known, &told).is_some(),
                expected,
                "{kind} {start}..{end} and {told_start}..{told_end}"
            );
            // Whichever of the two came first, the answer is the same.
            let known = [seen("b", told_start, told_end, length)];
            let told = candidate(kind, "a", start, end, length);
            assert_eq!(
                find_same(&known, &told).is_some(),
                expected,
                "the other way round: {told_start}..{told_end}"
            );
        }
    }

    #[test]
    fn a_road_that_tells_two_times_tells_of_two_plays() {
        let known = [seen("queue", 0, 0, Some(200))];
        assert!(
            find_same(
                &known,
                &candidate(ItemKind::Track, "queue", 0, 0, Some(200))
            )
            .is_some()
        );
        assert!(
            find_same(
                &known,
                &candidate(ItemKind::Track, "queue", 20, 20, Some(200))
            )
            .is_none()
        );
    }

    #[test]
    fn of_several_plays_the_one_that_shares_most_is_meant() {
        let known: Vec<Seen> = (0..5)
            .map(|n| seen("plex", n * 200, n * 200 + 100, Some(200)))
            .collect();
        let told = candidate(ItemKind::Track, "phone", 403, 510, Some(200));
        assert_eq!(
            find_same(&known, &told).map(|seen| seen.started_at),
            Some(at(400))
        );
    }

    #[test]
    fn a_viewing_that_begins_in_the_second_half_goes_on_with_the_last_one() {
        let known = [seen("tv", 0, 6000, Some(7200))];
        let mut told = candidate(ItemKind::Movie, "phone", 40_000, 41_000, Some(7200));
        told.began_percent = Some(83.0);
        assert!(find_same(&known, &told).is_some());
        told.began_percent = Some(0.0);
        assert!(find_same(&known, &told).is_none());
    }

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
    fn the_same_name_with_another_id_is_another_item() {
        let known = ["movie:imdb#tt0133093".to_owned()];
        let told = |key: &str| {
            [Alias {
                key: key.to_owned(),
                is_id: true,
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
        };
        let name = Alias {
            key: "movie:name#1".to_owned(),
            is_id: false,
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
}
