//! Users at the terminal: found by name or id, or made at the first use of a hub for one person.

use hub_domain::{Service, Source, UserId};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::access::Access;
use crate::failure::Failure;

/// What the only user of a hub is called until somebody says otherwise.
const FIRST_USER: &str = "me";
const USERS: &str = "/api/v1/users";

/// A user of the hub.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// What the hub calls them.
    #[serde(default)]
    pub name: Option<String>,
    /// When the hub first heard of them, as RFC 3339.
    pub created_at: String,
}

impl User {
    /// The name, else the id.
    pub fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.id.to_string())
    }
}

/// A webhook's address that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// What the media server posts to; holds a token.
    pub url: Url,
    /// The hub's whole answer.
    pub answer: Value,
}

/// Lists the users, the first one first.
///
/// # Errors
///
/// The hub's own sentence.
pub async fn list(access: &Access) -> Result<Vec<User>, Failure> {
    let mut users: Vec<User> = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let after = cursor
            .map(|cursor| format!("&cursor={cursor}"))
            .unwrap_or_default();
        let page = access
            .get(None, &format!("{USERS}?limit=200{after}"))
            .await?;
        let items: Vec<User> = serde_json::from_value(page["items"].clone())
            .map_err(|error| Failure::because("The hub's users are not understood", &error))?;
        users.extend(items);
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    users.sort_by(|one, other| one.created_at.cmp(&other.created_at));
    Ok(users)
}

/// Adds a user.
///
/// # Errors
///
/// The hub's own sentence, or that there is one of that name.
pub async fn add(access: &Access, name: &str) -> Result<User, Failure> {
    if list(access)
        .await?
        .iter()
        .any(|user| user.name.as_deref() == Some(name))
    {
        return Err(Failure::new(format!(
            "There is a user called {name} already."
        )));
    }
    let answer = access.post(None, USERS, &json!({ "name": name })).await?;
    serde_json::from_value(answer)
        .map_err(|error| Failure::because("The hub's answer is not understood", &error))
}

/// Finds the user who is named, else the first one, who is made where there is none.
///
/// # Errors
///
/// The hub's own sentence, or that there is nobody of that name.
pub async fn find(access: &Access, named: Option<&str>) -> Result<User, Failure> {
    let users = list(access).await?;
    match named {
        None => match users.into_iter().next() {
            Some(first) => Ok(first),
            None => add(access, FIRST_USER).await,
        },
        Some(named) => one_named(users, named),
    }
}

fn one_named(users: Vec<User>, named: &str) -> Result<User, Failure> {
    let is_named =
        |user: &User| user.name.as_deref() == Some(named) || user.id.to_string() == named;
    let mut found = users.into_iter().filter(is_named);
    match (found.next(), found.next()) {
        (Some(user), None) => Ok(user),
        (Some(_), Some(_)) => Err(Failure::new(format!(
            "Several users are called {named}: give the id that `hub user list` shows."
        ))),
        (None, _) => Err(Failure::new(format!(
            "Nobody is called {named}: `hub user list` shows who there is."
        ))),
    }
}

/// Erases a user.
///
/// # Errors
///
/// The hub's own sentence.
pub async fn erase(access: &Access, user: UserId) -> Result<(), Failure> {
    access
        .delete(None, &format!("{USERS}/{user}"))
        .await
        .map(|_| ())
}

/// Makes the address that a source posts to, for one account there if one is named.
///
/// # Errors
///
/// The hub's own sentence.
pub async fn make_webhook(
    access: &Access,
    user: UserId,
    source: Source,
    account: Option<&str>,
    name: &str,
) -> Result<Webhook, Failure> {
    let mut token = json!({ "name": name, "scope": "ingest", "source": source.name() });
    if let Some(account) = account {
        token["account"] = json!(account);
    }
    let answer = access
        .post(Some(user), "/api/v1/user/tokens", &token)
        .await?;
    let url = answer["webhook_url"]
        .as_str()
        .and_then(|url| Url::parse(url).ok());
    let url = url.ok_or_else(|| Failure::new("The hub's answer has no webhook_url."))?;
    Ok(Webhook { url, answer })
}

/// Says whether a list of connections has a service whose connection works.
pub fn is_connected(connections: &Value, service: Service) -> bool {
    let items = connections["items"].as_array().into_iter().flatten();
    let mut of_service = items.filter(|item| item["service"] == service.name());
    of_service.any(|item| item["connected"] == true && item["health"] != "reconnect_required")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn user(number: u128, name: &str) -> User {
        User {
            id: UserId(Uuid::from_u128(number)),
            name: Some(name.to_owned()),
            created_at: "2026-11-20T00:00:00Z".to_owned(),
        }
    }

    #[test]
    fn a_user_is_found_by_name_or_id_and_never_by_guess() {
        let users = || vec![user(1, "anna"), user(2, "bob"), user(3, "bob")];
        assert_eq!(one_named(users(), "anna"), Ok(user(1, "anna")));
        assert_eq!(
            one_named(users(), &Uuid::from_u128(3).to_string()),
            Ok(user(3, "bob"))
        );
        assert!(
            one_named(users(), "bob")
                .unwrap_err()
                .to_string()
                .starts_with("Several")
        );
        assert!(
            one_named(users(), "Anna")
                .unwrap_err()
                .to_string()
                .starts_with("Nobody")
        );
    }

    #[test]
    fn a_connection_that_needs_signing_in_again_is_none() {
        let connections = |health: &str| json!({ "items": [{ "service": "trakt", "connected": true, "health": health }] });
        assert!(is_connected(&connections("ok"), Service::Trakt));
        assert!(!is_connected(
            &connections("reconnect_required"),
            Service::Trakt
        ));
        assert!(!is_connected(&connections("ok"), Service::LastFm));
    }
}
