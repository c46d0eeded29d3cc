//! Bodies as sources send them, and answers as one line each.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Action, Event, ExternalId, Scope, Source};
use hub_sources::{Translated, translate};

/// The project's own samples: `events/webhooks`.
pub(crate) fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/webhooks")
}

/// A multipart body with one text part, as Plex and Emby send it, and a binary one after or before it.
pub(crate) fn multipart(
    boundary: &str,
    name: &str,
    json: &str,
    typed: bool,
    thumb: Option<(bool, &[u8])>,
) -> Vec<u8> {
    let text = |body: &mut Vec<u8>| {
        body.extend_from_slice(
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n")
                .as_bytes(),
        );
        if typed {
            body.extend_from_slice(b"Content-Type: application/json\r\n");
        }
        body.extend_from_slice(format!("\r\n{json}\r\n").as_bytes());
    };
    let image = |body: &mut Vec<u8>, bytes: &[u8]| {
        body.extend_from_slice(
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"thumb\"; filename=\"thumb.jpg\"\r\n\
                 Content-Type: image/jpeg\r\n\r\n"
            )
            .as_bytes(),
        );
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    };
    let mut body = Vec::new();
    match thumb {
        Some((true, bytes)) => {
            image(&mut body, bytes);
            text(&mut body);
        }
        Some((false, bytes)) => {
            text(&mut body);
            image(&mut body, bytes);
        }
        None => text(&mut body),
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    body
}

/// A body in one of the encodings of the samples' timeline, with its content type.
pub(crate) fn encoded(encoding: &str, json: &str) -> (&'static str, Vec<u8>) {
    let boundary = "------------------------5c3ad1c5ec0d41f0";
    match encoding.split_once(':') {
        Some(("multipart", name)) => (
            "multipart/form-data; boundary=------------------------5c3ad1c5ec0d41f0",
            multipart(
                boundary,
                name,
                json,
                true,
                Some((false, b"\xff\xd8\xff\xe0\r\n\x00\xff\xd9")),
            ),
        ),
        Some(("form", name)) => {
            let escaped: String = json.bytes().map(|byte| format!("%{byte:02X}")).collect();
            (
                "application/x-www-form-urlencoded",
                format!("{name}={escaped}").into_bytes(),
            )
        }
        _ if encoding == "text" => ("text/plain; charset=utf-8", json.as_bytes().to_vec()),
        _ => ("application/json", json.as_bytes().to_vec()),
    }
}

/// Translates JSON received at `at`.
pub(crate) fn read(source: Source, json: &str, at: DateTime<Utc>) -> Translated {
    translate(source, Some("application/json"), json.as_bytes(), at)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// The one event of an answer.
pub(crate) fn one(translated: Translated) -> Event {
    match translated {
        Translated::Events(mut events) if events.len() == 1 => events.remove(0),
        Translated::Events(events) => panic!("{} events", events.len()),
        Translated::Ignored { reason } => panic!("ignored: {reason}"),
    }
}

/// An answer in one line: `action item@position/length%percent [hint] ids flags`, or `ignored: code`.
pub(crate) fn told(translated: &Translated) -> String {
    match translated {
        Translated::Events(events) => events.iter().map(line).collect::<Vec<_>>().join(" & "),
        Translated::Ignored { reason } => format!("ignored: {}", reason.code()),
    }
}

fn line(event: &Event) -> String {
    let seconds = |length: Option<TimeDelta>| {
        length.map_or_else(
            || "?".to_owned(),
            |length| millis(length.num_milliseconds()),
        )
    };
    let mut words = vec![
        name(event.action).to_owned(),
        event.media.kind.to_string(),
        format!(
            "{}/{}",
            seconds(event.position),
            seconds(event.media.duration)
        ),
    ];
    words.extend(event.progress_percent.map(|percent| format!("{percent}%")));
    words.extend(event.completed_hint.map(|is| format!("completed={is}")));
    words.extend(event.rating.map(|rating| format!("rated={rating}")));
    let mut ids: Vec<String> = event.media.ids.iter().map(id).collect();
    ids.sort();
    words.extend(ids);
    for (is, flag) in [
        (event.flags.live, "live"),
        (event.flags.extra, "extra"),
        (event.flags.manual, "manual"),
        (event.flags.offline, "offline"),
        (event.flags.derived, "derived"),
    ] {
        words.extend(is.then(|| flag.to_owned()));
    }
    words.join(" ")
}

fn millis(millis: i64) -> String {
    if millis % 1000 == 0 {
        format!("{}s", millis / 1000)
    } else {
        format!("{millis}ms")
    }
}

fn id(id: &ExternalId) -> String {
    let scope = match id.scope {
        Scope::Item => "item",
        Scope::Season => "season",
        Scope::Show => "show",
    };
    let numbering = id
        .numbering
        .map(|number| format!("@{}/{}", number.season, number.episode))
        .unwrap_or_default();
    format!("{scope}:{}={}{numbering}", id.namespace, id.value())
}

fn name(action: Action) -> &'static str {
    match action {
        Action::Start => "start",
        Action::Resume => "resume",
        Action::Progress => "progress",
        Action::Pause => "pause",
        Action::ScrobblePoint => "scrobble_point",
        Action::Stop => "stop",
        Action::MarkWatched => "mark_watched",
        Action::MarkUnwatched => "mark_unwatched",
        Action::Rate => "rate",
        Action::Unrate => "unrate",
        Action::Love => "love",
        Action::Unlove => "unlove",
    }
}

/// What Tautulli knows of an episode that was watched.
pub(crate) const EPISODE: [(&str, &str); 22] = [
    ("action", "watched"),
    ("username", "mira"),
    ("user_id", "7"),
    ("player", "TV"),
    ("machine_id", "tv-1"),
    ("server_name", "Shelf"),
    ("server_machine_id", "abc"),
    ("media_type", "episode"),
    ("title", "Breaking Bad - Pilot"),
    ("show_name", "Breaking Bad"),
    ("episode_name", "Pilot"),
    ("season_num", "1"),
    ("episode_num", "1"),
    ("rating_key", "51203"),
    ("guid", "com.plexapp.agents.thetvdb://81189/1/1?lang=en"),
    ("imdb_id", "tt0903747"),
    ("thetvdb_id", "81189"),
    ("themoviedb_id", "1396"),
    ("duration", "58"),
    ("duration_ms", "3486000"),
    ("view_offset", "2970000"),
    ("progress_percent", "85"),
];

/// Fills a Tautulli template as Tautulli does: the sections of other kinds are cut out, every value is text.
pub(crate) fn rendered(template: &str, kind: &str, values: &[(&str, &str)]) -> String {
    let mut text = template.to_owned();
    for section in [
        "movie", "show", "season", "episode", "artist", "album", "track",
    ] {
        let (open, close) = (format!("<{section}>"), format!("</{section}>"));
        while let (Some(from), Some(to)) = (text.find(&open), text.find(&close)) {
            let inner = text[from + open.len()..to].to_owned();
            let inner = if section == kind {
                inner
            } else {
                String::new()
            };
            text.replace_range(from..to + close.len(), &inner);
        }
    }
    for (name, value) in values {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    // What is not named is not known, and Tautulli writes nothing.
    while let Some(from) = text.match_indices('{').map(|(at, _)| at).find(|at| {
        text[at + 1..].find('}').is_some_and(|end| {
            end > 0
                && text[at + 1..at + 1 + end]
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'_')
        })
    }) {
        let to = from + text[from..].find('}').unwrap_or_default();
        text.replace_range(from..=to, "");
    }
    text
}
