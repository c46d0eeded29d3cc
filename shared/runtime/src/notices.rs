//! Notices to an address that the user set: that a connection needs signing in again, for one.

use std::time::Duration;

use chrono::{DateTime, Utc};
use hub_domain::Service;
use serde::Serialize;
use url::Url;

/// How long a notice may take. Nobody waits for it longer, and it is not sent again.
pub const NOTICE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// The sign-in ends within days and cannot be renewed: the user should sign in again.
    ReconnectSoon,
    /// The user has to sign in again at the service; plays are kept until then.
    ReconnectRequired,
    /// The service refuses the application itself; the operator has to act.
    AppRefused,
    /// The service has paused the account.
    AccountPaused,
}

/// What is posted, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// What it is about.
    pub kind: NoticeKind,
    /// The service it is about.
    pub service: Service,
    /// For people; holds no token and no title.
    pub text: String,
    /// When it came about.
    pub at: DateTime<Utc>,
}

/// Posts a notice; says whether it was taken. A failure is logged here, and nothing else follows from it.
///
/// The address is a user's: check it with [`crate::addresses::check_user_url`] and use the users' client.
pub async fn post_notice(client: &reqwest::Client, url: &Url, notice: &Notice) -> bool {
    let post = client
        .post(url.clone())
        .timeout(NOTICE_TIMEOUT)
        .json(notice);
    // The host alone is logged: such an address often holds a key.
    let host = url.host_str().unwrap_or_default();
    match post.send().await {
        Ok(answer) if answer.status().is_success() => true,
        Ok(answer) => {
            let status = answer.status().as_u16();
            tracing::warn!(
                host,
                status,
                service.name = notice.service.name(),
                "a notice was refused"
            );
            false
        }
        Err(error) => {
            let error = error.without_url();
            tracing::warn!(host, %error, service.name = notice.service.name(), "a notice was not taken");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::http::{ClientKind, HttpClient, user_agent};

    fn client() -> reqwest::Client {
        let kind = ClientKind::Users {
            allow_private: true,
        };
        HttpClient::new(kind, user_agent(None)).unwrap().client()
    }

    fn notice() -> Notice {
        Notice {
            kind: NoticeKind::ReconnectRequired,
            service: Service::Trakt,
            text: "Trakt asks you to sign in again.".to_owned(),
            at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        }
    }

    async fn post_to_a_server_that_answers(status: &str) -> (bool, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (client, notice) = (client(), notice());
        let url = Url::parse(&url).unwrap();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut asked, mut bytes) = (String::new(), [0; 2048]);
            while !asked.ends_with('}') {
                let length = stream.read(&mut bytes).await.unwrap();
                asked.push_str(&String::from_utf8_lossy(&bytes[..length]));
            }
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            asked
        };
        tokio::join!(post_notice(&client, &url, &notice), serve)
    }

    #[tokio::test]
    async fn a_notice_is_posted_as_json() {
        let (was_taken, asked) = post_to_a_server_that_answers("204 No Content").await;
        assert!(was_taken);
        let (head, body) = asked.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("POST /hook HTTP/1.1") && head.contains("application/json"),
            "{head}"
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(body).unwrap(),
            serde_json::json!({
                "kind": "reconnect_required",
                "service": "trakt",
                "text": "Trakt asks you to sign in again.",
                "at": "2027-01-15T08:00:00Z",
            })
        );
    }

    #[tokio::test]
    async fn a_refused_notice_is_said_and_nothing_follows() {
        let (was_taken, _) = post_to_a_server_that_answers("500 Oh").await;
        assert!(!was_taken);
        let nobody = Url::parse("http://127.0.0.1:1/").unwrap();
        assert!(!post_notice(&client(), &nobody, &notice()).await);
    }
}
