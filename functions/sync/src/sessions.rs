//! Sessions from which nothing was heard any more.

use chrono::{DateTime, Utc};
use hub_domain::Outcome;
use hub_domain::delivery::State;
use hub_domain::session::Session;
use hub_store::Saved;

use crate::{A_SHARD, Failure, Sync, due_shards};

impl Sync {
    /// Closes the sessions that are silent, with what was last reported of them; pushes the others on once.
    pub(crate) async fn close_sessions(&self, now: DateTime<Utc>) -> Result<usize, Failure> {
        let mut closed = 0;
        for shard in due_shards() {
            for key in self
                .table
                .due(hub_store::due::SESSION, shard, now, A_SHARD, None)
                .await?
            {
                let (Some(user), Some(name)) = (key.user(), key.session()) else {
                    continue;
                };
                let Some((mut session, version)) = self.table.session(user, &name, now).await?
                else {
                    continue;
                };
                let silent_at = session.silent_at();
                if silent_at > now {
                    self.table.move_due(&key, key.due_at, silent_at).await?;
                    continue;
                }
                self.settle_held(&session, now).await?;
                session.closed = true;
                match self
                    .table
                    .put_session(&session, Some(version), None, now)
                    .await?
                {
                    Saved::Saved(_) => {
                        self.table.clear_due(&key).await?;
                        closed += 1;
                    }
                    // It woke up under our hands; the next tick looks again.
                    Saved::Conflict => {}
                }
            }
        }
        Ok(closed)
    }

    /// Settles the deliveries that waited for a threshold which the session did not reach.
    async fn settle_held(&self, session: &Session, now: DateTime<Utc>) -> Result<(), Failure> {
        let made: Vec<_> = session.made.iter().map(|made| made.play.clone()).collect();
        if made.is_empty() {
            return Ok(());
        }
        for play in self.table.plays(session.user, &made).await? {
            for (service, delivery) in &play.deliveries {
                if delivery.state != State::Held {
                    continue;
                }
                let after = delivery.answered(
                    &Outcome::Ignored {
                        why: "below your threshold".to_owned(),
                    },
                    now,
                );
                let still_open = play
                    .deliveries
                    .iter()
                    .any(|(other, delivery)| other != service && !delivery.state.is_settled());
                self.table
                    .update_delivery(session.user, &play.id, *service, &after, still_open)
                    .await?;
            }
        }
        Ok(())
    }
}
