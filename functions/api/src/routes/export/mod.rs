//! `GET /api/v1/export/{goodreads|letterboxd}`: a file for a service whose API is closed, as its importer takes it.
//!
//! Unless it is asked for all, a file holds what the hub has learned since the one before; up to where that reached is
//! kept, and moves once a file was made. A file may repeat rows of the minutes before: both importers take a row that
//! they have for the same.

mod books;
mod films;
mod gather;
#[cfg(test)]
mod testing;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{Method, StatusCode};
use hub_domain::{ItemKind, Service, UserId};
use hub_files::goodreads::{self, Layout};
use hub_files::letterboxd;
use hub_store::LastExport;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::ApiState;
use crate::body::Query;
use crate::caller::ForUser;
use crate::problem::Problem;
use crate::wire::moment;

use gather::{Gathered, Span};

/// What is learned of this late before a file is made may not be readable yet, and is in the next one as well.
const MAY_STILL_COME: TimeDelta = TimeDelta::minutes(2);
/// The most bytes of an answer. A Lambda function answers with 6 MB, in which a zip takes a third more than it has.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const MOST_BYTES: usize = 4_400_000;

/// Which part of the history, and how it is written.
#[derive(Debug, Default, Deserialize, IntoParams)]
pub(crate) struct ExportQuery {
    /// `last` (what is new since the last file; all, if there was none), `all`, or a moment with its offset: what the hub
    /// has learned since then, such as that of a file which was lost. `last` if it is left out.
    since: Option<String>,
    /// What the hub had learned by then, with the offset: for a history that is too large for one answer.
    until: Option<String>,
    /// Goodreads: `library` (as its own export, which its importer and other services take; the default) or `importer` (as
    /// the sample of its importer).
    layout: Option<String>,
    /// Letterboxd: `watchlist`, whole, for the importer on the watchlist's own page. In the file of the films its entries
    /// would count as watched.
    list: Option<String>,
}

/// What the query asks for.
#[derive(Debug, PartialEq)]
struct Wanted {
    since: Since,
    until: Option<DateTime<Utc>>,
    layout: Layout,
    is_watchlist: bool,
}

/// Where a file begins.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Since {
    Last,
    All,
    Moment(DateTime<Utc>),
}

impl Since {
    /// What is new: what was learned after this. `None`: everything is.
    fn begins(self, last: Option<&LastExport>) -> Option<DateTime<Utc>> {
        match self {
            Self::Last => last.map(|last| last.until),
            Self::All => None,
            Self::Moment(moment) => Some(moment),
        }
    }

    /// Says whether a file that begins here leaves no gap behind the last one.
    fn is_seamless(self, last: Option<&LastExport>) -> bool {
        match (self, last) {
            (Self::Last | Self::All, _) => true,
            (Self::Moment(moment), Some(last)) => moment <= last.until,
            (Self::Moment(_), None) => false,
        }
    }
}

/// The files that were made of a history, and what became of its items.
struct Made {
    files: Vec<Vec<u8>>,
    rows: usize,
    /// Items that nothing names so that the service could find them.
    left_out: usize,
}

/// Hands out a file for the importer of a service whose API is closed.
///
/// One file, or a zip of several where the importer's limits ask for them: they are taken one after the other. Nothing new
/// is 204. `x-exported-rows` counts the rows, `x-left-out` the items without a title, `x-exported-since` says where the file begins.
#[utoipa::path(
    get, path = "/api/v1/export/{service}", tag = "history",
    params(("service" = String, Path, description = "`goodreads` (books) or `letterboxd` (films)"), ExportQuery),
    responses(
        (status = 200, description = "The file", content((String = "text/csv"), (Vec<u8> = "application/zip"))),
        (status = 204, description = "Nothing is new"),
    )
)]
pub(crate) async fn export(
    State(state): State<ApiState>,
    method: Method,
    caller: ForUser,
    Path(service): Path<String>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let service = super::service(&service)?;
    let wanted = read(service, &query)?;
    let now = state.clock.now();
    let user = state.table.user(caller.user).await?;
    let user = user.ok_or_else(|| Problem::not_found("There is no such user any more."))?;
    let zone = user.settings.zone();
    let last = state.table.last_export(caller.user, service).await?;
    let span = Span {
        since: wanted.since.begins(last.as_ref()),
        until: wanted.until.unwrap_or(now),
    };
    let made = make(&state, caller.user, service, &wanted, span, &zone).await?;
    if made.files.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let day = now.with_timezone(&zone).date_naive();
    let name = match wanted.is_watchlist {
        true => format!("{service}-watchlist-{day}"),
        false => format!("{service}-{day}"),
    };
    let (rows, left_out) = (made.rows, made.left_out);
    let (kind, name, body) = packed(made.files, &name)?;
    if body.len() > MOST_BYTES {
        return Err(Problem::too_large(
            "This is more than one answer holds: ask for the earlier part first, with `until`.",
        ));
    }
    // Only a file that was made counts; who asks for the headers alone gets none.
    if method == Method::GET && !wanted.is_watchlist && wanted.since.is_seamless(last.as_ref()) {
        let made = LastExport {
            until: span.until.min(now - MAY_STILL_COME),
            made_at: now,
            rows,
        };
        state.table.note_export(caller.user, service, &made).await?;
    }
    let since = span
        .since
        .map_or_else(|| "all".to_owned(), |since| since.to_rfc3339());
    let headers = [
        (CONTENT_TYPE, kind.to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    let counts = [
        ("x-exported-rows", rows.to_string()),
        ("x-left-out", left_out.to_string()),
        ("x-exported-since", since),
    ];
    Ok((headers, counts, body).into_response())
}

async fn make<Zone: chrono::TimeZone>(
    state: &ApiState,
    user: UserId,
    service: Service,
    wanted: &Wanted,
    span: Span,
    zone: &Zone,
) -> Result<Made, Problem> {
    Ok(if service == Service::Goodreads {
        let gathered = Gathered::of(&state.table, user, ItemKind::Book, span).await?;
        let (books, left_out) = books::rows(&gathered, span, zone);
        Made {
            files: goodreads::write(&books, wanted.layout),
            rows: books.len(),
            left_out,
        }
    } else {
        let (entries, left_out) = if wanted.is_watchlist {
            films::to_watch(&gather::watchlist(&state.table, user, ItemKind::Movie, span).await?)
        } else {
            let gathered = Gathered::of(&state.table, user, ItemKind::Movie, span).await?;
            films::rows(&gathered, span, zone)
        };
        Made {
            files: letterboxd::import::write(&entries),
            rows: entries.len(),
            left_out,
        }
    })
}

/// One file as it is; several in a zip, in their order.
fn packed(mut files: Vec<Vec<u8>>, name: &str) -> Result<(&'static str, String, Vec<u8>), Problem> {
    if files.len() == 1 {
        let file = files.swap_remove(0);
        return Ok(("text/csv; charset=utf-8", format!("{name}.csv"), file));
    }
    let files: Vec<(String, Vec<u8>)> = files
        .into_iter()
        .enumerate()
        .map(|(at, file)| (format!("{name}-{:03}.csv", at + 1), file))
        .collect();
    let zip = hub_files::bundle(&files).map_err(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "the files of an export were not bundled");
        Problem::internal()
    })?;
    Ok(("application/zip", format!("{name}.zip"), zip))
}

fn read(service: Service, query: &ExportQuery) -> Result<Wanted, Problem> {
    if service.is_writable() {
        return Err(Problem::not_found(format!(
            "{} takes plays by itself; files are made for Goodreads and Letterboxd.",
            service.title()
        )));
    }
    let since = match query.since.as_deref() {
        None | Some("last") => Since::Last,
        Some("all") => Since::All,
        text @ Some(_) => match moment("since", text) {
            Ok(Some(moment)) => Since::Moment(moment),
            Ok(None) | Err(_) => {
                return Err(Problem::field(
                    "since",
                    "Expected here: last, all, or a time with its offset, such as 2026-11-20T13:39:51Z.",
                ));
            }
        },
    };
    let layout = match (service, query.layout.as_deref()) {
        (_, None) | (Service::Goodreads, Some("library")) => Layout::Library,
        (Service::Goodreads, Some("importer")) => Layout::Importer,
        (_, Some(_)) => {
            return Err(Problem::field(
                "layout",
                "Expected here, and for Goodreads alone: library or importer.",
            ));
        }
    };
    let is_watchlist = match (service, query.list.as_deref()) {
        (_, None) => false,
        (Service::Letterboxd, Some("watchlist")) => true,
        (_, Some(_)) => {
            return Err(Problem::field(
                "list",
                "Expected here, and for Letterboxd alone: watchlist.",
            ));
        }
    };
    Ok(Wanted {
        since,
        until: moment("until", query.until.as_deref())?,
        layout,
        is_watchlist,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(since: &str) -> ExportQuery {
        ExportQuery {
            since: Some(since.to_owned()),
            ..ExportQuery::default()
        }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_176_000 + seconds, 0).unwrap()
    }

    fn last(until: DateTime<Utc>) -> LastExport {
        LastExport {
            until,
            made_at: until,
            rows: 1,
        }
    }

    #[test]
    fn a_file_is_asked_for_in_words_that_are_checked() {
        let usual = read(Service::Letterboxd, &ExportQuery::default()).unwrap();
        assert_eq!(
            usual,
            Wanted {
                since: Since::Last,
                until: None,
                layout: Layout::Library,
                is_watchlist: false
            }
        );
        let since = |text| read(Service::Goodreads, &query(text)).map(|wanted| wanted.since);
        assert_eq!(since("all").unwrap(), Since::All);
        let moment = at(0).to_rfc3339();
        assert_eq!(since(&moment).unwrap(), Since::Moment(at(0)));
        let refused = |service, query: &ExportQuery| {
            let problem = read(service, query).unwrap_err();
            (
                problem.status().as_u16(),
                problem.field_name().map(str::to_owned),
            )
        };
        let field = |name: &str| (400, Some(name.to_owned()));
        assert_eq!(
            refused(Service::Goodreads, &query("yesterday")),
            field("since")
        );
        assert_eq!(
            refused(Service::Trakt, &ExportQuery::default()),
            (404, None)
        );
        let list = ExportQuery {
            list: Some("watchlist".to_owned()),
            ..ExportQuery::default()
        };
        assert!(read(Service::Letterboxd, &list).unwrap().is_watchlist);
        assert_eq!(refused(Service::Goodreads, &list), field("list"));
        let layout = |layout: &str| ExportQuery {
            layout: Some(layout.to_owned()),
            ..ExportQuery::default()
        };
        let importer = read(Service::Goodreads, &layout("importer")).unwrap();
        assert_eq!(importer.layout, Layout::Importer);
        assert_eq!(refused(Service::Goodreads, &layout("xml")), field("layout"));
        assert_eq!(
            refused(Service::Letterboxd, &layout("library")),
            field("layout")
        );
    }

    #[test]
    fn the_mark_moves_only_where_no_gap_is_left() {
        let stands = last(at(0));
        assert_eq!(Since::Last.begins(Some(&stands)), Some(at(0)));
        assert_eq!(
            (Since::Last.begins(None), Since::All.begins(Some(&stands))),
            (None, None)
        );
        for (since, last, is_seamless) in [
            (Since::Last, None, true),
            (Since::All, Some(&stands), true),
            (Since::Moment(at(0)), Some(&stands), true),
            (Since::Moment(at(1)), Some(&stands), false),
            (Since::Moment(at(-9)), None, false),
        ] {
            assert_eq!(since.is_seamless(last), is_seamless, "{since:?}");
        }
    }

    #[test]
    fn one_file_comes_as_it_is_and_several_in_a_zip() {
        let (kind, name, body) = packed(vec![b"a,b\n".to_vec()], "letterboxd-2026-11-20").unwrap();
        assert_eq!(
            (kind, name.as_str(), &body[..]),
            (
                "text/csv; charset=utf-8",
                "letterboxd-2026-11-20.csv",
                &b"a,b\n"[..]
            )
        );
        let (kind, name, body) = packed(vec![b"a\n".to_vec(), b"b\n".to_vec()], "x").unwrap();
        assert_eq!((kind, name.as_str()), ("application/zip", "x.zip"));
        assert!(body.starts_with(b"PK"));
        let names = String::from_utf8_lossy(&body);
        assert!(names.contains("x-001.csv") && names.contains("x-002.csv"));
    }
}
