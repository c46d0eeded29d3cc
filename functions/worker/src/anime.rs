//! What an anime list needs besides: where each parcel belongs in its numbers, and what stands there now.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use hub_domain::anime::{Catalogue, Place};
use hub_domain::{Disposition, Outcome, Parcel, ParcelId, UserId};
use hub_providers::{OnList, Placed, Prepared, ProviderError, Situation};
use hub_store::{Frozen, Lane, LaneTaken, StoredConnection};

use crate::lane::{Held, Next, account, next_holder};
use crate::place::Placement;
use crate::refresh::Refreshed;
use crate::{BUSY, Failure, LEASE, Worker};

/// The most parcels that are placed in one round: each may take a few reads.
const MOST_PLACED: usize = 50;
/// The most entries that are asked for in one round; what lies in others is the next round's. MyAnimeList tells of one
/// entry a call, and takes about one call a second.
const fn most_entries(catalogue: Catalogue) -> usize {
    match catalogue {
        Catalogue::AniList => 5,
        Catalogue::MyAnimeList => 1,
    }
}

/// What placing a lane's parcels came to.
pub(crate) struct Placing {
    /// Those that have a place.
    pub(crate) found: BTreeMap<ParcelId, Place>,
    /// When the first of those that have to wait is ready.
    pub(crate) put_off: Option<DateTime<Utc>>,
}

/// What asking for what stands there came to.
pub(crate) enum Surveyed {
    /// The list answered.
    Placed(Placed),
    /// It did not; this is next.
    Failed(Next),
}

impl Worker {
    /// Finds the place of each parcel, settles those that have none, and keeps those in `ready` that a round can hold.
    pub(crate) async fn place_all(
        &self,
        stored: &StoredConnection,
        ready: &mut Vec<Parcel>,
        now: DateTime<Utc>,
    ) -> Result<Placing, Failure> {
        let user = stored.connection.user;
        let mut found = BTreeMap::new();
        let Some(catalogue) = self.service().catalogue() else {
            return Ok(Placing {
                found,
                put_off: None,
            });
        };
        ready.truncate(MOST_PLACED);
        let mut outcomes = Vec::new();
        let mut entries = BTreeSet::new();
        let mut later = BTreeSet::new();
        let places = self.places(user).await?;
        for parcel in &*ready {
            if parcel
                .delivery(self.service())
                .is_some_and(|delivery| delivery.undo)
            {
                // What is taken back is told by the record that the list named.
                continue;
            }
            let outcome = match places.place(user, parcel.media(), catalogue, now).await? {
                Placement::Found(place) => {
                    entries.insert(place.entry.id);
                    if entries.len() > most_entries(catalogue) {
                        entries.remove(&place.entry.id);
                        later.insert(parcel.id());
                    } else {
                        found.insert(parcel.id(), place);
                    }
                    continue;
                }
                Placement::Unclear { tried, candidates } => Outcome::Unclear { tried, candidates },
                Placement::NotFound { tried } => Outcome::NotFound { tried },
                Placement::Excluded => Outcome::Ignored {
                    why: "by your own rule it is not sent there".to_owned(),
                },
                Placement::Later { until, why } => Outcome::Wait { until, why },
            };
            outcomes.push((parcel.id(), outcome));
        }
        let put_off = self.settle_all(user, ready, &outcomes, None, now).await?;
        ready.retain(|parcel| {
            let id = parcel.id();
            !later.contains(&id) && !outcomes.iter().any(|(settled, _)| *settled == id)
        });
        Ok(Placing { found, put_off })
    }

    /// Asks the list what stands at the entries of the parcels. A list that does not answer is treated as one that did
    /// not take them: nothing was written.
    pub(crate) async fn survey(
        &self,
        stored: &StoredConnection,
        lane: &Lane,
        parcels: &[Parcel],
        found: BTreeMap<ParcelId, Place>,
        now: DateTime<Utc>,
    ) -> Result<Surveyed, Failure> {
        let entries: BTreeSet<u32> = found.values().map(|place| place.entry.id).collect();
        let tokens = self.tokens(stored)?;
        let answer = self
            .provider()
            .survey(&account(stored, &tokens), &entries, now)
            .await;
        if answer.as_ref().is_err_and(ProviderError::is_auth) {
            match self.refresh(stored, now).await? {
                // With the new tokens in a moment: asked again at once it would be one call too many for its turn.
                Refreshed::Tokens(_) | Refreshed::Busy => {
                    return Ok(Surveyed::Failed(Next::At(now + BUSY)));
                }
                Refreshed::Later(at) => return Ok(Surveyed::Failed(Next::At(at))),
                Refreshed::ReconnectRequired => {}
            }
        }
        match answer {
            Ok(stands) => Ok(Surveyed::Placed(situations(found, &stands))),
            Err(error) => {
                let next = self.not_surveyed(stored, lane, parcels, error, now).await?;
                Ok(Surveyed::Failed(next))
            }
        }
    }

    async fn not_surveyed(
        &self,
        stored: &StoredConnection,
        lane: &Lane,
        parcels: &[Parcel],
        mut error: ProviderError,
        now: DateTime<Utc>,
    ) -> Result<Next, Failure> {
        tracing::warn!(
            service.name = %self.service(), user.id = %stored.connection.user,
            error = &error as &dyn std::error::Error, disposition = ?error.disposition, "could not ask what stands there"
        );
        if error.disposition == Disposition::InDoubt {
            // A question changes nothing, whether it was heard or not.
            error.disposition = Disposition::Retryable;
        }
        let user = stored.connection.user;
        let holder = next_holder();
        let taken = self
            .table
            .take_lane(
                user,
                self.service(),
                lane.version,
                &holder,
                now + LEASE,
                Frozen::Goes,
            )
            .await?;
        if let LaneTaken::Busy = taken {
            return Ok(Next::At(now + BUSY));
        }
        let held = Held {
            user,
            stored,
            lane,
            holder: &holder,
            now,
        };
        let asked = Prepared::asking(parcels, now);
        self.failed(&held, parcels, asked, &error).await
    }

    /// Where the user lives.
    pub(crate) async fn time_zone(&self, user: UserId) -> Result<chrono_tz::Tz, Failure> {
        let user = self.table.user(user).await?;
        Ok(user.map_or(chrono_tz::Tz::UTC, |user| user.settings.zone()))
    }
}

fn situations(found: BTreeMap<ParcelId, Place>, stands: &BTreeMap<u32, OnList>) -> Placed {
    found
        .into_iter()
        .map(|(id, place)| {
            let stands = stands.get(&place.entry.id).copied();
            (id, Situation { place, stands })
        })
        .collect()
}
