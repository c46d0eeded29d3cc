//! The list of anime, packed, in as many items as it takes.
//!
//! | read or write                   | key                                                         |
//! | ------------------------------- | ----------------------------------------------------------- |
//! | which copy is in use            | `pk = ANIME`, `sk = CURRENT`                                |
//! | one piece of a copy             | `pk = ANIME#<digest>`, `sk = CHUNK#<number, two digits>`    |
//! | when the list is looked at next | `pk = ANIME`, `sk = CHECK`                                  |
//!
//! A copy is known by the digest of its bytes, so writing it again changes nothing. Its pieces are written first, then
//! one conditional put makes it the one in use; the pieces of the copy before stay for a day, for readers who are between
//! the two. A reader that finds pieces missing or wrong begins again with what is in use then.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{StoreError, is_condition_failed};
use crate::item::{
    FORMAT, Item, ONLY_IF_NEW, ONLY_IF_THERE, decode, encode, expires_in, is_alive, millis, number,
    number_of,
};
use crate::key::Key;
use crate::table::{Freshness, Table};

/// The most bytes of one piece: with its key and names it stays below the 400 kB of an item.
///
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const PIECE: usize = 350_000;
/// The most pieces of a copy: ten times what the whole list takes.
const MOST_PIECES: usize = 16;
/// How long the pieces of the copy before stay.
const OLD_PIECES_STAY: TimeDelta = TimeDelta::days(1);
/// How often a reader begins again that came between two copies.
const MOST_READS: usize = 2;

const ONLY_IF_UNCHANGED: &str = "digest = :digest_read";
const EXPIRE: &str = "SET expires_at = :expires_at";
const CLAIM: &str = "SET next_at = :next_at, v = :v ADD tries :one";
const ONLY_IF_TIME: &str = "attribute_not_exists(pk) OR next_at <= :now";
const LOOK_NOW: &str = "SET next_at = :now";
const ONLY_IF_NONE_FAILED: &str = "attribute_exists(pk) AND tries = :none";
const SUCCEED: &str = "SET next_at = :next_at, tries = :none";

/// A copy of the list, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnimeList {
    /// SHA-256 of its bytes, in hexadecimal digits: its version.
    pub digest: String,
    /// How many pieces it has.
    pub chunks: usize,
    /// How many bytes.
    pub bytes: usize,
    /// How many rows.
    pub records: usize,
    /// What its address said of its version, to be sent along with the next question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// When it was fetched, or last found unchanged.
    pub fetched_at: DateTime<Utc>,
}

/// Which copy is in use after a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InUse {
    /// The one that was written.
    This(AnimeList),
    /// Another one: somebody else wrote meanwhile.
    Another,
}

impl Key {
    /// Which copy of the list of anime is in use.
    pub fn anime_list() -> Self {
        Self::new("ANIME", "CURRENT")
    }

    /// When the list of anime is looked at next.
    pub fn anime_check() -> Self {
        Self::new("ANIME", "CHECK")
    }

    /// One piece of a copy of the list of anime.
    pub fn anime_chunk(digest: &str, number: usize) -> Self {
        Self::new(format!("ANIME#{digest}"), format!("CHUNK#{number:02}"))
    }
}

impl Table {
    /// Says which copy of the list of anime is in use, if there is one.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn anime_list(&self) -> Result<Option<AnimeList>, StoreError> {
        const OPERATION: &str = "look for the list of anime";
        let found = self
            .read_as(OPERATION, &Key::anime_list(), Freshness::Lately)
            .await?;
        found.map(|item| decode(OPERATION, item)).transpose()
    }

    /// Reads the copy that is in use, and its bytes: those, and no others, whose digest is right.
    ///
    /// Nothing is answered where there is none, or where pieces of it are missing or wrong: then it has to be fetched
    /// again, and whoever has an older one keeps it.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn read_anime_list(&self) -> Result<Option<(AnimeList, Vec<u8>)>, StoreError> {
        const OPERATION: &str = "read the list of anime";
        for _ in 0..MOST_READS {
            let Some(item) = self.read(OPERATION, &Key::anime_list()).await? else {
                return Ok(None);
            };
            let list: AnimeList = decode(OPERATION, item)?;
            if let Some(bytes) = self.bytes_of(OPERATION, &list).await? {
                return Ok(Some((list, bytes)));
            }
        }
        Ok(None)
    }

    async fn bytes_of(
        &self,
        operation: &'static str,
        list: &AnimeList,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if list.chunks > MOST_PIECES || list.bytes > list.chunks * PIECE {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(list.bytes);
        for at in 0..list.chunks {
            let key = Key::anime_chunk(&list.digest, at);
            let item = self.read(operation, &key).await?;
            let Some(AttributeValue::B(piece)) = item.and_then(|mut item| item.remove("bytes"))
            else {
                return Ok(None);
            };
            bytes.extend_from_slice(piece.as_ref());
        }
        let is_whole = bytes.len() == list.bytes && digest_of(&bytes) == list.digest;
        Ok(is_whole.then_some(bytes))
    }

    /// Keeps a copy, and makes it the one in use in place of `before`, the one that was in use when it was fetched.
    ///
    /// # Errors
    ///
    /// Those of the table, and a copy that is larger than any list; the one before stays in use then.
    pub async fn put_anime_list(
        &self,
        bytes: &[u8],
        records: usize,
        etag: Option<String>,
        before: Option<&AnimeList>,
        now: DateTime<Utc>,
    ) -> Result<InUse, StoreError> {
        const OPERATION: &str = "keep the list of anime";
        let list = AnimeList {
            digest: digest_of(bytes),
            chunks: bytes.len().div_ceil(PIECE),
            bytes: bytes.len(),
            records,
            etag,
            fetched_at: now,
        };
        if list.chunks > MOST_PIECES {
            let why = std::io::Error::other("the packed list is larger than any list");
            return Err(StoreError::unreadable(OPERATION, why));
        }
        for (at, piece) in bytes.chunks(PIECE).enumerate() {
            let item = Item::from([
                ("bytes".to_owned(), AttributeValue::B(Blob::new(piece))),
                ("v".to_owned(), number(FORMAT)),
            ]);
            // The same digest, the same bytes: no condition, and no end where there was one.
            self.put(&Key::anime_chunk(&list.digest, at), item)
                .send()
                .await
                .map_err(|error| StoreError::new(OPERATION, error))?;
        }
        self.use_list(OPERATION, list, before, now).await
    }

    /// Notes that the copy in use was found unchanged.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn touch_anime_list(
        &self,
        list: &AnimeList,
        now: DateTime<Utc>,
    ) -> Result<InUse, StoreError> {
        let touched = AnimeList {
            fetched_at: now,
            ..list.clone()
        };
        self.use_list("note the list of anime", touched, Some(list), now)
            .await
    }

    async fn use_list(
        &self,
        operation: &'static str,
        list: AnimeList,
        before: Option<&AnimeList>,
        now: DateTime<Utc>,
    ) -> Result<InUse, StoreError> {
        let put = self.put(&Key::anime_list(), encode(operation, &list)?);
        let put = match before {
            None => put.condition_expression(ONLY_IF_NEW),
            Some(before) => put
                .condition_expression(ONLY_IF_UNCHANGED)
                .expression_attribute_values(":digest_read", crate::item::text(&*before.digest)),
        };
        match put.send().await {
            Ok(_) => {}
            Err(error) if is_condition_failed(&error) => return Ok(InUse::Another),
            Err(error) => return Err(StoreError::new(operation, error)),
        }
        if let Some(before) = before.filter(|before| before.digest != list.digest) {
            self.let_go(operation, before, now).await?;
        }
        Ok(InUse::This(list))
    }

    /// Lets the pieces of a copy expire that is no longer in use.
    async fn let_go(
        &self,
        operation: &'static str,
        list: &AnimeList,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        for at in 0..list.chunks.min(MOST_PIECES) {
            let expired = self
                .update(&Key::anime_chunk(&list.digest, at))
                .update_expression(EXPIRE)
                .condition_expression(ONLY_IF_THERE)
                .expression_attribute_values(":expires_at", expires_in(OLD_PIECES_STAY, now))
                .send()
                .await;
            match expired {
                Ok(_) => {}
                Err(error) if is_condition_failed(&error) => {}
                Err(error) => return Err(StoreError::new(operation, error)),
            }
        }
        Ok(())
    }

    /// Takes the turn to look at the list's address, if it is time: one caller gets it, and nobody before `pause` of the
    /// number of turns since the last success has passed.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn take_anime_check(
        &self,
        pause: impl Fn(u32) -> TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "take the turn to look at the list of anime";
        let key = Key::anime_check();
        let known = self.read_as(OPERATION, &key, Freshness::Lately).await?;
        let known = known.filter(|item| is_alive(item, now)).unwrap_or_default();
        if number_of(&known, "next_at").is_some_and(|next| next > now.timestamp_millis()) {
            return Ok(false);
        }
        let tries = number_of(&known, "tries").map_or(0, |tries| u32::try_from(tries).unwrap_or(0));
        let taken = self
            .update(&key)
            .update_expression(CLAIM)
            .condition_expression(ONLY_IF_TIME)
            .expression_attribute_values(":next_at", millis(now + pause(tries)))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":v", number(FORMAT))
            .send()
            .await;
        match taken {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failed(&error) => Ok(false),
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }

    /// Asks for a look now: the copy in use cannot be read. While looks fail, theirs is the pause that holds.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn recheck_anime_list(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        const OPERATION: &str = "ask for a look at the list of anime";
        let asked = self
            .update(&Key::anime_check())
            .update_expression(LOOK_NOW)
            .condition_expression(ONLY_IF_NONE_FAILED)
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":none", number(0))
            .send()
            .await;
        match asked {
            Ok(_) => Ok(()),
            Err(error) if is_condition_failed(&error) => Ok(()),
            Err(error) => Err(StoreError::new(OPERATION, error)),
        }
    }

    /// Notes that the look succeeded, and when the next one is.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub async fn anime_checked(&self, next_at: DateTime<Utc>) -> Result<(), StoreError> {
        const OPERATION: &str = "note a look at the list of anime";
        self.update(&Key::anime_check())
            .update_expression(SUCCEED)
            .condition_expression(ONLY_IF_THERE)
            .expression_attribute_values(":next_at", millis(next_at))
            .expression_attribute_values(":none", number(0))
            .send()
            .await
            .map_err(|error| StoreError::new(OPERATION, error))?;
        Ok(())
    }
}

fn digest_of(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{items_of, second, size_of, table};

    fn bytes(seed: u8, length: usize) -> Vec<u8> {
        (0..length)
            .map(|at| u8::try_from(at % 251).unwrap() ^ seed)
            .collect()
    }

    async fn put(table: &Table, bytes: &[u8], before: Option<&AnimeList>, at: i64) -> InUse {
        let etag = Some(format!("\"{at}\""));
        table
            .put_anime_list(bytes, 7, etag, before, second(at))
            .await
            .unwrap()
    }

    fn this(in_use: InUse) -> AnimeList {
        match in_use {
            InUse::This(list) => list,
            InUse::Another => panic!("somebody else wrote"),
        }
    }

    #[test]
    fn the_keys_keep_their_stored_format() {
        assert_eq!(Key::anime_list().to_string(), "ANIME CURRENT");
        assert_eq!(Key::anime_check().to_string(), "ANIME CHECK");
        assert_eq!(
            Key::anime_chunk("ab12", 3).to_string(),
            "ANIME#ab12 CHUNK#03"
        );
    }

    #[tokio::test]
    async fn a_copy_of_several_pieces_is_read_back_as_it_was() {
        let table = table().await;
        assert_eq!(table.read_anime_list().await.unwrap(), None);
        let written = bytes(1, 2 * PIECE + 5);
        let list = this(put(&table, &written, None, 0).await);
        assert_eq!(
            (list.chunks, list.bytes, list.records),
            (3, written.len(), 7)
        );
        assert_eq!(table.anime_list().await.unwrap(), Some(list.clone()));
        let pieces = items_of(&table, &format!("ANIME#{}", list.digest)).await;
        assert!(pieces.iter().all(|piece| size_of(piece) < 400 * 1024));
        assert_eq!(
            table.read_anime_list().await.unwrap(),
            Some((list, written))
        );
    }

    #[tokio::test]
    async fn the_pieces_of_the_copy_before_stay_for_a_day_and_a_copy_that_comes_back_stays() {
        let table = table().await;
        let first = this(put(&table, &bytes(1, 10), None, 0).await);
        let second_copy = this(put(&table, &bytes(2, 10), Some(&first), 60).await);
        let key = Key::anime_chunk(&first.digest, 0);
        let left = table.read("read", &key).await.unwrap().unwrap();
        let end = second(60) + OLD_PIECES_STAY;
        assert_eq!(number_of(&left, "expires_at"), Some(end.timestamp()));
        this(put(&table, &bytes(1, 10), Some(&second_copy), 120).await);
        let again = table.read("read", &key).await.unwrap().unwrap();
        assert_eq!(number_of(&again, "expires_at"), None);
    }

    #[tokio::test]
    async fn of_two_who_write_one_is_in_use_and_the_other_is_told() {
        let table = table().await;
        let first = this(put(&table, &bytes(1, 10), None, 0).await);
        assert_eq!(put(&table, &bytes(2, 10), None, 1).await, InUse::Another);
        this(put(&table, &bytes(3, 10), Some(&first), 2).await);
        let late = put(&table, &bytes(4, 10), Some(&first), 3).await;
        assert_eq!(late, InUse::Another);
        let (_, read) = table.read_anime_list().await.unwrap().unwrap();
        assert_eq!(read, bytes(3, 10));
    }

    #[tokio::test]
    async fn a_copy_with_a_piece_missing_or_changed_is_none() {
        let table = table().await;
        let list = this(put(&table, &bytes(1, PIECE + 1), None, 0).await);
        let key = Key::anime_chunk(&list.digest, 1);
        let wrong = Item::from([("bytes".to_owned(), AttributeValue::B(Blob::new([9])))]);
        table.put(&key, wrong).send().await.unwrap();
        assert_eq!(table.read_anime_list().await.unwrap(), None);
        table.delete(&key).send().await.unwrap();
        assert_eq!(table.read_anime_list().await.unwrap(), None);
        this(put(&table, &bytes(1, PIECE + 1), Some(&list), 9).await);
        assert!(table.read_anime_list().await.unwrap().is_some(), "mended");
    }

    #[tokio::test]
    async fn an_unchanged_copy_is_noted_without_its_bytes() {
        let table = table().await;
        let list = this(put(&table, &bytes(1, 10), None, 0).await);
        let touched = this(table.touch_anime_list(&list, second(90)).await.unwrap());
        assert_eq!(
            (touched.fetched_at, touched.digest),
            (second(90), list.digest)
        );
        assert!(table.read_anime_list().await.unwrap().is_some());
    }

    #[tokio::test]
    async fn the_turn_is_taken_once_and_the_pause_grows_until_a_look_succeeds() {
        let table = table().await;
        let pause = |tries: u32| TimeDelta::seconds(10 << tries);
        let take = async |at| table.take_anime_check(pause, second(at)).await.unwrap();
        assert!(take(0).await);
        assert!(!take(9).await);
        assert!(take(10).await);
        assert!(!take(29).await);
        assert!(take(30).await);
        table.anime_checked(second(100)).await.unwrap();
        assert!(!take(99).await);
        assert!(take(100).await);
        assert!(take(110).await, "counted from the success");
        table.recheck_anime_list(second(111)).await.unwrap();
        assert!(!take(111).await, "the pause of those that fail holds");
        table.anime_checked(second(1_000)).await.unwrap();
        table.recheck_anime_list(second(200)).await.unwrap();
        assert!(take(200).await);
    }
}
