//! TMDB: says which show an episode is of, and what a show is called elsewhere.
//!
//! - Reference: <https://developer.themoviedb.org/reference/find-by-id>
//! - Authorization: one read access token of the operator's, without an end date.
//! - Limits: about 40 requests in ten seconds and address, see [`LIMIT_CALLS`]; a 429 names the wait.
//! - Repeats: harmless, nothing is written.

mod disposition;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use hub_domain::media::{ExternalId, Namespace};
use hub_domain::{Disposition, Scope, Secret};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::episode_ids::{Asked, EpisodeOf, LookupError, MOST_ANSWERS, ids_of};
use crate::http;

/// How many requests it takes …
pub const LIMIT_CALLS: i32 = 40;
/// … in so long.
pub const LIMIT_PER: TimeDelta = TimeDelta::seconds(10);
/// Far longer than an answer takes: a person's play waits for it, and others behind that.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

const FIND: &str = "say which show an episode is of";
const NAME: &str = "say what a show is called elsewhere";

/// The client.
#[derive(Debug, Clone)]
pub struct Tmdb {
    api_url: Url,
    token: Secret,
    http: reqwest::Client,
}

#[derive(Deserialize)]
struct Find {
    #[serde(default)]
    tv_episode_results: Vec<Episode>,
}

#[derive(Deserialize)]
struct Episode {
    id: u64,
    show_id: u64,
    season_number: u32,
    episode_number: u32,
    /// Empty where nobody knows.
    #[serde(default)]
    air_date: Option<String>,
}

#[derive(Deserialize)]
struct External {
    imdb_id: Option<String>,
    tvdb_id: Option<u64>,
}

impl Tmdb {
    /// A client that calls with the caller's HTTP client; `api_url` is such as `https://api.themoviedb.org`.
    pub fn new(api_url: Url, token: Secret, http: reqwest::Client) -> Self {
        Self {
            api_url,
            token,
            http,
        }
    }

    /// Within what its limit counts.
    pub fn host(&self) -> String {
        http::host_of(&self.api_url)
    }

    /// Asks for an episode by one of its ids elsewhere; nothing where TMDB does not know it, or it has no such ids.
    ///
    /// # Errors
    ///
    /// Says what to do next; nothing is retried here.
    pub async fn find(
        &self,
        id: &ExternalId,
        now: DateTime<Utc>,
    ) -> Result<Vec<EpisodeOf>, LookupError> {
        if !Asked::Tmdb.knows(id.namespace) || id.scope != Scope::Item {
            return Ok(Vec::new());
        }
        let source = if id.namespace == Namespace::Imdb {
            "imdb_id"
        } else {
            "tvdb_id"
        };
        let path = format!("3/find/{}?external_source={source}", id.value());
        let found: Option<Find> = self.ask(FIND, &path, now).await?;
        let found = found.map_or_else(Vec::new, |found| found.tv_episode_results);
        let found = found.into_iter().map(|episode| episode_of(&episode, id));
        Ok(found.take(MOST_ANSWERS).collect())
    }

    /// What else a show is known by, by its number at TMDB.
    ///
    /// # Errors
    ///
    /// Says what to do next; nothing is retried here.
    pub async fn external_ids(
        &self,
        show: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<ExternalId>, LookupError> {
        let path = format!("3/tv/{show}/external_ids");
        let ids: Option<External> = self.ask(NAME, &path, now).await?;
        Ok(ids.map_or_else(Vec::new, |ids| {
            let told = [
                (Namespace::Tvdb, ids.tvdb_id.map(|id| id.to_string())),
                (Namespace::Imdb, ids.imdb_id),
            ];
            ids_of(Scope::Show, told)
        }))
    }

    /// One question, and its answer; nothing where TMDB has no such thing.
    async fn ask<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<T>, LookupError> {
        let request = self
            .http
            .get(http::under(&self.api_url, path))
            .bearer_auth(self.token.reveal());
        let answer = http::call_within(request, PATIENCE).await.map_err(|lost| {
            LookupError::new(Asked::Tmdb, operation, lost.disposition, lost.why)
                .caused_by(lost.source)
        })?;
        if answer.status.is_success() {
            return answer.json().map(Some).map_err(|cause| {
                let (next, why) = (Disposition::Retryable, "the answer could not be read");
                LookupError::new(Asked::Tmdb, operation, next, why).caused_by(Box::new(cause))
            });
        }
        let next = disposition::disposition(answer.status, &answer.headers, &answer.body, now);
        if next == Disposition::NotFound {
            return Ok(None);
        }
        let why = disposition::words(answer.status, &answer.headers, &answer.body);
        Err(LookupError::new(Asked::Tmdb, operation, next, why))
    }
}

fn episode_of(episode: &Episode, asked_for: &ExternalId) -> EpisodeOf {
    let own = Some(episode.id.to_string());
    let show = Some(episode.show_id.to_string());
    let (season, number) = (episode.season_number, episode.episode_number);
    let numbered = |id: ExternalId| id.numbered(season, number);
    let mut ids = ids_of(Scope::Item, [(Namespace::Tmdb, own)]);
    ids.push(asked_for.clone());
    EpisodeOf {
        show_ids: ids_of(Scope::Show, [(Namespace::Tmdb, show)])
            .into_iter()
            .map(numbered)
            .collect(),
        season,
        episode: number,
        ids,
        show_title: None,
        aired_on: episode
            .air_date
            .as_deref()
            .and_then(|day| day.parse::<NaiveDate>().ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Server, at, client, give, id};

    fn asking(server: &Server) -> Tmdb {
        Tmdb::new(server.url.clone(), Secret::new("read-token"), client())
    }

    #[tokio::test]
    async fn an_episode_is_found_by_its_id_at_thetvdb_with_tmdbs_own_number() {
        let found = include_str!("fixtures/find-tvdb-episode.json");
        let names = include_str!("fixtures/tv-external-ids.json");
        let server = Server::answering([give(200, found), give(200, names)]).await;
        let own = id(Namespace::Tvdb, Scope::Item, "349232");
        let answers = asking(&server).find(&own, at(0)).await.unwrap();
        let [of] = answers.as_slice() else {
            panic!("one episode: {answers:?}");
        };
        assert_eq!(
            (of.season, of.episode, of.tmdb_show()),
            (1, 1, Some("1396"))
        );
        assert_eq!(
            of.show_ids[0].numbering.map(|n| (n.season, n.episode)),
            Some((1, 1))
        );
        assert_eq!(
            of.aired_on.map(|day| day.to_string()).as_deref(),
            Some("2008-01-20")
        );
        let ids = asking(&server).external_ids("1396", at(0)).await.unwrap();
        assert_eq!(
            ids,
            [
                id(Namespace::Tvdb, Scope::Show, "81189"),
                id(Namespace::Imdb, Scope::Show, "tt0903747"),
            ]
        );
        let got = server.got();
        assert_eq!(got[0].line, "GET /3/find/349232?external_source=tvdb_id");
        assert_eq!(got[1].line, "GET /3/tv/1396/external_ids");
        assert_eq!(got[1].header("authorization"), "Bearer read-token");
    }

    #[tokio::test]
    async fn an_unknown_episode_and_a_film_of_that_id_are_no_episode() {
        let film = r#"{"movie_results":[{"id":603}],"tv_episode_results":[]}"#;
        let gone = include_str!("fixtures/not-found.json");
        let server = Server::answering([give(200, film), give(404, gone)]).await;
        let own = id(Namespace::Imdb, Scope::Item, "tt0133093");
        assert_eq!(asking(&server).find(&own, at(0)).await.unwrap(), []);
        assert_eq!(asking(&server).external_ids("9", at(0)).await.unwrap(), []);
        for (namespace, scope) in [
            (Namespace::Tmdb, Scope::Item),
            (Namespace::Tvdb, Scope::Show),
        ] {
            let other = id(namespace, scope, "85987");
            assert_eq!(asking(&server).find(&other, at(0)).await.unwrap(), []);
        }
        assert_eq!(server.got().len(), 2);
    }

    #[tokio::test]
    async fn a_refusal_says_what_to_do_next_and_shows_no_token() {
        let refused = include_str!("fixtures/invalid-key.json");
        let server = Server::answering([give(401, refused), give(200, "<html>")]).await;
        let own = id(Namespace::Tvdb, Scope::Item, "1");
        for expected in [Disposition::AppRefused, Disposition::Retryable] {
            let error = asking(&server).find(&own, at(0)).await.unwrap_err();
            assert_eq!(error.disposition, expected);
            assert!(!format!("{error:?} {error}").contains("read-token"));
        }
        let nobody = Server::nobody().await;
        let tmdb = Tmdb::new(nobody, Secret::new("read-token"), client());
        let error = tmdb.find(&own, at(0)).await.unwrap_err();
        assert_eq!(error.disposition, Disposition::Retryable);
    }
}
