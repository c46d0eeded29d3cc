//! A sign-in in the browser: where to send it, and what the code it brings back is worth.

use hub_domain::{Secret, Service, SignIn, UserId};
use hub_providers::Tokens;
use hub_runtime::random::random_word;
use hub_store::OAuthState;
use hub_store::oauth_state::STATE_LASTS;
use url::Url;

use super::{LONGEST, Started, unknown_state};
use crate::ApiState;
use crate::problem::Problem;

/// Begins a sign-in in the browser.
pub(super) async fn start(
    state: &ApiState,
    user: UserId,
    service: Service,
    return_to: Option<String>,
) -> Result<Started, Problem> {
    let provider = state.provider(service, None)?;
    if service.sign_in() == SignIn::Token {
        return Err(Problem::impossible(format!(
            "{} is connected by a token: copy it from your settings there and send {{\"token\": …}}.",
            service.title()
        ))
        .at("token"));
    }
    if service.sign_in() == SignIn::Feed {
        return Err(Problem::impossible(format!(
            "{} is connected by your name there, or the address of your feed: send {{\"username\": …}}.",
            service.title()
        ))
        .at("username"));
    }
    let redirect = redirect(state, service)?;
    let return_to = return_to
        .map(|text| under(state.settings.public_url.as_ref(), &text))
        .transpose()?;
    let word = random_word();
    let authorize = provider
        .authorize(&redirect, &word)
        .map_err(|error| Problem::of_sign_in(&error))?;
    let now = state.clock.now();
    let kept = OAuthState {
        state: word.clone(),
        user,
        service,
        verifier_sealed: authorize
            .verifier
            .map(|verifier| state.sealing.seal(user, service, &verifier)),
        redirect: Some(redirect.into()),
        return_to: return_to.map(String::from),
        device_sealed: None,
    };
    state.table.put_state(&kept, now).await?;
    Ok(Started::Browser {
        authorize_url: authorize.url.into(),
        state: word,
        expires_at: now + STATE_LASTS,
    })
}

/// Turns the code of a state that was taken into tokens.
pub(in crate::routes) async fn exchange(
    state: &ApiState,
    taken: &OAuthState,
    code: &Secret,
) -> Result<Tokens, Problem> {
    let provider = state.provider(taken.service, None)?;
    let redirect = taken
        .redirect
        .as_deref()
        .and_then(|text| Url::parse(text).ok())
        .ok_or_else(unknown_state)?;
    let verifier = taken.verifier_sealed.as_deref();
    let verifier = verifier
        .map(|sealed| state.sealing.open(taken.user, taken.service, sealed))
        .transpose();
    let verifier = verifier.map_err(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a sealed verifier cannot be opened"
        );
        unknown_state()
    })?;
    let exchanged = provider
        .exchange(
            code.reveal(),
            &redirect,
            verifier.as_ref(),
            state.clock.now(),
        )
        .await;
    exchanged.map_err(|error| Problem::of_sign_in(&error))
}

/// Where the service sends the browser back to.
fn redirect(state: &ApiState, service: Service) -> Result<Url, Problem> {
    let uri = state.settings.redirect_uri(service);
    uri.and_then(|uri| Url::parse(&uri).ok()).ok_or_else(|| {
        Problem::impossible(
            "The browser cannot come back to this hub: its operator has to set PUBLIC_URL. \
             Without it, sign in on another device: send {\"device\": true}.",
        )
    })
}

/// An address under the hub's public one: nobody else is sent a browser from here.
fn under(public_url: Option<&Url>, text: &str) -> Result<Url, Problem> {
    let refused = || {
        Problem::field(
            "return_to",
            "An address under PUBLIC_URL is expected, or its path.",
        )
    };
    let public = public_url.ok_or_else(refused)?;
    let url = public.join(text.trim()).map_err(|_| refused())?;
    let root = public.path().trim_end_matches('/');
    let is_under = url.path() == root
        || url
            .path()
            .strip_prefix(root)
            .is_some_and(|rest| rest.starts_with('/'));
    let is_same =
        url.origin() == public.origin() && url.username().is_empty() && url.password().is_none();
    if is_same && is_under && url.as_str().len() <= LONGEST {
        Ok(url)
    } else {
        Err(refused())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_nowhere_else() {
        let public = Url::parse("https://hub.example/base/").unwrap();
        let at = |text: &str| under(Some(&public), text).ok().map(String::from);
        assert_eq!(at("done").as_deref(), Some("https://hub.example/base/done"));
        assert_eq!(
            at("/base/done?x=1").as_deref(),
            Some("https://hub.example/base/done?x=1")
        );
        assert_eq!(
            at("https://hub.example/base").as_deref(),
            Some("https://hub.example/base")
        );
        for text in [
            "https://evil.example/base/",
            "//evil.example/base/",
            "https://hub.example.evil.example/base/",
            "https://hub.example@evil.example/base/",
            "https://user@hub.example/base/",
            "https://hub.example:444/base/",
            "http://hub.example/base/",
            "/other",
            "/basement",
            "../x",
            "javascript:alert(1)",
            "\\\\evil.example",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
        assert!(under(None, "/x").is_err());
    }
}
