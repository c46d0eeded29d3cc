//! What the media server's library says of an item that came with little more than its id.
//!
//! An event takes from the library what it does not say itself. What the library does not have yet is kept as it came:
//! the play is made, its deliveries wait, and both are written down as waiting for the item. Once the library has it,
//! a message brings the user's waiting things here, where one user's events are handled one at a time.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use hub_domain::identity::awaits_library;
use hub_domain::names::{ServerRef, Source};
use hub_domain::session::SessionKey;
use hub_domain::{
    Delivery, ItemKey, MediaItem, Outcome, ParcelId, Play, PlayId, Service, State, StatementId,
    UserId,
};
use hub_store::awaited::MOST_WAITING;
use hub_store::play::Amendment;
use hub_store::{Freshness, Saved, User, Waiting};

use crate::plays::{LOOK_AFTER, Sighted};
use crate::statements::Told;
use crate::wakes::Wakes;
use crate::{Failure, Progress};

/// How often a session or a statement is read again that another writer changed.
const MOST_RACES: usize = 5;

impl Progress {
    /// An item with what the library knows of it besides, if it came without ids or without titles: one read, and none
    /// for an item that tells both.
    pub(crate) async fn completed(
        &self,
        user: UserId,
        media: &MediaItem,
        server: &ServerRef,
    ) -> Result<Option<MediaItem>, Failure> {
        let is_worth_it = server.has_library() && media.is_wanting();
        let Some(id) = media.content_id.as_deref().filter(|_| is_worth_it) else {
            return Ok(None);
        };
        let library = self
            .table
            .library_item(user, id, Freshness::Lately)
            .await?
            .and_then(|library| media.completed_by(&library));
        Ok(library)
    }

    /// Writes down that something waits for an item of the library, before it is kept itself.
    ///
    /// Should the library have got it meanwhile, that is seen behind the event: see [`Wakes::look_again`].
    pub(crate) async fn await_library(
        &self,
        user: UserId,
        content_id: &str,
        what: Waiting,
        now: DateTime<Utc>,
        wakes: &mut Wakes,
    ) -> Result<(), Failure> {
        self.table
            .wait_for_library(user, content_id, &what, now)
            .await?;
        wakes.look_again(content_id);
        Ok(())
    }

    /// Carries on with all that waits for an item, if the library has it.
    ///
    /// It waits until its wake-ups are sent: a crash anywhere is repaired by the message that comes again.
    pub(crate) async fn arrived(
        &self,
        user: &User,
        content_id: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let now_fresh = Freshness::Now;
        let Some(library) = self
            .table
            .library_item(user.id, content_id, now_fresh)
            .await?
        else {
            return Ok(());
        };
        let waiting = self.table.what_waits(user.id, content_id, now).await?;
        let mut wakes = Wakes::default();
        let mut done = BTreeSet::new();
        for what in &waiting {
            let is_done = match what {
                Waiting::Session(key) => {
                    self.name_session(user, key, &library, now, &mut wakes)
                        .await?
                }
                Waiting::Parcel(ParcelId::Play(id)) => {
                    self.name_play(user, id, content_id, &library, now, &mut wakes)
                        .await?
                }
                Waiting::Parcel(ParcelId::Statement(id)) => {
                    self.name_statement(user, id, &library, now, &mut wakes)
                        .await?
                }
            };
            if is_done {
                done.insert(what.clone());
            } else {
                tracing::warn!(user.id = %user.id, "the library means another item by the id that something waits for");
            }
        }
        wakes.send(&self.queues).await.map_err(|(error, _)| error)?;
        let may_be_more = waiting.len() >= MOST_WAITING;
        let is_all = done.len() == waiting.len() && !may_be_more;
        self.table
            .waits_no_longer(user.id, content_id, &done, is_all)
            .await?;
        if may_be_more && !done.is_empty() {
            return Err(Failure::Unfinished);
        }
        Ok(())
    }

    /// Names what a session plays; with its length known, it may have been played long ago.
    async fn name_session(
        &self,
        user: &User,
        key: &SessionKey,
        library: &MediaItem,
        now: DateTime<Utc>,
        wakes: &mut Wakes,
    ) -> Result<bool, Failure> {
        for _ in 0..MOST_RACES {
            let Some((mut session, version)) = self.table.session(user.id, key, now).await? else {
                return Ok(true);
            };
            let is_known = !session.media.is_nameless() && session.media.duration.is_some();
            if is_known {
                return Ok(true);
            }
            let Some(media) = session.media.completed_by(library) else {
                return Ok(false);
            };
            if media == session.media {
                return Ok(true);
            }
            session.media = media;
            let Some(rule) = self.rule_of(user, &session.media) else {
                return Ok(true);
            };
            let connections = self
                .connections_for(user.id, session.media.kind, None)
                .await?;
            let holds = self
                .make_plays(user, &mut session, rule, &connections, now, wakes)
                .await?;
            let due_at = holds.then(|| session.silent_at());
            let saved = self
                .table
                .put_session(&session, Some(version), due_at, now)
                .await?;
            if let Saved::Saved(_) = saved {
                return Ok(true);
            }
        }
        Err(Failure::Contended("session"))
    }

    /// Names a play, lets its deliveries go, and wakes their lanes; `false` where the library means another item.
    pub(crate) async fn name_play(
        &self,
        user: &User,
        id: &PlayId,
        content_id: &str,
        library: &MediaItem,
        now: DateTime<Utc>,
        wakes: &mut Wakes,
    ) -> Result<bool, Failure> {
        let play = self.table.play(user.id, id).await?;
        let Some(mut play) = play.filter(|play| play.removed_at.is_none()) else {
            return Ok(true);
        };
        if play.media.is_nameless() {
            let part = part_of(&play.media, content_id);
            let Some(media) = play.media.completed_by(&part_at(library, part)) else {
                return Ok(false);
            };
            let (item, is_copy) = self.identified(user, &play, &media).await?;
            if is_copy {
                self.drop_copy(&play, now).await?;
                return Ok(true);
            }
            let amendment = Amendment {
                media: Some(media.clone()),
                ..Amendment::of(&play)
            };
            if !self.table.amend_play(user.id, id, &amendment).await? {
                return Ok(true);
            }
            tracing::info!(user.id = %user.id, play.id = %id, kind = %media.kind, "play named by the library");
            play.media = media;
            let of_item = Play {
                item,
                ..play.clone()
            };
            self.unlist_watched(user, &of_item, now, wakes).await?;
        }
        let waiting: Vec<Service> = play
            .deliveries
            .iter()
            .filter(|(_, delivery)| delivery.awaits_library())
            .map(|(service, _)| *service)
            .collect();
        for service in waiting {
            let pending = Delivery::pending();
            self.table
                .update_delivery(user.id, id, service, &pending, true)
                .await?;
            play.deliveries.insert(service, pending);
        }
        self.wake_open(wakes, &play);
        Ok(true)
    }

    /// The item that a waiting play is of, now that it has names; and whether it reached the hub on another road as
    /// well. If not, it stands among that item's last plays from now on.
    async fn identified(
        &self,
        user: &User,
        play: &Play,
        media: &MediaItem,
    ) -> Result<(ItemKey, bool), Failure> {
        let server = ServerRef::unnamed(Source::Canonical);
        let item = self.resolve_item(user, media, &server).await?;
        let (Some(started_at), Some(watched_at)) = (play.started_at, play.watched_at) else {
            return Ok((item, false));
        };
        let road = play
            .sightings
            .first()
            .map_or("library", |sighting| &sighting.road);
        let sighted = Sighted {
            media: media.clone(),
            library_id: None,
            server: &server,
            road,
            started_at,
            watched_at,
            began_percent: None,
            progress_percent: play.progress_percent,
            manual: play.manual,
            precision: play.precision,
            suggested: Some(play.id.clone()),
        };
        let is = self.claim(user, &item, &sighted).await?;
        Ok((item, is != play.id))
    }

    /// Takes a waiting play out of the history that stands there by another name already.
    async fn drop_copy(&self, play: &Play, now: DateTime<Utc>) -> Result<(), Failure> {
        tracing::info!(user.id = %play.user, play.id = %play.id, "a waiting play was known already");
        let why = Outcome::Ignored {
            why: "the same play reached the hub on another road".to_owned(),
        };
        for (service, delivery) in &play.deliveries {
            if delivery.state.is_settled() {
                continue;
            }
            let settled = delivery.answered(&why, now);
            self.table
                .update_delivery(play.user, &play.id, *service, &settled, true)
                .await?;
        }
        self.table
            .remove_play(play.user, &play.id, now, now + LOOK_AFTER)
            .await?;
        Ok(())
    }

    /// Names what a user says of an item, and tells it; `false` where the library means another item.
    async fn name_statement(
        &self,
        user: &User,
        id: &StatementId,
        library: &MediaItem,
        now: DateTime<Utc>,
        wakes: &mut Wakes,
    ) -> Result<bool, Failure> {
        let server = ServerRef::unnamed(Source::Canonical);
        for _ in 0..MOST_RACES {
            let Some(stands) = self.table.statement(user.id, id).await? else {
                return Ok(true);
            };
            if !stands.media.is_nameless() {
                self.wake_told(wakes, &stands);
                return Ok(true);
            }
            let Some(media) = stands.media.completed_by(library) else {
                return Ok(false);
            };
            let item = self.resolve_item(user, &media, &server).await?;
            let mut next = stands.clone();
            next.version += 1;
            if item == id.item {
                next.media = media;
                for delivery in next.deliveries.values_mut() {
                    if delivery.awaits_library() {
                        *delivery = Delivery::pending();
                    }
                }
            } else {
                // The item has another name in this history: what is said stands there, and here no longer.
                let services: Vec<Service> = stands.deliveries.keys().copied().collect();
                let told = Told {
                    aspect: id.aspect,
                    media: &media,
                    server: &server,
                    says: stands.says.clone(),
                    since: stands.since,
                    is_explicit: true,
                };
                self.stated(user, &item, told, Some(&services), now, wakes)
                    .await?;
                next.says = None;
                next.deliveries.clear();
            }
            let due_at = next.is_open().then_some(now + LOOK_AFTER);
            let saved = self
                .table
                .put_statement(&next, stands.version, due_at)
                .await?;
            if let Saved::Saved(_) = saved {
                self.wake_told(wakes, &next);
                return Ok(true);
            }
        }
        Err(Failure::Contended("statement"))
    }
}

/// A delivery that can be sent, or that waits for the library to say what it is.
pub(crate) fn let_go(item: &ItemKey, media: &MediaItem) -> Delivery {
    if awaits_library(item, media) {
        Delivery::awaiting_library()
    } else {
        Delivery::pending()
    }
}

/// Lets deliveries of an item wait that nobody but the media server knows yet.
pub(crate) fn hold_back<'d>(deliveries: impl Iterator<Item = &'d mut Delivery>) {
    for delivery in deliveries.filter(|delivery| delivery.state == State::Pending) {
        *delivery = Delivery::awaiting_library();
    }
}

/// Which part of a file with several episodes a nameless item is.
fn part_of(media: &MediaItem, content_id: &str) -> u32 {
    let own = media.content_id.as_deref().unwrap_or_default();
    let after = own
        .strip_prefix(content_id)
        .and_then(|rest| rest.strip_prefix('+'));
    after.and_then(|part| part.parse().ok()).unwrap_or(0)
}

/// That part of a file as the library knows it, even one that the library does not know to have several.
fn part_at(library: &MediaItem, part: u32) -> MediaItem {
    let mut file = library.clone();
    if part > 0 && file.parts() <= part {
        file.episode_end = file.episode.map(|first| first + part);
    }
    file.part(part)
}

#[cfg(test)]
mod tests {
    use hub_domain::ItemKind;

    use super::*;

    #[test]
    fn a_part_of_a_file_is_named_by_its_own_number() {
        let mut library = MediaItem::new(ItemKind::Episode);
        library.content_id = Some("77".to_owned());
        library.show_title = Some("Friends".to_owned());
        (library.season, library.episode) = (Some(1), Some(3));
        let mut told = MediaItem::new(ItemKind::Episode);
        told.content_id = Some("77+1".to_owned());
        assert_eq!(part_of(&told, "77"), 1);
        assert_eq!(part_of(&library, "77"), 0);
        let second = part_at(&library, 1);
        assert_eq!(second.label(), "Friends S01E04");
        assert_eq!(part_at(&library, 0), library);
        library.episode_end = Some(4);
        assert_eq!(part_at(&library, 1), second);
        assert_eq!(part_at(&library, 0).label(), "Friends S01E03");
    }
}
