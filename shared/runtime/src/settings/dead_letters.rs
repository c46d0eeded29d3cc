//! Where messages end that came too often, and where they came from.

use hub_domain::Service;

use super::reader::{Reader, SettingsError};
use super::{Settings, needed, queue_url};

/// What the names of these variables begin with; `EVENTS`, `SYNC` or a service's name follows.
const DEAD_LETTERS_URL: &str = "DEAD_LETTERS_URL";

/// A queue of dead letters, and the one that they go back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetters {
    /// The address of the dead letters.
    pub from: String,
    /// The address of the queue that gave them up.
    pub to: String,
}

/// Which queue gave messages up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Events,
    Sync,
    Deliver(Service),
}

/// The addresses that are set, the events' first: they are all that cannot be found again in the table.
pub(super) fn read(reader: &Reader<'_>) -> Result<Vec<(Of, String)>, SettingsError> {
    let services = Service::WRITABLE.into_iter().map(Of::Deliver);
    let mut found = Vec::new();
    for of in [Of::Events, Of::Sync].into_iter().chain(services) {
        let name = match of {
            Of::Events => "EVENTS".to_owned(),
            Of::Sync => "SYNC".to_owned(),
            Of::Deliver(service) => service.name().to_ascii_uppercase(),
        };
        if let Some(url) = queue_url(reader, &format!("{DEAD_LETTERS_URL}_{name}"))? {
            found.push((of, url));
        }
    }
    Ok(found)
}

impl Settings {
    /// The queues of dead letters (`DEAD_LETTERS_URL_EVENTS`, `DEAD_LETTERS_URL_SYNC`, `DEAD_LETTERS_URL_<SERVICE>`),
    /// each with the queue that its messages go back to; those that are not set are left out.
    ///
    /// # Errors
    ///
    /// Where the queue is not set that they go back to.
    pub fn dead_letters(&self) -> Result<Vec<DeadLetters>, SettingsError> {
        let pair = |(of, from): &(Of, String)| {
            let to = match of {
                Of::Events => self.events_queue()?,
                Of::Sync => self.sync_queue()?,
                Of::Deliver(service) => needed(
                    self.deliver_queues().get(service).map(String::as_str),
                    &super::deliver_queue_variable(*service),
                    "the queue's address",
                )?,
            };
            Ok(DeadLetters {
                from: from.clone(),
                to: to.to_owned(),
            })
        };
        self.dead_letters.iter().map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_letters_know_where_they_came_from() {
        let settings = Settings::of([
            ("EVENTS_QUEUE_URL", "https://sqs.example/1/events.fifo"),
            (
                "DEAD_LETTERS_URL_EVENTS",
                "https://sqs.example/1/events-dead.fifo",
            ),
            (
                "DELIVER_QUEUE_URL",
                "https://sqs.example/1/deliver-{service}",
            ),
            (
                "DEAD_LETTERS_URL_LASTFM",
                "https://sqs.example/1/deliver-lastfm-dead",
            ),
        ])
        .unwrap();
        let pair = |from: &str, to: &str| DeadLetters {
            from: format!("https://sqs.example/1/{from}"),
            to: format!("https://sqs.example/1/{to}"),
        };
        assert_eq!(
            settings.dead_letters().unwrap(),
            [
                pair("events-dead.fifo", "events.fifo"),
                pair("deliver-lastfm-dead", "deliver-lastfm")
            ]
        );
        assert_eq!(Settings::of([]).unwrap().dead_letters(), Ok(Vec::new()));
    }

    #[test]
    fn dead_letters_that_could_go_nowhere_name_what_is_missing() {
        for (name, missing) in [
            ("EVENTS", "EVENTS_QUEUE_URL"),
            ("SYNC", "SYNC_QUEUE_URL"),
            ("TRAKT", "DELIVER_QUEUE_URL_TRAKT"),
        ] {
            let variable = format!("DEAD_LETTERS_URL_{name}");
            let settings = Settings::of([(&*variable, "https://sqs.example/1/dead")]).unwrap();
            assert_eq!(settings.dead_letters().unwrap_err().variable(), missing);
            let error = Settings::of([(&*variable, "dead")]).unwrap_err();
            assert_eq!(error.variable(), variable);
        }
    }
}
