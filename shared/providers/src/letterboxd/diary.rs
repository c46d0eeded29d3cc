//! A diary's feed, as Letterboxd spells it, and the films in it.

use chrono::{DateTime, NaiveDate, Utc};
use hub_domain::media::{ExternalId, Namespace, Scope};
use hub_domain::rating::{Scale, Shown};
use hub_domain::{ItemKind, MediaItem};

use crate::feed::{Document, Element, Page, Skipped, time};

/// One film that somebody logged.
#[derive(Debug, Clone, PartialEq)]
pub struct DiaryEntry {
    /// The number of the entry. Whether it stays when a review is added later is not documented.
    pub number: u64,
    /// The film: title, year, and TMDB's number where it has one.
    pub media: MediaItem,
    /// TMDB's number where TMDB counts it among the shows, as it does with mini-series.
    pub tmdb_show_id: Option<ExternalId>,
    /// The address of the entry.
    pub link: Option<String>,
    /// The day it was watched, where its viewer lives; `None`: watched, nobody knows when.
    pub watched_on: Option<NaiveDate>,
    /// When it was written down, which is not when it was watched.
    pub logged_at: Option<DateTime<Utc>>,
    /// Whether its viewer had seen it before.
    pub is_rewatch: bool,
    /// The rating, on [`Scale::HalfStars`].
    pub rating: Option<Shown>,
    /// Whether it has a heart; `None`: the feed does not say.
    pub is_liked: Option<bool>,
    /// The review, as HTML.
    pub review: Option<String>,
    /// Whether the review tells the end.
    pub has_spoilers: bool,
}

/// Whose feed it is by its title, `Letterboxd - Alice`.
pub(super) fn owner_of(document: &Document) -> Option<String> {
    let by_title = document
        .title
        .split_once(" - ")
        .map(|(_, owner)| owner.trim().to_owned());
    let by_entry = || document.items.first()?.name("dc:creator");
    by_title.filter(|owner| !owner.is_empty()).or_else(by_entry)
}

/// The films in a feed; the lists among them are left out. There is one page.
pub(super) fn page(document: &Document) -> Page<DiaryEntry> {
    let mut page = Page {
        owner: owner_of(document),
        entries: Vec::new(),
        skipped: Vec::new(),
        next: None,
    };
    for (at, item) in document.items.iter().enumerate() {
        // A list is no film, and has no film's title.
        if item.get("letterboxd:filmTitle").is_none() {
            continue;
        }
        match entry(item) {
            Ok(entry) => page.entries.push(entry),
            Err(why) => page.skipped.push(Skipped { at: at + 1, why }),
        }
    }
    page
}

fn entry(item: &Element) -> Result<DiaryEntry, String> {
    let guid = item.get("guid").unwrap_or_default();
    let (kind, number) = guid
        .strip_prefix("letterboxd-")
        .and_then(|rest| rest.split_once('-'))
        .ok_or("it has no number")?;
    let tmdb = |name, scope| ExternalId::new(Namespace::Tmdb, scope, item.get(name)?).ok();
    let yes = |text: &str| match text {
        "Yes" => Some(true),
        "No" => Some(false),
        _ => None,
    };
    let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let mut media = MediaItem::new(ItemKind::Movie);
    media.title = item.name("letterboxd:filmTitle");
    media.year = item.parse("letterboxd:filmYear", |text| text.parse().ok())?;
    media.ids = tmdb("tmdb:movieId", Scope::Item).into_iter().collect();
    let title = item.get("title").unwrap_or_default();
    let (text, says_spoilers) = review(item.get("description").unwrap_or_default());
    Ok(DiaryEntry {
        number: number.parse().map_err(|_| "it has no number")?,
        media,
        tmdb_show_id: tmdb("tmdb:tvId", Scope::Show),
        link: item.get("link").map(str::to_owned),
        watched_on: item.parse("letterboxd:watchedDate", day)?,
        // Nothing hangs on it: an odd one spoils nothing.
        logged_at: item.get("pubDate").and_then(time).map(|time| time.to_utc()),
        is_rewatch: item.parse("letterboxd:rewatch", yes)?.unwrap_or(false),
        rating: match item.parse("letterboxd:memberRating", stars)? {
            Some(rating) => rating,
            None => stars_in(title),
        },
        is_liked: item.parse("letterboxd:memberLike", yes)?,
        review: text.filter(|_| kind == "review"),
        has_spoilers: says_spoilers || title.ends_with(" (contains spoilers)"),
    })
}

fn stars(text: &str) -> Option<Option<Shown>> {
    Shown::of_stars(Scale::HalfStars, text.parse().ok()?).ok()
}

/// The stars that end a title, `Name, Year - ★★★½`: older feeds have them nowhere else.
fn stars_in(title: &str) -> Option<Shown> {
    let title = title.strip_suffix(" (contains spoilers)").unwrap_or(title);
    let (_, stars) = title.rsplit_once(" - ")?;
    let whole = stars.chars().take_while(|c| *c == '★').count();
    let half = match stars.get(whole * '★'.len_utf8()..)? {
        "" => 0,
        "½" => 1,
        _ => return None,
    };
    let step = u8::try_from(whole * 2 + half).ok()?;
    Shown::new(Scale::HalfStars, step).ok().flatten()
}

/// The review in a description, behind the poster and the warning; and whether there is a warning.
fn review(description: &str) -> (Option<String>, bool) {
    let without = |text: &str, begins: &str| {
        let rest = text.strip_prefix(begins)?;
        let (_, rest) = rest.split_once("</p>")?;
        Some(rest.trim_start().to_owned())
    };
    let text = description.trim().to_owned();
    let text = without(&text, "<p><img ").unwrap_or(text);
    let (text, is_warned) = match without(&text, "<p><em>This review may contain spoilers.") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    ((!text.is_empty()).then_some(text), is_warned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stars_of_older_feeds_are_read_off_the_title() {
        let step = |title| stars_in(title).map(Shown::step);
        assert_eq!(step("Perfect Days, 2023 - ★★★★½"), Some(9));
        assert_eq!(step("Heat, 1995 - ½ (contains spoilers)"), Some(1));
        assert_eq!(step("Mission: Impossible - Fallout, 2018"), None);
        assert_eq!(step("Heat, 1995 - ★★★★★★"), None);
        assert_eq!(step("Heat, 1995"), None);
    }

    #[test]
    fn a_review_is_what_stands_behind_the_poster_and_the_warning() {
        let poster = "<p><img src=\"https://a.ltrbxd.com/x.jpg\"/></p>";
        let read = |text: &str| review(&format!(" {poster} {text} "));
        assert_eq!(
            read("<p>Good.</p>"),
            (Some("<p>Good.</p>".to_owned()), false)
        );
        assert_eq!(
            read("<p><em>This review may contain spoilers.</em></p> <p>He dies.</p>"),
            (Some("<p>He dies.</p>".to_owned()), true)
        );
        assert_eq!(read(""), (None, false));
        assert_eq!(
            review("<p>No poster.</p>").0.as_deref(),
            Some("<p>No poster.</p>")
        );
    }
}
