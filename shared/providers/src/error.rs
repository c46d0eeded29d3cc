//! What went wrong at a service, and what to do next about it.

use std::error::Error;

use hub_domain::{Disposition, Secret, Service};

/// How long a service's own words may be in [`ProviderError::why`], in characters.
const MOST_WORDS: usize = 200;

/// A request that did not end well. The cause is in `source`, for the log; the consequence in `disposition`.
#[derive(Debug, thiserror::Error)]
#[error("{service} did not {operation}")] // "listenbrainz did not take the listens"
pub struct ProviderError {
    /// Where.
    pub service: Service,
    /// What was asked of it: a verb and its object.
    pub operation: &'static str,
    /// What to do next.
    pub disposition: Disposition,
    /// Why, for people: our words or the service's own short message; at most 200 characters, no secret, no body.
    pub why: String,
    /// What happened underneath, where anything did.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl ProviderError {
    /// An error in our own words.
    pub(crate) fn new(
        service: Service,
        operation: &'static str,
        disposition: Disposition,
        why: impl AsRef<str>,
    ) -> Self {
        Self {
            service,
            operation,
            disposition,
            why: short(why.as_ref()),
            source: None,
        }
    }

    /// Says whether the tokens were refused.
    pub const fn is_auth(&self) -> bool {
        matches!(self.disposition, Disposition::Auth)
    }

    /// Says whether the service itself is in trouble, whoever asks for whatever.
    pub const fn is_failure_of_the_service(&self) -> bool {
        matches!(
            self.disposition,
            Disposition::Retryable | Disposition::InDoubt
        )
    }

    /// The same error with its cause.
    #[must_use]
    pub(crate) fn caused_by(mut self, source: Box<dyn Error + Send + Sync>) -> Self {
        self.source = Some(source);
        self
    }

    /// The same error; a service that repeats our secret in its message is not quoted with it.
    #[must_use]
    pub(crate) fn hiding(mut self, secret: &Secret) -> Self {
        if !secret.reveal().is_empty() {
            self.why = self.why.replace(secret.reveal(), "…");
        }
        self
    }
}

/// Keeps the beginning of a message, on one line.
pub(crate) fn short(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .join(" ")
        .chars()
        .filter(|character| !character.is_control())
        .take(MOST_WORDS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_one_level_and_hides_the_secret() {
        let error = ProviderError::new(
            Service::ListenBrainz,
            "take the listens",
            Disposition::Auth,
            "no user has\nthe token s3cret",
        )
        .hiding(&Secret::new("s3cret"));
        assert_eq!(error.to_string(), "listenbrainz did not take the listens");
        assert_eq!(error.why, "no user has the token …");
    }

    #[test]
    fn a_long_message_is_cut() {
        assert_eq!(short(&"word ".repeat(500)).chars().count(), MOST_WORDS);
    }
}
