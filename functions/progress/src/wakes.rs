//! The wake-ups that a batch of events calls for, gathered so that a lane is woken once.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hub_domain::session::SessionKey;
use hub_domain::{ParcelId, PlayId, Service, StatementId, UserId};
use hub_runtime::queue::{Queues, SendError, VERSION, Wake};

/// How long marks made by hand are gathered before they are sent: a season is marked episode by episode.
const GATHER_MARKS: Duration = Duration::from_secs(5);
/// How long a pause is held back: some clients report one for every seek.
const HOLD_PAUSE: Duration = Duration::from_secs(5);
/// The most parcels that one wake-up names.
const MOST_PARCELS: usize = 100;

/// Wake-ups to be sent, and the records that called for them.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    record: String,
    records: Vec<String>,
    parcels: BTreeMap<(UserId, Service), (Vec<ParcelId>, Duration)>,
    live: Vec<(Wake, Duration)>,
    looks_again: Vec<String>,
}

impl Wakes {
    /// Says whose wake-ups come next.
    pub(crate) fn for_record(&mut self, record: &str) {
        record.clone_into(&mut self.record);
    }

    /// Wakes the lane of a user at a service for a play.
    pub(crate) fn play(&mut self, user: UserId, service: Service, play: &PlayId, manual: bool) {
        let delay = if manual { GATHER_MARKS } else { Duration::ZERO };
        self.parcel(user, service, play.clone().into(), delay);
    }

    /// Wakes the lane of a user at a service for what the user says.
    pub(crate) fn statement(&mut self, user: UserId, service: Service, id: &StatementId) {
        self.parcel(user, service, id.clone().into(), Duration::ZERO);
    }

    fn parcel(&mut self, user: UserId, service: Service, parcel: ParcelId, delay: Duration) {
        let (parcels, until) = self
            .parcels
            .entry((user, service))
            .or_insert_with(|| (Vec::new(), delay));
        *until = (*until).min(delay);
        if !parcels.contains(&parcel) {
            parcels.push(parcel);
        }
        self.note();
    }

    /// Asks for the present state of a session to be shown at a service.
    pub(crate) fn live(
        &mut self,
        user: UserId,
        service: Service,
        session: &SessionKey,
        sequence: u64,
        at: DateTime<Utc>,
        paused: bool,
    ) {
        let wake = Wake::Live {
            v: VERSION,
            user,
            service,
            session: session.clone(),
            sequence,
            at,
        };
        self.live
            .push((wake, if paused { HOLD_PAUSE } else { Duration::ZERO }));
        self.note();
    }

    /// Asks for another look into the library, once the event is through: something waits for that item now.
    pub(crate) fn look_again(&mut self, content_id: &str) {
        if !self.looks_again.iter().any(|id| id == content_id) {
            self.looks_again.push(content_id.to_owned());
        }
    }

    /// The items that the library is to be asked for again.
    pub(crate) fn take_looks(&mut self) -> Vec<String> {
        std::mem::take(&mut self.looks_again)
    }

    fn note(&mut self) {
        if !self.records.contains(&self.record) {
            self.records.push(self.record.clone());
        }
    }

    /// Sends them all; on a failure, says which records have to come again.
    pub(crate) async fn send(self, queues: &Queues) -> Result<(), (SendError, Vec<String>)> {
        let deliveries =
            self.parcels
                .into_iter()
                .flat_map(|((user, service), (parcels, delay))| {
                    let wakes: Vec<_> = parcels
                        .chunks(MOST_PARCELS)
                        .map(|parcels| (Wake::deliver(user, service, parcels.to_vec()), delay))
                        .collect();
                    wakes
                });
        let wakes: Vec<(Wake, Duration)> = deliveries.chain(self.live).collect();
        if wakes.is_empty() {
            return Ok(());
        }
        queues
            .send_wakes(&wakes)
            .await
            .map_err(|failure| (failure, self.records))
    }
}
