//! How commands reach the hub: over HTTP where one runs, else through the same router inside this process.
//!
//! Either way it is the same API with the same answers; a command does not know which it is.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hub_domain::{Secret, UserId};
use hub_runtime::http::{ClientKind, user_agent};
use hub_runtime::{Clock, HttpClient};
use serde_json::Value;
use tower::ServiceExt as _;
use url::Url;

use crate::cli::DEFAULT_PORT;
use crate::failure::Failure;
use crate::folder::DataFolder;
use crate::local::{Local, StartError};
use crate::variables::Variables;

/// The largest answer that is read, in bytes.
const MOST_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// The hub, as a command sees it.
pub struct Access {
    road: Road,
    token: Secret,
}

enum Road {
    Running {
        client: HttpClient,
        url: Url,
    },
    Inside {
        router: Router,
        local: Option<Box<Local>>,
    },
}

/// What the hub answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body; `Null` where there is none.
    pub body: Value,
}

impl Answer {
    /// The body of a success.
    ///
    /// # Errors
    ///
    /// What the hub said is wrong, in its own sentence.
    pub fn ok(self) -> Result<Value, Failure> {
        if self.status.is_success() {
            Ok(self.body)
        } else {
            Err(self.failure())
        }
    }

    /// The hub's sentence about what is wrong.
    pub fn failure(&self) -> Failure {
        let sentence = ["detail", "title"]
            .iter()
            .find_map(|name| self.body.get(name)?.as_str());
        match sentence {
            Some(sentence) => Failure::new(sentence),
            None => Failure::new(format!("The hub answered {}.", self.status)),
        }
    }
}

impl Access {
    /// Finds the hub that runs on the folder, or opens the folder where none does.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or the hub that runs there is not ready yet.
    pub async fn open(folder: &DataFolder) -> Result<Self, Failure> {
        let variables = Variables::read(folder)?;
        // Nobody listens; addresses that are given out now are those of the hub that will.
        let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT));
        match Local::open(Some(folder), variables, usual, Clock::system()).await {
            Ok(local) => Self::inside(local),
            Err(StartError::FolderInUse) => {
                let not_ready =
                    || Failure::new("The hub is just starting or ending: try again in a moment.");
                let running = folder.running().ok_or_else(not_ready)?;
                Self::running(running.url, running.server_token)
            }
            Err(error) => Err(error.into_failure(Some(folder))),
        }
    }

    /// Calls a hub that runs.
    ///
    /// # Errors
    ///
    /// No HTTP client can be made.
    pub fn running(url: Url, token: Secret) -> Result<Self, Failure> {
        let client = HttpClient::new(ClientKind::Services, user_agent(None))
            .map_err(|error| Failure::because("The hub cannot be called", &error))?;
        Ok(Self {
            road: Road::Running { client, url },
            token,
        })
    }

    /// Calls the router of a hub in this process, and ends it with [`Self::close`].
    ///
    /// # Errors
    ///
    /// The hub has no server token.
    pub fn inside(local: Local) -> Result<Self, Failure> {
        let token = local.settings.server_token.clone();
        let token = token.ok_or_else(|| Failure::new("The hub has no server token."))?;
        Ok(Self {
            road: Road::Inside {
                router: local.router(),
                local: Some(Box::new(local)),
            },
            token,
        })
    }

    /// Calls a router that somebody else keeps alive.
    pub fn through(router: Router, token: Secret) -> Self {
        Self {
            road: Road::Inside {
                router,
                local: None,
            },
            token,
        }
    }

    /// Says whether the hub runs by itself, so that what is changed takes effect at once.
    pub fn is_running(&self) -> bool {
        matches!(&self.road, Road::Running { .. })
    }

    /// Ends a hub that was opened for this command alone.
    pub async fn close(self) {
        if let Road::Inside {
            local: Some(local),
            router,
        } = self.road
        {
            drop(router);
            local.close().await;
        }
    }

    /// Reads.
    ///
    /// # Errors
    ///
    /// The hub's own sentence, or that it does not answer.
    pub async fn get(&self, user: Option<UserId>, path: &str) -> Result<Value, Failure> {
        self.ask(Method::GET, user, path, None).await?.ok()
    }

    /// Sends JSON.
    ///
    /// # Errors
    ///
    /// The hub's own sentence, or that it does not answer.
    pub async fn post(
        &self,
        user: Option<UserId>,
        path: &str,
        body: &Value,
    ) -> Result<Value, Failure> {
        self.ask(Method::POST, user, path, Some(body)).await?.ok()
    }

    /// Deletes.
    ///
    /// # Errors
    ///
    /// The hub's own sentence, or that it does not answer.
    pub async fn delete(&self, user: Option<UserId>, path: &str) -> Result<Value, Failure> {
        self.ask(Method::DELETE, user, path, None).await?.ok()
    }

    /// Carries out one call, whatever it is answered.
    ///
    /// # Errors
    ///
    /// The hub does not answer, or not as it should.
    pub async fn ask(
        &self,
        method: Method,
        user: Option<UserId>,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let mut request = http::Request::builder()
            .method(method)
            .header(AUTHORIZATION, format!("Bearer {}", self.token.reveal()));
        if let Some(user) = user {
            request = request.header("x-user-id", user.to_string());
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let not_answered =
            |error: &dyn std::error::Error| Failure::because("The hub does not answer", error);
        let (status, bytes) = match &self.road {
            Road::Running { client, url } => {
                let url = format!("{}{path}", url.as_str().trim_end_matches('/'));
                let request = request
                    .uri(url)
                    .body(body)
                    .map_err(|error| not_answered(&error))?;
                let request =
                    reqwest::Request::try_from(request).map_err(|error| not_answered(&error))?;
                let answer = client.client().execute(request).await;
                let answer = answer.map_err(|error| not_answered(&error.without_url()))?;
                let (status, body) = (answer.status(), reqwest::Body::from(answer));
                (status, whole(body).await?)
            }
            Road::Inside { router, .. } => {
                let request = request
                    .uri(path)
                    .body(Body::from(body))
                    .map_err(|error| not_answered(&error))?;
                let answer = router.clone().oneshot(request).await;
                let answer = answer.unwrap_or_else(|never| match never {});
                (answer.status(), whole(answer.into_body()).await?)
            }
        };
        let body = if bytes.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_slice(&bytes)
        };
        // A page of a proxy in between is no answer of ours; its status is all there is to tell.
        Ok(Answer {
            status,
            body: body.unwrap_or(Value::Null),
        })
    }
}

async fn whole<B>(body: B) -> Result<bytes::Bytes, Failure>
where
    B: axum::body::HttpBody<Data = bytes::Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let collected = Limited::new(body, MOST_ANSWER_BYTES).collect().await;
    let collected =
        collected.map_err(|error| Failure::because("The hub's answer broke off", &*error))?;
    Ok(collected.to_bytes())
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use serde_json::json;

    use super::*;

    fn access(router: Router) -> Access {
        Access::through(router, Secret::new("correct-horse"))
    }

    #[tokio::test]
    async fn a_call_carries_the_token_and_the_user() {
        let echo = |headers: http::HeaderMap| async move {
            let text = |name: &str| {
                headers
                    .get(name)
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_owned)
            };
            axum::Json(json!({ "token": text("authorization"), "user": text("x-user-id") }))
        };
        let access = access(Router::new().route("/who", get(echo)));
        let user = UserId(uuid::Uuid::from_u128(7));
        let told = access.get(Some(user), "/who").await.unwrap();
        assert_eq!(
            told,
            json!({ "token": "Bearer correct-horse", "user": user.to_string() })
        );
        assert_eq!(access.get(None, "/who").await.unwrap()["user"], Value::Null);
    }

    #[tokio::test]
    async fn a_problem_is_told_in_the_hubs_own_sentence() {
        let problem = || async {
            (
                StatusCode::CONFLICT,
                r#"{"title":"Conflict","status":409,"detail":"It is there already."}"#,
            )
        };
        let bare = || async { (StatusCode::BAD_GATEWAY, "<html>") };
        let access = access(
            Router::new()
                .route("/problem", get(problem))
                .route("/bare", get(bare)),
        );
        assert_eq!(
            access.get(None, "/problem").await,
            Err(Failure::new("It is there already."))
        );
        assert_eq!(
            access.get(None, "/bare").await,
            Err(Failure::new("The hub answered 502 Bad Gateway."))
        );
    }

    #[tokio::test]
    async fn a_hub_that_is_gone_is_a_sentence() {
        let url = Url::parse("http://127.0.0.1:1").unwrap();
        let access = Access::running(url, Secret::new("correct-horse")).unwrap();
        let sentence = access.get(None, "/health").await.unwrap_err().to_string();
        assert!(
            sentence.starts_with("The hub does not answer: ") && sentence.ends_with('.'),
            "{sentence}"
        );
        assert!(!sentence.contains("correct-horse"));
    }
}
