//! The documented queries.

use super::*;

#[tokio::test]
async fn the_viewer_has_a_number_and_a_score_format() {
    let stage = Stage::new().await;
    stage.anilist.set_score_format("alice", ScoreFormat::Point5);
    let query = "query { Viewer { id name siteUrl mediaListOptions { scoreFormat animeList { \
        splitCompletedSectionByFormat customLists } } options { titleLanguage timezone } } }";
    let data = stage.data(query, json!({})).await;
    assert_eq!(data["Viewer"]["mediaListOptions"]["scoreFormat"], "POINT_5");
    assert!(data["Viewer"]["id"].is_u64());
    assert_eq!(data["Viewer"]["options"]["titleLanguage"], "ROMAJI");
}

#[tokio::test]
async fn a_series_is_found_by_either_number_with_the_viewer_s_own_entry() {
    let stage = Stage::new().await;
    let query = "query ($mediaId: Int) { Media(id: $mediaId, type: ANIME) { id idMal format status episodes \
        nextAiringEpisode { episode airingAt } title { romaji english native userPreferred } startDate { year month day } \
        mediaListEntry { id status progress repeat private score(format: POINT_100) startedAt { year month day } \
        completedAt { year month day } updatedAt } } }";
    let data = stage.data(query, json!({"mediaId": 131_681})).await;
    assert_eq!(data["Media"]["idMal"], 48583);
    assert_eq!(
        (&data["Media"]["episodes"], &data["Media"]["status"]),
        (&json!(12), &json!("FINISHED"))
    );
    assert_eq!(data["Media"]["mediaListEntry"], Value::Null);
    stage
        .data(
            SAVE,
            json!({"mediaId": 131_681, "progress": 3, "startedAt": {"year": 2026}}),
        )
        .await;
    let data = stage.data(query, json!({"mediaId": 131_681})).await;
    let entry = &data["Media"]["mediaListEntry"];
    assert_eq!(
        (&entry["progress"], &entry["score"]),
        (&json!(3), &json!(0))
    );
    assert_eq!(
        entry["startedAt"],
        json!({"year": 2026, "month": null, "day": null})
    );
    let running = stage.data(query, json!({"mediaId": 21})).await;
    assert_eq!(
        running["Media"]["episodes"],
        Value::Null,
        "nobody knows how many there will be"
    );
    assert_eq!(running["Media"]["nextAiringEpisode"]["episode"], 1151);

    let by_mal =
        "query ($idMal: Int) { Media(idMal: $idMal, type: ANIME) { id title { romaji } } }";
    let data = stage.data(by_mal, json!({"idMal": 38524})).await;
    assert_eq!(data["Media"]["id"], 104_578);
    let (status, body) = stage.refused(by_mal, json!({"idMal": 1})).await;
    assert_eq!((status, &body["data"]), (404, &json!({"Media": null})));
    let error = &body["errors"][0];
    assert_eq!(
        (&error["message"], &error["status"]),
        (&json!("Not Found."), &json!(404))
    );
}

#[tokio::test]
async fn many_series_are_read_page_by_page() {
    let stage = Stage::new().await;
    let query = "query ($ids: [Int], $page: Int) { Page(page: $page, perPage: 2) { pageInfo { hasNextPage } \
        media(idMal_in: $ids, type: ANIME) { id idMal episodes status } } }";
    let ids = json!([16498, 25777, 35760, 1]);
    let first = stage.data(query, json!({"ids": ids, "page": 1})).await;
    assert_eq!(first["Page"]["pageInfo"]["hasNextPage"], true);
    assert_eq!(first["Page"]["media"].as_array().unwrap().len(), 2);
    let second = stage.data(query, json!({"ids": ids, "page": 2})).await;
    assert_eq!(second["Page"]["pageInfo"]["hasNextPage"], false);
    assert_eq!(second["Page"]["media"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_search_shows_what_comes_before_and_after() {
    let stage = Stage::new().await;
    let query = "query ($q: String, $year: Int) { Page(perPage: 10) { media(search: $q, seasonYear: $year, type: ANIME, \
        sort: SEARCH_MATCH) { id idMal format episodes title { romaji english native } synonyms startDate { year } \
        relations { edges { relationType node { id idMal type format } } } } } }";
    let data = stage
        .data(query, json!({"q": "final season", "year": 2022}))
        .await;
    let media = data["Page"]["media"].as_array().unwrap();
    assert_eq!(media.len(), 1);
    let edge = &media[0]["relations"]["edges"][0];
    assert_eq!(
        (&edge["relationType"], &edge["node"]["id"]),
        (&json!("PREQUEL"), &json!(110_277))
    );
}

#[tokio::test]
async fn a_list_is_read_in_chunks_or_newest_first() {
    let stage = Stage::new().await;
    for (media, status) in [(21, "CURRENT"), (16498, "COMPLETED"), (20958, "COMPLETED")] {
        stage.clock.turn(TimeDelta::seconds(1));
        stage
            .data(SAVE, json!({"mediaId": media, "status": status}))
            .await;
    }
    let mut entry = stage.anilist.entry("alice", 16498).unwrap();
    entry.custom_lists.insert("Best".to_owned());
    stage.anilist.put_entry("alice", entry);
    let viewer = stage.data("query { Viewer { id } }", json!({})).await["Viewer"]["id"].clone();
    let query = "query ($userId: Int, $chunk: Int) { MediaListCollection(userId: $userId, type: ANIME, chunk: $chunk, \
        perChunk: 2, forceSingleCompletedList: true) { hasNextChunk user { id mediaListOptions { scoreFormat } } \
        lists { name isCustomList isSplitCompletedList status entries { id mediaId status progress repeat private \
        score(format: POINT_100) updatedAt createdAt media { id idMal episodes format status title { romaji } } } } } }";
    let first = stage
        .data(query, json!({"userId": viewer, "chunk": 1}))
        .await;
    let lists = &first["MediaListCollection"]["lists"];
    let names: Vec<_> = lists
        .as_array()
        .unwrap()
        .iter()
        .map(|list| list["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["Watching", "Completed", "Best"],
        "an entry on a list of one's own comes twice"
    );
    assert_eq!(first["MediaListCollection"]["hasNextChunk"], true);
    let second = stage
        .data(query, json!({"userId": viewer, "chunk": 2}))
        .await;
    assert_eq!(second["MediaListCollection"]["hasNextChunk"], false);
    let newest = "query ($userId: Int, $page: Int) { Page(page: $page, perPage: 50) { pageInfo { hasNextPage currentPage } \
        mediaList(userId: $userId, type: ANIME, sort: UPDATED_TIME_DESC) { id mediaId status progress updatedAt } } }";
    let data = stage
        .data(newest, json!({"userId": viewer, "page": 1}))
        .await;
    assert_eq!(data["Page"]["mediaList"][0]["mediaId"], 20958);
    let (status, _) = stage.refused(query, json!({"chunk": 1})).await;
    assert_eq!(status, 400, "the viewer is not inferred");
}

#[tokio::test]
async fn a_hidden_list_is_not_shown_to_others() {
    let stage = Stage::new().await;
    stage.anilist.add_user("bob");
    stage.anilist.hide_lists("bob", true);
    let query = "query { MediaListCollection(userName: \"bob\", type: ANIME) { hasNextChunk } }";
    let (status, body) = stage.refused(query, json!({})).await;
    assert_eq!(
        (status, &body["errors"][0]["message"]),
        (404, &json!("Private User"))
    );
    let nobody = query.replace("bob", "nobody");
    let (status, body) = stage.refused(&nobody, json!({})).await;
    assert_eq!(
        (status, &body["errors"][0]["message"]),
        (404, &json!("User not found"))
    );
}

#[tokio::test]
async fn chunks_keep_to_the_order_that_is_asked_for() {
    let stage = Stage::new().await;
    for media in [20958, 21, 16498] {
        stage.clock.turn(TimeDelta::seconds(1));
        let entry = json!({"mediaId": media, "status": "CURRENT"});
        stage.data(SAVE, entry).await;
    }
    let query = "query ($chunk: Int) { MediaListCollection(userName: \"alice\", type: ANIME, chunk: $chunk, perChunk: 1, \
        sort: ADDED_TIME) { hasNextChunk lists { entries { mediaId } } } }";
    let mut read = Vec::new();
    for chunk in 1..=3 {
        let data = stage.data(query, json!({"chunk": chunk})).await;
        let collection = &data["MediaListCollection"];
        assert_eq!(collection["hasNextChunk"], chunk < 3);
        read.push(collection["lists"][0]["entries"][0]["mediaId"].clone());
    }
    assert_eq!(read, [20958, 21, 16498]);
}
