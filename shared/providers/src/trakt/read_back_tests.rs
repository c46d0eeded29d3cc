use serde_json::json;

use super::*;
use crate::testing::{at, movie, play};

#[test]
fn stretches_lie_apart_and_are_never_more_than_twenty() {
    let around = |seconds: i64| (at(seconds - 120), at(seconds + 120));
    let day = 24 * 3600;
    let near = stretches(vec![around(3600), around(0)]);
    assert_eq!(near, [(at(-120), at(3720))]);
    assert_eq!(stretches(vec![around(0), around(day)]).len(), 2);
    let hundred: Vec<_> = (0..100).map(|n| around(n * day)).collect();
    let read = stretches(hundred.clone());
    assert!(read.len() <= MOST_STRETCHES, "{}", read.len());
    let covers = |one: &(DateTime<Utc>, DateTime<Utc>)| {
        read.iter().any(|(from, to)| *from <= one.0 && one.1 <= *to)
    };
    assert!(hundred.iter().all(covers));
    assert!(stretches(Vec::new()).is_empty());
}

#[test]
fn one_entry_is_one_play_and_seconds_do_not_matter() {
    let watched = |seconds| play(movie("tt0133093"), Some(at(0)), Some(at(seconds)));
    let plays = [watched(7030), watched(7090)];
    let sought: Vec<Sought<'_>> = plays
        .iter()
        .map(|play| Sought::around(&play.id, &play.media, play.watched_at.unwrap()))
        .collect();
    let entry = |id: i64, watched_at: Option<&str>| -> Entry {
        serde_json::from_value(json!({"id": id, "watched_at": watched_at, "type": "movie",
            "movie": {"title": "The Matrix", "year": null, "ids": {"trakt": 481, "slug": "the-matrix-1999", "imdb": "tt0133093", "tmdb": null}}}))
        .unwrap()
    };
    let is_found = |entries: &[Entry]| -> Vec<bool> {
        found(&sought, entries)
            .iter()
            .map(|(_, outcome)| outcome.is_some())
            .collect()
    };
    assert_eq!(
        is_found(&[entry(1, Some("2025-11-20T13:57:00.000Z"))]),
        [true, false]
    );
    assert_eq!(
        is_found(&[entry(1, Some("2025-11-20T13:54:00.000Z"))]),
        [false, false]
    );
    assert_eq!(is_found(&[entry(1, None)]), [false, false]);
    let both = [
        entry(1, Some("2025-11-20T13:57:00.000Z")),
        entry(2, Some("2025-11-20T13:58:00.000Z")),
    ];
    assert_eq!(is_found(&both), [true, true]);
}

#[test]
fn of_two_entries_the_nearer_one_is_the_play() {
    let film = play(movie("tt0133093"), Some(at(0)), Some(at(7030)));
    let sought = [Sought::around(&film.id, &film.media, at(7030))];
    let entry = |id: i64, watched_at: &str| -> Entry {
        serde_json::from_value(json!({"id": id, "watched_at": watched_at,
            "movie": {"ids": {"imdb": "tt0133093"}}}))
        .unwrap()
    };
    let entries = [
        entry(2, "2025-11-20T13:58:00.000Z"),
        entry(1, "2025-11-20T13:57:00.000Z"),
    ];
    assert_eq!(found(&sought, &entries)[0].1.unwrap().id, 1);
}
