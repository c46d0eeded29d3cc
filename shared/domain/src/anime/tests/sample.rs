//! The sample of the real list, where it is at hand.

use super::*;
use crate::anime::Catalogue::{AniList, MyAnimeList};

/// The sample of the real list. It is not part of this project: `HUB_REFERENCE` names the folder that holds it.
#[expect(
    clippy::disallowed_methods,
    reason = "the reference is no setting of the hub; it exists for these tests alone"
)]
fn sample() -> Option<Vec<u8>> {
    let folder = std::env::var("HUB_REFERENCE").ok();
    let Some(folder) = folder else {
        eprintln!("skipped: HUB_REFERENCE does not name the folder of the sample");
        return None;
    };
    let path = std::path::Path::new(&folder).join("contracts/anime-mapping-sample.json");
    Some(std::fs::read(path).unwrap())
}

#[test]
fn the_sample_of_the_real_list_is_read_whole_and_placed_as_its_makers_say() {
    let Some(json) = sample() else { return };
    let (index, tally) = dataset::read(&json, None, Limits::default()).unwrap();
    eprintln!(
        "{tally:?}; {} bytes in memory, {} packed",
        index.len() * 21,
        index.pack().len()
    );
    assert_eq!(tally.broken, 0);
    assert_eq!(Index::unpack(&index.pack()).unwrap(), index);
    for (reference, anilist, mal) in [
        (
            numbered(Origin::TvdbShow, 267_440, 4, 20),
            (131_681, 4, 4),
            (48_583, 4, 4),
        ),
        (
            numbered(Origin::TvdbShow, 371_310, 1, 12),
            (127_720, 1, 1),
            (45_576, 1, 1),
        ),
        (
            numbered(Origin::TvdbShow, 371_310, 2, 1),
            (146_065, 2, 2),
            (51_179, 2, 2),
        ),
        (
            numbered(Origin::TvdbShow, 371_310, 0, 2),
            (146_065, 1, 1),
            (51_179, 1, 1),
        ),
        (
            numbered(Origin::TmdbShow, 46_298, 3, 140),
            (11_061, 140, 140),
            (11_061, 140, 140),
        ),
        (
            numbered(Origin::TvdbShow, 252_322, 3, 4),
            (11_061, 140, 140),
            (11_061, 140, 140),
        ),
        (
            reference(Origin::TmdbShow, 46_298, At::Absolute { episode: 140 }),
            (11_061, 140, 140),
            (11_061, 140, 140),
        ),
    ] {
        assert_eq!(
            place(&index, reference, AniList),
            Some(anilist),
            "{reference}"
        );
        assert_eq!(
            place(&index, reference, MyAnimeList),
            Some(mal),
            "{reference}"
        );
    }
    let film = reference(Origin::ImdbMovie, 5_311_514, At::Film);
    assert_eq!(place(&index, film, AniList), Some((21_519, 1, 1)));
}

/// First and last of `x` or `x-y`; nothing for open ranges and ratios.
fn ends(range: &str) -> Option<(u32, u32)> {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    Some((first.parse().ok()?, last.parse().ok()?))
}

#[test]
fn every_stretch_of_the_sample_leads_back_to_the_entry_that_names_it() {
    let Some(json) = sample() else { return };
    let (index, _) = dataset::read(&json, None, Limits::default()).unwrap();
    let list: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let (mut found, mut offered) = (0, 0);
    for (entry, targets) in list.as_object().unwrap() {
        let Some(entry) = entry.strip_prefix("anilist:") else {
            continue;
        };
        let entry: u32 = entry.parse().unwrap();
        for (target, ranges) in targets.as_object().unwrap() {
            let parts: Vec<_> = target.split(':').collect();
            let &[origin @ ("tvdb_show" | "tmdb_show"), id, season] = &parts[..] else {
                continue;
            };
            let origin: Origin = origin.parse().unwrap();
            let season: u32 = season[1..].parse().unwrap();
            for (ours, theirs) in ranges.as_object().unwrap() {
                let theirs = theirs.as_str().and_then(ends);
                let (Some((first, last)), Some((from, _))) = (ends(ours), theirs) else {
                    continue;
                };
                for episode in first..=last {
                    let asked = numbered(
                        origin,
                        origin.id(id).unwrap(),
                        season,
                        from + episode - first,
                    );
                    match ask(&index, &[asked], AniList) {
                        Answer::Found { place, .. } => {
                            assert_eq!((place.entry.id, place.last), (entry, episode), "{asked}");
                            found += 1;
                        }
                        Answer::Candidates { choices, .. } => {
                            let is_offered = |choice: &Choice| {
                                (choice.entry.id, choice.episode) == (entry, Some(episode))
                            };
                            assert!(choices.iter().any(is_offered), "{asked}");
                            offered += 1;
                        }
                        Answer::NotFound { .. } | Answer::Excluded => panic!("{asked}"),
                    }
                }
            }
        }
    }
    eprintln!("{found} episodes found, {offered} offered");
    assert!(found > 10_000 && offered < found / 100);
}
