//! The headers of real files, where they are at hand.
//!
//! They are not part of this project: `HUB_REFERENCE` names the folder that holds them.

use crate::goodreads::{self, Book, Layout};
use crate::letterboxd::{export, import};

#[expect(
    clippy::disallowed_methods,
    reason = "the reference is no setting of the hub; it exists for these tests alone"
)]
fn columns(of: &str) -> Option<Vec<(String, Vec<String>)>> {
    let Ok(folder) = std::env::var("HUB_REFERENCE") else {
        eprintln!("skipped: HUB_REFERENCE does not name the folder of the headers");
        return None;
    };
    let path = std::path::Path::new(&folder).join("contracts/csv/columns.json");
    let all: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let names = |list: &serde_json::Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    let found = match all[of].get("columns") {
        Some(list) => vec![(of.to_owned(), names(list))],
        None => all[of]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, list)| list.is_array())
            .map(|(file, list)| (file.clone(), names(list)))
            .collect(),
    };
    Some(found)
}

fn header(file: &[u8]) -> Vec<String> {
    let text = str::from_utf8(file).unwrap();
    let line = text.lines().next().unwrap();
    line.split(',').map(str::to_owned).collect()
}

#[test]
fn goodreads_files_have_the_columns_of_the_real_ones() {
    let book = Book {
        title: "Emma".to_owned(),
        ..Book::default()
    };
    for (layout, of) in [
        (Layout::Library, "goodreads_export"),
        (Layout::Importer, "goodreads_import"),
    ] {
        let Some(known) = columns(of) else { return };
        let file = goodreads::write(std::slice::from_ref(&book), layout).remove(0);
        assert_eq!(header(&file), known[0].1, "{of}");
    }
    for of in [
        "goodreads_export",
        "goodreads_export_before_2022_10",
        "goodreads_import",
    ] {
        let Some(known) = columns(of) else { return };
        let file = format!("{}\n", known[0].1.join(","));
        assert!(
            goodreads::read(file.as_bytes()).unwrap().rows.is_empty(),
            "{of}"
        );
    }
}

#[test]
fn letterboxd_files_have_columns_that_the_real_ones_have() {
    let entry = import::Entry {
        tmdb_id: Some(949),
        ..import::Entry::default()
    };
    let Some(known) = columns("letterboxd_import") else {
        return;
    };
    let written = header(&import::write(&[entry]).remove(0));
    assert!(
        written.iter().all(|column| known[0].1.contains(column)),
        "{written:?}"
    );
    let Some(files) = columns("letterboxd_export") else {
        return;
    };
    let mut seen = 0;
    for (path, columns) in files {
        let file = format!("{}\n", columns.join(","));
        let is_read = export::File::of_path(&path).is_some();
        seen += usize::from(is_read);
        assert!(
            !is_read || export::read(file.as_bytes()).unwrap().rows.is_empty(),
            "{path}"
        );
    }
    assert_eq!(seen, 6);
}
