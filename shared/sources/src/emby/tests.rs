//! What Emby's events mean, beyond the samples.

use chrono::{DateTime, Utc};
use hub_domain::{Action, Event};
use serde_json::{Value, json};

use super::translate;
use crate::outcome::Translated;
use crate::testing;
use crate::values::Fields;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).unwrap()
}

fn read(body: &Value) -> Translated {
    translate(&Fields::of(body).unwrap().folded(), now()).unwrap()
}

fn event(body: &Value) -> Event {
    testing::one(read(body))
}

fn ignored(body: &Value) -> &'static str {
    testing::code(&read(body))
}

fn body(name: &str) -> Value {
    json!({
        "Event": name, "Date": "2026-11-20T11:59:58.0Z", "User": {"Name": "mira", "Id": "u"},
        "Item": {"Type": "Movie", "Name": "Heat", "Id": "9", "RunTimeTicks": 100_000_000_000_u64, "Path": "/films/heat.mkv"},
        "Server": {"Id": "s", "Name": "cellar", "Version": "4.9.1.80"},
    })
}

#[test]
fn every_name_of_an_event_is_what_it_says() {
    for (name, expected) in [
        ("playback.start", Action::Start),
        ("playback.pause", Action::Pause),
        ("playback.unpause", Action::Resume),
        ("playback.progress", Action::Progress),
        ("playback.scrobble", Action::ScrobblePoint),
        ("playback.stop", Action::Stop),
        ("item.markplayed", Action::MarkWatched),
        ("item.markunplayed", Action::MarkUnwatched),
        ("item.markfavorite", Action::Love),
        ("item.favorited", Action::Love),
        ("item.addedtofavorites", Action::Love),
        ("item.markunfavorite", Action::Unlove),
    ] {
        let event = event(&body(name));
        assert_eq!(event.action, expected, "{name}");
        assert_eq!(event.occurred_at.timestamp(), now().timestamp() - 2);
    }
    for name in [
        "library.new",
        "system.webhooktest",
        "user.authenticated",
        "plugins.x",
        "scheduledtasks.completed",
        "device.x",
    ] {
        assert_eq!(ignored(&body(name)), "not_playback", "{name}");
    }
    assert_eq!(ignored(&body("item.dance")), "unknown_event");
}

#[test]
fn a_position_comes_from_the_playback_and_only_without_one_from_the_session() {
    let mut stop = body("playback.stop");
    stop["Session"] = json!({"PlayState": {"PositionTicks": 0}});
    stop["PlaybackInfo"] = json!({"PositionTicks": 90_000_000_000_u64, "PlayedToCompletion": true});
    let seconds = |body: &Value| event(body).position.map(|position| position.num_seconds());
    assert_eq!(seconds(&stop), Some(9000));
    stop["PlaybackInfo"] = json!({"PlayedToCompletion": true});
    assert_eq!(seconds(&stop), None);
    stop["PlaybackInfo"] = Value::Null;
    assert_eq!(seconds(&stop), Some(0));
}

#[test]
fn a_false_completion_keeps_both_facts_that_give_it_away() {
    let mut stop = body("playback.stop");
    stop["Item"]["RunTimeTicks"] = json!(0);
    stop["PlaybackInfo"] = json!({"PositionTicks": 0, "PlayedToCompletion": true});
    let event = event(&stop);
    assert_eq!(event.completed_hint, Some(true));
    assert_eq!(
        event.position.map(|position| position.num_seconds()),
        Some(0)
    );
    assert_eq!(event.media.duration, None);
}

#[test]
fn a_rate_event_tells_the_favourite_or_nothing() {
    let mut rate = body("item.rate");
    assert_eq!(ignored(&rate), "no_value");
    rate["Item"]["UserData"] = json!({"IsFavorite": true, "Rating": 8});
    assert_eq!(event(&rate).action, Action::Love);
    rate["Item"]["UserData"] = json!({"IsFavorite": false});
    assert_eq!(event(&rate).action, Action::Unlove);
    rate["Item"]["Type"] = json!("Series");
    assert_eq!(event(&rate).action, Action::Unlove, "series are loved, too");
}

#[test]
fn trailers_samples_channels_and_whole_seasons_are_no_plays() {
    for (key, value, code) in [
        ("Type", "Trailer", "extra"),
        ("Type", "TvChannel", "live_channel"),
        ("Type", "Program", "live_channel"),
        ("Type", "MusicVideo", "unsupported_kind"),
        ("Type", "Video", "unsupported_kind"),
        ("Type", "Season", "container"),
        ("ExtraType", "ThemeSong", "extra"),
        ("Path", "/films/Heat/heat.sample.mkv", "sample"),
    ] {
        let mut stop = body("playback.stop");
        stop["Item"][key] = json!(value);
        assert_eq!(ignored(&stop), code, "{key} {value}");
    }
}

#[test]
fn a_fresh_episode_is_numbered_by_its_file() {
    let mut start = body("playback.start");
    start["Item"] = json!({
        "Type": "Episode", "Name": "Episode 11", "Id": "5", "ProviderIds": {},
        "FileName": "Show - S02E11-E12.mkv", "SeriesName": "Show (2023)",
    });
    let media = event(&start).media;
    assert_eq!(
        (media.season, media.episode, media.episode_end),
        (Some(2), Some(11), Some(12))
    );
    assert_eq!(
        (media.show_title.as_deref(), media.show_year),
        (Some("Show"), Some(2023))
    );
    start["Item"]["IndexNumber"] = json!(3);
    start["Item"]["ParentIndexNumber"] = json!(0);
    start["Item"]["IndexNumberEnd"] = json!(4);
    let media = event(&start).media;
    assert_eq!(
        (media.season, media.episode, media.episode_end),
        (Some(0), Some(3), Some(4))
    );
}

#[test]
fn an_older_shape_names_the_user_in_the_session() {
    let mut start = body("playback.start");
    start["User"] = Value::Null;
    start["Session"] = json!({"UserName": "mira", "DeviceName": "Den", "DeviceId": "d"});
    let event = event(&start);
    assert_eq!(event.account.name.as_deref(), Some("mira"));
    assert_eq!(event.player.id.as_deref(), Some("d"));
}
