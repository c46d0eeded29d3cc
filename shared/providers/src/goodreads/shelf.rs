//! A shelf's feed, as Goodreads spells it, and the books on it.

use chrono::{DateTime, NaiveDate, Utc};
use hub_domain::media::{ExternalId, Namespace, Scope};
use hub_domain::rating::{Scale, Shown};
use hub_domain::{ItemKind, MediaItem};

use crate::feed::{Document, Element, Page, Skipped, day_as_written, lines, time};

/// The last page that is asked for: nobody has 20,000 books, and a feed that repeats itself has no end.
pub const LAST_PAGE: u32 = 200;

/// The shelves of which a book is on exactly one, but for `read`, which is where nothing else is said.
const EXCLUSIVE: [&str; 4] = ["currently-reading", "to-read", "did-not-finish", "paused"];

/// One book on somebody's shelves.
#[derive(Debug, Clone, PartialEq)]
pub struct ShelvedBook {
    /// The number of the shelving: the same however it is edited.
    pub review_id: Option<u64>,
    /// Goodreads' number of the edition.
    pub book_id: u64,
    /// The book: its title with the series in brackets, its first author, the ISBN that the edition has, the edition's year.
    pub media: MediaItem,
    /// The rating, on [`Scale::WholeStars`].
    pub rating: Option<Shown>,
    /// The exclusive shelf: `read`, `to-read` … A user's own exclusive shelf cannot be told from a tag here.
    pub shelf: String,
    /// All other shelves: tags.
    pub tags: Vec<String>,
    /// The day of the latest reading, as its reader wrote it; often unknown although the book was read.
    pub read_on: Option<NaiveDate>,
    /// When it was put on a shelf.
    pub added_at: Option<DateTime<Utc>>,
    /// The review, with simple HTML; its line breaks are line breaks.
    pub review: Option<String>,
}

/// The shelf that a feed's title says it is, byte for byte; nothing if the title has another shape.
pub(super) fn shelf_of_title(title: &str) -> Option<&str> {
    title.rsplit_once("bookshelf: ").map(|(_, shelf)| shelf)
}

/// Whose feed it is by its title, `Jane 's bookshelf: read`.
pub(super) fn owner_of(document: &Document) -> Option<String> {
    let by_title = document
        .title
        .rsplit_once("'s bookshelf: ")
        .map(|(owner, _)| owner.trim().to_owned());
    let by_entry = || document.items.first()?.name("user_name");
    by_title.filter(|owner| !owner.is_empty()).or_else(by_entry)
}

/// The books on one page; `asked` is the shelf that was asked for, if it was one.
pub(super) fn page(document: &Document, asked: Option<&str>, number: u32) -> Page<ShelvedBook> {
    let mut page = Page {
        owner: owner_of(document),
        entries: Vec::new(),
        skipped: Vec::new(),
        // How many books a page has is not documented and changes: only an empty one is the last.
        next: Some(number + 1).filter(|next| !document.items.is_empty() && *next <= LAST_PAGE),
    };
    for (at, item) in document.items.iter().enumerate() {
        match book(item, asked) {
            Ok(book) => page.entries.push(book),
            Err(why) => page.skipped.push(Skipped { at: at + 1, why }),
        }
    }
    page
}

fn book(item: &Element, asked: Option<&str>) -> Result<ShelvedBook, String> {
    let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number > 0);
    let stars = |text: &str| {
        let stars = text.parse::<u8>().ok()?;
        Shown::new(Scale::WholeStars, stars).ok()
    };
    let mut media = MediaItem::new(ItemKind::Book);
    media.title = Some(item.name("title").ok_or("it has no title")?);
    media.author = item.name("author_name");
    media.year = item.parse("book_published", |text| text.parse().ok())?;
    // An edition without a usable ISBN is known by its title and author.
    let isbn = item.get("isbn");
    media.ids = isbn
        .and_then(|isbn| ExternalId::new(Namespace::Isbn, Scope::Item, isbn).ok())
        .into_iter()
        .collect();
    let mut tags: Vec<String> = item
        .get("user_shelves")
        .map(|names| names.split(',').map(|name| name.trim().to_owned()))
        .into_iter()
        .flatten()
        .filter(|name| !name.is_empty())
        .collect();
    let exclusive = EXCLUSIVE
        .into_iter()
        .find(|name| asked == Some(name) || tags.iter().any(|tag| tag == name));
    let shelf = exclusive.unwrap_or("read").to_owned();
    tags.retain(|tag| *tag != shelf && tag != "read");
    Ok(ShelvedBook {
        review_id: item.get("guid").or(item.get("link")).and_then(review_id),
        book_id: item
            .parse("book_id", number)?
            .ok_or("it has no number of a book")?,
        media,
        rating: item.parse("user_rating", stars)?.flatten(),
        shelf,
        tags,
        read_on: item.parse("user_read_at", day_as_written)?,
        // Nothing hangs on it: an odd one spoils nothing.
        added_at: item
            .get("user_date_added")
            .and_then(time)
            .map(|time| time.to_utc()),
        review: item.get("user_review").map(lines),
    })
}

/// The number in `https://www.goodreads.com/review/show/7000000001?utm_medium=api`.
fn review_id(link: &str) -> Option<u64> {
    let (_, rest) = link.split_once("/review/show/")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}
