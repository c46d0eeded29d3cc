//! Seasons and shows as a whole, and rules by title.

use super::*;
use crate::anime::Catalogue::{AniList, MyAnimeList};
use crate::media::{ExternalId, ItemKind, MediaItem, Namespace, Scope};

fn id(namespace: Namespace, scope: Scope, raw: &str) -> ExternalId {
    ExternalId::new(namespace, scope, raw).unwrap()
}

fn season_of(number: u32) -> MediaItem {
    let mut season = MediaItem::new(ItemKind::Season);
    season.show_title = Some("Twice Cut".to_owned());
    season.season = Some(number);
    season.ids = vec![id(Namespace::Tvdb, Scope::Show, "900100")];
    season
}

fn entry_of(answer: &Answer) -> Option<u32> {
    match answer {
        Answer::Found { place, .. } => Some(place.entry.id),
        Answer::Candidates { .. } | Answer::NotFound { .. } | Answer::Excluded => None,
    }
}

fn whole(rules: &[Override], item: &MediaItem) -> Answer {
    find(&small(), rules, &Query::of(item), AniList)
}

#[test]
fn a_season_that_is_one_entry_is_found_and_one_of_two_cours_is_offered() {
    assert_eq!(entry_of(&whole(&[], &season_of(2))), Some(103));
    let offered = choices(whole(&[], &season_of(1)));
    assert_eq!(
        offered,
        [(Why::Several, 100, None), (Why::Several, 101, None)]
    );
    let offered = choices(whole(&[], &season_of(7)));
    assert!(offered.iter().all(|(why, _, _)| *why == Why::SameShow));
}

#[test]
fn a_show_is_an_entry_only_if_all_its_seasons_are() {
    let show = |tvdb: &str| {
        let mut show = MediaItem::new(ItemKind::Show);
        show.ids = vec![id(Namespace::Tvdb, Scope::Item, tvdb)];
        show
    };
    assert_eq!(entry_of(&whole(&[], &show("900200"))), Some(200));
    let offered = choices(whole(&[], &show("900100")));
    let entries: Vec<_> = offered.iter().map(|(_, entry, _)| *entry).collect();
    assert_eq!(entries, [100, 101, 103], "and not the special");
    let mut named = show("1");
    named.ids = vec![id(Namespace::Myanimelist, Scope::Item, "1100")];
    assert_eq!(entry_of(&whole(&[], &named)), Some(100));
}

#[test]
fn what_a_user_chose_for_a_whole_season_says_nothing_of_its_episodes() {
    let season = season_of(1);
    let reference = Query::of(&season).references()[0];
    let entry = Entry {
        catalogue: AniList,
        id: 101,
    };
    let rule = Override::of_choice(reference, entry, 1);
    assert_eq!(entry_of(&whole(&[rule], &season)), Some(101));
    let episode = numbered(Origin::TvdbShow, 900_100, 1, 3);
    let answer = find(&small(), &[rule], &Query::new([episode]), AniList);
    assert_eq!(entry_of(&answer), Some(100));
}

#[test]
fn a_season_of_which_the_user_placed_a_part_elsewhere_is_no_single_entry() {
    let from = numbered(Origin::TvdbShow, 900_100, 2, 5);
    let rule = Override::of_choice(
        from,
        Entry {
            catalogue: AniList,
            id: 777,
        },
        1,
    );
    let offered = choices(whole(&[rule], &season_of(2)));
    let entries: Vec<_> = offered.iter().map(|(_, entry, _)| *entry).collect();
    assert_eq!(entries, [103, 777]);
}

#[test]
fn a_refused_show_is_refused_in_all_its_seasons_and_episodes() {
    let mut show = MediaItem::new(ItemKind::Show);
    show.ids = vec![id(Namespace::Tvdb, Scope::Item, "900100")];
    let rule = Override::of_refusal(Query::of(&show).references()[0]);
    assert_eq!(whole(&[rule], &show), Answer::Excluded);
    assert_eq!(whole(&[rule], &season_of(2)), Answer::Excluded);
    for catalogue in [AniList, MyAnimeList] {
        let episode = Query::new([numbered(Origin::TvdbShow, 900_100, 0, 2)]);
        assert_eq!(
            find(&small(), &[rule], &episode, catalogue),
            Answer::Excluded
        );
    }
    let rule = Override::of_refusal(Query::of(&season_of(2)).references()[0]);
    assert_eq!(whole(&[rule], &season_of(2)), Answer::Excluded);
    assert_eq!(entry_of(&whole(&[rule], &show)), None);
    assert_ne!(whole(&[rule], &season_of(1)), Answer::Excluded);
}

#[test]
fn a_show_that_is_known_by_its_title_alone_follows_the_users_rule() {
    let mut item = MediaItem::new(ItemKind::Episode);
    item.show_title = Some("86 Eighty-Six".to_owned());
    (item.season, item.episode) = (Some(1), Some(12));
    item.ids = vec![id(Namespace::Anidb, Scope::Item, "238801")];
    let nothing = Answer::NotFound { tried: Vec::new() };
    assert_eq!(whole(&[], &item), nothing);
    let title = Query::of(&item).title().unwrap();
    let rule = Override::of_choice(
        title,
        Entry {
            catalogue: AniList,
            id: 131_586,
        },
        1,
    );
    item.episode = Some(14);
    item.show_title = Some("86: eighty six".to_owned());
    let Answer::Found { place, by } = whole(&[rule], &item) else {
        panic!("the rule holds from episode 12 on");
    };
    assert_eq!((place.entry.id, place.last, by), (131_586, 3, By::Override));
    item.show_year = Some(1986);
    assert_eq!(whole(&[rule], &item), nothing, "another show of that name");
}

#[test]
fn a_choice_is_told_with_the_reference_that_it_is_for() {
    let Answer::Candidates { choices, .. } = whole(&[], &season_of(1)) else {
        panic!("there are two");
    };
    let candidate = choices[0].candidate();
    assert_eq!(candidate.entry.id, 100);
    assert_eq!(
        candidate.why,
        "TheTVDB show 900100 season 1: several places are named for it"
    );
}
