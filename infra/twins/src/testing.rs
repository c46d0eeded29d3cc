//! What the tests of all twins share: a clock to turn and a client that does not follow redirects.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

use crate::Now;

/// A clock that stands until it is turned.
#[derive(Clone)]
pub(crate) struct Clock(Arc<AtomicI64>);

impl Clock {
    /// Stands at 2026-11-20T12:00:00Z, the start of a window of any length used here.
    pub(crate) fn standing() -> Clock {
        Clock(Arc::new(AtomicI64::new(1_795_176_000_000)))
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }

    pub(crate) fn turn(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }

    pub(crate) fn handle(&self) -> Now {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .user_agent("hub-twins-tests/1 (+https://example.org)")
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}

/// A contract of the folder that `HUB_REFERENCE` names; without it, the test is skipped, visibly.
pub(crate) fn reference(file: &str) -> Option<String> {
    let text = crate::reference::read(file);
    if text.is_none() {
        eprintln!("skipped: HUB_REFERENCE does not name a folder that holds {file}");
    }
    text
}
