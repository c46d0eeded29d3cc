//! `hub history`: what was played, and how far each delivery got.

use std::io::Write;

use serde_json::{Value, json};

use crate::access::Access;
use crate::cli::History;
use crate::failure::Failure;
use crate::output::{Output, time};
use crate::plays::{self, Play};
use crate::users;

pub(super) async fn show<W: Write>(
    asked: &History,
    access: &Access,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let user = users::find(access, asked.whom.user.as_deref()).await?;
    let plays = plays::newest(access, user.id, usize::from(asked.limit), asked.service).await?;
    if output.is_json() {
        let items: Vec<Value> = plays.into_iter().map(|(_, item)| item).collect();
        return Ok(output.json(&json!({ "items": items }))?);
    }
    if plays.is_empty() {
        return Ok(output
            .line("Nothing was played yet: `hub token webhook --help` says how plays come in.")?);
    }
    let rows: Vec<Vec<String>> = plays.iter().flat_map(|(play, _)| rows(play)).collect();
    Ok(output.table(&["played", "what", "where", "state", "why"], rows)?)
}

/// One row for each delivery; what belongs to the play stands on its first alone.
fn rows(play: &Play) -> Vec<Vec<String>> {
    let at = play.played_at().map_or_else(|| "unknown".to_owned(), time);
    let mut first = vec![at, play.label()];
    if play.deliveries.is_empty() {
        first.extend(["", "goes nowhere", ""].map(str::to_owned));
        return vec![first];
    }
    let mut rows = Vec::new();
    for delivery in &play.deliveries {
        let mut row = std::mem::replace(&mut first, vec![String::new(), String::new()]);
        let why = match (&delivery.detail, delivery.next_attempt_at) {
            (Some(detail), Some(next)) => format!("{detail}; next try {}", time(next)),
            (Some(detail), None) => detail.clone(),
            (None, Some(next)) => format!("next try {}", time(next)),
            (None, None) => String::new(),
        };
        row.extend([
            delivery.service.title().to_owned(),
            delivery.state.replace('_', " "),
            why,
        ]);
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_play_stands_on_its_first_row_and_each_delivery_on_its_own() {
        let play: Play = serde_json::from_value(json!({
            "id": "1", "item_type": "track", "artist": "Björk", "title": "Jóga",
            "started_at": "2026-11-19T17:00:00Z", "watched_at": "2026-11-19T17:04:20Z",
            "deliveries": [
                { "service": "lastfm", "state": "delivered" },
                { "service": "listenbrainz", "state": "waiting", "detail": "503", "next_attempt_at": "2026-11-19T17:05:00Z" },
            ],
        }))
        .unwrap();
        let rows = rows(&play);
        assert_eq!(
            rows[0],
            [
                "2026-11-19 17:00:00 UTC",
                "Björk – Jóga",
                "Last.fm",
                "delivered",
                ""
            ]
        );
        assert_eq!(
            rows[1],
            [
                "",
                "",
                "ListenBrainz",
                "waiting",
                "503; next try 2026-11-19 17:05:00 UTC"
            ]
        );
    }

    #[test]
    fn a_play_without_a_service_says_so() {
        let play =
            serde_json::from_value(json!({ "id": "1", "item_type": "movie", "title": "Heat" }))
                .unwrap();
        assert_eq!(rows(&play), [["unknown", "Heat", "", "goes nowhere", ""]]);
    }
}
