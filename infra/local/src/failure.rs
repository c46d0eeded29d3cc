//! Why a command did not do what it was asked.

use std::fmt;
use std::io;

/// One plain sentence for the person at the terminal; the command ends with exit code 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// A failure in one sentence, with its full stop.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// A failure of which the causes are told as well: `what: cause: its cause.`
    pub fn because(what: &str, error: &dyn std::error::Error) -> Self {
        let mut sentence = format!("{what}: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            // Errors that repeat their cause in their own words would tell it twice.
            let words = error.to_string();
            if !sentence.ends_with(&words) {
                sentence = format!("{sentence}: {words}");
            }
            cause = error.source();
        }
        if !sentence.ends_with('.') {
            sentence.push('.');
        }
        Self(sentence)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    /// What is left once the expected errors were given sentences of their own: writing to the terminal, mostly.
    fn from(error: io::Error) -> Self {
        Self::because("The input or output failed", &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once_each_in_one_sentence() {
        let inner = io::Error::other("the disk is full");
        let failure = Failure::because("The hub did not start", &inner);
        assert_eq!(
            failure.to_string(),
            "The hub did not start: the disk is full."
        );
    }
}
