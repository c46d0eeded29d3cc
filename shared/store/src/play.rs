//! Plays: the hub's own history, each with its deliveries.
//!
//! | read or write                | key                                                                         |
//! | ---------------------------- | --------------------------------------------------------------------------- |
//! | one play                     | `pk = USER#<id>`, `sk = PLAY#<first-seen start>#<play id>`                   |
//! | plays with an open delivery  | index `due`, kind `play`                                                    |
//!
//! The play's id begins with its first-seen start and never changes, so the key follows from the id alone; a better time
//! is an attribute. One put makes the play and its deliveries, a map by service. History is [`crate::history`], single
//! deliveries are [`crate::delivery`].

use aws_sdk_dynamodb::types::ReturnValue;
use chrono::{DateTime, Utc};
use hub_domain::{MediaItem, Play, PlayId, Precision, Sighting, UserId};

use crate::due;
use crate::error::{StoreError, is_condition_failed};
use crate::item::{
    Item, ONLY_IF_NEW, ONLY_IF_THERE, decode, encode, encode_value, refused_by, text, text_of,
};
use crate::key::Key;
use crate::table::Table;

const REPLACE_TIMES: &str = "SET sightings = :sightings, started_at = :started_at, \
     watched_at = :watched_at, #precision = :precision, progress_percent = :progress_percent";
const REMOVE: &str = "SET removed_at = if_not_exists(removed_at, :removed_at)";
/// The attributes that the key holds: the end of `sk`, and of `pk`.
const IN_THE_KEY: [&str; 2] = ["id", "user"];
const AND_MEDIA: &str = ", media = :media";

/// What became of a new play.
#[derive(Debug, Clone, PartialEq)]
pub enum PutPlay {
    /// It is stored.
    Created,
    /// It was there already, as this.
    Exists(Box<Play>),
}

/// What was learned of a play after it was made: replaces what stands there.
#[derive(Debug, Clone, PartialEq)]
pub struct Amendment {
    /// Who reported it, all of them.
    pub sightings: Vec<Sighting>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was watched.
    pub watched_at: Option<DateTime<Utc>>,
    /// How exactly that is known.
    pub precision: Precision,
    /// How far into the item its user was.
    pub progress_percent: Option<f64>,
    /// What was played, if more is known of it; `None` leaves it.
    pub media: Option<MediaItem>,
}

impl Amendment {
    /// An amendment that changes nothing yet.
    pub fn of(play: &Play) -> Self {
        Self {
            sightings: play.sightings.clone(),
            started_at: play.started_at,
            watched_at: play.watched_at,
            precision: play.precision,
            progress_percent: play.progress_percent,
            media: None,
        }
    }
}

impl Key {
    /// A user's play.
    pub fn play(user: UserId, id: &PlayId) -> Self {
        // The id is plain ASCII with its first `-` after the stamp, or it would be no id.
        let stamp = id.as_str().split('-').next().unwrap_or_default();
        Self::of_user(user, format!("PLAY#{stamp}#{id}"))
    }
}

/// Leaves out what the key says already: it keeps a play with two deliveries within one write unit.
fn write(operation: &'static str, play: &Play) -> Result<Item, StoreError> {
    let mut item = encode(operation, play)?;
    for name in IN_THE_KEY {
        item.remove(name);
    }
    Ok(item)
}

/// Reads a play, its id and user out of the key.
pub(crate) fn read(operation: &'static str, mut item: Item) -> Result<Play, StoreError> {
    let from_key = [
        text_of(&item, "sk").and_then(|sk| sk.rsplit_once('#')),
        text_of(&item, "pk").and_then(|pk| pk.rsplit_once('#')),
    ]
    .map(|parts| text(parts.map_or("", |(_, last)| last)));
    for (name, value) in std::iter::zip(IN_THE_KEY, from_key) {
        item.insert(name.to_owned(), value);
    }
    decode(operation, item)
}

impl Table {
    /// Stores a play and its deliveries, unless it is there: then answers what is there.
    ///
    /// `due_at` is when somebody should look whether its deliveries got on; `None` if none is open.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn put_play(
        &self,
        play: &Play,
        due_at: Option<DateTime<Utc>>,
    ) -> Result<PutPlay, StoreError> {
        const OPERATION: &str = "store a play";
        let mut item = write(OPERATION, play)?;
        due::enter(&mut item, due::PLAY, play.user, due_at);
        let put = self
            .put(&Key::play(play.user, &play.id), item)
            .condition_expression(ONLY_IF_NEW)
            .send()
            .await;
        match put {
            Ok(_) => Ok(PutPlay::Created),
            Err(error) if is_condition_failed(&error) => {
                let stands = refused_by(&error).cloned().unwrap_or_default();
                Ok(PutPlay::Exists(Box::new(read(OPERATION, stands)?)))
            }
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }

    /// Reads a play as it is now.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn play(&self, user: UserId, id: &PlayId) -> Result<Option<Play>, StoreError> {
        const OPERATION: &str = "read a play";
        let item = self.read(OPERATION, &Key::play(user, id)).await?;
        item.map(|item| read(OPERATION, item)).transpose()
    }

    /// Reads plays as they are now, oldest first; those that are not there are left out.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn plays(&self, user: UserId, ids: &[PlayId]) -> Result<Vec<Play>, StoreError> {
        const OPERATION: &str = "read plays";
        let keys = ids.iter().map(|id| Key::play(user, id));
        let mut plays = self
            .read_many(OPERATION, keys)
            .await?
            .into_iter()
            .map(|item| read(OPERATION, item))
            .collect::<Result<Vec<_>, _>>()?;
        plays.sort_by(|one, two| one.id.cmp(&two.id));
        Ok(plays)
    }

    /// Writes down what was learned of a play; `false` if it is gone.
    ///
    /// Replaces without looking: whoever calls holds the item's last plays under their version.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn amend_play(
        &self,
        user: UserId,
        id: &PlayId,
        amendment: &Amendment,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "amend a play";
        let value = |name, value| (name, value);
        let values = [
            value(":sightings", encode_value(OPERATION, &amendment.sightings)?),
            value(
                ":started_at",
                encode_value(OPERATION, &amendment.started_at)?,
            ),
            value(
                ":watched_at",
                encode_value(OPERATION, &amendment.watched_at)?,
            ),
            value(":precision", encode_value(OPERATION, &amendment.precision)?),
            value(
                ":progress_percent",
                encode_value(OPERATION, &amendment.progress_percent)?,
            ),
        ];
        let mut update = self
            .update(&Key::play(user, id))
            .update_expression(REPLACE_TIMES)
            .condition_expression(ONLY_IF_THERE)
            .expression_attribute_names("#precision", "precision");
        for (name, value) in values {
            update = update.expression_attribute_values(name, value);
        }
        if let Some(media) = &amendment.media {
            update = update
                .update_expression(format!("{REPLACE_TIMES}{AND_MEDIA}"))
                .expression_attribute_values(":media", encode_value(OPERATION, media)?);
        }
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }

    /// Writes down that its user took a play back, and answers the play as it is then; `None` if there is none.
    ///
    /// It stays: a late copy of an event meets it, and makes no second one. `due_at` is when somebody should look
    /// whether the services were told.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn remove_play(
        &self,
        user: UserId,
        id: &PlayId,
        now: DateTime<Utc>,
        due_at: DateTime<Utc>,
    ) -> Result<Option<Play>, StoreError> {
        const OPERATION: &str = "take a play back";
        let update = self
            .update(&Key::play(user, id))
            .condition_expression(ONLY_IF_THERE)
            .expression_attribute_values(":removed_at", encode_value(OPERATION, &now)?)
            .return_values(ReturnValue::AllNew);
        let removed = due::write(update, REMOVE, due::PLAY, user, Some(due_at))
            .send()
            .await;
        match removed {
            Ok(answer) => answer
                .attributes
                .map(|item| read(OPERATION, item))
                .transpose(),
            Err(error) if is_condition_failed(&error) => Ok(None),
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }

    /// Deletes a play, and answers what it was.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn delete_play(&self, user: UserId, id: &PlayId) -> Result<Option<Play>, StoreError> {
        const OPERATION: &str = "delete a play";
        let answer = self
            .delete(&Key::play(user, id))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| StoreError::new(OPERATION, error))?;
        answer
            .attributes
            .map(|item| read(OPERATION, item))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use hub_domain::media::{ExternalId, Namespace, Scope};
    use hub_domain::{Delivery, ItemKey, ItemKind, Service, State};

    use super::*;
    use crate::key::user_partition;
    use crate::testing::{items_of, play, second, size_of, table, user};

    #[test]
    fn the_key_follows_from_the_id_and_keeps_its_stored_format() {
        let item = ItemKey::new("movie:imdb:tt0133093");
        let partition = "USER#00000000-0000-0000-0000-000000000007";
        let dated = PlayId::new(user(7), &item, Some(second(0)));
        assert_eq!(
            Key::play(user(7), &dated).to_string(),
            format!("{partition} PLAY#20261120T133951250Z#20261120T133951250Z-fa27c9220fb55db2")
        );
        let undated = PlayId::new(user(7), &item, None);
        assert_eq!(
            Key::play(user(7), &undated).to_string(),
            format!("{partition} PLAY#00000000T000000000Z#00000000T000000000Z-fa27c9220fb55db2")
        );
    }

    #[tokio::test]
    async fn a_play_is_stored_once_and_the_second_sees_the_first() {
        let table = table().await;
        let mut first = play(user(1), second(0));
        first.deliveries.insert(Service::Trakt, Delivery::pending());
        first
            .deliveries
            .insert(Service::LastFm, Delivery::held(90.5));
        assert_eq!(
            table.put_play(&first, None).await.unwrap(),
            PutPlay::Created
        );
        let mut second_copy = first.clone();
        second_copy.deliveries.clear();
        let again = table.put_play(&second_copy, None).await.unwrap();
        assert_eq!(again, PutPlay::Exists(Box::new(first.clone())));
        assert_eq!(table.play(user(1), &first.id).await.unwrap(), Some(first));
    }

    #[tokio::test]
    async fn of_ten_who_store_a_play_one_creates_it() {
        let table = table().await;
        let play = play(user(1), second(0));
        let puts = (0..10).map(|_| table.put_play(&play, None));
        let all = futures_util::future::join_all(puts).await;
        let created = all
            .into_iter()
            .filter(|put| *put.as_ref().unwrap() == PutPlay::Created);
        assert_eq!(created.count(), 1);
    }

    #[tokio::test]
    async fn more_plays_than_a_batch_holds_are_read() {
        let table = table().await;
        let mut ids = Vec::new();
        for number in 0..130 {
            let play = play(user(1), second(number));
            table.put_play(&play, None).await.unwrap();
            ids.push(play.id);
        }
        let missing = play(user(1), second(999)).id;
        let asked: Vec<_> = ids
            .iter()
            .rev()
            .chain([&missing, &ids[0]])
            .cloned()
            .collect();
        let plays = table.plays(user(1), &asked).await.unwrap();
        let read: Vec<_> = plays.into_iter().map(|play| play.id).collect();
        assert_eq!(read, ids);
        assert!(table.plays(user(1), &[]).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_play_is_amended_in_its_place() {
        let table = table().await;
        let mut play = play(user(1), second(0));
        play.deliveries.insert(Service::Trakt, Delivery::pending());
        table.put_play(&play, None).await.unwrap();
        let mut media = play.media.clone();
        media.title = Some("The Matrix".to_owned());
        let amendment = Amendment {
            sightings: vec![Sighting {
                road: "import:trakt".to_owned(),
                at: second(-5),
            }],
            started_at: Some(second(-5)),
            precision: Precision::Minute,
            media: Some(media.clone()),
            ..Amendment::of(&play)
        };
        assert!(
            table
                .amend_play(user(1), &play.id, &amendment)
                .await
                .unwrap()
        );
        let read = table.play(user(1), &play.id).await.unwrap().unwrap();
        play.sightings = amendment.sightings.clone();
        play.started_at = amendment.started_at;
        play.precision = amendment.precision;
        play.media = media;
        assert_eq!(read, play);
    }

    #[tokio::test]
    async fn a_deleted_play_stays_deleted() {
        let table = table().await;
        let play = play(user(1), second(0));
        table.put_play(&play, None).await.unwrap();
        assert_eq!(
            table.delete_play(user(1), &play.id).await.unwrap(),
            Some(play.clone())
        );
        assert_eq!(table.delete_play(user(1), &play.id).await.unwrap(), None);
        let amendment = Amendment::of(&play);
        assert!(
            !table
                .amend_play(user(1), &play.id, &amendment)
                .await
                .unwrap()
        );
        assert_eq!(table.play(user(1), &play.id).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_settled_play_at_two_services_fits_in_one_write_unit() {
        let table = table().await;
        let mut play = play(user(1), second(0));
        play.item = ItemKey::new("track:recording_mbid#b1a9c0e9-d987-4042-ae91-78d6a3267d69");
        play.media.kind = ItemKind::Track;
        play.media.content_id = Some("19024".to_owned());
        play.media.title = Some("The Great Gig in the Sky".to_owned());
        play.media.artist = Some("Pink Floyd".to_owned());
        play.media.album = Some("The Dark Side of the Moon".to_owned());
        play.media.track_number = Some(5);
        play.media.duration = Some(TimeDelta::seconds(276));
        let mbid = "b1a9c0e9-d987-4042-ae91-78d6a3267d69";
        play.media.ids =
            vec![ExternalId::new(Namespace::RecordingMbid, Scope::Item, mbid).unwrap()];
        play.sightings = vec![Sighting {
            road: "plex#0a1b2c3d4e5f#player-77f1#19024".to_owned(),
            at: second(0),
        }];
        for service in [Service::LastFm, Service::ListenBrainz] {
            let delivery = Delivery {
                state: State::Delivered,
                settled_at: Some(second(9)),
                remote_id: Some("8765432109".to_owned()),
                sent_watched_at: Some(second(5)),
                ..Delivery::pending()
            };
            play.deliveries.insert(service, delivery);
        }
        table.put_play(&play, Some(second(60))).await.unwrap();
        assert_eq!(table.play(user(1), &play.id).await.unwrap(), Some(play));
        let items = items_of(&table, &user_partition(user(1))).await;
        let size = size_of(&items[0]);
        assert!(size <= 1024, "{size} bytes");
    }
}
