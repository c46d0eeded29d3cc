//! What media servers really send, placed by the sample of the real list.
//!
//! Neither is part of this project: `HUB_REFERENCE` names the folder that holds `events/` and `contracts/`. Without it
//! nothing is tested here.

use std::path::PathBuf;

use hub_domain::Source;
use hub_sources::{Translated, translate};
use serde_json::{Value, json};

use super::*;

#[expect(
    clippy::disallowed_methods,
    reason = "the reference is no setting of the hub; it exists for these tests alone"
)]
fn reference() -> Option<PathBuf> {
    let folder = std::env::var("HUB_REFERENCE").ok();
    if folder.is_none() {
        eprintln!("skipped: HUB_REFERENCE does not name the folder of the payloads and the sample");
    }
    folder.map(PathBuf::from)
}

async fn world(reference: &std::path::Path) -> World {
    let sample = reference.join("contracts/anime-mapping-sample.json");
    World::with(&std::fs::read(sample).unwrap()).await
}

fn payload(reference: &std::path::Path, name: &str) -> Value {
    let text = std::fs::read(reference.join("events").join(name)).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// The item of the payload, as the hub reads it.
fn item(source: Source, payload: &Value) -> MediaItem {
    let body = payload.to_string();
    let read = translate(source, Some("application/json"), body.as_bytes(), at(0)).unwrap();
    let Translated::Events(events) = read else {
        panic!("it is an event: {read:?}");
    };
    events[0].media.clone()
}

#[tokio::test]
async fn plex_with_the_hama_agent_names_the_entry_of_anidb() {
    let Some(folder) = reference() else { return };
    let world = world(&folder).await;
    let media = item(
        Source::Plex,
        &payload(&folder, "plex/episode-scrobble-hama-anidb.json"),
    );
    assert_eq!(found(&world.place(&media).await), Some((849, 1)));
    assert!(world.asked().is_empty());
}

#[tokio::test]
async fn plex_names_an_episode_by_its_own_ids_and_trakt_knows_its_show() {
    let Some(folder) = reference() else { return };
    let world = world(&folder).await;
    world.connect_trakt(Health::Ok).await;
    let captured = payload(&folder, "plex/episode-scrobble-shared-user-cjk.json");
    let media = item(Source::Plex, &captured);
    assert!(
        Query::of(&media).references().is_empty(),
        "no id of the show that the list knows"
    );

    // As it was captured: nobody knows it, and what was tried is told.
    let Placement::NotFound { tried } = world.place(&media).await else {
        panic!("nobody knows it");
    };
    for words in [
        "Trakt: no episode TheTVDB 8530933",
        "Trakt: no episode TMDB 3087250",
        "Trakt: no episode IMDb tt14765720",
        "TMDB: no episode TheTVDB 8530933",
    ] {
        assert!(tried.contains(words), "{tried}");
    }
    assert_eq!(world.asked().len(), 5);

    // The same viewing of an episode that the sample has: the second half of a season in two cours.
    let mut titan = captured;
    titan["Metadata"]["Guid"] = json!([{"id": "tmdb://2968000"}, {"id": "tvdb://8960000"}]);
    titan["Metadata"]["grandparentTitle"] = json!("SPY×FAMILY");
    titan["Metadata"]["grandparentGuid"] = json!("plex://show/5f9f1d3ad3b5f10041d6a2b1");
    let media = item(Source::Plex, &titan);
    let spy = r#"[{"type": "episode", "episode": {"season": 2, "number": 3, "ids": {"tvdb": 8960000, "tmdb": 2968000}},
        "show": {"title": "SPY x FAMILY", "ids": {"tvdb": 405920, "tmdb": 120089}}}]"#;
    world.answer("/search/tvdb/8960000", 200, spy);
    assert_eq!(found(&world.place(&media).await), Some((158_927, 3)));
    assert_eq!(world.asked(), ["/search/tvdb/8960000"]);
}

#[tokio::test]
async fn jellyfin_tells_an_episode_of_anidb_alone_and_the_users_rule_by_title_places_the_show() {
    let Some(folder) = reference() else { return };
    let world = world(&folder).await;
    world.connect_trakt(Health::Ok).await;
    let captured = payload(&folder, "jellyfin/episode-playbackstop-10.10.json");
    let media = item(Source::Jellyfin, &captured);
    let Placement::NotFound { tried } = world.place(&media).await else {
        panic!("an episode of AniDB is in no list");
    };
    assert_eq!(
        tried,
        "Trakt: it cannot be asked for AniDB 238801; TMDB: it cannot be asked for AniDB 238801"
    );
    assert!(world.asked().is_empty());

    let entry = Entry {
        catalogue: Catalogue::AniList,
        id: 116_589,
    };
    let title = Query::of(&media).title().unwrap();
    let rule = Override::of_choice(title, entry, 1);
    world.say(rule).await;
    let mut fifth = captured;
    fifth["EpisodeNumber"] = json!(5);
    let media = item(Source::Jellyfin, &fifth);
    assert_eq!(found(&world.place(&media).await), Some((116_589, 5)));
}

#[tokio::test]
async fn an_id_of_doubtful_scope_marks_nothing() {
    let Some(folder) = reference() else { return };
    let world = world(&folder).await;
    world.connect_trakt(Health::Ok).await;
    let captured = payload(&folder, "jellyfin/episode-playbackstart-cjk-10.8.json");
    let media = item(Source::Jellyfin, &captured);
    // As an episode's, the show's number is another show's: here one of the sample's.
    let collision = r#"[{"type": "episode", "episode": {"season": 1, "number": 1, "ids": {"tmdb": 229210}},
        "show": {"title": "One Piece", "ids": {"tvdb": 81797, "tmdb": 37854}}}]"#;
    world.answer("/search/tmdb/229210", 200, collision);
    let Placement::Unclear { candidates, .. } = world.place(&media).await else {
        panic!("nothing but the id speaks for it");
    };
    assert!(
        candidates[0].why.contains("nothing but the id says"),
        "{candidates:?}"
    );
}

#[tokio::test]
async fn emby_and_tautulli_are_read_as_they_send_it() {
    let Some(folder) = reference() else { return };
    let world = world(&folder).await;
    world.connect_trakt(Health::Ok).await;
    let friends = item(
        Source::Emby,
        &payload(&folder, "emby/episode-stop-completed.json"),
    );
    let known = r#"[{"type": "episode", "episode": {"season": 1, "number": 1, "ids": {"tvdb": 303821}},
        "show": {"title": "Friends", "ids": {"tvdb": 79168, "tmdb": 1668}}}]"#;
    world.answer("/search/tvdb/303821", 200, known);
    let Placement::NotFound { tried } = world.place(&friends).await else {
        panic!("it is no anime");
    };
    assert!(tried.contains("TMDB show 1668 season 1 episode 1: not in the list for AniList"));
    let unnamed = item(
        Source::Emby,
        &payload(&folder, "emby/episode-markplayed-4.9.json"),
    );
    let Placement::NotFound { tried } = world.place(&unnamed).await else {
        panic!("nothing is known of it");
    };
    assert!(tried.starts_with("neither its show's ids nor"), "{tried}");
    let tautulli = payload(&folder, "tautulli/episode-watched-rendered.json");
    let Placement::NotFound { tried } = world.place(&item(Source::Tautulli, &tautulli)).await
    else {
        panic!("the sample has no such anime");
    };
    assert_eq!(
        tried,
        "AniDB 12345 season 1 episode 1: not in the list for AniList"
    );
}
