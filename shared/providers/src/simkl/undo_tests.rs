use hub_domain::{Delivery, State};
use serde_json::json;

use super::*;
use crate::seam::IfLost;
use crate::simkl::tests::{APP, nowhere, send};
use crate::testing::{Server, at, context, episode, give, movie, play};

const SETTINGS: &str = include_str!("fixtures/users-settings-200.json");

fn undone(mut play: Play) -> Play {
    let delivered = Delivery {
        state: State::Delivered,
        sent_watched_at: play.watched_at,
        ..Delivery::pending()
    };
    play.deliveries.insert(Service::Simkl, delivered.undone());
    play
}

/// Breaking Bad's first episode, told as watched at 2,256 s.
fn pilot() -> Play {
    undone(play(
        episode(1, Some("349232")),
        Some(at(0)),
        Some(at(2256)),
    ))
}

fn film() -> Play {
    undone(play(movie("tt0133093"), Some(at(3000)), Some(at(9517))))
}

fn prepare(plays: &[Play]) -> Preparation<PlayId> {
    nowhere().prepare_undo(plays, &context(None), at(20_000))
}

fn after(mut play: Play, outcome: &Outcome) -> Play {
    let delivery = play.deliveries.get_mut(&Service::Simkl).unwrap();
    *delivery = delivery.answered(outcome, at(20_000));
    play
}

/// What Simkl says of the film and of the episode.
fn watched(film: &str, of_episode: Value) -> String {
    json!([
        {"type": "movie", "imdb": "tt0133093", "result": true, "list": "completed", "last_watched_at": film},
        {"type": "show", "tvdb": 81189, "result": true, "list": "watching",
            "seasons": [{"number": 1, "episodes": [of_episode]}]}])
    .to_string()
}

#[tokio::test]
async fn the_one_watch_that_is_this_plays_is_removed_after_a_look() {
    let gone = json!({"deleted": {"movies": 1, "shows": 0, "episodes": 1}, "not_found": {"movies": [], "shows": []}});
    let nothing = json!({"deleted": {"movies": 0, "shows": 0, "episodes": 0}, "not_found": {}});
    let its = json!({"number": 1, "watched": true, "last_watched_at": "2025-11-20T12:37:36Z"});
    let server = Server::answering([
        give(201, watched("2025-11-20T14:38:37Z", its)),
        give(200, SETTINGS),
        give(200, "null"),
        give(201, gone.to_string()),
        give(201, nothing.to_string()),
    ])
    .await;
    let plays = [film(), pilot()];
    let look = prepare(&plays).prepared.unwrap();
    assert!(look.undo);
    assert_eq!(nowhere().if_lost(&look, None), IfLost::Repeat);
    let outcomes = send(&server, &look, at(20_000)).await.unwrap();
    let next: Vec<Play> = plays
        .into_iter()
        .zip(&outcomes)
        .map(|(play, (_, outcome))| after(play, outcome))
        .collect();
    assert!(
        matches!(outcomes[0].1, Outcome::Wait { .. }),
        "{outcomes:?}"
    );

    let removal = prepare(&next).prepared.unwrap();
    let outcomes = send(&server, &removal, at(20_002)).await.unwrap();
    assert!(matches!(outcomes[0].1, Outcome::Delivered { .. }));
    assert!(matches!(outcomes[1].1, Outcome::Delivered { .. }));
    let again = send(&server, &removal, at(20_002)).await.unwrap();
    let repeated = after(next[0].clone(), &again[0].1);
    assert_eq!(repeated.deliveries[&Service::Simkl].state, State::Removed);
    let got = server.got();
    let lines: Vec<&str> = got.iter().map(|got| got.line.as_str()).collect();
    assert_eq!(
        lines[..4],
        [
            format!("POST /sync/watched?extended=episodes,specials&{APP}"),
            format!("GET /users/settings?{APP}"),
            format!("GET /sync/ratings/movies?{APP}"),
            format!("POST /sync/history/remove?{APP}")
        ]
    );
    assert_eq!(
        got[3].json(),
        json!({
            "movies": [{"title": "The Matrix", "year": 1999, "ids": {"imdb": "tt0133093"}}],
            "shows": [{"title": "Breaking Bad", "year": 2008, "ids": {"tvdb": 81189}, "use_tvdb_anime_seasons": true,
                "seasons": [{"number": 1, "episodes": [{"number": 1}]}]}]
        })
    );
}

#[tokio::test]
async fn another_watch_a_rating_and_a_paid_account_keep_it_there() {
    let its = || json!({"number": 1, "watched": true, "last_watched_at": "2025-11-20T12:37:36Z"});
    let other = json!({"number": 1, "watched": true, "last_watched_at": "2024-01-01T00:00:00Z"});
    let missing = json!({"number": 7, "watched": true, "last_watched_at": "2024-01-01T00:00:00Z"});
    let unwatched = json!({"number": 1, "watched": false, "last_watched_at": null});
    let film_then = "2025-11-20T14:38:37Z";
    let rated = json!({"movies": [{"user_rating": 9, "movie": {"ids": {"imdb": "tt0133093"}}}]})
        .to_string();
    let pro = SETTINGS.replace("free", "pro");
    let free = SETTINGS.to_owned();
    // The film's end and the episode's: it `w`aits to be removed, is `g`one already, or is `k`ept.
    let rows = [
        (
            watched(film_then, its()),
            vec![free.clone(), rated.clone()],
            "kw",
        ),
        (watched(film_then, its()), vec![pro.clone()], "kk"),
        (
            watched("2024-01-01T00:00:00Z", other),
            vec![free.clone()],
            "gg",
        ),
        (watched(film_then, missing), vec![free.clone(), rated], "kk"),
        (watched("", unwatched), vec![free], "gg"),
    ];
    let look = prepare(&[film(), pilot()]).prepared.unwrap();
    for (found, more, expected) in rows {
        let gives = std::iter::once(give(201, found.clone()))
            .chain(more.into_iter().map(|body| give(200, body)));
        let server = Server::answering(gives).await;
        let outcomes = send(&server, &look, at(20_000)).await.unwrap();
        let letters: String = outcomes
            .iter()
            .map(|(_, outcome)| match outcome {
                Outcome::Wait { .. } => 'w',
                Outcome::AlreadyThere { .. } => 'g',
                Outcome::Ignored { why } => {
                    assert!(why.contains("https://simkl.com"), "{why}");
                    'k'
                }
                other @ (Outcome::Delivered { .. }
                | Outcome::NotFound { .. }
                | Outcome::Unclear { .. }
                | Outcome::Refused { .. }) => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(letters, expected, "{found}");
    }
}

#[test]
fn what_cannot_be_told_apart_stays_without_a_call() {
    let mut undated = play(movie("tt0000001"), None, None);
    undated.precision = hub_domain::Precision::Unknown;
    let mut orphan = pilot();
    orphan.media.season = None;
    let preparation = prepare(&[undone(undated), orphan]);
    assert!(preparation.prepared.is_none());
    for (_, outcome) in preparation.settled {
        assert!(matches!(outcome, Outcome::Ignored { why } if why.contains("https://simkl.com")));
    }
    let found = after(
        film(),
        &Outcome::Wait {
            until: at(1),
            why: REMOVED_NEXT.to_owned(),
        },
    );
    let preparation = prepare(&[found, pilot()]);
    assert_eq!(preparation.prepared.unwrap().call, REMOVE);
    assert_eq!(preparation.left, [pilot().id]);
}
