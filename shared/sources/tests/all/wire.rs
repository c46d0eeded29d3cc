//! The same JSON through every envelope gives the same events.

use chrono::{DateTime, Utc};
use hub_domain::{Action, Source};
use hub_sources::{Translated, translate};

use crate::support::{multipart, one};

const PLEX: &str = r#"{"event":"media.pause","user":true,"owner":true,"Account":{"id":"7","title":"Mira"},
 "Server":{"title":"Shelf","uuid":"abc"},"Player":{"title":"TV","uuid":"tv-1"},
 "Metadata":{"type":"movie","title":"Heat {x}","ratingKey":"1","viewOffset":"5000","duration":10000000,
 "Guid":[{"id":"imdb://tt0113277"}]}}"#;

const EMBY: &str = r#"{"Title":"&=+ %","Date":"2026-11-18T18:00:00.5131927Z","Event":"playback.pause",
 "User":{"Name":"mira","Id":"u"},"Item":{"Type":"Movie","Name":"Heat","Id":"9"},"Server":{"Id":"s"},
 "PlaybackInfo":{"PositionTicks":50000000}}"#;

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// Bytes that break who cuts at line breaks, braces or something like the boundary.
fn awkward(boundary: &str) -> Vec<u8> {
    let mut bytes = b"\xff\xd8\xff\xe0\r\n{\"event\":\"media.stop\"}\r\n}\r\n\x00".to_vec();
    let almost = boundary.get(..boundary.len() - 1).unwrap_or_default();
    bytes.extend_from_slice(format!("\r\n--{almost}_\r\n-- --\r\n--").as_bytes());
    bytes.extend_from_slice(b"\xff\xd9");
    bytes
}

#[test]
fn multipart_is_read_with_quoted_and_unquoted_boundaries_and_the_image_on_either_side() {
    let boundary = "------------------------5c3aD1c5ec0d41f0";
    let image = awkward(boundary);
    for (source, name, json) in [
        (Source::Plex, "payload", PLEX),
        (Source::Emby, "data", EMBY),
    ] {
        for content_type in [
            format!("multipart/form-data; boundary={boundary}"),
            format!("multipart/form-data; boundary=\"{boundary}\""),
            format!("Multipart/Form-Data;charset=utf-8;Boundary=\"{boundary}\""),
        ] {
            for typed in [true, false] {
                for thumb in [None, Some((true, &*image)), Some((false, &*image))] {
                    let body = multipart(boundary, name, json, typed, thumb);
                    let event = one(translate(source, Some(&content_type), &body, at()).unwrap());
                    assert_eq!(event.action, Action::Pause, "{content_type} {typed}");
                    assert_eq!(event.position.unwrap().num_seconds(), 5);
                    assert_eq!(event.server.source, source);
                }
            }
        }
    }
}

#[test]
fn a_payload_that_looks_like_a_file_and_one_with_a_byte_order_mark_are_read() {
    let body = format!(
        "--B\r\nContent-Disposition: form-data; name=\"payload\"; filename=\"blob\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n\u{feff}\r\n{PLEX}\r\n\r\n--B--"
    );
    for content_type in [
        Some("multipart/form-data; boundary=B"),
        Some("text/plain"),
        None,
    ] {
        let event = one(translate(Source::Plex, content_type, body.as_bytes(), at()).unwrap());
        assert_eq!(event.action, Action::Pause);
        assert_eq!(event.account.name.as_deref(), Some("Mira"));
        assert_eq!(event.account.id.as_deref(), Some("7"));
    }
}

#[test]
fn forms_and_json_in_every_disguise_are_read() {
    let escaped: String = EMBY.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let quoted = serde_json::to_string(EMBY).unwrap();
    for (content_type, body) in [
        (
            Some("application/x-www-form-urlencoded"),
            format!("data={escaped}"),
        ),
        (
            Some("application/x-www-form-urlencoded"),
            format!("a=b&payload={escaped}"),
        ),
        (Some("application/x-www-form-urlencoded"), EMBY.to_owned()),
        (Some("application/json"), format!("data={escaped}")),
        (Some("application/json"), quoted),
        (Some("text/plain; charset=utf-8"), EMBY.to_owned()),
        (Some("multipart/form-data"), EMBY.to_owned()),
        (None, format!("\u{feff}\r\n{EMBY}\r\n")),
    ] {
        let event = one(translate(Source::Emby, content_type, body.as_bytes(), at()).unwrap());
        assert_eq!(event.position.unwrap().num_seconds(), 5, "{content_type:?}");
    }
}

#[test]
fn a_generic_form_of_jellyfin_is_its_flat_object() {
    let body = "NotificationType=PlaybackStop&ItemType=Movie&Name=The+Menu&Provider_imdb=tt9764362\
        &PlayedToCompletion=True&PlaybackPositionTicks=60000000000&RunTimeTicks=64274239488&UserId=u";
    let form = Some("application/x-www-form-urlencoded");
    let event = one(translate(Source::Jellyfin, form, body.as_bytes(), at()).unwrap());
    assert_eq!(event.completed_hint, Some(true));
    assert_eq!(event.position.unwrap().num_seconds(), 6000);
}

#[test]
fn a_body_at_the_wrong_address_is_read_as_what_it_is() {
    for source in Source::WEBHOOKS {
        let event = one(translate(source, None, PLEX.as_bytes(), at()).unwrap());
        assert_eq!(event.server.source, Source::Plex, "at {source}");
        let event = one(translate(source, None, EMBY.as_bytes(), at()).unwrap());
        assert_eq!(event.server.source, Source::Emby, "at {source}");
    }
}

#[test]
fn broken_bodies_say_where_and_what_to_do_and_quote_nothing() {
    let broken = br#"{"NotificationType":"PlaybackStop","Name":"Secret","season": ,"episode": 3}"#;
    let error = translate(Source::Jellyfin, Some("text/plain"), broken, at()).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("enable Send All Properties"), "{message}");
    assert!(!message.contains("Secret"));

    let wrong = PLEX.replace("\"5000\"", "\"Secret\"");
    let error = translate(Source::Plex, None, wrong.as_bytes(), at()).unwrap_err();
    assert_eq!(error.field.as_deref(), Some("Metadata.viewOffset"));
    assert!(!error.to_string().contains("Secret"));

    let multipart = Some("multipart/form-data; boundary=x");
    for body in [
        &b"--y\r\n"[..],
        b"--x",
        b"--x\r\nContent-Disposition: form-data; name=\"payload\"\r\n\r\n{}",
    ] {
        assert!(translate(Source::Plex, multipart, body, at()).is_err());
    }
    for body in [
        &b""[..],
        b"[]",
        b"7",
        b"null",
        b"\"x\"",
        b"[{}]",
        b"hello",
        b"\xff\xfe",
    ] {
        for source in Source::WEBHOOKS {
            assert!(
                translate(source, None, body, at()).is_err(),
                "{body:?} at {source}"
            );
        }
    }
}

#[test]
fn what_names_no_event_is_ignored_and_not_refused() {
    for source in Source::WEBHOOKS {
        let translated = translate(source, Some("application/json"), b"{\"hello\": 1}", at());
        let Ok(Translated::Ignored { reason }) = translated else {
            panic!("{translated:?}");
        };
        assert_eq!(reason.code(), "no_event", "{source}");
    }
}

#[test]
fn the_get_format_of_the_unofficial_plugin_names_no_item() {
    let body = b"event=Stop&server=attic&user=mira&media_type=Video";
    let translated = translate(Source::Jellyfin, None, body, at()).unwrap();
    assert!(matches!(translated, Translated::Ignored { reason } if reason.code() == "no_item"));
}
