//! What is taken as a list, and how it is stored.

use proptest::prelude::*;

use super::*;
use crate::anime::dataset::Refused;

#[test]
fn a_broken_row_is_left_out_and_counted() {
    let json = SMALL.replacen(
        r#""tvdb_show:900200:s1": {"#,
        r#""tvdb_show:x:s1": {}, "tvdb_show:1:s1": 7, "kitsu:1": {"a": []}, "tvdb_show:900200:s1": {"anilist:1": "1", "anilist:2": {"1": 5, "2": "0"}, "#,
        1,
    );
    let limits = Limits {
        broken_percent: 50,
        ..SMALL_LIMITS
    };
    let (index, tally) = dataset::read(json.as_bytes(), None, limits).unwrap();
    assert_eq!(index, small());
    assert_eq!((tally.kept, tally.broken), (index.len(), 5));
    assert!(matches!(
        dataset::read(json.as_bytes(), None, SMALL_LIMITS),
        Err(Refused::TooMuchBroken { broken: 5, .. })
    ));
}

#[test]
fn a_row_that_is_said_twice_is_kept_once() {
    let json = SMALL.replacen(
        r#""tvdb_show:900300:s1""#,
        r#""tmdb_movie:901": { "anilist:901": { "1": "1" } }, "tvdb_show:900300:s1""#,
        1,
    );
    let (index, tally) = dataset::read(json.as_bytes(), None, SMALL_LIMITS).unwrap();
    assert_eq!(index, small());
    assert_eq!(tally.kept, index.len());
}

#[test]
fn what_is_not_the_list_is_refused() {
    let read = |json: &str| dataset::read(json.as_bytes(), None, SMALL_LIMITS).map(|_| ());
    for json in [
        "",
        "null",
        "[]",
        "<html>",
        &SMALL[..SMALL.len() / 2],
        &format!("{SMALL} x"),
    ] {
        assert!(
            matches!(read(json), Err(Refused::NotTheList(_))),
            "{json:.20}"
        );
    }
    for json in [
        "{}",
        r#"{"$meta": 3}"#,
        &SMALL.replacen("3.0.0", "4.0.0", 1),
        &SMALL.replacen("schema_version", "version", 1),
    ] {
        assert!(
            matches!(read(json), Err(Refused::OtherFormat { .. })),
            "{json:.20}"
        );
    }
    let empty = r#"{"$meta": {"schema_version": "3.1"}}"#;
    assert!(matches!(read(empty), Err(Refused::TooFewRows { rows: 0 })));
    let tight = Limits {
        most_rows: 10,
        ..SMALL_LIMITS
    };
    let full = dataset::read(SMALL.as_bytes(), None, tight);
    assert!(matches!(full, Err(Refused::TooManyRows { most: 10 })));
    let tight = Limits {
        most_bytes: 10,
        ..SMALL_LIMITS
    };
    let large = dataset::read(SMALL.as_bytes(), None, tight);
    assert!(matches!(large, Err(Refused::TooLarge { .. })));
}

fn shows(origin: &str, count: u32) -> String {
    (1..=count)
        .map(|id| format!(r#""{origin}:{id}:s1":{{"anilist:{id}":{{"1":"1"}}}},"#))
        .collect()
}

#[test]
fn a_list_that_lost_a_fifth_of_one_direction_is_refused_and_the_last_good_copy_stays() {
    let list = |tvdb, tmdb| {
        let (tvdb, tmdb) = (shows("tvdb_show", tvdb), shows("tmdb_show", tmdb));
        format!(r#"{{{tvdb}{tmdb}"$meta":{{"schema_version":"3.0.0"}}}}"#)
    };
    let read = |json: String, last_good| dataset::read(json.as_bytes(), last_good, SMALL_LIMITS);
    let (before, _) = read(list(200, 200), None).unwrap();
    assert!(read(list(160, 200), Some(&before)).is_ok());
    let shrunk = read(list(159, 400), Some(&before));
    assert!(matches!(
        &shrunk,
        Err(Refused::Shrunk { what, before: 200, now: 159 }) if what == "tvdb_show to AniList"
    ));
}

#[test]
fn the_same_list_gives_the_same_bytes_whatever_its_order() {
    let value: serde_json::Value = serde_json::from_str(SMALL).unwrap();
    let map = value.as_object().unwrap();
    let turned: Vec<_> = map
        .iter()
        .rev()
        .map(|(name, value)| format!("{}:{value}", serde_json::json!(name)))
        .collect();
    let turned = format!("{{{}}}", turned.join(","));
    let (other, _) = dataset::read(turned.as_bytes(), None, SMALL_LIMITS).unwrap();
    assert_eq!(other.pack(), small().pack());
}

#[test]
fn a_stored_index_keeps_its_format() {
    let index = small();
    assert_eq!(index.generated_on(), "2026-11-20T02:10:11Z");
    assert_eq!(hex::encode(&index.digest()[..8]), "1e7f446d9bb98a04");
    assert_eq!(&index.pack()[..8], b"ANIMAP01");
    assert_eq!(Index::unpack(&index.pack()).unwrap(), index);
}

#[test]
fn a_stored_index_that_is_cut_off_or_changed_is_refused() {
    let packed = small().pack();
    for length in 0..packed.len() {
        assert!(Index::unpack(&packed[..length]).is_err(), "{length}");
    }
    for at in 0..packed.len() {
        let mut changed = packed.clone();
        changed[at] ^= 0x41;
        let is_other = Index::unpack(&changed).is_ok_and(|index| index != small());
        assert!(!is_other, "byte {at}");
    }
    assert!(matches!(
        Index::unpack(b"ANIMAP00"),
        Err(NotAnIndex::OtherVersion)
    ));
}

proptest! {
    #[test]
    fn any_json_is_read_or_refused(
        names in prop::collection::vec("(tvdb_show|anilist|anidb|imdb_movie|x):[0-9t]{0,4}(:[sRSO0-9]{0,3})?", 0..8),
        ranges in prop::collection::vec(("[0-9|,-]{0,8}", "[0-9|,-]{0,8}"), 1..8),
    ) {
        let ranges: Vec<_> = ranges.iter().map(|(from, to)| format!("\"{from}\":\"{to}\"")).collect();
        let sources: Vec<_> = names.iter().map(|name| format!("\"{name}\":{{\"anilist:1\":{{{}}}}}", ranges.join(","))).collect();
        let json = format!("{{\"$meta\":{{\"schema_version\":\"3.0\"}}{}{}}}", if sources.is_empty() { "" } else { "," }, sources.join(","));
        let limits = Limits { broken_percent: 100, ..SMALL_LIMITS };
        if let Ok((index, _)) = dataset::read(json.as_bytes(), None, limits) {
            prop_assert_eq!(Index::unpack(&index.pack()).unwrap(), index);
        }
    }
}
