//! The diary feed: what one person logged, newest first, as far as the window reaches.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Pacific::Auckland;
use serde::Serialize;

use crate::page::escaped;

/// How many entries the feed has at most; older ones are gone from it.
pub const WINDOW: usize = 50;

/// TMDB's number of a film; mini-series and such are counted among the shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tmdb {
    /// Counted among the films.
    Movie(u64),
    /// Counted among the shows.
    Show(u64),
}

/// One film that somebody logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Log {
    /// The film's title.
    pub title: String,
    /// The year of its release.
    pub year: i64,
    /// Some films have no link to TMDB.
    pub tmdb: Option<Tmdb>,
    /// The day it was watched; a review without one is not in the diary.
    pub watched_on: Option<NaiveDate>,
    /// Whether it was seen before.
    pub is_rewatch: bool,
    /// In half stars, 1 to 10.
    pub half_stars: Option<u8>,
    /// Whether it has a heart.
    pub is_liked: bool,
    /// The review, in HTML.
    pub review: Option<String>,
    /// Whether the review gives away the story.
    pub has_spoilers: bool,
}

impl Log {
    /// A film watched on a day, and nothing else said of it.
    #[must_use]
    pub fn watched(title: &str, year: i64, tmdb: u64, watched_on: NaiveDate) -> Log {
        Log {
            title: title.to_owned(),
            year,
            tmdb: Some(Tmdb::Movie(tmdb)),
            watched_on: Some(watched_on),
            is_rewatch: false,
            half_stars: None,
            is_liked: false,
            review: None,
            has_spoilers: false,
        }
    }
}

/// What stands in a feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// The number in its `guid`.
    pub number: u64,
    /// When it was logged, which is no day of watching.
    pub logged_at: DateTime<Utc>,
    /// What it is.
    pub content: Content,
}

/// A logged film, or a list that somebody made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// A film.
    Log(Log),
    /// A list, by its title.
    List(String),
}

/// The feed of one person.
pub(crate) fn feed(user: &str, items: &[Item]) -> String {
    let shown: String = items
        .iter()
        .enumerate()
        .rev()
        .take(WINDOW)
        .map(|(at, item)| match &item.content {
            Content::Log(log) => {
                let logged_before = items.iter().take(at).filter(|earlier| {
                    matches!(&earlier.content, Content::Log(earlier) if earlier.title == log.title && earlier.year == log.year)
                });
                film(user, item, log, logged_before.count())
            }
            Content::List(title) => list(user, item, title),
        })
        .collect();
    let user = text(user);
    format!(
        "<?xml version='1.0' encoding='utf-8'?>\n<rss version=\"2.0\" xmlns:atom=\"http://www.w3.org/2005/Atom\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:letterboxd=\"https://letterboxd.com\" \
         xmlns:tmdb=\"https://themoviedb.org\"><channel><title>Letterboxd - {user}</title>\
         <link>https://letterboxd.com/{user}/</link><description>Letterboxd - {user}</description>\
         <atom:link rel=\"self\" href=\"https://letterboxd.com/{user}/rss/\" type=\"application/rss+xml\"/>\n\
         {shown}</channel></rss>\n"
    )
}

fn film(user: &str, item: &Item, log: &Log, logged_before: usize) -> String {
    let kind = if log.review.is_some() {
        "review"
    } else {
        "watch"
    };
    let stars = log.half_stars.map(|half_stars| {
        let half = if half_stars % 2 == 1 { "½" } else { "" };
        format!(" - {}{half}", "★".repeat(usize::from(half_stars / 2)))
    });
    let spoilers = if log.has_spoilers {
        " (contains spoilers)"
    } else {
        ""
    };
    let title = format!(
        "{}, {}{}{spoilers}",
        log.title,
        log.year,
        stars.unwrap_or_default()
    );
    // The first log of a film has no number, the second one is number 1.
    let nth = if logged_before > 0 {
        format!("{logged_before}/")
    } else {
        String::new()
    };
    let mut parts = vec![
        format!("<title>{}</title>", text(&title)),
        format!(
            "<link>https://letterboxd.com/{}/film/{}/{nth}</link>",
            text(user),
            slug(log)
        ),
        format!(
            "<guid isPermaLink=\"false\">letterboxd-{kind}-{}</guid>",
            item.number
        ),
        format!("<pubDate>{}</pubDate>", log_time(item.logged_at)),
    ];
    if let Some(day) = log.watched_on {
        parts.push(format!(
            "<letterboxd:watchedDate>{day}</letterboxd:watchedDate>"
        ));
    }
    parts.push(format!(
        "<letterboxd:rewatch>{}</letterboxd:rewatch>",
        yes(log.is_rewatch)
    ));
    parts.push(format!(
        "<letterboxd:filmTitle>{}</letterboxd:filmTitle>",
        text(&log.title)
    ));
    parts.push(format!(
        "<letterboxd:filmYear>{}</letterboxd:filmYear>",
        log.year
    ));
    if let Some(half_stars) = log.half_stars {
        let rating = f64::from(half_stars) / 2.0;
        parts.push(format!(
            "<letterboxd:memberRating>{rating:.1}</letterboxd:memberRating>"
        ));
    }
    parts.push(format!(
        "<letterboxd:memberLike>{}</letterboxd:memberLike>",
        yes(log.is_liked)
    ));
    match log.tmdb {
        Some(Tmdb::Movie(id)) => parts.push(format!("<tmdb:movieId>{id}</tmdb:movieId>")),
        Some(Tmdb::Show(id)) => parts.push(format!("<tmdb:tvId>{id}</tmdb:tvId>")),
        None => {}
    }
    parts.push(format!(
        "<description><![CDATA[ {} ]]></description>",
        description(log)
    ));
    parts.push(format!("<dc:creator>{}</dc:creator>", text(user)));
    format!("<item>\n{}\n</item>\n", parts.join("\n"))
}

fn description(log: &Log) -> String {
    let poster = format!(
        "<p><img src=\"https://a.ltrbxd.com/resized/{}.jpg\"/></p>",
        slug(log)
    );
    let spoilers = if log.has_spoilers {
        " <p><em>This review may contain spoilers.</em></p>"
    } else {
        ""
    };
    match (&log.review, log.watched_on) {
        // A review cannot end the section that it stands in.
        (Some(review), _) => format!(
            "{poster}{spoilers} <p>{}</p>",
            review.replace("]]>", "]]&gt;")
        ),
        (None, Some(day)) => format!(
            "{poster} <p>Watched on {}.</p>",
            day.format("%A %B %-d, %Y")
        ),
        (None, None) => poster,
    }
}

fn list(user: &str, item: &Item, title: &str) -> String {
    format!(
        "<item>\n<title>{}</title>\n<link>https://letterboxd.com/{}/list/{}/</link>\n\
         <guid isPermaLink=\"false\">letterboxd-list-{}</guid>\n<pubDate>{}</pubDate>\n\
         <description><![CDATA[ <ul></ul> ]]></description>\n<dc:creator>{}</dc:creator>\n</item>\n",
        text(title),
        text(user),
        slug_of(title),
        item.number,
        log_time(item.logged_at),
        text(user),
    )
}

/// The time of logging, in New Zealand: `Mon, 5 Jan 2026 18:22:40 +1300`.
fn log_time(time: DateTime<Utc>) -> String {
    let there = time.with_timezone(&Auckland);
    there.format("%a, %-d %b %Y %H:%M:%S %z").to_string()
}

fn yes(is_so: bool) -> &'static str {
    if is_so { "Yes" } else { "No" }
}

/// Text in a plain field, with the entity that the feed has for an apostrophe.
fn text(text: &str) -> String {
    escaped(text).replace("&#39;", "&#039;")
}

fn slug(log: &Log) -> String {
    format!("{}-{}", slug_of(&log.title), log.year)
}

fn slug_of(title: &str) -> String {
    let words: Vec<String> = title
        .to_lowercase()
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.join("-")
}
