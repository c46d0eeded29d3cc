//! What the modules' tests share: an answer taken apart.

use hub_domain::Event;

use crate::outcome::Translated;

/// The one event of an answer.
pub(crate) fn one(translated: Translated) -> Event {
    match translated {
        Translated::Events(mut events) if events.len() == 1 => events.remove(0),
        Translated::Events(events) => panic!("{} events", events.len()),
        Translated::Ignored { reason } => panic!("ignored: {reason}"),
    }
}

/// The code of the reason for which a body was ignored.
pub(crate) fn code(translated: &Translated) -> &'static str {
    match translated {
        Translated::Ignored { reason } => reason.code(),
        Translated::Events(events) => panic!("{} events", events.len()),
    }
}
