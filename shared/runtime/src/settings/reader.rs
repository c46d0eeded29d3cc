//! Reads one variable at a time; a wrong one is an error that names it, and never shows what stood there.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use chrono::TimeDelta;
use hub_domain::Secret;
use url::Url;

/// Why the settings cannot be used. It names the variable and never shows its value, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The variable holds what it must not.
    #[error("{variable} is not understood: allowed is {allowed}")]
    Wrong {
        /// The variable's name.
        variable: String,
        /// What is allowed, in words.
        allowed: String,
    },
    /// The variable is not set, and this function cannot do without it.
    #[error("{variable} is not set: it should hold {allowed}")]
    Missing {
        /// The variable's name.
        variable: String,
        /// What it should hold, in words.
        allowed: String,
    },
    /// The service is off, and this function cannot do without it.
    #[error("{} is off: {why}", service.title())]
    Off {
        /// The service.
        service: hub_domain::Service,
        /// Why; it names the variable to change.
        why: String,
    },
}

impl SettingsError {
    pub(crate) fn wrong(variable: &str, allowed: impl Into<String>) -> Self {
        Self::Wrong {
            variable: variable.to_owned(),
            allowed: allowed.into(),
        }
    }

    pub(crate) fn missing(variable: &str, allowed: impl Into<String>) -> Self {
        Self::Missing {
            variable: variable.to_owned(),
            allowed: allowed.into(),
        }
    }

    /// The variable that has to be changed; for a service that is off, the one that names it.
    pub fn variable(&self) -> &str {
        match self {
            Self::Wrong { variable, .. } | Self::Missing { variable, .. } => variable,
            Self::Off { .. } => "SERVICE",
        }
    }
}

/// Looks variables up and reads them as what they should be.
pub(super) struct Reader<'a>(pub(super) &'a dyn Fn(&str) -> Option<String>);

impl Reader<'_> {
    /// The text without white space around it; an empty variable counts as not set, as templates leave them.
    pub(super) fn text(&self, variable: &str) -> Option<String> {
        let text = (self.0)(variable)?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A word that is sent in a header or a form: one line without white space inside, at most 512 bytes.
    pub(super) fn word(&self, variable: &str) -> Result<Option<String>, SettingsError> {
        match self.text(variable) {
            Some(word) if word.len() <= 512 && word.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Some(word))
            }
            Some(_) => Err(SettingsError::wrong(
                variable,
                "one word of at most 512 ASCII characters",
            )),
            None => Ok(None),
        }
    }

    pub(super) fn secret(&self, variable: &str) -> Result<Option<Secret>, SettingsError> {
        Ok(self.word(variable)?.map(Secret::new))
    }

    pub(super) fn flag(&self, variable: &str, default: bool) -> Result<bool, SettingsError> {
        let Some(text) = self.text(variable) else {
            return Ok(default);
        };
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(SettingsError::wrong(variable, "true or false")),
        }
    }

    pub(super) fn number<T>(
        &self,
        variable: &str,
        default: T,
        allowed: RangeInclusive<T>,
    ) -> Result<T, SettingsError>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(text) = self.text(variable) else {
            return Ok(default);
        };
        match text.parse() {
            Ok(number) if allowed.contains(&number) => Ok(number),
            _ => Err(SettingsError::wrong(
                variable,
                format!("a number from {} to {}", allowed.start(), allowed.end()),
            )),
        }
    }

    /// A length of time, written as in `1s`, `5m`, `24h`.
    pub(super) fn duration(
        &self,
        variable: &str,
        default: TimeDelta,
        allowed: RangeInclusive<TimeDelta>,
    ) -> Result<TimeDelta, SettingsError> {
        let Some(text) = self.text(variable) else {
            return Ok(default);
        };
        let read = humantime::parse_duration(&text)
            .ok()
            .and_then(|duration| TimeDelta::from_std(duration).ok())
            .filter(|duration| allowed.contains(duration));
        read.ok_or_else(|| {
            let words = |length: &TimeDelta| {
                humantime::format_duration(length.to_std().unwrap_or_default()).to_string()
            };
            let (from, to) = (words(allowed.start()), words(allowed.end()));
            SettingsError::wrong(
                variable,
                format!("a duration such as 90s, 5m or 24h, from {from} to {to}"),
            )
        })
    }

    /// An address the operator chose; unlike a user's it may be private and without TLS.
    pub(super) fn url(&self, variable: &str) -> Result<Option<Url>, SettingsError> {
        let Some(text) = self.text(variable) else {
            return Ok(None);
        };
        Url::parse(&text)
            .ok()
            .filter(is_plain_web_address)
            .map(Some)
            .ok_or_else(|| {
                SettingsError::wrong(
                    variable,
                    "an http or https address without a user, a query or a fragment",
                )
            })
    }
}

fn is_plain_web_address(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}
