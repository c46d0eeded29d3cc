//! What Plex's events mean, beyond the samples.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Action, Event, ItemKind, Source};
use serde_json::{Value, json};

use super::translate;
use crate::outcome::{BodyError, Ignored, Translated};
use crate::testing;
use crate::values::Fields;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).unwrap()
}

/// A body of a real server, with `metadata` in place of the film's where it says so.
fn body(event: &str, metadata: Value) -> Value {
    let mut body = json!({
        "event": event, "user": true, "owner": true,
        "Account": {"id": 7, "title": "mira"}, "Server": {"title": "Shelf", "uuid": "abc"},
        "Player": {"title": "TV", "uuid": "tv-1"},
        "Metadata": {"type": "movie", "title": "Heat", "ratingKey": "1", "librarySectionID": 1, "duration": 10_000_000},
    });
    for (key, value) in metadata.as_object().unwrap() {
        body["Metadata"][key] = value.clone();
    }
    body
}

fn read(body: &Value) -> Result<Translated, BodyError> {
    translate(&Fields::of(body).unwrap(), now())
}

fn event(body: &Value) -> Event {
    testing::one(read(body).unwrap())
}

fn ignored(body: &Value) -> &'static str {
    testing::code(&read(body).unwrap())
}

fn position(event_name: &str, offset: Value) -> Option<i64> {
    event(&body(event_name, json!({ "viewOffset": offset })))
        .position
        .map(|position| position.num_milliseconds())
}

#[test]
fn a_stop_without_an_offset_or_at_0_is_at_an_unknown_position() {
    assert_eq!(position("media.stop", json!(0)), None);
    assert_eq!(position("media.stop", json!("0")), None);
    assert_eq!(position("media.stop", Value::Null), None);
    assert_eq!(position("media.stop", json!("721000")), Some(721_000));
    assert_eq!(position("media.pause", json!(0)), Some(0));
    assert_eq!(position("media.play", json!(0)), Some(0));
}

#[test]
fn a_start_at_the_very_end_is_an_old_offset() {
    assert_eq!(position("media.play", json!(9_900_000)), None);
    assert_eq!(position("media.play", json!(9_899_999)), Some(9_899_999));
}

#[test]
fn a_scrobble_is_at_90_percent_whatever_offset_stands_beside_it() {
    let scrobble = event(&body("media.scrobble", json!({"viewOffset": 5000})));
    assert_eq!(scrobble.action, Action::ScrobblePoint);
    assert_eq!(scrobble.position, None);
    assert_eq!(scrobble.progress_percent, Some(90.0));
}

#[test]
fn only_a_real_servers_scrobble_without_a_player_was_marked_by_hand() {
    let mut marked = body("media.scrobble", json!({"lastViewedAt": 1_795_175_900}));
    marked.as_object_mut().unwrap().remove("Player");
    let event_of_server = event(&marked);
    assert_eq!(event_of_server.action, Action::MarkWatched);
    assert!(event_of_server.flags.manual);
    assert_eq!(event_of_server.progress_percent, None);
    assert_eq!(event_of_server.occurred_at.timestamp(), 1_795_175_900);

    marked.as_object_mut().unwrap().remove("Server");
    let event_of_relay = event(&marked);
    assert_eq!(event_of_relay.action, Action::ScrobblePoint);
    assert!(!event_of_relay.flags.manual);
}

#[test]
fn the_last_viewing_dates_a_scrobble_and_nothing_else() {
    let earlier = now() - TimeDelta::hours(30);
    let viewed = json!({"lastViewedAt": earlier.timestamp()});
    let scrobble = event(&body("media.scrobble", viewed.clone()));
    assert_eq!(scrobble.occurred_at, earlier);
    assert!(scrobble.flags.offline);
    for name in [
        "media.play",
        "media.pause",
        "media.resume",
        "media.stop",
        "media.rate",
    ] {
        let mut body = body(name, viewed.clone());
        body["rating"] = json!(8);
        let event = event(&body);
        assert_eq!(event.occurred_at, now(), "{name}");
        assert!(!event.flags.offline, "{name}");
    }
}

#[test]
fn a_rating_is_the_persons_and_never_the_critics() {
    let rated = |top: Value, metadata: Value| {
        let mut body = body("media.rate", metadata);
        if !top.is_null() {
            body["rating"] = top;
        }
        let event = event(&body);
        (event.action, event.rating)
    };
    let critics = json!({"rating": 9.4, "audienceRating": 9.2});
    assert_eq!(
        rated(json!(4.0), critics.clone()),
        (Action::Rate, Some(4.0))
    );
    assert_eq!(
        rated(json!("10"), critics.clone()),
        (Action::Rate, Some(10.0))
    );
    assert_eq!(
        rated(json!("8.5"), json!({"userRating": 2})),
        (Action::Rate, Some(8.5))
    );
    assert_eq!(
        rated(Value::Null, json!({"userRating": "7"})),
        (Action::Rate, Some(7.0))
    );
    for top in [json!(0), json!(-1.0), json!(""), Value::Null] {
        assert_eq!(
            rated(top.clone(), critics.clone()),
            (Action::Unrate, None),
            "{top}"
        );
    }
    let mut template = body("media.rate", critics);
    template.as_object_mut().unwrap().remove("Server");
    assert_eq!(ignored(&template), Ignored::NoValue.code());
    let mut wrong = body("media.rate", json!({}));
    wrong["rating"] = json!(11);
    assert_eq!(read(&wrong).unwrap_err().field.as_deref(), Some("rating"));
}

#[test]
fn shows_seasons_albums_and_artists_are_rated_and_never_played() {
    for (kind, metadata, expected) in [
        (
            ItemKind::Show,
            json!({"type": "show", "title": "Yellowstone (2018)", "guid": "com.plexapp.agents.thetvdb://341164?lang=en"}),
            Some("Item tvdb 341164"),
        ),
        (
            ItemKind::Season,
            json!({"type": "season", "parentTitle": "Yellowstone (2018)", "index": 0, "guid": "com.plexapp.agents.thetvdb://341164/0"}),
            Some("Show tvdb 341164"),
        ),
        (
            ItemKind::Album,
            json!({"type": "album", "parentTitle": "Björk", "title": "Homogenic", "Guid": [{"id": "mbid://7c10f8a5-669f-4ff6-bb88-de59846c0e0c"}]}),
            Some("Item release_mbid 7c10f8a5-669f-4ff6-bb88-de59846c0e0c"),
        ),
        (
            ItemKind::Artist,
            json!({"type": "artist", "title": "Björk"}),
            None,
        ),
    ] {
        let mut rate = body("media.rate", metadata.clone());
        rate["rating"] = json!(8);
        let media = event(&rate).media;
        assert_eq!(media.kind, kind);
        let id = media
            .ids
            .first()
            .map(|id| format!("{:?} {} {}", id.scope, id.namespace, id.value()));
        assert_eq!(id.as_deref(), expected);
        assert_eq!(
            ignored(&body("media.play", metadata)),
            "container",
            "{kind}"
        );
    }
}

#[test]
fn extras_photos_and_what_is_not_playback_are_ignored() {
    for (metadata, code) in [
        (json!({"type": "clip", "subtype": "trailer"}), "extra"),
        (json!({"type": "clip"}), "extra"),
        (json!({"extraType": 1}), "extra"),
        (json!({"cinemaTrailer": true, "subtype": "x"}), "extra"),
        (
            json!({"guid": "com.plexapp.agents.none://prerolls/1"}),
            "extra",
        ),
        (json!({"type": "photo"}), "unsupported_kind"),
        (json!({"type": null}), "no_item"),
    ] {
        assert_eq!(
            ignored(&body("media.play", metadata.clone())),
            code,
            "{metadata}"
        );
    }
    let queued = body("media.play", json!({"cinemaTrailer": true}));
    assert_eq!(
        event(&queued).action,
        Action::Start,
        "a film may be queued as a trailer"
    );
    for (name, code) in [
        ("playback.started", "reported_twice"),
        ("library.new", "not_playback"),
        ("library.on.deck", "not_playback"),
        ("admin.database.backup", "not_playback"),
        ("device.new", "not_playback"),
        ("media.dance", "unknown_event"),
    ] {
        assert_eq!(ignored(&body(name, json!({}))), code, "{name}");
    }
    assert_eq!(ignored(&json!({"event": "media.play"})), "no_item");
}

#[test]
fn live_television_is_flagged_and_a_recording_is_not() {
    let live = |metadata: Value| event(&body("media.play", metadata)).flags.live;
    assert!(live(json!({"live": "1"})));
    assert!(live(json!({"live": true})));
    assert!(live(json!({"librarySectionType": "livetv"})));
    assert!(live(
        json!({"librarySectionID": null, "guid": "tv.plex.xmltv://episode/1"})
    ));
    assert!(!live(json!({"oneShot": "1", "Channel": [{"tag": "ABC"}]})));
}

#[test]
fn specials_keep_season_0_and_a_missing_number_is_none() {
    let episode =
        json!({"type": "episode", "grandparentTitle": "Sherlock", "parentIndex": 0, "index": "3"});
    let media = event(&body("media.play", episode)).media;
    assert_eq!((media.season, media.episode), (Some(0), Some(3)));
    let daily =
        json!({"type": "episode", "grandparentTitle": "News", "parentIndex": -1, "index": -1});
    let media = event(&body("media.play", daily)).media;
    assert_eq!((media.season, media.episode), (None, None));
}

#[test]
fn old_agents_parents_do_not_lose_the_scope_of_the_show() {
    let episode = json!({
        "type": "episode", "guid": "com.plexapp.agents.thetvdb://73871/2/15?lang=en",
        "parentGuid": "com.plexapp.agents.thetvdb://73871/2?lang=en",
        "grandparentGuid": "com.plexapp.agents.thetvdb://73871?lang=en",
        "Guid": [{"id": "tvdb://125155"}],
    });
    let ids: Vec<String> = event(&body("media.play", episode))
        .media
        .ids
        .iter()
        .map(|id| {
            format!(
                "{:?} {} {:?}",
                id.scope,
                id.value(),
                id.numbering.map(|n| n.episode)
            )
        })
        .collect();
    assert_eq!(ids, ["Item 125155 None", "Show 73871 Some(15)"]);
}

#[test]
fn a_tracks_artist_is_its_own_and_not_the_albums() {
    let artist = |original: Value| {
        let track = json!({
            "type": "track", "title": "Misirlou", "originalTitle": original,
            "grandparentTitle": "Various Artists", "parentTitle": "Pulp Fiction", "index": 1, "parentIndex": 0,
        });
        event(&body("media.play", track)).media
    };
    let media = artist(json!("Dick Dale"));
    assert_eq!(media.artist.as_deref(), Some("Dick Dale"));
    assert_eq!(media.album_artist.as_deref(), Some("Various Artists"));
    assert_eq!(media.disc_number, None);
    assert_eq!(artist(json!("")).artist.as_deref(), Some("Various Artists"));
}

#[test]
fn a_video_on_demand_film_is_a_film() {
    let mut vod = body(
        "media.scrobble",
        json!({"librarySectionID": null, "guid": "plex://movie/5d776825"}),
    );
    vod["Server"]["uuid"] = json!("tv.plex.provider.vod");
    vod["owner"] = json!(false);
    let event = event(&vod);
    assert_eq!(event.action, Action::ScrobblePoint);
    assert_eq!(event.server.source, Source::Plex);
    assert_eq!(event.library, None);
    assert!(!event.flags.live);
}
