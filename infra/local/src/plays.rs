//! Plays as the API's history tells them, read leniently: a newer hub may say more.

use chrono::{DateTime, Utc};
use hub_domain::{Service, UserId};
use serde::Deserialize;
use serde_json::Value;

use crate::access::Access;
use crate::failure::Failure;

/// The most plays that one page of the history holds.
const MOST_A_PAGE: usize = 100;

/// One play and its way to each service.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Play {
    /// Its name for all time.
    pub id: String,
    /// Movie, episode, track …
    pub item_type: String,
    /// The item's title.
    #[serde(default)]
    title: Option<String>,
    /// The show of an episode.
    #[serde(default)]
    show: Option<Show>,
    #[serde(default)]
    season: Option<u32>,
    #[serde(default)]
    episode: Option<u32>,
    #[serde(default)]
    artist: Option<String>,
    /// When it began, as far as anybody knows.
    #[serde(default)]
    pub started_at: Option<DateTime<Utc>>,
    /// When it counted.
    #[serde(default)]
    pub watched_at: Option<DateTime<Utc>>,
    /// One for each service it goes to.
    #[serde(default)]
    pub deliveries: Vec<Delivery>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Show {
    #[serde(default)]
    title: Option<String>,
}

/// How far a play got at one service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Delivery {
    /// Where it goes.
    pub service: Service,
    /// Where it stands, in the API's words.
    pub state: String,
    /// Why, in the service's own words.
    #[serde(default)]
    pub detail: Option<String>,
    /// When it is tried next.
    #[serde(default)]
    pub next_attempt_at: Option<DateTime<Utc>>,
}

impl Play {
    /// What people call it: `Heat`, `Firefly 1x01 Serenity`, `Björk – Jóga`.
    pub fn label(&self) -> String {
        let show = self.show.as_ref().and_then(|show| show.title.clone());
        let number = self
            .season
            .zip(self.episode)
            .map(|(season, episode)| format!("{season}x{episode:02}"));
        let title = self.title.clone();
        let words: Vec<String> = match &self.artist {
            Some(artist) if self.item_type == "track" => {
                let dash = title.is_some().then(|| "–".to_owned());
                [Some(artist.clone()), dash, title]
                    .into_iter()
                    .flatten()
                    .collect()
            }
            Some(_) | None => [show, number, title].into_iter().flatten().collect(),
        };
        if words.is_empty() {
            format!("an unnamed {}", self.item_type.replace('_', " "))
        } else {
            words.join(" ")
        }
    }

    /// When people say it was played: music by its beginning, everything else by when it counted.
    pub fn played_at(&self) -> Option<DateTime<Utc>> {
        if self.item_type == "track" {
            self.started_at.or(self.watched_at)
        } else {
            self.watched_at.or(self.started_at)
        }
    }
}

/// Reads a user's newest plays, at most `limit`, page by page.
///
/// # Errors
///
/// The hub's own sentence, or that its answer is not understood.
pub async fn newest(
    access: &Access,
    user: UserId,
    limit: usize,
    service: Option<Service>,
) -> Result<Vec<(Play, Value)>, Failure> {
    let mut plays = Vec::new();
    let mut cursor: Option<String> = None;
    while plays.len() < limit {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &(limit - plays.len()).min(MOST_A_PAGE).to_string());
        if let Some(service) = service {
            query.append_pair("service", service.name());
        }
        if let Some(cursor) = &cursor {
            query.append_pair("cursor", cursor);
        }
        let path = format!("/api/v1/scrobble/history?{}", query.finish());
        let page = access.get(Some(user), &path).await?;
        let items = page["items"].as_array().cloned().unwrap_or_default();
        for item in items {
            let play = serde_json::from_value(item.clone())
                .map_err(|error| Failure::because("The hub's history is not understood", &error))?;
            plays.push((play, item));
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    plays.truncate(limit);
    Ok(plays)
}

#[cfg(test)]
mod tests {
    use axum::extract::RawQuery;
    use axum::routing::get;
    use axum::{Json, Router};
    use hub_domain::Secret;
    use serde_json::json;

    use super::*;

    fn play(value: Value) -> Play {
        let mut whole = json!({ "id": "1" });
        whole
            .as_object_mut()
            .unwrap()
            .extend(value.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn a_play_is_called_what_people_call_it() {
        for (value, label) in [
            (
                json!({ "item_type": "movie", "title": "Heat", "year": 1995 }),
                "Heat",
            ),
            (
                json!({ "item_type": "episode", "show": { "title": "Firefly" }, "season": 1, "episode": 1, "title": "Serenity" }),
                "Firefly 1x01 Serenity",
            ),
            (
                json!({ "item_type": "episode", "show": { "title": "Dark" }, "season": 1, "episode": 1 }),
                "Dark 1x01",
            ),
            (
                json!({ "item_type": "track", "artist": "Björk", "title": "Jóga" }),
                "Björk – Jóga",
            ),
            (
                json!({ "item_type": "podcast_episode" }),
                "an unnamed podcast episode",
            ),
        ] {
            assert_eq!(play(value).label(), label);
        }
    }

    #[test]
    fn music_is_told_by_its_beginning_and_everything_else_by_when_it_counted() {
        let times = json!({ "item_type": "track", "started_at": "2026-11-14T18:00:00Z", "watched_at": "2026-11-14T18:04:00Z" });
        let mut one = play(times);
        assert_eq!(one.played_at(), one.started_at);
        one.item_type = "movie".to_owned();
        assert_eq!(one.played_at(), one.watched_at);
    }

    #[tokio::test]
    async fn the_history_is_read_page_by_page_until_there_is_enough() {
        let pages = |RawQuery(query): RawQuery| async move {
            let item = |id: &str| json!({ "id": id, "item_type": "movie", "deliveries": [] });
            let query = query.unwrap_or_default();
            if query.contains("cursor=next") {
                Json(json!({ "items": [item("3"), item("4")], "next_cursor": "more" }))
            } else {
                Json(json!({ "items": [item("1"), item("2")], "next_cursor": "next" }))
            }
        };
        let router = Router::new().route("/api/v1/scrobble/history", get(pages));
        let access = Access::through(router, Secret::new("x"));
        let user = UserId(uuid::Uuid::from_u128(1));
        let plays = newest(&access, user, 3, None).await.unwrap();
        let ids: Vec<&str> = plays.iter().map(|(play, _)| play.id.as_str()).collect();
        assert_eq!(ids, ["1", "2", "3"]);
    }
}
