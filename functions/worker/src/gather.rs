//! What is open in a lane and ready to be sent.

use chrono::{DateTime, Utc};
use hub_domain::delivery::State;
use hub_domain::{Play, PlayId, UserId};
use hub_store::Freshness;

use crate::{Failure, Worker};

/// The most open deliveries that are looked at in one go: more than the largest batch of any service.
const A_PAGE: i32 = 100;

/// After so many failures a delivery goes behind those that failed less.
const OFTEN: u32 = 8;

/// The open deliveries of a lane.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Ready to be sent, oldest first.
    pub(crate) ready: Vec<Play>,
    /// When the next of the others is ready.
    pub(crate) next_at: Option<DateTime<Utc>>,
    /// There are more than were looked at.
    pub(crate) more: bool,
}

impl Worker {
    /// Gathers the fresh plays that the wake-up names and those that are written down as open.
    pub(crate) async fn gather(
        &self,
        user: UserId,
        fresh: &[PlayId],
        freshness: Freshness,
        now: DateTime<Utc>,
    ) -> Result<Gathered, Failure> {
        let service = self.service();
        let page = self
            .table
            .open_page(user, service, A_PAGE, None, freshness)
            .await?;
        let more = page.len() >= usize::try_from(A_PAGE).unwrap_or(usize::MAX);
        let mut ids: Vec<PlayId> = fresh.to_vec();
        ids.extend(page.iter().cloned());
        ids.sort();
        ids.dedup();
        let plays = if ids.is_empty() {
            Vec::new()
        } else {
            self.table.plays(user, &ids).await?
        };
        // An entry that points at nothing, or at what is settled, was left by a crash between two writes.
        let is_open = |play: &Play| {
            play.deliveries
                .get(&service)
                .is_some_and(|delivery| !delivery.state.is_settled())
        };
        let stale: Vec<PlayId> = page
            .into_iter()
            .filter(|id| !plays.iter().any(|play| play.id == *id && is_open(play)))
            .collect();
        if !stale.is_empty() {
            self.table.delete_open_many(user, service, &stale).await?;
        }
        let mut gathered = Gathered {
            more,
            ..Gathered::default()
        };
        for play in plays {
            let Some(delivery) = play.deliveries.get(&service) else {
                continue;
            };
            if delivery.state.is_settled() || delivery.state == State::Held {
                continue;
            }
            // What failed waits with its lane, which is parked until the next try; what the service itself put off
            // waits on its own.
            match delivery.next_attempt_at.filter(|_| delivery.attempts == 0) {
                Some(at) if at > now => {
                    gathered.next_at = Some(gathered.next_at.map_or(at, |next| next.min(at)));
                }
                Some(_) | None => gathered.ready.push(play),
            }
        }
        // What failed often may itself be what breaks the service: it goes last, so that it holds up nothing else.
        let has_failed_often = |play: &Play| {
            play.deliveries
                .get(&service)
                .is_some_and(|delivery| delivery.attempts >= OFTEN)
        };
        gathered.ready.sort_by(|a, b| {
            (has_failed_often(a), a.watched_at, &a.id).cmp(&(
                has_failed_often(b),
                b.watched_at,
                &b.id,
            ))
        });
        Ok(gathered)
    }
}
