//! What a body turned out to say: events, nothing to do with playback, or nothing readable.

use std::fmt;

use hub_domain::{Event, Source};

/// What a webhook's body turned out to say.
#[derive(Debug, Clone, PartialEq)]
pub enum Translated {
    /// What happened, at least one event; more than one where the source says two things at once.
    Events(Vec<Event>),
    /// It is well-formed, and nothing for the hub to act on.
    Ignored {
        /// Why not.
        reason: Ignored,
    },
}

impl Translated {
    pub(crate) const fn ignored(reason: Ignored) -> Self {
        Self::Ignored { reason }
    }
}

/// Why a well-formed body is no event for the hub. Holds no titles, names or ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ignored {
    /// The source names an event that is not about playback, such as a new item in the library.
    NotPlayback(EventName),
    /// The source names an event that the hub does not know.
    UnknownEvent(EventName),
    /// The body names no event.
    NoEvent,
    /// The body names no item, or nothing to know it by.
    NoItem,
    /// The body has none of the shapes that the hub knows.
    UnknownShape,
    /// A photo, music video, home video or other kind that no service takes.
    UnsupportedKind,
    /// A show, season, album or artist, whose parts are reported one by one.
    Container,
    /// A trailer, preroll, theme, clip or other extra.
    Extra,
    /// A sample file.
    Sample,
    /// A television channel, which has no programme's position.
    LiveChannel,
    /// The same start arrives as another event.
    ReportedTwice,
    /// The server saved its state while playing; that says nothing new.
    SavedState,
    /// The server saved its state after a playback whose events it reported, or could have.
    OnlinePlay,
    /// The event carries no value: no rating, no favourite, no played state.
    NoValue,
    /// A notification for several items at once.
    Grouped,
}

impl Ignored {
    /// A stable name of the reason, for counting.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotPlayback(_) => "not_playback",
            Self::UnknownEvent(_) => "unknown_event",
            Self::NoEvent => "no_event",
            Self::NoItem => "no_item",
            Self::UnknownShape => "unknown_shape",
            Self::UnsupportedKind => "unsupported_kind",
            Self::Container => "container",
            Self::Extra => "extra",
            Self::Sample => "sample",
            Self::LiveChannel => "live_channel",
            Self::ReportedTwice => "reported_twice",
            Self::SavedState => "saved_state",
            Self::OnlinePlay => "online_play",
            Self::NoValue => "no_value",
            Self::Grouped => "grouped",
        }
    }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPlayback(name) => write!(f, "{name} is not about playback"),
            Self::UnknownEvent(name) => write!(f, "{name} is no event that the hub knows"),
            Self::NoEvent => f.write_str("the body names no event"),
            Self::NoItem => f.write_str("the body names no item"),
            Self::UnknownShape => f.write_str("the body has no shape that the hub knows"),
            Self::UnsupportedKind => f.write_str("no service takes items of this kind"),
            Self::Container => {
                f.write_str("a show, season, album or artist: its parts are reported one by one")
            }
            Self::Extra => f.write_str("a trailer, preroll, theme or other extra"),
            Self::Sample => f.write_str("a sample file"),
            Self::LiveChannel => f.write_str("a live channel, which has no position"),
            Self::ReportedTwice => f.write_str("the same start is reported by another event"),
            Self::SavedState => f.write_str("a saved state that says nothing about a play"),
            Self::OnlinePlay => {
                f.write_str("the end of a playback that the server reports by other events")
            }
            Self::NoValue => f.write_str("the event carries no value to act on"),
            Self::Grouped => f.write_str("a notification for several items at once"),
        }
    }
}

/// The name of an event as its source wrote it, cut to 40 harmless characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventName(String);

impl EventName {
    /// Cuts a name to what may be logged: letters, digits, `.`, `_` and `-`, at most 40 of them.
    pub fn new(raw: &str) -> Self {
        let name: String = raw
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
            .take(40)
            .collect();
        Self(name)
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            f.write_str("a nameless event")
        } else {
            f.write_str(&self.0)
        }
    }
}

/// Why a body could not be read: answered 400. Never holds what the body says, only where it goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", .field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default())]
pub struct BodyError {
    /// The field to blame, where one is: a path such as `Metadata.viewOffset`.
    pub field: Option<String>,
    /// What is wrong, as a sentence without an end.
    pub message: String,
}

impl BodyError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            field: None,
            message: message.into(),
        }
    }

    pub(crate) fn at(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            message: message.into(),
        }
    }

    pub(crate) fn not_an_object() -> Self {
        Self::new("a JSON object is expected")
    }

    /// The same error, with what the user of this source most probably has to change.
    pub(crate) fn hinted(mut self, source: Source) -> Self {
        let hint = match source {
            Source::Jellyfin => {
                "; templates easily make broken JSON: enable Send All Properties in the webhook plugin"
            }
            Source::Tautulli => "; Tautulli sends no body when its JSON template is not valid",
            Source::Plex | Source::Emby | Source::Kodi | Source::Canonical | Source::Queue => "",
        };
        self.message.push_str(hint);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_events_name_is_cut_to_what_may_be_logged() {
        let name = EventName::new("media.\u{1b}[31m<script>\n");
        assert_eq!(name.to_string(), "media.31mscript");
        assert_eq!(EventName::new(&"x".repeat(500)).to_string().len(), 40);
        assert_eq!(
            Ignored::UnknownEvent(EventName::new("")).to_string(),
            "a nameless event is no event that the hub knows"
        );
    }

    #[test]
    fn an_error_names_its_field_first() {
        let error = BodyError::at("Metadata.viewOffset", "a number is expected");
        assert_eq!(
            error.to_string(),
            "Metadata.viewOffset: a number is expected"
        );
        assert_eq!(
            BodyError::new("the body is empty").to_string(),
            "the body is empty"
        );
    }
}
