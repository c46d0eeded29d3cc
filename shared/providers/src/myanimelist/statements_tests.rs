use std::collections::BTreeMap;

use hub_domain::rating::{Rating, Shown};
use hub_domain::{ItemKey, ItemKind, MediaItem, UserId};

use super::super::tests::{in_tokyo, nowhere, place, placed, send, stands};
use super::*;
use crate::seam::Placed;
use crate::testing::{Server, at, give};

const CHANGED: &str = include_str!("fixtures/change-200.json");
const PLANNED: &str =
    r#"{"status":"plan_to_watch","score":0,"num_episodes_watched":0,"is_rewatching":false}"#;
const TITAN: u32 = 16_498;

fn statement(aspect: Aspect, says: Option<Says>) -> Statement {
    Statement {
        user: UserId(uuid::Uuid::from_u128(7)),
        id: StatementId {
            aspect,
            item: ItemKey::new("season:tvdb:267440#1"),
        },
        media: MediaItem::new(ItemKind::Season),
        says,
        since: at(0),
        version: 3,
        created_at: at(0),
        deliveries: BTreeMap::new(),
        agreed: BTreeMap::new(),
    }
}

fn rated(points: f64) -> Option<Says> {
    let rating = Rating::new(points).unwrap();
    Some(Says::Rated {
        rating,
        review: None,
    })
}

fn scored(mut stands: OnList, score: u8) -> OnList {
    stands.score = Shown::new(Scale::Ten, score).unwrap();
    stands
}

fn prepare(statements: &[Statement], stands: OnList) -> Preparation<StatementId> {
    let placed: Placed = statements
        .iter()
        .map(|it| placed(&it.id, place(TITAN, 1, 25), Some(stands)))
        .collect();
    nowhere().prepare_statements(statements, &in_tokyo(&placed, false), at(100))
}

/// What is written about one statement: call and body, or the outcome without a call.
fn written(statement: Statement, stands: OnList) -> Result<(String, String), Outcome> {
    let mut preparation = prepare(&[statement], stands);
    match preparation.prepared {
        Some(prepared) => Ok((prepared.call, prepared.body)),
        None => Err(preparation.settled.remove(0).1),
    }
}

fn request(statement: Statement, stands: OnList) -> Prepared {
    prepare(&[statement], stands).prepared.unwrap()
}

const fn unlisted() -> Option<(Status, u32)> {
    None
}

#[test]
fn a_rating_is_written_as_its_step_and_only_where_the_list_shows_another() {
    let (call, listed) = (
        wire::status_path(TITAN),
        stands(Some((Status::Completed, 25)), 25),
    );
    let rate = |points, stands| written(statement(Aspect::Rating, points), stands);
    let form = |form: &str| Ok((call.clone(), form.to_owned()));
    assert_eq!(rate(rated(8.7), listed), form("score=9"));
    assert_eq!(rate(rated(0.2), listed), form("score=1"));
    assert_eq!(rate(rated(8.7), stands(unlisted(), 25)), form("score=9"));
    assert_eq!(rate(rated(8.7), scored(listed, 8)), form("score=9"));
    assert_eq!(rate(None, scored(listed, 8)), form("score=0"));
    for (says, stands) in [
        (rated(8.7), scored(listed, 9)),
        (None, listed),
        (None, stands(unlisted(), 25)),
    ] {
        let outcome = rate(says, stands).unwrap_err();
        assert!(
            matches!(outcome, Outcome::AlreadyThere { .. }),
            "{outcome:?}"
        );
    }
}

#[test]
fn the_watchlist_takes_what_is_not_listed_and_gives_up_what_is_only_planned() {
    let say = |says, stands| written(statement(Aspect::Watchlist, says), stands);
    let at_once = |says, stands| match say(says, stands).unwrap_err() {
        Outcome::AlreadyThere { detail, .. } => detail,
        Outcome::Ignored { why } => format!("ignored: {why}"),
        other @ (Outcome::Delivered { .. }
        | Outcome::NotFound { .. }
        | Outcome::Unclear { .. }
        | Outcome::Refused { .. }
        | Outcome::Wait { .. }) => panic!("{other:?}"),
    };
    let entry = |status, progress| stands(Some((status, progress)), 25);
    let listed = || Some(Says::Listed);
    assert_eq!(
        say(listed(), stands(unlisted(), 25)),
        Ok((wire::status_path(TITAN), "status=plan_to_watch".to_owned()))
    );
    assert_eq!(
        at_once(listed(), entry(Status::Paused, 4)),
        "your list has it on hold, at episode 4"
    );
    assert_eq!(
        say(None, entry(Status::Planning, 0)),
        Ok((wire::removal_of(TITAN), String::new()))
    );
    assert_eq!(
        at_once(None, stands(unlisted(), 25)),
        "it is not on your list"
    );
    for (status, progress) in [
        (Status::Planning, 3),
        (Status::Watching, 0),
        (Status::Completed, 25),
        (Status::Dropped, 0),
    ] {
        let said = at_once(None, entry(status, progress));
        assert!(said.starts_with("it is planned no more: "), "{said}");
    }
    let kept = at_once(None, scored(entry(Status::Planning, 0), 8));
    assert!(
        kept.starts_with("ignored: ") && kept.contains("anime/16498"),
        "{kept}"
    );
}

#[test]
fn one_statement_goes_into_a_request_and_what_it_changes_is_judged_afterwards() {
    let (rating, plan) = (
        statement(Aspect::Rating, rated(8.0)),
        statement(Aspect::Watchlist, Some(Says::Listed)),
    );
    let listed = stands(Some((Status::Watching, 4)), 25);
    let preparation = prepare(&[rating.clone(), plan.clone()], listed);
    let told = preparation.prepared.unwrap().statements;
    assert_eq!(told, [PreparedStatement::of(&rating)]);
    assert_eq!(preparation.left, std::slice::from_ref(&plan.id));
    let preparation = prepare(&[plan.clone(), rating.clone()], listed);
    assert_eq!(preparation.settled.len(), 1);
    assert_eq!(preparation.prepared.unwrap().statements[0].id, rating.id);
}

#[test]
fn what_has_no_place_or_no_name_there_is_settled_at_once() {
    let rating = statement(Aspect::Rating, rated(8.0));
    let mut episode = rating.clone();
    episode.media = MediaItem::new(ItemKind::Episode);
    let owned = statement(Aspect::Collection, Some(Says::Listed));
    let nothing = Placed::new();
    let unknown = Placed::from([placed(&rating.id, place(999, 1, 1), None)]);
    let settle = |statement: &Statement, placed: &Placed| {
        let statements = [statement.clone()];
        let mut preparation =
            nowhere().prepare_statements(&statements, &in_tokyo(placed, false), at(100));
        assert!(preparation.prepared.is_none());
        preparation.settled.remove(0).1
    };
    let tried = |text: &str| Outcome::NotFound {
        tried: text.to_owned(),
    };
    assert_eq!(
        settle(&rating, &nothing),
        tried(super::super::plays::NO_PLACE)
    );
    assert_eq!(
        settle(&rating, &unknown),
        tried("https://myanimelist.net/anime/999, which MyAnimeList does not know")
    );
    for statement in [episode, owned] {
        assert!(matches!(
            settle(&statement, &unknown),
            Outcome::Ignored { .. }
        ));
    }
}

#[tokio::test]
async fn a_score_is_taken_when_the_list_shows_it() {
    let refused = CHANGED.replace(r#""score": 8"#, r#""score": 0"#);
    let server = Server::answering([give(200, CHANGED), give(200, refused)]).await;
    let listed = stands(Some((Status::Watching, 4)), 25);
    let rating = Rating::new(8.0).unwrap();
    let review = Some("Walls.".to_owned());
    let said = statement(Aspect::Rating, Some(Says::Rated { rating, review }));
    let prepared = request(said, listed);
    let outcomes = send(&server, &prepared, at(100)).await.unwrap();
    assert!(
        matches!(&outcomes[0].1, Outcome::Delivered { remote_id: Some(id), detail: Some(detail) }
            if id == "16498" && detail.contains("review")),
        "{outcomes:?}"
    );
    let outcomes = send(&server, &prepared, at(100)).await.unwrap();
    assert!(matches!(&outcomes[0].1, Outcome::Refused { why } if why.contains("score is 0")));
    let got = server.got();
    assert_eq!(got[0].line, "PATCH /v2/anime/16498/my_list_status");
    assert_eq!(got[0].body, "score=8");
}

#[tokio::test]
async fn a_planned_entry_is_made_once_and_not_again_once_it_was_begun() {
    let begun = include_str!("fixtures/anime-listed-200.json");
    let server =
        Server::answering([give(200, PLANNED), give(200, begun), give(200, CHANGED)]).await;
    let said = statement(Aspect::Watchlist, Some(Says::Listed));
    let prepared = request(said, stands(unlisted(), 25));
    let mut outcomes = Vec::new();
    for now in [100, 100 + 120, 100] {
        outcomes.extend(send(&server, &prepared, at(now)).await.unwrap());
    }
    assert!(matches!(&outcomes[0].1, Outcome::Delivered { .. }));
    assert!(
        matches!(&outcomes[1].1, Outcome::AlreadyThere { detail, .. } if detail == "your list is at episode 4")
    );
    assert!(matches!(&outcomes[2].1, Outcome::Refused { .. }));
    let lines: Vec<String> = server.got().into_iter().map(|got| got.line).collect();
    assert!(lines[1].starts_with("GET /v2/anime/16498?"), "{lines:?}");
}

#[tokio::test]
async fn a_removal_that_is_late_looks_first_and_what_is_gone_is_gone() {
    let entry = |status: &str| {
        format!(
            r#"{{"id":16498,"num_episodes":25,"my_list_status":{{"status":"{status}","num_episodes_watched":0}}}}"#
        )
    };
    let gone = || give(404, r#"{"error":"not_found","message":""}"#);
    let server = Server::answering([
        give(200, "[]"),
        gone(),
        give(200, entry("watching")),
        give(200, entry("plan_to_watch")),
        give(200, ""),
        give(500, "<html>"),
    ])
    .await;
    let planned = stands(Some((Status::Planning, 0)), 25);
    let prepared = request(statement(Aspect::Watchlist, None), planned);
    let late = 100 + 120;
    let mut outcomes = Vec::new();
    for now in [100, 100, late, late] {
        outcomes.extend(send(&server, &prepared, at(now)).await.unwrap());
    }
    assert!(matches!(&outcomes[0].1, Outcome::Delivered { .. }));
    assert!(
        matches!(&outcomes[1].1, Outcome::AlreadyThere { detail, .. } if detail.contains("off your list"))
    );
    assert!(
        matches!(&outcomes[2].1, Outcome::AlreadyThere { detail, .. } if detail.contains("planned no more"))
    );
    assert!(matches!(&outcomes[3].1, Outcome::Delivered { .. }));
    let error = send(&server, &prepared, at(100)).await.unwrap_err();
    assert_eq!(error.disposition, Disposition::InDoubt);
    let lines: Vec<String> = server.got().into_iter().map(|got| got.line).collect();
    assert_eq!(lines[0], "DELETE /v2/anime/16498/my_list_status");
    assert!(lines[2].starts_with("GET ") && lines[3].starts_with("GET "));
    assert_eq!(lines.len(), 6);
}
