use hub_domain::rating::Rating;
use hub_domain::{Agreed, Delivery, MediaItem, Namespace, ParcelId, Scope};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::seam::IfLost;
use crate::simkl::tests::{APP, nowhere, send};
use crate::testing::{Server, at, context, give, id, movie, statement};

fn rated(points: f64) -> Option<Says> {
    Some(Says::Rated {
        rating: Rating::new(points).unwrap(),
        review: None,
    })
}

fn show() -> MediaItem {
    let mut media = MediaItem::new(ItemKind::Show);
    (media.title, media.year) = (Some("Breaking Bad".to_owned()), Some(2008));
    media.ids = vec![id(Namespace::Tvdb, Scope::Item, "81189")];
    media
}

fn prepare(statements: &[Statement]) -> Preparation<StatementId> {
    nowhere().prepare_statements(statements, &context(None), at(0))
}

fn prepared(statements: &[Statement]) -> Prepared {
    prepare(statements).prepared.unwrap()
}

/// The same statement, of which the service has said this.
fn after(statement: &Statement, outcome: &Outcome) -> Statement {
    let mut statement = statement.clone();
    let delivery = Delivery::pending().answered(outcome, at(0));
    statement.deliveries.insert(Service::Simkl, delivery);
    statement
}

fn outcomes(answered: Vec<(ParcelId, Outcome)>) -> Vec<Outcome> {
    answered.into_iter().map(|(_, outcome)| outcome).collect()
}

#[tokio::test]
async fn ratings_go_with_whole_points_and_say_on_which_list_they_put_it() {
    let answer = json!({"added": {"movies": 1, "shows": 0, "statuses": [
            {"request": {"ids": {"imdb": "tt0133093"}, "year": "1999"},
                "response": {"status": "completed", "simkl_type": "movie", "anime_type": null}}]},
        "not_found": {"movies": [], "shows": [{"ids": {"tvdb": "81189"}}]}});
    let server = Server::answering([give(201, answer.to_string())]).await;
    let statements = [
        statement(show(), Aspect::Rating, rated(8.7)),
        statement(movie("tt0133093"), Aspect::Rating, rated(0.0)),
    ];
    let prepared = prepared(&statements);
    assert_eq!(nowhere().if_lost(&prepared, None), IfLost::Repeat);
    let answered = send(&server, &prepared, at(9)).await.unwrap();
    assert_eq!(answered[0].0, statements[1].id.clone().into());
    let outcomes = outcomes(answered);
    assert!(
        matches!(&outcomes[0], Outcome::Delivered { detail: Some(detail), .. }
            if detail == "Simkl has it on its list \"completed\"")
    );
    assert!(matches!(&outcomes[1], Outcome::NotFound { tried } if tried == "tvdb 81189"));
    let got = server.got();
    assert_eq!(got[0].line, format!("POST /sync/ratings?{APP}"));
    let since = "2025-11-20T12:00:00Z";
    assert_eq!(
        got[0].json(),
        json!({
            "movies": [{"title": "The Matrix", "year": 1999, "ids": {"imdb": "tt0133093"}, "rating": 1, "rated_at": since}],
            "shows": [{"title": "Breaking Bad", "year": 2008, "ids": {"tvdb": 81189}, "rating": 9, "rated_at": since}]
        })
    );
}

#[tokio::test]
async fn a_rating_that_was_taken_back_is_removed_and_nothing_else() {
    let removed = json!({"deleted": {"movies": 1, "shows": 0}, "not_found": {"movies": []}});
    let nothing = json!({"deleted": {"movies": 0, "shows": 0}});
    let server = Server::answering([
        give(201, removed.to_string()),
        give(201, nothing.to_string()),
        give(200, ""),
    ])
    .await;
    let prepared = prepared(&[statement(movie("tt0133093"), Aspect::Rating, None)]);
    let mut ends = Vec::new();
    for _ in 0..3 {
        ends.extend(outcomes(send(&server, &prepared, at(9)).await.unwrap()));
    }
    assert!(matches!(ends[0], Outcome::Delivered { .. }));
    assert!(matches!(ends[1], Outcome::AlreadyThere { .. }));
    assert!(
        matches!(ends[2], Outcome::Delivered { .. }),
        "documented with an empty body"
    );
    let got = server.got();
    assert_eq!(got[0].line, format!("POST /sync/ratings/remove?{APP}"));
    assert_eq!(
        got[0].json(),
        json!({"movies": [{"title": "The Matrix", "year": 1999, "ids": {"imdb": "tt0133093"}}]})
    );
}

#[tokio::test]
async fn an_item_is_put_on_plan_to_watch_after_a_look_where_it_stands() {
    let stands = json!([
        {"type": "movie", "imdb": "tt0133093", "result": false},
        {"type": "show", "tvdb": 81189, "result": true, "list": "watching", "last_watched_at": "2025-10-29T15:01:08Z"}]);
    let listed = json!({"added": {"movies": [{"to": "plantowatch", "ids": {"imdb": "tt0133093"}}], "shows": []},
        "not_found": {"movies": [], "shows": []}});
    let moved = json!({"added": {"movies": [{"to": "completed", "ids": {"imdb": "tt0133093"}}], "shows": []}});
    let server = Server::answering([
        give(201, stands.to_string()),
        give(201, listed.to_string()),
        give(201, moved.to_string()),
    ])
    .await;
    let statements = [
        statement(movie("tt0133093"), Aspect::Watchlist, Some(Says::Listed)),
        statement(show(), Aspect::Watchlist, Some(Says::Listed)),
    ];
    let look = prepared(&statements);
    let ends = outcomes(send(&server, &look, at(9)).await.unwrap());
    assert!(matches!(&ends[0], Outcome::Wait { until, .. } if *until == at(10)));
    assert!(
        matches!(&ends[1], Outcome::Ignored { why } if why.contains("\"watching\", watched 2025-10-29")),
        "it would leave that list: {ends:?}"
    );
    let next = prepared(&[after(&statements[0], &ends[0])]);
    let ends = outcomes(send(&server, &next, at(11)).await.unwrap());
    assert!(matches!(ends[0], Outcome::Delivered { .. }));
    let ends = outcomes(send(&server, &next, at(11)).await.unwrap());
    assert!(matches!(&ends[0], Outcome::Ignored { why } if why.contains("completed")));
    let got = server.got();
    assert_eq!(got[0].line, format!("POST /sync/watched?{APP}"));
    assert_eq!(got[1].line, format!("POST /sync/add-to-list?{APP}"));
    assert_eq!(
        got[1].json(),
        json!({"movies": [{"title": "The Matrix", "year": 1999, "ids": {"imdb": "tt0133093"}, "to": "plantowatch"}]})
    );
}

#[tokio::test]
async fn only_what_is_neither_watched_nor_rated_is_taken_off_plan_to_watch() {
    let stands = json!([
        {"imdb": "tt0000001", "result": true, "list": "plantowatch", "last_watched_at": null},
        {"imdb": "tt0000002", "result": true, "list": "plantowatch", "last_watched_at": null},
        {"imdb": "tt0000003", "result": true, "list": "plantowatch", "last_watched_at": "1970-01-01T00:00:01Z"},
        {"imdb": "tt0000004", "result": true, "list": "completed", "last_watched_at": "2025-01-01T00:00:00Z"},
        {"imdb": "tt0000005", "result": false},
        {"imdb": "tt0000006", "result": "not_found"}]);
    let ratings = json!({"movies": [
        {"user_rating": 7, "movie": {"title": "Other", "year": 1999, "ids": {"simkl": 9, "imdb": "tt0000002", "tmdb": "5"}}},
        {"user_rating": null, "movie": {"ids": {"imdb": "tt0000001"}}}]});
    let gone = json!({"deleted": {"movies": 1, "shows": 0, "episodes": 0}, "not_found": {}});
    let server = Server::answering([
        give(201, stands.to_string()),
        give(200, ratings.to_string()),
        give(201, gone.to_string()),
    ])
    .await;
    let statements: Vec<Statement> = (1..=6)
        .map(|n| {
            let mut film = movie(&format!("tt{n:07}"));
            film.title = Some(format!("film {n}"));
            statement(film, Aspect::Watchlist, None)
        })
        .collect();
    let ends = outcomes(send(&server, &prepared(&statements), at(9)).await.unwrap());
    let letter = |outcome: &Outcome| match outcome {
        Outcome::Wait { .. } => 'w',
        Outcome::Ignored { .. } => 'i',
        Outcome::AlreadyThere { .. } => 'a',
        Outcome::NotFound { .. } => 'f',
        other @ (Outcome::Delivered { .. } | Outcome::Unclear { .. } | Outcome::Refused { .. }) => {
            panic!("{other:?}")
        }
    };
    let letters: String = ends.iter().map(letter).collect();
    assert_eq!(letters, "wiiaaf", "{ends:?}");
    let removal = prepared(&[after(&statements[0], &ends[0])]);
    let ends = outcomes(send(&server, &removal, at(11)).await.unwrap());
    assert!(matches!(ends[0], Outcome::Delivered { .. }));
    let got = server.got();
    assert_eq!(got[1].line, format!("GET /sync/ratings/movies?{APP}"));
    assert_eq!(got[2].line, format!("POST /sync/history/remove?{APP}"));
}

#[tokio::test]
async fn a_look_that_failed_takes_nothing_off() {
    let stands = json!([{"imdb": "tt0133093", "result": true, "list": "plantowatch"}]);
    let look = prepared(&[statement(movie("tt0133093"), Aspect::Watchlist, None)]);
    for ratings in [give(500, ""), give(200, "<html>"), give(404, "")] {
        let server = Server::answering([give(201, stands.to_string()), ratings]).await;
        let error = send(&server, &look, at(9)).await.unwrap_err();
        assert_eq!(error.disposition, Disposition::Retryable);
    }
    let nothing = Server::answering([give(201, stands.to_string()), give(200, "null")]).await;
    let ends = outcomes(send(&nothing, &look, at(9)).await.unwrap());
    assert!(matches!(ends[0], Outcome::Wait { .. }), "no ratings at all");
}

#[test]
fn each_call_goes_apart_and_what_simkl_shows_already_is_not_told() {
    let film = |n: u32, aspect, says| statement(movie(&format!("tt{n:07}")), aspect, says);
    let mut known = film(9, Aspect::Rating, rated(9.0));
    let says = rated(9.4);
    known
        .agreed
        .insert(Service::Simkl, Agreed { says, at: at(0) });
    let statements = [
        known,
        film(1, Aspect::Rating, rated(9.0)),
        film(2, Aspect::Rating, None),
        film(3, Aspect::Watchlist, None),
        film(4, Aspect::Rating, rated(1.0)),
    ];
    let preparation = prepare(&statements);
    assert_eq!(preparation.prepared.unwrap().statements.len(), 2);
    assert_eq!(preparation.left.len(), 2);
    assert!(
        matches!(&preparation.settled[0].1, Outcome::AlreadyThere { detail, .. } if detail == "Simkl shows 9 of 10 already")
    );
    let trouble = after(
        &statements[3],
        &Outcome::Wait {
            until: at(1),
            why: "no answer in time".to_owned(),
        },
    );
    assert_eq!(
        prepared(&[trouble]).call,
        LOOK,
        "after trouble it is looked again"
    );
    let mut nameless = show();
    (nameless.ids, nameless.year) = (Vec::new(), None);
    let settled = prepare(&[statement(nameless, Aspect::Rating, rated(5.0))]).settled;
    assert!(matches!(settled[0].1, Outcome::NotFound { .. }));
}

#[tokio::test]
async fn a_refusal_inside_a_200_is_a_refusal() {
    let refused = r#"{"error":"premium_only","code":200,"message":"For PRO members."}"#;
    let server = Server::answering([give(200, refused), give(201, "{}")]).await;
    let prepared = prepared(&[statement(movie("tt0133093"), Aspect::Rating, rated(5.0))]);
    for expected in [Disposition::Permanent, Disposition::InDoubt] {
        let error = send(&server, &prepared, at(9)).await.unwrap_err();
        assert_eq!(error.disposition, expected);
    }
}

proptest! {
    #[test]
    fn nothing_is_prepared_where_both_round_to_the_same_step(said in 0u16..=10_000, agreed in 0u16..=10_000) {
        let says = |thousandths: u16| rated(f64::from(thousandths) / 1000.0);
        let step = |thousandths| said::step_of(Rating::from_thousandths(thousandths).unwrap());
        let mut film = statement(movie("tt0133093"), Aspect::Rating, says(said));
        let agreed_on = Agreed { says: says(agreed), at: at(0) };
        film.agreed.insert(Service::Simkl, agreed_on);
        let preparation = prepare(&[film]);
        prop_assert_eq!(preparation.prepared.is_none(), step(said) == step(agreed));
    }
}
