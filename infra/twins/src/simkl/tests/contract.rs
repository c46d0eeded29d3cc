//! The example requests of the official blueprint are taken, where it is at hand.

use super::*;
use crate::testing::reference;

/// The JSON bodies of the example requests of one endpoint.
fn examples(blueprint: &str, heading: &str) -> Vec<Value> {
    let section = blueprint.split(heading).nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    section
        .split("+ Request")
        .skip(1)
        .filter_map(|example| example.split("+ Response").next())
        .filter_map(|request| {
            let start = request.find('{')?;
            let end = request.rfind('}')?;
            serde_json::from_str(request.get(start..=end)?).ok()
        })
        .collect()
}

#[tokio::test]
async fn the_blueprint_s_example_requests_are_taken() {
    let Some(blueprint) = reference("contracts/simkl.apib") else {
        return;
    };
    let mut taken = 0;
    for (heading, path) in [
        ("## Start [/scrobble/start]", "/scrobble/start"),
        ("## Pause [/scrobble/pause]", "/scrobble/pause"),
        ("## Stop [/scrobble/stop]", "/scrobble/stop"),
        (
            "## Add Items to the history [/sync/history]",
            "/sync/history",
        ),
        (
            "## Remove Items from History and from Lists [/sync/history/remove]",
            "/sync/history/remove",
        ),
        ("## Add Ratings [/sync/ratings]", "/sync/ratings"),
        (
            "## Remove Ratings [/sync/ratings/remove]",
            "/sync/ratings/remove",
        ),
        (
            "## Add Item to the List [/sync/add-to-list]",
            "/sync/add-to-list",
        ),
    ] {
        for body in examples(&blueprint, heading) {
            let stage = Stage::new().await;
            let status = stage.post(path, &body).await.status().as_u16();
            // An anime or a Simkl number that is none of the samples is not found, which is no fault of the shape.
            assert!(matches!(status, 201 | 404), "{path}: {status} for {body}");
            taken += u32::from(status == 201);
        }
    }
    assert!(taken >= 10, "only {taken} examples were taken");
}
