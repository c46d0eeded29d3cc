//! The one clock of the hub, handed in everywhere the time matters.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

/// Tells the time: the machine's, or one that is turned by hand.
#[derive(Clone)]
pub struct Clock(Arc<Kind>);

enum Kind {
    System,
    Turned {
        micros: AtomicI64,
        turned: watch::Sender<u64>,
    },
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Arc::new(Kind::System))
    }

    /// A clock that stands at `start` until it is turned; for tests and the demonstration.
    pub fn standing_at(start: DateTime<Utc>) -> Self {
        let (turned, _) = watch::channel(0);
        Self(Arc::new(Kind::Turned {
            micros: AtomicI64::new(start.timestamp_micros()),
            turned,
        }))
    }

    /// The time, in UTC, to the microsecond.
    pub fn now(&self) -> DateTime<Utc> {
        match &*self.0 {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place that reads the machine's clock"
            )]
            Kind::System => Utc::now(),
            Kind::Turned { micros, .. } => {
                DateTime::from_timestamp_micros(micros.load(Ordering::SeqCst)).unwrap_or_default()
            }
        }
    }

    /// Turns the clock forward; a system clock is not moved.
    pub fn turn(&self, by: TimeDelta) {
        if let Kind::Turned { micros, turned } = &*self.0 {
            micros.fetch_add(by.num_microseconds().unwrap_or(0).max(0), Ordering::SeqCst);
            turned.send_modify(|times| *times += 1);
        }
    }

    /// Resolves when the clock has been turned; never for a system clock.
    ///
    /// Whoever waits for an hour of the hub's time waits for either: the real hour or this.
    pub async fn turned(&self) {
        match &*self.0 {
            Kind::System => std::future::pending().await,
            Kind::Turned { turned, .. } => {
                let mut turns = turned.subscribe();
                // The sender lives as long as this clock, so an error cannot come.
                let _ = turns.changed().await;
            }
        }
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_clock_moves_only_when_turned() {
        let clock = Clock::standing_at(DateTime::UNIX_EPOCH);
        let copy = clock.clone();
        clock.turn(TimeDelta::seconds(90));
        assert_eq!(copy.now(), DateTime::UNIX_EPOCH + TimeDelta::seconds(90));
    }

    #[test]
    fn time_is_never_turned_back() {
        let clock = Clock::standing_at(DateTime::UNIX_EPOCH);
        clock.turn(TimeDelta::seconds(-1));
        assert_eq!(clock.now(), DateTime::UNIX_EPOCH);
    }
}
