//! Saving and deleting entries.

use super::*;

#[tokio::test]
async fn only_what_is_sent_changes_and_nothing_is_filled_in() {
    let stage = Stage::new().await;
    let saved = stage
        .data(
            SAVE,
            json!({"mediaId": 16498, "status": "CURRENT", "progress": 3, "scoreRaw": 85}),
        )
        .await;
    let entry = &saved["SaveMediaListEntry"];
    assert_eq!(
        (&entry["score"], &entry["status"]),
        (&json!(85), &json!("CURRENT"))
    );
    let again = stage
        .data(SAVE, json!({"mediaId": 16498, "status": "COMPLETED"}))
        .await;
    assert_eq!(again["SaveMediaListEntry"]["id"], entry["id"]);
    let kept = stage.anilist.entry("alice", 16498).unwrap();
    assert_eq!(
        (kept.status, kept.progress, kept.score_raw),
        (Status::Completed, 3, 85)
    );
    assert_eq!(kept.completed_at, FuzzyDate::default());
    stage
        .data(
            SAVE,
            json!({"mediaId": 16498, "completedAt": {"year": 2026, "month": 11, "day": 20}}),
        )
        .await;
    let date = stage.anilist.entry("alice", 16498).unwrap().completed_at;
    assert_eq!(
        (date.year, date.month, date.day),
        (Some(2026), Some(11), Some(20))
    );
    assert_eq!(stage.anilist.list("alice").len(), 1);
}

#[tokio::test]
async fn a_score_is_in_the_user_s_format_unless_it_is_raw() {
    let stage = Stage::new().await;
    stage.anilist.set_score_format("alice", ScoreFormat::Point5);
    let save = "mutation ($score: Float) { SaveMediaListEntry(mediaId: 21, score: $score) { score raw: score(format: POINT_100) } }";
    let data = stage.data(save, json!({"score": 4})).await;
    assert_eq!(data["SaveMediaListEntry"], json!({"score": 4, "raw": 70}));
    let (status, body) = stage.refused(save, json!({"score": 6})).await;
    assert_eq!(status, 400);
    assert_eq!(body["errors"][0]["message"], "validation");
    assert!(body["errors"][0]["validation"]["score"].is_array());
    stage
        .data(
            "mutation { UpdateUser(scoreFormat: POINT_10_DECIMAL) { id } }",
            json!({}),
        )
        .await;
    let query = "query { Media(id: 21) { mediaListEntry { score } } }";
    let data = stage.data(query, json!({})).await;
    assert_eq!(data["Media"]["mediaListEntry"]["score"], 7);
}

#[tokio::test]
async fn bad_values_and_explicit_nulls_are_refused() {
    let stage = Stage::new().await;
    for variables in [
        json!({"mediaId": 21, "progress": -1}),
        json!({"mediaId": 21, "scoreRaw": 101}),
        json!({"mediaId": 21, "repeat": 1001}),
        json!({"mediaId": 21, "startedAt": {"year": 2026, "month": 13}}),
        json!({"mediaId": 21, "status": null}),
        json!({"progress": 3}),
    ] {
        let (status, body) = stage.refused(SAVE, variables.clone()).await;
        assert_eq!(status, 400, "{variables}");
        assert_eq!(body["errors"][0]["message"], "validation", "{variables}");
    }
    let (status, _) = stage
        .refused(SAVE, json!({"mediaId": 999_999, "progress": 1}))
        .await;
    assert_eq!(status, 404);
    let (status, _) = stage
        .refused(SAVE, json!({"mediaId": 21, "status": "WATCHING"}))
        .await;
    assert_eq!(status, 400);
    assert!(stage.anilist.list("alice").is_empty());
}

#[tokio::test]
async fn several_writes_in_one_document_can_fail_one_by_one() {
    let stage = Stage::new().await;
    let both = "mutation { a: SaveMediaListEntry(mediaId: 21, progress: 5, status: CURRENT) { id progress } \
        b: SaveMediaListEntry(mediaId: 999999, progress: 1) { id progress } }";
    let answer = stage.send(both, json!({})).await;
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        (&body["data"]["a"]["progress"], &body["data"]["b"]),
        (&json!(5), &Value::Null)
    );
    assert_eq!(
        (&body["errors"][0]["path"], &body["errors"][0]["status"]),
        (&json!(["b"]), &json!(404))
    );
}

#[tokio::test]
async fn an_entry_is_deleted_once_by_its_own_number_and_only_by_its_owner() {
    let stage = Stage::new().await;
    let saved = stage
        .data(SAVE, json!({"mediaId": 21, "progress": 1}))
        .await;
    let id = &saved["SaveMediaListEntry"]["id"];
    let delete = "mutation ($id: Int) { DeleteMediaListEntry(id: $id) { deleted } }";
    let bob = stage.anilist.issue_tokens("bob").access_token;
    let by_bob = stage.call(delete, json!({"id": id})).bearer_auth(bob);
    assert_eq!(by_bob.send().await.unwrap().status(), 404);
    let data = stage.data(delete, json!({"id": id})).await;
    assert_eq!(data["DeleteMediaListEntry"]["deleted"], true);
    let (status, _) = stage.refused(delete, json!({"id": id})).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn several_entries_change_to_the_same_values() {
    let stage = Stage::new().await;
    let mut ids = Vec::new();
    for media in [21, 16498] {
        let saved = stage
            .data(SAVE, json!({"mediaId": media, "progress": media % 10}))
            .await;
        ids.push(saved["SaveMediaListEntry"]["id"].clone());
    }
    let update = "mutation ($ids: [Int], $status: MediaListStatus) { UpdateMediaListEntries(ids: $ids, status: $status) { id status } }";
    stage
        .data(update, json!({"ids": ids, "status": "PAUSED"}))
        .await;
    let list = stage.anilist.list("alice");
    assert!(
        list.iter()
            .all(|entry| entry.status == Status::Paused && entry.progress > 0)
    );
}
