//! What is open in a lane and ready to be sent.

use chrono::{DateTime, Utc};
use hub_domain::delivery::State;
use hub_domain::{Outcome, Parcel, ParcelId, Play, UserId};
use hub_store::Freshness;

use crate::{Failure, Worker};

/// The most open deliveries that are looked at in one go: more than the largest batch of any service.
const A_PAGE: i32 = 100;

/// After so many failures a delivery goes behind those that failed less.
const OFTEN: u32 = 8;

/// The open deliveries of a lane.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Ready to be sent: plays before statements, oldest first.
    pub(crate) ready: Vec<Parcel>,
    /// When the next of the others is ready.
    pub(crate) next_at: Option<DateTime<Utc>>,
    /// There are more than were looked at.
    pub(crate) more: bool,
}

impl Worker {
    /// Gathers the fresh parcels that the wake-up names and those that are written down as open.
    ///
    /// What its user took back before it was sent is settled on the way; what the service has becomes a removal. Only
    /// to be asked while nothing is under way in the lane.
    pub(crate) async fn gather(
        &self,
        user: UserId,
        fresh: &[ParcelId],
        freshness: Freshness,
        now: DateTime<Utc>,
    ) -> Result<Gathered, Failure> {
        let service = self.service();
        let page = self
            .table
            .open_page(user, service, A_PAGE, None, freshness)
            .await?;
        let more = page.len() >= usize::try_from(A_PAGE).unwrap_or(usize::MAX);
        let mut ids: Vec<ParcelId> = fresh.to_vec();
        ids.extend(page.iter().cloned());
        ids.sort();
        ids.dedup();
        let parcels = self.parcels(user, &ids).await?;
        // An entry that points at nothing, or at what is settled, was left by a crash between two writes.
        let is_open = |id: &ParcelId| {
            parcels
                .iter()
                .any(|parcel| parcel.id() == *id && parcel.is_open_at(service))
        };
        let stale: Vec<ParcelId> = page.into_iter().filter(|id| !is_open(id)).collect();
        if !stale.is_empty() {
            self.table.delete_open_many(user, service, &stale).await?;
        }
        let parcels = self.take_back(user, parcels, now).await?;
        let mut gathered = Gathered {
            more,
            ..Gathered::default()
        };
        for parcel in parcels {
            let Some(delivery) = parcel.delivery(service) else {
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
                Some(_) | None => gathered.ready.push(parcel),
            }
        }
        // What failed often may itself be what breaks the service: it goes last, so that it holds up nothing else.
        gathered.ready.sort_by_cached_key(|parcel| {
            let has_failed_often = parcel
                .delivery(service)
                .is_some_and(|delivery| delivery.attempts >= OFTEN);
            let is_statement = parcel.statement().is_some();
            // Episodes that were marked at once go in their own order.
            let number = (parcel.media().season, parcel.media().episode);
            let id = parcel.id();
            (is_statement, has_failed_often, parcel.at(), number, id)
        });
        Ok(gathered)
    }

    /// Reads parcels as they are now; those that are not there are left out.
    pub(crate) async fn parcels(
        &self,
        user: UserId,
        ids: &[ParcelId],
    ) -> Result<Vec<Parcel>, Failure> {
        let plays: Vec<_> = ids.iter().filter_map(ParcelId::play).cloned().collect();
        let said: Vec<_> = ids
            .iter()
            .filter_map(ParcelId::statement)
            .cloned()
            .collect();
        let mut parcels = Vec::with_capacity(ids.len());
        if !plays.is_empty() {
            let plays = self.table.plays(user, &plays).await?;
            parcels.extend(plays.into_iter().map(|play| Parcel::Play(Box::new(play))));
        }
        if !said.is_empty() {
            let said = self.table.statements(user, &said).await?;
            parcels.extend(said.into_iter().map(|it| Parcel::Statement(Box::new(it))));
        }
        Ok(parcels)
    }

    /// Turns plays that their user took back into what is to be done about them, and answers the parcels as they are
    /// then.
    async fn take_back(
        &self,
        user: UserId,
        parcels: Vec<Parcel>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Parcel>, Failure> {
        let is_removed = |play: &Play| play.removed_at.is_some();
        if !parcels
            .iter()
            .any(|parcel| parcel.play().is_some_and(is_removed))
        {
            return Ok(parcels);
        }
        let service = self.service();
        let mut kept = Vec::with_capacity(parcels.len());
        let mut unsent = Vec::new();
        for parcel in parcels {
            let (Parcel::Play(mut play), Some(delivery)) =
                (parcel.clone(), parcel.delivery(service))
            else {
                kept.push(parcel);
                continue;
            };
            if play.is_to_be_undone(delivery) {
                let undone = delivery.undone();
                let id = play.id.clone();
                // Written as open before the play says so: the lane's holder looks there.
                self.table
                    .put_open(user, service, &id.clone().into())
                    .await?;
                if self
                    .table
                    .undo_delivery(user, &id, service, &undone)
                    .await?
                {
                    play.deliveries.insert(service, undone);
                    kept.push(Parcel::Play(play));
                }
            } else if is_removed(&play) && !delivery.undo {
                unsent.push(parcel);
            } else {
                kept.push(parcel);
            }
        }
        let why = Outcome::Ignored {
            why: "you took it back before it was sent".to_owned(),
        };
        let outcomes: Vec<_> = unsent
            .iter()
            .filter(|parcel| parcel.is_open_at(service))
            .map(|parcel| (parcel.id(), why.clone()))
            .collect();
        self.settle_all(user, &unsent, &outcomes, None, now).await?;
        Ok(kept)
    }
}
