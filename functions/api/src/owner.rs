//! Whose an event is: a webhook's address belongs to a user, what a household plays does not.
//!
//! | the event's account | goes to |
//! | --- | --- |
//! | none is named | the address's user |
//! | assigned by the address's user, or by the operator for the whole server | the users it was assigned to |
//! | the one that the address names | the address's user; from then on it is assigned to them |
//! | any other | nobody: it is set aside, never given to the owner |
//!
//! What a user says of accounts holds for their own addresses alone: it is kept under the server's id with the user's
//! behind it ([`own_server`]). Otherwise whoever learns a server's id could take over what others' addresses report.

use hub_domain::names::fold_account_name;
use hub_domain::{Account, Event, ServerRef, UserId};
use hub_store::{ApiToken, Binding};

use crate::ApiState;
use crate::problem::Problem;

/// Separates a server's id from the user for whose addresses a statement holds.
const OF_USER: char = '@';
/// The key of the entry that leads from a user to the servers that their addresses hear of.
pub(crate) const ADDRESS: &str = "address";

/// Where an event goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// To these users, each as a message of their own.
    Users(Vec<UserId>),
    /// Aside, until somebody says whose the account is.
    Aside {
        /// The server, for the address's user.
        server: ServerRef,
        /// The account's key there.
        account_key: String,
    },
}

/// The server as one user's addresses know it.
pub(crate) fn own_server(server: &ServerRef, user: UserId) -> ServerRef {
    let mut own = server.clone();
    own.id = format!("{}{OF_USER}{user}", server.id);
    own
}

/// Says whether a server is one as this user's addresses know it.
pub(crate) fn is_own_server(server: &ServerRef, user: UserId) -> bool {
    shown_server(server).1 == Some(user)
}

/// The server's own id, and the user whose addresses know it so.
pub(crate) fn shown_server(server: &ServerRef) -> (&str, Option<UserId>) {
    let parts = server.id.rsplit_once(OF_USER);
    match parts.and_then(|(id, user)| Some((id, user.parse().ok()?))) {
        Some((id, user)) => (id, Some(user)),
        None => (&server.id, None),
    }
}

/// Finds out where an event goes that came by a token.
pub(crate) async fn way_of(
    state: &ApiState,
    token: &ApiToken,
    event: &Event,
) -> Result<Way, Problem> {
    let (user, account) = (token.user, &event.account);
    let Some(account_key) = account.key() else {
        return Ok(Way::Users(vec![user]));
    };
    let own = own_server(&event.server, user);
    if let Some(users) = assigned(state, &own, account).await? {
        return Ok(Way::Users(users));
    }
    if token
        .account
        .as_ref()
        .is_some_and(|claimed| is_same(claimed, account))
    {
        let standing = state.table.bindings(&own).await?;
        if !is_decided(&standing, account) {
            return claim(state, &own, account, user).await;
        }
    }
    if let Some(users) = assigned(state, &event.server, account).await? {
        return Ok(Way::Users(users));
    }
    Ok(Way::Aside {
        server: own,
        account_key,
    })
}

/// The users that an account is assigned to; its name is bound to its id on the way.
async fn assigned(
    state: &ApiState,
    server: &ServerRef,
    account: &Account,
) -> Result<Option<Vec<UserId>>, Problem> {
    let Some(binding) = state.table.binding(server, account).await? else {
        return Ok(None);
    };
    if binding.account_key.starts_with("name:") && account.id.is_some() {
        // Whoever was faster bound the name to another id: then this account is not the one that was meant.
        let bound = state
            .table
            .bind_id(server, account, state.clock.now())
            .await?;
        return Ok(bound.map(|binding| binding.users));
    }
    Ok(Some(binding.users))
}

/// Writes down that an account is the one that the address names.
async fn claim(
    state: &ApiState,
    own: &ServerRef,
    account: &Account,
    user: UserId,
) -> Result<Way, Problem> {
    let now = state.clock.now();
    let name_key = account
        .name
        .as_ref()
        .map(|name| format!("name:{}", fold_account_name(name)));
    let Some(key) = name_key.or_else(|| account.key()) else {
        return Ok(Way::Users(vec![user]));
    };
    state.table.assign_account(own, &key, &[user], now).await?;
    // The name stands for this id from now on, so that somebody who takes the name later does not get its plays.
    state.table.bind_id(own, account, now).await?;
    Ok(Way::Users(vec![user]))
}

/// Says whether an address that names `claimed` means the account of an event.
///
/// Where both have a stable id it decides; otherwise the name does, or an id that a person typed as the name.
fn is_same(claimed: &Account, account: &Account) -> bool {
    if let (Some(claimed), Some(id)) = (&claimed.id, &account.id) {
        return claimed == id;
    }
    let Some(claimed) = &claimed.name else {
        return false;
    };
    let by_name = account
        .name
        .as_ref()
        .is_some_and(|name| fold_account_name(name) == fold_account_name(claimed));
    by_name || account.id.as_deref() == Some(claimed.trim())
}

/// Says whether a person, or an earlier event, has decided already whose the account is not.
fn is_decided(standing: &[Binding], account: &Account) -> bool {
    let id_key = account.id.as_ref().map(|id| format!("id:{id}"));
    let name_key = account
        .name
        .as_ref()
        .map(|name| format!("name:{}", fold_account_name(name)));
    standing.iter().any(|binding| {
        let is_its_id = Some(&binding.account_key) == id_key.as_ref();
        let is_its_name = Some(&binding.account_key) == name_key.as_ref();
        let is_bound_to_another = binding.bound_to.is_some() && binding.bound_to != id_key;
        (is_its_id && binding.assigned_at.is_some())
            || (is_its_name && (is_bound_to_another || binding.assigned_at.is_some()))
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use hub_domain::Source;
    use uuid::Uuid;

    use super::*;

    fn account(id: Option<&str>, name: Option<&str>) -> Account {
        Account {
            id: id.map(str::to_owned),
            name: name.map(str::to_owned),
        }
    }

    fn standing(key: &str, is_assigned: bool, bound_to: Option<&str>) -> Binding {
        Binding {
            server: ServerRef::new(Source::Plex, "abc"),
            account_key: key.to_owned(),
            account: Account::default(),
            users: Vec::new(),
            aside_count: 0,
            last_seen_at: None,
            bound_to: bound_to.map(str::to_owned),
            assigned_at: is_assigned.then_some(DateTime::UNIX_EPOCH),
        }
    }

    #[test]
    fn an_address_means_an_account_by_its_id_or_by_its_name_whatever_the_case() {
        for (claimed, seen, expected) in [
            (
                account(Some("1"), Some("ada")),
                account(Some("1"), Some("renamed")),
                true,
            ),
            (
                account(Some("1"), Some("ada")),
                account(Some("2"), Some("ada")),
                false,
            ),
            (
                account(None, Some(" Ada")),
                account(Some("2"), Some("ada ")),
                true,
            ),
            (
                account(None, Some("ada")),
                account(Some("2"), Some("bob")),
                false,
            ),
            (account(None, Some("2")), account(Some("2"), None), true),
            (account(Some("1"), None), account(None, Some("ada")), false),
            (
                account(Some("1"), Some("ada")),
                account(None, Some("ada")),
                true,
            ),
        ] {
            assert_eq!(is_same(&claimed, &seen), expected, "{claimed:?} {seen:?}");
        }
    }

    #[test]
    fn a_name_that_was_bound_and_an_account_that_was_given_away_are_not_claimed_again() {
        let seen = account(Some("2"), Some("Ada"));
        assert!(!is_decided(&[], &seen));
        assert!(!is_decided(
            &[
                standing("id:2", false, None),
                standing("name:ada", false, None)
            ],
            &seen
        ));
        assert!(is_decided(&[standing("id:2", true, None)], &seen));
        assert!(is_decided(&[standing("name:ada", true, None)], &seen));
        assert!(is_decided(
            &[standing("name:ada", false, Some("id:1"))],
            &seen
        ));
        assert!(!is_decided(&[standing("id:3", true, None)], &seen));
    }

    #[test]
    fn what_a_user_says_of_accounts_holds_for_their_own_addresses_alone() {
        let (ada, bob) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let server = ServerRef::new(Source::Plex, "abc@home");
        let own = own_server(&server, ada);
        assert_eq!(own.id, "abc@home@00000000-0000-0000-0000-000000000001");
        assert_eq!(shown_server(&own), ("abc@home", Some(ada)));
        assert_eq!(shown_server(&server), ("abc@home", None));
        assert!(
            is_own_server(&own, ada) && !is_own_server(&own, bob) && !is_own_server(&server, ada)
        );
    }
}
