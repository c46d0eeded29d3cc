//! The commands that talk to a hub: the one that runs on the data folder, or the folder itself where none does.

mod connect;
mod history;
mod token;
mod user;

use std::io::{BufRead, Write};

use crate::access::Access;
use crate::cli::{Arguments, Command};
use crate::failure::Failure;
use crate::folder::DataFolder;
use crate::output::Output;
use crate::variables::environment;
use crate::{demo, serve};

/// Does what the command line asks.
///
/// # Errors
///
/// One sentence about why it was not done.
pub async fn run<R: BufRead, W: Write>(
    arguments: &Arguments,
    input: &mut R,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    if let Command::Demo(asked) = &arguments.command {
        return demo::run(asked, output).await;
    }
    let folder = DataFolder::choose(arguments.common.data.as_deref(), &environment)?;
    if let Command::Serve(asked) = &arguments.command {
        return serve::run(&folder, asked.listen, output).await;
    }
    let access = Access::open(&folder).await?;
    let done = call(&arguments.command, &access, input, output).await;
    access.close().await;
    done
}

async fn call<R: BufRead, W: Write>(
    command: &Command,
    access: &Access,
    input: &mut R,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    match command {
        Command::Connect(asked) => connect::connect(asked, access, input, output).await,
        Command::Connections(whom) => connect::list(whom, access, output).await,
        Command::Disconnect(asked) => connect::disconnect(asked, access, output).await,
        Command::History(asked) => history::show(asked, access, output).await,
        Command::Token { command } => token::run(command, access, output).await,
        Command::User { command } => user::run(command, access, input, output).await,
        // These two have no hub to call: the caller runs them.
        Command::Serve(_) | Command::Demo(_) => Ok(()),
    }
}

/// Reads the answer to a question; nothing where the input has ended.
fn answer<R: BufRead>(input: &mut R) -> Result<Option<String>, Failure> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let line = line.trim();
    Ok((!line.is_empty()).then(|| line.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use chrono::DateTime;
    use clap::Parser as _;
    use hub_runtime::Clock;

    use super::*;
    use crate::local::Local;
    use crate::variables::Variables;

    /// A hub in memory before a simulated ListenBrainz.
    async fn hub() -> (Access, hub_twins::ListenBrainz) {
        let twin = hub_twins::ListenBrainz::start(Arc::new(DateTime::default))
            .await
            .unwrap();
        let variables = Variables::given([("LISTENBRAINZ_API_URL", twin.url())]);
        let listens_at = SocketAddr::from(([127, 0, 0, 1], 8080));
        let local = Local::open(None, variables, listens_at, Clock::system()).await;
        let local = local.map_err(|error| error.into_failure(None)).unwrap();
        (Access::inside(local).unwrap(), twin)
    }

    /// What a command writes, or the sentence it fails with.
    async fn told(access: &Access, line: &str, input: &str) -> Result<String, String> {
        let arguments = Arguments::try_parse_from(line.split_whitespace()).unwrap();
        let mut written = Vec::new();
        let mut output = Output::plain(&mut written, arguments.common.json);
        let done = call(
            &arguments.command,
            access,
            &mut input.as_bytes(),
            &mut output,
        )
        .await;
        done.map_err(|failure| failure.to_string())?;
        Ok(String::from_utf8(written).unwrap())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_person_needs_no_user_and_several_are_told_apart_by_name() {
        let (access, _twin) = hub().await;
        let text = told(&access, "hub token create --name mine", "")
            .await
            .unwrap();
        assert!(
            text.starts_with("A token for me, shown this once:\n  hub_"),
            "{text}"
        );
        told(&access, "hub user add anna", "").await.unwrap();
        assert!(
            told(&access, "hub user add anna", "")
                .await
                .unwrap_err()
                .contains("called anna already")
        );
        let users = told(&access, "hub user list", "").await.unwrap();
        assert_eq!(
            users
                .lines()
                .map(|line| line.split(' ').next().unwrap())
                .collect::<Vec<_>>(),
            ["NAME", "me", "anna"]
        );
        assert!(
            told(&access, "hub history --user bob", "")
                .await
                .unwrap_err()
                .starts_with("Nobody is called bob")
        );
        let kept = told(&access, "hub user remove anna", "no\n").await;
        assert_eq!(kept.unwrap_err(), "Nobody was erased.");
        told(&access, "hub user remove anna", "anna\n")
            .await
            .unwrap();
        let users = told(&access, "hub user list --json", "").await.unwrap();
        let users: serde_json::Value = serde_json::from_str(&users).unwrap();
        assert_eq!(users["items"].as_array().unwrap().len(), 1);
        access.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_webhooks_address_is_made_listed_and_revoked() {
        let (access, _twin) = hub().await;
        let text = told(&access, "hub token webhook plex --account anna", "")
            .await
            .unwrap();
        assert!(
            text.contains("\n  http://127.0.0.1:8080/api/v1/webhooks/plex/hubw_"),
            "{text}"
        );
        let list = told(&access, "hub token list", "").await.unwrap();
        let line = list.lines().nth(1).unwrap();
        assert!(
            line.contains("plex of anna") && !list.contains("hubw_"),
            "{list}"
        );
        let id = line.split(' ').next().unwrap();
        told(&access, &format!("hub token revoke {id}"), "")
            .await
            .unwrap();
        assert!(
            told(&access, "hub token list", "")
                .await
                .unwrap()
                .contains("has no tokens")
        );
        assert!(
            told(&access, &format!("hub token revoke {id}"), "")
                .await
                .is_err()
        );
        access.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn listenbrainz_is_connected_by_the_token_that_is_typed() {
        let (access, twin) = hub().await;
        let token = twin.issue_token("anna");
        let asked = told(&access, "hub connect listenbrainz", &format!("{token}\n"))
            .await
            .unwrap();
        assert!(
            asked.starts_with("Your token")
                && asked.contains("ListenBrainz is connected as anna for me."),
            "{asked}"
        );
        let connections = told(&access, "hub connections", "").await.unwrap();
        let line = connections
            .lines()
            .find(|line| line.starts_with("ListenBrainz"))
            .unwrap();
        assert!(
            line.contains("anna") && line.contains(" ok "),
            "{connections}"
        );
        assert!(
            connections.contains("off: TRAKT_CLIENT_ID is not set"),
            "{connections}"
        );
        let gone = told(&access, "hub disconnect listenbrainz", "")
            .await
            .unwrap();
        assert!(gone.starts_with("ListenBrainz is disconnected"), "{gone}");
        assert!(
            told(&access, "hub disconnect listenbrainz", "")
                .await
                .unwrap_err()
                .contains("not connected")
        );
        assert!(
            told(&access, "hub connect listenbrainz", "")
                .await
                .unwrap_err()
                .contains("No token was given")
        );
        assert!(
            told(&access, "hub connect trakt", "")
                .await
                .unwrap_err()
                .contains("TRAKT_CLIENT_ID")
        );
        access.close().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_history_that_is_empty_says_how_it_begins() {
        let (access, _twin) = hub().await;
        assert!(
            told(&access, "hub history", "")
                .await
                .unwrap()
                .starts_with("Nothing was played yet")
        );
        assert_eq!(
            told(&access, "hub history --json", "")
                .await
                .unwrap()
                .trim(),
            "{\n  \"items\": []\n}"
        );
        access.close().await;
    }
}
