//! Whatever is posted, the translation returns.

use std::fs;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use hub_domain::Source;
use hub_sources::translate;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{encoded, samples};

static SAMPLES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut samples: Vec<String> = Source::WEBHOOKS
        .iter()
        .flat_map(|source| fs::read_dir(samples().join(source.name())).unwrap())
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    samples.sort();
    samples
});

const ENCODINGS: [&str; 5] = [
    "json",
    "text",
    "multipart:payload",
    "multipart:data",
    "form:data",
];

fn source() -> impl Strategy<Value = Source> {
    proptest::sample::select(vec![
        Source::Plex,
        Source::Jellyfin,
        Source::Emby,
        Source::Tautulli,
        Source::Kodi,
        Source::Canonical,
        Source::Queue,
    ])
}

/// Values of every JSON type, the awkward ones of each.
fn replacement() -> impl Strategy<Value = Value> {
    proptest::sample::select(vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e308),
        json!(-0.5),
        json!(""),
        json!("NaN"),
        json!("-9223372036854775808"),
        json!("99999999999999999999999999"),
        json!("0001-01-01T00:00:00Z"),
        json!("9999-12-31T23:59:59.9999999+14:00"),
        json!("com.plexapp.agents.thetvdb://"),
        json!("://///?"),
        json!("S-E & &#x110000; ;"),
        json!("长风渡\u{0}\u{202e}"),
        json!([]),
        json!([[{"id": {}}], null, "tvdb://"]),
        json!({}),
        json!({"id": [], "Name": 7, "seconds": "x"}),
    ])
}

/// Replaces the `at`th value of the tree, counted from its root.
fn replace(value: &mut Value, at: &mut usize, with: &Value) {
    if *at == 0 {
        *value = with.clone();
        *at = usize::MAX;
        return;
    }
    *at -= 1;
    match value {
        Value::Object(map) => map.values_mut().for_each(|inner| {
            if *at != usize::MAX {
                replace(inner, at, with);
            }
        }),
        Value::Array(list) => list.iter_mut().for_each(|inner| {
            if *at != usize::MAX {
                replace(inner, at, with);
            }
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn samples_with_values_of_other_types_are_translated_or_refused(
        source in source(),
        sample in 0..88_usize,
        encoding in proptest::sample::select(ENCODINGS.to_vec()),
        changes in proptest::collection::vec((0..60_usize, replacement()), 1..4),
    ) {
        let sample = &SAMPLES[sample % SAMPLES.len()];
        let mut value: Value = serde_json::from_str(sample).unwrap();
        for (mut place, with) in changes {
            replace(&mut value, &mut place, &with);
        }
        let (content_type, body) = encoded(encoding, &value.to_string());
        let _ = translate(source, Some(content_type), &body, at());
    }

    #[test]
    fn samples_cut_short_or_with_a_byte_changed_are_translated_or_refused(
        source in source(),
        sample in 0..88_usize,
        encoding in proptest::sample::select(ENCODINGS.to_vec()),
        cut in 0.0..=1.0_f64,
        change in proptest::option::of((0.0..1.0_f64, any::<u8>())),
        typed in any::<bool>(),
    ) {
        let sample = &SAMPLES[sample % SAMPLES.len()];
        let (content_type, mut body) = encoded(encoding, sample);
        let place = |part: f64, length: usize| (part * length as f64) as usize;
        body.truncate(place(cut, body.len()));
        if let Some((part, byte)) = change && !body.is_empty() {
            let place = place(part, body.len()).min(body.len() - 1);
            body[place] = byte;
        }
        let _ = translate(source, typed.then_some(content_type), &body, at());
    }

    #[test]
    fn any_bytes_under_any_content_type_are_refused_or_ignored(
        source in source(),
        content_type in proptest::option::of("[ -~]{0,60}"),
        body in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = translate(source, content_type.as_deref(), &body, at());
    }
}
