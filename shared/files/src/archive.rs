//! Archives: several files in one zip, read and written in memory alone.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// The most files of an archive that is read: an account has one for each of its lists.
const MOST_FILES: usize = 20_000;
/// The most bytes of an archive that are unpacked, all files together: what a small zip may grow to.
const MOST_BYTES: u64 = 128 << 20;
/// What every zip begins with.
const MAGIC: &[u8] = b"PK\x03\x04";

/// Why bytes are no archive that could be read.
#[derive(Debug, thiserror::Error)]
pub enum NotAnArchive {
    /// No zip, a broken one, or one with a password.
    #[error("the archive cannot be read")]
    Unreadable(#[source] ZipError),
    /// More files or bytes than such an archive holds.
    #[error("the archive is too large")]
    TooLarge,
}

/// Says whether a file is a zip rather than a table.
pub(crate) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Unpacks those files of a zip that `wanted` has a name for by their path; the first one of each name counts.
///
/// Paths name files, nothing else: nothing is written anywhere.
pub(crate) fn unpack<Name: Ord>(
    bytes: &[u8],
    wanted: impl Fn(&str) -> Option<Name>,
) -> Result<BTreeMap<Name, Vec<u8>>, NotAnArchive> {
    unpack_within(MOST_BYTES, bytes, wanted)
}

fn unpack_within<Name: Ord>(
    most_bytes: u64,
    bytes: &[u8],
    wanted: impl Fn(&str) -> Option<Name>,
) -> Result<BTreeMap<Name, Vec<u8>>, NotAnArchive> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(NotAnArchive::Unreadable)?;
    if archive.len() > MOST_FILES {
        return Err(NotAnArchive::TooLarge);
    }
    let mut files = BTreeMap::new();
    let mut left = most_bytes;
    for at in 0..archive.len() {
        let path = archive.name_for_index(at);
        // A name that cannot be read is none that is wanted.
        let name = path.and_then(|path| wanted(path.as_ref().ok()?));
        let Some(name) = name else { continue };
        if files.contains_key(&name) {
            continue;
        }
        let file = archive.by_index(at).map_err(NotAnArchive::Unreadable)?;
        let mut content = Vec::new();
        // The size that the archive names is not believed.
        let read = file
            .take(left + 1)
            .read_to_end(&mut content)
            .map_err(|error| NotAnArchive::Unreadable(ZipError::Io(error)))?;
        left = u64::try_from(read)
            .ok()
            .and_then(|read| left.checked_sub(read))
            .ok_or(NotAnArchive::TooLarge)?;
        files.insert(name, content);
    }
    Ok(files)
}

/// Puts files into one zip: for an importer that takes them one after the other.
///
/// # Errors
///
/// More than a zip can hold: 4 GB, or a name twice.
pub fn bundle(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, NotAnArchive> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in files {
        archive
            .start_file(name.as_str(), options)
            .map_err(NotAnArchive::Unreadable)?;
        archive
            .write_all(content)
            .map_err(|error| NotAnArchive::Unreadable(ZipError::Io(error)))?;
    }
    let done = archive.finish().map_err(NotAnArchive::Unreadable)?;
    Ok(done.into_inner())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(name: &str, content: &[u8]) -> (String, Vec<u8>) {
        (name.to_owned(), content.to_vec())
    }

    fn csv(path: &str) -> Option<String> {
        path.ends_with(".csv").then(|| path.to_owned())
    }

    #[test]
    fn what_is_bundled_comes_out_again_and_only_what_is_wanted() {
        let files = [
            file("1.csv", b"a,b\n"),
            file("2.csv", &[b'x'; 100_000]),
            file("notes.txt", b"no"),
        ];
        let archive = bundle(&files).unwrap();
        assert!(is_archive(&archive) && archive.len() < 2_000);
        let out = unpack(&archive, csv).unwrap();
        assert_eq!(out.into_iter().collect::<Vec<_>>(), files[..2]);
        assert!(unpack(&archive, |_| None::<String>).unwrap().is_empty());
        assert!(unpack(&bundle(&[]).unwrap(), csv).unwrap().is_empty());
    }

    #[test]
    fn the_first_of_a_name_counts() {
        let files = [file("a/x.csv", b"1"), file("b/x.csv", b"2")];
        let out = unpack(&bundle(&files).unwrap(), |path| {
            path.rsplit('/').next().map(str::to_owned)
        });
        assert_eq!(out.unwrap()["x.csv"], b"1");
    }

    #[test]
    fn a_zip_that_grows_beyond_its_bound_is_refused() {
        let files = [file("1.csv", &[0; 50_000]), file("2.csv", &[0; 50_000])];
        let archive = bundle(&files).unwrap();
        assert!(archive.len() < 1_000);
        let within = |most| unpack_within(most, &archive, csv);
        assert_eq!(within(100_000).unwrap().len(), 2);
        assert!(matches!(within(99_999), Err(NotAnArchive::TooLarge)));
    }

    #[test]
    fn a_broken_zip_is_refused() {
        let archive = bundle(&[file("1.csv", b"a,b\n1,2\n")]).unwrap();
        for end in [0, 4, archive.len() / 2, archive.len() - 1] {
            assert!(unpack(&archive[..end], csv).is_err(), "{end}");
        }
        assert!(!is_archive(b"a,b\n"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_unpacked_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0usize..200, with: u8) {
            let _ = unpack(&bytes, csv);
            let mut archive = bundle(&[("1.csv".to_owned(), std::mem::take(&mut bytes))]).unwrap();
            let at = at % archive.len();
            archive[at] = with;
            let _ = unpack(&archive, csv);
        }
    }
}
