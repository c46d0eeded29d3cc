//! What Kodi's add-ons mean, beyond the samples.

use chrono::{DateTime, Utc};
use hub_domain::{Action, Event, Namespace};
use serde_json::{Value, json};

use super::{add_ons, json_rpc, scrobbler};
use crate::outcome::Translated;
use crate::testing::one as event;
use crate::values::Fields;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).unwrap()
}

fn rpc(body: &Value) -> Translated {
    json_rpc::translate(&Fields::of(body).unwrap(), now()).unwrap()
}

fn clock(seconds: u64) -> Value {
    json!({"hours": seconds / 3600, "minutes": seconds / 60 % 60, "seconds": seconds % 60, "milliseconds": 0})
}

fn stop(at: u64, total: u64, end: bool) -> Event {
    event(rpc(&json!({
        "method": "Player.OnStop", "params": {"data": {"end": end}},
        "item": {"type": "movie", "title": "Heat", "id": -1, "imdbnumber": "tt0113277"},
        "player": {"time": clock(at), "totaltime": clock(total)},
    })))
}

#[test]
fn an_end_is_complete_and_a_stop_in_the_credits_is_told_by_its_position() {
    let credits = stop(9500, 10_000, false);
    assert_eq!(credits.completed_hint, None);
    assert_eq!(
        credits.position.map(|position| position.num_seconds()),
        Some(9500)
    );
    let end = stop(0, 10_000, true);
    assert_eq!((end.completed_hint, end.position), (Some(true), None));
    let marked = stop(10_000, 10_000, false);
    assert_eq!(marked.completed_hint, Some(true));
    let unknown = stop(0, 0, false);
    assert_eq!(
        (unknown.completed_hint, unknown.media.duration),
        (None, None)
    );
    assert_eq!(unknown.media.content_id, None);
    assert_eq!(unknown.media.own_id(Namespace::Imdb), Some("tt0113277"));
}

#[test]
fn an_episodes_ids_are_its_own_from_kodi_and_its_shows_from_cross_watch() {
    let item = json!({"type": "episode", "showtitle": "Firefly", "season": 0, "episode": -1, "uniqueid": {"tvdb": "1"}});
    let own = event(rpc(&json!({"method": "Player.OnPlay", "item": item}))).media;
    assert_eq!(own.own_id(Namespace::Tvdb), Some("1"));
    assert_eq!((own.season, own.episode), (Some(0), None));
    let show = event(rpc(
        &json!({"event": "playback_started", "position_seconds": 0, "item": item}),
    ))
    .media;
    assert_eq!(show.show_id(Namespace::Tvdb), Some("1"));
}

#[test]
fn songs_and_nothing_are_ignored() {
    for (body, code) in [
        (
            json!({"method": "Player.OnPlay", "item": {"type": "song"}}),
            "unsupported_kind",
        ),
        (json!({"method": "Player.OnPlay", "item": {}}), "no_item"),
        (json!({"method": "Player.OnPlay"}), "no_item"),
        (
            json!({"method": "Player.OnDance", "item": {"type": "movie"}}),
            "unknown_event",
        ),
        (
            json!({"method": "Player.OnPlay", "item": {"type": "movie"}}),
            "no_item",
        ),
    ] {
        assert!(
            matches!(rpc(&body), Translated::Ignored { ref reason } if reason.code() == code),
            "{body}"
        );
    }
}

#[test]
fn the_scrobblers_percentage_counts_where_its_times_are_missing() {
    let read = |duration: Value, progress: Value| {
        let body = json!({"event": "stop", "mediaType": "movie", "title": "Heat", "duration": duration, "progress": progress});
        let event = event(scrobbler::translate(&Fields::of(&body).unwrap(), now()).unwrap());
        (
            event.position.map(|position| position.num_seconds()),
            event.progress_percent,
        )
    };
    assert_eq!(
        read(json!(1000), json!({"time": 120, "percent": 12})),
        (Some(120), None)
    );
    assert_eq!(
        read(json!(0), json!({"time": 120, "percent": "12.5"})),
        (Some(120), Some(12.5))
    );
    assert_eq!(
        read(json!(1000), json!({"percent": 12})),
        (None, Some(12.0))
    );
    assert_eq!(read(Value::Null, Value::Null), (None, None));
}

#[test]
fn ryots_progress_names_a_film_by_itself_and_an_episode_by_its_show() {
    let read = |body: Value| add_ons::ryot(&Fields::of(&body).unwrap(), now()).unwrap();
    let film = event(read(
        json!({"identifier": "603", "lot": "movie", "progress": "88"}),
    ));
    assert_eq!(
        (film.action, film.progress_percent),
        (Action::Progress, Some(88.0))
    );
    assert_eq!(film.media.own_id(Namespace::Tmdb), Some("603"));
    let book = read(json!({"identifier": "603", "lot": "book"}));
    assert!(matches!(book, Translated::Ignored { .. }));
}
