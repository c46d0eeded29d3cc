//! What the services have in common that are read by a feed: an RSS document into elements by their names, page by
//! page, and whether an answer is one at all.
//!
//! Both services have elements of their own in their feeds, so a reader that knows RSS alone would lose them.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use quick_xml::Reader;
use quick_xml::events::Event;
use reqwest::header::HeaderMap;

use crate::http::{is_page, retry_after};

/// How deep elements are nested at most; feeds have five levels.
const DEEPEST: usize = 32;
/// The most entries of a page; Goodreads has 100 on one, Letterboxd 50.
const MOST_ENTRIES: usize = 1000;
/// How long a service that keeps this address out is left alone, where it names no time.
pub(crate) const KEPT_OUT: TimeDelta = TimeDelta::hours(1);

/// One page of a feed.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// Whose feed it is, where it says so.
    pub owner: Option<String>,
    /// What stands on it, in the feed's order.
    pub entries: Vec<T>,
    /// What stands on it and could not be read, to be shown to the user: never taken for absent.
    pub skipped: Vec<Skipped>,
    /// The page to be read next; `None` after the last one.
    pub next: Option<u32>,
}

/// An entry that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where on the page it stands, from 1.
    pub at: usize,
    /// Why, for people.
    pub why: String,
}

/// Why a document is no feed, or not all of one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAFeed {
    #[error("the feed cannot be read")]
    Xml(#[source] quick_xml::Error),
    #[error("this is no feed")]
    Another,
    #[error("the feed is cut short")]
    CutShort,
    #[error("the feed holds more than any feed does")]
    TooMuch,
}

/// A feed as it is written.
#[derive(Debug)]
pub(crate) struct Document {
    /// The channel's title, blanks included: at Goodreads they mean something.
    pub(crate) title: String,
    pub(crate) items: Vec<Element>,
}

/// What stands inside one entry: texts by the names of their elements, prefix included; nested ones as `book/num_pages`.
#[derive(Debug, Default)]
pub(crate) struct Element(BTreeMap<String, String>);

impl Element {
    /// The text of an element, without white space around it; nothing if it is empty or not there.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name)?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// The same with the white space within it folded, as names need it.
    pub(crate) fn name(&self, name: &str) -> Option<String> {
        let words: Vec<&str> = self.get(name)?.split_whitespace().collect();
        Some(words.join(" "))
    }

    /// An element that may be empty; an error if something else than a `T` stands there.
    pub(crate) fn parse<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let refused = || {
            let text: String = text.chars().take(40).collect();
            format!("{name}: {text:?} is not understood")
        };
        read(text).map(Some).ok_or_else(refused)
    }
}

/// Reads an RSS document to its very end: one that was cut short is none.
pub(crate) fn read(body: &str) -> Result<Document, NotAFeed> {
    // Goodreads begins with a blank line, which XML does not allow before the declaration.
    let mut reader =
        Reader::from_str(body.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}'));
    let mut open: Vec<String> = Vec::new();
    let mut document = Document {
        title: String::new(),
        items: Vec::new(),
    };
    let (mut item, mut text) = (Element::default(), String::new());
    let mut has_channel = false;
    loop {
        match reader.read_event().map_err(NotAFeed::Xml)? {
            Event::Start(start) => {
                open.push(start.name().as_ref().to_owned());
                text.clear();
                if open.len() > DEEPEST {
                    return Err(NotAFeed::TooMuch);
                }
                if open.first().is_some_and(|root| root != "rss") {
                    return Err(NotAFeed::Another);
                }
                has_channel |= is_at(&open, &["rss", "channel"]);
            }
            Event::End(_) => {
                if is_at(&open, &["rss", "channel", "item"]) {
                    document.items.push(std::mem::take(&mut item));
                    if document.items.len() > MOST_ENTRIES {
                        return Err(NotAFeed::TooMuch);
                    }
                } else if is_at(&open, &["rss", "channel", "title"]) {
                    document.title = std::mem::take(&mut text);
                } else if let ["rss", "channel", "item", inner @ ..] = &names(&open)[..] {
                    // Of two of a name the first one counts.
                    item.0
                        .entry(inner.join("/"))
                        .or_insert(std::mem::take(&mut text));
                }
                text.clear();
                open.pop();
            }
            Event::Text(part) => text.push_str(&part.xml10_content()),
            Event::CData(part) => text.push_str(&part.xml10_content()),
            // Names of HTML are no entities of XML, and stand in feeds all the same.
            Event::GeneralRef(part) => {
                let written = format!("&{};", part.xml10_content());
                text.push_str(&html_escape::decode_html_entities(&written));
            }
            Event::Eof if !open.is_empty() => return Err(NotAFeed::CutShort),
            Event::Eof if !has_channel => return Err(NotAFeed::Another),
            Event::Eof => return Ok(document),
            Event::Empty(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
        }
    }
}

fn names(open: &[String]) -> Vec<&str> {
    open.iter().map(String::as_str).collect()
}

fn is_at(open: &[String], path: &[&str]) -> bool {
    names(open) == path
}

/// The calendar day of a date as it is written (`Sun, 1 Mar 2026 00:00:00 +0000`): the zone is not converted, since it
/// is the user's own day.
pub(crate) fn day_as_written(text: &str) -> Option<NaiveDate> {
    time(text).map(|time| time.date_naive())
}

/// A date and a time of RFC 2822, in its own zone.
pub(crate) fn time(text: &str) -> Option<DateTime<chrono::FixedOffset>> {
    DateTime::parse_from_rfc2822(text).ok()
}

/// HTML with its line breaks as line breaks; other tags stay.
pub(crate) fn lines(html: &str) -> String {
    ["<br/>", "<br />", "<br>"]
        .iter()
        .fold(html.to_owned(), |text, tag| text.replace(tag, "\n"))
}

/// Says whether an answer comes from what stands in front of a service and asks for a person: a challenge, whatever its
/// status.
///
/// Sources: Cloudflare marks them with `cf-mitigated`
/// (<https://developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages/detect-response/>), Amazon's
/// firewall with `x-amzn-waf-action` and 202 or 405
/// (<https://docs.aws.amazon.com/waf/latest/developerguide/waf-captcha-and-challenge-how-it-works.html>).
pub(crate) fn is_challenge(status: u16, headers: &HeaderMap, body: &str) -> bool {
    headers.contains_key("cf-mitigated")
        || headers.contains_key("x-amzn-waf-action")
        || status == 202
        || (status == 200 && is_web_page(headers, body))
}

/// Says whether an answer is a page for people. A feed begins with `<` as well, and may be called HTML by mistake.
pub(crate) fn is_web_page(headers: &HeaderMap, body: &str) -> bool {
    let start: String = body.trim_start().chars().take(5).collect();
    let is_feed = matches!(start.as_str(), "<?xml" | "<rss " | "<rss>");
    !is_feed && is_page(headers, body)
}

/// When to look again at a service that keeps this address out.
pub(crate) fn kept_out_until(headers: &HeaderMap, now: DateTime<Utc>) -> DateTime<Utc> {
    retry_after(headers, now).unwrap_or(now + KEPT_OUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEED: &str = "\n<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\" xmlns:x=\"https://x.example\"><channel>\
        <xhtml:meta xmlns:xhtml=\"http://www.w3.org/1999/xhtml\" name=\"robots\" />\
        <title>Jane &amp; 's bookshelf: read </title>\
        <item><title><![CDATA[ A <b> & ]]>&#039;c&#x27; &nbsp;d&eacute;</title><x:year>2023</x:year>\
        <book id=\"1\"><num_pages>367</num_pages></book><isbn></isbn><title>second</title></item>\
        <item><link/></item></channel></rss>\n";

    #[test]
    fn every_element_is_read_by_its_name_whatever_feeds_usually_have() {
        let document = read(FEED).unwrap();
        assert_eq!(document.title, "Jane & 's bookshelf: read ");
        let [first, second] = &document.items[..] else {
            panic!("two entries");
        };
        assert_eq!(first.get("title"), Some("A <b> & 'c' \u{a0}dé"));
        assert_eq!(first.name("title").as_deref(), Some("A <b> & 'c' dé"));
        assert_eq!(first.get("x:year"), Some("2023"));
        assert_eq!(first.get("book/num_pages"), Some("367"));
        assert_eq!((first.get("isbn"), first.get("asin")), (None, None));
        assert_eq!(second.get("link"), None);
        let year = |text: &str| text.parse::<u8>().ok();
        assert_eq!(
            first.parse("x:year", year),
            Err("x:year: \"2023\" is not understood".to_owned())
        );
    }

    #[test]
    fn a_feed_that_is_cut_anywhere_is_no_feed_and_never_an_empty_one() {
        for end in (0..FEED.trim_end().len()).filter(|end| FEED.is_char_boundary(*end)) {
            assert!(read(&FEED[..end]).is_err(), "{end}");
        }
        let empty = read("<rss><channel></channel></rss>").unwrap();
        assert!(empty.items.is_empty());
    }

    #[test]
    fn what_is_no_feed_is_refused() {
        for body in [
            "",
            "{}",
            "<!DOCTYPE html><html><body></body></html>",
            "<rss/>",
            "<feed></feed>",
        ] {
            assert!(read(body).is_err(), "{body}");
        }
        let deep = format!("<rss>{}", "<a>".repeat(DEEPEST));
        assert!(matches!(read(&deep), Err(NotAFeed::TooMuch)));
        let long = format!(
            "<rss><channel>{}</channel></rss>",
            "<item></item>".repeat(MOST_ENTRIES + 1)
        );
        assert!(matches!(read(&long), Err(NotAFeed::TooMuch)));
    }

    #[test]
    fn days_are_taken_as_they_are_written() {
        let expected = |y, m, d| NaiveDate::from_ymd_opt(y, m, d);
        for (text, day) in [
            ("Thu, 12 Mar 2026 00:00:00 +0000", expected(2026, 3, 12)),
            ("Sun, 1 Mar 2026 00:00:00 +0000", expected(2026, 3, 1)),
            ("Sun, 05 Feb 2017 23:15:00 -0800", expected(2017, 2, 5)),
            ("soon", None),
        ] {
            assert_eq!(day_as_written(text), day, "{text}");
        }
    }
}
