//! A user's own settings.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::threshold::ThresholdSettings;

/// What marking an item as watched by hand says about its time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManualMarks {
    /// It was played now.
    #[default]
    Now,
    /// It was played on the day it was first shown.
    ReleaseDate,
    /// It makes no play.
    Ignore,
}

/// What a user sets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserSettings {
    /// How much has to be played; what is not set comes from the server.
    pub thresholds: ThresholdSettings,
    /// The time zone, as the IANA names it, for services that keep a day; `None` is UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// What a mark by hand means.
    pub manual_marks: ManualMarks,
    /// What was watched, heard or read leaves the watchlist.
    pub unlist_watched: bool,
    /// Where notices go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_url: Option<Url>,
}

impl UserSettings {
    /// The time zone.
    pub fn zone(&self) -> chrono_tz::Tz {
        let zone = self.time_zone.as_ref().and_then(|name| name.parse().ok());
        zone.unwrap_or(chrono_tz::Tz::UTC)
    }

    /// Says whether a name is a time zone of the IANA's.
    pub fn is_time_zone(name: &str) -> bool {
        name.parse::<chrono_tz::Tz>().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_zone_has_the_ianas_name() {
        assert!(UserSettings::is_time_zone("Europe/Berlin"));
        assert!(!UserSettings::is_time_zone("Berlin"));
    }
}
