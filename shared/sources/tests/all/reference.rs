//! Payloads that the sources really sent, or their authors' own tests: what each of them means.
//!
//! They are not part of this project. `HUB_REFERENCE` names the folder that holds `events/`; without it, nothing is
//! tested here.

use std::fs;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use hub_domain::Source;
use hub_domain::Source::{Emby, Jellyfin, Kodi, Plex, Tautulli};
use hub_sources::{Translated, translate};
use serde_json::{Value, json};

use crate::support::{EPISODE, encoded, one, read, rendered, told};

#[expect(
    clippy::disallowed_methods,
    reason = "the reference is no setting of the hub; it exists for this test alone"
)]
fn reference() -> Option<PathBuf> {
    let folder = std::env::var("HUB_REFERENCE").ok();
    if folder.is_none() {
        eprintln!("skipped: HUB_REFERENCE does not name the folder of the reference payloads");
    }
    folder.map(|folder| PathBuf::from(folder).join("events"))
}

fn received_at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).unwrap() // 2026-11-20T12:00:00Z
}

/// A payload, the address it is posted to, what it means, and what else its event says.
type Row = (
    &'static str,
    Source,
    &'static str,
    &'static [(&'static str, &'static str)],
);

#[rustfmt::skip]
const PAYLOADS: &[Row] = &[
    // Plex. Old completions keep the time that `lastViewedAt` says.
    ("plex/movie-stop-legacy-imdb-guid.json", Plex, "stop movie ?/11040s item:imdb=tt0072684", &[
        ("/media/title", "Barry Lyndon"), ("/account/name", "testyboi"), ("/account/id", "1"), ("/player/id", "uwatm8"),
        ("/server/id", "adsfadsfasdfadfa"), ("/library/id", "1"), ("/library/title", "Movies"), ("/media/content_id", "75580"),
        ("/occurred_at", "2026-11-20T12:00:00Z"), ("/rating", "-"),
    ]),
    ("plex/episode-pause-legacy-thetvdb-guid.json", Plex, "pause episode 1127s/? show:tvdb=73871@2/15", &[
        ("/media/show_title", "Futurama"), ("/media/season", "2"), ("/media/episode", "15"), ("/media/year", "2000"),
        ("/occurred_at", "2026-11-20T12:00:00Z"), ("/media/show_year", "-"),
    ]),
    ("plex/track-play-gracenote-guid.json", Plex, "start track ?/?", &[
        ("/media/artist", "Stephen Stills"), ("/media/album", "Stephen Stills"), ("/media/title", "Love The One You're With"),
        ("/account/name", "elan"),
    ]),
    ("plex/movie-scrobble-guid-array-full.json", Plex,
        "scrobble_point movie ?/5940s 90% item:imdb=tt0090728 item:plex_guid=movie/5d7768313c3c2a001fbcd1f0 item:tmdb=6978 item:tvdb=1876 offline", &[
        ("/occurred_at", "2022-06-11T19:31:50Z"), ("/rating", "-"), ("/player/name", "SHIELD Android TV"),
    ]),
    ("plex/movie-rate-full.json", Plex,
        "rate movie ?/5940s rated=4 item:imdb=tt0090728 item:plex_guid=movie/5d7768313c3c2a001fbcd1f0 item:tmdb=6978 item:tvdb=1876", &[]),
    ("plex/movie-rate-userrating-only.json", Plex, "rate movie ?/? rated=8 item:tmdb=550", &[
        ("/media/title", "Fight Club"), ("/account/name", "pasca"),
    ]),
    ("plex/episode-scrobble-shared-user-cjk.json", Plex,
        "scrobble_point episode ?/1500s 90% item:imdb=tt14765720 item:plex_guid=episode/615580a9fa828e7f1a0caabd item:tmdb=3087250 \
         item:tvdb=8530933 season:plex_guid=season/615580a9fa828e7f1a0caab8 show:plex_guid=show/60e81fd8d8000e002d7d2976 offline", &[
        ("/media/show_title", "范马刃牙"), ("/account/id", "31646104"), ("/account/name", "播放"), ("/library/id", "7"),
        ("/occurred_at", "2023-09-10T04:34:04Z"),
    ]),
    ("plex/episode-scrobble-hama-anidb.json", Plex, "scrobble_point episode ?/? 90% show:anidb=3651@1/1", &[
        ("/media/season", "1"), ("/media/episode", "1"), ("/media/title", "-"), ("/flags/manual", "false"), ("/server/id", "-"),
    ]),
    ("plex/seq-episode-1-play.json", Plex, "start episode 600s/2666s item:imdb=tt0583459 item:tmdb=85987 item:tvdb=303821", &[
        ("/media/show_title", "Friends"),
    ]),
    ("plex/seq-episode-2-pause.json", Plex, "pause episode 721s/2666s item:imdb=tt0583459 item:tmdb=85987 item:tvdb=303821", &[]),
    ("plex/seq-episode-3-stop.json", Plex, "stop episode 721s/? item:imdb=tt0583459 item:tmdb=85987 item:tvdb=303821", &[
        ("/completed_hint", "-"), ("/media/content_id", "rk-episode-2"),
    ]),
    ("plex/track-play-minimal.json", Plex, "start track ?/200s item:recording_mbid=00000000-1111-2222-3333-444444444444", &[
        ("/media/artist", "Test Artist"), ("/media/album", "Test Album"),
    ]),
    // Jellyfin, the official plugin.
    ("jellyfin/movie-playbackstop-10.8.json", Jellyfin, "stop movie 454923ms/6427424ms completed=true item:imdb=tt9764362 item:tmdb=593643 offline", &[
        ("/media/title", "The Menu"), ("/media/year", "2022"), ("/occurred_at", "2023-01-04T06:36:12.853Z"),
        ("/account/id", "50e1109a03fd4e13a3a5dd9bb27e08ec"), ("/account/name", "jellyfin"), ("/player/name", "Firefox"),
    ]),
    ("jellyfin/episode-playbackstop-10.10.json", Jellyfin, "stop episode 5672ms/1421097ms completed=false item:anidb=238801 offline", &[
        ("/media/show_title", "86 Eighty-Six"), ("/media/show_year", "2021"), ("/media/year", "-"), ("/media/title", "Undertaker"),
        ("/occurred_at", "2025-08-15T21:19:42.364Z"), ("/media/released_on", "2021-04-11"),
    ]),
    ("jellyfin/episode-userdatasaved-toggleplayed-false-10.10.json", Jellyfin, "mark_unwatched episode ?/1421097ms item:anidb=238801 manual", &[]),
    ("jellyfin/ignore-sessionstart-10.10.json", Jellyfin, "ignored: not_playback", &[]),
    ("jellyfin/episode-playbackstart-cjk-10.8.json", Jellyfin, "start episode 100ms/2707499ms item:tmdb=229210", &[
        ("/media/show_title", "灼灼风流"), ("/media/title", "慕灼华逃婚离开"), ("/media/show_year", "2023"),
        ("/occurred_at", "2026-11-20T12:00:00Z"),
    ]),
    ("jellyfin/track-playbackprogress-10.8.json", Jellyfin,
        "progress track 64s/92653ms item:artist_mbid=6e659357-5963-4daf-a634-a3596893f3d7 item:release_group_mbid=85c9ae8b-13e4-4fbf-9f09-5e405039772c \
         item:release_mbid=7c10f8a5-669f-4ff6-bb88-de59846c0e0c item:track_mbid=3c2c1f40-b22e-360e-a29a-1b1610190a8c", &[
        ("/media/artist", "Kitsune²"), ("/media/album", "I Kind of Really Want to Make Love to You"), ("/media/album_artist", "-"),
    ]),
    ("jellyfin/movie-userdatasaved-rating.shape.json", Jellyfin, "rate movie ?/6427424ms rated=8 item:imdb=tt9764362 item:tmdb=593643", &[]),
    // Jellyfin, the unofficial plugin.
    ("jellyfin-unofficial/movie-stop.json", Jellyfin, "stop movie ?/? completed=true item:tmdb=603", &[
        ("/media/title", "The Matrix"), ("/media/year", "1999"),
    ]),
    ("jellyfin-unofficial/episode-stop.json", Jellyfin, "stop episode ?/? completed=true item:imdb=tt0583459 item:tvdb=303821", &[
        ("/media/show_title", "Friends"), ("/media/season", "1"), ("/media/episode", "1"),
    ]),
    // Emby.
    ("emby/movie-stop-not-completed-4.7.json", Emby,
        "stop movie 482497ms/6455872ms completed=false item:imdb=tt0322259 item:tmdb=584 item:tvdb=20800 offline", &[
        ("/occurred_at", "2023-05-07T15:29:57.513Z"), ("/account/name", "test"), ("/account/id", "3541d84b0f1b4ea4a1327b8bf2de3419"),
        ("/path", "/mnt/movies/2 Fast 2 Furious (2003)/2.Fast.2.Furious.2003.mkv"), ("/server/name", "test-pc"),
    ]),
    ("emby/movie-stop-cjk-4.7.json", Emby, "stop movie 1743179ms/8043959ms completed=false item:imdb=tt9362722 item:tmdb=569094 offline", &[
        ("/media/title", "蜘蛛侠：纵横宇宙"), ("/player/id", "30239450-1748-4855-9799-de3544fc2744"),
    ]),
    ("emby/episode-start-resume-cjk-4.7.json", Emby, "start episode 1425666ms/2802145ms item:tmdb=4533239", &[
        ("/media/show_title", "长风渡"), ("/media/season", "1"), ("/media/episode", "11"), ("/completed_hint", "-"),
    ]),
    ("emby/movie-stop-completed.json", Emby, "stop movie ?/? completed=true item:imdb=tt0133093 item:tmdb=603 item:tvdb=169", &[]),
    ("emby/episode-stop-completed.json", Emby, "stop episode ?/? completed=true item:imdb=tt0583459 item:tvdb=303821", &[
        ("/media/show_title", "Friends"), ("/media/year", "1994"),
    ]),
    ("emby/episode-markplayed-4.9.json", Emby, "mark_watched episode ?/? manual offline", &[
        ("/media/content_id", "episode-1"), ("/occurred_at", "2026-04-17T04:17:33.354Z"), ("/media/episode", "-"),
    ]),
    ("emby/episode-rate-favourite-4.9.json", Emby, "love episode ?/?", &[("/rating", "-"), ("/media/content_id", "episode-2")]),
    ("emby/track-stop.shape.json", Emby,
        "stop track 185200ms/185200ms completed=true item:artist_mbid=6e659357-5963-4daf-a634-a3596893f3d7 \
         item:release_mbid=7c10f8a5-669f-4ff6-bb88-de59846c0e0c item:track_mbid=3c2c1f40-b22e-360e-a29a-1b1610190a8c offline", &[
        ("/media/artist", "Artist, Guest"), ("/media/album_artist", "Artist"), ("/media/album", "Album"), ("/media/track_number", "1"),
    ]),
    // Tautulli: the ids of an episode are its show's.
    ("tautulli/episode-watched-rendered.json", Tautulli, "scrobble_point episode ?/? 85% show:anidb=12345@1/1", &[
        ("/media/show_title", "Attack on Titan"), ("/media/season", "1"), ("/media/episode", "5"), ("/account/name", "TestUser"),
    ]),
    ("tautulli/episode-guid-array-rendered.json", Tautulli, "scrobble_point episode ?/? 85% show:tmdb=12345 show:tvdb=362753", &[
        ("/media/season", "2"), ("/media/episode", "12"),
    ]),
    ("tautulli/movie-rendered.json", Tautulli, "ignored: no_value", &[]),
    // Kodi.
    ("kodi/http-scrobbler-movie-end.json", Kodi, "stop movie 8160s/8160s completed=true item:imdb=tt0133093 item:tmdb=603", &[]),
    ("kodi/http-scrobbler-episode-end.json", Kodi, "stop episode 1320s/1320s completed=true item:imdb=tt0583459 item:tvdb=303821", &[
        ("/media/show_title", "Friends"), ("/media/season", "1"), ("/media/episode", "1"),
    ]),
    ("kodi/http-scrobbler-movie-stop-early.json", Kodi, "stop movie 1000s/8160s item:imdb=tt0133093 item:tmdb=603", &[("/completed_hint", "-")]),
    ("kodi/movary-addon-movie.json", Kodi, "scrobble_point movie ?/? 90% item:tmdb=603", &[("/media/title", "The Matrix")]),
    ("kodi/ryot-addon-episode.json", Kodi, "progress episode ?/? 42% show:tmdb=1668", &[("/media/season", "1"), ("/media/episode", "1")]),
    ("kodi/jsonrpc-like-episode-started.json", Kodi, "start episode 4170s/8340s show:tmdb=1399 show:tvdb=121361", &[
        ("/media/show_title", "Game of Thrones"), ("/media/title", "Winter Is Coming"),
    ]),
];

/// Files that are no payloads: frames, and templates (below).
const NO_PAYLOADS: [&str; 6] = [
    "plex/wire-example.http",
    "emby/wire-example.http",
    "jellyfin/template-people-use.hbs.txt",
    "tautulli/template-iobroker.txt",
    "tautulli/template-scrobblex.txt",
    "tautulli/template-watchstate.json",
];

#[test]
fn every_reference_payload_means_what_the_sources_documentation_says() {
    let Some(folder) = reference() else { return };
    for (file, source, expected, details) in PAYLOADS {
        let json = fs::read_to_string(folder.join(file)).unwrap();
        for encoding in [
            "json",
            "text",
            "multipart:payload",
            "multipart:data",
            "form:data",
        ] {
            let (content_type, body) = encoded(encoding, &json);
            let translated = translate(*source, Some(content_type), &body, received_at()).unwrap();
            assert_eq!(&told(&translated), expected, "{file} as {encoding}");
        }
        if details.is_empty() {
            continue;
        }
        let event = serde_json::to_value(one(read(*source, &json, received_at()))).unwrap();
        for (pointer, expected) in *details {
            let found = match event.pointer(pointer) {
                None => "-".to_owned(),
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            };
            assert_eq!(&found, expected, "{file}: {pointer}");
        }
    }
}

#[test]
fn no_reference_payload_is_forgotten() {
    let Some(folder) = reference() else { return };
    for source in [
        "plex",
        "jellyfin",
        "jellyfin-unofficial",
        "emby",
        "tautulli",
        "kodi",
    ] {
        for entry in fs::read_dir(folder.join(source)).unwrap() {
            let file = format!("{source}/{}", entry.unwrap().file_name().to_string_lossy());
            let is_told = PAYLOADS.iter().any(|(told, ..)| *told == file);
            assert!(
                is_told || NO_PAYLOADS.contains(&file.as_str()),
                "{file} is not tested"
            );
        }
    }
}

#[test]
fn the_templates_that_people_paste_into_tautulli_are_read() {
    let Some(folder) = reference() else { return };
    let fill = |file: &str, values: &[(&str, &str)]| {
        let template = fs::read_to_string(folder.join("tautulli").join(file)).unwrap();
        rendered(&template, "episode", values)
    };
    for address in [Tautulli, Plex] {
        let json = fill("template-watchstate.json", &EPISODE);
        let event = one(read(address, &json, received_at()));
        assert_eq!(
            told(&Translated::Events(vec![event.clone()])),
            "scrobble_point episode 2970s/3486s 85% show:imdb=tt0903747 show:tmdb=1396 show:tvdb=81189@1/1"
        );
        assert_eq!(event.account.id.as_deref(), Some("7"));
        assert_eq!(event.server.source, Tautulli);

        let json = fill("template-scrobblex.txt", &EPISODE);
        let event = one(read(address, &json, received_at()));
        assert_eq!(
            told(&Translated::Events(vec![event.clone()])),
            "scrobble_point episode ?/? 85% show:imdb=tt0903747 show:tmdb=1396 show:tvdb=81189"
        );
        assert_eq!(event.media.title.as_deref(), Some("Pilot"));

        let json = fill("template-iobroker.txt", &EPISODE);
        let event = one(read(address, &json, received_at()));
        assert_eq!(
            told(&Translated::Events(vec![event.clone()])),
            "scrobble_point episode ?/3480s 85% show:imdb=tt0903747"
        );
        assert_eq!(
            event.media.title.as_deref(),
            Some("Pilot"),
            "without the show before it"
        );
        assert_eq!(event.account.id.as_deref(), Some("7"));
        assert_eq!(event.player.id.as_deref(), Some("tv-1"));
    }
    // Templates as they are, posted by somebody who tries them out, are no plays and break nothing.
    let untouched = fs::read_to_string(folder.join("tautulli/template-watchstate.json")).unwrap();
    assert_eq!(
        told(&read(Tautulli, &untouched, received_at())),
        "ignored: unknown_event"
    );
}

#[test]
fn the_template_that_people_paste_into_jellyfin_is_read_once_it_is_filled_in() {
    let Some(folder) = reference() else { return };
    let template = fs::read_to_string(folder.join("jellyfin/template-people-use.hbs.txt")).unwrap();
    let error = translate(
        Jellyfin,
        Some("text/plain"),
        template.as_bytes(),
        received_at(),
    );
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("enable Send All Properties")
    );

    let filled = json!({
        "media_type": "Episode", "title": "Friends &amp; Co", "season": 0, "episode": 3, "ori_title": " ",
        "release_date": "1994-01-01", "user_name": "mira", "NotificationType": "PlaybackStop",
        "PlayedToCompletion": "True", "source": "jellyfin",
    });
    let event = one(read(Jellyfin, &filled.to_string(), received_at()));
    assert_eq!(event.media.show_title.as_deref(), Some("Friends & Co"));
    assert_eq!(
        (event.media.season, event.media.episode),
        (Some(0), Some(3))
    );
    assert_eq!(
        (event.media.show_year, event.completed_hint),
        (Some(1994), Some(true))
    );
    assert_eq!(event.account.name.as_deref(), Some("mira"));
}
