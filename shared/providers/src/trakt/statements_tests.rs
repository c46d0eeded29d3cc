use hub_domain::rating::Rating;
use hub_domain::{Agreed, ItemKind, MediaItem, Namespace, ParcelId, Scope};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::seam::IfLost;
use crate::testing::{Server, at, context, episode, give, id, movie, statement};
use crate::trakt::tests::{nowhere, send};

fn rated(points: f64) -> Option<Says> {
    Some(Says::Rated {
        rating: Rating::new(points).unwrap(),
        review: Some("not told".to_owned()),
    })
}

fn show() -> MediaItem {
    let mut media = MediaItem::new(ItemKind::Show);
    (media.title, media.year) = (Some("Breaking Bad".to_owned()), Some(2008));
    media.ids = vec![id(Namespace::Tvdb, Scope::Item, "81189")];
    media
}

fn season(number: u32) -> MediaItem {
    let mut media = MediaItem::new(ItemKind::Season);
    media.season = Some(number);
    media.title = Some(format!("Season {number}"));
    media.ids = vec![id(Namespace::Tvdb, Scope::Show, "81189")];
    media
}

fn prepare(statements: &[Statement]) -> Preparation<StatementId> {
    nowhere().prepare_statements(statements, &context(None), at(0))
}

fn prepared(statements: &[Statement]) -> Prepared {
    prepare(statements).prepared.unwrap()
}

#[test]
fn ratings_of_films_shows_seasons_and_episodes_go_into_one_request() {
    let statements = [
        statement(show(), Aspect::Rating, rated(8.7)),
        statement(episode(3, None), Aspect::Rating, rated(0.2)),
        statement(season(2), Aspect::Rating, rated(10.0)),
        statement(episode(1, Some("349232")), Aspect::Rating, rated(7.4)),
        statement(movie("tt0133093"), Aspect::Rating, rated(5.5)),
    ];
    let prepared = prepared(&statements);
    assert_eq!(prepared.call, "sync/ratings");
    let since = "2025-11-20T12:00:00.000Z";
    assert_eq!(
        serde_json::from_str::<Value>(&prepared.body).unwrap(),
        json!({
            "movies": [{"title": "The Matrix", "year": 1999, "ids": {"imdb": "tt0133093"}, "rating": 6, "rated_at": since}],
            "episodes": [{"ids": {"tvdb": 349_232}, "rating": 7, "rated_at": since}],
            "shows": [
                {"title": "Breaking Bad", "year": 2008, "ids": {"tvdb": 81189}, "rating": 9, "rated_at": since},
                {"title": "Breaking Bad", "year": 2008, "ids": {"tvdb": 81189},
                    "seasons": [{"number": 1, "episodes": [{"number": 3, "rating": 1, "rated_at": since}]}]},
                {"ids": {"tvdb": 81189}, "seasons": [{"number": 2, "rating": 10, "rated_at": since}]}]
        })
    );
    let order: Vec<&StatementId> = prepared.statements.iter().map(|it| &it.id).collect();
    let [a_show, numbered, a_season, by_id, film] = &statements;
    assert_eq!(
        order,
        [&film.id, &by_id.id, &a_show.id, &numbered.id, &a_season.id]
    );
    let kinds: Vec<Counted> = subjects_of(&prepared.body)
        .unwrap()
        .iter()
        .map(Counted::of)
        .collect();
    use Counted::{Episode, Movie, Season, Show};
    assert_eq!(kinds, [Movie, Episode, Show, Episode, Season]);
    assert_eq!(nowhere().if_lost(&prepared, None), IfLost::Repeat);
}

#[test]
fn a_request_is_of_one_aspect_in_one_direction() {
    let film = |aspect, says| statement(movie("tt0133093"), aspect, says);
    let statements = [
        film(Aspect::Watchlist, Some(Says::Listed)),
        film(Aspect::Collection, Some(Says::Listed)),
        film(Aspect::Rating, rated(5.0)),
        statement(movie("tt0000002"), Aspect::Watchlist, None),
    ];
    let preparation = prepare(&statements);
    assert_eq!(preparation.prepared.unwrap().call, "sync/watchlist");
    assert_eq!(preparation.left.len(), 3);
    let calls: Vec<String> = statements
        .iter()
        .map(|it| prepared(std::slice::from_ref(it)).call)
        .collect();
    assert_eq!(
        calls,
        [
            "sync/watchlist",
            "sync/collection",
            "sync/ratings",
            "sync/watchlist/remove"
        ]
    );
    let owned = prepared(&statements[1..2]);
    assert!(
        owned
            .body
            .contains(r#""collected_at":"2025-11-20T12:00:00.000Z""#)
    );
    let taken_back = prepared(&[film(Aspect::Rating, None)]);
    assert_eq!(taken_back.call, "sync/ratings/remove");
    assert_eq!(
        taken_back.body,
        r#"{"movies":[{"title":"The Matrix","year":1999,"ids":{"imdb":"tt0133093"}}]}"#
    );
}

#[test]
fn a_hundred_go_at_once_and_a_collected_show_goes_alone() {
    let many: Vec<Statement> = (1..=130)
        .map(|n| statement(movie(&format!("tt{n:07}")), Aspect::Rating, rated(5.0)))
        .collect();
    let preparation = prepare(&many);
    assert_eq!(preparation.prepared.unwrap().statements.len(), 100);
    assert_eq!(preparation.left.len(), 30);
    let owned = |media| statement(media, Aspect::Collection, Some(Says::Listed));
    let preparation = prepare(&[owned(show()), owned(season(1)), owned(episode(1, None))]);
    assert_eq!(preparation.prepared.unwrap().statements.len(), 1);
    assert_eq!(preparation.left.len(), 2);
}

#[test]
fn what_has_no_name_at_trakt_and_what_trakt_shows_already_is_settled_without_a_call() {
    let mut nameless = movie("tt0133093");
    (nameless.ids, nameless.year) = (Vec::new(), None);
    let mut unnumbered = season(1);
    unnumbered.season = None;
    let mut known = statement(show(), Aspect::Rating, rated(9.0));
    let says = rated(8.6);
    known
        .agreed
        .insert(Service::Trakt, Agreed { says, at: at(0) });
    let preparation = prepare(&[
        statement(nameless, Aspect::Rating, rated(5.0)),
        statement(unnumbered, Aspect::Rating, rated(5.0)),
        known,
    ]);
    assert!(preparation.prepared.is_none());
    let outcomes: Vec<Outcome> = preparation.settled.into_iter().map(|(_, it)| it).collect();
    assert!(matches!(outcomes[0], Outcome::NotFound { .. }));
    assert!(matches!(outcomes[1], Outcome::NotFound { .. }));
    assert!(
        matches!(&outcomes[2], Outcome::AlreadyThere { detail, .. } if detail == "Trakt shows 9 of 10 already")
    );
}

/// `d`elivered, `a`lready there, not `f`ound, tried by `n`umber next, `r`efused; or what to do about all of them.
async fn letters(statements: &[Statement], answer: Value) -> Result<String, Disposition> {
    let server = Server::answering([give(201, answer.to_string())]).await;
    letters_of(send(&server, &prepared(statements), at(9)).await)
}

fn letters_of(
    answered: Result<Vec<(ParcelId, Outcome)>, ProviderError>,
) -> Result<String, Disposition> {
    let letter = |(_, outcome): (ParcelId, Outcome)| match outcome {
        Outcome::Delivered { .. } => 'd',
        Outcome::AlreadyThere { .. } => 'a',
        Outcome::NotFound { .. } => 'f',
        Outcome::Wait { .. } => 'n',
        Outcome::Refused { .. } => 'r',
        other @ (Outcome::Ignored { .. } | Outcome::Unclear { .. }) => panic!("{other:?}"),
    };
    match answered {
        Ok(outcomes) => Ok(outcomes.into_iter().map(letter).collect()),
        Err(error) => Err(error.disposition),
    }
}

#[tokio::test]
async fn what_became_of_each_is_read_from_counts_and_echoes() {
    let listed = |media| statement(media, Aspect::Watchlist, Some(Says::Listed));
    let film = || listed(movie("tt0133093"));
    let by_id = || listed(episode(1, Some("11")));
    let four = || vec![film(), by_id(), listed(show()), listed(season(9))];
    let owned_show = || vec![statement(show(), Aspect::Collection, Some(Says::Listed))];
    let gone = |media| statement(media, Aspect::Watchlist, None);
    let rows = [
        (vec![film()], json!({"added": {"movies": 1}}), Ok("d")),
        (
            vec![film()],
            json!({"added": {"movies": 0}, "existing": {"movies": 1}}),
            Ok("a"),
        ),
        (
            vec![film()],
            json!({"added": {}, "not_found": {"movies": [{"ids": {"imdb": "tt0133093"}}]}}),
            Ok("f"),
        ),
        // Dropped without a word: a number that Trakt does not know.
        (
            vec![listed(episode(99, None))],
            json!({"added": {"episodes": 0}}),
            Ok("f"),
        ),
        (
            vec![by_id()],
            json!({"added": {}, "not_found": {"episodes": [{"ids": {"tvdb": 11}}]}}),
            Ok("n"),
        ),
        (
            four(),
            json!({"added": {"movies": 1, "shows": 1, "seasons": 1, "episodes": 0},
                "existing": {"episodes": 1}}),
            Ok("dadd"),
        ),
        // A season that is not known is echoed with its number and is not the show.
        (
            four(),
            json!({"added": {"movies": 1, "shows": 1, "seasons": 0, "episodes": 1},
                "not_found": {"shows": [{"ids": {"tvdb": 81189}, "seasons": [{"number": 9}]}]}}),
            Ok("dddf"),
        ),
        (
            four(),
            json!({"added": {"movies": 1, "episodes": 1}, "not_found": {"shows": [{"ids": {"tvdb": 81189}}]}}),
            Ok("ddff"),
        ),
        // One of a kind, and it was not taken: the halves will tell.
        (
            four(),
            json!({"added": {"movies": 1, "shows": 1, "episodes": 1}}),
            Err(Disposition::Permanent),
        ),
        // Of a collected show the episodes are counted.
        (
            owned_show(),
            json!({"added": {"movies": 0, "episodes": 62}}),
            Ok("d"),
        ),
        (
            owned_show(),
            json!({"added": {"episodes": 0}, "existing": {"episodes": 62}}),
            Ok("a"),
        ),
        (
            vec![gone(movie("tt0133093"))],
            json!({"deleted": {"movies": 1}}),
            Ok("d"),
        ),
        (
            vec![gone(movie("tt0133093")), gone(show())],
            json!({"deleted": {"movies": 0, "shows": 0}, "not_found": {"movies": [], "shows": []}}),
            Ok("aa"),
        ),
        (
            vec![gone(movie("tt0133093")), gone(show())],
            json!({"deleted": {"movies": 0, "shows": 1}, "not_found": {"movies": [{"ids": {"imdb": "tt0133093"}}]}}),
            Ok("fd"),
        ),
        (vec![film()], json!({}), Err(Disposition::InDoubt)),
    ];
    for (statements, answer, expected) in rows {
        let expected = expected.map(str::to_owned);
        assert_eq!(
            letters(&statements, answer.clone()).await,
            expected,
            "{answer}"
        );
    }
}

#[tokio::test]
async fn an_episode_unknown_by_its_ids_is_told_by_its_number_once() {
    let mut statement = statement(
        episode(1, Some("11")),
        Aspect::Watchlist,
        Some(Says::Listed),
    );
    let delivery = hub_domain::Delivery::pending().answered(
        &Outcome::Wait {
            until: at(1),
            why: item::BY_NUMBER_NEXT.to_owned(),
        },
        at(0),
    );
    statement.deliveries.insert(Service::Trakt, delivery);
    let second = prepared(std::slice::from_ref(&statement));
    assert!(second.body.contains(r#""seasons":[{"number":1"#));
    let unknown = json!({"added": {}, "not_found": {"shows": [{"ids": {"tvdb": 81189}}]}});
    assert_eq!(letters(&[statement], unknown).await, Ok("f".to_owned()));
}

#[tokio::test]
async fn a_full_list_refuses_each_that_does_not_fit_and_says_what_lifts_the_limit() {
    let settings = include_str!("fixtures/users-settings-200.json");
    let listed = |n: u32| {
        let film = movie(&format!("tt{n:07}"));
        statement(film, Aspect::Watchlist, Some(Says::Listed))
    };
    let full = || give(420, "").with("x-vip-user", "false");
    let one = prepared(&[listed(1)]);
    let server = Server::answering([full(), give(200, settings)]).await;
    let outcomes = send(&server, &one, at(9)).await.unwrap();
    assert!(
        matches!(&outcomes[0].1, Outcome::Refused { why }
            if why == "the account's watchlist is full: Trakt keeps 100 items; VIP lifts the limit (https://trakt.tv/vip)"),
        "{outcomes:?}"
    );

    let three = prepared(&[listed(1), listed(2), listed(3)]);
    let count = |count: &'static str| give(200, "[]").with("x-pagination-item-count", count);
    let server = Server::answering([full(), give(200, settings), count("100")]).await;
    assert_eq!(
        letters_of(send(&server, &three, at(9)).await),
        Ok("rrr".to_owned())
    );
    let lines: Vec<String> = server.got().into_iter().map(|got| got.line).collect();
    assert_eq!(
        lines,
        [
            "POST /sync/watchlist",
            "GET /users/settings",
            "GET /sync/watchlist/all/rank/asc?page=1&limit=1"
        ]
    );
    // Some fit: the halves find them.
    let server = Server::answering([full(), give(200, settings), count("98")]).await;
    assert_eq!(
        letters_of(send(&server, &three, at(9)).await),
        Err(Disposition::Permanent)
    );
    // Nothing more is known: fewer may fit.
    let server = Server::answering([full(), give(500, "")]).await;
    assert_eq!(
        letters_of(send(&server, &three, at(9)).await),
        Err(Disposition::Permanent)
    );
}

#[tokio::test]
async fn a_refused_request_goes_by_its_status() {
    let prepared = prepared(&[statement(movie("tt0133093"), Aspect::Rating, rated(5.0))]);
    for (status, expected) in [
        (404, Disposition::Retryable),
        (401, Disposition::Auth),
        (422, Disposition::Permanent),
        (500, Disposition::InDoubt),
        (503, Disposition::Retryable),
    ] {
        let server = Server::answering([give(status, "")]).await;
        let error = send(&server, &prepared, at(9)).await.unwrap_err();
        assert_eq!(error.disposition, expected, "{status}");
    }
}

proptest! {
    #[test]
    fn nothing_is_prepared_where_both_round_to_the_same_step(said in 0u16..=10_000, agreed in 0u16..=10_000) {
        let says = |thousandths: u16| rated(f64::from(thousandths) / 1000.0);
        let step = |thousandths| said::step_of(Rating::from_thousandths(thousandths).unwrap());
        let mut film = statement(movie("tt0133093"), Aspect::Rating, says(said));
        let agreed_on = Agreed { says: says(agreed), at: at(0) };
        film.agreed.insert(Service::Trakt, agreed_on);
        let preparation = prepare(&[film]);
        prop_assert_eq!(preparation.prepared.is_none(), step(said) == step(agreed));
    }
}
