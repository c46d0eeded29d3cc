use chrono::DateTime;
use hub_domain::anime::progress::{Listed, Status};
use hub_domain::rating::{Rating, Scale, Shown};
use hub_domain::{ItemKey, ItemKind, MediaItem, UserId};
use serde_json::{Value, json};

use super::super::tests::{
    account, context, entry, listed, nowhere, on_list, placed, provider, refusal_answer,
    save_answer, situation, survey_answer, unknown_answer,
};
use super::*;
use crate::testing::{Give, Server, at, give, tokens};

fn statement(aspect: Aspect, says: Option<Says>) -> Statement {
    Statement {
        user: UserId(uuid::Uuid::nil()),
        id: StatementId {
            aspect,
            item: ItemKey::new("show:tvdb:81797"),
        },
        media: MediaItem::new(ItemKind::Show),
        says,
        since: at(0),
        version: 3,
        created_at: at(0),
        deliveries: std::collections::BTreeMap::new(),
        agreed: std::collections::BTreeMap::new(),
    }
}

fn rated(points: f64) -> Option<Says> {
    Some(Says::Rated {
        rating: Rating::new(points).unwrap(),
        review: Some("Not for AniList.".to_owned()),
    })
}

fn rating(says: Option<Says>) -> Statement {
    statement(Aspect::Rating, says)
}

fn plan(is_listed: bool) -> Statement {
    statement(Aspect::Watchlist, is_listed.then_some(Says::Listed))
}

fn scored(listed: Option<Listed>, scale: Scale, step: u8) -> OnList {
    OnList {
        score: Shown::new(scale, step).unwrap(),
        scale,
        ..on_list(listed, Some(12))
    }
}

fn prepare(statement: &Statement, stands: Option<OnList>) -> Preparation<StatementId> {
    let placed = placed([(statement.id.clone(), situation(21, 1, stands))]);
    nowhere().prepare_statements(
        std::slice::from_ref(statement),
        &context(&placed, false),
        at(0),
    )
}

fn variables(statement: &Statement, stands: OnList) -> Value {
    let prepared = prepare(statement, Some(stands)).prepared.unwrap();
    let body: Value = serde_json::from_str(&prepared.body).unwrap();
    assert_eq!(prepared.statements, [PreparedStatement::of(statement)]);
    assert_eq!(
        (prepared.call.as_str(), &body["query"]),
        (SAVE, &json!(wire::SAVE))
    );
    body["variables"].clone()
}

fn settled(statement: &Statement, stands: Option<OnList>) -> Outcome {
    let preparation = prepare(statement, stands);
    assert!(preparation.prepared.is_none());
    preparation.settled[0].1.clone()
}

fn there(detail: &str) -> Outcome {
    Outcome::AlreadyThere {
        remote_id: Some("21".to_owned()),
        detail: detail.to_owned(),
    }
}

#[test]
fn a_rating_is_written_as_its_format_shows_it() {
    let watching = Some(listed(Status::Watching, 4));
    for (scale, raw) in [
        (Scale::Point100, 87),
        (Scale::Point10Decimal, 87),
        (Scale::Point10, 90),
        (Scale::Point5, 70),
        (Scale::Point3, 85),
    ] {
        assert_eq!(
            variables(&rating(rated(8.7)), scored(watching, scale, 0)),
            json!({"mediaId": 21, "scoreRaw": raw}),
            "{scale:?}"
        );
    }
    assert_eq!(
        variables(&rating(rated(8.7)), on_list(None, Some(12))),
        json!({"mediaId": 21, "status": "PLANNING", "scoreRaw": 90})
    );
    assert_eq!(
        variables(&rating(None), scored(watching, Scale::Point10, 9)),
        json!({"mediaId": 21, "scoreRaw": 0})
    );
}

#[test]
fn a_rating_that_is_shown_already_is_not_written() {
    let watching = Some(listed(Status::Watching, 4));
    assert_eq!(
        settled(
            &rating(rated(8.7)),
            Some(scored(watching, Scale::Point10, 9))
        ),
        there("your list shows 9 of 10 already")
    );
    for stands in [on_list(None, None), scored(watching, Scale::Point10, 0)] {
        assert_eq!(
            settled(&rating(None), Some(stands)),
            there("your list shows no rating")
        );
    }
}

#[test]
fn what_is_planned_is_put_on_the_list_once_and_taken_off_only_while_nothing_else_is_known() {
    assert_eq!(
        variables(&plan(true), on_list(None, None)),
        json!({"mediaId": 21, "status": "PLANNING"})
    );
    let watching = on_list(Some(listed(Status::Watching, 4)), Some(12));
    assert_eq!(
        settled(&plan(true), Some(watching)),
        there("it is on your list already: watching, at episode 4")
    );
    assert_eq!(
        settled(&plan(false), Some(watching)),
        there("your list does not show it as planned: watching, at episode 4")
    );
    assert_eq!(
        settled(&plan(false), Some(on_list(None, None))),
        there("it is not on your list")
    );
    let planned = Some(listed(Status::Planning, 0));
    let begun = Some(listed(Status::Planning, 2));
    for stands in [scored(planned, Scale::Point10, 8), on_list(begun, Some(12))] {
        assert!(matches!(
            settled(&plan(false), Some(stands)),
            Outcome::Ignored { .. }
        ));
    }
    let prepared = prepare(&plan(false), Some(on_list(planned, Some(12))))
        .prepared
        .unwrap();
    assert_eq!(prepared.call, DELETE);
    assert_eq!(prepared.body, survey_of(&[21]));
}

#[test]
fn what_anilist_has_no_place_for_is_settled_with_a_plain_sentence() {
    let mut of_an_episode = rating(rated(8.0));
    of_an_episode.media = MediaItem::new(ItemKind::Episode);
    let stands = Some(on_list(None, None));
    for statement in [of_an_episode, statement(Aspect::Collection, None)] {
        assert!(matches!(
            settled(&statement, stands),
            Outcome::Ignored { .. }
        ));
    }
    assert_eq!(settled(&rating(rated(8.0)), None), unknown(21));
    let nothing = placed::<StatementId>([]);
    let preparation = nowhere().prepare_statements(&[plan(true)], &context(&nothing, false), at(0));
    assert_eq!(preparation.settled, [(plan(true).id, no_place())]);
}

#[test]
fn a_request_holds_one_statement() {
    let statements = [plan(true), rating(None), rating(rated(8.0))];
    let mut other = statements[2].clone();
    other.id.item = ItemKey::new("show:tvdb:1");
    let statements = [statements[0].clone(), statements[1].clone(), other];
    let stands = Some(on_list(None, None));
    let places = statements
        .iter()
        .map(|statement| (statement.id.clone(), situation(21, 1, stands)));
    let placed = placed(places);
    let preparation = nowhere().prepare_statements(&statements, &context(&placed, false), at(0));
    assert_eq!(preparation.prepared.unwrap().statements.len(), 1);
    assert_eq!(preparation.settled.len(), 1);
    assert_eq!(preparation.left, [statements[2].id.clone()]);
}

/// Sends a statement, prepared at 0, so many seconds later.
async fn told(
    statement: &Statement,
    stands: OnList,
    now: DateTime<Utc>,
    gives: impl IntoIterator<Item = Give>,
) -> (Result<Outcome, ProviderError>, Vec<Value>) {
    let server = Server::answering(gives).await;
    let prepared = prepare(statement, Some(stands)).prepared.unwrap();
    let answered = provider(&server)
        .send(&account(&tokens()), &prepared, now)
        .await;
    let outcome = answered.map(|mut outcomes| {
        assert_eq!(outcomes.len(), 1);
        assert_eq!(outcomes[0].0, statement.id.clone().into());
        outcomes.remove(0).1
    });
    let got = server.got();
    (outcome, got.iter().map(crate::testing::Got::json).collect())
}

fn now_at(status: &str, progress: u32, score: u32) -> Give {
    give(
        200,
        survey_answer(21, Some(12), &entry(21, status, progress, score)),
    )
}

fn saved(status: &str, progress: u32, score: u32) -> Give {
    give(200, save_answer(&entry(21, status, progress, score)))
}

fn watching() -> OnList {
    on_list(Some(listed(Status::Watching, 4)), Some(12))
}

#[tokio::test]
async fn a_rating_is_told_and_its_answer_read() {
    let said = rating(rated(8.7));
    let (outcome, got) = told(&said, watching(), at(5), [saved("CURRENT", 4, 90)]).await;
    assert_eq!(outcome.unwrap(), delivered(21, None));
    assert_eq!(
        got,
        [json!({"query": wire::SAVE, "variables": {"mediaId": 21, "scoreRaw": 90}})]
    );

    let (outcome, _) = told(&said, watching(), at(5), [saved("CURRENT", 4, 85)]).await;
    let rounded = "AniList made 85 of 100 of 90".to_owned();
    assert_eq!(outcome.unwrap(), delivered(21, Some(rounded)));

    let other = give(200, save_answer(&entry(22, "CURRENT", 4, 90)));
    for answer in [saved("CURRENT", 4, 0), other] {
        let (outcome, _) = told(&said, watching(), at(5), [answer]).await;
        assert!(matches!(outcome.unwrap(), Outcome::Refused { .. }));
    }
}

#[tokio::test]
async fn an_old_rating_is_compared_with_what_stands_now() {
    let said = rating(rated(8.7));
    let late = at(61);
    let (outcome, got) = told(&said, watching(), late, [now_at("CURRENT", 4, 90)]).await;
    assert_eq!(
        (outcome.unwrap(), got.len()),
        (there("your list shows 9 of 10 already"), 1)
    );
    let answers = [now_at("CURRENT", 6, 0), saved("CURRENT", 6, 90)];
    let (outcome, got) = told(&said, watching(), late, answers).await;
    assert_eq!((outcome.unwrap(), got.len()), (delivered(21, None), 2));

    // It would put what is being watched by now back to "planned".
    let unlisted = on_list(None, Some(12));
    let (outcome, got) = told(&said, unlisted, late, [now_at("CURRENT", 6, 0)]).await;
    let again = Outcome::Wait {
        until: at(62),
        why: "your list has changed meanwhile".to_owned(),
    };
    assert_eq!((outcome.unwrap(), got.len()), (again, 1));

    let (outcome, _) = told(&said, watching(), late, [give(200, unknown_answer())]).await;
    assert_eq!(outcome.unwrap(), unknown(21));
}

#[tokio::test]
async fn a_plan_that_is_taken_back_goes_by_the_number_of_its_entry() {
    let planned = on_list(Some(listed(Status::Planning, 0)), Some(12));
    let deleted = |is_deleted: bool| {
        let answer = json!({"data": {"DeleteMediaListEntry": {"deleted": is_deleted}}});
        give(200, answer.to_string())
    };
    let gone = give(404, refusal_answer("Not Found.", 404));
    let refused = Outcome::Refused {
        why: "AniList did not take https://anilist.co/anime/21 off your list".to_owned(),
    };
    for (answer, expected) in [
        (deleted(true), delivered(21, None)),
        (gone, there("it is not on your list")),
        (deleted(false), refused),
    ] {
        let answers = [now_at("PLANNING", 0, 0), answer];
        let (outcome, got) = told(&plan(false), planned, at(1), answers).await;
        assert_eq!(outcome.unwrap(), expected);
        assert_eq!(
            got[0],
            json!({"query": wire::SURVEY, "variables": {"ids": [21]}})
        );
        assert_eq!(
            got[1],
            json!({"query": wire::DELETE, "variables": {"id": 500_000_001}})
        );
    }
}

#[tokio::test]
async fn what_was_begun_meanwhile_is_not_taken_off_the_list() {
    let planned = on_list(Some(listed(Status::Planning, 0)), Some(12));
    let (outcome, got) = told(&plan(false), planned, at(1), [now_at("CURRENT", 1, 0)]).await;
    assert_eq!(
        (outcome.unwrap(), got.len()),
        (
            there("your list does not show it as planned: watching, at episode 1"),
            1
        )
    );
    let unlisted = give(200, survey_answer(21, Some(12), &Value::Null));
    let (outcome, got) = told(&plan(false), planned, at(1), [unlisted]).await;
    assert_eq!(
        (outcome.unwrap(), got.len()),
        (there("it is not on your list"), 1)
    );
}

#[tokio::test]
async fn a_refused_statement_says_what_to_do_next() {
    for (status, message, expected) in [
        (400, "Invalid token", Disposition::Auth),
        (400, "validation", Disposition::Permanent),
        (404, "Not Found.", Disposition::NotFound),
    ] {
        let answer = give(status, refusal_answer(message, status));
        let (outcome, _) = told(&plan(true), on_list(None, None), at(1), [answer]).await;
        assert_eq!(outcome.unwrap_err().disposition, expected, "{message}");
    }
}
