//! The CSV files in the zip that a user downloads, and the history that they make together.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use hub_domain::rating::Shown;

use super::{stars, year};
use crate::archive::{NotAnArchive, is_archive, unpack};
use crate::table::{NotATable, Quotes, Row, Rows, Skipped, day, names, read as read_table};

/// A file of the zip that is of use. `deleted/` and `orphaned/` are not, and `profile.csv` is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum File {
    /// `diary.csv`: films with their days.
    Diary,
    /// `reviews.csv`: the same with reviews, and reviews without a day.
    Reviews,
    /// `ratings.csv`: each film's rating.
    Ratings,
    /// `watched.csv`: every film that was ever watched.
    Watched,
    /// `watchlist.csv`.
    Watchlist,
    /// `likes/films.csv`.
    Likes,
}

impl File {
    /// The name of the file in the zip.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Diary => "diary.csv",
            Self::Reviews => "reviews.csv",
            Self::Ratings => "ratings.csv",
            Self::Watched => "watched.csv",
            Self::Watchlist => "watchlist.csv",
            Self::Likes => "likes/films.csv",
        }
    }

    /// The file of this path in the zip; a folder around all of it does not matter.
    pub fn of_path(path: &str) -> Option<Self> {
        let mut parts = path.rsplit('/');
        let (name, folder) = (parts.next()?, parts.next().unwrap_or_default());
        if matches!(folder, "deleted" | "orphaned") {
            return None;
        }
        match (folder, name) {
            ("likes", "films.csv") => Some(Self::Likes),
            ("likes" | "lists", _) => None,
            (_, "diary.csv") => Some(Self::Diary),
            (_, "reviews.csv") => Some(Self::Reviews),
            (_, "ratings.csv") => Some(Self::Ratings),
            (_, "watched.csv") => Some(Self::Watched),
            (_, "watchlist.csv") => Some(Self::Watchlist),
            _ => None,
        }
    }
}

/// A film as an export names it: there are no ids of other databases.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilmName {
    /// The title.
    pub name: String,
    /// The year; films without one exist.
    pub year: Option<i32>,
}

/// One row of any of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The film.
    pub film: FilmName,
    /// The short link: the *entry's* in diary and reviews, the *film's* elsewhere; the two never meet.
    pub uri: String,
    /// The day it was put down; not the day it was watched.
    pub logged_on: Option<NaiveDate>,
    /// The day it was watched, where the diary has one.
    pub watched_on: Option<NaiveDate>,
    /// The rating, if there is one.
    pub rating: Option<Shown>,
    /// Whether the user says that it was watched before.
    pub is_rewatch: bool,
    /// Tags.
    pub tags: Vec<String>,
    /// The review, as HTML.
    pub review: Option<String>,
}

/// Reads one file of the export. All of them begin with the same columns, and have more of them or fewer.
///
/// # Errors
///
/// What is no file of an export.
pub fn read(bytes: &[u8]) -> Result<Rows<Line>, NotATable> {
    read_table(bytes, Quotes::Doubled, &["Name", "Letterboxd URI"], line)
}

fn line(row: &Row<'_>) -> Result<Line, String> {
    let text = |column| row.get(column).map(str::to_owned);
    Ok(Line {
        film: FilmName {
            name: text("Name").ok_or("it has no name")?,
            year: row.parse("Year", year)?,
        },
        uri: text("Letterboxd URI").unwrap_or_default(),
        logged_on: row.parse("Date", day)?,
        watched_on: row.parse("Watched Date", day)?,
        rating: row.parse("Rating", stars)?.flatten(),
        is_rewatch: row.get("Rewatch") == Some("Yes"),
        tags: row.get("Tags").map(names).unwrap_or_default(),
        review: text("Review"),
    })
}

/// Why an upload is no export of an account.
#[derive(Debug, thiserror::Error)]
pub enum NotAnExport {
    /// A zip that cannot be read.
    #[error(transparent)]
    Archive(#[from] NotAnArchive),
    /// One of its files, or the only one, is another table.
    #[error("{file} is no file of a Letterboxd export")]
    Table {
        /// The name of the file.
        file: &'static str,
        /// What is wrong with it.
        #[source]
        source: NotATable,
    },
    /// A zip without `watched.csv` and `diary.csv`, or a file of another name: some other service's.
    #[error("this is no Letterboxd export: it has neither watched.csv nor diary.csv")]
    Another,
}

/// What a user uploaded: the files of use, each with the rows that could not be used.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Export(BTreeMap<File, Rows<Line>>);

impl Export {
    /// Reads the zip of an account, or a single file of it by its name.
    ///
    /// # Errors
    ///
    /// What is neither.
    pub fn open(name: &str, bytes: &[u8]) -> Result<Self, NotAnExport> {
        let files = if is_archive(bytes) {
            let files = unpack(bytes, File::of_path)?;
            if !files.contains_key(&File::Watched) && !files.contains_key(&File::Diary) {
                return Err(NotAnExport::Another);
            }
            files
        } else {
            let file = File::of_path(name).ok_or(NotAnExport::Another)?;
            BTreeMap::from([(file, bytes.to_vec())])
        };
        let read_one = |(file, bytes): (File, Vec<u8>)| {
            let table = |source| NotAnExport::Table {
                file: file.name(),
                source,
            };
            Ok((file, read(&bytes).map_err(table)?))
        };
        let tables: Result<_, NotAnExport> = files.into_iter().map(read_one).collect();
        Ok(Self(tables?))
    }

    /// The rows of a file; none if it was not uploaded.
    pub fn rows(&self, file: File) -> &[Line] {
        self.0.get(&file).map_or(&[], |table| &table.rows)
    }

    /// The rows that could not be used, file by file.
    pub fn skipped(&self) -> impl Iterator<Item = (File, &Skipped)> {
        self.0
            .iter()
            .flat_map(|(file, table)| table.skipped.iter().map(|row| (*file, row)))
    }

    /// What its files say together.
    pub fn history(&self) -> History {
        history(
            self.rows(File::Diary),
            self.rows(File::Reviews),
            self.rows(File::Ratings),
            self.rows(File::Watched),
        )
    }
}

/// One viewing out of an export.
pub type Viewing = Line;

/// What the files say together: each viewing once, and each film's rating.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The viewings in the order of the files; those without a day are films that were watched some time.
    pub viewings: Vec<Viewing>,
    /// The ratings, the film's own before those of its entries.
    pub ratings: BTreeMap<FilmName, Shown>,
}

/// Puts the files together: reviews and diary are one by their links, and win over ratings and watched films.
///
/// A film that is only rated, or only marked as watched, is one viewing without a day.
pub fn history(diary: &[Line], reviews: &[Line], ratings: &[Line], watched: &[Line]) -> History {
    let mut viewings: Vec<Viewing> = Vec::new();
    let mut places = BTreeMap::<&str, usize>::new();
    for line in reviews.iter().chain(diary) {
        // Without a link nothing says that two rows are one.
        match places
            .get(line.uri.as_str())
            .filter(|_| !line.uri.is_empty())
        {
            Some(place) => {
                if let Some(known) = viewings.get_mut(*place) {
                    known.watched_on = known.watched_on.or(line.watched_on);
                    known.rating = known.rating.or(line.rating);
                    known.is_rewatch |= line.is_rewatch;
                }
            }
            None => {
                places.insert(line.uri.as_str(), viewings.len());
                viewings.push(line.clone());
            }
        }
    }
    let mut films: BTreeSet<FilmName> = viewings
        .iter()
        .map(|viewing| viewing.film.clone())
        .collect();
    for line in ratings.iter().chain(watched) {
        if films.insert(line.film.clone()) {
            viewings.push(Viewing {
                watched_on: None,
                is_rewatch: false,
                ..line.clone()
            });
        }
    }
    // Later entries win over earlier ones, the film's own rating over all of them.
    let mut dated: Vec<&Viewing> = viewings.iter().collect();
    dated.sort_by_key(|viewing| viewing.logged_on);
    let rated = dated.into_iter().chain(ratings);
    let ratings = rated
        .filter_map(|line| Some((line.film.clone(), line.rating?)))
        .collect();
    History { viewings, ratings }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIARY: &str = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n\
        2026-01-05,\"Crouching Tiger, Hidden Dragon\",2000,https://boxd.it/aa1,4.5,Yes,\"wuxia, \"\"cinema\"\"\",2026-01-04\n\
        2026-02-01,Heat,1995,https://boxd.it/aa2,,,,2026-01-31\n";
    const REVIEWS: &str = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Review,Tags,Watched Date\n\
        2026-01-05,\"Crouching Tiger, Hidden Dragon\",2000,https://boxd.it/aa1,4.5,Yes,\"It <i>flies</i>.\nTwice.\",wuxia,2026-01-04\n\
        2026-03-01,Ronin,1998,https://boxd.it/aa3,,,A chase.,,\n";
    const RATINGS: &str = "Date,Name,Year,Letterboxd URI,Rating\n\
        2026-02-02,Heat,1995,https://boxd.it/29qU,5\n\
        2026-02-02,Tenet,2020,https://boxd.it/29qV,0.5\n";
    const WATCHED: &str = "Date,Name,Year,Letterboxd URI\n\
        2026-02-02,Heat,1995,https://boxd.it/29qU\n\
        2026-02-02,Stalker,1979,https://boxd.it/29qW\n";

    fn lines(file: &str) -> Vec<Line> {
        let rows = read(file.as_bytes()).unwrap();
        assert_eq!(rows.skipped, []);
        rows.rows
    }

    #[test]
    fn the_files_make_one_history_in_which_each_viewing_occurs_once() {
        let history = history(
            &lines(DIARY),
            &lines(REVIEWS),
            &lines(RATINGS),
            &lines(WATCHED),
        );
        let told: Vec<_> = history
            .viewings
            .iter()
            .map(|line| {
                (
                    line.film.name.as_str(),
                    line.watched_on.map(|day| day.to_string()),
                    line.is_rewatch,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (
                    "Crouching Tiger, Hidden Dragon",
                    Some("2026-01-04".to_owned()),
                    true
                ),
                ("Ronin", None, false),
                ("Heat", Some("2026-01-31".to_owned()), false),
                ("Tenet", None, false),
                ("Stalker", None, false),
            ]
        );
        assert_eq!(
            history.viewings[0].review.as_deref(),
            Some("It <i>flies</i>.\nTwice.")
        );
        let stars: Vec<_> = history
            .ratings
            .iter()
            .map(|(film, shown)| (film.name.as_str(), shown.stars()))
            .collect();
        assert_eq!(
            stars,
            [
                ("Crouching Tiger, Hidden Dragon", Some(4.5)),
                ("Heat", Some(5.0)),
                ("Tenet", Some(0.5))
            ]
        );
    }

    #[test]
    fn only_the_files_of_use_are_taken_from_the_zip() {
        for (path, file) in [
            ("diary.csv", Some(File::Diary)),
            ("letterboxd-alice-2026/watched.csv", Some(File::Watched)),
            ("likes/films.csv", Some(File::Likes)),
            ("likes/reviews.csv", None),
            ("deleted/diary.csv", None),
            ("orphaned/diary.csv", None),
            ("lists/diary.csv", None),
            ("profile.csv", None),
            ("../../diary.csv.exe", None),
        ] {
            assert_eq!(File::of_path(path), file, "{path}");
        }
    }

    #[test]
    fn another_services_file_is_refused() {
        assert!(read(b"title,watched_at\nHeat,2026-01-01\n").is_err());
    }

    #[test]
    fn a_zip_is_read_whole_and_a_file_of_it_alone() {
        let files = [
            ("profile.csv", "Date Joined,Username\n2020-01-01,alice\n"),
            ("diary.csv", DIARY),
            ("reviews.csv", REVIEWS),
            ("ratings.csv", RATINGS),
            ("watched.csv", WATCHED),
            ("deleted/diary.csv", "Date,Name\n"),
            (
                "likes/films.csv",
                "Date,Name,Year,Letterboxd URI\nsoon,Heat,1995,https://boxd.it/29qU\n",
            ),
        ];
        let files = files
            .map(|(name, text)| (format!("letterboxd-alice/{name}"), text.as_bytes().to_vec()));
        let export = Export::open("any.zip", &crate::bundle(&files).unwrap()).unwrap();
        assert_eq!(export.history().viewings.len(), 5);
        assert!(export.rows(File::Watchlist).is_empty());
        let skipped: Vec<_> = export
            .skipped()
            .map(|(file, row)| (file, row.line))
            .collect();
        assert_eq!(skipped, [(File::Likes, 2)]);
        let alone = Export::open("diary.csv", DIARY.as_bytes()).unwrap();
        assert_eq!(alone.rows(File::Diary), lines(DIARY));
    }

    #[test]
    fn another_services_zip_is_refused() {
        let of = |name: &str, text: &str| {
            crate::bundle(&[(name.to_owned(), text.as_bytes().to_vec())]).unwrap()
        };
        let open = |bytes: &[u8]| Export::open("export.zip", bytes).unwrap_err();
        assert!(matches!(
            open(&of("history.json", "[]")),
            NotAnExport::Another
        ));
        assert!(matches!(
            open(&of("watched.csv", "title,watched_at\n")),
            NotAnExport::Table {
                file: "watched.csv",
                ..
            }
        ));
        assert!(matches!(open(b"PK\x03\x04"), NotAnExport::Archive(_)));
        assert!(matches!(open(b"title\n"), NotAnExport::Another));
    }
}
