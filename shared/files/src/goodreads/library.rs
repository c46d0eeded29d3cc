//! The library as CSV: Goodreads' export, and the two layouts that the hub writes.

use chrono::NaiveDate;
use hub_domain::rating::{Scale, Shown};

use super::{Book, Shelf, isbn};
use crate::table::{NotATable, Quotes, Row, Rows, Sheets, day, names, read as read_table};

/// The most rows of a file: no limit is published, but large files take Goodreads hours.
pub const MOST_ROWS: usize = 1000;
/// The most bytes of a file, for the same reason.
pub const MOST_BYTES: usize = 4_000_000;

/// How a library is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// For Goodreads' importer: its sample's 14 columns, plain ISBNs. Knows no count of readings.
    Importer,
    /// As Goodreads' export since October 2022: 24 columns, ISBNs as formulas. Others read it, and Goodreads itself.
    Library,
}

const IMPORTER: [&str; 14] = [
    "Title",
    "Author",
    "ISBN",
    "My Rating",
    "Average Rating",
    "Publisher",
    "Binding",
    "Year Published",
    "Original Publication Year",
    "Date Read",
    "Date Added",
    "Shelves",
    "Bookshelves",
    "My Review",
];

const LIBRARY: [&str; 24] = [
    "Book Id",
    "Title",
    "Author",
    "Author l-f",
    "Additional Authors",
    "ISBN",
    "ISBN13",
    "My Rating",
    "Average Rating",
    "Publisher",
    "Binding",
    "Number of Pages",
    "Year Published",
    "Original Publication Year",
    "Date Read",
    "Date Added",
    "Bookshelves",
    "Bookshelves with positions",
    "Exclusive Shelf",
    "My Review",
    "Spoiler",
    "Private Notes",
    "Read Count",
    "Owned Copies",
];

/// Writes files of at most [`MOST_ROWS`] books, each with the header.
pub fn write(books: &[Book], layout: Layout) -> Vec<Vec<u8>> {
    let header: &[&str] = match layout {
        Layout::Importer => &IMPORTER,
        Layout::Library => &LIBRARY,
    };
    let mut sheets = Sheets::new(header, Quotes::Doubled, MOST_BYTES, MOST_ROWS);
    for book in books {
        let cells: Vec<String> = header
            .iter()
            .map(|column| cell(book, layout, column))
            .collect();
        sheets.push(cells.iter().map(String::as_str));
    }
    sheets.finish()
}

/// What a book has to say in a column; what the hub does not know stays empty.
fn cell(book: &Book, layout: Layout, column: &str) -> String {
    let ten = || book.isbn_13.as_deref().and_then(isbn::ten);
    match column {
        "Book Id" => book.book_id.map(|id| id.to_string()).unwrap_or_default(),
        "Title" => book.title.clone(),
        "Author" => book.author.clone(),
        "Additional Authors" => book.additional_authors.join(", "),
        "ISBN" => match layout {
            Layout::Importer => book.isbn_13.clone().unwrap_or_default(),
            Layout::Library => isbn::formula(ten().as_deref()),
        },
        "ISBN13" => isbn::formula(book.isbn_13.as_deref()),
        "My Rating" => book.rating.map_or(0, Shown::step).to_string(),
        "Date Read" => date(book.read_on),
        "Date Added" => date(book.added_on),
        "Bookshelves" | "Shelves" => shelves(book, layout).join(", "),
        "Exclusive Shelf" => book.shelf.name().to_owned(),
        "My Review" => breaks(book.review.as_deref()),
        "Private Notes" => breaks(book.private_notes.as_deref()),
        "Spoiler" if book.is_spoiler => "true".to_owned(),
        "Read Count" => book.read_count.to_string(),
        "Owned Copies" => "0".to_owned(),
        _ => String::new(),
    }
}

/// The exclusive shelf first; Goodreads' export leaves `read` out of the list.
fn shelves(book: &Book, layout: Layout) -> Vec<String> {
    let is_told = layout == Layout::Importer || book.shelf != Shelf::Read;
    let exclusive = is_told.then(|| book.shelf.name());
    let tags = book.tags.iter().map(String::as_str);
    exclusive
        .into_iter()
        .chain(tags)
        .map(|name| name.replace(',', " "))
        .collect()
}

fn date(day: Option<NaiveDate>) -> String {
    day.map(|day| day.format("%Y/%m/%d").to_string())
        .unwrap_or_default()
}

fn breaks(text: Option<&str>) -> String {
    text.unwrap_or_default()
        .replace("\r\n", "\n")
        .replace(['\r', '\n'], "<br/>")
}

fn lines(html: &str) -> String {
    html.replace("<br/>", "\n")
        .replace("<br />", "\n")
        .replace("<br>", "\n")
}

/// Reads a library: Goodreads' export of any year, its importer's format, or what a spreadsheet made of them.
///
/// # Errors
///
/// What is no library. A row that cannot be used is listed.
pub fn read(bytes: &[u8]) -> Result<Rows<Book>, NotATable> {
    read_table(bytes, Quotes::Doubled, &["Title", "Author"], book)
}

fn book(row: &Row<'_>) -> Result<Book, String> {
    let text = |column| row.get(column).map(str::to_owned);
    let stars = |text: &str| {
        let stars = text.parse::<f64>().ok()?;
        Shown::of_stars(Scale::WholeStars, stars).ok()
    };
    let mut tags = row
        .get("Bookshelves")
        .or(row.get("Shelves"))
        .map(names)
        .unwrap_or_default();
    let shelf = match row.get("Exclusive Shelf") {
        Some(name) => Shelf::named(name),
        None => Shelf::among(&tags),
    };
    tags.retain(|name| name != shelf.name());
    Ok(Book {
        book_id: row.parse("Book Id", |text| text.parse().ok())?,
        title: text("Title").ok_or("it has no title")?,
        author: text("Author").unwrap_or_default(),
        additional_authors: row.get("Additional Authors").map(names).unwrap_or_default(),
        // An ISBN that a spreadsheet spoiled costs the row its ISBN, not its place.
        isbn_13: ["ISBN13", "ISBN"]
            .into_iter()
            .find_map(|column| isbn::thirteen(row.get(column)?)),
        rating: row.parse("My Rating", stars)?.flatten(),
        shelf,
        tags,
        read_on: row.parse("Date Read", day)?,
        added_on: row.parse("Date Added", day)?,
        read_count: row
            .parse("Read Count", |text| text.parse().ok())?
            .unwrap_or(0),
        review: row.get("My Review").map(lines),
        is_spoiler: row
            .get("Spoiler")
            .is_some_and(|text| text.eq_ignore_ascii_case("true")),
        private_notes: row.get("Private Notes").map(lines),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXPORT: &str = "\u{feff}Book Id,Title,Author,Author l-f,Additional Authors,ISBN,ISBN13,My Rating,Average Rating,Publisher,Binding,Number of Pages,Year Published,Original Publication Year,Date Read,Date Added,Bookshelves,Bookshelves with positions,Exclusive Shelf,My Review,Spoiler,Private Notes,Read Count,Owned Copies\n\
        1885,\"Pride and Prejudice\",Jane Austen,\"Austen, Jane\",\"Vivien Jones, Tony Tanner\",\"=\"\"0141439513\"\"\",\"=\"\"9780141439518\"\"\",5,4.29,Penguin,Paperback,367,2002,1813,2026/03/12,2020/01/02,\"favourites, essays\",\"favourites (#1), essays (#2)\",read,\"\"\"Truth\"\"<br/>universally\",true,,3,1\n\
        7,The Republic,Plato,,,=\"\",=\"\",0,3.9,,,,,-380,,2026/03/01,to-read,to-read (#9),to-read,,,,0,0\n";

    #[test]
    fn an_export_is_read_with_its_formulas_and_line_breaks() {
        let rows = read(EXPORT.as_bytes()).unwrap();
        assert_eq!(rows.skipped, []);
        let [austen, plato] = &rows.rows[..] else {
            panic!("two books");
        };
        assert_eq!(austen.isbn_13.as_deref(), Some("9780141439518"));
        assert_eq!(austen.additional_authors, ["Vivien Jones", "Tony Tanner"]);
        assert_eq!(austen.tags, ["favourites", "essays"]);
        assert_eq!(austen.review.as_deref(), Some("\"Truth\"\nuniversally"));
        assert_eq!(
            (austen.rating.map(Shown::step), austen.is_spoiler),
            (Some(5), true)
        );
        assert_eq!(
            austen.readings(),
            [None, None, NaiveDate::from_ymd_opt(2026, 3, 12)]
        );
        assert_eq!(
            (&plato.shelf, &plato.tags[..], plato.rating),
            (&Shelf::ToRead, &[][..], None)
        );
        assert_eq!((plato.isbn_13.as_ref(), plato.readings()), (None, vec![]));
    }

    #[test]
    fn a_spreadsheets_leftovers_spoil_only_what_they_touch() {
        let file = "Title,Author,ISBN13,Date Read,My Rating,Exclusive Shelf\n\
            Emma,Jane Austen,9.78006E+12,3/12/2026,4,read\n\
            Persuasion,Jane Austen,,soon,4,read\n\
            Sanditon,Jane Austen,,,4.5,dnf\n";
        let rows = read(file.as_bytes()).unwrap();
        assert_eq!(rows.rows.len(), 1);
        assert_eq!(rows.rows[0].isbn_13, None);
        assert_eq!(rows.rows[0].read_on, NaiveDate::from_ymd_opt(2026, 3, 12));
        let lines: Vec<u64> = rows.skipped.iter().map(|row| row.line).collect();
        assert_eq!(lines, [3, 4]);
    }

    #[test]
    fn both_layouts_are_written_as_goodreads_writes_them() {
        let book = Book {
            title: "Emma".to_owned(),
            author: "Jane Austen".to_owned(),
            isbn_13: Some("9780141439587".to_owned()),
            rating: Shown::new(Scale::WholeStars, 4).unwrap(),
            tags: vec!["classics".to_owned()],
            read_on: NaiveDate::from_ymd_opt(2026, 3, 1),
            read_count: 2,
            review: Some("Good,\n\"better\"".to_owned()),
            ..Book::default()
        };
        let text = |layout| {
            let file = write(std::slice::from_ref(&book), layout).remove(0);
            String::from_utf8(file)
                .unwrap()
                .lines()
                .nth(1)
                .unwrap()
                .to_owned()
        };
        assert_eq!(
            text(Layout::Importer),
            "Emma,Jane Austen,9780141439587,4,,,,,,2026/03/01,,\"read, classics\",\"read, classics\",\"Good,<br/>\"\"better\"\"\""
        );
        assert_eq!(
            text(Layout::Library),
            ",Emma,Jane Austen,,,\"=\"\"0141439580\"\"\",\"=\"\"9780141439587\"\"\",4,,,,,,,2026/03/01,,classics,,read,\"Good,<br/>\"\"better\"\"\",,,2,0"
        );
    }

    #[test]
    fn large_libraries_are_split_and_nothing_is_lost() {
        let book = Book {
            title: "Emma".to_owned(),
            author: "Jane Austen".to_owned(),
            ..Book::default()
        };
        let files = write(&vec![book; 2_001], Layout::Importer);
        let counts: Vec<_> = files
            .iter()
            .map(|file| read(file).unwrap().rows.len())
            .collect();
        assert_eq!(counts, [1000, 1000, 1]);
    }

    const TEXT: &str = r#"[a-zA-Zäöü漢☕,;"'\\ =(#1)&+-]{1,30}"#;

    fn trimmed(text: &str) -> String {
        format!("x{}x", text.trim())
    }

    fn days() -> impl Strategy<Value = Option<NaiveDate>> {
        prop::option::of(0i64..20_000).prop_map(|days| {
            NaiveDate::from_ymd_opt(1990, 1, 1)?.checked_add_signed(chrono::TimeDelta::days(days?))
        })
    }

    prop_compose! {
        fn any_book()(
            (title, author) in (TEXT, TEXT), others in prop::collection::vec("[A-Za-z.é]{1,8}", 0..3), isbn in prop::option::of(0u64..1_000_000_000),
            step in 0u8..=5, shelf in prop::sample::select(vec!["read", "currently-reading", "to-read", "did-not-finish", "paused", "dnf"]),
            tags in prop::collection::btree_set("[a-c-]{1,6}", 0..3), (read_on, added_on) in (days(), days()), read_count in 0u32..5,
            review in prop::option::of(prop::collection::vec(TEXT, 1..4)), is_spoiler: bool, book_id in prop::option::of(1u64..),
        ) -> Book {
            // Ten digits with the check digit that fits them.
            let isbn_13 = isbn.and_then(|nine| isbn::ten(&format!("978{nine:09}0"))).and_then(|ten| isbn::thirteen(&ten));
            let review = review.map(|lines| lines.iter().map(|line| trimmed(line)).collect::<Vec<_>>().join("\n"));
            Book {
                book_id, title: trimmed(&title), author: trimmed(&author), additional_authors: others, isbn_13,
                rating: Shown::new(Scale::WholeStars, step).unwrap(), shelf: Shelf::named(shelf), tags: tags.into_iter().collect(),
                read_on, added_on, read_count, review, is_spoiler, private_notes: None,
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_the_same(books in prop::collection::vec(any_book(), 1..20)) {
            let file = write(&books, Layout::Library).remove(0);
            let rows = read(&file).unwrap();
            prop_assert_eq!(&rows.skipped, &[]);
            prop_assert_eq!(rows.rows, books);
        }

        #[test]
        fn the_importers_layout_keeps_all_that_it_has_columns_for(book in any_book().prop_filter("Goodreads' own shelves", |book| !matches!(book.shelf, Shelf::Other(_)))) {
            let file = write(std::slice::from_ref(&book), Layout::Importer).remove(0);
            let back = read(&file).unwrap().rows.remove(0);
            let kept = Book { book_id: None, additional_authors: vec![], read_count: 0, is_spoiler: false, ..book };
            prop_assert_eq!(back, kept);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
