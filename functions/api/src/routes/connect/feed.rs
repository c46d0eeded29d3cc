//! A service without an API: its user names a public feed.

use hub_domain::{Secret, Service, SignIn};
use hub_providers::Tokens;
use url::Url;

use crate::ApiState;
use crate::problem::Problem;

/// Reads the name, the profile's address or the feed's address that a user typed.
pub(super) async fn read(
    state: &ApiState,
    service: Service,
    name: &Secret,
) -> Result<Tokens, Problem> {
    let provider = state.provider(service, None)?;
    if service.sign_in() != SignIn::Feed {
        return Err(Problem::field(
            "username",
            format!("{} is not connected by a name.", service.title()),
        ));
    }
    // Nothing is asked of the service yet; a name needs no address to come back to.
    let nowhere = Url::parse("about:blank").map_err(|_| Problem::internal())?;
    provider
        .exchange(name.reveal(), &nowhere, None, state.clock.now())
        .await
        .map_err(|error| Problem::field("username", error.why))
}
