//! Runs the simulated services as a process of their own, for callers that cannot link them: the rehearsal of a deployment.
//!
//! The first line on its output is JSON and says where each service listens, and which application it knows. From then on
//! a line on its input is a command, answered by one line; when the input ends, so does the process, which is therefore
//! never left behind.
//!
//! ```text
//! account mira            an account of that name at each service
//! token mira              its token at ListenBrainz
//! down listenbrainz       every request is answered 503 from here on
//! up listenbrainz         and no longer
//! ```
//!
//! What a service keeps is shown at its address under `/twin/state`.

use std::io::{self, Write as _};
use std::sync::Arc;

use chrono::Utc;
use hub_twins::{Faults, Twins, lastfm, trakt};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a process of its own, whose callers cannot turn a clock"
    )]
    let twins = Twins::start(Arc::new(Utc::now)).await?;
    let services = json!({
        "trakt": {
            "url": twins.trakt.url(), "api": twins.trakt.url(), "auth": twins.trakt.auth_url(),
            "client_id": trakt::CLIENT_ID,
        },
        "lastfm": {
            "url": twins.lastfm.url(), "api": twins.lastfm.api_url(), "auth": twins.lastfm.auth_url(),
            "api_key": lastfm::API_KEY, "api_secret": lastfm::API_SECRET,
        },
        "listenbrainz": { "url": twins.listenbrainz.url(), "api": twins.listenbrainz.url() },
    });
    say(&services.to_string())?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        say(&obey(&twins, &line))?;
    }
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}

/// Carries out one command, and answers with what it made or `ok`; with `what?` where it is none.
fn obey(twins: &Twins, line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["account", user] => {
            twins.trakt.add_user(user);
            twins.lastfm.add_user(user);
            twins.listenbrainz.add_user(user);
            "ok".to_owned()
        }
        ["token", user] => twins.listenbrainz.issue_token(user),
        [word @ ("down" | "up"), service] => match faults_of(twins, service) {
            Some(faults) => {
                faults.down(*word == "down");
                "ok".to_owned()
            }
            None => "what?".to_owned(),
        },
        _ => "what?".to_owned(),
    }
}

fn faults_of<'a>(twins: &'a Twins, service: &str) -> Option<&'a Faults> {
    match service {
        "trakt" => Some(twins.trakt.faults()),
        "lastfm" => Some(twins.lastfm.faults()),
        "listenbrainz" => Some(twins.listenbrainz.faults()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[tokio::test]
    async fn a_command_is_carried_out_and_anything_else_is_asked_back() {
        let twins = Twins::start(Arc::new(|| DateTime::UNIX_EPOCH))
            .await
            .unwrap();
        assert_eq!(obey(&twins, "account mira"), "ok");
        assert_eq!(
            obey(&twins, "token mira"),
            twins.listenbrainz.issue_token("mira")
        );
        let url = format!("{}/1/validate-token", twins.listenbrainz.url());
        for (command, status) in [("down listenbrainz", 503), ("up listenbrainz", 200)] {
            assert_eq!(obey(&twins, command), "ok");
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let request = client.get(&url).header("authorization", "Token unknown");
            assert_eq!(request.send().await.unwrap().status(), status, "{command}");
        }
        for unknown in ["", "down", "down simkl", "tokens mira"] {
            assert_eq!(obey(&twins, unknown), "what?", "{unknown}");
        }
    }
}
