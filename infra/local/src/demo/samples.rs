//! The samples: what media servers really post, and when; kept inside the binary, so that it stands alone.

use chrono::{DateTime, Utc};
use hub_domain::Source;
use serde::Deserialize;

use crate::failure::Failure;

const TIMELINE: &str = include_str!("../../../../events/webhooks/timeline.json");
/// As Plex writes it.
const BOUNDARY: &str = "------------------------5c3ad1c5ec0d41f0";
/// The smallest thing that passes for a picture: Plex sends one along.
const THUMB: &[u8] = b"\xff\xd8\xff\xe0\r\n\x00\xff\xd9";

/// Names each sample with its text.
macro_rules! samples {
    ($($file:literal,)*) => {
        &[$(($file, include_str!(concat!("../../../../events/webhooks/", $file))),)*]
    };
}

const SAMPLES: &[(&str, &str)] = samples![
    "plex/10-episode-play.json",
    "plex/11-episode-pause.json",
    "plex/12-episode-resume.json",
    "plex/13-episode-scrobble.json",
    "plex/14-episode-stop.json",
    "plex/20-movie-play.json",
    "plex/21-movie-scrobble.json",
    "plex/22-movie-stop.json",
    "plex/23-movie-rate.json",
    "plex/24-movie-unrate.json",
    "plex/30-track-play.json",
    "plex/31-track-scrobble.json",
    "plex/32-track-stop.json",
    "plex/33-compilation-track-play.json",
    "plex/34-compilation-track-scrobble.json",
    "plex/40-legacy-thetvdb-episode-scrobble.json",
    "plex/41-hama-episode-scrobble.json",
    "plex/42-legacy-special-scrobble.json",
    "plex/43-legacy-imdb-movie-scrobble.json",
    "plex/50-movie-marked-played.json",
    "plex/60-trailer-play.json",
    "plex/61-playback-started.json",
    "plex/62-library-new.json",
    "plex/63-live-television-play.json",
    "plex/64-video-on-demand-stop.json",
    "jellyfin/10-movie-start.json",
    "jellyfin/11-movie-progress.json",
    "jellyfin/12-movie-paused.json",
    "jellyfin/13-movie-goes-on.json",
    "jellyfin/14-movie-stop.json",
    "jellyfin/20-two-episodes-start.json",
    "jellyfin/21-two-episodes-progress.json",
    "jellyfin/22-two-episodes-stop.json",
    "jellyfin/30-track-start.json",
    "jellyfin/31-track-progress.json",
    "jellyfin/32-track-stop.json",
    "jellyfin/40-episode-marked-played.json",
    "jellyfin/41-episode-marked-unplayed.json",
    "jellyfin/42-movie-rated-and-loved.json",
    "jellyfin/43-movie-saved-while-playing.json",
    "jellyfin/44-track-heard-offline.json",
    "jellyfin/45-session-start.json",
    "jellyfin/50-template-movie-stop.json",
    "jellyfin/51-template-episode-stop.json",
    "jellyfin/60-unofficial-play.json",
    "jellyfin/61-unofficial-pause.json",
    "jellyfin/62-unofficial-resume.json",
    "jellyfin/63-unofficial-stop.json",
    "jellyfin/64-unofficial-in-plex-format.json",
    "jellyfin/70-anime-episode-play.json",
    "jellyfin/71-anime-episode-stop.json",
    "emby/10-movie-start.json",
    "emby/11-movie-pause.json",
    "emby/12-movie-unpause.json",
    "emby/13-movie-stop.json",
    "emby/20-episode-start.json",
    "emby/21-episode-stop.json",
    "emby/30-track-start.json",
    "emby/31-track-stop.json",
    "emby/40-episode-marked-played.json",
    "emby/41-movie-favourite.json",
    "emby/42-movie-rate-without-value.json",
    "emby/43-failed-playback-start.json",
    "emby/44-failed-playback-stop.json",
    "emby/45-sample-stop.json",
    "emby/46-test.json",
    "tautulli/10-episode-play.json",
    "tautulli/11-episode-pause.json",
    "tautulli/12-episode-resume.json",
    "tautulli/13-episode-watched.json",
    "tautulli/20-movie-play.json",
    "tautulli/21-movie-watched.json",
    "tautulli/22-movie-stop.json",
    "tautulli/30-track-play.json",
    "tautulli/31-track-watched.json",
    "tautulli/40-plex-like-template-watched.json",
    "tautulli/41-created.json",
    "kodi/10-movie-start.json",
    "kodi/11-movie-pause.json",
    "kodi/12-movie-resume.json",
    "kodi/13-movie-end.json",
    "kodi/20-episode-on-play.json",
    "kodi/21-episode-on-pause.json",
    "kodi/22-episode-on-resume.json",
    "kodi/23-episode-on-stop-in-the-credits.json",
    "kodi/30-movary-movie.json",
    "kodi/40-ryot-episode.json",
    "kodi/41-ryot-episode.json",
    "kodi/42-ryot-episode.json",
    "kodi/50-song-ignored.json",
];

/// One event as a media server posts it.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// Its file under `events/webhooks`.
    pub(super) file: String,
    /// Who posts it.
    pub(super) source: Source,
    /// When.
    pub(super) posted_at: DateTime<Utc>,
    /// The type the source gives the body.
    pub(super) content_type: String,
    /// The body.
    pub(super) body: Vec<u8>,
}

/// A line of the timeline.
#[derive(Debug, Deserialize)]
struct Entry {
    file: String,
    posted_at: DateTime<Utc>,
    encoding: String,
}

/// Every sample, in the order in which it is posted.
pub(super) fn all() -> Result<Vec<Sample>, Failure> {
    let wrong =
        |why: &str| Failure::new(format!("The samples' timeline is not understood: {why}."));
    let entries: Vec<Entry> =
        serde_json::from_str(TIMELINE).map_err(|error| wrong(&error.to_string()))?;
    entries
        .into_iter()
        .map(|entry| {
            let text = SAMPLES
                .iter()
                .find(|(file, _)| *file == entry.file)
                .map(|(_, text)| *text);
            let text = text.ok_or_else(|| wrong(&format!("{} is not there", entry.file)))?;
            let folder = entry.file.split('/').next().unwrap_or_default();
            let source = folder
                .parse()
                .map_err(|_| wrong(&format!("{folder} is no source")))?;
            let (content_type, body) = encoded(&entry.encoding, text);
            Ok(Sample {
                source,
                posted_at: entry.posted_at,
                content_type,
                body,
                file: entry.file,
            })
        })
        .collect()
}

/// A body as the source sends it: `multipart:<field>`, `form:<field>`, `text` or `json`.
fn encoded(encoding: &str, json: &str) -> (String, Vec<u8>) {
    match encoding.split_once(':') {
        Some(("multipart", field)) => (
            format!("multipart/form-data; boundary={BOUNDARY}"),
            multipart(field, json),
        ),
        Some(("form", field)) => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            let body = form.append_pair(field, json).finish();
            (
                "application/x-www-form-urlencoded".to_owned(),
                body.into_bytes(),
            )
        }
        Some(_) | None => {
            let content_type = if encoding == "text" {
                "text/plain; charset=utf-8"
            } else {
                "application/json"
            };
            (content_type.to_owned(), json.as_bytes().to_vec())
        }
    }
}

fn multipart(field: &str, json: &str) -> Vec<u8> {
    let mut body = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"\r\nContent-Type: application/json\r\n\r\n\
         {json}\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"thumb\"; filename=\"thumb.jpg\"\r\n\
         Content-Type: image/jpeg\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(THUMB);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    body
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_in_the_binary_and_in_the_timeline() {
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/webhooks");
        let mut files = Vec::new();
        for source in Source::WEBHOOKS {
            for file in fs::read_dir(samples.join(source.name())).unwrap() {
                files.push(format!(
                    "{source}/{}",
                    file.unwrap().file_name().to_string_lossy()
                ));
            }
        }
        files.sort();
        let mut told: Vec<String> = all()
            .unwrap()
            .into_iter()
            .map(|sample| sample.file)
            .collect();
        assert!(all().unwrap().is_sorted_by_key(|sample| sample.posted_at));
        told.sort();
        assert_eq!(told, files);
        assert_eq!(SAMPLES.len(), files.len());
    }

    #[test]
    fn a_body_is_written_as_its_source_writes_it() {
        let (content_type, body) = encoded("multipart:payload", "{}");
        let text = String::from_utf8_lossy(&body).into_owned();
        assert!(content_type.ends_with(BOUNDARY) && text.starts_with(&format!("--{BOUNDARY}\r\n")));
        assert!(
            text.contains("name=\"payload\"\r\nContent-Type: application/json\r\n\r\n{}\r\n"),
            "{text}"
        );
        assert!(text.ends_with(&format!("--{BOUNDARY}--\r\n")));
        assert_eq!(
            encoded("form:data", "{\"a\":1}").1,
            b"data=%7B%22a%22%3A1%7D"
        );
        assert!(encoded("text", "{}").0.starts_with("text/plain"));
        assert_eq!(encoded("json", "{}").0, "application/json");
    }
}
