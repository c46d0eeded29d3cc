//! Where items are found, and what is said where they are not.

use proptest::prelude::*;

use super::*;
use crate::anime::Catalogue::{AniList, MyAnimeList};

#[test]
fn a_season_over_two_cours_is_two_entries_whose_episodes_begin_anew() {
    let index = small();
    let at = |season, episode| numbered(Origin::TvdbShow, 900_100, season, episode);
    for (season, episode, anilist, mal) in [
        (1, 1, (100, 1, 1), (1100, 1, 1)),
        (1, 12, (100, 12, 12), (1100, 12, 12)),
        (1, 13, (101, 1, 1), (1101, 1, 1)),
        (1, 24, (101, 12, 12), (1101, 12, 12)),
        (2, 1, (103, 2, 2), (1103, 2, 2)),
    ] {
        assert_eq!(place(&index, at(season, episode), AniList), Some(anilist));
        assert_eq!(place(&index, at(season, episode), MyAnimeList), Some(mal));
    }
}

#[test]
fn a_special_has_its_own_entry_and_is_followed_over_to_the_other_catalogue() {
    let index = small();
    let special = numbered(Origin::TvdbShow, 900_100, 0, 2);
    assert_eq!(place(&index, special, AniList), Some((102, 1, 1)));
    let answer = ask(&index, &[special], MyAnimeList);
    let Answer::Found { place, by } = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(
        (place.entry.id, place.last, place.episodes),
        (1102, 1, Some(1))
    );
    assert_eq!(by, By::OtherCatalogue(special));
}

#[test]
fn films_are_their_entrys_first_episode() {
    let index = small();
    for (origin, id, entry) in [
        (Origin::TmdbMovie, 901, 901),
        (Origin::ImdbMovie, 900_901, 901),
        (Origin::TvdbMovie, 904, 904),
    ] {
        let film = reference(origin, id, At::Film);
        assert_eq!(place(&index, film, AniList), Some((entry, 1, 1)));
    }
    let three = reference(Origin::TmdbMovie, 902, At::Film);
    assert_eq!(place(&index, three, AniList), Some((902, 1, 3)));
}

#[test]
fn a_compilation_is_offered_and_never_marked_by_itself() {
    let answer = ask(
        &small(),
        &[reference(Origin::TmdbMovie, 903, At::Film)],
        AniList,
    );
    assert_eq!(choices(answer), [(Why::Compilation(24), 300, Some(24))]);
}

#[test]
fn shorts_and_halves_keep_their_ratio() {
    let index = small();
    let shorts = numbered(Origin::TvdbShow, 900_200, 1, 2);
    assert_eq!(place(&index, shorts, AniList), Some((200, 6, 10)));
    assert_eq!(place(&index, shorts, MyAnimeList), Some((1200, 6, 10)));
    for (episode, is_over) in [(3, false), (4, true)] {
        let half = numbered(Origin::TvdbShow, 900_300, 1, episode);
        let Answer::Found { place, .. } = ask(&index, &[half], AniList) else {
            panic!("it is mapped");
        };
        assert_eq!(
            (place.entry.id, place.last, place.is_last_part()),
            (300, 2, is_over)
        );
    }
}

#[test]
fn a_list_of_targets_skips_the_recap_and_what_stands_for_nothing_is_left_out() {
    let index = small();
    let at = |episode| numbered(Origin::TvdbShow, 900_600, 1, episode);
    assert_eq!(place(&index, at(6), AniList), Some((600, 6, 6)));
    assert_eq!(place(&index, at(7), AniList), Some((600, 8, 8)));
    assert_eq!(
        choices(ask(&index, &[at(12)], AniList)),
        [(Why::Several, 600, Some(13)), (Why::Several, 601, Some(1))]
    );
    assert_eq!(place(&index, at(13), AniList), Some((600, 14, 14)));
}

#[test]
fn what_stands_for_nothing_in_one_catalogue_is_not_followed_over_from_the_other() {
    let index = small();
    let at = |episode| numbered(Origin::TvdbShow, 900_600, 1, episode);
    assert_eq!(place(&index, at(5), AniList), Some((600, 5, 5)));
    assert_eq!(place(&index, at(5), MyAnimeList), None);
    assert_eq!(place(&index, at(7), MyAnimeList), Some((1600, 7, 7)));
    let Answer::Candidates { tried, .. } = ask(&index, &[at(5)], MyAnimeList) else {
        panic!("the show is known");
    };
    assert_eq!(
        tried[0].to_string(),
        "TheTVDB show 900600 season 1 episode 5: by the list nothing in MyAnimeList"
    );
}

#[test]
fn no_more_candidates_are_offered_than_a_person_reads() {
    let seasons: String = (1..=40)
        .map(|season| format!(r#""tvdb_show:1:s{season}":{{"anilist:{season}":{{"1":"1"}}}},"#))
        .collect();
    let json = format!(r#"{{{seasons}"$meta":{{"schema_version":"3.0.0"}}}}"#);
    let (index, _) = dataset::read(json.as_bytes(), None, SMALL_LIMITS).unwrap();
    let answer = ask(&index, &[numbered(Origin::TvdbShow, 1, 50, 1)], AniList);
    assert_eq!(choices(answer).len(), MOST_CHOICES);
}

#[test]
fn two_entries_that_claim_a_season_are_a_choice_and_where_only_one_does_a_place() {
    let index = small();
    let at = |episode| numbered(Origin::TvdbShow, 900_800, 1, episode);
    assert_eq!(
        choices(ask(&index, &[at(5)], AniList)),
        [(Why::Several, 800, Some(5)), (Why::Several, 801, Some(5))]
    );
    assert_eq!(place(&index, at(13), AniList), Some((801, 13, 13)));
}

#[test]
fn numbers_over_all_seasons_are_found_only_where_they_can_mean_one_thing() {
    let index = small();
    let at = |origin, id, episode| reference(origin, id, At::Absolute { episode });
    for (origin, id, episode, found) in [
        // In the first season both counts are one.
        (Origin::TvdbShow, 900_100, 13, Some((101, 1, 1))),
        // TMDB's long runners go on counting.
        (Origin::TmdbShow, 900_400, 70, Some((400, 70, 70))),
        (Origin::TmdbShow, 900_400, 1_100, Some((400, 1_100, 1_100))),
        // All seasons are one entry, and its own count says the same.
        (Origin::TvdbShow, 900_500, 70, Some((400, 70, 70))),
        // Only counting says it: the database may have episodes that the list leaves out.
        (Origin::TvdbShow, 900_700, 14, None),
        (Origin::TvdbShow, 900_100, 25, None),
    ] {
        assert_eq!(
            place(&index, at(origin, id, episode), AniList),
            found,
            "{id} {episode}"
        );
    }
    let counted = choices(ask(&index, &[at(Origin::TvdbShow, 900_100, 25)], AniList));
    assert_eq!(counted[0], (Why::Counted, 103, Some(2)));
}

#[test]
fn an_episode_beyond_the_seasons_end_is_offered_as_a_number_over_all_and_as_its_show() {
    let answer = ask(
        &small(),
        &[numbered(Origin::TvdbShow, 900_100, 1, 26)],
        AniList,
    );
    assert_eq!(
        choices(answer),
        [
            (Why::PerhapsAbsolute, 103, Some(3)),
            (Why::SameShow, 100, None),
            (Why::SameShow, 101, None),
            (Why::SameShow, 102, None),
        ]
    );
}

#[test]
fn a_show_that_the_list_does_not_know_is_not_found_and_says_what_was_tried() {
    let references = [
        numbered(Origin::TvdbShow, 121_361, 1, 1),
        numbered(Origin::ImdbShow, 944_947, 1, 1),
    ];
    let Answer::NotFound { tried } = ask(&small(), &references, AniList) else {
        panic!("there is nothing to find");
    };
    let texts: Vec<_> = tried.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "TheTVDB show 121361 season 1 episode 1: not in the list for AniList",
            "IMDb show tt0944947 season 1 episode 1: not in the list for AniList",
        ]
    );
    assert_eq!(
        find(&small(), &[], &Query::default(), AniList),
        Answer::NotFound { tried: Vec::new() }
    );
}

#[test]
fn an_id_that_carries_the_librarys_number_counts_only_where_no_other_leads_anywhere() {
    let index = small();
    let tvdb = numbered(Origin::TvdbShow, 900_100, 2, 1);
    let tmdb = Reference {
        is_own_number: false,
        ..numbered(Origin::TmdbShow, 900_100, 1, 1)
    };
    let Answer::Found { place, by } = ask(&index, &[tmdb, tvdb], AniList) else {
        panic!("TheTVDB's number is its own");
    };
    assert_eq!((place.entry.id, by), (103, By::List(tvdb)));
    let Answer::Found { place, .. } = ask(&index, &[tmdb], AniList) else {
        panic!("nothing speaks against it");
    };
    assert_eq!(place.entry.id, 100);
}

#[test]
fn a_number_that_is_one_databases_own_is_only_offered_as_anothers() {
    let tvdb = numbered(Origin::TvdbShow, 900_100, 3, 1);
    let tmdb = Reference {
        is_own_number: false,
        ..numbered(Origin::TmdbShow, 900_400, 3, 80)
    };
    assert_eq!(
        choices(ask(&small(), &[tvdb, tmdb], AniList)),
        [(Why::OtherNumbering, 400, Some(80))]
    );
}

#[test]
fn references_that_disagree_are_a_choice_and_one_that_settles_another_is_a_place() {
    let index = small();
    let one = numbered(Origin::TvdbShow, 900_100, 2, 1);
    let other = numbered(Origin::TmdbShow, 900_100, 1, 1);
    assert_eq!(
        choices(ask(&index, &[one, other], AniList)),
        [(Why::Several, 103, Some(2)), (Why::Several, 100, Some(1))]
    );
    let same = numbered(Origin::ImdbShow, 900_100, 1, 1);
    let both = [numbered(Origin::TvdbShow, 900_100, 1, 1), same];
    assert!(matches!(ask(&index, &both, AniList), Answer::Found { .. }));
    let (two, one) = (
        numbered(Origin::TvdbShow, 900_800, 1, 5),
        numbered(Origin::ImdbShow, 900_800, 1, 5),
    );
    let Answer::Found { place, by } = ask(&index, &[two, one], AniList) else {
        panic!("IMDb's numbers say which of the two");
    };
    assert_eq!((place.entry.id, by), (800, By::List(one)));
}

#[test]
fn anidbs_numbers_and_named_entries_are_taken_as_they_are() {
    let index = small();
    for (reference, found) in [
        (numbered(Origin::AniDb, 700, 1, 3), Some((100, 3, 3))),
        (
            reference(Origin::AniDb, 700, At::Absolute { episode: 3 }),
            Some((100, 3, 3)),
        ),
        (numbered(Origin::AniDb, 700, 0, 1), Some((102, 1, 1))),
        (numbered(Origin::AniList, 101, 1, 4), Some((101, 4, 4))),
        (numbered(Origin::AniList, 101, 1, 13), None),
        (numbered(Origin::AniList, 555, 1, 13), Some((555, 13, 13))),
    ] {
        assert_eq!(place(&index, reference, AniList), found, "{reference}");
    }
    let named = numbered(Origin::AniList, 101, 1, 4);
    assert_eq!(place(&index, named, MyAnimeList), Some((1101, 4, 4)));
}

#[test]
fn the_users_rules_win_and_a_choice_serves_both_catalogues() {
    let index = small();
    let at = |season, episode| numbered(Origin::TvdbShow, 900_100, season, episode);
    let entry = Entry {
        catalogue: AniList,
        id: 100,
    };
    let rules = [Override::of_choice(at(3, 5), entry, 1)];
    let ask = |rules: &[Override], reference, catalogue| {
        find(&index, rules, &Query::new([reference]), catalogue)
    };
    for (catalogue, id) in [(AniList, 100), (MyAnimeList, 1100)] {
        let Answer::Found { place, by } = ask(&rules, at(3, 7), catalogue) else {
            panic!("the user said so");
        };
        assert_eq!((place.entry.id, place.last, by), (id, 3, By::Override));
    }
    assert!(matches!(
        ask(&rules, at(3, 4), AniList),
        Answer::Candidates { .. }
    ));

    let narrower = Override {
        from: 7,
        to: Some(7),
        says: Says::IsNotSent,
        ..rules[0]
    };
    let rules = [narrower, rules[0]];
    assert_eq!(ask(&rules, at(3, 7), AniList), Answer::Excluded);
    assert!(matches!(
        ask(&rules, at(3, 8), AniList),
        Answer::Found { .. }
    ));

    let again = Override::of_choice(at(3, 5), entry, 11);
    let rules = [rules[1], again];
    let Answer::Found { place, .. } = ask(&rules, at(3, 5), AniList) else {
        panic!("what was said last holds");
    };
    assert_eq!(place.last, 11);
}

#[test]
fn a_rule_of_one_catalogue_leaves_the_list_to_the_other_where_no_link_is_known() {
    let index = small();
    let reference = numbered(Origin::TvdbShow, 900_100, 1, 1);
    let entry = Entry {
        catalogue: AniList,
        id: 801,
    };
    let rules = [Override::of_choice(reference, entry, 1)];
    let Answer::Found { place, by } = find(&index, &rules, &Query::new([reference]), MyAnimeList)
    else {
        panic!("the list knows it");
    };
    assert_eq!((place.entry.id, by), (1100, By::List(reference)));
}

proptest! {
    #[test]
    fn whatever_is_asked_only_what_the_list_says_is_found(
        origin in prop::sample::select(&Origin::ALL[..]), id in prop::sample::select(vec![100u32, 901, 700, 900_100, 900_400, 900_500, 900_600]),
        season in 0u32..4, episode in 0u32..1200, absolute: bool,
    ) {
        let at = if absolute { At::Absolute { episode } } else { At::Season { season, episode } };
        let index = small();
        for catalogue in Catalogue::ALL {
            if let Answer::Found { place, .. } = ask(&index, &[reference(origin, id, at)], catalogue) {
                prop_assert!(place.first >= 1 && place.first <= place.last && place.part <= place.parts);
                prop_assert!(place.last - place.first < MOST_AT_ONCE);
                prop_assert!(place.episodes.is_none_or(|episodes| place.last <= episodes));
            }
        }
    }
}
