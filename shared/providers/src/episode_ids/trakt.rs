//! Trakt, asked which show an episode is of, with the access of one of its users.
//!
//! - Reference: <https://docs.trakt.tv> (search, "Get ID lookup results")
//! - Authorization: the application's id and the user's access token, as for everything else there.
//! - Limits: 500 questions in five minutes and account.

use chrono::{DateTime, Utc};
use hub_domain::media::{ExternalId, Namespace};
use hub_domain::{Scope, Secret};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde::Deserialize;

use super::{Asked, EpisodeOf, LookupError, MOST_ANSWERS, ids_of};
use crate::http;
use crate::oauth::OAuthApp;
use crate::trakt;

const FIND: &str = "say which show an episode is of";
/// Far longer than an answer takes: a person's play waits for it, and others behind that.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// The client.
#[derive(Debug, Clone)]
pub struct TraktEpisodes {
    app: OAuthApp,
    http: reqwest::Client,
}

#[derive(Deserialize)]
struct Found {
    episode: Option<Episode>,
    show: Option<Show>,
}

#[derive(Deserialize)]
struct Episode {
    season: u32,
    number: u32,
    #[serde(default)]
    ids: Ids,
    first_aired: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Show {
    title: Option<String>,
    #[serde(default)]
    ids: Ids,
}

#[derive(Default, Deserialize)]
struct Ids {
    trakt: Option<u64>,
    tvdb: Option<u64>,
    imdb: Option<String>,
    tmdb: Option<u64>,
}

impl Ids {
    fn read(self, scope: Scope) -> Vec<ExternalId> {
        let number = |id: Option<u64>| id.map(|id| id.to_string());
        let told = [
            (Namespace::Tmdb, number(self.tmdb)),
            (Namespace::Tvdb, number(self.tvdb)),
            (Namespace::Imdb, self.imdb),
            (Namespace::Trakt, number(self.trakt)),
        ];
        ids_of(scope, told)
    }
}

impl TraktEpisodes {
    /// A client that calls with the caller's HTTP client.
    pub fn new(app: OAuthApp, http: reqwest::Client) -> Self {
        Self { app, http }
    }

    /// Asks for an episode by one of its own ids; nothing where Trakt does not know it, or it has no such ids.
    ///
    /// # Errors
    ///
    /// Says what to do next; nothing is retried here.
    pub async fn find(
        &self,
        access: &Secret,
        id: &ExternalId,
        now: DateTime<Utc>,
    ) -> Result<Vec<EpisodeOf>, LookupError> {
        if !Asked::Trakt.knows(id.namespace) || id.scope != Scope::Item {
            return Ok(Vec::new());
        }
        // Numbers mean other things as shows and films; the date is told with `full` alone.
        let path = format!(
            "search/{}/{}?type=episode&extended=full",
            id.namespace,
            id.value()
        );
        let request = self
            .http
            .get(http::under(&self.app.api_url, &path))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .header("trakt-api-version", "2")
            .header("trakt-api-key", &self.app.client_id)
            .bearer_auth(access.reveal());
        let answer = http::call_within(request, PATIENCE).await.map_err(|lost| {
            LookupError::new(Asked::Trakt, FIND, lost.disposition, lost.why).caused_by(lost.source)
        })?;
        if answer.status == reqwest::StatusCode::NOT_FOUND && !answer.is_page() {
            return Ok(Vec::new());
        }
        if !answer.status.is_success() {
            let (next, why) = trakt::refusal(answer.status, &answer.headers, &answer.body, now);
            return Err(LookupError::new(Asked::Trakt, FIND, next, why));
        }
        let found: Vec<Found> = answer.json().map_err(|cause| {
            let why = "the answer could not be read";
            LookupError::new(Asked::Trakt, FIND, hub_domain::Disposition::Retryable, why)
                .caused_by(Box::new(cause))
        })?;
        let found = found.into_iter().filter_map(episode_of);
        Ok(found.take(MOST_ANSWERS).collect())
    }
}

fn episode_of(found: Found) -> Option<EpisodeOf> {
    let (episode, show) = (found.episode?, found.show?);
    let numbered = |id: ExternalId| {
        if id.namespace == Namespace::Tmdb {
            id.numbered(episode.season, episode.number)
        } else {
            id
        }
    };
    let show_ids: Vec<_> = show
        .ids
        .read(Scope::Show)
        .into_iter()
        .map(numbered)
        .collect();
    Some(EpisodeOf {
        show_ids,
        season: episode.season,
        episode: episode.number,
        ids: episode.ids.read(Scope::Item),
        show_title: show.title.filter(|title| !title.is_empty()),
        aired_on: episode.first_aired.map(|at| at.date_naive()),
    })
}

#[cfg(test)]
mod tests {
    use hub_domain::Disposition;

    use super::*;
    use crate::testing::{Server, at, client, give, id};

    fn asking(server: &Server) -> TraktEpisodes {
        let app = OAuthApp {
            client_id: "client".to_owned(),
            client_secret: None,
            api_url: server.url.clone(),
            auth_url: server.url.clone(),
        };
        TraktEpisodes::new(app, client())
    }

    async fn ask(server: &Server, id: &ExternalId) -> Result<Vec<EpisodeOf>, LookupError> {
        asking(server).find(&Secret::new("access"), id, at(0)).await
    }

    #[tokio::test]
    async fn an_episode_is_found_by_its_own_id_with_the_ids_and_number_of_its_show() {
        let found = include_str!("fixtures/search-tvdb-episode.json");
        let server = Server::answering([give(200, found), give(200, "[]")]).await;
        let own = id(Namespace::Tvdb, Scope::Item, "349232");
        let answers = ask(&server, &own).await.unwrap();
        let [of] = answers.as_slice() else {
            panic!("one episode: {answers:?}");
        };
        assert_eq!((of.season, of.episode), (1, 1));
        let ids: Vec<_> = of
            .show_ids
            .iter()
            .map(|id| (id.namespace, id.value(), id.numbering.is_some()))
            .collect();
        assert_eq!(
            ids,
            [
                (Namespace::Tmdb, "1396", true),
                (Namespace::Tvdb, "81189", false),
                (Namespace::Imdb, "tt0903747", false),
                (Namespace::Trakt, "1", false),
            ]
        );
        assert!(of.ids.contains(&own));
        assert_eq!(of.show_title.as_deref(), Some("Breaking Bad"));
        assert_eq!(
            of.aired_on.map(|day| day.to_string()).as_deref(),
            Some("2008-01-21")
        );
        assert_eq!(ask(&server, &own).await.unwrap(), []);
        let got = &server.got()[0];
        assert_eq!(
            got.line,
            "GET /search/tvdb/349232?type=episode&extended=full"
        );
        assert_eq!(got.header("trakt-api-key"), "client");
        assert_eq!(got.header("authorization"), "Bearer access");
    }

    #[tokio::test]
    async fn ids_that_trakt_has_not_and_ids_of_shows_are_not_asked_for() {
        let server = Server::answering([]).await;
        for (namespace, scope) in [
            (Namespace::Anidb, Scope::Item),
            (Namespace::Tvdb, Scope::Show),
        ] {
            assert_eq!(ask(&server, &id(namespace, scope, "7")).await.unwrap(), []);
        }
        assert!(server.got().is_empty());
    }

    #[tokio::test]
    async fn a_refusal_says_what_to_do_next_and_a_lost_answer_is_asked_for_again() {
        let limited = give(429, "").with("retry-after", "2852");
        let server = Server::answering([
            give(404, ""),
            limited,
            give(401, ""),
            give(504, ""),
            give(200, "{"),
        ])
        .await;
        let own = id(Namespace::Imdb, Scope::Item, "tt0583459");
        assert_eq!(ask(&server, &own).await.unwrap(), []);
        for expected in [
            Disposition::RateLimited { until: at(2852) },
            Disposition::Auth,
            Disposition::Retryable,
            Disposition::Retryable,
        ] {
            let error = ask(&server, &own).await.unwrap_err();
            assert_eq!(error.disposition, expected);
            assert!(!format!("{error:?}").contains("access\""));
        }
    }
}
