//! A shelf's feed: what is on it, page by page.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::America::Los_Angeles;
use serde::Serialize;

use crate::page::escaped;

/// One book on somebody's shelves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shelved {
    /// The number of the shelving; the twin gives one for 0.
    pub review: u64,
    /// Goodreads' number of the edition.
    pub book: u64,
    /// With the series in brackets: `The Two Towers (The Lord of the Rings, #2)`.
    pub title: String,
    /// The first author.
    pub author: String,
    /// ISBN-10; editions for e-readers have none.
    pub isbn: Option<String>,
    /// How many pages it has.
    pub pages: Option<u32>,
    /// The year of this edition.
    pub published: Option<i64>,
    /// 0 to 5 whole stars; 0 is no rating.
    pub rating: u8,
    /// The day of the latest reading.
    pub read_on: Option<NaiveDate>,
    /// When it was put on a shelf.
    pub added_at: DateTime<Utc>,
    /// The one exclusive shelf: `read`, `currently-reading`, `to-read`, `did-not-finish`, `paused` or one's own.
    pub shelf: String,
    /// Further shelves.
    pub tags: Vec<String>,
    /// The review, in HTML.
    pub text: Option<String>,
}

impl Shelved {
    /// A book on one shelf, and nothing else said of it.
    #[must_use]
    pub fn on(
        shelf: &str,
        book: u64,
        title: &str,
        author: &str,
        added_at: DateTime<Utc>,
    ) -> Shelved {
        Shelved {
            review: 0,
            book,
            title: title.to_owned(),
            author: author.to_owned(),
            isbn: None,
            pages: None,
            published: None,
            rating: 0,
            read_on: None,
            added_at,
            shelf: shelf.to_owned(),
            tags: Vec::new(),
            text: None,
        }
    }

    pub(crate) fn is_on(&self, shelf: &str) -> bool {
        self.shelf == shelf || self.tags.iter().any(|tag| tag == shelf)
    }

    /// Empty when the book is on `read` alone.
    fn shelves(&self) -> String {
        let exclusive = Some(self.shelf.as_str()).filter(|shelf| *shelf != "read");
        let tags = self.tags.iter().map(String::as_str);
        exclusive
            .into_iter()
            .chain(tags)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// One page of a feed. `name` is what the title says the shelf is.
pub(crate) fn feed(owner: &str, id: u64, name: &str, books: &[&Shelved]) -> String {
    let items: String = books.iter().map(|book| item(owner, book)).collect();
    let owner = escaped(owner);
    let name = escaped(name);
    // The blank line before the declaration is theirs.
    format!(
        "\n<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\" xmlns:atom=\"http://www.w3.org/2005/Atom\">\n\
         <channel>\n<xhtml:meta xmlns:xhtml=\"http://www.w3.org/1999/xhtml\" name=\"robots\" content=\"noindex\" />\n\
         <title>{owner} 's bookshelf: {name}</title>\n<copyright><![CDATA[Copyright (C) 2026 Goodreads Inc. All rights \
         reserved.]]></copyright>\n<link><![CDATA[https://www.goodreads.com/review/list_rss/{id}]]></link>\n\
         <language>en-US</language>\n<ttl>60</ttl>\n{items}</channel>\n</rss>\n"
    )
}

fn item(owner: &str, book: &Shelved) -> String {
    let link = format!(
        "https://www.goodreads.com/review/show/{}?utm_medium=api&utm_source=rss",
        book.review
    );
    let number = |number: Option<String>| number.unwrap_or_default();
    let read_at = book
        .read_on
        .map(|day| format!("{} 00:00:00 +0000", day.format("%a, %-d %b %Y")));
    let added_at = spelled(book.added_at);
    let text = book.text.as_deref().unwrap_or_default();
    let parts = [
        format!("<guid><![CDATA[{link}]]></guid>"),
        format!("<pubDate><![CDATA[{added_at}]]></pubDate>"),
        format!("<title>{}</title>", escaped(&book.title)),
        format!("<link><![CDATA[{link}]]></link>"),
        format!("<book_id>{}</book_id>", book.book),
        format!(
            "<book_image_url><![CDATA[https://i.gr-assets.com/images/{}.jpg]]></book_image_url>",
            book.book
        ),
        "<book_description><![CDATA[<b>About</b> the book.]]></book_description>".to_owned(),
        format!(
            "<book id=\"{}\"><num_pages>{}</num_pages></book>",
            book.book,
            number(book.pages.map(|pages| pages.to_string()))
        ),
        format!("<author_name>{}</author_name>", escaped(&book.author)),
        format!("<isbn>{}</isbn>", book.isbn.as_deref().unwrap_or_default()),
        format!("<user_name>{}</user_name>", escaped(owner)),
        format!("<user_rating>{}</user_rating>", book.rating),
        format!(
            "<user_read_at><![CDATA[{}]]></user_read_at>",
            read_at.unwrap_or_default()
        ),
        format!("<user_date_added><![CDATA[{added_at}]]></user_date_added>"),
        format!("<user_date_created><![CDATA[{added_at}]]></user_date_created>"),
        format!("<user_shelves>{}</user_shelves>", escaped(&book.shelves())),
        // A review cannot end the section that it stands in.
        format!(
            "<user_review><![CDATA[{}]]></user_review>",
            text.replace("]]>", "]]&gt;")
        ),
        "<average_rating>4.02</average_rating>".to_owned(),
        format!(
            "<book_published>{}</book_published>",
            number(book.published.map(|year| year.to_string()))
        ),
        format!(
            "<description><![CDATA[author: {}<br/>]]></description>",
            book.author
        ),
    ];
    format!("<item>\n{}\n</item>\n", parts.join("\n"))
}

/// A real time, in California: `Sun, 05 Feb 2017 09:15:00 -0800`.
fn spelled(time: DateTime<Utc>) -> String {
    let there = time.with_timezone(&Los_Angeles);
    there.format("%a, %d %b %Y %H:%M:%S %z").to_string()
}
