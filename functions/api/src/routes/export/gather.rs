//! What a user played and said of one kind of item, read page by page.

use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use hub_domain::{Aspect, ItemKind, Play, Precision, Statement, UserId};
use hub_store::history::MOST_PLAYS;
use hub_store::statement::MOST_STATEMENTS;
use hub_store::{Filter, Page, Table};

use crate::problem::Problem;

/// The most pages that are read of the history and of each kind of statement: a page looks at 1000 plays.
const MOST_PAGES: usize = 500;

/// Which part of what the hub knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// What was learned after this is new; `None`: everything is.
    pub(super) since: Option<DateTime<Utc>>,
    /// What was learned after this is not looked at.
    pub(super) until: DateTime<Utc>,
}

impl Span {
    /// Says whether something that was learned then is new.
    pub(super) fn is_new(&self, learned_at: DateTime<Utc>) -> bool {
        self.since.is_none_or(|since| learned_at > since)
    }
}

/// All of one kind: what is old says whether what is new is a repetition.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) plays: Vec<Play>,
    pub(super) ratings: Vec<Statement>,
    pub(super) watchlist: Vec<Statement>,
    pub(super) reading: Vec<Statement>,
}

impl Gathered {
    pub(super) async fn of(
        table: &Table,
        user: UserId,
        kind: ItemKind,
        span: Span,
    ) -> Result<Self, Problem> {
        let mut gathered = Self {
            plays: plays(table, user, kind, span).await?,
            ratings: statements(table, user, Aspect::Rating, kind, span).await?,
            ..Self::default()
        };
        if kind == ItemKind::Book {
            gathered.watchlist = watchlist(table, user, kind, span).await?;
            gathered.reading = statements(table, user, Aspect::Reading, kind, span).await?;
        }
        Ok(gathered)
    }
}

/// What is to be watched or read.
pub(super) async fn watchlist(
    table: &Table,
    user: UserId,
    kind: ItemKind,
    span: Span,
) -> Result<Vec<Statement>, Problem> {
    statements(table, user, Aspect::Watchlist, kind, span).await
}

async fn plays(
    table: &Table,
    user: UserId,
    kind: ItemKind,
    span: Span,
) -> Result<Vec<Play>, Problem> {
    let filter = Filter {
        kind: Some(kind),
        ..Filter::default()
    };
    let mut page = Page {
        limit: MOST_PLAYS,
        cursor: None,
    };
    let mut plays = Vec::new();
    for _ in 0..MOST_PAGES {
        let (found, next) = table.history(user, &page, &filter).await?;
        plays.extend(
            found
                .into_iter()
                .filter(|play| play.created_at <= span.until),
        );
        if next.is_none() {
            return Ok(plays);
        }
        page.cursor = next;
    }
    Err(too_much())
}

async fn statements(
    table: &Table,
    user: UserId,
    aspect: Aspect,
    kind: ItemKind,
    span: Span,
) -> Result<Vec<Statement>, Problem> {
    let (mut statements, mut after) = (Vec::new(), None);
    for _ in 0..MOST_PAGES {
        let (found, next) = table
            .statement_page(user, aspect, MOST_STATEMENTS, after.as_deref())
            .await?;
        // What was taken back cannot be said in a file.
        statements.extend(found.into_iter().filter(|statement| {
            statement.media.kind == kind
                && statement.says.is_some()
                && statement.created_at <= span.until
        }));
        if next.is_none() {
            return Ok(statements);
        }
        after = next;
    }
    Err(too_much())
}

fn too_much() -> Problem {
    Problem::too_large("This history is longer than what is read for one file.")
}

/// The day of a play where its user lives; `None` if nobody knows when it was.
pub(super) fn day<Zone: TimeZone>(play: &Play, zone: &Zone) -> Option<NaiveDate> {
    let at = match play.precision {
        Precision::Unknown => None,
        Precision::Second | Precision::Minute | Precision::Day => {
            play.watched_at.or(play.started_at)
        }
    };
    Some(at?.with_timezone(zone).date_naive())
}

/// What of an item is known by any of those who tell of it, the newest first.
pub(super) fn first<T>(tellers: impl IntoIterator<Item = Option<T>>) -> Option<T> {
    tellers.into_iter().flatten().next()
}
