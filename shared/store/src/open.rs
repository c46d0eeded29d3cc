//! Open deliveries: what did not settle at its first attempt, for the lane's holder to find, oldest first.
//!
//! | read or write                   | key                                                         |
//! | ------------------------------- | ----------------------------------------------------------- |
//! | one open delivery               | `pk = USER#<id>`, `sk = OPEN#<service>#<parcel id>`         |
//! | all of a lane, oldest first     | the same `pk`, `sk` begins `OPEN#<service>#`                |
//!
//! An entry says only that there is something to look at: writing or deleting it twice changes nothing, so neither has a
//! condition.

use hub_domain::{ParcelId, Service, UserId};

use crate::batch::put_request;
use crate::error::StoreError;
use crate::item::{FORMAT, Item, number, text_of};
use crate::key::{Key, user_partition};
use crate::table::{Freshness, Table};

/// The most entries of one page.
pub const MOST_OPEN: i32 = 1000;

impl Key {
    /// An open delivery of a lane.
    pub fn open(user: UserId, service: Service, parcel: &ParcelId) -> Self {
        Self::of_user(user, format!("OPEN#{service}#{parcel}"))
    }
}

impl Table {
    /// Notes an open delivery.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn put_open(
        &self,
        user: UserId,
        service: Service,
        parcel: &ParcelId,
    ) -> Result<(), StoreError> {
        self.put_open_many(user, service, std::slice::from_ref(parcel))
            .await
    }

    /// Notes open deliveries, in no order.
    ///
    /// # Errors
    ///
    /// Those of the table; some may be noted then.
    pub async fn put_open_many(
        &self,
        user: UserId,
        service: Service,
        parcels: &[ParcelId],
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "note open deliveries";
        let mut parcels: Vec<&ParcelId> = parcels.iter().collect();
        parcels.sort();
        parcels.dedup();
        let writes = parcels
            .into_iter()
            .map(|parcel| {
                let item = Item::from([("v".to_owned(), number(FORMAT))]);
                put_request(OPERATION, &Key::open(user, service, parcel), item)
            })
            .collect::<Result<Vec<_>, _>>()?;
        self.write_many(OPERATION, writes).await
    }

    /// Forgets an open delivery, once it is settled.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn delete_open(
        &self,
        user: UserId,
        service: Service,
        parcel: &ParcelId,
    ) -> Result<(), StoreError> {
        self.delete_open_many(user, service, std::slice::from_ref(parcel))
            .await
    }

    /// Forgets open deliveries, once they are settled.
    ///
    /// # Errors
    ///
    /// Those of the table; some may be forgotten then.
    pub async fn delete_open_many(
        &self,
        user: UserId,
        service: Service,
        parcels: &[ParcelId],
    ) -> Result<(), StoreError> {
        let keys = parcels
            .iter()
            .map(|parcel| Key::open(user, service, parcel));
        self.delete_many("forget open deliveries", keys).await
    }

    /// Finds a lane's open deliveries, oldest first, at most `limit`, those after `after`.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn open_page(
        &self,
        user: UserId,
        service: Service,
        limit: i32,
        after: Option<&ParcelId>,
        freshness: Freshness,
    ) -> Result<Vec<ParcelId>, StoreError> {
        let prefix = format!("OPEN#{service}#");
        let page = self
            .query(&user_partition(user), &prefix)
            .consistent_read(freshness.is_consistent())
            .limit(limit.clamp(1, MOST_OPEN))
            .set_exclusive_start_key(
                after.map(|parcel| Key::open(user, service, parcel).attributes()),
            )
            .send()
            .await
            .map_err(|error| StoreError::new("find open deliveries", error))?;
        let ids = page.items().iter().filter_map(|item| {
            let id = text_of(item, "sk")?.strip_prefix(&prefix)?;
            id.parse().ok()
        });
        Ok(ids.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{play, second, table, user};

    #[test]
    fn the_key_keeps_its_stored_format() {
        let id = play(user(7), second(0)).id.into();
        assert_eq!(
            Key::open(user(7), Service::LastFm, &id).to_string(),
            "USER#00000000-0000-0000-0000-000000000007 \
             OPEN#lastfm#20261120T133951250Z-fa27c9220fb55db2"
        );
    }

    #[tokio::test]
    async fn open_deliveries_are_found_oldest_first_page_by_page() {
        let table = table().await;
        let mut ids: Vec<ParcelId> = (0..60)
            .map(|at| play(user(1), second(at)).id.into())
            .collect();
        ids.reverse();
        // Noted twice, within one call and by another.
        ids.push(ids[0].clone());
        table
            .put_open_many(user(1), Service::LastFm, &ids)
            .await
            .unwrap();
        table
            .put_open(user(1), Service::LastFm, &ids[3])
            .await
            .unwrap();
        table
            .put_open(user(1), Service::ListenBrainz, &ids[3])
            .await
            .unwrap();
        ids.pop();
        ids.reverse();
        let page = async |after: Option<&ParcelId>| {
            table
                .open_page(user(1), Service::LastFm, 50, after, Freshness::Now)
                .await
                .unwrap()
        };
        let first = page(None).await;
        assert_eq!(first, ids[..50]);
        let rest = page(first.last()).await;
        assert_eq!(rest, ids[50..]);
        assert!(page(rest.last()).await.is_empty());
    }

    #[tokio::test]
    async fn what_is_settled_is_forgotten() {
        let table = table().await;
        let ids: Vec<ParcelId> = (0..30)
            .map(|at| play(user(1), second(at)).id.into())
            .collect();
        table
            .put_open_many(user(1), Service::Trakt, &ids)
            .await
            .unwrap();
        table
            .delete_open(user(1), Service::Trakt, &ids[29])
            .await
            .unwrap();
        table
            .delete_open_many(user(1), Service::Trakt, &ids[..28])
            .await
            .unwrap();
        table
            .delete_open_many(user(1), Service::Trakt, &ids[..28])
            .await
            .unwrap();
        let left = table
            .open_page(user(1), Service::Trakt, 9, None, Freshness::Lately)
            .await
            .unwrap();
        assert_eq!(left, ids[28..29]);
    }
}
