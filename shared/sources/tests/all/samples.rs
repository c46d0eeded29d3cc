//! Every sample in `events/webhooks`, posted as its source posts it, against a snapshot.

use std::fs;

use chrono::{DateTime, Utc};
use hub_domain::Source;
use hub_sources::{Translated, translate};
use serde_json::{Value, json};

use crate::support::{EPISODE, encoded, one, read, rendered, samples, told};

/// One sample, when it was posted and how.
struct Sample {
    file: String,
    posted_at: DateTime<Utc>,
    encoding: String,
}

fn timeline() -> Vec<Sample> {
    let text = fs::read_to_string(samples().join("timeline.json")).unwrap();
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
    entries
        .iter()
        .map(|entry| Sample {
            file: text(entry, "file"),
            posted_at: text(entry, "posted_at").parse().unwrap(),
            encoding: text(entry, "encoding"),
        })
        .collect()
}

fn answer(translated: &Translated) -> Value {
    match translated {
        Translated::Events(events) => json!({ "events": events }),
        Translated::Ignored { reason } => {
            json!({ "ignored": reason.code(), "because": reason.to_string() })
        }
    }
}

#[test]
fn every_sample_means_what_its_snapshot_says() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _settings = settings.bind_to_scope();
    for sample in timeline() {
        let json = fs::read_to_string(samples().join(&sample.file)).unwrap();
        let (folder, name) = sample.file.split_once('/').unwrap();
        let source: Source = folder.parse().unwrap();
        let (content_type, body) = encoded(&sample.encoding, &json);
        let translated = translate(source, Some(content_type), &body, sample.posted_at)
            .unwrap_or_else(|error| panic!("{}: {error}", sample.file));
        let name = format!("{folder}-{}", name.trim_end_matches(".json"));
        insta::assert_json_snapshot!(name, answer(&translated));
    }
}

#[test]
fn every_file_is_in_the_timeline_once_and_in_the_order_of_its_name() {
    let timeline = timeline();
    let mut found = 0;
    for source in Source::WEBHOOKS {
        let folder = samples().join(source.name());
        let mut files: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| format!("{source}/{}", entry.unwrap().file_name().to_string_lossy()))
            .collect();
        files.sort();
        found += files.len();
        let told: Vec<&str> = timeline
            .iter()
            .map(|sample| sample.file.as_str())
            .filter(|file| file.starts_with(&format!("{source}/")))
            .collect();
        assert_eq!(told, files, "{source}");
    }
    assert_eq!(timeline.len(), found);
    assert!(timeline.is_sorted_by_key(|sample| sample.posted_at));
}

#[test]
fn no_sample_of_a_live_sequence_is_taken_for_an_offline_one() {
    for sample in timeline() {
        let json = fs::read_to_string(samples().join(&sample.file)).unwrap();
        let source: Source = sample.file.split('/').next().unwrap().parse().unwrap();
        let translated = translate(source, None, json.as_bytes(), sample.posted_at).unwrap();
        if let Translated::Events(events) = translated {
            for event in events {
                assert_eq!(
                    event.flags.offline,
                    sample.file.contains("offline"),
                    "{}",
                    sample.file
                );
            }
        }
    }
}

#[test]
fn the_template_that_the_readme_recommends_is_read_for_every_kind() {
    let readme = include_str!("../../README.md");
    let template = readme
        .split("```json\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let at: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().unwrap();

    let mut values = EPISODE.to_vec();
    values.push(("unixtime", "1795175990"));
    let json = rendered(template, "episode", &values);
    let event = one(read(Source::Tautulli, &json, at));
    assert_eq!(event.occurred_at.timestamp(), 1_795_175_990);
    assert_eq!(event.media.label(), "Breaking Bad S01E01");
    assert_eq!(
        told(&Translated::Events(vec![event])),
        "scrobble_point episode 2970s/3486s 85% show:imdb=tt0903747 show:tmdb=1396 show:tvdb=81189@1/1"
    );

    let track = [
        ("action", "play"),
        ("username", "mira"),
        ("media_type", "track"),
        ("track_name", "Misirlou"),
        ("artist_name", "Various Artists"),
        ("track_artist", "Dick Dale & His Del-Tones"),
        ("album_name", "Pulp Fiction"),
        ("track_num", "1"),
        ("duration_ms", "147000"),
        ("view_offset", "0"),
    ];
    let event = one(read(
        Source::Tautulli,
        &rendered(template, "track", &track),
        at,
    ));
    assert_eq!(event.media.label(), "Dick Dale & His Del-Tones – Misirlou");
    assert_eq!(
        told(&Translated::Events(vec![event])),
        "start track 0s/147s"
    );

    let film = [
        ("action", "stop"),
        ("media_type", "movie"),
        ("title", "Heat"),
        ("year", "1995"),
        ("imdb_id", "tt0113277"),
        ("duration_ms", "10220000"),
        ("view_offset", "9000000"),
    ];
    let event = one(read(
        Source::Tautulli,
        &rendered(template, "movie", &film),
        at,
    ));
    assert_eq!(event.media.label(), "Heat (1995)");
    assert_eq!(
        told(&Translated::Events(vec![event])),
        "stop movie 9000s/10220s item:imdb=tt0113277"
    );
}
