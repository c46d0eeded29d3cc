//! History: a user's plays, newest first, one query a page.
//!
//! | read or write | key                                                                              |
//! | ------------- | -------------------------------------------------------------------------------- |
//! | one page      | `pk = USER#<id>`, `sk` from `PLAY#<from>` to `PLAY#<to>`, descending             |
//!
//! Plays are in the order of their first-seen starts, and a page's `from` and `to` are of those, too.

use std::fmt;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use hub_domain::names::NotAName;
use hub_domain::{ItemKind, Play, PlayId, Service, UserId};

use crate::error::StoreError;
use crate::item::{Item, text, text_of};
use crate::key::{Key, user_partition};
use crate::play::read;
use crate::table::Table;

/// The most plays of one page.
pub const MOST_PLAYS: i32 = 200;
/// How many times the page's plays are looked at to fill a page that is filtered.
const LOOKED_AT: i32 = 5;

/// Lies between the undated plays, whose stamp is all zeros, and the dated ones.
const AFTER_THE_UNDATED: &str = "PLAY#00000000T~";
const GOES_TO_SERVICE: &str = "attribute_exists(deliveries.#service)";
const IS_OF_KIND: &str = "media.kind = :kind";

/// Where a page ended: opaque to whoever carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(PlayId);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Cursor {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        text.parse().map(Self)
    }
}

/// Which page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The most plays on it, 1 to [`MOST_PLAYS`].
    pub limit: i32,
    /// Where the page before ended.
    pub cursor: Option<Cursor>,
}

/// Which plays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those with a delivery to it.
    pub service: Option<Service>,
    /// Those of a kind.
    pub kind: Option<ItemKind>,
    /// Those that began then or later.
    pub from: Option<DateTime<Utc>>,
    /// Those that began then or earlier.
    pub to: Option<DateTime<Utc>>,
}

/// One page: may be short, even empty, while there is a next one.
pub type HistoryPage = (Vec<Play>, Option<Cursor>);

fn bound(at: DateTime<Utc>) -> String {
    format!("PLAY#{}", at.format("%Y%m%dT%H%M%S%3fZ"))
}

impl Table {
    /// Reads one page of a user's history, newest first, without what they took back.
    ///
    /// A filtered page looks at five times as many plays as it may hold and no more, so it can be short.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn history(
        &self,
        user: UserId,
        page: &Page,
        filter: &Filter,
    ) -> Result<HistoryPage, StoreError> {
        const OPERATION: &str = "read a user's history";
        let pk = user_partition(user);
        let limit = page.limit.clamp(1, MOST_PLAYS);
        let first = match (filter.from, filter.to) {
            (Some(from), _) => bound(from),
            // A play without a date lies in no range.
            (None, Some(_)) => AFTER_THE_UNDATED.to_owned(),
            (None, None) => "PLAY#".to_owned(),
        };
        // `~` comes after every letter of a play's id.
        let last = filter
            .to
            .map_or_else(|| "PLAY#~".to_owned(), |to| format!("{}~", bound(to)));
        if first > last {
            return Ok((Vec::new(), None));
        }
        let mut query = self
            .query_between(&pk, &first, &last)
            .scan_index_forward(false)
            .limit(limit);
        if let Some(Cursor(id)) = &page.cursor {
            let start = Key::play(user, id);
            // The table refuses a start outside of the range that is asked for.
            if start.sk < first {
                return Ok((Vec::new(), None));
            }
            if start.sk <= last {
                query = query.set_exclusive_start_key(Some(start.attributes()));
            }
        }
        let mut conditions = Vec::new();
        if let Some(service) = filter.service {
            conditions.push(GOES_TO_SERVICE);
            query = query.expression_attribute_names("#service", service.name());
        }
        if let Some(kind) = filter.kind {
            conditions.push(IS_OF_KIND);
            query = query.expression_attribute_values(":kind", text(kind.name()));
        }
        if !conditions.is_empty() {
            query = query
                .limit(limit * LOOKED_AT)
                .filter_expression(conditions.join(" AND "));
        }
        let answer = query
            .send()
            .await
            .map_err(|error| StoreError::new(OPERATION, error))?;
        let mut plays = answer
            .items
            .unwrap_or_default()
            .into_iter()
            .map(|item: Item| read(OPERATION, item))
            .collect::<Result<Vec<_>, _>>()?;
        let limit = usize::try_from(limit).unwrap_or(1);
        let next = if plays.len() > limit {
            plays.truncate(limit);
            plays.last().map(|play| play.id.clone())
        } else {
            answer.last_evaluated_key.as_ref().and_then(id_of)
        };
        plays.retain(|play| play.removed_at.is_none());
        Ok((plays, next.map(Cursor)))
    }
}

fn id_of(key: &std::collections::HashMap<String, AttributeValue>) -> Option<PlayId> {
    let (_, id) = text_of(key, "sk")?.rsplit_once('#')?;
    id.parse().ok()
}

#[cfg(test)]
mod tests {
    use hub_domain::{Delivery, ItemKey};

    use super::*;
    use crate::testing::{play, second, table, user};

    async fn filled() -> Table {
        let table = table().await;
        for number in 0..25 {
            let mut play = play(user(1), second(number));
            if number % 5 == 0 {
                play.deliveries.insert(Service::LastFm, Delivery::pending());
                play.media.kind = ItemKind::Track;
            }
            table.put_play(&play, None).await.unwrap();
        }
        let mut undated = play(user(1), second(0));
        undated.id = PlayId::new(user(1), &ItemKey::new("book:isbn:1"), None);
        undated.started_at = None;
        table.put_play(&undated, None).await.unwrap();
        table
            .put_play(&play(user(2), second(3)), None)
            .await
            .unwrap();
        table
    }

    async fn read_through(table: &Table, limit: i32, filter: &Filter) -> Vec<Option<i64>> {
        let mut page = Page {
            limit,
            cursor: None,
        };
        let mut seconds = Vec::new();
        loop {
            let (plays, next) = table.history(user(1), &page, filter).await.unwrap();
            assert!(plays.len() <= usize::try_from(limit).unwrap());
            seconds.extend(
                plays
                    .iter()
                    .map(|play| play.started_at.map(|at| (at - second(0)).num_seconds())),
            );
            let Some(next) = next else { return seconds };
            page.cursor = Some(next.to_string().parse().unwrap());
        }
    }

    #[tokio::test]
    async fn history_is_read_newest_first_to_its_end() {
        let table = filled().await;
        let mut expected: Vec<_> = (0..25).rev().map(Some).collect();
        expected.push(None);
        for limit in [1, 7, 13, 26, 200] {
            assert_eq!(
                read_through(&table, limit, &Filter::default()).await,
                expected,
                "{limit}"
            );
        }
    }

    #[tokio::test]
    async fn a_filter_leaves_out_what_does_not_match() {
        let table = filled().await;
        let expected: Vec<_> = [20, 15, 10, 5, 0].into_iter().map(Some).collect();
        let of_service = Filter {
            service: Some(Service::LastFm),
            ..Filter::default()
        };
        let of_kind = Filter {
            kind: Some(ItemKind::Track),
            ..Filter::default()
        };
        let of_both = Filter {
            service: Some(Service::LastFm),
            ..of_kind.clone()
        };
        for filter in [of_service, of_kind, of_both] {
            for limit in [1, 2, 10] {
                assert_eq!(
                    read_through(&table, limit, &filter).await,
                    expected,
                    "{limit}"
                );
            }
        }
        let nothing = Filter {
            service: Some(Service::Trakt),
            ..Filter::default()
        };
        assert!(read_through(&table, 2, &nothing).await.is_empty());
    }

    #[tokio::test]
    async fn both_ends_of_a_range_are_in_it() {
        let table = filled().await;
        let range = Filter {
            from: Some(second(10)),
            to: Some(second(12)),
            ..Filter::default()
        };
        let expected: Vec<_> = [12, 11, 10].into_iter().map(Some).collect();
        assert_eq!(read_through(&table, 2, &range).await, expected);
        let until = Filter {
            from: None,
            ..range.clone()
        };
        let expected: Vec<_> = (0..=12).rev().map(Some).collect();
        assert_eq!(read_through(&table, 5, &until).await, expected);
        let empty = Filter {
            from: Some(second(12)),
            to: Some(second(10)),
            ..range
        };
        assert!(read_through(&table, 2, &empty).await.is_empty());
    }

    #[tokio::test]
    async fn a_cursor_from_elsewhere_is_no_error() {
        let table = filled().await;
        let range = Filter {
            from: Some(second(10)),
            to: Some(second(12)),
            ..Filter::default()
        };
        let at = |seconds| Page {
            limit: 5,
            cursor: Some(Cursor(play(user(1), second(seconds)).id)),
        };
        let (before, next) = table.history(user(1), &at(3), &range).await.unwrap();
        assert!(before.is_empty() && next.is_none());
        let (after, _) = table.history(user(1), &at(20), &range).await.unwrap();
        assert_eq!(after.len(), 3);
        assert!("PLAY#".parse::<Cursor>().is_err());
    }
}
