//! A sign-in by a token that the user copied, there or at a compatible server.

use hub_domain::{Secret, Service, SignIn};
use hub_providers::Tokens;
use hub_providers::listenbrainz::address::normalise;
use hub_runtime::addresses::check_user_url;
use url::Url;

use crate::ApiState;
use crate::problem::Problem;

/// Reads a token that the user copied, and the address of the compatible server it is for.
pub(super) async fn read(
    state: &ApiState,
    service: Service,
    token: &Secret,
    url: Option<String>,
) -> Result<(Tokens, Option<String>), Problem> {
    state.provider(service, None)?;
    if service.sign_in() != SignIn::Token {
        return Err(Problem::field(
            "token",
            format!("{} is not connected by a token.", service.title()),
        ));
    }
    let own = Some(&state.app(service)?.api_url);
    let url = url.filter(|url| !url.trim().is_empty());
    let url = url
        .map(|url| server_url(&url, own, state.settings.allow_private_addresses))
        .transpose()?;
    let provider = state.provider(service, url.as_ref().and_then(Option::as_deref))?;
    // Nothing is asked of the service yet; a token needs no address to come back to.
    let nowhere = Url::parse("about:blank").map_err(|_| Problem::internal())?;
    let tokens = provider
        .exchange(token.reveal(), &nowhere, None, state.clock.now())
        .await;
    Ok((
        tokens.map_err(|error| Problem::of_sign_in(&error))?,
        url.flatten(),
    ))
}

/// The root of a compatible server as people write it; none where it is the service's own.
fn server_url(
    text: &str,
    own: Option<&Url>,
    allow_private: bool,
) -> Result<Option<String>, Problem> {
    let refused = |why: String| Problem::field("url", format!("Not taken: {why}."));
    check_user_url(text, allow_private).map_err(|error| refused(error.to_string()))?;
    let root = normalise(text).map_err(|error| refused(error.to_string()))?;
    let is_own = own.is_some_and(|own| normalise(own.as_str()).as_ref() == Ok(&root));
    Ok((!is_own).then(|| root.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compatible_servers_address_is_checked_and_brought_into_one_form() {
        let own = Url::parse("https://api.listenbrainz.org").unwrap();
        let at = |text: &str| {
            server_url(text, Some(&own), false)
                .map_err(|problem| problem.field_name().map(str::to_owned))
        };
        assert_eq!(
            at("https://m.example/apis/listenbrainz/1/")
                .unwrap()
                .as_deref(),
            Some("https://m.example/apis/listenbrainz")
        );
        assert_eq!(
            at("https://api.listenbrainz.org/1/submit-listens"),
            Ok(None)
        );
        for text in [
            "http://m.example",
            "https://127.0.0.1:42010",
            "https://nas.local",
            "m.example",
            "https://m.example/?token=x",
        ] {
            assert_eq!(at(text), Err(Some("url".to_owned())), "{text}");
        }
        assert!(server_url("http://127.0.0.1:42010", Some(&own), true).is_ok());
    }
}
