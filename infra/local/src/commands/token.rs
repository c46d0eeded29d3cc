//! `hub token`: tokens for the API, and the addresses that media servers post to.

use std::io::Write;

use hub_domain::Source;
use serde_json::{Value, json};

use crate::access::Access;
use crate::cli::{Scope, TokenCommand, Whom};
use crate::failure::Failure;
use crate::output::{Output, cell, time_cell};
use crate::users;

const TOKENS: &str = "/api/v1/user/tokens";

pub(super) async fn run<W: Write>(
    command: &TokenCommand,
    access: &Access,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    match command {
        TokenCommand::Create { scope, name, whom } => {
            create(*scope, name, whom, access, output).await
        }
        TokenCommand::Webhook {
            source,
            account,
            name,
            whom,
        } => {
            let account = account.as_deref();
            let own_name = || match account {
                Some(account) => format!("{source} of {account}"),
                None => source.to_string(),
            };
            let name = name.clone().unwrap_or_else(own_name);
            webhook(*source, account, &name, whom, access, output).await
        }
        TokenCommand::List(whom) => list(whom, access, output).await,
        TokenCommand::Revoke { id, whom } => revoke(id, whom, access, output).await,
    }
}

async fn create<W: Write>(
    scope: Scope,
    name: &str,
    whom: &Whom,
    access: &Access,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let user = users::find(access, whom.user.as_deref()).await?;
    let made = access
        .post(
            Some(user.id),
            TOKENS,
            &json!({ "name": name, "scope": scope.name() }),
        )
        .await?;
    if output.is_json() {
        return Ok(output.json(&made)?);
    }
    output.line(format!("A token for {}, shown this once:", user.label()))?;
    output.line(format!("  {}", cell(&made["token"])))?;
    Ok(output.line("Send it as `Authorization: Bearer …`.")?)
}

async fn webhook<W: Write>(
    source: Source,
    account: Option<&str>,
    name: &str,
    whom: &Whom,
    access: &Access,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let user = users::find(access, whom.user.as_deref()).await?;
    let made = users::make_webhook(access, user.id, source, account, name).await?;
    if output.is_json() {
        return Ok(output.json(&made.answer)?);
    }
    output.line(format!(
        "The address for {}, shown this once:",
        user.label()
    ))?;
    output.line(format!("  {}", made.url))?;
    output.line(place(source))?;
    let whose = match account {
        Some(account) => {
            format!("Only what {account} plays there counts; other accounts' plays are set aside.")
        }
        None => {
            "What a named account plays there is set aside until you say whose it is.".to_owned()
        }
    };
    output.line(whose)?;
    if made
        .url
        .host_str()
        .is_some_and(|host| host == "127.0.0.1" || host == "[::1]")
    {
        output.line("A media server on another machine needs this machine's address: see PUBLIC_URL and --listen.")?;
    }
    Ok(())
}

/// Where the address belongs, in the words of the media server's own menus.
const fn place(source: Source) -> &'static str {
    match source {
        Source::Plex => {
            "Enter it at Plex under Settings, Webhooks (which needs Plex Pass; without, use Tautulli)."
        }
        Source::Jellyfin => {
            "Enter it in Jellyfin's Webhook plugin, as a Generic Destination that sends all properties."
        }
        Source::Emby => {
            "Enter it at Emby under Settings, Notifications, Webhooks (which needs Emby Premiere)."
        }
        Source::Tautulli => {
            "Enter it at Tautulli under Settings, Notification Agents, Webhook, with JSON data."
        }
        Source::Kodi => "Enter it in the settings of Kodi's HTTP scrobbler add-on.",
        Source::Canonical | Source::Queue => "Post events to it.",
    }
}

async fn list<W: Write>(
    whom: &Whom,
    access: &Access,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let user = users::find(access, whom.user.as_deref()).await?;
    let tokens = access.get(Some(user.id), TOKENS).await?;
    if output.is_json() {
        return Ok(output.json(&tokens)?);
    }
    let items = tokens["items"].as_array().cloned().unwrap_or_default();
    if items.is_empty() {
        return Ok(output.line(format!(
            "{} has no tokens: `hub token webhook --help` begins.",
            user.label()
        ))?);
    }
    let columns = [
        "id",
        "name",
        "may",
        "source",
        "account",
        "made",
        "last used",
    ];
    Ok(output.table(&columns, items.iter().map(row).collect())?)
}

fn row(token: &Value) -> Vec<String> {
    let account = [&token["account"]["name"], &token["account"]["id"]]
        .map(cell)
        .into_iter()
        .find(|text| !text.is_empty());
    vec![
        cell(&token["id"]),
        cell(&token["name"]),
        if token["scope"] == "full" {
            "everything".to_owned()
        } else {
            "hand in events".to_owned()
        },
        cell(&token["source"]),
        account.unwrap_or_default(),
        time_cell(&token["created_at"]),
        time_cell(&token["last_used_at"]),
    ]
}

async fn revoke<W: Write>(
    id: &str,
    whom: &Whom,
    access: &Access,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let user = users::find(access, whom.user.as_deref()).await?;
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    access
        .delete(Some(user.id), &format!("{TOKENS}/{id}"))
        .await?;
    if output.is_json() {
        return Ok(output.json(&json!({ "revoked": id }))?);
    }
    Ok(output.line("The token was revoked; it is refused from now on.")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_told_without_its_word() {
        let token = json!({ "id": "1", "name": "plex of anna", "scope": "ingest", "source": "plex",
            "account": { "name": "anna" }, "created_at": "2026-11-20T10:00:00Z" });
        let expected = [
            "1",
            "plex of anna",
            "hand in events",
            "plex",
            "anna",
            "2026-11-20 10:00:00 UTC",
            "",
        ];
        assert_eq!(row(&token), expected);
    }
}
