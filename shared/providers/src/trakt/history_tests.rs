use serde_json::{Value, json};

use super::*;
use crate::testing::{at, episode, movie, play};

fn added(answer: Value) -> Added {
    serde_json::from_value(answer).unwrap()
}

fn film(imdb: &str) -> Item {
    item::item_of(&movie(imdb), false).unwrap()
}

fn by_id(tvdb: &str) -> Item {
    item::item_of(&episode(1, Some(tvdb)), false).unwrap()
}

fn by_number(number: u32) -> Item {
    item::item_of(&episode(number, None), false).unwrap()
}

/// `d`elivered, not `f`ound, `i`gnored, tried by `n`umber next; or what to do about all of them.
fn letters(sent: &[Item], answer: Value) -> Result<String, Disposition> {
    let letter = |outcome: Outcome| match outcome {
        Outcome::Delivered { .. } => 'd',
        Outcome::NotFound { .. } => 'f',
        Outcome::Ignored { .. } => 'i',
        Outcome::Wait { .. } => 'n',
        other @ (Outcome::AlreadyThere { .. }
        | Outcome::Unclear { .. }
        | Outcome::Refused { .. }) => panic!("{other:?}"),
    };
    match outcomes(sent, &added(answer), at(0)) {
        Ok(outcomes) => Ok(outcomes.into_iter().map(letter).collect()),
        Err((next, _)) => Err(next),
    }
}

#[test]
fn what_became_of_each_is_read_from_counts_and_echoes() {
    let nothing =
        json!({"added": {"movies": 0, "episodes": 0}, "not_found": {"movies": [], "shows": []}});
    let three = [film("tt0000001"), by_id("11"), by_number(2)];
    let rows = [
        (
            vec![film("tt0000001")],
            json!({"added": {"movies": 1, "episodes": 0}}),
            Ok("d"),
        ),
        (
            vec![film("tt0000001")],
            json!({"added": {}, "updated": {"movies": 1}}),
            Ok("d"),
        ),
        (vec![film("tt0000001")], nothing.clone(), Ok("i")),
        (vec![by_number(99)], nothing.clone(), Ok("i")),
        (
            vec![film("tt0000001")],
            json!({"added": {"movies": 0}, "not_found": {"movies": [{"ids": {"imdb": "tt0000001"}}]}}),
            Ok("f"),
        ),
        (
            vec![by_id("11")],
            json!({"added": {}, "not_found": {"episodes": [{"ids": {"tvdb": 11}}]}}),
            Ok("n"),
        ),
        // One play: whatever was not found is it, however it is echoed.
        (
            vec![by_number(99)],
            json!({"added": {}, "not_found": {"episodes": [{"season": 1, "number": 99}]}}),
            Ok("f"),
        ),
        (
            three.to_vec(),
            json!({"added": {"movies": 1, "episodes": 2}}),
            Ok("ddd"),
        ),
        (three.to_vec(), nothing.clone(), Ok("iii")),
        (
            three.to_vec(),
            json!({"added": {"movies": 1, "episodes": 1}, "not_found": {"episodes": [{"ids": {"tvdb": 11}}]}}),
            Ok("dnd"),
        ),
        (
            three.to_vec(),
            json!({"added": {"movies": 1, "episodes": 1}, "not_found": {"shows": [{"title": "Breaking Bad", "ids": {"tvdb": 81189}}]}}),
            Ok("ddf"),
        ),
        // Some were taken and nobody says which: look.
        (
            three.to_vec(),
            json!({"added": {"movies": 1, "episodes": 1}}),
            Err(Disposition::InDoubt),
        ),
        // None was taken and what was not found cannot be told: the halves will tell.
        (
            three.to_vec(),
            json!({"added": {}, "not_found": {"episodes": [{"season": 1, "number": 2}]}}),
            Err(Disposition::Permanent),
        ),
    ];
    for (sent, answer, expected) in rows {
        let expected = expected.map(str::to_owned);
        assert_eq!(letters(&sent, answer.clone()), expected, "{answer}");
    }
}

#[test]
fn an_echo_with_a_number_names_only_that_number() {
    let sent = [by_number(1), by_number(99)];
    let echo =
        json!({"ids": {"tvdb": 81189}, "seasons": [{"number": 1, "episodes": [{"number": 99}]}]});
    let answer = json!({"added": {"episodes": 1}, "not_found": {"shows": [echo]}});
    assert_eq!(letters(&sent, answer), Ok("df".to_owned()));
}

#[test]
fn a_body_is_read_in_the_order_of_its_plays() {
    let plays = [
        play(episode(2, None), Some(at(0)), Some(at(2400))),
        play(movie("tt0133093"), Some(at(0)), Some(at(7000))),
        play(episode(1, Some("11")), Some(at(0)), None),
    ];
    let batch = plays
        .iter()
        .map(|play| {
            let prepared = PreparedPlay {
                play: play.id.clone(),
                watched_at: play.watched_at,
            };
            (prepared, item::item_of(&play.media, false).unwrap())
        })
        .collect();
    let prepared = addition_of(batch, at(9000));
    let order: Vec<&PlayId> = prepared.plays.iter().map(|play| &play.play).collect();
    assert_eq!(order, [&plays[1].id, &plays[2].id, &plays[0].id]);
    let items = items_of(&prepared.body).unwrap();
    assert_eq!(items, [film("tt0133093"), by_id("11"), by_number(2)]);
    assert_eq!(
        serde_json::from_str::<Value>(&prepared.body).unwrap(),
        json!({
            "movies": [{"title": "The Matrix", "year": 1999, "ids": {"imdb": "tt0133093"},
                        "watched_at": "2025-11-20T13:56:00.000Z"}],
            "episodes": [{"ids": {"tvdb": 11}, "watched_at": "unknown"}],
            "shows": [{"title": "Breaking Bad", "year": 2008, "ids": {"tvdb": 81189}, "seasons": [
                {"number": 1, "episodes": [{"number": 2, "watched_at": "2025-11-20T12:40:00.000Z"}]}]}]
        })
    );
}

#[test]
fn the_first_minute_of_1970_is_no_time() {
    assert_eq!(time_to_tell(DateTime::from_timestamp(59, 0)), None);
    assert_eq!(time_to_tell(Some(at(0))), Some(at(0)));
    assert_eq!(time_to_tell(None), None);
}
