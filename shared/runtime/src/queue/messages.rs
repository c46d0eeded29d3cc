//! The words on the queues: what came in, and whom to wake.
//!
//! A message carries its version. A release reads its own version, older ones, and one that is newer by one (only
//! additions separate those, and unknown fields are passed over); it writes the older of the two, so that a release
//! can be rolled back while messages are under way. What only a newer release understands is told from what nobody
//! does: the one waits, the other would block its user for ever.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::session::SessionKey;
use hub_domain::units::optional_millis;
use hub_domain::{Aspect, Event, MediaItem, ParcelId, PlayId, Says, ServerRef, Service, UserId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The version of messages that this release writes.
pub const VERSION: u8 = 1;
/// The newest version that this release reads.
const NEWEST: u8 = VERSION + 1;

/// One accepted event on its way to `progress`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventMessage {
    /// The version of this form.
    pub v: u8,
    /// The message's own id, one per accepted request: SQS drops a second copy of it within five minutes.
    pub id: Uuid,
    /// Whose event it is; events of one user are handled one at a time and in order.
    pub user: UserId,
    /// How it came: `webhook:plex`, `events`, `queue`.
    pub road: String,
    /// What came.
    pub what: Incoming,
    /// Goes to these services alone, where the user named them; else to every one that takes the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<Service>>,
}

impl EventMessage {
    /// A message with a new id; of the version that the release before reads, where it knows what is told.
    pub fn new(user: UserId, road: impl Into<String>, what: Incoming) -> Self {
        let v = match what {
            Incoming::Event(_) | Incoming::Scrobble(_) => VERSION,
            // After a rollback it waits, instead of being dropped as something that nobody understands.
            Incoming::Statement(_) | Incoming::Arrived { .. } => NEWEST,
        };
        Self {
            v,
            id: crate::random::new_id(),
            user,
            road: road.into(),
            what,
            services: None,
        }
    }
}

/// What came in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Incoming {
    /// What a media server says happened.
    Event(Box<Event>),
    /// What a person queued by hand.
    Scrobble(Box<QueuedScrobble>),
    /// What a person says of an item.
    Statement(Box<Said>),
    /// The library got an item that something of the user waits for.
    Arrived {
        /// The media server's own id of the item.
        content_id: String,
    },
}

/// What a person says of an item: a rating, a heart, a place on a list, or that it is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// What it is about.
    pub aspect: Aspect,
    /// The item.
    pub media: MediaItem,
    /// Which server's library it is of.
    pub server: ServerRef,
    /// What is said; `None` takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<Says>,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// What a scrobble queued by hand asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueuedAction {
    /// A finished play.
    #[default]
    Scrobble,
    /// A live signal: it plays.
    Start,
    /// A live signal: it is paused.
    Pause,
    /// A live signal: it stopped.
    Stop,
}

/// A scrobble queued by hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueuedScrobble {
    /// What was played.
    pub media: MediaItem,
    /// Which server's library it is of.
    pub server: ServerRef,
    /// When it was finished; unknown is `None`, never now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watched_at: Option<DateTime<Utc>>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// How far it was played, 0–100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_percent: Option<f64>,
    /// When the hub received it.
    pub received_at: DateTime<Utc>,
    /// What is asked for.
    #[serde(default)]
    pub action: QueuedAction,
    /// How far into the item.
    #[serde(
        default,
        with = "optional_millis",
        rename = "position_ms",
        skip_serializing_if = "Option::is_none"
    )]
    pub position: Option<TimeDelta>,
    /// The name that was promised for the play, should it be a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub play: Option<PlayId>,
}

impl QueuedScrobble {
    /// When it began and when it was finished.
    ///
    /// Without a start it began its own length earlier; where that is unknown too, the two are one moment.
    pub fn interval(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let length = self
            .media
            .duration
            .filter(|length| *length > TimeDelta::zero());
        let finished = self
            .watched_at
            .or_else(|| Some(self.started_at? + length.unwrap_or_default()));
        let finished = finished.unwrap_or(self.received_at);
        let began = self
            .started_at
            .unwrap_or_else(|| finished - length.unwrap_or_default());
        (began.min(finished), finished)
    }
}

/// Wakes a worker. It names where to look, never what to send: the truth is in the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wake", rename_all = "snake_case")]
pub enum Wake {
    /// A lane has open deliveries.
    Deliver {
        /// The version of this form.
        v: u8,
        /// Whose lane.
        user: UserId,
        /// At which service.
        service: Service,
        /// Fresh parcels, read by key; what else is open is queried.
        #[serde(default, rename = "plays")]
        parcels: Vec<ParcelId>,
        /// The turn that was reserved at the limiter for it, if one was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slot: Option<DateTime<Utc>>,
        /// The most parcels that one request may hold: less than usual after a larger one was refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        most: Option<u32>,
        /// How often it was passed on with a delay.
        #[serde(default)]
        hops: u32,
    },
    /// A session's live state changed.
    Live {
        /// The version of this form.
        v: u8,
        /// Whose session.
        user: UserId,
        /// At which service to show it.
        service: Service,
        /// Which session; its present state is read from the table.
        session: SessionKey,
        /// The state's number when this was sent; a later one may have been shown by now.
        sequence: u64,
        /// When that state began.
        at: DateTime<Utc>,
    },
    /// A connection's tokens end soon.
    Refresh {
        /// The version of this form.
        v: u8,
        /// Whose connection.
        user: UserId,
        /// At which service.
        service: Service,
    },
    /// An open circuit is due for a probe.
    Probe {
        /// The version of this form.
        v: u8,
        /// The service.
        service: Service,
        /// The host whose circuit is open.
        host: String,
        /// With whose connection it is asked.
        user: UserId,
    },
}

impl Wake {
    /// Wakes a lane, with the parcels that are fresh.
    ///
    /// The release before knows plays alone; a wake-up with a statement waits for a release that reads it.
    pub fn deliver(user: UserId, service: Service, parcels: Vec<ParcelId>) -> Self {
        let says_something = parcels.iter().any(|parcel| parcel.statement().is_some());
        Self::Deliver {
            v: if says_something { NEWEST } else { VERSION },
            user,
            service,
            parcels,
            slot: None,
            most: None,
            hops: 0,
        }
    }

    /// Whose queue it goes to.
    pub const fn service(&self) -> Service {
        match self {
            Self::Deliver { service, .. }
            | Self::Live { service, .. }
            | Self::Refresh { service, .. }
            | Self::Probe { service, .. } => *service,
        }
    }

    /// Whose it is; a probe is nobody's.
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::Deliver { user, .. } | Self::Live { user, .. } | Self::Refresh { user, .. } => {
                Some(*user)
            }
            Self::Probe { .. } => None,
        }
    }
}

/// Why a message was not understood. It shows no part of the message, which holds titles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotUnderstood {
    /// It was written by a release newer than this one, which may be back tomorrow: the message has to wait for it.
    #[error(
        "{what} is of version {version}; this release reads versions 1 to {newest}, as far as it knows them"
    )]
    Newer {
        /// What should have stood there.
        what: &'static str,
        /// The version it names.
        version: u64,
        /// The newest that is read.
        newest: u8,
    },
    /// It is not of the form.
    #[error("this is no {what} (line {line}, column {column})")]
    Form {
        /// What should have stood there.
        what: &'static str,
        /// Where reading ended; 0 where the text as a whole was read.
        line: usize,
        /// Where in the line.
        column: usize,
    },
}

impl NotUnderstood {
    /// Says whether a newer release understands the message, so that it must not be lost: after a release is rolled
    /// back its messages come again until it, or another, is there.
    pub const fn waits_for_a_newer_release(&self) -> bool {
        match self {
            Self::Newer { .. } => true,
            Self::Form { .. } => false,
        }
    }
}

/// Reads a message of the events' queue.
///
/// # Errors
///
/// Where it is of another form or of a newer release.
pub fn read_event(body: &str) -> Result<EventMessage, NotUnderstood> {
    read("event message", body)
}

/// Reads a message of a worker's queue.
///
/// # Errors
///
/// Where it is of another form or of a newer release.
pub fn read_wake(body: &str) -> Result<Wake, NotUnderstood> {
    read("wake-up", body)
}

fn read<T: DeserializeOwned>(what: &'static str, body: &str) -> Result<T, NotUnderstood> {
    #[derive(Deserialize)]
    struct Versioned {
        v: u64,
    }
    let not_of_the_form = |error: serde_json::Error| NotUnderstood::Form {
        what,
        line: error.line(),
        column: error.column(),
    };
    let newer = |version| NotUnderstood::Newer {
        what,
        version,
        newest: NEWEST,
    };
    let Versioned { v: version } = serde_json::from_str(body).map_err(not_of_the_form)?;
    match u8::try_from(version) {
        Ok(1..=VERSION) => serde_json::from_str(body).map_err(not_of_the_form),
        // Additions that this release passes over are read; a kind of message that it does not know has to wait.
        Ok(NEWEST) => serde_json::from_str(body).map_err(|_| newer(version)),
        // No release writes 0.
        Ok(0) => Err(NotUnderstood::Form {
            what,
            line: 0,
            column: 0,
        }),
        Ok(_) | Err(_) => Err(newer(version)),
    }
}

/// Writes a message.
///
/// SQS refuses the two code points that XML 1.0 has no place for (U+FFFE and U+FFFF) and JSON would leave as they
/// are; a title with one of them would never get through. They stand inside of JSON texts only, so they are escaped.
///
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
pub(super) fn write(message: &impl Serialize) -> Result<String, serde_json::Error> {
    let body = serde_json::to_string(message)?;
    Ok(if body.contains(['\u{fffe}', '\u{ffff}']) {
        body.replace('\u{fffe}', "\\ufffe")
            .replace('\u{ffff}', "\\uffff")
    } else {
        body
    })
}

#[cfg(test)]
mod tests {
    use hub_domain::{Action, ItemKind, Source};
    use serde_json::json;

    use super::*;

    fn user() -> UserId {
        UserId(Uuid::from_u128(7))
    }

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn event(title: &str) -> EventMessage {
        let mut media = MediaItem::new(ItemKind::Track);
        media.title = Some(title.to_owned());
        let event = Event::new(ServerRef::unnamed(Source::Plex), Action::Stop, media, at());
        EventMessage::new(user(), "webhook:plex", Incoming::Event(Box::new(event)))
    }

    fn scrobble() -> EventMessage {
        let scrobble = QueuedScrobble {
            media: MediaItem::new(ItemKind::Movie),
            server: ServerRef::unnamed(Source::Queue),
            watched_at: Some(at()),
            started_at: None,
            progress_percent: Some(91.5),
            received_at: at(),
            action: QueuedAction::Scrobble,
            position: Some(TimeDelta::milliseconds(1_500)),
            play: None,
        };
        let mut message =
            EventMessage::new(user(), "queue", Incoming::Scrobble(Box::new(scrobble)));
        message.services = Some(vec![Service::Trakt]);
        message
    }

    fn wakes() -> Vec<Wake> {
        let play = PlayId::new(
            user(),
            &hub_domain::ItemKey::new("movie:tmdb:603"),
            Some(at()),
        );
        vec![
            Wake::deliver(user(), Service::Trakt, vec![play.into()]),
            Wake::Live {
                v: VERSION,
                user: user(),
                service: Service::LastFm,
                session: SessionKey("plex#-#tv#1".to_owned()),
                sequence: 3,
                at: at(),
            },
            Wake::Probe {
                v: VERSION,
                service: Service::ListenBrainz,
                host: "music.example".to_owned(),
                user: user(),
            },
            Wake::Refresh {
                v: VERSION,
                user: user(),
                service: Service::Trakt,
            },
        ]
    }

    #[test]
    fn what_is_written_is_read_back_the_same() {
        for message in [event("Untitled"), scrobble()] {
            assert_eq!(read_event(&write(&message).unwrap()), Ok(message));
        }
        for wake in wakes() {
            assert_eq!(read_wake(&write(&wake).unwrap()), Ok(wake));
        }
    }

    #[test]
    fn the_forms_under_way_are_kept_to() {
        let wakes: Vec<serde_json::Value> = wakes()
            .iter()
            .map(|wake| serde_json::from_str(&write(wake).unwrap()).unwrap())
            .collect();
        let user = "00000000-0000-0000-0000-000000000007";
        assert_eq!(wakes[0]["wake"], "deliver");
        assert_eq!(
            wakes[1],
            json!({"wake": "live", "v": 1, "user": user, "service": "lastfm", "session": "plex#-#tv#1", "sequence": 3,
                   "at": "2027-01-15T08:00:00Z"})
        );
        assert_eq!(
            wakes[2],
            json!({"wake": "probe", "v": 1, "service": "listenbrainz", "host": "music.example", "user": user})
        );
        let queued: serde_json::Value = serde_json::from_str(&write(&scrobble()).unwrap()).unwrap();
        assert_eq!(queued["what"]["scrobble"]["action"], "scrobble");
        assert_eq!(queued["what"]["scrobble"]["position_ms"], 1500);
        assert_eq!(queued["services"], json!(["trakt"]));
    }

    #[test]
    fn what_the_release_before_does_not_know_waits_for_the_one_that_does() {
        let said = Said {
            aspect: Aspect::Watchlist,
            media: MediaItem::new(ItemKind::Movie),
            server: ServerRef::unnamed(Source::Canonical),
            says: Some(Says::Listed),
            since: at(),
        };
        let message = EventMessage::new(user(), "statement", Incoming::Statement(Box::new(said)));
        assert_eq!(message.v, NEWEST);
        assert_eq!(read_event(&write(&message).unwrap()), Ok(message));
        let said = "~rating#movie:tmdb:603".parse().unwrap();
        let wake = Wake::deliver(user(), Service::Trakt, vec![said]);
        assert!(matches!(wake, Wake::Deliver { v: NEWEST, .. }));
        let wake = Wake::deliver(user(), Service::Trakt, Vec::new());
        assert!(matches!(wake, Wake::Deliver { v: VERSION, .. }));
    }

    #[test]
    fn unknown_fields_are_passed_over_and_the_next_version_is_read() {
        let lane = r#"{"wake":"deliver","v":2,"user":"00000000-0000-0000-0000-000000000007","service":"trakt","new":{"x":1}}"#;
        let Ok(Wake::Deliver {
            v, parcels, hops, ..
        }) = read_wake(lane)
        else {
            panic!("a newer wake-up is read");
        };
        assert_eq!((v, parcels.len(), hops), (2, 0, 0));
    }

    #[test]
    fn a_message_of_a_newer_release_is_told_from_one_that_nobody_understands() {
        let user = "00000000-0000-0000-0000-000000000007";
        for (body, version) in [
            (r#"{"v":3,"wake":"soon"}"#.to_owned(), 3),
            (r#"{"v":300}"#.to_owned(), 300),
            // Of the version that is read, but of a kind that came with it.
            (
                format!(r#"{{"v":2,"wake":"rate","user":"{user}","service":"trakt"}}"#),
                2,
            ),
            (
                format!(r#"{{"v":2,"wake":"deliver","user":"{user}","service":"myspace"}}"#),
                2,
            ),
        ] {
            let error = read_wake(&body).unwrap_err();
            assert!(error.waits_for_a_newer_release(), "{body}");
            assert!(
                matches!(error, NotUnderstood::Newer { version: v, newest: 2, .. } if v == version)
            );
        }
        for body in [
            r#"{"v":0}"#,
            r#"{"v":-1}"#,
            r#"{"v":1,"wake":"rate"}"#,
            "",
            "[]",
        ] {
            let error = read_wake(body).unwrap_err();
            assert!(!error.waits_for_a_newer_release(), "{body}");
        }
        let error = read_event(r#"{"v":9}"#).unwrap_err().to_string();
        assert_eq!(
            error,
            "event message is of version 9; this release reads versions 1 to 2, as far as it knows them"
        );
    }

    #[test]
    fn what_is_no_message_is_refused_without_being_shown() {
        for body in [
            "",
            "The Secret Title",
            r#"{"v":1}"#,
            r#"{"v":"The Secret Title"}"#,
            r#"{"v":1,"wake":"The Secret Title"}"#,
        ] {
            let words = read_wake(body).unwrap_err().to_string();
            assert!(
                words.starts_with("this is no wake-up") && !words.contains("Secret"),
                "{words}"
            );
        }
    }

    #[test]
    fn code_points_that_sqs_refuses_travel_escaped() {
        let message = event("a\u{fffe}b\u{ffff}c\u{1}d\u{1f3b5}");
        let body = write(&message).unwrap();
        let is_taken = |letter: char| matches!(letter, '\u{20}'..='\u{fffd}' | '\u{10000}'..);
        assert!(body.chars().all(is_taken), "{body}");
        assert_eq!(read_event(&body), Ok(message));
    }
}
