//! What the official plugin's notifications mean, beyond the samples.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Action, Event, Namespace, Scope};
use serde_json::{Value, json};

use super::translate;
use crate::outcome::Translated;
use crate::testing;
use crate::values::Fields;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).unwrap() // 2026-11-20T12:00:00Z
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

fn body(kind: &str, with: Value) -> Value {
    let mut body = json!({
        "ServerId": "s", "NotificationType": kind, "Timestamp": "2026-11-20T14:00:00.0000000+02:00",
        "UtcTimestamp": "2026-11-20T12:00:00.0000000Z", "Name": "Heat", "ItemId": "9", "ItemType": "Movie",
        "RunTimeTicks": 100_000_000_000_u64, "NotificationUsername": "mira", "UserId": "u",
    });
    for (key, value) in with.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

#[test]
fn a_position_of_0_says_nothing_while_it_goes_on() {
    let position = |kind: &str, ticks: u64| {
        event(&body(kind, json!({"PlaybackPositionTicks": ticks})))
            .position
            .map(|position| position.num_seconds())
    };
    assert_eq!(position("PlaybackProgress", 0), None);
    assert_eq!(position("PlaybackProgress", 640_000_000), Some(64));
    assert_eq!(position("PlaybackStart", 0), Some(0));
    assert_eq!(position("PlaybackStop", 0), Some(0));
}

#[test]
fn a_progress_event_of_a_paused_player_is_a_pause() {
    for (paused, expected) in [
        (json!(true), Action::Pause),
        (json!("True"), Action::Pause),
        (json!(false), Action::Progress),
        (Value::Null, Action::Progress),
    ] {
        let event = event(&body("PlaybackProgress", json!({ "IsPaused": paused })));
        assert_eq!(event.action, expected);
    }
}

#[test]
fn completion_is_read_at_the_stop_and_played_only_where_it_is_alone() {
    let hint = |with: Value| event(&body("PlaybackStop", with)).completed_hint;
    assert_eq!(
        hint(json!({"PlayedToCompletion": false, "Played": true})),
        Some(false)
    );
    assert_eq!(hint(json!({"PlayedToCompletion": "True"})), Some(true));
    assert_eq!(hint(json!({"Played": true})), Some(true));
    assert_eq!(hint(json!({})), None);
    let start = event(&body("PlaybackStart", json!({"Played": true})));
    assert_eq!(start.completed_hint, None);
}

#[test]
fn only_a_toggle_says_played() {
    for reason in [
        "PlaybackStart",
        "PlaybackProgress",
        "Import",
        "PlaybackFinished",
        "",
    ] {
        let saved = body(
            "UserDataSaved",
            json!({"SaveReason": reason, "Played": true}),
        );
        assert_eq!(ignored(&saved), "saved_state", "{reason}");
    }
    let toggled = |played: Value| {
        body(
            "UserDataSaved",
            json!({"SaveReason": "TogglePlayed", "Played": played}),
        )
    };
    assert_eq!(event(&toggled(json!(true))).action, Action::MarkWatched);
    assert_eq!(
        event(&toggled(json!("False"))).action,
        Action::MarkUnwatched
    );
    assert_eq!(ignored(&toggled(Value::Null)), "no_value");
}

#[test]
fn a_rating_a_love_and_their_absence() {
    let opinions = |reason: &str, with: Value| {
        let mut saved = body("UserDataSaved", with);
        saved["SaveReason"] = json!(reason);
        match read(&saved) {
            Translated::Events(events) => events
                .iter()
                .map(|event| (event.action, event.rating))
                .collect(),
            Translated::Ignored { reason } => {
                assert_eq!(reason.code(), "no_value");
                Vec::new()
            }
        }
    };
    let rating = "UpdateUserRating";
    assert_eq!(
        opinions(rating, json!({"Rating": 8, "Favorite": false})),
        [(Action::Rate, Some(8.0))]
    );
    assert_eq!(
        opinions(rating, json!({"Rating": "9.5", "Favorite": true})),
        [(Action::Rate, Some(9.5)), (Action::Love, None)]
    );
    assert_eq!(
        opinions(rating, json!({"Rating": 0, "Favorite": true})),
        [(Action::Love, None)]
    );
    assert_eq!(
        opinions(rating, json!({"Rating": 0, "Favorite": false})),
        [(Action::Unlove, None)]
    );
    assert_eq!(
        opinions(
            rating,
            json!({"Rating": 0, "Favorite": false, "Likes": true})
        ),
        []
    );
    assert_eq!(opinions(rating, json!({"Rating": 0})), []);
    assert_eq!(
        opinions("UpdateUserData", json!({"Rating": 0, "Favorite": false})),
        []
    );
}

#[test]
fn an_offline_listen_is_told_from_the_end_of_an_online_one() {
    let finished = |saved: Option<DateTime<Utc>>| {
        let saved = saved.map(|saved| saved.format("%Y-%m-%dT%H:%M:%S.0000000Z").to_string());
        body(
            "UserDataSaved",
            json!({
                "SaveReason": "PlaybackFinished", "ItemType": "Audio", "Artist": "Björk", "RunTimeTicks": 3_000_000_000_u64,
                "LastPlayedDate": saved, "Played": true,
            }),
        )
    };
    let ago = |minutes| now() - TimeDelta::minutes(minutes);
    let listen = event(&finished(Some(ago(600))));
    assert_eq!(
        (listen.action, listen.occurred_at),
        (Action::ScrobblePoint, ago(600))
    );
    assert!(listen.flags.offline && !listen.flags.derived);
    // It began as long ago as it takes to hear it: the server reports that by other events.
    assert_eq!(ignored(&finished(Some(ago(5)))), "online_play");
    assert_eq!(ignored(&finished(Some(ago(0)))), "online_play");
    assert_eq!(ignored(&finished(None)), "online_play");
    // Local time that calls itself UTC: two hours ahead, as the server is.
    let listen = event(&finished(Some(ago(-120))));
    assert_eq!(listen.occurred_at, now());
    assert!(listen.flags.offline && listen.flags.derived);
}

#[test]
fn several_episodes_in_one_file_are_a_range() {
    let range = |end: Value| {
        event(&body("PlaybackStop", json!({
            "ItemType": "Episode", "SeriesName": "Friends", "Year": 1994, "SeasonNumber": 0, "EpisodeNumber": 1,
            "EpisodeNumberEnd": end, "Provider_anidb": "238801", "PROVIDER_TMDB": 85987,
        })))
        .media
    };
    let media = range(json!(2));
    assert_eq!(
        (media.season, media.episode, media.episode_end),
        (Some(0), Some(1), Some(2))
    );
    assert_eq!((media.year, media.show_year), (None, Some(1994)));
    assert!(media.ids.iter().all(|id| id.scope == Scope::Item));
    assert_eq!(media.own_id(Namespace::Tmdb), Some("85987"));
    assert_eq!(range(json!(1)).episode_end, None);
    assert_eq!(range(Value::Null).episode_end, None);
}

#[test]
fn text_for_people_is_freed_of_escapes() {
    let title = |name: &str| {
        event(&body("PlaybackStart", json!({ "Name": name })))
            .media
            .title
    };
    assert_eq!(
        title("The \\\"Best\\\" Film").as_deref(),
        Some("The \"Best\" Film")
    );
    assert_eq!(
        title("Am&#233;lie &amp; Co").as_deref(),
        Some("Amélie & Co")
    );
    assert_eq!(title("Tom & Jerry").as_deref(), Some("Tom & Jerry"));
}

#[test]
fn what_is_no_playback_is_ignored() {
    for kind in [
        "ItemAdded",
        "ItemDeleted",
        "SessionStart",
        "AuthenticationSuccess",
        "TaskCompleted",
        "PluginInstalled",
        "PendingRestart",
        "UserCreated",
    ] {
        assert_eq!(ignored(&body(kind, json!({}))), "not_playback", "{kind}");
    }
    assert_eq!(ignored(&body("Dance", json!({}))), "unknown_event");
    assert_eq!(
        ignored(&json!({"NotificationType": "PlaybackStop"})),
        "no_item"
    );
    assert_eq!(
        ignored(&body("PlaybackStop", json!({"ItemType": "Video"}))),
        "unsupported_kind"
    );
}
